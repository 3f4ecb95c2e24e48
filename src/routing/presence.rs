//! Who is there, and when somebody has left (clause 5).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::alarms::Alarm;
use super::effect::Effect;
use super::event::{Moment, Show};
use super::ids::{EndpointId, OperatorId, QueueId};
use super::ledger::Ledger;
use super::router::Router;

/// Without an endpoint or a sign of life for this long, an operator has left.
pub(super) const LEASE: Duration = Duration::from_secs(90);

/// Endpoints of one operator; with more than this, the oldest is taken for gone.
const ENDPOINTS_MAX: usize = 64;

/// One operator's presence.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Attendance {
    /// Their own word. *Offline* once they have left: coming back is saying so.
    said: Show,
    endpoints: BTreeSet<EndpointId>,
}

/// Every operator's presence, and what it means for the queues.
///
/// Being there needs both: a word and a sign of life. Whoever gives no sign of life for the time of
/// a lease has the word taken back, so the word alone says how an operator shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Staff {
    attendance: BTreeMap<OperatorId, Attendance>,
    available: BTreeMap<QueueId, BTreeSet<OperatorId>>,
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

    fn of(&mut self, operator: OperatorId) -> &mut Attendance {
        self.attendance.entry(operator).or_insert(Attendance {
            said: Show::Offline,
            endpoints: BTreeSet::new(),
        })
    }

    fn has_endpoint(&self, operator: OperatorId) -> bool {
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

impl Router {
    pub(super) fn restore_staff(
        &mut self,
        shows: impl IntoIterator<Item = (OperatorId, Show)>,
        now: Moment,
    ) {
        for (operator, show) in shows {
            if self.plan.operator(operator).is_some() && show != Show::Offline {
                self.staff.of(operator).said = show;
                self.alarms.set(Alarm::Lease(operator), now.uptime + LEASE);
            }
        }
        let claimants: BTreeSet<_> = self.threads.iter().filter_map(|c| c.claimed_by).collect();
        for operator in claimants {
            self.alarms.set(Alarm::Lease(operator), now.uptime + LEASE);
        }
        self.assign_staff();
    }

    pub(super) fn assign_staff(&mut self) {
        let plan = &self.plan;
        let assigned = plan.operators.iter().flat_map(|operator| {
            let queues = operator.queues.iter();
            queues
                .filter(|&&queue| plan.queue(queue).is_some())
                .map(|&queue| (operator.id, queue))
        });
        self.staff.assign(assigned);
    }

    pub(super) fn open_endpoint(
        &mut self,
        operator: OperatorId,
        endpoint: EndpointId,
        now: Moment,
    ) {
        let endpoints = &mut self.staff.of(operator).endpoints;
        endpoints.insert(endpoint);
        if endpoints.len() > ENDPOINTS_MAX {
            endpoints.pop_first();
        }
        self.see(operator, now);
    }

    pub(super) fn close_endpoint(
        &mut self,
        operator: OperatorId,
        endpoint: EndpointId,
        now: Moment,
    ) {
        if self.staff.has_endpoint(operator) && self.staff.of(operator).endpoints.remove(&endpoint)
        {
            self.see(operator, now);
        }
    }

    /// A sign of life: the lease runs from now, if no endpoint holds it open.
    pub(super) fn see(&mut self, operator: OperatorId, now: Moment) {
        if self.staff.has_endpoint(operator) {
            self.alarms.clear(Alarm::Lease(operator));
        } else {
            self.alarms.set(Alarm::Lease(operator), now.uptime + LEASE);
        }
    }

    pub(super) fn set_show(
        &mut self,
        operator: OperatorId,
        show: Show,
        now: Moment,
        ledger: &mut Ledger,
    ) {
        self.see(operator, now);
        self.show_as(operator, show, now, ledger);
        if show == Show::Offline {
            self.give_back_all(operator, "signed out", now, ledger);
        }
    }

    /// The lease ran out.
    pub(super) fn leave(&mut self, operator: OperatorId, now: Moment, ledger: &mut Ledger) {
        self.show_as(operator, Show::Offline, now, ledger);
        self.give_back_all(operator, "disconnected", now, ledger);
        self.staff.dismiss(operator);
    }

    fn show_as(&mut self, operator: OperatorId, show: Show, now: Moment, ledger: &mut Ledger) {
        let before = self.staff.show(operator);
        if before == show {
            return;
        }
        self.staff.of(operator).said = show;
        ledger.row(Effect::KeepShow { operator, show });
        ledger.bell(Effect::OperatorShows { operator, show });
        let queues: BTreeSet<QueueId> = match self.plan.operator(operator) {
            Some(entry) => entry.queues.iter().copied().collect(),
            None => BTreeSet::new(),
        };
        let queues: Vec<QueueId> = queues
            .into_iter()
            .filter(|&queue| self.plan.queue(queue).is_some())
            .collect();
        if show == Show::Available {
            for &queue in &queues {
                let available = self.staff.available.entry(queue).or_default();
                let first = available.is_empty();
                available.insert(operator);
                if first {
                    self.go_online(queue, now, ledger);
                }
            }
            self.offer_all(operator, &queues, ledger);
        } else if before == Show::Available {
            for queue in queues {
                let Some(available) = self.staff.available.get_mut(&queue) else {
                    continue;
                };
                available.remove(&operator);
                if available.is_empty() {
                    self.staff.available.remove(&queue);
                    self.go_offline(queue, ledger);
                }
            }
            let asked_first: Vec<_> = self.threads.reserved_for(operator).collect();
            for id in asked_first {
                self.ask_everyone(id, ledger);
            }
        }
    }
}
