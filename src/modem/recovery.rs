//! The recovery ladder, pure: which rung to try when a modem stops answering.
//!
//! | rung | act | tried |
//! | --- | --- | --- |
//! | 0 | ESC CR, `AT` three times, then `AT+CPMS?` | after any timeout |
//! | 1 | the whole setup | when rung 0 failed twice |
//! | 2 | close, wait, open by name | when rung 1 failed, or after 30 s of silence |
//!
//! The ladder ends at rung 2 today, which is repeated at growing intervals. Rungs that reset the
//! modem or its power come after it: another [`Act`], another row in [`Ladder::failed`].

use std::time::{Duration, Instant};

/// Silence after which talking on is pointless.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// How long the port stays closed, by how often that was tried: the first pause lets the kernel
/// let go of the device, the later ones spare a modem that needs minutes.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

/// What to do about a modem that does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Rung 0.
    Resync,
    /// Rung 1.
    Setup,
    /// Rung 2.
    Reopen {
        /// How long the port stays closed.
        after: Duration,
    },
}

/// Where on the ladder a line stands.
#[derive(Debug, Default)]
pub(super) struct Ladder {
    failures: u32,
    reopened: usize,
    silent_since: Option<Instant>,
}

impl Ladder {
    /// The modem said something.
    pub(super) fn heard(&mut self) {
        self.silent_since = None;
    }

    /// A command went out.
    pub(super) fn asked(&mut self, now: Instant) {
        self.silent_since.get_or_insert(now);
    }

    /// A rung was passed: `AT` and `AT+CPMS?` were answered.
    pub(super) fn passed(&mut self) {
        *self = Self::default();
    }

    /// Something was not answered in time: what to do now.
    pub(super) fn failed(&mut self, now: Instant) -> Act {
        self.failures = self.failures.saturating_add(1);
        let silent = self
            .silent_since
            .is_some_and(|since| now >= since + SILENCE_MAX);
        match self.failures {
            _ if silent => self.reopen(),
            1 | 2 => Act::Resync,
            3 => Act::Setup,
            _ => self.reopen(),
        }
    }

    /// Straight to rung 2: the modem did not answer at all.
    pub(super) fn reopen(&mut self) -> Act {
        let last = PAUSES.len() - 1;
        let after = PAUSES
            .get(self.reopened.min(last))
            .copied()
            .unwrap_or(SILENCE_MAX);
        self.reopened = self.reopened.saturating_add(1);
        self.failures = 0;
        self.silent_since = None;
        Act::Reopen { after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reopen(seconds: u64) -> Act {
        Act::Reopen {
            after: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn rungs_are_climbed_in_turn_and_the_last_one_again() {
        let now = Instant::now();
        let mut ladder = Ladder::default();
        let acts: Vec<Act> = (0..9).map(|_| ladder.failed(now)).collect();
        assert_eq!(
            acts,
            [
                Act::Resync,
                Act::Resync,
                Act::Setup,
                reopen(2),
                Act::Resync,
                Act::Resync,
                Act::Setup,
                reopen(5),
                Act::Resync,
            ]
        );
        ladder.passed();
        assert_eq!(ladder.failed(now), Act::Resync);
    }

    #[test]
    fn thirty_seconds_of_silence_skip_to_the_last_rung() {
        let now = Instant::now();
        let mut ladder = Ladder::default();
        ladder.asked(now);
        assert_eq!(ladder.failed(now + Duration::from_secs(10)), Act::Resync);
        ladder.asked(now + Duration::from_secs(10));
        assert_eq!(ladder.failed(now + Duration::from_secs(30)), reopen(2));
        // A modem that babbles is not silent.
        ladder.asked(now);
        ladder.heard();
        assert_eq!(ladder.failed(now + Duration::from_secs(90)), Act::Resync);
    }
}
