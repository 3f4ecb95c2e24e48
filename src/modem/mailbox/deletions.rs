//! What of the storage may be deleted: what is kept, and surely lies where it was listed.
//!
//! An index may lose a digit on the wire, and a slot may be filled anew before its turn to be
//! deleted has come. Where either can be, the text is read once more by its index and compared with
//! what was kept: a slot is emptied only of the very text that is safe.

use std::collections::VecDeque;

use crate::at::{Entry, FinalResult, Memory, Outcome};
use crate::modem::{ArrivedPdu, Slot};

/// Announced slots that are remembered until a listing shows them.
const ANNOUNCED_MAX: usize = 64;

/// Comparisons in a row that showed nothing, until the modem is taken for one that reads otherwise
/// than it lists: then listings are believed, for a storage that is never emptied loses more.
const UNSHOWN_MAX: u8 = 8;

/// A PDU as it came.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) pdu: ArrivedPdu,
    /// Whether it is beyond doubt that it lies at the index that came with it.
    pub(super) sure: bool,
}

impl Found {
    pub(super) fn surely(pdu: ArrivedPdu) -> Self {
        Self { pdu, sure: true }
    }
}

/// A PDU that lies in the storage, and is kept or about to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lying {
    pub(super) slot: Slot,
    octets: Vec<u8>,
    pub(super) sure: bool,
}

impl Lying {
    /// `None` for what was delivered directly.
    pub(super) fn of(found: &Found) -> Option<Self> {
        Some(Self {
            slot: found.pdu.slot.clone()?,
            octets: found.pdu.octets.clone(),
            sure: found.sure,
        })
    }
}

/// What stands behind an entry's header: `+CMGR` leaves out the index that `+CMGL` gives.
pub(super) fn body(raw: &str) -> Option<&str> {
    raw.split_once('\n').map(|(_, body)| body)
}

/// What reading a slot again brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Nothing,
    Damaged,
    Alike,
    Another,
}

/// The texts that may go, in the order in which they do.
#[derive(Debug, Default)]
pub(super) struct Deletions {
    queue: VecDeque<Lying>,
    comparing: Option<(Lying, Comparison)>,
    announced: VecDeque<Slot>,
    /// Comparisons in a row that showed nothing.
    unshown: u8,
}

impl Deletions {
    /// They are kept: they may go.
    pub(super) fn extend(&mut self, kept: Vec<Lying>) {
        self.queue.extend(kept);
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Where they lie is not certain any more: each is compared before it goes.
    pub(super) fn doubt(&mut self) {
        for lying in &mut self.queue {
            lying.sure = false;
        }
    }

    /// Nothing can be deleted from `memory`.
    pub(super) fn abandon(&mut self, memory: &Memory) {
        self.queue
            .retain(|lying| lying.slot.memory != memory.name());
    }

    /// A text was just stored in `slot`: what was listed there before it is there no more.
    pub(super) fn announce(&mut self, slot: Slot) {
        for lying in &mut self.queue {
            if lying.slot == slot {
                lying.sure = false;
            }
        }
        if self.announced.len() >= ANNOUNCED_MAX {
            self.announced.pop_front();
        }
        self.announced.push_back(slot);
    }

    /// Whether nothing waits to go.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The places of a memory where texts were announced and not listed since, the newest first.
    pub(super) fn announced_in(&self, memory: &str) -> impl Iterator<Item = u16> {
        let slots = self.announced.iter().rev();
        slots
            .filter(move |slot| slot.memory == memory)
            .map(|slot| slot.index)
    }

    /// Whether a text that is listed with `slot` was announced there.
    pub(super) fn was_announced(&mut self, slot: &Slot) -> bool {
        let before = self.announced.len();
        self.announced.retain(|announced| announced != slot);
        self.announced.len() < before
    }

    /// The first in turn.
    pub(super) fn next(&mut self) -> Option<Lying> {
        let mut lying = self.queue.pop_front()?;
        lying.sure |= self.unshown >= UNSHOWN_MAX;
        Some(lying)
    }

    /// Another from the same memory that is as sure, for the same line.
    pub(super) fn next_beside(&mut self, memory: &str) -> Option<Slot> {
        let front = self.queue.front();
        front.filter(|lying| lying.sure && lying.slot.memory == memory)?;
        self.queue.pop_front().map(|lying| lying.slot)
    }

    /// Its turn has not come yet.
    pub(super) fn put_back(&mut self, lying: Lying) {
        self.queue.push_front(lying);
    }

    /// Its slot is read now.
    pub(super) fn compare(&mut self, lying: Lying) {
        self.comparing = Some((lying, Comparison::Nothing));
    }

    /// Takes an entry of the reading in flight, if it is one to compare.
    pub(super) fn takes(&mut self, entry: &Entry) -> bool {
        let Some((lying, comparison)) = &mut self.comparing else {
            return false;
        };
        *comparison = match entry.octets() {
            Some(octets) if octets == lying.octets => Comparison::Alike,
            Some(_) if entry.is_whole() => Comparison::Another,
            Some(_) => Comparison::Damaged,
            None if body(&entry.raw).is_some()
                && body(&entry.raw) == std::str::from_utf8(&lying.octets).ok().and_then(body) =>
            {
                Comparison::Alike
            }
            None => Comparison::Damaged,
        };
        true
    }

    /// The end of the reading in flight. Answers a memory that is to be listed again: what was
    /// listed with this slot lies in another.
    pub(super) fn compared(&mut self, outcome: &Outcome) -> Option<Memory> {
        let (mut lying, comparison) = self.comparing.take()?;
        let empty = match outcome {
            Outcome::Final(FinalResult::Ok) => true,
            Outcome::Final(FinalResult::Cms(code)) => code.number == Some(321),
            Outcome::Final(_) => false,
            // Cut off: the next sweep finds it again.
            Outcome::TimedOut | Outcome::NoPrompt | Outcome::Cut(_) => return None,
        };
        if comparison == Comparison::Alike {
            self.unshown = 0;
            lying.sure = true;
            self.queue.push_front(lying);
            return None;
        }
        self.unshown = self.unshown.saturating_add(1);
        let elsewhere =
            comparison == Comparison::Another || (comparison == Comparison::Nothing && empty);
        if elsewhere {
            return Memory::new(&lying.slot.memory);
        }
        self.queue.push_front(lying);
        None
    }
}
