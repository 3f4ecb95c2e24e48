//! Setup: from a port that may be anything to a line that receives.
//!
//! The steps run in order; one that a modem does not know is skipped, one that the SIM is not ready
//! for is repeated each second. Everything is set at every setup, since a modem that restarted has
//! forgotten it.

use std::time::{Duration, Instant};

use super::{Answer, Effect, Phase, Session, Stage};
use crate::at::{
    CardQuery, Command, Domain, FinalResult, Memory, Outcome, Pin, PinQuery, Reply, response,
};
use crate::modem::mailbox::fill_of;
use crate::modem::port::is_uart;
use crate::modem::profile::{INDICATIONS, INDICATIONS_SPARE, profile_for};
use crate::modem::{PinAccepted, PinAnswer, PinAttempt};

/// `+CGSMS`: circuit switched first, packet switched where there is none. Nothing is excluded.
const BOTH_DOMAINS: u8 = 3;

/// SIM800 swallows the first few while it guesses the speed.
const ATTENTION_TRIES: u8 = 10;

/// How long a SIM may take to start; some need most of a minute after power-on.
const SIM_PATIENCE: Duration = Duration::from_secs(60);

/// How often announcements are asked for that were refused.
const HINTS_RETRY: Duration = Duration::from_secs(2);

/// How often a starting SIM is asked.
const SIM_RETRY: Duration = Duration::from_secs(1);

/// Tries that a PIN has when none was used: fewer, and somebody else has been wrong before.
const PIN_TRIES: u8 = 3;

/// Ways to ask how many are left; no two vendors agree, and each refuses the others'.
const PIN_QUERIES: [PinQuery; 4] = [
    PinQuery::Cpinr,
    PinQuery::Qpinc,
    PinQuery::Spic,
    PinQuery::CaretCpin,
];

/// How often a SIM that wants a person is looked at again.
const STUCK_RETRY: Duration = Duration::from_secs(30);

/// Character sets of strings in which plain letters are themselves, the best first: with `GSM` a `$`
/// comes as the octet 0x02, which is noise anywhere else.
const CHARACTER_SETS: [&str; 2] = ["IRA", "GSM"];

/// How long after a setup that came to its end without everything the next one is due, by how often
/// that was: what a SIM that starts slowly refuses is there soon, and what a modem does not know never.
const REDO_AFTER: [Duration; 4] = [
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(20 * 60),
    Duration::from_secs(60 * 60),
];

/// One step of setup; a number counts what was tried before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Attention(u8),
    EchoOff,
    Verbose,
    NumericErrors,
    FlowControl,
    TerminalReady,
    Manufacturer,
    Model,
    /// A group of the profile's lines, and the line in it.
    Fixup(usize, usize),
    Rate,
    RateFix,
    /// What is kept for the next start is to begin with an echo.
    EchoOn,
    RateStore,
    EchoOffAgain,
    Functionality,
    RadioOn,
    /// Whether it went on.
    RadioRead,
    PinState,
    /// The ICCID, under which the PIN attempt is recorded.
    Card(usize),
    /// How many tries the PIN has left, in one dialect after another.
    PinTries(usize),
    /// The attempt is being put on record, or made.
    Pin,
    /// A character set for strings, the best first.
    CharacterSet(usize),
    CharacterSetRead,
    PduMode,
    /// Whether it has taken.
    ModeRead,
    MessageService,
    MessageDomain,
    MessageDomainSet,
    StorageTest,
    StorageRead,
    StorageSelect,
    Indications(usize),
    IndicationTest,
    IndicationsOffered([u8; 5]),
    IndicationsSpare(usize),
    Registration,
}

/// Announcements that are asked for again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hints {
    next: usize,
    pub(super) at: Instant,
    until: Instant,
}

