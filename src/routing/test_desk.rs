//! A desk for tests: a router, a clock, and a spool that keeps rows as they are written.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::numbers::PatronNumber;

/// The rows the effects of a router come to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Rows {
    pub(super) plan: Plan,
    pub(super) patrons: BTreeMap<PatronId, Patron>,
    pub(super) conversations: BTreeMap<ConversationId, Conversation>,
    pub(super) messages: BTreeMap<MessageId, Message>,
    pub(super) notes: Vec<(ConversationId, String)>,
    pub(super) shows: BTreeMap<OperatorId, Show>,
    pub(super) closed_periods: BTreeMap<QueueId, i64>,
    pub(super) opted_out: BTreeSet<i64>,
    pub(super) outages: BTreeMap<GatewayId, (Timestamp, Timestamp)>,
    /// Conversations that were erased; none of them may come back.
    pub(super) erased: BTreeSet<ConversationId>,
    /// The greatest ids ever written: an id is never used again.
    pub(super) used: [i64; 3],
    pub(super) submitted: Vec<MessageId>,
}

impl Rows {
    /// Writes the rows among the effects, holding each against what is there.
    pub(super) fn keep(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect.clone() {
                Effect::KeepPatron(patron) => {
                    for other in self.patrons.values() {
                        assert!(
                            other.id == patron.id
                                || (other.name != patron.name
                                    && (other.gateway, &other.address)
                                        != (patron.gateway, &patron.address)),
                            "two patrons alike: {other:?}, {patron:?}"
                        );
                    }
                    self.used[2] = self.used[2].max(patron.id.0);
                    self.patrons.insert(patron.id, patron);
                }
                Effect::KeepConversation(conversation) => {
                    assert!(self.patrons.contains_key(&conversation.patron));
                    assert!(
                        !self.erased.contains(&conversation.id),
                        "an erased one is back"
                    );
                    assert_eq!(
                        conversation.closed_at.is_some(),
                        conversation.state == ConversationState::Closed
                    );
                    self.used[0] = self.used[0].max(conversation.id.0);
                    self.conversations.insert(conversation.id, conversation);
                }
                Effect::Record(message) => {
                    assert!(self.conversations.contains_key(&message.conversation));
                    self.used[1] = self.used[1].max(message.id.0);
                    let before = self.messages.insert(message.id, message);
                    assert_eq!(before, None, "a message id was used twice");
                }
                Effect::Reword { message, body, .. } => {
                    self.messages.get_mut(&message).unwrap().body = body;
                }
                Effect::React { message, mark, .. } => {
                    self.messages.get_mut(&message).unwrap().reaction = mark;
                }
                Effect::CountKeyword { conversation } => {
                    assert!(self.conversations.contains_key(&conversation));
                }
                Effect::SetDelivery {
                    message,
                    state,
                    reason,
                    ..
                } => {
                    let message = self.messages.get_mut(&message).unwrap();
                    message.state = state;
                    message.reason = reason;
                }
                Effect::Submit { message, body, .. } => {
                    assert_eq!(self.messages[&message].body, body);
                    self.submitted.push(message);
                }
                Effect::KeepShow { operator, show } => {
                    self.shows.insert(operator, show);
                }
                Effect::KeepClosedPeriod { queue, period } => {
                    self.closed_periods.insert(queue, period);
                }
                Effect::Note { conversation, text } => {
                    assert!(self.conversations.contains_key(&conversation));
                    self.notes.push((conversation, text));
                }
                Effect::Remark { conversation, .. } | Effect::Audit { conversation, .. } => {
                    assert!(self.conversations.contains_key(&conversation));
                }
                Effect::KeepConsent {
                    address,
                    fingerprints,
                    opted_out,
                } => {
                    match opted_out {
                        true => self.opted_out.extend(fingerprints),
                        false => self.opted_out.retain(|print| !fingerprints.contains(print)),
                    }
                    for patron in self.telephones(&address) {
                        self.patrons.get_mut(&patron).unwrap().opted_out = opted_out;
                    }
                }
                Effect::KeepOutage { gateway, from, to } => {
                    self.outages.insert(gateway, (from, to));
                }
                Effect::Forget {
                    whose,
                    spare,
                    by: _,
                } => {
                    for patron in self.known_as(&whose) {
                        let theirs = self.conversations.values().filter(|c| c.patron == patron);
                        let ids: Vec<_> = theirs.map(|c| c.id).collect();
                        for id in ids.into_iter().filter(|id| Some(*id) != spare) {
                            self.erase(id);
                        }
                        if self.conversations.values().all(|c| c.patron != patron) {
                            self.patrons.remove(&patron);
                        }
                    }
                }
                Effect::Erase { conversation } => {
                    let patron = self.conversations[&conversation].patron;
                    self.erase(conversation);
                    if self.conversations.values().all(|c| c.patron != patron) {
                        self.patrons.remove(&patron);
                    }
                }
                Effect::Offer { .. }
                | Effect::Withdraw { .. }
                | Effect::OperatorShows { .. }
                | Effect::QueueShows { .. } => {}
            }
        }
    }

    fn known_as(&self, whose: &Whose) -> Vec<PatronId> {
        let theirs = |patron: &&Patron| {
            let gateway = self.plan.gateway(patron.gateway).unwrap();
            patron.address == *whose.address() && whose.is_of(gateway.kind)
        };
        self.patrons.values().filter(theirs).map(|p| p.id).collect()
    }

    fn telephones(&self, address: &PatronNumber) -> Vec<PatronId> {
        let texted = |patron: &&Patron| {
            let gateway = self.plan.gateway(patron.gateway).unwrap();
            patron.address == *address && gateway.kind == GatewayKind::Sms
        };
        self.patrons.values().filter(texted).map(|p| p.id).collect()
    }

    fn erase(&mut self, id: ConversationId) {
        self.conversations.remove(&id);
        self.erased.insert(id);
        self.messages
            .retain(|_, message| message.conversation != id);
        self.notes.retain(|(of, _)| *of != id);
    }

    /// The look-up the router's owner makes.
    pub(super) fn find(&self, need: Need) -> Recalled {
        let (mut patron, mut conversation, mut message) = (None, None, None);
        let mut said = Vec::new();
        match &need {
            Need::Patron(gateway, address) => {
                patron = self
                    .patrons
                    .values()
                    .find(|p| p.gateway == *gateway && p.address == *address)
                    .cloned();
                conversation = patron.as_ref().and_then(|patron: &Patron| {
                    let mut theirs = self.conversations.values();
                    theirs.rfind(|c| c.patron == patron.id).cloned()
                });
            }
            Need::Conversation(id) => {
                conversation = self.conversations.get(id).cloned();
                patron = conversation
                    .as_ref()
                    .map(|c: &Conversation| self.patrons[&c.patron].clone());
            }
            Need::Message(id) => message = self.messages.get(id).cloned(),
            Need::Said(gateway, address) => {
                let is_theirs = |message: &&Message| {
                    let patron = self.conversations[&message.conversation].patron;
                    let patron = &self.patrons[&patron];
                    patron.gateway == *gateway && patron.address == *address
                };
                let out = self.messages.values().rev();
                let out = out.filter(|message| message.direction == Direction::Out);
                said = out.filter(is_theirs).take(40).cloned().collect();
            }
        }
        Recalled {
            need,
            patron,
            conversation,
            message,
            said,
        }
    }

    /// What a router is built from after a restart.
    pub(super) fn restored(&self) -> Restored {
        let conversations: Vec<_> = self
            .conversations
            .values()
            .filter(|c| c.state != ConversationState::Closed)
            .cloned()
            .collect();
        let patrons = self.patrons.values();
        let patrons = patrons.filter(|p| conversations.iter().any(|c| c.patron == p.id));
        Restored {
            plan: self.plan.clone(),
            patrons: patrons.cloned().collect(),
            shows: self.shows.iter().map(|(&o, &s)| (o, s)).collect(),
            closed_periods: self.closed_periods.iter().map(|(&q, &p)| (q, p)).collect(),
            opted_out: self.opted_out.iter().copied().collect(),
            opted_out_addresses: Vec::new(),
            outages: self
                .outages
                .iter()
                .map(|(&g, &(from, to))| (g, from, to))
                .collect(),
            next_conversation: self.used[0] + 1,
            next_message: self.used[1] + 1,
            next_patron: self.used[2] + 1,
            conversations,
            seed: 7,
            keys: crate::numbers::NumberKey::from([7; 32]).into(),
        }
    }
}

