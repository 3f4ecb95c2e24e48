//! The patrons' telephones: what is on their screens, what waits for them while they are off, and
//! which of the things a newcomer may try have been seen to happen.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::clock::Clock;
use crate::routing::{Author, DeliveryState, Direction, Message, MessageId};

/// Patrons one may be. Numbers from the range kept for stories.
pub(super) const PATRONS: [(&str, &str); 3] = [
    ("Maya", "+15551230100"),
    ("Mr. Osei", "+15551230111"),
    ("Lena", "+15551230122"),
];
/// Bubbles kept for each browser that comes later; the same bound for whatever else is remembered.
const BUBBLES_MAX: usize = 500;
/// News a slow browser may lag behind before it reads everything again.
const NEWS_MAX: usize = 256;

/// One bubble on a patron's phone.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Bubble {
    id: u64,
    /// The patron whose phone it is on.
    pub(super) number: String,
    pub(super) direction: Way,
    pub(super) text: String,
    pub(super) at: Timestamp,
    /// For the patron's own: the library has it on disk.
    pub(super) kept: bool,
    /// For the library's: whose words; `None` until that is known.
    pub(super) author: Option<Hand>,
}

/// Which way a text went, as its patron sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Way {
    /// The patron wrote it.
    Out,
    /// The library did.
    In,
}

/// Who wrote for the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Hand {
    Librarian,
    /// A notice that nobody typed.
    Desk,
}

impl Hand {
    fn of(author: Author) -> Self {
        match author {
            Author::Operator(_) => Self::Librarian,
            Author::Desk | Author::Patron => Self::Desk,
        }
    }
}

/// What there is to try; each is ticked when it happened, whichever way it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Step {
    /// A text reached the desk while it was staffed.
    Text,
    /// A librarian's answer was delivered.
    Reply,
    /// A text was held.
    Away,
    /// The librarian came back to it.
    Back,
    /// An answer waited for a telephone that was off.
    Off,
}

