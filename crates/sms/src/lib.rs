//! SMS: what goes through a modem as a PDU, and the texts in it.
//!
//! Follows 3GPP TS 23.040 (the TPDUs), TS 23.038 (alphabets and data coding), TS 24.011 §8.2.5
//! (the service centre's address) and TS 27.005 §3.1 (how a modem shows all that). Pure: octets
//! in, values out, and the other way.
//!
//! - [`Pdu::decode`] reads what a modem lists; [`SmsSubmit::encode`] writes what it is to send.
//! - [`split`] cuts a text into the user data of its parts, [`plan`] counts them.
//! - [`plain`] writes a text in letters that cost one part of 160 characters.
//! - [`Assembly`] puts parts together; [`Assemblies`] does so for several texts at once.
//!
//! What comes from the air is read strictly in its lengths, so that nothing is read that is not
//! there, and leniently in its meanings: values that the specifications reserve are kept, and read
//! as they say a phone should.

#![forbid(unsafe_code)]
#![cfg_attr(doctest, doc = include_str!("../README.md"))]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod address;
mod alphabet;
mod coding;
mod deliver;
mod error;
mod header;
mod hex;
mod join;
#[doc(hidden)]
pub mod laws;
mod national;
mod octets;
mod pdu;
mod picture;
mod plain;
mod protocol;
mod split;
mod status;
mod status_report;
mod submit;
mod tables;
mod timestamp;
mod ucs2;
mod user_data;
mod validity;

pub use address::{Address, AddressError, DIGITS_MAX, NAME_MAX, NumberingPlan, TypeOfNumber};
pub use alphabet::{Alphabet, SEPTETS_MAX, pack, unpack};
pub use coding::{Charset, DataCoding, MessageClass, MessageWaiting, Waiting};
pub use deliver::SmsDeliver;
pub use error::{DecodeError, EncodeError, Unsupported};
pub use header::{Concat, Element, Elements, HEADER_MAX, Ports, UserDataHeader, WAP_PUSH_PORT};
pub use hex::{hex, push_hex, unhex};
pub use join::{Assemblies, Assembly, ConcatKey, GAP, Insertion, Joined};
pub use national::NationalLanguage;
pub use pdu::{Direction, Pdu, Tpdu, tpdu_octets};
pub use picture::{announces_picture, sender_of_picture};
pub use plain::{plain, plain_forms};
pub use protocol::ProtocolId;
pub use split::{
    Encoding, PARTS_MAX, SplitError, SplitPlan, beyond_gsm7, plan, plan_in, split, split_in,
};
pub use status::{Delivery, Status};
pub use status_report::SmsStatusReport;
pub use submit::SmsSubmit;
pub use tables::{NationalTables, NoSuchTable};
pub use timestamp::Timestamp;
pub use ucs2::{decode_ucs2, encode_ucs2};
pub use user_data::{Body, USER_DATA_MAX, UserData};
pub use validity::{EnhancedValidity, RelativeValidity, ValidityPeriod};
