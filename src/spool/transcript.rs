//! Conversations: written as the router says, read back for the console and at start.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Deserialize;
use utoipa::ToSchema;

use super::audit;
use super::feed::{self, FeedKind};
use super::statistics;
use super::visitors::VisitedPage;
use super::wire::{self, CONVERSATION, CONVERSATION_COLUMNS, MESSAGE, PATRON};
use super::{Result, SpoolError};
use super::{erasure, files, outages, outbox, staff};
use crate::numbers::{NumberKeys, PatronNumber};
use crate::records::Kind;
use crate::routing::{
    Conversation, ConversationId, ConversationState, Effect, GatewayId, Library, Message,
    MessageId, OperatorId, Patron, PatronId, QueueId, Restored, Rollover, answerable,
};

/// Writes the row an effect asks for, if it asks for one. Answers the feed's row when operators
/// are to be told.
pub fn keep(connection: &Connection, effect: &Effect, now: Timestamp) -> Result<Option<i64>> {
    match effect {
        Effect::KeepPatron(patron) => keep_patron(connection, patron).map(|()| None),
        Effect::KeepConversation(conversation) => {
            keep_conversation(connection, conversation)?;
            feed::tell(
                connection,
                FeedKind::Conversation,
                conversation.id,
                None,
                None,
            )
            .map(Some)
        }
        Effect::Record(message) => {
            record(connection, message)?;
            statistics::count(connection, message)?;
            tell_message(connection, message.conversation, message.id)
        }
        Effect::Reword {
            message,
            conversation,
            body,
        } => {
            connection
                .prepare_cached("UPDATE message SET body = ?2 WHERE id = ?1")?
                .execute(params![message.0, body])?;
            tell_message(connection, *conversation, *message)
        }
        Effect::React {
            message,
            conversation,
            mark,
        } => {
            connection
                .prepare_cached("UPDATE message SET reaction = ?2 WHERE id = ?1")?
                .execute(params![message.0, mark])?;
            if mark.is_some() {
                statistics::count_kind(connection, Kind::Reaction, *conversation, now)?;
            }
            tell_message(connection, *conversation, *message)
        }
        Effect::CountKeyword { conversation } => {
            statistics::count_kind(connection, Kind::Keyword, *conversation, now)?;
            Ok(None)
        }
        Effect::SetDelivery {
            message,
            conversation,
            state,
            reason,
        } => {
            connection
                .prepare_cached("UPDATE message SET state = ?2, reason = ?3 WHERE id = ?1")?
                .execute(params![message.0, state.word(), reason])?;
            tell_message(connection, *conversation, *message)
        }
        Effect::Submit {
            message,
            conversation,
            gateway,
            to,
            body: _, // read from the message when its turn comes
            may_be_doubled,
        } => {
            outbox::put(
                connection,
                *message,
                *conversation,
                *gateway,
                to,
                *may_be_doubled,
                now,
            )?;
            Ok(None)
        }
        Effect::KeepShow { operator, show } => {
            connection
                .prepare_cached("UPDATE operator SET shows = ?2 WHERE id = ?1")?
                .execute(params![operator.0, show.word()])?;
            Ok(None)
        }
        Effect::KeepClosedPeriod { queue, period } => {
            connection
                .prepare_cached("UPDATE queue SET closed_period = ?2 WHERE id = ?1")?
                .execute(params![queue.0, period])?;
            Ok(None)
        }
        Effect::Note { conversation, text } => {
            leave_note(connection, *conversation, None, text, now)
        }
        Effect::Remark {
            conversation,
            by,
            text,
        } => leave_note(connection, *conversation, Some(*by), text, now),
        Effect::Audit {
            by,
            action,
            conversation,
        } => {
            audit::did(connection, *by, *action, *conversation, now)?;
            Ok(None)
        }
        Effect::KeepConsent {
            address,
            fingerprints,
            opted_out,
        } => {
            erasure::keep_consent(connection, address, fingerprints, *opted_out)?;
            Ok(None)
        }
        Effect::KeepOutage { gateway, from, to } => {
            outages::keep(connection, *gateway, *from, *to)?;
            Ok(None)
        }
        Effect::Forget { whose, spare, by } => erasure::forget(connection, whose, *spare, *by, now),
        Effect::Erase { conversation } => erasure::erase(connection, *conversation),
        // Bells are not rows.
        Effect::Offer { .. }
        | Effect::Withdraw { .. }
        | Effect::OperatorShows { .. }
        | Effect::QueueShows { .. } => Ok(None),
    }
}

