//! Which memory texts arrive in, and whether they are found there.

use std::time::{Duration, Instant};

use super::{Hearing, Mailbox};
use crate::at::{Command, Memory};

/// A line that has not listed its memory for so long is deaf, as far as anybody knows. Four sweeps
/// where those are rare.
const LISTED_LATELY: Duration = Duration::from_secs(2 * 60);

impl Mailbox {
    /// The memories that can be read and received into, from `+CPMS=?`; none where the modem did not
    /// say: then the two that nearly every modem has are tried.
    pub(in crate::modem) fn set_offered(&mut self, read: Vec<Memory>, receive: Vec<Memory>) {
        let usual = || ["SM", "ME"].into_iter().filter_map(Memory::new).collect();
        self.offered = if read.is_empty() { usual() } else { read };
        self.candidates = match receive.is_empty() {
            true => self.offered.iter().cloned().collect(),
            false => receive.into(),
        };
    }

    /// Where texts arrive, from `+CPMS?`: kept as the modem has it, when it is a real memory that can
    /// be read. `MT` is `SM` and `ME` together and `SR` holds reports; then the first real one that is
    /// offered is chosen. The others follow, should it have no places.
    pub(in crate::modem) fn choose_receiving(&mut self, current: Option<&Memory>) {
        let rank = |memory: &Memory| {
            let is_real = matches!(memory.name(), "SM" | "ME");
            let is_current = Some(memory) == current;
            let is_unreadable = self.unreadable.contains(memory);
            // False goes before true.
            (is_unreadable, !is_real, !is_current)
        };
        let mut candidates: Vec<Memory> = self.candidates.drain(..).collect();
        if let Some(current) = current
            && !candidates.contains(current)
        {
            candidates.push(current.clone());
        }
        candidates.retain(|memory| !matches!(memory.name(), "SR" | "BM"));
        candidates.sort_by_key(rank);
        self.first_choice = candidates.first().cloned();
        self.candidates = candidates.into();
        self.receive_into_next();
    }

    /// Receives into the next memory that is offered; `false` when there is none left.
    pub(super) fn receive_into_next(&mut self) -> bool {
        match self.candidates.pop_front() {
            Some(memory) => {
                self.receiving = memory;
                self.places = None;
                true
            }
            None => false,
        }
    }

    /// The receiving memory is selected, and has this many places, if the modem says so. `false` when
    /// it has none and another is to be tried.
    pub(in crate::modem) fn has_places(&mut self, places: Option<u16>) -> bool {
        self.places = places;
        if places != Some(0) {
            return true;
        }
        if self.receive_into_next() {
            return false;
        }
        if let Some(first) = &self.first_choice {
            self.receiving = first.clone();
        }
        true
    }

    /// Whether texts that arrive are found: the memory that they arrive in has places, and was listed
    /// in PDU mode lately. A line is ready only while that is so.
    pub(in crate::modem) fn hearing(&self, now: Instant) -> Hearing {
        let name = self.receiving.name();
        if self.places == Some(0) {
            return Hearing::Deaf(format!(
                "no text can arrive: {name} has no places for texts, and the modem offers no other \
                 memory: try another SIM, or another modem"
            ));
        }
        let lately = LISTED_LATELY.max(self.sweep_every * 4);
        if self
            .listed_at
            .is_some_and(|at| now.saturating_duration_since(at) <= lately)
        {
            return Hearing::Well;
        }
        if self.unreadable.contains(&self.receiving) {
            let count = self.counted.get(&self.receiving).copied().unwrap_or(0);
            return Hearing::Deaf(format!(
                "texts cannot be read: the modem counts {count} in {name} and shows none of them: \
                 update its firmware, or use another modem"
            ));
        }
        let unheard = now.saturating_duration_since(self.listed_at.unwrap_or(self.unheard_since));
        let is_new = now.saturating_duration_since(self.set_up_at) <= lately;
        if unheard <= lately || is_new && self.refused_with.is_none() {
            return Hearing::NotYet;
        }
        let said = self.refused_with.as_deref().unwrap_or("nothing");
        Hearing::Deaf(format!(
            "texts cannot be read: the modem says {said} when {name} is to be listed: power it off \
             and on, and update its firmware"
        ))
    }

    /// When [`Self::hearing`] says something else, should nothing be heard.
    pub(in crate::modem) fn hearing_deadline(&self) -> Instant {
        let lately = LISTED_LATELY.max(self.sweep_every * 4);
        self.listed_at.unwrap_or(self.unheard_since) + lately + Duration::from_millis(1)
    }

    /// What a person is to know of memories that cannot be read, although texts arrive in another.
    pub(in crate::modem) fn hollow_words(&self) -> Option<String> {
        let memory = self
            .unreadable
            .iter()
            .find(|memory| self.counted.get(memory).is_some_and(|count| *count > 0))?;
        let (name, count) = (memory.name(), self.counted.get(memory)?);
        Some(format!(
            "the modem counts {count} texts in {name} and shows none of them; new ones arrive in {}: \
             update its firmware, or read the old ones with another program",
            self.receiving.name()
        ))
    }

    /// Selects the receiving memory with as many parameters as the modem has not yet refused.
    pub(in crate::modem) fn select_receiving(&mut self) -> Command {
        let receiving = self.receiving.clone();
        self.select(receiving)
    }

    /// The modem refused that many parameters; `false` when none are left to try.
    pub(in crate::modem) fn try_fewer_parameters(&mut self) -> bool {
        self.setting = None;
        self.arity = self.arity.saturating_sub(1);
        self.arity > 0
    }

    /// The modem may merely not be ready: with all of them again.
    pub(in crate::modem) fn try_all_parameters(&mut self) {
        self.arity = 3;
    }
}
