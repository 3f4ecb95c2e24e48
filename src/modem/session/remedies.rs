//! The ladder's acts, as commands: what is tried on a modem that does not do what it is told, and
//! what is shown of that.

use std::time::{Duration, Instant};

use super::{Effect, Session, Stage};
use crate::at::{Command, Domain, Outcome, Reply};
use crate::modem::recovery::{Act, Fault, Ladder, LadderRecord};
use crate::modem::{Phase, Rung, SubmitOutcome, SubmitRefusal};

/// How often `AT` is said on rung 0.
const RESYNC_TRIES: u8 = 3;

/// How long the radio stays off.
const RADIO_OFF: Duration = Duration::from_secs(3);

/// After a restart by AT: a modem may go on answering for a moment before it goes.
const REBOOT_FIRST_LOOK: Duration = Duration::from_secs(10);

/// How often a restarting modem is tried, for not all say when they are back.
const REBOOT_LOOK_EVERY: Duration = Duration::from_secs(5);

/// A port that was lost for longer was pulled, not shaken.
const SHAKEN: Duration = Duration::from_secs(60);

/// So many texts refused in a row, although a network has the line: none gets out.
const REFUSALS_MAX: u8 = 3;

/// For how long a warning of the supply is shown.
const SUPPLY_TOLD: Duration = Duration::from_secs(60 * 60);

/// So many announcements of texts that are nowhere: the modem loses them.
const UNPLACED_MAX: u32 = 3;

/// So many listings that found what nothing had announced.
const UNHINTED_MAX: u8 = 2;

/// Where rung 3 stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RadioStep {
    /// Off, by the profile's level at this place.
    Off(usize),
    /// Off for a while.
    Pause,
    /// A line that wants the radio off, by its place.
    Line(usize),
    On,
}

impl Session {
    /// Goes on where another run of the daemon was on the ladder.
    pub(in crate::modem) fn resume(&mut self, record: LadderRecord, ago: Duration, now: Instant) {
        self.ladder = Ladder::resume(&record, ago, now);
        self.kept = record;
        self.show_ladder(now);
    }

    /// Since when something is wrong with the line.
    pub(in crate::modem) fn trouble_since(&self) -> Option<Instant> {
        self.ladder.since()
    }

    /// The port could not be opened: why, and whether that speaks of a sick modem. A port that
    /// belongs to another program, or may not be opened, is for a person.
    pub(in crate::modem) fn no_port(&mut self, words: &str, is_sick: bool, now: Instant) {
        self.closed(words, now);
        if is_sick {
            self.fault = Fault::Gone;
            let act = self.ladder.gone(now);
            self.climb_if(act, now);
        }
    }

    /// The port went away while it was open.
    pub(in crate::modem) fn lost(&mut self, words: &str, now: Instant) {
        self.lost_at = Some(now);
        self.closed(words, now);
    }

    pub(super) fn port_is_back(&mut self, now: Instant) {
        let lost = self.lost_at.take();
        if lost.is_some_and(|at| now.saturating_duration_since(at) < SHAKEN) {
            self.ladder.restarted_by_itself(now);
        }
        self.ladder.opened();
        self.show_ladder(now);
    }

    /// Rung 5 or 6 was carried out, or could not be: why not, if there is more to say than that
    /// nothing here can do it.
    pub(in crate::modem) fn on_restart(&mut self, done: Result<(), Option<String>>, now: Instant) {
        match done {
            Ok(()) => {
                self.restart_trouble = None;
                self.ladder.carried_out(now);
                self.show_ladder(now);
            }
            Err(trouble) => {
                if let Some(words) = trouble {
                    tracing::warn!("{words}");
                    self.restart_trouble = Some(words);
                }
                let act = self.ladder.cannot(self.fault, now);
                self.climb_if(act, now);
            }
        }
    }

    pub(super) fn failed(&mut self, now: Instant) {
        self.fault = Fault::Mute;
        let act = self.ladder.failed(now);
        tracing::debug!(?act, "the modem did not answer");
        self.climb(act, now);
    }

