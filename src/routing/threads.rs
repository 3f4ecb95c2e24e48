//! Open conversations, found by patron, by queue and by claimant.

use std::collections::{BTreeMap, BTreeSet};

use super::ids::{ConversationId, OperatorId, PatronId, QueueId};
use super::record::{Conversation, ConversationState};

/// Every conversation that is not closed. A patron has at most one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Threads {
    open: BTreeMap<ConversationId, Conversation>,
    of_patron: BTreeMap<PatronId, ConversationId>,
    /// Nobody answers these, by the queue they are in, and by the one that helps out.
    unclaimed: BTreeMap<QueueId, BTreeSet<ConversationId>>,
    claims: BTreeMap<OperatorId, BTreeSet<ConversationId>>,
    /// Those with a hand-over on its way; few, since none lasts longer than a minute.
    in_transfer: BTreeSet<ConversationId>,
    /// Unclaimed ones for which one operator is asked before the others (clause 4).
    reserved: BTreeMap<ConversationId, OperatorId>,
    reserved_for: BTreeSet<(OperatorId, ConversationId)>,
}

impl Threads {
    /// The open conversation with this id.
    pub(super) fn get(&self, id: ConversationId) -> Option<&Conversation> {
        self.open.get(&id)
    }

    /// The open conversation of this patron.
    pub(super) fn of_patron(&self, patron: PatronId) -> Option<&Conversation> {
        self.open.get(self.of_patron.get(&patron)?)
    }

    /// All of them, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Conversation> {
        self.open.values()
    }

    /// Takes one in.
    pub(super) fn insert(&mut self, conversation: Conversation) {
        self.index(&conversation);
        self.open.insert(conversation.id, conversation);
    }

    /// Takes one out.
    pub(super) fn remove(&mut self, id: ConversationId) -> Option<Conversation> {
        let conversation = self.open.remove(&id)?;
        self.unindex(&conversation);
        self.unreserve(id);
        Some(conversation)
    }

    /// Changes one, keeping the indexes right.
    pub(super) fn change(&mut self, id: ConversationId, change: impl FnOnce(&mut Conversation)) {
        let Some(mut conversation) = self.open.remove(&id) else {
            return;
        };
        self.unindex(&conversation);
        change(&mut conversation);
        self.index(&conversation);
        if conversation.claimed_by.is_some() {
            self.unreserve(id);
        }
        self.open.insert(id, conversation);
    }

    /// Sets held or waiting, which no index depends on. Whether that changed anything.
    pub(super) fn stand(&mut self, id: ConversationId, state: ConversationState) -> bool {
        match self.open.get_mut(&id) {
            Some(conversation)
                if conversation.claimed_by.is_none() && conversation.state != state =>
            {
                conversation.state = state;
                true
            }
            Some(_) | None => false,
        }
    }

    /// The unclaimed ones in front of a queue, its own and those it helps with, oldest first.
    pub(super) fn unclaimed(&self, queue: QueueId) -> impl Iterator<Item = ConversationId> {
        self.unclaimed.get(&queue).into_iter().flatten().copied()
    }

    /// What an operator answers, oldest first.
    pub(super) fn claimed_by(&self, operator: OperatorId) -> impl Iterator<Item = ConversationId> {
        self.claims.get(&operator).into_iter().flatten().copied()
    }

    /// Those with a hand-over on its way, oldest first.
    pub(super) fn in_transfer(&self) -> impl Iterator<Item = &Conversation> {
        self.in_transfer.iter().filter_map(|id| self.open.get(id))
    }

    /// Whom alone an unclaimed conversation is offered to for now.
    pub(super) fn reserved(&self, id: ConversationId) -> Option<OperatorId> {
        self.reserved.get(&id).copied()
    }

    /// What is offered to this operator alone for now.
    pub(super) fn reserved_for(
        &self,
        operator: OperatorId,
    ) -> impl Iterator<Item = ConversationId> {
        let first = (operator, ConversationId(i64::MIN));
        let last = (operator, ConversationId(i64::MAX));
        self.reserved_for.range(first..=last).map(|&(_, id)| id)
    }

    /// One operator is asked first.
    pub(super) fn reserve(&mut self, id: ConversationId, operator: OperatorId) {
        self.unreserve(id);
        self.reserved.insert(id, operator);
        self.reserved_for.insert((operator, id));
    }

    /// Everyone is asked.
    pub(super) fn unreserve(&mut self, id: ConversationId) {
        if let Some(operator) = self.reserved.remove(&id) {
            self.reserved_for.remove(&(operator, id));
        }
    }

    fn index(&mut self, conversation: &Conversation) {
        let id = conversation.id;
        self.of_patron.insert(conversation.patron, id);
        match conversation.claimed_by {
            Some(operator) => self.claims.entry(operator).or_default().insert(id),
            None => self.front(conversation.queue, conversation.partner(), id),
        };
        if conversation.transfer.is_some() {
            self.in_transfer.insert(id);
        }
    }

    fn unindex(&mut self, conversation: &Conversation) {
        let id = conversation.id;
        self.of_patron.remove(&conversation.patron);
        match conversation.claimed_by {
            Some(operator) => take(&mut self.claims, operator, id),
            None => {
                take(&mut self.unclaimed, conversation.queue, id);
                if let Some(partner) = conversation.partner() {
                    take(&mut self.unclaimed, partner, id);
                }
            }
        }
        self.in_transfer.remove(&id);
    }

    fn front(&mut self, queue: QueueId, partner: Option<QueueId>, id: ConversationId) -> bool {
        for queue in [Some(queue), partner].into_iter().flatten() {
            self.unclaimed.entry(queue).or_default().insert(id);
        }
        true
    }
}

/// Removes from a set of sets and leaves no empty set behind.
fn take<K: Ord>(sets: &mut BTreeMap<K, BTreeSet<ConversationId>>, key: K, id: ConversationId) {
    if let Some(set) = sets.get_mut(&key) {
        set.remove(&id);
        if set.is_empty() {
            sets.remove(&key);
        }
    }
}
