//! Visitors of library pages: which browser is which patron, what page they wrote from, what they
//! have read; and how each widget behaves.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::outbox::Settled;
use super::wire::{self, MESSAGE};
use super::{Result, transcript};
use crate::numbers::PatronNumber;
use crate::routing::{
    Conversation, ConversationState, DeliveryState, GatewayId, Message, MessageId, Patron,
};

/// A browser's visit; its token is nowhere but in the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// The widget's gateway.
    pub gateway: GatewayId,
    /// The patron's address there.
    pub address: PatronNumber,
}

/// Where a visitor wrote from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitedPage {
    /// Its address.
    pub url: String,
    /// Its title, which may be empty.
    pub title: String,
}

/// Opens a visit.
pub fn open(connection: &Connection, hash: &str, visitor: &Visitor, now: Timestamp) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO visitor (hash, gateway, address, seen) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            hash,
            visitor.gateway.0,
            visitor.address.as_str(),
            wire::time(now)
        ])?;
    Ok(())
}

/// The visit of the token with this hash.
pub fn visitor(connection: &Connection, hash: &str) -> Result<Option<Visitor>> {
    Ok(connection
        .prepare_cached("SELECT gateway, address FROM visitor WHERE hash = ?1")?
        .query_row([hash], |row| {
            Ok(Visitor {
                gateway: GatewayId(row.get(0)?),
                address: wire::number(row, 1)?,
            })
        })
        .optional()?)
}

/// The visitor is there, on this page.
pub fn seen(
    connection: &Connection,
    hash: &str,
    page: Option<&VisitedPage>,
    now: Timestamp,
) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE visitor SET seen = ?2, page = coalesce(?3, page),
                 title = CASE WHEN ?3 IS NULL THEN title ELSE ?4 END
             WHERE hash = ?1",
        )?
        .execute(params![
            hash,
            wire::time(now),
            page.map(|page| &page.url),
            page.map(|page| &page.title)
        ])?;
    Ok(())
}

/// What a visitor's page shows: who they are to the desk, their latest thread, the words after
/// `after`, oldest first, the newest `limit` of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Talk {
    /// The patron, once something of theirs was kept.
    pub patron: Option<Patron>,
    /// Their latest conversation.
    pub conversation: Option<Conversation>,
    /// The words.
    pub messages: Vec<Message>,
}

/// Reads what a visitor's page shows.
pub fn talk(
    connection: &Connection,
    visitor: &Visitor,
    after: MessageId,
    limit: usize,
) -> Result<Talk> {
    let Some(patron) = transcript::patron_at(connection, visitor.gateway, &visitor.address)? else {
        return Ok(Talk::default());
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut messages: Vec<Message> = connection
        .prepare_cached(&format!(
            "SELECT {MESSAGE} FROM message m JOIN conversation c ON c.id = m.conversation
             WHERE c.patron = ?1 AND m.id > ?2 ORDER BY m.id DESC LIMIT ?3"
        ))?
        .query_map(params![patron.id.0, after.0, limit], wire::message)?
        .collect::<rusqlite::Result<_>>()?;
    messages.reverse();
    Ok(Talk {
        conversation: transcript::latest_conversation(connection, patron.id)?,
        patron: Some(patron),
        messages,
    })
}

/// A visitor's page shows these messages: what it has read, it has. Answers what changed.
pub fn read(
    connection: &Connection,
    visitor: &Visitor,
    messages: &[MessageId],
) -> Result<Vec<Settled>> {
    let mut settled = Vec::new();
    let mut statement = connection.prepare_cached(
        "UPDATE outbox SET state = 'delivered', problem = NULL
         WHERE message = ?1 AND gateway = ?2 AND recipient = ?3 AND state <> 'delivered'
           AND gateway IN (SELECT id FROM gateway WHERE kind = 'widget')
         RETURNING conversation",
    )?;
    for message in messages {
        let conversation: Option<i64> = statement
            .query_map(
                params![message.0, visitor.gateway.0, visitor.address.as_str()],
                |row| row.get(0),
            )?
            .collect::<rusqlite::Result<Vec<_>>>()?
            .into_iter()
            .next();
        settled.extend(conversation.map(|conversation| Settled {
            message: *message,
            conversation: crate::routing::ConversationId(conversation),
            state: DeliveryState::Delivered,
            reason: None,
        }));
    }
    Ok(settled)
}

/// Gives up on words that waited for their visitor since before `made_before`. Should the page
/// come back after all, it reads them still.
pub fn give_up(
    connection: &Connection,
    made_before: Timestamp,
    reason: &str,
    limit: usize,
) -> Result<Vec<Settled>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = connection
        .prepare_cached(
            "UPDATE outbox SET state = 'failed', problem = ?2
             WHERE id IN (SELECT o.id FROM outbox o JOIN gateway g ON g.id = o.gateway
                          WHERE o.state = 'due' AND g.kind = 'widget' AND o.made < ?1 LIMIT ?3)
             RETURNING message, conversation",
        )?
        .query_map(params![wire::time(made_before), reason, limit], |row| {
            Ok(Settled {
                message: MessageId(row.get(0)?),
                conversation: crate::routing::ConversationId(row.get(1)?),
                state: DeliveryState::Failed,
                reason: Some(reason.to_owned()),
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// Forgets visits nobody made since: the session of a browser is long over.
pub fn forget_visits(connection: &Connection, seen_before: Timestamp) -> Result<usize> {
    Ok(connection
        .prepare_cached("DELETE FROM visitor WHERE seen < ?1")?
        .execute([wire::time(seen_before)])?)
}

/// How each widget behaves, as its surface wrote it down.
pub fn widgets(connection: &Connection) -> Result<Vec<(GatewayId, String)>> {
    let rows = connection
        .prepare_cached("SELECT gateway, manner FROM widget")?
        .query_map([], |row| Ok((GatewayId(row.get(0)?), row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// Keeps how a widget behaves.
pub fn keep_widget(connection: &Connection, gateway: GatewayId, manner: &str) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO widget (gateway, manner) VALUES (?1, ?2)
             ON CONFLICT (gateway) DO UPDATE SET manner = ?2",
        )?
        .execute(params![gateway.0, manner])?;
    Ok(())
}

impl Talk {
    /// Whether somebody at the desk has the thread.
    pub fn is_claimed(&self) -> bool {
        self.conversation
            .as_ref()
            .is_some_and(|conversation| conversation.state == ConversationState::Claimed)
    }
}

/// A visit is over when nothing was heard of it for so long.
pub const VISIT: SignedDuration = SignedDuration::from_hours(7 * 24);
