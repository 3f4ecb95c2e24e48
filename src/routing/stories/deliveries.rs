//! Clause 11: what becomes of a text.

use super::*;

fn delivery(message: i64, state: DeliveryState, reason: Option<&str>) -> Event {
    Event::Delivery {
        message: MessageId(message),
        conversation: ConversationId(1),
        state,
        reason: reason.map(str::to_owned),
    }
}

#[test]
fn states_pass_and_a_failure_is_told() {
    use DeliveryState::{Delivered, Failed, Queued, Sending, Sent, Unknown};
    let mut desk = desk();
    desk.arrives(ANA);
    desk.text(PAT, "one");
    desk.send(ANA, 1, "Yes.").unwrap();
    assert_eq!(desk.rows.messages[&MessageId(2)].state, Queued);
    for (news, stands) in [
        (Sending, Sending),
        (Unknown, Unknown),
        (Queued, Unknown),
        (Sending, Sending), // the SIM said that it never left
        (Failed, Failed),
        (Sent, Failed),
        (Delivered, Delivered),
        (Sent, Delivered),
        (Failed, Delivered),
    ] {
        let effects = desk.does(delivery(2, news, Some("no such number")));
        assert_eq!(desk.rows.messages[&MessageId(2)].state, stands, "{news:?}");
        let told = notes(&effects);
        let failed = news == Failed && stands == Failed;
        assert_eq!(told.len(), usize::from(failed));
        if failed {
            assert_eq!(told, ["a text was not delivered: no such number"]);
        }
    }
    for (message, refused) in [(1, true), (99, true), (2, false)] {
        let told = desk.try_do(delivery(message, Sent, None));
        assert_eq!(told == Err(Refusal::NoSuchMessage), refused, "{message}");
    }
}

#[test]
fn a_lost_text_is_sent_again_only_by_a_person() {
    use DeliveryState::{Failed, Queued, Sent, Unknown};
    for (state, doubled) in [(Failed, Some(false)), (Unknown, Some(true)), (Sent, None)] {
        let mut desk = desk();
        desk.arrives(ANA);
        desk.text(PAT, "one");
        desk.send(ANA, 1, "Yes.").unwrap();
        desk.does(delivery(2, state, None));
        desk.close(ANA, 1).unwrap();
        let retried = desk.try_do(Event::act(
            ANA,
            ConversationId(1),
            Act::Retry {
                message: MessageId(2),
            },
        ));
        let Some(doubled) = doubled else {
            assert_eq!(retried, Err(Refusal::NotRetryable));
            continue;
        };
        let effects = retried.unwrap();
        assert_eq!(submits(&effects), to(PAT, "Yes."));
        assert!(effects.iter().any(|effect| matches!(
            effect,
            Effect::Submit { message: MessageId(2), may_be_doubled, .. } if *may_be_doubled == doubled
        )));
        assert_eq!(desk.rows.messages[&MessageId(2)].state, Queued);
        assert_eq!(desk.rows.messages.len(), 2);
    }
}

#[test]
fn a_lost_text_is_not_sent_again_to_whoever_opted_out() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.text(PAT, "one");
    desk.send(ANA, 1, "Yes.").unwrap();
    desk.does(delivery(2, DeliveryState::Failed, None));
    desk.text(PAT, "stop");
    let retried = desk.try_do(Event::act(
        ANA,
        ConversationId(1),
        Act::Retry {
            message: MessageId(2),
        },
    ));
    assert_eq!(retried, Err(Refusal::OptedOut));
}
