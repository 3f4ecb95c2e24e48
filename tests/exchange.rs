//! The desk from the command line, without a daemon: canned replies, the audit trail, records, and
//! the whole desk carried to another box.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use support::command;

struct Shelf(tempfile::TempDir);

impl Shelf {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let spool = folder.path().join("spool.db");
        let config = format!(
            "[library]\nname = \"Elm Library\"\n[web]\nlisten = \"127.0.0.1:0\"\n\
             [spool]\npath = \"{}\"\n",
            spool.display()
        );
        std::fs::write(folder.path().join("callnumber.toml"), config).unwrap();
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn tries(&self, words: &[&str], input: &str) -> Output {
        command(words, &self.path().join("callnumber.toml"), input)
    }

    #[track_caller]
    fn does(&self, words: &[&str], input: &str) -> String {
        let output = self.tries(words, input);
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn refuses(&self, words: &[&str], input: &str) -> String {
        let output = self.tries(words, input);
        assert!(!output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}

#[test]
fn a_desk_is_carried_to_another_box() {
    let elm = Shelf::new();
    elm.does(&["queue", "add", "kids"], "");
    elm.does(
        &[
            "gateway", "add", "annex", "--kind", "sms", "--queue", "kids", "--line", "annex",
        ],
        "",
    );
    elm.does(
        &[
            "operator", "add", "ana", "--queue", "desk", "--queue", "kids", "--admin",
        ],
        "three odd words\n",
    );
    elm.does(&["operator", "add", "ben", "--no-password"], "");
    elm.does(
        &[
            "operator",
            "set",
            "ben",
            "--role",
            "coordinator",
            "--xmpp",
            "ben@elm.example",
        ],
        "",
    );
    elm.does(&["canned", "add", "hours", "We are open until 8."], "");
    elm.does(
        &["canned", "add", "hours", "-", "--queue", "kids"],
        "Until 6,\nwith stories.\n",
    );

    let book = elm.does(&["desk", "export"], "");
    assert!(!book.contains("argon2"), "a hash without being asked for");
    let whole = elm.does(&["desk", "export", "--passwords"], "");
    assert!(whole.contains("password_hash = \"$argon2id$"), "{whole}");

    let oak = Shelf::new();
    let before = oak.does(&["desk", "export"], "");
    let shown = oak.does(&["desk", "import", "-", "--dry-run"], &whole);
    assert!(shown.contains("add operator: name=\"ana\""), "{shown}");
    assert!(shown.contains("would be made"), "{shown}");
    assert!(!shown.contains("argon2"), "{shown}");
    assert_eq!(oak.does(&["desk", "export"], ""), before, "only shown");

    oak.does(&["desk", "import", "-"], &whole);
    assert_eq!(oak.does(&["desk", "export", "--passwords"], ""), whole);
    let again = oak.does(&["desk", "import", "-"], &whole);
    assert!(again.contains("nothing were changed") || again.contains("like that one already"));

    // What is wrong is said with its line; what is refused, by whom and after how much.
    let error = oak.refuses(
        &["desk", "import", "-"],
        "callnumber_desk = 1\n[[queue]]\nnmae = 1\n",
    );
    assert!(
        error.contains("line 3") && error.contains("nmae"),
        "{error}"
    );
    let error = oak.refuses(&["desk", "import", "-"], "callnumber_desk = 9\n");
    assert!(error.contains("form 9"), "{error}");
    let bad =
        "callnumber_desk = 1\n[[queue]]\nname = \"maps\"\n[[operator]]\nname = \"Bad Name\"\n";
    let error = oak.refuses(&["desk", "import", "-"], bad);
    assert!(
        error.contains("1 changes were made") && error.contains("Bad Name"),
        "{error}"
    );
}

#[test]
fn what_was_done_from_the_command_line_is_in_the_trail() {
    let shelf = Shelf::new();
    for weak in ["short\n", "password123\n", "benedict1\n", "qwertyuiop\n"] {
        let error = shelf.refuses(&["operator", "add", "benedict"], weak);
        assert!(error.contains("password"), "{weak}: {error}");
    }
    shelf.does(&["operator", "add", "benedict"], "three odd words\n");
    let token = shelf.does(
        &["operator", "token", "benedict", "--label", "a script"],
        "",
    );
    let listed: Value =
        serde_json::from_str(&shelf.does(&["operator", "tokens", "--json"], "")).unwrap();
    assert_eq!(listed[0]["label"], "a script");
    assert!(!listed.to_string().contains(token.trim()));
    let id = listed[0]["id"].as_str().unwrap();
    shelf.refuses(&["operator", "revoke", "benedict", "ffffffffffff"], "");
    shelf.does(&["operator", "revoke", "benedict", id], "");
    assert_eq!(
        shelf.does(&["operator", "tokens", "--json"], "").trim(),
        "[]"
    );

    shelf.does(&["canned", "add", "hours", "Until 8."], "");
    shelf.does(&["canned", "set", "hours", "Until 9."], "");
    let rows: Value = serde_json::from_str(&shelf.does(&["canned", "list", "--json"], "")).unwrap();
    assert_eq!(
        rows,
        json!([{"key": "hours", "queue": null, "text": "Until 9."}])
    );
    shelf.refuses(&["canned", "add", "hours", "Again."], "");
    shelf.does(&["canned", "remove", "hours"], "");
    shelf.refuses(&["canned", "remove", "hours"], "");

    assert_eq!(shelf.does(&["transcript", "export"], ""), "");
    let report = shelf.does(&["report", "--by", "hour", "--csv"], "");
    assert_eq!(report.lines().count(), 25, "{report}");
    assert!(shelf.does(&["report", "--svg"], "").starts_with("<svg "));
    let file = shelf.path().join("report.svg");
    let file = file.to_str().unwrap();
    shelf.does(&["report", "--svg", "waits", "--output", file], "");
    shelf.refuses(&["report", "--svg", "--output", file], "");
    shelf.refuses(&["report", "--by", "number"], "");

    let trail = shelf.does(&["audit"], "");
    let actions = [
        "add_operator benedict",
        "add_token benedict",
        "revoke_token benedict",
        "add_canned hours",
        "set_canned hours",
        "remove_canned hours",
        "exported_transcripts",
    ];
    let mut last = 0;
    for action in actions {
        let at = trail
            .find(action)
            .unwrap_or_else(|| panic!("no {action} in {trail}"));
        assert!(at >= last, "{action} out of order in {trail}");
        last = at;
    }
    assert!(trail.contains("(the box)"));
    assert!(!trail.contains("argon2"), "{trail}");
}
