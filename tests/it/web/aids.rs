//! Work aids and staff over the API.

use axum::http::Method;
use callnumber::routing::Role;
use serde_json::{Value, json};

use super::house::{House, PASSWORD};

async fn on_duty(house: &House, names: &[&str]) {
    for name in names {
        let client = house.with_token(name);
        client
            .put("/presence", json!({"show": "available"}))
            .await
            .is(200);
    }
}

async fn trail(house: &House, admin: &str) -> Vec<Value> {
    let answer = house.with_token(admin).get("/audit?limit=500").await;
    answer.is(200).json["items"].as_array().unwrap().clone()
}

fn find<'a>(trail: &'a [Value], action: &str) -> &'a Value {
    trail
        .iter()
        .find(|entry| entry["action"] == action)
        .unwrap_or_else(|| panic!("no {action} in {trail:?}"))
}

/// The house, with ada for an admin and cleo for a coordinator.
async fn house() -> House {
    let house = House::open().await;
    for (name, role) in [("ada", Role::Admin), ("cleo", Role::Coordinator)] {
        house.hire(name, "desk").await;
        house.promote(name, role).await;
    }
    house
}

#[tokio::test]
async fn a_note_reaches_colleagues_with_its_author() {
    let house = house().await;
    on_duty(&house, &["ana", "ben"]).await;
    let id = house.text("+15551230100", "Is my book in?").await;
    let (ana, ben) = (house.with_token("ana"), house.with_token("ben"));
    let mut feed = ben.follow(None).await;
    let note = json!({"text": "it is on the cart"});
    ana.post(&format!("/conversations/{id}/notes"), note)
        .await
        .is(201);
    let told = feed.until(|told| told.event == "note").await;
    assert_eq!(told.data["text"], "it is on the cart");
    assert_eq!(told.data["author"], "ana");
    let thread = ben.get(&format!("/conversations/{id}")).await;
    assert_eq!(thread.json["notes"][0], told.data);
    assert_eq!(thread.json["messages"].as_array().unwrap().len(), 1);
    house
        .with_token("cara")
        .post(&format!("/conversations/{id}/notes"), json!({"text": "x"}))
        .await
        .is_problem(404);
}

#[tokio::test]
async fn tags_and_a_promise_are_seen_by_all() {
    let house = house().await;
    on_duty(&house, &["ana"]).await;
    let id = house.text("+15551230100", "Is my book in?").await;
    let ana = house.with_token("ana");
    let at = |what: &str| format!("/conversations/{id}/{what}");
    let tagged = ana
        .put(&at("tags"), json!({"tags": ["#Fines", "fines"]}))
        .await;
    assert_eq!(tagged.is(200).json["tags"], json!(["fines"]));
    ana.put(&at("promise"), json!({"text": "a call by four"}))
        .await
        .is(200);
    let seen = house.with_token("ben").get("/conversations").await;
    let item = &seen.json["items"][0];
    assert_eq!(item["tags"], json!(["fines"]));
    assert_eq!(
        item["promise"],
        json!({"text": "a call by four", "by": "ana"})
    );
    ana.put(&at("tags"), json!({"tags": ["<b>"]}))
        .await
        .is_problem(422);
}

#[tokio::test]
async fn a_blocked_sender_waits_before_nobody() {
    let house = house().await;
    on_duty(&house, &["ana", "ben"]).await;
    let id = house.text("+15551230100", "You fools").await;
    let (ana, ben) = (house.with_token("ana"), house.with_token("ben"));
    let at = |what: &str| format!("/conversations/{id}/{what}");
    let blocked = ana.post(&at("block"), json!({})).await;
    assert!(blocked.is(200).json["blocked_until"].is_string());
    assert_eq!(blocked.json["state"], "closed");
    assert_eq!(house.text("+15551230100", "Fools!").await, id);
    let open = ben.get("/conversations").await;
    assert_eq!(open.json["items"], json!([]));
    let lifted = ben.call(Method::DELETE, &at("block"), None).await;
    assert_eq!(lifted.is(200).json["blocked_until"], Value::Null);
    ben.call(Method::DELETE, &at("block"), None)
        .await
        .is_problem(422);
    house.text("+15551230100", "Sorry. Is my book in?").await;
    let open = ben.get("/conversations").await;
    assert_eq!(open.json["items"][0]["id"], id.0);

    let trail = trail(&house, "ada").await;
    assert_eq!(find(&trail, "blocked_sender")["by"], "ana");
    assert_eq!(find(&trail, "unblocked_sender")["by"], "ben");
}

