//! A modem that says what another one said: a transcript, played back on a pseudo-terminal.
//!
//! It knows no AT beyond where an answer ends. A command is answered as the transcript answered it,
//! in whatever order commands come; one that comes more often is answered as the last time. What was
//! said unasked comes as long after the command before it as it did. Whatever differs is in the
//! [`Report`].

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_serial::SerialStream;

use super::port::Port;

mod player;
mod script;

use player::Player;
pub use player::Report;
pub use script::{Moment, Script, What};

/// Octets read at one time.
const CHUNK: usize = 4_096;

/// A script on a port.
#[derive(Debug)]
pub struct Replay {
    port: Port,
    wire: SerialStream,
    player: Player,
}

impl Replay {
    /// Plugs it in; time passes `speed` times as fast as it did, and begins when a program first
    /// says something. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// When the terminal or its link cannot be made.
    pub fn open(script: Script, speed: f64, link: Option<&Path>) -> io::Result<Self> {
        let (port, wire) = Port::open(link)?;
        let speed = if speed.is_finite() && speed > 0.0 {
            speed
        } else {
            1.0
        };
        Ok(Self {
            port,
            wire,
            player: Player::new(script, speed),
        })
    }

    /// The terminal that programs open.
    pub fn path(&self) -> PathBuf {
        self.port.path().to_owned()
    }

    /// How the program has done so far.
    pub fn report(&self) -> Report {
        self.player.report()
    }

    /// Plays until everything was said, everything of consequence was asked, and then nothing for
    /// `linger`; for ever without it. May be dropped and called again.
    ///
    /// # Errors
    /// When the terminal itself fails.
    pub async fn play(&mut self, linger: Option<Duration>) -> io::Result<()> {
        let mut buffer = vec![0; CHUNK];
        let mut quiet_since = Instant::now();
        loop {
            let said = self.player.say(Instant::now());
            if !said.is_empty() {
                self.wire.write_all(&said).await?;
                quiet_since = Instant::now();
            }
            let over = linger.filter(|_| self.player.is_over());
            let end = over.map(|linger| quiet_since + linger);
            if end.is_some_and(|end| end <= Instant::now()) {
                return Ok(());
            }
            let wake = [self.player.next_deadline(), end]
                .into_iter()
                .flatten()
                .min();
            tokio::select! {
                read = self.wire.read(&mut buffer) => {
                    let octets = buffer.get(..read?).unwrap_or_default();
                    self.player.hear(octets, Instant::now());
                    self.port.share();
                }
                () = until(wake) => {}
            }
        }
    }
}

async fn until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake.into()).await,
        None => std::future::pending().await,
    }
}
