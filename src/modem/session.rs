//! One line's life, pure: which command comes next, and what its answer means.
//!
//! Setup first ([`setup`]), then whatever is most urgent: hang up, send, ask the network, delete,
//! list, look around. One command at a time. A submission goes before the storage, so that a reply
//! never waits for a full store to drain; and behind each the storage has as long a turn as it took,
//! so that a network which takes minutes over every text does not keep others from coming in.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::mailbox::{Delivery, Hearing, Mailbox};
use super::profile::{GENERIC, Profile};
use super::recovery::{Fault, Ladder, LadderRecord};
use super::{
    LineSettings, LineStatus, Phase, PinAccepted, PinAttempt, Registration, Rung, SubmitOutcome,
    refusal, ussd,
};
use crate::at::{Command, Domain, Entry, Outcome, Pin, Reply, Unsolicited, response, ucs2};

mod calls;
mod remedies;
mod sending;
mod setup;
mod sleep;
mod standing;
#[cfg(test)]
mod tests;
mod words;

pub use words::came_in_words;

use calls::Calling;
use remedies::RadioStep;
use sending::Held;
use setup::{Hints, Step};
use sleep::Sleep;
use standing::Answer;

/// How long the network's answer to a USSD code may take.
const USSD_LIMIT: Duration = Duration::from_secs(60);

/// The least time between two setups that something odd, but no failure, asks for.
const SETUP_APART: Duration = Duration::from_secs(60);

/// The same where the modem shows that it has lost its settings: then nothing works without one.
const SETUP_APART_LOST: Duration = Duration::from_secs(5);

/// What only a listing says, or the selection before it.
const LISTED: [&str; 3] = ["+CMGL:", "+CMGR:", "+CPMS:"];

/// Listings in text mode in a row, each after a setup that chose PDU mode, until the modem is taken for
/// one that stays in text mode.
const TEXT_MODE_MAX: u32 = 3;

/// What the driver is to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Hand these to whoever keeps texts, and bring back the verdict.
    Deliver(Delivery),
    /// The submission in hand came to this.
    Outcome(SubmitOutcome),
    /// The USSD question came to this.
    Answer(Result<String, String>),
    /// The last TP-MR that the SIM keeps, where it can be read.
    LastReference(Option<u8>),
    /// The PIN that was typed came to this.
    Unlocked(Result<(), String>),
    /// Somebody called by voice: who, if the network says so.
    Called(Option<String>),
    /// Write ESC CR.
    Escape,
    /// End the command in flight: the modem has restarted and will not answer it.
    Cut(&'static str),
    /// Close the port and open it again.
    Reopen {
        /// How long it stays closed.
        after: Duration,
    },
    /// Close the port, carry this rung out, and say how it went.
    Restart(Rung),
    /// Texts come unannounced: their announcements may go to another port of the modem.
    SeekHints,
    /// Keep this for another run of the daemon.
    Keep(LadderRecord),
    /// Put this attempt on record, and bring back the answer.
    TryPin(PinAttempt),
    /// Keep that the SIM took its PIN.
    PinAccepted(PinAccepted),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// There is no port.
    Closed,
    /// Being set up, or waiting for the SIM or a person.
    Setup(Step),
    /// Rung 0: `AT`, this many left.
    Resync { left: u8 },
    /// Rung 0 is passed only when storage answers as well.
    ResyncStorage,
    /// Rung 3.
    Radio(RadioStep),
    /// Rung 4: a line of the profile's, by its place, or else the standard's.
    SoftReset(usize),
    /// Restarted, and not yet back; `AT` is tried now and then.
    Rebooting { until: Instant },
    /// Logging off, before the supply is cut.
    Farewell,
    /// Sending and receiving, as far as the network lets it.
    Running,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UssdStage {
    CharacterSet,
    Code,
    Waiting,
}

#[derive(Debug)]
struct UssdQuestion {
    code: String,
    stage: UssdStage,
    until: Instant,
    /// The code goes as packed septets: this modem refused it as text.
    packed: bool,
}

/// Commands of the storage that a modem refused for as long as a SIM may take to start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Refused {
    selection: bool,
    indications: bool,
}

