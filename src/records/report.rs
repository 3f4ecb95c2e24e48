//! Reports: what came in, what went out, and how long patrons waited, divided one way.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::statistic::{Kind, Statistic};

/// Days of one report at most.
const DAYS_MAX: i32 = 400;

/// Whole days, in the library's own time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// The first.
    pub from: Date,
    /// The last.
    pub to: Date,
    /// When the first begins.
    pub begin: Timestamp,
    /// When the last has ended.
    pub end: Timestamp,
    /// Where they begin and end so.
    pub zone: TimeZone,
}

impl Period {
    /// From one day to another: the month so far, up to today, where nothing else is asked.
    ///
    /// # Errors
    /// What days there are, in a sentence.
    pub fn of(
        from: Option<Date>,
        to: Option<Date>,
        zone: TimeZone,
        now: Timestamp,
    ) -> Result<Self, String> {
        let to = to.unwrap_or_else(|| zone.to_datetime(now).date());
        let from = from.unwrap_or_else(|| to.first_of_month());
        let long = from.until(to).map_or(i32::MAX, |span| span.get_days());
        if !(0..=DAYS_MAX).contains(&long) {
            return Err(format!(
                "`to` is the same day as `from` or a later one, at most {DAYS_MAX} days on: 2026-11-01"
            ));
        }
        Ok(Self {
            from,
            to,
            begin: start_of(from, &zone)?,
            end: start_of(day_after(to), &zone)?,
            zone,
        })
    }
}

/// When a day begins.
///
/// # Errors
/// That there is no such time, in a sentence.
pub fn start_of(day: Date, zone: &TimeZone) -> Result<Timestamp, String> {
    day.to_zoned(zone.clone())
        .map(|zoned| zoned.timestamp())
        .map_err(|_| format!("{day} is out of the calendar: 2026-11-01"))
}

/// The next day; the last of the calendar is its own.
pub fn day_after(day: Date) -> Date {
    day.checked_add(Span::new().days(1)).unwrap_or(day)
}

/// By what a report is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Division {
    /// The queue the texts came to.
    Queue,
    /// Who answered.
    Operator,
    /// The gateway.
    Gateway,
    /// The queue whoever answered belongs to.
    AnswererHome,
    /// The hour of the day.
    Hour,
    /// The day of the week.
    Weekday,
    /// The day.
    Day,
    /// The month.
    Month,
}

impl Division {
    /// Whether it is by who answered: patrons' own texts are then nobody's.
    fn is_of_answerers(self) -> bool {
        match self {
            Division::Operator | Division::AnswererHome => true,
            Division::Queue
            | Division::Gateway
            | Division::Hour
            | Division::Weekday
            | Division::Day
            | Division::Month => false,
        }
    }

    /// All of them.
    pub const ALL: [Division; 8] = [
        Division::Queue,
        Division::Operator,
        Division::Gateway,
        Division::AnswererHome,
        Division::Hour,
        Division::Weekday,
        Division::Day,
        Division::Month,
    ];

    /// The word of the API and the command line.
    pub fn word(self) -> &'static str {
        match self {
            Division::Queue => "queue",
            Division::Operator => "operator",
            Division::Gateway => "gateway",
            Division::AnswererHome => "answerer-home",
            Division::Hour => "hour",
            Division::Weekday => "weekday",
            Division::Day => "day",
            Division::Month => "month",
        }
    }

    /// The division this word means.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.word() == word)
    }

    /// Where a text is counted, in the library's own time; what nobody answered has no answerer.
    fn key(self, statistic: &Statistic, zone: &TimeZone) -> Option<String> {
        let local = || zone.to_datetime(statistic.at);
        match self {
            Division::Queue => Some(statistic.home.clone()),
            Division::Gateway => Some(statistic.gateway.clone()),
            Division::Operator => statistic.operator.clone(),
            Division::AnswererHome => statistic.answerer_home.clone(),
            Division::Hour => Some(format!("{:02}", local().hour())),
            Division::Weekday => Some(WEEKDAYS.get(weekday(local()))?.to_string()),
            Division::Day => Some(local().date().to_string()),
            Division::Month => Some(format!("{:04}-{:02}", local().year(), local().month())),
        }
    }

    /// Lines that are there even when nothing was counted, in order.
    fn always(self) -> Vec<String> {
        match self {
            Division::Hour => (0..24).map(|hour| format!("{hour:02}")).collect(),
            Division::Weekday => WEEKDAYS.map(str::to_owned).to_vec(),
            Division::Queue
            | Division::Operator
            | Division::Gateway
            | Division::AnswererHome
            | Division::Day
            | Division::Month => Vec::new(),
        }
    }
}

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

