//! The door of the room: events in, effects out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::actor::Actor;
use super::alarms::{Alarm, Alarms};
use super::automatic::Breaker;
use super::effect::Effect;
use super::event::{Event, Moment, Show};
use super::forgetting::Ghosts;
use super::ids::{ConversationId, GatewayId, MessageId, OperatorId, PatronId, QueueId};
use super::ledger::Ledger;
use super::memory::Memory;
use super::need::{Need, Recalled};
use super::optouts::OptOuts;
use super::outages::Outage;
use super::plan::{Operator, Plan};
use super::presence::Staff;
use super::pseudonym::pseudonym;
use super::record::{
    Author, Conversation, ConversationState, DeliveryState, Direction, Message, Patron, Repeats,
};
use super::refusal::Refusal;
use super::start_conversation::Beginning;
use super::threads::Threads;

/// What the spool remembers, as the router starts.
#[derive(Debug, Clone, Default)]
pub struct Restored {
    /// The plan in force.
    pub plan: Plan,
    /// Every conversation that is not closed.
    pub conversations: Vec<Conversation>,
    /// Their patrons.
    pub patrons: Vec<Patron>,
    /// Operators' own words on their presence.
    pub shows: Vec<(OperatorId, Show)>,
    /// The number of each queue's latest closed period.
    pub closed_periods: Vec<(QueueId, i64)>,
    /// Fingerprints of telephones that opted out.
    pub opted_out: Vec<i64>,
    /// Telephones that opted out before fingerprints were kept.
    pub opted_out_addresses: Vec<String>,
    /// The latest outage of each gateway's line: since when, and until when.
    pub outages: Vec<(GatewayId, Timestamp, Timestamp)>,
    /// An id greater than every conversation's.
    pub next_conversation: i64,
    /// An id greater than every message's.
    pub next_message: i64,
    /// An id greater than every patron's.
    pub next_patron: i64,
    /// Made with the spool and never changed: shown names are unique for one seed.
    pub seed: u64,
}

/// What a restart must give back beside the threads.
#[cfg(test)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Durable {
    pub(crate) periods: BTreeMap<QueueId, i64>,
    pub(crate) next: [i64; 3],
    pub(crate) opted_out: BTreeSet<i64>,
    pub(crate) outages: Vec<(GatewayId, Timestamp, Timestamp)>,
}

/// The law of the desk at work: who is there, what is open, what is due.
///
/// Keeps open threads in memory, and of everything else only what has not been committed yet.
/// Equal routers decide alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Router {
    pub(super) plan: Plan,
    pub(super) staff: Staff,
    pub(super) threads: Threads,
    pub(super) memory: Memory,
    pub(super) alarms: Alarms,
    pub(super) breaker: Breaker,
    pub(super) closed_periods: BTreeMap<QueueId, i64>,
    pub(super) opt_outs: OptOuts,
    pub(super) outages: BTreeMap<GatewayId, Outage>,
    pub(super) ghosts: Ghosts,
    next_conversation: i64,
    next_message: i64,
    next_patron: i64,
    pub(super) seed: u64,
}

impl Router {
    /// The router as the spool remembers it.
    ///
    /// Operators who had not left, and those who answer something, are given the time of a lease
    /// to open an endpoint again: a restart sends nobody home (clause 5). Timers of a minute or
    /// three begin anew. [`next_deadline`](Self::next_deadline) is due at once, for what the spool
    /// says may not fit the plan any more.
    pub fn restore(restored: Restored, now: Moment) -> Self {
        let Restored {
            plan,
            conversations,
            patrons,
            shows,
            closed_periods,
            opted_out,
            opted_out_addresses,
            outages,
            next_conversation,
            next_message,
            next_patron,
            seed,
        } = restored;
        let mut router = Self {
            plan,
            staff: Staff::default(),
            threads: Threads::default(),
            memory: Memory::default(),
            alarms: Alarms::default(),
            breaker: Breaker::default(),
            closed_periods: closed_periods.into_iter().collect(),
            ghosts: Ghosts::default(),
            opt_outs: OptOuts::restore(opted_out, opted_out_addresses, seed),
            outages: outages
                .into_iter()
                .map(|(gateway, from, to)| (gateway, Outage { from, to }))
                .collect(),
            next_conversation,
            next_message,
            next_patron,
            seed,
        };
        let open = conversations
            .iter()
            .filter(|conversation| conversation.state != ConversationState::Closed);
        let open: BTreeSet<_> = open.map(|conversation| conversation.patron).collect();
        for patron in patrons {
            let id = patron.id;
            router.memory.insert_patron(patron);
            // At once: there may be more of them than the shelf has room for.
            if open.contains(&id) {
                router.memory.hold(id);
            }
        }
        for conversation in conversations {
            if conversation.state != ConversationState::Closed {
                router.threads.insert(conversation);
            }
        }
        router.memory.clear_shelf();
        router.restore_staff(shows, now);
        router.restore_alarms(now);
        router
    }

