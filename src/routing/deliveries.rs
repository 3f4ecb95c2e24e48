//! What becomes of our texts on the wire (clause 11).

use super::effect::Effect;
use super::ids::{ConversationId, MessageId};
use super::record::{DeliveryState, Direction, Message};
use super::refusal::Refusal;
use super::state::State;
use super::turn::Turn;

/// Whether a message in one state can come to be in another. News from the network comes late and
/// out of order.
fn may_follow(before: DeliveryState, after: DeliveryState) -> bool {
    use DeliveryState::{Delivered, Failed, Queued, Received, Sending, Sent, Unknown};
    match (before, after) {
        // A patron's text, and what has arrived, stay what they are.
        (Received | Delivered, _) | (_, Received) => false,
        (Queued, after) => after != Queued,
        // An attempt that did not come to anything is queued again.
        (Sending, after) => after != Sending,
        // The network took it: only its report can say more.
        (Sent, Delivered | Failed) => true,
        (Sent, Queued | Sending | Sent | Unknown) => false,
        // A late report wins over whatever was believed; only a person has it sent again.
        (Failed, Delivered) => true,
        (Failed, Queued | Sending | Sent | Failed | Unknown) => false,
        // Sent again by itself where the SIM says that it never left; or more is known of why.
        (Unknown, Sending | Sent | Delivered | Failed | Unknown) => true,
        (Unknown, Queued) => false,
    }
}

impl Turn<'_> {
    pub(super) fn deliver(
        &mut self,
        message: MessageId,
        conversation: ConversationId,
        state: DeliveryState,
        reason: Option<String>,
    ) -> Result<(), Refusal> {
        let before = self.state.our_message(message, conversation)?.state;
        if !may_follow(before, state) {
            return Ok(());
        }
        if state == DeliveryState::Failed && self.state.conversation(conversation).is_some() {
            let why = reason.as_deref().unwrap_or("the network gave no reason");
            self.effects
                .note(conversation, format!("a text was not delivered: {why}"));
        }
        self.set_delivery(message, conversation, state, reason);
        self.end_farewell(conversation, state);
        Ok(())
    }

    /// A person has a lost text sent again, knowing that it may arrive twice.
    pub(super) fn retry(
        &mut self,
        message: MessageId,
        conversation: ConversationId,
    ) -> Result<(), Refusal> {
        let thread = self.state.present(conversation)?;
        let lost = self.state.our_message(message, conversation)?;
        let may_be_doubled = match lost.state {
            DeliveryState::Failed => false,
            DeliveryState::Unknown => true,
            DeliveryState::Received
            | DeliveryState::Queued
            | DeliveryState::Sending
            | DeliveryState::Sent
            | DeliveryState::Delivered => return Err(Refusal::NotRetryable),
        };
        self.state.check_answerable(thread)?;
        let body = lost.body.clone();
        let patron = self
            .state
            .memory
            .patron(thread.patron)
            .ok_or(Refusal::NoSuchConversation)?;
        let (gateway, to) = (patron.gateway, patron.address.clone());
        self.set_delivery(message, conversation, DeliveryState::Queued, None);
        self.effects.row(Effect::Submit {
            message,
            conversation,
            gateway,
            to,
            body,
            may_be_doubled,
        });
        Ok(())
    }

    fn set_delivery(
        &mut self,
        message: MessageId,
        conversation: ConversationId,
        state: DeliveryState,
        reason: Option<String>,
    ) {
        self.state.memory.change_message(message, |message| {
            message.state = state;
            message.reason.clone_from(&reason);
        });
        self.effects.row(Effect::SetDelivery {
            message,
            conversation,
            state,
            reason,
        });
    }
}

impl State {
    fn our_message(
        &self,
        message: MessageId,
        conversation: ConversationId,
    ) -> Result<&Message, Refusal> {
        self.memory
            .message(message)
            .filter(|m| m.conversation == conversation && m.direction == Direction::Out)
            .ok_or(Refusal::NoSuchMessage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_law_of_states() {
        use DeliveryState::{Delivered, Failed, Queued, Received, Sending, Sent, Unknown};
        for (before, after, may) in [
            (Queued, Sending, true),
            (Queued, Failed, true),
            (Sending, Queued, true),
            (Sending, Sent, true),
            (Sending, Delivered, true), // its report was quicker than the answer to +CMGS
            (Sent, Delivered, true),
            (Sent, Failed, true),
            (Sent, Unknown, false),
            (Sent, Sending, false),
            (Delivered, Sent, false),
            (Delivered, Failed, false),
            (Failed, Delivered, true),
            (Failed, Sent, false),
            (Unknown, Delivered, true),
            (Unknown, Sent, true),
            (Unknown, Sending, true),
            (Unknown, Unknown, true),
            (Unknown, Queued, false), // never resent without a person or the SIM's word
            (Received, Sent, false),
            (Queued, Received, false),
            (Sent, Sent, false),
        ] {
            assert_eq!(may_follow(before, after), may, "{before:?} to {after:?}");
        }
    }
}
