//! Addresses: numbers, short codes and names (TS 23.040 §9.1.2.5), and the service centre's own
//! (TS 24.011 §8.2.5).

#![deny(clippy::indexing_slicing)]

use std::fmt;
use std::str::FromStr;

use super::alphabet::{Alphabet, pack, unpack};
use super::error::{DecodeError, EncodeError};
use super::octets::Octets;

/// Digits an address field holds: ten octets.
pub const DIGITS_MAX: usize = 20;

/// Characters a name holds: ten octets of septets.
pub const NAME_MAX: usize = 11;

/// What kind of number an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum TypeOfNumber {
    /// Not told: the network's own guess, as dialled. Short codes come so.
    Unknown = 0,
    /// With the country code, shown behind a `+`.
    International = 1,
    /// Within the country, without its trunk prefix.
    National = 2,
    /// Of the network's own making; short codes come so too.
    NetworkSpecific = 3,
    /// Within the local exchange.
    Subscriber = 4,
    /// A name instead of a number. It cannot be answered.
    Alphanumeric = 5,
    /// An abbreviated number.
    Abbreviated = 6,
    /// Reserved for extension.
    Reserved = 7,
}

/// Whose numbers they are. The type of number `Alphanumeric` gives it no meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NumberingPlan {
    /// Not told.
    Unknown,
    /// Telephone numbers, E.164.
    Telephone,
    /// Data, X.121.
    Data,
    /// Telex.
    Telex,
    /// National.
    National,
    /// Private.
    Private,
    /// ERMES paging.
    Ermes,
    /// A value the service centre or the specification keeps for itself: 2, 5 to 7, 11 to 15.
    Other(u8),
}

impl NumberingPlan {
    fn from_nibble(nibble: u8) -> Self {
        match nibble & 0x0F {
            0 => Self::Unknown,
            1 => Self::Telephone,
            3 => Self::Data,
            4 => Self::Telex,
            8 => Self::National,
            9 => Self::Private,
            10 => Self::Ermes,
            other => Self::Other(other),
        }
    }

    fn nibble(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Telephone => 1,
            Self::Data => 3,
            Self::Telex => 4,
            Self::National => 8,
            Self::Private => 9,
            Self::Ermes => 10,
            Self::Other(nibble) => nibble & 0x0F,
        }
    }
}

/// A number or a name. Shown as a person would write it: `+15551230100`, `72645`, `Library`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    type_of_number: TypeOfNumber,
    plan: NumberingPlan,
    value: String,
}

/// Text that is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum AddressError {
    /// Nothing to dial.
    #[error("no digits: give a number such as +15551230100, or a short code")]
    Empty,
    /// Something that is neither a digit nor something people write between digits.
    #[error("a number has digits, *, #, and a + in front; leave the rest out")]
    NotADigit,
    /// More than fits.
    #[error("too long: at most 20 digits, or 11 characters of a name")]
    TooLong,
    /// A name that the GSM alphabet cannot say.
    #[error("a name is written in the GSM alphabet, without accents that it lacks or emoji")]
    NotInAlphabet,
}

impl Address {
    /// A number as people write it, `+` in front when international. Spaces, hyphens, dots,
    /// slashes and parentheses are left out.
    pub fn number(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let (type_of_number, digits) = match text.strip_prefix('+') {
            Some(digits) => (TypeOfNumber::International, digits),
            None => (TypeOfNumber::Unknown, text),
        };
        let mut value = String::with_capacity(DIGITS_MAX);
        for character in digits.chars() {
            match character {
                '0'..='9' | '*' | '#' | 'a'..='c' => value.push(character),
                'A'..='C' => value.push(character.to_ascii_lowercase()),
                ' ' | '-' | '.' | '/' | '(' | ')' | '\u{A0}' => {}
                _ => return Err(AddressError::NotADigit),
            }
            if value.len() > DIGITS_MAX {
                return Err(AddressError::TooLong);
            }
        }
        if value.is_empty() {
            return Err(AddressError::Empty);
        }
        Ok(Self {
            type_of_number,
            plan: NumberingPlan::Telephone,
            value,
        })
    }

    /// A name. One ending in `@` that fills whole octets comes back without it, since a modem
    /// cannot tell that from padding.
    pub fn name(text: &str) -> Result<Self, AddressError> {
        let septets = Alphabet::DEFAULT
            .encode(text)
            .ok_or(AddressError::NotInAlphabet)?;
        match septets.len() {
            0 => Err(AddressError::Empty),
            1..=NAME_MAX => Ok(Self {
                type_of_number: TypeOfNumber::Alphanumeric,
                plan: NumberingPlan::Unknown,
                value: text.to_owned(),
            }),
            _ => Err(AddressError::TooLong),
        }
    }

