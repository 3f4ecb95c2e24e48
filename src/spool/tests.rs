//! What the spool promises, by room.

#![allow(clippy::unwrap_used)]

mod arrivals;
mod erasing;
mod live_feed;
mod opening;
mod plan_and_staff;
mod queries;
mod records;
mod sending;
mod status_reports;
mod telephones;
mod threads;
mod transactions;

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use tempfile::TempDir;

use super::feed::{FeedKind, since};
use super::inbox::Raw;
use super::outbox::{
    Due, Matched, OutboxId, Reported, SegmentId, SegmentState, Settled, Told, Way, Which, attempt,
    attempted_between, doubt_interrupted, lay_down, next_concat_reference, next_due, next_due_at,
    not_accepted, put_off, report, segments, settle, untold,
};
use super::transcript::{Entry, Listing, keep, remember};
use super::*;
use crate::numbers::PatronNumber;
use crate::routing::{
    Amendment, Answered, ArrivalId, Author, Conversation, ConversationId, ConversationState,
    DeliveryState, Direction, Effect, GatewayId, GatewayKind, Library, Marks, Message, MessageId,
    Notice, OfflinePolicy, OperatorId, Patron, PatronId, Promise, QueueId, Repeats, Role, Rollover,
    Show, Transfer, TransferTarget,
};

impl Spool {
    /// Writes, and makes the test's thread wait for it.
    pub(super) fn write_blocking<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let write = || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            runtime.build().unwrap().block_on(self.write(job))
        };
        // A thread of its own: the test may have a runtime already.
        thread::scope(|scope| scope.spawn(write).join().unwrap())
    }
}

struct Shelf {
    folder: TempDir,
    spool: Spool,
}

impl Shelf {
    fn path(&self) -> PathBuf {
        self.folder.path().join("spool.db")
    }

    fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.spool.write_blocking(job)
    }

    fn do_<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> T {
        self.write(job).unwrap()
    }

    fn amend(&self, amendment: Amendment) -> Result<()> {
        self.write(move |c| staff::amend(c, &amendment, at(0)))
    }

    fn refusal(&self, amendment: Amendment) -> String {
        match self.amend(amendment.clone()) {
            Err(SpoolError::Refused(error)) => error.to_string(),
            other => panic!("{amendment:?} came to {other:?}"),
        }
    }
}

fn shelf() -> Shelf {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(&folder.path().join("spool.db")).unwrap();
    Shelf { folder, spool }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn queues(spool: &Spool) -> Vec<String> {
    let plan = spool.write_blocking(|c| staff::plan(c, &Library::default()));
    plan.unwrap().queues.into_iter().map(|q| q.name).collect()
}

/// A spool with operator 1, gateway 1 on line `m`, all in queue 1.
fn staffed() -> Shelf {
    let shelf = shelf();
    shelf
        .amend(Amendment::AddLine { name: "m".into() })
        .unwrap();
    shelf.amend(add_operator("ana", &["desk"])).unwrap();
    shelf
}

fn add_operator(name: &str, queues: &[&str]) -> Amendment {
    Amendment::AddOperator {
        name: name.into(),
        password_hash: None,
        role: Role::Operator,
        queues: queues.iter().map(|&q| q.to_owned()).collect(),
    }
}

fn a_patron(id: i64) -> Patron {
    Patron {
        id: PatronId(id),
        gateway: GatewayId(1),
        address: PatronNumber::kept(format!("+1555123{id:04}")),
        name: format!("heron-{id}"),
        opted_out: false,
        automatic_at: Vec::new(),
        answered: Answered::default(),
        repeats: Repeats::default(),
        blocked_until: None,
    }
}

fn a_conversation(id: i64, state: ConversationState) -> Conversation {
    Conversation {
        state,
        ..Conversation::begun(
            ConversationId(id),
            PatronId(id),
            GatewayId(1),
            QueueId(1),
            at(0),
        )
    }
}

fn a_message(id: i64, conversation: i64) -> Message {
    Message {
        id: MessageId(id),
        conversation: ConversationId(conversation),
        direction: Direction::Out,
        body: format!("words {id}"),
        at: at(0),
        stamped_at: None,
        state: DeliveryState::Queued,
        reason: None,
        author: Author::Desk,
        client_id: None,
        reaction: None,
    }
}

/// Conversations 1 to 3, of patrons 1 to 3.
fn with_threads() -> Shelf {
    let shelf = staffed();
    shelf.do_(|c| {
        for id in 1..=3 {
            keep(c, &Effect::KeepPatron(a_patron(id)), at(0))?;
            let conversation = a_conversation(id, ConversationState::Waiting);
            keep(c, &Effect::KeepConversation(conversation), at(0))?;
        }
        Ok(())
    });
    shelf
}

fn submit(id: i64, conversation: i64) -> [Effect; 2] {
    let message = a_message(id, conversation);
    let submit = Effect::Submit {
        message: message.id,
        conversation: message.conversation,
        gateway: GatewayId(1),
        to: a_patron(conversation).address,
        body: message.body.clone(),
        may_be_doubled: false,
    };
    [Effect::Record(message), submit]
}

fn posted(texts: &'static [(i64, i64)]) -> Shelf {
    let shelf = with_threads();
    shelf.do_(move |c| {
        for &(id, conversation) in texts {
            for effect in submit(id, conversation) {
                keep(c, &effect, at(0))?;
            }
        }
        Ok(())
    });
    shelf
}

fn due(shelf: &Shelf, second: i64) -> Option<Due> {
    shelf.do_(move |c| next_due(c, "m", at(second), Which::All))
}

/// Lays down one text's segments, in these states, with these references.
fn laid_down(shelf: &Shelf, message: i64, states: &[(SegmentState, Option<u8>)]) -> Vec<SegmentId> {
    let states = states.to_vec();
    shelf.do_(move |c| {
        let outbox: i64 = c.query_row(
            "SELECT max(id) FROM outbox WHERE message = ?1",
            [message],
            |row| row.get(0),
        )?;
        let tail: String = c.query_row(
            "SELECT substr(recipient, -8) FROM outbox WHERE id = ?1",
            [outbox],
            |row| row.get(0),
        )?;
        let pdus = vec![vec![0]; states.len()];
        let laid = lay_down(c, OutboxId(outbox), "m", &tail, &pdus)?;
        for (segment, (state, reference)) in laid.iter().zip(states) {
            match (state, reference) {
                (SegmentState::Planned, _) => {}
                (SegmentState::Attempting, _) => attempt(c, segment.id, at(0), None)?,
                (SegmentState::Accepted, Some(reference)) => {
                    attempt(c, segment.id, at(0), None)?;
                    outbox::accepted(c, segment.id, Some(reference))?;
                }
                (state, _) => {
                    attempt(c, segment.id, at(0), None)?;
                    not_accepted(c, segment.id, state, "why")?;
                }
            }
        }
        let known = c.query_row(
            "SELECT max(state IN ('unknown', 'refused', 'planned', 'attempting')) FROM segment WHERE outbox = ?1",
            [outbox],
            |row| row.get::<_, bool>(0),
        )?;
        if !known {
            settle(c, OutboxId(outbox), DeliveryState::Sent, None)?;
        }
        Ok(laid.into_iter().map(|segment| segment.id).collect())
    })
}
