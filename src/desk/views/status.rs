//! How all of it stands.

use std::net::SocketAddr;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ModemOnTheBox, Queue, queues, show};
use crate::desk::{self, Board};
use crate::routing::{ConversationState, OperatorId, Show};

/// The desk as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// What patrons call the library.
    pub library: String,
    /// The program's version.
    pub version: String,
    /// Since when it runs.
    pub started_at: Timestamp,
    /// How many conversations are not closed.
    pub conversations: Conversations,
    /// The names of operators who are available.
    pub available: Vec<String>,
    /// The names of operators who are away.
    pub away: Vec<String>,
    /// The queues.
    pub queues: Vec<Queue>,
    /// What is wrong with what the desk keeps, and what to do; `null` while nothing is.
    #[serde(default)]
    pub trouble: Option<String>,
}

/// How many conversations are in each state that is not closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Conversations {
    /// Unanswered, nobody there.
    pub held: u64,
    /// Unanswered, in front of whoever is there.
    pub waiting: u64,
    /// Being answered.
    pub claimed: u64,
}

impl FromIterator<(ConversationState, u64)> for Conversations {
    fn from_iter<I: IntoIterator<Item = (ConversationState, u64)>>(counts: I) -> Self {
        let mut all = Self::default();
        for (state, count) in counts {
            match state {
                ConversationState::Held => all.held = count,
                ConversationState::Waiting => all.waiting = count,
                ConversationState::Claimed => all.claimed = count,
                ConversationState::Closed => {}
            }
        }
        all
    }
}

impl Status {
    /// The desk as an operator sees it, or a command on the box.
    pub fn new(
        board: &Board,
        conversations: Conversations,
        started_at: Timestamp,
        caller: Option<OperatorId>,
        trouble: Option<String>,
    ) -> Self {
        let who = |wanted| {
            let all = board.plan.operators.iter();
            all.filter(|operator| show(board, operator.id) == wanted)
                .map(|operator| operator.name.clone())
                .collect()
        };
        Self {
            library: board.plan.library.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at,
            conversations,
            available: who(Show::Available),
            away: who(Show::Away),
            queues: queues(board, caller),
            trouble,
        }
    }
}

/// The desk with what is the box's own business.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusOnTheBox {
    /// What every operator may see.
    #[serde(flatten)]
    pub status: Status,
    /// Whether a daemon runs.
    pub running: bool,
    /// The spool's file.
    pub spool: PathBuf,
    /// The lines.
    pub modems: Vec<ModemOnTheBox>,
    /// Where the console listens.
    pub web: Option<SocketAddr>,
    /// The link to the XMPP server; `null`: none is configured.
    pub xmpp: Option<Link>,
}

/// How the link to a server elsewhere stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Link {
    /// Whether it is up.
    pub up: bool,
    /// What is wrong and what to do, when it is not.
    pub detail: Option<String>,
}

impl From<&desk::Link> for Link {
    fn from(link: &desk::Link) -> Self {
        let (up, detail) = match link {
            desk::Link::Up => (true, None),
            desk::Link::Connecting => (false, Some("connecting".into())),
            desk::Link::Down(words) => (false, Some(words.clone())),
        };
        Self { up, detail }
    }
}
