//! Lamps a person reads from across the room.

use std::time::{Duration, Instant};

use embedded_hal::digital::OutputPin;

use super::error::HardwareError;

/// Half a period of a slow blink: half a hertz reads as patience.
const SLOW_HALF: Duration = Duration::from_secs(1);
/// Half a period of a fast blink: four hertz reads as alarm, and stays under what troubles eyes.
const FAST_HALF: Duration = Duration::from_millis(125);

/// How a lamp is lit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pattern {
    /// Off.
    #[default]
    Dark,
    /// On.
    Solid,
    /// A second on, a second off.
    SlowBlink,
    /// Four times a second.
    FastBlink,
}

/// How the line stands, as far as a lamp can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineHealth {
    /// Registered with the network: texts flow.
    Registered,
    /// Starting, searching, or waiting for the SIM or the network.
    Searching,
    /// No modem answers, or it needs a person.
    Dead,
}

/// What the green lamp shows.
pub fn green(health: LineHealth) -> Pattern {
    match health {
        LineHealth::Registered => Pattern::Solid,
        LineHealth::Searching => Pattern::SlowBlink,
        LineHealth::Dead => Pattern::FastBlink,
    }
}

/// What the amber lamp shows: lit while a text waits for its first answer.
pub fn amber(unanswered: bool) -> Pattern {
    if unanswered {
        Pattern::Solid
    } else {
        Pattern::Dark
    }
}

/// What a lamp shows at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Lit now.
    pub lit: bool,
    /// When it changes by itself; `None`: not before the pattern does.
    pub next: Option<Instant>,
}

/// A pattern and when it began: pure, the time is passed in.
#[derive(Debug, Clone, Copy)]
pub struct Lamp {
    pattern: Pattern,
    since: Instant,
}

impl Lamp {
    /// Dark.
    pub fn new(now: Instant) -> Self {
        Self {
            pattern: Pattern::Dark,
            since: now,
        }
    }

    /// Changes the pattern. The same one again goes on where it is, so that frequent news does not
    /// freeze the blink.
    pub fn show(&mut self, pattern: Pattern, now: Instant) {
        if pattern != self.pattern {
            *self = Self {
                pattern,
                since: now,
            };
        }
    }

    /// Lit or dark at `now`, and until when. A blink begins lit.
    pub fn at(&self, now: Instant) -> Shown {
        let half = match self.pattern {
            Pattern::Dark => {
                return Shown {
                    lit: false,
                    next: None,
                };
            }
            Pattern::Solid => {
                return Shown {
                    lit: true,
                    next: None,
                };
            }
            Pattern::SlowBlink => SLOW_HALF,
            Pattern::FastBlink => FAST_HALF,
        };
        let elapsed = now.saturating_duration_since(self.since).as_nanos();
        let halves = elapsed / half.as_nanos();
        let within = elapsed % half.as_nanos();
        // Less than one half is left, so it fits.
        let left = u64::try_from(half.as_nanos() - within).unwrap_or(u64::MAX);
        Shown {
            lit: halves.is_multiple_of(2),
            next: now.max(self.since).checked_add(Duration::from_nanos(left)),
        }
    }
}

/// A lamp on a pin: lit is high. The pin is touched only when the level changes.
#[derive(Debug)]
pub struct LampPin<P> {
    lamp: Lamp,
    pin: P,
    lit: bool,
    role: &'static str,
}

impl<P: OutputPin> LampPin<P> {
    /// A dark lamp on `pin`, which is low now.
    pub fn new(pin: P, role: &'static str, now: Instant) -> Self {
        Self {
            lamp: Lamp::new(now),
            pin,
            lit: false,
            role,
        }
    }

    /// Changes the pattern; the pin follows at the next [`LampPin::drive`].
    pub fn show(&mut self, pattern: Pattern, now: Instant) {
        self.lamp.show(pattern, now);
    }

