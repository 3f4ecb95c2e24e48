//! The process behind the page: how well the box is, how much its log tells, and its configuration read
//! again. What `callnumber doctor`, `log` and `reload` do on the box.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::said::{Said, unprocessable};
use crate::errands::Chore;
use crate::routing::Right;
use crate::web::caller::Caller;
use crate::web::premises::{Examining, Premises};
use crate::web::problem::Problem;

/// For how long the page may make the log tell more: a day, and nobody forgets it.
const LOUD_MOST_S: u64 = 24 * 60 * 60;

/// `GET /box/health`
#[derive(Debug, Serialize)]
pub(super) struct HealthShape {
    /// Whether a look is under way.
    running: bool,
    /// When the last one ended.
    at: Option<Timestamp>,
    /// Whether it found nothing to mend; null before the first.
    well: Option<bool>,
    findings: Vec<Value>,
    /// Why there are none, where the look itself failed.
    problem: Option<String>,
}

impl From<Examining> for HealthShape {
    fn from(examining: Examining) -> Self {
        let (at, looked) = match examining.last {
            Some((at, looked)) => (Some(at), Some(looked)),
            None => (None, None),
        };
        let (report, problem) = match looked {
            Some(Ok(report)) => (report, None),
            Some(Err(words)) => (Value::Null, Some(words)),
            None => (Value::Null, None),
        };
        Self {
            running: examining.running,
            at,
            well: report["well"].as_bool(),
            findings: report["findings"].as_array().cloned().unwrap_or_default(),
            problem,
        }
    }
}

/// How the last look stands.
pub(super) async fn health(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
) -> Result<Json<HealthShape>, Problem> {
    caller.needs(Right::Arrange)?;
    let examining = premises.examine_now(|examining| examining.clone());
    Ok(Json(examining.into()))
}

/// Begins a look; one at a time. It reads all of the spool and asks the mail server, and so outlives the
/// request.
pub(super) async fn examine(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
) -> Result<Response, Problem> {
    caller.needs(Right::Arrange)?;
    let begun = premises.examine_now(|examining| !std::mem::replace(&mut examining.running, true));
    if begun {
        let premises = Arc::clone(&premises);
        tokio::spawn(async move {
            let found = premises.errands.ask(Chore::Examine).await;
            let now = premises.spool.now();
            premises.examine_now(|examining| {
                *examining = Examining {
                    running: false,
                    last: Some((now, found)),
                };
            });
        });
    }
    let examining = premises.examine_now(|examining| examining.clone());
    let answer = Json(HealthShape::from(examining));
    Ok((StatusCode::ACCEPTED, answer).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Loudness {
    /// A level, a filter, or `usual`.
    level: String,
    /// Back to usual after so many seconds.
    for_s: Option<u64>,
}

/// Tells more or less in the log.
pub(super) async fn set_log(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    Said(Loudness { level, for_s }): Said<Loudness>,
) -> Result<Json<Value>, Problem> {
    caller.needs(Right::Arrange)?;
    if for_s.is_some_and(|seconds| !(1..=LOUD_MOST_S).contains(&seconds)) {
        return Err(unprocessable(format!(
            "`for_s` is a number of seconds from 1 to {LOUD_MOST_S}, or left out"
        )));
    }
    let chore = Chore::Log {
        level: level.clone(),
        for_s,
    };
    let mut told = ask(&premises, chore).await?;
    let until = for_s
        .and_then(|seconds| i64::try_from(seconds).ok())
        .and_then(|seconds| {
            let lasting = SignedDuration::from_secs(seconds);
            premises.spool.now().checked_add(lasting).ok()
        });
    told["until"] = json!(until);
    let detail = json!({ "level": level, "for_s": for_s });
    premises
        .note(caller.id(), "set_log", None, Some(detail))
        .await?;
    Ok(Json(told))
}

/// Reads the configuration again.
pub(super) async fn reload(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
) -> Result<Json<Value>, Problem> {
    caller.needs(Right::Arrange)?;
    let told = ask(&premises, Chore::Reload).await?;
    let detail = json!({ "changed": told["changed"] });
    premises
        .note(caller.id(), "reloaded", None, Some(detail))
        .await?;
    Ok(Json(told))
}

async fn ask(premises: &Premises, chore: Chore) -> Result<Value, Problem> {
    let asked = premises.errands.ask(chore).await;
    asked.map_err(|words| Problem::new(StatusCode::CONFLICT, words))
}
