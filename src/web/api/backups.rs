//! Copies of the spool that this box keeps for itself: made now, listed, taken away to another disk.

use std::io;
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

use super::extract::{ApiPath, Arrange, BackupName, Export, May, Named};
use super::operation::{Accepted, Api};
use crate::spool::backup::{Copied, Progress, Step, back_up};
use crate::spool::{copies, forgotten_copies};
use crate::web::body;
use crate::web::premises::{Copying, Premises};
use crate::web::problem::Problem;

/// Copies that stay: as many as of the nightly ones.
const KEPT: u16 = 14;

pub(super) fn operations(api: &mut Api) {
    api.under("desk");
    api.get("/backups", "listBackups", list)
        .says("Copies that were asked for here, newest first")
        .refuses(&[409])
        .answers("They, and how the one under way stands.");
    api.post("/backups", "makeBackup", make)
        .says("Make a copy of everything now")
        .about("409 while another one is made.")
        .refuses(&[409])
        .answers("It is begun; the list says how far it is.");
    api.get("/backups/{name}", "takeBackup", take)
        .says("Take a copy away")
        .about("That it was done is in the audit trail.")
        .gives("application/vnd.sqlite3")
        .answers("The copy, an SQLite file.");
}

#[derive(Debug, Serialize, ToSchema)]
struct Backups {
    items: Vec<Backup>,
    /// Always null: all of them are here.
    next: Option<String>,
    #[schema(value_type = String)]
    folder: PathBuf,
    /// The copy that is being made.
    running: Option<BackupProgress>,
    /// What came of the last one that was asked for since the start.
    last: Option<LastBackup>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Backup {
    name: String,
    made: Timestamp,
    octets: u64,
}

#[derive(Debug, Serialize, ToSchema)]
struct BackupProgress {
    step: BackupStep,
    done: u64,
    total: u64,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum BackupStep {
    Copying,
    Verifying,
}

impl BackupProgress {
    fn new(progress: Progress) -> Self {
        Self {
            step: match progress.step {
                Step::Copying => BackupStep::Copying,
                Step::Verifying => BackupStep::Verifying,
            },
            done: progress.done,
            total: progress.total,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct LastBackup {
    at: Timestamp,
    texts: u64,
    files: u64,
    /// Why there is none, and what to do.
    problem: Option<String>,
    /// Whether it is lost with the disk that holds the spool.
    same_disk: bool,
}

fn folder(premises: &Premises) -> PathBuf {
    let told = premises.settings.backups.clone();
    told.unwrap_or_else(|| premises.beside("backups"))
}

async fn shape(premises: &Premises) -> Result<Backups, Problem> {
    let folder = folder(premises);
    let place = folder.clone();
    let listed = tokio::task::spawn_blocking(move || copies::list(&place))
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)));
    let kept = listed.map_err(|error| unreadable(&folder, &error))?;
    let copying = premises.copying();
    Ok(Backups {
        items: kept
            .into_iter()
            .map(|kept| Backup {
                name: kept.name,
                made: kept.made,
                octets: kept.octets,
            })
            .collect(),
        next: None,
        running: copying.progress.map(BackupProgress::new),
        last: copying.last.map(|(at, outcome)| match outcome {
            Ok(copied) => LastBackup {
                at,
                texts: copied.texts,
                files: copied.files,
                problem: None,
                same_disk: copied.same_disk,
            },
            Err(problem) => LastBackup {
                at,
                texts: 0,
                files: 0,
                problem: Some(problem),
                same_disk: false,
            },
        }),
        folder,
    })
}

fn unreadable(folder: &Path, error: &io::Error) -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        format!(
            "the folder of backups, {}, cannot be read: {error}; set another `backups` under \
             [spool], or give it to the daemon",
            folder.display()
        ),
    )
}

async fn list(
    State(premises): State<Arc<Premises>>,
    _caller: May<Arrange>,
) -> Result<Json<Backups>, Problem> {
    shape(&premises).await.map(Json)
}

