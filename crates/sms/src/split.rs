//! Cutting a text into parts that fit one SMS each (TS 23.040 §9.2.3.24.1), and counting them while
//! somebody types.

#![deny(clippy::indexing_slicing)]

use super::alphabet::{Alphabet, SEPTETS_MAX};
use super::header::{Concat, Element, UserDataHeader};
use super::tables::NationalTables;
use super::ucs2::encode_ucs2;
use super::user_data::{Body, USER_DATA_MAX, UserData};

/// Parts a text can have: their number is one octet.
pub const PARTS_MAX: usize = 255;

/// What a text is written in on the air.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// The GSM default alphabet and its extension, or a national language's tables: units are
    /// septets.
    Gsm7(Alphabet),
    /// UCS2: units are UTF-16's.
    Ucs2,
}

/// Octets of the information element that says which part of a text this is.
const CONCAT_OCTETS: usize = 5;
/// Octets of one that names a language.
const SHIFT_OCTETS: usize = 3;

impl Encoding {
    /// Units in a text that goes out alone.
    pub fn alone(self) -> usize {
        self.behind(0)
    }

    /// Units in one part of several.
    pub fn in_a_part(self) -> usize {
        self.behind(CONCAT_OCTETS)
    }

    /// Units that fit behind a header with these octets and those of the encoding's own elements.
    fn behind(self, octets: usize) -> usize {
        match self {
            Self::Gsm7(alphabet) => {
                let shifts = [alphabet.locking, alphabet.single];
                match octets + SHIFT_OCTETS * shifts.iter().flatten().count() {
                    0 => SEPTETS_MAX,
                    octets => SEPTETS_MAX - ((octets + 1) * 8).div_ceil(7),
                }
            }
            Self::Ucs2 if octets == 0 => USER_DATA_MAX / 2,
            Self::Ucs2 => (USER_DATA_MAX - 1 - octets) / 2,
        }
    }

    /// Units of one character; `None` for one that the encoding lacks.
    fn units(self, character: char) -> Option<usize> {
        match self {
            Self::Gsm7(alphabet) => alphabet
                .encode_character(character)
                .map(|septets| septets.count()),
            Self::Ucs2 => Some(character.len_utf16()),
        }
    }

