//! Slows guessing down: token buckets for each name and each address, in a bounded map.
//!
//! Only the sign-in form passes here. Links and tokens made on the box itself do not, so nobody
//! can lock its keeper out by guessing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Names and addresses remembered; above it, those that are full again are forgotten.
const BUCKETS_MAX: usize = 4096;

/// How often a key may be wrong.
#[derive(Debug, Clone, Copy)]
struct Allowance {
    burst: f64,
    every: Duration,
}

/// Wrong passwords for one name: ten at once, then one in ten seconds.
const NAME: Allowance = Allowance {
    burst: 10.0,
    every: Duration::from_secs(10),
};
/// From one address, which may be a whole library's.
const ADDRESS: Allowance = Allowance {
    burst: 30.0,
    every: Duration::from_secs(2),
};
/// From the box itself: a proxy in front of the desk speaks for everybody.
const LOOPBACK: Allowance = Allowance {
    burst: 300.0,
    every: Duration::from_millis(200),
};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Name(String),
    Address(IpAddr),
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    filled_at: Instant,
    allowance: Allowance,
}

impl Bucket {
    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.tokens =
            (self.tokens + passed / self.allowance.every.as_secs_f64()).min(self.allowance.burst);
        self.filled_at = now;
    }
}

/// The buckets.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    buckets: Mutex<HashMap<Key, Bucket>>,
}

impl Throttle {
    /// Takes an attempt; `false` when there were too many wrong ones.
    pub(super) fn attempt(&self, name: &str, address: Option<IpAddr>, now: Instant) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(|held| held.into_inner());
        let mut granted = true;
        for (key, allowance) in keys(name, address) {
            make_room(&mut buckets, &key, now);
            let bucket = buckets.entry(key).or_insert(Bucket {
                tokens: allowance.burst,
                filled_at: now,
                allowance,
            });
            bucket.fill(now);
            if bucket.tokens < 1.0 {
                granted = false;
            } else {
                bucket.tokens -= 1.0;
            }
        }
        granted
    }

    /// Gives the attempt back: it was right.
    pub(super) fn was_right(&self, name: &str, address: Option<IpAddr>) {
        let mut buckets = self.buckets.lock().unwrap_or_else(|held| held.into_inner());
        for (key, allowance) in keys(name, address) {
            if let Some(bucket) = buckets.get_mut(&key) {
                bucket.tokens = (bucket.tokens + 1.0).min(allowance.burst);
            }
        }
    }
}

fn keys(name: &str, address: Option<IpAddr>) -> impl Iterator<Item = (Key, Allowance)> {
    // A name is as long as its sender likes; the map's memory is not.
    let name: String = name.chars().take(64).collect();
    let by_address = address.map(|address| {
        let allowance = if address.is_loopback() {
            LOOPBACK
        } else {
            ADDRESS
        };
        (Key::Address(address), allowance)
    });
    std::iter::once((Key::Name(name), NAME)).chain(by_address)
}

fn make_room(buckets: &mut HashMap<Key, Bucket>, wanted: &Key, now: Instant) {
    if buckets.len() < BUCKETS_MAX || buckets.contains_key(wanted) {
        return;
    }
    buckets.retain(|_, bucket| {
        bucket.fill(now);
        bucket.tokens < bucket.allowance.burst
    });
    // All of them guessed lately: the fullest has guessed least.
    while buckets.len() >= BUCKETS_MAX {
        let fullest = buckets
            .iter()
            .max_by(|(_, a), (_, b)| a.tokens.total_cmp(&b.tokens))
            .map(|(key, _)| key.clone());
        match fullest {
            Some(key) => buckets.remove(&key),
            None => break,
        };
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ten_wrong_guesses_then_one_in_ten_seconds() {
        let throttle = Throttle::default();
        let start = Instant::now();
        for _ in 0..10 {
            assert!(throttle.attempt("ana", None, start));
        }
        assert!(!throttle.attempt("ana", None, start));
        assert!(throttle.attempt("ben", None, start), "another name is free");
        assert!(throttle.attempt("ana", None, start + Duration::from_secs(11)));
        assert!(!throttle.attempt("ana", None, start + Duration::from_secs(11)));
    }

    #[test]
    fn right_passwords_cost_nothing() {
        let throttle = Throttle::default();
        let start = Instant::now();
        for _ in 0..100 {
            assert!(throttle.attempt("ana", None, start));
            throttle.was_right("ana", None);
        }
    }

    #[test]
    fn an_address_cannot_try_every_name() {
        let throttle = Throttle::default();
        let start = Instant::now();
        let address: IpAddr = "192.0.2.7".parse().unwrap();
        let granted = (0..100)
            .filter(|n| throttle.attempt(&format!("name{n}"), Some(address), start))
            .count();
        assert_eq!(granted, 30);
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::default();
        let start = Instant::now();
        for n in 0..BUCKETS_MAX + 500 {
            throttle.attempt(&format!("name{n}"), None, start);
        }
        assert!(throttle.buckets.lock().unwrap().len() <= BUCKETS_MAX);
    }
}
