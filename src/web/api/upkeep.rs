//! The box itself: how long transcripts stay, who is called for help, how the XMPP server is reached,
//! what disk there is.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::extract::{ApiJson, Arrange, May, unprocessable};
use super::operation::Api;
use crate::desk::views::Link;
use crate::mail::Security;
use crate::spool::footprint::Footprint;
use crate::spool::settings::{self, RETENTION_LEAST, RETENTION_MOST};
use crate::web::calling::WhoSays;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

const DAY_S: u64 = 24 * 60 * 60;

pub(super) fn operations(api: &mut Api) {
    api.under("desk");
    api.get("/box", "readBox", stands)
        .says("How the box stands")
        .answers("How long transcripts stay, who is called for help, the XMPP link, the disk.");
    api.put("/box/retention", "setRetention", set_retention)
        .says("Say how long transcripts stay after closing")
        .about("409 where the configuration file says so already.")
        .example(json!({"days": 14}))
        .refuses(&[409])
        .answers("As the box stands now.");
}

/// The box.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Box)]
pub(super) struct BoxState {
    library: String,
    version: &'static str,
    started_at: jiff::Timestamp,
    public_url: Option<String>,
    retention: Retention,
    alerts: Option<Alerts>,
    /// Who says who is called: the configuration file (then no page changes it), the page, or nobody.
    alerts_said_by: WhoSays,
    /// The mail server, without its password.
    mail: Option<MailServer>,
    /// The link to the XMPP server.
    xmpp: Option<Link>,
    disk: Disk,
}

/// How long transcripts stay after closing.
#[derive(Debug, Serialize, ToSchema)]
struct Retention {
    seconds: u64,
    /// Who said so: the configuration file, the page, or nobody.
    said_by: WhoSaid,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum WhoSaid {
    File,
    Page,
    Usual,
}

/// Who is called when the desk needs help.
#[derive(Debug, Serialize, ToSchema)]
struct Alerts {
    email: Vec<String>,
    phones: Vec<String>,
    /// The mail server.
    server: Option<String>,
    line_after_s: u64,
    waiting_after_s: u64,
    disk_free_mb: u64,
}

/// The mail server, without its password.
#[derive(Debug, Serialize, ToSchema)]
struct MailServer {
    server: String,
    from: String,
    security: Security,
    user: Option<String>,
    said_by: WhoSays,
}

/// Octets on the disk that holds the spool.
#[derive(Debug, Serialize, ToSchema)]
struct Disk {
    /// Octets of the spool with its log.
    spool: u64,
    /// Octets of the files that go with conversations.
    files: u64,
    free: Option<u64>,
    size: Option<u64>,
}

/// The box as it stands.
pub(super) async fn shape(premises: &Premises) -> Result<BoxState, Problem> {
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
        (Some(said), _) => (said, WhoSaid::File),
        (None, Some(told)) => (told, WhoSaid::Page),
        (None, None) => (settings::RETENTION_USUAL, WhoSaid::Usual),
    };
    let place = premises.spool.path().to_owned();
    let footprint = tokio::task::spawn_blocking(move || Footprint::of(&place))
        .await
        .unwrap_or_default();
    let link = premises.messengers.as_ref();
    let calls = premises.calling.stands.borrow().clone();
    let called = calls.said_by != WhoSays::Nobody;
    let server = calls.mail.as_ref();
    Ok(BoxState {
        library: premises.board().plan.library.name.clone(),
        version: env!("CARGO_PKG_VERSION"),
        started_at: premises.spool.opened_at(),
        public_url: premises.settings.public_url.clone(),
        retention: Retention {
            seconds: retention.as_secs(),
            said_by,
        },
        alerts: called.then(|| Alerts {
            email: calls.email,
            phones: calls.phones.iter().map(ToString::to_string).collect(),
            server: server.map(|(mail, _)| format!("{}:{}", mail.host, mail.port)),
            line_after_s: calls.line_after.as_secs(),
            waiting_after_s: calls.waiting_after.as_secs(),
            disk_free_mb: calls.disk_free / (1024 * 1024),
        }),
        alerts_said_by: calls.said_by,
        mail: server.map(|(mail, who)| MailServer {
            server: format!("{}:{}", mail.host, mail.port),
            from: mail.from.clone(),
            security: mail.security,
            user: mail.login.as_ref().map(|(user, _)| user.clone()),
            said_by: *who,
        }),
        xmpp: link.map(|link| (&*link.borrow()).into()),
        disk: Disk {
            spool: footprint.spool + footprint.log,
            files,
            free: footprint.disk_free,
            size: footprint.disk_size,
        },
    })
}

async fn stands(
    State(premises): State<Arc<Premises>>,
    _caller: May<Arrange>,
) -> Result<Json<BoxState>, Problem> {
    shape(&premises).await.map(Json)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Tenure {
    /// Days; `null`: as usual, 30.
    #[schema(minimum = 1, maximum = 3660)]
    days: Option<u64>,
}

/// `PUT /box/retention`
async fn set_retention(
    State(premises): State<Arc<Premises>>,
    caller: May<Arrange>,
    ApiJson(Tenure { days }): ApiJson<Tenure>,
) -> Result<Json<BoxState>, Problem> {
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
