//! `callnumber demo`: a whole library on one machine. A simulated modem, a phone to text from, and
//! the real console beside it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use clap::Args;
use futures_util::stream::{self, Stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::run::link;
use crate::daemon::{House, HouseSettings, LineSetup, WebSetup};
use crate::desk::{Desk, What};
use crate::modem::{LineSettings, PortChoice};
use crate::routing::{Amendment, Direction, Event, Library, OperatorId, Role, Show};
use crate::simulator::{ReportPolicy, Settings, SimulatedModem};
use crate::spool::{Spool, transcript};
use crate::web;

/// The operator whose console is open beside the phone.
const OPERATOR: &str = "ana";
/// The library's own number.
const LIBRARY_NUMBER: &str = "+15550100000";
/// Patrons one may be. Numbers from the range kept for stories.
const PATRONS: [(&str, &str); 3] = [
    ("Maya", "+15551230100"),
    ("Mr. Osei", "+15551230111"),
    ("Lena", "+15551230122"),
];
/// Bubbles kept for each browser that comes later.
const BUBBLES_MAX: usize = 500;
/// How long a patron's text may be: ten segments of the smallest kind.
const TEXT_MAX: usize = 1530;
/// For how long the sign-in link in the page works.
const LINK_VALID_S: u32 = 60;

/// `callnumber demo`
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where the page listens
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Keep the desk in this folder [default: one that is gone afterwards]
    #[arg(long, value_name = "DIR")]
    spool: Option<PathBuf>,
}

/// One bubble on a patron's phone.
#[derive(Debug, Clone, Serialize)]
struct Bubble {
    id: u64,
    /// The patron whose phone it is on.
    number: String,
    /// `out`: the patron wrote it; `in`: the library did.
    direction: &'static str,
    text: String,
    at: Timestamp,
    /// For the patron's own: the library has it on disk.
    kept: bool,
}

/// What the phones know.
#[derive(Default)]
struct Phones {
    bubbles: VecDeque<Bubble>,
    last: u64,
    switched_off: bool,
}

struct Demo {
    modem: SimulatedModem,
    desk: Desk,
    operator: OperatorId,
    phones: Mutex<Phones>,
    news: broadcast::Sender<String>,
}

type Shared = Arc<Demo>;

/// Runs until it is told to stop.
pub(super) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let folder = Folder::new(arguments.spool)?;
    let modem = SimulatedModem::start(Settings {
        number: LIBRARY_NUMBER.into(),
        // Long enough to see the ticks change.
        send_latency: Duration::from_millis(400),
        reports: telephone(true),
        ..Settings::default()
    })
    .await
    .context("the system has no pseudo-terminal to give")?;

    let library = Library {
        name: "Elm Library".into(),
        urgent: Some("555-0100".into()),
        ..Library::default()
    };
    // The pages are served from the moment the house opens, and need what only then exists.
    let place: Arc<std::sync::OnceLock<Shared>> = Arc::default();
    let settings = HouseSettings {
        spool: folder.path().join("spool.db"),
        library: library.clone(),
        lines: vec![LineSetup {
            line: LineSettings::new("front-desk", PortChoice::Path(modem.port())),
            pace: Duration::ZERO,
            per_day: 0,
        }],
        web: Some(WebSetup {
            listen: arguments.listen,
            settings: web::Settings {
                library: library.name,
                links_enter_directly: true,
                framed_by_self: true,
                ..web::Settings::default()
            },
            extra: Some(pages(Arc::clone(&place))),
        }),
        xmpp: None,
        control: true,
    };
    let house = House::open(settings).await?;
    let operator = prepare(house.desk()).await?;
    let (news, _) = broadcast::channel(256);
    let demo = Arc::new(Demo {
        modem,
        desk: house.desk().clone(),
        operator,
        phones: Mutex::default(),
        news,
    });
    let _ = place.set(Arc::clone(&demo));

    let address = house.web().unwrap_or(arguments.listen);
    println!("A library is open at http://{address}/demo");
    println!("The phone is a patron's, the desk is yours. Ctrl-C closes it.");

    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        outcome = tokio::signal::ctrl_c() => outcome.context("cannot wait for Ctrl-C")?,
        () = answer_phones(&demo) => {}
        () = show_kept(&demo, house.spool().clone()) => {}
    }
    house.close().await;
    Ok(())
}

