//! What was said on a modem's port, as a transcript that a bug report can carry.
//!
//! The file is described in `docs/tracing.md`. [`Scribe`] turns octets into [`Record`]s, with
//! numbers and words masked unless it is told otherwise; [`Trace::parse`] reads a file back. Pure:
//! octets and offsets in, lines of text out.
//!
//! **Masking is by position, octet for octet.** What a masked transcript holds depends on the shape
//! of what was said alone: two conversations that differ in numbers and words only, and agree in
//! lengths and in which numbers are the same, give the same transcript. It reads AT and PDUs with
//! its own eyes, so that what the house cannot read is masked all the same.
//!
//! Bounds: a line is held up to [`LINE_MAX`] octets, [`NUMBERS_MAX`] numbers are told apart.

mod cutter;
mod file;
mod fixed;
#[doc(hidden)]
pub mod laws;
mod line;
mod numbers;
mod pdu;
mod record;
mod scribe;
#[cfg(test)]
mod tests;

pub use cutter::LINE_MAX;
pub use file::{Header, MAGIC, Trace, TraceError};
pub use numbers::NUMBERS_MAX;
pub use pdu::mask_pdu;
pub use record::{Direction, Record, RecordError, Said};
pub use scribe::Scribe;
