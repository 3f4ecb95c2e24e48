//! `callnumber patron export | erase`: what a library has to answer for by law.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::BoxArguments;
use super::desk::ask;
use super::records::open;
use crate::control::Request;
use crate::desk::views::HeldOfPatron;

/// `callnumber patron`
#[derive(Debug, Subcommand)]
pub(super) enum PatronCommand {
    /// Write out everything that is held of a patron; that it was done is in `callnumber audit`
    Export(Export),
    /// Erase everything that is held of a patron, as their own FORGET does; nothing is sent to them
    Erase {
        /// Whose: a number however it is spelled, a messenger's address, or the name operators see
        patron: String,
        #[command(flatten)]
        at: BoxArguments,
    },
}

/// `callnumber patron export`
#[derive(Debug, Args)]
pub(super) struct Export {
    /// Whose: a number however it is spelled, a messenger's address, or the name operators see
    patron: String,
    /// Write JSON instead of text
    #[arg(long)]
    json: bool,
    /// Into this file, which must not be there yet [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    at: BoxArguments,
}

pub(super) async fn run(command: PatronCommand) -> anyhow::Result<()> {
    match command {
        PatronCommand::Export(export) => {
            let Export {
                patron,
                json,
                output,
                at,
            } = export;
            let zone = at.load()?.library().time_zone;
            let mut output = open(output.as_deref())?;
            let held: HeldOfPatron = ask(&at, Request::ExportPatron { patron }).await?;
            match json {
                true => writeln!(output, "{}", serde_json::to_string_pretty(&held)?)?,
                false => output.write_all(held.text(&zone).as_bytes())?,
            }
            Ok(())
        }
        PatronCommand::Erase { patron, at } => {
            let held: HeldOfPatron = ask(&at, Request::ErasePatron { patron }).await?;
            match held.names() {
                Some(names) => say!(
                    "Erased {names}: {}.",
                    match held.conversations.len() {
                        1 => "1 conversation".to_owned(),
                        count => format!("{count} conversations"),
                    }
                ),
                None if held.arrivals.is_empty() => say!("Nothing was held of them."),
                None => say!("Erased what had come from them and could not be read."),
            }
            Ok(())
        }
    }
}
