//! Opening hours and holidays, in the library's own time zone (clause 8). They word the notices;
//! whether a queue is online is for presence to say.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

/// Minutes of a day.
const DAY_MIN: u16 = 24 * 60;
/// Times a day at which a desk opens, at most.
const SPANS_MAX: usize = 4;
/// How far ahead an opening is looked for, in days: past the longest summer.
const AHEAD_DAYS: u16 = 200;
/// Days with hours of their own, at most: ten years of holidays.
pub const HOLIDAYS_MAX: i64 = 400;

/// Monday first, as civil weeks begin (ISO 8601).
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// From one minute of a day until another; the last may be midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    from_min: u16,
    until_min: u16,
}

/// The times at which a day is open; none is a day that stays closed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DayHours(Vec<Span>);

/// When a queue is open, week by week.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hours {
    week: [DayHours; 7],
}

/// Why opening hours cannot be understood: a sentence that shows how to write them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HoursError(String);

fn wrong<T>(words: String) -> Result<T, HoursError> {
    Err(HoursError(words))
}

impl FromStr for DayHours {
    type Err = HoursError;

    /// `9:00-12:00 13:00-17:00`, `9am-5pm`, or `closed`.
    fn from_str(text: &str) -> Result<Self, HoursError> {
        let mut day = DayHours::default();
        let mut closed = false;
        for word in text.split_whitespace() {
            if word.eq_ignore_ascii_case("closed") {
                closed = true;
            } else {
                day.add(span(word)?)?;
            }
        }
        if closed == day.0.is_empty() {
            Ok(day)
        } else {
            wrong(format!(
                "{text:?} is no time of a day: write 9:00-17:00, or closed"
            ))
        }
    }
}

impl DayHours {
    fn add(&mut self, span: Span) -> Result<(), HoursError> {
        let meets =
            |other: &Span| span.from_min < other.until_min && other.from_min < span.until_min;
        if self.0.iter().any(meets) {
            return wrong(format!("{span} meets other hours of the same day"));
        }
        if self.0.len() == SPANS_MAX {
            return wrong(format!(
                "a day can have {SPANS_MAX} times at which it opens, not more"
            ));
        }
        self.0.push(span);
        self.0.sort_unstable();
        Ok(())
    }
}

impl fmt::Display for DayHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("closed");
        }
        for (at, span) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            span.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |min: u16| format!("{}:{:02}", min / 60, min % 60);
        write!(f, "{}-{}", time(self.from_min), time(self.until_min))
    }
}

impl FromStr for Hours {
    type Err = HoursError;

    /// `Mon-Fri 9:00-17:00, Sat 10:00-14:00`. Days that are not named stay closed.
    fn from_str(text: &str) -> Result<Self, HoursError> {
        let mut hours = Hours::default();
        let mut any = false;
        for part in text.split([',', ';']) {
            if part.trim().is_empty() {
                continue;
            }
            any = true;
            let named = part
                .split_whitespace()
                .take_while(|word| word.starts_with(|c: char| c.is_ascii_alphabetic()))
                .take_while(|word| !word.eq_ignore_ascii_case("closed"));
            let mut days = Vec::new();
            let mut words = 0;
            for word in named {
                days.extend(weekdays(word)?);
                words += 1;
            }
            let times: Vec<&str> = part.split_whitespace().skip(words).collect();
            let times: DayHours = times.join(" ").parse()?;
            if days.is_empty() {
                return wrong(format!(
                    "{:?} names no day: write Mon-Fri 9:00-17:00, Sat 10:00-14:00",
                    part.trim()
                ));
            }
            for day in days {
                for span in &times.0 {
                    hours.day_mut(day).add(*span)?;
                }
            }
        }
        if any {
            Ok(hours)
        } else {
            wrong("hours are written as Mon-Fri 9:00-17:00, Sat 10:00-14:00".into())
        }
    }
}

