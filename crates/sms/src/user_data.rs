//! TP-UD: a header, perhaps, and what it is all for (TS 23.040 §9.2.3.16, §9.2.3.24).

#![deny(clippy::indexing_slicing)]

use super::alphabet::{pack, unpack};
use super::coding::{Charset, DataCoding};
use super::error::{DecodeError, EncodeError};
use super::header::{Concat, Ports, UserDataHeader, WAP_PUSH_PORT};
use super::octets::Octets;
use super::ucs2::decode_ucs2;

/// Octets of user data that a TPDU carries.
pub const USER_DATA_MAX: usize = 140;

/// A header and a body that fit one TPDU together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserData {
    header: Option<UserDataHeader>,
    body: Body,
}

/// What comes behind the header.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Body {
    /// GSM 7-bit text, one septet an octet; which tables it is in, the header says.
    Septets(Vec<u8>),
    /// UCS2 text as octets: a character may be cut in two at either end of a part.
    Ucs2(Vec<u8>),
    /// Data for a program, and compressed text.
    Octets(Vec<u8>),
}

impl Body {
    fn of_octets(octets: &[u8], coding: DataCoding) -> Self {
        if coding.charset() == Charset::Ucs2 && !coding.compressed() {
            Self::Ucs2(octets.to_vec())
        } else {
            Self::Octets(octets.to_vec())
        }
    }
}

impl UserData {
    /// Puts a header and a body together, if they fit.
    pub fn new(header: Option<UserDataHeader>, body: Body) -> Result<Self, EncodeError> {
        let user_data = Self { header, body };
        match user_data.octets() {
            0..=USER_DATA_MAX => Ok(user_data),
            octets => Err(EncodeError::UserDataTooLong { octets }),
        }
    }

    /// The header; `None` when TP-UDHI says there is none.
    pub fn header(&self) -> Option<&UserDataHeader> {
        self.header.as_ref()
    }

    /// What comes behind the header.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// Which part of a longer text this is, if it is one.
    pub fn concat(&self) -> Option<Concat> {
        self.header.as_ref()?.concat()
    }

    /// The ports of the programs this is between, if it is.
    pub fn ports(&self) -> Option<Ports> {
        self.header.as_ref()?.ports()
    }

    /// Whether this is WAP push, by which phones hear of picture messages (MMS): a person can
    /// read nothing in it, and the picture stays with the carrier.
    pub fn is_mms_notice(&self) -> bool {
        self.ports().is_some_and(|ports| Self::is_push(&ports))
    }

    /// Whether ports are those of WAP push.
    pub fn is_push(ports: &Ports) -> bool {
        ports.wide && ports.destination == WAP_PUSH_PORT
    }

    /// The text of this part alone; `None` for data. Parts of one text are read together
    /// ([`Assembly`](super::Assembly)), because senders cut characters in two.
    pub fn text(&self) -> Option<String> {
        match &self.body {
            Body::Septets(septets) => {
                let alphabet = self
                    .header
                    .as_ref()
                    .map(UserDataHeader::alphabet)
                    .unwrap_or_default();
                Some(alphabet.decode(septets))
            }
            Body::Ucs2(octets) => Some(decode_ucs2(octets)),
            Body::Octets(_) => None,
        }
    }

    /// The data; `None` for text.
    pub fn data(&self) -> Option<&[u8]> {
        match &self.body {
            Body::Octets(octets) => Some(octets),
            Body::Septets(_) | Body::Ucs2(_) => None,
        }
    }

    /// The coding that says what this is, and nothing else.
    pub fn coding(&self) -> DataCoding {
        match self.body {
            Body::Septets(_) => DataCoding::GSM7,
            Body::Ucs2(_) => DataCoding::UCS2,
            Body::Octets(_) => DataCoding::DATA,
        }
    }

