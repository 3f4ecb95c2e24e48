//! A book as somebody wrote it: what is wrong in it is said with its line.

use std::collections::HashSet;
use std::hash::Hash;

use toml::de::{DeTable, DeValue};

use super::entries::Book;

/// Letters of a line that are shown beside what is wrong in it.
const SHOWN_MAX: usize = 80;

/// A book as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manuscript {
    book: Book,
    text: String,
}

/// What is wrong in a book, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {words} (at `{shown}`)")]
pub struct Misprint {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub words: String,
    /// The line itself, without secrets.
    pub shown: String,
}

/// A place in a book: an entry of one of its lists, and a key in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The list: `queue`, `gateway`.
    pub list: &'static str,
    /// Which of its entries, from 0.
    pub entry: usize,
    /// The key; of a table within, key after key.
    pub keys: Vec<String>,
}

impl Place {
    pub(super) fn new(list: &'static str, entry: usize, key: &str) -> Self {
        Self {
            list,
            entry,
            keys: vec![key.to_owned()],
        }
    }

    pub(super) fn within(mut self, key: impl Into<String>) -> Self {
        self.keys.push(key.into());
        self
    }
}

impl Manuscript {
    /// Octets of one at most. A desk that is larger can be brought in parts: nothing is removed by
    /// what a book does not name.
    pub const SIZE_MAX: usize = 2 * 1024 * 1024;

    /// Reads one.
    ///
    /// # Errors
    /// What is wrong in it, with its line.
    pub fn read(text: String) -> Result<Self, Misprint> {
        if text.len() > Self::SIZE_MAX {
            let mib = Self::SIZE_MAX / (1024 * 1024);
            return Err(misprint(
                &text,
                0,
                &format!(
                    "this is larger than {mib} MiB: import it in parts, what a part leaves out \
                     stays as it is"
                ),
            ));
        }
        let book: Book = match toml::from_str(&text) {
            Ok(book) => book,
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                return Err(misprint(&text, at, &remedy(error.message())));
            }
        };
        let manuscript = Self { book, text };
        manuscript.check_names()?;
        Ok(manuscript)
    }

    /// What it says.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// Something is wrong at this place.
    pub fn misprint(&self, place: &Place, words: &str) -> Misprint {
        misprint(&self.text, offset(&self.text, place), words)
    }

    /// A name that stands twice could mean either.
    fn check_names(&self) -> Result<(), Misprint> {
        let Book {
            callnumber_desk: _,
            queues,
            gateways,
            operators,
            canned,
        } = &self.book;
        let said = |list, entry, key: &str, name: &str| {
            let place = Place::new(list, entry, key);
            let words = format!("there is another {list} {name:?} above: leave one of them out");
            self.misprint(&place, &words)
        };
        if let Some(at) = again(queues.iter().map(|one| &one.name)) {
            return Err(said("queue", at, "name", &queues[at].name));
        }
        if let Some(at) = again(gateways.iter().map(|one| &one.name)) {
            return Err(said("gateway", at, "name", &gateways[at].name));
        }
        if let Some(at) = again(operators.iter().map(|one| &one.name)) {
            return Err(said("operator", at, "name", &operators[at].name));
        }
        if let Some(at) = again(canned.iter().map(|one| (&one.key, &one.queue))) {
            return Err(said("canned", at, "key", &canned[at].key));
        }
        Ok(())
    }
}

/// The first of them that was there before.
fn again<T: Hash + Eq>(names: impl Iterator<Item = T>) -> Option<usize> {
    let mut seen = HashSet::new();
    names
        .enumerate()
        .find_map(|(at, name)| (!seen.insert(name)).then_some(at))
}

/// Where a place is in the text: its key, or as much of the way there as was written.
fn offset(text: &str, place: &Place) -> usize {
    let Ok(root) = DeTable::parse(text) else {
        return 0; // it was read a moment ago
    };
    let entries = root.get_ref().get(place.list);
    let entry = entries.and_then(|list| match list.get_ref() {
        DeValue::Array(entries) => entries.get(place.entry),
        _ => None,
    });
    let Some(mut value) = entry else {
        return 0;
    };
    let mut at = value.span().start;
    for key in &place.keys {
        let DeValue::Table(table) = value.get_ref() else {
            break;
        };
        let mut pairs = table.iter();
        let Some((key, inner)) = pairs.find(|(name, _)| name.get_ref().as_ref() == key) else {
            break;
        };
        at = key.span().start;
        value = inner;
    }
    at
}

