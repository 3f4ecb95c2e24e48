#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::super::command::{CardQuery, Domain, Memory};
use super::super::result::ErrorCode;
use super::*;

const PDU: &str = "00040B915155210013F00000321011419034800568656C6C6F";

fn run(command: Command, said: &str) -> Vec<Event> {
    let now = Instant::now();
    let mut engine = Engine::default();
    engine.submit(command, now).unwrap();
    engine.receive(said.as_bytes(), now);
    std::iter::from_fn(|| engine.next_event()).collect()
}

fn send() -> Command {
    Command::Send {
        tpdu: vec![0x11],
        alone: false,
    }
}

fn reply(events: &[Event]) -> &Reply {
    events
        .iter()
        .find_map(|event| match event {
            Event::Reply(reply) => Some(reply),
            Event::Entry(_) | Event::Unsolicited(_) => None,
        })
        .unwrap_or_else(|| panic!("no reply in {events:?}"))
}

fn entries(events: &[Event]) -> Vec<&Entry> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Entry(entry) => Some(entry),
            Event::Reply(_) | Event::Unsolicited(_) => None,
        })
        .collect()
}

fn unsolicited(events: &[Event]) -> Vec<&Unsolicited> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Unsolicited(unsolicited) => Some(unsolicited),
            Event::Reply(_) | Event::Entry(_) => None,
        })
        .collect()
}

#[test]
fn responses_end_and_keep_their_own_lines() {
    for (command, said, lines) in [
        (Command::Attention, "AT\r\r\nOK\r\n", &[][..]),
        (Command::Verbose, "0\r", &[]),
        (
            Command::Signal,
            "\r\n+CSQ: 20,99\r\n\r\nOK\r\n",
            &["+CSQ: 20,99"],
        ),
        (
            Command::Signal,
            "^RSSI:14\r\n+CSQ: 20,99\r\nOK\r\n",
            &["+CSQ: 20,99"],
        ),
        (
            Command::Registration(Domain::Circuit),
            "+CREG: 1\r\n+CREG: 0,5\r\nOK\r\n",
            &["+CREG: 0,5"],
        ),
        (
            Command::Registration(Domain::Circuit),
            "+CREG: 1,\"1A2B\",\"00C3\",7\r\n+CREG: 2,1,\"1A2B\",\"00C3\",7\r\nOK\r\n",
            &["+CREG: 2,1,\"1A2B\",\"00C3\",7"],
        ),
        (
            Command::Model,
            "RDY\r\n^MODE:5,4\r\nSIMCOM_SIM7600G-H\r\n\r\nOK\r\n",
            &["SIMCOM_SIM7600G-H"],
        ),
        (
            Command::Model,
            "+CGMM: A7670E\r\nOK\r\n",
            &["+CGMM: A7670E"],
        ),
        (
            Command::SerialNumber,
            "RING\r\n490154203237518\r\nOK\r\n",
            &["490154203237518"],
        ),
        (
            Command::Card(CardQuery::Qccid),
            "+QCCID: 89860025128306012474\r\nOK\r\n",
            &["+QCCID: 89860025128306012474"],
        ),
        // A late OK of a command that was given up stands before the answer.
        (
            Command::PinState,
            "OK\r\n+CPIN: READY\r\nOK\r\n",
            &["+CPIN: READY"],
        ),
        (
            Command::PinState,
            "+CPIN: READY\r\n+CPIN: READY\r\nOK\r\n",
            &["+CPIN: READY"],
        ),
        (Command::OwnNumber, "OK\r\n", &[]),
    ] {
        let events = run(command.clone(), said);
        let reply = reply(&events);
        assert!(reply.is_ok(), "{command:?}: {events:?}");
        assert_eq!(reply.lines, lines, "{command:?}");
    }
}

#[test]
fn refusals_end_a_command_in_every_spelling() {
    for (said, result) in [
        ("ERROR\r\n", FinalResult::Error),
        (
            "+CMS ERROR: 304\r\n",
            FinalResult::Cms(ErrorCode::number(304)),
        ),
        (
            "+CME ERROR: 14\r\n",
            FinalResult::Cme(ErrorCode::number(14)),
        ),
        ("COMMAND NOT SUPPORT\r\n", FinalResult::NotSupported),
        ("TOO MANY PARAMETERS\r\n", FinalResult::TooManyParameters),
        ("NO CARRIER\r\n", FinalResult::NoConnection("NO CARRIER")),
    ] {
        let events = run(Command::StorageRead, said);
        assert_eq!(reply(&events).outcome, Outcome::Final(result), "{said:?}");
    }
}

