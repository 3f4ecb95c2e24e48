//! The JSON API, `/api/v1`.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use cookie::SameSite;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::caller::{self, Caller};
use super::listener::Peer;
use super::premises::Premises;
use super::problem::Problem;
use super::shapes::{
    ConversationShape, MessageShape, ModemShape, Names, NoteShape, Page, ThreadShape, mentioned_in,
};
use super::{openapi, segments, shapes, sign_in, stream};
use crate::desk::SEGMENTS_MAX;
use crate::routing::{
    Conversation, ConversationId, ConversationState, Event, MessageId, Plan, Show, TransferTarget,
};
use crate::spool::transcript::{Entry, Listed, Listing};
use crate::spool::{self, outbox, transcript};

/// Entries of a list, unless asked otherwise.
const PAGE: usize = 100;
/// Entries of a list at most.
const PAGE_MAX: usize = 500;
/// Entries of a thread in one answer: the newest.
const THREAD_MAX: usize = 1000;
/// Rows looked at in one go while a list is filtered for its reader.
const ROWS_AT_ONCE: usize = 500;
/// Letters of a sender's own key: a UUID has 36.
const CLIENT_ID_MAX: usize = 200;
/// Letters of the note that goes with a transfer.
const NOTE_MAX: usize = 1000;

/// The API's routes.
pub(super) fn routes() -> Router<Arc<Premises>> {
    Router::new()
        .route("/session", post(sign_in).delete(sign_out))
        .route("/presence", put(presence))
        .route("/events", get(stream::events))
        .route("/conversations", get(conversations))
        .route("/conversations/{id}", get(conversation))
        .route("/conversations/{id}/messages", post(send))
        .route("/conversations/{id}/messages/{message}/retry", post(retry))
        .route("/conversations/{id}/claim", post(claim))
        .route("/conversations/{id}/release", post(release))
        .route("/conversations/{id}/close", post(close))
        .route("/conversations/{id}/transfer", post(transfer))
        .route("/queues", get(queues))
        .route("/operators", get(operators))
        .route("/gateways", get(gateways))
        .route("/modems", get(modems))
        .route("/status", get(status))
        .route("/openapi.json", get(openapi::page))
        .fallback(super::problem::not_found)
        .method_not_allowed_fallback(super::problem::method_not_allowed)
}

// Extractors that answer with problems ----------------------------------------------------------

/// A JSON body.
struct Said<T>(T);

impl<T: DeserializeOwned> FromRequest<Arc<Premises>> for Said<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &Arc<Premises>) -> Result<Self, Problem> {
        let declared = request.headers().get(header::CONTENT_TYPE).cloned();
        let is_json = declared.is_none_or(|kind| {
            kind.to_str().is_ok_and(|kind| {
                let essence = kind.split(';').next().unwrap_or_default().trim();
                essence.eq_ignore_ascii_case("application/json")
            })
        });
        if !is_json {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "send JSON: `Content-Type: application/json`",
            ));
        }
        let bytes = axum::body::Bytes::from_request(request, state)
            .await
            .map_err(|rejection| match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "the request is larger than 64 KiB: send less at once",
                ),
                status => Problem::new(status, "the request broke off: send it again"),
            })?;
        // In two steps: what is no JSON at all is told apart from JSON that means nothing here.
        let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(|error| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                format!("the body is not JSON: {error}"),
            )
        })?;
        serde_json::from_value(value)
            .map(Said)
            .map_err(|error| unprocessable(format!("the JSON body cannot be used: {error}")))
    }
}

/// Ids in the path. What is not a number names nothing.
struct At<T>(T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<Premises>> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        state: &Arc<Premises>,
    ) -> Result<Self, Problem> {
        Path::from_request_parts(parts, state)
            .await
            .map(|Path(at)| At(at))
            .map_err(|_: PathRejection| Problem::no_conversation())
    }
}

/// Where a request came from, if it came over a socket.
pub(super) struct From(pub(super) Option<IpAddr>);