    /// Reads TP-UDL and TP-UD. Whatever follows is left.
    pub(super) fn decode(
        octets: &mut Octets<'_>,
        has_header: bool,
        coding: DataCoding,
    ) -> Result<Self, DecodeError> {
        let length = usize::from(octets.one("TP-UDL")?);
        let septets = coding.charset() == Charset::Gsm7 && !coding.compressed();
        let count = if septets {
            (length * 7).div_ceil(8)
        } else {
            length
        };
        if count > USER_DATA_MAX {
            return Err(DecodeError::UserDataTooLong { octets: count });
        }
        let all = octets.many("TP-UD", count)?;
        // Where there is nothing at all, there is no header either.
        let (header, rest) = if has_header && length > 0 {
            let (header, rest) = split_header(all)?;
            (Some(header), rest)
        } else {
            (None, all)
        };
        let body = if septets {
            let (in_front, fill_bits) = alignment(header.as_ref());
            let own = length
                .checked_sub(in_front)
                .ok_or(DecodeError::HeaderOverruns {
                    header: all.len() - rest.len(),
                    user_data: count,
                })?;
            Body::Septets(unpack(rest, fill_bits, own))
        } else {
            Body::of_octets(rest, coding)
        };
        Ok(Self { header, body })
    }

    /// Reads what there is, where the lengths cannot be: what TP-UDL promises beyond the end is
    /// missing, and behind a header that cannot be, nothing is read.
    pub(super) fn torn(octets: &mut Octets<'_>, has_header: bool, coding: DataCoding) -> Self {
        let length = octets.one("TP-UDL").map_or(0, usize::from);
        let septets = coding.charset() == Charset::Gsm7 && !coding.compressed();
        let count = match septets {
            true => (length * 7).div_ceil(8),
            false => length,
        };
        let all = octets.rest();
        let all = all.get(..count.min(USER_DATA_MAX)).unwrap_or(all);
        let (header, rest) = match has_header.then(|| split_header(all)) {
            None => (None, all),
            Some(Ok((header, rest))) => (Some(header), rest),
            Some(Err(_)) => (None, &[][..]),
        };
        let body = if septets {
            let (in_front, fill_bits) = alignment(header.as_ref());
            let own = length.saturating_sub(in_front);
            let mut read = unpack(rest, fill_bits, own);
            // Seven bits that fill up the last octet are no `@`.
            if read.len() < own && read.last() == Some(&0) && read.len().is_multiple_of(8) {
                read.pop();
            }
            Body::Septets(read)
        } else {
            Body::of_octets(rest, coding)
        };
        Self { header, body }
    }

    /// Writes TP-UDL and TP-UD.
    pub(super) fn encode(
        &self,
        coding: DataCoding,
        octets: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let fits = match (&self.body, coding.charset(), coding.compressed()) {
            (Body::Septets(_), Charset::Gsm7, false) => true,
            (Body::Ucs2(_), Charset::Ucs2, false) => true,
            (Body::Octets(_), Charset::Data, _) | (Body::Octets(_), _, true) => true,
            (Body::Septets(_) | Body::Ucs2(_) | Body::Octets(_), _, _) => false,
        };
        if !fits {
            return Err(EncodeError::CodingMismatch { coding: coding.0 });
        }
        let too_long = |octets| EncodeError::UserDataTooLong { octets };
        let (in_front, fill_bits) = alignment(self.header.as_ref());
        let length = match &self.body {
            Body::Septets(septets) => in_front + septets.len(),
            Body::Ucs2(_) | Body::Octets(_) => self.octets(),
        };
        octets.push(u8::try_from(length).map_err(|_| too_long(self.octets()))?);
        if let Some(header) = &self.header {
            let header_length = header.octets().len();
            octets.push(u8::try_from(header_length).map_err(|_| too_long(header_length))?);
            octets.extend_from_slice(header.octets());
        }
        match &self.body {
            Body::Septets(septets) => pack(septets, fill_bits, octets),
            Body::Ucs2(body) | Body::Octets(body) => octets.extend_from_slice(body),
        }
        Ok(())
    }

