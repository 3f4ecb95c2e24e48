//! HATs, as data: which pin, which polarity, which module.
//!
//! A wrong pin can hold a modem in reset or feed a relay, so a profile is chosen by name and never
//! inferred. Each entry says where it was read; boards known only by hearsay are left out.

use super::board::Polarity;
use super::error::HardwareError;
use super::module::Module;

/// One pin of a HAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin {
    /// BCM number on the 40-pin header.
    pub line: u8,
    /// Which level asserts it, at the Pi's side of whatever transistor the HAT has.
    pub polarity: Polarity,
}

/// One HAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// What the configuration calls it.
    pub name: &'static str,
    /// What the shop calls it.
    pub sold_as: &'static str,
    /// What is soldered on it.
    pub module: Module,
    /// Presses the module's PWRKEY.
    pub power_key: Option<Pin>,
    /// Pulls the module's RESET.
    pub reset: Option<Pin>,
    /// Asserted while the module is on.
    pub status: Option<Pin>,
    /// Asserted while the HAT's regulator feeds the module.
    pub enable: Option<Pin>,
    /// Asserted for flight mode: the radio is off. Held released.
    pub flight: Option<Pin>,
    /// Where pins and polarities were read.
    pub source: &'static str,
}

const fn high(line: u8) -> Option<Pin> {
    Some(Pin {
        line,
        polarity: Polarity::ActiveHigh,
    })
}

const fn low(line: u8) -> Option<Pin> {
    Some(Pin {
        line,
        polarity: Polarity::ActiveLow,
    })
}

/// Every HAT we know.
pub const PROFILES: &[Profile] = &[
    Profile {
        name: "waveshare-sim7600",
        sold_as: "Waveshare SIM7600X 4G HAT",
        module: Module::Sim7600,
        power_key: high(6),
        reset: None,
        status: None,
        enable: None,
        flight: high(4),
        source: "maker's script: SIM7600X-4G-HAT-Demo, power_on() of its Python examples",
    },
    Profile {
        name: "waveshare-sim7070g",
        sold_as: "Waveshare SIM7070G NB-IoT / Cat-M HAT",
        module: Module::Sim7000,
        power_key: high(4),
        reset: None,
        status: None,
        enable: None,
        flight: None,
        source: "maker's script: SIM7070G demo, powerOn()",
    },
    Profile {
        name: "waveshare-sim7080g",
        sold_as: "Waveshare SIM7080G NB-IoT / Cat-M HAT",
        module: Module::Sim7000,
        power_key: high(4),
        reset: None,
        status: None,
        enable: None,
        flight: None,
        source: "maker's script: SIM7080G demo, powerOn()",
    },
    Profile {
        name: "sixfab-base",
        sold_as: "Sixfab 3G/4G & LTE Base HAT with a Quectel EC25 or EG25-G",
        module: Module::Ec25,
        power_key: None,
        reset: None,
        status: None,
        enable: low(26),  // high switches the mini-PCIe socket off
        flight: high(19), // W_DISABLE
        source: "maker's script: Sixfab_RPi_3G-4G-LTE_Base_Shield",
    },
    Profile {
        name: "sixfab-cellular-iot",
        sold_as: "Sixfab Cellular IoT HAT",
        module: Module::Bg96,
        power_key: high(24),
        reset: None,
        status: low(23),
        enable: low(17),
        flight: None,
        source: "maker's script: the PPP installer, and class CellularIoT of cellulariot.py",
    },
    // Its GPIO 17 is the relay for the owner's use, and GPIO 24 the button.
    Profile {
        name: "sixfab-cellular-iot-app",
        sold_as: "Sixfab Cellular IoT Application HAT",
        module: Module::Bg96,
        power_key: high(11),
        reset: None,
        status: low(20),
        enable: high(26),
        flight: None,
        source: "maker's script: cellulariot.py of Sixfab_RPi_CellularIoT_App_Shield",
    },
];

impl Profile {
    /// The profile called `name`, exactly.
    ///
    /// # Errors
    ///
    /// [`HardwareError::UnknownProfile`], which lists the names there are.
    pub fn named(name: &str) -> Result<&'static Self, HardwareError> {
        PROFILES
            .iter()
            .find(|profile| profile.name == name)
            .ok_or_else(|| {
                let known: Vec<&str> = PROFILES.iter().map(|profile| profile.name).collect();
                HardwareError::UnknownProfile {
                    name: name.to_owned(),
                    known: known.join(", "),
                }
            })
    }

    /// The pins of the HAT that it has, each with its role's name.
    pub fn pins(&self) -> impl Iterator<Item = (&'static str, Pin)> {
        [
            (POWER_KEY, self.power_key),
            (RESET, self.reset),
            (STATUS, self.status),
            (ENABLE, self.enable),
            (FLIGHT, self.flight),
        ]
        .into_iter()
        .filter_map(|(role, pin)| Some((role, pin?)))
    }
}

/// A role's name in errors.
pub(super) const POWER_KEY: &str = "power key";
/// A role's name in errors.
pub(super) const RESET: &str = "reset";
/// A role's name in errors.
pub(super) const STATUS: &str = "status";
/// A role's name in errors.
pub(super) const ENABLE: &str = "power enable";
/// A role's name in errors.
pub(super) const FLIGHT: &str = "flight mode";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use super::*;
    use crate::hardware::PanelPins;
    use crate::hardware::board::HIGHEST_LINE;

    #[test]
    fn names_are_exact_and_an_unknown_one_lists_them_all() {
        assert_eq!(
            Profile::named("sixfab-base").unwrap().enable.unwrap().line,
            26
        );
        for name in ["", "SixFab-base", "waveshare", "waveshare-sim7600 "] {
            let said = Profile::named(name).unwrap_err().to_string();
            for profile in PROFILES {
                assert!(said.contains(profile.name), "{said}");
            }
        }
    }

    #[test]
    fn no_pin_is_used_twice_nor_by_the_serial_port_nor_by_the_panel() {
        let names: BTreeSet<_> = PROFILES.iter().map(|profile| profile.name).collect();
        assert_eq!(names.len(), PROFILES.len());
        let panel = PanelPins::default();
        for profile in PROFILES {
            let mut taken = BTreeSet::from([14, 15]); // the UART
            taken.extend(
                [panel.green, panel.amber, panel.desk, panel.help]
                    .into_iter()
                    .flatten(),
            );
            for (role, pin) in profile.pins() {
                assert!(pin.line <= HIGHEST_LINE, "{} {role}", profile.name);
                assert!(taken.insert(pin.line), "{} {role}: {pin:?}", profile.name);
            }
            assert!(
                profile.pins().count() > 0,
                "{} can do nothing",
                profile.name
            );
        }
    }

    #[test]
    fn every_profile_says_where_it_was_read() {
        for profile in PROFILES {
            let (kind, which) = profile.source.split_once(": ").unwrap();
            let kinds = ["maker's script", "manual", "kernel", "user's report"];
            assert!(kinds.contains(&kind), "{}", profile.name);
            assert!(!which.is_empty(), "{}", profile.name);
        }
    }
}
