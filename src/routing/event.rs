//! What happens to the desk, and what follows from it.

use std::time::Duration;

use jiff::Timestamp;

use super::aids::{Aid, Deed};
use super::ids::{ConversationId, EndpointId, GatewayId, MessageId, OperatorId, QueueId};
use super::orders::Order;
use super::plan::Plan;
use super::record::{Conversation, DeliveryState, Message, Patron, TransferTarget};

/// When something happens, on two clocks.
///
/// The box has no battery clock: its wall time may jump by years once the network answers.
/// Leases and offers are measured on `uptime`, which only ever grows; what must survive a restart
/// (the 24 h of a thread, the day of an automatic text) on `wall`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Wall time.
    pub wall: Timestamp,
    /// Time since the daemon started.
    pub uptime: Duration,
}

/// What an operator says of themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Show {
    /// Takes offers.
    Available,
    /// Signed in, but not to be offered anything.
    Away,
    /// Signed out.
    Offline,
}

impl Show {
    /// The word of the API and the spool.
    pub fn word(self) -> &'static str {
        match self {
            Show::Available => "available",
            Show::Away => "away",
            Show::Offline => "offline",
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The plan of the desk is now this one.
    Rearranged(Plan),
    /// A patron's text, whole.
    TextArrived {
        /// The way it came.
        gateway: GatewayId,
        /// Who wrote, as the gateway names them.
        from: String,
        /// The words.
        body: String,
        /// The carrier's stamp.
        stamped_at: Option<Timestamp>,
    },
    /// A patron sent a picture, of which only the notice came: this line cannot open it.
    PictureArrived {
        /// The way it came.
        gateway: GatewayId,
        /// Who sent it.
        from: String,
        /// The carrier's stamp.
        stamped_at: Option<Timestamp>,
    },
    /// Somebody called by voice and was hung up on: this line takes texts only.
    CallMissed {
        /// The line's gateway.
        gateway: GatewayId,
        /// Who called.
        from: String,
    },
    /// More segments of a text shown in part have come: its words are now these.
    TextAmended {
        /// The message.
        message: MessageId,
        /// Its thread.
        conversation: ConversationId,
        /// The words so far.
        body: String,
    },
    /// An operator has one more endpoint.
    EndpointOpened {
        /// Who.
        operator: OperatorId,
        /// Which.
        endpoint: EndpointId,
    },
    /// An endpoint is gone.
    EndpointClosed {
        /// Who.
        operator: OperatorId,
        /// Which.
        endpoint: EndpointId,
    },
    /// An operator gave a sign of life without an endpoint (an API call): renews the lease.
    Seen {
        /// Who.
        operator: OperatorId,
    },
    /// An operator says how they are.
    Presence {
        /// Who.
        operator: OperatorId,
        /// How.
        show: Show,
    },
    /// An operator sends: claims the conversation if nobody has.
    Send {
        /// Who.
        operator: OperatorId,
        /// Which thread.
        conversation: ConversationId,
        /// The words.
        body: String,
        /// The sender's key for it.
        client_id: Option<String>,
    },
    /// An operator takes a conversation without sending; accepts a transfer offered to them.
    Claim {
        /// Who.
        operator: OperatorId,
        /// Which.
        conversation: ConversationId,
    },
    /// An operator gives a conversation back to its queue.
    Release {
        /// Who.
        operator: OperatorId,
        /// Which.
        conversation: ConversationId,
    },
    /// A helper gives a conversation back to the queue it came from, which alone has it then
    /// (clause 7); it ends when the patron's last words were answered.
    Return {
        /// Who.
        operator: OperatorId,
        /// Which.
        conversation: ConversationId,
    },
    /// Whoever relayed the patron from another box needs no help any more: the conversation ends
    /// here (clause 7).
    CallBack {
        /// Which.
        conversation: ConversationId,
        /// Why, for whoever had it or was offered it: `answered by ana (desk.example.org)`.
        reason: String,
    },
    /// An operator ends a conversation.
    Close {
        /// Who.
        operator: OperatorId,
        /// Which.
        conversation: ConversationId,
    },
    /// An operator hands a conversation over.
    Transfer {
        /// Who.
        operator: OperatorId,
        /// Which.
        conversation: ConversationId,
        /// To whom.
        to: TransferTarget,
        /// What the next librarian should know.
        note: String,
    },
    /// An operator begins a conversation with somebody.
    Start {
        /// Who.
        operator: OperatorId,
        /// A command on the box asks for it, in this operator's name: written down as such.
        on_the_box: bool,
        /// By which gateway.
        gateway: GatewayId,
        /// With whom.
        to: String,
        /// The first words.
        body: String,
        /// The sender's key for it.
        client_id: Option<String>,
    },
    /// An operator does something to a conversation beside answering it.
    Aid {
        /// Who.
        operator: OperatorId,
        /// Which.
        conversation: ConversationId,
        /// What.
        aid: Aid,
    },
    /// A command on the box does something to a conversation, in nobody's name.
    Order {
        /// Which.
        conversation: ConversationId,
        /// What.
        order: Order,
    },
    /// The desk writes to someone of its own accord (`callnumber send`).
    Write {
        /// By which gateway.
        gateway: GatewayId,
        /// To whom.
        to: String,
        /// The words.
        body: String,
    },
    /// The line says what became of a message of ours.
    Delivery {
        /// Which message.
        message: MessageId,
        /// Its thread.
        conversation: ConversationId,
        /// The state it is in now.
        state: DeliveryState,
        /// Why, when it failed.
        reason: Option<String>,
    },
    /// An operator wants a failed or unknown message sent again, knowing it may arrive twice.
    Retry {
        /// Who.
        operator: OperatorId,
        /// Which message.
        message: MessageId,
        /// Its thread.
        conversation: ConversationId,
    },
    /// A line works again after a while in which nothing came through: texts stamped meanwhile are
    /// late, and their senders are told so once (M8).
    LineRestored {
        /// The line's gateway.
        gateway: GatewayId,
        /// Since when nothing came through.
        from: Timestamp,
        /// Until when.
        to: Timestamp,
    },
    /// A line told its own telephone number (TS 27.007 §7.1, `+CNUM`): nothing automatic is ever
    /// sent to it. Not kept: lines tell it again at every start.
    LineNumber {
        /// E.164 or national.
        number: String,
    },
    /// Time has passed.
    Tick,
}

/// What the router must be told before it can decide on an event: it keeps only open threads in
/// memory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// The patron at this address, if known, with their latest conversation.
    Patron(GatewayId, String),
    /// A conversation that is closed, with its patron.
    Conversation(ConversationId),
    /// A message: what state it is in.
    Message(MessageId),
}

