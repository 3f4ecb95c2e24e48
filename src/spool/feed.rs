//! What operators were told, in order: a browser that comes back names the last row it saw and
//! misses nothing. Rows hold ids only; the words are read as they stand now.

use rusqlite::{Connection, Row, params};

use super::Result;
use crate::routing::{ConversationId, MessageId};

/// Rows kept: a busy month of a large library; older listeners start afresh.
const ROWS_MAX: i64 = 20_000;

/// What a row of the feed is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FeedKind {
    /// A conversation changed.
    Conversation,
    /// A message is new, or its state or words changed.
    Message,
    /// The desk left a note to operators.
    Note,
}

impl FeedKind {
    fn word(self) -> &'static str {
        match self {
            FeedKind::Conversation => "conversation",
            FeedKind::Message => "message",
            FeedKind::Note => "note",
        }
    }
}

/// One row of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedRow {
    /// Grows by commit.
    pub id: i64,
    /// What about.
    pub kind: FeedKind,
    /// The conversation.
    pub conversation: ConversationId,
    /// The message, for a message row.
    pub message: Option<MessageId>,
    /// The note's row, for a note row.
    pub note: Option<i64>,
}

/// Rows after `after`, oldest first, at most `limit`.
pub fn since(connection: &Connection, after: i64, limit: usize) -> Result<Vec<FeedRow>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = connection
        .prepare_cached(
            "SELECT id, kind, conversation, message, note FROM feed
             WHERE id > ?1 ORDER BY id LIMIT ?2",
        )?
        .query_map([after, limit], from_row)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// The newest row's id, 0 when nothing was ever told.
pub fn latest(connection: &Connection) -> Result<i64> {
    Ok(connection
        .prepare_cached("SELECT coalesce(max(id), 0) FROM feed")?
        .query_row([], |row| row.get(0))?)
}

/// The oldest row's id that is still there, 0 when there is none. To resume after `n` without a
/// gap, `n + 1` must not be older than this.
pub fn oldest(connection: &Connection) -> Result<i64> {
    Ok(connection
        .prepare_cached("SELECT coalesce(min(id), 0) FROM feed")?
        .query_row([], |row| row.get(0))?)
}

/// Adds a row, and drops what is too old.
pub(super) fn tell(
    connection: &Connection,
    kind: FeedKind,
    conversation: ConversationId,
    message: Option<MessageId>,
    note: Option<i64>,
) -> Result<i64> {
    connection
        .prepare_cached(
            "INSERT INTO feed (kind, conversation, message, note) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            kind.word(),
            conversation.0,
            message.map(|id| id.0),
            note
        ])?;
    let id = connection.last_insert_rowid();
    // Now and then, a thousand at once: one small delete for each row would double the writing.
    if id % 1000 == 0 {
        connection
            .prepare_cached("DELETE FROM feed WHERE id <= ?1")?
            .execute([id - ROWS_MAX])?;
    }
    Ok(id)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<FeedRow> {
    let kind: String = row.get(1)?;
    Ok(FeedRow {
        id: row.get(0)?,
        kind: match kind.as_str() {
            "message" => FeedKind::Message,
            "note" => FeedKind::Note,
            _ => FeedKind::Conversation, // the schema's CHECK admits no fourth
        },
        conversation: ConversationId(row.get(2)?),
        message: row.get::<_, Option<i64>>(3)?.map(MessageId),
        note: row.get(4)?,
    })
}
