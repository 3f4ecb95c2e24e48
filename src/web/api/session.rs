//! Signing in and out, and how an operator is.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use cookie::SameSite;
use jiff::Timestamp;
use serde::Deserialize;

use super::said::{Said, unprocessable};
use crate::desk::views;
use crate::routing::{Event, Show, spoken_since};
use crate::spool::transcript;
use crate::web::caller::{self, Caller};
use crate::web::network::From;
use crate::web::premises::Premises;
use crate::web::problem::Problem;
use crate::web::sign_in;

#[derive(Deserialize)]
pub(super) struct Credentials {
    name: String,
    password: String,
}

pub(super) async fn sign_in(
    State(premises): State<Arc<Premises>>,
    From(address): From,
    Said(credentials): Said<Credentials>,
) -> Result<Response, Problem> {
    let opened =
        sign_in::with_password(&premises, &credentials.name, credentials.password, address).await?;
    let board = premises.board();
    let operator = board
        .plan
        .operator(opened.operator)
        .ok_or_else(Problem::nobody)?;
    let cookie = caller::cookie(&premises.settings, &opened.token, SameSite::Strict);
    Ok((
        StatusCode::CREATED,
        [(header::SET_COOKIE, cookie)],
        Json(views::Operator::new(&board, operator)),
    )
        .into_response())
}

pub(super) async fn sign_out(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
) -> Result<Response, Problem> {
    let session = caller.session.ok_or_else(|| {
        unprocessable(
            "a bearer token has no session to end; DELETE /api/v1/tokens/{token} takes it away",
        )
    })?;
    sign_in::out(&premises, session).await?;
    let cookie = caller::no_cookie(&premises.settings);
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

#[derive(Deserialize)]
pub(super) struct Presence {
    show: Show,
}

pub(super) async fn presence(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    Said(Presence { show }): Said<Presence>,
) -> Result<Response, Problem> {
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
    let answer = serde_json::json!({
        "operator": caller.operator.name,
        "show": show,
        "waiting": waiting(count, oldest, premises.spool.now()),
    });
    Ok(Json(answer).into_response())
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