#[test]
fn a_call_that_ends_does_not_end_the_command() {
    let events = run(
        Command::StorageRead,
        "RING\r\nNO CARRIER\r\n+CPMS: \"SM\",0,50\r\nOK\r\n",
    );
    assert!(reply(&events).is_ok());
    assert_eq!(
        unsolicited(&events),
        [&Unsolicited::Ring, &Unsolicited::CallEnded]
    );
}

#[test]
fn a_listing_survives_whatever_stands_inside_it() {
    let said = format!(
        "AT+CMGL=4\r\r\n\
         +CMGL: 0,1,,17\r\n\
         +CMTI: \"SM\",9\r\n\
         {PDU}\r\n\
         ^RSSI:14\r\n\
         +CMGL: 3,1,,17\r\n\
         +CDS: 6\r\n\
         0006010203040506\r\n\
         00@40B9151zz\r\n\
         +CMGL: 4,1,,17\r\n\
         +CMGL: 5,1,,17\r\n\
         00040B9151+CMGL: 6,1,,17\r\n\
         {PDU}\r\n\
         +CREG: 1\r\n\
         \r\nOK\r\n"
    );
    let events = run(Command::List(vec![]), &said);
    let listed: Vec<(Option<u16>, &str)> = entries(&events)
        .into_iter()
        .map(|entry| (entry.index, entry.pdu.as_str()))
        .collect();
    assert_eq!(
        listed,
        [
            (Some(0), PDU),
            (Some(3), "00@40B9151zz"), // not hexadecimal: kept as it stood
            (Some(4), ""),             // its PDU never came
            (Some(5), "00040B9151"),   // lost its end, and ran into the next header
            (Some(6), PDU),
        ]
    );
    assert_eq!(
        unsolicited(&events),
        [
            &Unsolicited::Stored {
                memory: Memory::new("SM"),
                index: Some(9)
            },
            &Unsolicited::Rssi(14),
            &Unsolicited::Report {
                pdu: "0006010203040506".into()
            },
            &Unsolicited::Registration(Domain::Circuit, 1),
        ]
    );
    assert!(reply(&events).is_ok());
}

#[test]
fn a_report_and_an_entry_that_wait_together_are_told_apart_by_length() {
    let said = format!(
        "+CMGL: 1,1,,{}\r\n+CDS: 6\r\n{PDU}\r\n00060102030405\r\nOK\r\n",
        PDU.len() / 2 - 1
    );
    let events = run(Command::List(vec![]), &said);
    assert_eq!(entries(&events)[0].pdu, PDU);
    assert_eq!(
        unsolicited(&events),
        [&Unsolicited::Report {
            pdu: "00060102030405".into()
        }]
    );
}

#[test]
fn a_garbled_header_costs_the_index_but_not_the_text() {
    let length = PDU.len() / 2 - 1;
    let said = format!(
        "+CMGL: 1,1,,{length}\r\n{PDU}\r\n+CM L: 2,1,,{length}\r\n{PDU}\r\n\
         +CMGL: 3,1,,{length}\r\n{PDU}\r\nOK\r\n"
    );
    let events = run(Command::List(vec![]), &said);
    let listed: Vec<_> = entries(&events)
        .into_iter()
        .map(|e| (e.index, e.is_whole()))
        .collect();
    assert_eq!(listed, [(Some(1), true), (None, true), (Some(3), true)]);
}

#[test]
fn one_text_is_read_by_its_index() {
    let events = run(
        Command::Read(vec![], 7),
        &format!("+CMGR: 0,,24\r\n{PDU}\r\nOK\r\n"),
    );
    assert_eq!(entries(&events)[0].index, Some(7));
    assert_eq!(entries(&events)[0].length, Some(24));
    // An empty slot: OK alone.
    let events = run(Command::Read(vec![], 7), "OK\r\n");
    assert!(entries(&events).is_empty());
    assert!(reply(&events).is_ok());
}

