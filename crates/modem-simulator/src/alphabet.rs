//! The GSM 7-bit default alphabet and its extension table (TS 23.038 §6.2.1), the national language
//! tables (annex A), and septet packing.

use std::sync::LazyLock;

/// The default alphabet in code order, 0x00 to 0x7F; 0x1B is the escape to the extension table.
const DEFAULT: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1b}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// The same, to be looked up by code.
static LETTERS: LazyLock<Vec<char>> = LazyLock::new(|| DEFAULT.chars().collect());

/// The extension table (TS 23.038 §6.2.1.1): reached through the escape, so two septets each.
const EXTENSION: [(u8, char); 10] = [
    (0x0A, '\u{0c}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2F, '\\'),
    (0x3C, '['),
    (0x3D, '~'),
    (0x3E, ']'),
    (0x40, '|'),
    (0x65, '€'),
];

/// Escape to the extension table.
pub(crate) const ESCAPE: u8 = 0x1B;

/// A language with tables of its own, by its identifier in the header (TS 23.040 §9.2.3.24.15).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// 1: single shift and locking shift.
    Turkish,
    /// 2: single shift only.
    Spanish,
    /// 3: single shift and locking shift.
    Portuguese,
}

impl Language {
    /// By its identifier.
    pub(crate) fn numbered(identifier: u8) -> Option<Self> {
        match identifier {
            1 => Some(Self::Turkish),
            2 => Some(Self::Spanish),
            3 => Some(Self::Portuguese),
            _ => None,
        }
    }

    /// Its identifier.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Turkish => 1,
            Self::Spanish => 2,
            Self::Portuguese => 3,
        }
    }

    /// Where its locking shift table differs from the default alphabet (TS 23.038 annex A.3).
    fn locking(self) -> &'static [(u8, char)] {
        match self {
            Self::Turkish => &[
                (0x04, '€'),
                (0x07, 'ı'),
                (0x0B, 'Ğ'),
                (0x0C, 'ğ'),
                (0x1C, 'Ş'),
                (0x1D, 'ş'),
                (0x40, 'İ'),
                (0x60, 'ç'),
            ],
            Self::Spanish => &[],
            Self::Portuguese => &[
                (0x04, 'ê'),
                (0x06, 'ú'),
                (0x07, 'í'),
                (0x08, 'ó'),
                (0x09, 'ç'),
                (0x0B, 'Ô'),
                (0x0C, 'ô'),
                (0x0E, 'Á'),
                (0x0F, 'á'),
                (0x12, 'ª'),
                (0x13, 'Ç'),
                (0x14, 'À'),
                (0x15, '∞'),
                (0x16, '^'),
                (0x17, '\\'),
                (0x18, '€'),
                (0x19, 'Ó'),
                (0x1A, '|'),
                (0x1C, 'Â'),
                (0x1D, 'â'),
                (0x1E, 'Ê'),
                (0x24, 'º'),
                (0x40, 'Í'),
                (0x5B, 'Ã'),
                (0x5C, 'Õ'),
                (0x5D, 'Ú'),
                (0x60, '~'),
                (0x7B, 'ã'),
                (0x7C, 'õ'),
                (0x7D, '`'),
            ],
        }
    }

    /// What its single shift table has beyond the extension table (TS 23.038 annex A.2).
    fn single(self) -> &'static [(u8, char)] {
        match self {
            Self::Turkish => &[
                (0x47, 'Ğ'),
                (0x49, 'İ'),
                (0x53, 'Ş'),
                (0x63, 'ç'),
                (0x67, 'ğ'),
                (0x69, 'ı'),
                (0x73, 'ş'),
            ],
            Self::Spanish => &[
                (0x09, 'ç'),
                (0x41, 'Á'),
                (0x49, 'Í'),
                (0x4F, 'Ó'),
                (0x55, 'Ú'),
                (0x61, 'á'),
                (0x69, 'í'),
                (0x6F, 'ó'),
                (0x75, 'ú'),
            ],
            Self::Portuguese => &[
                (0x05, 'ê'),
                (0x09, 'ç'),
                (0x0B, 'Ô'),
                (0x0C, 'ô'),
                (0x0E, 'Á'),
                (0x0F, 'á'),
                (0x12, 'Φ'),
                (0x13, 'Γ'),
                (0x15, 'Ω'),
                (0x16, 'Π'),
                (0x17, 'Ψ'),
                (0x18, 'Σ'),
                (0x19, 'Θ'),
                (0x1F, 'Ê'),
                (0x41, 'À'),
                (0x49, 'Í'),
                (0x4F, 'Ó'),
                (0x55, 'Ú'),
                (0x5B, 'Ã'),
                (0x5C, 'Õ'),
                (0x61, 'Â'),
                (0x69, 'í'),
                (0x6F, 'ó'),
                (0x75, 'ú'),
                (0x7B, 'ã'),
                (0x7C, 'õ'),
                (0x7F, 'â'),
            ],
        }
    }
}

