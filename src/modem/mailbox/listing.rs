//! A memory's listing: how it is asked for, and what its end says.

use std::time::{Duration, Instant};

use super::deletions::Found;
use super::selection::REFUSED_TOGETHER_MAX;
use super::{LISTED_MAX, Mailbox};
use crate::at::{Command, FinalResult, Memory, Outcome, Reply};
use crate::modem::ArrivedPdu;

/// How often, and over how long, a memory must count texts and list none before it is read by index:
/// some list a text only seconds after they have counted it.
const HOLLOW_TIMES: u32 = 3;

const HOLLOW_FOR: Duration = Duration::from_secs(15);

/// When a memory that counts texts and lists none is listed again, besides the sweeps.
const HOLLOW_AGAIN: Duration = Duration::from_secs(5);

/// Refusals in a row after which a listing is asked for in another way.
const UNLISTED_MAX: u8 = 2;

/// After a hint that turned out empty: some Huawei sticks announce a text before it can be listed.
const RELIST_AFTER: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// How the texts of a memory are found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum ListedBy {
    /// `AT+CMGL=4`
    #[default]
    Number,
    /// `AT+CMGL="ALL"`
    Word,
    /// `AT+CMGR=`, place after place.
    Index,
}

/// A memory that counts texts and lists none.
#[derive(Debug)]
pub(super) struct Hollow {
    pub(super) memory: Memory,
    pub(super) since: Instant,
    pub(super) times: u32,
}

#[derive(Debug)]
pub(super) struct Listing {
    pub(super) memory: Memory,
    /// A hint led to it, and none came since: a later one asks for a listing of its own.
    pub(super) hinted: bool,
    pub(super) found: usize,
    pub(super) in_text_mode: bool,
    /// The highest index so far.
    pub(super) last: Option<u16>,
    pub(super) orphans: Vec<ArrivedPdu>,
    pub(super) batch: Vec<Found>,
    /// Entries that came without a PDU.
    pub(super) bodiless: Vec<u16>,
}

impl Mailbox {
    pub(super) fn listed(&mut self, reply: &Reply, now: Instant) {
        let Some(listing) = self.listing.take() else {
            return;
        };
        let (found, hinted) = (listing.found, listing.hinted);
        self.orphans = listing.orphans;
        self.deliver(listing.batch, now);
        let used = self.counted.get(&listing.memory).copied();
        let together = matches!(
            &reply.command,
            Command::List(memories) | Command::ListByWord(memories) if !memories.is_empty()
        );
        match &reply.outcome {
            Outcome::Final(FinalResult::Ok) if listing.in_text_mode => {
                self.refused_with = Some("them in text mode".into());
                return;
            }
            Outcome::Final(FinalResult::Ok) if found == 0 && used.is_some_and(|used| used > 0) => {
                self.shows_none(&listing.memory, together, now);
            }
            // Not even the count came: perhaps only the selection was carried out.
            Outcome::Final(FinalResult::Ok)
                if found == 0
                    && used.is_none()
                    && hinted
                    && together
                    && !(self.shown_together || self.trying_apart) =>
            {
                self.try_apart(&listing.memory);
            }
            Outcome::Final(FinalResult::Ok) => {
                self.shown_together |= together && found > 0;
                if std::mem::take(&mut self.trying_apart) {
                    // On one line it showed none.
                    self.refused_together = REFUSED_TOGETHER_MAX;
                    self.hides_together = true;
                    self.apart = true;
                }
                self.was_listed(&listing.memory, now);
                self.unread.retain(|slot| {
                    slot.memory != listing.memory.name() || listing.bodiless.contains(&slot.index)
                });
            }
            // The list changed under the modem's hands.
            Outcome::Final(FinalResult::Cms(code))
                if code.number == Some(321) && used != Some(0) =>
            {
                self.relist = Some((0, now + self.sweep_every.min(RELIST_AFTER[1])));
                return;
            }
            // Some list an empty memory with an error.
            Outcome::Final(_) if found == 0 && used == Some(0) => {
                self.was_listed(&listing.memory, now);
            }
            Outcome::Final(result) => {
                self.refuses_listing(&listing.memory, result);
                return;
            }
            Outcome::TimedOut | Outcome::NoPrompt | Outcome::Cut(_) => return,
        }
        if found > 0 {
            let look_again = !self.orphans.is_empty();
            self.relist = look_again.then_some((0, now + RELIST_AFTER[1]));
            if found >= LISTED_MAX {
                self.want(listing.memory);
            }
            return;
        }
        // Nothing found: after a hint, look again a little later, thrice.
        let tried = match self.relist {
            Some((tried, at)) if at <= now => Some(tried.saturating_add(1)),
            Some(_) => None,
            None if hinted => Some(0),
            None => None,
        };
        if tried.is_some_and(|tried| tried > 0) {
            self.scan_announced(&listing.memory);
        }
        if let Some(tried) = tried {
            self.relist = RELIST_AFTER.get(tried).map(|after| (tried, now + *after));
        }
        if self.relist.is_none() && self.hollow.is_some() {
            self.relist = Some((RELIST_AFTER.len(), now + HOLLOW_AGAIN));
        }
    }

    /// The memory's texts are before us.
    pub(super) fn was_listed(&mut self, memory: &Memory, now: Instant) {
        self.hollow.take_if(|hollow| hollow.memory == *memory);
        self.unreadable.retain(|unreadable| unreadable != memory);
        if *memory == self.receiving {
            self.listed_at = Some(now);
            self.unlisted = 0;
            self.refused_with = None;
        }
    }

    /// A listing that was understood as far as its selection is refused: it is asked for by word, and
    /// where that is refused too the memory is read place after place.
    pub(super) fn refuses_listing(&mut self, memory: &Memory, result: &FinalResult) {
        if *memory != self.receiving {
            return;
        }
        self.refused_with = Some(result.to_string());
        if self.apart_next() || result.is_sim_starting() {
            return;
        }
        self.unlisted += 1;
        if self.unlisted >= UNLISTED_MAX {
            self.unlisted = 0;
            self.listed_by = match self.listed_by {
                ListedBy::Number => ListedBy::Word,
                ListedBy::Word | ListedBy::Index => ListedBy::Index,
            };
            tracing::debug!(by = ?self.listed_by, "the modem refuses to list");
        }
        self.want(memory.clone());
    }

    /// The memory counts texts and lists none. Where both stood on one line, perhaps only the first
    /// was carried out; or the text is not there yet; or it is never listed.
    pub(super) fn shows_none(&mut self, memory: &Memory, together: bool, now: Instant) {
        if self.unreadable.contains(memory) {
            return;
        }
        if together && !self.shown_together && !self.trying_apart {
            self.try_apart(memory);
            return;
        }
        if std::mem::take(&mut self.trying_apart) {
            self.apart = self.refused_together >= REFUSED_TOGETHER_MAX;
        }
        let hollow = match self.hollow.take() {
            Some(hollow) if hollow.memory == *memory => Hollow {
                times: hollow.times.saturating_add(1),
                ..hollow
            },
            Some(_) | None => Hollow {
                memory: memory.clone(),
                since: now,
                times: 1,
            },
        };
        let is_certain = hollow.times >= HOLLOW_TIMES && now >= hollow.since + HOLLOW_FOR;
        self.hollow = Some(hollow);
        if is_certain {
            self.scan(memory.clone());
        }
    }

    /// Lists a memory again, selected on a line of its own.
    pub(super) fn try_apart(&mut self, memory: &Memory) {
        self.trying_apart = true;
        self.apart = true;
        self.reading = None;
        self.want(memory.clone());
    }
}
