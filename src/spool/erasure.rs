//! Erasing: at a patron's wish, or because the library keeps transcripts for so long only. What is
//! counted was counted without words, names and numbers, and stays; what the network may still send
//! twice stays as a digest.
//!
//! Rows are overwritten as they go (`secure_delete`); [`Spool::scrub`](super::Spool::scrub) then
//! writes the file anew, for what was left between rows and in the log.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::feed::{self, FeedKind};
use super::patrons::{self, Known};
use super::{Result, audit, files, wire};
use crate::numbers::PatronNumber;
use crate::routing::{Actor, ArrivalId, ConversationId, Whose};

/// Rows taken at once, so that no writer waits long.
const AT_ONCE: i64 = 200;

/// Erases everything of a patron's, but one conversation. Who did so, if not they themselves, is
/// written down. Answers the feed's last row, when anything was there that operators may have seen.
pub(super) fn forget(
    connection: &Connection,
    whose: &Whose,
    spare: Option<ConversationId>,
    by: Option<Actor>,
    now: Timestamp,
) -> Result<Option<i64>> {
    let known = patrons::all(connection, whose)?;
    if let Some(by) = by {
        // That it was done, and not whom: no name of theirs stays.
        let (by, action) = (by.operator(), "erased_patron");
        audit::write(connection, by, action, None, None, None, now)?;
    }
    let mut told = None;
    for Known { patron, .. } in known {
        let patron = patron.id.0;
        let conversations: Vec<i64> = connection
            .prepare_cached("SELECT id FROM conversation WHERE patron = ?1 AND id IS NOT ?2")?
            .query_map(params![patron, spare.map(|id| id.0)], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for conversation in conversations {
            told = Some(erase_one(connection, conversation)?);
            connection
                .prepare_cached("UPDATE erased SET forgotten = 1 WHERE conversation = ?1")?
                .execute([conversation])?;
        }
        drop_if_gone(connection, patron)?;
    }
    let address = whose.address().as_str();
    match whose {
        Whose::Telephone(_) => forget_traces(connection, address)?,
        Whose::Chat(_) => {
            for sql in [
                "DELETE FROM visitor WHERE gateway IN (SELECT id FROM gateway) AND address = ?1",
                "DELETE FROM subscriber WHERE jid = ?1",
            ] {
                connection.prepare_cached(sql)?.execute([address])?;
            }
        }
    }
    Ok(told)
}

/// Which arrivals are from or about this number, of those that could not be read or are no text:
/// whose they are, only what is kept of them says.
const ARRIVALS_OF: &str = "state <> 'used' AND state IN ('odd', 'parked')
     AND (instr(pdu, ?1) > 0 OR instr(pdu, ?2) > 0
          OR instr(upper(CAST(pdu AS TEXT)), ?3) > 0
          OR instr(upper(CAST(pdu AS TEXT)), ?4) > 0
          OR instr(upper(CAST(pdu AS TEXT)), ?5) > 0
          OR instr(CAST(pdu AS TEXT), ?6) > 0)";

/// What is looked for in them: the number as PDUs and modems write it.
type Traces = (Vec<u8>, Vec<u8>, String, String, String, String);

/// The same for a number; `None` for what is too short to be told from anything else.
fn traces(address: &str) -> Option<Traces> {
    let [even, odd] = semi_octets(address);
    if even.len() < SURE {
        return None;
    }
    let hex =
        |octets: &[u8]| -> String { octets.iter().map(|octet| format!("{octet:02X}")).collect() };
    let tail = tail(address);
    let wide = hex(&tail
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect::<Vec<u8>>());
    let (even_hex, odd_hex) = (hex(&even), hex(&odd));
    Some((even, odd, even_hex, odd_hex, wide, tail.to_owned()))
}

/// Arrivals from or about this number that are part of no conversation.
pub(super) fn arrivals_of(connection: &Connection, address: &str) -> Result<Vec<ArrivalId>> {
    let Some(traces) = traces(address) else {
        return Ok(Vec::new());
    };
    let mut rows: Vec<ArrivalId> = connection
        .prepare_cached(&format!("SELECT id FROM inbox WHERE {ARRIVALS_OF}"))?
        .query_map(traces, |row| row.get(0).map(ArrivalId))?
        .collect::<rusqlite::Result<_>>()?;
    rows.sort_unstable();
    Ok(rows)
}

/// Erases what is kept of a telephone beside its conversations.
pub(super) fn forget_traces(connection: &Connection, address: &str) -> Result<()> {
    if let Some(traces) = traces(address) {
        connection
            .prepare_cached(&format!(
                "UPDATE inbox SET state = 'used', pdu = NULL, message = NULL, problem = NULL
                 WHERE {ARRIVALS_OF}"
            ))?
            .execute(traces)?;
    }
    let digits = address.trim_start_matches('+');
    connection
        .prepare_cached("DELETE FROM reply WHERE instr(patron, ?1) > 0")?
        .execute([digits])?;
    // Whom a carrier refused is remembered by the last digits.
    let tail = tail(address);
    connection
        .prepare_cached("UPDATE standing SET refused = '[]' WHERE instr(refused, ?1) > 0")?
        .execute([tail])?;
    Ok(())
}

/// Octets of a number that are hardly anything else by accident.
const SURE: usize = 4;
/// The last digits by which a recipient is remembered in reports and refusals.
const TAIL: usize = 8;

/// The last digits of a number, which it has however it is written: a network says a number in
/// national or international form as it likes.
fn tail(address: &str) -> &str {
    let digits = address.trim_start_matches('+');
    digits
        .get(digits.len().saturating_sub(TAIL)..)
        .unwrap_or(digits)
}

/// The last digits as PDUs hold them: two an octet, swapped (TS 23.040 §9.1.2.3). Of a number with
/// an even count of digits, and of one with an odd count, where the last octet is filled up. Empty
/// for what is no number.
fn semi_octets(address: &str) -> [Vec<u8>; 2] {
    let tail = tail(address).as_bytes();
    if tail.len() < TAIL || !tail.iter().all(u8::is_ascii_digit) {
        return [Vec::new(), Vec::new()];
    }
    let octets = |digits: &[u8]| {
        digits
            .chunks(2)
            .map(|pair| match pair {
                [low, high] => (high - b'0') << 4 | (low - b'0'),
                [low] => 0xf0 | (low - b'0'),
                _ => 0xff, // chunks of two have one or two
            })
            .collect()
    };
    [octets(tail), octets(tail.get(1..).unwrap_or_default())]
}

/// Erases a conversation, and its patron if nothing else is theirs. Answers the feed's row.
pub(super) fn erase(connection: &Connection, id: ConversationId) -> Result<Option<i64>> {
    let patron: Option<i64> = connection
        .prepare_cached("SELECT patron FROM conversation WHERE id = ?1")?
        .query_row([id.0], |row| row.get(0))
        .optional()?;
    let Some(patron) = patron else {
        return Ok(None);
    };
    let told = erase_one(connection, id.0)?;
    drop_if_gone(connection, patron)?;
    Ok(Some(told))
}

/// A patron of whom no conversation is left is nobody we know.
fn drop_if_gone(connection: &Connection, patron: i64) -> Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM patron WHERE id = ?1
                 AND NOT EXISTS (SELECT 1 FROM conversation WHERE patron = ?1)",
        )?
        .execute([patron])?;
    Ok(())
}

