//! The operators' console and the JSON API: HTTP in, wishes to the desk out.
//!
//! - `presence` tells a library's web site which queues are online, and [`publish`] puts the same
//!   answers down as files.
//! - `widget` is a small chat on the library's own pages, `attachments` the files that go with
//!   conversations.
//! - [`router`] answers the pages (`/`, `/sign-in`, `/enter/…`), the files they load (`/assets/…`)
//!   and the JSON API (`/api/v1/…`, described by `/api/v1/openapi.json`).
//! - Nothing is decided here: a request becomes a wish on the [`Desk`], and the answer is given
//!   once it is on disk.
//! - Live changes go over server-sent events (HTML Living Standard §9.2). One task, the crier,
//!   reads each new row of the feed once and words it once for everybody; each stream passes on
//!   what its operator may see.
//! - Who asks is told by a session cookie or a bearer token (RFC 6750). Of either only the SHA-256
//!   is kept. Writes that come from another site are refused (`Sec-Fetch-Site`, `Origin`).
//! - Errors are `application/problem+json` (RFC 9457) in the API and a short page elsewhere.

mod api;
mod assets;
mod attachments;
mod body;
mod caller;
mod calling;
mod crier;
mod event;
mod letters;
mod listener;
mod metrics;
mod network;
mod packing;
mod pages;
mod password_rules;
mod passwords;
mod premises;
mod presence;
mod problem;
mod seats;
mod sign_in;
mod signals;
mod stream;
mod throttle;
mod tls;
mod widget;

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Router, middleware};
use futures_util::StreamExt;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::csrf::CsrfLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

use crate::desk::{Desk, Link};
use crate::errands;
use crate::modem::Lines;
use crate::spool::Spool;

pub use calling::{Ask, Calling, CallsForHelp, Tried, WhoSays, mail_server};
pub use network::{Network, NotANetwork};
pub use password_rules::check as check_password;
pub use passwords::{HashError, hash_password};
pub use presence::publishing::{Dav, Publishing, Sftp, Target, publish};
pub use tls::{Certificate, CertificateError, Tls};

use premises::Premises;

/// Octets of a request's body: ten segments of text are under 5 kB, whatever the escapes.
const BODY_MAX: usize = 64 * 1024;
/// How long an answer may take. An event stream answers at once and then stays open.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Connections at once: every stream allowed, and room for requests beside them.
const CONNECTIONS_MAX: usize = stream::STREAMS_MAX + widget::STREAMS_MAX + 500;
/// How long requests under way may still take once the daemon stops.
const FAREWELL: Duration = Duration::from_secs(5);

/// What the surface needs of the house.
#[derive(Debug, Clone)]
pub struct Rooms {
    /// The way to the router.
    pub desk: Desk,
    /// What is kept.
    pub spool: Spool,
    /// The lines, for their state.
    pub lines: Lines,
    /// How the link to the XMPP server stands, where one is configured.
    pub messengers: Option<watch::Receiver<Link>>,
    /// What the configuration file says of the box.
    pub file_says: watch::Receiver<FileSays>,
    /// The way to whoever calls for help.
    pub calling: Calling,
    /// The way to whoever looks after the process.
    pub errands: errands::Door,
    /// How the surface behaves.
    pub settings: Settings,
}

/// How the surface behaves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The library's name, on every page.
    pub library: String,
    /// Whether browsers reach the desk over TLS: cookies are then `Secure` and `__Host-`.
    pub secure_cookies: bool,
    /// Whether opening a one-time link signs in at once. Otherwise a button does, so that a
    /// program that previews the link does not use it up.
    pub links_enter_directly: bool,
    /// Whether pages of the same origin may frame the console.
    pub framed_by_self: bool,
    /// A line above the console, for a desk that is not a real one.
    pub ribbon: Option<Ribbon>,
    /// Whether anybody may ask for an operator's presence by name; a queue's is always told.
    pub operators_presence: bool,
    /// Where presence is put down as files whenever it changes.
    pub publishing: Option<Publishing>,
    /// How browsers reach the desk, for links that leave it; without a slash at the end.
    pub public_url: Option<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub proxies: Vec<Network>,
    /// The certificate, where no proxy speaks TLS for the desk.
    pub certificate: Option<Certificate>,
    /// Where backups are put that are asked for on the page; a folder beside the spool otherwise.
    pub backups: Option<PathBuf>,
}

