//! Files for patrons, and the sign that an answer is being written.

use std::sync::Arc;

use axum::extract::{FromRequest, Request, State};
use serde_json::json;

use super::conversations::listed;
use super::extract::{ApiPath, ApiQuery, unprocessable};
use super::operation::{Api, Created, Draft, NoContent, Takes};
use crate::routing::{ConversationId, GatewayKind};
use crate::web::attachments::{self, AttachmentShape, Named, Sender};
use crate::web::body::Pieces;
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;
use crate::web::widget;

pub(super) fn operations(api: &mut Api) {
    api.under("conversations");
    api.post("/conversations/{id}/attachments", "attachFile", attach)
        .limit(attachments::SIZE_MAX)
        .says("Keep a file, and get the link that goes into a text")
        // Any octets will do for a file: these are plain text.
        .example(json!("hello"))
        .answers("The file is kept as long as the conversation's transcript.");
    api.post("/conversations/{id}/typing", "tellTyping", typing)
        .says("Tell a web page's visitor that an answer is being written")
        .answers("Told, if anybody listens.");
}

/// A file's octets, still to be read.
struct Content(Pieces);

impl Takes for Content {
    fn describe(draft: &mut Draft) {
        let what = "The file itself, up to 10 MB.";
        draft.takes(
            "application/octet-stream",
            json!({ "type": "string", "format": "binary", "description": what }),
        );
    }
}

impl FromRequest<Arc<Premises>> for Content {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, _: &Arc<Premises>) -> Result<Self, Self::Rejection> {
        Ok(Self(Pieces::of(request)))
    }
}

/// Keeps a file, and answers with the link that goes into the text.
async fn attach(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiPath(id): ApiPath<ConversationId>,
    ApiQuery(Named { name }): ApiQuery<Named>,
    Content(content): Content,
) -> Result<Created<AttachmentShape>, Problem> {
    let listed = listed(&premises, &caller, id).await?;
    let gateway = caller.board.plan.gateway(listed.conversation.gateway);
    let on_a_page = gateway.is_some_and(|gateway| gateway.kind == GatewayKind::Widget);
    if premises.settings.public_url.is_none() && !on_a_page {
        return Err(unprocessable(
            "a telephone could not follow the link: whoever keeps the box sets `public_url` under \
             [web] first",
        ));
    }
    let kept = premises
        .attachments
        .keep(
            &premises.spool,
            &premises.settings,
            &name,
            Sender::Staff(caller.id()),
            content,
        )
        .await?;
    Ok(Created(kept))
}

/// Tells a visitor's page that an answer is being written.
async fn typing(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiPath(id): ApiPath<ConversationId>,
) -> Result<NoContent, Problem> {
    let listed = listed(&premises, &caller, id).await?;
    widget::operator_types(&premises, &caller, &listed.conversation);
    Ok(NoContent)
}
