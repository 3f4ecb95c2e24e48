//! What a request says, read with answers a person can act on. Each part also says what it is, for the
//! description.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::operation::{Draft, Takes, object};
use crate::routing::{ArrivalId, ConversationId, MessageId, Refusal, Right, Role};
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

/// A JSON body.
pub(in crate::web) struct ApiJson<T>(pub(in crate::web) T);

impl<T: DeserializeOwned> FromRequest<Arc<Premises>> for ApiJson<T> {
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
        let body = state.bodies.read(request).await;
        let body = body
            .map_err(|error| error.says("the request is larger than 64 KiB: send less at once"))?;
        // In two steps: what is no JSON at all is told apart from JSON that means nothing here.
        let value: Value = serde_json::from_slice(&body.octets).map_err(|error| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                format!("the body is not JSON: {error}"),
            )
        })?;
        // serde takes a list for an object whose parts come in order; the API does not.
        if !value.is_object() {
            return Err(unprocessable(
                "the JSON body cannot be used: it must be an object, `{…}`",
            ));
        }
        serde_json::from_value(whole(value))
            .map(ApiJson)
            .map_err(|error| unprocessable(format!("the JSON body cannot be used: {error}")))
    }
}

/// A value with `14.0` read as `14`: to JSON, and to the description (JSON Schema 2020-12 §6.1.1), the
/// two are one integer. No part of the API takes fractions.
fn whole(value: Value) -> Value {
    match value {
        Value::Number(number) => {
            // Beyond 2^53 a float no longer tells which integer was meant.
            let exact = number.as_f64().filter(|float| {
                number.is_f64() && float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0
            });
            let integer = exact.and_then(|float| format!("{float:.0}").parse::<i64>().ok());
            integer.map_or(Value::Number(number), Value::from)
        }
        Value::Array(values) => values.into_iter().map(whole).collect(),
        Value::Object(parts) => parts
            .into_iter()
            .map(|(key, value)| (key, whole(value)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::String(_) => value,
    }
}

impl<T: ToSchema> Takes for ApiJson<T> {
    fn describe(draft: &mut Draft) {
        draft.takes_json::<T>(true);
    }
}

/// A JSON body that may be left out.
pub(super) struct OptionalJson<T>(pub(super) T);

impl<T: DeserializeOwned + Default> FromRequest<Arc<Premises>> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &Arc<Premises>) -> Result<Self, Problem> {
        if axum::body::HttpBody::is_end_stream(request.body()) {
            return Ok(Self(T::default()));
        }
        let ApiJson(body) = ApiJson::from_request(request, state).await?;
        Ok(Self(body))
    }
}

impl<T: ToSchema> Takes for OptionalJson<T> {
    fn describe(draft: &mut Draft) {
        draft.takes_json::<T>(false);
    }
}

/// The query: each property of `T` is a parameter.
pub(in crate::web) struct ApiQuery<T>(pub(in crate::web) T);

impl<T: DeserializeOwned + ToSchema> FromRequestParts<Arc<Premises>> for ApiQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<Premises>) -> Result<Self, Problem> {
        let read = Query::from_request_parts(parts, state).await;
        let Query(query) = read.map_err(|rejection: QueryRejection| {
            let (properties, _) = object::<T>();
            let names: Vec<&str> = properties.iter().map(|(name, _)| name.as_str()).collect();
            let words = rejection.body_text();
            let why = words
                .rsplit_once("string: ")
                .map_or(&*words, |(_, why)| why);
            Problem::new(
                StatusCode::BAD_REQUEST,
                format!(
                    "the query cannot be read, {why}: it knows {}, each once",
                    names.join(", ")
                ),
            )
        })?;
        Ok(Self(query))
    }
}

impl<T: ToSchema> Takes for ApiQuery<T> {
    fn describe(draft: &mut Draft) {
        draft.refuses(StatusCode::BAD_REQUEST);
        draft.reads::<T>();
        let (properties, required) = object::<T>();
        for (name, schema) in properties {
            let needed = required.contains(&name);
            draft.parameter("query", &name, needed, schema);
        }
    }
}

/// What a part of the path names.
pub(in crate::web) trait Named: Sized + Send {
    /// The part, for the description.
    const WHAT: &'static str;

    /// Its schema.
    fn schema() -> Value {
        json!({ "type": "string" })
    }

    /// What these letters name.
    fn read(letters: &str) -> Option<Self>;

    /// 404: there is none.
    fn missing() -> Problem;
}

/// What the path names. Letters that cannot be a name are the name of nothing.
pub(in crate::web) struct ApiPath<T>(pub(in crate::web) T);

/// One name in a path, or two.
pub(in crate::web) trait Place: Sized {
    fn read(parts: &[&str]) -> Option<Self>;
    fn missing() -> Problem;
    fn parts() -> Vec<(&'static str, Value)>;
}

impl<T: Named> Place for T {
    fn read(parts: &[&str]) -> Option<Self> {
        T::read(parts.first()?)
    }

