//! The process behind the page: how well the box is, how much its log tells, and its configuration read
//! again. What `callnumber doctor`, `log` and `reload` do on the box.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::extract::{ApiJson, Arrange, May, unprocessable};
use super::operation::{Accepted, Api};
use crate::errands::Chore;
use crate::web::premises::{Examining, Premises};
use crate::web::problem::Problem;

/// For how long the page may make the log tell more: a day, and nobody forgets it.
const LOUD_MOST_S: u64 = 24 * 60 * 60;

pub(super) fn operations(api: &mut Api) {
    api.under("desk");
    api.get("/box/health", "readHealth", health)
        .says("What the last look over the box found")
        .answers("What was found, and what to do.");
    api.post("/box/health", "examineBox", examine)
        .says("Look the box over")
        .about(
            "Ports, SIM, signal, clock, disk, the whole spool, mail, XMPP, the log. It changes nothing, and \
             takes from a second to a few minutes; one at a time.",
        )
        .answers("A look is under way: GET says how it stands.");
    api.put("/box/log", "setLog", set_log)
        .says("Tell more or less in the log")
        .about(
            "`debug` and `trace` write patrons' numbers and words into the log. Not kept over a restart. In \
             the audit trail.",
        )
        .example(json!({"level": "debug", "for_s": 600}))
        .refuses(&[409])
        .answers("In force.");
    api.post("/box/reload", "readFile", reload)
        .says("Read the configuration file again")
        .about("409 says what is wrong in the file; then nothing changed. In the audit trail.")
        .refuses(&[409])
        .answers("What came of it.");
}

/// How the last look over the box stands.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// Whether a look is under way.
    running: bool,
    /// When the last one ended.
    at: Option<Timestamp>,
    /// Whether it found nothing to mend; null before the first.
    well: Option<bool>,
    findings: Vec<Finding>,
    /// Why there are none, where the look itself failed.
    problem: Option<String>,
}

/// One thing that was looked at.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Finding {
    /// What was looked at: `SIM`, `clock`.
    check: String,
    /// Of which line.
    line: Option<String>,
    verdict: Verdict,
    found: String,
    /// What to do.
    remedy: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warning,
    Failure,
}

/// What a look found.
#[derive(Deserialize)]
struct Report {
    well: bool,
    findings: Vec<Finding>,
}

impl From<Examining> for Health {
    fn from(examining: Examining) -> Self {
        let (at, looked) = examining.last.unzip();
        let (report, problem) = match looked.map(|looked| looked.and_then(read::<Report>)) {
            Some(Ok(report)) => (Some(report), None),
            Some(Err(words)) => (None, Some(words)),
            None => (None, None),
        };
        Self {
            running: examining.running,
            at,
            well: report.as_ref().map(|report| report.well),
            findings: report.map_or_else(Vec::new, |report| report.findings),
            problem,
        }
    }
}

/// How the last look stands.
async fn health(
    State(premises): State<Arc<Premises>>,
    _caller: May<Arrange>,
) -> Result<Json<Health>, Problem> {
    let examining = premises.examine_now(|examining| examining.clone());
    Ok(Json(examining.into()))
}

/// Begins a look; one at a time. It reads all of the spool and asks the mail server, and so outlives the
/// request.
async fn examine(State(premises): State<Arc<Premises>>, _caller: May<Arrange>) -> Accepted<Health> {
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
    Accepted(examining.into())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Loudness {
    /// `error`, `warn`, `info`, `debug`, `trace`; `usual`, as at start; or a filter such as
    /// `callnumber::modem=debug,warn`.
    #[schema(min_length = 1, max_length = 500)]
    level: String,
    /// Back to what is usual after so many seconds.
    #[schema(minimum = 1, maximum = 86400)]
    for_s: Option<u64>,
}

/// How much the log tells.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Logging {
    /// What it logs by now.
    filter: String,
    /// When it goes back to what is usual.
    #[serde(default)]
    until: Option<Timestamp>,
}

/// Tells more or less in the log.
async fn set_log(
    State(premises): State<Arc<Premises>>,
    caller: May<Arrange>,
    ApiJson(Loudness { level, for_s }): ApiJson<Loudness>,
) -> Result<Json<Logging>, Problem> {
    if for_s.is_some_and(|seconds| !(1..=LOUD_MOST_S).contains(&seconds)) {
        return Err(unprocessable(format!(
            "`for_s` is a number of seconds from 1 to {LOUD_MOST_S}, or left out"
        )));
    }
    let chore = Chore::Log {
        level: level.clone(),
        for_s,
    };
    let mut told: Logging = ask(&premises, chore).await?;
    told.until = for_s
        .and_then(|seconds| i64::try_from(seconds).ok())
        .and_then(|seconds| {
            let lasting = SignedDuration::from_secs(seconds);
            premises.spool.now().checked_add(lasting).ok()
        });
    let detail = json!({ "level": level, "for_s": for_s });
    premises
        .note(caller.id(), "set_log", None, Some(detail))
        .await?;
    Ok(Json(told))
}

/// What came of reading the configuration file.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Reloaded {
    /// In force now.
    changed: Vec<String>,
    /// Changed in the file, and in force after a restart.
    needs_restart: Vec<String>,
}

/// Reads the configuration again.
async fn reload(
    State(premises): State<Arc<Premises>>,
    caller: May<Arrange>,
) -> Result<Json<Reloaded>, Problem> {
    let told: Reloaded = ask(&premises, Chore::Reload).await?;
    let detail = json!({ "changed": told.changed });
    premises
        .note(caller.id(), "reloaded", None, Some(detail))
        .await?;
    Ok(Json(told))
}

/// The answer of whoever looks after the process.
fn read<T: DeserializeOwned>(answer: Value) -> Result<T, String> {
    serde_json::from_value(answer).map_err(|error| {
        tracing::error!(%error, "the process answered what the page cannot read");
        "the desk made a mistake: it is in its log; try again".to_owned()
    })
}

async fn ask<T: DeserializeOwned>(premises: &Premises, chore: Chore) -> Result<T, Problem> {
    let asked = premises.errands.ask(chore).await.and_then(read);
    asked.map_err(|words| Problem::new(StatusCode::CONFLICT, words))
}
