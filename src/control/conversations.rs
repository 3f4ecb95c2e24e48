//! What commands ask of conversations: lists, one whole, and what whoever keeps the box may do to
//! one.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Rooms, normal_number, words};
use crate::routing::{
    Act, Actor, ConversationId, ConversationState, Event, Gateway, GatewayKind, Operator, Plan,
    block_holds,
};
use crate::spool::transcript::{Listed, Listing};
use crate::spool::{audit, export, staff, transcript};

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
    pub after: Option<i64>,
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
    fn plan(&self) -> std::sync::Arc<Plan> {
        std::sync::Arc::clone(&self.desk.board().borrow().plan)
    }

    /// A page of conversations, oldest first, without their words.
    pub(super) async fn conversations(&self, sought: Sought) -> Result<Value, String> {
        let plan = self.plan();
        let queues = match &sought.queue {
            None => None,
            Some(name) => Some(vec![
                plan.queue_named(name)
                    .ok_or_else(|| {
                        format!(
                            "there is no queue {name:?}; `callnumber queue list` shows those there \
                             are"
                        )
                    })?
                    .id,
            ]),
        };
        let states = match sought.states.is_empty() {
            false => sought.states,
            true => vec![
                ConversationState::Held,
                ConversationState::Waiting,
                ConversationState::Claimed,
            ],
        };
        let limit = sought.limit.clamp(1, PAGE_MAX);
        let listing = Listing {
            states,
            queues,
            after: sought.after.map(ConversationId),
            // One more tells whether there are more.
            limit: limit + 1,
        };
        let now = self.spool.now();
        let (mut found, names) = self
            .spool
            .read(move |connection| {
                let found = transcript::list(connection, &listing)?;
                Ok((found, Names::read(connection)?))
            })
            .await
            .map_err(words)?;
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|one| one.conversation.id);
        let rows = found.iter().map(|one| row(one, &plan, &names, now));
        let rows: Vec<Value> = rows.collect();
        Ok(json!({ "items": rows, "next": next.map(|id| id.0) }))
    }

    /// One conversation with all that was said in it. That it was read is written down first: a
    /// command on the box needs no assignment.
    pub(super) async fn conversation(&self, id: i64) -> Result<Value, String> {
        let (id, now) = (ConversationId(id), self.spool.now());
        let listed = self
            .spool
            .read(move |connection| transcript::listed(connection, id));
        let listed = listed.await.map_err(words)?.ok_or_else(no_such)?;
        let patron = listed.patron.clone();
        let noted = self.spool.write(move |connection| {
            let action = "read_conversation";
            audit::write(connection, None, action, Some(&patron), Some(id), None, now)
        });
        noted.await.map_err(words)?;
        let read = self.spool.read(move |connection| {
            let names = Names::read(connection)?;
            Ok((export::one(connection, id, false)?, names))
        });
        let (said, names) = read.await.map_err(words)?;
        let said = said.ok_or_else(no_such)?;
        let mut shown = row(&listed, &self.plan(), &names, now);
        shown["transcript"] = json!(said);
        Ok(shown)
    }

    /// Does something to a conversation, in nobody's name.
    pub(super) async fn act(&self, id: i64, act: Act) -> Result<Value, String> {
        let id = ConversationId(id);
        self.desk
            .ask(Event::act(Actor::Box, id, act))
            .await
            .map_err(words)?;
        let now = self.spool.now();
        let read = self.spool.read(move |connection| {
            let listed = transcript::listed(connection, id)?;
            Ok((listed, Names::read(connection)?))
        });
        let (listed, names) = read.await.map_err(words)?;
        let listed = listed.ok_or_else(no_such)?;
        Ok(row(&listed, &self.plan(), &names, now))
    }

    /// Begins a conversation in an operator's name, or goes on in the one there is.
    pub(super) async fn begin(&self, begun: Begun) -> Result<Value, String> {
        let plan = self.plan();
        let operator = plan.operator_named(&begun.operator).ok_or_else(|| {
            format!(
                "there is no operator {:?}; `callnumber operator list` shows those there are",
                begun.operator
            )
        })?;
        let gateway = gateway_of(&plan, operator, begun.gateway.as_deref())?;
        let to = match gateway.kind {
            GatewayKind::Sms => normal_number(&begun.to)?,
            GatewayKind::Im | GatewayKind::Widget => begun.to,
        };
        let segments = match gateway.kind {
            GatewayKind::Sms => Some(crate::sms::plan(&begun.text).segments),
            GatewayKind::Im | GatewayKind::Widget => None,
        };
        let event = Event::Begin {
            by: Actor::Box,
            operator: operator.id,
            gateway: gateway.id,
            to,
            body: begun.text,
            client_id: None,
        };
        let receipt = self.desk.ask(event).await.map_err(words)?;
        Ok(json!({
            "message": receipt.message.map(|message| message.id),
            "conversation": receipt.conversation.map(|conversation| conversation.id),
            "segments": segments,
        }))
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
        Some(name) => plan.gateway_named(name).ok_or_else(|| {
            format!("there is no gateway {name:?}: `callnumber gateway list` shows those there are")
        }),
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

/// Names of operators, of those who left too.
struct Names(Vec<(crate::routing::OperatorId, String)>);

impl Names {
    fn read(connection: &rusqlite::Connection) -> crate::spool::Result<Self> {
        staff::names(connection).map(Self)
    }

    fn of(&self, id: crate::routing::OperatorId) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| *known == id);
        found.map(|(_, name)| name.as_str())
    }
}

fn row(listed: &Listed, plan: &Plan, names: &Names, now: jiff::Timestamp) -> Value {
    let conversation = &listed.conversation;
    let blocked = listed
        .blocked_until
        .filter(|&until| block_holds(until, now));
    let marks = &conversation.marks;
    json!({
        "id": conversation.id,
        "patron": listed.patron,
        "queue": plan.queue(conversation.queue).map(|queue| &queue.name),
        "gateway": plan.gateway(conversation.gateway).map(|gateway| &gateway.name),
        "state": conversation.state.word(),
        "claimed_by": conversation.claimed_by.and_then(|id| names.of(id)),
        "waiting_since": conversation.waiting_since,
        "opened_at": conversation.opened_at,
        "active_at": conversation.active_at,
        "answerable": listed.answerable,
        "flagged": conversation.flagged,
        "tags": marks.tags,
        "promise": marks.promise.as_ref().map(|promise| &promise.words),
        "blocked_until": blocked,
    })
}
