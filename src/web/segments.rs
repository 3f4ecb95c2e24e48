//! How many segments a reply takes (TS 23.040 §9.2.3.24.1, TS 23.038 §6.2.1).

/// Longer answers belong in e-mail.
pub(super) const SEGMENTS_MAX: usize = 10;

/// The default alphabet: one septet each (TS 23.038 §6.2.1).
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Its extension: an escape and a second septet (TS 23.038 §6.2.1.1).
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// Segments of a text.
pub(super) fn count(text: &str) -> usize {
    let septets: Option<Vec<usize>> = text
        .chars()
        .map(|letter| {
            if BASIC.contains(letter) {
                Some(1)
            } else if EXTENSION.contains(letter) {
                Some(2)
            } else {
                None
            }
        })
        .collect();
    match septets {
        Some(septets) => filled(septets.into_iter(), 160, 153),
        None => filled(text.chars().map(char::len_utf16), 70, 67),
    }
}

/// Segments filled one letter after another; none is cut between two.
fn filled(letters: impl Iterator<Item = usize> + Clone, alone: usize, joined: usize) -> usize {
    if letters.clone().sum::<usize>() <= alone {
        return 1;
    }
    let mut segments = 1;
    let mut used = 0;
    for letter in letters {
        if used + letter > joined {
            segments += 1;
            used = 0;
        }
        used += letter;
    }
    segments
}
