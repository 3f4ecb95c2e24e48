//! Signing in and out, and how an operator is.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use cookie::SameSite;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::extract::{ApiJson, unprocessable};
use super::operation::{Api, Created, NoContent, WithCookie};
use crate::desk::views::Operator;
use crate::routing::{Event, Show, spoken_since};
use crate::spool::transcript;
use crate::web::caller::{self, Caller};
use crate::web::network::From;
use crate::web::premises::Premises;
use crate::web::problem::Problem;
use crate::web::sign_in;

pub(super) fn operations(api: &mut Api) {
    api.under("session");
    api.post("/session", "signIn", sign_in)
        .says("Sign in")
        .example(json!({"name": "ana", "password": "shelf mark"}))
        .refuses(&[401, 429, 503])
        .answers("Signed in; the cookie is the session, for a week.");
    api.delete("/session", "signOut", sign_out)
        .says("Sign out")
        .refuses(&[422])
        .answers("Signed out; streams opened with the session end.");
    api.put("/presence", "setPresence", presence)
        .says("Say how you are")
        .about("Without an open event stream, presence lapses 90 s after the last call.")
        .example(json!({"show": "available"}))
        .answers("How you are now.");
}

#[derive(Deserialize, ToSchema)]
struct Credentials {
    name: String,
    password: String,
}

async fn sign_in(
    State(premises): State<Arc<Premises>>,
    From(address): From,
    headers: HeaderMap,
    ApiJson(credentials): ApiJson<Credentials>,
) -> Result<WithCookie<Created<Operator>>, Problem> {
    let device = caller::device(&headers, &premises.settings);
    let Credentials { name, password } = credentials;
    let opened = sign_in::with_password(&premises, &name, password, address, device).await?;
    let board = premises.board();
    let operator = board
        .plan
        .operator(opened.operator)
        .ok_or_else(Problem::nobody)?;
    let cookies = caller::cookies(&premises.settings, &opened, SameSite::Strict);
    Ok(WithCookie(
        cookies,
        Created(Operator::new(&board, operator)),
    ))
}

async fn sign_out(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
) -> Result<WithCookie<NoContent>, Problem> {
    let session = caller.session.ok_or_else(|| {
        unprocessable(
            "a bearer token has no session to end; DELETE /api/v1/tokens/{token} takes it away",
        )
    })?;
    sign_in::out(&premises, session).await?;
    let cookie = caller::no_cookie(&premises.settings);
    Ok(WithCookie(vec![cookie], NoContent))
}

#[derive(Deserialize, ToSchema)]
struct Presence {
    show: Show,
}

/// How an operator is.
#[derive(Serialize, ToSchema)]
struct Present {
    operator: String,
    show: Show,
    /// What waits in front of you: `4 waiting, oldest 14 h`.
    waiting: String,
}

async fn presence(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiJson(Presence { show }): ApiJson<Presence>,
) -> Result<Json<Present>, Problem> {
    let event = Event::Presence {
        operator: caller.id(),
        show,
    };
    premises.desk.ask(event).await?;
    let queues = caller.operator.queues.clone();
    let (count, oldest) = premises
        .spool
        .read(move |connection| transcript::waiting_before(connection, &queues))
        .await?;
    Ok(Json(Present {
        operator: caller.operator.name,
        show,
        waiting: waiting(count, oldest, premises.spool.now()),
    }))
}

/// What is before whoever signs in: `4 waiting, oldest 14 h`.
fn waiting(count: usize, oldest: Option<Timestamp>, now: Timestamp) -> String {
    match oldest {
        Some(oldest) => {
            format!("{count} waiting, oldest {}", spoken_since(oldest, now))
        }
        None => "nobody is waiting".into(),
    }
}
