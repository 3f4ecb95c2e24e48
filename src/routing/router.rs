//! The door of the room: events in, effects out.

use std::collections::BTreeSet;
use std::time::Duration;

use super::alarms::Alarm;
use super::consent::reactions;
use super::effect::Effect;
use super::event::{Event, Moment, Show};
use super::ids::{ConversationId, GatewayId, OperatorId, PatronId, QueueId};
use super::need::{Need, Recalled};
use super::plan::Plan;
use super::record::{Conversation, ConversationState, Patron};
use super::refusal::Refusal;
use super::start_conversation::Beginning;
#[cfg(test)]
use super::state::Durable;
use super::state::{Restored, State};
use super::turn::Turn;
use crate::numbers::{Country, PatronNumber};

/// The law of the desk at work: who is there, what is open, what is due.
///
/// Keeps open threads in memory, and of everything else only what has not been committed yet.
/// Equal routers decide alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Router {
    state: State,
}

impl Router {
    /// The router as the spool remembers it.
    ///
    /// Operators who had not left, and those who answer something, are given the time of a lease
    /// to open an endpoint again: a restart sends nobody home (clause 5). Timers of a minute or
    /// three begin anew. [`next_deadline`](Self::next_deadline) is due at once, for what the spool
    /// says may not fit the plan any more.
    pub fn restore(mut restored: Restored, now: Moment) -> Self {
        let shows = std::mem::take(&mut restored.shows);
        let mut state = State::restore(restored);
        let mut turn = Turn::new(&mut state, now);
        turn.restore_staff(shows);
        turn.restore_alarms();
        Self { state }
    }

