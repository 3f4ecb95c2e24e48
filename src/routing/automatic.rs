//! Guards on what is sent without a person deciding it (clause 10).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::effect::Effect;
use super::event::Moment;
use super::ids::{ConversationId, PatronId, QueueId};
use super::ledger::Ledger;
use super::notices::{Notice, Values};
use super::plan::GatewayKind;
use super::record::{Author, Patron, Repeats};
use super::router::Router;

/// Automatic texts to one patron in a day.
const A_DAY_MAX: usize = 3;
/// Texts with the same words within an hour that make a robot.
const IDENTICAL_MAX: u32 = 3;
/// Automatic texts to one peer in an hour at which the breaker opens.
const AN_HOUR_TO_ONE_PEER: usize = 10;
/// Automatic texts in an hour to all peers together: a line sends fewer than this in an hour, so
/// whatever asks for more is a flood.
const AN_HOUR_TO_ALL: usize = 10_000;
/// Calls from strangers that are answered with a text, in an hour.
const STRANGERS_AN_HOUR: usize = 5;
/// Numbers of our own that are known at once: more than a box has lines.
const OURSELVES_MAX: usize = 64;
/// Times remembered with a patron.
const REMEMBERED_MAX: usize = 10;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A telephone number with this many digits or fewer is a service, not a telephone.
const SHORT_CODE_DIGITS: usize = 6;
/// Digits of the longest address (TS 23.040 §9.1.2.5).
const DIGITS_MAX: usize = 20;

/// Whether a text can be sent to this address at all: names (`LIBRARY`) and numbers of six digits
/// or fewer cannot be answered.
pub fn answerable(kind: GatewayKind, address: &str) -> bool {
    match kind {
        GatewayKind::Sms => {
            let digits = address.strip_prefix('+').unwrap_or(address);
            digits.bytes().all(|b| b.is_ascii_digit())
                && (SHORT_CODE_DIGITS + 1..=DIGITS_MAX).contains(&digits.len())
        }
        GatewayKind::Im | GatewayKind::Widget => !address.is_empty(),
    }
}

/// What went out on its own lately, whoever it went to; and who we are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Breaker {
    /// Addresses, oldest first, of the last hour.
    sent: VecDeque<(Duration, String)>,
    to: BTreeMap<String, usize>,
    /// Our own numbers, as far as the lines told them.
    ourselves: BTreeSet<String>,
    /// When strangers' calls were answered with a text, oldest first, within the last hour.
    called: VecDeque<Duration>,
}

impl Breaker {
    /// One of our own numbers.
    pub(super) fn know(&mut self, number: String) {
        self.ourselves.insert(number);
        if self.ourselves.len() > OURSELVES_MAX {
            self.ourselves.pop_first();
        }
    }

    /// Whether the address is our own. National and international form differ in how they begin,
    /// so the last digits decide.
    pub(super) fn is_ourselves(&self, address: &str) -> bool {
        const SAME_DIGITS: usize = 9;
        let tail = |number: &str| -> String {
            let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
            digits.iter().rev().take(SAME_DIGITS).collect()
        };
        self.ourselves.contains(address)
            || self.ourselves.iter().any(|ours| {
                let ours = tail(ours);
                ours.len() == SAME_DIGITS && ours == tail(address)
            })
    }

