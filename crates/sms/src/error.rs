//! Why octets are no PDU, and why a PDU cannot be written. No error holds a number or a word of a
//! patron's.

/// Octets that cannot be read. Trying again does not help: the PDU stays as unreadable as it is,
/// and is kept for a person to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DecodeError {
    /// A field ends before it should.
    #[error(
        "{field} is cut short: {needed} octets are needed, {found} are left; read the PDU from the modem again, or keep it as it is"
    )]
    Truncated {
        /// The field's name in TS 23.040 or 24.011.
        field: &'static str,
        /// Octets the field needs.
        needed: usize,
        /// Octets there are.
        found: usize,
    },
    /// An address longer than its field allows.
    #[error(
        "{field} claims {digits} digits, and {max} are the most there can be; is the service centre's octet missing in front?"
    )]
    AddressTooLong {
        /// The field's name.
        field: &'static str,
        /// Digits, or semi-octets of a name, claimed.
        digits: usize,
        /// The most there can be.
        max: usize,
    },
    /// The user data header claims more than the user data.
    #[error("the user data header needs {header} octets, and the user data has {user_data}")]
    HeaderOverruns {
        /// Octets of the header, its length included.
        header: usize,
        /// Octets of the user data.
        user_data: usize,
    },
    /// User data longer than a TPDU carries.
    #[error("TP-UD claims {octets} octets, and a TPDU carries at most 140")]
    UserDataTooLong {
        /// Octets claimed.
        octets: usize,
    },
    /// A kind of TPDU that modems keep to themselves.
    #[error(
        "this is an {0}, which a modem sends and answers itself; only texts and status reports are read"
    )]
    Unsupported(Unsupported),
}

/// The kinds of TPDU this room does not read (TS 23.040 §9.2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unsupported {
    /// The modem's answer to a delivery.
    DeliverReport,
    /// The service centre's answer to a submission.
    SubmitReport,
    /// A command to the service centre about an earlier submission.
    Command,
    /// A type the specification reserves.
    Reserved,
}

impl std::fmt::Display for Unsupported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::DeliverReport => "SMS-DELIVER-REPORT",
            Self::SubmitReport => "SMS-SUBMIT-REPORT",
            Self::Command => "SMS-COMMAND",
            Self::Reserved => "SMS TPDU of a reserved type",
        })
    }
}

/// A PDU that cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum EncodeError {
    /// More user data than a TPDU carries.
    #[error("the user data needs {octets} octets, and a TPDU carries at most 140: split the text")]
    UserDataTooLong {
        /// Octets needed, header included.
        octets: usize,
    },
    /// More header than its length octet can say.
    #[error("the user data header has {octets} octets, and at most 139 fit: leave elements out")]
    HeaderTooLong {
        /// Octets of the header without its length.
        octets: usize,
    },
    /// The data coding scheme says one thing and the user data is another.
    #[error(
        "the data coding scheme 0x{coding:02X} does not fit the user data: take the coding the user data suggests"
    )]
    CodingMismatch {
        /// TP-DCS.
        coding: u8,
    },
    /// An address that does not fit its field.
    #[error("the address does not fit: at most 20 digits, or a name of at most 11 characters")]
    Address,
}
