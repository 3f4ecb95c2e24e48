//! SMS-STATUS-REPORT: what became of a text of ours (TS 23.040 §9.2.2.3).

#![deny(clippy::indexing_slicing)]

use super::address::Address;
use super::coding::DataCoding;
use super::error::{DecodeError, EncodeError};
use super::octets::Octets;
use super::pdu::{LOOP_PREVENTION, NO_MORE_MESSAGES, REPORT, USER_DATA_HEADER, flag};
use super::protocol::ProtocolId;
use super::status::Status;
use super::timestamp::Timestamp;
use super::user_data::UserData;

/// TP-MTI of an SMS-STATUS-REPORT.
const STATUS_REPORT: u8 = 0b10;
const HAS_PID: u8 = 0x01;
const HAS_CODING: u8 = 0x02;
const HAS_USER_DATA: u8 = 0x04;
const EXTENDED: u8 = 0x80;

/// A status report.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SmsStatusReport {
    /// TP-MMS: whether the service centre has more for us.
    pub more_messages: bool,
    /// TP-LP: not to be forwarded or answered by a machine.
    pub loop_prevention: bool,
    /// TP-SRQ: the answer to an SMS-COMMAND rather than to a submission.
    pub to_command: bool,
    /// TP-MR: the submission this is about.
    pub message_reference: u8,
    /// TP-RA: whom the text was for. Networks may write it without the country code we sent to.
    pub recipient: Address,
    /// TP-SCTS: when the service centre had the text.
    pub timestamp: Timestamp,
    /// TP-DT: when what the status says happened.
    pub discharge: Timestamp,
    /// TP-ST: what happened.
    pub status: Status,
    /// TP-PID, if told.
    pub pid: Option<ProtocolId>,
    /// TP-DCS, if told.
    pub coding: Option<DataCoding>,
    /// TP-UD, if told: the service centre's own words.
    pub user_data: Option<UserData>,
}

impl SmsStatusReport {
    /// The TPDU.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut octets = Vec::with_capacity(32);
        let header = self
            .user_data
            .as_ref()
            .is_some_and(|user_data| user_data.header().is_some());
        octets.push(
            STATUS_REPORT
                | flag(!self.more_messages, NO_MORE_MESSAGES)
                | flag(self.loop_prevention, LOOP_PREVENTION)
                | flag(self.to_command, REPORT)
                | flag(header, USER_DATA_HEADER),
        );
        octets.push(self.message_reference);
        self.recipient.encode(&mut octets)?;
        octets.extend_from_slice(&self.timestamp.0);
        octets.extend_from_slice(&self.discharge.0);
        octets.push(self.status.0);
        if self.pid.is_none() && self.coding.is_none() && self.user_data.is_none() {
            return Ok(octets);
        }
        octets.push(
            flag(self.pid.is_some(), HAS_PID)
                | flag(self.coding.is_some(), HAS_CODING)
                | flag(self.user_data.is_some(), HAS_USER_DATA),
        );
        octets.extend(self.pid.map(|pid| pid.0));
        octets.extend(self.coding.map(|coding| coding.0));
        if let Some(user_data) = &self.user_data {
            user_data.encode(self.coding.unwrap_or_default(), &mut octets)?;
        }
        Ok(octets)
    }

    pub(super) fn decode(first: u8, octets: &mut Octets<'_>) -> Result<Self, DecodeError> {
        let message_reference = octets.one("TP-MR")?;
        let recipient = Address::decode(octets, "TP-RA")?;
        let timestamp = Timestamp(octets.array("TP-SCTS")?);
        let discharge = Timestamp(octets.array("TP-DT")?);
        let status = Status(octets.one("TP-ST")?);
        // What follows is optional, and modems pad it with anything: a report with a sick tail is
        // still a report.
        let Tail {
            pid,
            coding,
            user_data,
        } = Tail::decode(octets, first & USER_DATA_HEADER != 0).unwrap_or_default();
        Ok(Self {
            more_messages: first & NO_MORE_MESSAGES == 0,
            loop_prevention: first & LOOP_PREVENTION != 0,
            to_command: first & REPORT != 0,
            message_reference,
            recipient,
            timestamp,
            discharge,
            status,
            pid,
            coding,
            user_data,
        })
    }
}

/// What TP-PI announces (§9.2.3.27).
#[derive(Default)]
struct Tail {
    pid: Option<ProtocolId>,
    coding: Option<DataCoding>,
    user_data: Option<UserData>,
}

impl Tail {
    fn decode(octets: &mut Octets<'_>, has_header: bool) -> Result<Self, DecodeError> {
        let mut tail = Self::default();
        if octets.rest().is_empty() {
            return Ok(tail);
        }
        let indicator = octets.one("TP-PI")?;
        let mut extended = indicator;
        while extended & EXTENDED != 0 {
            extended = octets.one("TP-PI")?;
        }
        if indicator & HAS_PID != 0 {
            tail.pid = Some(ProtocolId(octets.one("TP-PID")?));
        }
        if indicator & HAS_CODING != 0 {
            tail.coding = Some(DataCoding(octets.one("TP-DCS")?));
        }
        if indicator & HAS_USER_DATA != 0 {
            let coding = tail.coding.unwrap_or_default();
            tail.user_data = Some(UserData::decode(octets, has_header, coding)?);
        }
        Ok(tail)
    }
}
