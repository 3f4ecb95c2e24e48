//! What the modem answers, as tables: no port, no runtime, time passed in.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use super::super::air::{self, Address, Deliver, Timestamp, UserData};
use super::super::profile::Profile;
use super::super::{Faults, Settings};
use super::Firmware;

/// A modem on the bench, and the clock beside it.
struct Bench {
    modem: Firmware,
    now: Instant,
}

impl Bench {
    fn new(settings: Settings) -> Self {
        let now = Instant::now();
        let mut bench = Self {
            modem: Firmware::new(settings, now),
            now,
        };
        bench.say("ATE0\r");
        bench
    }

    fn generic() -> Self {
        Self::new(Settings::default())
    }

    fn of(profile: &str) -> Self {
        Self::new(Settings {
            profile: Profile::named(profile).unwrap(),
            ..Settings::default()
        })
    }

    fn heard(&mut self) -> String {
        let mut output = Vec::new();
        self.modem.take_output(&mut output, self.now);
        output.iter().map(|octet| char::from(*octet)).collect()
    }

    fn say(&mut self, words: impl AsRef<[u8]>) -> String {
        self.modem.receive(words.as_ref(), self.now);
        self.heard()
    }

    /// A command's response without its line breaks, lines parted by `|`.
    fn ask(&mut self, command: &str) -> String {
        let response = self.say(format!("{command}\r"));
        lines(&response)
    }

    fn pass(&mut self, time: Duration) -> String {
        self.now += time;
        self.modem.wake(self.now);
        lines(&self.heard())
    }

    fn arrives(&mut self, from: &str, text: &str) -> String {
        self.arrives_as(from, UserData::text(text))
    }

    fn arrives_as(&mut self, from: &str, user_data: UserData) -> String {
        let deliver = Deliver {
            from: Address::new(from),
            pid: 0,
            scts: stamp().encode(),
            user_data,
        };
        self.modem
            .network
            .queue_tpdu(&deliver.encode(), false)
            .unwrap();
        self.pass(Duration::ZERO)
    }
}

fn lines(response: &str) -> String {
    response
        .split("\r\n")
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("|")
}

/// 2024-03-01 18:22:31 at UTC−6.
fn stamp() -> Timestamp {
    Timestamp {
        unix: 1_709_338_951,
        zone_quarters: -24,
    }
}

/// "hello" to +15551230100, as TS 23.040 §9.2.2.2 lays it out: 18 octets.
const HELLO: &str = "0001000B915155210301F0000005E8329BFD06";

#[test]
fn commands_answer_as_the_recommendations_say() {
    let mut bench = Bench::generic();
    bench.ask("AT+CMEE=1");
    for (command, response) in [
        ("AT", "OK"),
        ("at", "OK"),
        ("AT;", "OK"),
        ("", ""),
        ("AT+CGMI", "callnumber|OK"),
        ("AT+GMM", "Simulated modem|OK"),
        ("ATI", "callnumber|Simulated modem|1|OK"),
        ("AT+CGSN", "490154203237518|OK"),
        ("AT+CIMI", "001010123456789|OK"),
        ("AT+CCID", "+CCID: 8900101012345678909|OK"),
        ("AT+CNUM", "+CNUM: \"\",\"+15550100000\",145|OK"),
        ("AT+CPIN?", "+CPIN: READY|OK"),
        ("AT+CPINR", "+CPINR: SIM PIN,3,3|+CPINR: SIM PUK,10,10|OK"),
        ("AT+CSQ", "+CSQ: 21,99|OK"),
        ("AT+CREG?", "+CREG: 0,1|OK"),
        ("AT+CREG=2;+CREG?", "+CREG: 2,1,\"1A2B\",\"0012C3D4\",7|OK"),
        ("AT+CREG=3", "ERROR"),
        ("AT+COPS?", "+COPS: 0,0,\"Elm Mobile\",7|OK"),
        ("AT+COPS=3,2;+COPS?", "+COPS: 0,2,\"00101\",7|OK"),
        ("AT+CMGF?;+CMGF=?", "+CMGF: 0|+CMGF: (0,1)|OK"),
        ("AT+CMGF=2", "+CMS ERROR: 302"),
        ("AT+CSMS?;+CSMS=1", "+CSMS: 0,1,1,1|+CSMS: 1,1,1|OK"),
        ("AT+CSMS=0", "+CSMS: 1,1,1|OK"),
        ("AT+CSCA?", "+CSCA: \"+15550109999\",145|OK"),
        (
            "AT+CSCA=\"+15550108888\",145;+CSCA?",
            "+CSCA: \"+15550108888\",145|OK",
        ),
        ("AT+CPMS?", "+CPMS: \"SM\",0,50,\"SM\",0,50,\"SM\",0,50|OK"),
        ("AT+CPMS=\"ME\"", "+CPMS: 0,100,0,50,0,50|OK"),
        ("AT+CPMS=\"MT\",\"ME\",\"SM\"", "+CPMS: 0,150,0,100,0,50|OK"),
        ("AT+CPMS=\"SR\"", "+CPMS: 0,50,0,100,0,50|OK"),
        ("AT+CPMS=\"SM\",\"SR\"", "+CMS ERROR: 302"),
        ("AT+CPMS=\"XX\"", "+CMS ERROR: 302"),
        ("AT+CPMS=\"SM\",\"SM\",\"SM\"", "+CPMS: 0,50,0,50,0,50|OK"),
        ("AT+CNMI=2,1,0,2;+CNMI?", "+CNMI: 2,1,0,2,0|OK"),
        ("AT+CNMI=,2;+CNMI?", "+CNMI: 2,2,0,2,0|OK"),
        ("AT+CNMI=4", "+CMS ERROR: 303"),
        ("AT+CMGR=1", "+CMS ERROR: 321"),
        ("AT+CMGR=0", "+CMS ERROR: 321"),
        ("AT+CMGD=51", "+CMS ERROR: 321"),
        ("AT+CMGD=?", "+CMGD: (),(0-4)|OK"),
        ("AT+CMGL=5", "+CMS ERROR: 304"),
        ("AT+CMGS=0", "+CMS ERROR: 304"),
        ("AT+CMGC=1", "+CMS ERROR: 303"),
        ("AT+CNMA", "+CMS ERROR: 340"),
        ("AT+CSCS=\"UTF-16\"", "+CME ERROR: 50"),
        ("AT+CSCS=\"UCS2\";+CSCS?", "+CSCS: \"UCS2\"|OK"),
        ("AT+CSCS=\"IRA\"", "OK"),
        (
            "AT+CUSD=1,\"*100#\",15",
            "OK|+CUSD: 0,\"Balance: $12.34\",15",
        ),
        ("AT+CUSD=1,\"*1#\",15", "OK|+CUSD: 4"),
        ("AT+CMER=3,0,0,1", "ERROR"),
        ("AT+CSQ;+NONSENSE;+CSQ", "+CSQ: 21,99|ERROR"),
        ("AT+CMEE=2", "OK"),
        ("AT+CMGR=9", "+CMS ERROR: invalid memory index"),
        ("AT+CPIN=\"1234\"", "+CME ERROR: operation not allowed"),
        ("AT+CMEE=0", "OK"),
        ("AT+CPIN=\"1234\"", "ERROR"),
        ("ATS3?", "013|OK"),
        ("ATD+15551230100;", "NO CARRIER"),
    ] {
        assert_eq!(bench.ask(command), response, "{command}");
    }
}

