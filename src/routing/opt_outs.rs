//! Which telephones want no texts from us (clause 9), whether or not anything else is remembered of
//! them.

use std::collections::BTreeSet;

use crate::numbers::{NumberKeys, PatronNumber};

/// Telephones that opted out, by keyed fingerprints: an erased number leaves nothing to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OptOuts {
    pub(super) fingerprints: BTreeSet<i64>,
}

impl OptOuts {
    pub(super) fn restore(
        fingerprints: impl IntoIterator<Item = i64>,
        addresses: impl IntoIterator<Item = PatronNumber>,
        seed: u64,
        keys: &NumberKeys,
    ) -> Self {
        let told = addresses
            .into_iter()
            .map(|to| keys.telephone(seed, to.as_str()));
        Self {
            fingerprints: fingerprints.into_iter().chain(told).collect(),
        }
    }
}
