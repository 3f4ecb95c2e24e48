//! callnumber: a library's phone number as a staffed desk.
//!
//! Six floors; imports go downstairs only (`tests/it/floors.rs` holds it):
//!
//! 6. [`cli`]: the commands.
//! 5. [`daemon`]: the router's one owner: wish, decision, commit, and only then the bells.
//! 4. Surfaces, each turning its own wire into events, and effects back into its wire:
//!    [`texting`] (the radio), [`web`] (console and API), [`control`] (commands),
//!    [`xmpp`] (operators' and patrons' own clients), [`alerts`] (calls for help).
//! 3. [`desk`]: the counter between surfaces and owner, and the [views](desk::views): the one shape
//!    of every thing that leaves.
//! 2. Keepers: [`modem`] (PDU in, PDU out), [`spool`] (SQLite), [`errands`] (what the process itself
//!    is asked for), [`mail`] (letters by SMTP).
//! 1. Strangers to one another: [`sms`] (TS 23.040, 23.038), [`at`] (V.250, TS 27.005, 27.007),
//!    [`routing`] (the law of the desk), [`records`] (transcripts and reports for others to read),
//!    [`trace`] (what was said on a port, masked), all five pure; [`hardware`] (GPIO); the
//!    [`clock`], and [`duration`] (lengths of time as people write them).
//!
//! `sms`, `at` and the simulator need no desk: they are packages of their own, under `crates/`.
//!
//! Under them all lies [`numbers`]: one form for every spelling of a telephone number, which every
//! floor speaks.
//!
//! Beside the house stands [`simulator`]: a modem that answers AT with its own parser.
//!
//! **One text's walk.** The driver lists it from the SIM; `texting::Inbound` commits its raw PDU to
//! the inbox and says so, and only then is it deleted from the SIM. It is decoded and joined with
//! its other segments, becomes an event, and the router decides. One commit holds the consumed
//! PDUs, the message, the conversation; then the operators' event streams are told. The reply is
//! an event too: one commit holds the message, the claim and a row in the outbox;
//! `texting::Outbound` splits it, records each attempt before it is made, and hands the segments
//! to the driver.
//!
//! **Invariants.** Nothing leaves the SIM before it is on disk, nothing is accepted from an
//! operator before it is on disk, no attempt is made before it is on disk. An effect that must
//! survive is a row; channels only ring bells. Nothing from the air, the network or a browser can
//! panic the daemon.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod alerts;
pub mod cli;
pub mod clock;
pub mod control;
pub mod daemon;
pub mod desk;
pub mod duration;
pub mod errands;
pub mod hardware;
pub mod mail;
pub mod modem;
pub mod numbers;
pub mod records;
pub mod routing;
pub mod spool;
pub mod texting;
pub mod trace;
pub mod web;
pub mod xmpp;

pub use at_dialogue as at;
pub use modem_simulator as simulator;
pub use sms_codec as sms;
