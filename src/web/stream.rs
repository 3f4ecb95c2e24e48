//! The live feed of one browser tab: server-sent events that resume without a gap.
//!
//! A stream is an endpoint of its operator. It listens to the crier first, then reads the rows
//! since the last one the browser saw, then passes on what is newer: nothing falls between, and
//! what comes twice is the same words again.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Interval, MissedTickBehavior};
use utoipa::ToSchema;

use super::api::{Api, ApiQuery};
use super::caller::{Audience, Caller, sees};
use super::crier::{self, Telling, To};
use super::event::{FeedEvent, Hello, Nothing, PlanChanged, Withdrawal};
use super::premises::Premises;
use super::problem::Problem;
use super::seats::Seat;
use crate::desk::views;
use crate::desk::{Desk, NotGranted};
use crate::routing::{
    ConversationId, ConversationState, EndpointId, Event, Operator, OperatorId, Refusal,
};
use crate::spool::transcript::{Cursor, Listing, Order};
use crate::spool::{self, feed, staff, transcript};

/// Streams at once.
pub(super) const STREAMS_MAX: usize = 1000;
/// Streams of one operator: tabs, and scripts with their token.
const STREAMS_EACH_MAX: usize = 20;
/// Rows read again for a browser that comes back; beyond it, reading the lists is quicker.
const REPLAY_MAX: usize = 1000;
/// Proxies and phones drop a silent connection after 30 to 60 s.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Open conversations looked at in one go, for what an operator can see.
const VISIBLE_AT_ONCE: usize = 500;

/// An open endpoint, closed when dropped: also when the browser is gone, or something panics.
#[derive(Debug)]
struct Endpoint {
    desk: Desk,
    operator: OperatorId,
    endpoint: EndpointId,
}

impl Endpoint {
    async fn open(desk: &Desk, operator: OperatorId) -> Result<Self, NotGranted> {
        // Made before asking: if the browser hangs up meanwhile, the endpoint still closes.
        let guard = Self {
            desk: desk.clone(),
            operator,
            endpoint: desk.new_endpoint(),
        };
        desk.ask(Event::EndpointOpened {
            operator,
            endpoint: guard.endpoint,
        })
        .await?;
        Ok(guard)
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let (desk, operator, endpoint) = (self.desk.clone(), self.operator, self.endpoint);
        // Without a runtime the whole desk is gone, and its endpoints with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                // A desk that is shutting down forgets its endpoints anyway.
                let _ = desk.ask(Event::EndpointClosed { operator, endpoint }).await;
            });
        }
    }
}

/// `?last_event_id=`, for a page that opens its stream anew and so cannot send the header.
#[derive(Debug, Deserialize, ToSchema)]
struct Resume {
    /// The last `id` seen, where a header cannot be sent.
    last_event_id: Option<String>,
}

pub(super) fn operations(api: &mut Api) {
    let operation = api.under("desk").get("/events", "followEvents", events);
    let schema = FeedEvent::schema(operation);
    operation
        .says("Follow what happens")
        .about(
            "Server-sent events, each by its name. The `id` of one is where to resume. An event that comes \
             twice changes nothing.",
        )
        .header("Last-Event-ID", "The last `id` seen.")
        .refuses(&[429])
        .gives_as("text/event-stream", schema)
        .answers("One event after another, each as it happens.");
}

/// `GET /events`
async fn events(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiQuery(resume): ApiQuery<Resume>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let seat = premises.seats.take(STREAMS_MAX, [(caller.id(), STREAMS_EACH_MAX)]).ok_or_else(|| {
        Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too many live connections are open for this operator: close other tabs of the desk",
        )
    })?;
    let last = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok())
        .or(resume.last_event_id.as_deref())
        .filter(|value| !value.is_empty())
        .map(|value| value.trim().parse::<i64>().unwrap_or(-1));

    // Listen first: what happens while the past is read is told after it.
    let told = premises.told.subscribe();
    let endpoint = match Endpoint::open(&premises.desk, caller.id()).await {
        Ok(endpoint) => endpoint,
        Err(NotGranted::Refused(Refusal::NoSuchOperator)) => return Err(Problem::nobody()),
        Err(error) => return Err(error.into()),
    };
    let mut keep_alive = tokio::time::interval(KEEP_ALIVE);
    keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    keep_alive.reset();
    let mut tab = Tab {
        operator: caller.operator.clone(),
        session: caller.session.clone(),
        token: caller.token.clone(),
        told,
        ready: VecDeque::new(),
        passed: 0,
        visible: BTreeSet::new(),
        keep_alive,
        ended: false,
        _endpoint: endpoint,
        _seat: seat,
        premises,
    };
    tab.begin(last).await?;

    let stream = stream::unfold(tab, |mut tab| async move {
        tab.next()
            .await
            .map(|bytes| (Ok::<_, Infallible>(bytes), tab))
    });
    Ok((
        [
            (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
            // A proxy that collects a response before passing it on makes a live feed useless.
            (header::HeaderName::from_static("x-accel-buffering"), "no"),
        ],
        Body::from_stream(stream),
    )
        .into_response())
}

