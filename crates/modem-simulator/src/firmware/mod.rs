//! The modem itself, without a port: octets in, octets out, time passed in.
//!
//! V.250 command lines, echo and result codes live here; what the commands do is next door.

mod ailing;
mod arrivals;
mod general;
mod messages;
mod misfortune;
mod sim;
mod text_mode;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Settings;
use super::command_line::{self, Command, CommandLine};
use super::faults::{Fate, Faults, Kind};
use super::network::{Network, Waiting};
use super::profile::Profile;
use super::storage::Memory;

pub(crate) use messages::Mem;
use messages::{Outgoing, Purpose};
pub(crate) use sim::Sim;

/// A command line longer than this is refused; the longest real ones stay under 200 octets.
const LINE_MAX: usize = 2_048;
/// Octets between `>` and Ctrl-Z; a PDU has at most 352 hexadecimal digits.
const PROMPTED_MAX: usize = 4_096;
/// Octets the terminal may send ahead while a command is busy; beyond, the port is not read.
const INPUT_MAX: usize = 16_384;
/// Octets nobody has read yet; beyond, unsolicited codes are dropped and the port is not read.
const OUTPUT_MAX: usize = 262_144;
/// Unsolicited codes kept while the link is taken.
const HELD_CODES_MAX: usize = 256;
/// Message indications kept in `+CNMI` mode 0; then the oldest goes.
const BUFFERED_CODES_MAX: usize = 32;

/// Between the `OK` to a restart and the port's going away; closing it at once would take the `OK`
/// out of the terminal's buffer.
const FAREWELL: Duration = Duration::from_millis(100);

/// Command lines remembered; then the oldest goes.
const HEARD_MAX: usize = 10_000;

const CTRL_Z: u8 = 0x1A;
const ESC: u8 = 0x1B;

/// A command the terminal gave, and when the end of its line was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// When.
    pub at: Instant,
    /// Without its `AT`.
    pub line: String,
}

/// A final result code other than `OK`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// `ERROR`.
    Error,
    /// The profile's answer to a command that it does not know.
    Unknown,
    /// `+CME ERROR` (TS 27.007 §9.2).
    Cme(u16),
    /// `+CMS ERROR` (TS 27.005 §3.2.5).
    Cms(u16),
    /// `NO CARRIER`.
    NoCarrier,
}

/// How a command ended, if it has.
enum Outcome {
    Done,
    Prompt(Purpose),
    Later(Duration, Then),
    /// The response ends here, without a final result code.
    Mute,
    /// `OK`, then a restart.
    Restart,
}

type Executed = Result<Outcome, Refusal>;

/// What follows a wait.
enum Then {
    RunLine,
    Submit(Box<Outgoing>),
}

struct Busy {
    until: Instant,
    then: Then,
}

/// What the next octet belongs to.
enum Listening {
    /// Anything before `AT`; whether an `A` was the last octet.
    Idle {
        after_a: bool,
    },
    Line(Vec<u8>),
    Prompt {
        purpose: Purpose,
        text: Vec<u8>,
    },
}

/// What `&F` and a restart set back (V.250, TS 27.005 and TS 27.007 defaults).
#[derive(Debug, Clone)]
struct Terms {
    echo: bool,
    verbose: bool,
    quiet: bool,
    registers: [u8; 16],
    error_level: u8,
    text_mode: bool,
    show_all: bool,
    charset: &'static str,
    service: u8,
    /// `+CNMI` mode, mt, bm, ds, bfr.
    indications: [u8; 5],
    memories: [Mem; 3],
    /// `+CSMP` first octet, validity, protocol identifier, data coding scheme.
    parameters: messages::Parameters,
    registration_reports: [u8; 3],
    operator_format: u8,
    caller_shown: bool,
    more_messages: u8,
    ussd_shown: u8,
    chatter: bool,
    phonebook: &'static str,
}

