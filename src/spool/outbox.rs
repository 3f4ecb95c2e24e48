//! Texts due, and what became of each segment. An attempt is a row before it is made (P3): what a
//! power cut leaves as *attempting* is *unknown* at the next start, and nobody sends it again
//! without being asked.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Result;
use super::wire;

pub use super::reports::{Matched, Reported, Told, report};
use crate::numbers::PatronNumber;
use crate::routing::{ConversationId, DeliveryState, GatewayId, GatewayKind, MessageId};

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
    pub recipient: PatronNumber,
    /// The words.
    pub body: String,
    /// Attempts refused so far.
    pub tries: u32,
    /// When it was put here.
    pub made: Timestamp,
    /// Whether the desk wrote it by itself.
    pub automatic: bool,
    /// Whether the patron has opted out since it was put here.
    pub opted_out: bool,
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
    pub(super) fn word(self) -> &'static str {
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
    recipient: &PatronNumber,
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
            recipient.as_str(),
            may_be_doubled,
            wire::time(now)
        ])?;
    Ok(())
}

/// Which texts a line may send just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All of them: people's answers before automatic texts.
    All,
    /// People's answers alone: automatic texts have used up their share, and hold back nothing.
    Answers,
}

/// The next text a line is to send now. Texts to one patron keep their order: one that waits for
/// another try holds back those behind it.
pub fn next_due(
    connection: &Connection,
    line: &str,
    now: Timestamp,
    which: Which,
) -> Result<Option<Due>> {
    Ok(connection
        .prepare_cached(
            "SELECT o.id, o.message, o.conversation, o.recipient, m.body, o.tries, o.made,
                    m.author = 'desk',
                    (SELECT p.opted_out FROM conversation c JOIN patron p ON p.id = c.patron
                     WHERE c.id = o.conversation)
             FROM outbox o
             JOIN gateway g ON g.id = o.gateway
             JOIN message m ON m.id = o.message
             WHERE o.state = 'due' AND g.line = ?1
               -- a clock set back must not hold a text for years
               AND (o.not_before <= ?2 OR o.not_before > ?2 + 7200000)
               AND (?3 OR m.author <> 'desk')
               AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.state = 'due'
                               AND e.gateway = o.gateway AND e.recipient = o.recipient
                               AND e.id < o.id
                               AND (?3 OR (SELECT author FROM message WHERE id = e.message)
                                          <> 'desk'))
             ORDER BY m.author = 'desk', o.id LIMIT 1",
        )?
        .query_row(params![line, wire::time(now), which == Which::All], |row| {
            Ok(Due {
                id: OutboxId(row.get(0)?),
                message: MessageId(row.get(1)?),
                conversation: ConversationId(row.get(2)?),
                recipient: wire::number(row, 3)?,
                body: row.get(4)?,
                tries: row.get(5)?,
                made: wire::time_from(row, 6)?,
                automatic: row.get(7)?,
                opted_out: row.get::<_, Option<bool>>(8)?.unwrap_or(false),
            })
        })
        .optional()?)
}

/// When a line's outbox has something to do that it has not yet: a text is due, or a report was
/// awaited long enough. Texts behind another one to their patron have no time of their own.
pub fn next_due_at(connection: &Connection, line: &str) -> Result<Option<Timestamp>> {
    let at: Option<i64> = connection
        .prepare_cached(
            "SELECT min(o.not_before) FROM outbox o JOIN gateway g ON g.id = o.gateway
             WHERE o.state = 'due' AND g.line = ?1
               AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.state = 'due'
                               AND e.gateway = o.gateway AND e.recipient = o.recipient
                               AND e.id < o.id)",
        )?
        .query_row([line], |row| row.get(0))?;
    let doubt = super::doubts::next_at(connection, line)?;
    let at = [at, doubt].into_iter().flatten().min();
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

/// When the first of a line's attempts since then was made.
pub fn first_attempt(
    connection: &Connection,
    line: &str,
    since: Timestamp,
) -> Result<Option<Timestamp>> {
    let at: Option<i64> = connection
        .prepare_cached("SELECT min(attempted) FROM segment WHERE line = ?1 AND attempted >= ?2")?
        .query_row(params![line, wire::time(since)], |row| row.get(0))?;
    Ok(at.and_then(|ms| Timestamp::from_millisecond(ms).ok()))
}

/// Segments that a line attempted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attempted {
    /// Of every text.
    pub all: u32,
    /// Of automatic texts among them.
    pub automatic: u32,
}

