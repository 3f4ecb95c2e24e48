//! What follows from an event.

use jiff::Timestamp;

use super::act::AuditAction;
use super::actor::Actor;
use super::event::Show;
use super::ids::{ConversationId, GatewayId, MessageId, OperatorId, QueueId};
use super::record::{Conversation, DeliveryState, Message, Patron, Whose};
use crate::numbers::PatronNumber;

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
    /// Row: the mark that the patron set beside one of our messages, or took back. Also a live change.
    React {
        /// Which.
        message: MessageId,
        /// Its thread.
        conversation: ConversationId,
        /// The mark; `None` when it was taken back.
        mark: Option<String>,
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
        to: PatronNumber,
        /// The words.
        body: String,
        /// Sent again although it may have gone before.
        may_be_doubled: bool,
    },
    /// Row: a keyword of the library's own was answered in this thread.
    CountKeyword {
        /// Which.
        conversation: ConversationId,
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
        address: PatronNumber,
        /// What stays of it when the number is erased.
        fingerprints: Vec<i64>,
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
    /// Row: everything of this patron's is erased, but one conversation. Also a live change for each
    /// that is gone.
    Forget {
        /// Whose.
        whose: Whose,
        /// The one that stays for now, with its patron.
        spare: Option<ConversationId>,
        /// Who answers for it, if not they themselves: written down.
        by: Option<Actor>,
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
        /// Who.
        by: Actor,
        /// What.
        action: AuditAction,
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
