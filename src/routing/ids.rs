//! Names for things: one type per meaning, so that a queue is never taken for a conversation.

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// A desk patrons write to.
    QueueId
);
id!(
    /// One way in: a line, an instant-message address or a widget.
    GatewayId
);
id!(
    /// A librarian.
    OperatorId
);
id!(
    /// Someone outside, known by gateway and address.
    PatronId
);
id!(
    /// One patron's thread in one queue. Ids grow with arrival: the box has no battery clock,
    /// so rows are ordered by id and never by time.
    ConversationId
);
id!(
    /// One message of a thread, in or out.
    MessageId
);
id!(
    /// One PDU as it came from the air, kept until it is part of a conversation.
    ArrivalId
);
id!(
    /// One endpoint of an operator: a browser tab's event stream, an XMPP resource.
    /// Unique while the daemon runs; never stored.
    EndpointId
);
