//! Whom and what the router remembers: patrons of open threads for as long as the thread is open,
//! everything else only until it is safely in the spool.

use std::collections::{BTreeMap, BTreeSet};

use super::ids::{ConversationId, GatewayId, MessageId, PatronId};
use super::record::{Conversation, Direction, Message, Patron};
use crate::numbers::PatronNumber;

/// Closed threads, messages and patrons without an open thread kept at once. Owners that commit
/// after every few events never come near it.
const SHELF_MAX: usize = 4096;

/// Patrons, and a shelf of what is looked at now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Memory {
    patrons: BTreeMap<PatronId, Patron>,
    addresses: BTreeMap<GatewayId, BTreeMap<PatronNumber, PatronId>>,
    /// Patrons who have no open thread.
    passing: BTreeSet<PatronId>,
    closed: BTreeMap<ConversationId, Conversation>,
    /// The latest closed thread of a patron.
    latest: BTreeMap<PatronId, ConversationId>,
    /// Patrons whose latest closed thread is on the shelf if they have one.
    settled: BTreeSet<PatronId>,
    messages: BTreeMap<MessageId, Message>,
    /// What was said last at an address, where that was asked for.
    said: BTreeMap<(GatewayId, PatronNumber), BTreeSet<MessageId>>,
}

impl Memory {
    /// The patron with this id.
    pub(super) fn patron(&self, id: PatronId) -> Option<&Patron> {
        self.patrons.get(&id)
    }

    /// The patron at this address.
    pub(super) fn patron_at(&self, gateway: GatewayId, address: &PatronNumber) -> Option<&Patron> {
        let id = self.addresses.get(&gateway)?.get(address)?;
        self.patrons.get(id)
    }

    /// Takes a patron in, for as long as nothing is committed.
    pub(super) fn insert_patron(&mut self, patron: Patron) {
        let id = patron.id;
        self.addresses
            .entry(patron.gateway)
            .or_default()
            .insert(patron.address.clone(), id);
        self.patrons.insert(id, patron);
        self.let_pass(id);
    }

    /// Changes what is remembered of a patron, except who they are.
    pub(super) fn change_patron(&mut self, id: PatronId, change: impl FnOnce(&mut Patron)) {
        if let Some(patron) = self.patrons.get_mut(&id) {
            change(patron);
        }
    }

    /// The patron's thread is open: they are remembered until it closes.
    pub(super) fn hold(&mut self, id: PatronId) {
        self.passing.remove(&id);
    }

    /// The patron has no open thread: they are forgotten with the next commit.
    pub(super) fn let_pass(&mut self, id: PatronId) {
        self.passing.insert(id);
        if self.passing.len() > SHELF_MAX
            && let Some(first) = self.passing.pop_first()
        {
            self.forget_patron(first);
        }
    }

    /// A closed conversation.
    pub(super) fn closed(&self, id: ConversationId) -> Option<&Conversation> {
        self.closed.get(&id)
    }

    /// The latest closed conversation of a patron.
    pub(super) fn latest_of(&self, patron: PatronId) -> Option<&Conversation> {
        self.closed.get(self.latest.get(&patron)?)
    }

    /// The patron's latest closed thread is on the shelf, or they have none.
    pub(super) fn settle(&mut self, patron: PatronId) {
        self.settled.insert(patron);
    }

    /// Whether [`latest_of`](Self::latest_of) can be believed.
    pub(super) fn is_settled(&self, patron: PatronId) -> bool {
        self.settled.contains(&patron)
    }

    /// Puts a closed conversation on the shelf.
    pub(super) fn shelve(&mut self, conversation: Conversation) {
        let latest = self
            .latest
            .entry(conversation.patron)
            .or_insert(conversation.id);
        *latest = conversation.id.max(*latest);
        self.closed.insert(conversation.id, conversation);
        if self.closed.len() > SHELF_MAX
            && let Some((first, conversation)) = self.closed.pop_first()
            && self.latest.get(&conversation.patron) == Some(&first)
        {
            self.latest.remove(&conversation.patron);
            self.settled.remove(&conversation.patron);
        }
    }

    /// Lets go of a patron who is erased.
    pub(super) fn forget(&mut self, id: PatronId) {
        self.passing.remove(&id);
        self.latest.remove(&id);
        self.forget_patron(id);
    }

