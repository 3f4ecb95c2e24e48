//! Housekeeping: transcripts go when the library says so, what only the wire needed goes with
//! them, and of what was erased no trace stays.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::shift::told_to_stop;
use crate::desk::Desk;
use crate::spool::{Spool, SpoolError, erasure, files, settings};
use crate::web::FileSays;

/// How often to look for what has stayed long enough.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// What is erased at a patron's wish goes in two steps, the last words a moment after the rest:
/// this long, nothing more was erased.
const QUIET: Duration = Duration::from_secs(5);
/// Writing the file anew twice within this would be for little.
const BETWEEN_SCRUBS: Duration = Duration::from_secs(60);
/// For what only grew old, once a day is enough.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// What an earlier run left to scrub waits until the house is at work.
const AFTER_START: Duration = Duration::from_secs(60);
/// Texts whose fate is known stay with their segments for as long as a report may still come: the
/// network gives a text up after a day (TS 23.040 §9.2.3.12), and reports when it next can.
const SETTLED: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The network may deliver a text a second time for as long as it keeps it; a digest tells.
const DIGESTS: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// By how much the clock on the wall may be corrected in an hour and still be believed.
const DRIFT: Duration = Duration::from_secs(5 * 60);

/// Keeps the house in order until it closes.
#[derive(Debug)]
pub(super) struct Keeping {
    desk: Desk,
    spool: Spool,
    /// What the file says, which may change; the page otherwise.
    file_says: watch::Receiver<FileSays>,
    /// The clocks as they were an hour ago.
    before: (Timestamp, Instant),
    /// When the file was last written anew.
    scrubbed: Option<Instant>,
}

impl Keeping {
    /// What the file says of `retention` may change at any time.
    pub(super) fn new(desk: Desk, spool: Spool, file_says: watch::Receiver<FileSays>) -> Self {
        Self {
            before: (spool.now(), Instant::now()),
            desk,
            spool,
            file_says,
            scrubbed: None,
        }
    }

    pub(super) async fn run(mut self, stop: watch::Receiver<bool>) {
        let mut erased = self.desk.erased();
        let mut look = Instant::now() + EVERY;
        // Since when something waits to be scrubbed off.
        let mut asked = None;
        // What an earlier run erased and did not live to scrub.
        let mut scrub = match self.is_unscrubbed().await {
            true => Some(Instant::now() + AFTER_START),
            false => None,
        };
        loop {
            tokio::select! {
                () = told_to_stop(stop.clone()) => return,
                changed = erased.changed() => match changed {
                    Ok(()) => {
                        let now = Instant::now();
                        // However much is erased, the first of it does not wait for the last.
                        let latest = *asked.get_or_insert(now) + BETWEEN_SCRUBS;
                        let earliest = self.scrubbed.map_or(now, |last| last + BETWEEN_SCRUBS);
                        scrub = Some((now + QUIET).min(latest).max(earliest));
                    }
                    Err(_) => return,
                },
                () = sleep_until(scrub.unwrap_or(look)), if scrub.is_some() => {
                    asked = None;
                    let done = self.scrub().await;
                    scrub = (!done).then(|| Instant::now() + BETWEEN_SCRUBS);
                }
                () = sleep_until(look) => {
                    look = Instant::now() + EVERY;
                    self.tidy().await;
                    let lately = self.scrubbed.is_some_and(|last| last.elapsed() < DAY);
                    if scrub.is_none() && !lately && self.is_unscrubbed().await {
                        scrub = Some(Instant::now());
                    }
                }
            }
        }
    }

    async fn is_unscrubbed(&self) -> bool {
        self.spool
            .read(erasure::is_unscrubbed)
            .await
            .unwrap_or(false)
    }

    /// Writes the spool anew without traces of what was erased. Whether it could.
    async fn scrub(&mut self) -> bool {
        self.scrubbed = Some(Instant::now());
        // What was erased lies in files as well.
        if let Err(error) = files::sweep(&self.spool, Timestamp::MIN).await {
            tracing::warn!(%error, "files of what was erased stay for now; tried again");
            return matches!(error, SpoolError::Closed);
        }
        match self.spool.scrub().await {
            Ok(()) => match self.spool.write(erasure::scrubbed).await {
                Ok(()) => true,
                Err(error) => {
                    tracing::warn!(%error, "what was erased is scrubbed once more");
                    false
                }
            },
            Err(SpoolError::Closed) => true,
            Err(error) => {
                tracing::warn!(%error, "traces of what was erased stay for now; tried again");
                false
            }
        }
    }

