//! A visitor of the library's own page, over HTTP.

use axum::body::Body;
use axum::http::{Method, header};
use callnumber::routing::{Amendment, GatewayKind, OfflinePolicy};
use callnumber::web::Settings;
use serde_json::{Value, json};

use super::house::{Answer, Client, Feed, House};

/// A widget `ask` on the queue `desk`; an admin `root`.
pub async fn open() -> House {
    let house = House::open_with(Settings {
        library: "Elm Library".into(),
        public_url: Some("https://desk.elm.example".into()),
        ..Settings::default()
    })
    .await;
    house
        .amend(Amendment::AddGateway {
            name: "ask".into(),
            kind: GatewayKind::Widget,
            queue: "desk".into(),
            line: None,
            policy: None,
        })
        .await;
    house.hire_admin("root").await;
    house
}

pub async fn is_there(house: &House, name: &str) {
    house
        .with_token(name)
        .put("/presence", json!({"show": "available"}))
        .await
        .is(200);
}

/// A browser in a library's page.
pub struct Visitor {
    pub client: Client,
}

impl Visitor {
    pub async fn comes(house: &House) -> Self {
        let mut client = house.anonymous();
        let visit = call(&client, Method::POST, "/widget/ask/visit", None).await;
        visit.is(201);
        let token = visit.json["token"].as_str().unwrap();
        assert_eq!(token.len(), 64);
        client.authorization = Some(format!("Bearer {token}"));
        Self { client }
    }

    pub async fn post(&self, what: &str, body: Value) -> Answer {
        let path = format!("/widget/ask/{what}");
        call(&self.client, Method::POST, &path, Some(body)).await
    }

    pub async fn says(&self, body: &str, key: &str) -> Answer {
        let page =
            json!({"url": "https://www.elm.example/catalog?q=le+guin#top", "title": "Catalog"});
        let body = json!({"body": body, "client_id": key, "page": page});
        self.post("messages", body).await
    }

    async fn sends(&self, name: &str, content: &'static [u8]) -> Answer {
        let path = format!("/widget/ask/files?name={name}");
        let request = self.client.request(Method::POST, &path);
        self.client
            .send(request.body(Body::from(content)).unwrap())
            .await
    }

    async fn follows(&self, after: i64) -> Feed {
        let path = format!("/widget/ask/events?after={after}");
        self.client.follow_at(&path).await
    }
}

async fn call(client: &Client, method: Method, path: &str, body: Option<Value>) -> Answer {
    let request = client.request(method, path);
    let request = match body {
        Some(body) => request
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string())),
        None => request.body(Body::empty()),
    };
    client.send(request.unwrap()).await
}