impl Session {
    pub(super) fn begin_setup(&mut self, now: Instant) {
        self.stage = Stage::Setup(Step::Attention(0));
        self.wait_until = None;
        self.sim_patience = None;
        self.setup_at = None;
        self.setup_due = None;
        self.redo_at = None;
        self.hints = None;
        self.storage_patience = None;
        self.forget_sends();
        self.indications = None;
        self.radio_off = None;
        self.hang_up = false;
        // Cut off while the SIM had it: whether it was wrong is not known, and it is on record.
        self.trying_pin = None;
        self.mailbox.reset(now);
        self.errands.clear();
        self.tell_last_reference(None);
        self.acknowledges = false;
        self.to_acknowledge = 0;
        self.refusals = 0;
        self.unplaced = 0;
        self.registrations = [Answer::NotAsked; Domain::ALL.len()];
        // What a person is told stays while the ladder is climbed for it.
        if self.ladder.rung() < 3 || !matches!(self.status.phase, Phase::Stuck(_)) {
            self.status.phase = Phase::Starting;
        }
        // The SIM may be another one by now.
        self.status.iccid = None;
        self.status.imsi = None;
        self.status.own_number = None;
        self.status.pin_tries_left = None;
        self.status.wants_pin = false;
    }

    /// Nothing, while a record is awaited.
    pub(super) fn setup_command(&mut self, step: Step) -> Option<Command> {
        Some(match step {
            Step::Attention(_) => Command::Attention,
            Step::EchoOff | Step::EchoOffAgain => Command::EchoOff,
            Step::Verbose => Command::Verbose,
            Step::NumericErrors => Command::NumericErrors,
            Step::FlowControl => Command::FlowControlOff,
            Step::TerminalReady => Command::IgnoreTerminalReady,
            Step::Manufacturer => Command::Manufacturer,
            Step::Model => Command::Model,
            Step::Fixup(group, n) => {
                let fixup = self.fixups().get(group).and_then(|group| group.get(n));
                fixup.copied().map_or(Command::Attention, Command::Vendor)
            }
            Step::Rate => Command::RateRead,
            Step::RateFix => Command::RateSet(self.settings.baud),
            Step::EchoOn => Command::EchoOn,
            Step::RateStore => Command::StoreSettings,
            Step::Functionality => Command::FunctionalityRead,
            Step::RadioOn => Command::Functionality(1),
            Step::RadioRead => Command::FunctionalityRead,
            Step::CharacterSet(n) => {
                let name = CHARACTER_SETS.get(n).copied();
                Command::CharacterSet(name.unwrap_or(CHARACTER_SETS[0]))
            }
            Step::CharacterSetRead => Command::CharacterSetRead,
            Step::ModeRead => Command::ModeRead,
            Step::PinState => Command::PinState,
            Step::Card(n) => Command::Card(self.card_query(n).unwrap_or(CardQuery::Ccid)),
            Step::PinTries(n) => {
                let query = PIN_QUERIES.get(n).copied();
                query.map_or(Command::PinState, Command::PinTries)
            }
            Step::Pin => {
                let asked = self.pin_attempt();
                let permit = self.pin_permit.take_if(|(attempt, _)| *attempt == asked);
                self.trying_pin = permit.map(|(_, pin)| pin);
                Command::EnterPin(self.trying_pin.clone()?)
            }
            Step::PduMode => Command::PduMode,
            Step::MessageService => Command::MessageService(0),
            Step::MessageDomain => Command::MessageDomainRead,
            Step::MessageDomainSet => Command::MessageDomain(BOTH_DOMAINS),
            Step::StorageTest => Command::StorageTest,
            Step::StorageRead => Command::StorageRead,
            Step::StorageSelect => self.mailbox.select_receiving(),
            Step::Indications(n) => {
                Command::IndicationSet(INDICATIONS.get(n).copied().unwrap_or(INDICATIONS[2]))
            }
            Step::IndicationTest => Command::IndicationTest,
            Step::IndicationsOffered(values) => Command::IndicationSet(values),
            Step::IndicationsSpare(n) => {
                let spare = INDICATIONS_SPARE.get(n).copied();
                Command::IndicationSet(spare.unwrap_or(INDICATIONS[2]))
            }
            Step::Registration => Command::Registration(Domain::Circuit),
        })
    }

