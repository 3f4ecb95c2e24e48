//! The law of the desk, clause by clause, in its own words.

#![allow(clippy::unwrap_used)]

mod gateways;

use super::test_desk::*;
use super::*;

const PAT: &str = "+15551230100";
const SUE: &str = "+15551230101";

const CLOSED: &str = "Elm is closed now. Urgent? Call 555-0100. Reply STOP to opt out.";
const REFUSED: &str = "Chat is offline. Elm did not keep this text.";
const WAITING: &str = "Elm: got it. Our librarians are helping others; one will text you back \
                       soon. In a hurry? Call 555-0100.";
const STOPPED: &str =
    "Elm: you are opted out and will get no more texts from us. Text START to opt back in.";
const HELP: &str = "Elm text line: ask us anything. Msg&data rates may apply. STOP to opt out, \
                    FORGET to erase your texts.";
const STARTED: &str = "Elm: thanks, you are opted back in. Text us a question any time.";

fn to(address: &str, words: &str) -> Vec<(String, String)> {
    vec![(address.into(), words.into())]
}

fn desk() -> TestDesk {
    TestDesk::new(elm())
}

fn with_gateway(change: impl FnOnce(&mut Gateway)) -> TestDesk {
    let mut plan = elm();
    change(&mut plan.gateways[0]);
    TestDesk::new(plan)
}

const NOBODY: [(String, String); 0] = [];

// Clause 1: offline policy.

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

// Clause 2: in front of everyone who signs in, until one claims.

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

// Clause 3: claiming is atomic.

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

// Clause 4: the thread goes on for a day.

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

// Clause 5: whoever is gone for 90 s has left.

#[test]
fn a_dead_browser_gives_back_after_90_seconds() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.arrives(BEN);
    desk.text(PAT, "one");
    desk.claim(ANA, 1).unwrap();
    desk.vanishes(ANA);
    assert_eq!(desk.wait(89), []);
    let left = desk.wait(1);
    assert_eq!(notes(&left), ["returned to the queue: ana disconnected"]);
    assert_eq!(bells(&left), ["1 is offline", "offer 1 to 2"]);
    assert_eq!(desk.state(1), ConversationState::Waiting);
}

#[test]
fn a_browser_that_comes_back_in_time_has_never_left() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.text(PAT, "one");
    desk.claim(ANA, 1).unwrap();
    desk.vanishes(ANA);
    desk.wait(89);
    desk.does(Event::EndpointOpened {
        operator: ANA,
        endpoint: EndpointId(9),
    });
    desk.wait(24 * 3600);
    assert_eq!(desk.conversation(1).claimed_by, Some(ANA));
    // One of two tabs is nothing.
    desk.does(Event::EndpointOpened {
        operator: ANA,
        endpoint: EndpointId(10),
    });
    desk.does(Event::EndpointClosed {
        operator: ANA,
        endpoint: EndpointId(9),
    });
    assert_eq!(desk.wait(1000), []);
}

#[test]
fn a_program_without_endpoints_is_there_for_90_seconds_after_each_sign_of_life() {
    let mut desk = desk();
    desk.shows(ANA, Show::Available);
    for _ in 0..5 {
        assert_eq!(desk.wait(89), []);
        desk.does(Event::Seen { operator: ANA });
    }
    assert_eq!(
        bells(&desk.wait(90)),
        ["1 is offline", "queue 1 online: false"]
    );
    // A word is needed to come back, not just a sign of life.
    desk.does(Event::Seen { operator: ANA });
    assert_eq!(desk.router.online().count(), 0);
}

#[test]
fn signing_out_gives_back_at_once() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.text(PAT, "one");
    desk.claim(ANA, 1).unwrap();
    let out = desk.goes(ANA);
    assert_eq!(bells(&out), ["1 is offline", "queue 1 online: false"]);
    assert_eq!(desk.state(1), ConversationState::Held);
    assert_eq!(
        desk.rows.notes,
        [(
            ConversationId(1),
            "returned to the queue: ana signed out".into()
        )]
    );
}

#[test]
fn after_a_restart_every_open_thread_can_be_answered_however_many_there_are() {
    let mut desk = desk();
    let threads = 4_500;
    for n in 1..=threads {
        desk.text(&format!("+1555{n:07}"), "Is my book in?");
    }
    desk.restarts();
    desk.arrives(ANA);
    for n in [1, threads / 2, threads] {
        let sent = desk.send(ANA, n, "It is on the shelf.");
        assert!(sent.is_ok(), "{n}: {sent:?}");
    }
}