#[test]
fn a_text_is_sent_in_two_stages() {
    let now = Instant::now();
    let mut engine = Engine::default();
    engine
        .submit(
            Command::Send {
                tpdu: vec![0x11, 0xAB],
                alone: true,
            },
            now,
        )
        .unwrap();
    assert_eq!(engine.take_octets(), b"AT+CMGS=2\r");
    engine.receive(b"AT+CMGS=2\r\r\nOK\r\n+CMTI: \"SM\",1\r\n> ", now);
    assert_eq!(engine.take_octets(), b"0011AB\x1a");
    engine.receive(
        b"0011AB\x1a\r\n+CDS: 2\r\n00060A\r\n+CMGS: 42\r\n\r\nOK\r\n",
        now,
    );
    let events: Vec<Event> = std::iter::from_fn(|| engine.next_event()).collect();
    let reply = reply(&events);
    assert!(reply.is_ok() && reply.payload_sent);
    assert_eq!(reply.lines, ["+CMGS: 42"]);
    assert_eq!(unsolicited(&events).len(), 2);
}

#[test]
fn a_send_without_a_prompt_is_called_off() {
    let now = Instant::now();
    let mut engine = Engine::default();
    engine.submit(send(), now).unwrap();
    engine.take_octets();
    engine.tick(now + Duration::from_secs(9));
    assert!(engine.is_busy());
    engine.tick(now + Duration::from_secs(10));
    assert_eq!(engine.take_octets(), b"\x1b");
    let Some(Event::Reply(reply)) = engine.next_event() else {
        panic!("the send ended");
    };
    assert_eq!(
        (reply.outcome, reply.payload_sent),
        (Outcome::NoPrompt, false)
    );
    // The prompt comes late: nothing may follow it.
    engine.receive(b"> \r\n", now + Duration::from_secs(11));
    assert_eq!(engine.take_octets(), b"");
}

#[test]
fn the_networks_word_has_its_time() {
    let now = Instant::now();
    let mut engine = Engine::default();
    engine.submit(send(), now).unwrap();
    engine.receive(b"> ", now);
    engine.tick(now + Duration::from_secs(180));
    assert!(engine.is_busy());
    engine.tick(now + SUBMIT_LIMIT);
    let Some(Event::Reply(reply)) = engine.next_event() else {
        panic!("the send ended");
    };
    assert_eq!(
        (reply.outcome, reply.payload_sent),
        (Outcome::TimedOut, true)
    );
}

#[test]
fn an_ok_without_its_line_is_believed_after_a_second() {
    let now = Instant::now();
    let mut engine = Engine::default();
    engine.submit(Command::Signal, now).unwrap();
    engine.receive(b"OK\r\n", now);
    assert_eq!(engine.next_event(), None);
    engine.tick(now + Duration::from_secs(1));
    let Some(Event::Reply(reply)) = engine.next_event() else {
        panic!("the command ended");
    };
    assert!(reply.is_ok() && reply.lines.is_empty());
}

#[test]
fn a_listing_lives_as_long_as_lines_come() {
    let start = Instant::now();
    let mut engine = Engine::default();
    engine.submit(Command::List(vec![]), start).unwrap();
    let mut now = start;
    for index in 0..200 {
        now += Duration::from_secs(1); // 9 600 baud, and slow storage
        engine.tick(now);
        engine.receive(format!("+CMGL: {index},1,,24\r\n{PDU}\r\n").as_bytes(), now);
    }
    assert!(engine.is_busy());
    engine.tick(now + Duration::from_secs(20));
    assert!(!engine.is_busy());
}

#[test]
fn one_command_at_a_time() {
    let now = Instant::now();
    let mut engine = Engine::default();
    engine.submit(Command::Attention, now).unwrap();
    assert_eq!(engine.submit(Command::Signal, now), Err(Busy));
    engine.cut("the port is gone");
    let Some(Event::Reply(reply)) = engine.next_event() else {
        panic!("the command ended");
    };
    assert_eq!(reply.outcome, Outcome::Cut("the port is gone"));
    engine.submit(Command::Signal, now).unwrap();
}

#[test]
fn text_mode_is_noticed() {
    let events = run(
        Command::List(vec![]),
        "+CMGL: 1,\"REC READ\",\"+15550100\",,\"24/01/01,10:00:00+00\"\r\nHello\r\nOK\r\n",
    );
    assert!(entries(&events)[0].text_mode);
}

