//! Words that are wishes about texting itself (clause 9).
//!
//! A text is folded first ([`fold`]): case, accents, width, marks nobody sees, quotes, signature
//! lines. What is left is looked up whole in the words of the languages in force ([`words`]).
//! Reactions of telephones to one of our texts ([`reactions`]) are told apart here as well.

mod fold;
mod laws;
pub(super) mod reactions;
#[cfg(test)]
mod tests;
mod words;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

pub use laws::law;
pub(super) use words::Word;

use words::LANGUAGES;

/// Languages whose words hold, beside English, which always does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Languages(Vec<&'static str>);

impl Languages {
    /// Those that a country's carriers or law ask for beside English.
    pub fn of_country(iso: &str) -> Self {
        Self(match iso {
            "US" | "MX" | "ES" | "AR" | "CL" | "CO" | "PE" | "EC" | "VE" | "UY" | "PY" | "BO"
            | "CR" | "PA" | "GT" | "HN" | "NI" | "SV" | "CU" => vec!["es"],
            "CA" | "FR" | "MC" | "RE" | "GP" | "MQ" | "GF" | "SN" | "CI" => vec!["fr"],
            "BE" => vec!["fr", "nl", "de"],
            "LU" => vec!["fr", "de"],
            "CH" => vec!["de", "fr", "it"],
            "DE" | "AT" | "LI" => vec!["de"],
            "PT" | "BR" | "AO" | "MZ" => vec!["pt"],
            "IT" | "SM" => vec!["it"],
            "NL" | "SR" => vec!["nl"],
            "PL" => vec!["pl"],
            "RU" | "BY" => vec!["ru"],
            "UA" => vec!["uk", "ru"],
            "GR" => vec!["el"],
            "CY" => vec!["el", "tr"],
            "TR" => vec!["tr"],
            "AE" | "SA" | "EG" | "MA" | "DZ" | "TN" | "JO" | "LB" | "IQ" | "KW" | "QA" | "BH"
            | "OM" => vec!["ar"],
            "CN" | "TW" | "HK" | "MO" | "SG" => vec!["zh"],
            "JP" => vec!["ja"],
            "KR" => vec!["ko"],
            "VN" => vec!["vi"],
            "HT" => vec!["ht", "fr"],
            _ => Vec::new(),
        })
    }

    /// These as well. Codes that no words are known for are given back.
    ///
    /// # Errors
    /// The first code that is unknown.
    pub fn and<'a>(mut self, codes: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        for code in codes {
            let known = LANGUAGES
                .iter()
                .find(|language| language.code.eq_ignore_ascii_case(code))
                .ok_or(code)?;
            if !self.0.contains(&known.code) {
                self.0.push(known.code);
            }
        }
        Ok(self)
    }

    /// The codes there are words for (ISO 639).
    pub fn known() -> impl Iterator<Item = &'static str> {
        LANGUAGES.iter().map(|language| language.code)
    }

    /// These and the others.
    pub fn with(mut self, others: &Self) -> Self {
        for code in &others.0 {
            if !self.0.contains(code) {
                self.0.push(code);
            }
        }
        self
    }

    fn hold(&self, code: &str) -> bool {
        code == "en" || self.0.contains(&code)
    }
}

impl<'de> Deserialize<'de> for Languages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let codes = Vec::<String>::deserialize(deserializer)?;
        Self::default()
            .and(codes.iter().map(String::as_str))
            .map_err(|code| {
                let known: Vec<_> = Self::known().collect();
                D::Error::custom(format!(
                    "no words of consent are known in {code:?}: choose of {}",
                    known.join(", ")
                ))
            })
    }
}

/// A wish, and the language it was said in (ISO 639), so that the answer can be in it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wish {
    /// What is asked for.
    pub(super) word: Word,
    /// English where a word is of several languages.
    pub(super) language: &'static str,
}

/// Letters and digits of the longest word that means something, with room to spare: whatever is
/// longer is read no further.
const WORD_MAX: usize = 40;

/// The wish a message is, if the whole of it is one in these languages.
pub(super) fn wish(body: &str, languages: &Languages) -> Option<Wish> {
    let folded = fold::letters(body);
    let own = fold::own_words(&folded);
    said_once(own)
        .into_iter()
        .find_map(|bare| among(&bare, |code| languages.hold(code)))
}

/// The whole message without what parts its letters, and its one word where that is repeated:
/// `stop stop stop`.
fn said_once(own: &str) -> Vec<String> {
    let mut forms = Vec::new();
    forms.extend(fold::bare(own, WORD_MAX));
    let mut words = fold::words(own);
    if let Some(first) = words.next()
        && words.all(|word| word == first)
    {
        forms.push(first);
    }
    forms
}

