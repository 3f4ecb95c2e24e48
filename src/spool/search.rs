//! Search of transcripts (SQLite FTS5). Triggers keep the index in step with the messages, and
//! erase from it what is erased from them.

use rusqlite::{Connection, params};

use super::Result;
use super::wire::{self, MESSAGE};
use crate::routing::{ConversationId, Message, MessageId};

/// Words of one question; more do not find more.
const WORDS_MAX: usize = 8;

/// What is asked for: words that all must occur, as beginnings of words, and tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Question {
    words: Vec<String>,
    /// Tags the conversation must have.
    pub tags: Vec<String>,
}

impl Question {
    /// Reads what was typed: `overdue #fines`. `None` when nothing is left to look for.
    pub fn read(typed: &str) -> Option<Self> {
        let mut question = Self::default();
        for word in typed.split_whitespace().take(WORDS_MAX) {
            match word.strip_prefix('#') {
                Some(tag) if !tag.is_empty() => question.tags.push(tag.to_lowercase()),
                Some(_) => {}
                // Whatever is no letter or digit only separates words, for the index as well.
                None => question.words.extend(
                    word.split(|c: char| !c.is_alphanumeric())
                        .filter(|part| !part.is_empty())
                        .map(str::to_owned),
                ),
            }
        }
        question.words.truncate(WORDS_MAX);
        (!question.words.is_empty() || !question.tags.is_empty()).then_some(question)
    }

    /// For the index: each word quoted, so that none is an operator of its language (FTS5 §3).
    fn expression(&self) -> String {
        let words: Vec<String> = self
            .words
            .iter()
            .map(|word| format!("\"{}\"*", word.replace('"', "")))
            .collect();
        words.join(" ")
    }
}

/// Messages that fit, newest first: those before `before`, at most `limit`. With tags alone, the
/// latest message of each conversation that has them.
pub fn search(
    connection: &Connection,
    question: &Question,
    before: Option<MessageId>,
    limit: usize,
) -> Result<Vec<Message>> {
    let before = before.map_or(i64::MAX, |id| id.0);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let tags = wire::json(&question.tags);
    const TAGGED: &str = "NOT EXISTS (SELECT 1 FROM json_each(?3) wanted
             WHERE wanted.value NOT IN (SELECT value FROM json_each(c.tags)))";
    let found = if question.words.is_empty() {
        connection
            .prepare_cached(&format!(
                "SELECT {MESSAGE} FROM conversation c
                 JOIN message m ON m.id = (SELECT max(id) FROM message WHERE conversation = c.id)
                 WHERE c.tags <> '[]' AND {TAGGED} AND m.id < ?1 ORDER BY m.id DESC LIMIT ?2"
            ))?
            .query_map(params![before, limit, tags], wire::message)?
            .collect::<rusqlite::Result<_>>()?
    } else {
        connection
            .prepare_cached(&format!(
                "SELECT {MESSAGE} FROM search
                 JOIN message m ON m.id = search.rowid
                 JOIN conversation c ON c.id = m.conversation
                 WHERE search MATCH ?4 AND search.rowid < ?1 AND {TAGGED}
                 ORDER BY search.rowid DESC LIMIT ?2"
            ))?
            .query_map(
                params![before, limit, tags, question.expression()],
                wire::message,
            )?
            .collect::<rusqlite::Result<_>>()?
    };
    Ok(found)
}

/// Conversations of patrons whose shown name begins like this, newest first.
pub fn named(connection: &Connection, name: &str, limit: usize) -> Result<Vec<ConversationId>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = connection
        .prepare_cached(
            "SELECT c.id FROM patron p JOIN conversation c ON c.patron = p.id
             WHERE p.name >= ?1 AND p.name < ?2 ORDER BY c.id DESC LIMIT ?3",
        )?
        .query_map(params![name, format!("{name}\u{10ffff}"), limit], |row| {
            row.get(0).map(ConversationId)
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_becomes_words_and_tags() {
        for (typed, words, tags) in [
            ("overdue", vec!["overdue"], vec![]),
            ("  Le   Guin ", vec!["Le", "Guin"], vec![]),
            ("#Fines overdue", vec!["overdue"], vec!["fines"]),
            (
                "\"quoted\" OR -not* NEAR(x)",
                vec!["quoted", "OR", "not", "NEAR", "x"],
                vec![],
            ),
            ("o'neill", vec!["o", "neill"], vec![]),
            ("bücher 名", vec!["bücher", "名"], vec![]),
        ] {
            let question = Question::read(typed).unwrap_or_default();
            assert_eq!(question.words, words, "{typed:?}");
            assert_eq!(question.tags, tags, "{typed:?}");
        }
        for nothing in ["", "  ", "#", "\"\"", "* - ()"] {
            assert_eq!(Question::read(nothing), None, "{nothing:?}");
        }
    }
}
