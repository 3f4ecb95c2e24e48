//! What the configuration says of the link and of the addresses.

use super::addresses::PatronStyle;
use super::picture::Picture;

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
