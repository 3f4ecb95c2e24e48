//! What must be remembered for operators and patrons with XMPP clients: whose address is whose,
//! what a client proved to have read, whose reply waits for its fate, who watches a queue.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::outbox::{Due, OutboxId, Settled};
use super::wire::{self, CONVERSATION, MESSAGE, MESSAGE_COLUMNS, PATRON, PATRON_COLUMNS};
use super::{Result, transcript};
use crate::routing::{
    Conversation, ConversationId, GatewayId, GatewayKind, Message, MessageId, OperatorId, Patron,
    QueueId,
};

/// Operators by bare JID.
pub fn addresses(connection: &Connection) -> Result<BTreeMap<String, OperatorId>> {
    let rows = connection
        .prepare_cached(
            "SELECT a.jid, a.operator FROM address a JOIN operator o ON o.id = a.operator
             WHERE NOT o.removed",
        )?
        .query_map([], |row| Ok((row.get(0)?, OperatorId(row.get(1)?))))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// A patron's text that an operator's client is to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// The words.
    pub message: Message,
    /// Whose they are.
    pub patron: Patron,
    /// The wire the patron is on.
    pub kind: GatewayKind,
    /// The queue the thread is in.
    pub queue: QueueId,
    /// Whether another queue helps out with it.
    pub lent: bool,
}

/// The queue that helps out with a thread, if one does.
const HELPER: &str = "coalesce(json_extract(c.rollover, '$.offered'), \
     json_extract(c.rollover, '$.shared'))";

/// Texts of open threads after the operator's last answer and after what `jid` has read.
const OWED: &str = "FROM message m
     JOIN conversation c ON c.id = m.conversation
     JOIN patron p ON p.id = c.patron
     JOIN gateway g ON g.id = p.gateway
     WHERE m.direction = 'in' AND c.state <> 'closed'
       AND m.id > coalesce((SELECT message FROM shown WHERE jid = ?1 AND conversation = c.id), 0)
       AND m.id > coalesce((SELECT max(id) FROM message WHERE conversation = c.id AND author = 'operator'), 0)";

fn owed_row(row: &Row<'_>) -> rusqlite::Result<Owed> {
    Ok(Owed {
        message: wire::message(row)?,
        patron: wire::patron(row, MESSAGE_COLUMNS)?,
        kind: wire::gateway_kind(row, MESSAGE_COLUMNS + PATRON_COLUMNS)?,
        queue: QueueId(row.get(MESSAGE_COLUMNS + PATRON_COLUMNS + 1)?),
        lent: row.get(MESSAGE_COLUMNS + PATRON_COLUMNS + 2)?,
    })
}

/// Numbers for `IN (SELECT value FROM json_each(?))`: a list is bound as one JSON array, so that the
/// statement stays the same whatever is in it.
fn listed(ids: impl IntoIterator<Item = i64>) -> String {
    let ids: Vec<String> = ids.into_iter().map(|id| id.to_string()).collect();
    format!("[{}]", ids.join(","))
}

/// What the client at `jid` is to show when its operator comes: unanswered texts of these queues
/// and of whatever the operator answers, oldest first, after `after`, at most `limit`.
pub fn owed(
    connection: &Connection,
    jid: &str,
    operator: OperatorId,
    queues: &[QueueId],
    after: MessageId,
    limit: usize,
) -> Result<Vec<Owed>> {
    let queues = listed(queues.iter().map(|queue| queue.0));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = connection
        .prepare_cached(&format!(
            "SELECT {MESSAGE}, {PATRON}, g.kind, c.queue, {HELPER} IS NOT NULL {OWED}
               AND (c.claimed_by = ?2 OR (c.claimed_by IS NULL
                    AND (c.queue IN (SELECT value FROM json_each(?5))
                         OR {HELPER} IN (SELECT value FROM json_each(?5)))))
               AND m.id > ?3 ORDER BY m.id LIMIT ?4"
        ))?
        .query_map(params![jid, operator.0, after.0, limit, queues], owed_row)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// What the client at `jid` is to show of some threads, oldest first, at most `limit`.
pub fn owed_in(
    connection: &Connection,
    jid: &str,
    threads: &BTreeSet<ConversationId>,
    limit: usize,
) -> Result<Vec<Owed>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let threads = listed(threads.iter().map(|thread| thread.0));
    let rows = connection
        .prepare_cached(&format!(
            "SELECT {MESSAGE}, {PATRON}, g.kind, c.queue, {HELPER} IS NOT NULL {OWED}
               AND c.id IN (SELECT value FROM json_each(?2)) ORDER BY m.id LIMIT ?3"
        ))?
        .query_map(params![jid, threads, limit], owed_row)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// Keeps how far the client at `jid` has read a thread.
pub fn set_shown(
    connection: &Connection,
    jid: &str,
    conversation: ConversationId,
    message: MessageId,
) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO shown (jid, conversation, message) VALUES (?1, ?2, ?3)
             ON CONFLICT (jid, conversation) DO UPDATE SET message = max(message, ?3)",
        )?
        .execute(params![jid, conversation.0, message.0])?;
    Ok(())
}

