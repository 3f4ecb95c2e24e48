//! Commands, typed, with the time a modem may take over each.
//!
//! A limit is how long silence is tolerated, not how long the command usually takes. They follow
//! the figures modules' manuals give for the slowest case, rounded up.

use std::fmt;
use std::time::Duration;

use super::{hex, ucs2};

/// Where texts are stored: `SM`, `ME`, `MT`, `SR`, `BM` (TS 27.005 §3.2.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Memory(String);

impl Memory {
    /// A memory by its name; `None` unless it is one to eight letters, digits or underscores, so
    /// that what a modem calls its memory can never become another command.
    pub fn new(name: &str) -> Option<Self> {
        let well_formed = (1..=8).contains(&name.len())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        well_formed.then(|| Self(name.to_owned()))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// A SIM's PIN: four to eight digits (TS 31.101 §9.5.1). Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Pin(String);

impl Pin {
    /// A PIN, if it is four to eight digits.
    pub fn new(digits: &str) -> Option<Self> {
        let well_formed =
            (4..=8).contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_digit());
        well_formed.then(|| Self(digits.to_owned()))
    }

    /// The digits: for the SIM, and for a record of what was tried.
    pub fn digits(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(****)")
    }
}

/// Which network a registration is with (TS 27.007 §7.2, §10.1.20, §10.1.22).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Domain {
    /// Circuit switched: `+CREG`.
    Circuit,
    /// Packet switched: `+CGREG`.
    Packet,
    /// LTE: `+CEREG`.
    Evolved,
    /// 5G: `+C5GREG` (TS 27.007 §10.1.47).
    Fifth,
}

impl Domain {
    /// All of them, the one that nearly every modem knows first.
    pub const ALL: [Self; 4] = [Self::Circuit, Self::Packet, Self::Evolved, Self::Fifth];

    /// The command's name, which is also the response's.
    pub fn name(self) -> &'static str {
        match self {
            Self::Circuit => "+CREG",
            Self::Packet => "+CGREG",
            Self::Evolved => "+CEREG",
            Self::Fifth => "+C5GREG",
        }
    }
}

/// Ways to ask for the ICCID; no two vendors agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CardQuery {
    /// `AT+CCID`: generic, SIMCom.
    Ccid,
    /// `AT+QCCID`: Quectel.
    Qccid,
    /// `AT+CICCID`: SIMCom's LTE modules.
    Ciccid,
    /// `AT+ICCID`
    Iccid,
    /// `AT^ICCID?`: Huawei.
    CaretIccid,
    /// `AT#CCID`: Telit.
    HashCcid,
}

impl CardQuery {
    fn text(self) -> &'static str {
        match self {
            Self::Ccid => "+CCID",
            Self::Qccid => "+QCCID",
            Self::Ciccid => "+CICCID",
            Self::Iccid => "+ICCID",
            Self::CaretIccid => "^ICCID?",
            Self::HashCcid => "#CCID",
        }
    }
}

/// Ways to ask how many tries a PIN has left; TS 27.007 has but one, and few modems know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PinQuery {
    /// `AT+CPINR`: TS 27.007 §8.65.
    Cpinr,
    /// `AT^CPIN?`: Huawei.
    CaretCpin,
    /// `AT+SPIC`: SIMCom.
    Spic,
    /// `AT+QPINC="SC"`: Quectel.
    Qpinc,
}

impl PinQuery {
    fn text(self) -> &'static str {
        match self {
            Self::Cpinr => "+CPINR",
            Self::CaretCpin => "^CPIN?",
            Self::Spic => "+SPIC",
            Self::Qpinc => "+QPINC=\"SC\"",
        }
    }
}

