//! Canned replies, for the whole desk or for one queue.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Result, SpoolError, staff};
use crate::routing::{Canned, CannedChange, QueueId};

/// Letters of one at most: ten segments of GSM 7-bit text.
const TEXT_MAX: usize = 1530;
/// How many there may be; more are not found by typing.
const CANNED_MAX: i64 = 1000;

/// All of them, desk-wide first, by key.
pub fn list(connection: &Connection) -> Result<Vec<Canned>> {
    let rows = connection
        .prepare_cached("SELECT id, queue, key, text FROM canned ORDER BY coalesce(queue, 0), key")?
        .query_map([], |row| {
            Ok(Canned {
                id: row.get(0)?,
                queue: row.get::<_, Option<i64>>(1)?.map(QueueId),
                key: row.get(2)?,
                text: row.get(3)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// Changes them.
///
/// # Errors
/// [`SpoolError::Refused`] says what makes no sense and what to do.
pub(super) fn change(connection: &Connection, change: &CannedChange) -> Result<()> {
    match change {
        CannedChange::Add { key, queue, text } => {
            staff::check_name(key)?;
            let text = fitting(text)?;
            let queue = queue_id(connection, queue.as_deref())?;
            if find(connection, key, queue)?.is_some() {
                return refused(format!(
                    "there is a canned reply {key} already; `canned set` changes one"
                ));
            }
            let count: i64 =
                connection.query_row("SELECT count(*) FROM canned", [], |row| row.get(0))?;
            if count >= CANNED_MAX {
                return refused(format!(
                    "there are {CANNED_MAX} canned replies, more are not found by typing: remove some first"
                ));
            }
            connection.execute(
                "INSERT INTO canned (queue, key, text) VALUES (?1, ?2, ?3)",
                params![queue, key, text],
            )?;
            Ok(())
        }
        CannedChange::Set { key, queue, text } => {
            let text = fitting(text)?;
            let id = must_find(connection, key, queue.as_deref())?;
            connection.execute(
                "UPDATE canned SET text = ?2 WHERE id = ?1",
                params![id, text],
            )?;
            Ok(())
        }
        CannedChange::Remove { key, queue } => {
            let id = must_find(connection, key, queue.as_deref())?;
            connection.execute("DELETE FROM canned WHERE id = ?1", [id])?;
            Ok(())
        }
    }
}

fn refused<T>(why: String) -> Result<T> {
    Err(SpoolError::Refused(why))
}

fn fitting(text: &str) -> Result<&str> {
    let text = text.trim();
    if text.is_empty() {
        return refused("a canned reply needs words".into());
    }
    if text.chars().count() > TEXT_MAX {
        return refused(format!(
            "a canned reply has at most {TEXT_MAX} letters: longer answers belong in e-mail"
        ));
    }
    Ok(text)
}

fn queue_id(connection: &Connection, queue: Option<&str>) -> Result<Option<i64>> {
    queue
        .map(|name| staff::queue_id(connection, name))
        .transpose()
}

fn find(connection: &Connection, key: &str, queue: Option<i64>) -> Result<Option<i64>> {
    Ok(connection
        .prepare_cached("SELECT id FROM canned WHERE key = ?1 AND coalesce(queue, 0) = ?2")?
        .query_row(params![key, queue.unwrap_or(0)], |row| row.get(0))
        .optional()?)
}

fn must_find(connection: &Connection, key: &str, queue: Option<&str>) -> Result<i64> {
    let id = queue_id(connection, queue)?;
    match (find(connection, key, id)?, queue) {
        (Some(id), _) => Ok(id),
        (None, Some(queue)) => refused(format!(
            "there is no canned reply {key:?} for queue {queue}; `callnumber canned list` shows those there are"
        )),
        (None, None) => refused(format!(
            "there is no desk-wide canned reply {key:?}; `callnumber canned list` shows those there are"
        )),
    }
}
