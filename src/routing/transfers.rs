//! Handing a conversation over (clause 6).

use std::time::Duration;

use super::alarms::Alarm;
use super::event::Moment;
use super::ids::{ConversationId, OperatorId};
use super::ledger::Ledger;
use super::record::{Conversation, Rollover, Transfer, TransferTarget};
use super::refusal::Refusal;
use super::router::Router;

/// A transfer not accepted within this falls back.
pub(super) const ACCEPT_WITHIN: Duration = Duration::from_secs(60);

/// Letters of a note; what is longer belongs in the thread.
const NOTE_MAX: usize = 2000;

impl Router {
    /// An operator hands a conversation over.
    pub(super) fn transfer(
        &mut self,
        operator: OperatorId,
        id: ConversationId,
        to: TransferTarget,
        note: String,
        now: Moment,
        ledger: &mut Ledger,
    ) -> Result<(), Refusal> {
        let conversation = self.present(id)?;
        let target = self.check_target(operator, conversation, to)?;
        let before = self.offered(id);

        let note: String = note.trim().chars().take(NOTE_MAX).collect();
        let name = self.name(operator);
        let line = if note.is_empty() {
            format!("{name} hands over to {target}")
        } else {
            format!("{name} hands over to {target}: {note}")
        };
        ledger.note(id, line);
        self.change(id, ledger, |conversation| {
            conversation.transfer = Some(Transfer {
                from: operator,
                to,
                note,
                at: now.wall,
            });
        });
        self.alarms
            .set(Alarm::Transfer(id), now.uptime + ACCEPT_WITHIN);

        let after = self.offered(id);
        let gone = before.difference(&after).copied().collect();
        ledger.withdraw(id, &gone, &format!("handed over to {target}"));
        ledger.offer(id, &after.difference(&before).copied().collect());
        Ok(())
    }

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

    /// Whether the operator may accept the conversation's transfer.
    pub(super) fn may_accept(&self, operator: OperatorId, conversation: &Conversation) -> bool {
        let Some(transfer) = &conversation.transfer else {
            return false;
        };
        let assigned = |queue| {
            self.plan
                .operator(operator)
                .is_some_and(|operator| operator.queues.contains(&queue))
        };
        conversation.claimed_by != Some(operator)
            && match transfer.to {
                TransferTarget::Operator(to) => {
                    to == operator && self.is_assigned(to, conversation)
                }
                TransferTarget::Queue(queue) => assigned(queue),
            }
    }

    /// The hand-over is accepted: a conversation handed to a queue is in that queue from now on.
    pub(super) fn accept(&mut self, operator: OperatorId, id: ConversationId, ledger: &mut Ledger) {
        let name = self.name(operator);
        let mut before = self.offered(id);
        before.remove(&operator);
        self.alarms.clear(Alarm::Transfer(id));
        self.change(id, ledger, |conversation| {
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
        self.end_help(operator, id, ledger);
        ledger.note(id, format!("accepted by {name}"));
        ledger.withdraw(id, &before, &format!("accepted by {name}"));
    }

    /// The owner goes on answering.
    pub(super) fn take_back(&mut self, id: ConversationId, ledger: &mut Ledger) {
        let Some(owner) = self.threads.get(id).and_then(|c| c.claimed_by) else {
            return;
        };
        let line = format!("taken back by {}", self.name(owner));
        self.end_transfer(id, line, ledger);
    }

    /// Nobody accepted in time.
    pub(super) fn fall_back(&mut self, id: ConversationId, ledger: &mut Ledger) {
        let Some(conversation) = self.threads.get(id) else {
            return;
        };
        let (Some(owner), Some(transfer)) = (conversation.claimed_by, &conversation.transfer)
        else {
            return;
        };
        let owner = self.name(owner);
        let target = match transfer.to {
            TransferTarget::Operator(to) => Some(self.name(to)),
            TransferTarget::Queue(to) => self.plan.queue(to).map(|queue| queue.name.clone()),
        };
        let line = match target {
            Some(target) => format!("{target} did not accept: back with {owner}"),
            None => format!("not accepted: back with {owner}"),
        };
        self.end_transfer(id, line, ledger);
    }

    fn end_transfer(&mut self, id: ConversationId, line: String, ledger: &mut Ledger) {
        let before = self.offered(id);
        self.alarms.clear(Alarm::Transfer(id));
        self.change(id, ledger, |conversation| conversation.transfer = None);
        ledger.withdraw(id, &before, &line);
        ledger.note(id, line);
    }
}