/// What follows from an event. In order; rows first to the spool, in one transaction, then the
/// bells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Row: this is how the patron stands now.
    KeepPatron(Patron),
    /// Row: this is how the conversation stands now. Also a live change.
    KeepConversation(Conversation),
    /// Row: a new message. Also a live change.
    Record(Message),
    /// Row: a message's words changed. Also a live change.
    Reword {
        /// Which.
        message: MessageId,
        /// Its thread.
        conversation: ConversationId,
        /// The words.
        body: String,
    },
    /// Row: a message's state changed. Also a live change.
    SetDelivery {
        /// Which.
        message: MessageId,
        /// Its thread.
        conversation: ConversationId,
        /// The new state.
        state: DeliveryState,
        /// Why, when it failed.
        reason: Option<String>,
    },
    /// Row: a text is due on its gateway's wire. A retry is the same message again.
    Submit {
        /// Which message.
        message: MessageId,
        /// Its thread.
        conversation: ConversationId,
        /// By which gateway.
        gateway: GatewayId,
        /// To whom.
        to: String,
        /// The words.
        body: String,
        /// Sent again although it may have gone before.
        may_be_doubled: bool,
    },
    /// Row: an operator's own word on their presence.
    KeepShow {
        /// Who.
        operator: OperatorId,
        /// How.
        show: Show,
    },
    /// Row: whether a telephone opted out, on every line and for good.
    KeepConsent {
        /// The telephone.
        address: String,
        /// What stays of it when the number is erased.
        fingerprint: i64,
        /// Opted out, or in again.
        opted_out: bool,
    },
    /// Row: the latest outage of a gateway's line.
    KeepOutage {
        /// Which gateway.
        gateway: GatewayId,
        /// Since when nothing came through.
        from: Timestamp,
        /// Until when.
        to: Timestamp,
    },
    /// Row: everything of this telephone's is erased on every line, but one conversation. Also a
    /// live change for each that is gone.
    Forget {
        /// The telephone.
        address: String,
        /// The one that stays for now, with its patron.
        spare: Option<ConversationId>,
    },
    /// Row: a conversation is erased, and its patron if nothing else is theirs. Also a live change.
    Erase {
        /// Which.
        conversation: ConversationId,
    },
    /// Row: the number of a queue's latest closed period.
    KeepClosedPeriod {
        /// Which queue.
        queue: QueueId,
        /// The number.
        period: i64,
    },
    /// Row, and a live change: a line in the thread from the desk to the operators, such as
    /// `returned to the queue: ana disconnected`. Never sent to the patron.
    Note {
        /// Which thread.
        conversation: ConversationId,
        /// The words.
        text: String,
    },
    /// Row, and a live change: a line in the thread from an operator to colleagues. Never sent to
    /// the patron.
    Remark {
        /// Which thread.
        conversation: ConversationId,
        /// Whose words.
        by: OperatorId,
        /// The words.
        text: String,
    },
    /// Row: what somebody did is written down, for whoever keeps the desk.
    Audit {
        /// Who; `None` for a command on the box.
        by: Option<OperatorId>,
        /// What.
        deed: Deed,
        /// With which conversation.
        conversation: ConversationId,
    },
    /// Bell: show the conversation to this operator.
    Offer {
        /// Which.
        conversation: ConversationId,
        /// To whom.
        to: OperatorId,
    },
    /// Bell: it is no longer on offer to this operator.
    Withdraw {
        /// Which.
        conversation: ConversationId,
        /// From whom.
        from: OperatorId,
        /// Why: `answered by ana`.
        reason: String,
    },
    /// Bell: an operator's presence as others see it.
    OperatorShows {
        /// Who.
        operator: OperatorId,
        /// How.
        show: Show,
    },
    /// Bell: a queue went online or offline.
    QueueShows {
        /// Which.
        queue: QueueId,
        /// Online while one assigned operator is available.
        online: bool,
    },
}