    async fn retention(&self) -> Result<Duration, SpoolError> {
        if let Some(by_file) = self.file_says.borrow().retention {
            return Ok(by_file);
        }
        let told = self.spool.read(settings::retention).await?;
        Ok(told.unwrap_or(settings::RETENTION_USUAL))
    }

    /// Erases what has stayed long enough.
    async fn tidy(&mut self) {
        let (wall, at) = (self.spool.now(), Instant::now());
        let (wall_before, before) = std::mem::replace(&mut self.before, (wall, at));
        if !agree(wall.duration_since(wall_before), at.duration_since(before)) {
            // The box has no battery clock: a date that jumped must not cost a transcript.
            tracing::warn!("the clock was set: nothing is erased until it has run for an hour");
            return;
        }
        let ago = |span: Duration| wall.checked_sub(span).unwrap_or(Timestamp::MIN);
        let retention = match self.retention().await {
            Ok(retention) => retention,
            Err(error) => {
                tracing::warn!(%error, "how long transcripts stay is not known: they stay");
                return;
            }
        };
        let closed = ago(retention);
        let outcome = async {
            while self
                .spool
                .write(move |c| erasure::expire(c, closed))
                .await?
                > 0
            {}
            let settled = ago(SETTLED.min(retention));
            let arrived = ago(DIGESTS.min(retention));
            while self
                .spool
                .write(move |c| erasure::prune(c, arrived, settled))
                .await?
                > 0
            {}
            files::sweep(&self.spool, closed).await?;
            files::sweep_orphans(&self.spool).await?;
            Ok::<(), SpoolError>(())
        };
        if let Err(error) = outcome.await {
            tracing::warn!(%error, "transcripts stay a little longer");
        }
    }
}

