//! A line's records in the spool: attempts at a SIM's PIN, the line's place on the recovery ladder,
//! the modem's place on USB. Each is one commit, in the order in which the line asks.

use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::modem::{
    Fault, LadderRecord, Memory, Pin, PinAccepted, PinAnswer, PinAttempt, Place, Record,
};
use crate::spool::upkeep::{self, LadderRow, PlaceRow};
use crate::spool::{Spool, SpoolError, staff};

/// Keeps the records of one line.
#[derive(Debug)]
pub struct LineRecords {
    spool: Spool,
    line: String,
}

impl LineRecords {
    /// The records of the line called `line`.
    pub fn new(spool: Spool, line: impl Into<String>) -> Self {
        let line = line.into();
        Self { spool, line }
    }

    /// What was kept of the line before.
    pub async fn memory(&self) -> Memory {
        let line = self.line.clone();
        let rows = self.spool.read(move |connection| {
            Ok((
                upkeep::ladder(connection, &line)?,
                upkeep::place(connection, &line)?,
            ))
        });
        let (ladder, place) = rows.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the line begins at the bottom of its ladder, and its modem is looked for everywhere");
            (None, None)
        });
        let now = self.spool.now();
        Memory {
            ladder: ladder.map(|row| {
                // A box without a battery may think that it is earlier than it was: then no time
                // has passed.
                let ago = Duration::try_from(now.duration_since(row.kept)).unwrap_or_default();
                (record(&row), ago)
            }),
            place: place.map(|row| Place {
                imei: row.imei,
                place: row.place,
                interface: row.interface,
            }),
        }
    }

    /// Keeps what the line asks for, until its end.
    pub async fn run(self, mut records: mpsc::Receiver<Record>) {
        while let Some(record) = records.recv().await {
            self.keep(record).await;
        }
    }

    async fn keep(&self, record: Record) {
        let line = self.line.clone();
        let (kept, lost) = match record {
            Record::PinAttempt { attempt, answer } => {
                // The line may have gone meanwhile.
                let _ = answer.send(self.attempt(attempt).await);
                return;
            }
            Record::Ladder { record, at } => {
                let row = row(&record, at);
                let job = self
                    .spool
                    .write(move |c| upkeep::keep_ladder(c, &line, &row));
                (
                    job.await,
                    "the line's place on its ladder will be forgotten",
                )
            }
            Record::Place(place) => {
                let row = PlaceRow {
                    imei: place.imei,
                    place: place.place,
                    interface: place.interface,
                };
                let job = self
                    .spool
                    .write(move |c| upkeep::keep_place(c, &line, &row));
                (job.await, "where the modem is will be forgotten")
            }
            Record::PinAccepted(PinAccepted { card, typed }) => {
                let job = self.spool.write(move |c| {
                    staff::forget_pin_attempt(c, &card)?;
                    match typed {
                        Some(pin) => staff::keep_typed_pin(c, &card, pin.digits()),
                        None => Ok(()),
                    }
                });
                (
                    job.await,
                    "the SIM's PIN will have to be confirmed after a restart",
                )
            }
        };
        if let Err(error) = kept {
            tracing::warn!(%error, "{lost}");
        }
    }

    /// Three wrong PINs lock a SIM: each is tried once on a SIM and never again, whatever happens to
    /// the power in between.
    async fn attempt(&self, attempt: PinAttempt) -> PinAnswer {
        let recorded = self.spool.write(move |connection| {
            let PinAttempt {
                card,
                typed,
                configured,
            } = attempt;
            let pin = match typed {
                Some(pin) => Some(pin),
                None => staff::typed_pin(connection, &card)?
                    .and_then(|digits| Pin::new(&digits))
                    .or(configured),
            };
            let Some(pin) = pin else {
                return Ok(PinAnswer::NoneKnown);
            };
            let digest = digest(&card, &pin);
            if !staff::pin_untried(connection, &card, &digest)? {
                return Ok(PinAnswer::TriedBefore);
            }
            staff::record_pin_attempt(connection, &card, &digest)?;
            Ok(PinAnswer::Permitted(pin))
        });
        recorded
            .await
            .unwrap_or_else(|error: SpoolError| PinAnswer::NotRecorded(error.to_string()))
    }
}

/// Of a PIN that was tried nothing is kept but this; one that was corrected is a new one.
fn digest(card: &str, pin: &Pin) -> String {
    let mut hasher = Sha256::new();
    hasher.update(card.as_bytes());
    hasher.update([0]);
    hasher.update(pin.digits().as_bytes());
    crate::sms::hex(&hasher.finalize())
}

fn row(record: &LadderRecord, at: Timestamp) -> LadderRow {
    let ms = |time: Option<Duration>| {
        time.map(|time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
    };
    LadderRow {
        kept: at,
        rung: record.rung,
        rounds: record.rounds,
        alarm: record.alarm.map(|fault| word(fault).to_owned()),
        counts: record.counts,
        restarts: record.restarts,
        age_ms: ms(record.age),
        radio_age_ms: ms(record.radio_age),
        next_round_ms: ms(record.next_round),
    }
}

fn record(row: &LadderRow) -> LadderRecord {
    let time =
        |ms: Option<i64>| ms.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or_default()));
    let alarm = row.alarm.as_deref();
    LadderRecord {
        rung: row.rung,
        rounds: row.rounds,
        alarm: [Fault::Mute, Fault::Gone, Fault::Sim, Fault::Deaf]
            .into_iter()
            .find(|fault| alarm == Some(word(*fault))),
        counts: row.counts,
        restarts: row.restarts,
        age: time(row.age_ms),
        radio_age: time(row.radio_age_ms),
        next_round: time(row.next_round_ms),
    }
}

