//! Canned replies.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::said::{At, Said};
use crate::desk::views::{self, Page};
use crate::routing::{Amendment, CannedChange};
use crate::spool::canned;
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

/// All of them; which fit a conversation is for whoever types to see.
pub(super) async fn list(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
) -> Result<Json<Page<views::Canned>>, Problem> {
    let all = premises.spool.read(canned::list).await?;
    let plan = &caller.board.plan;
    let items = all.iter().filter_map(|one| views::Canned::new(one, plan));
    Ok(Json(Page::whole(items.collect())))
}

/// The one with this key, as it is now.
async fn shown(
    premises: &Premises,
    key: &str,
    queue: Option<&str>,
) -> Result<Json<views::Canned>, Problem> {
    let all = premises.spool.read(canned::list).await?;
    let plan = Arc::clone(&premises.board().plan);
    all.iter()
        .filter_map(|one| views::Canned::new(one, &plan))
        .find(|shape| shape.key == key && shape.queue.as_deref() == queue)
        .map(Json)
        .ok_or_else(|| {
            Problem::new(
                StatusCode::NOT_FOUND,
                "there is no such canned reply any more; GET /api/v1/canned lists them",
            )
        })
}

#[derive(Deserialize)]
pub(super) struct NewCanned {
    key: String,
    queue: Option<String>,
    text: String,
}

pub(super) async fn add(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    Said(new): Said<NewCanned>,
) -> Result<Response, Problem> {
    let NewCanned { key, queue, text } = new;
    let change = CannedChange::Add {
        key: key.clone(),
        queue: queue.clone(),
        text,
    };
    premises
        .desk
        .amend_by(caller.id(), Amendment::Canned(change))
        .await?;
    let shape = shown(&premises, &key, queue.as_deref()).await?;
    Ok((StatusCode::CREATED, shape).into_response())
}

#[derive(Deserialize)]
pub(super) struct Which {
    queue: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Words {
    text: String,
}

pub(super) async fn set(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(key): At<String>,
    Query(Which { queue }): Query<Which>,
    Said(Words { text }): Said<Words>,
) -> Result<Json<views::Canned>, Problem> {
    let change = CannedChange::Set {
        key: key.clone(),
        queue: queue.clone(),
        text,
    };
    premises
        .desk
        .amend_by(caller.id(), Amendment::Canned(change))
        .await?;
    shown(&premises, &key, queue.as_deref()).await
}

pub(super) async fn remove(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(key): At<String>,
    Query(Which { queue }): Query<Which>,
) -> Result<StatusCode, Problem> {
    let change = CannedChange::Remove { key, queue };
    premises
        .desk
        .amend_by(caller.id(), Amendment::Canned(change))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
