//! Turning a modem on, off and around through its pins.
//!
//! PWRKEY *toggles*: the press that wakes a sleeping modem may kill a running one. So the state
//! is known before anything is pressed, from the STATUS pin, or from whoever has just tried AT; or the
//! presses are such that they end the same either way.

use std::time::Duration;

use embedded_hal::delay::DelayNs;
use embedded_hal::digital::{InputPin, OutputPin, PinState};

use super::board::Polarity;
use super::error::HardwareError;
use super::module::{Press, PulseLengths};
use super::profile::{ENABLE, POWER_KEY, RESET, STATUS};

/// How long the supply stays cut, so that the module's capacitors are empty too.
pub const POWER_CUT: Duration = Duration::from_secs(10);

/// How often STATUS is read while it is waited for.
const STATUS_EVERY: Duration = Duration::from_millis(100);

/// Whether the modem is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerState {
    /// Running.
    On,
    /// Dark.
    Off,
}

impl PowerState {
    fn word(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

/// How a power sequence ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It was so already: nothing was pressed.
    Already,
    /// STATUS followed, after this long.
    Confirmed(Duration),
    /// The pins were worked and the module's time has passed; only AT can say whether it helped.
    Unconfirmed,
}

/// A pin with its polarity and its role's name.
#[derive(Debug)]
pub(super) struct Wire<P> {
    pub(super) pin: P,
    pub(super) polarity: Polarity,
    pub(super) role: &'static str,
}

impl<P: OutputPin> Wire<P> {
    fn set(&mut self, level: PinState) -> Result<(), HardwareError> {
        let role = self.role;
        self.pin
            .set_state(level)
            .map_err(|error| HardwareError::pin(role, error))
    }

    fn assert(&mut self) -> Result<(), HardwareError> {
        self.set(self.polarity.asserted())
    }

    fn release(&mut self) -> Result<(), HardwareError> {
        self.set(self.polarity.released())
    }

    /// Asserted for `hold`, and released whatever happens: tried twice, for a key that stays
    /// pressed turns the modem off again.
    fn pulse(&mut self, hold: Duration, delay: &mut impl DelayNs) -> Result<(), HardwareError> {
        if let Err(error) = self.assert() {
            let _ = self.release(); // the error that matters is the first one
            return Err(error);
        }
        wait(delay, hold);
        self.release().or_else(|_| self.release())
    }
}

impl<P: InputPin> Wire<P> {
    fn is_asserted(&mut self) -> Result<bool, HardwareError> {
        let read = match self.polarity {
            Polarity::ActiveHigh => self.pin.is_high(),
            Polarity::ActiveLow => self.pin.is_low(),
        };
        read.map_err(|error| HardwareError::pin(self.role, error))
    }
}

/// The power pins of one modem. Each is optional; a call that needs a missing one says so.
#[derive(Debug)]
pub struct PowerPins<O, I> {
    pulses: PulseLengths,
    power_key: Option<Wire<O>>,
    reset: Option<Wire<O>>,
    enable: Option<Wire<O>>,
    status: Option<Wire<I>>,
}

impl<O: OutputPin, I: InputPin> PowerPins<O, I> {
    /// No pins yet, for a module with these pulses.
    pub fn new(pulses: PulseLengths) -> Self {
        Self {
            pulses,
            power_key: None,
            reset: None,
            enable: None,
            status: None,
        }
    }

    /// With a power key on `pin`, which is released now.
    #[must_use]
    pub fn with_power_key(mut self, pin: O, polarity: Polarity) -> Self {
        self.power_key = Some(Wire {
            pin,
            polarity,
            role: POWER_KEY,
        });
        self
    }

    /// With a reset on `pin`, which is released now.
    #[must_use]
    pub fn with_reset(mut self, pin: O, polarity: Polarity) -> Self {
        self.reset = Some(Wire {
            pin,
            polarity,
            role: RESET,
        });
        self
    }

