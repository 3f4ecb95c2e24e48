//! The pseudo-terminal that programs open, and the link by which they find it.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serialport::{SerialPort, TTYPort};
use tokio_serial::SerialStream;

/// Both ends of a pseudo-terminal, the modem's and the one that programs open.
#[derive(Debug)]
pub(crate) struct Port {
    path: PathBuf,
    link: Option<PathBuf>,
    /// Held open, so that a program that closes the terminal does not end it.
    slave: TTYPort,
}

impl Port {
    /// Opens a terminal in raw mode and puts the link in place.
    ///
    /// Must be called within a Tokio runtime.
    pub(crate) fn open(link: Option<&Path>) -> io::Result<(Self, SerialStream)> {
        // The pair comes without close-on-exec, and a program started later would keep the port
        // alive; what `try_clone_native` gives has it.
        let (master, slave) = TTYPort::pair()?;
        let path = slave
            .name()
            .map(PathBuf::from)
            .ok_or_else(|| io::Error::other("the system gave a pseudo-terminal without a name"))?;
        let keep_slave = slave.try_clone_native()?;
        let keep_master = master.try_clone_native()?;
        drop((master, slave));
        let stream = SerialStream::try_from(keep_master)?;
        if let Some(link) = link {
            place_link(&path, link)?;
        }
        let port = Self {
            path,
            link: link.map(Path::to_owned),
            slave: keep_slave,
        };
        Ok((port, stream))
    }

    /// The terminal's own name.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Lets other programs open the terminal again.
    ///
    /// A program that is killed leaves the terminal exclusive (TIOCEXCL) for as long as anyone holds
    /// it open, and this end always does; a serial port would have forgotten. Closing a duplicate is
    /// what clears the flag without touching anybody's file lock.
    pub(crate) fn share(&self) {
        if let Ok(duplicate) = self.slave.try_clone_native() {
            drop(duplicate);
        }
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        let Some(link) = &self.link else { return };
        // Another modem may have taken the link over meanwhile.
        if fs::read_link(link).is_ok_and(|target| target == self.path) {
            let _ = fs::remove_file(link);
        }
    }
}

/// Puts a symbolic link in place in one step, whatever link was there before.
fn place_link(target: &Path, link: &Path) -> io::Result<()> {
    match fs::symlink_metadata(link) {
        Ok(there) if !there.file_type().is_symlink() => {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                format!(
                    "{} is there and is no link: choose another path",
                    link.display()
                ),
            ));
        }
        Ok(_) | Err(_) => {}
    }
    let mut name = link
        .file_name()
        .ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{} names no file: give the link a name", link.display()),
            )
        })?
        .to_owned();
    name.push(format!(".{}", std::process::id()));
    let beside = link.with_file_name(name);
    let _ = fs::remove_file(&beside);
    symlink(target, &beside).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("{} cannot be made: {error}", link.display()),
        )
    })?;
    fs::rename(&beside, link)
}
