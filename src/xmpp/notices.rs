//! What other boxes are to be told of conversations until they answer, pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;
use xso::{AsXml, FromXml};

use super::stanzas;
use crate::routing::ConversationId;

/// Between two tellings of what was not answered.
pub(super) const AGAIN: Duration = Duration::from_secs(60);
/// After a day the patron's next words begin a conversation of their own.
pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);
/// Notices that wait for an answer; the oldest gives way.
pub(super) const NOTICES_MAX: usize = 1_000;

/// What another box is told.
#[derive(Debug, Clone, PartialEq, Eq, FromXml, AsXml)]
#[xml(namespace = stanzas::DESK)]
pub(super) enum Word {
    /// Its conversation goes back to it.
    #[xml(name = "returned")]
    Returned,
    /// It need not answer ours any more, and why.
    #[xml(name = "withdrawn")]
    Withdrawn(#[xml(text)] String),
}

/// Something to be told, until it is answered.
#[derive(Debug)]
pub(super) struct Notice {
    pub(super) word: Word,
    pub(super) from: String,
    pub(super) since: Instant,
    pub(super) told: Option<Instant>,
}

/// What other boxes are to be told, by conversation and the address it goes to.
#[derive(Debug, Default)]
pub(super) struct Relay {
    pub(super) waiting: BTreeMap<(ConversationId, String), Notice>,
    /// Conversations of other boxes that ended because they were called back: they go nowhere.
    pub(super) recalled: BTreeSet<ConversationId>,
    /// Those of an earlier daemon were read from the spool.
    pub(super) read: bool,
}

impl Relay {
    /// Nothing told on the old link is known to have arrived.
    pub(super) fn link_is_new(&mut self) {
        for notice in self.waiting.values_mut() {
            notice.told = None;
        }
    }

    pub(super) fn wait(&mut self, id: ConversationId, word: Word, from: String, to: String) {
        let notice = Notice {
            word,
            from,
            since: Instant::now(),
            told: None,
        };
        self.waiting.insert((id, to), notice);
        while self.waiting.len() > NOTICES_MAX {
            self.waiting.pop_first();
        }
    }

    /// A conversation is answered anew: nothing told of it before holds.
    pub(super) fn forget(&mut self, id: ConversationId, word: impl Fn(&Word) -> bool) {
        self.waiting
            .retain(|(other, _), notice| *other != id || !word(&notice.word));
    }

    /// A box is there: what it did not answer is told now.
    pub(super) fn is_there(&mut self, domain: &str) {
        for ((_, to), notice) in &mut self.waiting {
            if domain_of(to) == domain {
                notice.told = None;
            }
        }
    }

    /// Changes were missed: which conversations ended is only in the spool, and which of them were
    /// called back is not known any more. A box that is told of one of those says that it knows.
    pub(super) fn missed(&mut self) {
        self.recalled.clear();
        self.read = false;
    }

    pub(super) fn will_end(&mut self, id: ConversationId) {
        self.recalled.insert(id);
        while self.recalled.len() > NOTICES_MAX {
            self.recalled.pop_first();
        }
    }
}

pub(super) fn domain_of(jid: &str) -> &str {
    let bare = stanzas::bare(jid);
    bare.split_once('@').map_or(bare, |(_, domain)| domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_notices_wait() {
        let mut relay = Relay::default();
        for id in 0..5_000 {
            let id = ConversationId(id);
            relay.wait(id, Word::Returned, "a@a".into(), "~b@b/q".into());
            relay.will_end(id);
        }
        assert_eq!(relay.waiting.len(), NOTICES_MAX);
        assert_eq!(relay.recalled.len(), NOTICES_MAX);
        assert!(relay.recalled.contains(&ConversationId(4_999)));
    }

    #[test]
    fn what_changed_unseen_is_read_from_the_spool_again() {
        let mut relay = Relay {
            read: true,
            ..Relay::default()
        };
        let id = ConversationId(7);
        relay.wait(id, Word::Returned, "a@a".into(), "~b@b/q".into());
        relay.will_end(id);
        relay.missed();
        assert!(!relay.read && relay.recalled.is_empty());
        assert_eq!(relay.waiting.len(), 1, "what is untold stays so");
    }

    #[test]
    fn a_box_that_is_there_is_told_at_once() {
        let mut relay = Relay::default();
        for (id, to) in [(1, "~heron-1@a.example/desk"), (2, "desk@b.example")] {
            let id = ConversationId(id);
            relay.wait(id, Word::Returned, "desk@c.example".into(), to.into());
        }
        for notice in relay.waiting.values_mut() {
            notice.told = Some(Instant::now());
        }
        relay.is_there("a.example");
        let told: Vec<bool> = relay.waiting.values().map(|e| e.told.is_some()).collect();
        assert_eq!(told, [false, true]);
    }

    #[test]
    fn what_is_asked_again_is_not_called_back() {
        let mut relay = Relay::default();
        let id = ConversationId(1);
        let word = Word::Withdrawn("answered by ana".into());
        relay.wait(id, word, "~b@b/q".into(), "a@a".into());
        relay.forget(id, |word| *word == Word::Returned);
        assert_eq!(relay.waiting.len(), 1);
        relay.forget(id, |word| *word != Word::Returned);
        assert_eq!(relay.waiting.len(), 0);
    }
}
