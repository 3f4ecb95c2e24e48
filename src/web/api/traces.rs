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
use utoipa::ToSchema;

use super::extract::{ApiPath, Arrange, LineName, May};
use super::modems::find;
use super::operation::{Api, Created};
use crate::modem::{Line, TRACE_LIMIT, TracePlan, TraceStartError};
use crate::web::premises::Premises;
use crate::web::problem::Problem;

/// The folder of those that were begun here, beside the spool.
const FOLDER: &str = "traces";

pub(super) fn operations(api: &mut Api) {
    api.under("desk");
    api.get("/modems/{name}/trace", "readTrace", stands)
        .says("Whether what is said on a line's port is written down")
        .answers("Now.");
    api.post("/modems/{name}/trace", "beginTrace", begin)
        .says("Write down what is said on a line's port")
        .about(
            "For a bug report. Numbers and words are masked. The modem is set up anew, so that the \
             transcript begins with what it is; no text is lost by that. Recorded.",
        )
        .refuses(&[409])
        .answers("It begins.");
    api.delete("/modems/{name}/trace", "endTrace", end)
        .says("End the transcript of a line's port")
        .refuses(&[409])
        .answers("It is ended, and whole.");
    api.get("/modems/{name}/trace/file", "takeTrace", take)
        .says("Take away the transcript of a line's port")
        .about(
            "The one that was begun with `POST …/trace` last, also while it is being written. Recorded.",
        )
        .gives("text/plain")
        .answers("The transcript.");
}

/// A transcript of what is said on a line's port.
#[derive(Debug, Serialize, ToSchema)]
struct Trace {
    /// Whether one is being written.
    running: bool,
    /// The file it goes to, where the command line or the configuration began it: that one stays on
    /// the box.
    #[schema(value_type = Option<String>)]
    elsewhere: Option<PathBuf>,
    /// The last one that was begun here.
    kept: Option<KeptTrace>,
}

/// The file of one.
#[derive(Debug, Serialize, ToSchema)]
struct KeptTrace {
    /// When something was written to it last.
    written: Option<Timestamp>,
    octets: u64,
}

fn place(premises: &Premises, line: &str) -> PathBuf {
    // A line's name has no slash: it was checked as a gateway's.
    premises.beside(FOLDER).join(format!("{line}.trace"))
}

async fn shape(premises: &Premises, line: &Line) -> Trace {
    let ours = place(premises, &line.name);
    let told = tokio::fs::metadata(&ours).await.ok();
    let running = line.traced_to();
    Trace {
        running: running.is_some(),
        elsewhere: running.filter(|file| *file != ours),
        kept: told.map(|told| KeptTrace {
            written: told.modified().ok().and_then(|at| at.try_into().ok()),
            octets: told.len(),
        }),
    }
}

async fn stands(
    State(premises): State<Arc<Premises>>,
    _caller: May<Arrange>,
    ApiPath(LineName(name)): ApiPath<LineName>,
) -> Result<Json<Trace>, Problem> {
    let line = find(&premises, &name)?;
    Ok(Json(shape(&premises, &line).await))
}

/// Begins one.
async fn begin(
    State(premises): State<Arc<Premises>>,
    caller: May<Arrange>,
    ApiPath(LineName(name)): ApiPath<LineName>,
) -> Result<Created<Trace>, Problem> {
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
    Ok(Created(shape(&premises, &line).await))
}

/// Ends it, whoever began it.
async fn end(
    State(premises): State<Arc<Premises>>,
    caller: May<Arrange>,
    ApiPath(LineName(name)): ApiPath<LineName>,
) -> Result<Json<Trace>, Problem> {
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
async fn take(
    State(premises): State<Arc<Premises>>,
    caller: May<Arrange>,
    ApiPath(LineName(name)): ApiPath<LineName>,
) -> Result<Response, Problem> {
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