pub(super) struct Session {
    settings: LineSettings,
    /// The PIN that somebody has just typed, until it has been tried.
    typed_pin: Option<Pin>,
    /// Whether the answer to [`Effect::TryPin`] is awaited.
    pin_asked: bool,
    /// An attempt that is on record and not yet made.
    pin_permit: Option<(PinAttempt, Pin)>,
    /// The PIN that is tried now.
    trying_pin: Option<Pin>,
    status: LineStatus,
    stage: Stage,
    /// Setup stands still until then.
    wait_until: Option<Instant>,
    /// Until when a starting SIM is waited for before that is a trouble.
    sim_patience: Option<Instant>,
    setup_at: Option<Instant>,
    /// When the modem is to be set up again, once nothing else is under way.
    setup_due: Option<Instant>,
    echo_is_off: bool,
    profile: &'static Profile,
    mailbox: Mailbox,
    ladder: Ladder,
    /// What the ladder was last climbed for.
    fault: Fault,
    /// Why rungs 5 or 6 could not be carried out.
    restart_trouble: Option<String>,
    /// What was last kept of the ladder.
    kept: LadderRecord,
    /// When the port was last lost.
    lost_at: Option<Instant>,
    /// Texts in a row that the network did not take, although it has the line.
    refusals: u8,
    /// Lines to send while the radio is off.
    radio_lines: Vec<&'static str>,
    /// What the modem last said of its supply, and when.
    supply: Option<(String, Instant)>,
    /// The SIM has no service centre, and none is configured.
    smsc_missing: bool,
    /// Whether a text was announced on this port.
    hint_heard: bool,
    /// Listings that found texts which nothing had announced.
    unhinted: u8,
    /// Texts that were announced without a place to find them in, since the last setup.
    unplaced: u32,
    held: Option<Held>,
    /// Until when the storage goes before the next submission.
    storage_turn: Option<Instant>,
    /// Sends stand alone on their line until the next setup: this modem takes one command a line.
    sends_alone: bool,
    /// Listings that came in text mode although PDU mode was chosen, since one came as PDUs.
    text_mode_listings: u32,
    /// Since when no text could be read, although the line is set up.
    deaf_since: Option<Instant>,
    /// The name of the character set that the modem took; none where it took neither.
    charset: Option<&'static str>,
    /// The modem's strings are UCS2, and it takes no other.
    in_ucs2: bool,
    /// `+CNMI` as it was read right after it was set.
    indications: Option<[u8; 5]>,
    /// `+CFUN`, where it is not 1 although that was asked for.
    radio_off: Option<u32>,
    /// Until when a refusal of the storage's own commands is taken for a SIM that starts.
    storage_patience: Option<Instant>,
    /// What it refuses for good, as far as anybody knows: not waited for again.
    refuses: Refused,
    /// When a setup that came to its end without everything is done again, and how often it was.
    redo_at: Option<Instant>,
    /// Announcements were refused, and are asked for again beside everything else.
    hints: Option<Hints>,
    redone: u32,
    sleep: Sleep,
    /// Whether the modem takes `+CMMS`: assumed until it refuses.
    more_to_send_supported: bool,
    more_to_send_until: Option<Instant>,
    ussd: Option<UssdQuestion>,
    hang_up: bool,
    /// The call that goes on, or went on last.
    calling: Option<Calling>,
    /// Somebody waits for [`Effect::LastReference`].
    reference_asked: bool,
    /// Direct deliveries want `+CNMA` (TS 27.005 §3.4.4): the modem refused phase 2.
    acknowledges: bool,
    /// Direct deliveries that are kept and not yet acknowledged.
    to_acknowledge: usize,
    /// Refusals in a row that are the modem's own doing.
    blamed: u32,
    errands: VecDeque<Command>,
    look_around_at: Instant,
    registrations: [Answer; Domain::ALL.len()],
    searching_since: Option<Instant>,
    effects: VecDeque<Effect>,
}

