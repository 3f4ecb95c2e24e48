//! The link to the server: connect, shake hands, stay, come back (XEP-0114).
//!
//! A write that succeeds proves nothing here: XEP-0114 acknowledges nothing, and a dead link may
//! look alive for a quarter of an hour. So every half minute a ping to our own domain goes through
//! the server and must come back on this very stream: that catches a dead link, a second box that
//! claims the same domain, and a server that routes elsewhere.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};
use tokio_xmpp::minidom::Element;
use tokio_xmpp::parsers::component::Handshake;
use tokio_xmpp::parsers::stream_error::{DefinedCondition, StreamError};

use super::stanzas;
use super::stream::{self, Assembler, COMPONENT, Read, STREAM};

/// Stanzas that may wait for the wire. Whoever fills this is cut off and starts afresh: nothing is
/// lost, since what must survive is a row.
pub(super) const OUTGOING_MAX: usize = 16_384;
/// Stanzas read and not looked at yet; then the server waits.
const INCOMING_MAX: usize = 1_024;
/// To connect and to shake hands.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two pings to ourselves.
const PROBE_EVERY: Duration = Duration::from_secs(30);
/// A ping that is not back by then will not come.
const PROBE_PATIENCE: Duration = Duration::from_secs(15);
/// One write may take so long before the server counts as gone.
const WRITE_PATIENCE: Duration = Duration::from_secs(20);
/// Before the second try; doubled up to [`WAIT_MAX`].
const WAIT_FIRST: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_secs(60);
/// A link that held this long was a good one: the next try is soon again.
const GOOD: Duration = Duration::from_secs(60);

/// Ids of our pings to ourselves begin so.
const PROBE: &str = "self-";

/// How to reach the server.
#[derive(Clone)]
pub(super) struct Dial {
    pub(super) domain: String,
    /// `host:port` of each node; not empty.
    pub(super) servers: Vec<String>,
    pub(super) secret: String,
}

/// Why there is no link. Each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Nobody listens.
    #[error(
        "cannot reach the XMPP server at {server}: {reason}; is it running, and does it listen for components there?"
    )]
    Unreachable {
        /// Where.
        server: String,
        /// What the system said.
        reason: String,
    },
    /// The shared secret is another one.
    #[error(
        "the XMPP server refused the secret for {domain}: set the same one there and in `secret_file`"
    )]
    WrongSecret {
        /// For which domain.
        domain: String,
    },
    /// The server knows no such component.
    #[error(
        "the XMPP server does not serve {domain}: add the component there, or correct `domain` under [xmpp.component]"
    )]
    DomainRefused {
        /// Which.
        domain: String,
    },
    /// Another connection has the domain.
    #[error(
        "another connection holds {domain} at the XMPP server: stop the other box, or let the server prefer the newest connection (Prosody: component_conflict_resolve = \"kick_old\")"
    )]
    Conflict {
        /// Which.
        domain: String,
    },
    /// The server ended the stream for a reason of its own.
    #[error("the XMPP server ended the link: {reason}")]
    Ended {
        /// In its words.
        reason: String,
    },
    /// Nothing comes back.
    #[error("the link to the XMPP server is dead: {reason}; connecting again")]
    Dead {
        /// What did not come.
        reason: String,
    },
}

/// How the link stands, for the status page and for whoever asks the doctor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkState {
    /// Not up yet, and no try failed yet.
    Connecting,
    /// Up.
    Up,
    /// Down, and why; tried again by itself.
    Down(LinkError),
}

/// What the link tells the room.
#[derive(Debug)]
pub(super) enum LinkEvent {
    /// Up: stanzas go out through this one until it closes.
    Up(mpsc::Sender<Element>),
    /// Came in.
    Stanza(Element),
    /// Came in, too deep or too long to be kept; only its header is here.
    TooMuch(Element),
    /// Down. Whatever was on its way may be lost.
    Down,
}

/// Keeps a link up until nobody listens any more.
pub(super) async fn keep(
    dial: Dial,
    told: mpsc::Sender<LinkEvent>,
    standing: watch::Sender<LinkState>,
) {
    let mut wait = WAIT_FIRST;
    // Of a cluster that lost a node, the next one serves as well.
    let nodes = dial.servers.iter().enumerate().cycle();
    for (place, server) in nodes {
        let begun = Instant::now();
        let error = match open(&dial, server).await {
            Ok((reader, writer, assembler)) => {
                tracing::info!(domain = %dial.domain, server, "linked to the XMPP server");
                standing.send_replace(LinkState::Up);
                let error = hold(&dial, reader, writer, assembler, &told).await;
                if told.send(LinkEvent::Down).await.is_err() {
                    return;
                }
                error
            }
            Err(error) => error,
        };
        if told.is_closed() {
            return;
        }
        if *standing.borrow() != LinkState::Down(error.clone()) {
            tracing::warn!(%error, "no link to the XMPP server");
        }
        standing.send_replace(LinkState::Down(error));
        if begun.elapsed() > GOOD {
            wait = WAIT_FIRST;
        }
        if place + 1 < dial.servers.len() {
            continue;
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = told.closed() => return,
        }
        wait = (wait * 2).min(WAIT_MAX);
    }
}

