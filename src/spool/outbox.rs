//! Texts due, and what became of each segment. An attempt is a row before it is made (P3): what a
//! power cut leaves as *attempting* is *unknown* at the next start, and nobody sends it again
//! without being asked.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Result;
use super::wire;
use crate::routing::{ConversationId, DeliveryState, GatewayId, MessageId};

/// Names one text on its way out; a retry is a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboxId(pub i64);

/// Names one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(pub i64);

/// A text that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Its row.
    pub id: OutboxId,
    /// The message it carries.
    pub message: MessageId,
    /// That message's thread.
    pub conversation: ConversationId,
    /// To whom.
    pub recipient: String,
    /// The words.
    pub body: String,
    /// Attempts refused so far.
    pub tries: u32,
    /// When it was put here.
    pub made: Timestamp,
}

/// Where a segment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SegmentState {
    /// Its turn has not come.
    Planned,
    /// An attempt is recorded, its outcome is not.
    Attempting,
    /// The network took it.
    Accepted,
    /// The network did not take it.
    Refused,
    /// The attempt was cut off.
    Unknown,
    /// Reported delivered.
    Delivered,
    /// Reported undeliverable.
    Undelivered,
}

impl SegmentState {
    fn word(self) -> &'static str {
        match self {
            SegmentState::Planned => "planned",
            SegmentState::Attempting => "attempting",
            SegmentState::Accepted => "accepted",
            SegmentState::Refused => "refused",
            SegmentState::Unknown => "unknown",
            SegmentState::Delivered => "delivered",
            SegmentState::Undelivered => "undelivered",
        }
    }

    fn from_word(word: &str) -> Self {
        match word {
            "planned" => SegmentState::Planned,
            "accepted" => SegmentState::Accepted,
            "refused" => SegmentState::Refused,
            "unknown" => SegmentState::Unknown,
            "delivered" => SegmentState::Delivered,
            "undelivered" => SegmentState::Undelivered,
            // The schema admits no other; and an attempt in doubt is the careful reading.
            _ => SegmentState::Attempting,
        }
    }
}

/// One segment of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its row.
    pub id: SegmentId,
    /// Its place, from 1.
    pub seq: u8,
    /// How many there are.
    pub total: u8,
    /// The TPDU to submit.
    pub pdu: Vec<u8>,
    /// Where it stands.
    pub state: SegmentState,
}

/// Puts a text in, due at once.
pub(super) fn put(
    connection: &Connection,
    message: MessageId,
    conversation: ConversationId,
    gateway: GatewayId,
    recipient: &str,
    may_be_doubled: bool,
    now: Timestamp,
) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO outbox (message, conversation, gateway, recipient, may_be_doubled, made)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            message.0,
            conversation.0,
            gateway.0,
            recipient,
            may_be_doubled,
            wire::time(now)
        ])?;
    Ok(())
}

/// The next text a line is to send now. Texts of one conversation keep their order: one that waits
/// for another try holds back those behind it.
pub fn next_due(connection: &Connection, line: &str, now: Timestamp) -> Result<Option<Due>> {
    Ok(connection
        .prepare_cached(
            "SELECT o.id, o.message, o.conversation, o.recipient, m.body, o.tries, o.made
             FROM outbox o
             JOIN gateway g ON g.id = o.gateway
             JOIN message m ON m.id = o.message
             WHERE o.state = 'due' AND g.line = ?1
               -- a clock set back must not hold a text for years
               AND (o.not_before <= ?2 OR o.not_before > ?2 + 7200000)
               AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.state = 'due'
                               AND e.conversation = o.conversation AND e.id < o.id)
             ORDER BY o.id LIMIT 1",
        )?
        .query_row(params![line, wire::time(now)], |row| {
            Ok(Due {
                id: OutboxId(row.get(0)?),
                message: MessageId(row.get(1)?),
                conversation: ConversationId(row.get(2)?),
                recipient: row.get(3)?,
                body: row.get(4)?,
                tries: row.get(5)?,
                made: wire::time_from(row, 6)?,
            })
        })
        .optional()?)
}

/// When the next text of a line is due that is not due yet. Those behind another one of their
/// conversation have no time of their own.
pub fn next_due_at(connection: &Connection, line: &str) -> Result<Option<Timestamp>> {
    let at: Option<i64> = connection
        .prepare_cached(
            "SELECT min(o.not_before) FROM outbox o JOIN gateway g ON g.id = o.gateway
             WHERE o.state = 'due' AND g.line = ?1
               AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.state = 'due'
                               AND e.conversation = o.conversation AND e.id < o.id)",
        )?
        .query_row([line], |row| row.get(0))?;
    Ok(at.and_then(|ms| Timestamp::from_millisecond(ms).ok()))
}

