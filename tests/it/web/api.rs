//! Conversations over the API.

use axum::body::Body;
use axum::http::{Method, header};
use callnumber::routing::DeliveryState;
use serde_json::{Value, json};

use super::house::{Answer, House};

async fn available(house: &House, names: &[&str]) {
    for name in names {
        let client = house.with_token(name);
        client
            .put("/presence", json!({"show": "available"}))
            .await
            .is(200);
    }
}

fn ids(answer: &Answer) -> Vec<i64> {
    answer.json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_i64().unwrap())
        .collect()
}

#[tokio::test]
async fn a_text_is_read_and_answered() {
    let house = House::open().await;
    available(&house, &["ana"]).await;
    let id = house.text("+15551230100", "Is my book in?").await;
    let ana = house.with_token("ana");

    let list = ana.get("/conversations").await;
    list.is(200);
    assert_eq!(list.json["next"], Value::Null);
    let item = &list.json["items"][0];
    assert_eq!(item["id"], id.0);
    assert_eq!(item["queue"], "desk");
    assert_eq!(item["gateway"], "front-desk");
    assert_eq!(item["state"], "waiting");
    assert_eq!(item["claimed_by"], Value::Null);
    assert!(item["waiting_since"].is_string());
    assert_eq!(item["latest"]["body"], "Is my book in?");
    let patron = item["patron"].as_str().unwrap();
    assert!(!patron.contains("555"), "a number is shown: {patron}");
    assert!(!list.text().contains("5551230100"));

    let sent = ana
        .post(
            &format!("/conversations/{id}/messages"),
            json!({"body": "Yes, at the desk.", "client_id": "k1"}),
        )
        .await;
    sent.is(201);
    assert_eq!(sent.json["conversation"], id.0);
    assert_eq!(sent.json["direction"], "out");
    assert_eq!(sent.json["author"], "ana");
    assert_eq!(sent.json["state"], "queued");
    assert_eq!(sent.json["client_id"], "k1");

    let thread = ana.get(&format!("/conversations/{id}")).await;
    thread.is(200);
    assert_eq!(thread.json["state"], "claimed");
    assert_eq!(thread.json["claimed_by"], "ana");
    assert_eq!(thread.json["waiting_since"], Value::Null);
    let messages = thread.json["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0]["author"], patron);
    assert_eq!(messages[0]["direction"], "in");
    assert_eq!(messages[1], sent.json);
    assert!(!thread.text().contains("5551230100"));
}

#[tokio::test]
async fn the_same_key_is_the_same_message() {
    let house = House::open().await;
    available(&house, &["ana"]).await;
    let id = house.text("+15551230100", "hello").await;
    let other = house.text("+15551230101", "hello").await;
    let ana = house.with_token("ana");
    let path = format!("/conversations/{id}/messages");
    let words = json!({"body": "hi", "client_id": "once"});

    // Ten at the same instant, as a page does that lost its line.
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let (ana, path, words) = (ana.clone(), path.clone(), words.clone());
        tries.spawn(async move { ana.post(&path, words).await });
    }
    let answers = tries.join_all().await;
    let created = answers.iter().filter(|a| a.status == 201).count();
    let known = answers.iter().filter(|a| a.status == 200).count();
    assert_eq!((created, known), (1, 9));
    for answer in &answers {
        assert_eq!(answer.json["id"], answers[0].json["id"]);
    }
    let thread = ana.get(&format!("/conversations/{id}")).await;
    assert_eq!(thread.json["messages"].as_array().unwrap().len(), 2);

    ana.post(&format!("/conversations/{other}/messages"), words)
        .await
        .is_problem(422);
}

