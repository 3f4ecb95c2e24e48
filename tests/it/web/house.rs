//! A library for a test: spool in a folder of its own, the router's owner, the surface.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Method, Request, StatusCode, header};
use callnumber::daemon::Owner;
use callnumber::daemon::calling::Calling;
use callnumber::desk::{self, Desk};
use callnumber::errands::{Chore, Door, Errand};
use callnumber::modem::port::{OpenError, Opened, Opener};
use callnumber::modem::{self, Keepers, LineSettings, Lines, PortChoice};
use callnumber::routing::{
    Amendment, ConversationId, DeliveryState, Event, GatewayId, Library, MessageId, Role,
};
use callnumber::simulator::{self, SimulatedModem};
use callnumber::spool::Spool;
use callnumber::texting::{Care, Inbound, LineRecords};
use callnumber::web::{self, Rooms, Settings};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::DuplexStream;
use tokio::sync::{mpsc, watch};
use tower::ServiceExt;

/// Nothing in a test takes longer than this.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The password of every operator of the house.
pub const PASSWORD: &str = "shelf mark";

/// Where its console is, as calls for help say it.
const DESK: &str = "https://desk.elm.example";

/// A modem that nobody has to plug in.
struct Socket(Arc<SimulatedModem>);

impl Opener for Socket {
    type Port = DuplexStream;

    async fn open(&mut self) -> Result<Opened<DuplexStream>, OpenError> {
        match self.0.open() {
            Some((port, path)) => Ok(Opened {
                port,
                path: Some(path),
            }),
            None => Err(OpenError::NoneFound),
        }
    }
}

pub struct House {
    pub desk: Desk,
    pub spool: Spool,
    pub lines: Lines,
    /// The modem of the line that is driven, where one is.
    pub modem: Option<Arc<SimulatedModem>>,
    pub router: Router,
    _folder: Arc<tempfile::TempDir>,
}

pub fn sha256(secret: &str) -> String {
    Sha256::digest(secret.as_bytes())
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect()
}

/// A hash that is quick to check: tests run unoptimised.
fn quick_hash(password: &str) -> String {
    let params = Params::new(8, 1, 1, None).unwrap();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password(password.as_bytes())
        .unwrap()
        .to_string()
}

/// Somebody who looks after the process: answers as the real one does, and does nothing.
fn caretaker() -> Door {
    let (errands, mut errand) = mpsc::channel::<Errand>(4);
    tokio::spawn(async move {
        while let Some(Errand { chore, answer }) = errand.recv().await {
            let said = match chore {
                Chore::Log { level, .. } if level == "loud" => {
                    Err("\"loud\" is no level".to_owned())
                }
                Chore::Log { level, .. } => {
                    Ok(json!({"filter": format!("callnumber={level},warn")}))
                }
                Chore::Reload => Ok(json!({"changed": ["[library]"], "needs_restart": ["[web]"]})),
                Chore::Examine => Ok(json!({"well": false, "findings": [
                    {"check": "clock", "line": null, "verdict": "ok",
                     "found": "2026-11-26 15:04 UTC, synchronised", "remedy": null},
                    {"check": "SIM", "line": "front-desk", "verdict": "failure",
                     "found": "the SIM asks for a PIN", "remedy": "Enter it under Lines"},
                    {"check": "signal", "line": "front-desk", "verdict": "warning",
                     "found": "-107 dBm, weak", "remedy": "Move the antenna to a window"},
                ]})),
                Chore::Stop => Ok(Value::Null),
            };
            let _ = answer.send(said);
        }
    });
    Door::new(Some(errands))
}

impl House {
    /// Queues `desk` (ana, ben) and `reference` (cara), one line feeding `desk`. Everyone has the
    /// same password and a token `token-NAME`.
    pub async fn open() -> Self {
        Self::open_with(Settings {
            library: "Elm Library".into(),
            ..Settings::default()
        })
        .await
    }

    pub async fn open_with(settings: Settings) -> Self {
        Self::open_on(settings, |_, _| Lines::default()).await
    }

    /// The same with a line at work, whose SIM waits for this PIN.
    pub async fn open_driving(settings: Settings, pin: &str) -> Self {
        let modem = SimulatedModem::start_in_memory(simulator::Settings {
            pin: Some(pin.to_owned()),
            ..simulator::Settings::default()
        });
        let modem = Arc::new(modem.unwrap());
        let socket = Socket(Arc::clone(&modem));
        let mut house = Self::open_on(settings, |desk, spool| {
            let (arrivals, arrived) = mpsc::channel(16);
            let (records, recorded) = mpsc::channel(4);
            let keepers = Keepers {
                records: Some(records),
                ..Keepers::default()
            };
            tokio::spawn(LineRecords::new(spool.clone(), "front-desk").run(recorded));
            let settings = LineSettings::new("front-desk", PortChoice::Auto);
            let line = modem::start_on(socket, settings.clone(), arrivals, keepers);
            let inbound = Inbound::new(line.name.clone(), desk.clone(), spool.clone());
            let care = Care::new(line.clone(), desk.clone(), spool.clone(), settings);
            tokio::spawn(async move {
                // Both end with the test's runtime: nobody tells them to stop.
                let (_stop, stopped) = watch::channel(false);
                tokio::join!(inbound.run(arrived, stopped.clone()), care.run(stopped));
            });
            Lines::from(vec![line])
        })
        .await;
        let mut status = house.lines.first().unwrap().status();
        let asked = status.wait_for(|status| status.wants_pin);
        tokio::time::timeout(PATIENCE, asked)
            .await
            .unwrap()
            .unwrap();
        house.modem = Some(modem);
        house
    }

