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
use jiff::{Span, Timestamp};
use serde::Deserialize;

use super::said::{At, unprocessable};
use crate::records::{Division, Form, Measure, Report, picture};
use crate::routing::{ConversationId, Right};
use crate::spool::export::Selection;
use crate::spool::{SpoolError, export, statistics};
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

/// Days of one report at most.
const DAYS_MAX: i32 = 400;
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

/// The days asked for, in the library's own time.
fn days(asked: &Asked, zone: &TimeZone, now: Timestamp) -> Result<(Date, Date), Problem> {
    let today = zone.to_datetime(now).date();
    let to = asked.to.unwrap_or(today);
    let from = asked.from.unwrap_or_else(|| to.first_of_month());
    let long = from
        .until(to)
        .map(|span| span.get_days())
        .unwrap_or(i32::MAX);
    if !(0..=DAYS_MAX).contains(&long) {
        return Err(unprocessable(format!(
            "`from` is a day, `to` the same or a later one, at most {DAYS_MAX} days apart: 2026-11-01"
        )));
    }
    Ok((from, to))
}

async fn report(
    premises: &Premises,
    caller: &Caller,
    asked: &Asked,
) -> Result<(Report, Date, Date), Problem> {
    caller.needs(Right::Report)?;
    let by = asked.by.as_deref().unwrap_or("queue");
    let by = Division::from_word(by).ok_or_else(|| {
        let words = Division::ALL.map(Division::word).join(", ");
        bad(format!("`by` is one of {words}"))
    })?;
    let zone = caller.board.plan.library.time_zone.clone();
    let (from, to) = days(asked, &zone, premises.spool.now())?;
    let start = |day: Date| {
        day.to_zoned(zone.clone())
            .map(|zoned| zoned.timestamp())
            .map_err(|_| unprocessable("this day is out of the calendar"))
    };
    let begin = start(from)?;
    let end = start(to.checked_add(Span::new().days(1)).unwrap_or(to))?;
    let counted = premises
        .spool
        .read(move |connection| {
            let statistics = statistics::between(connection, begin, end)?;
            Ok(Report::of(&statistics, by, &zone))
        })
        .await?;
    Ok((counted, from, to))
}

/// `GET /reports`
pub(super) async fn table(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let (report, from, to) = report(&premises, &caller, &asked).await?;
    let answer = serde_json::json!({
        "by": report.by.word(), "from": from, "to": to, "items": report.rows, "next": null,
    });
    Ok(Json(answer).into_response())
}

/// `GET /reports.csv`
pub(super) async fn csv(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let (report, from, to) = report(&premises, &caller, &asked).await?;
    let name = format!(
        "attachment; filename=\"callnumber-{}-{from}-{to}.csv\"",
        report.by.word()
    );
    let head = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((head, report.csv()).into_response())
}

/// `GET /reports.svg`
pub(super) async fn drawing(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let measure = asked.measure.as_deref().unwrap_or("texts");
    let measure = Measure::from_word(measure).ok_or_else(|| bad("`measure` is texts or waits"))?;
    let (report, from, to) = report(&premises, &caller, &asked).await?;
    let title = format!(
        "{}: {} by {}, {from} to {to}",
        premises.settings.library,
        measure.word(),
        report.by.word()
    );
    let svg = picture(&report, measure, &title);
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
        .read(move |connection| export::one(connection, id, false))
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
        let start = |day: Date| {
            day.to_zoned(zone.clone())
                .ok()
                .map(|zoned| zoned.timestamp())
        };
        Selection {
            from: self.from.and_then(start),
            to: self
                .to
                .and_then(|day| day.checked_add(Span::new().days(1)).ok())
                .and_then(start),
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
    let found = premises
        .spool
        .read(move |connection| export::transcripts(connection, &selection, after, TRANSCRIPTS))
        .await?;
    let next = (found.len() == TRANSCRIPTS)
        .then(|| found.last().map(|last| last.conversation.to_string()))
        .flatten();
    Ok(Json(serde_json::json!({ "items": found, "next": next })).into_response())
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
    let spool = premises.spool.clone();
    let pages = stream::try_unfold(Some(None), move |next| {
        let (spool, selection, zone) = (spool.clone(), selection.clone(), zone.clone());
        async move {
            let Some(after) = next else {
                return Ok::<_, SpoolError>(None);
            };
            let found = spool
                .read(move |connection| {
                    export::transcripts(connection, &selection, after, TRANSCRIPTS)
                })
                .await?;
            let more = found.len() == TRANSCRIPTS;
            let next = found.last().filter(|_| more);
            let next = next.map(|last| Some(ConversationId(last.conversation)));
            let written: String = found.iter().map(|one| one.write(form, &zone)).collect();
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
