//! `callnumber transcript export` and `callnumber report`: what others read.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;

use super::desk::{ask, table};
use super::{BoxArguments, printing};
use crate::control::{Counting, Request, Wanted};
use crate::desk::views::{Page, Report, Thread};
use crate::records::{Division, Form, Measure, picture};

/// `callnumber transcript`
#[derive(Debug, Subcommand)]
pub(super) enum TranscriptCommand {
    /// Write conversations out; that it was done is in `callnumber audit`
    Export(Export),
}

/// `callnumber transcript export`
#[derive(Debug, Args)]
pub(super) struct Export {
    /// The form
    #[arg(long, default_value = "text")]
    format: FormWord,
    /// Only conversations of this day or later: 2026-11-01
    #[arg(long)]
    from: Option<Date>,
    /// Only conversations that began on this day or earlier
    #[arg(long)]
    to: Option<Date>,
    /// Only of this queue
    #[arg(long)]
    queue: Option<String>,
    /// Only this one
    #[arg(long, conflicts_with_all = ["from", "to", "queue"])]
    conversation: Option<i64>,
    /// With patrons' numbers in the place of their shown names
    #[arg(long)]
    numbers: bool,
    /// Into this file, which must not be there yet [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    at: BoxArguments,
}

/// A form, as it is typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormWord {
    /// To be read
    Text,
    /// One JSON object a line
    Json,
    /// A mailbox that mail programs open
    Mbox,
}

impl From<FormWord> for Form {
    fn from(word: FormWord) -> Self {
        match word {
            FormWord::Text => Form::Text,
            FormWord::Json => Form::Json,
            FormWord::Mbox => Form::Mbox,
        }
    }
}

/// `callnumber report`
#[derive(Debug, Args)]
pub(super) struct Reporting {
    /// By what: queue, operator, gateway, answerer-home, hour, weekday, day, month
    #[arg(long, default_value = "queue")]
    by: String,
    /// The first day [default: the first of the month]
    #[arg(long)]
    from: Option<Date>,
    /// The last day [default: today]
    #[arg(long)]
    to: Option<Date>,
    /// Print comma-separated values
    #[arg(long, conflicts_with_all = ["svg", "json"])]
    csv: bool,
    /// Print a picture (SVG) of: texts, waits
    #[arg(long, value_name = "WHAT", num_args = 0..=1, default_missing_value = "texts")]
    svg: Option<String>,
    /// Print JSON
    #[arg(long, conflicts_with = "svg")]
    json: bool,
    /// Into this file, which must not be there yet [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    at: BoxArguments,
}

pub(super) async fn transcript(command: TranscriptCommand) -> anyhow::Result<()> {
    let TranscriptCommand::Export(export) = command;
    let zone = export.at.load()?.library().time_zone;
    let mut output = open(export.output.as_deref())?;
    let mut wanted = Wanted {
        conversation: export.conversation,
        from: export.from,
        to: export.to,
        queue: export.queue,
        numbers: export.numbers,
        after: None,
    };
    loop {
        let request = Request::Transcripts(wanted.clone());
        let page: Page<Thread> = ask(&export.at, request).await?;
        for thread in page.items {
            let written = thread.write(export.format.into(), &zone);
            output
                .write_all(written.as_bytes())
                .context("cannot write the transcripts")?;
        }
        match page.next.and_then(|next| next.parse().ok()) {
            Some(next) => wanted.after = Some(next),
            None => break,
        }
    }
    output.flush().context("cannot write the transcripts")
}

pub(super) async fn report(arguments: Reporting) -> anyhow::Result<()> {
    let by = Division::from_word(&arguments.by).ok_or_else(|| {
        let all = Division::ALL.map(Division::word).join(", ");
        anyhow!("a report is by one of {all}")
    })?;
    let measure = arguments
        .svg
        .as_deref()
        .map(|word| Measure::from_word(word).context("a picture shows texts or waits: choose one"));
    let measure = measure.transpose()?;
    let request = Request::Report(Counting {
        from: arguments.from,
        to: arguments.to,
        by,
    });
    let report: Report = ask(&arguments.at, request).await?;
    let written = if arguments.csv {
        report.counted().csv()
    } else if let Some(measure) = measure {
        let library = arguments.at.load()?.library().name;
        let (from, to) = (report.from, report.to);
        let title = format!(
            "{library}: {} by {}, {from} to {to}",
            measure.word(),
            by.word()
        );
        picture(&report.counted(), measure, &title)
    } else if arguments.json {
        format!("{}\n", serde_json::to_string_pretty(&report.items)?)
    } else {
        let columns = [
            "key",
            "conversations",
            "texts_in",
            "texts_out",
            "notices",
            "wait_median_s",
            "answer_median_s",
        ];
        table(&serde_json::to_value(&report.items)?, &columns)
    };
    let mut output = open(arguments.output.as_deref())?;
    output
        .write_all(written.as_bytes())
        .and_then(|()| output.flush())
        .context("cannot write the report")
}

/// A new file that its owner alone may read: patrons' words are nobody else's business.
pub(super) fn open(path: Option<&Path>) -> anyhow::Result<Box<dyn Write>> {
    let Some(path) = path else {
        return Ok(Box::new(printing::output()));
    };
    let file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .with_context(|| {
            format!(
                "cannot make {}: name a file that is not there",
                path.display()
            )
        })?;
    Ok(Box::new(std::io::BufWriter::new(file)))
}
