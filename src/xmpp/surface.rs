//! The room's one task: stanzas and changes of the desk come in one after another, and what the
//! room knows of clients changes only here.

use std::time::Duration;

use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio_xmpp::minidom::Element;

use super::addresses::Place;
use super::link::LinkEvent;
use super::stanzas::{self, Fault};
use super::state::Surface;
use super::stream::COMPONENT;
use crate::desk::{PlanPart, What};
use crate::spool::messengers;

/// Between two looks at what is overdue.
const TICK: Duration = Duration::from_secs(1);
/// Stanzas looked at before what they proved is written down.
const BURST: usize = 64;

impl Surface {
    pub(super) async fn run(mut self, mut incoming: mpsc::Receiver<LinkEvent>) {
        self.read_staff().await;
        self.was_interrupted();
        let mut due = self.desk.due();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                told = incoming.recv() => match told {
                    Some(told) => {
                        self.hear(told).await;
                        // What came together is written down together.
                        for _ in 0..BURST {
                            let Ok(told) = incoming.try_recv() else { break };
                            self.hear(told).await;
                        }
                        self.keep_proofs().await;
                    }
                    None => return,
                },
                change = self.changes.recv() => match change {
                    Ok(change) => {
                        self.change(&change.what).await;
                        // A sign-in offers whatever is held: what is to be shown is read together.
                        for _ in 0..BURST {
                            match self.changes.try_recv() {
                                Ok(change) => self.change(&change.what).await,
                                Err(TryRecvError::Lagged(_)) => self.catch_up().await,
                                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                            }
                        }
                        self.owe_threads().await;
                    }
                    Err(RecvError::Lagged(_)) => self.catch_up().await,
                    Err(RecvError::Closed) => return,
                },
                Some(sent) = self.sent.recv() => self.sent(sent),
                Some(Ok((stanza, outcome))) = self.arriving.join_next(), if !self.arriving.is_empty() => {
                    self.arrived(&stanza, outcome);
                }
                Ok(()) = due.changed() => self.send_chats().await,
                _ = tick.tick() => self.tick().await,
            }
        }
    }

    async fn hear(&mut self, told: LinkEvent) {
        match told {
            LinkEvent::Up(out) => {
                self.out = Some(out);
                self.come_up().await;
            }
            LinkEvent::Down => {
                self.out = None;
                self.go_down().await;
            }
            LinkEvent::TooMuch(stanza) => {
                self.refuse(
                    &stanza,
                    Fault::NOT_ACCEPTABLE,
                    "this is too much for a text",
                );
            }
            LinkEvent::Stanza(stanza) => self.stanza(stanza).await,
        }
    }

    async fn stanza(&mut self, stanza: Element) {
        let (Some(from), Some(to)) = (stanza.attr("from"), stanza.attr("to")) else {
            return;
        };
        if from.is_empty() || stanza.ns() != COMPONENT {
            return;
        }
        if stanza
            .attr("id")
            .is_some_and(|id| id.len() > stanzas::ID_MAX)
        {
            self.refuse(&stanza, Fault::BAD_REQUEST, "the id is too long");
            return;
        }
        let bare = stanzas::bare(from).to_lowercase();
        let place = self.addresses.place(to);
        match stanza.name() {
            "presence" => self.presence(&stanza, &bare, &place).await,
            "message" => self.message(&stanza, &bare, &place).await,
            "iq" => self.iq(&stanza, &bare, &place).await,
            _ => {}
        }
    }

    async fn message(&mut self, stanza: &Element, bare: &str, place: &Place) {
        let operator = self.staff.get(bare).copied();
        if stanza.attr("type") == Some("error") {
            self.bounced(stanza, bare).await;
            return;
        }
        if operator.is_some() {
            self.note_reading(stanza, bare);
        } else {
            self.note_chat_reading(stanza, bare).await;
        }
        let words = match Self::words(stanza) {
            Ok(Some(words)) => words,
            Ok(None) => return,
            Err((fault, why)) => {
                self.refuse(stanza, fault, why);
                return;
            }
        };
        match (place, operator) {
            (Place::Patron(naming), Some(operator)) => {
                self.reply(stanza, bare, operator, naming.clone(), words)
                    .await;
            }
            (Place::Queue(_) | Place::Domain, Some(operator)) => {
                self.text_command(stanza, operator, &words).await;
            }
            (Place::Queue(name), None) => self.chat(stanza, bare, name, words).await,
            (Place::Patron(_), None) => self.refuse(
                stanza,
                Fault::FORBIDDEN,
                "only librarians write here; write to the desk itself",
            ),
            (Place::Domain | Place::Nowhere, _) => self.refuse(
                stanza,
                Fault::ITEM_NOT_FOUND,
                "nobody is here; write to a desk's address",
            ),
        }
    }

    async fn change(&mut self, what: &What) {
        // Whatever follows an offer finds it shown.
        if !matches!(what, What::Offered { .. } | What::Conversation(_)) {
            self.owe_threads().await;
        }
        match what {
            What::Conversation(conversation) => {
                self.conversation(conversation);
                self.return_closed(conversation).await;
            }
            What::Message(message, _) => self.text(message).await,
            What::Note {
                conversation, text, ..
            }
            | What::Reaction {
                conversation, text, ..
            } => self.note(*conversation, text).await,
            What::Offered { conversation, to } => self.offer(*conversation, *to),
            What::Withdrawn {
                conversation,
                from,
                reason,
            } => self.withdraw(*conversation, *from, reason).await,
            What::Operator { operator, show } => {
                self.shows(*operator, *show).await;
                self.all_stale();
            }
            What::Queue { queue, .. } => {
                self.stale.insert(*queue);
                self.told_at = None;
            }
            // Clients keep what they showed; nothing more is owed to them.
            What::Erased => self.all_stale(),
            What::Plan { part, .. } => {
                if matches!(part, PlanPart::Operators | PlanPart::All) {
                    self.read_staff().await;
                }
                self.all_stale();
            }
            What::Canned | What::Access(_) => {}
        }
    }

    /// Too many changes at once: what the clients are to show is read from the spool again.
    async fn catch_up(&mut self) {
        self.read_staff().await;
        self.all_stale();
        self.reported = true;
        for bare in self.clients.keys().cloned().collect::<Vec<_>>() {
            self.owe_all(&bare).await;
        }
        self.send_chats().await;
        self.catch_up_relay().await;
    }

    async fn tick(&mut self) {
        if !self.is_up() {
            return;
        }
        for bare in self.clients.keys().cloned().collect::<Vec<_>>() {
            self.remind(&bare);
            self.pump(&bare).await;
        }
        self.tell_presence().await;
        self.tell_fates().await;
        self.chat_tick().await;
        self.ask_desks();
        self.relay_notices();
    }

    async fn read_staff(&mut self) {
        let Some(staff) = self.read(messengers::addresses).await else {
            return;
        };
        let gone: Vec<String> = self
            .clients
            .iter()
            .filter(|(bare, client)| staff.get(*bare) != Some(&client.operator))
            .map(|(bare, _)| bare.clone())
            .collect();
        let new: Vec<String> = staff
            .keys()
            .filter(|bare| !self.staff.contains_key(*bare))
            .cloned()
            .collect();
        self.staff = staff;
        for bare in gone {
            self.leave(&bare).await;
        }
        for bare in new {
            self.desks_asked = None;
            self.probe(&bare);
        }
    }
}
