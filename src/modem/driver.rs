//! The line's task: port, engine, session and clock. All thinking is done in [`Session`]; here it
//! meets the wire.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tracing::Instrument as _;

use super::port::{OpenError, Opened, Opener};
use super::restart::{self, Restarter};
use super::session::{Effect, Session};
use super::{
    Arrivals, Call, Keepers, Line, LineSettings, LineStatus, PinAnswer, PinAttempt, Question,
    Record, Rung, Submission, SubmitOutcome, Tracer,
};
use crate::at::{Engine, Event};
use crate::clock::Clock;

mod backlog;

use backlog::Backlog;

/// After a hang-up: a re-plugged modem is back within a second or two, mostly.
const QUICK_TRIES: Duration = Duration::from_secs(2);
const QUICK_EVERY: Duration = Duration::from_millis(100);

/// How often a port that is not there is looked for.
const PATIENT_EVERY: Duration = Duration::from_secs(1);

/// How long a submission that is already with the modem is waited for when the daemon stops.
const LAST_WORD: Duration = Duration::from_secs(10);

/// Calls that a listener may lag behind; more is a flood, and each is hung up all the same.
const CALLS_MAX: usize = 32;

/// Octets read at once: some forty listed entries' worth of header.
const READ_MAX: usize = 4096;

type Opening<O> =
    Pin<Box<dyn Future<Output = (O, Result<Opened<<O as Opener>::Port>, OpenError>)> + Send>>;
type Restarting = Pin<Box<dyn Future<Output = Result<(), Option<String>>> + Send>>;
type Verdict = Pin<Box<dyn Future<Output = (u64, bool)> + Send>>;

/// Where the line's port stands.
enum Link<O: Opener> {
    /// Closed until then.
    Waiting {
        opener: O,
        until: Instant,
    },
    Opening(Opening<O>),
    Open {
        opener: O,
        reader: ReadHalf<O::Port>,
        writer: WriteHalf<O::Port>,
    },
    /// Closed until the modem was restarted from outside.
    Restarting {
        opener: O,
        restarting: Restarting,
    },
    /// Only while one state is exchanged for the next.
    Moving,
}

/// What happened on the link.
enum Happening<O: Opener> {
    Due,
    Opened(O, Result<Opened<O::Port>, OpenError>),
    Read(usize),
    Wrote(usize),
    Gone(std::io::Error),
    Restarted(Result<(), Option<String>>),
}

struct Driver {
    name: String,
    engine: Engine,
    session: Session,
    /// Octets that the port has not taken yet.
    unwritten: Vec<u8>,
    /// The mailbox bounds them.
    arrivals: Backlog<Arrivals>,
    /// One of each kind waits at most.
    records: Option<Backlog<Record>>,
    /// The attempt at a PIN whose record is awaited.
    pin_asked: Option<(PinAttempt, oneshot::Receiver<PinAnswer>)>,
    verdicts: FuturesUnordered<Verdict>,
    outcome: Option<oneshot::Sender<SubmitOutcome>>,
    answer: Option<oneshot::Sender<Result<String, String>>>,
    reference: Option<oneshot::Sender<Option<u8>>>,
    unlocked: Option<oneshot::Sender<Result<(), String>>>,
    calls: broadcast::Sender<Call>,
    status: watch::Sender<LineStatus>,
    /// Since when the port is gone, while it is.
    gone_since: Option<Instant>,
    replug: Vec<Arc<dyn Restarter>>,
    power: Vec<Arc<dyn Restarter>>,
    /// How often rungs 5 and 6 were carried out since the line was last well.
    restarts: u32,
    clock: Clock,
    /// When the trouble began, on both clocks.
    trouble: Option<(Instant, jiff::Timestamp)>,
    /// Since when the line works, or does not.
    stands: Option<(bool, jiff::Timestamp)>,
    /// Whether the opener was told whose port it is.
    identified: bool,
}

/// How long a modem that must not be driven is left alone.
const REFUSED_FOR: Duration = Duration::from_secs(10);

