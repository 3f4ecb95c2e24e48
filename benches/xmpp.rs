//! The XMPP room beside a bare component that keeps and proves nothing, through the same Prosody;
//! and the memory of two hundred operators online.
//!
//! `cargo bench --bench xmpp`; needs prosody.
#![allow(clippy::unwrap_used, missing_docs, dead_code)]

#[path = "../tests/it/xmpp/client.rs"]
mod client;
#[path = "../tests/it/support/daemon.rs"]
mod daemon;
#[path = "../tests/it/xmpp/server.rs"]
mod server;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use callnumber::daemon::{House, HouseSettings};
use callnumber::routing::{Amendment, Event, Library, Role};
use callnumber::xmpp::LinkState;
use sha1::{Digest, Sha1};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use client::{Flood, Messenger};
use daemon::Daemon;
use server::{SECRET, Server};

const PATIENCE: Duration = Duration::from_secs(60);
const TEXTS: usize = 2_000;
const TURNS: usize = 5;
const OPERATORS: usize = 200;
const DOMAIN: &str = "desk.example.org";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let server = Server::prosody().await;
        flood(&server).await;
        memory(&server).await;
    });
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// What an operator's client answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Client {
    /// Receipts (XEP-0184) and pings.
    Receipts,
    /// Pings alone (XEP-0199).
    Pings,
}

impl Client {
    async fn connect(self, server: &Server) -> Messenger {
        let mut client = Messenger::connect(server, "op0", "gajim").await;
        client.gives_receipts(self == Self::Receipts);
        client
    }
}

/// In turns, so that whatever else the machine does meets all of them.
async fn flood(server: &Server) {
    for client in [Client::Receipts, Client::Pings] {
        let (mut ours, mut bare, mut pinging) = (Vec::new(), Vec::new(), Vec::new());
        for turn in 0..TURNS {
            ours.push(held_texts(server, client).await);
            bare.push(bare_component(server, client, false).await);
            pinging.push(bare_component(server, client, true).await);
            println!(
                "turn {turn}: desk {} ms, bare component {} ms, one that pings {} ms",
                ours[turn].as_millis(),
                bare[turn].as_millis(),
                pinging[turn].as_millis()
            );
        }
        let (ours, bare, pinging) = (median(ours), median(bare), median(pinging));
        println!(
            "{TEXTS} held texts, a client that answers {client:?}: desk {} ms, bare component {} ms, \
             {:.2} times (aim: 1.5); a bare component that pings {} ms, {:.2} times",
            ours.as_millis(),
            bare.as_millis(),
            ours.as_secs_f64() / bare.as_secs_f64(),
            pinging.as_millis(),
            ours.as_secs_f64() / pinging.as_secs_f64()
        );
    }
}

/// From the operator's presence to the last of the held texts on the client's side.
async fn held_texts(server: &Server, client: Client) -> Duration {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = HouseSettings::quiet(folder.path().join("spool.db"), Library::default());
    settings.xmpp = Some(server.settings(SECRET, DOMAIN));
    let house = House::open(settings).await.unwrap();
    let desk = house.desk();
    staff(desk, 1).await;
    let board = desk.board();
    let gateway = board.borrow().plan.gateway_named("front-desk").unwrap().id;
    for n in 0..TEXTS {
        let event = Event::TextArrived {
            gateway,
            from: format!("+1555123{n:04}"),
            body: format!("text {n}."),
            stamped_at: None,
        };
        desk.ask(event).await.unwrap();
    }
    let mut standing = house.messengers().unwrap().clone();
    standing.wait_for(|s| *s == LinkState::Up).await.unwrap();
    let mut client = client.connect(server).await;
    let mut flood = Flood::default();
    let begun = Instant::now();
    client
        .send(&format!("<presence/><presence to='desk@{DOMAIN}'/>"))
        .await;
    client.reads_until(&mut flood, TEXTS).await;
    let took = begun.elapsed();
    house.close().await;
    took
}

