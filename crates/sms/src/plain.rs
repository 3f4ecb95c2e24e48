//! A text in plain letters: what GSM 7-bit lacks, written with what it has. One letter beyond it
//! turns a text of 160 characters into one of 70, and word processors put such letters in unasked:
//! quotes, dashes, spaces that do not break.
//!
//! The table is made once, of what is written here and of Unicode's own decompositions (fractions,
//! ligatures, full width, an accent on its letter). The console's counter is served the same table,
//! so that a text comes out alike on both sides.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::alphabet::Alphabet;

/// What stands for each of these characters. A space at an end stands only beside a letter or a
/// digit.
#[rustfmt::skip]
const WRITTEN: &[(&str, &str)] = &[
    // Quotes, primes and accents that stand alone; U+0091 to U+0094 are Windows' own.
    ("\"", "«»“”„‟ʺˮ❝❞〝〞〟″‶¨˝\u{93}\u{94}"),
    ("'", "‘’‚‛ʻʼʽʹˈ′‵´ˊ`ˋ❛❜ʾʿՙ˘˙\u{91}\u{92}"),
    ("<", "‹⟨〈"),
    (">", "›⟩〉"),
    // Dashes, hyphens, bullets.
    ("-", "‐‑‒–—―−⁃﹘⎼⎽─━˗¯ˉ·•‣◦∙●○▪▫■□◆◇►▶▸・᛫\u{95}\u{96}\u{97}"),
    ("--", "⸺"),
    ("---", "⸻"),
    ("*", "⁎∗⊛✢✣✤✥✱✲✳✺✻✼✽❃❉❊❋⧆★☆✦✧✩✪✫✬✭✮✯✰⭐٭"),
    ("...", "⋯\u{85}"),
    // Spaces and ends of lines.
    (" ", "\t\u{A0}\u{1680}\u{202F}\u{205F}\u{3000}\u{2800}"),
    (" ", "\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\u{2008}\u{2009}\u{200A}"),
    ("\n", "\u{B}\u{2028}\u{2029}"),
    // Seen as nothing: joiners, marks of direction, soft hyphens, variation selectors, keycaps.
    ("", "\u{AD}\u{34F}\u{61C}\u{180E}\u{200B}\u{200C}\u{200D}\u{200E}\u{200F}\u{2060}\u{2061}\u{2062}\u{2063}\u{2064}\u{FEFF}"),
    ("", "\u{202A}\u{202B}\u{202C}\u{202D}\u{202E}\u{2066}\u{2067}\u{2068}\u{2069}\u{FE0E}\u{FE0F}\u{20E3}\u{FFF9}\u{FFFA}\u{FFFB}"),
    // Strokes and signs.
    ("/", "÷⧸⁄∕╱"),
    ("\\", "⧹⧵╲"),
    ("_", "‗"),
    ("|", "∣¦⎸⎹⏐⎜⎟│┃❘❙❚"),
    ("^", "ˆ"),
    ("~", "˜˷∼≈"),
    ("+", "˖➕†"),
    ("++", "‡"),
    (",", "、¸˛"),
    (".", "。"),
    (":", "ː˸⦂꞉"),
    (";", "⁏"),
    ("!", "ǃ"),
    ("=", "꞊˭"),
    ("(", "❨❪⟮⦅"),
    (")", "❩❫⟯⦆"),
    ("{", "❴"),
    ("}", "❵"),
    ("[", "【〔⟦"),
    ("]", "】〕⟧"),
    ("<=", "≤⩽≦"),
    (">=", "≥⩾≧"),
    ("!=", "≠"),
    ("+/-", "±"),
    ("x", "×✕✖✗✘"),
    ("[x]", "✓✔☑☒"),
    ("[ ]", "☐"),
    ("->", "→➔➙➛➜➝➞➡⟶➤"),
    ("<-", "←⬅⟵"),
    ("<->", "↔⟷"),
    ("=>", "⇒⟹"),
    ("<=", "⇐"),
    // Signs that are short for words.
    ("(c)", "©"),
    ("(R)", "®"),
    ("(P)", "℗"),
    ("(TM)", "™"),
    ("(SM)", "℠"),
    ("No.", "№"),
    ("c", "¢"),
    ("Rs", "₹"),
    ("u", "µ"),
    ("0/00", "‰"),
    (" deg ", "°˚"),
    (" deg C", "℃"),
    (" deg F", "℉"),
    // A whole and a half is not thirty-one halves.
    (" 1/4", "¼"), (" 1/2", "½"), (" 3/4", "¾"), (" 1/3", "⅓"), (" 2/3", "⅔"), (" 1/5", "⅕"),
    (" 2/5", "⅖"), (" 3/5", "⅗"), (" 4/5", "⅘"), (" 1/6", "⅙"), (" 5/6", "⅚"), (" 1/7", "⅐"),
    (" 1/8", "⅛"), (" 3/8", "⅜"), (" 5/8", "⅝"), (" 7/8", "⅞"), (" 1/9", "⅑"), (" 1/10", "⅒"),
    (" 0/3", "↉"),
    // Nor are ten squared a hundred and two.
    ("^0", "⁰"), ("^1", "¹"), ("^2", "²"), ("^3", "³"), ("^4", "⁴"), ("^5", "⁵"), ("^6", "⁶"),
    ("^7", "⁷"), ("^8", "⁸"), ("^9", "⁹"),
    ("(1)", "①❶➀"), ("(2)", "②❷➁"), ("(3)", "③❸➂"), ("(4)", "④❹➃"), ("(5)", "⑤❺➄"),
    ("(6)", "⑥❻➅"), ("(7)", "⑦❼➆"), ("(8)", "⑧❽➇"), ("(9)", "⑨❾➈"), ("(10)", "⑩❿➉"),
    ("(11)", "⑪"), ("(12)", "⑫"), ("(13)", "⑬"), ("(14)", "⑭"), ("(15)", "⑮"), ("(16)", "⑯"),
    ("(17)", "⑰"), ("(18)", "⑱"), ("(19)", "⑲"), ("(20)", "⑳"),
    // Letters that Unicode does not take apart.
    ("A", "ᴀ"), ("B", "ʙƁ"), ("C", "ᴄƇȻ"), ("D", "ᴅĐÐƉƊ"), ("E", "ᴇƏƐƎ"), ("F", "ꜰƑ"),
    ("G", "ɢƓǤ"), ("H", "ʜĦ"), ("I", "ɪƗ"), ("J", "ᴊɈ"), ("K", "ᴋƘ"), ("L", "ʟŁĿȽ"), ("M", "ᴍ"),
    ("N", "ɴŊƝ"), ("O", "ᴏƆƟ"), ("P", "ᴘƤ"), ("R", "ʀɌ"), ("S", "ꜱ"), ("T", "ᴛŦƬƮȾ"),
    ("U", "ᴜɄƱ"), ("V", "ᴠƲ"), ("W", "ᴡ"), ("Y", "ʏƳɎ"), ("Z", "ᴢƵȤ"),
    ("a", "ɑ"), ("b", "ƀɓ"), ("c", "ƈȼ"), ("d", "đðɖɗ"), ("e", "əɛǝ"), ("f", "ƒ"), ("g", "ɠɡɣǥ"),
    ("h", "ħɦ"), ("i", "ıɨ"), ("j", "ɉȷ"), ("k", "ƙĸ"), ("l", "łŀƚ"), ("n", "ŋɲŉ"), ("o", "ɔɵ"),
    ("p", "ƥ"), ("r", "ɍ"), ("t", "ŧƭʈⱦ"), ("u", "ʉ"), ("v", "ʋ"), ("y", "ƴɏ"), ("z", "ƶȥ"),
    ("AE", "Ǣ"), ("ae", "ǣ"), ("OE", "Œ"), ("oe", "œ"), ("SS", "ẞ"), ("Th", "Þ"), ("th", "þ"),
];

