//! Whose a conversation is: taken, given back, ended, handed over.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::conversations::listed;
use super::extract::{ApiJson, ApiPath, OptionalJson, unprocessable};
use super::messages;
use super::operation::Api;
use crate::desk::views::{self, Names};
use crate::routing::{Act, ConversationId, Event, Plan, TransferTarget};
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

/// Letters of the note that goes with a transfer.
const NOTE_MAX: usize = 1000;

pub(super) fn operations(api: &mut Api) {
    api.under("conversations");
    api.post("/conversations/{id}/claim", "claimConversation", claim)
        .says("Claim, or accept what is handed over")
        .refuses(&[409])
        .answers("The conversation as it stands now.");
    api.post(
        "/conversations/{id}/release",
        "releaseConversation",
        release,
    )
    .says("Give back to the queue")
    .refuses(&[409])
    .answers("The conversation as it stands now.");
    api.post("/conversations/{id}/close", "closeConversation", close)
        .says("Close, with or without a last text")
        .example(json!({"text": "Goodbye!", "client_id": "l"}))
        .refuses(&[409])
        .answers("The conversation as it stands now.");
    api.post(
        "/conversations/{id}/transfer",
        "transferConversation",
        transfer,
    )
    .says("Hand over")
    .about("They have 60 s to accept; until then it stays yours.")
    .example(json!({"to": "ben", "note": "yours?"}))
    .refuses(&[409])
    .answers("The conversation as it stands now.");
}

/// Asks for a change of a conversation the caller sees, and answers how it stands then.
pub(super) async fn change(
    premises: &Premises,
    caller: &Caller,
    id: ConversationId,
    act: Act,
) -> Result<Json<views::Conversation>, Problem> {
    listed(premises, caller, id).await?;
    let event = Event::act(caller.id(), id, act);
    premises.desk.ask(event).await?;
    // Read whether or not they may still see it: it was theirs to change a moment ago.
    let plan = Arc::clone(&caller.board.plan);
    let caller = caller.clone();
    let shape = premises
        .spool
        .read(move |connection| {
            let Some(listed) = caller.read_after_change(connection, id)? else {
                return Ok(None);
            };
            let names = Names::new(connection, &plan);
            views::Conversation::new(&listed, &names).map(Some)
        })
        .await?;
    shape.map(Json).ok_or_else(Problem::no_conversation)
}

async fn claim(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiPath(conversation): ApiPath<ConversationId>,
) -> Result<Json<views::Conversation>, Problem> {
    change(&premises, &caller, conversation, Act::Claim).await
}

async fn release(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiPath(conversation): ApiPath<ConversationId>,
) -> Result<Json<views::Conversation>, Problem> {
    change(&premises, &caller, conversation, Act::Release).await
}

#[derive(Default, Deserialize, ToSchema)]
struct Farewell {
    /// A last text, sent first.
    text: Option<String>,
    #[schema(min_length = 1, max_length = 200)]
    client_id: Option<String>,
}

async fn close(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiPath(conversation): ApiPath<ConversationId>,
    OptionalJson(farewell): OptionalJson<Farewell>,
) -> Result<Json<views::Conversation>, Problem> {
    if let Some(body) = farewell.text {
        // A conversation whose last text was refused stays open, with its words given back.
        let reply = messages::Reply {
            body,
            client_id: farewell.client_id,
        };
        messages::say(&premises, &caller, conversation, reply).await?;
    }
    change(&premises, &caller, conversation, Act::Close).await
}

#[derive(Deserialize, ToSchema)]
struct HandOver {
    /// `queue:NAME`, `operator:NAME`, or a name only one of them has.
    to: String,
    /// What they should know.
    #[serde(default)]
    #[schema(max_length = 1000)]
    note: String,
}

async fn transfer(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiPath(conversation): ApiPath<ConversationId>,
    ApiJson(hand_over): ApiJson<HandOver>,
) -> Result<Json<views::Conversation>, Problem> {
    listed(&premises, &caller, conversation).await?;
    if hand_over.note.chars().count() > NOTE_MAX {
        return Err(unprocessable(format!(
            "the note has more than {NOTE_MAX} letters: shorten it"
        )));
    }
    let act = Act::Transfer {
        to: target(&caller.board.plan, &hand_over.to)?,
        note: hand_over.note.trim().to_owned(),
    };
    change(&premises, &caller, conversation, act).await
}

/// `queue:NAME`, `operator:NAME`, or a name only one of them has.
fn target(plan: &Plan, to: &str) -> Result<TransferTarget, Problem> {
    let queue = |name: &str| {
        plan.queue_named(name)
            .map(|queue| TransferTarget::Queue(queue.id))
    };
    let operator = |name: &str| {
        plan.operator_named(name)
            .map(|operator| TransferTarget::Operator(operator.id))
    };
    let nobody = || {
        unprocessable(
            "there is nobody of that name to hand over to: `to` is `queue:NAME` or \
             `operator:NAME`, as GET /api/v1/queues and /api/v1/operators list them",
        )
    };
    if let Some(name) = to.strip_prefix("queue:") {
        return queue(name).ok_or_else(nobody);
    }
    if let Some(name) = to.strip_prefix("operator:") {
        return operator(name).ok_or_else(nobody);
    }
    match (queue(to), operator(to)) {
        (Some(_), Some(_)) => Err(unprocessable(
            "both a queue and an operator have that name: say `queue:NAME` or `operator:NAME`",
        )),
        (Some(target), None) | (None, Some(target)) => Ok(target),
        (None, None) => Err(nobody()),
    }
}
