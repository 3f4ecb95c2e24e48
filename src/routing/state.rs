//! What the desk is, as the router knows it: the bottom of the room. Questions about it alone are
//! answered here.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::actor::Actor;
use super::alarms::Alarms;
use super::breaker::Breaker;
use super::consent::Languages;
use super::event::Show;
use super::ids::{ConversationId, GatewayId, OperatorId, PatronId, QueueId};
use super::memory::Memory;
use super::opt_outs::OptOuts;
use super::plan::{Gateway, GatewayKind, Operator, Plan};
use super::pseudonym::pseudonym;
use super::recently_erased::{RecentlyErased, Told};
use super::record::{Conversation, ConversationState, Patron, Repeats, Whose};
use super::refusal::Refusal;
use super::staff::Staff;
use super::threads::Threads;
use crate::numbers::{Country, NumberError, NumberKeys, PatronNumber};

/// What the spool remembers, as the router starts.
#[derive(Debug, Clone)]
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
    pub opted_out_addresses: Vec<PatronNumber>,
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
    /// What fingerprints are made with.
    pub keys: NumberKeys,
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

/// The latest time a line was down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outage {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

/// What a line told of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OwnLine {
    /// Its numbers, as the SIM and the library wrote them; the latest last.
    told: Vec<String>,
    /// Where its SIM is at home.
    of_sim: Option<Country>,
    /// Where it is, by its number or else by its SIM.
    country: Option<Country>,
    /// Its numbers.
    numbers: Vec<PatronNumber>,
}

/// Numbers of one line at most: its SIM's, and what the library says that is.
const NUMBERS_MAX: usize = 4;

/// What the desk is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    pub(super) plan: Plan,
    pub(super) staff: Staff,
    pub(super) threads: Threads,
    pub(super) memory: Memory,
    pub(super) alarms: Alarms,
    pub(super) breaker: Breaker,
    /// Who each line is, as far as it told.
    pub(super) lines: BTreeMap<String, OwnLine>,
    /// The languages whose words of consent hold on each gateway.
    pub(super) languages: BTreeMap<GatewayId, Languages>,
    pub(super) closed_periods: BTreeMap<QueueId, i64>,
    pub(super) opt_outs: OptOuts,
    pub(super) outages: BTreeMap<GatewayId, Outage>,
    pub(super) recently_erased: RecentlyErased,
    pub(super) next_conversation: i64,
    pub(super) next_message: i64,
    pub(super) next_patron: i64,
    pub(super) seed: u64,
    pub(super) keys: NumberKeys,
}

impl State {
    /// What the spool remembers, without the presence and the timers that follow from it.
    pub(super) fn restore(restored: Restored) -> Self {
        let Restored {
            plan,
            conversations,
            patrons,
            shows: _,
            closed_periods,
            opted_out,
            opted_out_addresses,
            outages,
            next_conversation,
            next_message,
            next_patron,
            seed,
            keys,
        } = restored;
        let mut state = Self {
            plan,
            staff: Staff::default(),
            threads: Threads::default(),
            memory: Memory::default(),
            alarms: Alarms::default(),
            breaker: Breaker::default(),
            lines: BTreeMap::new(),
            languages: BTreeMap::new(),
            closed_periods: closed_periods.into_iter().collect(),
            recently_erased: RecentlyErased::default(),
            opt_outs: OptOuts::restore(opted_out, opted_out_addresses, seed, &keys),
            outages: outages
                .into_iter()
                .map(|(gateway, from, to)| (gateway, Outage { from, to }))
                .collect(),
            next_conversation,
            next_message,
            next_patron,
            seed,
            keys,
        };
        let open = conversations
            .iter()
            .filter(|conversation| conversation.state != ConversationState::Closed);
        let open: BTreeSet<_> = open.map(|conversation| conversation.patron).collect();
        for patron in patrons {
            let id = patron.id;
            state.memory.insert_patron(patron);
            // At once: there may be more of them than the shelf has room for.
            if open.contains(&id) {
                state.memory.hold(id);
            }
        }
        for conversation in conversations {
            if conversation.state != ConversationState::Closed {
                state.threads.insert(conversation);
            }
        }
        state.memory.clear_shelf();
        state.know_languages();
        state
    }