/// What the configuration file says, and may say otherwise after it is read again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileSays {
    /// How long transcripts stay after closing: then no page changes it.
    pub retention: Option<Duration>,
}

/// A line above the console with one link in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ribbon {
    /// What it says.
    pub text: String,
    /// The link's words.
    pub link_text: String,
    /// Where the link goes.
    pub href: String,
}

/// The console and the API, ready to be served. Must be called inside a Tokio runtime: starts the
/// crier, which ends with the desk.
pub fn router(rooms: Rooms) -> Router {
    let framing = if rooms.settings.framed_by_self {
        "'self'"
    } else {
        "'none'"
    };
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {framing}"
    );
    let policy = HeaderValue::try_from(policy).expect("the policy is ASCII");
    let presence = presence::routes(rooms.desk.board(), rooms.settings.operators_presence);
    let premises = Premises::open(rooms);

    Router::new()
        .route("/", get(pages::console))
        .route("/hand-over", get(pages::hand_over))
        .route("/settings", get(pages::settings))
        .route("/sign-in", get(pages::sign_in).post(pages::sign_in_posted))
        .route("/sign-out", post(pages::sign_out))
        .route("/enter/{secret}", get(pages::enter).post(pages::entered))
        .route("/assets/{name}", get(assets::serve))
        .route("/favicon.ico", get(assets::favicon))
        .route("/metrics", get(metrics::metrics))
        .route("/f/{secret}", get(attachments::fetch))
        .route("/f/{secret}/about", get(attachments::about))
        .merge(widget::routes())
        .nest("/api/v1", api::routes())
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(CsrfLayer::new())
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            ANSWER_WITHIN,
        ))
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn_with_state(
            Arc::clone(&premises),
            problem::dress,
        ))
        // Around the errors as well: theirs are pages too.
        .layer(middleware::from_fn(packing::pack_pages))
        // A widget's page names those who may frame it, and a file nobody who may run it.
        .layer(SetResponseHeaderLayer::if_not_present(
            header::CONTENT_SECURITY_POLICY,
            policy,
        ))
        .layer(SetResponseHeaderLayer::overriding(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        // Not `no-referrer`: with it browsers send `Origin: null` on our own forms, and over plain
        // HTTP there is no `Sec-Fetch-Site` to tell them from a stranger's.
        .layer(SetResponseHeaderLayer::overriding(
            header::REFERRER_POLICY,
            HeaderValue::from_static("same-origin"),
        ))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-store"),
        ))
        .with_state(premises)
        .merge(presence)
}

/// Serves until `shutdown` completes; then event streams end at once, and requests under way have
/// five seconds more.
///
/// # Errors
///
/// What the socket says, if it can no longer be listened to.
pub async fn serve(
    listener: tokio::net::TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    serve_by(listener, None, router, shutdown).await
}

/// As [`serve`], by TLS if there is some.
///
/// # Errors
///
/// What the socket says, if it can no longer be listened to.
pub async fn serve_by(
    listener: tokio::net::TcpListener,
    tls: Option<Tls>,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let closing = CancellationToken::new();
    // Every event stream, whoever made it: one that does not end holds its connection, and that
    // the whole house.
    let ending = closing.clone();
    let router = router.layer(middleware::map_response(move |response| {
        let ending = ending.clone();
        async move { end_stream(response, ending) }
    }));
    let tls = tls.map(|tls| tls.0);
    let serving = listener::serve(listener, CONNECTIONS_MAX, tls, router, closing.clone());
    let overtime = async {
        shutdown.await;
        closing.cancel();
        tokio::time::sleep(FAREWELL).await;
    };
    tokio::select! {
        () = serving => {}
        () = overtime => {}
    }
    Ok(())
}

/// Lets an event stream end once the server stops; other answers are short and left whole.
fn end_stream(response: Response, closing: CancellationToken) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE);
    if !kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream")) {
        return response;
    }
    response.map(|body| {
        let events = body.into_data_stream();
        Body::from_stream(events.take_until(closing.cancelled_owned()))
    })
}

/// Whether a program asks, and not a reader: chooses how an error is dressed.
fn is_api(request: &Request) -> bool {
    let path = request.uri().path();
    let in_widget = |rest: &str| rest.contains('/');
    path.starts_with("/api/")
        || path.strip_prefix("/widget/").is_some_and(in_widget)
        || path.strip_prefix("/f/").is_some_and(in_widget)
}
