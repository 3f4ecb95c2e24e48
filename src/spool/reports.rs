//! What status reports say became of a segment: to which attempt a report belongs, and how its text
//! stands then.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::outbox::{OutboxId, SegmentState, Settled, segments, settle};
use super::wire;
use super::{Result, erasure};
use crate::routing::{ConversationId, DeliveryState, MessageId};

/// What a status report says, in the spool's words (TS 23.040 §9.2.3.15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reported {
    /// It reached the telephone.
    Delivered,
    /// It will not.
    Undeliverable,
}

/// A status report.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// TP-MR.
    pub reference: u8,
    /// The recipient's last eight digits.
    pub tail: &'a str,
    /// What became of the text.
    pub reported: Reported,
    /// The same in words, for people.
    pub words: &'a str,
    /// When the service centre took it (TP-SCTS).
    pub submitted: Option<Timestamp>,
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
/// to the only attempt to that recipient whose reference nobody knows: one in doubt, one that the
/// service centre had had before, or one that was refused and went all the same. The report proves
/// that it arrived. Where several fit it settles none of them; one that was accepted at that time
/// under another reference fits as well until its own report has come, for it may have been read
/// wrong. A report that comes again, as networks repeat them, says nothing new.
///
/// `tail` is the recipient's last eight digits: networks report in national or international form
/// as they like. `came` is when it came to us: no later attempt is meant, whatever its reference;
/// one that fits none may wait for days, and references come round. `submitted` is when the service
/// centre took the text (TP-SCTS): a refused attempt is only believed to be meant where that was
/// not long before it.
pub fn report(
    connection: &Connection,
    line: &str,
    told: &Told<'_>,
    came: Timestamp,
) -> Result<Matched> {
    let &Told {
        reference,
        tail,
        reported,
        words,
        submitted,
    } = told;
    let came = wire::time(came);
    // The attempt may get this very reference: modems begin again at 0 when they restart.
    if attempt_under_way(connection, line, tail)? {
        return Ok(Matched::NotYet);
    }
    let submitted = submitted.map(wire::time);
    let found = match settled_by(connection, line, reference, tail, submitted)? {
        // It was given up, and came after all.
        Some((segment, outbox, false)) if reported == Reported::Delivered => {
            Some((segment, outbox))
        }
        Some(_) => return Ok(Matched::Segment),
        None => addressee(connection, line, told, came, submitted)?,
    };
    let Some((segment, outbox)) = found else {
        // An attempt is a row before it is made: a report to whom nothing is on record is not ours,
        // or its text was erased.
        if !anything_to(connection, line, tail)? {
            erasure::mark_unscrubbed(connection)?;
            return Ok(Matched::Segment);
        }
        // A second report on a segment whose fate is known says nothing new.
        return Ok(match latest_final(connection, line, reference, tail)? {
            Some(_) => Matched::Segment,
            None => Matched::NotYet,
        });
    };
    tracing::debug!(reference, segment, ?reported, "a report is matched");
    let state = match reported {
        Reported::Delivered => SegmentState::Delivered,
        Reported::Undeliverable => SegmentState::Undelivered,
    };
    connection
        .prepare_cached(
            "UPDATE segment SET state = ?2, reference = ?3, problem = ?4, taken = ?5 WHERE id = ?1",
        )?
        .execute(params![
            segment,
            state.word(),
            i64::from(reference),
            words,
            submitted
        ])?;
    whole_text(connection, OutboxId(outbox), words)
}

fn anything_to(connection: &Connection, line: &str, tail: &str) -> Result<bool> {
    Ok(connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM segment WHERE line = ?1 AND tail = ?2)")?
        .query_row([line, tail], |row| row.get(0))?)
}

