//! Slows guessing down: token buckets for each name and each address, in a bounded map.
//!
//! The same buckets keep visitors of web pages from flooding a queue: [`Throttle::admit`]; and links to
//! files from being guessed: [`Throttle::follow`].
//!
//! A refused attempt costs nothing, so whoever guesses slows themselves: failures count by name and
//! address, and a device at which somebody signed in before has a bucket of its own, so that no stranger
//! keeps its owner out.
//!
//! Of signing in, only the form passes here. Links and tokens made on the box itself do not, so nobody
//! can lock its keeper out by guessing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::network::{neighbourhood, who};
use crate::routing::GatewayId;

/// Names and addresses remembered; above it, those that are full again are forgotten.
const BUCKETS_MAX: usize = 4096;

/// How often a key may be wrong.
#[derive(Debug, Clone, Copy)]
struct Allowance {
    burst: f64,
    every: Duration,
}

/// Wrong passwords for one name from one address: ten at once, then one in ten seconds.
const NAME: Allowance = Allowance {
    burst: 10.0,
    every: Duration::from_secs(10),
};
/// Wrong passwords for one name from anywhere: a few addresses cannot empty it, and many cannot guess
/// a password of any worth at its pace.
const NAME_ANYWHERE: Allowance = Allowance {
    burst: 100.0,
    every: Duration::from_secs(3),
};
/// From one address, which may be a whole library's.
const ADDRESS: Allowance = Allowance {
    burst: 30.0,
    every: Duration::from_secs(2),
};
/// Links that lead nowhere, from one address: files go, and whoever keeps old texts taps on dead
/// links. Of 2^60 links nobody finds one this way.
const LINK: Allowance = Allowance {
    burst: 30.0,
    every: Duration::from_secs(10),
};
/// What visitors of web pages do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Crowd {
    /// Begin a visit.
    Visit,
    /// Say something.
    Message,
    /// Send a file.
    File,
    /// Write, without having said anything yet.
    Typing,
    /// Have a letter sent: somebody else's address may be in it.
    Letter,
}

/// How often, for one visit, from one address, which may be a whole school's, and on one widget.
const fn crowd(what: Crowd) -> [Allowance; 3] {
    const fn allow(burst: f64, every_ms: u64) -> Allowance {
        Allowance {
            burst,
            every: Duration::from_millis(every_ms),
        }
    }
    match what {
        Crowd::Visit => [allow(1.0, 1_000), allow(20.0, 15_000), allow(200.0, 500)],
        Crowd::Message => [allow(12.0, 4_000), allow(60.0, 1_000), allow(200.0, 100)],
        Crowd::File => [allow(4.0, 20_000), allow(12.0, 10_000), allow(30.0, 2_000)],
        Crowd::Letter => [allow(3.0, 60_000), allow(6.0, 300_000), allow(30.0, 60_000)],
        Crowd::Typing => [allow(10.0, 1_500), allow(100.0, 300), allow(400.0, 50)],
    }
}

/// From the box itself: a proxy in front of the desk speaks for everybody.
const LOOPBACK: Allowance = Allowance {
    burst: 300.0,
    every: Duration::from_millis(200),
};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Name(String),
    NameFrom(String, Option<IpAddr>),
    Device(String, String),
    Address(IpAddr),
    Links(IpAddr),
    Visit(Crowd, String),
    Visitors(Crowd, IpAddr),
    Widget(Crowd, GatewayId),
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

/// Who tries a password.
#[derive(Debug, Clone, Copy)]
pub(super) enum Guesser<'a> {
    /// From a device at which this name signed in before: told by a number in its cookie.
    Device(&'a str),
    /// From anywhere.
    Stranger(Option<IpAddr>),
}

/// The buckets.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    buckets: Mutex<HashMap<Key, Bucket>>,
}

impl Throttle {
    /// Takes an attempt; `false` when there were too many wrong ones.
    pub(super) fn attempt(&self, name: &str, from: Guesser<'_>, now: Instant) -> bool {
        self.take(keys(name, from), now)
    }

