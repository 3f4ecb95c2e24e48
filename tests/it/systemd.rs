//! The unit, judged by systemd's own tools.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use callnumber::simulator::Settings;

use crate::support::{Bench, binary};

/// The highest exposure that is let pass: 0 is shut in, 10 is open. In tenths, as the tool wants it.
const EXPOSURE_MAX_TENTHS: u32 = 17;

fn systemd(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("systemd")
        .join(path)
}

fn unit() -> String {
    fs::read_to_string(systemd("callnumber.service")).unwrap()
}

/// Every value of a key, in order.
fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    unit.lines()
        .filter_map(|line| line.strip_prefix(key)?.strip_prefix('='))
        .collect()
}

fn analyze(arguments: &[&str], unit: &Path) -> Output {
    Command::new("systemd-analyze")
        .args(arguments)
        .arg(unit)
        .output()
        .unwrap_or_else(|error| {
            panic!(
                "systemd-analyze cannot be run ({error}): tests/run installs it, in package systemd"
            )
        })
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The nightly copy's unit, with or without the stick.
fn backup_units() -> [String; 2] {
    let unit = fs::read_to_string(systemd("callnumber-backup.service")).unwrap();
    let stick = systemd("callnumber-backup.service.d/stick.conf.example");
    let with_stick = format!("{unit}\n{}", fs::read_to_string(stick).unwrap());
    [unit, with_stick]
}

/// A folder with the unit in it, and its program where this build put it: `verify` looks whether
/// what is started is there.
fn staged(unit: &str, drop_in: Option<&str>) -> tempfile::TempDir {
    let stage = tempfile::tempdir().unwrap();
    let start = values(unit, "ExecStart")[0];
    let program = start.split(' ').next().unwrap();
    let unit = unit.replace(
        &format!("{program} "),
        concat!(env!("CARGO_BIN_EXE_callnumber"), " "),
    );
    fs::write(stage.path().join("callnumber.service"), unit).unwrap();
    if let Some(text) = drop_in {
        let folder = stage.path().join("callnumber.service.d");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("hat.conf"), text).unwrap();
    }
    stage
}

/// Runs `verify`; the lines about our unit. Other units of the machine have faults of their own.
fn verify(stage: &tempfile::TempDir) -> (bool, Vec<String>) {
    let output = analyze(
        &["verify", "--man=no"],
        &stage.path().join("callnumber.service"),
    );
    let about_us = said(&output)
        .lines()
        .filter(|line| line.contains("callnumber") || line.contains("hat.conf"))
        .map(str::to_owned)
        .collect();
    (output.status.success(), about_us)
}

#[test]
fn systemd_analyze_verify_has_nothing_to_say() {
    let hat = fs::read_to_string(systemd("callnumber.service.d/hat.conf.example")).unwrap();
    for drop_in in [None, Some(hat.as_str())] {
        let (succeeded, lines) = verify(&staged(&unit(), drop_in));
        assert_eq!(lines, Vec::<String>::new());
        assert!(succeeded);
    }
}

#[test]
fn the_nightly_copy_is_sound_and_keeps_a_number() {
    for unit in backup_units() {
        let stage = staged(&unit, None);
        let timer = fs::read_to_string(systemd("callnumber-backup.timer")).unwrap();
        let timer = timer.replace("[Timer]\n", "[Timer]\nUnit=callnumber.service\n");
        fs::write(stage.path().join("callnumber-backup.timer"), timer).unwrap();
        let (succeeded, lines) = verify(&stage);
        assert_eq!(lines, Vec::<String>::new());
        assert!(succeeded);
        let output = analyze(
            &["verify", "--man=no"],
            &stage.path().join("callnumber-backup.timer"),
        );
        let about_us = said(&output);
        assert!(!about_us.contains("callnumber-backup.timer:"), "{about_us}");
        let start = *values(&unit, "ExecStart").last().unwrap();
        assert!(
            start.starts_with("/usr/bin/callnumber backup --keep 14"),
            "{start}"
        );
        let place = start.rsplit(' ').next().unwrap();
        let mut writable = values(&unit, "ReadWritePaths").into_iter();
        assert!(
            writable.any(|paths| paths.split(' ').any(|path| path == place)),
            "{place}"
        );
    }
}

/// The check above would notice.
#[test]
fn a_fault_in_the_unit_is_noticed() {
    let missing = unit().replace(
        "/usr/bin/callnumber run",
        "/usr/bin/callnumber-is-not-here run",
    );
    let stage = tempfile::tempdir().unwrap();
    fs::write(stage.path().join("callnumber.service"), missing).unwrap();
    let (succeeded, lines) = verify(&stage);
    assert!(!succeeded, "{lines:?}");
    for (right, wrong) in [
        ("WatchdogSec=60", "WatchdogSec=often"),
        ("ProtectProc=", "ProtectProcess="),
    ] {
        assert!(unit().contains(right));
        let (_, lines) = verify(&staged(&unit().replace(right, wrong), None));
        assert!(!lines.is_empty(), "{wrong} passed");
    }
}