impl<S: Send + Sync> FromRequestParts<S> for From {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        _: &S,
    ) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<ConnectInfo<Peer>>();
        Ok(From(peer.map(|ConnectInfo(Peer(peer))| peer.ip())))
    }
}

fn unprocessable(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
}

// Session and presence --------------------------------------------------------------------------

#[derive(Deserialize)]
struct Credentials {
    name: String,
    password: String,
}

async fn sign_in(
    State(premises): State<Arc<Premises>>,
    From(address): From,
    Said(credentials): Said<Credentials>,
) -> Result<Response, Problem> {
    let opened =
        sign_in::with_password(&premises, &credentials.name, credentials.password, address).await?;
    let board = premises.board();
    let operator = board
        .plan
        .operator(opened.operator)
        .ok_or_else(Problem::nobody)?;
    let cookie = caller::cookie(&premises.settings, &opened.token, SameSite::Strict);
    Ok((
        StatusCode::CREATED,
        [(header::SET_COOKIE, cookie)],
        Json(shapes::operator(&board, operator)),
    )
        .into_response())
}

async fn sign_out(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
) -> Result<Response, Problem> {
    let session = caller.session.ok_or_else(|| {
        unprocessable(
            "a bearer token has no session to end; `callnumber operator remove` takes tokens away",
        )
    })?;
    sign_in::out(&premises, session).await?;
    let cookie = caller::no_cookie(&premises.settings);
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

#[derive(Deserialize)]
struct Presence {
    show: Show,
}

async fn presence(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    Said(Presence { show }): Said<Presence>,
) -> Result<Response, Problem> {
    let event = Event::Presence {
        operator: caller.id(),
        show,
    };
    premises.desk.ask(event).await?;
    let answer = serde_json::json!({ "operator": caller.operator.name, "show": show });
    Ok(Json(answer).into_response())
}

// Conversations ---------------------------------------------------------------------------------

#[derive(Deserialize)]
struct Which {
    state: Option<String>,
    queue: Option<String>,
    cursor: Option<String>,
    limit: Option<String>,
}

/// States of `?state=`: one, several with commas between, or `all`.
fn states(asked: Option<&str>) -> Result<Vec<ConversationState>, Problem> {
    const ALL: [ConversationState; 4] = [
        ConversationState::Held,
        ConversationState::Waiting,
        ConversationState::Claimed,
        ConversationState::Closed,
    ];
    match asked.filter(|asked| !asked.is_empty()) {
        None => Ok(ALL
            .into_iter()
            .filter(|state| *state != ConversationState::Closed)
            .collect()),
        Some("all") => Ok(ALL.to_vec()),
        Some(asked) => asked
            .split(',')
            .map(|word| {
                ALL.into_iter()
                    .find(|state| state.word() == word.trim())
                    .ok_or_else(|| {
                        Problem::new(
                            StatusCode::BAD_REQUEST,
                            "`state` is held, waiting, claimed, closed, several of them with \
                             commas between, or all",
                        )
                    })
            })
            .collect(),
    }
}

async fn conversations(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<Page<ConversationShape>>, Problem> {
    let Query(which) = which.map_err(|_| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "the query cannot be read: it knows state, queue, cursor and limit, each once",
        )
    })?;
    let states = states(which.state.as_deref())?;
    let plan = Arc::clone(&caller.board.plan);
    let queue = match which.queue.as_deref().filter(|name| !name.is_empty()) {
        None => None,
        Some(name) => Some(
            plan.queue_named(name)
                .map(|queue| queue.id)
                .ok_or_else(|| {
                    Problem::new(
                        StatusCode::BAD_REQUEST,
                        "there is no such queue; GET /api/v1/queues lists those there are",
                    )
                })?,
        ),
    };
    let after = match which.cursor.as_deref() {
        None => None,
        Some(cursor) => Some(
            cursor
                .parse()
                .ok()
                .filter(|id: &i64| *id >= 0)
                .map(ConversationId)
                .ok_or_else(|| {
                    Problem::new(
                        StatusCode::BAD_REQUEST,
                        "`cursor` is what `next` of the page before said: leave it out to begin",
                    )
                })?,
        ),
    };
    let limit = match which.limit.as_deref() {
        None => PAGE,
        Some(limit) => limit
            .parse()
            .ok()
            .filter(|limit| (1..=PAGE_MAX).contains(limit))
            .ok_or_else(|| {
                Problem::new(
                    StatusCode::BAD_REQUEST,
                    format!("`limit` is a number from 1 to {PAGE_MAX}"),
                )
            })?,
    };
    // Closed threads are everyone's past: only those of the caller's own queues are walked.
    let only_closed = states == [ConversationState::Closed];
    let queues = match queue {
        Some(queue) => Some(vec![queue]),
        None if only_closed => Some(caller.operator.queues.clone()),
        None => None,
    };
    let page = premises
        .spool
        .read(move |connection| {
            let mut items: Vec<Listed> = Vec::new();
            let mut after = after;
            // One more than asked for tells whether there is a next page.
            while items.len() <= limit {
                let listing = Listing {
                    states: states.clone(),
                    queues: queues.clone(),
                    after,
                    limit: ROWS_AT_ONCE,
                };
                let rows = transcript::list(connection, &listing)?;
                after = rows.last().map(|row| row.conversation.id);
                let full = rows.len() == ROWS_AT_ONCE;
                items.extend(
                    rows.into_iter()
                        .filter(|row| caller.sees(&row.conversation)),
                );
                if !full {
                    break;
                }
            }
            let more = items.len() > limit;
            items.truncate(limit);
            let next = items
                .last()
                .filter(|_| more)
                .map(|last| last.conversation.id.to_string());
            let mentioned = items
                .iter()
                .flat_map(|item| mentioned_in(&item.conversation, item.latest.as_ref()));
            let names = Names::read(connection, &plan, mentioned)?;
            let items = items
                .iter()
                .map(|item| ConversationShape::new(item, &names))
                .collect();
            Ok(Page { items, next })
        })
        .await?;
    Ok(Json(page))
}