    pub(super) fn on_setup_reply(&mut self, step: Step, reply: &Reply, now: Instant) {
        self.wait_until = None;
        let result = match &reply.outcome {
            Outcome::Final(result) => result,
            Outcome::Cut(_) => return,
            Outcome::TimedOut | Outcome::NoPrompt => {
                match step {
                    Step::Attention(n) if n + 1 < ATTENTION_TRIES => {
                        self.go_to(Step::Attention(n + 1));
                    }
                    Step::Attention(_) => self.unanswered(now),
                    // A vendor's own line may hang a modem that is not that vendor's.
                    Step::Fixup(group, n) => self.go_to_fixup(group, n + 1),
                    // Good to have, and nothing hangs on them: what follows tells whether the
                    // modem is mute.
                    Step::FlowControl => self.go_to(Step::TerminalReady),
                    Step::TerminalReady => self.go_to(Step::Manufacturer),
                    Step::Manufacturer => self.go_to(Step::Model),
                    Step::Model => self.know_by_name(),
                    Step::Rate | Step::RateFix | Step::EchoOffAgain => {
                        self.go_to(Step::Functionality);
                    }
                    Step::EchoOn | Step::RateStore => self.go_to(Step::EchoOffAgain),
                    Step::Functionality | Step::RadioRead => self.go_to(Step::PinState),
                    Step::CharacterSet(_) | Step::CharacterSetRead => self.go_to(Step::PduMode),
                    Step::ModeRead => self.go_to(Step::MessageService),
                    Step::MessageDomain | Step::MessageDomainSet => self.go_to(Step::StorageTest),
                    Step::PinTries(n) => self.go_to_pin_tries(n + 1),
                    Step::EchoOff
                    | Step::Verbose
                    | Step::NumericErrors
                    | Step::RadioOn
                    | Step::PinState
                    | Step::Card(_)
                    | Step::Pin
                    | Step::PduMode
                    | Step::MessageService
                    | Step::StorageTest
                    | Step::StorageRead
                    | Step::StorageSelect
                    | Step::Indications(_)
                    | Step::IndicationTest
                    | Step::IndicationsOffered(_)
                    | Step::IndicationsSpare(_)
                    | Step::Registration => self.failed(now),
                }
                return;
            }
        };
        self.on_setup_result(step, reply, result, now);
    }

