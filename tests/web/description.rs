//! The API's description, held against the API.

use std::collections::BTreeSet;

use axum::http::Method;
use callnumber::routing::{Amendment, GatewayKind, Role};
use callnumber::web::Settings;
use serde_json::{Value, json};

use crate::house::{Answer, House};

/// Follows `#/…` references.
fn resolve<'a>(page: &'a Value, mut schema: &'a Value) -> &'a Value {
    while let Some(reference) = schema["$ref"].as_str() {
        schema = page
            .pointer(reference.trim_start_matches('#'))
            .unwrap_or_else(|| panic!("{reference} leads nowhere"));
    }
    schema
}

/// Holds a value against a schema: types, enumerations, required and unknown keys.
fn check(page: &Value, schema: &Value, value: &Value, at: &str) {
    let schema = resolve(page, schema);
    if let Some(all) = schema["allOf"].as_array() {
        // Parts know only their own keys; together they must know them all.
        let mut known = BTreeSet::new();
        for part in all {
            let part = resolve(page, part);
            let properties = part["properties"].as_object().unwrap();
            known.extend(properties.keys().cloned());
            for (key, schema) in properties {
                check(page, schema, &value[key], &format!("{at}.{key}"));
            }
        }
        let keys: BTreeSet<String> = value.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, known, "{at}");
        return;
    }
    if let Some(any) = schema["oneOf"].as_array() {
        let part = any
            .iter()
            .find(|part| (part["type"] == "null") == value.is_null())
            .unwrap_or_else(|| panic!("{at}: {value} is none of {schema}"));
        if !value.is_null() {
            check(page, part, value, at);
        }
        return;
    }
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{at}: {value} is not in {schema}");
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let allowed = match &schema["type"] {
        Value::String(one) => one == kind,
        Value::Array(several) => several.iter().any(|one| one == kind),
        _ => panic!("{at}: {schema} has no type"),
    };
    assert!(allowed, "{at}: {value} is not {schema}");
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        for (n, value) in values.iter().enumerate() {
            check(page, items, value, &format!("{at}[{n}]"));
        }
    }
    if schema["additionalProperties"] == true {
        return;
    }
    if let (Some(properties), Some(object)) = (schema["properties"].as_object(), value.as_object())
    {
        for required in schema["required"].as_array().into_iter().flatten() {
            let key = required.as_str().unwrap();
            assert!(object.contains_key(key), "{at}: {key} is missing");
        }
        for (key, value) in object {
            let schema = properties
                .get(key)
                .unwrap_or_else(|| panic!("{at}: {key} is not described"));
            check(page, schema, value, &format!("{at}.{key}"));
        }
    }
}

fn hold(page: &Value, operation: &Value, answer: &Answer, at: &str) {
    let responses = operation["responses"].as_object().unwrap();
    let status = answer.status.as_u16().to_string();
    let described = responses
        .get(&status)
        .unwrap_or_else(|| panic!("{at}: {status} is not described: {}", answer.text()));
    let described = resolve(page, described);
    let kind = answer
        .headers
        .get("content-type")
        .map(|kind| kind.to_str().unwrap().split(';').next().unwrap().to_owned());
    match described["content"].as_object() {
        None => assert!(answer.body.is_empty(), "{at}: {}", answer.text()),
        Some(content) => {
            let kind = kind.unwrap();
            let media = content
                .get(&kind)
                .unwrap_or_else(|| panic!("{at}: {kind} is not described"));
            match kind.as_str() {
                "application/json" | "application/problem+json" => {
                    check(page, &media["schema"], &answer.json, at);
                }
                _ => assert!(!answer.text().is_empty(), "{at}"),
            }
        }
    }
}

