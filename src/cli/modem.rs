//! `callnumber modem`: look for modems; ask one.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Subcommand;

use super::BoxArguments;
use super::desk::{ask, print_json};
use crate::control::{Request, Resumed, Said, TraceWish, Traced};
use crate::desk::views::{StatusOnTheBox, WithOldKeys};
use crate::modem::{self, Found};

/// `callnumber modem`
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Look for modems on this machine's serial ports
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        at: BoxArguments,
    },
    /// What the running desk knows of its modem
    Info {
        /// The line [default: all]
        line: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        at: BoxArguments,
    },
    /// Ask the network a code such as *100#, and print its answer
    Ussd {
        /// The code
        code: String,
        /// The line [default: the first]
        #[arg(long)]
        line: Option<String>,
        #[command(flatten)]
        at: BoxArguments,
    },
    /// Let a line send again that rests because the carrier refused it
    Resume {
        /// The line [default: the first]
        line: Option<String>,
        #[command(flatten)]
        at: BoxArguments,
    },
    /// Write down what is said on a modem's port, for a bug report
    #[command(subcommand)]
    Trace(TraceCommand),
}

/// `callnumber modem trace`
#[derive(Debug, Subcommand)]
pub(super) enum TraceCommand {
    /// Begin; the modem is set up anew, so that the transcript begins with what it is
    Start {
        /// The file, made by the running desk and readable for its user alone
        file: PathBuf,
        /// The line [default: the first]
        #[arg(long)]
        line: Option<String>,
        /// Write numbers and words as they are: what patrons wrote will be in the file
        #[arg(long)]
        unmasked: bool,
        /// Megabytes, after which the file is put aside as FILE.1 and a new one begun
        #[arg(long, value_name = "MB", default_value_t = 8,
              value_parser = clap::value_parser!(u64).range(1..=1024))]
        limit: u64,
        #[command(flatten)]
        at: BoxArguments,
    },
    /// End it
    Stop {
        /// The line [default: the first]
        #[arg(long)]
        line: Option<String>,
        #[command(flatten)]
        at: BoxArguments,
    },
}

pub(super) async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::List { json, at } => list(json, &at).await,
        Command::Info { line, json, at } => info(line.as_deref(), json, &at).await,
        Command::Ussd { code, line, at } => {
            let Said { answer } = ask(&at, Request::Ussd { line, code }).await?;
            say!("{answer}");
            Ok(())
        }
        Command::Resume { line, at } => {
            let Resumed { line, rested } = ask(&at, Request::Resume { line }).await?;
            match rested {
                true => say!("Line {line} sends again, within a minute."),
                false => say!("Line {line} does not rest."),
            }
            Ok(())
        }
        Command::Trace(command) => trace(command).await,
    }
}

async fn trace(command: TraceCommand) -> anyhow::Result<()> {
    match command {
        TraceCommand::Start {
            file,
            line,
            unmasked,
            limit,
            at,
        } => {
            let wish = TraceWish::Start {
                file: std::path::absolute(&file).context("the file's name")?,
                unmasked,
                limit: limit * 1024 * 1024,
            };
            let begun: Traced = ask(&at, Request::Trace { line, wish }).await?;
            say!(
                "What is said on {}'s port goes to {} from now on; {}. End it with `callnumber \
                 modem trace stop`.",
                begun.line,
                begun.file.display(),
                if unmasked {
                    "numbers and words are in it as they are: do not pass it on"
                } else {
                    "numbers and words are masked"
                }
            );
        }
        TraceCommand::Stop { line, at } => {
            let wish = TraceWish::Stop;
            let ended: Traced = ask(&at, Request::Trace { line, wish }).await?;
            say!("{}", ended.file.display());
        }
    }
    Ok(())
}

async fn list(as_json: bool, at: &BoxArguments) -> anyhow::Result<()> {
    let named = at.load()?.named_ports();
    let mut found = modem::list(&named).await;
    let untried = modem::untried(&named).await;
    if as_json {
        found.extend(untried);
        return print_json(&found);
    }
    if found.is_empty() {
        say!(
            "No modem found on a USB port. Is it plugged in and powered? A modem on a built-in \
             serial port is named in the configuration: port = \"/dev/…\"."
        );
    }
    for found in found.iter().chain(&untried) {
        say!("{}", in_words(found));
    }
    Ok(())
}

fn in_words(found: &Found) -> String {
    let port = found.path.display();
    let name = if found.usb_id.is_empty() {
        port.to_string()
    } else {
        format!("{port} ({})", found.usb_id)
    };
    let Some(modem) = &found.modem else {
        let trouble = found.trouble.as_deref().unwrap_or("does not answer AT");
        return format!("{name}: {trouble}");
    };
    let memories = match modem.memories.as_slice() {
        [] => "none: not the port for texts".to_owned(),
        memories => memories.join(", "),
    };
    let mut words = format!(
        "{name}: {}, IMEI {}, SIM {}, texts in {memories}",
        modem.model.as_deref().unwrap_or("a modem"),
        modem.imei.as_deref().unwrap_or("not told"),
        modem.sim.as_deref().unwrap_or("not answering"),
    );
    if let Some(trouble) = &found.trouble {
        words += &format!("\n  but {trouble}");
    }
    words
}

async fn info(line: Option<&str>, as_json: bool, at: &BoxArguments) -> anyhow::Result<()> {
    let status: StatusOnTheBox = ask(at, Request::Status).await?;
    let mut lines = status.modems;
    lines.retain(|known| line.is_none_or(|name| known.modem.name == name));
    if lines.is_empty() {
        match (status.running, line) {
            (true, Some(name)) => bail!("the running desk has no line {name:?}"),
            (true, None) => bail!("the running desk has no line: add a [[modem]]"),
            (false, _) => {
                bail!("no desk runs, so no modem is driven: start `callnumber run` first")
            }
        }
    }
    if as_json {
        return print_json(&lines.iter().map(WithOldKeys).collect::<Vec<_>>());
    }
    for known in lines {
        put!("{}", super::status::line_in_words(&known));
        for (label, value) in [
            ("manufacturer", known.modem.manufacturer),
            ("revision", known.revision),
            ("IMEI", known.imei),
            ("IMSI", known.imsi),
            ("ICCID", known.iccid),
        ] {
            if let Some(value) = value {
                say!("  {label}: {value}");
            }
        }
    }
    Ok(())
}
