//! A client that reads XML with its own eyes.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::PATIENCE;
use super::server::Server;

const HEADER: &str = "<stream:stream xmlns='jabber:client' \
                      xmlns:stream='http://etherx.jabber.org/streams' to='example.org' \
                      version='1.0'>";

/// Makes an account with the password `pw` (XEP-0077).
pub(crate) async fn register(server: &Server, user: &str) {
    let mut client = Messenger::reach(server, user).await;
    client
        .send(&format!(
            "<iq type='set' id='register'><query xmlns='jabber:iq:register'>\
             <username>{user}</username><password>pw</password></query></iq>"
        ))
        .await;
    client.expect(&["id='register'", "result"]).await;
}

/// What a client read of many held texts.
#[derive(Default)]
pub(crate) struct Flood {
    /// Texts by their words, with the id they came under.
    pub(crate) read: BTreeMap<String, String>,
    /// Stanzas that held one.
    pub(crate) copies: usize,
}

impl Flood {
    fn take(&mut self, stanza: &str) {
        let words = body(stanza);
        if !words.starts_with("text ") {
            return;
        }
        self.copies += 1;
        let id = attribute(stanza, "id");
        let first = self.read.entry(words.to_owned()).or_insert(id.clone());
        assert_eq!(*first, id, "a copy has the id of its first: {words}");
    }
}

/// A client that sees stanzas as text.
pub(crate) struct Messenger {
    socket: TcpStream,
    buffer: String,
    resource: String,
    /// Whether it gives receipts by itself (XEP-0184), as some do and some do not.
    receipts: bool,
    /// How often it was pinged.
    pub(crate) pings: usize,
    /// Stanzas that came while something else was looked for.
    seen: Vec<String>,
}

impl Messenger {
    /// As far as the server's first offer: nobody is named yet.
    async fn reach(server: &Server, resource: &str) -> Self {
        let socket = TcpStream::connect(("127.0.0.1", server.clients))
            .await
            .unwrap();
        let mut client = Self {
            socket,
            buffer: String::new(),
            resource: resource.into(),
            receipts: false,
            pings: 0,
            seen: Vec::new(),
        };
        client.send(HEADER).await;
        client.until_raw("</stream:features>").await;
        client.buffer.clear();
        client
    }

    pub(crate) async fn connect(server: &Server, user: &str, resource: &str) -> Self {
        let mut client = Self::reach(server, resource).await;
        let secret = base64(format!("\0{user}\0pw").as_bytes());
        client
            .send(&format!(
                "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{secret}</auth>"
            ))
            .await;
        client.until_raw("<success").await;
        client.buffer.clear();
        client.send(HEADER).await;
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

    pub(crate) fn gives_receipts(&mut self, gives: bool) {
        self.receipts = gives;
    }

    pub(crate) async fn send(&mut self, text: &str) {
        timeout(PATIENCE, self.socket.write_all(text.as_bytes()))
            .await
            .expect("the server takes it")
            .unwrap();
    }

    pub(crate) async fn fill(&mut self) -> bool {
        let mut chunk = [0; 16 * 1024];
        let count = self.socket.read(&mut chunk).await.unwrap_or(0);
        self.buffer
            .push_str(&String::from_utf8_lossy(&chunk[..count]));
        count > 0
    }

    pub(crate) async fn until_raw(&mut self, text: &str) {
        let found = async {
            while !self.buffer.contains(text) {
                assert!(self.fill().await, "hung up: {}", self.buffer);
            }
        };
        timeout(PATIENCE, found).await.expect(text);
    }

    pub(crate) async fn next(&mut self) -> String {
        loop {
            if let Some(stanza) = self.next_or_ping().await {
                return stanza;
            }
        }
    }

    /// Until it was pinged so often.
    pub(crate) async fn until_pinged(&mut self, count: usize) {
        let pinged = async {
            while self.pings < count {
                if let Some(stanza) = self.next_or_ping().await {
                    self.seen.push(stanza);
                }
            }
        };
        let pinged = timeout(PATIENCE, pinged).await;
        assert!(pinged.is_ok(), "pinged {} times", self.pings);
    }

    /// The next stanza, or none if it was a ping, which is answered.
    async fn next_or_ping(&mut self) -> Option<String> {
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
                    self.pings += 1;
                    return None;
                }
                if self.receipts && stanza.contains("<request xmlns='urn:xmpp:receipts'") {
                    let receipt = format!(
                        "<message type='chat' to='{}'><received xmlns='urn:xmpp:receipts' id='{}'/></message>",
                        attribute(&stanza, "from"),
                        attribute(&stanza, "id")
                    );
                    self.send(&receipt).await;
                }
                return Some(stanza);
            }
            assert!(self.fill().await, "hung up: {}", self.buffer);
        }
    }

    /// The first stanza that holds all of this.
    pub(crate) async fn expect(&mut self, parts: &[&str]) -> String {
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

    pub(crate) async fn sign_in(&mut self) {
        self.send("<presence/><presence to='desk@desk.example.org'/>")
            .await;
        self.expect(&["<presence", "from='desk@desk.example.org'", "1 librarian"])
            .await;
    }

    /// Reads held texts until so many different ones are there.
    pub(crate) async fn reads_until(&mut self, flood: &mut Flood, count: usize) {
        let reading = async {
            while flood.read.len() < count {
                let stanza = match self.seen.is_empty() {
                    true => self.next().await,
                    false => self.seen.remove(0),
                };
                flood.take(&stanza);
            }
        };
        let flowing = timeout(PATIENCE * 3, reading).await;
        flowing.unwrap_or_else(|_| panic!("only {} of {count} came", flood.read.len()));
    }

    /// Gives back what was looked at too early.
    pub(crate) fn puts_back(&mut self, stanzas: Vec<String>) {
        self.seen.splice(0..0, stanzas);
    }

    /// What came and was not looked for, and whatever comes until there is a stanza that fits.
    pub(crate) async fn all_until(&mut self, parts: &[&str]) -> Vec<String> {
        let mut all = Vec::new();
        let reading = async {
            loop {
                let stanza = match self.seen.is_empty() {
                    true => self.next().await,
                    false => self.seen.remove(0),
                };
                let last = parts.iter().all(|part| stanza.contains(part));
                all.push(stanza);
                if last {
                    return;
                }
            }
        };
        let read = timeout(PATIENCE, reading).await;
        assert!(read.is_ok(), "no {parts:?} among {all:#?}");
        all
    }

    /// Until an address answers at all.
    pub(crate) async fn waits_for(&mut self, address: &str) {
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

    pub(crate) async fn says(&mut self, to: &str, id: &str, words: &str) {
        self.send(&format!(
            "<message to='{to}' id='{id}' type='chat'><body>{words}</body><request xmlns='urn:xmpp:receipts'/></message>"
        ))
        .await;
    }
}

pub(crate) fn attribute(stanza: &str, name: &str) -> String {
    let key = format!(" {name}='");
    let from = stanza
        .find(&key)
        .unwrap_or_else(|| panic!("{name}: {stanza}"))
        + key.len();
    stanza[from..].split('\'').next().unwrap().to_owned()
}

pub(crate) fn body(stanza: &str) -> &str {
    let (_, rest) = stanza.split_once("<body>").unwrap_or_default();
    rest.split("</body>").next().unwrap_or_default()
}

/// Where the first whole element ends.
pub(crate) fn stanza_end(text: &str) -> Option<usize> {
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

pub(crate) fn base64(bytes: &[u8]) -> String {
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