/// One stream.
#[derive(Debug)]
struct Tab {
    premises: Arc<Premises>,
    operator: Operator,
    session: Option<String>,
    token: Option<String>,
    told: broadcast::Receiver<Arc<Telling>>,
    /// To be sent before anything else.
    ready: VecDeque<Bytes>,
    /// Rows up to here were passed on or are before this stream's time.
    passed: i64,
    /// Open conversations this operator sees: one that leaves them is told once, by its id alone.
    visible: BTreeSet<ConversationId>,
    keep_alive: Interval,
    ended: bool,
    _endpoint: Endpoint,
    _seat: Seat<OperatorId>,
}

/// What a stream begins with.
struct Past {
    latest: i64,
    visible: BTreeSet<ConversationId>,
    /// `None`: cannot be resumed from there.
    missed: Option<Vec<Bytes>>,
}

impl Tab {
    /// Says hello, and tells what was missed since `last`.
    async fn begin(&mut self, last: Option<i64>) -> Result<(), Problem> {
        let past = self.read_past(last).await?;
        self.visible = past.visible;
        self.passed = past.latest;
        let board = self.premises.board();
        let resumed = past.missed.is_some() && last.is_some();
        let hello = Hello {
            operator: self.operator.name.clone(),
            show: views::show(&board, self.operator.id),
            resumed,
            version: env!("CARGO_PKG_VERSION"),
        };
        // A resumed stream names no row with its hello: what was missed comes after it, and a
        // connection lost between must resume from the old place.
        let row = if resumed { 0 } else { past.latest };
        self.ready.push_back(FeedEvent::Hello(&hello).frame(row));
        match past.missed {
            Some(missed) => self.ready.extend(missed),
            None => self.ready.push_back(self.reset_frame()),
        }
        Ok(())
    }

    fn reset_frame(&self) -> Bytes {
        FeedEvent::Reset(&Nothing {}).frame(self.passed)
    }

    /// Starts afresh in the middle: the page reads the lists again.
    async fn begin_again(&mut self) -> bool {
        match self.read_past(None).await {
            Ok(past) => {
                self.visible = past.visible;
                self.passed = past.latest;
                let reset = self.reset_frame();
                self.ready.push_back(reset);
                true
            }
            Err(_) => false,
        }
    }

