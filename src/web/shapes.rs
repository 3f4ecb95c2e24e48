//! The desk's things as the API shows them: with names, not ids.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use rusqlite::Connection;
use serde::Serialize;

use crate::desk::Board;
use crate::modem::{LineStatus, Phase, Registration};
use crate::routing::{
    Author, Conversation, GatewayKind, Message, OperatorId, Plan, Role, Show, TransferTarget,
    block_holds,
};
use crate::spool::lines::{Pause, Standing};
use crate::spool::transcript::{Entry, Listed};
use crate::spool::{self, staff};

/// A page of a list.
#[derive(Debug, Serialize)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) next: Option<String>,
}

impl<T> Page<T> {
    /// A list that fits one page.
    pub(super) fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

/// Knows names: of the plan, and of operators who left.
#[derive(Debug)]
pub(super) struct Names<'a> {
    plan: &'a Plan,
    former: HashMap<OperatorId, String>,
}

impl<'a> Names<'a> {
    /// Reads the names of operators who left only when one of `mentioned` did.
    pub(super) fn read(
        connection: &Connection,
        plan: &'a Plan,
        mentioned: impl IntoIterator<Item = OperatorId>,
    ) -> spool::Result<Self> {
        let someone_left = mentioned
            .into_iter()
            .any(|operator| plan.operator(operator).is_none());
        let former = if someone_left {
            staff::names(connection)?.into_iter().collect()
        } else {
            HashMap::new()
        };
        Ok(Self { plan, former })
    }

    fn operator(&self, id: OperatorId) -> String {
        match self.plan.operator(id) {
            Some(operator) => operator.name.clone(),
            None => self
                .former
                .get(&id)
                .cloned()
                .unwrap_or_else(|| "someone who left".into()),
        }
    }

    fn queue(&self, id: crate::routing::QueueId) -> String {
        self.plan
            .queue(id)
            .map_or_else(|| format!("queue-{id}"), |queue| queue.name.clone())
    }

    fn gateway_kind(&self, id: crate::routing::GatewayId) -> &'static str {
        // A gateway is listed while its conversations are open; a text line is the usual one.
        self.plan
            .gateway(id)
            .map_or(GatewayKind::Sms, |gateway| gateway.kind)
            .word()
    }

    fn gateway(&self, id: crate::routing::GatewayId) -> String {
        self.plan
            .gateway(id)
            .map_or_else(|| format!("gateway-{id}"), |gateway| gateway.name.clone())
    }
}

/// Operators a conversation or message mentions.
pub(super) fn mentioned_in(
    conversation: &Conversation,
    message: Option<&Message>,
) -> impl Iterator<Item = OperatorId> {
    let author = message.and_then(|message| match message.author {
        Author::Operator(id) => Some(id),
        Author::Patron | Author::Desk => None,
    });
    let transfer = conversation.transfer.as_ref();
    let to = transfer.and_then(|transfer| match transfer.to {
        TransferTarget::Operator(id) => Some(id),
        TransferTarget::Queue(_) => None,
    });
    [
        conversation.claimed_by,
        conversation.last_answered_by,
        author,
        transfer.map(|transfer| transfer.from),
        to,
        conversation
            .marks
            .promise
            .as_ref()
            .map(|promise| promise.by),
    ]
    .into_iter()
    .flatten()
}

/// A message.
#[derive(Debug, Serialize)]
pub(super) struct MessageShape {
    id: i64,
    conversation: i64,
    direction: &'static str,
    body: String,
    at: Timestamp,
    state: &'static str,
    author: String,
    author_kind: &'static str,
    stamped_at: Option<Timestamp>,
    reason: Option<String>,
    client_id: Option<String>,
}

