//! A memory for messages: numbered slots, the lowest free one taken first (TS 27.005 §3.1 `<mem>`).

/// How a stored message stands (TS 27.005 §3.1 `<stat>`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Received and never shown: 0.
    ReceivedUnread,
    /// Received and shown: 1.
    ReceivedRead,
    /// Written, not sent: 2.
    StoredUnsent,
    /// Written and sent: 3.
    StoredSent,
}

impl Status {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 4] = [
        Self::ReceivedUnread,
        Self::ReceivedRead,
        Self::StoredUnsent,
        Self::StoredSent,
    ];

    /// As PDU mode says it.
    pub fn number(self) -> u8 {
        match self {
            Self::ReceivedUnread => 0,
            Self::ReceivedRead => 1,
            Self::StoredUnsent => 2,
            Self::StoredSent => 3,
        }
    }

    /// As text mode says it.
    pub fn words(self) -> &'static str {
        match self {
            Self::ReceivedUnread => "REC UNREAD",
            Self::ReceivedRead => "REC READ",
            Self::StoredUnsent => "STO UNSENT",
            Self::StoredSent => "STO SENT",
        }
    }
}

/// A message in a memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    /// Service centre address and TPDU, as they came.
    pub(crate) pdu: Vec<u8>,
    /// How it stands.
    pub(crate) status: Status,
}

/// A memory of fixed size.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    base: usize,
    slots: Vec<Option<Stored>>,
}

impl Memory {
    /// An empty memory whose first slot is numbered `base`.
    pub(crate) fn new(base: usize, capacity: usize) -> Self {
        Self {
            base,
            slots: vec![None; capacity],
        }
    }

    /// How many messages it can hold.
    pub(crate) fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// How many it holds.
    pub(crate) fn used(&self) -> usize {
        self.slots.iter().flatten().count()
    }

    /// Puts a message into the lowest free slot and says which; gives it back when there is none.
    ///
    /// # Errors
    ///
    /// The message itself, when every slot is taken.
    pub(crate) fn store(&mut self, message: Stored) -> Result<usize, Stored> {
        match self.slots.iter().position(Option::is_none) {
            Some(place) => {
                if let Some(slot) = self.slots.get_mut(place) {
                    *slot = Some(message);
                }
                Ok(place + self.base)
            }
            None => Err(message),
        }
    }

    /// Whether the memory has a slot of this number, taken or free.
    pub(crate) fn has_slot(&self, index: usize) -> bool {
        index
            .checked_sub(self.base)
            .is_some_and(|place| place < self.slots.len())
    }

    /// The message in a slot.
    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut Stored> {
        self.slots.get_mut(index.checked_sub(self.base)?)?.as_mut()
    }

    /// Empties a slot; `false` when it was empty already.
    pub(crate) fn delete(&mut self, index: usize) -> bool {
        index
            .checked_sub(self.base)
            .and_then(|place| self.slots.get_mut(place))
            .is_some_and(|slot| slot.take().is_some())
    }

    /// Deletes every message that the test names.
    pub(crate) fn delete_where(&mut self, doomed: impl Fn(Status) -> bool) {
        for slot in &mut self.slots {
            if slot.as_ref().is_some_and(|message| doomed(message.status)) {
                *slot = None;
            }
        }
    }

    /// The messages with their numbers, lowest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Stored)> {
        self.slots
            .iter()
            .enumerate()
            .filter_map(|(place, slot)| slot.as_ref().map(|message| (place + self.base, message)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn message(octet: u8) -> Stored {
        Stored {
            pdu: vec![octet],
            status: Status::ReceivedUnread,
        }
    }

    #[test]
    fn the_lowest_free_slot_is_taken_first() {
        let mut memory = Memory::new(1, 3);
        assert_eq!(memory.store(message(1)), Ok(1));
        assert_eq!(memory.store(message(2)), Ok(2));
        assert!(memory.delete(1));
        assert!(!memory.delete(1));
        assert_eq!(memory.store(message(3)), Ok(1));
        assert_eq!(memory.store(message(4)), Ok(3));
        assert_eq!(memory.store(message(5)), Err(message(5)));
        assert_eq!(memory.used(), 3);
    }

    #[test]
    fn numbers_below_the_base_are_no_slots() {
        let mut memory = Memory::new(1, 3);
        for (index, has) in [(0, false), (1, true), (3, true), (4, false)] {
            assert_eq!(memory.has_slot(index), has, "{index}");
        }
        assert!(memory.get_mut(0).is_none());
        assert!(!memory.delete(0));
    }
}
