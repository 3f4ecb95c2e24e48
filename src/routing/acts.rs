//! Each act done, and those that are no clause of their own: notes to colleagues, tags, a promise,
//! opening again, seeing the number behind the name.

use super::act::Act;
use super::actor::Actor;
use super::effect::Effect;
use super::ids::ConversationId;
use super::record::{ConversationState, Promise};
use super::refusal::Refusal;
use super::turn::Turn;

/// Letters of a note to colleagues; more belongs in a document.
const NOTE_MAX: usize = 1000;
/// Letters of a promise: one line of the hand-over sheet.
const PROMISE_MAX: usize = 200;
/// Tags of one conversation; more, and nobody finds anything by them.
const TAGS_MAX: usize = 10;
/// Letters of a tag.
const TAG_MAX: usize = 32;

impl Turn<'_> {
    /// Does what is asked, if whoever asks may.
    pub(super) fn act(&mut self, by: Actor, on: ConversationId, act: Act) -> Result<(), Refusal> {
        self.state.permit(by, on, &act)?;
        let audited = act.audited(by);
        let operator = by.operator().ok_or(Refusal::NotPermitted);
        match act {
            Act::Send { body, client_id } => {
                self.send(operator?, on, body, client_id)?;
            }
            Act::Claim => self.take(operator?, on, "taken by", false),
            Act::Release => self.release(operator?, on),
            Act::Return => self.hand_back(operator?, on)?,
            Act::CallBack { reason } => self.call_back(on, &reason)?,
            Act::Close => self.close(operator?, on),
            Act::Transfer { to, note } => self.transfer(operator?, on, to, note)?,
            Act::Reopen => self.reopen(by, on)?,
            Act::Note(text) => {
                let text = within(text, NOTE_MAX, "the note")?;
                if text.is_empty() {
                    return Err(Refusal::Unfit(
                        "the note is empty: write something first".into(),
                    ));
                }
                self.effects.row(Effect::Remark {
                    conversation: on,
                    by: operator?,
                    text,
                });
            }
            Act::Tag(tags) => {
                let tags = kept_tags(tags)?;
                self.change(on, |c| c.marks.tags = tags);
            }
            Act::Promise(words) => {
                let words = within(words, PROMISE_MAX, "the promise")?;
                let by = operator?;
                let promise = (!words.is_empty()).then_some(Promise { words, by });
                self.change(on, |c| c.marks.promise = promise);
            }
            Act::Block => self.block(by, on)?,
            Act::Unblock => self.unblock(by, on)?,
            Act::OptOut => self.opt_out(by, on)?,
            Act::Reveal => self
                .effects
                .note(on, format!("{} looked at the number", self.state.who(by))),
            Act::Retry { message } => self.retry(message, on)?,
        }
        if let Some(action) = audited {
            self.effects.audit(by, action, on);
        }
        if let Actor::Operator(operator) = by {
            self.see(operator);
            self.revive(operator);
        }
        Ok(())
    }

    /// An operator who opens it again has it; otherwise it is put before its queue, whoever answered
    /// last first. Nobody waits for an answer in it, so no notice goes to the patron.
    fn reopen(&mut self, by: Actor, id: ConversationId) -> Result<(), Refusal> {
        let conversation = self.state.present(id)?;
        if conversation.state != ConversationState::Closed {
            return match by {
                Actor::Operator(operator) => {
                    self.state.open_to(operator, id)?;
                    self.take(operator, id, "taken by", false);
                    Ok(())
                }
                Actor::Box | Actor::Peer => Err(Refusal::Unfit(
                    "this conversation is open: there is nothing to open again".into(),
                )),
            };
        }
        if let Some(newer) = self.state.threads.of_patron(conversation.patron) {
            let taken = by
                .operator()
                .and_then(|operator| self.state.taken(operator, newer));
            return Err(taken.unwrap_or_else(|| {
                Refusal::Unfit(format!(
                    "this patron has a newer conversation open, {}: go on in that",
                    newer.id
                ))
            }));
        }
        let first = conversation.last_answered_by;
        let queue = self.state.present_queue(conversation);
        self.open(id, queue);
        if let Actor::Operator(operator) = by {
            self.take(operator, id, "opened again by", true);
        }
        self.effects
            .note(id, format!("opened again by {}", self.state.who(by)));
        if by.operator().is_none() {
            self.put_on_offer(id, first);
        }
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
fn kept_tags(tags: Vec<String>) -> Result<Vec<String>, Refusal> {
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
    use super::kept_tags;

    const PAT: &str = "+15551230100";

    fn does(operator: OperatorId, conversation: i64, act: Act) -> Event {
        Event::act(operator, ConversationId(conversation), act)
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
            let labelled = kept_tags(given.clone()).ok();
            let kept = kept.map(|kept| kept.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(labelled, kept, "{given:?}");
        }
        assert_eq!(kept_tags(many(10)).unwrap().len(), 10);
    }

    #[test]
    fn a_note_goes_to_colleagues_and_to_nobody_else() {
        let mut desk = TestDesk::new(elm());
        desk.arrives(ANA);
        desk.text(PAT, "Is my book in?");
        let effects = desk.does(does(BEN, 1, Act::Note(" on the cart ".into())));
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
            desk.try_do(does(who, 1, Act::Note(words))).unwrap_err();
        }
    }

    #[test]
    fn tags_stay_and_a_promise_ends_with_the_conversation() {
        let mut desk = TestDesk::new(elm());
        desk.arrives(ANA);
        desk.text(PAT, "Is my book in?");
        desk.claim(ANA, 1).unwrap();
        desk.does(does(ANA, 1, Act::Tag(vec!["Holds".into()])));
        desk.does(does(BEN, 1, Act::Promise("call back by 4".into())));
        let marks = desk.conversation(1).marks.clone();
        assert_eq!(marks.tags, ["holds"]);
        let promise = marks.promise.unwrap();
        assert_eq!(
            (promise.words.as_str(), promise.by),
            ("call back by 4", BEN)
        );
        desk.restarts();
        assert_eq!(desk.conversation(1).marks.tags, ["holds"]);
        desk.does(does(ANA, 1, Act::Promise(String::new())));
        assert_eq!(desk.conversation(1).marks.promise, None);
        desk.does(does(ANA, 1, Act::Promise("a list by Friday".into())));
        desk.close(ANA, 1).unwrap();
        let marks = desk.conversation(1).marks.clone();
        assert_eq!(
            (marks.tags, marks.promise),
            (vec!["holds".to_owned()], None)
        );
        // A closed one can still be tagged.
        desk.does(does(ANA, 1, Act::Tag(Vec::new())));
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
        let effects = desk.does(does(BEN, 1, Act::Reopen));
        assert_eq!(submits(&effects), []);
        assert_eq!(notes(&effects), ["opened again by ben"]);
        assert_eq!(desk.conversation(1).claimed_by, Some(BEN));
        // An open one is claimed: first come, first served.
        assert!(matches!(
            desk.try_do(does(ANA, 1, Act::Reopen)),
            Err(Refusal::AnsweredBy { .. })
        ));
        // Not beside a newer one.
        desk.close(BEN, 1).unwrap();
        desk.wait(25 * 3600);
        desk.text(PAT, "Another thing");
        assert_eq!(desk.state(2), ConversationState::Waiting);
        assert!(matches!(
            desk.try_do(does(BEN, 1, Act::Reopen)),
            Err(Refusal::Unfit(_))
        ));
    }

    #[test]
    fn looking_at_a_number_is_written_down() {
        let mut desk = TestDesk::new(elm());
        desk.arrives(ANA);
        desk.text(PAT, "Is my book in?");
        let effects = desk.does(does(ANA, 1, Act::Reveal));
        assert_eq!(notes(&effects), ["ana looked at the number"]);
        assert!(effects.contains(&Effect::Audit {
            by: ANA.into(),
            action: AuditAction::RevealedNumber,
            conversation: ConversationId(1)
        }));
        desk.try_do(does(CAL, 1, Act::Reveal)).unwrap_err();
    }

    fn order(conversation: i64, act: Act) -> Event {
        Event::act(Actor::Box, ConversationId(conversation), act)
    }

    /// What is on the trail of it: who did what.
    fn trail(effects: &[Effect]) -> Vec<(Actor, AuditAction)> {
        effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Audit { by, action, .. } => Some((*by, *action)),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn a_closed_conversation_is_put_before_its_queue_without_a_word_to_the_patron() {
        let mut desk = TestDesk::new(elm());
        desk.arrives(ANA);
        desk.arrives(BEN);
        desk.text(PAT, "Is my book in?");
        let open = desk.try_do(order(1, Act::Reopen)).unwrap_err();
        assert!(open.to_string().contains("is open"), "{open}");
        desk.send(BEN, 1, "Yes.").unwrap();
        desk.close(BEN, 1).unwrap();
        let effects = desk.does(order(1, Act::Reopen));
        assert_eq!(
            trail(&effects),
            [(Actor::Box, AuditAction::ReopenedConversation)]
        );
        assert_eq!(notes(&effects), ["opened again by whoever keeps the box"]);
        assert_eq!(bells(&effects), ["offer 1 to 2"], "ben answered last");
        assert_eq!(desk.state(1), ConversationState::Waiting);
        assert_eq!(desk.conversation(1).claimed_by, None);
        desk.restarts();
        // Nobody waits: no notice, however long it stands there.
        let sent = desk.rows.submitted.len();
        desk.arrives(ANA);
        desk.wait(3600);
        assert_eq!(desk.rows.submitted.len(), sent);
        desk.claim(ANA, 1).unwrap();
        desk.close(ANA, 1).unwrap();

        // Not beside a newer one, and not what is not there.
        desk.wait(25 * 3600);
        desk.text(PAT, "Another thing");
        let newer = desk.try_do(order(1, Act::Reopen)).unwrap_err();
        assert!(newer.to_string().contains("open, 2:"), "{newer}");
        let gone = desk.try_do(order(9, Act::Reopen));
        assert_eq!(gone, Err(Refusal::NoSuchConversation));
    }

    #[test]
    fn tags_are_set_in_nobodys_name() {
        let mut desk = TestDesk::new(elm());
        desk.arrives(ANA);
        desk.text(PAT, "Is my book in?");
        desk.claim(ANA, 1).unwrap();
        let effects = desk.does(order(1, Act::Tag(vec!["#Fines".into()])));
        assert_eq!(trail(&effects), [(Actor::Box, AuditAction::SetTags)]);
        assert_eq!(desk.conversation(1).marks.tags, ["fines"]);
        assert_eq!(desk.conversation(1).claimed_by, Some(ANA));
        desk.close(ANA, 1).unwrap();
        desk.does(order(1, Act::Tag(Vec::new())));
        assert_eq!(desk.conversation(1).marks.tags, [""; 0]);
        desk.try_do(order(1, Act::Tag(vec!["<b>".into()])))
            .unwrap_err();
    }

    #[test]
    fn a_sender_is_blocked_unless_somebody_answers() {
        let mut desk = TestDesk::new(elm());
        desk.arrives(ANA);
        desk.text(PAT, "You are all fools");
        desk.claim(ANA, 1).unwrap();
        let refused = desk.try_do(order(1, Act::Block)).unwrap_err();
        assert!(refused.to_string().contains("ask ana"), "{refused}");
        desk.does(Event::act(ANA, ConversationId(1), Act::Release));
        let effects = desk.does(order(1, Act::Block));
        assert_eq!(trail(&effects), [(Actor::Box, AuditAction::BlockedSender)]);
        assert_eq!(
            notes(&effects),
            ["blocked for a day by whoever keeps the box"]
        );
        assert_eq!(desk.state(1), ConversationState::Closed);
        desk.text(PAT, "Fools!");
        assert_eq!(desk.state(1), ConversationState::Closed);
        let effects = desk.does(order(1, Act::Unblock));
        assert_eq!(
            trail(&effects),
            [(Actor::Box, AuditAction::UnblockedSender)]
        );
        desk.text(PAT, "Sorry");
        assert_eq!(desk.state(1), ConversationState::Waiting);
        desk.try_do(order(1, Act::Unblock)).unwrap_err();
    }
}