#[test]
fn the_line_discipline_is_v250s() {
    let mut bench = Bench::generic();
    for (said, heard) in [
        ("AT+CSQ\r", "\r\n+CSQ: 21,99\r\n\r\nOK\r\n"),
        // Line feeds and anything before `AT` are passed over.
        ("\r\n\x1b\0xyzAT\r\n", "\r\nOK\r\n"),
        // A/ repeats the last line at once.
        ("AT+CREG?\r", "\r\n+CREG: 0,1\r\n\r\nOK\r\n"),
        ("A/", "\r\n+CREG: 0,1\r\n\r\nOK\r\n"),
        // S5 rubs out.
        ("AT+CSX\x08Q\r", "\r\n+CSQ: 21,99\r\n\r\nOK\r\n"),
        ("ATE1\r", "\r\nOK\r\n"),
        ("AT\r", "AT\r\r\nOK\r\n"),
        ("ATE0\r", "ATE0\r\r\nOK\r\n"),
        ("ATV0\r", "0\r"),
        ("AT+CSQ\r", "+CSQ: 21,99\r\n0\r"),
        ("AT+XYZ\r", "4\r"),
        ("ATV1Q1\r", ""),
        ("AT+CSQ\r", "\r\n+CSQ: 21,99\r\n"),
        ("ATQ0\r", "\r\nOK\r\n"),
        ("ATS3=33S4=35\r", "!#OK!#"),
        ("ATS3=13S4=10!", "\r\nOK\r\n"),
        // Everything back to its default, echo too.
        ("AT&F\r", "\r\nOK\r\n"),
        ("ATE0\r", "ATE0\r\r\nOK\r\n"),
    ] {
        assert_eq!(bench.say(said), heard, "{said:?}");
    }
}

#[test]
fn one_octet_at_a_time_is_as_good_as_all_at_once() {
    let mut bench = Bench::generic();
    let mut heard = String::new();
    for octet in b"AT+CMGS=18\r"
        .iter()
        .chain(HELLO.as_bytes())
        .chain(b"\x1a")
    {
        heard.push_str(&bench.say([*octet]));
    }
    assert_eq!(heard, "\r\n> \r\n+CMGS: 0\r\n\r\nOK\r\n");
}

