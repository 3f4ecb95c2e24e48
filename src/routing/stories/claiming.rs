//! Clause 3: claiming is atomic.

use super::*;

#[test]
fn the_first_send_claims_and_the_others_see_by_whom() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.arrives(BEN);
    assert_eq!(
        bells(&desk.text(PAT, "one")),
        ["offer 1 to 1", "offer 1 to 2"]
    );
    let sent = desk.send(ANA, 1, "Yes.").unwrap();
    assert_eq!(bells(&sent), ["withdraw 1 from 2: answered by ana"]);
    assert_eq!(submits(&sent), to(PAT, "Yes."));
    let conversation = desk.conversation(1);
    assert_eq!(conversation.state, ConversationState::Claimed);
    assert_eq!(conversation.claimed_by, Some(ANA));
    assert_eq!(conversation.waiting_since, None);

    let lost = desk.send(BEN, 1, "Let me look.").unwrap_err();
    assert_eq!(lost.to_string(), "answered by ana");
    assert_eq!(desk.claim(BEN, 1).unwrap_err(), lost);
    assert_eq!(desk.thread(1), ["one", "Yes."]);
}

#[test]
fn a_claim_without_words_takes_and_release_gives_back() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.arrives(BEN);
    desk.text(PAT, "one");
    assert_eq!(
        bells(&desk.claim(BEN, 1).unwrap()),
        ["withdraw 1 from 1: taken by ben"]
    );
    assert_eq!(desk.claim(BEN, 1).unwrap(), []);
    assert_eq!(desk.release(ANA, 1), Err(Refusal::NotYours));
    assert_eq!(desk.close(ANA, 1), Err(Refusal::NotYours));
    let back = desk.release(BEN, 1).unwrap();
    assert_eq!(bells(&back), ["offer 1 to 1", "offer 1 to 2"]);
    assert_eq!(notes(&back), ["returned to the queue by ben"]);
    assert_eq!(desk.state(1), ConversationState::Waiting);
}

#[test]
fn only_whoever_may_see_a_conversation_can_touch_it() {
    let mut desk = desk();
    desk.arrives(CAL);
    desk.text(PAT, "one");
    for refused in [
        desk.send(CAL, 1, "Hi"),
        desk.claim(CAL, 1),
        desk.close(CAL, 1),
        desk.send(ANA, 77, "Hi"),
    ] {
        assert_eq!(refused, Err(Refusal::NoSuchConversation));
    }
    assert_eq!(desk.claim(OperatorId(9), 1), Err(Refusal::NoSuchOperator));
    assert_eq!(desk.send(ANA, 1, " \n"), Err(Refusal::Empty));
}
