//! How queues and gateways are arranged: hours, holidays, helpers, wording, pauses.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::Date;
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};

use super::{Result, wire};
use crate::routing::{
    Calendar, DayHours, Fallback, Gateway, GatewayId, Hours, Keyword, Notice, Queue, QueueId,
};

/// The queues, by id.
pub(super) fn queues(connection: &Connection) -> Result<Vec<Queue>> {
    let mut queues: Vec<Queue> = connection
        .prepare_cached(
            "SELECT id, name, title, facts, hours, fallback, fallback_after FROM queue ORDER BY id",
        )?
        .query_map([], queue_row)?
        .collect::<rusqlite::Result<_>>()?;
    for queue in &mut queues {
        queue.calendar.holidays = connection
            .prepare_cached("SELECT date, hours FROM holiday WHERE queue = ?1 ORDER BY date")?
            .query_map([queue.id.0], |row| {
                Ok((parsed::<Date>(row, 0)?, parsed::<DayHours>(row, 1)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
    }
    Ok(queues)
}

fn queue_row(row: &Row<'_>) -> rusqlite::Result<Queue> {
    let hours = match row.get::<_, Option<String>>(4)? {
        Some(_) => Some(parsed::<Hours>(row, 4)?),
        None => None,
    };
    let fallback = row.get::<_, Option<i64>>(5)?.map(QueueId);
    let after = row.get::<_, Option<u32>>(6)?;
    Ok(Queue {
        id: QueueId(row.get(0)?),
        name: row.get(1)?,
        title: row.get(2)?,
        facts: row.get(3)?,
        calendar: Calendar {
            hours,
            holidays: BTreeMap::new(),
        },
        fallback: fallback.map(|queue| Fallback {
            queue,
            after: after.map_or(Fallback::AFTER, |s| Duration::from_secs(s.into())),
        }),
    })
}

/// A column that this program wrote from a value that can be read back.
fn parsed<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: std::str::FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text: String = row.get(column)?;
    text.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

/// The gateways, by id; removed ones too, while someone may be answered through them.
pub(super) fn gateways(connection: &Connection) -> Result<Vec<Gateway>> {
    let mut gateways: Vec<Gateway> = connection
        .prepare_cached(
            "SELECT id, name, kind, queue, line, policy, paused, pauses, removed FROM gateway
             ORDER BY id",
        )?
        .query_map([], gateway_row)?
        .collect::<rusqlite::Result<_>>()?;
    for gateway in &mut gateways {
        let own: Vec<(String, String)> = connection
            .prepare_cached("SELECT notice, words FROM wording WHERE gateway = ?1")?
            .query_map([gateway.id.0], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        gateway.wording = own
            .into_iter()
            .filter_map(|(notice, words)| Some((Notice::from_word(&notice)?, words)))
            .collect();
        gateway.keywords = connection
            .prepare_cached("SELECT folded, word, answer FROM keyword WHERE gateway = ?1")?
            .query_map([gateway.id.0], |row| {
                let (word, answer) = (row.get(1)?, row.get(2)?);
                Ok((row.get(0)?, Keyword { word, answer }))
            })?
            .collect::<rusqlite::Result<_>>()?;
    }
    Ok(gateways)
}

fn gateway_row(row: &Row<'_>) -> rusqlite::Result<Gateway> {
    Ok(Gateway {
        id: GatewayId(row.get(0)?),
        name: row.get(1)?,
        kind: wire::gateway_kind(row, 2)?,
        queue: QueueId(row.get(3)?),
        line: row.get(4)?,
        policy: wire::policy(row, 5)?,
        wording: BTreeMap::new(),
        keywords: BTreeMap::new(),
        paused: row.get(6)?,
        pauses: row.get(7)?,
        removed: row.get(8)?,
    })
}

pub(super) fn set_hours(
    connection: &Connection,
    queue: Option<i64>,
    hours: Option<&str>,
    holidays: &[(Date, String)],
    no_holidays: &[Date],
) -> Result<()> {
    if let Some(hours) = hours {
        connection.execute(
            "UPDATE queue SET hours = nullif(?2, '') WHERE id = ?1",
            params![queue, hours.trim()],
        )?;
    }
    for date in no_holidays {
        connection.execute(
            "DELETE FROM holiday WHERE queue = ?1 AND date = ?2",
            params![queue, date.to_string()],
        )?;
    }
    for (date, hours) in holidays {
        connection.execute(
            "INSERT INTO holiday (queue, date, hours) VALUES (?1, ?2, ?3)
             ON CONFLICT (queue, date) DO UPDATE SET hours = excluded.hours",
            params![queue, date.to_string(), hours],
        )?;
    }
    Ok(())
}

pub(super) fn set_wording(
    connection: &Connection,
    gateway: Option<i64>,
    notice: Notice,
    words: Option<&str>,
) -> Result<()> {
    match words {
        None => connection.execute(
            "DELETE FROM wording WHERE gateway = ?1 AND notice = ?2",
            params![gateway, notice.word()],
        )?,
        Some(words) => connection.execute(
            "INSERT INTO wording (gateway, notice, words) VALUES (?1, ?2, ?3)
             ON CONFLICT (gateway, notice) DO UPDATE SET words = excluded.words",
            params![gateway, notice.word(), words],
        )?,
    };
    Ok(())
}

pub(super) fn set_keyword(
    connection: &Connection,
    gateway: Option<i64>,
    folded: &str,
    word: &str,
    answer: Option<&str>,
) -> Result<()> {
    match answer {
        None => connection.execute(
            "DELETE FROM keyword WHERE gateway = ?1 AND folded = ?2",
            params![gateway, folded],
        )?,
        Some(answer) => connection.execute(
            "INSERT INTO keyword (gateway, folded, word, answer) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (gateway, folded) DO UPDATE SET word = excluded.word,
                 answer = excluded.answer",
            params![gateway, folded, word, answer],
        )?,
    };
    Ok(())
}

/// Nothing is left of a queue's arrangements, and it helps nobody out any more.
pub(super) fn forget_queue(connection: &Connection, id: Option<i64>) -> Result<()> {
    connection.execute("DELETE FROM holiday WHERE queue = ?1", [id])?;
    connection.execute("UPDATE queue SET fallback = NULL WHERE fallback = ?1", [id])?;
    Ok(())
}