/// Control characters, which nobody sees; those that GSM 7-bit writes are no matter.
const CONTROLS: [std::ops::RangeInclusive<char>; 2] = ['\0'..='\u{1F}', '\u{7F}'..='\u{9F}'];

/// Nothing that decomposes into letters lies beyond it.
const LAST: u32 = 0x1_FFFF;

static TABLE: LazyLock<BTreeMap<char, String>> = LazyLock::new(|| {
    let written: BTreeMap<char, &str> = WRITTEN
        .iter()
        .flat_map(|(plain, characters)| characters.chars().map(move |one| (one, *plain)))
        .collect();
    let mut table = BTreeMap::new();
    let all = (0..=LAST).filter_map(char::from_u32);
    for character in all.filter(|one| !is_plain(*one)) {
        if let Some(plain) = plain_form(character, &written) {
            table.insert(character, plain);
        }
    }
    table
});

/// What stands for a character that GSM 7-bit lacks.
fn plain_form(character: char, written: &BTreeMap<char, &str>) -> Option<String> {
    if let Some(plain) = written.get(&character) {
        return Some((*plain).to_owned());
    }
    if is_combining_mark(character) || CONTROLS.iter().any(|range| range.contains(&character)) {
        return Some(String::new());
    }
    let spelled = |characters: &mut dyn Iterator<Item = char>| -> Option<String> {
        characters
            .map(|one| match written.get(&one) {
                _ if is_plain(one) => Some(one.to_string()),
                Some(plain) => Some(plain.trim_matches(' ').to_owned()),
                None => None,
            })
            .collect()
    };
    let alone = || std::iter::once(character);
    // Whole first, so that an Å stays one; then without its accents.
    spelled(&mut alone().nfkc())
        .or_else(|| spelled(&mut alone().nfkd().filter(|one| !is_combining_mark(*one))))
        .filter(|plain| !plain.trim().is_empty())
}

