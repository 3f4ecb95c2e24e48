//! What the desk itself says to patrons and to its own staff, and how the wording is filled in.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::hours::Opening;
use super::ids::QueueId;
use super::notice::Notice;
use super::plan::{Gateway, GatewayKind, Plan};
use super::translations;

/// M1, for a text held while nobody is there.
///
/// Each promise is a sentence of its own: what has no value takes none with it.
const CLOSED: &str = "{library} is closed now. Your text is saved. A librarian will reply after \
                      we open {opening}. Urgent? Call {urgent}. Reply STOP to opt out.";
/// M1 where STOP is a word like any other.
const CLOSED_CHAT: &str = "{library} is closed now. Your message is saved. A librarian will reply \
                           after we open {opening}. Urgent? Call {urgent}.";
/// M1 when by its hours the library is open, and only nobody is at the desk.
const UNATTENDED: &str = "{library}: nobody is at our text desk right now. Your text is saved; a \
                          librarian will reply soon. Urgent? Call {urgent}. Reply STOP to opt out.";
/// The same where STOP is a word like any other.
const UNATTENDED_CHAT: &str = "{library}: nobody is at our desk right now. Your message is saved; \
                               a librarian will reply soon. Urgent? Call {urgent}.";
/// M2, for three minutes without an answer.
const WAITING: &str = "{library}: got it. Our librarians are helping others; one will text you \
                       back soon. In a hurry? Call {urgent}.";
/// M2 for those who did not text.
const WAITING_CHAT: &str = "{library}: got it. Our librarians are helping others; one will answer \
                            you here soon. In a hurry? Call {urgent}.";
/// M3, after STOP.
const STOPPED: &str = "{library}: you are opted out and will get no more texts from us. Text \
                       START to opt back in.";
/// M4, after HELP or a missed call.
const HELP: &str = "{library} text line: ask us anything. {hours_link} or call {urgent}. Msg&data \
                    rates may apply. STOP to opt out, FORGET to erase your texts.";
/// M4 with one of the two contacts, and with none.
const HELP_LINK: &str = "{library} text line: ask us anything. Hours: {hours_link}. Msg&data rates may \
                         apply. STOP to opt out, FORGET to erase your texts.";
const HELP_CALL: &str = "{library} text line: ask us anything, or call {urgent}. Msg&data rates may \
                         apply. STOP to opt out, FORGET to erase your texts.";
const HELP_BARE: &str = "{library} text line: ask us anything. Msg&data rates may apply. STOP to \
                         opt out, FORGET to erase your texts.";
/// M5, after FORGET.
const FORGOTTEN: &str = "{library}: your texts and number are erased from our system. Copies on \
                         your phone and with your carrier remain.";
/// M6, after a picture.
const PICTURE: &str = "{library}: this line can't open pictures. Please describe it in a text or \
                       email {email}";
/// M6 where there is no address for pictures.
const PICTURE_BARE: &str =
    "{library}: this line can't open pictures. Please describe it in a text.";
/// M7, for a text that is not kept.
const REFUSED: &str = "Chat is offline. {library} did not keep this text. We open {opening}; \
                       please text again then or call {urgent}.";
/// M7 with one of the two, and with none.
const REFUSED_OPENS: &str = "Chat is offline. {library} did not keep this text. We open {opening}; \
                             please text again then.";
const REFUSED_CALL: &str =
    "Chat is offline. {library} did not keep this text. Please call {urgent}.";
const REFUSED_BARE: &str = "Chat is offline. {library} did not keep this text. Please text again \
                            later.";
/// M7 for those who did not text.
const REFUSED_CHAT: &str = "Chat is offline";
/// M8, for texts that came while the line was down.
const OUTAGE: &str = "{library}: sorry, our text line was down {from}-{to}. We have your message \
                      and will reply today.";
/// M9, when partners are asked as well.
const ROLLOVER: &str = "{library}: partner librarians at {partner} can help now; they may not \
                        know our shelves. They won't see your number. Reply NO to wait for us.";
