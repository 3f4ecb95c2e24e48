//! What the desk itself says to patrons, and how the wording is filled in.

use super::plan::{Gateway, GatewayKind, Library};

/// M1, for a text held while nobody is there.
const CLOSED: &str = "{library} is closed now. Your text is saved; a librarian will reply after \
                      we open {opening}. Urgent? Call {urgent}. Reply STOP to opt out.";
/// M1 where STOP is a word like any other.
const CLOSED_CHAT: &str = "{library} is closed now. Your message is saved; a librarian will reply \
                           after we open {opening}. Urgent? Call {urgent}.";
/// M2, for three minutes without an answer.
const WAITING: &str = "{library}: got it. Our librarians are helping others; one will text you \
                       back soon. In a hurry? Call {urgent}.";
/// M2 for those who did not text.
const WAITING_CHAT: &str = "{library}: got it. Our librarians are helping others; one will answer \
                            you here soon. In a hurry? Call {urgent}.";
/// M3, after STOP.
const STOPPED: &str = "{library}: you are opted out and will get no more texts from us. Text \
                       START to opt back in.";
/// M4, after HELP.
const HELP: &str = "{library} text line: ask us anything. {hours_link} or call {urgent}. Msg&data \
                    rates may apply. STOP to opt out.";
/// M6, for a picture that nobody here can open.
const PICTURE: &str = "{library}: this line can't open pictures. Please describe it in a text or \
                       email {email}";
/// The same where no address is configured: the first half is worth saying by itself.
const PICTURE_UNADDRESSED: &str =
    "{library}: this line can't open pictures. Please describe it in a text.";
/// M7, for a text that is not kept.
const REFUSED: &str = "Chat is offline. {library} did not keep this text. We open {opening}; \
                       please text again then or call {urgent}.";
/// M7 for those who did not text.
const REFUSED_CHAT: &str = "Chat is offline";
/// M10, after START.
const STARTED: &str = "{library}: thanks, you are opted back in. Text us a question any time.";

/// A wording of the desk's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    /// M1: the text is held.
    Closed,
    /// M2: nobody has answered for a while.
    Waiting,
    /// M3: opted out.
    Stopped,
    /// M4: what this line is.
    Help,
    /// M6: pictures cannot be opened here.
    Picture,
    /// M7: the text is not kept.
    Refused,
    /// M10: opted in again.
    Started,
}

impl Notice {
    /// The words for a patron of this gateway; `None` when the library wants none, or nothing is
    /// left of them once what is not configured has dropped out.
    pub(super) fn words(self, gateway: &Gateway, library: &Library) -> Option<String> {
        let texted = match gateway.kind {
            GatewayKind::Sms => true,
            GatewayKind::Im | GatewayKind::Widget => false,
        };
        let pick = |text, chat| if texted { text } else { chat };
        let own = gateway.closed_notice.as_deref();
        let wording = match self {
            Notice::Closed => own.unwrap_or(pick(CLOSED, CLOSED_CHAT)),
            Notice::Refused => own.unwrap_or(pick(REFUSED, REFUSED_CHAT)),
            Notice::Waiting => pick(WAITING, WAITING_CHAT),
            Notice::Stopped => STOPPED,
            Notice::Help => HELP,
            Notice::Picture if library.email.as_deref().and_then(present).is_none() => {
                PICTURE_UNADDRESSED
            }
            Notice::Picture => PICTURE,
            Notice::Started => STARTED,
        };
        let words = fill(wording, |name| match name {
            // A library always has a name of some kind: without one, half the words above
            // would have no subject.
            "library" => Some(present(&library.name).unwrap_or("The library")),
            "urgent" => library.urgent.as_deref().and_then(present),
            "email" => library.email.as_deref().and_then(present),
            "hours_link" => library.hours_link.as_deref().and_then(present),
            // Opening hours are not known yet.
            _ => None,
        });
        (!words.is_empty()).then_some(words)
    }
}

fn present(value: &str) -> Option<&str> {
    let value = value.trim();
    (!value.is_empty()).then_some(value)
}

/// Fills `{names}` in; a sentence with a name that has no value drops out whole.
///
/// A sentence ends with `.` or `!` before a space or the end. A question does not end one: it
/// belongs to its answer (`Urgent? Call {urgent}.`). Braces around anything but lower-case letters
/// and `_` are ordinary characters.
fn fill<'v>(wording: &str, value: impl Fn(&str) -> Option<&'v str>) -> String {
    let mut filled = String::with_capacity(wording.len());
    for sentence in sentences(wording) {
        if let Some(sentence) = fill_sentence(sentence, &value) {
            filled.push_str(&sentence);
        }
    }
    filled.trim().to_owned()
}

fn sentences(wording: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut rest = wording;
    while let Some(end) = sentence_end(rest) {
        let (sentence, after) = rest.split_at(end);
        sentences.push(sentence);
        rest = after;
    }
    sentences.push(rest);
    sentences
}

/// Where the first sentence ends, its white space included; `None` if it is the last.
fn sentence_end(text: &str) -> Option<usize> {
    let mut ended = false;
    let mut spaced = false;
    for (at, c) in text.char_indices() {
        if c.is_whitespace() {
            spaced = ended;
        } else if spaced {
            return Some(at);
        } else {
            ended = matches!(c, '.' | '!');
        }
    }
    None
}

