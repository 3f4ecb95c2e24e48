//! The seam below which a pin is the machine's, and above which it is anybody's.

use embedded_hal::digital::{InputPin, OutputPin, PinState};

use super::HardwareError;

/// Labels of the chips that drive the 40-pin header, as the kernel's pin controllers give them.
///
/// The number in `/dev/gpiochipN` differs between kernels; the label does not. A Pi 5 has several
/// chips and only this one reaches the header.
pub const HEADER_CHIPS: [&str; 3] = [
    "pinctrl-rp1",     // Pi 5, Compute Module 5
    "pinctrl-bcm2711", // Pi 4, Pi 400, Compute Module 4
    "pinctrl-bcm2835", // Pi Zero to Pi 3
];

/// Highest BCM number on the header.
pub(super) const HIGHEST_LINE: u8 = 27;

/// What holds an input while nothing drives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bias {
    /// Whatever the board does.
    AsWired,
    /// The chip's pull-up, some 50 kΩ: for contacts to ground.
    PullUp,
}

/// Which level means yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polarity {
    /// High is asserted.
    ActiveHigh,
    /// Low is asserted.
    ActiveLow,
}

impl Polarity {
    /// The level that asserts.
    pub fn asserted(self) -> PinState {
        match self {
            Self::ActiveHigh => PinState::High,
            Self::ActiveLow => PinState::Low,
        }
    }

    /// The level that releases.
    pub fn released(self) -> PinState {
        !self.asserted()
    }
}

/// Where pins come from: the character device, or a test's double of it.
pub trait Board {
    /// A line driven by us.
    type Output: OutputPin;
    /// A line read by us.
    type Input: InputPin;

    /// Takes BCM line `line` as an output that starts at `initial`, with no moment of the other
    /// level between.
    ///
    /// # Errors
    ///
    /// When the line does not exist, is held by another, or the kernel refuses.
    fn output(
        &self,
        line: u8,
        role: &'static str,
        initial: PinState,
    ) -> Result<Self::Output, HardwareError>;

    /// Takes BCM line `line` as an input.
    ///
    /// # Errors
    ///
    /// As [`Board::output`].
    fn input(&self, line: u8, role: &'static str, bias: Bias)
    -> Result<Self::Input, HardwareError>;
}

/// What a look into one `/dev/gpiochipN` gave.
#[derive(Debug)]
pub(super) struct FoundChip {
    pub(super) path: std::path::PathBuf,
    pub(super) label: Result<String, std::io::Error>,
}

/// Index of the chip that drives the header.
///
/// A chip that may not be opened only matters when no other fits: a Pi 5 has chips that are none of
/// our business.
pub(super) fn header_chip(found: &[FoundChip]) -> Result<usize, HardwareError> {
    for wanted in HEADER_CHIPS {
        let fits = |chip: &FoundChip| chip.label.as_deref().is_ok_and(|label| label == wanted);
        if let Some(index) = found.iter().position(fits) {
            return Ok(index);
        }
    }
    let denied = |chip: &&FoundChip| {
        chip.label
            .as_ref()
            .is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
    };
    if let Some(chip) = found.iter().find(denied) {
        return Err(HardwareError::Denied {
            path: chip.path.clone(),
        });
    }
    let mut seen: Vec<String> = found
        .iter()
        .map(|chip| match &chip.label {
            Ok(label) => format!("{}: {label}", chip.path.display()),
            Err(error) => format!("{}: {error}", chip.path.display()),
        })
        .collect();
    if seen.is_empty() {
        seen.push("no /dev/gpiochip at all".to_owned());
    }
    Err(HardwareError::NoHeader {
        found: seen.join(", "),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{Error, ErrorKind};

    use super::*;

    fn chip(number: u8, label: Result<&str, ErrorKind>) -> FoundChip {
        FoundChip {
            path: format!("/dev/gpiochip{number}").into(),
            label: label.map(str::to_owned).map_err(Error::from),
        }
    }

    #[test]
    fn the_header_is_found_by_label_wherever_it_is_numbered() {
        for (found, index) in [
            (
                vec![
                    chip(0, Ok("pinctrl-bcm2835")),
                    chip(1, Ok("raspberrypi-exp-gpio")),
                ],
                0,
            ),
            (
                vec![
                    chip(0, Ok("pinctrl-bcm2711")),
                    chip(1, Ok("raspberrypi-exp-gpio")),
                ],
                0,
            ),
            // A Pi 5 on a 6.6 kernel: the header is chip 4.
            (
                vec![
                    chip(0, Ok("gpio-brcmstb@107d508500")),
                    chip(4, Ok("pinctrl-rp1")),
                ],
                1,
            ),
            // Another chip that is locked does not matter.
            (
                vec![
                    chip(0, Err(ErrorKind::PermissionDenied)),
                    chip(1, Ok("pinctrl-rp1")),
                ],
                1,
            ),
        ] {
            assert_eq!(header_chip(&found).unwrap(), index, "{found:?}");
        }
    }

    #[test]
    fn a_machine_without_a_header_is_told_what_to_do() {
        for (found, words) in [
            (vec![], "no /dev/gpiochip at all"),
            (
                vec![chip(0, Ok("INT34C5:00"))],
                "/dev/gpiochip0: INT34C5:00",
            ),
            (
                vec![chip(0, Err(ErrorKind::PermissionDenied))],
                "add the user to group gpio",
            ),
            (
                vec![chip(0, Ok("pinctrl-bcm2711-like"))],
                "leave `power` and the pins out",
            ),
        ] {
            let said = header_chip(&found).unwrap_err().to_string();
            assert!(said.contains(words), "{said}");
        }
    }
}
