//! What operators do with a conversation: answer, take, give back, close (clauses 3 and 9); and the
//! desk writing of its own accord.

use std::collections::BTreeSet;

use super::act::AuditAction;
use super::actor::Actor;
use super::alarms::Alarm;
use super::ids::{ConversationId, GatewayId, OperatorId};
use super::plan::answerable;
use super::record::{Author, ConversationState, Rollover};
use super::refusal::Refusal;
use super::turn::Turn;
use crate::numbers::PatronNumber;

impl Turn<'_> {
    /// The first send claims (clause 3).
    pub(super) fn send(
        &mut self,
        operator: OperatorId,
        id: ConversationId,
        body: String,
        client_id: Option<String>,
    ) -> Result<(), Refusal> {
        let now = self.now;
        let conversation = self.state.present(id)?;
        if body.trim().is_empty() {
            return Err(Refusal::Empty);
        }
        self.state.check_answerable(conversation)?;
        let patron = conversation.patron;
        let closed = conversation.state == ConversationState::Closed;
        if closed {
            // The patron has begun another thread since: that one is to be answered.
            if let Some(newer) = self.state.threads.of_patron(patron) {
                return Err(self.state.taken(operator, newer).unwrap_or(Refusal::Closed));
            }
            let queue = self.state.present_queue(conversation);
            self.open(id, queue);
        }

        let by = Actor::Operator(operator);
        if self.lift_block(by, patron, id) {
            self.effects.audit(by, AuditAction::UnblockedSender, id);
        }
        self.take(operator, id, "answered by", closed);
        self.change(id, |conversation| {
            conversation.waiting_since = None;
            conversation.waiting_noticed = false;
            conversation.flagged = false;
            conversation.quiet = false;
            if let Rollover::Offered(queue) = conversation.rollover {
                conversation.rollover = Rollover::Shared(queue);
            }
            conversation.last_answered_by = Some(operator);
            conversation.active_at = now.wall;
        });
        let author = Author::Operator(operator);
        self.send_out(id, patron, body, author, client_id);
        Ok(())
    }

    /// Makes the operator the claimant, whoever may be it now: checked before.
    pub(super) fn take(
        &mut self,
        operator: OperatorId,
        id: ConversationId,
        how: &str,
        was_closed: bool,
    ) {
        let Some(conversation) = self.state.threads.get(id) else {
            return;
        };
        match (conversation.claimed_by, &conversation.transfer) {
            (Some(owner), Some(_)) if owner == operator => self.take_back(id),
            (Some(owner), None) if owner == operator => {}
            (Some(_), _) => self.accept(operator, id),
            (None, _) => {
                let mut before = if was_closed {
                    BTreeSet::new()
                } else {
                    self.state.offered(id)
                };
                before.remove(&operator);
                self.state.alarms.clear(Alarm::Reserved(id));
                self.state.alarms.clear(Alarm::Waiting(id));
                self.change(id, |conversation| {
                    conversation.state = ConversationState::Claimed;
                    conversation.claimed_by = Some(operator);
                });
                let reason = format!("{how} {}", self.state.name(operator));
                self.effects.withdraw(id, &before, &reason);
                self.end_help(operator, id);
            }
        }
    }

    pub(super) fn release(&mut self, operator: OperatorId, id: ConversationId) {
        self.effects.note(
            id,
            format!("returned to the queue by {}", self.state.name(operator)),
        );
        self.give_back(id);
    }

    pub(super) fn close(&mut self, operator: OperatorId, id: ConversationId) {
        let offered = self.state.offered(id);
        self.shut(id);
        self.effects.withdraw(
            id,
            &offered,
            &format!("closed by {}", self.state.name(operator)),
        );
    }

    /// The desk writes of its own accord. Nothing waits for a librarian then: a new thread is
    /// closed until the patron answers.
    pub(super) fn write(
        &mut self,
        gateway: GatewayId,
        to: &PatronNumber,
        body: String,
    ) -> Result<(), Refusal> {
        let now = self.now;
        let gateway = self.state.gateway_in_use(gateway)?;
        if body.trim().is_empty() {
            return Err(Refusal::Empty);
        }
        if !answerable(gateway.kind, to) {
            return Err(Refusal::NotAnswerable);
        }
        let (gateway, queue) = (gateway.id, gateway.queue);
        let known = self.state.memory.patron_at(gateway, to);
        if known.is_some_and(|patron| patron.opted_out) || self.state.is_opted_out(gateway, to) {
            return Err(Refusal::OptedOut);
        }
        let known = known.map(|patron| patron.id);
        let thread = known.and_then(|patron| self.recent_thread(patron));
        let patron = match known {
            Some(patron) => patron,
            None => self.new_patron(gateway, to),
        };
        let id = match thread {
            Some(id) => id,
            None => self.new_conversation(patron, gateway, queue),
        };
        self.change(id, |c| c.active_at = now.wall);
        self.send_out(id, patron, body, Author::Desk, None);
        Ok(())
    }
}