fn misprint(text: &str, offset: usize, words: &str) -> Misprint {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    let line = before.iter().filter(|octet| **octet == b'\n').count() + 1;
    let shown = text.lines().nth(line - 1).unwrap_or_default().trim();
    Misprint {
        line,
        words: words.to_owned(),
        // A hash must not end up in a log because the line beside it was wrong.
        shown: match shown.split_once('=') {
            Some((key, _)) if key.contains("password") => format!("{}= …", key),
            _ => shown.chars().take(SHOWN_MAX).collect(),
        },
    }
}

/// The parser names what is wrong; the remedy is ours to add.
fn remedy(message: &str) -> String {
    let message = message.trim().trim_end_matches('.').replace('\n', ", ");
    if message.starts_with("unknown field") {
        format!("{message}: correct the key or remove it")
    } else if message.starts_with("missing field") {
        format!("{message}: add it")
    } else if message.starts_with("unknown variant") {
        format!("{message}: write one of those")
    } else {
        message
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_mistake_names_its_line_key_and_remedy() {
        for (text, line, parts) in [
            (
                "callnumber_desk = 1\n[[queue]]\nnmae = \"x\"\n",
                3,
                &["nmae", "correct the key"][..],
            ),
            ("callnumber_desk = 9\n", 1, &["form 9", "export it again"]),
            (
                "[[queue]]\nname = \"x\"\n",
                1,
                &["callnumber_desk", "add it"],
            ),
            (
                "callnumber_desk = 1\n[[queue]]\ntitle = \"x\"\n",
                2,
                &["name", "add it"],
            ),
            (
                "callnumber_desk = 1\n[[queue]]\nname = \"Maps!\"\n",
                3,
                &["Maps!", "a-z"],
            ),
            (
                "callnumber_desk = 1\n[[queue]]\nname = \"maps\"\n\n[[queue]]\nname = \"maps\"\n",
                6,
                &["another queue \"maps\"", "leave one"],
            ),
            (
                "callnumber_desk = 1\n[[queue]]\nname = \"maps\"\nhours = \"Mno 9:00-17:00\"\n",
                4,
                &["Mno", "hours ="],
            ),
            (
                "callnumber_desk = 1\n[[queue]]\nname = \"maps\"\n[queue.holidays]\n\"2026-12-25\" = \"never\"\n",
                5,
                &["never", "2026-12-25"],
            ),
            (
                "callnumber_desk = 1\n[[gateway]]\nname = \"a\"\nqueue = \"desk\"\nkind = \"fax\"\n",
                5,
                &["fax", "sms", "write one of those"],
            ),
            (
                "callnumber_desk = 1\n[[operator]]\nname = \"ana\"\npassword_hash = \"hunter2\"\n",
                4,
                &["set a password afterwards", "password_hash = …"],
            ),
            ("callnumber_desk = 1\n[[canned]\n", 2, &["[[canned]"]),
        ] {
            let misprint = Manuscript::read(text.into()).unwrap_err();
            assert_eq!(misprint.line, line, "{misprint}");
            let said = misprint.to_string();
            for part in parts {
                assert!(said.contains(part), "{said}");
            }
            assert!(!said.contains("hunter2") && !said.contains('\n'), "{said}");
        }
        let large = format!("callnumber_desk = 1\n#{}", "x".repeat(Manuscript::SIZE_MAX));
        let said = Manuscript::read(large).unwrap_err().to_string();
        assert!(said.contains("in parts"), "{said}");
    }

    #[test]
    fn places_are_found() {
        let text = "callnumber_desk = 1\n\
                    [[queue]]\nname = \"a\"\n\
                    [[queue]]\nname = \"b\"\nfallback = \"a\"\n\
                    [queue.holidays]\n\"2026-12-25\" = \"closed\"\n\
                    [[gateway]]\nname = \"w\"\nkind = \"widget\"\nqueue = \"a\"\n\
                    wording = { closed = \"Bye.\" }\n";
        let manuscript = Manuscript::read(text.into()).unwrap();
        for (place, line) in [
            (Place::new("queue", 0, "name"), 3),
            (Place::new("queue", 1, "fallback"), 6),
            (Place::new("queue", 1, "holidays").within("2026-12-25"), 8),
            (Place::new("gateway", 0, "wording").within("closed"), 13),
            // As near as there is something written.
            (Place::new("gateway", 0, "line"), 9),
            (Place::new("gateway", 0, "wording").within("help"), 13),
            (Place::new("gateway", 7, "name"), 1),
            (Place::new("canned", 0, "key"), 1),
        ] {
            assert_eq!(manuscript.misprint(&place, "x").line, line, "{place:?}");
        }
    }
}
