//! Answers to what any client may ask of any address (RFC 6120 §8.2.3): whatever is not understood
//! is refused in words, and nothing is left without an answer.

use tokio_xmpp::minidom::Element;

use super::ad_hoc;
use super::addresses::Place;
use super::stanzas::{self, Fault, With, attribute};
use super::state::Surface;

impl Surface {
    pub(super) async fn iq(&mut self, stanza: &Element, bare: &str, place: &Place) {
        let kind = stanza.attr("type").unwrap_or_default();
        match kind {
            "result" => {
                self.pinged(stanza, bare);
                self.renewed(stanza, bare).await;
                self.relay_answered(stanza, bare);
                self.desk_answered(stanza, bare).await;
                return;
            }
            "error" => {
                self.relay_answered(stanza, bare);
                self.desk_answered(stanza, bare).await;
                return;
            }
            "get" | "set" if stanza.attr("id").is_some() => {}
            _ => {
                self.refuse(stanza, Fault::BAD_REQUEST, "an iq needs a type and an id");
                return;
            }
        }
        let mut payloads = stanza.children();
        let (Some(payload), None) = (payloads.next(), payloads.next()) else {
            self.refuse(
                stanza,
                Fault::BAD_REQUEST,
                "an iq holds exactly one request",
            );
            return;
        };
        if *place == Place::Nowhere {
            self.refuse(stanza, Fault::ITEM_NOT_FOUND, "nobody is here");
            return;
        }
        if self.barrier_passed(stanza).await {
            return;
        }
        let operator = self.staff.get(bare).copied();
        let ns = payload.ns();
        match (kind, payload.name(), ns.as_str()) {
            ("get", "ping", stanzas::PING) => self.say(stanzas::result(stanza, None)),
            ("get", "query", stanzas::DISCO_INFO) => self.disco_info(stanza, payload, place),
            ("get", "query", stanzas::DISCO_ITEMS) => {
                self.disco_items(stanza, payload, place, operator.is_some());
            }
            ("get", "query", stanzas::VERSION) => {
                let version = Element::bare("query", stanzas::VERSION)
                    .with(stanzas::text_in("name", stanzas::VERSION, "callnumber"))
                    .with(stanzas::text_in(
                        "version",
                        stanzas::VERSION,
                        env!("CARGO_PKG_VERSION"),
                    ));
                self.say(stanzas::result(stanza, Some(version)));
            }
            ("get", "vCard", stanzas::VCARD) => self.vcard(stanza, place),
            (_, "query", stanzas::REGISTER) => self.refuse(
                stanza,
                Fault::NOT_ALLOWED,
                "nobody registers here: patrons just write, and librarians are added by whoever keeps the desk",
            ),
            ("set", "returned", stanzas::DESK) => match (operator, place) {
                (Some(operator), Place::Patron(naming)) => {
                    self.returned(stanza, operator, naming.clone()).await;
                }
                _ => self.refuse_stranger(stanza),
            },
            ("set", "withdrawn", stanzas::DESK) => match place {
                Place::Queue(queue) => self.withdrawn(stanza, bare, queue).await,
                Place::Domain | Place::Patron(_) | Place::Nowhere => self.refuse_stranger(stanza),
            },
            ("set", "command", stanzas::COMMANDS) => match operator {
                Some(operator) if matches!(place, Place::Domain | Place::Queue(_)) => {
                    if let Some(command) = ad_hoc::in_iq(stanza) {
                        let command = command.clone();
                        self.ad_hoc(stanza, operator, &command).await;
                    }
                }
                _ => self.refuse_stranger(stanza),
            },
            _ => self.refuse(
                stanza,
                Fault::UNAVAILABLE,
                "the desk does not know this request",
            ),
        }
    }

