//! The desk's stories, each by name, through the simulated modem and the API, on a paused clock.

#![allow(clippy::unwrap_used, unreachable_pub)]

#[path = "stories/house.rs"]
mod house;

use callnumber::routing::{Amendment, GatewayKind, Role};
use house::{House, wait};
use serde_json::json;

const PAT: &str = "+15551230100";
const SUE: &str = "+15551230101";
const MONDAY_10_AM: &str = "2026-12-07T10:00:00-06:00";
const SUNDAY_11_PM: &str = "2026-12-06T23:00:00-06:00";

async fn set_hours(house: &House) {
    house
        .amend(Amendment::SetHours {
            queue: "desk".into(),
            hours: Some("Mon-Fri 9:00-17:00, Sat 10:00-14:00".into()),
            holidays: vec![("2026-12-25".parse().unwrap(), "closed".into())],
            no_holidays: Vec::new(),
        })
        .await;
}

// Patron ----------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn patron_asks_while_open_and_only_a_persons_reply_comes_back() {
    let house = House::open(MONDAY_10_AM).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    ana.arrives().await;
    house.modem.patron_texts(PAT, "Is my book in?").unwrap();
    let list = ana.sees(1).await;
    assert_eq!(ana.answers(&list[0]["id"], "Yes, it is.").await.0, 201);
    house.until_told(PAT, 1).await;
    wait(600).await;
    assert_eq!(house.told(PAT), ["Yes, it is."]);
}

