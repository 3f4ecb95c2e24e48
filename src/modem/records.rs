//! What a line wants on record, so that it survives the daemon. The driver asks and never waits for
//! a disk: whoever receives these writes them in their order, and answers where a step hangs on it.

use std::time::Duration;

use tokio::sync::oneshot;

use super::{LadderRecord, Pin};

/// Something to be kept.
#[derive(Debug)]
pub enum Record {
    /// The line's place on the recovery ladder: a modem that the daemon could not bring back is not
    /// started on from the bottom, and is not power-cycled more often than the ladder says. A
    /// failure costs the line its place, and nothing more.
    Ladder {
        /// The place.
        record: LadderRecord,
        /// When it was so.
        at: jiff::Timestamp,
    },
    /// Where the modem is plugged in: it is looked for there first, and followed when its port has
    /// another name. A failure costs a search, and nothing more.
    Place(Place),
    /// An attempt at a SIM's PIN, before it is made: a wrong one tried three times locks the SIM, so
    /// each SIM gets one attempt until a person says otherwise.
    PinAttempt {
        /// The attempt.
        attempt: PinAttempt,
        /// Say [`PinAnswer::Permitted`] once it is on disk, and not before. Silence permits nothing.
        answer: oneshot::Sender<PinAnswer>,
    },
    /// The PIN was right: the record of the attempt is dropped, so that the SIM can be unlocked after
    /// the next power cut as well.
    PinAccepted(PinAccepted),
}

/// A SIM asks for its PIN. A PIN that was typed and was right before goes before the configured one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinAttempt {
    /// The SIM's ICCID, or the line's name where that cannot be read before the PIN.
    pub card: String,
    /// What a person has just typed for it: this one, and no other.
    pub typed: Option<Pin>,
    /// The PIN in the configuration.
    pub configured: Option<Pin>,
}

/// What came of a [`PinAttempt`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PinAnswer {
    /// This PIN may be entered: the attempt is on record.
    Permitted(Pin),
    /// Nobody has said which PIN it is.
    NoneKnown,
    /// The PIN was tried on this SIM before.
    TriedBefore,
    /// The attempt could not be recorded: why.
    NotRecorded(String),
}

/// A PIN that the SIM took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinAccepted {
    /// See [`PinAttempt::card`].
    pub card: String,
    /// The PIN, where a person typed it: kept for the next time.
    pub typed: Option<Pin>,
}

/// Where a line's modem was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Who it says it is.
    pub imei: String,
    /// Where its USB device is plugged in; see [`UsbDevice::place`](super::usb::UsbDevice::place).
    pub place: String,
    /// The interface that was used.
    pub interface: u8,
}

/// What was kept of a line by an earlier run of the daemon.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// Its place on the ladder, and how long ago by the wall clock; without one it begins at the
    /// bottom.
    pub ladder: Option<(LadderRecord, Duration)>,
    /// Where its modem was; without it the modem is looked for everywhere.
    pub place: Option<Place>,
}

impl Record {
    /// Whether this one makes `earlier`, which is not kept yet, needless.
    pub(super) fn replaces(&self, earlier: &Record) -> bool {
        matches!(
            (self, earlier),
            (Record::Ladder { .. }, Record::Ladder { .. }) | (Record::Place(_), Record::Place(_))
        )
    }
}
