//! Who is called when the desk needs help, as the page is told, and a trial of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::extract::{ApiJson, Arrange, May, unprocessable};
use super::modems::telephone;
use super::operation::Api;
use super::upkeep::{self, BoxState};
use crate::desk::views::Page;
use crate::mail::{Security, is_address};
use crate::numbers::PatronNumber;
use crate::spool::audit;
use crate::spool::settings::{self, Alerting, Smtp};
use crate::web::calling::{Ask, WhoSays, mail_server};
use crate::web::premises::Premises;
use crate::web::problem::Problem;

/// Recipients of one kind at most: a list for everyone is a mailing list's business.
const RECIPIENTS_MAX: usize = 20;
/// Seconds after which trouble is told, at most: a day.
const AFTER_MAX_S: u64 = 24 * 60 * 60;
/// Letters of a server's name, a name or a password.
const WORD_MAX: usize = 255;

pub(super) fn operations(api: &mut Api) {
    api.under("desk");
    api.put("/box/alerts", "setAlerts", set)
        .says("Say who is called when the desk needs help")
        .about(
            "In force at once; 409 where the configuration file says so already. Empty lists: nobody is \
             called. The password of the mail server is never shown again; left out, it stays as it was for \
             the same server and name.",
        )
        .example(json!({
            "email": [], "phones": ["+15551230199"], "line_after_s": 600, "waiting_after_s": 600,
            "disk_free_mb": 200,
            "mail": {"server": "mail.elm.example", "from": "desk@elm.example", "security": "starttls"},
        }))
        .refuses(&[409])
        .answers("As the box stands now.");
    api.post("/box/alerts/trial", "tryAlerts", trial)
        .says("Call everybody once, as a trial")
        .about(
            "A letter is waited for until the mail server has taken it; a text is in the outbox then, and \
             costs one.",
        )
        .refuses(&[409])
        .answers("What came of it.");
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Told {
    #[schema(max_items = 20)]
    email: Vec<String>,
    #[schema(max_items = 20)]
    phones: Vec<String>,
    #[schema(maximum = 86400)]
    line_after_s: u64,
    #[schema(maximum = 86400)]
    waiting_after_s: u64,
    #[schema(maximum = 1048576)]
    disk_free_mb: u64,
    /// The mail server; `null` or left out: none of the page's own.
    #[serde(default)]
    mail: Option<ServerTold>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = NewMailServer)]
#[serde(deny_unknown_fields)]
struct ServerTold {
    /// Host, with a port or without.
    #[schema(min_length = 1, max_length = 255)]
    server: String,
    #[schema(min_length = 3, max_length = 255, format = "email")]
    from: String,
    #[schema(value_type = Security)]
    security: String,
    #[serde(default)]
    #[schema(max_length = 255)]
    user: Option<String>,
    /// Left out: the one that was told for this server and this name.
    #[serde(default)]
    #[schema(max_length = 255)]
    password: Option<String>,
}

fn words(kind: &str, all: Vec<String>) -> Result<Vec<String>, Problem> {
    let all: BTreeSet<String> = all
        .into_iter()
        .map(|one| one.trim().to_owned())
        .filter(|one| !one.is_empty())
        .collect();
    match all.len() <= RECIPIENTS_MAX {
        true => Ok(all.into_iter().collect()),
        false => Err(unprocessable(format!(
            "`{kind}` are more than {RECIPIENTS_MAX}: write to a list instead"
        ))),
    }
}

fn server(told: ServerTold, before: Option<&Smtp>) -> Result<Smtp, Problem> {
    let words = [&told.server, &told.from].into_iter();
    let words = words.chain(&told.user).chain(&told.password);
    if words.into_iter().any(|word| word.len() > WORD_MAX) {
        return Err(unprocessable(format!(
            "a part of `mail` has more than {WORD_MAX} letters"
        )));
    }
    let whole = |word: Option<String>| {
        let word = word.map(|word| word.trim().to_owned());
        word.filter(|word| !word.is_empty())
    };
    let security = Security::from_word(&told.security)
        .ok_or_else(|| unprocessable("`mail.security` is starttls, tls or none"))?;
    let user = whole(told.user);
    let server = told.server.trim().to_owned();
    let same = before.filter(|before| before.server == server && before.user == user);
    let password = told
        .password
        .filter(|password| !password.is_empty())
        .or_else(|| same.and_then(|before| before.password.clone()))
        .filter(|_| user.is_some());
    if user.is_some() && password.is_none() {
        return Err(unprocessable(
            "`mail.user` has no password: send it as `mail.password`",
        ));
    }
    let smtp = Smtp {
        server,
        from: told.from.trim().to_owned(),
        security: security.word().to_owned(),
        user,
        password,
    };
    mail_server(&smtp).map_err(|error| unprocessable(format!("`mail`: {error}")))?;
    Ok(smtp)
}

