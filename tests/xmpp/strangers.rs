//! The stories once more, with clients made of slixmpp.

use callnumber::routing::DeliveryState;
use serde_json::json;

use crate::library::Desk;
use crate::server::Server;
use crate::slixmpp::Slixmpp;

const QUEUE: &str = "desk@desk.example.org";

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
    desk.house.close().await;
}

pub(crate) async fn a_patron_with_slixmpp_finds_the_desk_and_is_answered(server: Server) {
    let desk = Desk::open(&server).await;
    let mut ana = Slixmpp::connect(&server, "ana", "slixmpp").await;
    ana.does(json!(["presence", QUEUE])).await;
    ana.hears("presence", |p| {
        p["status"]
            .as_str()
            .is_some_and(|s| s.contains("librarian"))
    })
    .await;

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
    // A link travels as text, both ways.
    let picture = "https://example.org/cover.png";
    pat.does(json!(["link", QUEUE, picture])).await;
    ana.reads(picture).await;
    let answer = ana.says(&patron, "Good morning.").await;
    let reply = pat.reads("Good morning.").await;
    assert_eq!(reply["sender"], QUEUE);
    // Her client says by itself that it has it; only then does the librarian's receipt come.
    ana.hears("receipt", |r| r["id"] == answer.as_str()).await;
    desk.house.close().await;
}