#[test]
fn stored_texts_are_listed_read_and_deleted() {
    let mut bench = Bench::generic();
    bench.ask("AT+CNMI=2,1");
    assert_eq!(bench.arrives("+15551230100", "hello"), "+CMTI: \"SM\",1");
    assert_eq!(bench.arrives("+15551230101", "again"), "+CMTI: \"SM\",2");
    // SMSC, then 24 octets: first, OA, PID, DCS, SCTS, UDL, UD (TS 23.040 §9.2.2.1).
    let pdu = "07915155109099F9040B915155210301F000004230108122134A05E8329BFD06";
    assert_eq!(bench.ask("AT+CMGR=1"), format!("+CMGR: 0,,24|{pdu}|OK"));
    assert_eq!(bench.ask("AT+CMGR=1"), format!("+CMGR: 1,,24|{pdu}|OK"));
    assert_eq!(bench.ask("AT+CMGL=1"), format!("+CMGL: 1,1,,24|{pdu}|OK"));
    assert!(bench.ask("AT+CMGL").starts_with("+CMGL: 2,0,,24|"));
    assert_eq!(bench.ask("AT+CMGL=0"), "OK");
    assert_eq!(bench.ask("AT+CMGL=2"), "OK");
    assert!(bench.ask("AT+CMGL=4").contains("|+CMGL: 2,1,,24|"));
    assert_eq!(bench.ask("AT+CMGD=?"), "+CMGD: (1,2),(0-4)|OK");
    assert_eq!(bench.ask("AT+CMGD=1"), "OK");
    assert_eq!(bench.ask("AT+CMGD=1"), "+CMS ERROR: 321");
    // The lowest free slot is used again.
    assert_eq!(bench.arrives("+15551230102", "third"), "+CMTI: \"SM\",1");
    // Flag 1 deletes what was read and leaves the unread.
    assert_eq!(bench.ask("AT+CMGD=1,1"), "OK");
    assert_eq!(bench.ask("AT+CMGD=?"), "+CMGD: (1),(0-4)|OK");
    assert_eq!(bench.ask("AT+CMGD=1,4"), "OK");
    assert_eq!(bench.ask("AT+CMGD=?"), "+CMGD: (),(0-4)|OK");
}

#[test]
fn text_mode_shows_what_pdu_mode_holds() {
    let mut bench = Bench::generic();
    bench.ask("AT+CMGF=1;+CSCS=\"GSM\"");
    bench.arrives("+15551230100", "hello");
    bench.arrives("ELMBANK", "Ωμέγα");
    let first = "\"+15551230100\",,\"24/03/01,18:22:31-24\"";
    for (command, response) in [
        ("AT+CMGL=\"NONSENSE\"", "+CMS ERROR: 305".to_owned()),
        ("AT+CMGL=\"STO SENT\"", "OK".to_owned()),
        (
            "AT+CMGR=1",
            format!("+CMGR: \"REC UNREAD\",{first}|hello|OK"),
        ),
        (
            "AT+CSDH=1;+CMGR=1",
            format!("+CMGR: \"REC READ\",{first},145,4,0,0,\"+15550109999\",145,5|hello|OK"),
        ),
        (
            "AT+CMGL=\"REC READ\"",
            format!("+CMGL: 1,\"REC READ\",{first},145,5|hello|OK"),
        ),
        // UCS2 data is hexadecimal (TS 27.005 §3.1 <data>).
        (
            "AT+CSDH=0;+CMGL=\"ALL\"",
            format!(
                "+CMGL: 1,\"REC READ\",{first}|hello|\
                 +CMGL: 2,\"REC UNREAD\",\"ELMBANK\",,\"24/03/01,18:22:31-24\"|03A903BC03AD03B303B1|OK"
            ),
        ),
        (
            "AT+CSCS=\"UCS2\";+CMGR=1",
            "+CMGR: \"REC READ\",\"002B00310035003500350031003200330030003100300030\",,\
             \"24/03/01,18:22:31-24\"|00680065006C006C006F|OK"
                .to_owned(),
        ),
    ] {
        assert_eq!(bench.ask(command), response, "{command}");
    }
}

#[test]
fn text_mode_sends_what_is_typed() {
    let mut bench = Bench::generic();
    bench.ask("AT+CMGF=1");
    for (before, to, typed, text) in [
        ("AT+CSCS=\"GSM\"", "+15551230100", "hello", "hello"),
        ("AT+CSCS=\"GSM\"", "15551230100", "at \0", "at @"),
        (
            "AT+CSCS=\"IRA\"",
            "+15551230100",
            "two\rlines",
            "two\nlines",
        ),
        (
            "AT+CSCS=\"IRA\"",
            "+15551230100",
            "rubbed ouu\x08t",
            "rubbed out",
        ),
        (
            "AT+CSCS=\"UTF-8\"",
            "+15551230100",
            "Gr\u{c3}\u{bc}\u{c3}\u{9f}e",
            "Grüße",
        ),
        (
            "AT+CSCS=\"UCS2\";+CSMP=17,167,0,8",
            "002B0031003500350035",
            "D83DDE0003A9",
            "😀Ω",
        ),
    ] {
        bench.ask(before);
        // Octets of more than 127 cross the port one by one.
        let typed: Vec<u8> = typed.chars().map(|letter| letter as u8).collect();
        assert_eq!(bench.ask(&format!("AT+CMGS=\"{to}\"")), "> ", "{text:?}");
        let mut whole = typed;
        whole.push(0x1a);
        let response = bench.say(&whole);
        assert!(response.contains("+CMGS: "), "{text:?}: {response:?}");
        assert_eq!(bench.modem.network.sent.back().unwrap().text, text);
    }
    let sent = &bench.modem.network.sent;
    assert_eq!(sent[0].to, "+15551230100");
    assert_eq!(sent[1].to, "15551230100");
    assert_eq!(sent[5].to, "+1555");
    bench.ask("AT+CSCS=\"IRA\";+CSMP=17,167,0,0");
    bench.ask("AT+CMGS=\"+15551230100\"");
    assert_eq!(
        lines(&bench.say([[b'x'; 161].as_slice(), b"\x1a"].concat())),
        "+CMS ERROR: 305"
    );
}

