//! The live feed.

use std::collections::{BTreeMap, BTreeSet};

use callnumber::routing::{Amendment, ConversationId};
use serde_json::json;

use super::house::{Feed, House, PATIENCE};

#[tokio::test]
async fn what_happens_is_told_as_it_stands() {
    let house = House::open().await;
    let (ana, ben) = (house.with_token("ana"), house.with_token("ben"));
    ana.put("/presence", json!({"show": "available"}))
        .await
        .is(200);
    let mut feed = ben.follow(None).await;
    let hello = feed.next().await.unwrap();
    assert_eq!(hello.event, "hello");
    assert_eq!(hello.data["operator"], "ben");
    assert_eq!(hello.data["resumed"], false);
    assert!(hello.id.is_none() || hello.id > Some(-1));

    let id = house.text("+15551230100", "Is my book in?").await;
    let message = feed.until(|told| told.event == "message").await;
    assert_eq!(message.data["body"], "Is my book in?");
    assert_eq!(message.data["conversation"], id.0);
    assert!(message.id.is_some());

    let sent = ana
        .post(
            &format!("/conversations/{id}/messages"),
            json!({"body": "Yes"}),
        )
        .await;
    let claimed = feed
        .until(|told| told.event == "conversation" && told.data["claimed_by"] == "ana")
        .await;
    assert_eq!(claimed.data["state"], "claimed");
    let answer = feed.until(|told| told.event == "message" && told.data["direction"] == "out");
    assert_eq!(answer.await.data["id"], sent.json["id"]);

    ana.put("/presence", json!({"show": "away"})).await.is(200);
    let away = feed.until(|told| told.event == "operator").await;
    assert_eq!(away.data, json!({"operator": "ana", "show": "away"}));
    house
        .amend(Amendment::AddQueue {
            name: "maps".into(),
        })
        .await;
    feed.until(|told| told.event == "plan").await;
}

/// A new way in for somebody changes nothing that anyone shows.
#[tokio::test]
async fn a_new_token_wakes_no_stream_and_a_new_queue_says_which_part_changed() {
    let house = House::open().await;
    let (ana, ben) = (house.with_token("ana"), house.with_token("ben"));
    let (mut feed, mut other) = (ana.follow(None).await, ben.follow(None).await);
    for feed in [&mut feed, &mut other] {
        feed.until(|told| told.event == "hello").await;
    }
    let token = |secret: &str| Amendment::AddToken {
        operator: "ana".into(),
        token_hash: callnumber::spool::staff::secret_hash(secret),
        label: None,
    };
    house.amend(token("another")).await;
    house.amend(token("one more")).await;
    // The mark comes after all of it.
    let name = "mark".into();
    house.amend(Amendment::AddQueue { name }).await;
    for feed in [&mut feed, &mut other] {
        let told = feed.until(|told| told.event == "plan").await;
        assert_eq!(told.data, json!({"changed": "queues"}));
    }
    // Whose own queues change is told so, and the others that it was somebody.
    house
        .amend(Amendment::SetOperator {
            name: "ben".into(),
            password_hash: None,
            role: None,
            queues: Some(vec!["mark".into()]),
        })
        .await;
    let told = feed.until(|told| told.event == "plan").await;
    assert_eq!(told.data, json!({"changed": "operators"}));
    let told = other.until(|told| told.event == "plan").await;
    assert_eq!(told.data, json!({"changed": "operators", "yours": true}));
    // A token that is taken back ends the streams that came by it, and no other's.
    house
        .amend(Amendment::RevokeToken {
            operator: "ben".into(),
            token: None,
        })
        .await;
    while other.next().await.is_some() {}
    let name = "after".into();
    house.amend(Amendment::AddQueue { name }).await;
    feed.until(|told| told.data == json!({"changed": "queues"}))
        .await;
}

#[tokio::test]
async fn nothing_of_other_queues_is_told() {
    let house = House::open().await;
    let cara = house.with_token("cara");
    let mut feed = cara.follow(None).await;
    feed.until(|told| told.event == "hello").await;
    let id = house.text("+15551230100", "for the desk alone").await;
    house
        .with_token("ana")
        .post(
            &format!("/conversations/{id}/messages"),
            json!({"body": "hi"}),
        )
        .await
        .is(201);
    // The mark that ends the test comes after all of it.
    house
        .amend(Amendment::AddQueue {
            name: "mark".into(),
        })
        .await;
    loop {
        let told = feed.next().await.unwrap();
        assert!(
            ["operator", "queue", "plan"].contains(&told.event.as_str()),
            "{told:?}"
        );
        if told.event == "plan" {
            break;
        }
    }
}

