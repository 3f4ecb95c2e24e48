//! Nobody here answers: another queue helps out (clause 7). The local desk first, its partners
//! second; the patron is told, and may say NO.

use std::collections::BTreeSet;

use super::alarms::Alarm;
use super::event::Moment;
use super::ids::{ConversationId, OperatorId, QueueId};
use super::ledger::Ledger;
use super::notices::Notice;
use super::plan::Fallback;
use super::record::{Conversation, ConversationState, Rollover};
use super::refusal::Refusal;
use super::router::Router;

impl Router {
    /// Whether help is still to be looked for: nobody answers, and nobody was asked for help yet.
    fn needs_help(&self, conversation: &Conversation) -> Option<Fallback> {
        let alone = conversation.claimed_by.is_none()
            && conversation.waiting_since.is_some()
            && conversation.rollover == Rollover::Home;
        let queue = self.plan.queue(conversation.queue)?;
        queue.fallback.filter(|_| alone)
    }

    /// The local desk has a while to itself from now on, unless that while runs already.
    pub(super) fn expect_help(&mut self, id: ConversationId, now: Moment) {
        let fallback = self.threads.get(id).and_then(|c| self.needs_help(c));
        match fallback {
            Some(fallback) => self
                .alarms
                .set_if_clear(Alarm::Silence(id), now.uptime + fallback.after),
            None => self.alarms.clear(Alarm::Silence(id)),
        }
    }

    /// A queue came online: what it could have helped with while nobody was there is waited for
    /// once more, so that it does not come before the local desk opens beside it.
    pub(super) fn expect_help_from(&mut self, queue: QueueId, now: Moment) {
        let helped: Vec<_> = self
            .plan
            .helped_by(queue)
            .flat_map(|queue| self.threads.unclaimed(queue))
            .filter(|&id| !self.alarms.is_set(Alarm::Silence(id)))
            .collect();
        for id in helped {
            self.expect_help(id, now);
        }
    }

    /// The local desk was silent for long enough.
    pub(super) fn roll_over(&mut self, id: ConversationId, now: Moment, ledger: &mut Ledger) {
        let Some(conversation) = self.threads.get(id) else {
            return;
        };
        let Some(fallback) = self.needs_help(conversation) else {
            return;
        };
        let helper = fallback.queue;
        // Nobody could help now: asked again when somebody comes.
        if !self.is_online(helper) {
            return;
        }
        let patron = conversation.patron;
        let before = self.offered(id);
        self.alarms.clear(Alarm::Reserved(id));
        self.threads.unreserve(id);
        self.change(id, ledger, |c| c.rollover = Rollover::Shared(helper));
        self.stand_as_offered(id, ledger);
        ledger.note(
            id,
            format!(
                "offered to {} as well: nobody answered",
                self.queue_name(helper)
            ),
        );
        let after = self.offered(id);
        ledger.offer(id, &after.difference(&before).copied().collect());
        let told = [("partner", self.plan.partner(helper))];
        if self.notify_of(Notice::Rollover, told, patron, id, now, ledger) {
            self.change(id, ledger, |c| c.rollover = Rollover::Offered(helper));
        }
    }

    /// The patron said NO: their own library it is.
    pub(super) fn decline(&mut self, id: ConversationId, now: Moment, ledger: &mut Ledger) {
        const WHY: &str = "the patron would rather wait for their own library";
        self.go_home(id, WHY, now, ledger);
    }

    /// A helper has no answer, or has given all it had.
    pub(super) fn hand_back(
        &mut self,
        operator: OperatorId,
        id: ConversationId,
        now: Moment,
        ledger: &mut Ledger,
    ) -> Result<(), Refusal> {
        let conversation = self.present(id)?;
        let helps = !self.operator(operator)?.queues.contains(&conversation.home);
        let theirs = conversation.claimed_by == Some(operator);
        if !helps || !(theirs || self.offered(id).contains(&operator)) {
            return Err(Refusal::NotYours);
        }
        if theirs && conversation.waiting_since.is_none() {
            self.close(operator, id, now, ledger);
            return Ok(());
        }
        if self.plan.queue(conversation.home).is_none() {
            return Err(Refusal::NoSuchQueue);
        }
        // It may have been handed over by hand.
        self.change(id, ledger, |c| c.queue = c.home);
        let why = format!("returned by {}", self.name(operator));
        self.go_home(id, &why, now, ledger);
        Ok(())
    }

    /// The box that relayed the patron has answered, or the patron would rather wait for it.
    pub(super) fn call_back(
        &mut self,
        id: ConversationId,
        reason: &str,
        now: Moment,
        ledger: &mut Ledger,
    ) -> Result<(), Refusal> {
        let conversation = self.present(id)?;
        if conversation.state == ConversationState::Closed {
            return Err(Refusal::Closed);
        }
        let mut told = self.offered(id);
        told.extend(conversation.claimed_by);
        ledger.note(id, reason.to_owned());
        self.shut(id, now, ledger);
        ledger.withdraw(id, &told, reason);
        Ok(())
    }

    /// A conversation is before its own queue alone from now on.
    fn go_home(&mut self, id: ConversationId, why: &str, now: Moment, ledger: &mut Ledger) {
        let Some(conversation) = self.threads.get(id) else {
            return;
        };
        let before = self.offered(id);
        let helper = conversation.claimed_by.filter(|&claimant| {
            let entry = self.plan.operator(claimant);
            entry.is_none_or(|entry| !entry.queues.contains(&conversation.queue))
        });
        self.threads.unreserve(id);
        self.alarms.clear(Alarm::Reserved(id));
        if helper.is_some() {
            self.alarms.clear(Alarm::Transfer(id));
        }
        self.change(id, ledger, |c| {
            c.rollover = Rollover::Declined;
            if helper.is_some() {
                c.claimed_by = None;
                c.transfer = None;
            }
        });
        self.stand_as_offered(id, ledger);
        ledger.note(id, why.to_owned());
        let after = self.offered(id);
        let gone: BTreeSet<OperatorId> = before.difference(&after).copied().chain(helper).collect();
        ledger.withdraw(id, &gone, why);
        ledger.offer(id, &after.difference(&before).copied().collect());
        self.await_notice(id, now);
    }

    /// An unclaimed thread is held or waiting, as somebody is there or not.
    pub(super) fn stand_as_offered(&mut self, id: ConversationId, ledger: &mut Ledger) {
        let Some(conversation) = self.threads.get(id) else {
            return;
        };
        if conversation.claimed_by.is_none() {
            let state = self.standing(conversation);
            self.change(id, ledger, |c| c.state = state);
        }
    }

    /// Somebody takes the conversation. When that is the local desk, no help is needed any more.
    pub(super) fn end_help(
        &mut self,
        operator: OperatorId,
        id: ConversationId,
        ledger: &mut Ledger,
    ) {
        self.alarms.clear(Alarm::Silence(id));
        let Some(conversation) = self.threads.get(id) else {
            return;
        };
        let entry = self.plan.operator(operator);
        let local = entry.is_some_and(|entry| entry.queues.contains(&conversation.queue));
        if local && conversation.partner().is_some() {
            self.change(id, ledger, |c| c.rollover = Rollover::Home);
        }
    }

    fn queue_name(&self, queue: QueueId) -> String {
        let queue = self.plan.queue(queue);
        queue.map_or_else(|| "another queue".to_owned(), |queue| queue.name.clone())
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
