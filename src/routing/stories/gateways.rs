//! Gateways are data: paused, moved, removed and worded while the desk is at work.

use super::*;

fn rearranged(desk: &mut TestDesk, change: impl FnOnce(&mut Gateway)) -> Vec<Effect> {
    let mut plan = desk.rows.plan.clone();
    change(&mut plan.gateways[0]);
    desk.does(Event::Rearranged(plan))
}

fn pause(gateway: &mut Gateway) {
    gateway.paused = true;
    gateway.pauses += 1;
}

#[test]
fn a_paused_gateway_is_closed_whoever_is_there_and_nothing_gets_stuck() {
    let mut desk = desk();
    desk.arrives(ANA);
    rearranged(&mut desk, pause);
    let kept = desk.text(PAT, "Is my book in?");
    assert_eq!(submits(&kept), to(PAT, CLOSED));
    assert_eq!(
        bells(&kept),
        ["offer 1 to 1"],
        "in front of whoever is there"
    );
    // Once for each pause, and no second text of the desk's own.
    assert_eq!(submits(&desk.text(PAT, "Hello?")), NOBODY);
    assert_eq!(submits(&desk.wait(3600)), NOBODY);
    assert!(desk.send(ANA, 1, "It is.").is_ok(), "it can be answered");
    desk.close(ANA, 1).unwrap();
    rearranged(&mut desk, |line| line.paused = false);
    assert_eq!(submits(&desk.text(PAT, "Thanks")), NOBODY);
    rearranged(&mut desk, pause);
    assert_eq!(submits(&desk.text(PAT, "Again?")), to(PAT, CLOSED));
}

#[test]
fn a_paused_gateway_that_refuses_keeps_nothing() {
    let mut desk = with_gateway(|line| line.policy = OfflinePolicy::Refuse);
    desk.arrives(ANA);
    rearranged(&mut desk, pause);
    assert_eq!(submits(&desk.text(PAT, "My secret")), to(PAT, REFUSED));
    assert_eq!(submits(&desk.text(PAT, "Another")), NOBODY);
    assert_eq!(desk.thread(1), [REFUSED]);
    rearranged(&mut desk, |line| line.paused = false);
    assert_eq!(bells(&desk.text(PAT, "Now?")), ["offer 1 to 1"]);
}

#[test]
fn each_notice_is_worded_for_its_gateway() {
    let mut desk = with_gateway(|line| {
        for notice in [
            Notice::Help,
            Notice::Waiting,
            Notice::Stopped,
            Notice::Started,
        ] {
            let words = format!("{} of {{library}}", notice.word());
            line.wording.insert(notice, words);
        }
    });
    desk.arrives(ANA);
    assert_eq!(submits(&desk.text(PAT, "help")), to(PAT, "help of Elm"));
    desk.text(SUE, "Is my book in?");
    assert_eq!(submits(&desk.wait(180)), to(SUE, "waiting of Elm"));
    assert_eq!(submits(&desk.text(PAT, "stop")), to(PAT, "stopped of Elm"));
    assert_eq!(submits(&desk.text(PAT, "start")), to(PAT, "started of Elm"));
    // Another line says what it always said.
    let other = desk.does(text(KIDS_LINE, "+15551230109", "help"));
    assert_eq!(submits(&other), to("+15551230109", HELP));
}

#[test]
fn hours_word_the_notice_and_presence_decides() {
    for (hours, said) in [
        ("Tue 9:00-17:00", "after we open Tue 9am"),
        ("Mon 8:00-17:00", "nobody is at our text desk right now"),
    ] {
        let mut plan = elm(); // Monday, 9 o'clock
        plan.queues[0].calendar.hours = hours.parse().ok();
        let mut desk = TestDesk::new(plan);
        let told = submits(&desk.text(PAT, "hello"));
        assert!(told[0].1.contains(said), "{told:?}");
        // Out of hours somebody is there all the same: that is open.
        desk.arrives(ANA);
        assert_eq!(submits(&desk.text(SUE, "hello")), NOBODY);
    }
}

#[test]
fn what_a_removed_gateway_left_open_is_answered_and_ends() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.text(PAT, "Is my book in?");
    rearranged(&mut desk, |line| line.removed = true);
    let late = text(LINE, PAT, "Hello?");
    assert_eq!(desk.try_do(late), Err(Refusal::NoSuchGateway));
    let waiting = submits(&desk.wait(180));
    assert_eq!(waiting, to(PAT, WAITING), "the patron is not forgotten");
    assert_eq!(
        submits(&desk.send(ANA, 1, "Yes.").unwrap()),
        to(PAT, "Yes.")
    );
    desk.close(ANA, 1).unwrap();
    assert_eq!(desk.router.conversations().count(), 0);
}
