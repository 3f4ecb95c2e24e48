//! How long the service centre keeps trying (TS 23.040 §9.2.3.12).

#![deny(clippy::indexing_slicing)]

use std::time::Duration;

use super::octets::swapped_digits;
use super::timestamp::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;

/// TP-VP, in one of its three forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValidityPeriod {
    /// From the moment the service centre has it, 5 minutes to 63 weeks.
    Relative(RelativeValidity),
    /// Until a moment.
    Absolute(Timestamp),
    /// From the moment the service centre has it, from a second on, and with a wish for a single
    /// attempt.
    Enhanced(EnhancedValidity),
}

impl ValidityPeriod {
    /// The shortest relative period that lasts as long as this, or 63 weeks.
    pub fn at_least(period: Duration) -> Self {
        Self::Relative(RelativeValidity::at_least(period))
    }
}

/// A relative period: one octet (§9.2.3.12.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RelativeValidity(pub u8);

impl RelativeValidity {
    /// How long it is: 5 minutes to 63 weeks.
    pub fn period(self) -> Duration {
        let value = u64::from(self.0);
        Duration::from_secs(match self.0 {
            0..=143 => (value + 1) * 5 * MINUTE,
            144..=167 => 12 * HOUR + (value - 143) * 30 * MINUTE,
            168..=196 => (value - 166) * DAY,
            197.. => (value - 192) * WEEK,
        })
    }

    /// The shortest that lasts as long as this, or 63 weeks.
    pub fn at_least(period: Duration) -> Self {
        let seconds = period
            .as_secs()
            .saturating_add(u64::from(period.subsec_nanos() > 0));
        let value = if seconds <= 12 * HOUR {
            seconds.div_ceil(5 * MINUTE).saturating_sub(1)
        } else if seconds <= DAY {
            143 + (seconds - 12 * HOUR).div_ceil(30 * MINUTE)
        } else if seconds <= 30 * DAY {
            166 + seconds.div_ceil(DAY)
        } else {
            // Four weeks are less than thirty days: five are the first.
            192 + seconds.div_ceil(WEEK).min(63)
        };
        Self(u8::try_from(value).unwrap_or(u8::MAX))
    }
}

/// An enhanced period: seven octets as they came (§9.2.3.12.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EnhancedValidity(pub [u8; 7]);

impl EnhancedValidity {
    /// A period in seconds, 1 to 255.
    pub fn seconds(seconds: u8, single_shot: bool) -> Self {
        Self([Self::indicator(0b010, single_shot), seconds, 0, 0, 0, 0, 0])
    }

    /// A period as the relative form has it.
    pub fn relative(validity: RelativeValidity, single_shot: bool) -> Self {
        let indicator = Self::indicator(0b001, single_shot);
        Self([indicator, validity.0, 0, 0, 0, 0, 0])
    }

    /// No period of its own: one attempt, or the service centre's own patience.
    pub fn unlimited(single_shot: bool) -> Self {
        Self([Self::indicator(0b000, single_shot), 0, 0, 0, 0, 0, 0])
    }

    /// Hours, minutes and seconds, each below 100.
    pub fn clock(hours: u8, minutes: u8, seconds: u8, single_shot: bool) -> Option<Self> {
        let swap = |value: u8| (value < 100).then_some(((value % 10) << 4) | (value / 10));
        Some(Self([
            Self::indicator(0b011, single_shot),
            swap(hours)?,
            swap(minutes)?,
            swap(seconds)?,
            0,
            0,
            0,
        ]))
    }

    /// Whether the service centre should try but once.
    pub fn single_shot(self) -> bool {
        let [indicator, ..] = self.0;
        indicator & 0x40 != 0
    }

