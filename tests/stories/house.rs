//! A library on a paused clock: simulated modems in memory, the radio side, the router's owner, the
//! spool on disk, and operators who talk to the API. A night passes in the time its events take.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use callnumber::clock::Clock;
use callnumber::daemon::Owner;
use callnumber::desk::{self, Desk};
use callnumber::modem::port::{OpenError, Opened, Opener};
use callnumber::modem::{Line, LineSettings, Phase, PinLedger, PortChoice, start_on};
use callnumber::routing::{Amendment, Library, Role};
use callnumber::simulator::{Settings, SimulatedModem};
use callnumber::spool::{Spool, staff};
use callnumber::texting::{Inbound, Outbound};
use callnumber::web::{self, Rooms};
use http_body_util::BodyExt;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::DuplexStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tower::ServiceExt;

/// Longer than anything a story waits for; on a paused clock it costs nothing.
const PATIENCE: Duration = Duration::from_secs(3600);

pub const LIBRARY: &str = "Elm Library";

struct Socket(Arc<SimulatedModem>);

impl Opener for Socket {
    type Port = DuplexStream;

    async fn open(&mut self) -> Result<Opened<DuplexStream>, OpenError> {
        match self.0.open() {
            Some((port, path)) => Ok(Opened {
                port,
                path: Some(path),
            }),
            None => Err(OpenError::Missing {
                path: "/dev/desk-modem".into(),
            }),
        }
    }
}

#[derive(Default)]
struct Ledger(Mutex<HashSet<String>>);

impl PinLedger for Ledger {
    fn may_try(&self, card: &str) -> bool {
        !self.0.lock().unwrap().contains(card)
    }

    fn record(&self, card: &str) -> std::io::Result<()> {
        self.0.lock().unwrap().insert(card.to_owned());
        Ok(())
    }

    fn accepted(&self, card: &str) {
        self.0.lock().unwrap().remove(card);
    }
}

pub struct House {
    pub modem: Arc<SimulatedModem>,
    /// A second modem on the box.
    pub spare: Arc<SimulatedModem>,
    pub desk: Desk,
    pub spool: Spool,
    router: Router,
    tasks: Vec<JoinHandle<()>>,
    _stop: watch::Sender<bool>,
    _folder: TempDir,
}

impl Drop for House {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl House {
    /// Opens at this time, as `2026-12-07T10:00:00-06:00`, a Monday. Nobody is there yet.
    pub async fn open(wall: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::simulated(wall.parse().unwrap());
        let spool = Spool::open_by(&folder.path().join("spool.db"), clock).unwrap();
        let (desk, counter) = desk::open();
        let library = Library {
            name: LIBRARY.into(),
            urgent: Some("555-0100".into()),
            time_zone: TimeZone::get("America/Chicago").unwrap(),
            ..Library::default()
        };
        let owner = Owner::open(spool.clone(), library, counter).await.unwrap();
        let mut tasks = vec![tokio::spawn(owner.run(std::future::pending()))];
        let (stop, stopped) = watch::channel(false);
        let mut lines: Vec<Line> = Vec::new();
        let mut modems = Vec::new();
        for name in ["front-desk", "spare"] {
            let modem = Arc::new(SimulatedModem::start_in_memory(Settings::default()).unwrap());
            let (arrivals, arrived) = mpsc::channel(16);
            let inbound = Inbound::new(name.into(), desk.clone(), spool.clone());
            tasks.push(tokio::spawn(inbound.run(arrived, stopped.clone())));
            let settings = LineSettings::new(name, PortChoice::Auto);
            let socket = Socket(Arc::clone(&modem));
            let line = start_on(socket, settings, arrivals, Arc::new(Ledger::default()));
            let outbound =
                Outbound::new(line.clone(), desk.clone(), spool.clone(), Duration::ZERO, 0);
            tasks.push(tokio::spawn(outbound.run(stopped.clone())));
            modems.push(modem);
            lines.push(line);
        }
        let name = "front-desk".into();
        desk.amend(Amendment::AddLine { name }).await.unwrap();
        let router = web::router(Rooms {
            desk: desk.clone(),
            spool: spool.clone(),
            lines: lines.clone().into(),
            settings: web::Settings::default(),
            messengers: None,
            file_says: watch::channel(web::FileSays::default()).1,
        });
        let mut modems = modems.into_iter();
        let house = Self {
            modem: modems.next().unwrap(),
            spare: modems.next().unwrap(),
            desk,
            spool,
            router,
            tasks,
            _stop: stop,
            _folder: folder,
        };
        for line in &lines {
            let mut status = line.status();
            let ready = status.wait_for(|status| status.phase == Phase::Ready);
            tokio::time::timeout(PATIENCE, ready)
                .await
                .unwrap()
                .unwrap();
        }
        house
    }

