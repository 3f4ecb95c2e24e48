//! The user data header (TS 23.040 §9.2.3.24): what goes before the text in the same octets.

#![deny(clippy::indexing_slicing)]

use super::alphabet::Alphabet;
use super::error::EncodeError;
use super::national::NationalLanguage;
use super::octets::Octets;

/// Octets a header can have behind its length octet: all of the user data.
pub const HEADER_MAX: usize = 139;

/// The port that WAP push, and so every picture message notice, is sent to.
pub const WAP_PUSH_PORT: u16 = 2948;

const CONCATENATED_8: u8 = 0x00;
const PORTS_8: u8 = 0x04;
const PORTS_16: u8 = 0x05;
const CONCATENATED_16: u8 = 0x08;
const SINGLE_SHIFT: u8 = 0x24;
const LOCKING_SHIFT: u8 = 0x25;

/// A header as it came, octet for octet and without its length; elements are found as they are
/// asked for.
///
/// A header whose last element claims more octets than there are has no elements at all, as
/// §9.2.3.24 wants, and still comes back octet for octet.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct UserDataHeader {
    octets: Vec<u8>,
}

/// One information element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Element<'a> {
    /// This is a part of a longer text.
    Concat(Concat),
    /// For a program rather than a person.
    Ports(Ports),
    /// The language of the single shift table.
    SingleShift(NationalLanguage),
    /// The language of the locking shift table.
    LockingShift(NationalLanguage),
    /// Anything else, and elements whose content makes no sense.
    Other {
        /// The information element identifier.
        id: u8,
        /// Its content; at most 255 octets.
        data: &'a [u8],
    },
}

/// Which part of a longer text this is (§9.2.3.24.1, §9.2.3.24.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Concat {
    /// The same in all parts of one text: up to 255, or 65535 when wide.
    pub reference: u16,
    /// How many parts there are, from 1.
    pub total: u8,
    /// Which one this is, from 1.
    pub sequence: u8,
    /// Whether the reference has sixteen bits. Reference 5 in eight bits and 5 in sixteen are not
    /// the same.
    pub wide: bool,
}

/// Application ports (§9.2.3.24.3, §9.2.3.24.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ports {
    /// Whom it is for.
    pub destination: u16,
    /// Where it is from.
    pub originator: u16,
    /// Whether ports have sixteen bits.
    pub wide: bool,
}

impl UserDataHeader {
    /// A header with these octets, its length not among them.
    pub fn from_octets(octets: Vec<u8>) -> Result<Self, EncodeError> {
        if octets.len() > HEADER_MAX {
            return Err(EncodeError::HeaderTooLong {
                octets: octets.len(),
            });
        }
        Ok(Self { octets })
    }

    /// A header with these elements. Their narrow references and ports lose their upper octet.
    pub fn new(elements: &[Element<'_>]) -> Result<Self, EncodeError> {
        let mut octets = Vec::with_capacity(12);
        for element in elements {
            element.append_to(&mut octets)?;
        }
        Self::from_octets(octets)
    }

    /// The header of one part of a text.
    pub fn concatenation(concat: Concat) -> Self {
        let mut octets = Vec::with_capacity(6);
        concat.append_to(&mut octets);
        Self { octets }
    }

    /// The octets, without their length.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The elements in the order they came; none when they do not add up to the header's length.
    pub fn elements(&self) -> Elements<'_> {
        let all = Octets::new(&self.octets);
        let mut walk = all.clone();
        let whole = loop {
            if walk.rest().is_empty() {
                break true;
            }
            if take(&mut walk).is_none() {
                break false;
            }
        };
        Elements {
            rest: if whole { all } else { Octets::new(&[]) },
        }
    }

    /// Which part of a longer text this is. `None` for part 0, for parts beyond the total and for
    /// a total of 0: such a text stands alone (§9.2.3.24.1). Of several, the last counts.
    pub fn concat(&self) -> Option<Concat> {
        self.elements()
            .filter_map(|element| match element {
                Element::Concat(concat) => Some(concat),
                _ => None,
            })
            .last()
    }

    /// The ports; of several, the last count.
    pub fn ports(&self) -> Option<Ports> {
        self.elements()
            .filter_map(|element| match element {
                Element::Ports(ports) => Some(ports),
                _ => None,
            })
            .last()
    }

