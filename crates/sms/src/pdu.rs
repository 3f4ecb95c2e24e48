//! A PDU as PDU mode gives it: the service centre's address, then a TPDU (TS 27.005 §3.1).

#![deny(clippy::indexing_slicing)]

use super::address::Address;
use super::deliver::SmsDeliver;
use super::error::{DecodeError, EncodeError, Unsupported};
use super::octets::Octets;
use super::status_report::SmsStatusReport;
use super::submit::SmsSubmit;

/// TP-MMS; set when there is *nothing* more (§9.2.3.2).
pub(super) const NO_MORE_MESSAGES: u8 = 0x04;
/// TP-LP (§9.2.3.28).
pub(super) const LOOP_PREVENTION: u8 = 0x08;
/// TP-SRI, TP-SRR or TP-SRQ (§9.2.3.4, §9.2.3.5, §9.2.3.26).
pub(super) const REPORT: u8 = 0x20;
/// TP-UDHI (§9.2.3.23).
pub(super) const USER_DATA_HEADER: u8 = 0x40;
/// TP-RP (§9.2.3.17).
pub(super) const REPLY_PATH: u8 = 0x80;

/// What a modem reads out, or is given to send.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pdu {
    /// The service centre it came through or goes to; `None` leaves it to the modem.
    pub smsc: Option<Address>,
    /// What it carries.
    pub tpdu: Tpdu,
}

/// One transfer-layer message (§9.2.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Tpdu {
    /// A text to us.
    Deliver(SmsDeliver),
    /// A text from us.
    Submit(SmsSubmit),
    /// What became of a text from us.
    StatusReport(SmsStatusReport),
}

/// Which way a TPDU goes: its type means one thing each way (§9.2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the service centre to the modem.
    ToModem,
    /// From the modem to the service centre.
    FromModem,
}

impl Pdu {
    /// Reads what a modem lists: deliveries and reports that came, submissions it stored. Anything
    /// behind the end, such as a SIM's padding, is ignored.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        let mut rest = Octets::new(octets);
        let smsc = Address::decode_service_centre(&mut rest)?;
        let tpdu = Tpdu::decode(rest.rest())?;
        Ok(Self { smsc, tpdu })
    }

    /// A delivery that cannot be decoded because its user data has lengths that cannot be: who wrote,
    /// when, and what there is of the words. Its stamp must be a time, or it is no delivery.
    pub fn torn(octets: &[u8]) -> Option<SmsDeliver> {
        if Self::decode(octets).is_ok() {
            return None;
        }
        let (first, mut rest) = first_octet(tpdu_octets(octets).ok()?).ok()?;
        if first & 0b11 != 0b00 {
            return None;
        }
        let torn = SmsDeliver::torn(first, &mut rest).ok()?;
        torn.timestamp.instant().is_some().then_some(torn)
    }

    /// The octets, service centre first.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let tpdu = self.tpdu.encode()?;
        let mut octets = Vec::with_capacity(12 + tpdu.len());
        Address::encode_service_centre(self.smsc.as_ref(), &mut octets)?;
        octets.extend_from_slice(&tpdu);
        Ok(octets)
    }
}

/// The octets of the TPDU, without the service centre address in front: a network that delivers a
/// text again may do so through another service centre.
pub fn tpdu_octets(pdu: &[u8]) -> Result<&[u8], DecodeError> {
    let mut rest = Octets::new(pdu);
    let length = rest.one("the service centre address")?;
    rest.many("the service centre address", usize::from(length))?;
    Ok(rest.rest())
}

impl Tpdu {
    /// Reads what a modem lists, without a service centre address. A reserved type is read as a
    /// delivery, as §9.2.3.1 asks of a phone.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        let (first, mut rest) = first_octet(octets)?;
        match first & 0b11 {
            0b01 => SmsSubmit::decode(first, &mut rest).map(Self::Submit),
            0b10 => SmsStatusReport::decode(first, &mut rest).map(Self::StatusReport),
            _ => SmsDeliver::decode(first, &mut rest).map(Self::Deliver),
        }
    }

    /// Reads a TPDU that goes one way, and so names those that this room does not read.
    pub fn decode_going(direction: Direction, octets: &[u8]) -> Result<Self, DecodeError> {
        let (first, _) = first_octet(octets)?;
        let unsupported = match (direction, first & 0b11) {
            (Direction::ToModem, 0b01) => Unsupported::SubmitReport,
            (Direction::FromModem, 0b00) => Unsupported::DeliverReport,
            (Direction::FromModem, 0b10) => Unsupported::Command,
            (Direction::FromModem, 0b11) => Unsupported::Reserved,
            (Direction::ToModem | Direction::FromModem, _) => return Self::decode(octets),
        };
        Err(DecodeError::Unsupported(unsupported))
    }

    /// The octets.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        match self {
            Self::Deliver(deliver) => deliver.encode(),
            Self::Submit(submit) => submit.encode(),
            Self::StatusReport(report) => report.encode(),
        }
    }
}

