//! Operators and chat patrons over XMPP: one component (XEP-0114) for each box.
//!
//! Operators answer from their own clients: presence to a queue is signing in, a text comes from
//! its patron's address, the first answer claims. Anybody with instant messaging writes to a
//! queue's address and is answered from it.
//!
//! XEP-0114 acknowledges nothing, so nothing is believed: a text is delivered when the operator's
//! client proved it, until then it is a row in the spool, sent again with the same
//! id. What no component can know is a stanza its server had handed over to a daemon that died
//! before reading it: neither side holds it then. So after every interruption operators are told
//! the last text the desk has from them, and see what is missing.
//!
//! Specifications: RFC 6120, RFC 6121, XEP-0004, 0030, 0050, 0054, 0066, 0092, 0106, 0114, 0153, 0172, 0184,
//! 0199, 0203, 0333, 0359.

mod ad_hoc;
mod addresses;
mod command_replies;
mod commands;
mod delivery;
mod im;
mod interruptions;
mod iq;
mod laws;
mod link;
mod offers;
mod operators;
mod peers;
mod picture;
mod probe;
mod relay;
mod replies;
mod resumed_sessions;
mod stanzas;
mod stream;
mod surface;

use tokio::sync::{mpsc, watch};

pub use addresses::PatronStyle;
#[doc(hidden)]
pub use laws::law;
pub use link::{LinkError, Standing};
pub use picture::{PICTURE_MAX, Picture};
pub use probe::{Probe, probe};

use crate::desk::Desk;
use crate::spool::Spool;

/// Looked-at stanzas that may wait for the room.
const TOLD_MAX: usize = 256;

/// How the room is set up.
#[derive(Clone)]
pub struct Settings {
    /// The component's domain.
    pub domain: String,
    /// Where the server listens for components: `host:port`; of a cluster each node, the first one
    /// first. Never empty.
    pub servers: Vec<String>,
    /// The secret shared with the server.
    pub secret: String,
    /// How patrons are named in addresses.
    pub patrons: PatronStyle,
    /// What clients show beside a queue.
    pub picture: Option<Picture>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("domain", &self.domain)
            .field("servers", &self.servers)
            .field("patrons", &self.patrons)
            .finish_non_exhaustive()
    }
}

/// The room, ready to run.
#[derive(Debug)]
pub struct Messengers {
    settings: Settings,
    desk: Desk,
    spool: Spool,
    standing: watch::Sender<Standing>,
}

impl Messengers {
    /// Furnishes the room; nothing is connected yet.
    pub fn new(settings: Settings, desk: Desk, spool: Spool) -> Self {
        Self {
            settings,
            desk,
            spool,
            standing: watch::Sender::new(Standing::Connecting),
        }
    }

    /// How the link stands, from now on.
    pub fn standing(&self) -> watch::Receiver<Standing> {
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
        let surface = surface::Surface::new(&self.settings, self.desk, self.spool);
        tokio::select! {
            () = surface.run(incoming) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
        link.abort();
    }
}
