//! UCS2 (TS 23.038 §6.2.3), read and written as UTF-16 with the first octet of a unit the higher:
//! phones have sent emoji that way for as long as there have been any.

/// Reads octets. Lone surrogates, and a last octet without its second, become U+FFFD.
pub fn decode_ucs2(octets: &[u8]) -> String {
    let (units, odd) = octets.as_chunks::<2>();
    let mut text = String::with_capacity(octets.len() * 3 / 2);
    let units = units.iter().map(|&unit| u16::from_be_bytes(unit));
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
            (&[], ""),
        ] {
            assert_eq!(decode_ucs2(octets), text, "{octets:02X?}");
        }
    }

    proptest! {
        #[test]
        fn texts_come_back(text in any::<String>()) {
            prop_assert_eq!(decode_ucs2(&encode_ucs2(&text)), text);
        }
    }
}