impl Session {
    pub(super) fn new(settings: LineSettings, now: Instant) -> Self {
        let status = LineStatus {
            name: settings.name.clone(),
            ..LineStatus::default()
        };
        Self {
            mailbox: Mailbox::new(settings.sweep_every, now),
            settings,
            typed_pin: None,
            pin_asked: false,
            pin_permit: None,
            trying_pin: None,
            status,
            stage: Stage::Closed,
            wait_until: None,
            sim_patience: None,
            setup_at: None,
            setup_due: None,
            echo_is_off: false,
            profile: &GENERIC,
            ladder: Ladder::default(),
            fault: Fault::Mute,
            restart_trouble: None,
            kept: LadderRecord::default(),
            lost_at: None,
            refusals: 0,
            radio_lines: Vec::new(),
            supply: None,
            smsc_missing: false,
            hint_heard: false,
            unhinted: 0,
            unplaced: 0,
            held: None,
            storage_turn: None,
            sends_alone: false,
            text_mode_listings: 0,
            deaf_since: None,
            charset: None,
            in_ucs2: false,
            indications: None,
            radio_off: None,
            storage_patience: None,
            refuses: Refused::default(),
            redo_at: None,
            hints: None,
            redone: 0,
            sleep: Sleep::new(now),
            more_to_send_supported: true,
            more_to_send_until: None,
            ussd: None,
            hang_up: false,
            calling: None,
            reference_asked: false,
            acknowledges: false,
            to_acknowledge: 0,
            blamed: 0,
            errands: VecDeque::new(),
            look_around_at: now,
            registrations: [Answer::NotAsked; Domain::ALL.len()],
            searching_since: None,
            effects: VecDeque::new(),
        }
    }

    /// What is known of the line.
    pub(super) fn status(&self) -> &LineStatus {
        &self.status
    }

    /// What the driver is to do, in order.
    pub(super) fn next_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// The port is open.
    pub(super) fn opened(&mut self, path: Option<std::path::PathBuf>, now: Instant) {
        self.port_is_back(now);
        self.status.port = path;
        // Another modem may be there by now.
        self.status.imei = None;
        self.hint_heard = false;
        self.unhinted = 0;
        self.refuses = Refused::default();
        self.redone = 0;
        self.text_mode_listings = 0;
        self.deaf_since = None;
        self.mailbox.meet(now);
        self.sleep.answered(now);
        self.effects.push_back(Effect::Escape);
        self.begin_setup(now);
    }

    /// There is no port: why, and what to do.
    pub(super) fn closed(&mut self, words: &str, now: Instant) {
        self.stage = Stage::Closed;
        self.wait_until = None;
        self.tell_last_reference(None);
        self.give_up_unlocking("the modem's port is gone");
        self.mailbox.reset(now);
        self.status.wants_pin = false;
        self.status.phase = Phase::NoPort(words.to_owned());
        self.status.port = None;
        self.status.signal_dbm = None;
        self.status.registration = Registration::Unknown;
    }

    /// Whether a USSD code can be asked now.
    pub(super) fn takes_ussd(&self) -> bool {
        self.ussd.is_none()
    }

    /// Takes a USSD code to ask.
    pub(super) fn ask_ussd(&mut self, code: String, now: Instant) {
        let stage = UssdStage::CharacterSet;
        self.ussd = Some(UssdQuestion {
            code,
            stage,
            until: now + USSD_LIMIT,
            packed: false,
        });
    }

    /// Lists the storage soon.
    pub(super) fn sweep(&mut self) {
        self.mailbox.sweep();
    }

    /// Sets the modem up again, when nothing more urgent is to be done.
    pub(super) fn set_up_again(&mut self, now: Instant) {
        if self.stage == Stage::Running {
            self.setup_due = Some(now);
        }
    }

    /// Whether a delivery is kept.
    pub(super) fn on_verdict(&mut self, batch: u64, kept: bool, now: Instant) {
        let direct = self.mailbox.on_verdict(batch, kept, now);
        if direct && kept && self.acknowledges {
            self.to_acknowledge = self.to_acknowledge.saturating_add(1);
        }
        self.take_deliveries(now);
    }

    /// Octets came: the modem is not silent.
    pub(super) fn heard(&mut self) {
        self.ladder.heard();
    }

    /// Time has passed, also while a command is in flight: whether the line is still what it says.
    pub(super) fn look_at_clock(&mut self, now: Instant) {
        if self.status.phase != Phase::Ready || self.mailbox.hearing(now) == Hearing::Well {
            return;
        }
        if self.stage == Stage::Running {
            self.judge_registration(now);
        } else {
            self.status.phase = Phase::Starting;
        }
    }

    /// When [`Self::look_at_clock`] may have something to say.
    pub(super) fn hearing_deadline(&self) -> Option<Instant> {
        let is_ready = self.status.phase == Phase::Ready;
        is_ready.then(|| self.mailbox.hearing_deadline())
    }

