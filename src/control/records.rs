//! What commands ask of transcripts and reports.

use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{Rooms, words};
use crate::desk::views::{Page, Report, Thread};
use crate::records::{Division, Period, day_after, start_of};
use crate::routing::ConversationId;
use crate::spool::audit;
use crate::spool::export::Selection;

/// Conversations of one answer.
const TRANSCRIPTS: usize = 50;

/// Which transcripts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Wanted {
    /// This one alone.
    pub conversation: Option<i64>,
    /// Active on this day or later.
    pub from: Option<Date>,
    /// Begun on this day or earlier.
    pub to: Option<Date>,
    /// Of this queue.
    pub queue: Option<String>,
    /// With numbers in the place of names.
    pub numbers: bool,
    /// After this conversation: where the last answer ended.
    pub after: Option<i64>,
}

/// Which report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Counting {
    /// The first day; the month so far when left out.
    pub from: Option<Date>,
    /// The last day; today when left out.
    pub to: Option<Date>,
    /// By what it is divided.
    pub by: Division,
}

impl Rooms {
    fn zone(&self) -> TimeZone {
        self.board().plan.library.time_zone.clone()
    }

    /// A page of transcripts. That they were taken out is written down before the first is given.
    pub(super) async fn transcripts(&self, wanted: Wanted) -> Result<Page<Thread>, String> {
        let (zone, plan) = (self.zone(), Arc::clone(&self.board().plan));
        let (from, to) = (wanted.from, wanted.to.map(day_after));
        let selection = Selection {
            from: from.map(|day| start_of(day, &zone)).transpose()?,
            to: to.map(|day| start_of(day, &zone)).transpose()?,
            queue: wanted.queue.clone(),
            numbers: wanted.numbers,
        };
        let only = wanted.conversation.map(ConversationId);
        if wanted.after.is_none() {
            let (now, queue, numbers) = (self.spool.now(), wanted.queue, wanted.numbers);
            let noted = self.spool.write(move |connection| {
                let detail = numbers.then_some(r#"{"numbers":true}"#);
                let (action, queue) = ("exported_transcripts", queue.as_deref());
                audit::write(connection, None, action, queue, only, detail, now)
            });
            noted.await.map_err(words)?;
        }
        let after = wanted.after.map(ConversationId);
        let found = self.spool.read(move |connection| match only {
            None => Thread::page(connection, &plan, &selection, after, TRANSCRIPTS),
            Some(id) => {
                let found = Thread::whole(connection, &plan, id, selection.numbers)?;
                Ok(Page::whole(found.into_iter().collect()))
            }
        });
        let found = found.await.map_err(words)?;
        match only.is_some() && found.items.is_empty() {
            true => Err("there is no such conversation: it may have been erased".into()),
            false => Ok(found),
        }
    }

    pub(super) async fn report(&self, counting: Counting) -> Result<Report, String> {
        let Counting { from, to, by } = counting;
        let period = Period::of(from, to, self.zone(), self.spool.now())?;
        Report::read(&self.spool, by, period).await.map_err(words)
    }
}