impl fmt::Display for Hours {
    /// Neighbouring days that are alike share a line, closed ones have none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        let mut from = 0;
        while let Some(hours) = self.week.get(from) {
            let alike = self.week.iter().skip(from).take_while(|day| *day == hours);
            let after = from + alike.count();
            if !hours.0.is_empty() {
                if !first {
                    f.write_str(", ")?;
                }
                first = false;
                let name = |day: usize| DAYS.get(day).copied().unwrap_or_default();
                match after - from {
                    1 => write!(f, "{} {hours}", name(from))?,
                    _ => write!(f, "{}-{} {hours}", name(from), name(after - 1))?,
                }
            }
            from = after;
        }
        if first {
            f.write_str("Mon-Sun closed")?;
        }
        Ok(())
    }
}

impl Hours {
    fn day(&self, day: Weekday) -> &DayHours {
        match day {
            Weekday::Monday => &self.week[0],
            Weekday::Tuesday => &self.week[1],
            Weekday::Wednesday => &self.week[2],
            Weekday::Thursday => &self.week[3],
            Weekday::Friday => &self.week[4],
            Weekday::Saturday => &self.week[5],
            Weekday::Sunday => &self.week[6],
        }
    }

    fn day_mut(&mut self, day: usize) -> &mut DayHours {
        &mut self.week[day % 7]
    }
}

/// `Mon`, `monday`, `Mon-Fri`, `Sat-Mon` or `daily`.
fn weekdays(word: &str) -> Result<Vec<usize>, HoursError> {
    if word.eq_ignore_ascii_case("daily") {
        return Ok((0..7).collect());
    }
    let day = |name: &str| {
        let name = name.to_ascii_lowercase();
        let found = DAYS.iter().position(|day| {
            let short = day.to_ascii_lowercase();
            // At least three letters, of which all that are there are the day's.
            name.len() >= 3 && full_name(&short).starts_with(&name)
        });
        found.ok_or_else(|| {
            HoursError(format!(
                "{name:?} is no day of the week: write Mon, Tue, Wed, Thu, Fri, Sat or Sun"
            ))
        })
    };
    match word.split_once(['-', '\u{2013}']) {
        None => Ok(vec![day(word)?]),
        Some((from, to)) => {
            let (from, to) = (day(from)?, day(to)?);
            let length = (to + 7 - from) % 7;
            Ok((from..=from + length).map(|day| day % 7).collect())
        }
    }
}

fn full_name(short: &str) -> &'static str {
    match short {
        "mon" => "monday",
        "tue" => "tuesday",
        "wed" => "wednesday",
        "thu" => "thursday",
        "fri" => "friday",
        "sat" => "saturday",
        _ => "sunday",
    }
}

/// `9:00-17:00`, `9-17`, `9am-5:30pm`.
fn span(word: &str) -> Result<Span, HoursError> {
    let read = || {
        let (from, until) = word.split_once(['-', '\u{2013}'])?;
        let (from_min, until_min) = (minute(from)?, minute(until)?);
        Some(Span {
            from_min,
            until_min,
        })
    };
    match read() {
        None => wrong(format!(
            "{word:?} is no time of a day: write 9:00-17:00, or closed"
        )),
        Some(span) if span.from_min >= span.until_min => wrong(format!(
            "{word:?} ends before it begins; past midnight it is the next day: \
             Fri 22:00-24:00, Sat 0:00-2:00"
        )),
        Some(span) => Ok(span),
    }
}

fn minute(time: &str) -> Option<u16> {
    let time = time.to_ascii_lowercase();
    let (time, half) = match (time.strip_suffix("am"), time.strip_suffix("pm")) {
        (Some(time), _) => (time, Some(0)),
        (_, Some(time)) => (time, Some(12)),
        (None, None) => (time.as_str(), None),
    };
    let (hour, minute) = time.split_once(':').unwrap_or((time, "0"));
    let digits = |text: &str| {
        let fits = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        fits.then(|| text.parse::<u16>().ok()).flatten()
    };
    let (hour, minute) = (digits(hour)?, digits(minute)?);
    let hour = match half {
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
        None => hour,
    };
    let minutes = hour * 60 + minute;
    (minute < 60 && minutes <= DAY_MIN).then_some(minutes)
}

