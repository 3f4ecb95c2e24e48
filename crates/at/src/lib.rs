//! The AT dialogue: V.250, 3GPP TS 27.005 (texts) and 3GPP TS 27.007 (everything else).
//!
//! Pure: octets in, octets and events out, time passed in. [`Engine`] keeps one command in flight,
//! matches the modem's lines to it by prefix *and* shape, and sets aside whatever the modem says
//! unasked, so that a `+CMTI` in the middle of a listing is neither lost nor taken for a text.
//!
//! Bounds: a line is at most [`framing::LINE_MAX`] octets, a response at most
//! [`engine::LINES_MAX`] lines; what is beyond them is dropped, never grown into.

#![forbid(unsafe_code)]
#![cfg_attr(doctest, doc = include_str!("../README.md"))]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod command;
pub mod engine;
pub mod fields;
pub mod framing;
pub mod hex;
#[doc(hidden)]
pub mod laws;
pub mod response;
pub mod result;
mod spelling;
pub mod ucs2;
pub mod unsolicited;

pub use command::{CardQuery, Command, Domain, Memory, Pin, PinQuery};
pub use engine::{Engine, Event, Outcome, Reply};
pub use response::Entry;
pub use result::FinalResult;
pub use unsolicited::Unsolicited;
