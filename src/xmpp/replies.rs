//! Operators' answers: the first one claims, the others get their words back, and each author
//! learns what became of theirs.

use tokio_xmpp::minidom::Element;
use tokio_xmpp::parsers::oob::Oob;
use tokio_xmpp::parsers::{ns, receipts};

use super::commands;
use super::replier::{Sending, Sent, client_id};
use super::stanzas::{self, Fault, With};
use super::state::Surface;
use crate::desk::NotGranted;
use crate::routing::{DeliveryState, OperatorId, Refusal};
use crate::spool::messengers::{self, Naming, Reply};

/// Letters of an answer: ten texts hold fewer, and longer ones belong in a letter.
const WORDS_MAX: usize = 5_000;
/// Fates told at a time.
const FATES_MAX: usize = 200;

impl Surface {
    /// The words of a message, if they are meant for a patron or the desk.
    pub(super) fn words(stanza: &Element) -> Result<Option<String>, (Fault, &'static str)> {
        let refuse = |words| Err((Fault::NOT_ACCEPTABLE, words));
        if stanza.attr("type") == Some("groupchat") {
            return refuse("this is no room: write to it directly");
        }
        let body = stanzas::body(stanza).filter(|body| !body.trim().is_empty());
        if body
            .as_ref()
            .is_some_and(|body| body.trim_start().starts_with("aesgcm://"))
        {
            return refuse(
                "the desk cannot read encrypted files: turn encryption off for this chat",
            );
        }
        if stanza.children().any(is_encrypted) {
            return refuse(
                "the desk cannot read encrypted messages: turn encryption off for this chat",
            );
        }
        if stanza.has_child("replace", ns::MESSAGE_CORRECT) {
            let words = "what was sent cannot be corrected: send another message";
            return Err((Fault::NOT_ALLOWED, words));
        }
        let carried = stanza.children().any(|c| {
            let ns = c.ns();
            ns.starts_with("urn:xmpp:carbons") || ns.starts_with("urn:xmpp:mam")
        });
        if carried || stanza.attr("type") == Some("headline") {
            return Ok(None);
        }
        let link = stanzas::child::<Oob>(stanza)
            .map(|file| file.url)
            .filter(|url| url.starts_with("https://") || url.starts_with("http://"));
        let words = match (body, link) {
            (Some(body), Some(link)) if !body.contains(&link) => format!("{body}\n{link}"),
            (Some(body), _) => body,
            (None, Some(link)) => link,
            (None, None) => return Ok(None),
        };
        if words.chars().count() > WORDS_MAX {
            return refuse("this is too long for a text: shorten it, or send a link");
        }
        Ok(Some(words))
    }

    /// An operator wrote to a patron.
    pub(super) async fn reply(
        &mut self,
        stanza: &Element,
        bare: &str,
        operator: OperatorId,
        naming: Naming,
        words: String,
    ) {
        if commands::looks_like_one(&words) {
            self.refuse(
                stanza,
                Fault::NOT_ACCEPTABLE,
                "commands go to the desk's own address; the patron got nothing",
            );
            return;
        }
        let Some(thread) = self.read(move |c| messengers::thread_of(c, &naming)).await else {
            self.refuse(
                stanza,
                Fault::TRY_AGAIN,
                "the desk cannot read its disk: try again",
            );
            return;
        };
        let Some(thread) = thread else {
            self.refuse(stanza, Fault::ITEM_NOT_FOUND, "there is no such patron");
            return;
        };
        let id = stanza.attr("id").unwrap_or_default();
        let reply = Reply {
            operator,
            client_id: client_id(bare, id, &words),
            jid: stanza.attr("from").unwrap_or_default().to_owned(),
            patron: stanza.attr("to").unwrap_or_default().to_owned(),
            stanza: id.to_owned(),
            receipt: stanzas::child::<receipts::Request>(stanza).is_some(),
        };
        if let Some(client) = self.clients.get_mut(bare) {
            // Whoever answers has read what went before.
            client.delivery.answered(thread.conversation.id);
        }
        let sending = Sending {
            stanza: stanza.clone(),
            reply,
            conversation: thread.conversation.id,
            words,
        };
        if self.replier.sending.try_send(sending).is_err() {
            self.refuse(
                stanza,
                Fault::TRY_AGAIN,
                "the desk is busy and did not send this: send it again in a moment",
            );
        }
    }

