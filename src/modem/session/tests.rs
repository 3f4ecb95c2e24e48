#![allow(clippy::unwrap_used)]

use super::*;
use crate::at::{Engine, Event};
use crate::modem::{ArrivedPdu, PinAnswer, PortChoice};

const PDU: &str = "00040B915155210013F00000321011419034800568656C6C6F";

/// What a listing answers where this lies under each of these indexes.
fn listed(indexes: std::ops::Range<u16>) -> String {
    let length = PDU.len() / 2 - 1;
    let entries = indexes.map(|index| format!("+CMGL: {index},1,,{length}\r\n{PDU}\r\n"));
    entries.collect::<String>() + "OK\r\n"
}

/// What reading one slot answers where this lies in it.
fn read() -> String {
    let length = PDU.len() / 2 - 1;
    format!("+CMGR: 1,,{length}\r\n{PDU}\r\nOK\r\n")
}

/// A session, an engine, and a table of what the modem answers.
struct Dialogue {
    session: Session,
    engine: Engine,
    now: Instant,
    /// Command lines as they went out, and their commands one by one.
    lines: Vec<String>,
    asked: Vec<String>,
    effects: Vec<Effect>,
    answers: Vec<(&'static str, String)>,
    /// Refuses a line with more than one command.
    one_at_a_time: bool,
}

impl Dialogue {
    fn new(answers: &[(&'static str, &str)]) -> Self {
        let settings = LineSettings::new("front-desk", PortChoice::Auto);
        Self::on(settings, answers)
    }

    fn with_pin(answers: &[(&'static str, &str)], pin: &str) -> Self {
        let settings = LineSettings {
            pin: Some(pin.into()),
            ..LineSettings::new("front-desk", PortChoice::Auto)
        };
        Self::on(settings, answers)
    }

    fn on(settings: LineSettings, answers: &[(&'static str, &str)]) -> Self {
        let now = Instant::now();
        let mut session = Session::new(settings, now);
        session.opened(None, now);
        let answers = answers
            .iter()
            .map(|(asked, said)| (*asked, (*said).to_owned()))
            .collect();
        let (lines, asked, effects) = (Vec::new(), Vec::new(), Vec::new());
        let mut dialogue = Self {
            session,
            engine: Engine::default(),
            now,
            lines,
            asked,
            effects,
            answers,
            one_at_a_time: false,
        };
        dialogue.converse();
        dialogue
    }

    /// Until the session has nothing more to ask, or the modem nothing to answer.
    fn converse(&mut self) {
        for _ in 0..500 {
            self.hear();
            if self.engine.is_busy() {
                return;
            }
            let Some(command) = self.session.next(self.now) else {
                self.hear();
                return;
            };
            let text = command.text();
            self.engine.submit(command, self.now).unwrap();
            self.engine.take_octets();
            self.lines.push(text.clone());
            if let Some((_, said)) = self.answers.iter().find(|(asked, _)| *asked == text) {
                self.engine.receive(said.as_bytes(), self.now);
                self.asked.push(text);
                continue;
            }
            if self.one_at_a_time && text.contains(';') {
                self.engine.receive(b"ERROR\r\n", self.now);
                continue;
            }
            // What stands on one line is answered one by one, up to the first that fails.
            let mut parts = text.split(';').peekable();
            while let Some(part) = parts.next() {
                let part = format!("AT{}", part.trim_start_matches("AT"));
                let said = self.answer_to(&part);
                self.asked.push(part);
                match said
                    .strip_suffix("OK\r\n")
                    .filter(|_| parts.peek().is_some())
                {
                    Some(information) => self.engine.receive(information.as_bytes(), self.now),
                    None => {
                        self.engine.receive(said.as_bytes(), self.now);
                        break;
                    }
                }
            }
        }
        panic!("the session never rests: {:?}", self.asked);
    }

    fn answer_to(&self, text: &str) -> String {
        if let Some((_, said)) = self.answers.iter().find(|(asked, _)| *asked == text) {
            return said.clone();
        }
        match text {
            "AT+CPIN?" => "+CPIN: READY\r\nOK\r\n",
            "AT+CPMS=?" => {
                "+CPMS: (\"ME\",\"SM\",\"SR\"),(\"ME\",\"SM\"),(\"ME\",\"SM\")\r\nOK\r\n"
            }
            "AT+CPMS?" => "+CPMS: \"ME\",0,23,\"ME\",0,23,\"ME\",0,23\r\nOK\r\n",
            "AT+CREG?" => "+CREG: 0,1\r\nOK\r\n",
            "AT+CFUN?" => "+CFUN: 1\r\nOK\r\n",
            "AT+CMGF?" => "+CMGF: 0\r\nOK\r\n",
            "AT+CNMI?" => "+CNMI: 2,1,2,1,0\r\nOK\r\n",
            "AT+CGSMS?" => "+CGSMS: 3\r\nOK\r\n",
            "AT+IPR?" => "+IPR: 115200\r\nOK\r\n",
            "AT+CGMI" | "AT+CGMM" | "AT+CGMR" => "generic\r\nOK\r\n",
            "AT+CGSN" => "490154203237518\r\nOK\r\n",
            "AT+CCID" | "AT+QCCID" => "89860025128306012474\r\nOK\r\n",
            "AT+CIMI" => "310150123456789\r\nOK\r\n",
            "AT+CSQ" => "+CSQ: 99,99\r\nOK\r\n",
            "AT+COPS?" => "+COPS: 0\r\nOK\r\n",
            "AT+CSCA?" => "+CSCA: \"\",129\r\nOK\r\n",
            _ => "OK\r\n",
        }
        .into()
    }

    fn hear(&mut self) {
        loop {
            while let Some(effect) = self.session.next_effect() {
                match effect {
                    Effect::Escape => {}
                    Effect::Cut(why) => self.engine.cut(why),
                    // Nothing is on record, and everything may be.
                    Effect::TryPin(attempt) => {
                        let pin = attempt.typed.clone().or(attempt.configured.clone());
                        let answer = pin.map_or(PinAnswer::NoneKnown, PinAnswer::Permitted);
                        self.session.on_pin_answer(&attempt, answer, self.now);
                    }
                    effect => self.effects.push(effect),
                }
            }
            match self.engine.next_event() {
                Some(Event::Reply(reply)) => self.session.on_reply(&reply, self.now),
                Some(Event::Entry(entry)) => self.session.on_entry(&entry, self.now),
                Some(Event::Unsolicited(said)) => self.session.on_unsolicited(&said, self.now),
                None => return,
            }
        }
    }

    fn says(&mut self, text: &str) {
        self.engine.receive(text.as_bytes(), self.now);
        self.converse();
    }

    fn pass(&mut self, duration: Duration) {
        self.now += duration;
        self.engine.tick(self.now);
        self.converse();
    }

    fn take_asked(&mut self) -> Vec<String> {
        std::mem::take(&mut self.asked)
    }

    fn deliveries(&mut self) -> Vec<Delivery> {
        let effects = std::mem::take(&mut self.effects);
        let deliveries = effects.into_iter().filter_map(|effect| match effect {
            Effect::Deliver(delivery) => Some(delivery),
            _ => None,
        });
        deliveries.collect()
    }
}

#[test]
fn what_a_modem_says_unasked_leads_to_what_the_law_says() {
    const ME: &str = "AT+CPMS=\"ME\",\"ME\",\"ME\"";
    const SM: &str = "AT+CPMS=\"SM\",\"SM\",\"ME\"";
    let long_ago = Duration::from_secs(70);
    for (said, asked) in [
        ("+CMTI: \"ME\",3\r\n", &[ME, "AT+CMGL=4"][..]),
        ("+CMTI: \"SM\",3\r\n", &[SM, "AT+CMGL=4"]),
        // One that cannot be read
        ("+CMTI: \"XX\",3\r\n", &[ME, "AT+CMGL=4"]),
        ("+CMTI: ,-1\r\n", &[ME, "AT+CMGL=4"]),
        (
            "^SMMEMFULL: \"ME\"\r\n",
            &[ME, "AT+CMGL=4", SM, "AT+CMGL=4"],
        ),
        ("RING\r\nRING\r\n", &["AT+CHUP"]),
        ("^RSSI:14\r\n^MODE:5,4\r\n+CREG: 1\r\n", &[]),
        ("SMS DONE\r\n", &["AT", "ATE0", "ATV1"]),
        ("RDY\r\n", &["AT", "ATE0", "ATV1"]),
        ("*ATREADY: 1\r\n", &["AT", "ATE0", "ATV1"]),
        ("^BOOT:20952548,0,0,0,75\r\n", &["AT", "ATE0", "ATV1"]),
        ("+CPIN: NOT READY\r\n", &["AT", "ATE0", "ATV1"]),
    ] {
        let mut dialogue = Dialogue::new(&[]);
        dialogue.pass(long_ago);
        dialogue.pass(Duration::from_secs(1));
        // Back on the memory where texts arrive.
        dialogue.session.sweep();
        dialogue.converse();
        dialogue.take_asked();
        dialogue.says(said);
        let heard = dialogue.take_asked();
        assert!(
            heard.starts_with(&asked.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>()),
            "{said:?}: {heard:?}"
        );
        if asked.is_empty() {
            assert_eq!(heard, [""; 0], "{said:?}");
        }
    }
}

#[test]
fn a_stick_that_says_boot_every_two_seconds_is_not_set_up_every_two_seconds() {
    let mut dialogue = Dialogue::new(&[]);
    dialogue.take_asked();
    for _ in 0..60 {
        dialogue.pass(Duration::from_secs(2));
        dialogue.says("^BOOT:20952548,0,0,0,75\r\n");
    }
    let setups = dialogue
        .take_asked()
        .iter()
        .filter(|asked| *asked == "ATE0")
        .count();
    assert!(
        (1..=2).contains(&setups),
        "once a minute at most, but {setups} times in two"
    );
}

#[test]
fn quectel_reports_are_looked_for_where_they_are() {
    let mut dialogue = Dialogue::new(&[("AT+CGMI", "Quectel\r\nOK\r\n")]);
    dialogue.says("+CMTI: \"ME\",0\r\n");
    dialogue.take_asked();
    dialogue.says("+CDSI: \"SM\",0\r\n");
    let asked = dialogue.take_asked();
    assert!(
        asked.contains(&"AT+CPMS=\"SR\",\"ME\",\"ME\"".to_owned()),
        "{asked:?}"
    );
    assert!(
        asked.contains(&"AT+CPMS=\"SM\",\"SM\",\"ME\"".to_owned()),
        "{asked:?}"
    );
}

#[test]
fn a_text_is_deleted_from_the_memory_it_lay_in() {
    let mut dialogue = Dialogue::new(&[("AT+CMGL=4", &listed(5..6))]);
    let [delivery] = dialogue.deliveries().try_into().unwrap();
    assert_eq!(delivery.pdus[0].slot.as_ref().unwrap().memory, "ME");
    // The other memory waits for this verdict: indexes are said of one memory at a time.
    let now = dialogue.now;
    dialogue.answers = vec![("AT+CMGL=4", "OK\r\n".into()), ("AT+CMGR=5", read())];
    dialogue.take_asked();
    dialogue.lines.clear();
    dialogue.session.on_verdict(delivery.batch, true, now);
    dialogue.converse();
    // Selected on the same line: a modem that forgets its settings meanwhile deletes no other.
    assert_eq!(
        dialogue.lines[..3],
        [
            "AT+CPMS=\"ME\",\"ME\",\"ME\";+CMGR=5",
            "AT+CPMS=\"ME\",\"ME\",\"ME\";+CMGD=5",
            "AT+CPMS=\"SM\",\"SM\",\"ME\";+CMGL=4"
        ]
    );
}

#[test]
fn texts_of_one_memory_are_deleted_together_and_never_said_again() {
    let mut dialogue = Dialogue::new(&[("AT+CMGL=4", &listed(0..6))]);
    let [delivery] = dialogue.deliveries().try_into().unwrap();
    let now = dialogue.now;
    // How far it came before it failed is not known.
    dialogue.answers = vec![
        ("AT+CMGL=4", "OK\r\n".into()),
        ("AT+CMGR=0", read()),
        ("AT+CMGD=1", "+CMS ERROR: 500\r\n".into()),
    ];
    dialogue.take_asked();
    dialogue.session.on_verdict(delivery.batch, true, now);
    dialogue.converse();
    let deleted: Vec<String> = dialogue
        .take_asked()
        .into_iter()
        .filter(|asked| asked.starts_with("AT+CMGD"))
        .collect();
    assert_eq!(
        deleted,
        ["AT+CMGD=0", "AT+CMGD=1", "AT+CMGD=4", "AT+CMGD=5"],
        "2 and 3 stood behind the one that failed, and are left for a sweep"
    );
}

#[test]
fn a_modem_that_takes_one_command_a_line_is_told_one_by_one() {
    let mut dialogue = Dialogue::new(&[("AT+CMGL=4", "OK\r\n")]);
    dialogue.one_at_a_time = true;
    dialogue.answers = vec![("AT+CMGL=4", listed(5..7))];
    dialogue.says("+CMTI: \"ME\",5\r\n");
    let [delivery] = dialogue.deliveries().try_into().unwrap();
    let now = dialogue.now;
    dialogue.answers = vec![("AT+CMGL=4", "OK\r\n".into())];
    dialogue.session.on_verdict(delivery.batch, true, now);
    dialogue.converse();
    // Refused thrice in a row, it is not asked so again until the next setup.
    for _ in 0..4 {
        dialogue.session.sweep();
        dialogue.converse();
    }
    dialogue.answers = vec![];
    dialogue.lines.clear();
    dialogue.session.sweep();
    dialogue.converse();
    assert!(!dialogue.lines.iter().any(|line| line.contains(';')));
    dialogue.lines.clear();
    dialogue.answers = vec![("AT+CMGL=4", listed(5..7))];
    dialogue.says("+CMTI: \"ME\",5\r\n");
    let [delivery] = dialogue.deliveries().try_into().unwrap();
    let now = dialogue.now;
    dialogue.lines.clear();
    dialogue.session.on_verdict(delivery.batch, true, now);
    dialogue.converse();
    // Each is selected anew, so that as little as may be comes between.
    assert_eq!(
        dialogue.lines[..3],
        ["AT+CMGD=5", "AT+CPMS=\"ME\",\"ME\",\"ME\"", "AT+CMGD=6"]
    );
}

#[test]
fn a_big_store_flows_in_batches_and_late_verdicts_delete_nothing() {
    let mut dialogue = Dialogue::new(&[("AT+CMGL=4", &listed(0..120))]);
    let deliveries = dialogue.deliveries();
    let sizes: Vec<usize> = deliveries
        .iter()
        .map(|delivery| delivery.pdus.len())
        .collect();
    assert_eq!(sizes, [50, 50, 20]);
    // Nobody answers for a minute: what was found is left, and found again.
    dialogue.answers = vec![("AT+CMGL=4", "OK\r\n".into())];
    dialogue.pass(Duration::from_secs(61));
    dialogue.take_asked();
    let now = dialogue.now;
    dialogue.session.on_verdict(deliveries[0].batch, true, now);
    dialogue.converse();
    assert!(
        !dialogue
            .take_asked()
            .iter()
            .any(|asked| asked.starts_with("AT+CMGD"))
    );
}

#[test]
fn a_text_without_a_header_is_delivered_once_it_comes_again_as_it_was() {
    let length = PDU.len() / 2 - 1;
    let listed = format!("+CMGL: 1,1,,{length}\r\n{PDU}\r\n+C GL: 2\r\n{PDU}\r\nOK\r\n");
    let read = format!("+CMGR: 1,,{length}\r\n{PDU}\r\nOK\r\n");
    let mut dialogue = Dialogue::new(&[("AT+CMGL=4", &listed), ("AT+CMGR=1", &read)]);
    for slots in [&[true][..], &[false, true]] {
        let deliveries = dialogue.deliveries();
        let found = deliveries.iter().flat_map(|delivery| &delivery.pdus);
        let found: Vec<_> = found.map(|pdu: &ArrivedPdu| pdu.slot.is_some()).collect();
        assert_eq!(found, slots);
        let now = dialogue.now;
        for delivery in deliveries {
            dialogue.session.on_verdict(delivery.batch, true, now);
        }
        dialogue.pass(Duration::from_secs(3));
    }
}

#[test]
fn a_text_that_the_next_header_ran_into_is_read_again() {
    let length = PDU.len() / 2 - 1;
    // Lost between the two: the first's last digit, its line's end, and the header up to its 8.
    let ran_into = format!("{}8", PDU.strip_suffix('F').unwrap());
    let listed = format!("+CMGL: 1,1,,{length}\r\n{ran_into}\r\n{PDU}\r\nOK\r\n");
    let read = format!("+CMGR: 1,,{length}\r\n{PDU}\r\nOK\r\n");
    let mut dialogue = Dialogue::new(&[("AT+CMGL=4", &listed), ("AT+CMGR=1", &read)]);
    let [delivery] = dialogue.deliveries().try_into().unwrap();
    let found: Vec<_> = delivery.pdus.iter().map(|pdu| &pdu.octets[..]).collect();
    assert_eq!(found, [crate::at::hex::decode(PDU).unwrap()]);
}

#[test]
fn an_index_out_of_its_turn_is_read_before_anything_is_deleted_there() {
    let length = PDU.len() / 2 - 1;
    let other = PDU.replace("6C6F", "6C70");
    // The second lost a digit: 12 became 2, where another text lies.
    let listed = format!(
        "+CMGL: 2,1,,{length}\r\n{PDU}\r\n+CMGL: 11,1,,{length}\r\n{PDU}\r\n\
         +CMGL: 2,1,,{length}\r\n{other}\r\nOK\r\n"
    );
    let read = format!("+CMGR: 1,,{length}\r\n{PDU}\r\nOK\r\n");
    let mut dialogue = Dialogue::new(&[("AT+CMGL=4", &listed), ("AT+CMGR=2", &read)]);
    let found: Vec<_> = dialogue
        .deliveries()
        .into_iter()
        .flat_map(|delivery| delivery.pdus)
        .map(|pdu| (pdu.slot.map(|slot| slot.index), pdu.octets.last().copied()))
        .collect();
    let last = Some(0x6F);
    assert_eq!(found, [(Some(2), last), (Some(11), last), (Some(2), last)]);
    assert!(dialogue.take_asked().contains(&"AT+CMGR=2".to_owned()));
}

#[test]
fn an_index_that_may_have_lost_a_digit_is_deleted_only_when_the_same_text_lies_there() {
    let another = read().replace("6C6F", "6C70");
    let empty = "OK\r\n".to_owned();
    let refused = "+CMS ERROR: 321\r\n".to_owned();
    // Unannounced and at the head of the list, 2 may be what is left of 12.
    for (said, deleted) in [
        (read(), true),
        (another, false),
        (empty, false),
        (refused, false),
    ] {
        let mut dialogue =
            Dialogue::new(&[("AT+CMGL=4", &listed(2..4)), ("AT+CMGR=2", said.as_str())]);
        let [delivery] = dialogue.deliveries().try_into().unwrap();
        dialogue.take_asked();
        dialogue.answers[0].1 = "OK\r\n".into();
        dialogue.lines.clear();
        let now = dialogue.now;
        dialogue.session.on_verdict(delivery.batch, true, now);
        dialogue.converse();
        let asked = dialogue.take_asked();
        let asks = |command: &str| asked.iter().any(|asked| asked == command);
        assert!(asks("AT+CMGR=2"), "{said:?}: {asked:?}");
        assert_eq!(asks("AT+CMGD=2"), deleted, "{said:?}: {asked:?}");
        assert!(asks("AT+CMGD=3"), "it followed 2: {asked:?}");
        assert!(!asks("AT+CMGR=3"), "{asked:?}");
        let list = "AT+CPMS=\"ME\",\"ME\",\"ME\";+CMGL=4".to_owned();
        let lists = dialogue.lines.contains(&list);
        assert_eq!(lists, !deleted, "{said:?}: {:?}", dialogue.lines);
    }
}

#[test]
fn a_slot_that_is_filled_anew_before_it_was_emptied_is_read_first() {
    let another = read().replace("6C6F", "6C70");
    let mut dialogue = Dialogue::new(&[("AT+CMGR=6", &another), ("AT+CMGL=4", "OK\r\n")]);
    dialogue.answers[1].1 = listed(5..7);
    dialogue.says("+CMTI: \"ME\",5\r\n");
    let [delivery] = dialogue.deliveries().try_into().unwrap();
    dialogue.answers[1].1 = "OK\r\n".into();
    dialogue.says("+CMTI: \"ME\",6\r\n");
    dialogue.take_asked();
    let now = dialogue.now;
    dialogue.session.on_verdict(delivery.batch, true, now);
    dialogue.converse();
    let asked = dialogue.take_asked();
    let asks = |command: &str| asked.iter().any(|asked| asked == command);
    assert!(asks("AT+CMGD=5"), "announced, and nothing since: {asked:?}");
    assert!(asks("AT+CMGR=6") && !asks("AT+CMGD=6"), "{asked:?}");
}

#[test]
fn a_modem_that_reads_otherwise_than_it_lists_is_emptied_all_the_same() {
    let another = read().replace("6C6F", "6C70");
    let mut dialogue = Dialogue::new(&[("AT+CMGL=4", &listed(2..3)), ("AT+CMGR=2", &another)]);
    for listing in 0.. {
        assert!(listing < 20, "never deleted");
        let deliveries = dialogue.deliveries();
        let now = dialogue.now;
        for delivery in deliveries {
            dialogue.session.on_verdict(delivery.batch, true, now);
        }
        dialogue.converse();
        if dialogue.take_asked().contains(&"AT+CMGD=2".to_owned()) {
            assert!(listing >= 7, "believed too soon");
            break;
        }
    }
}

#[test]
fn an_entry_without_a_pdu_stays_and_calls_somebody() {
    for read in ["+CMGR: 0,,37\r\nOK\r\n", "OK\r\n", "+CMS ERROR: 500\r\n"] {
        let mut dialogue = Dialogue::new(&[
            ("AT+CSCA?", "+CSCA: \"+15550000\",145\r\nOK\r\n"),
            ("AT+CMGL=4", "+CMGL: 1,0,,37\r\nOK\r\n"),
            ("AT+CMGR=1", read),
        ]);
        let alarm = dialogue.session.status.alarm.clone().unwrap();
        assert!(alarm.contains("no PDU"), "{alarm}");
        dialogue.take_asked();
        dialogue.pass(Duration::from_secs(31));
        let asked = dialogue.take_asked();
        assert!(asked.contains(&"AT+CMGL=4".to_owned()), "{asked:?}");
        let again = asked
            .iter()
            .any(|asked| asked.starts_with("AT+CMGR") || asked.starts_with("AT+CMGD"));
        assert!(!again, "read in vain before, and never deleted: {asked:?}");
        assert!(dialogue.deliveries().is_empty());
        // Somebody took it away.
        dialogue.answers.retain(|(asked, _)| *asked == "AT+CSCA?");
        dialogue.answers.push(("AT+CMGL=4", "OK\r\n".into()));
        for _ in 0..12 {
            dialogue.pass(Duration::from_secs(31)); // every tenth sweep lists all memories
        }
        assert_eq!(dialogue.session.status.alarm, None);
    }
}

#[test]
fn a_pdu_on_the_headers_line_or_behind_a_quote_is_one() {
    let length = PDU.len() / 2 - 1;
    for entry in [
        format!("+CMGL: 1,1,,{length},{PDU}"),
        format!("+CMGL: 1,1,,{length}\r\n\"{PDU}\""),
    ] {
        let listed = format!("{entry}\r\nOK\r\n");
        let mut dialogue = Dialogue::new(&[("AT+CMGL=4", &listed)]);
        let [delivery] = dialogue.deliveries().try_into().unwrap();
        assert!(delivery.pdus[0].readable, "{entry}");
        assert_eq!(delivery.pdus[0].octets.len(), PDU.len() / 2);
    }
}

#[test]
fn text_mode_leads_to_setup_and_not_to_deleting() {
    let text_mode = "+CMGL: 1,\"REC READ\",\"+15550100\",,\"\"\r\nHello\r\nOK\r\n";
    let mut dialogue = Dialogue::new(&[]);
    dialogue.pass(Duration::from_secs(70));
    dialogue.answers = vec![("AT+CMGL=4", text_mode.into())];
    dialogue.take_asked();
    dialogue.says("+CMTI: \"ME\",1\r\n");
    let asked = dialogue.take_asked();
    assert!(asked.contains(&"AT+CMGF=0".to_owned()), "{asked:?}");
    assert!(dialogue.deliveries().is_empty());
}

#[test]
fn a_service_centre_is_set_only_where_the_sim_has_none() {
    for (said, sets) in [
        ("+CSCA: \"\",129\r\nOK\r\n", true),
        ("+CSCA: \"+15550000\",145\r\nOK\r\n", false),
    ] {
        let mut dialogue = Dialogue::new(&[("AT+CSCA?", said)]);
        dialogue.session.settings.smsc = Some("+15551111".into());
        dialogue.says("RDY\r\n");
        let asked = dialogue.take_asked();
        assert_eq!(
            asked.contains(&"AT+CSCA=\"+15551111\",145".to_owned()),
            sets,
            "{said:?}"
        );
    }
}

#[test]
fn registration_is_judged_over_all_domains() {
    for (circuit, packet, evolved, registration, ready) in [
        ("0,1", "0,0", "0,0", Registration::Home, true),
        ("0,0", "0,0", "0,5", Registration::Roaming, true),
        ("0,6", "0,0", "0,0", Registration::Home, true),
        ("0,0", "0,10", "0,0", Registration::Roaming, true),
        ("0,2", "0,0", "0,0", Registration::Searching, false),
        ("0,3", "0,2", "0,0", Registration::Denied, false),
        ("0,0", "0,0", "0,11", Registration::None, false), // emergency calls only
        ("0,4", "0,4", "0,4", Registration::Unknown, false),
    ] {
        let line = |name: &str, state: &str| format!("{name}: {state}\r\nOK\r\n");
        let (c, p, e) = (
            line("+CREG", circuit),
            line("+CGREG", packet),
            line("+CEREG", evolved),
        );
        let dialogue = Dialogue::new(&[
            ("AT+CREG?", &c),
            ("AT+CGREG?", &p),
            ("AT+CEREG?", &e),
            ("AT+C5GREG?", "ERROR\r\n"),
        ]);
        let status = dialogue.session.status();
        assert_eq!(
            status.registration, registration,
            "{circuit} {packet} {evolved}"
        );
        assert_eq!(
            status.phase == Phase::Ready,
            ready,
            "{circuit} {packet} {evolved}"
        );
    }
    let refused = [
        ("AT+CREG?", "ERROR\r\n"),
        ("AT+CGREG?", "ERROR\r\n"),
        ("AT+CEREG?", "ERROR\r\n"),
        ("AT+C5GREG?", "ERROR\r\n"),
    ];
    let dialogue = Dialogue::new(&refused);
    assert_eq!(
        dialogue.session.status().phase,
        Phase::Ready,
        "it cannot tell: try"
    );
}

#[test]
fn the_session_always_says_when_to_wake_it() {
    let mut dialogue = Dialogue::new(&[]);
    for _ in 0..200 {
        let next = dialogue.session.next_deadline().unwrap();
        assert!(next > dialogue.now, "resting, yet overdue");
        dialogue.pass(next - dialogue.now);
    }
}

#[test]
fn an_echo_betrays_a_restart_that_nobody_announced() {
    let mut dialogue = Dialogue::new(&[]);
    dialogue.pass(Duration::from_secs(10));
    dialogue.take_asked();
    let listing = "AT+CPMS=\"ME\",\"ME\",\"ME\";+CMGL=4";
    dialogue.answers = vec![(listing, format!("{listing}\r\r\nOK\r\n"))];
    dialogue.says("+CMTI: \"ME\",1\r\n");
    assert!(dialogue.take_asked().contains(&"ATE0".to_owned()));
    // A modem that echoes whatever it is told is not set up for ever.
    let mut dialogue = Dialogue::new(&[]);
    dialogue.answers = ["AT+CREG?", listing, "AT+CSQ", "ATE0", "AT"]
        .map(|text| (text, format!("{text}\r\r\n{}", dialogue.answer_to(text))))
        .to_vec();
    dialogue.pass(Duration::from_secs(70));
    dialogue.take_asked();
    for _ in 0..10 {
        dialogue.pass(Duration::from_secs(30));
    }
    let setups = dialogue
        .take_asked()
        .iter()
        .filter(|asked| *asked == "ATE0")
        .count();
    assert!(setups <= 10, "{setups} setups in 300 s");
}

#[test]
fn settings_lost_right_after_a_setup_are_set_again_soon_and_nothing_is_sent_before() {
    let mut dialogue = Dialogue::new(&[
        ("AT+CSQ", "AT+CSQ\r\r\n+CSQ: 20,99\r\n\r\nOK\r\n"),
        ("AT+CMGS=4", "\r\n> \r\n+CMGS: 1\r\n\r\nOK\r\n"),
    ]);
    dialogue.pass(Duration::from_secs(60)); // looks around, and hears the echo
    assert!(dialogue.take_asked().contains(&"ATE0".to_owned()));
    let listing = "AT+CPMS=\"ME\",\"ME\",\"ME\";+CMGL=4";
    dialogue.answers.remove(0);
    dialogue
        .answers
        .push((listing, format!("{listing}\r\r\nOK\r\n")));
    dialogue.pass(Duration::from_secs(1));
    dialogue.says("+CMTI: \"ME\",1\r\n");
    dialogue
        .session
        .submit(vec![1, 0, 0, 0], false, dialogue.now);
    dialogue.converse();
    let asked = dialogue.take_asked();
    assert!(asked.iter().any(|asked| asked == listing), "{asked:?}");
    for early in ["ATE0", "AT+CMGS=4"] {
        assert!(!asked.contains(&early.to_owned()), "{asked:?}");
    }
    dialogue.answers.pop();
    dialogue.pass(SETUP_APART_LOST - Duration::from_secs(1));
    let asked = dialogue.take_asked();
    let place = |text: &str| asked.iter().position(|asked| asked == text);
    assert!(place("ATE0").is_some(), "{asked:?}");
    assert!(place("AT+CNMI=2,1,2,1,0") < place("AT+CMGS=4"), "{asked:?}");
}

#[test]
fn row_47_where_phase_2_plus_cannot_be_left_each_delivery_is_acknowledged_once_it_is_kept() {
    let mut dialogue = Dialogue::new(&[("AT+CSMS=0", "+CMS ERROR: 303\r\n")]);
    dialogue.take_asked();
    dialogue.deliveries();
    dialogue.says(&format!("+CMT: ,24\r\n{PDU}\r\n"));
    assert!(!dialogue.take_asked().contains(&"AT+CNMA".to_owned()));
    for delivery in dialogue.deliveries() {
        dialogue
            .session
            .on_verdict(delivery.batch, true, dialogue.now);
    }
    dialogue.converse();
    let asked = dialogue.take_asked();
    let acknowledged = asked.iter().filter(|asked| *asked == "AT+CNMA");
    assert_eq!(acknowledged.count(), 1, "{asked:?}");
}

#[test]
fn row_34_a_pin_with_fewer_than_three_tries_left_is_not_tried() {
    for (answers, tried) in [
        (&[("AT+CPINR", "+CPINR: SIM PIN,2,3\r\nOK\r\n")][..], false),
        (&[("AT+CPINR", "+CPINR: SIM PIN,3,3\r\nOK\r\n")], true),
        (
            &[
                ("AT+CPINR", "ERROR\r\n"),
                ("AT+QPINC=\"SC\"", "+QPINC: \"SC\",1,10\r\nOK\r\n"),
            ],
            false,
        ),
        (
            &[
                ("AT+CPINR", "ERROR\r\n"),
                ("AT+QPINC=\"SC\"", "ERROR\r\n"),
                ("AT+SPIC", "+SPIC: 3,10,3,10\r\nOK\r\n"),
            ],
            true,
        ),
        // Nobody tells: then the one try of each SIM is all there is to go by.
        (
            &[
                ("AT+CPINR", "ERROR\r\n"),
                ("AT+QPINC=\"SC\"", "ERROR\r\n"),
                ("AT+SPIC", "ERROR\r\n"),
                ("AT^CPIN?", "ERROR\r\n"),
            ],
            true,
        ),
    ] {
        let mut all = vec![
            ("AT+CPIN?", "+CPIN: SIM PIN\r\nOK\r\n"),
            ("AT+CPIN=\"1234\"", "+CME ERROR: 16\r\n"),
        ];
        all.extend_from_slice(answers);
        let dialogue = Dialogue::with_pin(&all, "1234");
        let entered = dialogue
            .asked
            .iter()
            .any(|asked| asked.starts_with("AT+CPIN="));
        assert_eq!(entered, tried, "{answers:?}: {:?}", dialogue.asked);
    }
}

#[test]
fn row_34_a_modem_that_never_answers_how_many_tries_are_left_is_asked_in_another_way() {
    let mut dialogue = Dialogue::with_pin(
        &[
            ("AT+CPIN?", "+CPIN: SIM PIN\r\nOK\r\n"),
            ("AT+CPINR", ""),
            ("AT+QPINC=\"SC\"", "+QPINC: \"SC\",3,10\r\nOK\r\n"),
            ("AT+CPIN=\"1234\"", "OK\r\n"),
        ],
        "1234",
    );
    assert!(
        !dialogue
            .asked
            .iter()
            .any(|asked| asked == "AT+CPIN=\"1234\"")
    );
    dialogue.pass(Duration::from_secs(11));
    assert!(
        dialogue
            .asked
            .iter()
            .any(|asked| asked == "AT+CPIN=\"1234\"")
    );
    assert_eq!(dialogue.session.status().pin_tries_left, Some(3));
}

#[test]
fn ussd_codes_are_packed_for_modems_that_refuse_them_as_text() {
    let mut dialogue = Dialogue::new(&[("AT+CUSD=1,\"*100#\",15", "ERROR\r\n")]);
    dialogue.session.ask_ussd("*100#".into(), dialogue.now);
    dialogue.converse();
    let asked = dialogue.take_asked();
    assert!(
        asked.contains(&"AT+CUSD=1,\"AA180C3602\",15".to_owned()),
        "{asked:?}"
    );
    dialogue.says("+CUSD: 1,\"1 Balance\r\n2 Offers\",15\r\n");
    let answers: Vec<&Effect> = dialogue
        .effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Answer(_)))
        .collect();
    assert_eq!(answers, [&Effect::Answer(Ok("1 Balance\n2 Offers".into()))]);
    // The network waits for a choice that nobody makes.
    assert!(dialogue.take_asked().contains(&"AT+CUSD=2".to_owned()));
}

#[test]
fn what_the_network_says_in_place_of_a_ussd_answer_is_said_in_words() {
    for (said, words) in [
        ("+CUSD: 0\r\n", "without a word"),
        ("+CUSD: 2\r\n", "without a word"),
        ("+CUSD: 3\r\n", "another program"),
        ("+CUSD: 4\r\n", "does not know"),
        ("+CUSD: 5\r\n", "in time"),
    ] {
        let mut dialogue = Dialogue::new(&[]);
        dialogue.session.ask_ussd("*100#".into(), dialogue.now);
        dialogue.converse();
        dialogue.says(said);
        let told = dialogue
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::Answer(Err(told)) if told.contains(words)));
        assert!(told, "{said}: {:?}", dialogue.effects);
    }
    // Silence ends too, and the dialogue with it.
    let mut dialogue = Dialogue::new(&[]);
    dialogue.session.ask_ussd("*100#".into(), dialogue.now);
    dialogue.converse();
    dialogue.take_asked();
    dialogue.pass(Duration::from_secs(61));
    assert!(dialogue.take_asked().contains(&"AT+CUSD=2".to_owned()));
}

/// What a selection answers that counts these.
const NO_PLACES: &str = "+CPMS: 0,0,0,0,0,0\r\nOK\r\n";

#[test]
fn row_51_texts_are_received_into_the_first_memory_with_places() {
    for (me, sm, receives, ready) in [
        (
            "+CPMS: 0,23,0,23,0,23\r\nOK\r\n",
            "+CPMS: 0,10,0,10,0,10\r\nOK\r\n",
            "ME",
            true,
        ),
        (NO_PLACES, "+CPMS: 0,10,0,10,0,10\r\nOK\r\n", "SM", true),
        (NO_PLACES, NO_PLACES, "ME", false),
        // One that tells no numbers is believed.
        ("OK\r\n", NO_PLACES, "ME", true),
    ] {
        let mut dialogue = Dialogue::new(&[
            ("AT+CPMS=\"ME\",\"ME\",\"ME\"", me),
            ("AT+CPMS=\"SM\",\"SM\",\"SM\"", sm),
        ]);
        let status = dialogue.session.status().clone();
        assert_eq!(status.phase == Phase::Ready, ready, "{me} {sm}: {status:?}");
        if !ready {
            assert!(
                status
                    .alarm
                    .is_some_and(|words| words.contains("no places"))
            );
        }
        dialogue.take_asked();
        dialogue.session.sweep();
        dialogue.converse();
        let selection = format!("AT+CPMS=\"{receives}\",\"{receives}\",\"{receives}\"");
        assert!(dialogue.take_asked().contains(&selection), "{me} {sm}");
    }
}

#[test]
fn row_51_a_line_that_is_not_listed_any_more_is_not_ready_any_more() {
    let mut dialogue = Dialogue::new(&[]);
    assert_eq!(dialogue.session.status().phase, Phase::Ready);
    dialogue.answers = vec![
        ("AT+CMGL=4", "+CMS ERROR: 500\r\n".into()),
        ("AT+CMGL=\"ALL\"", "+CMS ERROR: 500\r\n".into()),
    ];
    for _ in 0..5 {
        dialogue.pass(Duration::from_secs(30));
    }
    let status = dialogue.session.status();
    assert!(
        matches!(&status.phase, Phase::Stuck(words) if words.contains("500")),
        "{:?}",
        status.phase
    );
    assert!(status.alarm.is_some());
    dialogue.answers.clear();
    dialogue.pass(Duration::from_secs(30));
    let status = dialogue.session.status();
    assert_eq!(status.phase, Phase::Ready);
    let alarm = status.alarm.as_deref().unwrap_or_default();
    assert!(!alarm.contains("cannot be read"), "{alarm}");
}

#[test]
fn row_52_where_the_mode_and_the_send_do_not_go_together_they_go_one_by_one() {
    for refusal in [
        "ERROR\r\n",
        "+CMS ERROR: 302\r\n",
        "COMMAND NOT SUPPORT\r\n",
    ] {
        let mut dialogue = Dialogue::new(&[
            ("AT+CMGF=0;+CMGS=4", refusal),
            ("AT+CMGS=4", "\r\n> \r\n+CMGS: 1\r\n\r\nOK\r\n"),
        ]);
        dialogue.lines.clear();
        dialogue
            .session
            .submit(vec![1, 0, 0, 0], false, dialogue.now);
        dialogue.converse();
        let sends: Vec<&str> = dialogue
            .lines
            .iter()
            .map(String::as_str)
            .filter(|line| line.contains("CMGS") || line.contains("CMGF=0"))
            .collect();
        assert_eq!(
            sends,
            [
                "AT+CMGF=0;+CMGS=4",
                "AT+CMGF=0;+CMGS=4",
                "AT+CMGF=0",
                "AT+CMGS=4"
            ],
            "{refusal}"
        );
        let accepted = SubmitOutcome::Accepted {
            message_reference: 1,
        };
        assert!(
            dialogue.effects.contains(&Effect::Outcome(accepted)),
            "{refusal}"
        );
    }
    // Without PDU mode nothing is sent at all.
    let mut dialogue = Dialogue::new(&[
        ("AT+CMGF=0;+CMGS=4", "ERROR\r\n"),
        ("AT+CMGS=4", "\r\n> \r\n+CMGS: 1\r\n\r\nOK\r\n"),
    ]);
    dialogue
        .answers
        .push(("AT+CMGF=0", "+CMS ERROR: 500\r\n".into()));
    dialogue.lines.clear();
    dialogue
        .session
        .submit(vec![1, 0, 0, 0], false, dialogue.now);
    dialogue.converse();
    assert!(
        !dialogue.lines.contains(&"AT+CMGS=4".to_owned()),
        "{:?}",
        dialogue.lines
    );
}

#[test]
fn row_52_settings_that_changed_without_a_word_are_noticed_when_looked_after() {
    for (asked, said) in [
        ("AT+CMGF?", "+CMGF: 1\r\nOK\r\n"),
        ("AT+CNMI?", "+CNMI: 2,2,0,0,0\r\nOK\r\n"),
        ("AT+CNMI?", "+CNMI: 0,0,0,0,0\r\nOK\r\n"),
    ] {
        let mut dialogue = Dialogue::new(&[]);
        dialogue.pass(Duration::from_secs(70));
        dialogue.take_asked();
        dialogue.answers.push((asked, said.into()));
        dialogue.pass(Duration::from_secs(31));
        assert!(dialogue.take_asked().contains(&"ATE0".to_owned()), "{said}");
    }
}

#[test]
fn row_52_a_send_that_stood_alone_counts_by_the_mode_it_was_taken_in() {
    type Judge<'a> = &'a dyn Fn(&SubmitOutcome) -> bool;
    let accepted = SubmitOutcome::Accepted {
        message_reference: 1,
    };
    let unknown = |found: &SubmitOutcome| matches!(found, SubmitOutcome::Unknown { .. });
    let refused = |found: &SubmitOutcome| matches!(found, SubmitOutcome::Refused(refusal) if refusal.remedy.is_transient());
    let taken = |found: &SubmitOutcome| *found == accepted;
    let cases: [(&str, &str, Judge<'_>); 4] = [
        ("+CMGS: 1\r\n\r\nOK\r\n", "+CMGF: 0\r\nOK\r\n", &taken),
        // A modem that does not tell its mode is taken at its word.
        ("+CMGS: 1\r\n\r\nOK\r\n", "ERROR\r\n", &taken),
        ("+CMGS: 1\r\n\r\nOK\r\n", "+CMGF: 1\r\nOK\r\n", &unknown),
        // What the network says of a number that nobody wrote is no word about the patron.
        ("+CMS ERROR: 1\r\n", "+CMGF: 1\r\nOK\r\n", &refused),
    ];
    for (answer, mode, expected) in cases {
        let said = format!("\r\n> \r\n{answer}");
        let mut dialogue = Dialogue::new(&[
            ("AT+CMGF=0;+CMGS=4", "OK\r\n"),
            ("AT+CMGS=4", said.as_str()),
        ]);
        dialogue.answers.push(("AT+CMGF?", mode.into()));
        dialogue
            .session
            .submit(vec![1, 0, 0, 0], false, dialogue.now);
        dialogue.converse();
        dialogue.pass(Duration::from_secs(3));
        let outcomes: Vec<&SubmitOutcome> = dialogue
            .effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Outcome(outcome) => Some(outcome),
                _ => None,
            })
            .collect();
        assert!(
            matches!(outcomes[..], [one] if expected(one)),
            "{answer:?} {mode:?}: {outcomes:?}"
        );
    }
}

#[test]
fn row_51_a_text_that_is_announced_and_never_listed_is_read_where_it_was_announced() {
    // Huawei E303: counts none, lists none, and reads what it announces.
    let mut dialogue = Dialogue::new(&[]);
    dialogue.answers.push(("AT+CMGR=0", read()));
    dialogue.take_asked();
    dialogue.says("+CMTI: \"ME\",0\r\n");
    for _ in 0..20 {
        dialogue.pass(Duration::from_millis(500));
    }
    let found = dialogue.deliveries();
    assert_eq!(found.len(), 1, "{:?}", dialogue.asked);
    assert_eq!(found[0].pdus[0].slot.as_ref().unwrap().index, 0);
    // Empty by then, it is let be.
    let mut dialogue = Dialogue::new(&[]);
    dialogue
        .answers
        .push(("AT+CMGR=3", "+CMS ERROR: 321\r\n".into()));
    dialogue.take_asked();
    dialogue.says("+CMTI: \"ME\",3\r\n");
    for _ in 0..20 {
        dialogue.pass(Duration::from_millis(500));
    }
    let reads = dialogue.take_asked();
    let reads = reads.iter().filter(|asked| *asked == "AT+CMGR=3").count();
    assert!((1..=6).contains(&reads), "{reads}");
}

#[test]
fn row_55_a_line_without_announcements_is_ready_lists_more_often_and_asks_again() {
    let refused = "+CMS ERROR: 303\r\n";
    let mut dialogue = Dialogue::new(&[]);
    let all = crate::modem::profile::INDICATIONS
        .iter()
        .chain(&crate::modem::profile::INDICATIONS_SPARE);
    let mut refuses: Vec<(&'static str, String)> = all
        .map(|values| {
            let text = Command::IndicationSet(*values).text();
            (&*text.leak(), refused.to_owned())
        })
        .collect();
    refuses.push(("AT+CNMI=?", refused.to_owned()));
    let before = std::mem::replace(&mut dialogue.answers, refuses);
    dialogue.session.set_up_again(dialogue.now);
    dialogue.converse();
    assert_eq!(
        dialogue.session.status().phase,
        Phase::Ready,
        "{:?}",
        dialogue.lines
    );
    dialogue.take_asked();
    dialogue.pass(Duration::from_secs(5));
    assert!(
        dialogue
            .take_asked()
            .iter()
            .any(|asked| asked.starts_with("AT+CMGL"))
    );
    dialogue.answers = before;
    dialogue.pass(Duration::from_secs(2));
    assert!(
        dialogue
            .take_asked()
            .iter()
            .any(|asked| asked.starts_with("AT+CNMI="))
    );
    // Once taken, nothing more is asked, and no setup follows.
    dialogue.pass(Duration::from_secs(70));
    let asked = dialogue.take_asked();
    assert!(
        !asked.iter().any(|asked| asked.starts_with("AT+CNMI=")),
        "{asked:?}"
    );
    assert!(!asked.contains(&"ATE0".to_owned()), "{asked:?}");
}

#[test]
fn what_a_late_listing_showed_is_compared_before_it_is_deleted() {
    let mut dialogue = Dialogue::new(&[("AT+CMGL=4", &listed(1..3))]);
    let delivery = dialogue.deliveries().remove(0);
    // The listing that was asked for comes behind the one that was believed.
    let other = PDU.replace("68656C6C6F", "68656C6C70");
    dialogue.answers.clear();
    dialogue
        .answers
        .push(("AT+CMGR=1", format!("+CMGR: 1,,24\r\n{other}\r\nOK\r\n")));
    dialogue.answers.push(("AT+CMGR=2", read()));
    dialogue.says(&format!("+CMGL: 1,1,,24\r\n{other}\r\nOK\r\n"));
    dialogue.take_asked();
    let now = dialogue.now;
    dialogue.session.on_verdict(delivery.batch, true, now);
    dialogue.converse();
    let asked = dialogue.take_asked();
    assert!(asked.contains(&"AT+CMGR=1".to_owned()), "{asked:?}");
    assert!(
        !asked.contains(&"AT+CMGD=1".to_owned()),
        "another text lies there: {asked:?}"
    );
    assert!(asked.contains(&"AT+CMGD=2".to_owned()), "{asked:?}");
}