    /// Not one `AT` was answered.
    pub(super) fn unanswered(&mut self, now: Instant) {
        self.fault = Fault::Mute;
        let act = self.ladder.unanswered(now);
        self.climb(act, now);
    }

    /// The SIM does not answer, although it had its time to start.
    pub(super) fn sim_gone(&mut self, now: Instant) {
        self.fault = Fault::Sim;
        let act = self.ladder.sim_gone(now);
        self.climb_if(act, now);
    }

    /// No text can be read, although the line was set up: a setup first, then at most one restart an
    /// hour, for what is wrong may be for a person.
    pub(super) fn cannot_hear(&mut self, now: Instant) {
        self.fault = Fault::Deaf;
        if let Some(act) = self.ladder.deaf(now) {
            self.climb(act, now);
        } else if self.stage == Stage::Running {
            self.setup_if_due(now);
        }
    }

    /// No network for long: rung 3 at most.
    pub(super) fn no_network(&mut self, now: Instant) {
        if let Some(act) = self.ladder.no_network(now) {
            self.radio_lines = self.profile.widest_radio.to_vec();
            self.climb(act, now);
        }
    }

    pub(super) fn passed(&mut self, now: Instant) {
        self.ladder.passed(now);
        self.restart_trouble = None;
        self.show_ladder(now);
    }

    /// A network that has the line and takes no text is as good as none: LTE without IMS or SGs.
    pub(super) fn judge_outcome(&mut self, outcome: &SubmitOutcome, now: Instant) {
        match outcome {
            SubmitOutcome::Accepted { .. } | SubmitOutcome::Duplicate => self.refusals = 0,
            SubmitOutcome::Unknown { .. } => {}
            SubmitOutcome::Refused(SubmitRefusal { code, .. }) => {
                if !matches!(
                    code,
                    Some(17 | 27 | 38 | 41 | 42 | 47 | 331 | 332 | 341..=500)
                ) {
                    return; // this text, this recipient, or this modem
                }
                self.refusals = self.refusals.saturating_add(1);
                let by_lte_alone = self.is_registered_by(Domain::Evolved)
                    && !self.is_registered_by(Domain::Circuit);
                if self.refusals >= REFUSALS_MAX && self.stage == Stage::Running && by_lte_alone {
                    self.refusals = 0;
                    if let Some(act) = self.ladder.no_network(now) {
                        tracing::warn!(
                            "LTE is there, and no text gets out: letting them go by IMS, and \
                             starting the radio again"
                        );
                        self.radio_lines = self.profile.texts_by_ims.to_vec();
                        self.climb(act, now);
                    }
                }
            }
        }
    }

    fn climb_if(&mut self, act: Option<Act>, now: Instant) {
        match act {
            Some(act) => self.climb(act, now),
            None => self.show_ladder(now),
        }
    }

    fn climb(&mut self, act: Act, now: Instant) {
        self.wait_until = None;
        match act {
            Act::Resync => {
                self.effects.push_back(Effect::Escape);
                self.stage = Stage::Resync { left: RESYNC_TRIES };
            }
            Act::Setup => {
                self.effects.push_back(Effect::Escape);
                self.begin_setup(now);
            }
            Act::Reopen { after } => {
                tracing::warn!(
                    "the modem does not answer; closing the port and opening it again in {} s",
                    after.as_secs()
                );
                self.closed(
                    "the modem does not answer on its port: if this lasts, power it off and on",
                    now,
                );
                self.effects.push_back(Effect::Reopen { after });
            }
            Act::Radio => {
                tracing::warn!("switching the radio off and on");
                self.leave_ready();
                self.stage = Stage::Radio(RadioStep::Off(0));
            }
            Act::SoftReset => {
                tracing::warn!("restarting the modem");
                self.leave_ready();
                self.effects.push_back(Effect::Escape);
                self.stage = Stage::SoftReset(0);
            }
            Act::Replug => self.restart(Rung::Replug, now),
            // It answers, so it can be told first: a store that is being written to stays whole. Only
            // where pins of ours switch it on again: one that said goodbye to a hub that does not
            // switch its ports would stay off until somebody comes.
            Act::PowerCycle
                if self.fault == Fault::Sim
                    && self.settings.power.is_some()
                    && self.profile.soft_off.is_some() =>
            {
                self.stage = Stage::Farewell;
            }
            Act::PowerCycle => self.restart(Rung::Power, now),
        }
        self.show_ladder(now);
    }

