//! What alerts need: who waits, what was told, and whether the disk takes a row.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{Result, wire};
use crate::routing::QueueId;

/// Queues in which nobody answers: how many conversations, and since when the oldest waits.
pub fn waiting(connection: &Connection) -> Result<Vec<(QueueId, u64, Timestamp)>> {
    let rows = connection
        .prepare_cached(
            "SELECT queue, count(*), min(waiting_since) FROM conversation
             WHERE state <> 'closed' AND claimed_by IS NULL AND waiting_since IS NOT NULL
             GROUP BY queue ORDER BY queue",
        )?
        .query_map([], |row| {
            let count: i64 = row.get(1)?;
            Ok((
                QueueId(row.get(0)?),
                u64::try_from(count).unwrap_or(0),
                wire::time_from(row, 2)?,
            ))
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// Keys of the troubles that were told and are not over.
pub fn told(connection: &Connection) -> Result<Vec<String>> {
    let rows = connection
        .prepare_cached(
            "SELECT substr(key, 7) FROM setting WHERE key >= 'alarm:' AND key < 'alarm;'",
        )?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// Keeps that a trouble was told, or that it is over.
pub fn keep(connection: &Connection, key: &str, begun: bool) -> Result<()> {
    let key = format!("alarm:{key}");
    if begun {
        connection.execute(
            "INSERT INTO setting (key, value) VALUES (?1, 1) ON CONFLICT (key) DO NOTHING",
            params![key],
        )?;
    } else {
        connection.execute("DELETE FROM setting WHERE key = ?1", [key])?;
    }
    Ok(())
}

/// Writes as much as a long text with all that follows from it, and takes it back: whether that
/// works is what is asked. A single row may still find a place where no text does.
pub fn touch(connection: &Connection) -> Result<()> {
    connection.execute_batch(
        "INSERT INTO setting (key, value) VALUES ('room', hex(zeroblob(32768)))
             ON CONFLICT (key) DO UPDATE SET value = excluded.value;
         DELETE FROM setting WHERE key = 'room';",
    )?;
    Ok(())
}
