//! What came by a line and is part of no conversation, for admins: unreadable, or not read yet.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;

use crate::desk::views::{Arrival, Page};
use crate::routing::{ArrivalId, Right};
use crate::spool::{audit, inbox};
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

/// Of one page.
const PAGE: usize = 100;
/// Of one page at most.
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
) -> Result<Json<Page<Arrival>>, Problem> {
    caller.needs(Right::Audit)?;
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
pub(super) async fn whole(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<Json<Arrival>, Problem> {
    caller.needs(Right::Audit)?;
    let (by, now) = (caller.id(), premises.spool.now());
    let found = premises
        .spool
        .write(move |connection| {
            let found = inbox::shelved_one(connection, ArrivalId(id))?;
            if found.is_some() {
                let (action, subject) = ("read_arrival", id.to_string());
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
    match found {
        Some(found) => Ok(Json(Arrival::whole(&found))),
        None => Err(Problem::new(
            StatusCode::NOT_FOUND,
            "nothing is kept under this number: it was read since, or its time is over",
        )),
    }
}
