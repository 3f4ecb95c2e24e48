//! What the fuzz targets found worth keeping, replayed without libFuzzer, and a bounded number of
//! seeded mutations of it, the same on every run. `CALLNUMBER_SEED` takes another seed,
//! `CALLNUMBER_INPUTS` another number of inputs for each target.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Instant;

use callnumber::{at, cli, modem, routing, sms, trace, xmpp};

/// Mutations for each target: a few seconds in a debug build.
const INPUTS: u64 = 3_000;

/// A target's law, the same that `fuzz/fuzz_targets` holds it to.
type Law = fn(&[u8]);

const TARGETS: [(&str, Law); 8] = [
    ("pdu", sms::laws::pdu),
    ("join", sms::laws::join),
    ("at", |octets| at::laws::dialogue(octets, Instant::now())),
    ("line", modem::laws::line),
    ("trace", trace::laws::transcript),
    ("config", cli::config::law),
    ("xmpp", xmpp::law),
    ("words", routing::law),
];

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn corpus(name: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let folder = fuzz().join("corpus").join(name);
    let files = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{} has no corpus: {error}", folder.display()));
    files
        .map(|file| {
            let path = file.unwrap().path();
            let octets = std::fs::read(&path).unwrap();
            (path, octets)
        })
        .collect()
}

#[test]
fn every_target_is_replayed_and_has_a_small_corpus() {
    let mut targets: Vec<String> = std::fs::read_dir(fuzz().join("fuzz_targets"))
        .unwrap()
        .map(|file| {
            let path = file.unwrap().path();
            path.file_stem().unwrap().to_str().unwrap().to_owned()
        })
        .collect();
    targets.sort();
    let mut replayed: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    replayed.sort_unstable();
    assert_eq!(targets, replayed, "each target has its law here");
    let mut size = 0;
    for (name, _) in TARGETS {
        let corpus = corpus(name);
        assert!(
            (5..=100).contains(&corpus.len()),
            "{name}: {}",
            corpus.len()
        );
        size += corpus.values().map(Vec::len).sum::<usize>();
    }
    assert!(size < 200_000, "{size} octets of corpus");
}

#[test]
fn the_corpora_and_their_like_break_no_law() {
    let setting = |name: &str| -> Option<u64> { std::env::var(name).ok()?.parse().ok() };
    let seed = setting("CALLNUMBER_SEED").unwrap_or(0x0CA1_1C0D);
    let inputs = setting("CALLNUMBER_INPUTS").unwrap_or(INPUTS);
    std::thread::scope(|scope| {
        for (name, law) in TARGETS {
            scope.spawn(move || {
                let corpus = corpus(name);
                for (path, octets) in &corpus {
                    hold(law, octets, &path.display().to_string());
                }
                let corpus: Vec<&Vec<u8>> = corpus.values().collect();
                let mut dice = Dice(seed ^ name.len() as u64);
                for input in 0..inputs {
                    let octets = mutated(&corpus, &mut dice);
                    hold(law, &octets, &format!("{name}, seed {seed}, input {input}"));
                }
            });
        }
    });
}

fn hold(law: Law, octets: &[u8], whence: &str) {
    let held = catch_unwind(AssertUnwindSafe(|| law(octets)));
    assert!(held.is_ok(), "broken by {whence}: {}", sms::hex(octets));
}

/// Two of the corpus spliced, and a few octets changed.
fn mutated(corpus: &[&Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut octets = corpus[dice.roll(corpus.len())].clone();
    if dice.roll(2) == 0 {
        let other = corpus[dice.roll(corpus.len())];
        octets.truncate(dice.roll(octets.len() + 1));
        octets.extend_from_slice(&other[dice.roll(other.len() + 1)..]);
    }
    for _ in 0..dice.roll(5) {
        let at = dice.roll(octets.len() + 1);
        let octet = u8::try_from(dice.roll(256)).unwrap();
        match dice.roll(3) {
            0 => octets.insert(at, octet),
            1 if at < octets.len() => {
                octets.remove(at);
            }
            _ if at < octets.len() => octets[at] = octet,
            _ => octets.push(octet),
        }
    }
    octets.truncate(2_048);
    octets
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    /// Below a bound, which is not 0.
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).unwrap()
    }
}
