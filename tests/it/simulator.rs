//! The simulated modem over its pseudo-terminal, as any program meets it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use callnumber::simulator::{
    Faults, Parts, Profile, ReportPolicy, Settings, SimulatedModem, Timestamp, air,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_serial::SerialStream;

/// Far longer than anything here takes; only a failure waits it out.
const PATIENCE: Duration = Duration::from_secs(10);

/// A program at the other end of the port.
struct Terminal {
    port: SerialStream,
    heard: Vec<u8>,
}

impl Terminal {
    fn open(path: &Path) -> Self {
        let builder = tokio_serial::new(path.to_str().unwrap(), 115_200);
        Self {
            port: SerialStream::open(&builder).unwrap(),
            heard: Vec::new(),
        }
    }

    async fn say(&mut self, octets: impl AsRef<[u8]>) {
        self.port.write_all(octets.as_ref()).await.unwrap();
    }

    /// Reads until `end` has come, and returns everything up to it.
    async fn hear(&mut self, end: &str) -> String {
        let heard = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(at) = find(&self.heard, end.as_bytes()) {
                    let rest = self.heard.split_off(at + end.len());
                    return String::from_utf8(std::mem::replace(&mut self.heard, rest)).unwrap();
                }
                let mut chunk = [0; 4096];
                let count = self.port.read(&mut chunk).await.unwrap();
                assert!(count > 0, "the port closed before {end:?}");
                self.heard.extend(&chunk[..count]);
            }
        });
        match heard.await {
            Ok(heard) => heard,
            Err(_) => panic!(
                "{end:?} did not come, only {:?}",
                String::from_utf8_lossy(&self.heard)
            ),
        }
    }

    /// A command and its response up to `OK`.
    async fn ask(&mut self, command: &str) -> String {
        self.say(format!("{command}\r")).await;
        self.hear("\r\nOK\r\n").await
    }

    /// What is left when the port has gone.
    async fn hear_the_end(&mut self) {
        tokio::time::timeout(PATIENCE, async {
            let mut chunk = [0; 4096];
            while self
                .port
                .read(&mut chunk)
                .await
                .is_ok_and(|count| count > 0)
            {}
        })
        .await
        .expect("the port should have gone away");
    }
}

fn find(all: &[u8], part: &[u8]) -> Option<usize> {
    all.windows(part.len()).position(|window| window == part)
}

#[tokio::test]
async fn it_remembers_what_it_was_asked() {
    let settings = Settings {
        command_latency: Duration::from_millis(20),
        ..Settings::default()
    };
    let modem = SimulatedModem::start(settings).await.unwrap();
    let mut terminal = Terminal::open(&modem.port());
    let began = Instant::now();
    for command in ["ATE0", "at+csq", "AT+NONSENSE=1"] {
        terminal.say(format!("{command}\r")).await;
        terminal.hear("\r\n").await;
        let end = if command.contains("NONSENSE") {
            "ERROR\r\n"
        } else {
            "OK\r\n"
        };
        terminal.hear(end).await;
    }
    let heard = modem.heard();
    let lines: Vec<&str> = heard.iter().map(|heard| heard.line.as_str()).collect();
    assert_eq!(lines, ["E0", "+csq", "+NONSENSE=1"]);
    assert_eq!(modem.heard_count(), 3);
    // Each was heard before it was answered, and after the one before was.
    let mut before = began;
    for heard in &heard {
        assert!(heard.at >= before, "{heard:?}");
        before = heard.at + Duration::from_millis(20);
    }
    assert!(before <= Instant::now());
}

