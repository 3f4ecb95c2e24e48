//! TP-DCS, the data coding scheme: what the user data is written in, and what else it asks for
//! (TS 23.038 §4).

/// The octet as it came, with its meanings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct DataCoding(pub u8);

/// What the user data is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Charset {
    /// GSM 7-bit: the default alphabet, or a national language's.
    Gsm7,
    /// Octets for a program.
    Data,
    /// UCS2, read as UTF-16.
    Ucs2,
}

/// Where a phone should put a text (TS 23.038 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageClass {
    /// Class 0: straight on the display ("flash").
    Flash,
    /// Class 1: in the phone.
    Phone,
    /// Class 2: on the SIM, often for the SIM itself.
    Sim,
    /// Class 3: on the terminal equipment.
    Terminal,
}

impl MessageClass {
    /// The class number, 0 to 3.
    pub fn number(self) -> u8 {
        match self {
            Self::Flash => 0,
            Self::Phone => 1,
            Self::Sim => 2,
            Self::Terminal => 3,
        }
    }
}

/// A lamp to light or put out: message waiting indication (TS 23.038 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageWaiting {
    /// What waits.
    pub kind: Waiting,
    /// Whether it still does.
    pub active: bool,
    /// Whether the text may be thrown away once the lamp is set.
    pub discard: bool,
}

/// What waits for the subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Waiting {
    /// Voicemail.
    Voicemail,
    /// A fax.
    Fax,
    /// Electronic mail.
    Email,
    /// Anything else.
    Other,
}

impl DataCoding {
    /// GSM 7-bit, no class.
    pub const GSM7: Self = Self(0x00);
    /// Octets, no class.
    pub const DATA: Self = Self(0x04);
    /// UCS2, no class.
    pub const UCS2: Self = Self(0x08);

    /// What the user data is written in. Reserved codings are the default alphabet (§4).
    /// For compressed user data, what it is written in once expanded.
    pub fn charset(self) -> Charset {
        match self.0 {
            // General and automatic deletion groups.
            0x00..=0x7F => match self.0 >> 2 & 0b11 {
                0b01 => Charset::Data,
                0b10 => Charset::Ucs2,
                _ => Charset::Gsm7,
            },
            // Message waiting, store, UCS2.
            0xE0..=0xEF => Charset::Ucs2,
            0xF0..=0xFF if self.0 & 0b100 != 0 => Charset::Data,
            _ => Charset::Gsm7,
        }
    }

    /// Whether the user data is compressed (TS 23.042); it is then kept as data.
    pub fn compressed(self) -> bool {
        self.0 < 0x80 && self.0 & 0x20 != 0
    }

    /// Whether the text asks to be deleted once read.
    pub fn auto_delete(self) -> bool {
        matches!(self.0, 0x40..=0x7F)
    }

    /// The message class, if the coding gives one.
    pub fn class(self) -> Option<MessageClass> {
        let given = match self.0 {
            0x00..=0x7F => self.0 & 0x10 != 0,
            0xF0..=0xFF => true,
            _ => false,
        };
        given.then_some(match self.0 & 0b11 {
            0 => MessageClass::Flash,
            1 => MessageClass::Phone,
            2 => MessageClass::Sim,
            _ => MessageClass::Terminal,
        })
    }

    /// The lamp this text sets, if any.
    pub fn waiting(self) -> Option<MessageWaiting> {
        matches!(self.0, 0xC0..=0xEF).then_some(MessageWaiting {
            kind: match self.0 & 0b11 {
                0 => Waiting::Voicemail,
                1 => Waiting::Fax,
                2 => Waiting::Email,
                _ => Waiting::Other,
            },
            active: self.0 & 0x08 != 0,
            discard: self.0 < 0xD0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codings_mean_what_the_groups_say() {
        use Charset::{Data, Gsm7, Ucs2};
        use MessageClass::{Flash, Phone, Sim, Terminal};
        for (octet, charset, class) in [
            (0x00, Gsm7, None),
            (0x03, Gsm7, None), // class bits without the bit that gives them meaning
            (0x04, Data, None),
            (0x08, Ucs2, None),
            (0x0C, Gsm7, None), // reserved
            (0x10, Gsm7, Some(Flash)),
            (0x11, Gsm7, Some(Phone)),
            (0x16, Data, Some(Sim)),
            (0x18, Ucs2, Some(Flash)),
            (0x1B, Ucs2, Some(Terminal)),
            (0x28, Ucs2, None),
            (0x40, Gsm7, None),
            (0x58, Ucs2, Some(Flash)),
            (0x80, Gsm7, None), // reserved group
            (0xB8, Gsm7, None),
            (0xC8, Gsm7, None),
            (0xD9, Gsm7, None),
            (0xEA, Ucs2, None),
            (0xF0, Gsm7, Some(Flash)),
            (0xF1, Gsm7, Some(Phone)),
            (0xF4, Data, Some(Flash)),
            (0xF6, Data, Some(Sim)),
            (0xF9, Gsm7, Some(Phone)), // bit 3 is reserved
        ] {
            let coding = DataCoding(octet);
            assert_eq!(coding.charset(), charset, "{octet:02X}");
            assert_eq!(coding.class(), class, "{octet:02X}");
        }
    }

    #[test]
    fn only_the_first_two_groups_compress_or_delete() {
        for octet in 0..=255 {
            let coding = DataCoding(octet);
            assert_eq!(
                coding.compressed(),
                octet < 0x80 && octet & 0x20 != 0,
                "{octet:02X}"
            );
            assert_eq!(coding.auto_delete(), octet >> 6 == 1, "{octet:02X}");
        }
    }

    #[test]
    fn lamps_are_lit_and_put_out() {
        for (octet, expected) in [
            (0xC8, Some((Waiting::Voicemail, true, true))),
            (0xC0, Some((Waiting::Voicemail, false, true))),
            (0xD9, Some((Waiting::Fax, true, false))),
            (0xEA, Some((Waiting::Email, true, false))),
            (0xE3, Some((Waiting::Other, false, false))),
            (0xF8, None),
            (0x08, None),
        ] {
            let found = DataCoding(octet)
                .waiting()
                .map(|lamp| (lamp.kind, lamp.active, lamp.discard));
            assert_eq!(found, expected, "{octet:02X}");
        }
    }
}
