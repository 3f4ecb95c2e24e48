//! Patrons' texts to operators' clients.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::Instant;
use tokio_xmpp::minidom::Element;
use tokio_xmpp::parsers::displayed_markers::Markable;
use tokio_xmpp::parsers::message::Thread;
use tokio_xmpp::parsers::nick::Nick;
use tokio_xmpp::parsers::ns;
use tokio_xmpp::parsers::receipts::{Received, Request};
use tokio_xmpp::parsers::stanza_id::OriginId;
use xso::AsXml;

use super::delivery::{Proved, QUEUED_MAX, Sending};
use super::stanzas::{self, With};
use super::state::Surface;
use crate::routing::{
    Author, Conversation, ConversationId, ConversationState, DeliveryState, Direction, Message,
    MessageId, OperatorId,
};
use crate::spool::messengers::{self, Owed};

/// A text this old says when it came (XEP-0203).
const LATE: SignedDuration = SignedDuration::from_secs(60);
/// After a bounce; doubled with each in a row.
const HOLD: Duration = Duration::from_secs(15);
const HOLD_DOUBLINGS: u32 = 5;

/// Ids of patrons' texts begin so; the same text always has the same id.
const TEXT: &str = "text-";
/// Ids of the pings that follow them.
const PING: &str = "ping-";

/// When a text came (XEP-0203). The crate's own ends its stamp with `+00:00`, where a client in wide
/// use reads only `Z`.
#[derive(Debug, AsXml)]
#[xml(namespace = ns::DELAY, name = "delay")]
struct Delay {
    #[xml(attribute)]
    from: String,
    #[xml(attribute)]
    stamp: String,
}

impl Surface {
    /// A conversation stands otherwise now.
    pub(super) fn conversation(&mut self, conversation: &Conversation) {
        self.stale.insert(conversation.queue);
        let closed = conversation.state == ConversationState::Closed;
        if closed {
            self.offered.remove(&conversation.id);
        }
        if let Some(claimant) = conversation.claimed_by
            && conversation.transfer.is_none()
        {
            self.offered.remove(&conversation.id);
            for client in self.clients.values_mut() {
                if client.operator != claimant {
                    client.delivery.forget(conversation.id);
                }
            }
        } else if closed {
            for client in self.clients.values_mut() {
                client.delivery.forget(conversation.id);
            }
        }
    }

    /// A message is new, or stands otherwise now.
    pub(super) async fn text(&mut self, message: &Message) {
        match (message.direction, message.author) {
            (Direction::In, _) => self.text_in(message).await,
            (Direction::Out, Author::Operator(operator)) => match message.state {
                DeliveryState::Delivered | DeliveryState::Failed => {
                    self.reported = true;
                    self.tell_fates().await;
                }
                DeliveryState::Queued => self.text_out(message, operator).await,
                DeliveryState::Received
                | DeliveryState::Sending
                | DeliveryState::Sent
                | DeliveryState::Unknown => {}
            },
            (Direction::Out, Author::Patron | Author::Desk) => {}
        }
    }

    async fn text_in(&mut self, message: &Message) {
        let conversation = message.conversation;
        let Some(thread) = self.thread(conversation).await else {
            return;
        };
        let offered = self.offered.get(&conversation).cloned();
        for (bare, operator) in self.staff.clone() {
            let theirs = match (thread.conversation.claimed_by, &offered) {
                (Some(claimant), _) => claimant == operator,
                (None, Some(offered)) => offered.contains(&operator),
                (None, None) => self
                    .queues_of(operator)
                    .iter()
                    .any(|&queue| thread.conversation.is_in(queue)),
            };
            if theirs {
                self.owe_thread(&bare, conversation);
            }
        }
    }

    /// What an operator sent from elsewhere is shown in the thread; what came from here is there.
    async fn text_out(&mut self, message: &Message, operator: OperatorId) {
        let conversation = message.conversation;
        for client in self.clients.values_mut() {
            client.delivery.answered(conversation);
        }
        let from_here = message
            .client_id
            .as_deref()
            .is_some_and(|id| id.starts_with(super::replier::CLIENT_ID));
        if from_here {
            return;
        }
        let by_command = message
            .client_id
            .as_deref()
            .is_some_and(|id| id.starts_with(super::command_replies::BY_COMMAND));
        let words = match by_command {
            true => format!("[you] {}", message.body),
            false => format!("[you, at the console] {}", message.body),
        };
        self.tell_operator(operator, conversation, &words).await;
    }

