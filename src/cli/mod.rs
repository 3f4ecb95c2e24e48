//! Commands: what a person or a script at the box asks for.
pub mod pdu;
