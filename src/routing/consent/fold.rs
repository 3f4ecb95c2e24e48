//! Folding: what a text says once its dress is off.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Letters of a text that are folded at most: a wish comes early, and texts can be long.
const READ_MAX: usize = 2_000;

/// How phones and mail programs begin the line they add below a text, folded. The languages are
/// those of the words of consent.
const SIGNATURES: &[&str] = &[
    "sent from my",
    "sent from the all new",
    "sent from yahoo",
    "sent from outlook",
    "sent from mail for",
    "sent from proton",
    "sent using",
    "sent via",
    "sent with",
    "get outlook for",
    "envoye de mon",
    "envoye depuis",
    "envoye a partir de",
    "enviado desde mi",
    "enviado desde el",
    "enviado de mi",
    "enviado do meu",
    "enviado a partir do",
    "von meinem",
    "gesendet von",
    "inviato da",
    "inviato dal mio",
    "verzonden vanaf",
    "verstuurd vanaf",
    "wyslane z",
    "wysłane z",
    "отправлено с",
    "надіслано з",
    "надiслано з",
    "σταλθηκε απο",
    "αποσταλθηκε απο",
    "umdan gonderildi",
    "ارسلت من",
    "تم الارسال من",
    "发自我的",
    "發自我的",
    "从我的",
    "從我的",
    "我的iphone",
    "iphoneから送信",
    "나의iphone에서보냄",
    "gui tu",
    "đa gui tu",
    "da gui tu",
    "voye depi",
];

/// Letters in one form: compatibility forms, case, accents, width and everything unseen are off.
/// Line ends stay as `\n`; every other run of white space is one space.
pub(super) fn letters(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text.chars().take(READ_MAX).nfkd() {
        if is_unseen(character) || is_accent(character) {
            continue;
        }
        match character {
            '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                while folded.ends_with(' ') {
                    folded.pop();
                }
                folded.push('\n');
            }
            c if c.is_whitespace() => {
                if !folded.is_empty() && !folded.ends_with([' ', '\n']) {
                    folded.push(' ');
                }
            }
            // Letters with a stroke or without a dot have no decomposition.
            'ß' | 'ẞ' => folded.push_str("ss"),
            'đ' | 'Đ' => folded.push('d'),
            'ł' | 'Ł' => folded.push('l'),
            'ø' | 'Ø' => folded.push('o'),
            'ı' => folded.push('i'),
            'æ' | 'Æ' => folded.push_str("ae"),
            'œ' | 'Œ' => folded.push_str("oe"),
            'ς' => folded.push('σ'),
            // Arabic letters that are written for one another.
            'أ' | 'إ' | 'آ' | 'ٱ' => folded.push('ا'),
            'ى' => folded.push('ي'),
            'ة' => folded.push('ه'),
            '\u{640}' => {}
            c => folded.extend(c.to_lowercase().filter(|c| !is_accent(*c))),
        }
    }
    // Hangul comes apart under NFKD; put together again it has the words' own length.
    folded.nfc().collect()
}

/// The part of a folded text that is the patron's own: without the signature line of a phone or a
/// mail program and without lines quoted from a mail.
pub(super) fn own_words(folded: &str) -> &str {
    let mut end = folded.len();
    for (at, line) in lines(folded) {
        // RFC 3676 §4.3: `-- ` begins a signature.
        let begins_tail = line.starts_with('>')
            || matches!(line.trim(), "--" | "—" | "__" | "___")
            || line.starts_with("-----original message")
            || line.starts_with("________")
            || is_signature(line);
        if at > 0 && begins_tail {
            end = at;
            break;
        }
    }
    let own = &folded[..end];
    // Some phones put the signature on the same line.
    let inline = SIGNATURES
        .iter()
        .filter(|signature| signature.contains(' '))
        .filter_map(|signature| own.rfind(*signature))
        .filter(|&at| at > 0 && own[at..].chars().count() <= 60)
        .min();
    own[..inline.unwrap_or(own.len())].trim()
}

/// Each line with where it begins.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split('\n').map(move |line| {
        let begins = at;
        at += line.len() + 1;
        (begins, line)
    })
}

fn is_signature(line: &str) -> bool {
    let line = line.trim_start_matches(|c: char| !c.is_alphanumeric());
    // Where words are not parted by spaces, the phone's name may be.
    let close: String = line.chars().filter(|c| !c.is_whitespace()).collect();
    let begins = |signature: &&str| line.starts_with(*signature) || close.starts_with(*signature);
    line.chars().count() <= 80
        && (SIGNATURES.iter().any(begins) || line.contains("umdan gonderildi"))
}

/// Letters and digits alone, without what parts them; `None` if there are none or more than `most`.
pub(super) fn bare(folded: &str, most: usize) -> Option<String> {
    let mut bare = String::new();
    for (n, character) in folded.chars().filter(|c| c.is_alphanumeric()).enumerate() {
        if n == most {
            return None;
        }
        bare.push(character);
    }
    (!bare.is_empty()).then_some(bare)
}

/// The words of a folded text; apostrophes vanish, so that *don't* is one word.
pub(super) fn words(folded: &str) -> impl Iterator<Item = String> {
    folded
        .split(|c: char| !c.is_alphanumeric() && !matches!(c, '\'' | '\u{2019}' | '\u{2bc}'))
        .map(|word| word.chars().filter(|c| c.is_alphanumeric()).collect())
        .filter(|word: &String| !word.is_empty())
}

/// Marks over letters, in every script where leaving them out is how people write in haste.
fn is_accent(c: char) -> bool {
    // The two marks of kana make other letters.
    is_combining_mark(c) && !matches!(c, '\u{3099}' | '\u{309a}') && !is_vowel_sign(c)
}

/// Vowel signs of the scripts of India are letters, not accents.
fn is_vowel_sign(c: char) -> bool {
    matches!(c, '\u{0900}'..='\u{0dff}')
}

/// What takes no room: joiners, directions, variation selectors, tags.
pub(super) fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// What takes no room, but for what joins an emoji together.
pub(super) fn is_unseen_but_joined(c: char) -> bool {
    is_unseen(c)
        && !matches!(
            c,
            '\u{200d}' | '\u{fe0f}' | '\u{fe0e}' | '\u{e0000}'..='\u{e0fff}'
        )
}
