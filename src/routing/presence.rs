//! Who is there, and when somebody has left (clause 5).

use std::collections::BTreeSet;
use std::time::Duration;

use super::alarms::Alarm;
use super::effect::Effect;
use super::event::Show;
use super::ids::{EndpointId, OperatorId, QueueId};
use super::turn::Turn;

/// Without an endpoint or a sign of life for this long, an operator has left.
pub(super) const LEASE: Duration = Duration::from_secs(90);

/// Endpoints of one operator; with more than this, the oldest is taken for gone.
const ENDPOINTS_MAX: usize = 64;

impl Turn<'_> {
    pub(super) fn restore_staff(&mut self, shows: impl IntoIterator<Item = (OperatorId, Show)>) {
        let now = self.now;
        for (operator, show) in shows {
            if self.state.plan.operator(operator).is_some() && show != Show::Offline {
                self.state.staff.of(operator).said = show;
                self.state
                    .alarms
                    .set(Alarm::Lease(operator), now.uptime + LEASE);
            }
        }
        let claimants: BTreeSet<_> = self
            .state
            .threads
            .iter()
            .filter_map(|c| c.claimed_by)
            .collect();
        for operator in claimants {
            self.state
                .alarms
                .set(Alarm::Lease(operator), now.uptime + LEASE);
        }
        self.state.assign_staff();
    }

    pub(super) fn open_endpoint(&mut self, operator: OperatorId, endpoint: EndpointId) {
        let endpoints = &mut self.state.staff.of(operator).endpoints;
        endpoints.insert(endpoint);
        if endpoints.len() > ENDPOINTS_MAX {
            endpoints.pop_first();
        }
        self.see(operator);
    }

    pub(super) fn close_endpoint(&mut self, operator: OperatorId, endpoint: EndpointId) {
        if self.state.staff.has_endpoint(operator)
            && self.state.staff.of(operator).endpoints.remove(&endpoint)
        {
            self.see(operator);
        }
    }

    /// A sign of life: the lease runs from now, if no endpoint holds it open.
    pub(super) fn see(&mut self, operator: OperatorId) {
        let now = self.now;
        if self.state.staff.has_endpoint(operator) {
            self.state.alarms.clear(Alarm::Lease(operator));
        } else {
            self.state
                .alarms
                .set(Alarm::Lease(operator), now.uptime + LEASE);
        }
    }

    /// An operator did something themselves. Who comes back to a page that was left alone has
    /// patrons who may be told to wait a little longer (clause 7).
    pub(super) fn revive(&mut self, operator: OperatorId) {
        let was_alive = self.state.staff.is_alive(operator, self.now);
        self.state.staff.of(operator).alive_at = Some(self.now.uptime);
        if was_alive {
            return;
        }
        let queues = match self.state.plan.operator(operator) {
            Some(entry) => entry.queues.clone(),
            None => Vec::new(),
        };
        let unclaimed: Vec<_> = queues
            .iter()
            .flat_map(|&queue| self.state.threads.unclaimed(queue))
            .collect();
        for id in unclaimed {
            self.await_notice(id);
        }
    }

    pub(super) fn set_show(&mut self, operator: OperatorId, show: Show) {
        self.see(operator);
        self.revive(operator);
        self.show_as(operator, show);
        if show == Show::Offline {
            self.give_back_all(operator, "signed out");
        }
    }

    /// The lease ran out.
    pub(super) fn leave(&mut self, operator: OperatorId) {
        self.show_as(operator, Show::Offline);
        self.give_back_all(operator, "disconnected");
        self.state.staff.dismiss(operator);
    }

    fn show_as(&mut self, operator: OperatorId, show: Show) {
        let before = self.state.staff.show(operator);
        if before == show {
            return;
        }
        self.state.staff.of(operator).said = show;
        self.effects.row(Effect::KeepShow { operator, show });
        self.effects.bell(Effect::OperatorShows { operator, show });
        let queues: BTreeSet<QueueId> = match self.state.plan.operator(operator) {
            Some(entry) => entry.queues.iter().copied().collect(),
            None => BTreeSet::new(),
        };
        let queues: Vec<QueueId> = queues
            .into_iter()
            .filter(|&queue| self.state.plan.queue(queue).is_some())
            .collect();
        if show == Show::Available {
            for &queue in &queues {
                let available = self.state.staff.available.entry(queue).or_default();
                let first = available.is_empty();
                available.insert(operator);
                if first {
                    self.go_online(queue);
                }
            }
            self.offer_all(operator, &queues);
        } else if before == Show::Available {
            for queue in queues {
                let Some(available) = self.state.staff.available.get_mut(&queue) else {
                    continue;
                };
                available.remove(&operator);
                if available.is_empty() {
                    self.state.staff.available.remove(&queue);
                    self.go_offline(queue);
                }
            }
            let asked_first: Vec<_> = self.state.threads.reserved_for(operator).collect();
            for id in asked_first {
                self.ask_everyone(id);
            }
        }
    }
}
