//! The files pages load, all inside the binary.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::problem::{self, Problem};
use crate::spool::staff::secret_hash;

const JS: &str = "text/javascript; charset=utf-8";

macro_rules! files {
    ($($name:literal $kind:expr),+ $(,)?) => {
        /// Name, type and content.
        const FILES: &[(&str, &str, &str)] = &[
            $(($name, $kind, include_str!(concat!("assets/", $name)))),+
        ];
    };
}

files! {
    "callnumber.css" "text/css; charset=utf-8",
    "widget.css" "text/css; charset=utf-8",
    "widget.js" JS,
    "links.js" JS,
    "settings.js" JS,
    "settings-desk.js" JS,
    "settings-hours.js" JS,
    "settings-wording.js" JS,
    "settings-staff.js" JS,
    "settings-records.js" JS,
    "settings-box.js" JS,
    "settings-lines.js" JS,
    "settings-book.js" JS,
    "manifest.webmanifest" "application/manifest+json",
    "mark.svg" "image/svg+xml",
    "look.js" JS,
    "console.js" JS,
    "api.js" JS,
    "live.js" JS,
    "store.js" JS,
    "dom.js" JS,
    "time.js" JS,
    "list.js" JS,
    "thread.js" JS,
    "composer.js" JS,
    "segments.js" JS,
    "alerts.js" JS,
    "people.js" JS,
    "keys.js" JS,
    "aids.js" JS,
    "canned.js" JS,
    "sheet.js" JS,
}

/// Each file's ETag, in the table's order.
static TAGS: LazyLock<Vec<HeaderValue>> = LazyLock::new(|| {
    FILES
        .iter()
        .map(|(_, _, content)| {
            let hash = secret_hash(content);
            let short = hash.get(..16).unwrap_or_default();
            HeaderValue::try_from(format!("\"{short}\"")).expect("hexadecimal is ASCII")
        })
        .collect()
});

/// `GET /assets/{name}`
pub(super) async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Response {
    answer(&name, &headers)
}

/// `GET /favicon.ico`, for browsers that ask before they read the page.
pub(super) async fn favicon(headers: HeaderMap) -> Response {
    answer("mark.svg", &headers)
}

fn answer(name: &str, headers: &HeaderMap) -> Response {
    let found = FILES
        .iter()
        .zip(TAGS.iter())
        .find(|((file, _, _), _)| *file == name);
    let Some(((_, kind, content), tag)) = found else {
        return Problem::new(StatusCode::NOT_FOUND, problem::NOTHING_HERE).into_response();
    };
    let cached = [
        (header::ETAG, tag.clone()),
        // Asked for again with its tag each time: an upgrade shows at once, and costs one round.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    let known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|sent| sent == tag);
    if known {
        return (StatusCode::NOT_MODIFIED, cached).into_response();
    }
    (
        cached,
        [(header::CONTENT_TYPE, HeaderValue::from_static(kind))],
        *content,
    )
        .into_response()
}
