//! A patron's text comes in: to which thread it belongs, and whether it is kept (clauses 1, 4, 9).

use jiff::Timestamp;

use super::consent::reactions::{self, Reaction};
use super::consent::{self, Wish, Word};
use super::effect::Effect;
use super::ids::{ConversationId, GatewayId, MessageId, PatronId, QueueId};
use super::notice::{Allowance, Notice};
use super::opening::THREAD;
use super::plan::{Gateway, GatewayKind, answerable};
use super::record::{Conversation, Direction, Rollover};
use super::refusal::Refusal;
use super::state::State;
use super::turn::Turn;
use crate::numbers::PatronNumber;

/// What is shown of a text without words.
const EMPTY: &str = "(empty)";

/// A text as it came.
struct Arrival {
    gateway: Gateway,
    body: String,
    stamped_at: Option<Timestamp>,
    /// Nothing automatic answers it.
    silent: bool,
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

impl Turn<'_> {
    pub(super) fn take_text(
        &mut self,
        gateway: GatewayId,
        from: &PatronNumber,
        body: String,
        stamped_at: Option<Timestamp>,
    ) -> Result<(), Refusal> {
        let gateway = self.state.gateway_in_use(gateway)?.clone();
        let known = self.state.memory.patron_at(gateway.id, from).map(|p| p.id);
        let wish = self.state.wish(&gateway, from, known, &body);
        let reaction = match wish {
            Some(_) => None,
            None => reactions::read(&body),
        };
        if let Some(reaction) = &reaction
            && self.react(known, from, &gateway, reaction)
        {
            return Ok(());
        }
        let (place, queue) = self.place(known, &gateway);
        let open = match place {
            Place::Open(id) => self.state.threads.get(id),
            Place::Closed(_) | Place::New(_) => None,
        };
        let claimed = open.is_some_and(|open| open.claimed_by.is_some());
        let refused = !claimed && self.state.refuses(&gateway, queue, open);
        let declines = open.is_some_and(|open| matches!(open.rollover, Rollover::Offered(_)))
            && consent::is_no(&body);
        if refused && wish.is_none() && gateway.kind == GatewayKind::Widget {
            return Err(Refusal::Offline);
        }
        // Thanks, or a tap, for what is over: nobody's question (clause 9).
        let parting = matches!(place, Place::Closed(_))
            && wish.is_none()
            && (reactions::is_emoji_alone(&body) || reactions::is_thanks_alone(&body));
        let answer = match wish {
            None if !declines => keyword_of(&gateway, &body),
            Some(_) | None => None,
        };

        let arrival = Arrival {
            gateway,
            body,
            stamped_at,
            silent: reaction.is_some() || parting,
        };
        if let Some(wish) = wish {
            let asks = (wish.word == Word::Forget)
                .then(|| self.state.asks_before_erasing(from, self.now))
                .flatten();
            if wish.word == Word::Forget && asks.is_none() {
                self.forget(known, from, &arrival.gateway, wish.language);
                return Ok(());
            }
            let patron = self.patron(known, &arrival.gateway, from);
            self.count_repeats(patron, &arrival.body);
            self.grant(wish, patron, place, refused, arrival);
            if let Some(attended) = asks {
                self.warn_of_erasure(attended);
            }
        } else if known.is_some_and(|patron| self.is_blocked(patron)) {
            if !refused {
                self.keep_quietly(known, place, queue, &arrival);
            }
        } else if let Some(answer) = answer {
            let patron = self.patron(known, &arrival.gateway, from);
            self.count_repeats(patron, &arrival.body);
            self.answer_keyword(&answer, patron, place, refused, arrival);
        } else if refused {
            self.refuse_text(known, from, place, queue, &arrival);
        } else if parting {
            self.keep_quietly(known, place, queue, &arrival);
        } else {
            let patron = self.patron(known, &arrival.gateway, from);
            self.count_repeats(patron, &arrival.body);
            self.keep_text(patron, place, queue, arrival);
            if let Place::Open(id) = place
                && declines
            {
                self.decline(id);
            }
        }
        Ok(())
    }

    /// The patron, remembered from now on if they were not.
    fn patron(
        &mut self,
        known: Option<PatronId>,
        gateway: &Gateway,
        from: &PatronNumber,
    ) -> PatronId {
        match known {
            Some(patron) => patron,
            None => self.new_patron(gateway.id, from),
        }
    }

