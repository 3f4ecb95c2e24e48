//! Handing a conversation over (clause 6).

use super::alarms::Alarm;
use super::ids::{ConversationId, OperatorId};
use super::record::{Conversation, Rollover, Transfer, TransferTarget};
use super::refusal::Refusal;
use super::state::State;
use super::timers::ACCEPT_WITHIN;
use super::turn::Turn;

/// Letters of a note; what is longer belongs in the thread.
const NOTE_MAX: usize = 2000;

impl Turn<'_> {
    /// An operator hands a conversation over.
    pub(super) fn transfer(
        &mut self,
        operator: OperatorId,
        id: ConversationId,
        to: TransferTarget,
        note: String,
    ) -> Result<(), Refusal> {
        let now = self.now;
        let conversation = self.state.present(id)?;
        let target = self.state.check_target(operator, conversation, to)?;
        let before = self.state.offered(id);

        let note: String = note.trim().chars().take(NOTE_MAX).collect();
        let name = self.state.name(operator);
        let line = if note.is_empty() {
            format!("{name} hands over to {target}")
        } else {
            format!("{name} hands over to {target}: {note}")
        };
        self.effects.note(id, line);
        self.change(id, |conversation| {
            conversation.transfer = Some(Transfer {
                from: operator,
                to,
                note,
                at: now.wall,
            });
        });
        self.state
            .alarms
            .set(Alarm::Transfer(id), now.uptime + ACCEPT_WITHIN);

        let after = self.state.offered(id);
        let gone = before.difference(&after).copied().collect();
        self.effects
            .withdraw(id, &gone, &format!("handed over to {target}"));
        self.effects
            .offer(id, &after.difference(&before).copied().collect());
        Ok(())
    }

    /// The hand-over is accepted: a conversation handed to a queue is in that queue from now on.
    pub(super) fn accept(&mut self, operator: OperatorId, id: ConversationId) {
        let name = self.state.name(operator);
        let mut before = self.state.offered(id);
        before.remove(&operator);
        self.state.alarms.clear(Alarm::Transfer(id));
        self.change(id, |conversation| {
            if let Some(transfer) = conversation.transfer.take()
                && let TransferTarget::Queue(queue) = transfer.to
            {
                conversation.queue = queue;
                conversation.closed_notice = None;
                // Handed over for good: it is no helper's any more.
                conversation.rollover = Rollover::Home;
            }
            conversation.claimed_by = Some(operator);
        });
        self.end_help(operator, id);
        self.effects.note(id, format!("accepted by {name}"));
        self.effects
            .withdraw(id, &before, &format!("accepted by {name}"));
    }

    /// The owner goes on answering.
    pub(super) fn take_back(&mut self, id: ConversationId) {
        let Some(owner) = self.state.threads.get(id).and_then(|c| c.claimed_by) else {
            return;
        };
        let line = format!("taken back by {}", self.state.name(owner));
        self.end_transfer(id, line);
    }

    /// Nobody accepted in time.
    pub(super) fn fall_back(&mut self, id: ConversationId) {
        let Some(conversation) = self.state.threads.get(id) else {
            return;
        };
        let (Some(owner), Some(transfer)) = (conversation.claimed_by, &conversation.transfer)
        else {
            return;
        };
        let owner = self.state.name(owner);
        let target = match transfer.to {
            TransferTarget::Operator(to) => Some(self.state.name(to)),
            TransferTarget::Queue(to) => self.state.plan.queue(to).map(|queue| queue.name.clone()),
        };
        let line = match target {
            Some(target) => format!("{target} did not accept: back with {owner}"),
            None => format!("not accepted: back with {owner}"),
        };
        self.end_transfer(id, line);
    }

    fn end_transfer(&mut self, id: ConversationId, line: String) {
        let before = self.state.offered(id);
        self.state.alarms.clear(Alarm::Transfer(id));
        self.change(id, |conversation| conversation.transfer = None);
        self.effects.withdraw(id, &before, &line);
        self.effects.note(id, line);
    }
}

impl State {
    /// Whether anyone could accept; the target's name.
    fn check_target(
        &self,
        operator: OperatorId,
        conversation: &Conversation,
        to: TransferTarget,
    ) -> Result<String, Refusal> {
        let bad = |words: String| Err(Refusal::BadTransfer(words));
        match to {
            TransferTarget::Operator(to) => {
                let colleague = self.operator(to)?;
                let name = &colleague.name;
                if to == operator {
                    return bad("this conversation is yours already: choose a colleague".into());
                }
                if !self.is_assigned(to, conversation) {
                    return bad(format!(
                        "{name} does not answer this queue: transfer to one of {name}'s queues"
                    ));
                }
                if !self.is_available_for(to, conversation) {
                    return bad(format!(
                        "{name} is not available now: choose someone who is"
                    ));
                }
                Ok(name.clone())
            }
            TransferTarget::Queue(to) => {
                let queue = self.plan.queue(to).ok_or(Refusal::NoSuchQueue)?;
                let name = &queue.name;
                if to == conversation.queue {
                    return bad(format!(
                        "this conversation is in {name} already: release it instead"
                    ));
                }
                if self.staff.available(to).all(|other| other == operator) {
                    return bad(format!(
                        "nobody else is available in {name} now: try again later, or choose another"
                    ));
                }
                Ok(name.clone())
            }
        }
    }
}