    /// With the supply switched by `pin`, which is asserted now.
    #[must_use]
    pub fn with_enable(mut self, pin: O, polarity: Polarity) -> Self {
        self.enable = Some(Wire {
            pin,
            polarity,
            role: ENABLE,
        });
        self
    }

    /// With the module's STATUS on `pin`.
    #[must_use]
    pub fn with_status(mut self, pin: I, polarity: Polarity) -> Self {
        self.status = Some(Wire {
            pin,
            polarity,
            role: STATUS,
        });
        self
    }

    /// What STATUS says; `None` when the HAT has no such pin.
    ///
    /// # Errors
    ///
    /// [`HardwareError::Pin`].
    pub fn state(&mut self) -> Result<Option<PowerState>, HardwareError> {
        let Some(status) = &mut self.status else {
            return Ok(None);
        };
        Ok(Some(if status.is_asserted()? {
            PowerState::On
        } else {
            PowerState::Off
        }))
    }

    /// Turns the modem on, unless it is. `answers_at` is what a fresh try of AT gave, and counts
    /// only where there is no STATUS pin. Takes up to the module's ready time.
    ///
    /// # Errors
    ///
    /// [`HardwareError::NotWired`] without a power key, [`HardwareError::StateUnknown`] when
    /// neither STATUS nor `answers_at` says where we stand, [`HardwareError::Unmoved`] when STATUS
    /// does not follow, [`HardwareError::Pin`].
    pub fn turn_on(
        &mut self,
        answers_at: Option<bool>,
        delay: &mut impl DelayNs,
    ) -> Result<Settled, HardwareError> {
        let (press, time) = (self.pulses.on, self.pulses.ready);
        self.toggle(PowerState::On, press, time, answers_at, delay)
    }

    /// Turns the modem off, unless it is. Otherwise as [`PowerPins::turn_on`]; takes up to the
    /// module's log-off time.
    ///
    /// # Errors
    ///
    /// As [`PowerPins::turn_on`].
    pub fn turn_off(
        &mut self,
        answers_at: Option<bool>,
        delay: &mut impl DelayNs,
    ) -> Result<Settled, HardwareError> {
        let (press, time) = (self.pulses.off, self.pulses.gone);
        self.toggle(PowerState::Off, press, time, answers_at, delay)
    }

    /// Off and on again by the power key; a modem that was off is turned on. Takes up to a minute.
    ///
    /// Without STATUS a mute modem and a dark one look alike, so both are served: a press that
    /// turns off (and wakes a dark one), the log-off time, and a press that turns on and is too
    /// short to turn a running one off. Whatever it was before, it ends on.
    ///
    /// # Errors
    ///
    /// [`HardwareError::NotWired`] without a power key, [`HardwareError::Unmoved`] when STATUS does
    /// not follow, [`HardwareError::Pin`].
    pub fn cycle(&mut self, delay: &mut impl DelayNs) -> Result<Settled, HardwareError> {
        match self.state()? {
            Some(PowerState::On) => {
                self.turn_off(None, delay)?;
                self.turn_on(None, delay)
            }
            Some(PowerState::Off) => self.turn_on(None, delay),
            None => {
                let pulses = self.pulses;
                let Some(key) = &mut self.power_key else {
                    return Err(HardwareError::NotWired { role: POWER_KEY });
                };
                key.pulse(pulses.off.hold, delay)?;
                wait(delay, pulses.gone);
                key.pulse(pulses.on.hold, delay)?;
                wait(delay, pulses.ready);
                Ok(Settled::Unconfirmed)
            }
        }
    }

