//! Reports, and transcripts taken out of the desk.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::said::{At, unprocessable};
use crate::desk::views::{Page, Report, Thread, WithOldKeys};
use crate::records::{Division, Form, Measure, Period, day_after, picture, start_of};
use crate::routing::{ConversationId, Right};
use crate::spool::SpoolError;
use crate::spool::export::Selection;
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

/// Conversations of one page of transcripts.
const TRANSCRIPTS: usize = 100;

fn bad(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

#[derive(Deserialize)]
pub(super) struct Asked {
    /// The first day; the month so far when left out.
    from: Option<Date>,
    /// The last day; today when left out.
    to: Option<Date>,
    by: Option<String>,
    measure: Option<String>,
}

async fn report(premises: &Premises, caller: &Caller, asked: &Asked) -> Result<Report, Problem> {
    caller.needs(Right::Report)?;
    let by = asked.by.as_deref().unwrap_or("queue");
    let by = Division::from_word(by).ok_or_else(|| {
        let words = Division::ALL.map(Division::word).join(", ");
        bad(format!("`by` is one of {words}"))
    })?;
    let zone = caller.board.plan.library.time_zone.clone();
    let period = Period::of(asked.from, asked.to, zone, premises.spool.now());
    let period = period.map_err(unprocessable)?;
    Ok(Report::read(&premises.spool, by, period).await?)
}

/// `GET /reports`
pub(super) async fn table(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Json<Report>, Problem> {
    report(&premises, &caller, &asked).await.map(Json)
}

/// `GET /reports.csv`
pub(super) async fn csv(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let report = report(&premises, &caller, &asked).await?;
    let (from, to) = (report.from, report.to);
    let name = format!(
        "attachment; filename=\"callnumber-{}-{from}-{to}.csv\"",
        report.by.word()
    );
    let head = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((head, report.counted().csv()).into_response())
}

/// `GET /reports.svg`
pub(super) async fn drawing(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let measure = asked.measure.as_deref().unwrap_or("texts");
    let measure = Measure::from_word(measure).ok_or_else(|| bad("`measure` is texts or waits"))?;
    let report = report(&premises, &caller, &asked).await?;
    let (from, to) = (report.from, report.to);
    let title = format!(
        "{}: {} by {}, {from} to {to}",
        premises.settings.library,
        measure.word(),
        report.by.word()
    );
    let svg = picture(&report.counted(), measure, &title);
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], svg).into_response())
}

#[derive(Deserialize)]
pub(super) struct Written {
    format: Option<String>,
}

fn form(word: Option<&str>) -> Result<(Form, &'static str), Problem> {
    match word.unwrap_or("text") {
        "text" => Ok((Form::Text, "text/plain; charset=utf-8")),
        "json" => Ok((Form::Json, "application/json")),
        "mbox" => Ok((Form::Mbox, "application/mbox")),
        _ => Err(bad("`format` is text, json or mbox")),
    }
}

/// `GET /conversations/{id}/transcript`, for whoever may read it anyway.
pub(super) async fn transcript(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(id): At<i64>,
    Query(written): Query<Written>,
) -> Result<Response, Problem> {
    let (form, kind) = form(written.format.as_deref())?;
    let id = ConversationId(id);
    super::conversations::listed(&premises, &caller, id).await?;
    let found = premises
        .spool
        .read({
            let plan = Arc::clone(&caller.board.plan);
            move |connection| Thread::whole(connection, &plan, id, false)
        })
        .await?
        .ok_or_else(Problem::no_conversation)?;
    let zone = &caller.board.plan.library.time_zone;
    Ok(([(header::CONTENT_TYPE, kind)], found.write(form, zone)).into_response())
}

#[derive(Deserialize)]
pub(super) struct Which {
    from: Option<Date>,
    to: Option<Date>,
    queue: Option<String>,
    cursor: Option<i64>,
    /// Of the file: `text`, `json` or `mbox`.
    format: Option<String>,
    /// Of the file: patrons' numbers in the place of their shown names.
    #[serde(default)]
    numbers: bool,
}

impl Which {
    fn selection(&self, zone: &TimeZone, numbers: bool) -> Selection {
        let start = |day: Date| start_of(day, zone).ok();
        Selection {
            from: self.from.and_then(start),
            to: self.to.map(day_after).and_then(start),
            queue: self.queue.clone(),
            numbers,
        }
    }
}

/// Writes down that transcripts were taken, before any of them is.
async fn taken(
    premises: &Premises,
    caller: &Caller,
    which: &Which,
    numbers: bool,
) -> Result<(), Problem> {
    let detail = numbers.then(|| serde_json::json!({ "numbers": true }));
    premises
        .note(
            caller.id(),
            "exported_transcripts",
            which.queue.clone(),
            detail,
        )
        .await
}

/// `GET /transcripts`: a page of all there are, for an admin. That it was taken is written down.
pub(super) async fn transcripts(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    caller.needs(Right::Export)?;
    let zone = caller.board.plan.library.time_zone.clone();
    let selection = which.selection(&zone, false);
    if which.cursor.is_none() {
        taken(&premises, &caller, &which, false).await?;
    }
    let after = which.cursor.map(ConversationId);
    let plan = Arc::clone(&caller.board.plan);
    let found = premises
        .spool
        .read(move |connection| Thread::page(connection, &plan, &selection, after, TRANSCRIPTS))
        .await?;
    let items = found.items.iter().map(WithOldKeys).collect();
    let next = found.next.clone();
    Ok(Json(Page { items, next }).into_response())
}

/// `GET /transcripts/file`: all of them in one file, written while it is sent. That it was taken is
/// written down.
pub(super) async fn transcripts_file(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    caller.needs(Right::Export)?;
    let (form, kind) = form(which.format.as_deref())?;
    let (kind, ending) = match form {
        Form::Text => (kind, "txt"),
        // One object a line.
        Form::Json => ("application/x-ndjson", "ndjson"),
        Form::Mbox => (kind, "mbox"),
    };
    let zone = caller.board.plan.library.time_zone.clone();
    let selection = which.selection(&zone, which.numbers);
    taken(&premises, &caller, &which, which.numbers).await?;
    let (spool, plan) = (premises.spool.clone(), Arc::clone(&caller.board.plan));
    let pages = stream::try_unfold(Some(None), move |next| {
        let (spool, plan) = (spool.clone(), Arc::clone(&plan));
        let (selection, zone) = (selection.clone(), zone.clone());
        async move {
            let Some(after) = next else {
                return Ok::<_, SpoolError>(None);
            };
            let found = spool
                .read(move |connection| {
                    Thread::page(connection, &plan, &selection, after, TRANSCRIPTS)
                })
                .await?;
            let next = found.next.and_then(|next| next.parse().ok());
            let next = next.map(|id| Some(ConversationId(id)));
            let written: String = found
                .items
                .iter()
                .map(|one| one.write(form, &zone))
                .collect();
            Ok(Some((Bytes::from(written), next)))
        }
    });
    let name = format!("attachment; filename=\"callnumber-transcripts.{ending}\"");
    let head = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((head, Body::from_stream(pages)).into_response())
}
