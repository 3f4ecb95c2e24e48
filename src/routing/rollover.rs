//! Nobody here answers: another queue helps out (clause 7). The local desk first, its partners
//! second; the patron is told, and may say NO.

use std::collections::BTreeSet;

use super::alarms::Alarm;
use super::ids::{ConversationId, OperatorId};
use super::notice::Notice;
use super::record::{ConversationState, Rollover};
use super::refusal::Refusal;
use super::turn::Turn;

impl Turn<'_> {
    /// The local desk was silent for long enough.
    pub(super) fn roll_over(&mut self, id: ConversationId) {
        let Some(conversation) = self.state.threads.get(id) else {
            return;
        };
        let Some(fallback) = self.state.needs_help(conversation) else {
            return;
        };
        let helper = fallback.queue;
        // Nobody could help now: asked again when somebody comes.
        if !self.state.is_online(helper) {
            return;
        }
        let patron = conversation.patron;
        let before = self.state.offered(id);
        self.state.alarms.clear(Alarm::Reserved(id));
        self.state.threads.unreserve(id);
        self.change(id, |c| c.rollover = Rollover::Shared(helper));
        self.stand_as_offered(id);
        self.effects.note(
            id,
            format!(
                "offered to {} as well: nobody answered",
                self.state.queue_name(helper)
            ),
        );
        let after = self.state.offered(id);
        self.effects
            .offer(id, &after.difference(&before).copied().collect());
        let told = [("partner", self.state.plan.partner(helper))];
        if self.notify_of(Notice::Rollover, told, patron, id) {
            self.change(id, |c| c.rollover = Rollover::Offered(helper));
        }
    }

    /// The patron said NO: their own library it is.
    pub(super) fn decline(&mut self, id: ConversationId) {
        const WHY: &str = "the patron would rather wait for their own library";
        self.go_home(id, WHY);
    }

    /// A helper has no answer, or has given all it had.
    pub(super) fn hand_back(
        &mut self,
        operator: OperatorId,
        id: ConversationId,
    ) -> Result<(), Refusal> {
        let conversation = self.state.present(id)?;
        let helps = !self
            .state
            .operator(operator)?
            .queues
            .contains(&conversation.home);
        let theirs = conversation.claimed_by == Some(operator);
        if !helps || !(theirs || self.state.offered(id).contains(&operator)) {
            return Err(Refusal::NotYours);
        }
        if theirs && conversation.waiting_since.is_none() {
            self.close(operator, id);
            return Ok(());
        }
        if self.state.plan.queue(conversation.home).is_none() {
            return Err(Refusal::NoSuchQueue);
        }
        // It may have been handed over by hand.
        self.change(id, |c| c.queue = c.home);
        let why = format!("returned by {}", self.state.name(operator));
        self.go_home(id, &why);
        Ok(())
    }

    /// The box that relayed the patron has answered, or the patron would rather wait for it.
    pub(super) fn call_back(&mut self, id: ConversationId, reason: &str) -> Result<(), Refusal> {
        let conversation = self.state.present(id)?;
        if conversation.state == ConversationState::Closed {
            return Err(Refusal::Closed);
        }
        let mut told = self.state.offered(id);
        told.extend(conversation.claimed_by);
        self.effects.note(id, reason.to_owned());
        self.shut(id);
        self.effects.withdraw(id, &told, reason);
        Ok(())
    }

    /// A conversation is before its own queue alone from now on.
    fn go_home(&mut self, id: ConversationId, why: &str) {
        let Some(conversation) = self.state.threads.get(id) else {
            return;
        };
        let before = self.state.offered(id);
        let helper = conversation.claimed_by.filter(|&claimant| {
            let entry = self.state.plan.operator(claimant);
            entry.is_none_or(|entry| !entry.queues.contains(&conversation.queue))
        });
        self.state.threads.unreserve(id);
        self.state.alarms.clear(Alarm::Reserved(id));
        if helper.is_some() {
            self.state.alarms.clear(Alarm::Transfer(id));
        }
        self.change(id, |c| {
            c.rollover = Rollover::Declined;
            if helper.is_some() {
                c.claimed_by = None;
                c.transfer = None;
            }
        });
        self.stand_as_offered(id);
        self.effects.note(id, why.to_owned());
        let after = self.state.offered(id);
        let gone: BTreeSet<OperatorId> = before.difference(&after).copied().chain(helper).collect();
        self.effects.withdraw(id, &gone, why);
        self.effects
            .offer(id, &after.difference(&before).copied().collect());
        self.await_notice(id);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::test_desk::*;
    use super::super::*;

    const PAT: &str = "+15551230100";
    const M9: &str = "Elm: partner librarians at Oak County can help now; they may not know our \
                      shelves. They won't see your number. Reply NO to wait for us.";

    /// The desk is helped out by the kids' desk, which is Oak County's.
    fn consortium() -> TestDesk {
        let mut plan = elm();
        plan.queues[0].fallback = Some(Fallback {
            queue: KIDS,
            after: Fallback::AFTER,
        });
        plan.queues[1].title = Some("Oak County".into());
        TestDesk::new(plan)
    }

    #[test]
    fn a_silent_desk_is_helped_out_after_90_seconds_and_the_patron_told() {
        let mut desk = consortium();
        desk.arrives(ANA);
        desk.arrives(CAL);
        assert_eq!(bells(&desk.text(PAT, "Is my book in?")), ["offer 1 to 1"]);
        assert_eq!(desk.wait(89), []);
        let helped = desk.wait(1);
        assert_eq!(bells(&helped), ["offer 1 to 3"]);
        assert_eq!(submits(&helped), [(PAT.to_owned(), M9.to_owned())]);
        assert_eq!(notes(&helped), ["offered to kids as well: nobody answered"]);
        let conversation = desk.conversation(1);
        assert_eq!((conversation.queue, conversation.home), (DESK, DESK));
        assert_eq!(conversation.rollover, Rollover::Offered(KIDS));
        // The first to answer has it, whichever desk they sit at.
        let answered = desk.send(CAL, 1, "Let me ask.").unwrap();
        assert_eq!(bells(&answered), ["withdraw 1 from 1: answered by cal"]);
        assert_eq!(desk.conversation(1).rollover, Rollover::Shared(KIDS));
        assert_eq!(desk.conversation(1).home, DESK, "statistics stay");
        // An answer was given: *no* is a word now.
        desk.text(PAT, "No");
        assert_eq!(desk.conversation(1).claimed_by, Some(CAL));
    }

    #[test]
    fn no_brings_it_home() {
        let mut desk = consortium();
        desk.arrives(ANA);
        desk.arrives(CAL);
        desk.text(PAT, "Is my book in?");
        desk.wait(90);
        let home = desk.text(PAT, "No.");
        assert_eq!(
            bells(&home),
            ["withdraw 1 from 3: the patron would rather wait for their own library"]
        );
        assert_eq!(desk.thread(1), ["Is my book in?", M9, "No."]);
        assert_eq!(desk.send(CAL, 1, "Hi"), Err(Refusal::NoSuchConversation));
        // Nobody asks again in this thread.
        let later = desk.wait(3600);
        assert!(submits(&later).iter().all(|(_, words)| words != M9));
        assert!(desk.send(ANA, 1, "It is.").is_ok());
    }

    #[test]
    fn a_helper_gives_back_what_it_cannot_answer_and_is_not_asked_again() {
        for claims in [true, false] {
            let mut desk = consortium();
            desk.arrives(ANA);
            desk.arrives(CAL);
            desk.text(PAT, "Is my book in?");
            desk.wait(90);
            let returns = |operator| Event::act(operator, ConversationId(1), Act::Return);
            assert_eq!(desk.try_do(returns(ANA)), Err(Refusal::NotYours));
            if claims {
                desk.claim(CAL, 1).unwrap();
            }
            let back = desk.does(returns(CAL));
            assert_eq!(notes(&back), ["returned by cal"]);
            let mut rung = bells(&back);
            rung.sort();
            let offered = claims.then_some("offer 1 to 1");
            let expected: Vec<_> = offered
                .into_iter()
                .chain(["withdraw 1 from 3: returned by cal"])
                .collect();
            assert_eq!(rung, expected);
            assert_eq!(desk.state(1), ConversationState::Waiting);
            assert_eq!(desk.try_do(returns(CAL)), Err(Refusal::NoSuchConversation));
            let later = bells(&desk.wait(3600));
            assert!(!later.iter().any(|bell| bell.contains("to 3")), "{later:?}");
            desk.send(ANA, 1, "It is in.").unwrap();
        }
    }

    #[test]
    fn what_a_helper_has_answered_ends_when_it_comes_back() {
        let mut desk = consortium();
        desk.arrives(ANA);
        desk.arrives(CAL);
        desk.text(PAT, "Is my book in?");
        desk.wait(90);
        desk.send(CAL, 1, "It is in.").unwrap();
        desk.does(Event::act(CAL, ConversationId(1), Act::Return));
        assert_eq!(desk.state(1), ConversationState::Closed);
        let again = desk.try_do(Event::act(CAL, ConversationId(1), Act::Return));
        assert!(again.is_err(), "{again:?}");
    }

    #[test]
    fn what_another_box_calls_back_ends_for_whoever_had_it_or_was_asked() {
        for claims in [true, false] {
            let mut desk = consortium();
            desk.arrives(ANA);
            desk.text(PAT, "Is my book in?");
            if claims {
                desk.claim(ANA, 1).unwrap();
            }
            let call_back = || {
                Event::act(
                    Actor::Peer,
                    ConversationId(1),
                    Act::CallBack {
                        reason: "answered by cal (south)".into(),
                    },
                )
            };
            let called = desk.does(call_back());
            assert_eq!(notes(&called), ["answered by cal (south)"]);
            assert_eq!(
                bells(&called),
                ["withdraw 1 from 1: answered by cal (south)"]
            );
            assert_eq!(desk.state(1), ConversationState::Closed);
            assert_eq!(
                desk.try_do(call_back()),
                Err(Refusal::Closed),
                "once is enough"
            );
            // What the patron writes then is offered like anything else.
            let again = desk.text(PAT, "And the other one?");
            assert_eq!(bells(&again), ["offer 1 to 1"], "the thread is a day's");
        }
    }

    #[test]
    fn no_takes_it_from_a_helper_who_has_not_answered() {
        let mut desk = consortium();
        desk.arrives(ANA);
        desk.arrives(CAL);
        desk.text(PAT, "Is my book in?");
        desk.wait(90);
        desk.claim(CAL, 1).unwrap();
        let home = desk.text(PAT, "no");
        assert_eq!(
            bells(&home),
            [
                "withdraw 1 from 3: the patron would rather wait for their own library",
                "offer 1 to 1"
            ]
        );
        assert_eq!(desk.state(1), ConversationState::Waiting);
    }

    #[test]
    fn the_local_desk_takes_it_back_from_its_helpers() {
        let mut desk = consortium();
        desk.arrives(ANA);
        desk.arrives(CAL);
        desk.text(PAT, "Is my book in?");
        desk.wait(90);
        assert_eq!(
            bells(&desk.claim(ANA, 1).unwrap()),
            ["withdraw 1 from 3: taken by ana"]
        );
        assert_eq!(desk.conversation(1).rollover, Rollover::Home);
        assert_eq!(desk.claim(CAL, 1), Err(Refusal::NoSuchConversation));
    }

    #[test]
    fn a_closed_desk_is_helped_out_too_as_soon_as_somebody_could() {
        let mut desk = consortium();
        desk.text(PAT, "Is my book in?");
        assert_eq!(desk.state(1), ConversationState::Held);
        assert_eq!(bells(&desk.wait(600)), [""; 0], "nobody could help");
        // Whoever comes to help leaves the local desk its 90 seconds, in case it opens as well.
        assert_eq!(
            bells(&desk.arrives(CAL)),
            ["3 is available", "queue 2 online: true"]
        );
        assert_eq!(bells(&desk.wait(90)), ["offer 1 to 3"]);
        assert_eq!(desk.state(1), ConversationState::Waiting);
        assert_eq!(
            bells(&desk.goes(CAL)),
            ["3 is offline", "queue 2 online: false"]
        );
        assert_eq!(desk.state(1), ConversationState::Held);
    }

    #[test]
    fn helpers_never_see_a_number() {
        let mut desk = consortium();
        desk.arrives(ANA);
        desk.arrives(CAL);
        desk.text(PAT, "Is my book in?");
        desk.wait(90);
        let reveal = |operator| Event::act(operator, ConversationId(1), Act::Reveal);
        assert!(matches!(
            desk.try_do(reveal(CAL)),
            Err(Refusal::Unfit(words)) if words.contains("another library's")
        ));
        assert!(desk.try_do(reveal(ANA)).is_ok());
        assert!(!desk.conversation(1).is_at_home(&[KIDS]));
        assert!(desk.conversation(1).is_at_home(&[DESK]));
    }

    #[test]
    fn a_helper_that_is_no_more_helps_no_more() {
        let mut desk = consortium();
        desk.arrives(ANA);
        desk.arrives(CAL);
        desk.text(PAT, "Is my book in?");
        desk.wait(90);
        desk.claim(CAL, 1).unwrap();
        let mut plan = elm();
        plan.queues.truncate(1);
        plan.gateways.retain(|gateway| gateway.queue == DESK);
        let rearranged = desk.does(Event::Rearranged(plan));
        assert_eq!(bells(&rearranged).last().unwrap(), "offer 1 to 1");
        assert_eq!(desk.conversation(1).claimed_by, None);
        assert_eq!(desk.conversation(1).rollover, Rollover::Home);
    }

    #[test]
    fn a_restart_forgets_no_help() {
        let mut desk = consortium();
        desk.arrives(ANA);
        desk.arrives(CAL);
        desk.text(PAT, "Is my book in?");
        desk.restarts();
        desk.arrives(ANA);
        desk.arrives(CAL);
        let helped = desk.wait(89);
        assert_eq!(submits(&helped), []);
        assert_eq!(submits(&desk.wait(1)), [(PAT.to_owned(), M9.to_owned())]);
        desk.restarts();
        assert_eq!(
            desk.router.offered_to(ConversationId(1)),
            BTreeSet::from([ANA, CAL])
        );
    }

    use std::collections::BTreeSet;
}
