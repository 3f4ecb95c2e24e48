//! Holds that a room is built upwards: no file of it imports, or calls a rule of, one that stands above
//! it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A room without circles, with the types whose rules are written in several files.
struct Room {
    name: &'static str,
    /// A type, and what its values are called beside `self`.
    types: &'static [(&'static str, &'static [&'static str])],
}

const ROOMS: &[Room] = &[
    Room {
        name: "daemon",
        types: &[],
    },
    Room {
        name: "routing",
        types: &[
            ("Turn", &["turn"]),
            ("State", &["state", "self.state", "turn.state"]),
        ],
    },
    // By its imports alone: what a client did is passed on by rules that call one another.
    Room {
        name: "xmpp",
        types: &[],
    },
];

/// What each file leans on, and one of the words that say so.
type Arrows = BTreeMap<String, BTreeMap<String, String>>;

/// The code of a file alone: no comments, no words in quotes, no tests, no white space around dots.
fn code(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    let mut quoted = false;
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if quoted => {
                letters.next();
            }
            '"' => {
                quoted = !quoted;
                bare.push('"');
            }
            _ if quoted => {}
            '\'' if letters.peek() == Some(&'"') => {
                letters.next();
            }
            '/' if letters.peek() == Some(&'/') => {
                while letters.peek().is_some_and(|&next| next != '\n') {
                    letters.next();
                }
            }
            letter => bare.push(letter),
        }
    }
    let mut kept = String::new();
    let mut lines = bare.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            kept.push_str(line.trim());
            kept.push('\n');
            continue;
        }
        // Tests stand last in a file; anything else for them alone is one item on one line.
        match lines.next() {
            Some(next) if next.starts_with("mod ") && next.ends_with('{') => break,
            Some(next) if next.starts_with("impl ") => {
                while lines.next().is_some_and(|line| line != "}") {}
            }
            Some(_) | None => {}
        }
    }
    kept.replace("\n.", ".")
}

/// The files of the room that are not for tests alone, by module: `routing`, `routing::book::changes`.
fn modules(files: &BTreeMap<String, String>, room: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut doors = vec![room.to_owned()];
    while let Some(module) = doors.pop() {
        let path = module.replace("::", "/");
        let text = [format!("{path}.rs"), format!("{path}/mod.rs")]
            .into_iter()
            .find_map(|path| files.get(&path));
        let text = text.unwrap_or_else(|| panic!("there is no file of {module}"));
        let bare = code(text);
        for line in bare.lines() {
            let line = line
                .trim_start_matches("pub ")
                .trim_start_matches("pub(super) ");
            let child = line
                .strip_prefix("mod ")
                .and_then(|name| name.strip_suffix(';'));
            doors.extend(child.map(|child| format!("{module}::{child}")));
        }
        found.insert(module, bare);
    }
    found
}

/// Every path in a text that begins with this word, one for each of `{a, b::c}`.
fn paths(text: &str, word: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices(word) {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = &text[at + word.len()..];
        let part = |text: &str| -> String {
            let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
            text[..end.unwrap_or(text.len())].to_owned()
        };
        let first = part(rest);
        match rest[first.len()..].strip_prefix('{') {
            Some(group) if first.is_empty() || first.ends_with("::") => {
                let end = group.find('}').unwrap_or(group.len());
                let names = group[..end].split(',').map(str::trim);
                let names = names.filter(|name| !name.is_empty());
                found.extend(names.map(|name| format!("{first}{}", part(name))));
            }
            _ => found.push(first),
        }
    }
    found
}

/// What a door hands on: each name, and the module it is of.
fn handed_on(modules: &BTreeMap<String, String>, door: &str) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for path in paths(&modules[door], "pub use ") {
        if let Some((module, name)) = path.rsplit_once("::") {
            names.insert(name.to_owned(), format!("{door}::{module}"));
        }
    }
    names
}

/// The module in which what a path names is written.
fn place(modules: &BTreeMap<String, String>, from: &str, path: &str) -> Option<String> {
    let mut here = from.to_owned();
    for name in path.split("::") {
        let deeper = format!("{here}::{name}");
        if modules.contains_key(&deeper) {
            here = deeper;
            continue;
        }
        return match handed_on(modules, &here).remove(name) {
            Some(module) if modules.contains_key(&module) => Some(module),
            Some(_) | None => Some(here),
        };
    }
    Some(here)
}

