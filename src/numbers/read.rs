//! How a number is written: signs between digits, prefixes, and what they stand for.

use super::plans::{Country, NumberingPlan};
use super::{DIGITS_MAX, E164_DIGITS, SHORT_CODE_DIGITS};

/// Digits that a local number has at most: without an area code, where there are such.
const LOCAL_DIGITS: usize = 8;

/// What is written is no number that can be texted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// No digit in it.
    #[error("there is no number: write one such as +1 555 123 0177")]
    Empty,
    /// Digits are missing, or there are too many.
    #[error("{0:?} is not a whole telephone number: write it with its area code")]
    NotWhole(String),
    /// The digits after `+` begin with no country's calling code, or are too few or too many.
    #[error("{0:?} is not a number of any country: check the digits after the +")]
    NoSuchCountry(String),
    /// Letters or signs that no number has.
    #[error("{0:?} is not a telephone number: write digits only, as in +15551230100")]
    NotANumber(String),
    /// `x12`, `ext. 12`: a switchboard, where no text arrives.
    #[error("{0:?} has an extension, and texts reach none: write the number without it")]
    Extension(String),
}

/// What was written, without the signs people put between digits.
struct Digits {
    /// `+` in front: the calling code follows (E.123 §2.5).
    international: bool,
    digits: String,
}

/// See [`PatronNumber::written`](super::PatronNumber::written).
pub(super) fn written(text: &str, home: Country) -> Result<String, NumberError> {
    let shown = || text.trim().to_owned();
    let read = digits(text)?;
    if read.digits.is_empty() {
        return Err(NumberError::Empty);
    }
    if !read.international && read.digits.len() <= SHORT_CODE_DIGITS {
        // Three digits at least: `12` is a slip of the hand.
        return match read.digits.len() {
            0..=2 => Err(NumberError::NotWhole(shown())),
            _ if text.trim().chars().all(|c| c.is_ascii_digit()) => Ok(read.digits),
            // `555 123`: nobody writes a short code in groups, but small islands their numbers.
            _ => national(&read.digits, home.plan())
                .map(|rest| canonical(home.plan(), &rest))
                .ok_or_else(|| NumberError::NotWhole(shown())),
        };
    }
    if read.international {
        return international(&read.digits).ok_or_else(|| NumberError::NoSuchCountry(shown()));
    }
    resolve(&read.digits, home).ok_or_else(|| NumberError::NotWhole(shown()))
}

/// See [`PatronNumber::arrived`](super::PatronNumber::arrived).
pub(super) fn arrived(address: &str, home: Country) -> String {
    let digits = address.strip_prefix('+').unwrap_or(address);
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_number || digits.len() <= SHORT_CODE_DIGITS {
        return address.to_owned();
    }
    let read = if digits.len() < address.len() {
        // Some networks put the international type on a number dialled with its prefix.
        international(digits).or_else(|| resolve(digits, home))
    } else {
        resolve(digits, home)
    };
    read.unwrap_or_else(|| address.to_owned())
}

/// The digits alone. Digits of other scripts are read; `(0)` after a calling code is not dialled
/// (E.123 §2.4 forbids it, and people write it).
fn digits(text: &str) -> Result<Digits, NumberError> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || is_mark(c));
    let shown = || text.to_owned();
    let rest = text
        .get(..4)
        .filter(|scheme| scheme.eq_ignore_ascii_case("tel:") || scheme.eq_ignore_ascii_case("sms:"))
        .map_or(text, |scheme| &text[scheme.len()..]);
    // RFC 3966 §3: parameters follow a semicolon.
    let (rest, parameters) = rest.split_once(';').unwrap_or((rest, ""));
    let mut parameters = parameters.split(';');
    if parameters.any(|one| one.to_ascii_lowercase().starts_with("ext=")) {
        return Err(NumberError::Extension(shown()));
    }
    let mut read = Digits {
        international: false,
        digits: String::new(),
    };
    let mut characters = rest.chars().peekable();
    while let Some(character) = characters.next() {
        if let Some(digit) = digit(character) {
            if read.digits.len() == DIGITS_MAX {
                return Err(NumberError::NotWhole(shown()));
            }
            read.digits.push(digit);
        } else if matches!(character, '+' | '\u{ff0b}') {
            if read.international || !read.digits.is_empty() {
                return Err(NumberError::NotANumber(shown()));
            }
            read.international = true;
        } else if character.is_alphabetic() || character == '#' {
            let tail: String = std::iter::once(character).chain(characters).collect();
            return Err(match is_extension(&tail) && !read.digits.is_empty() {
                true => NumberError::Extension(shown()),
                false => NumberError::NotANumber(shown()),
            });
        } else if !(character.is_whitespace() || is_mark(character) || is_separator(character)) {
            return Err(NumberError::NotANumber(shown()));
        }
    }
    let zero_in_brackets = ["(0)", "[0]", "\u{ff08}0\u{ff09}"]
        .iter()
        .any(|zero| rest.contains(zero));
    if zero_in_brackets && (read.international || read.digits.starts_with("00")) {
        // Only the calling code stands before it: the first zero after one.
        read.digits = without_bracketed_zero(rest);
    }
    Ok(read)
}

