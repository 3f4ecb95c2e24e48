//! Queries that run for every text stay quick as the spool grows.

use rusqlite::{StatementStatus, params};

use super::*;

/// None of the queries that run for every text may walk a table that only grows.
#[test]
fn no_query_of_every_day_walks_what_only_grows() {
    let shelf = shelf();
    let plans: Vec<(&str, String)> = shelf.do_(|c| {
        let mut plans = Vec::new();
        for sql in [
            "SELECT id FROM inbox WHERE state <> 'used' AND state IN ('new', 'shown')
               AND line = ?1 AND pdu IS NOT NULL ORDER BY id",
            "SELECT id FROM inbox WHERE state <> 'used' AND state = 'parked' AND line = ?1",
            "SELECT o.id FROM outbox o JOIN gateway g ON g.id = o.gateway
               WHERE o.state = 'due' AND g.line = ?1 AND NOT EXISTS (SELECT 1 FROM outbox e
               WHERE e.state = 'due' AND e.conversation = o.conversation AND e.id < o.id)",
            "SELECT id FROM segment WHERE line = ?1 AND tail = ?2 AND reference = ?3
               AND state IN ('accepted', 'unknown') ORDER BY id DESC LIMIT 1",
            "SELECT 1 FROM segment WHERE state = 'attempting' AND line = ?1 AND tail = ?2",
            "SELECT count(*) FROM segment WHERE line = ?1 AND attempted BETWEEN ?2 AND ?3",
            "SELECT id FROM message WHERE operator = ?1 AND client_id = ?2",
            "SELECT id FROM conversation c WHERE c.state <> 'closed'",
        ] {
            let mut statement = c.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
            let count = statement.parameter_count();
            let nothing = vec![rusqlite::types::Null; count];
            let lines: Vec<String> = statement
                .query_map(rusqlite::params_from_iter(nothing), |row| row.get(3))?
                .collect::<rusqlite::Result<_>>()?;
            plans.push((sql, lines.join("; ")));
        }
        Ok(plans)
    });
    for (sql, plan) in plans {
        for table in ["inbox", "outbox", "segment", "message", "conversation"] {
            let walks = plan.split("; ").any(|step| {
                step == format!("SCAN {table}")
                    || step == "SCAN o"
                    || step == "SCAN e"
                    || step == "SCAN c"
                    || step.contains("INTEGER PRIMARY KEY (rowid<?)")
            });
            assert!(!walks, "{sql}: {plan}");
        }
    }
}

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
