//! What is in front of whom (clauses 2, 3 and 4), and what a queue's going on- and offline means for
//! the threads in it.

use std::collections::BTreeSet;
use std::time::Duration;

use super::alarms::Alarm;
use super::effect::Effect;
use super::ids::{ConversationId, OperatorId, QueueId};
use super::record::ConversationState;
use super::turn::Turn;

/// How long whoever answered last is asked before all others (clause 4).
const LAST_ANSWERER_FIRST: Duration = Duration::from_secs(60);

impl Turn<'_> {
    /// Shows an operator who came everything that is theirs to answer, oldest first (clause 2).
    pub(super) fn offer_all(&mut self, operator: OperatorId, queues: &[QueueId]) {
        let mut ids: Vec<ConversationId> = queues
            .iter()
            .flat_map(|&queue| self.state.threads.unclaimed(queue))
            .chain(self.state.threads.in_transfer().map(|c| c.id))
            .collect();
        ids.sort_unstable();
        ids.dedup();
        for conversation in ids {
            if self.state.is_offered(conversation, operator) {
                self.effects.bell(Effect::Offer {
                    conversation,
                    to: operator,
                });
            }
        }
    }

    /// The queue's first operator became available: its closed period is over.
    pub(super) fn go_online(&mut self, queue: QueueId) {
        self.effects.bell(Effect::QueueShows {
            queue,
            online: true,
        });
        // Counted on at the end of a period and not at the beginning of the next, so that a
        // restart in between neither repeats nor skips a notice.
        let period = self.state.closed_period(queue).saturating_add(1);
        self.state.closed_periods.insert(queue, period);
        self.effects.row(Effect::KeepClosedPeriod { queue, period });
        let unclaimed: Vec<_> = self.state.threads.unclaimed(queue).collect();
        for id in unclaimed {
            if self.state.threads.stand(id, ConversationState::Waiting) {
                self.effects.conversation(id);
            }
            self.await_notice(id);
        }
        self.expect_help_from(queue);
    }

    /// The queue's last operator is not available any more.
    pub(super) fn go_offline(&mut self, queue: QueueId) {
        self.effects.bell(Effect::QueueShows {
            queue,
            online: false,
        });
        let unclaimed: Vec<_> = self.state.threads.unclaimed(queue).collect();
        for id in unclaimed {
            let Some(conversation) = self.state.threads.get(id) else {
                continue;
            };
            if conversation.queue == queue {
                self.state.alarms.clear(Alarm::Waiting(id));
            }
            let state = self.state.standing(conversation);
            if self.state.threads.stand(id, state) {
                self.effects.conversation(id);
            }
        }
    }

    /// Puts an unclaimed thread in front of its queue. Whoever is `first` is asked alone for a
    /// minute, if available.
    pub(super) fn put_on_offer(&mut self, id: ConversationId, first: Option<OperatorId>) {
        let now = self.now;
        let Some(conversation) = self.state.threads.get(id) else {
            return;
        };
        let state = self.state.standing(conversation);
        let first = first.filter(|&first| self.state.is_available_for(first, conversation));
        self.state.threads.stand(id, state);
        self.effects.conversation(id);
        if let Some(first) = first {
            self.state.threads.reserve(id, first);
            self.state
                .alarms
                .set(Alarm::Reserved(id), now.uptime + LAST_ANSWERER_FIRST);
        }
        self.effects.offer(id, &self.state.offered(id));
        self.await_notice(id);
        self.expect_help(id);
    }

    /// The minute of whoever answered last is over: everyone else is asked too.
    pub(super) fn ask_everyone(&mut self, id: ConversationId) {
        self.state.alarms.clear(Alarm::Reserved(id));
        let before = self.state.offered(id);
        self.state.threads.unreserve(id);
        let after = self.state.offered(id);
        self.effects
            .offer(id, &after.difference(&before).copied().collect());
    }

    /// Takes a thread from its claimant, and puts it before the queue again.
    pub(super) fn give_back(&mut self, id: ConversationId) {
        let was_offered = self.state.offered(id);
        self.state.alarms.clear(Alarm::Transfer(id));
        let Some(state) = self.state.threads.get(id).map(|c| self.state.standing(c)) else {
            return;
        };
        self.change(id, |conversation| {
            conversation.claimed_by = None;
            conversation.transfer = None;
            conversation.state = state;
        });
        let offered = self.state.offered(id);
        let gone: BTreeSet<_> = was_offered.difference(&offered).copied().collect();
        self.effects.withdraw(id, &gone, "returned to the queue");
        self.effects
            .offer(id, &offered.difference(&was_offered).copied().collect());
        self.await_notice(id);
        self.expect_help(id);
    }

    /// Everything an operator answers goes back to the queues.
    pub(super) fn give_back_all(&mut self, operator: OperatorId, because: &str) {
        let claimed: Vec<_> = self.state.threads.claimed_by(operator).collect();
        if claimed.is_empty() {
            return;
        }
        let name = self.state.name(operator);
        for id in claimed {
            self.effects
                .note(id, format!("returned to the queue: {name} {because}"));
            self.give_back(id);
        }
    }

    /// An unclaimed thread is held or waiting, as somebody is there or not.
    pub(super) fn stand_as_offered(&mut self, id: ConversationId) {
        let Some(conversation) = self.state.threads.get(id) else {
            return;
        };
        if conversation.claimed_by.is_none() {
            let state = self.state.standing(conversation);
            self.change(id, |c| c.state = state);
        }
    }
}
