//! What operators ask the desk for, in two dresses: ad-hoc commands (XEP-0050 with XEP-0004 forms)
//! and words to a queue's address that begin with `!`, since some clients have no commands and
//! others keep `/` to themselves.

use jiff::Timestamp;
use tokio_xmpp::minidom::Element;

use super::replies::refusal;
use super::stanzas::{self, Fault, With, attribute};
use super::stream::COMPONENT;
use super::surface::{Surface, kept};
use crate::desk::NotGranted;
use crate::routing::{Conversation, Event, OperatorId, Show, TransferTarget};
use crate::spool::messengers::{self, Naming};

/// Lines of a list.
const LINES_MAX: usize = 50;

/// The commands: name, what it does, and the fields its form asks for.
const COMMANDS: [(&str, &str, &[Field]); 7] = [
    ("who", "Who is here", &[]),
    ("waiting", "What waits", &[]),
    ("take", "Take a conversation", &[Field::Patron]),
    (
        "release",
        "Give a conversation back to its queue",
        &[Field::Patron],
    ),
    ("close", "Close a conversation", &[Field::Patron]),
    (
        "transfer",
        "Hand a conversation over",
        &[Field::Patron, Field::To, Field::Note],
    ),
    ("help", "What can be asked for", &[]),
];

const HELP: &str = "\
!who: who is here
!waiting: what waits, and what you answer
!take NAME: answer it yourself, without writing yet
!release NAME: give it back to the queue
!close NAME: done
!transfer NAME COLLEAGUE-OR-QUEUE [NOTE]: hand it over
NAME is the patron's, such as heron-42; leave it out if you answer only one. \
To answer a patron, write to the patron.";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Patron,
    To,
    Note,
}

impl Field {
    fn name(self) -> &'static str {
        match self {
            Field::Patron => "patron",
            Field::To => "to",
            Field::Note => "note",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Field::Patron => "Whose",
            Field::To => "To a colleague or a queue",
            Field::Note => "What the next librarian should know",
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    command: &'static str,
    patron: Option<String>,
    to: Option<String>,
    note: String,
}

fn known(name: &str) -> Option<&'static (&'static str, &'static str, &'static [Field])> {
    COMMANDS.iter().find(|(known, ..)| *known == name)
}

/// Whether words to a patron are a command gone astray.
pub(super) fn looks_like_one(words: &str) -> bool {
    let first = words.split_whitespace().next().unwrap_or_default();
    first
        .strip_prefix('!')
        .is_some_and(|name| known(&name.to_lowercase()).is_some())
}

/// Reads `!take heron-42`.
fn parse(words: &str) -> Option<Asked> {
    let mut parts = words.split_whitespace();
    let name = parts.next()?.strip_prefix('!')?.to_lowercase();
    let (command, _, fields) = known(&name)?;
    let mut rest: Vec<&str> = parts.collect();
    let mut asked = Asked {
        command,
        patron: None,
        to: None,
        note: String::new(),
    };
    if fields.contains(&Field::Patron) && !rest.is_empty() {
        // `!transfer ben` with one conversation leaves the name out.
        let named = *command != "transfer" || rest.first().is_some_and(|w| w.contains('-'));
        if named {
            asked.patron = Some(rest.remove(0).trim_start_matches('~').to_lowercase());
        }
    }
    if fields.contains(&Field::To) && !rest.is_empty() {
        asked.to = Some(rest.remove(0).to_lowercase());
    }
    if fields.contains(&Field::Note) {
        asked.note = rest.join(" ");
    }
    Some(asked)
}

impl Surface {
    /// An operator wrote to a queue, or to the domain.
    pub(super) async fn text_command(
        &mut self,
        stanza: &Element,
        operator: OperatorId,
        words: &str,
    ) {
        let answer = match parse(words) {
            Some(asked) => match self.perform(operator, asked).await {
                Ok(words) | Err(words) => words,
            },
            None => format!("The desk takes commands here.\n{HELP}"),
        };
        let (Some(from), Some(to)) = (stanza.attr("to"), stanza.attr("from")) else {
            return;
        };
        self.arrivals += 1;
        let id = format!("answer-{}", self.arrivals);
        let answer = stanzas::chat(from, to, &id).with(stanzas::text("body", &answer));
        self.say(answer);
    }