    /// A line in the thread, to whoever answers it or may.
    pub(super) async fn note(&mut self, conversation: ConversationId, text: &str) {
        let Some(thread) = self.thread(conversation).await else {
            return;
        };
        let mut readers = self.offered.get(&conversation).cloned().unwrap_or_default();
        readers.extend(thread.conversation.claimed_by);
        for operator in readers {
            self.tell_operator(operator, conversation, &format!("/me {text}"))
                .await;
        }
    }

    pub(super) fn offer(&mut self, conversation: ConversationId, to: OperatorId) {
        self.offered.entry(conversation).or_default().insert(to);
        self.ask_again(conversation);
        for bare in self.addresses_of(to) {
            self.owe_thread(&bare, conversation);
        }
    }

    pub(super) async fn withdraw(
        &mut self,
        conversation: ConversationId,
        from: OperatorId,
        reason: &str,
    ) {
        if let Some(offered) = self.offered.get_mut(&conversation) {
            offered.remove(&from);
        }
        for client in self.clients.values_mut() {
            if client.operator == from {
                client.delivery.forget(conversation);
            }
        }
        self.tell_operator(from, conversation, &format!("/me {reason}"))
            .await;
        self.call_back(conversation, from, reason).await;
    }

    /// Words from a patron's address that are not the patron's, to all of an operator's clients.
    async fn tell_operator(
        &mut self,
        operator: OperatorId,
        conversation: ConversationId,
        words: &str,
    ) {
        let addresses: Vec<String> = self
            .addresses_of(operator)
            .into_iter()
            // To a desk everything is a patron's words.
            .filter(|bare| self.clients.contains_key(bare) && !self.is_desk(bare))
            .collect();
        if addresses.is_empty() || !self.is_up() {
            return;
        }
        let Some(thread) = self.thread(conversation).await else {
            return;
        };
        let Some(queue) = self.queue_name(thread.conversation.queue) else {
            return;
        };
        let veiled = !thread.conversation.is_at_home(&self.queues_of(operator));
        let from = self
            .addresses
            .patron(&thread.patron, thread.kind, &queue, veiled);
        for to in addresses {
            self.arrivals += 1;
            let id = format!("note-{}-{}", conversation, self.arrivals);
            let line = stanzas::chat(&from, &to, &id)
                .with(stanzas::text("body", words))
                .with(thread_of(conversation));
            self.say(line);
        }
    }

    /// Reads what a client is to show, and sends what may go.
    pub(super) async fn owe_all(&mut self, bare: &str) {
        let Some(client) = self.clients.get_mut(bare) else {
            return;
        };
        client.delivery.more_after = Some(MessageId(0));
        self.write_proofs().await;
        self.pump(bare).await;
    }

    /// A thread's texts are to be shown; they are read with those of other threads.
    fn owe_thread(&mut self, bare: &str, conversation: ConversationId) {
        if let Some(client) = self.clients.get_mut(bare) {
            client.delivery.unread.insert(conversation);
        }
    }

    /// Reads the texts of the threads that are to be shown, and sends what may go.
    pub(super) async fn owe_threads(&mut self) {
        let readers: Vec<String> = self
            .clients
            .iter()
            .filter(|(_, client)| !client.delivery.unread.is_empty())
            .map(|(bare, _)| bare.clone())
            .collect();
        if readers.is_empty() {
            return;
        }
        self.write_proofs().await;
        for bare in readers {
            let Some(client) = self.clients.get_mut(&bare) else {
                continue;
            };
            let threads = std::mem::take(&mut client.delivery.unread);
            let jid = bare.clone();
            let Some(mut texts) = self
                .read(move |c| messengers::owed_in(c, &jid, &threads, QUEUED_MAX))
                .await
            else {
                continue;
            };
            let all = texts.len() < QUEUED_MAX;
            texts.retain(|owed| self.may_go_to(&bare, &owed.patron, owed.kind));
            let Some(client) = self.clients.get_mut(&bare) else {
                continue;
            };
            let fitted = client.delivery.owe(texts);
            if !(all && fitted) {
                // Too many at once: read again from the start when there is room.
                client.delivery.more_after = Some(MessageId(0));
            }
            self.pump(&bare).await;
        }
    }