    fn on_setup_result(&mut self, step: Step, reply: &Reply, result: &FinalResult, now: Instant) {
        match step {
            Step::Attention(n) => match result.is_ok() {
                true => self.go_to(Step::EchoOff),
                // The answer to ESC CR, or to half a line of an earlier program.
                false if n + 1 < ATTENTION_TRIES => self.go_to(Step::Attention(n + 1)),
                false => self.unanswered(now),
            },
            Step::EchoOff => self.go_to(Step::Verbose),
            Step::Verbose => self.go_to(Step::NumericErrors),
            Step::NumericErrors => self.go_to(Step::FlowControl),
            Step::FlowControl => self.go_to(Step::TerminalReady),
            Step::TerminalReady => self.go_to(Step::Manufacturer),
            Step::Manufacturer => self.go_to(Step::Model),
            Step::Model => self.know_by_name(),
            Step::Fixup(group, _) if result.is_ok() => self.go_to_fixup(group + 1, 0),
            Step::Fixup(group, n) => self.go_to_fixup(group, n + 1),
            // 0: guessed anew at every start, and what it is guessed from is swallowed.
            Step::Rate => {
                let rate = reply.lines.first().and_then(|line| response::setting(line));
                self.go_to(match rate {
                    Some(0) => Step::RateFix,
                    _ => Step::Functionality,
                });
            }
            Step::RateFix if result.is_ok() => self.go_to(Step::EchoOn),
            Step::EchoOn => self.go_to(Step::RateStore),
            Step::RateStore => self.go_to(Step::EchoOffAgain),
            Step::RateFix | Step::EchoOffAgain => self.go_to(Step::Functionality),
            Step::Functionality => {
                let level = reply.lines.first().and_then(|line| response::setting(line));
                // Left off by another program, or by ours, killed between off and on.
                self.go_to(match level {
                    Some(1) | None => Step::PinState,
                    Some(_) => Step::RadioOn,
                });
            }
            Step::RadioOn => self.go_to(Step::RadioRead),
            Step::RadioRead => self.go_to(Step::PinState),
            Step::CharacterSet(n) if result.is_ok() => {
                self.charset = CHARACTER_SETS.get(n).copied();
                self.in_ucs2 = false;
                self.go_to(Step::PduMode);
            }
            Step::CharacterSet(n) if n + 1 < CHARACTER_SETS.len() => {
                self.go_to(Step::CharacterSet(n + 1));
            }
            Step::CharacterSet(_) => self.go_to(Step::CharacterSetRead),
            Step::CharacterSetRead => {
                let set = reply
                    .lines
                    .first()
                    .and_then(|line| response::character_set(line));
                self.charset = None;
                self.in_ucs2 = set == Some("UCS2");
                self.go_to(Step::PduMode);
            }
            Step::PinState => self.on_pin_state(reply, result, now),
            Step::Card(n) => {
                if result.is_ok() && self.status.iccid.is_some() || self.card_query(n + 1).is_none()
                {
                    self.go_to(Step::PinTries(0));
                } else {
                    self.go_to(Step::Card(n + 1));
                }
            }
            Step::PinTries(n) => {
                let mut lines = reply.lines.iter().filter(|_| result.is_ok());
                match lines.find_map(|line| response::pin_tries(line)) {
                    Some(left) if left < self.tries_wanted() => {
                        let remedy = match left {
                            2.. => {
                                "type the PIN on the page Set up, enter it once in a phone, or \
                                    switch it off"
                            }
                            _ => "enter the PIN once in a phone, or switch it off",
                        };
                        let words = format!(
                            "the SIM asks for a PIN, and only {left} tries are left, which are \
                             not risked here: {remedy}"
                        );
                        self.stuck_for_pin(&words, now);
                    }
                    Some(_) => self.try_pin(),
                    None => self.go_to_pin_tries(n + 1),
                }
            }
            Step::Pin => self.on_pin_entered(result, now),
            // Without it nothing can be read or sent; some modems refuse it until the SIM is up.
            Step::PduMode if !result.is_ok() => self.sim_missing(now),
            Step::PduMode => self.go_to(Step::ModeRead),
            Step::ModeRead => {
                let mode = reply.lines.first().and_then(|line| response::setting(line));
                match mode {
                    Some(1) => self.stays_in_text_mode(now),
                    Some(_) | None => self.go_to(Step::MessageService),
                }
            }
            Step::MessageService if self.sim_starting(result, now) => {}
            Step::MessageService => {
                // A modem that will not leave phase 2+ wants direct deliveries acknowledged.
                self.acknowledges = !result.is_ok();
                self.go_to(Step::MessageDomain);
            }
            // 0 and 1 know one way only, and the network may have closed it (TS 27.007 §10.1.21).
            Step::MessageDomain => {
                let domain = reply.lines.first().and_then(|line| response::setting(line));
                self.go_to(match domain {
                    Some(0 | 1) => Step::MessageDomainSet,
                    _ => Step::StorageTest,
                });
            }
            Step::MessageDomainSet => self.go_to(Step::StorageTest),
            Step::StorageTest if self.sim_starting(result, now) => {}
            Step::StorageTest => {
                let offered = reply
                    .lines
                    .iter()
                    .find_map(|line| response::storage_offered(line));
                let [read, _, receive] = offered.unwrap_or_default();
                self.mailbox.set_offered(read, receive);
                self.go_to(Step::StorageRead);
            }
            Step::StorageRead if self.sim_starting(result, now) => {}
            // A rung is passed only when storage answers as well. A modem that never failed may do
            // without.
            Step::StorageRead if !result.is_ok() && self.ladder.rung() > 0 => self.failed(now),
            Step::StorageRead => {
                let fills: Vec<_> = reply
                    .lines
                    .iter()
                    .flat_map(|line| response::storage(line))
                    .collect();
                let current: Option<&Memory> = fills.last().and_then(|fill| fill.memory.as_ref());
                self.mailbox.choose_receiving(current);
                self.go_to(Step::StorageSelect);
            }
            Step::StorageSelect if result.is_ok() => {
                let places = fill_of(&reply.lines).map(|(_, places)| places);
                let settled = self.mailbox.has_places(places);
                self.go_to(match settled {
                    true => Step::Indications(0),
                    false => Step::StorageSelect,
                });
            }
            Step::StorageSelect if self.mailbox.try_fewer_parameters() => {
                self.go_to(Step::StorageSelect);
            }
            Step::StorageSelect if self.sim_starting(result, now) => {
                self.mailbox.try_all_parameters();
            }
            Step::StorageSelect if self.storage_starting(self.refuses.selection, now) => {
                self.mailbox.try_all_parameters();
                self.go_to(Step::StorageSelect);
            }
            Step::StorageSelect => {
                self.refuses.selection = true;
                self.redo(now);
                self.go_to(Step::Indications(0));
            }
            Step::Indications(_) | Step::IndicationsOffered(_) | Step::IndicationsSpare(_)
                if result.is_ok() =>
            {
                self.go_to(Step::Registration);
            }
            Step::Indications(n) if n + 1 < INDICATIONS.len() => {
                self.go_to(Step::Indications(n + 1));
            }
            Step::Indications(_) => self.go_to(Step::IndicationTest),
            Step::IndicationTest => {
                let offered = reply
                    .lines
                    .iter()
                    .find_map(|line| response::indications_offered(line));
                match offered {
                    Some(offered) => self.go_to(Step::IndicationsOffered(best_of(&offered))),
                    None => self.go_to(Step::IndicationsSpare(0)),
                }
            }
            Step::IndicationsOffered(_) => self.go_to(Step::IndicationsSpare(0)),
            Step::IndicationsSpare(n) if n + 1 < INDICATIONS_SPARE.len() => {
                self.go_to(Step::IndicationsSpare(n + 1));
            }
            Step::IndicationsSpare(_) => self.without_hints(result, now),
            Step::Registration => self.finish_setup(now),
        }
    }

