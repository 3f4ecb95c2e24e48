//! One thing has one shape, wherever it is read: in the API, in the event stream, in `--json`, in
//! transcripts.

use callnumber::simulator::Settings;
use serde_json::{Value, json};

use crate::support::http::{Api, ServerEvent};
use crate::support::{Bench, Operator};

const PAT: &str = "+15551230100";

#[track_caller]
fn does(bench: &Bench, words: &[&str]) -> String {
    let output = bench.command(words);
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What a command prints as JSON.
#[track_caller]
fn told(bench: &Bench, words: &[&str]) -> Value {
    let said = does(bench, words);
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{words:?}: {error}: {said}"))
}

fn without(mut thing: Value, keys: &[&str]) -> Value {
    for key in keys {
        let gone = thing.as_object_mut().unwrap().remove(*key);
        assert!(gone.is_some(), "there is no {key}: {thing}");
    }
    thing
}

async fn items(api: &Api, path: &str) -> Value {
    api.get(&format!("/api/v1{path}")).await.expect(200)["items"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_thing_has_one_shape() {
    let mut bench = Bench::new(Settings::default()).await;
    let token = bench.add_operator("ana");
    does(
        &bench,
        &["operator", "add", "ada", "--admin", "--no-password"],
    );
    let label = ["operator", "token", "ada", "--label", "this test"];
    let admin = does(&bench, &label);
    does(&bench, &["canned", "add", "hours", "We are open until 8."]);
    let notice = ["gateway", "set", "front-desk", "--notice", "We are closed."];
    does(&bench, &notice);
    let address = bench.start();
    let ana = Operator::new(address, &token);
    let ada = Api::new(address, admin.trim());
    ana.arrives().await;

    let mut events = ana.api.events(None).await;
    bench.modem.patron_texts(PAT, "Is my book in?").unwrap();
    let heard = events.find(|event| event.name == "message").await.data;
    let id = heard["conversation"].clone();
    let path = format!("/api/v1/conversations/{id}");
    ana.replies(&id, "It is.", "one").await.expect(201);
    // Delivered: from here on nothing changes by itself.
    let settled =
        |event: &ServerEvent| event.name == "message" && event.data["state"] == "delivered";
    events.find(settled).await;
    let promise = json!({ "text": "a list by Friday" });
    let promised = ana.api.put(&format!("{path}/promise"), promise).await;
    promised.expect(200);
    let note = json!({ "text": "on the cart" });
    ana.api
        .post(&format!("{path}/notes"), note)
        .await
        .expect(201);
    events.find(|event| event.name == "note").await;
    let tags = json!({ "tags": ["fines"] });
    ana.api.put(&format!("{path}/tags"), tags).await.expect(200);
    let streamed = events
        .find(|event| event.name == "conversation" && event.data["tags"] == json!(["fines"]))
        .await
        .data;

    // A conversation, its messages and its notes.
    let thread = ana.api.get(&path).await.expect(200);
    let alone = without(thread.clone(), &["messages", "notes", "truncated"]);
    assert_eq!(streamed, alone);
    assert_eq!(thread["messages"][0], heard);
    assert_eq!(
        alone["promise"],
        json!({ "text": "a list by Friday", "by": "ana" })
    );
    let listed = items(&ana.api, "/conversations").await;
    assert_eq!(listed, json!([alone]));
    let number = id.to_string();
    let shown = told(&bench, &["conversation", "show", &number, "--json"]);
    assert_eq!(without(shown.clone(), &["transcript"]), thread);
    // A list on the box tells no words: those are read one by one, which is written down.
    let rows = told(&bench, &["conversation", "list", "--json"]);
    let mut wordless = alone.clone();
    (wordless["latest"], wordless["asked"]) = (Value::Null, Value::Null);
    assert_eq!(rows, json!([wordless]));
    let tagged = told(
        &bench,
        &["conversation", "list", "--state", "claimed", "--json"],
    );
    assert_eq!(tagged, rows);

    // Written out.
    let export = ["transcript", "export", "--format", "json"];
    let written = told(&bench, &export);
    assert_eq!(without(written.clone(), &["conversation", "lines"]), thread);
    assert_eq!(items(&ada, "/transcripts").await, json!([written]));
    let found = items(&ana.api, "/search?q=book").await;
    assert_eq!(found[0]["conversation"], alone);
    assert_eq!(found[0]["message"], heard);
    let own = format!("{path}/transcript?format=json");
    assert_eq!(ana.api.get(&own).await.expect(200), written);

    // How the desk is arranged, as somebody sees it who is assigned to nothing.
    for (words, path) in [
        (&["queue", "list"][..], "/queues"),
        (&["gateway", "list"], "/gateways"),
        (
            &["gateway", "preview", "front-desk"],
            "/gateways/front-desk/notices",
        ),
        (&["operator", "list"], "/operators"),
        (&["operator", "tokens"], "/tokens?operator=all"),
        (&["canned", "list"], "/canned"),
        (&["report"], "/reports"),
        (&["audit", "-n", "500"], "/audit?limit=500"),
    ] {
        let mut rows = told(&bench, &[words, &["--json"]].concat());
        for row in rows.as_array_mut().unwrap() {
            if path == "/gateways" {
                // As it was called before.
                assert_eq!(row["closed_notice"], "We are closed.");
                *row = without(row.take(), &["closed_notice"]);
            }
        }
        assert_ne!(rows, json!([]), "{words:?}");
        assert_eq!(items(&ada, path).await, rows, "{words:?} and GET {path}");
    }

    // How all of it stands.
    let status = told(&bench, &["status", "--json"]);
    let seen = ada.get("/api/v1/status").await.expect(200);
    for (key, value) in seen.as_object().unwrap() {
        if key != "streams" && key != "modems" {
            assert_eq!(status[key], *value, "{key}");
        }
    }
    let modem = &items(&ada, "/modems").await[0];
    assert_eq!(seen["modems"][0], *modem);
    let info = &told(&bench, &["modem", "info", "--json"])[0];
    for (key, value) in modem.as_object().unwrap() {
        assert_eq!(status["modems"][0][key], *value, "{key}");
        assert_eq!(info[key], *value, "{key}");
    }
    // A line says by itself that something changed: what it says last is what is so.
    let mut events = ana.api.events(None).await;
    bench.modem.unplug().await;
    loop {
        let streamed = events.find(|event| event.name == "modem").await.data;
        if streamed == items(&ada, "/modems").await[0] {
            break;
        }
    }

    // What is sent from the box.
    let sent = told(&bench, &["send", PAT, "We close at 7.", "--json"]);
    let thread = ana.api.get(&path).await.expect(200);
    let last = thread["messages"].as_array().unwrap().last().unwrap();
    // On its way meanwhile.
    let still = ["state", "reason"];
    assert_eq!(
        without(without(sent, &["segments", "message"]), &still),
        without(last.clone(), &still)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_before_are_there_for_one_release() {
    let mut bench = Bench::new(Settings::default()).await;
    let token = bench.add_operator("ana");
    let ana = Operator::new(bench.start(), &token);
    ana.arrives().await;
    let mut events = ana.api.events(None).await;
    bench.modem.patron_texts(PAT, "Is my book in?").unwrap();
    let heard = events.find(|event| event.name == "message").await.data;
    let ready = |event: &ServerEvent| event.name == "modem" && event.data["phase"] == "ready";
    if items(&ana.api, "/modems").await[0]["phase"] != "ready" {
        events.find(ready).await;
    }

    let status = told(&bench, &["status", "--json"]);
    assert_eq!(status["operators_available"], 1);
    let line = &status["lines"][0];
    assert_eq!(line["phase"], json!({ "phase": "ready" }));
    assert_eq!(line["operator"], status["modems"][0]["network"]);
    assert_eq!(line["replies_waiting"], 0);
    assert_eq!(line["standing"]["paused"], json!(null));
    assert_eq!(line["port"], status["modems"][0]["port"]);
    let id = heard["conversation"].to_string();
    let shown = told(&bench, &["conversation", "show", &id, "--json"]);
    assert_eq!(shown["transcript"]["lines"][0]["body"], "Is my book in?");
    let words = ["transcript", "export", "--format", "json"];
    let written = told(&bench, &words);
    assert_eq!(written["conversation"], heard["conversation"]);
    assert_eq!(written["lines"][0]["author"], heard["author"]);
    let sent = told(&bench, &["send", PAT, "It is.", "--json"]);
    assert_eq!(sent["message"], sent["id"]);
}

/// Every command that touches the box reads the configuration: each configured modem has a gateway of
/// its name from the first command on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configured_modem_has_a_gateway_from_the_first_command_on() {
    let rename = "[[gateway]]\nname = \"front-desk\"\nkind = \"sms\"\nqueue = \"desk\"\nline = \
                  \"front-desk\"\noffline = \"refuse\"\n";
    for (words, part) in [
        (&["gateway", "list"][..], "front-desk  sms   desk"),
        (&["gateway", "list", "--json"], "\"front-desk\""),
        (&["gateway", "set", "front-desk", "--notice", "Closed."], ""),
        (&["gateway", "set", "front-desk", "--pause"], ""),
        (&["gateway", "preview", "front-desk"], "M1"),
        (&["send", PAT, "We close at 7."], "Queued as message 1"),
        (&["desk", "export"], "name = \"front-desk\""),
        (&["desk", "import", "desk.toml"], "1 change was made"),
        (&["queue", "remove", "desk"], "a new modem needs one"),
        (&["gateway", "remove", "front-desk"], ""),
        (
            &[
                "gateway",
                "add",
                "second",
                "--kind",
                "sms",
                "--queue",
                "desk",
                "--line",
                "front-desk",
            ],
            "front-desk",
        ),
        (&["operator", "list"], "NAME"),
    ] {
        let bench = Bench::new(Settings::default()).await;
        let book = bench.path().join("desk.toml");
        std::fs::write(&book, format!("callnumber_desk = 1\n{rename}")).unwrap();
        let mut words = words.to_vec();
        if let Some(file) = words.iter_mut().find(|word| **word == "desk.toml") {
            *file = book.to_str().unwrap();
        }
        let output = bench.command(&words);
        let refused = ["remove", "add"].contains(&words[1]) && words[2] != "front-desk";
        assert_eq!(output.status.success(), !refused, "{words:?}: {output:?}");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains(part), "no {part:?} in {said:?} of {words:?}");
        // It is there afterwards, unless it was what the command took away.
        let listed = does(&bench, &["gateway", "list"]);
        let removed = words[..] == ["gateway", "remove", "front-desk"];
        assert_eq!(
            listed.contains("front-desk"),
            !removed,
            "{words:?}: {listed}"
        );
    }
}

/// A modem that was written into the configuration while the desk runs, and is not driven yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_desk_hears_of_new_modems_from_commands() {
    let mut bench = Bench::new(Settings::default()).await;
    bench.start();
    let mut config = std::fs::read_to_string(bench.config()).unwrap();
    config += "[[modem]]\nname = \"second\"\nport = \"/dev/ttyNOTTHERE\"\n";
    std::fs::write(bench.config(), config).unwrap();
    does(&bench, &["gateway", "set", "second", "--notice", "Closed."]);
    let gateways = told(&bench, &["gateway", "list", "--json"]);
    let second = &gateways.as_array().unwrap()[1];
    assert_eq!(second["name"], "second");
    assert_eq!(second["wording"]["closed"], "Closed.");
}