#[tokio::test]
async fn an_offline_widget_keeps_nothing_and_says_so() {
    let house = open().await;
    let visitor = Visitor::comes(&house).await;
    for key in ["a", "b"] {
        let answer = visitor.says("Is anybody there?", key).await;
        answer.is_problem(409);
        assert_eq!(answer.json["detail"], "Chat is offline");
    }
    let answer = visitor.sends("a.txt", b"hello").await;
    assert_eq!(answer.json["detail"], "Chat is offline");
    let standing = call(
        &house.anonymous(),
        Method::GET,
        "/widget/ask/standing",
        None,
    )
    .await;
    standing.is(200);
    assert_eq!(standing.json["standing"], "offline");
    assert_eq!(standing.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    let page = call(&house.anonymous(), Method::GET, "/widget/ask", None).await;
    assert!(page.text().contains("Chat is offline"));
    is_there(&house, "ana").await;
    let list = house.with_token("ana").get("/conversations").await;
    assert_eq!(list.json["items"], json!([]));
    let standing = call(
        &house.anonymous(),
        Method::GET,
        "/widget/ask/standing",
        None,
    )
    .await;
    assert_eq!(standing.json["standing"], "online");
}

#[tokio::test]
async fn words_go_both_ways_and_are_delivered_once_read() {
    let house = open().await;
    is_there(&house, "ana").await;
    let ana = house.with_token("ana");
    let mut desk = ana.follow(None).await;
    let visitor = Visitor::comes(&house).await;
    let mut page = visitor.follows(0).await;
    assert_eq!(
        page.next().await.unwrap().data,
        json!({"standing": "online"})
    );

    let said = visitor.says("Do you have Le Guin's essays?", "k1").await;
    said.is(201);
    assert_eq!(said.json["from"], "you");
    // The answer was lost on its way, and the page asks again.
    let again = visitor.says("Do you have Le Guin's essays?", "k1").await;
    assert_eq!(again.json["id"], said.json["id"]);
    let told = page.until(|told| told.event == "message").await;
    assert_eq!(told.data["id"], said.json["id"]);

    // The operator sees the words, and the page they were written on.
    let told = desk.until(|told| told.event == "conversation").await;
    assert_eq!(told.data["gateway"], "ask");
    assert_eq!(
        told.data["page"],
        json!({"url": "https://www.elm.example/catalog?q=le+guin", "title": "Catalog"})
    );
    let id = told.data["id"].as_i64().unwrap();
    let thread = ana.get(&format!("/conversations/{id}")).await;
    assert_eq!(thread.json["messages"].as_array().unwrap().len(), 1);
    assert_eq!(thread.json["page"]["title"], "Catalog");

    // Typing notices both ways.
    visitor.post("typing", json!({})).await.is(204);
    let told = desk.until(|told| told.event == "typing").await;
    assert_eq!(told.data, json!({"conversation": id}));
    ana.post(&format!("/conversations/{id}/typing"), json!({}))
        .await
        .is(204);
    let told = page.until(|told| told.event == "typing").await;
    assert_eq!(told.data, json!({"by": "ana"}));

    let sent = ana
        .post(
            &format!("/conversations/{id}/messages"),
            json!({"body": "Yes, at 814 LEG: https://www.elm.example/leguin", "client_id": "x"}),
        )
        .await;
    sent.is(201);
    let told = page.until(|told| told.event == "message").await;
    assert_eq!(told.data["from"], "librarian");
    assert_eq!(told.data["name"], "ana");
    let told_of = page.until(|told| told.event == "answered").await;
    assert_eq!(told_of.data, json!({"by": "ana"}));
    let state = async || {
        let thread = ana.get(&format!("/conversations/{id}")).await;
        thread.json["messages"][1]["state"].clone()
    };
    // On the way is not there: only the page can say that it shows the words.
    assert_eq!(state().await, "queued");
    let answer = told.data["id"].as_i64().unwrap();
    visitor
        .post("read", json!({"messages": [answer]}))
        .await
        .is(204);
    desk.until(|told| told.event == "message" && told.data["state"] == "delivered")
        .await;
    assert_eq!(state().await, "delivered");

    // The page is loaded again: everything once more, in order, or only what is new.
    drop(page);
    ana.post(
        &format!("/conversations/{id}/messages"),
        json!({"body": "Anything else?", "client_id": "y"}),
    )
    .await
    .is(201);
    let mut page = visitor.follows(0).await;
    let mut bodies = Vec::new();
    for _ in 0..3 {
        let told = page.until(|told| told.event == "message").await;
        bodies.push(told.data["body"].as_str().unwrap().to_owned());
    }
    assert_eq!(bodies[0], "Do you have Le Guin's essays?");
    assert_eq!(bodies[2], "Anything else?");
    let mut page = visitor.follows(answer).await;
    let told = page.until(|told| told.event == "message").await;
    assert_eq!(told.data["body"], "Anything else?");

    // Who answers may go on when the queue is not online any more.
    ana.put("/presence", json!({"show": "away"})).await.is(200);
    visitor.says("No, thank you", "k2").await.is(201);
}

#[tokio::test]
async fn one_visitor_never_sees_another() {
    let house = open().await;
    is_there(&house, "ana").await;
    let (pat, kim) = (Visitor::comes(&house).await, Visitor::comes(&house).await);
    let mut kims = kim.follows(0).await;
    let said = pat.says("This is between us", "a").await;
    let id = said.json["id"].as_i64().unwrap();
    kim.says("Hello", "a").await.is(201);
    let told = kims.until(|told| told.event == "message").await;
    assert_eq!(told.data["body"], "Hello");
    let mut again = kim.follows(0).await;
    let told = again.until(|told| told.event == "message").await;
    assert_eq!(told.data["body"], "Hello");
    // Nor does it read for another.
    kim.post("read", json!({"messages": [id]})).await.is(204);
    let nobody = Visitor {
        client: Client {
            authorization: Some("Bearer 00".into()),
            ..house.anonymous()
        },
    };
    nobody.says("x", "a").await.is_problem(401);
    // An operator's token is nobody here, and a visit's token is nobody there.
    let operator = Visitor {
        client: house.with_token("ana"),
    };
    operator.says("x", "a").await.is_problem(401);
    pat.client.get("/conversations").await.is_problem(401);
}

#[tokio::test]
async fn a_widget_that_holds_takes_words_for_tomorrow() {
    let house = open().await;
    house
        .amend(Amendment::SetGateway {
            name: "ask".into(),
            queue: None,
            line: None,
            policy: Some(OfflinePolicy::Hold),
            closed_notice: Some(String::new()),
        })
        .await;
    let visitor = Visitor::comes(&house).await;
    let mut page = visitor.follows(0).await;
    assert_eq!(page.next().await.unwrap().data, json!({"standing": "hold"}));
    visitor.says("For tomorrow", "a").await.is(201);
    is_there(&house, "ana").await;
    let list = house.with_token("ana").get("/conversations").await;
    assert_eq!(list.json["items"][0]["latest"]["body"], "For tomorrow");
    page.until(|told| told.data == json!({"standing": "online"}))
        .await;
}

#[tokio::test]
async fn files_are_taken_for_what_they_are() {
    let house = open().await;
    is_there(&house, "ana").await;
    let visitor = Visitor::comes(&house).await;
    visitor.says("I have a picture", "a").await.is(201);
    let sent = visitor.sends("shelf.png", b"\x89PNG\r\n\x1a\nabc").await;
    sent.is(201);
    let body = sent.json["body"].as_str().unwrap();
    let link = body
        .strip_prefix("shelf.png https://desk.elm.example")
        .unwrap();
    let about = call(
        &house.anonymous(),
        Method::GET,
        &format!("{link}/about"),
        None,
    )
    .await;
    assert_eq!(about.json["name"], "shelf.png");
    assert_eq!(about.json["kind"], "image/png");
    let content = call(&house.anonymous(), Method::GET, link, None).await;
    content.is(200);
    assert_eq!(&content.body[..], b"\x89PNG\r\n\x1a\nabc");
    assert_eq!(content.headers[header::CONTENT_TYPE], "image/png");
    assert_eq!(content.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    let policy = content.headers[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .unwrap();
    assert!(policy.contains("sandbox"), "{policy}");

    let refused = visitor.sends("a.png", b"MZ\x90\0\x03").await;
    refused.is_problem(415);
    let refused = visitor.sends("a.html", b"<script>alert(1)</script>").await;
    refused.is_problem(415);
    visitor.sends("a.txt", b"").await.is_problem(422);
    let secret = format!("/f/{}", "a".repeat(12));
    for path in [&secret, "/f/../../etc/passwd", "/f/x", "/f/AAAAAAAAAAAA"] {
        let answer = call(&house.anonymous(), Method::GET, path, None).await;
        answer.is(404);
    }

    // And the other way: a link that fits a text.
    let ana = house.with_token("ana");
    let list = ana.get("/conversations").await;
    let id = list.json["items"][0]["id"].as_i64().unwrap();
    let path = format!("/api/v1/conversations/{id}/attachments?name=map.pdf");
    let request = ana.request(Method::POST, &path);
    let answer = ana
        .send(request.body(Body::from(&b"%PDF-1.4 map"[..])).unwrap())
        .await;
    answer.is(201);
    let link = answer.json["link"].as_str().unwrap();
    assert!(link.starts_with("https://desk.elm.example/f/"), "{link}");
    assert!(link.len() < 45, "{link} is long for a text");
    // Somebody who does not see the conversation adds nothing to it.
    let cara = house.with_token("cara");
    let request = cara.request(Method::POST, &path);
    let answer = cara
        .send(request.body(Body::from(&b"%PDF-1.4"[..])).unwrap())
        .await;
    answer.is_problem(404);
}

#[tokio::test]
async fn a_file_may_be_too_large() {
    let house = open().await;
    is_there(&house, "ana").await;
    let visitor = Visitor::comes(&house).await;
    let mut large = b"\x89PNG\r\n\x1a\n".to_vec();
    large.resize(10 * 1024 * 1024 + 1, 0);
    let request = visitor
        .client
        .request(Method::POST, "/widget/ask/files?name=a.png");
    let answer = visitor
        .client
        .send(request.body(Body::from(large)).unwrap())
        .await;
    answer.is_problem(413);
    assert!(answer.json["detail"].as_str().unwrap().contains("10 MB"));
}

#[tokio::test]
async fn only_named_sites_frame_it_and_only_an_admin_names_them() {
    let house = open().await;
    let ancestors = async |path: &str| {
        let page = call(&house.anonymous(), Method::GET, path, None).await;
        page.is(200);
        let policy = page.headers[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap();
        assert!(policy.contains("script-src 'self'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        policy.rsplit_once("frame-ancestors ").unwrap().1.to_owned()
    };
    assert_eq!(ancestors("/widget/ask").await, "'self'");
    let manner = json!({
        "origins": ["https://www.elm.example", "https://catalog.elm.example:8443"],
        "title": "Ask Elm", "greeting": "Hi!", "files": false, "letters": true,
    });
    let path = "/gateways/ask/widget";
    house
        .with_token("ana")
        .put(path, manner.clone())
        .await
        .is_problem(403);
    house
        .anonymous()
        .put(path, manner.clone())
        .await
        .is_problem(401);
    let root = house.with_token("root");
    root.put(path, manner.clone()).await.is(200);
    assert_eq!(house.with_token("ana").get(path).await.json, manner);
    let both = "'self' https://www.elm.example https://catalog.elm.example:8443";
    assert_eq!(ancestors("/widget/ask").await, both);
    // The frame sites have embedded for years is the same page; a queue nobody has is offline.
    assert_eq!(ancestors("/chat/desk@chat.elm.example").await, both);
    assert_eq!(
        ancestors("/2011-12-03/chat/DESK@chat.elm.example").await,
        both
    );
    assert_eq!(ancestors("/chat/nobody@chat.elm.example").await, "'self'");
    let page = call(&house.anonymous(), Method::GET, "/widget/ask", None).await;
    assert!(page.text().contains("Ask Elm"));
    for wrong in ["https://elm.example/", "'none'", "https://a; script-src *"] {
        let manner = json!({"origins": [wrong]});
        root.put(path, manner).await.is_problem(422);
    }
    // The console stays in nobody's frame.
    let console = call(&house.anonymous(), Method::GET, "/sign-in", None).await;
    let policy = console.headers[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .unwrap();
    assert!(policy.ends_with("frame-ancestors 'none'"), "{policy}");
    is_there(&house, "ana").await;
    let visitor = Visitor::comes(&house).await;
    visitor.sends("a.txt", b"hello").await.is_problem(403);
    let missing = call(&house.anonymous(), Method::GET, "/widget/front-desk", None).await;
    missing.is(404);
}

#[tokio::test]
async fn a_visitor_who_does_not_stop_is_slowed() {
    let house = open().await;
    is_there(&house, "ana").await;
    let visitor = Visitor::comes(&house).await;
    let mut refused = 0;
    for n in 0..40 {
        let answer = visitor.says("spam", &format!("k{n}")).await;
        match answer.status.as_u16() {
            201 => {}
            429 => {
                answer.is_problem(429);
                refused += 1;
            }
            other => panic!("{other}: {}", answer.text()),
        }
    }
    assert!(refused >= 20, "only {refused} of 40 were refused");
    // Another visitor writes on.
    Visitor::comes(&house)
        .await
        .says("A question", "a")
        .await
        .is(201);
}
