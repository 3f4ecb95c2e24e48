//! Whether a spool is whole: read from the first page to the last.

use std::path::Path;

use rusqlite::Connection;

use super::backup::{BackupError, open_source};
use super::{enclosures, migrate, open_error};

/// Faults named at most; a damaged file has thousands, and the first few say enough.
const FAULTS_MAX: usize = 50;

/// What a reading of the whole spool found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Examined {
    /// Its version.
    pub version: i64,
    /// Texts in it, both ways.
    pub texts: u64,
    /// Files that travel in it: a backup has them inside, a spool beside.
    pub files: u64,
    /// Its size in octets, without its log.
    pub octets: u64,
    /// Octets of it that are free.
    pub free: u64,
    /// What is wrong, in SQLite's words; none when it is whole.
    pub faults: Vec<String>,
}

/// Reads all of the spool at `path`, beside a running daemon or without one.
///
/// # Errors
/// When it cannot be opened at all. Damage is not an error: see [`Examined::faults`].
pub fn check(path: &Path) -> Result<Examined, BackupError> {
    let connection = open_source(path)?;
    match examine(&connection) {
        Ok(report) => Ok(report),
        Err(source) if is_damage(&source) => Ok(Examined {
            version: migrate::version(&connection).unwrap_or(0),
            octets: std::fs::metadata(path).map_or(0, |found| found.len()),
            faults: vec![source.to_string()],
            ..Examined::default()
        }),
        Err(source) => Err(open_error(path, source).into()),
    }
}

pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            rusqlite::ErrorCode::DatabaseCorrupt
                | rusqlite::ErrorCode::NotADatabase
                | rusqlite::ErrorCode::SystemIoFailure
        )
    )
}

/// Reads all of it, as it stands at one moment.
pub(super) fn examine(connection: &Connection) -> rusqlite::Result<Examined> {
    let transaction = connection.unchecked_transaction()?;
    let number = |name| transaction.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let page = number("page_size")?;
    let octets = |pages: i64| u64::try_from(pages.saturating_mul(page)).unwrap_or(0);
    let mut report = Examined {
        version: migrate::version(&transaction)?,
        octets: octets(number("page_count")?),
        free: octets(number("freelist_count")?),
        ..Examined::default()
    };
    let mut words = transaction.prepare(&format!("PRAGMA integrity_check({FAULTS_MAX})"))?;
    let mut rows = words.query([])?;
    while let Some(row) = rows.next()? {
        let said: String = row.get(0)?;
        if said != "ok" {
            report.faults.push(said);
        }
    }
    let mut orphans = transaction.prepare("PRAGMA foreign_key_check")?;
    let mut rows = orphans.query([])?;
    while let Some(row) = rows.next()? {
        if report.faults.len() >= FAULTS_MAX {
            break;
        }
        let (table, id, parent): (String, Option<i64>, String) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        let id = id.map_or_else(|| "a row".to_owned(), |id| format!("row {id}"));
        report.faults.push(format!(
            "{id} of {table} belongs to a {parent} that is not there"
        ));
    }
    if report.faults.is_empty() {
        let count: i64 =
            transaction.query_row("SELECT count(*) FROM message", [], |row| row.get(0))?;
        report.texts = u64::try_from(count).unwrap_or(0);
        let (files, faults) = enclosures::examine(&transaction)?;
        report.files = files;
        report.faults.extend(faults.into_iter().take(FAULTS_MAX));
    }
    Ok(report)
}
