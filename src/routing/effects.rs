//! What one event comes to, while it is being decided.

use std::collections::BTreeSet;

use super::act::AuditAction;
use super::actor::Actor;
use super::effect::Effect;
use super::ids::{ConversationId, OperatorId, PatronId};

/// Collects what follows from an event and puts it in order: who and which thread first, since
/// messages hang on them, then the other rows, then the bells.
#[derive(Debug, Default)]
pub(super) struct Effects {
    patrons: BTreeSet<PatronId>,
    conversations: BTreeSet<ConversationId>,
    rows: Vec<Effect>,
    bells: Vec<Effect>,
}

impl Effects {
    /// The patron changed: their row is to be written as it stands at the end of the event.
    pub(super) fn patron(&mut self, id: PatronId) {
        self.patrons.insert(id);
    }

    /// The conversation changed: its row is to be written as it stands at the end of the event.
    pub(super) fn conversation(&mut self, id: ConversationId) {
        self.conversations.insert(id);
    }

    /// The conversation is erased: nothing of this event is written of it, but its going.
    pub(super) fn forget_conversation(&mut self, id: ConversationId) {
        self.conversations.remove(&id);
        self.rows.retain(|row| match row {
            Effect::Record(message) => message.conversation != id,
            Effect::Note { conversation, .. } => *conversation != id,
            _ => true,
        });
    }

    /// The patron is erased: nothing of this event is written of them.
    pub(super) fn forget_patron(&mut self, id: PatronId) {
        self.patrons.remove(&id);
    }

    /// A row, after those of patrons and conversations.
    pub(super) fn row(&mut self, effect: Effect) {
        self.rows.push(effect);
    }

    /// A line in the thread from the desk to the operators.
    pub(super) fn note(&mut self, conversation: ConversationId, text: String) {
        self.rows.push(Effect::Note { conversation, text });
    }

    /// What somebody did, for the audit trail.
    pub(super) fn audit(&mut self, by: Actor, action: AuditAction, conversation: ConversationId) {
        self.rows.push(Effect::Audit {
            by,
            action,
            conversation,
        });
    }

    /// Something to ring once the rows are kept.
    pub(super) fn bell(&mut self, effect: Effect) {
        self.bells.push(effect);
    }

    /// The conversation is shown to each of these.
    pub(super) fn offer(&mut self, conversation: ConversationId, to: &BTreeSet<OperatorId>) {
        for &to in to {
            self.bells.push(Effect::Offer { conversation, to });
        }
    }

    /// The conversation is taken from each of these.
    pub(super) fn withdraw(
        &mut self,
        conversation: ConversationId,
        from: &BTreeSet<OperatorId>,
        reason: &str,
    ) {
        for &from in from {
            self.bells.push(Effect::Withdraw {
                conversation,
                from,
                reason: reason.to_owned(),
            });
        }
    }

    /// The patrons and conversations whose rows are due, and all else in order.
    pub(super) fn close(
        self,
    ) -> (
        BTreeSet<PatronId>,
        BTreeSet<ConversationId>,
        impl Iterator<Item = Effect>,
    ) {
        (
            self.patrons,
            self.conversations,
            self.rows.into_iter().chain(self.bells),
        )
    }
}
