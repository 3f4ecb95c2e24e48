//! Nobody here answers: another queue helps out (clause 7). The local desk first, its partners
//! second; the patron is told, and may say NO.

use std::collections::BTreeSet;

use super::alarms::Alarm;
use super::event::Moment;
use super::ids::{ConversationId, OperatorId, QueueId};
use super::ledger::Ledger;
use super::notices::Notice;
use super::plan::Fallback;
use super::record::{Conversation, Rollover};
use super::router::Router;

impl Router {
    /// Whether help is still to be looked for: nobody answers, and nobody was asked for help yet.
    fn needs_help(&self, conversation: &Conversation) -> Option<Fallback> {
        let alone = conversation.claimed_by.is_none()
            && conversation.waiting_since.is_some()
            && conversation.rollover == Rollover::Home;
        let queue = self.plan.queue(conversation.queue)?;
        queue.fallback.filter(|_| alone)
    }

    /// The local desk has a while to itself from now on, unless that while runs already.
    pub(super) fn expect_help(&mut self, id: ConversationId, now: Moment) {
        let fallback = self.threads.get(id).and_then(|c| self.needs_help(c));
        match fallback {
            Some(fallback) => self
                .alarms
                .set_if_clear(Alarm::Silence(id), now.uptime + fallback.after),
            None => self.alarms.clear(Alarm::Silence(id)),
        }
    }

    /// A queue came online: what it could have helped with while nobody was there is waited for
    /// once more, so that it does not come before the local desk opens beside it.
    pub(super) fn expect_help_from(&mut self, queue: QueueId, now: Moment) {
        let helped: Vec<_> = self
            .plan
            .helped_by(queue)
            .flat_map(|queue| self.threads.unclaimed(queue))
            .filter(|&id| !self.alarms.is_set(Alarm::Silence(id)))
            .collect();
        for id in helped {
            self.expect_help(id, now);
        }
    }

    /// The local desk was silent for long enough.
    pub(super) fn roll_over(&mut self, id: ConversationId, now: Moment, ledger: &mut Ledger) {
        let Some(conversation) = self.threads.get(id) else {
            return;
        };
        let Some(fallback) = self.needs_help(conversation) else {
            return;
        };
        let helper = fallback.queue;
        // Nobody could help now: asked again when somebody comes.
        if !self.is_online(helper) {
            return;
        }
        let patron = conversation.patron;
        let before = self.offered(id);
        self.alarms.clear(Alarm::Reserved(id));
        self.threads.unreserve(id);
        self.change(id, ledger, |c| c.rollover = Rollover::Shared(helper));
        self.stand_as_offered(id, ledger);
        ledger.note(
            id,
            format!("offered to {} as well: nobody answered", self.queue_name(helper)),
        );
        let after = self.offered(id);
        ledger.offer(id, &after.difference(&before).copied().collect());
        let told = [("partner", self.plan.partner(helper))];
        if self.notify_of(Notice::Rollover, told, patron, id, now, ledger) {
            self.change(id, ledger, |c| c.rollover = Rollover::Offered(helper));
        }
    }

    /// The patron said NO: their own library it is.
    pub(super) fn decline(&mut self, id: ConversationId, now: Moment, ledger: &mut Ledger) {
        let Some(conversation) = self.threads.get(id) else {
            return;
        };
        const WHY: &str = "the patron would rather wait for their own library";
        let before = self.offered(id);
        let helper = conversation.claimed_by.filter(|&claimant| {
            let entry = self.plan.operator(claimant);
            entry.is_none_or(|entry| !entry.queues.contains(&conversation.queue))
        });
        self.threads.unreserve(id);
        self.alarms.clear(Alarm::Reserved(id));
        if helper.is_some() {
            self.alarms.clear(Alarm::Transfer(id));
        }
        self.change(id, ledger, |c| {
            c.rollover = Rollover::Declined;
            if helper.is_some() {
                c.claimed_by = None;
                c.transfer = None;
            }
        });
        self.stand_as_offered(id, ledger);
        ledger.note(id, WHY.to_owned());
        let after = self.offered(id);
        let gone: BTreeSet<OperatorId> =
            before.difference(&after).copied().chain(helper).collect();
        ledger.withdraw(id, &gone, WHY);
        ledger.offer(id, &after.difference(&before).copied().collect());
        self.await_notice(id, now);
    }

    /// An unclaimed thread is held or waiting, as somebody is there or not.
    pub(super) fn stand_as_offered(&mut self, id: ConversationId, ledger: &mut Ledger) {
        let Some(conversation) = self.threads.get(id) else {
            return;
        };
        if conversation.claimed_by.is_none() {
            let state = self.standing(conversation);
            self.change(id, ledger, |c| c.state = state);
        }
    }

    /// Somebody takes the conversation. When that is the local desk, no help is needed any more.
    pub(super) fn end_help(&mut self, operator: OperatorId, id: ConversationId, ledger: &mut Ledger) {
        self.alarms.clear(Alarm::Silence(id));
        let Some(conversation) = self.threads.get(id) else {
            return;
        };
        let entry = self.plan.operator(operator);
        let local = entry.is_some_and(|entry| entry.queues.contains(&conversation.queue));
        if local && conversation.partner().is_some() {
            self.change(id, ledger, |c| c.rollover = Rollover::Home);
        }
    }

    fn queue_name(&self, queue: QueueId) -> String {
        let queue = self.plan.queue(queue);
        queue.map_or_else(|| "another queue".to_owned(), |queue| queue.name.clone())
    }
}
