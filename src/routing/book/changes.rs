//! What it takes to make a desk like the one in a book. Nothing is removed: what a book does not
//! name stays.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde_json::Value;

use super::entries::{Book, CannedEntry, GatewayEntry, OperatorEntry, QueueEntry};
use super::manuscript::{Manuscript, Misprint, Place};
use crate::routing::{Amendment, CannedChange, Keyword};

/// A change, and where the book asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What is to change.
    pub amendment: Amendment,
    /// What to point at when it cannot be.
    pub place: Place,
}

/// What it takes to make the present desk like the wanted one. Names that others need come first.
///
/// # Errors
/// A queue is named that is neither here nor in the book.
pub fn changes(present: &Book, wanted: &Manuscript) -> Result<Vec<Change>, Misprint> {
    check_queues(present, wanted)?;
    let wanted = wanted.book();
    let mut changes = Vec::new();
    for (at, queue) in wanted.queues.iter().enumerate() {
        if !present.queues.iter().any(|one| one.name == queue.name) {
            changes.push(Change {
                amendment: Amendment::AddQueue {
                    name: queue.name.clone(),
                },
                place: Place::new("queue", at, "name"),
            });
        }
    }
    for (at, queue) in wanted.queues.iter().enumerate() {
        let known = present.queues.iter().find(|one| one.name == queue.name);
        let known = known.cloned().unwrap_or_default();
        queue_changes(&known, queue, at, &mut changes);
    }
    for (at, gateway) in wanted.gateways.iter().enumerate() {
        let known = present.gateways.iter().find(|one| one.name == gateway.name);
        gateway_changes(known, gateway, at, &mut changes);
    }
    for (at, operator) in wanted.operators.iter().enumerate() {
        let known = present
            .operators
            .iter()
            .find(|one| one.name == operator.name);
        operator_changes(known, operator, at, &mut changes);
    }
    for (at, canned) in wanted.canned.iter().enumerate() {
        let same = |one: &&CannedEntry| one.key == canned.key && one.queue == canned.queue;
        let (key, queue, text) = (
            canned.key.clone(),
            canned.queue.clone(),
            canned.text.clone(),
        );
        let change = match present.canned.iter().find(same) {
            Some(known) if known.text == canned.text => continue,
            Some(_) => CannedChange::Set { key, queue, text },
            None => CannedChange::Add { key, queue, text },
        };
        changes.push(Change {
            amendment: Amendment::Canned(change),
            place: Place::new("canned", at, "text"),
        });
    }
    Ok(changes)
}

/// Every queue that is named is here, or will be.
fn check_queues(present: &Book, wanted: &Manuscript) -> Result<(), Misprint> {
    let book = wanted.book();
    let there = present.queues.iter().chain(&book.queues);
    let there: BTreeSet<&str> = there.map(|queue| queue.name.as_str()).collect();
    let helpers = book.queues.iter().enumerate().filter_map(|(at, queue)| {
        let helper = queue.fallback.as_ref()?;
        Some((helper, Place::new("queue", at, "fallback")))
    });
    let fed = book.gateways.iter().enumerate();
    let fed = fed.map(|(at, gateway)| (&gateway.queue, Place::new("gateway", at, "queue")));
    let answered = book
        .operators
        .iter()
        .enumerate()
        .flat_map(|(at, operator)| {
            let queues = operator.queues.iter();
            queues.map(move |queue| (queue, Place::new("operator", at, "queues")))
        });
    let meant = book.canned.iter().enumerate().filter_map(|(at, canned)| {
        let queue = canned.queue.as_ref()?;
        Some((queue, Place::new("canned", at, "queue")))
    });
    for (queue, place) in helpers.chain(fed).chain(answered).chain(meant) {
        if !there.contains(queue.as_str()) {
            let words = format!(
                "there is no queue {queue:?}, here or in the book: add it as a [[queue]], or name \
                 another"
            );
            return Err(wanted.misprint(&place, &words));
        }
    }
    Ok(())
}

/// `None` where nothing changes; an empty word takes a present one away.
fn other(present: &Option<String>, wanted: &Option<String>) -> Option<String> {
    (present != wanted).then(|| wanted.clone().unwrap_or_default())
}