/// What was told, in order; `server_in_file` is whether the file names a mail server.
fn alerting(
    premises: &Premises,
    told: Told,
    before: Option<&Alerting>,
    server_in_file: bool,
) -> Result<Alerting, Problem> {
    let email = words("email", told.email)?;
    if let Some(odd) = email.iter().find(|one| !is_address(one)) {
        return Err(unprocessable(format!(
            "{odd:?} is not a mail address: write it as desk@example.org"
        )));
    }
    let phones = words("phones", told.phones)?;
    let phones = phones
        .iter()
        .map(|one| telephone(premises, one).map(PatronNumber::into_string))
        .collect::<Result<_, _>>()?;
    if told.line_after_s.max(told.waiting_after_s) > AFTER_MAX_S {
        return Err(unprocessable(format!(
            "`line_after_s` and `waiting_after_s` are {AFTER_MAX_S} at most"
        )));
    }
    if told.disk_free_mb > 1024 * 1024 {
        return Err(unprocessable("`disk_free_mb` is 1048576 at most"));
    }
    let smtp = match (told.mail, server_in_file) {
        (Some(_), true) => {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "[alerts.smtp] in the configuration file names the mail server: leave `mail` out, or \
                 take it out there",
            ));
        }
        (Some(told), false) => Some(server(told, before.and_then(|told| told.smtp.as_ref()))?),
        (None, _) => None,
    };
    if !email.is_empty() && smtp.is_none() && !server_in_file {
        return Err(unprocessable(
            "nobody can be written to without a mail server: send `mail` with `server`, `from` and \
             `security`",
        ));
    }
    Ok(Alerting {
        email,
        phones,
        line_after_s: told.line_after_s,
        waiting_after_s: told.waiting_after_s,
        disk_free_mb: told.disk_free_mb,
        smtp,
    })
}

/// `PUT /box/alerts`
async fn set(
    State(premises): State<Arc<Premises>>,
    caller: May<Arrange>,
    ApiJson(told): ApiJson<Told>,
) -> Result<Json<BoxState>, Problem> {
    let (by_file, server_in_file) = {
        let stands = premises.calling.stands.borrow();
        let server = stands.mail.as_ref();
        (
            stands.said_by == WhoSays::File,
            server.is_some_and(|(_, who)| *who == WhoSays::File),
        )
    };
    if by_file {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "[alerts] in the configuration file says who is called: change it there, or take it out",
        ));
    }
    let before = premises.spool.read(settings::alerting).await?;
    let told = alerting(&premises, told, before.as_ref(), server_in_file)?;
    let (by, now) = (caller.id(), premises.spool.now());
    premises
        .spool
        .write(move |connection| {
            settings::set_alerting(connection, Some(&told))?;
            audit::write(connection, Some(by), "set_alerts", None, None, None, now)
        })
        .await?;
    let looked = premises.calling.ask(Ask::LookAgain).await;
    looked.map_err(|words| Problem::new(StatusCode::CONFLICT, words))?;
    upkeep::shape(&premises).await.map(Json)
}

/// Somebody who was called for a trial.
#[derive(Debug, Serialize, ToSchema)]
struct Called {
    to: String,
    /// Why they are not reached, and what to do.
    problem: Option<String>,
}

/// `POST /box/alerts/trial`
async fn trial(
    State(premises): State<Arc<Premises>>,
    caller: May<Arrange>,
) -> Result<Json<Page<Called>>, Problem> {
    if premises.calling.stands.borrow().said_by == WhoSays::Nobody {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "nobody is called when the desk needs help: say who first, PUT /api/v1/box/alerts",
        ));
    }
    premises
        .note(caller.id(), "tried_alerts", None, None)
        .await?;
    let tried = premises.calling.ask(Ask::Trial).await;
    let tried = tried.map_err(|words| Problem::new(StatusCode::CONFLICT, words))?;
    let items = tried
        .into_iter()
        .map(|tried| Called {
            to: tried.to,
            problem: tried.problem,
        })
        .collect();
    Ok(Json(Page::whole(items)))
}