/// The operator left: what nobody answered is shown again at the next sign-in.
pub fn forget_shown(connection: &Connection, jid: &str) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM shown WHERE jid = ?1")?
        .execute([jid])?;
    Ok(())
}

/// A thread with its patron: what a reply is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// The patron's latest conversation.
    pub conversation: Conversation,
    /// Whose.
    pub patron: Patron,
    /// The wire the patron is on.
    pub kind: GatewayKind,
}

/// How an XMPP address names a patron.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Naming {
    /// By the shown name.
    Name(String),
    /// By telephone number, in the queue of this name if there are several such patrons.
    Number(String, Option<String>),
}

/// The latest thread of the patron an address names.
pub fn thread_of(connection: &Connection, naming: &Naming) -> Result<Option<Thread>> {
    let (condition, value, queue) = match naming {
        Naming::Name(name) => ("p.name = ?1", name, None),
        Naming::Number(number, queue) => (
            "p.address = ?1 AND g.kind = 'sms'",
            number,
            queue.as_deref(),
        ),
    };
    let found: Option<i64> = connection
        .prepare_cached(&format!(
            "SELECT c.id FROM conversation c JOIN patron p ON p.id = c.patron
             JOIN gateway g ON g.id = p.gateway LEFT JOIN queue q ON q.id = c.queue
             WHERE {condition} ORDER BY q.name IS ?2 DESC, c.id DESC LIMIT 1"
        ))?
        .query_row(params![value, queue], |row| row.get(0))
        .optional()?;
    match found {
        Some(id) => thread(connection, ConversationId(id)),
        None => Ok(None),
    }
}

/// The latest thread of the patron who writes from an address.
pub fn thread_with(
    connection: &Connection,
    gateway: GatewayId,
    address: &str,
) -> Result<Option<Thread>> {
    let found: Option<i64> = connection
        .prepare_cached(
            "SELECT max(c.id) FROM conversation c JOIN patron p ON p.id = c.patron
             WHERE p.gateway = ?1 AND p.address = ?2",
        )?
        .query_row(params![gateway.0, address], |row| row.get(0))?;
    match found {
        Some(id) => thread(connection, ConversationId(id)),
        None => Ok(None),
    }
}

/// A conversation with its patron.
pub fn thread(connection: &Connection, id: ConversationId) -> Result<Option<Thread>> {
    let Some(conversation) = transcript::conversation(connection, id)? else {
        return Ok(None);
    };
    Ok(connection
        .prepare_cached(&format!(
            "SELECT {PATRON}, g.kind FROM patron p JOIN gateway g ON g.id = p.gateway WHERE p.id = ?1"
        ))?
        .query_row([conversation.patron.0], |row| {
            Ok((wire::patron(row, 0)?, wire::gateway_kind(row, PATRON_COLUMNS)?))
        })
        .optional()?
        .map(|(patron, kind)| Thread {
            conversation,
            patron,
            kind,
        }))
}

