//! What operators do with a conversation: answer, take, give back, close (clauses 3 and 9); and the
//! desk writing of its own accord.

use std::collections::BTreeSet;

use super::act::AuditAction;
use super::actor::Actor;
use super::alarms::Alarm;
use super::automatic::answerable;
use super::event::Moment;
use super::ids::{ConversationId, GatewayId, OperatorId};
use super::ledger::Ledger;
use super::record::{Author, Conversation, ConversationState, Rollover};
use super::refusal::Refusal;
use super::router::Router;

impl Router {
    /// The first send claims (clause 3).
    pub(super) fn send(
        &mut self,
        operator: OperatorId,
        id: ConversationId,
        body: String,
        client_id: Option<String>,
        now: Moment,
        ledger: &mut Ledger,
    ) -> Result<(), Refusal> {
        let conversation = self.present(id)?;
        if body.trim().is_empty() {
            return Err(Refusal::Empty);
        }
        self.check_answerable(conversation)?;
        let patron = conversation.patron;
        let closed = conversation.state == ConversationState::Closed;
        if closed {
            // The patron has begun another thread since: that one is to be answered.
            if let Some(newer) = self.threads.of_patron(patron) {
                return Err(self.taken(operator, newer).unwrap_or(Refusal::Closed));
            }
            let queue = self.present_queue(conversation);
            self.open(id, queue, ledger);
        }

        let by = Actor::Operator(operator);
        if self.lift_block(by, patron, id, now, ledger) {
            ledger.audit(by, AuditAction::UnblockedSender, id);
        }
        self.take(operator, id, "answered by", closed, ledger);
        self.change(id, ledger, |conversation| {
            conversation.waiting_since = None;
            conversation.waiting_noticed = false;
            conversation.flagged = false;
            if let Rollover::Offered(queue) = conversation.rollover {
                conversation.rollover = Rollover::Shared(queue);
            }
            conversation.last_answered_by = Some(operator);
            conversation.active_at = now.wall;
        });
        let author = Author::Operator(operator);
        self.send_out(id, patron, body, author, client_id, now, ledger);
        Ok(())
    }

    /// Makes the operator the claimant, whoever may be it now: checked before.
    pub(super) fn take(
        &mut self,
        operator: OperatorId,
        id: ConversationId,
        how: &str,
        was_closed: bool,
        ledger: &mut Ledger,
    ) {
        let Some(conversation) = self.threads.get(id) else {
            return;
        };
        match (conversation.claimed_by, &conversation.transfer) {
            (Some(owner), Some(_)) if owner == operator => self.take_back(id, ledger),
            (Some(owner), None) if owner == operator => {}
            (Some(_), _) => self.accept(operator, id, ledger),
            (None, _) => {
                let mut before = if was_closed {
                    BTreeSet::new()
                } else {
                    self.offered(id)
                };
                before.remove(&operator);
                self.alarms.clear(Alarm::Reserved(id));
                self.alarms.clear(Alarm::Waiting(id));
                self.change(id, ledger, |conversation| {
                    conversation.state = ConversationState::Claimed;
                    conversation.claimed_by = Some(operator);
                });
                let reason = format!("{how} {}", self.name(operator));
                ledger.withdraw(id, &before, &reason);
                self.end_help(operator, id, ledger);
            }
        }
    }

    pub(super) fn release(
        &mut self,
        operator: OperatorId,
        id: ConversationId,
        now: Moment,
        ledger: &mut Ledger,
    ) {
        ledger.note(
            id,
            format!("returned to the queue by {}", self.name(operator)),
        );
        self.give_back(id, now, ledger);
    }

    pub(super) fn close(
        &mut self,
        operator: OperatorId,
        id: ConversationId,
        now: Moment,
        ledger: &mut Ledger,
    ) {
        let offered = self.offered(id);
        self.shut(id, now, ledger);
        ledger.withdraw(id, &offered, &format!("closed by {}", self.name(operator)));
    }

