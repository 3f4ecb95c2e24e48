//! How queues and gateways are arranged: hours, holidays, helpers, wording, pauses.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::Date;
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};

use super::staff::{check_name, find, must_find, refused};
use super::{Result, wire};
use crate::routing::{
    Calendar, DayHours, Fallback, Gateway, GatewayId, HOLIDAYS_MAX, Hours, Notice, Queue, QueueId,
    unknown_name,
};

/// Letters of a queue's title: it stands in a text of 160.
const TITLE_MAX: usize = 40;
/// Letters of the page of facts about a library.
const FACTS_MAX: usize = 8000;
/// Letters of a notice: ten segments would be no notice any more.
const WORDS_MAX: usize = 459;
/// A fallback queue is asked after this many seconds at most: a day.
const AFTER_MAX_S: u32 = 24 * 60 * 60;

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
        paused: row.get(6)?,
        pauses: row.get(7)?,
        removed: row.get(8)?,
    })
}

pub(super) fn describe_queue(
    connection: &Connection,
    name: &str,
    title: Option<&str>,
    facts: Option<&str>,
) -> Result<()> {
    let id = must_find(connection, "queue", name)?;
    for (column, words, most) in [("title", title, TITLE_MAX), ("facts", facts, FACTS_MAX)] {
        let Some(words) = words.map(str::trim) else {
            continue;
        };
        if words.chars().count() > most {
            return refused(format!(
                "the {column} has more than {most} letters: shorten it"
            ));
        }
        if column == "title" && words.contains(['{', '}', '\n']) {
            return refused(format!(
                "{words:?} cannot be a title: leave out braces and new lines"
            ));
        }
        let words = (!words.is_empty()).then_some(words);
        connection.execute(
            &format!("UPDATE queue SET {column} = ?2 WHERE id = ?1"),
            params![id, words],
        )?;
    }
    Ok(())
}

pub(super) fn set_hours(
    connection: &Connection,
    queue: &str,
    hours: Option<&str>,
    holidays: &[(Date, String)],
    no_holidays: &[Date],
) -> Result<()> {
    let id = must_find(connection, "queue", queue)?;
    if let Some(hours) = hours.map(str::trim) {
        let hours = match hours {
            "" => None,
            hours => match hours.parse::<Hours>() {
                Ok(hours) => Some(hours.to_string()),
                Err(error) => return refused(error.to_string()),
            },
        };
        connection.execute(
            "UPDATE queue SET hours = ?2 WHERE id = ?1",
            params![id, hours],
        )?;
    }
    for date in no_holidays {
        connection.execute(
            "DELETE FROM holiday WHERE queue = ?1 AND date = ?2",
            params![id, date.to_string()],
        )?;
    }
    for (date, hours) in holidays {
        let hours: DayHours = match hours.parse() {
            Ok(hours) => hours,
            Err(error) => return refused(format!("{date}: {error}")),
        };
        connection.execute(
            "INSERT INTO holiday (queue, date, hours) VALUES (?1, ?2, ?3)
             ON CONFLICT (queue, date) DO UPDATE SET hours = excluded.hours",
            params![id, date.to_string(), hours.to_string()],
        )?;
    }
    let days: i64 = connection.query_row(
        "SELECT count(*) FROM holiday WHERE queue = ?1",
        [id],
        |row| row.get(0),
    )?;
    if days > HOLIDAYS_MAX {
        return refused(format!(
            "{queue} would have {days} holidays, and {HOLIDAYS_MAX} are the most: remove past ones"
        ));
    }
    Ok(())
}

pub(super) fn set_fallback(
    connection: &Connection,
    queue: &str,
    fallback: Option<&str>,
    after_s: Option<u32>,
) -> Result<()> {
    let id = must_find(connection, "queue", queue)?;
    if let Some(fallback) = fallback {
        let helper = match fallback {
            "" => None,
            name => Some(must_find(connection, "queue", name)?),
        };
        if helper == Some(id) {
            return refused(format!(
                "{queue} cannot help itself out: name another queue as its fallback"
            ));
        }
        connection.execute(
            "UPDATE queue SET fallback = ?2 WHERE id = ?1",
            params![id, helper],
        )?;
    }
    if let Some(after_s) = after_s {
        if !(1..=AFTER_MAX_S).contains(&after_s) {
            return refused(format!(
                "a fallback queue is asked after 1 to {AFTER_MAX_S} seconds, not after {after_s}"
            ));
        }
        connection.execute(
            "UPDATE queue SET fallback_after = ?2 WHERE id = ?1",
            params![id, after_s],
        )?;
    }
    Ok(())
}

pub(super) fn set_wording(
    connection: &Connection,
    gateway: &str,
    notice: Notice,
    words: Option<&str>,
) -> Result<()> {
    let id = must_find(connection, "gateway", gateway)?;
    let Some(words) = words.map(str::trim) else {
        connection.execute(
            "DELETE FROM wording WHERE gateway = ?1 AND notice = ?2",
            params![id, notice.word()],
        )?;
        return Ok(());
    };
    if words.chars().count() > WORDS_MAX {
        return refused(format!(
            "the notice `{}` has more than {WORDS_MAX} letters, three texts: shorten it",
            notice.word()
        ));
    }
    if let Some(name) = unknown_name(notice, words) {
        return refused(format!(
            "the notice `{}` knows no {{{name}}}; it knows {{{}}}",
            notice.word(),
            notice.names().join("}, {")
        ));
    }
    connection.execute(
        "INSERT INTO wording (gateway, notice, words) VALUES (?1, ?2, ?3)
         ON CONFLICT (gateway, notice) DO UPDATE SET words = excluded.words",
        params![id, notice.word(), words],
    )?;
    Ok(())
}

pub(super) fn pause_gateway(connection: &Connection, name: &str, paused: bool) -> Result<()> {
    let id = must_find(connection, "gateway", name)?;
    connection.execute(
        "UPDATE gateway SET pauses = pauses + (?2 AND NOT paused), paused = ?2 WHERE id = ?1",
        params![id, paused],
    )?;
    Ok(())
}

/// A new queue.
pub(super) fn add_queue(connection: &Connection, name: &str) -> Result<()> {
    check_name(name)?;
    if find(connection, "queue", name)?.is_some() {
        return refused(format!("there is a queue {name} already"));
    }
    connection.execute("INSERT INTO queue (name) VALUES (?1)", [name])?;
    Ok(())
}

/// Nothing is left of a queue's arrangements, and it helps nobody out any more.
pub(super) fn forget_queue(connection: &Connection, id: i64) -> Result<()> {
    connection.execute("DELETE FROM holiday WHERE queue = ?1", [id])?;
    connection.execute("UPDATE queue SET fallback = NULL WHERE fallback = ?1", [id])?;
    Ok(())
}