/// The latest threads of other boxes' patrons that were closed here since then: which, the patron's
/// address over there, and the queue they wrote to. The address of such a patron begins with `~`.
pub fn closed_relayed(
    connection: &Connection,
    since: Timestamp,
    limit: usize,
) -> Result<Vec<(ConversationId, String, QueueId)>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = connection
        .prepare_cached(
            "SELECT c.id, p.address, c.home FROM patron p JOIN gateway g ON g.id = p.gateway
             JOIN conversation c ON c.id = (SELECT max(id) FROM conversation WHERE patron = p.id)
             WHERE g.kind = 'im' AND substr(p.address, 1, 1) = '~'
               AND c.state = 'closed' AND c.active > ?1
             ORDER BY c.id DESC LIMIT ?2",
        )?
        .query_map(params![wire::time(since), limit], |row| {
            Ok((
                ConversationId(row.get(0)?),
                row.get(1)?,
                QueueId(row.get(2)?),
            ))
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// Unanswered threads of these queues and those the operator answers, oldest first.
pub fn open_threads(
    connection: &Connection,
    operator: OperatorId,
    queues: &[QueueId],
    limit: usize,
) -> Result<Vec<(Conversation, String)>> {
    let queues = listed(queues.iter().map(|queue| queue.0));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = connection
        .prepare_cached(&format!(
            "SELECT {CONVERSATION}, p.name FROM conversation c JOIN patron p ON p.id = c.patron
             WHERE c.state <> 'closed' AND (c.claimed_by = ?1
                OR (c.claimed_by IS NULL AND c.queue IN (SELECT value FROM json_each(?3))))
             ORDER BY c.id LIMIT ?2"
        ))?
        .query_map(params![operator.0, limit, queues], |row| {
            Ok((
                wire::conversation(row)?,
                row.get(wire::CONVERSATION_COLUMNS)?,
            ))
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// Names of blocked senders who wrote to these queues.
pub fn blocked(
    connection: &Connection,
    queues: &[QueueId],
    now: Timestamp,
    limit: usize,
) -> Result<Vec<String>> {
    let queues = listed(queues.iter().map(|queue| queue.0));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = connection
        .prepare_cached(
            "SELECT p.name FROM patron p WHERE p.blocked_until > ?1
               AND EXISTS (SELECT 1 FROM conversation c
                           WHERE c.patron = p.id AND c.queue IN (SELECT value FROM json_each(?3)))
             ORDER BY p.id LIMIT ?2",
        )?
        .query_map(params![wire::time(now), limit, queues], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// How many threads of each queue nobody answers.
pub fn unanswered(connection: &Connection) -> Result<BTreeMap<QueueId, u64>> {
    let rows = connection
        .prepare_cached(
            "SELECT queue, count(*) FROM conversation
             WHERE state <> 'closed' AND state IN ('held', 'waiting') GROUP BY queue",
        )?
        .query_map([], |row| {
            Ok((
                QueueId(row.get(0)?),
                u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0),
            ))
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// An operator's stanza whose author waits to hear of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The author.
    pub operator: OperatorId,
    /// The message's key.
    pub client_id: String,
    /// The full JID it came from.
    pub jid: String,
    /// The patron's address it was sent to.
    pub patron: String,
    /// The stanza's id.
    pub stanza: String,
    /// Whether a receipt was asked for.
    pub receipt: bool,
}

const REPLY: &str = "r.operator, r.client_id, r.jid, r.patron, r.stanza, r.receipt";

fn reply_from(row: &Row<'_>, first: usize) -> rusqlite::Result<Reply> {
    Ok(Reply {
        operator: OperatorId(row.get(first)?),
        client_id: row.get(first + 1)?,
        jid: row.get(first + 2)?,
        patron: row.get(first + 3)?,
        stanza: row.get(first + 4)?,
        receipt: row.get(first + 5)?,
    })
}

/// Keeps a reply's origin, before the reply itself: its fate must find the way back.
pub fn keep_reply(connection: &Connection, reply: &Reply) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO reply (operator, client_id, jid, patron, stanza, receipt)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (operator, client_id) DO UPDATE SET jid = ?3, stanza = ?5",
        )?
        .execute(params![
            reply.operator.0,
            reply.client_id,
            reply.jid,
            reply.patron,
            reply.stanza,
            reply.receipt
        ])?;
    Ok(())
}

/// The author knows.
pub fn drop_reply(connection: &Connection, operator: OperatorId, client_id: &str) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM reply WHERE operator = ?1 AND client_id = ?2")?
        .execute(params![operator.0, client_id])?;
    Ok(())
}

/// Replies that are delivered or failed, and whose authors do not know yet. Those that were never
/// accepted are not listed: their authors were, or will be, told by their own server.
pub fn settled_replies(connection: &Connection, limit: usize) -> Result<Vec<(Reply, Message)>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = connection
        .prepare_cached(&format!(
            "SELECT {MESSAGE}, {REPLY}
             FROM reply r
             CROSS JOIN message m ON m.operator = r.operator AND m.client_id = r.client_id
             WHERE m.state IN ('delivered', 'failed') ORDER BY m.id LIMIT ?1"
        ))?
        .query_map([limit], |row| {
            Ok((reply_from(row, MESSAGE_COLUMNS)?, wire::message(row)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// Replies whose origin was kept and that the desk did not take before the daemon ended: nobody
/// told their authors. Only true while nothing is on its way to the desk: at the start.
pub fn untaken_replies(connection: &Connection, limit: usize) -> Result<Vec<Reply>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = connection
        .prepare_cached(&format!(
            "SELECT {REPLY} FROM reply r
             WHERE NOT EXISTS (SELECT 1 FROM message m
                               WHERE m.operator = r.operator AND m.client_id = r.client_id)
             ORDER BY r.patron, r.stanza LIMIT ?1"
        ))?
        .query_map([limit], |row| reply_from(row, 0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// How many of the latest messages are looked at for what an operator wrote last.
const LATEST: i64 = 5_000;

/// The last words the desk has from an operator's clients in each thread, the latest thread first:
/// the patron's name and the words. Keys of messages from clients begin with `keys`.
pub fn last_replies(
    connection: &Connection,
    operator: OperatorId,
    keys: &str,
    limit: usize,
) -> Result<Vec<(String, String)>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = connection
        .prepare_cached(
            "SELECT p.name, m.body FROM message m
             JOIN conversation c ON c.id = m.conversation JOIN patron p ON p.id = c.patron
             WHERE m.id IN (SELECT max(id) FROM message
                            WHERE id > (SELECT max(id) FROM message) - ?3
                              AND operator = ?1 AND substr(client_id, 1, length(?2)) = ?2
                            GROUP BY +conversation)
             ORDER BY m.id DESC LIMIT ?4",
        )?
        .query_map(params![operator.0, keys, LATEST, limit], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// Subscribers a queue may have; more than a town has.
const SUBSCRIBERS_MAX: i64 = 20_000;

/// Someone wants to see a queue's presence.
pub fn subscribe(connection: &Connection, jid: &str, queue: QueueId) -> Result<bool> {
    let count: i64 = connection
        .prepare_cached("SELECT count(*) FROM subscriber WHERE queue = ?1")?
        .query_row([queue.0], |row| row.get(0))?;
    if count >= SUBSCRIBERS_MAX {
        return Ok(false);
    }
    connection
        .prepare_cached("INSERT OR IGNORE INTO subscriber (jid, queue) VALUES (?1, ?2)")?
        .execute(params![jid, queue.0])?;
    Ok(true)
}

/// Someone does not want to any more.
pub fn unsubscribe(connection: &Connection, jid: &str, queue: QueueId) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM subscriber WHERE jid = ?1 AND queue = ?2")?
        .execute(params![jid, queue.0])?;
    Ok(())
}

/// Who sees a queue's presence.
pub fn subscribers(connection: &Connection) -> Result<Vec<(String, QueueId)>> {
    let rows = connection
        .prepare_cached("SELECT jid, queue FROM subscriber ORDER BY queue, jid")?
        .query_map([], |row| Ok((row.get(0)?, QueueId(row.get(1)?))))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// A reply on its way to an instant-message patron.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueChat {
    /// The outbox row.
    pub due: Due,
    /// The queue the patron wrote to: the reply comes from its address.
    pub home: QueueId,
}

/// Texts due to instant-message patrons, in order, after `after`, at most `limit`.
pub fn due_chats(connection: &Connection, after: OutboxId, limit: usize) -> Result<Vec<DueChat>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = connection
        .prepare_cached(
            "SELECT o.id, o.message, o.conversation, o.recipient, m.body, o.tries, o.made, c.home,
                    m.author = 'desk'
             FROM outbox o JOIN gateway g ON g.id = o.gateway JOIN message m ON m.id = o.message
             JOIN conversation c ON c.id = o.conversation
             WHERE o.state = 'due' AND g.kind = 'im' AND o.id > ?1 ORDER BY o.id LIMIT ?2",
        )?
        .query_map([after.0, limit], |row| {
            Ok(DueChat {
                due: Due {
                    id: OutboxId(row.get(0)?),
                    message: MessageId(row.get(1)?),
                    conversation: ConversationId(row.get(2)?),
                    recipient: wire::number(row, 3)?,
                    body: row.get(4)?,
                    tries: row.get(5)?,
                    made: wire::time_from(row, 6)?,
                    automatic: row.get(8)?,
                    opted_out: false, // consent belongs to the telephone (clause 9)
                },
                home: QueueId(row.get(7)?),
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// What a patron's client or server said of a text of ours, if it was to go to them.
pub fn settle_chat(
    connection: &Connection,
    message: MessageId,
    recipient: &str,
    state: crate::routing::DeliveryState,
    problem: Option<&str>,
) -> Result<Option<Settled>> {
    let conversation: Option<i64> = connection
        .prepare_cached(
            "UPDATE outbox SET state = ?3, problem = ?4
             WHERE message = ?1 AND recipient = ?2 AND state NOT IN ('delivered', 'failed')
               AND gateway IN (SELECT id FROM gateway WHERE kind = 'im')
             RETURNING conversation",
        )?
        .query_row(
            params![message.0, recipient, state.word(), problem],
            |row| row.get(0),
        )
        .optional()?;
    Ok(conversation.map(|conversation| Settled {
        message,
        conversation: ConversationId(conversation),
        state,
        reason: problem.map(str::to_owned),
    }))
}