pub(super) type Opened = (OwnedReadHalf, OwnedWriteHalf, Reading);

/// Bytes read and not used yet, with who makes stanzas of them.
pub(super) struct Reading {
    assembler: Assembler,
    rest: Vec<u8>,
}

pub(super) async fn open(dial: &Dial, server: &str) -> Result<Opened, LinkError> {
    let unreachable = |reason: String| LinkError::Unreachable {
        server: server.to_owned(),
        reason,
    };
    let socket = match timeout(PATIENCE, TcpStream::connect(server)).await {
        Ok(Ok(socket)) => socket,
        Ok(Err(error)) => return Err(unreachable(error.to_string())),
        Err(_) => return Err(unreachable("no answer".into())),
    };
    // Stanzas are small and answered at once.
    let _ = socket.set_nodelay(true);
    let (reader, writer) = socket.into_split();
    match timeout(PATIENCE, shake_hands(dial, reader, writer)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(dead("no answer to the handshake")),
    }
}

async fn shake_hands(
    dial: &Dial,
    mut reader: OwnedReadHalf,
    mut writer: OwnedWriteHalf,
) -> Result<Opened, LinkError> {
    let broken = |error: std::io::Error| ended(error.to_string());
    let mut reading = Reading {
        assembler: Assembler::new(),
        rest: Vec::new(),
    };
    writer
        .write_all(stream::opening(&dial.domain).as_bytes())
        .await
        .map_err(broken)?;
    loop {
        match next(&mut reader, &mut reading).await.map_err(ended)? {
            Read::Header(id) => {
                let id =
                    id.ok_or_else(|| ended("its stream has no id, so no handshake is possible"))?;
                let handshake = Handshake::from_stream_id_and_password(id, &dial.secret);
                if let Some(bytes) = stream::wire(&handshake.into()) {
                    writer.write_all(&bytes).await.map_err(broken)?;
                }
            }
            Read::Stanza(element) if element.is("handshake", COMPONENT) => {
                return Ok((reader, writer, reading));
            }
            Read::Stanza(element) if element.is("error", STREAM) => {
                return Err(refusal(&dial.domain, &element));
            }
            Read::Stanza(_) | Read::TooMuch(_) => {}
            Read::Footer => {
                return Err(ended("during the handshake, without a reason"));
            }
        }
    }
}

fn ended(reason: impl Into<String>) -> LinkError {
    let reason = reason.into();
    LinkError::Ended { reason }
}

fn dead(reason: impl Into<String>) -> LinkError {
    let reason = reason.into();
    LinkError::Dead { reason }
}

/// The stream's error in words (RFC 6120 §4.9.3; XEP-0114 §3).
fn refusal(domain: &str, error: &Element) -> LinkError {
    let domain = domain.to_owned();
    let Ok(error) = xso::transform::<StreamError, _>(error) else {
        return ended("without a reason");
    };
    match &error.condition {
        DefinedCondition::NotAuthorized => LinkError::WrongSecret { domain },
        DefinedCondition::HostUnknown
        | DefinedCondition::HostGone
        | DefinedCondition::ImproperAddressing => LinkError::DomainRefused { domain },
        DefinedCondition::Conflict => LinkError::Conflict { domain },
        other => ended(match error.texts.values().next() {
            Some(text) if !text.is_empty() => format!("{other} ({text})"),
            _ => other.to_string(),
        }),
    }
}