fn is_plain(character: char) -> bool {
    Alphabet::DEFAULT.encode_character(character).is_some()
}

/// Whether a character belongs to the one before it, which a reader takes for one with it.
fn extends(character: char) -> bool {
    is_combining_mark(character)
        || matches!(character, '\u{200D}' | '\u{FE0E}' | '\u{FE0F}' | '\u{1F3FB}'..='\u{1F3FF}' | '\u{E0020}'..='\u{E007F}')
}

/// Characters that GSM 7-bit lacks, and what stands for each.
pub fn plain_forms() -> impl Iterator<Item = (char, &'static str)> {
    TABLE
        .iter()
        .map(|(character, plain)| (*character, plain.as_str()))
}

/// The text in plain letters. What has no plain form stays as it is, an emoji or another script
/// with all that belongs to it: no letter and no digit is lost.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut left = false; // the last character stayed as it is
    let mut parted = false; // a space is due before a letter or a digit
    for character in text.nfc() {
        let form = match TABLE.get(&character) {
            _ if is_plain(character) => None,
            Some(_) if left && extends(character) => None,
            form => form,
        };
        let Some(form) = form else {
            if parted && character.is_ascii_alphanumeric() {
                out.push(' ');
            }
            parted = false;
            left = !is_plain(character);
            out.push(character);
            continue;
        };
        left = false;
        if form == " " {
            out.push(' ');
            parted = false;
            continue;
        }
        let begun = form.strip_prefix(' ').unwrap_or(form);
        let core = begun.strip_suffix(' ').unwrap_or(begun);
        let beside = |found: Option<char>| found.is_some_and(|one| one.is_ascii_alphanumeric());
        if (begun.len() < form.len() && beside(out.chars().next_back()))
            || (parted && beside(core.chars().next()))
        {
            out.push(' ');
        }
        parted = core.len() < begun.len() || (parted && core.is_empty());
        out.push_str(core);
    }
    out
}