    fn restore_alarms(&mut self, now: Moment) {
        self.alarms.set(Alarm::Mend, now.uptime);
        let handovers: Vec<_> = self.threads.in_transfer().map(|c| c.id).collect();
        for id in handovers {
            self.alarms.set(
                Alarm::Transfer(id),
                now.uptime + super::transfers::ACCEPT_WITHIN,
            );
        }
        let online: Vec<_> = self.online().collect();
        for queue in online {
            let unclaimed: Vec<_> = self.threads.unclaimed(queue).collect();
            for id in unclaimed {
                self.await_notice(id, now);
            }
        }
        let unclaimed = self.threads.iter().filter(|c| c.claimed_by.is_none());
        let unclaimed: Vec<_> = unclaimed.map(|c| c.id).collect();
        for id in unclaimed {
            self.expect_help(id, now);
        }
    }

    /// What must be looked up and [recalled](Self::recall) before the event is handled.
    ///
    /// The rows of every event handled before must be visible to the look-up, or still be with the
    /// router because [`committed`](Self::committed) was not called since.
    pub fn needs(&self, event: &Event) -> Vec<Need> {
        let unknown = |need: &Need| match need {
            Need::Conversation(id) => self.conversation(*id).is_none(),
            Need::Message(id) => self.memory.message(*id).is_none(),
            Need::Patron(gateway, address) => {
                let known = self.memory.patron_at(*gateway, address);
                !known.is_some_and(|patron| {
                    self.threads.of_patron(patron.id).is_some() || self.memory.is_settled(patron.id)
                })
            }
        };
        let patron = |gateway: GatewayId, address: &str| {
            let need = Need::Patron(gateway, address.to_owned());
            unknown(&need).then_some(need).into_iter().collect()
        };
        match event {
            Event::TextArrived { gateway, from, .. }
            | Event::PictureArrived { gateway, from, .. }
            | Event::CallMissed { gateway, from } => patron(*gateway, from),
            Event::Write { gateway, to, .. } | Event::Begin { gateway, to, .. } => {
                patron(*gateway, &super::answers::dialled(to))
            }
            Event::Act { on, act, .. } => act.needs(*on).filter(unknown).collect(),
            Event::Delivery {
                message,
                conversation,
                ..
            } => {
                let needs = [Need::Conversation(*conversation), Need::Message(*message)];
                needs.into_iter().filter(unknown).collect()
            }
            Event::TextAmended { message, .. } => {
                let need = Need::Message(*message);
                unknown(&need).then_some(need).into_iter().collect()
            }
            Event::Rearranged(_)
            | Event::EndpointOpened { .. }
            | Event::EndpointClosed { .. }
            | Event::Seen { .. }
            | Event::Presence { .. }
            | Event::LineNumber { .. }
            | Event::LineRestored { .. }
            | Event::Tick => Vec::new(),
        }
    }

    /// The answer to a [`Need`]. What the router knows already it knows better.
    pub fn recall(&mut self, recalled: Recalled) {
        let Recalled {
            need,
            patron,
            conversation,
            message,
        } = recalled;
        if let Some(message) = message
            && self.memory.message(message.id).is_none()
        {
            self.memory.shelve_message(message);
        }
        let Some(mut patron) = patron else {
            return;
        };
        patron.opted_out |= self.is_opted_out(patron.gateway, &patron.address);
        if let Some(conversation) = conversation
            && conversation.state == ConversationState::Closed
            && conversation.patron == patron.id
            && self.memory.closed(conversation.id).is_none()
            && self.threads.get(conversation.id).is_none()
        {
            self.memory.shelve(conversation);
        }
        let id = patron.id;
        if self.memory.patron(id).is_none() {
            self.memory.insert_patron(patron);
        }
        match need {
            Need::Patron(..) => self.memory.settle(id),
            Need::Conversation(_) | Need::Message(_) => {}
        }
    }

    /// Everything decided so far is on disk: closed threads and single messages are let go of, to
    /// be asked for again when needed. Without it the router keeps the latest few thousand.
    pub fn committed(&mut self) {
        self.memory.clear_shelf();
    }

