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
//! `state` holds what the room knows, the rules above it are a file each, `surface` and `component`
//! are the door. Payloads are read and built as the types of `tokio_xmpp::parsers`; what it lacks, or
//! reads more strictly than clients write, is declared beside its rule.
//!
//! Specifications: RFC 6120, RFC 6121, XEP-0004, 0030, 0050, 0054, 0066, 0092, 0106, 0114, 0153, 0172, 0184,
//! 0199, 0203, 0333, 0359.

mod ad_hoc;
mod addresses;
mod chats;
mod clients;
mod command_replies;
mod commands;
mod component;
mod delivery;
mod im;
mod interruptions;
mod iq;
mod laws;
mod link;
mod notices;
mod offers;
mod operators;
mod peers;
mod picture;
mod probe;
mod relay;
mod replier;
mod replies;
mod resumed_sessions;
mod settings;
mod stanzas;
mod state;
mod stream;
mod surface;

pub use addresses::PatronStyle;
pub use component::Component;
#[doc(hidden)]
pub use laws::law;
pub use link::{LinkError, LinkState};
pub use picture::{PICTURE_MAX, Picture};
pub use probe::{Probe, probe};
pub use settings::Settings;
