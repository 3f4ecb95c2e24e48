//! `callnumber audit`: who changed or revealed what.

use clap::Args;

use super::BoxArguments;
use super::desk::{ask, print_json};
use crate::control::Request;
use crate::desk::views::AuditEntry;

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
    let rows: Vec<AuditEntry> = ask(&arguments.at, request).await?;
    if arguments.json {
        return print_json(&rows);
    }
    // The newest last: where the eye is, at the end of a terminal.
    for row in rows.iter().rev() {
        say!("{}", line(row));
    }
    Ok(())
}

/// One entry as a sentence of a log.
fn line(row: &AuditEntry) -> String {
    let by = row.by.as_deref().unwrap_or("(the box)");
    let mut line = format!("{}  {by}  {}", row.at, row.action);
    if let Some(subject) = &row.subject {
        line += &format!(" {subject}");
    }
    if let Some(conversation) = row.conversation {
        line += &format!(" in conversation {conversation}");
    }
    if let Some(detail) = &row.detail {
        line += &format!(" {detail}");
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
                json!({"id": 1, "at": "2026-11-25T10:00:00Z", "by": "ana", "action": "revealed_number",
                       "subject": "heron-42", "conversation": 7, "detail": null}),
                "2026-11-25T10:00:00Z  ana  revealed_number heron-42 in conversation 7",
            ),
            (
                json!({"id": 1, "at": "2026-11-25T10:00:00Z", "by": null, "action": "add_queue",
                       "subject": "maps", "conversation": null, "detail": {"a": 1}}),
                "2026-11-25T10:00:00Z  (the box)  add_queue maps {\"a\":1}",
            ),
        ] {
            let row = serde_json::from_value(row).expect("an entry");
            assert_eq!(line(&row), read);
        }
    }
}