/// Segments a line attempted between these times.
pub fn attempted_between(
    connection: &Connection,
    line: &str,
    since: Timestamp,
    until: Timestamp,
) -> Result<Attempted> {
    Ok(connection
        .prepare_cached(
            "SELECT count(*), count(CASE WHEN m.author = 'desk' THEN 1 END)
             FROM segment s
             LEFT JOIN outbox o ON o.id = s.outbox
             LEFT JOIN message m ON m.id = o.message
             WHERE s.line = ?1 AND s.attempted BETWEEN ?2 AND ?3",
        )?
        .query_row(params![line, wire::time(since), wire::time(until)], |row| {
            Ok(Attempted {
                all: row.get(0)?,
                automatic: row.get(1)?,
            })
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
///
/// `prior` is the TP-MR that the SIM kept last, where that is known: see [`super::doubts`].
pub fn attempt(
    connection: &Connection,
    segment: SegmentId,
    now: Timestamp,
    prior: Option<u8>,
) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE segment SET state = 'attempting', attempted = ?2, problem = NULL,
                                prior = ?3, hint = NULL
             WHERE id = ?1",
        )?
        .execute(params![segment.0, wire::time(now), prior])?;
    Ok(())
}

/// Records that the network took a segment; under which reference, if it said so.
pub fn accepted(connection: &Connection, segment: SegmentId, reference: Option<u8>) -> Result<()> {
    connection
        .prepare_cached("UPDATE segment SET state = 'accepted', reference = ?2 WHERE id = ?1")?
        .execute(params![segment.0, reference])?;
    Ok(())
}

/// Gives a segment other octets: the same words, asked for in another way.
pub fn rewrite(connection: &Connection, segment: SegmentId, pdu: &[u8]) -> Result<()> {
    connection
        .prepare_cached("UPDATE segment SET pdu = ?2 WHERE id = ?1")?
        .execute(params![segment.0, pdu])?;
    Ok(())
}

/// How a text has fared so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fared {
    /// Tries that were refused.
    pub tries: u32,
    /// Refusals in a row that called for the same.
    pub running: u32,
}

/// Counts a refusal that calls for `remedy`, a word; answers how the text had fared before, and
/// how often that was called for in a row, this time included. One that was not even `tried` does
/// not count as a try.
pub fn count_refusal(
    connection: &Connection,
    id: OutboxId,
    remedy: &str,
    tried: bool,
) -> Result<Fared> {
    Ok(connection
        .prepare_cached(
            "UPDATE outbox SET tries = tries + ?3,
                               refusals = CASE WHEN refusal IS ?2 THEN refusals + 1 ELSE 1 END,
                               refusal = ?2
             WHERE id = ?1 RETURNING tries, refusals",
        )?
        .query_row(params![id.0, remedy, tried], |row| {
            Ok(Fared {
                tries: row.get::<_, u32>(0)?.saturating_sub(u32::from(tried)),
                running: row.get(1)?,
            })
        })?)
}

/// A text that nobody could send while it was worth sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overdue {
    /// Its row.
    pub id: OutboxId,
    /// The message.
    pub message: MessageId,
    /// Its thread.
    pub conversation: ConversationId,
    /// What stood in its way last.
    pub problem: Option<String>,
    /// Whether some of it has left.
    pub in_part: bool,
}

/// A line's oldest text that was put here before `before` and is still due.
pub fn overdue(connection: &Connection, line: &str, before: Timestamp) -> Result<Option<Overdue>> {
    Ok(connection
        .prepare_cached(&format!(
            "{OVERDUE} JOIN gateway g ON g.id = o.gateway
             WHERE o.state = 'due' AND g.line = ?1 AND o.made < ?2 ORDER BY o.id LIMIT 1"
        ))?
        .query_row(params![line, wire::time(before)], overdue_row)
        .optional()?)
}

/// A text that is due, as one that will not be sent any more.
pub fn overdue_text(connection: &Connection, id: OutboxId) -> Result<Option<Overdue>> {
    Ok(connection
        .prepare_cached(&format!(
            "{OVERDUE} JOIN gateway g ON g.id = o.gateway WHERE o.id = ?1 AND o.state = 'due'"
        ))?
        .query_row([id.0], overdue_row)
        .optional()?)
}

