//! `callnumber audit`: who changed or revealed what.

use clap::Args;
use serde_json::Value;

use super::BoxArguments;
use super::desk::ask;
use crate::control::Request;

/// `callnumber audit`
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// How many lines, the newest
    #[arg(long, short = 'n', default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=5000))]
    lines: u16,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    at: BoxArguments,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let request = Request::Audit {
        before: None,
        limit: arguments.lines.into(),
    };
    let rows = ask(&arguments.at, request).await?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    // The newest last: where the eye is, at the end of a terminal.
    for row in rows.as_array().into_iter().flatten().rev() {
        println!("{}", line(row));
    }
    Ok(())
}

/// One entry as a sentence of a log.
fn line(row: &Value) -> String {
    let text = |key: &str| row[key].as_str();
    let mut line = format!(
        "{}  {}  {}",
        text("at").unwrap_or_default(),
        text("by").unwrap_or("(the box)"),
        text("action").unwrap_or_default()
    );
    if let Some(subject) = text("subject") {
        line += &format!(" {subject}");
    }
    if let Some(conversation) = row["conversation"].as_i64() {
        line += &format!(" in conversation {conversation}");
    }
    if !row["detail"].is_null() {
        line += &format!(" {}", row["detail"]);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_entry_reads_as_a_line() {
        for (row, read) in [
            (
                json!({"at": "2026-11-25T10:00:00Z", "by": "ana", "action": "revealed_number",
                       "subject": "heron-42", "conversation": 7, "detail": null}),
                "2026-11-25T10:00:00Z  ana  revealed_number heron-42 in conversation 7",
            ),
            (
                json!({"at": "2026-11-25T10:00:00Z", "by": null, "action": "add_queue",
                       "subject": "maps", "conversation": null, "detail": {"a": 1}}),
                "2026-11-25T10:00:00Z  (the box)  add_queue maps {\"a\":1}",
            ),
        ] {
            assert_eq!(line(&row), read);
        }
    }
}
