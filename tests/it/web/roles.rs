//! Every route as every role: who gets in, and who is told why not. A route that the table does not
//! name fails the test: decide who may.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{Method, header};
use callnumber::routing::Role;
use serde_json::{Value, json};

use super::house::{Client, House};

/// Who may: a route answers those below with 401 or 403.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Door {
    Anybody,
    Operator,
    Coordinator,
    Admin,
}

use Door::{Admin, Anybody, Coordinator, Operator};

/// Each operation of the API, by its name in the description.
pub const OPERATIONS: &[(&str, Door)] = &[
    ("signIn", Anybody),
    ("describe", Anybody),
    ("signOut", Operator),
    ("setPresence", Operator),
    ("followEvents", Operator),
    ("listConversations", Operator),
    ("beginConversation", Operator),
    ("readConversation", Operator),
    ("sendMessage", Operator),
    ("retryMessage", Operator),
    ("claimConversation", Operator),
    ("releaseConversation", Operator),
    ("closeConversation", Operator),
    ("transferConversation", Operator),
    ("attachFile", Operator),
    ("tellTyping", Operator),
    ("reopenConversation", Operator),
    ("addNote", Operator),
    ("setTags", Operator),
    ("setPromise", Operator),
    ("blockSender", Operator),
    ("unblockSender", Operator),
    ("revealNumber", Operator),
    ("listQueues", Operator),
    ("listOperators", Operator),
    ("listGateways", Operator),
    ("listModems", Operator),
    ("readStatus", Operator),
    ("getWidget", Operator),
    ("listCanned", Operator),
    ("listNotices", Operator),
    ("previewNotice", Operator),
    ("setPassword", Operator),
    ("listTokens", Operator),
    ("addToken", Operator),
    ("revokeToken", Operator),
    ("search", Operator),
    ("exportConversation", Operator),
    ("report", Coordinator),
    ("reportCsv", Coordinator),
    ("reportPicture", Coordinator),
    ("addCanned", Coordinator),
    ("setCanned", Coordinator),
    ("removeCanned", Coordinator),
    ("setOperator", Coordinator),
    ("addOperator", Admin),
    ("removeOperator", Admin),
    ("setWidget", Admin),
    ("listArrivals", Admin),
    ("showArrival", Admin),
    ("listAudit", Admin),
    ("exportTranscripts", Admin),
    ("amendDesk", Admin),
    ("readBox", Admin),
    ("setRetention", Admin),
    ("listBackups", Admin),
    ("makeBackup", Admin),
    ("takeBackup", Admin),
    ("makeLink", Admin),
    ("listAddresses", Admin),
    ("setAddresses", Admin),
    ("exportDesk", Admin),
    ("importDesk", Admin),
    ("unlockSim", Admin),
    ("testLine", Admin),
    ("setAlerts", Admin),
    ("tryAlerts", Admin),
    ("takeTranscripts", Admin),
    ("resumeLine", Admin),
    ("readSignal", Operator),
    ("readTrace", Admin),
    ("beginTrace", Admin),
    ("endTrace", Admin),
    ("takeTrace", Admin),
    ("askUssd", Admin),
    ("shutOut", Admin),
    ("readHealth", Admin),
    ("examineBox", Admin),
    ("setLog", Admin),
    ("readFile", Admin),
];

/// Operations another table of this repository's tests holds, because they bring their own words.
fn body_for(name: &str) -> Value {
    match name {
        "signIn" => json!({"name": "nobody", "password": "wrong"}),
        "setPresence" => json!({"show": "away"}),
        "addCanned" | "setCanned" => json!({"key": "hours", "queue": null, "text": "Until 8."}),
        "setOperator" => json!({"queues": ["reference"]}),
        "addOperator" => json!({"name": "new", "role": "operator", "queues": ["desk"]}),
        "amendDesk" => json!({"change": "add_queue", "name": "maps"}),
        "importDesk" => json!("callnumber_desk = 1\n[[queue]]\nname = \"atlases\"\n"),
        "setWidget" => json!({}),
        "addToken" => json!({"label": "mine"}),
        "setTags" => json!({"tags": []}),
        "setRetention" => json!({"days": 14}),
        "setAlerts" => json!({
            "email": [], "phones": [], "line_after_s": 600, "waiting_after_s": 600, "disk_free_mb": 200,
        }),
        "setAddresses" => json!({"jids": []}),
        "addNote" | "setPromise" => json!({"text": "x"}),
        "sendMessage" => json!({"body": "x", "client_id": "x"}),
        "transferConversation" => json!({"to": "ben", "note": ""}),
        "beginConversation" => json!({"to": "+15551239999", "body": "x"}),
        "askUssd" => json!({"code": "*100#"}),
        "setLog" => json!({"level": "usual"}),
        "unlockSim" => json!({"pin": "4711"}),
        "setPassword" => json!({"current": "x", "new": "another one"}),
        _ => json!({}),
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
    let doors: BTreeMap<&str, Door> = OPERATIONS.iter().copied().collect();
    let house = House::open().await;
    let callers = everyone(&house).await;
    let page = house.anonymous().get("/openapi.json").await.json;
    let mut walked = 0;
    for (path, operations) in page["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            let door = *doors
                .get(name)
                .unwrap_or_else(|| panic!("{name}: who may? Say so in OPERATIONS"));
            // Things that are not there: who may ask is decided before, or gets 404.
            let address = path
                .split('/')
                .map(|part| {
                    if part.starts_with('{') {
                        "999999"
                    } else {
                        part
                    }
                })
                .collect::<Vec<_>>()
                .join("/");
            let address = match name {
                "setOperator" => "/operators/cara".to_owned(),
                "removeOperator" => "/operators/ben".to_owned(),
                "setCanned" | "removeCanned" => "/canned/hours".to_owned(),
                _ => address,
            };
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
                let body = operation["requestBody"].is_object().then(|| body_for(name));
                let answer = client
                    .call_described(operation, method.clone(), &address, body)
                    .await;
                let status = answer.status.as_u16();
                let kept_out = [401, 403].contains(&status);
                if *role < door {
                    let expected = if *role == Anybody { 401 } else { 403 };
                    assert_eq!(status, expected, "{at}: {}", answer.text());
                } else if name != "signIn" && name != "setPassword" {
                    assert!(!kept_out, "{at}: {status} {}", answer.text());
                }
                assert!(status < 500, "{at}: {status} {}", answer.text());
            }
            walked += 1;
        }
    }
    assert_eq!(
        walked,
        OPERATIONS.len(),
        "the table names what is not there"
    );
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