/// The spool's folder, gone afterwards unless it was named.
enum Folder {
    Named(PathBuf),
    Passing(PathBuf),
}

impl Folder {
    fn new(named: Option<PathBuf>) -> anyhow::Result<Self> {
        if let Some(path) = named {
            return Ok(Self::Named(path));
        }
        let path = std::env::temp_dir().join(format!("callnumber-demo-{}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| {
            format!("cannot make {}; name a folder: --spool DIR", path.display())
        })?;
        Ok(Self::Passing(path))
    }

    fn path(&self) -> &std::path::Path {
        match self {
            Self::Named(path) | Self::Passing(path) => path,
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Self::Passing(path) = self {
            // What cannot be removed is in the system's temporary folder.
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

/// How the patrons' telephones report.
fn telephone(on: bool) -> ReportPolicy {
    ReportPolicy {
        automatic: on,
        delay: Duration::from_millis(900),
        ..ReportPolicy::default()
    }
}

/// Ana is there, on duty, before the first text.
async fn prepare(desk: &Desk) -> anyhow::Result<OperatorId> {
    let known = |desk: &Desk| {
        let board = desk.board();
        let board = board.borrow();
        board
            .plan
            .operator_named(OPERATOR)
            .map(|operator| operator.id)
    };
    if known(desk).is_none() {
        desk.amend(Amendment::AddOperator {
            name: OPERATOR.into(),
            password_hash: None,
            role: Role::Admin,
            queues: vec!["desk".into()],
        })
        .await?;
    }
    let operator = known(desk).context("the demonstration's operator was just added")?;
    let show = Show::Available;
    desk.ask(Event::Presence { operator, show }).await?;
    Ok(operator)
}

/// What the library sends lands on the phones.
async fn answer_phones(demo: &Demo) {
    const LONG: Duration = Duration::from_secs(3600);
    loop {
        if let Ok(sent) = demo.modem.next_sent(LONG).await {
            demo.add(&sent.to, "in", &sent.text, true);
        }
    }
}

/// Ticks on the patron's own texts, once the desk has them on disk.
async fn show_kept(demo: &Demo, spool: Spool) {
    let mut changes = demo.desk.changes();
    loop {
        let change = match changes.recv().await {
            Ok(change) => change,
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        let What::Message(message, _) = &change.what else {
            continue;
        };
        if message.direction != Direction::In {
            continue;
        }
        let conversation = message.conversation;
        let number = spool
            .read(move |connection| {
                let Some(conversation) = transcript::conversation(connection, conversation)? else {
                    return Ok(None);
                };
                transcript::patron(connection, conversation.patron)
            })
            .await;
        if let Ok(Some(patron)) = number {
            demo.kept(&patron.address, &message.body);
        }
    }
}

impl Demo {
    fn phones(&self) -> MutexGuard<'_, Phones> {
        self.phones.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, number: &str, direction: &'static str, text: &str, kept: bool) -> Bubble {
        let mut phones = self.phones();
        phones.last += 1;
        let bubble = Bubble {
            id: phones.last,
            number: number.to_owned(),
            direction,
            text: text.to_owned(),
            at: Timestamp::now(),
            kept,
        };
        phones.bubbles.push_back(bubble.clone());
        if phones.bubbles.len() > BUBBLES_MAX {
            phones.bubbles.pop_front();
        }
        self.say(&bubble);
        bubble
    }

    /// Marks the oldest text of a patron with these words that was not marked yet.
    fn kept(&self, number: &str, text: &str) {
        let mut phones = self.phones();
        let bubble = phones
            .bubbles
            .iter_mut()
            .find(|bubble| !bubble.kept && bubble.number == number && bubble.text == text);
        if let Some(bubble) = bubble {
            bubble.kept = true;
            self.say(bubble);
        }
    }

    fn say(&self, bubble: &Bubble) {
        // No browser open is not an error: the next one is told everything.
        let _ = self.news.send(json!(bubble).to_string());
    }

    fn on_duty(&self) -> bool {
        let board = self.desk.board();
        let board = board.borrow();
        board.shows.get(&self.operator) == Some(&Show::Available)
    }
}

// The pages --------------------------------------------------------------------------------------

fn pages(place: Arc<std::sync::OnceLock<Shared>>) -> axum::Router {
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
struct Opening(Arc<std::sync::OnceLock<Shared>>);

impl Opening {
    fn demo(&self) -> Result<Shared, StatusCode> {
        self.0.get().cloned().ok_or(StatusCode::SERVICE_UNAVAILABLE)
    }
}

/// A browser page of another site must not press our buttons.
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
            (
                header::CONTENT_SECURITY_POLICY,
                "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
            ),
            (header::CACHE_CONTROL, "no-cache"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ],
        text,
    )
        .into_response()
}

async fn page() -> Response {
    file("text/html; charset=utf-8", include_str!("demo/page.html"))
}

async fn style() -> Response {
    file("text/css; charset=utf-8", include_str!("demo/demo.css"))
}

async fn script() -> Response {
    file(
        "text/javascript; charset=utf-8",
        include_str!("demo/demo.js"),
    )
}

async fn state(State(opening): State<Opening>) -> Result<Response, StatusCode> {
    let demo = opening.demo()?;
    let patrons: Vec<_> = PATRONS
        .iter()
        .map(|(name, number)| json!({ "name": name, "number": number }))
        .collect();
    let on_duty = demo.on_duty();
    let phones = demo.phones();
    Ok(Json(json!({
        "library": "Elm Library",
        "number": LIBRARY_NUMBER,
        "patrons": patrons,
        "on_duty": on_duty,
        "switched_off": phones.switched_off,
        "bubbles": phones.bubbles,
    }))
    .into_response())
}

async fn news(
    State(opening): State<Opening>,
) -> Result<Sse<impl Stream<Item = Result<SseEvent, Infallible>>>, StatusCode> {
    let demo = opening.demo()?;
    let bubbles = demo.news.subscribe();
    let board = demo.desk.board();
    let changes = stream::unfold(
        (demo, bubbles, board),
        |(demo, mut bubbles, mut board)| async move {
            let event = tokio::select! {
                bubble = bubbles.recv() => match bubble {
                    Ok(bubble) => SseEvent::default().event("bubble").data(bubble),
                    // The page reads the whole state again.
                    Err(RecvError::Lagged(_)) => SseEvent::default().event("again").data("{}"),
                    Err(RecvError::Closed) => return None,
                },
                changed = board.changed() => {
                    changed.ok()?;
                    let duty = json!({ "on_duty": demo.on_duty() });
                    SseEvent::default().event("duty").data(duty.to_string())
                }
            };
            Some((Ok(event), (demo, bubbles, board)))
        },
    );
    Ok(Sse::new(changes).keep_alive(KeepAlive::default()))
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
) -> Result<Response, StatusCode> {
    from_here(&headers)?;
    let demo = opening.demo()?;
    let known = PATRONS.iter().any(|(_, patron)| *patron == number);
    if !known || text.is_empty() || text.chars().count() > TEXT_MAX {
        return Err(StatusCode::UNPROCESSABLE_ENTITY);
    }
    // On the phone first: the desk may be quicker than this answer.
    let bubble = demo.add(&number, "out", &text, false);
    match demo.modem.patron_texts(&number, &text) {
        Ok(_) => Ok(Json(bubble).into_response()),
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
    demo.modem.set_reports(telephone(on));
    if on {
        // What waited at the service centre is delivered, and says so.
        for submission in demo.modem.submissions() {
            let _ = demo.modem.report(submission.number, 0);
        }
    }
    demo.phones().switched_off = !on;
    Ok(StatusCode::NO_CONTENT)
}

/// The console, signed in: a fresh link each time the frame is loaded.
async fn desk(State(opening): State<Opening>) -> Result<Response, StatusCode> {
    let demo = opening.demo()?;
    let path = link(&demo.desk, OPERATOR.into(), LINK_VALID_S)
        .await
        .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, path)]).into_response())
}
