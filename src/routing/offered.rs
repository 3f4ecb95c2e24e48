//! What is in front of whom (clauses 2 and 3): worked out from who is there, never stored.

use std::collections::{BTreeMap, BTreeSet};

use super::ids::{ConversationId, OperatorId, QueueId};
use super::plan::{Fallback, Gateway, OfflinePolicy};
use super::record::{Conversation, ConversationState, Rollover, TransferTarget};
use super::state::State;

impl State {
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

    pub(super) fn all_offered(&self) -> BTreeMap<ConversationId, BTreeSet<OperatorId>> {
        self.threads
            .iter()
            .map(|c| (c.id, self.offered(c.id)))
            .filter(|(_, offered)| !offered.is_empty())
            .collect()
    }

    /// Whether help is still to be looked for: nobody answers, and nobody was asked for help yet.
    pub(super) fn needs_help(&self, conversation: &Conversation) -> Option<Fallback> {
        let alone = conversation.claimed_by.is_none()
            && conversation.waiting_since.is_some()
            && conversation.rollover == Rollover::Home;
        let queue = self.plan.queue(conversation.queue)?;
        queue.fallback.filter(|_| alone)
    }
}