pub(super) fn spawn<O: Opener>(
    opener: O,
    settings: LineSettings,
    tracer: Tracer,
    arrivals: mpsc::Sender<Arrivals>,
    keepers: Keepers,
) -> Line {
    let (submissions, submitted) = mpsc::channel(1);
    let (questions, asked) = mpsc::channel(8);
    let (calls, _) = broadcast::channel(CALLS_MAX);
    let mut session = Session::new(settings.clone(), now());
    if let Some((record, ago)) = keepers.memory.ladder {
        session.resume(record, ago, now());
    }
    let (status, watched) = watch::channel(session.status().clone());
    let name = settings.name;
    let driver = Driver {
        name: name.clone(),
        engine: Engine::default(),
        session,
        unwritten: Vec::new(),
        arrivals: Backlog::new(arrivals),
        records: keepers.records.map(Backlog::new),
        pin_asked: None,
        verdicts: FuturesUnordered::new(),
        outcome: None,
        answer: None,
        reference: None,
        unlocked: None,
        calls: calls.clone(),
        status,
        gone_since: None,
        replug: keepers.replug,
        power: keepers.power,
        restarts: 0,
        clock: keepers.clock,
        trouble: None,
        stands: None,
        identified: false,
    };
    let span = tracing::info_span!("modem", line = %name);
    tokio::spawn(driver.run(opener, submitted, asked).instrument(span));
    Line {
        name,
        submissions,
        questions,
        calls,
        care: Arc::default(),
        status: watched,
        tracer,
    }
}

impl Driver {
    async fn run<O: Opener>(
        mut self,
        opener: O,
        mut submissions: mpsc::Receiver<Submission>,
        mut questions: mpsc::Receiver<Question>,
    ) {
        let mut link = Link::Waiting {
            opener,
            until: now(),
        };
        let mut buffer = vec![0; READ_MAX];
        let mut stopping: Option<Instant> = None;
        loop {
            self.turn(&mut link);
            if let Some(limit) = stopping {
                self.session.give_back("the line is shutting down");
                self.perform(&mut link);
                if !self.session.is_sending() || now() >= limit {
                    return;
                }
            }
            let wake = self.wake_at(stopping);
            tokio::select! {
                happening = link.happening(&mut buffer, &self.unwritten) => {
                    self.on_happening(happening, &mut link, &buffer);
                }
                submission = submissions.recv(),
                    if stopping.is_none() && self.session.takes_submissions() =>
                {
                    match submission {
                        Some(submission) => self.take_submission(submission),
                        None => stopping = Some(now() + LAST_WORD),
                    }
                }
                question = questions.recv(), if stopping.is_none() && self.takes_questions() => {
                    match question {
                        Some(Question::Ussd { code, answer }) => {
                            self.answer = Some(answer);
                            self.session.ask_ussd(code, now());
                        }
                        Some(Question::LastReference { answer }) => {
                            self.reference = Some(answer);
                            self.session.ask_last_reference();
                        }
                        Some(Question::Unlock { pin, answer }) => {
                            self.unlocked = Some(answer);
                            self.session.unlock(pin);
                        }
                        Some(Question::Sweep) => self.session.sweep(),
                        Some(Question::SetUp) => self.session.set_up_again(now()),
                        None => stopping = Some(now() + LAST_WORD),
                    }
                }
                Some((batch, kept)) = self.verdicts.next(), if !self.verdicts.is_empty() => {
                    self.session.on_verdict(batch, kept, now());
                }
                () = self.arrivals.hand_over() => {}
                () = hand_over(&mut self.records) => {}
                (attempt, answer) = answer_to(&mut self.pin_asked) => {
                    self.session.on_pin_answer(&attempt, answer, now());
                }
                () = sleep_until(wake) => {}
            }
        }
    }

    /// One question at a time.
    fn takes_questions(&self) -> bool {
        self.session.takes_ussd() && self.reference.is_none() && self.unlocked.is_none()
    }

    /// Lets time pass, starts the next command, does what the session wants done.
    fn turn<O: Opener>(&mut self, link: &mut Link<O>) {
        self.engine.tick(now());
        self.hear_events(link);
        if link.is_open() && !self.engine.is_busy() {
            let next = self.session.next(now());
            self.perform(link);
            if let Some(command) = next
                && link.is_open()
            {
                tracing::debug!(?command, "asking");
                // Not busy: it was asked above, and `perform` submits nothing.
                let _ = self.engine.submit(command, now());
            }
        } else if !link.is_open() {
            self.session.next(now()); // only what is overdue
            self.perform(link);
        }
        self.session.look_at_clock(now());
        self.perform(link);
        self.unwritten.extend(self.engine.take_octets());
        self.introduce(link);
        self.publish();
    }

