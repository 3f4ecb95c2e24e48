//! Texts on their way to one operator's clients, pure: what goes out now, what proves that it was
//! read, what goes out again.
//!
//! A text is read when a receipt, a marker or a reply says so, or when a ping that followed it from
//! the same patron's address to the client's full JID came back with a *result*: stanzas between
//! two addresses keep their order (RFC 6120 §10.1), so whoever answered the ping has read what came
//! before it. An *error* proves nothing, since the server itself answers for a client that is gone.
//!
//! A client that gives receipts by itself needs no pings, which are two stanzas more for each text:
//! after some in a row its texts go without, until one has no receipt in time. Clients give them by
//! sender, some to acquaintances only, so one that is late is asked for all.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::routing::{ConversationId, MessageId};
use crate::spool::messengers::Owed;

/// Texts without proof at a time: servers forget what they had for a client that died beyond a few
/// hundred.
pub(super) const OUTSTANDING_MAX: usize = 100;
/// Texts waiting behind those; the rest waits in the spool.
pub(super) const QUEUED_MAX: usize = 500;
/// No proof after this long: once more, with the same id.
const PATIENCE: Duration = Duration::from_secs(30);
/// Copies of a text to a client that answers nothing at all.
const TRIES_MAX: u32 = 3;
/// Receipts in a row after which a client's texts go without pings.
const TRUSTED_AFTER: u32 = 8;
/// A text that went without is followed by a ping after all when no receipt came by then.
const RECEIPT_PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug)]
struct Outstanding {
    owed: Owed,
    /// The full JID whose ping counts.
    through: String,
    sent: Instant,
    tries: u32,
    /// Whether a ping went after it.
    pinged: bool,
}

/// A text to be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sending {
    pub(super) owed: Owed,
    /// 1 for the first copy.
    pub(super) tries: u32,
    /// Whether a ping is to follow.
    pub(super) ping: bool,
}

/// How far a thread is proved to have been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Proved {
    pub(super) conversation: ConversationId,
    pub(super) up_to: MessageId,
}

/// One client address's texts.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    queue: VecDeque<Owed>,
    outstanding: BTreeMap<MessageId, Outstanding>,
    /// Every text here, queued or outstanding.
    here: BTreeSet<MessageId>,
    /// More is in the spool behind the last one read from it.
    pub(super) more_after: Option<MessageId>,
    /// Threads whose texts are to be read from the spool.
    pub(super) unread: BTreeSet<ConversationId>,
    /// Who gave receipts, and how many in a row.
    receipts: (String, u32),
}

impl Delivery {
    /// Adds texts that are not here already; says whether all of them fitted.
    pub(super) fn owe(&mut self, texts: Vec<Owed>) -> bool {
        for owed in texts {
            if self.here.contains(&owed.message.id) {
                continue;
            }
            if self.queue.len() >= QUEUED_MAX {
                return false;
            }
            self.here.insert(owed.message.id);
            // In their order: a thread that came back is older than what waits.
            let at = self
                .queue
                .partition_point(|other| other.message.id < owed.message.id);
            self.queue.insert(at, owed);
        }
        true
    }

    /// The next text to be sent now, through the client `through`.
    pub(super) fn next(&mut self, through: &str, now: Instant) -> Option<Sending> {
        if self.outstanding.len() >= OUTSTANDING_MAX {
            return None;
        }
        let owed = self.queue.pop_front()?;
        let ping = !self.is_trusted(through);
        self.outstanding.insert(
            owed.message.id,
            Outstanding {
                owed: owed.clone(),
                through: through.to_owned(),
                sent: now,
                tries: 1,
                pinged: ping,
            },
        );
        Some(Sending {
            owed,
            tries: 1,
            ping,
        })
    }

    /// Whether a client gives receipts by itself.
    fn is_trusted(&self, through: &str) -> bool {
        self.receipts.0 == through && self.receipts.1 >= TRUSTED_AFTER
    }

