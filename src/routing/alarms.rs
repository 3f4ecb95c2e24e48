//! When the router wants to be woken, and what for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::ids::{ConversationId, OperatorId};

/// Why to wake up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Alarm {
    /// The spool was read: what it says may no longer fit the plan. Rings once, at the start.
    Mend,
    /// An operator without an endpoint gave no sign of life (clause 5).
    Lease(OperatorId),
    /// Whoever answered last was asked first long enough (clause 4).
    Reserved(ConversationId),
    /// A transfer was not accepted (clause 6).
    Transfer(ConversationId),
    /// Unanswered while online (clause 7).
    Waiting(ConversationId),
    /// Unanswered long enough for another queue to help out (clause 7).
    Silence(ConversationId),
}

/// Alarms on the uptime clock; each rings at most once and at one time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Alarms {
    at: BTreeMap<Alarm, Duration>,
    order: BTreeSet<(Duration, Alarm)>,
}

impl Alarms {
    /// Sets the alarm, instead of the time it had.
    pub(super) fn set(&mut self, alarm: Alarm, at: Duration) {
        if let Some(before) = self.at.insert(alarm, at) {
            self.order.remove(&(before, alarm));
        }
        self.order.insert((at, alarm));
    }

    /// Sets the alarm unless it is set already.
    pub(super) fn set_if_clear(&mut self, alarm: Alarm, at: Duration) {
        if !self.at.contains_key(&alarm) {
            self.set(alarm, at);
        }
    }

    /// Whether the alarm is set.
    pub(super) fn is_set(&self, alarm: Alarm) -> bool {
        self.at.contains_key(&alarm)
    }

    /// Unsets the alarm.
    pub(super) fn clear(&mut self, alarm: Alarm) {
        if let Some(before) = self.at.remove(&alarm) {
            self.order.remove(&(before, alarm));
        }
    }

    /// Takes the earliest alarm that is due, if one is.
    pub(super) fn take_due(&mut self, uptime: Duration) -> Option<Alarm> {
        let &(at, alarm) = self.order.first()?;
        if at > uptime {
            return None;
        }
        self.clear(alarm);
        Some(alarm)
    }

    /// When the earliest rings.
    pub(super) fn next(&self) -> Option<Duration> {
        self.order.first().map(|&(at, _)| at)
    }
}
