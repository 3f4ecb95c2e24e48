//! A browser's visit: a random token, of which only the SHA-256 is kept.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use super::{admit, gateway_named, no_widget, token};
use crate::numbers::PatronNumber;
use crate::routing::Gateway;
use crate::spool::staff::secret_hash;
use crate::spool::visitors::{self, Visitor};
use crate::web::network::From;
use crate::web::premises::Premises;
use crate::web::problem::Problem;
use crate::web::sign_in::new_token;
use crate::web::throttle::Crowd;

/// Hexadecimal digits of a patron's address.
const ADDRESS_DIGITS: usize = 24;

/// `POST /widget/{gateway}/visit`
pub(super) async fn begin(
    State(premises): State<Arc<Premises>>,
    Path(name): Path<String>,
    From(address): From,
) -> Result<Response, Problem> {
    let gateway = gateway_named(&premises.board(), &name).ok_or_else(no_widget)?;
    admit(&premises, Crowd::Visit, &gateway, address, None)?;
    let token = new_token()?;
    let hash = secret_hash(&token);
    // Another secret than the token: whoever may reveal a patron sees the address.
    let lot = new_token()?;
    let visitor = Visitor {
        gateway: gateway.id,
        address: PatronNumber::verbatim(format!(
            "web-{}",
            lot.get(..ADDRESS_DIGITS).unwrap_or(&lot)
        )),
    };
    let now = premises.spool.now();
    premises
        .spool
        .write(move |connection| visitors::open(connection, &hash, &visitor, now))
        .await?;
    let answer = serde_json::json!({ "token": token });
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// A visitor who proved who they are, on the widget the path names.
#[derive(Debug, Clone)]
pub(super) struct Guest {
    pub(super) gateway: Gateway,
    pub(super) visitor: Visitor,
    /// SHA-256 of the visit's token.
    pub(super) hash: String,
}

impl FromRequestParts<Arc<Premises>> for Guest {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        premises: &Arc<Premises>,
    ) -> Result<Self, Problem> {
        let Path(name): Path<String> = Path::from_request_parts(parts, premises)
            .await
            .map_err(|_| no_widget())?;
        let gateway = gateway_named(&premises.board(), &name).ok_or_else(no_widget)?;
        let over = || {
            Problem::new(
                StatusCode::UNAUTHORIZED,
                "this visit is over: reload the page to begin another",
            )
        };
        let hash = secret_hash(token(&parts.headers).ok_or_else(over)?);
        let looked_up = hash.clone();
        let visitor = premises
            .spool
            .read(move |connection| visitors::visitor(connection, &looked_up))
            .await?
            .filter(|visitor| visitor.gateway == gateway.id)
            .ok_or_else(over)?;
        Ok(Self {
            gateway,
            visitor,
            hash,
        })
    }
}
