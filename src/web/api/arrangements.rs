//! The desk itself: queues, operators, gateways, lines, and how all of it stands.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::desk::views::{self, Page};
use crate::modem::Line;
use crate::routing::{ConversationState, Show};
use crate::spool::transcript;
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

pub(super) async fn queues(caller: Caller) -> Json<Page<views::Queue>> {
    Json(Page::whole(views::queues(&caller.board, caller.id())))
}

pub(super) async fn operators(caller: Caller) -> Json<Page<views::Operator>> {
    let board = &caller.board;
    let items = board.plan.operators.iter();
    Json(Page::whole(
        items.map(|one| views::Operator::new(board, one)).collect(),
    ))
}

pub(super) async fn gateways(caller: Caller) -> Json<Page<views::Gateway>> {
    Json(Page::whole(views::gateways(&caller.board)))
}

/// The lines as they stand.
async fn driven(premises: &Premises) -> Result<Vec<views::Modem>, Problem> {
    let lines = premises.lines.now();
    let known = lines
        .iter()
        .map(|line| (line.name.clone(), line.status().borrow().clone()));
    Ok(views::modems(&premises.spool, known.collect()).await?)
}

/// One line as it stands.
pub(super) async fn modem(premises: &Premises, line: &Line) -> Result<views::Modem, Problem> {
    let status = line.status().borrow().clone();
    Ok(views::modem(&premises.spool, &line.name, status).await?)
}

pub(super) async fn modems(
    State(premises): State<Arc<Premises>>,
    _caller: Caller,
) -> Result<Json<Page<views::Modem>>, Problem> {
    Ok(Json(Page::whole(driven(&premises).await?)))
}

pub(super) async fn status(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
) -> Result<Response, Problem> {
    let counts = premises.spool.read(transcript::counts).await?;
    let count = |state| {
        counts
            .iter()
            .find(|(counted, _)| *counted == state)
            .map_or(0, |(_, count)| *count)
    };
    let board = &caller.board;
    let shows = |wanted| {
        board
            .plan
            .operators
            .iter()
            .filter(|operator| views::show(board, operator.id) == wanted)
            .map(|operator| operator.name.as_str())
            .collect::<Vec<_>>()
    };
    Ok(Json(serde_json::json!({
        "library": premises.settings.library,
        "version": env!("CARGO_PKG_VERSION"),
        "started_at": premises.opened_at,
        "conversations": {
            "held": count(ConversationState::Held),
            "waiting": count(ConversationState::Waiting),
            "claimed": count(ConversationState::Claimed),
        },
        "available": shows(Show::Available),
        "away": shows(Show::Away),
        "streams": premises.seats.taken(),
        "queues": views::queues(board, caller.id()),
        "modems": driven(&premises).await?,
    }))
    .into_response())
}
