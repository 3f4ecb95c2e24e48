//! What is known of chats, pure: how much strangers may still write, and which texts wait for a proof
//! that the server read them.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tokio::time::Instant;

use crate::numbers::PatronNumber;
use crate::routing::MessageId;
use crate::spool::outbox::OutboxId;

/// Messages one stranger may send at once, and how soon one more may follow.
const BURST: u32 = 12;
const REFILL: Duration = Duration::from_secs(5);
/// Messages all strangers together may send at once, and how soon one more.
const BURST_ALL: u32 = 200;
const REFILL_ALL: Duration = Duration::from_millis(100);
/// Strangers remembered; the least recent is forgotten.
const STRANGERS_MAX: usize = 4_096;

/// A purse of permissions that fills with time.
#[derive(Debug, Clone, Copy)]
struct Purse {
    left: u32,
    at: Instant,
}

impl Purse {
    fn full(most: u32, now: Instant) -> Self {
        Self {
            left: most,
            at: now,
        }
    }

    fn take(&mut self, most: u32, refill: Duration, now: Instant) -> bool {
        let grown = now.duration_since(self.at).as_millis() / refill.as_millis().max(1);
        let grown = u32::try_from(grown).unwrap_or(u32::MAX);
        if grown > 0 {
            self.left = self.left.saturating_add(grown).min(most);
            self.at = now;
        }
        let granted = self.left > 0;
        self.left = self.left.saturating_sub(1);
        granted
    }
}

/// What is known of chats.
#[derive(Debug, Default)]
pub(super) struct Chats {
    strangers: HashMap<String, Purse>,
    everybody: Option<Purse>,
    /// Texts on the wire behind which a barrier stands: row, message.
    pub(super) out: BTreeMap<OutboxId, (MessageId, PatronNumber)>,
    pub(super) barrier: Option<(String, Instant)>,
    pub(super) barriers: u64,
}

impl Chats {
    /// Whether this stranger may write now.
    pub(super) fn admits(&mut self, bare: &str, now: Instant) -> bool {
        if self.strangers.len() >= STRANGERS_MAX && !self.strangers.contains_key(bare) {
            let oldest = self.strangers.iter().min_by_key(|(_, purse)| purse.at);
            if let Some(oldest) = oldest.map(|(jid, _)| jid.clone()) {
                self.strangers.remove(&oldest);
            }
        }
        let all = self
            .everybody
            .get_or_insert_with(|| Purse::full(BURST_ALL, now));
        let own = self
            .strangers
            .entry(bare.to_owned())
            .or_insert_with(|| Purse::full(BURST, now));
        own.take(BURST, REFILL, now) && all.take(BURST_ALL, REFILL_ALL, now)
    }

    /// Nothing on the old link counts.
    pub(super) fn link_is_new(&mut self) {
        self.out.clear();
        self.barrier = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_writes_so_much_and_then_waits() {
        let mut chats = Chats::default();
        let mut now = Instant::now();
        let count =
            |chats: &mut Chats, jid: &str, now| (0..100).filter(|_| chats.admits(jid, now)).count();
        assert_eq!(count(&mut chats, "pat@example.org", now), 12);
        assert_eq!(count(&mut chats, "kim@example.org", now), 12);
        now += REFILL;
        assert_eq!(count(&mut chats, "pat@example.org", now), 1);
        let mut all = 0;
        for n in 0..1000 {
            all += count(&mut chats, &format!("{n}@example.org"), now);
        }
        assert!(all <= 250, "{all} of a flood got in");
        assert!(chats.strangers.len() <= STRANGERS_MAX);
    }
}
