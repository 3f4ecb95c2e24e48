//! Octets as hexadecimal digits, the way PDUs travel in AT (TS 27.005 §3.1).

/// The octets of `text`; `None` unless it is an even, non-zero count of hexadecimal digits.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return None;
    }
    digits
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
            _ => None,
        })
        .collect()
}

/// `octets` in upper-case digits: some modems refuse lower case.
pub fn encode(octets: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut text = String::with_capacity(octets.len().saturating_mul(2));
    for octet in octets {
        for nibble in [octet >> 4, octet & 0x0F] {
            // A nibble is below 16, so the digit is always there.
            if let Some(digit) = DIGITS.get(usize::from(nibble)) {
                text.push(char::from(*digit));
            }
        }
    }
    text
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
    use super::*;

    #[test]
    fn digits_become_octets_or_nothing() {
        for (text, octets) in [
            ("0791", Some(vec![0x07, 0x91])),
            ("aBcD", Some(vec![0xAB, 0xCD])),
            ("", None),
            ("079", None),
            ("07 9", None),
            ("07G1", None),
        ] {
            assert_eq!(decode(text), octets, "{text:?}");
        }
    }

    #[test]
    fn every_octet_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(&encode(&all)), Some(all));
    }
}
