//! A new plan comes into force while the desk is at work.

use std::collections::BTreeSet;

use super::alarms::Alarm;
use super::effect::Effect;
use super::event::Show;
use super::ids::{ConversationId, QueueId};
use super::plan::Plan;
use super::record::{Conversation, Rollover, TransferTarget};
use super::turn::Turn;

impl Turn<'_> {
    /// Puts a plan in force. Open conversations stay where they are, unless their queue is gone;
    /// what somebody answers who may not any more goes back.
    ///
    /// Looks at every open conversation: plans change seldom.
    pub(super) fn rearrange(&mut self, plan: Plan) {
        let offered_before = self.state.all_offered();
        let online_before: BTreeSet<QueueId> = self.state.online().collect();
        let old = std::mem::replace(&mut self.state.plan, plan);
        self.state.know_languages();

        for operator in self.state.staff.everyone() {
            if self.state.plan.operator(operator).is_none() {
                self.state.alarms.clear(Alarm::Lease(operator));
                if self.state.staff.dismiss(operator) != Show::Offline {
                    let show = Show::Offline;
                    self.effects.bell(Effect::OperatorShows { operator, show });
                }
            }
        }
        let in_use = |id| {
            self.state
                .plan
                .gateway(id)
                .is_some_and(|gateway| !gateway.removed)
        };
        self.state.outages.retain(|&gateway, _| in_use(gateway));
        let queues: BTreeSet<QueueId> = self
            .state
            .plan
            .queues
            .iter()
            .map(|queue| queue.id)
            .collect();
        self.state
            .closed_periods
            .retain(|queue, _| queues.contains(queue));
        self.state.assign_staff();
        let online: BTreeSet<QueueId> = self.state.online().collect();
        for &queue in online_before.difference(&online) {
            self.go_offline(queue);
        }
        for &queue in online.difference(&online_before) {
            self.go_online(queue);
        }

        let open: Vec<ConversationId> = self.state.threads.iter().map(|c| c.id).collect();
        for id in open {
            self.move_if_homeless(id);
            self.end_impossible_help(id);
            self.return_if_not_answered(id, &old);
            self.end_hopeless_transfer(id);
            self.stand_anew(id);
        }

        let offered = self.state.all_offered();
        let nobody = BTreeSet::new();
        for (&id, before) in &offered_before {
            let after = offered.get(&id).unwrap_or(&nobody);
            let gone = before
                .difference(after)
                .filter(|&&operator| self.state.plan.operator(operator).is_some())
                .copied()
                .collect();
            self.effects.withdraw(id, &gone, "the desk was rearranged");
        }
        for (&id, after) in &offered {
            let before = offered_before.get(&id).unwrap_or(&nobody);
            self.effects
                .offer(id, &after.difference(before).copied().collect());
        }
    }

    /// What the spool says is held against the plan, once, after a start.
    pub(super) fn mend(&mut self) {
        let plan = self.state.plan.clone();
        self.rearrange(plan);
    }

    /// Moves a conversation whose queue is gone.
    fn move_if_homeless(&mut self, id: ConversationId) {
        let Some(conversation) = self.state.threads.get(id) else {
            return;
        };
        if self.state.plan.queue(conversation.queue).is_some() {
            return;
        }
        if let Some(queue) = self
            .state
            .plan
            .queue(self.state.present_queue(conversation))
        {
            let (queue, name) = (queue.id, queue.name.clone());
            self.effects
                .note(id, format!("moved to {name}: its queue was removed"));
            self.change(id, |conversation| {
                conversation.queue = queue;
                conversation.closed_notice = None;
                conversation.rollover = Rollover::Home;
            });
        }
    }

    /// Whoever helped out is gone, or is the conversation's own queue now.
    fn end_impossible_help(&mut self, id: ConversationId) {
        let partner = self.state.threads.get(id).and_then(Conversation::partner);
        let own = self.state.threads.get(id).map(|c| c.queue);
        let gone = partner.is_some_and(|queue| self.state.plan.queue(queue).is_none());
        if gone || partner.is_some() && partner == own {
            self.change(id, |c| c.rollover = Rollover::Home);
            self.effects
                .note(id, "no other queue helps out any more".into());
        }
    }

    fn return_if_not_answered(&mut self, id: ConversationId, old: &Plan) {
        let Some(conversation) = self.state.threads.get(id) else {
            return;
        };
        let Some(claimant) = conversation.claimed_by else {
            return;
        };
        let why = match self.state.plan.operator(claimant) {
            Some(_) if self.state.is_assigned(claimant, conversation) => return,
            Some(operator) => format!("{} does not answer it any more", operator.name),
            None => match old.operator(claimant) {
                Some(operator) => format!("{} was taken off the desk", operator.name),
                None => "whoever answered was taken off the desk".to_owned(),
            },
        };
        self.effects
            .note(id, format!("returned to the queue: {why}"));
        self.state.alarms.clear(Alarm::Transfer(id));
        let state = self.state.standing(conversation);
        self.change(id, |conversation| {
            conversation.claimed_by = None;
            conversation.transfer = None;
            conversation.state = state;
        });
    }

    fn end_hopeless_transfer(&mut self, id: ConversationId) {
        let Some(conversation) = self.state.threads.get(id) else {
            return;
        };
        let Some(transfer) = &conversation.transfer else {
            return;
        };
        let possible = match transfer.to {
            TransferTarget::Operator(to) => self.state.is_assigned(to, conversation),
            TransferTarget::Queue(to) => {
                self.state.plan.queue(to).is_some() && to != conversation.queue
            }
        };
        if !possible {
            self.state.alarms.clear(Alarm::Transfer(id));
            self.change(id, |conversation| conversation.transfer = None);
            self.effects
                .note(id, "the transfer ended: the desk was rearranged".into());
        }
    }

    /// Held or waiting, whom first and how long: all as the queue is now.
    fn stand_anew(&mut self, id: ConversationId) {
        let Some(conversation) = self.state.threads.get(id) else {
            return;
        };
        if conversation.claimed_by.is_some() {
            return;
        }
        let queue = conversation.queue;
        let state = self.state.standing(conversation);
        if let Some(first) = self.state.threads.reserved(id)
            && !self.state.is_available_for(first, conversation)
        {
            self.state.threads.unreserve(id);
            self.state.alarms.clear(Alarm::Reserved(id));
        }
        if self.state.threads.stand(id, state) {
            self.effects.conversation(id);
        }
        if self.state.is_online(queue) {
            self.await_notice(id);
        } else {
            self.state.alarms.clear(Alarm::Waiting(id));
        }
        self.expect_help(id);
    }
}
