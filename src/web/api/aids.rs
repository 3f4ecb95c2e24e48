//! Work aids inside a conversation: notes to colleagues, tags, a promise, a block, the number.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::changes::change;
use super::conversations::listed;
use super::said::{At, Said};
use crate::desk::views;
use crate::routing::{Aid, ConversationId, Event};
use crate::spool::transcript;
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

/// Asks for one of them, and answers how the conversation stands then.
async fn aid(
    premises: &Premises,
    caller: &Caller,
    id: i64,
    aid: Aid,
) -> Result<Json<views::Conversation>, Problem> {
    let conversation = ConversationId(id);
    let event = Event::Aid {
        operator: caller.id(),
        conversation,
        aid,
    };
    change(premises, caller, conversation, event).await
}

#[derive(Deserialize)]
pub(super) struct Words {
    text: String,
}

/// A note to colleagues; it comes back over the event stream.
pub(super) async fn remark(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(id): At<i64>,
    Said(words): Said<Words>,
) -> Result<Response, Problem> {
    let shape = aid(&premises, &caller, id, Aid::Remark(words.text)).await?;
    Ok((StatusCode::CREATED, shape).into_response())
}

#[derive(Deserialize)]
pub(super) struct Tags {
    tags: Vec<String>,
}

pub(super) async fn label(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(id): At<i64>,
    Said(Tags { tags }): Said<Tags>,
) -> Result<Json<views::Conversation>, Problem> {
    aid(&premises, &caller, id, Aid::Label(tags)).await
}

pub(super) async fn promise(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(id): At<i64>,
    Said(words): Said<Words>,
) -> Result<Json<views::Conversation>, Problem> {
    aid(&premises, &caller, id, Aid::Promise(words.text)).await
}

pub(super) async fn reopen(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(id): At<i64>,
) -> Result<Json<views::Conversation>, Problem> {
    aid(&premises, &caller, id, Aid::Reopen).await
}

pub(super) async fn block(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(id): At<i64>,
) -> Result<Json<views::Conversation>, Problem> {
    aid(&premises, &caller, id, Aid::Block).await
}

pub(super) async fn unblock(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(id): At<i64>,
) -> Result<Json<views::Conversation>, Problem> {
    aid(&premises, &caller, id, Aid::Unblock).await
}

/// The number behind the name. That it was looked at is on disk before it is shown.
pub(super) async fn reveal(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(id): At<i64>,
) -> Result<Response, Problem> {
    let conversation = ConversationId(id);
    let patron = listed(&premises, &caller, conversation).await?;
    let event = Event::Aid {
        operator: caller.id(),
        conversation,
        aid: Aid::Reveal,
    };
    premises.desk.ask(event).await?;
    let whose = patron.conversation.patron;
    let found = premises
        .spool
        .read(move |connection| transcript::patron(connection, whose))
        .await?
        .ok_or_else(Problem::no_conversation)?;
    let answer = serde_json::json!({ "patron": patron.patron, "address": found.address });
    Ok(Json(answer).into_response())
}