    /// What must be looked up and [recalled](Self::recall) before the event is handled.
    ///
    /// The rows of every event handled before must be visible to the look-up, or still be with the
    /// router because [`committed`](Self::committed) was not called since.
    pub fn needs(&self, event: &Event) -> Vec<Need> {
        let unknown = |need: &Need| match need {
            Need::Conversation(id) => self.state.conversation(*id).is_none(),
            Need::Message(id) => self.state.memory.message(*id).is_none(),
            Need::Said(gateway, address) => !self.state.memory.is_said_known(*gateway, address),
            Need::Patron(gateway, address) => {
                let known = self.state.memory.patron_at(*gateway, address);
                !known.is_some_and(|patron| {
                    self.state.threads.of_patron(patron.id).is_some()
                        || self.state.memory.is_settled(patron.id)
                })
            }
        };
        let patron = |gateway: GatewayId, address: PatronNumber| -> Vec<Need> {
            let need = Need::Patron(gateway, address);
            unknown(&need).then_some(need).into_iter().collect()
        };
        match event {
            Event::TextArrived {
                gateway,
                from,
                body,
                ..
            } => {
                let from = self.state.arrived(*gateway, from);
                let mut needs = patron(*gateway, from.clone());
                if reactions::read(body).is_some_and(|reaction| reaction.quoted.is_some()) {
                    let said = Need::Said(*gateway, from);
                    needs.extend(unknown(&said).then_some(said));
                }
                needs
            }
            Event::PictureArrived { gateway, from, .. }
            | Event::CallMissed { gateway, from }
            | Event::CameInWords { gateway, from } => {
                patron(*gateway, self.state.arrived(*gateway, from))
            }
            Event::Write { gateway, to, .. } | Event::Begin { gateway, to, .. } => {
                let to = self.state.dialled(*gateway, to);
                to.map_or_else(|_| Vec::new(), |to| patron(*gateway, to))
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
            // Whose threads are open is in memory; the rest is the spool's to erase.
            Event::Erase { .. }
            | Event::Rearranged(_)
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
            said,
        } = recalled;
        if let Need::Said(gateway, address) = need {
            return self.state.memory.know_said(gateway, address, said);
        }
        if let Some(message) = message
            && self.state.memory.message(message.id).is_none()
        {
            self.state.memory.shelve_message(message);
        }
        let Some(mut patron) = patron else {
            return;
        };
        patron.opted_out |= self.state.is_opted_out(patron.gateway, &patron.address);
        if let Some(conversation) = conversation
            && conversation.state == ConversationState::Closed
            && conversation.patron == patron.id
            && self.state.memory.closed(conversation.id).is_none()
            && self.state.threads.get(conversation.id).is_none()
        {
            self.state.memory.shelve(conversation);
        }
        let id = patron.id;
        if self.state.memory.patron(id).is_none() {
            self.state.memory.insert_patron(patron);
        }
        match need {
            Need::Patron(..) => self.state.memory.settle(id),
            Need::Conversation(_) | Need::Message(_) | Need::Said(..) => {}
        }
    }

    /// Everything decided so far is on disk: closed threads and single messages are let go of, to
    /// be asked for again when needed. Without it the router keeps the latest few thousand.
    pub fn committed(&mut self) {
        self.state.memory.clear_shelf();
    }

    /// Decides.
    ///
    /// Addresses are read as whoever wrote them spelled them, and canonical from here on: below the
    /// door one telephone has one form.
    ///
    /// # Errors
    /// Why the wish was not granted; then nothing has changed.
    pub fn handle(&mut self, event: Event, now: Moment) -> Result<Vec<Effect>, Refusal> {
        let mut turn = Turn::new(&mut self.state, now);
        let mut several = false;
        match event {
            Event::Rearranged(plan) => turn.rearrange(plan),
            Event::TextArrived {
                gateway,
                from,
                body,
                stamped_at,
            } => {
                let from = turn.state.arrived(gateway, &from);
                turn.take_text(gateway, &from, body, stamped_at)?;
            }
            Event::PictureArrived {
                gateway,
                from,
                stamped_at,
            } => {
                let from = turn.state.arrived(gateway, &from);
                turn.take_picture(gateway, &from, stamped_at)?;
            }
            Event::CameInWords { gateway, from } => {
                let from = turn.state.arrived(gateway, &from);
                turn.came_in_words(gateway, &from);
            }
            Event::CallMissed { gateway, from } => {
                let from = turn.state.arrived(gateway, &from);
                turn.miss_call(gateway, &from)?;
            }
            Event::TextAmended {
                message,
                conversation,
                body,
            } => turn.amend_text(message, conversation, body)?,
            Event::EndpointOpened { operator, endpoint } => {
                turn.state.operator(operator)?;
                turn.open_endpoint(operator, endpoint);
            }
            Event::EndpointClosed { operator, endpoint } => {
                turn.close_endpoint(operator, endpoint);
            }
            Event::Seen { operator, by_hand } => {
                turn.state.operator(operator)?;
                turn.see(operator);
                if by_hand {
                    turn.revive(operator);
                }
            }
            Event::Presence { operator, show } => {
                turn.state.operator(operator)?;
                turn.set_show(operator, show);
            }
            Event::Act { by, on, act } => turn.act(by, on, act)?,
            Event::Begin {
                by,
                operator,
                gateway,
                to,
                body,
                client_id,
            } => {
                let to = turn.state.dialled(gateway, &to)?;
                let beginning = Beginning {
                    by,
                    operator,
                    gateway,
                    to,
                    body,
                    client_id,
                };
                turn.start(beginning)?;
            }
            Event::Write { gateway, to, body } => {
                let to = turn.state.dialled(gateway, &to)?;
                turn.write(gateway, &to, body)?;
            }
            Event::Erase { by, whose } => turn.erase(by, whose)?,
            Event::Delivery {
                message,
                conversation,
                state,
                reason,
            } => turn.deliver(message, conversation, state, reason)?,
            Event::LineNumber { line, number, imsi } => {
                turn.state
                    .know_line(&line, number.as_deref(), imsi.as_deref());
            }
            Event::LineRestored { gateway, from, to } => turn.restore_line(gateway, from, to)?,
            Event::Tick => {
                several = true;
                while let Some(alarm) = turn.state.alarms.take_due(now.uptime) {
                    match alarm {
                        Alarm::Mend => turn.mend(),
                        Alarm::Lease(operator) => turn.leave(operator),
                        Alarm::Reserved(id) => turn.ask_everyone(id),
                        Alarm::Transfer(id) => turn.fall_back(id),
                        Alarm::Waiting(id) => turn.say_wait(id),
                        Alarm::Silence(id) => turn.roll_over(id),
                    }
                }
            }
        }
        let mut effects = turn.into_effects();
        if several {
            // Alarms of one tick may undo one another: only offers that hold are rung.
            effects.retain(|effect| match effect {
                Effect::Offer { conversation, to } => self.state.is_offered(*conversation, *to),
                _ => true,
            });
        }
        Ok(effects)
    }

    /// When to come back with [`Event::Tick`], on the uptime clock; `None` when only something from
    /// outside can change the desk.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.state.alarms.next()
    }

    /// Operators who are not offline, and how they are.
    pub fn shows(&self) -> impl Iterator<Item = (OperatorId, Show)> {
        self.state.staff.shows()
    }

    /// Queues with an assigned operator available.
    pub fn online(&self) -> impl Iterator<Item = QueueId> {
        self.state.online()
    }

    /// Whether the queue has an assigned operator available.
    pub fn is_online(&self, queue: QueueId) -> bool {
        self.state.is_online(queue)
    }

    /// Where the lines are: the countries in which a number without `+` may be read.
    pub fn countries(&self) -> Vec<Country> {
        self.state.countries()
    }

    /// The plan in force.
    pub fn plan(&self) -> &Plan {
        &self.state.plan
    }

    /// An open conversation, or one that closed since the last commit.
    pub fn conversation(&self, id: ConversationId) -> Option<&Conversation> {
        self.state.conversation(id)
    }

    /// Every conversation that is not closed, oldest first.
    pub fn conversations(&self) -> impl Iterator<Item = &Conversation> {
        self.state.threads.iter()
    }

    /// The patron with this id, if they have an open conversation.
    pub fn patron(&self, id: PatronId) -> Option<&Patron> {
        self.state.memory.patron(id)
    }

    /// To whom the conversation is offered now.
    pub fn offered_to(&self, id: ConversationId) -> BTreeSet<OperatorId> {
        self.state.offered(id)
    }

    /// What a restart must give back beside the threads: the counters.
    #[cfg(test)]
    pub(crate) fn durable(&self) -> Durable {
        self.state.durable()
    }
}
