//! What is kept: the durable shape of patrons, conversations and messages. The router emits these
//! whole; the spool writes them as rows and gives them back unchanged.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids::{ConversationId, GatewayId, MessageId, OperatorId, PatronId, QueueId};
use super::plan::GatewayKind;
use crate::numbers::PatronNumber;

/// Someone outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patron {
    /// Its id.
    pub id: PatronId,
    /// The way they came in; with `address`, who they are.
    pub gateway: GatewayId,
    /// Their canonical address.
    pub address: PatronNumber,
    /// What operators see: `heron-42`. Unique among patrons.
    pub name: String,
    /// `true` after STOP, until START (clause 9).
    pub opted_out: bool,
    /// When automatic texts went to them, oldest first, at most the last ten (clause 10).
    pub automatic_at: Vec<Timestamp>,
    /// When answers to their own words went to them (clause 10).
    pub answered: Answered,
    /// The same words again and again: a robot (clause 10).
    pub repeats: Repeats,
    /// Until when nobody is asked to answer them; see [`block_holds`](super::block_holds).
    pub blocked_until: Option<Timestamp>,
}

/// When answers to a patron's own words went to them, oldest first, at most the last ten of a kind:
/// an allowance of their own, which what we say of our own accord does not use up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Answered {
    /// To STOP, HELP, START and FORGET.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wishes: Vec<Timestamp>,
    /// To the library's keywords: so many that nothing is left for STOP there cannot be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<Timestamp>,
}

/// One patron, on all the gateways that know them by the same address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Whose {
    /// A telephone's, on every line.
    Telephone(PatronNumber),
    /// A messenger's or a visitor's.
    Chat(PatronNumber),
}

impl Whose {
    /// The address they have in common.
    pub fn address(&self) -> &PatronNumber {
        match self {
            Whose::Telephone(address) | Whose::Chat(address) => address,
        }
    }

    /// Whether a gateway of this kind may know them.
    pub(super) fn is_of(&self, kind: GatewayKind) -> bool {
        match self {
            Whose::Telephone(_) => kind == GatewayKind::Sms,
            Whose::Chat(_) => kind != GatewayKind::Sms,
        }
    }
}

/// How often the latest text came, word for word, within an hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Repeats {
    /// A fingerprint of the words, not the words.
    pub fingerprint: u64,
    /// How many in a row.
    pub count: u32,
    /// When the first of them came.
    pub since: Option<Timestamp>,
}

/// Where a conversation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConversationState {
    /// Unanswered, nobody of its queue available.
    Held,
    /// Unanswered, in front of whoever is available.
    Waiting,
    /// An operator answers it.
    Claimed,
    /// Done, for now.
    Closed,
}

impl ConversationState {
    /// The word of the API and the spool.
    pub fn word(self) -> &'static str {
        match self {
            ConversationState::Held => "held",
            ConversationState::Waiting => "waiting",
            ConversationState::Claimed => "claimed",
            ConversationState::Closed => "closed",
        }
    }
}

/// One patron's thread in one queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// Whose.
    pub patron: PatronId,
    /// The gateway it came by and is answered by.
    pub gateway: GatewayId,
    /// The queue it is in now.
    pub queue: QueueId,
    /// The queue it came to; statistics stay with it.
    pub home: QueueId,
    /// Where it stands.
    pub state: ConversationState,
    /// Who answers it: set exactly while claimed.
    pub claimed_by: Option<OperatorId>,
    /// Since when the patron waits for an answer; `None` when the last word was ours.
    pub waiting_since: Option<Timestamp>,
    /// Who answered last, and is asked first when the patron writes again (clause 4).
    pub last_answered_by: Option<OperatorId>,
    /// The hand-over on its way, if any (clause 6).
    pub transfer: Option<Transfer>,
    /// The closed period of the queue for which the notice was given (clause 1).
    pub closed_notice: Option<i64>,
    /// Whether the waiting notice was given since the patron last began to wait (clause 7).
    pub waiting_noticed: bool,
    /// The patron's words look like an opt-out without being one (clause 9).
    pub flagged: bool,
    /// All that the patron waits with is a reaction to something that nobody knows: nothing automatic
    /// answers it (clause 9).
    pub quiet: bool,
    /// When the patron asked to be forgotten while a librarian was in it: the next time within a day
    /// everything is erased (clause 9).
    pub erasure_asked_at: Option<Timestamp>,
    /// Whether the fallback queue is asked as well (clause 7).
    pub rollover: Rollover,
    /// The outage of the line that the patron was told of, by when it began.
    pub outage_notice: Option<Timestamp>,
    /// Holds nothing but our last words to a patron who asked to be forgotten: erased as soon as
    /// they are on their way.
    pub farewell: bool,
    /// When it began.
    pub opened_at: Timestamp,
    /// When either side last wrote.
    pub active_at: Timestamp,
    /// When it was closed: set exactly while it is.
    pub closed_at: Option<Timestamp>,
    /// What operators wrote on it.
    pub marks: Marks,
}

