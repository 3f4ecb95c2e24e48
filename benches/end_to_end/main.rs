//! The whole path against a modem that answers at once: what callnumber adds to the port, the disk
//! and the wire.
//!
//! `cargo bench --bench end_to_end`, or `-- arrivals draining …` for some of it. Where two things
//! are compared, both are measured in the same run, in turns. `benches/README.md` says what each
//! number means.

#![allow(clippy::unwrap_used, missing_docs)]

mod arrivals;
mod bare_port;
mod commits;
mod crowd;
#[path = "../../tests/it/support/daemon.rs"]
mod daemon;
mod draining;
mod figures;
#[path = "../../tests/it/support/http.rs"]
#[allow(dead_code, unreachable_pub)]
mod http;
mod library;
mod life;
mod residence;
mod sending;

use figures::{Table, load};

/// One part of the bench: its name, and what fills its rows of the table.
type Part = (&'static str, fn(&mut Table));

const PARTS: [Part; 7] = [
    ("arrivals", arrivals::measure),
    ("draining", draining::measure),
    ("sending", sending::measure),
    ("commits", commits::measure),
    ("residence", residence::measure),
    ("crowd", crowd::measure),
    ("life", life::measure),
];

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-')) // cargo passes `--bench`
        .collect();
    for (name, measure) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            eprintln!("{name} … (load {})", load());
            // Told at once: what a later part comes to must not take these numbers along.
            let mut table = Table::default();
            measure(&mut table);
            println!("{table}");
        }
    }
}
