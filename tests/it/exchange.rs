//! The desk from the command line, without a daemon: canned replies, the audit trail, records, and
//! the whole desk carried to another box.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{binary, command};

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

    // What is wrong is said with its line, and the file's name.
    for (book, parts) in [
        (
            "callnumber_desk = 1\n[[queue]]\nnmae = 1\n",
            &["line 3", "nmae"][..],
        ),
        ("callnumber_desk = 9\n", &["line 1", "form 9"]),
    ] {
        let error = oak.refuses(&["desk", "import", "-"], book);
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
    let file = oak.path().join("elm.toml");
    let wrong = "callnumber_desk = 1\n[[queue]]\nname = \"maps\"\n\
                 [[operator]]\nname = \"dora\"\nxmpp = [\"dora\"]\n";
    std::fs::write(&file, wrong).unwrap();
    for dry_run in [&[][..], &["--dry-run"]] {
        let words = [&["desk", "import", file.to_str().unwrap()], dry_run].concat();
        let error = oak.refuses(&words, "");
        for part in [
            "elm.toml: line 6",
            "xmpp",
            "write it as",
            "nothing was changed",
        ] {
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(oak.does(&["desk", "export", "--passwords"], ""), whole);
    }
}

/// Operators and canned replies enough for an import to take a while.
fn large_book() -> String {
    use std::fmt::Write;
    let mut book = "callnumber_desk = 1\n[[queue]]\nname = \"maps\"\n".to_owned();
    for at in 0..400 {
        write!(
            book,
            "[[operator]]\nname = \"op{at:03}\"\nqueues = [\"maps\"]\n\
             [[canned]]\nkey = \"k{at:03}\"\ntext = \"Reply {at}.\"\n"
        )
        .unwrap();
    }
    book
}

/// Killed at any moment, an import has happened or it has not.
#[test]
fn an_import_that_is_killed_leaves_all_or_nothing() {
    let book = large_book();
    let mut outcomes = [0, 0];
    let mut delay = Duration::ZERO;
    let shelf = Shelf::new();
    let before = shelf.does(&["desk", "export"], "");
    let audit = ["audit", "-n", "5000"];
    let trail = shelf.does(&audit, "");
    loop {
        let file = shelf.path().join("book.toml");
        std::fs::write(&file, &book).unwrap();
        let mut import = binary()
            .args(["desk", "import"])
            .arg(&file)
            .arg("--config")
            .arg(shelf.path().join("callnumber.toml"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Not a wait for anything: the moment at which the power goes.
        std::thread::sleep(delay);
        let _ = import.kill();
        import.wait().unwrap();
        let after = shelf.does(&["desk", "export"], "");
        let said = shelf.does(&audit, "");
        if after == before {
            outcomes[0] += 1;
            assert_eq!(
                said, trail,
                "nothing happened, and something is in the trail"
            );
        } else {
            outcomes[1] += 1;
            let operators = after.matches("[[operator]]").count();
            let canned = after.matches("[[canned]]").count();
            assert_eq!((operators, canned), (400, 400), "killed after {delay:?}");
            let again = shelf.does(&["desk", "import", file.to_str().unwrap()], "");
            assert!(again.contains("like that one already"), "{again}");
            assert_eq!(said.matches("imported_desk").count(), 1, "{delay:?}");
            assert_eq!(said.matches("add_operator").count(), 400, "{delay:?}");
            break;
        }
        delay += delay / 4 + Duration::from_millis(10);
        assert!(
            delay < Duration::from_secs(60),
            "the import never comes to an end"
        );
    }
    println!(
        "killed before it was kept {} times, after it {}",
        outcomes[0], outcomes[1]
    );
    assert!(outcomes[0] > 0, "no import was killed before its end");
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
        json!([{"key": "hours", "queue": null, "text": "Until 9.", "segments": 1}])
    );
    shelf.refuses(&["canned", "add", "hours", "Again."], "");
    shelf.does(&["canned", "remove", "hours"], "");
    shelf.refuses(&["canned", "remove", "hours"], "");
    shelf.does(
        &[
            "gateway", "add", "ask", "--kind", "widget", "--queue", "desk",
        ],
        "",
    );
    let by = ["--gateway", "ask"];
    let keyword = |words: &[&'static str]| [&["keyword"], words, &by].concat();
    shelf.does(&keyword(&["set", "Hours", "{library}: until 8."]), "");
    shelf.does(&keyword(&["add", "HOURS!", "{library}: until 9."]), "");
    let rows = shelf.does(&["keyword", "list", "--json"], "");
    let rows: Value = serde_json::from_str(&rows).unwrap();
    assert_eq!(
        rows.as_array().unwrap().len(),
        1,
        "one word, however it is written"
    );
    assert_eq!(rows[0]["word"], "HOURS!");
    assert!(rows[0]["text"].as_str().unwrap().ends_with(": until 9."));
    shelf.refuses(&keyword(&["set", "STOP", "No."]), "");
    assert!(shelf.does(&["desk", "export"], "").contains("until 9."));
    shelf.does(&keyword(&["remove", "hours"]), "");
    shelf.refuses(&keyword(&["remove", "hours"]), "");

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
