//! Opening a line's port: exclusively, without ever blocking the runtime, with words for whoever
//! reads the log when it fails.

use std::future::Future;
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_serial::{ClearBuffer, SerialPort as _, SerialStream};

use super::discovery::{RATES, Seeker};
use super::restart::Whereabouts;
use super::usb::Machine;
use super::{Keepers, LineSettings, Place, PortChoice};

/// How long opening may take; a USB device in trouble can hold its caller much longer.
const OPEN_LIMIT: Duration = Duration::from_secs(10);
/// How often a port that is held is tried again before the program says so and ends.
const BUSY_TRIES: u32 = 10;
/// Between two such tries.
const BUSY_EVERY: Duration = Duration::from_millis(100);

/// Why there is no port: what failed, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Nothing is at the path.
    #[error("{} is not there: plug the modem in, or correct `port` in the configuration", .path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// Another program has it.
    #[error("{} is held by {holder}: stop it (`systemctl disable --now ModemManager`, where it is that), or choose another `port`", .path.display())]
    Busy {
        /// The path.
        path: PathBuf,
        /// The program, as far as it can be seen.
        holder: String,
    },
    /// It may not be opened.
    #[error("{} may not be opened by this user: add the user to the group `dialout` and start anew", .path.display())]
    Forbidden {
        /// The path.
        path: PathBuf,
    },
    /// The system's own rule for this service keeps it away, whatever its file's rights are.
    #[error("{} is kept from this service by systemd: restart the service, and check `DeviceAllow=` of its unit", .path.display())]
    Withheld {
        /// The path.
        path: PathBuf,
    },
    /// It is there, but not a serial port, or in trouble.
    #[error("{} cannot be opened as a serial port: {reason}", .path.display())]
    Unusable {
        /// The path.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The kernel or a login prompt uses it.
    #[error(
        "{} is the console {console}: take `console=` for it out of cmdline.txt, run \
         `systemctl disable --now serial-getty@{console}`, and start the machine anew", .path.display()
    )]
    Console {
        /// The path.
        path: PathBuf,
        /// The console's name.
        console: String,
    },
    /// Two modems say that they are the same one.
    #[error(
        "the modems on {} and {} both claim the IMEI {imei}, so nobody can tell whose texts are \
         whose: take one of them away, or give it its own IMEI back", .here.display(), .there.display()
    )]
    Twins {
        /// The IMEI.
        imei: String,
        /// One port.
        here: PathBuf,
        /// The other one.
        there: PathBuf,
    },
    /// No allow-listed modem is plugged in.
    #[error("no modem found on USB: plug one in, or name its `port` in the configuration")]
    NoneFound,
    /// There are candidates, but none answers.
    #[error(
        "no USB modem answers AT ({tried}): another program may hold it, or `port` must be named"
    )]
    NoneAnswers {
        /// The ports tried, and what each said.
        tried: String,
    },
}

impl OpenError {
    /// Whether the modem may be sick, so that restarting it could help. A port that belongs to
    /// another program, or that may not be opened, is for a person.
    pub fn is_sick(&self) -> bool {
        match self {
            Self::Missing { .. }
            | Self::Unusable { .. }
            | Self::NoneFound
            | Self::NoneAnswers { .. } => true,
            Self::Busy { .. }
            | Self::Forbidden { .. }
            | Self::Withheld { .. }
            | Self::Console { .. }
            | Self::Twins { .. } => false,
        }
    }
}

/// A port that was opened.
#[derive(Debug)]
pub struct Opened<P> {
    /// The port.
    pub port: P,
    /// Where it is, if it has a path.
    pub path: Option<PathBuf>,
}