    /// Does what was asked; both outcomes are words for the operator.
    async fn perform(&mut self, operator: OperatorId, asked: Asked) -> Result<String, String> {
        match asked.command {
            "help" => return Ok(HELP.to_owned()),
            "who" => return Ok(self.who(operator)),
            "waiting" => return self.waiting(operator).await,
            _ => {}
        }
        let conversation = self.meant(operator, asked.command, asked.patron).await?;
        let id = conversation.id;
        let event = match asked.command {
            "take" => Event::Claim {
                operator,
                conversation: id,
            },
            "release" => Event::Release {
                operator,
                conversation: id,
            },
            "close" => Event::Close {
                operator,
                conversation: id,
            },
            _ => Event::Transfer {
                operator,
                conversation: id,
                to: self.target(asked.to)?,
                note: asked.note,
            },
        };
        match self.desk.ask(event).await {
            Ok(_) => Ok(match asked.command {
                "take" => "It is yours: write to the patron.",
                "release" => "It is back in the queue.",
                "close" => "It is closed.",
                _ => "It is offered; it stays yours until it is accepted.",
            }
            .to_owned()),
            Err(error) => Err(sentence(&error)),
        }
    }

    fn target(&self, to: Option<String>) -> Result<TransferTarget, String> {
        let to = to.ok_or("Say to whom: a colleague's name or a queue's.")?;
        let board = self.board.borrow();
        if let Some(operator) = board.plan.operator_named(&to) {
            return Ok(TransferTarget::Operator(operator.id));
        }
        match board.plan.queue_named(&to) {
            Some(queue) => Ok(TransferTarget::Queue(queue.id)),
            None => Err(format!("There is neither a colleague nor a queue {to:?}.")),
        }
    }

    /// The conversation a command is about: by the patron's name, or the only one there is.
    async fn meant(
        &mut self,
        operator: OperatorId,
        command: &str,
        patron: Option<String>,
    ) -> Result<Conversation, String> {
        const DISK: &str = "The desk cannot read its disk: try again.";
        if let Some(name) = patron {
            let naming = Naming::Name(name.clone());
            let read = self
                .spool
                .read(move |c| messengers::thread_of(c, &naming))
                .await;
            return match kept(read) {
                Some(Some(thread)) => Ok(thread.conversation),
                Some(None) => Err(format!("There is no patron {name:?}: ask !waiting.")),
                None => Err(DISK.into()),
            };
        }
        let open = self.open_threads(operator).await.ok_or(DISK)?;
        let mine = command != "take";
        let mut meant = open
            .into_iter()
            .filter(|(c, _)| (c.claimed_by == Some(operator)) == mine);
        match (meant.next(), meant.next()) {
            (Some((only, _)), None) => Ok(only),
            (None, _) if mine => Err("You answer nothing now: ask !waiting.".into()),
            (None, _) => Err("Nothing waits.".into()),
            (Some(_), Some(_)) => {
                Err("There are several: name one, as !waiting shows them.".into())
            }
        }
    }

    async fn open_threads(&self, operator: OperatorId) -> Option<Vec<(Conversation, String)>> {
        let queues = self.queues_of(operator);
        let read = self
            .spool
            .read(move |c| messengers::open_threads(c, operator, &queues, LINES_MAX))
            .await;
        kept(read)
    }

    fn who(&self, operator: OperatorId) -> String {
        let board = self.board.borrow();
        let mut lines = Vec::new();
        for queue in self.queues_of(operator) {
            let name = board.plan.queue(queue).map_or("?", |q| q.name.as_str());
            let here: Vec<String> = board
                .plan
                .operators
                .iter()
                .filter(|other| other.queues.contains(&queue))
                .filter_map(|other| match board.shows.get(&other.id)? {
                    Show::Available => Some(other.name.clone()),
                    Show::Away => Some(format!("{} (away)", other.name)),
                    Show::Offline => None,
                })
                .take(LINES_MAX)
                .collect();
            let here = if here.is_empty() {
                "nobody".to_owned()
            } else {
                here.join(", ")
            };
            lines.push(format!("{name}: {here}"));
        }
        if lines.is_empty() {
            return "You are assigned to no queue: ask whoever keeps the desk.".into();
        }
        lines.join("\n")
    }

