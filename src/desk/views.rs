//! The one shape of every thing that leaves: with names, not ids.
//!
//! The JSON API, the event stream, `--json` of the commands and transcripts serialise these types and
//! no others, so that one thing looks the same wherever it is read. What is new in a thing is a field
//! here and the line that fills it.

mod arrangement;
mod conversation;
mod line;
mod old_keys;
mod patron;
mod record;
mod status;

use std::cell::OnceCell;
use std::collections::HashMap;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{Array, Object, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

pub use arrangement::{
    Canned, Gateway, Keyword, Notice, Operator, Queue, gateways, operators, queues, show,
};
pub use conversation::{
    AuthorKind, Conversation, Find, Message, Note, Promise, Sent, Shown, Thread, Transfer,
    VisitedPage,
};
pub use line::{Modem, ModemOnTheBox, Phase, Rest, SelfTest, modem, modems};
pub use old_keys::{OldKeys, WithOldKeys};
pub use patron::{HeldFile, HeldOfPatron, KnownPatron, Sending, WhoError};
pub use record::{Arrival, AuditEntry, Report, Token};
pub use status::{Conversations, Link, Status, StatusOnTheBox};

use crate::routing::{GatewayId, GatewayKind, OperatorId, Plan, QueueId};
use crate::spool::{self, staff};

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The `cursor` of the next page; `null`: this is the last.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A list that fits one page.
    pub fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

/// A derived schema would name `T` and not bring it along.
impl<T: ToSchema> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        let items = Array::new(Ref::from_schema_name(T::name()));
        let next = "Give it as `cursor` to read on; `null`: this is the last.";
        let next = Object::builder()
            .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
            .description(Some(next));
        Object::builder()
            .property("items", items)
            .property("next", next)
            .required("items")
            .required("next")
            .into()
    }
}

impl<T: ToSchema> ToSchema for Page<T> {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

/// Knows names: of the plan, and of operators who left.
#[derive(Debug)]
pub struct Names<'a> {
    plan: &'a Plan,
    connection: &'a Connection,
    /// Read when somebody is mentioned who left, and not before.
    former: OnceCell<HashMap<OperatorId, String>>,
}

impl<'a> Names<'a> {
    /// Names as the plan has them.
    pub fn new(connection: &'a Connection, plan: &'a Plan) -> Self {
        Self {
            plan,
            connection,
            former: OnceCell::new(),
        }
    }

    fn operator(&self, id: OperatorId) -> spool::Result<String> {
        if let Some(operator) = self.plan.operator(id) {
            return Ok(operator.name.clone());
        }
        if self.former.get().is_none() {
            let all = staff::names(self.connection)?.into_iter().collect();
            // Just seen to be empty.
            let _ = self.former.set(all);
        }
        let name = self.former.get().and_then(|former| former.get(&id));
        Ok(name.cloned().unwrap_or_else(|| "someone who left".into()))
    }

    fn operator_of(&self, id: Option<OperatorId>) -> spool::Result<Option<String>> {
        id.map(|id| self.operator(id)).transpose()
    }

    fn queue(&self, id: QueueId) -> String {
        self.plan
            .queue(id)
            .map_or_else(|| format!("queue-{id}"), |queue| queue.name.clone())
    }

    fn gateway(&self, id: GatewayId) -> String {
        self.plan
            .gateway(id)
            .map_or_else(|| format!("gateway-{id}"), |gateway| gateway.name.clone())
    }

    fn gateway_kind(&self, id: GatewayId) -> GatewayKind {
        // A gateway is listed while its conversations are open; a text line is the usual one.
        self.plan
            .gateway(id)
            .map_or(GatewayKind::Sms, |gateway| gateway.kind)
    }
}
