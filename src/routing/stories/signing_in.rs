//! Clause 2: in front of everyone who signs in, until one claims.

use super::*;

#[test]
fn whoever_signs_in_is_shown_what_nobody_answered_oldest_first() {
    let mut desk = desk();
    desk.text(PAT, "one");
    desk.text(SUE, "two");
    desk.does(text(KIDS_LINE, PAT, "three"));
    assert_eq!(
        bells(&desk.arrives(ANA)),
        [
            "1 is available",
            "queue 1 online: true",
            "offer 1 to 1",
            "offer 2 to 1"
        ]
    );
    assert_eq!(desk.state(1), ConversationState::Waiting);
    assert_eq!(desk.state(3), ConversationState::Held);
    assert_eq!(
        bells(&desk.arrives(BEN)),
        [
            "2 is available",
            "queue 2 online: true",
            "offer 1 to 2",
            "offer 2 to 2",
            "offer 3 to 2"
        ]
    );
}

#[test]
fn signing_in_and_out_without_answering_changes_nothing() {
    let mut desk = desk();
    desk.text(PAT, "one");
    let before = desk.rows.conversations.clone();
    for _day in 0..3 {
        let came = bells(&desk.arrives(ANA));
        assert!(came.contains(&"offer 1 to 1".into()), "{came:?}");
        assert_eq!(
            bells(&desk.goes(ANA)),
            ["1 is offline", "queue 1 online: false"]
        );
        desk.wait(24 * 3600);
    }
    assert_eq!(desk.rows.conversations, before);
}

#[test]
fn away_is_not_asked_and_coming_back_is_signing_in() {
    let mut desk = desk();
    desk.arrives(ANA);
    assert_eq!(
        bells(&desk.shows(ANA, Show::Away)),
        ["1 is away", "queue 1 online: false"]
    );
    assert!(bells(&desk.text(PAT, "one")).is_empty());
    assert_eq!(
        bells(&desk.shows(ANA, Show::Available)),
        ["1 is available", "queue 1 online: true", "offer 1 to 1"]
    );
}