/// The next thing read; the end of the connection is an error.
pub(super) async fn next(
    reader: &mut OwnedReadHalf,
    reading: &mut Reading,
) -> Result<Read, String> {
    loop {
        if !reading.rest.is_empty() {
            let mut bytes = reading.rest.as_slice();
            let read = reading.assembler.read(&mut bytes)?;
            let used = reading.rest.len() - bytes.len();
            reading.rest.drain(..used);
            if let Some(read) = read {
                return Ok(read);
            }
        }
        let mut chunk = [0; 16 * 1024];
        match reader.read(&mut chunk).await {
            Ok(0) => return Err("the connection was closed".into()),
            Ok(count) => reading.rest.extend(chunk.iter().take(count)),
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// Reads and writes until one of them ends; says why.
async fn hold(
    dial: &Dial,
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
    reading: Reading,
    told: &mpsc::Sender<LinkEvent>,
) -> LinkError {
    let (outgoing, to_write) = mpsc::channel(OUTGOING_MAX);
    if told.send(LinkEvent::Up(outgoing)).await.is_err() {
        return ended("the desk is closing");
    }
    let (came_back, probes) = watch::channel(0_u64);
    let (incoming, mut come) = mpsc::channel(INCOMING_MAX);
    // Reading goes on while a write waits: two sides that both only write stand still for ever. And
    // writing goes on while the room looks at what was read: it may wait for the wire to empty.
    let mut read = tokio::spawn(read_on(reader, reading, incoming, came_back));
    let mut write = tokio::spawn(write_on(dial.domain.clone(), writer, to_write, probes));
    let error = loop {
        tokio::select! {
            outcome = &mut write => break outcome.unwrap_or_else(|error| ended(error.to_string())),
            item = come.recv() => match item {
                Some(item) => {
                    if told.send(item).await.is_err() {
                        break ended("the desk is closing");
                    }
                }
                None => break match (&mut read).await {
                    Ok(error) => match error {
                        ReadEnd::Error(element) => refusal(&dial.domain, &element),
                        ReadEnd::Closed(reason) => ended(reason),
                    },
                    Err(error) => ended(error.to_string()),
                },
            },
        }
    };
    read.abort();
    write.abort();
    error
}

enum ReadEnd {
    Error(Element),
    Closed(String),
}

async fn read_on(
    mut reader: OwnedReadHalf,
    mut reading: Reading,
    incoming: mpsc::Sender<LinkEvent>,
    came_back: watch::Sender<u64>,
) -> ReadEnd {
    loop {
        let item = match next(&mut reader, &mut reading).await {
            Ok(Read::Stanza(element)) if element.is("error", STREAM) => {
                return ReadEnd::Error(element);
            }
            Ok(Read::Stanza(element)) => match own_probe(&element) {
                Some(number) => {
                    came_back.send_replace(number);
                    continue;
                }
                None => LinkEvent::Stanza(element),
            },
            Ok(Read::TooMuch(element)) => LinkEvent::TooMuch(element),
            Ok(Read::Header(_)) => continue,
            Ok(Read::Footer) => return ReadEnd::Closed("it is shutting down".into()),
            Err(reason) => return ReadEnd::Closed(reason),
        };
        if incoming.send(item).await.is_err() {
            return ReadEnd::Closed("the desk is closing".into());
        }
    }
}

/// The number of our own ping, once it came round. Servers stamp the sender of what others send,
/// so nobody else can send one from our domain.
fn own_probe(element: &Element) -> Option<u64> {
    let from = element.attr("from")?;
    let id = element.attr("id")?.strip_prefix(PROBE)?;
    let ours = element.name() == "iq" && Some(from) == element.attr("to") && !from.contains('@');
    ours.then(|| id.parse().ok()).flatten()
}

async fn write_on(
    domain: String,
    mut writer: OwnedWriteHalf,
    mut to_write: mpsc::Receiver<Element>,
    mut probes: watch::Receiver<u64>,
) -> LinkError {
    let mut number = 0_u64;
    let mut waiting = Vec::with_capacity(64);
    let mut next_probe = Instant::now();
    loop {
        let answered = *probes.borrow_and_update() == number;
        let mut bytes = Vec::new();
        tokio::select! {
            count = to_write.recv_many(&mut waiting, 64) => {
                if count == 0 {
                    let _ = timeout(WRITE_PATIENCE, writer.write_all(b"</stream:stream>")).await;
                    return ended("the desk hung up");
                }
                for stanza in waiting.drain(..) {
                    match stream::wire(&stanza) {
                        Some(wire) => bytes.extend(wire),
                        None => tracing::warn!("a stanza could not be written as XML: left out"),
                    }
                }
            }
            () = tokio::time::sleep_until(next_probe) => {
                if !answered {
                    return dead("a ping to our own domain did not come back");
                }
                number += 1;
                next_probe = Instant::now() + PROBE_PATIENCE;
                let ping = stanzas::ping(&domain, &domain, &format!("{PROBE}{number}"));
                bytes.extend(stream::wire(&ping).unwrap_or_default());
            }
            changed = probes.changed(), if !answered => {
                if changed.is_err() {
                    // The reader has ended and says why.
                    std::future::pending::<()>().await;
                }
                next_probe = Instant::now() + PROBE_EVERY;
            }
        }
        if bytes.is_empty() {
            continue;
        }
        match timeout(WRITE_PATIENCE, writer.write_all(&bytes)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                return dead(error.to_string());
            }
            Err(_) => {
                return dead("it takes nothing any more");
            }
        }
    }
}
