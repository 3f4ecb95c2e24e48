//! One spelling for what modems spell in many: `+cmgl: 1`, `+CSQ : 20,99`, `ok`.
//!
//! Names are compared after this, and only names are touched: what stands behind the colon may be
//! somebody's words.

use std::borrow::Cow;

/// The marks that vendors put before the name of a result code.
const MARKS: [char; 7] = ['+', '^', '*', '%', '$', '#', '&'];

/// The name at the head of a line, mark included, and what follows it. A name begins with a letter or
/// a digit that a letter follows: `+C5GREG`, but not the `*100#` of a menu.
pub(super) fn name(line: &str) -> Option<(&str, &str)> {
    let body = line.strip_prefix(MARKS)?;
    let length = body
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(body.len());
    let (word, _) = body.split_at_checked(length)?;
    word.starts_with(|c: char| c.is_ascii_alphabetic())
        .then(|| line.split_at_checked(length + 1))
        .flatten()
}

/// The line with its name in capitals and the colon right behind it.
pub(super) fn canonical(line: &str) -> Cow<'_, str> {
    let Some((name, rest)) = name(line) else {
        return Cow::Borrowed(line);
    };
    let error = rest.trim_start();
    if matches!(name.get(1..), Some(kind) if kind.eq_ignore_ascii_case("CME") || kind.eq_ignore_ascii_case("CMS"))
        && let Some((word, code)) = error.split_once(':').or_else(|| error.split_once(' '))
        && word.trim().eq_ignore_ascii_case("ERROR")
    {
        return Cow::Owned(format!("{} ERROR:{code}", name.to_ascii_uppercase()));
    }
    let behind = rest.trim_start_matches(' ');
    let is_loose = behind.starts_with(':') && behind.len() != rest.len();
    if lacks_colon(name, rest, behind) {
        return Cow::Owned(format!("{}: {behind}", name.to_ascii_uppercase()));
    }
    if !is_loose && !name.bytes().any(|octet| octet.is_ascii_lowercase()) {
        return Cow::Borrowed(line);
    }
    let rest = if is_loose { behind } else { rest };
    Cow::Owned(format!("{}{rest}", name.to_ascii_uppercase()))
}

/// `+CMTI "SM",3`: a code of the standards' (TS 27.005, TS 27.007) with values and no colon.
fn lacks_colon(name: &str, rest: &str, behind: &str) -> bool {
    let is_standard = name.len() > 3 && matches!(name.as_bytes(), [b'+', b'C' | b'c', ..]);
    let has_values = behind.starts_with('"')
        || rest.len() != behind.len() && behind.starts_with(|c: char| c.is_ascii_digit());
    is_standard && has_values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelled_in_one_way_and_nothing_else_is_touched() {
        for (line, spelled) in [
            ("+CSQ: 20,99", "+CSQ: 20,99"),
            ("+cmgl: (0-4)", "+CMGL: (0-4)"), // TP-Link TL-MR6400
            ("+Cmti: \"sm\",3", "+CMTI: \"sm\",3"),
            ("+CSQ : 20,99", "+CSQ: 20,99"),
            ("^boot:14520683,0,0,0,20", "^BOOT:14520683,0,0,0,20"),
            ("+cms error: 500", "+CMS ERROR: 500"),
            ("+CME  Error : SIM busy", "+CME ERROR: SIM busy"),
            ("+E_UTRAN Service", "+E_UTRAN Service"),
            ("+CMTI \"SM\",3", "+CMTI: \"SM\",3"),
            ("+cmti\"SM\",3", "+CMTI: \"SM\",3"),
            ("+CREG 1", "+CREG: 1"),
            ("+CMS ERROR 512", "+CMS ERROR:512"),
            ("+CMS ERROR", "+CMS ERROR"),
            ("+TEC BLE 1", "+TEC BLE 1"),
            ("^sysstart airplane mode", "^SYSSTART airplane mode"),
            ("+c5greg: 0,1", "+C5GREG: 0,1"),
            // What has no name is somebody's words, or digits.
            ("*100# for more", "*100# for more"),
            ("+15551230100 called", "+15551230100 called"),
            ("ok then", "ok then"),
            ("", ""),
            ("+", "+"),
            ("+\u{e9}a: 1", "+\u{e9}a: 1"),
        ] {
            assert_eq!(canonical(line), spelled, "{line:?}");
        }
    }
}