    /// Takes one from each bucket, or from none: what one of them refuses costs the others nothing, or
    /// a stranger who is refused would empty a bucket that everybody shares.
    fn take(&self, keys: impl Iterator<Item = (Key, Allowance)>, now: Instant) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(|held| held.into_inner());
        let keys: Vec<(Key, Allowance)> = keys.collect();
        let mut granted = true;
        for (key, allowance) in &keys {
            make_room(&mut buckets, key, now);
            let bucket = buckets.entry(key.clone()).or_insert(Bucket {
                tokens: allowance.burst,
                filled_at: now,
                allowance: *allowance,
            });
            bucket.fill(now);
            granted = granted && bucket.tokens >= 1.0;
        }
        for (key, _) in keys.iter().filter(|_| granted) {
            if let Some(bucket) = buckets.get_mut(key) {
                bucket.tokens -= 1.0;
            }
        }
        granted
    }

    /// Whether a visitor may do this now. An address that is a proxy's, or the box's own, speaks
    /// for everybody and is not counted.
    pub(super) fn admit(
        &self,
        what: Crowd,
        widget: GatewayId,
        address: Option<IpAddr>,
        visit: Option<&str>,
        now: Instant,
    ) -> bool {
        let [own, shared, all] = crowd(what);
        let keys = [
            visit.map(|visit| (Key::Visit(what, visit.to_owned()), own)),
            who(address).map(|who| (Key::Visitors(what, who), shared)),
            Some((Key::Widget(what, widget), all)),
        ];
        self.take(keys.into_iter().flatten(), now)
    }

    /// Whether this address may look behind a link now: `false` when too many of its links led
    /// nowhere. One that led somewhere is given back by [`Throttle::was_there`].
    pub(super) fn follow(&self, address: Option<IpAddr>, now: Instant) -> bool {
        self.take(link_keys(address), now)
    }

    /// The link led to a file: it was no guess.
    pub(super) fn was_there(&self, address: Option<IpAddr>) {
        self.give_back(link_keys(address));
    }

    /// Gives the attempt back: it was right.
    pub(super) fn was_right(&self, name: &str, from: Guesser<'_>) {
        self.give_back(keys(name, from));
    }

    fn give_back(&self, keys: impl Iterator<Item = (Key, Allowance)>) {
        let mut buckets = self.buckets.lock().unwrap_or_else(|held| held.into_inner());
        for (key, allowance) in keys {
            if let Some(bucket) = buckets.get_mut(&key) {
                bucket.tokens = (bucket.tokens + 1.0).min(allowance.burst);
            }
        }
    }
}

fn keys(name: &str, from: Guesser<'_>) -> impl Iterator<Item = (Key, Allowance)> {
    // A name is as long as its sender likes; the map's memory is not.
    let name: String = name.chars().take(64).collect();
    let keys = match from {
        // Nobody else empties this one.
        Guesser::Device(device) => [
            Some((Key::Device(name, device.to_owned()), NAME)),
            None,
            None,
        ],
        Guesser::Stranger(address) => {
            let of_all = address.map(|address| {
                let allowance = or_loopback(address, ADDRESS);
                (Key::Address(neighbourhood(address)), allowance)
            });
            let here = Key::NameFrom(name.clone(), who(address));
            [
                Some((here, NAME)),
                Some((Key::Name(name), NAME_ANYWHERE)),
                of_all,
            ]
        }
    };
    keys.into_iter().flatten()
}

fn link_keys(address: Option<IpAddr>) -> impl Iterator<Item = (Key, Allowance)> {
    let by_address = address.map(|address| {
        let allowance = or_loopback(address, LINK);
        (Key::Links(neighbourhood(address)), allowance)
    });
    by_address.into_iter()
}

