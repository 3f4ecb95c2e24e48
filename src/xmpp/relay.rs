//! What one box tells another of a conversation that both know: that it goes back, or that no answer
//! is needed any more.
//!
//! A patron of another box is an instant-message patron here. When a librarian here closes the
//! conversation, that box is told, and has it for itself again: it ends over there as well when the
//! patron's last words were answered, and otherwise waits in the queue it came from (clause 7). The
//! other way round, when somebody at home answers, or the patron would rather wait for them, the box
//! that helps is told, and its librarians see why and are asked no more.
//!
//! A box that does not answer is told again every minute while this daemon runs; of what goes back
//! it is told once more after a start. Telling it twice changes nothing.
//!
//! Only the queue that a box's operators' table names may give back, only what it answers or was
//! offered, and only as a component: a person's client always has a resource. Only the address a
//! conversation came from may call it back; the server vouches for the box's domain.

use tokio::time::Instant;
use tokio_xmpp::minidom::Element;

use super::addresses::is_relayed;
use super::notices::{AGAIN, DAY, NOTICES_MAX, Word, domain_of};
use super::replies::refusal;
use super::stanzas::{self, Fault};
use super::state::Surface;
use crate::routing::{
    Act, Actor, Conversation, ConversationId, ConversationState, Event, GatewayKind, OperatorId,
    QueueId,
};
use crate::spool::messengers::{self, Naming, Thread};

/// Letters of a reason that are shown.
const REASON_MAX: usize = 200;
/// Ids of notices begin so.
const NOTICE: &str = "errand-";

impl Surface {
    /// A conversation stands otherwise now: if it is another box's and closed, it goes back.
    pub(super) async fn return_closed(&mut self, conversation: &Conversation) {
        let id = conversation.id;
        if conversation.state != ConversationState::Closed {
            // The patron wrote again before the other box knew: it is ours to answer.
            self.relay.forget(id, |word| *word == Word::Returned);
            return;
        }
        if self.relay.recalled.remove(&id) {
            return;
        }
        let Some(thread) = self.thread(id).await else {
            return;
        };
        if thread.kind == GatewayKind::Im && is_relayed(thread.patron.address.as_str()) {
            self.wait_to_return(
                id,
                thread.patron.address.into_string(),
                thread.conversation.home,
            );
            self.relay_notices();
        }
    }

    fn wait_to_return(&mut self, id: ConversationId, patron: String, queue: QueueId) {
        // A queue that is no more gives nothing back.
        if let Some(from) = self.queue_address(queue) {
            self.relay.wait(id, Word::Returned, from, patron);
        }
    }

    /// A desk that was asked for help need not answer any more.
    pub(super) async fn call_back(&mut self, id: ConversationId, from: OperatorId, reason: &str) {
        let desks: Vec<String> = self
            .addresses_of(from)
            .into_iter()
            .filter(|bare| self.is_desk(bare))
            .collect();
        if desks.is_empty() {
            return;
        }
        let Some(thread) = self.thread(id).await else {
            return;
        };
        let Some(queue) = self.queue_name(thread.conversation.queue) else {
            return;
        };
        let patron = self
            .addresses
            .patron(&thread.patron, thread.kind, &queue, true);
        for desk in desks {
            let word = Word::Withdrawn(reason.to_owned());
            self.relay.wait(id, word, patron.clone(), desk);
        }
        self.relay_notices();
    }

    /// A desk is asked for help: what it was told of the conversation before does not hold.
    pub(super) fn ask_again(&mut self, id: ConversationId) {
        self.relay.forget(id, |word| *word != Word::Returned);
    }

    /// The link is up: what nobody could be told is told now.
    pub(super) async fn resume_relay(&mut self) {
        self.relay.link_is_new();
        if !self.relay.read {
            let since = self.spool.now().checked_sub(DAY).unwrap_or_default();
            if let Some(closed) = self
                .read(move |c| messengers::closed_relayed(c, since, NOTICES_MAX))
                .await
            {
                self.relay.read = true;
                for (id, patron, queue) in closed {
                    self.wait_to_return(id, patron, queue);
                }
            }
        }
        self.relay_notices();
    }

    /// Changes were missed: what ended meanwhile goes back to its box all the same.
    pub(super) async fn catch_up_relay(&mut self) {
        self.relay.missed();
        self.resume_relay().await;
    }

    /// Another box's desk says that it is there.
    pub(super) fn desk_is_there(&mut self, bare: &str) {
        self.relay.is_there(domain_of(bare));
        self.relay_notices();
    }

