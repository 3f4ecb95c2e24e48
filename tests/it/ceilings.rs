//! What strangers may make the daemon use: the table in docs/security.md, each ceiling a test.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use callnumber::simulator::Settings;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::support::http::Api;
use crate::support::{Bench, PATIENCE};

/// Octets of the largest file that is taken.
const FILE: usize = 10 * 1024 * 1024;
/// How much the daemon may grow while strangers do what they can, in KiB.
const GROWTH_MAX: u64 = 48 * 1024;

fn document() -> Vec<u8> {
    let mut document = b"%PDF-1.7\n".to_vec();
    document.resize(FILE, b'x');
    document
}

/// A box with a page where visitors write, and its librarian.
async fn box_with_a_page() -> (Bench, SocketAddr, Api) {
    let mut bench = Bench::new(Settings::default()).await;
    let token = bench.add_operator("ana");
    let page = [
        "gateway", "add", "page", "--kind", "widget", "--queue", "desk",
    ];
    let added = bench.command(&[&page[..], &["--offline", "hold"]].concat());
    assert!(added.status.success(), "{added:?}");
    let address = bench.start();
    (bench, address, Api::new(address, &token))
}

async fn visit(address: SocketAddr) -> Api {
    let begun = Api::new(address, "none")
        .post("/widget/page/visit", json!({}))
        .await;
    let token = begun.expect(201);
    Api::new(address, token["token"].as_str().unwrap())
}

fn token(visit: &Api) -> String {
    visit.token().to_owned()
}

/// A librarian asks and is answered within two seconds.
async fn is_served(librarian: &Api) {
    let began = Instant::now();
    librarian.get("/api/v1/conversations").await.expect(200);
    let took = began.elapsed();
    assert!(
        took < Duration::from_secs(2),
        "the librarian waited {took:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_that_are_held_back_stand_on_disk_and_not_in_memory() {
    let (bench, address, librarian) = box_with_a_page().await;
    let document = document();
    let all_but_the_last = &document[..FILE - 8];
    let before = bench.kib("VmRSS");
    let mut held = Vec::new();
    for _ in 0..16 {
        let token = token(&visit(address).await);
        for _ in 0..6 {
            let head = format!(
                "POST /widget/page/files?name=a.pdf HTTP/1.1\r\nHost: x\r\nContent-Length: {FILE}\r\n\
                 Authorization: Bearer {token}\r\n\r\n"
            );
            let body = all_but_the_last.to_vec();
            held.push(tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.write_all(head.as_bytes()).await.unwrap();
                // Where it is refused meanwhile, nobody reads on.
                let _ = timeout(PATIENCE, stream.write_all(&body)).await;
                stream
            }));
        }
    }
    let mut streams = Vec::new();
    for stream in held {
        streams.push(stream.await.unwrap());
        let grown = bench.kib("VmRSS").saturating_sub(before);
        assert!(
            grown < GROWTH_MAX,
            "{grown} KiB more for uploads that never end"
        );
    }
    is_served(&librarian).await;
    drop(streams);
    // What was begun is gone from the disk as well.
    let folder = bench.path().join("attachments");
    let left = || std::fs::read_dir(&folder).map_or(0, Iterator::count);
    let began = Instant::now();
    while left() > 0 {
        assert!(
            began.elapsed() < PATIENCE,
            "{} pieces of files stay",
            left()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_many_read_slowly_stands_in_memory_for_none_of_them() {
    let (bench, address, librarian) = box_with_a_page().await;
    let visitor = visit(address).await;
    let sent = visitor
        .post_file("/widget/page/files?name=a.pdf", &document())
        .await;
    let words = sent.expect(201)["body"].as_str().unwrap().to_owned();
    let link = words.split_whitespace().next_back().unwrap().to_owned();
    let before = bench.kib("VmRSS");
    let mut readers = Vec::new();
    for _ in 0..200 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(address).await.unwrap();
        let request = format!("GET {link} HTTP/1.1\r\nHost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        // The answer has begun.
        let mut first = [0; 12];
        timeout(PATIENCE, stream.read_exact(&mut first))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        readers.push(stream);
    }
    let grown = bench.kib("VmRSS").saturating_sub(before);
    assert!(
        grown < GROWTH_MAX,
        "{grown} KiB more for readers of one file"
    );
    is_served(&librarian).await;
    // One more is told to come back; when they are gone the file comes whole.
    let (status, _) = visitor.get_file(&link).await;
    assert_eq!(status, 503);
    drop(readers);
    let began = Instant::now();
    let whole = loop {
        let (status, content) = visitor.get_file(&link).await;
        if status == 200 {
            break content;
        }
        assert!(
            began.elapsed() < PATIENCE,
            "the readers' seats do not come back"
        );
    };
    assert_eq!(whole.len(), FILE);
}

/// Heads that never end, as many as one address may hold.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_open_requests_take_little_and_keep_nobody_out() {
    let (bench, address, librarian) = box_with_a_page().await;
    let before = bench.kib("VmRSS");
    let mut open = Vec::new();
    // More than there are places: this address is the box's own, which no limit of one address holds.
    for _ in 0..2500 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let filler = "x".repeat(4000);
        let head = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Filler: {filler}");
        let _ = stream.write_all(head.as_bytes()).await;
        open.push(stream);
    }
    is_served(&librarian).await;
    let grown = bench.kib("VmRSS").saturating_sub(before);
    assert!(
        grown < GROWTH_MAX,
        "{grown} KiB more for heads that never end"
    );
}
