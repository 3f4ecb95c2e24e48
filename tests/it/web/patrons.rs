//! What a patron may ask for by law: what is held of them, and its erasure.

use callnumber::routing::Role;
use serde_json::{Value, json};

use super::house::House;
use super::widget::{self, Visitor, is_there};

async fn held(house: &House, admin: &str, who: &str) -> Value {
    let client = house.with_token(admin);
    let answer = client.post("/patrons/export", json!({"patron": who})).await;
    answer.is(200).json.clone()
}

#[tokio::test]
async fn an_admin_sees_all_that_is_held_and_erases_it() {
    let house = House::open().await;
    house.hire("ada", "desk").await;
    house.promote("ada", Role::Admin).await;
    is_there(&house, "ana").await;
    let ada = house.with_token("ada");
    let id = house.text("+15551230177", "Is my book in?").await;
    let ana = house.with_token("ana");
    let at = |what: &str| format!("/conversations/{id}/{what}");
    ana.post(&at("messages"), json!({"body": "Yes, until Friday."}))
        .await
        .is(201);
    ana.post(&at("notes"), json!({"text": "she is deaf"}))
        .await
        .is(201);
    let name = ana.post(&at("reveal"), json!({})).await.json["patron"].clone();
    let name = name.as_str().unwrap();

    // By the shown name and by every spelling, the same.
    for who in [name, "+15551230177", "(555) 123-0177", "1 555 123 0177"] {
        let held = held(&house, "ada", who).await;
        assert_eq!(held["address"], "+15551230177", "{who}");
        assert_eq!(held["known_as"][0]["patron"], name);
        let thread = &held["conversations"][0];
        assert_eq!(thread["messages"][1]["body"], "Yes, until Friday.");
        assert_eq!(thread["notes"][0]["text"], "she is deaf");
        assert_eq!(held["sendings"][0]["to"], "+15551230177");
        assert_eq!(held["audit"][0]["action"], "revealed_number");
    }
    let text = json!({"patron": name, "format": "text"});
    let text = ada.post("/patrons/export", text).await;
    for words in [
        "+15551230177",
        "Is my book in?",
        "she is deaf",
        "ana: revealed number",
    ] {
        assert!(text.is(200).text().contains(words), "{words}");
    }
    for nobody in ["nobody-1", "555 123", ""] {
        let asked = json!({"patron": nobody});
        ada.post("/patrons/export", asked.clone())
            .await
            .is_problem(422);
        ada.post("/patrons/erase", asked).await.is_problem(422);
    }
    for path in ["/patrons/export", "/patrons/erase"] {
        ana.post(path, json!({"patron": name}))
            .await
            .is_problem(403);
    }

    let other = house.text("+15551230188", "And mine?").await;
    let erased = ada
        .post("/patrons/erase", json!({"patron": "555.123.0177"}))
        .await;
    assert_eq!(
        erased.is(200).json,
        json!({"patrons": [name], "conversations": 1})
    );
    ana.get(&format!("/conversations/{id}"))
        .await
        .is_problem(404);
    ana.get(&format!("/conversations/{other}")).await.is(200);
    let left = held(&house, "ada", "555.123.0177").await;
    assert_eq!(
        (&left["known_as"], &left["conversations"]),
        (&json!([]), &json!([]))
    );
    let trail = ada.get("/audit?limit=500").await.json;
    let erased = &trail["items"].as_array().unwrap().iter();
    let erased = erased
        .clone()
        .find(|entry| entry["action"] == "erased_patron");
    let erased = erased.expect("it is in the trail");
    assert_eq!(
        (&erased["by"], &erased["subject"]),
        (&json!("ada"), &json!(null)),
        "no name of whom is left"
    );
    assert!(!trail.to_string().contains("123"), "a number is in {trail}");
}

#[tokio::test]
async fn a_visitor_of_a_page_is_erased_as_well() {
    let house = widget::open().await;
    is_there(&house, "ana").await;
    let visitor = Visitor::comes(&house).await;
    visitor.says("Is anybody there?", "a").await.is(201);
    let list = house.with_token("ana").get("/conversations").await;
    let name = list.json["items"][0]["patron"].as_str().unwrap();
    let seen = held(&house, "root", name).await;
    assert_eq!(seen["known_as"][0]["gateway_kind"], "widget");
    assert!(seen["known_as"][0]["page"]["url"].is_string());
    let erase = json!({"patron": name});
    let root = house.with_token("root");
    root.post("/patrons/erase", erase.clone()).await.is(200);
    let list = house
        .with_token("ana")
        .get("/conversations?state=all")
        .await;
    assert!(!list.text().contains("anybody"), "{}", list.text());
    // The name is nobody's now, and the browser's visit is none.
    root.post("/patrons/erase", erase).await.is_problem(422);
    visitor.says("Hello?", "b").await.is_problem(401);
}
