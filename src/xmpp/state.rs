//! What the room knows, and the wire it speaks on.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rusqlite::Connection;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_xmpp::minidom::Element;

use super::addresses::Addresses;
use super::chats::Chats;
use super::clients::{Client, ResumedSessions};
use super::delivery::Proved;
use super::notices::Relay;
use super::picture::Picture;
use super::replier::{Replier, Sent};
use super::settings::Settings;
use super::stanzas::{self, Fault};
use crate::desk::{Arrivals, Board, Change, Desk, NotGranted, Wish};
use crate::routing::{ConversationId, Event, OperatorId, QueueId};
use crate::spool::messengers::{self, Thread};
use crate::spool::{Spool, SpoolError};

/// Free places on the wire that offers leave to everything else.
const WIRE_RESERVE: usize = 2_048;

/// What came of a patron's instant message: the stanza, and why not.
pub(super) type Arrived = (Element, Result<(), NotGranted>);

pub(super) struct Surface {
    pub(super) addresses: Addresses,
    pub(super) picture: Option<Picture>,
    pub(super) desk: Desk,
    pub(super) spool: Spool,
    pub(super) board: watch::Receiver<Arc<Board>>,
    pub(super) changes: broadcast::Receiver<Arc<Change>>,
    pub(super) out: Option<mpsc::Sender<Element>>,
    /// Operators by bare JID.
    pub(super) staff: BTreeMap<String, OperatorId>,
    /// Operators' clients by bare JID, while the link is up.
    pub(super) clients: BTreeMap<String, Client>,
    /// Whom the desk offered what.
    pub(super) offered: HashMap<ConversationId, BTreeSet<OperatorId>>,
    pub(super) replier: Replier,
    pub(super) sent: mpsc::Receiver<Sent>,
    pub(super) arriving: JoinSet<Arrived>,
    pub(super) chats: Chats,
    /// Queues whose presence is to be told anew.
    pub(super) stale: BTreeSet<QueueId>,
    /// When presence was last told.
    pub(super) told_at: Option<Instant>,
    /// Replies of ours were reported on: their authors are to hear of it.
    pub(super) reported: bool,
    pub(super) arrivals: u64,
    /// Operators who may have written while nobody listened, and were not told how far the desk
    /// has their texts.
    pub(super) cut_off: BTreeSet<OperatorId>,
    /// Clients that were reported gone and may be there.
    pub(super) resumed: ResumedSessions,
    /// What other boxes are told of conversations.
    pub(super) relay: Relay,
    /// Addresses of operators that are other boxes' desks.
    pub(super) desks: BTreeSet<String>,
    /// When they were last asked whether they are there.
    pub(super) desks_asked: Option<Instant>,
    /// What an earlier daemon did not take went back to its authors.
    pub(super) returned: bool,
    /// What clients proved to have read, by bare JID, not yet written down.
    pub(super) proofs: Vec<(String, Proved)>,
}

impl Surface {
    pub(super) fn new(settings: &Settings, desk: Desk, spool: Spool) -> Self {
        let (replier, sent) = Replier::start(desk.clone(), spool.clone());
        Self {
            addresses: Addresses::new(&settings.domain, settings.patrons),
            picture: settings.picture.clone(),
            board: desk.board(),
            changes: desk.changes(),
            desk,
            spool,
            out: None,
            staff: BTreeMap::new(),
            clients: BTreeMap::new(),
            offered: HashMap::new(),
            replier,
            sent,
            arriving: JoinSet::new(),
            chats: Chats::default(),
            stale: BTreeSet::new(),
            told_at: None,
            reported: false,
            arrivals: 0,
            cut_off: BTreeSet::new(),
            resumed: ResumedSessions::default(),
            relay: Relay::default(),
            desks: BTreeSet::new(),
            desks_asked: None,
            returned: false,
            proofs: Vec::new(),
        }
    }

    /// What the spool has, if it answers.
    pub(super) async fn read<T, F>(&self, job: F) -> Option<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, SpoolError> + Send + 'static,
    {
        kept(self.spool.read(job).await)
    }