    /// Lets go of a patron's closed conversations and their messages; answers which they were.
    pub(super) fn forget_closed_of(&mut self, patron: PatronId) -> Vec<ConversationId> {
        if let Some(known) = self.patrons.get(&patron) {
            let at = (known.gateway, known.address.clone());
            for id in self.said.remove(&at).unwrap_or_default() {
                self.messages.remove(&id);
            }
        }
        let theirs = self.closed.values().filter(|c| c.patron == patron);
        let ids: Vec<_> = theirs.map(|c| c.id).collect();
        for &id in &ids {
            self.closed.remove(&id);
            self.forget_messages_of(id);
        }
        self.latest.remove(&patron);
        ids
    }

    /// Lets go of a conversation's messages.
    pub(super) fn forget_messages_of(&mut self, id: ConversationId) {
        self.messages
            .retain(|_, message| message.conversation != id);
    }

    /// Takes a closed conversation off the shelf.
    pub(super) fn unshelve(&mut self, id: ConversationId) -> Option<Conversation> {
        let conversation = self.closed.remove(&id)?;
        if self.latest.get(&conversation.patron) == Some(&id) {
            self.latest.remove(&conversation.patron);
        }
        Some(conversation)
    }

    /// Changes a closed conversation, except whose it is.
    pub(super) fn change_closed(
        &mut self,
        id: ConversationId,
        change: impl FnOnce(&mut Conversation),
    ) {
        if let Some(conversation) = self.closed.get_mut(&id) {
            change(conversation);
        }
    }

    /// A message.
    pub(super) fn message(&self, id: MessageId) -> Option<&Message> {
        self.messages.get(&id)
    }

    /// Puts a message on the shelf.
    pub(super) fn shelve_message(&mut self, message: Message) {
        self.messages.insert(message.id, message);
        if self.messages.len() > SHELF_MAX {
            self.messages.pop_first();
        }
    }

    /// What was said last to whoever is at this address, as the spool has it.
    pub(super) fn know_said(
        &mut self,
        gateway: GatewayId,
        address: PatronNumber,
        said: Vec<Message>,
    ) {
        let ids = said.iter().map(|message| message.id).collect();
        for message in said {
            if self.message(message.id).is_none() {
                self.shelve_message(message);
            }
        }
        self.said.insert((gateway, address), ids);
        if self.said.len() > SHELF_MAX {
            self.said.pop_first();
        }
    }

    /// Whether that is known.
    pub(super) fn is_said_known(&self, gateway: GatewayId, address: &PatronNumber) -> bool {
        self.said.contains_key(&(gateway, address.clone()))
    }

    /// Messages of ours to whoever is at this address, newest first, as far as they are known here.
    pub(super) fn said_to(
        &self,
        gateway: GatewayId,
        address: &PatronNumber,
        is_theirs: impl Fn(ConversationId) -> bool,
    ) -> impl Iterator<Item = &Message> {
        let said = self.said.get(&(gateway, address.clone()));
        self.messages.values().rev().filter(move |message| {
            message.direction == Direction::Out
                && (said.is_some_and(|said| said.contains(&message.id))
                    || is_theirs(message.conversation))
        })
    }

    /// Changes a message on the shelf.
    pub(super) fn change_message(&mut self, id: MessageId, change: impl FnOnce(&mut Message)) {
        if let Some(message) = self.messages.get_mut(&id) {
            change(message);
        }
    }

    /// What is on the shelf is in the spool too: lets go of it.
    pub(super) fn clear_shelf(&mut self) {
        self.closed.clear();
        self.latest.clear();
        self.settled.clear();
        self.messages.clear();
        self.said.clear();
        for id in std::mem::take(&mut self.passing) {
            self.forget_patron(id);
        }
    }

    fn forget_patron(&mut self, id: PatronId) {
        self.settled.remove(&id);
        let Some(patron) = self.patrons.remove(&id) else {
            return;
        };
        if let Some(addresses) = self.addresses.get_mut(&patron.gateway) {
            addresses.remove(&patron.address);
            if addresses.is_empty() {
                self.addresses.remove(&patron.gateway);
            }
        }
    }
}
