//! A patron's text comes in: to which thread it belongs, and whether it is kept (clauses 1, 4, 9).

use jiff::{SignedDuration, Timestamp};

use super::automatic::answerable;
use super::consent::{self, Word};
use super::effect::Effect;
use super::event::Moment;
use super::ids::{ConversationId, GatewayId, MessageId, PatronId, QueueId};
use super::ledger::Ledger;
use super::notices::Notice;
use super::plan::{Gateway, GatewayKind};
use super::record::{Conversation, ConversationState, Direction, Patron, Rollover};
use super::refusal::Refusal;
use super::router::Router;

/// A patron who writes again within this continues the thread (clause 4).
const THREAD: SignedDuration = SignedDuration::from_hours(24);

/// What is shown of a text without words.
const EMPTY: &str = "(empty)";

/// A text as it came.
struct Arrival {
    gateway: Gateway,
    body: String,
    stamped_at: Option<Timestamp>,
}

/// Where a text belongs.
#[derive(Clone, Copy)]
enum Place {
    /// In the thread that is open.
    Open(ConversationId),
    /// In the thread that closed not long ago.
    Closed(ConversationId),
    /// In a new thread; an open one that was answered long ago ends.
    New(Option<ConversationId>),
}

impl Router {
    pub(super) fn take_text(
        &mut self,
        gateway: GatewayId,
        from: &str,
        body: String,
        stamped_at: Option<Timestamp>,
        now: Moment,
        ledger: &mut Ledger,
    ) -> Result<(), Refusal> {
        let gateway = self.gateway_in_use(gateway)?.clone();
        let known = self.memory.patron_at(gateway.id, from).map(|p| p.id);
        let (place, queue) = self.place(known, &gateway, now);
        let open = match place {
            Place::Open(id) => self.threads.get(id),
            Place::Closed(_) | Place::New(_) => None,
        };
        let claimed = open.is_some_and(|open| open.claimed_by.is_some());
        let refused = !claimed && self.refuses(&gateway, queue, open);
        let declines = open.is_some_and(|open| matches!(open.rollover, Rollover::Offered(_)))
            && consent::is_no(&body);
        let wish = self.wish(&gateway, from, known, &body);
        if refused && wish.is_none() && gateway.kind == GatewayKind::Widget {
            return Err(Refusal::Offline);
        }

        let arrival = Arrival {
            gateway,
            body,
            stamped_at,
        };
        match wish {
            Some(Word::Forget) => self.forget(known, from, &arrival.gateway, now, ledger),
            Some(wish) => {
                let patron = match known {
                    Some(patron) => patron,
                    None => self.new_patron(arrival.gateway.id, from, ledger),
                };
                self.count_repeats(patron, &arrival.body, now, ledger);
                self.grant(wish, patron, place, refused, arrival, now, ledger);
            }
            None if known.is_some_and(|patron| self.is_blocked(patron, now)) => {
                if !refused {
                    self.keep_quietly(known, place, queue, arrival, now, ledger);
                }
            }
            None if refused => self.refuse_text(known, from, place, queue, &arrival, now, ledger),
            None => {
                let patron = match known {
                    Some(patron) => patron,
                    None => self.new_patron(arrival.gateway.id, from, ledger),
                };
                self.count_repeats(patron, &arrival.body, now, ledger);
                self.keep_text(patron, place, queue, arrival, now, ledger);
                if let Place::Open(id) = place
                    && declines
                {
                    self.decline(id, now, ledger);
                }
            }
        }
        Ok(())
    }

    /// What the text asks for, if it is a wish about texting itself. Only telephones text.
    fn wish(
        &self,
        gateway: &Gateway,
        from: &str,
        known: Option<PatronId>,
        body: &str,
    ) -> Option<Word> {
        match gateway.kind {
            GatewayKind::Sms => {}
            GatewayKind::Im | GatewayKind::Widget => return None,
        }
        if !answerable(gateway.kind, from) || self.breaker.is_ourselves(from) {
            return None;
        }
        let opted_out = known
            .and_then(|id| self.memory.patron(id))
            .is_some_and(|patron| patron.opted_out)
            || self.is_opted_out(gateway.id, from);
        match consent::word(body)? {
            // Whoever never opted out has a question that begins with *start*.
            Word::Start if !opted_out => None,
            word => Some(word),
        }
    }