/// One conversation as a list shows it, if the caller may see it.
async fn listed(
    premises: &Premises,
    caller: &Caller,
    id: ConversationId,
) -> Result<Listed, Problem> {
    let listed = premises
        .spool
        .read(move |connection| transcript::listed(connection, id))
        .await?;
    listed
        .filter(|listed| caller.sees(&listed.conversation))
        .ok_or_else(Problem::no_conversation)
}

async fn conversation(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(id): At<i64>,
) -> Result<Json<ThreadShape>, Problem> {
    let id = ConversationId(id);
    let thread = premises
        .spool
        .read(
            move |connection| match transcript::listed(connection, id)? {
                Some(listed) if caller.sees(&listed.conversation) => {
                    thread(connection, &caller.board.plan, &listed).map(Some)
                }
                _ => Ok(None),
            },
        )
        .await?;
    thread.map(Json).ok_or_else(Problem::no_conversation)
}

/// The newest entries of a thread.
fn thread(
    connection: &rusqlite::Connection,
    plan: &Plan,
    listed: &Listed,
) -> spool::Result<ThreadShape> {
    let conversation = &listed.conversation;
    let mut entries: VecDeque<Entry> = VecDeque::new();
    let mut truncated = false;
    let mut after = None;
    loop {
        let page = transcript::thread(connection, conversation.id, after, ROWS_AT_ONCE)?;
        let messages = page.iter().filter_map(|entry| match entry {
            Entry::Message(message) => Some(message.id),
            Entry::Note { .. } => None,
        });
        let last = messages.clone().next_back();
        let full = messages.count() >= ROWS_AT_ONCE;
        for entry in page {
            // Notes behind a page's last message come again at the head of the next.
            let again = matches!(&entry, Entry::Note { id, .. }
                if entries.iter().any(|seen| matches!(seen, Entry::Note { id: old, .. } if old == id)));
            if !again {
                entries.push_back(entry);
            }
        }
        while entries.len() > THREAD_MAX {
            entries.pop_front();
            truncated = true;
        }
        after = last;
        if !full || last.is_none() {
            break;
        }
    }
    let messages = entries.iter().filter_map(|entry| match entry {
        Entry::Message(message) => Some(message),
        Entry::Note { .. } => None,
    });
    let mentioned = mentioned_in(conversation, listed.latest.as_ref())
        .chain(
            messages
                .clone()
                .flat_map(|message| mentioned_in(conversation, Some(message))),
        )
        .collect::<Vec<_>>();
    let names = Names::read(connection, plan, mentioned)?;
    Ok(ThreadShape {
        conversation: ConversationShape::new(listed, &names),
        messages: messages
            .map(|message| MessageShape::new(message, &listed.patron, &names))
            .collect(),
        notes: entries
            .iter()
            .filter_map(|entry| NoteShape::new(conversation, entry))
            .collect(),
        truncated,
    })
}

