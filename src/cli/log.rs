//! The log: where it goes, what it tells, and telling more or less of it while the desk runs.
//!
//! Under systemd it goes to the journal with its fields (`CALLNUMBER_LINE=…`, `CODE_FILE=…`), else
//! to standard error. `CALLNUMBER_LOG` says what it tells at start, `callnumber log` from then on.

use std::os::unix::fs::MetadataExt;
use std::sync::OnceLock;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload::{Handle, Layer};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer as _, Registry};

use super::BoxArguments;
use crate::control::{self, CallError, Request};
use crate::duration;

/// How much is told, the least first.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
/// A filter's octets at most.
const FILTER_MAX: usize = 500;

static FILTER: OnceLock<Filter> = OnceLock::new();

struct Filter {
    handle: Handle<EnvFilter, Registry>,
    usual: String,
}

/// Begins to log. `usual` is what is told unless `CALLNUMBER_LOG` says otherwise.
pub(super) fn start(usual: &str) {
    let usual = match std::env::var("CALLNUMBER_LOG") {
        Ok(asked) if EnvFilter::try_new(&asked).is_ok() => asked,
        _ => usual.to_owned(),
    };
    let (filter, handle) = Layer::new(EnvFilter::new(&usual));
    let to_journal = stderr_is_journal().then(|| {
        let journal = tracing_journald::layer().ok()?;
        Some(
            journal
                .with_field_prefix(Some("CALLNUMBER".into()))
                .with_syslog_identifier("callnumber".into()),
        )
    });
    let output = match to_journal.flatten() {
        Some(journal) => journal.boxed(),
        None => tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .boxed(),
    };
    // A second start would be a test's: the first one stays.
    if tracing_subscriber::registry()
        .with(filter)
        .with(output)
        .try_init()
        .is_ok()
    {
        let _ = FILTER.set(Filter { handle, usual });
    }
}

/// Whether standard error is the journal's own socket: `JOURNAL_STREAM` names its device and inode
/// (systemd.exec(5)). One that was inherited and then redirected is not.
fn stderr_is_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    std::fs::metadata("/proc/self/fd/2")
        .is_ok_and(|found| stream == format!("{}:{}", found.dev(), found.ino()))
}

/// What it tells now, where that is more than is for everybody's eyes: numbers and words of patrons are
/// at `debug` and below.
pub(super) fn tells_patrons() -> Option<String> {
    let filter = FILTER.get()?;
    let now = filter.handle.with_current(ToString::to_string).ok()?;
    tells_more(&now).then_some(now)
}

fn tells_more(filter: &str) -> bool {
    filter.contains("debug") || filter.contains("trace")
}

/// Tells from now on what `level` says: a level, a filter, or `usual`. Answers the filter.
pub(super) fn set(level: &str) -> Result<String, String> {
    let Some(filter) = FILTER.get() else {
        return Err("this program's log cannot be changed".into());
    };
    let asked = filter_of(level, &filter.usual)?;
    filter
        .handle
        .reload(EnvFilter::new(&asked))
        .map_err(|error| error.to_string())?;
    Ok(asked)
}

/// The filter a level stands for; the error says what may be written.
fn filter_of(level: &str, usual: &str) -> Result<String, String> {
    let level = level.trim();
    if level == "usual" {
        return Ok(usual.to_owned());
    }
    // Words alone: as a filter, `0` is silence.
    if LEVELS.contains(&level) {
        return Ok(format!("callnumber={level},warn"));
    }
    let fits =
        level.len() <= FILTER_MAX && level.contains('=') && EnvFilter::try_new(level).is_ok();
    match fits {
        true => Ok(level.to_owned()),
        false => Err(format!(
            "{level:?} is no level: write error, warn, info, debug, trace or usual, or a filter \
             such as callnumber::modem=debug,warn"
        )),
    }
}

/// `callnumber log`
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// error, warn, info, debug, trace; usual, as at start; or a filter: callnumber::modem=debug,warn
    level: String,
    /// Back to usual after this long, such as 10m
    #[arg(long = "for", value_name = "TIME")]
    lasting: Option<String>,
    #[command(flatten)]
    at: BoxArguments,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let lasting = match arguments.lasting.as_deref().map(duration::parse) {
        None => None,
        Some(Some(time)) if time > Duration::ZERO => Some(time),
        Some(_) => anyhow::bail!("--for takes a length of time, such as 10m"),
    };
    let spool = arguments.at.load()?.spool_path();
    let request = Request::Log {
        level: arguments.level,
        for_s: lasting.map(|time| time.as_secs().max(1)),
    };
    let answer = match control::call::<serde_json::Value>(&spool, &[], &request).await {
        Err(CallError::NotRunning) => anyhow::bail!(
            "no desk runs on {}: CALLNUMBER_LOG says what it tells from its start",
            spool.display()
        ),
        answer => answer?,
    };
    let filter = answer["filter"].as_str().unwrap_or_default();
    say!("The desk logs by the filter {filter}");
    if tells_more(filter) {
        complain!(
            "callnumber: this writes patrons' numbers and words into the log; `callnumber log \
             usual` ends it"
        );
    }
    Ok(())
}

/// The answer to a change of the log.
pub(super) fn answer(filter: &str) -> serde_json::Value {
    json!({ "filter": filter })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_filters() {
        for (level, filter) in [
            ("debug", Ok("callnumber=debug,warn")),
            ("usual", Ok("callnumber=info,warn")),
            (
                "callnumber::modem=trace,warn",
                Ok("callnumber::modem=trace,warn"),
            ),
            ("trace", Ok("callnumber=trace,warn")),
            ("loud", Err("no level")),
            ("0", Err("no level")),
            ("off", Err("no level")),
            ("callnumber=loud", Err("no level")),
            ("", Err("no level")),
        ] {
            let found = filter_of(level, "callnumber=info,warn");
            match (&found, filter) {
                (Ok(found), Ok(filter)) => assert_eq!(found, filter),
                (Err(words), Err(part)) => assert!(words.contains(part), "{words}"),
                _ => panic!("{level:?} came to {found:?}"),
            }
        }
    }
}
