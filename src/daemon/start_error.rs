//! Why the daemon does not start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::alerts;
use crate::desk::NotGranted;
use crate::modem;
use crate::spool::{OpenError, SpoolError};
use crate::web;

/// Why the house could not be opened: one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The spool.
    #[error(transparent)]
    Spool(#[from] OpenError),
    /// The spool, once open.
    #[error(transparent)]
    Read(#[from] SpoolError),
    /// Alerts cannot be given.
    #[error(transparent)]
    Alerts(#[from] alerts::OpenError),
    /// A line could not be entered in the plan.
    #[error(transparent)]
    Plan(#[from] NotGranted),
    /// A configured port belongs to someone else.
    #[error(transparent)]
    Port(#[from] modem::port::OpenError),
    /// The console's address is taken.
    #[error(
        "{address} is in use by another program: stop that one, or set another `listen` under [web]"
    )]
    WebInUse {
        /// The address.
        address: SocketAddr,
    },
    /// The console cannot listen.
    #[error("cannot listen on {address}: {source}; set another `listen` under [web]")]
    Web {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The certificate.
    #[error(transparent)]
    Certificate(#[from] web::CertificateError),
    /// The control socket.
    #[error("cannot open the control socket {}: {source}; check who owns the spool's folder", .path.display())]
    Control {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
