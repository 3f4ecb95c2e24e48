//! The desk itself: queues, operators, gateways, lines, and how all of it stands.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::modem::Line;
use crate::routing::{ConversationState, Show};
use crate::spool::{self, lines, outbox, transcript};
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;
use crate::web::shapes::{self, ModemShape, Page};

pub(super) async fn queues(caller: Caller) -> Json<Page<shapes::QueueShape>> {
    Json(Page::whole(shapes::queues(&caller.board, caller.id())))
}

pub(super) async fn operators(caller: Caller) -> Json<Page<shapes::OperatorShape>> {
    let board = &caller.board;
    let items = board.plan.operators.iter();
    Json(Page::whole(
        items.map(|one| shapes::operator(board, one)).collect(),
    ))
}

pub(super) async fn gateways(caller: Caller) -> Json<Page<shapes::GatewayShape>> {
    Json(Page::whole(shapes::gateways(&caller.board)))
}

/// The lines as they stand.
async fn modem_shapes(premises: &Premises) -> Result<Vec<ModemShape>, Problem> {
    let driven = premises.lines.now();
    let names: Vec<String> = driven.iter().map(|line| line.name.clone()).collect();
    let queued = premises
        .spool
        .read(move |connection| {
            names
                .iter()
                .map(|name| {
                    Ok((
                        outbox::waiting(connection, name)?,
                        lines::standing(connection, name)?,
                    ))
                })
                .collect::<spool::Result<Vec<_>>>()
        })
        .await?;
    Ok(driven
        .iter()
        .zip(queued)
        .map(|(line, (queued, standing))| {
            let status = line.status();
            let status = status.borrow();
            ModemShape::new(&line.name, &status, (queued, &standing))
        })
        .collect())
}

/// One line as it stands.
pub(super) async fn modem_shape(premises: &Premises, line: &Line) -> Result<ModemShape, Problem> {
    let name = line.name.clone();
    let (queued, standing) = premises
        .spool
        .read(move |connection| {
            Ok((
                outbox::waiting(connection, &name)?,
                lines::standing(connection, &name)?,
            ))
        })
        .await?;
    let status = line.status().borrow().clone();
    Ok(ModemShape::new(&line.name, &status, (queued, &standing)))
}

pub(super) async fn modems(
    State(premises): State<Arc<Premises>>,
    _caller: Caller,
) -> Result<Json<Page<ModemShape>>, Problem> {
    Ok(Json(Page::whole(modem_shapes(&premises).await?)))
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
            .filter(|operator| shapes::show(board, operator.id) == wanted)
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
        "queues": shapes::queues(board, caller.id()),
        "modems": modem_shapes(&premises).await?,
    }))
    .into_response())
}
