//! Who changed or revealed what. A row is written in the transaction of what it tells of.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use serde_json::Value;

use super::Result;
use super::wire;
use crate::routing::{Actor, Amendment, AuditAction, ConversationId, OperatorId};

/// Rows kept: many years of a large library.
const ROWS_MAX: i64 = 200_000;
/// Letters of a detail at most.
const DETAIL_MAX: usize = 2000;

/// One line of the trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its row; grows.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who; `None` for a command on the box.
    pub by: Option<OperatorId>,
    /// The name they had then or have now; `None` for a command on the box.
    pub name: Option<String>,
    /// What, in one word: `set_gateway`, `revealed_number`.
    pub action: String,
    /// On what: a name.
    pub subject: Option<String>,
    /// In which conversation.
    pub conversation: Option<ConversationId>,
    /// The particulars, as JSON, without secrets.
    pub detail: Option<String>,
}

/// Writes down a change of the plan, without the hashes of secrets in it.
pub fn amended(
    connection: &Connection,
    by: Option<OperatorId>,
    amendment: &Amendment,
    now: Timestamp,
) -> Result<()> {
    // Every start names its lines again.
    if matches!(amendment, Amendment::AddLine { .. }) {
        return Ok(());
    }
    let (action, subject, detail) = describe(amendment);
    write(
        connection,
        by,
        &action,
        subject.as_deref(),
        None,
        detail.as_deref(),
        now,
    )
}

/// Whether this was done in a conversation. Reads the whole trail: for what is done seldom.
pub fn has(connection: &Connection, action: &str, conversation: ConversationId) -> Result<bool> {
    Ok(connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM audit WHERE conversation = ?2 AND action = ?1)",
        )?
        .query_row(params![action, conversation.0], |row| row.get(0))?)
}

/// Writes down what somebody did to a conversation.
pub(super) fn did(
    connection: &Connection,
    by: Actor,
    action: AuditAction,
    conversation: ConversationId,
    now: Timestamp,
) -> Result<()> {
    let patron: Option<String> = {
        use rusqlite::OptionalExtension;
        connection
            .prepare_cached(
                "SELECT p.name FROM patron p JOIN conversation c ON c.patron = p.id WHERE c.id = ?1",
            )?
            .query_row([conversation.0], |row| row.get(0))
            .optional()?
    };
    write(
        connection,
        by.operator(),
        action.as_str(),
        patron.as_deref(),
        Some(conversation),
        None,
        now,
    )
}

/// Writes down anything else: an export, say.
pub fn write(
    connection: &Connection,
    by: Option<OperatorId>,
    action: &str,
    subject: Option<&str>,
    conversation: Option<ConversationId>,
    detail: Option<&str>,
    now: Timestamp,
) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO audit (at, operator, action, subject, conversation, detail)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            wire::time(now),
            by.map(|id| id.0),
            action,
            subject,
            conversation.map(|id| id.0),
            detail,
        ])?;
    let id = connection.last_insert_rowid();
    if id % 1000 == 0 {
        connection.execute("DELETE FROM audit WHERE id <= ?1", [id - ROWS_MAX])?;
    }
    Ok(())
}

/// Rows of [`entry`].
pub(super) const ENTRY: &str =
    "SELECT a.id, a.at, a.operator, o.name, a.action, a.subject, a.conversation, a.detail
     FROM audit a LEFT JOIN operator o ON o.id = a.operator";

/// The trail, newest first: rows before `before`, at most `limit`.
pub fn list(connection: &Connection, before: Option<i64>, limit: usize) -> Result<Vec<Entry>> {
    let before = before.unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = connection
        .prepare_cached(&format!(
            "{ENTRY} WHERE a.id < ?1 ORDER BY a.id DESC LIMIT ?2"
        ))?
        .query_map([before, limit], entry)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

pub(super) fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        id: row.get(0)?,
        at: wire::time_from(row, 1)?,
        by: row.get::<_, Option<i64>>(2)?.map(OperatorId),
        name: row.get(3)?,
        action: row.get(4)?,
        subject: row.get(5)?,
        conversation: row.get::<_, Option<i64>>(6)?.map(ConversationId),
        detail: row.get(7)?,
    })
}

/// What an amendment does, to what, and the rest of it: read from the very form in which commands
/// send it, so that every amendment there is has its line.
fn describe(amendment: &Amendment) -> (String, Option<String>, Option<String>) {
    let Ok(Value::Object(mut parts)) = serde_json::to_value(amendment) else {
        return ("amend".into(), None, None);
    };
    let word = |value: Option<Value>| match value {
        Some(Value::String(word)) => Some(word),
        _ => None,
    };
    let mut action = word(parts.remove("change")).unwrap_or_else(|| "amend".into());
    if let Some(what) = word(parts.remove("do")) {
        action = format!("{what}_{action}");
    }
    let subject = ["name", "operator", "key", "queue", "gateway"]
        .into_iter()
        .find_map(|key| word(parts.remove(key)));
    let mut password = false;
    parts.retain(|key, value| {
        password |= key == "password_hash" && !value.is_null();
        !value.is_null() && !key.ends_with("_hash")
    });
    if password {
        parts.insert("password".into(), "changed".into());
    }
    let detail = (!parts.is_empty()).then(|| {
        let json = Value::Object(parts).to_string();
        json.chars().take(DETAIL_MAX).collect()
    });
    (action, subject, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::Role;

    #[test]
    fn amendments_are_described_without_their_secrets() {
        for (amendment, action, subject, detail) in [
            (
                Amendment::AddQueue {
                    name: "maps".into(),
                },
                "add_queue",
                Some("maps"),
                None,
            ),
            (
                Amendment::SetOperator {
                    name: "ben".into(),
                    password_hash: Some("$argon2id$secret".into()),
                    role: Some(Role::Admin),
                    queues: None,
                },
                "set_operator",
                Some("ben"),
                Some(r#"{"password":"changed","role":"admin"}"#),
            ),
            (
                Amendment::AddToken {
                    operator: "ana".into(),
                    token_hash: "ab".repeat(32),
                    label: None,
                },
                "add_token",
                Some("ana"),
                None,
            ),
            (
                Amendment::Canned(crate::routing::CannedChange::Remove {
                    key: "hours".into(),
                    queue: Some("desk".into()),
                }),
                "remove_canned",
                Some("hours"),
                Some(r#"{"queue":"desk"}"#),
            ),
        ] {
            let said = describe(&amendment);
            let expected = (
                action.to_owned(),
                subject.map(str::to_owned),
                detail.map(str::to_owned),
            );
            assert_eq!(said, expected);
        }
    }
}
