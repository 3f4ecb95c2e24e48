//! The commands.

pub mod pdu;
pub mod simulate;
