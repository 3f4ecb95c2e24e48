//! Seats: how many of a thing there may be at once, all together and for each who holds some.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard};

/// Seats for one kind of thing. A holder is whatever they are counted by.
#[derive(Debug)]
pub(super) struct Seats<K: Eq + Hash> {
    taken: Mutex<Taken<K>>,
}

#[derive(Debug)]
struct Taken<K> {
    all: usize,
    of: HashMap<K, usize>,
}

impl<K: Eq + Hash> Default for Seats<K> {
    fn default() -> Self {
        let (all, of) = (0, HashMap::new());
        Self {
            taken: Mutex::new(Taken { all, of }),
        }
    }
}

/// One taken seat, given back when dropped.
#[derive(Debug)]
pub(super) struct Seat<K: Eq + Hash> {
    seats: Arc<Seats<K>>,
    holders: Vec<K>,
}

impl<K: Eq + Hash + Clone> Seats<K> {
    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.counted().all
    }

    /// A seat, unless all `most` are taken, or one of its holders has as many as they may. Looks at
    /// every bound before anything is counted.
    pub(super) fn take(
        self: &Arc<Self>,
        most: usize,
        holders: impl IntoIterator<Item = (K, usize)>,
    ) -> Option<Seat<K>> {
        let holders: Vec<(K, usize)> = holders.into_iter().collect();
        let mut taken = self.counted();
        let room = |(holder, most): &(K, usize)| taken.of.get(holder).is_none_or(|own| own < most);
        if taken.all >= most || !holders.iter().all(room) {
            return None;
        }
        taken.all += 1;
        let holders: Vec<K> = holders.into_iter().map(|(holder, _)| holder).collect();
        for holder in &holders {
            *taken.of.entry(holder.clone()).or_insert(0) += 1;
        }
        Some(Seat {
            seats: Arc::clone(self),
            holders,
        })
    }
}

impl<K: Eq + Hash> Seats<K> {
    fn counted(&self) -> MutexGuard<'_, Taken<K>> {
        self.taken.lock().unwrap_or_else(|held| held.into_inner())
    }
}

impl<K: Eq + Hash> Drop for Seat<K> {
    fn drop(&mut self) {
        let mut taken = self.seats.counted();
        taken.all = taken.all.saturating_sub(1);
        for holder in &self.holders {
            if let Some(own) = taken.of.get_mut(holder) {
                *own = own.saturating_sub(1);
                if *own == 0 {
                    taken.of.remove(holder);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn nobody_takes_more_than_their_own_and_a_refusal_costs_nothing() {
        let seats: Arc<Seats<&str>> = Arc::default();
        let take = |holders: &[(&'static str, usize)]| seats.take(4, holders.iter().copied());
        let one = take(&[("visit", 1), ("address", 2)]).unwrap();
        assert!(take(&[("visit", 1), ("address", 2)]).is_none());
        let _two = take(&[("other", 1), ("address", 2)]).unwrap();
        assert!(take(&[("third", 1), ("address", 2)]).is_none());
        assert_eq!(seats.taken(), 2, "what was refused holds no seat");
        let _more = [take(&[]).unwrap(), take(&[]).unwrap()];
        assert!(take(&[]).is_none(), "all are taken");
        drop(one);
        assert!(take(&[("visit", 1), ("address", 2)]).is_some());
        assert_eq!(seats.taken(), 3);
    }
}
