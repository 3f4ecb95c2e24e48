//! FORGET (clause 9): everything of a telephone's is erased, and our last words to it as soon as
//! they are on their way.

use super::actor::Actor;
use super::authority::Right;
use super::automatic::{DAY, Guarded, within};
use super::effect::Effect;
use super::event::Moment;
use super::ids::{ConversationId, PatronId};
use super::notice::Notice;
use super::plan::Gateway;
use super::recently_erased::Told;
use super::record::{Conversation, DeliveryState, Repeats, Whose};
use super::refusal::Refusal;
use super::state::State;
use super::turn::Turn;
use crate::numbers::PatronNumber;

/// Why an operator does not see a conversation any more.
const WHY: &str = "erased at the patron's wish";

impl State {
    /// The conversation in which a telephone that asks to be forgotten is asked whether it means it: a
    /// librarian is in it, and a number is easily forged. `None` where it is forgotten at once: nobody
    /// is in one, it was asked within a day, or whoever opted out cannot be asked.
    pub(super) fn asks_before_erasing(
        &self,
        from: &PatronNumber,
        now: Moment,
    ) -> Option<ConversationId> {
        let telephones = self.telephones(from);
        let attended = telephones.iter().filter_map(|&twin| {
            let patron = self.memory.patron(twin)?;
            let open = self.threads.of_patron(twin)?;
            (open.claimed_by.is_some() && !patron.opted_out).then_some(open)
        });
        let asked = |open: &Conversation| {
            let at = open.erasure_asked_at;
            at.is_some_and(|at| within(at, now.wall, DAY))
        };
        match attended.clone().any(asked) {
            true => None,
            false => attended.map(|open| open.id).next(),
        }
    }
}