#[tokio::test]
async fn every_operation_is_as_described() {
    let house = House::open_with(Settings {
        library: "Elm Library".into(),
        public_url: Some("https://desk.elm.example".into()),
        ..Settings::default()
    })
    .await;
    let page = house.anonymous().get("/openapi.json").await;
    page.is(200);
    let page = page.json;
    assert_eq!(page["openapi"], "3.1.0");
    assert_eq!(page["info"]["version"], env!("CARGO_PKG_VERSION"));
    let (ana, ben) = (house.with_token("ana"), house.with_token("ben"));
    house.hire("ada", "desk").await;
    house.promote("ada", Role::Admin).await;
    let ada = house.with_token("ada");
    house
        .amend(Amendment::AddGateway {
            name: "ask".into(),
            kind: GatewayKind::Widget,
            queue: "desk".into(),
            line: None,
            policy: None,
        })
        .await;
    for client in [&ana, &ben] {
        client.put("/presence", json!({"show": "available"})).await;
    }

    let mut walked = 0;
    for (path, operations) in page["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            let at = format!("{name} ({method} {path})");
            // A conversation claimed by ana, with an answer that failed.
            let id = house.text(&format!("+1555126{walked:04}"), "hello").await;
            let sent = ana
                .post(
                    &format!("/conversations/{id}/messages"),
                    json!({"body": "hi"}),
                )
                .await;
            let message = sent.json["id"].as_i64().unwrap();
            house
                .delivery(
                    id,
                    message,
                    callnumber::routing::DeliveryState::Failed,
                    Some("no credit"),
                )
                .await;
            if name == "claimConversation" {
                ana.post(&format!("/conversations/{id}/release"), json!({}))
                    .await
                    .is(200);
            }
            match name {
                "reopenConversation" => {
                    ana.post(&format!("/conversations/{id}/close"), json!({}))
                        .await
                        .is(200);
                }
                "unblockSender" => {
                    ana.post(&format!("/conversations/{id}/block"), json!({}))
                        .await
                        .is(200);
                }
                "setCanned" | "removeCanned" => {
                    let canned = json!({"key": name.to_lowercase(), "text": "Until 8."});
                    ada.post("/canned", canned).await.is(201);
                }
                "setOperator" | "removeOperator" => house.hire(&name.to_lowercase(), "desk").await,
                _ => {}
            }
            let token = match name {
                "revokeToken" => ada.post("/tokens", json!({})).await.is(201).json["id"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
                _ => String::new(),
            };
            let named = match name {
                "listNotices" | "previewNotice" => "front-desk".to_owned(),
                _ => name.to_lowercase(),
            };
            let address = path
                .replace("/search", "/search?q=hello")
                .replace("{key}", &name.to_lowercase())
                .replace("{name}", &named)
                .replace("{token}", &token)
                .replace("{id}", &id.to_string())
                .replace("{message}", &message.to_string())
                .replace("{gateway}", "ask");
            let body = match name {
                "signIn" => Some(json!({"name": "ana", "password": crate::house::PASSWORD})),
                "setPresence" => Some(json!({"show": "available"})),
                "sendMessage" => Some(json!({"body": "hi again", "client_id": "k"})),
                "transferConversation" => Some(json!({"to": "ben", "note": "yours?"})),
                "beginConversation" => Some(json!({"to": "+15551239999", "body": "hi"})),
                "closeConversation" => Some(json!({"text": "goodbye", "client_id": "l"})),
                "addNote" | "setPromise" | "setCanned" => Some(json!({"text": "by four"})),
                "setTags" => Some(json!({"tags": ["fines"]})),
                "addCanned" => Some(json!({"key": "hours", "queue": "desk", "text": "Until 8."})),
                "addOperator" => Some(json!({
                    "name": "dora", "password": "maps and tea", "role": "coordinator",
                    "queues": ["desk"],
                })),
                "setOperator" => Some(json!({"queues": ["reference"]})),
                "setPassword" => Some(json!({
                    "current": crate::house::PASSWORD, "new": "maps and tea",
                })),
                "addToken" => Some(json!({"label": "a script"})),
                "previewNotice" => Some(json!({
                    "notice": "closed", "words": "{library} opens {opening}.",
                })),
                "amendDesk" => Some(json!({"change": "add_queue", "name": "maps"})),
                // Any octets will do for a file: these are plain text.
                "attachFile" => Some(json!("hello")),
                "setWidget" => Some(json!({"origins": ["https://www.elm.example"]})),
                _ => None,
            };
            assert_eq!(
                body.is_some(),
                operation["requestBody"].is_object(),
                "{at}: a body is sent exactly where one is described"
            );
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let open = operation["security"] == json!([]);

            // As it should be.
            if name == "followEvents" {
                let mut feed = ana.follow(None).await;
                assert_eq!(feed.next().await.unwrap().event, "hello");
            } else {
                let client = if name == "signOut" {
                    house.with_session("ana").await
                } else if ["desk", "staff"].contains(&operation["tags"][0].as_str().unwrap()) {
                    ada.clone()
                } else {
                    ana.clone()
                };
                let answer = client.call(method.clone(), &address, body.clone()).await;
                assert!(answer.status.is_success(), "{at}: {}", answer.text());
                hold(&page, operation, &answer, &at);
            }
            // By nobody.
            if !open {
                let answer = house
                    .anonymous()
                    .call(method.clone(), &address, body.clone())
                    .await;
                answer.is_problem(401);
                hold(&page, operation, &answer, &at);
            }
            // With a body that makes no sense, broken, and too large.
            if body.is_some() && name != "attachFile" {
                let answer = ada.call(method.clone(), &address, Some(json!([1]))).await;
                answer.is_problem(422);
                hold(&page, operation, &answer, &at);
                let answer = ada
                    .call(method.clone(), &address, Some(json!("x".repeat(70_000))))
                    .await;
                answer.is_problem(413);
                hold(&page, operation, &answer, &at);
            }
            // Of nothing.
            if path.contains("{id}") || path.contains("{gateway}") {
                let nowhere = path
                    .replace("{id}", "999999")
                    .replace("{message}", "1")
                    .replace("{gateway}", "nowhere");
                let answer = ada.call(method, &nowhere, body).await;
                answer.is_problem(404);
                hold(&page, operation, &answer, &at);
            }
            walked += 1;
        }
    }
    assert!(walked >= 38, "{walked}");
}

#[tokio::test]
async fn events_carry_what_is_described() {
    let house = House::open().await;
    let page = house.anonymous().get("/openapi.json").await.json;
    let ana = house.with_token("ana");
    let mut feed = ana.follow(None).await;
    house.text("+15551230100", "hello").await;
    for (event, schema) in [("conversation", "Conversation"), ("message", "Message")] {
        let mut feed = house.with_token("ben").follow(Some("0")).await;
        let told = feed.until(|told| told.event == event).await;
        check(
            &page,
            &page["components"]["schemas"][schema],
            &told.data,
            event,
        );
    }
    feed.until(|told| told.event == "message").await;
}