/// `POST /backups`: begins a copy, and answers at once; the list says how far it is.
async fn make(
    State(premises): State<Arc<Premises>>,
    caller: May<Arrange>,
) -> Result<Accepted<Backups>, Problem> {
    let busy = || {
        Problem::new(
            StatusCode::CONFLICT,
            "a backup is being made already: GET /api/v1/backups says how far it is",
        )
    };
    if premises.copying().progress.is_some() {
        return Err(busy());
    }
    let mut shape = shape(&premises).await?;
    premises
        .note(caller.id(), "made_backup", None, None)
        .await?;
    // From here on nothing waits: who asked may go away, and the copy is made to its end.
    let beginning = Progress {
        step: Step::Copying,
        done: 0,
        total: 0,
    };
    let begun = premises.copy_now(|copying| match copying.progress {
        Some(_) => false,
        None => {
            copying.progress = Some(beginning);
            true
        }
    });
    if !begun {
        return Err(busy());
    }
    tokio::spawn(copy(Arc::clone(&premises), folder(&premises)));
    shape.running = Some(BackupProgress::new(beginning));
    Ok(Accepted(shape))
}

async fn copy(premises: Arc<Premises>, folder: PathBuf) {
    let watching = Arc::clone(&premises);
    let spool = premises.spool.path().to_owned();
    let now = premises.spool.now();
    let made = tokio::task::spawn_blocking(move || {
        make_folder(&folder)
            .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        let target = folder.join(copies::dated_name(now));
        let copied = back_up(&spool, &target, &mut |progress| {
            watching.copy_now(|copying| copying.progress = Some(progress));
        })
        .map_err(|error| error.to_string())?;
        tidy(&folder);
        if let Err(error) = forgotten_copies::scrub(&spool, &folder) {
            tracing::warn!(%error, "older copies still hold what was erased since: tried with the next one");
        }
        Ok(copied)
    });
    let outcome: Result<Copied, String> = made
        .await
        .unwrap_or_else(|error| Err(format!("the copy broke off: {error}")));
    match &outcome {
        Ok(copied) => tracing::info!(octets = copied.octets, "a backup was made"),
        Err(problem) => tracing::error!(problem, "no backup was made"),
    }
    premises.copy_now(|copying| {
        *copying = Copying {
            progress: None,
            last: Some((now, outcome)),
        };
    });
}

/// Makes a folder that is the daemon's alone, where there is none.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

/// Old ones that cannot be removed take room, and nothing else.
fn tidy(folder: &Path) {
    let old = copies::surplus(folder, KEPT).unwrap_or_default();
    for copy in old {
        if let Err(error) = std::fs::remove_file(&copy) {
            tracing::warn!(%error, copy = %copy.display(), "an old backup stays");
        }
    }
}

/// `GET /backups/{name}`: all the desk knows, for another disk. That it was taken is written down.
async fn take(
    State(premises): State<Arc<Premises>>,
    caller: May<Export>,
    ApiPath(BackupName(name)): ApiPath<BackupName>,
) -> Result<Response, Problem> {
    let missing = BackupName::missing;
    // Only names of ours: nothing else in the folder, nor outside it.
    copies::made_at(&name).ok_or_else(missing)?;
    let file = tokio::fs::File::open(folder(&premises).join(&name)).await;
    let file = file.map_err(|_| missing())?;
    let octets = file.metadata().await.map_err(|_| missing())?.len();
    premises
        .note(
            caller.id(),
            "took_backup",
            Some(name.clone()),
            Some(json!({ "octets": octets })),
        )
        .await?;
    let head = [
        (header::CONTENT_TYPE, "application/vnd.sqlite3".to_owned()),
        (header::CONTENT_LENGTH, octets.to_string()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    Ok((head, body::of_file(file, None, ())).into_response())
}