    /// Has the spool write something down; nothing if it could not.
    pub(super) async fn write<T, F>(&self, job: F) -> Option<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, SpoolError> + Send + 'static,
    {
        kept(self.spool.write(job).await)
    }

    pub(super) async fn thread(&self, id: ConversationId) -> Option<Thread> {
        self.read(move |c| messengers::thread(c, id)).await?
    }

    /// Where an operator meets the desk: the first of their queues.
    pub(super) fn face(&self, operator: OperatorId) -> Option<String> {
        self.queue_address(*self.queues_of(operator).first()?)
    }

    /// Tells the desk something whose answer changes nothing here.
    pub(super) async fn happen(&self, event: Event) {
        let wish = Wish::Happened {
            event,
            arrivals: Arrivals::None,
        };
        if let Err(error) = self.desk.post(wish).await {
            tracing::debug!(%error, "the desk is closing, and learns of it after the next start");
        }
    }

    /// Whether the link is up.
    pub(super) fn is_up(&self) -> bool {
        self.out.is_some()
    }

    /// Puts a stanza on the wire, if there is one. A wire that is full is cut: it will be up again
    /// soon, and nothing that matters is only there.
    pub(super) fn say(&mut self, stanza: Element) {
        let Some(out) = &self.out else { return };
        if out.try_send(stanza).is_err() {
            tracing::warn!("the XMPP server takes too little: hanging up to begin afresh");
            self.out = None;
        }
    }

    /// Whether the wire has room for what can wait.
    pub(super) fn has_room(&self) -> bool {
        self.out
            .as_ref()
            .is_some_and(|out| out.capacity() > WIRE_RESERVE)
    }

    /// Waits until the wire has so many places beside what offers leave; no if it is cut first.
    pub(super) async fn wire_has(&mut self, places: usize) -> bool {
        let Some(out) = &self.out else { return false };
        // Nobody else fills it, so what is free now stays free.
        let there = out.reserve_many(WIRE_RESERVE + places).await.is_ok();
        if !there {
            self.out = None;
        }
        there
    }

    /// Says what is wrong with a stanza, unless it is an error itself (RFC 6120 §8.3.1).
    pub(super) fn refuse(&mut self, stanza: &Element, fault: Fault, words: &str) {
        if !matches!(stanza.attr("type"), Some("error" | "result")) {
            self.say(stanzas::error(stanza, fault, words));
        }
    }

    pub(super) fn queues_of(&self, operator: OperatorId) -> Vec<QueueId> {
        let board = self.board.borrow();
        board
            .plan
            .operator(operator)
            .map(|operator| operator.queues.clone())
            .unwrap_or_default()
    }

    pub(super) fn queue_named(&self, name: &str) -> Option<QueueId> {
        let board = self.board.borrow();
        board.plan.queue_named(name).map(|queue| queue.id)
    }

    pub(super) fn queue_name(&self, queue: QueueId) -> Option<String> {
        let board = self.board.borrow();
        board.plan.queue(queue).map(|queue| queue.name.clone())
    }

    pub(super) fn queue_address(&self, queue: QueueId) -> Option<String> {
        self.queue_name(queue)
            .map(|name| self.addresses.queue(&name))
    }

    pub(super) fn addresses_of(&self, operator: OperatorId) -> Vec<String> {
        self.staff
            .iter()
            .filter(|(_, other)| **other == operator)
            .map(|(jid, _)| jid.clone())
            .collect()
    }

    pub(super) fn all_stale(&mut self) {
        let plan = self.board.borrow().plan.clone();
        self.stale.extend(plan.queues.iter().map(|queue| queue.id));
    }
}

/// What the spool answered; a spool that cannot be read is shown elsewhere, and asked again.
fn kept<T>(read: Result<T, SpoolError>) -> Option<T> {
    match read {
        Ok(value) => Some(value),
        Err(error) => {
            tracing::error!(%error, "the spool did not answer the messengers' room");
            None
        }
    }
}
