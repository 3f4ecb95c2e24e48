//! USSD in words (TS 27.007 §7.15, TS 23.038 §5): what carriers answer, in the four ways modems pass
//! it on; and codes in the form that some of them want.
//!
//! The coding that comes with an answer is the network's, and says little of what the modem made of
//! it: Huawei passes septets on as they were on the air, a modem whose strings are UCS2 calls that 15.
//! So an answer is read in each way there is, and what reads best is taken.

use crate::sms::{self, Alphabet};

/// Digits that make a packed text; shorter ones may be a number or a word.
const PACKED_DIGITS_MIN: usize = 10;

/// Digits that make a text in UCS2, where the coding does not say so.
const UCS2_DIGITS_MIN: usize = 8;

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

/// An answer in words.
pub(super) fn words(text: &str, coding: Option<u8>) -> String {
    let said = coding.map(writing);
    let mut readings = vec![(text.to_owned(), plainness(text), Writing::Septets)];
    if let Some(octets) = sms::unhex(text.as_bytes()) {
        let mut read = |words: String, writing| {
            let legibility = legibility(&words);
            readings.push((words, legibility, writing));
        };
        if octets.len() % 2 == 0 && (text.len() >= UCS2_DIGITS_MIN || said == Some(Writing::Ucs2)) {
            read(sms::decode_ucs2(&octets), Writing::Ucs2);
            // Two packed letters of a language may stand before it.
            if let (Some(0x11), Some(rest)) = (coding, octets.get(2..)) {
                read(sms::decode_ucs2(rest), Writing::Ucs2);
            }
        }
        if text.len() >= PACKED_DIGITS_MIN {
            read(unpacked(&octets), Writing::Septets);
        }
        // Some modems hand on letters in hexadecimal, whatever the coding.
        let words = String::from_utf8(octets);
        if let Ok(words) = words
            && (said == Some(Writing::Octets) || !words.trim_end_matches('\0').contains('\0'))
        {
            read(words, Writing::Octets);
        }
    }
    // The coding breaks ties; among equals the plain one comes first, as it stands.
    let worth = |(_, legibility, writing): &(String, i32, Writing)| {
        legibility
            + if said == Some(*writing) {
                CODING_WORTH
            } else {
                0
            }
    };
    let best = readings
        .iter()
        .rev()
        .max_by_key(|reading| worth(reading))
        .map_or(text, |(words, ..)| words);
    let words = best.split('\0').next().unwrap_or_default();
    let words = words.replace("\r\n", "\n").replace('\r', "\n");
    without_language(&words, coding).trim().to_owned()
}

/// What the coding weighs, in hundredths of legibility.
const CODING_WORTH: i32 = 12;

/// Septets as letters, without what fills the last octet: seven spare bits are a carriage return, or
/// left zero (TS 23.038 §6.1.2.3.1), and some networks fill more.
fn unpacked(octets: &[u8]) -> String {
    let mut septets = sms::unpack(octets, 0, octets.len() * 8 / 7);
    septets.pop_if(|last| octets.len().is_multiple_of(7) && matches!(last, 0 | 0x0D));
    while septets.ends_with(&[0, 0]) {
        septets.pop();
    }
    Alphabet::default().decode(&septets)
}

/// Coding 16: two letters of a language and a carriage return stand before the text.
fn without_language(words: &str, coding: Option<u8>) -> &str {
    let prefix = words.split_once('\n');
    match prefix {
        Some((language, rest))
            if coding == Some(0x10)
                && language.len() == 2
                && language.bytes().all(|letter| letter.is_ascii_alphabetic()) =>
        {
            rest
        }
        Some(_) | None => words,
    }
}

/// How well a text reads as it stands, in hundredths. Hexadecimal digits are hardly a text; digits
/// alone may be a number.
fn plainness(text: &str) -> i32 {
    let is_hex =
        text.len().is_multiple_of(2) && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let has_letters = text.bytes().any(|digit| digit.is_ascii_alphabetic());
    match (is_hex, text.len()) {
        (true, PACKED_DIGITS_MIN..) if has_letters => 30,
        (true, 32..) => 50,
        (true, _) if text.starts_with("00") && text.len() >= UCS2_DIGITS_MIN => 50,
        _ => legibility(text),
    }
}

/// How well a text reads, in hundredths: letters of one script, digits, and what stands between words.
fn legibility(text: &str) -> i32 {
    let text = text.split('\0').next().unwrap_or_default();
    let count = i32::try_from(text.chars().count()).unwrap_or(i32::MAX);
    if count == 0 {
        return -100;
    }
    // Ideographs are one script; of the others a page of Unicode is near enough.
    let script = |c: char| match u32::from(c) {
        0x80..=0x24F => 1,
        0x3040..=0x30FF | 0x3400..=0x9FFF | 0xAC00..=0xD7AF | 0xFF00..=0xFFEF => 2,
        other => other >> 8 | 0x100,
    };
    let foreign = || text.chars().filter(|c| !c.is_ascii() && c.is_alphabetic());
    let main = foreign()
        .map(script)
        .max_by_key(|one| foreign().filter(|c| script(*c) == *one).count());
    let worth = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | ' ' | '\n' | '\r' => 100,
        '.' | ',' | ':' | ';' | '!' | '?' | '-' | '/' | '(' | ')' | '*' | '#' | '%' | '\''
        | '"' | '+' | '=' | '&' | '$' | '_' => 95,
        '@' => 20,
        c if c.is_control() || c == '\u{fffd}' => -300,
        c if c.is_alphabetic() && Some(script(c)) == main => 90,
        c if c.is_alphabetic() => 0,
        _ => 10,
    };
    let sum = text.chars().map(worth).fold(0_i32, i32::saturating_add);
    sum / count
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
            // Digits alone are a number, however many.
            ("12345678901234", Some(15), "12345678901234"),
            ("49151234567890", None, "49151234567890"),
            // A modem whose strings are UCS2 keeps the network's coding.
            (
                "0048006F006700790061006E0020006B00E900720074",
                Some(15),
                "Hogyan k\u{e9}rt",
            ),
            (
                "04110430043B0430043D0441003A0020003500200440",
                Some(15),
                "\u{411}\u{430}\u{43b}\u{430}\u{43d}\u{441}: 5 \u{440}",
            ),
            (
                "041204300448002004310430043B0430043D0441003A00200032002E",
                Some(72),
                "\u{412}\u{430}\u{448} \u{431}\u{430}\u{43b}\u{430}\u{43d}\u{441}: 2.",
            ),
            (
                "60A876844F59989D4E3A003500300030",
                None,
                "\u{60a8}\u{7684}\u{4f59}\u{989d}\u{4e3a}500",
            ),
            // It is packed, and called something else.
            ("C2303BEC1E971B", Some(72), "Balance"),
            ("C2303BEC1E971B", None, "Balance"),
            ("EBB79B1E0685E9ECF4BADE9E03", Some(0), "konta atlikums"),
            // A language before the text.
            ("en\nBalance", Some(0x10), "Balance"),
            ("en\nBalance", Some(15), "en\nBalance"),
            ("E83A004200E100700070", Some(0x11), "B\u{e1}pp"),
            ("004200610070", Some(0x11), "Bap"),
            // Letters in hexadecimal, whatever the coding (an Indonesian carrier's, through gammu).
            (
                "536973612070756C73612052702E333030302E",
                Some(0),
                "Sisa pulsa Rp.3000.",
            ),
            // Nothing behind a NUL.
            ("00480069000000000000", Some(72), "Hi"),
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