    /// The desk writes of its own accord. Nothing waits for a librarian then: a new thread is
    /// closed until the patron answers.
    pub(super) fn write(
        &mut self,
        gateway: GatewayId,
        to: &str,
        body: String,
        now: Moment,
        ledger: &mut Ledger,
    ) -> Result<(), Refusal> {
        let to = dialled(to);
        let gateway = self.gateway_in_use(gateway)?;
        if body.trim().is_empty() {
            return Err(Refusal::Empty);
        }
        if !answerable(gateway.kind, &to) {
            return Err(Refusal::NotAnswerable);
        }
        let (gateway, queue) = (gateway.id, gateway.queue);
        let known = self.memory.patron_at(gateway, &to);
        if known.is_some_and(|patron| patron.opted_out) || self.is_opted_out(gateway, &to) {
            return Err(Refusal::OptedOut);
        }
        let known = known.map(|patron| patron.id);
        let thread = known.and_then(|patron| self.recent_thread(patron, now));
        let patron = match known {
            Some(patron) => patron,
            None => self.new_patron(gateway, &to, ledger),
        };
        let id = match thread {
            Some(id) => id,
            None => self.new_conversation(patron, gateway, queue, now, ledger),
        };
        self.change(id, ledger, |c| c.active_at = now.wall);
        self.send_out(id, patron, body, Author::Desk, None, now, ledger);
        Ok(())
    }

    /// The conversation, if it is there and not on its way out.
    pub(super) fn present(&self, id: ConversationId) -> Result<&Conversation, Refusal> {
        self.conversation(id)
            .filter(|conversation| !conversation.farewell)
            .ok_or(Refusal::NoSuchConversation)
    }

    /// The conversation, if this operator may see it.
    pub(super) fn reachable(
        &self,
        operator: OperatorId,
        id: ConversationId,
    ) -> Result<&Conversation, Refusal> {
        let assigned = &self.operator(operator)?.queues;
        let conversation = self.present(id)?;
        let partner = conversation.partner();
        let sees = assigned.contains(&self.present_queue(conversation))
            || partner.is_some_and(|queue| assigned.contains(&queue))
            || conversation.claimed_by == Some(operator)
            || self.may_accept(operator, conversation);
        sees.then_some(conversation)
            .ok_or(Refusal::NoSuchConversation)
    }

    /// The conversation, if this operator answers it.
    pub(super) fn answered_by(
        &self,
        operator: OperatorId,
        id: ConversationId,
    ) -> Result<&Conversation, Refusal> {
        let conversation = self.reachable(operator, id)?;
        if conversation.state == ConversationState::Closed {
            return Err(Refusal::Closed);
        }
        if conversation.claimed_by != Some(operator) {
            return Err(Refusal::NotYours);
        }
        Ok(conversation)
    }

    /// Whether our words may go to the patron of this conversation.
    pub(super) fn check_answerable(&self, conversation: &Conversation) -> Result<(), Refusal> {
        let patron = self
            .memory
            .patron(conversation.patron)
            .ok_or(Refusal::NoSuchConversation)?;
        let gateway = self
            .plan
            .gateway(patron.gateway)
            .ok_or(Refusal::NoSuchGateway)?;
        if patron.opted_out {
            return Err(Refusal::OptedOut);
        }
        if !answerable(gateway.kind, &patron.address) {
            return Err(Refusal::NotAnswerable);
        }
        Ok(())
    }

    /// A conversation that the operator may see, that is open, and that nobody else has.
    pub(super) fn open_to(
        &self,
        operator: OperatorId,
        id: ConversationId,
    ) -> Result<&Conversation, Refusal> {
        let conversation = self.reachable(operator, id)?;
        if conversation.state == ConversationState::Closed {
            return Err(Refusal::Closed);
        }
        match self.taken(operator, conversation) {
            Some(taken) => Err(taken),
            None => Ok(conversation),
        }
    }

    /// Who was first, if that stops this operator.
    pub(super) fn taken(
        &self,
        operator: OperatorId,
        conversation: &Conversation,
    ) -> Option<Refusal> {
        let owner = conversation.claimed_by?;
        let free = owner == operator || self.may_accept(operator, conversation);
        (!free).then(|| Refusal::AnsweredBy {
            by: self.name(owner),
            operator: owner,
        })
    }
}

/// A telephone number as people write it, without what is there for the eye.
pub(super) fn dialled(number: &str) -> String {
    let bare: String = number
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}'))
        .collect();
    let digits = bare.strip_prefix('+').unwrap_or(&bare);
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        bare
    } else {
        number.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_dialled_without_what_is_for_the_eye() {
        for (written, dial) in [
            ("+1 (555) 123-0100", "+15551230100"),
            ("555.123.0100", "5551230100"),
            ("pat-o.hara@example.org", "pat-o.hara@example.org"),
            ("INFO 24", "INFO 24"),
            ("", ""),
        ] {
            assert_eq!(dialled(written), dial, "{written:?}");
        }
    }
}
