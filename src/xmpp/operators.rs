//! Operators' clients: presence to a queue is signing in (RFC 6121 §4), and only whoever is on the
//! staff's table of addresses signs in at all; the roster decides nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use tokio_xmpp::minidom::Element;

use super::addresses::Place;
use super::clients::{Client, Resource};
use super::delivery::Delivery;
use super::stanzas::{self, Fault};
use super::state::Surface;
use super::stream::COMPONENT;
use crate::routing::{Event, OperatorId, QueueId, Show};
use crate::spool::messengers;

/// Clients of one operator; with more, the newcomer is not counted.
const RESOURCES_MAX: usize = 16;
/// Between two tellings of a queue's presence: a busy desk is no reason to flood everybody.
const PRESENCE_EVERY: Duration = Duration::from_secs(5);

impl Surface {
    pub(super) async fn presence(&mut self, stanza: &Element, bare: &str, place: &Place) {
        let kind = stanza.attr("type").unwrap_or_default();
        let queue = match place {
            Place::Queue(name) => self.queue_named(name),
            Place::Domain | Place::Patron(_) | Place::Nowhere => None,
        };
        let operator = self.staff.get(bare).copied();
        match kind {
            "subscribe" => self.subscribe(stanza, bare, queue, operator).await,
            "unsubscribe" => {
                if let Some(queue) = queue {
                    let jid = bare.to_owned();
                    self.write(move |c| messengers::unsubscribe(c, &jid, queue))
                        .await;
                }
                self.presence_back(stanza, "unsubscribed");
            }
            "subscribed" if operator.is_some() => self.probe(bare),
            "probe" => match queue {
                Some(queue) => {
                    let to = stanza.attr("from").unwrap_or_default().to_owned();
                    self.tell_presence_to(queue, &to).await;
                }
                None => self.presence_back(stanza, "unavailable"),
            },
            "" | "unavailable" => {
                let addressed = queue.is_some() || *place == Place::Domain;
                if let Some(operator) = operator
                    && addressed
                {
                    self.sign(stanza, bare, operator).await;
                }
            }
            // Answers to what we asked, and errors: nothing depends on them.
            _ => {}
        }
    }

    fn presence_back(&mut self, stanza: &Element, kind: &str) {
        let to = stanzas::bare(stanza.attr("from").unwrap_or_default());
        let from = stanzas::bare(stanza.attr("to").unwrap_or_default());
        self.say(stanzas::presence(from, to, kind));
    }

    async fn subscribe(
        &mut self,
        stanza: &Element,
        bare: &str,
        queue: Option<QueueId>,
        operator: Option<OperatorId>,
    ) {
        let Some(queue) = queue else {
            self.presence_back(stanza, "unsubscribed");
            return;
        };
        let reachable = operator.is_some() || self.im_gateway(queue).is_some();
        let jid = bare.to_owned();
        let kept_it = reachable
            && self
                .write(move |c| messengers::subscribe(c, &jid, queue))
                .await
                .unwrap_or(false);
        if !kept_it {
            self.presence_back(stanza, "unsubscribed");
            return;
        }
        self.presence_back(stanza, "subscribed");
        if operator.is_some() {
            // Ours to theirs as well: their presence is how they sign in. Not probed before they
            // agreed: a server refuses for them then, and takes our request away with it.
            self.presence_back(stanza, "subscribe");
        }
        self.tell_presence_to(queue, bare).await;
    }

    /// An operator's client came, changed or went.
    async fn sign(&mut self, stanza: &Element, bare: &str, operator: OperatorId) {
        let Some(jid) = stanza.attr("from").map(str::to_owned) else {
            return;
        };
        self.resumed.settle(&jid);
        if stanza.attr("type") == Some("unavailable") {
            if jid.contains('/') {
                self.close_resource(bare, &jid).await;
            } else {
                self.leave(bare).await;
            }
            return;
        }
        self.admit(bare, &jid, operator, show_of(stanza), priority_of(stanza))
            .await;
    }

