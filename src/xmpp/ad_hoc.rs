//! The commands as forms (XEP-0050 with XEP-0004), for clients that have them.

use std::collections::BTreeSet;

use tokio_xmpp::minidom::Element;
use tokio_xmpp::parsers::data_forms::{
    DataForm, DataFormType, Field as FormField, FieldType, Option_,
};
use xso::{AsXml, FromXml};

use super::command_replies::{LINES_MAX, once};
use super::commands::{Asked, Field, known};
use super::stanzas::{self, Fault};
use super::state::Surface;
use crate::routing::{OperatorId, Show};
use crate::spool::messengers;

/// XEP-0050.
pub(super) const COMMANDS: &str = "http://jabber.org/protocol/commands";
/// Letters of a session's name that come back.
const SESSION_MAX: usize = 64;

/// `<command/>` (XEP-0050 §3).
#[derive(Debug, Default, FromXml, AsXml)]
#[xml(namespace = COMMANDS, name = "command")]
pub(super) struct Command {
    #[xml(attribute)]
    node: String,
    #[xml(attribute(default))]
    sessionid: Option<String>,
    #[xml(attribute(default))]
    action: Option<String>,
    #[xml(attribute(default))]
    status: Option<String>,
    #[xml(child(default))]
    actions: Option<Actions>,
    #[xml(child(default))]
    form: Option<DataForm>,
    #[xml(child(default))]
    note: Option<Note>,
}

/// What may follow: here nothing but the end.
#[derive(Debug, FromXml, AsXml)]
#[xml(namespace = COMMANDS, name = "actions")]
struct Actions {
    #[xml(attribute(default))]
    execute: Option<String>,
    #[xml(flag)]
    complete: bool,
}

#[derive(Debug, FromXml, AsXml)]
#[xml(namespace = COMMANDS, name = "note")]
struct Note {
    #[xml(attribute(name = "type", default))]
    kind: Option<String>,
    #[xml(text)]
    words: String,
}

impl Command {
    /// The answer to a command: same node, a session of no further meaning.
    fn answer(&self, status: &str) -> Self {
        let session = self.sessionid.as_ref().unwrap_or(&self.node);
        Self {
            node: self.node.clone(),
            sessionid: Some(session.chars().take(SESSION_MAX).collect()),
            status: Some(status.to_owned()),
            ..Self::default()
        }
    }

    /// What the form says of a field, if it was filled in.
    fn value(&self, field: Field) -> Option<String> {
        let fields = &self.form.as_ref()?.fields;
        let entry = fields
            .iter()
            .find(|f| f.var.as_deref() == Some(field.name()))?;
        let value = entry.values.first()?.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }
}

impl Surface {
    /// Nothing is remembered between two stages: the form says it all.
    pub(super) async fn ad_hoc(
        &mut self,
        stanza: &Element,
        operator: OperatorId,
        mut command: Command,
    ) {
        let Some((name, title, fields)) = known(&command.node) else {
            self.refuse(stanza, Fault::ITEM_NOT_FOUND, "there is no such command");
            return;
        };
        if command.action.as_deref() == Some("cancel") {
            self.say(stanzas::result(stanza, command.answer("canceled")));
            return;
        }
        let filled = |form: &DataForm| form.type_ == DataFormType::Submit;
        command.form = command.form.filter(filled);
        if command.form.is_none() && !fields.is_empty() {
            let mut stage = command.answer("executing");
            stage.actions = Some(Actions {
                execute: Some("complete".to_owned()),
                complete: true,
            });
            stage.form = Some(self.form(operator, name, title, fields).await);
            self.say(stanzas::result(stanza, stage));
            return;
        }
        let asked = Asked {
            command: name,
            patron: command.value(Field::Patron).map(|name| name.to_lowercase()),
            to: command.value(Field::To).map(|name| name.to_lowercase()),
            note: command.value(Field::Note).unwrap_or_default(),
            key: command.value(Field::Key).map(|key| key.to_lowercase()),
        };
        let once = once(stanza, &format!("{asked:?}"));
        let (kind, words) = match self.perform(operator, asked, once).await {
            Ok(words) => ("info", words),
            Err(words) => ("error", words),
        };
        let mut done = command.answer("completed");
        done.note = Some(Note {
            kind: Some(kind.to_owned()),
            words,
        });
        self.say(stanzas::result(stanza, done));
    }

    async fn form(
        &self,
        operator: OperatorId,
        name: &str,
        title: &str,
        fields: &[Field],
    ) -> DataForm {
        let mut entries = Vec::with_capacity(fields.len());
        let open = self.open_threads(operator).await.unwrap_or_default();
        let canned = match fields.contains(&Field::Key) {
            true => self.canned_of(operator).await.unwrap_or_default(),
            false => Vec::new(),
        };
        for field in fields {
            let kind = match field {
                Field::Patron | Field::To | Field::Key => FieldType::ListSingle,
                Field::Note => FieldType::TextSingle,
            };
            let mut entry = FormField::new(field.name(), kind);
            entry.label = Some(field.label().to_owned());
            let options: Vec<String> = match field {
                Field::Patron if name == "unblock" => {
                    let queues = self.queues_of(operator);
                    let now = self.spool.now();
                    self.read(move |c| messengers::blocked(c, &queues, now, LINES_MAX))
                        .await
                        .unwrap_or_default()
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
            let option = |value: String| Option_ {
                label: Some(value.clone()),
                value,
            };
            entry.options = options.into_iter().map(option).collect();
            entries.push(entry);
        }
        DataForm {
            type_: DataFormType::Form,
            title: Some(title.to_owned()),
            instructions: None,
            fields: entries,
        }
    }
}