    /// Pulls RESET, then waits until the module should answer again.
    ///
    /// # Errors
    ///
    /// [`HardwareError::NotWired`] without the pin or for a module without the pulse,
    /// [`HardwareError::Pin`], [`HardwareError::Unmoved`] when STATUS says it did not come back.
    pub fn reset(&mut self, delay: &mut impl DelayNs) -> Result<Settled, HardwareError> {
        let (Some(reset), Some(press)) = (&mut self.reset, self.pulses.reset) else {
            return Err(HardwareError::NotWired { role: RESET });
        };
        reset.pulse(press.hold, delay)?;
        // STATUS drops only for part of the boot: the whole time is waited before it is believed.
        wait(delay, self.pulses.ready);
        match self.state()? {
            None => Ok(Settled::Unconfirmed),
            Some(PowerState::On) => Ok(Settled::Confirmed(self.pulses.ready)),
            Some(PowerState::Off) => Err(HardwareError::Unmoved {
                wanted: PowerState::On.word(),
                waited: self.pulses.ready,
            }),
        }
    }

    /// Cuts the modem's supply for [`POWER_CUT`], restores it, and presses the power key where
    /// there is one: the last rung. Where there is none the HAT starts the module by itself.
    ///
    /// # Errors
    ///
    /// [`HardwareError::NotWired`] without an enable pin, [`HardwareError::Pin`],
    /// [`HardwareError::Unmoved`].
    pub fn cut_supply(&mut self, delay: &mut impl DelayNs) -> Result<Settled, HardwareError> {
        let Some(enable) = &mut self.enable else {
            return Err(HardwareError::NotWired { role: ENABLE });
        };
        if let Err(error) = enable.release() {
            let _ = enable.assert(); // never leave the modem dark because of an error
            return Err(error);
        }
        wait(delay, POWER_CUT);
        enable.assert().or_else(|_| enable.assert())?;
        if self.power_key.is_some() {
            // The regulator has to settle before a press counts.
            wait(delay, STATUS_EVERY);
            return self.turn_on(Some(false), delay);
        }
        self.await_state(PowerState::On, self.pulses.ready, delay)
    }

    fn toggle(
        &mut self,
        wanted: PowerState,
        press: Press,
        time: Duration,
        answers_at: Option<bool>,
        delay: &mut impl DelayNs,
    ) -> Result<Settled, HardwareError> {
        if self.power_key.is_none() {
            return Err(HardwareError::NotWired { role: POWER_KEY });
        }
        let told = answers_at.map(|yes| if yes { PowerState::On } else { PowerState::Off });
        let now = self.state()?.or(told).ok_or(HardwareError::StateUnknown)?;
        if now == wanted {
            return Ok(Settled::Already);
        }
        if let Some(key) = &mut self.power_key {
            key.pulse(press.hold, delay)?;
        }
        self.await_state(wanted, time, delay)
    }