    /// Where the patron's words belong, and the queue they come to.
    fn place(&self, patron: Option<PatronId>, gateway: &Gateway, now: Moment) -> (Place, QueueId) {
        // The clock may have been set back since: then the thread is certainly not old.
        let recent = |at: Timestamp| now.wall.duration_since(at) <= THREAD;
        let Some(patron) = patron else {
            return (Place::New(None), gateway.queue);
        };
        if let Some(open) = self.threads.of_patron(patron) {
            let pending = open.claimed_by.is_some() || open.waiting_since.is_some();
            return if pending || recent(open.active_at) {
                (Place::Open(open.id), open.queue)
            } else {
                (Place::New(Some(open.id)), gateway.queue)
            };
        }
        match self.memory.latest_of(patron) {
            Some(closed) if recent(closed.active_at) && !closed.farewell => {
                let queue = self.present_queue(closed);
                (Place::Closed(closed.id), queue)
            }
            Some(_) | None => (Place::New(None), gateway.queue),
        }
    }

    /// The thread in which the desk writes to a patron, if one goes on.
    pub(super) fn recent_thread(&self, patron: PatronId, now: Moment) -> Option<ConversationId> {
        let open = self.threads.of_patron(patron);
        let closed = || {
            let latest = self.memory.latest_of(patron);
            latest.filter(|closed| {
                !closed.farewell && now.wall.duration_since(closed.active_at) <= THREAD
            })
        };
        open.or_else(closed).map(|conversation| conversation.id)
    }

    /// The text of a blocked sender is written into their thread, and nobody is asked to answer it.
    fn keep_quietly(
        &mut self,
        known: Option<PatronId>,
        place: Place,
        queue: QueueId,
        arrival: Arrival,
        now: Moment,
        ledger: &mut Ledger,
    ) {
        let Some(patron) = known else {
            return;
        };
        let id = match place {
            Place::Open(id) | Place::Closed(id) | Place::New(Some(id)) => id,
            Place::New(None) => {
                self.new_conversation(patron, arrival.gateway.id, queue, now, ledger)
            }
        };
        self.record_in(id, shown(arrival.body), arrival.stamped_at, now, ledger);
        self.change(id, ledger, |c| c.active_at = now.wall);
    }

    /// The text is kept, and put before the queue or its claimant.
    fn keep_text(
        &mut self,
        patron: PatronId,
        place: Place,
        queue: QueueId,
        arrival: Arrival,
        now: Moment,
        ledger: &mut Ledger,
    ) {
        let Arrival {
            gateway,
            body,
            stamped_at,
        } = arrival;
        let (id, first) = match place {
            Place::Open(id) => (id, None),
            Place::Closed(id) => {
                let last = self.memory.closed(id).and_then(|c| c.last_answered_by);
                self.open(id, queue, ledger);
                (id, last)
            }
            Place::New(ended) => {
                if let Some(ended) = ended {
                    let offered = self.offered(ended);
                    self.shut(ended, now, ledger);
                    ledger.withdraw(ended, &offered, "ended after a day");
                }
                let id = self.new_conversation(patron, gateway.id, queue, now, ledger);
                self.open(id, queue, ledger);
                (id, None)
            }
        };
        let flag =
            answerable(gateway.kind, &self.address(patron)) && consent::sounds_like_stop(&body);
        self.record_in(id, shown(body), stamped_at, now, ledger);
        self.change(id, ledger, |conversation| {
            conversation.active_at = now.wall;
            conversation.waiting_since.get_or_insert(now.wall);
            conversation.flagged |= flag;
        });
        let already_shown = matches!(place, Place::Open(_));
        if !already_shown {
            if self.memory.patron(patron).is_some_and(|p| p.opted_out) {
                ledger.note(
                    id,
                    "this patron opted out of texts: only their own START lets us answer".into(),
                );
            }
            self.put_on_offer(id, first, now, ledger);
        }
        let Some(conversation) = self.threads.get(id) else {
            return;
        };
        if conversation.claimed_by.is_some() {
            return;
        }
        let attended = !gateway.paused && self.is_attended(conversation);
        let period = gateway.pause().unwrap_or_else(|| self.closed_period(queue));
        let told = conversation.closed_notice == Some(period);
        let expects = self.awaits_notice(conversation) && self.is_online(queue) && attended;
        if already_shown {
            self.expect_help(id, now);
        }
        let today = attended || self.plan.opening(queue, now.wall).is_today(now.wall);
        if let Some(outage) = self.missed_in(gateway.id, stamped_at, id)
            && today
            && self.excuse(outage, patron, id, now, ledger)
        {
            // It says that the words are here, and when they are answered.
            if !attended {
                self.change(id, ledger, |c| c.closed_notice = Some(period));
            }
        } else if !attended && !told && self.notify(Notice::Closed, patron, id, now, ledger) {
            self.change(id, ledger, |c| c.closed_notice = Some(period));
        }
        if expects {
            self.expect_wait(id, now);
        }
    }

