//! A HAT opened by its profile, and held.

use embedded_hal::delay::DelayNs;

use super::board::{Bias, Board};
use super::error::HardwareError;
use super::power::{PowerPins, PowerState, Settled};
use super::profile::{ENABLE, FLIGHT, POWER_KEY, Profile, RESET, STATUS};

/// The lines of one HAT. Keep it for the life of the process: dropping it lets them go.
#[derive(Debug)]
pub struct Hat<B: Board> {
    profile: &'static Profile,
    power: PowerPins<B::Output, B::Input>,
    _flight: Option<B::Output>, // held released: floating, some HATs read it as flight mode
}

impl<B: Board> Hat<B> {
    /// Takes every line of the profile. The enable line starts asserted and the keys released, so
    /// that a modem that was running goes on running.
    ///
    /// # Errors
    ///
    /// As [`Board::output`]; the lines taken until then are let go.
    pub fn open(profile: &'static Profile, board: &B) -> Result<Self, HardwareError> {
        let mut power = PowerPins::new(profile.module.pulses());
        // Supply first: a press on an unpowered module would be lost.
        if let Some(pin) = profile.enable {
            let line = board.output(pin.line, ENABLE, pin.polarity.asserted())?;
            power = power.with_enable(line, pin.polarity);
        }
        let flight = match profile.flight {
            Some(pin) => Some(board.output(pin.line, FLIGHT, pin.polarity.released())?),
            None => None,
        };
        if let Some(pin) = profile.power_key {
            let line = board.output(pin.line, POWER_KEY, pin.polarity.released())?;
            power = power.with_power_key(line, pin.polarity);
        }
        if let Some(pin) = profile.reset {
            let line = board.output(pin.line, RESET, pin.polarity.released())?;
            power = power.with_reset(line, pin.polarity);
        }
        if let Some(pin) = profile.status {
            let line = board.input(pin.line, STATUS, Bias::AsWired)?;
            power = power.with_status(line, pin.polarity);
        }
        Ok(Self {
            profile,
            power,
            _flight: flight,
        })
    }

    /// Which HAT it is.
    pub fn profile(&self) -> &'static Profile {
        self.profile
    }

    /// Its pins, for a single step.
    pub fn power(&mut self) -> &mut PowerPins<B::Output, B::Input> {
        &mut self.power
    }

    /// What STATUS says; `None` where the HAT has no such pin.
    ///
    /// # Errors
    ///
    /// [`HardwareError::Pin`].
    pub fn state(&mut self) -> Result<Option<PowerState>, HardwareError> {
        self.power.state()
    }

    /// The hardest restart this HAT can do: the supply where it is switched, else RESET, else the
    /// power key. It serves a modem that runs, one that is mute and one that is off; blocks for up to
    /// a minute.
    ///
    /// # Errors
    ///
    /// As [`PowerPins::cut_supply`], [`PowerPins::reset`] and [`PowerPins::cycle`].
    pub fn restart(&mut self, delay: &mut impl DelayNs) -> Result<Settled, HardwareError> {
        if self.profile.enable.is_some() {
            self.power.cut_supply(delay)
        } else if self.profile.reset.is_some() && self.profile.module.pulses().reset.is_some() {
            self.power.reset(delay)
        } else {
            self.power.cycle(delay)
        }
    }
}
