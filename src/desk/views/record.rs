//! What is written down about the desk's own doings: tokens that were handed out, who did what.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::routing::Plan;
use crate::spool::{audit, tokens};

/// A bearer token, without itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// What it is taken away by.
    pub id: String,
    /// The operator it stands for.
    pub operator: String,
    /// When it was made.
    pub made: Timestamp,
    /// What it is for.
    pub label: Option<String>,
}

impl Token {
    /// `None` when its operator is gone.
    pub fn new(token: tokens::Token, plan: &Plan) -> Option<Self> {
        Some(Self {
            id: token.id,
            operator: plan.operator(token.operator)?.name.clone(),
            made: token.made,
            label: token.label,
        })
    }
}

/// Who changed or revealed what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its id; grows.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// The operator; `null` for a command on the box.
    pub by: Option<String>,
    /// What, in one word: `set_gateway`, `revealed_number`.
    pub action: String,
    /// On what: a name.
    pub subject: Option<String>,
    /// In which conversation.
    pub conversation: Option<i64>,
    /// The particulars.
    pub detail: Option<Value>,
}

impl From<audit::Entry> for AuditEntry {
    fn from(entry: audit::Entry) -> Self {
        let detail = entry.detail.as_deref();
        Self {
            id: entry.id,
            at: entry.at,
            by: entry.name,
            action: entry.action,
            subject: entry.subject,
            conversation: entry.conversation.map(|id| id.0),
            detail: detail.and_then(|detail| serde_json::from_str(detail).ok()),
        }
    }
}
