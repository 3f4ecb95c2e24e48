//! What is in front of whom (clauses 2, 3 and 4), and what a queue's going on- and offline means for
//! the threads in it.

use std::collections::BTreeSet;
use std::time::Duration;

use super::alarms::Alarm;
use super::effect::Effect;
use super::event::Moment;
use super::ids::{ConversationId, OperatorId, QueueId};
use super::ledger::Ledger;
use super::plan::{Gateway, OfflinePolicy};
use super::record::{Conversation, ConversationState, TransferTarget};
use super::router::Router;

/// How long whoever answered last is asked before all others (clause 4).
const LAST_ANSWERER_FIRST: Duration = Duration::from_secs(60);

/// Unanswered this long while online, the patron is told to wait (clause 7).
const WAITING_NOTICE_AFTER: Duration = Duration::from_secs(180);

impl Router {
    /// To whom a conversation is offered: worked out from who is there, never stored.
    pub(super) fn offered(&self, id: ConversationId) -> BTreeSet<OperatorId> {
        let Some(conversation) = self.threads.get(id) else {
            return BTreeSet::new();
        };
        match (conversation.claimed_by, &conversation.transfer) {
            (None, _) => match self.threads.reserved(id) {
                Some(operator) => BTreeSet::from([operator]),
                None => self.available_for(conversation).collect(),
            },
            (Some(owner), Some(transfer)) => match transfer.to {
                TransferTarget::Operator(operator) => BTreeSet::from([operator]),
                TransferTarget::Queue(queue) => self
                    .staff
                    .available(queue)
                    .filter(|&operator| operator != owner)
                    .collect(),
            },
            (Some(_), None) => BTreeSet::new(),
        }
    }

    /// Whether a conversation is offered to this operator.
    pub(super) fn is_offered(&self, id: ConversationId, operator: OperatorId) -> bool {
        let Some(conversation) = self.threads.get(id) else {
            return false;
        };
        match (conversation.claimed_by, &conversation.transfer) {
            (None, _) => match self.threads.reserved(id) {
                Some(first) => first == operator,
                None => self.is_available_for(operator, conversation),
            },
            (Some(owner), Some(transfer)) => match transfer.to {
                TransferTarget::Operator(to) => to == operator,
                TransferTarget::Queue(queue) => {
                    owner != operator && self.staff.is_available(operator, queue)
                }
            },
            (Some(_), None) => false,
        }
    }

    /// Shows an operator who came everything that is theirs to answer, oldest first (clause 2).
    pub(super) fn offer_all(
        &mut self,
        operator: OperatorId,
        queues: &[QueueId],
        ledger: &mut Ledger,
    ) {
        let mut ids: Vec<ConversationId> = queues
            .iter()
            .flat_map(|&queue| self.threads.unclaimed(queue))
            .chain(self.threads.in_transfer().map(|c| c.id))
            .collect();
        ids.sort_unstable();
        ids.dedup();
        for conversation in ids {
            if self.is_offered(conversation, operator) {
                ledger.bell(Effect::Offer {
                    conversation,
                    to: operator,
                });
            }
        }
    }

    /// The queue's first operator became available: its closed period is over.
    pub(super) fn go_online(&mut self, queue: QueueId, now: Moment, ledger: &mut Ledger) {
        ledger.bell(Effect::QueueShows {
            queue,
            online: true,
        });
        // Counted on at the end of a period and not at the beginning of the next, so that a
        // restart in between neither repeats nor skips a notice.
        let period = self.closed_period(queue).saturating_add(1);
        self.closed_periods.insert(queue, period);
        ledger.row(Effect::KeepClosedPeriod { queue, period });
        let unclaimed: Vec<_> = self.threads.unclaimed(queue).collect();
        for id in unclaimed {
            if self.threads.stand(id, ConversationState::Waiting) {
                ledger.conversation(id);
            }
            self.await_notice(id, now);
        }
        self.expect_help_from(queue, now);
    }

    /// The queue's last operator is not available any more.
    pub(super) fn go_offline(&mut self, queue: QueueId, ledger: &mut Ledger) {
        ledger.bell(Effect::QueueShows {
            queue,
            online: false,
        });
        let unclaimed: Vec<_> = self.threads.unclaimed(queue).collect();
        for id in unclaimed {
            let Some(conversation) = self.threads.get(id) else {
                continue;
            };
            if conversation.queue == queue {
                self.alarms.clear(Alarm::Waiting(id));
            }
            let state = self.standing(conversation);
            if self.threads.stand(id, state) {
                ledger.conversation(id);
            }
        }
    }

    /// Operators before whom an unclaimed conversation is: of its queue, and of the one that helps.
    fn available_for(&self, conversation: &Conversation) -> impl Iterator<Item = OperatorId> {
        let queues = [Some(conversation.queue), conversation.partner()];
        let queues = queues.into_iter().flatten();
        queues.flat_map(|queue| self.staff.available(queue))
    }

    /// Whether an operator is available where this conversation is.
    pub(super) fn is_available_for(
        &self,
        operator: OperatorId,
        conversation: &Conversation,
    ) -> bool {
        let queues = [Some(conversation.queue), conversation.partner()];
        let mut queues = queues.into_iter().flatten();
        queues.any(|queue| self.staff.is_available(operator, queue))
    }

    /// Whether an operator answers the queue a conversation is in, or the one that helps with it.
    pub(super) fn is_assigned(&self, operator: OperatorId, conversation: &Conversation) -> bool {
        let entry = self.plan.operator(operator);
        entry.is_some_and(|entry| entry.queues.iter().any(|&queue| conversation.is_in(queue)))
    }