fn weekday(local: jiff::civil::DateTime) -> usize {
    let monday_zero = local.date().weekday().to_monday_zero_offset();
    usize::try_from(monday_zero).unwrap_or(0)
}

/// One line of a report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ReportRow)]
pub struct Row {
    /// What it is about: a queue, an hour.
    pub key: String,
    /// Conversations that began; where it is about who answered, those that were answered there
    /// first.
    pub conversations: u64,
    /// Texts of patrons.
    pub texts_in: u64,
    /// Texts of librarians.
    pub texts_out: u64,
    /// The desk's own texts.
    pub notices: u64,
    /// SMS that went out.
    pub segments_out: u64,
    /// Seconds until a conversation's first answer, for half of them at most.
    pub wait_median_s: Option<u64>,
    /// The same for nine in ten.
    pub wait_p90_s: Option<u64>,
    /// Seconds until any answer, for half of them at most.
    pub answer_median_s: Option<u64>,
    /// The same for nine in ten.
    pub answer_p90_s: Option<u64>,
    /// Marks of patrons beside our texts.
    #[serde(default)]
    pub reactions: u64,
    /// Keywords that were answered without a librarian.
    #[serde(default)]
    pub keywords: u64,
}

/// A report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// By what it is divided.
    pub by: Division,
    /// Its lines, in order.
    pub rows: Vec<Row>,
}

#[derive(Default)]
struct Counted {
    row: Row,
    waits: Vec<u64>,
    answers: Vec<u64>,
}

impl Report {
    /// Counts.
    pub fn of<'a>(
        statistics: impl IntoIterator<Item = &'a Statistic>,
        by: Division,
        zone: &TimeZone,
    ) -> Self {
        let mut counted: BTreeMap<String, Counted> = BTreeMap::new();
        for statistic in statistics {
            let Some(key) = by.key(statistic, zone) else {
                continue;
            };
            let line = counted.entry(key).or_default();
            match statistic.kind {
                Kind::In => {
                    line.row.texts_in += 1;
                    line.row.conversations += u64::from(statistic.first);
                }
                Kind::Out => {
                    line.row.texts_out += 1;
                    line.row.segments_out += u64::from(statistic.segments);
                    if by.is_of_answerers() {
                        line.row.conversations += u64::from(statistic.first);
                    }
                    if let Some(wait) = statistic.wait {
                        line.answers.push(wait.as_secs());
                        if statistic.first {
                            line.waits.push(wait.as_secs());
                        }
                    }
                }
                Kind::Reaction => line.row.reactions += 1,
                Kind::Keyword => line.row.keywords += 1,
                Kind::Notice => {
                    line.row.notices += 1;
                    line.row.segments_out += u64::from(statistic.segments);
                }
            }
        }
        let mut rows = Vec::new();
        let always = by.always();
        for key in &always {
            rows.push(finish(key.clone(), counted.remove(key).unwrap_or_default()));
        }
        rows.extend(counted.into_iter().map(|(key, line)| finish(key, line)));
        Self { by, rows }
    }

    /// Comma-separated values (RFC 4180), with a head.
    pub fn csv(&self) -> String {
        let mut csv = format!(
            "{},conversations,texts_in,texts_out,notices,segments_out,wait_median_s,wait_p90_s,\
             answer_median_s,answer_p90_s,reactions,keywords\r\n",
            self.by.word()
        );
        let time = |seconds: Option<u64>| seconds.map(|s| s.to_string()).unwrap_or_default();
        for row in &self.rows {
            csv += &format!(
                "{},{},{},{},{},{},{},{},{},{},{},{}\r\n",
                quoted(&row.key),
                row.conversations,
                row.texts_in,
                row.texts_out,
                row.notices,
                row.segments_out,
                time(row.wait_median_s),
                time(row.wait_p90_s),
                time(row.answer_median_s),
                time(row.answer_p90_s),
                row.reactions,
                row.keywords,
            );
        }
        csv
    }
}

/// A field; one that a spreadsheet would take for a formula is not one any more.
fn quoted(field: &str) -> String {
    let field = match field.chars().next() {
        Some('=' | '+' | '-' | '@') => format!("'{field}"),
        Some(_) | None => field.to_owned(),
    };
    if field.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field
    }
}

fn finish(key: String, counted: Counted) -> Row {
    let Counted {
        row,
        mut waits,
        mut answers,
    } = counted;
    waits.sort_unstable();
    answers.sort_unstable();
    Row {
        key,
        wait_median_s: share(&waits, 50),
        wait_p90_s: share(&waits, 90),
        answer_median_s: share(&answers, 50),
        answer_p90_s: share(&answers, 90),
        ..row
    }
}

