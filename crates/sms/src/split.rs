//! Cutting a text into parts that fit one SMS each (TS 23.040 §9.2.3.24.1), and counting them while
//! somebody types.

#![deny(clippy::indexing_slicing)]

use super::alphabet::{Alphabet, SEPTETS_MAX};
use super::error::EncodeError;
use super::header::{Concat, UserDataHeader};
use super::ucs2::encode_ucs2;
use super::user_data::{Body, UserData};

/// Parts a text can have: their number is one octet.
pub const PARTS_MAX: usize = 255;

/// What a text is written in on the air.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// The GSM default alphabet and its extension: units are septets.
    Gsm7,
    /// UCS2: units are UTF-16's.
    Ucs2,
}

impl Encoding {
    /// Units in a text that goes out alone.
    pub fn alone(self) -> usize {
        match self {
            Self::Gsm7 => SEPTETS_MAX,
            Self::Ucs2 => 70,
        }
    }

    /// Units in one part of several, next to a header of six octets.
    pub fn in_a_part(self) -> usize {
        match self {
            Self::Gsm7 => SEPTETS_MAX - 7,
            Self::Ucs2 => 67,
        }
    }

    /// Units of one character; 0 for one that the encoding lacks.
    fn units(self, character: char) -> usize {
        match self {
            Self::Gsm7 => Alphabet::DEFAULT
                .encode_character(character)
                .map_or(0, |septets| septets.count()),
            Self::Ucs2 => character.len_utf16(),
        }
    }
}

/// How a text will go out. Costs no memory, so a counter can ask at every key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SplitPlan {
    /// What it is written in.
    pub encoding: Encoding,
    /// Parts: one for an empty text, more than [`PARTS_MAX`] for one that is too long.
    pub segments: usize,
    /// Units of the whole text, headers left out.
    pub units: usize,
    /// Units free in the last part. Typing may still take more: a character of two units does not
    /// fit in one.
    pub units_left: usize,
}

impl SplitPlan {
    /// Whether the text can go out.
    pub fn fits(&self) -> bool {
        self.segments <= PARTS_MAX
    }
}

/// A text that cannot be cut into parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SplitError {
    /// Too many parts.
    #[error("the text would take {segments} SMS, and 255 are the most there can be: shorten it")]
    TooLong {
        /// Parts it would take.
        segments: usize,
    },
}

/// Plans how a text goes out: in GSM 7-bit if its characters are all there, else in UCS2.
pub fn plan(text: &str) -> SplitPlan {
    let encoding = encoding_of(text);
    let units = text.chars().map(|c| encoding.units(c)).sum();
    if units <= encoding.alone() {
        return SplitPlan {
            encoding,
            segments: 1,
            units,
            units_left: encoding.alone() - units,
        };
    }
    let (segments, last) =
        parts(text, encoding).fold((0, 0), |(count, _), part| (count + 1, part.units));
    SplitPlan {
        encoding,
        segments,
        units,
        units_left: encoding.in_a_part() - last,
    }
}

/// Cuts a text into the user data of its parts, in order. A text that fits alone has no header; the
/// parts of others share the reference, which tells them from those of other texts to the same
/// phone.
///
/// No part ends inside of a character, an escape or a surrogate pair, nor, where there is another
/// place, inside of what a reader takes for one character: a flag, a family, a letter and its
/// accents.
pub fn split(text: &str, reference: u8) -> Result<Vec<UserData>, SplitError> {
    let plan = plan(text);
    let total = u8::try_from(plan.segments).map_err(|_| SplitError::TooLong {
        segments: plan.segments,
    })?;
    let written = |text, header| {
        user_data(text, plan.encoding, header)
            .expect("parts are cut to fit, of characters the encoding has")
    };
    if total == 1 {
        return Ok(vec![written(text, None)]);
    }
    Ok((1..=total)
        .zip(parts(text, plan.encoding))
        .map(|(sequence, part)| {
            let header = UserDataHeader::concatenation(Concat {
                reference: u16::from(reference),
                total,
                sequence,
                wide: false,
            });
            written(part.text, Some(header))
        })
        .collect())
}