/// How many texts wait to be sent by a line.
pub fn waiting(connection: &Connection, line: &str) -> Result<u64> {
    let count: i64 = connection
        .prepare_cached(
            "SELECT count(*) FROM outbox o JOIN gateway g ON g.id = o.gateway
             WHERE o.state = 'due' AND g.line = ?1",
        )?
        .query_row([line], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Segments a line attempted between these times.
pub fn attempted_between(
    connection: &Connection,
    line: &str,
    since: Timestamp,
    until: Timestamp,
) -> Result<u32> {
    Ok(connection
        .prepare_cached(
            "SELECT count(*) FROM segment WHERE line = ?1 AND attempted BETWEEN ?2 AND ?3",
        )?
        .query_row(params![line, wire::time(since), wire::time(until)], |row| {
            row.get(0)
        })?)
}

/// The segments of a text, in order; none before its first attempt.
pub fn segments(connection: &Connection, id: OutboxId) -> Result<Vec<Segment>> {
    let rows = connection
        .prepare_cached(
            "SELECT id, seq, total, pdu, state FROM segment WHERE outbox = ?1 ORDER BY seq",
        )?
        .query_map([id.0], segment_row)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// Lays down a text's segments before the first attempt.
pub fn lay_down(
    connection: &Connection,
    id: OutboxId,
    line: &str,
    tail: &str,
    pdus: &[Vec<u8>],
) -> Result<Vec<Segment>> {
    let total = pdus.len();
    for (index, pdu) in pdus.iter().enumerate() {
        connection
            .prepare_cached(
                "INSERT INTO segment (outbox, seq, total, line, tail, state, pdu)
                 VALUES (?1, ?2, ?3, ?4, ?5, 'planned', ?6)",
            )?
            .execute(params![
                id.0,
                index as i64 + 1,
                total as i64,
                line,
                tail,
                pdu
            ])?;
    }
    segments(connection, id)
}

/// Records that a segment is about to be handed to the modem.
pub fn attempt(connection: &Connection, segment: SegmentId, now: Timestamp) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE segment SET state = 'attempting', attempted = ?2, problem = NULL WHERE id = ?1",
        )?
        .execute([segment.0, wire::time(now)])?;
    Ok(())
}

/// Records that the network took a segment.
pub fn accepted(connection: &Connection, segment: SegmentId, reference: u8) -> Result<()> {
    connection
        .prepare_cached("UPDATE segment SET state = 'accepted', reference = ?2 WHERE id = ?1")?
        .execute([segment.0, i64::from(reference)])?;
    Ok(())
}

/// Records that a segment was not taken, or that it is not known whether it was.
pub fn not_accepted(
    connection: &Connection,
    segment: SegmentId,
    state: SegmentState,
    problem: &str,
) -> Result<()> {
    connection
        .prepare_cached("UPDATE segment SET state = ?2, problem = ?3 WHERE id = ?1")?
        .execute(params![segment.0, state.word(), problem])?;
    Ok(())
}

/// Puts a text off: it is due again at `not_before`.
pub fn put_off(
    connection: &Connection,
    id: OutboxId,
    not_before: Timestamp,
    problem: &str,
) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE outbox SET tries = tries + 1, not_before = ?2, problem = ?3 WHERE id = ?1",
        )?
        .execute(params![id.0, wire::time(not_before), problem])?;
    Ok(())
}

/// Ends a text's time in the queue: `Sent`, `Unknown`, `Failed` or `Delivered`.
pub fn settle(
    connection: &Connection,
    id: OutboxId,
    state: DeliveryState,
    problem: Option<&str>,
) -> Result<()> {
    connection
        .prepare_cached("UPDATE outbox SET state = ?2, problem = ?3 WHERE id = ?1")?
        .execute(params![id.0, state.word(), problem])?;
    Ok(())
}

/// A text whose state changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The message.
    pub message: MessageId,
    /// Its thread.
    pub conversation: ConversationId,
    /// Its state now.
    pub state: DeliveryState,
    /// Why, when it failed or is unknown.
    pub reason: Option<String>,
}

/// Why an interrupted attempt is in doubt.
const CUT_OFF: &str = "the desk was cut off while this text was on its way to the network";