    /// XEP-0030 §3. A patron's address says nothing of the patron.
    fn disco_info(&mut self, stanza: &Element, query: &Element, place: &Place) {
        let node = query.attr("node");
        let library = self.board.borrow().plan.library.name.clone();
        let (category, kind, name) = match (place, node) {
            (_, Some(node)) => match self.command_title(node) {
                Some(title) => ("automation", "command-node", title.to_owned()),
                None if node == stanzas::COMMANDS => {
                    ("automation", "command-list", "Commands".to_owned())
                }
                None => {
                    self.refuse(stanza, Fault::ITEM_NOT_FOUND, "there is no such node");
                    return;
                }
            },
            (Place::Domain, None) => ("gateway", "sms", library),
            (Place::Queue(name), None) => {
                if self.queue_named(name).is_none() {
                    self.refuse(stanza, Fault::ITEM_NOT_FOUND, "there is no such desk");
                    return;
                }
                ("account", "registered", format!("{library}: {name}"))
            }
            (Place::Patron(_) | Place::Nowhere, None) => {
                ("account", "registered", "patron".to_owned())
            }
        };
        let identity = attribute(
            Element::bare("identity", stanzas::DISCO_INFO).kind(kind),
            "category",
            category,
        );
        let mut info =
            Element::bare("query", stanzas::DISCO_INFO).with(attribute(identity, "name", &name));
        if let Some(node) = node {
            info = attribute(info, "node", node);
        }
        let desk = match (place, node) {
            (Place::Queue(_), None) => Some(stanzas::DESK),
            _ => None,
        };
        for feature in desk.into_iter().chain([
            stanzas::DISCO_INFO,
            stanzas::DISCO_ITEMS,
            stanzas::COMMANDS,
            stanzas::FORMS,
            stanzas::PING,
            stanzas::VERSION,
            stanzas::VCARD,
            stanzas::RECEIPTS,
        ]) {
            let feature = attribute(
                Element::bare("feature", stanzas::DISCO_INFO),
                "var",
                feature,
            );
            info.append_child(feature);
        }
        self.say(stanzas::result(stanza, Some(info)));
    }

    /// XEP-0030 §4: queues under the domain, commands for librarians. Patrons are on no list.
    fn disco_items(&mut self, stanza: &Element, query: &Element, place: &Place, is_operator: bool) {
        let mut items = Element::bare("query", stanzas::DISCO_ITEMS);
        if let Some(node) = query.attr("node") {
            items = attribute(items, "node", node);
        }
        let listed = match (query.attr("node"), place) {
            (Some(stanzas::COMMANDS), Place::Domain | Place::Queue(_)) if is_operator => {
                self.command_items(stanza.attr("to").unwrap_or_default())
            }
            (None, Place::Domain) => {
                let plan = self.board.borrow().plan.clone();
                plan.queues
                    .iter()
                    .map(|queue| {
                        let item = Element::bare("item", stanzas::DISCO_ITEMS);
                        let jid = self.addresses.queue(&queue.name);
                        attribute(attribute(item, "jid", &jid), "name", &queue.name)
                    })
                    .collect()
            }
            _ => Vec::new(),
        };
        for item in listed {
            items.append_child(item);
        }
        self.say(stanzas::result(stanza, Some(items)));
    }

    /// XEP-0054: the library's name on every address, its picture on its own.
    fn vcard(&mut self, stanza: &Element, place: &Place) {
        let library = self.board.borrow().plan.library.clone();
        let name = match place {
            Place::Domain => library.name.clone(),
            Place::Queue(queue) => format!("{}: {queue}", library.name),
            Place::Patron(_) | Place::Nowhere => "patron".to_owned(),
        };
        let mut card = Element::bare("vCard", stanzas::VCARD).with(stanzas::text_in(
            "FN",
            stanzas::VCARD,
            &name,
        ));
        if matches!(place, Place::Domain | Place::Queue(_))
            && let Some(link) = &library.hours_link
        {
            card.append_child(stanzas::text_in("URL", stanzas::VCARD, link));
        }
        if matches!(place, Place::Domain | Place::Queue(_))
            && let Some(picture) = &self.picture
        {
            card.append_child(picture.photo());
        }
        self.say(stanzas::result(stanza, Some(card)));
    }
}