/// The methods of a type, each with the module it is written in, and where those modules call them on
/// `self`.
fn methods(modules: &BTreeMap<String, String>, of: &str) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for (module, text) in modules {
        let mut rest = text.as_str();
        while let Some(at) = rest.find("impl") {
            rest = &rest[at + "impl".len()..];
            let Some(open) = rest.find('{') else { break };
            let head = rest[..open].trim();
            let named = head.trim_start_matches("<'s>").trim();
            let named = named.split('<').next().unwrap_or_default();
            if named != of {
                continue;
            }
            let mut depth = 0_usize;
            let end = rest[open..].find(|c: char| {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                depth == 0
            });
            let body = &rest[open..open + end.expect("blocks end")];
            for (at, _) in body.match_indices("fn ") {
                let name = &body[at + "fn ".len()..];
                let end = name.find(|c: char| !(c.is_alphanumeric() || c == '_'));
                let name = &name[..end.unwrap_or(0)];
                found.push((name.to_owned(), module.clone(), body.to_owned()));
            }
        }
    }
    found
}

/// The names that are called on this receiver.
fn called(text: &str, receiver: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in text.match_indices(receiver) {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.') {
            continue;
        }
        let Some(rest) = text[at + receiver.len()..].strip_prefix('.') else {
            continue;
        };
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
        let (name, rest) = rest.split_at(end.unwrap_or(rest.len()));
        if rest.starts_with('(') || rest.starts_with("::<") {
            names.insert(name.to_owned());
        }
    }
    names
}

/// What leans on what in a room.
fn arrows(files: &BTreeMap<String, String>, room: &Room) -> Arrows {
    let modules = modules(files, room.name);
    let mut arrows = Arrows::new();
    let mut lean = |from: &str, to: String, word: &str| {
        if from != to {
            let to = arrows.entry(from.to_owned()).or_default().entry(to);
            to.or_insert_with(|| word.to_owned());
        }
    };
    for (module, text) in &modules {
        for path in paths(text, &format!("crate::{}::", room.name)) {
            if let Some(to) = place(&modules, room.name, &path) {
                lean(module, to, &path);
            }
        }
        for path in paths(text, "super::") {
            let mut from = module.rsplit_once("::").map_or("", |(above, _)| above);
            let mut rest = path.as_str();
            while let Some(further) = rest.strip_prefix("super::") {
                from = from.rsplit_once("::").map_or("", |(above, _)| above);
                rest = further;
            }
            // Beyond the room is for the floors to judge.
            if !from.is_empty()
                && let Some(to) = place(&modules, from, rest)
            {
                lean(module, to, rest);
            }
        }
        let own = modules.keys().filter_map(|child| {
            let name = child.strip_prefix(module.as_str())?.strip_prefix("::")?;
            (!name.contains("::")).then_some((child, name))
        });
        for (child, name) in own {
            for path in paths(text, &format!("{name}::")) {
                let handed = format!("pub use {name}::");
                let shown =
                    text.contains(&handed) && handed_on(&modules, module).contains_key(&path);
                if !shown && !path.is_empty() {
                    lean(module, child.clone(), name);
                }
            }
        }
    }
    for (of, called_so) in room.types {
        let methods = methods(&modules, of);
        assert!(!methods.is_empty(), "nothing is written on {of}");
        let mut at: BTreeMap<&str, &str> = BTreeMap::new();
        for (name, module, _) in &methods {
            let before = at.insert(name, module);
            assert!(
                before.is_none_or(|before| before == module),
                "{of}::{name} is written twice"
            );
        }
        for (_, module, body) in &methods {
            for name in called(body, "self") {
                if let Some(to) = at.get(name.as_str()) {
                    lean(module, (*to).to_owned(), &format!("{of}::{name}"));
                }
            }
        }
        for (module, text) in &modules {
            for receiver in *called_so {
                for name in called(text, receiver) {
                    if let Some(to) = at.get(name.as_str()) {
                        lean(module, (*to).to_owned(), &format!("{of}::{name}"));
                    }
                }
            }
        }
    }
    arrows
}