/// M9 for those who have no number.
const ROLLOVER_CHAT: &str = "{library}: partner librarians at {partner} can help now; they may \
                             not know our shelves. Reply NO to wait for us.";
/// M10, after START.
const STARTED: &str = "{library}: thanks, you are opted back in. Text us a question any time.";
/// M12, after a FORGET that may be somebody else's.
const CONFIRM: &str = "{library}: a librarian is in this conversation with you. Reply FORGET again \
                       to erase everything.";
/// M11, to the staff's own telephones and mailboxes.
const STAFF: &str = "Textline: {n} texts waiting, oldest {age}, nobody signed in. Sign in at {url}";

impl Notice {
    /// What is said when the gateway has no wording of its own.
    pub fn default_wording(self, kind: GatewayKind) -> &'static str {
        let texted = match kind {
            GatewayKind::Sms => true,
            GatewayKind::Im | GatewayKind::Widget => false,
        };
        let pick = |text, chat| if texted { text } else { chat };
        match self {
            Notice::Closed => pick(CLOSED, CLOSED_CHAT),
            Notice::Waiting => pick(WAITING, WAITING_CHAT),
            Notice::Stopped => STOPPED,
            Notice::Help => HELP,
            Notice::Forgotten => FORGOTTEN,
            Notice::Picture => PICTURE,
            Notice::Refused => pick(REFUSED, REFUSED_CHAT),
            Notice::Outage => OUTAGE,
            Notice::Rollover => pick(ROLLOVER, ROLLOVER_CHAT),
            Notice::Started => STARTED,
            Notice::Staff => STAFF,
            Notice::Confirm => CONFIRM,
        }
    }

    /// The words for a patron of this gateway; `None` when the library wants none, or nothing is
    /// left of them once what is not configured has dropped out.
    pub fn words(self, gateway: &Gateway, values: &Values) -> Option<String> {
        self.words_in("en", gateway, values)
    }

    /// The words in the language in which the patron asked (ISO 639), where there are any in it. The
    /// library's own wording is in the language that the library chose.
    pub(super) fn words_in(
        self,
        language: &str,
        gateway: &Gateway,
        values: &Values,
    ) -> Option<String> {
        let translated = || translations::of(self, language, |name| values.has(name));
        let wording = match gateway.wording.get(&self) {
            Some(own) => own.as_str(),
            None => translated().unwrap_or_else(|| self.usual(gateway.kind, values)),
        };
        let words = fill(wording, |name| values.get(name));
        (!words.is_empty()).then_some(words)
    }

    /// The default wording, where circumstances ask for another one than usual.
    fn usual(self, kind: GatewayKind, values: &Values) -> &'static str {
        match (self, kind) {
            (Notice::Closed, GatewayKind::Sms) if values.open => UNATTENDED,
            (Notice::Closed, GatewayKind::Im | GatewayKind::Widget) if values.open => {
                UNATTENDED_CHAT
            }
            (Notice::Picture, _) if values.get("email").is_none() => PICTURE_BARE,
            (Notice::Help, _) => match (values.has("hours_link"), values.has("urgent")) {
                (true, true) => HELP,
                (true, false) => HELP_LINK,
                (false, true) => HELP_CALL,
                (false, false) => HELP_BARE,
            },
            (Notice::Refused, GatewayKind::Sms) => {
                match (values.has("opening"), values.has("urgent")) {
                    (true, true) => REFUSED,
                    (true, false) => REFUSED_OPENS,
                    (false, true) => REFUSED_CALL,
                    (false, false) => REFUSED_BARE,
                }
            }
            _ => self.default_wording(kind),
        }
    }

    /// What a patron of this gateway would read, with examples for what is known only then.
    /// `words` instead of the gateway's own wording, where someone tries another.
    pub fn preview(
        self,
        plan: &Plan,
        gateway: &Gateway,
        words: Option<&str>,
        now: Timestamp,
    ) -> Option<String> {
        let queue = plan.queue(gateway.queue);
        let mut values = Values::new(plan, gateway.queue, now);
        values.open = false;
        let zone = &plan.library.time_zone;
        let opening = queue.and_then(|queue| queue.calendar.after_closing(now, zone).words(now));
        values.set("opening", opening);
        let partner = queue.and_then(|queue| queue.fallback).map(|f| f.queue);
        let partner = partner.map_or_else(|| "Oak County".to_owned(), |q| plan.partner(q));
        for (name, value) in [
            ("partner", partner.as_str()),
            ("from", "2pm"),
            ("to", "4:30pm"),
            ("n", "4"),
            ("age", "14 h"),
            ("url", "http://desk.example.org/"),
        ] {
            values.set(name, Some(value.to_owned()));
        }
        match words {
            None => self.words(gateway, &values),
            Some(words) => {
                let words = fill(words, |name| values.get(name));
                (!words.is_empty()).then_some(words)
            }
        }
    }
}