/// Something that opens a line's port, again and again: after a hang-up about every 100 ms for 2 s,
/// then once a second.
pub trait Opener: Send + 'static {
    /// What is opened. Reading nothing, `Ok(0)`, means that it is gone.
    type Port: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// Where the modem is, for whoever restarts it from outside.
    fn whereabouts(&self) -> Whereabouts {
        Whereabouts::default()
    }

    /// Nothing answered on what was opened last.
    fn unanswered(&mut self) {}

    /// The modem has said who it is. Answers where it is plugged in, if that is not known yet.
    ///
    /// # Errors
    /// When it must not be driven: another line drives one that says the same.
    fn identified(&mut self, imei: &str) -> Result<Option<Place>, OpenError> {
        let _ = imei;
        Ok(None)
    }

    /// Texts arrive unannounced: whether the next opening would give another port of the same
    /// modem, where the announcements may be.
    fn has_other_port(&mut self) -> bool {
        false
    }

    /// Opens it now, or says why not.
    fn open(&mut self) -> impl Future<Output = Result<Opened<Self::Port>, OpenError>> + Send;
}

/// Opens serial ports.
#[derive(Debug)]
pub struct SerialOpener {
    choice: PortChoice,
    /// Speeds to try, the configured one first; a USB port has none.
    rates: Vec<u32>,
    rate: usize,
    seeker: Seeker,
}

impl SerialOpener {
    /// Opens what the line's settings say, on this machine.
    pub fn new(machine: Machine, settings: &LineSettings, keepers: &Keepers) -> Self {
        let mut rates = vec![settings.baud];
        if let PortChoice::Path(path) = &settings.port
            && is_uart(path)
        {
            rates.extend(RATES.into_iter().filter(|rate| *rate != settings.baud));
        }
        Self {
            choice: settings.port.clone(),
            rates,
            rate: 0,
            seeker: Seeker::new(
                settings.name.clone(),
                machine,
                settings.imei.clone(),
                keepers.memory.place.clone(),
                Arc::clone(&keepers.claims),
            ),
        }
    }

    fn baud(&self) -> u32 {
        self.rates.get(self.rate).copied().unwrap_or(RATES[0])
    }
}

impl Opener for SerialOpener {
    type Port = TtyPort;

    fn whereabouts(&self) -> Whereabouts {
        self.seeker.whereabouts(&self.choice)
    }

    fn unanswered(&mut self) {
        self.seeker.unanswered();
        self.rate = (self.rate + 1) % self.rates.len().max(1);
        if self.rates.len() > 1 {
            tracing::info!(baud = self.baud(), "trying another speed");
        }
    }

    fn identified(&mut self, imei: &str) -> Result<Option<Place>, OpenError> {
        self.seeker.identified(imei)
    }

    fn has_other_port(&mut self) -> bool {
        self.choice == PortChoice::Auto && self.seeker.has_other_port()
    }

    async fn open(&mut self) -> Result<Opened<TtyPort>, OpenError> {
        let baud = self.baud();
        self.seeker.open(&self.choice, baud).await
    }
}

/// Whether a port is one of the machine's own UARTs, whose speed somebody has set. By its name: a
/// UART has no other mark.
pub(super) fn is_uart(path: &Path) -> bool {
    let names = ["ttyAMA", "ttyS", "serial"];
    let has_name = |path: &Path| {
        let name = path.file_name().map(|name| name.to_string_lossy());
        name.is_some_and(|name| names.iter().any(|known| name.starts_with(known)))
    };
    has_name(path) || path.canonicalize().is_ok_and(|path| has_name(&path))
}

/// Opens a serial port exclusively: `TIOCEXCL` keeps other programs out (except root's), `flock`
/// those that ask.
///
/// # Errors
/// See [`OpenError`].
pub async fn open_tty(path: &Path, baud: u32) -> Result<TtyPort, OpenError> {
    let unusable = |reason: String| OpenError::Unusable {
        path: path.to_owned(),
        reason,
    };
    let wanted = path.to_owned();
    // Opening may wait for the device; the reactor is reached from a blocking thread as well.
    let opening = tokio::task::spawn_blocking(move || open_blocking(&wanted, baud));
    match tokio::time::timeout(OPEN_LIMIT, opening).await {
        Ok(Ok(opened)) => opened,
        Ok(Err(_)) => Err(unusable("the attempt was abandoned".into())),
        Err(_) => Err(unusable(
            "no answer from the device within 10 s; unplug it and plug it in again".into(),
        )),
    }
}

