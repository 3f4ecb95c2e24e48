//! Who comes in, and who does not.

use axum::body::Body;
use axum::http::{Method, header};
use callnumber::routing::Amendment;
use callnumber::web::Settings;
use serde_json::json;

use super::house::{Client, House, PASSWORD, sha256};

#[tokio::test]
async fn a_session_begins_and_ends() {
    let house = House::open().await;
    let signed_in = house
        .anonymous()
        .post("/session", json!({"name": "Ana ", "password": PASSWORD}))
        .await;
    signed_in.is(201);
    assert_eq!(signed_in.json["name"], "ana");
    let cookie = signed_in.headers[header::SET_COOKIE].to_str().unwrap();
    for part in ["callnumber=", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{part} is missing from {cookie}");
    }
    assert!(!cookie.contains("Secure"), "{cookie}");

    let ana = Client {
        cookie: signed_in.cookie(),
        ..house.anonymous()
    };
    ana.get("/conversations").await.is(200);
    // The token itself is not on disk.
    let token = ana
        .cookie
        .clone()
        .unwrap()
        .split_once('=')
        .unwrap()
        .1
        .to_owned();
    assert_eq!(token.len(), 64);
    let spool = std::fs::read(house.spool.path()).unwrap();
    let wal = std::fs::read(house.spool.path().with_extension("db-wal")).unwrap_or_default();
    for file in [spool, wal] {
        assert!(!file.windows(64).any(|window| window == token.as_bytes()));
    }

    ana.call(Method::DELETE, "/session", None).await.is(204);
    ana.get("/conversations").await.is_problem(401);
}

#[tokio::test]
async fn behind_tls_cookies_insist_on_it() {
    let house = House::open_with(Settings {
        library: "Elm".into(),
        secure_cookies: true,
        ..Settings::default()
    })
    .await;
    let signed_in = house
        .anonymous()
        .post("/session", json!({"name": "ana", "password": PASSWORD}))
        .await;
    let cookie = signed_in.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("__Host-callnumber="), "{cookie}");
    assert!(cookie.contains("Secure"), "{cookie}");
}

#[tokio::test]
async fn wrong_passwords_are_refused_and_slowed_down() {
    let house = House::open().await;
    let stranger = house.anonymous();
    for (name, password) in [("ana", "wrong"), ("nobody", PASSWORD), ("ana", "")] {
        let answer = stranger
            .post("/session", json!({"name": name, "password": password}))
            .await;
        answer.is_problem(401);
        assert!(answer.cookie().is_none());
    }
    let mut refused = 0;
    for _ in 0..15 {
        let answer = stranger
            .post("/session", json!({"name": "ana", "password": "guess"}))
            .await;
        if answer.status == 429 {
            answer.is_problem(429);
            assert!(answer.headers.contains_key(header::RETRY_AFTER));
            refused += 1;
        } else {
            answer.is_problem(401);
        }
    }
    assert!(refused >= 6, "{refused}");
    // Others still come in, and so does she, by a link made on the box.
    house.with_session("ben").await;
    house
        .amend(Amendment::AddLink {
            operator: "ana".into(),
            link_hash: sha256("spare-key"),
            valid_s: 60,
        })
        .await;
    let entered = stranger
        .send(
            stranger
                .request(Method::POST, "/enter/spare-key")
                .body(Body::empty())
                .unwrap(),
        )
        .await;
    entered.is(303);
}

#[tokio::test]
async fn a_link_signs_in_once() {
    let house = House::open().await;
    house
        .amend(Amendment::AddLink {
            operator: "ana".into(),
            link_hash: sha256("one-time"),
            valid_s: 60,
        })
        .await;
    let stranger = house.anonymous();
    let ask = |method| {
        let request = stranger.request(method, "/enter/one-time");
        stranger.send(request.body(Body::empty()).unwrap())
    };
    // Looking at the link does not use it up.
    for _ in 0..3 {
        let page = ask(Method::GET).await;
        page.is(200);
        assert!(page.text().contains("Open the desk"));
        assert!(page.cookie().is_none());
    }
    let entered = ask(Method::POST).await;
    entered.is(303);
    assert_eq!(entered.headers[header::LOCATION], "/");
    let ana = Client {
        cookie: entered.cookie(),
        ..house.anonymous()
    };
    ana.get("/conversations").await.is(200);
    let again = ask(Method::POST).await;
    again.is(410);
    assert!(again.text().contains("used already"), "{}", again.text());
    assert!(again.cookie().is_none());
}

#[tokio::test]
async fn a_demo_link_enters_directly() {
    let house = House::open_with(Settings {
        library: "Elm".into(),
        links_enter_directly: true,
        ..Settings::default()
    })
    .await;
    house
        .amend(Amendment::AddLink {
            operator: "ana".into(),
            link_hash: sha256("demo"),
            valid_s: 60,
        })
        .await;
    let stranger = house.anonymous();
    let entered = stranger
        .send(
            stranger
                .request(Method::GET, "/enter/demo")
                .body(Body::empty())
                .unwrap(),
        )
        .await;
    entered.is(303);
    let cookie = entered.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.contains("SameSite=Lax"), "{cookie}");
}

