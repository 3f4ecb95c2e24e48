//! The stories once more, with clients made of slixmpp.

use callnumber::routing::DeliveryState;
use serde_json::json;

use super::library::Desk;
use super::server::{PICTURE, Server};
use super::slixmpp::Slixmpp;

const QUEUE: &str = "desk@desk.example.org";

/// Ana, who is there and has seen that the queue knows it.
async fn on_duty(server: &Server) -> Slixmpp {
    let mut ana = Slixmpp::connect(server, "ana", "slixmpp").await;
    ana.does(json!(["presence", QUEUE])).await;
    ana.hears("presence", |p| {
        p["status"]
            .as_str()
            .is_some_and(|s| s.contains("librarian"))
    })
    .await;
    ana
}

pub(crate) async fn a_librarian_with_slixmpp_answers_and_commands(server: Server) {
    let desk = Desk::open(&server).await;
    desk.texts("+15551230100", "Is my book in?").await;

    let mut ana = Slixmpp::connect(&server, "ana", "slixmpp").await;
    ana.does(json!(["subscribe", QUEUE])).await;
    ana.does(json!(["presence", QUEUE])).await;
    ana.hears("presence", |p| {
        p["status"]
            .as_str()
            .is_some_and(|s| s.contains("1 librarian"))
    })
    .await;
    let text = ana.reads("Is my book in?").await;
    let patron = text["sender"].as_str().unwrap().to_owned();
    assert!(patron.starts_with('~'), "{patron}");

    let mut ben = Slixmpp::connect(&server, "ben", "slixmpp").await;
    ben.does(json!(["presence", QUEUE])).await;
    ben.reads("Is my book in?").await;

    let answer = ana.says(&patron, "It is at the desk.").await;
    ben.reads("/me answered by ana").await;
    let late = ben.says(&patron, "I shall look.").await;
    let lost = ben.hears("error", |e| e["id"] == late.as_str()).await;
    assert_eq!(lost["condition"], "conflict");
    assert_eq!(lost["text"], "answered by ana");
    assert_eq!(lost["body"], "I shall look.");
    assert_eq!(
        desk.sent().await,
        [("It is at the desk.".to_owned(), DeliveryState::Queued)]
    );
    // The receipt goes up only once the network reports.
    desk.line_delivers("It is at the desk.").await;
    ana.hears("receipt", |r| r["id"] == answer.as_str()).await;

    ana.does(json!(["command", QUEUE, "who", {}])).await;
    let who = ana.hears("command", |c| c["node"] == "who").await;
    let note = who["note"].as_str().unwrap();
    assert!(note.contains("ana") && note.contains("ben"), "{note}");
    ana.does(json!(["command", QUEUE, "waiting", {}])).await;
    let waiting = ana.hears("command", |c| c["node"] == "waiting").await;
    let name = waiting["note"].as_str().unwrap().split(' ').next().unwrap();
    ana.does(json!(["command", QUEUE, "close", {"patron": name}]))
        .await;
    let closed = ana.hears("command", |c| c["node"] == "close").await;
    assert_eq!(closed["note"], "It is closed.");
    assert_eq!(closed["offered"]["patron"], json!([name]));

    // A file for a telephone goes as its link.
    desk.texts("+15551230101", "Where are the maps?").await;
    let other = ana.reads("Where are the maps?").await;
    let other = other["sender"].as_str().unwrap();
    let map = "https://upload.example.org/b2/map.png";
    ana.does(json!(["link", other, map])).await;
    ana.hears("said", |_| true).await;
    ben.reads("/me answered by ana").await;
    let sent = desk.sent().await;
    assert!(sent.iter().any(|(body, _)| body == map), "{sent:?}");
    let secret = "aesgcm://upload.example.org/c3/map.png#0123";
    let refused = ana.says(other, secret).await;
    let refused = ana.hears("error", |e| e["id"] == refused.as_str()).await;
    assert_eq!(refused["condition"], "not-acceptable");
    assert_eq!(desk.sent().await.len(), sent.len());
    desk.house.close().await;
}

pub(crate) async fn the_desk_has_the_librarys_name_and_picture(server: Server) {
    let desk = Desk::open(&server).await;
    let mut pat = Slixmpp::connect(&server, "pat", "phone").await;
    pat.does(json!(["picture", QUEUE])).await;
    let card = pat.hears("picture", |_| true).await;
    assert_eq!(card["name"], "Elm: desk");
    assert_eq!(card["kind"], "image/png");
    assert_eq!(card["bytes"], hex(PICTURE));
    // By this hash clients know whether they have it already.
    pat.does(json!(["subscribe", QUEUE])).await;
    let presence = pat.hears("presence", |p| p["sender"] == QUEUE).await;
    assert_eq!(presence["photo"], card["sha1"]);
    desk.house.close().await;
}