    /// Tells the opener whose port it is, once that is known.
    fn introduce<O: Opener>(&mut self, link: &mut Link<O>) {
        if self.identified || !link.is_open() {
            return;
        }
        let Some(imei) = self.session.status().imei.clone() else {
            return;
        };
        self.identified = true;
        match link.opener().map(|opener| opener.identified(&imei)) {
            Some(Ok(Some(place))) => self.keep(Record::Place(place)),
            Some(Ok(None)) | None => {}
            Some(Err(error)) => {
                let words = error.to_string();
                tracing::error!("{words}");
                self.close(link, "the port was closed", REFUSED_FOR);
                self.session.no_port(&words, false, now());
            }
        }
    }

    fn publish(&mut self) {
        let since = self.session.trouble_since();
        if self.trouble.map(|(began, _)| began) != since {
            self.trouble = since.map(|began| {
                let age = now().saturating_duration_since(began);
                let stamp = self.clock.now();
                (began, stamp.checked_sub(age).unwrap_or(stamp))
            });
            if since.is_none() {
                self.restarts = 0;
            }
        }
        let stamp = self.trouble.map(|(_, stamp)| stamp);
        let works = self.session.status().works();
        if self.stands.is_none_or(|(worked, _)| worked != works) {
            self.stands = Some((works, self.clock.now()));
        }
        let since = self.stands.map(|(_, since)| since);
        let status = self.session.status();
        self.status.send_if_modified(|published| {
            // The session knows no dates.
            let before = (published.recovery.since.take(), published.since.take());
            let changed = before != (stamp, since) || published != status;
            if changed {
                published.clone_from(status);
            }
            (published.recovery.since, published.since) = (stamp, since);
            changed
        });
    }

    fn hear_events<O: Opener>(&mut self, link: &mut Link<O>) {
        while let Some(event) = self.engine.next_event() {
            tracing::trace!(?event, "heard");
            match event {
                Event::Reply(reply) => self.session.on_reply(&reply, now()),
                Event::Entry(entry) => self.session.on_entry(&entry, now()),
                Event::Unsolicited(unsolicited) => {
                    self.session.on_unsolicited(&unsolicited, now());
                }
            }
            self.perform(link);
        }
    }

    fn perform<O: Opener>(&mut self, link: &mut Link<O>) {
        while let Some(effect) = self.session.next_effect() {
            match effect {
                Effect::Deliver(delivery) => {
                    let (kept, verdict) = oneshot::channel();
                    let arrivals = Arrivals {
                        line: self.name.clone(),
                        pdus: delivery.pdus,
                        kept,
                    };
                    let batch = delivery.batch;
                    self.verdicts.push(Box::pin(
                        async move { (batch, verdict.await.unwrap_or(false)) },
                    ));
                    self.arrivals.push(arrivals);
                }
                Effect::Outcome(outcome) => {
                    if let Some(sender) = self.outcome.take() {
                        // Whoever asked may have gone; the outbox then calls it unknown.
                        let _ = sender.send(outcome);
                    }
                }
                Effect::Answer(answer) => {
                    if let Some(sender) = self.answer.take() {
                        let _ = sender.send(answer);
                    }
                }
                Effect::Unlocked(answer) => {
                    if let Some(sender) = self.unlocked.take() {
                        let _ = sender.send(answer);
                    }
                }
                Effect::LastReference(reference) => {
                    if let Some(sender) = self.reference.take() {
                        let _ = sender.send(reference);
                    }
                }
                Effect::Called(from) => {
                    // Nobody may be listening; the call is over either way.
                    let _ = self.calls.send(Call { from });
                }
                Effect::Escape => self.engine.escape(),
                Effect::Cut(why) => {
                    self.unwritten.clear();
                    self.engine.cut(why);
                }
                Effect::Reopen { after } => {
                    if let Some(opener) = link.opener() {
                        opener.unanswered();
                    }
                    self.close(link, "the port was closed", after);
                }
                Effect::Restart(rung) => self.restart(link, rung),
                Effect::SeekHints => {
                    if link.opener().is_some_and(|opener| opener.has_other_port()) {
                        tracing::info!("texts come unannounced; trying the modem's other port");
                        self.close(link, "the port was closed", QUICK_EVERY);
                        self.session
                            .closed("changing to the modem's other port", now());
                    }
                }
                Effect::Keep(record) => {
                    let at = self.clock.now();
                    self.keep(Record::Ladder { record, at });
                }
                Effect::TryPin(attempt) => {
                    let (answer, answered) = oneshot::channel();
                    self.pin_asked = Some((attempt.clone(), answered));
                    self.keep(Record::PinAttempt { attempt, answer });
                }
                Effect::PinAccepted(accepted) => self.keep(Record::PinAccepted(accepted)),
            }
        }
    }

