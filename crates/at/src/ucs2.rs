//! Strings as a modem writes them whose character set (`+CSCS`, TS 27.007 §5.5) is `UCS2`: four
//! hexadecimal digits for each UTF-16 unit.

use super::hex;

/// Units of a string that is certainly none of plain digits or letters.
const UNITS_MIN: usize = 2;

/// The string that these digits stand for; `None` unless they are hexadecimal, whole units, and
/// nothing but characters that can be printed.
pub fn decode(digits: &str) -> Option<String> {
    let octets = hex::decode(digits)?;
    let units = octets.chunks_exact(2);
    if !units.remainder().is_empty() || octets.len() < 2 * UNITS_MIN {
        return None;
    }
    let units = units.map(|unit| u16::from_be_bytes([unit[0], unit[1]]));
    let text: String = char::decode_utf16(units).collect::<Result<_, _>>().ok()?;
    let is_print = |c: char| !c.is_control() || matches!(c, '\n' | '\r');
    text.chars().all(is_print).then_some(text)
}

/// The digits that stand for a string.
pub fn encode(text: &str) -> String {
    let octets: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    hex::encode(&octets)
}

/// Whether a text is of the letters that people write, and ideographs of one kind: digits that stand
/// for themselves make others.
pub(super) fn reads(text: &str) -> bool {
    text.chars().all(|c| {
        matches!(u32::from(c),
            0x0A | 0x0D | 0x20..=0x7E | 0xA0..=0x24F | 0x370..=0x6FF | 0x900..=0xE7F
            | 0x1E00..=0x206F | 0x20A0..=0x20CF | 0x2100..=0x27BF
            | 0x3000..=0x30FF | 0x4E00..=0x9FFF | 0xAC00..=0xD7AF | 0xFE0F | 0xFF00..=0xFFEF
            | 0x1F000..=0x1FAFF)
    })
}

/// A telephone number, whichever way it is written: the digits of UCS2 are taken for what they stand
/// for only where that is a number again.
pub fn number(said: &str) -> String {
    let dialled = |text: &String| {
        text.chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '+' | '*' | '#'))
    };
    decode(said)
        .filter(dialled)
        .unwrap_or_else(|| said.to_owned())
}

/// A name, such as a network's, whichever way it is written. Few names are hexadecimal digits in
/// fours; a network's numeric name has five or six.
pub fn name(said: &str) -> String {
    let reads = |text: &String| text.chars().any(char::is_alphabetic);
    let long_enough = said.len() >= 8;
    decode(said)
        .filter(|text| long_enough && reads(text))
        .unwrap_or_else(|| said.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_read_in_either_writing() {
        for (said, read) in [
            ("002B00310035003500350030", "+15550"),
            ("0031003200330034", "1234"),
            ("+15551230100", "+15551230100"),
            // Groups of four that would make characters, and are a number all the same.
            ("155512301000", "155512301000"),
            ("2010", "2010"),
            ("", ""),
        ] {
            assert_eq!(number(said), read, "{said}");
        }
        for (said, read) in [
            ("00460061006B0065004E00650074", "FakeNet"),
            ("4E2D56FD79FB52A8", "\u{4e2d}\u{56fd}\u{79fb}\u{52a8}"),
            ("Elm Mobile", "Elm Mobile"),
            ("26201", "26201"),
            ("310260", "310260"),
            ("CAFE", "CAFE"),
            ("DEADBEEF", "DEADBEEF"), // surrogates
        ] {
            assert_eq!(name(said), read, "{said}");
        }
        assert_eq!(number(&encode("+15550109999")), "+15550109999");
    }
}
