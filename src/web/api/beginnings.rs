//! A conversation begun by the desk.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::conversations::whole;
use super::extract::{ApiJson, ApiPath, unprocessable};
use super::messages::{check_body, check_key};
use super::operation::{Api, Created};
use crate::desk::views::Thread;
use crate::routing::{Event, Gateway, GatewayKind, Name};
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

pub(super) fn operations(api: &mut Api) {
    api.under("conversations");
    api.post("/conversations", "beginConversation", begin)
        .says("Begin a conversation")
        .about(
            "Goes on in the patron's thread if there is one; 409 when they opted out, or when a colleague \
             answers them.",
        )
        .example(json!({"to": "+15551239999", "body": "Your book is in."}))
        .refuses(&[404, 409])
        .answers("The conversation, with its thread.");
}

#[derive(Deserialize, ToSchema)]
struct Beginning {
    /// A telephone number, or an instant-message address.
    #[schema(min_length = 1)]
    to: String,
    /// The first text, at most ten segments.
    #[schema(min_length = 1)]
    body: String,
    /// The first sms gateway of the caller's queues when left out.
    #[schema(value_type = Option<Name>)]
    gateway: Option<String>,
    /// The sender's own key: the same key is the same text.
    #[schema(min_length = 1, max_length = 200)]
    client_id: Option<String>,
}

async fn begin(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiJson(beginning): ApiJson<Beginning>,
) -> Result<Created<Thread>, Problem> {
    check_key(beginning.client_id.as_deref())?;
    check_body(&caller.board, &beginning.body)?;
    let gateway = gateway(&caller, beginning.gateway.as_deref())?.id;
    let turn = premises.turn_to_send(caller.id()).await;
    let draft = beginning.body.clone();
    let receipt = premises
        .desk
        .ask(Event::Begin {
            by: caller.id().into(),
            operator: caller.id(),
            gateway,
            to: beginning.to.trim().to_owned(),
            body: beginning.body,
            client_id: beginning.client_id,
        })
        .await
        .map_err(|error| Problem::from(error).with_draft(&draft))?;
    let id = receipt
        .conversation
        .map(|conversation| conversation.id)
        .or(receipt.message.map(|message| message.conversation))
        .ok_or_else(Problem::no_conversation)?;
    drop(turn);
    let Json(thread) = whole(State(premises), caller, ApiPath(id)).await?;
    Ok(Created(thread))
}

/// The gateway named, or the first that feeds a queue of the caller's.
fn gateway<'a>(caller: &'a Caller, name: Option<&str>) -> Result<&'a Gateway, Problem> {
    let plan = &caller.board.plan;
    if let Some(name) = name {
        return plan.gateway_named(name).ok_or_else(|| {
            unprocessable("there is no such gateway; GET /api/v1/gateways lists those there are")
        });
    }
    plan.gateways
        .iter()
        .find(|gateway| {
            !gateway.removed
                && gateway.kind == GatewayKind::Sms
                && caller.operator.queues.contains(&gateway.queue)
        })
        .ok_or_else(|| {
            unprocessable("no sms gateway feeds a queue of yours: name another `gateway`")
        })
}
