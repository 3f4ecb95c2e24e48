//! Numbered migrations: `PRAGMA user_version` counts those that ran.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::{OpenError, open_error};

/// Marks the file as ours (`PRAGMA application_id`): "clnm".
const APPLICATION_ID: i64 = 0x636c_6e6d;

/// Each runs once, in order, and is never changed after a release.
const MIGRATIONS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("migrations/0002_messengers.sql"),
    include_str!("migrations/0003_aids.sql"),
    include_str!("migrations/0004_arrangements.sql"),
    include_str!("migrations/0005_visitors.sql"),
    include_str!("migrations/0006_upkeep.sql"),
    include_str!("migrations/0007_sending.sql"),
    include_str!("migrations/0008_search.sql"),
    include_str!("migrations/0009_one_count.sql"),
    include_str!("migrations/0010_one_index_less.sql"),
    include_str!("migrations/0011_reports_known_again.sql"),
    include_str!("migrations/0012_files_of_conversations.sql"),
    include_str!("migrations/0013_lines_set_up_by_a_page.sql"),
    include_str!("migrations/0014_walks.sql"),
    include_str!("migrations/0015_closed_by_last_word.sql"),
    include_str!("migrations/0016_own_words.sql"),
    include_str!("migrations/0017_allowance.sql"),
    include_str!("migrations/0018_erased.sql"),
];

/// Refuses a file that is some other program's database, before anything is written to it.
pub(super) fn recognise(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let failed = |source| open_error(path, source);
    let application: i64 = connection
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .map_err(failed)?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(failed)?;
    if application != APPLICATION_ID && tables > 0 {
        return Err(OpenError::NotASpool { path: path.into() });
    }
    let found = version(connection).map_err(failed)?;
    let known = known();
    if found > known {
        return Err(OpenError::Newer {
            path: path.into(),
            found,
            known,
        });
    }
    Ok(())
}

/// [`recognise`], of a file that must be a spool already: an empty one is none.
pub(super) fn recognise_ours(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    recognise(connection, path)?;
    let application: i64 = connection
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .map_err(|source| open_error(path, source))?;
    match application {
        APPLICATION_ID => Ok(()),
        _ => Err(OpenError::NotASpool { path: path.into() }),
    }
}

/// Runs the migrations that have not run, all of them or none.
pub(super) fn to_latest(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let failed = |source| open_error(path, source);
    let done = version(connection).map_err(failed)?;
    let Ok(done) = usize::try_from(done) else {
        return Err(OpenError::NotASpool { path: path.into() });
    };
    let pending = MIGRATIONS.get(done..).unwrap_or_default();
    if pending.is_empty() {
        return Ok(());
    }
    run(connection, path, pending, known(), done == 0)
}

/// Gives an empty file the tables of one version, and no rows.
pub(super) fn to_version(
    connection: &mut Connection,
    path: &Path,
    version: i64,
) -> Result<(), OpenError> {
    let wanted = usize::try_from(version)
        .ok()
        .and_then(|count| MIGRATIONS.get(..count));
    let Some(pending) = wanted else {
        return Err(OpenError::NotASpool { path: path.into() });
    };
    run(connection, path, pending, version, false)
}

fn run(
    connection: &mut Connection,
    path: &Path,
    pending: &[&str],
    version: i64,
    fresh: bool,
) -> Result<(), OpenError> {
    let failed = |source| open_error(path, source);
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    for migration in pending {
        transaction.execute_batch(migration).map_err(failed)?;
    }
    if fresh {
        first_rows(&transaction).map_err(failed)?;
    }
    transaction
        .pragma_update(None, "user_version", version)
        .map_err(failed)?;
    transaction
        .pragma_update(None, "application_id", APPLICATION_ID)
        .map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// A fresh spool has one queue, `desk`, and a secret of its own.
fn first_rows(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("INSERT INTO queue (name) VALUES ('desk')", [])?;
    let seed = getrandom::u64().expect("the system's random source works") & i64::MAX as u64;
    connection.execute(
        "INSERT INTO setting (key, value) VALUES ('seed', ?1)",
        [seed as i64],
    )?;
    Ok(())
}

/// The first thing in a spool of this version that is none of ours: a table, a trigger or a view of
/// somebody else would run with everything that is written.
pub(super) fn foreign(connection: &Connection, version: i64) -> Result<Option<String>, OpenError> {
    let path = Path::new(":memory:");
    let failed = |source| open_error(path, source);
    let mut ours = Connection::open_in_memory().map_err(failed)?;
    to_version(&mut ours, path, version)?;
    let read = |connection: &Connection| -> rusqlite::Result<Vec<(String, String)>> {
        let mut rows = connection.prepare(
            "SELECT name, coalesce(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'",
        )?;
        let found = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        found.collect()
    };
    let mut ours = read(&ours).map_err(failed)?;
    ours.push((
        String::from("enclosed"),
        super::enclosures::TABLE.to_owned(),
    ));
    let words = |sql: &str| sql.split_whitespace().collect::<Vec<_>>().join(" ");
    let foreign = read(connection)
        .map_err(failed)?
        .into_iter()
        .find(|theirs| {
            !ours
                .iter()
                .any(|ours| ours.0 == theirs.0 && words(&ours.1) == words(&theirs.1))
        });
    Ok(foreign.map(|(name, _)| name))
}

pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

pub(super) fn known() -> i64 {
    MIGRATIONS.len() as i64
}
