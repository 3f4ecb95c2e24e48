//! SMS-DELIVER: a text from a patron (TS 23.040 §9.2.2.1).

#![deny(clippy::indexing_slicing)]

use super::address::Address;
use super::coding::DataCoding;
use super::error::{DecodeError, EncodeError};
use super::header::{Concat, Element};
use super::octets::Octets;
use super::pdu::{LOOP_PREVENTION, NO_MORE_MESSAGES, REPLY_PATH, REPORT, USER_DATA_HEADER, flag};
use super::protocol::ProtocolId;
use super::timestamp::Timestamp;
use super::user_data::UserData;

/// A lamp, in a header (§9.2.3.24.2).
const SPECIAL_INDICATION: u8 = 0x01;
/// The same for voice mail, with what waits there (§9.2.3.24.13).
const VOICE_MAIL: u8 = 0x23;
/// The two octets of CPHS's sender, read as a name: 10 or 11 for out or lit, 10 or 00 for the line.
const CPHS_LAMPS: [&str; 4] = ["Δ ", "_ ", "Δ@", "_@"];

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

    /// Whether it lights or puts out a lamp for what waits in the carrier's mailbox: by its coding,
    /// by a header element (§9.2.3.24.2, §9.2.3.24.13), or as from the sender that CPHS keeps for it
    /// (Common PCN Handset Specification, phase 2, B.4.2.1).
    pub fn sets_lamp(&self) -> bool {
        let element = |element| {
            matches!(
                element,
                Element::Other {
                    id: SPECIAL_INDICATION | VOICE_MAIL,
                    ..
                }
            )
        };
        self.coding.waiting().is_some()
            || self.originator.is_name() && CPHS_LAMPS.contains(&self.originator.value())
            || (self.user_data.header()).is_some_and(|header| header.elements().any(element))
    }

    pub(super) fn decode(first: u8, octets: &mut Octets<'_>) -> Result<Self, DecodeError> {
        Self::read(first, octets, UserData::decode)
    }

    /// Reads one whose user data has lengths that cannot be.
    pub(super) fn torn(first: u8, octets: &mut Octets<'_>) -> Result<Self, DecodeError> {
        Self::read(first, octets, |octets, has_header, coding| {
            Ok(UserData::torn(octets, has_header, coding))
        })
    }

    fn read<'a>(
        first: u8,
        octets: &mut Octets<'a>,
        user_data: impl FnOnce(&mut Octets<'a>, bool, DataCoding) -> Result<UserData, DecodeError>,
    ) -> Result<Self, DecodeError> {
        let originator = Address::decode(octets, "TP-OA")?;
        let pid = ProtocolId(octets.one("TP-PID")?);
        let coding = DataCoding(octets.one("TP-DCS")?);
        let timestamp = Timestamp(octets.array("TP-SCTS")?);
        let user_data = user_data(octets, first & USER_DATA_HEADER != 0, coding)?;
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
