//! Queries stay quick as the spool grows: each statement of the room, as its source has it, is
//! explained by SQLite. None may walk a table that grows, but for those that people ask for, or the
//! start.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use callnumber::spool::{Result, Spool};
use rusqlite::Connection;

/// Tables that people fill by hand, or that are emptied as they are told; all others grow with the
/// texts.
const SMALL: &[&str] = &[
    "address",
    "assignment",
    "canned",
    "gateway",
    "holiday",
    "ladder",
    "line",
    "link",
    "modem_place",
    "operator",
    "outage",
    "queue",
    "reply",
    "session",
    "setting",
    "sim_pin",
    "sqlite_sequence",
    "standing",
    "subscriber",
    "token",
    "widget",
    "wording",
];

/// Indexes of what is open: they shrink again.
const OPEN: &[&str] = &[
    "conversation_open",
    "inbox_open",
    "outbox_doubt",
    "outbox_due",
    "outbox_patron",
    "outbox_turn",
    "segment_attempting",
];

/// Statements that may take their time, by words of theirs, and why.
const SLOW: &[(&str, &str)] = &[
    ("DELETE FROM inbox WHERE id IN", "once an hour: what is old"),
    (
        "o.state <> 'due' AND o.made < ?1",
        "once an hour: what is old",
    ),
    ("SELECT fingerprint FROM opted_out", "at the start"),
    ("SELECT DISTINCT p.address", "at the start"),
    ("sum(size), 0) FROM attachment", "a person attaches a file"),
    ("SELECT secret FROM attachment", "at the start"),
    (
        "substr(p.address, 1, 1) = '~'",
        "an XMPP server is there again",
    ),
    ("p.blocked_until > ?1", "a person asks who is blocked"),
    (
        "o.state <> m.state AND m.state <> 'delivered'",
        "at the start, or an XMPP server is there again",
    ),
    ("c.tags <> '[]'", "a person searches"),
    ("WHERE queue = ?1 OR home = ?1", "a person removes a queue"),
    ("DELETE FROM queue", "a person removes a queue"),
];

/// Files whose statements are for other spools, or for the whole file.
const CARE: &[&str] = &[
    "backup.rs",
    "check.rs",
    "copies.rs",
    "enclosures.rs",
    "footprint.rs",
    "forgotten_copies.rs",
    "migrate.rs",
    "number_keys.rs",
    "repair.rs",
    "restore.rs",
    "telephones.rs",
    "tests.rs",
];

/// What stands for a name that a statement is put together with, where that is no constant.
const PUT_IN: &[(&str, &str)] = &[
    ("DELETE FROM {table}", "DELETE FROM session"),
    (
        "FROM {table} WHERE name = ?1 {in_use}",
        "FROM queue WHERE name = ?1",
    ),
    ("FROM {table}", "FROM queue"),
    ("SET {column}", "SET hours"),
    ("{states}", "c.state = 'closed'"),
    ("{queues}", "AND c.queue IN (1)"),
    ("{place}", "(c.active, c.id) < (?2, ?1)"),
    ("{order}", "c.active DESC, c.id DESC"),
    ("{condition}", "c.state <> 'closed' AND p.name = ?1"),
    ("{AT_ONCE}", "200"),
];

/// The string literals of a file, comments and tests apart, each with what stands before it.
fn literals(source: &str) -> Vec<(String, String)> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = Vec::new();
    let mut code = String::new();
    let mut rest = source.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '/' if rest.peek() == Some(&'/') => while rest.next_if(|c| *c != '\n').is_some() {},
            '\'' => {
                // A character, or a lifetime.
                let ahead: Vec<char> = rest.clone().take(3).collect();
                match ahead[..] {
                    ['\\', _, '\''] => drop(rest.nth(2)),
                    [_, '\'', ..] => drop(rest.nth(1)),
                    _ => {}
                }
            }
            '"' => {
                let mut text = String::new();
                while let Some(c) = rest.next_if(|c| *c != '"') {
                    match c {
                        '\\' => match rest.next() {
                            Some('\n') => while rest.next_if(|c| c.is_whitespace()).is_some() {},
                            Some('n') => text.push('\n'),
                            Some(c) => text.push(c),
                            None => {}
                        },
                        c => text.push(c),
                    }
                }
                rest.next();
                found.push((std::mem::take(&mut code), text));
            }
            c => code.push(c),
        }
    }
    found
}

