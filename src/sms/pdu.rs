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