    /// Where the patron's words belong, and the queue they come to.
    fn place(&self, patron: Option<PatronId>, gateway: &Gateway) -> (Place, QueueId) {
        let now = self.now;
        // The clock may have been set back since: then the thread is certainly not old.
        let recent = |at: Timestamp| now.wall.duration_since(at) <= THREAD;
        let Some(patron) = patron else {
            return (Place::New(None), gateway.queue);
        };
        if let Some(open) = self.state.threads.of_patron(patron) {
            let pending = open.claimed_by.is_some() || open.waiting_since.is_some();
            return if pending || recent(open.active_at) {
                (Place::Open(open.id), open.queue)
            } else {
                (Place::New(Some(open.id)), gateway.queue)
            };
        }
        match self.state.memory.latest_of(patron) {
            Some(closed) if recent(closed.active_at) && !closed.farewell => {
                let queue = self.state.present_queue(closed);
                (Place::Closed(closed.id), queue)
            }
            Some(_) | None => (Place::New(None), gateway.queue),
        }
    }

    /// A tap on one of our texts is a mark beside it and nobody's question: nothing opens, waits or
    /// answers (clause 9). Whether it was one: what quotes none of our texts is a text.
    fn react(
        &mut self,
        known: Option<PatronId>,
        from: &PatronNumber,
        gateway: &Gateway,
        reaction: &Reaction,
    ) -> bool {
        let (Some(patron), Some(quoted)) = (known, &reaction.quoted) else {
            return false;
        };
        let state = &self.state;
        let is_theirs = |id| state.conversation(id).is_some_and(|c| c.patron == patron);
        let found = state
            .memory
            .said_to(gateway.id, from, is_theirs)
            .find(|message| reactions::quotes(quoted, &message.body));
        let Some(message) = found else {
            return false;
        };
        let (id, conversation, before) = (message.id, message.conversation, &message.reaction);
        let mark = match before {
            Some(before) if reaction.removed => {
                (!reactions::is_same(before, &reaction.mark)).then(|| before.clone())
            }
            None if reaction.removed => None,
            Some(_) | None => Some(reaction.mark.clone()),
        };
        if mark != *before {
            self.state
                .memory
                .change_message(id, |message| message.reaction.clone_from(&mark));
            self.effects.row(Effect::React {
                message: id,
                conversation,
                mark,
            });
        }
        true
    }

    /// A text is written into its thread, and nobody is asked to answer it.
    fn keep_quietly(
        &mut self,
        known: Option<PatronId>,
        place: Place,
        queue: QueueId,
        arrival: &Arrival,
    ) {
        let now = self.now;
        let Some(patron) = known else {
            return;
        };
        let id = match place {
            Place::Open(id) | Place::Closed(id) | Place::New(Some(id)) => id,
            Place::New(None) => self.new_conversation(patron, arrival.gateway.id, queue),
        };
        self.record_in(id, shown(arrival.body.clone()), arrival.stamped_at);
        self.change(id, |c| c.active_at = now.wall);
    }