fn among(bare: &str, holds: impl Fn(&str) -> bool) -> Option<Wish> {
    LANGUAGES
        .iter()
        .filter(|language| holds(language.code))
        .find_map(|language| {
            let word = language.word(bare)?;
            let language = language.code;
            Some(Wish { word, language })
        })
}

/// The form in which a keyword of the library's own is looked up, as a whole message is; `None` for
/// what cannot be one.
pub(super) fn keyword(body: &str) -> Option<String> {
    let folded = fold::letters(body);
    fold::bare(fold::own_words(&folded), WORD_MAX)
}

/// Whether a word means something about texting itself already, in any language that is known here,
/// or declines an offer: no library may give it another meaning.
pub(super) fn is_taken(word: &str) -> bool {
    let any = |bare: &str| among(bare, |_| true).is_some();
    is_no(word) || sounds_like_stop(word) || keyword(word).is_some_and(|bare| any(&bare))
}

/// Words of a draft that are read for an invitation.
const DRAFT_READ_MAX: usize = 400;

/// The word that a draft invites as an answer, and that would opt the patron out: *renew or cancel?*,
/// *Reply END when you are done*. As a person would text it.
pub fn invitation(draft: &str, languages: &Languages) -> Option<String> {
    const OR: &[&str] = &[
        "or", "o", "u", "ou", "oder", "of", "lub", "albo", "или", "або", "ή",
    ];
    const REPLY: &[&str] = &[
        "reply",
        "text",
        "answer",
        "respond",
        "send",
        "type",
        "write",
        "say",
        "responda",
        "responde",
        "conteste",
        "escriba",
        "envie",
        "mande",
        "repondez",
        "repondre",
        "envoyez",
        "ecrivez",
        "textez",
        "antworten",
        "schreiben",
        "senden",
        "rispondi",
        "scrivi",
        "antwoord",
        "stuur",
    ];
    /// What may stand between, and says nothing.
    const BETWEEN: &[&str] = &[
        "to", "with", "back", "us", "me", "the", "word", "it", "you", "just", "simply", "con",
        "la", "palabra", "par", "avec", "le", "mot", "mit", "sie", "das", "wort", "a", "please",
    ];
    let folded = fold::letters(draft);
    let opts_out = |word: &String| {
        let wish = among(word, |code| languages.hold(code));
        wish.is_some_and(|wish| matches!(wish.word, Word::Stop | Word::Forget))
    };
    let mut read = 0;
    let mut rest = folded.as_str();
    while !rest.is_empty() && read < DRAFT_READ_MAX {
        let end = rest.find(['.', '!', '?', '\n', '。', '！', '？', ';']);
        let (sentence, after) = rest.split_at(end.unwrap_or(rest.len()));
        let asks = after.starts_with(['?', '？', ';']);
        let mut signs = after.chars();
        signs.next();
        rest = signs.as_str();
        let words: Vec<String> = fold::words(sentence).take(DRAFT_READ_MAX).collect();
        read += words.len();
        for (at, word) in words.iter().enumerate() {
            let follows = words
                .iter()
                .skip(at + 1)
                .find(|next| !BETWEEN.contains(&next.as_str()));
            let either = OR.contains(&word.as_str());
            let invites = asks || !either;
            if (either || REPLY.contains(&word.as_str()))
                && let Some(invited) = follows.filter(|next| invites && opts_out(next))
            {
                return Some(invited.to_uppercase());
            }
            if either && asks {
                let before = words.iter().take(at).rev();
                let before = before
                    .filter(|word| !BETWEEN.contains(&word.as_str()))
                    .take(1);
                if let Some(invited) = before.into_iter().find(|word| opts_out(word)) {
                    return Some(invited.to_uppercase());
                }
            }
        }
    }
    None
}

/// Whether the whole message is an opt-out in the words that hold everywhere.
pub fn means_stop(body: &str) -> bool {
    wish(body, &Languages::default()).is_some_and(|wish| wish.word == Word::Stop)
}

/// Whether the whole message declines what was offered (M9).
pub(super) fn is_no(body: &str) -> bool {
    let folded = fold::letters(body);
    fold::bare(fold::own_words(&folded), WORD_MAX)
        .is_some_and(|bare| matches!(bare.as_str(), "no" | "nothanks" | "nothankyou"))
}