    /// The header of a text in it: which part it is, and which tables it is in.
    fn header(self, concat: Option<Concat>) -> Option<UserDataHeader> {
        let (locking, single) = match self {
            Self::Gsm7(alphabet) => (alphabet.locking, alphabet.single),
            Self::Ucs2 => (None, None),
        };
        let elements = [
            concat.map(Element::Concat),
            locking.map(Element::LockingShift),
            single.map(Element::SingleShift),
        ];
        let elements: Vec<Element<'_>> = elements.into_iter().flatten().collect();
        match elements.is_empty() {
            true => None,
            false => Some(UserDataHeader::new(&elements).expect("three short elements fit")),
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
    plan_in(text, NationalTables::NONE)
}

/// Plans how a text goes out where these tables may be used besides: only for one that the default
/// alphabet lacks characters for, and only where that takes fewer parts than UCS2, which every phone
/// reads.
pub fn plan_in(text: &str, tables: NationalTables) -> SplitPlan {
    if let Some(plan) = plan_as(text, Encoding::Gsm7(Alphabet::DEFAULT)) {
        return plan;
    }
    let wide = plan_as(text, Encoding::Ucs2).expect("every character has UTF-16 units");
    let national = tables
        .alphabets()
        .filter_map(|alphabet| plan_as(text, Encoding::Gsm7(alphabet)))
        .min_by_key(|plan| plan.segments);
    national
        .filter(|plan| plan.segments < wide.segments)
        .unwrap_or(wide)
}

/// How a text goes out in this encoding; `None` when it lacks a character.
fn plan_as(text: &str, encoding: Encoding) -> Option<SplitPlan> {
    let mut units = 0;
    for character in text.chars() {
        units += encoding.units(character)?;
    }
    if units <= encoding.alone() {
        return Some(SplitPlan {
            encoding,
            segments: 1,
            units,
            units_left: encoding.alone() - units,
        });
    }
    let (segments, last) =
        parts(text, encoding).fold((0, 0), |(count, _), part| (count + 1, part.units));
    Some(SplitPlan {
        encoding,
        segments,
        units,
        units_left: encoding.in_a_part() - last,
    })
}

/// Cuts a text into the user data of its parts, in order. A text that fits alone in the default
/// alphabet or in UCS2 has no header; the parts of others share the reference, which tells them from
/// those of other texts to the same phone.
///
/// No part ends inside of a character, an escape or a surrogate pair, nor, where there is another
/// place, inside of what a reader takes for one character: a flag, a family, a letter and its
/// accents.
pub fn split(text: &str, reference: u8) -> Result<Vec<UserData>, SplitError> {
    split_in(text, NationalTables::NONE, reference)
}

/// The same where these tables may be used besides: see [`plan_in`].
pub fn split_in(
    text: &str,
    tables: NationalTables,
    reference: u8,
) -> Result<Vec<UserData>, SplitError> {
    let SplitPlan {
        encoding, segments, ..
    } = plan_in(text, tables);
    let total = u8::try_from(segments).map_err(|_| SplitError::TooLong { segments })?;
    let written = |text, concat| {
        let body = match encoding {
            Encoding::Gsm7(alphabet) => Body::Septets(alphabet.encode(text).unwrap_or_default()),
            Encoding::Ucs2 => Body::Ucs2(encode_ucs2(text)),
        };
        UserData::new(encoding.header(concat), body)
            .expect("parts are cut to fit, of characters the encoding has")
    };
    if total == 1 {
        return Ok(vec![written(text, None)]);
    }
    let parts = (1..=total).zip(parts(text, encoding));
    Ok(parts
        .map(|(sequence, part)| {
            let concat = Concat {
                reference: u16::from(reference),
                total,
                sequence,
                wide: false,
            };
            written(part.text, Some(concat))
        })
        .collect())
}

/// The characters that keep a text from going out in GSM 7-bit, in order and as often as they
/// come. Each text they are in costs 70 characters rather than 160.
pub fn beyond_gsm7(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars()
        .filter(|&character| Alphabet::DEFAULT.encode_character(character).is_none())
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
        let more = encoding.units(character).unwrap_or_default();
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
    use crate::address::Address;
    use crate::national::NationalLanguage;
    use crate::pdu::{Direction, Tpdu};
    use crate::submit::SmsSubmit;

    fn plan_of(text: &str) -> (Encoding, usize, usize, usize) {
        let plan = plan(text);
        (plan.encoding, plan.segments, plan.units, plan.units_left)
    }

    #[test]
    fn counters_count_as_the_air_does() {
        use Encoding::Ucs2;
        const GSM7: Encoding = Encoding::Gsm7(Alphabet::DEFAULT);
        for (text, expected) in [
            (String::new(), (GSM7, 1, 0, 160)),
            ("a".repeat(160), (GSM7, 1, 160, 0)),
            ("a".repeat(161), (GSM7, 2, 161, 145)),
            ("a".repeat(306), (GSM7, 2, 306, 0)),
            ("a".repeat(307), (GSM7, 3, 307, 152)),
            ("€".repeat(80), (GSM7, 1, 160, 0)),
            ("€".repeat(81), (GSM7, 2, 162, 143)), // 76 in the first: no half of an escape
            ("ж".repeat(70), (Ucs2, 1, 70, 0)),
            ("ж".repeat(71), (Ucs2, 2, 71, 63)),
            ("\u{1F600}".repeat(35), (Ucs2, 1, 70, 0)),
            ("\u{1F600}".repeat(36), (Ucs2, 2, 72, 61)), // 33 in the first: no half of a pair
            ("a".repeat(152) + "€", (GSM7, 1, 154, 6)),
            ("a".repeat(152) + "€aaaaaaa", (GSM7, 2, 161, 144)),
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

    fn tables(names: &[&str]) -> NationalTables {
        let mut tables = NationalTables::NONE;
        for name in names {
            tables.add(name).unwrap();
        }
        tables
    }

    /// Septets that a header leaves are TS 23.040's arithmetic (§9.2.3.24), here as numbers.
    #[test]
    fn national_tables_are_used_where_they_cost_less() {
        let both = &["turkish", "turkish-locking"][..];
        for (text, names, segments, left, national) in [
            ("á".repeat(70), &["spanish"][..], 1, 0, false), // UCS2 takes one as well
            ("á".repeat(71), &["spanish"], 1, 13, true),     // 155 behind one shift
            ("á".repeat(77), &["spanish"], 1, 1, true),
            ("á".repeat(77) + "a", &["spanish"], 1, 0, true),
            ("á".repeat(78), &["spanish"], 2, 56, false), // 74 escapes in 149, and UCS2 needs no more
            ("á".repeat(135), &["spanish"], 2, 27, true), // three in UCS2
            ("á".repeat(135), &["turkish"], 3, 66, false),
            ("aá".repeat(60), &[], 2, 14, false),
            ("aé".repeat(90), &["spanish"], 2, 126, false), // the default alphabet has it
            ("ş".repeat(71), &["turkish-locking"], 1, 84, true),
            ("ş".repeat(155), &["turkish-locking"], 1, 0, true),
            ("ş".repeat(156), &["turkish-locking"], 2, 142, true), // 149 in a part
            ("ş".repeat(145) + "[]{}", both, 1, 2, true),          // 155 with the default extension
            ("ş😀".repeat(40), both, 2, 14, false),
        ] {
            let tables = tables(names);
            let plan = plan_in(&text, tables);
            let alphabet = Encoding::Gsm7(Alphabet::DEFAULT);
            let found = plan.encoding != Encoding::Ucs2 && plan.encoding != alphabet;
            assert_eq!(
                (plan.segments, plan.units_left, found),
                (segments, left, national),
                "{text:?} {names:?}"
            );
        }
        // Two shifts leave 152 alone and 146 in a part.
        let encoding = Encoding::Gsm7(Alphabet {
            locking: Some(NationalLanguage::Portuguese),
            single: Some(NationalLanguage::Portuguese),
        });
        assert_eq!((encoding.alone(), encoding.in_a_part()), (152, 146));
        // A phone without the table shows the letter without its accent (TS 23.038 §C.2).
        let shown = split_in(&"¿Dónde está mi libro? ".repeat(5), tables(&["spanish"]), 0).unwrap();
        let Body::Septets(septets) = shown[0].body() else {
            panic!("{shown:?}");
        };
        let without = Alphabet::DEFAULT.decode(septets);
        assert!(without.starts_with("¿Donde esta mi libro? "), "{without}");
    }

    fn national_text() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-zA-Z áéíóúñÁÍÓÚ¿¡çü\\[\\]€]{0,700}",
            "[a-zA-Z ğüşiöçıİĞŞÜÖÇ€{}]{0,700}",
            "[a-zA-Z ãõáéíóúâêôçÃÕÁÉÍÓÚÂÊÔÇàÀ∞|]{0,700}",
            "[क-ह ा-ौ०-९a-z]{0,300}",
            any::<String>(),
        ]
    }

    fn some_tables() -> impl Strategy<Value = NationalTables> {
        prop::collection::vec(0..NationalLanguage::ALL.len(), 0..4).prop_flat_map(|languages| {
            prop::collection::vec(any::<bool>(), languages.len()).prop_map(move |locking| {
                let mut tables = NationalTables::NONE;
                for (language, locking) in languages.iter().zip(locking) {
                    let name = NationalLanguage::ALL[*language].to_string();
                    if !locking || tables.add(&format!("{name}-locking")).is_err() {
                        tables.add(&name).unwrap();
                    }
                }
                tables
            })
        })
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

        /// Whatever tables are used, the parts fit, come back whole, and are no more than UCS2's.
        #[test]
        fn texts_in_national_tables_come_back(
            text in national_text(),
            tables in some_tables(),
            wide in any::<bool>(),
            reference in any::<u8>(),
        ) {
            let plan = plan_in(&text, tables);
            let parts = split_in(&text, tables, reference).unwrap();
            prop_assert_eq!(parts.len(), plan.segments);
            prop_assert!(plan.segments <= super::plan(&text).segments);
            let mut whole = String::new();
            for part in parts {
                if let Body::Septets(septets) = part.body() {
                    prop_assert!(septets.last() != Some(&0x1B), "half an escape");
                }
                // A reference of sixteen bits takes one octet more, where there is room.
                let elements: Vec<Element<'_>> = part.header().map_or_else(Vec::new, |header| {
                    header.elements().map(|element| match element {
                        Element::Concat(concat) => Element::Concat(Concat { wide, ..concat }),
                        other => other,
                    }).collect()
                });
                let header = part.header().map(|_| UserDataHeader::new(&elements).unwrap());
                let sent = match UserData::new(header, part.body().clone()) {
                    Ok(sent) => sent,
                    Err(_) => part,
                };
                let submit = SmsSubmit::new(Address::number("72456").unwrap(), sent);
                let octets = submit.encode().unwrap();
                let read = match Tpdu::decode_going(Direction::FromModem, &octets) {
                    Ok(Tpdu::Submit(read)) => read,
                    other => panic!("{other:?}"),
                };
                prop_assert_eq!(&read, &submit);
                whole += &read.text().unwrap();
            }
            let marked = ['\u{FEFF}', '\u{FFFE}'].iter().any(|mark| text.contains(*mark));
            prop_assert!(marked || whole == text, "{:?} {:?}", whole, text);
        }
    }
}