#[test]
fn exposure_is_within_what_was_promised() {
    let hat = fs::read_to_string(systemd("callnumber.service.d/hat.conf.example")).unwrap();
    let with_hat = format!(
        "{}\n{hat}",
        unit().replace("[Install]\nWantedBy=multi-user.target\n", "")
    );
    let threshold = format!("--threshold={EXPOSURE_MAX_TENTHS}");
    for unit in [unit(), with_hat].into_iter().chain(backup_units()) {
        let stage = staged(&unit, None);
        let path = stage.path().join("callnumber.service");
        let output = analyze(
            &["security", "--offline=true", &threshold, "--no-pager"],
            &path,
        );
        let table = said(&output);
        // The verdict is read as well: a tool that does not know --threshold must not pass.
        let verdict = table
            .lines()
            .rfind(|line| line.contains("Overall exposure level"))
            .expect(&table);
        let number = verdict
            .split(": ")
            .nth(1)
            .and_then(|rest| rest.split(' ').next())
            .unwrap();
        let (whole, tenth) = number.split_once('.').expect(verdict);
        let tenths: u32 = format!("{whole}{tenth}").parse().expect(verdict);
        assert!(tenths <= EXPOSURE_MAX_TENTHS, "{table}");
        assert!(output.status.success(), "{table}");
    }
}

#[test]
fn the_service_never_gives_up_and_never_hangs_on_a_modem() {
    let unit = unit();
    for (key, value) in [
        ("Type", "notify"),
        ("WatchdogSec", "60"),
        ("Restart", "always"),
        ("StartLimitIntervalSec", "0"),
        ("DynamicUser", "yes"),
        ("StateDirectory", "callnumber"),
        ("StateDirectoryMode", "0700"),
        ("UMask", "0077"),
        ("MemoryHigh", "256M"),
        ("MemoryMax", "384M"),
        ("LimitNOFILE", "8192"),
        ("LimitCORE", "0"),
        (
            "ExecStart",
            "/usr/bin/callnumber run --config /etc/callnumber/callnumber.toml",
        ),
        (
            "ExecReload",
            "/usr/bin/callnumber reload --config /etc/callnumber/callnumber.toml",
        ),
    ] {
        assert_eq!(values(&unit, key), [value], "{key}");
    }
    for absent in ["BindsTo", "Requires", "PrivateDevices"] {
        assert_eq!(values(&unit, absent), Vec::<&str>::new(), "{absent}");
    }
    let mut devices = values(&unit, "DeviceAllow");
    devices.sort_unstable();
    let wanted = ["gpiochip", "ttyACM", "ttyAMA", "ttyS", "ttyUSB"];
    assert_eq!(devices, wanted.map(|kind| format!("char-{kind} rw")));
    // A kind of device is looked up when the service starts, and known once its driver is there.
    for key in ["Wants", "After"] {
        let units = values(&unit, key).join(" ");
        for driver in ["usbserial", "cdc_acm"] {
            assert!(
                units.contains(&format!("modprobe@{driver}.service")),
                "{key}"
            );
        }
    }
    // Missing on a plain Debian: systemd would refuse to start the service.
    assert!(!values(&unit, "SupplementaryGroups").contains(&"gpio"));
}

/// What systemd must find, or refuses to start the unit, is on no unprepared machine: a folder that is
/// hidden or made readable carries the mark that it may be missing.
#[test]
fn no_unit_needs_a_folder_that_may_be_missing() {
    for entry in fs::read_dir(systemd("")).unwrap() {
        let path = entry.unwrap().path();
        let Ok(unit) = fs::read_to_string(&path) else {
            continue;
        };
        for key in [
            "InaccessiblePaths",
            "ReadOnlyPaths",
            "ReadWritePaths",
            "BindPaths",
            "BindReadOnlyPaths",
            "ExecPaths",
            "NoExecPaths",
            "EnvironmentFile",
        ] {
            for folder in values(&unit, key).iter().flat_map(|value| value.split(' ')) {
                // The backup's own folder is a condition of its unit, and the package brings it.
                assert!(
                    folder.starts_with('-') || folder == "/var/backups/callnumber",
                    "{}: {key}={folder}",
                    path.display()
                );
            }
        }
    }
}

/// The helper that restarts modems, and the socket it is asked through.
const HELPER: [&str; 2] = ["callnumber-power.socket", "callnumber-power@.service"];

