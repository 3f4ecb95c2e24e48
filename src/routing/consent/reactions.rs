//! Reactions: what a telephone writes when its owner taps a heart on one of our texts.
//!
//! iPhones say it in words of the telephone's language and quote the text; Google Messages says
//! `👍 to “…”` with hair spaces and marks that take no room. Neither is a question.

use super::fold;

/// A mark beside a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::routing) struct Reaction {
    /// What is shown: 👍, or the emoji that was sent.
    pub(in crate::routing) mark: String,
    /// The mark is taken back.
    pub(in crate::routing) removed: bool,
    /// The text it is for, as it was quoted; `None` for *an image* and the like.
    pub(in crate::routing) quoted: Option<String>,
}

/// Characters of an emoji with its joiners, at most: families of seven and flags fit.
const EMOJI_MAX: usize = 16;

/// What telephones write before the quote, folded, and the mark it means.
const LEADS: &[(&str, &str)] = &[
    ("loved", "❤️"),
    ("liked", "👍"),
    ("disliked", "👎"),
    ("laughed at", "😂"),
    ("emphasized", "‼️"),
    ("emphasised", "‼️"),
    ("questioned", "❓"),
    ("le encanto", "❤️"),
    ("le encanta", "❤️"),
    ("le gusta", "👍"),
    ("le gusto", "👍"),
    ("no le gusto", "👎"),
    ("le dio risa", "😂"),
    ("se rio de", "😂"),
    ("se rio con", "😂"),
    ("exclamo por", "‼️"),
    ("enfatizo", "‼️"),
    ("destaco", "‼️"),
    ("dudo sobre", "❓"),
    ("cuestiono", "❓"),
    ("pregunto por", "❓"),
    ("a adore", "❤️"),
    ("a aime", "👍"),
    ("n'a pas aime", "👎"),
    ("a ri de", "😂"),
    ("a ri a", "😂"),
    ("a mis en evidence", "‼️"),
    ("a souligne", "‼️"),
    ("a insiste sur", "‼️"),
    ("s'interroge sur", "❓"),
    ("a questionne", "❓"),
    ("a pose une question sur", "❓"),
    ("a attribue la mention « adore » a", "❤️"),
    ("a attribue la mention « j'aime » a", "👍"),
    ("a attribue la mention « je n'aime pas » a", "👎"),
    ("a attribue la mention « ha ha » a", "😂"),
    ("a attribue la mention « haha » a", "😂"),
    ("a attribue la mention « !! » a", "‼️"),
    ("a attribue la mention « ? » a", "❓"),
];

/// The same for a mark that is taken back.
const REMOVALS: &[(&str, &str)] = &[
    ("removed a heart from", "❤️"),
    ("removed a like from", "👍"),
    ("removed a dislike from", "👎"),
    ("removed a laugh from", "😂"),
    ("removed an exclamation from", "‼️"),
    ("removed an emphasis from", "‼️"),
    ("removed a question from", "❓"),
    ("removed a question mark from", "❓"),
    ("quito un me encanta de", "❤️"),
    ("quito un corazon de", "❤️"),
    ("quito un me gusta de", "👍"),
    ("quito un no me gusta de", "👎"),
    ("quito una risa de", "😂"),
    ("quito una exclamacion de", "‼️"),
    ("quito un signo de interrogacion de", "❓"),
    ("a retire un j'adore de", "❤️"),
    ("a retire un coeur de", "❤️"),
    ("a retire un j'aime de", "👍"),
    ("a supprime un coeur de", "❤️"),
    ("a supprime un j'aime de", "👍"),
    ("a supprime la mention « j'aime » de", "👍"),
    ("a supprime la mention « adore » de", "❤️"),
];

/// What stands around an emoji that telephones name themselves: before it, and between it and the
/// quote.
const NAMED: &[(&str, &str, bool)] = &[
    ("reacted", "to", false),
    ("reacted with", "to", false),
    ("removed", "from", true),
    ("reaccionó con", "a", false),
    ("reaccionó con", "en", false),
    ("quitó", "de", true),
    ("a réagi avec", "à", false),
    ("a réagi par", "à", false),
    ("a supprimé", "de", true),
    ("a retiré", "de", true),
    ("", "to", false),
    ("", "a", false),
    ("", "en", false),
    ("", "à", false),
];

