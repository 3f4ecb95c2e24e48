//! Files for patrons, and the sign that an answer is being written.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::conversations::listed;
use super::said::{At, unprocessable};
use crate::routing::{ConversationId, GatewayKind};
use crate::web::attachments::{self, Named};
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;
use crate::web::widget;

/// Keeps a file, and answers with the link that goes into the text.
pub(super) async fn attach(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(id): At<i64>,
    query: Result<Query<Named>, QueryRejection>,
    content: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let listed = listed(&premises, &caller, ConversationId(id)).await?;
    let gateway = caller.board.plan.gateway(listed.conversation.gateway);
    let on_a_page = gateway.is_some_and(|gateway| gateway.kind == GatewayKind::Widget);
    if premises.settings.public_url.is_none() && !on_a_page {
        return Err(unprocessable(
            "a telephone could not follow the link: whoever keeps the box sets `public_url` under \
             [web] first",
        ));
    }
    let content = content.map_err(|_| attachments::too_large())?;
    let kept = premises
        .attachments
        .keep(
            &premises.spool,
            &premises.settings,
            &attachments::named(query),
            content,
        )
        .await?;
    Ok((StatusCode::CREATED, Json(kept)).into_response())
}

/// Tells a visitor's page that an answer is being written.
pub(super) async fn typing(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(id): At<i64>,
) -> Result<StatusCode, Problem> {
    let listed = listed(&premises, &caller, ConversationId(id)).await?;
    widget::operator_types(&premises, &caller, &listed.conversation);
    Ok(StatusCode::NO_CONTENT)
}
