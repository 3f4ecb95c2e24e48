//! Holds that what a page or the API answers names no command: whoever reads it has no shell on the box.

use std::fs;
use std::path::{Path, PathBuf};

/// Where commands are written, and answered.
const FOR_COMMANDS: &[&str] = &["cli", "control", "simulator"];
/// What is wrong with the configuration file is read by whoever wrote it, on the box.
const FOR_THE_FILE: &[&str] = &["modem/settings.rs"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the source folder is readable") {
        let path = entry.expect("its entries too").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The first of our commands among the words of a line of code, if there is one.
fn command(line: &str) -> Option<&str> {
    const SUBCOMMANDS: [&str; 8] = [
        "callnumber",
        "operator",
        "queue",
        "gateway",
        "canned",
        "desk",
        "modem",
        "spool",
    ];
    const VERBS: [&str; 8] = [
        "add", "set", "list", "remove", "export", "tokens", "resume", "check",
    ];
    if line.trim_start().starts_with("//") {
        return None;
    }
    line.split('`').skip(1).step_by(2).find(|quoted| {
        let mut words = quoted.split_whitespace();
        match (words.next(), words.next()) {
            (Some("callnumber"), Some(_)) => true,
            (Some(first), Some(second)) => SUBCOMMANDS.contains(&first) && VERBS.contains(&second),
            _ => false,
        }
    })
}

#[test]
fn commands_are_known_where_they_stand() {
    for (line, named) in [
        ("\"see `callnumber status`\"", Some("callnumber status")),
        (
            "\"there is one; `operator set` changes it\"",
            Some("operator set"),
        ),
        ("/// As `callnumber send` does.", None),
        ("\"set `queue` to a name\"", None),
        ("\"`Let it send again` ends that\"", None),
    ] {
        assert_eq!(command(line), named, "{line}");
    }
}

#[test]
fn no_page_and_no_answer_of_the_api_names_a_command() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    sources(&root, &mut paths);
    let mut wrong = Vec::new();
    for path in paths {
        let within = path.strip_prefix(&root).expect("it is below");
        let room = within.iter().next().and_then(|room| room.to_str());
        let room = room.unwrap_or_default().trim_end_matches(".rs");
        if FOR_COMMANDS.contains(&room) || FOR_THE_FILE.iter().any(|file| within.ends_with(file)) {
            continue;
        }
        let text = fs::read_to_string(&path).expect("source is UTF-8");
        for (number, line) in text.lines().enumerate() {
            if let Some(command) = command(line) {
                wrong.push(format!("{}:{}: {command}", within.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
