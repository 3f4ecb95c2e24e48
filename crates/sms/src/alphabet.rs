//! GSM 7-bit text: septets to characters, characters to septets, septets packed in octets
//! (TS 23.038 §6.1.2, §6.2.1).

#![deny(clippy::indexing_slicing)]

use super::national::{self, ESCAPE, NationalLanguage, Table};

/// Septets that 140 octets of user data hold.
pub const SEPTETS_MAX: usize = 160;

/// Which tables a text is written in: the default alphabet and its extension, unless the user data
/// header shifts to a national language's (TS 23.038 §6.2.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Alphabet {
    /// The language whose locking shift table replaces the default alphabet. Spanish has none, and
    /// leaves the default alphabet in place.
    pub locking: Option<NationalLanguage>,
    /// The language whose single shift table replaces the extension table.
    pub single: Option<NationalLanguage>,
}

impl Alphabet {
    /// The default alphabet with its extension table.
    pub const DEFAULT: Self = Self {
        locking: None,
        single: None,
    };

    /// Reads septets, one an octet (the top bit is ignored).
    ///
    /// An escaped septet without a character of its own reads as its unescaped one; a septet
    /// without any, an escaped escape and an escape with nothing behind it read as a space
    /// (TS 23.038 §6.2.1.1 and its notes).
    pub fn decode(self, septets: &[u8]) -> String {
        let (main, extension) = self.tables();
        let mut text = Vec::with_capacity(septets.len() + septets.len() / 8);
        let mut rest = septets.iter();
        while let Some(&septet) = rest.next() {
            let code = if septet & 0x7F != ESCAPE {
                character(main, septet)
            } else {
                match rest.next() {
                    None => 0,
                    Some(&escaped) => match character(extension, escaped) {
                        0 => character(main, escaped),
                        code => code,
                    },
                }
            };
            push_utf8(&mut text, if code == 0 { 0x20 } else { code });
        }
        String::from_utf8(text).expect("only whole characters of the tables were pushed")
    }

    /// Writes text as septets, one an octet; `None` when a character is in neither table.
    pub fn encode(self, text: &str) -> Option<Vec<u8>> {
        let mut septets = Vec::with_capacity(text.len());
        for character in text.chars() {
            self.encode_character(character)?.append_to(&mut septets);
        }
        Some(septets)
    }

    /// The septets of one character; `None` when it is in neither table.
    pub(super) fn encode_character(self, character: char) -> Option<Septets> {
        if self == Self::DEFAULT {
            return default_septets(character);
        }
        let (main, extension) = self.tables();
        let code = u16::try_from(u32::from(character)).ok()?;
        if let Some(septet) = position(main, code) {
            return Some(Septets::One(septet));
        }
        position(extension, code).map(Septets::Escaped)
    }

    /// The letters of the main table, and those of the extension, which take two septets.
    pub fn letters(self) -> (String, String) {
        let (main, extension) = self.tables();
        let letters = |table: &Table| -> String {
            let codes = table.iter().filter(|code| **code != 0);
            codes
                .filter_map(|code| char::from_u32((*code).into()))
                .collect()
        };
        (letters(main), letters(extension))
    }

    fn tables(self) -> (&'static Table, &'static Table) {
        (
            self.locking
                .and_then(NationalLanguage::locking)
                .unwrap_or(&national::DEFAULT),
            self.single
                .map_or(&national::DEFAULT_EXTENSION, NationalLanguage::single),
        )
    }
}

/// How one character is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Septets {
    /// By itself.
    One(u8),
    /// After an escape.
    Escaped(u8),
}

impl Septets {
    /// How many there are.
    pub(super) fn count(self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Escaped(_) => 2,
        }
    }

    fn append_to(self, septets: &mut Vec<u8>) {
        match self {
            Self::One(septet) => septets.push(septet),
            Self::Escaped(septet) => septets.extend_from_slice(&[ESCAPE, septet]),
        }
    }
}

