//! The desk as a book: taken out, and made like another one. For admins.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::desk::Import;
use crate::routing::Right;
use crate::routing::book::Manuscript;
use crate::spool::book;
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

/// What TOML is declared as: by those who know it, by a browser that only knows the file's name.
const KINDS: [&str; 4] = [
    "application/toml",
    "text/plain",
    "text/x-toml",
    "application/octet-stream",
];

#[derive(Deserialize)]
pub(super) struct Taken {
    /// With the hashes of passwords.
    #[serde(default)]
    passwords: bool,
}

/// `GET /desk`
pub(super) async fn export(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    Query(taken): Query<Taken>,
) -> Result<Response, Problem> {
    caller.needs(Right::Arrange)?;
    let (by, now) = (Some(caller.id()), premises.spool.now());
    let written = match taken.passwords {
        true => {
            let handed = premises.spool.write(move |c| book::hand_out(c, by, now));
            handed.await?
        }
        false => premises.spool.read(|c| book::read(c, false)).await?,
    };
    let zone = caller.board.plan.library.time_zone.clone();
    let name = format!(
        "attachment; filename=\"callnumber-desk-{}.toml\"",
        zone.to_datetime(now).date()
    );
    let head = [
        (header::CONTENT_TYPE, "application/toml".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((head, written.to_toml()).into_response())
}

#[derive(Deserialize)]
pub(super) struct Meant {
    /// Only say what would change, or what is wrong.
    #[serde(default)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct ImportedShape {
    /// What changed, or would: a line each.
    changes: Vec<String>,
    dry_run: bool,
}

/// `PUT /desk`: all of the book, or nothing.
pub(super) async fn import(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    Query(Meant { dry_run }): Query<Meant>,
    request: Request,
) -> Result<Json<ImportedShape>, Problem> {
    // Before a large body is taken in.
    caller.needs(Right::Arrange)?;
    let text = toml(request, &premises).await?;
    let manuscript = Manuscript::read(text)
        .map_err(|misprint| super::said::unprocessable(misprint.to_string()))?;
    let import = Import {
        by: Some(caller.id()),
        manuscript: Arc::new(manuscript),
        dry_run,
    };
    let changes = premises.desk.import(import).await?;
    Ok(Json(ImportedShape { changes, dry_run }))
}

/// The body, if it may be TOML.
async fn toml(request: Request, premises: &Arc<Premises>) -> Result<String, Problem> {
    let declared = request.headers().get(header::CONTENT_TYPE);
    let is_toml = declared.is_none_or(|kind| {
        let kind = kind.to_str().unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim();
        KINDS
            .iter()
            .any(|known| essence.eq_ignore_ascii_case(known))
    });
    if !is_toml {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send the desk as TOML, as GET /api/v1/desk writes it: `Content-Type: application/toml`",
        ));
    }
    let octets = axum::body::Bytes::from_request(request, premises)
        .await
        .map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!(
                    "the book is larger than {} MiB: import it in parts, what a part leaves out \
                     stays as it is",
                    Manuscript::SIZE_MAX / (1024 * 1024)
                ),
            ),
            status => Problem::new(status, "the request broke off: send it again"),
        })?;
    String::from_utf8(octets.into()).map_err(|error| {
        let octets = error.as_bytes();
        let whole = octets.get(..error.utf8_error().valid_up_to());
        let line = whole.map_or(1, |whole| {
            whole.iter().filter(|octet| **octet == b'\n').count() + 1
        });
        Problem::new(
            StatusCode::BAD_REQUEST,
            format!("line {line}: the book is not UTF-8 text: save it as UTF-8"),
        )
    })
}
