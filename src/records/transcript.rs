//! One conversation, written out.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// In which form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// To be read.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
    /// A mailbox (RFC 4155), one message a text, threaded.
    Mbox,
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transcript {
    /// Its id.
    pub conversation: i64,
    /// The patron's shown name; the number only where that was asked for.
    pub patron: String,
    /// The queue it is in.
    pub queue: String,
    /// The queue it came to.
    pub home: String,
    /// The gateway.
    pub gateway: String,
    /// `held`, `waiting`, `claimed`, `closed`.
    pub state: String,
    /// When it began.
    pub opened_at: Timestamp,
    /// Its tags.
    pub tags: Vec<String>,
    /// What was said, in order.
    pub lines: Vec<Line>,
}

/// One thing that was said in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Line {
    /// The message's id; `None` for a note.
    pub message: Option<i64>,
    /// When.
    pub at: Timestamp,
    /// `in`, `out`, or `note` for what the patron never saw.
    #[schema(pattern = "^(in|out|note)$")]
    pub direction: String,
    /// Who: the patron's shown name, an operator, `desk`.
    pub author: String,
    /// `delivered`, `failed`; `None` for a note.
    pub state: Option<String>,
    /// The mark that the patron set beside it.
    pub reaction: Option<String>,
    /// The words.
    pub body: String,
}

impl Transcript {
    /// To be read, in the library's own time.
    pub fn text(&self, zone: &TimeZone) -> String {
        let mut text = format!(
            "Conversation {} with {} ({}, {}), {}\n",
            self.conversation,
            self.patron,
            self.queue,
            self.gateway,
            local(self.opened_at, zone),
        );
        if !self.tags.is_empty() {
            text += &format!("Tags: {}\n", self.tags.join(", "));
        }
        for line in &self.lines {
            let state = match line.state.as_deref() {
                Some(state @ ("failed" | "unknown")) => format!(" [{state}]"),
                Some(_) | None => String::new(),
            };
            let kind = if line.message.is_none() { "note, " } else { "" };
            text += &format!("\n{}  {kind}{}{state}\n", local(line.at, zone), line.author);
            for words in line.body.lines() {
                text += &format!("    {words}\n");
            }
            if let Some(reaction) = &line.reaction {
                text += &format!("    [{reaction} by {}]\n", self.patron);
            }
        }
        text.push('\n');
        text
    }

    /// As a mailbox. Addresses end in `.invalid` (RFC 2606 §2): nobody can answer a record by mistake.
    pub fn mbox(&self, zone: &TimeZone) -> String {
        let mut mbox = String::new();
        let thread = format!("<conversation-{}@callnumber.invalid>", self.conversation);
        let texts = self
            .lines
            .iter()
            .filter_map(|line| Some((line, line.message?)));
        for (n, (line, message)) in texts.enumerate() {
            let (from, to) = match line.direction.as_str() {
                "in" => (line.author.as_str(), self.queue.as_str()),
                _ => (line.author.as_str(), self.patron.as_str()),
            };
            let at = zone.to_datetime(line.at);
            let zoned = line.at.to_zoned(zone.clone());
            let date = jiff::fmt::rfc2822::to_string(&zoned).unwrap_or_default();
            let id = match n {
                0 => thread.clone(),
                _ => format!("<message-{message}@callnumber.invalid>"),
            };
            // asctime, as RFC 4155 has it.
            mbox += &format!(
                "From {from}@callnumber.invalid {}\n",
                at.strftime("%a %b %e %H:%M:%S %Y"),
                from = local_part(from)
            );
            mbox += &format!(
                "From: {} <{}@callnumber.invalid>\n",
                phrase(from),
                local_part(from)
            );
            mbox += &format!(
                "To: {} <{}@callnumber.invalid>\n",
                phrase(to),
                local_part(to)
            );
            mbox += &format!("Date: {date}\nMessage-ID: {id}\n");
            if n > 0 {
                mbox += &format!("In-Reply-To: {thread}\nReferences: {thread}\n");
            }
            mbox += &format!(
                "Subject: Conversation {} with {}\n",
                self.conversation,
                phrase(&self.patron)
            );
            if let Some(state) = &line.state {
                mbox += &format!("X-Callnumber-State: {state}\n");
            }
            if let Some(reaction) = &line.reaction {
                // RFC 2047 §2, for what is no ASCII.
                mbox += &format!("X-Callnumber-Reaction: {}\n", encoded_word(reaction));
            }
            mbox += "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\
                     Content-Transfer-Encoding: 8bit\n\n";
            for words in line.body.lines() {
                // A line of the body is not to begin another message (mboxrd).
                if words.trim_start_matches('>').starts_with("From ") {
                    mbox.push('>');
                }
                mbox += words;
                mbox.push('\n');
            }
            mbox.push('\n');
        }
        mbox
    }
}

