//! `callnumber arrival`: what came by a line and could not be read, or is not read yet.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::BoxArguments;
use super::desk::ask;
use crate::control::Request;

/// `callnumber arrival`
#[derive(Debug, Subcommand)]
pub(super) enum ArrivalCommand {
    /// What is kept, the newest last
    List(List),
    /// One of them, as the modem gave it; it may hold a number and words, so this is in the audit trail
    Show(Show),
}

/// `callnumber arrival list`
#[derive(Debug, Args)]
pub(super) struct List {
    /// How many, the newest
    #[arg(long, short = 'n', default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=5000))]
    lines: u16,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    at: BoxArguments,
}

/// `callnumber arrival show`
#[derive(Debug, Args)]
pub(super) struct Show {
    /// Which: the number that a message about it names
    id: i64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    at: BoxArguments,
}

pub(super) async fn run(command: ArrivalCommand) -> anyhow::Result<()> {
    match command {
        ArrivalCommand::List(arguments) => {
            let request = Request::Arrivals {
                before: None,
                limit: arguments.lines.into(),
            };
            let rows: Value = ask(&arguments.at, request).await?;
            if arguments.json {
                say!("{}", serde_json::to_string_pretty(&rows)?);
                return Ok(());
            }
            for row in rows.as_array().into_iter().flatten().rev() {
                say!("{}", line(row));
            }
        }
        ArrivalCommand::Show(arguments) => {
            let found: Value = ask(&arguments.at, Request::Arrival { id: arguments.id }).await?;
            if arguments.json {
                say!("{}", serde_json::to_string_pretty(&found)?);
                return Ok(());
            }
            say!("{}", line(&found));
            say!("{}", found["raw"].as_str().unwrap_or_default());
        }
    }
    Ok(())
}

/// One arrival as a line.
fn line(row: &Value) -> String {
    let text = |key: &str| row[key].as_str();
    let why = match text("state") {
        Some("waiting") => "not read yet",
        Some("in_part") => "the rest of its text is missing",
        Some("report") => "a report about no text that is known",
        _ => text("problem").unwrap_or("unreadable"),
    };
    format!(
        "{}  {}  {}  {} octets: {why}",
        row["id"],
        text("at").unwrap_or_default(),
        text("line").unwrap_or_default(),
        row["octets"]
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_arrival_reads_as_a_line() {
        let row = |state: &str| {
            json!({"id": 7, "line": "front-desk", "at": "2026-11-25T10:00:00Z", "state": state,
                   "problem": "data, not text", "octets": 33})
        };
        for (state, why) in [
            ("unreadable", "data, not text"),
            ("waiting", "not read yet"),
            ("in_part", "the rest of its text is missing"),
            ("report", "a report about no text that is known"),
        ] {
            let head = "7  2026-11-25T10:00:00Z  front-desk  33 octets: ";
            assert_eq!(line(&row(state)), format!("{head}{why}"));
        }
    }
}