#[tokio::test]
async fn first_send_wins_and_the_loser_keeps_the_words() {
    let house = House::open().await;
    available(&house, &["ana", "ben"]).await;
    for round in 0..20 {
        let id = house.text(&format!("+1555123{round:04}"), "hello").await;
        let path = format!("/conversations/{id}/messages");
        let (ana, ben) = (house.with_token("ana"), house.with_token("ben"));
        let (a, b) = tokio::join!(
            ana.post(&path, json!({"body": "from ana"})),
            ben.post(&path, json!({"body": "from ben"}))
        );
        let (winner, loser, loser_said) = if a.status == 201 {
            ("ana", b, "from ben")
        } else {
            ("ben", a, "from ana")
        };
        loser.is_problem(409);
        assert_eq!(loser.json["answered_by"], winner);
        assert_eq!(loser.json["draft"], loser_said);
        assert_eq!(loser.json["detail"], format!("answered by {winner}"));
        let thread = ana.get(&format!("/conversations/{id}")).await;
        assert_eq!(thread.json["claimed_by"], winner);
        assert_eq!(thread.json["messages"].as_array().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn claim_release_close_and_open_again() {
    let house = House::open().await;
    available(&house, &["ana", "ben"]).await;
    let id = house.text("+15551230100", "hello").await;
    let (ana, ben) = (house.with_token("ana"), house.with_token("ben"));
    let at = |what: &str| format!("/conversations/{id}/{what}");

    let claimed = ana.post(&at("claim"), json!({})).await;
    claimed.is(200);
    assert_eq!(claimed.json["claimed_by"], "ana");
    ben.post(&at("claim"), json!({})).await.is_problem(409);
    ben.post(&at("close"), json!({})).await.is_problem(403);
    let released = ana.post(&at("release"), json!({})).await;
    released.is(200);
    assert_eq!(released.json["claimed_by"], Value::Null);
    ben.post(&at("messages"), json!({"body": "hi"}))
        .await
        .is(201);
    let closed = ben.post(&at("close"), json!({})).await;
    assert_eq!(closed.is(200).json["state"], "closed");

    assert!(ids(&ana.get("/conversations").await).is_empty());
    assert_eq!(ids(&ana.get("/conversations?state=closed").await), [id.0]);
    assert_eq!(ids(&ana.get("/conversations?state=all").await), [id.0]);
    ben.post(&at("messages"), json!({"body": "one more thing"}))
        .await
        .is(201);
    assert_eq!(ids(&ana.get("/conversations").await), [id.0]);
}

#[tokio::test]
async fn handing_over() {
    let house = House::open().await;
    available(&house, &["ana", "ben", "cara"]).await;
    let id = house.text("+15551230100", "hello").await;
    let (ana, cara) = (house.with_token("ana"), house.with_token("cara"));
    let at = |what: &str| format!("/conversations/{id}/{what}");
    ana.post(&at("claim"), json!({})).await.is(200);

    // Cara does not see the queue `desk`.
    cara.get(&format!("/conversations/{id}"))
        .await
        .is_problem(404);
    ana.post(&at("transfer"), json!({"to": "nobody"}))
        .await
        .is_problem(422);
    let long = "x".repeat(1001);
    ana.post(&at("transfer"), json!({"to": "cara", "note": long}))
        .await
        .is_problem(422);
    let offered = ana
        .post(
            &at("transfer"),
            json!({"to": "reference", "note": "asks about maps"}),
        )
        .await;
    offered.is(200);
    assert_eq!(offered.json["transfer"]["to"], "queue:reference");
    assert_eq!(offered.json["transfer"]["note"], "asks about maps");

    // Being handed over lets her read, and take it.
    assert_eq!(ids(&cara.get("/conversations").await), [id.0]);
    let taken = cara.post(&at("claim"), json!({})).await;
    assert_eq!(taken.is(200).json["claimed_by"], "cara");
    assert_eq!(taken.json["transfer"], Value::Null);

    assert_eq!(taken.json["queue"], "reference");
    assert_eq!(taken.json["home"], "desk");
    ana.get(&format!("/conversations/{id}"))
        .await
        .is_problem(404);

    // And back, by the queue's full name.
    let back = cara
        .post(&at("transfer"), json!({"to": "queue:desk"}))
        .await;
    assert_eq!(back.is(200).json["transfer"]["to"], "queue:desk");
    assert_eq!(ids(&ana.get("/conversations").await), [id.0]);
}

#[tokio::test]
async fn failed_messages_can_be_sent_again() {
    let house = House::open().await;
    available(&house, &["ana"]).await;
    let id = house.text("+15551230100", "hello").await;
    let ana = house.with_token("ana");
    let path = format!("/conversations/{id}/messages");
    let sent = ana.post(&path, json!({"body": "hi"})).await;
    let message = sent.json["id"].as_i64().unwrap();
    ana.post(&format!("{path}/{message}/retry"), json!({}))
        .await
        .is_problem(409);
    house
        .delivery(
            id,
            message,
            DeliveryState::Failed,
            Some("the SIM has no credit"),
        )
        .await;
    let thread = ana.get(&format!("/conversations/{id}")).await;
    assert_eq!(thread.json["messages"][1]["state"], "failed");
    assert_eq!(
        thread.json["messages"][1]["reason"],
        "the SIM has no credit"
    );
    let again = ana
        .post(&format!("{path}/{message}/retry"), json!({}))
        .await;
    again.is(200);
    assert_eq!(again.json["id"], message);
    assert_eq!(again.json["state"], "queued");
    ana.post(&format!("{path}/999/retry"), json!({}))
        .await
        .is_problem(404);
}

#[tokio::test]
async fn answers_have_bounds() {
    let house = House::open().await;
    let id = house.text("+15551230100", "hello").await;
    let path = format!("/conversations/{id}/messages");
    let ana = house.with_token("ana");
    for (body, client_id) in [
        ("", None),
        (" \n\t ", None),
        ("hi", Some(String::new())),
        ("hi", Some("k".repeat(201))),
    ] {
        ana.post(&path, json!({"body": body, "client_id": client_id}))
            .await
            .is_problem(422);
    }
    let most = "a".repeat(1530);
    let over = ana.post(&path, json!({"body": format!("{most}b")})).await;
    over.is_problem(422);
    assert!(over.json["detail"].as_str().unwrap().contains("e-mail"));
    assert_eq!(over.json["draft"].as_str().unwrap().len(), 1531);
    ana.post(&path, json!({"body": most})).await.is(201);

    let huge = "a".repeat(100_000);
    ana.post(&path, json!({"body": huge})).await.is_problem(413);
}

#[tokio::test]
async fn lists_have_pages() {
    let house = House::open().await;
    let mut all = Vec::new();
    for n in 0..7 {
        all.push(house.text(&format!("+1555123{n:04}"), "hello").await.0);
    }
    let ana = house.with_token("ana");
    let mut seen = Vec::new();
    let mut path = "/conversations?limit=3".to_owned();
    loop {
        let page = ana.get(&path).await;
        seen.extend(ids(page.is(200)));
        match page.json["next"].as_str() {
            Some(next) => path = format!("/conversations?limit=3&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, all);
    // A full last page does not promise another.
    let exact = ana.get("/conversations?limit=7").await;
    assert_eq!(exact.json["next"], Value::Null);
    assert_eq!(ids(&ana.get("/conversations?queue=desk").await), all);
    assert!(ids(&ana.get("/conversations?queue=reference").await).is_empty());
    assert!(ids(&ana.get("/conversations?state=claimed").await).is_empty());
    for query in [
        "cursor=garbage",
        "cursor=-1",
        "cursor=",
        "cursor=99999999999999999999",
        "limit=0",
        "limit=501",
        "limit=many",
        "state=open",
        "state=held,nonsense",
        "limit=1&limit=2",
    ] {
        ana.get(&format!("/conversations?{query}"))
            .await
            .is_problem(400);
    }
    // Understood, and nothing of this desk's.
    ana.get("/conversations?queue=nowhere")
        .await
        .is_problem(422);
}

/// A notice of the desk's own is the latest word, and nobody picks a conversation by it.
#[tokio::test]
async fn what_is_asked_stays_in_sight_behind_a_notice() {
    let house = House::open().await;
    let id = house.text("+15551230100", "Is my book in?").await;
    let ana = house.with_token("ana");
    let held = ana.get("/conversations").await.json["items"][0].clone();
    assert_eq!(held["latest"]["author_kind"], "desk", "{held}");
    assert_eq!(held["asked"], "Is my book in?");
    house.text("+15551230100", "The Le Guin one.").await;
    let again = ana.get("/conversations").await.json["items"][0].clone();
    assert_eq!(again["latest"]["body"], "The Le Guin one.");
    assert_eq!(again["asked"], Value::Null);
    available(&house, &["ana"]).await;
    let path = format!("/conversations/{id}/messages");
    ana.post(&path, json!({"body": "It is."})).await.is(201);
    let answered = ana.get("/conversations").await.json["items"][0].clone();
    assert_eq!(answered["asked"], Value::Null);
}

/// JSON knows one kind of number: a program that writes its integers with a point means integers.
#[tokio::test]
async fn a_whole_number_may_be_written_with_a_point() {
    let house = House::open().await;
    house.hire_admin("root").await;
    let root = house.with_token("root");
    for (days, status) in [
        (json!(14.0), 200),
        (json!(1.4e1), 200),
        (json!(14.5), 422),
        (json!(1e300), 422),
        (json!(-0.0), 422),
        (json!("14"), 422),
    ] {
        let answer = root.put("/box/retention", json!({"days": days})).await;
        assert_eq!(answer.status, status, "{days}: {}", answer.text());
    }
    let kept = root.get("/box").await.json["retention"]["seconds"].clone();
    assert_eq!(kept, 14 * 86_400);
}

#[tokio::test]
async fn nobody_sees_what_is_not_theirs() {
    let house = House::open().await;
    available(&house, &["ana"]).await;
    let id = house.text("+15551230100", "for the desk alone").await;
    let ana = house.with_token("ana");
    let sent = ana
        .post(
            &format!("/conversations/{id}/messages"),
            json!({"body": "hi"}),
        )
        .await;
    let message = sent.json["id"].as_i64().unwrap();
    let cara = house.with_token("cara");
    let anonymous = house.anonymous();
    assert!(ids(&cara.get("/conversations?state=all").await).is_empty());

    // What is somebody else's and what is not there look the same.
    for id in [
        id.0.to_string(),
        "999".into(),
        "-1".into(),
        "x".into(),
        "99999999999999999999".into(),
    ] {
        let mut seen = Vec::new();
        for (method, path, body) in [
            (Method::GET, format!("/conversations/{id}"), None),
            (
                Method::POST,
                format!("/conversations/{id}/messages"),
                Some(json!({"body": "hi"})),
            ),
            (
                Method::POST,
                format!("/conversations/{id}/messages/{message}/retry"),
                None,
            ),
            (Method::POST, format!("/conversations/{id}/claim"), None),
            (Method::POST, format!("/conversations/{id}/release"), None),
            (Method::POST, format!("/conversations/{id}/close"), None),
            (
                Method::POST,
                format!("/conversations/{id}/transfer"),
                Some(json!({"to": "cara"})),
            ),
        ] {
            let answer = cara.call(method.clone(), &path, body.clone()).await;
            answer.is_problem(404);
            seen.push(answer.json["detail"].clone());
            anonymous.call(method, &path, body).await.is_problem(401);
        }
        assert!(seen.iter().all(|detail| *detail == seen[0]), "{seen:?}");
    }
    let thread = ana.get(&format!("/conversations/{id}")).await;
    assert_eq!(thread.json["messages"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_desk_describes_itself() {
    let house = House::open().await;
    available(&house, &["ana"]).await;
    house.text("+15551230100", "hello").await;
    let ana = house.with_token("ana");
    let queues = ana.get("/queues").await;
    let of = |name: &str| {
        let items = queues.json["items"].as_array().unwrap();
        items.iter().find(|q| q["name"] == name).unwrap().clone()
    };
    assert_eq!(of("desk")["online"], true);
    assert_eq!(of("desk")["assigned"], true);
    assert_eq!(of("desk")["operators"], json!(["ana", "ben"]));
    assert_eq!(of("reference")["online"], false);
    assert_eq!(of("reference")["assigned"], false);
    let operators = ana.get("/operators").await;
    assert_eq!(operators.json["items"][0]["name"], "ana");
    assert_eq!(operators.json["items"][0]["show"], "available");
    assert_eq!(operators.json["items"][1]["show"], "offline");
    let gateways = ana.get("/gateways").await;
    assert_eq!(gateways.json["items"][0]["kind"], "sms");
    assert_eq!(gateways.json["items"][0]["queue"], "desk");
    assert_eq!(gateways.json["items"][0]["offline"], "hold");
    assert_eq!(ana.get("/modems").await.json["items"], json!([]));
    let status = ana.get("/status").await;
    assert_eq!(status.json["library"], "Elm Library");
    assert_eq!(status.json["conversations"]["waiting"], 1);
    assert_eq!(status.json["available"], json!(["ana"]));
}

#[tokio::test]
async fn every_mistake_is_answered_with_a_remedy() {
    let house = House::open().await;
    let ana = house.with_token("ana");
    ana.get("/nowhere").await.is_problem(404);
    ana.call(Method::DELETE, "/queues", None)
        .await
        .is_problem(405);
    ana.call(Method::POST, "/presence", Some(json!({})))
        .await
        .is_problem(405);
    for (body, status) in [
        ("{", 400),
        ("", 400),
        ("not json", 400),
        ("[]", 422),
        (r#"{"show": 3}"#, 422),
        (r#"{"show": "gone"}"#, 422),
        (r"{}", 422),
        ("\u{0}", 400),
    ] {
        let request = ana
            .request(Method::PUT, "/api/v1/presence")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .unwrap();
        ana.send(request).await.is_problem(status);
    }
    let form = ana
        .request(Method::PUT, "/api/v1/presence")
        .header(header::CONTENT_TYPE, "text/plain")
        .body(Body::from(r#"{"show": "away"}"#))
        .unwrap();
    ana.send(form).await.is_problem(415);
    let not_utf8 = ana
        .request(Method::PUT, "/api/v1/presence")
        .body(Body::from(&b"{\"show\": \"\xff\"}"[..]))
        .unwrap();
    ana.send(not_utf8).await.is_problem(400);
}

/// What a path does not name is called what it is, also where its letters cannot be a name.
#[tokio::test]
async fn what_is_not_there_is_called_what_it_is() {
    let house = House::open().await;
    house.hire_admin("root").await;
    let root = house.with_token("root");
    for (path, noun) in [
        ("/modems/%FF/signal", "line"),
        ("/modems/nowhere/signal", "line"),
        ("/modems/nowhere/trace", "line"),
        ("/conversations/%FF", "conversation"),
        ("/conversations/first", "conversation"),
        ("/conversations/999999", "conversation"),
        ("/gateways/%FF/notices", "gateway"),
        ("/operators/%FF/addresses", "operator"),
        ("/backups/%FF", "backup"),
    ] {
        let answer = root.get(path).await;
        answer.is_problem(404);
        let words = answer.json["detail"].as_str().unwrap();
        assert!(
            words.contains(&format!("no such {noun}")),
            "{path}: {words}"
        );
    }
}
