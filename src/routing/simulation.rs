//! Random histories of a desk, with the law held against it after every event.

#![allow(clippy::unwrap_used)]

mod audit;
mod planted;
mod steps;

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestCaseError};

use super::test_desk::{ANA, BEN, TestDesk, elm};
use super::*;
use audit::Auditor;
use steps::{Life, OURS, PEERS, Step, WORDS, plan, step};

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
                by_hand: o % 2 == 0,
            },
            Step::Show(o, show) => Event::Presence {
                operator: OperatorId(o),
                show: [Show::Available, Show::Away, Show::Offline][usize::from(show)],
            },
            Step::Send {
                operator,
                pick,
                empty,
            } => Event::act(
                OperatorId(operator),
                self.pick_conversation(pick),
                Act::Send {
                    body: if empty { " " } else { "Yes, it is." }.into(),
                    client_id: None,
                },
            ),
            Step::Claim(o, pick) => {
                Event::act(OperatorId(o), self.pick_conversation(pick), Act::Claim)
            }
            Step::Release(o, pick) => {
                Event::act(OperatorId(o), self.pick_conversation(pick), Act::Release)
            }
            Step::Return(o, pick) => {
                Event::act(OperatorId(o), self.pick_conversation(pick), Act::Return)
            }
            Step::CallBack(pick) => Event::act(
                Actor::Peer,
                self.pick_conversation(pick),
                Act::CallBack {
                    reason: "answered by zoe (elsewhere)".into(),
                },
            ),
            Step::Close(o, pick) => {
                Event::act(OperatorId(o), self.pick_conversation(pick), Act::Close)
            }
            Step::Transfer {
                operator,
                pick,
                queue,
                to,
            } => Event::act(
                OperatorId(operator),
                self.pick_conversation(pick),
                Act::Transfer {
                    to: if queue {
                        TransferTarget::Queue(QueueId(to))
                    } else {
                        TransferTarget::Operator(OperatorId(to))
                    },
                    note: "knows more".into(),
                },
            ),
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
                Event::act(OperatorId(operator), conversation, Act::Retry { message })
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
                line: "front-desk".into(),
                number: Some(OURS.into()),
                imsi: None,
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
                let call = Event::CallMissed {
                    gateway: GatewayId(gateway),
                    from: PEERS[peer].to_owned(),
                };
                for need in self.desk.router.needs(&call) {
                    self.desk.recall(need);
                }
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
        assert_eq!(
            restored.durable(),
            living.durable(),
            "after a restart the desk remembers something else"
        );
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
        life in life()
    ) {
        live(World::new(), life)?;
    }
}

/// Any life of a desk.
fn life() -> impl Strategy<Value = Life> {
    prop::collection::vec(step(), 1..64).prop_map(Life)
}

/// Lives it to the end, with the law held against every step.
fn live(mut world: World, life: Life) -> Result<(), TestCaseError> {
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
    Ok(())
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
