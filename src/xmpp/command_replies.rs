//! What came of a command: every outcome is words for the operator.

use tokio_xmpp::minidom::Element;

use super::commands::{Asked, HELP, act, parse};
use super::replier::client_id;
use super::replies::refusal;
use super::stanzas::{self, With};
use super::state::Surface;
use crate::desk::NotGranted;
use crate::routing::{
    Act, Canned, Conversation, Event, OperatorId, Show, TransferTarget, spoken_since,
};
use crate::spool::messengers::{self, Naming};
use crate::spool::{canned, transcript};

/// Lines of a list.
pub(super) const LINES_MAX: usize = 50;
/// Letters of a canned reply that a list shows.
const BEGINNING: usize = 60;
const DISK: &str = "The desk cannot read its disk: try again.";
/// Keys of texts sent by a command begin so.
pub(super) const BY_COMMAND: &str = "command-";

impl Surface {
    /// An operator wrote to a queue, or to the domain.
    pub(super) async fn text_command(
        &mut self,
        stanza: &Element,
        operator: OperatorId,
        words: &str,
    ) {
        let once = once(stanza, words);
        let answer = match parse(words) {
            Some(asked) => match self.perform(operator, asked, once).await {
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
    /// `once` is the key of what is sent to a patron: the same request twice sends one text.
    pub(super) async fn perform(
        &mut self,
        operator: OperatorId,
        asked: Asked,
        once: String,
    ) -> Result<String, String> {
        match asked.command {
            "help" => return Ok(HELP.to_owned()),
            "who" => return Ok(self.who(operator)),
            "waiting" => return self.waiting(operator).await,
            "canned" if asked.key.is_none() => return self.canned_list(operator).await,
            _ => {}
        }
        let conversation = self.meant(operator, asked.command, asked.patron).await?;
        let id = conversation.id;
        let (act, done) = match asked.command {
            "transfer" => {
                let (to, note) = (self.target(asked.to)?, asked.note);
                let done = "It is offered; it stays yours until it is accepted.";
                (Act::Transfer { to, note }, done)
            }
            "canned" => {
                let body = self.canned(&conversation, asked.key).await?;
                // A client may count its ids from one at every start: in another thread it is
                // another request.
                let client_id = Some(format!("{once}-{id}"));
                (Act::Send { body, client_id }, "It is on its way.")
            }
            simple => act(simple, asked.note).ok_or("There is no such command: ask !help.")?,
        };
        let reveals = act == Act::Reveal;
        match self.desk.ask(Event::act(operator, id, act)).await {
            // That it was looked at is on disk before it is shown.
            Ok(_) if reveals => self.number(&conversation).await,
            Ok(_) => Ok(done.to_owned()),
            Err(error) => Err(sentence(&error)),
        }
    }

    /// The number behind a name.
    async fn number(&self, conversation: &Conversation) -> Result<String, String> {
        let whose = conversation.patron;
        match self.read(move |c| transcript::patron(c, whose)).await {
            Some(Some(patron)) => Ok(format!(
                "{} is {}. That you looked is on record.",
                patron.name, patron.address
            )),
            Some(None) => Err("This patron is forgotten.".into()),
            None => Err(DISK.into()),
        }
    }

    /// The words of a canned reply: the queue's own before the desk's.
    async fn canned(
        &self,
        conversation: &Conversation,
        key: Option<String>,
    ) -> Result<String, String> {
        let key = key.ok_or("Say which: !canned shows them.")?;
        let all = self.read(canned::list).await.ok_or(DISK)?;
        all.into_iter()
            .filter(|reply| reply.key.to_lowercase() == key)
            .filter(|reply| reply.queue.is_none_or(|queue| conversation.is_in(queue)))
            .max_by_key(|reply| reply.queue.is_some())
            .map(|reply| reply.text)
            .ok_or_else(|| format!("There is no canned reply {key:?} here: ask !canned."))
    }

    /// Keys and beginnings of the canned replies an operator may use.
    pub(super) async fn canned_of(&self, operator: OperatorId) -> Option<Vec<Canned>> {
        let queues = self.queues_of(operator);
        let all = self.read(canned::list).await?;
        let usable = all
            .into_iter()
            .filter(|reply| reply.queue.is_none_or(|queue| queues.contains(&queue)));
        Some(usable.take(LINES_MAX).collect())
    }

    async fn canned_list(&self, operator: OperatorId) -> Result<String, String> {
        let usable = self.canned_of(operator).await.ok_or(DISK)?;
        if usable.is_empty() {
            return Ok("There are no canned replies.".into());
        }
        let lines: Vec<String> = usable
            .iter()
            .map(|reply| {
                let mut words = reply.text.split_whitespace().collect::<Vec<_>>().join(" ");
                if let Some((at, _)) = words.char_indices().nth(BEGINNING) {
                    words.truncate(at);
                    words.push('\u{2026}');
                }
                format!("{}: {words}", reply.key)
            })
            .collect();
        Ok(lines.join("\n"))
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
        if let Some(name) = patron {
            let naming = Naming::Name(name.clone());
            return match self.read(move |c| messengers::thread_of(c, &naming)).await {
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

    pub(super) async fn open_threads(
        &self,
        operator: OperatorId,
    ) -> Option<Vec<(Conversation, String)>> {
        let queues = self.queues_of(operator);
        self.read(move |c| messengers::open_threads(c, operator, &queues, LINES_MAX))
            .await
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
        let open = self.open_threads(operator).await.ok_or(DISK)?;
        if open.is_empty() {
            return Ok("Nothing waits.".into());
        }
        let now = self.spool.now();
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
                        format!(
                            "{name} in {queue}{yours}: waits {}",
                            spoken_since(since, now)
                        )
                    }
                    None => format!("{name} in {queue}{yours}: answered"),
                }
            })
            .collect();
        Ok(lines.join("\n"))
    }
}

/// The key of whatever a request sends: a client that repeats the stanza asks once.
pub(super) fn once(stanza: &Element, words: &str) -> String {
    let bare = stanzas::bare(stanza.attr("from").unwrap_or_default()).to_lowercase();
    let id = stanza.attr("id").unwrap_or_default();
    format!("{BY_COMMAND}{}", client_id(&bare, id, words))
}

fn sentence(error: &NotGranted) -> String {
    let (_, words) = refusal(error);
    let mut letters = words.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).chain(['.']).collect(),
        None => words,
    }
}