#[test]
fn a_prompt_can_be_left_and_bad_pdus_are_refused() {
    let mut bench = Bench::generic();
    for (length, typed, response) in [
        (18, format!("{HELLO}\x1a"), "+CMGS: 0|OK"),
        (18, "\x1b".to_owned(), "OK"),
        (18, format!("{HELLO}\x1b"), "OK"),
        (17, format!("{HELLO}\x1a"), "+CMS ERROR: 304"),
        (18, format!("{HELLO}0\x1a"), "+CMS ERROR: 304"),
        (18, "\x1a".to_owned(), "+CMS ERROR: 304"),
        (18, "zz\x1a".to_owned(), "+CMS ERROR: 304"),
        // A service centre of its own does not count into the length.
        (
            18,
            format!("07915155109099F9{}\x1a", &HELLO[2..]),
            "+CMGS: 1|OK",
        ),
        // An SMS-DELIVER is not for sending.
        (
            19,
            "0004049121430000423010812213 4A01".replace(' ', "") + "41\x1a",
            "+CMS ERROR: 304",
        ),
    ] {
        assert_eq!(bench.ask(&format!("AT+CMGS={length}")), "> ", "{typed:?}");
        assert_eq!(lines(&bench.say(&typed)), response, "{typed:?}");
    }
    assert_eq!(bench.modem.network.submissions.len(), 2);
}

#[test]
fn message_references_count_to_255_and_begin_again() {
    let mut bench = Bench::generic();
    for expected in (0..=255).chain(0..3) {
        bench.ask("AT+CMGS=18");
        assert_eq!(
            lines(&bench.say(format!("{HELLO}\x1a"))),
            format!("+CMGS: {expected}|OK")
        );
    }
    assert_eq!(
        bench.ask("AT+CRSM=176,28483,0,0,2"),
        "+CRSM: 144,0,\"02FF\"|OK"
    );
}

#[test]
fn written_texts_are_kept_and_can_be_sent_from_there() {
    let mut bench = Bench::generic();
    assert_eq!(bench.ask("AT+CMGW=18"), "> ");
    assert_eq!(lines(&bench.say(format!("{HELLO}\x1a"))), "+CMGW: 1|OK");
    assert_eq!(bench.ask("AT+CMGL=2"), format!("+CMGL: 1,2,,18|{HELLO}|OK"));
    assert_eq!(bench.ask("AT+CMSS=1,\"+15551230109\""), "+CMSS: 0|OK");
    assert_eq!(bench.ask("AT+CMGL=3"), format!("+CMGL: 1,3,,18|{HELLO}|OK"));
    assert_eq!(bench.ask("AT+CMSS=2"), "+CMS ERROR: 321");
    bench.ask("AT+CMGF=1;+CSDH=1");
    assert_eq!(
        bench.ask("AT+CMGR=1"),
        "+CMGR: \"STO SENT\",\"+15551230100\",,145,1,0,0,,\"+15550109999\",145,5|hello|OK"
    );
    let sent = &bench.modem.network.sent;
    assert_eq!(
        (sent[0].to.as_str(), sent[0].text.as_str()),
        ("+15551230109", "hello")
    );
}

#[test]
fn indications_follow_cnmi() {
    let class = |dcs| UserData {
        dcs,
        ..UserData::text("hi")
    };
    // TS 27.005 table 3.4.1-1: (mt, data coding scheme, memory that it goes to).
    for (mt, dcs, heard) in [
        (0, 0x00, ""),
        (1, 0x00, "+CMTI: \"SM\",1"),
        (2, 0x00, "+CMT: ,21"),
        (3, 0x00, "+CMTI: \"SM\",1"),
        (1, 0x12, "+CMTI: \"SM\",1"),
        (2, 0x12, "+CMTI: \"SM\",1"),
        (3, 0x13, "+CMT: ,21"),
        (2, 0x10, "+CMT: ,21"),
        (1, 0x10, "+CMTI: \"SM\",1"),
    ] {
        let mut bench = Bench::generic();
        bench.ask(&format!("AT+CNMI=2,{mt}"));
        let said = bench.arrives_as("+15551230100", class(dcs));
        assert_eq!(
            said.split('|').next().unwrap(),
            heard,
            "mt {mt}, dcs {dcs:02X}"
        );
    }
}

#[test]
fn mode_0_keeps_indications_until_the_terminal_wants_them() {
    let mut bench = Bench::generic();
    bench.ask("AT+CNMI=0,1");
    assert_eq!(bench.arrives("+15551230100", "hello"), "");
    assert_eq!(bench.ask("AT+CNMI=2,1"), "OK|+CMTI: \"SM\",1");
}