/// Part by part, so that what is wrong with one points at that one.
fn queue_changes(present: &QueueEntry, wanted: &QueueEntry, at: usize, changes: &mut Vec<Change>) {
    let name = || wanted.name.clone();
    let mut change = |key: &str, amendment: Amendment| {
        let place = Place::new("queue", at, key);
        changes.push(Change { amendment, place });
    };
    if let title @ Some(_) = other(&present.title, &wanted.title) {
        let (name, facts) = (name(), None);
        change("title", Amendment::DescribeQueue { name, title, facts });
    }
    if let facts @ Some(_) = other(&present.facts, &wanted.facts) {
        let (name, title) = (name(), None);
        change("facts", Amendment::DescribeQueue { name, title, facts });
    }
    if let hours @ Some(_) = other(&present.hours, &wanted.hours) {
        let amendment = Amendment::SetHours {
            queue: name(),
            hours,
            holidays: Vec::new(),
            no_holidays: Vec::new(),
        };
        change("hours", amendment);
    }
    let holidays: Vec<(Date, String)> = wanted
        .holidays
        .iter()
        .filter(|(date, hours)| present.holidays.get(date) != Some(hours))
        .map(|(date, hours)| (*date, hours.clone()))
        .collect();
    let no_holidays: Vec<Date> = present
        .holidays
        .keys()
        .filter(|date| !wanted.holidays.contains_key(date))
        .copied()
        .collect();
    if !holidays.is_empty() || !no_holidays.is_empty() {
        let amendment = Amendment::SetHours {
            queue: name(),
            hours: None,
            holidays,
            no_holidays,
        };
        change("holidays", amendment);
    }
    if let fallback @ Some(_) = other(&present.fallback, &wanted.fallback) {
        let amendment = Amendment::SetFallback {
            queue: name(),
            fallback,
            after_s: None,
        };
        change("fallback", amendment);
    }
    if let after_s @ Some(_) = wanted.fallback_after_s
        && wanted.fallback.is_some()
        && present.fallback_after_s != after_s
    {
        let amendment = Amendment::SetFallback {
            queue: name(),
            fallback: None,
            after_s,
        };
        change("fallback_after_s", amendment);
    }
}

fn gateway_changes(
    present: Option<&GatewayEntry>,
    wanted: &GatewayEntry,
    at: usize,
    changes: &mut Vec<Change>,
) {
    let name = wanted.name.clone();
    let at = |key| Place::new("gateway", at, key);
    match present {
        None => changes.push(Change {
            amendment: Amendment::AddGateway {
                name: name.clone(),
                kind: wanted.kind,
                queue: wanted.queue.clone(),
                line: wanted.line.clone(),
                policy: wanted.offline,
            },
            place: at("line"),
        }),
        Some(known) => {
            let queue = (known.queue != wanted.queue).then(|| wanted.queue.clone());
            let line = wanted.line.clone().filter(|_| known.line != wanted.line);
            let policy = wanted.offline.filter(|_| known.offline != wanted.offline);
            if queue.is_some() || line.is_some() || policy.is_some() {
                changes.push(Change {
                    place: at(match (&line, &queue) {
                        (Some(_), _) => "line",
                        (None, Some(_)) => "queue",
                        (None, None) => "offline",
                    }),
                    amendment: Amendment::SetGateway {
                        name: name.clone(),
                        queue,
                        line,
                        policy,
                        closed_notice: None,
                    },
                });
            }
        }
    }
    let none = BTreeMap::new();
    let wording = present.map_or(&none, |known| &known.wording);
    for (notice, words) in &wanted.wording {
        if wording.get(notice) != Some(words) {
            changes.push(Change {
                amendment: Amendment::SetWording {
                    gateway: name.clone(),
                    notice: *notice,
                    words: Some(words.clone()),
                },
                place: at("wording").within(notice.word()),
            });
        }
    }
    for notice in wording.keys() {
        if !wanted.wording.contains_key(notice) {
            changes.push(Change {
                amendment: Amendment::SetWording {
                    gateway: name.clone(),
                    notice: *notice,
                    words: None,
                },
                place: at("wording"),
            });
        }
    }
    let none = BTreeMap::new();
    let keywords = present.map_or(&none, |known| &known.keywords);
    let mut set = |word: &String, answer: Option<&String>, place: Place| {
        changes.push(Change {
            amendment: Amendment::SetKeyword {
                gateway: name.clone(),
                word: word.clone(),
                answer: answer.cloned(),
            },
            place,
        });
    };
    // What goes makes room for what comes; a word spelled another way is the same word.
    for word in keywords.keys() {
        let folded = Keyword::folded(word);
        let mut stays = wanted.keywords.keys();
        if !stays.any(|one| Keyword::folded(one) == folded) {
            set(word, None, at("keywords"));
        }
    }
    for (word, answer) in &wanted.keywords {
        if keywords.get(word) != Some(answer) {
            set(word, Some(answer), at("keywords").within(word));
        }
    }
    if present.is_some_and(|known| known.paused) != wanted.paused {
        changes.push(Change {
            amendment: Amendment::PauseGateway {
                name,
                paused: wanted.paused,
            },
            place: at("paused"),
        });
    }
}