/// The value that this share of sorted values does not exceed: the nearest rank.
fn share(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

/// Seconds as people say them.
pub(super) fn spoken(wait: Duration) -> String {
    let seconds = wait.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", (seconds + 30) / 60),
        3600..172_800 => format!("{} h", (seconds + 1800) / 3600),
        _ => format!("{} d", (seconds + 43_200) / 86_400),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn text(
        kind: Kind,
        at: &str,
        operator: Option<&str>,
        wait: Option<u64>,
        first: bool,
    ) -> Statistic {
        Statistic {
            kind,
            at: at.parse().unwrap(),
            home: "desk".into(),
            gateway: "front-desk".into(),
            operator: operator.map(str::to_owned),
            answerer_home: operator.map(|_| "partners, \"the\"".to_owned()),
            wait: wait.map(Duration::from_secs),
            first,
            segments: 1,
        }
    }

    fn week() -> Vec<Statistic> {
        vec![
            text(Kind::In, "2026-03-02T09:00:00Z", None, None, true),
            text(
                Kind::Out,
                "2026-03-02T09:02:00Z",
                Some("ana"),
                Some(120),
                true,
            ),
            text(Kind::In, "2026-03-02T09:03:00Z", None, None, false),
            text(
                Kind::Out,
                "2026-03-02T09:04:00Z",
                Some("ben"),
                Some(60),
                false,
            ),
            text(Kind::In, "2026-03-08T23:30:00Z", None, None, true),
            text(Kind::Notice, "2026-03-08T23:30:00Z", None, None, true),
        ]
    }

    #[test]
    fn texts_are_counted_where_they_belong() {
        let chicago = TimeZone::get("America/Chicago").unwrap();
        for (by, zone, key, texts_in, texts_out, wait, answer) in [
            (
                Division::Queue,
                &TimeZone::UTC,
                "desk",
                3,
                2,
                Some(120),
                Some(60),
            ),
            (
                Division::Operator,
                &TimeZone::UTC,
                "ana",
                0,
                1,
                Some(120),
                Some(120),
            ),
            (
                Division::Operator,
                &TimeZone::UTC,
                "ben",
                0,
                1,
                None,
                Some(60),
            ),
            (
                Division::Hour,
                &TimeZone::UTC,
                "09",
                2,
                2,
                Some(120),
                Some(60),
            ),
            (Division::Hour, &TimeZone::UTC, "04", 0, 0, None, None),
            (Division::Hour, &chicago, "03", 2, 2, Some(120), Some(60)),
            (Division::Weekday, &TimeZone::UTC, "Sun", 1, 0, None, None),
            (Division::Day, &chicago, "2026-03-08", 1, 0, None, None),
            (
                Division::Month,
                &TimeZone::UTC,
                "2026-03",
                3,
                2,
                Some(120),
                Some(60),
            ),
        ] {
            let report = Report::of(&week(), by, zone);
            let row = report.rows.iter().find(|row| row.key == key).unwrap();
            let found = (
                row.texts_in,
                row.texts_out,
                row.wait_median_s,
                row.answer_median_s,
            );
            assert_eq!(found, (texts_in, texts_out, wait, answer), "{by:?} {key}");
        }
        assert_eq!(
            Report::of([], Division::Hour, &TimeZone::UTC).rows.len(),
            24
        );
        assert_eq!(
            Report::of([], Division::Queue, &TimeZone::UTC).rows.len(),
            0
        );
    }

    #[test]
    fn values_are_separated_by_commas_and_are_never_formulas() {
        let csv = Report::of(&week(), Division::AnswererHome, &TimeZone::UTC).csv();
        let lines: Vec<&str> = csv.split("\r\n").collect();
        assert!(lines[0].starts_with("answerer-home,conversations,"));
        assert_eq!(
            lines[1],
            "\"partners, \"\"the\"\"\",1,0,2,0,2,120,120,60,120,0,0"
        );
        for (field, written) in [
            ("=1+1", "'=1+1"),
            ("a", "a"),
            ("", ""),
            ("a\nb", "\"a\nb\""),
        ] {
            assert_eq!(quoted(field), written);
        }
    }

    #[test]
    fn shares_are_nearest_ranks() {
        for (sorted, percent, value) in [
            (vec![], 50, None),
            (vec![7], 50, Some(7)),
            (vec![7], 90, Some(7)),
            (vec![1, 2], 50, Some(1)),
            (vec![1, 2, 3], 50, Some(2)),
            ((1..=100).collect(), 90, Some(90)),
        ] {
            assert_eq!(share(&sorted, percent), value, "{sorted:?} {percent}");
        }
    }

    #[test]
    fn division_words_come_back() {
        for by in Division::ALL {
            assert_eq!(Division::from_word(by.word()), Some(by));
        }
        assert_eq!(Division::from_word("number"), None);
    }
}