/// What the names in braces stand for, as the desk speaks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values {
    values: BTreeMap<&'static str, String>,
    /// By its hours the queue is open.
    open: bool,
}

impl Values {
    /// What is known of the library and its queue now.
    pub fn new(plan: &Plan, queue: QueueId, now: Timestamp) -> Self {
        let library = &plan.library;
        let opening = plan.opening(queue, now);
        let mut values = Values {
            values: BTreeMap::new(),
            open: opening == Opening::Open,
        };
        values.set("library", Some(plan.title(queue).to_owned()));
        values.set("urgent", library.urgent.clone());
        values.set("email", library.email.clone());
        values.set("hours_link", library.hours_link.clone());
        values.set("opening", opening.words(now));
        values
    }

    /// Gives a name a value, or takes it away.
    pub fn set(&mut self, name: &'static str, value: Option<String>) {
        match value.as_deref().and_then(present) {
            Some(value) => self.values.insert(name, value.to_owned()),
            None => self.values.remove(name),
        };
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }
}

/// A name in braces that a notice knows nothing of, if there is one: it would drop out with its
/// sentence, always.
pub fn unknown_name(notice: Notice, words: &str) -> Option<&str> {
    unknown_among(notice.names(), words)
}

/// The names in braces that the answer to a keyword may have.
pub const KEYWORD_NAMES: &[&str] = &["library", "urgent", "email", "hours_link", "opening"];

/// A name in braces that is none of these.
pub(super) fn unknown_among<'w>(names: &[&str], words: &'w str) -> Option<&'w str> {
    words.split('{').skip(1).find_map(|after| {
        let (name, _) = after.split_once('}')?;
        (is_name(name) && !names.contains(&name)).then_some(name)
    })
}

