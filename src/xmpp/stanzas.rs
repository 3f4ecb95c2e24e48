//! Stanzas, built and read leniently (RFC 6120 §8, RFC 6121).

use std::collections::BTreeSet;

use tokio_xmpp::minidom::Element;
use tokio_xmpp::minidom::rxml::{Namespace, NcName};
use tokio_xmpp::parsers::ns;
use tokio_xmpp::parsers::oob::Oob;
use tokio_xmpp::parsers::ping::Ping;
use tokio_xmpp::parsers::receipts::Received;
use tokio_xmpp::parsers::stanza_error::{DefinedCondition, ErrorType, StanzaError};
use xso::FromXml;

use super::stream::COMPONENT;

/// Says that an address is a queue of a callnumber desk.
pub(super) const DESK: &str = "urn:callnumber:desk:0";

/// Letters of an id that are kept; a longer one is somebody's joke.
pub(super) const ID_MAX: usize = 1_024;

/// An element of the stanza's own namespace, with text.
pub(super) fn text(name: &str, words: &str) -> Element {
    text_in(name, COMPONENT, words)
}

/// An element with text.
pub(super) fn text_in(name: &str, namespace: &str, words: &str) -> Element {
    let mut element = Element::bare(name, namespace);
    element.append_text(words);
    element
}

/// The first child that is well formed as what is looked for.
pub(super) fn child<T: FromXml>(stanza: &Element) -> Option<T> {
    stanza
        .children()
        .find_map(|child| xso::transform(child).ok())
}

/// Adds to a stanza.
pub(super) trait With: Sized {
    /// With a child.
    fn with(self, child: impl Into<Element>) -> Self;
    /// With words; where they are nothing but a link, with it as a file.
    fn saying(self, words: &str) -> Self;
}

impl With for Element {
    fn with(mut self, child: impl Into<Element>) -> Self {
        self.append_child(child.into());
        self
    }

    // A link as a file (XEP-0066 §3): clients show what was uploaded (XEP-0363) as a picture then.
    fn saying(self, words: &str) -> Self {
        let said = self.with(text("body", words));
        if !is_link(words) {
            return said;
        }
        said.with(Oob {
            url: words.trim().to_owned(),
            desc: None,
        })
    }
}

/// A stanza with whatever of its four attributes is not empty. Addresses stay as they were written:
/// the crate's `Jid` folds some, and refuses letters newer than Unicode 3.2 that servers let through.
fn stanza(name: &str, from: &str, to: &str, id: &str, kind: &str) -> Element {
    let mut stanza = Element::bare(name, COMPONENT);
    for (name, value) in [("from", from), ("to", to), ("id", id), ("type", kind)] {
        if let (false, Ok(name)) = (value.is_empty(), NcName::try_from(name)) {
            stanza
                .attrs_mut()
                .insert(Namespace::NONE, name, value.to_owned());
        }
    }
    stanza
}

/// What an address offers (XEP-0030 §3). The crate's own refuses all of it over one form beside it
/// that is not as it wants (XEP-0128).
#[derive(Debug, FromXml)]
#[xml(namespace = ns::DISCO_INFO, name = "query")]
struct Features {
    #[xml(extract(n = .., name = "feature", fields(attribute(name = "var", type_ = String))))]
    features: BTreeSet<String>,
}

/// The features that an answer lists, if it is one.
pub(super) fn features(answer: &Element) -> Option<BTreeSet<String>> {
    child(answer).map(|info: Features| info.features)
}

/// `<message/>` of type chat.
pub(super) fn chat(from: &str, to: &str, id: &str) -> Element {
    stanza("message", from, to, id, "chat")
}

/// Whether words are one link and nothing else.
fn is_link(words: &str) -> bool {
    let words = words.trim();
    let rest = words
        .strip_prefix("https://")
        .or_else(|| words.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
}

/// A receipt for the message of this id (XEP-0184).
pub(super) fn receipt(from: &str, to: &str, id: &str) -> Element {
    let id = id.to_owned();
    stanza("message", from, to, "", "").with(Received { id })
}

/// `<presence/>`; an empty kind is *available*.
pub(super) fn presence(from: &str, to: &str, kind: &str) -> Element {
    stanza("presence", from, to, "", kind)
}

/// `<iq type="get"/>`.
pub(super) fn get(from: &str, to: &str, id: &str, payload: impl Into<Element>) -> Element {
    stanza("iq", from, to, id, "get").with(payload)
}

/// A request that changes something.
pub(super) fn order(from: &str, to: &str, id: &str, payload: impl Into<Element>) -> Element {
    stanza("iq", from, to, id, "set").with(payload)
}

/// `<iq type="get"/>` with a ping (XEP-0199).
pub(super) fn ping(from: &str, to: &str, id: &str) -> Element {
    get(from, to, id, Ping)
}

/// The result of an iq, from whom it was sent to.
pub(super) fn result(request: &Element, payload: impl Into<Element>) -> Element {
    done(request).with(payload)
}

/// The result of an iq that says no more than that.
pub(super) fn done(request: &Element) -> Element {
    answer(request, "result")
}

fn answer(request: &Element, kind: &str) -> Element {
    let [from, to, id] = ["to", "from", "id"].map(|name| request.attr(name).unwrap_or_default());
    stanza(request.name(), from, to, id, kind)
}

/// What is wrong with a stanza (RFC 6120 §8.3).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fault {
    kind: ErrorType,
    condition: DefinedCondition,
}