/// A queue's whole calendar: its week, and days with hours of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calendar {
    /// The week; `None` when the library has told no hours.
    pub hours: Option<Hours>,
    /// Days that are not as the week says: holidays, early closings.
    pub holidays: BTreeMap<Date, DayHours>,
}

/// What the calendar says of a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// The library has told no hours, or none within sight.
    Unknown,
    /// It is open by the calendar.
    Open,
    /// It is closed until then.
    Closed(Zoned),
}

impl Calendar {
    /// What the calendar says of this moment in this time zone.
    ///
    /// A time that the clocks skip is taken for the one after the gap, a time that comes twice for
    /// the first (RFC 5545 §3.3.5).
    pub fn at(&self, now: Timestamp, zone: &TimeZone) -> Opening {
        match self.look(now, zone) {
            Some((from, _)) if from.timestamp() > now => Opening::Closed(from),
            Some(_) => Opening::Open,
            None => Opening::Unknown,
        }
    }

    /// The stretch of the hours that this moment is in, open or closed, and the one before, each by
    /// when it ends; where it is closed, that one alone. `None` where no hours are told.
    pub(super) fn stretch(&self, now: Timestamp, zone: &TimeZone) -> Option<[i64; 2]> {
        let (from, until) = self.look(now, zone)?;
        let (from, until) = (from.timestamp().as_second(), until.timestamp().as_second());
        Some(match from > now.as_second() {
            true => [from, from],
            false => [until, from],
        })
    }

    /// What it will say once whatever is open now has closed.
    pub(super) fn after_closing(&self, now: Timestamp, zone: &TimeZone) -> Opening {
        let mut at = now;
        // A desk that never closes has no next opening.
        for _ in 0..AHEAD_DAYS {
            match self.look(at, zone) {
                Some((from, _)) if from.timestamp() > at => return Opening::Closed(from),
                Some((_, until)) => at = until.timestamp(),
                None => break,
            }
        }
        Opening::Unknown
    }

    /// The time at which it is open that is not over yet.
    fn look(&self, now: Timestamp, zone: &TimeZone) -> Option<(Zoned, Zoned)> {
        let hours = self.hours.as_ref()?;
        let mut date = now.to_zoned(zone.clone()).date();
        for _ in 0..=AHEAD_DAYS {
            let day = self
                .holidays
                .get(&date)
                .unwrap_or_else(|| hours.day(date.weekday()));
            for span in &day.0 {
                let from = moment(date, span.from_min, zone)?;
                let until = moment(date, span.until_min, zone)?;
                if until.timestamp() > now {
                    return Some((from, until));
                }
            }
            date = date.tomorrow().ok()?;
        }
        None
    }
}

fn moment(date: Date, minutes: u16, zone: &TimeZone) -> Option<Zoned> {
    let day = date.at(0, 0, 0, 0);
    // Civil arithmetic: 24:00 is the next day's midnight however long the day is.
    let at = day.checked_add(i64::from(minutes).minutes()).ok()?;
    zone.to_zoned(at).ok()
}

impl Opening {
    /// The next opening as a patron reads it: `Mon 9am`; with its date when that is a week off or
    /// more. `None` when it is not known, or when the desk should be open now.
    pub fn words(&self, now: Timestamp) -> Option<String> {
        match self {
            Opening::Unknown | Opening::Open => None,
            Opening::Closed(until) => Some(time_words(until, now)),
        }
    }

    /// Whether a promise for today can be kept: it is open, or opens before midnight, or nothing
    /// says that it does not.
    pub fn is_today(&self, now: Timestamp) -> bool {
        match self {
            Opening::Unknown | Opening::Open => true,
            Opening::Closed(until) => {
                now.to_zoned(until.time_zone().clone()).date() == until.date()
            }
        }
    }
}

