//! Clause 10: guards on automatic texts.

use super::*;

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
fn a_stop_is_answered_however_much_was_said_that_day() {
    let mut desk = desk();
    for (n, (words, answers)) in [
        ("q", 1),
        ("HELP", 1),
        ("help!", 1),
        ("HELP", 1),
        ("STOP", 1),
    ]
    .into_iter()
    .enumerate()
    {
        desk.wait(1200 * n as u64);
        assert_eq!(
            submits(&desk.text(PAT, words)).len(),
            answers,
            "{n} {words}"
        );
    }
}

#[test]
fn answers_to_the_patrons_own_words_have_a_days_allowance() {
    let mut desk = desk();
    desk.arrives(ANA);
    let mut said = Vec::new();
    for (n, word) in ["help", "HELP", "Help", "stop", "start", "help", "stop"]
        .into_iter()
        .enumerate()
    {
        desk.wait(3601 * n as u64);
        said.push(submits(&desk.text(PAT, word)).len());
    }
    // Answers to the patron's own words have an allowance of their own.
    assert_eq!(said, [1, 1, 1, 1, 1, 1, 0]);
    assert!(
        desk.rows.patrons[&PatronId(1)].opted_out,
        "the wish is granted all the same"
    );
    desk.wait(24 * 3600);
    assert_eq!(submits(&desk.text(PAT, "start")).len(), 1);
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
    desk.does(Event::LineNumber {
        line: "front-desk".into(),
        number: Some(PAT.into()),
        imsi: None,
    });
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
    // The answers among them used up their own allowance for the day.
    desk.wait(24 * 3600);
    assert_eq!(
        submits(&desk.does(text(GatewayId(15), PAT, "help"))).len(),
        1
    );
}
