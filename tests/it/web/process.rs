//! The process behind the page: the box looked over, the log, the configuration; a code for a network;
//! somebody signed out everywhere.

use axum::body::Body;
use axum::http::Method;
use callnumber::routing::Amendment;
use callnumber::web::Settings;
use serde_json::{Value, json};

use super::browser::{Served, shoot};
use super::house::{Client, House, sha256};
use crate::support::webdriver::{Browser, Driver};

const ENTER: &str = "\u{E007}";

async fn open() -> (House, Client) {
    let house = House::open().await;
    house.hire_admin("root").await;
    let root = house.with_token("root");
    (house, root)
}

/// What the trail says was done, newest first, with its particulars.
async fn trail(root: &Client) -> Vec<Value> {
    let trail = root.get("/audit").await.json;
    trail["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn the_box_is_looked_over_once_at_a_time() {
    let (house, root) = open().await;
    let before = root.get("/box/health").await.json;
    assert_eq!(
        before,
        json!({"running": false, "at": null, "well": null, "findings": [], "problem": null})
    );
    let begun = root.post("/box/health", json!({})).await;
    assert_eq!(begun.is(202).json["running"], true);
    let found = loop {
        let found = root.get("/box/health").await.json;
        if found["running"] == false {
            break found;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(found["well"], false);
    assert!(found["at"].is_string() && found["problem"].is_null());
    assert_eq!(found["findings"][1]["remedy"], "Enter it under Lines");
    house
        .with_token("ana")
        .post("/box/health", json!({}))
        .await
        .is_problem(403);
}

#[tokio::test]
async fn the_log_and_the_file_are_the_admins_and_it_is_known_who_touched_them() {
    let (house, root) = open().await;
    let loud = root
        .put("/box/log", json!({"level": "debug", "for_s": 600}))
        .await;
    assert_eq!(loud.is(200).json["filter"], "callnumber=debug,warn");
    let until: jiff::Timestamp = loud.json["until"].as_str().unwrap().parse().unwrap();
    let lasting = until.duration_since(house.spool.now()).as_secs();
    assert!((590..=600).contains(&lasting), "{lasting}");
    let usual = root.put("/box/log", json!({"level": "usual"})).await;
    assert_eq!(usual.is(200).json["until"], Value::Null);
    for (body, status) in [
        (json!({"level": "loud"}), 409),
        (json!({"level": "debug", "for_s": 0}), 422),
        (json!({"level": "debug", "for_s": 86_401}), 422),
        (json!({"level": "debug", "for": 600}), 422),
    ] {
        root.put("/box/log", body).await.is_problem(status);
    }
    let read = root.post("/box/reload", json!({})).await;
    assert_eq!(
        read.is(200).json,
        json!({"changed": ["[library]"], "needs_restart": ["[web]"]})
    );
    let trail = trail(&root).await;
    let done: Vec<_> = trail.iter().take(3).collect();
    assert_eq!(done[0]["action"], "reloaded");
    assert_eq!(done[1]["action"], "set_log");
    assert_eq!(
        done[2]["detail"],
        json!({"level": "debug", "for_s": 600}),
        "what was refused is no deed"
    );
    assert!(done.iter().all(|entry| entry["by"] == "root"));
}

#[tokio::test]
async fn a_line_asks_its_network_a_code_that_is_kept_nowhere() {
    let settings = Settings {
        library: "Elm Library".into(),
        ..Settings::default()
    };
    let house = House::open_driving(settings, "4711").await;
    house.hire_admin("root").await;
    let root = house.with_token("root");
    root.post("/modems/front-desk/pin", json!({"pin": "4711"}))
        .await
        .is(204);
    let path = "/modems/front-desk/ussd";
    let said = root.post(path, json!({"code": " *100# "})).await;
    assert_eq!(said.is(200).json["answer"], "Balance: $12.34");
    // The simulated network knows no other.
    root.post(path, json!({"code": "*123*998877#"}))
        .await
        .is_problem(409);
    for code in ["", "balance", "*100#; AT+CMGD=1", &"1".repeat(41)] {
        root.post(path, json!({"code": code})).await.is_problem(422);
    }
    root.post("/modems/nowhere/ussd", json!({"code": "*100#"}))
        .await
        .is_problem(404);
    let trail = trail(&root).await;
    let asked = trail.iter().filter(|entry| entry["action"] == "asked_ussd");
    assert_eq!(asked.count(), 2);
    assert!(!json!(trail).to_string().contains("998877"));
}

#[tokio::test]
async fn whoever_is_signed_out_everywhere_is_out() {
    let (house, root) = open().await;
    let (session, token) = (house.with_session("ana").await, house.with_token("ana"));
    house
        .amend(Amendment::AddLink {
            operator: "ana".into(),
            link_hash: sha256("unused"),
            valid_s: 600,
        })
        .await;
    let mut streams = [session.follow(None).await, token.follow(None).await];
    for stream in &mut streams {
        assert_eq!(stream.next().await.unwrap().event, "hello");
    }
    let shut_out = "/operators/ana/shut-out";
    house
        .with_token("ben")
        .post(shut_out, json!({}))
        .await
        .is_problem(403);
    session.get("/queues").await.is(200);

    root.post(shut_out, json!({})).await.is(204);
    session.get("/queues").await.is_problem(401);
    token.get("/queues").await.is_problem(401);
    let link = root.request(Method::POST, "/enter/unused");
    let stranger = house.anonymous();
    stranger
        .send(link.body(Body::empty()).unwrap())
        .await
        .is(410);
    // Those who were listening hear no more.
    for mut stream in streams {
        while stream.next().await.is_some() {}
    }
    // The password stays, and whoever has it may throw out who else has.
    let again = house.with_session("ana").await;
    again.post(shut_out, json!({})).await.is(204);
    again.get("/queues").await.is_problem(401);
    root.post("/operators/nobody/shut-out", json!({}))
        .await
        .is_problem(404);
    let done = &trail(&root).await[..2];
    assert!(
        done.iter()
            .all(|entry| entry["action"] == "shut_out" && entry["subject"] == "ana")
    );
    assert_eq!(
        (&done[0]["by"], &done[1]["by"]),
        (&json!("ana"), &json!("root"))
    );
}

/// A stream that was opened with a token lasts no longer than the token.
#[tokio::test]
async fn a_revoked_token_takes_its_stream_along() {
    let (house, root) = open().await;
    let made = root
        .post(
            "/tokens",
            json!({"operator": "ana", "label": "the catalogue"}),
        )
        .await;
    let mut script = house.anonymous();
    let secret = made.is(201).json["token"].as_str().unwrap();
    script.authorization = Some(format!("Bearer {secret}"));
    let (mut its, mut other) = (
        script.follow(None).await,
        house.with_token("ana").follow(None).await,
    );
    let id = made.json["id"].as_str().unwrap();
    root.call(Method::DELETE, &format!("/tokens/{id}"), None)
        .await
        .is(204);
    while its.next().await.is_some() {}
    house.text("+15551230100", "Are you open?").await;
    other.until(|told| told.event == "message").await;
}

async fn says(browser: &Browser, place: &str, words: &str) {
    browser
        .until(&format!(
            "document.querySelector('{place}')?.innerText.includes({words:?})"
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_looks_after_the_box_from_the_page_with_keys_alone() {
    let driver = Driver::start().await;
    for (width, height, dark, name) in [
        (1280, 900, false, "process-light"),
        (390, 844, true, "process-phone-dark"),
    ] {
        let settings = Settings {
            library: "Elm Library".into(),
            ..Settings::default()
        };
        let house = House::open_driving(settings, "4711").await;
        house.hire_admin("root").await;
        let served = Served::of(house).await;
        let root = served.house.with_token("root");
        root.post("/modems/front-desk/pin", json!({"pin": "4711"}))
            .await
            .is(204);
        let browser = driver.browser(width, height, dark).await;
        served.enter(&browser, "root").await;
        browser.go(&format!("{}/settings", served.address)).await;
        browser.until("document.body.dataset.ready").await;

        // The balance of the SIM.
        browser
            .until("document.querySelector('#fold-ussd-front-desk')")
            .await;
        browser.tab_to("#fold-ussd-front-desk summary").await;
        browser.press(ENTER).await;
        browser
            .until("document.querySelector('#fold-ussd-front-desk input')")
            .await;
        browser.tab_to("#fold-ussd-front-desk input").await;
        browser.press(&format!("*100#{ENTER}")).await;
        says(
            &browser,
            "#fold-ussd-front-desk .ussd-said",
            "Balance: $12.34",
        )
        .await;
        shoot(&browser, &format!("{name}-1-ussd")).await;

        // Somebody without a password.
        browser.tab_to("#operator-name").await;
        browser.press(&format!("dora{ENTER}")).await;
        browser
            .until("document.querySelector('#fold-entry-dora')")
            .await;
        says(&browser, "#toast", "make them a sign-in link").await;

        // Ana's telephone is lost.
        browser.tab_to("#fold-entry-ana summary").await;
        browser.press(ENTER).await;
        says(&browser, "#fold-entry-ana", "Sign out everywhere").await;
        browser
            .script(
                "[...document.querySelectorAll('#fold-entry-ana button')].find((n) => n.innerText === 'Sign out everywhere').id = 'out';",
            )
            .await;
        browser.tab_to("#out").await;
        browser.press(ENTER).await;
        browser.until("document.querySelector('#ask').open").await;
        shoot(&browser, &format!("{name}-2-sign-out-everywhere")).await;
        browser.tab_to("#ask-yes").await;
        browser.press(ENTER).await;
        browser
            .until("[...document.querySelectorAll('#trail-list td')].some((n) => n.innerText === 'shut out')")
            .await;
        served
            .house
            .with_token("ana")
            .get("/queues")
            .await
            .is_problem(401);

        // How the box is: what is to be mended comes first.
        browser.tab_to("#health-now").await;
        browser.press(ENTER).await;
        says(&browser, "#health-state", "1 to mend, 1 to look at").await;
        let found = browser.text("#health-list").await;
        let place = |words: &str| {
            found
                .find(words)
                .unwrap_or_else(|| panic!("{words}: {found}"))
        };
        assert!(place("asks for a PIN. Enter it under Lines.") < place("-107 dBm"));
        assert!(place("-107 dBm") < place("synchronised"));

        // More in the log, once it was said what that means.
        let level = "document.querySelector('#log-box select')";
        browser
            .script(&format!(
                "{level}.value = 'debug'; {level}.dispatchEvent(new Event('change'));"
            ))
            .await;
        browser.tab_to("#log-box .primary").await;
        browser.press(ENTER).await;
        browser.until("document.querySelector('#ask').open").await;
        browser.tab_to("#ask-yes").await;
        browser.press(ENTER).await;
        says(
            &browser,
            "#log-box",
            "It logs by callnumber=debug,warn until",
        )
        .await;
        browser.tab_to("#configuration-box button").await;
        browser.press(ENTER).await;
        says(
            &browser,
            "#configuration-box",
            "After a restart only: [web].",
        )
        .await;
        browser
            .script("document.querySelector('#health').scrollIntoView();")
            .await;
        shoot(&browser, &format!("{name}-3-health")).await;
        assert_eq!(browser.complaints().await, Vec::<String>::new());
        browser.close().await;
    }
}
