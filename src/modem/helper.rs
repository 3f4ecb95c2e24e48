//! The helper that may do what the daemon may not: its service's sandbox makes `/sys` read-only.
//!
//! One connection, one line, one answer: `replug 1-1.3` or `power 1-1.3`; `done`, `out of reach` or
//! `failed: …`. The helper runs as root, so it believes nothing: a name is a USB device's and
//! nothing else, and what is plugged in there is a modem from the list of known ones, or nothing at
//! all. Whoever could speak to it can restart modems, and nothing more.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Rung;
use super::discovery::is_known;
use super::restart::{RestartError, Restarter, Whereabouts};
use super::usb::{Machine, PAUSES, is_device_name};

/// Where the helper's socket is; see `systemd/callnumber-power.socket`.
pub const SOCKET: &str = "/run/callnumber-power.socket";

/// Octets of a request or an answer.
const LINE_MAX: u64 = 1024;

/// How long an answer may take: the longest act lasts 10 s.
const PATIENCE: Duration = Duration::from_secs(30);

/// A rung asked of the helper.
#[derive(Debug)]
pub struct Helper {
    socket: PathBuf,
    rung: Rung,
}

impl Helper {
    /// Rung 5, by the helper behind `socket`.
    pub fn to_replug(socket: &Path) -> Self {
        Self {
            socket: socket.to_owned(),
            rung: Rung::Replug,
        }
    }

    /// Rung 6, by the helper behind `socket`.
    pub fn to_power_cycle(socket: &Path) -> Self {
        Self {
            socket: socket.to_owned(),
            rung: Rung::Power,
        }
    }

    fn ask(&self, usb: &str) -> io::Result<String> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        writeln!(stream, "{} {usb}", word(self.rung))?;
        stream.shutdown(std::net::Shutdown::Write)?;
        let mut answer = String::new();
        stream.take(LINE_MAX).read_to_string(&mut answer)?;
        Ok(answer)
    }
}

fn word(rung: Rung) -> &'static str {
    match rung {
        Rung::Replug => "replug",
        Rung::Power => "power",
    }
}

impl Restarter for Helper {
    fn name(&self) -> String {
        match self.rung {
            Rung::Replug => "the helper, which replugs it".into(),
            Rung::Power => "the helper, which switches its USB port".into(),
        }
    }

    fn restart(&self, modem: &Whereabouts) -> Result<(), RestartError> {
        let usb = modem.usb.as_deref().ok_or(RestartError::OutOfReach)?;
        let answer = match self.ask(usb) {
            Ok(answer) => answer,
            // Not installed, and so no way: what may be missing was said by the way before.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(RestartError::OutOfReach);
            }
            Err(error) => {
                return Err(RestartError::Failed(format!(
                    "{} did not answer ({error}): see `systemctl status callnumber-power.socket`",
                    self.socket.display()
                )));
            }
        };
        match answer.trim_end() {
            "done" => Ok(()),
            "out of reach" => Err(RestartError::OutOfReach),
            other => Err(RestartError::Failed(
                other.strip_prefix("failed: ").unwrap_or(other).to_owned(),
            )),
        }
    }
}

/// Answers one request, as the helper.
///
/// # Errors
/// When the request cannot be read or the answer cannot be written.
pub fn serve(input: impl Read, output: impl Write, machine: &Machine) -> io::Result<()> {
    serve_with(input, output, machine, PAUSES)
}

fn serve_with(
    input: impl Read,
    mut output: impl Write,
    machine: &Machine,
    [unauthorised, unpowered]: [Duration; 2],
) -> io::Result<()> {
    let mut request = Vec::new();
    input.take(LINE_MAX).read_to_end(&mut request)?;
    let request = String::from_utf8_lossy(&request);
    let done = match request.trim_end_matches('\n').split_once(' ') {
        Some(("replug", name)) => {
            admit(name, machine).and_then(|()| machine.replug(name, unauthorised))
        }
        Some(("power", name)) => {
            admit(name, machine).and_then(|()| machine.power_cycle(name, unpowered))
        }
        _ => Err(RestartError::Failed(
            "ask `replug DEVICE` or `power DEVICE`, as in /sys/bus/usb/devices".into(),
        )),
    };
    match done {
        Ok(()) => writeln!(output, "done"),
        Err(RestartError::OutOfReach) => writeln!(output, "out of reach"),
        Err(RestartError::Failed(words)) => writeln!(output, "failed: {words}"),
    }?;
    output.flush()
}