    async fn waiting(&self, operator: OperatorId) -> Result<String, String> {
        let open = self
            .open_threads(operator)
            .await
            .ok_or("The desk cannot read its disk: try again.")?;
        if open.is_empty() {
            return Ok("Nothing waits.".into());
        }
        let now = Timestamp::now();
        let lines: Vec<String> = open
            .iter()
            .map(|(conversation, name)| {
                let queue = self.queue_name(conversation.queue).unwrap_or_default();
                let yours = if conversation.claimed_by == Some(operator) {
                    ", yours"
                } else {
                    ""
                };
                match conversation.waiting_since {
                    Some(since) => {
                        let age = age(now.duration_since(since).as_secs());
                        format!("{name} in {queue}{yours}: waits {age}")
                    }
                    None => format!("{name} in {queue}{yours}: answered"),
                }
            })
            .collect();
        Ok(lines.join("\n"))
    }

    /// `<command/>` (XEP-0050). Nothing is remembered between two stages: the form says it all.
    pub(super) async fn ad_hoc(
        &mut self,
        stanza: &Element,
        operator: OperatorId,
        command: &Element,
    ) {
        let node = command.attr("node").unwrap_or_default();
        let Some((name, title, fields)) = known(node) else {
            self.refuse(stanza, Fault::ITEM_NOT_FOUND, "there is no such command");
            return;
        };
        if command.attr("action") == Some("cancel") {
            let canceled = attribute(answer(command), "status", "canceled");
            self.say(stanzas::result(stanza, Some(canceled)));
            return;
        }
        let form = command
            .get_child("x", stanzas::FORMS)
            .filter(|form| form.attr("type") == Some("submit"));
        if form.is_none() && !fields.is_empty() {
            let stage = attribute(answer(command), "status", "executing");
            let mut actions = attribute(
                Element::bare("actions", stanzas::COMMANDS),
                "execute",
                "complete",
            );
            actions.append_child(Element::bare("complete", stanzas::COMMANDS));
            let form = self.form(operator, name, title, fields).await;
            self.say(stanzas::result(
                stanza,
                Some(stage.with(actions).with(form)),
            ));
            return;
        }
        let value = |field: Field| {
            form?
                .children()
                .find(|child| child.name() == "field" && child.attr("var") == Some(field.name()))?
                .get_child("value", stanzas::FORMS)
                .map(|value| value.text().trim().to_owned())
                .filter(|value| !value.is_empty())
        };
        let asked = Asked {
            command: name,
            patron: value(Field::Patron).map(|name| name.to_lowercase()),
            to: value(Field::To).map(|name| name.to_lowercase()),
            note: value(Field::Note).unwrap_or_default(),
        };
        let (kind, words) = match self.perform(operator, asked).await {
            Ok(words) => ("info", words),
            Err(words) => ("error", words),
        };
        let note = stanzas::text_in("note", stanzas::COMMANDS, &words).kind(kind);
        let done = attribute(answer(command), "status", "completed").with(note);
        self.say(stanzas::result(stanza, Some(done)));
    }

