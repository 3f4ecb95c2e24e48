//! One command in flight: which of the modem's lines belong to it, and when to stop waiting.
//!
//! Three things make this harder than reading until `OK`. A modem speaks unasked at any moment, so
//! a line is matched by prefix *and* shape, never by position. A late answer to a command that was
//! given up can stand where the next one's is due, so an `OK` without the lines a command must
//! have is not believed at once. And a listing may hold a broken entry, which must cost only itself.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::command::{Bare, Command, SUBMIT_LIMIT, Shape};
use super::fields::fields;
use super::framing::{Frame, Framer, LINE_MAX};
use super::hex;
use super::response::{Entry, digits, is_length};
use super::result::FinalResult;
use super::unsolicited::{Announced, Unsolicited, is_registration_read};

/// The most lines kept of one response. Entries of a listing are events of their own and not
/// counted; nothing else comes near.
pub const LINES_MAX: usize = 256;

/// How long the lines that must come with an `OK` may come after it: then the `OK` was a late one
/// of an earlier command, and the right one follows.
const STRAY_OK_LIMIT: Duration = Duration::from_secs(1);

/// The same for a submitted text, whose own `OK` waits for the network.
const STRAY_OK_SENT_LIMIT: Duration = Duration::from_secs(60);

/// What a memory's selection answers, also where a listing follows on the same line.
const SELECTED: &str = "+CPMS:";

/// How long after `RING` a `NO CARRIER` still tells of that call's end.
const CALL_LIMIT: Duration = Duration::from_secs(120);

/// What the engine has to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The command in flight ended.
    Reply(Reply),
    /// One entry of the listing in flight; its end comes as a reply.
    Entry(Entry),
    /// The modem spoke unasked.
    Unsolicited(Unsolicited),
}

/// How a command went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The command.
    pub command: Command,
    /// The information lines that belong to it, at most [`LINES_MAX`].
    pub lines: Vec<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether the modem repeated the command: `ATE0` was not said yet, or was forgotten.
    pub echoed: bool,
    /// For a send: whether the PDU and its Ctrl-Z were given out, so that the network may have it.
    pub payload_sent: bool,
}

impl Reply {
    /// Whether the modem said `OK`.
    pub fn is_ok(&self) -> bool {
        self.outcome == Outcome::Final(FinalResult::Ok)
    }
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// With a final result code.
    Final(FinalResult),
    /// Without any, in its time.
    TimedOut,
    /// A send that got no `>`; it was called off with ESC.
    NoPrompt,
    /// By something outside: why.
    Cut(&'static str),
}

/// Another command is still in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("another command is still in flight")]
pub struct Busy;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    AwaitingResult,
    AwaitingPrompt,
    PayloadSent,
}

#[derive(Debug)]
struct InFlight {
    text: String,
    command: Command,
    stage: Stage,
    lines: Vec<String>,
    /// A header whose PDU has not come yet.
    entry: Option<Entry>,
    /// Whether the last entry was as long as its header said.
    last_entry_whole: bool,
    /// An `OK` came before the lines it must come with.
    stray_ok: bool,
    echoed: bool,
    deadline: Instant,
}

/// The AT dialogue as a state machine.
#[derive(Debug, Default)]
pub struct Engine {
    framer: Framer,
    in_flight: Option<InFlight>,
    announced: Option<Announced>,
    /// A `+CUSD` whose text goes on in the next line.
    open_ussd: Option<String>,
    last_ring: Option<Instant>,
    events: VecDeque<Event>,
    octets: Vec<u8>,
}

impl Engine {
    /// Puts a command in flight; its octets wait in [`Self::take_octets`].
    ///
    /// # Errors
    /// [`Busy`] while another one is in flight.
    pub fn submit(&mut self, command: Command, now: Instant) -> Result<(), Busy> {
        if self.in_flight.is_some() {
            return Err(Busy);
        }
        let text = command.text();
        self.octets.extend(text.bytes());
        self.octets.push(b'\r');
        let stage = match command {
            Command::Send { .. } => Stage::AwaitingPrompt,
            _ => Stage::AwaitingResult,
        };
        self.in_flight = Some(InFlight {
            deadline: now + command.time_limit(),
            text,
            command,
            stage,
            lines: Vec::new(),
            entry: None,
            last_entry_whole: true,
            stray_ok: false,
            echoed: false,
        });
        Ok(())
    }

    /// ESC CR: leaves a prompt that an earlier run was stopped at, and ends a half-typed line.
    /// Never Ctrl-Z: that would send whatever had been typed.
    pub fn escape(&mut self) {
        self.octets.extend(b"\x1b\r");
    }

    /// Takes what the port gave.
    pub fn receive(&mut self, octets: &[u8], now: Instant) {
        for octet in octets {
            let prompt_expected = self
                .in_flight
                .as_ref()
                .is_some_and(|in_flight| in_flight.stage == Stage::AwaitingPrompt);
            match self.framer.octet(*octet, prompt_expected) {
                Some(Frame::Line(line)) => self.line(&line, now),
                Some(Frame::Prompt) => self.prompt(now),
                None => {}
            }
        }
    }

