//! Numbers, and the table they are printed in.

use std::fmt;
use std::time::Duration;

/// What was measured, how much it is, what it should be.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<[String; 3]>,
}

impl Table {
    /// Adds a row; an empty aim for a number that only explains another.
    pub(crate) fn row(&mut self, what: &str, measured: impl fmt::Display, aim: &str) {
        self.rows
            .push([what.to_owned(), measured.to_string(), aim.to_owned()]);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heading = ["what", "measured", "aim"].map(str::to_owned);
        let all = || std::iter::once(&heading).chain(&self.rows);
        let width = |column: usize| {
            let cells = all().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let [first, second] = [width(0), width(1)];
        for [what, measured, aim] in all() {
            let line = format!("{what:first$}  {measured:second$}  {aim}");
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Times, in order of length.
#[derive(Debug)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    /// Sorts them.
    pub(crate) fn new(mut times: Vec<Duration>) -> Self {
        assert!(!times.is_empty(), "something was measured");
        times.sort_unstable();
        Self(times)
    }

    /// The time that `percent` of all are not above.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0[rank - 1]
    }

    /// The middle one.
    pub(crate) fn median(&self) -> Duration {
        self.percentile(50)
    }

    /// `p50 … p99 … longest …`
    pub(crate) fn summary(&self) -> String {
        format!(
            "p50 {}, p99 {}, longest {}",
            ms(self.median()),
            ms(self.percentile(99)),
            ms(self.percentile(100))
        )
    }

    /// `median (shortest to longest)`
    pub(crate) fn spread(&self) -> String {
        format!(
            "{} ({} to {})",
            ms(self.median()),
            ms(self.0[0]),
            ms(self.percentile(100))
        )
    }
}

/// A time as a person reads it.
pub(crate) fn ms(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    if ms < 0.1 {
        format!("{:.1} µs", ms * 1e3)
    } else if ms < 10.0 {
        format!("{ms:.2} ms")
    } else if ms < 1e3 {
        format!("{ms:.1} ms")
    } else {
        format!("{:.2} s", ms / 1e3)
    }
}

/// How often `one` goes into `other`, in percent.
pub(crate) fn percent(one: Duration, other: Duration) -> f64 {
    100.0 * one.as_secs_f64() / other.as_secs_f64()
}

/// Processes that want a processor, averaged over a minute.
pub(crate) fn load() -> String {
    let loads = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    loads.split(' ').next().unwrap_or_default().to_owned()
}