impl Conversation {
    /// A conversation that has just begun in this queue; closed, until whoever begins it says what
    /// else it is.
    pub fn begun(
        id: ConversationId,
        patron: PatronId,
        gateway: GatewayId,
        queue: QueueId,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            patron,
            gateway,
            queue,
            home: queue,
            state: ConversationState::Closed,
            claimed_by: None,
            waiting_since: None,
            last_answered_by: None,
            transfer: None,
            closed_notice: None,
            waiting_noticed: false,
            flagged: false,
            quiet: false,
            erasure_asked_at: None,
            rollover: Rollover::Home,
            outage_notice: None,
            farewell: false,
            opened_at: now,
            active_at: now,
            closed_at: Some(now),
            marks: Marks::default(),
        }
    }

    /// The queue that helps out with this conversation, if one does.
    pub fn partner(&self) -> Option<QueueId> {
        match self.rollover {
            Rollover::Offered(queue) | Rollover::Shared(queue) => Some(queue),
            Rollover::Home | Rollover::Declined => None,
        }
    }

    /// Whether it is in front of the operators of this queue.
    pub fn is_in(&self, queue: QueueId) -> bool {
        self.queue == queue || self.partner() == Some(queue)
    }

    /// Whether operators of these queues know its patron by name: those whom it only came to for
    /// help do not.
    pub fn is_at_home(&self, queues: &[QueueId]) -> bool {
        self.partner().is_none() || queues.contains(&self.queue) || queues.contains(&self.home)
    }
}

/// Where a conversation that nobody answers goes for help (clause 7). Its queue stays its queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rollover {
    /// Nowhere: it is before its own queue alone.
    #[default]
    Home,
    /// It is before this queue as well, and the patron may still say NO.
    Offered(QueueId),
    /// It is before this queue as well; an answer was given since, so that *no* is a word.
    Shared(QueueId),
    /// The patron said NO: it waits for its own queue.
    Declined,
}

/// What operators write on a conversation, for themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// Words to find it by, lower case, in order.
    pub tags: Vec<String>,
    /// What the desk owes the patron.
    pub promise: Option<Promise>,
}

/// What an operator said would be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// In their words.
    pub words: String,
    /// Whose.
    pub by: OperatorId,
}

/// A conversation offered by one operator to a queue or a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Who hands it over, and keeps it until it is accepted.
    pub from: OperatorId,
    /// To whom.
    pub to: TransferTarget,
    /// What the next librarian should know.
    pub note: String,
    /// When it was asked.
    pub at: Timestamp,
}

/// Where a transfer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransferTarget {
    /// Everyone available in a queue.
    Queue(QueueId),
    /// One colleague.
    Operator(OperatorId),
}

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From the patron.
    In,
    /// To the patron.
    Out,
}

/// What became of a message (clause 11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// A patron's: it is on disk.
    Received,
    /// Ours: on disk, waiting for the line.
    Queued,
    /// An attempt is under way.
    Sending,
    /// The network took every segment.
    Sent,
    /// Every segment was reported delivered.
    Delivered,
    /// It will not arrive; the reason is with it.
    Failed,
    /// An attempt was cut off, and whether the network took it is not known.
    Unknown,
}

impl DeliveryState {
    /// The word of the API and the spool.
    pub fn word(self) -> &'static str {
        match self {
            DeliveryState::Received => "received",
            DeliveryState::Queued => "queued",
            DeliveryState::Sending => "sending",
            DeliveryState::Sent => "sent",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Failed => "failed",
            DeliveryState::Unknown => "unknown",
        }
    }
}

/// Whose words they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Author {
    /// The patron.
    Patron,
    /// A librarian.
    Operator(OperatorId),
    /// The desk itself: a notice, or `callnumber send`.
    Desk,
}

/// One message of a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id; the thread's order.
    pub id: MessageId,
    /// The thread.
    pub conversation: ConversationId,
    /// Which way.
    pub direction: Direction,
    /// The words.
    pub body: String,
    /// When it reached the desk, or was accepted from an operator.
    pub at: Timestamp,
    /// The carrier's own stamp, for a patron's text (TS 23.040 §9.2.3.11).
    pub stamped_at: Option<Timestamp>,
    /// What became of it.
    pub state: DeliveryState,
    /// Why it failed, in words for a librarian.
    pub reason: Option<String>,
    /// Whose words.
    pub author: Author,
    /// The sender's own key for it: the same key from the same operator is the same message.
    pub client_id: Option<String>,
    /// The mark that the patron set beside it: 👍 (clause 9).
    pub reaction: Option<String>,
}