/// The characters that keep a text from going out in GSM 7-bit, in order and as often as they
/// come. Each text they are in costs 70 characters rather than 160.
pub fn beyond_gsm7(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars()
        .filter(|&character| Encoding::Gsm7.units(character) == 0)
}

fn encoding_of(text: &str) -> Encoding {
    if beyond_gsm7(text).next().is_some() {
        Encoding::Ucs2
    } else {
        Encoding::Gsm7
    }
}

fn user_data(
    text: &str,
    encoding: Encoding,
    header: Option<UserDataHeader>,
) -> Result<UserData, EncodeError> {
    let body = match encoding {
        Encoding::Gsm7 => Body::Septets(Alphabet::DEFAULT.encode(text).unwrap_or_default()),
        Encoding::Ucs2 => Body::Ucs2(encode_ucs2(text)),
    };
    UserData::new(header, body)
}

/// One part of several.
struct Part<'a> {
    text: &'a str,
    units: usize,
}

/// The parts of a text that does not fit alone.
fn parts(text: &str, encoding: Encoding) -> impl Iterator<Item = Part<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (at, units) = first_cut(rest, encoding);
        let (text, after) = rest.split_at_checked(at)?;
        rest = after;
        Some(Part { text, units })
    })
}

/// Where the first part of a text ends: octets of the text, units of the part.
fn first_cut(text: &str, encoding: Encoding) -> (usize, usize) {
    let capacity = encoding.in_a_part();
    let mut units = 0;
    let mut whole = (0, 0); // the last place between what a reader takes for characters
    let mut clusters = Clusters::default();
    for (at, character) in text.char_indices() {
        if clusters.starts_with(character) {
            whole = (at, units);
        }
        let more = encoding.units(character);
        if units + more > capacity {
            return if whole.0 > 0 { whole } else { (at, units) };
        }
        units += more;
    }
    (text.len(), units)
}

/// Tells, character after character, where something new starts for a reader. The common cases of
/// Unicode's grapheme clusters: joiners, variation selectors, skin tones, tags, flags, accents.
#[derive(Default)]
struct Clusters {
    joined: bool,
    half_flag: bool,
}

