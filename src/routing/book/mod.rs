//! The desk as a book that can be carried to another box: queues, gateways, operators, canned
//! replies, as TOML. [`Manuscript`] is one as somebody wrote it, with lines to point at; [`changes`]
//! is what it takes to make a desk like it.

mod changes;
mod entries;
mod manuscript;

pub use changes::{Change, changes};
pub use entries::{Book, CannedEntry, GatewayEntry, OperatorEntry, QueueEntry};
pub use manuscript::{Manuscript, Misprint, Place};