pub(crate) async fn a_patron_with_slixmpp_finds_the_desk_and_is_answered(server: Server) {
    let desk = Desk::open(&server).await;
    let mut ana = on_duty(&server).await;

    let mut pat = Slixmpp::connect(&server, "pat", "phone").await;
    pat.does(json!(["items", "desk.example.org"])).await;
    let items = pat.hears("items", |_| true).await;
    assert_eq!(items["jids"], json!([QUEUE]));
    pat.does(json!(["identity", "desk.example.org"])).await;
    let identity = pat.hears("identity", |_| true).await;
    assert_eq!(identity["identities"], json!([["gateway", "sms"]]));
    pat.does(json!(["version", QUEUE])).await;
    assert_eq!(pat.hears("version", |_| true).await["name"], "callnumber");
    pat.does(json!(["command", QUEUE, "waiting", {}])).await;
    let refused = pat.hears("refused", |_| true).await;
    assert_eq!(refused["condition"], "forbidden", "{refused}");

    pat.does(json!(["subscribe", QUEUE])).await;
    pat.hears("presence", |p| {
        p["sender"] == QUEUE && p["kind"] == "available"
    })
    .await;
    let hello = pat.says(QUEUE, "Hello?").await;
    pat.hears("receipt", |r| r["id"] == hello.as_str()).await;
    let text = ana.reads("Hello?").await;
    let patron = text["sender"].as_str().unwrap().to_owned();
    assert!(!patron.contains("pat@"), "{patron}");
    // What a client uploaded travels as a link, both ways, and is shown as a file.
    let upload = "https://upload.example.org/a1/cover.png";
    pat.does(json!(["link", QUEUE, upload])).await;
    assert_eq!(ana.reads(upload).await["file"], upload);
    let map = "https://upload.example.org/b2/map.png";
    ana.does(json!(["link", patron, map])).await;
    let shown = pat.reads(map).await;
    assert_eq!(
        (&shown["file"], &shown["sender"]),
        (&json!(map), &json!(QUEUE))
    );
    let answer = ana.says(&patron, "Good morning.").await;
    let reply = pat.reads("Good morning.").await;
    assert_eq!(reply["sender"], QUEUE);
    // Her client says by itself that it has it; only then does the librarian's receipt come.
    ana.hears("receipt", |r| r["id"] == answer.as_str()).await;
    desk.house.close().await;
}

/// A real upload (XEP-0363): to the sender's own server, which the desk has nothing to do with; only
/// the link passes through it.
pub(crate) async fn what_a_client_uploaded_is_on_the_other_side_both_ways(server: Server) {
    let desk = Desk::open(&server).await;
    let mut ana = on_duty(&server).await;
    let mut pat = Slixmpp::connect(&server, "pat", "phone").await;
    let cover = hex(b"\x89PNG\r\n\x1a\n a cover, torn at the corner");
    pat.does(json!(["upload", QUEUE, "cover.png", "image/png", cover]))
        .await;
    let uploaded = pat.hears("uploaded", |_| true).await;
    let link = uploaded["link"].clone();
    pat.hears("receipt", |r| r["id"] == uploaded["id"]).await;
    let shown = ana.reads(link.as_str().unwrap()).await;
    assert_eq!(shown["file"], link);
    let patron = shown["sender"].as_str().unwrap().to_owned();
    ana.does(json!(["download", link])).await;
    let file = ana.hears("download", |_| true).await;
    assert_eq!(
        (&file["bytes"], &file["kind"]),
        (&json!(cover), &json!("image/png"))
    );

    // And the other way round, from the desk's address.
    let map = hex(b"%PDF-1.4 where the maps are");
    ana.does(json!(["upload", patron, "map.pdf", "application/pdf", map]))
        .await;
    let link = ana.hears("uploaded", |_| true).await["link"].clone();
    let shown = pat.reads(link.as_str().unwrap()).await;
    assert_eq!(
        (&shown["file"], &shown["sender"]),
        (&link, &json!(QUEUE)),
        "no librarian's address is shown"
    );
    pat.does(json!(["download", link])).await;
    let file = pat.hears("download", |_| true).await;
    assert_eq!(
        (&file["bytes"], &file["kind"]),
        (&json!(map), &json!("application/pdf"))
    );

    // A telephone has no client: it gets the link in a text.
    desk.texts("+15551230101", "Where are the maps?").await;
    let other = ana.reads("Where are the maps?").await;
    let other = other["sender"].as_str().unwrap();
    ana.does(json!(["upload", other, "map.pdf", "application/pdf", map]))
        .await;
    let link = ana.hears("uploaded", |_| true).await["link"].clone();
    let link = link.as_str().unwrap().to_owned();
    desk.line_delivers(&link).await;
    assert!(
        desk.sent()
            .await
            .contains(&(link, DeliveryState::Delivered))
    );
    desk.house.close().await;
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
