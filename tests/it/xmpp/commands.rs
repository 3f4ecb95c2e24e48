//! What librarians ask the desk for, as words and as forms.

use callnumber::routing::{Amendment, CannedChange};
use callnumber::spool::audit;
use serde_json::json;

use super::client::{Messenger, attribute, body};
use super::library::Desk;
use super::server::Server;
use super::slixmpp::Slixmpp;

const QUEUE: &str = "desk@desk.example.org";
const NUMBER: &str = "+15551230100";

async fn with_canned(server: &Server) -> Desk {
    let desk = Desk::open(server).await;
    for (key, queue, text) in [
        ("hours", None, "We open at nine."),
        ("hours", Some("desk"), "The desk opens at ten."),
        ("saws", None, "Saws are in the basement."),
    ] {
        let change = CannedChange::Add {
            key: key.into(),
            queue: queue.map(str::to_owned),
            text: text.into(),
        };
        desk.house
            .desk()
            .amend(Amendment::Canned(change))
            .await
            .unwrap();
    }
    desk
}

/// What the audit trail holds of ana, the oldest first.
async fn deeds(desk: &Desk) -> Vec<String> {
    let read = desk.house.spool().read(|c| audit::list(c, None, 100));
    let mut deeds: Vec<_> = read
        .await
        .unwrap()
        .into_iter()
        .filter(|entry| entry.name.as_deref() == Some("ana"))
        .map(|entry| entry.action)
        .collect();
    deeds.reverse();
    deeds
}

async fn sent(desk: &Desk) -> Vec<String> {
    desk.sent()
        .await
        .into_iter()
        .map(|(body, _)| body)
        .collect()
}

fn name_of(patron: &str) -> String {
    let (bare, _) = patron.split_once('@').unwrap();
    bare.trim_start_matches('~').to_owned()
}

pub(crate) async fn words_to_the_desk_note_answer_block_and_reveal(server: Server) {
    let desk = with_canned(&server).await;
    let mut ana = Messenger::connect(&server, "ana", "gajim").await;
    ana.sign_in().await;
    let mut ben = Messenger::connect(&server, "ben", "dino").await;
    ben.send(&format!("<presence/><presence to='{QUEUE}'/>"))
        .await;
    desk.texts(NUMBER, "Do you lend saws?").await;
    let name = name_of(&attribute(
        &ana.expect(&["Do you lend saws?"]).await,
        "from",
    ));
    ben.expect(&["Do you lend saws?"]).await;

    ana.says(QUEUE, "h", "!help").await;
    let help = ana.expect(&["<body>!who"]).await;
    for command in [
        "!note",
        "!canned",
        "!block",
        "!unblock",
        "!reveal",
        "!optout",
        "!transfer",
    ] {
        assert!(help.contains(command), "{command}: {help}");
    }

    // A note reaches colleagues and goes nowhere else.
    ana.says(QUEUE, "n1", &format!("!note {name} she is deaf"))
        .await;
    ana.expect(&["the patron does not"]).await;
    ben.expect(&["/me ana: she is deaf"]).await;
    ana.says(QUEUE, "n2", &format!("!note {name}")).await;
    ana.expect(&["The note is empty"]).await;
    ana.says(QUEUE, "n3", "!note nobody-1 hello").await;
    ana.expect(&["There is no patron"]).await;
    assert_eq!(sent(&desk).await, [""; 0]);

    // A canned reply is an answer; the queue's own comes before the desk's.
    ana.says(QUEUE, "k1", "!canned").await;
    let list = ana.expect(&["<body>hours: "]).await;
    assert!(list.contains("saws: Saws are in the basement."), "{list}");
    ana.says(QUEUE, "k2", &format!("!canned ours {name}")).await;
    ana.expect(&["There is no canned reply"]).await;
    ana.says(QUEUE, "k3", &format!("!canned Hours {name}"))
        .await;
    ana.expect(&["It is on its way."]).await;
    ana.expect(&["[you] The desk opens at ten."]).await;
    ben.expect(&["/me answered by ana"]).await;
    // A client that resumes sends it again: one text.
    ana.says(QUEUE, "k3", &format!("!canned Hours {name}"))
        .await;
    ana.expect(&["It is on its way."]).await;
    assert_eq!(sent(&desk).await, ["The desk opens at ten."]);
    // A tap on it is a line in the thread.
    desk.texts(NUMBER, "Liked “The desk opens at ten.”").await;
    ana.expect(&["/me 👍 to “The desk opens at ten.”"]).await;
    ben.says(QUEUE, "k4", &format!("!canned saws {name}")).await;
    ben.expect(&["Answered by ana"]).await;

    // Who looks at a number is written down, and the thread shows it.
    ana.says(QUEUE, "r1", "!reveal").await;
    let number = ana.expect(&["on record"]).await;
    assert!(body(&number).contains(NUMBER), "{number}");
    assert_eq!(deeds(&desk).await, ["revealed_number"]);

    // Nothing a blocked sender writes is shown meanwhile.
    ana.says(QUEUE, "b1", &format!("!block {name}")).await;
    ana.expect(&["is shown for a day"]).await;
    desk.texts(NUMBER, "Rubbish.").await;
    ana.says(QUEUE, "b2", "!waiting").await;
    let seen = ana.all_until(&["Nothing waits."]).await;
    assert!(!seen.iter().any(|s| s.contains("Rubbish.")), "{seen:#?}");
    ana.says(QUEUE, "b3", &format!("!unblock {name}")).await;
    ana.expect(&["heard again"]).await;
    desk.texts(NUMBER, "I am sorry.").await;
    ana.expect(&["I am sorry."]).await;
    ana.says(QUEUE, "o1", &format!("!optout {name}")).await;
    ana.expect(&["until they text START"]).await;
    ana.says(QUEUE, "o2", &format!("!optout {name}")).await;
    ana.expect(&["opted out already"]).await;
    assert_eq!(
        deeds(&desk).await,
        [
            "revealed_number",
            "blocked_sender",
            "unblocked_sender",
            "opted_patron_out"
        ]
    );
    desk.house.close().await;
}

