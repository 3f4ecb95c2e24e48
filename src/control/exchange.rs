//! The desk as a book that can be carried to another box: queues, gateways, operators, canned
//! replies; and what it takes to make a desk like it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Rooms, plan_json, words};
use crate::routing::{Amendment, CannedChange, GatewayKind, Notice, OfflinePolicy, Role};
use crate::spool::staff;

/// The book's form; another one is another version's.
const FORM: u32 = 1;

/// A desk, written down. Names, not ids.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Book {
    /// The form it is written in.
    pub callnumber_desk: u32,
    /// Queues.
    #[serde(default, rename = "queue")]
    pub queues: Vec<QueueEntry>,
    /// Gateways.
    #[serde(default, rename = "gateway")]
    pub gateways: Vec<GatewayEntry>,
    /// Operators.
    #[serde(default, rename = "operator")]
    pub operators: Vec<OperatorEntry>,
    /// Canned replies.
    #[serde(default, rename = "canned")]
    pub canned: Vec<CannedEntry>,
}

/// A queue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueueEntry {
    /// Its name.
    pub name: String,
    /// What its patrons call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What partners should know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facts: Option<String>,
    /// `Mon-Fri 9:00-17:00`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<String>,
    /// The queue that helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
    /// Unanswered for how many seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback_after_s: Option<u32>,
    /// Days with hours of their own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub holidays: BTreeMap<Date, String>,
}

/// A gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayEntry {
    /// Its name.
    pub name: String,
    /// The wire.
    pub kind: GatewayKind,
    /// The queue it feeds.
    pub queue: String,
    /// For sms: the configured modem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// What happens while the queue is offline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline: Option<OfflinePolicy>,
    /// Whether it is taken for offline whoever is there.
    #[serde(default)]
    pub paused: bool,
    /// Its own wording of notices.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub wording: BTreeMap<Notice, String>,
}

/// An operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorEntry {
    /// The name they sign in with.
    pub name: String,
    /// What they may do.
    #[serde(default = "usual_role")]
    pub role: Role,
    /// The queues they are assigned to.
    #[serde(default)]
    pub queues: Vec<String>,
    /// Their XMPP addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub xmpp: Vec<String>,
    /// The hash of their password, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<String>,
}

fn usual_role() -> Role {
    Role::Operator
}

/// A canned reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CannedEntry {
    /// Its key.
    pub key: String,
    /// For this queue alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// The words.
    pub text: String,
}

impl Rooms {
    /// The desk as it is.
    pub(super) async fn export(&self, passwords: bool) -> Result<Value, String> {
        let book = self.book(passwords).await?;
        serde_json::to_value(book).map_err(words)
    }

    async fn book(&self, passwords: bool) -> Result<Book, String> {
        let plan = std::sync::Arc::clone(&self.desk.board().borrow().plan);
        let parts = plan_json(&plan);
        let mut gateways = parts["gateways"].clone();
        for gateway in gateways.as_array_mut().into_iter().flatten() {
            if let Some(gateway) = gateway.as_object_mut() {
                gateway.retain(|key, _| key != "closed_notice");
            }
        }
        let of = |value: &Value| value.clone();
        let mut book = Book {
            callnumber_desk: FORM,
            queues: serde_json::from_value(of(&parts["queues"])).map_err(words)?,
            gateways: serde_json::from_value(gateways).map_err(words)?,
            operators: serde_json::from_value(of(&parts["operators"])).map_err(words)?,
            canned: serde_json::from_value(self.canned().await?).map_err(words)?,
        };
        let names: Vec<String> = book.operators.iter().map(|one| one.name.clone()).collect();
        let private = self
            .spool
            .read(move |connection| {
                names
                    .iter()
                    .map(|name| {
                        let hash = staff::credentials(connection, name)?;
                        let jids = staff::addresses_of(connection, name)?;
                        Ok((jids, hash.and_then(|(_, hash)| hash)))
                    })
                    .collect::<crate::spool::Result<Vec<_>>>()
            })
            .await
            .map_err(words)?;
        for (operator, (jids, hash)) in book.operators.iter_mut().zip(private) {
            operator.xmpp = jids;
            operator.password_hash = hash.filter(|_| passwords);
        }
        Ok(book)
    }

