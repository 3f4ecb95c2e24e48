//! What came by a line and is part of no conversation, for admins: unreadable, or not read yet.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::extract::{ApiPath, ApiQuery, Audit, May, Named};
use super::operation::Api;
use crate::desk::views::{Arrival, Page};
use crate::routing::ArrivalId;
use crate::spool::{audit, inbox};
use crate::web::premises::Premises;
use crate::web::problem::Problem;

/// Of one page.
const PAGE: usize = 100;
/// Of one page at most.
const PAGE_MAX: usize = 500;

pub(super) fn operations(api: &mut Api) {
    api.under("desk");
    api.get("/arrivals", "listArrivals", list)
        .says("What came and is part of no conversation")
        .about("What could not be read, and what is not read yet.")
        .answers("Newest first.");
    api.get("/arrivals/{arrival}", "showArrival", whole)
        .says("One arrival, with what is kept of it")
        .about("It may hold a number and words: that it was read is in the audit trail.")
        .answers("The arrival.");
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
) -> Result<Json<Page<Arrival>>, Problem> {
    let limit = which.limit.map_or(PAGE, |limit| limit as usize);
    let limit = limit.clamp(1, PAGE_MAX);
    let before = which.cursor.map(ArrivalId);
    let found = premises
        .spool
        .read(move |connection| inbox::shelved(connection, before, limit))
        .await?;
    let next = (found.len() == limit)
        .then(|| found.last().map(|last| last.id.0.to_string()))
        .flatten();
    let items = found.iter().map(Arrival::listed).collect();
    Ok(Json(Page { items, next }))
}

/// One, with what is kept of it. It may hold a number and words: that it was read is written down
/// first.
async fn whole(
    State(premises): State<Arc<Premises>>,
    caller: May<Audit>,
    ApiPath(id): ApiPath<ArrivalId>,
) -> Result<Json<Arrival>, Problem> {
    let (by, now) = (caller.id(), premises.spool.now());
    let found = premises
        .spool
        .write(move |connection| {
            let found = inbox::shelved_one(connection, id)?;
            if found.is_some() {
                let (action, subject) = ("read_arrival", id.0.to_string());
                audit::write(
                    connection,
                    Some(by),
                    action,
                    Some(&subject),
                    None,
                    None,
                    now,
                )?;
            }
            Ok(found)
        })
        .await?;
    let found = found.ok_or_else(ArrivalId::missing)?;
    Ok(Json(Arrival::whole(&found)))
}
