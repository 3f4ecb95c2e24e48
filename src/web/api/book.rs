//! The desk as a book: taken out, and made like another one. For admins.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::extract::{ApiQuery, Arrange, May, unprocessable};
use super::operation::{Api, Draft, Takes};
use crate::desk::Import;
use crate::routing::book::Manuscript;
use crate::spool::book;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

/// What TOML is declared as: by those who know it, by a browser that only knows the file's name.
const KINDS: [&str; 4] = [
    "application/toml",
    "text/plain",
    "text/x-toml",
    "application/octet-stream",
];

pub(super) fn operations(api: &mut Api) {
    api.under("staff");
    api.get("/desk", "exportDesk", export)
        .says("The desk as one file: queues, gateways, operators, canned replies")
        .about("Taking the hashes of passwords out is in the audit trail.")
        .gives("application/toml")
        .answers("TOML, to be kept as a file.");
    api.put("/desk", "importDesk", import)
        .limit(Manuscript::SIZE_MAX)
        .says("Make the desk like the one in a file: all of it, or nothing")
        .about(
            "Nothing is removed: what the file does not name stays. What is wrong in the file is said with \
             its line, and then nothing is changed. Each change is in the audit trail.",
        )
        .example(json!("callnumber_desk = 1\n\n[[queue]]\nname = \"atlases\"\ntitle = \"Atlases\"\n"))
        .answers("What changed, or would.");
}

#[derive(Deserialize, ToSchema)]
struct Taken {
    /// With the hashes of passwords: whoever reads them can try to guess the passwords.
    #[serde(default)]
    #[schema(default = false)]
    passwords: bool,
}

/// `GET /desk`
async fn export(
    State(premises): State<Arc<Premises>>,
    caller: May<Arrange>,
    ApiQuery(taken): ApiQuery<Taken>,
) -> Result<Response, Problem> {
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

#[derive(Deserialize, ToSchema)]
struct Meant {
    /// Only say what would change, or what is wrong.
    #[serde(default)]
    #[schema(default = false)]
    dry_run: bool,
}

/// What an import changed, or would.
#[derive(Debug, Serialize, ToSchema)]
struct Imported {
    /// A line each, in the order in which they are made.
    changes: Vec<String>,
    dry_run: bool,
}

/// `PUT /desk`: all of the book, or nothing.
async fn import(
    State(premises): State<Arc<Premises>>,
    caller: May<Arrange>,
    ApiQuery(Meant { dry_run }): ApiQuery<Meant>,
    Toml(text): Toml,
) -> Result<Json<Imported>, Problem> {
    let manuscript =
        Manuscript::read(text).map_err(|misprint| unprocessable(misprint.to_string()))?;
    let import = Import {
        by: Some(caller.id()),
        manuscript: Arc::new(manuscript),
        dry_run,
    };
    let changes = premises.desk.import(import).await?;
    Ok(Json(Imported { changes, dry_run }))
}

/// The body, if it may be TOML.
struct Toml(String);

impl Takes for Toml {
    fn describe(draft: &mut Draft) {
        let what =
            "TOML as the export writes it, up to 2 MiB; a larger one can be brought in parts.";
        draft.takes(
            "application/toml",
            json!({ "type": "string", "description": what }),
        );
    }
}

impl FromRequest<Arc<Premises>> for Toml {
    type Rejection = Problem;

    async fn from_request(request: Request, premises: &Arc<Premises>) -> Result<Self, Problem> {
        read(request, premises).await.map(Self)
    }
}

async fn read(request: Request, premises: &Arc<Premises>) -> Result<String, Problem> {
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
    let body = premises.bodies.read(request).await.map_err(|error| {
        error.says(format!(
            "the book is larger than {} MiB: import it in parts, what a part leaves out stays as it is",
            Manuscript::SIZE_MAX / (1024 * 1024)
        ))
    })?;
    String::from_utf8(body.octets).map_err(|error| {
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
