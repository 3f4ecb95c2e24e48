//! The fuzz targets' laws on a stable toolchain: a bounded number of seeded mutations of the
//! corpus, the same on every run. `CALLNUMBER_SEED` takes another seed, `CALLNUMBER_INPUTS` another
//! number of inputs for each law.

use std::panic::{AssertUnwindSafe, catch_unwind};

use callnumber::simulator::air;
use callnumber::sms::{Address, NationalTables, Pdu, SmsSubmit, hex, laws, split_in, unhex};
use proptest::prelude::*;

/// Inputs for each law: seconds, not minutes, in a debug build.
const INPUTS: u64 = 40_000;

/// A law, and its name for the report.
type Law = (&'static str, fn(&[u8]));

const LAWS: [Law; 6] = [
    ("pdu_decode", laws::pdu_decode),
    ("deliver", laws::deliver),
    ("submit", laws::submit),
    ("status_report", laws::status_report),
    ("user_data_header", laws::user_data_header),
    ("join", laws::join),
];

#[test]
fn laws_hold_for_mutated_pdus() {
    let seed = setting("CALLNUMBER_SEED").unwrap_or(0x0C0F_FEE5);
    let inputs = setting("CALLNUMBER_INPUTS").unwrap_or(INPUTS);
    let corpus = corpus();
    assert!(corpus.len() > 40, "the corpus has gone missing");
    std::thread::scope(|scope| {
        for (name, law) in LAWS {
            let corpus = &corpus;
            scope.spawn(move || {
                let mut random = Random(seed ^ name.len() as u64);
                for octets in corpus {
                    hold(name, law, octets, seed);
                }
                for _ in 0..inputs {
                    let octets = mutated(corpus, &mut random);
                    hold(name, law, &octets, seed);
                }
            });
        }
    });
}

fn hold(name: &str, law: fn(&[u8]), octets: &[u8], seed: u64) {
    let held = catch_unwind(AssertUnwindSafe(|| law(octets)));
    assert!(held.is_ok(), "{name} broken, seed {seed}: {}", hex(octets));
}

/// Mutations that nothing can read would hold every law.
#[test]
fn many_mutations_are_still_pdus() {
    let corpus = corpus();
    let mut random = Random(1);
    let readable = (0..10_000)
        .filter(|_| Pdu::decode(&mutated(&corpus, &mut random)).is_ok())
        .count();
    assert!(readable > 1_000, "{readable} of 10000");
}

/// What the laws start from: the PDUs of `tests/pdus`, whole and without their service centre.
fn corpus() -> Vec<Vec<u8>> {
    let mut corpus = vec![Vec::new(), "Is it in? 😀€".into(), vec![0xFF; 176]];
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pdus")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for line in text.lines().filter(|line| line.starts_with('{')) {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            if let Some(octets) = row["pdu"].as_str().and_then(|pdu| unhex(pdu.as_bytes())) {
                if let Ok(tpdu) = callnumber::sms::tpdu_octets(&octets) {
                    corpus.push(tpdu.to_vec());
                }
                corpus.push(octets);
            }
        }
    }
    corpus
}

/// A few changes to one of the corpus, or to two spliced.
fn mutated(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut octets = corpus[random.below(corpus.len())].clone();
    if random.below(4) == 0 {
        let other = &corpus[random.below(corpus.len())];
        octets.truncate(random.below(octets.len() + 1));
        octets.extend_from_slice(&other[random.below(other.len() + 1)..]);
    }
    for _ in 0..=random.below(4) {
        let at = random.below(octets.len() + 1);
        let odd = [0x00, 0x01, 0x1B, 0x7F, 0x80, 0xD8, 0xDC, 0xFF][random.below(8)];
        match random.below(6) {
            0 => octets.truncate(at),
            1 => octets.insert(at, random.next() as u8),
            2 if at < octets.len() => {
                octets.remove(at);
            }
            3 if at < octets.len() => octets[at] ^= 1 << random.below(8),
            4 if at < octets.len() => octets[at] = odd,
            _ if at < octets.len() => octets[at] = random.next() as u8,
            _ => octets.push(odd),
        }
    }
    octets.truncate(512);
    octets
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Below a bound, which is not 0.
    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

proptest! {
    /// The simulator reads national tables with its own, and sees the text that was cut.
    #[test]
    fn texts_in_national_tables_are_read_by_another(
        text in "[a-zA-Z áéíóúñÁçãõâêôÊÀğşıİĞŞüöä€\\[\\]{}|~^\n]{0,600}",
        names in prop::sample::subsequence(
            vec!["spanish", "turkish", "portuguese", "turkish-locking", "portuguese-locking"],
            0..=5,
        ),
        reference in any::<u8>(),
    ) {
        let mut tables = NationalTables::NONE;
        for name in &names {
            tables.add(name).unwrap();
        }
        let parts = split_in(&text, tables, reference).unwrap();
        let mut whole = String::new();
        for (part, sequence) in parts.iter().zip(1..) {
            let to = Address::number("72456").unwrap();
            let tpdu = SmsSubmit::new(to, part.clone()).encode().unwrap();
            let read = air::Submit::decode(&tpdu).unwrap();
            let concat = read.user_data.concatenation();
            prop_assert_eq!(concat.is_some(), parts.len() > 1);
            if let Some(concat) = concat {
                prop_assert_eq!(
                    (concat.reference, usize::from(concat.total), concat.sequence),
                    (reference.into(), parts.len(), sequence)
                );
            }
            whole += &read.user_data.to_text().unwrap();
        }
        prop_assert_eq!(whole, text);
    }
}