    async fn open_on(settings: Settings, drive: impl FnOnce(&Desk, &Spool) -> Lines) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(&folder.path().join("spool.db")).unwrap();
        let (desk, counter) = desk::open();
        let library = Library {
            name: "Elm Library".into(),
            ..Library::default()
        };
        let owner = Owner::open(spool.clone(), library, counter).await.unwrap();
        tokio::spawn(owner.run(std::future::pending()));
        let lines = drive(&desk, &spool);
        let (room, calling, _) = Calling::new(
            desk.clone(),
            spool.clone(),
            lines.clone(),
            Some(DESK.into()),
        );
        // Ends with the test's runtime: nobody tells it to stop.
        tokio::spawn(async move {
            let (_stop, stopped) = watch::channel(false);
            room.run(stopped).await;
        });
        let errands = caretaker();
        let router = web::router(Rooms {
            desk: desk.clone(),
            spool: spool.clone(),
            lines: lines.clone(),
            messengers: None,
            file_says: watch::channel(web::FileSays::default()).1,
            calling,
            errands,
            settings,
        });
        let house = Self {
            desk,
            spool,
            lines,
            modem: None,
            router,
            _folder: Arc::new(folder),
        };
        house
            .amend(Amendment::AddLine {
                name: "front-desk".into(),
            })
            .await;
        house
            .amend(Amendment::AddQueue {
                name: "reference".into(),
            })
            .await;
        for (name, queue) in [("ana", "desk"), ("ben", "desk"), ("cara", "reference")] {
            house.hire(name, queue).await;
        }
        house
    }

    pub async fn hire(&self, name: &str, queue: &str) {
        self.hire_as(name, queue, Role::Operator).await;
    }

    /// Somebody who also arranges the desk.
    pub async fn hire_admin(&self, name: &str) {
        self.hire_as(name, "desk", Role::Admin).await;
    }

    async fn hire_as(&self, name: &str, queue: &str, role: Role) {
        self.amend(Amendment::AddOperator {
            name: name.into(),
            password_hash: Some(quick_hash(PASSWORD)),
            role,
            queues: vec![queue.into()],
        })
        .await;
        self.amend(Amendment::AddToken {
            operator: name.into(),
            token_hash: sha256(&format!("token-{name}")),
            label: None,
        })
        .await;
    }

    pub async fn promote(&self, name: &str, role: Role) {
        self.amend(Amendment::SetOperator {
            name: name.into(),
            password_hash: None,
            role: Some(role),
            queues: None,
        })
        .await;
    }

    pub async fn amend(&self, amendment: Amendment) {
        self.desk.amend(amendment).await.unwrap();
    }

    /// A patron's text arrives.
    pub async fn text(&self, from: &str, body: &str) -> ConversationId {
        self.text_stamped(from, body, None).await
    }

    pub async fn text_stamped(
        &self,
        from: &str,
        body: &str,
        stamped_at: Option<jiff::Timestamp>,
    ) -> ConversationId {
        let receipt = self
            .desk
            .ask(Event::TextArrived {
                gateway: GatewayId(1),
                from: from.into(),
                body: body.into(),
                stamped_at,
            })
            .await
            .unwrap();
        receipt.conversation.expect("the text is in a thread").id
    }

    /// A patron's telephone says that they tapped one of our texts: it is in no thread by itself.
    pub async fn taps(&self, from: &str, body: &str) {
        let event = Event::TextArrived {
            gateway: GatewayId(1),
            from: from.into(),
            body: body.into(),
            stamped_at: None,
        };
        self.desk.ask(event).await.unwrap();
    }

    /// The line says what became of a message.
    pub async fn delivery(
        &self,
        conversation: ConversationId,
        message: i64,
        state: DeliveryState,
        reason: Option<&str>,
    ) {
        self.desk
            .ask(Event::Delivery {
                message: MessageId(message),
                conversation,
                state,
                reason: reason.map(str::to_owned),
            })
            .await
            .unwrap();
    }

    /// Somebody with a token.
    pub fn with_token(&self, name: &str) -> Client {
        Client {
            router: self.router.clone(),
            authorization: Some(format!("Bearer token-{name}")),
            cookie: None,
        }
    }

    /// Somebody nobody knows.
    pub fn anonymous(&self) -> Client {
        Client {
            router: self.router.clone(),
            authorization: None,
            cookie: None,
        }
    }

    /// Somebody who signed in with name and password.
    pub async fn with_session(&self, name: &str) -> Client {
        let answer = self
            .anonymous()
            .post("/session", json!({"name": name, "password": PASSWORD}))
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.json);
        Client {
            router: self.router.clone(),
            authorization: None,
            cookie: answer.cookie(),
        }
    }
}

