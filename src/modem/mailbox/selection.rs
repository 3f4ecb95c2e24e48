//! How a command gets at a memory: selected on its own line, or on one before it.

use super::Mailbox;
use crate::at::{Command, FinalResult, Memory, Outcome, Reply, response};
use crate::modem::Slot;

/// Texts deleted by one command line: with the memory's name well under the 64 octets that the
/// smallest command buffers hold beyond a V.250 line's 40, and seconds even on a slow SIM.
const DELETED_TOGETHER: usize = 4;

/// How often in a row a modem may refuse a selection and what follows it on one line, until it is
/// taken for one that never takes both.
pub(super) const REFUSED_TOGETHER_MAX: u8 = 3;

/// How a command gets at a memory.
#[derive(Debug)]
pub(super) enum Way {
    /// With this selection first, on a line of its own.
    Select(Command),
    /// By naming these on its own line; empty where the memory is selected.
    Within(Vec<Memory>),
}

impl Mailbox {
    /// How the next command gets at what lies in `memory`.
    pub(super) fn way_to(&mut self, memory: &Memory) -> Way {
        // A modem that takes no `+CPMS=` at all is read where it is.
        if self.arity == 0 {
            return Way::Within(Vec::new());
        }
        if !self.apart {
            self.setting = Some(memory.clone());
            return Way::Within(self.memories(memory));
        }
        if self.reading.as_ref() == Some(memory) {
            return Way::Within(Vec::new());
        }
        Way::Select(self.select(memory.clone()))
    }

    /// The indexes for one line: this one's and, where the selection stands before them, those that
    /// follow it from the same memory.
    pub(super) fn deleted_with(&mut self, first: Slot, together: bool) -> Vec<u16> {
        let mut indexes = vec![first.index];
        while together
            && indexes.len() < DELETED_TOGETHER
            && let Some(next) = self.deletions.next_beside(&first.memory)
        {
            indexes.push(next.index);
        }
        indexes
    }

    /// Whether the modem takes a selection and what follows it on one line. What was refused is not
    /// said again: how far it came is not known, and the next sweep finds what is left.
    pub(super) fn note_together(&mut self, memories: &[Memory], reply: &Reply) {
        if memories.is_empty() {
            let alone = matches!(reply.command, Command::Delete(..));
            if alone {
                // Selected anew before the next, so that as little as may be comes between.
                self.reading = None;
            }
            if reply.is_ok() && self.refused_together < REFUSED_TOGETHER_MAX {
                self.apart = false;
            }
            return;
        }
        self.reading = self.setting.take().filter(|_| reply.is_ok());
        match &reply.outcome {
            Outcome::Final(FinalResult::Ok) if self.hides_together => {}
            Outcome::Final(FinalResult::Ok) => self.refused_together = 0,
            // An index that is empty by now: the selection before it went well.
            Outcome::Final(FinalResult::Cms(code)) if code.number == Some(321) => {}
            // The selection was answered: what follows it is refused for itself.
            Outcome::Final(_)
                if reply
                    .lines
                    .iter()
                    .any(|line| !response::storage(line).is_empty()) =>
            {
                self.reading = None;
            }
            Outcome::Final(_) => {
                self.refused_together = self.refused_together.saturating_add(1);
                self.apart = true;
                if let Some(listing) = &self.listing {
                    self.want(listing.memory.clone());
                }
            }
            Outcome::TimedOut | Outcome::NoPrompt | Outcome::Cut(_) => {}
        }
    }

    /// Reads from `memory`, still receives where it did.
    pub(super) fn select(&mut self, memory: Memory) -> Command {
        let memories = self.memories(&memory);
        self.setting = Some(memory);
        Command::StorageSet(memories)
    }

    /// The parameters of `+CPMS=` that read from `memory`. Texts are never written, but some modems
    /// want the first two alike; reports cannot be written to their own memory.
    pub(super) fn memories(&self, memory: &Memory) -> Vec<Memory> {
        let written = if memory.name() == "SR" {
            &self.receiving
        } else {
            memory
        };
        let mut memories = vec![memory.clone(), written.clone(), self.receiving.clone()];
        memories.truncate(self.arity.max(1));
        memories
    }

    pub(super) fn abandon(&mut self, memory: &Memory) {
        self.wanted.retain(|wanted| wanted != memory);
        self.deletions.abandon(memory);
        self.doubtful.retain(|doubtful| doubtful.memory != *memory);
        if *memory != self.receiving {
            let refused = self.offered.extract_if(.., |offered| offered == memory);
            self.abandoned.extend(refused);
        }
    }

    /// Keeps what a selection says of how many texts there are.
    pub(super) fn count(&mut self, reply: &Reply) {
        let Some(memory) = &self.setting else {
            return;
        };
        let selects = match &reply.command {
            Command::StorageSet(_) => true,
            Command::List(memories)
            | Command::ListByWord(memories)
            | Command::Read(memories, _)
            | Command::Delete(memories, _) => !memories.is_empty(),
            _ => false,
        };
        if !selects {
            return;
        }
        let mut fills = reply.lines.iter().flat_map(|line| response::storage(line));
        match fills.next() {
            Some(fill) => {
                // What a line deletes it counted before.
                let deleted = match &reply.command {
                    Command::Delete(_, indexes) if reply.is_ok() => indexes.len(),
                    _ => 0,
                };
                let deleted = u16::try_from(deleted).unwrap_or(u16::MAX);
                self.counted
                    .insert(memory.clone(), fill.used.saturating_sub(deleted));
            }
            None => {
                self.counted.remove(memory);
            }
        }
    }

    /// Whether the refusal may have been of the selection beside the listing.
    pub(super) fn apart_next(&self) -> bool {
        self.apart && self.reading.is_none()
    }
}
