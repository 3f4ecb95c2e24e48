//! Answers to what any client may ask of any address (RFC 6120 §8.2.3): whatever is not understood
//! is refused in words, and nothing is left without an answer.

use tokio_xmpp::minidom::Element;
use tokio_xmpp::parsers::disco::{DiscoInfoQuery, DiscoInfoResult, DiscoItemsQuery, Identity};
use tokio_xmpp::parsers::ns;
use tokio_xmpp::parsers::ping::Ping;
use tokio_xmpp::parsers::vcard::{VCard, VCardQuery};
use tokio_xmpp::parsers::version::{VersionQuery, VersionResult};
use xso::{AsXml, FromXml};

use super::ad_hoc::{self, Command};
use super::addresses::Place;
use super::commands;
use super::notices::Word;
use super::stanzas::{self, Fault};
use super::state::Surface;
use crate::routing::Queue;

/// What may be asked of an address.
#[derive(Debug, FromXml)]
#[xml()]
enum Request {
    #[xml(transparent)]
    Ping(Ping),
    #[xml(transparent)]
    Info(DiscoInfoQuery),
    #[xml(transparent)]
    Items(DiscoItemsQuery),
    #[xml(transparent)]
    Version(VersionQuery),
    #[xml(transparent)]
    VCard(VCardQuery),
    #[xml(namespace = ns::REGISTER, name = "query")]
    Register,
    #[xml(transparent)]
    Command(Command),
    #[xml(transparent)]
    Word(Word),
}

/// `<query/>` with what is under an address (XEP-0030 §4). The crate's own holds addresses that its
/// tables of letters, older than those of servers, may refuse.
#[derive(Debug, AsXml)]
#[xml(namespace = ns::DISCO_ITEMS, name = "query")]
struct Items {
    #[xml(attribute(default))]
    node: Option<String>,
    #[xml(child(n = ..))]
    items: Vec<Item>,
}

