//! Clause 5: whoever is gone for 90 s has left.

use super::*;

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
        desk.does(Event::Seen {
            operator: ANA,
            by_hand: false,
        });
    }
    assert_eq!(
        bells(&desk.wait(90)),
        ["1 is offline", "queue 1 online: false"]
    );
    // A word is needed to come back, not just a sign of life.
    desk.does(Event::Seen {
        operator: ANA,
        by_hand: false,
    });
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
