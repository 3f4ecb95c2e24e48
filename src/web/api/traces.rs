//! What is said on a line's port, written down from the page and taken away as a file: masked, always.
//! One with numbers and words as they are is begun at the box itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::modems::find;
use super::said::At;
use crate::modem::{Line, TRACE_LIMIT, TracePlan, TraceStartError};
use crate::routing::Right;
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

/// The folder of those that were begun here, beside the spool.
const FOLDER: &str = "traces";

/// `GET /modems/{name}/trace`
#[derive(Debug, Serialize)]
pub(super) struct TraceShape {
    /// Whether one is being written.
    running: bool,
    /// The file it goes to, where the command line or the configuration began it: that one stays on
    /// the box.
    elsewhere: Option<PathBuf>,
    /// The last one that was begun here.
    kept: Option<KeptShape>,
}

#[derive(Debug, Serialize)]
struct KeptShape {
    /// When something was written to it last.
    written: Option<Timestamp>,
    octets: u64,
}

fn place(premises: &Premises, line: &str) -> PathBuf {
    // A line's name has no slash: it was checked as a gateway's.
    premises.beside(FOLDER).join(format!("{line}.trace"))
}

async fn shape(premises: &Premises, line: &Line) -> TraceShape {
    let ours = place(premises, &line.name);
    let told = tokio::fs::metadata(&ours).await.ok();
    let running = line.traced_to();
    TraceShape {
        running: running.is_some(),
        elsewhere: running.filter(|file| *file != ours),
        kept: told.map(|told| KeptShape {
            written: told.modified().ok().and_then(|at| at.try_into().ok()),
            octets: told.len(),
        }),
    }
}

pub(super) async fn stands(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(name): At<String>,
) -> Result<Json<TraceShape>, Problem> {
    caller.needs(Right::Arrange)?;
    let line = find(&premises, &name)?;
    Ok(Json(shape(&premises, &line).await))
}

/// Begins one.
pub(super) async fn begin(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(name): At<String>,
) -> Result<Response, Problem> {
    caller.needs(Right::Arrange)?;
    let line = find(&premises, &name)?;
    let file = place(&premises, &name);
    let folder = premises.beside(FOLDER);
    let made = tokio::task::spawn_blocking(move || super::backups::make_folder(&folder)).await;
    made.unwrap_or_else(|error| Err(std::io::Error::other(error)))
        .map_err(|error| {
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                format!(
                    "the folder of transcripts cannot be made: {error}; look at the disk that \
                     holds the spool"
                ),
            )
        })?;
    line.trace(TracePlan {
        file,
        unmasked: false,
        limit: TRACE_LIMIT,
    })
    .await
    .map_err(|error| {
        let status = match &error {
            TraceStartError::Running { .. } | TraceStartError::NotOurs { .. } => {
                StatusCode::CONFLICT
            }
            TraceStartError::File { .. } => StatusCode::SERVICE_UNAVAILABLE,
        };
        Problem::new(status, error.to_string())
    })?;
    premises
        .note(caller.id(), "began_trace", Some(name), None)
        .await?;
    let shape = shape(&premises, &line).await;
    Ok((StatusCode::CREATED, Json(shape)).into_response())
}

/// Ends it, whoever began it.
pub(super) async fn end(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(name): At<String>,
) -> Result<Json<TraceShape>, Problem> {
    caller.needs(Right::Arrange)?;
    let line = find(&premises, &name)?;
    if line.end_trace().await.is_none() {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "this line is not being traced: POST begins a transcript",
        ));
    }
    premises
        .note(caller.id(), "ended_trace", Some(name), None)
        .await?;
    Ok(Json(shape(&premises, &line).await))
}

/// The file, also while it is being written. That it was taken is written down.
pub(super) async fn take(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(name): At<String>,
) -> Result<Response, Problem> {
    caller.needs(Right::Arrange)?;
    find(&premises, &name)?;
    let file = place(&premises, &name);
    let words = read(&file).await.ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "there is no transcript of this line's port yet: POST …/trace begins one",
        )
    })?;
    premises
        .note(
            caller.id(),
            "took_trace",
            Some(name.clone()),
            Some(json!({ "octets": words.len() })),
        )
        .await?;
    let head = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}.trace\""),
        ),
    ];
    Ok((head, words).into_response())
}

/// The whole of it: the tracer puts a file aside before it is much larger than its limit.
async fn read(file: &Path) -> Option<Vec<u8>> {
    use tokio::io::AsyncReadExt;
    let file = tokio::fs::File::open(file).await.ok()?;
    let mut words = Vec::new();
    file.take(2 * TRACE_LIMIT)
        .read_to_end(&mut words)
        .await
        .ok()?;
    Some(words)
}
