//! What must hold for whatever an XMPP server hands over: shared by the fuzz target and the seeded
//! test that stands in for it. Panics when a law is broken, and is for tests only.

use tokio_xmpp::minidom::Element;

use super::addresses::{Addresses, PatronStyle, Place, escape, unescape};
use super::commands;
use super::operators::{priority_of, show_of};
use super::stanzas::{self, Fault};
use super::state::Surface;
use super::stream::{Assembler, COMPONENT, Read, STREAM, sayable, wire};

/// Letters of one stanza's words that are let through.
const WORDS_MAX: usize = 5_000;

/// Octets of an open stream, however they are cut; and whatever is made of each stanza.
#[doc(hidden)]
pub fn law(octets: &[u8]) {
    let whole = read(&[octets]);
    let cut = usize::from(octets.first().copied().unwrap_or(0)).min(octets.len());
    let (head, tail) = octets.split_at(cut);
    let parts = read(&[head, tail]);
    assert_eq!(whole.len(), parts.len(), "as many, however they are cut");
    for (whole, parts) in whole.iter().zip(&parts) {
        assert_eq!(wire(whole), wire(parts), "the same, however they are cut");
    }
    for stanza in &whole {
        taken_apart(stanza);
        answered(stanza);
    }
}

fn opened() -> Assembler {
    let mut assembler = Assembler::new();
    let header = format!("<stream:stream xmlns='{COMPONENT}' xmlns:stream='{STREAM}' id='x'>");
    let read = assembler.read(&mut header.as_bytes());
    assert!(matches!(read, Ok(Some(Read::Header(Some(id)))) if id == "x"));
    assembler
}

/// The stanzas up to the stream's end or its first fault.
fn read(chunks: &[&[u8]]) -> Vec<Element> {
    let mut assembler = opened();
    let mut stanzas = Vec::new();
    for mut bytes in chunks.iter().copied() {
        loop {
            match assembler.read(&mut bytes) {
                Ok(Some(Read::Stanza(stanza) | Read::TooMuch(stanza))) => stanzas.push(stanza),
                Ok(Some(Read::Header(_))) => panic!("a stream has one header"),
                Ok(None) => break,
                Ok(Some(Read::Footer)) | Err(_) => return stanzas,
            }
        }
    }
    stanzas
}

/// All that the room reads out of a stanza before it asks the desk.
fn taken_apart(stanza: &Element) {
    let addresses = Addresses::new("desk.example.org", PatronStyle::Token);
    for name in ["from", "to"] {
        let jid = stanza.attr(name).unwrap_or_default();
        assert!(!stanzas::bare(jid).contains('/'));
        if let Place::Queue(queue) = addresses.place(jid) {
            let again = addresses.place(&addresses.queue(&queue));
            // A queue's name is lower case, and holds no mark of a patron.
            if !queue.starts_with(['~', '+']) && queue == queue.to_lowercase() {
                assert!(
                    matches!(&again, Place::Queue(same) if *same == queue)
                        || again == Place::Nowhere,
                    "{queue:?} is {again:?}"
                );
            }
        }
    }
    let (show, priority) = (show_of(stanza), priority_of(stanza));
    let _ = (show, priority, stanzas::fault_words(stanza));
    if let Ok(Some(words)) = Surface::words(stanza) {
        assert!(!words.trim().is_empty());
        assert!(words.chars().count() <= WORDS_MAX, "bounded");
        assert_eq!(unescape(&escape(&words)), words);
        if commands::looks_like_one(&words) {
            assert!(commands::parse(&words).is_some(), "{words:?}");
        }
    }
}

/// Whatever came, the refusal is one whole stanza that any server can read.
fn answered(stanza: &Element) {
    if !matches!(stanza.name(), "message" | "presence" | "iq") || stanza.ns() != COMPONENT {
        return;
    }
    let refusal = stanzas::error(stanza, Fault::BAD_REQUEST, "a reason");
    let bytes = wire(&refusal).expect("what was read can be answered");
    let read = read(&[&bytes]);
    let [again] = read.as_slice() else {
        panic!("one answer: {}", String::from_utf8_lossy(&bytes));
    };
    assert_eq!(again.attr("type"), Some("error"));
    for (back, from) in [("to", "from"), ("from", "to")] {
        assert_eq!(
            again.attr(back).unwrap_or_default(),
            sayable(stanza.attr(from).unwrap_or_default().to_owned())
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::stream::opening;
    use super::*;

    #[test]
    fn our_own_opening_is_no_stanza() {
        assert!(read(&[opening("desk.example.org").as_bytes()]).is_empty());
    }
}
