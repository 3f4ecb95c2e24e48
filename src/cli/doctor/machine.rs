//! The machine around the desk: clock, disk, rights, and other programs that want the modem.

use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::process::Command;

use jiff::Timestamp;

use super::finding::Finding;
use crate::cli::config::{Config, USUAL_FILE};
use crate::cli::meter::megabytes;
use crate::clock::Clock;
use crate::modem::PortChoice;
use crate::spool::footprint::Footprint;

/// Less than this, and a busy week ends with a full disk.
const FREE_LOW: u64 = 200_000_000;
/// Less than this, and it may be today.
const FREE_NONE: u64 = 20_000_000;
/// A log that is never folded in says that something reads the spool without end.
const LOG_LARGE: u64 = 256_000_000;
/// No box runs this program with an earlier clock: it was not written yet.
const WRITTEN: i64 = 1_790_000_000;

/// Whether the clock can be believed.
pub(super) fn clock() -> Finding {
    judge_clock(Clock::system().now(), synchronised())
}

fn judge_clock(now: Timestamp, synchronised: Option<bool>) -> Finding {
    let shown = now.strftime("%Y-%m-%d %H:%M UTC");
    if now.as_second() < WRITTEN {
        return Finding::failure(
            "clock",
            format!("it says {shown}, which is past"),
            "The box has no clock of its own: give it a network with NTP (`timedatectl set-ntp true`)",
        );
    }
    match synchronised {
        Some(true) => Finding::ok("clock", format!("{shown}, synchronised")),
        Some(false) => Finding::warning(
            "clock",
            format!("{shown}, not synchronised"),
            "Let it follow NTP: `timedatectl set-ntp true`, and check the network",
        ),
        None => Finding::ok(
            "clock",
            format!("{shown}; this system does not tell whether it is synchronised"),
        ),
    }
}