#[tokio::test]
async fn a_conversation_handed_away_leaves_the_page() {
    let house = House::open().await;
    let (ana, ben, cara) = (
        house.with_token("ana"),
        house.with_token("ben"),
        house.with_token("cara"),
    );
    for client in [&ana, &ben, &cara] {
        client
            .put("/presence", json!({"show": "available"}))
            .await
            .is(200);
    }
    let id = house.text("+15551230100", "a map, please").await;
    let mut watching = ben.follow(None).await;
    watching.until(|told| told.event == "hello").await;
    let mut taking = cara.follow(None).await;
    taking.until(|told| told.event == "hello").await;
    ana.post(&format!("/conversations/{id}/claim"), json!({}))
        .await
        .is(200);
    ana.post(
        &format!("/conversations/{id}/transfer"),
        json!({"to": "queue:reference"}),
    )
    .await
    .is(200);
    taking
        .until(|told| told.event == "conversation" && told.data["id"] == id.0)
        .await;
    cara.post(&format!("/conversations/{id}/claim"), json!({}))
        .await
        .is(200);
    let gone = watching
        .until(|told| {
            told.event == "withdraw"
                && told.data["conversation"] == id.0
                && told.data["reason"] == "moved to another desk"
        })
        .await;
    assert!(gone.data.get("body").is_none());
    ben.get(&format!("/conversations/{id}"))
        .await
        .is_problem(404);
}

