//! USSD in words (TS 27.007 §7.15, TS 23.038 §5): what carriers answer, in the four ways modems pass
//! it on; and codes in the form that some of them want.

use crate::sms::{self, Alphabet};

/// Digits that make a packed text; shorter ones may be a number or a word.
const PACKED_DIGITS_MIN: usize = 10;

/// What an answer is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writing {
    Septets,
    Ucs2,
    Octets,
}

/// The data coding scheme of broadcasts and USSD, which is not the one of texts (TS 23.038 §5).
fn writing(coding: u8) -> Writing {
    match coding {
        0x11 => Writing::Ucs2,
        0x40..=0x7F | 0x90..=0x9F => match coding >> 2 & 0b11 {
            0b01 => Writing::Octets,
            0b10 => Writing::Ucs2,
            _ => Writing::Septets,
        },
        0xF0..=0xFF if coding & 0b100 != 0 => Writing::Octets,
        _ => Writing::Septets,
    }
}

/// An answer in words. Where the coding says UCS2 the text is hexadecimal; where it says GSM 7-bit
/// it is text, or on some modems the packed septets in hexadecimal.
pub(super) fn words(text: &str, coding: Option<u8>) -> String {
    let octets = sms::unhex(text.as_bytes());
    let read = match (coding.map(writing), octets) {
        (Some(Writing::Ucs2), Some(octets)) => Some(sms::decode_ucs2(&octets)),
        (Some(Writing::Octets), Some(octets)) => String::from_utf8(octets).ok(),
        (Some(Writing::Septets), Some(octets)) if looks_packed(text) => {
            let mut septets = sms::unpack(&octets, 0, octets.len() * 8 / 7);
            // Seven spare bits are filled with a carriage return, or left zero: no `@`
            // (TS 23.038 §6.1.2.3.1).
            septets.pop_if(|last| octets.len() % 7 == 0 && matches!(last, 0 | 0x0D));
            Some(Alphabet::default().decode(&septets))
        }
        (Some(_) | None, _) => None,
    };
    let read = read.filter(|read| is_legible(read));
    let words = read.as_deref().unwrap_or(text);
    let words = words.replace("\r\n", "\n").replace('\r', "\n");
    words.trim().to_owned()
}

/// Letters and digits both, and enough of them: neither a balance nor a word.
fn looks_packed(text: &str) -> bool {
    text.len() >= PACKED_DIGITS_MIN
        && text.bytes().any(|b| b.is_ascii_digit())
        && text.bytes().any(|b| b.is_ascii_uppercase())
}

fn is_legible(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| !c.is_control() || matches!(c, '\n' | '\r'))
}

/// A code as packed septets in hexadecimal, for modems that refuse it as text. `None` when it is
/// not of the default alphabet.
pub(super) fn packed(code: &str) -> Option<String> {
    let mut septets = Alphabet::default().encode(code)?;
    if septets.len() % 8 == 7 {
        septets.push(0x0D);
    }
    let mut octets = Vec::new();
    sms::pack(&septets, 0, &mut octets);
    Some(sms::hex(&octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_words() {
        for (text, coding, expected) in [
            ("Balance 5.00", Some(15), "Balance 5.00"),
            ("00480069", Some(72), "Hi"),
            ("00480069", Some(0x11), "Hi"),
            ("0048", None, "0048"),
            ("not hex", Some(72), "not hex"),
            ("1 Balance\r\n2 Offers", Some(15), "1 Balance\n2 Offers"),
            // Huawei: the septets of "hello" and of seven letters with their filling
            ("E8329BFD06", Some(15), "hello"),
            ("C2303BEC1E971B", Some(15), "Balance"),
            ("C2303BEC1E9701", Some(15), "Balance"),
            // Not packed, although hexadecimal
            ("1234567890", Some(15), "1234567890"),
            ("FACADE", Some(15), "FACADE"),
            ("48656C6C6F21", Some(0x44), "Hello!"),
        ] {
            assert_eq!(words(text, coding), expected, "{text:?} {coding:?}");
        }
    }

    #[test]
    fn codes_are_packed_as_the_air_has_them() {
        for (code, hex) in [
            ("*100#", "AA180C3602"),
            // Seven septets leave seven bits, which a carriage return fills.
            ("*#1234#", "AA514C36A38D1A"),
        ] {
            assert_eq!(packed(code).as_deref(), Some(hex), "{code}");
        }
        assert_eq!(packed("\u{4f60}"), None);
    }
}