    /// Nothing is sent from here on; what a person was told stays.
    fn leave_ready(&mut self) {
        if self.status.phase == Phase::Ready {
            self.status.phase = Phase::Starting;
        }
    }

    pub(super) fn restart(&mut self, rung: Rung, now: Instant) {
        let words = match rung {
            Rung::Replug => "the modem is unplugged and plugged in again by the kernel",
            Rung::Power => "the modem is switched off and on",
        };
        self.closed(words, now);
        self.effects.push_back(Effect::Restart(rung));
    }

    // Rung 0.

    pub(super) fn on_resync_reply(&mut self, left: u8, reply: &Reply, now: Instant) {
        if reply.is_ok() {
            // ESC and CR before it have woken what slept.
            self.sleep.swallowed();
            self.sleep.answered(now);
            self.stage = Stage::ResyncStorage;
        } else if left > 1 {
            self.stage = Stage::Resync { left: left - 1 };
        } else {
            self.failed(now);
        }
    }

    pub(super) fn on_resync_storage_reply(&mut self, reply: &Reply, now: Instant) {
        if !reply.is_ok() {
            self.failed(now);
        } else if self.setup_at.is_some() {
            self.passed(now);
            self.stage = Stage::Running;
            self.mailbox.sweep();
        } else {
            // What was not answered was part of the setup: it has passed when that has.
            self.begin_setup(now);
        }
    }

    // Rung 3.

    pub(super) fn radio_command(&mut self, step: RadioStep, now: Instant) -> Option<Command> {
        let command = match step {
            RadioStep::Off(n) => self
                .profile
                .radio_off
                .get(n)
                .copied()
                .map(Command::Functionality),
            RadioStep::Pause if self.wait_until.is_some_and(|until| now < until) => return None,
            RadioStep::Pause => {
                self.wait_until = None;
                return self.radio_command(RadioStep::Line(0), now);
            }
            RadioStep::Line(n) => self.radio_lines.get(n).copied().map(Command::Vendor),
            RadioStep::On => None,
        };
        let (step, command) = match command {
            Some(command) => (step, command),
            None => (RadioStep::On, Command::Functionality(1)),
        };
        self.stage = Stage::Radio(step);
        Some(command)
    }

    pub(super) fn on_radio_reply(&mut self, step: RadioStep, reply: &Reply, now: Instant) {
        let timed_out = matches!(reply.outcome, Outcome::TimedOut | Outcome::NoPrompt);
        match step {
            RadioStep::Off(_) if reply.is_ok() => {
                self.wait_until = Some(now + RADIO_OFF);
                self.stage = Stage::Radio(RadioStep::Pause);
            }
            RadioStep::Off(_) | RadioStep::On if timed_out => self.failed(now),
            // Refused: another level, or merely on.
            RadioStep::Off(n) => self.stage = Stage::Radio(RadioStep::Off(n + 1)),
            RadioStep::Pause => {}
            RadioStep::Line(n) => self.stage = Stage::Radio(RadioStep::Line(n + 1)),
            RadioStep::On => self.begin_setup(now),
        }
    }

    // Rung 4.

    pub(super) fn reset_command(&self, n: usize) -> Command {
        let line = self.profile.resets.get(n).copied();
        line.map_or(Command::Reset, Command::Vendor)
    }

    pub(super) fn on_reset_reply(&mut self, n: usize, reply: &Reply, now: Instant) {
        let was_last = n >= self.profile.resets.len();
        if reply.is_ok() || was_last && matches!(reply.outcome, Outcome::TimedOut) {
            self.stage = Stage::Rebooting {
                until: now + self.profile.boot_wait,
            };
            self.wait_until = Some(now + REBOOT_FIRST_LOOK);
        } else if was_last {
            // It answers, and will not restart: not by AT, then.
            let act = self.ladder.cannot(self.fault, now);
            self.climb_if(act, now);
        } else {
            self.stage = Stage::SoftReset(n + 1);
        }
    }

