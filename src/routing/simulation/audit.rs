//! The law, held against a simulated desk after every event, by books kept apart from the router.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::super::test_desk::TestDesk;
use super::super::*;
use super::World;
use super::steps::{KEYWORDS, OURS};
use crate::numbers::PatronNumber;

/// The one form of an address: the auditor's own peers are of the North American plan.
fn canonical(kind: GatewayKind, from: &str) -> String {
    match kind {
        GatewayKind::Sms => match (from.len(), from.bytes().all(|b| b.is_ascii_digit())) {
            (10, true) => format!("+1{from}"),
            (11, true) => format!("+{from}"),
            _ => from.to_owned(),
        },
        GatewayKind::Im | GatewayKind::Widget => from.to_owned(),
    }
}

/// Phrases among what patrons write here that mean STOP without being it.
fn seems_to_mean_stop(body: &str) -> bool {
    matches!(body, "please stop texting me" | "forget me")
}

/// What an answer to the patron's own words answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answers {
    Wish,
    Keyword,
}

/// Whether FORGET of this telephone asks first: somebody is in a conversation with it, and it was not
/// asked within a day.
fn is_asked(before: &Router, telephone: &str, now: Moment) -> bool {
    let attended = before.conversations().filter(|conversation| {
        let patron = before.patron(conversation.patron).unwrap();
        let kind = before.plan().gateway(patron.gateway).map(|g| g.kind);
        let theirs = patron.address == telephone && kind == Some(GatewayKind::Sms);
        theirs && !patron.opted_out && conversation.claimed_by.is_some()
    });
    let all: Vec<_> = attended.map(|open| open.erasure_asked_at).collect();
    let day = jiff::SignedDuration::from_hours(24);
    let lately =
        |at: &Option<Timestamp>| at.is_some_and(|at| now.wall.duration_since(at).abs() < day);
    !all.is_empty() && !all.iter().any(lately)
}

/// What the history must add up to, counted apart from the router.
#[derive(Default)]
pub(super) struct Auditor {
    /// Automatic texts by peer, on both clocks, and which words of the patron's own each answered.
    pub(super) automatic: Vec<(String, GatewayId, Moment, Option<Answers>)>,
    /// How many of them went before the latest restart: the breaker knows nothing of those.
    pub(super) before_restart: usize,
    /// Whether a line has told our own number.
    pub(super) ours_known: bool,
    /// Patrons' texts that were not refused, and are not erased.
    pub(super) kept_texts: BTreeSet<MessageId>,
    /// Telephones that said STOP, and not START since.
    pub(super) out: BTreeSet<String>,
    /// Telephones that were forgotten since the latest restart, and before it.
    pub(super) forgotten: BTreeSet<String>,
}

