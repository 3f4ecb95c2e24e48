//! Hands operators' answers to the desk, several to a commit.

use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio_xmpp::minidom::Element;

use crate::desk::{Arrivals, Desk, NotGranted, Wish};
use crate::routing::{Act, ConversationId, Event};
use crate::spool::Spool;
use crate::spool::messengers::{self, Reply};

/// The keys of messages that came by XMPP begin so.
pub(super) const CLIENT_ID: &str = "xmpp:";
/// Answers on their way to the desk.
const SENDING_MAX: usize = 1_024;
/// Answers that share one write.
const BATCH_MAX: usize = 128;

/// An answer on its way.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) stanza: Element,
    pub(super) reply: Reply,
    pub(super) conversation: ConversationId,
    pub(super) words: String,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) stanza: Element,
    pub(super) outcome: Result<(), NotGranted>,
}

/// Hands answers to the desk in their order, several to a commit.
#[derive(Debug)]
pub(super) struct Replier {
    pub(super) sending: mpsc::Sender<Sending>,
}

impl Replier {
    pub(super) fn start(desk: Desk, spool: Spool) -> (Self, mpsc::Receiver<Sent>) {
        let (sending, mut to_send) = mpsc::channel::<Sending>(SENDING_MAX);
        // Room for all that can be on its way: the room's task must never be waited for.
        let (sent, outcomes) = mpsc::channel(SENDING_MAX + BATCH_MAX);
        tokio::spawn(async move {
            let mut batch = Vec::with_capacity(BATCH_MAX);
            while to_send.recv_many(&mut batch, BATCH_MAX).await > 0 {
                for outcome in send(&desk, &spool, std::mem::take(&mut batch)).await {
                    if sent.send(outcome).await.is_err() {
                        return;
                    }
                }
            }
        });
        (Self { sending }, outcomes)
    }
}

/// First where the answers came from, so that their fate finds the way back; then the answers.
async fn send(desk: &Desk, spool: &Spool, batch: Vec<Sending>) -> Vec<Sent> {
    let origins: Vec<Reply> = batch.iter().map(|sending| sending.reply.clone()).collect();
    let kept = spool
        .write(move |c| {
            for reply in &origins {
                messengers::keep_reply(c, reply)?;
            }
            Ok(())
        })
        .await;
    if let Err(error) = kept {
        let outcome = NotGranted::NotKept(error.to_string());
        return batch
            .into_iter()
            .map(|sending| Sent {
                stanza: sending.stanza,
                outcome: Err(outcome.clone()),
            })
            .collect();
    }
    let mut posted = Vec::with_capacity(batch.len());
    for sending in batch {
        let wish = Wish::Happened {
            event: Event::act(
                sending.reply.operator,
                sending.conversation,
                Act::Send {
                    body: sending.words,
                    client_id: Some(sending.reply.client_id.clone()),
                },
            ),
            arrivals: Arrivals::None,
        };
        posted.push((sending.stanza, sending.reply, desk.post(wish).await));
    }
    let mut outcomes = Vec::with_capacity(posted.len());
    for (stanza, reply, posted) in posted {
        let outcome = match posted {
            Ok(answer) => match answer.await {
                Ok(outcome) => outcome.map(drop),
                Err(_) => Err(NotGranted::ShuttingDown),
            },
            Err(error) => Err(error),
        };
        if outcome.is_err() {
            let forgotten = spool
                .write(move |c| messengers::drop_reply(c, reply.operator, &reply.client_id))
                .await;
            if let Err(error) = forgotten {
                tracing::debug!(%error, "a refused answer's origin stays in the spool");
            }
        }
        outcomes.push(Sent { stanza, outcome });
    }
    outcomes
}

/// The same stanza from the same author is the same message, also when a client sends it again
/// after a failed resumption; the words belong to the key, because some clients count their ids
/// from one at every start.
pub(super) fn client_id(bare: &str, id: &str, words: &str) -> String {
    let mut hash = Sha256::new();
    if id.is_empty() {
        // Without an id nothing can be told apart: each one counts.
        let mut random = [0; 16];
        if getrandom::fill(&mut random).is_ok() {
            hash.update(random);
        }
    }
    for part in [bare, id, words] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let digest: String = hash
        .finalize()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{CLIENT_ID}{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resent_stanza_is_the_same_and_another_is_not() {
        let key = client_id("ana@example.org", "a1", "Yes.");
        assert_eq!(key, client_id("ana@example.org", "a1", "Yes."));
        for (bare, id, words) in [
            ("ben@example.org", "a1", "Yes."),
            ("ana@example.org", "a2", "Yes."),
            ("ana@example.org", "a1", "No."),
            ("ana@example.orga", "1", "Yes."),
        ] {
            assert_ne!(key, client_id(bare, id, words), "{bare} {id} {words}");
        }
        let nameless = || client_id("ana@example.org", "", "Yes.");
        assert_ne!(nameless(), nameless());
    }
}
