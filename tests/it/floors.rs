//! Holds the import rule of the house: imports go downstairs only, never up or sideways.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Every room and its floor. A room that is not listed is an error: decide where it lives.
const ROOMS: &[(&str, u8)] = &[
    ("numbers", 0),
    ("sms", 1),
    ("at", 1),
    ("routing", 1),
    ("records", 1),
    ("trace", 1),
    ("hardware", 1),
    ("clock", 1),
    ("duration", 1),
    ("modem", 2),
    ("spool", 2),
    ("errands", 2),
    ("mail", 2),
    ("desk", 3),
    ("texting", 4),
    ("web", 4),
    ("alerts", 4),
    ("xmpp", 4),
    ("control", 4),
    ("daemon", 5),
    ("cli", 6),
];

/// Packages of their own under `crates/`, with the room that `src/lib.rs` makes of each.
const PACKAGES: &[(&str, &str)] = &[
    ("sms", "crates/sms"),
    ("at", "crates/at"),
    ("simulator", "crates/modem-simulator"),
];

/// Stands beside the house: imports no room, is used by `cli` and the tests alone.
const BESIDE: &str = "simulator";

/// Rooms on the first floor that stay free of sockets, files, threads, `async` and clocks.
const PURE: &[&str] = &["numbers", "sms", "at", "routing", "records", "trace"];

/// What a pure room may not name.
const IMPURE: &[&str] = &[
    "tokio::",
    "std::fs",
    "std::net",
    "std::thread",
    "std::process",
    "std::env",
    "async fn",
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "Zoned::now",
];

fn source(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the source folder is readable") {
        let path = entry.expect("its entries too").path();
        if path.is_dir() {
            source(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Each source file with the room it belongs to, and where it is from the root on.
fn files() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |room: &str, path: &Path| {
        let text = fs::read_to_string(path).expect("source is UTF-8");
        let within = path.strip_prefix(root).expect("it was found there");
        (room.to_owned(), within.to_owned(), text)
    };
    let mut paths = Vec::new();
    source(&root.join("src"), &mut paths);
    let mut files: Vec<_> = paths
        .iter()
        .filter_map(|path| {
            let within = path.strip_prefix(root.join("src")).ok()?;
            let room = within.iter().next()?.to_str()?.trim_end_matches(".rs");
            Some(read(room, path))
        })
        .filter(|(room, ..)| room != "lib" && room != "main")
        .collect();
    for (room, package) in PACKAGES {
        let mut paths = Vec::new();
        source(&root.join(package).join("src"), &mut paths);
        files.extend(paths.iter().map(|path| read(room, path)));
    }
    files
}

/// The rooms a line of code names: `crate::room`, and each of `crate::{a, b::c}`.
fn named(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n");
    let mut rooms = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut word = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => rooms.push(std::mem::take(&mut word)),
                    c if depth == 0 => word.push(c),
                    _ => {}
                }
            }
            rooms.push(word);
        } else {
            rooms.push(rest.to_owned());
        }
    }
    rooms
        .iter()
        .map(|path| {
            path.trim()
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect::<String>()
        })
        .filter(|room| !room.is_empty())
        .collect()
}

#[test]
fn the_reader_of_imports_sees_what_it_should() {
    for (text, rooms) in [
        ("use crate::sms::Pdu;", &["sms"][..]),
        (
            "use crate::{at, modem::{Line, Slot}, spool};",
            &["at", "modem", "spool"],
        ),
        ("let x = crate::web::router();", &["web"]),
        ("// use crate::cli;", &[]),
        ("use supercrate::cli;", &[]),
    ] {
        assert_eq!(named(text), rooms, "{text}");
    }
}

