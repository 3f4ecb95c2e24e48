//! The API's description of itself (OpenAPI 3.1).

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;

use super::packing;

/// The description, with the version left open.
const TEMPLATE: &str = include_str!("openapi.json");

/// The description as it is, and packed.
static PAGE: LazyLock<(Bytes, Bytes)> = LazyLock::new(|| {
    let page = TEMPLATE.replace("{version}", env!("CARGO_PKG_VERSION"));
    let packed = packing::gzip(page.as_bytes(), Compression::best());
    (page.into(), packed.into())
});

/// `GET /openapi.json`: for everybody, it says nothing of this desk.
pub(super) async fn page(headers: HeaderMap) -> Response {
    let takes = packing::takes_gzip(&headers);
    let page = if takes { &PAGE.1 } else { &PAGE.0 };
    let kind = [(header::CONTENT_TYPE, "application/json")];
    let mut response = (kind, page.clone()).into_response();
    if takes {
        let gzipped = HeaderValue::from_static("gzip");
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_ENCODING, gzipped);
    }
    packing::vary(response.headers_mut());
    response
}
