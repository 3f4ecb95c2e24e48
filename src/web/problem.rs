//! Errors as the caller reads them: problem details (RFC 9457) in the API, a short page elsewhere.

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::premises::Premises;
use crate::desk::NotGranted;
use crate::routing::{AmendError, Listed, Refusal};
use crate::spool::SpoolError;

/// For a path that is not there.
pub(super) const NOTHING_HERE: &str =
    "there is nothing here; the console is at /, and /api/v1/openapi.json lists the API";

/// What went wrong, and what to do about it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    #[serde(serialize_with = "code")]
    #[schema(value_type = u16)]
    status: StatusCode,
    /// What to do.
    detail: String,
    /// Who claimed first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    answered_by: Option<String>,
    /// The words that were not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    draft: Option<String>,
}

fn code<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Problem {
    /// A problem of this status, with a detail a person can act on.
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status,
            detail: detail.into(),
            answered_by: None,
            draft: None,
        }
    }

    /// 401: nobody is signed in.
    pub(super) fn nobody() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "sign in first: POST /api/v1/session, or send `Authorization: Bearer …` with a token \
             made on the desk's page",
        )
    }

    /// 404 for a conversation that is not there, or not for this operator: the two look the same.
    pub(super) fn no_conversation() -> Self {
        Refusal::NoSuchConversation.into()
    }

    /// Gives the unsent words back with the problem.
    pub(super) fn with_draft(mut self, draft: &str) -> Self {
        self.draft = Some(draft.to_owned());
        self
    }

    /// Its status.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// What to do about it.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        match self.status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
            }
            _ => {}
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match &refusal {
            Refusal::NoSuchConversation | Refusal::NoSuchMessage => StatusCode::NOT_FOUND,
            Refusal::NoSuchOperator | Refusal::NotYours | Refusal::NotPermitted => {
                StatusCode::FORBIDDEN
            }
            Refusal::NoSuchGateway
            | Refusal::NoSuchQueue
            | Refusal::Empty
            | Refusal::Number(_)
            | Refusal::NotAnswerable
            | Refusal::BadTransfer(_)
            | Refusal::Unfit(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Refusal::AnsweredBy { .. }
            | Refusal::Closed
            | Refusal::OptedOut
            | Refusal::NotRetryable
            | Refusal::Offline => StatusCode::CONFLICT,
            Refusal::TooLong { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let mut problem = Self::new(status, refusal.to_string());
        if let Refusal::AnsweredBy { by, .. } = refusal {
            problem.answered_by = Some(by);
        }
        problem
    }
}

impl From<NotGranted> for Problem {
    fn from(not_granted: NotGranted) -> Self {
        match not_granted {
            NotGranted::Refused(refusal) => refusal.into(),
            NotGranted::BadAmendment(error) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, remedied(&error))
            }
            NotGranted::Forbidden(why) => Self::new(StatusCode::FORBIDDEN, why),
            NotGranted::NotKept(_) | NotGranted::ShuttingDown => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, not_granted.to_string())
            }
        }
    }
}

/// Why a change makes no sense, with what a caller of the API can do about it.
fn remedied(error: &AmendError) -> String {
    match error {
        AmendError::NoSuch { what, .. } => {
            let list = match what {
                Listed::Queue => "queues",
                Listed::Gateway => "gateways",
                Listed::Operator => "operators",
                Listed::Canned => "canned",
                Listed::Token => "tokens",
                Listed::Keyword => "gateways/{name}/keywords",
            };
            format!("{error}; GET /api/v1/{list} lists those there are")
        }
        AmendError::Exists { .. } => format!("{error}: choose another name"),
        _ => error.to_string(),
    }
}

impl From<SpoolError> for Problem {
    fn from(error: SpoolError) -> Self {
        tracing::warn!(%error, "the spool could not be read for a request");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the desk cannot read its disk just now; try again in a moment, and tell whoever \
             keeps the box if it stays so",
        )
    }
}

/// 404 for a path that is not there.
pub(super) async fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, NOTHING_HERE)
}

/// 405 for a method a path does not have.
pub(super) async fn method_not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "this address does not answer that method; /api/v1/openapi.json lists those it has",
    )
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    library: &'a str,
    status: u16,
    title: &'a str,
    detail: &'a str,
}

/// Dresses every error for its reader: layers and extractors answer in plain text, and nobody
/// should have to read that.
pub(super) async fn dress(
    State(premises): State<Arc<Premises>>,
    request: Request,
    next: Next,
) -> Response {
    let api = super::is_api(&request);
    let response = next.run(request).await;
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let problem = match response.extensions().get::<Problem>() {
        Some(_) if api => return response,
        Some(problem) => problem.clone(),
        None if !api && is_page(&response) => return response,
        None => Problem::new(status, words_for(status)),
    };
    // Kept: `Allow` of 405, `Retry-After` of 503.
    let mut kept = response.headers().clone();
    kept.remove(header::CONTENT_TYPE);
    kept.remove(header::CONTENT_LENGTH);
    let mut dressed = if api {
        problem.into_response()
    } else {
        let page = ProblemPage {
            library: &premises.settings.library,
            status: status.as_u16(),
            title: problem.title,
            detail: &problem.detail,
        };
        match page.render() {
            Ok(html) => (status, Html(html)).into_response(),
            Err(_) => problem.into_response(),
        }
    };
    for (name, value) in &kept {
        dressed.headers_mut().insert(name.clone(), value.clone());
    }
    dressed
}

fn is_page(response: &Response) -> bool {
    response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

/// What to do about an error that came without words of ours.
fn words_for(status: StatusCode) -> &'static str {
    match status {
        StatusCode::FORBIDDEN => {
            "this request came from another site, or through a proxy that hides the desk's own \
             address: forward the Host and Origin headers unchanged"
        }
        StatusCode::NOT_FOUND => NOTHING_HERE,
        StatusCode::METHOD_NOT_ALLOWED => {
            "this address does not answer that method; /api/v1/openapi.json lists those it has"
        }
        StatusCode::PAYLOAD_TOO_LARGE => "the request is larger than 64 KiB: send less at once",
        StatusCode::BAD_REQUEST => "the address has a part that cannot be read: check it",
        StatusCode::SERVICE_UNAVAILABLE => {
            "the desk took too long to answer; try again in a moment"
        }
        _ => "the desk made a mistake: it is in its log; try again",
    }
}
