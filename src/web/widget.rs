//! The widget: a small chat on a library's own pages, in a frame from the desk.
//!
//! ```text
//! GET  /widget/{gateway}.js             one line in the library's page loads it
//! GET  /widget/{gateway}                the frame;  /chat/{queue}@chat.{host} is the same
//! GET  /widget/{gateway}/standing       online, hold or offline: answered from memory, any site
//! POST /widget/{gateway}/visit          a token for this browser's visit
//! GET  /widget/{gateway}/events         what is said, live; ?after= resumes without a gap
//! POST /widget/{gateway}/messages | read | typing | files | letter
//! ```
//!
//! A visitor is whoever has the visit's token, which the frame keeps in its own session storage: no
//! cookie, nothing for a third party. What the desk says to a visitor is a row, and *delivered*
//! only once the page says that it shows it.

mod letter;
mod manners;
mod said;
mod stream;
mod visit;

use std::sync::Arc;
use std::time::{Duration, Instant};

use askama::Template;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::SignedDuration;
use serde::Serialize;

use super::premises::Premises;
use super::problem::Problem;
use super::{assets, attachments};
use crate::desk::{Arrivals, Board, Wish};
use crate::routing::{Event, Gateway, GatewayKind, OfflinePolicy};
use crate::spool::outbox::{self, Settled, Way};
use crate::spool::visitors;

pub(super) use letter::OnTheWay;
use manners::Manner;
pub(super) use manners::{Manners, operations};
pub(super) use said::Sent;
pub(super) use stream::{Hub, STREAMS_MAX, operator_types};

/// How often words that wait for a visitor who left are given up, and visits forgotten.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// A visitor who did not read for so long has left the page.
const LEFT_AFTER: SignedDuration = SignedDuration::from_mins(15);
const LEFT: &str = "the visitor left the page before reading it";

/// The routes.
pub(super) fn routes() -> Router<Arc<Premises>> {
    Router::new()
        .route("/widget/{gateway}", get(frame))
        .route("/widget/{gateway}/standing", get(standing))
        .route("/widget/{gateway}/visit", post(visit::begin))
        .route("/widget/{gateway}/events", get(stream::events))
        .route("/widget/{gateway}/messages", post(said::message))
        .route("/widget/{gateway}/read", post(said::read))
        .route("/widget/{gateway}/typing", post(stream::visitor_types))
        .route(
            "/widget/{gateway}/files",
            post(said::file).layer(DefaultBodyLimit::max(attachments::SIZE_MAX)),
        )
        .route("/widget/{gateway}/letter", post(letter::send))
        .route("/chat/{address}", get(frame_of_queue))
        .route("/2011-12-03/chat/{address}", get(frame_of_queue))
}

/// Whether a visitor can write just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Standing {
    /// Somebody is there.
    Online,
    /// Nobody is, and what is written waits for them.
    Hold,
    /// Nobody is, and nothing is kept.
    Offline,
}

fn stands(board: &Board, gateway: &Gateway) -> Standing {
    if board.online.contains(&gateway.queue) {
        Standing::Online
    } else {
        match gateway.policy {
            OfflinePolicy::Hold => Standing::Hold,
            OfflinePolicy::Refuse => Standing::Offline,
        }
    }
}

/// The widget of this name.
fn gateway_named(board: &Board, name: &str) -> Option<Gateway> {
    let gateway = board.plan.gateway_named(name)?;
    (gateway.kind == GatewayKind::Widget).then(|| gateway.clone())
}

fn no_widget() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "there is no such widget; an admin adds one on the desk's page, under Settings",
    )
}

#[derive(Template)]
#[template(path = "widget.html")]
struct FramePage<'a> {
    gateway: &'a str,
    title: &'a str,
    greeting: &'a str,
    standing: &'a str,
    files: bool,
    letters: bool,
}

/// `GET /widget/{gateway}`, and `/widget/{gateway}.js`, which a pattern cannot tell apart.
async fn frame(
    State(premises): State<Arc<Premises>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if name.ends_with(".js") {
        return Ok(loader(&headers));
    }
    let board = premises.board();
    let gateway = gateway_named(&board, &name).ok_or_else(no_widget)?;
    framed(&premises, &board, Some(&gateway))
}

