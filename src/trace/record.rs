//! One line of a transcript: when, which way, what.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Which way octets went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the program to the modem: `>`.
    ToModem,
    /// From the modem to the program: `<`.
    FromModem,
}

/// What a record tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Octets on the wire.
    Octets(Direction, Vec<u8>),
    /// Something about the port or the transcript itself: `!`. One line.
    Note(String),
}

/// One line of a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Since the transcript began, to the microsecond.
    pub at: Duration,
    /// What happened.
    pub said: Said,
}

/// Why a line is no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It does not begin with seconds.
    #[error("it does not begin with a time in seconds, such as 12.000345")]
    Time,
    /// No direction.
    #[error("after the time comes > (to the modem), < (from the modem) or ! (a note)")]
    Direction,
    /// An unknown escape.
    #[error("a backslash stands before r, n, x and two digits, or another backslash")]
    Escape,
}

impl fmt::Display for Record {
    /// The line, without its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>6}.{:06} ",
            self.at.as_secs(),
            self.at.subsec_micros()
        )?;
        match &self.said {
            Said::Octets(Direction::ToModem, octets) => write!(f, "> {}", Escaped(octets)),
            Said::Octets(Direction::FromModem, octets) => write!(f, "< {}", Escaped(octets)),
            Said::Note(words) => write!(f, "! {}", Escaped(words.as_bytes())),
        }
    }
}

impl FromStr for Record {
    type Err = RecordError;

    fn from_str(line: &str) -> Result<Self, RecordError> {
        let (time, rest) = line.trim_start().split_once(' ').ok_or(RecordError::Time)?;
        let at = offset(time).ok_or(RecordError::Time)?;
        let (mark, said) = rest.split_once(' ').unwrap_or((rest, ""));
        let octets = unescape(said).ok_or(RecordError::Escape)?;
        let said = match mark {
            ">" => Said::Octets(Direction::ToModem, octets),
            "<" => Said::Octets(Direction::FromModem, octets),
            "!" => Said::Note(String::from_utf8_lossy(&octets).into_owned()),
            _ => return Err(RecordError::Direction),
        };
        Ok(Self { at, said })
    }
}

/// Octets as printable ASCII. A space at the end would be lost in the mail.
struct Escaped<'a>(&'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, octet) in self.0.iter().enumerate() {
            match octet {
                b'\r' => f.write_str("\\r")?,
                b'\n' => f.write_str("\\n")?,
                b'\\' => f.write_str("\\\\")?,
                b' ' if at + 1 == self.0.len() => f.write_str("\\x20")?,
                b' '..=b'~' => write!(f, "{}", char::from(*octet))?,
                _ => write!(f, "\\x{octet:02x}")?,
            }
        }
        Ok(())
    }
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter().copied();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'\\' => match rest.next()? {
                b'r' => b'\r',
                b'n' => b'\n',
                b'\\' => b'\\',
                b'x' => {
                    let digit = |digit: u8| char::from(digit).to_digit(16);
                    let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                    u8::try_from(high << 4 | low).ok()?
                }
                _ => return None,
            },
            octet => octet,
        });
    }
    Some(octets)
}

/// `12.000345`: seconds, and up to nine digits of a second.
fn offset(text: &str) -> Option<Duration> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(seconds) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let places = u32::try_from(9 - fraction.len()).ok()?;
    let nanos = fraction.parse::<u32>().ok()? * 10_u32.pow(places);
    Some(Duration::new(seconds.parse().ok()?, nanos))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn records_are_lines_that_can_be_read() {
        for (at, said, line) in [
            (
                Duration::from_micros(12_000_345),
                Said::Octets(Direction::ToModem, b"AT+CMGS=20\r".to_vec()),
                "    12.000345 > AT+CMGS=20\\r",
            ),
            (
                Duration::ZERO,
                Said::Octets(Direction::FromModem, b"\r\n> ".to_vec()),
                "     0.000000 < \\r\\n>\\x20",
            ),
            (
                Duration::from_secs(86_400_000),
                Said::Octets(Direction::FromModem, b"\x00\\\xff\x1a".to_vec()),
                "86400000.000000 < \\x00\\\\\\xff\\x1a",
            ),
            (
                Duration::from_millis(1),
                Said::Note("opened /dev/ttyUSB2".into()),
                "     0.001000 ! opened /dev/ttyUSB2",
            ),
            (
                Duration::ZERO,
                Said::Octets(Direction::ToModem, Vec::new()),
                "     0.000000 > ",
            ),
        ] {
            let record = Record { at, said };
            assert_eq!(record.to_string(), line);
            assert_eq!(line.parse(), Ok(record));
        }
    }

    #[test]
    fn what_is_no_record_says_why() {
        for (line, error) in [
            ("", RecordError::Time),
            ("OK", RecordError::Time),
            ("-1.0 < OK", RecordError::Time),
            ("1.0000000001 < OK", RecordError::Time),
            ("99999999999999999999 < OK", RecordError::Time),
            ("1.5 = OK", RecordError::Direction),
            ("1.5 < OK\\", RecordError::Escape),
            ("1.5 < \\q", RecordError::Escape),
            ("1.5 < \\x1", RecordError::Escape),
        ] {
            assert_eq!(line.parse::<Record>(), Err(error), "{line:?}");
        }
        assert!("2 < OK".parse::<Record>().is_ok(), "whole seconds");
    }

    proptest! {
        #[test]
        fn any_octets_come_back(
            micros in 0u64..10_000_000_000_000,
            octets in prop::collection::vec(any::<u8>(), 0..100),
            to_modem in any::<bool>(),
        ) {
            let direction = if to_modem { Direction::ToModem } else { Direction::FromModem };
            let record = Record {
                at: Duration::from_micros(micros),
                said: Said::Octets(direction, octets),
            };
            let line = record.to_string();
            prop_assert!(line.bytes().all(|octet| (b' '..=b'~').contains(&octet)));
            prop_assert_eq!(line.parse(), Ok(record));
        }
    }
}
