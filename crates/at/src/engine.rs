//! One command in flight: which of the modem's lines belong to it, and when to stop waiting.
//!
//! Three things make this harder than reading until `OK`. A modem speaks unasked at any moment, so
//! a line is matched by prefix *and* shape, never by position. A late answer to a command that was
//! given up can stand where the next one's is due, so an `OK` without the lines a command must
//! have is not believed at once. And a listing may hold a broken entry, which must cost only itself.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::command::{Bare, Command, OVERDUE, SUBMIT_LIMIT, Shape};
use super::fields::fields;
use super::framing::{Frame, Framer, LINE_MAX};
use super::response::{self, Entry, digits, is_length};
use super::result::FinalResult;
use super::unsolicited::{Announced, Envelope, Unsolicited, is_registration_read};
use super::{hex, spelling};

/// The most lines kept of one response. Entries of a listing are events of their own and not
/// counted; nothing else comes near.
pub const LINES_MAX: usize = 256;

/// How long the lines that must come with an `OK` may come after it: then the `OK` was a late one
/// of an earlier command, and the right one follows.
const STRAY_OK_LIMIT: Duration = Duration::from_secs(1);

/// The same for a submitted text, whose own `OK` waits for the network.
const STRAY_OK_SENT_LIMIT: Duration = Duration::from_secs(60);

/// How long an answer that is there waits for its `OK`.
const QUIET: Duration = Duration::from_millis(1_500);

/// The same for a listing, whose next entry a slow SIM takes its time over, and for a text that the
/// network has taken.
const QUIET_LISTING: Duration = Duration::from_secs(10);
const QUIET_SENT: Duration = Duration::from_secs(5);
/// And for the listing of a memory that shows as many texts as it counts.
const QUIET_EMPTY: Duration = Duration::from_secs(3);

/// How long a prompt may come after the `OK` of what stood before `+CMGS` on the same line.
const PROMPT_AFTER_OK: Duration = Duration::from_secs(2);

/// How soon the further lines of a text in words follow the first.
const WORDS_GO_ON: Duration = Duration::from_millis(200);

/// How soon the further lines of a `+CUSD` follow.
const USSD_GOES_ON: Duration = Duration::from_secs(2);

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
    /// Entries that came whole, and how many the memory counts, where it says so.
    listed: u16,
    counted: Option<u16>,
    /// An `OK` came before the lines it must come with.
    stray_ok: bool,
    /// The answer is there; its `OK` may never come.
    answered: bool,
    /// Since when a text is on its way.
    sent_at: Option<Instant>,
    /// Whether the modem was asked if it still waits.
    probed: bool,
    /// How the text ended; the answer to that question is still due.
    ended: Option<FinalResult>,
    echoed: bool,
    deadline: Instant,
}

/// A text in words, which may have more lines.
#[derive(Debug)]
struct OpenWords {
    envelope: Envelope,
    words: String,
    until: Instant,
}

