//! What the router has to be told before it can decide: it keeps only open threads in memory.

use super::ids::{ConversationId, GatewayId, MessageId};
use super::record::{Conversation, Message, Patron};
use crate::numbers::PatronNumber;

/// A question to the spool.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// The patron at this address, if known, with their latest conversation.
    Patron(GatewayId, PatronNumber),
    /// A conversation that is closed, with its patron.
    Conversation(ConversationId),
    /// A message: what state it is in.
    Message(MessageId),
    /// What we said last to the patron at this address: a text may be a reaction to it.
    Said(GatewayId, PatronNumber),
}

/// The answer to a [`Need`], found or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recalled {
    /// What was asked.
    pub need: Need,
    /// The patron asked for, or the patron of the conversation asked for.
    pub patron: Option<Patron>,
    /// The conversation asked for, or the latest one of the patron asked for.
    pub conversation: Option<Conversation>,
    /// The message asked for.
    pub message: Option<Message>,
    /// What was said last to the patron asked for.
    pub said: Vec<Message>,
}