    pub async fn amend(&self, amendment: Amendment) {
        self.desk.amend(amendment).await.unwrap();
    }

    /// A librarian with a token; not there yet.
    pub async fn hire(&self, name: &str, role: Role, queues: &[&str]) -> Librarian {
        self.amend(Amendment::AddOperator {
            name: name.into(),
            password_hash: None,
            role,
            queues: queues.iter().map(|queue| (*queue).to_owned()).collect(),
        })
        .await;
        self.amend(Amendment::AddToken {
            operator: name.into(),
            token_hash: staff::secret_hash(name),
            label: None,
        })
        .await;
        Librarian {
            router: self.router.clone(),
            token: name.into(),
            stream: Mutex::new(None),
        }
    }

    /// What the network took to this telephone, oldest first.
    pub fn told(&self, to: &str) -> Vec<String> {
        let sent = self.modem.sent().into_iter().chain(self.spare.sent());
        sent.filter(|text| text.to == to)
            .map(|text| text.text)
            .collect()
    }

    /// Waits until the network took so many texts to this telephone.
    pub async fn until_told(&self, to: &str, count: usize) -> Vec<String> {
        until(&format!("{count} texts to {to}"), async || {
            let told = self.told(to);
            (told.len() >= count).then_some(told)
        })
        .await
    }
}

/// Waits until something is so.
pub async fn until<T>(what: &str, mut is_so: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = tokio::time::Instant::now();
    loop {
        if let Some(met) = is_so().await {
            return met;
        }
        assert!(begun.elapsed() < PATIENCE, "never {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Time goes by.
pub async fn wait(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

pub struct Librarian {
    router: Router,
    token: String,
    /// The browser's event stream, while it lives.
    stream: Mutex<Option<JoinHandle<()>>>,
}

impl Librarian {
    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json");
        let body = body.map_or(Body::empty(), |body| Body::from(body.to_string()));
        let response = self
            .router
            .clone()
            .oneshot(request.body(body).unwrap())
            .await
            .unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call("GET", path, None).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Opens the console, and is available.
    pub async fn arrives(&self) {
        let request = Request::get("/api/v1/events")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .body(Body::empty())
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        let mut body = response.into_body();
        let reading = tokio::spawn(async move { while body.frame().await.is_some() {} });
        *self.stream.lock().unwrap() = Some(reading);
        self.says("available").await;
    }

    pub async fn says(&self, show: &str) {
        let body = json!({ "show": show });
        let (status, answer) = self.call("PUT", "/presence", Some(body)).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// The browser dies.
    pub fn vanishes(&self) {
        if let Some(stream) = self.stream.lock().unwrap().take() {
            stream.abort();
        }
    }

    /// What this librarian sees, oldest first.
    pub async fn list(&self) -> Vec<Value> {
        self.get("/conversations").await["items"]
            .as_array()
            .unwrap()
            .clone()
    }

    /// Waits until so many conversations are on the list.
    pub async fn sees(&self, count: usize) -> Vec<Value> {
        until(&format!("{count} on {}'s list", self.token), async || {
            let list = self.list().await;
            (list.len() == count).then_some(list)
        })
        .await
    }

    pub async fn thread(&self, id: &Value) -> Value {
        self.get(&format!("/conversations/{id}")).await
    }

    /// The words of a thread, oldest first.
    pub async fn words(&self, id: &Value) -> Vec<String> {
        let thread = self.thread(id).await;
        let messages = thread["messages"].as_array().unwrap();
        let words = messages
            .iter()
            .map(|message| message["body"].as_str().unwrap());
        words.map(str::to_owned).collect()
    }

    /// The desk's notes in a thread, oldest first.
    pub async fn notes(&self, id: &Value) -> Vec<String> {
        let thread = self.thread(id).await;
        let notes = thread["notes"].as_array().unwrap();
        let words = notes.iter().map(|note| note["text"].as_str().unwrap());
        words.map(str::to_owned).collect()
    }

    pub async fn answers(&self, id: &Value, words: &str) -> (u16, Value) {
        let path = format!("/conversations/{id}/messages");
        self.call("POST", &path, Some(json!({ "body": words })))
            .await
    }
}
