//! The API's description, held against the API.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};

use super::examples::{Example, example, stage};
use super::house::{Answer, Told};
use super::widget::Visitor;

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
        let mut parts: Vec<&Value> = all.iter().collect();
        while let Some(part) = parts.pop() {
            let part = resolve(page, part);
            if let Some(more) = part["allOf"].as_array() {
                parts.extend(more);
                continue;
            }
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
                _ => assert!(!answer.body.is_empty(), "{at}"),
            }
        }
    }
}

#[tokio::test]
async fn every_operation_is_as_described() {
    let house = stage().await;
    let page = house.anonymous().get("/openapi.json").await;
    page.is(200);
    let page = page.json;
    assert_eq!(page["openapi"], "3.1.0");
    assert_eq!(page["info"]["version"], env!("CARGO_PKG_VERSION"));
    let ada = house.with_token("ada");

    let mut walked = 0;
    for (path, operations) in page["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            let at = format!("{name} ({method} {path})");
            let number = format!("+1555126{walked:04}");
            let Example {
                address, body, by, ..
            } = example(&house, path, operation, &number).await;
            assert_eq!(
                body.is_some(),
                operation["requestBody"].is_object(),
                "{at}: a body is sent exactly where one is described"
            );
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let open = operation["security"] == json!([]);

            // As it should be.
            if name == "followEvents" {
                let mut feed = house.with_token(by).follow(None).await;
                assert_eq!(feed.next().await.unwrap().event, "hello");
            } else {
                let client = if name == "signOut" {
                    house.with_session("ana").await
                } else {
                    house.with_token(by)
                };
                let answer = client
                    .call_described(operation, method.clone(), &address, body.clone())
                    .await;
                assert!(answer.status.is_success(), "{at}: {}", answer.text());
                hold(&page, operation, &answer, &at);
            }
            // By nobody.
            if !open {
                let answer = house
                    .anonymous()
                    .call_described(operation, method.clone(), &address, body.clone())
                    .await;
                answer.is_problem(401);
                hold(&page, operation, &answer, &at);
            }
            // With a body that makes no sense, broken, and too large.
            if body.is_some() && name != "attachFile" {
                let (nonsense, large) = match name {
                    "importDesk" => (json!("nonsense"), 3 * 1024 * 1024),
                    _ => (json!([1]), 70_000),
                };
                let answer = ada
                    .call_described(operation, method.clone(), &address, Some(nonsense))
                    .await;
                answer.is_problem(422);
                hold(&page, operation, &answer, &at);
                let large = Some(json!("x".repeat(large)));
                let answer = ada
                    .call_described(operation, method.clone(), &address, large)
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
    assert!(walked >= 79, "{walked}");
}

/// Every event, each on some stream, and each as its schema says.
#[tokio::test]
async fn every_event_is_as_described() {
    let house = stage().await;
    let page = house.anonymous().get("/openapi.json").await.json;
    let stream = "/paths/~1events/get/responses/200/content/text~1event-stream/schema/oneOf";
    let described = page.pointer(stream).unwrap().as_array().unwrap();
    let mut missing: BTreeSet<&str> = described
        .iter()
        .map(|event| event["properties"]["event"]["const"].as_str().unwrap())
        .collect();
    let (ana, ben) = (house.with_token("ana"), house.with_token("ben"));
    let mut late = ben.follow(Some("999999999")).await;
    let mut feed = ana.follow(None).await;

    let id = house.text("+15551230100", "hello").await;
    ben.post(&format!("/conversations/{id}/claim"), json!({}))
        .await
        .is(200);
    let note = json!({"text": "She comes at four."});
    ben.post(&format!("/conversations/{id}/notes"), note)
        .await
        .is(201);
    for client in [&ana, &ben] {
        client
            .put("/presence", json!({"show": "offline"}))
            .await
            .is(200);
    }
    house
        .with_token("ada")
        .post("/modems/front-desk/pin", json!({"pin": "4711"}))
        .await
        .is(204);
    let visitor = Visitor::comes(&house).await;
    ana.put("/presence", json!({"show": "available"}))
        .await
        .is(200);
    visitor.says("Is anybody there?", "k").await.is(201);
    visitor.post("typing", json!({})).await.is(204);
    let name = "maps".into();
    house
        .amend(callnumber::routing::Amendment::AddQueue { name })
        .await;

    for event in ["hello", "reset"] {
        let told = late.until(|told| told.event == event).await;
        hold_event(&page, described, &told);
        missing.remove(event);
    }
    while !missing.is_empty() {
        let told = feed.next().await.expect("the stream goes on");
        hold_event(&page, described, &told);
        missing.remove(told.event.as_str());
    }
}

fn hold_event(page: &Value, described: &[Value], told: &Told) {
    let known = |event: &&Value| event["properties"]["event"]["const"] == told.event;
    let event = described.iter().find(known);
    let event = event.unwrap_or_else(|| panic!("{} is not described", told.event));
    let data = &event["properties"]["data"]["contentSchema"];
    check(page, data, &told.data, &told.event);
}
