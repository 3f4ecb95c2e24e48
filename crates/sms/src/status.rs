//! TP-ST: what became of a text (TS 23.040 §9.2.3.15).

/// The octet as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(pub u8);

/// What a status means for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// The service centre is done, and the text arrived or was replaced (0x00 to 0x1F).
    Delivered,
    /// The service centre tries on; another report follows (0x20 to 0x3F).
    StillTrying,
    /// The service centre has given up (0x40 to 0x7F).
    Failed,
    /// A value the specification reserves (0x80 to 0xFF): it tells nothing.
    Unknown,
}

impl Status {
    /// What it means for us.
    pub fn delivery(self) -> Delivery {
        match self.0 {
            0x00..=0x1F => Delivery::Delivered,
            0x20..=0x3F => Delivery::StillTrying,
            0x40..=0x7F => Delivery::Failed,
            0x80..=0xFF => Delivery::Unknown,
        }
    }

    /// Whether no other report follows.
    pub fn is_final(self) -> bool {
        match self.delivery() {
            Delivery::Delivered | Delivery::Failed => true,
            Delivery::StillTrying | Delivery::Unknown => false,
        }
    }

    /// Whether sending the text again later may help: the service centre gave up on something that
    /// passes, such as a phone that is switched off (0x60 to 0x7F).
    pub fn may_pass(self) -> bool {
        matches!(self.0, 0x60..=0x7F)
    }

    /// What happened, in words for a librarian.
    pub fn words(self) -> &'static str {
        match self.0 {
            0x00 => "delivered to the phone",
            0x01 => "passed on; the network cannot tell whether it arrived",
            0x02 => "replaced by a newer text",
            0x03..=0x0F => "done, for a reason the carrier does not explain",
            0x10..=0x1F => "done, in the carrier's own words",
            0x20 | 0x60 => congested(self),
            0x21 => "the phone is busy; the carrier keeps trying",
            0x61 => "the phone stayed busy, and the carrier gave up",
            0x22 => "the phone does not answer; the carrier keeps trying",
            0x62 => "the phone did not answer, and the carrier gave up",
            0x23 => "the phone refused it for now; the carrier keeps trying",
            0x63 => "the phone kept refusing it, and the carrier gave up",
            0x24 => "the network gives it too little room; the carrier keeps trying",
            0x64 => "the network gave it too little room, and the carrier gave up",
            0x25 => "an error in the phone; the carrier keeps trying",
            0x65 => "an error in the phone, and the carrier gave up",
            0x26..=0x3F => "not there yet; the carrier keeps trying",
            0x40 => "the networks could not hand it over",
            0x41 => "nothing at this number takes texts",
            0x42 => "the phone refused it",
            0x43 => "this number cannot be reached",
            0x44 => "the network gives such texts no room",
            0x45 => "our carrier and theirs do not exchange texts",
            0x46 => "it was not delivered in time",
            0x47 => "deleted at our request before it arrived",
            0x48 => "deleted by the carrier before it arrived",
            0x49 => "the carrier does not know this text",
            0x4A..=0x5F => "refused for good; check the number",
            0x66..=0x7F => "not delivered, and the carrier gave up; it may work later",
            0x80..=0xFF => "the carrier says something no standard explains",
        }
    }
}

fn congested(status: Status) -> &'static str {
    match status.delivery() {
        Delivery::StillTrying => "the network is busy; the carrier keeps trying",
        Delivery::Delivered | Delivery::Failed | Delivery::Unknown => {
            "the network stayed busy, and the carrier gave up"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_fall_in_four_ranges() {
        for (octet, delivery, is_final, may_pass) in [
            (0x00, Delivery::Delivered, true, false),
            (0x02, Delivery::Delivered, true, false),
            (0x1F, Delivery::Delivered, true, false),
            (0x20, Delivery::StillTrying, false, false),
            (0x3F, Delivery::StillTrying, false, false),
            (0x40, Delivery::Failed, true, false),
            (0x50, Delivery::Failed, true, false), // the service centre's own, and permanent
            (0x5F, Delivery::Failed, true, false),
            (0x60, Delivery::Failed, true, true),
            (0x7F, Delivery::Failed, true, true),
            (0x80, Delivery::Unknown, false, false),
            (0xFF, Delivery::Unknown, false, false),
        ] {
            let status = Status(octet);
            assert_eq!(status.delivery(), delivery, "{octet:02X}");
            assert_eq!(status.is_final(), is_final, "{octet:02X}");
            assert_eq!(status.may_pass(), may_pass, "{octet:02X}");
        }
    }

    #[test]
    fn words_agree_with_the_meaning() {
        for octet in 0..=255 {
            let status = Status(octet);
            let trying = status.words().contains("keeps trying");
            assert_eq!(
                trying,
                status.delivery() == Delivery::StillTrying,
                "{octet:02X}"
            );
            let gave_up = status.words().contains("gave up");
            assert_eq!(gave_up, status.may_pass(), "{octet:02X}");
        }
    }
}
