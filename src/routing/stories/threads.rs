//! Clause 4: the thread goes on for a day.

use super::*;

#[test]
fn a_claimed_conversations_words_go_to_its_claimant() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.arrives(BEN);
    desk.text(PAT, "one");
    desk.send(ANA, 1, "Yes.").unwrap();
    assert!(bells(&desk.text(PAT, "thanks")).is_empty());
    assert_eq!(desk.state(1), ConversationState::Claimed);
    assert_eq!(desk.conversation(1).waiting_since, Some(desk.now.wall));
}

#[test]
fn within_a_day_whoever_answered_last_is_asked_first() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.arrives(BEN);
    desk.text(PAT, "one");
    desk.send(BEN, 1, "Yes.").unwrap();
    desk.close(BEN, 1).unwrap();
    assert_eq!(desk.claim(BEN, 1), Err(Refusal::Closed));
    desk.wait(23 * 3600);
    assert_eq!(bells(&desk.text(PAT, "two")), ["offer 1 to 2"]);
    assert!(bells(&desk.wait(59)).is_empty());
    assert_eq!(bells(&desk.wait(1)), ["offer 1 to 1"]);
    assert_eq!(desk.thread(1), ["one", "Yes.", "two"]);
}

#[test]
fn when_whoever_answered_last_goes_all_are_asked_at_once() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.arrives(BEN);
    desk.text(PAT, "one");
    desk.send(BEN, 1, "Yes.").unwrap();
    desk.close(BEN, 1).unwrap();
    desk.text(PAT, "two");
    assert_eq!(
        bells(&desk.shows(BEN, Show::Away)),
        ["2 is away", "queue 2 online: false", "offer 1 to 1"]
    );
    // And if they are not there, nobody waits for them.
    desk.claim(ANA, 1).unwrap();
    desk.close(ANA, 1).unwrap();
    assert_eq!(bells(&desk.text(PAT, "three")), ["offer 1 to 1"]);
}

#[test]
fn after_a_day_a_new_conversation_begins() {
    for (hours, thread) in [(24, 1), (25, 2)] {
        let mut desk = desk();
        desk.arrives(ANA);
        desk.text(PAT, "one");
        desk.send(ANA, 1, "Yes.").unwrap();
        desk.close(ANA, 1).unwrap();
        desk.wait(hours * 3600);
        desk.text(PAT, "two");
        assert_eq!(desk.thread(thread).last(), Some(&"two"), "{hours} h");
        assert_eq!(desk.router.conversations().count(), 1);
    }
}

#[test]
fn what_was_answered_and_given_back_ends_after_a_day() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.text(PAT, "one");
    desk.send(ANA, 1, "Yes.").unwrap();
    desk.release(ANA, 1).unwrap();
    desk.wait(25 * 3600);
    desk.does(Event::Seen {
        operator: ANA,
        by_hand: true,
    });
    assert_eq!(
        bells(&desk.text(PAT, "two")),
        ["withdraw 1 from 1: ended after a day", "offer 2 to 1"]
    );
    assert_eq!(desk.state(1), ConversationState::Closed);
    // What was never answered goes on for as long as it takes.
    desk.wait(72 * 3600);
    desk.text(PAT, "three");
    assert_eq!(desk.thread(2), ["two", WAITING, "three"]);
}

#[test]
fn sending_opens_a_closed_conversation() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.arrives(BEN);
    desk.text(PAT, "one");
    desk.send(ANA, 1, "Yes.").unwrap();
    desk.close(ANA, 1).unwrap();
    let sent = desk.send(BEN, 1, "By the way").unwrap();
    assert!(bells(&sent).is_empty());
    assert_eq!(desk.conversation(1).claimed_by, Some(BEN));
    desk.close(BEN, 1).unwrap();
    // Not while the patron has a newer thread.
    desk.wait(25 * 3600);
    desk.text(PAT, "two");
    assert_eq!(desk.send(ANA, 1, "Old"), Err(Refusal::Closed));
    desk.claim(BEN, 2).unwrap();
    assert_eq!(
        desk.send(ANA, 1, "Old").unwrap_err().to_string(),
        "answered by ben"
    );
}
