//! Finding out whether AT is spoken on a port, and by whom.

use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::at::{Command, Engine, Event, Reply, response};

/// How long a fresh port is listened to: a GPS port chatters at once.
const DRAIN: Duration = Duration::from_millis(200);

/// Octets that may come unasked in that time; a modem with news says less.
const CHATTER_MAX: usize = 4096;

/// How long one `AT` is waited for.
const ATTENTION_LIMIT: Duration = Duration::from_secs(3);

/// How often `AT` is tried.
const ATTENTION_TRIES: usize = 3;

/// What is said of a port that nothing answers on.
pub(super) const MUTE: &str = "does not answer AT";

/// What a modem says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// `+CGMM`
    pub model: Option<String>,
    /// `+CGSN`; ports with the same one are the same modem's.
    pub imei: Option<String>,
    /// `+CPIN`: `READY`, `SIM PIN`…; `None` while the SIM does not answer.
    pub sim: Option<String>,
    /// The memories texts can be read from; without any the port is no use for texts.
    pub memories: Vec<String>,
}

/// Finds out whether AT is spoken here. Gives the engine back that listened.
pub(super) async fn greet<P: AsyncRead + AsyncWrite + Unpin>(
    port: &mut P,
) -> Result<Engine, &'static str> {
    let mut heard: Vec<u8> = Vec::new();
    let mut buffer = [0; 512];
    let drained = tokio::time::Instant::now() + DRAIN;
    while let Ok(read) = tokio::time::timeout_at(drained, port.read(&mut buffer)).await {
        match read {
            Ok(0) | Err(_) => return Err("the port closed"),
            Ok(count) => heard.extend(buffer.iter().take(count).take(CHATTER_MAX)),
        }
        if heard.windows(2).any(|pair| pair == b"$G") {
            return Err("a GPS port");
        }
        if heard.len() > CHATTER_MAX {
            return Err("something chatters there that is no modem");
        }
    }
    let mut engine = Engine::default();
    engine.escape();
    for _ in 0..ATTENTION_TRIES {
        let reply = ask(port, &mut engine, Command::Attention, ATTENTION_LIMIT).await;
        match reply {
            Some(reply) if reply.is_ok() => return Ok(engine),
            Some(_) => {}
            None => return Err("the port closed"),
        }
    }
    Err(MUTE)
}

/// Who answers, and whether texts can be read there.
pub(super) async fn identify<P: AsyncRead + AsyncWrite + Unpin>(
    port: &mut P,
    engine: &mut Engine,
) -> Identity {
    let mut identity = Identity::default();
    for command in [
        Command::EchoOff,
        Command::Model,
        Command::SerialNumber,
        Command::PinState,
        Command::StorageTest,
    ] {
        let limit = command.time_limit();
        let Some(reply) = ask(port, engine, command, limit).await else {
            break;
        };
        let Some(line) = reply.lines.first() else {
            continue;
        };
        match reply.command {
            Command::Model => identity.model = Some(response::bare(line).to_owned()),
            Command::SerialNumber => identity.imei = Some(response::digits(line)),
            Command::PinState => identity.sim = response::pin_state(line).map(str::to_owned),
            Command::StorageTest => {
                let [read, ..] = response::storage_offered(line).unwrap_or_default();
                identity.memories = read.iter().map(|memory| memory.name().to_owned()).collect();
            }
            _ => {}
        }
    }
    identity
}

/// The IMEI alone, where nothing else is in question.
pub(super) async fn ask_imei<P: AsyncRead + AsyncWrite + Unpin>(
    port: &mut P,
    engine: &mut Engine,
) -> Option<String> {
    for command in [Command::EchoOff, Command::SerialNumber] {
        let limit = command.time_limit();
        let reply = ask(port, engine, command, limit).await?;
        if let (Command::SerialNumber, Some(line)) = (&reply.command, reply.lines.first()) {
            return Some(response::digits(line));
        }
    }
    None
}

/// One command and its reply; `None` when the port closed. What the modem says unasked is dropped.
async fn ask<P: AsyncRead + AsyncWrite + Unpin>(
    port: &mut P,
    engine: &mut Engine,
    command: Command,
    limit: Duration,
) -> Option<Reply> {
    let begun = now();
    engine.submit(command, begun).ok()?;
    port.write_all(&engine.take_octets()).await.ok()?;
    let mut buffer = [0; 512];
    loop {
        while let Some(event) = engine.next_event() {
            if let Event::Reply(reply) = event {
                return Some(reply);
            }
        }
        let deadline = engine.next_deadline()?.max(begun + limit);
        match tokio::time::timeout_at(deadline.into(), port.read(&mut buffer)).await {
            Ok(Ok(0) | Err(_)) => return None,
            Ok(Ok(count)) => engine.receive(buffer.get(..count)?, now()),
            Err(_) => engine.tick(now()),
        }
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
