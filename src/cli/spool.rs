//! `callnumber spool`: is the spool whole; mend it.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::BoxArguments;
use super::meter::{Meter, megabytes};
use crate::spool::check::check;
use crate::spool::repair::{Repaired, repair};

/// `callnumber spool`
#[derive(Debug, Subcommand)]
pub(super) enum SpoolCommand {
    /// Read all of the spool, beside the running daemon or without one; exit status 1 when damaged
    Check {
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        at: BoxArguments,
    },
    /// Mend a damaged spool; the daemon must be stopped. Prefer a fresh backup where there is one
    Repair {
        #[command(flatten)]
        at: BoxArguments,
    },
}

pub(super) async fn run(command: SpoolCommand) -> anyhow::Result<ExitCode> {
    tokio::task::spawn_blocking(move || match command {
        SpoolCommand::Check { json, at } => check_now(json, &at),
        SpoolCommand::Repair { at } => repair_now(&at),
    })
    .await?
}

fn check_now(as_json: bool, at: &BoxArguments) -> anyhow::Result<ExitCode> {
    let path = at.load()?.spool_path();
    let report = check(&path)?;
    let whole = report.faults.is_empty();
    if as_json {
        let report = json!({
            "spool": path,
            "whole": whole,
            "version": report.version,
            "texts": report.texts,
            "octets": report.octets,
            "free": report.free,
            "faults": report.faults,
        });
        say!("{}", serde_json::to_string_pretty(&report)?);
    } else if whole {
        say!(
            "{} is whole: version {}, {} texts, {}, {} of it free",
            path.display(),
            report.version,
            report.texts,
            megabytes(report.octets),
            megabytes(report.free)
        );
    } else {
        say!("{} is damaged:", path.display());
        for fault in &report.faults {
            say!("  {fault}");
        }
        say!(
            "Stop the desk (`systemctl stop callnumber`), then restore the latest backup \
             (`callnumber restore FILE`), or carry over what can be read (`callnumber spool repair`)."
        );
    }
    Ok(match whole {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn repair_now(at: &BoxArguments) -> anyhow::Result<ExitCode> {
    let path = at.load()?.spool_path();
    let mut meter = Meter::new();
    let repaired = repair(&path, &mut |progress| meter.show(progress))?;
    drop(meter);
    let kept = |previous: Option<std::path::PathBuf>| {
        if let Some(previous) = previous {
            say!("The damaged spool is kept as {}", previous.display());
        }
    };
    match repaired {
        Repaired::Whole => say!("{} is whole: nothing was done", path.display()),
        Repaired::Reindexed { previous } => {
            say!(
                "{}: its indexes were made anew, no row was lost",
                path.display()
            );
            kept(previous);
        }
        Repaired::Salvaged {
            previous,
            rows,
            torn,
            orphans,
        } => {
            let texts = rows.get("message").copied().unwrap_or(0);
            let all: u64 = rows.values().sum();
            say!(
                "{}: carried over {all} rows, {texts} texts among them",
                path.display()
            );
            if !torn.is_empty() {
                say!("Rows are missing from: {}", torn.join(", "));
            }
            if orphans > 0 {
                say!("{orphans} rows were left out: what they belong to is lost");
            }
            kept(previous);
        }
    }
    Ok(ExitCode::SUCCESS)
}
