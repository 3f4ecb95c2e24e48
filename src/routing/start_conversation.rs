//! An operator begins a conversation with a number. Whoever opted out is left in peace (clause 9).

use super::act::{Act, AuditAction};
use super::actor::Actor;
use super::ids::{ConversationId, GatewayId, OperatorId};
use super::plan::{GatewayKind, answerable};
use super::refusal::Refusal;
use super::turn::Turn;
use crate::numbers::PatronNumber;

/// What an operator wants to begin with.
pub(super) struct Beginning {
    pub(super) by: Actor,
    pub(super) operator: OperatorId,
    pub(super) gateway: GatewayId,
    pub(super) to: PatronNumber,
    pub(super) body: String,
    pub(super) client_id: Option<String>,
}

impl Turn<'_> {
    /// Goes on in the patron's thread if there is one, or begins one.
    pub(super) fn start(&mut self, beginning: Beginning) -> Result<(), Refusal> {
        let Beginning {
            by,
            operator,
            gateway,
            to,
            body,
            client_id,
        } = beginning;
        match by {
            Actor::Box => {}
            Actor::Operator(asks) if asks == operator => {}
            Actor::Operator(_) | Actor::Peer => return Err(Refusal::NotPermitted),
        }
        let gateway = self.state.gateway_in_use(gateway)?;
        if !self
            .state
            .operator(operator)?
            .queues
            .contains(&gateway.queue)
        {
            return Err(Refusal::Unfit(
                "you are not assigned to the queue this gateway feeds: choose another gateway"
                    .into(),
            ));
        }
        match gateway.kind {
            GatewayKind::Sms | GatewayKind::Im => {}
            GatewayKind::Widget => {
                return Err(Refusal::Unfit(
                    "nobody can be written to through a widget before they come: choose an sms or \
                     im gateway"
                        .into(),
                ));
            }
        }
        if body.trim().is_empty() {
            return Err(Refusal::Empty);
        }
        if !answerable(gateway.kind, &to) || self.state.is_ourselves(&to) {
            return Err(Refusal::NotAnswerable);
        }
        let (gateway, queue) = (gateway.id, gateway.queue);
        let known = self.state.memory.patron_at(gateway, &to);
        if known.is_some_and(|patron| patron.opted_out) || self.state.is_opted_out(gateway, &to) {
            return Err(Refusal::OptedOut);
        }
        let known = known.map(|patron| patron.id);
        let open = known.and_then(|patron| self.state.threads.of_patron(patron));
        if let Some(open) = open {
            if let Some(taken) = self.state.taken(operator, open) {
                return Err(taken);
            }
            if self.state.reachable(operator, open.id).is_err() {
                return Err(Refusal::Unfit(
                    "this patron has a conversation open in a queue that is not yours".into(),
                ));
            }
        }
        let thread = known
            .and_then(|patron| self.recent_thread(patron))
            .filter(|&id| self.state.reachable(operator, id).is_ok());
        let id = match thread {
            Some(id) => id,
            None => self.begin(known, gateway, &to, queue),
        };
        match by {
            Actor::Operator(_) => {}
            Actor::Box | Actor::Peer => {
                let name = self.state.name(operator);
                self.effects
                    .note(id, format!("{} wrote this for {name}", self.state.who(by)));
            }
        }
        self.effects.audit(by, AuditAction::BeganConversation, id);
        let words = Act::Send { body, client_id };
        self.act(Actor::Operator(operator), id, words)
    }

    fn begin(
        &mut self,
        known: Option<super::ids::PatronId>,
        gateway: GatewayId,
        to: &PatronNumber,
        queue: super::ids::QueueId,
    ) -> ConversationId {
        let patron = match known {
            Some(patron) => patron,
            None => self.new_patron(gateway, to),
        };
        self.new_conversation(patron, gateway, queue)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::test_desk::*;
    use super::super::*;
    use crate::numbers::NumberError;

    fn start(operator: OperatorId, gateway: GatewayId, to: &str, body: &str) -> Event {
        Event::Begin {
            by: operator.into(),
            operator,
            gateway,
            to: to.into(),
            body: body.into(),
            client_id: None,
        }
    }

    #[test]
    fn a_conversation_begins_with_a_number() {
        let mut desk = TestDesk::new(elm());
        desk.arrives(ANA);
        let begun = desk.does(start(ANA, LINE, "+1 (555) 123-0100", "Your book is in."));
        assert_eq!(
            submits(&begun),
            [("+15551230100".to_owned(), "Your book is in.".to_owned())]
        );
        assert_eq!(desk.conversation(1).claimed_by, Some(ANA));
        assert_eq!(desk.conversation(1).waiting_since, None);
        // The answer comes to ana, in the same thread; and so does a second beginning.
        desk.text("+15551230100", "Thanks!");
        desk.does(start(ANA, LINE, "+15551230100", "Until Friday."));
        assert_eq!(
            desk.thread(1),
            ["Your book is in.", "Thanks!", "Until Friday."]
        );
        // Not over a colleague's head.
        assert!(matches!(
            desk.try_do(start(BEN, LINE, "+15551230100", "Hi")),
            Err(Refusal::AnsweredBy { .. })
        ));
        // Soon after it closed it goes on; a day later it begins anew.
        desk.close(ANA, 1).unwrap();
        desk.does(start(BEN, LINE, "+15551230100", "One more thing"));
        assert_eq!(desk.conversation(1).claimed_by, Some(BEN));
        desk.close(BEN, 1).unwrap();
        desk.wait(25 * 3600);
        desk.does(start(BEN, LINE, "+15551230100", "A year later"));
        assert_eq!(desk.conversation(2).claimed_by, Some(BEN));
    }

    #[test]
    fn nobody_is_written_to_who_should_not_be() {
        let mut desk = TestDesk::new(elm());
        desk.arrives(ANA);
        desk.text("+15551230100", "STOP");
        for (who, gateway, to, body, why) in [
            (ANA, LINE, "+15551230100", "Hi", Refusal::OptedOut),
            (ANA, LINE, "22000", "Hi", Refusal::NotAnswerable),
            (
                ANA,
                LINE,
                "INFO",
                "Hi",
                NumberError::NotANumber("INFO".into()).into(),
            ),
            (ANA, LINE, "+15551230101", " ", Refusal::Empty),
            (
                ANA,
                GatewayId(99),
                "+15551230101",
                "Hi",
                Refusal::NoSuchGateway,
            ),
        ] {
            assert_eq!(desk.try_do(start(who, gateway, to, body)), Err(why), "{to}");
        }
        for (who, gateway) in [(ANA, KIDS_LINE), (ANA, WIDGET), (CAL, LINE)] {
            assert!(
                matches!(
                    desk.try_do(start(who, gateway, "+15551230101", "Hi")),
                    Err(Refusal::Unfit(_))
                ),
                "{who} {gateway}"
            );
        }
        assert_eq!(desk.rows.submitted.len(), 1, "the confirmation of STOP");
    }
}
