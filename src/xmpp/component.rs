//! The room, from its settings to its end.

use tokio::sync::{mpsc, watch};

use super::link::{self, LinkState};
use super::settings::Settings;
use super::state::Surface;
use crate::desk::Desk;
use crate::spool::Spool;

/// Looked-at stanzas that may wait for the room.
const TOLD_MAX: usize = 256;

/// The room, ready to run.
#[derive(Debug)]
pub struct Component {
    settings: Settings,
    desk: Desk,
    spool: Spool,
    standing: watch::Sender<LinkState>,
}

impl Component {
    /// Furnishes the room; nothing is connected yet.
    pub fn new(settings: Settings, desk: Desk, spool: Spool) -> Self {
        Self {
            settings,
            desk,
            spool,
            standing: watch::Sender::new(LinkState::Connecting),
        }
    }

    /// How the link stands, from now on.
    pub fn standing(&self) -> watch::Receiver<LinkState> {
        self.standing.subscribe()
    }

    /// Serves until `stop` says so. A server that is away is tried again and again: the desk goes
    /// on without it.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let (told, incoming) = mpsc::channel(TOLD_MAX);
        let dial = link::Dial {
            domain: self.settings.domain.clone(),
            servers: self.settings.servers.clone(),
            secret: self.settings.secret.clone(),
        };
        let link = tokio::spawn(link::keep(dial, told, self.standing));
        let surface = Surface::new(&self.settings, self.desk, self.spool);
        tokio::select! {
            () = surface.run(incoming) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
        link.abort();
    }
}
