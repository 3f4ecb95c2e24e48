//! Reading a memory place after place, where nothing lists it.

use std::collections::VecDeque;
use std::time::Instant;

use super::Mailbox;
use super::listing::ListedBy;
use super::rereading::Doubtful;
use crate::at::Memory;

/// Places that are read one by one in a row, where nothing lists them; the next turn goes on behind.
const READ_IN_A_ROW: u16 = 64;

/// Places of a memory that does not say how many it has.
const PLACES_USUAL: u16 = 50;

/// A memory that is read place after place.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) memory: Memory,
    pub(super) places: VecDeque<u16>,
    pub(super) found: u16,
    /// How many it counts.
    pub(super) used: Option<u16>,
}

impl Mailbox {
    /// Reads the places of a memory that were announced, and that no listing shows: some sticks count
    /// and list nothing of what they hand out by its index (Huawei E303).
    pub(super) fn scan_announced(&mut self, memory: &Memory) {
        let places: VecDeque<u16> = self.deletions.announced_in(memory.name()).collect();
        if self.scan.is_none() && !places.is_empty() {
            self.scan_places(memory.clone(), places);
        }
    }

    /// Reads a memory place after place: those that were announced, and a row of the others.
    pub(super) fn scan(&mut self, memory: Memory) {
        if self.scan.is_some() {
            return;
        }
        let total = match memory == self.receiving {
            true => self.places.unwrap_or(PLACES_USUAL),
            false => PLACES_USUAL,
        };
        let from = if self.scanned_to > total {
            0
        } else {
            self.scanned_to
        };
        if from == 0 {
            self.found_so_far = 0;
        }
        let to = from.saturating_add(READ_IN_A_ROW).min(total);
        self.scanned_to = if to >= total { 0 } else { to + 1 };
        let mut places: VecDeque<u16> = self.deletions.announced_in(memory.name()).collect();
        for index in from..=to {
            if !places.contains(&index) {
                places.push_back(index);
            }
        }
        self.scan_places(memory, places);
    }

    pub(super) fn scan_places(&mut self, memory: Memory, places: VecDeque<u16>) {
        let used = self.counted.get(&memory).copied();
        for index in &places {
            let mut doubtful = Doubtful::at(&memory, *index, vec![]);
            doubtful.is_scanned = true;
            self.doubtful.push_back(doubtful);
        }
        self.scan = Some(Scan {
            memory,
            places,
            found: 0,
            used,
        });
    }

    /// What reading place after place has come to, once it has ended.
    pub(super) fn scan_ends(&mut self, now: Instant) {
        let is_over =
            self.scan.is_some() && !self.doubtful.iter().any(|doubtful| doubtful.is_scanned);
        let Some(scan) = self.scan.take_if(|_| is_over) else {
            return;
        };
        tracing::debug!(
            memory = scan.memory.name(),
            found = scan.found,
            read = scan.places.len(),
            "read place after place"
        );
        self.found_so_far = self.found_so_far.saturating_add(scan.found);
        let is_whole = scan.used.is_none_or(|used| scan.found >= used);
        if self.found_so_far > 0 || is_whole {
            if self
                .hollow
                .as_ref()
                .is_some_and(|hollow| hollow.memory == scan.memory)
            {
                self.listed_by = ListedBy::Index;
            }
            self.was_listed(&scan.memory, now);
        } else if self.scanned_to == 0 && !self.unreadable.contains(&scan.memory) {
            tracing::warn!(
                memory = scan.memory.name(),
                "the modem counts texts there and shows none"
            );
            self.wants_another |= scan.memory == self.receiving;
            self.hollow = None;
            self.unreadable.push(scan.memory);
        }
    }
}