impl Terms {
    fn of(profile: &Profile) -> Self {
        let memory = Mem::named(profile.first_memory).unwrap_or(Mem::Sim);
        let mut registers = [0; 16];
        for (register, value) in [(3, 13), (4, 10), (5, 8), (7, 60), (8, 2), (10, 15)] {
            if let Some(slot) = registers.get_mut(register) {
                *slot = value;
            }
        }
        Self {
            echo: true,
            verbose: true,
            quiet: false,
            registers,
            error_level: 0,
            text_mode: false,
            show_all: false,
            charset: profile.charsets.first().copied().unwrap_or("GSM"),
            service: 0,
            indications: [0; 5],
            memories: [memory; 3],
            parameters: messages::Parameters::default(),
            registration_reports: [0; 3],
            operator_format: 0,
            caller_shown: false,
            more_messages: 0,
            ussd_shown: 0,
            chatter: true,
            phonebook: "SM",
        }
    }

    fn register(&self, number: usize) -> u8 {
        self.registers.get(number).copied().unwrap_or(0)
    }
}

/// How the modem stands with the network (TS 27.007 §7.2, §8.5).
#[derive(Debug, Clone)]
pub(crate) struct Radio {
    /// `<stat>` of `+CREG`.
    pub(crate) registration: u8,
    /// `<rssi>` of `+CSQ`, 0 to 31 or 99.
    pub(crate) signal: u8,
    /// `<fun>` of `+CFUN`.
    functionality: u8,
    /// Whether `+COPS=2` asked to stay away.
    detached: bool,
}

impl Radio {
    /// The registration that the terminal sees.
    fn seen(&self) -> u8 {
        if self.functionality != 1 || self.detached {
            0
        } else {
            self.registration
        }
    }

    /// Home, roaming, and the SMS-only and CSFB variants count (TS 27.007 §7.2).
    fn has_service(&self) -> bool {
        matches!(self.seen(), 1 | 5 | 6 | 7 | 9 | 10)
    }
}

/// Octets for the terminal, not before `due`.
struct Piece {
    due: Option<Instant>,
    octets: Vec<u8>,
}

/// A text that was handed on directly and waits for `+CNMA`.
struct Unacknowledged {
    waiting: Waiting,
    until: Instant,
}

/// The port is to go away at a time, for a time.
struct PortDrop {
    at: Instant,
    pause: Duration,
}

struct Ringing {
    from: String,
    next: Instant,
    left: u8,
}

/// The modem.
pub(crate) struct Firmware {
    settings: Settings,
    profile: &'static Profile,
    now: Instant,
    terms: Terms,
    pub(crate) sim: Sim,
    pub(crate) radio: Radio,
    sim_memory: Memory,
    modem_memory: Memory,
    report_memory: Memory,
    pub(crate) network: Network,
    fate: Fate,
    ailing: ailing::Ailing,
    comebacks: misfortune::Comebacks,
    listening: Listening,
    input: VecDeque<u8>,
    /// When the terminal last said something.
    heard_at: Instant,
    line: Option<CommandLine>,
    last_line: Vec<u8>,
    /// Command lines, oldest first.
    pub(crate) heard: VecDeque<Heard>,
    /// How many there ever were; `heard` may have forgotten the first of them.
    pub(crate) heard_count: usize,
    busy: Option<Busy>,
    response: Vec<u8>,
    held_codes: VecDeque<Vec<u8>>,
    /// Message indications kept while `+CNMI` mode is 0.
    buffered_codes: VecDeque<Vec<u8>>,
    out: VecDeque<Piece>,
    out_octets: usize,
    silent_until: Option<Instant>,
    boots_at: Option<Instant>,
    sim_ready_at: Option<Instant>,
    unacknowledged: Option<Unacknowledged>,
    ringing: Option<Ringing>,
    chatters_at: Option<Instant>,
    chattered: usize,
    memory_full: bool,
    last_message_reference: u8,
    has_sent: bool,
    fail_next: VecDeque<u16>,
    hold_next: bool,
    drop_port: Option<PortDrop>,
    send_latency: Duration,
}