    /// Reads STATUS until it says `wanted`, for `time` at most; without STATUS waits `time` out.
    fn await_state(
        &mut self,
        wanted: PowerState,
        time: Duration,
        delay: &mut impl DelayNs,
    ) -> Result<Settled, HardwareError> {
        let mut waited = Duration::ZERO;
        loop {
            match self.state()? {
                None => {
                    wait(delay, time);
                    return Ok(Settled::Unconfirmed);
                }
                Some(state) if state == wanted => return Ok(Settled::Confirmed(waited)),
                Some(_) if waited >= time => {
                    return Err(HardwareError::Unmoved {
                        wanted: wanted.word(),
                        waited,
                    });
                }
                Some(_) => {
                    wait(delay, STATUS_EVERY);
                    waited = waited.saturating_add(STATUS_EVERY);
                }
            }
        }
    }
}

/// Every wait here is whole milliseconds, and at most half a minute.
fn wait(delay: &mut impl DelayNs, time: Duration) {
    delay.delay_ms(u32::try_from(time.as_millis()).unwrap_or(u32::MAX));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::ErrorKind;

    use embedded_hal_mock::eh1::MockError;
    use embedded_hal_mock::eh1::delay::{CheckedDelay, Transaction as Wait};
    use embedded_hal_mock::eh1::digital::{Mock, State, Transaction as Touch};

    use super::*;
    use crate::hardware::Module;

    const HIGH: PinState = PinState::High;
    const LOW: PinState = PinState::Low;

    fn level(state: PinState) -> State {
        if state == HIGH {
            State::High
        } else {
            State::Low
        }
    }

    fn sets(levels: &[PinState]) -> Mock {
        let touches: Vec<Touch> = levels
            .iter()
            .map(|state| Touch::set(level(*state)))
            .collect();
        Mock::new(&touches)
    }

    fn reads(levels: &[PinState]) -> Mock {
        let touches: Vec<Touch> = levels
            .iter()
            .map(|state| Touch::get(level(*state)))
            .collect();
        Mock::new(&touches)
    }

    fn waits(ms: &[u32]) -> CheckedDelay {
        let waits: Vec<Wait> = ms.iter().map(|ms| Wait::delay_ms(*ms)).collect();
        CheckedDelay::new(&waits)
    }

    #[test]
    fn a_press_is_one_pulse_of_the_modules_length() {
        // Module, its on press, its ready time, its off press, its log-off: all in milliseconds.
        for (module, on, ready, off, gone) in [
            (Module::Sim800, 1_200, 3_000, 2_000, 3_000),
            (Module::Sim7000, 1_100, 10_000, 1_500, 10_000),
            (Module::Sim7600, 500, 20_000, 3_000, 32_000),
            (Module::A7670, 300, 20_000, 2_750, 32_000),
            (Module::Ec25, 600, 15_000, 750, 30_000),
            (Module::Bg96, 600, 15_000, 750, 30_000),
        ] {
            for (polarity, levels) in [
                (Polarity::ActiveHigh, [HIGH, LOW]),
                (Polarity::ActiveLow, [LOW, HIGH]),
            ] {
                let mut key = sets(&levels);
                let mut delay = waits(&[on, ready]);
                let mut pins = PowerPins::<_, Mock>::new(module.pulses())
                    .with_power_key(key.clone(), polarity);
                assert_eq!(
                    pins.turn_on(Some(false), &mut delay).unwrap(),
                    Settled::Unconfirmed
                );
                key.done();
                delay.done();

                let mut key = sets(&levels);
                let mut delay = waits(&[off, gone]);
                let mut pins = PowerPins::<_, Mock>::new(module.pulses())
                    .with_power_key(key.clone(), polarity);
                assert_eq!(
                    pins.turn_off(Some(true), &mut delay).unwrap(),
                    Settled::Unconfirmed
                );
                key.done();
                delay.done();
            }
        }
    }

    #[test]
    fn a_modem_that_is_as_wanted_is_not_pressed() {
        for (status, wanted) in [(HIGH, PowerState::On), (LOW, PowerState::Off)] {
            let (mut key, mut seen, mut delay) = (sets(&[]), reads(&[status]), waits(&[]));
            let mut pins = PowerPins::new(Module::Sim7600.pulses())
                .with_power_key(key.clone(), Polarity::ActiveHigh)
                .with_status(seen.clone(), Polarity::ActiveHigh);
            // STATUS overrules what AT seemed to say.
            let settled = match wanted {
                PowerState::On => pins.turn_on(Some(false), &mut delay),
                PowerState::Off => pins.turn_off(Some(true), &mut delay),
            };
            assert_eq!(settled.unwrap(), Settled::Already);
            key.done();
            seen.done();
            delay.done();
        }
    }

    #[test]
    fn without_status_or_an_answer_nothing_is_pressed() {
        let (mut key, mut delay) = (sets(&[]), waits(&[]));
        let mut pins = PowerPins::<_, Mock>::new(Module::Sim7600.pulses())
            .with_power_key(key.clone(), Polarity::ActiveHigh);
        for error in [
            pins.turn_on(None, &mut delay),
            pins.turn_off(None, &mut delay),
        ] {
            assert!(
                matches!(error, Err(HardwareError::StateUnknown)),
                "{error:?}"
            );
        }
        assert_eq!(
            pins.turn_on(Some(true), &mut delay).unwrap(),
            Settled::Already
        );
        assert_eq!(
            pins.turn_off(Some(false), &mut delay).unwrap(),
            Settled::Already
        );
        key.done();
        delay.done();
    }

    #[test]
    fn status_is_read_ten_times_a_second_until_it_follows() {
        let mut key = sets(&[HIGH, LOW]);
        let mut status = reads(&[HIGH, HIGH, HIGH, LOW]); // active low: off, off, off, on
        let mut delay = waits(&[600, 100, 100]);
        let mut pins = PowerPins::new(Module::Bg96.pulses())
            .with_power_key(key.clone(), Polarity::ActiveHigh)
            .with_status(status.clone(), Polarity::ActiveLow);
        let settled = pins.turn_on(None, &mut delay).unwrap();
        assert_eq!(settled, Settled::Confirmed(Duration::from_millis(200)));
        key.done();
        status.done();
        delay.done();
    }

    #[test]
    fn a_status_that_never_follows_ends_with_the_modules_time() {
        let mut key = sets(&[HIGH, LOW]);
        let mut status = reads(&[LOW; 32]); // one before the press, 31 in 3 s
        let mut delay = waits(&[&[1_200][..], &[100; 30]].concat());
        let mut pins = PowerPins::new(Module::Sim800.pulses())
            .with_power_key(key.clone(), Polarity::ActiveHigh)
            .with_status(status.clone(), Polarity::ActiveHigh);
        let error = pins.turn_on(None, &mut delay).unwrap_err();
        assert!(
            matches!(error, HardwareError::Unmoved { wanted: "on", waited } if waited.as_secs() == 3)
        );
        assert!(error.is_transient());
        key.done();
        status.done();
        delay.done();
    }

    #[test]
    fn a_cycle_without_status_ends_on_whatever_it_was() {
        let mut key = sets(&[HIGH, LOW, HIGH, LOW]);
        let mut delay = waits(&[3_000, 32_000, 500, 20_000]);
        let mut pins = PowerPins::<_, Mock>::new(Module::Sim7600.pulses())
            .with_power_key(key.clone(), Polarity::ActiveHigh);
        assert_eq!(pins.cycle(&mut delay).unwrap(), Settled::Unconfirmed);
        key.done();
        delay.done();
    }

    #[test]
    fn a_cycle_with_status_presses_what_is_needed() {
        // On: seen by the cycle, by the press, then off; off to the next press, then on.
        for (seen, levels, waited) in [
            (
                &[HIGH, HIGH, LOW, LOW, HIGH][..],
                &[HIGH, LOW, HIGH, LOW][..],
                &[750, 600][..],
            ),
            (&[LOW, LOW, HIGH][..], &[HIGH, LOW][..], &[600][..]),
        ] {
            let (mut key, mut status, mut delay) = (sets(levels), reads(seen), waits(waited));
            let mut pins = PowerPins::new(Module::Bg96.pulses())
                .with_power_key(key.clone(), Polarity::ActiveHigh)
                .with_status(status.clone(), Polarity::ActiveHigh);
            assert_eq!(
                pins.cycle(&mut delay).unwrap(),
                Settled::Confirmed(Duration::ZERO)
            );
            key.done();
            status.done();
            delay.done();
        }
    }

    #[test]
    fn a_reset_is_one_pulse_then_the_boot() {
        for (module, hold, ready) in [
            (Module::Sim800, 150, 3_000),
            (Module::Sim7600, 300, 20_000),
            (Module::A7670, 100, 20_000),
            (Module::Ec25, 300, 15_000),
        ] {
            let (mut reset, mut delay) = (sets(&[HIGH, LOW]), waits(&[hold, ready]));
            let mut pins = PowerPins::<_, Mock>::new(module.pulses())
                .with_reset(reset.clone(), Polarity::ActiveHigh);
            assert_eq!(
                pins.reset(&mut delay).unwrap(),
                Settled::Unconfirmed,
                "{module:?}"
            );
            reset.done();
            delay.done();
        }
    }

    #[test]
    fn a_supply_is_cut_for_ten_seconds_and_the_key_pressed_after() {
        let (mut enable, mut key) = (sets(&[HIGH, LOW]), sets(&[HIGH, LOW]));
        let mut status = reads(&[HIGH, LOW]); // off after the cut, on after the press
        let mut delay = waits(&[10_000, 100, 600]);
        let mut pins = PowerPins::new(Module::Bg96.pulses())
            .with_enable(enable.clone(), Polarity::ActiveLow)
            .with_power_key(key.clone(), Polarity::ActiveHigh)
            .with_status(status.clone(), Polarity::ActiveLow);
        assert_eq!(
            pins.cut_supply(&mut delay).unwrap(),
            Settled::Confirmed(Duration::ZERO)
        );
        enable.done();
        key.done();
        status.done();
        delay.done();
    }

    #[test]
    fn a_supply_without_a_key_waits_for_the_boot() {
        let (mut enable, mut delay) = (sets(&[HIGH, LOW]), waits(&[10_000, 15_000]));
        let mut pins = PowerPins::<_, Mock>::new(Module::Ec25.pulses())
            .with_enable(enable.clone(), Polarity::ActiveLow);
        assert_eq!(pins.cut_supply(&mut delay).unwrap(), Settled::Unconfirmed);
        enable.done();
        delay.done();
    }

    #[test]
    fn what_is_not_wired_is_said() {
        let mut delay = waits(&[]);
        let mut pins = PowerPins::<Mock, Mock>::new(Module::Sim7000.pulses());
        for (result, role) in [
            (pins.turn_on(Some(false), &mut delay), "power key"),
            (pins.turn_off(None, &mut delay), "power key"),
            (pins.cycle(&mut delay), "power key"),
            (pins.reset(&mut delay), "reset"),
            (pins.cut_supply(&mut delay), "power enable"),
        ] {
            let said = result.unwrap_err().to_string();
            assert!(said.contains(role), "{said}");
        }
        assert_eq!(pins.state().unwrap(), None);
        delay.done();
    }

    #[test]
    fn a_key_is_let_go_even_when_a_pin_fails() {
        let broken = || MockError::Io(ErrorKind::BrokenPipe);
        // Pressing fails: released all the same, and the module is not waited for.
        let mut key = Mock::new(&[
            Touch::set(State::High).with_error(broken()),
            Touch::set(State::Low),
        ]);
        let mut delay = waits(&[]);
        let mut pins = PowerPins::<_, Mock>::new(Module::Sim7600.pulses())
            .with_power_key(key.clone(), Polarity::ActiveHigh);
        let error = pins.turn_on(Some(false), &mut delay).unwrap_err();
        assert!(
            matches!(
                error,
                HardwareError::Pin {
                    role: "power key",
                    ..
                }
            ),
            "{error}"
        );
        key.done();
        delay.done();

        // Releasing fails once: it is tried again, and the sequence goes on.
        let mut key = Mock::new(&[
            Touch::set(State::High),
            Touch::set(State::Low).with_error(broken()),
            Touch::set(State::Low),
        ]);
        let mut delay = waits(&[500, 20_000]);
        let mut pins = PowerPins::<_, Mock>::new(Module::Sim7600.pulses())
            .with_power_key(key.clone(), Polarity::ActiveHigh);
        assert_eq!(
            pins.turn_on(Some(false), &mut delay).unwrap(),
            Settled::Unconfirmed
        );
        key.done();
        delay.done();
    }

    #[test]
    fn a_supply_that_cannot_be_cut_is_put_back() {
        let broken = MockError::Io(ErrorKind::BrokenPipe);
        let mut enable = Mock::new(&[
            Touch::set(State::High).with_error(broken),
            Touch::set(State::Low),
        ]);
        let mut delay = waits(&[]);
        let mut pins = PowerPins::<_, Mock>::new(Module::Ec25.pulses())
            .with_enable(enable.clone(), Polarity::ActiveLow);
        assert!(pins.cut_supply(&mut delay).is_err());
        enable.done();
        delay.done();
    }
}
