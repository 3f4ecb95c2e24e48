//! What a visitor's page hears: every word of the thread once, from where it left off, and then
//! live; who answers; whether somebody is writing.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::time::{Interval, MissedTickBehavior};

use super::visit::Guest;
use super::{Standing, admit, stands};
use crate::desk::{Board, Change, What};
use crate::routing::{
    Author, Conversation, ConversationId, ConversationState, Direction, Message, MessageId,
    PatronId,
};
use crate::spool::visitors::{self, Talk};
use crate::web::caller::{Audience, Caller};
use crate::web::crier::Telling;
use crate::web::event::frame;
use crate::web::network::{From, who};
use crate::web::premises::Premises;
use crate::web::problem::Problem;
use crate::web::seats::{Seat, Seats};
use crate::web::throttle::Crowd;

/// Visitors' streams at once.
pub(in crate::web) const STREAMS_MAX: usize = 400;
/// Streams of one visit: a page, and the one it replaces; and from one address, which may be a
/// whole school's.
const STREAMS_OF_VISIT_MAX: usize = 3;
const STREAMS_FROM_ADDRESS_MAX: usize = 60;
/// Words of a thread that a page shows: the newest.
const THREAD_MAX: usize = 300;
/// Proxies and phones drop a silent connection after 30 to 60 s.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Typing notices a slow page may lag behind: they are stale by then.
const TYPING_MAX: usize = 256;

/// Somebody at the desk is writing to a visitor.
#[derive(Debug, Clone)]
struct Typing {
    conversation: ConversationId,
    by: Arc<str>,
}

/// What visitors' streams share.
#[derive(Debug)]
pub(in crate::web) struct Hub {
    typing: broadcast::Sender<Typing>,
    open: Arc<Seats<Listener>>,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            typing: broadcast::channel(TYPING_MAX).0,
            open: Arc::default(),
        }
    }
}

/// By whom streams are counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::web) enum Listener {
    Visit(String),
    Address(IpAddr),
}

/// Words as a visitor sees them.
#[derive(Debug, Serialize)]
pub(super) struct WordsShape {
    id: i64,
    /// `you`, `desk` (a notice), or `librarian`.
    from: &'static str,
    /// The librarian's name.
    name: Option<String>,
    body: String,
    at: jiff::Timestamp,
}