    /// The next command, when none is in flight. Also notices what is overdue.
    pub(super) fn next(&mut self, now: Instant) -> Option<Command> {
        self.expire(now);
        if self.is_to_be_woken(now) {
            self.ladder.asked(now);
            return Some(Command::Wake);
        }
        let command = match self.stage {
            Stage::Closed => None,
            Stage::Setup(_) if self.wait_until.is_some_and(|until| now < until) => None,
            Stage::Setup(step) => self.setup_command(step),
            Stage::Resync { .. } => Some(Command::Attention),
            Stage::ResyncStorage => Some(Command::StorageRead),
            Stage::Radio(step) => self.radio_command(step, now),
            Stage::SoftReset(n) => Some(self.reset_command(n)),
            Stage::Rebooting { until } => self.rebooting_command(until, now),
            Stage::Farewell => self.profile.soft_off.map(Command::Vendor),
            Stage::Running if self.doubts_mode() => Some(Command::ModeRead),
            Stage::Running if self.setup_due.is_some_and(|due| due <= now) => {
                self.begin_setup(now);
                Some(Command::Attention)
            }
            Stage::Running => self.next_running(now),
        };
        if command.is_some() {
            self.ladder.asked(now);
            self.sleep.asked(now);
        }
        command
    }

    /// When [`Self::next`] may have something new to say without anything having happened.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let hold = self.hold_deadline();
        let ussd = self.ussd.as_ref().map(|question| question.until);
        let (setup, running) = match self.stage {
            Stage::Closed
            | Stage::Resync { .. }
            | Stage::ResyncStorage
            | Stage::SoftReset(_)
            | Stage::Farewell => (None, [None; 2]),
            Stage::Setup(_) | Stage::Radio(_) => (self.wait_until, [None; 2]),
            Stage::Rebooting { until } => (self.wait_until, [Some(until), None]),
            Stage::Running => (
                self.setup_due
                    .or(self.redo_at)
                    .into_iter()
                    .chain(self.hints.as_ref().map(|hints| hints.at))
                    .min(),
                [Some(self.look_around_at), self.mailbox.next_deadline()],
            ),
        };
        running
            .into_iter()
            .chain([hold, ussd, setup])
            .flatten()
            .min()
    }

    /// An entry of a listing.
    pub(super) fn on_entry(&mut self, entry: &Entry, now: Instant) {
        self.mailbox.on_entry(entry, now);
        if self.mailbox.took_text_mode() && self.text_mode_listings < TEXT_MODE_MAX {
            if self.setup_due.is_none() {
                self.text_mode_listings += 1;
            }
            self.settings_lost(now);
        }
        self.take_deliveries(now);
    }

    /// The command in flight ended.
    pub(super) fn on_reply(&mut self, reply: &Reply, now: Instant) {
        let stage = self.stage;
        if reply.is_ok() && !matches!(self.stage, Stage::Resync { .. }) {
            self.sleep.answered(now);
        }
        if reply.command == Command::Wake {
            return; // heard or not: what follows tells
        }
        self.learn(reply, now);
        self.listen_for_echo(reply, now);
        match &reply.command {
            Command::Send { .. } => self.sent(reply, now),
            Command::PduMode if self.stage == Stage::Running => self.mode_said(reply, now),
            Command::ModeRead if self.stage == Stage::Running => self.mode_read(reply, now),
            Command::MoreToSend(_) => self.more_to_send_said(reply, now),
            Command::Ussd(_) => self.ussd_asked(reply),
            Command::HangUp | Command::OnHook => self.hung_up(reply),
            Command::LastReference => {
                let line = reply.lines.first().filter(|_| reply.is_ok());
                self.tell_last_reference(line.and_then(|line| response::first_octet(line)));
            }
            Command::IndicationSet(_) if self.stage == Stage::Running => self.hints_set(reply, now),
            Command::PinState if self.stage == Stage::Running => self.look_at_sim(reply, now),
            // Too late: the modem has ended direct delivery (TS 27.005 §3.4.4).
            Command::Acknowledge if !reply.is_ok() => self.settings_lost(now),
            Command::Card(asked) if !reply.is_ok() && self.stage == Stage::Running => {
                let mut queries = self.profile.card_queries.iter();
                queries.find(|query| *query == asked);
                if let Some(next) = queries.next() {
                    self.run_errand(Command::Card(*next));
                }
            }
            _ => {}
        }
        let unread = self.mailbox.unread().len();
        self.mailbox.on_reply(reply, now);
        if self.mailbox.unread().len() != unread {
            self.show_ladder(now);
        }
        if self.mailbox.took_wish_for_another() && self.stage == Stage::Running {
            self.setup_due = Some(now);
        }
        if self.mailbox.hearing(now) == Hearing::Well {
            self.text_mode_listings = 0;
        }
        self.status.oddity = self.mailbox.oddity().map(str::to_owned);
        self.take_deliveries(now);
        if self.stage != stage {
            return; // what it came to has led elsewhere already
        }
        match (&reply.outcome, stage) {
            (Outcome::Cut(_), _) | (_, Stage::Closed) => {}
            (_, Stage::Setup(step)) => self.on_setup_reply(step, reply, now),
            (_, Stage::Resync { left }) => self.on_resync_reply(left, reply, now),
            (_, Stage::ResyncStorage) => self.on_resync_storage_reply(reply, now),
            (_, Stage::Radio(step)) => self.on_radio_reply(step, reply, now),
            (_, Stage::SoftReset(n)) => self.on_reset_reply(n, reply, now),
            (_, Stage::Rebooting { .. }) => self.on_rebooting_reply(reply, now),
            (_, Stage::Farewell) => self.restart(Rung::Power, now),
            // Nothing hangs on it; what follows tells whether the modem is mute.
            (Outcome::TimedOut, Stage::Running)
                if matches!(reply.command, Command::PinTries(_)) => {}
            (Outcome::TimedOut | Outcome::NoPrompt, Stage::Running) => self.failed(now),
            (Outcome::Final(result), Stage::Running) => {
                let of_storage =
                    reply.command.is_listing() || matches!(reply.command, Command::Delete(..));
                // What the modem does not know as it was said is said otherwise, and not after a setup.
                if of_storage
                    && refusal::wants_setup(result)
                    && self.mailbox.hearing(now) != Hearing::Well
                {
                    self.setup_if_due(now);
                }
                self.judge_registration(now);
            }
        }
    }

    /// The modem spoke unasked.
    pub(super) fn on_unsolicited(&mut self, unsolicited: &Unsolicited, now: Instant) {
        match unsolicited {
            Unsolicited::Stored { memory, index } => {
                self.hint_heard = true;
                if memory.is_none() {
                    self.unplaced = self.unplaced.saturating_add(1);
                    self.show_ladder(now);
                }
                self.mailbox.stored(memory.as_ref(), *index);
            }
            Unsolicited::ReportStored { memory, index } => {
                let always_in_sr = self.profile.reports_in_sr;
                self.mailbox
                    .report_stored(memory.as_ref(), *index, always_in_sr);
            }
            Unsolicited::Report { pdu } => self.mailbox.direct(pdu, now),
            Unsolicited::Text { pdu } => {
                self.mailbox.direct(pdu, now);
                // Asked for were stored texts: the modem follows other settings than ours.
                self.setup_if_due(now);
            }
            Unsolicited::Words { from, stamp, text } => {
                self.take_words(from, stamp.as_deref(), text, now);
                self.settings_lost(now);
            }
            Unsolicited::ReportInWords => self.settings_lost(now),
            Unsolicited::Broadcast => {}
            Unsolicited::StorageFull => {
                tracing::warn!("the modem's storage is full; listing it");
                self.mailbox.sweep_all();
            }
            Unsolicited::Registration(domain, state) => {
                self.registrations[*domain as usize] = Answer::State(*state);
                self.judge_registration(now);
            }
            Unsolicited::Rssi(rssi) => self.status.signal_dbm = response::rssi_dbm(*rssi),
            Unsolicited::Ring => self.rang(now),
            Unsolicited::Ussd {
                state,
                text,
                coding,
            } => {
                self.ussd_answered(*state, text.as_deref(), *coding);
            }
            Unsolicited::Started => self.restarted(now),
            Unsolicited::Boot => self.setup_if_due(now),
            Unsolicited::SmsReady => {
                self.wait_until = None;
                self.mailbox.sweep();
                self.setup_if_due(now);
            }
            Unsolicited::Pin(state) => {
                self.wait_until = None;
                if state == "READY" {
                    self.setup_if_due(now);
                } else if self.stage == Stage::Running {
                    self.setup_due = Some(now); // the SIM has gone
                }
            }
            Unsolicited::Supply(words) => {
                tracing::warn!("the modem says {words}: its supply is weak");
                self.supply = Some((words.clone(), now));
                self.show_ladder(now);
            }
            Unsolicited::PoweredDown => {
                tracing::warn!("the modem says that it switches itself off");
            }
            Unsolicited::Unknown(line) if self.profile.boot_codes.contains(&line.as_str()) => {
                self.restarted(now);
            }
            Unsolicited::Unknown(line) if LISTED.iter().any(|code| line.starts_with(code)) => {
                self.mailbox.answers_run_late();
            }
            Unsolicited::CallerIdentity { number } => self.caller(number.clone(), now),
            Unsolicited::CallEnded => self.call_ended(),
            Unsolicited::Unknown(_) => {}
        }
        self.take_deliveries(now);
    }

    /// An echo where there was none: the modem has restarted. One that ignores `ATE0` echoes from
    /// the start, and is let be.
    fn listen_for_echo(&mut self, reply: &Reply, now: Instant) {
        match self.stage {
            Stage::Running if reply.echoed && self.echo_is_off => {
                self.mailbox.distrust();
                self.settings_lost(now);
            }
            Stage::Running | Stage::Setup(_) if reply.is_ok() => self.echo_is_off = !reply.echoed,
            Stage::Resync { .. } | Stage::ResyncStorage if reply.echoed && self.echo_is_off => {
                self.setup_at = None; // ends in a setup
            }
            Stage::Closed
            | Stage::Setup(_)
            | Stage::Resync { .. }
            | Stage::ResyncStorage
            | Stage::Radio(_)
            | Stage::SoftReset(_)
            | Stage::Rebooting { .. }
            | Stage::Farewell
            | Stage::Running => {}
        }
    }

    fn next_running(&mut self, now: Instant) -> Option<Command> {
        if std::mem::take(&mut self.hang_up) {
            return Some(Command::HangUp);
        }
        // The network waits for it, and not for long.
        if let Some(left) = self.to_acknowledge.checked_sub(1) {
            self.to_acknowledge = left;
            return Some(Command::Acknowledge);
        }
        // On an open link the next segment follows at once.
        let link_is_open = self.more_to_send_until.is_some_and(|until| now < until);
        let storages_turn = !link_is_open && self.storage_turn.is_some_and(|until| now < until);
        if storages_turn && let Some(command) = self.next_of_storage(now) {
            return Some(command);
        }
        if let Some(command) = self.next_of_submission(now) {
            return Some(command);
        }
        if let Some(question) = &mut self.ussd {
            match question.stage {
                UssdStage::CharacterSet => {
                    question.stage = UssdStage::Code;
                    // As at setup: another program may have chosen otherwise since.
                    if let Some(name) = self.charset {
                        return Some(Command::CharacterSet(name));
                    }
                    return self.next_running(now);
                }
                UssdStage::Code => {
                    question.stage = UssdStage::Waiting;
                    let packed = ussd::packed(&question.code).filter(|_| question.packed);
                    let code = packed.unwrap_or_else(|| match self.in_ucs2 {
                        true => ucs2::encode(&question.code),
                        false => question.code.clone(),
                    });
                    return Some(Command::Ussd(code));
                }
                UssdStage::Waiting => {}
            }
        }
        self.next_of_storage(now)
            .or_else(|| self.errands.pop_front())
    }

    fn next_of_storage(&mut self, now: Instant) -> Option<Command> {
        let command = self.mailbox.next(now);
        self.take_deliveries(now);
        command
    }

    /// Reads the last TP-MR that the SIM keeps; the answer comes as an effect.
    pub(super) fn ask_last_reference(&mut self) {
        self.reference_asked = true;
        match self.stage {
            Stage::Running => self.run_errand(Command::LastReference),
            Stage::Closed
            | Stage::Setup(_)
            | Stage::Resync { .. }
            | Stage::ResyncStorage
            | Stage::Radio(_)
            | Stage::SoftReset(_)
            | Stage::Rebooting { .. }
            | Stage::Farewell => self.tell_last_reference(None),
        }
    }

    fn tell_last_reference(&mut self, reference: Option<u8>) {
        if std::mem::take(&mut self.reference_asked) {
            self.effects.push_back(Effect::LastReference(reference));
        }
    }

    fn ussd_asked(&mut self, reply: &Reply) {
        if let (Outcome::Final(_), Some(question)) = (&reply.outcome, &mut self.ussd)
            && !reply.is_ok()
            && !question.packed
        {
            // Some Huawei sticks take a code in no other form.
            question.packed = true;
            question.stage = UssdStage::Code;
            return;
        }
        if let Outcome::Final(result) = &reply.outcome
            && !reply.is_ok()
        {
            self.answer_ussd(Err(format!("the modem said {result} to the code")));
        } else if !reply.is_ok() {
            self.answer_ussd(Err("the modem did not answer the code".into()));
        }
    }

    fn ussd_answered(&mut self, state: u8, text: Option<&str>, coding: Option<u8>) {
        if self.ussd.is_none() {
            return;
        }
        if state == 1 {
            // The network offers a menu; nobody is here to choose from it.
            self.errands.push_back(Command::UssdCancel);
        }
        self.answer_ussd(match (text, state) {
            (Some(text), _) => Ok(ussd::words(text, coding)),
            (None, 3) => Err("another program on this modem took the answer".into()),
            (None, 4) => Err("the network does not know such codes".into()),
            (None, 5) => Err("the network did not answer in time".into()),
            (None, _) => Err("the network ended the dialogue without a word".into()),
        });
    }

    fn answer_ussd(&mut self, answer: Result<String, String>) {
        if self.ussd.take().is_some() {
            self.effects.push_back(Effect::Answer(answer));
        }
    }

    /// What is overdue.
    fn expire(&mut self, now: Instant) {
        self.expire_held(now);
        if self
            .ussd
            .as_ref()
            .is_some_and(|question| question.until <= now)
        {
            if self
                .ussd
                .as_ref()
                .is_some_and(|question| question.stage == UssdStage::Waiting)
            {
                self.errands.push_back(Command::UssdCancel);
            }
            self.answer_ussd(Err("the network did not answer within 60 s".into()));
        }
        if self.stage == Stage::Running && self.look_around_at <= now {
            self.let_time_heal(now);
            self.look_around(now);
        }
        if self.stage == Stage::Running {
            self.ask_for_hints(now);
        }
        if self.stage == Stage::Running && self.redo_at.take_if(|at| *at <= now).is_some() {
            tracing::info!("the last setup lacked something; setting the modem up again");
            self.setup_due = Some(now);
        }
    }

    fn run_errand(&mut self, command: Command) {
        if !self.errands.contains(&command) {
            self.errands.push_back(command);
        }
    }

    /// The modem restarted: whatever was in flight will not be answered.
    fn restarted(&mut self, now: Instant) {
        if self.stage == Stage::Closed {
            return;
        }
        self.ladder.restarted_by_itself(now);
        self.show_ladder(now);
        tracing::info!("the modem restarted; setting it up again");
        self.effects.push_back(Effect::Cut("the modem restarted"));
        self.begin_setup(now);
    }

    fn setup_if_due(&mut self, now: Instant) {
        let due = self.setup_at.is_none_or(|at| now >= at + SETUP_APART);
        if due && self.stage == Stage::Running {
            self.setup_due = Some(now);
        }
    }

    /// The modem restarted without saying so: texts come in text mode, or commands are echoed.
    /// Soon after a setup the next one waits a little, but it comes: until then no text is
    /// announced.
    fn settings_lost(&mut self, now: Instant) {
        if self.stage == Stage::Running && self.setup_due.is_none() {
            tracing::info!("the modem has forgotten its settings; setting it up again");
            let apart = self.setup_at.map(|at| at + SETUP_APART_LOST);
            self.setup_due = Some(apart.map_or(now, |apart| apart.max(now)));
        }
    }

    fn take_deliveries(&mut self, now: Instant) {
        let deliveries = self.mailbox.take_deliveries();
        let in_store = |delivery: &Delivery| delivery.pdus.iter().any(|pdu| pdu.slot.is_some());
        if deliveries.iter().any(in_store) {
            self.note_unhinted(now);
        }
        self.effects
            .extend(deliveries.into_iter().map(Effect::Deliver));
    }
}
