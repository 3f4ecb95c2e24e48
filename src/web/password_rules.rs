//! What a new password must not be. Length does most; the rest keeps out what everybody tries.

/// Letters at least (NIST SP 800-63B §5.1.1).
const LETTERS_MIN: usize = 8;
/// Octets at most: more are a mistake, and would take argon2 for a walk.
const OCTETS_MAX: usize = 1024;
/// Letters that must be left when one's own name is taken out.
const BESIDE_NAME_MIN: usize = 5;

/// Words that stand alone in too many passwords; also with digits and signs around them, and with
/// digits for letters.
const COMMON: &[&str] = &[
    "abc",
    "admin",
    "administrator",
    "andrew",
    "angel",
    "apple",
    "ashley",
    "asdf",
    "baseball",
    "bailey",
    "basketball",
    "batman",
    "book",
    "books",
    "bookworm",
    "buster",
    "callnumber",
    "changeme",
    "charlie",
    "cheese",
    "chocolate",
    "computer",
    "cookie",
    "daniel",
    "default",
    "desk",
    "donald",
    "dragon",
    "eagle",
    "family",
    "flower",
    "football",
    "freedom",
    "friend",
    "friends",
    "george",
    "ginger",
    "guest",
    "hannah",
    "harley",
    "hello",
    "hockey",
    "hunter",
    "iloveyou",
    "jennifer",
    "jessica",
    "jordan",
    "joshua",
    "killer",
    "letmein",
    "liverpool",
    "librarian",
    "library",
    "login",
    "lovely",
    "loveme",
    "maggie",
    "manager",
    "master",
    "matthew",
    "michael",
    "michelle",
    "monday",
    "monkey",
    "mother",
    "mustang",
    "nicole",
    "ninja",
    "operator",
    "orange",
    "pass",
    "passw",
    "passwd",
    "password",
    "pepper",
    "pokemon",
    "princess",
    "purple",
    "qazwsx",
    "qwer",
    "qwert",
    "qwerty",
    "qwertyuiop",
    "ranger",
    "reading",
    "reference",
    "root",
    "samsung",
    "secret",
    "service",
    "shadow",
    "soccer",
    "starwars",
    "summer",
    "sunday",
    "sunshine",
    "superman",
    "taylor",
    "test",
    "testing",
    "thomas",
    "thunder",
    "tigger",
    "trustno",
    "user",
    "welcome",
    "whatever",
    "winter",
    "yellow",
    "zxcvbn",
    "zxcvbnm",
];

/// What fingers run over.
const RUNS: &[&str] = &[
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "qwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn",
    "1q2w3e4r5t6y7u8i9o0p",
    "qazwsxedcrfvtgbyhnujmikolp",
];

/// Whether a password may be kept for this operator.
///
/// # Errors
/// What is wrong with it, and what would be better.
pub fn check(operator: &str, password: &str) -> Result<(), String> {
    let letters = password.chars().count();
    if letters < LETTERS_MIN {
        return Err(format!(
            "a password has at least {LETTERS_MIN} characters: nothing was changed"
        ));
    }
    if password.len() > OCTETS_MAX {
        return Err(format!(
            "a password has at most {OCTETS_MAX} octets: nothing was changed"
        ));
    }
    let lower = password.to_lowercase();
    let mut kinds: Vec<char> = lower.chars().collect();
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.len() < 4 {
        return Err(
            "this password is a few characters again and again: choose three words that do not \
             belong together"
                .into(),
        );
    }
    if is_run(&lower) {
        return Err(
            "this password is what fingers type by themselves: choose three words that do not \
             belong together"
                .into(),
        );
    }
    let name = operator.to_lowercase();
    if name.chars().count() >= 3 {
        let beside: usize = lower.replace(&name, "").chars().count();
        if lower.contains(&name) && beside < BESIDE_NAME_MIN {
            return Err(
                "this password is little more than the name: choose words that have nothing to \
                 do with it"
                    .into(),
            );
        }
    }
    if is_common(&lower) || is_common(&spelled_out(&lower)) {
        return Err(
            "this password is one that everybody tries: choose three words that do not belong \
             together"
                .into(),
        );
    }
    Ok(())
}

fn is_run(password: &str) -> bool {
    let backwards: String = password.chars().rev().collect();
    RUNS.iter()
        .any(|run| run.contains(password) || run.contains(&backwards))
}

/// A common word, or two of them, with digits and signs around and between.
fn is_common(password: &str) -> bool {
    let words: String = password.chars().filter(|c| c.is_alphabetic()).collect();
    let is_word = |word: &str| word.is_empty() || COMMON.contains(&word);
    words
        .char_indices()
        .map(|(at, _)| words.split_at(at))
        .any(|(first, second)| is_word(first) && is_word(second))
        || words.is_empty()
}

/// With letters where digits and signs stand for them.
fn spelled_out(password: &str) -> String {
    password
        .trim_end_matches(|c: char| !c.is_alphabetic())
        .chars()
        .map(|c| match c {
            '0' => 'o',
            '1' | '!' => 'i',
            '3' => 'e',
            '4' | '@' => 'a',
            '5' | '$' => 's',
            '7' => 't',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_words_are_in_order_and_spelled_as_they_are_compared() {
        for word in COMMON {
            assert!(word.chars().all(|c| c.is_ascii_lowercase()), "{word}");
        }
    }

    #[test]
    fn what_everybody_tries_is_refused() {
        for (operator, password, fits) in [
            ("ana", "shelf mark", true),
            ("ana", "a long enough password", true),
            ("ana", "correct horse battery staple", true),
            ("ana", "Пароль длинный", true),
            ("ana", "tiny", false),
            ("ana", "1234567", false),
            ("ana", "12345678", false),
            ("ana", "87654321", false),
            ("ana", "20261125", false),
            ("ana", "aaaaaaaa", false),
            ("ana", "abababab", false),
            ("ana", "password", false),
            ("ana", "Password1!", false),
            ("ana", "P@ssw0rd2026", false),
            ("ana", "library2026", false),
            ("ana", "librarydesk", false),
            ("ana", "Qwertyui", false),
            ("ana", "lkjhgfdsa", false),
            ("ana", "1qaz2wsx", false),
            ("ana", "welcome!!!", false),
            ("ana", "ana12345", true),
            ("benedict", "benedict", false),
            ("benedict", "Benedict99", false),
            ("benedict", "benedict likes maps", true),
        ] {
            let said = check(operator, password);
            assert_eq!(said.is_ok(), fits, "{operator} {password}: {said:?}");
        }
        assert!(check("ana", &"ab c".repeat(300)).is_err());
    }
}