    /// The text is not kept (clause 1): the first of a closed period is answered, and nothing but
    /// the answer is remembered.
    #[expect(clippy::too_many_arguments, reason = "the parts of the one event")]
    fn refuse_text(
        &mut self,
        known: Option<PatronId>,
        from: &str,
        place: Place,
        queue: QueueId,
        arrival: &Arrival,
        now: Moment,
        ledger: &mut Ledger,
    ) {
        let gateway = &arrival.gateway;
        if let Some(known) = known {
            self.count_repeats(known, &arrival.body, now, ledger);
        }
        let period = gateway.pause().unwrap_or_else(|| self.closed_period(queue));
        let told = |c: &Conversation| c.queue == queue && c.closed_notice == Some(period);
        let already = known.is_some_and(|known| {
            let open = self.threads.of_patron(known);
            open.or_else(|| self.memory.latest_of(known))
                .is_some_and(told)
        });
        let due = match known.and_then(|known| self.memory.patron(known)) {
            Some(patron) => self.notice_due(Notice::Refused, patron, queue, now),
            None => {
                let stranger = self.stranger(gateway.id, from);
                self.notice_due(Notice::Refused, &stranger, queue, now)
            }
        };
        if already || due.is_none() {
            return;
        }
        let patron = match known {
            Some(known) => known,
            None => {
                let id = self.new_patron(gateway.id, from, ledger);
                self.count_repeats(id, &arrival.body, now, ledger);
                id
            }
        };
        let id = match place {
            Place::Open(id) | Place::Closed(id) | Place::New(Some(id)) => id,
            Place::New(None) => self.new_conversation(patron, gateway.id, queue, now, ledger),
        };
        self.change(id, ledger, |c| c.closed_notice = Some(period));
        self.notify(Notice::Refused, patron, id, now, ledger);
    }

    /// A wish about texting itself (clause 9). It needs no librarian: it is written into the thread,
    /// and nobody is asked to answer it.
    #[expect(clippy::too_many_arguments, reason = "the parts of the one event")]
    fn grant(
        &mut self,
        wish: Word,
        patron: PatronId,
        place: Place,
        refused: bool,
        arrival: Arrival,
        now: Moment,
        ledger: &mut Ledger,
    ) {
        let was_out = self.memory.patron(patron).is_some_and(|p| p.opted_out);
        let notice = match wish {
            Word::Stop => (!was_out).then_some(Notice::Stopped),
            Word::Help => Some(Notice::Help),
            Word::Start => Some(Notice::Started),
            // Whoever wants to be forgotten leaves no thread: see `forget`.
            Word::Forget => None,
        };
        if wish == Word::Start {
            self.set_opted_out(patron, false, ledger);
        }
        let answered = notice.is_some_and(|notice| {
            let patron = self.memory.patron(patron);
            let queue = arrival.gateway.queue;
            patron.is_some_and(|patron| self.notice_due(notice, patron, queue, now).is_some())
        });
        let id = match place {
            Place::Open(id) | Place::Closed(id) | Place::New(Some(id)) => Some(id),
            // Words that are not kept and get no answer leave no thread behind.
            Place::New(None) if refused && !answered => None,
            Place::New(None) => {
                let Arrival { gateway, .. } = &arrival;
                Some(self.new_conversation(patron, gateway.id, gateway.queue, now, ledger))
            }
        };
        if let Some(id) = id {
            if !refused {
                self.record_in(id, shown(arrival.body), arrival.stamped_at, now, ledger);
                self.change(id, ledger, |c| c.active_at = now.wall);
            }
            if let Some(notice) = notice {
                self.notify(notice, patron, id, now, ledger);
            }
        }
        if wish == Word::Stop && !was_out {
            self.set_opted_out(patron, true, ledger);
            if let Some(address) = self.memory.patron(patron).map(|p| p.address.clone()) {
                for twin in self.telephones(&address) {
                    self.end_for_stop(twin, now, ledger);
                }
            }
        }
    }