/// The segment that an earlier report on the same submission settled, its text, and whether it
/// arrived: the service centre does not take two texts to one number under one reference in one second.
fn settled_by(
    connection: &Connection,
    line: &str,
    reference: u8,
    tail: &str,
    submitted: Option<i64>,
) -> Result<Option<(i64, i64, bool)>> {
    Ok(connection
        .prepare_cached(
            "SELECT id, outbox, state = 'delivered' FROM segment
             WHERE line = ?1 AND tail = ?2 AND reference = ?3 AND taken = ?4
               AND state IN ('delivered', 'undelivered')
             ORDER BY id DESC LIMIT 1",
        )?
        .query_row(params![line, tail, reference, submitted], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?)
}

/// The segment a report is about, and its text.
fn addressee(
    connection: &Connection,
    line: &str,
    told: &Told<'_>,
    came: i64,
    submitted: Option<i64>,
) -> Result<Option<(i64, i64)>> {
    let &Told {
        reference,
        tail,
        reported,
        ..
    } = told;
    // `+` here and below: of one telephone there are few segments, of the line's past thousands, and
    // the index by time would be taken for the better one.
    let mut by_reference = connection.prepare_cached(
        "SELECT id, outbox FROM segment
         WHERE line = ?1 AND tail = ?2 AND reference = ?3 AND state IN (?4, ?5)
           AND +attempted <= ?6
         ORDER BY id DESC LIMIT 1",
    )?;
    let mut newest = |one: SegmentState, other: SegmentState| {
        let reference = i64::from(reference);
        by_reference
            .query_row(
                params![line, tail, reference, one.word(), other.word(), came],
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
    if sent_again(connection, line, tail, after, submitted)? {
        return Ok(None);
    }
    let fitting: Vec<(i64, i64)> = connection
        .prepare_cached(
            "SELECT id, outbox FROM segment
             WHERE line = ?1 AND tail = ?2 AND reference IS NULL AND id > ?3 AND +attempted <= ?5
               AND (state IN ('unknown', 'accepted')
                    -- the network's clock and ours may differ, but not by an hour
                    OR (state = 'refused' AND attempted - 3600000 <= ?4))
             LIMIT 2",
        )?
        .query_map(params![line, tail, after, submitted, came], two)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(match fitting.as_slice() {
        [only] => (!misread(connection, line, tail, after, submitted)?).then_some(*only),
        // Of two that fit, one may never have left: to call the wrong one delivered would leave its
        // patron without an answer, and nobody would know.
        _ => None,
    })
}

/// Whether a segment was accepted about when the service centre took what a report is about, under
/// another reference, and waits for its own report: a digit of its reference may have been lost on
/// the wire.
fn misread(
    connection: &Connection,
    line: &str,
    tail: &str,
    after: i64,
    submitted: Option<i64>,
) -> Result<bool> {
    Ok(connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM segment
                            WHERE line = ?1 AND tail = ?2 AND id > ?3
                              AND reference IS NOT NULL AND state = 'accepted'
                              -- the clocks may differ, but not by an hour
                              AND +attempted BETWEEN ?4 - 3600000 AND ?4 + 3600000)",
        )?
        .query_row(params![line, tail, after, submitted], |row| row.get(0))?)
}

/// Whether a text to this recipient was sent again, and the service centre may have taken the earlier
/// attempt when it took what the report is about: that attempt's reference is on no record, so that
/// the report may be its.
fn sent_again(
    connection: &Connection,
    line: &str,
    tail: &str,
    after: i64,
    submitted: Option<i64>,
) -> Result<bool> {
    Ok(connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM segment s JOIN outbox o ON o.id = s.outbox
                            WHERE s.line = ?1 AND s.tail = ?2 AND s.id > ?3 AND o.may_be_doubled
                              -- the clocks may differ, but not by an hour
                              AND (?4 IS NULL
                                   OR ?4 BETWEEN o.made - 3600000 AND s.attempted + 3600000))",
        )?
        .query_row(params![line, tail, after, submitted], |row| row.get(0))?)
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
        (
            DeliveryState::Delivered,
            super::doubts::mark(connection, id)?,
        )
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
        (DeliveryState::Sent, super::doubts::mark(connection, id)?)
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
