//! Conversations and what is said in them.

use std::collections::VecDeque;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Names, Page, WithOldKeys};
use crate::records::{Form, Line, Transcript};
use crate::routing::{
    self, Author, ConversationId, ConversationState, DeliveryState, Direction, GatewayKind, Plan,
    TransferTarget, block_holds,
};
use crate::spool::export::Selection;
use crate::spool::transcript::{Entry, Listed, Listing};
use crate::spool::{self, export, transcript};

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
    /// The mark that the patron set beside it: 👍.
    pub reaction: Option<String>,
}

/// Whose words a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
            reaction: message.reaction.clone(),
        })
    }
}

/// A line from the desk or a colleague to the operators, which the patron never sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
        conversation: ConversationId,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Promise {
    /// What.
    pub text: String,
    /// The operator who said so.
    pub by: String,
}

/// A page of a library's web site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VisitedPage {
    /// Its address.
    pub url: String,
    /// Its title, which may be empty.
    pub title: String,
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
    /// Whether the patron opted out of texts: only their own START opens the way again.
    #[serde(default)]
    pub opted_out: bool,
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
            opted_out: listed.opted_out,
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

impl Conversation {
    /// A page of a list: of those that `keep` lets pass, and may change.
    ///
    /// # Errors
    /// What the spool says.
    pub fn page(
        connection: &Connection,
        plan: &Plan,
        listing: Listing,
        keep: impl FnMut(&mut Listed) -> bool,
    ) -> spool::Result<Page<Self>> {
        let (items, next) = transcript::page(connection, listing, keep)?;
        let names = Names::new(connection, plan);
        Ok(Page {
            items: items
                .iter()
                .map(|item| Self::new(item, &names))
                .collect::<spool::Result<_>>()?,
            next: next.map(|place| place.to_string()),
        })
    }
}

/// A conversation with its thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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

/// Entries of a thread read in one go.
const ROWS_AT_ONCE: usize = 500;

impl Thread {
    /// A conversation with the newest entries of its thread, `most` of them.
    ///
    /// # Errors
    /// What the spool says.
    pub fn read(
        connection: &Connection,
        plan: &Plan,
        listed: &Listed,
        most: usize,
    ) -> spool::Result<Self> {
        let names = Names::new(connection, plan);
        let id = listed.conversation.id;
        let mut entries: VecDeque<Entry> = VecDeque::new();
        let (mut after, mut last_note, mut truncated) = (None, 0, false);
        loop {
            let page = transcript::thread(connection, id, after, ROWS_AT_ONCE)?;
            let mut messages = 0;
            for entry in page {
                match &entry {
                    Entry::Message(message) => {
                        messages += 1;
                        after = Some(message.id);
                    }
                    // Notes behind a page's last message come again at the head of the next.
                    Entry::Note { id, .. } if *id <= last_note => continue,
                    Entry::Note { id, .. } => last_note = *id,
                }
                entries.push_back(entry);
                if entries.len() > most {
                    entries.pop_front();
                    truncated = true;
                }
            }
            if messages < ROWS_AT_ONCE {
                break;
            }
        }
        let (mut messages, mut notes) = (Vec::new(), Vec::new());
        for entry in &entries {
            match entry {
                Entry::Message(message) => {
                    messages.push(Message::new(message, &listed.patron, &names)?);
                }
                Entry::Note { .. } => notes.extend(Note::new(id, entry, &names)?),
            }
        }
        Ok(Self {
            conversation: Conversation::new(listed, &names)?,
            messages,
            notes,
            truncated,
        })
    }

    /// One conversation with all that was said in it, if it is there; with `numbers`, the patron's
    /// address in the place of their shown name.
    ///
    /// # Errors
    /// What the spool says.
    pub fn whole(
        connection: &Connection,
        plan: &Plan,
        id: ConversationId,
        numbers: bool,
    ) -> spool::Result<Option<Self>> {
        let Some(mut listed) = transcript::listed(connection, id)? else {
            return Ok(None);
        };
        if numbers && let Some(patron) = transcript::patron(connection, listed.conversation.patron)?
        {
            listed.patron = patron.address.into_string();
        }
        Self::read(connection, plan, &listed, usize::MAX).map(Some)
    }

    /// A page of transcripts, oldest first.
    ///
    /// # Errors
    /// What the spool says.
    pub fn page(
        connection: &Connection,
        plan: &Plan,
        selection: &Selection,
        after: Option<ConversationId>,
        limit: usize,
    ) -> spool::Result<Page<Self>> {
        let ids = export::ids(connection, selection, after, limit)?;
        let next = ids.last().filter(|_| ids.len() == limit);
        let next = next.map(ToString::to_string);
        let mut items = Vec::with_capacity(ids.len());
        for id in ids {
            items.extend(Self::whole(connection, plan, id, selection.numbers)?);
        }
        Ok(Page { items, next })
    }

    /// Written out in this form, in the library's own time.
    pub fn write(&self, form: Form, zone: &TimeZone) -> String {
        match form {
            Form::Json => {
                // Views have only string keys, so this cannot fail.
                let mut line = serde_json::to_string(&WithOldKeys(self)).unwrap_or_default();
                line.push('\n');
                line
            }
            Form::Text => Transcript::from(self).text(zone),
            Form::Mbox => Transcript::from(self).mbox(zone),
        }
    }
}

impl From<&Thread> for Transcript {
    fn from(thread: &Thread) -> Self {
        let conversation = &thread.conversation;
        let mut notes = thread.notes.iter().peekable();
        let mut lines = Vec::with_capacity(thread.messages.len() + thread.notes.len());
        let line = |note: &Note| Line {
            message: None,
            at: note.at,
            direction: "note".into(),
            author: note.author.clone().unwrap_or_else(|| "desk".into()),
            state: None,
            reaction: None,
            body: note.text.clone(),
        };
        for message in &thread.messages {
            while let Some(note) = notes.next_if(|note| note.after < message.id) {
                lines.push(line(note));
            }
            lines.push(Line {
                message: Some(message.id),
                at: message.at,
                direction: match message.direction {
                    Direction::In => "in",
                    Direction::Out => "out",
                }
                .into(),
                author: message.author.clone(),
                state: Some(message.state.word().into()),
                reaction: message.reaction.clone(),
                body: message.body.clone(),
            });
        }
        lines.extend(notes.map(line));
        Self {
            conversation: conversation.id,
            patron: conversation.patron.clone(),
            queue: conversation.queue.clone(),
            home: conversation.home.clone(),
            gateway: conversation.gateway.clone(),
            state: conversation.state.word().into(),
            opened_at: conversation.opened_at,
            tags: conversation.tags.clone(),
            lines,
        }
    }
}

/// A thread as `callnumber conversation show` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Shown(pub Thread);

/// A message that was just sent, with the size of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The message.
    #[serde(flatten)]
    pub message: Message,
    /// How many SMS that takes; `null` where it is no SMS.
    pub segments: Option<usize>,
}

/// A message that was looked for, with its conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Find {
    /// The conversation.
    pub conversation: Conversation,
    /// The message.
    pub message: Message,
}
