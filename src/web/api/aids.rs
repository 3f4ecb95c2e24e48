//! Work aids inside a conversation: notes to colleagues, tags, a promise, a block, the number.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::changes::change;
use super::conversations::listed;
use super::extract::{ApiJson, ApiPath};
use super::operation::{Api, Created};
use crate::desk::views;
use crate::routing::{Act, ConversationId, Event};
use crate::spool::transcript;
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

pub(super) fn operations(api: &mut Api) {
    api.under("conversations");
    api.post("/conversations/{id}/reopen", "reopenConversation", reopen)
        .says("Open again and take, without a text")
        .refuses(&[409, 422])
        .answers("The conversation as it stands now.");
    api.post("/conversations/{id}/notes", "addNote", remark)
        .says("Leave a note to colleagues")
        .example(json!({"text": "She comes at four."}))
        .refuses(&[409])
        .answers("The conversation; the note comes over the event stream.");
    api.put("/conversations/{id}/tags", "setTags", label)
        .says("Set the tags")
        .example(json!({"tags": ["fines"]}))
        .refuses(&[409])
        .answers("The conversation as it stands now.");
    api.put("/conversations/{id}/promise", "setPromise", promise)
        .says("Say what the desk owes the patron")
        .example(json!({"text": "a call by four"}))
        .refuses(&[409])
        .answers("The conversation as it stands now.");
    api.post("/conversations/{id}/block", "blockSender", block)
        .says("Block the sender for a day")
        .about(
            "What they write meanwhile is kept in their thread and shown to nobody as waiting. Recorded.",
        )
        .refuses(&[409])
        .answers("The conversation as it stands now.");
    api.delete("/conversations/{id}/block", "unblockSender", unblock)
        .says("Lift the block")
        .refuses(&[409, 422])
        .answers("The conversation as it stands now.");
    api.post("/conversations/{id}/opt-out", "optPatronOut", opt_out)
        .says("Opt the patron out of texts")
        .about(
            "For whoever says in other words than STOP that they want no more texts. Nothing is sent to \
             confirm it, and only their own START undoes it. Recorded.",
        )
        .refuses(&[409, 422])
        .answers("The conversation as it stands now.");
    api.post("/conversations/{id}/reveal", "revealNumber", reveal)
        .says("See the number behind the name")
        .refuses(&[409])
        .answers("The number. Who looked is recorded, and noted in the thread.");
}

#[derive(Deserialize, ToSchema)]
struct Note {
    /// At most 1000 letters; never sent to the patron.
    text: String,
}

#[derive(Deserialize, ToSchema)]
struct Promised {
    /// At most 200 letters; empty takes it back.
    text: String,
}

/// A note to colleagues; it comes back over the event stream.
async fn remark(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiPath(id): ApiPath<ConversationId>,
    ApiJson(words): ApiJson<Note>,
) -> Result<Created<views::Conversation>, Problem> {
    let Json(shape) = change(&premises, &caller, id, Act::Note(words.text)).await?;
    Ok(Created(shape))
}

#[derive(Deserialize, ToSchema)]
struct Tags {
    /// At most ten, of at most 32 letters.
    tags: Vec<String>,
}

async fn label(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiPath(id): ApiPath<ConversationId>,
    ApiJson(Tags { tags }): ApiJson<Tags>,
) -> Result<Json<views::Conversation>, Problem> {
    change(&premises, &caller, id, Act::Tag(tags)).await
}

async fn promise(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiPath(id): ApiPath<ConversationId>,
    ApiJson(words): ApiJson<Promised>,
) -> Result<Json<views::Conversation>, Problem> {
    change(&premises, &caller, id, Act::Promise(words.text)).await
}

async fn reopen(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiPath(id): ApiPath<ConversationId>,
) -> Result<Json<views::Conversation>, Problem> {
    change(&premises, &caller, id, Act::Reopen).await
}

async fn block(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiPath(id): ApiPath<ConversationId>,
) -> Result<Json<views::Conversation>, Problem> {
    change(&premises, &caller, id, Act::Block).await
}

async fn unblock(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiPath(id): ApiPath<ConversationId>,
) -> Result<Json<views::Conversation>, Problem> {
    change(&premises, &caller, id, Act::Unblock).await
}

async fn opt_out(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiPath(id): ApiPath<ConversationId>,
) -> Result<Json<views::Conversation>, Problem> {
    change(&premises, &caller, id, Act::OptOut).await
}

#[derive(Serialize, ToSchema)]
struct Revealed {
    patron: String,
    address: String,
}

/// The number behind the name. That it was looked at is on disk before it is shown.
async fn reveal(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiPath(conversation): ApiPath<ConversationId>,
) -> Result<Json<Revealed>, Problem> {
    let patron = listed(&premises, &caller, conversation).await?;
    let event = Event::act(caller.id(), conversation, Act::Reveal);
    premises.desk.ask(event).await?;
    let whose = patron.conversation.patron;
    let found = premises
        .spool
        .read(move |connection| transcript::patron(connection, whose))
        .await?
        .ok_or_else(Problem::no_conversation)?;
    Ok(Json(Revealed {
        patron: patron.patron,
        address: found.address.into_string(),
    }))
}