fn leave_note(
    connection: &Connection,
    conversation: ConversationId,
    by: Option<OperatorId>,
    text: &str,
    now: Timestamp,
) -> Result<Option<i64>> {
    connection
        .prepare_cached(
            "INSERT INTO note (conversation, after, at, operator, text)
             VALUES (?1, (SELECT coalesce(max(id), 0) FROM message WHERE conversation = ?1), ?2, ?3, ?4)",
        )?
        .execute(params![
            conversation.0,
            wire::time(now),
            by.map(|id| id.0),
            text
        ])?;
    let note = connection.last_insert_rowid();
    feed::tell(connection, FeedKind::Note, conversation, None, Some(note)).map(Some)
}

fn tell_message(
    connection: &Connection,
    conversation: ConversationId,
    message: MessageId,
) -> Result<Option<i64>> {
    feed::tell(
        connection,
        FeedKind::Message,
        conversation,
        Some(message),
        None,
    )
    .map(Some)
}

fn keep_patron(connection: &Connection, patron: &Patron) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO patron (id, gateway, address, name, opted_out, automatic_at, repeats,
                 blocked_until, answered)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (id) DO UPDATE SET
                 name = excluded.name, opted_out = excluded.opted_out,
                 automatic_at = excluded.automatic_at, repeats = excluded.repeats,
                 blocked_until = excluded.blocked_until, answered = excluded.answered",
        )?
        .execute(params![
            patron.id.0,
            patron.gateway.0,
            patron.address.as_str(),
            patron.name,
            patron.opted_out,
            wire::json(&patron.automatic_at),
            wire::json(&patron.repeats),
            patron.blocked_until.map(wire::time),
            wire::json(&patron.answered),
        ])?;
    Ok(())
}

fn keep_conversation(connection: &Connection, conversation: &Conversation) -> Result<()> {
    let c = conversation;
    connection
        .prepare_cached(
            "INSERT INTO conversation (id, patron, gateway, queue, home, state, claimed_by,
                 waiting_since, last_answered_by, transfer, closed_notice, waiting_noticed,
                 flagged, opened, active, tags, promise, rollover, outage, farewell, closed,
                 quiet, erasure_asked)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                 ?18, ?19, ?20, ?21, ?22, ?23)
             ON CONFLICT (id) DO UPDATE SET
                 queue = excluded.queue, state = excluded.state,
                 claimed_by = excluded.claimed_by, waiting_since = excluded.waiting_since,
                 last_answered_by = excluded.last_answered_by, transfer = excluded.transfer,
                 closed_notice = excluded.closed_notice,
                 waiting_noticed = excluded.waiting_noticed, flagged = excluded.flagged,
                 active = excluded.active, tags = excluded.tags, promise = excluded.promise,
                 rollover = excluded.rollover, outage = excluded.outage,
                 farewell = excluded.farewell, closed = excluded.closed,
                 quiet = excluded.quiet, erasure_asked = excluded.erasure_asked",
        )?
        .execute(params![
            c.id.0,
            c.patron.0,
            c.gateway.0,
            c.queue.0,
            c.home.0,
            c.state.word(),
            c.claimed_by.map(|id| id.0),
            c.waiting_since.map(wire::time),
            c.last_answered_by.map(|id| id.0),
            c.transfer.as_ref().map(wire::json),
            c.closed_notice,
            c.waiting_noticed,
            c.flagged,
            wire::time(c.opened_at),
            wire::time(c.active_at),
            wire::json(&c.marks.tags),
            c.marks.promise.as_ref().map(wire::json),
            (c.rollover != Rollover::Home).then(|| wire::json(&c.rollover)),
            c.outage_notice.map(wire::time),
            c.farewell,
            c.closed_at.map(wire::time),
            c.quiet,
            c.erasure_asked_at.map(wire::time),
        ])?;
    Ok(())
}

