//! Clause 9: consent.

use super::*;

#[test]
fn stop_is_confirmed_and_then_nobody_can_text() {
    for word in [
        "STOP",
        "quit",
        "End.",
        "revoke",
        "Opt out",
        "cancel!",
        "unsubscribe",
    ] {
        let mut desk = desk();
        desk.arrives(ANA);
        desk.text(PAT, "one");
        desk.send(ANA, 1, "Yes.").unwrap();
        let stopped = desk.text(PAT, word);
        assert_eq!(submits(&stopped), to(PAT, STOPPED), "{word}");
        assert_eq!(notes(&stopped), ["the patron opted out of texts"]);
        assert!(desk.rows.patrons[&PatronId(1)].opted_out);
        assert_eq!(desk.send(ANA, 1, "But"), Err(Refusal::OptedOut));
        assert_eq!(
            desk.try_do(Event::Write {
                gateway: LINE,
                to: PAT.into(),
                body: "Your book is in.".into(),
            }),
            Err(Refusal::OptedOut)
        );
        assert_eq!(submits(&desk.text(PAT, word)), NOBODY, "told once");
        assert_eq!(submits(&desk.text(PAT, "help")), NOBODY);
        assert_eq!(desk.thread(1), ["one", "Yes.", word, STOPPED, word, "help"]);

        assert_eq!(submits(&desk.text(PAT, "Start")), to(PAT, STARTED));
        desk.send(ANA, 1, "Welcome back.").unwrap();
    }
}

#[test]
fn stop_takes_an_unanswered_question_off_the_desk() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.text(PAT, "one");
    let stopped = desk.text(PAT, "stop");
    assert_eq!(
        bells(&stopped),
        ["withdraw 1 from 1: the patron opted out of texts"]
    );
    assert_eq!(desk.state(1), ConversationState::Closed);
    // Their next question is shown, though it cannot be answered.
    let asked = desk.text(PAT, "When do you open?");
    assert_eq!(bells(&asked), ["offer 1 to 1"]);
    assert_eq!(
        notes(&asked),
        ["this patron opted out of texts: only their own START lets us answer"]
    );
    assert_eq!(desk.wait(600), []);
}

#[test]
fn wishes_about_texting_wake_nobody() {
    let mut desk = desk();
    desk.arrives(ANA);
    for (word, said) in [("HELP", HELP), ("stop", STOPPED), ("start", STARTED)] {
        let effects = desk.text(PAT, word);
        assert_eq!(submits(&effects), to(PAT, said));
        assert!(bells(&effects).is_empty());
        assert_eq!(desk.state(1), ConversationState::Closed);
    }
    assert_eq!(desk.router.conversations().count(), 0);
}

#[test]
fn start_without_stop_is_a_text_like_any_other() {
    let mut desk = desk();
    desk.arrives(ANA);
    assert_eq!(bells(&desk.text(PAT, "start")), ["offer 1 to 1"]);
}

#[test]
fn stop_is_heard_while_texts_are_refused() {
    let mut desk = with_gateway(|line| line.policy = OfflinePolicy::Refuse);
    assert_eq!(submits(&desk.text(PAT, "Stop")), to(PAT, STOPPED));
    assert_eq!(desk.thread(1), [STOPPED], "the patron's words are not kept");
    assert!(desk.rows.patrons[&PatronId(1)].opted_out);
}

#[test]
fn near_misses_are_flagged_to_an_operator() {
    for (words, flagged) in [
        ("please stop texting me", true),
        ("forget me", true),
        ("Is my book in?", false),
    ] {
        let mut desk = desk();
        desk.arrives(ANA);
        assert_eq!(bells(&desk.text(PAT, words)), ["offer 1 to 1"]);
        assert_eq!(desk.conversation(1).flagged, flagged, "{words}");
        assert!(!desk.rows.patrons[&PatronId(1)].opted_out);
        desk.send(ANA, 1, "As you wish.").unwrap();
        assert!(!desk.conversation(1).flagged);
    }
}

#[test]
fn in_a_chat_stop_is_a_word() {
    let mut desk = desk();
    desk.arrives(ANA);
    for gateway in [WIDGET, IM] {
        let effects = desk.does(text(gateway, "pat@example.org", "cancel"));
        assert_eq!(bells(&effects).len(), 1);
        assert_eq!(submits(&effects), NOBODY);
    }
}