    fn on_pin_state(&mut self, reply: &Reply, result: &FinalResult, now: Instant) {
        match pin_asked(reply, result) {
            "READY" | "SIM PIN2" | "SIM PUK2" => {
                self.sim_patience = None;
                self.status.wants_pin = false;
                self.give_up_unlocking("the SIM asks for no PIN now");
                self.go_to(Step::CharacterSet(0));
            }
            // Which PIN is tried depends on which SIM it is.
            "SIM PIN" => self.go_to(Step::Card(0)),
            "SIM PUK" => self.stuck("the SIM is locked and asks for its PUK: unlock it in a phone; nothing is tried here, for a wrong PUK destroys it", now),
            other if other.ends_with(" PIN") || other.ends_with(" PUK") => {
                self.stuck("the modem is locked to another SIM or network: use its own SIM, or have it unlocked", now);
            }
            _ => self.sim_missing(now),
        }
    }

    /// While the line runs: a SIM that is gone, or asks for its PIN again, wants a setup, which says
    /// what is wrong.
    pub(super) fn look_at_sim(&mut self, reply: &Reply, now: Instant) {
        if let Outcome::Final(result) = &reply.outcome
            && !matches!(pin_asked(reply, result), "READY" | "SIM PIN2" | "SIM PUK2")
        {
            self.setup_if_due(now);
        }
    }

    fn go_to_pin_tries(&mut self, n: usize) {
        if n < PIN_QUERIES.len() {
            self.go_to(Step::PinTries(n));
        } else {
            // They cannot be read: the one try of each SIM is all there is to go by.
            self.try_pin();
        }
    }

    /// One attempt for each SIM, on record before it is made: a crash in between must not lead to a
    /// second one, and a third wrong one would lock the SIM.
    fn try_pin(&mut self) {
        let attempt = self.pin_attempt();
        let is_permitted = matches!(&self.pin_permit, Some((asked, _)) if *asked == attempt);
        if !is_permitted && !self.pin_asked {
            self.pin_asked = true;
            self.effects.push_back(Effect::TryPin(attempt));
        }
        self.go_to(Step::Pin);
    }

    fn pin_attempt(&self) -> PinAttempt {
        PinAttempt {
            card: self.card_name(),
            typed: self.typed_pin.clone(),
            configured: self.settings.pin.as_deref().and_then(Pin::new),
        }
    }