    /// The tables that 7-bit text behind this header is written in.
    pub fn alphabet(&self) -> Alphabet {
        let mut alphabet = Alphabet::DEFAULT;
        for element in self.elements() {
            match element {
                Element::SingleShift(language) => alphabet.single = Some(language),
                Element::LockingShift(language) => alphabet.locking = Some(language),
                Element::Concat(_) | Element::Ports(_) | Element::Other { .. } => {}
            }
        }
        alphabet
    }

    /// Octets of the header with its length octet.
    pub(super) fn octets_with_length(&self) -> usize {
        self.octets.len() + 1
    }
}

/// The elements of a header.
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    rest: Octets<'a>,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (id, data) = take(&mut self.rest)?;
        Some(Element::read(id, data))
    }
}

impl<'a> Element<'a> {
    fn read(id: u8, data: &'a [u8]) -> Self {
        let other = Self::Other { id, data };
        match (id, data) {
            (CONCATENATED_8, &[reference, total, sequence]) => {
                Concat::lawful(u16::from(reference), total, sequence, false)
                    .map_or(other, Self::Concat)
            }
            (CONCATENATED_16, &[high, low, total, sequence]) => {
                Concat::lawful(u16::from_be_bytes([high, low]), total, sequence, true)
                    .map_or(other, Self::Concat)
            }
            (PORTS_8, &[destination, originator]) => Self::Ports(Ports {
                destination: u16::from(destination),
                originator: u16::from(originator),
                wide: false,
            }),
            (PORTS_16, &[to_high, to_low, from_high, from_low]) => Self::Ports(Ports {
                destination: u16::from_be_bytes([to_high, to_low]),
                originator: u16::from_be_bytes([from_high, from_low]),
                wide: true,
            }),
            (SINGLE_SHIFT, &[language]) => {
                NationalLanguage::from_octet(language).map_or(other, Self::SingleShift)
            }
            (LOCKING_SHIFT, &[language]) => {
                NationalLanguage::from_octet(language).map_or(other, Self::LockingShift)
            }
            _ => other,
        }
    }

    fn append_to(&self, octets: &mut Vec<u8>) -> Result<(), EncodeError> {
        match *self {
            Self::Concat(concat) => concat.append_to(octets),
            Self::Ports(Ports {
                destination,
                originator,
                wide,
            }) => {
                let [to_high, to_low] = destination.to_be_bytes();
                let [from_high, from_low] = originator.to_be_bytes();
                if wide {
                    octets.extend_from_slice(&[PORTS_16, 4, to_high, to_low, from_high, from_low]);
                } else {
                    octets.extend_from_slice(&[PORTS_8, 2, to_low, from_low]);
                }
            }
            Self::SingleShift(language) => {
                octets.extend_from_slice(&[SINGLE_SHIFT, 1, language.octet()]);
            }
            Self::LockingShift(language) => {
                octets.extend_from_slice(&[LOCKING_SHIFT, 1, language.octet()]);
            }
            Self::Other { id, data } => {
                let length = u8::try_from(data.len()).map_err(|_| EncodeError::HeaderTooLong {
                    octets: octets.len() + 2 + data.len(),
                })?;
                octets.extend_from_slice(&[id, length]);
                octets.extend_from_slice(data);
            }
        }
        Ok(())
    }
}

impl Concat {
    /// `None` when no text has such a part.
    fn lawful(reference: u16, total: u8, sequence: u8, wide: bool) -> Option<Self> {
        (sequence != 0 && sequence <= total).then_some(Self {
            reference,
            total,
            sequence,
            wide,
        })
    }

    fn append_to(self, octets: &mut Vec<u8>) {
        let [high, low] = self.reference.to_be_bytes();
        if self.wide {
            octets.extend_from_slice(&[CONCATENATED_16, 4, high, low, self.total, self.sequence]);
        } else {
            octets.extend_from_slice(&[CONCATENATED_8, 3, low, self.total, self.sequence]);
        }
    }
}