    /// Octets of TP-UD.
    fn octets(&self) -> usize {
        let header = self
            .header
            .as_ref()
            .map_or(0, UserDataHeader::octets_with_length);
        match &self.body {
            Body::Septets(septets) => {
                let (in_front, _) = alignment(self.header.as_ref());
                ((in_front + septets.len()) * 7).div_ceil(8).max(header)
            }
            Body::Ucs2(octets) | Body::Octets(octets) => header + octets.len(),
        }
    }
}

/// Septets that a header takes with its fill bits, and those fill bits: text begins on a septet's
/// boundary (§9.2.3.24).
fn alignment(header: Option<&UserDataHeader>) -> (usize, u8) {
    let Some(header) = header else {
        return (0, 0);
    };
    let bits = header.octets_with_length() * 8;
    let septets = bits.div_ceil(7);
    (septets, (septets * 7 - bits) as u8) // below 7
}

/// Cuts the header off, by its length octet.
fn split_header(all: &[u8]) -> Result<(UserDataHeader, &[u8]), DecodeError> {
    let overruns = |header| DecodeError::HeaderOverruns {
        header,
        user_data: all.len(),
    };
    let (&length, rest) = all.split_first().ok_or(overruns(1))?;
    let length = usize::from(length);
    let (header, rest) = rest.split_at_checked(length).ok_or(overruns(length + 1))?;
    let header = UserDataHeader::from_octets(header.to_vec()).map_err(|_| overruns(length + 1))?;
    Ok((header, rest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::alphabet::Alphabet;
    use crate::header::{Element, HEADER_MAX};
    use crate::hex::{hex, unhex};
    use crate::national::NationalLanguage;

    fn decode(digits: &str, has_header: bool, coding: u8) -> Result<UserData, DecodeError> {
        let octets = unhex(digits.as_bytes()).unwrap();
        UserData::decode(&mut Octets::new(&octets), has_header, DataCoding(coding))
    }

    #[test]
    fn text_starts_behind_the_fill_bits() {
        for (digits, text) in [
            // 5 header octets and their length: 48 bits, one bit to the next septet.
            ("080500032A020182", "A"),    // 7 septets of header, 1 of text
            ("08050003 1B020182", "A"),   // an escape's value among the header's octets
            ("0906080400 2A020141", "A"), // 7 octets are 8 septets: nothing to fill
            ("070500032A020100", ""),
        ] {
            let digits = digits.replace(' ', "");
            let found = decode(&digits, true, 0).unwrap();
            assert_eq!(found.text().unwrap(), text, "{digits}");
            let mut again = Vec::new();
            found.encode(DataCoding(0), &mut again).unwrap();
            assert_eq!(hex(&again), digits);
        }
    }

    #[test]
    fn headers_that_lie_are_errors() {
        for (digits, coding) in [
            ("0105", 0), // five octets of header in one
            ("0105", 4),
            ("060500032A0201", 0), // TP-UDL ends inside of the header
            ("03FF0000", 4),
        ] {
            let error = decode(digits, true, coding).unwrap_err();
            assert!(
                matches!(error, DecodeError::HeaderOverruns { .. }),
                "{digits}: {error}"
            );
        }
        for digits in ["", "05AA", "A1"] {
            assert!(decode(digits, false, 4).is_err(), "{digits}");
        }
        assert!(decode("A1", false, 0).is_err());
    }

    #[test]
    fn a_header_is_not_looked_for_where_there_is_nothing() {
        for coding in [0, 4, 8] {
            let found = decode("00", true, coding).unwrap();
            assert_eq!(found.header(), None);
        }
    }

    #[test]
    fn of_a_torn_text_the_first_words_are_read() {
        for (digits, has_header, coding, text) in [
            ("0BE8329BFD06", false, 0, "hello"), // eleven letters promised, five there
            ("A0D3E61424", false, 0, "SMS "),    // a letter's last bits are missing
            ("10CCA4501A946601", false, 0, "LIBRARY"), // bits that fill up the last octet
            ("C8E8329BFD06", false, 0, "hello"), // more than a text can have
            ("0800480069", false, 8, "Hi"),
            ("0A050003020201D0", true, 0, "h"),
            ("04050003", true, 0, ""), // a header that cannot be
            ("", false, 0, ""),
        ] {
            let octets = unhex(digits.as_bytes()).unwrap();
            let coding = DataCoding(coding);
            let found = UserData::torn(&mut Octets::new(&octets), has_header, coding);
            assert_eq!(found.text().as_deref(), Some(text), "{digits}");
        }
    }

    #[test]
    fn shift_tables_in_the_header_apply_to_the_text() {
        let header = UserDataHeader::new(&[Element::SingleShift(NationalLanguage::Turkish)]);
        let alphabet = Alphabet {
            locking: None,
            single: Some(NationalLanguage::Turkish),
        };
        let septets = alphabet.encode("Işık iğne").unwrap();
        let user_data = UserData::new(Some(header.unwrap()), Body::Septets(septets)).unwrap();
        let mut octets = Vec::new();
        user_data.encode(DataCoding::GSM7, &mut octets).unwrap();
        let found = UserData::decode(&mut Octets::new(&octets), true, DataCoding::GSM7).unwrap();
        assert_eq!(found.text().unwrap(), "Işık iğne");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (body, fits) in [
            (Body::Septets(vec![0; 160]), true),
            (Body::Septets(vec![0; 161]), false),
            (Body::Octets(vec![0; 140]), true),
            (Body::Octets(vec![0; 141]), false),
            (Body::Ucs2(vec![0; 140]), true),
            (Body::Ucs2(vec![0; 142]), false),
        ] {
            assert_eq!(UserData::new(None, body.clone()).is_ok(), fits, "{body:?}");
        }
        let header = UserDataHeader::from_octets(vec![0; HEADER_MAX]).unwrap();
        assert!(UserData::new(Some(header.clone()), Body::Octets(vec![])).is_ok());
        assert!(UserData::new(Some(header.clone()), Body::Septets(vec![])).is_ok());
        assert!(UserData::new(Some(header.clone()), Body::Octets(vec![0])).is_err());
        assert!(UserData::new(Some(header), Body::Septets(vec![0])).is_err());
    }

    #[test]
    fn a_coding_that_says_otherwise_is_refused() {
        let user_data = UserData::new(None, Body::Septets(vec![])).unwrap();
        for coding in [0x04, 0x08, 0x20, 0xE0, 0xF5] {
            let refused = user_data.encode(DataCoding(coding), &mut Vec::new());
            assert_eq!(refused, Err(EncodeError::CodingMismatch { coding }));
        }
    }

    #[test]
    fn compressed_text_is_data() {
        let found = decode("03AABBCC", false, 0x20).unwrap();
        assert_eq!(found.text(), None);
        assert_eq!(found.data(), Some(&[0xAA, 0xBB, 0xCC][..]));
    }

    proptest! {
        #[test]
        fn user_data_comes_back(
            header in prop::option::of(prop::collection::vec(any::<u8>(), 0..139)),
            body in prop::collection::vec(any::<u8>(), 0..160),
            kind in 0..3,
        ) {
            let header = header.map(|octets| UserDataHeader::from_octets(octets).unwrap());
            let body = match kind {
                0 => Body::Septets(body.iter().map(|octet| octet & 0x7F).collect()),
                1 => Body::Ucs2(body),
                _ => Body::Octets(body),
            };
            if let Ok(user_data) = UserData::new(header.clone(), body) {
                let coding = user_data.coding();
                let mut octets = Vec::new();
                user_data.encode(coding, &mut octets).unwrap();
                prop_assert!(octets.len() <= USER_DATA_MAX + 1);
                let mut rest = Octets::new(&octets);
                let found = UserData::decode(&mut rest, header.is_some(), coding);
                prop_assert_eq!(found, Ok(user_data));
                prop_assert!(rest.rest().is_empty());
            }
        }
    }
}