/// The tables that a text uses; none of its own in nearly all texts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tables {
    pub(crate) locking: Option<Language>,
    pub(crate) single: Option<Language>,
}

impl Tables {
    /// The septets of one character, or `None` where the tables have no such character.
    fn septets_of(self, letter: char) -> Option<Vec<u8>> {
        if letter == '\u{1b}' {
            return None;
        }
        let own = self.locking.map_or(&[][..], Language::locking);
        if let Some((code, _)) = own.iter().find(|(_, known)| *known == letter) {
            return Some(vec![*code]);
        }
        let default = LETTERS
            .iter()
            .position(|known| *known == letter)
            .and_then(|code| u8::try_from(code).ok())
            .filter(|code| !own.iter().any(|(taken, _)| taken == code));
        if let Some(code) = default {
            return Some(vec![code]);
        }
        self.single
            .map_or(&[][..], Language::single)
            .iter()
            .chain(&EXTENSION)
            .find(|(_, known)| *known == letter)
            .map(|(code, _)| vec![ESCAPE, *code])
    }

    /// A text as septets, unpacked; `None` when a character is not in the tables.
    pub(crate) fn to_septets(self, text: &str) -> Option<Vec<u8>> {
        let mut septets = Vec::with_capacity(text.len());
        for letter in text.chars() {
            septets.extend(self.septets_of(letter)?);
        }
        Some(septets)
    }

    /// Septets as text. A code the single shift table lacks shows the main table's character
    /// (TS 23.038 §6.2.1.1); an escape with nothing after it shows a space.
    pub(crate) fn to_text(self, septets: &[u8]) -> String {
        let own = self.locking.map_or(&[][..], Language::locking);
        let main = |code: u8| match own.iter().find(|(known, _)| *known == code) {
            Some((_, letter)) => *letter,
            None if code == ESCAPE => ' ',
            None => LETTERS.get(usize::from(code)).copied().unwrap_or(' '),
        };
        let mut text = String::with_capacity(septets.len());
        let mut codes = septets.iter().copied();
        while let Some(code) = codes.next() {
            if code != ESCAPE {
                text.push(main(code));
                continue;
            }
            let Some(code) = codes.next() else {
                text.push(' ');
                break;
            };
            let shifted = self
                .single
                .map_or(&[][..], Language::single)
                .iter()
                .chain(&EXTENSION)
                .find(|(known, _)| *known == code);
            text.push(shifted.map_or_else(|| main(code), |(_, letter)| *letter));
        }
        text
    }
}

/// The septets of one character, or `None` where the default alphabet has no such character.
pub(crate) fn septets_of(letter: char) -> Option<Vec<u8>> {
    Tables::default().septets_of(letter)
}

/// Septets of the default alphabet as text.
pub(crate) fn from_septets(septets: &[u8]) -> String {
    Tables::default().to_text(septets)
}

/// Packs septets into octets, low bits first (TS 23.038 §6.1.2.1), after `fill` zero bits.
pub(crate) fn pack(septets: &[u8], fill: usize) -> Vec<u8> {
    let bits = fill + septets.len() * 7;
    let mut octets = vec![0u8; bits.div_ceil(8)];
    for (n, septet) in septets.iter().enumerate() {
        for bit in 0..7 {
            if septet >> bit & 1 == 1 {
                let place = fill + n * 7 + bit;
                if let Some(octet) = octets.get_mut(place / 8) {
                    *octet |= 1 << (place % 8);
                }
            }
        }
    }
    octets
}

