//! Operators and chat patrons through a real Prosody, with a client that reads XML with its own
//! eyes.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::net::TcpListener as StdListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use callnumber::daemon::{House, HouseSettings};
use callnumber::routing::{
    Amendment, ConversationState, DeliveryState, Event, GatewayId, GatewayKind, Library, Role,
};
use callnumber::spool::transcript::{self, Entry, Listing};
use callnumber::xmpp::{self, LinkError, PatronStyle, Standing};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);
const SECRET: &str = "a shared secret";

fn free_port() -> u16 {
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A Prosody of our own, on loopback, in a folder of its own.
struct Prosody {
    child: Option<Child>,
    folder: TempDir,
    clients: u16,
    components: u16,
}

impl Prosody {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut prosody = Self {
            child: None,
            clients: free_port(),
            components: free_port(),
            folder,
        };
        let data = prosody.folder.path().join("data");
        let accounts = data.join("example%2eorg/accounts");
        std::fs::create_dir_all(&accounts).unwrap();
        for name in ["ana", "ben", "pat", "eve"] {
            let account = "return { [\"password\"] = \"pw\" };\n";
            std::fs::write(accounts.join(format!("{name}.dat")), account).unwrap();
        }
        let config = format!(
            r#"
run_as_root = true
daemonize = false
pidfile = "{folder}/prosody.pid"
data_path = "{folder}/data"
log = {{ info = "{folder}/log" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {clients} }}
s2s_ports = {{ }}
http_ports = {{ }}
https_ports = {{ }}
component_ports = {{ {components} }}
component_interfaces = {{ "127.0.0.1" }}
modules_enabled = {{ "roster"; "saslauth"; "disco"; "ping"; "carbons"; "blocklist" }}
modules_disabled = {{ "offline"; "s2s"; "tls" }}
authentication = "internal_plain"
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
VirtualHost "example.org"
Component "desk.example.org"
  component_secret = "{SECRET}"
  component_conflict_resolve = "kick_old"
"#,
            folder = prosody.folder.path().display(),
            clients = prosody.clients,
            components = prosody.components,
        );
        std::fs::write(prosody.folder.path().join("prosody.cfg.lua"), config).unwrap();
        prosody.run().await;
        prosody
    }

    async fn run(&mut self) {
        let child = Command::new("prosody")
            .arg("--config")
            .arg(self.folder.path().join("prosody.cfg.lua"))
            .arg("-F")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prosody is installed: tests/run does it");
        self.child = Some(child);
        let up = async {
            for port in [self.clients, self.components] {
                while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        };
        timeout(PATIENCE, up).await.expect("prosody comes up");
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    fn settings(&self, secret: &str, domain: &str) -> xmpp::Settings {
        xmpp::Settings {
            domain: domain.into(),
            server: format!("127.0.0.1:{}", self.components),
            secret: secret.into(),
            patrons: PatronStyle::Token,
        }
    }
}

impl Drop for Prosody {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A client that sees stanzas as text.
struct Messenger {
    socket: TcpStream,
    buffer: String,
    resource: String,
    /// Stanzas that came while something else was looked for.
    seen: Vec<String>,
}

impl Messenger {
    async fn connect(prosody: &Prosody, user: &str, resource: &str) -> Self {
        let socket = TcpStream::connect(("127.0.0.1", prosody.clients))
            .await
            .unwrap();
        let mut client = Self {
            socket,
            buffer: String::new(),
            resource: resource.into(),
            seen: Vec::new(),
        };
        let header = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='example.org' version='1.0'>";
        client.send(header).await;
        client.until_raw("</stream:features>").await;
        let secret = base64(format!("\0{user}\0pw").as_bytes());
        client
            .send(&format!(
                "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{secret}</auth>"
            ))
            .await;
        client.until_raw("<success").await;
        client.buffer.clear();
        client.send(header).await;
        client.until_raw("</stream:features>").await;
        client.buffer.clear();
        client
            .send(&format!(
                "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>{resource}</resource></bind></iq>"
            ))
            .await;
        client.expect(&["id='bind'", "result"]).await;
        client
    }

    async fn send(&mut self, text: &str) {
        timeout(PATIENCE, self.socket.write_all(text.as_bytes()))
            .await
            .expect("the server takes it")
            .unwrap();
    }

    async fn fill(&mut self) -> bool {
        let mut chunk = [0; 16 * 1024];
        let count = self.socket.read(&mut chunk).await.unwrap_or(0);
        self.buffer
            .push_str(&String::from_utf8_lossy(&chunk[..count]));
        count > 0
    }

    async fn until_raw(&mut self, text: &str) {
        let found = async {
            while !self.buffer.contains(text) {
                assert!(self.fill().await, "hung up: {}", self.buffer);
            }
        };
        timeout(PATIENCE, found).await.expect(text);
    }

    async fn next(&mut self) -> String {
        loop {
            if let Some(end) = stanza_end(&self.buffer) {
                let stanza: String = self.buffer.drain(..end).collect();
                let stanza = stanza.replace('"', "'");
                // Clients answer pings.
                if stanza.contains("urn:xmpp:ping") && stanza.contains("type='get'") {
                    let pong = format!(
                        "<iq type='result' to='{}' id='{}'/>",
                        attribute(&stanza, "from"),
                        attribute(&stanza, "id")
                    );
                    self.send(&pong).await;
                    continue;
                }
                return stanza;
            }
            assert!(self.fill().await, "hung up: {}", self.buffer);
        }
    }

    /// The first stanza that holds all of this.
    async fn expect(&mut self, parts: &[&str]) -> String {
        let fits = |stanza: &String| parts.iter().all(|part| stanza.contains(part));
        if let Some(at) = self.seen.iter().position(fits) {
            return self.seen.remove(at);
        }
        let found = async {
            loop {
                let stanza = self.next().await;
                if fits(&stanza) {
                    return stanza;
                }
                self.seen.push(stanza);
            }
        };
        let found = timeout(PATIENCE, found).await;
        found.unwrap_or_else(|_| panic!("{}: no {parts:?} among {:#?}", self.resource, self.seen))
    }

    async fn sign_in(&mut self) {
        self.send("<presence/><presence to='desk@desk.example.org'/>")
            .await;
        self.expect(&["<presence", "from='desk@desk.example.org'", "1 librarian"])
            .await;
    }

    /// Reads texts until so many different ones are there; says how many copies came.
    async fn reads_until(&mut self, read: &mut BTreeSet<String>, count: usize) -> usize {
        let mut copies = 0;
        let flood = async {
            while read.len() < count {
                let stanza = match self.seen.is_empty() {
                    true => self.next().await,
                    false => self.seen.remove(0),
                };
                let words = body(&stanza);
                if words.starts_with("text ") {
                    read.insert(words.to_owned());
                    copies += 1;
                }
            }
        };
        let flowing = timeout(PATIENCE * 3, flood).await;
        flowing.unwrap_or_else(|_| panic!("only {} of {count} texts came", read.len()));
        copies
    }

    /// Until an address answers at all.
    async fn waits_for(&mut self, address: &str) {
        let answered = async {
            for n in 0.. {
                self.send(&format!(
                    "<iq to='{address}' id='there-{n}' type='get'><ping xmlns='urn:xmpp:ping'/></iq>"
                ))
                .await;
                let answer = self.expect(&[&format!("id='there-{n}'")]).await;
                if answer.contains("type='result'") {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(PATIENCE, answered).await.expect(address);
    }

    async fn says(&mut self, to: &str, id: &str, words: &str) {
        self.send(&format!(
            "<message to='{to}' id='{id}' type='chat'><body>{words}</body><request xmlns='urn:xmpp:receipts'/></message>"
        ))
        .await;
    }
}

fn attribute(stanza: &str, name: &str) -> String {
    let key = format!(" {name}='");
    let from = stanza
        .find(&key)
        .unwrap_or_else(|| panic!("{name}: {stanza}"))
        + key.len();
    stanza[from..].split('\'').next().unwrap().to_owned()
}

fn body(stanza: &str) -> &str {
    let (_, rest) = stanza.split_once("<body>").unwrap_or_default();
    rest.split("</body>").next().unwrap_or_default()
}

/// Where the first whole element ends.
fn stanza_end(text: &str) -> Option<usize> {
    let (mut depth, mut quote, mut tag) = (0_i32, None, None);
    for (at, c) in text.char_indices() {
        match (quote, tag, c) {
            (Some(q), _, c) if c == q => quote = None,
            (Some(_), _, _) => {}
            (None, Some(_), '\'' | '"') => quote = Some(c),
            (None, None, '<') => tag = Some(at),
            (None, Some(start), '>') => {
                let inside = &text[start..=at];
                tag = None;
                if inside.starts_with("</") {
                    depth -= 1;
                } else if !inside.ends_with("/>") {
                    depth += 1;
                }
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes
        .chunks(3)
        .map(|chunk| {
            let n = (0..3).fold(0_usize, |n, i| {
                n << 8 | usize::from(chunk.get(i).copied().unwrap_or(0))
            });
            (0..4)
                .map(|i| match i <= chunk.len() {
                    true => char::from(LETTERS[n >> (18 - 6 * i) & 63]),
                    false => '=',
                })
                .collect::<String>()
        })
        .collect()
}

/// A library with one desk, two librarians and a line that nobody drives.
struct Desk {
    house: House,
    line: GatewayId,
    _folder: TempDir,
}

async fn open(spool: &Path, settings: xmpp::Settings) -> House {
    let library = Library {
        name: "Elm".into(),
        ..Library::default()
    };
    let settings = HouseSettings {
        xmpp: Some(settings),
        ..HouseSettings::quiet(spool.to_owned(), library)
    };
    House::open(settings).await.unwrap()
}

impl Desk {
    async fn open(prosody: &Prosody) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let spool = folder.path().join("spool.db");
        let house = open(&spool, prosody.settings(SECRET, "desk.example.org")).await;
        let desk = house.desk();
        let mut amendments = vec![
            Amendment::AddLine {
                name: "front-desk".into(),
            },
            Amendment::AddGateway {
                name: "chat".into(),
                kind: GatewayKind::Im,
                queue: "desk".into(),
                line: None,
                policy: None,
            },
        ];
        for name in ["ana", "ben"] {
            amendments.push(Amendment::AddOperator {
                name: name.into(),
                password_hash: None,
                role: Role::Operator,
                queues: vec!["desk".into()],
            });
            amendments.push(Amendment::SetAddresses {
                operator: name.into(),
                jids: vec![format!("{name}@example.org")],
            });
        }
        for amendment in amendments {
            desk.amend(amendment).await.unwrap();
        }
        let board = desk.board();
        let line = board.borrow().plan.gateway_named("front-desk").unwrap().id;
        let desk = Self {
            house,
            line,
            _folder: folder,
        };
        desk.linked(|standing| *standing == Standing::Up).await;
        desk
    }

    async fn linked(&self, wanted: impl Fn(&Standing) -> bool) {
        let mut standing = self.house.messengers().unwrap().clone();
        timeout(PATIENCE, standing.wait_for(wanted))
            .await
            .expect("the link stands so")
            .unwrap();
    }

    async fn texts(&self, number: &str, words: &str) {
        let event = Event::TextArrived {
            gateway: self.line,
            from: number.into(),
            body: words.into(),
            stamped_at: None,
        };
        self.house.desk().ask(event).await.unwrap();
    }

    /// Bodies and states of everything that went out to anybody.
    async fn sent(&self) -> Vec<(String, DeliveryState)> {
        let read = self.house.spool().read(|c| {
            let listing = Listing {
                states: vec![
                    ConversationState::Held,
                    ConversationState::Waiting,
                    ConversationState::Claimed,
                    ConversationState::Closed,
                ],
                queues: None,
                after: None,
                limit: 10_000,
            };
            let mut sent = Vec::new();
            for listed in transcript::list(c, &listing)? {
                for entry in transcript::thread(c, listed.conversation.id, None, 1000)? {
                    if let Entry::Message(message) = entry
                        && message.client_id.is_some()
                    {
                        sent.push((message.body, message.state));
                    }
                }
            }
            Ok(sent)
        });
        read.await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_answered_from_a_client_and_the_receipt_waits_for_the_network() {
    let prosody = Prosody::start().await;
    let desk = Desk::open(&prosody).await;
    desk.texts("+15551230100", "Is my book in?").await;

    let mut ana = Messenger::connect(&prosody, "ana", "gajim").await;
    ana.sign_in().await;
    let text = ana.expect(&["Is my book in?"]).await;
    let patron = attribute(&text, "from");
    assert!(
        patron.starts_with('~') && patron.ends_with("@desk.example.org/desk"),
        "{text}"
    );
    assert!(
        !text.contains("5551230100"),
        "no number leaves the box: {text}"
    );
    assert!(text.contains("<thread>") && text.contains("nick"), "{text}");

    let mut changes = desk.house.desk().changes();
    ana.says(&patron, "r1", "Yes, at the desk.").await;
    // A client that resumes sends it again: the same message.
    ana.says(&patron, "r1", "Yes, at the desk.").await;
    ana.says(&patron, "r2", "Until six.").await;
    let both = async {
        let mut messages = Vec::new();
        while messages.len() < 2 {
            if let callnumber::desk::What::Message(message, _) = &changes.recv().await.unwrap().what
                && message.client_id.is_some()
            {
                messages.push((message.id, message.conversation));
            }
        }
        messages
    };
    let messages = timeout(PATIENCE, both).await.unwrap();
    let sent = desk.sent().await;
    assert_eq!(
        sent.iter()
            .map(|(body, _)| body.as_str())
            .collect::<Vec<_>>(),
        ["Yes, at the desk.", "Until six."]
    );

    // The network reports the first and refuses the second.
    for ((message, conversation), state, reason) in [
        (messages[0], DeliveryState::Sent, None),
        (messages[0], DeliveryState::Delivered, None),
        (
            messages[1],
            DeliveryState::Failed,
            Some("no credit".to_owned()),
        ),
    ] {
        let event = Event::Delivery {
            message,
            conversation,
            state,
            reason,
        };
        desk.house.desk().ask(event).await.unwrap();
    }
    let receipt = ana.expect(&["urn:xmpp:receipts", "received"]).await;
    assert!(receipt.contains("id='r1'"), "{receipt}");
    let failure = ana.expect(&["type='error'", "id='r2'"]).await;
    assert!(
        failure.contains("Until six.") && failure.contains("no credit"),
        "{failure}"
    );
    desk.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_answer_claims_and_the_loser_keeps_the_words() {
    let prosody = Prosody::start().await;
    let desk = Desk::open(&prosody).await;
    let mut ana = Messenger::connect(&prosody, "ana", "one").await;
    ana.sign_in().await;
    let mut ben = Messenger::connect(&prosody, "ben", "two").await;
    ben.send("<presence/><presence to='desk@desk.example.org'/>")
        .await;
    ben.expect(&["<presence", "librarian"]).await;
    // Until the desk has both on duty.
    let mut board = desk.house.desk().board();
    timeout(PATIENCE, board.wait_for(|board| board.shows.len() == 2))
        .await
        .unwrap()
        .unwrap();

    desk.texts("+15551230100", "Do you lend saws?").await;
    let patron = attribute(&ana.expect(&["Do you lend saws?"]).await, "from");
    assert_eq!(
        attribute(&ben.expect(&["Do you lend saws?"]).await, "from"),
        patron
    );
    ana.says(&patron, "a1", "We do.").await;
    ben.expect(&["/me answered by ana"]).await;
    ben.says(&patron, "b1", "I believe so.").await;
    let lost = ben.expect(&["type='error'", "id='b1'"]).await;
    assert!(
        lost.contains("conflict") && lost.contains("answered by ana"),
        "{lost}"
    );
    assert_eq!(body(&lost), "I believe so.");
    assert_eq!(desk.sent().await.len(), 1);

    // Commands, both dresses.
    ana.says("desk@desk.example.org", "c1", "!who").await;
    let who = ana.expect(&["<body>desk: "]).await;
    assert!(
        body(&who).contains("ana") && body(&who).contains("ben"),
        "{who}"
    );
    ana.send("<iq type='set' id='c2' to='desk@desk.example.org'><command xmlns='http://jabber.org/protocol/commands' node='waiting' action='execute'/></iq>").await;
    let waiting = ana.expect(&["id='c2'"]).await;
    assert!(
        waiting.contains("completed") && waiting.contains("yours"),
        "{waiting}"
    );
    ana.says(&patron, "c3", "!close").await;
    ana.expect(&["type='error'", "id='c3'", "the patron got nothing"])
        .await;
    ana.says("desk@desk.example.org", "c4", "!close").await;
    ana.expect(&["It is closed."]).await;
    desk.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_patron_is_answered_from_the_desk_and_sees_no_librarian() {
    let prosody = Prosody::start().await;
    let desk = Desk::open(&prosody).await;
    let mut pat = Messenger::connect(&prosody, "pat", "phone").await;
    pat.send("<presence/>").await;
    pat.says("desk@desk.example.org", "p1", "Hello?").await;
    pat.expect(&["urn:xmpp:receipts", "id='p1'"]).await;

    let mut ana = Messenger::connect(&prosody, "ana", "gajim").await;
    ana.sign_in().await;
    let text = ana.expect(&["Hello?"]).await;
    assert!(
        !text.contains("pat@"),
        "the patron's address stays with the desk: {text}"
    );
    ana.says(&attribute(&text, "from"), "r1", "Good morning.")
        .await;
    let reply = pat.expect(&["Good morning."]).await;
    assert_eq!(attribute(&reply, "from"), "desk@desk.example.org");
    assert!(!reply.contains("ana"), "{reply}");
    pat.send(&format!(
        "<message to='desk@desk.example.org'><received xmlns='urn:xmpp:receipts' id='{}'/></message>",
        attribute(&reply, "id")
    ))
    .await;
    ana.expect(&["urn:xmpp:receipts", "id='r1'"]).await;
    desk.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_link_says_why() {
    let prosody = Prosody::start().await;
    for (secret, domain, wanted) in [
        ("wrong", "desk.example.org", "secret"),
        (SECRET, "other.example.org", "serve"),
    ] {
        let server = format!("127.0.0.1:{}", prosody.components);
        let error = xmpp::check(domain, &server, secret).await.unwrap_err();
        assert!(error.to_string().contains(wanted), "{error}");
    }
    let nobody = format!("127.0.0.1:{}", free_port());
    let error = xmpp::check("desk.example.org", &nobody, SECRET)
        .await
        .unwrap_err();
    assert!(matches!(error, LinkError::Unreachable { .. }), "{error}");
}

/// Who dies in the middle of a flood.
#[derive(Clone, Copy, PartialEq)]
enum Victim {
    Server,
    Client,
}

/// Each death may double what was without proof then: the window, and what was on its way.
const DOUBLED_MAX: usize = 200;

async fn nothing_held_is_lost_when_it_dies(victim: Victim) {
    const TEXTS: usize = 400;
    let mut prosody = Prosody::start().await;
    let desk = Desk::open(&prosody).await;
    for n in 0..TEXTS {
        desk.texts(&format!("+1555123{n:04}"), &format!("text {n}."))
            .await;
    }
    let mut read = BTreeSet::new();
    let mut copies = 0;
    for stop_at in [60, 210, TEXTS] {
        let mut ana = Messenger::connect(&prosody, "ana", "gajim").await;
        ana.send("<presence/><presence to='desk@desk.example.org'/>")
            .await;
        copies += ana.reads_until(&mut read, stop_at).await;
        if stop_at < TEXTS && victim == Victim::Server {
            prosody.kill();
            desk.linked(|standing| matches!(standing, Standing::Down(_)))
                .await;
            prosody.run().await;
            desk.linked(|standing| *standing == Standing::Up).await;
        }
        // The client hangs up without a word either way.
    }
    assert!(
        copies <= TEXTS + 2 * DOUBLED_MAX,
        "{copies} copies of {TEXTS} texts"
    );
    desk.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_loses_no_held_text() {
    nothing_held_is_lost_when_it_dies(Victim::Server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_client_loses_no_held_text() {
    nothing_held_is_lost_when_it_dies(Victim::Client).await;
}

/// The daemon as it is installed.
struct Daemon(Child);

impl Daemon {
    fn start(config: &Path) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_callnumber"))
            .args(["run", "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // SIGKILL: it has no time for anything.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_daemon_loses_no_held_text_and_finds_its_librarian_again() {
    const TEXTS: usize = 300;
    let prosody = Prosody::start().await;
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool.db");
    let library = Library::default();
    let house = House::open(HouseSettings::quiet(spool.clone(), library))
        .await
        .unwrap();
    let desk = house.desk();
    desk.amend(Amendment::AddLine {
        name: "front-desk".into(),
    })
    .await
    .unwrap();
    desk.amend(Amendment::AddOperator {
        name: "ana".into(),
        password_hash: None,
        role: Role::Operator,
        queues: vec!["desk".into()],
    })
    .await
    .unwrap();
    let gateway = {
        let board = desk.board();
        let board = board.borrow();
        board.plan.gateway_named("front-desk").unwrap().id
    };
    for n in 0..TEXTS {
        desk.ask(Event::TextArrived {
            gateway,
            from: format!("+1555123{n:04}"),
            body: format!("text {n}."),
            stamped_at: None,
        })
        .await
        .unwrap();
    }
    house.close().await;

    let secret = folder.path().join("secret");
    std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
    let config = folder.path().join("callnumber.toml");
    std::fs::write(
        &config,
        format!(
            "[web]\nlisten = \"127.0.0.1:{}\"\n[spool]\npath = {spool:?}\n[xmpp.component]\n\
             domain = \"desk.example.org\"\nserver = \"127.0.0.1:{}\"\nsecret_file = {secret:?}\n",
            free_port(),
            prosody.components
        ),
    )
    .unwrap();
    let command = Command::new(env!("CARGO_BIN_EXE_callnumber"))
        .args([
            "operator",
            "set",
            "ana",
            "--xmpp",
            "Ana@example.org",
            "--config",
        ])
        .arg(&config)
        .output()
        .unwrap();
    assert!(command.status.success(), "{command:?}");

    let mut ana = Messenger::connect(&prosody, "ana", "gajim").await;
    ana.send("<presence/>").await;
    let mut read = BTreeSet::new();
    let mut copies = 0;
    for (round, stop_at) in [80, 180, TEXTS].into_iter().enumerate() {
        let daemon = Daemon::start(&config);
        if round == 0 {
            ana.waits_for("desk@desk.example.org").await;
            // A friendship both ways: from now on the server itself says who is there.
            ana.send("<presence to='desk@desk.example.org' type='subscribe'/>")
                .await;
            ana.expect(&["type='subscribe'", "from='desk@desk.example.org'"])
                .await;
            ana.send("<presence to='desk@desk.example.org' type='subscribed'/>")
                .await;
        }
        copies += ana.reads_until(&mut read, stop_at).await;
        drop(daemon);
    }
    assert!(
        copies <= TEXTS + 2 * DOUBLED_MAX,
        "{copies} copies of {TEXTS} texts"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_stanzas_reach_nobody_and_end_nothing() {
    let prosody = Prosody::start().await;
    let desk = Desk::open(&prosody).await;
    let mut ana = Messenger::connect(&prosody, "ana", "gajim").await;
    ana.sign_in().await;
    desk.texts("+15551230100", "First.").await;
    let patron = attribute(&ana.expect(&["First."]).await, "from");
    let mut eve = Messenger::connect(&prosody, "eve", "x").await;
    eve.send("<presence/>").await;

    let deep = format!("{}{}", "<x>".repeat(120), "</x>".repeat(120));
    let long = "a".repeat(60_000);
    let queue = "desk@desk.example.org";
    let q = queue;
    let p = patron.as_str();
    let table: Vec<String> = vec![
        format!("<presence to='{q}'><show>online</show></presence>"),
        format!("<presence to='{q}'><show>away</show><show>dnd</show></presence>"),
        format!("<presence to='{q}'><priority>300</priority></presence>"),
        format!("<presence to='{q}'><priority>high</priority></presence>"),
        format!("<presence to='{q}' type='bogus'/>"),
        format!("<presence to='{p}' type='subscribe'/>"),
        "<presence to='nobody@desk.example.org' type='subscribe'/>".into(),
        format!("<presence to='{q}' type='unsubscribed'/>"),
        format!("<presence to='{p}' type='probe'/>"),
        format!("<message to='{p}' id='1' type='chat'><body>stranger</body></message>"),
        format!("<message to='{p}' id='2'><body>stranger</body></message>"),
        format!("<message to='{p}' id='3' type='nonsense'><body>stranger</body></message>"),
        format!("<message to='{p}' id='4' type='groupchat'><body>stranger</body></message>"),
        format!("<message to='{p}' id='5' type='headline'><body>stranger</body></message>"),
        format!("<message to='{p}' id='6' type='error'><body>stranger</body></message>"),
        format!("<message to='{q}' id='7'><thread>a</thread><thread>b</thread></message>"),
        format!("<message to='{q}' id='8' type='groupchat'><body>stranger</body></message>"),
        format!("<message to='{q}' id='9'>{deep}</message>"),
        format!("<message to='{q}' id='{long}'><body>stranger</body></message>"),
        format!("<message to='{q}' id='11'><body>{long}</body></message>"),
        format!("<message to='{q}' id='12'><body>   </body></message>"),
        format!("<message to='{q}' id='13'><body>x</body><encrypted xmlns='eu.siacs.conversations.axolotl'/></message>"),
        format!("<message to='{q}' id='14'><body>x</body><encryption xmlns='urn:xmpp:eme:0' namespace='z'/></message>"),
        format!("<message to='{q}' id='15'><body>x</body><replace xmlns='urn:xmpp:message-correct:0' id='1'/></message>"),
        format!("<message to='{q}' id='16'><received xmlns='urn:xmpp:receipts' id='text-1'/></message>"),
        format!("<message to='{q}' id='17'><received xmlns='urn:xmpp:receipts' id='chat-99999999999999999999'/></message>"),
        format!("<message to='{q}' id='18'><received xmlns='urn:xmpp:receipts' id='chat-1'/></message>"),
        format!("<message to='{p}' id='text-1' type='error'><error type='cancel'/></message>"),
        format!("<message to='{q}' id='chat-1' type='error'/>"),
        format!("<message to='{q}' id='19'><sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='ana@example.org/gajim' to='{p}'><body>forged</body></message></forwarded></sent><body>forged</body></message>"),
        "<message to='desk.example.org' id='20'><body>stranger</body></message>".into(),
        "<message to='nobody@desk.example.org' id='21'><body>stranger</body></message>".into(),
        "<message to='~nobody-1@desk.example.org/desk' id='22'><body>stranger</body></message>".into(),
        "<message to='+15551230100@desk.example.org/desk' id='23'><body>stranger</body></message>".into(),
        format!("<message to='{p}' id='24'><x xmlns='jabber:x:oob'><url>https://example.org/</url></x></message>"),
        format!("<iq to='{q}' id='25' type='get'/>"),
        format!("<iq to='{q}' id='26' type='get'><ping xmlns='urn:xmpp:ping'/><ping xmlns='urn:xmpp:ping'/></iq>"),
        format!("<iq to='{q}' id='27' type='set'><query xmlns='jabber:iq:roster'/></iq>"),
        format!("<iq to='{q}' id='28' type='set'><command xmlns='http://jabber.org/protocol/commands' node='waiting'/></iq>"),
        format!("<iq to='{q}' id='29' type='set'><command xmlns='http://jabber.org/protocol/commands' node='close'/></iq>"),
        format!("<iq to='{q}' id='30' type='get'><query xmlns='http://jabber.org/protocol/disco#items' node='http://jabber.org/protocol/commands'/></iq>"),
        format!("<iq to='{q}' id='31' type='get'><query xmlns='http://jabber.org/protocol/disco#info' node='{long}'/></iq>"),
        format!("<iq to='{q}' id='32' type='set'><query xmlns='jabber:iq:register'><remove/></query></iq>"),
        format!("<iq to='{q}' id='33' type='get'>{deep}</iq>"),
        format!("<iq to='{p}' id='34' type='get'><vCard xmlns='vcard-temp'/></iq>"),
        format!("<iq to='{p}' id='35' type='get'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"),
        format!("<iq to='{p}' id='ping-1-1' type='result'/>"),
        "<iq to='desk.example.org' id='self-1' type='get'><ping xmlns='urn:xmpp:ping'/></iq>".into(),
        "<iq to='desk.example.org' id='barrier-1' type='result'/>".into(),
        "<iq to='desk.example.org' id='36' type='get'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>".into(),
    ];
    assert!(table.len() >= 40, "{}", table.len());
    for (row, stanza) in table.iter().enumerate() {
        eve.send(stanza).await;
        // Whatever it did, the desk still answers on the same stream, after it.
        let id = format!("after-{row}");
        eve.send(&format!(
            "<iq to='{queue}' id='{id}' type='get'><ping xmlns='urn:xmpp:ping'/></iq>"
        ))
        .await;
        let mark = format!("id='{id}'");
        let mut said = Vec::new();
        let answered = async {
            loop {
                let stanza = eve.next().await;
                if stanza.contains(&mark) {
                    break;
                }
                said.push(stanza);
            }
        };
        timeout(PATIENCE, answered)
            .await
            .unwrap_or_else(|_| panic!("row {row}: {said:?}"));
        for words in &said {
            for secret in [
                "5551230100",
                "ana@",
                "ben@",
                "First.",
                "waiting</status>",
                "yours",
            ] {
                let echoed = stanza.contains(secret);
                assert!(
                    echoed || !words.contains(secret),
                    "row {row} leaks {secret}: {words}"
                );
            }
        }
    }
    let standing = desk.house.messengers().unwrap().borrow().clone();
    assert_eq!(standing, Standing::Up);
    assert_eq!(desk.sent().await, [], "nothing reached a patron");
    // And the librarian was not disturbed: the next thing they see is the next text.
    desk.texts("+15551230100", "Second.").await;
    let next = ana.expect(&["<body>"]).await;
    assert_eq!(body(&next), "Second.");
    desk.house.close().await;
}