    /// Decides.
    ///
    /// # Errors
    /// Why the wish was not granted; then nothing has changed.
    pub fn handle(&mut self, event: Event, now: Moment) -> Result<Vec<Effect>, Refusal> {
        let mut ledger = Ledger::default();
        let l = &mut ledger;
        let mut several = false;
        match event {
            Event::Rearranged(plan) => self.rearrange(plan, now, l),
            Event::TextArrived {
                gateway,
                from,
                body,
                stamped_at,
            } => self.take_text(gateway, &from, body, stamped_at, now, l)?,
            Event::PictureArrived {
                gateway,
                from,
                stamped_at,
            } => self.take_picture(gateway, &from, stamped_at, now, l)?,
            Event::CallMissed { gateway, from } => self.miss_call(gateway, &from, now, l)?,
            Event::TextAmended {
                message,
                conversation,
                body,
            } => self.amend_text(message, conversation, body, l)?,
            Event::EndpointOpened { operator, endpoint } => {
                self.operator(operator)?;
                self.open_endpoint(operator, endpoint, now);
            }
            Event::EndpointClosed { operator, endpoint } => {
                self.close_endpoint(operator, endpoint, now);
            }
            Event::Seen { operator } => {
                self.operator(operator)?;
                self.see(operator, now);
            }
            Event::Presence { operator, show } => {
                self.operator(operator)?;
                self.set_show(operator, show, now, l);
            }
            Event::Act { by, on, act } => self.act(by, on, act, now, l)?,
            Event::Begin {
                by,
                operator,
                gateway,
                to,
                body,
                client_id,
            } => {
                let beginning = Beginning {
                    by,
                    operator,
                    gateway,
                    to,
                    body,
                    client_id,
                };
                self.start(beginning, now, l)?;
            }
            Event::Write { gateway, to, body } => self.write(gateway, &to, body, now, l)?,
            Event::Delivery {
                message,
                conversation,
                state,
                reason,
            } => self.deliver(message, conversation, state, reason, l)?,
            Event::LineNumber { number } => self.breaker.know(number),
            Event::LineRestored { gateway, from, to } => self.restore_line(gateway, from, to, l)?,
            Event::Tick => {
                several = true;
                while let Some(alarm) = self.alarms.take_due(now.uptime) {
                    match alarm {
                        Alarm::Mend => self.mend(now, l),
                        Alarm::Lease(operator) => self.leave(operator, now, l),
                        Alarm::Reserved(id) => self.ask_everyone(id, l),
                        Alarm::Transfer(id) => self.fall_back(id, l),
                        Alarm::Waiting(id) => self.say_wait(id, now, l),
                        Alarm::Silence(id) => self.roll_over(id, now, l),
                    }
                }
            }
        }
        Ok(self.effects(ledger, several))
    }