/// One command line.
#[derive(Clone, PartialEq, Eq)]
pub enum Command {
    /// `AT`: is anybody there.
    Attention,
    /// `AT`, to a port that may be asleep and swallows what wakes it.
    Wake,
    /// `ATE0` (V.250 §6.2.4).
    EchoOff,
    /// `ATE1`
    EchoOn,
    /// `ATV1` (V.250 §6.2.6).
    Verbose,
    /// `AT+CMEE=1`: errors as numbers (TS 27.007 §9.1).
    NumericErrors,
    /// `AT+IFC=0,0`: no flow control (V.250 §6.2.12); most wirings of a UART leave RTS and CTS out.
    FlowControlOff,
    /// `AT&D0`: a falling DTR changes nothing (V.250 §6.2.9); otherwise it may hang up.
    IgnoreTerminalReady,
    /// `AT+IPR?`: the speed of the port, 0 while it is guessed (V.250 §6.2.10).
    RateRead,
    /// `AT+IPR=n`: fixes it.
    RateSet(u32),
    /// `AT&W`: keeps the settings for the next start. With [`Self::EchoOn`] before it: a modem that
    /// starts without an echo does not betray that it has started.
    StoreSettings,
    /// `AT+CMGF=0`: PDU mode (TS 27.005 §3.2.3).
    PduMode,
    /// `AT+CMGF?`
    ModeRead,
    /// `AT+CPMS=?`
    StorageTest,
    /// `AT+CPMS?`
    StorageRead,
    /// `AT+CPMS=…`, with one to three memories: read and delete from, write to, receive into.
    StorageSet(Vec<Memory>),
    /// `AT+CNMI=?`
    IndicationTest,
    /// `AT+CNMI=mode,mt,bm,ds,bfr` (TS 27.005 §3.4.1).
    IndicationSet([u8; 5]),
    /// `AT+CNMI?`
    IndicationRead,
    /// `AT+CMGL=4`: every stored text. `0`, unread only, would miss what another program has read.
    /// For the memories see [`Self::Delete`].
    List(Vec<Memory>),
    /// `AT+CMGL="ALL"`: the same, for firmware that takes the word of text mode in PDU mode too and
    /// no number (Quectel EP06).
    ListByWord(Vec<Memory>),
    /// `AT+CMGR=index`. For the memories see [`Self::Delete`].
    Read(Vec<Memory>, u16),
    /// `AT+CMGD=index`, once for each index: these alone; the bulk forms race with arrivals.
    ///
    /// With memories it is `AT+CPMS=…;+CMGD=…`: they are selected, as by [`Self::StorageSet`], on
    /// the same line. A modem that forgets its settings between two lines would go on in its
    /// default memory, and another text lies under that index there; a line is executed in whole,
    /// or up to the first command that fails (V.250 §5.2.1).
    Delete(Vec<Memory>, Vec<u16>),
    /// `AT+CMGF=0;+CMGS=length`, then after the prompt `00`, the TPDU and Ctrl-Z (TS 27.005 §4.3).
    ///
    /// The mode is said on the same line, and not trusted: one that fell back into text mode without
    /// a word takes the length for a telephone number and the PDU for a text.
    Send {
        /// The TPDU, without a service centre address: the SIM's is used.
        tpdu: Vec<u8>,
        /// `AT+CMGS=length` alone, for a modem that takes one command a line; [`Self::PduMode`] goes
        /// before it.
        alone: bool,
    },
    /// `AT+CMMS=n`: keep the link open for more texts (TS 27.005 §3.5.6).
    MoreToSend(u8),
    /// `AT+CSMS=n` (TS 27.005 §3.2.1). In phase 2+ (`1`) direct deliveries must be acknowledged.
    MessageService(u8),
    /// `AT+CNMA`
    Acknowledge,
    /// `AT+CSQ` (TS 27.007 §8.5).
    Signal,
    /// `AT+CREG?` and its kin.
    Registration(Domain),
    /// `AT+CREG=n` and its kin: whether changes are reported.
    RegistrationReports(Domain, u8),
    /// `AT+COPS?` (TS 27.007 §7.3).
    Operator,
    /// `AT+COPS=3,0`: the operator's name in long letters.
    OperatorFormat,
    /// `AT+CGMI`
    Manufacturer,
    /// `AT+CGMM`
    Model,
    /// `AT+CGMR`
    Revision,
    /// `AT+CGSN`: the IMEI.
    SerialNumber,
    /// `AT+CIMI`: the IMSI.
    Subscriber,
    /// The ICCID.
    Card(CardQuery),
    /// `AT+CNUM`: the SIM's own numbers.
    OwnNumber,
    /// `AT+CPIN?`
    PinState,
    /// `AT+CPIN="…"`
    EnterPin(Pin),
    /// `AT+CSCA?`
    ServiceCentre,
    /// `AT+CSCA="…",type`
    SetServiceCentre {
        /// The number.
        number: String,
        /// The modem's strings are UCS2, and it takes no other.
        in_ucs2: bool,
    },
    /// `AT+CSCS="…"`: the character set of strings (TS 27.007 §5.5).
    CharacterSet(&'static str),
    /// `AT+CSCS?`
    CharacterSetRead,
    /// `AT+CUSD=1,"…",15` (TS 27.007 §7.15).
    Ussd(String),
    /// `AT+CUSD=2`: give up a USSD dialogue.
    UssdCancel,
    /// `AT+CLIP=1`: say who calls.
    CallerIdentity,
    /// `AT+CHUP`: hang up.
    HangUp,
    /// `ATH`: hang up, for modems that know no `+CHUP` (V.250 §6.3.6).
    OnHook,
    /// How many tries the PIN has left.
    PinTries(PinQuery),
    /// `AT+CRSM=176,28483,0,0,2`: reads EF-SMSS, whose first octet is the last TP-MR that left
    /// (TS 27.007 §8.18, TS 31.102 §4.2.9).
    LastReference,
    /// `AT+CFUN=n` (TS 27.007 §8.2).
    Functionality(u8),
    /// `AT+CFUN?`
    FunctionalityRead,
    /// `AT+CFUN=1,1`: restart (TS 27.007 §8.2).
    Reset,
    /// `AT+CGSMS?`: by which domain texts are sent (TS 27.007 §10.1.21).
    MessageDomainRead,
    /// `AT+CGSMS=n`
    MessageDomain(u8),
    /// A profile's own line, without `AT`.
    Vendor(&'static str),
}

/// What the response to a command looks like, so that its lines can be told from unsolicited ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Only a final result code.
    Final,
    /// Lines that begin so.
    Prefixed {
        prefix: &'static str,
        /// Without such a line an `OK` is somebody else's.
        required: bool,
    },
    /// The read form of a registration: one field more than its unsolicited namesake.
    Registration(Domain),
    /// `+CPIN: …`, which is also an unsolicited code: the first one answers.
    PinState,
    /// A line without a prefix (some modems add one all the same).
    Bare { prefix: &'static str, kind: Bare },
    /// `+CMGL:` or `+CMGR:` headers, each followed by its PDU.
    Entries { prefix: &'static str },
}

/// What a line without a prefix holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bare {
    Words,
    /// At least this many digits.
    Digits(usize),
}

/// How long a modem may take to say `>` (row 14 of the failure modes: any modem may not).
pub const PROMPT_LIMIT: Duration = Duration::from_secs(10);

/// How long the network's answer to a submitted text may take. The network itself gives up after
/// about 60 s for each of its three attempts (TS 24.011 §10), so an answer after this is lost.
pub const SUBMIT_LIMIT: Duration = Duration::from_secs(190);

/// How long after the text the network's answer is still due: the network has 45 s for it (TS 24.011
/// §10.2, TR1M) and the modem some for the way there. Then the modem is asked whether it still waits:
/// see [`Engine`](super::Engine).
pub(super) const OVERDUE: Duration = Duration::from_secs(60);

/// What a sleeping port needs to wake (SIM800, `+CSCLK=2`: some 100 ms).
const WAKE_LIMIT: Duration = Duration::from_millis(300);

/// How long deleting one text may take, and each further one on the same line.
const DELETE_LIMIT: Duration = Duration::from_secs(10);
const DELETE_FURTHER: Duration = Duration::from_secs(3);

/// `+CPMS=…` for one to three memories (TS 27.005 §3.2.2).
fn selection(memories: &[Memory]) -> String {
    let quoted: Vec<String> = memories
        .iter()
        .map(|memory| format!("\"{}\"", memory.name()))
        .collect();
    format!("+CPMS={}", quoted.join(","))
}

/// Commands on one line, after the selection of these memories if there are any.
fn within(memories: &[Memory], commands: impl IntoIterator<Item = String>) -> String {
    let selection = (!memories.is_empty()).then(|| selection(memories));
    let commands: Vec<String> = selection.into_iter().chain(commands).collect();
    format!("AT{}", commands.join(";"))
}

impl Command {
    /// The command line, without its carriage return.
    pub fn text(&self) -> String {
        match self {
            Self::Attention | Self::Wake => "AT".into(),
            Self::EchoOff => "ATE0".into(),
            Self::EchoOn => "ATE1".into(),
            Self::Verbose => "ATV1".into(),
            Self::NumericErrors => "AT+CMEE=1".into(),
            Self::FlowControlOff => "AT+IFC=0,0".into(),
            Self::IgnoreTerminalReady => "AT&D0".into(),
            Self::RateRead => "AT+IPR?".into(),
            Self::RateSet(rate) => format!("AT+IPR={rate}"),
            Self::StoreSettings => "AT&W".into(),
            Self::PduMode => "AT+CMGF=0".into(),
            Self::ModeRead => "AT+CMGF?".into(),
            Self::StorageTest => "AT+CPMS=?".into(),
            Self::StorageRead => "AT+CPMS?".into(),
            Self::StorageSet(memories) => format!("AT{}", selection(memories)),
            Self::IndicationTest => "AT+CNMI=?".into(),
            Self::IndicationSet([mode, mt, bm, ds, bfr]) => {
                format!("AT+CNMI={mode},{mt},{bm},{ds},{bfr}")
            }
            Self::IndicationRead => "AT+CNMI?".into(),
            Self::List(memories) => within(memories, ["+CMGL=4".into()]),
            Self::ListByWord(memories) => within(memories, ["+CMGL=\"ALL\"".into()]),
            Self::Read(memories, index) => within(memories, [format!("+CMGR={index}")]),
            Self::Delete(memories, indexes) => within(
                memories,
                indexes.iter().map(|index| format!("+CMGD={index}")),
            ),
            Self::Send { tpdu, alone: true } => format!("AT+CMGS={}", tpdu.len()),
            Self::Send { tpdu, alone: false } => format!("AT+CMGF=0;+CMGS={}", tpdu.len()),
            Self::MoreToSend(n) => format!("AT+CMMS={n}"),
            Self::MessageService(n) => format!("AT+CSMS={n}"),
            Self::Acknowledge => "AT+CNMA".into(),
            Self::Signal => "AT+CSQ".into(),
            Self::Registration(domain) => format!("AT{}?", domain.name()),
            Self::RegistrationReports(domain, n) => format!("AT{}={n}", domain.name()),
            Self::Operator => "AT+COPS?".into(),
            Self::OperatorFormat => "AT+COPS=3,0".into(),
            Self::Manufacturer => "AT+CGMI".into(),
            Self::Model => "AT+CGMM".into(),
            Self::Revision => "AT+CGMR".into(),
            Self::SerialNumber => "AT+CGSN".into(),
            Self::Subscriber => "AT+CIMI".into(),
            Self::Card(query) => format!("AT{}", query.text()),
            Self::OwnNumber => "AT+CNUM".into(),
            Self::PinState => "AT+CPIN?".into(),
            Self::EnterPin(pin) => format!("AT+CPIN=\"{}\"", pin.0),
            Self::ServiceCentre => "AT+CSCA?".into(),
            Self::SetServiceCentre { number, in_ucs2 } => {
                // Type of address: 145 international, 129 unknown (TS 24.008 §10.5.4.7).
                let kind = if number.starts_with('+') { 145 } else { 129 };
                let digits: String = number
                    .chars()
                    .filter(|c| c.is_ascii_digit() || *c == '+')
                    .collect();
                let digits = match in_ucs2 {
                    true => ucs2::encode(&digits),
                    false => digits,
                };
                format!("AT+CSCA=\"{digits}\",{kind}")
            }
            Self::CharacterSetRead => "AT+CSCS?".into(),
            Self::CharacterSet(name) => format!("AT+CSCS=\"{name}\""),
            Self::Ussd(code) => {
                let code: String = code.chars().filter(|c| is_ussd_character(*c)).collect();
                format!("AT+CUSD=1,\"{code}\",15")
            }
            Self::UssdCancel => "AT+CUSD=2".into(),
            Self::CallerIdentity => "AT+CLIP=1".into(),
            Self::HangUp => "AT+CHUP".into(),
            Self::OnHook => "ATH".into(),
            Self::PinTries(query) => format!("AT{}", query.text()),
            Self::LastReference => "AT+CRSM=176,28483,0,0,2".into(),
            Self::Functionality(n) => format!("AT+CFUN={n}"),
            Self::FunctionalityRead => "AT+CFUN?".into(),
            Self::Reset => "AT+CFUN=1,1".into(),
            Self::MessageDomainRead => "AT+CGSMS?".into(),
            Self::MessageDomain(domain) => format!("AT+CGSMS={domain}"),
            Self::Vendor(text) => format!("AT{text}"),
        }
    }

    /// What goes out after the prompt, Ctrl-Z included.
    pub(super) fn payload(&self) -> Option<Vec<u8>> {
        let Self::Send { tpdu, .. } = self else {
            return None;
        };
        // `00`: no service centre address, the SIM's is used (TS 27.005 §3.1).
        let mut payload = b"00".to_vec();
        payload.extend(hex::encode(tpdu).bytes());
        payload.push(0x1A);
        Some(payload)
    }

    /// How long the modem may be silent. For [`Self::Send`] it is [`PROMPT_LIMIT`] until the
    /// prompt and [`SUBMIT_LIMIT`] after it; for a listing it counts from the last line.
    pub fn time_limit(&self) -> Duration {
        let seconds = match self {
            Self::Wake => return WAKE_LIMIT,
            // SIM800 swallows the first while it guesses the speed, so ask again soon.
            Self::Attention => 1,
            Self::Send { .. } => return PROMPT_LIMIT,
            Self::List(_) | Self::ListByWord(_) => 20,
            // A slow SIM takes seconds over each.
            Self::Delete(_, indexes) => {
                let further = indexes.len().saturating_sub(1);
                return DELETE_LIMIT + DELETE_FURTHER * u32::try_from(further).unwrap_or(u32::MAX);
            }
            Self::EnterPin(_) | Self::Functionality(_) => 20,
            Self::Operator | Self::HangUp | Self::OnHook => 15,
            Self::PinTries(_) | Self::LastReference | Self::Reset => 10,
            Self::Ussd(_) | Self::UssdCancel => 15,
            Self::StorageTest
            | Self::StorageRead
            | Self::StorageSet(_)
            | Self::IndicationTest
            | Self::IndicationSet(_)
            | Self::Read(..)
            | Self::MessageService(_)
            | Self::MoreToSend(_)
            | Self::Acknowledge
            | Self::ServiceCentre
            | Self::SetServiceCentre { .. }
            | Self::CharacterSet(_)
            | Self::CharacterSetRead
            | Self::ModeRead
            | Self::IndicationRead
            | Self::MessageDomainRead
            | Self::MessageDomain(_)
            | Self::StoreSettings
            | Self::PduMode
            | Self::OwnNumber => 10,
            Self::EchoOff
            | Self::EchoOn
            | Self::Verbose
            | Self::NumericErrors
            | Self::FlowControlOff
            | Self::IgnoreTerminalReady
            | Self::RateRead
            | Self::RateSet(_)
            | Self::OperatorFormat
            | Self::Signal
            | Self::Registration(_)
            | Self::RegistrationReports(..)
            | Self::Manufacturer
            | Self::Model
            | Self::Revision
            | Self::SerialNumber
            | Self::Subscriber
            | Self::Card(_)
            | Self::PinState
            | Self::CallerIdentity
            | Self::FunctionalityRead
            | Self::Vendor(_) => 5,
        };
        Duration::from_secs(seconds)
    }

    /// Whether it lists a storage.
    pub fn is_listing(&self) -> bool {
        matches!(self, Self::List(_) | Self::ListByWord(_))
    }

    /// Whether this command still runs when results may be numeric (`ATV0`).
    pub(super) fn may_meet_numeric_results(&self) -> bool {
        matches!(self, Self::Attention | Self::EchoOff | Self::Verbose)
    }

    /// Whether `NO CARRIER`, `BUSY` and the like can be its final result code; to any other command
    /// they tell of a call that ended meanwhile.
    pub(super) fn concerns_calls(&self) -> bool {
        matches!(self, Self::HangUp | Self::OnHook)
    }

    pub(super) fn shape(&self) -> Shape {
        let required = |prefix| Shape::Prefixed {
            prefix,
            required: true,
        };
        let optional = |prefix| Shape::Prefixed {
            prefix,
            required: false,
        };
        let words = |prefix| Shape::Bare {
            prefix,
            kind: Bare::Words,
        };
        let digits = |prefix, count| Shape::Bare {
            prefix,
            kind: Bare::Digits(count),
        };
        match self {
            Self::StorageTest | Self::StorageRead => required("+CPMS:"),
            Self::StorageSet(_) => optional("+CPMS:"),
            Self::IndicationTest => required("+CNMI:"),
            Self::Delete(..) => optional("+CPMS:"),
            Self::IndicationRead => required("+CNMI:"),
            Self::ModeRead => required("+CMGF:"),
            Self::CharacterSetRead => required("+CSCS:"),
            Self::List(_) | Self::ListByWord(_) => Shape::Entries { prefix: "+CMGL:" },
            Self::Read(..) => Shape::Entries { prefix: "+CMGR:" },
            Self::Send { .. } => required("+CMGS:"),
            Self::MessageService(_) => optional("+CSMS:"),
            Self::Signal => required("+CSQ:"),
            Self::Registration(domain) => Shape::Registration(*domain),
            Self::Operator => required("+COPS:"),
            Self::Manufacturer => words("+CGMI:"),
            Self::Model => words("+CGMM:"),
            Self::Revision => words("+CGMR:"),
            // An IMEI has 15 digits, an IMSI 6 to 15, an ICCID 18 to 20.
            Self::SerialNumber => digits("+CGSN:", 14),
            Self::Subscriber => digits("+CIMI:", 6),
            Self::Card(CardQuery::Ccid) => digits("+CCID:", 18),
            Self::Card(CardQuery::Qccid) => digits("+QCCID:", 18),
            Self::Card(CardQuery::Iccid | CardQuery::Ciccid) => digits("+ICCID:", 18),
            Self::Card(CardQuery::CaretIccid) => digits("^ICCID:", 18),
            Self::Card(CardQuery::HashCcid) => digits("#CCID:", 18),
            Self::OwnNumber => optional("+CNUM:"),
            Self::PinTries(PinQuery::Cpinr) => optional("+CPINR:"),
            Self::PinTries(PinQuery::CaretCpin) => required("^CPIN:"),
            Self::PinTries(PinQuery::Spic) => required("+SPIC:"),
            Self::PinTries(PinQuery::Qpinc) => required("+QPINC:"),
            Self::LastReference => required("+CRSM:"),
            Self::PinState => Shape::PinState,
            Self::ServiceCentre => required("+CSCA:"),
            Self::FunctionalityRead => required("+CFUN:"),
            Self::RateRead => required("+IPR:"),
            Self::MessageDomainRead => required("+CGSMS:"),
            Self::Attention
            | Self::Wake
            | Self::EchoOff
            | Self::EchoOn
            | Self::Verbose
            | Self::NumericErrors
            | Self::FlowControlOff
            | Self::IgnoreTerminalReady
            | Self::RateSet(_)
            | Self::StoreSettings
            | Self::Reset
            | Self::MessageDomain(_)
            | Self::PduMode
            | Self::IndicationSet(_)
            | Self::MoreToSend(_)
            | Self::Acknowledge
            | Self::RegistrationReports(..)
            | Self::OperatorFormat
            | Self::EnterPin(_)
            | Self::SetServiceCentre { .. }
            | Self::CharacterSet(_)
            | Self::Ussd(_)
            | Self::UssdCancel
            | Self::CallerIdentity
            | Self::HangUp
            | Self::OnHook
            | Self::Functionality(_)
            | Self::Vendor(_) => Shape::Final,
        }
    }
}

/// Command names, lengths and indexes; never a PIN, a code, a number or a patron's words.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EnterPin(_) => f.write_str("AT+CPIN=\"****\""),
            Self::Ussd(_) => f.write_str("AT+CUSD=1,\"****\",15"),
            Self::SetServiceCentre { .. } => f.write_str("AT+CSCA=\"****\""),
            plain => f.write_str(&plain.text()),
        }
    }
}