    async fn read_past(&self, last: Option<i64>) -> Result<Past, Problem> {
        let operator = self.operator.clone();
        let plan = Arc::clone(&self.premises.board().plan);
        let past = self
            .premises
            .spool
            .read(move |connection| {
                let latest = feed::latest(connection)?;
                let missed = match last {
                    None => Some(Vec::new()),
                    Some(last) => missed(connection, &operator, &plan, last, latest)?,
                };
                Ok(Past {
                    latest,
                    visible: visible(connection, &operator)?,
                    missed,
                })
            })
            .await?;
        Ok(past)
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame);
            }
            if self.ended {
                return None;
            }
            let told = tokio::select! {
                told = self.told.recv() => told,
                _ = self.keep_alive.tick() => return Some(Bytes::from_static(b":\n\n")),
            };
            match told {
                Ok(telling) => match &telling.to {
                    To::Replanned => self.replan(&telling).await,
                    To::Access(operator) => {
                        if *operator == self.operator.id && !self.may_stay().await {
                            return None;
                        }
                    }
                    To::Missed => {
                        if !self.begin_again().await {
                            return None;
                        }
                    }
                    To::SignedOut(session) => {
                        self.ended = self.session.as_ref() == Some(session);
                    }
                    To::Everyone | To::Operator(_) | To::Conversation(..) | To::Erased(_) => {
                        self.hear(&telling)
                    }
                },
                Err(RecvError::Lagged(_)) => {
                    if !self.begin_again().await {
                        return None;
                    }
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// Passes a telling on if it is for this operator and new.
    fn hear(&mut self, telling: &Telling) {
        if telling.id > 0 {
            if telling.id <= self.passed {
                return;
            }
            self.passed = telling.id;
        }
        match &telling.to {
            To::Everyone => self.ready.push_back(telling.frame.clone()),
            To::Operator(operator) if *operator == self.operator.id => {
                self.ready.push_back(telling.frame.clone());
            }
            To::Conversation(conversation, audience) => {
                self.hear_of(*conversation, audience, telling);
            }
            To::Erased(conversation) => {
                if self.visible.remove(conversation) {
                    self.ready.push_back(telling.frame.clone());
                }
            }
            To::Operator(_) | To::Replanned | To::Access(_) | To::SignedOut(_) | To::Missed => {}
        }
    }

    fn hear_of(&mut self, conversation: ConversationId, audience: &Audience, telling: &Telling) {
        if sees(&self.operator, audience) {
            if audience.open {
                self.visible.insert(conversation);
            } else {
                self.visible.remove(&conversation);
            }
            let frame = match &telling.partners {
                Some(partners) if !audience.is_at_home(&self.operator) => partners,
                Some(_) | None => &telling.frame,
            };
            self.ready.push_back(frame.clone());
        } else if self.visible.remove(&conversation) {
            self.ready.push_back(gone(telling.id, conversation));
        }
    }

    /// The plan is another one: whom does this stream serve now, and what may they see?
    async fn replan(&mut self, telling: &Telling) {
        let board = self.premises.board();
        let Some(operator) = board.plan.operator(self.operator.id) else {
            self.ended = true;
            return;
        };
        if *operator == self.operator {
            self.ready.push_back(telling.frame.clone());
            return;
        }
        self.operator = operator.clone();
        let operator = operator.clone();
        let looked = self
            .premises
            .spool
            .read(move |connection| visible(connection, &operator))
            .await;
        match looked {
            Ok(visible) => {
                self.visible = visible;
                let yours = PlanChanged {
                    changed: "operators",
                    yours: Some(true),
                };
                self.ready.push_back(FeedEvent::Plan(&yours).frame(0));
            }
            Err(_) => self.ended = true,
        }
    }

    /// Whether the session or token that this stream came by is still one: a new password ends the
    /// sessions of the old one, and tokens are revoked.
    async fn may_stay(&self) -> bool {
        let (session, token) = (self.session.clone(), self.token.clone());
        let now = self.premises.spool.now();
        let looked = self
            .premises
            .spool
            .read(move |connection| match (session, token) {
                (Some(hash), _) => Ok(staff::session(connection, &hash, now)?.is_some()),
                (None, Some(hash)) => Ok(staff::operator_by_token(connection, &hash)?.is_some()),
                (None, None) => Ok(false),
            });
        looked.await.unwrap_or(false)
    }
}

/// A conversation this operator no longer sees.
fn gone(row: i64, conversation: ConversationId) -> Bytes {
    FeedEvent::Withdraw(&Withdrawal {
        conversation,
        reason: "moved to another desk".into(),
    })
    .frame(row)
}

/// The open conversations an operator sees.
fn visible(
    connection: &rusqlite::Connection,
    operator: &Operator,
) -> spool::Result<BTreeSet<ConversationId>> {
    let mut visible = BTreeSet::new();
    let mut after = None;
    loop {
        let listed = transcript::list(
            connection,
            &Listing {
                states: vec![
                    ConversationState::Held,
                    ConversationState::Waiting,
                    ConversationState::Claimed,
                ],
                queues: None,
                order: Order::Oldest,
                after,
                limit: VISIBLE_AT_ONCE,
            },
        )?;
        let last = listed.last().map(|listed| &listed.conversation);
        after = last.map(|last| Cursor::of(last, Order::Oldest));
        let full = listed.len() == VISIBLE_AT_ONCE;
        visible.extend(
            listed
                .iter()
                .map(|listed| &listed.conversation)
                .filter(|conversation| sees(operator, &Audience::of(conversation)))
                .map(|conversation| conversation.id),
        );
        if !full {
            return Ok(visible);
        }
    }
}

/// What was told after `last`, up to `latest`: the newest telling of each thing. `None` when the
/// feed does not reach back that far, or never came that far (the spool was restored).
fn missed(
    connection: &rusqlite::Connection,
    operator: &Operator,
    plan: &crate::routing::Plan,
    last: i64,
    latest: i64,
) -> spool::Result<Option<Vec<Bytes>>> {
    if last < 0 || last > latest {
        return Ok(None);
    }
    if last == latest {
        return Ok(Some(Vec::new()));
    }
    let oldest = feed::oldest(connection)?;
    if last.saturating_add(1) < oldest {
        return Ok(None);
    }
    let mut rows = feed::since(connection, last, REPLAY_MAX + 1)?;
    if rows.len() > REPLAY_MAX {
        return Ok(None);
    }
    rows.retain(|row| row.id <= latest);
    // Words are read as they stand now, so only the newest row of each thing says something new.
    let mut newest = HashMap::new();
    for row in &rows {
        newest.insert((row.kind, row.conversation, row.message, row.note), row.id);
    }
    rows.retain(|row| {
        newest.get(&(row.kind, row.conversation, row.message, row.note)) == Some(&row.id)
    });
    let mut frames = Vec::new();
    for row in &rows {
        let Some(telling) = crier::word(connection, plan, row)? else {
            continue;
        };
        if let To::Erased(_) = &telling.to {
            // Whether this listener saw it nobody can tell any more; the id alone says nothing.
            frames.push(telling.frame);
        } else if let To::Conversation(conversation, audience) = &telling.to {
            if sees(operator, audience) {
                frames.push(match telling.partners {
                    Some(partners) if !audience.is_at_home(operator) => partners,
                    Some(_) | None => telling.frame,
                });
            } else if row.kind == feed::FeedKind::Conversation && audience.saw(operator) {
                frames.push(gone(row.id, *conversation));
            }
        }
    }
    Ok(Some(frames))
}