fn fill_sentence<'v>(sentence: &str, value: &impl Fn(&str) -> Option<&'v str>) -> Option<String> {
    let mut filled = String::with_capacity(sentence.len());
    let mut rest = sentence;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        match after.split_once('}') {
            Some((name, beyond)) if is_name(name) => {
                filled.push_str(value(name)?);
                rest = beyond;
            }
            Some(_) | None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    Some(filled)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::ids::{GatewayId, QueueId};
    use super::super::plan::OfflinePolicy;
    use super::*;

    const NOTICES: [Notice; 7] = [
        Notice::Closed,
        Notice::Waiting,
        Notice::Stopped,
        Notice::Help,
        Notice::Picture,
        Notice::Refused,
        Notice::Started,
    ];

    fn gateway(kind: GatewayKind, closed_notice: Option<&str>) -> Gateway {
        Gateway {
            id: GatewayId(1),
            name: "front-desk".into(),
            kind,
            queue: QueueId(1),
            line: None,
            policy: OfflinePolicy::Hold,
            closed_notice: closed_notice.map(str::to_owned),
            removed: false,
        }
    }

    fn full() -> Library {
        Library {
            name: "Elm Library!".into(), // 12 letters
            urgent: Some("555-0100".into()),
            email: Some("ask@elm.example".into()),
            hours_link: Some("elm.example/hours".into()),
        }
    }

    /// Septets a text takes in the GSM 7 bit default alphabet (TS 23.038 §6.2.1); `None` if it
    /// does not fit it.
    fn septets(text: &str) -> Option<usize> {
        text.chars()
            .map(|c| match c {
                'A'..='Z' | 'a'..='z' | '0'..='9' | ' ' | '\n' => Some(1),
                '.' | ',' | ';' | ':' | '!' | '?' | '&' | '-' | '/' | '@' | '\'' | '(' | ')' => {
                    Some(1)
                }
                '{' | '}' | '[' | ']' | '~' | '\\' | '^' | '|' => Some(2),
                _ => None,
            })
            .sum()
    }

    #[test]
    fn every_default_is_one_segment() {
        for kind in [GatewayKind::Sms, GatewayKind::Im, GatewayKind::Widget] {
            for notice in NOTICES {
                let words = notice.words(&gateway(kind, None), &full()).unwrap();
                let septets = septets(&words).unwrap();
                assert!(septets <= 160, "{septets}: {words}");
            }
        }
        // And once the opening hours are known.
        for wording in [CLOSED, CLOSED_CHAT, REFUSED] {
            let words = fill(wording, |name| match name {
                "library" => Some("Elm Library!"),
                "opening" => Some("Mon 9am"),
                "urgent" => Some("555-0100"),
                _ => None,
            });
            let septets = septets(&words).unwrap();
            assert!(septets <= 160, "{septets}: {words}");
        }
    }

    #[test]
    fn what_is_not_configured_drops_out_with_its_sentence() {
        let bare = Library {
            name: "Elm".into(),
            ..Library::default()
        };
        let urgent = Library {
            urgent: Some("555-0100".into()),
            ..bare.clone()
        };
        let sms = gateway(GatewayKind::Sms, None);
        for (notice, library, words) in [
            (
                Notice::Closed,
                &bare,
                "Elm is closed now. Reply STOP to opt out.",
            ),
            (
                Notice::Closed,
                &urgent,
                "Elm is closed now. Urgent? Call 555-0100. Reply STOP to opt out.",
            ),
            (
                Notice::Waiting,
                &bare,
                "Elm: got it. Our librarians are helping others; one will text you back soon.",
            ),
            (
                Notice::Waiting,
                &urgent,
                "Elm: got it. Our librarians are helping others; one will text you back soon. \
                 In a hurry? Call 555-0100.",
            ),
            (
                Notice::Stopped,
                &bare,
                "Elm: you are opted out and will get no more texts from us. Text START to opt \
                 back in.",
            ),
            (
                Notice::Help,
                &urgent,
                "Elm text line: ask us anything. Msg&data rates may apply. STOP to opt out.",
            ),
            (
                Notice::Picture,
                &bare,
                "Elm: this line can't open pictures. Please describe it in a text.",
            ),
            (
                Notice::Refused,
                &urgent,
                "Chat is offline. Elm did not keep this text.",
            ),
            (
                Notice::Started,
                &Library::default(),
                "The library: thanks, you are opted back in. Text us a question any time.",
            ),
        ] {
            assert_eq!(notice.words(&sms, library).as_deref(), Some(words));
        }
    }

    #[test]
    fn a_gateway_has_its_own_wording() {
        for (own, closed) in [
            (Some("Back at nine. Mail {email}."), Some("Back at nine.")),
            (Some("{library} sleeps"), Some("Elm sleeps")),
            (Some(""), None),
            (Some("   "), None),
            (Some("Call {urgent}"), None),
            (Some("{} {Open} {open"), Some("{} {Open} {open")),
        ] {
            let library = Library {
                name: "Elm".into(),
                ..Library::default()
            };
            let gateway = gateway(GatewayKind::Sms, own);
            for notice in [Notice::Closed, Notice::Refused] {
                assert_eq!(notice.words(&gateway, &library).as_deref(), closed);
            }
        }
    }

    #[test]
    fn chat_patrons_are_told_that_chat_is_offline() {
        for kind in [GatewayKind::Im, GatewayKind::Widget] {
            let words = Notice::Refused.words(&gateway(kind, None), &full());
            assert_eq!(words.as_deref(), Some("Chat is offline"));
        }
    }

    #[test]
    fn values_do_not_make_sentences() {
        let library = Library {
            name: "St. Mary".into(),
            ..Library::default()
        };
        let words = Notice::Closed.words(&gateway(GatewayKind::Sms, None), &library);
        assert_eq!(
            words.as_deref(),
            Some("St. Mary is closed now. Reply STOP to opt out.")
        );
    }
}