#[test]
fn direct_texts_wait_for_their_acknowledgement() {
    let mut bench = Bench::generic();
    bench.ask("AT+CSMS=1;+CNMI=2,2");
    assert!(bench.arrives("+15551230100", "one").starts_with("+CMT: ,"));
    assert_eq!(bench.arrives("+15551230100", "two"), "");
    assert!(bench.ask("AT+CNMA").starts_with("OK|+CMT: ,"));
    assert_eq!(bench.ask("AT+CNMA=1"), "OK");
    assert_eq!(bench.ask("AT+CNMA"), "+CMS ERROR: 340");

    // One that is not acknowledged stays with the network, and routing ends.
    bench.arrives("+15551230100", "three");
    bench.pass(Duration::from_secs(15));
    assert_eq!(bench.ask("AT+CNMI?"), "+CNMI: 2,0,0,0,0|OK");
    assert_eq!(bench.modem.messages(super::Mem::Sim).len(), 1);
}

#[test]
fn a_full_memory_is_backpressure() {
    let mut bench = Bench::new(Settings {
        capacity: Some(2),
        ..Settings::default()
    });
    bench.ask("AT+CNMI=2,1");
    for (text, heard) in [
        ("one", "+CMTI: \"SM\",1"),
        ("two", "+CMTI: \"SM\",2"),
        ("three", ""),
        ("four", ""),
    ] {
        assert_eq!(bench.arrives("+15551230100", text), heard);
    }
    assert_eq!(bench.modem.network.waiting.len(), 2);
    // The SIM says that the network was told (TS 31.102 §4.2.9).
    assert_eq!(
        bench.ask("AT+CRSM=176,28483,0,0,2"),
        "+CRSM: 144,0,\"FFFE\"|OK"
    );
    assert_eq!(bench.ask("AT+CMGD=2"), "OK|+CMTI: \"SM\",2");
    assert_eq!(bench.ask("AT+CMGD=1"), "OK|+CMTI: \"SM\",1");
    assert_eq!(
        bench.ask("AT+CPMS?"),
        "+CPMS: \"SM\",2,2,\"SM\",2,2,\"SM\",2,2|OK"
    );
}

#[test]
fn both_memories_are_numbered_through() {
    let mut bench = Bench::new(Settings {
        capacity: Some(1),
        ..Settings::default()
    });
    bench.ask("AT+CPMS=\"MT\",\"MT\",\"MT\";+CNMI=2,1");
    assert_eq!(bench.arrives("+15551230100", "one"), "+CMTI: \"MT\",1");
    assert_eq!(bench.arrives("+15551230100", "two"), "+CMTI: \"MT\",2");
    assert_eq!(bench.ask("AT+CMGD=2"), "OK");
    assert_eq!(bench.ask("AT+CMGD=?"), "+CMGD: (1),(0-4)|OK");
    assert_eq!(bench.ask("AT+CPMS=\"ME\""), "+CPMS: 0,1,1,2,1,2|OK");
}

#[test]
fn reports_come_when_they_were_asked_for() {
    // First octet 0x21: with TP-SRR.
    let asked = HELLO.replacen("0001", "0021", 1);
    for (ds, heard) in [(0, ""), (1, "+CDS: 25|"), (2, "+CDSI: \"SR\",1")] {
        let mut bench = Bench::generic();
        bench.ask(&format!("AT+CNMI=2,1,0,{ds}"));
        bench.ask("AT+CMGS=18");
        bench.say(format!("{HELLO}\x1a"));
        assert_eq!(bench.pass(Duration::ZERO), "");
        bench.ask("AT+CMGS=18");
        assert_eq!(lines(&bench.say(format!("{asked}\x1a"))), "+CMGS: 1|OK");
        let report = bench.pass(Duration::ZERO);
        assert!(
            report.starts_with(heard) && report.is_empty() == heard.is_empty(),
            "{report}"
        );
        if ds == 1 {
            // First octet, MR 1, RA: the report of the second text.
            assert!(report.contains("F906010B915155210301F0"), "{report}");
        }
    }
}

#[test]
fn reports_take_their_time() {
    let mut bench = Bench::new(Settings {
        reports: super::super::ReportPolicy {
            delay: Duration::from_secs(5),
            status: 0x41,
            ..Default::default()
        },
        ..Settings::default()
    });
    bench.ask("AT+CNMI=2,1,0,1");
    bench.ask("AT+CMGS=18");
    bench.say(format!("{}\x1a", HELLO.replacen("0001", "0021", 1)));
    assert_eq!(bench.pass(Duration::from_secs(4)), "");
    assert_eq!(
        bench.modem.next_deadline(),
        Some(bench.now + Duration::from_secs(1))
    );
    let report = bench.pass(Duration::from_secs(1));
    assert!(
        report.starts_with("+CDS: ") && report.ends_with("41"),
        "{report}"
    );
}

#[test]
fn a_text_to_ourselves_comes_back() {
    let mut bench = Bench::new(Settings {
        number: "+15551230100".to_owned(),
        ..Settings::default()
    });
    bench.ask("AT+CMGF=1;+CNMI=2,1");
    bench.ask("AT+CMGS=\"5551230100\"");
    let heard = lines(&bench.say("still here?\x1a"));
    assert_eq!(heard, "+CMGS: 0|OK|+CMTI: \"SM\",1");
    assert!(bench.ask("AT+CMGR=1").contains("\"+15551230100\",,"));
}

