//! Texts whose attempt was cut off: *unknown* until a report, the SIM or a person decides.
//!
//! The SIM keeps the reference of the last text that left (EF-SMSS, TS 31.102 §4.2.9). Where it is
//! seen to do so, one that has not moved says that the attempt never left; anything else says
//! nothing certain.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::Result;
use super::outbox::{OutboxId, SegmentId};
use super::wire;
use crate::routing::{ConversationId, MessageId};

/// What stands with a text that may have arrived twice.
const MAY_BE_DOUBLED: &str = "may be doubled: sent again after an attempt that was in doubt";

/// What the SIM says of an attempt in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hint {
    /// Its last reference has not moved: it seems that nothing left.
    Unsent,
    /// It has moved, or says nothing: something may have left, perhaps this.
    Left,
}

impl Hint {
    fn word(self) -> &'static str {
        match self {
            Hint::Unsent => "unsent",
            Hint::Left => "left",
        }
    }
}

/// An attempt in doubt that the SIM may tell something about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open {
    /// The segment.
    pub segment: SegmentId,
    /// The last TP-MR that the SIM kept before it.
    pub prior: u8,
}

/// A line's latest attempt, if it is in doubt, or was refused and may have left all the same, and the
/// SIM was not asked about it yet. Of earlier ones the SIM knows nothing any more.
pub fn open(connection: &Connection, line: &str) -> Result<Option<Open>> {
    Ok(connection
        .prepare_cached(
            "SELECT id, prior
             FROM (SELECT id, prior, state, hint FROM segment WHERE line = ?1
                   ORDER BY attempted DESC, id DESC LIMIT 1)
             WHERE prior IS NOT NULL
               AND (state = 'unknown' AND hint IS NULL OR state = 'refused' AND hint = 'left')",
        )?
        .query_row([line], |row| {
            Ok(Open {
                segment: SegmentId(row.get(0)?),
                prior: row.get(1)?,
            })
        })
        .optional()?)
}

/// Keeps what the SIM says of an attempt in doubt; it is asked once.
pub fn hint(connection: &Connection, segment: SegmentId, hint: Hint) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE segment SET hint = ?2, prior = NULL
             WHERE id = ?1 AND state IN ('unknown', 'refused')",
        )?
        .execute(params![segment.0, hint.word()])?;
    Ok(())
}

/// Keeps that a refused segment may have left all the same, until the SIM says that it did not. Its
/// next try is marked: some modems move the SIM's reference before they try, so that one which has
/// moved proves nothing.
pub fn doubt_refusal(connection: &Connection, segment: SegmentId) -> Result<()> {
    connection
        .prepare_cached("UPDATE segment SET hint = ?2 WHERE id = ?1 AND state = 'refused'")?
        .execute(params![segment.0, Hint::Left.word()])?;
    Ok(())
}

/// Marks a text whose segment is about to be tried again, if its last try was refused and may have
/// left all the same. Says whether it was.
pub fn mark_if_it_may_have_left(connection: &Connection, segment: SegmentId) -> Result<bool> {
    let marked = connection
        .prepare_cached(
            "UPDATE outbox SET may_be_doubled = 1
             WHERE id = (SELECT outbox FROM segment
                         WHERE id = ?1 AND state = 'refused' AND hint = 'left')",
        )?
        .execute([segment.0])?;
    Ok(marked > 0)
}

/// A report on this text in doubt is awaited until then.
pub fn wait(connection: &Connection, id: OutboxId, until: Timestamp) -> Result<()> {
    connection
        .prepare_cached("UPDATE outbox SET doubt_until = ?2 WHERE id = ?1 AND state = 'unknown'")?
        .execute(params![id.0, wire::time(until)])?;
    Ok(())
}