/// The AT dialogue as a state machine.
#[derive(Debug, Default)]
pub struct Engine {
    framer: Framer,
    in_flight: Option<InFlight>,
    announced: Option<Announced>,
    open_words: Option<OpenWords>,
    /// A `+CUSD` whose text goes on in the next line, and until when.
    open_ussd: Option<(String, Instant)>,
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
            listed: 0,
            counted: None,
            stray_ok: false,
            answered: false,
            sent_at: None,
            probed: false,
            ended: None,
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
        if self
            .open_words
            .as_ref()
            .is_some_and(|open| open.until <= now)
        {
            self.close_words();
        }
        if self
            .open_ussd
            .as_ref()
            .is_some_and(|(_, until)| *until <= now)
        {
            self.close_ussd();
        }
        let Some(mut in_flight) = self
            .in_flight
            .take_if(|in_flight| in_flight.deadline <= now)
        else {
            return;
        };
        let outcome = if let Some(result) = in_flight.ended.take() {
            Outcome::Final(result)
        } else if in_flight.stage == Stage::AwaitingPrompt {
            self.octets.push(0x1B);
            match in_flight.stray_ok {
                // What stood before it was carried out, and the send was not.
                true => Outcome::Final(FinalResult::Ok),
                false => Outcome::NoPrompt,
            }
        } else if in_flight.answered || in_flight.stray_ok && !in_flight.probed {
            Outcome::Final(FinalResult::Ok)
        } else if let Some(sent_at) = in_flight.sent_at.filter(|_| !in_flight.probed) {
            self.octets.extend(b"AT\r");
            in_flight.probed = true;
            in_flight.deadline = sent_at + SUBMIT_LIMIT;
            self.in_flight = Some(in_flight);
            return;
        } else {
            Outcome::TimedOut
        };
        self.finish(in_flight, outcome);
    }

    /// When [`Self::tick`] has something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        let words = self.open_words.as_ref().map(|open| open.until);
        let ussd = self.open_ussd.as_ref().map(|(_, until)| *until);
        let in_flight = self.in_flight.as_ref().map(|in_flight| in_flight.deadline);
        [words, ussd, in_flight].into_iter().flatten().min()
    }

    /// Ends the command in flight because of something outside: the port is gone, the modem has
    /// restarted. Half-read lines are forgotten, octets not yet taken are dropped.
    pub fn cut(&mut self, why: &'static str) {
        self.framer.reset();
        self.announced = None;
        self.close_words();
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
            in_flight.stray_ok = false;
            in_flight.sent_at = Some(now);
            in_flight.deadline = now + OVERDUE;
        }
    }

    fn line(&mut self, said: &str, now: Instant) {
        // Words stand for themselves, whatever else they might be taken for.
        match self.announced.take() {
            Some(Announced::Words(envelope)) => {
                self.open_words = Some(OpenWords {
                    envelope,
                    words: said.to_owned(),
                    until: now + WORDS_GO_ON,
                });
                return;
            }
            Some(Announced::BroadcastInWords) => {
                self.unsolicited(Unsolicited::Broadcast);
                return;
            }
            // Where no PDU follows its announcement, that report is lost on the wire; this line is not.
            Some(announced @ Announced::Pdu(kind, length)) => {
                if let Some(octets) = hex::decode(said) {
                    if self.belongs_to_entry(&octets, length) {
                        self.announced = Some(announced);
                    } else {
                        self.unsolicited(kind.with_pdu(said.to_owned()));
                        return;
                    }
                }
            }
            None => {}
        }
        let line = spelling::canonical(said);
        let line = line.as_ref();
        if self.goes_on(said, line, now) {
            return;
        }
        let Some(in_flight) = &mut self.in_flight else {
            self.unasked(line, now);
            return;
        };
        if in_flight.command.is_listing() {
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
            } else if result.is_ok() && in_flight.lacks_lines() && in_flight.ended.is_none() {
                in_flight.set_stray_ok(now);
            } else if in_flight.probed && in_flight.ended.is_none() {
                // The text's own result; that of the `AT` behind it follows.
                in_flight.ended = Some(result);
                in_flight.deadline = now + QUIET;
            } else if let Some(in_flight) = self.in_flight.take() {
                let result = in_flight.ended.clone().unwrap_or(result);
                self.finish(in_flight, Outcome::Final(result));
            }
            return;
        }
        if let Shape::Entries { prefix } = in_flight.command.shape() {
            if line.starts_with(SELECTED) && in_flight.entry.is_none() {
                in_flight.keep(line);
                in_flight.rests_if_empty(line, now);
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
            in_flight.rests(now);
            return;
        }
        self.unasked(line, now);
    }

    /// Whether a line goes on with the words, or with the answer from the network, of the one before.
    /// What a command waits for never does.
    fn goes_on(&mut self, said: &str, line: &str, now: Instant) -> bool {
        if self.open_words.is_none() && self.open_ussd.is_none() {
            return false;
        }
        let awaited = self.in_flight.as_ref().is_some_and(|in_flight| {
            let of_listing = matches!(in_flight.command.shape(), Shape::Entries { .. });
            in_flight.is_echo(line) || in_flight.owns(line) || of_listing
        });
        let is_more =
            !awaited && FinalResult::parse(line).is_none() && !Unsolicited::looks_like_one(line);
        if let Some(open) = &mut self.open_words {
            if is_more && open.until > now && open.words.len() + said.len() < LINE_MAX {
                open.words.push('\n');
                open.words.push_str(said);
                open.until = now + WORDS_GO_ON;
                return true;
            }
            self.close_words();
        }
        if let Some((begun, _)) = &self.open_ussd
            && is_more
            && begun.len().saturating_add(said.len()) < LINE_MAX
        {
            let text = format!("{begun}\n{said}");
            self.open_ussd = None;
            self.unasked(&text, now);
            return true;
        }
        // It never ended: what there is of it is told, and this line stands for itself.
        self.close_ussd();
        false
    }

    fn close_words(&mut self) {
        if let Some(open) = self.open_words.take() {
            self.unsolicited(open.envelope.with_words(&open.words));
        }
    }

    fn close_ussd(&mut self) {
        if let Some((begun, _)) = self.open_ussd.take() {
            self.unsolicited(Unsolicited::parse(&begun));
        }
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
        let begun = in_flight.entry.take_if(|entry| !entry.pdu.is_empty());
        if let Some(mut entry) = begun {
            if entry.takes_more(line) {
                in_flight.took_body(&entry, now);
                if entry.goes_on() {
                    in_flight.entry = Some(entry);
                } else {
                    self.events.push_back(Event::Entry(entry));
                }
                return;
            }
            // It was cut off; this line stands for itself.
            self.events.push_back(Event::Entry(entry));
        }
        if is_hex || !Unsolicited::looks_like_one(line) {
            if let Some(mut entry) = in_flight.entry.take() {
                entry.take_body(line);
                in_flight.took_body(&entry, now);
                if entry.goes_on() {
                    in_flight.entry = Some(entry);
                } else {
                    self.events.push_back(Event::Entry(entry));
                }
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
    fn belongs_to_entry(&self, octets: &[u8], announced: Option<u16>) -> bool {
        let entry = self
            .in_flight
            .as_ref()
            .and_then(|in_flight| in_flight.entry.as_ref());
        entry.is_some_and(|entry| {
            entry.length.is_some()
                && is_length(octets, entry.length)
                && !is_length(octets, announced)
        })
    }

    /// A line that belongs to no response.
    fn unasked(&mut self, line: &str, now: Instant) {
        if let Some(announced) = Announced::parse(line) {
            self.announced = Some(announced);
            return;
        }
        if Unsolicited::is_unfinished_ussd(line) {
            self.open_ussd = Some((line.to_owned(), now + USSD_GOES_ON));
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
            // Before the prompt an `OK` can only be stray, and the prompt still has its time; unless
            // it is that of the command before `+CMGS`, from a modem that does not go on to the next.
            Stage::AwaitingPrompt if self.is_alone() => return,
            Stage::AwaitingPrompt => PROMPT_AFTER_OK,
            Stage::AwaitingResult => STRAY_OK_LIMIT,
            // It answers `AT`, and has nothing to say of the text.
            Stage::PayloadSent if self.probed => STRAY_OK_LIMIT,
            Stage::PayloadSent => STRAY_OK_SENT_LIMIT,
        };
        self.stray_ok = true;
        self.deadline = self.deadline.min(now + limit);
    }

    /// An entry has its PDU, or a part of it.
    fn took_body(&mut self, entry: &Entry, now: Instant) {
        self.last_entry_whole = entry.is_whole();
        self.listed = self.listed.saturating_add(u16::from(self.last_entry_whole));
        self.rests(now);
    }

    /// A memory that counts no texts has none to list, and the `OK` may never come.
    fn rests_if_empty(&mut self, line: &str, now: Instant) {
        self.counted = response::storage(line).first().map(|fill| fill.used);
        if self.counted == Some(0) {
            self.answered = true;
            self.deadline = self.deadline.min(now + QUIET_EMPTY);
        }
    }

    fn is_alone(&self) -> bool {
        matches!(self.command, Command::Send { alone: true, .. })
    }

    /// What was asked for is there, and its `OK` is due. A modem that leaves the `OK` out has answered
    /// all the same (Wavecom `+CPIN`, Sierra SL8084).
    fn rests(&mut self, now: Instant) {
        let quiet = match (self.command.shape(), &self.command) {
            // What follows the selection may take its time.
            (_, Command::Delete(..)) => return,
            (_, Command::Send { .. }) => QUIET_SENT,
            // As many as the memory counts.
            (Shape::Entries { .. }, _)
                if self.counted.is_some_and(|counted| self.listed >= counted) =>
            {
                QUIET_EMPTY
            }
            (Shape::Entries { .. }, _) => QUIET_LISTING,
            (
                Shape::Prefixed { .. }
                | Shape::Registration(_)
                | Shape::PinState
                | Shape::Bare { .. }
                | Shape::Final,
                _,
            ) => QUIET,
        };
        self.answered = true;
        self.deadline = match self.command.is_listing() {
            true => now + quiet,
            false => self.deadline.min(now + quiet),
        };
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
                let name = prefix.strip_suffix(':').unwrap_or(prefix);
                let prefixed = line.starts_with(name);
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