impl MessageShape {
    /// `patron` is the shown name.
    pub(super) fn new(message: &Message, patron: &str, names: &Names<'_>) -> Self {
        let (author, author_kind) = match message.author {
            Author::Patron => (patron.to_owned(), "patron"),
            Author::Operator(id) => (names.operator(id), "operator"),
            Author::Desk => ("desk".to_owned(), "desk"),
        };
        Self {
            id: message.id.0,
            conversation: message.conversation.0,
            direction: match message.direction {
                crate::routing::Direction::In => "in",
                crate::routing::Direction::Out => "out",
            },
            body: message.body.clone(),
            at: message.at,
            state: message.state.word(),
            author,
            author_kind,
            stamped_at: message.stamped_at,
            reason: message.reason.clone(),
            client_id: message.client_id.clone(),
        }
    }
}

/// A line from the desk to the operators.
#[derive(Debug, Serialize)]
pub(super) struct NoteShape {
    id: i64,
    conversation: i64,
    after: i64,
    at: Timestamp,
    text: String,
    /// The colleague who wrote it; `None` for the desk's own.
    author: Option<String>,
}

impl NoteShape {
    /// `None` when the entry is a message.
    pub(super) fn new(
        conversation: &Conversation,
        entry: &Entry,
        names: &Names<'_>,
    ) -> Option<Self> {
        match entry {
            Entry::Note {
                id,
                after,
                at,
                by,
                text,
            } => Some(Self {
                id: *id,
                conversation: conversation.id.0,
                after: after.0,
                at: *at,
                text: text.clone(),
                author: by.map(|id| names.operator(id)),
            }),
            Entry::Message(_) => None,
        }
    }
}

/// A hand-over on its way.
#[derive(Debug, Serialize)]
struct TransferShape {
    from: String,
    to: String,
    note: String,
    at: Timestamp,
}

/// What somebody said would be done.
#[derive(Debug, Serialize)]
struct PromiseShape {
    text: String,
    by: String,
}

/// A conversation.
#[derive(Debug, Serialize)]
pub(super) struct ConversationShape {
    id: i64,
    patron: String,
    gateway: String,
    gateway_kind: &'static str,
    queue: String,
    home: String,
    /// The queue that helps out.
    partner: Option<String>,
    state: &'static str,
    claimed_by: Option<String>,
    last_answered_by: Option<String>,
    waiting_since: Option<Timestamp>,
    opened_at: Timestamp,
    active_at: Timestamp,
    answerable: bool,
    flagged: bool,
    tags: Vec<String>,
    promise: Option<PromiseShape>,
    /// Until when nobody is asked to answer this sender.
    blocked_until: Option<Timestamp>,
    transfer: Option<TransferShape>,
    latest: Option<MessageShape>,
    /// What the patron said last, where the desk itself has said something since.
    asked: Option<String>,
    /// Where a visitor of a web page wrote from last.
    page: Option<PageShape>,
}

/// A page of a library's web site.
#[derive(Debug, Serialize)]
struct PageShape {
    url: String,
    title: String,
}

impl ConversationShape {
    /// As a list shows it.
    pub(super) fn new(listed: &Listed, names: &Names<'_>) -> Self {
        let conversation = &listed.conversation;
        Self {
            id: conversation.id.0,
            patron: listed.patron.clone(),
            gateway: names.gateway(conversation.gateway),
            gateway_kind: names.gateway_kind(conversation.gateway),
            queue: names.queue(conversation.queue),
            home: names.queue(conversation.home),
            partner: conversation.partner().map(|queue| names.queue(queue)),
            state: conversation.state.word(),
            claimed_by: conversation.claimed_by.map(|id| names.operator(id)),
            last_answered_by: conversation.last_answered_by.map(|id| names.operator(id)),
            waiting_since: conversation.waiting_since,
            opened_at: conversation.opened_at,
            active_at: conversation.active_at,
            answerable: listed.answerable,
            flagged: conversation.flagged,
            tags: conversation.marks.tags.clone(),
            promise: conversation
                .marks
                .promise
                .as_ref()
                .map(|promise| PromiseShape {
                    text: promise.words.clone(),
                    by: names.operator(promise.by),
                }),
            blocked_until: listed
                .blocked_until
                .filter(|&until| block_holds(until, Timestamp::now())),
            transfer: conversation
                .transfer
                .as_ref()
                .map(|transfer| TransferShape {
                    from: names.operator(transfer.from),
                    to: match transfer.to {
                        TransferTarget::Queue(id) => format!("queue:{}", names.queue(id)),
                        TransferTarget::Operator(id) => format!("operator:{}", names.operator(id)),
                    },
                    note: transfer.note.clone(),
                    at: transfer.at,
                }),
            latest: listed
                .latest
                .as_ref()
                .map(|message| MessageShape::new(message, &listed.patron, names)),
            asked: listed.asked.clone(),
            page: listed.page.as_ref().map(|page| PageShape {
                url: page.url.clone(),
                title: page.title.clone(),
            }),
        }
    }
}

