//! What must hold of a transcript whatever is said: for the fuzz target, and the tests that stand in
//! for it on a stable toolchain. Each panics when its law is broken, and is for tests only.

use std::time::Duration;

use super::cutter::{ends_from_modem, ends_to_modem};
use super::scribe::is_noise;
use super::{Direction, Record, Said, Scribe, Trace};

/// The octets, as what is said on a port: each chunk has an octet that says which way it goes and
/// how long it is, and then what was said.
///
/// - As many octets are written as were said, however the port cut them.
/// - Masked once is masked: the same octets come, whatever the cuts.
/// - No long number is left as it was.
/// - What is written can be read.
pub fn transcript(octets: &[u8]) {
    let said = conversation(octets);
    let whole = written(&mut Scribe::masking(), &said, usize::MAX);
    for direction in [Direction::ToModem, Direction::FromModem] {
        let raw = one_way(&said, direction);
        let masked = one_way(&heard(&whole), direction);
        assert_eq!(raw.len(), masked.len(), "octets were lost or invented");
        let ends = match direction {
            Direction::ToModem => ends_to_modem,
            Direction::FromModem => ends_from_modem,
        };
        no_number_left(&raw, &masked, ends);
        let plain = written(&mut Scribe::unmasked(), &said, 3);
        assert_eq!(raw, one_way(&heard(&plain), direction));
        for size in [1, 2, 7] {
            let cut = written(&mut Scribe::masking(), &said, size);
            assert_eq!(masked, one_way(&heard(&cut), direction), "cut every {size}");
        }
    }
    for record in whole {
        assert_eq!(record.to_string().parse(), Ok(record));
    }
    if let Ok(text) = std::str::from_utf8(octets) {
        // Any text is a transcript or an error.
        let _ = Trace::parse(text).map_err(|error| error.to_string());
        let _ = Trace::parse(&format!("{}\n\n{text}", super::MAGIC));
    }
}

type Chunk = (Direction, Vec<u8>);

fn conversation(octets: &[u8]) -> Vec<Chunk> {
    let mut said = Vec::new();
    let mut rest = octets;
    while let Some((choice, behind)) = rest.split_first() {
        let direction = if choice & 1 == 0 {
            Direction::FromModem
        } else {
            Direction::ToModem
        };
        let length = usize::from(choice >> 1).min(behind.len());
        let (chunk, behind) = behind.split_at(length);
        said.push((direction, chunk.to_vec()));
        rest = behind;
    }
    said
}

fn written(scribe: &mut Scribe, said: &[Chunk], size: usize) -> Vec<Record> {
    let mut records = Vec::new();
    for (direction, octets) in said {
        for chunk in octets.chunks(size) {
            records.extend(scribe.hear(*direction, chunk, Duration::ZERO));
        }
    }
    records.extend(scribe.close(Duration::ZERO));
    records
}

fn heard(records: &[Record]) -> Vec<Chunk> {
    records
        .iter()
        .filter_map(|record| match &record.said {
            Said::Octets(direction, octets) => Some((*direction, octets.clone())),
            Said::Note(_) => None,
        })
        .collect()
}

fn one_way(said: &[Chunk], wanted: Direction) -> Vec<u8> {
    said.iter()
        .filter(|(direction, _)| *direction == wanted)
        .flat_map(|(_, octets)| octets.iter().copied())
        .collect()
}

/// Digits that stand together outside a PDU are a number from seven on.
fn no_number_left(raw: &[u8], masked: &[u8], ends: fn(u8) -> bool) {
    let mut start = 0;
    for line in raw.split(|octet| ends(*octet)) {
        let same = masked.get(start..start + line.len()).unwrap_or_default();
        start += line.len() + 1;
        let clean: Vec<u8> = line.iter().copied().filter(|o| !is_noise(*o)).collect();
        if hexadecimal_run(&clean) >= 16 {
            continue; // a PDU, or what may be one: its times stay
        }
        let mut run = 0;
        for (at, octet) in line.iter().enumerate() {
            run = if octet.is_ascii_digit() { run + 1 } else { 0 };
            if run >= 7 {
                let was = &line[at + 1 - run..=at];
                let is = &same[at + 1 - run..=at];
                let stands_for = is.iter().all(|digit| matches!(digit, b'5' | b'0'))
                    || is
                        .iter()
                        .skip_while(|digit| **digit == b'5')
                        .take(3)
                        .all(|d| *d == b'0')
                    // A masked letter of UCS-2, which a number may look like before.
                    || is.iter().zip(b"0078".iter().cycle()).all(|(is, mask)| is == mask);
                assert!(
                    was != is || stands_for,
                    "a number stayed: {}\n{}",
                    line.escape_ascii(),
                    same.escape_ascii()
                );
            }
        }
    }
}

fn hexadecimal_run(line: &[u8]) -> usize {
    line.split(|octet| !octet.is_ascii_hexdigit())
        .map(<[u8]>::len)
        .max()
        .unwrap_or(0)
}
