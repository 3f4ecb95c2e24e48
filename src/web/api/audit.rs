//! The audit trail, for admins; and changes to the plan of any kind, for whoever may make them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::said::{Said, unprocessable};
use crate::routing::{Amendment, Right};
use crate::spool::audit;
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;
use crate::web::shapes::Page;

/// Lines of one page.
const PAGE: usize = 100;
/// Lines of one page at most.
const PAGE_MAX: usize = 500;

#[derive(Debug, Serialize)]
pub(super) struct EntryShape {
    id: i64,
    at: Timestamp,
    /// The operator; null for a command on the box.
    by: Option<String>,
    action: String,
    subject: Option<String>,
    conversation: Option<i64>,
    detail: Option<serde_json::Value>,
}

#[derive(Deserialize)]
pub(super) struct Which {
    cursor: Option<i64>,
    limit: Option<u32>,
}

pub(super) async fn list(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    Query(which): Query<Which>,
) -> Result<Json<Page<EntryShape>>, Problem> {
    caller.needs(Right::Audit)?;
    let limit = which.limit.map_or(PAGE, |limit| limit as usize);
    let limit = limit.clamp(1, PAGE_MAX);
    let found = premises
        .spool
        .read(move |connection| audit::list(connection, which.cursor, limit))
        .await?;
    let next = (found.len() == limit)
        .then(|| found.last().map(|last| last.id.to_string()))
        .flatten();
    let items = found
        .into_iter()
        .map(|entry| EntryShape {
            id: entry.id,
            at: entry.at,
            by: entry.name,
            action: entry.action,
            subject: entry.subject,
            conversation: entry.conversation.map(|id| id.0),
            detail: entry
                .detail
                .and_then(|detail| serde_json::from_str(&detail).ok()),
        })
        .collect();
    Ok(Json(Page { items, next }))
}

/// A change to the plan as `callnumber` itself would make it. Secrets have doors of their own.
pub(super) async fn amend(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    Said(amendment): Said<Amendment>,
) -> Result<StatusCode, Problem> {
    let secret = match &amendment {
        Amendment::AddToken { .. } | Amendment::AddLink { .. } => true,
        Amendment::AddOperator { password_hash, .. }
        | Amendment::SetOperator { password_hash, .. } => password_hash.is_some(),
        _ => false,
    };
    if secret {
        return Err(unprocessable(
            "hashes are not taken here: use POST /operators, PUT /password or POST /tokens",
        ));
    }
    premises.desk.amend_by(caller.id(), amendment).await?;
    Ok(StatusCode::NO_CONTENT)
}
