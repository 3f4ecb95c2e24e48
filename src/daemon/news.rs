//! What operators are told of, once it is on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::owner::Owner;
use crate::desk::{Change, What};
use crate::routing::{Effect, Message, OperatorId, QueueId, Show};
use crate::spool::{SpoolError, transcript};

/// An effect that is on disk, with what operators have to be shown of it.
pub(super) struct Told {
    effect: Effect,
    row: Option<i64>,
    about: Option<About>,
}

/// What a row of the feed is about, read in the transaction that wrote it.
enum About {
    Message(Message, QueueId),
    Note(QueueId),
}

impl Told {
    pub(super) fn bell(effect: Effect) -> Self {
        Self {
            effect,
            row: None,
            about: None,
        }
    }

    pub(super) fn kept(
        connection: &rusqlite::Connection,
        effect: Effect,
        now: Timestamp,
    ) -> Result<Self, SpoolError> {
        let row = transcript::keep(connection, &effect, now)?;
        let about = match &effect {
            Effect::Record(message) => transcript::queue_of(connection, message.conversation)?
                .map(|queue| About::Message(message.clone(), queue)),
            Effect::Reword { message, .. }
            | Effect::SetDelivery { message, .. }
            | Effect::React { message, .. } => match transcript::message(connection, *message)? {
                Some(message) => transcript::queue_of(connection, message.conversation)?
                    .map(|queue| About::Message(message, queue)),
                None => None,
            },
            Effect::Note { conversation, .. } | Effect::Remark { conversation, .. } => {
                transcript::queue_of(connection, *conversation)?.map(About::Note)
            }
            _ => None,
        };
        Ok(Self { effect, row, about })
    }
}

pub(super) fn is_row(effect: &Effect) -> bool {
    match effect {
        Effect::KeepPatron(_)
        | Effect::KeepConversation(_)
        | Effect::Record(_)
        | Effect::Reword { .. }
        | Effect::SetDelivery { .. }
        | Effect::React { .. }
        | Effect::CountKeyword { .. }
        | Effect::Submit { .. }
        | Effect::KeepShow { .. }
        | Effect::KeepClosedPeriod { .. }
        | Effect::KeepConsent { .. }
        | Effect::KeepOutage { .. }
        | Effect::Forget { .. }
        | Effect::Erase { .. }
        | Effect::Note { .. }
        | Effect::Remark { .. }
        | Effect::Audit { .. } => true,
        Effect::Offer { .. }
        | Effect::Withdraw { .. }
        | Effect::OperatorShows { .. }
        | Effect::QueueShows { .. } => false,
    }
}

impl Owner {
    /// Tells operators what is on disk now.
    pub(super) fn perform(&mut self, told: Vec<Told>) {
        let (mut presence, mut due, mut erased) = (false, false, false);
        for Told { effect, row, about } in told {
            let what = match (effect, about) {
                (Effect::KeepConversation(conversation), _) => {
                    What::Conversation(Arc::new(conversation))
                }
                (Effect::React { mark, .. }, Some(About::Message(message, queue))) => {
                    let words = match mark {
                        Some(mark) => format!("{mark} to “{}”", message.body),
                        None => format!("took the mark back from “{}”", message.body),
                    };
                    What::Reaction {
                        conversation: message.conversation,
                        queue,
                        text: words.into(),
                    }
                }
                (_, Some(About::Message(message, queue))) => {
                    What::Message(Arc::new(message), queue)
                }
                (Effect::Note { conversation, text }, Some(About::Note(queue))) => What::Note {
                    conversation,
                    queue,
                    text: text.into(),
                },
                (
                    Effect::Remark {
                        conversation,
                        by,
                        text,
                    },
                    Some(About::Note(queue)),
                ) => What::Note {
                    conversation,
                    queue,
                    text: match self.board.plan.operator(by) {
                        Some(operator) => format!("{}: {text}", operator.name).into(),
                        None => text.into(),
                    },
                },
                (Effect::Offer { conversation, to }, _) => What::Offered { conversation, to },
                (
                    Effect::Withdraw {
                        conversation,
                        from,
                        reason,
                    },
                    _,
                ) => What::Withdrawn {
                    conversation,
                    from,
                    reason: reason.into(),
                },
                (Effect::OperatorShows { operator, show }, _) => {
                    presence = true;
                    What::Operator { operator, show }
                }
                (Effect::QueueShows { queue, online }, _) => {
                    presence = true;
                    What::Queue { queue, online }
                }
                (Effect::Submit { .. }, _) => {
                    due = true;
                    continue;
                }
                (Effect::Forget { .. } | Effect::Erase { .. }, _) => {
                    erased = true;
                    // The feed's rows say which; when none was there, nobody saw any.
                    if row.is_none() {
                        continue;
                    }
                    What::Erased
                }
                // Nobody is told of these; or the row they speak of is gone since.
                (
                    Effect::KeepPatron(_)
                    | Effect::KeepShow { .. }
                    | Effect::KeepClosedPeriod { .. }
                    | Effect::KeepConsent { .. }
                    | Effect::KeepOutage { .. }
                    | Effect::Record(_)
                    | Effect::Reword { .. }
                    | Effect::SetDelivery { .. }
                    | Effect::React { .. }
                    | Effect::CountKeyword { .. }
                    | Effect::Note { .. }
                    | Effect::Remark { .. }
                    | Effect::Audit { .. },
                    _,
                ) => continue,
            };
            self.tell(row.unwrap_or(0), what);
        }
        // A line tells its number, or its SIM: no row, and nothing that anybody is shown.
        if presence || self.router.countries() != self.board.countries {
            self.hang_board(false);
        }
        if due {
            self.counter
                .due
                .send_modify(|rung| *rung = rung.wrapping_add(1));
        }
        if erased {
            self.counter
                .erased
                .send_modify(|rung| *rung = rung.wrapping_add(1));
        }
    }

    pub(super) fn tell(&self, id: i64, what: What) {
        // No listener is not an error: the row is there for whoever comes.
        let _ = self.counter.changes.send(Arc::new(Change { id, what }));
    }

    pub(super) fn hang_board(&mut self, always: bool) {
        let shows: BTreeMap<OperatorId, Show> = self.router.shows().collect();
        let online: BTreeSet<QueueId> = self.router.online().collect();
        let countries = self.router.countries();
        let same = shows == self.board.shows
            && online == self.board.online
            && countries == self.board.countries;
        if always || !same {
            self.board.countries = countries;
            self.board.shows = shows;
            self.board.online = online;
            self.counter
                .board
                .send_replace(Arc::new(self.board.clone()));
        }
    }
}