    /// Sends what may go to a client.
    pub(super) async fn pump(&mut self, bare: &str) {
        loop {
            let now = Instant::now();
            let Some(client) = self.clients.get(bare) else {
                return;
            };
            let Some(through) = client.receiver().cloned() else {
                return;
            };
            if client.hold_until.is_some_and(|until| now < until) || !self.is_up() {
                return;
            }
            while self.has_room() {
                let Some(client) = self.clients.get_mut(bare) else {
                    return;
                };
                let Some(sending) = client.delivery.next(&through, now) else {
                    break;
                };
                self.send_text(bare, &through, &sending);
            }
            let Some(client) = self.clients.get_mut(bare) else {
                return;
            };
            let after = match client.delivery.more_after {
                Some(after) if client.delivery.is_drained() => after,
                _ => return,
            };
            let operator = client.operator;
            let queues = if client.is_available() {
                self.queues_of(operator)
            } else {
                Vec::new()
            };
            let jid = bare.to_owned();
            let Some(mut texts) = self
                .read(move |c| messengers::owed(c, &jid, operator, &queues, after, QUEUED_MAX))
                .await
            else {
                return;
            };
            let full = texts.len() >= QUEUED_MAX;
            let last = texts.last().map(|owed| owed.message.id);
            texts.retain(|owed| self.may_go_to(bare, &owed.patron, owed.kind));
            let Some(client) = self.clients.get_mut(bare) else {
                return;
            };
            client.delivery.more_after = if full { last } else { None };
            if texts.is_empty() && !full {
                return;
            }
            client.delivery.owe(texts);
            if client.delivery.is_drained() && client.delivery.more_after.is_none() {
                return;
            }
        }
    }

    /// Sends once more what nobody proved to have read.
    pub(super) fn remind(&mut self, bare: &str) {
        if !self.has_room() {
            return;
        }
        let now = Instant::now();
        let Some(client) = self.clients.get_mut(bare) else {
            return;
        };
        let Some(through) = client.receiver().cloned() else {
            return;
        };
        let late = client.delivery.unreceipted(now);
        let again = client.delivery.overdue(&through, now);
        for (owed, asked) in late {
            if let Some(from) = self.sender(bare, &owed) {
                self.send_ping(bare, &asked, &from, &owed);
            }
        }
        for sending in again {
            self.send_text(bare, &through, &sending);
        }
    }

    /// The patron's address as an operator sees it.
    fn sender(&mut self, bare: &str, owed: &Owed) -> Option<String> {
        let queue = self.queue_name(owed.queue)?;
        let reader = self.staff.get(bare).copied();
        let veiled = owed.lent && reader.is_none_or(|o| !self.queues_of(o).contains(&owed.queue));
        let address = self
            .addresses
            .patron(&owed.patron, owed.kind, &queue, veiled);
        Some(address)
    }

    /// From the same patron as the text before it: a filter that drops one drops both.
    fn send_ping(&mut self, bare: &str, through: &str, from: &str, owed: &Owed) {
        // A desk answers a ping before it has written anything down.
        if self.is_desk(bare) {
            return;
        }
        let ping = format!("{PING}{}-{}", owed.message.conversation, owed.message.id);
        self.say(stanzas::ping(from, through, &ping));
    }