/// Whether the words seem to mean an opt-out without being one, so that a person should read them
/// as such, and nothing automatic may answer them.
///
/// Judged by the first sentence alone: a wish to stop comes first. Meant to err towards yes: a flag
/// costs a glance, a missed wish costs the patron's trust.
pub(super) fn sounds_like_stop(body: &str) -> bool {
    let folded = fold::letters(body);
    let own = fold::own_words(&folded);
    // A word of any language, whether it holds here or not.
    let in_any_language = said_once(own).into_iter().any(|bare| {
        among(&bare, |_| true).is_some_and(|wish| matches!(wish.word, Word::Stop | Word::Forget))
    });
    in_any_language || is_near_miss(first_sentence(own))
}

/// Words of a message that are read for a near-miss.
const READ_MAX: usize = 64;
/// A sentence of so few words with *stop* in it can hardly be about a bus stop.
const FEW: usize = 4;

fn first_sentence(own: &str) -> &str {
    let own = own.trim_start_matches(|c: char| !c.is_alphanumeric());
    let ends = |c: char| matches!(c, '.' | '!' | '?' | '\n' | '。' | '！' | '？' | ';');
    &own[..own.find(ends).unwrap_or(own.len())]
}

fn is_near_miss(sentence: &str) -> bool {
    let words: Vec<String> = fold::words(sentence).take(READ_MAX).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let has = |pattern: &[&[&str]]| {
        words.windows(pattern.len()).any(|window| {
            window
                .iter()
                .zip(pattern)
                .all(|(word, any)| any.contains(word))
        })
    };
    let ends = |pattern: &[&[&str]]| {
        words.len() >= pattern.len()
            && words[words.len() - pattern.len()..]
                .iter()
                .zip(pattern)
                .all(|(word, any)| any.contains(word))
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
        "msgs",
        "notifications",
        "alerts",
    ];
    const NOT: &[&str] = &["not", "dont", "never"];
    const REACHING: &[&str] = &["text", "message", "contact", "send", "write"];
    const MINE: &[&str] = &[
        "number",
        "phone",
        "cell",
        "name",
        "info",
        "information",
        "data",
        "contact",
    ];
    // An apostrophe parts no words.
    const TO_ME: &[&str] = &[
        "mecrivez",
        "mecris",
        "mecrire",
        "menvoyez",
        "menvoie",
        "menvoyer",
        "mappelez",
        "contactez",
        "textez",
    ];
    let telling = LANGUAGES
        .iter()
        .flat_map(|language| language.telling)
        .any(|word| words.contains(word));
    let strong = [
        "unsubscribe",
        "unsubscribed",
        "unsub",
        "optout",
        "revoke",
        "stopall",
    ];
    (words.len() <= FEW && telling)
        || words.iter().any(|word| strong.contains(word))
        || has(&[&["opt", "opting"], &["out"]])
        || has(&[&["opt", "take", "count"], &["me"], &["out"]])
        || has(&[ENDING, TEXTS])
        || has(&[
            ENDING,
            &["these", "the", "your", "all", "any", "with", "this"],
            TEXTS,
        ])
        || has(&[NOT, REACHING, &["me", "this", "us", "any"]])
        || has(&[NOT, &["want"], &["texts", "messages", "these", "any", "your"]])
        || has(&[NOT, &["want"], &["to"], &["receive", "get"]])
        || has(&[&["no"], &["more"], TEXTS])
        || has(&[&["remove", "delete"], &["me"]])
        || has(&[&["remove", "delete", "erase", "forget"], &["my"], MINE])
        || has(&[&["take"], &["me"], &["off"]])
        || has(&[&["leave"], &["me"], &["alone"]])
        || has(&[&["forget", "erase"], &["me", "everything"]])
        // *wrong number on the spine label* is a question; *you have the wrong number* is not.
        || ends(&[&["wrong"], &["number", "person", "phone"]])
        || has(&[&["ne", "n"], &["plus", "pas"], &["m", "me", "mecrire", "menvoyer", "ecrire"]])
        || has(&[&["ne"], TO_ME, &["plus", "pas", "jamais"]])
        || has(&[&["ne"], &["plus", "pas"], TO_ME])
        || has(&[&["plus", "pas"], &["de"], &["sms", "messages", "textos"]])
        || has(&[&["no", "ni"], &["mas"], &["mensajes", "textos", "sms"]])
        || has(&[&["no"], &["me"], &["escriban", "escriba", "envien", "manden", "mande", "contacten"]])
        || has(&[&["keine", "nicht"], &["sms", "nachrichten", "mehr", "nachricht"]])
        || has(&[&["nao"], &["quero", "me"], &["mais", "receber", "envie", "mande"]])
}
