//! A library on a paused clock: simulated modems in memory, the radio side, the router's owner, the
//! spool on disk, and operators who talk to the API. A night passes in the time its events take.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use callnumber::alerts::{self, Alerts};
use callnumber::clock::Clock;
use callnumber::daemon::{Owner, watch_line};
use callnumber::desk::{self, Desk};
use callnumber::errands::Door;
use callnumber::modem::port::{OpenError, Opened, Opener};
use callnumber::modem::{Keepers, Line, LineSettings, Lines, Phase, PortChoice, start_on};
use callnumber::numbers::PatronNumber;
use callnumber::routing::{Amendment, Languages, Library, Role};
use callnumber::simulator::{Settings, SimulatedModem};
use callnumber::spool::{Spool, staff};
use callnumber::texting::{Calls, Care, Inbound, LineRecords, Outbound};
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

/// What a house may have beside the usual.
#[derive(Default)]
pub struct Opening {
    /// The PIN that the SIM at the front desk asks for.
    pub pin: Option<&'static str>,
    /// How long the network takes over each text.
    pub send_latency: Duration,
    /// How browsers and telephones reach the desk.
    pub public_url: Option<&'static str>,
    /// The staff telephone that is called for help.
    pub staff_phone: Option<&'static str>,
    /// Languages beside those of the country.
    pub languages: &'static [&'static str],
    /// Nothing was told of the library but its name.
    pub bare: bool,
    /// The spare line's own number.
    pub spare_number: Option<&'static str>,
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
        Self::open_with(wall, Opening::default()).await
    }

    /// Opens with something beside the usual.
    pub async fn open_with(wall: &str, opening: Opening) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::simulated(wall.parse().unwrap());
        let spool = Spool::open_by(&folder.path().join("spool.db"), clock.clone()).unwrap();
        let (desk, counter) = desk::open();
        let library = Library {
            name: LIBRARY.into(),
            urgent: Some("555-0100".into()),
            email: Some("ask@elm.example".into()),
            hours_link: Some("elm.example/hours".into()),
            time_zone: TimeZone::get("America/Chicago").unwrap(),
            languages: Languages::default()
                .and(opening.languages.iter().copied())
                .unwrap(),
            ..Library::default()
        };
        let library = match opening.bare {
            false => library,
            true => Library {
                name: library.name,
                ..Library::default()
            },
        };
        let owner = Owner::open(spool.clone(), library, counter).await.unwrap();
        let mut tasks = vec![tokio::spawn(owner.run(std::future::pending()))];
        let (stop, stopped) = watch::channel(false);
        let mut lines: Vec<Line> = Vec::new();
        let mut modems = Vec::new();
        for (name, number, pin) in [
            ("front-desk", "+15550100000", opening.pin),
            (
                "spare",
                opening.spare_number.unwrap_or("+15550100001"),
                None,
            ),
        ] {
            let modem = SimulatedModem::start_in_memory(Settings {
                number: number.into(),
                pin: pin.map(str::to_owned),
                send_latency: opening.send_latency,
                ..Settings::default()
            });
            let modem = Arc::new(modem.unwrap());
            let (arrivals, arrived) = mpsc::channel(16);
            let inbound = Inbound::new(name.into(), desk.clone(), spool.clone());
            tasks.push(tokio::spawn(inbound.run(arrived, stopped.clone())));
            let settings = LineSettings::new(name, PortChoice::Auto);
            let socket = Socket(Arc::clone(&modem));
            let (records, recorded) = mpsc::channel(4);
            tasks.push(tokio::spawn(
                LineRecords::new(spool.clone(), name).run(recorded),
            ));
            let keepers = Keepers {
                records: Some(records),
                clock: clock.clone(),
                ..Keepers::default()
            };
            let line = start_on(socket, settings.clone(), arrivals, keepers);
            let outbound =
                Outbound::new(line.clone(), desk.clone(), spool.clone(), Duration::ZERO, 0);
            tasks.push(tokio::spawn(outbound.run(stopped.clone())));
            let calls = Calls::new(&line, desk.clone());
            tasks.push(tokio::spawn(calls.run(stopped.clone())));
            let care = Care::new(line.clone(), desk.clone(), spool.clone(), settings);
            tasks.push(tokio::spawn(care.run(stopped.clone())));
            let watched = (line.clone(), desk.clone(), spool.clone());
            let watching = watch_line(watched.0, watched.1, watched.2, stopped.clone());
            tasks.push(tokio::spawn(watching));
            modems.push(modem);
            lines.push(line);
        }
        let name = "front-desk".into();
        desk.amend(Amendment::AddLine { name }).await.unwrap();
        let driven = Lines::from(lines.clone());
        let router = web::router(Rooms {
            desk: desk.clone(),
            spool: spool.clone(),
            lines: driven.clone(),
            messengers: None,
            file_says: watch::channel(web::FileSays::default()).1,
            calling: web::Calling::default(),
            errands: Door::default(),
            settings: web::Settings {
                library: LIBRARY.into(),
                public_url: opening.public_url.map(str::to_owned),
                ..web::Settings::default()
            },
        });
        if let Some(phone) = opening.staff_phone {
            let settings = alerts::Settings {
                phones: vec![PatronNumber::kept(phone.into())],
                url: opening.public_url.map(str::to_owned),
                // The machine's own disk is not this story's.
                disk_free: 0,
                ..alerts::Settings::default()
            };
            let room = Alerts::open(settings, desk.clone(), spool.clone(), driven.clone());
            tasks.push(tokio::spawn(room.await.unwrap().run(stopped.clone())));
        }
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
            let settled =
                status.wait_for(|status| status.phase == Phase::Ready || status.wants_pin);
            tokio::time::timeout(PATIENCE, settled)
                .await
                .unwrap()
                .unwrap();
        }
        house
    }

    /// One request, with whatever it answers.
    pub async fn request(&self, method: &str, path: &str, token: &str, body: Sent) -> Answer {
        request(&self.router, method, path, token, body).await
    }

    /// Somebody with a page of the library's before them, where the widget `ask` stands.
    pub async fn visitor(&self) -> Visitor {
        let visit = self.request("POST", "/widget/ask/visit", "", Sent::Nothing);
        let visit = visit.await.is(201);
        Visitor {
            router: self.router.clone(),
            token: visit["token"].as_str().unwrap().to_owned(),
        }
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

/// What a request carries.
pub enum Sent {
    Nothing,
    Json(Value),
    Octets(Vec<u8>),
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub kind: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// The JSON of an answer that had to have this status.
    pub fn is(self, status: u16) -> Value {
        let said = serde_json::from_slice(&self.body).unwrap_or_default();
        assert_eq!(self.status, status, "{said}");
        said
    }
}

async fn request(router: &Router, method: &str, path: &str, token: &str, body: Sent) -> Answer {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "desk.elm.example");
    if !token.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let body = match body {
        Sent::Nothing => Body::empty(),
        Sent::Octets(octets) => Body::from(octets),
        Sent::Json(value) => {
            request = request.header(header::CONTENT_TYPE, "application/json");
            Body::from(value.to_string())
        }
    };
    let response = router
        .clone()
        .oneshot(request.body(body).unwrap())
        .await
        .unwrap();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let kind = kind.map_or("", |kind| kind.to_str().unwrap()).to_owned();
    Answer {
        status: response.status().as_u16(),
        kind,
        body: response
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .to_vec(),
    }
}

