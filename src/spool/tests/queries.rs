//! Queries that run for every text stay quick.

use rusqlite::{StatementStatus, params};

use super::*;

/// A statement that is kept is not compiled anew when it is asked again.
#[test]
fn a_kept_statement_stays_compiled() {
    let shelf = shelf();
    let compiled_anew = shelf.do_(|c| {
        let mut compiled_anew = 0;
        for tail in ["55501230", "55501231", "55501232"] {
            let mut statement = c.prepare_cached(
                "SELECT max(id) FROM segment WHERE line = ?1 AND tail = ?2 AND reference = ?3
                   AND state IN ('delivered', 'undelivered')",
            )?;
            let found: Option<i64> =
                statement.query_row(params!["front-desk", tail, 7], |row| row.get(0))?;
            assert_eq!(found, None);
            compiled_anew = statement.get_status(StatementStatus::RePrepare);
        }
        Ok(compiled_anew)
    });
    assert_eq!(compiled_anew, 0);
}
