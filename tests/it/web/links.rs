//! Links to files, over a socket: whoever follows them is served, whoever guesses is slowed.

use axum::body::Body;
use axum::http::Method;
use callnumber::web::Settings;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::browser::Served;
use super::house::House;

/// Asks as somebody for whom the proxy on this machine speaks; answers head and body.
async fn ask(served: &Served, path: &str, from: &str) -> (u16, String) {
    let address = served.address.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nX-Forwarded-For: {from}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(super::house::PATIENCE, stream.read_to_end(&mut answer))
        .await
        .expect("an answer in time")
        .unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_guesses_links_waits_and_nobody_else() {
    let house = House::open_with(Settings {
        library: "Elm Library".into(),
        public_url: Some("https://desk.elm.example".into()),
        proxies: vec!["127.0.0.1".parse().unwrap()],
        ..Settings::default()
    })
    .await;
    let ana = house.with_token("ana");
    ana.put("/presence", json!({"show": "available"}))
        .await
        .is(200);
    let id = house.text("+15551230100", "May I see the map?").await;
    let path = format!("/api/v1/conversations/{id}/attachments?name=map.txt");
    let kept = ana
        .send(
            ana.request(Method::POST, &path)
                .body(Body::from("here be lions"))
                .unwrap(),
        )
        .await;
    let link = kept.is(201).json["path"].as_str().unwrap().to_owned();
    let served = Served::of(house).await;

    let (reader, guesser) = ("198.51.100.7", "203.0.113.9");
    // Sixty pictures on a page, and a dead link among them, are no guessing.
    for _ in 0..60 {
        assert_eq!(ask(&served, &link, reader).await.0, 200);
    }
    let mut said = Vec::new();
    for n in 0..40 {
        let secret = format!("/f/{}{n:02}", "a".repeat(10)).replace(['0', '1'], "b");
        // The small page and what a program asks count alike.
        let about = if n % 2 == 0 { "" } else { "/about" };
        said.push(ask(&served, &format!("{secret}{about}"), guesser).await);
    }
    let missing = said.iter().filter(|(status, _)| *status == 404).count();
    let slowed = said.iter().filter(|(status, _)| *status == 429).count();
    assert_eq!(missing + slowed, 40, "{said:?}");
    // Thirty at once; another one for each ten seconds that this took.
    assert!(
        (30..=33).contains(&missing),
        "{missing} of 40 were looked up"
    );
    let (_, last) = said.last().unwrap();
    let head = last.to_ascii_lowercase();
    assert!(head.contains("retry-after: 10"), "{last}");
    assert!(last.contains("as the library sent it"), "{last}");

    // Whoever was slowed does not learn whether a link is good; the others read on.
    let (status, answer) = ask(&served, &link, guesser).await;
    assert_eq!(status, 429, "{answer}");
    let (status, answer) = ask(&served, &link, reader).await;
    assert_eq!(status, 200);
    assert!(answer.ends_with("here be lions"), "{answer}");
    // What somebody claims about themselves left of what the proxy saw changes nothing.
    let (status, _) = ask(&served, &link, &format!("{reader}, {guesser}")).await;
    assert_eq!(status, 429);
}