#[test]
fn three_wrong_pins_block_the_sim() {
    let mut bench = Bench::new(Settings {
        pin: Some("4711".to_owned()),
        ..Settings::default()
    });
    bench.ask("AT+CMEE=1");
    for (command, response) in [
        ("AT+CPIN?", "+CPIN: SIM PIN|OK"),
        ("AT+CMGL=4", "+CMS ERROR: 311"),
        ("AT+CIMI", "+CME ERROR: 11"),
        ("AT+CPIN=\"0000\"", "+CME ERROR: 16"),
        ("AT+CPIN=4711", "OK"),
        ("AT+CPIN?", "+CPIN: READY|OK"),
        ("AT+CMGL=4", "OK"),
        ("AT+CLCK=\"SC\",2", "+CLCK: 1|OK"),
        ("AT+CLCK=\"SC\",0,\"4711\"", "OK"),
        ("AT+CLCK=\"SC\",1,\"4711\"", "OK"),
    ] {
        assert_eq!(bench.ask(command), response, "{command}");
    }
    bench.modem.restart(bench.now);
    bench.ask("ATE0+CMEE=1");
    for (command, response) in [
        ("AT+CPIN=\"1\"", "+CME ERROR: 16"),
        ("AT+CPIN=\"2\"", "+CME ERROR: 16"),
        ("AT+CPIN=\"3\"", "+CME ERROR: 12"),
        ("AT+CPIN?", "+CPIN: SIM PUK|OK"),
        ("AT+CMGL=4", "+CMS ERROR: 316"),
        ("AT+CPIN=\"4711\"", "+CME ERROR: 12"),
        ("AT+CPIN=\"12345678\",\"0815\"", "OK"),
        ("AT+CPIN?", "+CPIN: READY|OK"),
    ] {
        assert_eq!(bench.ask(command), response, "{command}");
    }
}

#[test]
fn registration_is_told_to_who_asked() {
    let mut bench = Bench::generic();
    bench.ask("AT+CREG=1;+CEREG=2");
    for (registration, heard) in [
        (2, "+CREG: 2|+CEREG: 2"),
        (2, ""),
        (5, "+CREG: 5|+CEREG: 5,\"1A2B\",\"0012C3D4\",7"),
        (3, "+CREG: 3|+CEREG: 3"),
    ] {
        bench.modem.set_registration(registration);
        assert_eq!(bench.pass(Duration::ZERO), heard, "{registration}");
    }
    assert_eq!(bench.ask("AT+CSQ;+COPS?"), "+CSQ: 21,99|+COPS: 0|OK");
    bench.ask("AT+CMGS=18");
    assert_eq!(lines(&bench.say(format!("{HELLO}\x1a"))), "+CMS ERROR: 331");
    // Without service the text stays with the network.
    assert_eq!(bench.arrives("+15551230100", "hello"), "");
    bench.ask("AT+CNMI=2,1");
    bench.modem.set_registration(1);
    assert!(bench.pass(Duration::ZERO).ends_with("+CMTI: \"SM\",1"));
    assert!(bench.ask("AT+CFUN=4").starts_with("OK|+CREG: 0"));
    assert_eq!(bench.ask("AT+CFUN?;+CSQ"), "+CFUN: 4|+CSQ: 99,99|OK");
    assert!(bench.ask("AT+CFUN=1").starts_with("OK|+CREG: 1"));
}

#[test]
fn makers_differ() {
    for (profile, command, response) in [
        ("huawei-e3372", "AT+CPMS=\"SM\"", "+CMS ERROR: 302"),
        (
            "huawei-e3372",
            "AT+CPMS=\"SM\",\"SM\",\"SM\"",
            "+CPMS: 0,50,0,50,0,50|OK",
        ),
        ("huawei-e3372", "AT+NONSENSE", "COMMAND NOT SUPPORT"),
        (
            "huawei-e3372",
            "AT^ICCID?",
            "^ICCID: 8900101012345678909|OK",
        ),
        ("huawei-e3372", "AT^CPIN?", "^CPIN: READY,,10,3,10,3|OK"),
        ("quectel-ec25", "AT+CNMI=2,1,0,1,0", "+CMS ERROR: 303"),
        ("quectel-ec25", "AT+CNMI=2,1,0,2,0", "OK"),
        ("quectel-ec25", "AT+QCCID", "+QCCID: 8900101012345678909|OK"),
        ("quectel-ec25", "AT+QPINC?", "+QPINC: \"SC\",3,10|OK"),
        ("quectel-ec25", "AT+QURCCFG=\"urcport\",\"usbat\"", "OK"),
        ("quectel-ec25", "AT+CMGR=0", "OK"),
        (
            "simcom-sim7600",
            "AT+CPMS?",
            "+CPMS: \"ME\",0,23,\"ME\",0,23,\"ME\",0,23|OK",
        ),
        (
            "simcom-sim7600",
            "AT+CICCID",
            "+ICCID: 8900101012345678909|OK",
        ),
        ("simcom-sim800", "AT+CCID", "8900101012345678909|OK"),
        ("simcom-sim800", "AT+SPIC", "+SPIC: 3,3,10,10|OK"),
        ("generic", "AT+QCCID", "ERROR"),
    ] {
        assert_eq!(
            Bench::of(profile).ask(command),
            response,
            "{profile}: {command}"
        );
    }
    for (profile, heard) in [
        ("huawei-e3372", "\"SM\",0"),
        ("quectel-ec25", "\"ME\",0"),
        ("simcom-sim800", "\"SM\",1"),
    ] {
        let mut bench = Bench::of(profile);
        bench.ask("AT+CNMI=2,1,0,2,0");
        assert_eq!(
            bench.arrives("+15551230100", "hi"),
            format!("+CMTI: {heard}"),
            "{profile}"
        );
    }
}

