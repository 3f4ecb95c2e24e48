//! The JSON API, `/api/v1`, one noun a file: [`session`] who is there, [`conversations`] lists and
//! threads, [`messages`] words to patrons, [`beginnings`] the first of them, [`changes`] whose a
//! conversation is, [`aids`] notes and marks on it, [`canned`] canned replies, [`arrangements`] the
//! desk itself, [`book`] all of it as one file, [`modems`] its lines and [`traces`] what is said on
//! their ports, [`upkeep`] the box, [`process`] the program that runs it, [`alerts`] whom it calls,
//! [`arrivals`] what came and was not read, [`backups`] its copies, [`staff`]
//! and [`tokens`] who may come in, [`audit`] who did what, [`patrons`] what is held of one, [`search`] and [`records`] what was said
//! and counted. Each names its operations, as [`operation`] has them; what requests are made of stands in
//! [`extract`]. [`description`] shows them all.

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
mod description;
mod extract;
mod files;
mod messages;
mod modems;
mod operation;
mod patrons;
mod process;
mod records;
mod search;
mod session;
mod staff;
mod tokens;
mod traces;
mod upkeep;
mod wording;

use std::sync::Arc;

use axum::Router;

pub(super) use extract::{ApiJson, ApiPath, ApiQuery, Arrange, GatewayName, May};
pub(super) use operation::{Api, Operation};

use super::premises::Premises;
use super::{problem, stream, widget};

/// Everything there is.
fn operations() -> Api {
    let mut api = Api::default();
    for add in [
        session::operations,
        stream::operations,
        conversations::operations,
        beginnings::operations,
        messages::operations,
        changes::operations,
        aids::operations,
        files::operations,
        search::operations,
        canned::operations,
        staff::operations,
        tokens::operations,
        arrivals::operations,
        audit::operations,
        book::operations,
        widget::operations,
        records::operations,
        patrons::operations,
        arrangements::operations,
        wording::operations,
        modems::operations,
        traces::operations,
        upkeep::operations,
        process::operations,
        alerts::operations,
        backups::operations,
        description::operations,
    ] {
        add(&mut api);
    }
    api
}

/// The API's routes.
pub(super) fn routes() -> Router<Arc<Premises>> {
    let router = operations().router();
    router
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
}
