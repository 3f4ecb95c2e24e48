//! Ports that sleep: a UART whose module falls asleep after some seconds of silence swallows the first
//! line that wakes it (SIM800 with `+CSCLK=2` after 5 s, u-blox with `+UPSV=1`, BenQ M32).

use std::time::{Duration, Instant};

use super::{Session, Stage, Step, UssdStage};

/// Silence after which a port may be asleep: the shortest that a manual names is 5 s.
const ASLEEP_AFTER: Duration = Duration::from_secs(4);

/// How often it is woken before it is spoken to: the first `AT` is swallowed, the second answered.
const WAKES: u8 = 2;

/// What is known of a port's sleep.
#[derive(Debug)]
pub(super) struct Sleep {
    /// When it was last spoken to, or answered. What it says unasked does not keep it awake.
    spoken_at: Instant,
    /// What was said last went out after a silence, and nothing was answered since.
    asked_asleep: bool,
    woken: u8,
    /// It has swallowed a line after a silence, and answered the next.
    is_proven: bool,
}

impl Sleep {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            spoken_at: now,
            asked_asleep: false,
            woken: 0,
            is_proven: false,
        }
    }

    /// The modem answered: it is awake.
    pub(super) fn answered(&mut self, now: Instant) {
        self.spoken_at = now;
        self.woken = 0;
        self.asked_asleep = false;
    }

    /// A command goes out.
    pub(super) fn asked(&mut self, now: Instant) {
        self.asked_asleep |= self.may_be_asleep(now);
        self.spoken_at = now;
    }

    /// What went out after a silence was not answered, and what followed it was.
    pub(super) fn swallowed(&mut self) {
        if self.asked_asleep && !self.is_proven {
            tracing::info!("the modem sleeps when nothing is said; waking it from now on");
            self.is_proven = true;
        }
    }

    fn may_be_asleep(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.spoken_at) >= ASLEEP_AFTER
    }
}

impl Session {
    /// Whether the port is to be woken before it is spoken to.
    pub(super) fn is_to_be_woken(&mut self, now: Instant) -> bool {
        let may_sleep = self.profile.sleeps || self.sleep.is_proven;
        if !may_sleep || self.sleep.woken >= WAKES || !self.sleep.may_be_asleep(now) {
            return false;
        }
        let is_due = match self.stage {
            Stage::Setup(Step::Attention(_)) => false,
            Stage::Setup(_) => self.wait_until.is_none_or(|until| until <= now),
            Stage::Running => self.has_something_to_say(now),
            Stage::Closed
            | Stage::Resync { .. }
            | Stage::ResyncStorage
            | Stage::Radio(_)
            | Stage::SoftReset(_)
            | Stage::Rebooting { .. }
            | Stage::Farewell => false,
        };
        self.sleep.woken += u8::from(is_due);
        is_due
    }

    fn has_something_to_say(&self, now: Instant) -> bool {
        let sends = self.hold_deadline().is_some() && self.status.phase == super::Phase::Ready;
        let asks = self
            .ussd
            .as_ref()
            .is_some_and(|question| question.stage != UssdStage::Waiting);
        self.hang_up
            || self.to_acknowledge > 0
            || self.setup_due.is_some_and(|due| due <= now)
            || sends
            || asks
            || !self.errands.is_empty()
            || self.mailbox.has_work(now)
    }
}
