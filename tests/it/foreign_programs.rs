//! Programs that nobody here wrote drive `callnumber simulate`: gammu, and smstools' smsd.
//!
//! They are demanding guests: what they expect of a modem comes from twenty years of real ones.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tempfile::TempDir;

/// Longer than any of these programs dawdles; only a failure waits it out.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program of the system, or a sentence that says how to get it.
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/bin")])
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file())
        .unwrap_or_else(|| {
            panic!("{name} is not installed: run tests/run, which installs what the tests need")
        })
}

/// Runs to the end, or fails when that takes too long.
fn finish(command: &mut Command) -> Output {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let group = child.id();
    let (sender, receiver) = channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    match receiver.recv_timeout(PATIENCE) {
        Ok(output) => output.unwrap(),
        Err(_) => {
            signal_group("KILL", group);
            panic!("{command:?} did not end within {PATIENCE:?}");
        }
    }
}

fn signal_group(signal: &str, group: u32) {
    let _ = Command::new("kill")
        .args(["-s", signal, "--", &format!("-{group}")])
        .status();
}

/// The lines of a stream, each waited for no longer than it may take.
fn lines_of(stream: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// `callnumber simulate` as a process of its own.
struct Simulator {
    directory: TempDir,
    process: Child,
    control: UnixStream,
    answers: BufReader<UnixStream>,
}

impl Simulator {
    fn start(arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let control = directory.path().join("control");
        let mut process = Command::new(env!("CARGO_BIN_EXE_callnumber"))
            .arg("simulate")
            .arg("--link")
            .arg(directory.path().join("modem"))
            .arg("--control")
            .arg(&control)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output: ChildStdout = process.stdout.take().unwrap();
        let greeting = lines_of(output).recv_timeout(PATIENCE).unwrap();
        assert!(greeting.contains("answers AT on"), "{greeting}");
        let control = UnixStream::connect(control).unwrap();
        control.set_read_timeout(Some(PATIENCE)).unwrap();
        let answers = BufReader::new(control.try_clone().unwrap());
        Self {
            directory,
            process,
            control,
            answers,
        }
    }

    fn port(&self) -> PathBuf {
        self.directory.path().join("modem")
    }

    fn file(&self, name: &str, contents: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, contents).unwrap();
        path
    }

    /// A line to the console, and the lines it answers with.
    fn ask(&mut self, line: &str) -> Vec<String> {
        self.control
            .write_all(format!("{line}\n").as_bytes())
            .unwrap();
        let mut answer = Vec::new();
        loop {
            let mut line = String::new();
            self.answers.read_line(&mut line).unwrap();
            match line.trim_end() {
                "ok" => return answer,
                "" => panic!("the simulator is gone"),
                words if words.starts_with("error:") => panic!("{words}"),
                words => answer.push(words.to_owned()),
            }
        }
    }

    fn gammu(&self, arguments: &[&str]) -> String {
        let configuration = self.file(
            "gammurc",
            &format!(
                "[gammu]\ndevice = {}\nconnection = at115200\nlogfile = {}\nlogformat = textalldate\n",
                self.port().display(),
                self.directory.path().join("gammu.log").display()
            ),
        );
        let output = finish(
            Command::new(program("gammu"))
                .arg("-c")
                .arg(configuration)
                .args(arguments)
                .env("LC_ALL", "C.UTF-8"),
        );
        let words = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "gammu {arguments:?} failed: {words}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        words
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn gammu_knows_the_modem() {
    for (profile, maker) in [
        ("generic", "callnumber"),
        ("huawei-e3372", "Huawei"),
        ("quectel-ec25", "Quectel"),
        ("simcom-sim7600", "SIMCOM"),
        ("simcom-sim800", "SIMCOM"),
    ] {
        let simulator = Simulator::start(&["--profile", profile]);
        let identity = simulator.gammu(&["identify"]);
        for fact in [maker, "490154203237518", "001010123456789"] {
            assert!(
                identity.to_lowercase().contains(&fact.to_lowercase()),
                "{profile} should show {fact}: {identity}"
            );
        }
    }
}

#[test]
fn gammu_reads_and_deletes_what_came() {
    let mut simulator = Simulator::start(&[]);
    simulator.ask("text +15551230100 Is my book in?");
    simulator.ask("text +15551230101 Grüße aus Köln 😀");
    let long = "Every shelf has its own smell. ".repeat(12);
    simulator.ask(&format!("shuffled +15551230102 {}", long.trim()));

    let all = simulator.gammu(&["geteachsms"]);
    for part in [
        "Is my book in?",
        "\"+15551230100\"",
        "Grüße aus Köln 😀",
        "\"+15551230101\"",
        long.trim(),
        "\"+15551230102\"",
        "\"+15550109999\"",
    ] {
        assert!(all.contains(part), "{part:?} is missing: {all}");
    }
    assert!(all.contains("5 SMS parts in 3 SMS sequences"), "{all}");

    assert_eq!(simulator.ask("stored").len(), 5);
    simulator.gammu(&["deletesms", "1", "2"]);
    let left = simulator.ask("stored");
    assert_eq!(left.len(), 4);
    assert!(
        !left.iter().any(|message| message.starts_with("SM 2 ")),
        "{left:?}"
    );
    simulator.gammu(&["deleteallsms", "1"]);
    assert!(simulator.ask("stored").is_empty());
}

#[test]
fn gammu_sends_plain_unicode_and_long_texts() {
    let mut simulator = Simulator::start(&["--send-latency", "20ms"]);
    let long = "Your book is on the hold shelf. ".repeat(12);
    let long = long.trim();
    for arguments in [
        vec!["-text", "Yes, it is."],
        vec!["-unicode", "-text", "Ja: Grüße 😀 привет"],
        vec!["-len", "400", "-text", long],
        vec!["-report", "-text", "Did you get it? {[€]}"],
    ] {
        let mut all = vec!["sendsms", "TEXT", "+15551230100"];
        all.extend(arguments);
        let words = simulator.gammu(&all);
        assert!(words.contains("OK, message reference="), "{words}");
    }
    let sent = simulator.ask("sent");
    assert_eq!(
        sent,
        [
            "+15551230100 Yes, it is.".to_owned(),
            "+15551230100 Ja: Grüße 😀 привет".to_owned(),
            format!("+15551230100 {long}"),
            "+15551230100 Did you get it? {[€]}".to_owned(),
        ]
    );
    let references: Vec<String> = simulator
        .ask("submissions")
        .iter()
        .map(|line| line.split(' ').nth(3).unwrap().to_owned())
        .collect();
    assert_eq!(references, ["0", "1", "2", "3", "4", "5"]);
}

#[test]
fn gammu_is_told_when_the_network_refuses() {
    let mut simulator = Simulator::start(&[]);
    simulator.ask("fail 38");
    let configuration = simulator.file(
        "gammurc",
        &format!(
            "[gammu]\ndevice = {}\nconnection = at115200\n",
            simulator.port().display()
        ),
    );
    let output = finish(
        Command::new(program("gammu"))
            .arg("-c")
            .arg(configuration)
            .args(["sendsms", "TEXT", "+15551230100", "-text", "lost"]),
    );
    let words = String::from_utf8_lossy(&output.stdout);
    assert!(words.contains("error 38"), "{words}");
    assert!(simulator.ask("sent").is_empty());
}

/// smstools' daemon in the foreground, with a directory of its own.
struct Smsd {
    process: Child,
    events: Receiver<String>,
    seen: Vec<(String, PathBuf)>,
    directory: PathBuf,
}

impl Smsd {
    fn start(simulator: &Simulator, modem_settings: &str) -> Self {
        let directory = simulator.directory.path().join("smsd");
        for name in [
            "outgoing", "checked", "failed", "incoming", "sent", "report",
        ] {
            fs::create_dir_all(directory.join(name)).unwrap();
        }
        // Its event handler says what happened through a pipe: nothing needs to be polled.
        let pipe = directory.join("events");
        assert!(
            Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        let handler = directory.join("handler");
        fs::write(
            &handler,
            format!("#!/bin/sh\necho \"$1 $2\" > {}\n", pipe.display()),
        )
        .unwrap();
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&handler, executable).unwrap();
        // Open for writing as well, so that it does not end between two events.
        let events = lines_of(
            fs::OpenOptions::new()
                .read(true)
                .write(true)
                .open(&pipe)
                .unwrap(),
        );
        let at = directory.display();
        let configuration = format!(
            "devices = GSM1\noutgoing = {at}/outgoing\nchecked = {at}/checked\nfailed = {at}/failed\n\
             incoming = {at}/incoming\nsent = {at}/sent\nreport = {at}/report\nlogfile = {at}/smsd.log\n\
             infofile = {at}/smsd.running\npidfile = {at}/smsd.pid\nloglevel = 7\ndelaytime = 1\n\
             autosplit = 3\nincoming_utf8 = yes\neventhandler = {at}/handler\n\
             [GSM1]\ndevice = {}\nincoming = yes\nbaudrate = 115200\nrtscts = no\n{modem_settings}\n",
            simulator.port().display()
        );
        fs::write(directory.join("smsd.conf"), configuration).unwrap();
        let process = Command::new(program("smsd"))
            .arg(format!("-c{}", directory.join("smsd.conf").display()))
            .arg("-t")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        Self {
            process,
            events,
            seen: Vec::new(),
            directory,
        }
    }

    /// Drops a text into the outgoing directory, whole at once.
    fn send(&self, name: &str, contents: &str) {
        let beside = self.directory.join(format!("{name}.writing"));
        fs::write(&beside, contents).unwrap();
        fs::rename(beside, self.directory.join("outgoing").join(name)).unwrap();
    }

    /// The next event of a kind: the file it names. Others are kept for later.
    fn wait_for(&mut self, kind: &str) -> PathBuf {
        loop {
            if let Some(place) = self.seen.iter().position(|(said, _)| said == kind) {
                return self.seen.remove(place).1;
            }
            let event = self.events.recv_timeout(PATIENCE).unwrap_or_else(|_| {
                let log = fs::read_to_string(self.directory.join("smsd.log")).unwrap_or_default();
                panic!("smsd did not say {kind}: {log}")
            });
            let (said, file) = event.split_once(' ').unwrap();
            assert_ne!(said, "FAILED", "{file}");
            self.seen.push((said.to_owned(), PathBuf::from(file)));
        }
    }
}

impl Drop for Smsd {
    fn drop(&mut self) {
        signal_group("KILL", self.process.id());
        let _ = self.process.wait();
    }
}

/// Sender and words of a file that smsd wrote.
fn received(file: &Path) -> (String, String) {
    let octets = fs::read(file).unwrap();
    let split = octets.windows(2).position(|pair| pair == b"\n\n").unwrap();
    let head = String::from_utf8(octets[..split].to_vec()).unwrap();
    let from = head
        .lines()
        .find_map(|line| line.strip_prefix("From: "))
        .unwrap()
        .to_owned();
    let body = &octets[split + 2..];
    let words = if head.contains("Alphabet: UCS2") {
        let units: Vec<u16> = body
            .chunks_exact(2)
            .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
            .collect();
        String::from_utf16(&units).unwrap()
    } else {
        String::from_utf8(body.to_vec()).unwrap()
    };
    (from, words.trim_end_matches('\n').to_owned())
}

#[test]
fn smsd_receives_plain_multipart_and_ucs2_texts() {
    let mut simulator = Simulator::start(&[]);
    let mut smsd = Smsd::start(&simulator, "");
    let long = "Every shelf has its own smell. ".repeat(12);
    let long = long.trim();
    let greek = "Καλημέρα κόσμε 😀 ".repeat(9);
    let greek = greek.trim();
    simulator.ask("text +15551230100 Is my book in?");
    simulator.ask(&format!("shuffled +15551230101 {long}"));
    simulator.ask(&format!("text +15551230102 {greek}"));

    let mut texts: Vec<(String, String)> = (0..3)
        .map(|_| received(&smsd.wait_for("RECEIVED")))
        .collect();
    texts.sort();
    assert_eq!(
        texts,
        [
            ("15551230100".to_owned(), "Is my book in?".to_owned()),
            ("15551230101".to_owned(), long.to_owned()),
            ("15551230102".to_owned(), greek.to_owned()),
        ]
    );
}

#[test]
fn smsd_sends_plain_multipart_and_ucs2_texts_and_gets_reports() {
    let mut simulator = Simulator::start(&[]);
    let mut smsd = Smsd::start(
        &simulator,
        "report = yes\ninit = AT+CNMI=2,1,0,2,0\nprimary_memory = SM\nsecondary_memory = SR",
    );
    let long = "Your book is on the hold shelf. ".repeat(12);
    let long = long.trim();
    smsd.send("plain", "To: 15551230100\n\nYes, it is.");
    smsd.send("long", &format!("To: 15551230101\n\n{long}"));
    smsd.send(
        "ucs2",
        "To: 15551230102\nAlphabet: UTF-8\nReport: yes\n\nΚαλημέρα, привет",
    );
    for _ in 0..3 {
        smsd.wait_for("SENT");
    }
    let mut sent = simulator.ask("sent");
    sent.sort();
    assert_eq!(
        sent,
        [
            "+15551230100 Yes, it is.".to_owned(),
            format!("+15551230101 {long}"),
            "+15551230102 Καλημέρα, привет".to_owned(),
        ]
    );
    // One for each segment, in the order in which they left.
    let mut reported: Vec<String> = (0..5)
        .map(|_| {
            let report = fs::read_to_string(smsd.wait_for("REPORT")).unwrap();
            assert!(report.contains("Status: 0,Ok"), "{report}");
            report.lines().next().unwrap().to_owned()
        })
        .collect();
    reported.sort();
    reported.dedup();
    assert_eq!(
        reported,
        [
            "From: 15551230100",
            "From: 15551230101",
            "From: 15551230102"
        ]
    );
}