/// Why an operator's wish was not granted. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such thing, or not for this operator.
    #[error("there is no such conversation; it may have been erased: reload the list")]
    NoSuchConversation,
    /// The message is not there.
    #[error("there is no such message in this conversation: reload it")]
    NoSuchMessage,
    /// The operator is not on the plan.
    #[error("there is no such operator; ask whoever keeps the desk to add the name")]
    NoSuchOperator,
    /// The gateway is not on the plan, or was removed.
    #[error("there is no such gateway: `callnumber gateway list` shows those there are")]
    NoSuchGateway,
    /// The queue is not on the plan.
    #[error("there is no such queue: `callnumber queue list` shows those there are")]
    NoSuchQueue,
    /// Someone else claimed first; the words stay with their author.
    #[error("answered by {by}")]
    AnsweredBy {
        /// The claimant's name.
        by: String,
        /// The claimant.
        operator: OperatorId,
    },
    /// Only the claimant may do this.
    #[error("only whoever answers this conversation can do that: claim it first")]
    NotYours,
    /// It is closed already.
    #[error("this conversation is closed; it opens again when the patron writes or you send")]
    Closed,
    /// The patron said STOP.
    #[error("this patron opted out of texts from us; only their own START opens the way again")]
    OptedOut,
    /// Words are missing.
    #[error("there is nothing to send: write something first")]
    Empty,
    /// It would be more texts than a patron should get for one answer.
    #[error("this would be {segments} texts, more than {most}: longer answers belong in e-mail")]
    TooLong {
        /// How many it would be.
        segments: usize,
        /// How many there may be.
        most: usize,
    },
    /// A name or short code that cannot be answered.
    #[error("this sender cannot be answered: it is a name or a service, not a telephone")]
    NotAnswerable,
    /// Transfer to oneself, to where it is, or to nobody.
    #[error("{0}")]
    BadTransfer(String),
    /// What was asked cannot be; says why and what to do.
    #[error("{0}")]
    Unfit(String),
    /// The message was not failed or unknown.
    #[error("this message was not lost; only failed or unknown ones can be sent again")]
    NotRetryable,
    /// The patron's text is not kept: policy *refuse* while the queue is offline.
    #[error("Chat is offline")]
    Offline,
}
