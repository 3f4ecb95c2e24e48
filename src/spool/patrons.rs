//! One patron and everything of theirs: found by name, address or number, for the library that has to
//! say what it holds.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::audit::{self, Entry};
use super::inbox::{self, Shelved};
use super::visitors::VisitedPage;
use super::wire::{self, PATRON, PATRON_COLUMNS};
use super::{Result, erasure, files};
use crate::numbers::PatronNumber;
use crate::routing::{ConversationId, GatewayKind, Patron, PatronId, Whose};

/// A patron on one gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// As the desk knows them.
    pub patron: Patron,
    /// The gateway's name; it may have been removed since.
    pub gateway: String,
    /// The wire it is.
    pub kind: GatewayKind,
    /// Where a visitor of a web page wrote from last.
    pub page: Option<VisitedPage>,
}

impl Known {
    /// All that is this patron.
    pub fn whose(&self) -> Whose {
        let address = self.patron.address.clone();
        match self.kind {
            GatewayKind::Sms => Whose::Telephone(address),
            GatewayKind::Im | GatewayKind::Widget => Whose::Chat(address),
        }
    }
}

const KNOWN: &str =
    "g.name, g.kind, v.page, v.title FROM patron p JOIN gateway g ON g.id = p.gateway
     LEFT JOIN visitor v ON v.gateway = p.gateway AND v.address = p.address";

fn known(row: &Row<'_>) -> rusqlite::Result<Known> {
    let page: Option<String> = row.get(PATRON_COLUMNS + 2)?;
    let title: Option<String> = row.get(PATRON_COLUMNS + 3)?;
    Ok(Known {
        patron: wire::patron(row, 0)?,
        gateway: row.get(PATRON_COLUMNS)?,
        kind: wire::gateway_kind(row, PATRON_COLUMNS + 1)?,
        page: page.map(|url| VisitedPage {
            url,
            title: title.unwrap_or_default(),
        }),
    })
}

/// The patron whom operators see under this name.
pub fn named(connection: &Connection, name: &str) -> Result<Vec<Known>> {
    let rows = connection
        .prepare_cached(&format!("SELECT {PATRON}, {KNOWN} WHERE p.name = ?1"))?
        .query_map([name], known)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// Patrons with this address, on whichever gateway.
pub fn at(connection: &Connection, address: &str) -> Result<Vec<Known>> {
    let rows = connection
        .prepare_cached(&format!(
            "SELECT {PATRON}, {KNOWN}
             WHERE p.gateway IN (SELECT id FROM gateway) AND p.address = ?1 ORDER BY p.id"
        ))?
        .query_map([address], known)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// Everywhere this patron is known.
pub fn all(connection: &Connection, whose: &Whose) -> Result<Vec<Known>> {
    let mut known = at(connection, whose.address().as_str())?;
    known.retain(|one| one.whose() == *whose);
    Ok(known)
}

/// Conversations of a patron, oldest first.
pub fn conversations(connection: &Connection, patron: PatronId) -> Result<Vec<ConversationId>> {
    let rows = connection
        .prepare_cached("SELECT id FROM conversation WHERE patron = ?1 ORDER BY id")?
        .query_map([patron.0], |row| row.get(0).map(ConversationId))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// A text to a patron on its way, or what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// The message.
    pub message: i64,
    /// To whom.
    pub recipient: PatronNumber,
    /// Where it stands.
    pub state: String,
    /// When it was accepted for sending.
    pub made: Timestamp,
    /// How often it was tried again.
    pub tries: u32,
    /// How many SMS were made of it.
    pub segments: u32,
    /// What went wrong.
    pub problem: Option<String>,
}

/// What the outbox holds of a conversation.
pub fn sendings(connection: &Connection, conversation: ConversationId) -> Result<Vec<Sending>> {
    let rows = connection
        .prepare_cached(
            "SELECT message, recipient, state, made, tries,
                 (SELECT count(*) FROM segment WHERE outbox = o.id), problem
             FROM outbox o WHERE conversation = ?1 ORDER BY id",
        )?
        .query_map([conversation.0], |row| {
            Ok(Sending {
                message: row.get(0)?,
                recipient: wire::number(row, 1)?,
                state: row.get(2)?,
                made: wire::time_from(row, 3)?,
                tries: row.get(4)?,
                segments: row.get(5)?,
                problem: row.get(6)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// Files that were sent in a conversation and are still there.
pub fn attachments(
    connection: &Connection,
    conversation: ConversationId,
) -> Result<Vec<files::Attachment>> {
    let rows = connection
        .prepare_cached(
            "SELECT a.secret, a.name, a.kind, a.size FROM attached t
             JOIN attachment a ON a.secret = t.secret
             WHERE t.conversation = ?1 AND a.made > 0 ORDER BY a.made, a.secret",
        )?
        .query_map([conversation.0], |row| {
            Ok(files::Attachment {
                secret: row.get(0)?,
                name: row.get(1)?,
                kind: row.get(2)?,
                size: u64::try_from(row.get::<_, i64>(3)?).unwrap_or(0),
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// What arrived from this number and is part of no conversation.
pub fn arrivals(connection: &Connection, number: &PatronNumber) -> Result<Vec<Shelved>> {
    let mut found = Vec::new();
    for id in erasure::arrivals_of(connection, number.as_str())? {
        found.extend(inbox::shelved_one(connection, id)?);
    }
    Ok(found)
}

/// What operators did about this patron: looked at the number, blocked them.
pub fn trail(connection: &Connection, names: &[&str]) -> Result<Vec<Entry>> {
    let rows = connection
        .prepare_cached(&format!(
            "{} WHERE a.subject IN (SELECT value FROM json_each(?1)) ORDER BY a.id",
            audit::ENTRY
        ))?
        .query_map(params![wire::json(&names)], audit::entry)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}
