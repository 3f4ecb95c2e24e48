//! `callnumber conversation`: what is being said, and what whoever keeps the box may do about it.

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use serde_json::Value;

use super::BoxArguments;
use super::desk::{ListArguments, ask, print, sms};
use crate::control::{Begun, Request, Sought};
use crate::records::{Form, Transcript};
use crate::routing::{Act, ConversationState};

/// Conversations asked for at once.
const PAGE: usize = 200;

/// `callnumber conversation`
#[derive(Debug, Subcommand)]
pub(super) enum ConversationCommand {
    /// List conversations that are not closed, oldest first; without their words
    List {
        /// Only these states; may be given several times
        #[arg(long, value_name = "STATE")]
        state: Vec<StateWord>,
        /// Only of this queue
        #[arg(long)]
        queue: Option<String>,
        #[command(flatten)]
        list: ListArguments,
    },
    /// Show one, with what was said in it; that it was read is in `callnumber audit`
    Show {
        /// Which: its ID
        id: i64,
        #[command(flatten)]
        list: ListArguments,
    },
    /// Put a closed one before its queue again, without a word to the patron
    Reopen(Which),
    /// Give one these tags and no others
    Tag {
        /// Which: its ID
        id: i64,
        /// The tags from now on
        #[arg(required_unless_present = "none", value_name = "TAG")]
        tags: Vec<String>,
        /// Take all of its tags away
        #[arg(long, conflicts_with = "tags")]
        none: bool,
        #[command(flatten)]
        at: BoxArguments,
    },
    /// Put nothing its sender writes before anyone for a day; what they write is kept
    Block(Which),
    /// End such a block before its time
    Unblock(Which),
    /// Begin one with a number, in an operator's name: the answer comes to them first
    Begin(Begin),
}

/// One conversation.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// Which: its ID
    id: i64,
    #[command(flatten)]
    at: BoxArguments,
}

/// `callnumber conversation begin`
#[derive(Debug, Args)]
pub(super) struct Begin {
    /// With whom: +15551230100; not with somebody who opted out
    number: String,
    /// The first words
    text: String,
    /// In whose name, and who goes on with it
    #[arg(long, value_name = "NAME")]
    operator: String,
    /// By which gateway [default: the first sms gateway of the operator's queues]
    #[arg(long)]
    gateway: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    at: BoxArguments,
}

/// A state, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum StateWord {
    /// Unanswered, nobody there
    Held,
    /// Unanswered, in front of whoever is there
    Waiting,
    /// Somebody answers it
    Claimed,
    /// Done, for now
    Closed,
    /// Whatever they are
    All,
}

impl StateWord {
    fn states(self) -> &'static [ConversationState] {
        use ConversationState::{Claimed, Closed, Held, Waiting};
        match self {
            StateWord::Held => &[Held],
            StateWord::Waiting => &[Waiting],
            StateWord::Claimed => &[Claimed],
            StateWord::Closed => &[Closed],
            StateWord::All => &[Held, Waiting, Claimed, Closed],
        }
    }
}