    /// When to come back with [`Event::Tick`], on the uptime clock; `None` when only something from
    /// outside can change the desk.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.alarms.next()
    }

    /// Operators who are not offline, and how they are.
    pub fn shows(&self) -> impl Iterator<Item = (OperatorId, Show)> {
        self.staff.shows()
    }

    /// Queues with an assigned operator available.
    pub fn online(&self) -> impl Iterator<Item = QueueId> {
        self.staff.online()
    }

    /// Whether the queue has an assigned operator available.
    pub fn is_online(&self, queue: QueueId) -> bool {
        self.staff.is_online(queue)
    }

    /// The plan in force.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// An open conversation, or one that closed since the last commit.
    pub fn conversation(&self, id: ConversationId) -> Option<&Conversation> {
        self.threads.get(id).or_else(|| self.memory.closed(id))
    }

    /// Every conversation that is not closed, oldest first.
    pub fn conversations(&self) -> impl Iterator<Item = &Conversation> {
        self.threads.iter()
    }

    /// The patron with this id, if they have an open conversation.
    pub fn patron(&self, id: PatronId) -> Option<&Patron> {
        self.memory.patron(id)
    }

    /// To whom the conversation is offered now.
    pub fn offered_to(&self, id: ConversationId) -> BTreeSet<OperatorId> {
        self.offered(id)
    }

    pub(super) fn operator(&self, id: OperatorId) -> Result<&Operator, Refusal> {
        self.plan.operator(id).ok_or(Refusal::NoSuchOperator)
    }

    /// The operator's name, also shortly after they were taken off the plan.
    pub(super) fn name(&self, id: OperatorId) -> String {
        match self.plan.operator(id) {
            Some(operator) => operator.name.clone(),
            None => "someone".to_owned(),
        }
    }

    /// Who did something.
    pub(super) fn who(&self, by: Actor) -> String {
        match by {
            Actor::Operator(operator) => self.name(operator),
            Actor::Box => "whoever keeps the box".to_owned(),
            Actor::Peer => "another box".to_owned(),
        }
    }

    /// Who a patron nobody knows would be, once they are remembered.
    pub(super) fn stranger(&self, gateway: GatewayId, address: &str) -> Patron {
        let id = PatronId(self.next_patron);
        let told = match self.ghosts.is_empty() {
            true => Vec::new(),
            false => self.ghosts.told(self.fingerprint(address)),
        };
        Patron {
            id,
            gateway,
            address: address.to_owned(),
            name: pseudonym(id, self.seed),
            opted_out: self.is_opted_out(gateway, address),
            automatic_at: told,
            repeats: Repeats::default(),
            blocked_until: None,
        }
    }

    /// Remembers a new patron.
    pub(super) fn new_patron(
        &mut self,
        gateway: GatewayId,
        address: &str,
        ledger: &mut Ledger,
    ) -> PatronId {
        let patron = self.stranger(gateway, address);
        let id = patron.id;
        self.next_patron = self.next_patron.saturating_add(1);
        self.memory.insert_patron(patron);
        self.memory.settle(id);
        ledger.patron(id);
        id
    }

    /// Begins a conversation, closed for now: whoever begins it says what it is.
    pub(super) fn new_conversation(
        &mut self,
        patron: PatronId,
        gateway: GatewayId,
        queue: QueueId,
        now: Moment,
        ledger: &mut Ledger,
    ) -> ConversationId {
        let id = ConversationId(self.next_conversation);
        self.next_conversation = self.next_conversation.saturating_add(1);
        self.memory
            .shelve(Conversation::begun(id, patron, gateway, queue, now.wall));
        ledger.conversation(id);
        id
    }

    /// Changes a conversation, open or closed.
    pub(super) fn change(
        &mut self,
        id: ConversationId,
        ledger: &mut Ledger,
        change: impl FnOnce(&mut Conversation),
    ) {
        if self.threads.get(id).is_some() {
            self.threads.change(id, change);
        } else {
            self.memory.change_closed(id, change);
        }
        ledger.conversation(id);
    }

    /// Writes a patron's words into a thread.
    pub(super) fn record_in(
        &mut self,
        conversation: ConversationId,
        body: String,
        stamped_at: Option<Timestamp>,
        now: Moment,
        ledger: &mut Ledger,
    ) -> MessageId {
        let id = self.next_message_id();
        self.record(
            Message {
                id,
                conversation,
                direction: Direction::In,
                body,
                at: now.wall,
                stamped_at,
                state: DeliveryState::Received,
                reason: None,
                author: Author::Patron,
                client_id: None,
            },
            ledger,
        )
    }

    /// Writes words of ours into a thread.
    pub(super) fn record_out(
        &mut self,
        conversation: ConversationId,
        body: String,
        author: Author,
        client_id: Option<String>,
        now: Moment,
        ledger: &mut Ledger,
    ) -> MessageId {
        let id = self.next_message_id();
        self.record(
            Message {
                id,
                conversation,
                direction: Direction::Out,
                body,
                at: now.wall,
                stamped_at: None,
                state: DeliveryState::Queued,
                reason: None,
                author,
                client_id,
            },
            ledger,
        )
    }

    fn record(&mut self, message: Message, ledger: &mut Ledger) -> MessageId {
        let id = message.id;
        self.memory.shelve_message(message.clone());
        ledger.row(Effect::Record(message));
        id
    }

    fn next_message_id(&mut self) -> MessageId {
        let id = MessageId(self.next_message);
        self.next_message = self.next_message.saturating_add(1);
        id
    }

    /// What a restart must give back beside the threads: the counters.
    #[cfg(test)]
    pub(crate) fn durable(&self) -> Durable {
        // A queue that never closed counts from zero, row or no row.
        let periods = self.closed_periods.clone();
        let next = [self.next_conversation, self.next_message, self.next_patron];
        let outages = self
            .outages
            .iter()
            .map(|(&gateway, outage)| (gateway, outage.from, outage.to));
        Durable {
            periods,
            next,
            opted_out: self.opt_outs.fingerprints().clone(),
            outages: outages.collect(),
        }
    }

    fn effects(&self, ledger: Ledger, several: bool) -> Vec<Effect> {
        let (patrons, conversations, rest) = ledger.close();
        let patrons = patrons
            .into_iter()
            .filter_map(|id| self.memory.patron(id))
            .map(|patron| Effect::KeepPatron(patron.clone()));
        let conversations = conversations
            .into_iter()
            .filter_map(|id| self.conversation(id))
            .map(|conversation| Effect::KeepConversation(conversation.clone()));
        let mut effects: Vec<Effect> = patrons.chain(conversations).chain(rest).collect();
        if several {
            // Alarms of one tick may undo one another: only offers that hold are rung.
            effects.retain(|effect| match effect {
                Effect::Offer { conversation, to } => self.is_offered(*conversation, *to),
                _ => true,
            });
        }
        effects
    }
}
