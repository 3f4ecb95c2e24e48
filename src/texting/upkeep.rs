//! The lines' memory: their place on the recovery ladder and their modem's place on USB, kept in the
//! spool for the next run of the daemon.

use std::time::Duration;

use jiff::Timestamp;

use crate::modem::{Fault, LadderLedger, LadderRecord, Place, PlaceLedger};
use crate::spool::Spool;
use crate::spool::upkeep::{self, LadderRow, PlaceRow};

/// Keeps one line's memory in the spool.
#[derive(Debug)]
pub struct UpkeepBook {
    spool: Spool,
    line: String,
}

impl UpkeepBook {
    /// The memory of the line called `line`.
    pub fn new(spool: Spool, line: String) -> Self {
        Self { spool, line }
    }
}

impl LadderLedger for UpkeepBook {
    fn read(&self) -> Option<(LadderRecord, Duration)> {
        let line = self.line.clone();
        let row = self
            .spool
            .write_now(move |connection| upkeep::ladder(connection, &line))
            .unwrap_or_else(|error| {
                tracing::warn!(%error, "the line begins at the bottom of its ladder");
                None
            })?;
        // A box without a battery may think that it is earlier than it was: then no time has passed.
        let ago = Timestamp::now().duration_since(row.kept);
        Some((record(&row), Duration::try_from(ago).unwrap_or_default()))
    }

    fn keep(&self, record: &LadderRecord) {
        let (line, row) = (self.line.clone(), row(record, Timestamp::now()));
        let kept = self
            .spool
            .write_now(move |connection| upkeep::keep_ladder(connection, &line, &row));
        if let Err(error) = kept {
            tracing::warn!(%error, "the line's place on its ladder will be forgotten");
        }
    }
}

impl PlaceLedger for UpkeepBook {
    fn read(&self) -> Option<Place> {
        let line = self.line.clone();
        let row = self
            .spool
            .write_now(move |connection| upkeep::place(connection, &line))
            .unwrap_or_else(|error| {
                tracing::warn!(%error, "the modem is looked for everywhere");
                None
            })?;
        let PlaceRow {
            imei,
            place,
            interface,
        } = row;
        Some(Place {
            imei,
            place,
            interface,
        })
    }

    fn keep(&self, place: &Place) {
        let line = self.line.clone();
        let row = PlaceRow {
            imei: place.imei.clone(),
            place: place.place.clone(),
            interface: place.interface,
        };
        let kept = self
            .spool
            .write_now(move |connection| upkeep::keep_place(connection, &line, &row));
        if let Err(error) = kept {
            tracing::warn!(%error, "where the modem is will be forgotten");
        }
    }
}

fn row(record: &LadderRecord, now: Timestamp) -> LadderRow {
    let ms = |time: Option<Duration>| {
        time.map(|time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
    };
    LadderRow {
        kept: now,
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
        alarm: [Fault::Mute, Fault::Gone, Fault::Sim]
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
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_memory_of_a_line_survives_the_daemon() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool.db");
        let book = |line: &str| UpkeepBook::new(Spool::open(&path).unwrap(), line.into());
        let first = book("front");
        assert!(LadderLedger::read(&first).is_none());
        assert!(PlaceLedger::read(&first).is_none());
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
            LadderLedger::keep(&first, &record);
            let (read, ago) = LadderLedger::read(&first).unwrap();
            assert_eq!(read, record);
            assert!(ago < Duration::from_secs(120), "{ago:?}");
        }
        let place = Place {
            imei: "490154203237518".into(),
            place: "platform/soc/fe980000.usb:usb:1.3".into(),
            interface: 2,
        };
        PlaceLedger::keep(&first, &place);
        drop(first);
        let again = book("front");
        assert_eq!(PlaceLedger::read(&again), Some(place));
        assert_eq!(LadderLedger::read(&again).unwrap().0.rounds, 4);
        drop(again);
        assert!(
            PlaceLedger::read(&book("side")).is_none(),
            "each line its own"
        );
    }

    #[test]
    fn a_clock_that_ran_back_makes_nothing_young() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(&folder.path().join("spool.db")).unwrap();
        let tomorrow = Timestamp::now() + jiff::SignedDuration::from_hours(24);
        let late = row(&LadderRecord::default(), tomorrow);
        spool
            .write_now(move |connection| upkeep::keep_ladder(connection, "front", &late))
            .unwrap();
        let book = UpkeepBook::new(spool, "front".into());
        assert_eq!(LadderLedger::read(&book).unwrap().1, Duration::ZERO);
    }
}