/// News for the browsers: the event's name and its data.
pub(super) type News = (&'static str, String);

/// All the telephones.
#[derive(Debug)]
pub(super) struct Phones {
    known: Mutex<Known>,
    news: broadcast::Sender<News>,
}

#[derive(Debug, Default)]
struct Known {
    bubbles: VecDeque<Bubble>,
    last: u64,
    off: bool,
    /// Number and words of what came while they were off.
    waiting: VecDeque<(String, String)>,
    /// The desk's words that have not reached a phone yet: number, words, whose.
    written: VecDeque<(String, String, Hand)>,
    /// Answers the network took while the phones were off.
    sent_while_off: BTreeSet<MessageId>,
    tried: BTreeSet<Step>,
}

fn push<T>(queue: &mut VecDeque<T>, item: T) {
    if queue.len() >= BUBBLES_MAX {
        queue.pop_front();
    }
    queue.push_back(item);
}

impl Phones {
    /// Telephones that are on, with what an earlier run left on their screens: number, which way,
    /// words, when, and whose for the library's own.
    pub(super) fn new(earlier: impl IntoIterator<Item = (String, Message)>) -> Self {
        let mut known = Known::default();
        for (number, message) in earlier {
            let from_patron = message.direction == Direction::In;
            known.add(Bubble {
                id: 0,
                number,
                direction: if from_patron { Way::Out } else { Way::In },
                text: message.body,
                at: message.at,
                kept: true,
                author: (!from_patron).then(|| Hand::of(message.author)),
            });
        }
        Self {
            known: Mutex::new(known),
            news: broadcast::channel(NEWS_MAX).0,
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything a browser has to know of them.
    pub(super) fn state(&self) -> Value {
        let known = self.known();
        json!({
            "off": known.off,
            "waiting": known.waiting.len(),
            "tried": known.tried,
            "bubbles": known.bubbles,
        })
    }

    /// Listens from now on.
    pub(super) fn news(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }

    /// A patron sends a text: on the screen at once, kept when the desk says so.
    pub(super) fn patron_writes(&self, number: &str, text: &str) {
        let bubble = self.known().add(Bubble {
            id: 0,
            number: number.to_owned(),
            direction: Way::Out,
            text: text.to_owned(),
            at: Clock::system().now(),
            kept: false,
            author: None,
        });
        self.say("bubble", &bubble);
    }

    /// The desk has a patron's text on disk.
    pub(super) fn kept(&self, number: &str, text: &str, on_duty: bool) {
        let mut known = self.known();
        let oldest = known.bubbles.iter_mut().find(|bubble| {
            bubble.direction == Way::Out
                && !bubble.kept
                && bubble.number == number
                && bubble.text == text
        });
        if let Some(bubble) = oldest {
            bubble.kept = true;
            self.say("bubble", &*bubble);
        }
        self.tick(&mut known, if on_duty { Step::Text } else { Step::Away });
    }

    /// The desk has words of its own for a patron, or they came one step further.
    pub(super) fn written(&self, number: &str, message: &Message) {
        let hand = Hand::of(message.author);
        let mut known = self.known();
        match message.state {
            DeliveryState::Queued => {
                // The phone may have been quicker than this.
                let arrived = known.bubbles.iter_mut().find(|bubble| {
                    bubble.direction == Way::In
                        && bubble.author.is_none()
                        && bubble.number == number
                        && bubble.text == message.body
                });
                match arrived {
                    Some(bubble) => {
                        bubble.author = Some(hand);
                        self.say("bubble", &*bubble);
                    }
                    None => push(
                        &mut known.written,
                        (number.to_owned(), message.body.clone(), hand),
                    ),
                }
            }
            DeliveryState::Sent if known.off && hand == Hand::Librarian => {
                known.sent_while_off.insert(message.id);
            }
            DeliveryState::Delivered if hand == Hand::Librarian => {
                self.tick(&mut known, Step::Reply);
                if known.sent_while_off.remove(&message.id) {
                    self.tick(&mut known, Step::Off);
                }
            }
            DeliveryState::Received
            | DeliveryState::Sending
            | DeliveryState::Sent
            | DeliveryState::Delivered
            | DeliveryState::Failed
            | DeliveryState::Unknown => {}
        }
    }

    /// The network has a whole text for a phone.
    pub(super) fn arrives(&self, number: &str, text: &str) {
        let mut known = self.known();
        if known.off {
            push(&mut known.waiting, (number.to_owned(), text.to_owned()));
            self.say_switch(&known);
        } else {
            self.show(&mut known, number, text);
        }
    }

    /// Switches all of them off, or on: then what waited arrives. `meanwhile` is done before
    /// anything else can happen to them.
    pub(super) fn switch(&self, on: bool, meanwhile: impl FnOnce()) {
        let mut known = self.known();
        meanwhile();
        known.off = !on;
        if on {
            for (number, text) in std::mem::take(&mut known.waiting) {
                self.show(&mut known, &number, &text);
            }
        }
        self.say_switch(&known);
    }

    /// Whether they are off: nobody can write on one that is.
    pub(super) fn are_off(&self) -> bool {
        self.known().off
    }

    /// The librarian came on duty.
    pub(super) fn librarian_is_back(&self) {
        let mut known = self.known();
        if known.tried.contains(&Step::Away) {
            self.tick(&mut known, Step::Back);
        }
    }

    fn show(&self, known: &mut Known, number: &str, text: &str) {
        let written = known
            .written
            .iter()
            .position(|(to, words, _)| to == number && words == text);
        let author = written.and_then(|at| known.written.remove(at));
        let bubble = known.add(Bubble {
            id: 0,
            number: number.to_owned(),
            direction: Way::In,
            text: text.to_owned(),
            at: Clock::system().now(),
            kept: true,
            author: author.map(|(_, _, hand)| hand),
        });
        self.say("bubble", &bubble);
    }

    fn tick(&self, known: &mut Known, step: Step) {
        if known.tried.insert(step) {
            self.say("tried", &json!(known.tried));
        }
    }

    fn say_switch(&self, known: &Known) {
        self.say(
            "phones",
            &json!({ "off": known.off, "waiting": known.waiting.len() }),
        );
    }

    fn say(&self, event: &'static str, data: &impl Serialize) {
        // No browser open is not an error: the next one is told everything.
        let _ = self.news.send((event, json!(data).to_string()));
    }
}

impl Known {
    fn add(&mut self, bubble: Bubble) -> Bubble {
        self.last += 1;
        let bubble = Bubble {
            id: self.last,
            ..bubble
        };
        push(&mut self.bubbles, bubble.clone());
        bubble
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::routing::{ConversationId, OperatorId};

    const MAYA: &str = PATRONS[0].1;

    fn message(id: i64, body: &str, author: Author, state: DeliveryState) -> Message {
        Message {
            id: MessageId(id),
            conversation: ConversationId(1),
            direction: Direction::Out,
            body: body.into(),
            at: Timestamp::UNIX_EPOCH,
            stamped_at: None,
            state,
            reason: None,
            author,
            client_id: None,
            reaction: None,
        }
    }

    fn tried(phones: &Phones) -> Value {
        phones.state()["tried"].clone()
    }

    #[test]
    fn steps_are_ticked_by_what_happens_and_not_by_notices() {
        let phones = Phones::new([]);
        let ana = Author::Operator(OperatorId(1));
        phones.librarian_is_back();
        phones.patron_writes(MAYA, "Is my book in?");
        assert_eq!(tried(&phones), json!([]));
        phones.kept(MAYA, "Is my book in?", true);
        assert_eq!(tried(&phones), json!(["text"]));
        phones.written(
            MAYA,
            &message(1, "closed", Author::Desk, DeliveryState::Delivered),
        );
        assert_eq!(tried(&phones), json!(["text"]));
        phones.written(MAYA, &message(2, "Yes.", ana, DeliveryState::Delivered));
        assert_eq!(tried(&phones), json!(["text", "reply"]));
        phones.kept(MAYA, "And on Sunday?", false);
        phones.librarian_is_back();
        assert_eq!(tried(&phones), json!(["text", "reply", "away", "back"]));
    }

    #[test]
    fn whose_words_they_are_is_known_whichever_comes_first() {
        let phones = Phones::new([]);
        let ana = Author::Operator(OperatorId(1));
        phones.written(MAYA, &message(1, "Yes.", ana, DeliveryState::Queued));
        phones.arrives(MAYA, "Yes.");
        phones.arrives(MAYA, "We are closed.");
        phones.written(
            MAYA,
            &message(2, "We are closed.", Author::Desk, DeliveryState::Queued),
        );
        let state = phones.state();
        let authors: Vec<&Value> = state["bubbles"]
            .as_array()
            .unwrap()
            .iter()
            .map(|bubble| &bubble["author"])
            .collect();
        assert_eq!(authors, ["librarian", "desk"]);
    }

    #[test]
    fn texts_wait_for_a_phone_that_is_off() {
        let phones = Phones::new([]);
        let ana = Author::Operator(OperatorId(1));
        phones.switch(false, || {});
        phones.arrives(MAYA, "Yes.");
        phones.written(MAYA, &message(1, "Yes.", ana, DeliveryState::Sent));
        let state = phones.state();
        assert_eq!(
            (&state["off"], &state["waiting"]),
            (&json!(true), &json!(1))
        );
        assert_eq!(state["bubbles"], json!([]));
        phones.switch(true, || {});
        assert_eq!(phones.state()["bubbles"][0]["text"], "Yes.");
        assert_eq!(phones.state()["waiting"], 0);
        phones.written(MAYA, &message(1, "Yes.", ana, DeliveryState::Delivered));
        assert_eq!(tried(&phones), json!(["reply", "off"]));
    }
}