fn record(connection: &Connection, message: &Message) -> Result<()> {
    let (author, operator) = wire::author(message.author);
    connection
        .prepare_cached(
            "INSERT INTO message (id, conversation, direction, body, at, stamped, state, reason,
                 author, operator, client_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            message.id.0,
            message.conversation.0,
            wire::direction(message.direction),
            message.body,
            wire::time(message.at),
            message.stamped_at.map(wire::time),
            message.state.word(),
            message.reason,
            author,
            operator,
            message.client_id,
        ])?;
    files::said(connection, &message.body, message.conversation)
}

/// What the router is rebuilt from at start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remembered {
    /// All conversations that are not closed, by id.
    pub conversations: Vec<Conversation>,
    /// Their patrons, by id.
    pub patrons: Vec<Patron>,
    /// The id the next conversation gets.
    pub next_conversation: i64,
    /// The id the next message gets.
    pub next_message: i64,
    /// The id the next patron gets.
    pub next_patron: i64,
}

/// Everything the router is rebuilt from, read at one moment.
pub fn restored(connection: &Connection, library: &Library, keys: NumberKeys) -> Result<Restored> {
    let remembered = remember(connection)?;
    let (shows, closed_periods) = staff::presence(connection)?;
    let (opted_out, opted_out_addresses) = erasure::opted_out(connection)?;
    Ok(Restored {
        plan: staff::plan(connection, library)?,
        conversations: remembered.conversations,
        patrons: remembered.patrons,
        shows,
        closed_periods,
        opted_out,
        opted_out_addresses,
        outages: outages::latest(connection)?,
        next_conversation: remembered.next_conversation,
        next_message: remembered.next_message,
        next_patron: remembered.next_patron,
        seed: seed(connection)?,
        keys,
    })
}

