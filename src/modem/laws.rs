//! What must hold of a line whatever its modem says: for the fuzz target and the test that replays
//! its corpus on a stable toolchain. It panics when a law is broken, and is for tests only.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::session::{Effect, Session};
use super::{LineSettings, PinAnswer, PortChoice};
use crate::at::{Command, Engine, Event};

/// Parts one input from the next; on the wire it is noise.
const PART: u8 = 0xFF;

/// Events and effects that one part may call forth for each of its octets, and besides.
const EACH: usize = 8;

/// The octets, cut at 0xFF into parts: the first octet of each says what else happens (time passes,
/// a text is submitted, the port goes away …), the rest is what the modem says. A part without words
/// is an `OK`.
///
/// - A text is deleted only when it was delivered and said to be kept.
/// - A submission has one outcome, a question one answer.
/// - No command is asked while there is no port, and nothing grows beyond what came in.
pub fn line(octets: &[u8]) {
    let mut line = Line::new();
    for part in octets.split(|octet| *octet == PART).take(200) {
        let (choice, said) = part.split_first().unwrap_or((&0, &[]));
        line.happens(*choice);
        line.hears(if said.is_empty() { b"OK" } else { said });
    }
}

struct Line {
    session: Session,
    engine: Engine,
    now: Instant,
    open: bool,
    /// Deliveries whose verdict is due: their batch, and the indexes in it.
    due: Vec<(u64, Vec<u16>)>,
    kept: BTreeSet<u16>,
    submissions: usize,
    questions: usize,
}

impl Line {
    fn new() -> Self {
        let now = Instant::now();
        let mut settings = LineSettings::new("front-desk", PortChoice::Auto);
        settings.pin = Some("1234".into());
        settings.smsc = Some("+15550000".into());
        let mut session = Session::new(settings, now);
        session.opened(None, now);
        Self {
            session,
            engine: Engine::default(),
            now,
            open: true,
            due: Vec::new(),
            kept: BTreeSet::new(),
            submissions: 0,
            questions: 0,
        }
    }

    fn happens(&mut self, choice: u8) {
        let seconds = [0, 1, 3, 11, 31, 61, 191, 700];
        self.now += Duration::from_secs(seconds[usize::from(choice >> 5)]);
        match choice & 0b111 {
            1 if self.session.takes_submissions() => {
                self.session
                    .submit(vec![0x11; 20], choice & 8 != 0, self.now);
                self.submissions += 1;
            }
            2 if self.session.takes_ussd() => {
                self.session.ask_ussd("*100#".into(), self.now);
                self.questions += 1;
            }
            3 => {
                self.engine.cut("the port is gone");
                self.hear_events(EACH);
                self.session.closed("the port is gone", self.now);
                self.open = false;
            }
            4 if !self.open => {
                self.session.opened(None, self.now);
                self.open = true;
            }
            5 => self.session.sweep(),
            6 => self.verdicts(false),
            _ => self.verdicts(true),
        }
        self.turn(EACH);
    }

    fn hears(&mut self, said: &[u8]) {
        if self.open {
            self.session.heard();
            self.engine.receive(said, self.now);
            self.engine.receive(b"\r\n", self.now);
        }
        self.turn(EACH * (said.len() + 1));
    }

    /// As the driver does it.
    fn turn(&mut self, bound: usize) {
        self.engine.tick(self.now);
        self.hear_events(bound);
        if !self.engine.is_busy() {
            let next = self.session.next(self.now);
            self.perform(bound);
            if let Some(command) = next.filter(|_| self.open) {
                if let Command::Delete(_, indexes) = &command {
                    for index in indexes {
                        assert!(self.kept.contains(index), "{index} deleted, not kept");
                    }
                }
                self.engine
                    .submit(command, self.now)
                    .expect("none is in flight");
            }
        }
        self.engine.take_octets();
        if let Some(deadline) = self.session.next_deadline() {
            assert!(deadline < self.now + Duration::from_secs(100 * 24 * 3600));
        }
    }

    fn hear_events(&mut self, bound: usize) {
        for count in 0.. {
            let Some(event) = self.engine.next_event() else {
                return;
            };
            assert!(count < bound, "events outgrew the input");
            match event {
                Event::Reply(reply) => self.session.on_reply(&reply, self.now),
                Event::Entry(entry) => self.session.on_entry(&entry, self.now),
                Event::Unsolicited(code) => self.session.on_unsolicited(&code, self.now),
            }
            self.perform(bound);
        }
    }

    fn perform(&mut self, bound: usize) {
        for count in 0.. {
            let Some(effect) = self.session.next_effect() else {
                return;
            };
            assert!(count < bound, "effects outgrew the input");
            match effect {
                Effect::Deliver(delivery) => {
                    let slots = delivery.pdus.iter().filter_map(|pdu| pdu.slot.as_ref());
                    self.due
                        .push((delivery.batch, slots.map(|slot| slot.index).collect()));
                }
                Effect::Outcome(_) => {
                    self.submissions = self.submissions.checked_sub(1).expect("one outcome each");
                }
                Effect::Answer(_) => {
                    self.questions = self.questions.checked_sub(1).expect("one answer each");
                }
                // Rungs 5 and 6 cannot be carried out here.
                Effect::Restart(_) => {
                    self.engine.cut("the port was closed");
                    self.open = false;
                    self.session.on_restart(Err(None), self.now);
                }
                Effect::LastReference(_) | Effect::Called(_) | Effect::Unlocked(_) => {}
                Effect::SeekHints | Effect::Keep(_) | Effect::PinAccepted(_) => {}
                // Nothing is remembered: every PIN may be tried.
                Effect::TryPin(attempt) => {
                    let answer = attempt.configured.clone();
                    let answer = answer.map_or(PinAnswer::NoneKnown, PinAnswer::Permitted);
                    self.session.on_pin_answer(&attempt, answer, self.now);
                }
                Effect::Escape => self.engine.escape(),
                Effect::Cut(why) => self.engine.cut(why),
                Effect::Reopen { .. } => {
                    self.engine.cut("the port was closed");
                    self.open = false;
                }
            }
        }
    }

    fn verdicts(&mut self, kept: bool) {
        for (batch, indexes) in std::mem::take(&mut self.due) {
            if kept {
                self.kept.extend(indexes);
            }
            self.session.on_verdict(batch, kept, self.now);
        }
    }
}
