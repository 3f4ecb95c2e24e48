//! Clause 7: the waiting notice.

use super::*;

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
    desk.does(Event::Seen {
        operator: ANA,
        by_hand: true,
    });
    desk.text(PAT, "open now?");
    assert_eq!(submits(&desk.wait(180)), to(PAT, WAITING));
}

#[test]
fn a_desk_at_rest_wants_nothing() {
    let mut desk = desk();
    assert_eq!(desk.router.next_deadline(), None);
    desk.text(PAT, "one");
    assert_eq!(desk.router.next_deadline(), None);
    assert_eq!(desk.wait(1_000_000), []);
}

#[test]
fn a_page_left_open_helps_nobody_and_promises_nothing() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.wait(601);
    desk.text(PAT, "one");
    desk.does(Event::Seen {
        operator: ANA,
        by_hand: false,
    });
    assert_eq!(submits(&desk.wait(3600)), NOBODY);
    // Ana is back: from now on somebody is helping others.
    desk.does(Event::Seen {
        operator: ANA,
        by_hand: true,
    });
    assert_eq!(submits(&desk.wait(180)), to(PAT, WAITING));
    assert_eq!(submits(&desk.wait(3600)), NOBODY);
}

#[test]
fn nobody_is_told_to_wait_outside_the_hours() {
    let mut plan = elm();
    plan.queues[0].calendar.hours = "Mon-Fri 10:00-17:00".parse().ok();
    let mut desk = TestDesk::new(plan); // Monday, 9 o'clock
    desk.arrives(ANA);
    desk.text(PAT, "one");
    let mut told = Vec::new();
    for _ in 0..64 {
        told.extend(submits(&desk.wait(60)));
        desk.does(Event::Seen {
            operator: ANA,
            by_hand: true,
        });
    }
    assert_eq!(told, to(PAT, WAITING), "at 10:03");
    assert!(desk.now.wall >= "2026-03-02T10:03:00Z".parse().unwrap());
}