/// Takes one element's identifier and content; `None` when it is not all there.
fn take<'a>(rest: &mut Octets<'a>) -> Option<(u8, &'a [u8])> {
    let [id, length] = rest.array("an information element").ok()?;
    let data = rest
        .many("an information element", usize::from(length))
        .ok()?;
    Some((id, data))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::hex::unhex;

    fn header(digits: &str) -> UserDataHeader {
        UserDataHeader::from_octets(unhex(digits.as_bytes()).unwrap()).unwrap()
    }

    fn part(reference: u16, total: u8, sequence: u8, wide: bool) -> Option<Concat> {
        Some(Concat {
            reference,
            total,
            sequence,
            wide,
        })
    }

    #[test]
    fn parts_say_which_they_are() {
        for (digits, expected) in [
            ("00032A0301", part(0x2A, 3, 1, false)),
            ("0804012A0202", part(0x12A, 2, 2, true)),
            ("05040B8423F000032A0301", part(0x2A, 3, 1, false)), // ports as well
            ("00032A0301" /* twice */, part(0x2A, 3, 1, false)),
            ("0003010301000302" /* cut short */, None),
            ("00030103010003020302", part(2, 3, 2, false)), // the last counts
            ("00032A0300", None),                           // part 0
            ("00032A0304", None),                           // part 4 of 3
            ("00032A0000", None),                           // of none
            ("00022A03", None),                             // too short for what it is
            ("00042A030100", None),                         // too long
            ("0003", None),
            ("00FF2A0301", None),
            ("00", None),
            ("", None),
        ] {
            assert_eq!(header(digits).concat(), expected, "{digits}");
        }
    }

    #[test]
    fn ports_and_languages_are_read() {
        let push = header("05040B8423F0");
        assert_eq!(push.ports().unwrap().destination, WAP_PUSH_PORT);
        assert_eq!(push.ports().unwrap().originator, 9200);
        assert_eq!(header("0402C8F0").ports().unwrap().destination, 200);
        let urdu = header("24010D25010D");
        assert_eq!(urdu.alphabet().single, Some(NationalLanguage::Urdu));
        assert_eq!(urdu.alphabet().locking, Some(NationalLanguage::Urdu));
        // A reserved language is as good as none.
        assert_eq!(header("24010E").alphabet(), Alphabet::DEFAULT);
        assert_eq!(header("240100").alphabet(), Alphabet::DEFAULT);
    }

    #[test]
    fn unknown_elements_are_kept() {
        let digits = "7001AA00032A03010A0400050102";
        let found = header(digits);
        assert_eq!(found.elements().count(), 3);
        assert_eq!(
            found.elements().next(),
            Some(Element::Other {
                id: 0x70,
                data: &[0xAA]
            })
        );
        let elements: Vec<_> = found.elements().collect();
        assert_eq!(UserDataHeader::new(&elements).unwrap(), found);
    }

    #[test]
    fn headers_have_a_bound() {
        assert!(UserDataHeader::from_octets(vec![0; HEADER_MAX]).is_ok());
        assert!(UserDataHeader::from_octets(vec![0; HEADER_MAX + 1]).is_err());
        let data = [0; 256];
        assert!(UserDataHeader::new(&[Element::Other { id: 1, data: &data }]).is_err());
    }

    fn element() -> impl Strategy<Value = (u8, Vec<u8>)> {
        (
            prop_oneof![
                any::<u8>(),
                Just(0),
                Just(4),
                Just(5),
                Just(8),
                Just(0x24),
                Just(0x25)
            ],
            prop::collection::vec(any::<u8>(), 0..7),
        )
    }

    proptest! {
        #[test]
        fn elements_come_back(elements in prop::collection::vec(element(), 0..10)) {
            let mut octets = Vec::new();
            for (id, data) in &elements {
                octets.push(*id);
                octets.push(data.len() as u8);
                octets.extend_from_slice(data);
            }
            let header = UserDataHeader::from_octets(octets).unwrap();
            let read: Vec<_> = header.elements().collect();
            prop_assert_eq!(read.len(), elements.len());
            prop_assert_eq!(&UserDataHeader::new(&read).unwrap(), &header);
        }

        #[test]
        fn any_octets_are_a_header(octets in prop::collection::vec(any::<u8>(), 0..140)) {
            if let Ok(header) = UserDataHeader::from_octets(octets) {
                let _ = (header.alphabet(), header.ports(), header.elements().count());
                if let Some(concat) = header.concat() {
                    prop_assert!(concat.sequence >= 1 && concat.sequence <= concat.total);
                }
            }
        }
    }
}