    /// Texts that went without a ping and have no receipt yet: each with the client that is to be
    /// pinged for it now.
    pub(super) fn unreceipted(&mut self, now: Instant) -> Vec<(Owed, String)> {
        let late: Vec<(Owed, String)> = self
            .outstanding
            .values_mut()
            .filter(|text| !text.pinged && now.duration_since(text.sent) >= RECEIPT_PATIENCE)
            .map(|text| {
                text.pinged = true;
                (text.owed.clone(), text.through.clone())
            })
            .collect();
        if !late.is_empty() {
            self.receipts.1 = 0;
        }
        late
    }

    /// Texts whose proof is overdue: to be sent once more.
    pub(super) fn overdue(&mut self, through: &str, now: Instant) -> Vec<Sending> {
        let mut again = Vec::new();
        for outstanding in self.outstanding.values_mut() {
            if outstanding.tries < TRIES_MAX
                && now.duration_since(outstanding.sent) >= PATIENCE * outstanding.tries
            {
                outstanding.tries += 1;
                outstanding.sent = now;
                outstanding.pinged = true;
                through.clone_into(&mut outstanding.through);
                again.push(Sending {
                    owed: outstanding.owed.clone(),
                    tries: outstanding.tries,
                    ping: true,
                });
            }
        }
        again
    }

    /// A receipt or marker from `from` named this text.
    pub(super) fn read(&mut self, message: MessageId, from: &str) -> Option<Proved> {
        let outstanding = self.outstanding.remove(&message)?;
        self.here.remove(&message);
        if self.receipts.0 != from {
            self.receipts = (from.to_owned(), 0);
        }
        self.receipts.1 = self.receipts.1.saturating_add(1);
        Some(self.proved(outstanding.owed.message.conversation, message))
    }

    /// A ping from this thread's patron came back from `from`: what was sent before it through
    /// that client was read.
    pub(super) fn pinged(
        &mut self,
        conversation: ConversationId,
        up_to: MessageId,
        from: &str,
    ) -> Option<Proved> {
        let read: Vec<MessageId> = self
            .outstanding
            .range(..=up_to)
            .filter(|(_, outstanding)| {
                outstanding.owed.message.conversation == conversation && outstanding.through == from
            })
            .map(|(id, _)| *id)
            .collect();
        for id in &read {
            self.outstanding.remove(id);
            self.here.remove(id);
        }
        let last = read.last()?;
        Some(self.proved(conversation, *last))
    }

    /// Everything of this thread that was sent was read: its reader answered.
    pub(super) fn answered(&mut self, conversation: ConversationId) {
        self.forget(conversation);
    }

    /// How far a thread is read without a gap, given that `message` was.
    fn proved(&self, conversation: ConversationId, message: MessageId) -> Proved {
        let sent = self.outstanding.values().map(|o| &o.owed.message);
        let waiting = self.queue.iter().map(|owed| &owed.message);
        let gap = sent
            .chain(waiting)
            .filter(|other| other.conversation == conversation && other.id < message)
            .map(|other| other.id)
            .min();
        Proved {
            conversation,
            up_to: gap.map_or(message, |gap| MessageId(gap.0 - 1)),
        }
    }

    /// A text came back undelivered: it waits for its turn again.
    pub(super) fn bounced(&mut self, message: MessageId) {
        if let Some(outstanding) = self.outstanding.remove(&message) {
            self.here.remove(&message);
            self.owe(vec![outstanding.owed]);
        }
    }

    /// A client is gone: what was proved by nobody and sent through it waits again.
    pub(super) fn lost(&mut self, through: &str) {
        let lost: Vec<MessageId> = self
            .outstanding
            .iter()
            .filter(|(_, outstanding)| outstanding.through == through)
            .map(|(id, _)| *id)
            .collect();
        for id in lost {
            self.bounced(id);
        }
    }

    /// A thread is somebody else's now, or closed.
    pub(super) fn forget(&mut self, conversation: ConversationId) {
        self.unread.remove(&conversation);
        self.queue
            .retain(|owed| owed.message.conversation != conversation);
        self.outstanding
            .retain(|_, outstanding| outstanding.owed.message.conversation != conversation);
        let (queue, outstanding) = (&self.queue, &self.outstanding);
        self.here.retain(|id| {
            outstanding.contains_key(id) || queue.iter().any(|owed| owed.message.id == *id)
        });
    }

