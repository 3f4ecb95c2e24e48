//! The pages: signing in, and the console, whose lists and threads its scripts fill.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::body::Body;
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, Html, IntoResponse, Redirect, Response};
use cookie::SameSite;
use serde::Deserialize;

use super::caller::{self, Caller};
use super::network::From;
use super::premises::Premises;
use super::problem::Problem;
use super::sign_in::Opened;
use super::{Ribbon, sign_in};
use crate::desk::views;
use crate::routing::Right;

#[derive(Template)]
#[template(path = "console.html")]
struct ConsolePage<'a> {
    library: &'a str,
    operator: &'a str,
    show: &'a str,
    queues: &'a str,
    assigned: bool,
    version: &'a str,
    arranges: bool,
    ribbon: Option<&'a Ribbon>,
}

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage<'a> {
    library: &'a str,
    operator: &'a str,
    role: &'a str,
    address: &'a str,
}

#[derive(Template)]
#[template(path = "sign-in.html")]
struct SignInPage<'a> {
    library: &'a str,
    name: &'a str,
    problem: &'a str,
    ribbon: Option<&'a Ribbon>,
}

#[derive(Template)]
#[template(path = "sheet.html")]
struct SheetPage<'a> {
    library: &'a str,
}

#[derive(Template)]
#[template(path = "enter.html")]
struct EnterPage<'a> {
    library: &'a str,
}

#[derive(Template)]
#[template(path = "docs.html")]
struct DocsPage;

fn html(page: &impl Template) -> Result<Response, Problem> {
    match page.render() {
        Ok(html) => Ok(Html(html).into_response()),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            Err(Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the desk made a mistake: it is in its log; try again",
            ))
        }
    }
}

/// The line above a page; not inside a frame, where the page around it says what it is.
fn ribbon<'a>(premises: &'a Premises, headers: &HeaderMap) -> Option<&'a Ribbon> {
    let framed = headers
        .get("sec-fetch-dest")
        .is_some_and(|destination| destination == "iframe");
    premises.settings.ribbon.as_ref().filter(|_| !framed)
}

/// `GET /`
pub(super) async fn console(
    State(premises): State<Arc<Premises>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some(caller) = Caller::find(&premises, &headers).await? else {
        return Ok(Redirect::to("/sign-in").into_response());
    };
    let board = &caller.board;
    let queues: Vec<&str> = caller
        .operator
        .queues
        .iter()
        .filter_map(|id| board.plan.queue(*id))
        .map(|queue| queue.name.as_str())
        .collect();
    html(&ConsolePage {
        library: &premises.settings.library,
        operator: &caller.operator.name,
        show: views::show(board, caller.id()).word(),
        queues: &queues.join(", "),
        assigned: !queues.is_empty(),
        version: env!("CARGO_PKG_VERSION"),
        arranges: caller.operator.role.may(Right::Coordinate),
        ribbon: ribbon(&premises, &headers),
    })
}

/// `GET /hand-over`: what is open, for the next shift and for the printer.
pub(super) async fn hand_over(
    State(premises): State<Arc<Premises>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if Caller::find(&premises, &headers).await?.is_none() {
        return Ok(Redirect::to("/sign-in").into_response());
    }
    html(&SheetPage {
        library: &premises.settings.library,
    })
}

/// `GET /settings`, for those who arrange the desk or its staff.
pub(super) async fn settings(
    State(premises): State<Arc<Premises>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some(caller) = Caller::find(&premises, &headers).await? else {
        return Ok(Redirect::to("/sign-in").into_response());
    };
    caller.needs(Right::Coordinate)?;
    html(&SettingsPage {
        library: &premises.settings.library,
        operator: &caller.operator.name,
        role: caller.operator.role.word(),
        address: premises.settings.public_url.as_deref().unwrap_or(""),
    })
}

/// `GET /api/v1/docs`: the API's description for readers. It says nothing of this desk.
pub(super) async fn docs(_: HeaderMap) -> Result<Response, Problem> {
    html(&DocsPage)
}

/// `GET /sign-in`
pub(super) async fn sign_in(
    State(premises): State<Arc<Premises>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if Caller::find(&premises, &headers).await?.is_some() {
        return Ok(Redirect::to("/").into_response());
    }
    html(&SignInPage {
        library: &premises.settings.library,
        name: "",
        problem: "",
        ribbon: ribbon(&premises, &headers),
    })
}

#[derive(Deserialize)]
pub(super) struct Credentials {
    name: String,
    password: String,
}

/// `POST /sign-in`
pub(super) async fn sign_in_posted(
    State(premises): State<Arc<Premises>>,
    From(address): From,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    const BROKEN: &str = "the form did not come whole: go back and send it again";
    let (parts, body) = request.into_parts();
    let request = Request::from_parts(parts.clone(), body);
    let whole = premises.bodies.read(request).await;
    let whole = whole.map_err(|error| error.says(BROKEN))?;
    let form = Request::from_parts(parts, Body::from(whole.octets));
    let form = Form::<Credentials>::from_request(form, &()).await;
    let Form(credentials) = form.map_err(|rejection| Problem::new(rejection.status(), BROKEN))?;
    let device = caller::device(&headers, &premises.settings);
    let password = credentials.password;
    let signed_in =
        sign_in::with_password(&premises, &credentials.name, password, address, device).await;
    match signed_in {
        Ok(opened) => Ok(entering(&premises, &opened, SameSite::Strict)),
        Err(problem) => {
            let page = html(&SignInPage {
                library: &premises.settings.library,
                name: credentials.name.trim(),
                problem: problem.detail(),
                ribbon: ribbon(&premises, &headers),
            })?;
            Ok((problem.status(), page).into_response())
        }
    }
}

/// To the console, with a session.
fn entering(premises: &Premises, opened: &Opened, same_site: SameSite) -> Response {
    let cookies = caller::cookies(&premises.settings, opened, same_site);
    let cookies = cookies
        .into_iter()
        .map(|cookie| (header::SET_COOKIE, cookie));
    (AppendHeaders(cookies), Redirect::to("/")).into_response()
}

/// `POST /sign-out`
pub(super) async fn sign_out(
    State(premises): State<Arc<Premises>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let caller = Caller::find(&premises, &headers).await?;
    if let Some(session) = caller.and_then(|caller| caller.session) {
        sign_in::out(&premises, session).await?;
    }
    let cookie = caller::no_cookie(&premises.settings);
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/sign-in")).into_response())
}

/// `GET /enter/{secret}`: a page with a button, so that a program that looks at links before
/// their reader does not use this one up.
pub(super) async fn enter(
    State(premises): State<Arc<Premises>>,
    Path(secret): Path<String>,
) -> Result<Response, Problem> {
    if premises.settings.links_enter_directly {
        let opened = sign_in::with_link(&premises, &secret).await?;
        return Ok(entering(&premises, &opened, SameSite::Lax));
    }
    html(&EnterPage {
        library: &premises.settings.library,
    })
}

/// `POST /enter/{secret}`
pub(super) async fn entered(
    State(premises): State<Arc<Premises>>,
    Path(secret): Path<String>,
) -> Result<Response, Problem> {
    let opened = sign_in::with_link(&premises, &secret).await?;
    Ok(entering(&premises, &opened, SameSite::Lax))
}
