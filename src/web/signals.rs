//! How well each line was heard over the last day, for whoever moves an antenna.
//!
//! In memory: it is worth no write to an SD card, and a day later it is whole again.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::premises::Premises;
use crate::modem::LineStatus;

/// What one point stands for: the modem is asked about twice a minute.
pub(super) const SPAN_S: i64 = 5 * 60;
/// Points of a line: a day of them, and the one that is not over yet.
const POINTS_MAX: usize = 24 * 60 * 60 / 300 + 1;
/// How often the lines are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Five minutes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Heard {
    /// When they began.
    at: Timestamp,
    /// The weakest signal in them; unknown where the modem told none.
    signal_dbm: Option<i16>,
    /// Whether it sent and received whenever it was looked at.
    works: bool,
}

/// The last day of each line.
#[derive(Debug, Default)]
pub(super) struct Signals(Mutex<HashMap<String, VecDeque<Heard>>>);

impl Signals {
    fn days(&self) -> MutexGuard<'_, HashMap<String, VecDeque<Heard>>> {
        // Nothing is left half done under this lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at a line.
    pub(super) fn look(&self, line: &str, status: &LineStatus, now: Timestamp) {
        let since = now.as_second() - now.as_second().rem_euclid(SPAN_S);
        let at = Timestamp::from_second(since).unwrap_or(now);
        let (signal_dbm, works) = (status.signal_dbm, status.works());
        let mut days = self.days();
        let day = days.entry(line.to_owned()).or_default();
        // A clock that was set back: those are of a time that has not come.
        while day.back().is_some_and(|last| last.at > at) {
            day.pop_back();
        }
        match day.back_mut().filter(|last| last.at == at) {
            Some(last) => {
                last.signal_dbm = match (last.signal_dbm, signal_dbm) {
                    (Some(before), Some(now)) => Some(before.min(now)),
                    (known, None) | (None, known) => known,
                };
                last.works &= works;
            }
            None => day.push_back(Heard {
                at,
                signal_dbm,
                works,
            }),
        }
        let begin = at - SignedDuration::from_hours(24);
        while day.len() > POINTS_MAX || day.front().is_some_and(|first| first.at < begin) {
            day.pop_front();
        }
    }

    /// The last day of a line, oldest first. What was not looked at is not there.
    pub(super) fn of(&self, line: &str) -> Vec<Heard> {
        let days = self.days();
        days.get(line).into_iter().flatten().copied().collect()
    }

    /// Forgets lines that were taken away.
    fn keep(&self, names: &[String]) {
        self.days().retain(|line, _| names.contains(line));
    }
}

/// Looks at the lines every minute; ends with the surface.
pub(super) async fn listen(premises: Weak<Premises>) {
    let mut interval = tokio::time::interval(LOOK_EVERY);
    loop {
        interval.tick().await;
        let Some(premises) = premises.upgrade() else {
            return;
        };
        let now = premises.spool.now();
        for line in premises.lines.now().iter() {
            let status = line.status().borrow().clone();
            premises.signals.look(&line.name, &status, now);
        }
        premises.signals.keep(&premises.lines.names());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::modem::{Phase, Registration};

    fn heard(signal_dbm: Option<i16>, works: bool) -> LineStatus {
        LineStatus {
            phase: match works {
                true => Phase::Ready,
                false => Phase::Starting,
            },
            registration: Registration::Home,
            signal_dbm,
            ..LineStatus::default()
        }
    }

    #[test]
    fn the_weakest_of_five_minutes_stays() {
        let signals = Signals::default();
        for (at, signal_dbm, works) in [
            ("2026-11-26T10:00:10Z", None, false),
            ("2026-11-26T10:01:10Z", Some(-71), true),
            ("2026-11-26T10:02:10Z", Some(-93), true),
            ("2026-11-26T10:04:59Z", Some(-70), true),
            ("2026-11-26T10:05:00Z", Some(-70), true),
            ("2026-11-26T10:21:00Z", None, true),
        ] {
            let now = at.parse().unwrap();
            signals.look("front-desk", &heard(signal_dbm, works), now);
        }
        let told: Vec<_> = signals
            .of("front-desk")
            .iter()
            .map(|one| (one.at.to_string(), one.signal_dbm, one.works))
            .collect();
        assert_eq!(
            told,
            [
                ("2026-11-26T10:00:00Z".into(), Some(-93), false),
                ("2026-11-26T10:05:00Z".into(), Some(-70), true),
                ("2026-11-26T10:20:00Z".into(), None, true),
            ]
        );
        assert_eq!(signals.of("annex"), []);
    }

    #[test]
    fn a_day_is_kept_whatever_the_clock_does() {
        let signals = Signals::default();
        let noon: Timestamp = "2026-11-26T12:00:00Z".parse().unwrap();
        for minute in 0..3000 {
            let now = noon + SignedDuration::from_mins(minute);
            signals.look("front-desk", &heard(Some(-71), true), now);
        }
        let day = signals.of("front-desk");
        assert_eq!(day.len(), POINTS_MAX);
        assert!(day.is_sorted_by_key(|one| one.at));

        // Set back by a day, and then on by a year.
        let back = noon + SignedDuration::from_hours(26);
        signals.look("front-desk", &heard(Some(-80), true), back);
        let day = signals.of("front-desk");
        assert_eq!(day.last().unwrap().at, back);
        assert!(day.is_sorted_by_key(|one| one.at));
        let on = noon + SignedDuration::from_hours(24 * 365);
        signals.look("front-desk", &heard(Some(-80), true), on);
        assert_eq!(signals.of("front-desk").len(), 1);

        signals.keep(&["annex".into()]);
        assert_eq!(signals.of("front-desk"), []);
    }
}
