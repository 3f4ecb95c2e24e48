//! Presence on the wire, byte for byte.

use axum::body::Body;
use axum::http::{Method, Request, header};
use callnumber::routing::Amendment;
use callnumber::web::Settings;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::house::{House, PATIENCE};

/// `desk` is online, `reference` is not, ana is available.
async fn open(settings: Settings) -> House {
    let house = House::open_with(settings).await;
    house
        .with_token("ana")
        .put("/presence", json!({"show": "available"}))
        .await
        .is(200);
    house
}

const ON_XML: &str = r#"<presence user="desk" server="chat.elm.org"><resource show="available" name="libraryh3lp" priority="5"/></presence>"#;
const OFF_XML: &str = r#"<presence user="reference" server="chat.elm.org"><resource show="unavailable" name="libraryh3lp" priority="5"/></presence>"#;
const ON_JS: &str = "var jabber_user='desk'; var jabber_server='chat.elm.org'; var jabber_resources=[{name:'libraryh3lp',priority:5,show:'available',status:''}]; var jabber_client_id='x';";
const OFF_JS: &str = "var jabber_user='reference'; var jabber_server='chat.elm.org'; var jabber_resources=[{name:'libraryh3lp',priority:5,show:'unavailable',status:''}]; var jabber_client_id='x';";

