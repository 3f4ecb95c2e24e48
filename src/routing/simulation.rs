//! Random histories of a desk, with the law held against it after every event.

#![allow(clippy::unwrap_used)]

mod steps;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::RngAlgorithm;

use super::test_desk::{ANA, BEN, TestDesk, elm};
use super::*;
use steps::{Life, OURS, PEERS, Step, WORDS, plan, step};

/// What the history must add up to, counted apart from the router.
#[derive(Default)]
struct Auditor {
    /// Automatic texts by peer, on both clocks.
    automatic: Vec<(String, GatewayId, Moment)>,
    /// How many of them went before the latest restart: the breaker knows nothing of those.
    before_restart: usize,
    /// Whether a line has told our own number.
    ours_known: bool,
    /// Patrons' texts that were not refused, and are not erased.
    kept_texts: BTreeSet<MessageId>,
    /// Telephones that said STOP, and not START since.
    out: BTreeSet<String>,
    /// Telephones that were forgotten since the latest restart, and before it.
    forgotten: BTreeSet<String>,
}

struct World {
    desk: TestDesk,
    auditor: Auditor,
}

impl World {
    fn new() -> Self {
        Self {
            desk: TestDesk::new(plan(0)),
            auditor: Auditor::default(),
        }
    }

    fn pick_conversation(&self, pick: usize) -> ConversationId {
        // The latest ones are the interesting ones; now and then one that is not there.
        let ids: Vec<_> = self.desk.rows.conversations.keys().rev().take(6).collect();
        match ids.get(pick % 7) {
            Some(&&id) => id,
            None => ConversationId(999_999),
        }
    }

    fn pick_message(&self, pick: usize, direction: Direction) -> (MessageId, ConversationId) {
        let messages = self.desk.rows.messages.values().rev();
        let ids: Vec<_> = messages
            .filter(|m| m.direction == direction)
            .take(8)
            .collect();
        match ids.get(pick % 9) {
            Some(message) => (message.id, message.conversation),
            None => (MessageId(999_999), ConversationId(1)),
        }
    }

    fn take(&mut self, step: Step) {
        let event = match step {
            Step::Text {
                gateway,
                peer,
                words,
                late_s,
            } => Event::TextArrived {
                gateway: GatewayId(gateway),
                from: PEERS[peer].into(),
                body: WORDS[words].into(),
                stamped_at: late_s
                    .map(|late_s| self.desk.now.wall - jiff::SignedDuration::from_secs(late_s)),
            },
            Step::Arrive(o) => {
                self.happen(Event::EndpointOpened {
                    operator: OperatorId(o),
                    endpoint: EndpointId(o),
                });
                Event::Presence {
                    operator: OperatorId(o),
                    show: Show::Available,
                }
            }
            Step::Vanish(o) => Event::EndpointClosed {
                operator: OperatorId(o),
                endpoint: EndpointId(o),
            },
            Step::Seen(o) => Event::Seen {
                operator: OperatorId(o),
            },
            Step::Show(o, show) => Event::Presence {
                operator: OperatorId(o),
                show: [Show::Available, Show::Away, Show::Offline][usize::from(show)],
            },
            Step::Send {
                operator,
                pick,
                empty,
            } => Event::Send {
                operator: OperatorId(operator),
                conversation: self.pick_conversation(pick),
                body: if empty { " " } else { "Yes, it is." }.into(),
                client_id: None,
            },
            Step::Claim(o, pick) => Event::Claim {
                operator: OperatorId(o),
                conversation: self.pick_conversation(pick),
            },
            Step::Release(o, pick) => Event::Release {
                operator: OperatorId(o),
                conversation: self.pick_conversation(pick),
            },
            Step::Close(o, pick) => Event::Close {
                operator: OperatorId(o),
                conversation: self.pick_conversation(pick),
            },
            Step::Transfer {
                operator,
                pick,
                queue,
                to,
            } => Event::Transfer {
                operator: OperatorId(operator),
                conversation: self.pick_conversation(pick),
                to: if queue {
                    TransferTarget::Queue(QueueId(to))
                } else {
                    TransferTarget::Operator(OperatorId(to))
                },
                note: "knows more".into(),
            },
            Step::Write { gateway, peer } => Event::Write {
                gateway: GatewayId(gateway),
                to: PEERS[peer].into(),
                body: "Your book is in.".into(),
            },
            Step::Deliver { pick, state } => {
                let (message, conversation) = self.pick_message(pick, Direction::Out);
                Event::Delivery {
                    message,
                    conversation,
                    state: [
                        DeliveryState::Received,
                        DeliveryState::Queued,
                        DeliveryState::Sending,
                        DeliveryState::Sent,
                        DeliveryState::Delivered,
                        DeliveryState::Failed,
                        DeliveryState::Unknown,
                    ][usize::from(state)],
                    reason: None,
                }
            }
            Step::Retry { operator, pick } => {
                let (message, conversation) = self.pick_message(pick, Direction::Out);
                Event::Retry {
                    operator: OperatorId(operator),
                    message,
                    conversation,
                }
            }
            Step::Amend { pick, words } => {
                let (message, conversation) = self.pick_message(pick, Direction::In);
                Event::TextAmended {
                    message,
                    conversation,
                    body: WORDS[words].into(),
                }
            }
            Step::Rearrange(number) => Event::Rearranged(plan(number)),
            Step::LineNumber => Event::LineNumber {
                number: OURS.into(),
            },
            Step::Outage { gateway, lasted_s } => Event::LineRestored {
                gateway: GatewayId(gateway),
                from: self.desk.now.wall - jiff::SignedDuration::from_secs(lasted_s),
                to: self.desk.now.wall,
            },
            Step::Jump(seconds) => {
                let by = jiff::SignedDuration::from_secs(seconds);
                self.desk.now.wall = self.desk.now.wall.checked_add(by).unwrap();
                return;
            }
            Step::Wait(seconds) => {
                let end = self.desk.now.uptime + std::time::Duration::from_secs(seconds);
                while self
                    .desk
                    .router
                    .next_deadline()
                    .is_some_and(|due| due <= end)
                {
                    self.until_deadline();
                }
                let left = (end - self.desk.now.uptime).as_secs();
                self.desk.wait(left);
                return;
            }
            Step::Deadline => {
                self.until_deadline();
                return;
            }
            Step::Batch(shared) => {
                self.desk.commit();
                self.desk.batch = shared.then(|| Box::new(self.desk.rows.clone()));
                return;
            }
            Step::Foresee { gateway, peer } => {
                self.desk.commit();
                let address = PEERS[peer].to_owned();
                self.desk.recall(Need::Patron(GatewayId(gateway), address));
                return;
            }
            Step::Restart => {
                self.restart();
                return;
            }
        };
        self.happen(event);
    }

