//! The character sets a terminal may choose with `+CSCS` (TS 27.007 §5.5).

use super::{air, alphabet};

/// A text in the terminal's character set. What the set lacks becomes `?`.
pub(crate) fn encode(charset: &str, text: &str) -> Vec<u8> {
    match charset {
        "UTF-8" => text.as_bytes().to_vec(),
        "UCS2" => {
            let octets: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            air::to_hex(&octets).into_bytes()
        }
        "GSM" => gsm(text),
        "HEX" => air::to_hex(&gsm(text)).into_bytes(),
        "8859-1" => text
            .chars()
            .map(|letter| u8::try_from(u32::from(letter)).unwrap_or(b'?'))
            .collect(),
        _ => text
            .chars()
            .map(|letter| {
                if letter.is_ascii() {
                    letter as u8
                } else {
                    b'?'
                }
            })
            .collect(),
    }
}

/// Octets in the terminal's character set as text; `None` when they cannot be.
pub(crate) fn decode(charset: &str, octets: &[u8]) -> Option<String> {
    match charset {
        "UTF-8" => String::from_utf8(octets.to_vec()).ok(),
        "UCS2" => {
            let octets = air::from_hex(std::str::from_utf8(octets).ok()?)?;
            if octets.len() % 2 != 0 {
                return None;
            }
            Some(air::ucs2_to_text(&octets))
        }
        "GSM" => Some(alphabet::from_septets(
            &octets.iter().map(|octet| octet & 0x7F).collect::<Vec<u8>>(),
        )),
        "HEX" => Some(alphabet::from_septets(&air::from_hex(
            std::str::from_utf8(octets).ok()?,
        )?)),
        "8859-1" => Some(octets.iter().copied().map(char::from).collect()),
        _ => octets
            .is_ascii()
            .then(|| octets.iter().copied().map(char::from).collect()),
    }
}

fn gsm(text: &str) -> Vec<u8> {
    text.chars()
        .flat_map(|letter| alphabet::septets_of(letter).unwrap_or_else(|| vec![b'?']))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cross_the_port_in_the_chosen_set() {
        for (charset, text, octets) in [
            ("GSM", "a@_", &[0x61, 0x00, 0x11][..]),
            ("HEX", "@a", b"0061"),
            ("UCS2", "ä€", b"00E420AC"),
            ("UTF-8", "ä", &[0xC3, 0xA4]),
            ("8859-1", "ä", &[0xE4]),
            ("IRA", "a@", b"a@"),
        ] {
            assert_eq!(encode(charset, text), octets, "{charset}");
            assert_eq!(decode(charset, octets).as_deref(), Some(text), "{charset}");
        }
        assert_eq!(encode("IRA", "ä"), b"?");
        for (charset, octets) in [("UCS2", &b"00E"[..]), ("UCS2", b"xx"), ("UTF-8", &[0xFF])] {
            assert_eq!(decode(charset, octets), None, "{charset}");
        }
    }
}