/// The same words with the same elements, written as fast as the server takes them, with a ping
/// after each if so asked.
async fn bare_component(server: &Server, client: Client, pings: bool) -> Duration {
    let mut client = client.connect(server).await;
    client.send("<presence/>").await;
    client.expect(&["<presence"]).await;
    let mut socket = TcpStream::connect(("127.0.0.1", server.components))
        .await
        .unwrap();
    let opening = format!(
        "<stream:stream xmlns='jabber:component:accept' \
         xmlns:stream='http://etherx.jabber.org/streams' to='{DOMAIN}'>"
    );
    socket.write_all(opening.as_bytes()).await.unwrap();
    let id = until(&mut socket, " id=").await;
    let (_, id) = id.split_once(" id=").unwrap();
    let id: String = id
        .chars()
        .skip(1)
        .take_while(|c| !matches!(c, '\'' | '"'))
        .collect();
    let hash: String = Sha1::digest(format!("{id}{SECRET}"))
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let handshake = format!("<handshake>{hash}</handshake>");
    socket.write_all(handshake.as_bytes()).await.unwrap();
    until(&mut socket, "<handshake").await;
    let mut flood = Flood::default();
    let begun = Instant::now();
    let (mut reader, mut writer) = socket.into_split();
    // Nobody cares for what comes back, but it must not fill the pipe.
    let reading = tokio::spawn(async move {
        let mut chunk = [0; 16 * 1024];
        while reader.read(&mut chunk).await.is_ok_and(|count| count > 0) {}
    });
    let write = async {
        for n in 0..TEXTS {
            let mut text = format!(
                "<message from='~heron-{n}@{DOMAIN}/desk' to='op0@example.org' type='chat' \
                 id='text-{n}'><body>text {n}.</body><thread>c{n}</thread>\
                 <nick xmlns='http://jabber.org/protocol/nick'>heron-{n}</nick>\
                 <request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/>\
                 <origin-id xmlns='urn:xmpp:sid:0' id='text-{n}'/></message>"
            );
            if pings {
                let _ = write!(
                    text,
                    "<iq type='get' from='~heron-{n}@{DOMAIN}/desk' to='op0@example.org/gajim' \
                     id='ping-{n}'><ping xmlns='urn:xmpp:ping'/></iq>"
                );
            }
            writer.write_all(text.as_bytes()).await.unwrap();
        }
    };
    tokio::join!(write, client.reads_until(&mut flood, TEXTS));
    let took = begun.elapsed();
    reading.abort();
    took
}

async fn until(socket: &mut TcpStream, text: &str) -> String {
    let mut read = String::new();
    let mut chunk = [0; 4096];
    while !read.contains(text) || !read.ends_with('>') {
        let count = socket.read(&mut chunk).await.unwrap();
        assert!(count > 0, "hung up: {read}");
        read.push_str(&String::from_utf8_lossy(&chunk[..count]));
    }
    read
}

async fn staff(desk: &callnumber::desk::Desk, count: usize) {
    let mut amendments = vec![Amendment::AddLine {
        name: "front-desk".into(),
    }];
    for n in 0..count {
        amendments.push(Amendment::AddOperator {
            name: format!("op{n}"),
            password_hash: None,
            role: Role::Operator,
            queues: vec!["desk".into()],
        });
        amendments.push(Amendment::SetAddresses {
            operator: format!("op{n}"),
            jids: vec![format!("op{n}@example.org")],
        });
    }
    for amendment in amendments {
        desk.amend(amendment).await.unwrap();
    }
}

/// `callnumber run` as a process, before and after two hundred operators signed in.
async fn memory(server: &Server) {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool.db");
    let house = House::open(HouseSettings::quiet(spool.clone(), Library::default()))
        .await
        .unwrap();
    staff(house.desk(), OPERATORS).await;
    house.close().await;
    let daemon = Daemon::start(&server.configure(folder.path()));
    let mut clients = Vec::new();
    let mut first = Messenger::connect(server, "op0", "gajim").await;
    first.waits_for(&format!("desk@{DOMAIN}")).await;
    let nobody = daemon.kib("VmRSS");
    clients.push(first);
    for n in 1..OPERATORS {
        clients.push(Messenger::connect(server, &format!("op{n}"), "gajim").await);
    }
    let presence = format!("<presence/><presence to='desk@{DOMAIN}'/>");
    for client in &mut clients {
        client.send(&presence).await;
    }
    let everybody = format!("{OPERATORS} librarians");
    for client in &mut clients {
        client.expect(&["<presence", &everybody]).await;
    }
    println!(
        "resident memory of the daemon: {:.1} MB with nobody, {:.1} MB with {OPERATORS} operators online",
        nobody as f64 / 1000.0,
        daemon.kib("VmRSS") as f64 / 1000.0
    );
}
