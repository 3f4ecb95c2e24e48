//! Lengths of time as people write them: `4s`, `5m`, `2h`, `30d`, `250ms`.

use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error};

/// What these words say, if they are a length of time.
pub fn parse(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(split)?;
    let number: u64 = number.parse().ok()?;
    let ms = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(ms).map(Duration::from_millis)
}

/// For `#[serde(with = "crate::duration")]`, on a key that may be left out or not.
///
/// # Errors
/// What to write instead.
pub fn deserialize<'de, D: Deserializer<'de>, T: From<Duration>>(from: D) -> Result<T, D::Error> {
    let text = String::deserialize(from)?;
    parse(&text).map(T::from).ok_or_else(|| {
        D::Error::custom(format!(
            "{text:?} is not a length of time: write a number and ms, s, m, h or d, such as \"4s\""
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, ms) in [
            ("0s", Some(0)),
            ("250ms", Some(250)),
            ("4s", Some(4_000)),
            ("5m", Some(300_000)),
            ("2h", Some(7_200_000)),
            ("30d", Some(2_592_000_000)),
            ("", None),
            ("s", None),
            ("4", None),
            ("-4s", None),
            ("4 parsecs", None),
            ("99999999999999999999d", None),
        ] {
            assert_eq!(parse(text).map(|d| d.as_millis()), ms, "{text:?}");
        }
    }
}
