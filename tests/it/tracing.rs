//! Transcripts: written while a desk works, masked, and played back to another desk.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use callnumber::simulator::Settings;
use callnumber::sms::{Pdu, Tpdu, UserData, hex, unhex};
use callnumber::trace::{Said, Trace, mask_pdu};
use serde_json::Value;

use crate::support::{Bench, Dice, Operator, PATIENCE, binary};

const PATRON: &str = "+15551234567";
const QUESTION: &str = "Is The Old Mill in? 📖";
const ANSWER: &str = "Yes. It waits for you at the desk until Friday.";

/// Changes the box's configuration.
fn configure(bench: &Bench, from: &str, to: &str) {
    let before = std::fs::read_to_string(bench.config()).unwrap();
    let after = before.replace(from, to);
    assert_ne!(before, after, "{from}");
    std::fs::write(bench.config(), after).unwrap();
}

fn read(file: &Path) -> (String, Trace) {
    let text = std::fs::read_to_string(file).unwrap();
    let trace = Trace::parse(&text).unwrap();
    (text, trace)
}

/// The operator answers the one text that is held, once its patron was told that nobody is there;
/// answers what was read.
async fn answer_held(ana: &Operator, answer: &str) -> String {
    let told = async {
        loop {
            if let [held] = ana.list("state=held").await.as_slice() {
                let messages = ana.messages(&held["id"]).await;
                if messages.iter().any(is_sent) {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.unwrap();
    let mut events = ana.api.events(None).await;
    ana.arrives().await;
    let offer = events.find(|event| event.name == "offer").await;
    let conversation = offer.data["conversation"].clone();
    let messages = ana.messages(&conversation).await;
    let texts: Vec<&Value> = messages
        .iter()
        .filter(|message| message["direction"] == "in")
        .collect();
    assert_eq!(texts.len(), 1, "{messages:?}");
    ana.replies(&conversation, answer, "reply")
        .await
        .expect(201);
    texts[0]["body"].as_str().unwrap().to_owned()
}

fn is_sent(message: &Value) -> bool {
    message["direction"] == "out" && (message["state"] == "sent" || message["state"] == "delivered")
}

/// `callnumber simulate --replay`, ended when a test ends early.
struct Player {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Player {
    fn new(trace: &Path, link: &Path, more: &[&str]) -> Self {
        let mut child = binary()
            .args(["simulate", "--replay"])
            .arg(trace)
            .arg("--link")
            .arg(link)
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("It is played on") {
            assert_ne!(output.read_line(&mut said).unwrap(), 0, "{said}");
        }
        Self { child, output }
    }

    /// Waits for its end: whether all went as before, and its report.
    fn report(mut self) -> (bool, String) {
        let mut report = String::new();
        self.output.read_to_string(&mut report).unwrap();
        (self.child.wait().unwrap().success(), report)
    }

    fn interrupted(self) -> (bool, String) {
        interrupt(self.child.id());
        self.report()
    }
}

fn interrupt(id: u32) {
    let mut kill = std::process::Command::new("kill");
    kill.args(["-INT", &id.to_string()]).status().unwrap();
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A desk on its first day, its modem a transcript; answers what its librarian read, and the
/// player's report.
///
/// With an answer, it plays to its end; without one, until the text was read.
async fn desk_on(trace: &Path, answer: Option<&str>) -> (String, (bool, String)) {
    let mut bench = Bench::new(Settings::default()).await;
    let link = bench.path().join("played");
    configure(&bench, "/modem\"", "/played\"");
    // Played out, and then quiet for less than two looks at the modem are apart.
    let player = Player::new(trace, &link, &["--until-quiet", "1s"]);
    let token = bench.add_operator("ana");
    let address = bench.start();
    let ana = Operator::new(address, &token);
    let read = answer_held(&ana, answer.unwrap_or("Thank you")).await;
    let id = player.child.id();
    if answer.is_none() {
        interrupt(id);
    }
    let mut report = tokio::task::spawn_blocking(|| player.report());
    let report = match tokio::time::timeout(PATIENCE, &mut report).await {
        Ok(report) => report,
        // It says what it still waits for.
        Err(_) => {
            interrupt(id);
            report.await
        }
    };
    assert!(bench.stop().success());
    (read, report.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_story_played_back_brings_the_same_text_to_another_desk() {
    let mut bench = Bench::new(Settings::default()).await;
    let file = bench.path().join("line.trace");
    configure(
        &bench,
        "per_day = 0\n",
        &format!(
            "per_day = 0\ntrace = \"{}\"\ntrace_unmasked = true\n",
            file.display()
        ),
    );
    let token = bench.add_operator("ana");
    let address = bench.start();
    bench.modem.patron_texts(PATRON, QUESTION).unwrap();
    // The patron is told that nobody is there.
    bench.modem.wait_until_sent(1, PATIENCE).await.unwrap();
    let ana = Operator::new(address, &token);
    assert_eq!(answer_held(&ana, ANSWER).await, QUESTION);
    bench.modem.wait_until_sent(2, PATIENCE).await.unwrap();
    bench.modem.wait_until_stored(0, PATIENCE).await.unwrap();
    assert!(bench.stop().success());

    let (text, trace) = read(&file);
    assert!(!trace.header.masked);
    assert!(text.ends_with("! the transcript ends\n"), "{text}");
    let (again, (faithful, report)) = desk_on(&file, Some(ANSWER)).await;
    assert_eq!(again, QUESTION);
    assert!(faithful, "{report}\n{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_masked_transcript_begins_and_ends_while_the_desk_works() {
    let mut bench = Bench::new(Settings::default()).await;
    let file = bench.path().join("line.trace");
    let token = bench.add_operator("ana");
    let address = bench.start();
    // Before it begins, and not in it.
    bench.modem.patron_texts("+15559876543", "Hello").unwrap();
    bench.modem.wait_until_sent(1, PATIENCE).await.unwrap();
    bench.modem.wait_until_stored(0, PATIENCE).await.unwrap();

    let started = bench.command(&["modem", "trace", "start", file.to_str().unwrap()]);
    assert!(started.status.success(), "{started:?}");
    assert!(String::from_utf8_lossy(&started.stdout).contains("masked"));
    let twice = bench.command(&["modem", "trace", "start", "/tmp/another"]);
    assert!(!twice.status.success());
    assert!(String::from_utf8_lossy(&twice.stderr).contains("stop that first"));
    let status = bench.command(&["status", "--json"]);
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["lines"][0]["traced_to"], file.to_str().unwrap());

    bench.modem.patron_texts(PATRON, QUESTION).unwrap();
    bench.modem.wait_until_sent(2, PATIENCE).await.unwrap();
    let asked = bench.command(&["modem", "ussd", "*100#"]);
    assert!(String::from_utf8_lossy(&asked.stdout).contains("12.34"));
    bench.modem.wait_until_stored(0, PATIENCE).await.unwrap();
    let stopped = bench.command(&["modem", "trace", "stop"]);
    assert!(stopped.status.success(), "{stopped:?}");
    let idle = bench.command(&["modem", "trace", "stop"]);
    assert!(String::from_utf8_lossy(&idle.stderr).contains("not being traced"));
    bench
        .modem
        .patron_texts("+15559876543", "Too late")
        .unwrap();
    bench.modem.wait_until_stored(0, PATIENCE).await.unwrap();
    drop((token, address));
    assert!(bench.stop().success());

    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (text, trace) = read(&file);
    assert!(trace.header.masked);
    assert!(trace.header.modem.is_some(), "what the modem is is known");
    nothing_of_anybody(&text, &trace);
    for kept in [
        ";+CMGL=4\\r",
        "AT+CGMM\\r",
        "+CMTI: \"SM\"",
        "AT+CUSD=1,\"*000#\"",
        "+CMGS: ",
    ] {
        assert!(text.contains(kept), "{kept}\n{text}");
    }

    // It can be played, and then a text of the same length arrives.
    let (masked, _) = desk_on(&file, None).await;
    assert_eq!(
        masked.encode_utf16().count(),
        QUESTION.encode_utf16().count()
    );
    assert!(!masked.contains("Mill"));
}

/// Neither as it stands nor in a PDU's digits.
fn nothing_of_anybody(text: &str, trace: &Trace) {
    for number in [
        PATRON,
        "+15550100000",
        "+15550109999",
        "490154203237518",
        "001010123456789",
        "8900101012345678909",
    ] {
        let digits = number.trim_start_matches('+');
        assert!(!text.contains(digits), "{number}\n{text}");
        let swapped: String = format!("{digits}F")
            .as_bytes()
            .chunks_exact(2)
            .map(|pair| format!("{}{}", char::from(pair[1]), char::from(pair[0])))
            .collect();
        assert!(!text.contains(&swapped), "{number}\n{text}");
    }
    let mut shown = BTreeSet::new();
    for record in &trace.records {
        let Said::Octets(_, octets) = &record.said else {
            continue;
        };
        for line in octets.split(|octet| matches!(octet, b'\r' | b'\n' | 0x1A)) {
            if line.len() > 28
                && let Some(Ok(pdu)) = unhex(line).map(|octets| Pdu::decode(&octets))
            {
                let words = match &pdu.tpdu {
                    Tpdu::Deliver(deliver) => deliver.user_data.text(),
                    Tpdu::Submit(submit) => submit.user_data.text(),
                    Tpdu::StatusReport(_) => None,
                };
                shown.extend(words);
            }
        }
    }
    assert!(!shown.is_empty(), "the PDUs can still be read");
    for words in &shown {
        let harmless = |c: char| matches!(c, 'x' | '€' | '\u{1F600}');
        assert!(words.chars().all(harmless), "{words}");
    }
    for word in ["Mill", "library", "Balance", "12.34"] {
        assert!(!text.contains(word), "{word}\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_does_otherwise_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("t.trace");
    std::fs::write(
        &trace,
        "callnumber trace 1\nmodem: Wavecom\n\n# from a letter\n0.0 > AT\\r\n0.1 < \\r\\nOK\\r\\n\n\
         0.2 > AT+CMGD=1\\r\n0.3 < \\r\\nOK\\r\\n\n",
    )
    .unwrap();
    let link = folder.path().join("played");
    let player = Player::new(&trace, &link, &["--speed", "10"]);
    let mut port =
        tokio_serial::SerialStream::open(&tokio_serial::new(link.to_string_lossy(), 115_200))
            .unwrap();
    let mut said = Vec::new();
    tokio::time::timeout(PATIENCE, async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt as _};
        port.write_all(b"AT\rAT+CGMI\r").await.unwrap();
        let mut buffer = [0; 64];
        while !said.ends_with(b"ERROR\r\n") {
            let count = AsyncReadExt::read(&mut port, &mut buffer).await.unwrap();
            said.extend_from_slice(&buffer[..count]);
        }
    })
    .await
    .unwrap();
    assert_eq!(said, b"\r\nOK\r\n\r\nERROR\r\n");
    let (faithful, report) = player.interrupted();
    assert!(!faithful);
    for words in [
        "AT+CGMI is not in the transcript",
        "AT+CMGD=1 is in the transcript",
    ] {
        assert!(report.contains(words), "{report}");
    }

    // What cannot be played says why.
    std::fs::write(&trace, "callnumber trace 1\n\n0.0 < OK\nnonsense\n").unwrap();
    for (file, words) in [
        (trace.as_path(), "line 4"),
        (Path::new("/no/such"), "cannot read"),
    ] {
        let refused = binary()
            .args(["simulate", "--replay"])
            .arg(file)
            .output()
            .unwrap();
        let error = String::from_utf8(refused.stderr).unwrap();
        assert!(
            !refused.status.success() && error.contains(words),
            "{error}"
        );
    }
}

/// The PDUs of the table, and a few thousand that were damaged: masked, each still decodes to the
/// same shape, or fails in the same way.
#[test]
fn masked_pdus_keep_their_shape() {
    let mut pdus = Vec::new();
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pdus")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for line in text.lines().filter(|line| line.starts_with('{')) {
            let row: Value = serde_json::from_str(line).unwrap();
            pdus.extend(row["pdu"].as_str().and_then(|pdu| unhex(pdu.as_bytes())));
        }
    }
    assert!(pdus.len() > 40, "the table has gone missing");
    let mut dice = Dice(7);
    let whole = pdus.len();
    for _ in 0..5_000 {
        let mut pdu = pdus[usize::try_from(dice.roll(whole as u64)).unwrap()].clone();
        if pdu.is_empty() {
            continue;
        }
        for _ in 0..=dice.roll(2) {
            let at = usize::try_from(dice.roll(pdu.len() as u64)).unwrap();
            match dice.roll(3) {
                0 => pdu.truncate(at.max(1)),
                1 => pdu[at] ^= 1 << dice.roll(8),
                _ => pdu[at] = u8::try_from(dice.roll(256)).unwrap(),
            }
        }
        pdus.push(pdu);
    }
    for pdu in pdus {
        let mut masked = pdu.clone();
        mask_pdu(&mut masked);
        assert_eq!(masked.len(), pdu.len());
        let shapes = [&pdu, &masked].map(|octets| Pdu::decode(octets).map(|pdu| shape(&pdu)));
        assert_eq!(shapes[0], shapes[1], "{}\n{}", hex(&pdu), hex(&masked));
    }
}

/// Everything that masking is to leave.
fn shape(pdu: &Pdu) -> Vec<String> {
    let address = |address: &callnumber::sms::Address| {
        format!(
            "{:?} {:?} {}",
            address.type_of_number(),
            address.is_name(),
            address.to_string().chars().count()
        )
    };
    let user_data = |data: &UserData| {
        let header = data.header().map(|header| {
            let mut elements = Vec::new();
            let mut rest = header.octets();
            while let [id, length, behind @ ..] = rest {
                elements.push((*id, *length));
                rest = behind.get(usize::from(*length)..).unwrap_or_default();
            }
            (
                header.octets().len(),
                elements,
                data.concat(),
                data.ports(),
                data.is_mms_notice(),
            )
        });
        let body = match data.body() {
            callnumber::sms::Body::Septets(septets) => {
                let escapes = septets.iter().filter(|septet| **septet == 0x1B).count();
                format!("{} septets, {escapes} escapes", septets.len())
            }
            callnumber::sms::Body::Ucs2(octets) => format!("{} octets of UCS2", octets.len()),
            callnumber::sms::Body::Octets(octets) => format!("{} octets", octets.len()),
        };
        format!("{header:?} {body}")
    };
    let smsc = pdu.smsc.as_ref().map(address);
    let tpdu = match &pdu.tpdu {
        Tpdu::Deliver(d) => vec![
            format!(
                "{} {} {} {}",
                d.more_messages, d.loop_prevention, d.reply_path, d.status_report_indication
            ),
            address(&d.originator),
            format!("{:?} {:?} {}", d.pid, d.coding, d.timestamp),
            user_data(&d.user_data),
        ],
        Tpdu::Submit(s) => vec![
            format!(
                "{} {} {} {}",
                s.reject_duplicates, s.reply_path, s.status_report_request, s.message_reference
            ),
            address(&s.destination),
            format!("{:?} {:?} {:?}", s.pid, s.coding, s.validity),
            user_data(&s.user_data),
        ],
        Tpdu::StatusReport(r) => vec![
            format!(
                "{} {} {} {}",
                r.more_messages, r.loop_prevention, r.to_command, r.message_reference
            ),
            address(&r.recipient),
            format!(
                "{} {} {:?} {:?} {:?}",
                r.timestamp, r.discharge, r.status, r.pid, r.coding
            ),
            r.user_data.as_ref().map(user_data).unwrap_or_default(),
        ],
    };
    std::iter::once(format!("{smsc:?}")).chain(tpdu).collect()
}