/// The digits of what has `(0)` in it, without that zero.
fn without_bracketed_zero(rest: &str) -> String {
    let mut kept = rest.to_owned();
    for zero in ["(0)", "[0]", "\u{ff08}0\u{ff09}"] {
        kept = kept.replacen(zero, "", 1);
    }
    kept.chars().filter_map(digit).collect()
}

/// `x12`, `ext. 12`, `extension 12`, `#12`.
fn is_extension(tail: &str) -> bool {
    let tail = tail.to_lowercase();
    let after = ["extension", "ext", "x", "#"]
        .iter()
        .find_map(|word| tail.strip_prefix(word));
    after.is_some_and(|after| {
        let after = after.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '.' | ':'));
        !after.is_empty() && after.chars().all(|c| c.is_ascii_digit())
    })
}

/// The decimal digit a character is, in the scripts that telephones are typed in.
fn digit(character: char) -> Option<char> {
    /// Zero of each run of ten decimal digits (Unicode category Nd).
    const ZEROES: [u32; 10] = [
        0x0030, 0x0660, 0x06f0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0e50, 0x1040, 0xff10,
    ];
    let code = u32::from(character);
    ZEROES
        .iter()
        .find(|&&zero| (zero..zero + 10).contains(&code))
        .and_then(|zero| char::from_digit(code - zero, 10))
}

/// What people put between digits.
fn is_separator(character: char) -> bool {
    matches!(
        character,
        '-' | '.' | '/' | '(' | ')' | '[' | ']' | '~' | '\u{b7}' | '\u{2010}'
            ..='\u{2015}'
                | '\u{2022}'
                | '\u{2212}'
                | '\u{2043}'
                | '\u{2044}'
                | '\u{2215}'
                | '\u{30fc}'
                | '\u{ff08}'
                | '\u{ff09}'
                | '\u{ff0d}'
                | '\u{ff0e}'
                | '\u{ff0f}'
                | '\u{fe63}'
    )
}

/// Marks that are seen by nobody: directions, joiners, soft hyphens.
fn is_mark(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
    )
}

/// A number without `+`: dialled from this country, or written without its sign.
fn resolve(digits: &str, home: Country) -> Option<String> {
    let plan = home.plan();
    let dialled = plan
        .international_prefixes()
        .filter_map(|prefix| digits.strip_prefix(prefix))
        .find_map(international);
    dialled
        .or_else(|| without_plus(digits, plan))
        .or_else(|| national(digits, plan).map(|rest| canonical(plan, &rest)))
        // Another country's calling code without its sign. Fewer digits would be anything.
        .or_else(|| (digits.len() > 10).then(|| international(digits)).flatten())
}

/// The home country's calling code without its sign before a mobile number, where the whole is not
/// as long as a mobile number itself or should have begun with the trunk prefix.
fn without_plus(digits: &str, plan: &NumberingPlan) -> Option<String> {
    let is_mobile = |digits: &str| {
        let length = digits.len();
        plan.mobile_lengths()
            .iter()
            .any(|&l| usize::from(l) == length)
    };
    let code = plan.calling_code().to_string();
    let rest = digits.strip_prefix(code.as_str())?;
    let trunk = plan.trunk_prefix();
    let dialled = !trunk.is_empty() && digits.starts_with(trunk);
    let could_be_national = dialled || (trunk.is_empty() && is_mobile(digits));
    (digits.len() > LOCAL_DIGITS && is_mobile(rest) && !could_be_national)
        .then(|| international(digits))
        .flatten()
}

