//! Conversations and what is said in them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Names;
use crate::routing::{
    self, Author, ConversationState, DeliveryState, Direction, GatewayKind, TransferTarget,
    block_holds,
};
use crate::spool;
use crate::spool::transcript::{Entry, Listed};

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its id; grows in its conversation.
    pub id: i64,
    /// The conversation it is part of.
    pub conversation: i64,
    /// `in` from the patron, `out` to them.
    pub direction: Direction,
    /// The words.
    pub body: String,
    /// When it reached the desk, or was accepted from an operator.
    pub at: Timestamp,
    /// What became of it.
    pub state: DeliveryState,
    /// The patron's shown name, an operator's name, or `desk`.
    pub author: String,
    /// `patron`, `operator` or `desk`.
    pub author_kind: AuthorKind,
    /// The carrier's own stamp, for a patron's text.
    pub stamped_at: Option<Timestamp>,
    /// Why it failed, in words for a person.
    pub reason: Option<String>,
    /// The sender's own key for it.
    pub client_id: Option<String>,
}

/// Whose words a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthorKind {
    /// The patron's.
    Patron,
    /// A librarian's.
    Operator,
    /// The desk's own.
    Desk,
}

impl Message {
    /// `patron` is the shown name.
    ///
    /// # Errors
    /// What the spool says.
    pub fn new(message: &routing::Message, patron: &str, names: &Names<'_>) -> spool::Result<Self> {
        let (author, author_kind) = match message.author {
            Author::Patron => (patron.to_owned(), AuthorKind::Patron),
            Author::Operator(id) => (names.operator(id)?, AuthorKind::Operator),
            Author::Desk => ("desk".to_owned(), AuthorKind::Desk),
        };
        Ok(Self {
            id: message.id.0,
            conversation: message.conversation.0,
            direction: message.direction,
            body: message.body.clone(),
            at: message.at,
            state: message.state,
            author,
            author_kind,
            stamped_at: message.stamped_at,
            reason: message.reason.clone(),
            client_id: message.client_id.clone(),
        })
    }
}

/// A line from the desk or a colleague to the operators, which the patron never sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Its id.
    pub id: i64,
    /// The conversation it is part of.
    pub conversation: i64,
    /// The message it follows; 0 at the thread's start.
    pub after: i64,
    /// When it was written.
    pub at: Timestamp,
    /// The words.
    pub text: String,
    /// The colleague who wrote it; `null` for the desk's own.
    pub author: Option<String>,
}

impl Note {
    /// `None` when the entry is a message.
    ///
    /// # Errors
    /// What the spool says.
    pub fn new(
        conversation: routing::ConversationId,
        entry: &Entry,
        names: &Names<'_>,
    ) -> spool::Result<Option<Self>> {
        match entry {
            Entry::Note {
                id,
                after,
                at,
                by,
                text,
            } => Ok(Some(Self {
                id: *id,
                conversation: conversation.0,
                after: after.0,
                at: *at,
                text: text.clone(),
                author: names.operator_of(*by)?,
            })),
            Entry::Message(_) => Ok(None),
        }
    }
}

/// A hand-over on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// The operator who hands it over.
    pub from: String,
    /// `queue:NAME` or `operator:NAME`.
    pub to: String,
    /// What the next librarian should know.
    pub note: String,
    /// When it was asked.
    pub at: Timestamp,
}

/// What somebody said would be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// What.
    pub text: String,
    /// The operator who said so.
    pub by: String,
}

/// A page of a library's web site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitedPage {
    /// Its address.
    pub url: String,
    /// Its title, which may be empty.
    pub title: String,
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// Its id; grows with arrival.
    pub id: i64,
    /// The patron's shown name: `heron-42`.
    pub patron: String,
    /// The gateway it came by and is answered by.
    pub gateway: String,
    /// The wire that gateway is.
    pub gateway_kind: GatewayKind,
    /// The queue it is in.
    pub queue: String,
    /// The queue it came to.
    pub home: String,
    /// The queue that helps out.
    pub partner: Option<String>,
    /// Where it stands.
    pub state: ConversationState,
    /// The operator who answers it.
    pub claimed_by: Option<String>,
    /// The operator who answered it last.
    pub last_answered_by: Option<String>,
    /// Since when the patron waits; `null` when the last word was the desk's.
    pub waiting_since: Option<Timestamp>,
    /// When it began.
    pub opened_at: Timestamp,
    /// When either side last wrote.
    pub active_at: Timestamp,
    /// Whether the patron can be answered and has not opted out.
    pub answerable: bool,
    /// The patron's words look like an opt-out without being one.
    pub flagged: bool,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// What the desk owes the patron.
    pub promise: Option<Promise>,
    /// Until when nobody is asked to answer this sender.
    pub blocked_until: Option<Timestamp>,
    /// The hand-over on its way.
    pub transfer: Option<Transfer>,
    /// The latest message.
    pub latest: Option<Message>,
    /// What the patron said last, where the desk itself has said something since.
    pub asked: Option<String>,
    /// Where a visitor of a web page wrote from last.
    pub page: Option<VisitedPage>,
}