    /// A client is here, and says so.
    pub(super) async fn admit(
        &mut self,
        bare: &str,
        jid: &str,
        operator: OperatorId,
        show: Show,
        priority: i8,
    ) {
        self.arrivals += 1;
        let heard = self.arrivals;
        let client = self
            .clients
            .entry(bare.to_owned())
            .or_insert_with(|| Client {
                operator,
                resources: BTreeMap::new(),
                delivery: Delivery::default(),
                said: Show::Offline,
                bounces: 0,
                hold_until: None,
            });
        let mut opened = None;
        let full = client.resources.len() >= RESOURCES_MAX;
        match client.resources.get_mut(jid) {
            Some(resource) => {
                resource.again = (show == Show::Available).then(Instant::now);
                // A client on the way to a negative priority gets no more texts.
                resource.show = show;
                resource.priority = priority;
                resource.heard = heard;
            }
            None if full => return,
            None => {
                let endpoint = self.desk.new_endpoint();
                opened = Some(endpoint);
                client.resources.insert(
                    jid.to_owned(),
                    Resource {
                        endpoint,
                        show,
                        priority,
                        heard,
                        again: None,
                    },
                );
            }
        }
        client.hold_until = None;
        client.bounces = 0;
        if priority < 0 {
            client.delivery.lost(jid);
        }
        if self.is_desk(bare) {
            self.desk_is_there(bare);
        } else if jid == bare {
            self.desks_asked = None;
        }
        if let Some(endpoint) = opened {
            self.happen(Event::EndpointOpened { operator, endpoint })
                .await;
            for queue in self.queues_of(operator) {
                self.tell_presence_to(queue, jid).await;
            }
            self.account(bare, operator).await;
        }
        self.say_show(bare).await;
        self.owe_all(bare).await;
    }

    async fn close_resource(&mut self, bare: &str, jid: &str) {
        let Some(client) = self.clients.get_mut(bare) else {
            return;
        };
        let Some(resource) = client.resources.remove(jid) else {
            return;
        };
        client.delivery.lost(jid);
        let (operator, endpoint) = (client.operator, resource.endpoint);
        let last = client.resources.is_empty();
        if last {
            self.clients.remove(bare);
        } else {
            self.say_show(bare).await;
        }
        self.happen(Event::EndpointClosed { operator, endpoint })
            .await;
        if let Some(again) = resource.again {
            self.doubt(jid, operator, resource.priority, again);
        }
        if !last {
            self.pump(bare).await;
        }
    }

    /// All clients at an address are gone.
    pub(super) async fn leave(&mut self, bare: &str) {
        let Some(client) = self.clients.remove(bare) else {
            return;
        };
        let operator = client.operator;
        for resource in client.resources.into_values() {
            let endpoint = resource.endpoint;
            self.happen(Event::EndpointClosed { operator, endpoint })
                .await;
        }
    }

    /// Tells the desk how the operator is, when that changed. Going offline is not said: whoever
    /// has no endpoint left is taken for gone after a while, and a browser may still be open.
    async fn say_show(&mut self, bare: &str) {
        let Some(client) = self.clients.get_mut(bare) else {
            return;
        };
        let (operator, show) = (client.operator, client.show());
        if show == Show::Offline || client.said == show {
            return;
        }
        client.said = show;
        self.happen(Event::Presence { operator, show }).await;
    }

    /// The link is up: whoever was here is asked again, and everybody learns that we are.
    pub(super) async fn come_up(&mut self) {
        for bare in self.staff.keys().cloned().collect::<Vec<_>>() {
            self.probe(&bare);
        }
        self.all_stale();
        self.told_at = None;
        self.desks_asked = None;
        self.reported = true;
        self.chats.link_is_new();
        self.tell_presence().await;
        self.return_untaken().await;
        self.tell_fates().await;
        self.tell_untold().await;
        self.resume_relay().await;
        self.send_chats().await;
    }

    /// The link is down: nothing is known of any client any more.
    pub(super) async fn go_down(&mut self) {
        let here = self.clients.values().map(|client| client.operator);
        self.cut_off.extend(here);
        self.resumed.link_is_new();
        for bare in self.clients.keys().cloned().collect::<Vec<_>>() {
            self.leave(&bare).await;
        }
    }

    /// Asks an operator's server for presence (RFC 6121 §4.3).
    pub(super) fn probe(&mut self, bare: &str) {
        let Some(operator) = self.staff.get(bare).copied() else {
            return;
        };
        if let Some(from) = self.face(operator) {
            self.say(stanzas::presence(&from, bare, "probe"));
        }
    }