#[tokio::test(start_paused = true)]
async fn patron_texts_at_11_pm_and_mondays_reply_threads_both() {
    let house = House::open(SUNDAY_11_PM).await;
    set_hours(&house).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    house.modem.patron_texts(PAT, "Is my book in?").unwrap();
    let told = house.until_told(PAT, 1).await;
    assert_eq!(
        told,
        [
            "Elm Library is closed now. Your text is saved; a librarian will reply after we open \
          Mon 9am. Urgent? Call 555-0100. Reply STOP to opt out."
        ]
    );
    wait(300).await;
    house.modem.patron_texts(PAT, "And are you open?").unwrap();
    wait(10 * 3600).await;
    assert_eq!(house.told(PAT).len(), 1, "silence");
    ana.arrives().await;
    let list = ana.sees(1).await;
    let id = &list[0]["id"];
    assert_eq!(ana.answers(id, "Yes, and until five.").await.0, 201);
    house.until_told(PAT, 2).await;
    assert_eq!(
        ana.words(id)
            .await
            .iter()
            .filter(|w| *w != &told[0])
            .collect::<Vec<_>>(),
        [
            "Is my book in?",
            "And are you open?",
            "Yes, and until five."
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn patron_says_stop_start_help_and_forget() {
    let house = House::open(MONDAY_10_AM).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    ana.arrives().await;
    for (at, (words, told)) in [
        ("STOP", "you are opted out and will get no more texts"),
        ("start", "you are opted back in"),
        ("Help", "ask us anything"),
    ]
    .into_iter()
    .enumerate()
    {
        house.modem.patron_texts(PAT, words).unwrap();
        let said = house.until_told(PAT, at + 1).await;
        assert!(said[at].contains(told), "{said:?}");
    }
    assert!(ana.list().await.is_empty(), "it wakes nobody");
    house.modem.patron_texts(SUE, "My secret").unwrap();
    ana.sees(1).await;
    house.modem.patron_texts(SUE, "Forget").unwrap();
    let said = house.until_told(SUE, 1).await;
    assert!(said[0].contains("erased from our system"), "{said:?}");
    ana.sees(0).await;
    let closed = ana.get("/conversations?state=closed").await;
    assert!(!closed.to_string().contains("My secret"));
}

#[tokio::test(start_paused = true)]
async fn patron_waits_three_minutes_and_is_told_once() {
    let house = House::open(MONDAY_10_AM).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    ana.arrives().await;
    house.modem.patron_texts(PAT, "Is my book in?").unwrap();
    ana.sees(1).await;
    wait(170).await;
    assert!(house.told(PAT).is_empty());
    wait(3600).await;
    let told = house.told(PAT);
    assert_eq!(told.len(), 1);
    assert!(
        told[0].contains("Our librarians are helping others"),
        "{told:?}"
    );
}

// Operator --------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn operator_signs_in_to_four_waiting_oldest_first() {
    let house = House::open(SUNDAY_11_PM).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    for n in 0..4 {
        let from = format!("+1555123010{n}");
        house
            .modem
            .patron_texts(&from, &format!("text {n}"))
            .unwrap();
        house.until_told(&from, 1).await;
        wait(600).await;
    }
    ana.arrives().await;
    let list = ana.sees(4).await;
    for (n, conversation) in list.iter().enumerate() {
        assert_eq!(conversation["state"], "waiting");
        assert_eq!(ana.words(&conversation["id"]).await[0], format!("text {n}"));
    }
    let since = |at: usize| -> jiff::Timestamp {
        list[at]["waiting_since"].as_str().unwrap().parse().unwrap()
    };
    let age = house.spool.now().duration_since(since(0));
    assert!((2400..2700).contains(&age.as_secs()), "{age}");
    assert!(since(0) < since(3));
}

#[tokio::test(start_paused = true)]
async fn operator_claims_by_answering_and_a_colleague_keeps_the_draft() {
    let house = House::open(MONDAY_10_AM).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    let ben = house.hire("ben", Role::Operator, &["desk"]).await;
    ana.arrives().await;
    ben.arrives().await;
    house.modem.patron_texts(PAT, "Is my book in?").unwrap();
    let id = ana.sees(1).await[0]["id"].clone();
    assert_eq!(ana.answers(&id, "Yes.").await.0, 201);
    let (status, problem) = ben.answers(&id, "Let me look.").await;
    assert_eq!(status, 409);
    assert_eq!(problem["detail"], "answered by ana");
    assert_eq!(problem["draft"], "Let me look.");
    house.until_told(PAT, 1).await;
    wait(60).await;
    assert_eq!(house.told(PAT), ["Yes."]);
}

#[tokio::test(start_paused = true)]
async fn operator_transfers_to_a_queue_and_it_is_accepted_by_ben() {
    let house = House::open(MONDAY_10_AM).await;
    house
        .amend(Amendment::AddQueue {
            name: "maps".into(),
        })
        .await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    let ben = house.hire("ben", Role::Operator, &["maps"]).await;
    ana.arrives().await;
    ben.arrives().await;
    house
        .modem
        .patron_texts(PAT, "Is there a map of the mill?")
        .unwrap();
    let id = ana.sees(1).await[0]["id"].clone();
    let claim = format!("/conversations/{id}/claim");
    assert_eq!(ana.call("POST", &claim, None).await.0, 200);
    let hand_over = json!({ "to": "queue:maps", "note": "the old mill" });
    let path = format!("/conversations/{id}/transfer");
    assert_eq!(ana.call("POST", &path, Some(hand_over)).await.0, 200);
    ben.sees(1).await;
    assert_eq!(ben.call("POST", &claim, None).await.0, 200);
    assert_eq!(
        ben.notes(&id).await,
        ["ana hands over to maps: the old mill", "accepted by ben"]
    );
    // And one that nobody accepts falls back after a minute.
    house.modem.patron_texts(SUE, "Another map?").unwrap();
    let second = ana.sees(1).await[0]["id"].clone();
    let claim = format!("/conversations/{second}/claim");
    assert_eq!(ana.call("POST", &claim, None).await.0, 200);
    let path = format!("/conversations/{second}/transfer");
    let hand_over = json!({ "to": "queue:maps" });
    assert_eq!(ana.call("POST", &path, Some(hand_over)).await.0, 200);
    wait(61).await;
    let thread = ana.thread(&second).await;
    assert_eq!(thread["claimed_by"], "ana");
    assert_eq!(thread["transfer"], json!(null));
}

#[tokio::test(start_paused = true)]
async fn operator_browser_dies_and_after_90_seconds_it_is_returned_to_the_queue() {
    let house = House::open(MONDAY_10_AM).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    let ben = house.hire("ben", Role::Operator, &["desk"]).await;
    ana.arrives().await;
    ben.arrives().await;
    house.modem.patron_texts(PAT, "Is my book in?").unwrap();
    let id = ana.sees(1).await[0]["id"].clone();
    assert_eq!(ana.answers(&id, "One moment.").await.0, 201);
    house.modem.patron_texts(PAT, "Thanks").unwrap();
    house.until_told(PAT, 1).await;
    ana.vanishes();
    wait(80).await;
    assert_eq!(ben.thread(&id).await["claimed_by"], "ana");
    wait(15).await;
    let thread = ben.thread(&id).await;
    assert_eq!(thread["state"], "waiting");
    assert!(
        ben.notes(&id)
            .await
            .contains(&"returned to the queue: ana disconnected".to_owned())
    );
    assert_eq!(ben.answers(&id, "It is in.").await.0, 201);
}

#[tokio::test(start_paused = true)]
async fn operator_reply_fails_with_the_reason_in_words_and_a_retry() {
    let house = House::open(MONDAY_10_AM).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    ana.arrives().await;
    house.modem.patron_texts(PAT, "Is my book in?").unwrap();
    let id = ana.sees(1).await[0]["id"].clone();
    // Unassigned number (TS 24.011 annex E, cause 1): no use trying again.
    house.modem.fail_next_sends(&[1]);
    let (_, sent) = ana.answers(&id, "Yes.").await;
    let message = sent["id"].clone();
    let failed = house::until("it failed", async || {
        let thread = ana.thread(&id).await;
        let messages = thread["messages"].as_array().unwrap().clone();
        messages
            .into_iter()
            .find(|m| m["id"] == message && m["state"] == "failed")
    })
    .await;
    assert!(failed["reason"].as_str().unwrap().len() > 10, "{failed}");
    let retry = format!("/conversations/{id}/messages/{message}/retry");
    assert_eq!(ana.call("POST", &retry, None).await.0, 200);
    assert_eq!(house.until_told(PAT, 1).await, ["Yes."]);
}

// Admin -----------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn admin_sets_hours_and_holidays_and_sees_m1_as_a_patron_would() {
    let house = House::open("2026-12-24T18:00:00-06:00").await;
    let ada = house.hire("ada", Role::Admin, &["desk"]).await;
    let amendment = json!({
        "change": "set_hours", "queue": "desk", "hours": "Mon-Fri 9:00-17:00, Sat 10:00-14:00",
        "holidays": [["2026-12-25", "closed"]],
    });
    let (status, answer) = ada.call("POST", "/amendments", Some(amendment)).await;
    assert!((200..300).contains(&status), "{answer}");
    let queues = ada.get("/queues").await;
    assert_eq!(queues["items"][0]["holidays"]["2026-12-25"], "closed");
    let notices = ada.get("/gateways/front-desk/notices").await;
    let m1 = &notices["items"][0];
    assert_eq!(
        (&m1["notice"], &m1["segments"]),
        (&json!("closed"), &json!(1))
    );
    house.modem.patron_texts(PAT, "Is my book in?").unwrap();
    let told = house.until_told(PAT, 1).await;
    assert_eq!(m1["text"], told[0].as_str());
    assert!(told[0].contains("after we open Sat 10am."), "{told:?}");
    // Words of their own are tried, with their cost, before they are kept.
    let trial = json!({ "notice": "closed", "words": "Zu bis {opening} \u{1f4da}" });
    let (_, tried) = ada
        .call("POST", "/gateways/front-desk/preview", Some(trial))
        .await;
    assert_eq!(tried["text"], "Zu bis Sat 10am \u{1f4da}");
    assert_eq!(tried["own"], json!(null), "nothing is kept");
    let nonsense = json!({ "notice": "closed", "words": "Back {whenever}" });
    let (status, problem) = ada
        .call("POST", "/gateways/front-desk/preview", Some(nonsense))
        .await;
    assert_eq!(status, 422, "{problem}");
}

#[tokio::test(start_paused = true)]
async fn admin_adds_a_second_line_for_a_weeks_event_and_removes_it_again() {
    let house = House::open(MONDAY_10_AM).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    ana.arrives().await;
    house
        .amend(Amendment::AddQueue {
            name: "fair".into(),
        })
        .await;
    let fay = house.hire("fay", Role::Operator, &["fair"]).await;
    fay.arrives().await;
    house
        .amend(Amendment::AddGateway {
            name: "book-fair".into(),
            kind: GatewayKind::Sms,
            queue: "fair".into(),
            line: Some("spare".into()),
            policy: None,
        })
        .await;
    house.spare.patron_texts(SUE, "Where is the fair?").unwrap();
    let id = fay.sees(1).await[0]["id"].clone();
    assert!(ana.list().await.is_empty(), "the desk has its own line");
    assert_eq!(fay.answers(&id, "In the park.").await.0, 201);
    assert_eq!(house.until_told(SUE, 1).await, ["In the park."]);
    // Paused for the night: patrons are told, whoever is there.
    let pause = |paused| Amendment::PauseGateway {
        name: "book-fair".into(),
        paused,
    };
    house.amend(pause(true)).await;
    house.spare.patron_texts(PAT, "Still open?").unwrap();
    let told = house.until_told(PAT, 1).await;
    assert!(told[0].contains("Elm Library is closed now"), "{told:?}");
    house.amend(pause(false)).await;
    // The fair is over. What is open can still be answered; new texts wait for a gateway.
    let name = "book-fair".into();
    house.amend(Amendment::RemoveGateway { name }).await;
    let list = fay.sees(2).await;
    let still = list.iter().find(|c| c["id"] != id).unwrap()["id"].clone();
    assert_eq!(fay.answers(&still, "It was until six.").await.0, 201);
    house.until_told(PAT, 2).await;
    house.modem.patron_texts(PAT, "And the desk?").unwrap();
    ana.sees(1).await;
}

// Coordinator -----------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn coordinator_home_desk_is_silent_and_the_partner_is_offered_an_elm_patron() {
    let house = House::open(MONDAY_10_AM).await;
    house
        .amend(Amendment::AddQueue { name: "oak".into() })
        .await;
    house
        .amend(Amendment::DescribeQueue {
            name: "oak".into(),
            title: Some("Oak County".into()),
            facts: None,
        })
        .await;
    house
        .amend(Amendment::DescribeQueue {
            name: "desk".into(),
            title: Some("Elm".into()),
            facts: Some("Fines: none. Maps on the second floor.".into()),
        })
        .await;
    house
        .amend(Amendment::SetFallback {
            queue: "desk".into(),
            fallback: Some("oak".into()),
            after_s: None,
        })
        .await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    let olga = house.hire("olga", Role::Operator, &["oak"]).await;
    ana.arrives().await;
    olga.arrives().await;
    house.modem.patron_texts(PAT, "Is my book in?").unwrap();
    let id = ana.sees(1).await[0]["id"].clone();
    wait(80).await;
    assert!(olga.list().await.is_empty(), "the local desk first");
    wait(15).await;
    let told = house.until_told(PAT, 1).await;
    assert_eq!(
        told,
        [
            "Elm: partner librarians at Oak County can help now; they may not know our shelves. \
          They won't see your number. Reply NO to wait for us."
        ]
    );
    let seen = olga.sees(1).await[0].clone();
    assert_eq!(seen["patron"], "Elm patron");
    assert_eq!(
        (&seen["queue"], &seen["partner"]),
        (&json!("desk"), &json!("oak"))
    );
    let thread = olga.thread(&id).await.to_string();
    assert!(!thread.contains("5551230100"), "{thread}");
    let shown = ana.list().await[0]["patron"].as_str().unwrap().to_owned();
    assert!(!thread.contains(&shown), "nor the name the home desk knows");
    let reveal = format!("/conversations/{id}/reveal");
    assert_eq!(olga.call("POST", &reveal, None).await.0, 422);
    // The page of facts about the home library.
    let queues = olga.get("/queues").await;
    let desk = queues["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|q| q["name"] == "desk");
    assert_eq!(
        desk.unwrap()["facts"],
        "Fines: none. Maps on the second floor."
    );
    // NO: home again.
    house.modem.patron_texts(PAT, "NO").unwrap();
    olga.sees(0).await;
    assert_eq!(ana.answers(&id, "It is in.").await.0, 201);
    assert_eq!(ana.thread(&id).await["home"], "desk");
}

// Web site --------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn web_site_a_visitor_who_writes_into_an_offline_queue_is_told_at_once() {
    use callnumber::desk::NotGranted;
    use callnumber::routing::{Event, Refusal};
    let house = House::open(MONDAY_10_AM).await;
    house
        .amend(Amendment::AddGateway {
            name: "page".into(),
            kind: GatewayKind::Widget,
            queue: "desk".into(),
            line: None,
            policy: None,
        })
        .await;
    let gateway = {
        let board = house.desk.board();
        let board = board.borrow();
        board.plan.gateway_named("page").unwrap().id
    };
    let text = || Event::TextArrived {
        gateway,
        from: "visitor-1".into(),
        body: "hello".into(),
        stamped_at: None,
    };
    let refused = house.desk.ask(text()).await;
    assert!(matches!(
        refused,
        Err(NotGranted::Refused(Refusal::Offline))
    ));
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    assert!(ana.list().await.is_empty(), "nothing is kept");
    ana.arrives().await;
    house.desk.ask(text()).await.unwrap();
    ana.sees(1).await;
}