/// A few letters of any script in a head of a letter (RFC 2047 §4.2).
fn encoded_word(words: &str) -> String {
    let octets = words.bytes().map(|octet| format!("={octet:02X}"));
    format!("=?utf-8?Q?{}?=", octets.collect::<String>())
}

fn local(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at).strftime("%Y-%m-%d %H:%M").to_string()
}

/// A name as the local part of an address: what is not a letter, digit, `-`, `_` or `.` is dropped.
fn local_part(name: &str) -> String {
    let part: String = name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        .collect();
    match part.trim_matches('.') {
        "" => "patron".into(),
        part => part.to_owned(),
    }
}

/// A name as the phrase before an address.
fn phrase(name: &str) -> String {
    let plain: String = name
        .chars()
        .filter(|c| !c.is_control() && !matches!(c, '"' | '<' | '>' | '\\'))
        .collect();
    if plain
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ' '))
    {
        plain
    } else {
        format!("\"{plain}\"")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn transcript() -> Transcript {
        let line =
            |message, at: &str, direction: &str, author: &str, state: &str, body: &str| Line {
                message,
                at: at.parse().unwrap(),
                direction: direction.into(),
                author: author.into(),
                state: message.map(|_| state.to_owned()),
                reaction: (state == "failed").then(|| "👎".to_owned()),
                body: body.into(),
            };
        Transcript {
            conversation: 7,
            patron: "heron-42".into(),
            queue: "desk".into(),
            home: "desk".into(),
            gateway: "front-desk".into(),
            state: "closed".into(),
            opened_at: "2026-03-02T09:00:00Z".parse().unwrap(),
            tags: vec!["holds".into()],
            lines: vec![
                line(
                    Some(11),
                    "2026-03-02T09:00:00Z",
                    "in",
                    "heron-42",
                    "received",
                    "Is my book in?\nFrom my phone",
                ),
                line(
                    None,
                    "2026-03-02T09:01:00Z",
                    "note",
                    "ana",
                    "",
                    "on the cart",
                ),
                line(
                    Some(12),
                    "2026-03-02T09:02:00Z",
                    "out",
                    "ana",
                    "failed",
                    "Yes. ☺",
                ),
            ],
        }
    }

    #[test]
    fn text_is_to_be_read() {
        let chicago = TimeZone::get("America/Chicago").unwrap();
        assert_eq!(
            transcript().text(&chicago),
            "Conversation 7 with heron-42 (desk, front-desk), 2026-03-02 03:00\n\
             Tags: holds\n\
             \n2026-03-02 03:00  heron-42\n    Is my book in?\n    From my phone\n\
             \n2026-03-02 03:01  note, ana\n    on the cart\n\
             \n2026-03-02 03:02  ana [failed]\n    Yes. ☺\n    [👎 by heron-42]\n\n"
        );
    }

    #[test]
    fn a_mailbox_holds_a_message_for_each_text_and_no_notes() {
        let mbox = transcript().mbox(&TimeZone::UTC);
        assert!(
            mbox.starts_with(
                "From heron-42@callnumber.invalid Mon Mar  2 09:00:00 2026\n\
             From: heron-42 <heron-42@callnumber.invalid>\nTo: desk <desk@callnumber.invalid>\n\
             Date: Mon, 2 Mar 2026 09:00:00 +0000\n\
             Message-ID: <conversation-7@callnumber.invalid>\n"
            ),
            "{mbox}"
        );
        let starts = mbox
            .lines()
            .filter(|line| line.starts_with("From "))
            .count();
        assert_eq!(starts, 2, "{mbox}");
        assert!(mbox.contains("\n>From my phone\n"));
        assert!(!mbox.contains("on the cart"));
        assert!(mbox.contains("In-Reply-To: <conversation-7@callnumber.invalid>"));
        assert!(mbox.contains("X-Callnumber-State: failed"));
        assert!(mbox.contains("X-Callnumber-Reaction: =?utf-8?Q?=F0=9F=91=8E?=\n"));
    }

    #[test]
    fn names_become_addresses_and_phrases() {
        for (name, part, words) in [
            ("heron-42", "heron-42", "heron-42"),
            ("+15551230100", "15551230100", "\"+15551230100\""),
            ("pat@example.org", "patexample.org", "\"pat@example.org\""),
            ("a\r\nBcc: b <c>", "aBccbc", "\"aBcc: b c\""),
            ("名", "patron", "\"名\""),
        ] {
            assert_eq!(
                (local_part(name).as_str(), phrase(name).as_str()),
                (part, words)
            );
        }
    }
}
