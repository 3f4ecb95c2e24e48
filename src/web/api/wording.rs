//! What a gateway's patrons are told, as they would read it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;

use super::said::{At, Said, unprocessable};
use crate::desk::views::{self, Page};
use crate::routing::{Gateway, Notice, Plan, unknown_name};
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

fn gateway<'a>(plan: &'a Plan, name: &str) -> Result<&'a Gateway, Problem> {
    plan.gateway_named(name).ok_or_else(|| {
        Problem::new(
            axum::http::StatusCode::NOT_FOUND,
            "there is no such gateway; GET /api/v1/gateways lists those there are",
        )
    })
}

pub(super) async fn notices(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(name): At<String>,
) -> Result<Json<Page<views::Notice>>, Problem> {
    let plan = &caller.board.plan;
    let gateway = gateway(plan, &name)?;
    let now = premises.spool.now();
    let all = Notice::ALL.into_iter();
    Ok(Json(Page::whole(
        all.map(|notice| views::Notice::new(plan, gateway, notice, None, now))
            .collect(),
    )))
}

#[derive(Deserialize)]
pub(super) struct Trial {
    notice: String,
    words: String,
}

pub(super) async fn preview(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(name): At<String>,
    Said(Trial { notice, words }): Said<Trial>,
) -> Result<Json<views::Notice>, Problem> {
    let plan = &caller.board.plan;
    let gateway = gateway(plan, &name)?;
    let Some(notice) = Notice::from_word(&notice) else {
        return Err(unprocessable(format!(
            "there is no such notice; there are {}",
            Notice::ALL.map(Notice::word).join(", ")
        )));
    };
    if let Some(unknown) = unknown_name(notice, &words) {
        return Err(unprocessable(format!(
            "this notice knows no {{{unknown}}}; it knows {{{}}}",
            notice.names().join("}, {")
        )));
    }
    let now = premises.spool.now();
    Ok(Json(views::Notice::new(
        plan,
        gateway,
        notice,
        Some(&words),
        now,
    )))
}