/// Texts that no line will send, because theirs is none of `lines`: those whose gateway was removed,
/// and those that were put here before `before`. A removed gateway's texts still leave by a line that
/// is driven. Says of each whether its gateway was removed. Bounded: the rest is found the next time.
pub fn stranded(
    connection: &Connection,
    lines: &[String],
    before: Timestamp,
) -> Result<Vec<(Overdue, bool)>> {
    const AT_ONCE: usize = 200;
    let lines = wire::json(&lines);
    let rows = connection
        .prepare_cached(&format!(
            "{OVERDUE} JOIN gateway g ON g.id = o.gateway
             WHERE o.state = 'due' AND g.kind = 'sms' AND (g.removed OR o.made < ?2)
               AND (g.line IS NULL OR g.line NOT IN (SELECT value FROM json_each(?1)))
             ORDER BY o.id LIMIT {AT_ONCE}"
        ))?
        .query_map(params![lines, wire::time(before)], |row| {
            Ok((overdue_row(row)?, row.get(5)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

const OVERDUE: &str = "SELECT o.id, o.message, o.conversation, o.problem,
       EXISTS (SELECT 1 FROM segment s WHERE s.outbox = o.id
               AND s.state IN ('accepted', 'unknown', 'delivered')),
       g.removed
     FROM outbox o";

fn overdue_row(row: &Row<'_>) -> rusqlite::Result<Overdue> {
    Ok(Overdue {
        id: OutboxId(row.get(0)?),
        message: MessageId(row.get(1)?),
        conversation: ConversationId(row.get(2)?),
        problem: row.get(3)?,
        in_part: row.get(4)?,
    })
}

/// The latest row: those made after it are of this run of the daemon.
pub fn latest(connection: &Connection) -> Result<OutboxId> {
    Ok(connection
        .prepare_cached("SELECT coalesce(max(id), 0) FROM outbox")?
        .query_row([], |row| row.get(0).map(OutboxId))?)
}

/// The clock was set by `by_ms`: what was dated by the wrong one since `after` is dated anew, or a
/// box that learns the date in the evening would find its morning's texts years old.
pub fn date_again(
    connection: &Connection,
    line: &str,
    after: OutboxId,
    by_ms: i64,
    now: Timestamp,
) -> Result<usize> {
    Ok(connection
        .prepare_cached(
            "UPDATE outbox SET made = made + ?3,
                               not_before = CASE not_before WHEN 0 THEN 0 ELSE not_before + ?3 END
             WHERE state = 'due' AND id > ?2 AND abs(?4 - made) > abs(?3) / 2
               AND gateway IN (SELECT id FROM gateway WHERE line = ?1)",
        )?
        .execute(params![line, after.0, by_ms, wire::time(now)])?)
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
        .prepare_cached("UPDATE outbox SET not_before = ?2, problem = ?3 WHERE id = ?1")?
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

/// What an interrupted daemon left in doubt: its attempts are *unknown* from now on. Their reports
/// are awaited until `until`.
pub fn doubt_interrupted(connection: &Connection, line: &str, until: Timestamp) -> Result<usize> {
    let interrupted: Vec<i64> = connection
        .prepare_cached(
            "SELECT DISTINCT outbox FROM segment WHERE state = 'attempting' AND line = ?1",
        )?
        .query_map([line], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for outbox in &interrupted {
        doubt(connection, OutboxId(*outbox))?;
        super::doubts::wait(connection, OutboxId(*outbox), until)?;
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

/// By what texts leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way<'a> {
    /// A line.
    Line(&'a str),
    /// Any gateway of this kind.
    Kind(GatewayKind),
}

/// Texts whose thread does not show what became of them, because the daemon ended between the two
/// commits. What was delivered stays so, and what failed may only turn out to have been delivered.
pub fn untold(connection: &Connection, way: Way<'_>) -> Result<Vec<Settled>> {
    let (line, kind) = match way {
        Way::Line(line) => (Some(line), None),
        Way::Kind(kind) => (None, Some(kind.word())),
    };
    let rows = connection
        .prepare_cached(
            "SELECT o.message, o.conversation, o.state, o.problem
             FROM outbox o JOIN message m ON m.id = o.message JOIN gateway g ON g.id = o.gateway
             WHERE o.state <> 'due' AND o.state <> m.state AND m.state <> 'delivered'
               AND (m.state <> 'failed' OR o.state = 'delivered')
               AND (g.line = ?1 OR g.kind = ?2)
               AND o.id = (SELECT max(id) FROM outbox WHERE message = o.message)
             ORDER BY o.id",
        )?
        .query_map(params![line, kind], |row| {
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