#[derive(Debug, AsXml)]
#[xml(namespace = ns::DISCO_ITEMS, name = "item")]
struct Item {
    #[xml(attribute)]
    jid: String,
    #[xml(attribute(default))]
    node: Option<String>,
    #[xml(attribute(default))]
    name: Option<String>,
}

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
        let request: Request = match xso::transform(payload) {
            Ok(request) => request,
            Err(xso::error::Error::TypeMismatch) => return self.refuse_unknown(stanza),
            Err(_) => {
                self.refuse(
                    stanza,
                    Fault::BAD_REQUEST,
                    "the desk cannot read this request",
                );
                return;
            }
        };
        match (kind, request) {
            ("get", Request::Ping(_)) => self.say(stanzas::done(stanza)),
            ("get", Request::Info(query)) => self.disco_info(stanza, query, place),
            ("get", Request::Items(query)) => {
                self.disco_items(stanza, query, place, operator.is_some());
            }
            ("get", Request::Version(_)) => {
                let version = VersionResult {
                    name: "callnumber".to_owned(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    os: None,
                };
                self.say(stanzas::result(stanza, version));
            }
            ("get", Request::VCard(_)) => self.vcard(stanza, place),
            (_, Request::Register) => self.refuse(
                stanza,
                Fault::NOT_ALLOWED,
                "nobody registers here: patrons just write, and librarians are added by whoever keeps the desk",
            ),
            ("set", Request::Word(Word::Returned)) => match (operator, place) {
                (Some(operator), Place::Patron(naming)) => {
                    self.returned(stanza, operator, naming.clone()).await;
                }
                _ => self.refuse_stranger(stanza),
            },
            ("set", Request::Word(Word::Withdrawn(words))) => match place {
                Place::Queue(queue) => self.withdrawn(stanza, bare, queue, &words).await,
                Place::Domain | Place::Patron(_) | Place::Nowhere => self.refuse_stranger(stanza),
            },
            ("set", Request::Command(command)) => match operator {
                Some(operator) if matches!(place, Place::Domain | Place::Queue(_)) => {
                    self.ad_hoc(stanza, operator, command).await;
                }
                _ => self.refuse_stranger(stanza),
            },
            _ => self.refuse_unknown(stanza),
        }
    }

    fn refuse_unknown(&mut self, stanza: &Element) {
        self.refuse(
            stanza,
            Fault::UNAVAILABLE,
            "the desk does not know this request",
        );
    }

    /// XEP-0030 §3. A patron's address says nothing of the patron.
    fn disco_info(&mut self, stanza: &Element, query: DiscoInfoQuery, place: &Place) {
        let node = query.node.as_deref();
        let library = self.board.borrow().plan.library.name.clone();
        let (category, kind, name) = match (place, node) {
            (_, Some(node)) => match commands::known(node) {
                Some((_, title, _)) => ("automation", "command-node", String::from(*title)),
                None if node == ad_hoc::COMMANDS => {
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
        let identity = Identity {
            category: category.to_owned(),
            type_: kind.to_owned(),
            lang: None,
            name: Some(name),
        };
        let desk = matches!((place, node), (Place::Queue(_), None)).then_some(stanzas::DESK);
        let features = desk.into_iter().chain([
            ns::DISCO_INFO,
            ns::DISCO_ITEMS,
            ad_hoc::COMMANDS,
            ns::DATA_FORMS,
            ns::PING,
            ns::VERSION,
            ns::VCARD,
            ns::RECEIPTS,
        ]);
        let info = DiscoInfoResult {
            node: query.node.clone(),
            identities: vec![identity],
            features: features.map(str::to_owned).collect(),
            extensions: Vec::new(),
        };
        self.say(stanzas::result(stanza, info));
    }

    /// XEP-0030 §4: queues under the domain, commands for librarians. Patrons are on no list.
    fn disco_items(
        &mut self,
        stanza: &Element,
        query: DiscoItemsQuery,
        place: &Place,
        is_operator: bool,
    ) {
        let items = match (query.node.as_deref(), place) {
            (Some(ad_hoc::COMMANDS), Place::Domain | Place::Queue(_)) if is_operator => {
                let jid = stanza.attr("to").unwrap_or_default();
                let item = |(name, title, _): &(&str, &str, _)| Item {
                    jid: jid.to_owned(),
                    node: Some(String::from(*name)),
                    name: Some(String::from(*title)),
                };
                commands::COMMANDS.iter().map(item).collect()
            }
            (None, Place::Domain) => {
                let plan = self.board.borrow().plan.clone();
                let item = |queue: &Queue| Item {
                    jid: self.addresses.queue(&queue.name),
                    node: None,
                    name: Some(queue.name.clone()),
                };
                plan.queues.iter().map(item).collect()
            }
            _ => Vec::new(),
        };
        let node = query.node;
        self.say(stanzas::result(stanza, Items { node, items }));
    }

    /// XEP-0054: the library's name on every address, its picture on its own.
    fn vcard(&mut self, stanza: &Element, place: &Place) {
        let library = self.board.borrow().plan.library.clone();
        let name = match place {
            Place::Domain => library.name.clone(),
            Place::Queue(queue) => format!("{}: {queue}", library.name),
            Place::Patron(_) | Place::Nowhere => "patron".to_owned(),
        };
        let mut payloads = vec![stanzas::text_in("FN", ns::VCARD, &name)];
        if matches!(place, Place::Domain | Place::Queue(_)) {
            let link = library.hours_link.as_deref();
            payloads.extend(link.map(|link| stanzas::text_in("URL", ns::VCARD, link)));
            // Behind the name (XEP-0054 §2), where the crate's own field would be before it.
            payloads.extend(self.picture.as_ref().map(|picture| picture.photo().into()));
        }
        let photo = None;
        self.say(stanzas::result(stanza, VCard { photo, payloads }));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_malformed_is_told_from_what_is_unknown() {
        for (payload, wanted) in [
            ("<ping xmlns='urn:xmpp:ping'/>", "read"),
            ("<ping xmlns='urn:xmpp:ping'><x xmlns='y'/></ping>", "read"),
            (
                "<query xmlns='jabber:iq:version' more='1'> </query>",
                "read",
            ),
            ("<vCard xmlns='vcard-temp'><FN>x</FN></vCard>", "read"),
            (
                "<query xmlns='jabber:iq:register'><remove/></query>",
                "read",
            ),
            ("<withdrawn xmlns='urn:callnumber:desk:0'/>", "read"),
            ("<ping xmlns='urn:xmpp:ping:1'/>", "unknown"),
            ("<query xmlns='jabber:iq:roster'/>", "unknown"),
            ("<taken xmlns='urn:callnumber:desk:0'/>", "unknown"),
            ("<ping xmlns='urn:xmpp:ping'>loud</ping>", "malformed"),
            (
                "<command xmlns='http://jabber.org/protocol/commands'/>",
                "malformed",
            ),
            (
                "<command xmlns='http://jabber.org/protocol/commands' node='who'>\
                 <x xmlns='jabber:x:data' type='submit'><field/></x></command>",
                "malformed",
            ),
            (
                "<command xmlns='http://jabber.org/protocol/commands' node='who' action='next'>\
                 <x xmlns='jabber:x:data' type='submit'><field var='a'/><reported/></x>\
                 </command>",
                "read",
            ),
        ] {
            let element: Element = payload.parse().unwrap();
            let read = match xso::transform::<Request, _>(&element) {
                Ok(_) => "read",
                Err(xso::error::Error::TypeMismatch) => "unknown",
                Err(_) => "malformed",
            };
            assert_eq!(read, wanted, "{payload}");
        }
    }
}
