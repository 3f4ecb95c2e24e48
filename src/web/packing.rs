//! Answers packed for the wire: gzip (RFC 1952), where whoever asks takes it (RFC 9110 §12.5.3).
//!
//! Only what is the same for everybody, and pages, which hold no secret: where words of strangers
//! and a secret are packed together, the length tells of the secret. Conversations go as they are,
//! and so does an event stream, whose events must not wait for a block to fill.

use std::io::{Read, Write};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// Octets below which packing saves no packet.
const WORTH_IT: usize = 1000;
/// The largest page: the console is 14 kB.
const PAGE_MAX: usize = 1024 * 1024;

/// Packs, for the wire.
pub(super) fn gzip(content: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(content.len() / 3), level);
    encoder
        .write_all(content)
        .and_then(|()| encoder.finish())
        .expect("memory takes what is written to it")
}

/// Unpacks what is in the program.
pub(super) fn gunzip(packed: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    GzDecoder::new(packed)
        .read_to_end(&mut content)
        .expect("what is in the program was packed whole");
    content
}

/// Whether whoever asks takes gzip.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut any) = (None, None);
    let said = headers.get_all(header::ACCEPT_ENCODING);
    let codings = said.iter().filter_map(|value| value.to_str().ok());
    for coding in codings.flat_map(|value| value.split(',')) {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let taken = parts
            .find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")))
            .is_none_or(|weight| weight.parse().is_ok_and(|weight: f32| weight > 0.0));
        match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => gzip = Some(taken),
            "*" => any = Some(taken),
            _ => {}
        }
    }
    gzip.or(any).unwrap_or(false)
}

/// Marks an answer that exists packed and as it is: a cache keeps the two apart.
pub(super) fn vary(headers: &mut HeaderMap) {
    headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
}

fn is_page(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

/// Packs pages on their way out.
pub(super) async fn pack_pages(request: Request, next: Next) -> Response {
    let takes = takes_gzip(request.headers());
    let head = request.method() == Method::HEAD;
    let response = next.run(request).await;
    if !is_page(response.headers()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    vary(&mut parts.headers);
    if head {
        // The length of which of the two would be a guess.
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, body);
    }
    if !takes {
        return Response::from_parts(parts, body);
    }
    let Ok(page) = to_bytes(body, PAGE_MAX).await else {
        tracing::error!("a page could not be packed: it is larger than {PAGE_MAX} octets");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let page = if page.len() < WORTH_IT {
        page
    } else {
        let gzipped = HeaderValue::from_static("gzip");
        parts.headers.insert(header::CONTENT_ENCODING, gzipped);
        parts.headers.remove(header::CONTENT_LENGTH);
        Bytes::from(gzip(&page, Compression::fast()))
    };
    Response::from_parts(parts, Body::from(page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        for (said, takes) in [
            (&["gzip, deflate, br, zstd"][..], true),
            (&["br", "gzip"], true),
            (&["GZIP;q=0.5"], true),
            (&["x-gzip"], true), // RFC 9110 §8.4.1.3
            (&["*"], true),
            (&["*;q=0, gzip"], true),
            (&["gzip;q=0, *"], false),
            (&["gzip; q=0.000"], false),
            (&["gzip;q=plenty"], false),
            (&["*;q=0"], false),
            (&["identity"], false),
            (&["br, gzipped"], false),
            (&[""], false),
            (&[], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in said {
                headers.append(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            }
            assert_eq!(takes_gzip(&headers), takes, "{said:?}");
        }
    }
}
