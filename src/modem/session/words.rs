//! Texts that a modem hands on in words: it was left in text mode, and nobody else keeps them.
//!
//! They are put back into the form that they had on the air, so that whoever keeps, joins and shows
//! texts knows them like all others.

use std::time::Instant;

use super::Session;
use crate::at::hex;
use crate::sms::{self, Address, Pdu, ProtocolId, SmsDeliver, Timestamp, Tpdu};

/// The longest text that is kept whole; one that a modem handed on in words has no more than 160
/// letters, and what follows it may have been taken for more of it.
const WORDS_MAX: usize = 1_000;

/// What such a text's service centre is called: no network has one with a name.
const IN_WORDS: &str = "TEXTMODE";

/// Whether a modem handed this PDU on in words: its service centre, and perhaps its time, are unknown.
pub fn came_in_words(pdu: &[u8]) -> bool {
    let centre = Pdu::decode(pdu).ok().and_then(|pdu| pdu.smsc);
    centre.is_some_and(|centre| Address::name(IN_WORDS).is_ok_and(|name| name == centre))
}

impl Session {
    /// A text in words: kept, and shown with its sender.
    pub(super) fn take_words(&mut self, from: &str, stamp: Option<&str>, text: &str, now: Instant) {
        tracing::warn!(
            "the modem handed a text on in text mode: its words are kept as they stood on the line"
        );
        let line = format!("{from}: {text}");
        match pdus(from, stamp, text) {
            Some(pdus) => {
                for octets in pdus {
                    self.mailbox.direct_octets(Some(octets), &line, now);
                }
            }
            // For a person to read.
            None => self.mailbox.direct_octets(None, &line, now),
        }
    }
}

/// The PDUs of a text (TS 23.040 §9.2.2.1).
fn pdus(from: &str, stamp: Option<&str>, text: &str) -> Option<Vec<Vec<u8>>> {
    let text: String = text.chars().take(WORDS_MAX).collect();
    let originator = Address::number(from)
        .or_else(|_| Address::name(from))
        .ok()?;
    let stamp = stamp.and_then(stamp_octets).unwrap_or([0; 7]);
    // The same words of the same second are the same text.
    let reference = text
        .bytes()
        .chain(stamp)
        .fold(0_u8, |sum, octet| sum.wrapping_mul(31).wrapping_add(octet));
    let parts = sms::split(&text, reference).ok()?;
    let pdus = parts.into_iter().map(|user_data| {
        let deliver = SmsDeliver {
            more_messages: false,
            loop_prevention: false,
            reply_path: false,
            status_report_indication: false,
            originator: originator.clone(),
            pid: ProtocolId::PLAIN,
            coding: user_data.coding(),
            timestamp: Timestamp(stamp),
            user_data,
        };
        let pdu = Pdu {
            smsc: Address::name(IN_WORDS).ok(),
            tpdu: Tpdu::Deliver(deliver),
        };
        pdu.encode().ok()
    });
    pdus.collect()
}

/// `26/11/30,12:00:00-24` as a stamp's seven octets: two digits to an octet, the lower one first, and
/// the zone in quarters of an hour with its sign in bit 3 (TS 23.040 §9.2.3.11).
fn stamp_octets(said: &str) -> Option<[u8; 7]> {
    let digits: String = said.chars().filter(char::is_ascii_digit).collect();
    // A year may stand in full.
    let year_first = said.split('/').next().unwrap_or_default().trim();
    let digits = match year_first.len() {
        4 => digits.get(2..)?.to_owned(),
        _ => digits,
    };
    let digits = match digits.len() {
        12 => digits + "00",
        14 => digits,
        _ => return None,
    };
    let swapped: String = digits
        .as_bytes()
        .chunks_exact(2)
        .flat_map(|pair| pair.iter().rev())
        .map(|digit| char::from(*digit))
        .collect();
    let mut stamp: [u8; 7] = hex::decode(&swapped)?.try_into().ok()?;
    if said.contains('-') {
        stamp[6] |= 0x08;
    }
    Some(stamp)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(pdu: &[u8]) -> SmsDeliver {
        match Pdu::decode(pdu).unwrap().tpdu {
            Tpdu::Deliver(deliver) => deliver,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn words_come_back_as_they_were_with_their_sender() {
        for (from, text) in [
            ("+15551230100", "sent while you were away"),
            ("+15551230100", "RING"),
            ("5550100", "\u{bf}d\u{f3}nde? \u{1f4da}"),
            ("LIBRARY", "your book is due"),
            ("+15551230100", ""),
            ("+15551230100", "two\nlines"),
        ] {
            let made = pdus(from, Some("26/11/30,12:00:00-24"), text).unwrap();
            let deliver = read(&made[0]);
            assert!(came_in_words(&made[0]));
            assert_eq!(deliver.originator.to_string(), from);
            assert_eq!(deliver.text().unwrap_or_default(), text);
        }
        let long = "The fourth edition has a green cover. ".repeat(6);
        let made = pdus("+15551230100", None, &long).unwrap();
        assert_eq!(made.len(), 2);
        assert_eq!(read(&made[1]).concat().unwrap().total, 2);
        assert_eq!(pdus("", None, "hello"), None);
    }

    #[test]
    fn stamps_are_read_as_modems_write_them() {
        for (said, stamp) in [
            (
                "26/11/30,12:00:05-24",
                Some([0x62, 0x11, 0x03, 0x21, 0x00, 0x50, 0x4A]),
            ),
            (
                "26/11/30,12:00:05+08",
                Some([0x62, 0x11, 0x03, 0x21, 0x00, 0x50, 0x80]),
            ),
            (
                "26/11/30,12:00:05",
                Some([0x62, 0x11, 0x03, 0x21, 0x00, 0x50, 0x00]),
            ),
            (
                "2026/11/30,12:00:05+08",
                Some([0x62, 0x11, 0x03, 0x21, 0x00, 0x50, 0x80]),
            ),
            ("noon", None),
            ("", None),
        ] {
            assert_eq!(stamp_octets(said), stamp, "{said}");
        }
    }
}