    /// The attempt is on record and may be made, or it must not be.
    pub(in crate::modem) fn on_pin_answer(
        &mut self,
        attempt: &PinAttempt,
        answer: PinAnswer,
        now: Instant,
    ) {
        self.pin_asked = false;
        let is_awaited = self.stage == Stage::Setup(Step::Pin) && self.trying_pin.is_none();
        // By now it may be another SIM, or another PIN.
        let is_current = *attempt == self.pin_attempt();
        let words = match answer {
            PinAnswer::Permitted(pin) => {
                self.pin_permit = Some((attempt.clone(), pin));
                None
            }
            PinAnswer::NoneKnown if self.settings.pin.is_some() => Some(
                "the SIM asks for a PIN, and the configured one is none: `pin` must be 4 to 8 digits".to_owned(),
            ),
            PinAnswer::NoneKnown => Some(
                "the SIM asks for a PIN: type it on the page Set up, set `pin` for this modem in the configuration, or switch the PIN off in a phone".to_owned(),
            ),
            PinAnswer::TriedBefore if attempt.typed.is_some() => Some(
                "the SIM asks for a PIN, and this one was tried before without success: type another, or unlock the SIM in a phone".to_owned(),
            ),
            PinAnswer::TriedBefore => Some(
                "the SIM asks for a PIN, and the configured one was tried before without success: type the right one on the page Set up, correct `pin`, or unlock the SIM in a phone".to_owned(),
            ),
            PinAnswer::NotRecorded(why) => Some(format!(
                "the SIM asks for a PIN, but the attempt could not be recorded first ({why}): is the disk full?"
            )),
        };
        match words {
            _ if !is_awaited => {}
            _ if !is_current => self.try_pin(),
            Some(words) => self.stuck_for_pin(&words, now),
            None => {}
        }
    }

    fn on_pin_entered(&mut self, result: &FinalResult, now: Instant) {
        let pin = self.trying_pin.take();
        let typed = self.typed_pin.is_some() && self.typed_pin == pin;
        if result.is_ok() {
            self.effects.push_back(Effect::PinAccepted(PinAccepted {
                card: self.card_name(),
                typed: pin.filter(|_| typed),
            }));
            self.status.wants_pin = false;
            if self.typed_pin.take().is_some() {
                self.effects.push_back(Effect::Unlocked(Ok(())));
            }
            self.go_to(Step::PinState);
        } else {
            // Asked for again in a moment.
            let left = self.status.pin_tries_left;
            self.status.pin_tries_left = left.map(|left| left.saturating_sub(1));
            let words = match typed {
                true => format!(
                    "the SIM did not accept the PIN that was typed ({result}); it is not tried again"
                ),
                false => format!(
                    "the SIM did not accept the configured PIN ({result}): correct `pin`, or type the right one on the page Set up; it is not tried again"
                ),
            };
            self.stuck_for_pin(&words, now);
        }
    }

    /// Takes a PIN that somebody has just typed: tried at once, when the SIM asks for one.
    pub(in crate::modem) fn unlock(&mut self, pin: Pin) {
        self.typed_pin = Some(pin);
        match self.stage {
            Stage::Setup(Step::PinState) => self.wait_until = None,
            // It comes to the SIM by and by.
            Stage::Setup(_) | Stage::Rebooting { .. } | Stage::SoftReset(_) => {}
            Stage::Closed => self.give_up_unlocking("there is no modem"),
            Stage::Resync { .. }
            | Stage::ResyncStorage
            | Stage::Radio(_)
            | Stage::Farewell
            | Stage::Running => self.give_up_unlocking("the SIM asks for no PIN now"),
        }
    }

    /// The PIN that was typed is not tried any more: why.
    pub(super) fn give_up_unlocking(&mut self, words: &str) {
        if self.typed_pin.take().is_some() {
            self.effects
                .push_back(Effect::Unlocked(Err(words.to_owned())));
        }
    }

    /// A daemon by itself takes no try but the first; a person may take the second, and the last
    /// one is left to a telephone.
    fn tries_wanted(&self) -> u8 {
        match self.typed_pin {
            Some(_) => 2,
            None => PIN_TRIES,
        }
    }

    /// The SIM waits for its PIN, and a person is to type it.
    fn stuck_for_pin(&mut self, words: &str, now: Instant) {
        self.stuck(words, now);
        self.status.wants_pin = true;
    }

    /// Under which name the attempt is recorded: the SIM's, or else the line's. The modem's own is
    /// not always known before the SIM is unlocked, and this one must be the same each time.
    fn card_name(&self) -> String {
        let known = self.status.iccid.as_deref();
        known.unwrap_or(&self.settings.name).to_owned()
    }

    fn card_query(&self, n: usize) -> Option<CardQuery> {
        self.profile.card_queries.get(n).copied()
    }

