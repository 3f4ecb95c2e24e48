//! The API's description of itself (OpenAPI 3.1), for programs and for readers. For everybody: it says
//! nothing of this desk.

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use serde_json::json;

use super::operation::Api;
use crate::web::{packing, pages};

/// The description as it is, and packed.
static PAGE: LazyLock<(Bytes, Bytes)> = LazyLock::new(|| {
    let page = super::operations().description().to_string();
    let packed = packing::gzip(page.as_bytes(), Compression::best());
    (page.into(), packed.into())
});

pub(super) fn operations(api: &mut Api) {
    api.under("desk");
    api.get("/openapi.json", "describe", description)
        .says("This description")
        .gives_as("application/json", json!({ "type": "object" }))
        .answers("OpenAPI 3.1.");
    api.get("/docs", "readDocs", pages::docs)
        .says("This description, for readers")
        .gives("text/html")
        .answers("A page that shows it, with nothing from elsewhere.");
}

async fn description(headers: HeaderMap) -> Response {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use serde_json::Value;

    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(parts) => {
                found.extend(parts.get("$ref").and_then(Value::as_str));
                parts.values().for_each(|part| references(part, found));
            }
            Value::Array(parts) => parts.iter().for_each(|part| references(part, found)),
            _ => {}
        }
    }

    #[test]
    fn every_operation_is_described_whole() {
        let page = super::super::operations().description();
        let mut names = BTreeSet::new();
        for (path, operations) in page["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                let at = format!("{method} {path}");
                let name = operation["operationId"].as_str().unwrap();
                assert!(names.insert(name), "{at}: {name} is another one's name");
                assert_ne!(operation["summary"], "", "{at} says nothing");
                assert_ne!(operation["tags"][0], "", "{at} belongs nowhere");
                let responses = operation["responses"].as_object().unwrap();
                let good: Vec<_> = responses
                    .iter()
                    .filter(|(status, _)| status.starts_with('2'))
                    .collect();
                assert!(!good.is_empty(), "{at} answers nothing");
                for (status, answer) in good {
                    assert!(
                        answer["description"].is_string(),
                        "{at}: {status} says nothing"
                    );
                }
                let parts = path.split('/').filter(|part| part.starts_with('{')).count();
                let parameters = operation["parameters"].as_array();
                let described = parameters
                    .into_iter()
                    .flatten()
                    .filter(|one| one["in"] == "path");
                assert_eq!(described.count(), parts, "{at}: parts of the path");
                let body = &operation["requestBody"];
                let kinds = body["content"].as_object().into_iter().flatten();
                for (kind, content) in kinds {
                    assert!(
                        content.get("example").is_some(),
                        "{at}: no example of {kind}"
                    );
                }
            }
        }
        let words = page.to_string();
        assert!(
            !words.contains(concat!("`", "callnumber ")),
            "whoever reads this has no shell on the box"
        );
        let mut found = Vec::new();
        references(&page, &mut found);
        for reference in found {
            let there = page.pointer(reference.trim_start_matches('#'));
            assert!(there.is_some(), "{reference} leads nowhere");
        }
        if let Some(file) = std::env::var_os("API_DUMP") {
            std::fs::write(file, serde_json::to_string_pretty(&page).unwrap()).unwrap();
        }
    }
}
