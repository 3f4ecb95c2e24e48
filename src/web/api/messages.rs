//! Words to patrons, and words tried again.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::conversations::listed;
use super::said::{At, Said, unprocessable};
use crate::desk::SEGMENTS_MAX;
use crate::desk::views::{self, Names};
use crate::routing::{Act, ConversationId, Event, MessageId, Plan};
use crate::sms;
use crate::spool::transcript;
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

/// Letters of a sender's own key: a UUID has 36.
const CLIENT_ID_MAX: usize = 200;

#[derive(Deserialize)]
pub(super) struct Reply {
    pub(super) body: String,
    pub(super) client_id: Option<String>,
}

pub(super) async fn send(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(id): At<i64>,
    Said(reply): Said<Reply>,
) -> Result<Response, Problem> {
    say(&premises, &caller, ConversationId(id), reply).await
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

/// Words to a patron: some, and not too many.
pub(super) fn check_body(body: &str) -> Result<(), Problem> {
    if body.trim().is_empty() {
        return Err(unprocessable(
            "there is nothing to send: write something first",
        ));
    }
    let segments = sms::plan(body).segments;
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
) -> Result<Response, Problem> {
    check_key(reply.client_id.as_deref())?;
    check_body(&reply.body)?;
    let _turn = premises.turn_to_send(caller.id()).await;
    if let Some(client_id) = reply.client_id.clone()
        && let Some(answer) = sent_before(premises, caller, id, client_id).await?
    {
        return Ok(answer);
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
    Ok((StatusCode::CREATED, Json(shape)).into_response())
}

/// The answer to a send that came before under the same key.
async fn sent_before(
    premises: &Premises,
    caller: &Caller,
    id: ConversationId,
    client_id: String,
) -> Result<Option<Response>, Problem> {
    let operator = caller.id();
    let plan = Arc::clone(&caller.board.plan);
    let found = premises
        .spool
        .read(move |connection| {
            let message = transcript::message_by_client_id(connection, operator, &client_id)?;
            let Some(message) = message else {
                return Ok(None);
            };
            let Some(listed) = transcript::listed(connection, message.conversation)? else {
                return Ok(None);
            };
            let names = Names::new(connection, &plan);
            let shape = views::Message::new(&message, &listed.patron, &names)?;
            Ok(Some((message.conversation, shape)))
        })
        .await?;
    match found {
        None => Ok(None),
        Some((conversation, shape)) if conversation == id => {
            Ok(Some((StatusCode::OK, Json(shape)).into_response()))
        }
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

pub(super) async fn retry(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At((id, message)): At<(i64, i64)>,
) -> Result<Response, Problem> {
    let (id, message) = (ConversationId(id), MessageId(message));
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
    Ok(Json(shape).into_response())
}