impl Firmware {
    pub(crate) fn new(settings: Settings, now: Instant) -> Self {
        let profile = settings.profile;
        let memory = |slots| Memory::new(profile.base_index, settings.capacity.unwrap_or(slots));
        let network = Network::new(
            &settings.number,
            &settings.service_centre,
            settings.zone_quarters,
            settings.reports.clone(),
        );
        Self {
            profile,
            now,
            terms: Terms::of(profile),
            sim: Sim::new(&settings),
            radio: Radio {
                registration: 1,
                signal: 21,
                functionality: 1,
                detached: false,
            },
            sim_memory: memory(profile.sim_slots),
            modem_memory: memory(profile.modem_slots),
            report_memory: memory(profile.sim_slots),
            network,
            fate: Fate::new(settings.faults.clone()),
            ailing: ailing::Ailing::default(),
            comebacks: misfortune::Comebacks::default(),
            listening: Listening::Idle { after_a: false },
            input: VecDeque::new(),
            heard_at: now,
            line: None,
            last_line: Vec::new(),
            heard: VecDeque::new(),
            heard_count: 0,
            busy: None,
            response: Vec::new(),
            held_codes: VecDeque::new(),
            buffered_codes: VecDeque::new(),
            out: VecDeque::new(),
            out_octets: 0,
            silent_until: None,
            boots_at: None,
            sim_ready_at: None,
            unacknowledged: None,
            ringing: None,
            chatters_at: settings.chatter_every.map(|every| now + every),
            chattered: 0,
            memory_full: false,
            last_message_reference: 0,
            has_sent: false,
            fail_next: VecDeque::new(),
            hold_next: false,
            drop_port: None,
            send_latency: settings.send_latency,
            settings,
        }
    }

    // The port's side.

    /// Octets from the terminal.
    pub(crate) fn receive(&mut self, octets: &[u8], now: Instant) {
        self.now = now;
        self.pass_time();
        if self.silent_until.is_some() || self.boots_at.is_some() {
            return;
        }
        let slept = self.ailing.sleeps_after();
        let slept =
            slept.is_some_and(|after| now.saturating_duration_since(self.heard_at) >= after);
        self.heard_at = now;
        // What wakes it is swallowed up to the end of its line.
        let swallowed = match slept && !matches!(self.listening, Listening::Prompt { .. }) {
            true => octets
                .iter()
                .position(|octet| *octet == self.terms.register(3))
                .map_or(octets.len(), |end| end + 1),
            false => 0,
        };
        let octets = octets.get(swallowed..).unwrap_or_default();
        let room = INPUT_MAX.saturating_sub(self.input.len());
        self.input.extend(octets.iter().take(room));
        self.read_input();
    }

    /// Time has passed, or the network's side has changed.
    pub(crate) fn wake(&mut self, now: Instant) {
        self.now = now;
        self.pass_time();
        self.read_input();
    }

    /// When to call [`Self::wake`] at the latest.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        [
            self.busy.as_ref().map(|busy| busy.until),
            self.silent_until,
            self.boots_at,
            self.sim_ready_at,
            self.unacknowledged.as_ref().map(|text| text.until),
            self.ringing.as_ref().map(|ringing| ringing.next),
            self.chatters_at,
            self.drop_port.as_ref().map(|drop| drop.at),
            self.network.next_due(),
            self.comebacks.next(),
            self.out.front().and_then(|piece| piece.due),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Whether there is room for more octets from the terminal.
    pub(crate) fn can_receive(&self) -> bool {
        self.input.len() < INPUT_MAX / 2 && self.out_octets < OUTPUT_MAX
    }

    /// Moves what is due to the end of `buffer`.
    pub(crate) fn take_output(&mut self, buffer: &mut Vec<u8>, now: Instant) {
        while let Some(piece) = self.out.front() {
            if piece.due.is_some_and(|due| due > now) {
                return;
            }
            if let Some(piece) = self.out.pop_front() {
                self.out_octets -= piece.octets.len();
                buffer.extend(piece.octets);
            }
        }
    }

    /// Whether the port is to go away now, and for how long.
    pub(crate) fn take_drop_port(&mut self, now: Instant) -> Option<Duration> {
        self.drop_port
            .take_if(|drop| drop.at <= now)
            .map(|drop| drop.pause)
    }

    /// The port went away: what was half said is gone, the modem's own state stays.
    pub(crate) fn port_lost(&mut self) {
        self.out.clear();
        self.out_octets = 0;
        self.input.clear();
        self.listening = Listening::Idle { after_a: false };
        if let Some(Busy {
            then: Then::Submit(outgoing),
            ..
        }) = self.busy.take()
        {
            // The radio does not notice that nobody listens any more.
            self.line = None;
            let _ = self.submit(&outgoing);
        }
        self.line = None;
        self.response.clear();
        self.held_codes.clear();
    }

