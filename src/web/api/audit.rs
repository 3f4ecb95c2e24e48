//! The audit trail, for admins; and changes to the plan of any kind, for whoever may make them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::Deserialize;

use super::said::{Said, unprocessable};
use crate::desk::views::{AuditEntry, Page};
use crate::routing::{Amendment, Right};
use crate::spool::audit;
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

/// Lines of one page.
const PAGE: usize = 100;
/// Lines of one page at most.
const PAGE_MAX: usize = 500;

#[derive(Deserialize)]
pub(super) struct Which {
    cursor: Option<i64>,
    limit: Option<u32>,
}

pub(super) async fn list(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    Query(which): Query<Which>,
) -> Result<Json<Page<AuditEntry>>, Problem> {
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
    let items = found.into_iter().map(AuditEntry::from).collect();
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
