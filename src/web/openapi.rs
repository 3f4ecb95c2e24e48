//! The API's description of itself (OpenAPI 3.1).

use axum::http::header;
use axum::response::{IntoResponse, Response};

/// The description, with the version left open.
const PAGE: &str = include_str!("openapi.json");

/// `GET /openapi.json`: for everybody, it says nothing of this desk.
pub(super) async fn page() -> Response {
    let page = PAGE.replace("{version}", env!("CARGO_PKG_VERSION"));
    ([(header::CONTENT_TYPE, "application/json")], page).into_response()
}
