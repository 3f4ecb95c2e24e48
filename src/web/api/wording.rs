//! What a gateway's patrons are told, as they would read it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::said::{At, Said, unprocessable};
use crate::routing::{Gateway, Notice, Plan, unknown_name};
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;
use crate::web::segments;
use crate::web::shapes::Page;

/// One notice of a gateway.
#[derive(Debug, Serialize)]
pub(super) struct NoticeShape {
    notice: &'static str,
    when: &'static str,
    /// The gateway's own wording; empty: it is not sent.
    own: Option<String>,
    default: &'static str,
    names: &'static [&'static str],
    /// As a patron would read it; `null` when nothing is sent.
    text: Option<String>,
    segments: usize,
}

impl NoticeShape {
    fn new(
        plan: &Plan,
        gateway: &Gateway,
        notice: Notice,
        words: Option<&str>,
        now: jiff::Timestamp,
    ) -> Self {
        let text = notice.preview(plan, gateway, words, now);
        Self {
            notice: notice.word(),
            when: notice.when(),
            own: gateway.wording.get(&notice).cloned(),
            default: notice.default_wording(gateway.kind),
            names: notice.names(),
            segments: text.as_deref().map_or(0, segments::count),
            text,
        }
    }
}

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
) -> Result<Json<Page<NoticeShape>>, Problem> {
    let plan = &caller.board.plan;
    let gateway = gateway(plan, &name)?;
    let now = premises.spool.now();
    let all = Notice::ALL.into_iter();
    Ok(Json(Page::whole(
        all.map(|notice| NoticeShape::new(plan, gateway, notice, None, now))
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
) -> Result<Json<NoticeShape>, Problem> {
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
    Ok(Json(NoticeShape::new(
        plan,
        gateway,
        notice,
        Some(&words),
        now,
    )))
}
