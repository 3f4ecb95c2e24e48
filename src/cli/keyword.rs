//! `callnumber keyword`: words of the library's own that are answered without a librarian.

use clap::Subcommand;

use super::BoxArguments;
use super::desk::{ListArguments, ask, print};
use crate::control::Request;
use crate::desk::views::Keyword;
use crate::routing::Amendment;

/// `callnumber keyword`
#[derive(Debug, Subcommand)]
pub(super) enum KeywordCommand {
    /// Answer a word from now on, or answer it otherwise
    #[command(visible_alias = "add")]
    Set {
        /// The word, the whole of a text: HOURS, HORARIO
        word: String,
        /// What the patron is told; may hold {library}, {hours_link}, {opening}, {urgent}, {email}
        answer: String,
        /// The gateway by which patrons text it
        #[arg(long)]
        gateway: String,
        #[command(flatten)]
        at: BoxArguments,
    },
    /// List the keywords with their answers
    List {
        /// Of this gateway [default: of all]
        #[arg(long)]
        gateway: Option<String>,
        #[command(flatten)]
        list: ListArguments,
    },
    /// Answer a word no more: it is a text like any other
    Remove {
        /// The word
        word: String,
        /// The gateway by which patrons text it
        #[arg(long)]
        gateway: String,
        #[command(flatten)]
        at: BoxArguments,
    },
}

pub(super) async fn run(command: KeywordCommand) -> anyhow::Result<()> {
    let (at, gateway, word, answer) = match command {
        KeywordCommand::Set {
            word,
            answer,
            gateway,
            at,
        } => (at, gateway, word, Some(answer)),
        KeywordCommand::Remove { word, gateway, at } => (at, gateway, word, None),
        KeywordCommand::List { gateway, list } => {
            let rows: Vec<Keyword> = ask(&list.at, Request::Keywords { gateway }).await?;
            return print(&list, &rows, &["gateway", "word", "segments", "answer"]);
        }
    };
    let amendment = Amendment::SetKeyword {
        gateway,
        word,
        answer,
    };
    ask(&at, Request::Amend(amendment)).await
}
