//! The commands as forms (XEP-0050 with XEP-0004), for clients that have them.

use std::collections::BTreeSet;

use tokio_xmpp::minidom::Element;

use super::command_replies::{LINES_MAX, once};
use super::commands::{Asked, COMMANDS, Field, known};
use super::stanzas::{self, Fault, With, attribute};
use super::state::{Surface, kept};
use super::stream::COMPONENT;
use crate::routing::{OperatorId, Show};
use crate::spool::messengers;

impl Surface {
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
            key: value(Field::Key).map(|key| key.to_lowercase()),
        };
        let once = once(stanza, &format!("{asked:?}"));
        let (kind, words) = match self.perform(operator, asked, once).await {
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
        let canned = match fields.contains(&Field::Key) {
            true => self.canned_of(operator).await.unwrap_or_default(),
            false => Vec::new(),
        };
        for field in fields {
            let kind = match field {
                Field::Patron | Field::To | Field::Key => "list-single",
                Field::Note => "text-single",
            };
            let entry = Element::bare("field", stanzas::FORMS).kind(kind);
            let entry = attribute(entry, "var", field.name());
            let mut entry = attribute(entry, "label", field.label());
            let options: Vec<String> = match field {
                Field::Patron if name == "unblock" => {
                    let queues = self.queues_of(operator);
                    let now = self.spool.now();
                    let read = self
                        .spool
                        .read(move |c| messengers::blocked(c, &queues, now, LINES_MAX))
                        .await;
                    kept(read).unwrap_or_default()
                }
                Field::Patron => open
                    .iter()
                    .filter(|(c, _)| match name {
                        "take" => c.claimed_by != Some(operator),
                        "release" | "close" | "transfer" => c.claimed_by == Some(operator),
                        _ => true,
                    })
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
                Field::Key => {
                    let keys = canned.iter().map(|reply| reply.key.clone());
                    keys.collect::<BTreeSet<_>>().into_iter().collect()
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

/// Whether an iq asks for a command.
pub(super) fn in_iq(stanza: &Element) -> Option<&Element> {
    debug_assert_eq!(stanza.ns(), COMPONENT);
    stanza.get_child("command", stanzas::COMMANDS)
}
