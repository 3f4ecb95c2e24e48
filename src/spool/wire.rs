//! Between rows and records: words for states, milliseconds for times.

use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::Type;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::numbers::PatronNumber;
use crate::routing::{
    Author, Conversation, ConversationId, ConversationState, DeliveryState, Direction, GatewayId,
    GatewayKind, Marks, Message, MessageId, OfflinePolicy, OperatorId, Patron, PatronId, QueueId,
    Role, Rollover, Show,
};

/// A row that this program did not write, or a damaged one.
fn unreadable(column: usize, found: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(
        column,
        Type::Text,
        format!("{found:?} is not a word of this spool").into(),
    )
}

pub(super) fn time(at: Timestamp) -> i64 {
    at.as_millisecond()
}

pub(super) fn time_from(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let ms: i64 = row.get(column)?;
    Timestamp::from_millisecond(ms).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, Box::new(error))
    })
}

pub(super) fn time_from_option(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<Option<Timestamp>> {
    match row.get::<_, Option<i64>>(column)? {
        Some(_) => time_from(row, column).map(Some),
        None => Ok(None),
    }
}

pub(super) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("records are plain data with string keys")
}

pub(super) fn json_from<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

/// Reads an enum back from its word; the candidates are all its variants.
macro_rules! from_word {
    ($name:ident, $type:ty, [$($variant:expr),+ $(,)?]) => {
        pub(super) fn $name(row: &Row<'_>, column: usize) -> rusqlite::Result<$type> {
            let found: String = row.get(column)?;
            [$($variant),+]
                .into_iter()
                .find(|candidate| candidate.word() == found)
                .ok_or_else(|| unreadable(column, &found))
        }
    };
}

from_word!(
    conversation_state,
    ConversationState,
    [
        ConversationState::Held,
        ConversationState::Waiting,
        ConversationState::Claimed,
        ConversationState::Closed,
    ]
);
from_word!(
    delivery_state,
    DeliveryState,
    [
        DeliveryState::Received,
        DeliveryState::Queued,
        DeliveryState::Sending,
        DeliveryState::Sent,
        DeliveryState::Delivered,
        DeliveryState::Failed,
        DeliveryState::Unknown,
    ]
);
from_word!(show, Show, [Show::Available, Show::Away, Show::Offline]);
from_word!(
    gateway_kind,
    GatewayKind,
    [GatewayKind::Sms, GatewayKind::Im, GatewayKind::Widget]
);
from_word!(
    policy,
    OfflinePolicy,
    [OfflinePolicy::Hold, OfflinePolicy::Refuse]
);
from_word!(role, Role, [Role::Operator, Role::Coordinator, Role::Admin]);

/// An address: canonical, since the router wrote it.
pub(super) fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<PatronNumber> {
    row.get(column).map(PatronNumber::kept)
}

/// The columns of [`patron`].
pub(super) const PATRON: &str = "p.id, p.gateway, p.address, p.name, p.opted_out, p.automatic_at, p.repeats, \
     p.blocked_until, p.answered";

/// How many they are.
pub(super) const PATRON_COLUMNS: usize = 9;

/// A patron from [`PATRON`], starting at `first`.
pub(super) fn patron(row: &Row<'_>, first: usize) -> rusqlite::Result<Patron> {
    Ok(Patron {
        id: PatronId(row.get(first)?),
        gateway: GatewayId(row.get(first + 1)?),
        address: number(row, first + 2)?,
        name: row.get(first + 3)?,
        opted_out: row.get(first + 4)?,
        automatic_at: json_from(row, first + 5)?,
        repeats: json_from(row, first + 6)?,
        blocked_until: time_from_option(row, first + 7)?,
        answered: json_from(row, first + 8)?,
    })
}

/// The columns of [`conversation`].
pub(super) const CONVERSATION: &str = "c.id, c.patron, c.gateway, c.queue, c.home, c.state, \
     c.claimed_by, c.waiting_since, c.last_answered_by, c.transfer, c.closed_notice, \
     c.waiting_noticed, c.flagged, c.opened, c.active, c.tags, c.promise, c.rollover, c.outage, \
     c.farewell, c.closed, c.quiet, c.erasure_asked";