    /// Hands a record to whoever keeps them. Where nobody does, it is dropped.
    fn keep(&mut self, record: Record) {
        if let Some(records) = &mut self.records {
            records.retain(|earlier| !record.replaces(earlier));
            records.push(record);
        }
    }

    fn close<O: Opener>(&mut self, link: &mut Link<O>, why: &'static str, pause: Duration) {
        self.unwritten.clear();
        self.engine.cut(why);
        *link = match std::mem::replace(link, Link::Moving) {
            Link::Open { opener, .. } | Link::Waiting { opener, .. } => Link::Waiting {
                opener,
                until: now() + pause,
            },
            busy @ (Link::Opening(_) | Link::Restarting { .. } | Link::Moving) => busy,
        };
    }

    /// Lets go of the port and has the modem restarted from outside.
    fn restart<O: Opener>(&mut self, link: &mut Link<O>, rung: Rung) {
        self.close(link, "the port was closed", Duration::ZERO);
        let opener = match std::mem::replace(link, Link::Moving) {
            Link::Waiting { opener, .. } => opener,
            // It is being opened: that decides.
            busy => {
                *link = busy;
                return;
            }
        };
        let ways = match rung {
            Rung::Replug => self.replug.clone(),
            Rung::Power => self.power.clone(),
        };
        let mut modem = opener.whereabouts();
        modem.tries = self.restarts;
        self.restarts = self.restarts.saturating_add(1);
        *link = Link::Restarting {
            opener,
            restarting: Box::pin(restart::carry_out(ways, modem)),
        };
    }

    fn on_happening<O: Opener>(
        &mut self,
        happening: Happening<O>,
        link: &mut Link<O>,
        buffer: &[u8],
    ) {
        match happening {
            Happening::Due => {
                if let Link::Waiting { mut opener, .. } = std::mem::replace(link, Link::Moving) {
                    *link = Link::Opening(Box::pin(async move {
                        let opened = opener.open().await;
                        (opener, opened)
                    }));
                }
            }
            Happening::Opened(opener, Ok(opened)) => {
                tracing::info!(path = ?opened.path, "the port is open");
                self.gone_since = None;
                self.identified = false;
                let (reader, writer) = tokio::io::split(opened.port);
                *link = Link::Open {
                    opener,
                    reader,
                    writer,
                };
                self.session.opened(opened.path, now());
            }
            Happening::Opened(opener, Err(error)) => {
                let words = error.to_string();
                if self.session.status().phase != super::Phase::NoPort(words.clone()) {
                    tracing::warn!("{words}");
                }
                self.session.no_port(&words, error.is_sick(), now());
                let quick = self
                    .gone_since
                    .is_some_and(|since| now() < since + QUICK_TRIES);
                let pause = if quick { QUICK_EVERY } else { PATIENT_EVERY };
                *link = Link::Waiting {
                    opener,
                    until: now() + pause,
                };
            }
            Happening::Read(count) => {
                self.session.heard();
                if let Some(octets) = buffer.get(..count) {
                    tracing::trace!(octets = %octets.escape_ascii(), "read");
                    self.engine.receive(octets, now());
                }
            }
            Happening::Wrote(count) => {
                self.unwritten.drain(..count.min(self.unwritten.len()));
            }
            Happening::Restarted(done) => {
                if let Link::Restarting { opener, .. } = std::mem::replace(link, Link::Moving) {
                    *link = Link::Waiting {
                        opener,
                        until: now(),
                    };
                }
                self.gone_since = Some(now());
                self.session.on_restart(done, now());
            }
            Happening::Gone(error) => {
                tracing::warn!("the port is gone ({error}); waiting for it to come back");
                self.gone_since = Some(now());
                self.hang_up(link);
            }
        }
    }