    /// Whether a call from somebody who never texted may be answered with a text, and counts it.
    /// Callers' numbers are easily forged, and robots call by the hundred.
    pub(super) fn answer_stranger(&mut self, now: Moment) -> bool {
        const HOUR: Duration = Duration::from_secs(3600);
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

    fn closed_to(&self, address: &str, now: Moment) -> bool {
        const HOUR: Duration = Duration::from_secs(3600);
        let recent = |at: Duration| now.uptime.saturating_sub(at) < HOUR;
        let old = self.sent.iter().take_while(|(at, _)| !recent(*at));
        let old_to_them = old.clone().filter(|(_, to)| to == address).count();
        let to_all = self.sent.len() - old.count();
        let to_them = self.to.get(address).copied().unwrap_or(0) - old_to_them;
        to_them < AN_HOUR_TO_ONE_PEER && to_all < AN_HOUR_TO_ALL
    }

    fn note(&mut self, address: &str, now: Moment) {
        const HOUR: Duration = Duration::from_secs(3600);
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
        self.sent.push_back((now.uptime, address.to_owned()));
        *self.to.entry(address.to_owned()).or_default() += 1;
    }
}

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
fn within(one: Timestamp, other: Timestamp, apart: SignedDuration) -> bool {
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

impl Router {
    /// Whether the guards let an automatic text go to this patron now.
    pub(super) fn may_send_automatically(&self, patron: &Patron, now: Moment) -> bool {
        let Some(gateway) = self.plan.gateway(patron.gateway) else {
            return false;
        };
        let today = patron
            .automatic_at
            .iter()
            .filter(|&&at| within(at, now.wall, DAY))
            .count();
        let repeats = patron.repeats;
        let robot = repeats.count >= IDENTICAL_MAX
            && repeats
                .since
                .is_some_and(|since| within(since, now.wall, HOUR));
        !patron.opted_out
            && answerable(gateway.kind, &patron.address)
            && !self.breaker.is_ourselves(&patron.address)
            && today < A_DAY_MAX
            && !robot
            && self.breaker.closed_to(&patron.address, now)
    }

    /// Sends a notice of the desk's own, unless a guard or the library's wording says not to.
    /// Whether it went out.
    pub(super) fn notify(
        &mut self,
        notice: Notice,
        patron: PatronId,
        conversation: ConversationId,
        now: Moment,
        ledger: &mut Ledger,
    ) -> bool {
        self.notify_of(notice, [], patron, conversation, now, ledger)
    }

    /// [`notify`](Self::notify), with values for names that only this occasion knows.
    pub(super) fn notify_of<const N: usize>(
        &mut self,
        notice: Notice,
        told: [(&'static str, String); N],
        patron: PatronId,
        conversation: ConversationId,
        now: Moment,
        ledger: &mut Ledger,
    ) -> bool {
        let Some(known) = self.memory.patron(patron) else {
            return false;
        };
        let queue = match self.conversation(conversation) {
            Some(thread) => thread.queue,
            None => return false,
        };
        let Some(words) = self.notice_of(notice, told, known, queue, now) else {
            return false;
        };
        self.say(Guarded(words), patron, conversation, now, ledger);
        true
    }

    /// Sends words that the guards let through, and counts them.
    pub(super) fn say(
        &mut self,
        Guarded(words): Guarded,
        patron: PatronId,
        conversation: ConversationId,
        now: Moment,
        ledger: &mut Ledger,
    ) {
        let Some(known) = self.memory.patron(patron) else {
            return;
        };
        self.breaker.note(&known.address, now);
        self.memory.change_patron(patron, |patron| {
            patron.automatic_at.push(now.wall);
            let surplus = patron.automatic_at.len().saturating_sub(REMEMBERED_MAX);
            patron.automatic_at.drain(..surplus);
        });
        ledger.patron(patron);
        self.send_out(conversation, patron, words, Author::Desk, None, now, ledger);
    }

    /// The words of a notice, if the guards and the library's wording let it go to this patron.
    pub(super) fn notice_due(
        &self,
        notice: Notice,
        patron: &Patron,
        queue: QueueId,
        now: Moment,
    ) -> Option<String> {
        self.notice_of(notice, [], patron, queue, now)
    }

    fn notice_of<const N: usize>(
        &self,
        notice: Notice,
        told: [(&'static str, String); N],
        patron: &Patron,
        queue: QueueId,
        now: Moment,
    ) -> Option<String> {
        let gateway = self.plan.gateway(patron.gateway)?;
        if !self.may_send_automatically(patron, now) {
            return None;
        }
        let mut values = Values::new(&self.plan, queue, now.wall);
        for (name, value) in told {
            values.set(name, Some(value));
        }
        notice.words(gateway, &values)
    }

    /// Counts the patron's words against the guard for robots.
    pub(super) fn count_repeats(
        &mut self,
        patron: PatronId,
        body: &str,
        now: Moment,
        ledger: &mut Ledger,
    ) {
        self.memory.change_patron(patron, |patron| {
            patron.repeats = patron.repeats.after(body, now.wall);
        });
        ledger.patron(patron);
    }

    /// Three minutes went by (clause 7).
    pub(super) fn say_wait(&mut self, id: ConversationId, now: Moment, ledger: &mut Ledger) {
        let Some(conversation) = self.threads.get(id) else {
            return;
        };
        let patron = conversation.patron;
        if !self.awaits_notice(conversation) || !self.is_online(conversation.queue) {
            return;
        }
        if self.notify(Notice::Waiting, patron, id, now, ledger) {
            self.threads
                .change(id, |conversation| conversation.waiting_noticed = true);
            ledger.conversation(id);
        }
    }
}

// Rows leave through here alone, so that nothing goes out without being in the transcript.
impl Router {
    /// Records a text of ours and hands it to its gateway.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a part of the one message"
    )]
    pub(super) fn send_out(
        &mut self,
        conversation: ConversationId,
        patron: PatronId,
        body: String,
        author: Author,
        client_id: Option<String>,
        now: Moment,
        ledger: &mut Ledger,
    ) {
        let Some(patron) = self.memory.patron(patron) else {
            return;
        };
        let (gateway, to) = (patron.gateway, patron.address.clone());
        let message = self.record_out(conversation, body.clone(), author, client_id, now, ledger);
        ledger.row(Effect::Submit {
            message,
            conversation,
            gateway,
            to,
            body,
            may_be_doubled: false,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_short_numbers_cannot_be_answered() {
        for (kind, address, can) in [
            (GatewayKind::Sms, "+15551230100", true),
            (GatewayKind::Sms, "5551230100", true),
            (GatewayKind::Sms, "1234567", true),
            (GatewayKind::Sms, "123456", false),
            (GatewayKind::Sms, "+123456", false),
            (GatewayKind::Sms, "22000", false),
            (GatewayKind::Sms, "INFO", false),
            (GatewayKind::Sms, "Library7654321", false),
            (GatewayKind::Sms, "+", false),
            (GatewayKind::Sms, "", false),
            (GatewayKind::Sms, "++15551230100", false),
            (
                GatewayKind::Sms,
                "\u{661}\u{662}\u{663}\u{664}\u{665}\u{666}\u{667}",
                false,
            ),
            (GatewayKind::Sms, "123456789012345678901", false),
            (GatewayKind::Im, "pat@example.org", true),
            (GatewayKind::Widget, "v-8f", true),
            (GatewayKind::Im, "", false),
        ] {
            assert_eq!(answerable(kind, address), can, "{kind:?} {address:?}");
        }
    }

    #[test]
    fn we_know_ourselves_in_every_form() {
        let mut breaker = Breaker::default();
        breaker.know("+15551230100".into());
        for (address, ourselves) in [
            ("+15551230100", true),
            ("15551230100", true),
            ("5551230100", true),
            ("05551230100", true),
            ("+15551230101", false),
            ("0100", false),
            ("", false),
        ] {
            assert_eq!(breaker.is_ourselves(address), ourselves, "{address:?}");
        }
    }

    #[test]
    fn the_breaker_opens_at_ten_in_an_hour_to_one_peer() {
        let at = |s| Moment {
            wall: Timestamp::UNIX_EPOCH,
            uptime: Duration::from_secs(s),
        };
        let mut breaker = Breaker::default();
        for n in 0..10 {
            assert!(breaker.closed_to("+15551230100", at(n)), "{n}");
            breaker.note("+15551230100", at(n));
        }
        for (address, s, closed) in [
            ("+15551230100", 10, false),
            ("+15551230101", 10, true),
            ("+15551230100", 3599, false),
            ("+15551230100", 3600, true),
            ("+15551230100", 9999, true),
        ] {
            assert_eq!(breaker.closed_to(address, at(s)), closed, "{address} {s}");
        }
        breaker.note("+15551230100", at(9999));
        assert_eq!(breaker.sent.len(), 1);
        assert_eq!(breaker.to.len(), 1);
    }

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