#[tokio::test]
async fn a_patron_is_opted_out_by_whoever_understands_them() {
    let house = house().await;
    on_duty(&house, &["ana", "ben"]).await;
    let id = house.text("+15551230100", "Please stop texting me").await;
    let (ana, ben) = (house.with_token("ana"), house.with_token("ben"));
    let at = |what: &str| format!("/conversations/{id}/{what}");
    let out = ana.post(&at("opt-out"), json!({})).await;
    assert_eq!(out.is(200).json["opted_out"], true);
    assert_eq!(out.json["answerable"], false);
    let texts = ben.get(&format!("/conversations/{id}")).await;
    assert_eq!(texts.json["messages"].as_array().unwrap().len(), 1);
    for (path, body, status) in [
        (at("messages"), json!({"body": "Sorry."}), 409),
        (
            "/conversations".into(),
            json!({"to": "(555) 123-0100", "body": "Hi", "gateway": "front-desk"}),
            409,
        ),
        (at("opt-out"), json!({}), 422),
    ] {
        ben.post(&path, body).await.is_problem(status);
    }
    house
        .with_token("cara")
        .post(&at("opt-out"), json!({}))
        .await
        .is_problem(404);
    assert_eq!(
        find(&trail(&house, "ada").await, "opted_patron_out")["by"],
        "ana"
    );
}

#[tokio::test]
async fn a_number_is_shown_to_those_who_ask_and_that_is_written_down() {
    let house = house().await;
    on_duty(&house, &["ana"]).await;
    let id = house.text("+15551230100", "Is my book in?").await;
    let reveal = format!("/conversations/{id}/reveal");
    let shown = house.with_token("ana").post(&reveal, json!({})).await;
    assert_eq!(shown.is(200).json["address"], "+15551230100");
    house
        .with_token("cara")
        .post(&reveal, json!({}))
        .await
        .is_problem(404);

    let trail = trail(&house, "ada").await;
    let revealed = find(&trail, "revealed_number");
    assert_eq!(revealed["by"], "ana");
    assert_eq!(revealed["conversation"], id.0);
    assert_eq!(revealed["subject"], shown.json["patron"]);
    let said = serde_json::to_string(&trail).unwrap();
    assert!(
        !said.contains("5551230100"),
        "a number is in the trail: {said}"
    );
    house.with_token("ana").get("/audit").await.is_problem(403);
    house.with_token("cleo").get("/audit").await.is_problem(403);
}

#[tokio::test]
async fn a_conversation_begins_with_a_number_whose_owner_consents() {
    let house = house().await;
    on_duty(&house, &["ana", "ben"]).await;
    let (ana, ben) = (house.with_token("ana"), house.with_token("ben"));
    let words = json!({"to": "+1 (555) 123-0100", "body": "Your book is in.", "client_id": "one"});
    let begun = ana.post("/conversations", words.clone()).await;
    let thread = &begun.is(201).json;
    assert_eq!(thread["claimed_by"], "ana");
    assert_eq!(thread["messages"][0]["body"], "Your book is in.");
    assert!(!begun.text().contains("5551230100"));
    // Sent again for want of an answer: still one text.
    let again = ana.post("/conversations", words).await;
    assert_eq!(again.is(201).json["messages"].as_array().unwrap().len(), 1);
    let taken = ben
        .post(
            "/conversations",
            json!({"to": "+15551230100", "body": "Hi"}),
        )
        .await;
    taken.is_problem(409);
    assert_eq!(taken.json["answered_by"], "ana");
    assert_eq!(taken.json["draft"], "Hi");

    house.text("+15551230101", "STOP").await;
    for (to, body, gateway, status) in [
        ("+15551230101", "Hi", Value::Null, 409),
        ("22000", "Hi", Value::Null, 422),
        ("+15551230102", " ", Value::Null, 422),
        ("+15551230102", "Hi", json!("nowhere"), 422),
    ] {
        let words = json!({"to": to, "body": body, "gateway": gateway});
        ana.post("/conversations", words).await.is_problem(status);
    }
    // Cara's queue has no line.
    house
        .with_token("cara")
        .post(
            "/conversations",
            json!({"to": "+15551230102", "body": "Hi"}),
        )
        .await
        .is_problem(422);
    let trail = trail(&house, "ada").await;
    assert_eq!(find(&trail, "began_conversation")["by"], "ana");
}