/// `GET /chat/{queue}@chat.{host}`: the frame that library sites have embedded for years. A queue
/// nobody has is offline.
async fn frame_of_queue(
    State(premises): State<Arc<Premises>>,
    Path(address): Path<String>,
) -> Result<Response, Problem> {
    let board = premises.board();
    let name = address
        .split('@')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let gateway = board.plan.queue_named(&name).and_then(|queue| {
        board.plan.gateways.iter().find(|gateway| {
            gateway.kind == GatewayKind::Widget && !gateway.removed && gateway.queue == queue.id
        })
    });
    framed(&premises, &board, gateway)
}

fn framed(
    premises: &Premises,
    board: &Board,
    gateway: Option<&Gateway>,
) -> Result<Response, Problem> {
    let manner = gateway.map_or_else(Manner::default, |gateway| premises.manners.of(gateway.id));
    let standing = match gateway.map(|gateway| stands(board, gateway)) {
        Some(Standing::Online) => "online",
        Some(Standing::Hold) => "hold",
        Some(Standing::Offline) | None => "offline",
    };
    let library = &premises.settings.library;
    let page = FramePage {
        gateway: gateway.map_or("", |gateway| gateway.name.as_str()),
        title: manner.title(library),
        greeting: &manner.greeting,
        standing,
        files: manner.files,
        letters: manner.letters && premises.calling.stands.borrow().mail.is_some(),
    };
    let html = page.render().map_err(|error| {
        tracing::error!(%error, "a page could not be written");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the desk made a mistake: it is in its log; try again",
        )
    })?;
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors {}",
        manner.ancestors()
    );
    let mut response = Html(html).into_response();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

/// `GET /widget/{gateway}.js`: any site may load it.
fn loader(headers: &HeaderMap) -> Response {
    let any = [
        (
            header::ACCESS_CONTROL_ALLOW_ORIGIN,
            HeaderValue::from_static("*"),
        ),
        (
            header::HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("cross-origin"),
        ),
    ];
    (any, assets::answer("widget-loader.js", headers)).into_response()
}

#[derive(Serialize)]
struct StandingShape<'a> {
    standing: Standing,
    title: &'a str,
}

/// `GET /widget/{gateway}/standing`
async fn standing(
    State(premises): State<Arc<Premises>>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let board = premises.board();
    let gateway = gateway_named(&board, &name).ok_or_else(no_widget)?;
    let manner = premises.manners.of(gateway.id);
    let shape = StandingShape {
        standing: stands(&board, &gateway),
        title: manner.title(&premises.settings.library),
    };
    let any = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    Ok((any, Json(shape)).into_response())
}

/// Whether this address may do something on this widget now; the limits are for those who do not
/// stop by themselves.
fn admit(
    premises: &Premises,
    what: super::throttle::Crowd,
    gateway: &Gateway,
    address: Option<std::net::IpAddr>,
    visitor: Option<&str>,
) -> Result<(), Problem> {
    let granted = premises
        .crowd
        .admit(what, gateway.id, address, visitor, Instant::now());
    granted.then_some(()).ok_or_else(|| {
        Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "that was a lot at once: wait a few seconds and send it again",
        )
    })
}

/// Tells the threads what became of words to visitors.
async fn tell(premises: &Premises, settled: Vec<Settled>) {
    for settled in settled {
        let wish = Wish::Happened {
            event: Event::Delivery {
                message: settled.message,
                conversation: settled.conversation,
                state: settled.state,
                reason: settled.reason,
            },
            arrivals: Arrivals::None,
        };
        if let Err(error) = premises.desk.post(wish).await {
            tracing::debug!(%error, "the thread learns of it after the next start");
        }
    }
}

/// Gives up on visitors who left, forgets visits that are over, and tells what an earlier daemon
/// could not. Ends with the surface.
pub(super) async fn sweep(premises: std::sync::Weak<Premises>) {
    let mut interval = tokio::time::interval(SWEEP_EVERY);
    let mut first = true;
    loop {
        interval.tick().await;
        let Some(premises) = premises.upgrade() else {
            return;
        };
        let now = premises.spool.now();
        let untold = std::mem::take(&mut first);
        let settled = premises
            .spool
            .write(move |connection| {
                visitors::forget_visits(connection, now - visitors::VISIT)?;
                let mut settled = match untold {
                    true => outbox::untold(connection, Way::Kind(GatewayKind::Widget))?,
                    false => Vec::new(),
                };
                settled.extend(visitors::give_up(connection, now - LEFT_AFTER, LEFT, 500)?);
                Ok(settled)
            })
            .await;
        match settled {
            Ok(settled) => tell(&premises, settled).await,
            Err(error) => tracing::warn!(%error, "visits could not be looked through"),
        }
    }
}

/// A bearer token, as a page sends it.
fn token(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
