//! What whoever keeps the box does to a conversation by a command there: in nobody's name, and
//! written down as such. Nothing of it is said to the patron.

use serde::{Deserialize, Serialize};

use super::aids::{Deed, labels};
use super::event::{Moment, Refusal};
use super::ids::ConversationId;
use super::ledger::Ledger;
use super::record::{Conversation, ConversationState};
use super::router::Router;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", content = "with", rename_all = "snake_case")]
pub enum Order {
    /// Put a closed conversation before its queue again.
    Reopen,
    /// The tags from now on.
    Label(Vec<String>),
    /// Nothing this sender writes comes before anyone for a day.
    Block,
    /// It does again.
    Unblock,
}

impl Router {
    pub(super) fn order(
        &mut self,
        id: ConversationId,
        order: Order,
        now: Moment,
        ledger: &mut Ledger,
    ) -> Result<(), Refusal> {
        let conversation = self.present(id)?;
        let patron = conversation.patron;
        match order {
            Order::Reopen => {
                self.put_back(id, now, ledger)?;
                ledger.deed(None, Deed::Reopened, id);
            }
            Order::Label(tags) => {
                let tags = labels(tags)?;
                self.change(id, ledger, |c| c.marks.tags = tags);
                ledger.deed(None, Deed::Labelled, id);
            }
            Order::Block => {
                let open = self.threads.of_patron(patron);
                if let Some(owner) = open.and_then(|open| open.claimed_by) {
                    let owner = self.name(owner);
                    return Err(Refusal::Unfit(format!(
                        "{owner} answers this patron now: ask {owner}, or wait until it is closed"
                    )));
                }
                self.block_patron(None, patron, id, now, ledger);
            }
            Order::Unblock => {
                if !self.is_blocked(patron, now) {
                    return Err(Refusal::Unfit("this sender is not blocked".into()));
                }
                self.lift_block(None, patron, id, now, ledger);
            }
        }
        Ok(())
    }

    /// The conversation, if it is there and not on its way out.
    fn present(&self, id: ConversationId) -> Result<&Conversation, Refusal> {
        self.conversation(id)
            .filter(|conversation| !conversation.farewell)
            .ok_or(Refusal::NoSuchConversation)
    }

    /// Nobody waits for an answer in it, so no notice goes to the patron; whoever answered last is
    /// asked first.
    fn put_back(
        &mut self,
        id: ConversationId,
        now: Moment,
        ledger: &mut Ledger,
    ) -> Result<(), Refusal> {
        let conversation = self.present(id)?;
        if conversation.state != ConversationState::Closed {
            return Err(Refusal::Unfit(
                "this conversation is open: there is nothing to open again".into(),
            ));
        }
        if let Some(newer) = self.threads.of_patron(conversation.patron) {
            return Err(Refusal::Unfit(format!(
                "this patron has a newer conversation open, {}: go on in that",
                newer.id
            )));
        }
        let first = conversation.last_answered_by;
        let queue = self.present_queue(conversation);
        self.open(id, queue, ledger);
        ledger.note(id, format!("opened again by {}", self.who(None)));
        self.put_on_offer(id, first, now, ledger);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::test_desk::*;
    use super::super::*;

    const PAT: &str = "+15551230100";

    fn order(conversation: i64, order: Order) -> Event {
        Event::Order {
            conversation: ConversationId(conversation),
            order,
        }
    }

    /// What is on the trail of it: who did what.
    fn trail(effects: &[Effect]) -> Vec<(Option<OperatorId>, Deed)> {
        effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Audit { by, deed, .. } => Some((*by, *deed)),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn a_closed_conversation_is_put_before_its_queue_without_a_word_to_the_patron() {
        let mut desk = TestDesk::new(elm());
        desk.arrives(ANA);
        desk.arrives(BEN);
        desk.text(PAT, "Is my book in?");
        let open = desk.try_do(order(1, Order::Reopen)).unwrap_err();
        assert!(open.to_string().contains("is open"), "{open}");
        desk.send(BEN, 1, "Yes.").unwrap();
        desk.close(BEN, 1).unwrap();
        let effects = desk.does(order(1, Order::Reopen));
        assert_eq!(trail(&effects), [(None, Deed::Reopened)]);
        assert_eq!(notes(&effects), ["opened again by whoever keeps the box"]);
        assert_eq!(bells(&effects), ["offer 1 to 2"], "ben answered last");
        assert_eq!(desk.state(1), ConversationState::Waiting);
        assert_eq!(desk.conversation(1).claimed_by, None);
        desk.restarts();
        // Nobody waits: no notice, however long it stands there.
        let sent = desk.rows.submitted.len();
        desk.arrives(ANA);
        desk.wait(3600);
        assert_eq!(desk.rows.submitted.len(), sent);
        desk.claim(ANA, 1).unwrap();
        desk.close(ANA, 1).unwrap();

        // Not beside a newer one, and not what is not there.
        desk.wait(25 * 3600);
        desk.text(PAT, "Another thing");
        let newer = desk.try_do(order(1, Order::Reopen)).unwrap_err();
        assert!(newer.to_string().contains("open, 2:"), "{newer}");
        let gone = desk.try_do(order(9, Order::Reopen));
        assert_eq!(gone, Err(Refusal::NoSuchConversation));
    }

    #[test]
    fn tags_are_set_in_nobodys_name() {
        let mut desk = TestDesk::new(elm());
        desk.arrives(ANA);
        desk.text(PAT, "Is my book in?");
        desk.claim(ANA, 1).unwrap();
        let effects = desk.does(order(1, Order::Label(vec!["#Fines".into()])));
        assert_eq!(trail(&effects), [(None, Deed::Labelled)]);
        assert_eq!(desk.conversation(1).marks.tags, ["fines"]);
        assert_eq!(desk.conversation(1).claimed_by, Some(ANA));
        desk.close(ANA, 1).unwrap();
        desk.does(order(1, Order::Label(Vec::new())));
        assert_eq!(desk.conversation(1).marks.tags, [""; 0]);
        desk.try_do(order(1, Order::Label(vec!["<b>".into()])))
            .unwrap_err();
    }

    #[test]
    fn a_sender_is_blocked_unless_somebody_answers() {
        let mut desk = TestDesk::new(elm());
        desk.arrives(ANA);
        desk.text(PAT, "You are all fools");
        desk.claim(ANA, 1).unwrap();
        let refused = desk.try_do(order(1, Order::Block)).unwrap_err();
        assert!(refused.to_string().contains("ask ana"), "{refused}");
        desk.does(Event::Release {
            operator: ANA,
            conversation: ConversationId(1),
        });
        let effects = desk.does(order(1, Order::Block));
        assert_eq!(trail(&effects), [(None, Deed::Blocked)]);
        assert_eq!(
            notes(&effects),
            ["blocked for a day by whoever keeps the box"]
        );
        assert_eq!(desk.state(1), ConversationState::Closed);
        desk.text(PAT, "Fools!");
        assert_eq!(desk.state(1), ConversationState::Closed);
        let effects = desk.does(order(1, Order::Unblock));
        assert_eq!(trail(&effects), [(None, Deed::Unblocked)]);
        desk.text(PAT, "Sorry");
        assert_eq!(desk.state(1), ConversationState::Waiting);
        desk.try_do(order(1, Order::Unblock)).unwrap_err();
    }
}
