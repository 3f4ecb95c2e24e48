//! The JSON API, `/api/v1`, one noun a file: [`session`] who is there, [`conversations`] lists and
//! threads, [`messages`] words to patrons, [`beginnings`] the first of them, [`changes`] whose a
//! conversation is, [`aids`] notes and marks on it, [`canned`] canned replies, [`arrangements`] the
//! desk itself, [`book`] all of it as one file, [`modems`] its lines and [`traces`] what is said on
//! their ports, [`upkeep`] the box, [`process`] the program that runs it, [`alerts`] whom it calls,
//! [`arrivals`] what came and was not read, and
//! [`backups`] its copies, [`staff`]
//! and [`tokens`] who may come in, [`audit`] who did what, [`search`] and [`records`] what was said
//! and counted. What they share stands in [`said`].

mod aids;
mod alerts;
mod arrangements;
mod arrivals;
mod audit;
mod backups;
mod beginnings;
mod book;
mod canned;
mod changes;
mod conversations;
mod files;
mod messages;
mod modems;
mod process;
mod records;
mod said;
mod search;
mod session;
mod staff;
mod tokens;
mod traces;
mod upkeep;
mod wording;

pub(super) use said::Said;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{delete, get, patch, post, put};

use super::premises::Premises;
use super::{attachments, openapi, stream, widget};
use crate::routing::book::Manuscript;

/// The API's routes.
pub(super) fn routes() -> Router<Arc<Premises>> {
    Router::new()
        .route("/session", post(session::sign_in).delete(session::sign_out))
        .route("/presence", put(session::presence))
        .route("/events", get(stream::events))
        .route(
            "/conversations",
            get(conversations::list).post(beginnings::begin),
        )
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
        .route("/conversations/{id}/reopen", post(aids::reopen))
        .route("/conversations/{id}/notes", post(aids::remark))
        .route("/conversations/{id}/tags", put(aids::label))
        .route("/conversations/{id}/promise", put(aids::promise))
        .route(
            "/conversations/{id}/block",
            post(aids::block).delete(aids::unblock),
        )
        .route("/conversations/{id}/reveal", post(aids::reveal))
        .route("/canned", get(canned::list).post(canned::add))
        .route("/canned/{key}", put(canned::set).delete(canned::remove))
        .route("/operators/{name}", patch(staff::set).delete(staff::remove))
        .route("/password", put(staff::password))
        .route("/tokens", get(tokens::list).post(tokens::add))
        .route("/tokens/{token}", delete(tokens::revoke))
        .route("/arrivals", get(arrivals::list))
        .route("/arrivals/{arrival}", get(arrivals::whole))
        .route("/audit", get(audit::list))
        .route("/amendments", post(audit::amend))
        .route(
            "/desk",
            get(book::export)
                .put(book::import)
                .layer(DefaultBodyLimit::max(Manuscript::SIZE_MAX)),
        )
        .route(
            "/conversations/{id}/attachments",
            post(files::attach).layer(DefaultBodyLimit::max(attachments::SIZE_MAX)),
        )
        .route("/conversations/{id}/typing", post(files::typing))
        .route(
            "/gateways/{gateway}/widget",
            get(widget::settings).put(widget::set),
        )
        .route("/conversations/{id}/transcript", get(records::transcript))
        .route("/transcripts", get(records::transcripts))
        .route("/transcripts/file", get(records::transcripts_file))
        .route("/search", get(search::find))
        .route("/reports", get(records::table))
        .route("/reports.csv", get(records::csv))
        .route("/reports.svg", get(records::drawing))
        .route("/queues", get(arrangements::queues))
        .route("/operators", get(arrangements::operators).post(staff::add))
        .route("/gateways", get(arrangements::gateways))
        .route("/gateways/{name}/notices", get(wording::notices))
        .route("/gateways/{name}/preview", post(wording::preview))
        .route("/modems", get(arrangements::modems))
        .route("/modems/{name}/pin", post(modems::unlock))
        .route("/modems/{name}/self-test", post(modems::test))
        .route("/modems/{name}/resume", post(modems::resume))
        .route("/modems/{name}/signal", get(modems::signal))
        .route("/modems/{name}/ussd", post(modems::ussd))
        .route(
            "/modems/{name}/trace",
            get(traces::stands).post(traces::begin).delete(traces::end),
        )
        .route("/modems/{name}/trace/file", get(traces::take))
        .route("/operators/{name}/link", post(staff::link))
        .route("/operators/{name}/shut-out", post(staff::shut_out))
        .route(
            "/operators/{name}/addresses",
            get(staff::addresses).put(staff::set_addresses),
        )
        .route("/box", get(upkeep::stands))
        .route("/box/health", get(process::health).post(process::examine))
        .route("/box/log", put(process::set_log))
        .route("/box/reload", post(process::reload))
        .route("/box/retention", put(upkeep::set_retention))
        .route("/box/alerts", put(alerts::set))
        .route("/box/alerts/trial", post(alerts::trial))
        .route("/backups", get(backups::list).post(backups::make))
        .route("/backups/{name}", get(backups::take))
        .route("/status", get(arrangements::status))
        .route("/openapi.json", get(openapi::page))
        .fallback(super::problem::not_found)
        .method_not_allowed_fallback(super::problem::method_not_allowed)
}
