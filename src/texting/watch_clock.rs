//! Whether the wall clock was set: a box without a battery clock learns the date when a network
//! tells it, hours or years from where it began.

use jiff::Timestamp;
use tokio::time::Instant;

/// Clocks differ a little all the time; less than this is no jump.
const JUMP_MS: i64 = 2 * 60 * 1000;

/// Two clocks, read together now and then.
#[derive(Debug, Clone, Copy)]
pub(super) struct WatchedClock {
    wall: Timestamp,
    monotonic: Instant,
}

impl WatchedClock {
    pub(super) fn new(wall: Timestamp, monotonic: Instant) -> Self {
        Self { wall, monotonic }
    }

    /// By how many milliseconds the wall clock was set since this was asked last, if it was.
    pub(super) fn jumped(&mut self, wall: Timestamp, monotonic: Instant) -> Option<i64> {
        let passed = monotonic.saturating_duration_since(self.monotonic);
        let passed = i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
        let by = (wall.as_millisecond())
            .saturating_sub(self.wall.as_millisecond())
            .saturating_sub(passed);
        *self = Self { wall, monotonic };
        (by.abs() >= JUMP_MS).then_some(by)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_a_clock_that_was_set_has_jumped() {
        let (wall, begun) = (Timestamp::UNIX_EPOCH, Instant::now());
        let mut clock = WatchedClock::new(wall, begun);
        let hour = Duration::from_secs(3600);
        let at = |hours: u32| begun + hour * hours;
        let dated = |ms: i64| Timestamp::from_millisecond(ms).unwrap_or_default();
        for (ms, hours, jump) in [
            (3_600_000, 1, None),
            (7_260_000, 2, None), // a minute is drift
            (
                1_000_000_000_000,
                3,
                Some(1_000_000_000_000 - 7_260_000 - 3_600_000),
            ),
            (1_000_003_600_000, 4, None),
            (999_999_600_000, 5, Some(-7_600_000)),
        ] {
            let found = clock.jumped(dated(ms), at(hours));
            assert_eq!(found, jump, "{ms}");
        }
    }
}
