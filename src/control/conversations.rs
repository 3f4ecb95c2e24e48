//! What commands ask of conversations: lists, one whole, and what whoever keeps the box may do to
//! one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Rooms, no_gateway, no_operator, no_queue, words};
use crate::desk::views::{Conversation, Names, Page, Sent, Shown, Thread};
use crate::routing::{
    Act, Actor, ConversationId, ConversationState, Event, Gateway, GatewayKind, Operator, Plan,
};
use crate::spool::transcript::{Cursor, Listed, Listing, Order};
use crate::spool::{audit, transcript};

/// Conversations of one answer at most.
const PAGE_MAX: usize = 500;

/// Which conversations.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sought {
    /// In any of these states; not closed ones when left out.
    pub states: Vec<ConversationState>,
    /// In this queue.
    pub queue: Option<String>,
    /// After this one: where the last answer ended.
    pub after: Option<String>,
    /// How many at most.
    pub limit: usize,
}

/// What an operator is to begin a conversation with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Begun {
    /// In whose name, and who goes on with it.
    pub operator: String,
    /// With whom.
    pub to: String,
    /// The first words.
    pub text: String,
    /// By which gateway; the first sms gateway that feeds a queue of the operator's when left out.
    pub gateway: Option<String>,
}

impl Rooms {
    /// A page of conversations, oldest first, without their words: those are read one by one, and
    /// that is written down.
    pub(super) async fn conversations(&self, sought: Sought) -> Result<Page<Conversation>, String> {
        let plan = Arc::clone(&self.board().plan);
        let queues = match &sought.queue {
            None => None,
            Some(name) => {
                let queue = plan.queue_named(name).ok_or_else(|| no_queue(name))?;
                Some(vec![queue.id])
            }
        };
        let states = match sought.states.is_empty() {
            false => sought.states,
            true => vec![
                ConversationState::Held,
                ConversationState::Waiting,
                ConversationState::Claimed,
            ],
        };
        let listing = Listing {
            states,
            queues,
            order: Order::Oldest,
            after: match sought.after {
                Some(cursor) => Some(Cursor::read(&cursor, Order::Oldest).ok_or("no such page")?),
                None => None,
            },
            limit: sought.limit.clamp(1, PAGE_MAX),
        };
        let found = self.spool.read(move |connection| {
            let wordless = |one: &mut Listed| {
                (one.latest, one.asked) = (None, None);
                true
            };
            Conversation::page(connection, &plan, listing, wordless)
        });
        found.await.map_err(words)
    }

    /// One conversation with all that was said in it. That it was read is written down first: a
    /// command on the box needs no assignment.
    pub(super) async fn conversation(&self, id: i64) -> Result<Shown, String> {
        let (id, now) = (ConversationId(id), self.spool.now());
        let listed = self
            .spool
            .read(move |connection| transcript::listed(connection, id));
        let patron = listed.await.map_err(words)?.ok_or_else(no_such)?.patron;
        let noted = self.spool.write(move |connection| {
            let action = "read_conversation";
            audit::write(connection, None, action, Some(&patron), Some(id), None, now)
        });
        noted.await.map_err(words)?;
        let plan = Arc::clone(&self.board().plan);
        let thread = self
            .spool
            .read(move |connection| Thread::whole(connection, &plan, id, false));
        thread.await.map_err(words)?.map(Shown).ok_or_else(no_such)
    }

    /// Does something to a conversation, in nobody's name.
    pub(super) async fn act(&self, id: i64, act: Act) -> Result<Conversation, String> {
        let id = ConversationId(id);
        let event = Event::act(Actor::Box, id, act);
        self.desk.ask(event).await.map_err(words)?;
        let plan = Arc::clone(&self.board().plan);
        let read = self.spool.read(move |connection| {
            let listed = transcript::listed(connection, id)?;
            let names = Names::new(connection, &plan);
            listed
                .map(|listed| Conversation::new(&listed, &names))
                .transpose()
        });
        read.await.map_err(words)?.ok_or_else(no_such)
    }

    /// Begins a conversation in an operator's name, or goes on in the one there is.
    pub(super) async fn begin(&self, begun: Begun) -> Result<Sent, String> {
        let board = self.board();
        let plan = &board.plan;
        let operator = plan
            .operator_named(&begun.operator)
            .ok_or_else(|| no_operator(&begun.operator))?;
        let gateway = gateway_of(plan, operator, begun.gateway.as_deref())?;
        let segments = match gateway.kind {
            GatewayKind::Sms => {
                Some(crate::sms::plan_in(&begun.text, board.tables(gateway)).segments)
            }
            GatewayKind::Im | GatewayKind::Widget => None,
        };
        let event = Event::Begin {
            by: Actor::Box,
            operator: operator.id,
            gateway: gateway.id,
            to: begun.to,
            body: begun.text,
            client_id: None,
        };
        self.sent(event, segments).await
    }
}

fn no_such() -> String {
    "there is no such conversation; `callnumber conversation list --state all` shows those there are"
        .into()
}

/// The gateway named, or the first sms gateway that feeds a queue of the operator's.
fn gateway_of<'a>(
    plan: &'a Plan,
    operator: &Operator,
    name: Option<&str>,
) -> Result<&'a Gateway, String> {
    match name {
        Some(name) => plan.gateway_named(name).ok_or_else(|| no_gateway(name)),
        None => plan
            .gateways
            .iter()
            .find(|gateway| {
                !gateway.removed
                    && gateway.kind == GatewayKind::Sms
                    && operator.queues.contains(&gateway.queue)
            })
            .ok_or_else(|| {
                format!(
                    "no sms gateway feeds a queue of {}'s: name another with --gateway",
                    operator.name
                )
            }),
    }
}
