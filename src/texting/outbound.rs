//! Texts due: split, submitted, paced, put off, given up, each step on disk before the next.
//!
//! An attempt is recorded before it is made (P3). What comes back is *accepted*, *refused* or
//! *unknown*, and nothing unknown is ever sent again without a librarian's word.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::{closing, reports, tail};
use crate::desk::Desk;
use crate::modem::{Line, LineStatus, Phase, SubmitOutcome, SubmitRefusal};
use crate::routing::{DeliveryState, Event};
use crate::sms::{Address, SmsSubmit, ValidityPeriod};
use crate::spool::outbox::{self, Due, Segment, SegmentId, SegmentState, Settled};
use crate::spool::{Spool, SpoolError};

/// Waits between the tries of a text that was refused for a passing reason; then hourly.
const PATIENCE: [Duration; 4] = [
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(30 * 60),
];
const THEN_EVERY: Duration = Duration::from_secs(60 * 60);
/// Tries before a text is given up: a day's worth. Counted, because the box's clock may jump.
const TRIES_MAX: u32 = 27;
/// How soon to look again when the spool did not answer.
const SPOOL_AGAIN: Duration = Duration::from_secs(5);
/// How often the outbox is looked into without a bell, should one have been missed.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// The span a line's daily cap is counted over.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Sends one line's texts.
#[derive(Debug)]
pub struct Outbound {
    line: Line,
    desk: Desk,
    spool: Spool,
    pace: Duration,
    per_day: u32,
    last_start: Option<Instant>,
    own_number: Option<String>,
}

/// What there is to send of a text.
enum Begun {
    /// These segments, one at least; the attempt of the first is recorded.
    Segments(Vec<Segment>),
    /// Nothing: this is how it stands.
    Over(DeliveryState, Option<&'static str>),
    /// It never can be sent, and why.
    Unsendable(String),
}

impl Outbound {
    /// Will send what is due on `line`: one text every `pace`, `per_day` segments a day at most
    /// (0: no cap).
    pub fn new(line: Line, desk: Desk, spool: Spool, pace: Duration, per_day: u32) -> Self {
        Self {
            line,
            desk,
            spool,
            pace,
            per_day,
            last_start: None,
            own_number: None,
        }
    }

    /// Sends until the house closes. An attempt under way is waited for; if the house cannot wait
    /// that long, the next start finds it in doubt.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        self.settle_the_past().await;
        let mut due = self.desk.due();
        let mut status = self.line.status();
        loop {
            due.mark_unchanged();
            tokio::select! {
                () = closing(&mut stop) => return,
                ready = ready(&mut status) => match ready {
                    Some(number) => self.introduce(number).await,
                    None => return,
                }
            }
            let until = self.step(&stop).await;
            tokio::select! {
                () = closing(&mut stop) => return,
                _ = due.changed() => {}
                () = sleep_until(until) => {}
            }
        }
    }

    /// Tells the desk the line's own number: nothing automatic may ever go to it.
    async fn introduce(&mut self, number: Option<String>) {
        if number.is_none() || number == self.own_number {
            return;
        }
        self.own_number.clone_from(&number);
        if let Some(number) = number {
            let event = Event::LineNumber { number };
            if let Err(error) = self.desk.ask(event).await {
                tracing::debug!(%error, "the desk is closing");
            }
        }
    }

    /// What an earlier run left in doubt, and what it did not live to tell.
    async fn settle_the_past(&self) {
        let line = self.line.name.clone();
        let untold = self
            .keep(move |connection| {
                let doubted = outbox::doubt_interrupted(connection, &line)?;
                if doubted > 0 {
                    tracing::warn!(line, doubted, "texts were cut off: held as unknown");
                }
                outbox::untold(connection, &line)
            })
            .await;
        for settled in untold {
            self.tell(settled).await;
        }
        reports::settle_parked(&self.spool, &self.desk, &self.line.name).await;
    }

    /// Sends what is due, one text after another, until something has to be waited for: the bell,
    /// or the moment this answers.
    async fn step(&mut self, stop: &watch::Receiver<bool>) -> Instant {
        loop {
            if closed(stop) {
                return Instant::now() + LOOK_EVERY;
            }
            if let Some(until) = self.held_by_pace() {
                return until;
            }
            let line = self.line.name.clone();
            let per_day = self.per_day;
            let now = self.spool.now();
            let found = self
                .spool
                .read(move |connection| {
                    let (due, at) = match outbox::next_due(connection, &line, now)? {
                        Some(due) => {
                            let segments = segments_left(connection, &due)?;
                            (Some((due, segments)), None)
                        }
                        None => (None, outbox::next_due_at(connection, &line)?),
                    };
                    let spent = match per_day {
                        0 => 0,
                        _ => outbox::attempted_between(connection, &line, before(now, DAY), now)?,
                    };
                    Ok((due, at, spent))
                })
                .await;
            match found {
                Ok((Some((due, segments)), _, spent)) => {
                    // A text goes as a whole; one longer than a day's worth has a day of its own.
                    let room = self.per_day.saturating_sub(spent);
                    if self.per_day > 0 && spent > 0 && segments > room {
                        tracing::warn!(
                            line = self.line.name,
                            per_day = self.per_day,
                            "the day's cap is reached: texts wait"
                        );
                        return Instant::now() + LOOK_EVERY;
                    }
                    if self.line.status().borrow().phase != Phase::Ready {
                        // At once, to wait for the line and not for the minute.
                        return Instant::now();
                    }
                    self.last_start = Some(Instant::now());
                    self.send(due, stop).await;
                }
                Ok((None, at, _)) => {
                    let soon = at.map_or(LOOK_EVERY, |at| until(now, at).min(LOOK_EVERY));
                    return Instant::now() + soon;
                }
                Err(SpoolError::Closed) => return Instant::now() + LOOK_EVERY,
                Err(error) => {
                    tracing::error!(%error, "the outbox cannot be read");
                    return Instant::now() + SPOOL_AGAIN;
                }
            }
        }
    }

