//! When a line was down: the latest outage of each gateway, and how long a line has been as it is.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::{Result, wire};
use crate::routing::GatewayId;

/// The latest outage of each gateway in use: since when, and until when.
pub fn latest(connection: &Connection) -> Result<Vec<(GatewayId, Timestamp, Timestamp)>> {
    let rows = connection
        .prepare_cached(
            "SELECT o.gateway, o.began, o.ended FROM outage o JOIN gateway g ON g.id = o.gateway
             WHERE NOT g.removed ORDER BY o.gateway",
        )?
        .query_map([], |row| {
            Ok((
                GatewayId(row.get(0)?),
                wire::time_from(row, 1)?,
                wire::time_from(row, 2)?,
            ))
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

pub(super) fn keep(
    connection: &Connection,
    gateway: GatewayId,
    from: Timestamp,
    to: Timestamp,
) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO outage (gateway, began, ended) VALUES (?1, ?2, ?3)
             ON CONFLICT (gateway) DO UPDATE SET began = excluded.began, ended = excluded.ended",
        )?
        .execute(params![gateway.0, wire::time(from), wire::time(to)])?;
    Ok(())
}

/// When a line was last known to work.
pub fn last_seen(connection: &Connection, line: &str) -> Result<Option<Timestamp>> {
    let at: Option<i64> = connection
        .prepare_cached("SELECT value FROM setting WHERE key = ?1")?
        .query_row([key(line)], |row| row.get(0))
        .optional()?;
    Ok(at.and_then(|ms| Timestamp::from_millisecond(ms).ok()))
}

/// A line works now.
pub fn see(connection: &Connection, line: &str, now: Timestamp) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO setting (key, value) VALUES (?1, ?2)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )?
        .execute(params![key(line), wire::time(now)])?;
    Ok(())
}

fn key(line: &str) -> String {
    format!("seen:{line}")
}
