//! The box itself: how long transcripts stay, who is called for help, how the XMPP server is reached,
//! what disk there is.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::said::{Said, unprocessable};
use crate::desk::views::Link;
use crate::routing::Right;
use crate::spool::footprint::Footprint;
use crate::spool::settings::{self, RETENTION_LEAST, RETENTION_MOST};
use crate::web::caller::Caller;
use crate::web::calling::WhoSays;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

const DAY_S: u64 = 24 * 60 * 60;

/// `GET /box`
#[derive(Debug, Serialize)]
pub(super) struct BoxShape {
    library: String,
    version: &'static str,
    started_at: jiff::Timestamp,
    public_url: Option<String>,
    retention: RetentionShape,
    alerts: Option<AlertsShape>,
    /// Who says who is called: `file`, `page` or `nobody`.
    alerts_said_by: &'static str,
    mail: Option<MailShape>,
    xmpp: Option<Link>,
    disk: DiskShape,
}

#[derive(Debug, Serialize)]
struct RetentionShape {
    seconds: u64,
    /// Who said so: `file`, `page`, or nobody: `usual`.
    said_by: &'static str,
}

#[derive(Debug, Serialize)]
struct AlertsShape {
    email: Vec<String>,
    phones: Vec<String>,
    /// The mail server.
    server: Option<String>,
    line_after_s: u64,
    waiting_after_s: u64,
    disk_free_mb: u64,
}

/// The mail server, without its password.
#[derive(Debug, Serialize)]
struct MailShape {
    server: String,
    from: String,
    security: &'static str,
    user: Option<String>,
    /// Who says so: `file` or `page`.
    said_by: &'static str,
}

#[derive(Debug, Serialize)]
struct DiskShape {
    /// Octets of the spool with its log.
    spool: u64,
    /// Octets of the files that go with conversations.
    files: u64,
    free: Option<u64>,
    size: Option<u64>,
}

/// The box as it stands.
pub(super) async fn shape(premises: &Premises) -> Result<BoxShape, Problem> {
    let (told, files) = premises
        .spool
        .read(|connection| {
            Ok((
                settings::retention(connection)?,
                crate::spool::files::attached(connection)?,
            ))
        })
        .await?;
    let file = premises.file_says.borrow().clone();
    let (retention, said_by) = match (file.retention, told) {
        (Some(said), _) => (said, "file"),
        (None, Some(told)) => (told, "page"),
        (None, None) => (settings::RETENTION_USUAL, "usual"),
    };
    let place = premises.spool.path().to_owned();
    let footprint = tokio::task::spawn_blocking(move || Footprint::of(&place))
        .await
        .unwrap_or_default();
    let link = premises.messengers.as_ref();
    let calls = premises.calling.stands.borrow().clone();
    let called = calls.said_by != WhoSays::Nobody;
    let server = calls.mail.as_ref();
    Ok(BoxShape {
        library: premises.board().plan.library.name.clone(),
        version: env!("CARGO_PKG_VERSION"),
        started_at: premises.spool.opened_at(),
        public_url: premises.settings.public_url.clone(),
        retention: RetentionShape {
            seconds: retention.as_secs(),
            said_by,
        },
        alerts: called.then(|| AlertsShape {
            email: calls.email,
            phones: calls.phones,
            server: server.map(|(mail, _)| format!("{}:{}", mail.host, mail.port)),
            line_after_s: calls.line_after.as_secs(),
            waiting_after_s: calls.waiting_after.as_secs(),
            disk_free_mb: calls.disk_free / (1024 * 1024),
        }),
        alerts_said_by: calls.said_by.word(),
        mail: server.map(|(mail, who)| MailShape {
            server: format!("{}:{}", mail.host, mail.port),
            from: mail.from.clone(),
            security: mail.security.word(),
            user: mail.login.as_ref().map(|(user, _)| user.clone()),
            said_by: who.word(),
        }),
        xmpp: link.map(|link| (&*link.borrow()).into()),
        disk: DiskShape {
            spool: footprint.spool + footprint.log,
            files,
            free: footprint.disk_free,
            size: footprint.disk_size,
        },
    })
}

pub(super) async fn stands(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
) -> Result<Json<BoxShape>, Problem> {
    caller.needs(Right::Arrange)?;
    shape(&premises).await.map(Json)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tenure {
    /// Days for which a transcript stays after closing; `null`: as usual.
    days: Option<u64>,
}

/// `PUT /box/retention`
pub(super) async fn set_retention(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    Said(Tenure { days }): Said<Tenure>,
) -> Result<Json<BoxShape>, Problem> {
    caller.needs(Right::Arrange)?;
    if premises.file_says.borrow().retention.is_some() {
        return Err(Problem::new(
            axum::http::StatusCode::CONFLICT,
            "`retention` under [spool] in the configuration file says how long: change it there, \
             or take it out",
        ));
    }
    let retention = match days {
        None => None,
        Some(days) => {
            let span = Duration::from_secs(days.saturating_mul(DAY_S));
            if !(RETENTION_LEAST..=RETENTION_MOST).contains(&span) {
                return Err(unprocessable(format!(
                    "`days` is a number from {} to {}",
                    RETENTION_LEAST.as_secs() / DAY_S,
                    RETENTION_MOST.as_secs() / DAY_S
                )));
            }
            Some(span)
        }
    };
    premises
        .spool
        .write(move |connection| settings::set_retention(connection, retention))
        .await?;
    premises
        .note(
            caller.id(),
            "set_retention",
            None,
            Some(json!({ "days": days })),
        )
        .await?;
    shape(&premises).await.map(Json)
}
