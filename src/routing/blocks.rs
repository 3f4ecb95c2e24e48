//! Blocking a sender for a day. What they write meanwhile is kept in their thread, and nobody is
//! asked to answer it; STOP and its kin still work.

use jiff::{SignedDuration, Timestamp};

use super::actor::Actor;
use super::ids::{ConversationId, PatronId};
use super::refusal::Refusal;
use super::turn::Turn;

/// How long a block lasts.
const BLOCK: SignedDuration = SignedDuration::from_hours(24);

/// Whether a block until then holds now. The clock may have been set back since it was made: a day
/// is the most that can be left.
pub fn block_holds(until: Timestamp, now: Timestamp) -> bool {
    until > now && until.duration_since(now) <= BLOCK
}

impl Turn<'_> {
    /// Nobody is asked to answer this patron for a day; what is open of theirs is closed.
    pub(super) fn block(&mut self, by: Actor, id: ConversationId) -> Result<(), Refusal> {
        let now = self.now;
        let patron = self.state.present(id)?.patron;
        let open = self.state.threads.of_patron(patron);
        let taken = open.and_then(|open| match by {
            Actor::Operator(operator) => self.state.taken(operator, open),
            Actor::Box | Actor::Peer => open.claimed_by.map(|owner| {
                let owner = self.state.name(owner);
                Refusal::Unfit(format!(
                    "{owner} answers this patron now: ask {owner}, or wait until it is closed"
                ))
            }),
        });
        if let Some(taken) = taken {
            return Err(taken);
        }
        let open = open.map(|open| open.id);
        let until = now.wall.checked_add(BLOCK).unwrap_or(now.wall);
        self.state
            .memory
            .change_patron(patron, |p| p.blocked_until = Some(until));
        self.effects.patron(patron);
        let why = format!("blocked for a day by {}", self.state.who(by));
        self.effects.note(id, why.clone());
        if let Some(open) = open {
            let offered = self.state.offered(open);
            self.shut(open);
            self.effects.withdraw(open, &offered, &why);
        }
        // The console shows it with the conversation.
        self.effects.conversation(id);
        Ok(())
    }

    pub(super) fn unblock(&mut self, by: Actor, id: ConversationId) -> Result<(), Refusal> {
        let patron = self.state.present(id)?.patron;
        match self.lift_block(by, patron, id) {
            true => Ok(()),
            false => Err(Refusal::Unfit("this sender is not blocked".into())),
        }
    }

    /// Whoever writes to a blocked sender wants an answer. Whether there was a block.
    pub(super) fn lift_block(&mut self, by: Actor, patron: PatronId, id: ConversationId) -> bool {
        if !self.is_blocked(patron) {
            return false;
        }
        self.state
            .memory
            .change_patron(patron, |p| p.blocked_until = None);
        self.effects.patron(patron);
        self.effects.conversation(id);
        self.effects
            .note(id, format!("block lifted by {}", self.state.who(by)));
        true
    }

    /// Whether what this patron writes is kept without asking anyone.
    pub(super) fn is_blocked(&self, patron: PatronId) -> bool {
        let now = self.now;
        let patron = self.state.memory.patron(patron);
        let until = patron.and_then(|patron| patron.blocked_until);
        until.is_some_and(|until| block_holds(until, now.wall))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::test_desk::*;
    use super::super::*;

    const PAT: &str = "+15551230100";

    fn does(operator: OperatorId, act: Act) -> Event {
        Event::act(operator, ConversationId(1), act)
    }

    fn trail(effects: &[Effect]) -> Vec<AuditAction> {
        effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Audit { action, .. } => Some(*action),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn a_blocked_sender_is_heard_by_nobody_for_a_day() {
        let mut desk = TestDesk::new(elm());
        desk.arrives(ANA);
        desk.arrives(BEN);
        desk.text(PAT, "You are all fools");
        let blocked = desk.does(does(ANA, Act::Block));
        assert_eq!(trail(&blocked), [AuditAction::BlockedSender]);
        assert_eq!(desk.state(1), ConversationState::Closed);
        assert!(bells(&blocked).contains(&"withdraw 1 from 2: blocked for a day by ana".into()));

        // Kept in the thread, offered to nobody, answered by nothing; also after a restart.
        for round in 0..2 {
            let again = desk.text(PAT, &format!("Fools! {round}"));
            assert_eq!(bells(&again), [""; 0]);
            assert_eq!(submits(&again), []);
            assert_eq!(desk.state(1), ConversationState::Closed);
            desk.restarts();
            desk.arrives(ANA);
        }
        assert_eq!(
            desk.thread(1),
            ["You are all fools", "Fools! 0", "Fools! 1"]
        );

        // STOP still works.
        assert_eq!(submits(&desk.text(PAT, "STOP")).len(), 1);
        desk.text(PAT, "START");

        // After a day they are heard again.
        for _ in 0..25 {
            desk.does(Event::Seen {
                operator: ANA,
                by_hand: false,
            });
            desk.wait(60);
        }
        desk.now.wall += jiff::SignedDuration::from_hours(24);
        desk.text(PAT, "Sorry. Is my book in?");
        let newest = *desk.rows.conversations.keys().last().unwrap();
        assert_ne!(
            desk.rows.conversations[&newest].state,
            ConversationState::Closed
        );
    }

    #[test]
    fn a_block_ends_by_hand_by_answering_and_by_a_clock_set_back() {
        for way in 0..3 {
            let mut desk = TestDesk::new(elm());
            desk.arrives(ANA);
            desk.text(PAT, "You are all fools");
            desk.does(does(ANA, Act::Block));
            match way {
                0 => {
                    let lifted = desk.does(does(BEN, Act::Unblock));
                    assert_eq!(trail(&lifted), [AuditAction::UnblockedSender]);
                    desk.try_do(does(BEN, Act::Unblock)).unwrap_err();
                }
                1 => {
                    let sent = desk.send(ANA, 1, "What can we do?").unwrap();
                    assert_eq!(trail(&sent), [AuditAction::UnblockedSender]);
                    desk.close(ANA, 1).unwrap();
                }
                _ => desk.now.wall -= jiff::SignedDuration::from_hours(1000),
            }
            let heard = desk.text(PAT, "Is my book in?");
            assert!(
                bells(&heard).contains(&"offer 1 to 1".to_owned()),
                "{way}: {heard:?}"
            );
        }
    }

    #[test]
    fn what_a_colleague_answers_is_not_blocked_away() {
        let mut desk = TestDesk::new(elm());
        desk.arrives(ANA);
        desk.text(PAT, "Hello");
        desk.claim(ANA, 1).unwrap();
        assert!(matches!(
            desk.try_do(does(BEN, Act::Block)),
            Err(Refusal::AnsweredBy { .. })
        ));
        desk.does(does(ANA, Act::Block));
    }
}