    /// The patron wants no more texts: what nobody has taken up cannot be answered any more.
    fn end_for_stop(&mut self, patron: PatronId, now: Moment, ledger: &mut Ledger) {
        const WHY: &str = "the patron opted out of texts";
        let Some(open) = self.threads.of_patron(patron) else {
            return;
        };
        let id = open.id;
        ledger.note(id, WHY.to_owned());
        if open.claimed_by.is_none() {
            let offered = self.offered(id);
            self.shut(id, now, ledger);
            ledger.withdraw(id, &offered, WHY);
        }
    }

    /// A text shown in part has more words now.
    pub(super) fn amend_text(
        &mut self,
        message: MessageId,
        conversation: ConversationId,
        body: String,
        ledger: &mut Ledger,
    ) -> Result<(), Refusal> {
        self.memory
            .message(message)
            .filter(|m| m.conversation == conversation && m.direction == Direction::In)
            .ok_or(Refusal::NoSuchMessage)?;
        let flag = consent::sounds_like_stop(&body);
        let body = shown(body);
        self.memory
            .change_message(message, |m| m.body.clone_from(&body));
        if flag && self.threads.get(conversation).is_some_and(|c| !c.flagged) {
            self.change(conversation, ledger, |c| c.flagged = true);
        }
        ledger.row(Effect::Reword {
            message,
            conversation,
            body,
        });
        Ok(())
    }

    /// Opens a closed conversation, before this queue.
    pub(super) fn open(&mut self, id: ConversationId, queue: QueueId, ledger: &mut Ledger) {
        let Some(mut conversation) = self.memory.unshelve(id) else {
            return;
        };
        if conversation.queue != queue {
            conversation.queue = queue;
            conversation.closed_notice = None;
        }
        let helps = self.plan.queue(queue).and_then(|queue| queue.fallback);
        if conversation.partner() != helps.map(|fallback| fallback.queue)
            && conversation.rollover != Rollover::Declined
        {
            conversation.rollover = Rollover::Home;
        }
        conversation.state = self.standing(&conversation);
        conversation.closed_at = None;
        conversation.waiting_noticed = false;
        self.memory.hold(conversation.patron);
        self.threads.insert(conversation);
        ledger.conversation(id);
    }

    /// Closes an open conversation.
    pub(super) fn shut(&mut self, id: ConversationId, now: Moment, ledger: &mut Ledger) {
        let Some(mut conversation) = self.threads.remove(id) else {
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
        conversation.marks.promise = None;
        if let Rollover::Offered(queue) = conversation.rollover {
            conversation.rollover = Rollover::Shared(queue);
        }
        let patron = conversation.patron;
        self.memory.shelve(conversation);
        self.memory.let_pass(patron);
        self.memory.settle(patron);
        ledger.conversation(id);
    }

    /// The gateway, if it still takes texts.
    pub(super) fn gateway_in_use(&self, id: GatewayId) -> Result<&Gateway, Refusal> {
        self.plan
            .gateway(id)
            .filter(|gateway| !gateway.removed)
            .ok_or(Refusal::NoSuchGateway)
    }

    fn address(&self, patron: PatronId) -> String {
        self.memory
            .patron(patron)
            .map(|Patron { address, .. }| address.clone())
            .unwrap_or_default()
    }
}

fn shown(body: String) -> String {
    if body.trim().is_empty() {
        EMPTY.to_owned()
    } else {
        body
    }
}
