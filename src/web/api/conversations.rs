//! Lists of conversations, and one with its thread.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::Deserialize;

use super::said::At;
use crate::desk::views::{self, Names, Page, Thread};
use crate::routing::{ConversationId, ConversationState, Plan};
use crate::spool::transcript::{Entry, Listed, Listing};
use crate::spool::{self, transcript};
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

/// Entries of a list, unless asked otherwise.
const PAGE: usize = 100;
/// Entries of a list at most.
const PAGE_MAX: usize = 500;
/// Entries of a thread in one answer: the newest.
const THREAD_MAX: usize = 1000;
/// Rows looked at in one go while a list is filtered for its reader.
const ROWS_AT_ONCE: usize = 500;

#[derive(Deserialize)]
pub(super) struct Which {
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

pub(super) async fn list(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<Page<views::Conversation>>, Problem> {
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
                        StatusCode::UNPROCESSABLE_ENTITY,
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
                        .filter(|row| caller.sees(&row.conversation))
                        .map(|mut row| {
                            caller.veil(&mut row);
                            row
                        }),
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
            let names = Names::new(connection, &plan);
            let items = items
                .iter()
                .map(|item| views::Conversation::new(item, &names))
                .collect::<spool::Result<_>>()?;
            Ok(Page { items, next })
        })
        .await?;
    Ok(Json(page))
}

/// One conversation as a list shows it, if the caller may see it.
pub(super) async fn listed(
    premises: &Premises,
    caller: &Caller,
    id: ConversationId,
) -> Result<Listed, Problem> {
    let listed = premises
        .spool
        .read(move |connection| transcript::listed(connection, id))
        .await?;
    let mut listed = listed
        .filter(|listed| caller.sees(&listed.conversation))
        .ok_or_else(Problem::no_conversation)?;
    caller.veil(&mut listed);
    Ok(listed)
}

pub(super) async fn whole(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(id): At<i64>,
) -> Result<Json<Thread>, Problem> {
    let id = ConversationId(id);
    let thread = premises
        .spool
        .read(
            move |connection| match transcript::listed(connection, id)? {
                Some(mut listed) if caller.sees(&listed.conversation) => {
                    caller.veil(&mut listed);
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
) -> spool::Result<Thread> {
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
    Thread::new(listed, &entries, truncated, &Names::new(connection, plan))
}