#[tokio::test]
async fn other_sites_cannot_write() {
    let house = House::open().await;
    let ana = house.with_session("ana").await;
    let attempt = |name: &'static str, value: &'static str| {
        let request = ana
            .request(Method::PUT, "/api/v1/presence")
            .header(header::CONTENT_TYPE, "application/json")
            .header(name, value)
            .body(Body::from(r#"{"show":"away"}"#))
            .unwrap();
        ana.send(request)
    };
    attempt("sec-fetch-site", "cross-site")
        .await
        .is_problem(403);
    attempt("sec-fetch-site", "same-site").await.is_problem(403);
    attempt("origin", "https://evil.test").await.is_problem(403);
    attempt("origin", "null").await.is_problem(403);
    attempt("sec-fetch-site", "same-origin").await.is(200);
    attempt("origin", "http://desk.test").await.is(200);
    // Nor sign anybody in or out.
    for path in ["/sign-in", "/sign-out", "/enter/x"] {
        let request = ana
            .request(Method::POST, path)
            .header("origin", "https://evil.test")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from("name=ana&password=x"))
            .unwrap();
        let answer = ana.send(request).await;
        answer.is(403);
        assert!(answer.text().starts_with("<!doctype html>"));
    }
    ana.get("/conversations").await.is(200);
}

#[tokio::test]
async fn a_bad_token_is_not_made_good_by_a_cookie() {
    let house = House::open().await;
    let mut ana = house.with_session("ana").await;
    for authorization in ["Bearer wrong", "Bearer ", "Basic YW5hOg==", "Bearer\u{7f}"] {
        ana.authorization = Some(authorization.to_owned());
        let request = ana
            .request(Method::GET, "/api/v1/queues")
            .body(Body::empty());
        if let Ok(request) = request {
            ana.send(request).await.is_problem(401);
        }
    }
}

#[tokio::test]
async fn removed_operators_are_out_at_once() {
    let house = House::open().await;
    let ana = house.with_session("ana").await;
    let token = house.with_token("ana");
    let mut feed = ana.follow(None).await;
    assert_eq!(feed.next().await.unwrap().event, "hello");
    house
        .amend(Amendment::RemoveOperator { name: "ana".into() })
        .await;
    ana.get("/queues").await.is_problem(401);
    token.get("/queues").await.is_problem(401);
    while let Some(told) = feed.next().await {
        assert_ne!(told.event, "message");
    }
}

#[tokio::test]
async fn signing_out_ends_the_streams_of_that_session_alone() {
    let house = House::open().await;
    let (here, there) = (
        house.with_session("ana").await,
        house.with_session("ana").await,
    );
    let mut ending = here.follow(None).await;
    let mut staying = there.follow(None).await;
    ending.until(|told| told.event == "hello").await;
    staying.until(|told| told.event == "hello").await;
    here.call(Method::DELETE, "/session", None).await.is(204);
    while ending.next().await.is_some() {}
    house.text("+15551230100", "still there?").await;
    staying.until(|told| told.event == "message").await;
}

#[tokio::test]
async fn pages_are_sealed() {
    let house = House::open().await;
    let ana = house.with_session("ana").await;
    for path in [
        "/",
        "/sign-in",
        "/enter/x",
        "/nowhere",
        "/assets/console.js",
        "/api/v1/queues",
    ] {
        let answer = ana
            .send(ana.request(Method::GET, path).body(Body::empty()).unwrap())
            .await;
        let policy = answer.headers[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap();
        assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(answer.headers[header::REFERRER_POLICY], "same-origin");
        if path.starts_with("/assets") {
            assert_eq!(answer.headers[header::CACHE_CONTROL], "no-cache");
        } else {
            assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store", "{path}");
        }
        for forbidden in ["<script>", "<style", " style=\"", " onclick="] {
            assert!(!answer.text().contains(forbidden), "{path} has {forbidden}");
        }
    }
    // Without a session the desk is behind the door.
    let stranger = house.anonymous();
    let answer = stranger
        .send(
            stranger
                .request(Method::GET, "/")
                .body(Body::empty())
                .unwrap(),
        )
        .await;
    assert_eq!(answer.is(303).headers[header::LOCATION], "/sign-in");
}

#[tokio::test]
async fn files_are_not_sent_twice() {
    let house = House::open().await;
    let stranger = house.anonymous();
    let get = |tag: Option<String>| {
        let mut request = stranger.request(Method::GET, "/assets/callnumber.css");
        if let Some(tag) = tag {
            request = request.header(header::IF_NONE_MATCH, tag);
        }
        stranger.send(request.body(Body::empty()).unwrap())
    };
    let first = get(None).await;
    first.is(200);
    let tag = first.headers[header::ETAG].to_str().unwrap().to_owned();
    let second = get(Some(tag)).await;
    second.is(304);
    assert!(second.body.is_empty());
    get(Some("\"other\"".into())).await.is(200);
}

#[tokio::test]
async fn the_sign_in_page_keeps_the_name_and_says_what_is_wrong() {
    let house = House::open().await;
    let stranger = house.anonymous();
    let post = |form: &'static str| {
        let request = stranger
            .request(Method::POST, "/sign-in")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form))
            .unwrap();
        stranger.send(request)
    };
    let wrong = post("name=%3Cb%3Eana&password=wrong").await;
    wrong.is(401);
    assert!(wrong.text().contains("&#60;b&#62;ana"), "{}", wrong.text());
    assert!(wrong.text().contains("do not belong together"));
    let right = post("name=ana&password=shelf+mark").await;
    right.is(303);
    assert!(right.cookie().is_some());
    let half = post("name=ana").await;
    half.is(422);
    assert!(
        half.text().starts_with("<!doctype html>"),
        "{}",
        half.text()
    );
}