    /// The gateway, if it still takes texts.
    pub(super) fn gateway_in_use(&self, id: GatewayId) -> Result<&Gateway, Refusal> {
        self.plan
            .gateway(id)
            .filter(|gateway| !gateway.removed)
            .ok_or(Refusal::NoSuchGateway)
    }

    /// Where the gateway's line is: how numbers without `+` are read there.
    pub(super) fn country(&self, gateway: &Gateway) -> Country {
        let line = gateway.line.as_ref();
        line.and_then(|line| self.lines.get(line)?.country)
            .unwrap_or(self.plan.library.country)
    }

    /// Works out anew whose words of consent hold on each gateway: a plan or a line's country changed.
    pub(super) fn know_languages(&mut self) {
        let of = |gateway: &Gateway| {
            let country = self.country(gateway);
            Languages::of_country(country.as_str()).with(&self.plan.library.languages)
        };
        let gateways = self.plan.gateways.iter();
        self.languages = gateways.map(|gateway| (gateway.id, of(gateway))).collect();
    }

    /// Who wrote or called: one telephone is one patron, however the network spells its number.
    pub(super) fn arrived(&self, gateway: GatewayId, from: &str) -> PatronNumber {
        match self.plan.gateway(gateway) {
            Some(gateway) if gateway.kind == GatewayKind::Sms => {
                PatronNumber::arrived(from, self.country(gateway))
            }
            Some(_) | None => PatronNumber::verbatim(from),
        }
    }

    /// Whom somebody wants to write to, however they spell the number.
    pub(super) fn dialled(
        &self,
        gateway: GatewayId,
        to: &str,
    ) -> Result<PatronNumber, NumberError> {
        match self.plan.gateway(gateway) {
            Some(gateway) if gateway.kind == GatewayKind::Sms => {
                PatronNumber::written(to, self.country(gateway))
            }
            Some(_) | None => Ok(PatronNumber::verbatim(to)),
        }
    }

    /// Learns a line's own number and its country. A number told before the country is read again.
    pub(super) fn know_line(&mut self, line: &str, number: Option<&str>, imsi: Option<&str>) {
        let library = self.plan.library.country;
        let own = self.lines.entry(line.to_owned()).or_default();
        own.of_sim = imsi.and_then(Country::of_imsi).or(own.of_sim);
        if let Some(number) = number {
            own.told.retain(|told| told != number);
            own.told.push(number.to_owned());
            if own.told.len() > NUMBERS_MAX {
                own.told.remove(0);
            }
        }
        let home = own.of_sim.unwrap_or(library);
        let numbers = own.told.iter();
        own.numbers = numbers
            .map(|told| PatronNumber::arrived(told, home))
            .collect();
        let mut latest = own.numbers.iter().rev();
        own.country = latest
            .find_map(|number| Country::of_number(number.as_str()))
            .or(own.of_sim);
    }

    /// Whether the number is one of our own lines' (clause 10).
    pub(super) fn is_ourselves(&self, address: &PatronNumber) -> bool {
        let mut lines = self.lines.values();
        lines.any(|own| own.numbers.contains(address))
    }

    pub(super) fn address(&self, patron: PatronId) -> Option<&PatronNumber> {
        Some(&self.memory.patron(patron)?.address)
    }

    /// The number of the queue's closed period: the present one while it is offline, the coming one
    /// while it is online.
    pub(super) fn closed_period(&self, queue: QueueId) -> i64 {
        self.closed_periods.get(&queue).copied().unwrap_or(0)
    }

    /// The closed period that a notice given now is for: a stretch of the hours where the library
    /// told any, so that signing in and out begins no new one, else the queue's own count.
    pub(super) fn period(&self, queue: QueueId, now: Timestamp) -> i64 {
        match self.stretch(queue, now) {
            Some([present, _]) => present,
            None => self.closed_period(queue),
        }
    }

    /// Whether the notice was given in the closed period that is just over, or in a stretch of the
    /// hours that is not over yet.
    pub(super) fn was_just_told(&self, conversation: &Conversation, now: Timestamp) -> bool {
        let Some(told) = conversation.closed_notice else {
            return false;
        };
        match self.stretch(conversation.queue, now) {
            Some(stretches) => stretches.contains(&told),
            None => told == self.closed_period(conversation.queue) - 1,
        }
    }