#[tokio::test]
async fn a_text_in_and_a_text_out() {
    let modem = SimulatedModem::start(Settings::default()).await.unwrap();
    let mut terminal = Terminal::open(&modem.port());
    assert_eq!(terminal.ask("ATE0").await, "ATE0\r\r\nOK\r\n");
    assert_eq!(
        terminal.ask("AT+CMGF=0;+CNMI=2,1,0,0,0").await,
        "\r\nOK\r\n"
    );

    modem
        .patron_texts("+15551230100", "Is my book in?")
        .unwrap();
    assert_eq!(
        terminal.hear("+CMTI: \"SM\",1\r\n").await,
        "\r\n+CMTI: \"SM\",1\r\n"
    );
    let listed = terminal.ask("AT+CMGL=4").await;
    assert!(listed.starts_with("\r\n+CMGL: 1,0,,"), "{listed}");
    assert!(
        terminal
            .ask("AT+CMGL=4")
            .await
            .starts_with("\r\n+CMGL: 1,1,,")
    );
    terminal.ask("AT+CMGD=1").await;
    assert!(modem.stored().is_empty());

    // TS 23.040 §9.2.2.2: first octet, MR, DA +15551230100, PID, DCS, UDL, "hello".
    terminal.say("AT+CMGS=18\r").await;
    terminal.hear("> ").await;
    terminal
        .say("0001000B915155210301F0000005E8329BFD06\x1a")
        .await;
    assert_eq!(terminal.hear("OK\r\n").await, "\r\n+CMGS: 0\r\n\r\nOK\r\n");
    let sent = modem.wait_until_sent(1, PATIENCE).await.unwrap();
    assert_eq!(
        (sent[0].to.as_str(), sent[0].text.as_str()),
        ("+15551230100", "hello")
    );
}

#[tokio::test]
async fn unplugging_ends_the_port_and_the_link_and_replugging_brings_both_back() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("modem");
    let modem = SimulatedModem::start(Settings {
        link: Some(link.clone()),
        ..Settings::default()
    })
    .await
    .unwrap();
    let mut terminal = Terminal::open(&link);
    terminal.ask("AT").await;
    modem.unplug().await;
    terminal.hear_the_end().await;
    assert!(std::fs::symlink_metadata(&link).is_err());

    modem
        .deliver_parts("+15551230100", &"book ".repeat(60), &Parts::default())
        .unwrap();
    modem.replug().await.unwrap();
    let mut terminal = Terminal::open(&link);
    terminal.ask("ATE0").await;
    assert!(terminal.ask("AT+CPMS?").await.contains("\"SM\",2,50"));
    drop(modem);
    terminal.hear_the_end().await;
}

/// A PDU that asks +15551230100 for "hello", with TP-SRR or without.
fn hello(report: bool) -> String {
    let first = if report { "21" } else { "01" };
    format!("00{first}000B915155210301F0000005E8329BFD06\x1a")
}

async fn ready(settings: Settings) -> (SimulatedModem, Terminal) {
    let modem = SimulatedModem::start(settings).await.unwrap();
    let mut terminal = Terminal::open(&modem.port());
    terminal.ask("ATE0").await;
    terminal.ask("AT+CMGF=0;+CMEE=1;+CNMI=2,1,0,1,0").await;
    (modem, terminal)
}

#[tokio::test]
async fn programs_come_and_go_and_the_modem_stays() {
    let modem = SimulatedModem::start(Settings::default()).await.unwrap();
    for _ in 0..20 {
        let mut terminal = Terminal::open(&modem.port());
        terminal.say("\rAT+GMM\r").await;
        terminal.hear("\r\nSimulated modem\r\n\r\nOK\r\n").await;
        // Leaves with an answer unread and a command half said.
        terminal.say("AT+CMGL=4\rAT+C").await;
    }
    let mut terminal = Terminal::open(&modem.port());
    terminal.say("\rATE0+GMM\r").await;
    terminal.hear("\r\nSimulated modem\r\n\r\nOK\r\n").await;
    modem.patron_texts("+15551230100", "still there?").unwrap();
    modem.wait_until_stored(1, PATIENCE).await.unwrap();
    assert!(terminal.ask("AT+CMGL=4").await.contains("+CMGL: 1,0,,"));
}

