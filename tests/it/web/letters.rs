//! A visitor takes their chat away by mail.

use callnumber::routing::ConversationId;
use serde_json::json;

use super::browser::{Served, shoot};
use super::house::{Answer, House};
use super::widget::{Visitor, is_there, open};
use crate::support::post_office::PostOffice;
use crate::support::webdriver::Driver;

/// A desk with a mail server and nobody to call by it.
async fn open_with(office: &PostOffice) -> House {
    let house = open().await;
    let told = json!({
        "email": [], "phones": [], "line_after_s": 600, "waiting_after_s": 600, "disk_free_mb": 0,
        "mail": {
            "server": format!("127.0.0.1:{}", office.port), "from": "callnumber@elm.example",
            "security": "none",
        },
    });
    let root = house.with_token("root");
    let stands = root.put("/box/alerts", told).await;
    assert_eq!(stands.is(200).json["alerts_said_by"], "nobody");
    house
}

async fn asks(visitor: &Visitor, email: &str) -> Answer {
    visitor.post("letter", json!({ "email": email })).await
}

/// The visitor asks something, and ana answers.
async fn talk(house: &House, visitor: &Visitor) -> ConversationId {
    visitor.says("Is the Le Guin in?", "k1").await.is(201);
    let ana = house.with_token("ana");
    let list = ana.get("/conversations").await;
    let id = list.json["items"].as_array().unwrap().last().unwrap()["id"].clone();
    let id = ConversationId(id.as_i64().unwrap());
    answers(house, id).await;
    id
}

async fn answers(house: &House, id: ConversationId) {
    let ana = house.with_token("ana");
    let path = format!("/conversations/{id}");
    ana.post(
        &format!("{path}/messages"),
        json!({ "body": "Yes, under 814 LEG." }),
    )
    .await
    .is(201);
    ana.post(
        &format!("{path}/notes"),
        json!({ "text": "her third time today" }),
    )
    .await
    .is(201);
}

