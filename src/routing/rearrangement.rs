//! A new plan comes into force while the desk is at work.

use std::collections::{BTreeMap, BTreeSet};

use super::alarms::Alarm;
use super::effect::Effect;
use super::event::{Moment, Show};
use super::ids::{ConversationId, OperatorId, QueueId};
use super::ledger::Ledger;
use super::plan::Plan;
use super::record::{Conversation, Rollover, TransferTarget};
use super::router::Router;

impl Router {
    /// Puts a plan in force. Open conversations stay where they are, unless their queue is gone;
    /// what somebody answers who may not any more goes back.
    ///
    /// Looks at every open conversation: plans change seldom.
    pub(super) fn rearrange(&mut self, plan: Plan, now: Moment, ledger: &mut Ledger) {
        let offered_before = self.all_offered();
        let online_before: BTreeSet<QueueId> = self.online().collect();
        let old = std::mem::replace(&mut self.plan, plan);

        for operator in self.staff.everyone() {
            if self.plan.operator(operator).is_none() {
                self.alarms.clear(Alarm::Lease(operator));
                if self.staff.dismiss(operator) != Show::Offline {
                    let show = Show::Offline;
                    ledger.bell(Effect::OperatorShows { operator, show });
                }
            }
        }
        let in_use = |id| {
            self.plan
                .gateway(id)
                .is_some_and(|gateway| !gateway.removed)
        };
        self.outages.retain(|&gateway, _| in_use(gateway));
        let queues: BTreeSet<QueueId> = self.plan.queues.iter().map(|queue| queue.id).collect();
        self.closed_periods
            .retain(|queue, _| queues.contains(queue));
        self.assign_staff();
        let online: BTreeSet<QueueId> = self.online().collect();
        for &queue in online_before.difference(&online) {
            self.go_offline(queue, ledger);
        }
        for &queue in online.difference(&online_before) {
            self.go_online(queue, now, ledger);
        }

        let open: Vec<ConversationId> = self.threads.iter().map(|c| c.id).collect();
        for id in open {
            self.move_if_homeless(id, ledger);
            self.end_impossible_help(id, ledger);
            self.return_if_not_answered(id, &old, ledger);
            self.end_hopeless_transfer(id, ledger);
            self.stand_anew(id, now, ledger);
        }

        let offered = self.all_offered();
        let nobody = BTreeSet::new();
        for (&id, before) in &offered_before {
            let after = offered.get(&id).unwrap_or(&nobody);
            let gone = before
                .difference(after)
                .filter(|&&operator| self.plan.operator(operator).is_some())
                .copied()
                .collect();
            ledger.withdraw(id, &gone, "the desk was rearranged");
        }
        for (&id, after) in &offered {
            let before = offered_before.get(&id).unwrap_or(&nobody);
            ledger.offer(id, &after.difference(before).copied().collect());
        }
    }

    /// What the spool says is held against the plan, once, after a start.
    pub(super) fn mend(&mut self, now: Moment, ledger: &mut Ledger) {
        let plan = self.plan.clone();
        self.rearrange(plan, now, ledger);
    }

    fn all_offered(&self) -> BTreeMap<ConversationId, BTreeSet<OperatorId>> {
        self.threads
            .iter()
            .map(|c| (c.id, self.offered(c.id)))
            .filter(|(_, offered)| !offered.is_empty())
            .collect()
    }

    /// Where a conversation is now: in its queue, or if that is gone where it came from, or where
    /// its patron would come today, or in the first queue there is.
    pub(super) fn present_queue(&self, conversation: &Conversation) -> QueueId {
        let fed = self.plan.gateway(conversation.gateway).map(|g| g.queue);
        [Some(conversation.queue), Some(conversation.home), fed]
            .into_iter()
            .flatten()
            .find_map(|queue| self.plan.queue(queue))
            .or(self.plan.queues.first())
            .map_or(conversation.queue, |queue| queue.id)
    }

    /// Moves a conversation whose queue is gone.
    fn move_if_homeless(&mut self, id: ConversationId, ledger: &mut Ledger) {
        let Some(conversation) = self.threads.get(id) else {
            return;
        };
        if self.plan.queue(conversation.queue).is_some() {
            return;
        }
        if let Some(queue) = self.plan.queue(self.present_queue(conversation)) {
            let (queue, name) = (queue.id, queue.name.clone());
            ledger.note(id, format!("moved to {name}: its queue was removed"));
            self.change(id, ledger, |conversation| {
                conversation.queue = queue;
                conversation.closed_notice = None;
                conversation.rollover = Rollover::Home;
            });
        }
    }

    /// Whoever helped out is gone, or is the conversation's own queue now.
    fn end_impossible_help(&mut self, id: ConversationId, ledger: &mut Ledger) {
        let partner = self.threads.get(id).and_then(Conversation::partner);
        let own = self.threads.get(id).map(|c| c.queue);
        let gone = partner.is_some_and(|queue| self.plan.queue(queue).is_none());
        if gone || partner.is_some() && partner == own {
            self.change(id, ledger, |c| c.rollover = Rollover::Home);
            ledger.note(id, "no other queue helps out any more".into());
        }
    }

    fn return_if_not_answered(&mut self, id: ConversationId, old: &Plan, ledger: &mut Ledger) {
        let Some(conversation) = self.threads.get(id) else {
            return;
        };
        let Some(claimant) = conversation.claimed_by else {
            return;
        };
        let why = match self.plan.operator(claimant) {
            Some(_) if self.is_assigned(claimant, conversation) => return,
            Some(operator) => format!("{} does not answer it any more", operator.name),
            None => match old.operator(claimant) {
                Some(operator) => format!("{} was taken off the desk", operator.name),
                None => "whoever answered was taken off the desk".to_owned(),
            },
        };
        ledger.note(id, format!("returned to the queue: {why}"));
        self.alarms.clear(Alarm::Transfer(id));
        let state = self.standing(conversation);
        self.change(id, ledger, |conversation| {
            conversation.claimed_by = None;
            conversation.transfer = None;
            conversation.state = state;
        });
    }

    fn end_hopeless_transfer(&mut self, id: ConversationId, ledger: &mut Ledger) {
        let Some(conversation) = self.threads.get(id) else {
            return;
        };
        let Some(transfer) = &conversation.transfer else {
            return;
        };
        let possible = match transfer.to {
            TransferTarget::Operator(to) => self.is_assigned(to, conversation),
            TransferTarget::Queue(to) => self.plan.queue(to).is_some() && to != conversation.queue,
        };
        if !possible {
            self.alarms.clear(Alarm::Transfer(id));
            self.change(id, ledger, |conversation| conversation.transfer = None);
            ledger.note(id, "the transfer ended: the desk was rearranged".into());
        }
    }

    /// Held or waiting, whom first and how long: all as the queue is now.
    fn stand_anew(&mut self, id: ConversationId, now: Moment, ledger: &mut Ledger) {
        let Some(conversation) = self.threads.get(id) else {
            return;
        };
        if conversation.claimed_by.is_some() {
            return;
        }
        let queue = conversation.queue;
        let state = self.standing(conversation);
        if let Some(first) = self.threads.reserved(id)
            && !self.is_available_for(first, conversation)
        {
            self.threads.unreserve(id);
            self.alarms.clear(Alarm::Reserved(id));
        }
        if self.threads.stand(id, state) {
            ledger.conversation(id);
        }
        if self.is_online(queue) {
            self.await_notice(id, now);
        } else {
            self.alarms.clear(Alarm::Waiting(id));
        }
        self.expect_help(id, now);
    }
}