macro_rules! faults {
    ($($name:ident = $kind:ident, $condition:ident;)+) => {
        impl Fault {
            $(pub(super) const $name: Fault = Fault {
                kind: ErrorType::$kind,
                condition: DefinedCondition::$condition,
            };)+
        }
    };
}

faults! {
    BAD_REQUEST = Modify, BadRequest;
    CONFLICT = Cancel, Conflict;
    FORBIDDEN = Auth, Forbidden;
    ITEM_NOT_FOUND = Cancel, ItemNotFound;
    NOT_ACCEPTABLE = Modify, NotAcceptable;
    NOT_ALLOWED = Cancel, NotAllowed;
    POLICY = Wait, PolicyViolation;
    UNAVAILABLE = Cancel, ServiceUnavailable;
    TRY_AGAIN = Wait, InternalServerError;
}

/// The error that answers a stanza, in words. A message's own words go back with it: some clients
/// show an error only then, and the author needs them.
pub(super) fn error(to: &Element, fault: Fault, words: &str) -> Element {
    let mut error = answer(to, "error");
    if to.name() == "message"
        && let Some(body) = body(to)
    {
        error.append_child(text("body", &body));
    }
    // The words are English, whatever the stream's language is (RFC 6120 §8.3.2).
    let text = (!words.is_empty()).then(|| ("en".to_owned(), words.to_owned()));
    error.with(StanzaError {
        type_: fault.kind,
        by: None,
        defined_condition: fault.condition,
        texts: text.into_iter().collect(),
        other: None,
    })
}

/// The words of a message, whatever language they say they are in.
pub(super) fn body(message: &Element) -> Option<String> {
    message
        .children()
        .find(|child| child.name() == "body" && child.ns() == COMPONENT)
        .map(Element::text)
}

/// What a stanza's error says is wrong, also where it says nothing else that it should.
fn condition(stanza: &Element) -> Option<DefinedCondition> {
    stanza.get_child("error", COMPONENT).and_then(child)
}

/// The condition of a stanza's error, for a log line or an operator.
pub(super) fn fault_words(stanza: &Element) -> String {
    condition(stanza).map_or_else(
        || "for no stated reason".into(),
        |condition| Element::from(condition).name().to_owned(),
    )
}

/// Whether an error may be another one later: nobody was there, or the one who was could not. What
/// they would not do (RFC 6120 §8.3.3) stays as it is.
pub(super) fn is_passing(error: &Element) -> bool {
    use DefinedCondition as Is;
    !matches!(
        condition(error),
        Some(
            Is::BadRequest
                | Is::Conflict
                | Is::FeatureNotImplemented
                | Is::Forbidden
                | Is::ItemNotFound
                | Is::NotAcceptable
                | Is::NotAllowed
        )
    )
}

/// The bare part of an address (RFC 6120 §1.4).
pub(super) fn bare(jid: &str) -> &str {
    jid.split('/').next().unwrap_or(jid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stanza_of(text: &str) -> Element {
        text.parse().expect("the test's own XML")
    }

    #[test]
    fn an_error_names_its_condition_whatever_else_it_lacks() {
        for (error, named, passing) in [
            (
                "<error type='cancel'><gone xmlns='NS'>xmpp:a@b</gone></error>",
                "gone",
                true,
            ),
            (
                "<error><item-not-found xmlns='NS'/></error>",
                "item-not-found",
                false,
            ),
            (
                "<error type='odd' by='@'><text xmlns='NS'>no</text><conflict xmlns='NS'/><a xmlns='b'/><a xmlns='b'/></error>",
                "conflict",
                false,
            ),
            (
                "<error type='wait'><new-one xmlns='NS'/></error>",
                "for no stated reason",
                true,
            ),
            ("<error type='cancel'/>", "for no stated reason", true),
            ("", "for no stated reason", true),
        ] {
            let error = error.replace("NS", ns::XMPP_STANZAS);
            let stanza = stanza_of(&format!("<message xmlns='{COMPONENT}'>{error}</message>"));
            assert_eq!(fault_words(&stanza), named, "{error}");
            assert_eq!(is_passing(&stanza), passing, "{error}");
        }
    }

    #[test]
    fn features_are_read_beside_a_form_that_is_not_as_it_should_be() {
        let answer = stanza_of(&format!(
            "<iq xmlns='{COMPONENT}'><query xmlns='{}'><identity/><feature var='a'/>\
             <x xmlns='jabber:x:data' type='result'><field><value>1</value></field></x>\
             <feature var='b'/></query></iq>",
            ns::DISCO_INFO
        ));
        let read: Vec<String> = features(&answer).into_iter().flatten().collect();
        assert_eq!(read, ["a", "b"]);
    }

    #[test]
    fn only_a_link_alone_is_a_file() {
        for (words, is_one) in [
            ("https://files.example.org/a/cover.png", true),
            (" http://files.example.org/a.pdf\n", true),
            ("see https://files.example.org/a.pdf", false),
            ("https://a.example/1 https://a.example/2", false),
            ("https://", false),
            ("ftp://files.example.org/a", false),
            ("", false),
        ] {
            assert_eq!(is_link(words), is_one, "{words:?}");
        }
    }
}