    /// The device went away: let go of it at once, or it comes back under another name.
    fn hang_up<O: Opener>(&mut self, link: &mut Link<O>) {
        // What the modem said last counts: the outcome may be among it. What it was never given
        // does not: a Ctrl-Z that was not written sent nothing.
        let unsent = self.unwritten.contains(&0x1A);
        self.hear_events(link);
        self.close(link, "the port is gone", QUICK_EVERY);
        while let Some(event) = self.engine.next_event() {
            if let Event::Reply(mut reply) = event {
                reply.payload_sent &= !unsent;
                self.session.on_reply(&reply, now());
            }
        }
        self.session.lost(
            "the modem's port is gone: is it still plugged in, and powered?",
            now(),
        );
        self.perform(link);
    }

    fn take_submission(&mut self, submission: Submission) {
        // Whoever asked has given up before anything was sent: then it is not.
        if submission.outcome.is_closed() {
            return;
        }
        self.outcome = Some(submission.outcome);
        self.session
            .submit(submission.tpdu, submission.more_to_come, now());
    }

    fn wake_at(&self, stopping: Option<Instant>) -> Option<Instant> {
        // While a command is in flight the session has its turn when that ends; what it holds for
        // a person expires then too.
        let session = if self.engine.is_busy() {
            None
        } else {
            self.session.next_deadline()
        };
        let hearing = self.session.hearing_deadline();
        [self.engine.next_deadline(), session, hearing, stopping]
            .into_iter()
            .flatten()
            .min()
    }
}

impl<O: Opener> Link<O> {
    fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }

    fn opener(&mut self) -> Option<&mut O> {
        match self {
            Self::Waiting { opener, .. }
            | Self::Open { opener, .. }
            | Self::Restarting { opener, .. } => Some(opener),
            Self::Opening(_) | Self::Moving => None,
        }
    }

    /// Waits for the next thing to happen; may be dropped and called again at any time.
    async fn happening(&mut self, buffer: &mut [u8], unwritten: &[u8]) -> Happening<O> {
        match self {
            Self::Waiting { until, .. } => {
                tokio::time::sleep_until((*until).into()).await;
                Happening::Due
            }
            Self::Opening(opening) => {
                let (opener, opened) = opening.await;
                Happening::Opened(opener, opened)
            }
            Self::Open { reader, writer, .. } => {
                tokio::select! {
                    read = reader.read(buffer) => match read {
                        // A hung-up tty reads as nothing, for ever.
                        Ok(0) => Happening::Gone(std::io::ErrorKind::UnexpectedEof.into()),
                        Ok(count) => Happening::Read(count),
                        Err(error) => Happening::Gone(error),
                    },
                    wrote = writer.write(unwritten), if !unwritten.is_empty() => match wrote {
                        Ok(0) => Happening::Gone(std::io::ErrorKind::WriteZero.into()),
                        Ok(count) => Happening::Wrote(count),
                        Err(error) => Happening::Gone(error),
                    },
                }
            }
            Self::Restarting { restarting, .. } => Happening::Restarted(restarting.await),
            Self::Moving => std::future::pending().await,
        }
    }
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake.into()).await,
        None => std::future::pending().await,
    }
}

async fn hand_over(records: &mut Option<Backlog<Record>>) {
    match records {
        Some(records) => records.hand_over().await,
        None => std::future::pending().await,
    }
}

/// What came of the attempt that is to be recorded. May be dropped and called again at any time.
async fn answer_to(
    asked: &mut Option<(PinAttempt, oneshot::Receiver<PinAnswer>)>,
) -> (PinAttempt, PinAnswer) {
    let Some((attempt, answered)) = asked else {
        return std::future::pending().await;
    };
    // Silence permits nothing; and where there is nothing to try, nothing need be kept.
    let answer = match answered.await {
        Ok(answer) => answer,
        Err(_) if attempt.typed.is_none() && attempt.configured.is_none() => PinAnswer::NoneKnown,
        Err(_) => PinAnswer::NotRecorded("nobody keeps records".into()),
    };
    let attempt = attempt.clone();
    *asked = None;
    (attempt, answer)
}

/// The monotonic clock, which tests may pause.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests;