/// Reads the conversations and patrons that the router is rebuilt from.
pub fn remember(connection: &Connection) -> Result<Remembered> {
    let conversations = connection
        .prepare_cached(&format!(
            "SELECT {CONVERSATION} FROM conversation c WHERE c.state <> 'closed' ORDER BY c.id"
        ))?
        .query_map([], wire::conversation)?
        .collect::<rusqlite::Result<_>>()?;
    let patrons = connection
        .prepare_cached(&format!(
            "SELECT {PATRON} FROM patron p
             WHERE p.id IN (SELECT patron FROM conversation WHERE state <> 'closed')
             ORDER BY p.id"
        ))?
        .query_map([], |row| wire::patron(row, 0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Remembered {
        conversations,
        patrons,
        next_conversation: next_id(connection, "conversation")?,
        next_message: next_id(connection, "message")?,
        next_patron: next_id(connection, "patron")?,
    })
}

/// An id is never used again, even when the newest row was erased.
fn next_id(connection: &Connection, table: &str) -> Result<i64> {
    let used: Option<i64> = connection
        .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = ?1")?
        .query_row([table], |row| row.get(0))
        .optional()?;
    Ok(used.unwrap_or(0) + 1)
}

/// A conversation, whatever its state.
pub fn conversation(connection: &Connection, id: ConversationId) -> Result<Option<Conversation>> {
    Ok(connection
        .prepare_cached(&format!(
            "SELECT {CONVERSATION} FROM conversation c WHERE c.id = ?1"
        ))?
        .query_row([id.0], wire::conversation)
        .optional()?)
}

/// The queue a conversation is in.
pub fn queue_of(connection: &Connection, id: ConversationId) -> Result<Option<QueueId>> {
    Ok(connection
        .prepare_cached("SELECT queue FROM conversation WHERE id = ?1")?
        .query_row([id.0], |row| row.get(0).map(QueueId))
        .optional()?)
}

/// The latest conversation of a patron.
pub fn latest_conversation(
    connection: &Connection,
    patron: PatronId,
) -> Result<Option<Conversation>> {
    Ok(connection
        .prepare_cached(&format!(
            "SELECT {CONVERSATION} FROM conversation c WHERE c.patron = ?1
             ORDER BY c.id DESC LIMIT 1"
        ))?
        .query_row([patron.0], wire::conversation)
        .optional()?)
}

/// A patron.
pub fn patron(connection: &Connection, id: PatronId) -> Result<Option<Patron>> {
    Ok(connection
        .prepare_cached(&format!("SELECT {PATRON} FROM patron p WHERE p.id = ?1"))?
        .query_row([id.0], |row| wire::patron(row, 0))
        .optional()?)
}

/// The patron at an address.
pub fn patron_at(
    connection: &Connection,
    gateway: GatewayId,
    address: &PatronNumber,
) -> Result<Option<Patron>> {
    Ok(connection
        .prepare_cached(&format!(
            "SELECT {PATRON} FROM patron p WHERE p.gateway = ?1 AND p.address = ?2"
        ))?
        .query_row(params![gateway.0, address.as_str()], |row| {
            wire::patron(row, 0)
        })
        .optional()?)
}

/// A message.
pub fn message(connection: &Connection, id: MessageId) -> Result<Option<Message>> {
    Ok(connection
        .prepare_cached(&format!("SELECT {MESSAGE} FROM message m WHERE m.id = ?1"))?
        .query_row([id.0], wire::message)
        .optional()?)
}

/// The latest messages of ours to the patron at an address, newest first.
pub fn said(
    connection: &Connection,
    gateway: GatewayId,
    address: &PatronNumber,
    limit: usize,
) -> Result<Vec<Message>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(connection
        .prepare_cached(&format!(
            "SELECT {MESSAGE} FROM patron p
             JOIN conversation c ON c.patron = p.id
             JOIN message m ON m.conversation = c.id
             WHERE p.gateway = ?1 AND p.address = ?2 AND m.direction = 'out'
             ORDER BY m.id DESC LIMIT ?3"
        ))?
        .query_map(params![gateway.0, address.as_str(), limit], wire::message)?
        .collect::<rusqlite::Result<_>>()?)
}

/// The message an operator sent under this key of theirs.
pub fn message_by_client_id(
    connection: &Connection,
    operator: OperatorId,
    client_id: &str,
) -> Result<Option<Message>> {
    Ok(connection
        .prepare_cached(&format!(
            "SELECT {MESSAGE} FROM message m WHERE m.operator = ?1 AND m.client_id = ?2"
        ))?
        .query_row(params![operator.0, client_id], wire::message)
        .optional()?)
}

/// Which conversations to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// In any of these states.
    pub states: Vec<ConversationState>,
    /// In any of these queues; `None`: in all.
    pub queues: Option<Vec<QueueId>>,
    /// In which order.
    pub order: Order,
    /// After this one: where the last page ended.
    pub after: Option<Cursor>,
    /// How many at most.
    pub limit: usize,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// As they arrived: a list that grows at its end.
    #[default]
    Oldest,
    /// Those in which somebody wrote last come first.
    Newest,
}

/// Where a page of a list ended: a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// When somebody wrote last in it, in ms; 0 where the order is by arrival.
    active: i64,
    id: ConversationId,
}

impl Cursor {
    /// The place of a conversation.
    pub fn of(conversation: &Conversation, order: Order) -> Self {
        Self {
            active: match order {
                Order::Oldest => 0,
                Order::Newest => wire::time(conversation.active_at),
            },
            id: conversation.id,
        }
    }

