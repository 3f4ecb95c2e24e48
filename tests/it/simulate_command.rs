//! `callnumber simulate` as a process: its console, its socket, its end.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// Far longer than anything here takes; only a failure waits it out.
const PATIENCE: Duration = Duration::from_secs(10);

/// The command as a process, ended when a test ends early.
struct Process {
    child: Child,
    output: Receiver<String>,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    fn simulate(directory: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_callnumber"))
            .arg("simulate")
            .arg("--link")
            .arg(directory.join("modem"))
            .arg("--control")
            .arg(directory.join("control"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stream = BufReader::new(child.stdout.take().unwrap());
        let (sender, output) = channel();
        std::thread::spawn(move || {
            for line in stream.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, output }
    }

    fn line(&self) -> String {
        self.output.recv_timeout(PATIENCE).unwrap()
    }

    /// Waits for the end: its output closes just before.
    fn ends_well(&mut self) -> bool {
        while self.output.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Disconnected) {}
        self.child.wait().unwrap().success()
    }
}

#[test]
fn the_command_obeys_its_console_and_its_socket() {
    let directory = tempfile::tempdir().unwrap();
    let mut process = Process::simulate(directory.path(), &["--number", "+15550107777"]);
    let greeting = process.line();
    assert!(greeting.contains("+15550107777"), "{greeting}");
    assert!(
        process
            .line()
            .contains("`text +15551230100 Is my book in?`")
    );

    let mut console = process.child.stdin.take().unwrap();
    for (line, answers) in [
        (
            "text +15551230100 Is my book in?",
            &["1 PDU(s) on the way", "ok"][..],
        ),
        ("text nothing", &["error: say a number, then the words"]),
        ("dance", &["error: `dance` is not known: try `help`"]),
        ("signal 12", &["ok"]),
        (
            "signal loud",
            &["error: `loud` is not a number that fits here"],
        ),
    ] {
        console.write_all(format!("{line}\n").as_bytes()).unwrap();
        for answer in answers {
            assert_eq!(process.line(), *answer, "{line}");
        }
    }

    let mut control = UnixStream::connect(directory.path().join("control")).unwrap();
    control.set_read_timeout(Some(PATIENCE)).unwrap();
    control.write_all(b"unplug\nport\nquit\n").unwrap();
    let mut heard = String::new();
    control.read_to_string(&mut heard).unwrap();
    assert_eq!(
        heard,
        "ok\nerror: it is unplugged: `replug` brings it back\nok\n"
    );
    assert!(process.ends_well());
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn the_command_ends_on_a_signal_and_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    for signal in ["TERM", "INT"] {
        let mut process = Process::simulate(directory.path(), &[]);
        process.line();
        let pid = process.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", signal, &pid])
                .status()
                .unwrap()
                .success()
        );
        assert!(process.ends_well(), "{signal}");
        assert_eq!(
            std::fs::read_dir(directory.path()).unwrap().count(),
            0,
            "{signal}"
        );
    }
}

#[test]
fn the_command_says_what_is_wrong() {
    let directory = tempfile::tempdir().unwrap();
    for (arguments, words) in [
        (
            &["--profile", "nokia"][..],
            "no such profile; there are generic, huawei-e3372",
        ),
        (&["--fault-rate", "2"], "say a number from 0 to 1"),
        (&["--send-latency", "soon"], "say a time such as 100ms"),
        (&["--link", "/"], "is no link"),
        (&["--link", "/no/such/directory/modem"], "cannot be made"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_callnumber"))
            .arg("simulate")
            .args(arguments)
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}
