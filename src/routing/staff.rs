//! Operators' presence, and what it means for the queues.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::event::{Moment, Show};
use super::ids::{EndpointId, OperatorId, QueueId};

/// Whoever did nothing for longer than this may have left the page open and gone to the shelves.
const ALIVE_FOR: Duration = Duration::from_secs(600);

/// One operator's presence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attendance {
    /// Their own word. *Offline* once they have left: coming back is saying so.
    pub(super) said: Show,
    pub(super) endpoints: BTreeSet<EndpointId>,
    /// When they last did something themselves, by the uptime clock: an open page does things too.
    pub(super) alive_at: Option<Duration>,
}

/// Every operator's presence, and what it means for the queues.
///
/// Being there needs both: a word and a sign of life. Whoever gives no sign of life for the time of
/// a lease has the word taken back, so the word alone says how an operator shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Staff {
    attendance: BTreeMap<OperatorId, Attendance>,
    pub(super) available: BTreeMap<QueueId, BTreeSet<OperatorId>>,
}

impl Staff {
    pub(super) fn show(&self, operator: OperatorId) -> Show {
        self.attendance
            .get(&operator)
            .map_or(Show::Offline, |attendance| attendance.said)
    }

    pub(super) fn shows(&self) -> impl Iterator<Item = (OperatorId, Show)> {
        self.attendance
            .iter()
            .map(|(&operator, attendance)| (operator, attendance.said))
            .filter(|&(_, show)| show != Show::Offline)
    }

    pub(super) fn online(&self) -> impl Iterator<Item = QueueId> {
        self.available.keys().copied()
    }

    pub(super) fn is_online(&self, queue: QueueId) -> bool {
        self.available.contains_key(&queue)
    }

    /// Available operators of a queue.
    pub(super) fn available(&self, queue: QueueId) -> impl Iterator<Item = OperatorId> {
        self.available.get(&queue).into_iter().flatten().copied()
    }

    pub(super) fn is_available(&self, operator: OperatorId, queue: QueueId) -> bool {
        self.available
            .get(&queue)
            .is_some_and(|available| available.contains(&operator))
    }

    pub(super) fn of(&mut self, operator: OperatorId) -> &mut Attendance {
        self.attendance.entry(operator).or_insert(Attendance {
            said: Show::Offline,
            endpoints: BTreeSet::new(),
            alive_at: None,
        })
    }

    /// Whether an operator did something themselves within the last ten minutes.
    pub(super) fn is_alive(&self, operator: OperatorId, now: Moment) -> bool {
        let attendance = self.attendance.get(&operator);
        attendance
            .and_then(|attendance| attendance.alive_at)
            .is_some_and(|at| now.uptime.saturating_sub(at) < ALIVE_FOR)
    }

    /// Whether somebody available in the queue did.
    pub(super) fn is_manned(&self, queue: QueueId, now: Moment) -> bool {
        self.available(queue)
            .any(|operator| self.is_alive(operator, now))
    }

    pub(super) fn has_endpoint(&self, operator: OperatorId) -> bool {
        self.attendance
            .get(&operator)
            .is_some_and(|attendance| !attendance.endpoints.is_empty())
    }

    /// Takes an operator off the staff.
    pub(super) fn dismiss(&mut self, operator: OperatorId) -> Show {
        self.attendance
            .remove(&operator)
            .map_or(Show::Offline, |attendance| attendance.said)
    }

    /// Everyone with an endpoint or a word.
    pub(super) fn everyone(&self) -> Vec<OperatorId> {
        self.attendance.keys().copied().collect()
    }

    /// Works out anew who is available where.
    pub(super) fn assign(&mut self, assigned: impl Iterator<Item = (OperatorId, QueueId)>) {
        self.available.clear();
        for (operator, queue) in assigned {
            if self.show(operator) == Show::Available {
                self.available.entry(queue).or_default().insert(operator);
            }
        }
    }
}