impl Clusters {
    fn starts_with(&mut self, character: char) -> bool {
        let extends = matches!(
            character,
            '\u{200D}'
                | '\u{FE00}'..='\u{FE0F}'
                | '\u{300}'..='\u{36F}'
                | '\u{1AB0}'..='\u{1AFF}'
                | '\u{1DC0}'..='\u{1DFF}'
                | '\u{20D0}'..='\u{20FF}'
                | '\u{FE20}'..='\u{FE2F}'
                | '\u{1F3FB}'..='\u{1F3FF}'
                | '\u{E0020}'..='\u{E007F}'
        );
        let regional = matches!(character, '\u{1F1E6}'..='\u{1F1FF}');
        let starts = !(extends || self.joined || regional && self.half_flag);
        self.half_flag = regional && !self.half_flag;
        self.joined = character == '\u{200D}';
        starts
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use proptest::prelude::*;

    use super::*;

    fn plan_of(text: &str) -> (Encoding, usize, usize, usize) {
        let plan = plan(text);
        (plan.encoding, plan.segments, plan.units, plan.units_left)
    }

    #[test]
    fn counters_count_as_the_air_does() {
        use Encoding::{Gsm7, Ucs2};
        for (text, expected) in [
            (String::new(), (Gsm7, 1, 0, 160)),
            ("a".repeat(160), (Gsm7, 1, 160, 0)),
            ("a".repeat(161), (Gsm7, 2, 161, 145)),
            ("a".repeat(306), (Gsm7, 2, 306, 0)),
            ("a".repeat(307), (Gsm7, 3, 307, 152)),
            ("€".repeat(80), (Gsm7, 1, 160, 0)),
            ("€".repeat(81), (Gsm7, 2, 162, 143)), // 76 in the first: no half of an escape
            ("ж".repeat(70), (Ucs2, 1, 70, 0)),
            ("ж".repeat(71), (Ucs2, 2, 71, 63)),
            ("\u{1F600}".repeat(35), (Ucs2, 1, 70, 0)),
            ("\u{1F600}".repeat(36), (Ucs2, 2, 72, 61)), // 33 in the first: no half of a pair
            ("a".repeat(152) + "€", (Gsm7, 1, 154, 6)),
            ("a".repeat(152) + "€aaaaaaa", (Gsm7, 2, 161, 144)),
            ("`".to_owned(), (Ucs2, 1, 1, 69)),
            ("ç".to_owned(), (Ucs2, 1, 1, 69)), // only Ç is in the default alphabet
        ] {
            assert_eq!(plan_of(&text), expected, "{text:?}");
        }
    }

    #[test]
    fn too_long_is_said_with_the_count() {
        let most = "a".repeat(153 * PARTS_MAX);
        assert_eq!(split(&most, 1).unwrap().len(), 255);
        let more = most + "a";
        assert!(!plan(&more).fits());
        assert_eq!(split(&more, 1), Err(SplitError::TooLong { segments: 256 }));
    }

    #[test]
    fn what_a_reader_takes_for_one_character_stays_whole() {
        let family = "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}\u{200D}\u{1F466}";
        let flag = "\u{1F1FA}\u{1F1F8}";
        let thumb = "\u{1F44D}\u{1F3FD}";
        for cluster in [family, flag, thumb, "e\u{301}\u{323}"] {
            for before in 55..70 {
                let text = "ж".repeat(before) + cluster + &"ж".repeat(30);
                let texts: Vec<_> = split(&text, 0)
                    .unwrap()
                    .iter()
                    .map(|part| part.text().unwrap())
                    .collect();
                assert_eq!(texts.concat(), text);
                assert!(
                    texts.iter().any(|part| part.contains(cluster)),
                    "{before} {cluster}"
                );
            }
        }
        // Flags in a row pair up from the first.
        let flags = flag.repeat(40);
        for part in split(&flags, 0).unwrap() {
            assert_eq!(part.text().unwrap().chars().count() % 2, 0);
        }
    }

    #[test]
    fn one_cluster_longer_than_a_part_is_cut_all_the_same() {
        let text = "ж".to_owned() + &"\u{301}".repeat(200);
        let parts = split(&text, 0).unwrap();
        assert_eq!(parts.len(), 3);
    }

    #[test]
    fn the_costly_characters_are_named() {
        assert_eq!(beyond_gsm7("Naïve café 😀 [ok]").collect::<String>(), "ï😀");
        assert_eq!(beyond_gsm7("plain {text} €").count(), 0);
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            "[a-zA-Z0-9 €\\[\\]äöñ\n]{0,500}",
            "[a-zа-я😀👍🏽\u{200D}🇺🇸\u{FE0F}]{0,300}",
        ]
    }

    proptest! {
        #[test]
        fn plans_come_true(text in text(), reference in any::<u8>()) {
            let plan = plan(&text);
            let parts = split(&text, reference).unwrap();
            prop_assert_eq!(parts.len(), plan.segments);
            let mut units = 0;
            let mut whole = String::new();
            for (part, sequence) in parts.iter().zip(1..) {
                let own = match part.body() {
                    Body::Septets(septets) => {
                        prop_assert_ne!(septets.last(), Some(&0x1B));
                        septets.len()
                    }
                    Body::Ucs2(octets) => octets.len() / 2,
                    Body::Octets(_) => unreachable!("text is no data"),
                };
                units += own;
                whole += &part.text().unwrap();
                match part.concat() {
                    None => prop_assert_eq!(parts.len(), 1),
                    Some(concat) => prop_assert_eq!(
                        concat,
                        Concat {
                            reference: reference.into(),
                            total: parts.len() as u8,
                            sequence,
                            wide: false,
                        }
                    ),
                }
            }
            prop_assert_eq!(units, plan.units);
            // Read for a byte-order mark, these are no part of the text.
            let marked = ['\u{FEFF}', '\u{FFFE}'].iter().any(|mark| text.contains(*mark));
            prop_assert!(marked || whole == text);
        }
    }
}