    /// The same digits as another kind of number. A name stays a name, and no number becomes one.
    #[must_use]
    pub fn typed(mut self, type_of_number: TypeOfNumber, plan: NumberingPlan) -> Self {
        if !self.is_name() && type_of_number != TypeOfNumber::Alphanumeric {
            self.type_of_number = type_of_number;
            // So that a plan has one value for one nibble.
            self.plan = NumberingPlan::from_nibble(plan.nibble());
        }
        self
    }

    /// What kind of number this is.
    pub fn type_of_number(&self) -> TypeOfNumber {
        self.type_of_number
    }

    /// Whose number it is.
    pub fn plan(&self) -> NumberingPlan {
        self.plan
    }

    /// The digits (`0` to `9`, `*`, `#`, `a` to `c`) without a `+`, or the name. May be empty:
    /// networks withhold numbers.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether this is a name, which nobody can answer.
    pub fn is_name(&self) -> bool {
        self.type_of_number == TypeOfNumber::Alphanumeric
    }

    /// Reads a TP address: its length in digits, its type, its digits.
    pub(super) fn decode(
        octets: &mut Octets<'_>,
        field: &'static str,
    ) -> Result<Self, DecodeError> {
        let digits = usize::from(octets.one(field)?);
        if digits > DIGITS_MAX {
            return Err(DecodeError::AddressTooLong {
                field,
                digits,
                max: DIGITS_MAX,
            });
        }
        let kind = octets.one(field)?;
        let value = octets.many(field, digits.div_ceil(2))?;
        Ok(Self::from_octets(kind, value, digits))
    }

    /// Reads the service centre address in front of a TPDU: its length in octets, which is 0 where
    /// there is none.
    pub(super) fn decode_service_centre(
        octets: &mut Octets<'_>,
    ) -> Result<Option<Self>, DecodeError> {
        const FIELD: &str = "the service centre address";
        let length = usize::from(octets.one(FIELD)?);
        let Some(value_octets) = length.checked_sub(1) else {
            return Ok(None);
        };
        if value_octets > DIGITS_MAX / 2 {
            return Err(DecodeError::AddressTooLong {
                field: FIELD,
                digits: value_octets * 2,
                max: DIGITS_MAX,
            });
        }
        let kind = octets.one(FIELD)?;
        let value = octets.many(FIELD, value_octets)?;
        Ok(Some(Self::from_octets(kind, value, value_octets * 2)))
    }

    /// Writes a TP address.
    pub(super) fn encode(&self, octets: &mut Vec<u8>) -> Result<(), EncodeError> {
        let (value, digits) = self.to_octets()?;
        octets.push(u8::try_from(digits).map_err(|_| EncodeError::Address)?);
        octets.push(self.kind());
        octets.extend_from_slice(&value);
        Ok(())
    }

    /// Writes a service centre address; `None` leaves it to the modem.
    pub(super) fn encode_service_centre(
        address: Option<&Self>,
        octets: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let Some(address) = address else {
            octets.push(0);
            return Ok(());
        };
        let (value, _) = address.to_octets()?;
        octets.push(u8::try_from(value.len() + 1).map_err(|_| EncodeError::Address)?);
        octets.push(address.kind());
        octets.extend_from_slice(&value);
        Ok(())
    }

    /// The type-of-address octet; its top bit is always set.
    fn kind(&self) -> u8 {
        0x80 | (self.type_of_number as u8) << 4 | self.plan.nibble()
    }

    /// The value as octets, and its length in semi-octets.
    fn to_octets(&self) -> Result<(Vec<u8>, usize), EncodeError> {
        let mut octets = Vec::with_capacity(DIGITS_MAX / 2);
        if self.is_name() {
            let septets = Alphabet::DEFAULT
                .encode(&self.value)
                .filter(|septets| septets.len() <= NAME_MAX)
                .ok_or(EncodeError::Address)?;
            pack(&septets, 0, &mut octets);
            // Semi-octets that hold something of the name.
            return Ok((octets, (septets.len() * 7).div_ceil(4)));
        }
        for pair in self.value.as_bytes().chunks(2) {
            let (first, second) = match *pair {
                [first, second] => (semi_octet(first), semi_octet(second)),
                [first] => (semi_octet(first), Some(0xF)),
                _ => (None, None),
            };
            match (first, second) {
                (Some(first), Some(second)) => octets.push(second << 4 | first),
                _ => return Err(EncodeError::Address),
            }
        }
        if self.value.len() > DIGITS_MAX {
            return Err(EncodeError::Address);
        }
        Ok((octets, self.value.len()))
    }

