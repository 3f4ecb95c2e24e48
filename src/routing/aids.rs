//! What operators do to a conversation beside answering it: remarks to colleagues, tags, a promise,
//! opening it again, blocking its sender, seeing the number behind the name.

use serde::{Deserialize, Serialize};

use super::event::{Effect, Moment, Refusal};
use super::ids::{ConversationId, OperatorId};
use super::ledger::Ledger;
use super::record::{ConversationState, Promise};
use super::router::Router;

/// Letters of a remark to colleagues; more belongs in a document.
const REMARK_MAX: usize = 1000;
/// Letters of a promise: one line of the hand-over sheet.
const PROMISE_MAX: usize = 200;
/// Tags of one conversation; more, and nobody finds anything by them.
const TAGS_MAX: usize = 10;
/// Letters of a tag.
const TAG_MAX: usize = 32;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Aid {
    /// Open a closed conversation again, and take it, without a word to the patron.
    Reopen,
    /// A line for colleagues, never sent to the patron.
    Remark(String),
    /// The tags from now on.
    Label(Vec<String>),
    /// What the desk owes this patron; empty takes the promise back.
    Promise(String),
    /// Nothing this sender writes comes before anyone for a day.
    Block,
    /// It does again.
    Unblock,
    /// Show the number behind the patron's name, and write down who saw it.
    Reveal,
}

/// What is written down about an operator or a command on the box, for whoever keeps the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Saw a patron's number.
    Revealed,
    /// Blocked a sender.
    Blocked,
    /// Lifted a block.
    Unblocked,
    /// Began a conversation with a number.
    Began,
    /// Opened a closed conversation again, on the box.
    Reopened,
    /// Set a conversation's tags, on the box.
    Labelled,
}

impl Deed {
    /// The word of the audit trail.
    pub fn word(self) -> &'static str {
        match self {
            Deed::Revealed => "revealed_number",
            Deed::Blocked => "blocked_sender",
            Deed::Unblocked => "unblocked_sender",
            Deed::Began => "began_conversation",
            Deed::Reopened => "reopened_conversation",
            Deed::Labelled => "set_tags",
        }
    }
}

impl Router {
    pub(super) fn aid(
        &mut self,
        operator: OperatorId,
        id: ConversationId,
        aid: Aid,
        now: Moment,
        ledger: &mut Ledger,
    ) -> Result<(), Refusal> {
        self.reachable(operator, id)?;
        match aid {
            Aid::Reopen => self.reopen(operator, id, now, ledger)?,
            Aid::Remark(text) => {
                let text = within(text, REMARK_MAX, "the note")?;
                if text.is_empty() {
                    return Err(Refusal::Unfit(
                        "the note is empty: write something first".into(),
                    ));
                }
                ledger.row(Effect::Remark {
                    conversation: id,
                    by: operator,
                    text,
                });
            }
            Aid::Label(tags) => {
                let tags = labels(tags)?;
                self.change(id, ledger, |c| c.marks.tags = tags);
            }
            Aid::Promise(words) => {
                let words = within(words, PROMISE_MAX, "the promise")?;
                let promise = (!words.is_empty()).then_some(Promise {
                    words,
                    by: operator,
                });
                self.change(id, ledger, |c| c.marks.promise = promise);
            }
            Aid::Block => self.block(operator, id, now, ledger)?,
            Aid::Unblock => self.unblock(operator, id, now, ledger)?,
            Aid::Reveal => {
                if !self.may_reveal(operator, id) {
                    return Err(Refusal::Unfit(
                        "this patron is another library's: only its own librarians may see the \
                         number"
                            .into(),
                    ));
                }
                ledger.note(id, format!("{} looked at the number", self.name(operator)));
                ledger.deed(Some(operator), Deed::Revealed, id);
            }
        }
        self.see(operator, now);
        Ok(())
    }