    /// Waits exactly until the router wants to be woken.
    fn until_deadline(&mut self) {
        let Some(due) = self.desk.router.next_deadline() else {
            return;
        };
        let wait = due.saturating_sub(self.desk.now.uptime);
        let passed = jiff::SignedDuration::try_from(wait).unwrap();
        self.desk.now.wall += passed;
        self.desk.now.uptime += wait;
        self.happen(Event::Tick);
    }

    fn happen(&mut self, event: Event) {
        self.desk.look_up(&event);
        for need in self.desk.router.needs(&event) {
            let found = self.desk.rows.find(need);
            let nothing = (found.patron, found.conversation, found.message);
            assert_eq!(nothing, (None, None, None), "asked for again");
        }
        let router_before = self.desk.router.clone();
        let patrons = self.desk.rows.patrons.values();
        let opted_out = patrons.filter(|p| p.opted_out).map(|p| p.id).collect();
        match self.desk.try_do(event.clone()) {
            Ok(effects) => {
                self.audit(&event, &effects, &router_before, &opted_out);
                if event == Event::Tick {
                    let now = self.desk.now.uptime;
                    let next = self.desk.router.next_deadline();
                    assert!(next.is_none_or(|due| due > now), "overdue after a tick");
                }
            }
            Err(_) => assert_eq!(self.desk.router, router_before, "refused, yet changed"),
        }
        self.hold();
    }