/// What may stand in a USSD code: anything else could end the string and begin a command.
fn is_ussd_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '*' | '#' | '+')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn commands_read_as_the_specifications_write_them() {
        let sm = Memory::new("SM").unwrap();
        let me = Memory::new("ME").unwrap();
        for (command, text) in [
            (Command::Attention, "AT"),
            (
                Command::StorageSet(vec![sm.clone(); 3]),
                r#"AT+CPMS="SM","SM","SM""#,
            ),
            (Command::StorageSet(vec![sm]), r#"AT+CPMS="SM""#),
            (Command::IndicationSet([2, 1, 2, 1, 0]), "AT+CNMI=2,1,2,1,0"),
            (Command::List(vec![]), "AT+CMGL=4"),
            (Command::List(vec![me.clone()]), r#"AT+CPMS="ME";+CMGL=4"#),
            (
                Command::Read(vec![me.clone(), me.clone()], 7),
                r#"AT+CPMS="ME","ME";+CMGR=7"#,
            ),
            (Command::Delete(vec![], vec![0]), "AT+CMGD=0"),
            (
                Command::Delete(vec![me], vec![3, 14]),
                r#"AT+CPMS="ME";+CMGD=3;+CMGD=14"#,
            ),
            (Command::Registration(Domain::Evolved), "AT+CEREG?"),
            (
                Command::Send {
                    tpdu: vec![0x11; 20],
                    alone: false,
                },
                "AT+CMGF=0;+CMGS=20",
            ),
            (
                Command::Send {
                    tpdu: vec![0x11; 20],
                    alone: true,
                },
                "AT+CMGS=20",
            ),
            (Command::Card(CardQuery::CaretIccid), "AT^ICCID?"),
            (Command::Card(CardQuery::HashCcid), "AT#CCID"),
            (Command::FlowControlOff, "AT+IFC=0,0"),
            (Command::IgnoreTerminalReady, "AT&D0"),
            (Command::RateSet(115_200), "AT+IPR=115200"),
            (Command::MessageDomain(3), "AT+CGSMS=3"),
            (Command::Reset, "AT+CFUN=1,1"),
            (
                Command::EnterPin(Pin::new("1234").unwrap()),
                r#"AT+CPIN="1234""#,
            ),
            (
                Command::SetServiceCentre {
                    number: "+15550000".into(),
                    in_ucs2: false,
                },
                r#"AT+CSCA="+15550000",145"#,
            ),
            (
                Command::SetServiceCentre {
                    number: "+1555".into(),
                    in_ucs2: true,
                },
                r#"AT+CSCA="002B0031003500350035",145"#,
            ),
            (Command::StoreSettings, "AT&W"),
            (Command::ListByWord(vec![]), "AT+CMGL=\"ALL\""),
            (Command::Ussd("*100#".into()), r#"AT+CUSD=1,"*100#",15"#),
        ] {
            assert_eq!(command.text(), text);
        }
        assert_eq!(
            Command::Send {
                tpdu: vec![0x11, 0xAB],
                alone: false,
            }
            .payload()
            .unwrap(),
            b"0011AB\x1a"
        );
    }

    #[test]
    fn nothing_outside_can_smuggle_in_a_command() {
        assert_eq!(
            Command::Ussd("1\",15\r\nAT+CMGD=1,4".into()).text(),
            "AT+CUSD=1,\"115AT+CMGD14\",15"
        );
        assert_eq!(Memory::new("SM\",\"ME"), None);
        assert_eq!(Memory::new(""), None);
        for not_a_pin in ["", "123", "123456789", "12a4", "1234\r"] {
            assert_eq!(Pin::new(not_a_pin), None, "{not_a_pin:?}");
        }
    }

    #[test]
    fn secrets_stay_out_of_the_log() {
        let pin = Command::EnterPin(Pin::new("9876").unwrap());
        let send = Command::Send {
            tpdu: vec![0xAB; 3],
            alone: true,
        };
        for (command, shown) in [
            (pin, r#"AT+CPIN="****""#),
            (send, "AT+CMGS=3"),
            (
                Command::Ussd("*123*5550100#".into()),
                r#"AT+CUSD=1,"****",15"#,
            ),
        ] {
            assert_eq!(format!("{command:?}"), shown);
        }
    }
}
