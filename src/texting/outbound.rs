//! Texts due: submitted, paced, put off, given up, each step on disk before the next.
//!
//! An attempt is recorded before it is made (P3), in the same commit as the outcome before it where
//! texts follow one another. What comes back is *accepted*, *refused* or *unknown*; what is unknown
//! is sent again by itself only where the SIM says that it never left, once, and marked.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::due::{self, TakenUp, Terms};
use super::recourse::{Fared, Recourse};
use super::watch_clock::WatchedClock;
use super::{closing, reports, segments, tail};
use crate::desk::Desk;
use crate::modem::{Line, LineStatus, Phase, Remedy, SubmitOutcome, SubmitRefusal};
use crate::routing::{DeliveryState, Event};
use crate::sms::NationalTables;
use crate::spool::doubts::{self, Hint};
use crate::spool::outbox::{self, Due, OutboxId, Segment, SegmentState, Settled, Way};
use crate::spool::{Spool, SpoolError, lines};

/// How soon to look again when the spool did not answer.
const SPOOL_AGAIN: Duration = Duration::from_secs(5);
/// How often the outbox is looked into without a bell, should one have been missed.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How often texts are looked for that are too old to be sent: each look reads all that are due.
const OVERDUE_EVERY: Duration = Duration::from_secs(30);
/// How long a report on a text in doubt is awaited before it is decided on.
pub(super) const REPORT_WAIT: Duration = Duration::from_secs(10 * 60);

/// Said while a report is awaited.
const AWAITED: &str = "its delivery report is awaited for ten minutes; after that it is sent again \
                       only if the SIM says that it never left";
/// Sends one line's texts.
#[derive(Debug)]
pub struct Outbound {
    line: Line,
    desk: Desk,
    spool: Spool,
    pace: Duration,
    per_day: u32,
    national: NationalTables,
    last_start: Option<Instant>,
    introduced: (Option<String>, Option<String>),
    last_reference: LastReference,
    clock: WatchedClock,
    /// When texts were last looked for that are too old to be sent.
    looked_at: Option<Instant>,
    /// Texts after it were put here by this run of the daemon.
    before_us: Option<OutboxId>,
}

/// What is known of the TP-MR that the SIM keeps (EF-SMSS): it tells whether an attempt left.
#[derive(Debug, Default)]
struct LastReference {
    /// The last one, accepted or read.
    now: Option<u8>,
    /// The modem (IMEI) that was seen to keep it.
    kept_by: Option<String>,
    /// The modem that was seen not to.
    not_kept_by: Option<String>,
}

/// A text on its way, and what of it is still to be sent.
struct OnItsWay {
    due: Due,
    /// In order; of the first the attempt is recorded.
    segments: std::collections::VecDeque<Segment>,
}

impl Outbound {
    /// Will send what is due on `line`: one text every `pace`, `per_day` segments a day at most
    /// (0: no cap).
    pub fn new(line: Line, desk: Desk, spool: Spool, pace: Duration, per_day: u32) -> Self {
        let clock = WatchedClock::new(spool.now(), Instant::now());
        Self {
            line,
            desk,
            spool,
            pace,
            per_day,
            national: NationalTables::NONE,
            last_start: None,
            introduced: (None, None),
            last_reference: LastReference::default(),
            clock,
            looked_at: None,
            before_us: None,
        }
    }