#[derive(Deserialize)]
struct Reply {
    body: String,
    client_id: Option<String>,
}

async fn send(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(id): At<i64>,
    Said(reply): Said<Reply>,
) -> Result<Response, Problem> {
    let id = ConversationId(id);
    if let Some(client_id) = &reply.client_id
        && (client_id.is_empty() || client_id.chars().count() > CLIENT_ID_MAX)
    {
        return Err(unprocessable(format!(
            "`client_id` has 1 to {CLIENT_ID_MAX} letters: make one up for each message, and \
             send the same again when you try again"
        )));
    }
    let _turn = premises.turn_to_send(caller.id()).await;
    if let Some(client_id) = reply.client_id.clone()
        && let Some(answer) = sent_before(&premises, &caller, id, client_id).await?
    {
        return Ok(answer);
    }
    let listed = listed(&premises, &caller, id).await?;
    if reply.body.trim().is_empty() {
        return Err(unprocessable(
            "there is nothing to send: write something first",
        ));
    }
    let segments = segments::count(&reply.body);
    if segments > SEGMENTS_MAX {
        return Err(unprocessable(format!(
            "this would take {segments} texts, and {} are the most: longer answers belong in \
             e-mail",
            SEGMENTS_MAX
        ))
        .with_draft(&reply.body));
    }
    let draft = reply.body.clone();
    let receipt = premises
        .desk
        .ask(Event::Send {
            operator: caller.id(),
            conversation: id,
            body: reply.body,
            client_id: reply.client_id,
        })
        .await
        .map_err(|error| Problem::from(error).with_draft(&draft))?;
    let message = receipt.message.ok_or_else(|| {
        tracing::error!(conversation = %id, "a granted send made no message");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the desk made a mistake: it is in its log; reload the conversation to see whether \
             the text went out",
        )
        .with_draft(&draft)
    })?;
    let plan = Arc::clone(&caller.board.plan);
    let shape = shape_message(&premises, plan, listed.conversation, listed.patron, message).await?;
    Ok((StatusCode::CREATED, Json(shape)).into_response())
}

/// The answer to a send that came before under the same key.
async fn sent_before(
    premises: &Premises,
    caller: &Caller,
    id: ConversationId,
    client_id: String,
) -> Result<Option<Response>, Problem> {
    let operator = caller.id();
    let plan = Arc::clone(&caller.board.plan);
    let found = premises
        .spool
        .read(move |connection| {
            let message = transcript::message_by_client_id(connection, operator, &client_id)?;
            let Some(message) = message else {
                return Ok(None);
            };
            let Some(listed) = transcript::listed(connection, message.conversation)? else {
                return Ok(None);
            };
            let names = Names::read(
                connection,
                &plan,
                mentioned_in(&listed.conversation, Some(&message)),
            )?;
            let shape = MessageShape::new(&message, &listed.patron, &names);
            Ok(Some((message.conversation, shape)))
        })
        .await?;
    match found {
        None => Ok(None),
        Some((conversation, shape)) if conversation == id => {
            Ok(Some((StatusCode::OK, Json(shape)).into_response()))
        }
        Some(_) => {
            listed(premises, caller, id).await?;
            Err(unprocessable(
                "this `client_id` belongs to a message of another conversation: make up a new one \
             for each message",
            ))
        }
    }
}

