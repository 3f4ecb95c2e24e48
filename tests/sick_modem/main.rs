//! The failure modes of modems, each with the story of how the line lives through it.
//!
//! A row is a story named `row_NN_what_happens`, registered in its topic's [`Rows`]; a mode may have
//! several. Run whole, `cargo test --test sick_modem` prints the table and how many of them
//! pass; each story is also a test of its own, so that a runner may run, list and filter them.
//!
//! Stories run on a paused clock: an hour passes when everybody waits for it.

#![allow(dead_code, clippy::unwrap_used, unreachable_pub)]

mod arrivals;
mod bench;
mod field;
mod house;
mod ladder;
mod link;
mod oddities;
mod outcomes;
mod ports;
mod registry;
mod sending;
mod setup;
mod sim;
mod storage;
mod terms;
mod words;

use std::process::ExitCode;

fn main() -> ExitCode {
    let rows = [
        storage::rows(),
        link::rows(),
        setup::rows(),
        terms::rows(),
        ladder::rows(),
        sending::rows(),
        arrivals::rows(),
        sim::rows(),
        outcomes::rows(),
        oddities::rows(),
        words::rows(),
        ports::rows(),
        field::rows(),
    ];
    registry::run(rows.into_iter().flatten().collect())
}
