//! Random histories of a desk, with the law held against it after every event.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::RngAlgorithm;

use super::test_desk::{ANA, BEN, TestDesk, elm, gateway};
use super::*;

/// Telephones, one in another form, a service and a name.
const PEERS: [&str; 6] = [
    "+15551230100",
    "+15551230101",
    "+15551230102",
    "5551230103",
    "22000",
    "INFO",
];
const WORDS: [&str; 10] = [
    "Is my book in?",
    "hello",
    "hello",
    "STOP",
    "start",
    "help",
    "please stop texting me",
    "",
    "thanks",
    "When do you open?",
];
/// Our own number, once a line has told it.
const OURS: &str = "+15551230102";

/// One thing that happens. Numbers pick from what there is at the time.
#[derive(Debug, Clone)]
enum Step {
    Text {
        gateway: i64,
        peer: usize,
        words: usize,
    },
    Arrive(i64),
    Vanish(i64),
    Seen(i64),
    Show(i64, u8),
    Send {
        operator: i64,
        pick: usize,
        empty: bool,
    },
    Claim(i64, usize),
    Release(i64, usize),
    Close(i64, usize),
    Transfer {
        operator: i64,
        pick: usize,
        queue: bool,
        to: i64,
    },
    Write {
        gateway: i64,
        peer: usize,
    },
    Deliver {
        pick: usize,
        state: u8,
    },
    Retry {
        operator: i64,
        pick: usize,
    },
    Amend {
        pick: usize,
        words: usize,
    },
    Rearrange(u8),
    LineNumber,
    Wait(u64),
    Deadline,
    Restart,
    /// From here on several events share a commit, or each has its own.
    Batch(bool),
    /// What one text needs is looked up ahead of its time.
    Foresee {
        gateway: i64,
        peer: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let operator = 1..5_i64;
    let pick = 0..64_usize;
    prop_oneof![
        12 => (1..6_i64, 0..PEERS.len(), 0..WORDS.len())
            .prop_map(|(gateway, peer, words)| Step::Text { gateway, peer, words }),
        5 => operator.clone().prop_map(Step::Arrive),
        3 => operator.clone().prop_map(Step::Vanish),
        1 => operator.clone().prop_map(Step::Seen),
        5 => (operator.clone(), 0..3_u8).prop_map(|(o, s)| Step::Show(o, s)),
        8 => (operator.clone(), pick.clone(), prop::bool::weighted(0.05))
            .prop_map(|(operator, pick, empty)| Step::Send { operator, pick, empty }),
        4 => (operator.clone(), pick.clone()).prop_map(|(o, p)| Step::Claim(o, p)),
        2 => (operator.clone(), pick.clone()).prop_map(|(o, p)| Step::Release(o, p)),
        3 => (operator.clone(), pick.clone()).prop_map(|(o, p)| Step::Close(o, p)),
        4 => (operator.clone(), pick.clone(), any::<bool>(), 1..5_i64)
            .prop_map(|(operator, pick, queue, to)| Step::Transfer { operator, pick, queue, to }),
        1 => (1..6_i64, 0..PEERS.len()).prop_map(|(gateway, peer)| Step::Write { gateway, peer }),
        4 => (pick.clone(), 0..7_u8).prop_map(|(pick, state)| Step::Deliver { pick, state }),
        1 => (operator, pick.clone()).prop_map(|(operator, pick)| Step::Retry { operator, pick }),
        1 => (pick, 0..WORDS.len()).prop_map(|(pick, words)| Step::Amend { pick, words }),
        2 => any::<u8>().prop_map(Step::Rearrange),
        1 => Just(Step::LineNumber),
        6 => prop_oneof![0..10_u64, 20..100_u64, 100..4000_u64, 20_000..200_000_u64]
            .prop_map(Step::Wait),
        5 => Just(Step::Deadline),
        1 => Just(Step::Restart),
        2 => any::<bool>().prop_map(Step::Batch),
        2 => (1..6_i64, 0..PEERS.len())
            .prop_map(|(gateway, peer)| Step::Foresee { gateway, peer }),
    ]
}

/// Plans a desk may be rearranged to.
fn plan(number: u8) -> Plan {
    let mut plan = elm();
    let bit = |n: u8| number & (1 << n) != 0;
    plan.gateways
        .push(gateway(GatewayId(5), GatewayKind::Sms, QueueId(2)));
    for gateway in &mut plan.gateways {
        if bit(0) && gateway.id == GatewayId(1) {
            gateway.queue = QueueId(2);
        }
        if bit(1) && gateway.id == GatewayId(2) {
            gateway.policy = OfflinePolicy::Refuse;
        }
        if bit(2) && gateway.id == GatewayId(3) {
            gateway.policy = OfflinePolicy::Hold;
        }
        if bit(3) && gateway.id == GatewayId(1) {
            gateway.removed = true;
        }
        if bit(4) && gateway.id == GatewayId(4) {
            gateway.wording.insert(Notice::Closed, "Zzz".into());
        }
    }
    if bit(5) {
        plan.operators.remove(0);
    }
    if bit(6) {
        plan.operators.last_mut().unwrap().queues = vec![QueueId(1)];
    }
    if bit(7) {
        plan.queues.pop();
        for gateway in &mut plan.gateways {
            gateway.queue = QueueId(1);
        }
    }
    plan
}

/// What the history must add up to, counted apart from the router.
#[derive(Default)]
struct Auditor {
    /// Automatic texts by peer, on both clocks.
    automatic: Vec<(String, GatewayId, Moment)>,
    /// Whether a line has told our own number.
    ours_known: bool,
    /// Patrons' texts that were not refused.
    kept_texts: usize,
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
            } => Event::TextArrived {
                gateway: GatewayId(gateway),
                from: PEERS[peer].into(),
                body: WORDS[words].into(),
                stamped_at: None,
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
        let texts = effects
            .iter()
            .filter(|effect| matches!(effect, Effect::Record(m) if m.direction == Direction::In));
        match (event, texts.count()) {
            (Event::TextArrived { .. }, n) => {
                assert!(n <= 1);
                self.auditor.kept_texts += n;
                let Event::TextArrived { gateway, body, .. } = event else {
                    return;
                };
                let gateway = self.desk.rows.plan.gateway(*gateway).unwrap();
                if n == 0 {
                    assert_eq!(gateway.policy, OfflinePolicy::Refuse, "lost {body:?}");
                    assert_ne!(gateway.kind, GatewayKind::Widget, "the page must be told");
                }
            }
            (_, n) => assert_eq!(n, 0),
        }
        self.audit_submits(event, effects, opted_out, now);
        self.audit_claims(event, effects, before);
        self.audit_bells(effects);
    }