/// What is reacted to when it has no words.
const WORDLESS: &[&str] = &[
    "an image",
    "a photo",
    "a picture",
    "a movie",
    "a video",
    "an attachment",
    "an audio message",
    "a gif",
    "a sticker",
    "a location",
    "a contact",
    "una imagen",
    "una foto",
    "un video",
    "un vídeo",
    "un archivo adjunto",
    "un mensaje de audio",
    "une image",
    "une photo",
    "une vidéo",
    "un message audio",
    "une pièce jointe",
];

/// The reaction a text is, if the whole of it has the form of one.
pub(in crate::routing) fn read(body: &str) -> Option<Reaction> {
    let seen: String = body
        .chars()
        .filter(|c| !fold::is_unseen_but_joined(*c))
        .collect();
    let text = seen.trim();
    let (lead, quoted) = match quote(text) {
        Some((lead, quoted)) => (lead, Some(quoted.to_owned())),
        None => (without_words(text)?, None),
    };
    let folded = plain(lead);
    let known = |leads: &[(&str, &str)], removed| {
        leads
            .iter()
            .find(|(words, _)| *words == folded)
            .map(|(_, mark)| ((*mark).to_owned(), removed))
    };
    let (mark, removed) = known(LEADS, false)
        .or_else(|| known(REMOVALS, true))
        .or_else(|| emoji(lead))?;
    Some(Reaction {
        mark,
        removed,
        quoted,
    })
}

/// Letters of a quote that is cut short, at least: fewer would be the beginning of many texts.
const CUT_MIN: usize = 4;

/// Whether words are what a reaction quotes: whole, or cut short with an ellipsis. Telephones fold
/// spaces, quotes and line ends as they like, so that only letters and digits are compared; of words
/// that have none, their signs.
pub(in crate::routing) fn quotes(quoted: &str, words: &str) -> bool {
    let bare = |text: &str| -> String {
        let folded = fold::letters(text);
        let letters: String = folded.chars().filter(|c| c.is_alphanumeric()).collect();
        match letters.is_empty() {
            false => letters,
            true => folded.chars().filter(|c| !c.is_whitespace()).collect(),
        }
    };
    let cut = quoted
        .trim_end()
        .strip_suffix('…')
        .or_else(|| quoted.trim_end().strip_suffix("..."));
    let words = bare(words);
    let begins = |cut: &str| {
        let cut = bare(cut);
        cut.chars().count() >= CUT_MIN && words.starts_with(&cut)
    };
    !words.is_empty() && (bare(quoted) == words || cut.is_some_and(begins))
}

/// Whether two marks are the same one, however it is dressed.
pub(in crate::routing) fn is_same(one: &str, other: &str) -> bool {
    let plain = |mark: &str| -> String { mark.chars().filter(|c| !fold::is_unseen(*c)).collect() };
    plain(one) == plain(other)
}

/// Whether a text is nothing but emoji: one tap, no question.
pub(in crate::routing) fn is_emoji_alone(body: &str) -> bool {
    let seen = body.chars().filter(|c| !c.is_whitespace());
    let mut any = false;
    for character in seen {
        if is_pictograph(character) {
            any = true;
        } else if !(fold::is_unseen(character) || is_emoji_part(character)) {
            return false;
        }
    }
    any
}

/// Whether a text says thanks and nothing else.
pub(in crate::routing) fn is_thanks_alone(body: &str) -> bool {
    const THANKS: &[&str] = &[
        "thanks",
        "thankyou",
        "thankyousomuch",
        "thankssomuch",
        "thanksalot",
        "manythanks",
        "ty",
        "thx",
        "tysm",
        "thanksagain",
        "okthanks",
        "okthankyou",
        "okaythanks",
        "okaythankyou",
        "greatthanks",
        "greatthankyou",
        "perfectthanks",
        "perfectthankyou",
        "awesomethanks",
        "gotitthanks",
        "gotitthankyou",
        "cheers",
        "gracias",
        "muchasgracias",
        "milgracias",
        "merci",
        "mercibeaucoup",
        "danke",
        "vielendank",
        "dankeschon",
        "obrigado",
        "obrigada",
        "grazie",
        "graziemille",
        "bedankt",
        "dankjewel",
        "dziekuje",
        "спасибо",
        "дякую",
        "ευχαριστω",
        "tesekkurler",
        "شكرا",
        "谢谢",
        "謝謝",
        "ありがとう",
        "ありがとうございます",
        "감사합니다",
        "고마워요",
        "camon",
        "mesi",
    ];
    let folded = fold::letters(body);
    fold::bare(fold::own_words(&folded), 40).is_some_and(|bare| THANKS.contains(&bare.as_str()))
}