async fn shape_message(
    premises: &Premises,
    plan: Arc<Plan>,
    conversation: Conversation,
    patron: String,
    message: crate::routing::Message,
) -> Result<MessageShape, Problem> {
    let shape = premises
        .spool
        .read(move |connection| {
            let mentioned = mentioned_in(&conversation, Some(&message));
            let names = Names::read(connection, &plan, mentioned)?;
            Ok(MessageShape::new(&message, &patron, &names))
        })
        .await?;
    Ok(shape)
}

async fn retry(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At((id, message)): At<(i64, i64)>,
) -> Result<Response, Problem> {
    let (id, message) = (ConversationId(id), MessageId(message));
    let listed = listed(&premises, &caller, id).await?;
    let receipt = premises
        .desk
        .ask(Event::Retry {
            operator: caller.id(),
            message,
            conversation: id,
        })
        .await?;
    let message = match receipt.message {
        Some(message) => Some(message),
        None => {
            premises
                .spool
                .read(move |connection| transcript::message(connection, message))
                .await?
        }
    };
    let message = message.ok_or_else(|| Problem::from(crate::routing::Refusal::NoSuchMessage))?;
    let plan = Arc::clone(&caller.board.plan);
    let shape = shape_message(&premises, plan, listed.conversation, listed.patron, message).await?;
    Ok(Json(shape).into_response())
}

/// Asks for a change of a conversation the caller sees, and answers how it stands then.
async fn change(
    premises: &Premises,
    caller: &Caller,
    id: ConversationId,
    event: Event,
) -> Result<Json<ConversationShape>, Problem> {
    listed(premises, caller, id).await?;
    premises.desk.ask(event).await?;
    // Read whether or not they may still see it: it was theirs to change a moment ago.
    let plan = Arc::clone(&caller.board.plan);
    let shape = premises
        .spool
        .read(move |connection| {
            let Some(listed) = transcript::listed(connection, id)? else {
                return Ok(None);
            };
            let mentioned = mentioned_in(&listed.conversation, listed.latest.as_ref());
            let names = Names::read(connection, &plan, mentioned)?;
            Ok(Some(ConversationShape::new(&listed, &names)))
        })
        .await?;
    shape.map(Json).ok_or_else(Problem::no_conversation)
}

async fn claim(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(id): At<i64>,
) -> Result<Json<ConversationShape>, Problem> {
    let (operator, conversation) = (caller.id(), ConversationId(id));
    let event = Event::Claim {
        operator,
        conversation,
    };
    change(&premises, &caller, conversation, event).await
}

async fn release(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(id): At<i64>,
) -> Result<Json<ConversationShape>, Problem> {
    let (operator, conversation) = (caller.id(), ConversationId(id));
    let event = Event::Release {
        operator,
        conversation,
    };
    change(&premises, &caller, conversation, event).await
}

async fn close(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(id): At<i64>,
) -> Result<Json<ConversationShape>, Problem> {
    let (operator, conversation) = (caller.id(), ConversationId(id));
    let event = Event::Close {
        operator,
        conversation,
    };
    change(&premises, &caller, conversation, event).await
}

#[derive(Deserialize)]
struct HandOver {
    to: String,
    #[serde(default)]
    note: String,
}

async fn transfer(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(id): At<i64>,
    Said(hand_over): Said<HandOver>,
) -> Result<Json<ConversationShape>, Problem> {
    let conversation = ConversationId(id);
    listed(&premises, &caller, conversation).await?;
    if hand_over.note.chars().count() > NOTE_MAX {
        return Err(unprocessable(format!(
            "the note has more than {NOTE_MAX} letters: shorten it"
        )));
    }
    let event = Event::Transfer {
        operator: caller.id(),
        conversation,
        to: target(&caller.board.plan, &hand_over.to)?,
        note: hand_over.note.trim().to_owned(),
    };
    change(&premises, &caller, conversation, event).await
}

