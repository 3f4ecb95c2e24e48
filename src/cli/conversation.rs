//! `callnumber conversation`: what is being said, and what whoever keeps the box may do about it.

use clap::{Args, Subcommand, ValueEnum};

use super::BoxArguments;
use super::desk::{ListArguments, ask, print, print_json, sms};
use crate::control::{Begun, Request, Sought};
use crate::desk::views::{Conversation, Page, Sent, Shown, WithOldKeys};
use crate::records::Form;
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
    /// Opt its patron out of texts; nothing is sent, and only their own START undoes it
    OptOut(Which),
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
            let shown: Shown = ask(&list.at, Request::Conversation { id }).await?;
            if list.json {
                return print_json(&WithOldKeys(&shown));
            }
            let zone = list.at.load()?.library().time_zone;
            say!("{}", standing(&shown.0.conversation));
            put!("{}", shown.0.write(Form::Text, &zone));
            Ok(())
        }
        ConversationCommand::Reopen(which) => {
            let row = act(&which.at, which.id, Act::Reopen).await?;
            say!("Conversation {} is before {} again.", which.id, row.queue);
            Ok(())
        }
        ConversationCommand::Tag {
            id,
            tags,
            none: _,
            at,
        } => {
            let row = act(&at, id, Act::Tag(tags)).await?;
            match row.tags.is_empty() {
                true => say!("Conversation {id} has no tags."),
                false => say!("Conversation {id} is tagged {}.", row.tags.join(", ")),
            }
            Ok(())
        }
        ConversationCommand::Block(which) => {
            let row = act(&which.at, which.id, Act::Block).await?;
            say!(
                "{} is blocked until {}; what they write is kept.",
                row.patron,
                row.blocked_until
                    .map_or_else(String::new, |until| until.to_string())
            );
            Ok(())
        }
        ConversationCommand::Unblock(which) => {
            let row = act(&which.at, which.id, Act::Unblock).await?;
            say!("{} is not blocked any more.", row.patron);
            Ok(())
        }
        ConversationCommand::OptOut(which) => {
            let row = act(&which.at, which.id, Act::OptOut).await?;
            say!(
                "{} gets no more texts from us, until they text START.",
                row.patron
            );
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
            let begun: Sent = ask(&begin.at, request).await?;
            if begin.json {
                say!("{}", serde_json::to_string(&WithOldKeys(&begun))?);
                return Ok(());
            }
            let size = match begun.segments {
                Some(segments) => format!(", {}", sms(segments)),
                None => String::new(),
            };
            say!(
                "Queued as message {} in conversation {}, which is {name}'s{size}.",
                begun.message.id,
                begun.message.conversation
            );
            Ok(())
        }
    }
}

/// Every page of a list.
async fn all(at: &BoxArguments, mut sought: Sought) -> anyhow::Result<Vec<Conversation>> {
    let mut rows = Vec::new();
    loop {
        let page: Page<Conversation> = ask(at, Request::Conversations(sought.clone())).await?;
        rows.extend(page.items);
        match page.next {
            Some(next) => sought.after = Some(next),
            None => return Ok(rows),
        }
    }
}

async fn act(at: &BoxArguments, on: i64, act: Act) -> anyhow::Result<Conversation> {
    ask(at, Request::Act { on, act }).await
}

/// How a conversation stands, in a sentence or two.
fn standing(shown: &Conversation) -> String {
    let mut words = match (shown.state, &shown.claimed_by) {
        (ConversationState::Claimed, Some(name)) => format!("Answered by {name}."),
        (ConversationState::Claimed, None) => "It is being answered.".into(),
        (ConversationState::Held, _) => "Held: nobody of its queue is there.".into(),
        (ConversationState::Waiting, _) => "In front of whoever is there.".into(),
        (ConversationState::Closed, _) => "Closed.".into(),
    };
    if let Some(since) = shown.waiting_since {
        words += &format!(" The patron waits since {since:.0}.");
    }
    if shown.flagged {
        words += " Their words look like an opt-out: read them.";
    }
    if let Some(promise) = &shown.promise {
        words += &format!(" Promised: {}.", promise.text);
    }
    if shown.opted_out {
        words += " The patron opted out of texts.";
    }
    if let Some(until) = shown.blocked_until {
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
                json!({"state": "closed", "opted_out": true}),
                "Closed. The patron opted out of texts.",
            ),
            (
                json!({"state": "closed", "promise": {"text": "a list by Friday", "by": "ana"},
                       "blocked_until": "2026-11-26T10:00:00Z"}),
                "Closed. Promised: a list by Friday. The sender is blocked until \
                 2026-11-26T10:00:00Z.",
            ),
        ] {
            let mut whole = json!({
                "id": 7, "patron": "heron-42", "gateway": "m", "gateway_kind": "sms",
                "queue": "desk", "home": "desk", "opened_at": "2026-11-25T10:00:00Z",
                "active_at": "2026-11-25T10:00:00Z", "answerable": true, "flagged": false,
                "tags": [],
            });
            for (key, value) in shown.as_object().expect("an object") {
                whole[key] = value.clone();
            }
            let shown = serde_json::from_value(whole).expect("a conversation");
            assert_eq!(standing(&shown), words);
        }
    }
}