/// What stands before the quote that ends a text, and the quote. The closing sign may have been
/// cut off with the end of a long quote.
fn quote(text: &str) -> Option<(&str, &str)> {
    const PAIRS: [(char, &[char]); 6] = [
        ('\u{201c}', &['\u{201d}', '\u{201c}', '"']),
        ('\u{201e}', &['\u{201c}', '\u{201d}']),
        ('"', &['"', '\u{201d}']),
        ('«', &['»']),
        ('\u{2018}', &['\u{2019}']),
        ('「', &['」']),
    ];
    // The first sign that opens a quote which reaches to the end; French leads quote a word first.
    text.char_indices().find_map(|(at, open)| {
        let (_, closes) = PAIRS.iter().find(|(sign, _)| *sign == open)?;
        let lead = text[..at].trim();
        let rest = &text[at + open.len_utf8()..];
        let end = rest.trim_end();
        let quoted = match end.strip_suffix(*closes) {
            Some(quoted) => quoted,
            None if end.ends_with('…') || end.ends_with("...") => end,
            None => return None,
        };
        let inner = quoted.trim();
        // `« Adore » à « … »`: the lead goes on to the last quote.
        if open == '«' && inner.contains('»') {
            return None;
        }
        (!lead.is_empty() && !inner.is_empty()).then_some((lead, inner))
    })
}

/// What stands before *an image* and the like.
fn without_words(text: &str) -> Option<&str> {
    let lower = text.to_lowercase();
    let text = text.trim_end_matches('.');
    WORDLESS.iter().find_map(|what| {
        let at = lower.trim_end_matches('.').strip_suffix(what)?.len();
        let lead = text.get(..at)?;
        lead.ends_with(char::is_whitespace)
            .then(|| lead.trim_end())
            .filter(|lead| !lead.is_empty())
    })
}

/// A lead in the form of the tables: folded, one kind of apostrophe, no space inside quotes.
fn plain(lead: &str) -> String {
    let straight = lead.replace(['\u{2019}', '\u{2bc}'], "'");
    let folded = fold::letters(&straight);
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `Reacted 😂 to`, `👍 to`: the emoji, and whether it is taken back.
fn emoji(lead: &str) -> Option<(String, bool)> {
    let words: Vec<&str> = lead.split_whitespace().collect();
    NAMED.iter().find_map(|(before, after, removed)| {
        let before: Vec<&str> = before.split_whitespace().collect();
        let inner = words.strip_prefix_folded(&before)?;
        let (last, inner) = inner.split_last()?;
        if plain(last) != plain(after) {
            return None;
        }
        let mark = inner.concat();
        let is_mark = is_emoji_alone(&mark) && mark.chars().count() <= EMOJI_MAX;
        is_mark.then_some((mark, *removed))
    })
}

trait StripFolded<'a> {
    fn strip_prefix_folded(&self, prefix: &[&str]) -> Option<&[&'a str]>;
}

impl<'a> StripFolded<'a> for Vec<&'a str> {
    /// What follows these words, in any case and with or without accents.
    fn strip_prefix_folded(&self, prefix: &[&str]) -> Option<&[&'a str]> {
        let begins = self.len() >= prefix.len()
            && self
                .iter()
                .zip(prefix)
                .all(|(one, other)| plain(one) == plain(other));
        begins.then(|| &self[prefix.len()..])
    }
}

/// Emoji, by the blocks they stand in (Unicode 16, `emoji-data`).
fn is_pictograph(c: char) -> bool {
    matches!(
        c,
        '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2194}'..='\u{21aa}'
            | '\u{231a}'..='\u{23ff}' | '\u{24c2}' | '\u{25aa}'..='\u{25fe}'
            | '\u{2600}'..='\u{27bf}' | '\u{2934}' | '\u{2935}' | '\u{2b05}'..='\u{2b55}'
            | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}' | '\u{1f000}'..='\u{1faff}'
    )
}

/// What belongs to an emoji without being one: the keycap, and the hearts typed without one.
fn is_emoji_part(c: char) -> bool {
    matches!(c, '\u{20e3}' | '!' | '.')
}