impl Turn<'_> {
    /// A telephone asks to be forgotten: by whichever line it wrote, nothing of it stays. Whether
    /// it opted out stays, as a fingerprint that says nothing of the number.
    pub(super) fn forget(
        &mut self,
        known: Option<PatronId>,
        from: &PatronNumber,
        gateway: &Gateway,
        language: &str,
    ) {
        // By the guards as they stand before everything they count is gone.
        let queue = gateway.queue;
        let farewell = match known.and_then(|known| self.state.memory.patron(known)) {
            Some(patron) => self.notice_due(language, Notice::Forgotten, patron, queue),
            None => {
                let stranger = self.state.stranger(gateway.id, from);
                self.notice_due(language, Notice::Forgotten, &stranger, queue)
            }
        };
        for twin in self.state.telephones(from) {
            self.clear(twin);
            if Some(twin) != known || farewell.is_none() {
                self.let_go(twin);
            }
        }
        let mut forgotten = Effect::Forget {
            whose: Whose::Telephone(from.clone()),
            spare: None,
            by: None,
        };
        let Some(words) = farewell else {
            self.effects.row(forgotten);
            return;
        };
        let patron = match known {
            Some(patron) => patron,
            None => self.new_patron(gateway.id, from),
        };
        self.state
            .memory
            .change_patron(patron, |p| p.repeats = Repeats::default());
        let id = self.new_conversation(patron, gateway.id, queue);
        self.change(id, |c| c.farewell = true);
        if let Effect::Forget { spare, .. } = &mut forgotten {
            *spare = Some(id);
        }
        self.effects.row(forgotten);
        self.say(Notice::Forgotten.allowance(), Guarded(words), patron, id);
    }

    /// An admin or a command on the box erases everything of a patron's, at a wish that came in
    /// another way. No text tells them: a number that is to be erased is not written to.
    pub(super) fn erase(&mut self, by: Actor, whose: Whose) -> Result<(), Refusal> {
        match by {
            Actor::Box => {}
            Actor::Operator(operator) => {
                let allowed = self.state.plan.allows(operator, Right::Rights);
                allowed.map_err(Refusal::Unfit)?;
            }
            Actor::Peer => return Err(Refusal::NotPermitted),
        }
        for patron in self.state.known_as(&whose) {
            self.clear(patron);
            self.let_go(patron);
        }
        self.effects.row(Effect::Forget {
            whose,
            spare: None,
            by: Some(by),
        });
        if let Actor::Operator(operator) = by {
            self.see(operator);
        }
        Ok(())
    }

    /// Nothing of this patron's is open or remembered any more.
    fn clear(&mut self, patron: PatronId) {
        if let Some(open) = self.state.threads.of_patron(patron).map(|open| open.id) {
            let mut gone = self.state.offered(open);
            gone.extend(self.state.threads.get(open).and_then(|c| c.claimed_by));
            self.clear_alarms(open);
            self.state.threads.remove(open);
            self.state.memory.forget_messages_of(open);
            self.state.memory.let_pass(patron);
            self.effects.forget_conversation(open);
            self.effects.withdraw(open, &gone, WHY);
        }
        for closed in self.state.memory.forget_closed_of(patron) {
            self.effects.forget_conversation(closed);
        }
        self.state.memory.settle(patron);
    }

    fn let_go(&mut self, patron: PatronId) {
        if let Some(known) = self.state.memory.patron(patron) {
            let told = Told {
                automatic_at: known.automatic_at.clone(),
                answered: known.answered.clone(),
            };
            let print = self.state.fingerprint(&known.address);
            self.state.recently_erased.remember(print, told);
        }
        self.effects.forget_patron(patron);
        self.state.memory.forget(patron);
    }

    /// Our last words are with the network, or never will be: they go as well, and with them
    /// whoever left nothing else.
    pub(super) fn end_farewell(&mut self, id: ConversationId, state: DeliveryState) {
        let over = match state {
            DeliveryState::Sent
            | DeliveryState::Delivered
            | DeliveryState::Failed
            | DeliveryState::Unknown => true,
            DeliveryState::Received | DeliveryState::Queued | DeliveryState::Sending => false,
        };
        let farewell = self.state.memory.closed(id).filter(|c| c.farewell);
        let Some(patron) = farewell.filter(|_| over).map(|c| c.patron) else {
            return;
        };
        self.state.memory.unshelve(id);
        self.state.memory.forget_messages_of(id);
        self.effects.forget_conversation(id);
        self.effects.row(Effect::Erase { conversation: id });
        if self.state.threads.of_patron(patron).is_none()
            && self.state.memory.latest_of(patron).is_none()
        {
            self.let_go(patron);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::test_desk::*;
    use super::super::*;
    use crate::numbers::PatronNumber;

    const PAT: &str = "+15551230100";
    const M5: &str = "Elm: your texts and number are erased from our system. Copies on your phone \
                      and with your carrier remain.";

    fn sent(desk: &mut TestDesk, state: DeliveryState) -> Vec<Effect> {
        let message = desk.rows.messages.values().next_back().unwrap();
        let (message, conversation) = (message.id, message.conversation);
        desk.does(Event::Delivery {
            message,
            conversation,
            state,
            reason: None,
        })
    }

    #[test]
    fn everything_goes_at_once_and_our_last_words_when_they_are_sent() {
        let mut desk = TestDesk::new(elm());
        desk.arrives(ANA);
        desk.text(PAT, "My diagnosis");
        desk.send(ANA, 1, "That is on shelf 4.").unwrap();
        desk.text(PAT, "FORGET"); // asks: a librarian is in it
        let forgotten = desk.text(PAT, "Forget");
        assert_eq!(submits(&forgotten), [(PAT.to_owned(), M5.to_owned())]);
        assert_eq!(
            bells(&forgotten),
            ["withdraw 1 from 1: erased at the patron's wish"]
        );
        assert_eq!(desk.router.conversations().count(), 0);
        let words: Vec<_> = desk.rows.messages.values().map(|m| &m.body).collect();
        assert_eq!(words, [M5]);
        assert_eq!(desk.send(ANA, 2, "Hi"), Err(Refusal::NoSuchConversation));
        assert_eq!(sent(&mut desk, DeliveryState::Sending).len(), 1);
        sent(&mut desk, DeliveryState::Sent);
        assert!(desk.rows.patrons.is_empty() && desk.rows.conversations.is_empty());
        assert!(desk.rows.messages.is_empty());
        // Whoever writes again is somebody new.
        desk.text(PAT, "Is my book in?");
        let patron = desk.rows.patrons.values().next().unwrap();
        assert_eq!(patron.id, PatronId(2));
    }

    #[test]
    fn last_words_that_cannot_be_sent_go_as_well() {
        for state in [
            DeliveryState::Failed,
            DeliveryState::Unknown,
            DeliveryState::Delivered,
        ] {
            let mut desk = TestDesk::new(elm());
            desk.text(PAT, "hello");
            desk.text(PAT, "FORGET");
            sent(&mut desk, state);
            assert!(desk.rows.patrons.is_empty(), "{state:?}");
        }
    }

    #[test]
    fn a_telephone_is_forgotten_on_every_line() {
        let mut desk = TestDesk::new(elm());
        desk.text(PAT, "one");
        desk.does(text(KIDS_LINE, PAT, "two"));
        desk.does(text(IM, PAT, "three"));
        desk.text(PAT, "FORGET");
        let left: Vec<_> = desk.rows.messages.values().collect();
        let bodies: Vec<_> = left.iter().map(|m| m.body.as_str()).collect();
        assert!(
            bodies.contains(&"three"),
            "a chat address is nobody's telephone"
        );
        assert!(
            !bodies.contains(&"one") && !bodies.contains(&"two"),
            "{bodies:?}"
        );
        let gateways = desk.rows.patrons.values().map(|patron| patron.gateway);
        assert_eq!(gateways.collect::<Vec<_>>(), [LINE, IM]);
    }

    #[test]
    fn a_patron_is_erased_for_an_admin_and_told_nothing() {
        let mut plan = elm();
        plan.operators[0].role = Role::Admin;
        let telephone = || Whose::Telephone(PatronNumber::kept(PAT.to_owned()));
        let chat = || Whose::Chat(PatronNumber::verbatim("pat@example.org"));
        for by in [Actor::Operator(ANA), Actor::Box] {
            let mut desk = TestDesk::new(plan.clone());
            desk.arrives(ANA);
            desk.text(PAT, "one");
            desk.does(text(KIDS_LINE, PAT, "two"));
            desk.does(text(IM, "pat@example.org", "three"));
            desk.claim(ANA, 1).unwrap();
            let erased = desk.does(Event::Erase {
                by,
                whose: telephone(),
            });
            assert!(submits(&erased).is_empty());
            assert!(
                bells(&erased).contains(&"withdraw 1 from 1: erased at the patron's wish".into())
            );
            let left: Vec<_> = desk
                .rows
                .messages
                .values()
                .map(|m| m.body.as_str())
                .collect();
            assert_eq!(left, ["three"]);
            desk.restarts();
            desk.does(Event::Erase { by, whose: chat() });
            assert!(desk.rows.patrons.is_empty() && desk.rows.messages.is_empty());
            // Of whom nothing is known, nothing is erased.
            desk.does(Event::Erase { by, whose: chat() });
            assert_eq!(desk.router.conversations().count(), 0);
        }
        let mut desk = TestDesk::new(plan);
        desk.text(PAT, "one");
        for by in [Actor::Operator(BEN), Actor::Peer] {
            desk.try_do(Event::Erase {
                by,
                whose: telephone(),
            })
            .unwrap_err();
        }
        assert!(desk.rows.messages.values().any(|m| m.body == "one"));
    }

    #[test]
    fn who_opted_out_is_forgotten_without_a_word_and_stays_out() {
        let mut desk = TestDesk::new(elm());
        desk.arrives(ANA);
        desk.text(PAT, "STOP");
        let forgotten = desk.text(PAT, "FORGET");
        assert!(submits(&forgotten).is_empty());
        assert!(desk.rows.patrons.is_empty());
        for _ in 0..2 {
            let write = Event::Write {
                gateway: LINE,
                to: PAT.into(),
                body: "Your book is in.".into(),
            };
            assert_eq!(desk.try_do(write), Err(Refusal::OptedOut));
            desk.restarts();
        }
        desk.text(PAT, "Is my book in?");
        let id = desk.rows.conversations.keys().next_back().unwrap().0;
        assert_eq!(desk.send(ANA, id, "Yes."), Err(Refusal::OptedOut));
        assert!(
            desk.text(PAT, "START")
                .iter()
                .any(|e| matches!(e, Effect::Submit { .. }))
        );
        assert!(desk.send(ANA, id, "Yes.").is_ok());
    }

    #[test]
    fn a_robot_that_says_forget_is_not_answered_all_day() {
        let mut desk = TestDesk::new(elm());
        let mut told = 0;
        for _ in 0..20 {
            let said = submits(&desk.text(PAT, "FORGET")).len();
            told += said;
            if said > 0 {
                sent(&mut desk, DeliveryState::Sent);
            }
            desk.wait(120);
        }
        assert_eq!(told, 6);
        desk.wait(24 * 3600);
        assert_eq!(submits(&desk.text(PAT, "FORGET")).len(), 1);
    }

    #[test]
    fn a_new_question_before_the_last_words_are_sent_is_kept() {
        let mut desk = TestDesk::new(elm());
        desk.arrives(ANA);
        desk.text(PAT, "one");
        let farewell = desk.text(PAT, "FORGET");
        let Some(Effect::Submit {
            message,
            conversation,
            ..
        }) = farewell
            .iter()
            .find(|effect| matches!(effect, Effect::Submit { .. }))
        else {
            panic!("no last words");
        };
        let (message, conversation) = (*message, *conversation);
        desk.text(PAT, "two");
        desk.does(Event::Delivery {
            message,
            conversation,
            state: DeliveryState::Sent,
            reason: None,
        });
        let left: Vec<_> = desk
            .rows
            .messages
            .values()
            .map(|m| m.body.as_str())
            .collect();
        assert_eq!(left, ["two"]);
        assert_eq!(desk.router.conversations().count(), 1);
        desk.restarts();
        assert!(desk.send(ANA, 3, "Yes.").is_ok());
    }
}
