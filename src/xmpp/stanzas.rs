//! Stanzas, built and read leniently (RFC 6120 §8, RFC 6121).

use tokio_xmpp::minidom::Element;
use tokio_xmpp::minidom::rxml::{Namespace, NcName};

use super::stream::COMPONENT;

/// XEP-0199.
pub(super) const PING: &str = "urn:xmpp:ping";
/// XEP-0184.
pub(super) const RECEIPTS: &str = "urn:xmpp:receipts";
/// XEP-0333.
pub(super) const MARKERS: &str = "urn:xmpp:chat-markers:0";
/// XEP-0203.
pub(super) const DELAY: &str = "urn:xmpp:delay";
/// XEP-0172.
pub(super) const NICK: &str = "http://jabber.org/protocol/nick";
/// XEP-0359.
pub(super) const IDS: &str = "urn:xmpp:sid:0";
/// XEP-0030 §3.
pub(super) const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
/// XEP-0030 §4.
pub(super) const DISCO_ITEMS: &str = "http://jabber.org/protocol/disco#items";
/// XEP-0050.
pub(super) const COMMANDS: &str = "http://jabber.org/protocol/commands";
/// XEP-0004.
pub(super) const FORMS: &str = "jabber:x:data";
/// XEP-0092.
pub(super) const VERSION: &str = "jabber:iq:version";
/// XEP-0054.
pub(super) const VCARD: &str = "vcard-temp";
/// XEP-0153.
pub(super) const VCARD_UPDATE: &str = "vcard-temp:x:update";
/// XEP-0077.
pub(super) const REGISTER: &str = "jabber:iq:register";
/// XEP-0308.
pub(super) const CORRECT: &str = "urn:xmpp:message-correct:0";
/// XEP-0066.
pub(super) const OOB: &str = "jabber:x:oob";
/// Says that an address is a queue of a callnumber desk.
pub(super) const DESK: &str = "urn:callnumber:desk:0";
/// RFC 6120 §8.3.2.
const CONDITIONS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";

/// Letters of an id that are kept; a longer one is somebody's joke.
pub(super) const ID_MAX: usize = 1_024;

/// An element of the stanza's own namespace, with text.
pub(super) fn text(name: &str, words: &str) -> Element {
    let mut element = Element::bare(name, COMPONENT);
    element.append_text(sayable(words));
    element
}

/// An element with text.
pub(super) fn text_in(name: &str, namespace: &str, words: &str) -> Element {
    let mut element = Element::bare(name, namespace);
    element.append_text(sayable(words));
    element
}

/// Words without what XML 1.0 §2.2 cannot carry: a patron's text may hold any character, and one
/// bell would end the stream.
pub(super) fn sayable(words: &str) -> String {
    words
        .chars()
        .map(|c| match c {
            '\t' | '\n' | '\r' => c,
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
            _ => c,
        })
        .collect()
}

/// Sets an attribute of our own naming.
pub(super) trait With: Sized {
    /// With the attribute `id`.
    fn id(self, id: &str) -> Self;
    /// With the attribute `type`.
    fn kind(self, kind: &str) -> Self;
    /// With a child.
    fn with(self, child: Element) -> Self;
    /// With words, and the link they are.
    fn saying(self, words: &str) -> Self;
}

fn set(element: &mut Element, name: &'static str, value: &str) {
    let Ok(name) = NcName::try_from(name) else {
        return;
    };
    element
        .attrs_mut()
        .insert(Namespace::NONE, name, sayable(value));
}

impl With for Element {
    fn id(mut self, id: &str) -> Self {
        set(&mut self, "id", id);
        self
    }

    fn kind(mut self, kind: &str) -> Self {
        set(&mut self, "type", kind);
        self
    }

    fn with(mut self, child: Element) -> Self {
        self.append_child(child);
        self
    }

    fn saying(mut self, said: &str) -> Self {
        for child in words(said) {
            self.append_child(child);
        }
        self
    }
}

/// Any attribute.
pub(super) fn attribute(mut element: Element, name: &'static str, value: &str) -> Element {
    set(&mut element, name, value);
    element
}

fn stanza(name: &str, from: &str, to: &str) -> Element {
    let mut stanza = Element::bare(name, COMPONENT);
    set(&mut stanza, "from", from);
    set(&mut stanza, "to", to);
    stanza
}

/// `<message/>` of type chat.
pub(super) fn chat(from: &str, to: &str, id: &str) -> Element {
    stanza("message", from, to).id(id).kind("chat")
}

/// Words, and where they are nothing but a link, the link as a file (XEP-0066 §3): clients show
/// what was uploaded (XEP-0363) as a picture then.
fn words(text_or_link: &str) -> Vec<Element> {
    let mut elements = vec![text("body", text_or_link)];
    if is_link(text_or_link) {
        let url = text_in("url", OOB, text_or_link.trim());
        elements.push(Element::bare("x", OOB).with(url));
    }
    elements
}

