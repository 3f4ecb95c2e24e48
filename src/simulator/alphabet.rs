//! The GSM 7-bit default alphabet and its extension table (TS 23.038 §6.2.1), and septet packing.

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

/// The septets of one character, or `None` where the alphabet has no such character.
pub(crate) fn septets_of(letter: char) -> Option<Vec<u8>> {
    if letter != '\u{1b}'
        && let Some(code) = LETTERS.iter().position(|known| *known == letter)
    {
        return u8::try_from(code).ok().map(|code| vec![code]);
    }
    EXTENSION
        .iter()
        .find(|(_, known)| *known == letter)
        .map(|(code, _)| vec![ESCAPE, *code])
}

/// A text as septets, unpacked; `None` when a character is not in the alphabet.
pub(crate) fn to_septets(text: &str) -> Option<Vec<u8>> {
    let mut septets = Vec::with_capacity(text.len());
    for letter in text.chars() {
        septets.extend(septets_of(letter)?);
    }
    Some(septets)
}

/// Septets as text. A code the extension table lacks shows the default table's character
/// (TS 23.038 §6.2.1.1); an escape with nothing after it shows a space.
pub(crate) fn from_septets(septets: &[u8]) -> String {
    let mut text = String::with_capacity(septets.len());
    let mut codes = septets.iter().copied();
    while let Some(code) = codes.next() {
        if code == ESCAPE {
            match codes.next() {
                Some(next) => text.push(
                    EXTENSION
                        .iter()
                        .find(|(known, _)| *known == next)
                        .map_or_else(|| default_letter(next), |(_, letter)| *letter),
                ),
                None => text.push(' '),
            }
        } else {
            text.push(default_letter(code));
        }
    }
    text
}

fn default_letter(code: u8) -> char {
    match code {
        ESCAPE => ' ',
        code => LETTERS.get(usize::from(code)).copied().unwrap_or(' '),
    }
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
}
