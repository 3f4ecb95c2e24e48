//! The pure rooms of the desk's first floor, built alone: strangers to one another and to
//! everything above, so that a target is built in seconds.

#[path = "../../src/at/mod.rs"]
pub mod at;
#[path = "../../src/sms/mod.rs"]
pub mod sms;
#[path = "../../src/trace/mod.rs"]
pub mod trace;