    /// An operator's presence as the desk sees it changed.
    pub(super) async fn shows(&mut self, operator: OperatorId, show: Show) {
        if show != Show::Offline {
            return;
        }
        // What nobody answered is shown again when they come back.
        for jid in self.addresses_of(operator) {
            self.write(move |c| messengers::forget_shown(c, &jid)).await;
        }
    }

    /// Tells everybody who sees a queue how it is, if that changed and not too often.
    pub(super) async fn tell_presence(&mut self) {
        let now = Instant::now();
        let early = self
            .told_at
            .is_some_and(|at| now.duration_since(at) < PRESENCE_EVERY);
        if self.stale.is_empty() || early || !self.is_up() {
            return;
        }
        self.told_at = Some(now);
        let stale = std::mem::take(&mut self.stale);
        let Some(subscribers) = self.read(messengers::subscribers).await else {
            return;
        };
        let Some(waiting) = self.read(messengers::unanswered).await else {
            return;
        };
        let mut audience: Vec<(QueueId, String)> = subscribers
            .into_iter()
            .map(|(jid, queue)| (queue, jid))
            .collect();
        for (bare, client) in &self.clients {
            for queue in self.queues_of(client.operator) {
                audience.push((queue, bare.clone()));
            }
        }
        audience.sort();
        audience.dedup();
        for (queue, jid) in audience {
            if stale.contains(&queue)
                && let Some(presence) =
                    self.queue_presence(queue, &jid, waiting.get(&queue).copied().unwrap_or(0))
            {
                self.say(presence);
            }
        }
    }

    async fn tell_presence_to(&mut self, queue: QueueId, to: &str) {
        let Some(waiting) = self.read(messengers::unanswered).await else {
            return;
        };
        let waiting = waiting.get(&queue).copied().unwrap_or(0);
        if let Some(presence) = self.queue_presence(queue, to, waiting) {
            self.say(presence);
        }
    }

    /// A queue as others see it. Only operators see how many wait.
    fn queue_presence(&self, queue: QueueId, to: &str, waiting: u64) -> Option<Element> {
        let from = self.queue_address(queue)?;
        let board = self.board.borrow();
        let online = board.online.contains(&queue);
        let count = board
            .plan
            .operators
            .iter()
            .filter(|operator| operator.queues.contains(&queue))
            .filter(|operator| board.shows.get(&operator.id) == Some(&Show::Available))
            .count();
        let mut presence = stanzas::presence(&from, to, "");
        if !online {
            presence.append_child(stanzas::text("show", "xa"));
        }
        let librarians = match count {
            0 => "nobody here".to_owned(),
            1 => "1 librarian".to_owned(),
            n => format!("{n} librarians"),
        };
        let status = if self.staff.contains_key(stanzas::bare(to)) {
            format!("{librarians}, {waiting} waiting")
        } else if online {
            "open".to_owned()
        } else {
            "closed".to_owned()
        };
        presence.append_child(stanzas::text("status", &status));
        if let Some(picture) = &self.picture {
            presence.append_child(picture.update().into());
        }
        Some(presence)
    }

    /// A stanza that only makes sense from the staff.
    pub(super) fn refuse_stranger(&mut self, stanza: &Element) {
        self.refuse(
            stanza,
            Fault::FORBIDDEN,
            "this is for librarians of this desk",
        );
    }
}

/// What a client says of its user; a word nobody knows counts as none (RFC 6121 §4.7.2.1).
pub(super) fn show_of(presence: &Element) -> Show {
    let show = presence
        .get_child("show", COMPONENT)
        .map(Element::text)
        .unwrap_or_default();
    match show.trim() {
        "away" | "xa" | "dnd" => Show::Away,
        _ => Show::Available,
    }
}

/// −128 to 127 (RFC 6121 §4.7.2.3); anything else counts as 0.
pub(super) fn priority_of(presence: &Element) -> i8 {
    presence
        .get_child("priority", COMPONENT)
        .and_then(|priority| priority.text().trim().parse().ok())
        .unwrap_or(0)
}
