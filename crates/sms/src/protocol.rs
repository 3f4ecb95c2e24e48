//! TP-PID, the protocol identifier (TS 23.040 §9.2.3.9).

/// The octet as it came, with the meanings a desk has use for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ProtocolId(pub u8);

impl ProtocolId {
    /// Plain texts between phones.
    pub const PLAIN: Self = Self(0x00);

    /// 1 to 7 when this text replaces one of the same type from the same sender.
    pub fn replace_type(self) -> Option<u8> {
        matches!(self.0, 0x41..=0x47).then_some(self.0 & 0x07)
    }

    /// "Type 0": acknowledged by the phone, and neither shown nor kept.
    pub fn is_type_zero(self) -> bool {
        self.0 == 0x40
    }

    /// A request to call somebody back, from their voicemail for instance.
    pub fn is_return_call(self) -> bool {
        self.0 == 0x5F
    }

    /// Meant for the SIM or the modem rather than for a person (0x7C to 0x7F).
    pub fn is_download(self) -> bool {
        matches!(self.0, 0x7C..=0x7F)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_seven_values_replace() {
        for (octet, replaces) in [
            (0x00, None),
            (0x40, None),
            (0x41, Some(1)),
            (0x47, Some(7)),
            (0x48, None),
            (0xC1, None),
        ] {
            assert_eq!(ProtocolId(octet).replace_type(), replaces, "{octet:02X}");
        }
        assert!(ProtocolId(0x40).is_type_zero());
        assert!(ProtocolId(0x5F).is_return_call());
        assert!(ProtocolId(0x7F).is_download());
        assert!(!ProtocolId::PLAIN.is_download());
    }
}