/// What comes of a command once this much time has passed after what was said.
fn after(command: Command, said: &str, pauses: &[u64]) -> Vec<Event> {
    let mut now = Instant::now();
    let mut engine = Engine::default();
    engine.submit(command, now).unwrap();
    engine.receive(said.as_bytes(), now);
    for pause in pauses {
        now += Duration::from_millis(*pause);
        engine.tick(now);
    }
    std::iter::from_fn(|| engine.next_event()).collect()
}

#[test]
fn an_answer_without_its_ok_is_one_after_a_moment() {
    let sm = || Memory::new("SM").into_iter().collect::<Vec<_>>();
    for (command, said, line) in [
        (Command::PinState, "+CPIN: READY\r\n", "+CPIN: READY"),
        (
            Command::StorageSet(sm()),
            "+CPMS: 0,20,0,20,0,20\r\n",
            "+CPMS: 0,20,0,20,0,20",
        ),
        (
            Command::StorageTest,
            "+CPMS: (\"SM\")\r\n",
            "+CPMS: (\"SM\")",
        ),
        (
            Command::StorageRead,
            "+CPMS: \"SM\",0,20\r\n",
            "+CPMS: \"SM\",0,20",
        ),
        (Command::Signal, "+CSQ: 20,99\r\n", "+CSQ: 20,99"),
        (Command::Operator, "+COPS: 0\r\n", "+COPS: 0"),
        (
            Command::Registration(Domain::Circuit),
            "+CREG: 0,1\r\n",
            "+CREG: 0,1",
        ),
        (Command::Model, "SIM900\r\n", "SIM900"),
        (Command::FunctionalityRead, "+CFUN: 1\r\n", "+CFUN: 1"),
    ] {
        assert!(
            after(command.clone(), said, &[1_400]).is_empty(),
            "{command:?}"
        );
        let events = after(command.clone(), said, &[1_400, 100]);
        assert!(reply(&events).is_ok(), "{command:?}: {events:?}");
        assert_eq!(reply(&events).lines, [line], "{command:?}");
    }
    // What changes something must say so: an answer to another is none.
    for command in [
        Command::PduMode,
        Command::Delete(sm(), vec![3]),
        Command::Attention,
    ] {
        let events = after(command.clone(), "+CPMS: 1,20\r\n", &[900]);
        assert!(
            !events.iter().any(|event| matches!(event, Event::Reply(_))),
            "{command:?}: {events:?}"
        );
    }
}

#[test]
fn prefixes_are_known_in_any_case() {
    for (command, said, line) in [
        (Command::Signal, "+csq: 20,99\r\nok\r\n", "+CSQ: 20,99"),
        (Command::PinState, "+Cpin : READY\r\nOk\r\n", "+CPIN: READY"),
    ] {
        let events = run(command, said);
        assert!(reply(&events).is_ok(), "{events:?}");
        assert_eq!(reply(&events).lines, [line]);
    }
    let events = run(
        Command::List(vec![]),
        &format!("+cmgl: 3,1,,24\r\n{PDU}\r\n+e_utran service\r\nok\r\n"),
    );
    assert_eq!(entries(&events)[0].index, Some(3));
    assert!(reply(&events).is_ok());
    // No code of the modem's is its model.
    let events = run(
        Command::Model,
        "+E_UTRAN Service\r\n^MODE: 17,17\r\n+CGMM: \"AirM2M_780E\"\r\nOK\r\n",
    );
    assert_eq!(reply(&events).lines, ["+CGMM: \"AirM2M_780E\""]);
}

