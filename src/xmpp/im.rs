//! The gateway for instant messaging: anybody writes to a queue's address and is answered from it,
//! so no librarian's address is ever on the patron's side.
//!
//! A text out is *sent* once the server proved to have read it: a ping behind it, to our own
//! domain, came back on this stream. The patron's receipt makes it *delivered*; a bounce, *failed*.

use std::time::Duration;

use tokio::time::Instant;
use tokio_xmpp::minidom::Element;
use tokio_xmpp::parsers::receipts;
use tokio_xmpp::parsers::stanza_id::OriginId;

use super::addresses::is_relayed;
use super::stanzas::{self, Fault, With};
use super::state::Surface;
use crate::desk::{Arrivals, NotGranted, Wish};
use crate::numbers::PatronNumber;
use crate::routing::{DeliveryState, Event, GatewayId, GatewayKind, MessageId, QueueId, Refusal};
use crate::spool::messengers;
use crate::spool::outbox::{self, OutboxId, Settled, Way};

/// Letters of an address the desk keeps.
const ADDRESS_MAX: usize = 512;
/// Texts out between two barriers.
const CHATS_MAX: usize = 100;
/// A barrier that is not back by then is set up again.
const BARRIER_PATIENCE: Duration = Duration::from_secs(60);

/// Ids of texts to patrons begin so; the same text always has the same id.
const CHAT: &str = "chat-";
/// Ids of our barriers.
const BARRIER: &str = "barrier-";

impl Surface {
    /// The gateway by which instant messages come into a queue.
    pub(super) fn im_gateway(&self, queue: QueueId) -> Option<GatewayId> {
        let board = self.board.borrow();
        board
            .plan
            .gateways
            .iter()
            .find(|gateway| {
                gateway.kind == GatewayKind::Im && !gateway.removed && gateway.queue == queue
            })
            .map(|gateway| gateway.id)
    }

    /// A stranger wrote to a queue.
    pub(super) async fn chat(&mut self, stanza: &Element, bare: &str, queue: &str, words: String) {
        let gateway = self
            .queue_named(queue)
            .and_then(|queue| self.im_gateway(queue));
        let Some(gateway) = gateway else {
            self.refuse(
                stanza,
                Fault::UNAVAILABLE,
                "this desk takes no instant messages",
            );
            return;
        };
        if bare.len() > ADDRESS_MAX || !bare.contains('@') {
            // A server or another gateway: nobody to talk with.
            self.refuse(
                stanza,
                Fault::NOT_ACCEPTABLE,
                "the desk talks with people only",
            );
            return;
        }
        if !self.chats.admits(bare, Instant::now()) {
            self.refuse(
                stanza,
                Fault::POLICY,
                "too many messages at once: wait a little",
            );
            return;
        }
        let wish = Wish::Happened {
            event: Event::TextArrived {
                gateway,
                from: bare.to_owned(),
                body: words,
                stamped_at: None,
            },
            arrivals: Arrivals::None,
        };
        let stanza = stanza.clone();
        match self.desk.post(wish).await {
            Ok(answer) => {
                self.arriving.spawn(async move {
                    let outcome = answer.await.unwrap_or(Err(NotGranted::ShuttingDown));
                    (stanza, outcome.map(drop))
                });
            }
            Err(error) => self.arrived(&stanza, Err(error)),
        }
    }

    /// The desk took a stranger's message, or did not. Only what it has is receipted.
    pub(super) fn arrived(&mut self, stanza: &Element, outcome: Result<(), NotGranted>) {
        match outcome {
            Ok(()) => {
                let wanted = stanzas::child::<receipts::Request>(stanza);
                if let (Some(_), Some(id), Some(from), Some(to)) = (
                    wanted,
                    stanza.attr("id"),
                    stanza.attr("from"),
                    stanza.attr("to"),
                ) {
                    self.say(stanzas::receipt(to, from, id));
                }
            }
            Err(NotGranted::Refused(Refusal::Offline)) => {
                self.refuse(stanza, Fault::UNAVAILABLE, "Chat is offline");
            }
            Err(
                NotGranted::Refused(_) | NotGranted::BadAmendment(_) | NotGranted::Forbidden(_),
            ) => self.refuse(
                stanza,
                Fault::UNAVAILABLE,
                "the desk cannot take this message",
            ),
            Err(NotGranted::NotKept(_) | NotGranted::ShuttingDown) => self.refuse(
                stanza,
                Fault::TRY_AGAIN,
                "the desk could not keep this message: send it again in a moment",
            ),
        }
    }

