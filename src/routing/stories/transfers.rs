//! Clause 6: handing over.

use super::*;

#[test]
fn a_transfer_must_be_accepted() {
    let mut desk = desk();
    for operator in [ANA, BEN, CAL] {
        desk.arrives(operator);
    }
    desk.text(PAT, "one");
    desk.send(ANA, 1, "Moment.").unwrap();
    let asked = desk
        .transfer(ANA, 1, TransferTarget::Queue(KIDS), "wants dinosaurs")
        .unwrap();
    assert_eq!(bells(&asked), ["offer 1 to 2", "offer 1 to 3"]);
    assert_eq!(notes(&asked), ["ana hands over to kids: wants dinosaurs"]);
    assert_eq!(desk.conversation(1).claimed_by, Some(ANA));
    let accepted = desk.claim(CAL, 1).unwrap();
    assert_eq!(bells(&accepted), ["withdraw 1 from 2: accepted by cal"]);
    assert_eq!(notes(&accepted), ["accepted by cal"]);
    let conversation = desk.conversation(1);
    assert_eq!(conversation.claimed_by, Some(CAL));
    assert_eq!((conversation.queue, conversation.home), (KIDS, DESK));
    assert_eq!(conversation.transfer, None);
    assert_eq!(desk.send(ANA, 1, "Hi"), Err(Refusal::NoSuchConversation));
}

#[test]
fn sending_accepts_too_and_a_colleague_not_asked_cannot() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.arrives(BEN);
    desk.text(PAT, "one");
    desk.claim(ANA, 1).unwrap();
    desk.transfer(ANA, 1, TransferTarget::Operator(BEN), "")
        .unwrap();
    let sent = desk.send(BEN, 1, "Ben here.").unwrap();
    assert_eq!(notes(&sent), ["accepted by ben"]);
    assert_eq!(desk.conversation(1).claimed_by, Some(BEN));
    assert_eq!(desk.conversation(1).queue, DESK);
    assert_eq!(
        desk.send(ANA, 1, "Hi").unwrap_err().to_string(),
        "answered by ben"
    );
}

#[test]
fn a_transfer_falls_back_after_60_seconds() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.arrives(BEN);
    desk.text(PAT, "one");
    desk.claim(ANA, 1).unwrap();
    desk.transfer(ANA, 1, TransferTarget::Operator(BEN), "")
        .unwrap();
    assert_eq!(desk.wait(59), []);
    let back = desk.wait(1);
    let line = "ben did not accept: back with ana";
    assert_eq!(notes(&back), [line]);
    assert_eq!(bells(&back), [format!("withdraw 1 from 2: {line}")]);
    assert_eq!(desk.conversation(1).claimed_by, Some(ANA));
    assert_eq!(
        desk.claim(BEN, 1).unwrap_err().to_string(),
        "answered by ana"
    );
}

#[test]
fn sending_during_ones_own_transfer_takes_it_back() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.arrives(BEN);
    desk.text(PAT, "one");
    desk.claim(ANA, 1).unwrap();
    desk.transfer(ANA, 1, TransferTarget::Queue(KIDS), "")
        .unwrap();
    let sent = desk.send(ANA, 1, "I have it.").unwrap();
    assert_eq!(notes(&sent), ["taken back by ana"]);
    assert_eq!(bells(&sent), ["withdraw 1 from 2: taken back by ana"]);
    assert_eq!(desk.conversation(1).transfer, None);
    assert_eq!(desk.wait(60), []);
}

#[test]
fn a_transfer_is_shown_to_whoever_signs_in_meanwhile() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.arrives(BEN);
    desk.text(PAT, "one");
    desk.claim(ANA, 1).unwrap();
    desk.transfer(ANA, 1, TransferTarget::Queue(KIDS), "")
        .unwrap();
    assert_eq!(
        bells(&desk.arrives(CAL)),
        ["3 is available", "offer 1 to 3"]
    );
    // A restart gives it another minute, no more.
    desk.restarts();
    assert!(desk.conversation(1).transfer.is_some());
    assert_eq!(
        notes(&desk.wait(60)),
        ["kids did not accept: back with ana"]
    );
}

#[test]
fn a_transfer_to_where_nobody_could_accept_is_refused() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.text(PAT, "one");
    desk.claim(ANA, 1).unwrap();
    let before = desk.router.clone();
    for (target, why) in [
        (
            TransferTarget::Operator(ANA),
            "this conversation is yours already: choose a colleague",
        ),
        (
            TransferTarget::Operator(BEN),
            "ben is not available now: choose someone who is",
        ),
        (
            TransferTarget::Operator(CAL),
            "cal does not answer this queue: transfer to one of cal's queues",
        ),
        (
            TransferTarget::Queue(DESK),
            "this conversation is in desk already: release it instead",
        ),
        (
            TransferTarget::Queue(KIDS),
            "nobody else is available in kids now: try again later, or choose another",
        ),
    ] {
        let refused = desk.transfer(ANA, 1, target, "").unwrap_err();
        assert_eq!(refused.to_string(), why);
    }
    assert_eq!(
        desk.transfer(ANA, 1, TransferTarget::Queue(QueueId(9)), ""),
        Err(Refusal::NoSuchQueue)
    );
    assert_eq!(
        desk.transfer(ANA, 1, TransferTarget::Operator(OperatorId(9)), ""),
        Err(Refusal::NoSuchOperator)
    );
    assert_eq!(
        desk.transfer(BEN, 1, TransferTarget::Queue(KIDS), ""),
        Err(Refusal::NotYours)
    );
    assert_eq!(desk.router, before);
}

#[test]
fn when_the_owner_leaves_during_a_transfer_everyone_is_asked() {
    let mut desk = desk();
    for operator in [ANA, BEN, CAL] {
        desk.arrives(operator);
    }
    desk.text(PAT, "one");
    desk.claim(ANA, 1).unwrap();
    desk.vanishes(ANA);
    desk.wait(40);
    desk.transfer(ANA, 1, TransferTarget::Queue(KIDS), "")
        .unwrap();
    // Handing over was a sign of life: the transfer falls back first.
    assert_eq!(
        notes(&desk.wait(60)),
        ["kids did not accept: back with ana"]
    );
    desk.transfer(ANA, 1, TransferTarget::Queue(KIDS), "")
        .unwrap();
    let out = desk.shows(ANA, Show::Offline);
    assert_eq!(
        bells(&out),
        ["1 is offline", "withdraw 1 from 3: returned to the queue"]
    );
    assert_eq!(desk.router.offered_to(ConversationId(1)), [BEN].into());
}
