//! Conversations from the command line, beside a desk that runs and over one that is stopped.

use std::process::Output;

use callnumber::simulator::Settings;
use serde_json::{Value, json};

use crate::support::{Bench, Operator, PATIENCE};

const PAT: &str = "+15551230100";

#[track_caller]
fn does(bench: &Bench, words: &[&str]) -> String {
    let output = run(bench, words);
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn refuses(bench: &Bench, words: &[&str]) -> String {
    let output = run(bench, words);
    assert!(!output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn run(bench: &Bench, words: &[&str]) -> Output {
    bench.command(&[&["conversation"], words].concat())
}

#[track_caller]
fn list(bench: &Bench, words: &[&str]) -> Vec<Value> {
    let said = does(bench, &[&["list", "--json"], words].concat());
    assert!(!said.contains("5551230"), "a number is in a list: {said}");
    let rows: Value = serde_json::from_str(&said).unwrap();
    rows.as_array().unwrap().clone()
}

/// Waits until a patron's words are in conversation 1.
async fn hears(ana: &Operator, body: &str) {
    let heard = async {
        loop {
            let mut events = ana.api.events(None).await;
            let listed = ana.list("state=all").await;
            let there = listed.iter().any(|one| one["id"] == 1);
            if there {
                let messages = ana.messages(&json!(1)).await;
                if messages.iter().any(|message| message["body"] == body) {
                    return;
                }
            }
            let _ = events.find(|event| event.name != "hello").await;
        }
    };
    let heard = tokio::time::timeout(PATIENCE, heard).await;
    assert!(heard.is_ok(), "{body:?} never came");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conversations_are_kept_from_the_command_line() {
    let mut bench = Bench::new(Settings::default()).await;
    let token = bench.add_operator("ana");
    let ana = Operator::new(bench.start(), &token);
    ana.arrives().await;
    bench.modem.patron_texts(PAT, "You are all fools").unwrap();
    hears(&ana, "You are all fools").await;

    // Beside the running desk.
    let rows = list(&bench, &[]);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["state"], "waiting");
    assert_eq!(rows[0]["queue"], "desk");
    let patron = rows[0]["patron"].as_str().unwrap().to_owned();
    assert_eq!(list(&bench, &["--state", "closed"]), [json!(null); 0]);
    assert_eq!(
        list(&bench, &["--queue", "desk", "--state", "waiting"]),
        rows
    );
    let error = refuses(&bench, &["list", "--queue", "maps"]);
    assert!(error.contains("callnumber queue list"), "{error}");
    let table = does(&bench, &["list"]);
    assert!(table.starts_with("ID  PATRON"), "{table}");
    let shown = does(&bench, &["show", "1"]);
    for part in [
        "In front of whoever is there.",
        "The patron waits since",
        &patron,
        "    You are all fools",
    ] {
        assert!(shown.contains(part), "no {part:?} in {shown}");
    }
    assert!(!shown.contains("5551230100"), "{shown}");
    let error = refuses(&bench, &["show", "99"]);
    assert!(error.contains("conversation list --state all"), "{error}");

    let said = does(&bench, &["tag", "1", "#Angry", "fines"]);
    assert_eq!(said, "Conversation 1 is tagged angry, fines.\n");
    let thread = ana.api.get("/api/v1/conversations/1").await.expect(200);
    assert_eq!(thread["tags"], json!(["angry", "fines"]));
    refuses(&bench, &["tag", "1", "<b>"]);
    refuses(&bench, &["tag", "1"]);

    // Not over the head of whoever answers.
    let claimed = ana
        .api
        .post("/api/v1/conversations/1/claim", json!({}))
        .await;
    claimed.expect(200);
    let error = refuses(&bench, &["block", "1"]);
    assert!(error.contains("ask ana"), "{error}");
    let error = refuses(&bench, &["reopen", "1"]);
    assert!(error.contains("is open"), "{error}");
    let closed = ana
        .api
        .post("/api/v1/conversations/1/close", json!({}))
        .await;
    closed.expect(200);
    let said = does(&bench, &["reopen", "1"]);
    assert_eq!(said, "Conversation 1 is before desk again.\n");
    assert_eq!(list(&bench, &[])[0]["state"], "waiting");

    // Blocked: kept, and before nobody.
    let said = does(&bench, &["block", "1"]);
    assert!(
        said.starts_with(&format!("{patron} is blocked until 20")),
        "{said}"
    );
    bench.modem.patron_texts(PAT, "Fools!").unwrap();
    hears(&ana, "Fools!").await;
    assert_eq!(list(&bench, &[]), [json!(null); 0]);
    assert!(does(&bench, &["show", "1"]).contains("The sender is blocked until"));
    let said = does(&bench, &["unblock", "1"]);
    assert_eq!(said, format!("{patron} is not blocked any more.\n"));
    refuses(&bench, &["unblock", "1"]);
    let said = does(&bench, &["opt-out", "1"]);
    assert_eq!(
        said,
        format!("{patron} gets no more texts from us, until they text START.\n")
    );
    assert!(does(&bench, &["show", "1"]).contains("opted out of texts by whoever keeps the box"));
    refuses(&bench, &["opt-out", "1"]);
    bench.modem.patron_texts(PAT, "START").unwrap();
    hears(&ana, "START").await;
    let sent = bench.modem.next_sent(PATIENCE).await.unwrap();
    assert!(sent.text.contains("opted back in"), "{}", sent.text);

    // Begun in ana's name; not with everybody, and not with any words.
    let begin = |number: &'static str, text: &'static str, operator: &'static str| {
        ["begin", number, text, "--operator", operator]
    };
    let said = does(
        &bench,
        &begin("+1 (555) 123-0200", "Your book is in.", "ana"),
    );
    assert_eq!(
        said,
        "Queued as message 5 in conversation 2, which is ana's, one SMS.\n"
    );
    let sent = bench.modem.next_sent(PATIENCE).await.unwrap();
    assert_eq!(
        (sent.to.as_str(), sent.text.as_str()),
        ("+15551230200", "Your book is in.")
    );
    let thread = ana.api.get("/api/v1/conversations/2").await.expect(200);
    assert_eq!(thread["claimed_by"], "ana");
    assert_eq!(
        thread["notes"][0]["text"],
        "whoever keeps the box wrote this for ana"
    );
    bench.modem.patron_texts(PAT, "STOP").unwrap();
    let sent = bench.modem.next_sent(PATIENCE).await.unwrap();
    assert!(sent.text.contains("opted out"), "{}", sent.text);
    let long = "Far too many words for one answer. ".repeat(60);
    for (words, part) in [
        (["begin", PAT, "Hi", "--operator", "ana"], "opted out"),
        (
            ["begin", "22", "Hi", "--operator", "ana"],
            "telephone number",
        ),
        (
            ["begin", "+15551230201", "Hi", "--operator", "zoe"],
            "operator list",
        ),
        (
            ["begin", "+15551230201", " ", "--operator", "ana"],
            "write something",
        ),
        (
            ["begin", "+15551230201", &long, "--operator", "ana"],
            "belong in e-mail",
        ),
    ] {
        let error = refuses(&bench, &words);
        assert!(error.contains(part), "no {part:?} in {error}");
    }
    refuses(&bench, &["begin", "+15551230201", "Hi"]);

    // Over the stopped one.
    assert!(bench.stop().success());
    let patron = |words: &[&str]| {
        let output = bench.command(&[&["patron"], words].concat());
        (
            output.status.success(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let (_, held) = patron(&["export", "555-123-0100"]);
    for words in [
        "+15551230100",
        "opted out of texts: yes",
        "Fools!",
        "blocked sender",
    ] {
        assert!(held.contains(words), "no {words:?} in {held}");
    }
    let (_, held) = patron(&["export", "--json", "(555) 123-0200"]);
    let held: Value = serde_json::from_str(&held).unwrap();
    assert_eq!(held["address"], "+15551230200");
    assert!(!patron(&["export", "nobody"]).0);
    let (_, erased) = patron(&["erase", "1 555 123 0200"]);
    assert!(erased.ends_with(": 1 conversation.\n"), "{erased}");
    let (_, erased) = patron(&["erase", "1 555 123 0200"]);
    assert_eq!(erased, "Nothing was held of them.\n");
    let begun = begin("+15551230200", "Your book is in.", "ana");
    does(&bench, &begun);
    assert_eq!(list(&bench, &["--state", "all"]).len(), 2);
    assert_eq!(
        does(&bench, &["tag", "1", "--none"]),
        "Conversation 1 has no tags.\n"
    );
    let words = begin("+15551230202", "Yours as well.", "ana");
    let said = does(&bench, &[&words[..], &["--json"]].concat());
    let begun: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(begun["conversation"], 4);
    let said = does(&bench, &["show", "4", "--json"]);
    let shown: Value = serde_json::from_str(&said).unwrap();
    let lines = &shown["transcript"]["lines"];
    assert_eq!(lines[0]["body"], "whoever keeps the box wrote this for ana");
    assert_eq!(lines[1]["body"], "Yours as well.");
    assert_eq!(shown["claimed_by"], "ana");

    // All of it was done on the box, and says so.
    let trail = bench.command(&["audit", "--json", "-n", "500"]);
    let trail: Value = serde_json::from_slice(&trail.stdout).unwrap();
    let mut done: Vec<(&str, i64)> = Vec::new();
    for row in trail.as_array().unwrap().iter().rev() {
        if let Some(conversation) = row["conversation"].as_i64() {
            assert_eq!(row["by"], json!(null), "{row}");
            done.push((row["action"].as_str().unwrap(), conversation));
        }
    }
    assert_eq!(
        done,
        [
            ("read_conversation", 1),
            ("set_tags", 1),
            ("reopened_conversation", 1),
            ("blocked_sender", 1),
            ("read_conversation", 1),
            ("unblocked_sender", 1),
            ("opted_patron_out", 1),
            ("read_conversation", 1),
            ("began_conversation", 2),
            ("began_conversation", 3),
            ("set_tags", 1),
            ("began_conversation", 4),
            ("read_conversation", 4),
        ]
    );
    bench.start();
    let sent = bench.modem.next_sent(PATIENCE).await.unwrap();
    assert_eq!(sent.text, "Your book is in.");
    let sent = bench.modem.next_sent(PATIENCE).await.unwrap();
    assert_eq!(sent.text, "Yours as well.");
    assert!(bench.stop().success());
}
