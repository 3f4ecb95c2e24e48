//! A thread opens and closes, and for how long it goes on (clause 4).

use jiff::SignedDuration;

use super::alarms::Alarm;
use super::ids::{ConversationId, PatronId, QueueId};
use super::record::{ConversationState, Rollover};
use super::turn::Turn;

/// A patron who writes again within this continues the thread (clause 4).
pub(super) const THREAD: SignedDuration = SignedDuration::from_hours(24);

impl Turn<'_> {
    /// The thread in which the desk writes to a patron, if one goes on.
    pub(super) fn recent_thread(&self, patron: PatronId) -> Option<ConversationId> {
        let now = self.now;
        let open = self.state.threads.of_patron(patron);
        let closed = || {
            let latest = self.state.memory.latest_of(patron);
            latest.filter(|closed| {
                !closed.farewell && now.wall.duration_since(closed.active_at) <= THREAD
            })
        };
        open.or_else(closed).map(|conversation| conversation.id)
    }

    /// Opens a closed conversation, before this queue.
    pub(super) fn open(&mut self, id: ConversationId, queue: QueueId) {
        let Some(mut conversation) = self.state.memory.unshelve(id) else {
            return;
        };
        if conversation.queue != queue {
            conversation.queue = queue;
            conversation.closed_notice = None;
        }
        let helps = self
            .state
            .plan
            .queue(queue)
            .and_then(|queue| queue.fallback);
        if conversation.partner() != helps.map(|fallback| fallback.queue)
            && conversation.rollover != Rollover::Declined
        {
            conversation.rollover = Rollover::Home;
        }
        conversation.state = self.state.standing(&conversation);
        conversation.closed_at = None;
        conversation.waiting_noticed = false;
        self.state.memory.hold(conversation.patron);
        self.state.threads.insert(conversation);
        self.effects.conversation(id);
    }

    /// Closes an open conversation.
    pub(super) fn shut(&mut self, id: ConversationId) {
        let now = self.now;
        let Some(mut conversation) = self.state.threads.remove(id) else {
            return;
        };
        self.clear_alarms(id);
        conversation.state = ConversationState::Closed;
        conversation.closed_at = Some(now.wall);
        conversation.claimed_by = None;
        conversation.transfer = None;
        conversation.waiting_since = None;
        conversation.waiting_noticed = false;
        conversation.flagged = false;
        conversation.quiet = false;
        conversation.erasure_asked_at = None;
        conversation.marks.promise = None;
        if let Rollover::Offered(queue) = conversation.rollover {
            conversation.rollover = Rollover::Shared(queue);
        }
        let patron = conversation.patron;
        self.state.memory.shelve(conversation);
        self.state.memory.let_pass(patron);
        self.state.memory.settle(patron);
        self.effects.conversation(id);
    }

    /// Nothing is timed in this thread any more.
    pub(super) fn clear_alarms(&mut self, id: ConversationId) {
        self.state.alarms.clear(Alarm::Reserved(id));
        self.state.alarms.clear(Alarm::Transfer(id));
        self.state.alarms.clear(Alarm::Waiting(id));
        self.state.alarms.clear(Alarm::Silence(id));
    }
}