/// What timedatectl says, where there is one.
fn synchronised() -> Option<bool> {
    let output = Command::new("timedatectl")
        .args(["show", "-p", "NTPSynchronized", "--value"])
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    match String::from_utf8_lossy(&output.stdout).trim() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

/// Whether the spool has room to grow.
pub(super) fn disk(spool: &Path) -> Finding {
    judge_disk(Footprint::of(spool))
}

fn judge_disk(space: Footprint) -> Finding {
    let Some(free) = space.disk_free else {
        return Finding::warning(
            "disk",
            "its room cannot be told",
            "Check that the folder of [spool] path exists",
        );
    };
    let found = format!("{} free, spool {}", megabytes(free), megabytes(space.spool));
    if free < FREE_NONE {
        Finding::failure(
            "disk",
            found,
            "Free some space now: texts that cannot be kept stay on the SIM, and that is small",
        )
    } else if free < FREE_LOW {
        Finding::warning(
            "disk",
            found,
            "Free some space, or set a shorter `retention`",
        )
    } else if space.log > LOG_LARGE {
        Finding::warning(
            "disk",
            format!("{found}, its log {}", megabytes(space.log)),
            "Restart the desk, which folds the log in",
        )
    } else {
        Finding::ok("disk", found)
    }
}

/// Whether a configuration with secrets is open to everyone.
pub(super) fn configuration(file: Option<&Path>, config: &Config) -> Vec<Finding> {
    let path = file.unwrap_or(Path::new(USUAL_FILE));
    let Ok(found) = std::fs::metadata(path) else {
        return vec![Finding::ok(
            "configuration",
            "none: everything as it is by default",
        )];
    };
    let mut findings = vec![Finding::ok("configuration", path.display().to_string())];
    if config.modems.iter().any(|modem| modem.pin.is_some()) && found.mode() & 0o004 != 0 {
        findings.push(Finding::warning(
            "configuration",
            "everyone on this machine can read the SIM's PIN in it",
            "Move the PIN to /etc/credstore/modem-pin and remove `pin`",
        ));
    }
    findings
}

/// Rights to a line's device, and whether the system's console is on it.
pub(super) fn device(name: &str, port: &PortChoice) -> Vec<Finding> {
    let PortChoice::Path(path) = port else {
        return Vec::new();
    };
    let Ok(found) = std::fs::metadata(path) else {
        // That it is not there is the line's to say.
        return Vec::new();
    };
    let mut findings = Vec::new();
    let device = path.canonicalize().unwrap_or_else(|_| path.clone());
    let pseudo = device.starts_with("/dev/pts");
    if !pseudo && !found.file_type().is_char_device() {
        findings.push(Finding::failure(
            "permissions",
            format!("{} is no device", path.display()),
            "Name a serial port: /dev/callnumber/modem, /dev/ttyUSB2, /dev/ttyAMA0",
        ));
    } else if !pseudo && found.mode() & 0o060 != 0o060 {
        findings.push(Finding::failure(
            "permissions",
            format!("{} is not for its group", path.display()),
            "Install the udev rules (60-callnumber.rules) and plug the modem in again",
        ));
    } else {
        findings.push(Finding::ok("permissions", device.display().to_string()));
    }
    let kernel = std::fs::read_to_string("/proc/cmdline").unwrap_or_default();
    findings.extend(console_on(&device, &kernel));
    findings
        .into_iter()
        .map(|finding| finding.of(name))
        .collect()
}

/// A kernel that prints its messages to the modem, and a login prompt that reads its answers.
fn console_on(device: &Path, kernel: &str) -> Option<Finding> {
    let name = device.file_name()?.to_str()?;
    crate::modem::port::is_console(device, kernel).then(|| {
        Finding::failure(
            "console",
            format!("the system's own console is on {name}"),
            "Take `console=…` out of /boot/firmware/cmdline.txt (raspi-config: Serial Port, no login \
             shell) and reboot",
        )
    })
}

/// ModemManager takes modems to pieces under other programs' hands, unless it is told to keep off.
pub(super) fn modem_manager() -> Finding {
    let rules = [
        "/etc/udev/rules.d",
        "/usr/lib/udev/rules.d",
        "/lib/udev/rules.d",
    ]
    .iter()
    .any(|folder| Path::new(folder).join("60-callnumber.rules").exists());
    judge_modem_manager(is_running("ModemManager"), rules)
}

/// The helper that restarts modems through `/sys`, asked something harmless; nothing where it is not
/// installed.
pub(super) fn helper(socket: &Path) -> Option<Finding> {
    if !socket.exists() {
        return None;
    }
    Some(match crate::modem::helper::greet(socket) {
        Ok(()) => Finding::ok("power helper", "it answers"),
        Err(error) => Finding::failure(
            "power helper",
            format!("it does not answer ({error}): a modem that hangs cannot be restarted"),
            "See `systemctl status callnumber-power.socket` and `journalctl -u 'callnumber-power@*'`",
        ),
    })
}

/// The serial ports that are not looked at, for whoever misses a modem.
pub(super) async fn untried(config: &Config) -> Option<Finding> {
    let ports = crate::modem::untried(&config.named_ports()).await;
    let names: Vec<String> = ports
        .iter()
        .map(|found| match found.usb_id.as_str() {
            "" => found.path.display().to_string(),
            id => format!("{} ({id})", found.path.display()),
        })
        .collect();
    (!names.is_empty()).then(|| {
        Finding::ok(
            "other ports",
            format!(
                "not looked at: {}; `callnumber modem list` says why",
                names.join(", ")
            ),
        )
    })
}

fn judge_modem_manager(running: bool, rules: bool) -> Finding {
    match (running, rules) {
        (false, _) => Finding::ok("ModemManager", "not running"),
        (true, true) => Finding::ok(
            "ModemManager",
            "running, and told by udev rules to keep off",
        ),
        (true, false) => Finding::warning(
            "ModemManager",
            "running, and it may open the modem's port",
            "Install the udev rules (60-callnumber.rules), or `systemctl disable --now ModemManager`",
        ),
    }
}

fn is_running(name: &str) -> bool {
    let names_it = |process: &Path| {
        std::fs::read_to_string(process.join("comm")).is_ok_and(|comm| comm.trim() == name)
    };
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .any(|entry| names_it(&entry.path()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::finding::Verdict;
    use super::*;

    fn space(free: u64, log: u64) -> Footprint {
        Footprint {
            disk_free: Some(free),
            log,
            ..Footprint::default()
        }
    }

    #[test]
    fn a_helper_that_does_not_answer_is_a_failure_and_none_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("power.socket");
        assert!(helper(&socket).is_none());
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        // It takes the question and ends, as one does whose sandbox cannot be built.
        let serving = std::thread::spawn(move || drop(listener.accept().unwrap()));
        let finding = helper(&socket).unwrap();
        serving.join().unwrap();
        assert!(
            finding.found.contains("does not answer"),
            "{}",
            finding.found
        );
    }

    #[test]
    fn what_the_machine_is_told() {
        use Verdict::{Failure, Ok, Warning};
        let now: Timestamp = "2026-11-25T12:00:00Z".parse().unwrap();
        let past: Timestamp = "2020-01-01T00:00:00Z".parse().unwrap();
        for (finding, verdict, words) in [
            (judge_clock(now, Some(true)), Ok, "synchronised"),
            (judge_clock(now, Some(false)), Warning, "set-ntp"),
            (judge_clock(past, Some(true)), Failure, "which is past"),
            (judge_clock(now, None), Ok, "does not tell"),
            (judge_disk(space(1_000_000_000, 0)), Ok, "1.0 GB free"),
            (judge_disk(space(100_000_000, 0)), Warning, "retention"),
            (judge_disk(space(1_000_000, 0)), Failure, "now"),
            (
                judge_disk(space(1_000_000_000, 300_000_000)),
                Warning,
                "its log",
            ),
            (judge_disk(Footprint::default()), Warning, "[spool] path"),
            (judge_modem_manager(true, false), Warning, "udev rules"),
            (judge_modem_manager(true, true), Ok, "keep off"),
            (judge_modem_manager(false, false), Ok, "not running"),
        ] {
            assert_eq!(finding.verdict, verdict, "{finding:?}");
            assert!(finding.in_words().contains(words), "{}", finding.in_words());
        }
    }

    #[test]
    fn a_console_on_the_modems_port_is_seen() {
        for (device, kernel, seen) in [
            ("/dev/ttyAMA0", "console=serial0,115200 console=tty1", true),
            ("/dev/ttyS0", "root=/dev/x console=ttyS0,115200", true),
            ("/dev/ttyUSB2", "console=serial0,115200", false),
            ("/dev/ttyAMA0", "console=tty1", false),
            ("/dev/ttyS0", "noconsole=ttyS0", false),
        ] {
            let found = console_on(Path::new(device), kernel);
            assert_eq!(found.is_some(), seen, "{device} {kernel}");
        }
    }
}
