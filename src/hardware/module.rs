//! How long each family of modules wants its pins held.

use std::time::Duration;

/// A family of modules that share pulse lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Module {
    /// SIMCom SIM800 (2G).
    Sim800,
    /// SIMCom SIM7000, SIM7070, SIM7080 (LTE-M, NB-IoT).
    Sim7000,
    /// SIMCom SIM7600 (LTE).
    Sim7600,
    /// SIMCom A7670 (LTE Cat 1).
    A7670,
    /// Quectel EC25, EG25-G (LTE).
    Ec25,
    /// Quectel BG96 (LTE-M, NB-IoT): its windows overlap the EC25's, and we press inside both.
    Bg96,
}

/// How long a pin is held, and the window the module's manual allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Press {
    /// What we hold.
    pub hold: Duration,
    /// Shorter is not noticed.
    pub at_least: Duration,
    /// Longer means something else, where the manual sets a bound.
    pub at_most: Option<Duration>,
}

/// The pulses of one module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PulseLengths {
    /// PWRKEY, to turn on.
    pub on: Press,
    /// PWRKEY, to turn off.
    pub off: Press,
    /// RESET; `None` where the family has no such pin worth pulling.
    pub reset: Option<Press>,
    /// After power or reset: AT answers by then.
    pub ready: Duration,
    /// After the off pulse: logged off the network and dark by then.
    pub gone: Duration,
}

const fn press(hold_ms: u64, at_least_ms: u64, at_most_ms: Option<u64>) -> Press {
    Press {
        hold: Duration::from_millis(hold_ms),
        at_least: Duration::from_millis(at_least_ms),
        at_most: match at_most_ms {
            Some(ms) => Some(Duration::from_millis(ms)),
            None => None,
        },
    }
}

impl Module {
    /// The pulses, from the makers' hardware manuals. Where a manual gives a window we stay inside
    /// it with some room to either side: a Pi's sleep may run long, never short.
    ///
    /// The press that turns on is always too short to turn off, so that pressing a running modem
    /// that way changes nothing: [`PowerPins::cycle`](super::PowerPins::cycle) rests on it.
    pub const fn pulses(self) -> PulseLengths {
        let seconds = Duration::from_secs;
        match self {
            Self::Sim800 => PulseLengths {
                on: press(1_200, 1_000, None),
                off: press(2_000, 1_500, Some(33_000)),
                reset: Some(press(150, 105, None)),
                ready: seconds(3),
                gone: seconds(3),
            },
            Self::Sim7000 => PulseLengths {
                on: press(1_100, 1_000, None),
                off: press(1_500, 1_200, None),
                reset: None,
                ready: seconds(10),
                gone: seconds(10), // gone by 7 s
            },
            Self::Sim7600 => PulseLengths {
                on: press(500, 500, None),
                off: press(3_000, 2_500, None),
                reset: Some(press(300, 100, Some(500))),
                ready: seconds(20),
                gone: seconds(32), // 26 to 28 s
            },
            Self::A7670 => PulseLengths {
                on: press(300, 100, Some(500)),
                off: press(2_750, 2_500, Some(3_000)),
                reset: Some(press(100, 100, None)),
                ready: seconds(20),
                gone: seconds(32), // no figure is given: the slowest of its family's
            },
            Self::Ec25 | Self::Bg96 => PulseLengths {
                on: press(600, 500, Some(1_500)),
                off: press(750, 650, None),
                reset: Some(press(300, 150, Some(460))),
                ready: seconds(15),
                gone: seconds(30),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Module; 6] = [
        Module::Sim800,
        Module::Sim7000,
        Module::Sim7600,
        Module::A7670,
        Module::Ec25,
        Module::Bg96,
    ];

    #[test]
    fn every_pulse_lies_in_its_window() {
        for module in ALL {
            let pulses = module.pulses();
            for press in [Some(pulses.on), Some(pulses.off), pulses.reset]
                .into_iter()
                .flatten()
            {
                assert!(press.hold >= press.at_least, "{module:?} {press:?}");
                assert!(
                    press.at_most.is_none_or(|most| press.hold <= most),
                    "{module:?} {press:?}"
                );
                assert!(
                    press.hold.subsec_nanos() % 1_000_000 == 0,
                    "whole milliseconds"
                );
            }
        }
    }

    #[test]
    fn a_press_that_turns_on_is_too_short_to_turn_off() {
        for module in ALL {
            let pulses = module.pulses();
            // Room for a sleep that runs long.
            let late = Duration::from_millis(40);
            assert!(pulses.on.hold + late <= pulses.off.at_least, "{module:?}");
        }
    }

    #[test]
    fn the_windows_are_the_manuals() {
        let ms = Duration::from_millis;
        for (module, on, off, reset, ready_s) in [
            (Module::Sim800, ms(1000), ms(1500), Some(ms(105)), 3),
            (Module::Sim7000, ms(1000), ms(1200), None, 10),
            (Module::Sim7600, ms(500), ms(2500), Some(ms(100)), 20),
            (Module::A7670, ms(100), ms(2500), Some(ms(100)), 20),
            (Module::Ec25, ms(500), ms(650), Some(ms(150)), 15),
        ] {
            let pulses = module.pulses();
            assert_eq!(pulses.on.at_least, on, "{module:?}");
            assert_eq!(pulses.off.at_least, off, "{module:?}");
            assert_eq!(
                pulses.reset.map(|press| press.at_least),
                reset,
                "{module:?}"
            );
            assert_eq!(pulses.ready, Duration::from_secs(ready_s), "{module:?}");
        }
    }
}
