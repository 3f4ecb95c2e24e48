//! The web face under load: presence beside nginx serving the same octets, a thousand open event
//! streams, and how soon a text is on two hundred operators' screens.
//!
//! `cargo bench --bench web`; needs nginx and wrk.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use callnumber::daemon::Owner;
use callnumber::desk::{self, Desk};
use callnumber::routing::{Amendment, Event, GatewayId, Library, Role, Show};
use callnumber::spool::{Spool, staff};
use callnumber::web::{self, Rooms, Settings};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

const OPERATORS: usize = 200;
const STREAMS: usize = 1000;
const TEXTS: usize = 50;
const PATIENCE: Duration = Duration::from_secs(120);

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let (desk, address) = open(folder.path()).await;
        presence(folder.path(), &address);
        latency(&desk, &address).await;
        streams(&address).await;
    });
}

/// A desk with its operators, all available.
async fn open(folder: &Path) -> (Desk, String) {
    let spool = Spool::open(&folder.join("spool.db")).unwrap();
    let (desk, counter) = desk::open();
    let owner = Owner::open(spool.clone(), Library::default(), counter)
        .await
        .unwrap();
    tokio::spawn(owner.run(std::future::pending()));
    let line = Amendment::AddLine {
        name: "front-desk".into(),
    };
    desk.amend(line).await.unwrap();
    for n in 0..OPERATORS {
        let name = format!("operator-{n}");
        let operator = Amendment::AddOperator {
            name: name.clone(),
            password_hash: None,
            role: Role::Operator,
            queues: vec!["desk".into()],
        };
        desk.amend(operator).await.unwrap();
        let token = Amendment::AddToken {
            operator: name,
            token_hash: staff::secret_hash(&format!("token-{n}")),
            label: None,
        };
        desk.amend(token).await.unwrap();
    }
    let ids: Vec<_> = {
        let board = desk.board();
        let board = board.borrow();
        board.plan.operators.iter().map(|one| one.id).collect()
    };
    for operator in ids {
        let show = Show::Available;
        desk.ask(Event::Presence { operator, show }).await.unwrap();
    }
    let router = web::router(Rooms {
        desk: desk.clone(),
        spool,
        lines: Vec::new().into(),
        messengers: None,
        file_says: tokio::sync::watch::channel(web::FileSays::default()).1,
        calling: web::Calling::default(),
        errands: callnumber::errands::Door::default(),
        settings: Settings::default(),
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(web::serve(listener, router, std::future::pending()));
    (desk, address)
}

/// Requests a second, as wrk counts them.
fn wrk(url: &str) -> f64 {
    let output = Command::new("wrk")
        .args(["-t1", "-c32", "-d5s", url])
        .output()
        .expect("wrk runs; `apt-get install wrk` brings it");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.lines()
        .find_map(|line| line.trim().strip_prefix("Requests/sec:"))
        .and_then(|number| number.trim().parse().ok())
        .unwrap_or_else(|| panic!("wrk says: {said}"))
}

/// An nginx that answers the same octets from memory.
fn nginx(folder: &Path) -> (Child, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let at = folder.display();
    std::fs::write(
        folder.join("nginx.conf"),
        format!(
            "daemon off; worker_processes 2; pid {at}/pid; error_log /dev/null;\n\
             events {{ worker_connections 1024; }}\n\
             http {{ access_log off; default_type text/plain; keepalive_requests 100000000;\n\
             server {{ listen {address}; location / {{\n\
             add_header Cache-Control no-cache; add_header Access-Control-Allow-Origin *;\n\
             add_header X-Content-Type-Options nosniff;\n\
             add_header Cross-Origin-Resource-Policy cross-origin; return 200 available; }} }} }}\n"
        ),
    )
    .unwrap();
    let child = Command::new("/usr/sbin/nginx")
        .arg("-c")
        .arg(folder.join("nginx.conf"))
        .stderr(Stdio::null())
        .spawn()
        .expect("nginx runs; `apt-get install nginx-light` brings it");
    let began = Instant::now();
    while std::net::TcpStream::connect(&address).is_err() {
        assert!(began.elapsed() < PATIENCE, "nginx does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    (child, address)
}

fn presence(folder: &Path, address: &str) {
    let (mut child, other) = nginx(folder);
    let path = "presence/jid/desk/chat.elm.example/text";
    // Turn about, so that a noisy machine is as hard on one as on the other.
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        ours.push(wrk(&format!("http://{address}/{path}")));
        theirs.push(wrk(&format!("http://{other}/{path}")));
    }
    let _ = Command::new("kill")
        .args(["-QUIT", &child.id().to_string()])
        .status();
    let _ = child.wait();
    let median = |mut runs: Vec<f64>| {
        runs.sort_by(f64::total_cmp);
        runs[runs.len() / 2]
    };
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "presence: {ours:.0} requests/s, nginx {theirs:.0} ({:.2} of it)",
        ours / theirs
    );
}

/// Opens an event stream, and reads until its hello.
async fn stream(address: &str, n: usize) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /api/v1/events HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer token-{n}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut stream = BufReader::with_capacity(512, stream);
    until(&mut stream, "event: hello").await;
    stream
}

async fn until(stream: &mut BufReader<TcpStream>, wanted: &str) {
    let reading = async {
        let mut line = String::new();
        loop {
            line.clear();
            let read = stream.read_line(&mut line).await.unwrap();
            assert!(read > 0, "the stream ended");
            if line.starts_with(wanted) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap();
}

async fn latency(desk: &Desk, address: &str) {
    let mut open = Vec::new();
    for n in 0..OPERATORS {
        open.push(stream(address, n).await);
    }
    let mut all = Vec::new();
    for text in 0..TEXTS {
        let began = Instant::now();
        let hearing: Vec<_> = open
            .drain(..)
            .map(|mut stream| {
                tokio::spawn(async move {
                    until(&mut stream, "event: message").await;
                    (stream, began.elapsed())
                })
            })
            .collect();
        let arrived = Event::TextArrived {
            gateway: GatewayId(1),
            from: format!("+1555123{text:04}"),
            body: "Is the reading room open on Saturday?".into(),
            stamped_at: None,
        };
        desk.ask(arrived).await.unwrap();
        for heard in hearing {
            let (stream, took) = heard.await.unwrap();
            open.push(stream);
            all.push(took);
        }
    }
    all.sort();
    let at = |share: f64| all[((all.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "a text on {OPERATORS} operators' streams: p50 {:.1} ms, p99 {:.1} ms, worst {:.1} ms",
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

/// Resident memory, kB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.unwrap().parse().unwrap()
}

async fn streams(address: &str) {
    let before = resident();
    let mut open = Vec::new();
    for n in 0..STREAMS {
        open.push(stream(address, n % OPERATORS).await);
    }
    let after = resident();
    println!(
        "{} open streams: {:.1} kB each, the client's half included ({before} to {after} kB)",
        open.len(),
        (after.saturating_sub(before)) as f64 / STREAMS as f64
    );
}