/// Reads messages until `wanted` are known; breaks off and resumes now and then.
async fn gather(house: &House, wanted: usize) -> BTreeMap<i64, usize> {
    let ben = house.with_token("ben");
    let mut seen: BTreeMap<i64, usize> = BTreeMap::new();
    let mut feed: Feed = ben.follow(Some("0")).await;
    let mut since_break = 0;
    while seen.len() < wanted {
        let told = feed.next().await.expect("the stream goes on");
        assert_ne!(told.event, "reset");
        if told.event == "message" {
            *seen.entry(told.data["id"].as_i64().unwrap()).or_default() += 1;
        }
        since_break += 1;
        if since_break >= 23 {
            since_break = 0;
            let last = feed.last.clone();
            drop(feed);
            feed = ben.follow(Some(&last)).await;
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resuming_leaves_no_gap_while_texts_pour_in() {
    let house = House::open().await;
    const TEXTS: usize = 200;
    let writing = async {
        for n in 0..TEXTS {
            house
                .text(&format!("+1555124{:04}", n % 40), &format!("text {n}"))
                .await;
        }
    };
    let (seen, ()) = tokio::time::timeout(PATIENCE * 3, async {
        tokio::join!(gather(&house, TEXTS), writing)
    })
    .await
    .expect("all texts are seen within the time allowed");
    assert_eq!(seen.len(), TEXTS);
    let ids: BTreeSet<i64> = seen.keys().copied().collect();
    assert_eq!(ids.len(), TEXTS);
}

#[tokio::test]
async fn a_resume_from_nowhere_starts_afresh() {
    let house = House::open().await;
    house.text("+15551230100", "hello").await;
    let ben = house.with_token("ben");
    for last in ["999999", "garbage", "-5"] {
        let mut feed = ben.follow(Some(last)).await;
        let hello = feed.next().await.unwrap();
        assert_eq!(hello.data["resumed"], false, "{last}");
        let reset = feed.next().await.unwrap();
        assert_eq!(reset.event, "reset", "{last}");
        assert!(reset.id > Some(0));
        // And it goes on from there.
        house.text("+15551230100", "more").await;
        feed.until(|told| told.event == "message").await;
    }
}

#[tokio::test]
async fn a_stream_is_an_endpoint() {
    let house = House::open().await;
    let ben = house.with_token("ben");
    let mut board = house.desk.board();
    let feed = ben.follow(None).await;
    ben.put("/presence", json!({"show": "available"}))
        .await
        .is(200);
    let status = ben.get("/status").await;
    assert_eq!(status.json["streams"], 1);
    board
        .wait_for(|board| board.shows.len() == 1)
        .await
        .unwrap();
    drop(feed);
    let status = ben.get("/status").await;
    assert_eq!(status.json["streams"], 0);
}

#[tokio::test]
async fn streams_are_counted() {
    let house = House::open().await;
    let ben = house.with_token("ben");
    let mut feeds = Vec::new();
    for _ in 0..20 {
        feeds.push(ben.follow(None).await);
    }
    ben.get("/events").await.is_problem(429);
    house.with_token("ana").follow(None).await;
    feeds.pop();
    ben.follow(None).await;
}

#[tokio::test]
async fn serving_ends_streams_at_once() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let house = House::open().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(callnumber::web::serve(
        listener,
        house.router.clone(),
        async { stopped.await.unwrap_or(()) },
    ));
    let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
    connection
        .write_all(
            b"GET /api/v1/events HTTP/1.1\r\nHost: desk.test\r\nAuthorization: Bearer token-ana\r\n\r\n",
        )
        .await
        .unwrap();
    let mut seen = Vec::new();
    while !seen.windows(5).any(|window| window == b"hello") {
        let mut buffer = [0; 1024];
        let read = connection.read(&mut buffer).await.unwrap();
        assert!(read > 0);
        seen.extend_from_slice(&buffer[..read]);
    }
    let began = std::time::Instant::now();
    stop.send(()).unwrap();
    tokio::time::timeout(PATIENCE, serving)
        .await
        .expect("serving ends")
        .unwrap()
        .unwrap();
    assert!(began.elapsed() < std::time::Duration::from_secs(2));
    let _: ConversationId = house.text("+15551230100", "the desk goes on").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_streams_hear_each_text() {
    const TEXTS: usize = 20;
    let house = House::open().await;
    for n in 0..10 {
        house.hire(&format!("extra{n}"), "desk").await;
    }
    let (heard, mut hearing) = tokio::sync::mpsc::unbounded_channel();
    for n in 0..200 {
        let mut feed = house
            .with_token(&format!("extra{}", n % 10))
            .follow(None)
            .await;
        feed.until(|told| told.event == "hello").await;
        let heard = heard.clone();
        tokio::spawn(async move {
            for _ in 0..TEXTS {
                let told = feed
                    .until(|told| told.event == "message" && told.data["direction"] == "in")
                    .await;
                let body = told.data["body"].as_str().unwrap().to_owned();
                heard.send((body, std::time::Instant::now())).unwrap();
            }
        });
    }
    let mut delays = Vec::new();
    for n in 0..TEXTS {
        let body = format!("text {n}");
        let arrived = std::time::Instant::now();
        house.text(&format!("+1555127{n:04}"), &body).await;
        for _ in 0..200 {
            let (said, at) = tokio::time::timeout(PATIENCE, hearing.recv())
                .await
                .expect("everyone hears within the time allowed")
                .unwrap();
            assert_eq!(said, body);
            delays.push(at - arrived);
        }
    }
    delays.sort_unstable();
    assert_eq!(delays.len(), 200 * TEXTS);
    println!(
        "text to 200 streams: p50 {:?}, p99 {:?}",
        delays[delays.len() / 2],
        delays[delays.len() * 99 / 100]
    );
}

/// Pages served beside the console have streams of their own: none may hold the house open.
#[tokio::test]
async fn every_stream_ends_when_the_server_stops() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let endless = axum::Router::new().route(
        "/endless",
        axum::routing::get(async || {
            let told = futures_util::stream::once(async { Ok::<_, std::io::Error>("data: 1\n\n") });
            let events = futures_util::StreamExt::chain(told, futures_util::stream::pending());
            (
                [("content-type", "text/event-stream")],
                axum::body::Body::from_stream(events),
            )
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(callnumber::web::serve(listener, endless, async {
        let _ = stopped.await;
    }));
    let mut browser = tokio::net::TcpStream::connect(address).await.unwrap();
    browser
        .write_all(b"GET /endless HTTP/1.1\r\nHost: desk\r\n\r\n")
        .await
        .unwrap();
    let mut heard = Vec::new();
    while !heard.windows(9).any(|octets| octets == b"data: 1\n\n") {
        let mut octets = [0; 512];
        let read = tokio::time::timeout(PATIENCE, browser.read(&mut octets));
        let count = read.await.unwrap().unwrap();
        assert_ne!(count, 0, "it ended before it was told to");
        heard.extend_from_slice(&octets[..count]);
    }
    stop.send(()).unwrap();
    // The server waits five seconds for answers that do not end: this one must.
    let ended = tokio::time::timeout(std::time::Duration::from_secs(2), serving);
    ended.await.expect("the stream ends").unwrap().unwrap();
}
