//! Voice calls: hung up at once, and told once each, with the caller where the network says who.

use std::time::{Duration, Instant};

use super::{Effect, Session};
use crate::at::{Command, Reply};

/// Rings of one call come every five seconds or so; after this much silence it is another.
const SAME_CALL: Duration = Duration::from_secs(20);

/// A call.
#[derive(Debug)]
pub(super) struct Calling {
    /// Who called, once that was said.
    from: Option<String>,
    /// The last ring.
    rang_at: Instant,
    told: bool,
}

impl Session {
    /// `RING`.
    pub(super) fn rang(&mut self, now: Instant) {
        self.hang_up = true;
        match &mut self.calling {
            Some(calling) if now < calling.rang_at + SAME_CALL => calling.rang_at = now,
            Some(_) | None => {
                tracing::info!("a voice call came in; hanging up");
                self.calling = Some(Calling {
                    from: None,
                    rang_at: now,
                    told: false,
                });
            }
        }
    }

    /// `+CLIP`, behind a ring, or on some modems before the first.
    pub(super) fn caller(&mut self, number: Option<String>, now: Instant) {
        self.rang(now);
        let Some(calling) = &mut self.calling else {
            return;
        };
        let another = number.is_some() && calling.from.is_some() && calling.from != number;
        if another {
            calling.told = false;
        }
        if number.is_some() {
            calling.from = number;
            self.tell_call();
        }
    }

    /// The caller gave up, or was hung up on.
    pub(super) fn call_ended(&mut self) {
        self.tell_call();
        self.hang_up = false;
    }

    /// How hanging up went; a modem that knows no `+CHUP` is asked in the old way.
    pub(super) fn hung_up(&mut self, reply: &Reply) {
        self.tell_call();
        if reply.command == Command::HangUp && !reply.is_ok() {
            self.run_errand(Command::OnHook);
        }
    }

    fn tell_call(&mut self) {
        if let Some(calling) = &mut self.calling
            && !std::mem::replace(&mut calling.told, true)
        {
            let from = calling.from.clone();
            self.effects.push_back(Effect::Called(from));
        }
    }
}