    fn from_octets(kind: u8, octets: &[u8], digits: usize) -> Self {
        let type_of_number = match kind >> 4 & 0b111 {
            0 => TypeOfNumber::Unknown,
            1 => TypeOfNumber::International,
            2 => TypeOfNumber::National,
            3 => TypeOfNumber::NetworkSpecific,
            4 => TypeOfNumber::Subscriber,
            5 => TypeOfNumber::Alphanumeric,
            6 => TypeOfNumber::Abbreviated,
            _ => TypeOfNumber::Reserved,
        };
        let value = if type_of_number == TypeOfNumber::Alphanumeric {
            name_of(&unpack(octets, 0, digits * 4 / 7))
        } else {
            octets
                .iter()
                .flat_map(|octet| [octet & 0x0F, octet >> 4])
                .take(digits)
                .map_while(digit)
                .collect()
        };
        Self {
            type_of_number,
            plan: NumberingPlan::from_nibble(kind),
            value,
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// [`Address::number`].
    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::number(text)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.type_of_number == TypeOfNumber::International && !self.value.is_empty() {
            f.write_str("+")?;
        }
        f.write_str(&self.value)
    }
}

/// A name's characters. Seven letters leave seven bits over, and some senders count those too: an
/// `@` that could be them is none.
fn name_of(septets: &[u8]) -> String {
    let padded = |septets: &[u8]| septets.len() == 8 && septets.last() == Some(&0);
    let own = if padded(septets) {
        septets.split_last().map_or(septets, |(_, own)| own)
    } else {
        septets
    };
    let mut name = Alphabet::DEFAULT.decode(own);
    // Odd escapes read as one character: what would be written again is shorter.
    if Alphabet::DEFAULT
        .encode(&name)
        .is_some_and(|septets| padded(&septets))
    {
        name.pop();
    }
    name
}

/// A semi-octet's digit; `None` for the filler (TS 24.008 table 10.5.118).
fn digit(semi_octet: u8) -> Option<char> {
    Some(match semi_octet & 0x0F {
        value @ 0..=9 => char::from(b'0' + value),
        10 => '*',
        11 => '#',
        12 => 'a',
        13 => 'b',
        14 => 'c',
        _ => return None,
    })
}

/// A digit's semi-octet.
fn semi_octet(digit: u8) -> Option<u8> {
    Some(match digit {
        b'0'..=b'9' => digit - b'0',
        b'*' => 10,
        b'#' => 11,
        b'a' => 12,
        b'b' => 13,
        b'c' => 14,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::hex::{hex, unhex};

    fn decode(digits: &str) -> Result<Address, DecodeError> {
        let octets = unhex(digits.as_bytes()).unwrap();
        Address::decode(&mut Octets::new(&octets), "TP-OA")
    }

    fn encode(address: &Address) -> String {
        let mut octets = Vec::new();
        address.encode(&mut octets).unwrap();
        hex(&octets)
    }

    #[test]
    fn addresses_read_as_people_write_them() {
        use TypeOfNumber as T;
        for (octets, shown, type_of_number) in [
            ("0B915155210301F0", "+15551230100", T::International),
            ("0AA15155210301", "1555123010", T::National),
            ("05812754F6", "72456", T::Unknown), // a short code
            ("05B92754F6", "72456", T::NetworkSpecific),
            ("08811A2BDCEE", "*1#2abcc", T::Unknown),
            ("0691214365", "+123456", T::International),
            ("0091", "", T::International), // a number withheld
        ] {
            let address = decode(octets).unwrap();
            assert_eq!(address.to_string(), shown, "{octets}");
            assert_eq!(address.type_of_number(), type_of_number, "{octets}");
            assert_eq!(encode(&address), octets);
        }
    }

    #[test]
    fn names_end_where_their_letters_do() {
        for name in [
            "A",
            "Elm",
            "ElmDesk",
            "Elm Desk",
            "Elm Library",
            "Ça €",
            "LIBRARY",
        ] {
            let address = Address::name(name).unwrap();
            assert!(address.is_name());
            let octets = encode(&address);
            assert_eq!(decode(&octets).unwrap().to_string(), name, "{octets}");
        }
        // Seven letters are thirteen semi-octets; counted as fourteen they are still seven.
        let octets = encode(&Address::name("ElmDesk").unwrap());
        assert_eq!(&octets[..4], "0DD0");
        let rounded = format!("0E{}", &octets[2..]);
        assert_eq!(decode(&rounded).unwrap().to_string(), "ElmDesk");
    }

    #[test]
    fn impossible_lengths_are_refused() {
        let too_long = DecodeError::AddressTooLong {
            field: "TP-OA",
            digits: 21,
            max: 20,
        };
        assert_eq!(decode("1591"), Err(too_long));
        let short = DecodeError::Truncated {
            field: "TP-OA",
            needed: 6,
            found: 2,
        };
        assert_eq!(decode("0B915155"), Err(short));
        assert!(decode("").is_err());
        assert!(decode("0B").is_err());
    }

    #[test]
    fn service_centres_count_octets() {
        for (octets, shown) in [
            ("00", None),
            ("0191", Some("")),
            ("07915155210399F9", Some("+15551230999")),
            ("0581275488F8", Some("7245888")),
        ] {
            let given = unhex(octets.as_bytes()).unwrap();
            let found = Address::decode_service_centre(&mut Octets::new(&given)).unwrap();
            assert_eq!(found.as_ref().map(ToString::to_string).as_deref(), shown);
            let mut again = Vec::new();
            Address::encode_service_centre(found.as_ref(), &mut again).unwrap();
            assert_eq!(hex(&again), octets);
        }
        for octets in ["0C91", "FF", "0791", ""] {
            let given = unhex(octets.as_bytes()).unwrap();
            assert!(Address::decode_service_centre(&mut Octets::new(&given)).is_err());
        }
    }

    #[test]
    fn numbers_are_taken_as_people_type_them() {
        for (text, shown) in [
            ("+1 (555) 123-0100", Ok("+15551230100")),
            (" 555.123.0100 ", Ok("5551230100")),
            ("*100#", Ok("*100#")),
            ("72456", Ok("72456")),
            ("", Err(AddressError::Empty)),
            ("+", Err(AddressError::Empty)),
            ("1+2", Err(AddressError::NotADigit)),
            ("call me", Err(AddressError::NotADigit)),
            ("٣٤", Err(AddressError::NotADigit)),
            ("123456789012345678901", Err(AddressError::TooLong)),
        ] {
            let found = Address::number(text).map(|address| address.to_string());
            assert_eq!(found.as_deref().map_err(|&error| error), shown, "{text:?}");
        }
        assert_eq!(Address::name(""), Err(AddressError::Empty));
        assert_eq!(Address::name("A longer name"), Err(AddressError::TooLong));
        assert_eq!(Address::name("図書館"), Err(AddressError::NotInAlphabet));
    }

    proptest! {
        #[test]
        fn numbers_come_back(
            digits in "[0-9*#abc]{0,20}",
            type_of_number in prop::sample::select(vec![
                TypeOfNumber::Unknown, TypeOfNumber::International, TypeOfNumber::National,
                TypeOfNumber::NetworkSpecific, TypeOfNumber::Subscriber,
                TypeOfNumber::Abbreviated, TypeOfNumber::Reserved,
            ]),
            plan in 0u8..16,
        ) {
            let address = Address {
                type_of_number,
                plan: NumberingPlan::from_nibble(plan),
                value: digits,
            };
            let mut octets = Vec::new();
            address.encode(&mut octets).unwrap();
            let mut rest = Octets::new(&octets);
            prop_assert_eq!(Address::decode(&mut rest, "TP-DA"), Ok(address.clone()));
            prop_assert!(rest.rest().is_empty());
            octets.clear();
            Address::encode_service_centre(Some(&address), &mut octets).unwrap();
            let again = Address::decode_service_centre(&mut Octets::new(&octets)).unwrap();
            prop_assert_eq!(again, Some(address));
        }

        #[test]
        fn names_come_back(name in "[A-Za-z0-9 .ÄÖéøΔ€]{0,5}[A-Za-z0-9]") {
            prop_assume!(Address::name(&name).is_ok());
            let address = Address::name(&name).unwrap();
            let mut octets = Vec::new();
            address.encode(&mut octets).unwrap();
            prop_assert_eq!(Address::decode(&mut Octets::new(&octets), "TP-OA"), Ok(address));
        }

        #[test]
        fn any_octets_are_an_address_or_an_error(
            octets in prop::collection::vec(any::<u8>(), 0..24),
        ) {
            if let Ok(address) = Address::decode(&mut Octets::new(&octets), "TP-OA") {
                let mut again = Vec::new();
                prop_assert!(address.encode(&mut again).is_ok());
                prop_assert_eq!(Address::decode(&mut Octets::new(&again), "TP-OA"), Ok(address));
            }
        }
    }
}
