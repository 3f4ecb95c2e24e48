//! What can go wrong at a pin, and what to do about it.

use std::path::PathBuf;
use std::time::Duration;

/// An error of this room: what failed, what the machine said, what to do next.
#[derive(Debug, thiserror::Error)]
pub enum HardwareError {
    /// No profile has this name.
    #[error("no HAT profile is called {name:?}: choose one of {known}, or leave `power` out")]
    UnknownProfile {
        /// The name asked for.
        name: String,
        /// The names there are, separated by commas.
        known: String,
    },
    /// No GPIO chip drives this machine's 40-pin header.
    #[error(
        "no GPIO chip of a Raspberry Pi header was found ({found}): this machine has no such \
         header, or the kernel lacks CONFIG_GPIO_CDEV; leave `power` and the pins out"
    )]
    NoHeader {
        /// What was found instead, in words.
        found: String,
    },
    /// A chip's device file may not be opened by this user.
    #[error(
        "no permission to open {}: add the user to group gpio; for the service, install the \
         drop-in systemd/callnumber.service.d/hat.conf.example", .path.display()
    )]
    Denied {
        /// The chip's device file.
        path: PathBuf,
    },
    /// Another program or a kernel driver holds the line.
    #[error(
        "GPIO {line} ({role}) is held by {holder}: stop that program, or remove the overlay that \
         claims the pin from config.txt"
    )]
    Busy {
        /// BCM number of the line.
        line: u8,
        /// What we wanted it for.
        role: &'static str,
        /// Who has it, as far as the kernel says.
        holder: String,
    },
    /// The chip has no such line.
    #[error("the chip has no GPIO {line} ({role}): a header has GPIO 0 to 27")]
    NoSuchLine {
        /// BCM number of the line.
        line: u8,
        /// What we wanted it for.
        role: &'static str,
    },
    /// Two roles were given the same line.
    #[error("GPIO {line} is given to both {first} and {second}: give each its own pin")]
    Shared {
        /// BCM number of the line.
        line: u8,
        /// The role that took it first.
        first: &'static str,
        /// The role that came second.
        second: &'static str,
    },
    /// The kernel refused to open a line.
    #[error("GPIO {line} ({role}) cannot be opened: {said}; does another overlay use the pin?")]
    Open {
        /// BCM number of the line.
        line: u8,
        /// What we wanted it for.
        role: &'static str,
        /// What the kernel said.
        said: String,
    },
    /// Reading or setting a line failed.
    #[error("the {role} pin failed: {said}; check that the HAT is seated, then restart")]
    Pin {
        /// The pin's role.
        role: &'static str,
        /// What the pin's driver said.
        said: String,
    },
    /// The profile has no such pin.
    #[error("this HAT has no {role} pin the Pi can reach: use another rung of the ladder")]
    NotWired {
        /// The missing pin's role.
        role: &'static str,
    },
    /// The power key toggles, and nobody knows whether the modem is on.
    #[error(
        "the power key toggles and the modem's state is not known: this HAT has no STATUS pin, so \
         try AT first and say whether it answered"
    )]
    StateUnknown,
    /// The STATUS pin did not follow.
    #[error(
        "the modem did not turn {wanted} within {waited:?}: check its power supply (2 A bursts) \
         and that the profile fits the HAT"
    )]
    Unmoved {
        /// The state that was asked for.
        wanted: &'static str,
        /// How long STATUS was watched.
        waited: Duration,
    },
}

impl HardwareError {
    /// A pin's driver reported `error`.
    pub(super) fn pin(role: &'static str, error: impl std::fmt::Debug) -> Self {
        Self::Pin {
            role,
            said: format!("{error:?}"),
        }
    }

    /// Whether the same call may succeed later with nothing changed by hand.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Busy { .. } | Self::Pin { .. } | Self::StateUnknown | Self::Unmoved { .. } => {
                true
            }
            Self::UnknownProfile { .. }
            | Self::NoHeader { .. }
            | Self::Denied { .. }
            | Self::NoSuchLine { .. }
            | Self::Shared { .. }
            | Self::Open { .. }
            | Self::NotWired { .. } => false,
        }
    }
}