    // The bench's side.

    pub(crate) fn set_faults(&mut self, faults: Faults) {
        self.fate = Fate::new(faults);
    }

    pub(crate) fn set_send_latency(&mut self, latency: Duration) {
        self.send_latency = latency;
    }

    pub(crate) fn fail_next_sends(&mut self, codes: &[u16]) {
        self.fail_next.extend(codes);
    }

    pub(crate) fn hold_result_of_next_send(&mut self) {
        self.hold_next = true;
    }

    /// Power off and on: memories stay, everything else starts again.
    pub(crate) fn restart(&mut self, now: Instant) {
        self.restart_after(now, Duration::ZERO);
    }

    /// A restart of which the terminal is still told: the port stays for `farewell`.
    fn restart_after(&mut self, now: Instant, farewell: Duration) {
        self.now = now;
        self.terms = Terms::of(self.profile);
        if let Some(charset) = self.ailing.charset() {
            self.terms.charset = charset;
        }
        self.listening = Listening::Idle { after_a: false };
        self.input.clear();
        self.line = None;
        self.busy = None;
        self.response.clear();
        self.held_codes.clear();
        self.buffered_codes.clear();
        self.out.clear();
        self.out_octets = 0;
        self.silent_until = None;
        self.ringing = None;
        self.radio.functionality = 1;
        self.radio.detached = false;
        self.sim.power_up();
        // A direct text nobody acknowledged comes again.
        if let Some(text) = self.unacknowledged.take() {
            self.network.waiting.push_front(text.waiting);
        }
        self.boots_at = Some(now + self.settings.boot_time);
        if self.profile.restart_drops_port {
            self.drop_port = Some(PortDrop {
                at: now + farewell,
                pause: self.settings.boot_time,
            });
            self.boots_at = Some(now + farewell + self.settings.boot_time);
        }
        self.sim_ready_at = None;
        self.pass_time();
    }

    // Time.

    fn pass_time(&mut self) {
        let now = self.now;
        if self.boots_at.is_some_and(|at| at <= now) {
            self.boots_at = None;
            self.sim_ready_at = Some(now + self.settings.sim_busy);
            for code in self.profile.boot {
                self.code(code.as_bytes());
            }
        }
        if self.boots_at.is_none() && self.sim_ready_at.is_some_and(|at| at <= now) {
            self.sim_ready_at = None;
            if self.sim.is_open() {
                for code in self.profile.sim_ready {
                    self.code(code.as_bytes());
                }
            }
        }
        if self.silent_until.is_some_and(|at| at <= now) {
            self.silent_until = None;
        }
        if self.busy.as_ref().is_some_and(|busy| busy.until <= now)
            && let Some(busy) = self.busy.take()
        {
            match busy.then {
                Then::RunLine => self.run_line(),
                Then::Submit(outgoing) => {
                    let executed = self.submit(&outgoing);
                    self.after_command(executed);
                }
            }
        }
        self.come_back();
        self.network.release_due(now);
        self.expire_unacknowledged();
        self.ring();
        self.chatter_when_due();
        self.deliver_waiting();
    }

    // Octets in.

    fn read_input(&mut self) {
        while self.busy.is_none() && self.silent_until.is_none() && self.boots_at.is_none() {
            let Some(octet) = self.input.pop_front() else {
                break;
            };
            self.hear(octet);
        }
        self.deliver_waiting();
    }