    /// The text is kept, and put before the queue or its claimant.
    fn keep_text(&mut self, patron: PatronId, place: Place, queue: QueueId, arrival: Arrival) {
        let now = self.now;
        let Arrival {
            gateway,
            body,
            stamped_at,
            silent,
        } = arrival;
        let (id, first) = match place {
            Place::Open(id) => (id, None),
            Place::Closed(id) => {
                let last = self
                    .state
                    .memory
                    .closed(id)
                    .and_then(|c| c.last_answered_by);
                self.open(id, queue);
                (id, last)
            }
            Place::New(ended) => {
                if let Some(ended) = ended {
                    let offered = self.state.offered(ended);
                    self.shut(ended);
                    self.effects.withdraw(ended, &offered, "ended after a day");
                }
                let id = self.new_conversation(patron, gateway.id, queue);
                self.open(id, queue);
                (id, None)
            }
        };
        let address = self.state.address(patron);
        let flag = address.is_some_and(|address| answerable(gateway.kind, address))
            && consent::sounds_like_stop(&body);
        self.record_in(id, shown(body), stamped_at);
        self.change(id, |conversation| {
            conversation.active_at = now.wall;
            conversation.quiet =
                silent && (conversation.quiet || conversation.waiting_since.is_none());
            conversation.waiting_since.get_or_insert(now.wall);
            conversation.flagged |= flag;
        });
        let already_shown = matches!(place, Place::Open(_));
        if !already_shown {
            if self
                .state
                .memory
                .patron(patron)
                .is_some_and(|p| p.opted_out)
            {
                self.effects.note(
                    id,
                    "this patron opted out of texts: only their own START lets us answer".into(),
                );
            }
            self.put_on_offer(id, first);
        }
        let Some(conversation) = self.state.threads.get(id) else {
            return;
        };
        if conversation.claimed_by.is_some() {
            return;
        }
        // Silent or not, it waits, and helpers are to see it: only the patron is told nothing.
        if already_shown {
            self.expect_help(id);
        }
        let Some(conversation) = self.state.threads.get(id).filter(|_| !silent) else {
            return;
        };
        let attended = !gateway.paused && self.state.is_attended(conversation);
        let period = gateway
            .pause()
            .unwrap_or_else(|| self.state.period(queue, self.now.wall));
        let told = conversation.closed_notice == Some(period);
        let expects =
            self.state.awaits_notice(conversation) && self.state.is_online(queue) && attended;
        let today = attended || self.state.plan.opening(queue, now.wall).is_today(now.wall);
        if let Some(outage) = self.state.missed_in(gateway.id, stamped_at, id)
            && today
            && self.excuse(outage, patron, id)
        {
            // It says that the words are here, and when they are answered.
            if !attended {
                self.change(id, |c| c.closed_notice = Some(period));
            }
        } else if !attended && !told && self.notify(Notice::Closed, patron, id) {
            self.change(id, |c| c.closed_notice = Some(period));
        }
        if expects {
            self.expect_wait(id);
        }
    }

    /// The text is not kept (clause 1): the first of a closed period is answered, and nothing but
    /// the answer is remembered.
    fn refuse_text(
        &mut self,
        known: Option<PatronId>,
        from: &PatronNumber,
        place: Place,
        queue: QueueId,
        arrival: &Arrival,
    ) {
        let gateway = &arrival.gateway;
        if let Some(known) = known {
            self.count_repeats(known, &arrival.body);
        }
        let period = gateway
            .pause()
            .unwrap_or_else(|| self.state.period(queue, self.now.wall));
        let told = |c: &Conversation| c.queue == queue && c.closed_notice == Some(period);
        let already = known.is_some_and(|known| {
            let open = self.state.threads.of_patron(known);
            open.or_else(|| self.state.memory.latest_of(known))
                .is_some_and(told)
        });
        let due = match known.and_then(|known| self.state.memory.patron(known)) {
            Some(patron) => self.notice_due("en", Notice::Refused, patron, queue),
            None => {
                let stranger = self.state.stranger(gateway.id, from);
                self.notice_due("en", Notice::Refused, &stranger, queue)
            }
        };
        if already || arrival.silent || due.is_none() || consent::sounds_like_stop(&arrival.body) {
            return;
        }
        let patron = match known {
            Some(known) => known,
            None => {
                let id = self.new_patron(gateway.id, from);
                self.count_repeats(id, &arrival.body);
                id
            }
        };
        let id = match place {
            Place::Open(id) | Place::Closed(id) | Place::New(Some(id)) => id,
            Place::New(None) => self.new_conversation(patron, gateway.id, queue),
        };
        self.change(id, |c| c.closed_notice = Some(period));
        self.notify(Notice::Refused, patron, id);
    }

    /// A wish about texting itself (clause 9). It needs no librarian: it is written into the thread,
    /// and nobody is asked to answer it.
    fn grant(
        &mut self,
        wish: Wish,
        patron: PatronId,
        place: Place,
        refused: bool,
        arrival: Arrival,
    ) {
        let was_out = self
            .state
            .memory
            .patron(patron)
            .is_some_and(|p| p.opted_out);
        let notice = match wish.word {
            Word::Stop => (!was_out).then_some(Notice::Stopped),
            Word::Help => Some(Notice::Help),
            Word::Start => Some(Notice::Started),
            // Whoever is forgotten leaves no thread: see `forget`. This one is asked first.
            Word::Forget => Some(Notice::Confirm),
        };
        if wish.word == Word::Start {
            self.set_opted_out(patron, false);
        }
        let answered = notice.is_some_and(|notice| {
            let patron = self.state.memory.patron(patron);
            let due =
                |patron| self.notice_due(wish.language, notice, patron, arrival.gateway.queue);
            patron.and_then(due).is_some()
        });
        if let Some(id) = self.write_down(answered, patron, place, refused, arrival)
            && let Some(notice) = notice
        {
            self.notify_in(wish.language, notice, [], patron, id);
        }
        if wish.word == Word::Stop && !was_out {
            self.stop(patron);
        }
    }