/// Every statement of the room that runs while the desk is open, with its file.
fn statements() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/spool");
    let mut constants = BTreeMap::new();
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.ends_with(".rs") || CARE.contains(&name.as_str()) {
            continue;
        }
        for (before, text) in literals(&fs::read_to_string(&path).unwrap()) {
            let constant = before
                .trim_end()
                .strip_suffix(": &str =")
                .and_then(|before| before.split_whitespace().last());
            if let Some(constant) = constant {
                constants.insert(constant.to_owned(), text);
            } else if ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "]
                .iter()
                .any(|verb| text.trim_start().starts_with(verb))
            {
                found.push((name.clone(), text));
            }
        }
    }
    assert!(
        found.len() > 150,
        "the reader sees {} statements",
        found.len()
    );
    for (file, sql) in &mut found {
        for (name, put_in) in PUT_IN {
            *sql = sql.replace(name, put_in);
        }
        // A constant may be made of others.
        while let Some((_, rest)) = sql.split_once('{') {
            let name = rest.split('}').next().unwrap_or_default().to_owned();
            let constant: &String = constants
                .get(&name)
                .unwrap_or_else(|| panic!("{file}: what does {{{name}}} of {sql} stand for?"));
            *sql = sql.replace(&format!("{{{name}}}"), constant);
        }
    }
    found
}

/// The tables that a statement names, by what it calls them.
fn called(sql: &str) -> BTreeMap<String, String> {
    let words: Vec<&str> = sql
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
        .collect();
    let mut called = BTreeMap::new();
    for (at, word) in words.iter().enumerate() {
        if matches!(*word, "FROM" | "JOIN" | "UPDATE" | "INTO") {
            let table = words.get(at + 1).copied().unwrap_or_default();
            let alias = match words.get(at + 2).copied() {
                Some("AS") => words.get(at + 3).copied(),
                alias => alias,
            };
            for name in [Some(table), alias].into_iter().flatten() {
                called.insert(name.to_owned(), table.to_owned());
            }
        }
    }
    called
}

/// What a statement walks, step by step of SQLite's plan.
fn walked(connection: &Connection, sql: &str) -> Result<Vec<String>> {
    // The first of several.
    let sql = sql.split(";\n").next().unwrap_or_default();
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
    let nothing = vec![rusqlite::types::Null; statement.parameter_count()];
    let steps: Vec<String> = statement
        .query_map(rusqlite::params_from_iter(nothing), |row| row.get(3))?
        .collect::<rusqlite::Result<_>>()?;
    let called = called(sql);
    let is_bounded = sql.contains("LIMIT") || sql.starts_with("DELETE");
    let walks = steps.into_iter().filter(|step| {
        let words: Vec<&str> = step.split(' ').collect();
        let of = match words[..] {
            // The index of words, or a list that was handed over.
            _ if step.contains("VIRTUAL TABLE") => return false,
            ["SCAN", of, ..] => of,
            ["SEARCH", of, ..] if step.contains("PRIMARY KEY (rowid<?)") && !is_bounded => of,
            _ => return false,
        };
        let table = called.get(of).map_or(of, String::as_str);
        let is_open = OPEN.iter().any(|index| words.contains(index));
        // Rows of a subquery are judged where they come from.
        let is_result = of.starts_with('(') || of == "CONSTANT" || of == "SUBQUERY";
        !is_open && !is_result && !SMALL.contains(&table)
    });
    Ok(walks.collect())
}

#[tokio::test]
async fn no_statement_walks_what_grows() {
    let (_folder, spool) = fresh();
    let walks = spool.read(|connection| {
        let mut walks = Vec::new();
        for (file, sql) in statements() {
            let walked = match walked(connection, &sql) {
                Ok(walked) => walked.join("; "),
                Err(error) => error.to_string(),
            };
            walks.push((file, sql, walked));
        }
        Ok(walks)
    });
    let mut walks = walks.await.unwrap();
    walks.retain(|(.., walked)| !walked.is_empty());
    for (words, why) in SLOW {
        let known = walks.iter().any(|(_, sql, _)| sql.contains(words));
        assert!(known, "{words} ({why}) is excused in vain");
    }
    walks.retain(|(_, sql, _)| !SLOW.iter().any(|(words, _)| sql.contains(words)));
    assert!(walks.is_empty(), "{walks:#?}");
}

#[tokio::test]
async fn the_reader_of_plans_sees_a_walk() {
    let (_folder, spool) = fresh();
    for (sql, is_walk) in [
        (
            "SELECT o.id FROM outbox o WHERE o.state = 'sent' ORDER BY o.id LIMIT 1",
            true,
        ),
        ("SELECT count(*) FROM message", true),
        (
            "SELECT id FROM message WHERE id < ?1 ORDER BY id DESC",
            true,
        ),
        ("SELECT name FROM queue", false),
        (
            "SELECT o.id FROM outbox o WHERE o.state = 'due' ORDER BY o.id LIMIT 1",
            false,
        ),
    ] {
        let seen = spool.read(move |connection| walked(connection, sql)).await;
        assert_eq!(!seen.unwrap().is_empty(), is_walk, "{sql}");
    }
}

fn fresh() -> (tempfile::TempDir, Spool) {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(&folder.path().join("spool.db")).unwrap();
    (folder, spool)
}
