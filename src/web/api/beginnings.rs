//! A conversation begun by the desk.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::conversations::whole;
use super::messages::{check_body, check_key};
use super::said::{At, Said, unprocessable};
use crate::routing::{Event, Gateway, GatewayKind};
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

#[derive(Deserialize)]
pub(super) struct Beginning {
    to: String,
    body: String,
    gateway: Option<String>,
    client_id: Option<String>,
}

pub(super) async fn begin(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    Said(beginning): Said<Beginning>,
) -> Result<Response, Problem> {
    check_key(beginning.client_id.as_deref())?;
    check_body(&beginning.body)?;
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
    let Json(thread) = whole(State(premises), caller, At(id.0)).await?;
    Ok((StatusCode::CREATED, Json(thread)).into_response())
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
