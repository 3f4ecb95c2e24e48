//! Texts that came damaged, or out of their turn: read again by their index.

use std::time::Instant;

use super::deletions::{Found, body};
use super::{LISTED_MAX, Mailbox};
use crate::at::{FinalResult, Memory, Outcome};
use crate::modem::{ArrivedPdu, Slot};

/// How often a text that came damaged is read again. What still differs each time is kept as the
/// fullest of it came: a wire that bad is for a person to see.
const READ_AGAIN_MAX: usize = 16;

/// How often it must come with the same damage to be taken for what is stored: noise on the wire may
/// well do the same twice.
const SAME_DAMAGE: usize = 4;

/// A text that came damaged, or out of its turn: to be read again by its index, until it comes
/// whole, or again and again with the same damage.
#[derive(Debug)]
pub(super) struct Doubtful {
    pub(super) memory: Memory,
    pub(super) index: u16,
    /// How it came so far.
    pub(super) damaged: Vec<ArrivedPdu>,
    /// It was listed without a PDU.
    pub(super) bodiless: bool,
    pub(super) tries: usize,
    /// Nothing was listed there: an empty place is what one expects.
    pub(super) is_scanned: bool,
}

impl Doubtful {
    pub(super) fn at(memory: &Memory, index: u16, damaged: Vec<ArrivedPdu>) -> Self {
        Self {
            memory: memory.clone(),
            index,
            damaged,
            bodiless: false,
            tries: 0,
            is_scanned: false,
        }
    }
}

/// What reading it again brought.
#[derive(Debug)]
pub(super) enum Reading {
    Nothing,
    /// Its header, and no PDU.
    Bodiless,
    Damaged(ArrivedPdu),
    Whole(ArrivedPdu),
}

impl Mailbox {
    pub(super) fn read_again(
        &mut self,
        mut doubtful: Doubtful,
        reading: Reading,
        outcome: &Outcome,
        now: Instant,
    ) {
        doubtful.tries += 1;
        if doubtful.is_scanned
            && let Some(scan) = &mut self.scan
        {
            match reading {
                Reading::Nothing => return,
                Reading::Damaged(_) | Reading::Whole(_) | Reading::Bodiless => {
                    scan.found = scan.found.saturating_add(1);
                }
            }
        }
        match (reading, outcome) {
            (Reading::Whole(pdu), Outcome::Final(_)) => self.deliver(vec![Found::surely(pdu)], now),
            // The slot is empty: whatever was listed lies elsewhere, and is found there. Unless it
            // was listed without a PDU: then there is none.
            (Reading::Nothing, Outcome::Final(FinalResult::Ok)) if !doubtful.bodiless => {}
            (Reading::Damaged(pdu), Outcome::Final(_)) => {
                let damaged = doubtful.damaged.iter();
                let alike = damaged.filter(|earlier| body(&earlier.raw) == body(&pdu.raw));
                let same = alike.count() + 1 >= SAME_DAMAGE;
                doubtful.damaged.push(pdu);
                self.give_up_or_retry(doubtful, same, now);
            }
            (Reading::Bodiless, Outcome::Final(_)) => {
                let same = doubtful.tries >= SAME_DAMAGE && doubtful.damaged.is_empty();
                self.give_up_or_retry(doubtful, same, now);
            }
            (Reading::Nothing, Outcome::Final(_)) => {
                let same = doubtful.bodiless && doubtful.tries >= SAME_DAMAGE;
                self.give_up_or_retry(doubtful, same, now);
            }
            // Cut off: the next sweep finds it again.
            (_, Outcome::TimedOut | Outcome::NoPrompt | Outcome::Cut(_)) => {}
        }
    }

    /// Keeps a damaged text as it is once it is certain that it will come no better.
    pub(super) fn give_up_or_retry(&mut self, doubtful: Doubtful, certain: bool, now: Instant) {
        if !certain && doubtful.tries < READ_AGAIN_MAX {
            self.doubtful.push_back(doubtful);
        } else {
            let fullest = doubtful.damaged.into_iter();
            match fullest.max_by_key(|pdu| pdu.octets.len()) {
                Some(fullest) => self.deliver(vec![Found::surely(fullest)], now),
                // Nothing was read, so nothing can be kept: it stays where it is.
                None if doubtful.bodiless => self.leave_unread(doubtful.memory, doubtful.index),
                None => {}
            }
        }
    }

    pub(super) fn leave_unread(&mut self, memory: Memory, index: u16) {
        let slot = Slot {
            memory: memory.name().to_owned(),
            index,
        };
        tracing::warn!(%slot, "a text stays in the modem, which gives no PDU of it");
        if !self.unread.contains(&slot) && self.unread.len() < LISTED_MAX {
            self.unread.push(slot);
        }
    }
}