    fn hear(&mut self, octet: u8) {
        if self.terms.echo && octet != ESC && octet != CTRL_Z {
            self.say(&[octet]);
        }
        let end = self.terms.register(3);
        let rub_out = self.terms.register(5);
        match &mut self.listening {
            Listening::Idle { after_a } => match octet {
                b'A' | b'a' => *after_a = true,
                b'T' | b't' if *after_a => self.listening = Listening::Line(Vec::new()),
                b'/' if *after_a => {
                    self.listening = Listening::Idle { after_a: false };
                    let line = self.last_line.clone();
                    self.start_line(&line);
                }
                _ => *after_a = false,
            },
            Listening::Line(line) => {
                if octet == end {
                    let line = std::mem::take(line);
                    self.listening = Listening::Idle { after_a: false };
                    self.last_line.clone_from(&line);
                    self.start_line(&line);
                } else if octet == rub_out {
                    line.pop();
                } else if octet >= b' ' && line.len() <= LINE_MAX {
                    line.push(octet);
                }
            }
            Listening::Prompt { purpose, text } => match octet {
                CTRL_Z => {
                    let text = std::mem::take(text);
                    let purpose = purpose.clone();
                    self.listening = Listening::Idle { after_a: false };
                    let executed = self.prompted(&purpose, &text);
                    self.after_command(executed);
                }
                ESC => {
                    self.listening = Listening::Idle { after_a: false };
                    self.line = None;
                    self.finish(Ok(()));
                }
                octet if octet == rub_out && purpose.is_text() => {
                    text.pop();
                }
                octet => {
                    if text.len() < PROMPTED_MAX {
                        text.push(octet);
                    }
                    if octet == end && purpose.is_text() {
                        self.say(b"\r\n> ");
                    }
                }
            },
        }
    }

    fn start_line(&mut self, line: &[u8]) {
        let commands = command_line::commands(&String::from_utf8_lossy(line));
        let count = u32::try_from(commands.len()).unwrap_or(u32::MAX);
        let written: Vec<String> = commands
            .iter()
            .map(|one| one.to_ascii_uppercase())
            .collect();
        for line in commands {
            if self.heard.len() >= HEARD_MAX {
                self.heard.pop_front();
            }
            self.heard.push_back(Heard { at: self.now, line });
            self.heard_count += 1;
        }
        if line.len() > LINE_MAX {
            self.finish(Err(Refusal::Error));
            return;
        }
        if self.ailing.is_deaf() {
            return;
        }
        if let Some(result) = self.ailing.refusal(&written) {
            self.refuse_with(&result);
            return;
        }
        if let Some(answer) = self.ailing.answer(&written) {
            self.info(answer);
            self.finish(Ok(()));
            return;
        }
        if self.misfortune() {
            return;
        }
        self.ailing.begin_line(&written);
        self.line = Some(CommandLine::new(line));
        if self.settings.command_latency.is_zero() {
            self.run_line();
        } else {
            self.busy = Some(Busy {
                until: self.now + self.settings.command_latency * count,
                then: Then::RunLine,
            });
        }
    }

    /// Ends a command line that was not carried out.
    fn refuse_with(&mut self, result: &str) {
        let framed = self.framed(result.as_bytes(), true);
        self.say(&framed);
        self.flush_codes();
    }

    fn drop_port_at(&mut self, at: Instant, pause: Duration) {
        self.drop_port = Some(PortDrop { at, pause });
    }

    fn run_line(&mut self) {
        loop {
            let Some(line) = &mut self.line else {
                return;
            };
            let executed = match line.next() {
                None => {
                    self.finish(Ok(()));
                    return;
                }
                Some(Err(_)) => Err(Refusal::Error),
                Some(Ok(command)) => self.execute(&command),
            };
            if !self.took(executed) {
                return;
            }
            if self.ailing.is_first_alone() {
                self.finish(Ok(()));
                return;
            }
        }
    }

    fn after_command(&mut self, executed: Executed) {
        if self.took(executed) {
            match self.line {
                Some(_) => self.run_line(),
                None => self.finish(Ok(())),
            }
        }
    }

    /// Acts on a command's outcome; `true` when the line may go on.
    fn took(&mut self, executed: Executed) -> bool {
        match executed {
            Ok(Outcome::Done) => return true,
            Err(refusal) => self.finish(Err(refusal)),
            Ok(Outcome::Prompt(purpose)) => {
                let response = std::mem::take(&mut self.response);
                self.say(&response);
                if !self.fate.strikes(Kind::NoPrompt) && !self.ailing.is_promptless() {
                    self.say(b"\r\n> ");
                }
                self.listening = Listening::Prompt {
                    purpose,
                    text: Vec::new(),
                };
            }
            Ok(Outcome::Later(wait, then)) => {
                self.busy = Some(Busy {
                    until: self.now + wait,
                    then,
                });
            }
            Ok(Outcome::Mute) => {
                self.line = None;
                self.ailing.line = ailing::LineFate::default();
                self.response.clear();
                self.flush_codes();
            }
            Ok(Outcome::Restart) => {
                self.finish(Ok(()));
                // What was said before the restart still leaves the port.
                let said = std::mem::take(&mut self.out);
                let octets = self.out_octets;
                self.restart_after(self.now, FAREWELL);
                let after = std::mem::replace(&mut self.out, said);
                self.out.extend(after);
                self.out_octets += octets;
            }
        }
        false
    }

