//! `callnumber simulate --replay`: a transcript in the place of a modem.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::signal::unix::{SignalKind, signal};

use super::say;
use crate::simulator::{Moment, Replay, Script, What};
use crate::trace::{Direction, Said, Trace};

/// A transcript's octets at most: several times what the desk keeps.
const FILE_MAX: u64 = 256 * 1024 * 1024;

/// Reads a transcript and plugs it in.
pub(super) async fn open(file: &Path, speed: f64, link: Option<&Path>) -> anyhow::Result<Replay> {
    let shown = file.display();
    let size = tokio::fs::metadata(file)
        .await
        .with_context(|| format!("cannot read {shown}"))?
        .len();
    if size > FILE_MAX {
        bail!("{shown} is too large to be played; cut it to the part that matters");
    }
    let octets = tokio::fs::read(file)
        .await
        .with_context(|| format!("cannot read {shown}"))?;
    let trace =
        Trace::parse(&String::from_utf8_lossy(&octets)).with_context(|| shown.to_string())?;
    let script = Script::new(&moments(&trace));
    if script.commands() == 0 {
        bail!("{shown} holds no command: nothing would ever be answered");
    }
    let header = &trace.header;
    say(&format!(
        "A transcript of {} ({}), {} commands long.\n",
        if header.line.is_empty() {
            "a line"
        } else {
            &header.line
        },
        header.modem.as_deref().unwrap_or("modem not told"),
        script.commands(),
    ));
    Replay::open(script, speed, link).context("the transcript cannot be plugged in")
}

/// Plays it until it is told to stop, or is played out; says how it went.
pub(super) async fn play(
    mut replay: Replay,
    link: Option<&Path>,
    until_quiet: Option<Duration>,
) -> anyhow::Result<ExitCode> {
    let mut interrupted = signal(SignalKind::interrupt()).context("SIGINT cannot be watched")?;
    let mut terminated = signal(SignalKind::terminate()).context("SIGTERM cannot be watched")?;
    let port = link.map_or_else(|| replay.path(), Path::to_owned);
    say(&format!("It is played on {}.\n", port.display()));
    tokio::select! {
        played = replay.play(until_quiet) => played.context("the terminal failed")?,
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    let report = replay.report();
    say(&report.to_string());
    Ok(if report.is_faithful() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn moments(trace: &Trace) -> Vec<Moment> {
    let moment = |at, said: &Said| {
        let what = match said {
            Said::Octets(Direction::ToModem, octets) => What::Asked(octets.clone()),
            Said::Octets(Direction::FromModem, octets) => What::Said(octets.clone()),
            Said::Note(words) if words == "closed" => What::Closed,
            Said::Note(_) => return None,
        };
        Some(Moment { at, what })
    };
    trace
        .records
        .iter()
        .filter_map(|record| moment(record.at, &record.said))
        .collect()
}
