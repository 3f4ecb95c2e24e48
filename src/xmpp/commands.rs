//! What operators may ask the desk for: the table of commands, and the words that ask. Words to a
//! queue's address begin with `!`, since some clients have no commands and others keep `/` to
//! themselves.

use crate::routing::Act;

/// The commands: name, what it does, and the fields its form asks for.
pub(super) const COMMANDS: [(&str, &str, &[Field]); 13] = [
    ("who", "Who is here", &[]),
    ("waiting", "What waits", &[]),
    ("take", "Take a conversation", &[Field::Patron]),
    (
        "release",
        "Give a conversation back to its queue",
        &[Field::Patron],
    ),
    ("close", "Close a conversation", &[Field::Patron]),
    (
        "transfer",
        "Hand a conversation over",
        &[Field::Patron, Field::To, Field::Note],
    ),
    (
        "note",
        "Write a note to colleagues",
        &[Field::Patron, Field::Note],
    ),
    (
        "canned",
        "Answer with a canned reply",
        &[Field::Key, Field::Patron],
    ),
    ("block", "Block a sender for a day", &[Field::Patron]),
    ("unblock", "Lift a block", &[Field::Patron]),
    ("optout", "Opt a patron out of texts", &[Field::Patron]),
    ("reveal", "See the number behind a name", &[Field::Patron]),
    ("help", "What can be asked for", &[]),
];

/// What a command does to a conversation, where it needs no more than a note, and what is said when it
/// is done.
pub(super) fn act(command: &str, note: String) -> Option<(Act, &'static str)> {
    Some(match command {
        "take" => (Act::Claim, "It is yours: write to the patron."),
        "release" => (Act::Release, "It is back in the queue."),
        "close" => (Act::Close, "It is closed."),
        "note" => (
            Act::Note(note),
            "Your colleagues see it; the patron does not.",
        ),
        "block" => (Act::Block, "Nothing from this sender is shown for a day."),
        "unblock" => (Act::Unblock, "This sender is heard again."),
        "optout" => (
            Act::OptOut,
            "This patron gets no more texts from us, until they text START.",
        ),
        "reveal" => (Act::Reveal, "That you looked is on record."),
        _ => return None,
    })
}

pub(super) const HELP: &str = "\
!who: who is here
!waiting: what waits, and what you answer
!take NAME: answer it yourself, without writing yet
!release NAME: give it back to the queue
!close NAME: done
!transfer NAME COLLEAGUE-OR-QUEUE [NOTE]: hand it over
!note NAME WORDS: for colleagues; the patron does not see it
!canned: the canned replies; !canned KEY NAME: answer with one
!block NAME, !unblock NAME: nothing from this sender for a day, or again
!optout NAME: no more texts to the patron; only their own START undoes it
!reveal NAME: the number behind the name; that you looked is on record
NAME is the patron's, such as heron-42; leave it out if you answer only one. \
To answer a patron, write to the patron.";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Patron,
    To,
    Note,
    Key,
}

impl Field {
    pub(super) fn name(self) -> &'static str {
        match self {
            Field::Patron => "patron",
            Field::To => "to",
            Field::Note => "note",
            Field::Key => "key",
        }
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Field::Patron => "Whose",
            Field::To => "To a colleague or a queue",
            Field::Note => "What colleagues should know",
            Field::Key => "Which canned reply",
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) command: &'static str,
    pub(super) patron: Option<String>,
    pub(super) to: Option<String>,
    pub(super) note: String,
    /// Of a canned reply.
    pub(super) key: Option<String>,
}

pub(super) fn known(name: &str) -> Option<&'static (&'static str, &'static str, &'static [Field])> {
    COMMANDS.iter().find(|(known, ..)| *known == name)
}

/// Whether words to a patron are a command gone astray.
pub(super) fn looks_like_one(words: &str) -> bool {
    let first = words.split_whitespace().next().unwrap_or_default();
    first
        .strip_prefix('!')
        .is_some_and(|name| known(&name.to_lowercase()).is_some())
}

/// Reads `!take heron-42`.
pub(super) fn parse(words: &str) -> Option<Asked> {
    let mut parts = words.split_whitespace();
    let name = parts.next()?.strip_prefix('!')?.to_lowercase();
    let (command, _, fields) = known(&name)?;
    let mut rest: Vec<&str> = parts.collect();
    let mut asked = Asked {
        command,
        patron: None,
        to: None,
        note: String::new(),
        key: None,
    };
    if fields.contains(&Field::Key) && !rest.is_empty() {
        asked.key = Some(rest.remove(0).to_lowercase());
    }
    if fields.contains(&Field::Patron) && !rest.is_empty() {
        // `!transfer ben` and `!note on the cart` leave the name out, with one conversation.
        let free = fields.contains(&Field::Note);
        if !free || rest.first().is_some_and(|word| names_a_patron(word)) {
            asked.patron = Some(rest.remove(0).trim_start_matches('~').to_lowercase());
        }
    }
    if fields.contains(&Field::To) && !rest.is_empty() {
        asked.to = Some(rest.remove(0).to_lowercase());
    }
    if fields.contains(&Field::Note) {
        asked.note = rest.join(" ");
    }
    Some(asked)
}

/// Whether a word looks like `heron-42`, or like the address made of it.
fn names_a_patron(word: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    word.starts_with('~')
        || word
            .split_once('-')
            .is_some_and(|(_, number)| digits(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_commands() {
        let asked = |command, patron: Option<&str>, to: Option<&str>, note: &str| {
            Some(Asked {
                command,
                patron: patron.map(str::to_owned),
                to: to.map(str::to_owned),
                note: note.to_owned(),
                key: None,
            })
        };
        for (words, wanted) in [
            ("!who", asked("who", None, None, "")),
            ("  !Waiting now", asked("waiting", None, None, "")),
            ("!take Heron-42", asked("take", Some("heron-42"), None, "")),
            (
                "!close ~heron-42",
                asked("close", Some("heron-42"), None, ""),
            ),
            ("!close", asked("close", None, None, "")),
            (
                "!transfer heron-42 ben knows the shelves",
                asked(
                    "transfer",
                    Some("heron-42"),
                    Some("ben"),
                    "knows the shelves",
                ),
            ),
            ("!transfer ben", asked("transfer", None, Some("ben"), "")),
            (
                "!note heron-42 on the cart",
                asked("note", Some("heron-42"), None, "on the cart"),
            ),
            (
                "!note follow-up is due",
                asked("note", None, None, "follow-up is due"),
            ),
            (
                "!reveal ~Heron-42",
                asked("reveal", Some("heron-42"), None, ""),
            ),
            ("!block", asked("block", None, None, "")),
            ("!canned", asked("canned", None, None, "")),
            (
                "!canned Hours heron-42",
                asked("canned", Some("heron-42"), None, "").map(|asked| Asked {
                    key: Some("hours".into()),
                    ..asked
                }),
            ),
            ("!fly", None),
            ("take heron-42", None),
            ("", None),
        ] {
            assert_eq!(parse(words), wanted, "{words:?}");
        }
    }

    #[test]
    fn only_our_own_commands_are_kept_from_patrons() {
        for (words, is_one) in [
            ("!close", true),
            ("!TRANSFER ben", true),
            ("!note call her", true),
            ("!reveal", true),
            ("! close", false),
            ("!important: bring your card", false),
            ("We close at 6", false),
        ] {
            assert_eq!(looks_like_one(words), is_one, "{words:?}");
        }
    }
}
