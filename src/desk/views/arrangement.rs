//! How the desk is arranged: queues, operators, gateways, canned replies, notices.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::desk::Board;
use crate::routing::{self, GatewayKind, OfflinePolicy, OperatorId, Plan, Role, Show};
use crate::sms;

/// A queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Queue {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Whether one of its operators is available.
    pub online: bool,
    /// Whether the caller is assigned to it; a command on the box is to none.
    pub assigned: bool,
    /// The names of the operators assigned to it.
    pub operators: Vec<String>,
    /// What its patrons call it; `null`: the library's own name.
    pub title: Option<String>,
    /// What librarians elsewhere should know when they help out.
    pub facts: Option<String>,
    /// When it is open: `Mon-Fri 9:00-17:00`.
    pub hours: Option<String>,
    /// Days that are not as the week says, each with its hours or `closed`.
    pub holidays: BTreeMap<String, String>,
    /// The queue that helps when nobody here answers.
    pub fallback: Option<String>,
    /// How long the local desk has a text to itself, in seconds.
    pub fallback_after_s: Option<u64>,
}

/// The queues, as one operator sees them, or a command on the box.
pub fn queues(board: &Board, caller: Option<OperatorId>) -> Vec<Queue> {
    let plan = &board.plan;
    let is_on =
        |operator: &routing::Operator, queue: &routing::Queue| operator.queues.contains(&queue.id);
    plan.queues
        .iter()
        .map(|queue| Queue {
            id: queue.id.0,
            name: queue.name.clone(),
            online: board.online.contains(&queue.id),
            assigned: caller
                .and_then(|caller| plan.operator(caller))
                .is_some_and(|operator| is_on(operator, queue)),
            operators: plan
                .operators
                .iter()
                .filter(|operator| is_on(operator, queue))
                .map(|operator| operator.name.clone())
                .collect(),
            title: queue.title.clone(),
            facts: queue.facts.clone(),
            hours: queue.calendar.hours.as_ref().map(ToString::to_string),
            holidays: queue
                .calendar
                .holidays
                .iter()
                .map(|(date, hours)| (date.to_string(), hours.to_string()))
                .collect(),
            fallback: queue
                .fallback
                .and_then(|fallback| plan.queue(fallback.queue))
                .map(|helper| helper.name.clone()),
            fallback_after_s: queue.fallback.map(|fallback| fallback.after.as_secs()),
        })
        .collect()
}

/// An operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Operator {
    /// Their id.
    pub id: i64,
    /// The name they sign in with.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// How they are.
    pub show: Show,
    /// The names of the queues they answer.
    pub queues: Vec<String>,
}

impl Operator {
    /// An operator as the board shows them.
    pub fn new(board: &Board, operator: &routing::Operator) -> Self {
        Self {
            id: operator.id.0,
            name: operator.name.clone(),
            role: operator.role,
            show: show(board, operator.id),
            queues: operator
                .queues
                .iter()
                .filter_map(|id| board.plan.queue(*id))
                .map(|queue| queue.name.clone())
                .collect(),
        }
    }
}

/// The operators.
pub fn operators(board: &Board) -> Vec<Operator> {
    let all = board.plan.operators.iter();
    all.map(|one| Operator::new(board, one)).collect()
}

/// How an operator is.
pub fn show(board: &Board, operator: OperatorId) -> Show {
    board.shows.get(&operator).copied().unwrap_or(Show::Offline)
}

/// A gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Gateway {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// The wire.
    pub kind: GatewayKind,
    /// The queue it feeds.
    pub queue: Option<String>,
    /// For sms: the configured modem.
    pub line: Option<String>,
    /// What happens to texts while the queue is offline.
    pub offline: OfflinePolicy,
    /// Whether somebody is there to answer.
    pub online: bool,
    /// Taken for offline, whoever is there.
    pub paused: bool,
    /// Its own words for notices: one that is not here has the desk's, an empty one is not sent.
    pub wording: BTreeMap<routing::Notice, String>,
    /// National language tables that its texts may go out in, where that takes fewer SMS.
    pub national: Vec<String>,
}