/// A browser in a library's page.
pub struct Visitor {
    router: Router,
    token: String,
}

impl Visitor {
    /// Says something, from this page.
    pub async fn says(&self, words: &str, page: &str, title: &str) -> Answer {
        let page = json!({ "url": page, "title": title });
        let body = json!({ "body": words, "client_id": words, "page": page });
        let path = "/widget/ask/messages";
        request(&self.router, "POST", path, &self.token, Sent::Json(body)).await
    }

    /// Reads on until the page was told so many messages; answers their words.
    pub async fn hears(&self, count: usize) -> Vec<String> {
        let request = Request::get("/widget/ask/events?after=0")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .body(Body::empty());
        let response = self.router.clone().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        let mut stream = response.into_body();
        let mut told = String::new();
        let heard = async {
            loop {
                let messages: Vec<String> = told
                    .split("\n\n")
                    .filter(|event| event.contains("event: message"))
                    .filter_map(|event| event.split_once("data: "))
                    .filter_map(|(_, data)| serde_json::from_str::<Value>(data).ok())
                    .map(|message| message["body"].as_str().unwrap().to_owned())
                    .collect();
                if messages.len() >= count {
                    return messages;
                }
                let frame = stream.frame().await.expect("the stream goes on").unwrap();
                if let Ok(data) = frame.into_data() {
                    told += std::str::from_utf8(&data).unwrap();
                }
            }
        };
        tokio::time::timeout(PATIENCE, heard).await.unwrap()
    }
}

pub struct Librarian {
    router: Router,
    token: String,
    /// The browser's event stream, while it lives.
    stream: Mutex<Option<JoinHandle<()>>>,
}

impl Librarian {
    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let path = format!("/api/v1{path}");
        let body = body.map_or(Sent::Nothing, Sent::Json);
        let answer = request(&self.router, method, &path, &self.token, body).await;
        let said = serde_json::from_slice(&answer.body).unwrap_or_default();
        (answer.status, said)
    }

    /// What the API answers that is no JSON.
    pub async fn text(&self, path: &str) -> String {
        let path = format!("/api/v1{path}");
        let answer = request(&self.router, "GET", &path, &self.token, Sent::Nothing).await;
        assert_eq!(answer.status, 200);
        String::from_utf8(answer.body).unwrap()
    }

    /// Attaches a file to a conversation; answers its link.
    pub async fn attaches(&self, id: &Value, name: &str, content: &[u8]) -> String {
        let path = format!("/api/v1/conversations/{id}/attachments?name={name}");
        let content = Sent::Octets(content.to_vec());
        let answer = request(&self.router, "POST", &path, &self.token, content).await;
        answer.is(201)["link"].as_str().unwrap().to_owned()
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call("GET", path, None).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Opens the console, and is available; answers what waits there, in words.
    pub async fn arrives(&self) -> String {
        let request = Request::get("/api/v1/events")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .body(Body::empty())
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        let mut body = response.into_body();
        let reading = tokio::spawn(async move { while body.frame().await.is_some() {} });
        *self.stream.lock().unwrap() = Some(reading);
        self.says("available").await
    }

    /// Says how they are.
    pub async fn says(&self, show: &str) -> String {
        let body = json!({ "show": show });
        let (status, answer) = self.call("PUT", "/presence", Some(body)).await;
        assert_eq!(status, 200, "{answer}");
        answer["waiting"].as_str().unwrap().to_owned()
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