    /// Tells the other boxes what they did not answer yet.
    pub(super) fn relay_notices(&mut self) {
        if !self.is_up() {
            return;
        }
        let now = Instant::now();
        let mut told = Vec::new();
        self.relay
            .waiting
            .retain(|_, notice| now.duration_since(notice.since) < DAY);
        for ((id, to), notice) in &mut self.relay.waiting {
            let early = notice.told.is_some_and(|at| now.duration_since(at) < AGAIN);
            if !early {
                notice.told = Some(now);
                let id = format!("{NOTICE}{id}");
                told.push(stanzas::order(&notice.from, to, &id, notice.word.clone()));
            }
        }
        for stanza in told {
            self.say(stanza);
        }
    }

    /// Another box answered, or its server did for it.
    pub(super) fn relay_answered(&mut self, stanza: &Element, bare: &str) {
        let id = stanza.attr("id").and_then(|id| id.strip_prefix(NOTICE));
        let Some(id) = id.and_then(|id| id.parse().ok()).map(ConversationId) else {
            return;
        };
        // A box that is away, or busy, is told again.
        if stanza.attr("type") == Some("error") && stanzas::is_passing(stanza) {
            return;
        }
        self.relay
            .waiting
            .retain(|(other, to), _| *other != id || stanzas::bare(to) != bare);
    }

    /// The thread that another box's order is about; where there is none, the order is refused.
    fn found(&mut self, stanza: &Element, read: Option<Option<Thread>>) -> Option<Thread> {
        match read {
            Some(Some(thread)) => return Some(thread),
            Some(None) => {
                self.refuse(stanza, Fault::ITEM_NOT_FOUND, "there is no such patron");
            }
            None => {
                let words = "the desk cannot read its disk: try again";
                self.refuse(stanza, Fault::TRY_AGAIN, words);
            }
        }
        None
    }

    /// A box that asked for help with a patron of its own needs none any more.
    pub(super) async fn withdrawn(
        &mut self,
        stanza: &Element,
        bare: &str,
        queue: &str,
        words: &str,
    ) {
        let gateway = self.queue_named(queue).and_then(|q| self.im_gateway(q));
        let Some(gateway) = gateway.filter(|_| is_relayed(bare)) else {
            self.refuse_stranger(stanza);
            return;
        };
        let address = bare.to_owned();
        let read = self
            .read(move |c| messengers::thread_with(c, gateway, &address))
            .await;
        let Some(thread) = self.found(stanza, read) else {
            return;
        };
        let id = thread.conversation.id;
        if thread.conversation.state == ConversationState::Closed {
            self.say(stanzas::done(stanza));
            return;
        }
        let event = Event::act(
            Actor::Peer,
            id,
            Act::CallBack {
                reason: reason(words, bare),
            },
        );
        // Before its end is told: the box that called it back need not hear of it.
        self.relay.will_end(id);
        match self.desk.ask(event).await {
            Ok(_) => self.say(stanzas::done(stanza)),
            Err(error) => {
                self.relay.recalled.remove(&id);
                let (fault, words) = refusal(&error);
                self.refuse(stanza, fault, &words);
            }
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
        let read = self.read(move |c| messengers::thread_of(c, &naming)).await;
        let Some(thread) = self.found(stanza, read) else {
            return;
        };
        let event = Event::act(operator, thread.conversation.id, Act::Return);
        match self.desk.ask(event).await {
            Ok(_) => self.say(stanzas::done(stanza)),
            Err(error) => {
                let (fault, words) = refusal(&error);
                self.refuse(stanza, fault, &words);
            }
        }
    }
}

/// Another box's words, with whose they are: `answered by ana (desk.example.org)`.
fn reason(words: &str, patron: &str) -> String {
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let words: String = words.chars().take(REASON_MAX).collect();
    let words = match words.as_str() {
        "" => "no answer is needed any more",
        words => words,
    };
    format!("{words} ({})", domain_of(patron))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_boxes_words_are_one_line_and_say_whose_they_are() {
        let patron = "~heron-1@desk.example.org";
        for (words, shown) in [
            ("answered by ana", "answered by ana (desk.example.org)"),
            (
                " answered\n\nby  ana\t",
                "answered by ana (desk.example.org)",
            ),
            ("", "no answer is needed any more (desk.example.org)"),
        ] {
            assert_eq!(reason(words, patron), shown);
        }
        let long = reason(&"x".repeat(5_000), patron);
        assert_eq!(
            long.chars().count(),
            REASON_MAX + " (desk.example.org)".len()
        );
    }
}