/// Whether words are one link and nothing else.
fn is_link(words: &str) -> bool {
    let words = words.trim();
    let rest = words
        .strip_prefix("https://")
        .or_else(|| words.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
}

/// `<message/>` without type or id, for receipts.
pub(super) fn message(from: &str, to: &str) -> Element {
    stanza("message", from, to)
}

/// `<presence/>`; an empty kind is *available*.
pub(super) fn presence(from: &str, to: &str, kind: &str) -> Element {
    let presence = stanza("presence", from, to);
    if kind.is_empty() {
        presence
    } else {
        presence.kind(kind)
    }
}

/// `<iq type="get"/>`.
pub(super) fn get(from: &str, to: &str, id: &str, payload: Element) -> Element {
    stanza("iq", from, to).id(id).kind("get").with(payload)
}

/// A request that changes something.
pub(super) fn order(from: &str, to: &str, id: &str, payload: Element) -> Element {
    stanza("iq", from, to).id(id).kind("set").with(payload)
}

/// The result of an iq, from whom it was sent to.
pub(super) fn result(request: &Element, payload: Option<Element>) -> Element {
    let result = answer(request, "iq").kind("result");
    match payload {
        Some(payload) => result.with(payload),
        None => result,
    }
}

fn answer(request: &Element, name: &str) -> Element {
    stanza(
        name,
        request.attr("to").unwrap_or_default(),
        request.attr("from").unwrap_or_default(),
    )
    .id(request.attr("id").unwrap_or_default())
}

/// What is wrong with a stanza (RFC 6120 §8.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    /// `cancel`, `modify`, `auth` or `wait`.
    pub(super) kind: &'static str,
    /// The defined condition.
    pub(super) condition: &'static str,
}

macro_rules! faults {
    ($($name:ident = $kind:literal, $condition:literal;)+) => {
        impl Fault {
            $(pub(super) const $name: Fault = Fault { kind: $kind, condition: $condition };)+
        }
    };
}

faults! {
    BAD_REQUEST = "modify", "bad-request";
    CONFLICT = "cancel", "conflict";
    FORBIDDEN = "auth", "forbidden";
    ITEM_NOT_FOUND = "cancel", "item-not-found";
    NOT_ACCEPTABLE = "modify", "not-acceptable";
    NOT_ALLOWED = "cancel", "not-allowed";
    POLICY = "wait", "policy-violation";
    UNAVAILABLE = "cancel", "service-unavailable";
    TRY_AGAIN = "wait", "internal-server-error";
}

/// The error that answers a stanza, in words. A message's own words go back with it: some clients
/// show an error only then, and the author needs them.
pub(super) fn error(to: &Element, fault: Fault, words: &str) -> Element {
    let mut error = answer(to, to.name()).kind("error");
    if to.name() == "message"
        && let Some(body) = body(to)
    {
        error.append_child(text("body", &body));
    }
    let mut inner = Element::bare("error", COMPONENT).kind(fault.kind);
    inner.append_child(Element::bare(fault.condition, CONDITIONS));
    if !words.is_empty() {
        inner.append_child(text_in("text", CONDITIONS, words));
    }
    error.append_child(inner);
    error
}

/// The words of a message, whatever language they say they are in.
pub(super) fn body(message: &Element) -> Option<String> {
    message
        .children()
        .find(|child| child.name() == "body" && child.ns() == COMPONENT)
        .map(Element::text)
}

/// The words of a stanza's error, for a log line or an operator: condition and text.
pub(super) fn fault_words(stanza: &Element) -> String {
    let Some(error) = stanza.children().find(|child| child.name() == "error") else {
        return "for no stated reason".into();
    };
    let condition = error
        .children()
        .find(|child| child.ns() == CONDITIONS && child.name() != "text");
    condition.map_or_else(|| "for no stated reason".into(), |c| c.name().to_owned())
}

/// Whether an error may be another one later: nobody was there, or the one who was could not. What
/// they would not do (RFC 6120 §8.3.3) stays as it is.
pub(super) fn is_passing(error: &Element) -> bool {
    !matches!(
        fault_words(error).as_str(),
        "bad-request"
            | "conflict"
            | "feature-not-implemented"
            | "forbidden"
            | "item-not-found"
            | "not-acceptable"
            | "not-allowed"
    )
}

/// The bare part of an address (RFC 6120 §1.4).
pub(super) fn bare(jid: &str) -> &str {
    jid.split('/').next().unwrap_or(jid)
}

#[cfg(test)]
mod tests {
    use super::*;

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
