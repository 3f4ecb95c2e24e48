//! `callnumber canned`: replies that are answered often.

use std::io::Read;

use anyhow::Context;
use clap::Subcommand;

use super::BoxArguments;
use super::desk::{ListArguments, ask, print};
use crate::control::Request;
use crate::desk::views::Canned;
use crate::routing::{Amendment, CannedChange};

/// `callnumber canned`
#[derive(Debug, Subcommand)]
pub(super) enum CannedCommand {
    /// Add a canned reply
    Add {
        /// What it is found by: a-z, 0-9, - _ .
        key: String,
        /// The words; - reads them from standard input
        text: String,
        /// For this queue alone [default: for every queue]
        #[arg(long)]
        queue: Option<String>,
        #[command(flatten)]
        at: BoxArguments,
    },
    /// Give a canned reply other words
    Set {
        /// Its key
        key: String,
        /// The words; - reads them from standard input
        text: String,
        /// The queue it is for [default: the desk-wide one]
        #[arg(long)]
        queue: Option<String>,
        #[command(flatten)]
        at: BoxArguments,
    },
    /// List the canned replies
    List(ListArguments),
    /// Remove a canned reply
    Remove {
        /// Its key
        key: String,
        /// The queue it is for [default: the desk-wide one]
        #[arg(long)]
        queue: Option<String>,
        #[command(flatten)]
        at: BoxArguments,
    },
}

pub(super) async fn run(command: CannedCommand) -> anyhow::Result<()> {
    let (at, change) = match command {
        CannedCommand::Add {
            key,
            text,
            queue,
            at,
        } => {
            let text = given(text)?;
            (at, CannedChange::Add { key, queue, text })
        }
        CannedCommand::Set {
            key,
            text,
            queue,
            at,
        } => {
            let text = given(text)?;
            (at, CannedChange::Set { key, queue, text })
        }
        CannedCommand::Remove { key, queue, at } => (at, CannedChange::Remove { key, queue }),
        CannedCommand::List(arguments) => {
            let rows: Vec<Canned> = ask(&arguments.at, Request::Canned).await?;
            return print(&arguments, &rows, &["key", "queue", "text"]);
        }
    };
    ask(&at, Request::Amend(Amendment::Canned(change))).await
}

fn given(text: String) -> anyhow::Result<String> {
    if text != "-" {
        return Ok(text);
    }
    let mut text = String::new();
    std::io::stdin()
        .take(64 * 1024)
        .read_to_string(&mut text)
        .context("cannot read the words from standard input")?;
    Ok(text)
}
