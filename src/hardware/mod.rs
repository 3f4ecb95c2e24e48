//! The box's own pins: power key, reset and status of a modem HAT, lamps, desk switch, help button.
//!
//! Everything here is optional and generic over `embedded-hal` 1.0, so that a test can count every
//! transaction. Only [`CdevBoard`] touches the machine: it opens lines of the GPIO character device
//! (`/dev/gpiochipN`). A HAT is named, never guessed: see [`profile`].
//!
//! The daemon presses power keys through [`Hat`], and seats the front panel (lamps, switch, button)
//! where the configuration has one. Power sequences wait with `DelayNs` and may take half a minute:
//! call them from a thread that may block, never from the asynchronous runtime. Lamps and switches
//! never wait: they are given the time, and say when to be looked at again.
//!
//! Whatever holds a [`Hat`] keeps it for the life of the process: when a line's handle is dropped
//! the kernel may let the pin float, and a floating enable line cuts the modem's power.

mod board;
mod cdev;
mod error;
mod hat;
mod lamp;
mod module;
mod panel;
mod power;
pub mod profile;
mod switch;

pub use board::{Bias, Board, HEADER_CHIPS, Polarity};
pub use cdev::CdevBoard;
pub use error::HardwareError;
pub use hat::Hat;
pub use lamp::{Lamp, LampPin, LineHealth, Pattern, Shown, amber, green};
pub use module::{Module, Press, PulseLengths};
pub use panel::{Panel, PanelEvent, PanelPins, Tick};
pub use power::{POWER_CUT, PowerPins, PowerState, Settled};
pub use profile::Profile;
pub use switch::{DEBOUNCE, Debounce, DeskPosition, DeskSwitch, HelpButton};
