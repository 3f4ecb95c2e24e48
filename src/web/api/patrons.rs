//! What patrons may ask of a library by law: what is held of them, and its erasure. Whoever is meant
//! stands in the body, for addresses of requests are kept by proxies.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::extract::{ApiJson, May, Rights, unprocessable};
use super::operation::Api;
use crate::desk::views::HeldOfPatron;
use crate::routing::{Event, Whose};
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

pub(super) fn operations(api: &mut Api) {
    api.under("staff");
    api.post("/patrons/export", "exportPatron", export)
        .says("Everything that is held of a patron")
        .about(
            "Conversations, notes, numbers, opt-out, block, what became of texts, files, and what operators \
             did about them. That it was read is in the audit trail.",
        )
        .example(json!({"patron": "+1 555 123 0100"}))
        .gives_json::<HeldOfPatron>()
        .gives("text/plain")
        .refuses(&[422])
        .answers("Everything that is held; where nothing is, the lists are empty.");
    api.post("/patrons/erase", "erasePatron", erase)
        .says("Erase everything that is held of a patron")
        .about(
            "As their own FORGET does, on every line, for chat patrons as well. No text tells them. Whether \
             a telephone opted out stays, as a fingerprint. In the audit trail.",
        )
        .example(json!({"patron": "+1 555 123 0100"}))
        .refuses(&[422])
        .answers("How much was erased.");
}

/// Of whom what is held is asked for.
#[derive(Deserialize, ToSchema)]
struct Wanted {
    /// The name that operators see, a messenger's address, or a number however it is spelled.
    #[schema(min_length = 1)]
    patron: String,
    /// `json` when left out.
    #[serde(default)]
    format: HeldAs,
}

/// In which form.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum HeldAs {
    #[default]
    Json,
    Text,
}

/// Who is to be erased.
#[derive(Deserialize, ToSchema)]
struct Unwanted {
    /// The name that operators see, a messenger's address, or a number however it is spelled.
    #[schema(min_length = 1)]
    patron: String,
}

/// What was erased.
#[derive(Serialize, ToSchema)]
struct Erased {
    /// The names that operators saw; empty: nothing was held in a conversation.
    patrons: Vec<String>,
    /// How many conversations.
    #[schema(format = Int64)]
    conversations: usize,
}

/// Whoever is meant, and what is held of them.
async fn held(
    premises: &Premises,
    caller: &Caller,
    patron: String,
) -> Result<(Whose, HeldOfPatron), Problem> {
    let found = HeldOfPatron::find(&premises.spool, Arc::clone(&caller.board), patron).await?;
    found.map_err(|error| unprocessable(error.to_string()))
}

/// That it was read is written down before it is shown.
async fn export(
    State(premises): State<Arc<Premises>>,
    caller: May<Rights>,
    ApiJson(wanted): ApiJson<Wanted>,
) -> Result<Response, Problem> {
    let (_, held) = held(&premises, &caller, wanted.patron).await?;
    premises
        .note(caller.id(), "exported_patron", held.names(), None)
        .await?;
    Ok(match wanted.format {
        HeldAs::Json => Json(held).into_response(),
        HeldAs::Text => {
            let head = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
            let zone = &caller.board.plan.library.time_zone;
            (head, held.text(zone)).into_response()
        }
    })
}

async fn erase(
    State(premises): State<Arc<Premises>>,
    caller: May<Rights>,
    ApiJson(unwanted): ApiJson<Unwanted>,
) -> Result<Json<Erased>, Problem> {
    let (whose, held) = held(&premises, &caller, unwanted.patron).await?;
    let by = caller.id().into();
    premises.desk.ask(Event::Erase { by, whose }).await?;
    Ok(Json(Erased {
        patrons: held.known_as.into_iter().map(|one| one.patron).collect(),
        conversations: held.conversations.len(),
    }))
}