fn word(fault: Fault) -> &'static str {
    match fault {
        Fault::Mute => "mute",
        Fault::Gone => "gone",
        Fault::Sim => "sim",
        Fault::Deaf => "deaf",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::clock::Clock;

    fn pin(digits: &str) -> Pin {
        Pin::new(digits).unwrap()
    }

    /// A line's records in a spool that is closed and opened again.
    struct Bench {
        folder: tempfile::TempDir,
    }

    impl Bench {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            Self { folder }
        }

        fn records(&self, line: &str) -> LineRecords {
            let path = self.folder.path().join("spool.db");
            LineRecords::new(Spool::open(&path).unwrap(), line)
        }
    }

    fn asked(card: &str, typed: Option<&str>, configured: Option<&str>) -> PinAttempt {
        PinAttempt {
            card: card.into(),
            typed: typed.map(pin),
            configured: configured.map(pin),
        }
    }

    fn accepted(card: &str, typed: Option<&str>) -> Record {
        Record::PinAccepted(PinAccepted {
            card: card.into(),
            typed: typed.map(pin),
        })
    }

    #[tokio::test]
    async fn a_pin_is_tried_once_on_a_sim_even_after_a_restart() {
        let bench = Bench::new();
        let first = bench.records("front");
        let attempt = |card, digits| asked(card, None, Some(digits));
        let permitted = |digits| PinAnswer::Permitted(pin(digits));
        assert_eq!(
            first.attempt(attempt("8901", "1111")).await,
            permitted("1111")
        );
        assert_eq!(
            first.attempt(attempt("8901", "1111")).await,
            PinAnswer::TriedBefore
        );
        drop(first);

        let again = bench.records("front");
        assert_eq!(
            again.attempt(attempt("8901", "1111")).await,
            PinAnswer::TriedBefore,
            "on the same SIM"
        );
        assert_eq!(
            again.attempt(attempt("8902", "1111")).await,
            permitted("1111")
        );
        assert_eq!(
            again.attempt(attempt("8901", "2222")).await,
            permitted("2222")
        );
        again.keep(accepted("8901", None)).await;
        assert_eq!(
            again.attempt(attempt("8901", "2222")).await,
            permitted("2222"),
            "the right PIN unlocks every time"
        );
        again.keep(accepted("8901", None)).await;
        assert_eq!(
            again.attempt(asked("8901", None, None)).await,
            PinAnswer::NoneKnown,
            "it is in the configuration"
        );
    }

    #[tokio::test]
    async fn a_pin_that_was_typed_and_right_is_kept_for_its_sim() {
        let bench = Bench::new();
        let first = bench.records("front");
        for digits in ["1111", "2222"] {
            let answer = first
                .attempt(asked("8901", Some(digits), Some("3333")))
                .await;
            assert_eq!(answer, PinAnswer::Permitted(pin(digits)));
            first.keep(accepted("8901", Some(digits))).await;
        }
        drop(first);
        let again = bench.records("front");
        let attempt = |card| asked(card, None, Some("3333"));
        let answer = again.attempt(attempt("8901")).await;
        assert_eq!(answer, PinAnswer::Permitted(pin("2222")), "the latest");
        let answer = again.attempt(attempt("8902")).await;
        assert_eq!(answer, PinAnswer::Permitted(pin("3333")), "another SIM");
    }

    #[tokio::test]
    async fn the_memory_of_a_line_survives_the_daemon() {
        let bench = Bench::new();
        let first = bench.records("front");
        let memory = first.memory().await;
        assert!(memory.ladder.is_none() && memory.place.is_none());
        for alarm in [None, Some(Fault::Mute), Some(Fault::Gone), Some(Fault::Sim)] {
            let record = LadderRecord {
                rung: 6,
                rounds: 4,
                alarm,
                counts: [9, 8, 7, 6, 5, 4, 3, 2],
                restarts: 12,
                age: Some(Duration::from_millis(1_234_567)),
                radio_age: None,
                next_round: Some(Duration::from_secs(1800)),
            };
            let at = first.spool.now();
            let kept = Record::Ladder {
                record: record.clone(),
                at,
            };
            first.keep(kept).await;
            let (read, ago) = first.memory().await.ladder.unwrap();
            assert_eq!(read, record);
            assert!(ago < Duration::from_secs(120), "{ago:?}");
        }
        let place = Place {
            imei: "490154203237518".into(),
            place: "platform/soc/fe980000.usb:usb:1.3".into(),
            interface: 2,
        };
        first.keep(Record::Place(place.clone())).await;
        drop(first);
        let again = bench.records("front").memory().await;
        assert_eq!(again.place, Some(place));
        assert_eq!(again.ladder.unwrap().0.rounds, 4);
        let side = bench.records("side").memory().await;
        assert!(side.place.is_none(), "each line its own");
    }

    #[tokio::test]
    async fn a_clock_that_ran_back_makes_nothing_young() {
        let bench = Bench::new();
        let records = bench.records("front");
        let tomorrow = Clock::system().now() + jiff::SignedDuration::from_hours(24);
        records
            .keep(Record::Ladder {
                record: LadderRecord::default(),
                at: tomorrow,
            })
            .await;
        assert_eq!(records.memory().await.ladder.unwrap().1, Duration::ZERO);
    }
}