    /// What `Cursor::to_string` wrote in this order.
    pub fn read(cursor: &str, order: Order) -> Option<Self> {
        let (active, id) = match order {
            Order::Oldest => (0, cursor),
            Order::Newest => {
                let (active, id) = cursor.split_once('.')?;
                (active.parse().ok()?, id)
            }
        };
        let id = id.parse().ok().filter(|id| *id >= 0)?;
        Some(Self {
            active,
            id: ConversationId(id),
        })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.active {
            0 => write!(f, "{}", self.id),
            active => write!(f, "{active}.{}", self.id),
        }
    }
}

/// A conversation as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The conversation.
    pub conversation: Conversation,
    /// The patron's shown name: `heron-42`.
    pub patron: String,
    /// Whether the patron is a telephone that can be answered, and has not opted out.
    pub answerable: bool,
    /// Whether the patron opted out of texts.
    pub opted_out: bool,
    /// Until when the sender is blocked, if they ever were.
    pub blocked_until: Option<Timestamp>,
    /// The latest message.
    pub latest: Option<Message>,
    /// What the patron said last, where the desk itself has said something since: a notice is no answer,
    /// and nobody picks a conversation by it.
    pub asked: Option<String>,
    /// Where a visitor of a web page wrote from last.
    pub page: Option<VisitedPage>,
}

const LISTED: &str = "LEFT JOIN message m ON m.id =
         (SELECT max(id) FROM message WHERE conversation = c.id)
     LEFT JOIN message a ON m.author = 'desk' AND a.id =
         (SELECT max(id) FROM message WHERE conversation = c.id AND author = 'patron')
     JOIN patron p ON p.id = c.patron
     JOIN gateway g ON g.id = c.gateway
     LEFT JOIN visitor v ON v.gateway = p.gateway AND v.address = p.address";

fn listed_row(row: &Row<'_>) -> rusqlite::Result<Listed> {
    let patron = wire::patron(row, CONVERSATION_COLUMNS)?;
    const MESSAGE_FIRST: usize = CONVERSATION_COLUMNS + wire::PATRON_COLUMNS;
    const KIND: usize = MESSAGE_FIRST + wire::MESSAGE_COLUMNS;
    let kind = wire::gateway_kind(row, KIND)?;
    let latest = match row.get::<_, Option<i64>>(MESSAGE_FIRST)? {
        Some(_) => Some(wire::message_at(row, MESSAGE_FIRST)?),
        None => None,
    };
    Ok(Listed {
        conversation: wire::conversation(row)?,
        answerable: answerable(kind, &patron.address) && !patron.opted_out,
        opted_out: patron.opted_out,
        blocked_until: patron.blocked_until,
        patron: patron.name,
        latest,
        asked: row.get(KIND + 3)?,
        page: row
            .get::<_, Option<String>>(KIND + 1)?
            .map(|url| {
                Ok::<_, rusqlite::Error>(VisitedPage {
                    url,
                    title: row.get::<_, Option<String>>(KIND + 2)?.unwrap_or_default(),
                })
            })
            .transpose()?,
    })
}