/// A time as a patron reads it: `Mon 9am`, and with its date when it is not within six days.
pub(super) fn time_words(at: &Zoned, now: Timestamp) -> String {
    let today = now.to_zoned(at.time_zone().clone()).date();
    let days = today
        .until(at.date())
        .map_or(i32::MAX, |apart| apart.get_days());
    let day = day_name(at.date().weekday());
    let clock = clock_words(at);
    if (-6..=6).contains(&days) {
        format!("{day} {clock}")
    } else {
        format!("{day} {} {clock}", at.strftime("%b %-d"))
    }
}

/// The time of day: `9am`, `12:30pm`.
pub(super) fn clock_words(at: &Zoned) -> String {
    let half = if at.hour() < 12 { "am" } else { "pm" };
    let hour = match at.hour() % 12 {
        0 => 12,
        hour => hour,
    };
    match at.minute() {
        0 => format!("{hour}{half}"),
        minute => format!("{hour}:{minute:02}{half}"),
    }
}

fn day_name(day: Weekday) -> &'static str {
    DAYS.get(usize::try_from(day.to_monday_zero_offset()).unwrap_or(0))
        .copied()
        .unwrap_or("Mon")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn calendar(hours: &str, holidays: &[(&str, &str)]) -> Calendar {
        Calendar {
            hours: Some(hours.parse().unwrap()),
            holidays: holidays
                .iter()
                .map(|(date, hours)| (date.parse().unwrap(), hours.parse().unwrap()))
                .collect(),
        }
    }

    #[test]
    fn hours_are_read_and_written_as_people_write_them() {
        for (written, read) in [
            ("Mon-Fri 9:00-17:00", "Mon-Fri 9:00-17:00"),
            (
                "mon-fri 9-17, Saturday 10am-2pm",
                "Mon-Fri 9:00-17:00, Sat 10:00-14:00",
            ),
            (
                "Mon 13:00-17:00 9:00-12:00; Tue closed",
                "Mon 9:00-12:00 13:00-17:00",
            ),
            ("daily 0:00-24:00", "Mon-Sun 0:00-24:00"),
            ("Sat-Mon 12am-12pm", "Mon 0:00-12:00, Sat-Sun 0:00-12:00"),
            ("Mon Wed 9:30-11", "Mon 9:30-11:00, Wed 9:30-11:00"),
            ("Mon-Sun closed", "Mon-Sun closed"),
            (
                "Fri 22:00\u{2013}24:00, Sat 0:00-2:00",
                "Fri 22:00-24:00, Sat 0:00-2:00",
            ),
        ] {
            let hours: Hours = written.parse().unwrap();
            assert_eq!(hours.to_string(), read);
            assert_eq!(read.parse::<Hours>().unwrap(), hours);
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_an_example() {
        for written in [
            "",
            "9:00-17:00",
            "Mon",
            "Mon 9:00",
            "Mon 17:00-9:00",
            "Mon 9:00-9:00",
            "Mon 9:00-25:00",
            "Mon 9:60-10:00",
            "Mon 13pm-14pm",
            "Mo 9-17",
            "Funday 9-17",
            "Mon 9-17 closed",
            "Mon 9-12 11-13",
            "Mon-Fri 9-17, Tue 10-11",
            "Mon 1-2 3-4 5-6 7-8 9-10",
            "Mon \u{664}-5",
        ] {
            let error = written.parse::<Hours>().unwrap_err().to_string();
            assert!(error.len() > 20, "{written:?}: {error}");
        }
    }

    #[test]
    fn the_next_opening_in_words() {
        let zone = TimeZone::get("America/Chicago").unwrap();
        let week = calendar(
            "Mon-Fri 9:00-17:00, Sat 10:30-14:00",
            &[("2026-12-25", "closed"), ("2026-12-24", "9:00-12:00")],
        );
        for (now, words) in [
            ("2026-12-16T08:59:59-06:00", Some("Wed 9am")),
            ("2026-12-16T09:00:00-06:00", None),
            ("2026-12-16T16:59:59-06:00", None),
            ("2026-12-16T17:00:00-06:00", Some("Thu 9am")),
            ("2026-12-18T23:00:00-06:00", Some("Sat 10:30am")),
            ("2026-12-19T14:00:00-06:00", Some("Mon 9am")),
            ("2026-12-24T11:00:00-06:00", None),
            ("2026-12-24T12:00:00-06:00", Some("Sat 10:30am")), // past the holiday
        ] {
            let now = now.parse().unwrap();
            assert_eq!(week.at(now, &zone).words(now).as_deref(), words, "{now}");
        }
        // A week off or more, the weekday alone says too little.
        let summer = calendar("Mon 12:00-13:00", &[("2026-06-08", "closed")]);
        let now = "2026-06-01T13:00:00-05:00".parse().unwrap();
        let words = summer.at(now, &zone).words(now);
        assert_eq!(words.as_deref(), Some("Mon Jun 15 12pm"));
        // Nothing within sight, and nothing told.
        for never in [calendar("Mon-Sun closed", &[]), Calendar::default()] {
            assert_eq!(never.at(now, &zone), Opening::Unknown);
        }
    }

    #[test]
    fn clocks_that_change_move_no_opening() {
        let zone = TimeZone::get("America/Chicago").unwrap();
        let week = calendar("daily 2:30-5:00", &[]);
        for (now, opening) in [
            // 8 March 2026: 2:00 becomes 3:00, so 2:30 is 3:30 by the new time.
            ("2026-03-07T12:00:00-06:00", "2026-03-08T03:30:00-05:00"),
            // 1 November 2026: 2:00 becomes 1:00; 2:30 comes once, an hour later than usual.
            ("2026-10-31T12:00:00-05:00", "2026-11-01T02:30:00-06:00"),
        ] {
            let now: Timestamp = now.parse().unwrap();
            let Opening::Closed(until) = week.at(now, &zone) else {
                panic!("open at {now}");
            };
            assert_eq!(until.timestamp(), opening.parse().unwrap());
        }
        // 1:30 comes twice in autumn: the desk opens at the first and stays open.
        let week = calendar("Sun 1:30-2:30", &[]);
        for (now, open) in [
            ("2026-11-01T01:29:00-05:00", false),
            ("2026-11-01T01:30:00-05:00", true),
            ("2026-11-01T01:00:00-06:00", true),
            ("2026-11-01T02:29:00-06:00", true),
            ("2026-11-01T02:30:00-06:00", false),
        ] {
            let now: Timestamp = now.parse().unwrap();
            assert_eq!(week.at(now, &zone) == Opening::Open, open, "{now}");
        }
        // Midnight to midnight is the whole day, 23 hours or 25.
        let always = calendar("daily 0:00-24:00", &[]);
        let mut now: Timestamp = "2026-03-07T00:00:00-06:00".parse().unwrap();
        while now < "2026-03-10T00:00:00-05:00".parse().unwrap() {
            assert_eq!(always.at(now, &zone), Opening::Open, "{now}");
            now += jiff::SignedDuration::from_mins(10);
        }
    }

    #[test]
    fn the_same_moment_is_another_time_elsewhere() {
        let week = calendar("Mon-Fri 9:00-17:00", &[]);
        let now: Timestamp = "2026-12-16T13:30:00Z".parse().unwrap();
        for (zone, words) in [
            ("America/Chicago", Some("Wed 9am")),
            ("Europe/Istanbul", None),
            ("Pacific/Auckland", Some("Thu 9am")),
        ] {
            let zone = TimeZone::get(zone).unwrap();
            assert_eq!(week.at(now, &zone).words(now).as_deref(), words);
        }
    }

    #[test]
    fn whether_a_promise_for_today_can_be_kept() {
        let zone = TimeZone::get("America/Chicago").unwrap();
        let week = calendar("Mon-Fri 9:00-17:00", &[]);
        for (now, today) in [
            ("2026-12-16T08:00:00-06:00", true),
            ("2026-12-16T12:00:00-06:00", true),
            ("2026-12-16T18:00:00-06:00", false),
        ] {
            let now: Timestamp = now.parse().unwrap();
            assert_eq!(week.at(now, &zone).is_today(now), today, "{now}");
        }
    }
}