/// Until when nobody is asked to answer the sender, while that is so.
#[expect(
    clippy::disallowed_methods,
    reason = "the reader's moment, for which the views have no clock yet"
)]
fn still_blocked(listed: &Listed) -> Option<Timestamp> {
    let until = listed.blocked_until?;
    block_holds(until, Timestamp::now()).then_some(until)
}

impl Conversation {
    /// As a list shows it.
    ///
    /// # Errors
    /// What the spool says.
    pub fn new(listed: &Listed, names: &Names<'_>) -> spool::Result<Self> {
        let conversation = &listed.conversation;
        let marks = &conversation.marks;
        let promise = match &marks.promise {
            Some(promise) => Some(Promise {
                text: promise.words.clone(),
                by: names.operator(promise.by)?,
            }),
            None => None,
        };
        let transfer = match &conversation.transfer {
            Some(transfer) => Some(Transfer {
                from: names.operator(transfer.from)?,
                to: match transfer.to {
                    TransferTarget::Queue(id) => format!("queue:{}", names.queue(id)),
                    TransferTarget::Operator(id) => format!("operator:{}", names.operator(id)?),
                },
                note: transfer.note.clone(),
                at: transfer.at,
            }),
            None => None,
        };
        let latest = match &listed.latest {
            Some(message) => Some(Message::new(message, &listed.patron, names)?),
            None => None,
        };
        Ok(Self {
            id: conversation.id.0,
            patron: listed.patron.clone(),
            gateway: names.gateway(conversation.gateway),
            gateway_kind: names.gateway_kind(conversation.gateway),
            queue: names.queue(conversation.queue),
            home: names.queue(conversation.home),
            partner: conversation.partner().map(|queue| names.queue(queue)),
            state: conversation.state,
            claimed_by: names.operator_of(conversation.claimed_by)?,
            last_answered_by: names.operator_of(conversation.last_answered_by)?,
            waiting_since: conversation.waiting_since,
            opened_at: conversation.opened_at,
            active_at: conversation.active_at,
            answerable: listed.answerable,
            flagged: conversation.flagged,
            tags: marks.tags.clone(),
            promise,
            blocked_until: still_blocked(listed),
            transfer,
            latest,
            asked: listed.asked.clone(),
            page: listed.page.as_ref().map(|page| VisitedPage {
                url: page.url.clone(),
                title: page.title.clone(),
            }),
        })
    }
}

/// A conversation with its thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    /// The conversation.
    #[serde(flatten)]
    pub conversation: Conversation,
    /// What was said in it, in order.
    pub messages: Vec<Message>,
    /// What the patron never saw.
    pub notes: Vec<Note>,
    /// Older entries exist that are not in this answer.
    pub truncated: bool,
}

impl Thread {
    /// A conversation with these entries of its thread.
    ///
    /// # Errors
    /// What the spool says.
    pub fn new<'e>(
        listed: &Listed,
        entries: impl IntoIterator<Item = &'e Entry>,
        truncated: bool,
        names: &Names<'_>,
    ) -> spool::Result<Self> {
        let (mut messages, mut notes) = (Vec::new(), Vec::new());
        for entry in entries {
            match entry {
                Entry::Message(message) => {
                    messages.push(Message::new(message, &listed.patron, names)?);
                }
                Entry::Note { .. } => {
                    notes.extend(Note::new(listed.conversation.id, entry, names)?);
                }
            }
        }
        Ok(Self {
            conversation: Conversation::new(listed, names)?,
            messages,
            notes,
            truncated,
        })
    }
}

/// A message that was looked for, with its conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Find {
    /// The conversation.
    pub conversation: Conversation,
    /// The message.
    pub message: Message,
}