    /// Whether a refusal means that the SIM is not ready, and what follows from that.
    fn sim_starting(&mut self, result: &FinalResult, now: Instant) -> bool {
        let is_starting = result.is_sim_starting();
        if is_starting {
            self.sim_missing(now);
        }
        is_starting
    }

    /// Asks again in a second, for a minute; then says so, and goes on asking.
    fn sim_missing(&mut self, now: Instant) {
        let patience = *self.sim_patience.get_or_insert(now + SIM_PATIENCE);
        if now < patience {
            self.wait_until = Some(now + SIM_RETRY);
        } else {
            self.stuck("the SIM does not answer: is one in, the right way round, and does it work in a phone?", now);
            self.sim_gone(now);
        }
    }

    /// Whether a refusal of the storage's own commands may be that of a SIM that starts, with a code
    /// that says something else: asked again each second, for a minute. One that refused for so long
    /// before is not waited for.
    fn storage_starting(&mut self, refuses: bool, now: Instant) -> bool {
        let patience = *self.storage_patience.get_or_insert(now + SIM_PATIENCE);
        let may = !refuses && now < patience;
        if may {
            self.wait_until = Some(now + SIM_RETRY);
        }
        may
    }

    /// No hints then: the listing every so often finds what arrived.
    fn without_hints(&mut self, result: &FinalResult, now: Instant) {
        if result.is_sim_starting() {
            self.go_to(Step::Indications(0));
            self.sim_missing(now);
        } else {
            // A SIM that starts may refuse them with any code. The line hears without, for it lists
            // more often, and waits for nothing meanwhile.
            self.mailbox.is_told_nothing(true, now);
            match self.refuses.indications {
                true => self.redo(now),
                false => {
                    self.hints = Some(Hints {
                        next: 0,
                        at: now + HINTS_RETRY,
                        until: now + SIM_PATIENCE,
                    });
                }
            }
            self.go_to(Step::Registration);
        }
    }

    /// Asks for announcements again, in each way in turn.
    pub(super) fn ask_for_hints(&mut self, now: Instant) {
        let Some(hints) = self.hints.as_mut().filter(|hints| hints.at <= now) else {
            return;
        };
        if hints.until <= now {
            self.hints = None;
            self.refuses.indications = true;
            self.redo(now);
            return;
        }
        hints.at = now + HINTS_RETRY;
        let mut ways = INDICATIONS.iter().chain(&INDICATIONS_SPARE).cycle();
        let values = ways.nth(hints.next);
        hints.next += 1;
        if let Some(values) = values {
            self.run_errand(Command::IndicationSet(*values));
        }
    }

    /// They were taken, or not.
    pub(super) fn hints_set(&mut self, reply: &Reply, now: Instant) {
        if reply.is_ok() {
            self.hints = None;
            self.mailbox.is_told_nothing(false, now);
            // What is read from now on is what was set.
            self.indications = None;
        }
    }

    /// What was refused now may be taken later.
    fn redo(&mut self, now: Instant) {
        let after = usize::try_from(self.redone)
            .ok()
            .and_then(|n| REDO_AFTER.get(n));
        let after = after.or(REDO_AFTER.last()).copied().unwrap_or(SIM_PATIENCE);
        self.redone = self.redone.saturating_add(1);
        self.redo_at = Some(now + after);
    }

    /// PDU mode was taken, and is not there: nothing can be read or sent.
    fn stays_in_text_mode(&mut self, now: Instant) {
        self.stuck(TEXT_MODE_STAYS, now);
        self.deaf(now);
    }

    fn stuck(&mut self, words: &str, now: Instant) {
        let phase = Phase::Stuck(words.to_owned());
        if self.status.phase != phase {
            tracing::warn!("{words}");
        }
        self.status.phase = phase;
        self.status.wants_pin = false;
        self.give_up_unlocking(words);
        self.stage = Stage::Setup(Step::PinState);
        self.wait_until = Some(now + STUCK_RETRY);
    }

    fn go_to(&mut self, step: Step) {
        self.stage = Stage::Setup(step);
    }

    fn know_by_name(&mut self) {
        let manufacturer = self.status.manufacturer.as_deref().unwrap_or_default();
        let model = self.status.model.as_deref().unwrap_or_default();
        self.profile = profile_for(manufacturer, model);
        tracing::debug!(profile = self.profile.name, "the modem is known");
        self.go_to_fixup(0, 0);
    }