    /// Whether nothing waits to be sent.
    pub(super) fn is_drained(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether there is nothing at all.
    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.outstanding.is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use jiff::Timestamp;

    use super::*;
    use crate::numbers::PatronNumber;
    use crate::routing::{
        Answered, Author, DeliveryState, Direction, GatewayId, GatewayKind, Message, Patron,
        PatronId, QueueId, Repeats,
    };

    fn owed(id: i64, conversation: i64) -> Owed {
        Owed {
            message: Message {
                id: MessageId(id),
                conversation: ConversationId(conversation),
                direction: Direction::In,
                body: format!("text {id}"),
                at: Timestamp::UNIX_EPOCH,
                stamped_at: None,
                state: DeliveryState::Received,
                reason: None,
                author: Author::Patron,
                client_id: None,
                reaction: None,
            },
            patron: Patron {
                id: PatronId(conversation),
                gateway: GatewayId(1),
                address: PatronNumber::kept("+15551230100".into()),
                name: "heron-42".into(),
                opted_out: false,
                automatic_at: Vec::new(),
                answered: Answered::default(),
                repeats: Repeats::default(),
                blocked_until: None,
            },
            kind: GatewayKind::Sms,
            queue: QueueId(1),
            lent: false,
        }
    }

    fn send_all(delivery: &mut Delivery, through: &str, now: Instant) -> Vec<i64> {
        std::iter::from_fn(|| delivery.next(through, now))
            .map(|sending| sending.owed.message.id.0)
            .collect()
    }

    #[test]
    fn at_most_a_hundred_are_out_and_order_is_kept() {
        let now = Instant::now();
        let mut delivery = Delivery::default();
        assert!(delivery.owe((1..=300).rev().map(|id| owed(id, id)).collect()));
        assert_eq!(
            send_all(&mut delivery, "a/1", now),
            (1..=100).collect::<Vec<_>>()
        );
        delivery.read(MessageId(7), "a/1").unwrap();
        assert_eq!(send_all(&mut delivery, "a/1", now), [101]);
        assert!(!delivery.owe((301..=900).map(|id| owed(id, id)).collect()));
    }

    #[test]
    fn only_a_ping_through_the_same_client_and_thread_proves() {
        let now = Instant::now();
        let mut delivery = Delivery::default();
        delivery.owe(vec![owed(1, 5), owed(2, 6), owed(3, 5), owed(4, 5)]);
        send_all(&mut delivery, "a/1", now);
        assert_eq!(
            delivery.pinged(ConversationId(5), MessageId(3), "a/2"),
            None
        );
        assert_eq!(
            delivery.pinged(ConversationId(7), MessageId(3), "a/1"),
            None
        );
        let proved = delivery
            .pinged(ConversationId(5), MessageId(3), "a/1")
            .unwrap();
        assert_eq!(proved.up_to, MessageId(3));
        assert_eq!(
            delivery
                .outstanding
                .keys()
                .map(|id| id.0)
                .collect::<Vec<_>>(),
            [2, 4]
        );
    }

    #[test]
    fn a_receipt_does_not_speak_for_the_text_before_it() {
        let mut delivery = Delivery::default();
        delivery.owe(vec![owed(1, 5), owed(2, 5)]);
        send_all(&mut delivery, "a/1", Instant::now());
        let proved = delivery.read(MessageId(2), "a/1").unwrap();
        assert_eq!(proved.up_to, MessageId(0));
        assert_eq!(
            delivery.read(MessageId(1), "a/1").unwrap().up_to,
            MessageId(1)
        );
        let repeated = delivery.read(MessageId(1), "a/1");
        assert_eq!(repeated, None, "a receipt repeated");
        assert!(delivery.is_empty());
    }

    #[test]
    fn what_went_through_a_dead_client_goes_out_again() {
        let now = Instant::now();
        let mut delivery = Delivery::default();
        delivery.owe(vec![owed(1, 5), owed(2, 5)]);
        send_all(&mut delivery, "a/1", now);
        delivery.lost("a/1");
        assert_eq!(send_all(&mut delivery, "a/2", now), [1, 2]);
        delivery.bounced(MessageId(1));
        assert_eq!(send_all(&mut delivery, "a/2", now), [1]);
    }

    #[test]
    fn a_client_that_answers_nothing_gets_three_copies() {
        let mut now = Instant::now();
        let mut delivery = Delivery::default();
        delivery.owe(vec![owed(1, 5)]);
        send_all(&mut delivery, "a/1", now);
        let mut copies = 1;
        for _ in 0..1000 {
            now += Duration::from_secs(10);
            copies += delivery.overdue("a/1", now).len();
        }
        assert_eq!(copies, 3);
    }

    /// Sends the next text; says whether a ping follows it.
    fn is_pinged(delivery: &mut Delivery, through: &str, now: Instant) -> bool {
        delivery.next(through, now).unwrap().ping
    }

    #[test]
    fn a_client_that_gives_receipts_is_pinged_no_more() {
        let now = Instant::now();
        let mut delivery = Delivery::default();
        delivery.owe((1..=30).map(|id| owed(id, id)).collect());
        for id in 1..=8 {
            assert!(is_pinged(&mut delivery, "a/1", now), "text {id}");
            delivery.read(MessageId(id), "a/1").unwrap();
        }
        assert!(!is_pinged(&mut delivery, "a/1", now));
        assert!(is_pinged(&mut delivery, "a/2", now), "another client");
        delivery.read(MessageId(10), "a/2").unwrap();
        assert!(is_pinged(&mut delivery, "a/1", now), "no longer in a row");
    }

    #[test]
    fn a_receipt_that_is_late_brings_the_pings_back() {
        let now = Instant::now();
        let mut delivery = Delivery::default();
        delivery.owe((1..=30).map(|id| owed(id, id)).collect());
        for id in 1..=8 {
            delivery.next("a/1", now).unwrap();
            delivery.read(MessageId(id), "a/1").unwrap();
        }
        assert!(!is_pinged(&mut delivery, "a/1", now));
        assert!(!is_pinged(&mut delivery, "a/1", now));
        delivery.read(MessageId(10), "a/1").unwrap();
        let soon = now + RECEIPT_PATIENCE - Duration::from_millis(1);
        assert_eq!(delivery.unreceipted(soon), []);
        let late = delivery.unreceipted(now + RECEIPT_PATIENCE);
        assert_eq!(late, [(owed(9, 9), "a/1".to_owned())]);
        assert_eq!(delivery.unreceipted(now + PATIENCE), [], "pinged once");
        assert!(is_pinged(&mut delivery, "a/1", now));
        let proved = delivery.pinged(ConversationId(9), MessageId(9), "a/1");
        assert_eq!(proved.unwrap().up_to, MessageId(9));
    }

    #[test]
    fn a_copy_is_always_followed_by_a_ping() {
        let now = Instant::now();
        let mut delivery = Delivery::default();
        delivery.owe((1..=9).map(|id| owed(id, id)).collect());
        for id in 1..=8 {
            delivery.next("a/1", now).unwrap();
            delivery.read(MessageId(id), "a/1").unwrap();
        }
        assert!(!is_pinged(&mut delivery, "a/1", now));
        let again = delivery.overdue("a/1", now + PATIENCE);
        assert!(matches!(
            again.as_slice(),
            [Sending {
                tries: 2,
                ping: true,
                ..
            }]
        ));
    }

    #[test]
    fn a_thread_that_is_somebody_elses_is_forgotten() {
        let mut delivery = Delivery::default();
        delivery.owe(vec![owed(1, 5), owed(2, 6)]);
        delivery.next("a/1", Instant::now());
        delivery.forget(ConversationId(5));
        delivery.forget(ConversationId(6));
        assert!(delivery.is_empty() && delivery.here.is_empty());
    }
}
