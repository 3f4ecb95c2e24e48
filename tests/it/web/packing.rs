//! What goes over the wire packed, and what a first visit costs.

use std::io::Read;

use axum::body::Body;
use axum::http::{HeaderMap, Method, header};

use super::browser::Served;
use super::house::{Answer, Client, House};
use crate::support::webdriver::Driver;

/// Octets that a first visit may cost, from the sign-in page to the filled desk.
const FIRST_LOAD_MAX: u64 = 100_000;

async fn get(client: &Client, path: &str, headers: &[(header::HeaderName, &str)]) -> Answer {
    let mut request = client.request(Method::GET, path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    client.send(request.body(Body::empty()).unwrap()).await
}

fn coding(headers: &HeaderMap) -> Option<&str> {
    let said = headers.get(header::CONTENT_ENCODING)?;
    Some(said.to_str().unwrap())
}

fn unpacked(body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    let read = flate2::read::GzDecoder::new(body).read_to_end(&mut whole);
    read.unwrap();
    whole
}

#[tokio::test]
async fn pages_and_their_files_are_packed_for_those_who_take_it() {
    let house = House::open().await;
    house
        .amend(callnumber::routing::Amendment::AddGateway {
            name: "site".into(),
            kind: callnumber::routing::GatewayKind::Widget,
            queue: "desk".into(),
            line: None,
            policy: None,
        })
        .await;
    house.hire_admin("eva").await;
    let eva = house.with_session("eva").await;
    let gzip = [(header::ACCEPT_ENCODING, "gzip, deflate, br")];
    let not = [(header::ACCEPT_ENCODING, "gzip;q=0, br")];
    for path in [
        "/",
        "/settings",
        "/widget/site",
        "/widget/site.js",
        "/assets/callnumber.css",
        "/assets/console.js",
        "/api/v1/openapi.json",
        "/assets/swagger-ui-bundle.js",
        "/assets/swagger-ui.css",
    ] {
        let packed = get(&eva, path, &gzip).await;
        let whole = get(&eva, path, &not).await;
        packed.is(200);
        whole.is(200);
        assert_eq!(coding(&packed.headers), Some("gzip"), "{path}");
        assert_eq!(coding(&whole.headers), None, "{path}");
        assert_eq!(unpacked(&packed.body), whole.body, "{path}");
        assert!(packed.body.len() < whole.body.len() * 2 / 3, "{path}");
        for answer in [&packed, &whole] {
            let vary = answer.headers[header::VARY].to_str().unwrap();
            assert!(vary.contains("Accept-Encoding"), "{path}: {vary}");
            let told = answer.headers.get(header::CONTENT_LENGTH);
            let told = told.map(|length| length.to_str().unwrap().parse().unwrap());
            assert!(
                told.is_none_or(|length: usize| length == answer.body.len()),
                "{path}"
            );
        }
    }
    // Words of patrons are not packed together with anything, and errors are packed as other pages.
    let words = [(header::ACCEPT_ENCODING, "gzip"), (header::ACCEPT, "*/*")];
    let list = get(&eva, "/api/v1/conversations", &words).await;
    assert_eq!(coding(&list.headers), None);
    let nowhere = get(&eva, "/nowhere", &gzip).await;
    nowhere.is(404);
    let page = match coding(&nowhere.headers) {
        Some(_) => unpacked(&nowhere.body),
        None => nowhere.body.to_vec(),
    };
    assert!(page.starts_with(b"<!doctype html>"));
    let head = eva
        .request(Method::HEAD, "/")
        .header(header::ACCEPT_ENCODING, "gzip");
    let head = eva.send(head.body(Body::empty()).unwrap()).await;
    head.is(200);
    assert!(head.body.is_empty());
    assert!(!head.headers.contains_key(header::CONTENT_ENCODING));
}

#[tokio::test]
async fn a_file_packed_and_as_it_is_have_tags_of_their_own() {
    let house = House::open().await;
    let stranger = house.anonymous();
    let path = "/assets/callnumber.css";
    let gzip = (header::ACCEPT_ENCODING, "gzip");
    let packed = get(&stranger, path, std::slice::from_ref(&gzip)).await;
    let whole = get(&stranger, path, &[]).await;
    let tag = |answer: &Answer| answer.headers[header::ETAG].to_str().unwrap().to_owned();
    let (packed, whole) = (tag(&packed), tag(&whole));
    assert_ne!(packed, whole);
    for (tag, packed_now, status) in [
        (packed.clone(), true, 304),
        (format!("W/{packed}"), true, 304),
        (format!("\"other\", {packed}"), true, 304),
        ("*".into(), true, 304),
        (whole.clone(), false, 304),
        // The other octets are not these.
        (whole, true, 200),
        (packed, false, 200),
        ("\"other\"".into(), true, 200),
    ] {
        let mut headers = vec![(header::IF_NONE_MATCH, tag.as_str())];
        headers.extend(packed_now.then(|| gzip.clone()));
        let answer = get(&stranger, path, &headers).await;
        assert_eq!(answer.status, status, "{tag}, packed: {packed_now}");
        assert!(answer.headers.contains_key(header::ETAG));
        assert_eq!(answer.headers[header::VARY], "Accept-Encoding");
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-cache");
        assert_eq!(answer.body.is_empty(), status == 304);
    }
}

/// What the network carried for this page, headers included: its own octets and its files'.
const OVER_THE_WIRE: &str = "
    const all = ['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind));
    return all.reduce((sum, one) => sum + one.transferSize, 0);";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_visit_costs_little() {
    let driver = Driver::start().await;
    let served = Served::of(House::open().await).await;
    for n in 0..20 {
        let from = format!("+155512302{n:02}");
        served.house.text(&from, "Is the reading room open?").await;
    }
    let browser = driver.browser(1280, 800, false).await;
    browser.go(&format!("{}/sign-in", served.address)).await;
    let door = browser.script(OVER_THE_WIRE).await.as_u64().unwrap();
    served.enter(&browser, "ana").await;
    browser
        .until("document.querySelectorAll('#waiting .row').length === 20")
        .await;
    let desk = browser.script(OVER_THE_WIRE).await.as_u64().unwrap();
    println!("first load: {door} octets for the sign-in page, {desk} for the desk");
    assert!(door > 3_000 && desk > 20_000, "not all of it is counted");
    assert!(door + desk < FIRST_LOAD_MAX, "{door} and {desk} octets");
    browser.close().await;
}
