//! Raw PDUs, from the moment before the SIM forgets them until they are part of a conversation.
//!
//! A PDU's digest stays when its words are gone, so that the network's late second delivery of
//! the same text is recognised.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::Result;
use super::wire;
use crate::routing::{ArrivalId, MessageId};

/// A PDU to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    /// What makes two PDUs of a line the same one.
    pub digest: [u8; 16],
    /// The octets as the modem gave them.
    pub pdu: Vec<u8>,
}

/// A PDU that is not yet consumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its row.
    pub id: ArrivalId,
    /// The octets.
    pub pdu: Vec<u8>,
    /// When it came.
    pub received: Timestamp,
    /// For a segment whose text was shown in part: the message it was shown in.
    pub shown_in: Option<MessageId>,
}

/// Keeps PDUs of one sweep. Answers those that are new: the others were here before.
pub fn keep(
    connection: &Connection,
    line: &str,
    pdus: &[Raw],
    now: Timestamp,
) -> Result<Vec<Kept>> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO inbox (line, digest, pdu, received) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (line, digest) DO NOTHING",
    )?;
    let mut kept = Vec::with_capacity(pdus.len());
    for raw in pdus {
        if insert.execute(params![line, raw.digest, raw.pdu, wire::time(now)])? == 1 {
            kept.push(Kept {
                id: ArrivalId(connection.last_insert_rowid()),
                pdu: raw.pdu.clone(),
                received: now,
                shown_in: None,
            });
        }
    }
    Ok(kept)
}

/// What a line's inbox still holds to be read, oldest first: new ones, and segments of texts that
/// were shown in part.
pub fn unconsumed(connection: &Connection, line: &str) -> Result<Vec<Kept>> {
    let rows = connection
        .prepare_cached(
            "SELECT id, pdu, received, message FROM inbox
             WHERE state <> 'used' AND state IN ('new', 'shown') AND line = ?1
               AND pdu IS NOT NULL ORDER BY id",
        )?
        .query_map([line], from_row)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// Status reports of a line that matched no attempt when they came.
pub fn parked(connection: &Connection, line: &str) -> Result<Vec<Kept>> {
    let rows = connection
        .prepare_cached(
            "SELECT id, pdu, received, message FROM inbox
             WHERE state <> 'used' AND state = 'parked' AND line = ?1
               AND pdu IS NOT NULL ORDER BY id",
        )?
        .query_map([line], from_row)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// Marks PDUs as part of a conversation, and forgets their octets.
pub fn consume(connection: &Connection, ids: &[ArrivalId]) -> Result<()> {
    let mut update = connection.prepare_cached(
        "UPDATE inbox SET state = 'used', pdu = NULL, message = NULL WHERE id = ?1",
    )?;
    for id in ids {
        update.execute([id.0])?;
    }
    Ok(())
}

/// Marks segments as shown in part: they are kept until the rest has come or is given up.
pub fn show_in_part(connection: &Connection, ids: &[ArrivalId], message: MessageId) -> Result<()> {
    let mut update = connection
        .prepare_cached("UPDATE inbox SET state = 'shown', message = ?2 WHERE id = ?1")?;
    for id in ids {
        update.execute([id.0, message.0])?;
    }
    Ok(())
}

/// Puts a status report aside until its attempt is known.
pub fn park(connection: &Connection, id: ArrivalId) -> Result<()> {
    connection
        .prepare_cached("UPDATE inbox SET state = 'parked' WHERE id = ?1")?
        .execute([id.0])?;
    Ok(())
}

/// Marks PDUs as unreadable: their octets stay, for whoever wants to know what they were.
pub fn set_aside(connection: &Connection, ids: &[ArrivalId], problem: &str) -> Result<()> {
    let mut update =
        connection.prepare_cached("UPDATE inbox SET state = 'odd', problem = ?2 WHERE id = ?1")?;
    for id in ids {
        update.execute(params![id.0, problem])?;
    }
    Ok(())
}

/// Forgets a line's parked status reports that came before `before`: their attempt is not ours.
pub fn forget_parked(connection: &Connection, line: &str, before: Timestamp) -> Result<usize> {
    Ok(connection
        .prepare_cached(
            "UPDATE inbox SET state = 'used', pdu = NULL
             WHERE state <> 'used' AND state = 'parked' AND line = ?1 AND received < ?2",
        )?
        .execute(params![line, wire::time(before)])?)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Kept> {
    Ok(Kept {
        id: ArrivalId(row.get(0)?),
        pdu: row.get(1)?,
        received: wire::time_from(row, 2)?,
        shown_in: row.get::<_, Option<i64>>(3)?.map(MessageId),
    })
}