/// How many they are.
pub(super) const CONVERSATION_COLUMNS: usize = 23;

/// A conversation from [`CONVERSATION`], starting at the row's first column.
pub(super) fn conversation(row: &Row<'_>) -> rusqlite::Result<Conversation> {
    Ok(Conversation {
        id: ConversationId(row.get(0)?),
        patron: PatronId(row.get(1)?),
        gateway: GatewayId(row.get(2)?),
        queue: QueueId(row.get(3)?),
        home: QueueId(row.get(4)?),
        state: conversation_state(row, 5)?,
        claimed_by: row.get::<_, Option<i64>>(6)?.map(OperatorId),
        waiting_since: time_from_option(row, 7)?,
        last_answered_by: row.get::<_, Option<i64>>(8)?.map(OperatorId),
        transfer: match row.get::<_, Option<String>>(9)? {
            Some(_) => Some(json_from(row, 9)?),
            None => None,
        },
        closed_notice: row.get(10)?,
        waiting_noticed: row.get(11)?,
        flagged: row.get(12)?,
        opened_at: time_from(row, 13)?,
        active_at: time_from(row, 14)?,
        marks: Marks {
            tags: json_from(row, 15)?,
            promise: match row.get::<_, Option<String>>(16)? {
                Some(_) => Some(json_from(row, 16)?),
                None => None,
            },
        },
        rollover: match row.get::<_, Option<String>>(17)? {
            Some(_) => json_from(row, 17)?,
            None => Rollover::Home,
        },
        outage_notice: time_from_option(row, 18)?,
        farewell: row.get(19)?,
        closed_at: time_from_option(row, 20)?,
        quiet: row.get(21)?,
        erasure_asked_at: time_from_option(row, 22)?,
    })
}

/// The columns of [`message`].
pub(super) const MESSAGE: &str = "m.id, m.conversation, m.direction, m.body, m.at, m.stamped, \
     m.state, m.reason, m.author, m.operator, m.client_id, m.reaction";

/// How many they are.
pub(super) const MESSAGE_COLUMNS: usize = 12;

/// A message from [`MESSAGE`], starting at the row's first column.
pub(super) fn message(row: &Row<'_>) -> rusqlite::Result<Message> {
    message_at(row, 0)
}

/// A message from [`MESSAGE`], starting at `first`.
pub(super) fn message_at(row: &Row<'_>, first: usize) -> rusqlite::Result<Message> {
    let direction: String = row.get(first + 2)?;
    let author: String = row.get(first + 8)?;
    Ok(Message {
        id: MessageId(row.get(first)?),
        conversation: ConversationId(row.get(first + 1)?),
        direction: match direction.as_str() {
            "in" => Direction::In,
            "out" => Direction::Out,
            other => return Err(unreadable(first + 2, other)),
        },
        body: row.get(first + 3)?,
        at: time_from(row, first + 4)?,
        stamped_at: time_from_option(row, first + 5)?,
        state: delivery_state(row, first + 6)?,
        reason: row.get(first + 7)?,
        author: match author.as_str() {
            "patron" => Author::Patron,
            "operator" => Author::Operator(OperatorId(row.get(first + 9)?)),
            "desk" => Author::Desk,
            other => return Err(unreadable(first + 8, other)),
        },
        client_id: row.get(first + 10)?,
        reaction: row.get(first + 11)?,
    })
}

/// Column values of a message's author: the word, and the operator if it is one.
pub(super) fn author(author: Author) -> (&'static str, Option<i64>) {
    match author {
        Author::Patron => ("patron", None),
        Author::Operator(operator) => ("operator", Some(operator.0)),
        Author::Desk => ("desk", None),
    }
}

/// Column value of a direction.
pub(super) fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "in",
        Direction::Out => "out",
    }
}
