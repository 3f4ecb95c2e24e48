//! SMS-SUBMIT: a text to a patron (TS 23.040 §9.2.2.2).

#![deny(clippy::indexing_slicing)]

use super::address::Address;
use super::coding::DataCoding;
use super::error::{DecodeError, EncodeError};
use super::header::Concat;
use super::octets::Octets;
use super::pdu::{REPLY_PATH, REPORT, USER_DATA_HEADER, flag};
use super::protocol::ProtocolId;
use super::timestamp::Timestamp;
use super::user_data::UserData;
use super::validity::{EnhancedValidity, RelativeValidity, ValidityPeriod};

/// TP-MTI of an SMS-SUBMIT.
const SUBMIT: u8 = 0b01;
/// TP-RD.
const REJECT_DUPLICATES: u8 = 0x04;
/// TP-VPF, its two bits.
const VALIDITY_FORMAT: u8 = 0x18;
const ENHANCED: u8 = 0x08;
const RELATIVE: u8 = 0x10;
const ABSOLUTE: u8 = 0x18;

/// A text on its way from us.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SmsSubmit {
    /// TP-RD: the service centre should refuse what it already has from us.
    pub reject_duplicates: bool,
    /// TP-RP: the answer may go through the same service centre.
    pub reply_path: bool,
    /// TP-SRR: we ask for a status report.
    pub status_report_request: bool,
    /// TP-MR: what a status report will name. Many modems put their own count here, and tell it
    /// in `+CMGS`.
    pub message_reference: u8,
    /// TP-DA: whom to.
    pub destination: Address,
    /// TP-PID.
    pub pid: ProtocolId,
    /// TP-DCS.
    pub coding: DataCoding,
    /// TP-VP: how long the service centre should try; `None` leaves it to its own patience.
    pub validity: Option<ValidityPeriod>,
    /// TP-UD.
    pub user_data: UserData,
}

impl SmsSubmit {
    /// A text with everything left to its default.
    pub fn new(destination: Address, user_data: UserData) -> Self {
        Self {
            reject_duplicates: false,
            reply_path: false,
            status_report_request: false,
            message_reference: 0,
            destination,
            pid: ProtocolId::PLAIN,
            coding: user_data.coding(),
            validity: None,
            user_data,
        }
    }

    /// The text; `None` for data. Of a part, its own share.
    pub fn text(&self) -> Option<String> {
        self.user_data.text()
    }

    /// Which part of a longer text this is, if it is one.
    pub fn concat(&self) -> Option<Concat> {
        self.user_data.concat()
    }

    /// The TPDU, without a service centre address. Its length is what `AT+CMGS` is told
    /// (TS 27.005 §4.3).
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut octets = Vec::with_capacity(164);
        let format = match self.validity {
            None => 0,
            Some(ValidityPeriod::Relative(_)) => RELATIVE,
            Some(ValidityPeriod::Absolute(_)) => ABSOLUTE,
            Some(ValidityPeriod::Enhanced(_)) => ENHANCED,
        };
        octets.push(
            SUBMIT
                | flag(self.reject_duplicates, REJECT_DUPLICATES)
                | format
                | flag(self.status_report_request, REPORT)
                | flag(self.user_data.header().is_some(), USER_DATA_HEADER)
                | flag(self.reply_path, REPLY_PATH),
        );
        octets.push(self.message_reference);
        self.destination.encode(&mut octets)?;
        octets.extend_from_slice(&[self.pid.0, self.coding.0]);
        match self.validity {
            None => {}
            Some(ValidityPeriod::Relative(validity)) => octets.push(validity.0),
            Some(ValidityPeriod::Absolute(moment)) => octets.extend_from_slice(&moment.0),
            Some(ValidityPeriod::Enhanced(validity)) => octets.extend_from_slice(&validity.0),
        }
        self.user_data.encode(self.coding, &mut octets)?;
        Ok(octets)
    }

    pub(super) fn decode(first: u8, octets: &mut Octets<'_>) -> Result<Self, DecodeError> {
        let message_reference = octets.one("TP-MR")?;
        let destination = Address::decode(octets, "TP-DA")?;
        let pid = ProtocolId(octets.one("TP-PID")?);
        let coding = DataCoding(octets.one("TP-DCS")?);
        let validity = match first & VALIDITY_FORMAT {
            RELATIVE => Some(ValidityPeriod::Relative(RelativeValidity(
                octets.one("TP-VP")?,
            ))),
            ABSOLUTE => Some(ValidityPeriod::Absolute(Timestamp(octets.array("TP-VP")?))),
            ENHANCED => Some(ValidityPeriod::Enhanced(EnhancedValidity(
                octets.array("TP-VP")?,
            ))),
            _ => None,
        };
        let user_data = UserData::decode(octets, first & USER_DATA_HEADER != 0, coding)?;
        Ok(Self {
            reject_duplicates: first & REJECT_DUPLICATES != 0,
            reply_path: first & REPLY_PATH != 0,
            status_report_request: first & REPORT != 0,
            message_reference,
            destination,
            pid,
            coding,
            validity,
            user_data,
        })
    }
}