    fn execute(&mut self, command: &Command) -> Executed {
        if let Some(executed) = self.message_command(command) {
            return executed;
        }
        if let Some(executed) = self.sim_command(command) {
            return executed;
        }
        self.general_command(command)
    }

    // Octets out.

    /// A line of information text, in the form that `V` asks for.
    fn info(&mut self, text: impl AsRef<[u8]>) {
        let framed = self.framed(text.as_ref(), self.terms.verbose);
        self.response.extend(framed);
    }

    fn framed(&self, text: &[u8], leading: bool) -> Vec<u8> {
        let (cr, lf) = (self.terms.register(3), self.terms.register(4));
        let mut framed = Vec::with_capacity(text.len() + 4);
        if leading {
            framed.extend([cr, lf]);
        }
        framed.extend(text);
        framed.extend([cr, lf]);
        framed
    }

    /// Ends a command line with its final result code.
    fn finish(&mut self, result: Result<(), Refusal>) {
        self.line = None;
        let mut response = std::mem::take(&mut self.response);
        let fate = std::mem::take(&mut self.ailing.line);
        if let Some(code) = &fate.code_inside {
            let framed = self.framed(code.as_bytes(), true);
            let at = middle_of(&response);
            response.splice(at..at, framed);
        }
        if self.fate.strikes(Kind::Noise) && !self.profile_chatter().is_empty() {
            let chatter = self.profile_chatter();
            let place = self.fate.pick(Kind::Noise, chatter.len());
            if let Some(code) = chatter.get(place) {
                let framed = self.framed(code.as_bytes(), true);
                response.extend(framed);
            }
        }
        if self.fate.strikes(Kind::Garbage) {
            let mut garbage: Vec<u8> = (0..=self.fate.pick(Kind::Garbage, 4))
                .map(|_| u8::try_from(self.fate.pick(Kind::Garbage, 256)).unwrap_or(0xFF))
                .filter(|octet| !matches!(octet, b'\r' | b'\n' | b'>'))
                .collect();
            garbage.extend(b"\r\n");
            garbage.extend(response);
            response = garbage;
        }
        if !self.terms.quiet && !fate.is_mute && !self.fate.strikes(Kind::NoFinal) {
            response.extend(self.final_code(result));
        }
        self.steal_from(&mut response);
        let pause = self.fate.faults().pause;
        let late_by = fate
            .late_by
            .or_else(|| self.fate.strikes(Kind::Late).then_some(pause));
        if let Some(by) = late_by {
            self.push(Piece {
                due: Some(self.now + by),
                octets: response,
            });
        } else if response.len() > 1 && self.fate.strikes(Kind::Split) {
            let cut = 1 + self.fate.pick(Kind::Split, response.len() - 1);
            let later = response.split_off(cut.min(response.len()));
            let due = self.now + self.fate.faults().piece_gap;
            self.say(&response);
            self.push(Piece {
                due: Some(due),
                octets: later,
            });
        } else {
            self.say(&response);
        }
        self.flush_codes();
    }