/// Lists conversations.
pub fn list(connection: &Connection, listing: &Listing) -> Result<Vec<Listed>> {
    let states = listing
        .states
        .iter()
        .map(|state| format!("'{}'", state.word()))
        .collect::<Vec<_>>()
        .join(", ");
    let queues = match &listing.queues {
        None => String::new(),
        Some(queues) => {
            let ids = queues
                .iter()
                .map(|queue| queue.0.to_string())
                .collect::<Vec<_>>()
                .join(", ");
            format!("AND c.queue IN ({ids})")
        }
    };
    // Indexes over states are partial and serve only who repeats their condition.
    let states = match listing.states.as_slice() {
        [ConversationState::Closed] => "c.state = 'closed'".into(),
        some if some.contains(&ConversationState::Closed) => format!("c.state IN ({states})"),
        _ => format!("c.state <> 'closed' AND c.state IN ({states})"),
    };
    let (place, order) = match listing.order {
        Order::Oldest => ("c.id > ?1 AND ?2 IS NOT NULL", "c.id"),
        Order::Newest => ("(c.active, c.id) < (?2, ?1)", "c.active DESC, c.id DESC"),
    };
    // Words and numbers of our own making: nothing of the asker's is spliced in. What a row shows is
    // read for those rows alone that are shown.
    let sql = format!(
        "SELECT {CONVERSATION}, {PATRON}, {MESSAGE}, g.kind, v.page, v.title, a.body
         FROM conversation c {LISTED}
         WHERE c.id IN (SELECT c.id FROM conversation c
                        WHERE {states} {queues} AND {place}
                        ORDER BY {order} LIMIT ?3)
         ORDER BY {order}"
    );
    let (active, after) = match (listing.after, listing.order) {
        (Some(place), _) => (place.active, place.id.0),
        (None, Order::Oldest) => (0, 0),
        (None, Order::Newest) => (i64::MAX, i64::MAX),
    };
    let limit = i64::try_from(listing.limit).unwrap_or(i64::MAX);
    let rows = connection
        .prepare_cached(&sql)?
        .query_map([after, active, limit], listed_row)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// A page of a list: of those that `keep` lets pass, and may change, as many as the listing wants; and
/// where the next page goes on.
pub fn page(
    connection: &Connection,
    mut listing: Listing,
    mut keep: impl FnMut(&mut Listed) -> bool,
) -> Result<(Vec<Listed>, Option<Cursor>)> {
    let wanted = listing.limit;
    let mut items: Vec<Listed> = Vec::new();
    // One more than asked for tells whether there is a next page.
    listing.limit = wanted.saturating_add(1);
    while items.len() <= wanted {
        let rows = list(connection, &listing)?;
        let full = rows.len() == listing.limit;
        let last = rows.last().map(|row| &row.conversation);
        listing.after = last.map(|last| Cursor::of(last, listing.order));
        items.extend(
            rows.into_iter()
                .filter_map(|mut row| keep(&mut row).then_some(row)),
        );
        if !full {
            break;
        }
    }
    let more = items.len() > wanted;
    items.truncate(wanted);
    let last = items.last().filter(|_| more);
    let next = last.map(|last| Cursor::of(&last.conversation, listing.order));
    Ok((items, next))
}

/// One conversation as a list shows it.
pub fn listed(connection: &Connection, id: ConversationId) -> Result<Option<Listed>> {
    Ok(connection
        .prepare_cached(&format!(
            "SELECT {CONVERSATION}, {PATRON}, {MESSAGE}, g.kind, v.page, v.title, a.body
         FROM conversation c {LISTED}
             WHERE c.id = ?1"
        ))?
        .query_row([id.0], listed_row)
        .optional()?)
}

/// One line of a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Words between the patron and the desk.
    Message(Message),
    /// The desk's note to operators, or an operator's to colleagues.
    Note {
        /// Its row.
        id: i64,
        /// The message it follows; 0 at the thread's start.
        after: MessageId,
        /// When.
        at: Timestamp,
        /// Whose; `None` for the desk's.
        by: Option<OperatorId>,
        /// The words.
        text: String,
    },
}

impl Entry {
    /// The operator who wrote a note to colleagues.
    pub fn by(&self) -> Option<OperatorId> {
        match self {
            Entry::Note { by, .. } => *by,
            Entry::Message(_) => None,
        }
    }
}

