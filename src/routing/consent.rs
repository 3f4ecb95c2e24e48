//! Words that are wishes about texting itself (clause 9).

/// What a whole message asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// No more texts.
    Stop,
    /// Texts again.
    Start,
    /// What is this.
    Help,
    /// Erase everything.
    Forget,
}

/// Letters and digits of the longest word that means something, with room to spare: whatever is
/// longer is read no further.
const WORD_MAX: usize = 24;

/// The wish a message is, if the whole of it is one: capitals, spaces and punctuation do not
/// matter.
pub(super) fn word(body: &str) -> Option<Word> {
    match bare(body)?.as_str() {
        "STOP" | "QUIT" | "END" | "REVOKE" | "OPTOUT" | "CANCEL" | "UNSUBSCRIBE" => {
            Some(Word::Stop)
        }
        "START" => Some(Word::Start),
        "HELP" => Some(Word::Help),
        "FORGET" => Some(Word::Forget),
        _ => None,
    }
}

/// Whether the whole message is an opt-out.
pub fn means_stop(body: &str) -> bool {
    word(body) == Some(Word::Stop)
}

/// Whether the whole message declines what was offered (M9).
pub(super) fn is_no(body: &str) -> bool {
    bare(body).is_some_and(|bare| matches!(bare.as_str(), "NO" | "NOTHANKS" | "NOTHANKYOU"))
}

/// Whether the words sound like an opt-out without being one, so that a person should read them
/// as such.
///
/// Meant to err towards yes: a flag costs a glance, a missed wish costs the patron's trust.
pub(super) fn sounds_like_stop(body: &str) -> bool {
    if let Some(bare) = bare(body)
        && matches!(
            bare.as_str(),
            "FORGETME" | "STOPALL" | "ALTO" | "PARAR" | "PARE" | "BASTA" | "ARRET"
        )
    {
        return true;
    }
    let words: Vec<String> = words(body).take(READ_MAX).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let has = |pattern: &[&[&str]]| {
        words.windows(pattern.len()).any(|window| {
            window
                .iter()
                .zip(pattern)
                .all(|(word, any)| any.contains(word))
        })
    };
    const ENDING: &[&str] = &["stop", "quit", "cease", "end", "cancel"];
    const TEXTS: &[&str] = &[
        "texting",
        "texts",
        "text",
        "messaging",
        "messages",
        "message",
        "sms",
        "sending",
        "contacting",
        "bothering",
        "spamming",
        "spam",
    ];
    const NOT: &[&str] = &["not", "dont", "never"];
    const REACHING: &[&str] = &["text", "message", "contact", "send", "write"];
    // "please stop", "STOP it now": so few words can hardly be about a bus stop.
    (words.len() <= 4 && words.contains(&"stop"))
        || words
            .iter()
            .any(|word| matches!(*word, "unsubscribe" | "unsubscribed" | "optout" | "revoke"))
        || has(&[&["opt", "opting"], &["out"]])
        || has(&[ENDING, TEXTS])
        || has(&[
            ENDING,
            &["these", "the", "your", "all", "any", "with", "with the"],
            TEXTS,
        ])
        || has(&[NOT, REACHING, &["me", "this", "us", "any"]])
        || has(&[NOT, &["want"], &["texts", "messages", "these", "any"]])
        || has(&[&["no"], &["more"], TEXTS])
        || has(&[&["remove", "delete"], &["me", "my"]])
        || has(&[&["take"], &["me"], &["off"]])
        || has(&[&["leave"], &["me"], &["alone"]])
        || has(&[&["forget", "erase"], &["me", "my"]])
        || has(&[&["wrong"], &["number"]])
}

/// Words of a message that are read for a near-miss; a wish to stop comes early.
const READ_MAX: usize = 64;

/// Letters and digits alone, in capitals; `None` if there are none or too many.
fn bare(body: &str) -> Option<String> {
    let mut bare = String::new();
    let letters = body.chars().filter(|c| c.is_alphanumeric());
    for (n, upper) in letters.flat_map(char::to_uppercase).enumerate() {
        if n == WORD_MAX {
            return None;
        }
        bare.push(upper);
    }
    (!bare.is_empty()).then_some(bare)
}

/// The words in lower case; apostrophes vanish, so that *don't* is one word.
fn words(body: &str) -> impl Iterator<Item = String> {
    body.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '\u{2019}')
        .filter(|word| !word.is_empty())
        .map(|word| {
            word.chars()
                .filter(|c| c.is_alphanumeric())
                .flat_map(char::to_lowercase)
                .collect()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_messages_are_wishes() {
        for (body, wish) in [
            ("STOP", Some(Word::Stop)),
            ("stop", Some(Word::Stop)),
            (" Stop. ", Some(Word::Stop)),
            ("s t o p!!!", Some(Word::Stop)),
            ("\u{201c}STOP\u{201d}", Some(Word::Stop)),
            ("quit", Some(Word::Stop)),
            ("End", Some(Word::Stop)),
            ("revoke", Some(Word::Stop)),
            ("Opt out", Some(Word::Stop)),
            ("opt-out", Some(Word::Stop)),
            ("OPTOUT", Some(Word::Stop)),
            ("cancel", Some(Word::Stop)),
            ("Unsubscribe\n", Some(Word::Stop)),
            ("start", Some(Word::Start)),
            ("Help?", Some(Word::Help)),
            ("stop please", None),
            ("please stop texting me", None),
            ("the end", None),
            ("start over", None),
            ("help me find a book", None),
            ("FORGET", Some(Word::Forget)),
            ("forget.", Some(Word::Forget)),
            ("forget me", None),
            ("forget it", None),
            ("", None),
            ("...", None),
            ("STOPSTOPSTOPSTOPSTOPSTOPSTOP", None),
        ] {
            assert_eq!(word(body), wish, "{body:?}");
        }
    }

    #[test]
    fn near_misses_are_flagged() {
        for (body, near) in [
            ("please stop texting me", true),
            ("Stop please", true),
            ("can you stop sending me these", true),
            ("Don't text me again", true),
            ("don\u{2019}t message us", true),
            ("do not contact me", true),
            ("I want to opt out of this", true),
            ("unsubscribe me", true),
            ("no more texts!", true),
            ("remove my number", true),
            ("take me off your list", true),
            ("quit messaging", true),
            ("stop these messages at once or I'll call the police", true),
            ("forget me please", true),
            ("wrong number", true),
            ("alto", true),
            ("Is my book in?", false),
            (
                "Which bus stop is closest to the library on Elm street",
                false,
            ),
            ("how does the novel end", false),
            ("Can you send me the reading list", false),
            ("", false),
        ] {
            assert_eq!(sounds_like_stop(body), near, "{body:?}");
        }
    }
}