#[test]
fn a_restart_sends_nobody_home() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.arrives(BEN);
    desk.text(PAT, "one");
    desk.text(SUE, "two");
    desk.claim(ANA, 1).unwrap();
    assert_eq!(desk.restarts(), []);
    assert_eq!(desk.conversation(1).claimed_by, Some(ANA));
    assert_eq!(desk.router.offered_to(ConversationId(2)).len(), 2);
    desk.does(Event::EndpointOpened {
        operator: BEN,
        endpoint: EndpointId(1),
    });
    let left = desk.wait(90);
    assert_eq!(notes(&left), ["returned to the queue: ana disconnected"]);
    assert_eq!(bells(&left), ["1 is offline", "offer 1 to 2"]);
}

// Clause 6: handing over.

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

// Clause 7: the waiting notice.

#[test]
fn after_three_minutes_online_the_patron_is_told_to_wait_once() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.text(PAT, "one");
    assert_eq!(desk.wait(179), []);
    assert_eq!(submits(&desk.wait(1)), to(PAT, WAITING));
    desk.text(PAT, "hello?");
    assert_eq!(desk.wait(3600), []);
    // Answered, and asked again: it may be said again.
    desk.send(ANA, 1, "Yes.").unwrap();
    desk.release(ANA, 1).unwrap();
    desk.text(PAT, "and now?");
    assert_eq!(submits(&desk.wait(180)), to(PAT, WAITING));
}

#[test]
fn no_waiting_notice_where_somebody_answers_or_nobody_is_there() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.text(PAT, "one");
    desk.wait(100);
    desk.claim(ANA, 1).unwrap();
    assert_eq!(desk.wait(600), []);
    // Back in the queue, the three minutes begin.
    desk.release(ANA, 1).unwrap();
    desk.wait(100);
    desk.shows(ANA, Show::Away);
    assert_eq!(desk.wait(600), []);
    desk.shows(ANA, Show::Available);
    assert_eq!(submits(&desk.wait(180)), to(PAT, WAITING));
}

#[test]
fn whoever_was_told_of_the_closed_desk_is_not_told_to_wait_when_it_opens() {
    let mut desk = desk();
    desk.text(PAT, "one");
    desk.wait(10 * 3600);
    desk.arrives(ANA);
    assert_eq!(submits(&desk.wait(3600)), NOBODY);
    // Unless they ask again.
    desk.text(PAT, "open now?");
    assert_eq!(submits(&desk.wait(180)), to(PAT, WAITING));
}

// Clause 9: consent.

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

// Clause 10: guards on automatic texts.

#[test]
fn names_and_services_are_shown_and_never_answered() {
    let mut desk = desk();
    for (number, service) in ["INFO", "22000", "123456"].into_iter().enumerate() {
        let id = number as i64 + 1;
        assert_eq!(submits(&desk.text(service, "Your code is 1234")), NOBODY);
        assert_eq!(submits(&desk.text(service, "STOP")), NOBODY);
        assert_eq!(desk.thread(id), ["Your code is 1234", "STOP"]);
        desk.arrives(ANA);
        assert_eq!(desk.wait(600), [], "no waiting notice");
        assert_eq!(desk.send(ANA, id, "Hi"), Err(Refusal::NotAnswerable));
        desk.claim(ANA, id).unwrap();
        desk.close(ANA, id).unwrap();
        desk.goes(ANA);
    }
}

#[test]
fn at_most_three_automatic_texts_a_day() {
    let mut desk = desk();
    desk.arrives(ANA);
    let mut said = Vec::new();
    for (n, word) in ["help", "HELP", "Help", "stop", "start"]
        .into_iter()
        .enumerate()
    {
        desk.wait(3601 * n as u64);
        said.push(submits(&desk.text(PAT, word)).len());
    }
    assert_eq!(said, [1, 1, 1, 0, 0]);
    assert!(
        !desk.rows.patrons[&PatronId(1)].opted_out,
        "the wish is granted all the same"
    );
    desk.wait(24 * 3600);
    assert_eq!(submits(&desk.text(PAT, "help")).len(), 1);
}

#[test]
fn none_after_three_identical_texts_within_an_hour() {
    let mut desk = desk();
    desk.text(PAT, "I am out of office.");
    desk.arrives(ANA);
    desk.goes(ANA);
    assert_eq!(
        submits(&desk.text(PAT, "I am out of office.")),
        to(PAT, CLOSED)
    );
    desk.arrives(ANA);
    desk.goes(ANA);
    assert_eq!(submits(&desk.text(PAT, "I am out of office.")), NOBODY);
    // An hour later, or with other words, it may be a person again.
    desk.wait(3600);
    assert_eq!(submits(&desk.text(PAT, "Really?")), to(PAT, CLOSED));
}