    fn stretch(&self, queue: QueueId, now: Timestamp) -> Option<[i64; 2]> {
        let calendar = &self.plan.queue(queue)?.calendar;
        calendar.stretch(now, &self.plan.library.time_zone)
    }

    /// What is left of a number when it is erased.
    pub(super) fn fingerprint(&self, address: &PatronNumber) -> i64 {
        self.keys.telephone(self.seed, address.as_str())
    }

    /// All that may be left of it: a box that was restored elsewhere has more than one key.
    pub(super) fn fingerprints(&self, address: &PatronNumber) -> Vec<i64> {
        self.keys.telephones(self.seed, address.as_str())
    }

    /// Whether this address opted out, whoever asks.
    pub(super) fn is_opted_out(&self, gateway: GatewayId, address: &PatronNumber) -> bool {
        let texted = self.plan.gateway(gateway).map(|gateway| gateway.kind);
        texted == Some(GatewayKind::Sms)
            && !self.opt_outs.fingerprints.is_empty()
            && self
                .fingerprints(address)
                .iter()
                .any(|print| self.opt_outs.fingerprints.contains(print))
    }

    /// Patrons in memory with this telephone, one for each line.
    pub(super) fn telephones(&self, address: &PatronNumber) -> Vec<PatronId> {
        self.plan
            .gateways
            .iter()
            .filter(|gateway| gateway.kind == GatewayKind::Sms)
            .filter_map(|gateway| self.memory.patron_at(gateway.id, address))
            .map(|patron| patron.id)
            .collect()
    }

    /// Patrons in memory who are this one.
    pub(super) fn known_as(&self, whose: &Whose) -> Vec<PatronId> {
        let gateways = self.plan.gateways.iter();
        gateways
            .filter(|gateway| whose.is_of(gateway.kind))
            .filter_map(|gateway| self.memory.patron_at(gateway.id, whose.address()))
            .map(|patron| patron.id)
            .collect()
    }

    /// Where the lines are: the countries in which a number may be read.
    pub(super) fn countries(&self) -> Vec<Country> {
        let mut countries = Vec::new();
        for gateway in &self.plan.gateways {
            let country = self.country(gateway);
            if gateway.kind == GatewayKind::Sms && !countries.contains(&country) {
                countries.push(country);
            }
        }
        if countries.is_empty() {
            countries.push(self.plan.library.country);
        }
        countries
    }

    pub(super) fn assign_staff(&mut self) {
        let plan = &self.plan;
        let assigned = plan.operators.iter().flat_map(|operator| {
            let queues = operator.queues.iter();
            queues
                .filter(|&&queue| plan.queue(queue).is_some())
                .map(|&queue| (operator.id, queue))
        });
        self.staff.assign(assigned);
    }

    pub(super) fn queue_name(&self, queue: QueueId) -> String {
        let queue = self.plan.queue(queue);
        queue.map_or_else(|| "another queue".to_owned(), |queue| queue.name.clone())
    }

    /// Queues with an assigned operator available.
    pub(super) fn online(&self) -> impl Iterator<Item = QueueId> {
        self.staff.online()
    }

    /// Whether the queue has an assigned operator available.
    pub(super) fn is_online(&self, queue: QueueId) -> bool {
        self.staff.is_online(queue)
    }

    /// An open conversation, or one that closed since the last commit.
    pub(super) fn conversation(&self, id: ConversationId) -> Option<&Conversation> {
        self.threads.get(id).or_else(|| self.memory.closed(id))
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
    pub(super) fn stranger(&self, gateway: GatewayId, address: &PatronNumber) -> Patron {
        let id = PatronId(self.next_patron);
        let told = match self.recently_erased.is_empty() {
            true => Told::default(),
            false => self.recently_erased.told(self.fingerprint(address)),
        };
        Patron {
            id,
            gateway,
            address: address.clone(),
            name: pseudonym(id, self.seed),
            opted_out: self.is_opted_out(gateway, address),
            automatic_at: told.automatic_at,
            answered: told.answered,
            repeats: Repeats::default(),
            blocked_until: None,
        }
    }
}

#[cfg(test)]
impl State {
    /// What a restart must give back beside the threads: the counters.
    pub(super) fn durable(&self) -> Durable {
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
            opted_out: self.opt_outs.fingerprints.clone(),
            outages: outages.collect(),
        }
    }
}
