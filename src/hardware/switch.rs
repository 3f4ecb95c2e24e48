//! The desk switch and the help button: contacts to ground, with a pull-up.

use std::time::{Duration, Instant};

/// How long a contact must stand still to be believed.
pub const DEBOUNCE: Duration = Duration::from_millis(50);

/// How often a contact at rest is read: a finger takes longer than this to press and let go.
const AT_REST: Duration = Duration::from_millis(50);
/// How often a contact that moved is read, until it stands still.
const MOVING: Duration = Duration::from_millis(10);

/// Samples in, a settled level out: pure, the time is passed in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Debounce {
    settled: Option<bool>,
    candidate: Option<(bool, Instant)>,
}

impl Debounce {
    /// Takes a sample. Returns the level when it has just settled on another, or for the first
    /// time.
    pub fn sample(&mut self, level: bool, now: Instant) -> Option<bool> {
        if self.settled == Some(level) {
            self.candidate = None; // a bounce
            return None;
        }
        match self.candidate {
            Some((candidate, since)) if candidate == level => {
                if now.saturating_duration_since(since) < DEBOUNCE {
                    return None;
                }
                self.candidate = None;
                self.settled = Some(level);
                Some(level)
            }
            _ => {
                self.candidate = Some((level, now));
                None
            }
        }
    }

    /// The level last settled on.
    pub fn settled(&self) -> Option<bool> {
        self.settled
    }

    /// When the next sample is wanted.
    pub fn next_sample(&self, now: Instant) -> Instant {
        let wait = match self.candidate {
            Some(_) => MOVING,
            None if self.settled.is_none() => MOVING,
            None => AT_REST,
        };
        now.checked_add(wait).unwrap_or(now)
    }
}

/// Where the latching switch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeskPosition {
    /// The contact is made: somebody is on duty.
    Open,
    /// The contact is broken, or its wire is: nobody is promised who may not be there.
    Closed,
}

/// The latching desk switch.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeskSwitch {
    contact: Debounce,
}

impl DeskSwitch {
    /// Takes a sample of the pin: low is a made contact. Returns the position when it has changed,
    /// and once at start, for a latching switch means what it says whenever it was turned.
    pub fn sample(&mut self, pin_is_low: bool, now: Instant) -> Option<DeskPosition> {
        self.contact.sample(pin_is_low, now).map(position)
    }

    /// Where it stands, once known.
    pub fn position(&self) -> Option<DeskPosition> {
        self.contact.settled().map(position)
    }

    /// When the next sample is wanted.
    pub fn next_sample(&self, now: Instant) -> Instant {
        self.contact.next_sample(now)
    }
}

fn position(made: bool) -> DeskPosition {
    if made {
        DeskPosition::Open
    } else {
        DeskPosition::Closed
    }
}

/// The help button.
#[derive(Debug, Clone, Copy, Default)]
pub struct HelpButton {
    contact: Debounce,
}

impl HelpButton {
    /// Takes a sample of the pin: low is pressed. `true` once for each press. A button that is down
    /// when first looked at is stuck or leaned on, and calls nobody until it was let go.
    pub fn sample(&mut self, pin_is_low: bool, now: Instant) -> bool {
        let known = self.contact.settled().is_some();
        self.contact.sample(pin_is_low, now) == Some(true) && known
    }

    /// When the next sample is wanted.
    pub fn next_sample(&self, now: Instant) -> Instant {
        self.contact.next_sample(now)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn a_turn_is_believed_after_fifty_milliseconds_of_standing_still() {
        let start = Instant::now();
        let mut switch = DeskSwitch::default();
        for (ms, low, said) in [
            (0, false, None),
            (49, false, None),
            (50, false, Some(DeskPosition::Closed)), // the position at start
            (1_000, true, None),
            (1_010, false, None), // bounces
            (1_020, true, None),
            (1_030, true, None),
            (1_069, true, None),
            (1_070, true, Some(DeskPosition::Open)),
            (5_000, true, None),
            (6_000, false, None),
            (6_050, false, Some(DeskPosition::Closed)),
        ] {
            assert_eq!(switch.sample(low, at(start, ms)), said, "at {ms} ms");
        }
        assert_eq!(switch.position(), Some(DeskPosition::Closed));
    }

    #[test]
    fn a_contact_is_read_faster_while_it_moves() {
        let start = Instant::now();
        let mut contact = Debounce::default();
        assert_eq!(contact.next_sample(start), at(start, 10));
        contact.sample(true, start);
        assert_eq!(contact.next_sample(start), at(start, 10));
        contact.sample(true, at(start, 50));
        assert_eq!(contact.next_sample(at(start, 50)), at(start, 100));
        contact.sample(false, at(start, 100));
        assert_eq!(contact.next_sample(at(start, 100)), at(start, 110));
    }

    #[test]
    fn help_is_called_once_for_each_press() {
        let start = Instant::now();
        let mut button = HelpButton::default();
        let mut calls = Vec::new();
        for (from, until, low) in [
            (0, 500, false),
            (500, 3_000, true),
            (3_000, 4_000, false),
            (4_000, 4_200, true),
        ] {
            for ms in (from..until).step_by(10) {
                if button.sample(low, at(start, ms)) {
                    calls.push(ms);
                }
            }
        }
        assert_eq!(calls, [550, 4_050]);
    }

    #[test]
    fn a_button_that_is_stuck_at_start_calls_nobody() {
        let start = Instant::now();
        let mut button = HelpButton::default();
        for ms in (0..10_000).step_by(10) {
            assert!(!button.sample(true, at(start, ms)));
        }
        for ms in (10_000..10_100).step_by(10) {
            assert!(!button.sample(false, at(start, ms)));
        }
        assert!(
            (10_100..10_200)
                .step_by(10)
                .any(|ms| button.sample(true, at(start, ms)))
        );
    }

    proptest! {
        #[test]
        fn noise_shorter_than_the_debounce_never_counts(
            steps in proptest::collection::vec((any::<bool>(), 1_u64..20), 1..400),
        ) {
            let start = Instant::now();
            let mut contact = Debounce::default();
            let mut now = start;
            // When the present run of equal samples began.
            let mut run: Option<(bool, Instant)> = None;
            for (level, wait) in steps {
                now += Duration::from_millis(wait);
                let since = match run {
                    Some((same, since)) if same == level => since,
                    _ => now,
                };
                run = Some((level, since));
                let before = contact.settled();
                if let Some(said) = contact.sample(level, now) {
                    prop_assert_eq!(said, level);
                    prop_assert_ne!(before, Some(level));
                    prop_assert!(now - since >= DEBOUNCE);
                } else if now - since >= DEBOUNCE {
                    prop_assert_eq!(contact.settled(), Some(level));
                }
            }
        }
    }
}