pub(super) async fn run(command: ConversationCommand) -> anyhow::Result<()> {
    match command {
        ConversationCommand::List { state, queue, list } => {
            let states = state.iter().flat_map(|word| word.states()).copied();
            let sought = Sought {
                states: states.collect(),
                queue,
                after: None,
                limit: PAGE,
            };
            let rows = all(&list.at, sought).await?;
            let columns = [
                "id",
                "patron",
                "queue",
                "state",
                "claimed_by",
                "waiting_since",
                "tags",
            ];
            print(&list, &rows, &columns)
        }
        ConversationCommand::Show { id, list } => {
            let shown = ask(&list.at, Request::Conversation { id }).await?;
            if list.json {
                println!("{}", serde_json::to_string_pretty(&shown)?);
                return Ok(());
            }
            let zone = list.at.load()?.library().time_zone;
            let transcript: Transcript = serde_json::from_value(shown["transcript"].clone())
                .context("the daemon answers in another form; is it of the same version?")?;
            println!("{}", standing(&shown));
            print!("{}", transcript.write(Form::Text, &zone));
            Ok(())
        }
        ConversationCommand::Reopen(which) => {
            let row = act(&which.at, which.id, Act::Reopen).await?;
            println!(
                "Conversation {} is before {} again.",
                which.id,
                word(&row, "queue")
            );
            Ok(())
        }
        ConversationCommand::Tag {
            id,
            tags,
            none: _,
            at,
        } => {
            let row = act(&at, id, Act::Tag(tags)).await?;
            let tags: Vec<&str> = row["tags"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            match tags.is_empty() {
                true => println!("Conversation {id} has no tags."),
                false => println!("Conversation {id} is tagged {}.", tags.join(", ")),
            }
            Ok(())
        }
        ConversationCommand::Block(which) => {
            let row = act(&which.at, which.id, Act::Block).await?;
            println!(
                "{} is blocked until {}; what they write is kept.",
                word(&row, "patron"),
                word(&row, "blocked_until")
            );
            Ok(())
        }
        ConversationCommand::Unblock(which) => {
            let row = act(&which.at, which.id, Act::Unblock).await?;
            println!("{} is not blocked any more.", word(&row, "patron"));
            Ok(())
        }
        ConversationCommand::Begin(begin) => {
            let name = begin.operator.clone();
            let request = Request::Begin(Begun {
                operator: begin.operator,
                to: begin.number,
                text: begin.text,
                gateway: begin.gateway,
            });
            let begun = ask(&begin.at, request).await?;
            if begin.json {
                println!("{begun}");
                return Ok(());
            }
            let size = match begun["segments"].as_u64() {
                Some(segments) => format!(", {}", sms(segments)),
                None => String::new(),
            };
            println!(
                "Queued as message {} in conversation {}, which is {name}'s{size}.",
                begun["message"], begun["conversation"]
            );
            Ok(())
        }
    }
}

/// Every page of a list.
async fn all(at: &BoxArguments, mut sought: Sought) -> anyhow::Result<Value> {
    let mut rows = Vec::new();
    loop {
        let page = ask(at, Request::Conversations(sought.clone())).await?;
        rows.extend(page["items"].as_array().into_iter().flatten().cloned());
        match page["next"].as_i64() {
            Some(next) => sought.after = Some(next),
            None => return Ok(rows.into()),
        }
    }
}

async fn act(at: &BoxArguments, on: i64, act: Act) -> anyhow::Result<Value> {
    ask(at, Request::Act { on, act }).await
}

fn word<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_default()
}

/// How a conversation stands, in a sentence or two.
fn standing(shown: &Value) -> String {
    let mut words = match (word(shown, "state"), shown["claimed_by"].as_str()) {
        ("claimed", Some(name)) => format!("Answered by {name}."),
        ("held", _) => "Held: nobody of its queue is there.".into(),
        ("waiting", _) => "In front of whoever is there.".into(),
        ("closed", _) => "Closed.".into(),
        (state, _) => format!("It is {state}."),
    };
    let since = shown["waiting_since"].as_str();
    if let Some(since) = since.and_then(|since| since.parse::<Timestamp>().ok()) {
        words += &format!(" The patron waits since {since:.0}.");
    }
    if shown["flagged"] == true {
        words += " Their words look like an opt-out: read them.";
    }
    if let Some(promise) = shown["promise"].as_str() {
        words += &format!(" Promised: {promise}.");
    }
    if let Some(until) = shown["blocked_until"].as_str() {
        words += &format!(" The sender is blocked until {until}.");
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_conversation_stands_in_a_sentence() {
        for (shown, words) in [
            (
                json!({"state": "claimed", "claimed_by": "ana", "waiting_since": null}),
                "Answered by ana.",
            ),
            (
                json!({"state": "held", "waiting_since": "2026-11-25T10:00:00.123Z", "flagged": true}),
                "Held: nobody of its queue is there. The patron waits since 2026-11-25T10:00:00Z. \
                 Their words look like an opt-out: read them.",
            ),
            (
                json!({"state": "closed", "promise": "a list by Friday",
                       "blocked_until": "2026-11-26T10:00:00Z"}),
                "Closed. Promised: a list by Friday. The sender is blocked until \
                 2026-11-26T10:00:00Z.",
            ),
        ] {
            assert_eq!(standing(&shown), words);
        }
    }
}