    /// Sends what is due to patrons, as far as no barrier is under way.
    pub(super) async fn send_chats(&mut self) {
        if !self.has_room() || self.chats.barrier.is_some() {
            return;
        }
        let Some(due) = self
            .read(|c| messengers::due_chats(c, OutboxId(0), CHATS_MAX))
            .await
        else {
            return;
        };
        for chat in due {
            let Some(from) = self.queue_address(chat.home) else {
                continue;
            };
            let due = chat.due;
            if due.automatic && is_relayed(due.recipient.as_str()) {
                // The desk that relays the patron has notices of its own, and would take ours for
                // a librarian's answer.
                let why = "notices are not sent to another desk's patron".to_owned();
                self.settle_chat(due.message, due.recipient, DeliveryState::Failed, Some(why))
                    .await;
                continue;
            }
            let id = format!("{CHAT}{}", due.message);
            let text = stanzas::chat(&from, due.recipient.as_str(), &id)
                .saying(&due.body)
                .with(receipts::Request)
                .with(OriginId { id });
            self.say(text);
            self.chats.out.insert(due.id, (due.message, due.recipient));
        }
        if self.chats.out.is_empty() || !self.is_up() {
            return;
        }
        self.chats.barriers += 1;
        let id = format!("{BARRIER}{}", self.chats.barriers);
        let domain = self.addresses.domain().to_owned();
        let ping = stanzas::ping(&domain, &domain, &id);
        self.chats.barrier = Some((id, Instant::now()));
        self.say(ping);
    }

    /// Our own ping came round: the server has read what went before it. Says whether it was one.
    pub(super) async fn barrier_passed(&mut self, stanza: &Element) -> bool {
        let ours = stanza.attr("from") == Some(self.addresses.domain())
            && stanza.attr("id").is_some_and(|id| id.starts_with(BARRIER));
        if !ours {
            return false;
        }
        let current = self.chats.barrier.as_ref().map(|(id, _)| id.as_str());
        if current != stanza.attr("id") {
            return true;
        }
        self.chats.barrier = None;
        let out = std::mem::take(&mut self.chats.out);
        for (message, recipient) in out.into_values() {
            self.settle_chat(message, recipient, DeliveryState::Sent, None)
                .await;
        }
        self.send_chats().await;
        true
    }

    async fn settle_chat(
        &mut self,
        message: MessageId,
        recipient: PatronNumber,
        state: DeliveryState,
        problem: Option<String>,
    ) {
        if let Some(Some(settled)) = self
            .write(move |c| {
                messengers::settle_chat(c, message, recipient.as_str(), state, problem.as_deref())
            })
            .await
        {
            self.tell_settled(settled).await;
        }
    }

    async fn tell_settled(&self, settled: Settled) {
        self.happen(Event::Delivery {
            message: settled.message,
            conversation: settled.conversation,
            state: settled.state,
            reason: settled.reason,
        })
        .await;
    }

    /// A patron's client says that it has our text.
    pub(super) async fn note_chat_reading(&mut self, stanza: &Element, bare: &str) {
        let receipt: Option<receipts::Received> = stanzas::child(stanza);
        if let Some(message) = receipt.and_then(|receipt| chat_id(&receipt.id)) {
            self.settle_chat(
                message,
                PatronNumber::verbatim(bare),
                DeliveryState::Delivered,
                None,
            )
            .await;
        }
    }

    /// A text to a patron came back.
    pub(super) async fn chat_bounced(&mut self, stanza: &Element, bare: &str) {
        let Some(message) = stanza.attr("id").and_then(chat_id) else {
            return;
        };
        self.chats.out.retain(|_, (other, _)| *other != message);
        let why = format!(
            "the patron's server sent it back: {}",
            stanzas::fault_words(stanza)
        );
        self.settle_chat(
            message,
            PatronNumber::verbatim(bare),
            DeliveryState::Failed,
            Some(why),
        )
        .await;
    }

    /// What an earlier daemon settled and did not tell; and a barrier that never came back.
    pub(super) async fn chat_tick(&mut self) {
        let lost = self
            .chats
            .barrier
            .as_ref()
            .is_some_and(|(_, at)| at.elapsed() > BARRIER_PATIENCE);
        if lost {
            self.chats.link_is_new();
            self.send_chats().await;
        }
    }

    /// Tells the threads what an earlier daemon knew and did not tell.
    pub(super) async fn tell_untold(&mut self) {
        let untold = |connection: &_| outbox::untold(connection, Way::Kind(GatewayKind::Im));
        let Some(untold) = self.read(untold).await else {
            return;
        };
        for settled in untold {
            self.tell_settled(settled).await;
        }
    }
}

fn chat_id(id: &str) -> Option<MessageId> {
    id.strip_prefix(CHAT)?.parse().ok().map(MessageId)
}