    /// The desk took an answer, or did not.
    pub(super) fn sent(&mut self, sent: Sent) {
        let Err(error) = sent.outcome else { return };
        let (fault, words) = refusal(&error);
        self.refuse(&sent.stanza, fault, &words);
    }

    /// Tells authors what became of their answers: a receipt when the network reported delivery,
    /// an error with their words when it failed.
    pub(super) async fn tell_fates(&mut self) {
        if !self.is_up() || !std::mem::take(&mut self.reported) {
            return;
        }
        let Some(settled) = self
            .read(|c| messengers::settled_replies(c, FATES_MAX))
            .await
        else {
            return;
        };
        self.reported = settled.len() == FATES_MAX;
        let mut told = Vec::with_capacity(settled.len());
        for (reply, message) in settled {
            match message.state {
                DeliveryState::Failed => {
                    let why = message
                        .reason
                        .as_deref()
                        .unwrap_or("the network refused it");
                    self.tell_failure(&reply, &message.body, why);
                }
                _ if reply.receipt && !reply.stanza.is_empty() => {
                    self.say(stanzas::receipt(&reply.patron, &reply.jid, &reply.stanza));
                }
                _ => {}
            }
            told.push(reply);
        }
        self.drop_told(told).await;
    }

    /// Forgets where replies came from, once their authors know; says whether it did. Not while the
    /// link is down: what was said then was said to nobody.
    pub(super) async fn drop_told(&self, told: Vec<Reply>) -> bool {
        if told.is_empty() {
            return true;
        }
        if !self.is_up() {
            return false;
        }
        self.write(move |c| {
            for reply in &told {
                messengers::drop_reply(c, reply.operator, &reply.client_id)?;
            }
            Ok(())
        })
        .await
        .is_some()
    }

    /// To the client that sent it, as an error; to whichever is there, as a line, when that is gone.
    fn tell_failure(&mut self, reply: &Reply, words: &str, why: &str) {
        let bare = stanzas::bare(&reply.jid).to_lowercase();
        let there = self
            .clients
            .get(&bare)
            .is_some_and(|client| client.resources.contains_key(&reply.jid));
        if there || self.is_desk(&bare) {
            let original = stanzas::chat(&reply.jid, &reply.patron, &reply.stanza)
                .with(stanzas::text("body", words));
            self.say(stanzas::error(&original, Fault::UNAVAILABLE, why));
        } else {
            let line = format!("/me did not get your text ({why}): {words}");
            self.say(
                stanzas::chat(&reply.patron, &bare, &format!("failed-{}", reply.stanza))
                    .with(stanzas::text("body", &line)),
            );
        }
    }
}

/// Words that need a key (XEP-0380, XEP-0384, XEP-0027, XEP-0373).
fn is_encrypted(child: &Element) -> bool {
    let ns = child.ns();
    match child.name() {
        "encryption" => ns.starts_with("urn:xmpp:eme"),
        "encrypted" => true,
        "x" => ns == "jabber:x:encrypted",
        "openpgp" => ns.starts_with("urn:xmpp:openpgp"),
        _ => false,
    }
}

/// A refusal as a stanza says it.
pub(super) fn refusal(error: &NotGranted) -> (Fault, String) {
    let fault = match error {
        NotGranted::Refused(Refusal::AnsweredBy { .. }) => Fault::CONFLICT,
        NotGranted::Refused(Refusal::OptedOut | Refusal::NotAnswerable | Refusal::NotYours) => {
            Fault::NOT_ALLOWED
        }
        NotGranted::Forbidden(_) => Fault::NOT_ALLOWED,
        NotGranted::Refused(_) | NotGranted::BadAmendment(_) => Fault::NOT_ACCEPTABLE,
        NotGranted::NotKept(_) | NotGranted::ShuttingDown => Fault::TRY_AGAIN,
    };
    (fault, error.to_string())
}
