//! What commands ask of transcripts and reports.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Rooms, words};
use crate::records::{Division, Measure, Report, picture};
use crate::routing::ConversationId;
use crate::spool::export::Selection;
use crate::spool::{audit, export, statistics};

/// Conversations of one answer.
const TRANSCRIPTS: usize = 50;
/// Days of one report at most.
const DAYS_MAX: i32 = 400;

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
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Counting {
    /// The first day; the month so far when left out.
    pub from: Option<Date>,
    /// The last day; today when left out.
    pub to: Option<Date>,
    /// `queue`, `hour`, …
    pub by: String,
    /// `texts` or `waits`: what a picture shows.
    pub measure: String,
}

fn start(day: Date, zone: &TimeZone) -> Result<Timestamp, String> {
    day.to_zoned(zone.clone())
        .map(|zoned| zoned.timestamp())
        .map_err(|_| format!("{day} is out of the calendar"))
}

fn day_after(day: Date) -> Date {
    day.checked_add(Span::new().days(1)).unwrap_or(day)
}

impl Rooms {
    fn zone(&self) -> TimeZone {
        self.desk.board().borrow().plan.library.time_zone.clone()
    }

    /// A page of transcripts. That they were taken out is written down before the first is given.
    pub(super) async fn transcripts(&self, wanted: Wanted) -> Result<Value, String> {
        let zone = self.zone();
        let selection = Selection {
            from: wanted.from.map(|day| start(day, &zone)).transpose()?,
            to: wanted
                .to
                .map(|day| start(day_after(day), &zone))
                .transpose()?,
            queue: wanted.queue.clone(),
            numbers: wanted.numbers,
        };
        if wanted.after.is_none() {
            let now = self.spool.now();
            let (queue, numbers) = (wanted.queue.clone(), wanted.numbers);
            let conversation = wanted.conversation.map(ConversationId);
            let noted = self.spool.write(move |connection| {
                let detail = numbers.then_some(r#"{"numbers":true}"#);
                let action = "exported_transcripts";
                audit::write(
                    connection,
                    None,
                    action,
                    queue.as_deref(),
                    conversation,
                    detail,
                    now,
                )
            });
            noted.await.map_err(words)?;
        }
        let numbers = wanted.numbers;
        if let Some(id) = wanted.conversation {
            let id = ConversationId(id);
            let found = self
                .spool
                .read(move |connection| export::one(connection, id, numbers))
                .await
                .map_err(words)?
                .ok_or("there is no such conversation: it may have been erased")?;
            return Ok(json!({ "items": [found], "next": null }));
        }
        let after = wanted.after.map(ConversationId);
        let found = self
            .spool
            .read(move |connection| export::transcripts(connection, &selection, after, TRANSCRIPTS))
            .await
            .map_err(words)?;
        let next = (found.len() == TRANSCRIPTS)
            .then(|| found.last().map(|last| last.conversation))
            .flatten();
        Ok(json!({ "items": found, "next": next }))
    }

    /// A report, in every form it has.
    pub(super) async fn report(&self, counting: Counting) -> Result<Value, String> {
        let by = Division::from_word(&counting.by).ok_or_else(|| {
            let all = Division::ALL.map(Division::word).join(", ");
            format!("a report is by one of {all}")
        })?;
        let measure = Measure::from_word(&counting.measure)
            .ok_or("a picture shows texts or waits: choose one")?;
        let zone = self.zone();
        let to = counting
            .to
            .unwrap_or_else(|| zone.to_datetime(self.spool.now()).date());
        let from = counting.from.unwrap_or_else(|| to.first_of_month());
        let long = from.until(to).map_or(i32::MAX, |span| span.get_days());
        if !(0..=DAYS_MAX).contains(&long) {
            return Err(format!(
                "--to is --from or a later day, at most {DAYS_MAX} days on"
            ));
        }
        let (begin, end) = (start(from, &zone)?, start(day_after(to), &zone)?);
        let report = self
            .spool
            .read(move |connection| {
                let counted = statistics::between(connection, begin, end)?;
                Ok(Report::of(&counted, by, &zone))
            })
            .await
            .map_err(words)?;
        let library = self.desk.board().borrow().plan.library.name.clone();
        let title = format!(
            "{library}: {} by {}, {from} to {to}",
            measure.word(),
            by.word()
        );
        Ok(json!({
            "by": by.word(),
            "from": from,
            "to": to,
            "rows": report.rows,
            "csv": report.csv(),
            "svg": picture(&report, measure, &title),
        }))
    }
}
