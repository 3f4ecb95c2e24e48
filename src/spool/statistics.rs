//! What is counted, written in the transaction of what it counts.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Result;
use super::wire;
use crate::records::{Kind, Statistic};
use crate::routing::{Author, ConversationId, Message};
use crate::sms;

/// Rows of one report at most: more than a large library's year.
const ROWS_MAX: i64 = 2_000_000;
/// Times are kept to the minute: enough for any report, and for nothing else.
const MINUTE_MS: i64 = 60_000;

/// Counts a message that has just been written.
pub(super) fn count(connection: &Connection, message: &Message) -> Result<()> {
    let thread: Option<(i64, i64)> = connection
        .prepare_cached("SELECT home, gateway FROM conversation WHERE id = ?1")?
        .query_row([message.conversation.0], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let Some((home, gateway)) = thread else {
        return Ok(());
    };
    let (author, operator) = wire::author(message.author);
    let kind = match message.author {
        Author::Patron => Kind::In,
        Author::Operator(_) => Kind::Out,
        Author::Desk => Kind::Notice,
    };
    let before: Option<i64> = connection
        .prepare_cached(
            "SELECT max(id) FROM message WHERE conversation = ?1 AND author = ?2 AND id < ?3",
        )?
        .query_row(
            params![message.conversation.0, author, message.id.0],
            |row| row.get(0),
        )?;
    // How long the oldest text that no librarian answered has waited.
    let asked: Option<i64> = match kind {
        Kind::Out => connection
            .prepare_cached(
                "SELECT min(at) FROM message
                 WHERE conversation = ?1 AND author = 'patron' AND id > ?2 AND id < ?3",
            )?
            .query_row(
                params![message.conversation.0, before.unwrap_or(0), message.id.0],
                |row| row.get(0),
            )?,
        Kind::In | Kind::Notice | Kind::Reaction | Kind::Keyword => None,
    };
    let at = wire::time(message.at);
    // The clock may have been set back since.
    let wait = asked.map(|asked| at.saturating_sub(asked).max(0));
    let segments = match kind {
        Kind::In | Kind::Reaction | Kind::Keyword => 0,
        Kind::Out | Kind::Notice => {
            i64::try_from(sms::plan(&message.body).segments).unwrap_or(i64::MAX)
        }
    };
    connection
        .prepare_cached(
            "INSERT INTO statistic (kind, at, home, gateway, operator, answerer_home, wait, first,
                 segments)
             VALUES (?1, ?2, ?3, ?4, ?5,
                 (SELECT queue FROM assignment WHERE operator = ?5
                  ORDER BY queue <> ?3, queue LIMIT 1), ?6, ?7, ?8)",
        )?
        .execute(params![
            kind.word(),
            at - at.rem_euclid(MINUTE_MS),
            home,
            gateway,
            operator,
            wait,
            before.is_none(),
            segments,
        ])?;
    Ok(())
}

/// Counts what is no message: a reaction to one of ours, a keyword that was answered.
pub(super) fn count_kind(
    connection: &Connection,
    kind: Kind,
    conversation: ConversationId,
    at: Timestamp,
) -> Result<()> {
    let at = wire::time(at);
    connection
        .prepare_cached(
            "INSERT INTO statistic (kind, at, home, gateway, first, segments)
             SELECT ?1, ?2, home, gateway, 0, 0 FROM conversation WHERE id = ?3",
        )?
        .execute(params![
            kind.word(),
            at - at.rem_euclid(MINUTE_MS),
            conversation.0
        ])?;
    Ok(())
}

/// What was counted from `from` on and before `to`, oldest first.
pub fn between(connection: &Connection, from: Timestamp, to: Timestamp) -> Result<Vec<Statistic>> {
    let rows = connection
        .prepare_cached(
            "SELECT s.kind, s.at, coalesce(h.name, 'queue-' || s.home),
                 coalesce(g.name, 'gateway-' || s.gateway), o.name,
                 CASE WHEN s.answerer_home IS NOT NULL
                      THEN coalesce(a.name, 'queue-' || s.answerer_home) END,
                 s.wait, s.first, s.segments
             FROM statistic s
             LEFT JOIN queue h ON h.id = s.home
             LEFT JOIN gateway g ON g.id = s.gateway
             LEFT JOIN operator o ON o.id = s.operator
             LEFT JOIN queue a ON a.id = s.answerer_home
             WHERE s.at >= ?1 AND s.at < ?2 ORDER BY s.at LIMIT ?3",
        )?
        .query_map(
            params![wire::time(from), wire::time(to), ROWS_MAX],
            statistic,
        )?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

fn statistic(row: &Row<'_>) -> rusqlite::Result<Statistic> {
    let kind: String = row.get(0)?;
    let wait: Option<i64> = row.get(6)?;
    Ok(Statistic {
        kind: match kind.as_str() {
            "in" => Kind::In,
            "out" => Kind::Out,
            "reaction" => Kind::Reaction,
            "keyword" => Kind::Keyword,
            _ => Kind::Notice, // the schema's CHECK admits no sixth
        },
        at: wire::time_from(row, 1)?,
        home: row.get(2)?,
        gateway: row.get(3)?,
        operator: row.get(4)?,
        answerer_home: row.get(5)?,
        wait: wait
            .and_then(|ms| u64::try_from(ms).ok())
            .map(Duration::from_millis),
        first: row.get(7)?,
        segments: row.get(8)?,
    })
}
