//! Bearer tokens: listed by the beginning of their hash, and taken away by it.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{Result, SpoolError, wire};
use crate::routing::OperatorId;

/// Hexadecimal letters of the hash that name a token in a list.
const SHOWN: usize = 12;
/// Letters of a hash's beginning at least: fewer may mean another token.
const SHOWN_MIN: usize = 6;

/// A token, as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The beginning of its hash.
    pub id: String,
    /// Whose.
    pub operator: OperatorId,
    /// When it was made.
    pub made: Timestamp,
    /// What it is for.
    pub label: Option<String>,
}

/// Tokens of one operator or of all, oldest first.
pub fn list(connection: &Connection, of: Option<OperatorId>) -> Result<Vec<Token>> {
    let rows = connection
        .prepare_cached(
            "SELECT hash, operator, made, label FROM token
             WHERE ?1 IS NULL OR operator = ?1 ORDER BY operator, made, hash",
        )?
        .query_map([of.map(|id| id.0)], |row| {
            let hash: String = row.get(0)?;
            Ok(Token {
                id: hash.chars().take(SHOWN).collect(),
                operator: OperatorId(row.get(1)?),
                made: wire::time_from(row, 2)?,
                label: row.get(3)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// Takes one away, or all of an operator's.
pub(super) fn revoke(connection: &Connection, operator: i64, token: Option<&str>) -> Result<()> {
    let Some(token) = token else {
        connection.execute("DELETE FROM token WHERE operator = ?1", [operator])?;
        return Ok(());
    };
    let fits = token.len() >= SHOWN_MIN && token.bytes().all(|b| b.is_ascii_hexdigit());
    let gone = match fits {
        true => connection.execute(
            "DELETE FROM token WHERE operator = ?1 AND substr(hash, 1, length(?2)) = lower(?2)",
            params![operator, token],
        )?,
        false => 0,
    };
    match gone {
        0 => Err(SpoolError::Refused(
            "there is no such token; `callnumber operator tokens NAME` lists those there are"
                .into(),
        )),
        _ => Ok(()),
    }
}