    /// How long; `None` where the octets give no period, or one in a reserved format.
    pub fn period(self) -> Option<Duration> {
        let [mut indicator, rest @ ..] = self.0;
        let mut rest = rest.into_iter();
        // Each extension bit says that another indicator follows.
        while indicator & 0x80 != 0 {
            let next = rest.next()?;
            // Only the first indicator says which format follows.
            indicator = (indicator & 0x7F) | (next & 0x80);
        }
        match indicator & 0b111 {
            0b001 => Some(RelativeValidity(rest.next()?).period()),
            0b010 => Some(Duration::from_secs(u64::from(rest.next()?))),
            0b011 => {
                let hours = u64::from(swapped_digits(rest.next()?)?);
                let minutes = u64::from(swapped_digits(rest.next()?)?);
                let seconds = u64::from(swapped_digits(rest.next()?)?);
                Some(Duration::from_secs(
                    hours * HOUR + minutes * MINUTE + seconds,
                ))
            }
            _ => None,
        }
    }

    fn indicator(format: u8, single_shot: bool) -> u8 {
        format | u8::from(single_shot) << 6
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn relative_periods_follow_the_table() {
        for (octet, seconds) in [
            (0, 5 * MINUTE),
            (11, HOUR),
            (143, 12 * HOUR),
            (144, 12 * HOUR + 30 * MINUTE),
            (167, DAY),
            (168, 2 * DAY),
            (169, 3 * DAY),
            (173, WEEK),
            (196, 30 * DAY),
            (197, 5 * WEEK),
            (255, 63 * WEEK),
        ] {
            let period = Duration::from_secs(seconds);
            assert_eq!(RelativeValidity(octet).period(), period, "{octet}");
            assert_eq!(RelativeValidity::at_least(period).0, octet, "{period:?}");
        }
        for (period, octet) in [
            (Duration::ZERO, 0),
            (Duration::from_millis(1), 0),
            (Duration::from_secs(5 * MINUTE + 1), 1),
            (Duration::from_millis(12 * HOUR * 1000 + 1), 144),
            (Duration::from_secs(30 * DAY + 1), 197),
            (Duration::MAX, 255),
        ] {
            assert_eq!(RelativeValidity::at_least(period).0, octet, "{period:?}");
        }
    }

    #[test]
    fn enhanced_periods_have_four_formats() {
        for (validity, seconds, single_shot) in [
            (EnhancedValidity::unlimited(true), None, true),
            (EnhancedValidity::seconds(30, false), Some(30), false),
            (
                EnhancedValidity::relative(RelativeValidity(11), true),
                Some(HOUR),
                true,
            ),
            (
                EnhancedValidity([0x03, 0x10, 0x20, 0x03, 0, 0, 0]),
                Some(HOUR + 2 * MINUTE + 30),
                false,
            ),
            (EnhancedValidity([0x03, 0x1A, 0, 0, 0, 0, 0]), None, false),
            (EnhancedValidity([0x05, 1, 0, 0, 0, 0, 0]), None, false), // reserved
            (
                EnhancedValidity([0x82, 0x00, 30, 0, 0, 0, 0]), // extended once
                Some(30),
                false,
            ),
            (EnhancedValidity([0xFF; 7]), None, true),
        ] {
            assert_eq!(
                validity.period().map(|period| period.as_secs()),
                seconds,
                "{validity:02X?}"
            );
            assert_eq!(validity.single_shot(), single_shot, "{validity:02X?}");
        }
        assert_eq!(EnhancedValidity::clock(100, 0, 0, false), None);
    }

    proptest! {
        #[test]
        fn the_period_chosen_is_the_shortest_that_lasts(seconds in 0u64..64 * WEEK) {
            let asked = Duration::from_secs(seconds);
            let chosen = RelativeValidity::at_least(asked);
            prop_assert!(chosen.period() >= asked || chosen.0 == 255);
            if chosen.0 > 0 {
                prop_assert!(RelativeValidity(chosen.0 - 1).period() < asked);
            }
        }

        #[test]
        fn enhanced_clocks_come_back(hours in 0u8..100, minutes in 0u8..60, seconds in 0u8..60) {
            let validity = EnhancedValidity::clock(hours, minutes, seconds, false);
            let expected = u64::from(hours) * HOUR + u64::from(minutes) * MINUTE + u64::from(seconds);
            prop_assert_eq!(
                validity.and_then(EnhancedValidity::period),
                Some(Duration::from_secs(expected))
            );
        }

        #[test]
        fn any_octets_have_a_period_or_none(octets in any::<[u8; 7]>()) {
            let _ = EnhancedValidity(octets).period();
        }
    }
}