    /// Lets time pass: ends the command in flight if its deadline has come.
    pub fn tick(&mut self, now: Instant) {
        let Some(in_flight) = self
            .in_flight
            .take_if(|in_flight| in_flight.deadline <= now)
        else {
            return;
        };
        let outcome = if in_flight.stray_ok {
            Outcome::Final(FinalResult::Ok)
        } else if in_flight.stage == Stage::AwaitingPrompt {
            self.octets.push(0x1B);
            Outcome::NoPrompt
        } else {
            Outcome::TimedOut
        };
        self.finish(in_flight, outcome);
    }

    /// When [`Self::tick`] has something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.in_flight.as_ref().map(|in_flight| in_flight.deadline)
    }

    /// Ends the command in flight because of something outside: the port is gone, the modem has
    /// restarted. Half-read lines are forgotten, octets not yet taken are dropped.
    pub fn cut(&mut self, why: &'static str) {
        self.framer.reset();
        self.announced = None;
        self.open_ussd = None;
        self.octets.clear();
        if let Some(in_flight) = self.in_flight.take() {
            self.finish(in_flight, Outcome::Cut(why));
        }
    }

    /// Whether a command is in flight.
    pub fn is_busy(&self) -> bool {
        self.in_flight.is_some()
    }

    /// The octets to write to the port, in order.
    pub fn take_octets(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.octets)
    }

    /// The next event; at most a few for each line received.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn prompt(&mut self, now: Instant) {
        let Some(in_flight) = &mut self.in_flight else {
            return;
        };
        if let Some(payload) = in_flight.command.payload() {
            self.octets.extend(payload);
            in_flight.stage = Stage::PayloadSent;
            in_flight.deadline = now + SUBMIT_LIMIT;
        }
    }

    fn line(&mut self, line: &str, now: Instant) {
        // Where no PDU follows its announcement, that report is lost on the wire; this line is not.
        if let Some(announced) = self.announced.take()
            && let Some(octets) = hex::decode(line)
        {
            if self.belongs_to_entry(&octets, announced) {
                self.announced = Some(announced);
            } else {
                self.unsolicited(announced.with_pdu(line.to_owned()));
                return;
            }
        }
        if let Some(begun) = self.open_ussd.take() {
            let is_text = FinalResult::parse(line).is_none()
                && !Unsolicited::is_known(line)
                && begun.len().saturating_add(line.len()) < LINE_MAX;
            if is_text {
                self.unasked(&format!("{begun}\n{line}"), now);
                return;
            }
            // It never ended: what there is of it is told, and this line stands for itself.
            self.unsolicited(Unsolicited::parse(&begun));
        }
        let Some(in_flight) = &mut self.in_flight else {
            self.unasked(line, now);
            return;
        };
        if matches!(in_flight.command, Command::List(_)) {
            in_flight.deadline = now + in_flight.command.time_limit();
        }
        if in_flight.is_echo(line) {
            in_flight.echoed = true;
            return;
        }
        if let Some(result) = in_flight.final_result(line) {
            let tells_of_call = matches!(result, FinalResult::NoConnection(_))
                && !in_flight.command.concerns_calls()
                && self.last_ring.is_some_and(|ring| now < ring + CALL_LIMIT);
            if tells_of_call {
                self.unasked(line, now);
            } else if result.is_ok() && in_flight.lacks_lines() {
                in_flight.set_stray_ok(now);
            } else if let Some(in_flight) = self.in_flight.take() {
                self.finish(in_flight, Outcome::Final(result));
            }
            return;
        }
        if let Shape::Entries { prefix } = in_flight.command.shape() {
            if line.starts_with(SELECTED) && in_flight.entry.is_none() {
                in_flight.keep(line);
                return;
            }
            self.listing_line(line, prefix, now);
            return;
        }
        if in_flight.owns(line) {
            in_flight.keep(line);
            if in_flight.stray_ok {
                // The `OK` that belongs to this line is due, unless the early one was it.
                in_flight.deadline = in_flight.deadline.min(now + STRAY_OK_LIMIT);
            }
            return;
        }
        self.unasked(line, now);
    }

    fn listing_line(&mut self, line: &str, prefix: &'static str, now: Instant) {
        // A PDU that lost its end runs into the next header: split, so that only one is lost.
        if let Some(at) = line.find(prefix).filter(|at| *at > 0)
            && let (Some(before), Some(header)) = (line.get(..at), line.get(at..))
        {
            self.listing_line(before, prefix, now);
            self.listing_line(header, prefix, now);
            return;
        }
        let Some(in_flight) = &mut self.in_flight else {
            return;
        };
        if let Some(rest) = line.strip_prefix(prefix) {
            let index = match in_flight.command {
                Command::Read(_, index) => Some(index),
                _ => None,
            };
            let mut entry = Entry::header(rest, index);
            entry.raw = line.to_owned();
            if let Some(bodiless) = in_flight.entry.take() {
                self.events.push_back(Event::Entry(bodiless));
            }
            if entry.pdu.is_empty() {
                in_flight.entry = Some(entry);
            } else {
                in_flight.last_entry_whole = true;
                self.events.push_back(Event::Entry(entry));
            }
            return;
        }
        let is_hex = hex::decode(line).is_some();
        if is_hex || !Unsolicited::looks_like_one(line) {
            if let Some(mut entry) = in_flight.entry.take() {
                entry.take_body(line);
                in_flight.last_entry_whole = entry.is_whole();
                self.events.push_back(Event::Entry(entry));
                return;
            }
            // A PDU whose header was garbled: kept, though it cannot be deleted. The tail of a PDU
            // that was broken in two is not one.
            if is_hex && in_flight.last_entry_whole {
                self.events.push_back(Event::Entry(Entry::headless(line)));
                return;
            }
        }
        self.unasked(line, now);
    }

    /// A PDU came while both an announced report and a listed entry wait for one: the length tells.
    fn belongs_to_entry(&self, octets: &[u8], announced: Announced) -> bool {
        let entry = self
            .in_flight
            .as_ref()
            .and_then(|in_flight| in_flight.entry.as_ref());
        entry.is_some_and(|entry| {
            entry.length.is_some()
                && is_length(octets, entry.length)
                && !is_length(octets, announced.length)
        })
    }

    /// A line that belongs to no response.
    fn unasked(&mut self, line: &str, now: Instant) {
        if let Some(announced) = Announced::parse(line) {
            self.announced = Some(announced);
            return;
        }
        if Unsolicited::is_unfinished_ussd(line) {
            self.open_ussd = Some(line.to_owned());
            return;
        }
        if self.in_flight.is_none()
            && FinalResult::parse(line).is_some_and(|r| !matches!(r, FinalResult::NoConnection(_)))
        {
            return; // a late final result of a command that was given up
        }
        let unsolicited = Unsolicited::parse(line);
        if unsolicited == Unsolicited::Ring {
            self.last_ring = Some(now);
        }
        self.unsolicited(unsolicited);
    }

    fn unsolicited(&mut self, unsolicited: Unsolicited) {
        self.events.push_back(Event::Unsolicited(unsolicited));
    }

    fn finish(&mut self, in_flight: InFlight, outcome: Outcome) {
        // A header at the very end: its PDU will not come any more.
        if let Some(bodiless) = in_flight.entry {
            self.events.push_back(Event::Entry(bodiless));
        }
        self.events.push_back(Event::Reply(Reply {
            command: in_flight.command,
            lines: in_flight.lines,
            outcome,
            echoed: in_flight.echoed,
            payload_sent: in_flight.stage == Stage::PayloadSent,
        }));
    }
}

