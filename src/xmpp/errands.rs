//! Conversations that go back to the box they came from.
//!
//! A patron of another box is an instant-message patron here. When a librarian here closes the
//! conversation, that box is told, and has it for itself again: it ends over there as well when the
//! patron's last words were answered, and otherwise waits in the queue it came from (clause 7). A
//! box that does not answer is told again every minute while this daemon runs, and once more after
//! a start; telling it twice changes nothing.
//!
//! Only the queue that a box's operators' table names may give back, only what it answers or was
//! offered, and only as a component: a person's client always has a resource.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use tokio_xmpp::minidom::Element;

use super::peers::is_relayed;
use super::replies::refusal;
use super::stanzas::{self, Fault};
use super::surface::{Surface, kept};
use crate::routing::{
    Conversation, ConversationId, ConversationState, Event, GatewayKind, OperatorId, QueueId,
};
use crate::spool::messengers::{self, Naming};

/// Between two tellings of what was not answered.
const AGAIN: Duration = Duration::from_secs(60);
/// After a day the patron's next words begin a conversation of their own.
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Returns that wait for an answer; the oldest gives way.
const RETURNS_MAX: usize = 1_000;
/// Ids of returns begin so.
const RETURN: &str = "return-";

/// A return on its way.
#[derive(Debug)]
struct Returning {
    /// The patron's address at the other box.
    patron: String,
    queue: QueueId,
    since: Instant,
    told: Option<Instant>,
}

/// What goes back, until the other box has it.
#[derive(Debug, Default)]
pub(super) struct Returns {
    waiting: BTreeMap<ConversationId, Returning>,
    /// Those of an earlier daemon were read from the spool.
    read: bool,
}

impl Returns {
    /// Nothing told on the old link is known to have arrived.
    pub(super) fn link_is_new(&mut self) {
        for returning in self.waiting.values_mut() {
            returning.told = None;
        }
    }
}

impl Surface {
    /// A conversation stands otherwise now: if it is another box's and closed, it goes back.
    pub(super) async fn return_closed(&mut self, conversation: &Conversation) {
        let id = conversation.id;
        if conversation.state != ConversationState::Closed {
            // The patron wrote again before the other box knew: it is ours to answer.
            self.returns.waiting.remove(&id);
            return;
        }
        let read = self.spool.read(move |c| messengers::thread(c, id)).await;
        let Some(Some(thread)) = kept(read) else {
            return;
        };
        if thread.kind == GatewayKind::Im && is_relayed(&thread.patron.address) {
            self.wait_to_return(id, thread.patron.address, thread.conversation.home);
            self.tell_returns();
        }
    }

    /// The link is up: what was closed while nobody could be told goes back now.
    pub(super) async fn resume_returns(&mut self) {
        self.returns.link_is_new();
        if !self.returns.read {
            let since = self.spool.now().checked_sub(DAY).unwrap_or_default();
            let read = self
                .spool
                .read(move |c| messengers::closed_relayed(c, since, RETURNS_MAX))
                .await;
            if let Some(closed) = kept(read) {
                self.returns.read = true;
                for (id, patron, queue) in closed {
                    self.wait_to_return(id, patron, queue);
                }
            }
        }
        self.tell_returns();
    }

    fn wait_to_return(&mut self, id: ConversationId, patron: String, queue: QueueId) {
        let returning = Returning {
            patron,
            queue,
            since: Instant::now(),
            told: None,
        };
        self.returns.waiting.insert(id, returning);
        while self.returns.waiting.len() > RETURNS_MAX {
            self.returns.waiting.pop_first();
        }
    }

    /// Tells the other boxes what goes back to them, as far as they did not answer.
    pub(super) fn tell_returns(&mut self) {
        let now = Instant::now();
        let mut told = Vec::new();
        self.returns
            .waiting
            .retain(|_, returning| now.duration_since(returning.since) < DAY);
        for (id, returning) in &mut self.returns.waiting {
            let early = returning
                .told
                .is_some_and(|at| now.duration_since(at) < AGAIN);
            if !early {
                returning.told = Some(now);
                told.push((*id, returning.patron.clone(), returning.queue));
            }
        }
        for (id, patron, queue) in told {
            if let Some(from) = self.queue_address(queue) {
                let returned = Element::bare("returned", stanzas::DESK);
                let id = format!("{RETURN}{id}");
                self.say(stanzas::order(&from, &patron, &id, returned));
            }
        }
    }

    /// Another box answered a return, or its server did for it.
    pub(super) fn return_answered(&mut self, stanza: &Element, bare: &str) {
        let id = stanza.attr("id").and_then(|id| id.strip_prefix(RETURN));
        let Some(id) = id.and_then(|id| id.parse().ok()).map(ConversationId) else {
            return;
        };
        let theirs = self
            .returns
            .waiting
            .get(&id)
            .is_some_and(|returning| stanzas::bare(&returning.patron) == bare);
        // A box that is away, or busy, is told again.
        let passing = stanza.attr("type") == Some("error") && stanzas::is_passing(stanza);
        if theirs && !passing {
            self.returns.waiting.remove(&id);
        }
    }

    /// Another box gives a conversation of ours back.
    pub(super) async fn returned(
        &mut self,
        stanza: &Element,
        operator: OperatorId,
        naming: Naming,
    ) {
        let from = stanza.attr("from").unwrap_or_default();
        if from.contains('/') {
            self.refuse(
                stanza,
                Fault::NOT_ALLOWED,
                "only another desk gives back so; release the conversation instead",
            );
            return;
        }
        let read = self
            .spool
            .read(move |c| messengers::thread_of(c, &naming))
            .await;
        let conversation = match kept(read) {
            Some(Some(thread)) => thread.conversation.id,
            Some(None) => {
                self.refuse(stanza, Fault::ITEM_NOT_FOUND, "there is no such patron");
                return;
            }
            None => {
                let words = "the desk cannot read its disk: try again";
                self.refuse(stanza, Fault::TRY_AGAIN, words);
                return;
            }
        };
        let event = Event::Return {
            operator,
            conversation,
        };
        match self.desk.ask(event).await {
            Ok(_) => self.say(stanzas::result(stanza, None)),
            Err(error) => {
                let (fault, words) = refusal(&error);
                self.refuse(stanza, fault, &words);
            }
        }
    }
}
