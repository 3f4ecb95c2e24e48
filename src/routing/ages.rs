//! How long something has waited, as people say it: one rule for every surface, be it the console's
//! greeting, a call for help or an answer to `!waiting`.

use std::time::Duration;

use jiff::Timestamp;

/// How long ago something was, in words; what a clock that was set back makes of the future is now.
pub fn spoken_since(since: Timestamp, now: Timestamp) -> String {
    let age = now.duration_since(since);
    spoken(Duration::try_from(age).unwrap_or_default())
}

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
            let now = Timestamp::UNIX_EPOCH + Duration::from_secs(1_000_000);
            assert_eq!(spoken_since(now - Duration::from_secs(seconds), now), words);
        }
        let (early, late) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
        assert_eq!(spoken_since(late, early), "less than a minute");
    }
}
