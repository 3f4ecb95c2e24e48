//! `callnumber desk export | import`: the desk as TOML.

use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use anyhow::Context;
use clap::Subcommand;

use super::BoxArguments;
use super::desk::ask;
use crate::control::Request;
use crate::routing::book::Manuscript;

/// `callnumber desk`
#[derive(Debug, Subcommand)]
pub(super) enum DeskCommand {
    /// Write queues, gateways, operators and canned replies out as TOML
    Export {
        /// With the hashes of passwords: whoever reads them can try to guess the passwords
        #[arg(long)]
        passwords: bool,
        /// Into this file, which must not be there yet [default: standard output]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        at: BoxArguments,
    },
    /// Make this desk like an exported one, all of it or nothing; nothing is removed
    Import {
        /// The TOML; - reads standard input
        file: PathBuf,
        /// Only show what would change, or what is wrong
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        at: BoxArguments,
    },
}

pub(super) async fn run(command: DeskCommand) -> anyhow::Result<()> {
    match command {
        DeskCommand::Export {
            passwords,
            output,
            at,
        } => {
            let text: String = ask(&at, Request::Export { passwords }).await?;
            let Some(path) = output else {
                put!("{text}");
                return Ok(());
            };
            std::fs::OpenOptions::new()
                .create_new(true)
                .write(true)
                .mode(0o600)
                .open(&path)
                .and_then(|mut file| file.write_all(text.as_bytes()))
                .with_context(|| {
                    format!(
                        "cannot write {}: name a file that is not there",
                        path.display()
                    )
                })
        }
        DeskCommand::Import { file, dry_run, at } => {
            let mut text = String::new();
            let most = Manuscript::SIZE_MAX as u64 + 1;
            let read = if file.as_os_str() == "-" {
                std::io::stdin().take(most).read_to_string(&mut text)
            } else {
                std::fs::File::open(&file)
                    .and_then(|file| file.take(most).read_to_string(&mut text))
            };
            read.with_context(|| {
                format!(
                    "cannot read {}: name a TOML file that `callnumber desk export` wrote",
                    file.display()
                )
            })?;
            // A book that cannot be read is not sent anywhere.
            let book = text.clone();
            Manuscript::read(text).with_context(|| file.display().to_string())?;
            let request = Request::Import { book, dry_run };
            let lines: Vec<String> = ask(&at, request)
                .await
                .with_context(|| file.display().to_string())?;
            for line in &lines {
                say!("{line}");
            }
            let how = if dry_run { "would be" } else { "were" };
            match lines.len() {
                0 => say!("This desk is like that one already: nothing {how} changed."),
                1 => say!(
                    "1 change {} made.",
                    if dry_run { "would be" } else { "was" }
                ),
                count => say!("{count} changes {how} made."),
            }
            Ok(())
        }
    }
}
