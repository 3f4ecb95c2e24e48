//! The helper that may do what the daemon may not: its service's sandbox makes `/sys` read-only.
//!
//! One connection, one line, one answer: `replug 1-1.3` or `power 1-1.3`; `done`, `out of reach` or
//! `failed: …`. The helper runs as root, so it believes nothing: a name is a USB device's and
//! nothing else, and what is plugged in there is a modem from the list of known ones, the device of a
//! port that the configuration names, or nothing at all. Whoever could speak to it can restart modems,
//! and nothing more. `hello` is answered `done`: the doctor asks it, and nothing is switched.

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
        self.said(&format!("{} {usb}\n", word(self.rung)))
    }

    fn said(&self, request: &str) -> io::Result<String> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.write_all(request.as_bytes())?;
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

/// Asks the helper behind `socket` whether it is there: nothing is switched.
///
/// # Errors
/// When there is no such socket, or what is behind it does not answer.
pub fn greet(socket: &Path) -> io::Result<()> {
    let answer = Helper::to_replug(socket).said("hello\n")?;
    match answer.trim_end() {
        "done" => Ok(()),
        other => Err(io::Error::other(format!("it said {other:?}"))),
    }
}

/// Answers one request, as the helper. `named` are the ports of the configuration.
///
/// # Errors
/// When the request cannot be read or the answer cannot be written.
pub fn serve(
    input: impl Read,
    output: impl Write,
    machine: &Machine,
    named: &[PathBuf],
) -> io::Result<()> {
    serve_with(input, output, machine, named, PAUSES)
}

fn serve_with(
    input: impl Read,
    mut output: impl Write,
    machine: &Machine,
    named: &[PathBuf],
    [unauthorised, unpowered]: [Duration; 2],
) -> io::Result<()> {
    let mut request = Vec::new();
    input.take(LINE_MAX).read_to_end(&mut request)?;
    let request = String::from_utf8_lossy(&request);
    let request = request.trim_end_matches('\n');
    let admitted = |name| admit(name, machine, named);
    let done = match request.split_once(' ') {
        Some(("replug", name)) => admitted(name).and_then(|()| machine.replug(name, unauthorised)),
        Some(("power", name)) => admitted(name).and_then(|()| machine.power_cycle(name, unpowered)),
        None if request == "hello" => Ok(()),
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

/// Lets known modems and named ports' devices through, and ports with nothing on them: a modem that
/// died is not there to be asked, and an empty port has nobody to lose power.
fn admit(name: &str, machine: &Machine, named: &[PathBuf]) -> Result<(), RestartError> {
    if !is_device_name(name) {
        return Err(RestartError::Failed("that is no USB device's name".into()));
    }
    match machine.device(name) {
        Some(device) if is_known(device.vendor, device.product) => Ok(()),
        Some(device)
            if named.iter().any(|port| {
                let tty = machine.usb_tty_at(port);
                tty.is_some_and(|tty| tty.device.name == device.name)
            }) =>
        {
            Ok(())
        }
        None if machine.is_empty(name) => Ok(()),
        Some(_) | None => Err(RestartError::Failed(format!(
            "what is plugged in at {name} is no modem that is known or configured: restart it by hand"
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

    fn answer(machine: &Machine, named: &[PathBuf], request: &str) -> String {
        let mut said = Vec::new();
        serve_with(request.as_bytes(), &mut said, machine, named, AT_ONCE).unwrap();
        String::from_utf8(said).unwrap()
    }

    #[test]
    fn the_helper_restarts_modems_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let machine = drawn::machine(root);
        drawn::plug(root, "1-1.3", (0x2c7c, 0x0125), &[]);
        drawn::plug(root, "1-1.4", (0x046d, 0xc31c), &[]); // a keyboard
        drawn::plug(root, "1-1.6", (0x0403, 0x6001), &[(0, "ttyUSB9")]); // a cable, to a named port
        let [third, _, _, _] = [3, 4, 5, 6]
            .map(|port| drawn::port_switch(root, "1-1:1.0", &format!("1-1-port{port}")));
        let kernel = drawn::kernel(root, "1-1.3", vec![third]);
        let named = [root.join("dev/ttyS0"), root.join("dev/ttyUSB9")];
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
            ("replug 1-1.6\n", "done\n"),
            ("hello\n", "done\n"),
            ("replug 1-1.5\n", "out of reach\n"),
            ("power 1-2\n", "out of reach\n"),
        ] {
            assert_eq!(answer(&machine, &named, request), said, "{request:?}");
        }
        assert_eq!(kernel.ended(), 1);
        // Nothing is there: the power of its port harms nobody, and brings nobody back.
        let said = answer(&machine, &named, "power 1-1.5\n");
        assert!(
            said.starts_with("failed: ") && said.contains("nothing came back"),
            "{said}"
        );
        // Nobody named that cable's port.
        assert!(answer(&machine, &[], "replug 1-1.6\n").starts_with("failed: "));
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
                answer(&machine, &named, request).starts_with("failed: "),
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
            for _ in 0..3 {
                let (stream, _) = listener.accept().unwrap();
                serve_with(&stream, &stream, &machine, &[], AT_ONCE).unwrap();
            }
        });
        greet(&socket).unwrap();
        assert_eq!(helper.restart(&modem), Ok(()));
        // Its hub has no switch.
        assert_eq!(
            Helper::to_power_cycle(&socket).restart(&modem),
            Err(RestartError::OutOfReach)
        );
        serving.join().unwrap();
    }
}