/// A conversation with its thread.
#[derive(Debug, Serialize)]
pub(super) struct ThreadShape {
    #[serde(flatten)]
    pub(super) conversation: ConversationShape,
    pub(super) messages: Vec<MessageShape>,
    pub(super) notes: Vec<NoteShape>,
    /// Older entries exist that are not in this answer.
    pub(super) truncated: bool,
}

/// A queue.
#[derive(Debug, Serialize)]
pub(super) struct QueueShape {
    id: i64,
    name: String,
    online: bool,
    /// Whether the caller is assigned to it.
    assigned: bool,
    operators: Vec<String>,
    title: Option<String>,
    facts: Option<String>,
    hours: Option<String>,
    holidays: BTreeMap<String, String>,
    fallback: Option<String>,
    fallback_after_s: Option<u64>,
}

/// The queues, as one operator sees them.
pub(super) fn queues(board: &Board, caller: OperatorId) -> Vec<QueueShape> {
    let plan = &board.plan;
    plan.queues
        .iter()
        .map(|queue| {
            let on_it = |operator: &&crate::routing::Operator| operator.queues.contains(&queue.id);
            QueueShape {
                id: queue.id.0,
                name: queue.name.clone(),
                online: board.online.contains(&queue.id),
                assigned: plan
                    .operator(caller)
                    .is_some_and(|operator| operator.queues.contains(&queue.id)),
                operators: plan
                    .operators
                    .iter()
                    .filter(on_it)
                    .map(|operator| operator.name.clone())
                    .collect(),
                title: queue.title.clone(),
                facts: queue.facts.clone(),
                hours: queue.calendar.hours.as_ref().map(ToString::to_string),
                holidays: queue
                    .calendar
                    .holidays
                    .iter()
                    .map(|(date, hours)| (date.to_string(), hours.to_string()))
                    .collect(),
                fallback: queue
                    .fallback
                    .and_then(|fallback| plan.queue(fallback.queue))
                    .map(|helper| helper.name.clone()),
                fallback_after_s: queue.fallback.map(|fallback| fallback.after.as_secs()),
            }
        })
        .collect()
}

/// An operator.
#[derive(Debug, Serialize)]
pub(super) struct OperatorShape {
    id: i64,
    name: String,
    role: Role,
    show: &'static str,
    queues: Vec<String>,
}

/// One operator.
pub(super) fn operator(board: &Board, operator: &crate::routing::Operator) -> OperatorShape {
    OperatorShape {
        id: operator.id.0,
        name: operator.name.clone(),
        role: operator.role,
        show: show(board, operator.id).word(),
        queues: operator
            .queues
            .iter()
            .filter_map(|id| board.plan.queue(*id))
            .map(|queue| queue.name.clone())
            .collect(),
    }
}

/// How an operator is.
pub(super) fn show(board: &Board, operator: OperatorId) -> Show {
    board.shows.get(&operator).copied().unwrap_or(Show::Offline)
}

