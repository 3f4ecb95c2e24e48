//! Who is called for help, said and tried on the page; transcripts and tokens taken from it.

use axum::http::{Method, header};
use callnumber::routing::DeliveryState;
use serde_json::{Value, json};

use super::browser::{Served, shoot};
use super::house::House;
use crate::support::post_office::PostOffice;
use crate::support::webdriver::{Browser, Driver};

fn told(office: &PostOffice) -> Value {
    json!({
        "email": ["desk@elm.example", "ada@elm.example", "desk@elm.example"], "phones": [],
        "line_after_s": 300, "waiting_after_s": 600, "disk_free_mb": 0,
        "mail": {
            "server": format!("127.0.0.1:{}", office.port), "from": "callnumber@elm.example",
            "security": "none",
        },
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_called_is_told_and_tried() {
    let mut office = PostOffice::open();
    let house = House::open().await;
    house.hire_admin("root").await;
    let root = house.with_token("root");
    let stands = root.get("/box").await;
    assert_eq!(stands.is(200).json["alerts"], Value::Null);
    assert_eq!(stands.json["alerts_said_by"], "nobody");
    root.post("/box/alerts/trial", json!({}))
        .await
        .is_problem(409);

    let stands = root.put("/box/alerts", told(&office)).await;
    assert_eq!(
        stands.is(200).json["alerts"]["email"],
        json!(["ada@elm.example", "desk@elm.example"])
    );
    assert_eq!(stands.json["alerts_said_by"], "page");
    assert_eq!(stands.json["mail"]["said_by"], "page");
    let tried = root.post("/box/alerts/trial", json!({})).await;
    assert_eq!(
        tried.is(200).json["items"],
        json!([{"to": "ada@elm.example", "problem": null}, {"to": "desk@elm.example", "problem": null}])
    );
    let letter = office.letter().await;
    assert!(
        letter.contains("Subject: [Elm Library] text line: a trial"),
        "{letter}"
    );
    assert!(
        letter.contains("To: ada@elm.example, desk@elm.example"),
        "{letter}"
    );

    // They are called for real as well: two texts wait, and nobody is signed in.
    let mut soon = told(&office);
    soon["waiting_after_s"] = json!(0);
    root.put("/box/alerts", soon).await.is(200);
    house.text("+15551230100", "Is my book in?").await;
    let letter = office.letter().await;
    assert!(letter.contains("text line: texts wait"), "{letter}");

    // A telephone goes by a line that works, and this desk has none.
    let mut phone = told(&office);
    phone["phones"] = json!(["+1 555 123-0199"]);
    root.put("/box/alerts", phone).await.is(200);
    let tried = root.post("/box/alerts/trial", json!({})).await;
    let texted = &tried.is(200).json["items"][2];
    assert_eq!(texted["to"], "+15551230199");

    // A server that is not there is said, to whoever looks.
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = nowhere.local_addr().unwrap().port();
    drop(nowhere);
    let mut gone = told(&office);
    gone["mail"]["server"] = json!(format!("127.0.0.1:{port}"));
    root.put("/box/alerts", gone).await.is(200);
    let tried = root.post("/box/alerts/trial", json!({})).await;
    let problem = tried.is(200).json["items"][0]["problem"].clone();
    assert!(
        problem
            .as_str()
            .unwrap()
            .starts_with("the mail server says"),
        "{problem}"
    );

    // Nobody again.
    let nobody = json!({"email": [], "phones": [], "line_after_s": 600, "waiting_after_s": 600, "disk_free_mb": 200});
    let stands = root.put("/box/alerts", nobody).await;
    assert_eq!(stands.is(200).json["alerts_said_by"], "nobody");
    let trail = root.get("/audit").await.json.to_string();
    assert!(trail.contains("set_alerts") && trail.contains("tried_alerts"));
}

#[tokio::test]
async fn what_cannot_be_called_is_refused_with_a_remedy() {
    let house = House::open().await;
    house.hire_admin("root").await;
    let root = house.with_token("root");
    let whole = json!({
        "email": ["desk@elm.example"], "phones": ["+15551230199"], "line_after_s": 600,
        "waiting_after_s": 600, "disk_free_mb": 200,
        "mail": {"server": "mail.elm.example", "from": "callnumber@elm.example", "security": "tls"},
    });
    for (place, value, part) in [
        ("/email", json!(["desk"]), "desk@example.org"),
        ("/phones", json!(["home"]), "+15551230100"),
        ("/line_after_s", json!(90_000), "86400"),
        ("/disk_free_mb", json!(2_000_000), "1048576"),
        ("/mail", Value::Null, "without a mail server"),
        ("/mail/server", json!("smtp://mail"), "mail.example.org:587"),
        ("/mail/from", json!("callnumber"), "desk@example.org"),
        ("/mail/security", json!("ssl"), "starttls, tls or none"),
        ("/mail/user", json!("desk"), "no password"),
        ("/mail/password", json!("x".repeat(2000)), "letters"),
        (
            "/phones",
            json!(
                (100..121)
                    .map(|n| format!("+15551230{n}"))
                    .collect::<Vec<_>>()
            ),
            "more than 20",
        ),
    ] {
        let mut told = whole.clone();
        let slot = match place.rsplit_once('/').unwrap() {
            ("", key) => &mut told[key],
            (parent, key) => &mut told.pointer_mut(parent).unwrap()[key],
        };
        *slot = value;
        let answer = root.put("/box/alerts", told).await;
        let detail = answer.is_problem(422).json["detail"].clone();
        assert!(detail.as_str().unwrap().contains(part), "{place}: {detail}");
    }
    // A password is told once, kept for its server and name, and never shown.
    let mut told = whole.clone();
    told["mail"]["user"] = json!("desk");
    told["mail"]["password"] = json!("maps and tea");
    let stands = root.put("/box/alerts", told.clone()).await;
    assert!(!stands.is(200).text().contains("maps and tea"));
    assert_eq!(stands.json["mail"]["user"], "desk");
    told["mail"]["password"] = Value::Null;
    root.put("/box/alerts", told.clone()).await.is(200);
    let exposed = root
        .put("/box/alerts", {
            told["mail"]["security"] = json!("none");
            told.clone()
        })
        .await;
    let detail = exposed.is_problem(422).json["detail"].clone();
    assert!(
        detail.as_str().unwrap().contains("for all to read"),
        "{detail}"
    );
    told["mail"]["server"] = json!("mail.oak.example");
    root.put("/box/alerts", told).await.is_problem(422);
}

#[tokio::test]
async fn transcripts_are_taken_away_in_one_file() {
    let house = House::open().await;
    house.hire_admin("root").await;
    let (root, ana) = (house.with_token("root"), house.with_token("ana"));
    let id = house.text("+15551230142", "Is my atlas in?").await;
    let sent = ana
        .post(
            &format!("/conversations/{id}/messages"),
            json!({"body": "It is."}),
        )
        .await;
    let message = sent.is(201).json["id"].as_i64().unwrap();
    house.delivery(id, message, DeliveryState::Sent, None).await;
    // More than a page of them.
    for n in 0..120 {
        house
            .text(&format!("+1555124{n:04}"), "Open on Sunday?")
            .await;
    }
    for (query, kind, count) in [
        ("", "text/plain; charset=utf-8", 121),
        ("?format=json", "application/x-ndjson", 121),
        ("?format=mbox", "application/mbox", 121),
        ("?format=json&queue=reference", "application/x-ndjson", 0),
        (
            "?format=json&from=2020-01-01&to=2020-12-31",
            "application/x-ndjson",
            0,
        ),
    ] {
        let taken = root.get(&format!("/transcripts/file{query}")).await;
        assert_eq!(taken.is(200).headers[header::CONTENT_TYPE], kind, "{query}");
        let name = taken.headers[header::CONTENT_DISPOSITION].to_str().unwrap();
        assert!(name.starts_with("attachment; filename=\"callnumber-transcripts."));
        let words = taken.text();
        assert!(!words.contains("1230142"), "{query} has a number");
        let asked =
            |words: &str| words.matches("Open on Sunday?").count() + words.matches("atlas").count();
        let asked = if kind == "application/x-ndjson" {
            // The keys of before say the same words again.
            let threads = words.lines().map(|line| {
                let thread: Value = serde_json::from_str(line).unwrap();
                asked(&thread["messages"].to_string())
            });
            threads.sum()
        } else {
            asked(words)
        };
        assert_eq!(asked, count, "{query}");
    }
    let with_numbers = root.get("/transcripts/file?numbers=true").await;
    assert!(with_numbers.is(200).text().contains("+15551230142"));
    root.get("/transcripts/file?format=pdf")
        .await
        .is_problem(400);
    root.get("/transcripts/file?from=monday")
        .await
        .is_problem(400);
    let trail = root.get("/audit").await.json;
    let taken: Vec<&Value> = trail["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["action"] == "exported_transcripts")
        .collect();
    assert_eq!(taken.len(), 6, "{trail}");
    assert_eq!(taken[0]["detail"]["numbers"], true);
    let list = root.call(Method::GET, "/transcripts", None).await;
    assert_eq!(list.is(200).json["items"].as_array().unwrap().len(), 100);
}

/// Fills the control with this label inside a part of the page.
async fn fill(browser: &Browser, part: &str, label: &str, value: &str) {
    browser
        .script(&format!(
            "const part = document.querySelector({}); \
             const label = [...part.querySelectorAll('label')].find((n) => n.innerText.trim() === {}); \
             const box = document.getElementById(label.htmlFor); \
             box.value = {}; box.dispatchEvent(new Event('input')); box.dispatchEvent(new Event('change'));",
            json!(part),
            json!(label),
            json!(value)
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_says_who_is_called_and_tries_it_on_the_page() {
    let driver = Driver::start().await;
    for (width, height, dark, name) in [
        (1280, 900, false, "calls-light"),
        (390, 844, true, "calls-phone-dark"),
    ] {
        let mut office = PostOffice::open();
        let house = House::open().await;
        house.hire_admin("root").await;
        house.text("+15551230100", "Is my book in?").await;
        let served = Served::of(house).await;
        let browser = driver.browser(width, height, dark).await;
        served.enter(&browser, "root").await;
        browser.go(&format!("{}/settings", served.address)).await;
        browser.until("document.body.dataset.ready").await;

        browser
            .until("document.querySelector('#alerts-fold')")
            .await;
        browser.click("#alerts-fold summary").await;
        for (label, value) in [
            ("Mail addresses, one a line", "desk@elm.example"),
            ("Host and port", &format!("127.0.0.1:{}", office.port)),
            ("Mail comes from", "callnumber@elm.example"),
            ("Kept from others’ eyes by", "none"),
            ("The disk has less than (MB)", "0"),
        ] {
            fill(&browser, "#alerts-box", label, value).await;
        }
        shoot(&browser, &format!("{name}-1-said")).await;
        browser.click("#alerts-fold .primary").await;
        browser
            .until("document.querySelector('#alerts-box').innerText.includes('Called: desk@elm.example')")
            .await;
        browser.click("#alerts-box > div .card-acts button").await;
        browser
            .until("document.querySelector('.tried').innerText.includes('the mail server took it')")
            .await;
        let letter = office.letter().await;
        assert!(letter.contains("a trial"), "{letter}");
        shoot(&browser, &format!("{name}-2-tried")).await;

        // A token is shown once, and works.
        browser.click("#fold-entry-ana summary").await;
        browser
            .until("document.querySelector('#fold-entry-ana').innerText.includes('Tokens for scripts')")
            .await;
        fill(&browser, "#fold-entry-ana", "A new one", "the catalogue").await;
        browser
            .script(
                "[...document.querySelectorAll('#fold-entry-ana button')].find((n) => n.innerText === 'Make').click();",
            )
            .await;
        let token = "document.querySelector('#fold-entry-ana input[aria-label=\"The token\"]')";
        browser.until(&format!("{token}.value.length > 20")).await;
        let token = browser.script(&format!("return {token}.value;")).await;
        let mut script = served.house.anonymous();
        script.authorization = Some(format!("Bearer {}", token.as_str().unwrap()));
        script.get("/queues").await.is(200);
        let tokens = script.get("/tokens").await.json.to_string();
        assert!(tokens.contains("the catalogue"), "{tokens}");

        // Transcripts: what the button asks for is what the desk gives.
        browser
            .script(
                "window.asked = []; HTMLAnchorElement.prototype.click = function () { window.asked.push(this.getAttribute('href')); };",
            )
            .await;
        fill(&browser, "#transcripts-form", "as", "mbox").await;
        browser.click("#transcripts-form button").await;
        browser.until("window.asked.length === 1").await;
        let asked = browser.script("return window.asked[0];").await;
        let asked = asked.as_str().unwrap().strip_prefix("/api/v1").unwrap();
        let taken = served.house.with_token("root").get(asked).await;
        assert!(taken.is(200).text().contains("Is my book in?"));
        assert_eq!(taken.headers[header::CONTENT_TYPE], "application/mbox");
        shoot(&browser, &format!("{name}-3-transcripts")).await;
        assert_eq!(browser.complaints().await, Vec::<String>::new());
        browser.close().await;
    }
}
