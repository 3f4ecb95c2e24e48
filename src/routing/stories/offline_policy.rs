//! Clause 1: offline policy.

use super::*;

#[test]
fn a_held_text_is_kept_and_the_closed_notice_given_once_a_period() {
    let mut desk = desk();
    let first = desk.text(PAT, "Is my book in?");
    assert_eq!(submits(&first), to(PAT, CLOSED));
    assert_eq!(desk.state(1), ConversationState::Held);
    for words in ["And are you open?", "Hello?"] {
        assert_eq!(submits(&desk.text(PAT, words)), NOBODY);
    }
    // Somebody comes and goes: the next closed period is another.
    desk.arrives(ANA);
    desk.goes(ANA);
    assert_eq!(submits(&desk.text(PAT, "Still there?")), to(PAT, CLOSED));
    assert_eq!(submits(&desk.text(PAT, "Please")), NOBODY);
    // Another patron is told too.
    assert_eq!(submits(&desk.text(SUE, "Hi")), to(SUE, CLOSED));
    // And a restart does not begin a closed period.
    desk.restarts();
    assert_eq!(submits(&desk.text(SUE, "Hi again")), NOBODY);
}

#[test]
fn held_texts_keep_their_time_and_the_carriers_stamp() {
    let mut desk = desk();
    let stamp = "2026-03-02T03:00:00Z".parse().unwrap();
    desk.does(Event::TextArrived {
        gateway: LINE,
        from: PAT.into(),
        body: "Is my book in?".into(),
        stamped_at: Some(stamp),
    });
    let arrived = desk.now.wall;
    desk.wait(10 * 3600);
    desk.arrives(ANA);
    let message = &desk.rows.messages[&MessageId(1)];
    assert_eq!((message.stamped_at, message.at), (Some(stamp), arrived));
    assert_eq!(desk.conversation(1).waiting_since, Some(arrived));
}

#[test]
fn the_closed_notice_is_the_gateways() {
    for (own, said) in [
        (None, to(PAT, CLOSED)),
        (Some("Back Monday."), to(PAT, "Back Monday.")),
        (Some(""), vec![]),
    ] {
        for (policy, default) in [
            (OfflinePolicy::Hold, CLOSED),
            (OfflinePolicy::Refuse, REFUSED),
        ] {
            let mut desk = with_gateway(|line| {
                for notice in [Notice::Closed, Notice::Refused] {
                    let own = own.map(|own| (notice, own.to_owned()));
                    line.wording.extend(own);
                }
                line.policy = policy;
            });
            let said = if own.is_none() {
                to(PAT, default)
            } else {
                said.clone()
            };
            assert_eq!(submits(&desk.text(PAT, "Hi")), said, "{own:?} {policy:?}");
        }
    }
}

#[test]
fn a_refused_text_is_not_kept_and_answered_once_a_period() {
    let mut desk = with_gateway(|line| line.policy = OfflinePolicy::Refuse);
    assert_eq!(submits(&desk.text(PAT, "My secret")), to(PAT, REFUSED));
    assert_eq!(submits(&desk.text(PAT, "Another")), NOBODY);
    assert_eq!(desk.thread(1), [REFUSED]);
    assert_eq!(desk.state(1), ConversationState::Closed);
    assert_eq!(desk.rows.messages.len(), 1);
    assert_eq!(desk.router.conversations().count(), 0);
    // Over a weekend it is still the same closed period.
    desk.wait(60 * 3600);
    assert_eq!(submits(&desk.text(PAT, "Now?")), NOBODY);
    // Online, texts are kept.
    desk.arrives(ANA);
    let kept = desk.text(PAT, "Is my book in?");
    assert_eq!(bells(&kept), ["offer 2 to 1"]);
    assert_eq!(desk.thread(2), ["Is my book in?"]);
    // What is open when the queue goes offline stays, and the next words are not kept.
    desk.goes(ANA);
    assert_eq!(submits(&desk.text(PAT, "Hello?")), to(PAT, REFUSED));
    assert_eq!(desk.thread(2), ["Is my book in?", REFUSED]);
    assert_eq!(desk.state(2), ConversationState::Held);
}