#[derive(Clone)]
pub struct Client {
    pub router: Router,
    pub authorization: Option<String>,
    pub cookie: Option<String>,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: axum::http::HeaderMap,
    pub body: Bytes,
    pub json: Value,
}

impl Answer {
    /// The cookie to send back.
    pub fn cookie(&self) -> Option<String> {
        let set = self.headers.get(header::SET_COOKIE)?.to_str().unwrap();
        Some(set.split(';').next().unwrap().to_owned())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// A problem with a detail somebody can act on.
    #[track_caller]
    pub fn is_problem(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(
            self.headers[header::CONTENT_TYPE],
            "application/problem+json",
            "{}",
            self.text()
        );
        assert_eq!(self.json["status"], status);
        let detail = self.json["detail"].as_str().unwrap();
        assert!(detail.len() > 12, "not much of a detail: {detail}");
        self
    }

    #[track_caller]
    pub fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }
}

impl Client {
    pub fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "desk.test");
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        request
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = tokio::time::timeout(PATIENCE, self.router.clone().oneshot(request))
            .await
            .expect("an answer within the time allowed")
            .unwrap();
        let (parts, body) = response.into_parts();
        let body = tokio::time::timeout(PATIENCE, body.collect())
            .await
            .expect("a whole answer within the time allowed")
            .unwrap()
            .to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            json: serde_json::from_slice(&body).unwrap_or(Value::Null),
            body,
        }
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = self.request(method, &format!("/api/v1{path}"));
        let request = match body {
            Some(body) => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        };
        self.send(request.unwrap()).await
    }

    /// Sends TOML where the operation takes that.
    pub async fn call_toml(&self, method: Method, path: &str, body: impl Into<Body>) -> Answer {
        let request = self
            .request(method, &format!("/api/v1{path}"))
            .header(header::CONTENT_TYPE, "application/toml")
            .body(body.into());
        self.send(request.unwrap()).await
    }

    /// Calls an operation with a body of the kind it is described with: TOML, or JSON.
    pub async fn call_described(
        &self,
        operation: &Value,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let toml = operation.pointer("/requestBody/content/application~1toml");
        match (toml, body) {
            (Some(_), Some(Value::String(text))) => self.call_toml(method, path, text).await,
            (_, body) => self.call(method, path, body).await,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path, Some(body)).await
    }

    /// Opens the live feed.
    pub async fn follow(&self, last_event_id: Option<&str>) -> Feed {
        self.open_feed("/api/v1/events", last_event_id).await
    }

    /// Opens another feed.
    pub async fn follow_at(&self, path: &str) -> Feed {
        self.open_feed(path, None).await
    }

    async fn open_feed(&self, path: &str, last_event_id: Option<&str>) -> Feed {
        let mut request = self.request(Method::GET, path);
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = self
            .router
            .clone()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        Feed {
            body: response.into_body(),
            text: String::new(),
            last: last_event_id.unwrap_or_default().to_owned(),
        }
    }
}

/// A stream of events.
pub struct Feed {
    body: Body,
    text: String,
    /// The last id seen.
    pub last: String,
}

#[derive(Debug, Clone)]
pub struct Told {
    pub event: String,
    pub id: Option<i64>,
    pub data: Value,
}

impl Feed {
    /// The next event; `None` when the stream ended.
    pub async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                if let Some(told) = self.parse(&block) {
                    return Some(told);
                }
                continue;
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame())
                .await
                .expect("an event within the time allowed")?;
            let data = frame.unwrap().into_data().unwrap();
            self.text.push_str(std::str::from_utf8(&data).unwrap());
        }
    }

    fn parse(&mut self, block: &str) -> Option<Told> {
        let mut told = Told {
            event: String::new(),
            id: None,
            data: Value::Null,
        };
        for line in block.lines() {
            match line.split_once(": ") {
                Some(("event", event)) => told.event = event.into(),
                Some(("id", id)) => {
                    told.id = Some(id.parse().unwrap());
                    self.last = id.into();
                }
                Some(("data", data)) => told.data = serde_json::from_str(data).unwrap(),
                _ => {}
            }
        }
        (!told.event.is_empty()).then_some(told)
    }

    /// The next event for which `wanted` holds.
    pub async fn until(&mut self, wanted: impl Fn(&Told) -> bool) -> Told {
        loop {
            let told = self.next().await.expect("the stream goes on");
            if wanted(&told) {
                return told;
            }
        }
    }
}
