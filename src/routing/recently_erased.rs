//! Telephones that were erased a moment ago: a robot that says FORGET all day is not answered all day.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::record::Answered;

/// Telephones remembered for a while after they were forgotten.
const TELEPHONES_MAX: usize = 1000;

/// How often forgotten telephones were told something, by keyed fingerprints: a robot that says
/// FORGET all day must not be answered all day. Lives in memory alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RecentlyErased {
    told: VecDeque<(i64, Told)>,
}

/// When somebody was told something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Of our own accord.
    pub(super) automatic_at: Vec<Timestamp>,
    /// In answer to their own words.
    pub(super) answered: Answered,
}

impl RecentlyErased {
    pub(super) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// When this telephone was told something.
    pub(super) fn told(&self, fingerprint: i64) -> Told {
        let theirs = self.told.iter().rev().find(|(of, _)| *of == fingerprint);
        theirs.map(|(_, told)| told.clone()).unwrap_or_default()
    }

    pub(super) fn remember(&mut self, fingerprint: i64, told: Told) {
        // The same telephone may have been known on two lines.
        let before = self.told(fingerprint);
        let both = |mut one: Vec<Timestamp>, other: Vec<Timestamp>| {
            one.extend(other);
            one.sort_unstable();
            one.dedup();
            one
        };
        let told = Told {
            automatic_at: both(told.automatic_at, before.automatic_at),
            answered: Answered {
                wishes: both(told.answered.wishes, before.answered.wishes),
                keywords: both(told.answered.keywords, before.answered.keywords),
            },
        };
        self.told.retain(|(of, _)| *of != fingerprint);
        self.told.push_back((fingerprint, told));
        if self.told.len() > TELEPHONES_MAX {
            self.told.pop_front();
        }
    }
}
