//! The keys of fingerprints: outside the spool, so that neither it nor a copy of it tells who was
//! forgotten.
//!
//! The systemd credential `number-key` comes first; without one a file beside the spool, `….key`, made
//! at the first start for its owner alone. A file holds a key a line, the newest first: one restored
//! from another box is put before the box's own. Copies never take it along.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};

use super::enclosures::Owner;
use super::{OpenError, Result, erasure};
use crate::numbers::{NumberKey, NumberKeys};

/// The credential's name.
const CREDENTIAL: &str = "number-key";
/// Octets of a file of keys that are read.
const FILE_MAX: u64 = 16 * 1024;

/// Where the keys of this spool lie, where systemd keeps none for it.
pub fn file(spool: &Path) -> PathBuf {
    let mut name = spool.as_os_str().to_owned();
    name.push(".key");
    PathBuf::from(name)
}

/// Whether a spool that was in use once holds nothing, neither in its file nor in SQLite's log beside it:
/// the key was made after the first of it was on disk.
pub(super) fn was_emptied(spool: &Path) -> bool {
    let octets = |path: &Path| fs::metadata(path).map_or(0, |about| about.len());
    let mut log = spool.as_os_str().to_owned();
    log.push("-wal");
    octets(spool) == 0 && octets(Path::new(&log)) == 0 && file(spool).exists()
}

/// The keys of this spool; made where there are none.
pub(super) fn open(spool: &Path) -> Result<NumberKeys, OpenError> {
    let path = file(spool);
    let unusable = |source| OpenError::Unusable {
        path: path.clone(),
        source,
    };
    let mut keys = Vec::new();
    if let Some(folder) = std::env::var_os("CREDENTIALS_DIRECTORY") {
        let credential = Path::new(&folder).join(CREDENTIAL);
        if credential.exists() {
            keys.extend(read(&credential).map_err(unusable)?);
        }
    }
    keys.extend(read(&path).map_err(unusable)?);
    match NumberKeys::of(keys) {
        Some(keys) => Ok(keys),
        None => {
            let mut octets = [0; 32];
            getrandom::fill(&mut octets)
                .map_err(|error| unusable(io::Error::other(error.to_string())))?;
            let key = NumberKey::from(octets);
            write(spool, std::slice::from_ref(&key)).map_err(unusable)?;
            Ok(key.into())
        }
    }
}

/// Keys of a file, a line each; none where there is no file.
///
/// # Errors
/// What the system says.
pub fn read(path: &Path) -> io::Result<Vec<NumberKey>> {
    use std::io::Read;
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut octets = Vec::new();
    file.take(FILE_MAX).read_to_end(&mut octets)?;
    let text = String::from_utf8_lossy(&octets);
    Ok(text.lines().filter_map(NumberKey::read).collect())
}

/// Puts keys before those that a spool's file holds. At no moment is there half a file.
pub(super) fn write(spool: &Path, keys: &[NumberKey]) -> io::Result<()> {
    let path = file(spool);
    let known = read(&path)?;
    let added = keys.iter().filter(|key| !known.contains(key));
    let lines: String = added
        .chain(&known)
        .map(|key| format!("{}\n", key.written()))
        .collect();
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let _ = fs::remove_file(&beside);
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(lines.as_bytes())?;
    file.sync_all()?;
    if let Some(owner) = Owner::of(spool) {
        owner.take(&beside)?;
    }
    fs::rename(&beside, &path)?;
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Which keys the fingerprints in a spool were made with; none in one of an earlier release.
pub(super) fn named(connection: &Connection) -> Result<Vec<String>> {
    let ids: Option<String> = connection
        .query_row(
            "SELECT value FROM setting WHERE key = 'number_keys'",
            [],
            |row| row.get(0),
        )
        .optional()?;
    Ok(ids
        .iter()
        .flat_map(|ids| ids.split(' '))
        .map(str::to_owned)
        .collect())
}

/// Of the keys that fingerprints were made with, those that are not here; and how many telephones may
/// be known by them alone.
pub(super) fn missing(connection: &Connection, keys: &NumberKeys) -> Result<Vec<String>> {
    let here: Vec<String> = keys.all().map(NumberKey::id).collect();
    let mut named = named(connection)?;
    named.retain(|id| !here.contains(id));
    Ok(named)
}

/// Keys what an earlier release kept without one, and writes down which key is in use. All or nothing.
pub(super) fn settle(connection: &mut Connection, keys: &NumberKeys) -> Result<()> {
    let transaction = connection.transaction()?;
    let mut named = named(&transaction)?;
    let current = keys.current();
    if named.is_empty() {
        wrap(&transaction, current)?;
    }
    if !named.contains(&current.id()) {
        named.insert(0, current.id());
        transaction.execute(
            "INSERT OR REPLACE INTO setting (key, value) VALUES ('number_keys', ?1)",
            [named.join(" ")],
        )?;
    }
    transaction.commit()?;
    Ok(())
}

fn wrap(connection: &Connection, key: &NumberKey) -> Result<()> {
    let telephones: Vec<i64> = connection
        .prepare("DELETE FROM opted_out RETURNING fingerprint")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for unkeyed in &telephones {
        connection
            .prepare_cached("INSERT OR IGNORE INTO opted_out (fingerprint) VALUES (?1)")?
            .execute([key.wrap_telephone(*unkeyed)])?;
    }
    let arrivals: Vec<(i64, Vec<u8>)> = connection
        .prepare("SELECT id, digest FROM inbox")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (id, unkeyed) in &arrivals {
        // One of another length is none of ours, and tells nothing.
        let digest = <[u8; 16]>::try_from(unkeyed.as_slice()).unwrap_or_default();
        connection
            .prepare_cached("UPDATE OR IGNORE inbox SET digest = ?2 WHERE id = ?1")?
            .execute(params![id, key.pdu(digest)])?;
    }
    if !telephones.is_empty() || !arrivals.is_empty() {
        // Without a key they still lie between the rows.
        erasure::mark_unscrubbed(connection)?;
    }
    Ok(())
}
