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
    engine
        .submit(Command::Send { tpdu: vec![0x11] }, now)
        .unwrap();
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
    engine
        .submit(Command::Send { tpdu: vec![0x11] }, now)
        .unwrap();
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
    prop::sample::select(crate::at::laws::one_of_each())
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
        crate::at::laws::dialogue(&data, Instant::now());
    }

    #[test]
    fn nothing_almost_true_panics(choice in any::<u8>(), said in said()) {
        let mut data = vec![choice];
        data.extend(said);
        crate::at::laws::dialogue(&data, Instant::now());
    }
}