    /// What makes this desk like the book; done, unless it is only to be shown.
    pub(super) async fn import(&self, book: Book, dry_run: bool) -> Result<Value, String> {
        if book.callnumber_desk != FORM {
            return Err(format!(
                "this book is of form {}, and this version reads form {FORM}: export it again",
                book.callnumber_desk
            ));
        }
        let present = self.book(true).await?;
        let changes = changes(&present, &book);
        let lines: Vec<String> = changes.iter().map(said).collect();
        if dry_run {
            return Ok(lines.into());
        }
        for (done, change) in changes.into_iter().enumerate() {
            let said = said(&change);
            if let Err(error) = self.desk.amend(change).await {
                return Err(format!(
                    "{done} changes were made; then `{said}` was refused: {error}; correct the \
                     book and import it again, what is done already will not be done twice"
                ));
            }
        }
        Ok(lines.into())
    }
}

/// What it takes to make a desk like the wanted one. Nothing is removed: what a book does not name
/// stays. Names that others need come first.
pub fn changes(present: &Book, wanted: &Book) -> Vec<Amendment> {
    let mut changes = Vec::new();
    for queue in &wanted.queues {
        if !present.queues.iter().any(|one| one.name == queue.name) {
            changes.push(Amendment::AddQueue {
                name: queue.name.clone(),
            });
        }
    }
    for queue in &wanted.queues {
        let known = present.queues.iter().find(|one| one.name == queue.name);
        queue_changes(known.unwrap_or(&QueueEntry::default()), queue, &mut changes);
    }
    for gateway in &wanted.gateways {
        let known = present.gateways.iter().find(|one| one.name == gateway.name);
        gateway_changes(known, gateway, &mut changes);
    }
    for operator in &wanted.operators {
        let known = present
            .operators
            .iter()
            .find(|one| one.name == operator.name);
        operator_changes(known, operator, &mut changes);
    }
    for canned in &wanted.canned {
        let same = |one: &&CannedEntry| one.key == canned.key && one.queue == canned.queue;
        let (key, queue, text) = (
            canned.key.clone(),
            canned.queue.clone(),
            canned.text.clone(),
        );
        match present.canned.iter().find(same) {
            Some(known) if known.text == canned.text => {}
            Some(_) => changes.push(Amendment::Canned(CannedChange::Set { key, queue, text })),
            None => changes.push(Amendment::Canned(CannedChange::Add { key, queue, text })),
        }
    }
    changes
}

/// `None` where nothing changes; an empty word takes a present one away.
fn other(present: &Option<String>, wanted: &Option<String>) -> Option<String> {
    (present != wanted).then(|| wanted.clone().unwrap_or_default())
}

fn queue_changes(present: &QueueEntry, wanted: &QueueEntry, changes: &mut Vec<Amendment>) {
    let title = other(&present.title, &wanted.title);
    let facts = other(&present.facts, &wanted.facts);
    if title.is_some() || facts.is_some() {
        changes.push(Amendment::DescribeQueue {
            name: wanted.name.clone(),
            title,
            facts,
        });
    }
    let hours = other(&present.hours, &wanted.hours);
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
    if hours.is_some() || !holidays.is_empty() || !no_holidays.is_empty() {
        changes.push(Amendment::SetHours {
            queue: wanted.name.clone(),
            hours,
            holidays,
            no_holidays,
        });
    }
    let fallback = other(&present.fallback, &wanted.fallback);
    let sooner = wanted.fallback.is_some()
        && wanted.fallback_after_s.is_some()
        && present.fallback_after_s != wanted.fallback_after_s;
    if fallback.is_some() || sooner {
        changes.push(Amendment::SetFallback {
            queue: wanted.name.clone(),
            fallback,
            after_s: wanted
                .fallback_after_s
                .filter(|_| wanted.fallback.is_some()),
        });
    }
}

fn gateway_changes(
    present: Option<&GatewayEntry>,
    wanted: &GatewayEntry,
    changes: &mut Vec<Amendment>,
) {
    let name = wanted.name.clone();
    match present {
        None => changes.push(Amendment::AddGateway {
            name: name.clone(),
            kind: wanted.kind,
            queue: wanted.queue.clone(),
            line: wanted.line.clone(),
            policy: wanted.offline,
        }),
        Some(known) => {
            let queue = (known.queue != wanted.queue).then(|| wanted.queue.clone());
            let line = wanted.line.clone().filter(|_| known.line != wanted.line);
            let policy = wanted.offline.filter(|_| known.offline != wanted.offline);
            if queue.is_some() || line.is_some() || policy.is_some() {
                changes.push(Amendment::SetGateway {
                    name: name.clone(),
                    queue,
                    line,
                    policy,
                    closed_notice: None,
                });
            }
        }
    }
    let none = BTreeMap::new();
    let wording = present.map_or(&none, |known| &known.wording);
    for (notice, words) in &wanted.wording {
        if wording.get(notice) != Some(words) {
            changes.push(Amendment::SetWording {
                gateway: name.clone(),
                notice: *notice,
                words: Some(words.clone()),
            });
        }
    }
    for notice in wording.keys() {
        if !wanted.wording.contains_key(notice) {
            changes.push(Amendment::SetWording {
                gateway: name.clone(),
                notice: *notice,
                words: None,
            });
        }
    }
    if present.is_some_and(|known| known.paused) != wanted.paused {
        changes.push(Amendment::PauseGateway {
            name,
            paused: wanted.paused,
        });
    }
}

