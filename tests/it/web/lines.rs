//! A line in its admin's hands: how well it is heard, a rest that is ended, what is said on its port.

use std::time::{Duration, Instant};

use callnumber::spool::lines;
use callnumber::trace::Trace;
use callnumber::web::Settings;
use serde_json::{Value, json};

use super::browser::{Served, shoot};
use super::house::{Client, House, PATIENCE};
use crate::support::webdriver::Driver;

const PIN: &str = "4711";
const PATRON: &str = "+15551230142";

async fn open() -> House {
    let settings = Settings {
        library: "Elm Library".into(),
        ..Settings::default()
    };
    let house = House::open_driving(settings, PIN).await;
    house.hire_admin("root").await;
    house
}

/// Waits until the line is as it should be.
async fn until(client: &Client, wanted: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let line = client.get("/modems").await.json["items"][0].clone();
        if wanted(&line) {
            return line;
        }
        assert!(began.elapsed() < PATIENCE, "{line}");
        // The line's state is a watch inside the house: from outside it is asked for.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The carrier refuses three recipients, one after another.
async fn refuse(house: &House) {
    let now = house.spool.now();
    house
        .spool
        .write(move |connection| {
            for tail in ["1230101", "1230102", "1230103"] {
                let why = "+CMS ERROR: 21 (rejected)";
                lines::refused_by_carrier(connection, "front-desk", tail, why, now)?;
            }
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_line_that_rests_is_let_go_on() {
    let house = open().await;
    let (root, ana) = (house.with_token("root"), house.with_token("ana"));
    refuse(&house).await;
    let resting = until(&ana, |line| !line["rest"].is_null()).await;
    let why = resting["rest"]["reason"].as_str().unwrap();
    assert!(why.contains("one recipient after another"), "{why}");
    assert_eq!(resting["alarm"], why);

    ana.post("/modems/front-desk/resume", json!({}))
        .await
        .is_problem(403);
    root.post("/modems/annex/resume", json!({}))
        .await
        .is_problem(404);
    for _ in 0..2 {
        let going = root.post("/modems/front-desk/resume", json!({})).await;
        assert_eq!(going.is(200).json["rest"], Value::Null);
        assert_eq!(going.json["alarm"], Value::Null);
    }
    let trail = root.get("/audit").await.json.to_string();
    assert_eq!(trail.matches("resumed_line").count(), 1, "{trail}");
}

#[tokio::test]
async fn what_is_said_on_the_port_is_taken_away_masked() {
    let house = open().await;
    let root = house.with_token("root");
    let trace = "/modems/front-desk/trace";
    let none = json!({ "running": false, "elsewhere": null, "kept": null });
    assert_eq!(root.get(trace).await.is(200).json, none);
    root.get(&format!("{trace}/file")).await.is_problem(404);
    let delete = async || root.call(axum::http::Method::DELETE, trace, None).await;
    delete().await.is_problem(409);

    let begun = root.post(trace, json!({})).await;
    assert_eq!(begun.is(201).json["running"], true);
    assert_eq!(begun.json["elsewhere"], Value::Null);
    root.post(trace, json!({})).await.is_problem(409);
    root.post("/modems/front-desk/pin", json!({ "pin": PIN }))
        .await
        .is(204);
    until(&root, |line| line["phase"] == "ready").await;
    let modem = house.modem.clone().unwrap();
    modem.patron_texts(PATRON, "Is my atlas in?").unwrap();
    let began = Instant::now();
    while root.get("/conversations").await.json["items"] == json!([]) {
        assert!(began.elapsed() < PATIENCE, "the text does not arrive");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Also while it goes on.
    root.get(&format!("{trace}/file")).await.is(200);
    let ended = delete().await;
    assert_eq!(ended.is(200).json["running"], false);
    let taken = root.get(&format!("{trace}/file")).await;
    assert_eq!(ended.json["kept"]["octets"], taken.body.len());
    let words = taken.is(200).text();
    let said = Trace::parse(words).unwrap();
    assert!(said.header.masked && said.header.line == "front-desk");
    assert!(words.contains("CMGL") || words.contains("CMGR"), "{words}");
    // Neither the number, as it is or as the air has it (TS 23.040 §9.1.2.3), nor the PIN, nor words.
    for secret in ["5551230142", "5155214210", PIN, "atlas"] {
        assert!(!words.contains(secret), "{secret} is in the transcript");
    }
    let trail = root.get("/audit").await.json.to_string();
    for deed in ["began_trace", "ended_trace", "took_trace"] {
        assert!(trail.contains(deed), "{deed} is not in the trail");
    }

    // One that the box itself keeps is told of, and stays there.
    let line = house.lines.named("front-desk").unwrap();
    let place = house.spool.path().with_file_name("other.trace");
    line.trace(callnumber::modem::TracePlan::new(&place))
        .await
        .unwrap();
    let told = root.get(trace).await.json;
    assert_eq!(told["elsewhere"], place.to_str().unwrap());
    assert_eq!(told["kept"], ended.json["kept"]);
    delete().await.is(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_sees_the_day_of_a_line_and_takes_its_transcript() {
    let driver = Driver::start().await;
    for (width, height, dark, name) in [
        (1280, 900, false, "lines-light"),
        (390, 844, true, "lines-phone-dark"),
    ] {
        let house = open().await;
        let root = house.with_token("root");
        root.post("/modems/front-desk/pin", json!({ "pin": PIN }))
            .await
            .is(204);
        until(&root, |line| !line["signal_dbm"].is_null()).await;
        refuse(&house).await;
        let served = Served::of(house).await;
        let browser = driver.browser(width, height, dark).await;
        served.enter(&browser, "root").await;
        browser.go(&format!("{}/settings", served.address)).await;

        browser
            .until("document.querySelector('#lines-list .signal-line')?.getBBox().width > 0")
            .await;
        let heard = browser.text("#lines-list .signal figcaption").await;
        assert!(heard.starts_with("Signal in the last day: -"), "{heard}");

        assert!(browser.text(".rest").await.contains("It rests since"));
        shoot(&browser, &format!("{name}-1-rests")).await;
        browser.click(".rest button").await;
        browser.until("!document.querySelector('.rest')").await;

        browser.click("#fold-trace-front-desk summary").await;
        let begin = "#fold-trace-front-desk .card-acts button";
        let says = |words: &str| {
            format!(
                "document.querySelector('#fold-trace-front-desk').innerText.includes('{words}')"
            )
        };
        browser.until(&says("Begin a transcript")).await;
        browser.click(begin).await;
        browser.until(&says("It is being written")).await;
        browser.click(begin).await;
        browser.until(&says("The last one:")).await;
        shoot(&browser, &format!("{name}-2-transcript")).await;
        let taken = browser
            .script(
                "return fetch(document.querySelector('#fold-trace-front-desk a').href).then((r) => r.text());",
            )
            .await;
        let taken = Trace::parse(taken.as_str().unwrap()).unwrap();
        assert!(taken.header.masked);
        assert_eq!(browser.complaints().await, Vec::<String>::new());
        browser.close().await;
    }
}
