//! The plan changes while the desk is at work.

use super::*;

#[test]
fn what_a_removed_operator_answered_goes_back() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.arrives(BEN);
    desk.text(PAT, "one");
    desk.claim(ANA, 1).unwrap();
    let mut plan = elm();
    plan.operators.remove(0);
    let effects = desk.does(Event::Rearranged(plan));
    assert_eq!(
        notes(&effects),
        ["returned to the queue: ana was taken off the desk"]
    );
    assert_eq!(bells(&effects), ["1 is offline", "offer 1 to 2"]);
    assert_eq!(desk.claim(ANA, 1), Err(Refusal::NoSuchOperator));
}

#[test]
fn reassigning_changes_who_is_asked() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.arrives(BEN);
    desk.text(PAT, "one");
    desk.text(SUE, "two");
    desk.claim(BEN, 2).unwrap();
    let mut plan = elm();
    plan.operators[1].queues = vec![KIDS];
    let effects = desk.does(Event::Rearranged(plan));
    assert_eq!(
        notes(&effects),
        ["returned to the queue: ben does not answer it any more"]
    );
    assert_eq!(
        bells(&effects),
        ["withdraw 1 from 2: the desk was rearranged", "offer 2 to 1"]
    );
    // And back again; the queue stays online all the while.
    let effects = desk.does(Event::Rearranged(elm()));
    assert_eq!(bells(&effects), ["offer 1 to 2", "offer 2 to 2"]);
}

#[test]
fn reassigning_can_close_and_open_a_queue() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.text(PAT, "one");
    let mut plan = elm();
    plan.operators[0].queues = vec![KIDS];
    let effects = desk.does(Event::Rearranged(plan));
    assert_eq!(
        bells(&effects),
        [
            "queue 1 online: false",
            "queue 2 online: true",
            "withdraw 1 from 1: the desk was rearranged"
        ]
    );
    assert_eq!(desk.state(1), ConversationState::Held);
}

#[test]
fn a_moved_gateway_takes_only_new_conversations_along() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.text(PAT, "one");
    let mut plan = elm();
    plan.gateways[0].queue = KIDS;
    assert_eq!(desk.does(Event::Rearranged(plan)), []);
    desk.text(PAT, "two");
    assert_eq!(desk.conversation(1).queue, DESK);
    desk.text(SUE, "three");
    assert_eq!(desk.conversation(2).queue, KIDS);
}

#[test]
fn a_removed_queue_leaves_its_conversations_to_another() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.does(text(KIDS_LINE, PAT, "one"));
    let mut plan = elm();
    plan.queues.pop();
    plan.gateways[1].queue = DESK;
    for operator in &mut plan.operators {
        operator.queues.retain(|&queue| queue != KIDS);
    }
    let effects = desk.does(Event::Rearranged(plan));
    assert_eq!(notes(&effects), ["moved to desk: its queue was removed"]);
    assert_eq!(bells(&effects), ["offer 1 to 1"]);
    assert_eq!(desk.state(1), ConversationState::Waiting);
}

#[test]
fn a_removed_gateways_conversations_can_still_be_answered() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.text(PAT, "one");
    let mut plan = elm();
    plan.gateways[0].removed = true;
    desk.does(Event::Rearranged(plan));
    assert_eq!(
        submits(&desk.send(ANA, 1, "Yes.").unwrap()),
        to(PAT, "Yes.")
    );
}