/// A thread in order: messages after `after` with the notes between and behind them.
pub fn thread(
    connection: &Connection,
    conversation: ConversationId,
    after: Option<MessageId>,
    limit: usize,
) -> Result<Vec<Entry>> {
    let from = after.map_or(0, |id| id.0);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let messages: Vec<Message> = connection
        .prepare_cached(&format!(
            "SELECT {MESSAGE} FROM message m WHERE m.conversation = ?1 AND m.id > ?2
             ORDER BY m.id LIMIT ?3"
        ))?
        .query_map([conversation.0, from, limit], wire::message)?
        .collect::<rusqlite::Result<_>>()?;
    let mut notes = connection
        .prepare_cached(
            "SELECT id, after, at, text, operator FROM note WHERE conversation = ?1 AND after >= ?2
             ORDER BY after, id LIMIT ?3",
        )?
        .query_map([conversation.0, from, limit], |row| {
            Ok((MessageId(row.get(1)?), note_row(row)?))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?
        .into_iter()
        .peekable();

    let mut entries = Vec::with_capacity(messages.len() + notes.len());
    for message in messages {
        while let Some((_, note)) = notes.next_if(|(after, _)| *after < message.id) {
            entries.push(note);
        }
        entries.push(Entry::Message(message));
    }
    entries.extend(notes.map(|(_, note)| note));
    Ok(entries)
}

/// One note.
pub fn note(connection: &Connection, id: i64) -> Result<Option<Entry>> {
    Ok(connection
        .prepare_cached("SELECT id, after, at, text, operator FROM note WHERE id = ?1")?
        .query_row([id], note_row)
        .optional()?)
}

fn note_row(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry::Note {
        id: row.get(0)?,
        after: MessageId(row.get(1)?),
        at: wire::time_from(row, 2)?,
        text: row.get(3)?,
        by: row.get::<_, Option<i64>>(4)?.map(OperatorId),
    })
}

/// How many conversations are in each state that is not closed, for the status page.
pub fn counts(connection: &Connection) -> Result<Vec<(ConversationState, u64)>> {
    let rows = connection
        .prepare_cached(
            "SELECT state, count(*) FROM conversation WHERE state <> 'closed' GROUP BY state",
        )?
        .query_map([], |row| {
            Ok((
                wire::conversation_state(row, 0)?,
                u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0),
            ))
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// Since when the oldest conversation that nobody answered has waited.
pub fn oldest_waiting(connection: &Connection) -> Result<Option<Timestamp>> {
    let since: Option<i64> = connection
        .prepare_cached(
            "SELECT min(waiting_since) FROM conversation
             WHERE state <> 'closed' AND state IN ('held', 'waiting')",
        )?
        .query_row([], |row| row.get(0))?;
    Ok(since.and_then(|ms| Timestamp::from_millisecond(ms).ok()))
}

/// How many conversations wait in front of these queues, as their own or as those they help out, and
/// since when the oldest has.
pub fn waiting_before(
    connection: &Connection,
    queues: &[QueueId],
) -> Result<(usize, Option<Timestamp>)> {
    let mut statement = connection.prepare_cached(
        "SELECT queue, coalesce(json_extract(rollover, '$.offered'),
                                json_extract(rollover, '$.shared')), waiting_since
         FROM conversation
         WHERE state <> 'closed' AND claimed_by IS NULL AND waiting_since IS NOT NULL",
    )?;
    let mut rows = statement.query([])?;
    let (mut count, mut oldest) = (0, None);
    while let Some(row) = rows.next()? {
        let before: [Option<i64>; 2] = [row.get(0)?, row.get(1)?];
        if !queues.iter().any(|queue| before.contains(&Some(queue.0))) {
            continue;
        }
        let since = wire::time_from(row, 2)?;
        count += 1;
        oldest = Some(oldest.map_or(since, |oldest: Timestamp| oldest.min(since)));
    }
    Ok((count, oldest))
}

/// The seed of the patrons' shown names, made with the spool.
pub fn seed(connection: &Connection) -> Result<u64> {
    let seed: i64 = connection
        .query_row("SELECT value FROM setting WHERE key = 'seed'", [], |row| {
            row.get(0)
        })
        .optional()?
        .ok_or_else(|| SpoolError::Broken("its seed is missing".into()))?;
    Ok(seed as u64)
}
