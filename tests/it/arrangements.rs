//! Hours, holidays, helpers and wording, set and shown by commands while no daemon runs.

use callnumber::simulator::Settings;
use serde_json::{Value, json};

use crate::support::Bench;

fn done(bench: &Bench, words: &[&str]) -> String {
    let output = bench.command(words);
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn refused(bench: &Bench, words: &[&str]) -> String {
    let output = bench.command(words);
    assert!(!output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_and_its_gateway_are_arranged_by_commands() {
    let bench = Bench::new(Settings::default()).await;
    done(&bench, &["queue", "add", "oak"]);
    done(
        &bench,
        &[
            "queue",
            "set",
            "desk",
            "--hours",
            "Mon-Fri 9-17, Sat 10am-2pm",
            "--holiday",
            "2026-12-25",
            "--holiday",
            "2026-12-24 9:00-12:00",
            "--title",
            "Elm",
            "--facts",
            "Maps upstairs.",
            "--fallback",
            "oak",
            "--fallback-after",
            "2m",
        ],
    );
    let queues: Value = serde_json::from_str(&done(&bench, &["queue", "list", "--json"])).unwrap();
    assert_eq!(
        queues[0],
        json!({
            "id": 1, "name": "desk", "title": "Elm", "online": false, "assigned": false,
            "operators": [], "facts": "Maps upstairs.",
            "hours": "Mon-Fri 9:00-17:00, Sat 10:00-14:00",
            "holidays": {"2026-12-24": "9:00-12:00", "2026-12-25": "closed"},
            "fallback": "oak", "fallback_after_s": 120,
        })
    );
    done(
        &bench,
        &[
            "queue",
            "set",
            "desk",
            "--no-holiday",
            "2026-12-24",
            "--fallback",
            "",
        ],
    );
    let queues: Value = serde_json::from_str(&done(&bench, &["queue", "list", "--json"])).unwrap();
    assert_eq!(queues[0]["holidays"], json!({"2026-12-25": "closed"}));
    assert_eq!(queues[0]["fallback"], Value::Null);

    let set = ["gateway", "set", "front-desk", "--wording"];
    let words = "closed={library} sleeps. Back {opening} \u{1f319}";
    done(&bench, &[&set[..], &[words, "--pause"]].concat());
    let gateways: Value =
        serde_json::from_str(&done(&bench, &["gateway", "list", "--json"])).unwrap();
    assert_eq!(gateways[0]["paused"], true);
    let preview = ["gateway", "preview", "front-desk", "--json"];
    let notices: Value = serde_json::from_str(&done(&bench, &preview)).unwrap();
    let closed = &notices[0];
    assert_eq!(
        (&closed["number"], &closed["notice"]),
        (&json!("M1"), &json!("closed"))
    );
    let text = closed["text"].as_str().unwrap();
    assert!(text.starts_with("Elm sleeps. Back "), "{text}");
    assert_eq!(closed["segments"], 1, "one of UCS-2");
    // Tried, and not kept.
    let tried = [&preview[..], &["--wording", "help=Ask {urgent}."]].concat();
    let tried: Value = serde_json::from_str(&done(&bench, &tried)).unwrap();
    assert_eq!(tried[3]["text"], "Ask 555-0100.");
    assert_eq!(tried[3]["own"], Value::Null);
    done(
        &bench,
        &[&set[..], &["closed=default", "--resume"]].concat(),
    );

    // What makes no sense is refused with what to write instead.
    for (words, remedy) in [
        (
            &["queue", "set", "desk", "--hours", "Mon 17:00-9:00"][..],
            "next day",
        ),
        (
            &["queue", "set", "desk", "--hours", "Funday 9-17"],
            "Mon, Tue",
        ),
        (
            &["queue", "set", "desk", "--holiday", "Christmas"],
            "2026-12-25",
        ),
        (
            &["queue", "set", "desk", "--fallback", "desk"],
            "another queue",
        ),
        (
            &["queue", "set", "desk", "--fallback", "nowhere"],
            "queue list",
        ),
        (&["queue", "set", "desk"], "--hours"),
        (
            &["gateway", "set", "front-desk", "--wording", "lunch=Later."],
            "closed, waiting",
        ),
        (
            &[
                "gateway",
                "set",
                "front-desk",
                "--wording",
                "help=Back {opening}.",
            ],
            "{urgent}",
        ),
        (&["gateway", "preview", "nowhere"], "gateway list"),
    ] {
        let said = refused(&bench, words);
        assert!(said.contains(remedy), "{words:?}: {said}");
    }
}
