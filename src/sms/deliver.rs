//! SMS-DELIVER: a text from a patron (TS 23.040 §9.2.2.1).

#![deny(clippy::indexing_slicing)]

use super::address::Address;
use super::coding::DataCoding;
use super::error::{DecodeError, EncodeError};
use super::header::Concat;
use super::octets::Octets;
use super::pdu::{LOOP_PREVENTION, NO_MORE_MESSAGES, REPLY_PATH, REPORT, USER_DATA_HEADER, flag};
use super::protocol::ProtocolId;
use super::timestamp::Timestamp;
use super::user_data::UserData;

/// A text on its way to us.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SmsDeliver {
    /// TP-MMS: whether the service centre has more for us.
    pub more_messages: bool,
    /// TP-LP: sent by a machine, and not to be answered by one.
    pub loop_prevention: bool,
    /// TP-RP: the sender paid for our answer, through the same service centre.
    pub reply_path: bool,
    /// TP-SRI: the sender asked for a status report.
    pub status_report_indication: bool,
    /// TP-OA: who wrote.
    pub originator: Address,
    /// TP-PID.
    pub pid: ProtocolId,
    /// TP-DCS.
    pub coding: DataCoding,
    /// TP-SCTS: when the service centre had it.
    pub timestamp: Timestamp,
    /// TP-UD.
    pub user_data: UserData,
}

impl SmsDeliver {
    /// The text; `None` for data. Of a part, its own share.
    pub fn text(&self) -> Option<String> {
        self.user_data.text()
    }

    /// Which part of a longer text this is, if it is one.
    pub fn concat(&self) -> Option<Concat> {
        self.user_data.concat()
    }

    /// Whether this only says that a picture message waits at the carrier.
    pub fn is_mms_notice(&self) -> bool {
        self.user_data.is_mms_notice()
    }

    /// The TPDU.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut octets = Vec::with_capacity(164);
        octets.push(
            flag(!self.more_messages, NO_MORE_MESSAGES)
                | flag(self.loop_prevention, LOOP_PREVENTION)
                | flag(self.status_report_indication, REPORT)
                | flag(self.user_data.header().is_some(), USER_DATA_HEADER)
                | flag(self.reply_path, REPLY_PATH),
        );
        self.originator.encode(&mut octets)?;
        octets.extend_from_slice(&[self.pid.0, self.coding.0]);
        octets.extend_from_slice(&self.timestamp.0);
        self.user_data.encode(self.coding, &mut octets)?;
        Ok(octets)
    }

    pub(super) fn decode(first: u8, octets: &mut Octets<'_>) -> Result<Self, DecodeError> {
        let originator = Address::decode(octets, "TP-OA")?;
        let pid = ProtocolId(octets.one("TP-PID")?);
        let coding = DataCoding(octets.one("TP-DCS")?);
        let timestamp = Timestamp(octets.array("TP-SCTS")?);
        let user_data = UserData::decode(octets, first & USER_DATA_HEADER != 0, coding)?;
        Ok(Self {
            more_messages: first & NO_MORE_MESSAGES == 0,
            loop_prevention: first & LOOP_PREVENTION != 0,
            reply_path: first & REPLY_PATH != 0,
            status_report_indication: first & REPORT != 0,
            originator,
            pid,
            coding,
            timestamp,
            user_data,
        })
    }
}
