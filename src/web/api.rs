//! The JSON API, `/api/v1`, one noun a file: [`session`] who is there, [`conversations`] lists and
//! threads, [`messages`] words to patrons, [`changes`] whose a conversation is, [`arrangements`]
//! the desk itself. What they share stands in [`said`].

mod arrangements;
mod changes;
mod conversations;
mod messages;
mod said;
mod session;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post, put};

use super::premises::Premises;
use super::{openapi, stream};

/// The API's routes.
pub(super) fn routes() -> Router<Arc<Premises>> {
    Router::new()
        .route("/session", post(session::sign_in).delete(session::sign_out))
        .route("/presence", put(session::presence))
        .route("/events", get(stream::events))
        .route("/conversations", get(conversations::list))
        .route("/conversations/{id}", get(conversations::whole))
        .route("/conversations/{id}/messages", post(messages::send))
        .route(
            "/conversations/{id}/messages/{message}/retry",
            post(messages::retry),
        )
        .route("/conversations/{id}/claim", post(changes::claim))
        .route("/conversations/{id}/release", post(changes::release))
        .route("/conversations/{id}/close", post(changes::close))
        .route("/conversations/{id}/transfer", post(changes::transfer))
        .route("/queues", get(arrangements::queues))
        .route("/operators", get(arrangements::operators))
        .route("/gateways", get(arrangements::gateways))
        .route("/modems", get(arrangements::modems))
        .route("/status", get(arrangements::status))
        .route("/openapi.json", get(openapi::page))
        .fallback(super::problem::not_found)
        .method_not_allowed_fallback(super::problem::method_not_allowed)
}