/// A gateway.
#[derive(Debug, Serialize)]
pub(super) struct GatewayShape {
    id: i64,
    name: String,
    kind: &'static str,
    queue: Option<String>,
    line: Option<String>,
    offline: crate::routing::OfflinePolicy,
    online: bool,
    paused: bool,
}

/// The gateways in use.
pub(super) fn gateways(board: &Board) -> Vec<GatewayShape> {
    board
        .plan
        .gateways
        .iter()
        .filter(|gateway| !gateway.removed)
        .map(|gateway| GatewayShape {
            id: gateway.id.0,
            name: gateway.name.clone(),
            kind: gateway.kind.word(),
            queue: board.plan.queue(gateway.queue).map(|q| q.name.clone()),
            line: gateway.line.clone(),
            offline: gateway.policy,
            online: board.online.contains(&gateway.queue) && !gateway.paused,
            paused: gateway.paused,
        })
        .collect()
}

/// A line's modem. What names the SIM or the device is not here: `callnumber modem info` has it.
#[derive(Debug, Serialize)]
pub(super) struct ModemShape {
    name: String,
    phase: &'static str,
    /// What is wrong and what to do, when it is not ready.
    detail: Option<String>,
    manufacturer: Option<String>,
    model: Option<String>,
    /// The network's name.
    network: Option<String>,
    registration: Registration,
    signal_dbm: Option<i16>,
    storage_used: Option<u16>,
    storage_total: Option<u16>,
    /// Since when it sends and receives, or does not.
    since: Option<Timestamp>,
    /// Texts of ours waiting for it.
    queued: u64,
    /// What is wrong although it may be ready: the carrier refuses texts, or none comes back.
    alarm: Option<String>,
    /// It rests, because the carrier refused one recipient after another.
    rest: Option<Pause>,
    /// The balance, as the carrier words it.
    balance: Option<String>,
    /// The SIM asks for its PIN: see `POST /modems/{name}/pin`.
    wants_pin: bool,
    /// Tries that the PIN has left, where the modem says so.
    pin_tries_left: Option<u8>,
    /// Whether the line's own number is known, to which a text to itself goes.
    number_known: bool,
    /// The last text of the line to itself.
    self_test: Option<SelfTestShape>,
}

/// A text of a line to itself.
#[derive(Debug, Serialize)]
struct SelfTestShape {
    sent: Timestamp,
    took_ms: Option<i64>,
    problem: Option<String>,
    /// How it went: `OK in 6 s`.
    words: String,
}

impl ModemShape {
    /// A line as it stands.
    pub(super) fn new(
        name: &str,
        status: &LineStatus,
        (queued, standing): (u64, &Standing),
    ) -> Self {
        let (phase, detail) = match &status.phase {
            Phase::NoPort(detail) => ("no_port", Some(detail.clone())),
            Phase::Starting => ("starting", None),
            Phase::Stuck(detail) => ("stuck", Some(detail.clone())),
            Phase::Ready => ("ready", None),
        };
        Self {
            name: name.to_owned(),
            phase,
            detail,
            manufacturer: status.manufacturer.clone(),
            model: status.model.clone(),
            network: status.operator.clone(),
            registration: status.registration,
            signal_dbm: status.signal_dbm,
            storage_used: status.storage_used,
            storage_total: status.storage_total,
            since: status.since,
            queued,
            alarm: status.alarm.clone().or_else(|| standing.alarm()),
            rest: standing.paused.clone(),
            balance: standing
                .balance
                .as_ref()
                .and_then(|balance| balance.words.clone()),
            wants_pin: status.wants_pin,
            pin_tries_left: status.pin_tries_left,
            number_known: standing.number.is_some() || status.own_number.is_some(),
            self_test: standing.self_test.as_ref().map(|test| SelfTestShape {
                sent: test.sent,
                took_ms: test.took_ms,
                problem: test.problem.clone(),
                words: test.words(),
            }),
        }
    }
}
