//! What stands in a book, entry by entry.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, de};

use super::super::amend::check_keyword;
use super::super::hours::{DayHours, Hours};
use super::super::notice::Notice;
use super::super::plan::{GatewayKind, OfflinePolicy, Role, check_name};

/// The book's form; another one is another version's.
const FORM: u32 = 1;

/// What the hash of a password may cost whoever checks one: a hash from elsewhere must not take the
/// box's whole memory (RFC 9106 §4 recommends 64 MiB to small machines).
const HASH_MEMORY_MAX_KIB: u32 = 256 * 1024;

/// A desk, written down. Names, not ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Book {
    /// The form it is written in.
    #[serde(deserialize_with = "form")]
    pub callnumber_desk: u32,
    /// Queues.
    #[serde(default, rename = "queue")]
    pub queues: Vec<QueueEntry>,
    /// Gateways.
    #[serde(default, rename = "gateway")]
    pub gateways: Vec<GatewayEntry>,
    /// Operators.
    #[serde(default, rename = "operator")]
    pub operators: Vec<OperatorEntry>,
    /// Canned replies.
    #[serde(default, rename = "canned")]
    pub canned: Vec<CannedEntry>,
}

impl Default for Book {
    fn default() -> Self {
        Self {
            callnumber_desk: FORM,
            queues: Vec::new(),
            gateways: Vec::new(),
            operators: Vec::new(),
            canned: Vec::new(),
        }
    }
}

impl Book {
    /// The book as TOML, which [`Manuscript::read`](super::Manuscript::read) reads back.
    pub fn to_toml(&self) -> String {
        // Keys are ours, and every value is a table, a list, a string or a number.
        toml::to_string(self).expect("a desk can be written as TOML")
    }
}

/// A queue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueEntry {
    /// Its name.
    #[serde(deserialize_with = "name")]
    pub name: String,
    /// What its patrons call it.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "words_or_none"
    )]
    pub title: Option<String>,
    /// What partners should know.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "words_or_none"
    )]
    pub facts: Option<String>,
    /// `Mon-Fri 9:00-17:00`
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "hours"
    )]
    pub hours: Option<String>,
    /// The queue that helps.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "words_or_none"
    )]
    pub fallback: Option<String>,
    /// Unanswered for how many seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_after_s: Option<u32>,
    /// Days with hours of their own.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "holidays"
    )]
    pub holidays: BTreeMap<Date, String>,
}

/// A gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayEntry {
    /// Its name.
    #[serde(deserialize_with = "name")]
    pub name: String,
    /// The wire.
    pub kind: GatewayKind,
    /// The queue it feeds.
    pub queue: String,
    /// For sms: the configured modem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// What happens while the queue is offline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline: Option<OfflinePolicy>,
    /// Whether it is taken for offline whoever is there.
    #[serde(default)]
    pub paused: bool,
    /// Its own wording of notices.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "wording"
    )]
    pub wording: BTreeMap<Notice, String>,
    /// Words that are answered without a librarian, with their answers.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "keywords"
    )]
    pub keywords: BTreeMap<String, String>,
}

/// An operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorEntry {
    /// The name they sign in with.
    #[serde(deserialize_with = "name")]
    pub name: String,
    /// What they may do.
    #[serde(default = "usual_role")]
    pub role: Role,
    /// The queues they are assigned to.
    #[serde(default)]
    pub queues: Vec<String>,
    /// Their XMPP addresses.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "jids"
    )]
    pub xmpp: Vec<String>,
    /// The hash of their password, where it was asked for.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "password_hash"
    )]
    pub password_hash: Option<String>,
}

fn usual_role() -> Role {
    Role::Operator
}

/// A canned reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CannedEntry {
    /// Its key.
    #[serde(deserialize_with = "name")]
    pub key: String,
    /// For this queue alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// The words.
    #[serde(deserialize_with = "words")]
    pub text: String,
}