#[test]
fn a_text_in_words_is_taken_as_it_stands() {
    const HEADER: &str = "+CMT: \"+15551230100\",\"\",\"26/11/30,12:00:00-24\"\r\n";
    for (body, text, rest) in [
        (
            "sent while you were away\r\n",
            "sent while you were away",
            0,
        ),
        ("ERROR\r\n", "ERROR", 0),
        ("RING\r\n", "RING", 0),
        ("+csq: 20,99\r\n", "+csq: 20,99", 0),
        ("two\r\nlines\r\n", "two\nlines", 0),
        ("one\r\nRING\r\n", "one", 1),
        ("one\r\n+CMTI: \"SM\",3\r\n", "one", 1),
    ] {
        let now = Instant::now();
        let mut engine = Engine::default();
        engine.receive(format!("{HEADER}{body}").as_bytes(), now);
        assert!(engine.next_deadline().is_some() || rest > 0);
        engine.tick(now + Duration::from_millis(300));
        let events: Vec<Event> = std::iter::from_fn(|| engine.next_event()).collect();
        let said = unsolicited(&events);
        assert!(
            matches!(said[0], Unsolicited::Words { from, text: words, .. }
                if from == "+15551230100" && words == text),
            "{body:?}: {said:?}"
        );
        assert_eq!(said.len(), 1 + rest, "{body:?}: {said:?}");
        assert_eq!(engine.next_deadline(), None);
    }
    // The answer to a command in flight is not part of it, and is not lost.
    let events = run(
        Command::Signal,
        &format!("{HEADER}hello\r\n+CSQ: 20,99\r\nOK\r\n"),
    );
    assert_eq!(reply(&events).lines, ["+CSQ: 20,99"]);
    assert!(matches!(
        unsolicited(&events)[0],
        Unsolicited::Words { text, .. } if text == "hello"
    ));
}

#[test]
fn a_broadcast_is_neither_an_entry_nor_the_answer() {
    let events = run(
        Command::List(vec![]),
        &format!("+CMGL: 1,1,,24\r\n+CBM: 6\r\n0006010203040506\r\n{PDU}\r\nOK\r\n"),
    );
    assert_eq!(entries(&events)[0].pdu, PDU);
    assert_eq!(unsolicited(&events), [&Unsolicited::Broadcast]);
    let events = run(
        Command::Model,
        "+CBM: 1,50,1,1,1\r\nA storm is coming\r\nSIM7600\r\nOK\r\n",
    );
    assert_eq!(reply(&events).lines, ["SIM7600"]);
}

#[test]
fn an_unfinished_ussd_answer_swallows_no_other() {
    for (command, said, line) in [
        (Command::Signal, "+CSQ: 20,99\r\nOK\r\n", "+CSQ: 20,99"),
        (Command::PinState, "+CPIN: READY\r\nOK\r\n", "+CPIN: READY"),
        (
            Command::Operator,
            "+COPS: 0,0,\"Elm\",7\r\nOK\r\n",
            "+COPS: 0,0,\"Elm\",7",
        ),
        (
            Command::StorageRead,
            "+CPMS: \"SM\",0,5\r\nOK\r\n",
            "+CPMS: \"SM\",0,5",
        ),
    ] {
        let events = run(command.clone(), &format!("+CUSD: 1,\"Balance 5\r\n{said}"));
        assert_eq!(reply(&events).lines, [line], "{command:?}");
        assert!(matches!(
            unsolicited(&events)[0],
            Unsolicited::Ussd { text: Some(text), .. } if text == "Balance 5"
        ));
    }
    // Nothing follows: it is told after a moment.
    let now = Instant::now();
    let mut engine = Engine::default();
    engine.receive(b"+CUSD: 1,\"Balance 5\r\n", now);
    assert_eq!(engine.next_event(), None);
    engine.tick(engine.next_deadline().unwrap());
    assert!(matches!(engine.next_event(), Some(Event::Unsolicited(_))));
    engine.receive(b"EC25\r\n", now + Duration::from_secs(9));
    assert!(matches!(
        engine.next_event(),
        Some(Event::Unsolicited(Unsolicited::Unknown(_)))
    ));
}

#[test]
fn the_mode_is_said_with_every_send_and_a_modem_that_stops_there_is_noticed() {
    let now = Instant::now();
    let mut engine = Engine::default();
    engine.submit(send(), now).unwrap();
    assert_eq!(engine.take_octets(), b"AT+CMGF=0;+CMGS=1\r");
    // An `OK` for each command, and the prompt behind it.
    engine.receive(b"\r\nOK\r\n\r\n> ", now);
    assert_eq!(engine.take_octets(), b"0011\x1a");
    // One that carries out the first alone says no more than `OK`.
    let mut engine = Engine::default();
    engine.submit(send(), now).unwrap();
    engine.take_octets();
    engine.receive(b"\r\nOK\r\n", now);
    engine.tick(now + Duration::from_secs(2));
    assert_eq!(
        engine.take_octets(),
        b"\x1b",
        "should it wait for a text after all"
    );
    let Some(Event::Reply(reply)) = engine.next_event() else {
        panic!("the send ended");
    };
    assert!(reply.is_ok() && !reply.payload_sent);
}