    async fn form(
        &self,
        operator: OperatorId,
        name: &str,
        title: &str,
        fields: &[Field],
    ) -> Element {
        let mut form = Element::bare("x", stanzas::FORMS)
            .kind("form")
            .with(stanzas::text_in("title", stanzas::FORMS, title));
        let open = self.open_threads(operator).await.unwrap_or_default();
        for field in fields {
            let kind = match field {
                Field::Patron | Field::To => "list-single",
                Field::Note => "text-single",
            };
            let entry = Element::bare("field", stanzas::FORMS).kind(kind);
            let entry = attribute(entry, "var", field.name());
            let mut entry = attribute(entry, "label", field.label());
            let options: Vec<String> = match field {
                Field::Patron => open
                    .iter()
                    .filter(|(c, _)| (name == "take") != (c.claimed_by == Some(operator)))
                    .map(|(_, patron)| patron.clone())
                    .collect(),
                Field::To => {
                    let board = self.board.borrow();
                    let colleagues = board
                        .plan
                        .operators
                        .iter()
                        .filter(|o| o.id != operator)
                        .filter(|o| board.shows.get(&o.id) == Some(&Show::Available))
                        .map(|o| o.name.clone());
                    let queues = board.plan.queues.iter().map(|queue| queue.name.clone());
                    colleagues.chain(queues).take(LINES_MAX).collect()
                }
                Field::Note => Vec::new(),
            };
            for option in options {
                let value = stanzas::text_in("value", stanzas::FORMS, &option);
                let option = attribute(Element::bare("option", stanzas::FORMS), "label", &option);
                entry.append_child(option.with(value));
            }
            form.append_child(entry);
        }
        form
    }

    /// The list of commands (XEP-0050 §3.1.2).
    pub(super) fn command_items(&self, jid: &str) -> Vec<Element> {
        COMMANDS
            .iter()
            .map(|(name, title, _)| {
                let item = attribute(Element::bare("item", stanzas::DISCO_ITEMS), "jid", jid);
                attribute(attribute(item, "node", name), "name", title)
            })
            .collect()
    }

    /// What a command's own disco says, if there is such a command.
    pub(super) fn command_title(&self, node: &str) -> Option<&'static str> {
        known(node).map(|(_, title, _)| *title)
    }
}

/// The answer to a command: same node, a session of no further meaning.
fn answer(command: &Element) -> Element {
    let node = command.attr("node").unwrap_or_default();
    let session = command.attr("sessionid").unwrap_or(node);
    let answer = attribute(Element::bare("command", stanzas::COMMANDS), "node", node);
    let session: String = session.chars().take(64).collect();
    attribute(answer, "sessionid", &session)
}

fn sentence(error: &NotGranted) -> String {
    let (_, words) = refusal(error);
    let mut letters = words.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).chain(['.']).collect(),
        None => words,
    }
}

/// `3 min`, `14 h`, `2 days`.
fn age(seconds: i64) -> String {
    match seconds {
        ..60 => "under a minute".into(),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Whether an iq asks for a command.
pub(super) fn in_iq(stanza: &Element) -> Option<&Element> {
    debug_assert_eq!(stanza.ns(), COMPONENT);
    stanza.get_child("command", stanzas::COMMANDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_commands() {
        let asked = |command, patron: Option<&str>, to: Option<&str>, note: &str| {
            Some(Asked {
                command,
                patron: patron.map(str::to_owned),
                to: to.map(str::to_owned),
                note: note.to_owned(),
            })
        };
        for (words, wanted) in [
            ("!who", asked("who", None, None, "")),
            ("  !Waiting now", asked("waiting", None, None, "")),
            ("!take Heron-42", asked("take", Some("heron-42"), None, "")),
            (
                "!close ~heron-42",
                asked("close", Some("heron-42"), None, ""),
            ),
            ("!close", asked("close", None, None, "")),
            (
                "!transfer heron-42 ben knows the shelves",
                asked(
                    "transfer",
                    Some("heron-42"),
                    Some("ben"),
                    "knows the shelves",
                ),
            ),
            ("!transfer ben", asked("transfer", None, Some("ben"), "")),
            ("!fly", None),
            ("take heron-42", None),
            ("", None),
        ] {
            assert_eq!(parse(words), wanted, "{words:?}");
        }
    }

    #[test]
    fn only_our_own_commands_are_kept_from_patrons() {
        for (words, is_one) in [
            ("!close", true),
            ("!TRANSFER ben", true),
            ("! close", false),
            ("!important: bring your card", false),
            ("We close at 6", false),
        ] {
            assert_eq!(looks_like_one(words), is_one, "{words:?}");
        }
    }

    #[test]
    fn ages() {
        for (seconds, words) in [
            (-5, "under a minute"),
            (59, "under a minute"),
            (180, "3 min"),
            (50_400, "14 h"),
            (259_200, "3 days"),
        ] {
            assert_eq!(age(seconds), words);
        }
    }
}