/// Whether the clock on the wall went like the other one.
fn agree(wall: jiff::SignedDuration, uptime: Duration) -> bool {
    let Ok(uptime) = jiff::SignedDuration::try_from(uptime) else {
        return false;
    };
    let apart = wall
        .checked_sub(uptime)
        .map(jiff::SignedDuration::unsigned_abs);
    apart.is_some_and(|apart| apart <= DRIFT)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use jiff::SignedDuration;

    use super::*;
    use crate::clock::Clock;
    use crate::daemon::Owner;
    use crate::desk;
    use crate::routing::{
        Act, Amendment, ConversationId, DeliveryState, EndpointId, Event, GatewayId, Library,
        MessageId, OperatorId, Role, Show,
    };
    use crate::spool::inbox::{self, Raw};

    #[test]
    fn a_clock_that_was_set_is_not_believed() {
        const HOUR: u64 = 3600;
        for (wall_s, uptime_s, agreed) in [
            (3600, HOUR, true),
            (3700, HOUR, true),
            (3600 - 299, HOUR, true),
            (3600 + 301, HOUR, false),
            (0, HOUR, false),
            (-3600, HOUR, false),
            (9 * 365 * 24 * 3600, HOUR, false),
        ] {
            let wall = SignedDuration::from_secs(wall_s);
            assert_eq!(
                agree(wall, Duration::from_secs(uptime_s)),
                agreed,
                "{wall_s}"
            );
        }
    }

    async fn count(spool: &Spool, sql: &'static str) -> i64 {
        let counted = spool.read(move |c| Ok(c.query_row(sql, [], |row| row.get(0))?));
        counted.await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn transcripts_go_thirty_days_after_closing_and_statistics_stay() {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::simulated("2026-03-02T09:00:00Z".parse().unwrap());
        let spool = Spool::open_by(&folder.path().join("spool.db"), clock).unwrap();
        let (desk, counter) = desk::open();
        let owner = Owner::open(spool.clone(), Library::default(), counter)
            .await
            .unwrap();
        let owner = tokio::spawn(owner.run(std::future::pending()));
        let (_stop, stop) = watch::channel(false);
        let (file, file_says) = watch::channel(FileSays::default());
        let keeping = Keeping::new(desk.clone(), spool.clone(), file_says);
        let keeping = tokio::spawn(keeping.run(stop));

        let operator = OperatorId(1);
        desk.amend(Amendment::AddLine { name: "m".into() })
            .await
            .unwrap();
        desk.amend(Amendment::AddOperator {
            name: "ana".into(),
            password_hash: None,
            role: Role::Operator,
            queues: vec!["desk".into()],
        })
        .await
        .unwrap();
        let now = spool.now();
        let raw = Raw {
            digest: [7; 16],
            pdu: vec![1, 2, 3],
        };
        spool
            .write(move |c| {
                let kept = inbox::keep(c, "m", &[raw], now)?;
                inbox::consume(c, &[kept[0].id])
            })
            .await
            .unwrap();
        let endpoint = EndpointId(1);
        let conversation = ConversationId(1);
        for event in [
            Event::EndpointOpened { operator, endpoint },
            Event::Presence {
                operator,
                show: Show::Available,
            },
            Event::TextArrived {
                gateway: GatewayId(1),
                from: "+15551230100".into(),
                body: "Is my book in?".into(),
                stamped_at: None,
            },
            Event::act(
                operator,
                conversation,
                Act::Send {
                    body: "Yes.".into(),
                    client_id: Some("k".into()),
                },
            ),
            Event::Delivery {
                message: MessageId(2),
                conversation,
                state: DeliveryState::Delivered,
                reason: None,
            },
        ] {
            desk.ask(event).await.unwrap();
        }
        spool
            .write(|c| Ok(c.execute_batch("UPDATE outbox SET state = 'delivered'")?))
            .await
            .unwrap();
        // An open conversation stays for as long as it takes.
        tokio::time::sleep(40 * DAY).await;
        assert_eq!(count(&spool, "SELECT count(*) FROM message").await, 2);
        assert_eq!(
            count(&spool, "SELECT count(*) FROM outbox").await,
            0,
            "settled"
        );
        assert_eq!(count(&spool, "SELECT count(*) FROM inbox").await, 0, "used");
        desk.ask(Event::act(operator, conversation, Act::Close))
            .await
            .unwrap();
        tokio::time::sleep(29 * DAY).await;
        assert_eq!(count(&spool, "SELECT count(*) FROM message").await, 2);
        tokio::time::sleep(2 * DAY).await;
        for (sql, left) in [
            ("SELECT count(*) FROM message", 0),
            ("SELECT count(*) FROM conversation", 0),
            ("SELECT count(*) FROM patron", 0),
            ("SELECT count(*) FROM search", 0),
            ("SELECT count(*) FROM statistic", 2),
            ("SELECT count(*) FROM setting WHERE key = 'unscrubbed'", 0),
        ] {
            assert_eq!(count(&spool, sql).await, left, "{sql}");
        }
        // Whoever writes again is somebody new, in a thread of their own.
        let again = desk.ask(Event::TextArrived {
            gateway: GatewayId(1),
            from: "+15551230100".into(),
            body: "hello".into(),
            stamped_at: None,
        });
        let receipt = again.await.unwrap();
        let conversation = ConversationId(2);
        assert_eq!(receipt.conversation.unwrap().id, conversation);
        // The library may think better of it.
        for event in [
            Event::act(operator, conversation, Act::send("Hello.")),
            Event::act(operator, conversation, Act::Close),
        ] {
            desk.ask(event).await.unwrap();
        }
        spool
            .write(|c| Ok(c.execute_batch("UPDATE outbox SET state = 'delivered'")?))
            .await
            .unwrap();
        // On the page two days, in the file five: the file comes first.
        file.send_modify(|file| file.retention = Some(5 * DAY));
        spool
            .write(|c| settings::set_retention(c, Some(2 * DAY)))
            .await
            .unwrap();
        tokio::time::sleep(3 * DAY).await;
        assert_eq!(count(&spool, "SELECT count(*) FROM message").await, 2);
        file.send_modify(|file| file.retention = None);
        tokio::time::sleep(DAY).await;
        assert_eq!(count(&spool, "SELECT count(*) FROM message").await, 0);
        keeping.abort();
        owner.abort();
    }
}
