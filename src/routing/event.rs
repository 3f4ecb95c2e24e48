//! What happens to the desk, and when.

use std::time::Duration;

use jiff::Timestamp;

use super::act::Act;
use super::actor::Actor;
use super::ids::{ConversationId, EndpointId, GatewayId, MessageId, OperatorId};
use super::plan::Plan;
use super::record::{DeliveryState, Whose};

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
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
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
    /// The text that came just now was handed on in words: its time, and perhaps its end, are missing.
    CameInWords {
        /// The way it came.
        gateway: GatewayId,
        /// Who wrote it.
        from: String,
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
        /// They did something themselves: an open page asks for things on its own.
        by_hand: bool,
    },
    /// An operator says how they are.
    Presence {
        /// Who.
        operator: OperatorId,
        /// How.
        show: Show,
    },
    /// Something is done to a conversation.
    Act {
        /// By whom.
        by: Actor,
        /// To which.
        on: ConversationId,
        /// What.
        act: Act,
    },
    /// A conversation with somebody begins, or goes on.
    Begin {
        /// Who asks for it: the operator, or a command on the box.
        by: Actor,
        /// In whose name.
        operator: OperatorId,
        /// By which gateway.
        gateway: GatewayId,
        /// With whom.
        to: String,
        /// The first words.
        body: String,
        /// The sender's key for it.
        client_id: Option<String>,
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
    /// Everything of a patron's is to be erased: they said so in another way than by FORGET.
    Erase {
        /// Who answers for it.
        by: Actor,
        /// Whose.
        whose: Whose,
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
    /// sent to it, and numbers without `+` are read as in its country. Not kept: lines tell it
    /// again at every start.
    LineNumber {
        /// The line's name in the configuration.
        line: String,
        /// E.164 or national, where the SIM knows it.
        number: Option<String>,
        /// The SIM's identity (TS 23.003 §2.2): its first digits say the country.
        imsi: Option<String>,
    },
    /// Time has passed.
    Tick,
}

impl Event {
    /// Somebody does something to a conversation.
    pub fn act(by: impl Into<Actor>, on: ConversationId, act: Act) -> Self {
        Event::Act {
            by: by.into(),
            on,
            act,
        }
    }

    /// The conversation that it is about, where it names one.
    pub fn conversation(&self) -> Option<ConversationId> {
        match self {
            Event::TextAmended { conversation, .. }
            | Event::Act {
                on: conversation, ..
            }
            | Event::Delivery { conversation, .. } => Some(*conversation),
            Event::Rearranged(_)
            | Event::TextArrived { .. }
            | Event::PictureArrived { .. }
            | Event::CallMissed { .. }
            | Event::CameInWords { .. }
            | Event::EndpointOpened { .. }
            | Event::EndpointClosed { .. }
            | Event::Seen { .. }
            | Event::Presence { .. }
            | Event::Begin { .. }
            | Event::Write { .. }
            | Event::Erase { .. }
            | Event::LineRestored { .. }
            | Event::LineNumber { .. }
            | Event::Tick => None,
        }
    }

    /// The sender's own key of words to a patron: the same key from the same operator is the same
    /// message.
    pub fn key(&self) -> Option<(OperatorId, &str)> {
        match self {
            Event::Act {
                by: Actor::Operator(operator),
                act: Act::Send { client_id, .. },
                ..
            }
            | Event::Begin {
                operator,
                client_id,
                ..
            } => Some((*operator, client_id.as_deref()?)),
            _ => None,
        }
    }
}