/// The gateways in use.
pub fn gateways(board: &Board) -> Vec<Gateway> {
    board
        .plan
        .gateways
        .iter()
        .filter(|gateway| !gateway.removed)
        .map(|gateway| Gateway {
            id: gateway.id.0,
            name: gateway.name.clone(),
            kind: gateway.kind,
            queue: board.plan.queue(gateway.queue).map(|q| q.name.clone()),
            line: gateway.line.clone(),
            offline: gateway.policy,
            online: board.online.contains(&gateway.queue) && !gateway.paused,
            paused: gateway.paused,
            wording: gateway.wording.clone(),
            national: board.tables(gateway).names(),
        })
        .collect()
}

/// A reply that is given often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Canned {
    /// What it is found by.
    pub key: String,
    /// The queue it is for alone; `null`: for every queue.
    pub queue: Option<String>,
    /// The words.
    pub text: String,
    /// How many SMS that takes.
    pub segments: usize,
}

impl Canned {
    /// `None` when its queue is gone.
    pub fn new(canned: &routing::Canned, plan: &Plan) -> Option<Self> {
        let queue = match canned.queue {
            Some(id) => Some(plan.queue(id)?.name.clone()),
            None => None,
        };
        Some(Self {
            key: canned.key.clone(),
            queue,
            text: canned.text.clone(),
            segments: sms::plan(&canned.text).segments,
        })
    }
}

/// What a gateway's patrons are told at one occasion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notice {
    /// `M1` to `M11`, as the pages of the desk number them.
    pub number: String,
    /// Which.
    pub notice: routing::Notice,
    /// The occasion, in words.
    pub when: String,
    /// The gateway's own wording; empty: it is not sent.
    pub own: Option<String>,
    /// The desk's wording.
    pub default: String,
    /// The names that a wording may have in braces.
    pub names: Vec<String>,
    /// As a patron would read it; `null` when nothing is sent.
    pub text: Option<String>,
    /// How many SMS that takes.
    pub segments: usize,
}

impl Notice {
    /// A notice in these words, or in those it has.
    pub fn new(
        board: &Board,
        gateway: &routing::Gateway,
        notice: routing::Notice,
        words: Option<&str>,
        now: Timestamp,
    ) -> Self {
        let text = notice.preview(&board.plan, gateway, words, now);
        let place = routing::Notice::ALL.iter().position(|one| *one == notice);
        Self {
            number: format!("M{}", place.unwrap_or_default() + 1),
            notice,
            when: notice.when().to_owned(),
            own: gateway.wording.get(&notice).cloned(),
            default: notice.default_wording(gateway.kind).to_owned(),
            names: notice.names().iter().map(ToString::to_string).collect(),
            segments: text
                .as_deref()
                .map_or(0, |text| sms::plan_in(text, board.tables(gateway)).segments),
            text,
        }
    }
}

/// A word that is answered without a librarian.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Keyword {
    /// The gateway whose patrons may text it.
    pub gateway: String,
    /// The word, as the library wrote it.
    pub word: String,
    /// What the patron is told, with names in braces.
    pub answer: String,
    /// As a patron would read it now; `null` when nothing is left of it.
    pub text: Option<String>,
    /// How many SMS that takes.
    pub segments: usize,
}

impl Keyword {
    /// A keyword of a gateway, or one that somebody tries.
    pub fn new(
        plan: &Plan,
        gateway: &routing::Gateway,
        word: &str,
        answer: &str,
        now: Timestamp,
    ) -> Self {
        let values = routing::Values::new(plan, gateway.queue, now);
        let text = routing::keyword_answer(answer, &values);
        Self {
            gateway: gateway.name.clone(),
            word: word.to_owned(),
            answer: answer.to_owned(),
            segments: text.as_deref().map_or(0, |text| sms::plan(text).segments),
            text,
        }
    }

    /// All of a gateway's.
    pub fn all(plan: &Plan, gateway: &routing::Gateway, now: Timestamp) -> Vec<Self> {
        let all = gateway.keywords.values();
        all.map(|one| Self::new(plan, gateway, &one.word, &one.answer, now))
            .collect()
    }
}