/// Whether the port a line is configured for is free to be opened. One that is not there may be
/// plugged in later; one that cannot be opened for another reason is the line's own trouble. A
/// program that is just ending, our own predecessor among them, holds its port a moment longer.
///
/// # Errors
/// [`OpenError::Busy`] alone.
pub async fn check_free(choice: &PortChoice, baud: u32) -> Result<(), OpenError> {
    let PortChoice::Path(path) = choice else {
        return Ok(());
    };
    let mut tries_left = BUSY_TRIES;
    loop {
        let path = path.clone();
        let tried = tokio::task::spawn_blocking(move || {
            // Closed again before this returns: the line opens it next.
            open_blocking(&path, baud).map(|mut port| drop(port.0.take()))
        });
        match tokio::time::timeout(OPEN_LIMIT, tried).await {
            Ok(Ok(Err(busy @ OpenError::Busy { .. }))) if tries_left == 0 => return Err(busy),
            Ok(Ok(Err(OpenError::Busy { .. }))) => {
                tries_left -= 1;
                tokio::time::sleep(BUSY_EVERY).await;
            }
            _ => return Ok(()),
        }
    }
}

/// Whether the kernel's console is on this port: its messages go to the modem then, and a login
/// prompt reads the answers. `kernel` is its command line, as in `/proc/cmdline`; `serial0` is
/// whichever UART a Raspberry Pi has on its header.
pub fn is_console(device: &Path, kernel: &str) -> bool {
    let Some(name) = device.file_name().and_then(|name| name.to_str()) else {
        return false;
    };
    kernel.split_whitespace().any(|word| {
        word.strip_prefix("console=").is_some_and(|console| {
            let console = console.split(',').next().unwrap_or_default();
            console == name || (console == "serial0" && matches!(name, "ttyS0" | "ttyAMA0"))
        })
    })
}

fn open_blocking(path: &Path, baud: u32) -> Result<TtyPort, OpenError> {
    let builder = tokio_serial::new(path.to_string_lossy(), baud);
    SerialStream::open(&builder)
        .map(|stream| {
            keep_terminal_ready(&stream);
            TtyPort(Some(stream))
        })
        .map_err(|error| {
            let path = path.to_owned();
            match error.kind() {
                tokio_serial::ErrorKind::Io(io::ErrorKind::NotFound) => OpenError::Missing { path },
                tokio_serial::ErrorKind::Io(io::ErrorKind::PermissionDenied) => refused(path),
                // serialport says so of EBUSY (TIOCEXCL) and of a lock that another program holds.
                tokio_serial::ErrorKind::NoDevice => {
                    let holder = holder_of(&path);
                    OpenError::Busy { path, holder }
                }
                tokio_serial::ErrorKind::InvalidInput
                | tokio_serial::ErrorKind::Unknown
                | tokio_serial::ErrorKind::Io(_) => OpenError::Unusable {
                    path,
                    reason: error.to_string(),
                },
            }
        })
}

/// A file's rights refuse with EACCES, a cgroup's list of devices with EPERM (`DeviceAllow=`). What
/// serialport says no longer tells them apart, so the port is opened once more.
fn refused(path: PathBuf) -> OpenError {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK;
    match rustix::fs::open(&path, flags, Mode::empty()) {
        Err(rustix::io::Errno::PERM) => OpenError::Withheld { path },
        Err(_) | Ok(_) => OpenError::Forbidden { path },
    }
}

/// Clears `HUPCL`: closing the port must not drop DTR, by which some modems hang up or restart.
fn keep_terminal_ready(stream: &SerialStream) {
    use nix::sys::termios::{ControlFlags, SetArg, tcgetattr, tcsetattr};
    let port = stream.as_raw_fd();
    let cleared = tcgetattr(port).and_then(|mut settings| {
        settings.control_flags.remove(ControlFlags::HUPCL);
        tcsetattr(port, SetArg::TCSANOW, &settings)
    });
    if let Err(error) = cleared {
        tracing::debug!(%error, "HUPCL stays as it is");
    }
}