#[test]
fn nothing_automatic_goes_to_ourselves() {
    let mut desk = desk();
    desk.does(Event::LineNumber { number: PAT.into() });
    assert_eq!(submits(&desk.text(PAT, "test")), NOBODY);
    assert_eq!(desk.thread(1), ["test"]);
    assert_eq!(submits(&desk.text(SUE, "test")).len(), 1);
}

#[test]
fn the_breaker_counts_a_peer_over_all_gateways() {
    let mut plan = elm();
    for id in 10..16 {
        plan.gateways
            .push(gateway(GatewayId(id), GatewayKind::Sms, DESK));
    }
    let mut desk = TestDesk::new(plan);
    let mut said = 0;
    for id in 10..16 {
        for word in ["help", "help me", "help!", "help?"] {
            said += submits(&desk.does(text(GatewayId(id), PAT, word))).len();
        }
    }
    assert_eq!(said, 10);
    desk.wait(3600);
    assert_eq!(
        submits(&desk.does(text(GatewayId(15), PAT, "help"))).len(),
        1
    );
}

// Clause 11: what becomes of a text.

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
        let retried = desk.try_do(Event::Retry {
            operator: ANA,
            message: MessageId(2),
            conversation: ConversationId(1),
        });
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
    let retried = desk.try_do(Event::Retry {
        operator: ANA,
        message: MessageId(2),
        conversation: ConversationId(1),
    });
    assert_eq!(retried, Err(Refusal::OptedOut));
}

// The rest of what happens.

#[test]
fn texts_shown_in_part_grow() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.text(PAT, "Is my");
    let amend = |message, body: &str| Event::TextAmended {
        message: MessageId(message),
        conversation: ConversationId(1),
        body: body.into(),
    };
    let effects = desk.does(amend(1, "Is my book in?"));
    assert_eq!(desk.thread(1), ["Is my book in?"]);
    assert!(bells(&effects).is_empty());
    assert_eq!(desk.try_do(amend(9, "?")), Err(Refusal::NoSuchMessage));
    desk.send(ANA, 1, "Yes.").unwrap();
    assert_eq!(desk.try_do(amend(2, "No.")), Err(Refusal::NoSuchMessage));
}

#[test]
fn a_text_without_words_is_shown_as_empty() {
    let mut desk = desk();
    for body in ["", "  \n"] {
        desk.text(PAT, body);
    }
    assert_eq!(desk.thread(1), ["(empty)", CLOSED, "(empty)"]);
}

#[test]
fn a_gateway_that_is_not_there_takes_nothing() {
    let mut plan = elm();
    plan.gateways[0].removed = true;
    let mut desk = TestDesk::new(plan);
    for gateway in [LINE, GatewayId(99)] {
        assert_eq!(
            desk.try_do(text(gateway, PAT, "Hi")),
            Err(Refusal::NoSuchGateway)
        );
    }
}

#[test]
fn the_desk_writes_and_the_answer_comes_to_the_same_thread() {
    let mut desk = desk();
    desk.arrives(ANA);
    let write = |to: &str, body: &str| Event::Write {
        gateway: LINE,
        to: to.into(),
        body: body.into(),
    };
    let effects = desk.does(write("+1 555 123-0100", "Your book is in."));
    assert_eq!(submits(&effects), to(PAT, "Your book is in."));
    assert!(bells(&effects).is_empty());
    let message = &desk.rows.messages[&MessageId(1)];
    assert_eq!(
        (message.author, message.state),
        (Author::Desk, DeliveryState::Queued)
    );
    assert_eq!(desk.state(1), ConversationState::Closed);
    assert_eq!(
        bells(&desk.text(PAT, "Thanks, until when?")),
        ["offer 1 to 1"]
    );
    desk.does(write(PAT, "Until six."));
    assert_eq!(
        desk.thread(1),
        ["Your book is in.", "Thanks, until when?", "Until six."]
    );
    for (number, body, refusal) in [
        ("INFO", "Hi", Refusal::NotAnswerable),
        ("22000", "Hi", Refusal::NotAnswerable),
        (PAT, " ", Refusal::Empty),
    ] {
        assert_eq!(desk.try_do(write(number, body)), Err(refusal));
    }
}

// The plan changes while the desk is at work.

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

#[test]
fn a_desk_at_rest_wants_nothing() {
    let mut desk = desk();
    assert_eq!(desk.router.next_deadline(), None);
    desk.text(PAT, "one");
    assert_eq!(desk.router.next_deadline(), None);
    assert_eq!(desk.wait(1_000_000), []);
}