fn detail(answer: &Answer) -> &str {
    answer.json["detail"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chat_is_sent_once_to_its_own_visitor() {
    let mut office = PostOffice::open();
    let house = open_with(&office).await;
    is_there(&house, "ana").await;
    let visitor = Visitor::comes(&house).await;

    // Before anybody answered there is nothing to send, and no way to write to strangers.
    let answer = asks(&visitor, "pat@oak.example").await;
    assert!(detail(answer.is_problem(409)).contains("nobody has answered"));
    visitor.says("Hello?", "k0").await.is(201);
    let answer = asks(&visitor, "pat@oak.example").await;
    assert!(detail(answer.is_problem(409)).contains("nobody has answered"));

    talk(&house, &visitor).await;
    let other = Visitor::comes(&house).await;
    asks(&other, "pat@oak.example").await.is_problem(409);
    let mut stranger = Visitor::comes(&house).await;
    stranger.client.authorization = Some("Bearer nobody".into());
    asks(&stranger, "pat@oak.example").await.is_problem(401);

    let answer = asks(&visitor, " pat@oak.example ").await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    let letter = office.letter().await;
    for part in [
        "To: pat@oak.example\n",
        "From: callnumber@elm.example\n",
        "Subject: [Elm Library] your chat\n",
        "Is the Le Guin in?",
        "Yes, under 814 LEG.",
        "this address is not kept",
    ] {
        assert!(letter.contains(part), "{part:?}: {letter}");
    }
    assert!(
        !letter.contains("third time"),
        "a note is between colleagues"
    );

    // Kept is that it went, and not where.
    let root = house.with_token("root");
    let trail = root.get("/audit").await.json.to_string();
    assert_eq!(trail.matches("mailed_transcript").count(), 1);
    let folder = house.spool.path().parent().unwrap();
    house.spool.fold().await.unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let octets = std::fs::read(&path).unwrap_or_default();
        let found = octets.windows(15).any(|part| part == b"pat@oak.example");
        assert!(!found, "{} holds the address", path.display());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_are_not_for_abuse() {
    let mut office = PostOffice::open();
    let house = open_with(&office).await;
    is_there(&house, "ana").await;
    let first = Visitor::comes(&house).await;
    talk(&house, &first).await;
    asks(&first, "pat@oak.example").await.is(204);
    office.letter().await;
    let answer = asks(&first, "sue@oak.example").await;
    assert!(detail(answer.is_problem(409)).contains("already"));
    asks(&first, "sue@oak.example").await.is_problem(409);
    asks(&first, "sue@oak.example").await.is_problem(429);

    let second = Visitor::comes(&house).await;
    talk(&house, &second).await;
    for (email, status) in [("nobody", 422), ("a@b.example\r\nBcc: c@d.example", 422)] {
        asks(&second, email).await.is_problem(status);
    }
    let long = format!("{}@oak.example", "x".repeat(250));
    asks(&second, &long).await.is_problem(422);

    // A widget's keeper says no, and so does a desk without a mail server.
    let third = Visitor::comes(&house).await;
    talk(&house, &third).await;
    let root = house.with_token("root");
    let mut manner = root.get("/gateways/ask/widget").await.json;
    assert_eq!(manner["letters"], true);
    manner["letters"] = json!(false);
    root.put("/gateways/ask/widget", manner.clone())
        .await
        .is(200);
    let answer = asks(&third, "pat@oak.example").await;
    assert!(detail(answer.is_problem(409)).contains("sends no chats"));
    manner["letters"] = json!(true);
    root.put("/gateways/ask/widget", manner).await.is(200);

    // A server that does not answer costs the visitor nothing: it is tried again.
    let port = office.port;
    drop(office);
    let answer = asks(&third, "pat@oak.example").await;
    assert!(detail(answer.is_problem(502)).contains("check the address"));
    let mut office = PostOffice::open();
    assert_ne!(office.port, port);
    let told = json!({
        "email": [], "phones": [], "line_after_s": 600, "waiting_after_s": 600, "disk_free_mb": 0,
        "mail": {"server": format!("127.0.0.1:{}", office.port), "from": "callnumber@elm.example", "security": "none"},
    });
    root.put("/box/alerts", told).await.is(200);
    asks(&third, "pat@oak.example").await.is(204);
    office.letter().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visitor_asks_for_the_chat_in_the_widget() {
    let driver = Driver::start().await;
    let mut office = PostOffice::open();
    for (width, height, dark, name) in [
        (400, 600, false, "letter-light"),
        (320, 568, true, "letter-narrow-dark"),
    ] {
        let house = open_with(&office).await;
        is_there(&house, "ana").await;
        let served = Served::of(house).await;
        let browser = driver.browser(width, height, dark).await;
        browser.go(&format!("{}/widget/ask", served.address)).await;
        browser
            .until("document.querySelector('#letter').hidden")
            .await;
        browser.write("#words", "Is the Le Guin in?\u{E007}").await;
        browser
            .until("document.querySelectorAll('.said-you:not(.said-sending)').length === 1")
            .await;
        let ana = served.house.with_token("ana");
        let list = ana.get("/conversations").await.json;
        let id = ConversationId(list["items"][0]["id"].as_i64().unwrap());
        answers(&served.house, id).await;
        browser
            .until("!document.querySelector('#letter').hidden")
            .await;
        browser.click("#letter summary").await;
        browser.write("#letter-to", "pat@oak.example").await;
        shoot(&browser, &format!("{name}-1-asks")).await;
        browser.press("\u{E007}").await;
        browser
            .until("document.querySelector('#letter-said').innerText === 'It is on its way to pat@oak.example.'")
            .await;
        browser
            .until("document.querySelector('#letter').hidden")
            .await;
        assert!(office.letter().await.contains("under 814 LEG"));
        shoot(&browser, &format!("{name}-2-sent")).await;
        // Neither storage nor a cookie has it.
        let kept = browser
            .script("return JSON.stringify([document.cookie, { ...sessionStorage }, { ...localStorage }]);")
            .await;
        assert!(!kept.as_str().unwrap().contains("oak.example"), "{kept}");
        assert_eq!(browser.complaints().await, Vec::<String>::new());
        browser.close().await;
    }
}
