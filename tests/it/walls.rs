//! Walls that the source itself holds: what a rule forbids everywhere is forbidden where it is written.

use std::path::{Path, PathBuf};

/// Every file of Rust below a folder.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut folders = vec![root];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(found.len() > 3, "{folder} is somewhere else");
    found
}

/// Lines of a folder's sources, comments left out, that hold one of these words; but for those files.
fn lines_with(folder: &str, words: &[&str], but: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in sources(folder) {
        if but.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if words.iter().any(|word| code.contains(word)) {
                found.push(format!(
                    "{}:{}: {}",
                    path.display(),
                    number + 1,
                    line.trim()
                ));
            }
        }
    }
    found
}

/// A patron's words reach a terminal by one door, which shows what a terminal would obey.
#[test]
fn nothing_prints_but_the_one_door() {
    let printing = ["println!", "print!(", "io::stdout()", "io::stderr()"];
    let but = [
        "cli/printing.rs",
        // A bar of its own numbers; pages and completions of our own words; a helper that is no terminal's.
        "cli/meter.rs",
        "cli/manual.rs",
        "cli/mod.rs",
        // Which it asks whether it is a terminal.
        "cli/first_entry.rs",
        "cli/log.rs",
    ];
    assert_eq!(lines_with("src", &printing, &but), [""; 0]);
    let printing = ["println!", "print!("];
    assert_eq!(
        lines_with("src/cli", &printing, &["cli/printing.rs"]),
        [""; 0]
    );
    assert!(
        !lines_with("src", &["io::stdout()"], &[]).is_empty(),
        "the search finds nothing"
    );
}

/// A librarian who only helps out knows a patron as `Elm patron`: no surface reads a conversation but
/// by the function that veils it.
#[test]
fn a_conversation_is_read_for_a_caller_by_one_function() {
    let reading = ["transcript::listed(", "Thread::whole("];
    let but = [
        "web/caller.rs",
        // It words every event twice, once for partners.
        "web/crier.rs",
        // The visitor's own words, for the visitor.
        "web/widget/letter.rs",
    ];
    assert_eq!(lines_with("src/web", &reading, &but), [""; 0]);
    assert!(
        !lines_with("src/web", &reading, &[]).is_empty(),
        "the search finds nothing"
    );
}