#[test]
fn a_result_that_never_comes_is_asked_after_when_it_is_overdue() {
    // What the modem says before the question, what it answers to it, and what comes of it.
    for (before, answer, outcome) in [
        // The result was lost: the modem is idle, and answers.
        ("", "\r\nOK\r\n", Outcome::TimedOut),
        // It waits on: the answer is the text's own, and that of the question behind it.
        (
            "",
            "\r\n+CMGS: 5\r\n\r\nOK\r\n\r\nOK\r\n",
            Outcome::Final(FinalResult::Ok),
        ),
        (
            "",
            "\r\n+CMS ERROR: 38\r\n\r\nOK\r\n",
            Outcome::Final(FinalResult::Cms(ErrorCode::number(38))),
        ),
        // It was called off by the question (V.250 §5.6.1).
        ("", "\r\nABORTED\r\n", Outcome::Final(FinalResult::Aborted)),
        ("", "", Outcome::TimedOut),
    ] {
        let mut now = Instant::now();
        let mut engine = Engine::default();
        engine.submit(send(), now).unwrap();
        engine.receive(b"\r\n> ", now);
        engine.receive(before.as_bytes(), now);
        engine.take_octets();
        now += OVERDUE;
        engine.tick(now);
        assert_eq!(engine.take_octets(), b"AT\r", "{answer:?}");
        assert!(engine.is_busy());
        engine.receive(answer.as_bytes(), now);
        let wait = if answer.is_empty() {
            SUBMIT_LIMIT
        } else {
            Duration::from_secs(2)
        };
        engine.tick(now + wait);
        let events: Vec<Event> = std::iter::from_fn(|| engine.next_event()).collect();
        assert_eq!(reply(&events).outcome, outcome, "{answer:?}");
        // The next command's answer is its own.
        engine.submit(Command::Attention, now).unwrap();
        assert!(engine.is_busy());
    }
    // The reference is there, and only its `OK` was lost.
    let now = Instant::now();
    let mut engine = Engine::default();
    engine.submit(send(), now).unwrap();
    engine.receive(b"\r\n> \r\n+CMGS: 7\r\n", now);
    engine.tick(now + Duration::from_secs(5));
    let Some(Event::Reply(reply)) = engine.next_event() else {
        panic!("the send ended");
    };
    assert!(reply.is_ok() && reply.lines == ["+CMGS: 7"]);
}

/// What a modem might say: true lines, broken ones, and noise.
fn said() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\r\nOK\r\n".to_vec()),
        Just(b"ERROR\r\n".to_vec()),
        Just(b"+CMS ERROR: 500\r\n".to_vec()),
        Just(b"+CMTI: \"SM\",3\r\n".to_vec()),
        Just(b"+CDS: 24\r\n".to_vec()),
        Just(b"+CMGL: 1,1,,24\r\n".to_vec()),
        Just(format!("{PDU}\r\n").into_bytes()),
        Just(b"> ".to_vec()),
        Just(b"+CREG: 1\r\n+CREG: 0,1\r\n".to_vec()),
        Just(b"+CMGS: 7\r\n".to_vec()),
        Just(b"SIM7600\r\n490154203237518\r\n".to_vec()),
        Just(b"RING\r\n\r\nNO CARRIER\r\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..20),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn sample_command() -> impl Strategy<Value = Command> {
    prop::sample::select(crate::laws::one_of_each())
}

proptest! {
    #[test]
    fn how_the_port_cuts_the_stream_changes_nothing(
        command in sample_command(),
        said in said(),
        cuts in prop::collection::vec(1_usize..9, 1..50),
    ) {
        let now = Instant::now();
        let listen = |chunks: &mut dyn Iterator<Item = &[u8]>| {
            let mut engine = Engine::default();
            engine.submit(command.clone(), now).unwrap();
            let mut octets = engine.take_octets();
            let mut events = Vec::new();
            for chunk in chunks {
                engine.receive(chunk, now);
                octets.extend(engine.take_octets());
                events.extend(std::iter::from_fn(|| engine.next_event()));
            }
            (octets, events)
        };
        let whole = listen(&mut std::iter::once(said.as_slice()));
        let mut rest = said.as_slice();
        let mut lengths = cuts.iter().cycle();
        let mut pieces = std::iter::from_fn(|| {
            if rest.is_empty() {
                return None;
            }
            let (piece, left) = rest.split_at((*lengths.next()?).min(rest.len()));
            rest = left;
            Some(piece)
        });
        prop_assert_eq!(listen(&mut pieces), whole);
    }

    #[test]
    fn nothing_a_modem_says_panics(data in prop::collection::vec(any::<u8>(), 0..600)) {
        crate::laws::dialogue(&data, Instant::now());
    }

    #[test]
    fn nothing_almost_true_panics(choice in any::<u8>(), said in said()) {
        let mut data = vec![choice];
        data.extend(said);
        crate::laws::dialogue(&data, Instant::now());
    }
}

