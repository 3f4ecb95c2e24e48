//! Segments on their way out: held until the line is ready, sent in PDU mode for certain, and given
//! an outcome each.

use std::time::{Duration, Instant};

use super::{Effect, Session, Stage};
use crate::at::{Command, FinalResult, Outcome, Reply, response};
use crate::modem::{Phase, SubmitOutcome, refusal};

/// How long a submission waits for the line to be ready, before it is given back as refused: the
/// outbox, which survives a restart, is the better place to wait.
const HOLD_LIMIT: Duration = Duration::from_secs(60);

/// `+CMMS=1` lapses when the next text does not follow within 1 to 5 s (TS 27.005 §3.5.6).
const MORE_TO_SEND_LASTS: Duration = Duration::from_secs(1);

/// Refusals of the mode and the send on one line, until the modem is taken for one that takes one
/// command a line.
const REFUSED_TOGETHER_MAX: u8 = 2;

/// The longest turn of the storage behind a submission: enough for a full SIM on a slow modem.
const STORAGE_TURN_MAX: Duration = Duration::from_secs(10);

/// Refusals in a row, without a reason or with the modem's own, after which a setup is not enough.
const BLAMED_MAX: u32 = 5;

/// The segment in hand.
#[derive(Debug)]
pub(super) struct Held {
    tpdu: Vec<u8>,
    more_to_come: bool,
    since: Instant,
    /// Since when it is on its way.
    in_flight: Option<Instant>,
    /// PDU mode was said on a line of its own.
    mode_said: bool,
    /// Refusals of the mode and the send on one line.
    refused_together: u8,
    /// The answer to it, while the modem is asked in which mode it took it.
    answer: Option<Reply>,
}

impl Session {
    /// Whether another submission can be taken.
    pub(in crate::modem) fn takes_submissions(&self) -> bool {
        self.held.is_none()
    }

    /// Whether the submission in hand may be on its way to the network.
    pub(in crate::modem) fn is_sending(&self) -> bool {
        self.held
            .as_ref()
            .is_some_and(|held| held.in_flight.is_some())
    }

    /// Takes a segment to send.
    pub(in crate::modem) fn submit(&mut self, tpdu: Vec<u8>, more_to_come: bool, now: Instant) {
        self.held = Some(Held {
            tpdu,
            more_to_come,
            since: now,
            in_flight: None,
            mode_said: false,
            refused_together: 0,
            answer: None,
        });
    }

    /// Gives the submission in hand back, if it has not gone out.
    pub(in crate::modem) fn give_back(&mut self, words: &str) {
        if !self.is_sending() && self.held.take().is_some() {
            self.effects
                .push_back(Effect::Outcome(refusal::refused(words)));
        }
    }

    /// When the segment in hand has waited for the line long enough.
    pub(super) fn hold_deadline(&self) -> Option<Instant> {
        let held = self.held.as_ref().filter(|held| held.in_flight.is_none());
        held.map(|held| held.since + HOLD_LIMIT)
    }

    /// Gives back what has waited long enough.
    pub(super) fn expire_held(&mut self, now: Instant) {
        let held = self.held.as_ref();
        if held.is_some_and(|held| now >= held.since + HOLD_LIMIT) {
            let words = match &self.status.phase {
                Phase::NoPort(words) | Phase::Stuck(words) => words.clone(),
                Phase::Starting | Phase::Ready => "the line is not ready yet".into(),
            };
            self.give_back(&words);
        }
        if self.stage != Stage::Running {
            self.mode_unread();
        }
    }

    /// The modem is set up anew: what it took before says nothing any more.
    pub(super) fn forget_sends(&mut self) {
        self.sends_alone = false;
        if let Some(held) = &mut self.held {
            held.mode_said = false;
            held.refused_together = 0;
        }
        self.more_to_send_supported = true;
        self.more_to_send_until = None;
    }

    /// `+CMMS` was taken, or not.
    pub(super) fn more_to_send_said(&mut self, reply: &Reply, now: Instant) {
        self.more_to_send_supported = reply.is_ok();
        self.more_to_send_until = Some(now + MORE_TO_SEND_LASTS);
    }

    /// Whether the modem is to be asked in which mode it took the segment in hand.
    pub(super) fn doubts_mode(&self) -> bool {
        let held = self.held.as_ref();
        held.is_some_and(|held| held.answer.is_some())
    }

    pub(super) fn next_of_submission(&mut self, now: Instant) -> Option<Command> {
        // A modem that has lost its settings might read the PDU as a text to a number (`+CMGF=1`).
        let is_ready = self.status.phase == Phase::Ready && self.setup_due.is_none();
        let held = self
            .held
            .as_mut()
            .filter(|held| is_ready && held.in_flight.is_none())?;
        let lapsed = self.more_to_send_until.is_none_or(|until| until <= now);
        if held.more_to_come && self.more_to_send_supported && lapsed {
            return Some(Command::MoreToSend(1));
        }
        if self.sends_alone && !held.mode_said {
            return Some(Command::PduMode);
        }
        held.in_flight = Some(now);
        Some(Command::Send {
            tpdu: held.tpdu.clone(),
            alone: self.sends_alone,
        })
    }

    /// PDU mode was said on a line of its own, before a send. Without it nothing is sent: what is
    /// meant for a length would be a telephone number.
    pub(super) fn mode_said(&mut self, reply: &Reply, now: Instant) {
        if let Some(held) = &mut self.held {
            held.mode_said = reply.is_ok();
            if !held.mode_said && matches!(reply.outcome, Outcome::Final(_)) {
                self.give_back("the modem does not take PDU mode now");
                self.setup_if_due(now);
            }
        }
    }