fn erase_one(connection: &Connection, id: i64) -> Result<i64> {
    files::leave(connection, id)?;
    for sql in [
        "DELETE FROM reply WHERE (operator, client_id) IN
             (SELECT operator, client_id FROM message WHERE conversation = ?1)",
        "UPDATE inbox SET state = 'used', pdu = NULL, message = NULL, problem = NULL
             WHERE state <> 'used' AND message IN (SELECT id FROM message WHERE conversation = ?1)",
        "DELETE FROM segment WHERE outbox IN (SELECT id FROM outbox WHERE message IN
             (SELECT id FROM message WHERE conversation = ?1))",
        "DELETE FROM outbox WHERE message IN (SELECT id FROM message WHERE conversation = ?1)",
        "DELETE FROM message WHERE conversation = ?1",
        "DELETE FROM note WHERE conversation = ?1",
        "DELETE FROM shown WHERE conversation = ?1",
        // That it was done stays, and not whose patron it was.
        "UPDATE audit SET subject = NULL, detail = NULL WHERE conversation = ?1",
        "DELETE FROM conversation WHERE id = ?1",
        "INSERT OR IGNORE INTO erased (conversation, at)
             VALUES (?1, CAST(unixepoch('subsec') * 1000 AS INTEGER))",
    ] {
        connection.prepare_cached(sql)?.execute([id])?;
    }
    mark_unscrubbed(connection)?;
    // Rows of the feed name ids alone; one more says that it is gone.
    feed::tell(
        connection,
        FeedKind::Conversation,
        ConversationId(id),
        None,
        None,
    )
}

/// Erases transcripts that closed before `before`, a number of them at once; answers how many.
/// Those of which something is still to be sent stay.
///
/// # Errors
/// What SQLite says.
pub fn expire(connection: &Connection, before: Timestamp) -> Result<usize> {
    let due: Vec<i64> = connection
        .prepare_cached(
            "SELECT c.id FROM conversation c
             WHERE c.state = 'closed' AND c.closed < ?1
               AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.state = 'due'
                               AND o.conversation = c.id)
             ORDER BY c.closed LIMIT ?2",
        )?
        .query_map(params![wire::time(before), AT_ONCE], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for &id in &due {
        erase(connection, ConversationId(id))?;
    }
    Ok(due.len())
}

