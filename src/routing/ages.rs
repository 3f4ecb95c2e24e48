//! How long something has waited, as people say it.

use std::time::Duration;

/// A length of time in words: `14 h`.
pub fn spoken(age: Duration) -> String {
    let minutes = age.as_secs() / 60;
    match minutes {
        0 => "less than a minute".into(),
        1..120 => format!("{minutes} min"),
        120..2880 => format!("{} h", minutes / 60),
        _ => format!("{} d", minutes / 1440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_spoken() {
        for (seconds, words) in [
            (5, "less than a minute"),
            (60, "1 min"),
            (7199, "119 min"),
            (7200, "2 h"),
            (14 * 3600, "14 h"),
            (3 * 86_400, "3 d"),
        ] {
            assert_eq!(spoken(Duration::from_secs(seconds)), words);
        }
    }
}
