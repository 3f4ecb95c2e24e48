//! Whoever plugged the modem in.

use std::time::Duration;

use callnumber::routing::{Amendment, GatewayKind, Role};
use callnumber::simulator::{Settings, SimulatedModem};
use serde_json::{Value, json};

use super::house::{House, Opening, until, wait};
use super::{MONDAY_10_AM, PAT, SUE, set_hours};
use crate::support::{Bench, Operator, PATIENCE};

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

#[tokio::test(start_paused = true)]
async fn admin_first_boot_takes_the_pin_and_a_text_to_itself_says_ok_in_6_s() {
    let house = House::open_with(
        MONDAY_10_AM,
        Opening {
            pin: Some("4711"),
            send_latency: Duration::from_secs(6),
            ..Opening::default()
        },
    )
    .await;
    let ada = house.hire("ada", Role::Admin, &["desk"]).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    let modem = async || ada.get("/modems").await["items"][0].clone();
    let asked = modem().await;
    assert_eq!(
        (
            &asked["phase"],
            &asked["wants_pin"],
            &asked["pin_tries_left"]
        ),
        (&json!("stuck"), &json!(true), &json!(3))
    );
    let unlock = async |pin: &str| {
        let body = json!({ "pin": pin });
        ada.call("POST", "/modems/front-desk/pin", Some(body)).await
    };
    // A PIN that is none is not tried; a wrong one is, and once.
    assert_eq!(unlock("12").await.0, 422);
    assert_eq!(house.modem.pin_tries_left(), 3);
    let (status, problem) = unlock("1111").await;
    assert_eq!(status, 409);
    let words = problem["detail"].as_str().unwrap();
    assert!(words.contains("did not accept"), "{words}");
    let (status, problem) = unlock("1111").await;
    let words = problem["detail"].as_str().unwrap();
    assert!(
        status == 409 && words.contains("was tried before"),
        "{words}"
    );
    assert_eq!(house.modem.pin_tries_left(), 2, "a SIM is not locked here");
    assert_eq!(
        ana.call(
            "POST",
            "/modems/front-desk/pin",
            Some(json!({ "pin": "4711" }))
        )
        .await
        .0,
        403
    );
    assert_eq!(unlock("4711").await.0, 204);
    // Signal and operator, once the network has it.
    let ready = until("the line is registered", async || {
        let modem = modem().await;
        let known = !modem["network"].is_null() && !modem["signal_dbm"].is_null();
        (modem["registration"] == "home" && known).then_some(modem)
    })
    .await;
    assert_eq!(
        (&ready["phase"], &ready["wants_pin"], &ready["self_test"]),
        (&json!("ready"), &json!(false), &json!(null))
    );
    let test = "/modems/front-desk/self-test";
    assert_eq!(ada.call("POST", test, None).await.0, 202);
    let tested = until("the text to itself is back", async || {
        let test = modem().await["self_test"].clone();
        (!test["took_ms"].is_null()).then_some(test)
    })
    .await;
    assert_eq!(tested["words"], "OK in 6 s", "{tested}");
    assert!(ana.list().await.is_empty(), "it is nobody's question");
    // The lamps go out and on again: the line comes back by itself.
    let unlocked = || {
        let heard = house.modem.heard();
        heard
            .iter()
            .filter(|heard| format!("{heard:?}").contains("4711"))
            .count()
    };
    assert_eq!(unlocked(), 1);
    house.modem.power_cycle();
    until("the SIM is unlocked again", async || {
        (unlocked() == 2).then_some(())
    })
    .await;
    until("the line is ready again", async || {
        (modem().await["phase"] == "ready").then_some(())
    })
    .await;
    // Who did what is written down; the PIN is not.
    let trail = ada.get("/audit").await;
    let actions: Vec<_> = trail["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| &e["action"])
        .collect();
    assert!(
        actions.contains(&&json!("entered_pin")) && actions.contains(&&json!("asked_self_test"))
    );
    assert!(!trail.to_string().contains("4711"));
}

#[tokio::test(start_paused = true)]
async fn admin_sim_lost_is_not_registered_since_14_02_with_2_replies_queued() {
    const STAFF: &str = "+15551230199";
    let house = House::open_with(
        // A SIM that says nothing as it goes is missed a minute after the setup.
        "2026-12-07T14:01:00-06:00",
        Opening {
            staff_phone: Some(STAFF),
            ..Opening::default()
        },
    )
    .await;
    let name = "spare".into();
    house.amend(Amendment::AddLine { name }).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    ana.arrives().await;
    for patron in [PAT, SUE] {
        house.modem.patron_texts(patron, "Is my book in?").unwrap();
    }
    let list = ana.sees(2).await;
    house.modem.set_sim_inserted(false);
    let modem = async || ana.get("/modems").await["items"][0].clone();
    until("the SIM is missed", async || {
        (modem().await["phase"] != "ready").then_some(())
    })
    .await;
    for conversation in &list {
        assert_eq!(ana.answers(&conversation["id"], "It is in.").await.0, 201);
    }
    let told = house.until_told(STAFF, 1).await;
    let words = "Textline: line front-desk needs somebody: not registered since 14:02, 2 replies \
                 queued. The SIM does not answer";
    assert!(told[0].starts_with(words), "{told:?}");
    let lost = modem().await;
    assert_ne!(lost["phase"], "ready");
    assert_eq!(lost["queued"], 2);
    let since: jiff::Timestamp = lost["since"].as_str().unwrap().parse().unwrap();
    assert!(
        since.to_string().starts_with("2026-12-07T20:02:"),
        "{since}"
    );
    // It is put back: both replies go, and the alarm is over.
    house.modem.set_sim_inserted(true);
    for patron in [PAT, SUE] {
        assert_eq!(house.until_told(patron, 1).await, ["It is in."]);
    }
    let told = house.until_told(STAFF, 2).await;
    let clear = "all clear, line front-desk is well again";
    assert!(told.iter().any(|told| told.contains(clear)), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn admin_texts_that_wait_for_nobody_call_the_staff_in_open_hours() {
    const STAFF: &str = "+15551230199";
    let house = House::open_with(
        "2026-12-07T08:00:00-06:00",
        Opening {
            staff_phone: Some(STAFF),
            public_url: Some("https://desk.elm.example"),
            ..Opening::default()
        },
    )
    .await;
    set_hours(&house).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    for n in 0..4 {
        let from = format!("+1555123020{n}");
        house.modem.patron_texts(&from, "Is my book in?").unwrap();
        house.until_told(&from, 1).await;
    }
    wait(3000).await;
    assert!(house.told(STAFF).is_empty(), "the library is closed");
    let told = house.until_told(STAFF, 1).await;
    let age = told[0]
        .strip_prefix("Textline: 4 texts waiting, oldest ")
        .and_then(|rest| {
            rest.strip_suffix(", nobody signed in. Sign in at https://desk.elm.example")
        });
    // Open at nine, and ten minutes for somebody to come.
    assert!(
        age.is_some_and(|age| ["69 min", "70 min", "71 min"].contains(&age)),
        "{told:?}"
    );
    wait(7200).await;
    assert_eq!(house.told(STAFF), told, "once");
    assert_eq!(ana.arrives().await, "4 waiting, oldest 3 h");
    let told = house.until_told(STAFF, 2).await;
    assert!(told[1].contains("all clear"), "{told:?}");
}

/// With the program itself: the line of an event comes and goes by `callnumber reload`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn admin_second_line_is_added_and_removed_without_a_restart() {
    let mut bench = Bench::new(Settings::default()).await;
    let token = bench.add_operator("ana");
    let link = bench.path().join("fair-modem");
    let fair = SimulatedModem::start(Settings {
        link: Some(link.clone()),
        number: "+15550100001".into(),
        imei: "490154203237526".into(),
        ..Settings::default()
    })
    .await
    .unwrap();
    let ana = Operator::new(bench.start(), &token);
    ana.arrives().await;
    let started = ana.api.get("/api/v1/status").await.expect(200)["started_at"].clone();
    bench.modem.patron_texts(PAT, "Before the fair").unwrap();
    let first = waits_for(&ana, "front-desk").await;

    let one_line = std::fs::read_to_string(bench.config()).unwrap();
    let two_lines = format!(
        "{one_line}[[modem]]\nname = \"book-fair\"\nport = \"{}\"\npace = \"0s\"\n",
        link.display()
    );
    std::fs::write(bench.config(), two_lines).unwrap();
    let said = bench.command(&["reload"]);
    assert!(
        String::from_utf8_lossy(&said.stdout).contains("In force now: [[modem]]"),
        "{said:?}"
    );
    fair.patron_texts(SUE, "Where is the fair?").unwrap();
    let at_the_fair = waits_for(&ana, "book-fair").await;
    ana.replies(&at_the_fair, "In the park.", "fair-1")
        .await
        .expect(201);
    let sent = fair.wait_until_sent(1, PATIENCE).await.unwrap();
    assert_eq!(
        (sent[0].to.as_str(), sent[0].text.as_str()),
        (SUE, "In the park.")
    );
    let names = async || {
        let modems = ana.api.get("/api/v1/modems").await.expect(200);
        let items = modems["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|m| m["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names().await, ["front-desk", "book-fair"]);

    // The week is over.
    std::fs::write(bench.config(), one_line).unwrap();
    let removed = bench.command(&["gateway", "remove", "book-fair"]);
    assert!(removed.status.success(), "{removed:?}");
    let said = bench.command(&["reload"]);
    assert!(said.status.success(), "{said:?}");
    assert_eq!(names().await, ["front-desk"]);
    // The port is free for somebody else, and the first line went on all the while.
    let stored = fair.patron_texts(SUE, "Is it over?").unwrap();
    assert_eq!(stored.len(), 1);
    ana.replies(&first, "After the fair", "fair-2")
        .await
        .expect(201);
    let sent = bench.modem.wait_until_sent(1, PATIENCE).await.unwrap();
    assert_eq!(sent[0].text, "After the fair");
    fair.wait_until_stored(1, PATIENCE).await.unwrap();
    let status = ana.api.get("/api/v1/status").await.expect(200);
    assert_eq!(status["started_at"], started, "one and the same daemon");
    assert!(bench.stop().success());
}

/// Waits until a conversation by this gateway is on the list.
async fn waits_for(ana: &Operator, gateway: &str) -> Value {
    let shown = async {
        loop {
            let list = ana.list("").await;
            if let Some(found) = list.iter().find(|c| c["gateway"] == gateway) {
                return found["id"].clone();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, shown).await.unwrap()
}
