//! Mending a damaged spool: first its indexes, and if that is not enough whatever rows can still be
//! read are carried over into a new file. The damaged one is kept beside it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::backup::{BackupError, Partial, Progress, copy_whole, open_source, prove, version_of};
use super::check::{check, examine};
use super::restore::{RestoreError, exchange};
use super::{OpenError, Result, SpoolError, connect, migrate, take_lock};

/// Rounds of taking out rows whose parent is gone: each may orphan others, one level at a time.
const ORPHAN_ROUNDS: usize = 16;

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repaired {
    /// Nothing was wrong, nothing was done.
    Whole,
    /// The indexes were made anew; no row was lost.
    Reindexed {
        /// Where the damaged spool is kept.
        previous: Option<PathBuf>,
    },
    /// What could be read was carried over.
    Salvaged {
        /// Where the damaged spool is kept.
        previous: Option<PathBuf>,
        /// Rows carried over, by table.
        rows: BTreeMap<String, u64>,
        /// Tables whose reading ended early from both ends: rows between are lost.
        torn: Vec<String>,
        /// Rows left out because what they belong to is lost.
        orphans: u64,
    },
}

/// Mends the spool at `path`, which no daemon may hold. Blocks.
///
/// # Errors
/// When nothing can be read of it, or the new file not be written; the spool is as it was then.
pub fn repair(path: &Path, watch: &mut dyn FnMut(Progress)) -> Result<Repaired, RestoreError> {
    let report = check(path)?;
    if report.faults.is_empty() {
        return Ok(Repaired::Whole);
    }
    let _lock = take_lock(path).map_err(|error| match error {
        OpenError::InUse { path } => RestoreError::InUse { path },
        error => RestoreError::Spool(error),
    })?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".repaired");
    let beside = PathBuf::from(beside);
    let not_ready = |error: SpoolError| RestoreError::NotReady {
        path: path.into(),
        said: error.to_string(),
    };

    let partial = Partial::claim(&beside)?;
    let source = open_source(path)?;
    let version = version_of(&source, path)?;
    if copy_whole(source, path, &partial.path, watch).is_ok()
        && reindex(&partial.path).is_ok_and(|whole| whole)
    {
        let previous = exchange(partial, &beside, path)?;
        return Ok(Repaired::Reindexed { previous });
    }
    drop(partial);

    let partial = Partial::claim(&beside)?;
    let source = open_source(path)?;
    let carried = carry_over(&source, &partial.path, version).map_err(not_ready)?;
    drop(source);
    prove(&partial.path, version, watch)?;
    let previous = exchange(partial, &beside, path)?;
    Ok(Repaired::Salvaged {
        previous,
        rows: carried.rows,
        torn: carried.torn,
        orphans: carried.orphans,
    })
}

/// Says whether that was enough.
fn reindex(copy: &Path) -> Result<bool> {
    let connection = open(copy)?;
    connection.execute_batch("REINDEX")?;
    let whole = examine(&connection)?.faults.is_empty();
    close(&connection)?;
    Ok(whole)
}

fn open(path: &Path) -> Result<Connection> {
    connect(path, false).map_err(|error| SpoolError::Broken(error.to_string()))
}

/// One file is all there is to rename.
fn close(connection: &Connection) -> Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    connection.pragma_update(None, "journal_mode", "DELETE")?;
    Ok(())
}

#[derive(Default)]
struct Carried {
    rows: BTreeMap<String, u64>,
    torn: Vec<String>,
    orphans: u64,
}

fn carry_over(source: &Connection, into: &Path, version: i64) -> Result<Carried> {
    let mut target = open(into)?;
    migrate::to_version(&mut target, into, version)
        .map_err(|error| SpoolError::Broken(error.to_string()))?;
    target.pragma_update(None, "foreign_keys", false)?;
    let mut carried = Carried::default();
    let transaction = target.transaction()?;
    // What triggers keep in step is made anew at the end; they must not add to what is carried.
    let triggers = named(&transaction, "trigger")?;
    for (name, _) in &triggers {
        transaction.execute_batch(&format!("DROP TRIGGER {}", quoted(name)))?;
    }
    let tables = named(&transaction, "table")?;
    let virtual_tables: Vec<&String> = tables
        .iter()
        .filter(|(_, sql)| sql.to_ascii_uppercase().starts_with("CREATE VIRTUAL"))
        .map(|(name, _)| name)
        .collect();
    for (name, _) in &tables {
        let shadow = virtual_tables
            .iter()
            .any(|owner| name == *owner || name.starts_with(&format!("{owner}_")));
        if !shadow && !name.starts_with("sqlite_") {
            carry_table(source, &transaction, name, &mut carried)?;
        }
    }
    carry_sequences(source, &transaction)?;
    carried.orphans = drop_orphans(&transaction)?;
    for (_, sql) in &triggers {
        transaction.execute_batch(sql)?;
    }
    for name in virtual_tables {
        let name = quoted(name);
        // A full-text index reads its table again; one that keeps no table has nothing to read.
        let _ =
            transaction.execute_batch(&format!("INSERT INTO {name}({name}) VALUES ('rebuild')"));
    }
    transaction.commit()?;
    close(&target)?;
    Ok(carried)
}

