//! Names that say nothing of whoever bears them (clause 12).

use super::ids::PatronId;

/// Birds and trees: easy to say across a room, nobody's nickname, no insult in any of them.
const WORDS: [&str; 128] = [
    "acacia",
    "alder",
    "almond",
    "apple",
    "ash",
    "aspen",
    "auk",
    "avocet",
    "balsa",
    "bamboo",
    "banyan",
    "baobab",
    "bay",
    "beech",
    "birch",
    "bittern",
    "bluebird",
    "boxwood",
    "bunting",
    "canary",
    "cardinal",
    "cedar",
    "cherry",
    "chestnut",
    "chickadee",
    "citron",
    "condor",
    "coot",
    "cormorant",
    "crane",
    "curlew",
    "cypress",
    "dipper",
    "dogwood",
    "dove",
    "dunlin",
    "eagle",
    "ebony",
    "egret",
    "eider",
    "elder",
    "elm",
    "falcon",
    "fern",
    "fig",
    "finch",
    "fir",
    "flamingo",
    "flicker",
    "fulmar",
    "gannet",
    "ginkgo",
    "godwit",
    "goldfinch",
    "goshawk",
    "grebe",
    "grouse",
    "guava",
    "gull",
    "harrier",
    "hawthorn",
    "hazel",
    "hemlock",
    "heron",
    "hickory",
    "holly",
    "hornbeam",
    "ibis",
    "jackdaw",
    "jasmine",
    "jay",
    "juniper",
    "kestrel",
    "kingfisher",
    "kinglet",
    "kite",
    "kiwi",
    "lapwing",
    "larch",
    "lark",
    "laurel",
    "lemon",
    "lilac",
    "linden",
    "linnet",
    "loon",
    "magnolia",
    "magpie",
    "mallard",
    "maple",
    "martin",
    "merlin",
    "mulberry",
    "myrtle",
    "nightjar",
    "nuthatch",
    "oak",
    "olive",
    "oriole",
    "osprey",
    "ouzel",
    "owl",
    "palm",
    "peach",
    "pear",
    "pecan",
    "pelican",
    "petrel",
    "pine",
    "pipit",
    "plover",
    "plum",
    "poplar",
    "puffin",
    "quail",
    "quince",
    "raven",
    "redstart",
    "robin",
    "rowan",
    "sequoia",
    "sparrow",
    "spruce",
    "starling",
    "swift",
    "tamarind",
    "tern",
    "willow",
];

/// The name operators see instead of a number: `heron-42`.
///
/// Each id has a name of its own for one seed, so no look-up is needed to keep names unique; the
/// number behind the word grows a digit whenever the shorter ones are used up. The seed makes the
/// order of names the library's own.
pub(super) fn pseudonym(id: PatronId, seed: u64) -> String {
    let words = WORDS.len() as u64;
    let mut index = id.0.unsigned_abs();
    // Numbers of two digits, then of three, and so on.
    let mut lowest = 10_u64;
    loop {
        let numbers = lowest.saturating_mul(9);
        let names = words.saturating_mul(numbers);
        if index < names {
            // Neighbours in time should not be neighbours in name: a stride coprime to every
            // 2^a·3^b·5^c walks through all names before it comes back.
            const STRIDE: u128 = 7_368_787;
            let walked = u128::from(index) * STRIDE + u128::from(seed);
            let shuffled = (walked % u128::from(names)) as u64;
            let word = WORDS
                .get((shuffled % words) as usize)
                .expect("a remainder of the length is an index");
            return format!("{word}-{}", lowest + shuffled / words);
        }
        index -= names;
        lowest = lowest.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_never_given_twice() {
        // Through the end of the two-digit names and well into the three-digit ones.
        for seed in [0, 42, u64::MAX] {
            let names: BTreeSet<String> =
                (0..60_000).map(|n| pseudonym(PatronId(n), seed)).collect();
            assert_eq!(names.len(), 60_000);
            assert!(names.contains("heron-42"));
        }
    }

    #[test]
    fn names_are_a_word_and_a_number() {
        for id in [
            0,
            1,
            2,
            11_519,
            11_520,
            126_719,
            126_720,
            9_999_999_999,
            i64::MAX,
        ] {
            let name = pseudonym(PatronId(id), 7);
            let (word, number) = name.split_once('-').unwrap();
            assert!(WORDS.contains(&word), "{name}");
            assert!(number.len() >= 2 && !number.starts_with('0'), "{name}");
        }
    }

    #[test]
    fn words_are_distinct() {
        assert_eq!(BTreeSet::from(WORDS).len(), WORDS.len());
    }
}
