//! Guards on what is sent without a person deciding it (clause 10).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::hours::Opening;
use super::ids::{ConversationId, PatronId, QueueId};
use super::notice::{Allowance, Notice};
use super::notices::{Values, keyword_answer};
use super::plan::answerable;
use super::record::{Answered, Author, Patron, Repeats};
use super::turn::Turn;

/// Automatic texts to one patron in a day.
const A_DAY_MAX: usize = 3;
/// Answers to a patron's own words, of a kind, in a day: a person needs fewer, a loop wants more.
const ANSWERS_A_DAY: usize = 6;
/// Texts with the same words within an hour that make a robot.
const IDENTICAL_MAX: u32 = 3;
/// Times remembered with a patron.
const REMEMBERED_MAX: usize = 10;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
pub(super) const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Words of the desk's own that the guards have let through for their patron.
pub(super) struct Guarded(pub(super) String);

impl Repeats {
    /// The same, after one more text with these words.
    pub(super) fn after(self, body: &str, now: Timestamp) -> Repeats {
        let fingerprint = fingerprint(body);
        let recent = self.since.is_some_and(|since| within(since, now, HOUR));
        if recent && self.fingerprint == fingerprint {
            Repeats {
                count: self.count.saturating_add(1),
                ..self
            }
        } else {
            Repeats {
                fingerprint,
                count: 1,
                since: Some(now),
            }
        }
    }
}

/// Whether two times are less than this apart. The wall clock may have been set back since, so
/// either may be the earlier.
pub(super) fn within(one: Timestamp, other: Timestamp, apart: SignedDuration) -> bool {
    one.duration_since(other).abs() < apart
}

/// FNV-1a, 64 bits: says whether words are the same, not what they are.
fn fingerprint(body: &str) -> u64 {
    body.trim()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
}