    /// A word of the library's own: answered, and nobody is asked to (clause 10). What the guards do
    /// not let through is written down all the same.
    fn answer_keyword(
        &mut self,
        answer: &str,
        patron: PatronId,
        place: Place,
        refused: bool,
        arrival: Arrival,
    ) {
        let known = self.state.memory.patron(patron);
        let due = known.and_then(|known| self.keyword_due(answer, known, arrival.gateway.queue));
        let id = self.write_down(due.is_some(), patron, place, refused, arrival);
        if let (Some(id), Some(words)) = (id, due) {
            self.effects.row(Effect::CountKeyword { conversation: id });
            self.say(Allowance::Keywords, words, patron, id);
        }
    }

    /// Writes words that need no librarian into the thread where there is one, else into one that is
    /// closed. Words that are not kept and get no answer leave no thread behind.
    fn write_down(
        &mut self,
        answered: bool,
        patron: PatronId,
        place: Place,
        refused: bool,
        arrival: Arrival,
    ) -> Option<ConversationId> {
        let now = self.now;
        let Arrival {
            gateway,
            body,
            stamped_at,
            ..
        } = arrival;
        let id = match place {
            Place::Open(id) | Place::Closed(id) | Place::New(Some(id)) => id,
            Place::New(None) if refused && !answered => return None,
            Place::New(None) => self.new_conversation(patron, gateway.id, gateway.queue),
        };
        if !refused {
            self.record_in(id, shown(body), stamped_at);
            self.change(id, |c| c.active_at = now.wall);
        }
        Some(id)
    }

    /// A librarian is in the conversation: they see that its patron asked to be forgotten.
    fn warn_of_erasure(&mut self, attended: ConversationId) {
        let now = self.now;
        self.change(attended, |c| c.erasure_asked_at = Some(now.wall));
        self.effects.note(
            attended,
            "the patron asked to be forgotten: everything is erased when they text FORGET again \
             within a day"
                .into(),
        );
    }

    /// A text shown in part has more words now.
    pub(super) fn amend_text(
        &mut self,
        message: MessageId,
        conversation: ConversationId,
        body: String,
    ) -> Result<(), Refusal> {
        self.state
            .memory
            .message(message)
            .filter(|m| m.conversation == conversation && m.direction == Direction::In)
            .ok_or(Refusal::NoSuchMessage)?;
        let flag = consent::sounds_like_stop(&body);
        let body = shown(body);
        self.state
            .memory
            .change_message(message, |m| m.body.clone_from(&body));
        if flag
            && self
                .state
                .threads
                .get(conversation)
                .is_some_and(|c| !c.flagged)
        {
            self.change(conversation, |c| c.flagged = true);
        }
        self.effects.row(Effect::Reword {
            message,
            conversation,
            body,
        });
        Ok(())
    }
}

impl State {
    /// What the text asks for, if it is a wish about texting itself. Only telephones text.
    fn wish(
        &self,
        gateway: &Gateway,
        from: &PatronNumber,
        known: Option<PatronId>,
        body: &str,
    ) -> Option<Wish> {
        match gateway.kind {
            GatewayKind::Sms => {}
            GatewayKind::Im | GatewayKind::Widget => return None,
        }
        if !answerable(gateway.kind, from) || self.is_ourselves(from) {
            return None;
        }
        let opted_out = known
            .and_then(|id| self.memory.patron(id))
            .is_some_and(|patron| patron.opted_out)
            || self.is_opted_out(gateway.id, from);
        let wish = consent::wish(body, self.languages.get(&gateway.id)?)?;
        match wish.word {
            // Whoever never opted out has a question that begins with *start*.
            Word::Start if !opted_out => None,
            Word::Start | Word::Stop | Word::Help | Word::Forget => Some(wish),
        }
    }
}

/// The answer to a text that is one of the library's keywords, the whole of it.
fn keyword_of(gateway: &Gateway, body: &str) -> Option<String> {
    if gateway.keywords.is_empty() {
        return None;
    }
    let keyword = gateway.keywords.get(&consent::keyword(body)?)?;
    Some(keyword.answer.clone())
}

fn shown(body: String) -> String {
    if body.trim().is_empty() {
        EMPTY.to_owned()
    } else {
        body
    }
}