    fn missing() -> Problem {
        T::missing()
    }

    fn parts() -> Vec<(&'static str, Value)> {
        vec![(T::WHAT, T::schema())]
    }
}

impl<A: Named, B: Named> Place for (A, B) {
    fn read(parts: &[&str]) -> Option<Self> {
        let [first, second] = parts else { return None };
        Some((A::read(first)?, B::read(second)?))
    }

    fn missing() -> Problem {
        A::missing()
    }

    fn parts() -> Vec<(&'static str, Value)> {
        vec![(A::WHAT, A::schema()), (B::WHAT, B::schema())]
    }
}

impl<T: Place> FromRequestParts<Arc<Premises>> for ApiPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<Premises>) -> Result<Self, Problem> {
        let raw = RawPathParams::from_request_parts(parts, state).await;
        let raw = raw.map_err(|_| T::missing())?;
        let parts: Vec<&str> = raw.iter().map(|(_, part)| part).collect();
        T::read(&parts).map(ApiPath).ok_or_else(T::missing)
    }
}

impl<T: Place> Takes for ApiPath<T> {
    fn describe(draft: &mut Draft) {
        draft.refuses(StatusCode::NOT_FOUND);
        for (what, schema) in T::parts() {
            draft.part(what, schema);
        }
    }
}

macro_rules! ids {
    ($($id:ident $what:literal, $missing:expr;)+) => {$(
        impl Named for $id {
            const WHAT: &'static str = $what;

            fn schema() -> Value {
                json!({
                    "type": "integer", "format": "int64", "minimum": i64::MIN, "maximum": i64::MAX,
                })
            }

            fn read(letters: &str) -> Option<Self> {
                letters.parse().ok().map($id)
            }

            fn missing() -> Problem {
                $missing
            }
        }
    )+};
}

ids! {
    ConversationId "The conversation.", Refusal::NoSuchConversation.into();
    MessageId "The message.", Refusal::NoSuchMessage.into();
    ArrivalId "The arrival.", Problem::new(
        StatusCode::NOT_FOUND,
        "there is no such arrival kept: it was read since, or its time is over",
    );
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident $what:literal, $noun:literal in $list:literal)+) => {$(
        $(#[$doc])*
        pub(in crate::web) struct $name(pub(in crate::web) String);

        impl Named for $name {
            const WHAT: &'static str = $what;

            fn read(letters: &str) -> Option<Self> {
                Some(Self(letters.to_owned()))
            }

            fn missing() -> Problem {
                Problem::new(
                    StatusCode::NOT_FOUND,
                    concat!("there is no such ", $noun, "; GET /api/v1/", $list, " lists those there are"),
                )
            }
        }
    )+};
}

names! {
    /// A line's name.
    LineName "The line's.", "line" in "modems"
    /// A gateway's name.
    GatewayName "The gateway's.", "gateway" in "gateways"
    /// An operator's name.
    OperatorName "The operator's name.", "operator" in "operators"
    /// A canned reply's key.
    CannedKey "Its key.", "canned reply" in "canned"
    /// A token's id.
    TokenId "Its `id`, as the list shows it.", "token of yours" in "tokens"
    /// A backup's name.
    BackupName "As the list names it.", "backup" in "backups"
}

impl Takes for Caller {
    fn describe(draft: &mut Draft) {
        draft.lets_in(Role::Operator);
    }
}

/// A caller with a right, which decides who is let in: the handler cannot be reached without it, and the
/// description says the same.
pub(in crate::web) struct May<R>(Caller, PhantomData<R>);

/// A right, as a type.
pub(in crate::web) trait Needs: Send + Sync {
    const RIGHT: Right;
}

macro_rules! rights {
    ($($right:ident)+) => {$(
        #[doc = concat!("[`Right::", stringify!($right), "`]")]
        pub(in crate::web) struct $right;

        impl Needs for $right {
            const RIGHT: Right = Right::$right;
        }
    )+};
}

rights! { Coordinate Report Arrange Audit Export Rights }

impl<R> Deref for May<R> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl<R: Needs> FromRequestParts<Arc<Premises>> for May<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<Premises>) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        caller.needs(R::RIGHT)?;
        Ok(Self(caller, PhantomData))
    }
}

impl<R: Needs> Takes for May<R> {
    fn describe(draft: &mut Draft) {
        let roles = [Role::Operator, Role::Coordinator, Role::Admin];
        let least = roles.into_iter().find(|role| role.may(R::RIGHT));
        draft.lets_in(least.unwrap_or(Role::Admin));
        draft.refuses(StatusCode::FORBIDDEN);
    }
}

impl<S> Takes for axum::extract::State<S> {
    fn describe(_: &mut Draft) {}
}

impl Takes for HeaderMap {
    fn describe(_: &mut Draft) {}
}

impl Takes for crate::web::network::From {
    fn describe(_: &mut Draft) {}
}

/// 422: understood, and it makes no sense.
pub(super) fn unprocessable(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
}