pub(super) const DESK: QueueId = QueueId(1);
pub(super) const KIDS: QueueId = QueueId(2);
pub(super) const LINE: GatewayId = GatewayId(1);
pub(super) const KIDS_LINE: GatewayId = GatewayId(2);
pub(super) const WIDGET: GatewayId = GatewayId(3);
pub(super) const IM: GatewayId = GatewayId(4);
pub(super) const ANA: OperatorId = OperatorId(1);
pub(super) const BEN: OperatorId = OperatorId(2);
pub(super) const CAL: OperatorId = OperatorId(3);

/// A gateway in use with its kind's policy.
pub(super) fn gateway(id: GatewayId, kind: GatewayKind, queue: QueueId) -> Gateway {
    Gateway::new(id, format!("gateway-{id}"), kind, queue)
}

/// Ana and Ben answer the desk; Ben and Cal answer the kids' desk.
pub(super) fn elm() -> Plan {
    let operator = |id, name: &str, queues: &[QueueId]| Operator {
        id,
        name: name.into(),
        role: Role::Operator,
        queues: queues.to_vec(),
    };
    Plan {
        library: Library {
            name: "Elm".into(),
            urgent: Some("555-0100".into()),
            ..Library::default()
        },
        queues: vec![Queue::new(DESK, "desk"), Queue::new(KIDS, "kids")],
        gateways: vec![
            gateway(LINE, GatewayKind::Sms, DESK),
            gateway(KIDS_LINE, GatewayKind::Sms, KIDS),
            gateway(WIDGET, GatewayKind::Widget, DESK),
            gateway(IM, GatewayKind::Im, DESK),
        ],
        operators: vec![
            operator(ANA, "ana", &[DESK]),
            operator(BEN, "ben", &[DESK, KIDS]),
            operator(CAL, "cal", &[KIDS]),
        ],
    }
}

