//! What stands outside the library and uses it: one program, so that the library is linked once.
//!
//! `cargo test --test it web::keys` runs a part of it. Tests share a process where no runner gives
//! each its own: what changes or measures the whole process (its memory, its environment, its
//! folder, its log) is a program of its own beside this one, as `tests/soak.rs` is.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod alerts;
mod arrangements;
mod care;
mod ceilings;
mod circles;
mod conversation;
mod demo;
mod discovery;
mod doctor;
mod exchange;
mod first_day;
mod first_sign_in;
mod floors;
mod foreign_programs;
mod forgetting;
mod full_disk;
mod fuzz_corpora;
mod hardware;
mod held_disk;
mod held_texts;
mod modem;
mod one_shape;
mod other_decoders;
mod panel;
mod pdus;
mod power_cuts;
mod publishing;
mod race;
mod radio;
mod remedies;
mod secrecy;
mod simulate_command;
mod simulator;
mod sms_laws;
mod starting;
mod stories;
mod supply;
mod support;
mod systemd;
mod tracing;
mod udev;
mod walks;
mod walls;
mod web;
mod xmpp;