    fn profile_chatter(&self) -> &'static [&'static str] {
        if self.profile.chatter.is_empty() {
            &["+CREG: 1", "RING", "+CUSD: 2"]
        } else {
            self.profile.chatter
        }
    }

    fn final_code(&self, result: Result<(), Refusal>) -> Vec<u8> {
        let level = self.terms.error_level;
        let (words, number) = match result {
            Ok(()) => ("OK".to_owned(), "0"),
            Err(Refusal::Error) => ("ERROR".to_owned(), "4"),
            Err(Refusal::Unknown) => (self.profile.unknown_command.to_owned(), "4"),
            Err(Refusal::NoCarrier) => ("NO CARRIER".to_owned(), "3"),
            Err(Refusal::Cme(_)) if level == 0 => ("ERROR".to_owned(), "4"),
            Err(Refusal::Cme(code)) if level == 1 => (format!("+CME ERROR: {code}"), ""),
            Err(Refusal::Cme(code)) => (format!("+CME ERROR: {}", cme_words(code)), ""),
            Err(Refusal::Cms(code)) if level == 2 => {
                (format!("+CMS ERROR: {}", cms_words(code)), "")
            }
            Err(Refusal::Cms(code)) => (format!("+CMS ERROR: {code}"), ""),
        };
        if self.terms.verbose || number.is_empty() {
            self.framed(words.as_bytes(), true)
        } else {
            let mut short = number.as_bytes().to_vec();
            short.push(self.terms.register(3));
            short
        }
    }

    /// An unsolicited result code: at once, or when the link is free again.
    fn code(&mut self, text: &[u8]) {
        if self.terms.quiet || self.out_octets > OUTPUT_MAX {
            return;
        }
        let framed = self.framed(text, true);
        let prompted = matches!(self.listening, Listening::Prompt { .. });
        if prompted || (self.line.is_some() && self.busy.is_none()) {
            if self.held_codes.len() >= HELD_CODES_MAX {
                self.held_codes.pop_front();
            }
            self.held_codes.push_back(framed);
        } else {
            self.say(&framed);
        }
    }

    /// `+CMTI`, `+CMT`, `+CDSI` or `+CDS`: kept back in `+CNMI` mode 0 (TS 27.005 §3.4.1).
    fn indication(&mut self, text: &[u8]) {
        if self.ailing.is_unannounced() {
            return;
        }
        if self.terms.indications.first() != Some(&0) {
            self.code(text);
            return;
        }
        if self.buffered_codes.len() >= BUFFERED_CODES_MAX {
            self.buffered_codes.pop_front();
        }
        let framed = self.framed(text, true);
        self.buffered_codes.push_back(framed);
    }

    fn flush_codes(&mut self) {
        while let Some(code) = self.held_codes.pop_front() {
            self.say(&code);
        }
    }

    fn say(&mut self, octets: &[u8]) {
        // Joined to what waits already, unless that waits for its time.
        match self.out.back_mut() {
            Some(Piece {
                due: None,
                octets: last,
            }) => {
                last.extend(octets);
                self.out_octets += octets.len();
            }
            _ => self.push(Piece {
                due: None,
                octets: octets.to_vec(),
            }),
        }
    }

    fn push(&mut self, piece: Piece) {
        self.out_octets += piece.octets.len();
        self.out.push_back(piece);
    }
}

/// Where a line ends about half way through a response.
fn middle_of(response: &[u8]) -> usize {
    let ends: Vec<usize> = response
        .iter()
        .enumerate()
        .filter(|(_, octet)| **octet == b'\n')
        .map(|(place, _)| place + 1)
        .collect();
    ends.get(ends.len() / 2).copied().unwrap_or(0)
}

/// TS 27.007 §9.2, the codes that are used here.
fn cme_words(code: u16) -> &'static str {
    match code {
        3 => "operation not allowed",
        4 => "operation not supported",
        10 => "SIM not inserted",
        11 => "SIM PIN required",
        12 => "SIM PUK required",
        14 => "SIM busy",
        16 => "incorrect password",
        30 => "no network service",
        50 => "Incorrect parameters",
        _ => "unknown",
    }
}

/// TS 27.005 §3.2.5, the codes that are used here and in faults.
fn cms_words(code: u16) -> &'static str {
    match code {
        38 => "Network out of order",
        41 => "Temporary failure",
        42 => "Congestion",
        300 => "ME failure",
        301 => "SMS service of ME reserved",
        302 => "operation not allowed",
        303 => "operation not supported",
        304 => "invalid PDU mode parameter",
        305 => "invalid text mode parameter",
        310 => "SIM not inserted",
        311 => "SIM PIN required",
        314 => "SIM busy",
        316 => "SIM PUK required",
        321 => "invalid memory index",
        322 => "memory full",
        330 => "SMSC address unknown",
        331 => "no network service",
        332 => "network timeout",
        340 => "no +CNMA acknowledgement expected",
        _ => "unknown error",
    }
}

#[cfg(test)]
mod tests;