impl World {
    /// What every event must respect.
    pub(super) fn audit(
        &mut self,
        event: &Event,
        effects: &[Effect],
        before: &Router,
        opted_out: &BTreeSet<PatronId>,
    ) {
        let now = self.desk.now;
        if let Event::LineNumber { .. } = event {
            self.auditor.ours_known = true;
        }
        let texts: Vec<MessageId> = effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Record(m) if m.direction == Direction::In => Some(m.id),
                _ => None,
            })
            .collect();
        let out_before = self.auditor.out.clone();
        if let Event::TextArrived {
            gateway,
            from,
            body,
            ..
        } = event
        {
            assert!(texts.len() <= 1);
            let gateway = self.desk.rows.plan.gateway(*gateway).unwrap();
            let from = &canonical(gateway.kind, from);
            if gateway.kind == GatewayKind::Sms && seems_to_mean_stop(body) {
                let answered = |e: &Effect| matches!(e, Effect::Submit { .. });
                assert!(!effects.iter().any(answered), "answered {body:?}");
            }
            let phone = gateway.kind == GatewayKind::Sms
                && answerable(gateway.kind, &PatronNumber::kept(from.clone()))
                && !(self.auditor.ours_known && from == OURS);
            let quotes = body.contains('“') && !body.starts_with('“');
            let marked = |e: &Effect| matches!(e, Effect::React { .. });
            if effects.iter().any(marked) {
                assert!(quotes && effects.len() == 1, "a reaction changes no state");
            }
            if quotes {
                let answered = |e: &Effect| matches!(e, Effect::Submit { .. });
                assert!(!effects.iter().any(answered), "answered a reaction");
            }
            let keyword = KEYWORDS
                .iter()
                .any(|(word, _)| body.eq_ignore_ascii_case(word))
                && !gateway.keywords.is_empty();
            if keyword {
                let opens = |e: &&Effect| match e {
                    Effect::KeepConversation(now) => {
                        let was = before.conversation(now.id).map(|was| was.state);
                        was.unwrap_or(ConversationState::Closed) != now.state
                    }
                    Effect::Offer { .. } | Effect::Withdraw { .. } => true,
                    _ => false,
                };
                let opened = effects.iter().find(opens);
                assert_eq!(opened, None, "a keyword opens no conversation");
            }
            if matches!(body.as_str(), "Loved an image") {
                let answered = |e: &Effect| matches!(e, Effect::Submit { .. });
                assert!(!effects.iter().any(answered), "answered a reaction");
            }
            if texts.is_empty() && !(phone && body == "FORGET") && !quotes {
                assert_eq!(gateway.policy, OfflinePolicy::Refuse, "lost {body:?}");
                assert_ne!(gateway.kind, GatewayKind::Widget, "the page must be told");
            }
            match body.as_str() {
                "STOP" | "ALTO!" | "STOP\n\nSent from my iPhone" | "“Stop.”\n-- \nPat" if phone => {
                    _ = self.auditor.out.insert(from.clone())
                }
                "start" if phone => _ = self.auditor.out.remove(from),
                "FORGET" if phone && !is_asked(before, from, now) => {
                    self.auditor.forgotten.insert(from.clone());
                    self.audit_forgetting(from);
                }
                _ => {}
            }
        } else {
            assert!(texts.is_empty());
        }
        self.auditor.kept_texts.extend(texts);
        let rows = &self.desk.rows;
        self.auditor
            .kept_texts
            .retain(|id| rows.messages.contains_key(id));
        self.audit_submits(event, effects, opted_out, &out_before, now);
        self.audit_claims(event, effects, before);
        self.audit_bells(effects);
    }

    /// After FORGET nothing of a telephone is left but our last words to it.
    fn audit_forgetting(&self, address: &str) {
        let rows = &self.desk.rows;
        for patron in rows.patrons.values().filter(|p| p.address == address) {
            if rows.plan.gateway(patron.gateway).unwrap().kind != GatewayKind::Sms {
                continue;
            }
            for left in rows
                .conversations
                .values()
                .filter(|c| c.patron == patron.id)
            {
                assert!(left.farewell, "{left:?} was not forgotten");
                let words: Vec<_> = rows
                    .messages
                    .values()
                    .filter(|m| m.conversation == left.id)
                    .map(|m| m.direction)
                    .collect();
                assert_eq!(words, [Direction::Out], "more than last words");
                assert!(rows.notes.iter().all(|(of, _)| *of != left.id));
            }
            assert_eq!(
                patron.repeats.count, 0,
                "a fingerprint of its words is left"
            );
        }
    }

    fn audit_submits(
        &mut self,
        event: &Event,
        effects: &[Effect],
        opted_out: &BTreeSet<PatronId>,
        out_before: &BTreeSet<String>,
        now: Moment,
    ) {
        for effect in effects {
            let Effect::Submit {
                message,
                to,
                gateway,
                ..
            } = effect
            else {
                continue;
            };
            let to = to.as_str();
            let rows = &self.desk.rows;
            let message = &rows.messages[message];
            let conversation = &rows.conversations[&message.conversation];
            let patron = &rows.patrons[&conversation.patron];
            assert_eq!((patron.address.as_str(), patron.gateway), (to, *gateway));
            let kind = rows.plan.gateway(*gateway).unwrap().kind;
            assert!(answerable(kind, &patron.address), "sent to {to}");
            let was_out = opted_out.contains(&patron.id)
                || kind == GatewayKind::Sms && out_before.contains(to);
            assert!(
                !was_out
                    || message.body.contains("opted back in")
                    || message.body.contains("de nuevo"),
                "{effect:?}"
            );

            let by_hand = matches!(
                event,
                Event::Act {
                    act: Act::Send { .. } | Act::Retry { .. },
                    ..
                } | Event::Write { .. }
            );
            if by_hand {
                continue;
            }
            assert_eq!(message.author, Author::Desk);
            assert!(
                !(self.auditor.ours_known && to == OURS),
                "sent to ourselves"
            );
            let own = self.answers(&message.body, *gateway, conversation.queue);
            let earlier = self
                .auditor
                .automatic
                .iter()
                .filter(|(peer, via, at, answer)| {
                    peer == to
                        && own.is_none()
                        && answer.is_none()
                        && via == gateway
                        && now.wall.duration_since(at.wall).abs()
                            < jiff::SignedDuration::from_hours(24)
                });
            assert!(earlier.count() < 3, "a fourth automatic text in a day");
            let answers = self
                .auditor
                .automatic
                .iter()
                .filter(|(peer, via, at, answer)| {
                    peer == to
                        && via == gateway
                        && own.is_some()
                        && *answer == own
                        && now.wall.duration_since(at.wall).abs()
                            < jiff::SignedDuration::from_hours(24)
                });
            assert!(answers.count() < 6, "a seventh answer of a kind in a day");
            let hour = jiff::SignedDuration::from_hours(1);
            let since_restart = self
                .auditor
                .automatic
                .iter()
                .skip(self.auditor.before_restart);
            let lately = since_restart
                .filter(|(peer, _, at, _)| peer == to && (now.uptime - at.uptime).as_secs() < 3600);
            assert!(lately.count() < 10, "the breaker failed");
            let Some(words) = rows.patrons.get(&patron.id).map(|p| p.repeats) else {
                continue;
            };
            let recent = words
                .since
                .is_some_and(|since| now.wall.duration_since(since).abs() < hour);
            assert!(words.count < 3 || !recent, "answered a robot");
            self.auditor
                .automatic
                .push((to.to_owned(), *gateway, now, own));
        }
    }

    /// Whether words of the desk's own answer words of the patron's: told by what each notice and each
    /// keyword says here.
    fn answers(&self, body: &str, gateway: GatewayId, queue: QueueId) -> Option<Answers> {
        let plan = &self.desk.rows.plan;
        let values = Values::new(plan, queue, self.desk.now.wall);
        let gateway = plan.gateway(gateway).unwrap();
        let says = |notice: Notice| {
            let mut languages = ["en", "es", "fr"].into_iter();
            languages.any(|language| {
                notice.words_in(language, gateway, &values).as_deref() == Some(body)
            })
        };
        let wishes = [
            Notice::Stopped,
            Notice::Help,
            Notice::Forgotten,
            Notice::Started,
            Notice::Confirm,
        ];
        if wishes.into_iter().any(says) {
            return Some(Answers::Wish);
        }
        let answer = |(_, answer): &(&str, &str)| *answer == body;
        KEYWORDS.iter().any(answer).then_some(Answers::Keyword)
    }

    /// Nobody takes what a colleague answers, except by a transfer.
    fn audit_claims(&self, event: &Event, effects: &[Effect], before: &Router) {
        for effect in effects {
            let Effect::KeepConversation(after) = effect else {
                continue;
            };
            let was = before.conversation(after.id);
            if let (Some(was), Some(new)) = (was, after.claimed_by)
                && let Some(owner) = was.claimed_by
                && owner != new
            {
                assert!(was.transfer.is_some(), "claimed twice: {event:?}");
                assert!(
                    before.offered_to(after.id).contains(&new) || {
                        // Someone who is away may accept what is meant for them.
                        matches!(
                            event,
                            Event::Act {
                                act: Act::Claim | Act::Send { .. },
                                ..
                            }
                        )
                    }
                );
            }
        }
    }

    /// Bells tell of changes only.
    fn audit_bells(&self, effects: &[Effect]) {
        let mut told = BTreeSet::new();
        for effect in effects {
            if let Effect::Offer { conversation, to } = effect {
                assert!(
                    told.insert((*conversation, *to)),
                    "offered twice at once: {effect:?}"
                );
                assert!(
                    self.desk.router.offered_to(*conversation).contains(to),
                    "offered and not offered: {effect:?}"
                );
            }
        }
    }

    /// What is true at all times.
    pub(super) fn hold(&self) {
        let TestDesk { router, rows, .. } = &self.desk;
        let available: BTreeMap<QueueId, BTreeSet<OperatorId>> = rows
            .plan
            .queues
            .iter()
            .map(|queue| {
                let assigned = rows.plan.operators.iter();
                let available = assigned
                    .filter(|o| o.queues.contains(&queue.id))
                    .filter(|o| router.shows().any(|s| s == (o.id, Show::Available)))
                    .map(|o| o.id)
                    .collect();
                (queue.id, available)
            })
            .collect();
        for queue in &rows.plan.queues {
            assert_eq!(router.is_online(queue.id), !available[&queue.id].is_empty());
        }
        assert!(
            router
                .online()
                .all(|queue| rows.plan.queue(queue).is_some())
        );

        let mut patrons = BTreeSet::new();
        for conversation in router.conversations() {
            assert!(patrons.insert(conversation.patron), "two threads at once");
            assert_eq!(
                rows.conversations.get(&conversation.id),
                Some(conversation),
                "the spool has another conversation"
            );
            assert_eq!(
                conversation.claimed_by.is_some(),
                conversation.state == ConversationState::Claimed
            );
            let offered = router.offered_to(conversation.id);
            assert!(!conversation.farewell, "last words are no conversation");
            match conversation.claimed_by {
                None => {
                    assert_eq!(conversation.transfer, None);
                    let mut all = available[&conversation.queue].clone();
                    if let Some(partner) = conversation.partner() {
                        all.extend(&available[&partner]);
                    }
                    let all = &all;
                    self.hold_help(conversation);
                    let standing = if all.is_empty() {
                        ConversationState::Held
                    } else {
                        ConversationState::Waiting
                    };
                    assert_eq!(conversation.state, standing);
                    // Either everyone, or whoever answered last, for a while.
                    let first = conversation.last_answered_by;
                    let alone = first.is_some_and(|first| offered == BTreeSet::from([first]));
                    assert!(offered == *all || alone && offered.is_subset(all));
                    assert!(offered == *all || router.next_deadline().is_some());
                }
                Some(claimant) => {
                    let operator = rows.plan.operator(claimant).unwrap();
                    assert!(
                        operator
                            .queues
                            .iter()
                            .any(|&queue| conversation.is_in(queue))
                    );
                    assert!(!offered.contains(&claimant));
                    assert!(offered.is_empty() || conversation.transfer.is_some());
                    assert!(conversation.transfer.is_none() || router.next_deadline().is_some());
                }
            }
        }
        let open = rows.conversations.values();
        let open = open
            .filter(|c| c.state != ConversationState::Closed)
            .count();
        assert_eq!(
            open,
            router.conversations().count(),
            "the spool knows other threads"
        );
        let kept: BTreeSet<_> = rows
            .messages
            .values()
            .filter(|m| m.direction == Direction::In)
            .map(|m| m.id)
            .collect();
        assert_eq!(kept, self.auditor.kept_texts, "a text is in one thread");
        for message in rows.messages.values() {
            assert!(rows.conversations.contains_key(&message.conversation));
        }
        for conversation in rows.conversations.values() {
            assert_eq!(
                conversation.claimed_by.is_some(),
                conversation.state == ConversationState::Claimed
            );
        }
    }

    /// What nobody answers comes before those who help out, as soon as one of them is there.
    fn hold_help(&self, conversation: &Conversation) {
        let TestDesk { router, rows, .. } = &self.desk;
        let queue = rows.plan.queue(conversation.queue).unwrap();
        let waits = conversation.waiting_since.is_some();
        if let Some(fallback) = queue.fallback
            && waits
            && conversation.rollover == Rollover::Home
            && router.is_online(fallback.queue)
        {
            let latest = self.desk.now.uptime + fallback.after.max(Fallback::AFTER);
            assert!(
                router.next_deadline().is_some_and(|due| due <= latest),
                "nobody looks for help"
            );
        }
    }
}
