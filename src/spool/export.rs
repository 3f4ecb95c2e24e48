//! Which conversations are written out.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{Result, wire};
use crate::routing::ConversationId;

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
pub fn ids(
    connection: &Connection,
    selection: &Selection,
    after: Option<ConversationId>,
    limit: usize,
) -> Result<Vec<ConversationId>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(connection
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
        .collect::<rusqlite::Result<_>>()?)
}