#[test]
fn a_pdu_on_several_lines_is_one() {
    for width in [16, 31, 48] {
        let wrapped: Vec<&str> = PDU
            .as_bytes()
            .chunks(width)
            .map(|piece| std::str::from_utf8(piece).unwrap())
            .collect();
        let said = format!(
            "+CMGL: 1,1,,24\r\n{}\r\n+CMGL: 2,1,,24\r\n{PDU}\r\nOK\r\n",
            wrapped.join("\r\n")
        );
        let events = run(Command::List(vec![]), &said);
        let found: Vec<(Option<u16>, bool)> = entries(&events)
            .iter()
            .map(|entry| (entry.index, entry.is_whole()))
            .collect();
        assert_eq!(found, [(Some(1), true), (Some(2), true)], "{width}");
    }
    // One that was cut off costs only itself.
    let said = format!(
        "+CMGL: 1,1,,24\r\n{}\r\n+CREG: 1\r\n+CMGL: 2,1,,24\r\n{PDU}\r\nOK\r\n",
        &PDU[..20]
    );
    let events = run(Command::List(vec![]), &said);
    let whole: Vec<bool> = entries(&events).iter().map(|one| one.is_whole()).collect();
    assert_eq!(whole, [false, true]);
    assert_eq!(unsolicited(&events).len(), 1);
}

#[test]
fn a_listing_without_its_ok_ends_when_all_is_there() {
    let memories = || vec![Memory::new("SM").unwrap()];
    for (said, seconds, count) in [
        ("+CPMS: 0,30,0,30,0,30\r\n".to_owned(), 3, 0),
        (
            format!("+CPMS: 1,30,1,30,1,30\r\n+CMGL: 1,1,,24\r\n{PDU}\r\n"),
            3,
            1,
        ),
        (
            format!("+CPMS: 2,30,2,30,2,30\r\n+CMGL: 1,1,,24\r\n{PDU}\r\n"),
            10,
            1,
        ),
    ] {
        let now = Instant::now();
        let mut engine = Engine::default();
        engine.submit(Command::List(memories()), now).unwrap();
        engine.receive(said.as_bytes(), now);
        engine.tick(now + Duration::from_secs(seconds) - Duration::from_millis(1));
        assert!(engine.is_busy(), "{said}");
        engine.tick(now + Duration::from_secs(seconds));
        let events: Vec<Event> = std::iter::from_fn(|| engine.next_event()).collect();
        assert!(reply(&events).is_ok(), "{said}");
        assert_eq!(entries(&events).len(), count);
    }
}

#[test]
fn digits_that_somebody_wrote_are_no_ucs2() {
    for (words, text) in [
        ("0123456789ABCDEF", "0123456789ABCDEF"),
        ("0012345678901234", "0012345678901234"),
        ("9780141439518000", "9780141439518000"),
        ("00480065006C006C006F", "Hello"),
        (
            "04110430043B0430043D0441",
            "\u{411}\u{430}\u{43b}\u{430}\u{43d}\u{441}",
        ),
    ] {
        let now = Instant::now();
        let mut engine = Engine::default();
        let said = format!("+CMT: \"+15551230100\",\"\",\"26/11/30,12:00:00-24\"\r\n{words}\r\n");
        engine.receive(said.as_bytes(), now);
        engine.tick(now + Duration::from_secs(1));
        let events: Vec<Event> = std::iter::from_fn(|| engine.next_event()).collect();
        assert!(
            matches!(unsolicited(&events)[..], [Unsolicited::Words { text: found, .. }] if found == text),
            "{words}: {events:?}"
        );
    }
}
