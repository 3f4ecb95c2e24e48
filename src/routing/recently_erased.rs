//! Telephones that were erased a moment ago: a robot that says FORGET all day is not answered all day.

use std::collections::VecDeque;

use jiff::Timestamp;

/// Telephones remembered for a while after they were forgotten.
const TELEPHONES_MAX: usize = 1000;

/// How often forgotten telephones were told something, by keyed fingerprints: a robot that says
/// FORGET all day must not be answered all day. Lives in memory alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RecentlyErased {
    told: VecDeque<(i64, Vec<Timestamp>)>,
}

impl RecentlyErased {
    pub(super) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// When this telephone was told something.
    pub(super) fn told(&self, fingerprint: i64) -> Vec<Timestamp> {
        let theirs = self.told.iter().rev().find(|(of, _)| *of == fingerprint);
        theirs.map(|(_, told)| told.clone()).unwrap_or_default()
    }

    pub(super) fn remember(&mut self, fingerprint: i64, mut told: Vec<Timestamp>) {
        // The same telephone may have been known on two lines.
        told.extend(self.told(fingerprint));
        told.sort_unstable();
        told.dedup();
        self.told.retain(|(of, _)| *of != fingerprint);
        self.told.push_back((fingerprint, told));
        if self.told.len() > TELEPHONES_MAX {
            self.told.pop_front();
        }
    }
}