impl InFlight {
    /// The modem repeats what it was sent, until `ATE0`.
    fn is_echo(&self, line: &str) -> bool {
        if line == self.text {
            return true;
        }
        self.stage == Stage::PayloadSent
            && self
                .command
                .payload()
                .is_some_and(|payload| payload.strip_suffix(b"\x1a") == Some(line.as_bytes()))
    }

    /// One of its information lines.
    fn keep(&mut self, line: &str) {
        if self.lines.len() < LINES_MAX {
            self.lines.push(line.to_owned());
        }
    }

    fn final_result(&self, line: &str) -> Option<FinalResult> {
        FinalResult::parse(line).or_else(|| {
            self.command
                .may_meet_numeric_results()
                .then(|| FinalResult::parse_numeric(line))
                .flatten()
        })
    }

    /// Whether an `OK` now would come without the lines that must come with it.
    fn lacks_lines(&self) -> bool {
        let required = match self.command.shape() {
            Shape::Prefixed { required, .. } => required,
            Shape::Registration(_) | Shape::PinState | Shape::Bare { .. } => true,
            Shape::Final | Shape::Entries { .. } => false,
        };
        required && self.lines.is_empty()
    }

    fn set_stray_ok(&mut self, now: Instant) {
        let limit = match self.stage {
            // Before the prompt an `OK` can only be stray, and the prompt still has its time.
            Stage::AwaitingPrompt => return,
            Stage::AwaitingResult => STRAY_OK_LIMIT,
            Stage::PayloadSent => STRAY_OK_SENT_LIMIT,
        };
        self.stray_ok = true;
        self.deadline = self.deadline.min(now + limit);
    }

    /// Whether a line is one of this command's information lines.
    fn owns(&self, line: &str) -> bool {
        match self.command.shape() {
            Shape::Final | Shape::Entries { .. } => false,
            Shape::Prefixed { prefix, .. } => {
                line.starts_with(prefix) && self.stage != Stage::AwaitingPrompt
            }
            Shape::Registration(domain) => line
                .strip_prefix(domain.name())
                .and_then(|rest| rest.strip_prefix(':'))
                .is_some_and(|rest| is_registration_read(&fields(rest))),
            Shape::PinState => line.starts_with("+CPIN:") && self.lines.is_empty(),
            Shape::Bare { prefix, kind } => {
                let prefixed = line.starts_with(prefix);
                match kind {
                    Bare::Words => prefixed || !Unsolicited::looks_like_one(line),
                    Bare::Digits(count) => {
                        (prefixed || !Unsolicited::looks_like_one(line))
                            && digits(line).len() >= count
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