impl Turn<'_> {
    /// Whether the guards let an automatic text go to this patron now. Answers to the patron's own
    /// words are not counted with what we say of our own accord: loops are stopped by the other guards.
    pub(super) fn may_send_automatically(&self, allowance: Allowance, patron: &Patron) -> bool {
        let now = self.now;
        let Some(gateway) = self.state.plan.gateway(patron.gateway) else {
            return false;
        };
        let repeats = patron.repeats;
        let robot = repeats.count >= IDENTICAL_MAX
            && repeats
                .since
                .is_some_and(|since| within(since, now.wall, HOUR));
        !patron.opted_out
            && answerable(gateway.kind, &patron.address)
            && !self.state.is_ourselves(&patron.address)
            && self.has_room_today(allowance, patron)
            && !robot
            && self.state.breaker.closed_to(&patron.address, now)
    }

    /// Whether fewer automatic texts than a day's went to the patron.
    pub(super) fn has_room_today(&self, allowance: Allowance, patron: &Patron) -> bool {
        let (told, most) = match allowance {
            Allowance::OwnAccord => (&patron.automatic_at, A_DAY_MAX),
            Allowance::Wishes => (&patron.answered.wishes, ANSWERS_A_DAY),
            Allowance::Keywords => (&patron.answered.keywords, ANSWERS_A_DAY),
        };
        let today = told.iter().filter(|&&at| within(at, self.now.wall, DAY));
        today.count() < most
    }

    /// Sends a notice of the desk's own, unless a guard or the library's wording says not to.
    /// Whether it went out.
    pub(super) fn notify(
        &mut self,
        notice: Notice,
        patron: PatronId,
        conversation: ConversationId,
    ) -> bool {
        self.notify_in("en", notice, [], patron, conversation)
    }

    /// [`notify`](Self::notify), with values for names that only this occasion knows.
    pub(super) fn notify_of<const N: usize>(
        &mut self,
        notice: Notice,
        told: [(&'static str, String); N],
        patron: PatronId,
        conversation: ConversationId,
    ) -> bool {
        self.notify_in("en", notice, told, patron, conversation)
    }

    /// The same, in the language of the word that it answers where there are words in it.
    pub(super) fn notify_in<const N: usize>(
        &mut self,
        language: &str,
        notice: Notice,
        told: [(&'static str, String); N],
        patron: PatronId,
        conversation: ConversationId,
    ) -> bool {
        let Some(known) = self.state.memory.patron(patron) else {
            return false;
        };
        let queue = match self.state.conversation(conversation) {
            // Whatever seems to mean STOP never draws an automatic text, nor does a reaction to what
            // nobody knows (clause 9).
            Some(thread)
                if (thread.flagged || thread.quiet)
                    && notice.allowance() == Allowance::OwnAccord =>
            {
                return false;
            }
            Some(thread) => thread.queue,
            None => return false,
        };
        let Some(words) = self.notice_of(language, notice, told, known, queue) else {
            return false;
        };
        self.say(notice.allowance(), Guarded(words), patron, conversation);
        true
    }

    /// Sends words that the guards let through, and counts them.
    pub(super) fn say(
        &mut self,
        allowance: Allowance,
        Guarded(words): Guarded,
        patron: PatronId,
        conversation: ConversationId,
    ) {
        let now = self.now;
        let Some(known) = self.state.memory.patron(patron) else {
            return;
        };
        self.state.breaker.note(&known.address, now);
        self.state.memory.change_patron(patron, |patron| {
            let Answered { wishes, keywords } = &mut patron.answered;
            let told = match allowance {
                Allowance::OwnAccord => &mut patron.automatic_at,
                Allowance::Wishes => wishes,
                Allowance::Keywords => keywords,
            };
            told.push(now.wall);
            let surplus = told.len().saturating_sub(REMEMBERED_MAX);
            told.drain(..surplus);
        });
        self.effects.patron(patron);
        self.send_out(conversation, patron, words, Author::Desk, None);
    }

    /// The words of a notice, if the guards and the library's wording let it go to this patron.
    pub(super) fn notice_due(
        &self,
        language: &str,
        notice: Notice,
        patron: &Patron,
        queue: QueueId,
    ) -> Option<String> {
        self.notice_of(language, notice, [], patron, queue)
    }

    fn notice_of<const N: usize>(
        &self,
        language: &str,
        notice: Notice,
        told: [(&'static str, String); N],
        patron: &Patron,
        queue: QueueId,
    ) -> Option<String> {
        let now = self.now;
        let gateway = self.state.plan.gateway(patron.gateway)?;
        if !self.may_send_automatically(notice.allowance(), patron) {
            return None;
        }
        let mut values = Values::new(&self.state.plan, queue, now.wall);
        for (name, value) in told {
            values.set(name, Some(value));
        }
        notice.words_in(language, gateway, &values)
    }

    /// The answer to a keyword, if the guards let it go to this patron.
    pub(super) fn keyword_due(
        &self,
        answer: &str,
        patron: &Patron,
        queue: QueueId,
    ) -> Option<Guarded> {
        if !self.may_send_automatically(Allowance::Keywords, patron) {
            return None;
        }
        let values = Values::new(&self.state.plan, queue, self.now.wall);
        keyword_answer(answer, &values).map(Guarded)
    }

    /// Counts the patron's words against the guard for robots.
    pub(super) fn count_repeats(&mut self, patron: PatronId, body: &str) {
        let now = self.now;
        self.state.memory.change_patron(patron, |patron| {
            patron.repeats = patron.repeats.after(body, now.wall);
        });
        self.effects.patron(patron);
    }

    /// Three minutes went by (clause 7). That librarians are helping others is said only while one
    /// of them is there to do so: within the hours, where there are any, and not for a page that was
    /// left open.
    pub(super) fn say_wait(&mut self, id: ConversationId) {
        let now = self.now;
        let Some(conversation) = self.state.threads.get(id) else {
            return;
        };
        let (patron, queue) = (conversation.patron, conversation.queue);
        if !self.state.awaits_notice(conversation) || !self.state.is_online(queue) {
            return;
        }
        match self.state.plan.opening(queue, now.wall) {
            Opening::Closed(opens) => {
                let wait = opens.timestamp().duration_since(now.wall);
                let wait = Duration::try_from(wait).unwrap_or_default();
                return self.expect_wait_after(id, wait);
            }
            Opening::Open | Opening::Unknown => {}
        }
        // Whoever comes back begins the three minutes anew: see `revive`.
        if !self.state.staff.is_manned(queue, now) {
            return;
        }
        if self.notify(Notice::Waiting, patron, id) {
            self.state
                .threads
                .change(id, |conversation| conversation.waiting_noticed = true);
            self.effects.conversation(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identical_texts_are_counted_for_an_hour() {
        let at = |s| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(s);
        let mut repeats = Repeats::default();
        for (body, s, count) in [
            ("out of office", 0, 1),
            ("out of office ", 10, 2),
            ("out of office", 3599, 3),
            ("out of office", 3600, 1),
            ("thanks", 3601, 1),
            ("out of office", 3602, 1),
        ] {
            repeats = repeats.after(body, at(s));
            assert_eq!(repeats.count, count, "{body} at {s}");
        }
    }
}