/// The program that has `path` open, as far as this user may see.
fn holder_of(path: &Path) -> String {
    let device = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let holds = |process: &Path| {
        let descriptors = std::fs::read_dir(process.join("fd")).ok()?;
        descriptors
            .flatten()
            .any(|descriptor| std::fs::read_link(descriptor.path()).is_ok_and(|to| to == device))
            .then_some(())
    };
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .find(|process| holds(process).is_some())
        .and_then(|process| {
            let name = std::fs::read_to_string(process.join("comm")).ok()?;
            let id = process.file_name()?.to_string_lossy().into_owned();
            Some(format!("{} (process {id})", name.trim()))
        })
        .unwrap_or_else(|| "another program (ModemManager?)".into())
}

/// An open serial port. Closing a tty can wait long for octets that will never leave, so its output
/// is thrown away first, and it is closed off the runtime.
#[derive(Debug)]
pub struct TtyPort(Option<SerialStream>);

impl TtyPort {
    fn stream(self: Pin<&mut Self>) -> io::Result<Pin<&mut SerialStream>> {
        let stream = self.get_mut().0.as_mut();
        stream
            .map(Pin::new)
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for TtyPort {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream()?.poll_read(cx, buf)
    }
}

impl AsyncWrite for TtyPort {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(cx, buf)
    }

    /// Does nothing: a real flush (`tcdrain`) would block the runtime's thread.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for TtyPort {
    fn drop(&mut self) {
        let Some(stream) = self.0.take() else {
            return;
        };
        // A failure here means that the device is gone, and its output with it.
        let _ = stream.clear(ClearBuffer::Output);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn_blocking(move || drop(stream));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn pty() -> (SerialStream, SerialStream, PathBuf) {
        let (master, slave) = SerialStream::pair().unwrap();
        let path = PathBuf::from(slave.name().unwrap());
        (master, slave, path)
    }

    #[tokio::test]
    async fn octets_go_both_ways() {
        let (mut master, slave, path) = pty();
        drop(slave);
        let mut port = open_tty(&path, 115_200).await.unwrap();
        port.write_all(b"AT\r").await.unwrap();
        let mut heard = [0; 3];
        master.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"AT\r");
        master.write_all(b"OK").await.unwrap();
        let mut said = [0; 2];
        port.read_exact(&mut said).await.unwrap();
        assert_eq!(&said, b"OK");
    }

    #[tokio::test]
    async fn row_44_closing_the_port_does_not_drop_dtr() {
        use nix::sys::termios::{ControlFlags, SetArg, tcgetattr, tcsetattr};
        let (_master, slave, _path) = pty();
        let hangs_up = || {
            let flags = tcgetattr(slave.as_raw_fd()).unwrap().control_flags;
            flags.contains(ControlFlags::HUPCL)
        };
        let mut settings = tcgetattr(slave.as_raw_fd()).unwrap();
        settings.control_flags.insert(ControlFlags::HUPCL);
        tcsetattr(slave.as_raw_fd(), SetArg::TCSANOW, &settings).unwrap();
        assert!(hangs_up());
        keep_terminal_ready(&slave);
        assert!(!hangs_up());
    }

    #[tokio::test]
    async fn row_42_a_port_in_use_names_the_remedy() {
        let (_master, slave, path) = pty();
        drop(slave);
        let first = open_tty(&path, 115_200).await.unwrap();
        let error = open_tty(&path, 115_200).await.unwrap_err();
        let words = error.to_string();
        assert!(matches!(error, OpenError::Busy { .. }), "{words}");
        assert!(words.contains("ModemManager"), "{words}");
        drop(first);
    }

    #[tokio::test]
    async fn what_is_not_a_port_is_said_in_words() {
        let error = open_tty(Path::new("/dev/no-such-modem"), 115_200)
            .await
            .unwrap_err();
        assert!(matches!(error, OpenError::Missing { .. }), "{error}");
        let error = open_tty(Path::new("/dev/null"), 115_200).await.unwrap_err();
        assert!(matches!(error, OpenError::Unusable { .. }), "{error}");
    }
}
