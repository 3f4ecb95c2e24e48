//! The desk itself: queues, operators, gateways, lines, and how all of it stands.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::operation::Api;
use crate::desk::views::{self, Page, Status};
use crate::modem::Line;
use crate::spool::transcript;
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

pub(super) fn operations(api: &mut Api) {
    api.under("desk");
    api.get("/queues", "listQueues", queues)
        .says("List queues")
        .answers("All of them.");
    api.get("/operators", "listOperators", operators)
        .says("List operators")
        .answers("All of them.");
    api.get("/gateways", "listGateways", gateways)
        .says("List gateways")
        .answers("Those in use.");
    api.get("/modems", "listModems", modems)
        .says("List lines and how they are")
        .answers("All of them.");
    api.get("/status", "readStatus", status)
        .says("How the desk stands")
        .answers("Now.");
}

async fn queues(caller: Caller) -> Json<Page<views::Queue>> {
    Json(Page::whole(views::queues(&caller.board, Some(caller.id()))))
}

async fn operators(caller: Caller) -> Json<Page<views::Operator>> {
    Json(Page::whole(views::operators(&caller.board)))
}

async fn gateways(caller: Caller) -> Json<Page<views::Gateway>> {
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

async fn modems(
    State(premises): State<Arc<Premises>>,
    _caller: Caller,
) -> Result<Json<Page<views::Modem>>, Problem> {
    Ok(Json(Page::whole(driven(&premises).await?)))
}

/// How the desk stands.
#[derive(Debug, Serialize, ToSchema)]
struct DeskStatus {
    #[serde(flatten)]
    status: Status,
    /// Event streams that are open.
    #[schema(format = Int64)]
    streams: usize,
    modems: Vec<views::Modem>,
}

async fn status(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
) -> Result<Json<DeskStatus>, Problem> {
    let counts = premises.spool.read(transcript::counts).await?;
    let counts = counts.into_iter().collect();
    let opened_at = premises.spool.opened_at();
    Ok(Json(DeskStatus {
        status: Status::new(
            &caller.board,
            counts,
            opened_at,
            Some(caller.id()),
            premises.spool.trouble(),
        ),
        streams: premises.seats.taken(),
        modems: driven(&premises).await?,
    }))
}
