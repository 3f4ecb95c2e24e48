//! The XML stream of XEP-0114, read within bounds: bytes in, whole stanzas out.
//!
//! tokio-xmpp's own stream ends a connection over one attribute of more than 8 kB, and walks nested
//! elements by recursion: anybody who may write to us could end the link with the first and the
//! program with the second. Here a stanza that is too deep or too long is read past and reported
//! with its header, and the stream goes on.

use tokio_xmpp::minidom::Element;
use tokio_xmpp::minidom::rxml::error::EndOrError;
use tokio_xmpp::minidom::rxml::{AttrMap, Event, Options, Parse, Parser, QName, WithOptions};
/// Of a component's stanzas (XEP-0114 §3), and of the stream itself (RFC 6120 §4.8.1).
pub(super) use tokio_xmpp::parsers::ns::{COMPONENT, STREAM};

/// Bytes of one token: above the largest stanza servers let through by default.
const TOKEN_MAX: usize = 1 << 20;
/// Elements within one another: a form in a command in a forwarded message has about ten.
const DEPTH_MAX: usize = 48;
/// Elements of one stanza.
const ELEMENTS_MAX: usize = 4_096;

/// What was read.
#[derive(Debug)]
pub(super) enum Read {
    /// The other side opened its stream, under this id.
    Header(Option<String>),
    /// A stanza, or another element of the stream.
    Stanza(Element),
    /// A stanza too deep or too long to be kept: its element without contents.
    TooMuch(Element),
    /// The other side closed its stream.
    Footer,
}

/// Puts stanzas together from the parser's events.
#[derive(Debug)]
pub(super) struct Assembler {
    parser: Parser,
    opened: bool,
    /// Elements not closed yet, the stanza first.
    open: Vec<Element>,
    elements: usize,
    /// How many elements deep inside what is not kept.
    past: usize,
    too_much: bool,
}

impl Assembler {
    pub(super) fn new() -> Self {
        Self {
            parser: Parser::with_options(Options {
                max_token_length: TOKEN_MAX,
                ..Options::default()
            }),
            opened: false,
            open: Vec::new(),
            elements: 0,
            past: 0,
            too_much: false,
        }
    }

    /// Reads from `bytes`, which shrinks by what was used; `None` when more are needed.
    ///
    /// # Errors
    /// What is not XML: the stream cannot go on.
    pub(super) fn read(&mut self, bytes: &mut &[u8]) -> Result<Option<Read>, String> {
        loop {
            match self.parser.parse(bytes, false) {
                Ok(Some(event)) => {
                    if let Some(read) = self.take(event) {
                        return Ok(Some(read));
                    }
                }
                Ok(None) | Err(EndOrError::NeedMoreData) => return Ok(None),
                Err(EndOrError::Error(error)) => return Err(error.to_string()),
            }
        }
    }

    fn take(&mut self, event: Event) -> Option<Read> {
        match event {
            Event::XmlDeclaration(..) => None,
            Event::StartElement(_, name, attributes) => {
                if !self.opened {
                    self.opened = true;
                    return Some(Read::Header(attributes.into_iter().find_map(
                        |((namespace, name), value)| {
                            (namespace.as_str().is_empty() && name.as_str() == "id")
                                .then_some(value)
                        },
                    )));
                }
                self.elements += 1;
                let full = self.open.len() >= DEPTH_MAX || self.elements > ELEMENTS_MAX;
                if self.past > 0 || (full && !self.open.is_empty()) {
                    self.too_much = true;
                    self.past += 1;
                } else {
                    self.open.push(element(name, attributes));
                }
                None
            }
            Event::Text(_, text) => {
                if self.past == 0
                    && let Some(inner) = self.open.last_mut()
                {
                    inner.append_text(text);
                }
                None
            }
            Event::EndElement(_) => {
                if self.past > 0 {
                    self.past -= 1;
                    return None;
                }
                let Some(done) = self.open.pop() else {
                    return Some(Read::Footer);
                };
                if let Some(parent) = self.open.last_mut() {
                    parent.append_child(done);
                    return None;
                }
                self.elements = 0;
                if std::mem::take(&mut self.too_much) {
                    let mut header = done;
                    header.take_nodes();
                    return Some(Read::TooMuch(header));
                }
                Some(Read::Stanza(done))
            }
        }
    }
}