    /// The family's own lines, as they are on this port.
    fn fixups(&self) -> &'static [&'static [&'static str]] {
        let port = self.status.port.as_deref();
        self.profile.fixups_on(port.is_some_and(is_uart))
    }

    /// The next line of the group, or of the next group that has one.
    fn go_to_fixup(&mut self, group: usize, n: usize) {
        let step = match self.fixups().get(group) {
            Some(lines) if n < lines.len() => Step::Fixup(group, n),
            Some(_) if group + 1 < self.fixups().len() => Step::Fixup(group + 1, 0),
            Some(_) | None if self.profile.guesses_speed => Step::Rate,
            Some(_) | None => Step::Functionality,
        };
        self.go_to(step);
    }

    fn finish_setup(&mut self, now: Instant) {
        self.stage = Stage::Running;
        self.setup_at = Some(now);
        if self.redo_at.is_none() {
            self.redone = 0;
            self.refuses = super::Refused::default();
        }
        self.searching_since = None;
        self.passed(now);
        self.mailbox.sweep_all();
        self.judge_registration(now);
        self.look_around(now);
        // Who the line is, once; the service centre, lest texts go nowhere.
        for command in [
            Command::ServiceCentre,
            Command::OperatorFormat,
            Command::Operator,
            Command::StorageRead,
            Command::Revision,
            Command::SerialNumber,
            Command::Subscriber,
            Command::OwnNumber,
            Command::CallerIdentity,
            Command::IndicationRead,
            Command::PinTries(PinQuery::Cpinr),
        ] {
            self.run_errand(command);
        }
        if self.status.iccid.is_none()
            && let Some(query) = self.card_query(0)
        {
            self.run_errand(Command::Card(query));
        }
        tracing::info!(
            manufacturer = self.status.manufacturer.as_deref().unwrap_or("unknown"),
            model = self.status.model.as_deref().unwrap_or("unknown"),
            "the modem is set up"
        );
    }
}

/// What a person is told of a modem that leaves text mode for nothing.
pub(super) const TEXT_MODE_STAYS: &str = "the modem stays in text mode, where texts cannot be told apart, although it is set to PDU mode: \
     power it off and on, update its firmware, or use another modem";

/// What the SIM asks for, in the words of TS 27.007 §8.3, however the modem says it.
fn pin_asked<'a>(reply: &'a Reply, result: &FinalResult) -> &'a str {
    let state = reply
        .lines
        .first()
        .and_then(|line| response::pin_state(line));
    match (state, result) {
        (Some(state), _) => state,
        (None, FinalResult::Cme(code)) if code.number == Some(11) => "SIM PIN",
        (None, FinalResult::Cme(code)) if code.number == Some(12) => "SIM PUK",
        // Modems without a SIM lock do not know the question.
        (None, FinalResult::Cme(code)) if matches!(code.number, Some(3 | 4)) => "READY",
        (None, FinalResult::NotSupported) => "READY",
        // Some say no more than that.
        (None, FinalResult::Ok) => "READY",
        (None, _) => "NOT READY",
    }
}

/// The best a modem offers where it refused all usual settings: each parameter's wish, or else
/// what there is.
fn best_of(offered: &[Vec<u8>; 5]) -> [u8; 5] {
    let wishes: [&[u8]; 5] = [&[2, 1, 3], &[1], &[2, 0], &[1, 2, 0], &[0, 1]];
    let mut best = [0; 5];
    for ((best, offered), wishes) in best.iter_mut().zip(offered).zip(wishes) {
        let wish = wishes.iter().find(|wish| offered.contains(wish));
        *best = wish.or_else(|| offered.first()).copied().unwrap_or(0);
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indications_are_chosen_from_what_is_offered() {
        for (line, best) in [
            // Cinterion MC75i: the buffer can only be cleared
            ("+CNMI: (0-3),(0,1),(0,2,3),(0,2),(1)", [2, 1, 2, 2, 1]),
            ("+CNMI: (1),(1),(0),(0),(0)", [1, 1, 0, 0, 0]),
        ] {
            let offered = response::indications_offered(line);
            assert_eq!(
                offered.map(|offered| best_of(&offered)),
                Some(best),
                "{line}"
            );
        }
    }
}