    /// A number is for the desk it was given to: librarians who help out never see it (clause 7).
    fn may_reveal(&self, operator: OperatorId, id: ConversationId) -> bool {
        let Some(conversation) = self.conversation(id) else {
            return false;
        };
        let fed = self
            .plan
            .gateway(conversation.gateway)
            .map(|gateway| gateway.queue);
        self.plan.operator(operator).is_some_and(|operator| {
            let mut queues = operator.queues.iter();
            queues.any(|queue| *queue == conversation.home || Some(*queue) == fed)
        })
    }

    fn reopen(
        &mut self,
        operator: OperatorId,
        id: ConversationId,
        now: Moment,
        ledger: &mut Ledger,
    ) -> Result<(), Refusal> {
        let conversation = self.reachable(operator, id)?;
        if conversation.state != ConversationState::Closed {
            return self.claim(operator, id, now, ledger);
        }
        if let Some(newer) = self.threads.of_patron(conversation.patron) {
            return Err(self.taken(operator, newer).unwrap_or_else(|| {
                Refusal::Unfit("this patron has a newer conversation open: go on in that".into())
            }));
        }
        let queue = self.present_queue(conversation);
        self.open(id, queue, ledger);
        self.take(operator, id, "opened again by", true, ledger);
        ledger.note(id, format!("opened again by {}", self.name(operator)));
        Ok(())
    }
}

fn within(text: String, most: usize, what: &str) -> Result<String, Refusal> {
    let text = text.trim();
    if text.chars().count() > most {
        return Err(Refusal::Unfit(format!(
            "{what} has more than {most} letters: shorten it"
        )));
    }
    Ok(text.to_owned())
}