/// Prunes what only the wire needed: PDUs' digests and PDUs that came to nothing, from before
/// `arrived`; texts whose fate is known, with their segments, from before `settled`. A number of
/// each at once; answers how many.
///
/// # Errors
/// What SQLite says.
pub fn prune(connection: &Connection, arrived: Timestamp, settled: Timestamp) -> Result<usize> {
    let mut pruned = connection
        .prepare_cached(
            "DELETE FROM inbox WHERE id IN
                 (SELECT id FROM inbox WHERE state <> 'new' AND received < ?1 ORDER BY id LIMIT ?2)",
        )?
        .execute(params![wire::time(arrived), AT_ONCE])?;
    let over: Vec<i64> = connection
        .prepare_cached(
            "SELECT o.id FROM outbox o JOIN message m ON m.id = o.message
             WHERE o.state <> 'due' AND o.made < ?1
               -- told already: nobody looks for it at the next start
               AND (o.state = m.state OR m.state = 'delivered'
                    OR o.id < (SELECT max(id) FROM outbox WHERE message = o.message))
             ORDER BY o.id LIMIT ?2",
        )?
        .query_map(params![wire::time(settled), AT_ONCE], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for id in over {
        connection
            .prepare_cached("DELETE FROM segment WHERE outbox = ?1")?
            .execute([id])?;
        pruned += connection
            .prepare_cached("DELETE FROM outbox WHERE id = ?1")?
            .execute([id])?;
    }
    if pruned > 0 {
        mark_unscrubbed(connection)?;
    }
    Ok(pruned)
}

/// Traces are left of what was erased: the spool is to be written anew.
pub(super) fn mark_unscrubbed(connection: &Connection) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO setting (key, value) VALUES ('unscrubbed', 1) ON CONFLICT DO NOTHING",
        )?
        .execute([])?;
    Ok(())
}

/// Whether something was erased since the spool was last written anew.
///
/// # Errors
/// What SQLite says.
pub fn is_unscrubbed(connection: &Connection) -> Result<bool> {
    Ok(connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM setting WHERE key = 'unscrubbed')",
        [],
        |row| row.get(0),
    )?)
}

/// The spool was written anew.
///
/// # Errors
/// What SQLite says.
pub fn scrubbed(connection: &Connection) -> Result<()> {
    connection.execute("DELETE FROM setting WHERE key = 'unscrubbed'", [])?;
    Ok(())
}

/// Keeps whether a telephone opted out, on every line it is known on and for good.
pub(super) fn keep_consent(
    connection: &Connection,
    address: &PatronNumber,
    fingerprints: &[i64],
    opted_out: bool,
) -> Result<()> {
    let sql = match opted_out {
        true => "INSERT OR IGNORE INTO opted_out (fingerprint) VALUES (?1)",
        false => "DELETE FROM opted_out WHERE fingerprint = ?1",
    };
    for fingerprint in fingerprints {
        connection.prepare_cached(sql)?.execute([fingerprint])?;
    }
    connection
        .prepare_cached(
            "UPDATE patron SET opted_out = ?2
             WHERE gateway IN (SELECT id FROM gateway WHERE kind = 'sms') AND address = ?1",
        )?
        .execute(params![address.as_str(), opted_out])?;
    Ok(())
}

/// Telephones that opted out: fingerprints, and addresses from before those were kept.
pub fn opted_out(connection: &Connection) -> Result<(Vec<i64>, Vec<PatronNumber>)> {
    let fingerprints = connection
        .prepare_cached("SELECT fingerprint FROM opted_out")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let addresses = connection
        .prepare_cached(
            "SELECT DISTINCT p.address FROM patron p JOIN gateway g ON g.id = p.gateway
             WHERE p.opted_out AND g.kind = 'sms'",
        )?
        .query_map([], |row| wire::number(row, 0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok((fingerprints, addresses))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_pdus_hold_them() {
        for (number, even, odd) in [
            (
                "+15551230100",
                vec![0x15, 0x32, 0x10, 0x00],
                vec![0x21, 0x03, 0x01, 0xf0],
            ),
            (
                "5551230100",
                vec![0x15, 0x32, 0x10, 0x00],
                vec![0x21, 0x03, 0x01, 0xf0],
            ),
            ("INFO", vec![], vec![]),
            ("72645", vec![], vec![]), // so short that it may be anything
            ("", vec![], vec![]),
        ] {
            assert_eq!(semi_octets(number), [even, odd], "{number}");
        }
    }
}