#[test]
fn imports_go_downstairs_only() {
    let floors: BTreeMap<&str, u8> = ROOMS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (room, path, text) in files() {
        // A package cannot name the house: `crate::` is its own. Its manifest is asked below.
        if PACKAGES.iter().any(|(package, _)| *package == room) {
            continue;
        }
        for other in named(&text) {
            if other == room {
                continue;
            }
            let allowed = if other == BESIDE {
                room == "cli"
            } else {
                match (floors.get(room.as_str()), floors.get(other.as_str())) {
                    (Some(here), Some(there)) => there < here,
                    _ => false,
                }
            };
            if !allowed {
                wrong.push(format!("{}: {room} imports {other}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The packages are strangers to one another and to the desk: a mistake of the codec finds no twin
/// in the simulator.
#[test]
fn packages_depend_on_none_of_ours() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (_, package) in PACKAGES {
        let manifest = root.join(package).join("Cargo.toml");
        let manifest = fs::read_to_string(manifest).expect("a package has a manifest");
        assert!(
            !manifest.contains("path = "),
            "{package} depends on a package beside it"
        );
        let library = root.join(package).join("src/lib.rs");
        let library = fs::read_to_string(library).expect("a package has a library");
        assert!(library.contains("#![forbid(unsafe_code)]"), "{package}");
    }
}

#[test]
fn every_room_has_its_floor() {
    for (room, path, _) in files() {
        assert!(
            room == BESIDE || ROOMS.iter().any(|(name, _)| *name == room),
            "{}: give the room {room} a floor in tests/it/floors.rs",
            path.display()
        );
    }
}

#[test]
fn pure_rooms_are_pure() {
    let mut wrong = Vec::new();
    for (room, path, text) in files() {
        if !PURE.contains(&room.as_str()) {
            continue;
        }
        let is_test = |path: &Path| {
            let name = path.file_name().and_then(|name| name.to_str());
            matches!(
                name,
                Some("tests.rs" | "simulation.rs" | "stories.rs" | "test_desk.rs")
            )
        };
        if is_test(&path) {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            // Tests stand last in a file, and may do as they like.
            if line.trim() == "#[cfg(test)]"
                && text
                    .lines()
                    .nth(number + 1)
                    .is_some_and(|next| next.starts_with("mod "))
            {
                break;
            }
            let code = line.split("//").next().unwrap_or_default();
            for word in IMPURE {
                if code.contains(word) {
                    wrong.push(format!("{}:{}: {word}", path.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where an address may become a `PatronNumber`, by how: at the doors, where a person wrote it or a
/// network said it; from rows that hold what a door made.
const DOORS: &[(&str, &[&str])] = &[
    (
        "PatronNumber::written(",
        &[
            "src/routing/state.rs",
            "src/cli/config/alerts.rs",
            "src/cli/config/panel.rs",
        ],
    ),
    (
        "PatronNumber::meant(",
        &[
            "src/desk/views/patron.rs",
            "src/web/api/modems.rs",
            "src/web/api/search.rs",
        ],
    ),
    (
        "PatronNumber::arrived(",
        &["src/routing/state.rs", "src/spool/telephones.rs"],
    ),
    (
        "PatronNumber::verbatim(",
        &[
            "src/routing/state.rs",
            "src/xmpp/im.rs",
            "src/web/widget/visit.rs",
        ],
    ),
    (
        "PatronNumber::kept",
        &["src/spool/wire.rs", "src/daemon/calling.rs"],
    ),
];

#[test]
fn addresses_are_made_at_the_doors_alone() {
    let mut strangers = Vec::new();
    let mut used = Vec::new();
    for (_, path, text) in files() {
        let path = path.to_string_lossy().into_owned();
        if path.starts_with("src/numbers/")
            || path.contains("/tests")
            || path.contains("/stories/")
            || path.contains("/simulation/")
        {
            continue;
        }
        let code = text
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default();
        for (how, doors) in DOORS.iter().filter(|(how, _)| code.contains(how)) {
            match doors.contains(&path.as_str()) {
                true => used.push((*how, path.clone())),
                false => strangers.push(format!("{path} has {how}")),
            }
        }
    }
    assert!(strangers.is_empty(), "{}", strangers.join("\n"));
    let listed: usize = DOORS.iter().map(|(_, doors)| doors.len()).sum();
    assert_eq!(used.len(), listed, "a door is listed in vain: {used:?}");
}

/// The page for readers has every room, on the floor where it lives.
#[test]
fn the_architecture_page_shows_every_room_on_its_floor() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md");
    let page = fs::read_to_string(page).expect("the page is there");
    let map = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs");
    let map = fs::read_to_string(map).expect("the map is there");
    for (room, floor) in ROOMS {
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| {floor} |")))
            .unwrap_or_default();
        let rooms = row.split('|').nth(2).unwrap_or_default();
        assert!(
            rooms
                .split_whitespace()
                .any(|name| name == format!("`{room}`")),
            "docs/architecture.md does not show {room} on floor {floor}"
        );
        assert!(
            map.contains(&format!("[`{room}`]")),
            "src/lib.rs does not tell of {room}"
        );
    }
}