/// Lets known modems through, and ports with nothing on them: a modem that died is not there to be
/// asked, and an empty port has nobody to lose power.
fn admit(name: &str, machine: &Machine) -> Result<(), RestartError> {
    if !is_device_name(name) {
        return Err(RestartError::Failed("that is no USB device's name".into()));
    }
    match machine.device(name) {
        Some(device) if is_known(device.vendor, device.product) => Ok(()),
        None if machine.is_empty(name) => Ok(()),
        Some(_) | None => Err(RestartError::Failed(format!(
            "what is plugged in at {name} is no known modem: restart it by hand"
        ))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::modem::usb::drawn;

    const AT_ONCE: [Duration; 2] = [Duration::ZERO; 2];

    fn answer(machine: &Machine, request: &str) -> String {
        let mut said = Vec::new();
        serve_with(request.as_bytes(), &mut said, machine, AT_ONCE).unwrap();
        String::from_utf8(said).unwrap()
    }

    #[test]
    fn the_helper_restarts_modems_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let machine = drawn::machine(root);
        drawn::plug(root, "1-1.3", (0x2c7c, 0x0125), &[]);
        drawn::plug(root, "1-1.4", (0x046d, 0xc31c), &[]); // a keyboard
        for port in 3..=5 {
            drawn::port_switch(root, "1-1:1.0", &format!("1-1-port{port}"));
        }
        let authorised = |name: &str| {
            fs::read_to_string(
                root.join("sys/bus/usb/devices")
                    .join(name)
                    .join("authorized"),
            )
            .unwrap()
        };
        for (request, said) in [
            ("replug 1-1.3\n", "done\n"),
            ("power 1-1.3\n", "done\n"),
            // Nothing is there: the power of its port harms nobody
            ("power 1-1.5\n", "done\n"),
            ("replug 1-1.5\n", "out of reach\n"),
            ("power 1-2\n", "out of reach\n"),
        ] {
            assert_eq!(answer(&machine, request), said, "{request:?}");
        }
        assert!(authorised("1-1.3").starts_with('1'));
        for request in [
            "replug 1-1.4\n",
            "power 1-1.4\n",
            "replug ../../../etc\n",
            "replug usb1\n",
            "replug 1-1.3/../1-1.4\n",
            "reboot now\n",
            "",
            "replug",
            &format!("replug {}", "1".repeat(5000)),
        ] {
            assert!(
                answer(&machine, request).starts_with("failed: "),
                "{request:?}"
            );
        }
        assert_eq!(authorised("1-1.4"), "1\n", "never written to");
    }

    #[test]
    fn the_daemon_asks_over_the_socket() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let machine = drawn::machine(root);
        drawn::plug(root, "1-1.3", (0x2c7c, 0x0125), &[]);
        let socket = root.join("helper.socket");
        let modem = Whereabouts {
            usb: Some("1-1.3".into()),
            ..Whereabouts::default()
        };
        let helper = Helper::to_replug(&socket);
        assert_eq!(
            helper.restart(&modem),
            Err(RestartError::OutOfReach),
            "not installed"
        );
        assert_eq!(
            helper.restart(&Whereabouts::default()),
            Err(RestartError::OutOfReach),
            "a UART"
        );
        let listener = UnixListener::bind(&socket).unwrap();
        let serving = std::thread::spawn(move || {
            for _ in 0..2 {
                let (stream, _) = listener.accept().unwrap();
                serve_with(&stream, &stream, &machine, AT_ONCE).unwrap();
            }
        });
        assert_eq!(helper.restart(&modem), Ok(()));
        // Its hub has no switch.
        assert_eq!(
            Helper::to_power_cycle(&socket).restart(&modem),
            Err(RestartError::OutOfReach)
        );
        serving.join().unwrap();
    }
}
