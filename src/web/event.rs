//! What the live feed tells: each event by its name, with what it carries and, for the description, when
//! it comes.

use axum::body::Bytes;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::api::Operation;
use crate::desk::views;
use crate::routing::{ConversationId, Show};

/// An event on the wire (HTML §9.2.5). `id` is left out when it is 0, and the browser keeps the last one.
pub(super) fn frame(id: i64, event: &str, data: &impl Serialize) -> Bytes {
    // Our views have only string keys, so this cannot fail; JSON without indentation is one line.
    let data = serde_json::to_string(data).unwrap_or_else(|_| "{}".into());
    let text = if id > 0 {
        format!("id: {id}\nevent: {event}\ndata: {data}\n\n")
    } else {
        format!("event: {event}\ndata: {data}\n\n")
    };
    text.into()
}

macro_rules! events {
    ($($(#[doc = $doc:literal])+ $event:ident($name:literal, $data:ty))+) => {
        /// An event of the feed.
        #[derive(Debug)]
        pub(super) enum FeedEvent<'a> {
            $($(#[doc = $doc])+ $event(&'a $data)),+
        }

        impl FeedEvent<'_> {
            /// As it goes over the wire.
            pub(super) fn frame(self, id: i64) -> Bytes {
                match self {
                    $(Self::$event(data) => frame(id, $name, data)),+
                }
            }

            /// The schema of one event by its fields: one of these.
            pub(super) fn schema(operation: &mut Operation) -> Value {
                let events = [$(event($name, concat!($($doc),+), operation.written::<$data>())),+];
                json!({ "oneOf": events })
            }
        }
    };
}

fn event(name: &str, when: &str, data: Value) -> Value {
    json!({
        "title": name,
        "description": when.trim(),
        "type": "object",
        "required": ["event", "data"],
        "properties": {
            "event": { "type": "string", "const": name },
            "id": { "type": "string", "pattern": "^[0-9]+$", "description": "Where to resume." },
            "data": {
                "type": "string", "contentMediaType": "application/json", "contentSchema": data,
            },
        },
    })
}

events! {
    /// Comes first.
    Hello("hello", Hello)
    /// What was missed is not told: read the lists again.
    Reset("reset", Nothing)
    /// A conversation, as it stands now.
    Conversation("conversation", views::Conversation)
    /// A message, as it stands now.
    Message("message", views::Message)
    /// A note, as it stands now.
    Note("note", views::Note)
    /// A conversation is offered to you.
    Offer("offer", OneConversation)
    /// A conversation is not yours to see, or to answer, any more.
    Withdraw("withdraw", Withdrawal)
    /// The patron is writing.
    Typing("typing", OneConversation)
    /// How an operator is.
    Operator("operator", OperatorShow)
    /// Whether a queue is online.
    Queue("queue", QueueOnline)
    /// How a line is.
    Modem("modem", views::Modem)
    /// A part of the desk is arranged in another way: read its list again.
    Plan("plan", PlanChanged)
}

/// Who listens.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Hello {
    pub(super) operator: String,
    pub(super) show: Show,
    /// Whether what was missed follows.
    pub(super) resumed: bool,
    pub(super) version: &'static str,
}

/// The event says it all.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Nothing {}

/// Which conversation.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OneConversation {
    #[schema(value_type = i64)]
    pub(super) conversation: ConversationId,
}

/// A conversation that is taken back, and why.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Withdrawal {
    #[schema(value_type = i64)]
    pub(super) conversation: ConversationId,
    pub(super) reason: String,
}

/// How an operator is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OperatorShow {
    /// Their name.
    pub(super) operator: String,
    pub(super) show: Show,
}

/// Whether a queue is online.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct QueueOnline {
    /// Its name.
    pub(super) queue: String,
    pub(super) online: bool,
}

/// What is arranged in another way.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PlanChanged {
    /// Which part of the desk.
    #[schema(pattern = "^(queues|gateways|operators|canned|modems|all)$")]
    pub(super) changed: &'static str,
    /// That your own queues are others now; left out where they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) yours: Option<bool>,
}
