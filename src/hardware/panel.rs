//! The front panel: two lamps, a switch and a button, each optional.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use embedded_hal::digital::{InputPin, PinState};

use super::board::{Bias, Board};
use super::error::HardwareError;
use super::lamp::{LampPin, Pattern};
use super::switch::{DeskPosition, DeskSwitch, HelpButton};

const GREEN: &str = "green lamp";
const AMBER: &str = "amber lamp";
const DESK: &str = "desk switch";
const HELP: &str = "help button";

/// A pin that failed is tried again after this long.
const AFTER_FAULT: Duration = Duration::from_secs(1);

/// Which BCM lines the panel's parts are on; `None`: not fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PanelPins {
    /// Green lamp: the line's health.
    pub green: Option<u8>,
    /// Amber lamp: a text is unanswered.
    pub amber: Option<u8>,
    /// Latching desk switch, to ground.
    pub desk: Option<u8>,
    /// Help button, to ground.
    pub help: Option<u8>,
}

/// Everything fitted, where the wiring diagram puts it.
impl Default for PanelPins {
    fn default() -> Self {
        Self {
            green: Some(5),
            amber: Some(12),
            desk: Some(16),
            help: Some(21), // 19 is W_DISABLE of a Sixfab Base HAT
        }
    }
}

impl PanelPins {
    /// Nothing fitted.
    pub const NONE: Self = Self {
        green: None,
        amber: None,
        desk: None,
        help: None,
    };

    /// No line has two roles.
    fn check(&self) -> Result<(), HardwareError> {
        let mut taken = BTreeMap::new();
        let roles = [
            (GREEN, self.green),
            (AMBER, self.amber),
            (DESK, self.desk),
            (HELP, self.help),
        ];
        for (second, line) in roles {
            let Some(line) = line else { continue };
            if let Some(first) = taken.insert(line, second) {
                return Err(HardwareError::Shared {
                    line,
                    first,
                    second,
                });
            }
        }
        Ok(())
    }
}

/// What somebody did at the panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PanelEvent {
    /// The desk switch stands here now; also told once after start.
    Desk(DeskPosition),
    /// The help button was pressed.
    Help,
}

/// The panel's lines, held. Never waits: [`Panel::tick`] says when it wants to be called again.
#[derive(Debug)]
pub struct Panel<B: Board> {
    green: Option<LampPin<B::Output>>,
    amber: Option<LampPin<B::Output>>,
    desk: Option<(B::Input, DeskSwitch, Instant)>,
    help: Option<(B::Input, HelpButton, Instant)>,
}

impl<B: Board> Panel<B> {
    /// Takes the lines: lamps dark, contacts pulled up.
    ///
    /// # Errors
    ///
    /// [`HardwareError::Shared`], or as [`Board::output`].
    pub fn open(pins: PanelPins, board: &B, now: Instant) -> Result<Self, HardwareError> {
        pins.check()?;
        let lamp = |line: Option<u8>, role| {
            line.map(|line| {
                let pin = board.output(line, role, PinState::Low)?;
                Ok(LampPin::new(pin, role, now))
            })
            .transpose()
        };
        let contact = |line: Option<u8>, role| {
            line.map(|line| board.input(line, role, Bias::PullUp))
                .transpose()
        };
        Ok(Self {
            green: lamp(pins.green, GREEN)?,
            amber: lamp(pins.amber, AMBER)?,
            desk: contact(pins.desk, DESK)?.map(|pin| (pin, DeskSwitch::default(), now)),
            help: contact(pins.help, HELP)?.map(|pin| (pin, HelpButton::default(), now)),
        })
    }

    /// Sets what the green lamp shows, see [`super::green`]; nothing without the lamp.
    pub fn show_green(&mut self, pattern: Pattern, now: Instant) {
        if let Some(lamp) = &mut self.green {
            lamp.show(pattern, now);
        }
    }

    /// Sets what the amber lamp shows, see [`super::amber`]; nothing without the lamp.
    pub fn show_amber(&mut self, pattern: Pattern, now: Instant) {
        if let Some(lamp) = &mut self.amber {
            lamp.show(pattern, now);
        }
    }

    /// Drives the lamps and reads the contacts that are due. Every part is served, so one broken
    /// wire does not silence the others.
    pub fn tick(&mut self, now: Instant) -> Tick {
        let mut tick = Tick::default();
        for lamp in [&mut self.green, &mut self.amber].into_iter().flatten() {
            match lamp.drive(now) {
                Ok(next) => tick.wake(next),
                Err(error) => tick.fail(error, now),
            }
        }
        if let Some((pin, switch, due)) = &mut self.desk {
            if now >= *due {
                match read(pin, DESK) {
                    Ok(low) => tick
                        .events
                        .extend(switch.sample(low, now).map(PanelEvent::Desk)),
                    Err(error) => tick.fail(error, now),
                }
                *due = switch.next_sample(now);
            }
            tick.wake(Some(*due));
        }
        if let Some((pin, button, due)) = &mut self.help {
            if now >= *due {
                match read(pin, HELP) {
                    Ok(low) if button.sample(low, now) => tick.events.push(PanelEvent::Help),
                    Ok(_) => {}
                    Err(error) => tick.fail(error, now),
                }
                *due = button.next_sample(now);
            }
            tick.wake(Some(*due));
        }
        tick
    }
}

/// What one look at the panel gave.
#[derive(Debug, Default)]
pub struct Tick {
    /// When to look again; `None`: not before a pattern changes.
    pub next: Option<Instant>,
    /// What was done at the panel: two events at most.
    pub events: Vec<PanelEvent>,
    /// The first pin that failed, if one did.
    pub fault: Option<HardwareError>,
}

impl Tick {
    fn wake(&mut self, at: Option<Instant>) {
        self.next = match (self.next, at) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }

    fn fail(&mut self, error: HardwareError, now: Instant) {
        self.wake(now.checked_add(AFTER_FAULT));
        self.fault.get_or_insert(error);
    }
}

fn read(pin: &mut impl InputPin, role: &'static str) -> Result<bool, HardwareError> {
    pin.is_low()
        .map_err(|error| HardwareError::pin(role, error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn two_parts_cannot_share_a_pin() {
        let pins = PanelPins {
            amber: Some(16),
            ..PanelPins::default()
        };
        let said = pins.check().unwrap_err().to_string();
        assert!(
            said.contains("GPIO 16") && said.contains("amber lamp"),
            "{said}"
        );
        assert!(PanelPins::NONE.check().is_ok());
        assert!(PanelPins::default().check().is_ok());
    }
}