/// A bit, if it is to be set.
pub(super) fn flag(set: bool, bit: u8) -> u8 {
    if set { bit } else { 0 }
}

fn first_octet(octets: &[u8]) -> Result<(u8, Octets<'_>), DecodeError> {
    let mut rest = Octets::new(octets);
    let first = rest.one("the first octet of the TPDU")?;
    Ok((first, rest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use proptest::prelude::*;

    use super::*;
    use crate::hex::unhex;
    use crate::{
        Body, DataCoding, EnhancedValidity, NumberingPlan, ProtocolId, RelativeValidity, Status,
        Timestamp, TypeOfNumber, UserData, UserDataHeader, ValidityPeriod,
    };

    const REPORT_TO_SHORT_CODE: &str = "00060505812754F6010150610000400101506100004000";

    #[test]
    fn a_type_means_one_thing_each_way() {
        use Direction::{FromModem, ToModem};
        for (first, direction, expected) in [
            (0x00, FromModem, Some(Unsupported::DeliverReport)),
            (0x01, ToModem, Some(Unsupported::SubmitReport)),
            (0x02, FromModem, Some(Unsupported::Command)),
            (0x03, FromModem, Some(Unsupported::Reserved)),
            (0x00, ToModem, None),
            (0x01, FromModem, None),
            (0x02, ToModem, None),
            (0x03, ToModem, None),
        ] {
            let found = match Tpdu::decode_going(direction, &[first]) {
                Err(DecodeError::Unsupported(kind)) => Some(kind),
                _ => None,
            };
            assert_eq!(found, expected, "{first} {direction:?}");
        }
        let named = DecodeError::Unsupported(Unsupported::SubmitReport).to_string();
        assert!(named.contains("SMS-SUBMIT-REPORT"));
    }

    #[test]
    fn the_same_text_through_another_service_centre_has_the_same_tpdu() {
        let report = unhex(REPORT_TO_SHORT_CODE.as_bytes()).unwrap();
        let (_, tpdu) = report.split_first().unwrap();
        let mut other = unhex(b"07915155210399F9").unwrap();
        other.extend_from_slice(tpdu);
        assert_eq!(tpdu_octets(&other), Ok(tpdu));
        assert_eq!(tpdu_octets(&report), Ok(tpdu));
        assert_eq!(tpdu_octets(&[0]), Ok(&[][..]));
        assert!(tpdu_octets(&[2, 0x91]).is_err());
        assert!(tpdu_octets(&[]).is_err());
    }

    #[test]
    fn a_torn_delivery_says_who_wrote_and_when() {
        let whole = unhex(
            b"07915155210399F9040B915155210301F0000042201190340000\
              0BE8329BFD06DDDF723619",
        )
        .unwrap();
        assert!(Pdu::decode(&whole).is_ok());
        assert_eq!(Pdu::torn(&whole), None);
        let stamped = whole.len() - 11;
        for end in 0..whole.len() {
            let torn = Pdu::torn(&whole[..end]);
            assert_eq!(torn.is_some(), end >= stamped, "{end}");
            if let Some(torn) = torn {
                assert_eq!(torn.originator.to_string(), "+15551230100");
                let words = torn.text().unwrap();
                assert!("hello world".starts_with(&words), "{words:?}");
            }
        }
        let mut timeless = whole[..stamped + 4].to_vec();
        timeless[stamped - 7] = 0xFF;
        assert_eq!(Pdu::torn(&timeless), None);
    }

    #[test]
    fn a_pdu_cut_anywhere_is_an_error_that_names_a_field() {
        let report = unhex(REPORT_TO_SHORT_CODE.as_bytes()).unwrap();
        assert!(Pdu::decode(&report).is_ok());
        for end in 0..report.len() {
            let cut = report.get(..end).unwrap();
            let error = Pdu::decode(cut).unwrap_err();
            assert!(
                matches!(error, DecodeError::Truncated { .. }),
                "{end}: {error}"
            );
        }
    }

    fn address() -> impl Strategy<Value = Address> {
        prop_oneof![
            "[0-9]{1,20}".prop_map(|digits| Address::number(&digits).unwrap()),
            "\\+[0-9]{1,20}".prop_map(|number| Address::number(&number).unwrap()),
            "[0-9*#abc]{1,20}".prop_map(|digits| Address::number(&digits)
                .unwrap()
                .typed(TypeOfNumber::NetworkSpecific, NumberingPlan::Private)),
            "[A-Z][a-z ]{0,10}".prop_map(|name| Address::name(&name).unwrap()),
        ]
    }

    fn user_data() -> impl Strategy<Value = UserData> {
        (
            prop::option::of(prop::collection::vec(any::<u8>(), 0..20)),
            prop::collection::vec(any::<u8>(), 0..119),
            0..3,
        )
            .prop_map(|(header, body, kind)| {
                let header = header.map(|octets| UserDataHeader::from_octets(octets).unwrap());
                let body = match kind {
                    0 => Body::Septets(body.iter().map(|octet| octet & 0x7F).collect()),
                    1 => Body::Ucs2(body),
                    _ => Body::Octets(body),
                };
                UserData::new(header, body).unwrap()
            })
    }

    fn validity() -> impl Strategy<Value = Option<ValidityPeriod>> {
        prop::option::of(prop_oneof![
            any::<u8>().prop_map(|octet| ValidityPeriod::Relative(RelativeValidity(octet))),
            any::<[u8; 7]>().prop_map(|octets| ValidityPeriod::Absolute(Timestamp(octets))),
            any::<[u8; 7]>().prop_map(|octets| ValidityPeriod::Enhanced(EnhancedValidity(octets))),
        ])
    }

    fn tpdu() -> impl Strategy<Value = Tpdu> {
        let octet = any::<u8>;
        prop_oneof![
            (
                any::<[bool; 4]>(),
                address(),
                octet(),
                any::<[u8; 7]>(),
                user_data()
            )
                .prop_map(|(flags, originator, pid, timestamp, user_data)| {
                    let [
                        more_messages,
                        loop_prevention,
                        reply_path,
                        status_report_indication,
                    ] = flags;
                    Tpdu::Deliver(SmsDeliver {
                        more_messages,
                        loop_prevention,
                        reply_path,
                        status_report_indication,
                        originator,
                        pid: ProtocolId(pid),
                        coding: user_data.coding(),
                        timestamp: Timestamp(timestamp),
                        user_data,
                    })
                }),
            (
                any::<[bool; 3]>(),
                octet(),
                address(),
                octet(),
                validity(),
                user_data()
            )
                .prop_map(
                    |(flags, message_reference, destination, pid, validity, user_data)| {
                        let [reject_duplicates, reply_path, status_report_request] = flags;
                        Tpdu::Submit(SmsSubmit {
                            reject_duplicates,
                            reply_path,
                            status_report_request,
                            message_reference,
                            destination,
                            pid: ProtocolId(pid),
                            coding: user_data.coding(),
                            validity,
                            user_data,
                        })
                    }
                ),
            (
                any::<[bool; 3]>(),
                octet(),
                address(),
                any::<[[u8; 7]; 2]>(),
                octet(),
                prop::option::of(octet()),
                prop::option::of(user_data()),
            )
                .prop_map(
                    |(flags, message_reference, recipient, times, status, pid, tail)| {
                        let [more_messages, loop_prevention, to_command] = flags;
                        let [timestamp, discharge] = times;
                        Tpdu::StatusReport(SmsStatusReport {
                            more_messages,
                            loop_prevention,
                            to_command,
                            message_reference,
                            recipient,
                            timestamp: Timestamp(timestamp),
                            discharge: Timestamp(discharge),
                            status: Status(status),
                            pid: pid.map(ProtocolId),
                            coding: tail.as_ref().map(UserData::coding),
                            user_data: tail,
                        })
                    }
                ),
        ]
    }

    proptest! {
        #[test]
        fn pdus_come_back(
            smsc in prop::option::of("\\+[0-9]{2,15}"),
            tpdu in tpdu(),
            padding in 0usize..4,
        ) {
            let smsc = smsc.map(|number| Address::number(&number).unwrap());
            let pdu = Pdu { smsc, tpdu };
            let mut octets = pdu.encode().unwrap();
            prop_assert_eq!(tpdu_octets(&octets).unwrap(), pdu.tpdu.encode().unwrap());
            // A status report's tail would read padding as its own.
            if !matches!(pdu.tpdu, Tpdu::StatusReport(_)) {
                octets.resize(octets.len() + padding, 0xFF);
            }
            prop_assert_eq!(Pdu::decode(&octets), Ok(pdu));
        }

        #[test]
        fn a_coding_of_any_kind_is_read_or_refused(
            coding in any::<u8>(),
            octets in prop::collection::vec(any::<u8>(), 0..150),
        ) {
            let coding = DataCoding(coding);
            let mut rest = Octets::new(&octets);
            if let Ok(user_data) = UserData::decode(&mut rest, false, coding) {
                let mut again = Vec::new();
                user_data.encode(coding, &mut again).unwrap();
                let found = UserData::decode(&mut Octets::new(&again), false, coding);
                prop_assert_eq!(found, Ok(user_data));
            }
        }
    }
}