#[test]
fn a_service_that_cannot_be_answered_leaves_no_trace_under_refuse() {
    let mut desk = with_gateway(|line| line.policy = OfflinePolicy::Refuse);
    for service in ["22000", "INFO"] {
        assert_eq!(desk.text(service, "Sale!"), []);
    }
    assert!(desk.rows.patrons.is_empty());
}

#[test]
fn a_web_page_and_a_chat_are_told_that_chat_is_offline() {
    let mut desk = desk();
    let before = desk.router.clone();
    let words = text(WIDGET, "visitor-1", "hello");
    assert_eq!(desk.try_do(words.clone()), Err(Refusal::Offline));
    assert_eq!(desk.router, before);
    assert_eq!(Refusal::Offline.to_string(), "Chat is offline");

    let mut plan = elm();
    plan.gateways[3].policy = OfflinePolicy::Refuse;
    desk.does(Event::Rearranged(plan));
    let said = desk.does(text(IM, "pat@example.org", "hello"));
    assert_eq!(submits(&said), to("pat@example.org", "Chat is offline"));

    // Online, both are offered.
    desk.arrives(ANA);
    assert_eq!(bells(&desk.does(words)), ["offer 2 to 1"]);
}

#[test]
fn the_claimants_patron_is_kept_whatever_the_policy() {
    let mut desk = with_gateway(|line| line.policy = OfflinePolicy::Refuse);
    desk.arrives(ANA);
    desk.text(PAT, "Is my book in?");
    desk.claim(ANA, 1).unwrap();
    desk.shows(ANA, Show::Away);
    assert_eq!(submits(&desk.text(PAT, "It is blue")), NOBODY);
    assert_eq!(desk.thread(1), ["Is my book in?", "It is blue"]);
}

#[test]
fn signing_in_and_out_begins_no_closed_period_where_there_are_hours() {
    let mut plan = elm();
    plan.queues[0].calendar.hours = "Mon-Fri 10:00-17:00".parse().ok();
    let mut desk = TestDesk::new(plan); // Monday, 9 o'clock
    let mut told = submits(&desk.text(PAT, "Is my book in?"));
    for words in ["one", "two", "three", "four", "five", "six"] {
        desk.arrives(ANA);
        told.extend(submits(&desk.wait(5)));
        desk.goes(ANA);
        told.extend(submits(&desk.text(PAT, words)));
        desk.restarts();
    }
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].1.contains("after we open Mon 10am"), "{told:?}");
    // Answered, closed and asked anew: still the same period of the hours.
    desk.arrives(ANA);
    desk.send(ANA, 1, "Soon.").unwrap();
    desk.close(ANA, 1).unwrap();
    desk.goes(ANA);
    assert_eq!(submits(&desk.text(PAT, "When?")), NOBODY);
    // The next evening is another.
    desk.wait(24 * 3600);
    assert_eq!(submits(&desk.text(PAT, "Hello?")).len(), 1);
}

#[test]
fn a_new_conversation_is_in_the_same_closed_period() {
    let mut plan = elm();
    plan.queues[0].calendar.hours = "Fri 10:00-17:00".parse().ok();
    let mut desk = TestDesk::new(plan);
    assert_eq!(submits(&desk.text(PAT, "Is my book in?")).len(), 1);
    desk.arrives(ANA);
    desk.send(ANA, 1, "Yes.").unwrap();
    desk.close(ANA, 1).unwrap();
    desk.goes(ANA);
    desk.wait(25 * 3600);
    assert_eq!(submits(&desk.text(PAT, "And the other?")), NOBODY);
    assert_eq!(desk.state(2), ConversationState::Held);
}
