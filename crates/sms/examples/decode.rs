//! Prints what PDUs say: `cargo run --example decode -- HEX…`.

use sms_codec::{Pdu, Tpdu, unhex};

/// A text from a phone, as a modem lists it.
const SAMPLE: &str = "00040B915155320110F000004230108122158A04D4F29C0E";

fn main() {
    let mut given: Vec<String> = std::env::args().skip(1).collect();
    if given.is_empty() {
        given.push(SAMPLE.to_owned());
    }
    for hex in given {
        let Some(octets) = unhex(hex.as_bytes()) else {
            println!("{hex}: these are not pairs of hex digits");
            continue;
        };
        match Pdu::decode(&octets).map(|pdu| pdu.tpdu) {
            Ok(Tpdu::Deliver(it)) => println!(
                "from {} at {:?}: {}",
                it.originator,
                it.timestamp.instant(),
                it.text().unwrap_or_else(|| "(no text)".to_owned())
            ),
            Ok(Tpdu::Submit(it)) => println!(
                "to {}: {}",
                it.destination,
                it.text().unwrap_or_else(|| "(no text)".to_owned())
            ),
            Ok(Tpdu::StatusReport(it)) => println!("{it:?}"),
            Err(error) => println!("{hex}: {error}"),
        }
    }
}
