//! What a gateway's patrons are told, as they would read it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::extract::{ApiJson, ApiPath, GatewayName, Named, unprocessable};
use super::operation::Api;
use crate::desk::views::{self, Page};
use crate::routing::{Amendment, Gateway, Notice, Plan, invitation, unknown_name};
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
    api.get("/gateways/{name}/keywords", "listKeywords", keywords)
        .says("List the words that are answered without a librarian")
        .about("`POST /amendments` with the change `set_keyword` adds, changes and removes one.")
        .answers("All of them.");
    api.post(
        "/gateways/{name}/keywords/preview",
        "previewKeyword",
        preview_keyword,
    )
    .says("Try a keyword and its answer")
    .example(json!({"word": "HOURS", "answer": "{library}: {hours_link}"}))
    .answers("As a patron would read it; nothing is kept.");
    api.post("/drafts", "checkDraft", check_draft)
        .says("Look at an answer before it is sent")
        .example(json!({"body": "Shall we renew or cancel?"}))
        .answers("What whoever writes it should know.");
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

async fn keywords(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiPath(GatewayName(name)): ApiPath<GatewayName>,
) -> Result<Json<Page<views::Keyword>>, Problem> {
    let plan = &caller.board.plan;
    let now = premises.spool.now();
    let all = views::Keyword::all(plan, gateway(plan, &name)?, now);
    Ok(Json(Page::whole(all)))
}

#[derive(Deserialize, ToSchema)]
struct KeywordTrial {
    /// The whole of a message; case, accents and punctuation are all the same.
    #[schema(min_length = 1, max_length = 100)]
    word: String,
    /// What the patron is told.
    answer: String,
}

async fn preview_keyword(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiPath(GatewayName(name)): ApiPath<GatewayName>,
    ApiJson(KeywordTrial { word, answer }): ApiJson<KeywordTrial>,
) -> Result<Json<views::Keyword>, Problem> {
    let plan = &caller.board.plan;
    let gateway = gateway(plan, &name)?;
    let trial = Amendment::SetKeyword {
        gateway: name,
        word: word.clone(),
        answer: Some(answer.clone()),
    };
    plan.check(&trial)
        .map_err(|error| unprocessable(error.to_string()))?;
    let now = premises.spool.now();
    Ok(Json(views::Keyword::new(
        plan,
        gateway,
        word.trim(),
        answer.trim(),
        now,
    )))
}

#[derive(Deserialize, ToSchema)]
struct Draft {
    /// The words, as far as they are written.
    #[schema(max_length = 20_000)]
    body: String,
}

/// What an answer would come to.
#[derive(Serialize, ToSchema)]
struct DraftCheck {
    /// A word that it invites as an answer and that would opt the patron out.
    invites: Option<String>,
    /// The same for whoever writes it, in words.
    warning: Option<String>,
}

async fn check_draft(
    caller: Caller,
    ApiJson(Draft { body }): ApiJson<Draft>,
) -> Result<Json<DraftCheck>, Problem> {
    let invites = invitation(&body, &caller.board.plan.languages());
    let warning = invites.as_ref().map(|word| {
        format!(
            "A patron who answers {word} gets no more texts from the library: ask for another word."
        )
    });
    Ok(Json(DraftCheck { invites, warning }))
}
