//! Words to patrons, and words tried again.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::conversations::listed;
use super::extract::{ApiJson, ApiPath, unprocessable};
use super::operation::{Api, Once};
use crate::desk::views::{self, Names};
use crate::desk::{Board, SEGMENTS_MAX};
use crate::routing::{Act, ConversationId, Event, MessageId, Plan};
use crate::sms;
use crate::spool::transcript;
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

/// Letters of a sender's own key: a UUID has 36.
const CLIENT_ID_MAX: usize = 200;

pub(super) fn operations(api: &mut Api) {
    api.under("conversations");
    api.post("/conversations/{id}/messages", "sendMessage", send)
        .says("Answer")
        .about(
            "The first to answer claims the conversation. When another was first the answer is 409, with \
             `answered_by` and the unsent words as `draft`.",
        )
        .example(json!({"body": "It is on the hold shelf.", "client_id": "k"}))
        .refuses(&[409])
        .answers("On disk, and on its way.")
        .answers("This `client_id` was sent before: that message.");
    api.post(
        "/conversations/{id}/messages/{message}/retry",
        "retryMessage",
        retry,
    )
    .says("Send a failed or unknown message again")
    .about("It may arrive twice.")
    .refuses(&[409, 422])
    .answers("The message.");
}

#[derive(Deserialize, ToSchema)]
pub(super) struct Reply {
    /// At most ten segments.
    #[schema(min_length = 1)]
    pub(super) body: String,
    /// Your own key: the same key is the same message, so a retry never doubles.
    #[schema(min_length = 1, max_length = 200)]
    pub(super) client_id: Option<String>,
}

async fn send(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiPath(id): ApiPath<ConversationId>,
    ApiJson(reply): ApiJson<Reply>,
) -> Result<Once<views::Message>, Problem> {
    say(&premises, &caller, id, reply).await
}

/// A sender's own key is not to be endless.
pub(super) fn check_key(client_id: Option<&str>) -> Result<(), Problem> {
    match client_id {
        Some(key) if key.is_empty() || key.chars().count() > CLIENT_ID_MAX => {
            Err(unprocessable(format!(
                "`client_id` has 1 to {CLIENT_ID_MAX} letters: make one up for each message, and \
                 send the same again when you try again"
            )))
        }
        Some(_) | None => Ok(()),
    }
}

/// Words to a patron: some, and not too many for any line.
pub(super) fn check_body(board: &Board, body: &str) -> Result<(), Problem> {
    if body.trim().is_empty() {
        return Err(unprocessable(
            "there is nothing to send: write something first",
        ));
    }
    let lines = board.tables.values().copied();
    let tables = lines.chain([sms::NationalTables::NONE]);
    let segments = tables.map(|tables| sms::plan_in(body, tables).segments);
    let segments = segments.min().unwrap_or_default();
    if segments > SEGMENTS_MAX {
        return Err(unprocessable(format!(
            "this would take {segments} texts, and {SEGMENTS_MAX} are the most: longer answers \
             belong in e-mail"
        ))
        .with_draft(body));
    }
    Ok(())
}

/// Sends a reply, once for each key.
pub(super) async fn say(
    premises: &Premises,
    caller: &Caller,
    id: ConversationId,
    reply: Reply,
) -> Result<Once<views::Message>, Problem> {
    check_key(reply.client_id.as_deref())?;
    check_body(&caller.board, &reply.body)?;
    let _turn = premises.turn_to_send(caller.id()).await;
    if let Some(client_id) = reply.client_id.clone()
        && let Some(answer) = sent_before(premises, caller, id, client_id).await?
    {
        return Ok(Once::Before(answer));
    }
    let listed = listed(premises, caller, id).await?;
    let draft = reply.body.clone();
    let receipt = premises
        .desk
        .ask(Event::act(
            caller.id(),
            id,
            Act::Send {
                body: reply.body,
                client_id: reply.client_id,
            },
        ))
        .await
        .map_err(|error| Problem::from(error).with_draft(&draft))?;
    let message = receipt.message.ok_or_else(|| {
        tracing::error!(conversation = %id, "a granted send made no message");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the desk made a mistake: it is in its log; reload the conversation to see whether \
             the text went out",
        )
        .with_draft(&draft)
    })?;
    let plan = Arc::clone(&caller.board.plan);
    let shape = shape_message(premises, plan, listed.patron, message).await?;
    Ok(Once::Made(shape))
}

/// The answer to a send that came before under the same key.
async fn sent_before(
    premises: &Premises,
    caller: &Caller,
    id: ConversationId,
    client_id: String,
) -> Result<Option<views::Message>, Problem> {
    let operator = caller.id();
    let plan = Arc::clone(&caller.board.plan);
    let asks = caller.clone();
    let found = premises
        .spool
        .read(move |connection| {
            let message = transcript::message_by_client_id(connection, operator, &client_id)?;
            let Some(message) = message else {
                return Ok(None);
            };
            let Some(listed) = asks.read_after_change(connection, message.conversation)? else {
                return Ok(None);
            };
            let names = Names::new(connection, &plan);
            let shape = views::Message::new(&message, &listed.patron, &names)?;
            Ok(Some((message.conversation, shape)))
        })
        .await?;
    match found {
        None => Ok(None),
        Some((conversation, shape)) if conversation == id => Ok(Some(shape)),
        Some(_) => {
            listed(premises, caller, id).await?;
            Err(unprocessable(
                "this `client_id` belongs to a message of another conversation: make up a new one \
             for each message",
            ))
        }
    }
}

async fn shape_message(
    premises: &Premises,
    plan: Arc<Plan>,
    patron: String,
    message: crate::routing::Message,
) -> Result<views::Message, Problem> {
    let shape = premises
        .spool
        .read(move |connection| {
            views::Message::new(&message, &patron, &Names::new(connection, &plan))
        })
        .await?;
    Ok(shape)
}

async fn retry(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiPath((id, message)): ApiPath<(ConversationId, MessageId)>,
) -> Result<Json<views::Message>, Problem> {
    let listed = listed(&premises, &caller, id).await?;
    let receipt = premises
        .desk
        .ask(Event::act(caller.id(), id, Act::Retry { message }))
        .await?;
    let message = match receipt.message {
        Some(message) => Some(message),
        None => {
            premises
                .spool
                .read(move |connection| transcript::message(connection, message))
                .await?
        }
    };
    let message = message.ok_or_else(|| Problem::from(crate::routing::Refusal::NoSuchMessage))?;
    let plan = Arc::clone(&caller.board.plan);
    let shape = shape_message(&premises, plan, listed.patron, message).await?;
    Ok(Json(shape))
}
