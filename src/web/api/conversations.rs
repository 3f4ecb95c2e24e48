//! Lists of conversations, and one with its thread.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::extract::{ApiPath, ApiQuery, unprocessable};
use super::operation::Api;
use crate::desk::views::{self, Page, Thread};
use crate::routing::{ConversationId, ConversationState};
use crate::spool::transcript::{Cursor, Listed, Listing, Order};
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

/// Entries of a list, unless asked otherwise.
const PAGE: usize = 100;
/// Entries of a list at most.
const PAGE_MAX: usize = 500;
/// Entries of a thread in one answer: the newest.
const THREAD_MAX: usize = 1000;

pub(super) fn operations(api: &mut Api) {
    api.under("conversations");
    api.get("/conversations", "listConversations", list)
        .says("List conversations")
        .refuses(&[422])
        .answers("Those you may see, in this order.");
    api.get("/conversations/{id}", "readConversation", whole)
        .says("Read a conversation")
        .answers("The conversation with its newest 1,000 messages and notes.");
}

#[derive(Deserialize, ToSchema)]
struct Which {
    /// held, waiting, claimed or closed, several with commas between, or all. All that are not closed when
    /// left out.
    #[schema(pattern = "^(all|(held|waiting|claimed|closed)(,(held|waiting|claimed|closed))*)?$")]
    state: Option<String>,
    /// In this queue.
    queue: Option<String>,
    /// oldest, by arrival, when left out; newest: those in which somebody wrote last come first.
    order: Option<Order>,
    /// `next` of the page before, in the same `order`.
    #[schema(pattern = "^([0-9]{1,18}\\.)?[0-9]{1,18}$")]
    cursor: Option<String>,
    /// How many at most; 100 when left out.
    #[schema(value_type = Option<u16>, minimum = 1, maximum = 500)]
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

async fn list(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiQuery(which): ApiQuery<Which>,
) -> Result<Json<Page<views::Conversation>>, Problem> {
    let states = states(which.state.as_deref())?;
    let plan = Arc::clone(&caller.board.plan);
    let queue = match which.queue.as_deref().filter(|name| !name.is_empty()) {
        None => None,
        Some(name) => Some(
            plan.queue_named(name)
                .map(|queue| queue.id)
                .ok_or_else(|| {
                    unprocessable(
                        "there is no such queue; GET /api/v1/queues lists those there are",
                    )
                })?,
        ),
    };
    let order = which.order.unwrap_or_default();
    let after = match which.cursor.as_deref() {
        None => None,
        Some(cursor) => Some(Cursor::read(cursor, order).ok_or_else(|| {
            // One of the other order is well written, and makes no sense here.
            let is_of_another = [Order::Oldest, Order::Newest]
                .into_iter()
                .any(|other| Cursor::read(cursor, other).is_some());
            Problem::new(
                match is_of_another {
                    true => StatusCode::UNPROCESSABLE_ENTITY,
                    false => StatusCode::BAD_REQUEST,
                },
                "`cursor` is what `next` of the page before said, in the same order: leave it out \
                 to begin",
            )
        })?),
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
    let listing = Listing {
        states,
        queues,
        order,
        after,
        limit,
    };
    let page = premises
        .spool
        .read(move |connection| {
            views::Conversation::page(connection, &plan, listing, |row| {
                caller.veil(row);
                caller.sees(&row.conversation)
            })
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
    let caller = caller.clone();
    let listed = premises
        .spool
        .read(move |connection| caller.reads(connection, id))
        .await?;
    listed.ok_or_else(Problem::no_conversation)
}

pub(super) async fn whole(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiPath(id): ApiPath<ConversationId>,
) -> Result<Json<Thread>, Problem> {
    let thread = premises
        .spool
        .read(move |connection| match caller.reads(connection, id)? {
            Some(listed) => {
                Thread::read(connection, &caller.board.plan, &listed, THREAD_MAX).map(Some)
            }
            None => Ok(None),
        })
        .await?;
    thread.map(Json).ok_or_else(Problem::no_conversation)
}