#[cfg(test)]
mod sentences;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_librarians_letters_become_plain_ones() {
        for (text, expected) in [
            ("Mon–Fri 9‑5 … we’re", "Mon-Fri 9-5 ... we're"),
            ("naïve Zoë", "naive Zoe"),
            ("“Dune” — it’s in", "\"Dune\" - it's in"),
            ("café, año, Müller, è", "café, año, Müller, è"), // GSM 7-bit has these
            ("cafe\u{301} an\u{303}o", "café año"),
            ("¿Está aquí? ¡Sí!", "¿Esta aqui? ¡Si!"),
            ("Łódź, Đặng, Kadıköy, cœur", "Lodz, Dang, Kadiköy, coeur"),
            ("2½ hours, ½ price, (½)", "2 1/2 hours, 1/2 price, (1/2)"),
            ("½½", "1/2 1/2"),
            ("10² m²", "10^2 m^2"),
            ("70°F outside, 70° in", "70 deg F outside, 70 deg in"),
            ("Ｆｕｌｌ １２３", "Full 123"),
            ("Kindle™ ® © ﬁne ﬂoor", "Kindle(TM) (R) (c) fine floor"),
            ("room\u{a0}2\u{202f}b", "room 2 b"),
            ("zero\u{200b}width\u{feff} so\u{ad}ft", "zerowidth soft"),
            ("• one\t• two → three", "- one - two -> three"),
            ("① card ② ID", "(1) card (2) ID"),
            ("𝐇𝐞𝐥𝐥𝐨", "Hello"),
            ("50¢ ≤ $1 ± 2 × 3", "50c <= $1 +/- 2 x 3"),
            // What has no plain form stays, with all that belongs to it.
            ("Привет й", "Привет й"),
            ("का समय", "का समय"),
            (
                "👩\u{200d}🚀 ❤\u{fe0f} 👍🏽 “hi”",
                "👩\u{200d}🚀 ❤\u{fe0f} 👍🏽 \"hi\"",
            ),
            ("1\u{fe0f}\u{20e3}", "1"),
            ("x\u{304}y", "xy"),
            ("", ""),
        ] {
            assert_eq!(plain(text), expected, "{text:?}");
        }
    }

    #[test]
    fn no_character_is_written_twice() {
        let mut seen = std::collections::BTreeSet::new();
        for (form, characters) in WRITTEN {
            assert!(form.chars().all(is_plain), "{form:?}");
            for character in characters.chars() {
                assert!(seen.insert(character), "{character:?} twice");
                assert!(!is_plain(character), "{character:?} needs no other form");
            }
        }
    }

    /// The characters that a large carrier's interface replaces before it counts segments, as its
    /// public list has them.
    const CARRIERS: &str = "\
        AB BB 201C 201D 2BA 2EE 201F 275D 275E 301D 301E FF02 2018 2019 2BB 2C8 2BC 2BD 2B9 201B \
        FF07 B4 2CA 60 2CB 275B 275C 313 314 FE10 FE11 F7 BC BD BE 29F8 337 338 2044 2215 FF0F \
        29F9 29F5 20E5 FE68 FF3C 332 FF3F 20D2 20D3 2223 FF5C 23B8 23B9 23D0 239C 239F 23BC 23BD \
        2015 FE63 FF0D 2010 2043 FE6B FF20 FE69 FF04 1C3 FE15 FE57 FF01 FE5F FF03 FE6A FF05 FE60 \
        FF06 201A 326 FE50 FE51 FF0C FF64 2768 276A FE59 FF08 27EE 2985 2769 276B FE5A FF09 27EF \
        2986 204E 2217 229B 2722 2723 2724 2725 2731 2732 2733 273A 273B 273C 273D 2743 2749 274A \
        274B 29C6 FE61 FF0A 2D6 FE62 FF0B 3002 FE52 FF0E FF61 FF10 FF11 FF12 FF13 FF14 FF15 FF16 \
        FF17 FF18 FF19 2D0 2F8 2982 A789 FE13 FF1A 204F FE14 FE54 FF1B FE64 FF1C 347 A78A FE66 \
        FF1D FE65 FF1E FE16 FE56 FF1F FF21 1D00 FF22 299 FF23 1D04 FF24 1D05 FF25 1D07 FF26 A730 \
        FF27 262 FF28 29C FF29 26A FF2A 1D0A FF2B 1D0B FF2C 29F FF2D 1D0D FF2E 274 FF2F 1D0F FF30 \
        1D18 FF31 FF32 280 FF33 A731 FF34 1D1B FF35 1D1C FF36 1D20 FF37 1D21 FF38 FF39 28F FF3A \
        1D22 2C6 302 FF3E 1DCD 2774 FE5B FF5B 2775 FE5C FF5D FF3B FF3D 2DC 2F7 303 330 334 223C \
        FF5E A0 2000 2002 2003 2004 2005 2006 2007 2008 2009 200A 202F 205F 3000 8D 9F 80 90 9B 10 \
        9 0 3 4 17 19 11 12 13 14 2060 2017 2014 2013 2039 203A 203C 201E 2028 2029 2026 2001 200B \
        3001 FEFF 2022";

    #[test]
    fn what_carriers_replace_is_replaced() {
        let mut count = 0;
        for code in CARRIERS.split_whitespace() {
            let character = u32::from_str_radix(code, 16).ok().and_then(char::from_u32);
            let character = character.expect("a code point");
            let form = TABLE.get(&character);
            assert!(form.is_some(), "{code} {character:?}");
            assert!(plain(&character.to_string()).chars().all(is_plain));
            count += 1;
        }
        assert!(count >= 260, "{count}");
    }

    /// Signs that Unicode counts among the letters: a click, and marks written beside letters.
    const SIGNS: &str = "ǃʺˮʻʼʽʹˈʾʿːˊˋˆˉՙ꞉꞊";

    fn is_counted(one: &char) -> bool {
        let is_sign = || one.nfkc().all(|one| SIGNS.contains(one));
        one.is_alphanumeric() && !is_combining_mark(*one) && !is_sign()
    }

    #[test]
    fn letters_keep_their_letter_and_digits_their_digit() {
        for (character, form) in plain_forms() {
            assert!(form.chars().all(is_plain), "{character:?} {form:?}");
            if is_counted(&character) {
                let kept = form.chars().any(char::is_alphanumeric);
                assert!(kept, "{character:?} would vanish in {form:?}");
            }
        }
        assert!(plain_forms().count() > 2000);
    }

    proptest! {
        /// Letters and digits never vanish, and what is plain stays as it is.
        #[test]
        fn plain_letters_lose_nothing(text in any::<String>()) {
            let made = plain(&text);
            let counted = |text: &str| text.chars().filter(is_counted).count();
            let before: String = text.nfc().collect();
            prop_assert!(counted(&made) >= counted(&before), "{:?} {:?}", text, made);
            prop_assert_eq!(plain(&made), made.clone());
        }

        #[test]
        fn a_plain_text_is_left_alone(text in "[ -_a-~£¥èéùìòÇØøÅåÄÖÑÜäöñüà€\n]{0,80}") {
            prop_assert_eq!(plain(&text), text);
        }
    }
}