/// Tags as they are kept: lower case, each once, in order.
pub(super) fn labels(tags: Vec<String>) -> Result<Vec<String>, Refusal> {
    let mut kept: Vec<String> = Vec::new();
    for tag in tags {
        let tag = tag.trim().trim_start_matches('#').to_lowercase();
        if tag.is_empty() {
            continue;
        }
        let fits = tag.chars().count() <= TAG_MAX
            && tag
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' '));
        if !fits {
            return Err(Refusal::Unfit(format!(
                "a tag is 1 to {TAG_MAX} letters, digits, spaces, `-`, `_` and `.`"
            )));
        }
        kept.push(tag);
    }
    kept.sort();
    kept.dedup();
    if kept.len() > TAGS_MAX {
        return Err(Refusal::Unfit(format!(
            "a conversation has at most {TAGS_MAX} tags: take one off first"
        )));
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::test_desk::*;
    use super::super::*;
    use super::labels;

    const PAT: &str = "+15551230100";

    fn aid(operator: OperatorId, conversation: i64, aid: Aid) -> Event {
        Event::Aid {
            operator,
            conversation: ConversationId(conversation),
            aid,
        }
    }

    #[test]
    fn tags_are_kept_in_one_form() {
        let many = |n: usize| (0..n).map(|n| format!("tag{n}")).collect::<Vec<_>>();
        for (given, kept) in [
            (vec!["#Fines".into(), " fines ".into()], Some(vec!["fines"])),
            (
                vec!["ILL".into(), "e-books".into()],
                Some(vec!["e-books", "ill"]),
            ),
            (vec![String::new(), "  ".into()], Some(vec![])),
            (vec!["bücher holen".into()], Some(vec!["bücher holen"])),
            (vec!["a,b".into()], None),
            (vec!["<b>".into()], None),
            (vec!["x".repeat(33)], None),
            (many(11), None),
        ] {
            let labelled = labels(given.clone()).ok();
            let kept = kept.map(|kept| kept.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(labelled, kept, "{given:?}");
        }
        assert_eq!(labels(many(10)).unwrap().len(), 10);
    }

    #[test]
    fn a_remark_goes_to_colleagues_and_to_nobody_else() {
        let mut desk = TestDesk::new(elm());
        desk.arrives(ANA);
        desk.text(PAT, "Is my book in?");
        let effects = desk.does(aid(BEN, 1, Aid::Remark(" on the cart ".into())));
        assert_eq!(submits(&effects), []);
        assert_eq!(
            effects,
            [Effect::Remark {
                conversation: ConversationId(1),
                by: BEN,
                text: "on the cart".into()
            }]
        );
        // Not for whoever does not see the conversation, and not endless.
        for (who, words) in [
            (CAL, "hello".to_owned()),
            (BEN, " ".into()),
            (BEN, "x".repeat(1001)),
        ] {
            desk.try_do(aid(who, 1, Aid::Remark(words))).unwrap_err();
        }
    }

    #[test]
    fn tags_stay_and_a_promise_ends_with_the_conversation() {
        let mut desk = TestDesk::new(elm());
        desk.arrives(ANA);
        desk.text(PAT, "Is my book in?");
        desk.claim(ANA, 1).unwrap();
        desk.does(aid(ANA, 1, Aid::Label(vec!["Holds".into()])));
        desk.does(aid(BEN, 1, Aid::Promise("call back by 4".into())));
        let marks = desk.conversation(1).marks.clone();
        assert_eq!(marks.tags, ["holds"]);
        let promise = marks.promise.unwrap();
        assert_eq!(
            (promise.words.as_str(), promise.by),
            ("call back by 4", BEN)
        );
        desk.restarts();
        assert_eq!(desk.conversation(1).marks.tags, ["holds"]);
        desk.does(aid(ANA, 1, Aid::Promise(String::new())));
        assert_eq!(desk.conversation(1).marks.promise, None);
        desk.does(aid(ANA, 1, Aid::Promise("a list by Friday".into())));
        desk.close(ANA, 1).unwrap();
        let marks = desk.conversation(1).marks.clone();
        assert_eq!(
            (marks.tags, marks.promise),
            (vec!["holds".to_owned()], None)
        );
        // A closed one can still be tagged.
        desk.does(aid(ANA, 1, Aid::Label(Vec::new())));
        assert_eq!(desk.conversation(1).marks.tags, [""; 0]);
        assert_eq!(desk.state(1), ConversationState::Closed);
    }

    #[test]
    fn opening_again_says_nothing_to_the_patron() {
        let mut desk = TestDesk::new(elm());
        desk.arrives(ANA);
        desk.text(PAT, "Is my book in?");
        desk.send(ANA, 1, "Yes.").unwrap();
        desk.close(ANA, 1).unwrap();
        let effects = desk.does(aid(BEN, 1, Aid::Reopen));
        assert_eq!(submits(&effects), []);
        assert_eq!(notes(&effects), ["opened again by ben"]);
        assert_eq!(desk.conversation(1).claimed_by, Some(BEN));
        // An open one is claimed: first come, first served.
        assert!(matches!(
            desk.try_do(aid(ANA, 1, Aid::Reopen)),
            Err(Refusal::AnsweredBy { .. })
        ));
        // Not beside a newer one.
        desk.close(BEN, 1).unwrap();
        desk.wait(25 * 3600);
        desk.text(PAT, "Another thing");
        assert_eq!(desk.state(2), ConversationState::Waiting);
        assert!(matches!(
            desk.try_do(aid(BEN, 1, Aid::Reopen)),
            Err(Refusal::Unfit(_))
        ));
    }

    #[test]
    fn looking_at_a_number_is_written_down() {
        let mut desk = TestDesk::new(elm());
        desk.arrives(ANA);
        desk.text(PAT, "Is my book in?");
        let effects = desk.does(aid(ANA, 1, Aid::Reveal));
        assert_eq!(notes(&effects), ["ana looked at the number"]);
        assert!(effects.contains(&Effect::Audit {
            by: Some(ANA),
            deed: Deed::Revealed,
            conversation: ConversationId(1)
        }));
        desk.try_do(aid(CAL, 1, Aid::Reveal)).unwrap_err();
    }
}
