//! Reports, and transcripts taken out of the desk.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use utoipa::ToSchema;

use super::extract::Report as Reporting;
use super::extract::{ApiPath, ApiQuery, Export, May, unprocessable};
use super::operation::Api;
use crate::desk::views::{Page, Report, Thread, WithOldKeys};
use crate::records::{Division, Form, Measure, Period, day_after, picture, start_of};
use crate::routing::ConversationId;
use crate::spool::SpoolError;
use crate::spool::export::Selection;
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

/// Conversations of one page of transcripts.
const TRANSCRIPTS: usize = 100;

pub(super) fn operations(api: &mut Api) {
    api.under("conversations");
    api.get(
        "/conversations/{id}/transcript",
        "exportConversation",
        transcript,
    )
    .says("The conversation written out")
    .gives("text/plain")
    .gives_json::<WithOldKeys<'_, Thread>>()
    .gives("application/mbox")
    .answers("The conversation written out.");
    api.under("staff");
    api.get("/transcripts", "exportTranscripts", transcripts)
        .says("Conversations of every queue, a page of them")
        .about("That it was done is in the audit trail.")
        .gives_json::<Page<WithOldKeys<'_, Thread>>>()
        .answers("Conversations of every queue, a page of them.");
    api.get("/transcripts/file", "takeTranscripts", transcripts_file)
        .says("Every transcript in one file")
        .about("That it was taken is in the audit trail, and whether numbers were in it.")
        .gives("text/plain")
        .gives("application/x-ndjson")
        .gives("application/mbox")
        .answers("The file.");
    api.get("/reports", "report", table)
        .says("Texts, answers and waits, counted")
        .about("Counted from statistics that hold no numbers, names of patrons or words.")
        .refuses(&[422])
        .answers("Texts, answers and waits, counted.");
    api.get("/reports.csv", "reportCsv", csv)
        .says("The same as comma-separated values")
        .gives("text/csv")
        .refuses(&[422])
        .answers("The same as comma-separated values.");
    api.get("/reports.svg", "reportPicture", drawing)
        .says("The same as a picture")
        .gives("image/svg+xml")
        .refuses(&[422])
        .answers("The same as a picture.");
}

#[derive(Deserialize, ToSchema)]
struct Asked {
    /// The first day, in the library's own time; the month so far when left out.
    from: Option<Date>,
    /// The last day; today when left out.
    to: Option<Date>,
    /// `queue` when left out.
    by: Option<Division>,
}

impl Asked {
    fn by(&self) -> Division {
        self.by.unwrap_or(Division::Queue)
    }
}

#[derive(Deserialize, ToSchema)]
struct AskedToDraw {
    /// The first day, in the library's own time; the month so far when left out.
    from: Option<Date>,
    /// The last day; today when left out.
    to: Option<Date>,
    /// `queue` when left out.
    by: Option<Division>,
    /// `texts` when left out.
    measure: Option<Measure>,
}

async fn report(premises: &Premises, caller: &Caller, asked: &Asked) -> Result<Report, Problem> {
    let by = asked.by();
    let zone = caller.board.plan.library.time_zone.clone();
    let period = Period::of(asked.from, asked.to, zone, premises.spool.now());
    let period = period.map_err(unprocessable)?;
    Ok(Report::read(&premises.spool, by, period).await?)
}

/// `GET /reports`
async fn table(
    State(premises): State<Arc<Premises>>,
    caller: May<Reporting>,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<Json<Report>, Problem> {
    report(&premises, &caller, &asked).await.map(Json)
}

/// `GET /reports.csv`
async fn csv(
    State(premises): State<Arc<Premises>>,
    caller: May<Reporting>,
    ApiQuery(asked): ApiQuery<Asked>,
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
async fn drawing(
    State(premises): State<Arc<Premises>>,
    caller: May<Reporting>,
    ApiQuery(asked): ApiQuery<AskedToDraw>,
) -> Result<Response, Problem> {
    let AskedToDraw {
        from,
        to,
        by,
        measure,
    } = asked;
    let (measure, asked) = (measure.unwrap_or(Measure::Texts), Asked { from, to, by });
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

#[derive(Deserialize, ToSchema)]
struct Written {
    /// `text` when left out.
    format: Option<Form>,
}

/// `GET /conversations/{id}/transcript`, for whoever may read it anyway.
async fn transcript(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiPath(id): ApiPath<ConversationId>,
    ApiQuery(written): ApiQuery<Written>,
) -> Result<Response, Problem> {
    let form = written.format.unwrap_or_default();
    let kind = match form {
        Form::Text => "text/plain; charset=utf-8",
        Form::Json => "application/json",
        Form::Mbox => "application/mbox",
    };
    let asks = caller.clone();
    let found = premises
        .spool
        .read(move |connection| match asks.reads(connection, id)? {
            Some(listed) => {
                Thread::read(connection, &asks.board.plan, &listed, usize::MAX).map(Some)
            }
            None => Ok(None),
        })
        .await?
        .ok_or_else(Problem::no_conversation)?;
    let zone = &caller.board.plan.library.time_zone;
    Ok(([(header::CONTENT_TYPE, kind)], found.write(form, zone)).into_response())
}

#[derive(Deserialize, ToSchema)]
struct Which {
    /// Active on this day or later.
    from: Option<Date>,
    /// Begun on this day or earlier.
    to: Option<Date>,
    /// Of this queue.
    queue: Option<String>,
    /// What `next` of the page before said.
    cursor: Option<i64>,
}

#[derive(Deserialize, ToSchema)]
struct WhichInAFile {
    /// `text` to be read, `json` with one object a line, or `mbox` for mail programs.
    #[serde(default)]
    #[schema(default = "text")]
    format: Form,
    /// Active on this day or later.
    from: Option<Date>,
    /// Begun on this day or earlier.
    to: Option<Date>,
    /// Of this queue.
    queue: Option<String>,
    /// With patrons' numbers in the place of their shown names.
    #[serde(default)]
    #[schema(default = false)]
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
async fn transcripts(
    State(premises): State<Arc<Premises>>,
    caller: May<Export>,
    ApiQuery(which): ApiQuery<Which>,
) -> Result<Response, Problem> {
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
async fn transcripts_file(
    State(premises): State<Arc<Premises>>,
    caller: May<Export>,
    ApiQuery(which): ApiQuery<WhichInAFile>,
) -> Result<Response, Problem> {
    let (form, numbers) = (which.format, which.numbers);
    let which = Which {
        from: which.from,
        to: which.to,
        queue: which.queue,
        cursor: None,
    };
    let (kind, ending) = match form {
        Form::Text => ("text/plain; charset=utf-8", "txt"),
        // One object a line.
        Form::Json => ("application/x-ndjson", "ndjson"),
        Form::Mbox => ("application/mbox", "mbox"),
    };
    let zone = caller.board.plan.library.time_zone.clone();
    let selection = which.selection(&zone, numbers);
    taken(&premises, &caller, &which, numbers).await?;
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
