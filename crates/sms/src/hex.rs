//! Octets as the hexadecimal digits of PDU mode (TS 27.005 §3.1), and back.

/// Upper-case digits, two an octet.
pub fn hex(octets: &[u8]) -> String {
    let mut digits = String::with_capacity(octets.len() * 2);
    push_hex(octets, &mut digits);
    digits
}

/// Adds upper-case digits to `digits`.
pub fn push_hex(octets: &[u8], digits: &mut String) {
    for octet in octets {
        for nibble in [octet >> 4, octet & 0xF] {
            digits.push(char::from(match nibble {
                0..=9 => b'0' + nibble,
                _ => b'A' + nibble - 10,
            }));
        }
    }
}

/// Octets of digits in either case; `None` for anything else, an odd digit too.
pub fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    pairs
        .iter()
        .map(|&[high, low]| Some(nibble(high)? << 4 | nibble(low)?))
        .collect()
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_pairs_of_digits_are_octets() {
        for (digits, octets) in [
            ("", Some(vec![])),
            ("00fFA9", Some(vec![0x00, 0xFF, 0xA9])),
            ("0", None),
            ("0g", None),
            ("0 ", None),
            ("+1", None),
        ] {
            assert_eq!(unhex(digits.as_bytes()), octets, "{digits:?}");
        }
    }

    proptest! {
        #[test]
        fn octets_come_back(octets in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(unhex(hex(&octets).as_bytes()), Some(octets.clone()));
            prop_assert_eq!(unhex(hex(&octets).to_lowercase().as_bytes()), Some(octets));
        }
    }
}