fn or_loopback(address: IpAddr, usual: Allowance) -> Allowance {
    match address.is_loopback() {
        true => LOOPBACK,
        false => usual,
    }
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

    const NOBODY: Guesser<'_> = Guesser::Stranger(None);

    #[test]
    fn nobody_is_locked_out_by_a_stranger_who_knows_their_name() {
        let throttle = Throttle::default();
        let start = Instant::now();
        let from = |text: &str| Guesser::Stranger(Some(text.parse().unwrap()));
        // Three addresses guess without end, for ten minutes.
        for second in 0..600 {
            let now = start + Duration::from_secs(second);
            for attacker in ["192.0.2.1", "192.0.2.2", "2001:db8::1"] {
                for _ in 0..5 {
                    throttle.attempt("ana", from(attacker), now);
                }
            }
            assert!(
                throttle.attempt("ana", from("198.51.100.7"), now),
                "after {second} s"
            );
            throttle.was_right("ana", from("198.51.100.7"));
        }
        // A thousand addresses: her own browser is not asked to wait.
        let now = start + Duration::from_secs(600);
        for n in 0..1000_u32 {
            let address = IpAddr::from(n.to_be_bytes());
            throttle.attempt("ana", Guesser::Stranger(Some(address)), now);
        }
        assert!(!throttle.attempt("ana", from("198.51.100.7"), now));
        assert!(throttle.attempt("ana", Guesser::Device("1"), now));
        // And whoever has that device's cookie guesses no faster for it.
        let granted = (0..100).filter(|_| throttle.attempt("ana", Guesser::Device("1"), now));
        assert_eq!(granted.count(), 9);
    }

    #[test]
    fn what_is_refused_costs_those_nothing_who_share_a_bucket() {
        let throttle = Throttle::default();
        let start = Instant::now();
        let say =
            |visit: &str, now| throttle.admit(Crowd::Message, GatewayId(1), None, Some(visit), now);
        for tenth in 0..600 {
            let now = start + Duration::from_millis(tenth * 100);
            for _ in 0..6 {
                say("flood", now);
            }
            if tenth % 50 == 0 {
                assert!(say("victim", now), "after {tenth} tenths of a second");
            }
        }
    }

    #[test]
    fn ten_wrong_guesses_then_one_in_ten_seconds() {
        let throttle = Throttle::default();
        let start = Instant::now();
        for _ in 0..10 {
            assert!(throttle.attempt("ana", NOBODY, start));
        }
        assert!(!throttle.attempt("ana", NOBODY, start));
        assert!(
            throttle.attempt("ben", NOBODY, start),
            "another name is free"
        );
        assert!(throttle.attempt("ana", NOBODY, start + Duration::from_secs(11)));
        assert!(!throttle.attempt("ana", NOBODY, start + Duration::from_secs(11)));
    }

    #[test]
    fn right_passwords_cost_nothing() {
        let throttle = Throttle::default();
        let start = Instant::now();
        for _ in 0..100 {
            assert!(throttle.attempt("ana", NOBODY, start));
            throttle.was_right("ana", NOBODY);
        }
    }

    #[test]
    fn an_address_cannot_try_every_name() {
        let throttle = Throttle::default();
        let start = Instant::now();
        let address: IpAddr = "192.0.2.7".parse().unwrap();
        let granted = (0..100)
            .filter(|n| {
                throttle.attempt(&format!("name{n}"), Guesser::Stranger(Some(address)), start)
            })
            .count();
        assert_eq!(granted, 30);
    }

    #[test]
    fn links_are_not_to_be_guessed_and_may_be_followed() {
        let throttle = Throttle::default();
        let start = Instant::now();
        let address = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        let guess = |from: &str, now| throttle.follow(address(from), now);
        let granted = (0..100).filter(|_| guess("192.0.2.7", start)).count();
        assert_eq!(granted, 30);
        assert!(guess("192.0.2.8", start), "another address is free");
        assert!(guess("192.0.2.7", start + Duration::from_secs(11)));
        assert!(!guess("192.0.2.7", start + Duration::from_secs(11)));
        // Whoever holds an IPv6 network is one.
        let granted = (0..100).filter(|n| guess(&format!("2001:db8:0:1::{n:x}"), start));
        assert_eq!(granted.count(), 30);
        assert!(guess("2001:db8:0:2::1", start));
        // Pictures of a page cost nothing, however many.
        for _ in 0..100 {
            assert!(guess("192.0.2.9", start));
            throttle.was_there(address("192.0.2.9"));
        }
    }

    #[test]
    fn visitors_are_slowed_each_and_together() {
        let throttle = Throttle::default();
        let start = Instant::now();
        let address = |n: u32| Some(IpAddr::from(n.to_be_bytes()));
        let say = |visit: &str, from: Option<IpAddr>, now: Instant| {
            throttle.admit(Crowd::Message, GatewayId(1), from, Some(visit), now)
        };
        let granted = (0..50).filter(|_| say("a", address(1), start)).count();
        assert_eq!(granted, 12, "of one visit");
        // Another visit from the same address, and many of them.
        let granted = (0..200)
            .filter(|n| say(&format!("b{n}"), address(2), start))
            .count();
        assert_eq!(granted, 60, "from one address");
        let granted = (0..500)
            .filter(|n| say(&format!("c{n}"), address(100 + n), start))
            .count();
        assert!(granted <= 140, "{granted} of a flood got in");
        assert!(say("d", address(9), start + Duration::from_secs(60)));
        // Another widget, and another thing to do, have buckets of their own.
        assert!(throttle.admit(Crowd::Message, GatewayId(2), address(1), Some("e"), start));
        assert!(throttle.admit(Crowd::Typing, GatewayId(1), address(1), Some("a"), start));
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::default();
        let start = Instant::now();
        for n in 0..BUCKETS_MAX + 500 {
            throttle.attempt(&format!("name{n}"), NOBODY, start);
        }
        assert!(throttle.buckets.lock().unwrap().len() <= BUCKETS_MAX);
    }
}
