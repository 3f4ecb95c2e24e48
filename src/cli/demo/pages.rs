//! The demonstration's own pages: the phone, and the frame around the desk.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream::{self, Stream};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

use super::phones::PATRONS;
use super::{Demo, LIBRARY_NAME, LIBRARY_NUMBER, OPERATOR, telephone};
use crate::cli::run::link;
use crate::routing::{Event, Show};

/// How long a patron's text may be: ten segments of the smallest kind.
const TEXT_MAX: usize = 1530;
/// For how long the sign-in link in the page works.
const LINK_VALID_S: u32 = 60;
/// The page and what it loads are our own; it may frame the desk and nobody may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

/// The pages. They are served from the moment the house opens; what they show is put into `place`
/// when it exists, and until then they say 503.
pub(super) fn pages(place: Arc<OnceLock<Arc<Demo>>>) -> axum::Router {
    axum::Router::new()
        .route("/demo", get(page))
        .route("/demo/demo.css", get(style))
        .route("/demo/demo.js", get(script))
        .route("/demo/state", get(state))
        .route("/demo/news", get(news))
        .route("/demo/text", post(text))
        .route("/demo/duty", post(duty))
        .route("/demo/phones", post(switch_phones))
        .route("/demo/desk", get(desk))
        .with_state(Opening(place))
}

/// The demonstration, from the moment it is open.
#[derive(Clone)]
struct Opening(Arc<OnceLock<Arc<Demo>>>);

impl Opening {
    fn demo(&self) -> Result<Arc<Demo>, StatusCode> {
        self.0.get().cloned().ok_or(StatusCode::SERVICE_UNAVAILABLE)
    }
}

/// A page of another site must not press our buttons.
fn from_here(headers: &HeaderMap) -> Result<(), StatusCode> {
    match headers.get("sec-fetch-site").map(|site| site.as_bytes()) {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(_) => Err(StatusCode::FORBIDDEN),
    }
}

fn file(kind: &'static str, text: &'static str) -> Response {
    (
        [
            (header::CONTENT_TYPE, kind),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::CACHE_CONTROL, "no-cache"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ],
        text,
    )
        .into_response()
}

async fn page() -> Response {
    file("text/html; charset=utf-8", include_str!("page.html"))
}

async fn style() -> Response {
    file("text/css; charset=utf-8", include_str!("demo.css"))
}

async fn script() -> Response {
    file("text/javascript; charset=utf-8", include_str!("demo.js"))
}

async fn state(State(opening): State<Opening>) -> Result<Response, StatusCode> {
    let demo = opening.demo()?;
    let patrons: Vec<_> = PATRONS
        .iter()
        .map(|(name, number)| json!({ "name": name, "number": number }))
        .collect();
    let state = json!({
        "run": demo.run,
        "library": LIBRARY_NAME,
        "number": LIBRARY_NUMBER,
        "patrons": patrons,
        "on_duty": demo.on_duty(),
        "phones": demo.phones.state(),
    });
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(state)).into_response())
}

async fn news(
    State(opening): State<Opening>,
) -> Result<Sse<impl Stream<Item = Result<SseEvent, Infallible>>>, StatusCode> {
    let demo = opening.demo()?;
    let news = demo.phones.news();
    let board = demo.desk.board();
    let events = stream::unfold(
        (demo, news, board),
        |(demo, mut news, mut board)| async move {
            let event = tokio::select! {
                told = news.recv() => match told {
                    Ok((event, data)) => SseEvent::default().event(event).data(data),
                    // The page reads everything again.
                    Err(RecvError::Lagged(_)) => SseEvent::default().event("again").data("{}"),
                    Err(RecvError::Closed) => return None,
                },
                changed = board.changed() => {
                    changed.ok()?;
                    let duty = json!({ "on": demo.on_duty() });
                    SseEvent::default().event("duty").data(duty.to_string())
                }
            };
            Some((Ok(event), (demo, news, board)))
        },
    );
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

#[derive(Deserialize)]
struct Text {
    number: String,
    text: String,
}

async fn text(
    State(opening): State<Opening>,
    headers: HeaderMap,
    Json(Text { number, text }): Json<Text>,
) -> Result<StatusCode, StatusCode> {
    from_here(&headers)?;
    let demo = opening.demo()?;
    let known = PATRONS.iter().any(|(_, patron)| *patron == number);
    if !known || text.is_empty() || text.chars().count() > TEXT_MAX {
        return Err(StatusCode::UNPROCESSABLE_ENTITY);
    }
    if demo.phones.are_off() {
        return Err(StatusCode::CONFLICT);
    }
    // On the phone first: the desk may be quicker than this answer.
    demo.phones.patron_writes(&number, &text);
    match demo.modem.patron_texts(&number, &text) {
        Ok(_) => Ok(StatusCode::NO_CONTENT),
        Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

#[derive(Deserialize)]
struct Switch {
    on: bool,
}

async fn duty(
    State(opening): State<Opening>,
    headers: HeaderMap,
    Json(Switch { on }): Json<Switch>,
) -> Result<StatusCode, StatusCode> {
    from_here(&headers)?;
    let demo = opening.demo()?;
    let show = if on { Show::Available } else { Show::Offline };
    let operator = demo.operator;
    match demo.desk.ask(Event::Presence { operator, show }).await {
        Ok(_) => Ok(StatusCode::NO_CONTENT),
        Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

async fn switch_phones(
    State(opening): State<Opening>,
    headers: HeaderMap,
    Json(Switch { on }): Json<Switch>,
) -> Result<StatusCode, StatusCode> {
    from_here(&headers)?;
    let demo = opening.demo()?;
    let mut reported = Ok(0);
    demo.phones.switch(on, || {
        demo.modem.set_reports(telephone(on));
        if on {
            // What waited at the service centre is delivered, and says so.
            reported = demo.modem.report_withheld(0);
        }
    });
    match reported {
        Ok(_) => Ok(StatusCode::NO_CONTENT),
        Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// The console, signed in: a fresh link each time the frame is loaded.
async fn desk(State(opening): State<Opening>, headers: HeaderMap) -> Result<Response, StatusCode> {
    from_here(&headers)?;
    let demo = opening.demo()?;
    let path = link(&demo.desk, OPERATOR.into(), LINK_VALID_S)
        .await
        .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let headers = [
        (header::LOCATION, path),
        (header::CACHE_CONTROL, "no-store".into()),
    ];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}
