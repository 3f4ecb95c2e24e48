//! Bearer tokens: listed by the beginning of their hash, and taken away by it.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{Result, wire};
use crate::routing::{AmendError, Listed, OperatorId};

/// Hexadecimal letters of the hash that name a token in a list.
const SHOWN: usize = 12;

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
pub(super) fn revoke(
    connection: &Connection,
    operator: Option<i64>,
    token: Option<&str>,
) -> Result<()> {
    let gone = connection.execute(
        "DELETE FROM token
         WHERE operator = ?1 AND (?2 IS NULL OR substr(hash, 1, length(?2)) = ?2)",
        params![operator, token],
    )?;
    match token {
        Some(token) if gone == 0 => {
            let (what, name) = (Listed::Token, token.to_owned());
            Err(AmendError::NoSuch { what, name }.into())
        }
        Some(_) | None => Ok(()),
    }
}