    /// Sends in these national tables as well, where that takes fewer segments.
    #[must_use]
    pub fn in_tables(mut self, national: NationalTables) -> Self {
        self.national = national;
        self
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
                    Some((number, imsi)) => self.introduce(number, imsi).await,
                    None => return,
                }
            }
            tokio::select! {
                () = closing(&mut stop) => return,
                () = self.ask_the_sim() => {}
            }
            let until = self.step(&stop).await;
            tokio::select! {
                () = closing(&mut stop) => return,
                _ = due.changed() => {}
                () = sleep_until(until) => {}
            }
        }
    }

    /// Tells the desk the line's own number and SIM: nothing automatic may ever go to it, and numbers
    /// are read as in its country.
    async fn introduce(&mut self, number: Option<String>, imsi: Option<String>) {
        let told = (number, imsi);
        if told == (None, None) || told == self.introduced {
            return;
        }
        self.introduced.clone_from(&told);
        let (number, imsi) = told;
        let line = self.line.name.clone();
        let event = Event::LineNumber { line, number, imsi };
        if let Err(error) = self.desk.ask(event).await {
            tracing::debug!(%error, "the desk is closing");
        }
    }

    /// What an earlier run left in doubt, and what it did not live to tell.
    async fn settle_the_past(&mut self) {
        let line = self.line.name.clone();
        let until = after(self.spool.now(), REPORT_WAIT);
        let (untold, latest, kept_by) = self
            .keep(move |connection| {
                let doubted = outbox::doubt_interrupted(connection, &line, until)?;
                if doubted > 0 {
                    tracing::warn!(line, doubted, "texts were cut off: held as unknown");
                }
                Ok((
                    outbox::untold(connection, Way::Line(&line))?,
                    outbox::latest(connection)?,
                    lines::keeps_last(connection, &line)?,
                ))
            })
            .await;
        self.before_us = Some(latest);
        self.last_reference.kept_by = kept_by;
        for settled in untold {
            self.tell(settled).await;
        }
        reports::settle_parked(&self.spool, &self.desk, &self.line.name).await;
    }

    /// Sends what is due, one text after another, until something has to be waited for: the bell,
    /// or the moment this answers.
    async fn step(&mut self, stop: &watch::Receiver<bool>) -> Instant {
        self.follow_the_clock().await;
        loop {
            if closed(stop) {
                return Instant::now() + LOOK_EVERY;
            }
            if let Some(until) = self.held_by_pace() {
                return until;
            }
            if self.line.status().borrow().phase != Phase::Ready {
                // At once, to wait for the line and not for the minute.
                return Instant::now();
            }
            let mut terms = self.terms();
            terms.overdue = self
                .looked_at
                .is_none_or(|at| at.elapsed() >= OVERDUE_EVERY);
            let looks = terms.overdue;
            let taken = self
                .keep(move |connection| due::take_up(connection, &terms))
                .await;
            if looks && !matches!(taken, TakenUp::Settled(_)) {
                self.looked_at = Some(Instant::now());
            }
            match taken {
                TakenUp::Text(due, segments) => {
                    let text = OnItsWay {
                        due,
                        segments: segments.into(),
                    };
                    self.send(text, stop).await;
                    self.ask_the_sim().await;
                }
                TakenUp::Settled(settled) => self.tell(settled).await,
                TakenUp::Looked => {}
                TakenUp::Nothing { next } => {
                    let now = self.spool.now();
                    let soon = next.map_or(LOOK_EVERY, |at| until(now, at).min(LOOK_EVERY));
                    return Instant::now() + soon;
                }
                TakenUp::Capped => {
                    tracing::warn!(
                        line = self.line.name,
                        per_day = self.per_day,
                        "the day's cap is reached: texts wait"
                    );
                    return Instant::now() + LOOK_EVERY;
                }
                // A person may end the pause before its time.
                TakenUp::Paused => return Instant::now() + LOOK_EVERY,
            }
        }
    }

    fn terms(&self) -> Terms {
        Terms {
            line: self.line.name.clone(),
            per_day: self.per_day,
            national: self.national,
            now: self.spool.now(),
            prior: self.last_reference.now.filter(|_| self.keeps_last()),
            overdue: false,
        }
    }

    fn held_by_pace(&self) -> Option<Instant> {
        let until = self.last_start? + self.pace;
        (until > Instant::now()).then_some(until)
    }

    /// Sends a text, and where no pace holds them back those behind it: each one's attempt is on
    /// disk with the outcome of the one before.
    async fn send(&mut self, first: OnItsWay, stop: &watch::Receiver<bool>) {
        self.last_start = Some(Instant::now());
        let mut text = first;
        let mut news = vec![settled(&text.due, DeliveryState::Sending, None)];
        let mut reported = true;
        while let Some(segment) = text.segments.pop_front() {
            let more_to_come = !text.segments.is_empty();
            // The telling costs nothing while the modem is busy anyway.
            let (outcome, ()) = tokio::join!(
                self.line.submit(segment.pdu.clone(), more_to_come),
                self.tell_all(std::mem::take(&mut news), reported)
            );
            reported = true;
            let reference = match outcome {
                SubmitOutcome::Accepted { message_reference } => {
                    self.last_reference.now = Some(message_reference);
                    Some(message_reference)
                }
                SubmitOutcome::Duplicate => None,
                SubmitOutcome::Refused(refusal) => {
                    news.push(self.refused(&text.due, &segment, refusal).await);
                    break;
                }
                SubmitOutcome::Unknown { why } => {
                    news.push(self.lost(&text.due, &segment, why).await);
                    break;
                }
            };
            match self.taken(&text, &segment, reference, stop).await {
                Followed::Segment => {}
                Followed::Text { more, next } => {
                    news.extend(more);
                    let Some(next) = next else { break };
                    self.last_start = Some(Instant::now());
                    news.push(settled(&next.due, DeliveryState::Sending, None));
                    reported = false;
                    text = next;
                }
                Followed::Nothing => return,
            }
        }
        // A quick telephone reports before the modem has said `+CMGS`, and reports on earlier texts
        // waited for this outcome.
        self.tell_all(news, false).await;
    }

    async fn tell_all(&self, news: Vec<Settled>, reports_settled: bool) {
        for settled in news {
            self.tell(settled).await;
        }
        if !reports_settled {
            reports::settle_parked(&self.spool, &self.desk, &self.line.name).await;
        }
    }

    /// The network took a segment. One commit says so, and records the attempt that follows.
    async fn taken(
        &self,
        text: &OnItsWay,
        segment: &Segment,
        reference: Option<u8>,
        stop: &watch::Receiver<bool>,
    ) -> Followed {
        let (id, outbox) = (segment.id, text.due.id);
        // The rest is sent when the house opens again.
        let leave_off = closed(stop);
        let next_segment = text.segments.front().map(|next| next.id);
        let may_go_on =
            !leave_off && self.pace.is_zero() && self.line.status().borrow().phase == Phase::Ready;
        let terms = self.terms();
        let (mark, taken_up) = self
            .keep(move |connection| {
                outbox::accepted(connection, id, reference)?;
                lines::taken(connection, &terms.line)?;
                if let Some(next) = next_segment {
                    if !leave_off {
                        outbox::attempt(connection, next, terms.now, terms.prior)?;
                    }
                    return Ok((None, None));
                }
                let mark = doubts::mark(connection, outbox)?;
                outbox::settle(connection, outbox, DeliveryState::Sent, mark.as_deref())?;
                let next = match may_go_on {
                    true => Some(due::take_up(connection, &terms)?),
                    false => None,
                };
                Ok((mark, next))
            })
            .await;
        if next_segment.is_some() {
            return match leave_off {
                true => Followed::Nothing,
                false => Followed::Segment,
            };
        }
        let mut more = vec![settled(&text.due, DeliveryState::Sent, mark)];
        let next = match taken_up {
            Some(TakenUp::Text(due, segments)) => Some(OnItsWay {
                due,
                segments: segments.into(),
            }),
            Some(TakenUp::Settled(settled)) => {
                more.push(settled);
                None
            }
            Some(TakenUp::Looked | TakenUp::Nothing { .. } | TakenUp::Capped | TakenUp::Paused)
            | None => None,
        };
        Followed::Text { more, next }
    }

    /// The network did not take a segment: its text is put off, or given up.
    async fn refused(&self, due: &Due, segment: &Segment, refusal: SubmitRefusal) -> Settled {
        if refusal.remedy == Remedy::Ours {
            tracing::error!(
                line = self.line.name,
                segment = segment.id.0,
                code = refusal.code,
                "the network calls a text of ours malformed: a mistake of this program"
            );
            tracing::debug!(pdu = crate::sms::hex(&segment.pdu), "the malformed text");
        }
        let line = self.line.name.clone();
        let (id, text) = (segment.id, due.id);
        let pdu = segment.pdu.clone();
        let peer = tail(due.recipient.as_str());
        let now = self.spool.now();
        let name = line.clone();
        let (recourse, pause) = self
            .keep(move |connection| {
                let fared = outbox::count_refusal(
                    connection,
                    text,
                    refusal.remedy.word(),
                    refusal.remedy != Remedy::Ready,
                )?;
                let pause = match refusal.remedy {
                    Remedy::Carrier => {
                        lines::refused_by_carrier(connection, &line, &peer, &refusal.words, now)?
                    }
                    _ => None,
                };
                let fared = Fared {
                    tries: fared.tries,
                    running: fared.running,
                    line_in_trouble: pause.is_some(),
                };
                outbox::not_accepted(connection, id, SegmentState::Refused, &refusal.words)?;
                if refusal.may_have_left {
                    doubts::doubt_refusal(connection, id)?;
                }
                let mut recourse = Recourse::after(&refusal, fared);
                if recourse == Recourse::WithoutValidity {
                    match segments::without_validity(&pdu) {
                        Some(bare) => outbox::rewrite(connection, id, &bare)?,
                        None => recourse = Recourse::GiveUp(refusal.words.clone()),
                    }
                }
                match &recourse {
                    Recourse::Again(wait) => {
                        let mut again = after(now, *wait);
                        if let Some(pause) = &pause {
                            again = again.max(pause.until);
                        }
                        outbox::put_off(connection, text, again, &refusal.words)?;
                    }
                    Recourse::WithoutValidity => {
                        outbox::put_off(connection, text, now, &refusal.words)?;
                    }
                    Recourse::GiveUp(why) => {
                        outbox::settle(connection, text, DeliveryState::Failed, Some(why))?;
                    }
                }
                let why = match recourse {
                    Recourse::Again(_) | Recourse::WithoutValidity => Err(refusal.words.clone()),
                    Recourse::GiveUp(why) => Ok(why),
                };
                Ok((why, pause))
            })
            .await;
        if let Some(pause) = pause {
            tracing::error!(line = name, until = %pause.until, "the line rests: {}", pause.reason);
        }
        match recourse {
            Ok(failed) => settled(due, DeliveryState::Failed, Some(failed)),
            Err(words) => settled(due, DeliveryState::Queued, Some(words)),
        }
    }

    /// Nobody knows whether the network took a segment. Its text is *unknown*, and its report
    /// awaited.
    async fn lost(&self, due: &Due, segment: &Segment, why: String) -> Settled {
        let (id, text, words) = (segment.id, due.id, why.clone());
        let until = after(self.spool.now(), REPORT_WAIT);
        self.keep(move |connection| {
            outbox::not_accepted(connection, id, SegmentState::Unknown, &words)?;
            outbox::settle(connection, text, DeliveryState::Unknown, Some(&words))?;
            doubts::wait(connection, text, until)
        })
        .await;
        settled(
            due,
            DeliveryState::Unknown,
            Some(format!("{why}; {AWAITED}")),
        )
    }

    fn keeps_last(&self) -> bool {
        let imei = self.line.status().borrow().imei.clone();
        imei.is_some() && self.last_reference.kept_by == imei
    }

    /// Reads the TP-MR that the SIM keeps, where that is of use: to judge an attempt in doubt, to
    /// know where it stands before the next one, or to learn whether this modem keeps it at all.
    async fn ask_the_sim(&mut self) {
        let status = self.line.status().borrow().clone();
        let Some(imei) = status.imei.filter(|_| status.phase == Phase::Ready) else {
            return;
        };
        if self.last_reference.not_kept_by.as_ref() == Some(&imei) {
            return;
        }
        let keeps = self.last_reference.kept_by.as_ref() == Some(&imei);
        let line = self.line.name.clone();
        let open = match keeps {
            false => None,
            true => self
                .spool
                .read(move |connection| doubts::open(connection, &line))
                .await
                .ok()
                .flatten(),
        };
        let known = self.last_reference.now;
        if keeps && known.is_some() && open.is_none() || !keeps && known.is_none() {
            return;
        }
        let found = self.line.last_reference().await;
        tracing::debug!(?found, ?known, keeps, "the SIM's last reference");
        if !keeps {
            // After an accepted text: does the SIM say the same?
            let keeps = found.is_some() && found == known;
            match keeps {
                true => self.last_reference.kept_by = Some(imei.clone()),
                false => self.last_reference.not_kept_by = Some(imei.clone()),
            }
            let line = self.line.name.clone();
            self.keep(move |connection| {
                lines::set_keeps_last(connection, &line, keeps.then_some(imei.as_str()))
            })
            .await;
            return;
        }
        if let (Some(open), Some(found)) = (open, found) {
            let hint = match found == open.prior {
                true => Hint::Unsent,
                false => Hint::Left,
            };
            self.keep(move |connection| doubts::hint(connection, open.segment, hint))
                .await;
        }
        self.last_reference.now = found;
    }

    /// The box has no battery clock: what was dated before it learned the time is dated anew.
    async fn follow_the_clock(&mut self) {
        let now = self.spool.now();
        let (Some(by_ms), Some(after)) = (self.clock.jumped(now, Instant::now()), self.before_us)
        else {
            return;
        };
        let line = self.line.name.clone();
        let dated = self
            .keep(move |connection| outbox::date_again(connection, &line, after, by_ms, now))
            .await;
        tracing::info!(line = self.line.name, by_ms, dated, "the clock was set");
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

/// What comes after a segment that was taken.
enum Followed {
    /// The next one of its text, whose attempt is recorded.
    Segment,
    /// The text is sent, which is to be told; perhaps the next text, with its first attempt
    /// recorded.
    Text {
        more: Vec<Settled>,
        next: Option<OnItsWay>,
    },
    /// The house closes: the rest is for the next start.
    Nothing,
}

fn settled(due: &Due, state: DeliveryState, reason: Option<String>) -> Settled {
    Settled {
        message: due.message,
        conversation: due.conversation,
        state,
        reason,
    }
}

/// Whether the house closes.
fn closed(stop: &watch::Receiver<bool>) -> bool {
    *stop.borrow() || stop.has_changed().is_err()
}

/// Waits until the line can send, and answers its own number and the SIM's identity, as far as the
/// modem told them; `None` once the line is gone.
async fn ready(
    status: &mut watch::Receiver<LineStatus>,
) -> Option<(Option<String>, Option<String>)> {
    let ready = status
        .wait_for(|status| status.phase == Phase::Ready)
        .await
        .ok()?;
    Some((ready.own_number.clone(), ready.imsi.clone()))
}

pub(super) fn after(now: Timestamp, span: Duration) -> Timestamp {
    now.checked_add(span).unwrap_or(now)
}

fn until(now: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO)
}