// What can be told of one value alone is told where the reader of TOML knows its line; and each
// value is brought into the form in which the spool keeps it, so that it compares.

fn form<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let form = u32::deserialize(from)?;
    if form != FORM {
        return Err(de::Error::custom(format!(
            "this book is of form {form}, and this version reads form {FORM}: export it again"
        )));
    }
    Ok(form)
}

fn name<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let name = String::deserialize(from)?;
    check_name(&name).map_err(de::Error::custom)?;
    Ok(name)
}

fn words<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(String::deserialize(from)?.trim().to_owned())
}

fn words_or_none<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(Some(words(from)?).filter(|words| !words.is_empty()))
}

fn hours<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    match words_or_none(from)? {
        None => Ok(None),
        Some(hours) => {
            let hours: Hours = hours.parse().map_err(de::Error::custom)?;
            Ok(Some(hours.to_string()))
        }
    }
}

fn holidays<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<Date, String>, D::Error> {
    #[derive(Deserialize)]
    struct Day(#[serde(deserialize_with = "day_hours")] String);
    let days = BTreeMap::<Date, Day>::deserialize(from)?;
    Ok(days.into_iter().map(|(date, day)| (date, day.0)).collect())
}

fn day_hours<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let hours: DayHours = words(from)?.parse().map_err(de::Error::custom)?;
    Ok(hours.to_string())
}

fn wording<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<Notice, String>, D::Error> {
    let wording = BTreeMap::<Notice, String>::deserialize(from)?.into_iter();
    Ok(wording
        .map(|(notice, words)| (notice, words.trim().to_owned()))
        .collect())
}

fn keywords<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let mut keywords = BTreeMap::new();
    for (word, mut answer) in BTreeMap::<String, String>::deserialize(from)? {
        check_keyword(&word, &mut answer).map_err(de::Error::custom)?;
        keywords.insert(word.trim().to_owned(), answer);
    }
    Ok(keywords)
}

/// JIDs fold case (RFC 7622 §3.3.1).
fn jids<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let jids = Vec::<String>::deserialize(from)?;
    Ok(jids.iter().map(|jid| jid.trim().to_lowercase()).collect())
}

fn password_hash<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let hash = String::deserialize(from)?;
    if !is_hash(&hash) {
        return Err(de::Error::custom(
            "this is no hash of a password as an export with passwords has them: leave \
             `password_hash` out, and set a password afterwards",
        ));
    }
    Ok(Some(hash))
}

/// argon2id in PHC form, of a cost that the box can bear.
fn is_hash(hash: &str) -> bool {
    let parts: Vec<&str> = hash.split('$').collect();
    let ["", "argon2id", "v=19", costs, salt, digest] = parts.as_slice() else {
        return false;
    };
    let cost = |key: &str| {
        let mut costs = costs.split(',');
        let cost = costs.find_map(|cost| cost.strip_prefix(key)?.strip_prefix('='));
        cost.and_then(|cost| cost.parse::<u32>().ok())
    };
    let bearable = |key: &str, most: u32| cost(key).is_some_and(|cost| (1..=most).contains(&cost));
    let plain = |part: &str| {
        (1..=128).contains(&part.len())
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+/.-".contains(&b))
    };
    bearable("m", HASH_MEMORY_MAX_KIB)
        && bearable("t", 16)
        && bearable("p", 16)
        && plain(salt)
        && plain(digest)
}

#[cfg(test)]
mod tests {
    use super::is_hash;

    #[test]
    fn hashes_that_would_take_the_whole_box_are_none() {
        for (hash, is) in [
            (
                "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo",
                true,
            ),
            (
                "$argon2id$v=19$m=4294967295,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo",
                false,
            ),
            (
                "$argon2id$v=19$m=19456,t=99,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo",
                false,
            ),
            (
                "$argon2i$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo",
                false,
            ),
            ("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$", false),
            ("three odd words", false),
            ("", false),
        ] {
            assert_eq!(is_hash(hash), is, "{hash}");
        }
    }
}
