//! The clock on the wall, by which rows are dated; timers go by tokio's own.

use jiff::Timestamp;
use tokio::time::Instant;

/// Tells the date and time. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Clock(Kind);

#[derive(Debug, Clone, Default)]
enum Kind {
    #[default]
    System,
    Simulated {
        wall: Timestamp,
        since: Instant,
    },
}

/// While it lives, a simulated clock stands still. Nothing holds the system's.
#[derive(Debug)]
pub struct Hold {
    _release: Option<std::sync::mpsc::Sender<()>>,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that shows `wall` now and goes with tokio's: where that one is paused, a day passes
    /// in the time its events take. For simulations on a current-thread runtime.
    pub fn simulated(wall: Timestamp) -> Self {
        Self(Kind::Simulated {
            wall,
            since: Instant::now(),
        })
    }

    /// The date and time.
    #[expect(clippy::disallowed_methods, reason = "the one place")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::System => Timestamp::now(),
            Kind::Simulated { wall, since } => {
                wall.checked_add(since.elapsed()).unwrap_or(Timestamp::MAX)
            }
        }
    }

    /// Keeps a simulated clock from running ahead while another thread works on an answer.
    ///
    /// Tokio's paused clock jumps to the next timer when every task waits, unless a blocking task
    /// lives. Must be called within a runtime.
    #[expect(clippy::disallowed_methods, reason = "a blocking task, as it says")]
    pub fn hold(&self) -> Hold {
        let release = match &self.0 {
            Kind::System => None,
            Kind::Simulated { .. } => {
                let (release, released) = std::sync::mpsc::channel();
                tokio::task::spawn_blocking(move || {
                    // Ends when the sender goes; nothing is ever sent.
                    let _ = released.recv();
                });
                Some(release)
            }
        };
        Hold { _release: release }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_simulated_clock_goes_with_the_timers_and_stands_while_held() {
        let clock = Clock::simulated(Timestamp::UNIX_EPOCH);
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(clock.now().as_second(), 3600);
        // Another thread answers: however long it takes, no time passes here.
        let hold = clock.hold();
        let (answer, answered) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            for _ in 0..1000 {
                std::thread::yield_now();
            }
            let _ = answer.send(());
        });
        let met = tokio::time::timeout(Duration::from_secs(1), answered).await;
        assert!(met.is_ok(), "the clock ran ahead");
        assert_eq!(clock.now().as_second(), 3600);
        drop(hold);
    }
}