    /// One text to the bare JID, and a ping after it.
    fn send_text(&mut self, bare: &str, through: &str, sending: &Sending) {
        let owed = &sending.owed;
        let Some(from) = self.sender(bare, owed) else {
            return;
        };
        let message = &owed.message;
        let id = format!("{TEXT}{}", message.id);
        let mut text = stanzas::chat(&from, bare, &id)
            .saying(&message.body)
            .with(thread_of(message.conversation))
            .with(Nick(owed.patron.name.clone()))
            .with(Request)
            .with(Markable)
            .with(OriginId { id });
        let now = self.spool.now();
        if sending.tries > 1 || now.duration_since(message.at) > LATE {
            let stamp = message.at.to_string();
            let from = self.addresses.domain().to_owned();
            text.append_child(Delay { from, stamp }.into());
        }
        self.say(text);
        if sending.ping {
            self.send_ping(bare, through, &from, owed);
        }
    }

    /// A client answered one of our pings. Only a result proves anything.
    pub(super) fn pinged(&mut self, stanza: &Element, bare: &str) {
        let Some((conversation, message)) = stanza
            .attr("id")
            .and_then(|id| id.strip_prefix(PING))
            .and_then(|id| id.split_once('-'))
        else {
            return;
        };
        let (Ok(conversation), Ok(message)) = (conversation.parse(), message.parse()) else {
            return;
        };
        let from = stanza.attr("from").unwrap_or_default();
        let Some(client) = self.clients.get_mut(bare) else {
            return;
        };
        let proved = client
            .delivery
            .pinged(ConversationId(conversation), MessageId(message), from);
        if let Some(proved) = proved {
            self.keep_proof(bare, proved);
        }
    }

    /// A receipt (XEP-0184) or a marker (XEP-0333) names a text of ours.
    pub(super) fn note_reading(&mut self, stanza: &Element, bare: &str) {
        let receipt = stanzas::child(stanza).map(|receipt: Received| receipt.id);
        // Clients still send the two markers that XEP-0333 had beside the crate's one.
        let marker = || {
            let children = stanza.children();
            let mut markers = children.filter(|child| child.ns() == ns::DISPLAYED_MARKERS);
            markers.find_map(|marker| Some(marker.attr("id")?.to_owned()))
        };
        let Some(id) = receipt.or_else(marker).and_then(|id| text_id(&id)) else {
            return;
        };
        let from = stanza.attr("from").unwrap_or_default();
        let proved = self
            .clients
            .get_mut(bare)
            .and_then(|client| client.delivery.read(id, from));
        if let Some(proved) = proved {
            self.keep_proof(bare, proved);
        }
    }

    fn keep_proof(&mut self, bare: &str, proved: Proved) {
        self.proofs.push((bare.to_owned(), proved));
        if let Some(client) = self.clients.get_mut(bare) {
            client.bounces = 0;
        }
    }

    /// Writes down what was proved, and sends what may follow.
    pub(super) async fn keep_proofs(&mut self) {
        for bare in self.write_proofs().await {
            self.pump(&bare).await;
        }
    }

    /// Writes down what was proved, all of it at once; says by whom.
    async fn write_proofs(&mut self) -> BTreeSet<String> {
        if self.proofs.is_empty() {
            return BTreeSet::new();
        }
        let proofs = std::mem::take(&mut self.proofs);
        let readers = proofs.iter().map(|(bare, _)| bare.clone()).collect();
        self.write(move |c| {
            for (bare, proved) in &proofs {
                messengers::set_shown(c, bare, proved.conversation, proved.up_to)?;
            }
            Ok(())
        })
        .await;
        readers
    }

    /// A text came back. It waits a little: whatever is wrong with the client will hardly be right
    /// at once.
    pub(super) async fn bounced(&mut self, stanza: &Element, bare: &str) {
        let Some(id) = stanza.attr("id") else { return };
        if let Some(client) = self.clients.get_mut(bare) {
            if let Some(id) = text_id(id) {
                let doublings = client.bounces.min(HOLD_DOUBLINGS);
                client.bounces = client.bounces.saturating_add(1);
                client.hold_until = Some(Instant::now() + HOLD * 2_u32.pow(doublings));
                client.delivery.bounced(id);
            }
            return;
        }
        self.chat_bounced(stanza, bare).await;
    }
}

fn thread_of(conversation: ConversationId) -> Thread {
    Thread {
        parent: None,
        id: format!("c{conversation}"),
    }
}

fn text_id(id: &str) -> Option<MessageId> {
    id.strip_prefix(TEXT)?.parse().ok().map(MessageId)
}