/// `queue:NAME`, `operator:NAME`, or a name only one of them has.
fn target(plan: &Plan, to: &str) -> Result<TransferTarget, Problem> {
    let queue = |name: &str| {
        plan.queue_named(name)
            .map(|queue| TransferTarget::Queue(queue.id))
    };
    let operator = |name: &str| {
        plan.operator_named(name)
            .map(|operator| TransferTarget::Operator(operator.id))
    };
    let nobody = || {
        unprocessable(
            "there is nobody of that name to hand over to: `to` is `queue:NAME` or \
             `operator:NAME`, as GET /api/v1/queues and /api/v1/operators list them",
        )
    };
    if let Some(name) = to.strip_prefix("queue:") {
        return queue(name).ok_or_else(nobody);
    }
    if let Some(name) = to.strip_prefix("operator:") {
        return operator(name).ok_or_else(nobody);
    }
    match (queue(to), operator(to)) {
        (Some(_), Some(_)) => Err(unprocessable(
            "both a queue and an operator have that name: say `queue:NAME` or `operator:NAME`",
        )),
        (Some(target), None) | (None, Some(target)) => Ok(target),
        (None, None) => Err(nobody()),
    }
}

// The desk --------------------------------------------------------------------------------------

async fn queues(caller: Caller) -> Json<Page<shapes::QueueShape>> {
    Json(Page::whole(shapes::queues(&caller.board, caller.id())))
}

async fn operators(caller: Caller) -> Json<Page<shapes::OperatorShape>> {
    let board = &caller.board;
    let items = board.plan.operators.iter();
    Json(Page::whole(
        items.map(|one| shapes::operator(board, one)).collect(),
    ))
}

async fn gateways(caller: Caller) -> Json<Page<shapes::GatewayShape>> {
    Json(Page::whole(shapes::gateways(&caller.board)))
}

/// The lines as they stand.
async fn modem_shapes(premises: &Premises) -> Result<Vec<ModemShape>, Problem> {
    let names: Vec<String> = premises
        .lines
        .iter()
        .map(|line| line.name.clone())
        .collect();
    let queued = premises
        .spool
        .read(move |connection| {
            names
                .iter()
                .map(|name| outbox::waiting(connection, name))
                .collect::<spool::Result<Vec<u64>>>()
        })
        .await?;
    let since = premises
        .line_since
        .read()
        .unwrap_or_else(|held| held.into_inner());
    Ok(premises
        .lines
        .iter()
        .zip(queued)
        .map(|(line, queued)| {
            let status = line.status();
            let status = status.borrow();
            ModemShape::new(&line.name, &status, since.get(&line.name).copied(), queued)
        })
        .collect())
}

async fn modems(
    State(premises): State<Arc<Premises>>,
    _caller: Caller,
) -> Result<Json<Page<ModemShape>>, Problem> {
    Ok(Json(Page::whole(modem_shapes(&premises).await?)))
}

async fn status(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
) -> Result<Response, Problem> {
    let counts = premises.spool.read(transcript::counts).await?;
    let count = |state| {
        counts
            .iter()
            .find(|(counted, _)| *counted == state)
            .map_or(0, |(_, count)| *count)
    };
    let board = &caller.board;
    let shows = |wanted| {
        board
            .plan
            .operators
            .iter()
            .filter(|operator| shapes::show(board, operator.id) == wanted)
            .map(|operator| operator.name.as_str())
            .collect::<Vec<_>>()
    };
    Ok(Json(serde_json::json!({
        "library": premises.settings.library,
        "version": env!("CARGO_PKG_VERSION"),
        "started_at": premises.opened_at,
        "conversations": {
            "held": count(ConversationState::Held),
            "waiting": count(ConversationState::Waiting),
            "claimed": count(ConversationState::Claimed),
        },
        "available": shows(Show::Available),
        "away": shows(Show::Away),
        "streams": premises.seats.taken(),
        "queues": shapes::queues(board, caller.id()),
        "modems": modem_shapes(&premises).await?,
    }))
    .into_response())
}
