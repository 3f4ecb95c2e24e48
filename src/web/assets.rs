//! The files pages load, all inside the binary.

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use flate2::Compression;
use sha2::{Digest, Sha256};

use super::letters;
use super::packing;
use super::problem::{self, Problem};

const JS: &str = "text/javascript; charset=utf-8";

macro_rules! files {
    ($($name:literal $kind:expr),+ $(,)?) => {
        /// Name, type and content.
        const FILES: &[(&str, &str, &[u8])] = &[
            $(($name, $kind, include_bytes!(concat!("assets/", $name)))),+
        ];
    };
}

files! {
    "callnumber.css" "text/css; charset=utf-8",
    "widget.css" "text/css; charset=utf-8",
    "widget.js" JS,
    "widget-loader.js" JS,
    "links.js" JS,
    "settings.js" JS,
    "settings-desk.js" JS,
    "settings-hours.js" JS,
    "settings-wording.js" JS,
    "settings-staff.js" JS,
    "settings-records.js" JS,
    "settings-box.js" JS,
    "settings-health.js" JS,
    "settings-lines.js" JS,
    "settings-book.js" JS,
    "settings-arrivals.js" JS,
    "settings-patrons.js" JS,
    "manifest.webmanifest" "application/manifest+json",
    "mark.svg" "image/svg+xml",
    "icon-192.png" "image/png",
    "icon-512.png" "image/png",
    "icon-maskable-512.png" "image/png",
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
    "docs.js" JS,
    "signal.js" JS,
}

/// The reader page's program, whose version is its tag, unpacked and packed: see
/// `assets/swagger-ui/README.md`.
const SWAGGER_UI: [&str; 2] = ["\"swagger-ui-5.35.0\"", "\"swagger-ui-5.35.0-gzip\""];

/// Files of others, kept packed: name, type and content by gzip.
const PACKED: &[(&str, &str, &[u8])] = &[
    (
        "swagger-ui-bundle.js",
        JS,
        include_bytes!("assets/swagger-ui/swagger-ui-bundle.js.gz"),
    ),
    (
        "swagger-ui.css",
        "text/css; charset=utf-8",
        include_bytes!("assets/swagger-ui/swagger-ui.css.gz"),
    ),
];

/// A file as it is sent.
struct Sent {
    content: Bytes,
    tag: HeaderValue,
    /// The same by gzip, where that is shorter. Other octets, so another tag (RFC 9110 §8.8.3.3).
    packed: Option<(Bytes, HeaderValue)>,
}

/// Made of the alphabet's own tables, so that the counter in the page and the one on the box cannot
/// differ.
const LETTERS: &str = "letters.js";

/// How each file is sent, by its name and with its type: packed once, when the first of them is
/// asked for.
static SENT: LazyLock<Vec<(&str, &str, Sent)>> = LazyLock::new(|| {
    let send = |content: Bytes| {
        let hash = Sha256::digest(&content);
        let hash = hash
            .first_chunk()
            .map_or(0, |start| u64::from_be_bytes(*start));
        let tag = |more: &str| {
            let tag = format!("\"{hash:016x}{more}\"");
            HeaderValue::try_from(tag).expect("hexadecimal is ASCII")
        };
        let packed = packing::gzip(&content, Compression::best());
        // A picture is packed already, and a short file fits one packet anyhow.
        let packed = (packed.len() + 100 < content.len()).then(|| (packed.into(), tag("-gzip")));
        Sent {
            content,
            tag: tag(""),
            packed,
        }
    };
    let files = FILES.iter();
    let mut sent: Vec<_> = files
        .map(|(name, kind, content)| (*name, *kind, send(Bytes::from_static(content))))
        .collect();
    sent.push((LETTERS, JS, send(letters::module().into())));
    sent
});

/// `GET /assets/{name}`
pub(super) async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Response {
    answer(&name, &headers)
}

/// `GET /favicon.ico`, for browsers that ask before they read the page.
pub(super) async fn favicon(headers: HeaderMap) -> Response {
    answer("mark.svg", &headers)
}

/// Whether whoever asks has the file with this tag already (RFC 9110 §13.1.2).
fn has(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let said = headers.get_all(header::IF_NONE_MATCH);
    let said = said.iter().filter_map(|value| value.to_str().ok());
    said.flat_map(|value| value.split(',')).any(|said| {
        let said = said.trim();
        let said = said.strip_prefix("W/").unwrap_or(said);
        said == "*" || tag == said
    })
}

/// One of the files.
pub(super) fn answer(name: &str, headers: &HeaderMap) -> Response {
    let Some((_, kind, sent)) = SENT.iter().find(|(file, _, _)| *file == name) else {
        if let Some((_, kind, content)) = PACKED.iter().find(|(file, _, _)| *file == name) {
            return answer_packed(kind, content, headers);
        }
        return Problem::new(StatusCode::NOT_FOUND, problem::NOTHING_HERE).into_response();
    };
    let packed = sent.packed.as_ref();
    let chosen = packed.filter(|_| packing::takes_gzip(headers));
    let tag = chosen.map_or(&sent.tag, |(_, tag)| tag);
    let mut response = if has(headers, tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let content = chosen.map_or(&sent.content, |(content, _)| content);
        let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(kind))];
        let mut response = (kind, content.clone()).into_response();
        if chosen.is_some() {
            let gzipped = HeaderValue::from_static("gzip");
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_ENCODING, gzipped);
        }
        response
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, tag.clone());
    // Asked for again with its tag each time: an upgrade shows at once, and costs one round.
    let again = HeaderValue::from_static("no-cache");
    headers.insert(header::CACHE_CONTROL, again);
    if packed.is_some() {
        packing::vary(headers);
    }
    response
}

/// A file that is kept packed: unpacked for those few who take it no other way.
fn answer_packed(kind: &'static str, content: &'static [u8], headers: &HeaderMap) -> Response {
    let packed = packing::takes_gzip(headers);
    let tag = HeaderValue::from_static(SWAGGER_UI[usize::from(packed)]);
    let mut response = if has(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let content = match packed {
            true => Bytes::from_static(content),
            false => packing::gunzip(content).into(),
        };
        ([(header::CONTENT_TYPE, kind)], content).into_response()
    };
    let headers = response.headers_mut();
    if packed {
        let gzipped = HeaderValue::from_static("gzip");
        headers.insert(header::CONTENT_ENCODING, gzipped);
    }
    headers.insert(header::ETAG, tag);
    let again = HeaderValue::from_static("no-cache");
    headers.insert(header::CACHE_CONTROL, again);
    packing::vary(headers);
    response
}