#[tokio::test]
async fn a_program_started_meanwhile_does_not_hold_the_port() {
    let modem = SimulatedModem::start(Settings::default()).await.unwrap();
    let mut terminal = Terminal::open(&modem.port());
    terminal.ask("AT").await;
    let mut child = Command::new("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    modem.unplug().await;
    terminal.hear_the_end().await;
    drop(child.stdin.take());
    child.wait().unwrap();
}

#[tokio::test]
async fn long_texts_come_in_the_order_the_seed_says_with_their_stamp() {
    let (modem, mut terminal) = ready(Settings::default()).await;
    let text = "Every shelf has its own smell. ".repeat(12);
    let stamp = Timestamp {
        unix: 1_709_338_951,
        zone_quarters: -24,
    };
    let parts = Parts {
        wide_reference: true,
        reference: Some(0x1234),
        shuffle: Some(3),
        stamp: Some(stamp),
        without: vec![2],
        ..Parts::default()
    };
    let ids = modem.deliver_parts("+15551230100", &text, &parts).unwrap();
    modem.wait_until_stored(ids.len(), PATIENCE).await.unwrap();
    let mut sequences = Vec::new();
    for message in modem.stored() {
        let (_, tpdu) = air::take_service_centre(&message.pdu).unwrap();
        let (_, deliver) = air::Deliver::decode(tpdu).unwrap();
        assert_eq!(deliver.scts, stamp.encode());
        let part = deliver.user_data.concatenation().unwrap();
        assert_eq!((part.reference, part.wide, part.total), (0x1234, true, 3));
        sequences.push(part.sequence);
    }
    sequences.sort_unstable();
    assert_eq!(sequences, [1, 3]);
    assert!(terminal.ask("AT+CMGL=4").await.contains("08041234"));
}

#[tokio::test]
async fn an_unreadable_pdu_arrives_as_it_is() {
    let (modem, mut terminal) = ready(Settings::default()).await;
    assert_eq!(modem.deliver_pdu("not hexadecimal").unwrap(), None);
    modem.deliver_pdu("00FFFFFF").unwrap();
    terminal.hear("+CMTI: \"SM\",1\r\n").await;
    assert!(
        terminal
            .ask("AT+CMGL=4")
            .await
            .contains("+CMGL: 1,0,,3\r\n00FFFFFF\r\n")
    );
}

#[tokio::test]
async fn reports_come_late_by_themselves_or_when_told() {
    let (modem, mut terminal) = ready(Settings::default()).await;
    modem.set_reports(ReportPolicy {
        automatic: false,
        ..ReportPolicy::default()
    });
    terminal.say("AT+CMGS=18\r").await;
    terminal.hear("> ").await;
    terminal.say(hello(true)).await;
    terminal.hear("+CMGS: 0\r\n\r\nOK\r\n").await;
    let taken = modem.submissions();
    assert_eq!((taken.len(), taken[0].message_reference), (1, 0));
    assert!(!modem.report(99, 0).unwrap());
    assert!(modem.report(taken[0].number, 0x41).unwrap());
    assert!(terminal.hear("41\r\n").await.contains("+CDS: 25\r\n"));
    assert_eq!(modem.report_withheld(0).unwrap(), 0, "it has its report");
    terminal.say("AT+CMGS=18\r").await;
    terminal.hear("> ").await;
    terminal.say(hello(true)).await;
    terminal.hear("OK\r\n").await;
    assert_eq!(modem.report_withheld(0).unwrap(), 1);
    terminal.hear("+CDS: 25\r\n").await;
    assert_eq!(modem.report_withheld(0).unwrap(), 0, "each once");
    modem.set_reports(ReportPolicy {
        delay: Duration::from_millis(20),
        ..ReportPolicy::default()
    });
    let before = Instant::now();
    terminal.say("AT+CMGS=18\r").await;
    terminal.hear("> ").await;
    terminal.say(hello(true)).await;
    terminal.hear("+CDS: 25\r\n").await;
    assert!(before.elapsed() >= Duration::from_millis(20));
}

#[tokio::test]
async fn a_held_result_never_comes_and_the_text_was_sent() {
    let (modem, mut terminal) = ready(Settings::default()).await;
    modem.hold_result_of_next_send();
    terminal.say("AT+CMGS=18\r").await;
    terminal.hear("> ").await;
    terminal.say(hello(false)).await;
    let sent = modem.next_sent(PATIENCE).await.unwrap();
    assert_eq!(sent.text, "hello");
    assert_eq!(terminal.ask("AT").await, "\r\nOK\r\n");
    let never = modem.next_sent(Duration::from_millis(10)).await;
    assert!(never.unwrap_err().to_string().contains("sending text 2"));
}

#[tokio::test]
async fn a_usb_modem_leaves_the_port_while_it_restarts() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("modem");
    let modem = SimulatedModem::start(Settings {
        profile: Profile::named("quectel-ec25").unwrap(),
        link: Some(link.clone()),
        boot_time: Duration::from_millis(20),
        ..Settings::default()
    })
    .await
    .unwrap();
    let mut terminal = Terminal::open(&link);
    terminal.ask("ATE0").await;
    assert_eq!(terminal.ask("AT+CFUN=1,1").await, "\r\nOK\r\n");
    terminal.hear_the_end().await;
    let is_back = |modem: &SimulatedModem| !modem.port().as_os_str().is_empty();
    modem
        .wait_for("the port's return", PATIENCE, is_back)
        .await
        .unwrap();
    let mut terminal = Terminal::open(&link);
    terminal.ask("ATE0").await;
}