/// The answer to a keyword as a patron reads it; `None` when nothing is left of it.
pub fn keyword_answer(answer: &str, values: &Values) -> Option<String> {
    let words = fill(answer, |name| values.get(name));
    (!words.is_empty()).then_some(words)
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

    use super::super::hours::Calendar;
    use super::super::ids::GatewayId;
    use super::super::plan::{Fallback, Library, Queue};
    use super::*;

    const QUEUE: QueueId = QueueId(1);

    fn gateway(kind: GatewayKind, own: &[(Notice, &str)]) -> Gateway {
        Gateway {
            wording: own
                .iter()
                .map(|(notice, words)| (*notice, (*words).to_owned()))
                .collect(),
            ..Gateway::new(GatewayId(1), "front-desk", kind, QUEUE)
        }
    }

    fn full() -> Library {
        Library {
            name: "Elm Library!".into(), // 12 letters
            urgent: Some("555-0100".into()),
            email: Some("ask@elm.example".into()),
            hours_link: Some("elm.example/hours".into()),
            ..Library::default()
        }
    }

    fn elm(library: Library) -> Plan {
        Plan {
            library,
            queues: vec![Queue::new(QUEUE, "desk")],
            ..Plan::default()
        }
    }

    fn now() -> Timestamp {
        "2026-03-02T03:00:00Z".parse().unwrap() // a Monday
    }

    fn words(notice: Notice, gateway: &Gateway, library: &Library) -> Option<String> {
        notice.words(gateway, &Values::new(&elm(library.clone()), QUEUE, now()))
    }

    /// Septets a text takes in the GSM 7 bit default alphabet (TS 23.038 §6.2.1); `None` if it
    /// does not fit it.
    fn septets(text: &str) -> Option<usize> {
        text.chars()
            .map(|c| match c {
                'A'..='Z' | 'a'..='z' | '0'..='9' | ' ' | '\n' => Some(1),
                '.' | ',' | ';' | ':' | '!' | '?' | '&' | '-' | '/' | '\'' | '(' | ')' | '@' => {
                    Some(1)
                }
                '{' | '}' | '[' | ']' | '~' | '\\' | '^' | '|' => Some(2),
                _ => None,
            })
            .sum()
    }

    #[test]
    fn every_default_is_one_segment() {
        let mut plan = elm(full());
        let queue = &mut plan.queues[0];
        // The longest an opening is told: a week off, and not on the hour.
        queue.calendar = Calendar {
            hours: Some("Mon 10:30-11:00".parse().unwrap()),
            holidays: [2, 9]
                .into_iter()
                .map(|day| (jiff::civil::date(2026, 3, day), "closed".parse().unwrap()))
                .collect(),
        };
        queue.fallback = Some(Fallback {
            queue: QueueId(2),
            after: Fallback::AFTER,
        });
        plan.queues.push(Queue {
            title: Some("Oak Library!".into()),
            ..Queue::new(QueueId(2), "oak")
        });
        for kind in [GatewayKind::Sms, GatewayKind::Im, GatewayKind::Widget] {
            let gateway = gateway(kind, &[]);
            for notice in Notice::ALL {
                let words = notice.preview(&plan, &gateway, None, now()).unwrap();
                let septets = septets(&words).unwrap();
                assert!(septets <= 160, "{septets}: {words}");
                assert!(!words.contains('{'), "{words}");
                let mut values = Values::new(&plan, QUEUE, now());
                values.open = true;
                if let Some(words) = notice.words(&gateway, &values) {
                    assert!(septets_of(&words) <= 160, "{words}");
                }
            }
        }
        let closed = Notice::Closed.preview(&plan, &gateway(GatewayKind::Sms, &[]), None, now());
        assert_eq!(
            closed.as_deref(),
            Some(
                "Elm Library! is closed now. Your text is saved. A librarian will reply after we \
                 open Mon Mar 16 10:30am. Urgent? Call 555-0100. Reply STOP to opt out."
            )
        );
    }

    /// The table that librarians were given, word for word.
    #[test]
    fn every_default_says_what_it_was_agreed_to_say() {
        let mut plan = elm(full());
        plan.library.name = "Elm".into();
        plan.queues[0].calendar.hours = "Mon-Fri 9:00-17:00".parse().ok();
        let line = gateway(GatewayKind::Sms, &[]);
        for (notice, said) in [
            (
                Notice::Closed,
                "Elm is closed now. Your text is saved. A librarian will reply after we open Mon \
                 9am. Urgent? Call 555-0100. Reply STOP to opt out.",
            ),
            (
                Notice::Waiting,
                "Elm: got it. Our librarians are helping others; one will text you back soon. In \
                 a hurry? Call 555-0100.",
            ),
            (
                Notice::Stopped,
                "Elm: you are opted out and will get no more texts from us. Text START to opt \
                 back in.",
            ),
            (
                Notice::Help,
                "Elm text line: ask us anything. elm.example/hours or call 555-0100. Msg&data \
                 rates may apply. STOP to opt out, FORGET to erase your texts.",
            ),
            (
                Notice::Forgotten,
                "Elm: your texts and number are erased from our system. Copies on your phone and \
                 with your carrier remain.",
            ),
            (
                Notice::Picture,
                "Elm: this line can't open pictures. Please describe it in a text or email \
                 ask@elm.example",
            ),
            (
                Notice::Refused,
                "Chat is offline. Elm did not keep this text. We open Mon 9am; please text again \
                 then or call 555-0100.",
            ),
            (
                Notice::Outage,
                "Elm: sorry, our text line was down 2pm-4:30pm. We have your message and will \
                 reply today.",
            ),
            (
                Notice::Rollover,
                "Elm: partner librarians at Oak County can help now; they may not know our \
                 shelves. They won't see your number. Reply NO to wait for us.",
            ),
            (
                Notice::Started,
                "Elm: thanks, you are opted back in. Text us a question any time.",
            ),
            (
                Notice::Staff,
                "Textline: 4 texts waiting, oldest 14 h, nobody signed in. Sign in at \
                 http://desk.example.org/",
            ),
        ] {
            let words = notice.preview(&plan, &line, None, now());
            assert_eq!(words.as_deref(), Some(said), "{notice:?}");
        }
    }

    fn septets_of(words: &str) -> usize {
        septets(words).unwrap()
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
        let sms = gateway(GatewayKind::Sms, &[]);
        for (notice, library, said) in [
            (
                Notice::Closed,
                &bare,
                "Elm is closed now. Your text is saved. Reply STOP to opt out.",
            ),
            (
                Notice::Closed,
                &urgent,
                "Elm is closed now. Your text is saved. Urgent? Call 555-0100. Reply STOP to opt \
                 out.",
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
                "Elm text line: ask us anything, or call 555-0100. Msg&data rates may apply. \
                 STOP to opt out, FORGET to erase your texts.",
            ),
            (
                Notice::Refused,
                &urgent,
                "Chat is offline. Elm did not keep this text. Please call 555-0100.",
            ),
            (
                Notice::Picture,
                &bare,
                "Elm: this line can't open pictures. Please describe it in a text.",
            ),
            (
                Notice::Started,
                &Library::default(),
                "The library: thanks, you are opted back in. Text us a question any time.",
            ),
        ] {
            assert_eq!(words(notice, &sms, library).as_deref(), Some(said));
        }
    }

    /// Every combination of what a library may have told us: no notice loses its promise, says
    /// half a sentence or names what nobody knows.
    #[test]
    fn whatever_is_missing_takes_no_promise_with_it() {
        /// What each notice to a texting patron says in every case.
        fn promise(notice: Notice) -> &'static [&'static str] {
            match notice {
                Notice::Closed => &["Your text is saved.", "Reply STOP to opt out."],
                Notice::Waiting => &["got it.", "will text you back soon."],
                Notice::Stopped => &["you are opted out", "Text START to opt back in."],
                Notice::Help => &["ask us anything", "STOP to opt out", "FORGET to erase"],
                Notice::Forgotten => &["are erased from our system."],
                Notice::Picture => &["can't open pictures.", "Please describe it in a text"],
                Notice::Refused => &["Chat is offline.", "did not keep this text.", "lease"],
                Notice::Outage => &["We have your message and will reply today."],
                Notice::Rollover => &["They won't see your number.", "Reply NO to wait for us."],
                Notice::Started => &["you are opted back in."],
                Notice::Staff => &[],
                Notice::Confirm => &["Reply FORGET again to erase everything."],
            }
        }
        let sms = gateway(GatewayKind::Sms, &[]);
        for present in 0..16_u8 {
            let has = |bit: u8, value: &str| (present >> bit & 1 == 1).then(|| value.to_owned());
            let mut plan = elm(Library {
                name: "Elm".into(),
                urgent: has(0, "555-0100"),
                email: has(1, "ask@elm.example"),
                hours_link: has(2, "elm.example/hours"),
                ..Library::default()
            });
            if present >> 3 & 1 == 1 {
                plan.queues[0].calendar.hours = "Mon-Fri 9:00-17:00".parse().ok();
            }
            let mut values = Values::new(&plan, QUEUE, now());
            for (name, value) in [("from", "2pm"), ("to", "4:30pm"), ("partner", "Oak County")] {
                values.set(name, Some(value.into()));
            }
            for notice in Notice::ALL {
                let Some(words) = notice.words(&sms, &values) else {
                    assert_eq!(notice, Notice::Staff);
                    continue;
                };
                for promise in promise(notice) {
                    assert!(words.contains(promise), "{notice:?} {present:04b}: {words}");
                }
                let whole = !words.contains(['{', '}']) && !words.contains("  ");
                assert!(whole, "{notice:?} {present:04b}: {words}");
                assert!(
                    septets_of(&words) <= 160,
                    "{notice:?} {present:04b}: {words}"
                );
            }
        }
    }

    #[test]
    fn a_gateway_has_its_own_wording_of_every_notice() {
        for (own, said) in [
            ("Back at nine. Mail {email}.", Some("Back at nine.")),
            ("{library} sleeps", Some("Elm sleeps")),
            ("", None),
            ("   ", None),
            ("Call {urgent}", None),
            ("{} {Open} {open", Some("{} {Open} {open")),
        ] {
            let library = Library {
                name: "Elm".into(),
                ..Library::default()
            };
            let plain = gateway(GatewayKind::Sms, &[]);
            for notice in Notice::ALL {
                let gateway = gateway(GatewayKind::Sms, &[(notice, own)]);
                assert_eq!(words(notice, &gateway, &library).as_deref(), said);
                for other in Notice::ALL.into_iter().filter(|other| *other != notice) {
                    let usual = words(other, &plain, &library);
                    assert_eq!(words(other, &gateway, &library), usual);
                }
            }
        }
    }

    #[test]
    fn chat_patrons_are_told_that_chat_is_offline() {
        for kind in [GatewayKind::Im, GatewayKind::Widget] {
            let said = words(Notice::Refused, &gateway(kind, &[]), &full());
            assert_eq!(said.as_deref(), Some("Chat is offline"));
        }
    }

    #[test]
    fn values_do_not_make_sentences() {
        let library = Library {
            name: "St. Mary".into(),
            ..Library::default()
        };
        assert_eq!(
            words(Notice::Closed, &gateway(GatewayKind::Sms, &[]), &library).as_deref(),
            Some("St. Mary is closed now. Your text is saved. Reply STOP to opt out.")
        );
    }

    #[test]
    fn a_desk_nobody_is_at_is_not_called_closed_while_the_library_is_open() {
        let mut plan = elm(full());
        plan.queues[0].calendar.hours = Some("daily 0:00-24:00".parse().unwrap());
        let values = Values::new(&plan, QUEUE, now());
        for kind in [GatewayKind::Sms, GatewayKind::Im, GatewayKind::Widget] {
            let said = Notice::Closed.words(&gateway(kind, &[]), &values).unwrap();
            assert!(
                said.contains("nobody is at our") && !said.contains("closed"),
                "{said}"
            );
            let own = gateway(kind, &[(Notice::Closed, "Soon. After {opening}.")]);
            assert_eq!(
                Notice::Closed.words(&own, &values).as_deref(),
                Some("Soon.")
            );
        }
    }

    #[test]
    fn a_branch_is_called_by_its_own_title() {
        let mut plan = elm(full());
        plan.queues[0].title = Some("Elm West".into());
        let said = Notice::Started.words(
            &gateway(GatewayKind::Sms, &[]),
            &Values::new(&plan, QUEUE, now()),
        );
        assert!(said.unwrap().starts_with("Elm West: thanks"));
    }

    #[test]
    fn names_a_notice_knows_nothing_of_are_found() {
        for (notice, words, unknown) in [
            (Notice::Closed, "Back {opening} {library}", None),
            (Notice::Closed, "Back {hours}", Some("hours")),
            (Notice::Help, "Back {opening}", Some("opening")),
            (Notice::Staff, "{n} wait, {age}, {url}", None),
            (Notice::Help, "{} {Library} {open", None),
        ] {
            assert_eq!(unknown_name(notice, words), unknown, "{words}");
        }
        for notice in Notice::ALL {
            assert_eq!(Notice::from_word(notice.word()), Some(notice));
            for kind in [GatewayKind::Sms, GatewayKind::Im, GatewayKind::Widget] {
                assert_eq!(unknown_name(notice, notice.default_wording(kind)), None);
            }
        }
    }
}
