//! One good call of each operation of the API, on a desk where it makes sense. The contract test
//! makes them, and the guide is written from them.

use callnumber::routing::{Amendment, ConversationId, DeliveryState, GatewayKind, Role};
use callnumber::spool::inbox;
use callnumber::web::Settings;
use serde_json::{Value, json};

use super::house::House;

/// A copy that was made at some time.
const BACKUP: &str = "callnumber-20261126T150405Z.db";
/// The PIN that the SIM of the stage's line waits for.
const PIN: &str = "4711";

/// A desk with an admin, `ada`, a widget, `ask`, `ana` and `ben` on duty, and a line whose SIM waits
/// for its PIN.
pub async fn stage() -> House {
    let settings = Settings {
        library: "Elm Library".into(),
        public_url: Some("https://desk.elm.example".into()),
        ..Settings::default()
    };
    let house = House::open_driving(settings, PIN).await;
    house.hire("ada", "desk").await;
    house.promote("ada", Role::Admin).await;
    house
        .amend(Amendment::AddGateway {
            name: "ask".into(),
            kind: GatewayKind::Widget,
            queue: "desk".into(),
            line: None,
            policy: None,
        })
        .await;
    for name in ["ana", "ben"] {
        house
            .with_token(name)
            .put("/presence", json!({"show": "available"}))
            .await
            .is(200);
    }
    house
}

/// A call as it should be.
pub struct Example {
    /// The conversation it is about, where it is about one: claimed by ana, whose answer failed.
    pub conversation: ConversationId,
    /// The path below `/api/v1`, filled in.
    pub address: String,
    /// The body, where there is one.
    pub body: Option<Value>,
    /// Whose token goes with it.
    pub by: &'static str,
}

/// Makes the desk ready for an operation, and the call of it. `number` is the patron's.
pub async fn example(house: &House, path: &str, operation: &Value, number: &str) -> Example {
    let name = operation["operationId"].as_str().unwrap();
    let (ana, ada) = (house.with_token("ana"), house.with_token("ada"));
    let id = house.text(number, "Is my book in?").await;
    let sent = ana
        .post(
            &format!("/conversations/{id}/messages"),
            json!({"body": "Yes, until Friday."}),
        )
        .await;
    let message = sent.is(201).json["id"].as_i64().unwrap();
    house
        .delivery(id, message, DeliveryState::Failed, Some("no credit"))
        .await;
    let before = match name {
        "claimConversation" => Some("release"),
        "reopenConversation" => Some("close"),
        "unblockSender" => Some("block"),
        _ => None,
    };
    if let Some(before) = before {
        let path = format!("/conversations/{id}/{before}");
        ana.post(&path, json!({})).await.is(200);
    }
    let mut arrival = 0;
    match name {
        "setCanned" | "removeCanned" | "listCanned" => {
            let canned = json!({"key": name.to_lowercase(), "text": "Until 8."});
            ada.post("/canned", canned).await.is(201);
        }
        "makeLink" | "listAddresses" | "setAddresses" => {
            house.hire(&name.to_lowercase(), "desk").await;
        }
        "listArrivals" | "showArrival" => {
            let now = house.spool.now();
            let kept = house.spool.write(move |connection| {
                let mut digest = [0; 16];
                digest[..8].copy_from_slice(&message.to_be_bytes());
                let pdu = b"+CMGL: 3,1,,24\n00@4zz".to_vec();
                let raw = inbox::Raw { digest, pdu };
                let kept = inbox::keep(connection, "front-desk", &[raw], now)?;
                inbox::set_aside(connection, &[kept[0].id], "it is no PDU")?;
                Ok(kept[0].id.0)
            });
            arrival = kept.await.unwrap();
        }
        "listBackups" | "takeBackup" => {
            let folder = house.spool.path().with_file_name("backups");
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(BACKUP), "SQLite format 3\0").unwrap();
        }
        "endTrace" | "takeTrace" => {
            // Another example may have begun it.
            ada.post("/modems/front-desk/trace", json!({})).await;
        }
        "beginTrace" => {
            let line = house.lines.named("front-desk").unwrap();
            line.end_trace().await;
        }
        "tryAlerts" => {
            let alerts = json!({
                "email": [], "phones": ["+15551230199"], "line_after_s": 600, "waiting_after_s": 600,
                "disk_free_mb": 200,
            });
            ada.put("/box/alerts", alerts).await.is(200);
        }
        "askUssd" => {
            // Another example may have unlocked it.
            let pin = json!({"pin": PIN});
            ada.post("/modems/front-desk/pin", pin).await;
        }
        "readHealth" => {
            ada.post("/box/health", json!({})).await.is(202);
            while ada.get("/box/health").await.json["running"] == true {
                tokio::task::yield_now().await;
            }
        }
        "setOperator" | "removeOperator" | "shutOut" => {
            house.hire(&name.to_lowercase(), "desk").await
        }
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
        "listNotices" | "previewNotice" | "listKeywords" | "previewKeyword" | "unlockSim"
        | "testLine" | "resumeLine" | "readSignal" | "askUssd" | "readTrace" | "beginTrace"
        | "endTrace" | "takeTrace" => "front-desk".to_owned(),
        "takeBackup" => BACKUP.to_owned(),
        _ => name.to_lowercase(),
    };
    let address = match path {
        "/search" => "/search?q=book",
        path => path,
    };
    let address = address
        .replace("{key}", &name.to_lowercase())
        .replace("{name}", &named)
        .replace("{token}", &token)
        .replace("{id}", &id.to_string())
        .replace("{message}", &message.to_string())
        .replace("{arrival}", &arrival.to_string())
        .replace("{gateway}", "ask");
    let for_an_admin = ["desk", "staff"].contains(&operation["tags"][0].as_str().unwrap());
    Example {
        conversation: id,
        address,
        body: body(operation),
        by: if for_an_admin { "ada" } else { "ana" },
    }
}

/// The body that the description has as an example; a patron's file is any octets, plain text here.
pub fn body(operation: &Value) -> Option<Value> {
    let kinds = operation.pointer("/requestBody/content")?.as_object()?;
    let (kind, content) = kinds.iter().next()?;
    let example = content.get("example");
    Some(
        example
            .unwrap_or_else(|| panic!("{kind}: no example of a body: {operation}"))
            .clone(),
    )
}