#[tokio::test]
async fn a_port_that_hangs_up_comes_back() {
    let (modem, mut terminal) = ready(Settings::default()).await;
    let before = modem.port();
    modem.set_faults(Faults {
        hang_up: 1.0,
        pause: Duration::from_millis(10),
        ..Faults::none()
    });
    terminal.say("AT\r").await;
    terminal.hear_the_end().await;
    modem.set_faults(Faults::none());
    let is_back = |modem: &SimulatedModem| !modem.port().as_os_str().is_empty();
    modem
        .wait_for("the port's return", PATIENCE, is_back)
        .await
        .unwrap();
    drop(terminal);
    let mut terminal = Terminal::open(&modem.port());
    terminal.ask("AT").await;
    drop(before);
}

#[tokio::test]
async fn a_bit_rate_is_kept() {
    let (modem, mut terminal) = ready(Settings {
        baud: Some(57_600),
        ..Settings::default()
    })
    .await;
    for _ in 0..10 {
        modem
            .patron_texts("+15551230100", &"a".repeat(160))
            .unwrap();
    }
    modem.wait_until_stored(10, PATIENCE).await.unwrap();
    let before = Instant::now();
    let listed = terminal.ask("AT+CMGL=4").await;
    // Ten bits an octet; a chunk of 32 may be on its way ahead of the clock.
    let wire = Duration::from_secs_f64((listed.len() - 64) as f64 * 10.0 / 57_600.0);
    assert!(
        before.elapsed() >= wire,
        "{:?} for {wire:?}",
        before.elapsed()
    );
}

#[tokio::test]
async fn only_a_link_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("modem");
    std::fs::write(&link, "somebody's").unwrap();
    let settings = Settings {
        link: Some(link.clone()),
        ..Settings::default()
    };
    let refused = SimulatedModem::start(settings.clone()).await.unwrap_err();
    assert!(refused.to_string().contains("is no link"), "{refused}");
    assert_eq!(std::fs::read_to_string(&link).unwrap(), "somebody's");
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("/nowhere", &link).unwrap();
    let modem = SimulatedModem::start(settings).await.unwrap();
    assert_eq!(std::fs::read_link(&link).unwrap(), modem.port());
}

/// Under faults a program has to ask again; afterwards the modem is as sound as before.
#[tokio::test]
async fn a_modem_in_disorder_recovers() {
    for seed in 1..=3 {
        let (modem, terminal) = ready(Settings {
            capacity: Some(1_000),
            ..Settings::default()
        })
        .await;
        modem.set_faults(Faults {
            pause: Duration::from_millis(2),
            piece_gap: Duration::from_millis(1),
            ..Faults::everything(seed, 0.5)
        });
        let mut terminal = Some(terminal);
        for number in 0..60 {
            modem
                .patron_texts("+15551230100", &format!("text {number}"))
                .unwrap();
            let is_there = |modem: &SimulatedModem| !modem.port().as_os_str().is_empty();
            modem
                .wait_for("the port's return", PATIENCE, is_there)
                .await
                .unwrap();
            let mut open = match terminal.take() {
                Some(open) => open,
                None => Terminal::open(&modem.port()),
            };
            // Whatever comes back, or nothing: a port that went is opened again next time.
            let said = open.port.write_all(b"\x1b\rAT+CMGL=4\r").await.is_ok();
            let mut chunk = [0; 4096];
            let read =
                tokio::time::timeout(Duration::from_millis(5), open.port.read(&mut chunk)).await;
            if said && !matches!(read, Ok(Ok(0) | Err(_))) {
                terminal = Some(open);
            }
        }
        modem.set_faults(Faults::none());
        modem.power_cycle();
        let everything = |modem: &SimulatedModem| modem.waiting() == 0;
        modem
            .wait_for("the last delivery", PATIENCE, everything)
            .await
            .unwrap();
        // No text is lost between the network and the memory, whatever happened on the port.
        let stored = modem.stored();
        for number in 0..60 {
            let words = format!("text {number}");
            let found = stored.iter().any(|message| {
                let (_, tpdu) = air::take_service_centre(&message.pdu).unwrap();
                let (_, deliver) = air::Deliver::decode(tpdu).unwrap();
                deliver.user_data.to_text().as_deref() == Some(&words)
            });
            assert!(found, "seed {seed}: {words} was lost");
        }
    }
}
