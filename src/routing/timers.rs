//! What an open thread waits for: the waiting notice, help, the end of a transfer (clauses 6 and 7).

use std::time::Duration;

use super::alarms::Alarm;
use super::ids::{ConversationId, OperatorId, QueueId};
use super::record::Rollover;
use super::turn::Turn;

/// A transfer not accepted within this falls back.
pub(super) const ACCEPT_WITHIN: Duration = Duration::from_secs(60);

/// Unanswered this long while online, the patron is told to wait (clause 7).
const WAITING_NOTICE_AFTER: Duration = Duration::from_secs(180);

impl Turn<'_> {
    /// A thread is in a queue that is, or came, online: three minutes from now the patron is told
    /// that it takes longer. Not where the closed notice already said so: those who were told
    /// *after we open* in the closed period just over need no second text.
    pub(super) fn await_notice(&mut self, id: ConversationId) {
        let Some(conversation) = self.state.threads.get(id) else {
            return;
        };
        let told = self.state.was_just_told(conversation, self.now.wall);
        if self.state.awaits_notice(conversation)
            && self.state.is_online(conversation.queue)
            && !told
        {
            self.expect_wait(id);
        }
    }

    /// Starts the three minutes, unless they run already.
    pub(super) fn expect_wait(&mut self, id: ConversationId) {
        self.expect_wait_after(id, Duration::ZERO);
    }

    /// Starts the three minutes at a later time, unless they run already.
    pub(super) fn expect_wait_after(&mut self, id: ConversationId, wait: Duration) {
        let due = self.now.uptime + wait + WAITING_NOTICE_AFTER;
        self.state.alarms.set_if_clear(Alarm::Waiting(id), due);
    }

    /// The local desk has a while to itself from now on, unless that while runs already.
    pub(super) fn expect_help(&mut self, id: ConversationId) {
        let now = self.now;
        let fallback = self
            .state
            .threads
            .get(id)
            .and_then(|c| self.state.needs_help(c));
        match fallback {
            Some(fallback) => self
                .state
                .alarms
                .set_if_clear(Alarm::Silence(id), now.uptime + fallback.after),
            None => self.state.alarms.clear(Alarm::Silence(id)),
        }
    }

    /// A queue came online: what it could have helped with while nobody was there is waited for
    /// once more, so that it does not come before the local desk opens beside it.
    pub(super) fn expect_help_from(&mut self, queue: QueueId) {
        let helped: Vec<_> = self
            .state
            .plan
            .helped_by(queue)
            .flat_map(|queue| self.state.threads.unclaimed(queue))
            .filter(|&id| !self.state.alarms.is_set(Alarm::Silence(id)))
            .collect();
        for id in helped {
            self.expect_help(id);
        }
    }

    /// Somebody takes the conversation. When that is the local desk, no help is needed any more.
    pub(super) fn end_help(&mut self, operator: OperatorId, id: ConversationId) {
        self.state.alarms.clear(Alarm::Silence(id));
        let Some(conversation) = self.state.threads.get(id) else {
            return;
        };
        let entry = self.state.plan.operator(operator);
        let local = entry.is_some_and(|entry| entry.queues.contains(&conversation.queue));
        if local && conversation.partner().is_some() {
            self.change(id, |c| c.rollover = Rollover::Home);
        }
    }

    pub(super) fn restore_alarms(&mut self) {
        let now = self.now;
        self.state.alarms.set(Alarm::Mend, now.uptime);
        let handovers: Vec<_> = self.state.threads.in_transfer().map(|c| c.id).collect();
        for id in handovers {
            self.state
                .alarms
                .set(Alarm::Transfer(id), now.uptime + ACCEPT_WITHIN);
        }
        let online: Vec<_> = self.state.online().collect();
        for queue in online {
            let unclaimed: Vec<_> = self.state.threads.unclaimed(queue).collect();
            for id in unclaimed {
                self.await_notice(id);
            }
        }
        let unclaimed = self.state.threads.iter().filter(|c| c.claimed_by.is_none());
        let unclaimed: Vec<_> = unclaimed.map(|c| c.id).collect();
        for id in unclaimed {
            self.expect_help(id);
        }
    }
}
