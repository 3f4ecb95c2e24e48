//! Whose a conversation is: taken, given back, ended, handed over.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;

use super::conversations::listed;
use super::messages;
use super::said::{At, Maybe, Said, unprocessable};
use crate::desk::views::{self, Names};
use crate::routing::{Act, ConversationId, Event, Plan, TransferTarget};
use crate::spool::transcript;
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

/// Letters of the note that goes with a transfer.
const NOTE_MAX: usize = 1000;

/// Asks for a change of a conversation the caller sees, and answers how it stands then.
pub(super) async fn change(
    premises: &Premises,
    caller: &Caller,
    id: ConversationId,
    event: Event,
) -> Result<Json<views::Conversation>, Problem> {
    listed(premises, caller, id).await?;
    premises.desk.ask(event).await?;
    // Read whether or not they may still see it: it was theirs to change a moment ago.
    let plan = Arc::clone(&caller.board.plan);
    let caller = caller.clone();
    let shape = premises
        .spool
        .read(move |connection| {
            let Some(mut listed) = transcript::listed(connection, id)? else {
                return Ok(None);
            };
            caller.veil(&mut listed);
            let names = Names::new(connection, &plan);
            views::Conversation::new(&listed, &names).map(Some)
        })
        .await?;
    shape.map(Json).ok_or_else(Problem::no_conversation)
}

pub(super) async fn claim(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(id): At<i64>,
) -> Result<Json<views::Conversation>, Problem> {
    let (operator, conversation) = (caller.id(), ConversationId(id));
    let event = Event::act(operator, conversation, Act::Claim);
    change(&premises, &caller, conversation, event).await
}

pub(super) async fn release(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(id): At<i64>,
) -> Result<Json<views::Conversation>, Problem> {
    let (operator, conversation) = (caller.id(), ConversationId(id));
    let event = Event::act(operator, conversation, Act::Release);
    change(&premises, &caller, conversation, event).await
}

#[derive(Default, Deserialize)]
pub(super) struct Farewell {
    /// A last text, sent before the conversation closes.
    text: Option<String>,
    client_id: Option<String>,
}

pub(super) async fn close(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(id): At<i64>,
    Maybe(farewell): Maybe<Farewell>,
) -> Result<Json<views::Conversation>, Problem> {
    let (operator, conversation) = (caller.id(), ConversationId(id));
    if let Some(body) = farewell.text {
        // A conversation whose last text was refused stays open, with its words given back.
        let reply = messages::Reply {
            body,
            client_id: farewell.client_id,
        };
        messages::say(&premises, &caller, conversation, reply).await?;
    }
    let event = Event::act(operator, conversation, Act::Close);
    change(&premises, &caller, conversation, event).await
}

#[derive(Deserialize)]
pub(super) struct HandOver {
    to: String,
    #[serde(default)]
    note: String,
}

pub(super) async fn transfer(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(id): At<i64>,
    Said(hand_over): Said<HandOver>,
) -> Result<Json<views::Conversation>, Problem> {
    let conversation = ConversationId(id);
    listed(&premises, &caller, conversation).await?;
    if hand_over.note.chars().count() > NOTE_MAX {
        return Err(unprocessable(format!(
            "the note has more than {NOTE_MAX} letters: shorten it"
        )));
    }
    let event = Event::act(
        caller.id(),
        conversation,
        Act::Transfer {
            to: target(&caller.board.plan, &hand_over.to)?,
            note: hand_over.note.trim().to_owned(),
        },
    );
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