fn operator_changes(
    present: Option<&OperatorEntry>,
    wanted: &OperatorEntry,
    at: usize,
    changes: &mut Vec<Change>,
) {
    let at = |key| Place::new("operator", at, key);
    let sorted = |queues: &[String]| {
        let mut queues = queues.to_vec();
        queues.sort();
        queues
    };
    match present {
        None => changes.push(Change {
            amendment: Amendment::AddOperator {
                name: wanted.name.clone(),
                password_hash: wanted.password_hash.clone(),
                role: wanted.role,
                queues: wanted.queues.clone(),
            },
            place: at("name"),
        }),
        Some(known) => {
            let role = (known.role != wanted.role).then_some(wanted.role);
            let queues =
                (sorted(&known.queues) != sorted(&wanted.queues)).then(|| wanted.queues.clone());
            // A book without hashes changes no password.
            let password_hash = wanted
                .password_hash
                .clone()
                .filter(|hash| known.password_hash.as_ref() != Some(hash));
            if role.is_some() || queues.is_some() || password_hash.is_some() {
                changes.push(Change {
                    place: at(match (&role, &queues) {
                        (Some(_), _) => "role",
                        (None, Some(_)) => "queues",
                        (None, None) => "password_hash",
                    }),
                    amendment: Amendment::SetOperator {
                        name: wanted.name.clone(),
                        password_hash,
                        role,
                        queues,
                    },
                });
            }
        }
    }
    let known = present.map_or(&[][..], |known| &known.xmpp);
    if sorted(known) != sorted(&wanted.xmpp) {
        changes.push(Change {
            amendment: Amendment::SetAddresses {
                operator: wanted.name.clone(),
                jids: wanted.xmpp.clone(),
            },
            place: at("xmpp"),
        });
    }
}