#[test]
fn a_restart_forgets_settings_and_keeps_messages() {
    let mut bench = Bench::new(Settings {
        profile: Profile::named("simcom-sim800").unwrap(),
        boot_time: Duration::from_secs(3),
        sim_busy: Duration::from_secs(2),
        ..Settings::default()
    });
    bench.ask("AT+CMEE=1;+CNMI=2,1");
    bench.arrives("+15551230100", "kept");
    assert_eq!(bench.ask("AT+CFUN=1,1"), "OK");
    assert_eq!(bench.ask("AT"), "", "it is starting");
    assert_eq!(bench.pass(Duration::from_secs(3)), "RDY|+CFUN: 1");
    assert_eq!(
        bench.ask("ATE0+CMEE=1;+CPIN?"),
        "ATE0+CMEE=1;+CPIN?\r|+CME ERROR: 14"
    );
    assert_eq!(bench.ask("AT+CMGL=4"), "+CMS ERROR: 314");
    assert_eq!(
        bench.pass(Duration::from_secs(2)),
        "+CPIN: READY|Call Ready|SMS Ready"
    );
    assert_eq!(bench.ask("AT+CNMI?"), "+CNMI: 0,0,0,0,0|OK");
    assert!(bench.ask("AT+CMGL=4").starts_with("+CMGL: 1,0,,"));
}

#[test]
fn a_send_takes_its_time_and_codes_may_come_meanwhile() {
    let mut bench = Bench::new(Settings {
        send_latency: Duration::from_millis(100),
        ..Settings::default()
    });
    bench.ask("AT+CNMI=2,1");
    bench.ask("AT+CMGS=18");
    assert_eq!(bench.say(format!("{HELLO}\x1a")), "");
    assert_eq!(
        bench.arrives("+15551230100", "meanwhile"),
        "+CMTI: \"SM\",1"
    );
    // What is said meanwhile is heard afterwards.
    assert_eq!(bench.ask("AT+CSQ"), "");
    assert_eq!(bench.pass(Duration::from_millis(99)), "");
    assert_eq!(
        bench.pass(Duration::from_millis(1)),
        "+CMGS: 0|OK|+CSQ: 21,99|OK"
    );
}

#[test]
fn sends_fail_and_hang_as_told() {
    let mut bench = Bench::generic();
    bench.modem.fail_next_sends(&[38, 500]);
    bench
        .modem
        .network
        .refused_numbers
        .insert("+15551230109".to_owned(), 28);
    for response in ["+CMS ERROR: 38", "+CMS ERROR: 500", "+CMGS: 0|OK"] {
        bench.ask("AT+CMGS=18");
        assert_eq!(lines(&bench.say(format!("{HELLO}\x1a"))), response);
    }
    bench.ask("AT+CMGS=18");
    let other = HELLO.replacen("0301F0", "0301F9", 1);
    assert_eq!(lines(&bench.say(format!("{other}\x1a"))), "+CMS ERROR: 28");
    bench.modem.hold_result_of_next_send();
    bench.ask("AT+CMGS=18");
    assert_eq!(bench.say(format!("{HELLO}\x1a")), "");
    assert_eq!(bench.modem.network.submissions.len(), 2);
    assert_eq!(bench.ask("AT"), "OK");
}

#[test]
fn calls_ring_until_someone_hangs_up() {
    let mut bench = Bench::generic();
    bench.ask("AT+CLIP=1");
    bench.modem.call("+15551230100");
    assert_eq!(
        bench.pass(Duration::ZERO),
        "RING|+CLIP: \"+15551230100\",145,\"\",0,\"\",0"
    );
    assert_eq!(bench.ask("AT+CPAS"), "+CPAS: 3|OK");
    assert!(bench.pass(Duration::from_secs(5)).starts_with("RING"));
    assert_eq!(bench.ask("AT+CHUP"), "OK");
    assert_eq!(bench.pass(Duration::from_secs(60)), "");
    assert_eq!(bench.modem.next_deadline(), None);
}

#[test]
fn makers_chatter_unless_told_not_to() {
    let mut bench = Bench::new(Settings {
        profile: Profile::named("huawei-e3372").unwrap(),
        chatter_every: Some(Duration::from_secs(5)),
        ..Settings::default()
    });
    assert_eq!(bench.pass(Duration::from_secs(4)), "");
    assert_eq!(bench.pass(Duration::from_secs(1)), "^RSSI:21");
    assert!(bench.pass(Duration::from_secs(5)).starts_with("^HCSQ:"));
    assert_eq!(bench.ask("AT^CURC=0"), "OK");
    assert_eq!(bench.pass(Duration::from_secs(5)), "");
}