pub(crate) async fn forms_note_answer_block_and_reveal(server: Server) {
    let desk = with_canned(&server).await;
    desk.texts(NUMBER, "Do you lend saws?").await;
    let mut ana = Slixmpp::connect(&server, "ana", "slixmpp").await;
    ana.does(json!(["presence", QUEUE])).await;
    let text = ana.reads("Do you lend saws?").await;
    let name = name_of(text["sender"].as_str().unwrap());
    for (node, fields, note, offered) in [
        (
            "note",
            json!({"patron": name, "note": "she is deaf"}),
            "the patron does not",
            "patron",
        ),
        (
            "canned",
            json!({"key": "saws", "patron": name}),
            "It is on its way.",
            "key",
        ),
        ("reveal", json!({"patron": name}), NUMBER, "patron"),
        ("block", json!({"patron": name}), "for a day", "patron"),
        ("unblock", json!({"patron": name}), "heard again", "patron"),
        (
            "canned",
            json!({"key": "gone", "patron": name}),
            "There is no canned reply",
            "key",
        ),
    ] {
        ana.does(json!(["command", QUEUE, node, fields])).await;
        let done = ana.hears("command", |c| c["node"] == node).await;
        assert!(done["note"].as_str().unwrap().contains(note), "{done}");
        let choices = match offered {
            "key" => json!(["hours", "saws"]),
            _ => json!([name]),
        };
        assert_eq!(done["offered"][offered], choices, "{node}");
    }
    assert_eq!(sent(&desk).await, ["Saws are in the basement."]);
    assert_eq!(
        deeds(&desk).await,
        ["revealed_number", "blocked_sender", "unblocked_sender"]
    );

    // Nobody else is obeyed.
    let mut eve = Slixmpp::connect(&server, "eve", "x").await;
    eve.does(json!(["command", QUEUE, "reveal", {"patron": name}]))
        .await;
    let refused = eve.hears("refused", |_| true).await;
    assert_eq!(refused["condition"], "forbidden", "{refused}");
    desk.house.close().await;
}