/// Packs septets into octets, the first `fill_bits` (below 8) left zero: what aligns text behind a
/// user data header to a septet (TS 23.040 §9.2.3.24). Adds to `octets`.
pub fn pack(septets: &[u8], fill_bits: u8, octets: &mut Vec<u8>) {
    octets.reserve((septets.len() * 7 + 14) / 8);
    let mut held = 0u32;
    let mut bits = u32::from(fill_bits & 7);
    for &septet in septets {
        held |= u32::from(septet & 0x7F) << bits;
        bits += 7;
        if bits >= 8 {
            octets.push(low_octet(held));
            held >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 {
        octets.push(low_octet(held));
    }
}

/// Unpacks up to `count` septets, one an octet, skipping the first `fill_bits` (below 8). Gives
/// fewer when `octets` ends before.
pub fn unpack(octets: &[u8], fill_bits: u8, count: usize) -> Vec<u8> {
    let fill = usize::from(fill_bits & 7);
    let count = count.min((octets.len() * 8).saturating_sub(fill) / 7);
    let mut septets = Vec::with_capacity(count + 8);
    // Seven octets are eight septets; the eighth octet read along holds what fill bits displace.
    let mut rest = octets;
    while septets.len() + 8 <= count {
        let (Some(block), Some((_, after))) =
            (rest.first_chunk::<8>(), rest.split_first_chunk::<7>())
        else {
            break;
        };
        let bits = u64::from_le_bytes(*block) >> fill;
        septets.extend_from_slice(&[
            (bits & 0x7F) as u8,
            ((bits >> 7) & 0x7F) as u8,
            ((bits >> 14) & 0x7F) as u8,
            ((bits >> 21) & 0x7F) as u8,
            ((bits >> 28) & 0x7F) as u8,
            ((bits >> 35) & 0x7F) as u8,
            ((bits >> 42) & 0x7F) as u8,
            ((bits >> 49) & 0x7F) as u8,
        ]);
        rest = after;
    }
    let mut held = 0u32;
    let mut bits = 0u32;
    let mut skip = fill as u32;
    for &octet in rest {
        held |= u32::from(octet) << bits;
        bits += 8;
        if skip > 0 {
            held >>= skip;
            bits -= skip;
            skip = 0;
        }
        while bits >= 7 && septets.len() < count {
            septets.push((held & 0x7F) as u8);
            held >>= 7;
            bits -= 7;
        }
        if septets.len() == count {
            break;
        }
    }
    septets
}

/// The character of a septet, or 0.
fn character(table: &Table, septet: u8) -> u16 {
    table
        .get(usize::from(septet & 0x7F))
        .copied()
        .unwrap_or_default()
}

/// The first septet with this character. Some tables say a character twice; either reads the same.
fn position(table: &Table, code: u16) -> Option<u8> {
    if code == 0 {
        return None; // the mark of a blank, and in no table
    }
    let at = table.iter().position(|&entry| entry == code)?;
    u8::try_from(at).ok()
}

/// [`Alphabet::DEFAULT`] without a search where most characters are: counters ask it at every key.
fn default_septets(character: char) -> Option<Septets> {
    let code = u16::try_from(u32::from(character)).ok()?;
    match QUICK.get(usize::from(code)) {
        Some(&ABSENT) => None,
        Some(&quick) if quick & ESCAPED != 0 => Some(Septets::Escaped(quick & 0x7F)),
        Some(&quick) => Some(Septets::One(quick)),
        None => match code {
            0x0390..=0x03AF => position(&national::DEFAULT, code).map(Septets::One),
            0x20AC => position(&national::DEFAULT_EXTENSION, code).map(Septets::Escaped),
            _ => None,
        },
    }
}

/// In [`QUICK`]: behind an escape.
const ESCAPED: u8 = 0x80;
/// In [`QUICK`]: not in the default alphabet. No septet is 0x7F behind an escape.
const ABSENT: u8 = 0xFF;

/// The septets of the first 256 characters.
static QUICK: [u8; 256] = quick();

#[allow(clippy::indexing_slicing)] // while compiling, where leaving the table is an error
const fn quick() -> [u8; 256] {
    let mut quick = [ABSENT; 256];
    let mut septet = 0u8;
    while septet < 128 {
        let plain = national::DEFAULT[septet as usize];
        if plain != 0 && plain < 256 {
            quick[plain as usize] = septet;
        }
        let escaped = national::DEFAULT_EXTENSION[septet as usize];
        if escaped != 0 && escaped < 256 {
            quick[escaped as usize] = ESCAPED | septet;
        }
        septet += 1;
    }
    quick
}

/// Pushes a character of the basic plane; the tables hold no surrogates.
fn push_utf8(text: &mut Vec<u8>, code: u16) {
    if code < 0x80 {
        text.push(code as u8);
    } else if code < 0x800 {
        text.extend_from_slice(&[0xC0 | (code >> 6) as u8, 0x80 | (code & 0x3F) as u8]);
    } else {
        text.extend_from_slice(&[
            0xE0 | (code >> 12) as u8,
            0x80 | (code >> 6 & 0x3F) as u8,
            0x80 | (code & 0x3F) as u8,
        ]);
    }
}

fn low_octet(bits: u32) -> u8 {
    (bits & 0xFF) as u8
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use proptest::prelude::*;

    use super::*;
    use crate::hex::hex;

    fn packed(text: &str) -> String {
        let mut octets = Vec::new();
        pack(&Alphabet::DEFAULT.encode(text).unwrap(), 0, &mut octets);
        hex(&octets)
    }

    #[test]
    fn characters_pack_into_septets() {
        for (text, expected) in [
            ("", ""),
            ("hello", "E8329BFD06"),
            ("hellohello", "E8329BFD4697D9EC37"),
            ("1234567", "31D98C56B3DD00"),
            ("12345678", "31D98C56B3DD70"),
            ("€", "9B32"), // extension table: two septets (§6.2.1.1)
            ("@", "00"),
        ] {
            assert_eq!(packed(text), expected, "{text:?}");
        }
    }

    #[test]
    fn fill_bits_come_before_the_text() {
        let mut octets = Vec::new();
        pack(&[0x41], 1, &mut octets);
        assert_eq!(octets, [0x82]);
        assert_eq!(unpack(&octets, 1, 1), [0x41]);
        octets.clear();
        pack(&[0x41], 6, &mut octets);
        assert_eq!(octets, [0x40, 0x10]);
        assert_eq!(unpack(&octets, 6, 1), [0x41]);
    }

    #[test]
    fn odd_escapes_are_shown_as_the_specification_says() {
        for (septets, text) in [
            (&[0x1B, 0x65][..], "€"),
            (&[0x1B, 0x41], "A"),        // not in the table: the main one's
            (&[0x1B, 0x1B, 0x41], " A"), // reserved for another table: a space
            (&[0x41, 0x1B], "A "),
            (&[0x1B, 0x0A], "\u{c}"),
            (&[0x1B, 0x0D], "\r"),
        ] {
            assert_eq!(Alphabet::DEFAULT.decode(septets), text, "{septets:02X?}");
        }
    }

    #[test]
    fn a_septet_without_a_character_is_a_space() {
        let tamil = Alphabet {
            locking: Some(NationalLanguage::Tamil),
            single: Some(NationalLanguage::Tamil),
        };
        assert_eq!(tamil.decode(&[0x00, 0x03, 0x1B, 0x1E]), " அ௨");
        assert_eq!(tamil.decode(&[0x1B, 0x4D, 0x1B, 0x7E]), "M௲");
    }

    #[test]
    fn the_quick_way_agrees_with_the_tables() {
        for character in (0..=0xFFFF).filter_map(char::from_u32) {
            let code = character as u32 as u16;
            let slow = position(&national::DEFAULT, code)
                .map(Septets::One)
                .or_else(|| position(&national::DEFAULT_EXTENSION, code).map(Septets::Escaped));
            assert_eq!(default_septets(character), slow, "{character:?}");
        }
        assert_eq!(default_septets('\u{1F600}'), None);
    }

    /// Every pair of tables, and every character they have.
    #[test]
    fn national_tables_go_both_ways() {
        let languages: Vec<_> = [None]
            .into_iter()
            .chain(NationalLanguage::ALL.into_iter().map(Some))
            .collect();
        for &locking in &languages {
            for &single in &languages {
                let alphabet = Alphabet { locking, single };
                let (main, extension) = alphabet.tables();
                let text: String = main
                    .iter()
                    .chain(extension)
                    .filter(|&&code| code != 0)
                    .map(|&code| char::from_u32(code.into()).unwrap())
                    .collect();
                let septets = alphabet.encode(&text).unwrap();
                assert_eq!(alphabet.decode(&septets), text, "{alphabet:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn packing_comes_back(
            septets in prop::collection::vec(0u8..128, 0..400),
            fill in 0u8..7,
        ) {
            let mut octets = Vec::new();
            pack(&septets, fill, &mut octets);
            prop_assert_eq!(octets.len(), (septets.len() * 7 + usize::from(fill)).div_ceil(8));
            prop_assert_eq!(unpack(&octets, fill, septets.len()), septets);
        }

        #[test]
        fn any_septets_are_some_text(
            septets in prop::collection::vec(any::<u8>(), 0..300),
            locking in prop::option::of(0usize..13),
            single in prop::option::of(0usize..13),
        ) {
            let language = |at: usize| NationalLanguage::ALL[at];
            let alphabet = Alphabet { locking: locking.map(language), single: single.map(language) };
            let text = alphabet.decode(&septets);
            prop_assert!(text.chars().count() <= septets.len());
        }
    }
}