/// A router with its owner's duties done for it.
#[derive(Debug, Clone)]
pub(super) struct TestDesk {
    pub(super) router: Router,
    pub(super) rows: Rows,
    pub(super) now: Moment,
    /// What is on disk, while several events share a commit: look-ups see this.
    pub(super) batch: Option<Box<Rows>>,
    /// Effects that are lost on their way to the disk: a fault, planted on purpose.
    pub(super) loses: fn(&Effect) -> bool,
}

impl TestDesk {
    pub(super) fn new(plan: Plan) -> Self {
        let rows = Rows {
            plan,
            ..Rows::default()
        };
        let now = Moment {
            wall: "2026-03-02T09:00:00Z".parse::<Timestamp>().unwrap(),
            uptime: Duration::from_secs(5),
        };
        let mut desk = Self {
            router: Router::restore(rows.restored(), now),
            rows,
            now,
            batch: None,
            loses: |_| false,
        };
        assert_eq!(desk.wait(0), []);
        desk
    }

    /// Puts everything decided on disk.
    pub(super) fn commit(&mut self) {
        if let Some(disk) = &mut self.batch {
            **disk = self.rows.clone();
        }
        self.router.committed();
    }

    /// Answers a need from what is on disk.
    pub(super) fn recall(&mut self, need: Need) {
        let disk = self.batch.as_deref().unwrap_or(&self.rows);
        self.router.recall(disk.find(need));
    }

    /// Looks up what an event needs; what was decided before is committed first.
    pub(super) fn look_up(&mut self, event: &Event) {
        let needs = self.router.needs(event);
        if !needs.is_empty() {
            self.commit();
        }
        for need in self.router.needs(event) {
            self.recall(need);
        }
    }

    /// Looks up what is needed, decides, and commits.
    pub(super) fn try_do(&mut self, event: Event) -> Result<Vec<Effect>, Refusal> {
        self.look_up(&event);
        if let Event::Rearranged(plan) = &event {
            self.rows.plan = plan.clone();
            self.rows
                .shows
                .retain(|&operator, _| plan.operator(operator).is_some());
            self.rows.outages.retain(|&gateway, _| {
                let gateway = plan.gateway(gateway);
                gateway.is_some_and(|gateway| !gateway.removed)
            });
            self.rows
                .closed_periods
                .retain(|&queue, _| plan.queue(queue).is_some());
        }
        let mut effects = self.router.handle(event, self.now)?;
        effects.retain(|effect| !(self.loses)(effect));
        self.rows.keep(&effects);
        if self.batch.is_none() {
            self.commit();
        }
        Ok(effects)
    }

    pub(super) fn does(&mut self, event: Event) -> Vec<Effect> {
        self.try_do(event).unwrap()
    }

    /// Lets seconds go by, waking the router whenever it wants to be woken.
    pub(super) fn wait(&mut self, seconds: u64) -> Vec<Effect> {
        let end = self.now.uptime + Duration::from_secs(seconds);
        let mut effects = Vec::new();
        while let Some(due) = self.router.next_deadline().filter(|&due| due <= end) {
            self.pass_to(due.max(self.now.uptime));
            effects.extend(self.does(Event::Tick));
        }
        self.pass_to(end);
        effects
    }

    fn pass_to(&mut self, uptime: Duration) {
        let passed = SignedDuration::try_from(uptime - self.now.uptime).unwrap();
        self.now = Moment {
            wall: self.now.wall + passed,
            uptime,
        };
    }