    fn held_by_pace(&self) -> Option<Instant> {
        let until = self.last_start? + self.pace;
        (until > Instant::now()).then_some(until)
    }

    async fn send(&self, due: Due, stop: &watch::Receiver<bool>) {
        let mut segments = match self.begin(&due).await {
            Begun::Segments(segments) => segments.into_iter().peekable(),
            Begun::Over(state, why) => {
                self.post(&due, state, why.map(str::to_owned)).await;
                return;
            }
            Begun::Unsendable(why) => {
                self.give_up(&due, why).await;
                return;
            }
        };
        self.post(&due, DeliveryState::Sending, None).await;

        while let Some(segment) = segments.next() {
            let more_to_come = segments.peek().is_some();
            let outcome = self.line.submit(segment.pdu.clone(), more_to_come).await;
            let next = segments.peek().map(|next| next.id);
            match outcome {
                SubmitOutcome::Accepted { message_reference } => {
                    let (id, text) = (segment.id, due.id);
                    let now = self.spool.now();
                    // The rest is sent when the house opens again.
                    let leave_off = closed(stop);
                    self.keep(move |connection| {
                        outbox::accepted(connection, id, message_reference)?;
                        match next {
                            Some(_) if leave_off => Ok(()),
                            // The next attempt's record shares this fsync.
                            Some(next) => outbox::attempt(connection, next, now),
                            None => outbox::settle(connection, text, DeliveryState::Sent, None),
                        }
                    })
                    .await;
                    if leave_off && next.is_some() {
                        return;
                    }
                }
                SubmitOutcome::Refused(refusal) => {
                    self.refused(&due, segment.id, refusal).await;
                    // Reports on earlier texts to this telephone waited for the outcome.
                    reports::settle_parked(&self.spool, &self.desk, &self.line.name).await;
                    return;
                }
                SubmitOutcome::Unknown { why } => {
                    let (id, text, words) = (segment.id, due.id, why.clone());
                    self.keep(move |connection| {
                        outbox::not_accepted(connection, id, SegmentState::Unknown, &words)?;
                        outbox::settle(connection, text, DeliveryState::Unknown, Some(&words))
                    })
                    .await;
                    self.post(&due, DeliveryState::Unknown, Some(why)).await;
                    reports::settle_parked(&self.spool, &self.desk, &self.line.name).await;
                    return;
                }
            }
        }
        self.post(&due, DeliveryState::Sent, None).await;
        // A quick telephone reports before the modem has said `+CMGS`.
        reports::settle_parked(&self.spool, &self.desk, &self.line.name).await;
    }

    /// Lays a text's segments down, or finds those of an earlier try that are still to be sent,
    /// and records the attempt of the first.
    async fn begin(&self, due: &Due) -> Begun {
        let address = match Address::number(&due.recipient) {
            Ok(address) => address,
            Err(error) => return Begun::Unsendable(error.to_string()),
        };
        let (id, body) = (due.id, due.body.clone());
        let line = self.line.name.clone();
        let tail = tail(&due.recipient);
        let now = self.spool.now();
        self.keep(move |connection| {
            let mut segments = outbox::segments(connection, id)?;
            if segments.is_empty() {
                let long = crate::sms::plan(&body).segments > 1;
                let reference = match long {
                    true => outbox::next_concat_reference(connection, &line)?,
                    false => 0,
                };
                let pdus = match tpdus(&address, &body, reference) {
                    Ok(pdus) => pdus,
                    Err(words) => return Ok(Begun::Unsendable(words)),
                };
                segments = outbox::lay_down(connection, id, &line, &tail, &pdus)?;
            }
            // Nothing is under way here: an attempt without an outcome was cut off, on a line that
            // this text's gateway was on before.
            let cut_off = |segment: &Segment| {
                matches!(
                    segment.state,
                    SegmentState::Attempting | SegmentState::Unknown
                )
            };
            if segments.iter().any(cut_off) {
                let why = outbox::doubt(connection, id)?;
                return Ok(Begun::Over(DeliveryState::Unknown, Some(why)));
            }
            segments.retain(|segment| {
                matches!(segment.state, SegmentState::Planned | SegmentState::Refused)
            });
            match segments.first() {
                Some(first) => outbox::attempt(connection, first.id, now)?,
                None => {
                    outbox::settle(connection, id, DeliveryState::Sent, None)?;
                    return Ok(Begun::Over(DeliveryState::Sent, None));
                }
            }
            Ok(Begun::Segments(segments))
        })
        .await
    }

