//! Every route as every role: who gets in, and who is told why not. Who may is what the description says.

use axum::body::Body;
use axum::http::{Method, header};
use callnumber::routing::{Amendment, Role};
use serde_json::{Value, json};

use super::examples::body;
use super::house::{Client, House, PASSWORD, sha256};

/// Who may: a route answers those below with 401 or 403.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Door {
    Anybody,
    Operator,
    Coordinator,
    Admin,
}

use Door::{Admin, Anybody, Coordinator, Operator};

/// Who may call an operation, by its description.
pub fn door(operation: &Value) -> Door {
    match operation["security"].as_array().unwrap().as_slice() {
        [] => Anybody,
        [first, ..] => match first.pointer("/session/0").and_then(Value::as_str) {
            Some("operator") => Operator,
            Some("coordinator") => Coordinator,
            Some("admin") => Admin,
            other => panic!("{other:?} is no role: {operation}"),
        },
    }
}

async fn everyone(house: &House) -> [(Door, Client); 4] {
    house.hire("coco", "desk").await;
    house.promote("coco", Role::Coordinator).await;
    house.hire_admin("root").await;
    [
        (Anybody, house.anonymous()),
        (Operator, house.with_token("ana")),
        (Coordinator, house.with_token("coco")),
        (Admin, house.with_token("root")),
    ]
}

#[tokio::test]
async fn every_operation_lets_in_whom_it_should() {
    let house = House::open().await;
    let callers = everyone(&house).await;
    let page = house.anonymous().get("/openapi.json").await.json;
    let mut doors = Vec::new();
    for (path, operations) in page["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            let door = door(operation);
            doors.push(door);
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            for (role, client) in &callers {
                let at = format!("{name} as {role:?}");
                if name == "followEvents" {
                    if *role == Anybody {
                        client.get("/events").await.is_problem(401);
                    } else {
                        client.follow(None).await;
                    }
                    continue;
                }
                let own = match role {
                    Anybody | Operator => "ana",
                    Coordinator => "coco",
                    Admin => "root",
                };
                let named = match name {
                    "setOperator" => "cara",
                    "removeOperator" => "ben",
                    "setCanned" | "removeCanned" => "hours",
                    // What everybody may do to themselves.
                    "shutOut" => own,
                    // Things that are not there: who may ask is decided before, or gets 404.
                    _ => "999999",
                };
                let address: Vec<&str> = path
                    .split('/')
                    .map(|part| if part.starts_with('{') { named } else { part })
                    .collect();
                let body = match name {
                    // The same: what it takes stands in the change.
                    "amendDesk" => Some(json!({
                        "change": "revoke_token", "operator": own, "token": "000000000000",
                    })),
                    // The same again, so that the next one gets in.
                    "setPassword" => Some(json!({"current": PASSWORD, "new": PASSWORD})),
                    _ => body(operation),
                };
                let answer = client
                    .call_described(operation, method.clone(), &address.join("/"), body)
                    .await;
                let status = answer.status.as_u16();
                let kept_out = [401, 403].contains(&status);
                if *role < door {
                    let expected = if *role == Anybody { 401 } else { 403 };
                    assert_eq!(status, expected, "{at}: {}", answer.text());
                } else {
                    assert!(!kept_out, "{at}: {status} {}", answer.text());
                }
                assert!(status < 500, "{at}: {status} {}", answer.text());
                if name == "shutOut" && *role != Anybody {
                    let token_hash = sha256(&format!("token-{own}"));
                    house
                        .amend(Amendment::AddToken {
                            operator: own.into(),
                            token_hash,
                            label: None,
                        })
                        .await;
                }
            }
        }
    }
    for (door, least) in [(Anybody, 2), (Operator, 30), (Coordinator, 7), (Admin, 25)] {
        let found = doors.iter().filter(|one| **one == door).count();
        assert!(found >= least, "{door:?}: {found}");
    }
}

/// What more than a role decides: whose thing it is, and what the change is.
#[tokio::test]
async fn others_things_take_an_admin() {
    let house = House::open().await;
    let callers = everyone(&house).await;
    for (role, client) in &callers {
        let expected = match role {
            Anybody => 401,
            Operator | Coordinator => 403,
            Admin => 204,
        };
        let shut_out = client.post("/operators/cara/shut-out", json!({})).await;
        assert_eq!(shut_out.status, expected, "{role:?}");
        let body = json!({"change": "add_queue", "name": "maps"});
        let amended = client.post("/amendments", body).await;
        assert_eq!(amended.status, expected, "{role:?}");
    }
}

#[tokio::test]
async fn every_page_lets_in_whom_it_should() {
    let house = House::open().await;
    let callers = everyone(&house).await;
    for (path, door) in [
        ("/", Operator),
        ("/hand-over", Operator),
        ("/settings", Coordinator),
        ("/sign-in", Anybody),
        ("/assets/console.js", Anybody),
        ("/presence/jid/desk/chat.x/text", Anybody),
        ("/js/libraryh3lp.js", Anybody),
        ("/chat/desk@chat.x", Anybody),
    ] {
        for (role, client) in &callers {
            let request = client.request(Method::GET, path).body(Body::empty());
            let answer = client.send(request.unwrap()).await;
            let status = answer.status.as_u16();
            let at = format!("{path} as {role:?}");
            if *role >= door {
                // Who is signed in already is shown to the desk.
                assert!(status == 200 || path == "/sign-in", "{at}: {status}");
            } else if *role == Anybody {
                assert_eq!(status, 303, "{at}");
                assert_eq!(answer.headers[header::LOCATION], "/sign-in", "{at}");
            } else {
                assert_eq!(status, 403, "{at}");
            }
        }
    }
}

/// A page or file without the strict policy would run whatever found its way into it.
#[tokio::test]
async fn no_page_runs_anything_inline() {
    let house = House::open().await;
    house.hire_admin("root").await;
    let root = house.with_token("root");
    for path in [
        "/",
        "/settings",
        "/sign-in",
        "/enter/x",
        "/nowhere",
        "/chat/desk@chat.x",
    ] {
        let client = if path == "/sign-in" {
            house.anonymous()
        } else {
            root.clone()
        };
        let request = client.request(Method::GET, path).body(Body::empty());
        let answer = client.send(request.unwrap()).await;
        let policy = answer.headers[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap();
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "base-uri 'none'",
            "frame-ancestors",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        let html = answer.text();
        assert!(!html.contains(" style=\""), "{path} has an inline style");
        assert!(!html.contains(" onclick"), "{path} has an inline handler");
        for script in html.split("<script").skip(1) {
            assert!(
                script.contains("src=\"/assets/"),
                "{path} has an inline script"
            );
        }
    }
}
