//! The breaker of automatic texts (clause 10).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::event::Moment;
use crate::numbers::PatronNumber;

/// Automatic texts to one peer in an hour at which the breaker opens.
const AN_HOUR_TO_ONE_PEER: usize = 10;
/// Automatic texts in an hour to all peers together: a line sends fewer than this in an hour, so
/// whatever asks for more is a flood.
const AN_HOUR_TO_ALL: usize = 10_000;
/// Calls from strangers that are answered with a text, in an hour.
const STRANGERS_AN_HOUR: usize = 5;
/// How long what went out is remembered.
const HOUR: Duration = Duration::from_secs(3600);

/// What went out on its own lately, whoever it went to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Breaker {
    /// Addresses, oldest first, of the last hour.
    sent: VecDeque<(Duration, PatronNumber)>,
    to: BTreeMap<PatronNumber, usize>,
    /// When strangers' calls were answered with a text, oldest first, within the last hour.
    called: VecDeque<Duration>,
}

impl Breaker {
    /// Whether a call from somebody who never texted may be answered with a text, and counts it.
    /// Callers' numbers are easily forged, and robots call by the hundred.
    pub(super) fn answer_stranger(&mut self, now: Moment) -> bool {
        while let Some(at) = self.called.front()
            && now.uptime.saturating_sub(*at) >= HOUR
        {
            self.called.pop_front();
        }
        let may = self.called.len() < STRANGERS_AN_HOUR;
        if may {
            self.called.push_back(now.uptime);
        }
        may
    }

    pub(super) fn closed_to(&self, address: &PatronNumber, now: Moment) -> bool {
        let recent = |at: Duration| now.uptime.saturating_sub(at) < HOUR;
        let old = self.sent.iter().take_while(|(at, _)| !recent(*at));
        let old_to_them = old.clone().filter(|(_, to)| to == address).count();
        let to_all = self.sent.len() - old.count();
        let to_them = self.to.get(address).copied().unwrap_or(0) - old_to_them;
        to_them < AN_HOUR_TO_ONE_PEER && to_all < AN_HOUR_TO_ALL
    }

    pub(super) fn note(&mut self, address: &PatronNumber, now: Moment) {
        while let Some((at, _)) = self.sent.front()
            && now.uptime.saturating_sub(*at) >= HOUR
            && let Some((_, address)) = self.sent.pop_front()
        {
            if let Some(count) = self.to.get_mut(&address) {
                *count -= 1;
                if *count == 0 {
                    self.to.remove(&address);
                }
            }
        }
        self.sent.push_back((now.uptime, address.clone()));
        *self.to.entry(address.clone()).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn the_breaker_opens_at_ten_in_an_hour_to_one_peer() {
        let at = |s| Moment {
            wall: Timestamp::UNIX_EPOCH,
            uptime: Duration::from_secs(s),
        };
        let peer = PatronNumber::kept("+15551230100".into());
        let mut breaker = Breaker::default();
        for n in 0..10 {
            assert!(breaker.closed_to(&peer, at(n)), "{n}");
            breaker.note(&peer, at(n));
        }
        for (address, s, closed) in [
            ("+15551230100", 10, false),
            ("+15551230101", 10, true),
            ("+15551230100", 3599, false),
            ("+15551230100", 3600, true),
            ("+15551230100", 9999, true),
        ] {
            assert_eq!(
                breaker.closed_to(&PatronNumber::kept(address.into()), at(s)),
                closed,
                "{address} {s}"
            );
        }
        breaker.note(&peer, at(9999));
        assert_eq!(breaker.sent.len(), 1);
        assert_eq!(breaker.to.len(), 1);
    }
}