    /// The mode and the send on one line came to nothing, and no text was asked for: some modems
    /// carry out one command a line, or refuse more. Answers whether the same is tried again.
    fn sends_otherwise(&mut self, reply: &Reply) -> bool {
        let Command::Send { alone: false, .. } = reply.command else {
            return false;
        };
        let stands_alone = match &reply.outcome {
            // The mode was taken, and nothing came of the rest.
            Outcome::Final(FinalResult::Ok) => true,
            Outcome::Final(
                FinalResult::Error | FinalResult::NotSupported | FinalResult::TooManyParameters,
            ) => false,
            Outcome::Final(FinalResult::Cms(code)) if matches!(code.number, Some(302..=305)) => {
                false
            }
            Outcome::Final(FinalResult::Cme(code)) if matches!(code.number, Some(3 | 4 | 50)) => {
                false
            }
            Outcome::Final(_) | Outcome::TimedOut | Outcome::NoPrompt | Outcome::Cut(_) => {
                return false;
            }
        };
        if reply.payload_sent {
            return false;
        }
        let Some(held) = &mut self.held else {
            return false;
        };
        held.in_flight = None;
        held.refused_together += 1;
        self.sends_alone |= stands_alone || held.refused_together >= REFUSED_TOGETHER_MAX;
        true
    }

    pub(super) fn sent(&mut self, reply: &Reply, now: Instant) {
        if self.sends_otherwise(reply) {
            return;
        }
        let alone = matches!(reply.command, Command::Send { alone: true, .. });
        let answered = reply.payload_sent && matches!(reply.outcome, Outcome::Final(_));
        match &mut self.held {
            Some(held) if alone && answered => held.answer = Some(reply.clone()),
            Some(_) | None => self.concluded(reply, refusal::outcome_of(reply), now),
        }
    }

    /// In which mode the modem is, right after it answered a send that stood alone on its line.
    pub(super) fn mode_read(&mut self, reply: &Reply, now: Instant) {
        let Some(answer) = self.held.as_mut().and_then(|held| held.answer.take()) else {
            return;
        };
        let mode = reply.lines.first().and_then(|line| response::setting(line));
        match (&reply.outcome, mode) {
            (_, Some(1)) => {
                tracing::warn!("the modem fell back into text mode between two commands");
                self.concluded(&answer, outcome_in_text_mode(&answer), now);
                self.settings_lost(now);
            }
            // One that does not tell its mode is taken at its word.
            (Outcome::Final(_), _) => self.concluded(&answer, refusal::outcome_of(&answer), now),
            (Outcome::TimedOut | Outcome::NoPrompt | Outcome::Cut(_), _) => {
                self.concluded(&answer, outcome_in_text_mode(&answer), now);
            }
        }
    }

    /// The modem is busy with other things than to tell its mode.
    fn mode_unread(&mut self) {
        if let Some(answer) = self.held.as_mut().and_then(|held| held.answer.take()) {
            self.held = None;
            let outcome = outcome_in_text_mode(&answer);
            self.effects.push_back(Effect::Outcome(outcome));
        }
    }

    fn concluded(&mut self, reply: &Reply, outcome: SubmitOutcome, now: Instant) {
        let held = self.held.take();
        let began = held.as_ref().and_then(|held| held.in_flight);
        let took = began.map(|began| now.saturating_duration_since(began));
        self.storage_turn = took.map(|took| now + took.min(STORAGE_TURN_MAX));
        let more_to_come = held.is_some_and(|held| held.more_to_come);
        self.more_to_send_until = more_to_come.then_some(now + MORE_TO_SEND_LASTS);
        if let Outcome::Final(result) = &reply.outcome {
            if refusal::wants_setup(result) {
                self.setup_if_due(now);
            }
            if refusal::wants_sweep(result) {
                self.mailbox.sweep_all();
            }
            if refusal::doubts_centre(result) {
                self.run_errand(Command::ServiceCentre);
            }
            self.blame(refusal::blames_modem(result), now);
        }
        self.judge_outcome(&outcome, now);
        self.effects.push_back(Effect::Outcome(outcome));
    }

    /// A modem that fails text after text although it was set up anew wants more than that.
    fn blame(&mut self, modem: bool, now: Instant) {
        self.blamed = if modem { self.blamed + 1 } else { 0 };
        if self.blamed > BLAMED_MAX && self.stage == Stage::Running {
            self.blamed = 0;
            tracing::warn!("the modem refuses one text after another of its own accord");
            self.no_network(now);
        }
    }
}

/// What became of a segment that may have been taken for a text to a number: an `OK` says nothing of
/// the patron, and neither does a reason for a refusal.
fn outcome_in_text_mode(answer: &Reply) -> SubmitOutcome {
    match refusal::outcome_of(answer) {
        SubmitOutcome::Refused(refused) if !refused.may_have_left => {
            refusal::refused("the modem fell back into text mode")
        }
        SubmitOutcome::Accepted { .. } | SubmitOutcome::Duplicate | SubmitOutcome::Refused(_) => {
            SubmitOutcome::Unknown {
                why: "the modem may have been in text mode, where it takes a length for a number"
                    .into(),
            }
        }
        unknown @ SubmitOutcome::Unknown { .. } => unknown,
    }
}
