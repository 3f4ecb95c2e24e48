//! Raw PDUs, from the moment before the SIM forgets them until they are part of a conversation.
//!
//! A PDU's digest stays when its words are gone, so that the network's late second delivery of
//! the same text is recognised.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

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

/// An arrival that is kept and no part of a conversation, for a person to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shelved {
    /// Its row.
    pub id: ArrivalId,
    /// The line it came by.
    pub line: String,
    /// When it came.
    pub received: Timestamp,
    /// Why it is here.
    pub why: Why,
    /// Why it could not be read.
    pub problem: Option<String>,
    /// The octets, or the lines as the modem printed them.
    pub pdu: Vec<u8>,
}

/// Why an arrival is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It waits to be read.
    Waiting,
    /// The rest of its text has not come.
    InPart,
    /// A report about no text that is known.
    Report,
    /// It cannot be read, or is for nobody.
    Unreadable,
}

impl Why {
    /// In one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Why::Waiting => "waiting",
            Why::InPart => "in_part",
            Why::Report => "report",
            Why::Unreadable => "unreadable",
        }
    }
}

/// The lines, where an arrival was kept as the modem printed it. No PDU begins like text: its first
/// octet counts the service centre's, of which there are at most eleven.
pub fn printed(kept: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(kept).ok()?;
    let is_text = text.chars().all(|one| one == '\n' || !one.is_control());
    (is_text && kept.first().is_some_and(|first| *first >= b' ')).then_some(text)
}

const SHELVED: &str = "SELECT id, line, received, state, problem, pdu FROM inbox
     WHERE state <> 'used' AND pdu IS NOT NULL";

/// What is kept, newest first: those before `before`.
pub fn shelved(
    connection: &Connection,
    before: Option<ArrivalId>,
    limit: usize,
) -> Result<Vec<Shelved>> {
    let rows = connection
        .prepare_cached(&format!("{SHELVED} AND id < ?1 ORDER BY id DESC LIMIT ?2"))?
        .query_map(
            params![
                before.map_or(i64::MAX, |id| id.0),
                i64::try_from(limit).unwrap_or(i64::MAX)
            ],
            shelved_from,
        )?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// One of them.
pub fn shelved_one(connection: &Connection, id: ArrivalId) -> Result<Option<Shelved>> {
    Ok(connection
        .prepare_cached(&format!("{SHELVED} AND id = ?1"))?
        .query_row([id.0], shelved_from)
        .optional()?)
}

fn shelved_from(row: &Row<'_>) -> rusqlite::Result<Shelved> {
    let state: String = row.get(3)?;
    Ok(Shelved {
        id: ArrivalId(row.get(0)?),
        line: row.get(1)?,
        received: wire::time_from(row, 2)?,
        why: match state.as_str() {
            "new" => Why::Waiting,
            "shown" => Why::InPart,
            "parked" => Why::Report,
            _ => Why::Unreadable,
        },
        problem: row.get(4)?,
        pdu: row.get(5)?,
    })
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