#[tokio::test]
async fn every_form_is_answered_byte_for_byte() {
    let house = open(Settings::default()).await;
    let with_callback = format!("{ON_JS} window.lh3_done();");
    let off_with_callback = format!("{OFF_JS} $cb();");
    let elsewhere = ON_JS.replace("chat.elm.org", "chat.anything.example");
    let nobody = OFF_JS.replace("reference", "nobody");
    let quoted = OFF_JS.replace("reference", "a\\u0027b");
    for (path, kind, body) in [
        ("jid/desk/chat.elm.org/text", "text/plain", "available"),
        (
            "jid/reference/chat.elm.org/text",
            "text/plain",
            "unavailable",
        ),
        ("jid/desk/chat.elm.org/xml", "text/xml", ON_XML),
        ("jid/reference/chat.elm.org/xml", "text/xml", OFF_XML),
        ("jid/desk/chat.elm.org/js", "application/javascript", ON_JS),
        (
            "jid/reference/chat.elm.org/js",
            "application/javascript",
            OFF_JS,
        ),
        // Names fold case as addresses do, and come back as they were asked.
        ("jid/DESK/CHAT.elm.org/text", "text/plain", "available"),
        // Any host will do; other parameters are nobody's business.
        (
            "jid/desk/chat.anything.example/js?_=123",
            "application/javascript",
            &elsewhere,
        ),
        (
            "jid/desk/chat.elm.org/js?cb=window.lh3_done",
            "application/javascript",
            &with_callback,
        ),
        (
            "jid/reference/chat.elm.org/js?x=1&cb=$cb",
            "application/javascript",
            &off_with_callback,
        ),
        (
            "jid/desk/chat.elm.org/js?cb=alert(1)",
            "application/javascript",
            ON_JS,
        ),
        (
            "jid/desk/chat.elm.org/text?cb=go",
            "text/plain",
            "available",
        ),
        // Nobody of that name is not an error.
        ("jid/nobody/chat.elm.org/text", "text/plain", "unavailable"),
        (
            "jid/nobody/chat.elm.org/js",
            "application/javascript",
            &nobody,
        ),
        ("jid/a'b/chat.elm.org/js", "application/javascript", &quoted),
        ("jid/%ff/chat.elm.org/text", "text/plain", "unavailable"),
        // Operators are not shown, unless that was allowed.
        ("jid/ana/elm.org/text", "text/plain", "unavailable"),
        ("jid/desk/elm.org/text", "text/plain", "unavailable"),
        (
            "jid/desk/chat.elm.org/json",
            "application/json",
            r#"{"server":"chat.elm.org","show":"available","user":"desk"}"#,
        ),
    ] {
        for prefix in ["", "/2011-12-03"] {
            let path = format!("{prefix}/presence/{path}");
            let asker = house.anonymous();
            let request = asker.request(Method::GET, &path).body(Body::empty());
            let answer = asker.send(request.unwrap()).await;
            answer.is(200);
            assert_eq!(answer.text(), body, "{path}");
            for (name, value) in [
                (header::CONTENT_TYPE, kind),
                (header::CACHE_CONTROL, "no-cache"),
                (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            ] {
                assert_eq!(answer.headers[&name], value, "{path}: {name}");
            }
            assert!(!answer.headers.contains_key(header::SET_COOKIE));
        }
    }
    assert!(!ON_JS.contains("unavailable"));
}

#[tokio::test]
async fn operators_are_shown_where_that_is_allowed() {
    let house = open(Settings {
        operators_presence: true,
        ..Settings::default()
    })
    .await;
    for (path, body) in [
        ("ana/elm.org", "available"),
        ("ben/elm.org", "unavailable"),
        ("ana/chat.elm.org", "unavailable"),
    ] {
        let path = format!("/presence/jid/{path}/text");
        let asker = house.anonymous();
        let request = asker.request(Method::GET, &path).body(Body::empty());
        assert_eq!(asker.send(request.unwrap()).await.text(), body, "{path}");
    }
}

#[tokio::test]
async fn pictures_show_what_there_is() {
    let house = open(Settings::default()).await;
    for (path, words) in [
        ("jid/desk/chat.elm.org/image", "Chat is online"),
        ("jid/reference/chat.elm.org/image", "Chat is offline"),
        ("jid/desk/chat.elm.org/image/dot", "Chat is online"),
        (
            "jid/reference/chat.elm.org/image/of-long-ago",
            "Chat is offline",
        ),
        ("image/bubble/available", "Chat is online"),
        ("image/bubble/available.png", "Chat is online"),
        ("image/bubble/unavailable", "Chat is offline"),
        ("image/badge/xa", "Chat is offline"),
    ] {
        let asker = house.anonymous();
        let request = asker.request(Method::GET, &format!("/presence/{path}"));
        let answer = asker.send(request.body(Body::empty()).unwrap()).await;
        answer.is(200);
        assert_eq!(answer.headers[header::CONTENT_TYPE], "image/svg+xml");
        let title = format!("<title>{words}</title>");
        assert!(answer.text().contains(&title), "{path}: {}", answer.text());
    }
    for path in ["jid/desk/chat.elm.org/yaml", "jid/desk", "image/dot", "x"] {
        let asker = house.anonymous();
        let request = asker.request(Method::GET, &format!("/presence/{path}"));
        let answer = asker.send(request.body(Body::empty()).unwrap()).await;
        answer.is(404);
        assert!(answer.text().contains("/presence/jid/QUEUE"), "{path}");
    }
}

/// Sites poll: an answer takes nothing from the spool, so it comes while the spool gives nothing.
#[tokio::test]
async fn answers_come_while_nothing_can_be_read_or_written() {
    let house = open(Settings::default()).await;
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Arc::new(std::sync::Mutex::new(held));
    // More jobs than the spool has threads, and each waits for the end of this test.
    let stuck: Vec<_> = (0..8)
        .map(|n| {
            let (spool, held) = (house.spool.clone(), held.clone());
            tokio::spawn(async move {
                let job = move |_: &_| {
                    let _ = held.lock().unwrap().recv();
                    Ok(())
                };
                match n % 2 {
                    0 => spool.read(job).await,
                    _ => spool.write(job).await,
                }
            })
        })
        .collect();
    let asked = house.spool.clone();
    let read = tokio::spawn(async move { asked.read(|_| Ok(())).await });
    for form in ["text", "xml", "js", "json", "image"] {
        let asker = house.anonymous();
        let path = format!("/presence/jid/desk/chat.elm.org/{form}");
        let request = asker.request(Method::GET, &path).body(Body::empty());
        let answer = asker.send(request.unwrap());
        let answer = tokio::time::timeout(PATIENCE, answer).await.unwrap();
        answer.is(200);
    }
    assert!(!read.is_finished(), "the spool did give something");
    drop(release);
    for job in stuck {
        job.await.unwrap().unwrap();
    }
    read.await.unwrap().unwrap();
}

#[tokio::test]
async fn presence_follows_whoever_comes_and_goes() {
    let house = open(Settings::default()).await;
    let asker = house.anonymous();
    let ask = async || {
        let request = asker
            .request(Method::GET, "/presence/jid/desk/chat.x/text")
            .body(Body::empty());
        asker.send(request.unwrap()).await.text().to_owned()
    };
    assert_eq!(ask().await, "available");
    house
        .with_token("ana")
        .put("/presence", json!({"show": "away"}))
        .await
        .is(200);
    assert_eq!(ask().await, "unavailable");
    house
        .with_token("ben")
        .put("/presence", json!({"show": "available"}))
        .await
        .is(200);
    assert_eq!(ask().await, "available");
    // A queue's new name is asked for at once, the old one is nobody's.
    house
        .amend(Amendment::SetQueue {
            name: "desk".into(),
            rename: "ask".into(),
        })
        .await;
    assert_eq!(ask().await, "unavailable");
}

#[tokio::test]
async fn any_site_may_ask_and_a_script_with_headers_of_its_own_too() {
    let house = open(Settings::default()).await;
    let asker = house.anonymous();
    let request = Request::builder()
        .method(Method::GET)
        .uri("/presence/jid/desk/chat.x/text")
        .header(header::ORIGIN, "https://www.elm.example")
        .header("sec-fetch-site", "cross-site")
        .body(Body::empty());
    asker.send(request.unwrap()).await.is(200);
    let preflight = Request::builder()
        .method(Method::OPTIONS)
        .uri("/presence/jid/desk/chat.x/text")
        .header(header::ORIGIN, "https://www.elm.example")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "x-requested-with")
        .body(Body::empty());
    let answer = asker.send(preflight.unwrap()).await;
    answer.is(204);
    assert_eq!(answer.headers[header::ACCESS_CONTROL_ALLOW_HEADERS], "*");
    let loader = asker
        .request(Method::GET, "/js/libraryh3lp.js?multi,poll")
        .body(Body::empty());
    let answer = asker.send(loader.unwrap()).await;
    answer.is(200);
    assert_eq!(
        answer.headers[header::CONTENT_TYPE],
        "application/javascript"
    );
    assert_eq!(answer.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
}

/// Proxies of old ask with the whole address (RFC 9112 §3.2.2), and some clients by HTTP/1.0.
#[tokio::test]
async fn a_whole_address_is_a_request_as_well() {
    let house = open(Settings::default()).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = house.router.clone();
    tokio::spawn(callnumber::web::serve(
        listener,
        router,
        std::future::pending(),
    ));
    for line in [
        "GET http://presence.example/presence/jid/desk/chat.elm.org/text HTTP/1.1",
        "GET http://presence.example:8080/2011-12-03/presence/jid/desk/chat.elm.org/text?x HTTP/1.1",
        "GET /presence/jid/desk/chat.elm.org/text HTTP/1.0",
    ] {
        let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("{line}\r\nHost: presence.example\r\nConnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        tokio::time::timeout(PATIENCE, connection.read_to_string(&mut answer))
            .await
            .unwrap()
            .unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200 OK"), "{line}: {head}");
        assert_eq!(body, "available", "{line}");
    }
}
