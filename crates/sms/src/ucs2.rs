//! UCS2 (TS 23.038 §6.2.3), read and written as UTF-16 with the first octet of a unit the higher:
//! phones have sent emoji that way for as long as there have been any.

/// What some senders put first, to say which octet of a unit is the higher.
const BYTE_ORDER_MARK: u16 = 0xFEFF;

/// Reads octets. Lone surrogates, and a last octet without its second, become U+FFFD. A byte-order
/// mark in front is no part of the text, and says so where the lower octets come first.
pub fn decode_ucs2(octets: &[u8]) -> String {
    let (units, odd) = octets.as_chunks::<2>();
    let mut text = String::with_capacity(octets.len() * 3 / 2);
    let (read, units): (fn([u8; 2]) -> u16, _) = match units {
        [first, rest @ ..] if u16::from_be_bytes(*first) == BYTE_ORDER_MARK => {
            (u16::from_be_bytes, rest)
        }
        [first, rest @ ..] if u16::from_le_bytes(*first) == BYTE_ORDER_MARK => {
            (u16::from_le_bytes, rest)
        }
        units => (u16::from_be_bytes, units),
    };
    let units = units.iter().map(|&unit| read(unit));
    for character in char::decode_utf16(units) {
        text.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    if !odd.is_empty() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    text
}

/// Writes text as octets, two for each UTF-16 unit.
pub fn encode_ucs2(text: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len() * 2);
    for unit in text.encode_utf16() {
        octets.extend_from_slice(&unit.to_be_bytes());
    }
    octets
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn surrogates_pair_or_are_replaced() {
        for (octets, text) in [
            (&[0x04, 0x1F, 0x04, 0x40][..], "Пр"),
            (&[0xD8, 0x3D, 0xDE, 0x00], "\u{1F600}"),
            (&[0xD8, 0x3D], "\u{FFFD}"),
            (&[0xDE, 0x00, 0x00, 0x41], "\u{FFFD}A"),
            (&[0x00, 0x41, 0x00], "A\u{FFFD}"),
            (&[0xFE, 0xFF, 0x00, 0x41], "A"),
            (
                &[0xFF, 0xFE, 0x41, 0x00, 0x3D, 0xD8, 0x00, 0xDE],
                "A\u{1F600}",
            ),
            (&[0x00, 0x41, 0xFE, 0xFF], "A\u{FEFF}"),
            (&[0xFF, 0xFE], ""),
            (&[], ""),
        ] {
            assert_eq!(decode_ucs2(octets), text, "{octets:02X?}");
        }
    }

    proptest! {
        #[test]
        fn texts_come_back(text in any::<String>()) {
            let marked = text.starts_with(['\u{FEFF}', '\u{FFFE}']);
            prop_assert!(marked || decode_ucs2(&encode_ucs2(&text)) == text);
        }
    }
}
