//! What must hold whatever a modem says: shared by the fuzz target and the tests that stand in for
//! it on a stable toolchain. Each panics when its law is broken, and is for tests only.

use std::time::{Duration, Instant};

use super::command::{CardQuery, Command, Domain, Memory};
use super::engine::{Engine, Event, LINES_MAX};
use super::framing::{Frame, Framer, LINE_MAX};
use super::{FinalResult, Unsolicited, fields, response};

/// All of this room's laws. The first octet chooses the commands and how the stream is cut, the
/// rest is what the modem says.
pub fn dialogue(octets: &[u8], now: Instant) {
    let Some((choice, said)) = octets.split_first() else {
        return;
    };
    lines(said, choice & 1 == 1);
    commands(*choice, said, now);
}

/// Octets become lines that are bounded, trimmed and not empty, and every reader can read them.
fn lines(said: &[u8], prompt_expected: bool) {
    let mut framer = Framer::default();
    for octet in said {
        match framer.octet(*octet, prompt_expected) {
            Some(Frame::Line(line)) => {
                assert!(!line.is_empty() && line.trim() == line);
                assert!(line.chars().count() <= LINE_MAX);
                assert!(!line.contains(['\r', '\n']));
                read(&line);
            }
            Some(Frame::Prompt) => assert!(prompt_expected),
            None => {}
        }
    }
}

/// Reads a line as everything it might be.
fn read(line: &str) {
    for field in fields::fields(line) {
        assert!(field.numbers().len() <= 256);
        let _ = (field.text(), field.members(), field.number::<u16>());
    }
    let _ = (FinalResult::parse(line), FinalResult::parse_numeric(line));
    assert!(response::storage(line).len() <= line.len());
    let _ = (
        response::storage_offered(line),
        response::indications_offered(line),
        response::signal_dbm(line),
        response::operator(line),
        response::message_reference(line),
        response::pin_state(line),
        response::service_centre(line),
        response::own_number(line),
    );
    for domain in Domain::ALL {
        let _ = response::registration(line, domain);
    }
    let digits = response::digits(line);
    assert!(digits.len() <= 20 && digits.bytes().all(|digit| digit.is_ascii_digit()));
    let _ = Unsolicited::parse(line);
}

/// The engine keeps to one command, and its events do not outgrow what was said.
fn commands(choice: u8, said: &[u8], mut now: Instant) {
    let mut commands = one_of_each().into_iter().cycle().skip(choice.into());
    let mut engine = Engine::default();
    for chunk in said.chunks(usize::from(choice % 31) + 1) {
        if !engine.is_busy()
            && let Some(command) = commands.next()
        {
            engine.submit(command, now).expect("none is in flight");
        }
        engine.receive(chunk, now);
        now += Duration::from_millis(500);
        engine.tick(now);
        engine.take_octets();
        let mut events = 0;
        while let Some(event) = engine.next_event() {
            events += 1;
            assert!(events <= chunk.len() * 3 + 3, "events outgrew the input");
            match event {
                Event::Reply(reply) => assert!(reply.lines.len() <= LINES_MAX),
                Event::Entry(entry) => {
                    let _ = (entry.is_whole(), entry.octets());
                }
                Event::Unsolicited(_) => {}
            }
        }
    }
}

/// One command of each shape.
pub(super) fn one_of_each() -> Vec<Command> {
    vec![
        Command::List(vec![]),
        Command::List(Memory::new("SM").into_iter().collect()),
        Command::Attention,
        Command::Send {
            tpdu: vec![0x11; 20],
            alone: false,
        },
        Command::ListByWord(vec![]),
        Command::IndicationRead,
        Command::StorageRead,
        Command::Registration(Domain::Circuit),
        Command::PinState,
        Command::Model,
        Command::SerialNumber,
        Command::Read(vec![], 3),
        Command::Card(CardQuery::Ccid),
        Command::Delete(vec![], vec![7]),
        Command::Delete(Memory::new("SM").into_iter().collect(), vec![7, 8]),
        Command::OwnNumber,
        Command::HangUp,
    ]
}