    /// What every event must respect.
    fn audit(
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
            let phone = gateway.kind == GatewayKind::Sms
                && answerable(gateway.kind, from)
                && !(self.auditor.ours_known && from == OURS);
            if texts.is_empty() && !(phone && body == "FORGET") {
                assert_eq!(gateway.policy, OfflinePolicy::Refuse, "lost {body:?}");
                assert_ne!(gateway.kind, GatewayKind::Widget, "the page must be told");
            }
            match body.as_str() {
                "STOP" if phone => _ = self.auditor.out.insert(from.clone()),
                "start" if phone => _ = self.auditor.out.remove(from),
                "FORGET" if phone => {
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
            let rows = &self.desk.rows;
            let message = &rows.messages[message];
            let patron = rows.conversations[&message.conversation].patron;
            let patron = &rows.patrons[&patron];
            assert_eq!((&patron.address, patron.gateway), (to, *gateway));
            let kind = rows.plan.gateway(*gateway).unwrap().kind;
            assert!(answerable(kind, to), "sent to {to}");
            let was_out = opted_out.contains(&patron.id)
                || kind == GatewayKind::Sms && out_before.contains(to);
            assert!(
                !was_out || message.body.contains("opted back in"),
                "{effect:?}"
            );

            let by_hand = matches!(
                event,
                Event::Send { .. } | Event::Write { .. } | Event::Retry { .. }
            );
            if by_hand {
                continue;
            }
            assert_eq!(message.author, Author::Desk);
            assert!(
                !(self.auditor.ours_known && to == OURS),
                "sent to ourselves"
            );
            let earlier = self.auditor.automatic.iter().filter(|(peer, via, at)| {
                peer == to
                    && via == gateway
                    && now.wall.duration_since(at.wall).abs() < jiff::SignedDuration::from_hours(24)
            });
            assert!(earlier.count() < 3, "a fourth automatic text in a day");
            let hour = jiff::SignedDuration::from_hours(1);
            let since_restart = self
                .auditor
                .automatic
                .iter()
                .skip(self.auditor.before_restart);
            let lately = since_restart
                .filter(|(peer, _, at)| peer == to && (now.uptime - at.uptime).as_secs() < 3600);
            assert!(lately.count() < 10, "the breaker failed");
            let Some(words) = rows.patrons.get(&patron.id).map(|p| p.repeats) else {
                continue;
            };
            let recent = words
                .since
                .is_some_and(|since| now.wall.duration_since(since).abs() < hour);
            assert!(words.count < 3 || !recent, "answered a robot");
            self.auditor.automatic.push((to.clone(), *gateway, now));
        }
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
                        matches!(event, Event::Claim { .. } | Event::Send { .. })
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
    fn hold(&self) {
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
            assert_eq!(rows.conversations.get(&conversation.id), Some(conversation));
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

    /// A router built from the rows is the living one in all that lasts.
    fn restart(&mut self) {
        self.desk.batch = None;
        let living = self.desk.router.clone();
        self.desk.now.uptime = std::time::Duration::from_secs(1);
        let restored = Router::restore(self.desk.rows.restored(), self.desk.now);
        assert_eq!(
            restored.conversations().collect::<Vec<_>>(),
            living.conversations().collect::<Vec<_>>()
        );
        for conversation in living.conversations() {
            assert_eq!(
                restored.patron(conversation.patron),
                living.patron(conversation.patron)
            );
        }
        assert_eq!(
            restored.shows().collect::<Vec<_>>(),
            living.shows().collect::<Vec<_>>()
        );
        assert_eq!(
            restored.online().collect::<Vec<_>>(),
            living.online().collect::<Vec<_>>()
        );
        assert_eq!(restored.durable(), living.durable());
        self.desk.router = restored;
        self.auditor.ours_known = false;
        // Nothing at all is kept of a telephone that was forgotten, not even how often it was told.
        let forgotten = std::mem::take(&mut self.auditor.forgotten);
        let automatic = &mut self.auditor.automatic;
        automatic.retain(|(peer, ..)| !forgotten.contains(peer));
        self.auditor.before_restart = automatic.len();
        let effects = self.desk.does(Event::Tick);
        assert_eq!(effects, [], "a restart alone changes nothing");
        self.hold();
    }
}

fn cases() -> u32 {
    std::env::var("CALLNUMBER_DESK_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(2000)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        max_shrink_iters: 20_000,
        // The default one takes most of the time of a debug build, and secrets are none here.
        rng_algorithm: RngAlgorithm::XorShift,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_law_holds_whatever_happens(
        life in prop::collection::vec(step(), 1..64).prop_map(Life)
    ) {
        let mut world = World::new();
        for step in life.0 {
            world.take(step);
        }
        // In the end everyone comes, and whatever nobody took up is in front of them.
        for operator in 1..4 {
            world.take(Step::Arrive(operator));
        }
        world.take(Step::Wait(61));
        let router = &world.desk.router;
        for conversation in router.conversations() {
            let seen = conversation.claimed_by.is_some()
                || !router.offered_to(conversation.id).is_empty()
                || world.desk.rows.plan.queue(conversation.queue).is_none();
            prop_assert!(seen, "nobody sees {:?}", conversation);
        }
    }
}

#[test]
fn two_answer_at_the_same_instant() {
    for round in 0..1000 {
        let mut desk = TestDesk::new(elm());
        let (ana, ben) = (ANA, BEN);
        desk.arrives(ana);
        desk.arrives(ben);
        desk.text("+15551230100", "Is my book in?");
        let (first, second) = if round % 2 == 0 {
            (ana, ben)
        } else {
            (ben, ana)
        };
        let won = desk.send(first, 1, "first").unwrap();
        let claims = won.iter().filter(
            |effect| matches!(effect, Effect::KeepConversation(c) if c.claimed_by == Some(first)),
        );
        assert_eq!(claims.count(), 1);
        let name = if first == ana { "ana" } else { "ben" };
        let before = desk.router.clone();
        assert_eq!(
            desk.send(second, 1, "second"),
            Err(Refusal::AnsweredBy {
                by: name.into(),
                operator: first
            })
        );
        assert_eq!(desk.router, before);
        assert_eq!(desk.thread(1), ["Is my book in?", "first"]);
        assert_eq!(desk.rows.submitted.len(), 1);
    }
}
