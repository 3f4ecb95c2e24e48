//! What holds of any text whatsoever; `fuzz/fuzz_targets/words.rs` looks for one of which it does not.

use super::words::Word;
use super::{Languages, fold, invitation, keyword, reactions, sounds_like_stop, wish};

/// Letters of a text up to which the laws of folding are held: longer ones are cut as they are read.
const HELD_MAX: usize = 400;
/// Letters of a text up to which dress changes nothing: a longer line is no signature any more.
const DRESSED_MAX: usize = 50;

/// Folding ends, dress changes no wish, what means STOP seems to mean it, and a reaction is a small
/// mark with something quoted.
///
/// # Panics
/// If one of them does not hold.
pub fn law(octets: &[u8]) {
    let body = String::from_utf8_lossy(octets);
    let all = Languages::default()
        .and(Languages::known())
        .unwrap_or_default();
    let wished = wish(&body, &all);
    if let Some(reaction) = reactions::read(&body) {
        let letters = reaction.mark.chars().count();
        assert!((1..=16).contains(&letters), "{:?}", reaction.mark);
        assert!(reactions::is_same(&reaction.mark, &reaction.mark));
        if let Some(quoted) = &reaction.quoted {
            assert!(!quoted.trim().is_empty());
            assert!(!reactions::quotes(quoted, ""), "nothing was quoted");
        }
    }
    let _ = (
        reactions::is_emoji_alone(&body),
        reactions::is_thanks_alone(&body),
    );
    let _ = invitation(&body, &all);
    let folded = fold::letters(&body);
    if body.chars().count() > HELD_MAX || folded.chars().count() > HELD_MAX {
        return;
    }
    assert_eq!(fold::letters(&folded), folded, "folded twice");
    if let Some(wished) = wished.filter(|_| body.chars().count() <= DRESSED_MAX) {
        for dressed in [
            format!("\u{201c}{body}\u{201d}"),
            format!("\u{200e}{body}\u{200f}"),
            format!("{body}\n\nSent from my iPhone"),
        ] {
            let word = wish(&dressed, &all).map(|wish| wish.word);
            assert_eq!(word, Some(wished.word), "{dressed:?}");
        }
        if matches!(wished.word, Word::Stop | Word::Forget) {
            assert!(
                sounds_like_stop(&body),
                "an automatic text would answer {body:?}"
            );
        }
    }
    if let Some(bare) = keyword(&body) {
        assert_eq!(
            keyword(&bare),
            Some(bare.clone()),
            "a keyword is looked up as it is kept"
        );
    }
}
