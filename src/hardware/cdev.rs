//! Real pins: lines of the GPIO character device. The only file of the room that opens anything.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use embedded_hal::digital::PinState;
use linux_embedded_hal::CdevPin;
use linux_embedded_hal::gpio_cdev::{Chip, Line, LineRequestFlags};

use super::board::{Bias, Board, FoundChip, HIGHEST_LINE, header_chip};
use super::error::HardwareError;

/// Our name in `gpioinfo`.
const CONSUMER: &str = "callnumber";

/// `GPIOHANDLE_REQUEST_BIAS_PULL_UP` of `linux/gpio.h`, in kernels since 5.5.
const BIAS_PULL_UP: u32 = 1 << 5;

/// The 40-pin header of this machine.
#[derive(Debug)]
pub struct CdevBoard {
    path: PathBuf,
}

impl CdevBoard {
    /// Finds the header's chip by its label among `/dev/gpiochip*`.
    ///
    /// # Errors
    ///
    /// [`HardwareError::NoHeader`] or [`HardwareError::Denied`].
    pub fn open() -> Result<Self, HardwareError> {
        Self::open_in(Path::new("/dev"))
    }

    /// The same among the device files of `folder`.
    fn open_in(folder: &Path) -> Result<Self, HardwareError> {
        let mut found = look(folder);
        let index = header_chip(&found)?;
        Ok(Self {
            path: found.swap_remove(index).path,
        })
    }

    /// The chip's device file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn line(&self, line: u8, role: &'static str) -> Result<Line, HardwareError> {
        if line > HIGHEST_LINE {
            return Err(HardwareError::NoSuchLine { line, role });
        }
        let failed = |said: String| HardwareError::Open { line, role, said };
        let mut chip = Chip::new(&self.path).map_err(|error| failed(error.to_string()))?;
        chip.get_line(line.into())
            .map_err(|error| failed(error.to_string()))
    }

    /// Polarity is ours to apply: with `ACTIVE_LOW` set, `CdevPin` and the kernel both invert.
    fn request(
        &self,
        number: u8,
        role: &'static str,
        flags: LineRequestFlags,
        initial: u8,
    ) -> Result<CdevPin, HardwareError> {
        let line = self.line(number, role)?;
        let handle = match line.request(flags, initial, CONSUMER) {
            Ok(handle) => handle,
            Err(error) => return Err(refused(&line, number, role, &error.to_string())),
        };
        CdevPin::new(handle).map_err(|error| HardwareError::Open {
            line: number,
            role,
            said: error.to_string(),
        })
    }
}

impl Board for CdevBoard {
    type Output = CdevPin;
    type Input = CdevPin;

    fn output(
        &self,
        line: u8,
        role: &'static str,
        initial: PinState,
    ) -> Result<CdevPin, HardwareError> {
        self.request(
            line,
            role,
            LineRequestFlags::OUTPUT,
            u8::from(initial == PinState::High),
        )
    }

    fn input(&self, line: u8, role: &'static str, bias: Bias) -> Result<CdevPin, HardwareError> {
        let flags = match bias {
            Bias::AsWired => LineRequestFlags::INPUT,
            Bias::PullUp => {
                LineRequestFlags::from_bits_retain(LineRequestFlags::INPUT.bits() | BIAS_PULL_UP)
            }
        };
        self.request(line, role, flags, 0)
    }
}

/// A line somebody holds says who; else the kernel's own words.
fn refused(line: &Line, number: u8, role: &'static str, said: &str) -> HardwareError {
    let holder = line.info().ok().filter(|info| info.is_used()).map(|info| {
        info.consumer()
            .map_or_else(|| "a kernel driver".to_owned(), |name| format!("{name:?}"))
    });
    if said.contains("EBUSY") {
        let holder = holder.unwrap_or_else(|| "another program".to_owned());
        return HardwareError::Busy {
            line: number,
            role,
            holder,
        };
    }
    HardwareError::Open {
        line: number,
        role,
        said: said.to_owned(),
    }
}

/// Every `gpiochip*` of `folder`, in the order of their names, and the label of each.
fn look(folder: &Path) -> Vec<FoundChip> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("gpiochip"))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| FoundChip {
            label: label(&path),
            path,
        })
        .collect()
}

/// The label, through a plain open first: the crate's error does not show the system's code.
fn label(path: &Path) -> io::Result<String> {
    drop(File::open(path)?);
    let chip = Chip::new(path).map_err(io::Error::other)?;
    Ok(chip.label().to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_empty_folder_has_no_header() {
        let folder = tempfile::tempdir().unwrap();
        let error = CdevBoard::open_in(folder.path()).unwrap_err();
        assert!(matches!(error, HardwareError::NoHeader { .. }), "{error}");
    }

    #[test]
    fn a_file_that_is_no_chip_is_named_with_what_the_kernel_said() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("gpiochip0"), "").unwrap();
        fs::write(folder.path().join("gpiomem"), "").unwrap();
        let said = CdevBoard::open_in(folder.path()).unwrap_err().to_string();
        assert!(
            said.contains("gpiochip0: Ioctl to get chip info failed: ENOTTY"),
            "{said}"
        );
        assert!(!said.contains("gpiomem"), "{said}");
    }

    #[test]
    fn a_line_beyond_the_header_is_refused_before_anything_is_opened() {
        let board = CdevBoard {
            path: "/nonexistent/gpiochip0".into(),
        };
        let error = board.output(28, "power key", PinState::Low).err().unwrap();
        assert!(
            matches!(error, HardwareError::NoSuchLine { line: 28, .. }),
            "{error}"
        );
    }

    #[test]
    fn a_chip_that_went_away_is_an_error_and_no_panic() {
        let board = CdevBoard {
            path: "/nonexistent/gpiochip0".into(),
        };
        let said = board
            .input(16, "desk switch", Bias::PullUp)
            .err()
            .unwrap()
            .to_string();
        assert!(
            said.contains("GPIO 16 (desk switch)") && said.contains("No such file"),
            "{said}"
        );
    }

    #[test]
    fn pins_may_be_handed_to_the_thread_that_waits() {
        fn may_move<T: Send + 'static>() {}
        may_move::<crate::hardware::Hat<CdevBoard>>();
        may_move::<crate::hardware::Panel<CdevBoard>>();
    }
}