    pub(super) fn rebooting_command(&mut self, until: Instant, now: Instant) -> Option<Command> {
        if now >= until {
            self.effects.push_back(Effect::Escape);
            self.begin_setup(now);
            return Some(Command::Attention);
        }
        if self.wait_until.is_some_and(|at| now < at) {
            return None;
        }
        self.wait_until = Some(now + REBOOT_LOOK_EVERY);
        Some(Command::Attention)
    }

    pub(super) fn on_rebooting_reply(&mut self, reply: &Reply, now: Instant) {
        if reply.is_ok() {
            self.begin_setup(now);
        }
    }

    /// A listing found texts that nothing had announced: twice, and the announcements may go to
    /// another port of the modem. Those that lay there from the start were announced to nobody.
    pub(super) fn note_unhinted(&mut self, now: Instant) {
        let settled = self
            .setup_at
            .is_some_and(|at| now >= at + self.settings.sweep_every);
        if self.hint_heard || !settled {
            return;
        }
        self.unhinted = self.unhinted.saturating_add(1);
        if self.unhinted >= UNHINTED_MAX {
            self.unhinted = 0;
            self.effects.push_back(Effect::SeekHints);
        }
    }

    // What is shown and kept.

    pub(super) fn show_ladder(&mut self, now: Instant) {
        let recovery = &mut self.status.recovery;
        recovery.rung = self.ladder.rung();
        recovery.counts = self.ladder.counts();
        recovery.restarts = self.ladder.restarts();
        let trouble = self.restart_trouble.as_deref();
        self.status.alarm = match (self.ladder.alarm(), trouble) {
            (Some(words), Some(trouble)) => Some(format!("{words} ({trouble})")),
            (alarm, _) => alarm.or_else(|| self.standing_alarm()),
        };
        // Rungs 0 and 1 are tried at every hiccup: not worth a commit each.
        let record = self.ladder.record(now);
        let key = |record: &LadderRecord| {
            let rung = if record.rung < 2 { 0 } else { record.rung };
            let counts = record.counts;
            (
                rung,
                record.rounds,
                record.alarm,
                counts[2..].to_vec(),
                record.restarts,
            )
        };
        if key(&record) != key(&self.kept) {
            self.kept = record.clone();
            self.effects.push_back(Effect::Keep(record));
        }
    }

    /// What is wrong for as long as it stands, and is for a person.
    fn standing_alarm(&self) -> Option<String> {
        if let Phase::Stuck(words) = &self.status.phase
            && self.deaf_since.is_some()
        {
            return Some(words.clone());
        }
        if let Some((said, _)) = &self.supply {
            return Some(format!(
                "the modem says {said}: give it a supply of its own that stands bursts of 2 A"
            ));
        }
        if self.smsc_missing {
            return Some(
                "the SIM knows no service centre, so no text can leave: set `smsc` for this modem \
                 in the configuration, as the carrier says"
                    .to_owned(),
            );
        }
        if let Some(words) = self.mailbox.hollow_words() {
            return Some(words);
        }
        if let [first, rest @ ..] = self.mailbox.unread() {
            let more = match rest.len() {
                0 => String::new(),
                more => format!(", and {more} more"),
            };
            return Some(format!(
                "the modem gives no PDU for a text it holds (place {first}{more}), which stays \
                 there: read it with the SIM in a telephone"
            ));
        }
        (self.unplaced >= UNPLACED_MAX).then(|| {
            format!(
                "the modem announced {} texts without storing them: update its firmware, or use \
                 another modem",
                self.unplaced
            )
        })
    }

    /// What a weak supply did is old news after an hour.
    pub(super) fn let_time_heal(&mut self, now: Instant) {
        self.ladder.let_time_pass(now);
        let is_old = |at: Instant| now.saturating_duration_since(at) >= SUPPLY_TOLD;
        self.supply.take_if(|(_, at)| is_old(*at));
        self.show_ladder(now);
    }
}
