//! The audit trail, for admins; and changes to the plan of any kind, for whoever may make them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::extract::{ApiJson, ApiQuery, Audit, May, unprocessable};
use super::operation::{Api, NoContent};
use crate::desk::views::{AuditEntry, Page};
use crate::routing::Amendment;
use crate::spool::audit;
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

/// Lines of one page.
const PAGE: usize = 100;
/// Lines of one page at most.
const PAGE_MAX: usize = 500;

pub(super) fn operations(api: &mut Api) {
    api.under("staff");
    api.get("/audit", "listAudit", list)
        .says("Who changed or revealed what")
        .answers("Newest first.");
    api.post("/amendments", "amendDesk", amend)
        .says("Change the desk")
        .about(
            "Anybody may take their own tokens back and shut themselves out; canned replies and who is \
             assigned to what take a coordinator; the rest takes an admin.",
        )
        .example(json!({"change": "add_queue", "name": "maps"}))
        // Secrets have doors of their own.
        .except(&["add_token", "add_link"])
        .refuses(&[403])
        .answers("It is in force.");
}

#[derive(Deserialize, ToSchema)]
struct Which {
    /// What `next` of the page before said.
    cursor: Option<i64>,
    /// At most 500.
    limit: Option<u32>,
}

async fn list(
    State(premises): State<Arc<Premises>>,
    _caller: May<Audit>,
    ApiQuery(which): ApiQuery<Which>,
) -> Result<Json<Page<AuditEntry>>, Problem> {
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
async fn amend(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiJson(amendment): ApiJson<Amendment>,
) -> Result<NoContent, Problem> {
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
    Ok(NoContent)
}