fn element((namespace, name): QName, attributes: AttrMap) -> Element {
    let mut builder = Element::builder(name, namespace);
    for ((namespace, name), value) in attributes {
        builder = builder.attr_ns(namespace, name, value);
    }
    builder.build()
}

/// The opening of our stream to the server of a domain.
pub(super) fn opening(domain: &str) -> String {
    format!(
        "<?xml version='1.0'?><stream:stream xmlns='{COMPONENT}' xmlns:stream='{STREAM}' to='{domain}'>"
    )
}

/// A stanza as it goes on the wire; `None` for what XML cannot carry.
pub(super) fn wire(stanza: &Element) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(512);
    stanza.write_to(&mut bytes).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    Some(sayable(text).into_bytes())
}

/// Without what XML 1.0 §2.2 cannot carry: a patron's text may hold any character, and one bell
/// would end the stream.
pub(super) fn sayable(text: String) -> String {
    let unsayable = |c| {
        matches!(c, '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
            && !matches!(c, '\t' | '\n' | '\r')
    };
    match text.contains(unsayable) {
        true => text.replace(unsayable, "\u{fffd}"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read_all(assembler: &mut Assembler, text: &str) -> Result<Vec<Read>, String> {
        let mut bytes = text.as_bytes();
        let mut all = Vec::new();
        while let Some(read) = assembler.read(&mut bytes)? {
            all.push(read);
        }
        Ok(all)
    }

    fn opened() -> Assembler {
        let mut assembler = Assembler::new();
        let header = format!("<stream:stream xmlns='{COMPONENT}' xmlns:stream='{STREAM}' id='x1'>");
        let read = read_all(&mut assembler, &header).unwrap();
        assert!(matches!(&read[..], [Read::Header(Some(id))] if id == "x1"));
        assembler
    }

    #[test]
    fn stanzas_come_whole_however_they_are_cut() {
        let text = "<message from='a@b'><body>caf\u{e9} &amp; tea</body></message><presence/>";
        for size in [1, 2, 3, 7, 1000] {
            let mut assembler = opened();
            let mut names = Vec::new();
            for chunk in text.as_bytes().chunks(size) {
                let mut bytes = chunk;
                while let Some(read) = assembler.read(&mut bytes).unwrap() {
                    let Read::Stanza(stanza) = read else {
                        panic!("{read:?}");
                    };
                    if let Some(body) = stanza.get_child("body", COMPONENT) {
                        assert_eq!(body.text(), "caf\u{e9} & tea");
                    }
                    names.push(stanza.name().to_owned());
                }
            }
            assert_eq!(names, ["message", "presence"], "cut by {size}");
        }
    }

    #[test]
    fn what_is_too_much_is_read_past_and_the_stream_goes_on() {
        let deep = format!("{}{}", "<x>".repeat(60_000), "</x>".repeat(60_000));
        let wide = "<x/>".repeat(20_000);
        for (what, inside) in [("deep", deep), ("wide", wide)] {
            let mut assembler = opened();
            let text = format!("<iq id='7' type='get'>{inside}</iq><presence id='8'/>");
            let read = read_all(&mut assembler, &text).unwrap();
            assert!(
                matches!(&read[..], [Read::TooMuch(iq), Read::Stanza(next)]
                    if iq.attr("id") == Some("7") && next.attr("id") == Some("8")),
                "{what}: {} read",
                read.len()
            );
        }
    }

    #[test]
    fn a_long_attribute_is_no_reason_to_hang_up() {
        let mut assembler = opened();
        let text = format!("<message id='{}'/>", "a".repeat(100_000));
        let read = read_all(&mut assembler, &text).unwrap();
        assert!(matches!(&read[..], [Read::Stanza(_)]));
    }

    #[test]
    fn the_end_and_what_is_not_xml() {
        assert!(matches!(
            &read_all(&mut opened(), "</stream:stream>").unwrap()[..],
            [Read::Footer]
        ));
        assert!(read_all(&mut opened(), "<a></b>").is_err());
    }
}