impl Change {
    /// The change in one line, as commands send it, without the hash of a password.
    pub fn said(&self) -> String {
        let Ok(Value::Object(mut parts)) = serde_json::to_value(&self.amendment) else {
            return String::new();
        };
        let word = |value: Option<Value>| match value {
            Some(Value::String(word)) => word,
            _ => String::new(),
        };
        let mut line = word(parts.remove("change"));
        if let Some(what) = parts.remove("do") {
            line = format!("{} {line}", word(Some(what)));
        }
        let line = line.replace('_', " ");
        let password = parts
            .remove("password_hash")
            .is_some_and(|hash| !hash.is_null());
        parts.retain(|_, value| !value.is_null() && *value != Value::Array(Vec::new()));
        let mut words: Vec<String> = parts
            .into_iter()
            .map(|(key, value)| match value {
                Value::String(text) => format!("{key}={text:?}"),
                value => format!("{key}={value}"),
            })
            .collect();
        if password {
            words.push("password=(from the book)".into());
        }
        format!("{line}: {}", words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo";

    const BOOK: &str = r#"
callnumber_desk = 1

[[queue]]
name = "desk"
hours = "Mon-Fri 9:00-17:00"
fallback = "partners"
fallback_after_s = 60
[queue.holidays]
"2026-12-25" = "closed"

[[queue]]
name = "partners"
title = "Oak County"

[[gateway]]
name = "front-desk"
kind = "sms"
queue = "desk"
line = "front-desk"
offline = "hold"
[gateway.wording]
closed = "Closed. Bye."
[gateway.keywords]
HOURS = "Until 8."

[[operator]]
name = "ana"
role = "admin"
queues = ["desk"]
xmpp = ["ana@example.org"]

[[canned]]
key = "hours"
text = "Until 8."
"#;

    fn book() -> Book {
        toml::from_str(BOOK).unwrap()
    }

    fn lines(present: &Book, wanted: &Book) -> Vec<String> {
        let wanted = Manuscript::read(wanted.to_toml()).unwrap();
        let changes = changes(present, &wanted).unwrap();
        changes.iter().map(Change::said).collect()
    }

    #[test]
    fn a_book_comes_back_from_toml() {
        let read = Manuscript::read(book().to_toml()).unwrap();
        assert_eq!(read.book(), &book());
    }

    #[test]
    fn the_same_desk_needs_no_change_and_an_empty_one_all_of_them() {
        assert_eq!(lines(&book(), &book()), [""; 0]);
        assert_eq!(
            lines(&Book::default(), &book()),
            [
                "add queue: name=\"desk\"",
                "add queue: name=\"partners\"",
                "set hours: hours=\"Mon-Fri 9:00-17:00\" queue=\"desk\"",
                "set hours: holidays=[[\"2026-12-25\",\"closed\"]] queue=\"desk\"",
                "set fallback: fallback=\"partners\" queue=\"desk\"",
                "set fallback: after_s=60 queue=\"desk\"",
                "describe queue: name=\"partners\" title=\"Oak County\"",
                "add gateway: kind=\"sms\" line=\"front-desk\" name=\"front-desk\" policy=\"hold\" queue=\"desk\"",
                "set wording: gateway=\"front-desk\" notice=\"closed\" words=\"Closed. Bye.\"",
                "set keyword: answer=\"Until 8.\" gateway=\"front-desk\" word=\"HOURS\"",
                "add operator: name=\"ana\" queues=[\"desk\"] role=\"admin\"",
                "set addresses: jids=[\"ana@example.org\"] operator=\"ana\"",
                "add canned: key=\"hours\" text=\"Until 8.\"",
            ]
        );
        // What the book does not name stays.
        assert_eq!(lines(&book(), &Book::default()), [""; 0]);
    }

    #[test]
    fn only_what_differs_is_changed() {
        let mut wanted = book();
        wanted.queues[0].hours = None;
        wanted.queues[0].holidays.clear();
        wanted.gateways[0].wording.clear();
        wanted.gateways[0].paused = true;
        wanted.operators[0].password_hash = Some(HASH.into());
        wanted.operators[0].xmpp.clear();
        wanted.canned[0].text = "Until 9.".into();
        assert_eq!(
            lines(&book(), &wanted),
            [
                "set hours: hours=\"\" queue=\"desk\"",
                "set hours: no_holidays=[\"2026-12-25\"] queue=\"desk\"",
                "set wording: gateway=\"front-desk\" notice=\"closed\"",
                "pause gateway: name=\"front-desk\" paused=true",
                "set operator: name=\"ana\" password=(from the book)",
                "set addresses: operator=\"ana\"",
                "set canned: key=\"hours\" text=\"Until 9.\"",
            ]
        );
    }

    #[test]
    fn what_is_written_otherwise_and_means_the_same_is_no_change() {
        let otherwise = BOOK
            .replace("Mon-Fri 9:00-17:00", " mon-fri 09:00-17:00 ")
            .replace("Oak County", " Oak County ")
            .replace("ana@example.org", " Ana@Example.org")
            .replace("Until 8.", "Until 8.\\n")
            .replace("Closed. Bye.", "Closed. Bye. ");
        let wanted = Manuscript::read(otherwise).unwrap();
        assert_eq!(changes(&book(), &wanted).unwrap(), []);
    }

    #[test]
    fn a_queue_that_is_nowhere_is_pointed_at() {
        for (what, instead, line) in [
            ("fallback = \"partners\"", "fallback = \"maps\"", 7),
            ("queue = \"desk\"", "queue = \"maps\"", 19),
            ("queues = [\"desk\"]", "queues = [\"desk\", \"maps\"]", 30),
            ("key = \"hours\"", "queue = \"maps\"\nkey = \"hours\"", 34),
        ] {
            let text = BOOK.replace(what, instead);
            let wanted = Manuscript::read(text).unwrap();
            let misprint = changes(&book(), &wanted).unwrap_err();
            assert_eq!(misprint.line, line, "{misprint}");
            assert!(
                misprint.words.contains("\"maps\", here or in"),
                "{misprint}"
            );
        }
    }
}