/// A circle, if there is one, as it goes round.
fn circle(arrows: &Arrows) -> Option<String> {
    fn walk<'a>(
        at: &'a str,
        arrows: &'a Arrows,
        way: &mut Vec<(&'a str, &'a str)>,
        done: &mut BTreeSet<&'a str>,
    ) -> Option<String> {
        if let Some(begin) = way.iter().position(|(module, _)| *module == at) {
            let steps = way[begin..].iter();
            let steps: Vec<_> = steps
                .map(|(from, word)| format!("{from} ({word})"))
                .collect();
            return Some(format!("{} -> {at}", steps.join(" -> ")));
        }
        if done.contains(at) {
            return None;
        }
        for (to, word) in arrows.get(at).into_iter().flatten() {
            way.push((at, word));
            let found = walk(to, arrows, way, done);
            way.pop();
            if found.is_some() {
                return found;
            }
        }
        done.insert(at);
        None
    }
    let mut done = BTreeSet::new();
    arrows
        .keys()
        .find_map(|module| walk(module, arrows, &mut Vec::new(), &mut done))
}

fn read(folder: &Path, root: &Path, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("the source folder is readable") {
        let path = entry.expect("its entries too").path();
        if path.is_dir() {
            read(&path, root, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).expect("it is below").to_str();
            let name = name.expect("our names are plain").to_owned();
            files.insert(name, fs::read_to_string(&path).expect("source is UTF-8"));
        }
    }
}

#[test]
fn no_circles_inside_a_room() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = BTreeMap::new();
    read(&root, &root, &mut files);
    for room in ROOMS {
        let arrows = arrows(&files, room);
        assert!(arrows.len() > 5, "{}: almost nothing was read", room.name);
        let circle = circle(&arrows);
        assert_eq!(circle, None, "the room {} has a circle", room.name);
    }
}

/// A room of three files: the state, a rule, and the door.
fn small(state: &str, rule: &str) -> Option<String> {
    let room = Room {
        name: "room",
        types: &[("Turn", &["turn"])],
    };
    let door = "mod rule;\nmod state;\n#[cfg(test)]\nmod stories;\n\npub use state::Turn;\n\
                use super::other::Thing;\n";
    let files = [
        ("room/mod.rs", door),
        ("room/rule.rs", rule),
        ("room/state.rs", state),
    ];
    let files = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
    circle(&arrows(&files.into(), &room))
}

#[test]
fn circles_of_imports_and_of_calls_are_found() {
    const STATE: &str = "pub struct Turn;\nimpl Turn {\n    pub fn look(&self) {}\n}\n";
    const RULE: &str = "use super::state::Turn;\nimpl Turn {\n    fn rule(&mut self) {\n        \
                        self.look();\n    }\n}\n";
    assert_eq!(small(STATE, RULE), None);
    // By the door a name is imported from where it is written.
    assert_eq!(small(STATE, &RULE.replace("state::Turn", "Turn")), None);
    for (upwards, why) in [
        ("use super::rule::Word;\n", "an import"),
        (
            "use crate::room::rule::{\n    Word,\n};\n",
            "an import from the crate",
        ),
        ("fn f() { super::rule::word(); }\n", "a path in the code"),
        (
            "impl Turn {\n    fn other(&mut self) {\n        self\n            .rule();\n    }\n}\n",
            "a call of a rule",
        ),
        (
            "fn f(turn: &mut Turn) { turn.rule(); }\n",
            "a call by another name",
        ),
    ] {
        let found = small(&format!("{STATE}{upwards}"), RULE);
        assert!(found.is_some(), "{why} is not seen");
    }
    for (harmless, why) in [
        ("// use super::rule::Word;\n", "a comment"),
        ("const WORDS: &str = \"super::rule::word\";\n", "words"),
        (
            "#[cfg(test)]\nuse super::rule::Word;\n",
            "an import of tests",
        ),
        (
            "#[cfg(test)]\nmod tests {\n    use super::super::rule::Word;\n}\n",
            "tests",
        ),
    ] {
        assert_eq!(small(&format!("{STATE}{harmless}"), RULE), None, "{why}");
    }
}
