//! What a patron tried and this line cannot take: pictures and voice calls. Both are shown, and the
//! patron is told once what the line is for.

use jiff::Timestamp;

use super::ids::GatewayId;
use super::notice::{Allowance, Notice};
use super::plan::answerable;
use super::refusal::Refusal;
use super::turn::Turn;
use crate::numbers::PatronNumber;

/// What stands in the thread in a picture's place.
const PICTURE: &str = "(a picture message: this line cannot open pictures)";
/// What stands behind a text of which a modem handed on no more than the words.
const IN_WORDS: &str =
    "the modem handed this text on without its time: a part of it may be missing";
/// What stands in the thread after a call.
const CALLED: &str = "called by voice; this line takes texts only, so the call was ended";

impl Turn<'_> {
    /// A picture comes in: shown as a text would be, and answered with M6.
    pub(super) fn take_picture(
        &mut self,
        gateway: GatewayId,
        from: &PatronNumber,
        stamped_at: Option<Timestamp>,
    ) -> Result<(), Refusal> {
        self.take_text(gateway, from, PICTURE.into(), stamped_at)?;
        let patron = self
            .state
            .memory
            .patron_at(gateway, from)
            .map(|known| known.id);
        let shown = patron.and_then(|patron| self.state.threads.of_patron(patron));
        // A picture that the gateway refused has been answered by then, and has no thread.
        if let Some((patron, id)) = shown.map(|thread| (thread.patron, thread.id)) {
            self.notify(Notice::Picture, patron, id);
        }
        Ok(())
    }

    /// A text came in words: noted where it is shown.
    pub(super) fn came_in_words(&mut self, gateway: GatewayId, from: &PatronNumber) {
        let patron = self.state.memory.patron_at(gateway, from);
        let thread = patron.and_then(|known| self.state.threads.of_patron(known.id));
        if let Some(id) = thread.map(|thread| thread.id) {
            self.effects.note(id, IN_WORDS.into());
        }
    }

    /// A call was ended: noted where the caller's thread is, and answered with M4.
    pub(super) fn miss_call(
        &mut self,
        gateway: GatewayId,
        from: &PatronNumber,
    ) -> Result<(), Refusal> {
        let now = self.now;
        let gateway = self.state.gateway_in_use(gateway)?;
        if !answerable(gateway.kind, from) || self.state.is_ourselves(from) {
            return Ok(());
        }
        let (gateway, queue) = (gateway.id, gateway.queue);
        let known = self
            .state
            .memory
            .patron_at(gateway, from)
            .map(|known| known.id);
        let thread = known.and_then(|patron| self.recent_thread(patron));
        if let Some(id) = thread {
            self.effects.note(id, CALLED.into());
        }
        if known.is_some_and(|patron| self.is_blocked(patron)) {
            return Ok(());
        }
        let due = match known.and_then(|known| self.state.memory.patron(known)) {
            // A call says no word of the patron's: it draws no more than a day's automatic texts.
            Some(patron) if !self.has_room_today(Allowance::OwnAccord, patron) => None,
            Some(patron) => self.notice_due("en", Notice::Help, patron, queue),
            None => self.notice_due(
                "en",
                Notice::Help,
                &self.state.stranger(gateway, from),
                queue,
            ),
        };
        if due.is_none() || (known.is_none() && !self.state.breaker.answer_stranger(now)) {
            return Ok(());
        }
        let patron = match known {
            Some(patron) => patron,
            None => self.new_patron(gateway, from),
        };
        let id = match thread {
            Some(id) => id,
            // Nothing waits for a librarian: a new thread is closed until the caller texts.
            None => {
                let id = self.new_conversation(patron, gateway, queue);
                self.effects.note(id, CALLED.into());
                id
            }
        };
        self.notify(Notice::Help, patron, id);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::test_desk::{ANA, LINE, TestDesk, elm, submits};
    use super::super::*;

    const PAT: &str = "+15551230100";

    fn picture(from: &str) -> Event {
        Event::PictureArrived {
            gateway: LINE,
            from: from.into(),
            stamped_at: None,
        }
    }

    fn call(from: &str) -> Event {
        Event::CallMissed {
            gateway: LINE,
            from: from.into(),
        }
    }

    #[test]
    fn a_picture_is_shown_and_answered() {
        let mut desk = TestDesk::new(elm());
        desk.arrives(ANA);
        let effects = desk.does(picture(PAT));
        let said = submits(&effects);
        assert_eq!(said.len(), 1);
        assert!(said[0].1.contains("can't open pictures"), "{said:?}");
        assert_eq!(desk.state(1), ConversationState::Waiting);
        assert!(desk.thread(1)[0].contains("a picture message"));
    }

    #[test]
    fn a_picture_from_a_service_is_shown_and_not_answered() {
        let mut desk = TestDesk::new(elm());
        desk.arrives(ANA);
        assert!(submits(&desk.does(picture("22000"))).is_empty());
        assert_eq!(desk.state(1), ConversationState::Waiting);
    }

    #[test]
    fn a_call_is_noted_in_the_thread_that_goes_on_and_told_what_the_line_is() {
        let mut desk = TestDesk::new(elm());
        desk.arrives(ANA);
        desk.text(PAT, "Is my book in?");
        let effects = desk.does(call(PAT));
        let said = submits(&effects);
        assert!(said[0].1.contains("text line: ask us anything"), "{said:?}");
        assert_eq!(desk.rows.notes.last().unwrap().0, ConversationId(1));
        assert_eq!(desk.rows.conversations.len(), 1);
    }

    #[test]
    fn strangers_who_call_are_told_a_few_times_an_hour_and_open_no_thread() {
        let mut desk = TestDesk::new(elm());
        let mut told = 0;
        for n in 0..9 {
            let effects = desk.does(call(&format!("+1555123020{n}")));
            told += submits(&effects).len();
        }
        assert_eq!(told, 5);
        assert_eq!(desk.state(1), ConversationState::Closed);
        desk.wait(3600);
        assert_eq!(submits(&desk.does(call(PAT))).len(), 1);
        for from in ["", "22000", "INFO"] {
            assert!(desk.does(call(from)).is_empty(), "{from:?}");
        }
    }

    #[test]
    fn who_opted_out_is_not_texted_for_calling() {
        let mut desk = TestDesk::new(elm());
        desk.text(PAT, "STOP");
        assert!(submits(&desk.does(call(PAT))).is_empty());
    }
}
