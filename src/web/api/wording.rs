//! What a gateway's patrons are told, as they would read it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::extract::{ApiJson, ApiPath, GatewayName, Named, unprocessable};
use super::operation::Api;
use crate::desk::views::{self, Page};
use crate::routing::{Gateway, Notice, Plan, unknown_name};
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

pub(super) fn operations(api: &mut Api) {
    api.under("desk");
    api.get("/gateways/{name}/notices", "listNotices", notices)
        .says("List what a gateway's patrons are told, as they would read it")
        .answers("All of them.");
    api.post("/gateways/{name}/preview", "previewNotice", preview)
        .says("Try another wording of a notice")
        .example(json!({"notice": "closed", "words": "{library} opens {opening}."}))
        .answers("As a patron would read it; nothing is kept.");
}

fn gateway<'a>(plan: &'a Plan, name: &str) -> Result<&'a Gateway, Problem> {
    plan.gateway_named(name).ok_or_else(GatewayName::missing)
}

async fn notices(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiPath(GatewayName(name)): ApiPath<GatewayName>,
) -> Result<Json<Page<views::Notice>>, Problem> {
    let plan = &caller.board.plan;
    let gateway = gateway(plan, &name)?;
    let now = premises.spool.now();
    let all = Notice::ALL.into_iter();
    Ok(Json(Page::whole(
        all.map(|notice| views::Notice::new(&caller.board, gateway, notice, None, now))
            .collect(),
    )))
}

#[derive(Deserialize, ToSchema)]
struct Trial {
    notice: Notice,
    words: String,
}

async fn preview(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiPath(GatewayName(name)): ApiPath<GatewayName>,
    ApiJson(Trial { notice, words }): ApiJson<Trial>,
) -> Result<Json<views::Notice>, Problem> {
    let plan = &caller.board.plan;
    let gateway = gateway(plan, &name)?;
    if let Some(unknown) = unknown_name(notice, &words) {
        return Err(unprocessable(format!(
            "this notice knows no {{{unknown}}}; it knows {{{}}}",
            notice.names().join("}, {")
        )));
    }
    let now = premises.spool.now();
    Ok(Json(views::Notice::new(
        &caller.board,
        gateway,
        notice,
        Some(&words),
        now,
    )))
}