/// Names and statements of everything of a kind.
fn named(connection: &Connection, kind: &str) -> Result<Vec<(String, String)>> {
    let mut rows = connection
        .prepare("SELECT name, sql FROM sqlite_schema WHERE type = ?1 AND sql IS NOT NULL")?;
    let found = rows.query_map([kind], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Reads a table from its beginning until a page cannot be read, and then from its end.
fn carry_table(
    source: &Connection,
    target: &Connection,
    table: &str,
    carried: &mut Carried,
) -> Result<()> {
    let mut info = target.prepare("SELECT name, pk FROM pragma_table_info(?1) ORDER BY cid")?;
    let columns: Vec<(String, i64)> = info
        .query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut keys: Vec<&(String, i64)> = columns.iter().filter(|(_, pk)| *pk > 0).collect();
    keys.sort_by_key(|(_, pk)| *pk);
    let without_rowid: bool = target.query_row(
        "SELECT wr FROM pragma_table_list WHERE name = ?1",
        [table],
        |row| row.get(0),
    )?;
    let order = |way: &str| match without_rowid {
        true => keys
            .iter()
            .map(|(name, _)| format!("{} {way}", quoted(name)))
            .collect::<Vec<_>>()
            .join(", "),
        false => format!("rowid {way}"),
    };
    let names = columns
        .iter()
        .map(|(name, _)| quoted(name))
        .collect::<Vec<_>>()
        .join(", ");
    let places = vec!["?"; columns.len()].join(", ");
    let table_name = quoted(table);
    target.execute_batch(&format!("DELETE FROM {table_name}"))?;
    let mut insert = target.prepare(&format!(
        "INSERT OR IGNORE INTO {table_name} ({names}) VALUES ({places})"
    ))?;
    let mut count = 0;
    let mut whole = false;
    for way in ["ASC", "DESC"] {
        let query = format!("SELECT {names} FROM {table_name} ORDER BY {}", order(way));
        let mut read = || -> rusqlite::Result<()> {
            let mut select = source.prepare(&query)?;
            let mut rows = select.query([])?;
            while let Some(row) = rows.next()? {
                let values: Vec<Value> = (0..columns.len())
                    .map(|at| row.get(at))
                    .collect::<rusqlite::Result<_>>()?;
                // A row of garbage fits no constraint, and is left out.
                match insert.execute(params_from_iter(values)) {
                    Ok(inserted) => {
                        count += inserted as u64;
                        if inserted == 0 && way == "DESC" {
                            return Ok(()); // met what was read from the other end
                        }
                    }
                    Err(error)
                        if error.sqlite_error_code()
                            == Some(rusqlite::ErrorCode::ConstraintViolation) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        };
        match read() {
            Ok(()) => whole |= way == "ASC",
            Err(error) => {
                tracing::debug!(%error, table, way, "a table could not be read to its end")
            }
        }
        if whole {
            break;
        }
    }
    if !whole {
        carried.torn.push(table.to_owned());
    }
    carried.rows.insert(table.to_owned(), count);
    Ok(())
}

/// Numbers that were given once are not given again.
fn carry_sequences(source: &Connection, target: &Connection) -> Result<()> {
    let read = || -> rusqlite::Result<Vec<(String, i64)>> {
        let mut rows = source.prepare("SELECT name, seq FROM sqlite_sequence")?;
        let found = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        found.collect()
    };
    for (name, seq) in read().unwrap_or_default() {
        let changed = target.execute(
            "UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1",
            rusqlite::params![name, seq],
        )?;
        if changed == 0 {
            target.execute(
                "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)",
                rusqlite::params![name, seq],
            )?;
        }
    }
    Ok(())
}

/// Takes out rows that belong to a row that is lost.
fn drop_orphans(connection: &Connection) -> Result<u64> {
    let mut dropped = 0;
    for _ in 0..ORPHAN_ROUNDS {
        let mut check =
            connection.prepare("SELECT DISTINCT \"table\", fkid FROM pragma_foreign_key_check")?;
        let broken: Vec<(String, i64)> = check
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        if broken.is_empty() {
            break;
        }
        for (table, key) in broken {
            let (parent, from, to): (String, String, Option<String>) = connection.query_row(
                "SELECT \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?1) WHERE id = ?2",
                rusqlite::params![table, key],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )?;
            let (table, parent, from) = (quoted(&table), quoted(&parent), quoted(&from));
            let to = to.map_or_else(|| "rowid".to_owned(), |to| quoted(&to));
            let count = connection.execute(
                &format!(
                    "DELETE FROM {table} WHERE {from} IS NOT NULL
                     AND NOT EXISTS (SELECT 1 FROM {parent} p WHERE p.{to} = {table}.{from})"
                ),
                [],
            )?;
            dropped += count as u64;
        }
    }
    Ok(dropped)
}

impl From<BackupError> for SpoolError {
    fn from(error: BackupError) -> Self {
        SpoolError::Broken(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::Spool;
    use super::*;

    const TEXTS: i64 = 3000;

    /// A spool with texts enough to fill pages, closed.
    fn spool(folder: &Path) -> PathBuf {
        let path = folder.join("spool.db");
        let spool = Spool::open(&path).unwrap();
        spool
            .write_blocking(|c| {
                c.execute_batch(
                    "INSERT INTO gateway (id, name, kind, queue, policy) VALUES (1, 'm', 'im', 1, 'hold');
                     INSERT INTO patron (id, gateway, address, name) VALUES (1, 1, 'a', 'heron-42');
                     INSERT INTO conversation (id, patron, gateway, queue, home, state, opened, active)
                         VALUES (1, 1, 1, 1, 1, 'waiting', 0, 0);",
                )?;
                for at in 1..=TEXTS {
                    c.prepare_cached(
                        "INSERT INTO message (conversation, direction, body, at, state, author)
                         VALUES (1, 'in', ?1, 0, 'received', 'patron')",
                    )?
                    .execute([format!("text {at} {}", "x".repeat(100))])?;
                }
                Ok(())
            })
            .unwrap();
        drop(spool);
        let connection = Connection::open(&path).unwrap();
        connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .unwrap();
        path
    }

    /// Pages of a table or an index, by SQLite's own account.
    fn page_of(path: &Path, name: &str) -> u64 {
        let connection = Connection::open(path).unwrap();
        let page: i64 = connection
            .query_row(
                "SELECT rootpage FROM sqlite_schema WHERE name = ?1",
                [name],
                |row| row.get(0),
            )
            .unwrap();
        u64::try_from(page).unwrap()
    }

    /// Overwrites octets of a page.
    fn damage(path: &Path, page: u64, from: u64, octets: usize) {
        use std::os::unix::fs::FileExt;
        let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        file.write_all_at(&vec![0xA5; octets], (page - 1) * 4096 + from)
            .unwrap();
    }

    fn count(path: &Path) -> i64 {
        let spool = Spool::open(path).unwrap();
        spool
            .write_blocking(|c| {
                Ok(c.query_row("SELECT count(*) FROM message", [], |row| row.get(0))?)
            })
            .unwrap()
    }

    fn quietly(path: &Path) -> Repaired {
        repair(path, &mut |_| {}).unwrap()
    }

    #[test]
    fn a_whole_spool_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = spool(folder.path());
        let before = std::fs::read(&path).unwrap();
        assert_eq!(quietly(&path), Repaired::Whole);
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn an_index_out_of_step_costs_no_row() {
        let folder = tempfile::tempdir().unwrap();
        let path = spool(folder.path());
        // The schema says that the index is another one's: it holds nothing of its table.
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch(
                "PRAGMA writable_schema = ON;
                 UPDATE sqlite_schema SET sql = 'CREATE INDEX message_thread ON message(body, id)'
                     WHERE name = 'message_thread';
                 PRAGMA writable_schema = OFF;",
            )
            .unwrap();
        drop(connection);
        assert!(!check(&path).unwrap().faults.is_empty());
        assert!(matches!(
            quietly(&path),
            Repaired::Reindexed { previous: Some(_) }
        ));
        assert_eq!(check(&path).unwrap().faults, Vec::<String>::new());
        assert_eq!(count(&path), TEXTS);
    }

    #[test]
    fn a_torn_table_is_read_from_both_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = spool(folder.path());
        let pages = std::fs::metadata(&path).unwrap().len() / 4096;
        // A leaf in the middle of the texts, which fill most of the file.
        damage(&path, pages / 2, 0, 4096);
        let report = check(&path).unwrap();
        assert!(!report.faults.is_empty());
        let Repaired::Salvaged {
            previous: Some(previous),
            rows,
            ..
        } = quietly(&path)
        else {
            panic!("it could not be read as it was");
        };
        assert!(previous.exists());
        let kept = count(&path);
        assert_eq!(rows["message"], u64::try_from(kept).unwrap());
        assert!((TEXTS - 100..=TEXTS).contains(&kept), "{kept}");
        assert_eq!(check(&path).unwrap().faults, Vec::<String>::new());
    }

    #[test]
    fn rows_whose_parent_is_lost_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = spool(folder.path());
        damage(&path, page_of(&path, "patron"), 0, 8);
        let Repaired::Salvaged { orphans, torn, .. } = quietly(&path) else {
            panic!("a table is lost");
        };
        // The conversation, and its texts with it.
        assert_eq!(orphans, u64::try_from(TEXTS).unwrap() + 1);
        assert!(torn.contains(&"patron".to_owned()), "{torn:?}");
        assert_eq!(check(&path).unwrap().faults, Vec::<String>::new());
    }

    #[test]
    fn a_file_of_which_nothing_can_be_read_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = spool(folder.path());
        damage(&path, 1, 0, 4096);
        assert!(repair(&path, &mut |_| {}).is_err());
        assert!(path.exists());
    }
}
