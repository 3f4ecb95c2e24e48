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
use crate::routing::{Act, ConversationId, Event};
use crate::spool::transcript;
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

/// Does something to a conversation, and answers how the conversation stands then.
async fn act(
    premises: &Premises,
    caller: &Caller,
    id: i64,
    act: Act,
) -> Result<Json<views::Conversation>, Problem> {
    let conversation = ConversationId(id);
    let event = Event::act(caller.id(), conversation, act);
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
    let shape = act(&premises, &caller, id, Act::Note(words.text)).await?;
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
    act(&premises, &caller, id, Act::Tag(tags)).await
}

pub(super) async fn promise(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(id): At<i64>,
    Said(words): Said<Words>,
) -> Result<Json<views::Conversation>, Problem> {
    act(&premises, &caller, id, Act::Promise(words.text)).await
}

pub(super) async fn reopen(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(id): At<i64>,
) -> Result<Json<views::Conversation>, Problem> {
    act(&premises, &caller, id, Act::Reopen).await
}

pub(super) async fn block(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(id): At<i64>,
) -> Result<Json<views::Conversation>, Problem> {
    act(&premises, &caller, id, Act::Block).await
}

pub(super) async fn unblock(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(id): At<i64>,
) -> Result<Json<views::Conversation>, Problem> {
    act(&premises, &caller, id, Act::Unblock).await
}

/// The number behind the name. That it was looked at is on disk before it is shown.
pub(super) async fn reveal(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(id): At<i64>,
) -> Result<Response, Problem> {
    let conversation = ConversationId(id);
    let patron = listed(&premises, &caller, conversation).await?;
    let event = Event::act(caller.id(), conversation, Act::Reveal);
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