/// What an interrupted daemon left in doubt: its attempts are *unknown* from now on.
pub fn doubt_interrupted(connection: &Connection, line: &str) -> Result<usize> {
    let interrupted: Vec<i64> = connection
        .prepare_cached(
            "SELECT DISTINCT outbox FROM segment WHERE state = 'attempting' AND line = ?1",
        )?
        .query_map([line], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for outbox in &interrupted {
        doubt(connection, OutboxId(*outbox))?;
    }
    Ok(interrupted.len())
}

/// Puts a text whose attempt was cut off in doubt; answers why.
pub fn doubt(connection: &Connection, id: OutboxId) -> Result<&'static str> {
    connection
        .prepare_cached(
            "UPDATE segment SET state = 'unknown', problem = ?2
             WHERE outbox = ?1 AND state = 'attempting'",
        )?
        .execute(params![id.0, CUT_OFF])?;
    settle(connection, id, DeliveryState::Unknown, Some(CUT_OFF))?;
    Ok(CUT_OFF)
}

/// Texts whose state the conversation does not show yet, because the daemon ended between the two
/// commits.
pub fn untold(connection: &Connection, line: &str) -> Result<Vec<Settled>> {
    let rows = connection
        .prepare_cached(
            "SELECT o.message, o.conversation, o.state, o.problem
             FROM outbox o JOIN message m ON m.id = o.message JOIN gateway g ON g.id = o.gateway
             WHERE o.state <> 'due' AND o.state <> m.state AND m.state <> 'delivered'
               AND g.line = ?1
               AND o.id = (SELECT max(id) FROM outbox WHERE message = o.message)
             ORDER BY o.id",
        )?
        .query_map([line], |row| {
            Ok(Settled {
                message: MessageId(row.get(0)?),
                conversation: ConversationId(row.get(1)?),
                state: wire::delivery_state(row, 2)?,
                reason: row.get(3)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// What a status report says, in the spool's words (TS 23.040 §9.2.3.15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reported {
    /// It reached the telephone.
    Delivered,
    /// It will not.
    Undeliverable,
}

/// What came of a status report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Matched {
    /// It belongs to a segment, and the whole text now stands so.
    Text(Settled),
    /// It belongs to a segment, and the text waits for its other segments' reports.
    Segment,
    /// The attempt it may belong to has no outcome yet: look again then.
    NotYet,
}

/// Matches a status report to the newest segment with its reference and recipient; failing that,
/// to the newest attempt in doubt to that recipient: the report proves that it arrived.
///
/// `tail` is the recipient's last eight digits: networks report in national or international form
/// as they like.
pub fn report(
    connection: &Connection,
    line: &str,
    reference: u8,
    tail: &str,
    reported: Reported,
    words: &str,
) -> Result<Matched> {
    // The attempt may get this very reference: modems begin again at 0 when they restart.
    if attempt_under_way(connection, line, tail)? {
        return Ok(Matched::NotYet);
    }
    let Some((segment, outbox)) = addressee(connection, line, reference, tail, reported)? else {
        // A second report on a segment whose fate is known says nothing new.
        return Ok(match latest_final(connection, line, reference, tail)? {
            Some(_) => Matched::Segment,
            None => Matched::NotYet,
        });
    };
    let state = match reported {
        Reported::Delivered => SegmentState::Delivered,
        Reported::Undeliverable => SegmentState::Undelivered,
    };
    connection
        .prepare_cached(
            "UPDATE segment SET state = ?2, reference = ?3, problem = ?4 WHERE id = ?1",
        )?
        .execute(params![segment, state.word(), i64::from(reference), words])?;
    whole_text(connection, OutboxId(outbox), words)
}

/// The segment a report is about, and its text.
fn addressee(
    connection: &Connection,
    line: &str,
    reference: u8,
    tail: &str,
    reported: Reported,
) -> Result<Option<(i64, i64)>> {
    let mut by_reference = connection.prepare_cached(
        "SELECT id, outbox FROM segment
         WHERE line = ?1 AND tail = ?2 AND reference = ?3 AND state IN (?4, ?5)
         ORDER BY id DESC LIMIT 1",
    )?;
    let mut newest = |one: SegmentState, other: SegmentState| {
        let reference = i64::from(reference);
        by_reference
            .query_row(
                params![line, tail, reference, one.word(), other.word()],
                two,
            )
            .optional()
    };
    let open = newest(SegmentState::Accepted, SegmentState::Unknown)?;
    if open.is_some() {
        return Ok(open);
    }
    if reported == Reported::Delivered {
        // It was given up, and came after all.
        let late = newest(SegmentState::Undelivered, SegmentState::Undelivered)?;
        if late.is_some() {
            return Ok(late);
        }
    }
    let after = latest_final(connection, line, reference, tail)?.unwrap_or(0);
    Ok(connection
        .prepare_cached(
            "SELECT id, outbox FROM segment
             WHERE line = ?1 AND tail = ?2 AND reference IS NULL AND state = 'unknown' AND id > ?3
             ORDER BY id DESC LIMIT 1",
        )?
        .query_row(params![line, tail, after], two)
        .optional()?)
}

/// The newest segment with this reference whose fate is known.
fn latest_final(
    connection: &Connection,
    line: &str,
    reference: u8,
    tail: &str,
) -> Result<Option<i64>> {
    Ok(connection
        .prepare_cached(
            "SELECT max(id) FROM segment
             WHERE line = ?1 AND tail = ?2 AND reference = ?3
               AND state IN ('delivered', 'undelivered')",
        )?
        .query_row(params![line, tail, i64::from(reference)], |row| row.get(0))?)
}

fn two(row: &Row<'_>) -> rusqlite::Result<(i64, i64)> {
    Ok((row.get(0)?, row.get(1)?))
}

fn attempt_under_way(connection: &Connection, line: &str, tail: &str) -> Result<bool> {
    Ok(connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM segment
             WHERE state = 'attempting' AND line = ?1 AND tail = ?2)",
        )?
        .query_row(params![line, tail], |row| row.get(0))?)
}

/// How a text stands once one of its segments was reported on.
fn whole_text(connection: &Connection, id: OutboxId, words: &str) -> Result<Matched> {
    let states: Vec<SegmentState> = segments(connection, id)?
        .into_iter()
        .map(|segment| segment.state)
        .collect();
    let all = |wanted: SegmentState| states.iter().all(|state| *state == wanted);
    let any = |wanted: SegmentState| states.contains(&wanted);

    let (state, reason) = if all(SegmentState::Delivered) {
        (DeliveryState::Delivered, None)
    } else if any(SegmentState::Undelivered) {
        (DeliveryState::Failed, Some(words.to_owned()))
    } else if any(SegmentState::Unknown) || any(SegmentState::Attempting) {
        return Ok(Matched::Segment);
    } else if any(SegmentState::Planned) || any(SegmentState::Refused) {
        // The segment in doubt did arrive: the rest of the text may follow it.
        connection
            .prepare_cached(
                // Unless a person had all of it sent again meanwhile.
                "UPDATE outbox SET state = 'due', not_before = 0
                 WHERE id = ?1 AND state = 'unknown'
                   AND NOT EXISTS (SELECT 1 FROM outbox later
                                   WHERE later.message = outbox.message AND later.id > ?1)",
            )?
            .execute([id.0])?;
        return Ok(Matched::Segment);
    } else {
        // Nothing in doubt any more; the others' reports are to come.
        (DeliveryState::Sent, None)
    };
    settle(connection, id, state, reason.as_deref())?;
    let (message, conversation) = connection
        .prepare_cached("SELECT message, conversation FROM outbox WHERE id = ?1")?
        .query_row([id.0], two)?;
    let again: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM outbox WHERE message = ?1 AND id > ?2)")?
        .query_row([message, id.0], |row| row.get(0))?;
    if again && state != DeliveryState::Delivered {
        // Sent again since: how the message stands is the later one's to say.
        return Ok(Matched::Segment);
    }
    Ok(Matched::Text(Settled {
        message: MessageId(message),
        conversation: ConversationId(conversation),
        state,
        reason,
    }))
}

/// The concatenation reference for a line's next long text: counts up over restarts, so that two
/// texts to one patron never share it by accident (TS 23.040 §9.2.3.24.1).
pub fn next_concat_reference(connection: &Connection, line: &str) -> Result<u8> {
    let key = format!("concat:{line}");
    let next: i64 = connection
        .prepare_cached(
            "INSERT INTO setting (key, value) VALUES (?1, 1)
             ON CONFLICT (key) DO UPDATE SET value = (value + 1) % 256
             RETURNING value",
        )?
        .query_row([key], |row| row.get(0))?;
    Ok(next.rem_euclid(256) as u8)
}

fn segment_row(row: &Row<'_>) -> rusqlite::Result<Segment> {
    let state: String = row.get(4)?;
    Ok(Segment {
        id: SegmentId(row.get(0)?),
        seq: row.get(1)?,
        total: row.get(2)?,
        pdu: row.get(3)?,
        state: SegmentState::from_word(&state),
    })
}
