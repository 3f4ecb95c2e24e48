//! What is written down about the desk's own doings: tokens that were handed out, who did what, what
//! was counted.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::records::{self, Division, Period, Row};
use crate::routing::Plan;
use crate::sms;
use crate::spool::{self, Spool, audit, inbox, statistics, tokens};

/// A bearer token, without itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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

/// What came by a line and is part of no conversation: unreadable, or not read yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Arrival {
    /// Its id; grows. Texts about it name it.
    pub id: i64,
    /// The line.
    pub line: String,
    /// When it came.
    pub at: Timestamp,
    /// Why it is kept: `waiting`, `in_part`, `report`, `unreadable`.
    #[schema(pattern = "^(waiting|in_part|report|unreadable)$")]
    pub state: String,
    /// Why it could not be read.
    pub problem: Option<String>,
    /// How much is kept.
    #[schema(format = Int64)]
    pub octets: usize,
    /// What is kept: the PDU in hexadecimal digits, or the lines as the modem printed them. Only
    /// where one is asked for, for it may hold a number and words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(nullable = false)]
    pub raw: Option<String>,
}

impl Arrival {
    /// For a list.
    pub fn listed(shelved: &inbox::Shelved) -> Self {
        Self {
            id: shelved.id.0,
            line: shelved.line.clone(),
            at: shelved.received,
            state: shelved.why.as_str().to_owned(),
            problem: shelved.problem.clone(),
            octets: shelved.pdu.len(),
            raw: None,
        }
    }

    /// With what is kept.
    pub fn whole(shelved: &inbox::Shelved) -> Self {
        let raw = match inbox::printed(&shelved.pdu) {
            Some(lines) => lines.to_owned(),
            None => sms::hex(&shelved.pdu),
        };
        Self {
            raw: Some(raw),
            ..Self::listed(shelved)
        }
    }
}

/// Who changed or revealed what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
    #[schema(value_type = Option<Object>)]
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

/// A report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Report {
    /// By what it is divided.
    pub by: Division,
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
    /// Its lines, in order.
    pub items: Vec<Row>,
    /// All of them are here: a page after this one is never there.
    pub next: Option<String>,
}

impl Report {
    /// Counts what happened in these days.
    ///
    /// # Errors
    /// What the spool says.
    pub async fn read(spool: &Spool, by: Division, period: Period) -> spool::Result<Self> {
        let (from, to) = (period.from, period.to);
        let items = spool
            .read(move |connection| {
                let counted = statistics::between(connection, period.begin, period.end)?;
                Ok(records::Report::of(&counted, by, &period.zone).rows)
            })
            .await?;
        Ok(Self {
            by,
            from,
            to,
            items,
            next: None,
        })
    }

    /// The same for a table or a picture.
    pub fn counted(self) -> records::Report {
        records::Report {
            by: self.by,
            rows: self.items,
        }
    }
}