/// What is decided about a text in doubt once its report was awaited long enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// It is due again, marked: its segments in doubt are these.
    SendAgain(Vec<(SegmentId, Vec<u8>)>),
    /// A person decides.
    Ask {
        /// The message.
        message: MessageId,
        /// Its thread.
        conversation: ConversationId,
        /// Why it is in doubt.
        problem: Option<String>,
    },
}

/// Decides about a line's oldest text in doubt whose report was awaited until now. One that a
/// person had sent again meanwhile is not waited for any more, and nobody is told.
pub fn decide(connection: &Connection, line: &str, now: Timestamp) -> Result<Option<Decided>> {
    while let Some((id, message, conversation, problem, resent)) = ripe(connection, line, now)? {
        connection
            .prepare_cached("UPDATE outbox SET doubt_until = NULL WHERE id = ?1")?
            .execute([id])?;
        let again: bool = connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM outbox WHERE message = ?1 AND id > ?2)")?
            .query_row([message, id], |row| row.get(0))?;
        if again {
            continue;
        }
        let doubtful: Vec<(SegmentId, Vec<u8>, Option<String>)> = connection
            .prepare_cached(
                "SELECT id, pdu, hint FROM segment WHERE outbox = ?1 AND state = 'unknown'
                 ORDER BY seq",
            )?
            .query_map([id], |row| {
                Ok((SegmentId(row.get(0)?), row.get(1)?, row.get(2)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        let unsent = |hint: &Option<String>| hint.as_deref() == Some(Hint::Unsent.word());
        let all_unsent = !doubtful.is_empty() && doubtful.iter().all(|(.., hint)| unsent(hint));
        if resent || !all_unsent {
            return Ok(Some(Decided::Ask {
                message: MessageId(message),
                conversation: ConversationId(conversation),
                problem,
            }));
        }
        connection
            .prepare_cached(
                "UPDATE outbox SET state = 'due', not_before = 0, may_be_doubled = 1, resent = 1
                 WHERE id = ?1",
            )?
            .execute([id])?;
        connection
            .prepare_cached(
                "UPDATE segment SET state = 'planned' WHERE outbox = ?1 AND state = 'unknown'",
            )?
            .execute([id])?;
        let segments = doubtful.into_iter().map(|(id, pdu, _)| (id, pdu));
        return Ok(Some(Decided::SendAgain(segments.collect())));
    }
    Ok(None)
}

type Ripe = (i64, i64, i64, Option<String>, bool);

fn ripe(connection: &Connection, line: &str, now: Timestamp) -> Result<Option<Ripe>> {
    Ok(connection
        .prepare_cached(
            "SELECT o.id, o.message, o.conversation, o.problem, o.resent
             FROM outbox o JOIN gateway g ON g.id = o.gateway
             WHERE o.doubt_until IS NOT NULL AND o.state = 'unknown' AND g.line = ?1
               -- a clock set back must not hold it for years
               AND (o.doubt_until <= ?2 OR o.doubt_until > ?2 + 7200000)
             ORDER BY o.id LIMIT 1",
        )?
        .query_row(params![line, wire::time(now)], |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
            ))
        })
        .optional()?)
}

/// When a line's next text in doubt was awaited long enough.
pub(super) fn next_at(connection: &Connection, line: &str) -> Result<Option<i64>> {
    Ok(connection
        .prepare_cached(
            "SELECT min(o.doubt_until) FROM outbox o JOIN gateway g ON g.id = o.gateway
             WHERE o.doubt_until IS NOT NULL AND o.state = 'unknown' AND g.line = ?1",
        )?
        .query_row([line], |row| row.get(0))?)
}

/// The mark of a text that was sent again after an attempt in doubt, by a person or by itself, if
/// this is one.
pub fn mark(connection: &Connection, id: OutboxId) -> Result<Option<String>> {
    let doubled: bool = connection
        .prepare_cached("SELECT may_be_doubled FROM outbox WHERE id = ?1")?
        .query_row([id.0], |row| row.get(0))?;
    Ok(doubled.then(|| MAY_BE_DOUBLED.to_owned()))
}