#[test]
fn the_helper_is_started_by_its_socket_and_shut_in_but_for_sys() {
    let stage = tempfile::tempdir().unwrap();
    for name in HELPER {
        let unit = fs::read_to_string(systemd(name)).unwrap();
        let unit = unit.replace("/usr/bin/callnumber", env!("CARGO_BIN_EXE_callnumber"));
        fs::write(stage.path().join(name), unit).unwrap();
    }
    let verified = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .args(HELPER.map(|name| stage.path().join(name)))
        .output()
        .unwrap();
    let about_us: Vec<String> = said(&verified)
        .lines()
        .filter(|line| line.contains("callnumber"))
        .map(str::to_owned)
        .collect();
    assert_eq!(about_us, Vec::<String>::new());
    assert!(verified.status.success());

    let instance = stage.path().join("callnumber-power@1.service");
    fs::copy(stage.path().join(HELPER[1]), &instance).unwrap();
    let output = analyze(
        &["security", "--offline=true", "--threshold=15", "--no-pager"],
        &instance,
    );
    assert!(output.status.success(), "{}", said(&output));

    let service = fs::read_to_string(systemd(HELPER[1])).unwrap();
    // Either would take /sys away, which is all that it is for.
    for absent in ["ProtectKernelTunables", "ReadOnlyPaths"] {
        assert_eq!(values(&service, absent), Vec::<&str>::new(), "{absent}");
    }
    let socket = fs::read_to_string(systemd(HELPER[0])).unwrap();
    assert_eq!(
        values(&socket, "ListenStream"),
        [callnumber::modem::helper::SOCKET]
    );
    // The service's own group: nobody else may ask.
    let group = values(&socket, "SocketGroup");
    assert_eq!(group, values(&unit(), "SupplementaryGroups"));
    assert_eq!(values(&socket, "SocketMode"), ["0660"]);
}

#[test]
fn the_helper_answers_one_request_on_its_standard_streams() {
    use std::io::Write as _;
    use std::process::Stdio;
    for (request, answer) in [
        // No machine has so many buses.
        ("replug 250-1\n", "out of reach\n"),
        ("replug /etc\n", "failed: that is no USB device's name\n"),
    ] {
        let mut helper = Command::new(env!("CARGO_BIN_EXE_callnumber"))
            .arg("power-helper")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = helper.stdin.take().unwrap();
        input.write_all(request.as_bytes()).unwrap();
        drop(input);
        let output = helper.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), answer);
        assert!(output.status.success());
    }
}

/// What the service manager hears, until it heard all of this.
fn hears(socket: &UnixDatagram, wanted: &[&str]) -> String {
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut heard = String::new();
    while !wanted.iter().all(|words| heard.contains(words)) {
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "{wanted:?} is not in {heard}");
        socket.set_read_timeout(Some(left)).unwrap();
        let mut datagram = [0; 4096];
        if let Ok(count) = socket.recv(&mut datagram) {
            heard += &String::from_utf8_lossy(&datagram[..count]);
            heard.push('\n');
        }
    }
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_says_that_it_is_ready_that_it_moves_and_how_it_is() {
    let mut bench = Bench::new(Settings::default()).await;
    let manager = bench.path().join("notify");
    let socket = UnixDatagram::bind(&manager).unwrap();
    bench.start_with(&[
        ("NOTIFY_SOCKET", manager.to_str().unwrap()),
        ("WATCHDOG_USEC", "600000"),
    ]);
    let heard = hears(
        &socket,
        &["READY=1", "WATCHDOG=1", "STATUS=", "front-desk: ready"],
    );
    let ready = heard.find("READY=1").unwrap();
    assert!(ready < heard.find("WATCHDOG=1").unwrap(), "{heard}");
    assert!(heard.contains("0 on duty, 0 unanswered; "), "{heard}");
    // It goes on moving.
    let more = hears(&socket, &["WATCHDOG=1"]);
    assert!(!more.contains("READY=1"), "{more}");
    assert!(bench.stop().success());
    hears(&socket, &["STOPPING=1"]);
}

/// A field of the journal is a field of the log: what a modem does is said with its line's name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_names_the_line() {
    let bench = Bench::new(Settings::default()).await;
    let mut daemon = binary()
        .args(["run", "--config"])
        .arg(bench.config())
        .env("CALLNUMBER_LOG", "callnumber=info")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(daemon.stderr.take().unwrap());
    let set_up = said
        .lines()
        .map(Result::unwrap)
        .find(|line| line.contains("the modem is set up"));
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    let set_up = set_up.expect("it sets the modem up");
    assert!(set_up.contains("modem{line=front-desk}"), "{set_up}");
}