    /// Sets the pin to what `now` wants, and says when to come back.
    ///
    /// # Errors
    ///
    /// [`HardwareError::Pin`]; the level counts as not set, and the next call tries again.
    pub fn drive(&mut self, now: Instant) -> Result<Option<Instant>, HardwareError> {
        let shown = self.lamp.at(now);
        if shown.lit != self.lit {
            self.pin
                .set_state(shown.lit.into())
                .map_err(|error| HardwareError::pin(self.role, error))?;
            self.lit = shown.lit;
        }
        Ok(shown.next)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use embedded_hal_mock::eh1::MockError;
    use embedded_hal_mock::eh1::digital::{Mock, State, Transaction};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lamps_say_what_the_desk_card_says() {
        assert_eq!(green(LineHealth::Registered), Pattern::Solid);
        assert_eq!(green(LineHealth::Searching), Pattern::SlowBlink);
        assert_eq!(green(LineHealth::Dead), Pattern::FastBlink);
        assert_eq!(amber(true), Pattern::Solid);
        assert_eq!(amber(false), Pattern::Dark);
    }

    #[test]
    fn each_pattern_at_each_moment() {
        let start = Instant::now();
        for (pattern, at_ms, lit, next_ms) in [
            (Pattern::Dark, 0, false, None),
            (Pattern::Dark, 99_999, false, None),
            (Pattern::Solid, 0, true, None),
            (Pattern::Solid, 99_999, true, None),
            (Pattern::SlowBlink, 0, true, Some(1_000)),
            (Pattern::SlowBlink, 999, true, Some(1_000)),
            (Pattern::SlowBlink, 1_000, false, Some(2_000)),
            (Pattern::SlowBlink, 2_500, true, Some(3_000)),
            (Pattern::FastBlink, 0, true, Some(125)),
            (Pattern::FastBlink, 125, false, Some(250)),
            (Pattern::FastBlink, 300, true, Some(375)),
        ] {
            let mut lamp = Lamp::new(start);
            lamp.show(pattern, start);
            let shown = lamp.at(start + Duration::from_millis(at_ms));
            let next = next_ms.map(|ms| start + Duration::from_millis(ms));
            assert_eq!(shown, Shown { lit, next }, "{pattern:?} at {at_ms} ms");
        }
    }

    #[test]
    fn the_same_news_again_does_not_restart_the_blink() {
        let start = Instant::now();
        let mut lamp = Lamp::new(start);
        lamp.show(Pattern::SlowBlink, start);
        let later = start + Duration::from_millis(1_500);
        lamp.show(Pattern::SlowBlink, later);
        assert!(!lamp.at(later).lit);
        lamp.show(Pattern::FastBlink, later);
        assert!(lamp.at(later).lit);
    }

    #[test]
    fn a_clock_that_reads_earlier_than_the_start_is_the_start() {
        let now = Instant::now();
        let mut lamp = Lamp::new(now + Duration::from_secs(5));
        lamp.show(Pattern::FastBlink, now + Duration::from_secs(5));
        assert!(lamp.at(now).lit);
        assert!(lamp.at(now).next > Some(now));
    }

    #[test]
    fn the_pin_is_touched_only_when_the_level_changes() {
        let start = Instant::now();
        let ms = |ms| start + Duration::from_millis(ms);
        let mut pin = Mock::new(&[
            Transaction::set(State::High),
            Transaction::set(State::Low),
            Transaction::set(State::High),
            Transaction::set(State::Low),
        ]);
        let mut lamp = LampPin::new(pin.clone(), "green lamp", start);
        assert_eq!(lamp.drive(start).unwrap(), None); // dark already: not touched
        lamp.show(Pattern::FastBlink, start);
        for at in [0, 10, 124, 125, 130, 249, 250] {
            lamp.drive(ms(at)).unwrap();
        }
        lamp.show(Pattern::Dark, ms(260));
        assert_eq!(lamp.drive(ms(260)).unwrap(), None);
        pin.done();
    }

    #[test]
    fn a_level_that_failed_is_tried_again() {
        let start = Instant::now();
        let mut pin = Mock::new(&[
            Transaction::set(State::High).with_error(MockError::Io(std::io::ErrorKind::BrokenPipe)),
            Transaction::set(State::High),
        ]);
        let mut lamp = LampPin::new(pin.clone(), "amber lamp", start);
        lamp.show(Pattern::Solid, start);
        let said = lamp.drive(start).unwrap_err().to_string();
        assert!(said.contains("amber lamp"), "{said}");
        lamp.drive(start).unwrap();
        pin.done();
    }

    proptest! {
        #[test]
        fn the_level_holds_until_the_deadline_and_turns_there(
            fast in any::<bool>(),
            at in 0_u64..100_000_000_000,
            into in 0.0_f64..1.0,
        ) {
            let start = Instant::now();
            let mut lamp = Lamp::new(start);
            lamp.show(if fast { Pattern::FastBlink } else { Pattern::SlowBlink }, start);
            let now = start + Duration::from_nanos(at);
            let shown = lamp.at(now);
            let next = shown.next.unwrap();
            prop_assert!(next > now);
            let between = now + (next - now).mul_f64(into);
            if between < next {
                prop_assert_eq!(lamp.at(between), shown);
            }
            prop_assert_eq!(lamp.at(next).lit, !shown.lit);
        }
    }
}