    fn audit_submits(
        &mut self,
        event: &Event,
        effects: &[Effect],
        opted_out: &BTreeSet<PatronId>,
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
            let was_out = opted_out.contains(&patron.id);
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
                    && now.wall.duration_since(at.wall) < jiff::SignedDuration::from_hours(24)
            });
            assert!(earlier.count() < 3, "a fourth automatic text in a day");
            let hour = jiff::SignedDuration::from_hours(1);
            let lately = self
                .auditor
                .automatic
                .iter()
                .filter(|(peer, _, at)| peer == to && now.wall.duration_since(at.wall) < hour);
            assert!(lately.count() < 10, "the breaker failed");
            let Some(words) = rows.patrons.get(&patron.id).map(|p| p.repeats) else {
                continue;
            };
            let recent = words
                .since
                .is_some_and(|since| now.wall.duration_since(since) < hour);
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
            match conversation.claimed_by {
                None => {
                    assert_eq!(conversation.transfer, None);
                    let all = &available[&conversation.queue];
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
                    assert!(operator.queues.contains(&conversation.queue));
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
        let kept = rows
            .messages
            .values()
            .filter(|m| m.direction == Direction::In)
            .count();
        assert_eq!(kept, self.auditor.kept_texts, "a text is in one thread");
        for conversation in rows.conversations.values() {
            assert_eq!(
                conversation.claimed_by.is_some(),
                conversation.state == ConversationState::Claimed
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
    fn the_law_holds_whatever_happens(steps in prop::collection::vec(step(), 1..64)) {
        let mut world = World::new();
        for step in steps {
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