/// Words as a visitor sees them.
pub(super) fn words_of(board: &Board, message: &Message) -> WordsShape {
    let (from, name) = match (message.direction, message.author) {
        (Direction::In, _) | (Direction::Out, Author::Patron) => ("you", None),
        (Direction::Out, Author::Desk) => ("desk", None),
        (Direction::Out, Author::Operator(id)) => (
            "librarian",
            board.plan.operator(id).map(|one| one.name.clone()),
        ),
    };
    WordsShape {
        id: message.id.0,
        from,
        name,
        body: message.body.clone(),
        at: message.at,
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Resume {
    #[serde(default)]
    after: i64,
}

/// `GET /widget/{gateway}/events`
pub(super) async fn events(
    State(premises): State<Arc<Premises>>,
    guest: Guest,
    From(address): From,
    resume: Result<Query<Resume>, QueryRejection>,
) -> Result<Response, Problem> {
    let visit = (Listener::Visit(guest.hash.clone()), STREAMS_OF_VISIT_MAX);
    let from = who(address).map(|who| (Listener::Address(who), STREAMS_FROM_ADDRESS_MAX));
    let holders = [Some(visit), from].into_iter().flatten();
    let seat = premises
        .hub
        .open
        .take(STREAMS_MAX, holders)
        .ok_or_else(|| {
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "many people are chatting just now; this page tries again by itself",
            )
        })?;
    let after = resume.map_or(0, |Query(resume)| resume.after.max(0));
    let mut keep_alive = tokio::time::interval(KEEP_ALIVE);
    keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    keep_alive.reset();
    // Listen first: what happens while the past is read is told after it.
    let mut page = Page {
        changes: premises.desk.changes(),
        typing: premises.hub.typing.subscribe(),
        board: premises.desk.board(),
        guest,
        patron: None,
        thread: None,
        last: MessageId(after),
        standing: None,
        answered_by: None,
        ready: VecDeque::new(),
        keep_alive,
        _seat: seat,
        premises,
    };
    page.catch_up().await?;
    page.look_at_board();
    let stream = stream::unfold(page, |mut page| async move {
        page.next()
            .await
            .map(|bytes| (Ok::<_, Infallible>(bytes), page))
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

/// One visitor's page.
struct Page {
    premises: Arc<Premises>,
    guest: Guest,
    changes: broadcast::Receiver<Arc<Change>>,
    typing: broadcast::Receiver<Typing>,
    board: watch::Receiver<Arc<Board>>,
    /// Who they are to the desk, once something of theirs was kept.
    patron: Option<PatronId>,
    /// Their latest thread.
    thread: Option<ConversationId>,
    /// The last words told.
    last: MessageId,
    standing: Option<Standing>,
    answered_by: Option<String>,
    ready: VecDeque<Bytes>,
    keep_alive: Interval,
    _seat: Seat<Listener>,
}

impl Page {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame);
            }
            tokio::select! {
                change = self.changes.recv() => match change {
                    Ok(change) => if self.concerns(&change.what) && self.catch_up().await.is_err() {
                        return None;
                    },
                    Err(RecvError::Lagged(_)) => if self.catch_up().await.is_err() {
                        return None;
                    },
                    Err(RecvError::Closed) => return None,
                },
                typing = self.typing.recv() => match typing {
                    Ok(typing) => if Some(typing.conversation) == self.thread {
                        let by = serde_json::json!({ "by": &*typing.by });
                        self.ready.push_back(frame(0, "typing", &by));
                    },
                    // Whoever was writing then is not any more.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                },
                changed = self.board.changed() => {
                    if changed.is_err() {
                        return None;
                    }
                    self.look_at_board();
                }
                _ = self.keep_alive.tick() => return Some(Bytes::from_static(b":\n\n")),
            }
        }
    }

    fn concerns(&self, what: &What) -> bool {
        match what {
            What::Conversation(conversation) => match self.patron {
                Some(patron) => conversation.patron == patron,
                // Perhaps theirs: their first words have just been kept.
                None => conversation.gateway == self.guest.gateway.id,
            },
            What::Message(message, _) => Some(message.conversation) == self.thread,
            What::Note { .. }
            | What::Reaction { .. }
            | What::Offered { .. }
            | What::Withdrawn { .. }
            | What::Operator { .. }
            | What::Queue { .. }
            | What::Erased
            | What::Canned
            | What::Access(_)
            | What::Plan { .. } => false,
        }
    }

    /// Tells the words that are new, and who answers.
    async fn catch_up(&mut self) -> Result<(), Problem> {
        let (visitor, last) = (self.guest.visitor.clone(), self.last);
        let Talk {
            patron,
            conversation,
            messages,
        } = self
            .premises
            .spool
            .read(move |connection| visitors::talk(connection, &visitor, last, THREAD_MAX))
            .await?;
        self.patron = patron.map(|patron| patron.id);
        self.thread = conversation.as_ref().map(|conversation| conversation.id);
        let board = Arc::clone(&self.board.borrow());
        for message in &messages {
            self.last = self.last.max(message.id);
            let shape = words_of(&board, message);
            self.ready.push_back(frame(message.id.0, "message", &shape));
        }
        self.look_at_thread(&board, conversation.as_ref());
        Ok(())
    }

    fn look_at_thread(&mut self, board: &Board, thread: Option<&Conversation>) {
        let by = thread.and_then(|thread| {
            let answers = thread.claimed_by?;
            let open = thread.state != ConversationState::Closed;
            let name = board.plan.operator(answers)?.name.clone();
            open.then_some(name)
        });
        if by != self.answered_by {
            let answered = serde_json::json!({ "by": &by });
            self.ready.push_back(frame(0, "answered", &answered));
            self.answered_by = by;
        }
    }

    fn look_at_board(&mut self) {
        let board = Arc::clone(&self.board.borrow_and_update());
        // A gateway that was taken away goes on until its threads end, but takes nothing new.
        let standing = match board.plan.gateway(self.guest.gateway.id) {
            Some(gateway) if !gateway.removed => stands(&board, gateway),
            Some(_) | None => Standing::Offline,
        };
        if self.standing != Some(standing) {
            self.standing = Some(standing);
            let told = serde_json::json!({ "standing": standing });
            self.ready.push_back(frame(0, "standing", &told));
        }
    }
}

/// `POST /widget/{gateway}/typing`
pub(super) async fn visitor_types(
    State(premises): State<Arc<Premises>>,
    guest: Guest,
    From(address): From,
) -> Result<StatusCode, Problem> {
    let visit = Some(guest.hash.as_str());
    admit(&premises, Crowd::Typing, &guest.gateway, address, visit)?;
    let visitor = guest.visitor;
    let talk = premises
        .spool
        .read(move |connection| visitors::talk(connection, &visitor, MessageId(i64::MAX), 1))
        .await?;
    if let Some(conversation) = talk
        .conversation
        .filter(|conversation| conversation.state != ConversationState::Closed)
    {
        let telling = Telling::typing(conversation.id, Audience::of(&conversation));
        // Nobody may be listening: then nobody needs to know.
        let _ = premises.told.send(Arc::new(telling));
    }
    Ok(StatusCode::NO_CONTENT)
}

/// An operator is writing in a conversation.
pub(in crate::web) fn operator_types(
    premises: &Premises,
    caller: &Caller,
    conversation: &Conversation,
) {
    let theirs = conversation
        .claimed_by
        .is_none_or(|claimed| claimed == caller.id());
    if theirs {
        let typing = Typing {
            conversation: conversation.id,
            by: caller.operator.name.as_str().into(),
        };
        // Only visitors' pages listen.
        let _ = premises.hub.typing.send(typing);
    }
}
