//! What a request says, read with answers a person can act on.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::web::premises::Premises;
use crate::web::problem::Problem;

/// A JSON body.
pub(in crate::web) struct Said<T>(pub(in crate::web) T);

impl<T: DeserializeOwned> FromRequest<Arc<Premises>> for Said<T> {
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
        let bytes = axum::body::Bytes::from_request(request, state)
            .await
            .map_err(|rejection| match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "the request is larger than 64 KiB: send less at once",
                ),
                status => Problem::new(status, "the request broke off: send it again"),
            })?;
        // In two steps: what is no JSON at all is told apart from JSON that means nothing here.
        let value: Value = serde_json::from_slice(&bytes).map_err(|error| {
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
            .map(Said)
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

/// A JSON body that may be left out.
pub(super) struct Maybe<T>(pub(super) T);

impl<T: DeserializeOwned + Default> FromRequest<Arc<Premises>> for Maybe<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &Arc<Premises>) -> Result<Self, Problem> {
        if axum::body::HttpBody::is_end_stream(request.body()) {
            return Ok(Self(T::default()));
        }
        let Said(said) = Said::from_request(request, state).await?;
        Ok(Self(said))
    }
}

/// Ids in the path. What is not a number names nothing.
pub(super) struct At<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<Premises>> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        state: &Arc<Premises>,
    ) -> Result<Self, Problem> {
        Path::from_request_parts(parts, state)
            .await
            .map(|Path(at)| At(at))
            .map_err(|_: PathRejection| Problem::no_conversation())
    }
}

pub(super) fn unprocessable(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
}