/// Unpacks at most `count` septets that begin after `fill` bits; fewer when the octets run out.
pub(crate) fn unpack(octets: &[u8], count: usize, fill: usize) -> Vec<u8> {
    let mut septets = Vec::with_capacity(count.min(octets.len() * 8 / 7 + 1));
    for n in 0..count {
        let mut septet = 0u8;
        for bit in 0..7 {
            let place = fill + n * 7 + bit;
            let Some(octet) = octets.get(place / 8) else {
                return septets;
            };
            septet |= (octet >> (place % 8) & 1) << bit;
        }
        septets.push(septet);
    }
    septets
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn to_septets(text: &str) -> Option<Vec<u8>> {
        Tables::default().to_septets(text)
    }

    #[test]
    fn the_table_has_every_code_once() {
        let letters: Vec<char> = DEFAULT.chars().collect();
        assert_eq!(letters.len(), 128);
        let mut once = letters.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), 128);
    }

    #[test]
    fn codes_stand_where_the_table_prints_them() {
        for (letter, septets) in [
            ('@', vec![0x00]),
            ('Δ', vec![0x10]),
            ('_', vec![0x11]),
            ('Ξ', vec![0x1A]),
            ('Æ', vec![0x1C]),
            (' ', vec![0x20]),
            ('¤', vec![0x24]),
            ('?', vec![0x3F]),
            ('¡', vec![0x40]),
            ('A', vec![0x41]),
            ('Ä', vec![0x5B]),
            ('§', vec![0x5F]),
            ('¿', vec![0x60]),
            ('z', vec![0x7A]),
            ('à', vec![0x7F]),
            ('€', vec![0x1B, 0x65]),
            ('[', vec![0x1B, 0x3C]),
            ('\\', vec![0x1B, 0x2F]),
        ] {
            assert_eq!(septets_of(letter).unwrap(), septets, "{letter:?}");
        }
        for foreign in ['`', 'ç', 'я', '😀', '\u{1b}', 'á'] {
            assert_eq!(septets_of(foreign), None, "{foreign:?}");
        }
    }

    #[test]
    fn septets_pack_low_bits_first() {
        for (text, packed) in [
            ("", vec![]),
            ("hello", vec![0xE8, 0x32, 0x9B, 0xFD, 0x06]),
            (
                "hellohello",
                vec![0xE8, 0x32, 0x9B, 0xFD, 0x46, 0x97, 0xD9, 0xEC, 0x37],
            ),
        ] {
            let septets = to_septets(text).unwrap();
            assert_eq!(pack(&septets, 0), packed, "{text:?}");
            assert_eq!(unpack(&packed, septets.len(), 0), septets, "{text:?}");
        }
    }

    #[test]
    fn fill_bits_come_first_and_are_skipped() {
        let septets = to_septets("seven").unwrap();
        for fill in 0..7 {
            assert_eq!(
                unpack(&pack(&septets, fill), 5, fill),
                septets,
                "fill {fill}"
            );
        }
    }

    #[test]
    fn an_unknown_escape_shows_the_main_table() {
        assert_eq!(from_septets(&[ESCAPE, 0x41]), "A");
        assert_eq!(from_septets(&[0x41, ESCAPE]), "A ");
        assert_eq!(from_septets(&[ESCAPE, 0x65]), "€");
    }

    #[test]
    fn languages_have_tables_of_their_own() {
        use Language::{Portuguese, Spanish, Turkish};
        for (locking, single, text, septets) in [
            (None, Some(Spanish), "áñ", vec![0x1B, 0x61, 0x7D]),
            (None, Some(Turkish), "ş€", vec![0x1B, 0x73, 0x1B, 0x65]),
            (Some(Turkish), None, "ığ", vec![0x07, 0x0C]),
            (Some(Turkish), Some(Turkish), "€", vec![0x04]),
            (
                Some(Portuguese),
                Some(Portuguese),
                "ãΩ",
                vec![0x7B, 0x1B, 0x15],
            ),
            (None, Some(Portuguese), "ãç", vec![0x1B, 0x7B, 0x1B, 0x09]),
        ] {
            let tables = Tables { locking, single };
            assert_eq!(tables.to_septets(text).unwrap(), septets, "{text}");
            assert_eq!(tables.to_text(&septets), text, "{text}");
        }
        // What a language's table has replaced is no longer there.
        let turkish = Tables {
            locking: Some(Turkish),
            single: None,
        };
        assert_eq!(turkish.to_septets("è"), None);
    }
}