    /// The network did not take a segment: its text is put off, or given up.
    async fn refused(&self, due: &Due, segment: SegmentId, refusal: SubmitRefusal) {
        let SubmitRefusal {
            words, transient, ..
        } = refusal;
        let (id, why) = (due.id, words.clone());
        let again =
            (transient && due.tries + 1 < TRIES_MAX).then(|| again_at(self.spool.now(), due.tries));
        self.keep(move |connection| {
            outbox::not_accepted(connection, segment, SegmentState::Refused, &why)?;
            match again {
                Some(again) => outbox::put_off(connection, id, again, &why),
                None => outbox::settle(connection, id, DeliveryState::Failed, Some(&why)),
            }
        })
        .await;
        let state = match again {
            Some(_) => DeliveryState::Queued,
            None => DeliveryState::Failed,
        };
        self.post(due, state, Some(words)).await;
    }

    async fn give_up(&self, due: &Due, words: String) {
        let (id, why) = (due.id, words.clone());
        self.keep(move |connection| {
            outbox::settle(connection, id, DeliveryState::Failed, Some(&why))
        })
        .await;
        self.post(due, DeliveryState::Failed, Some(words)).await;
    }

    async fn post(&self, due: &Due, state: DeliveryState, reason: Option<String>) {
        self.tell(Settled {
            message: due.message,
            conversation: due.conversation,
            state,
            reason,
        })
        .await;
    }

    async fn tell(&self, settled: Settled) {
        reports::tell(&self.desk, settled).await;
    }

    /// Writes to the spool, for as long as it takes: what the network said must not be forgotten
    /// because a disk was full for a minute. When the house closes meanwhile, the attempt is in
    /// doubt at the next start, as it should be.
    async fn keep<T, F>(&self, job: F) -> T
    where
        T: Send + 'static,
        F: FnOnce(&rusqlite::Connection) -> Result<T, SpoolError> + Clone + Send + 'static,
    {
        loop {
            match self.spool.write(job.clone()).await {
                Ok(kept) => return kept,
                Err(SpoolError::Closed) => std::future::pending().await,
                Err(error) => {
                    tracing::error!(line = self.line.name, %error, "an outcome is not on disk yet");
                    sleep(SPOOL_AGAIN).await;
                }
            }
        }
    }
}

/// Whether the house closes.
fn closed(stop: &watch::Receiver<bool>) -> bool {
    *stop.borrow() || stop.has_changed().is_err()
}

/// Waits until the line can send, and answers its own number if it knows it; `None` once the line
/// is gone.
async fn ready(status: &mut watch::Receiver<LineStatus>) -> Option<Option<String>> {
    let ready = status
        .wait_for(|status| status.phase == Phase::Ready)
        .await
        .ok()?;
    Some(ready.own_number.clone())
}

/// How many segments of a text are still to be sent.
fn segments_left(connection: &rusqlite::Connection, due: &Due) -> Result<u32, SpoolError> {
    let laid_down = outbox::segments(connection, due.id)?;
    let left = match laid_down.is_empty() {
        true => crate::sms::plan(&due.body).segments,
        false => laid_down
            .iter()
            .filter(|s| matches!(s.state, SegmentState::Planned | SegmentState::Refused))
            .count(),
    };
    Ok(u32::try_from(left).unwrap_or(u32::MAX))
}

/// The TPDUs of a text. Reports are always asked for, and the network gives up after a day: an
/// attempt in doubt is never in doubt for longer.
fn tpdus(address: &Address, body: &str, reference: u8) -> Result<Vec<Vec<u8>>, String> {
    let segments = crate::sms::split(body, reference).map_err(|error| error.to_string())?;
    segments
        .into_iter()
        .map(|user_data| {
            let submit = SmsSubmit {
                status_report_request: true,
                validity: Some(ValidityPeriod::at_least(DAY)),
                ..SmsSubmit::new(address.clone(), user_data)
            };
            submit.encode().map_err(|error| error.to_string())
        })
        .collect()
}

/// When a text that was refused this often before is tried again.
fn again_at(now: Timestamp, tries: u32) -> Timestamp {
    let wait = usize::try_from(tries)
        .ok()
        .and_then(|tries| PATIENCE.get(tries).copied())
        .unwrap_or(THEN_EVERY);
    now.checked_add(wait).unwrap_or(now)
}

fn before(now: Timestamp, span: Duration) -> Timestamp {
    now.checked_sub(span).unwrap_or(Timestamp::MIN)
}

fn until(now: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO)
}