#[test]
fn faults_strike_where_they_should() {
    let only = |change: fn(&mut Faults)| {
        let mut faults = Faults::none();
        change(&mut faults);
        let mut bench = Bench::generic();
        bench.modem.set_faults(faults);
        bench
    };
    assert_eq!(only(|f| f.noise = 1.0).ask("AT+CSQ").split('|').count(), 3);
    assert_eq!(only(|f| f.no_final = 1.0).ask("AT+CSQ"), "+CSQ: 21,99");
    assert!(
        only(|f| f.garbage = 1.0)
            .ask("AT+CSQ")
            .ends_with("+CSQ: 21,99|OK")
    );
    let mut split = only(|f| f.split = 1.0);
    let mut whole = split.say("AT+CSQ\r");
    assert!(whole.len() < "\r\n+CSQ: 21,99\r\n\r\nOK\r\n".len());
    split.now += Duration::from_millis(5);
    whole.push_str(&split.heard());
    assert_eq!(whole, "\r\n+CSQ: 21,99\r\n\r\nOK\r\n");

    let mut prompt = only(|f| f.no_prompt = 1.0);
    assert_eq!(prompt.ask("AT+CMGS=18"), "");
    assert_eq!(lines(&prompt.say("\x1b")), "OK");

    let mut refused = only(|f| f.refused_yet_sent = 1.0);
    refused.ask("AT+CMGS=18");
    assert_eq!(
        lines(&refused.say(format!("{HELLO}\x1a"))),
        "+CMS ERROR: 500"
    );
    assert_eq!(refused.modem.network.submissions.len(), 1);

    let mut silent = only(|f| f.silence = 1.0);
    assert_eq!(silent.ask("AT"), "");
    silent.modem.set_faults(Faults::none());
    assert_eq!(silent.ask("AT"), "");
    silent.pass(Duration::from_secs(2));
    assert_eq!(silent.ask("AT"), "OK");

    let mut gone = only(|f| f.hang_up = 1.0);
    assert_eq!(gone.ask("AT"), "");
    assert_eq!(
        gone.modem.take_drop_port(gone.now),
        Some(Duration::from_secs(2))
    );

    let mut again = only(|f| f.redelivered = 0.5);
    again.arrives("+15551230100", "once");
    for _ in 0..20 {
        again.arrives("+15551230100", "more");
    }
    let stored = again.modem.messages(super::Mem::Sim);
    assert!(stored.len() > 21, "{}", stored.len());
}

#[test]
fn the_same_seed_and_the_same_commands_give_the_same_answers() {
    let story = |seed| {
        let mut bench = Bench::new(Settings {
            faults: Faults::everything(seed, 0.3),
            ..Settings::default()
        });
        let mut heard = String::new();
        for _ in 0..50 {
            heard.push_str(&bench.ask("AT+CSQ"));
            heard.push_str(&bench.pass(Duration::from_secs(3)));
        }
        heard
    };
    assert_eq!(story(11), story(11));
    assert_ne!(story(11), story(12));
}

#[test]
fn unread_output_is_bounded() {
    let mut bench = Bench::generic();
    for _ in 0..super::OUTPUT_MAX {
        if !bench.modem.can_receive() {
            break;
        }
        bench.modem.receive(b"AT+CPMS?\r", bench.now);
    }
    assert!(!bench.modem.can_receive());
    let mut output = Vec::new();
    bench.modem.take_output(&mut output, bench.now);
    assert!(output.len() < super::OUTPUT_MAX + 4_096);
    assert!(bench.modem.can_receive());
}

proptest::proptest! {
    #[test]
    fn nothing_said_can_upset_the_modem(
        octets in proptest::collection::vec(proptest::num::u8::ANY, 0..2_000),
        seed in proptest::num::u64::ANY,
    ) {
        let mut bench = Bench::new(Settings { faults: Faults::everything(seed, 0.2), ..Settings::default() });
        bench.say(&octets);
        bench.pass(Duration::from_secs(60));
    }

    /// Half-sensible lines reach further than noise does.
    #[test]
    fn no_command_can_upset_the_modem(
        lines in proptest::collection::vec(
            ("[+^&]?[A-Z]{1,4}(\\?|=\\?|=[0-9\",A-Z]{0,12})?(;\\+CMG[FLRDSWC]=[0-9]{1,4}(,[0-9\"]{0,4})?)?", "[0-9A-F\\x1a\\x1b\r]{0,60}"),
            0..20,
        ),
    ) {
        let mut bench = Bench::generic();
        bench.arrives("+15551230100", "hello");
        for (line, typed) in lines {
            bench.say(format!("AT{line}\r{typed}\x1a"));
        }
        bench.say("\x1b\r");
        bench.pass(Duration::from_secs(60));
    }

    #[test]
    fn nothing_from_the_air_can_upset_the_modem(
        pdu in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
        text_mode in proptest::bool::ANY,
        direct in proptest::bool::ANY,
    ) {
        let mut bench = Bench::generic();
        bench.ask(&format!("AT+CMGF={};+CSDH=1;+CNMI=2,{},0,1", u8::from(text_mode), 1 + u8::from(direct)));
        bench.modem.network.queue_pdu(pdu.clone(), false).unwrap();
        bench.pass(Duration::ZERO);
        let listed = bench.ask(if text_mode { "AT+CMGL=\"ALL\"" } else { "AT+CMGL=4" });
        if !text_mode && !bench.modem.messages(super::Mem::Sim).is_empty() {
            proptest::prop_assert!(listed.contains(&air::to_hex(&pdu)));
        }
    }
}
