//! One event being decided: the state, the time, and what follows. Rules are written on it, a clause a
//! file.

use jiff::Timestamp;

use super::effect::Effect;
use super::effects::Effects;
use super::event::Moment;
use super::ids::{ConversationId, GatewayId, MessageId, PatronId, QueueId};
use super::record::{Author, Conversation, DeliveryState, Direction, Message};
use super::state::State;
use crate::numbers::PatronNumber;

/// One event being decided.
#[derive(Debug)]
pub(super) struct Turn<'s> {
    pub(super) state: &'s mut State,
    pub(super) now: Moment,
    pub(super) effects: Effects,
}

impl<'s> Turn<'s> {
    pub(super) fn new(state: &'s mut State, now: Moment) -> Self {
        Self {
            state,
            now,
            effects: Effects::default(),
        }
    }

    /// What follows, in order, with rows as they stand at the end of the event.
    pub(super) fn into_effects(self) -> Vec<Effect> {
        let state = self.state;
        let (patrons, conversations, rest) = self.effects.close();
        let patrons = patrons
            .into_iter()
            .filter_map(|id| state.memory.patron(id))
            .map(|patron| Effect::KeepPatron(patron.clone()));
        let conversations = conversations
            .into_iter()
            .filter_map(|id| state.conversation(id))
            .map(|conversation| Effect::KeepConversation(conversation.clone()));
        patrons.chain(conversations).chain(rest).collect()
    }
}

impl Turn<'_> {
    /// Records a text of ours and hands it to its gateway.
    pub(super) fn send_out(
        &mut self,
        conversation: ConversationId,
        patron: PatronId,
        body: String,
        author: Author,
        client_id: Option<String>,
    ) {
        let Some(patron) = self.state.memory.patron(patron) else {
            return;
        };
        let (gateway, to) = (patron.gateway, patron.address.clone());
        let message = self.record_out(conversation, body.clone(), author, client_id);
        self.effects.row(Effect::Submit {
            message,
            conversation,
            gateway,
            to,
            body,
            may_be_doubled: false,
        });
    }

    /// Remembers a new patron.
    pub(super) fn new_patron(&mut self, gateway: GatewayId, address: &PatronNumber) -> PatronId {
        let patron = self.state.stranger(gateway, address);
        let id = patron.id;
        self.state.next_patron = self.state.next_patron.saturating_add(1);
        self.state.memory.insert_patron(patron);
        self.state.memory.settle(id);
        self.effects.patron(id);
        id
    }

    /// Begins a conversation, closed for now: whoever begins it says what it is. A patron who was
    /// told in an earlier one that the desk is closed was told.
    pub(super) fn new_conversation(
        &mut self,
        patron: PatronId,
        gateway: GatewayId,
        queue: QueueId,
    ) -> ConversationId {
        let now = self.now;
        let id = ConversationId(self.state.next_conversation);
        self.state.next_conversation = self.state.next_conversation.saturating_add(1);
        let open = self.state.threads.of_patron(patron);
        let before = open.or_else(|| self.state.memory.latest_of(patron));
        let before = before.filter(|before| before.queue == queue && !before.farewell);
        let begun = Conversation {
            closed_notice: before.and_then(|before| before.closed_notice),
            ..Conversation::begun(id, patron, gateway, queue, now.wall)
        };
        self.state.memory.shelve(begun);
        self.effects.conversation(id);
        id
    }

    /// Changes a conversation, open or closed.
    pub(super) fn change(&mut self, id: ConversationId, change: impl FnOnce(&mut Conversation)) {
        if self.state.threads.get(id).is_some() {
            self.state.threads.change(id, change);
        } else {
            self.state.memory.change_closed(id, change);
        }
        self.effects.conversation(id);
    }

    /// Writes a patron's words into a thread.
    pub(super) fn record_in(
        &mut self,
        conversation: ConversationId,
        body: String,
        stamped_at: Option<Timestamp>,
    ) -> MessageId {
        let now = self.now;
        let id = self.next_message_id();
        self.record(Message {
            id,
            conversation,
            direction: Direction::In,
            body,
            at: now.wall,
            stamped_at,
            state: DeliveryState::Received,
            reason: None,
            author: Author::Patron,
            client_id: None,
            reaction: None,
        })
    }

    /// Writes words of ours into a thread.
    fn record_out(
        &mut self,
        conversation: ConversationId,
        body: String,
        author: Author,
        client_id: Option<String>,
    ) -> MessageId {
        let now = self.now;
        let id = self.next_message_id();
        self.record(Message {
            id,
            conversation,
            direction: Direction::Out,
            body,
            at: now.wall,
            stamped_at: None,
            state: DeliveryState::Queued,
            reason: None,
            author,
            client_id,
            reaction: None,
        })
    }

    fn record(&mut self, message: Message) -> MessageId {
        let id = message.id;
        self.state.memory.shelve_message(message.clone());
        self.effects.row(Effect::Record(message));
        id
    }

    fn next_message_id(&mut self) -> MessageId {
        let id = MessageId(self.state.next_message);
        self.state.next_message = self.state.next_message.saturating_add(1);
        id
    }
}
