//! Canned replies, for the whole desk or for one queue.

use rusqlite::{Connection, params};

use super::Result;
use crate::routing::{AmendError, Canned, CannedChange, Listed, QueueId};

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

/// Changes them; `queue` is the one that the change names.
///
/// # Errors
/// [`SpoolError::Refused`](super::SpoolError::Refused) where one is there already, or none is.
pub(super) fn change(
    connection: &Connection,
    change: &CannedChange,
    queue: Option<i64>,
) -> Result<()> {
    let changed = match change {
        CannedChange::Add { key, text, .. } => {
            let count: i64 =
                connection.query_row("SELECT count(*) FROM canned", [], |row| row.get(0))?;
            if count >= CANNED_MAX {
                return Err(AmendError::TooManyCanned(CANNED_MAX).into());
            }
            let added = connection.execute(
                "INSERT OR IGNORE INTO canned (queue, key, text) VALUES (?1, ?2, ?3)",
                params![queue, key, text],
            )?;
            if added == 0 {
                let (what, name) = (Listed::Canned, key.clone());
                return Err(AmendError::Exists { what, name }.into());
            }
            return Ok(());
        }
        CannedChange::Set { key, text, .. } => connection.execute(
            "UPDATE canned SET text = ?3 WHERE key = ?1 AND coalesce(queue, 0) = coalesce(?2, 0)",
            params![key, queue, text],
        )?,
        CannedChange::Remove { key, .. } => connection.execute(
            "DELETE FROM canned WHERE key = ?1 AND coalesce(queue, 0) = coalesce(?2, 0)",
            params![key, queue],
        )?,
    };
    if changed > 0 {
        return Ok(());
    }
    let key = change.key().to_owned();
    Err(match change.queue() {
        Some(queue) => {
            let queue = queue.to_owned();
            AmendError::NoSuchCanned { key, queue }
        }
        None => {
            let (what, name) = (Listed::Canned, key);
            AmendError::NoSuch { what, name }
        }
    }
    .into())
}