fn operator_changes(
    present: Option<&OperatorEntry>,
    wanted: &OperatorEntry,
    changes: &mut Vec<Amendment>,
) {
    let sorted = |queues: &[String]| {
        let mut queues = queues.to_vec();
        queues.sort();
        queues
    };
    match present {
        None => changes.push(Amendment::AddOperator {
            name: wanted.name.clone(),
            password_hash: wanted.password_hash.clone(),
            role: wanted.role,
            queues: wanted.queues.clone(),
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
                changes.push(Amendment::SetOperator {
                    name: wanted.name.clone(),
                    password_hash,
                    role,
                    queues,
                });
            }
        }
    }
    let known = present.map_or(&[][..], |known| &known.xmpp);
    if sorted(known) != sorted(&wanted.xmpp) {
        changes.push(Amendment::SetAddresses {
            operator: wanted.name.clone(),
            jids: wanted.xmpp.clone(),
        });
    }
}

/// A change in one line, as commands send it, without the hash of a password.
fn said(change: &Amendment) -> String {
    let Ok(Value::Object(mut parts)) = serde_json::to_value(change) else {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn book() -> Book {
        toml::from_str(
            r#"
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

[[operator]]
name = "ana"
role = "admin"
queues = ["desk"]
xmpp = ["ana@example.org"]

[[canned]]
key = "hours"
text = "Until 8."
"#,
        )
        .unwrap()
    }

    #[test]
    fn a_book_comes_back_from_toml() {
        let text = toml::to_string(&book()).unwrap();
        assert_eq!(toml::from_str::<Book>(&text).unwrap(), book());
    }

    #[test]
    fn the_same_desk_needs_no_change_and_an_empty_one_all_of_them() {
        assert_eq!(changes(&book(), &book()), []);
        let empty = Book {
            callnumber_desk: FORM,
            ..Book::default()
        };
        let lines: Vec<String> = changes(&empty, &book()).iter().map(said).collect();
        assert_eq!(
            lines,
            [
                "add queue: name=\"desk\"",
                "add queue: name=\"partners\"",
                "set hours: holidays=[[\"2026-12-25\",\"closed\"]] hours=\"Mon-Fri 9:00-17:00\" queue=\"desk\"",
                "set fallback: after_s=60 fallback=\"partners\" queue=\"desk\"",
                "describe queue: name=\"partners\" title=\"Oak County\"",
                "add gateway: kind=\"sms\" line=\"front-desk\" name=\"front-desk\" policy=\"hold\" queue=\"desk\"",
                "set wording: gateway=\"front-desk\" notice=\"closed\" words=\"Closed. Bye.\"",
                "add operator: name=\"ana\" queues=[\"desk\"] role=\"admin\"",
                "set addresses: jids=[\"ana@example.org\"] operator=\"ana\"",
                "add canned: key=\"hours\" text=\"Until 8.\"",
            ]
        );
        // What the book does not name stays.
        assert_eq!(changes(&book(), &empty), []);
    }

    #[test]
    fn only_what_differs_is_changed() {
        let mut wanted = book();
        wanted.queues[0].hours = None;
        wanted.queues[0].holidays.clear();
        wanted.gateways[0].wording.clear();
        wanted.gateways[0].paused = true;
        wanted.operators[0].password_hash = Some("$argon2id$…".into());
        wanted.operators[0].xmpp.clear();
        wanted.canned[0].text = "Until 9.".into();
        let lines: Vec<String> = changes(&book(), &wanted).iter().map(said).collect();
        assert_eq!(
            lines,
            [
                "set hours: hours=\"\" no_holidays=[\"2026-12-25\"] queue=\"desk\"",
                "set wording: gateway=\"front-desk\" notice=\"closed\"",
                "pause gateway: name=\"front-desk\" paused=true",
                "set operator: name=\"ana\" password=(from the book)",
                "set addresses: operator=\"ana\"",
                "set canned: key=\"hours\" text=\"Until 9.\"",
            ]
        );
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let error = toml::from_str::<Book>("callnumber_desk = 1\n[[queue]]\nnmae = \"x\"\n")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("line 3") && error.contains("nmae"),
            "{error}"
        );
    }
}