#[tokio::test]
async fn closing_with_a_last_text_and_opening_again() {
    let house = house().await;
    on_duty(&house, &["ana"]).await;
    let id = house.text("+15551230100", "Is my book in?").await;
    let ana = house.with_token("ana");
    let at = |what: &str| format!("/conversations/{id}/{what}");
    // A last text that cannot be sent leaves it open.
    ana.post(&at("close"), json!({"text": " "}))
        .await
        .is_problem(422);
    let closed = ana
        .post(
            &at("close"),
            json!({"text": "Yes. Goodbye!", "client_id": "last"}),
        )
        .await;
    assert_eq!(closed.is(200).json["state"], "closed");
    assert_eq!(closed.json["latest"]["body"], "Yes. Goodbye!");
    let opened = ana.post(&at("reopen"), json!({})).await;
    assert_eq!(opened.is(200).json["claimed_by"], "ana");
    let thread = ana.get(&format!("/conversations/{id}")).await;
    assert_eq!(thread.json["messages"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn canned_replies_are_kept_by_those_who_coordinate() {
    let house = house().await;
    let (ana, cleo) = (house.with_token("ana"), house.with_token("cleo"));
    let hours = json!({"key": "hours", "text": "We are open until 8."});
    ana.post("/canned", hours.clone()).await.is_problem(403);
    let added = cleo.post("/canned", hours.clone()).await;
    assert_eq!(
        added.is(201).json,
        json!({"key": "hours", "queue": null, "text": "We are open until 8.", "segments": 1})
    );
    cleo.post("/canned", hours).await.is_problem(422);
    let own = json!({"key": "hours", "queue": "desk", "text": "The desk closes at 7."});
    cleo.post("/canned", own).await.is(201);
    let set = cleo
        .put(
            "/canned/hours?queue=desk",
            json!({"text": "The desk closes at 6."}),
        )
        .await;
    assert_eq!(set.is(200).json["queue"], "desk");
    for bad in [
        json!({"key": "Bad Key", "text": "x"}),
        json!({"key": "empty", "text": " "}),
        json!({"key": "long", "text": "x".repeat(2000)}),
        json!({"key": "q", "queue": "nowhere", "text": "x"}),
    ] {
        cleo.post("/canned", bad).await.is_problem(422);
    }
    let all = ana.get("/canned").await;
    let texts: Vec<&str> = all.is(200).json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts, ["We are open until 8.", "The desk closes at 6."]);
    cleo.call(Method::DELETE, "/canned/hours", None)
        .await
        .is(204);
    cleo.call(Method::DELETE, "/canned/hours", None)
        .await
        .is_problem(422);
    assert_eq!(
        ana.get("/canned").await.json["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn staff_is_arranged_by_admins_and_assigned_by_coordinators() {
    let house = house().await;
    let (ana, cleo, ada) = (
        house.with_token("ana"),
        house.with_token("cleo"),
        house.with_token("ada"),
    );
    let dora = json!({"name": "dora", "password": "maps and tea", "queues": ["desk"]});
    for client in [&ana, &cleo] {
        client
            .post("/operators", dora.clone())
            .await
            .is_problem(403);
    }
    let added = ada.post("/operators", dora.clone()).await;
    assert_eq!(added.is(201).json["role"], "operator");
    ada.post("/operators", dora).await.is_problem(422);
    let entered = house
        .anonymous()
        .post(
            "/session",
            json!({"name": "dora", "password": "maps and tea"}),
        )
        .await;
    entered.is(201);
    for weak in ["short", "password1", "library2026", "12345678"] {
        let weak = json!({"name": "emil", "password": weak});
        ada.post("/operators", weak).await.is_problem(422);
    }

    // A coordinator assigns, and no more.
    let moved = cleo
        .call(
            Method::PATCH,
            "/operators/dora",
            Some(json!({"queues": ["reference"]})),
        )
        .await;
    assert_eq!(moved.is(200).json["queues"], json!(["reference"]));
    for more in [
        json!({"role": "admin"}),
        json!({"password": "maps and tea"}),
        json!({"queues": ["desk"], "role": "coordinator"}),
    ] {
        cleo.call(Method::PATCH, "/operators/dora", Some(more))
            .await
            .is_problem(403);
    }
    ana.call(
        Method::PATCH,
        "/operators/ana",
        Some(json!({"role": "admin"})),
    )
    .await
    .is_problem(403);
    cleo.call(Method::DELETE, "/operators/dora", None)
        .await
        .is_problem(403);
    ada.call(Method::DELETE, "/operators/ada", None)
        .await
        .is_problem(403);
    ada.call(Method::DELETE, "/operators/dora", None)
        .await
        .is(204);
    ada.call(Method::DELETE, "/operators/dora", None)
        .await
        .is_problem(404);

    // The rest of the desk, as commands would change it; secrets have their own doors.
    let queue = json!({"change": "add_queue", "name": "maps"});
    cleo.post("/amendments", queue.clone())
        .await
        .is_problem(403);
    ada.post("/amendments", queue).await.is(204);
    let token = json!({"change": "add_token", "operator": "ana", "token_hash": "ab"});
    ada.post("/amendments", token).await.is_problem(422);

    let trail = trail(&house, "ada").await;
    assert_eq!(find(&trail, "add_queue")["subject"], "maps");
    let set = find(&trail, "set_operator");
    assert_eq!(set["by"], "cleo");
    assert_eq!(set["detail"], json!({"queues": ["reference"]}));
    assert!(
        trail.iter().any(|entry| entry["by"].is_null()),
        "the box's own"
    );
    let said = serde_json::to_string(&trail).unwrap();
    assert!(!said.contains("argon2"), "a hash is in the trail: {said}");
}

#[tokio::test]
async fn a_password_is_changed_with_the_present_one() {
    let house = house().await;
    let ana = house.with_session("ana").await;
    let change = |current: &str, new: &str| json!({"current": current, "new": new});
    ana.put("/password", change("not this", "maps and tea"))
        .await
        .is_problem(403);
    ana.put("/password", change(PASSWORD, "qwertyui"))
        .await
        .is_problem(422);
    ana.put("/password", change(PASSWORD, "maps and tea"))
        .await
        .is(204);
    // The session ended with it.
    ana.get("/conversations").await.is_problem(401);
    for (password, status) in [(PASSWORD, 401), ("maps and tea", 201)] {
        let entered = house
            .anonymous()
            .post("/session", json!({"name": "ana", "password": password}))
            .await;
        assert_eq!(entered.status, status, "{password}");
    }
}

#[tokio::test]
async fn tokens_are_listed_and_taken_away() {
    let house = house().await;
    let (ana, ada) = (house.with_token("ana"), house.with_token("ada"));
    let made = ana.post("/tokens", json!({"label": "a script"})).await;
    made.is(201);
    let token = made.json["token"].as_str().unwrap().to_owned();
    let id = made.json["id"].as_str().unwrap().to_owned();
    let script = super::house::Client {
        authorization: Some(format!("Bearer {token}")),
        ..house.anonymous()
    };
    script.get("/queues").await.is(200);
    let own = ana.get("/tokens").await;
    let labels: Vec<&Value> = own.is(200).json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["label"])
        .collect();
    assert_eq!(labels.len(), 2);
    assert!(labels.contains(&&json!("a script")));
    assert!(!own.text().contains(&token));
    // Others' are an admin's business.
    ana.get("/tokens?operator=all").await.is_problem(403);
    ana.post("/tokens", json!({"operator": "ben"}))
        .await
        .is_problem(403);
    let path = format!("/tokens/{id}");
    house
        .with_token("ben")
        .call(Method::DELETE, &path, None)
        .await
        .is_problem(404);
    assert!(
        ada.get("/tokens?operator=all")
            .await
            .is(200)
            .text()
            .contains(&id)
    );
    ada.call(Method::DELETE, &path, None).await.is(204);
    script.get("/queues").await.is_problem(401);
    ana.get("/queues").await.is(200);
}