/// The digits after `+`: calling code and national number.
fn international(digits: &str) -> Option<String> {
    if digits.len() > E164_DIGITS + 2 {
        return None;
    }
    if let Some(plan) = NumberingPlan::calling(digits) {
        let rest = digits.get(plan.calling_code_digits()..)?;
        return significant(rest, plan)
            .filter(|rest| plan.calling_code_digits() + rest.len() <= E164_DIGITS)
            .map(|rest| canonical(plan, &rest));
    }
    let of_no_country = NumberingPlan::OF_NO_COUNTRY
        .iter()
        .any(|code| digits.starts_with(code));
    (of_no_country && (8..=E164_DIGITS).contains(&digits.len())).then(|| format!("+{digits}"))
}

fn canonical(plan: &NumberingPlan, significant: &str) -> String {
    format!("+{}{significant}", plan.calling_code())
}

/// The national significant number of what was dialled within the country.
fn national(digits: &str, plan: &NumberingPlan) -> Option<String> {
    for prefix in plan.national_prefixes() {
        if let Some(rest) = digits.strip_prefix(prefix)
            && let Some(found) = fits(rest, plan, plan.lengths())
        {
            return Some(found);
        }
    }
    if plan.iso() == "BR" {
        // `0`, two digits of the carrier, area code and number.
        let rest = digits.strip_prefix('0').and_then(|rest| rest.get(2..));
        if let Some(found) = rest.and_then(|rest| fits(rest, plan, &[10, 11])) {
            return Some(found);
        }
    }
    // Without the trunk prefix, where there is one: only as long as mobile numbers are, and long
    // enough to be neither a service number nor a local one.
    match plan.trunk_prefix() {
        "" => fits(digits, plan, plan.lengths()),
        _ if digits.len() > LOCAL_DIGITS => fits(digits, plan, plan.mobile_lengths()),
        _ => None,
    }
}

/// The national significant number of what follows a calling code: people leave the trunk prefix
/// in, or `15` and `1`, which other countries never dialled.
fn significant(rest: &str, plan: &NumberingPlan) -> Option<String> {
    let trunk = plan.trunk_prefix();
    // A significant number never begins with a trunk prefix of `0`.
    let never_begins = trunk.starts_with('0') && rest.starts_with(trunk);
    if !never_begins && let Some(found) = fits(rest, plan, plan.lengths()) {
        return Some(found);
    }
    plan.national_prefixes()
        .filter_map(|prefix| rest.strip_prefix(prefix))
        .find_map(|rest| fits(rest, plan, plan.lengths()))
}

/// The number, if it is as long as the plan's numbers are.
fn fits(rest: &str, plan: &NumberingPlan, lengths: &[u8]) -> Option<String> {
    if plan.iso() == "AR" {
        return argentina(rest);
    }
    lengths
        .iter()
        .any(|&length| usize::from(length) == rest.len())
        .then(|| rest.to_owned())
}

/// Argentina's mobile numbers: `9`, area code, number to the world; `15` between the two at home.
/// Area code and number have ten digits together and are one telephone with either mark or none.
fn argentina(rest: &str) -> Option<String> {
    let marked = rest.strip_prefix('9').filter(|rest| rest.len() >= 10);
    let rest = marked.unwrap_or(rest);
    if !matches!(rest.as_bytes().first(), Some(b'1'..=b'3')) {
        // Free and shared-cost numbers: no mobile ones.
        return (marked.is_none() && rest.len() == 10).then(|| rest.to_owned());
    }
    match rest.len() {
        10 => Some(format!("9{rest}")),
        12 => {
            let area = area_code_of_argentina(rest);
            let number = rest.get(area..)?.strip_prefix("15")?;
            Some(format!("9{}{number}", rest.get(..area)?))
        }
        _ => None,
    }
}

/// Digits of the area code: Buenos Aires has two, 36 cities three, all else four.
fn area_code_of_argentina(rest: &str) -> usize {
    const OF_THREE: [&str; 37] = [
        "220", "221", "223", "230", "236", "237", "249", "260", "261", "263", "264", "266", "280",
        "291", "294", "297", "298", "299", "336", "341", "342", "343", "345", "348", "351", "353",
        "358", "362", "364", "370", "376", "379", "380", "381", "383", "385", "387",
    ];
    if rest.starts_with("11") {
        2
    } else if rest.starts_with("388") || OF_THREE.iter().any(|area| rest.starts_with(area)) {
        3
    } else {
        4
    }
}