    /// The number of the queue's closed period: the present one while it is offline, the coming one
    /// while it is online.
    pub(super) fn closed_period(&self, queue: QueueId) -> i64 {
        self.closed_periods.get(&queue).copied().unwrap_or(0)
    }

    /// Whether the waiting notice is still to come for this conversation, while its queue is online.
    pub(super) fn awaits_notice(&self, conversation: &Conversation) -> bool {
        let gateway = self.plan.gateway(conversation.gateway);
        // Whoever was told of a pause was told enough.
        let pause = gateway.and_then(Gateway::pause);
        let told = pause.is_some() && conversation.closed_notice == pause;
        conversation.claimed_by.is_none()
            && conversation.waiting_since.is_some()
            && !conversation.waiting_noticed
            && !told
    }

    /// A thread is in a queue that is, or came, online: three minutes from now the patron is told
    /// that it takes longer. Not where the closed notice already said so: those who were told
    /// *after we open* in the closed period just over need no second text.
    pub(super) fn await_notice(&mut self, id: ConversationId, now: Moment) {
        let Some(conversation) = self.threads.get(id) else {
            return;
        };
        let told_last_time = Some(self.closed_period(conversation.queue) - 1);
        let told = conversation.closed_notice == told_last_time;
        if self.awaits_notice(conversation) && self.is_online(conversation.queue) && !told {
            self.expect_wait(id, now);
        }
    }

    /// Starts the three minutes, unless they run already.
    pub(super) fn expect_wait(&mut self, id: ConversationId, now: Moment) {
        self.alarms
            .set_if_clear(Alarm::Waiting(id), now.uptime + WAITING_NOTICE_AFTER);
    }

    /// Puts an unclaimed thread in front of its queue. Whoever is `first` is asked alone for a
    /// minute, if available.
    pub(super) fn put_on_offer(
        &mut self,
        id: ConversationId,
        first: Option<OperatorId>,
        now: Moment,
        ledger: &mut Ledger,
    ) {
        let Some(conversation) = self.threads.get(id) else {
            return;
        };
        let state = self.standing(conversation);
        let first = first.filter(|&first| self.is_available_for(first, conversation));
        self.threads.stand(id, state);
        ledger.conversation(id);
        if let Some(first) = first {
            self.threads.reserve(id, first);
            self.alarms
                .set(Alarm::Reserved(id), now.uptime + LAST_ANSWERER_FIRST);
        }
        ledger.offer(id, &self.offered(id));
        self.await_notice(id, now);
        self.expect_help(id, now);
    }

    /// The minute of whoever answered last is over: everyone else is asked too.
    pub(super) fn ask_everyone(&mut self, id: ConversationId, ledger: &mut Ledger) {
        self.alarms.clear(Alarm::Reserved(id));
        let before = self.offered(id);
        self.threads.unreserve(id);
        let after = self.offered(id);
        ledger.offer(id, &after.difference(&before).copied().collect());
    }

    /// Nothing is timed in this thread any more.
    pub(super) fn clear_alarms(&mut self, id: ConversationId) {
        self.alarms.clear(Alarm::Reserved(id));
        self.alarms.clear(Alarm::Transfer(id));
        self.alarms.clear(Alarm::Waiting(id));
        self.alarms.clear(Alarm::Silence(id));
    }

    /// How a thread stands while nobody answers it.
    pub(super) fn standing(&self, conversation: &Conversation) -> ConversationState {
        if self.is_attended(conversation) {
            ConversationState::Waiting
        } else {
            ConversationState::Held
        }
    }

    /// Whether somebody is there who could answer it.
    pub(super) fn is_attended(&self, conversation: &Conversation) -> bool {
        let helped = conversation
            .partner()
            .is_some_and(|queue| self.is_online(queue));
        helped || self.is_online(conversation.queue)
    }

    /// Takes a thread from its claimant, and puts it before the queue again.
    pub(super) fn give_back(&mut self, id: ConversationId, now: Moment, ledger: &mut Ledger) {
        let was_offered = self.offered(id);
        self.alarms.clear(Alarm::Transfer(id));
        let Some(state) = self.threads.get(id).map(|c| self.standing(c)) else {
            return;
        };
        self.change(id, ledger, |conversation| {
            conversation.claimed_by = None;
            conversation.transfer = None;
            conversation.state = state;
        });
        let offered = self.offered(id);
        let gone: BTreeSet<_> = was_offered.difference(&offered).copied().collect();
        ledger.withdraw(id, &gone, "returned to the queue");
        ledger.offer(id, &offered.difference(&was_offered).copied().collect());
        self.await_notice(id, now);
        self.expect_help(id, now);
    }

    /// Everything an operator answers goes back to the queues.
    pub(super) fn give_back_all(
        &mut self,
        operator: OperatorId,
        because: &str,
        now: Moment,
        ledger: &mut Ledger,
    ) {
        let claimed: Vec<_> = self.threads.claimed_by(operator).collect();
        if claimed.is_empty() {
            return;
        }
        let name = self.name(operator);
        for id in claimed {
            ledger.note(id, format!("returned to the queue: {name} {because}"));
            self.give_back(id, now, ledger);
        }
    }

    /// Whether a text of this gateway into this queue, or this thread in it, is not kept now
    /// (clause 1).
    pub(super) fn refuses(
        &self,
        gateway: &Gateway,
        queue: QueueId,
        thread: Option<&Conversation>,
    ) -> bool {
        let attended = self.is_online(queue) || thread.is_some_and(|c| self.is_attended(c));
        match gateway.policy {
            OfflinePolicy::Refuse => !attended || gateway.paused,
            OfflinePolicy::Hold => false,
        }
    }
}
