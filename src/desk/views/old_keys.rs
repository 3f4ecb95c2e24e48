//! Keys that scripts know from before: each stays beside the new one for one release.
//!
//! Nothing else knows of them. To end one, take its line away here.

use std::borrow::Cow;

use serde::ser::{Error, SerializeMap};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use utoipa::openapi::schema::{AllOf, Array, Object};
use utoipa::openapi::{Deprecated, KnownFormat, Ref, RefOr, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use super::{
    AuditEntry, Canned, Conversation, Gateway, Modem, ModemOnTheBox, Notice, Operator, Phase,
    Queue, Sent, Shown, StatusOnTheBox, Thread, Token,
};
use crate::records::{Line, Row, Transcript};
use crate::routing;

/// A thing with its keys of before beside those of now.
#[derive(Debug, Clone, Copy)]
pub struct WithOldKeys<'a, T>(pub &'a T);

impl<T: Serialize + OldKeys> Serialize for WithOldKeys<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let now = serde_json::to_value(self.0).map_err(S::Error::custom)?;
        let Value::Object(now) = now else {
            return now.serialize(serializer);
        };
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in self.0.old_keys() {
            if !now.contains_key(key) {
                map.serialize_entry(key, &value)?;
            }
        }
        for (key, value) in &now {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// What a thing was told by before.
pub trait OldKeys {
    /// Its keys of before, with their values.
    fn old_keys(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }
}

/// `callnumber status --json`, 0.1.
impl OldKeys for StatusOnTheBox {
    fn old_keys(&self) -> Vec<(&'static str, Value)> {
        let lines = self.modems.iter().map(|modem| {
            let old = modem.old_keys().into_iter();
            let mut line: Map<String, Value> =
                old.map(|(key, value)| (key.into(), value)).collect();
            if let Ok(Value::Object(now)) = serde_json::to_value(modem) {
                line.extend(now);
            }
            line.insert("phase".into(), old_phase(&modem.modem));
            Value::Object(line)
        });
        vec![
            ("operators_available", self.status.available.len().into()),
            ("lines", lines.collect()),
        ]
    }
}

/// `callnumber modem info --json`, 0.1; in the lines of `status --json` `phase` is an object as well.
impl OldKeys for ModemOnTheBox {
    fn old_keys(&self) -> Vec<(&'static str, Value)> {
        let Modem {
            network,
            queued,
            rest,
            refused,
            balance,
            balance_at,
            balance_problem,
            self_test,
            ..
        } = &self.modem;
        let balance =
            balance_at.map(|at| json!({ "words": balance, "at": at, "problem": balance_problem }));
        vec![
            ("operator", json!(network)),
            ("replies_waiting", json!(queued)),
            (
                "standing",
                json!({ "paused": rest, "refused": refused, "balance": balance, "self_test": self_test }),
            ),
        ]
    }
}

fn old_phase(modem: &Modem) -> Value {
    match modem.phase {
        Phase::Starting | Phase::Ready => json!({ "phase": modem.phase }),
        Phase::NoPort | Phase::Stuck => json!({ "phase": modem.phase, "detail": modem.detail }),
    }
}

/// `callnumber gateway list --json`, 0.1.
impl OldKeys for Gateway {
    fn old_keys(&self) -> Vec<(&'static str, Value)> {
        let closed = self.wording.get(&routing::Notice::Closed);
        vec![("closed_notice", json!(closed))]
    }
}

/// New since then.
impl OldKeys for super::Keyword {
    fn old_keys(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }
}

/// Transcripts as JSON, 0.1.
impl OldKeys for Thread {
    fn old_keys(&self) -> Vec<(&'static str, Value)> {
        let old = Transcript::from(self);
        vec![
            ("conversation", json!(old.conversation)),
            ("lines", json!(old.lines)),
        ]
    }
}

/// Transcripts as the API describes them.
impl PartialSchema for WithOldKeys<'_, Thread> {
    fn schema() -> RefOr<Schema> {
        let conversation = Object::builder()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .deprecated(Some(Deprecated::True))
            .description(Some(
                "`id`, as it was called before: gone with the next release.",
            ));
        let lines = Array::builder()
            .items(Ref::from_schema_name(Line::name()))
            .deprecated(Some(Deprecated::True))
            .description(Some(
                "Messages and notes in one list, as it was before: gone with the next release.",
            ));
        let old = Object::builder()
            .property("conversation", conversation)
            .property("lines", lines)
            .required("conversation")
            .required("lines");
        AllOf::builder()
            .item(Ref::from_schema_name(Thread::name()))
            .item(old)
            .into()
    }
}

impl ToSchema for WithOldKeys<'_, Thread> {
    fn name() -> Cow<'static, str> {
        "Transcript".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        for (name, schema) in [
            (Thread::name(), Thread::schema()),
            (Line::name(), Line::schema()),
        ] {
            schemas.push((name.into_owned(), schema));
        }
        Thread::schemas(schemas);
        Line::schemas(schemas);
    }
}

/// `callnumber conversation show --json`, 0.1.
impl OldKeys for Shown {
    fn old_keys(&self) -> Vec<(&'static str, Value)> {
        vec![("transcript", json!(Transcript::from(&self.0)))]
    }
}

impl OldKeys for AuditEntry {}
impl OldKeys for Canned {}
impl OldKeys for Conversation {}
impl OldKeys for Notice {}
impl OldKeys for Operator {}
impl OldKeys for Queue {}
impl OldKeys for Row {}
impl OldKeys for Token {}

/// `callnumber send --json` and `callnumber conversation begin --json`, 0.1.
impl OldKeys for Sent {
    fn old_keys(&self) -> Vec<(&'static str, Value)> {
        vec![("message", json!(self.message.id))]
    }
}
