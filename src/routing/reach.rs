//! Whose a conversation is, and who may do what to it: the rows of [`Act::rule`] held against the plan.

use super::act::{Act, Operators};
use super::actor::Actor;
use super::ids::{ConversationId, OperatorId, QueueId};
use super::plan::answerable;
use super::record::{Conversation, ConversationState, TransferTarget};
use super::refusal::Refusal;
use super::state::State;

impl State {
    /// Whether whoever asks may, by the table.
    pub(super) fn permit(&self, by: Actor, on: ConversationId, act: &Act) -> Result<(), Refusal> {
        let rule = act.rule();
        let Actor::Operator(operator) = by else {
            return match rule.others {
                Some(other) if other == by => self.present(on).map(drop),
                Some(_) | None => Err(Refusal::NotPermitted),
            };
        };
        match rule.operators {
            Operators::None => Err(Refusal::NotPermitted),
            Operators::WhoSee => self.reachable(operator, on).map(drop),
            Operators::WhoKnowThem => {
                let conversation = self.reachable(operator, on)?;
                let queues = self
                    .plan
                    .operator(operator)
                    .map(|one| one.queues.as_slice());
                match conversation.is_at_home(queues.unwrap_or_default()) {
                    true => Ok(()),
                    false => Err(Refusal::Unfit(
                        "this patron is another library's: ask its own librarians to do that"
                            .into(),
                    )),
                }
            }
            Operators::WhoSeeItFree => {
                let conversation = self.reachable(operator, on)?;
                self.taken(operator, conversation).map_or(Ok(()), Err)
            }
            Operators::WhoSeeItFreeAndOpen => self.open_to(operator, on).map(drop),
            Operators::WhoAnswer => self.answered_by(operator, on).map(drop),
            Operators::AtHome => {
                let conversation = self.reachable(operator, on)?;
                match self.is_at_home(operator, conversation) {
                    true => Ok(()),
                    false => Err(Refusal::Unfit(
                        "this patron is another library's: only its own librarians may see the \
                         number"
                            .into(),
                    )),
                }
            }
        }
    }

    /// A number is for the desk it was given to: librarians who help out never see it (clause 7).
    fn is_at_home(&self, operator: OperatorId, conversation: &Conversation) -> bool {
        let fed = self
            .plan
            .gateway(conversation.gateway)
            .map(|gateway| gateway.queue);
        self.plan.operator(operator).is_some_and(|operator| {
            let mut queues = operator.queues.iter();
            queues.any(|queue| *queue == conversation.home || Some(*queue) == fed)
        })
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
    fn answered_by(
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

    /// Whether an operator answers the queue a conversation is in, or the one that helps with it.
    pub(super) fn is_assigned(&self, operator: OperatorId, conversation: &Conversation) -> bool {
        let entry = self.plan.operator(operator);
        entry.is_some_and(|entry| entry.queues.iter().any(|&queue| conversation.is_in(queue)))
    }

    /// Where a conversation is now: in its queue, or if that is gone where it came from, or where
    /// its patron would come today, or in the first queue there is.
    pub(super) fn present_queue(&self, conversation: &Conversation) -> QueueId {
        let fed = self.plan.gateway(conversation.gateway).map(|g| g.queue);
        [Some(conversation.queue), Some(conversation.home), fed]
            .into_iter()
            .flatten()
            .find_map(|queue| self.plan.queue(queue))
            .or(self.plan.queues.first())
            .map_or(conversation.queue, |queue| queue.id)
    }

    /// Whether the operator may accept the conversation's transfer.
    fn may_accept(&self, operator: OperatorId, conversation: &Conversation) -> bool {
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
}
