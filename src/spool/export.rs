//! Transcripts, read to be written out.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::transcript::{self, Entry};
use super::{Result, wire};
use crate::records::{Line, Transcript};
use crate::routing::{Author, ConversationId, Direction, MessageId, OperatorId};

/// Messages read at once.
const ROWS_AT_ONCE: usize = 500;

/// Which conversations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Active at or after this.
    pub from: Option<Timestamp>,
    /// Begun before this.
    pub to: Option<Timestamp>,
    /// Of this queue, by name.
    pub queue: Option<String>,
    /// With numbers in the place of names.
    pub numbers: bool,
}

/// Conversations after `after`, oldest first, at most `limit`.
pub fn transcripts(
    connection: &Connection,
    selection: &Selection,
    after: Option<ConversationId>,
    limit: usize,
) -> Result<Vec<Transcript>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let ids: Vec<ConversationId> = connection
        .prepare_cached(
            "SELECT c.id FROM conversation c JOIN queue q ON q.id = c.queue
             WHERE c.id > ?1 AND (?2 IS NULL OR c.active >= ?2) AND (?3 IS NULL OR c.opened < ?3)
                 AND (?4 IS NULL OR q.name = ?4)
             ORDER BY c.id LIMIT ?5",
        )?
        .query_map(
            params![
                after.map_or(0, |id| id.0),
                selection.from.map(wire::time),
                selection.to.map(wire::time),
                selection.queue,
                limit
            ],
            |row| row.get(0).map(ConversationId),
        )?
        .collect::<rusqlite::Result<_>>()?;
    let mut written = Vec::with_capacity(ids.len());
    for id in ids {
        written.extend(one(connection, id, selection.numbers)?);
    }
    Ok(written)
}

/// One conversation, if it is there.
pub fn one(
    connection: &Connection,
    id: ConversationId,
    numbers: bool,
) -> Result<Option<Transcript>> {
    let Some(conversation) = transcript::conversation(connection, id)? else {
        return Ok(None);
    };
    let Some(patron) = transcript::patron(connection, conversation.patron)? else {
        return Ok(None);
    };
    let name = |table: &str, id: i64| -> Result<String> {
        Ok(connection
            .prepare_cached(&format!("SELECT name FROM {table} WHERE id = ?1"))?
            .query_row([id], |row| row.get(0))
            .optional()?
            .unwrap_or_else(|| format!("{table}-{id}")))
    };
    let shown = match numbers {
        true => patron.address,
        false => patron.name,
    };
    let operator = |id: OperatorId| name("operator", id.0);
    let mut lines = Vec::new();
    let mut after: Option<MessageId> = None;
    let mut last_note = 0;
    loop {
        let page = transcript::thread(connection, id, after, ROWS_AT_ONCE)?;
        let mut count = 0;
        for entry in page {
            match entry {
                Entry::Message(message) => {
                    count += 1;
                    after = Some(message.id);
                    lines.push(Line {
                        message: Some(message.id.0),
                        at: message.at,
                        direction: match message.direction {
                            Direction::In => "in",
                            Direction::Out => "out",
                        }
                        .into(),
                        author: match message.author {
                            Author::Patron => shown.clone(),
                            Author::Operator(id) => operator(id)?,
                            Author::Desk => "desk".into(),
                        },
                        state: Some(message.state.word().into()),
                        body: message.body,
                    });
                }
                // Notes behind a page's last message come again at the head of the next.
                Entry::Note { id, .. } if id <= last_note => {}
                Entry::Note {
                    id, at, by, text, ..
                } => {
                    last_note = id;
                    lines.push(Line {
                        message: None,
                        at,
                        direction: "note".into(),
                        author: match by {
                            Some(by) => operator(by)?,
                            None => "desk".into(),
                        },
                        state: None,
                        body: text,
                    });
                }
            }
        }
        if count < ROWS_AT_ONCE {
            break;
        }
    }
    Ok(Some(Transcript {
        conversation: id.0,
        patron: shown,
        queue: name("queue", conversation.queue.0)?,
        home: name("queue", conversation.home.0)?,
        gateway: name("gateway", conversation.gateway.0)?,
        state: conversation.state.word().into(),
        opened_at: conversation.opened_at,
        tags: conversation.marks.tags,
        lines,
    }))
}
