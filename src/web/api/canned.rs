//! Canned replies.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::extract::{ApiJson, ApiPath, ApiQuery, CannedKey, Coordinate, May, Named};
use super::operation::{Api, Created, NoContent};
use crate::desk::views::{self, Page};
use crate::routing::{Amendment, CannedChange, Name};
use crate::spool::canned;
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

pub(super) fn operations(api: &mut Api) {
    api.under("desk");
    api.get("/canned", "listCanned", list)
        .says("Canned replies")
        .answers("All of them.");
    api.post("/canned", "addCanned", add)
        .says("Add a canned reply")
        .example(json!({"key": "hours", "queue": "desk", "text": "Until 8."}))
        .answers("It.");
    api.put("/canned/{key}", "setCanned", set)
        .says("Give a canned reply other words")
        .example(json!({"text": "Until 9 on Fridays."}))
        .answers("It.");
    api.delete("/canned/{key}", "removeCanned", remove)
        .says("Remove a canned reply")
        .refuses(&[422])
        .answers("It is gone.");
}

/// All of them; which fit a conversation is for whoever types to see.
async fn list(
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
) -> Result<views::Canned, Problem> {
    let all = premises.spool.read(canned::list).await?;
    let plan = Arc::clone(&premises.board().plan);
    all.iter()
        .filter_map(|one| views::Canned::new(one, &plan))
        .find(|shape| shape.key == key && shape.queue.as_deref() == queue)
        .ok_or_else(CannedKey::missing)
}

#[derive(Deserialize, ToSchema)]
struct NewCanned {
    /// 1 to 32 of a-z, 0-9, `-`, `_` and `.`
    #[schema(min_length = 1, max_length = 32, pattern = "^[A-Za-z0-9._-]+$")]
    key: String,
    /// For every queue when left out.
    #[schema(value_type = Option<Name>)]
    queue: Option<String>,
    #[schema(min_length = 1, max_length = 2000)]
    text: String,
}

async fn add(
    State(premises): State<Arc<Premises>>,
    caller: May<Coordinate>,
    ApiJson(new): ApiJson<NewCanned>,
) -> Result<Created<views::Canned>, Problem> {
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
    let shown = shown(&premises, &key, queue.as_deref()).await;
    shown.map(Created)
}

#[derive(Deserialize, ToSchema)]
struct Which {
    /// The queue it is for; the desk-wide one when left out.
    #[schema(value_type = Option<Name>)]
    queue: Option<String>,
}

#[derive(Deserialize, ToSchema)]
struct Words {
    #[schema(min_length = 1, max_length = 2000)]
    text: String,
}

async fn set(
    State(premises): State<Arc<Premises>>,
    caller: May<Coordinate>,
    ApiPath(CannedKey(key)): ApiPath<CannedKey>,
    ApiQuery(Which { queue }): ApiQuery<Which>,
    ApiJson(Words { text }): ApiJson<Words>,
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
    let shown = shown(&premises, &key, queue.as_deref()).await;
    shown.map(Json)
}

async fn remove(
    State(premises): State<Arc<Premises>>,
    caller: May<Coordinate>,
    ApiPath(CannedKey(key)): ApiPath<CannedKey>,
    ApiQuery(Which { queue }): ApiQuery<Which>,
) -> Result<NoContent, Problem> {
    let change = CannedChange::Remove { key, queue };
    premises
        .desk
        .amend_by(caller.id(), Amendment::Canned(change))
        .await?;
    Ok(NoContent)
}