    pub(super) fn text(&mut self, from: &str, body: &str) -> Vec<Effect> {
        self.does(text(LINE, from, body))
    }

    /// Opens an endpoint and is available.
    pub(super) fn arrives(&mut self, operator: OperatorId) -> Vec<Effect> {
        self.does(Event::EndpointOpened {
            operator,
            endpoint: EndpointId(operator.0),
        });
        self.shows(operator, Show::Available)
    }

    /// Signs out and shuts the browser.
    pub(super) fn goes(&mut self, operator: OperatorId) -> Vec<Effect> {
        let effects = self.shows(operator, Show::Offline);
        self.vanishes(operator);
        effects
    }

    /// The browser dies.
    pub(super) fn vanishes(&mut self, operator: OperatorId) -> Vec<Effect> {
        self.does(Event::EndpointClosed {
            operator,
            endpoint: EndpointId(operator.0),
        })
    }

    pub(super) fn shows(&mut self, operator: OperatorId, show: Show) -> Vec<Effect> {
        self.does(Event::Presence { operator, show })
    }

    pub(super) fn send(
        &mut self,
        operator: OperatorId,
        conversation: i64,
        body: &str,
    ) -> Result<Vec<Effect>, Refusal> {
        self.try_do(send(operator, conversation, body))
    }

    pub(super) fn claim(
        &mut self,
        operator: OperatorId,
        conversation: i64,
    ) -> Result<Vec<Effect>, Refusal> {
        self.try_do(Event::act(
            operator,
            ConversationId(conversation),
            Act::Claim,
        ))
    }

    pub(super) fn close(
        &mut self,
        operator: OperatorId,
        conversation: i64,
    ) -> Result<Vec<Effect>, Refusal> {
        self.try_do(Event::act(
            operator,
            ConversationId(conversation),
            Act::Close,
        ))
    }

    pub(super) fn release(
        &mut self,
        operator: OperatorId,
        conversation: i64,
    ) -> Result<Vec<Effect>, Refusal> {
        self.try_do(Event::act(
            operator,
            ConversationId(conversation),
            Act::Release,
        ))
    }

    pub(super) fn transfer(
        &mut self,
        operator: OperatorId,
        conversation: i64,
        to: TransferTarget,
        note: &str,
    ) -> Result<Vec<Effect>, Refusal> {
        self.try_do(Event::act(
            operator,
            ConversationId(conversation),
            Act::Transfer {
                to,
                note: note.into(),
            },
        ))
    }

    pub(super) fn conversation(&self, id: i64) -> &Conversation {
        &self.rows.conversations[&ConversationId(id)]
    }

    pub(super) fn state(&self, id: i64) -> ConversationState {
        self.conversation(id).state
    }

    /// The thread's words, in order.
    pub(super) fn thread(&self, id: i64) -> Vec<&str> {
        let messages = self.rows.messages.values();
        messages
            .filter(|m| m.conversation.0 == id)
            .map(|m| m.body.as_str())
            .collect()
    }

    /// The power goes and comes back: only the rows are left.
    pub(super) fn restarts(&mut self) -> Vec<Effect> {
        self.now.uptime = Duration::from_secs(5);
        self.router = Router::restore(self.rows.restored(), self.now);
        self.wait(0)
    }
}

pub(super) fn text(gateway: GatewayId, from: &str, body: &str) -> Event {
    Event::TextArrived {
        gateway,
        from: from.into(),
        body: body.into(),
        stamped_at: None,
    }
}

pub(super) fn send(operator: OperatorId, conversation: i64, body: &str) -> Event {
    Event::act(operator, ConversationId(conversation), Act::send(body))
}

/// The bells among the effects, in words.
pub(super) fn bells(effects: &[Effect]) -> Vec<String> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Offer { conversation, to } => Some(format!("offer {conversation} to {to}")),
            Effect::Withdraw {
                conversation,
                from,
                reason,
            } => Some(format!("withdraw {conversation} from {from}: {reason}")),
            Effect::OperatorShows { operator, show } => {
                Some(format!("{operator} is {}", show.word()))
            }
            Effect::QueueShows { queue, online } => Some(format!("queue {queue} online: {online}")),
            _ => None,
        })
        .collect()
}

/// What goes out, with the address it goes to.
pub(super) fn submits(effects: &[Effect]) -> Vec<(String, String)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Submit { to, body, .. } => Some((to.to_string(), body.clone())),
            _ => None,
        })
        .collect()
}

/// The lines from the desk to the operators.
pub(super) fn notes(effects: &[Effect]) -> Vec<String> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Note { text, .. } => Some(text.clone()),
            _ => None,
        })
        .collect()
}
