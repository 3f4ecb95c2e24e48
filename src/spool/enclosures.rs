//! Files that travel inside a copy of the spool: beside a spool they lie in a folder, in a copy they
//! are rows of one more table, so that a backup stays one file.
//!
//! Each is kept with its SHA-256, and read back against it. The table is in copies alone: a spool
//! that is opened with one, because somebody put a backup in its place by hand, lays the files out
//! first.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, params};
use sha2::{Digest, Sha256};

use super::backup::BackupError;
use super::{Result, SpoolError, files};

/// The digest stands before the content: what reads digests alone skips the pages of the rest.
pub(super) const TABLE: &str = "CREATE TABLE enclosed (
    secret  TEXT PRIMARY KEY,
    digest  BLOB NOT NULL,
    content BLOB NOT NULL
) STRICT";

/// What was put into a copy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Enclosed {
    /// Files in it.
    pub(super) files: u64,
    /// Files that the spool names and that were not in its folder as they should be.
    pub(super) missing: u64,
}

/// Whose a spool's files are to be: a service's, also when root restores them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    user: u32,
    group: u32,
}

impl Owner {
    /// Who owns this spool, or the folder where it is to be.
    pub(super) fn of(spool: &Path) -> Option<Self> {
        let found = std::fs::metadata(spool)
            .or_else(|_| std::fs::metadata(spool.parent().unwrap_or(Path::new("."))));
        found.ok().map(|found| Self {
            user: found.uid(),
            group: found.gid(),
        })
    }

    /// Gives them something, if it is not theirs already.
    pub(super) fn take(self, path: &Path) -> io::Result<()> {
        let mine = std::fs::metadata(path)?;
        if (mine.uid(), mine.gid()) == (self.user, self.group) {
            return Ok(());
        }
        chown(path, Some(self.user), Some(self.group))
    }
}

pub(super) fn has(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1)",
        [table],
        |row| row.get(0),
    )
}

/// Files that a spool names, with their sizes. One of an early version names none.
fn named(connection: &Connection) -> rusqlite::Result<Vec<(String, u64)>> {
    if !has(connection, "attachment")? {
        return Ok(Vec::new());
    }
    connection
        .prepare("SELECT secret, size FROM attachment WHERE made > 0 ORDER BY made, secret")?
        .query_map([], |row| {
            let size: i64 = row.get(1)?;
            Ok((row.get(0)?, u64::try_from(size).unwrap_or(0)))
        })?
        .collect()
}

/// Octets of the files that a spool names.
pub(super) fn octets(connection: &Connection) -> rusqlite::Result<u64> {
    let sizes = named(connection)?.into_iter().map(|(_, size)| size);
    Ok(sizes.fold(0, u64::saturating_add))
}

/// A secret is a file's name: nothing of a strange copy may lead out of the folder.
fn is_plain(secret: &str) -> bool {
    !secret.is_empty() && secret.len() <= 64 && secret.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn digest(content: &[u8]) -> [u8; 32] {
    Sha256::digest(content).into()
}

/// Puts the files that the copy names into it. `tell` hears of the octets that are done. A file that
/// was erased since the copy's moment loses its row as well; one that is merely not there is counted.
///
/// # Errors
/// What SQLite or the system says; the copy is no good then.
pub(super) fn enclose(
    copy: &Path,
    spool: &Path,
    tell: &mut dyn FnMut(u64),
) -> Result<Enclosed, BackupError> {
    let failed = |error| super::backup::copy_error(spool, copy, error);
    // Whatever goes wrong, the copy is thrown away: it needs no journal.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(copy, flags).map_err(failed)?;
    let wanted = named(&connection).map_err(failed)?;
    if wanted.is_empty() {
        return Ok(Enclosed::default());
    }
    connection
        .execute_batch(
            "PRAGMA journal_mode = DELETE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
             PRAGMA secure_delete = ON; BEGIN",
        )
        .map_err(failed)?;
    connection.execute_batch(TABLE).map_err(failed)?;
    let folder = files::folder_of(spool);
    let mut put = connection
        .prepare("INSERT INTO enclosed (secret, digest, content) VALUES (?1, ?2, ?3)")
        .map_err(failed)?;
    let mut enclosed = Enclosed::default();
    let mut absent = Vec::new();
    let mut done = 0_u64;
    for (secret, size) in wanted {
        match read_whole(&folder, &secret, size) {
            Some(content) => {
                put.execute(params![secret, digest(&content), content])
                    .map_err(failed)?;
                enclosed.files += 1;
            }
            None => absent.push(secret),
        }
        done = done.saturating_add(size);
        tell(done);
    }
    drop(put);
    if !absent.is_empty() {
        let live = super::backup::open_source(spool)?;
        for secret in absent {
            let is_named = live
                .query_row(
                    "SELECT EXISTS (SELECT 1 FROM attachment WHERE secret = ?1 AND made > 0)",
                    [&secret],
                    |row| row.get::<_, bool>(0),
                )
                .map_err(failed)?;
            if is_named {
                enclosed.missing += 1;
            } else {
                connection
                    .execute("DELETE FROM attachment WHERE secret = ?1", [&secret])
                    .map_err(failed)?;
            }
        }
    }
    connection.execute_batch("COMMIT").map_err(failed)?;
    connection.close().map_err(|(_, error)| failed(error))?;
    Ok(enclosed)
}

/// The content, if it is there and as long as its row says.
fn read_whole(folder: &Path, secret: &str, size: u64) -> Option<Vec<u8>> {
    if !is_plain(secret) {
        return None;
    }
    let content = std::fs::read(folder.join(secret)).ok()?;
    (content.len() as u64 == size).then_some(content)
}

/// Reads every file in a copy back; answers how many there are and what is wrong with them.
pub(super) fn examine(connection: &Connection) -> rusqlite::Result<(u64, Vec<String>)> {
    let mut faults = Vec::new();
    let mut count = 0;
    if !has(connection, "enclosed")? {
        return Ok((count, faults));
    }
    let mut rows = connection.prepare(
        "SELECT e.secret, e.digest, e.content, a.size
         FROM enclosed e LEFT JOIN attachment a ON a.secret = e.secret",
    )?;
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        count += 1;
        let secret: String = row.get(0)?;
        let kept: Vec<u8> = row.get(1)?;
        let content = row.get_ref(2)?.as_blob()?;
        let size: Option<i64> = row.get(3)?;
        let as_sent = size.and_then(|size| usize::try_from(size).ok()) == Some(content.len())
            && kept == digest(content);
        if !is_plain(&secret) || !as_sent {
            // Whoever has a link has the file: links are not for the log.
            faults.push(format!("file {count} in this copy is not as it was sent"));
        }
    }
    Ok((count, faults))
}

/// Lays the files of a copy out in `folder`, and takes them out of the copy. A file that lies there
/// already, as it should be, is left alone. Answers how many there are.
///
/// # Errors
/// What SQLite or the system says; what was laid out by then belongs to nobody, and is swept away.
pub(super) fn lay_out(connection: &Connection, folder: &Path, owner: Option<Owner>) -> Result<u64> {
    if !has(connection, "enclosed")? {
        return Ok(0);
    }
    let mut count = 0;
    {
        let mut rows = connection.prepare("SELECT secret, digest, content FROM enclosed")?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let secret: String = row.get(0)?;
            let kept: Vec<u8> = row.get(1)?;
            let content = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
            if !is_plain(&secret) || kept != digest(content) {
                return Err(SpoolError::Broken(
                    "a file in the copy is not as it was sent".into(),
                ));
            }
            lay(folder, &secret, content, owner).map_err(|error| unlaid(folder, &error))?;
            count += 1;
        }
    }
    if count > 0 {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| unlaid(folder, &error))?;
    }
    connection.execute_batch("DROP TABLE enclosed; VACUUM")?;
    Ok(count)
}

/// A spool whose table of files was not laid out yet: a backup that somebody put in its place by
/// hand. Its files are of use only in the folder, and only there does FORGET find them.
pub(super) fn settle(connection: &Connection, spool: &Path) {
    match lay_out(connection, &files::folder_of(spool), Owner::of(spool)) {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "files of a backup are laid out beside the spool"),
        Err(error) => {
            tracing::warn!(%error, "files of a backup stay in the spool until the next start");
        }
    }
}

/// Lays out what lies in the folder beside a spool that was put aside, where a copy of it names it.
/// Answers how many there are.
///
/// # Errors
/// What SQLite or the system says.
pub(super) fn bring_back(
    connection: &Connection,
    aside: &Path,
    folder: &Path,
    owner: Option<Owner>,
) -> Result<u64> {
    if !aside.is_dir() {
        return Ok(0);
    }
    let mut count = 0;
    for (secret, size) in named(connection)? {
        if let Some(content) = read_whole(aside, &secret, size) {
            lay(folder, &secret, &content, owner).map_err(|error| unlaid(folder, &error))?;
            count += 1;
        }
    }
    Ok(count)
}

/// Files that the spool names and that are not in its folder.
pub(super) fn missing(connection: &Connection, folder: &Path) -> Result<u64> {
    let mut missing = 0;
    for (secret, size) in named(connection)? {
        let found = std::fs::metadata(folder.join(&secret));
        if !found.is_ok_and(|found| found.is_file() && found.len() == size) {
            missing += 1;
        }
    }
    Ok(missing)
}

/// Where the files of a spool lie that was put aside.
pub(super) fn folder_aside(aside: &Path) -> PathBuf {
    let mut name = aside.as_os_str().to_owned();
    name.push(".files");
    PathBuf::from(name)
}

/// Keeps what lies in `folder` under other names as well: hard links, which take no room.
pub(super) fn set_aside(folder: &Path, aside: &Path) -> io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(is_plain) && entry.file_type()?.is_file() {
            make_folder(aside, None)?;
            std::fs::hard_link(entry.path(), aside.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn unlaid(folder: &Path, error: &io::Error) -> SpoolError {
    if error.kind() == io::ErrorKind::StorageFull {
        return SpoolError::Full;
    }
    SpoolError::Broken(format!("cannot write to {}: {error}", folder.display()))
}

fn make_folder(folder: &Path, owner: Option<Owner>) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        made => made?,
    }
    owner.map_or(Ok(()), |owner| owner.take(folder))
}

fn lay(folder: &Path, secret: &str, content: &[u8], owner: Option<Owner>) -> io::Result<()> {
    make_folder(folder, owner)?;
    let place = folder.join(secret);
    if std::fs::read(&place).is_ok_and(|there| there == content) {
        return Ok(());
    }
    // Under a passing name: what bears a file's name is whole.
    let passing = folder.join(format!("{secret}.partial"));
    match std::fs::remove_file(&passing) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&passing)?;
    file.write_all(content)?;
    file.sync_all()?;
    if let Some(owner) = owner {
        owner.take(&passing)?;
    }
    std::fs::rename(&passing, place)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::PermissionsExt;

    use jiff::Timestamp;

    use super::super::Spool;
    use super::super::backup::{Copied, Step, back_up};
    use super::super::check::check;
    use super::super::files::{Attachment, attach};
    use super::super::restore::{NumberKeyFrom, Waiting, put_back};
    use super::*;

    /// A spool with files `a` and `b`, of several pages each.
    struct Shelf {
        folder: tempfile::TempDir,
    }

    fn content(letter: char) -> Vec<u8> {
        let letter = letter.to_string();
        (0..3000)
            .flat_map(|at| format!("{letter}{at}").into_bytes())
            .collect()
    }

    fn secret(letter: char) -> String {
        letter.to_string().repeat(12)
    }

    impl Shelf {
        fn new() -> Self {
            let shelf = Self {
                folder: tempfile::tempdir().unwrap(),
            };
            std::fs::create_dir(shelf.attachments()).unwrap();
            for letter in ['a', 'b'] {
                let file = Attachment {
                    secret: secret(letter),
                    name: "page.pdf".into(),
                    kind: "application/pdf".into(),
                    size: content(letter).len() as u64,
                };
                std::fs::write(shelf.file(letter), content(letter)).unwrap();
                Spool::open(&shelf.spool())
                    .unwrap()
                    .write_blocking(move |c| attach(c, &file, Timestamp::now()))
                    .unwrap();
            }
            shelf
        }

        fn spool(&self) -> PathBuf {
            self.folder.path().join("spool.db")
        }

        fn attachments(&self) -> PathBuf {
            self.folder.path().join("attachments")
        }

        fn file(&self, letter: char) -> PathBuf {
            self.attachments().join(secret(letter))
        }

        /// In a folder of its own: a backup lies elsewhere.
        fn backup(&self) -> Copied {
            let elsewhere = self.folder.path().join("elsewhere");
            let _ = std::fs::create_dir(&elsewhere);
            back_up(&self.spool(), &elsewhere.join("copy.db"), &mut |_| {}).unwrap()
        }

        /// Whether each file is there, octet by octet.
        fn has(&self) -> [bool; 2] {
            ['a', 'b'].map(|letter| {
                std::fs::read(self.file(letter)).is_ok_and(|found| found == content(letter))
            })
        }

        fn sql(&self, sql: &'static str) {
            let spool = Spool::open(&self.spool()).unwrap();
            spool
                .write_blocking(move |c| Ok(c.execute_batch(sql)?))
                .unwrap();
        }

        fn restore(&self, backup: &Path) -> super::super::restore::Restored {
            put_back(
                backup,
                &self.spool(),
                Waiting::Doubt,
                &NumberKeyFrom::Here,
                &mut |_| {},
            )
            .unwrap()
        }
    }

    #[test]
    fn files_travel_in_the_copy_and_come_back_private() {
        let shelf = Shelf::new();
        let mut steps = Vec::new();
        let elsewhere = shelf.folder.path().join("copy.db");
        let copied = back_up(&shelf.spool(), &elsewhere, &mut |at| steps.push(at)).unwrap();
        assert_eq!((copied.files, copied.missing), (2, 0));
        assert!(copied.octets > 2 * content('a').len() as u64);
        assert!(steps.iter().all(|at| at.done <= at.total), "{steps:?}");
        let copying = steps.iter().filter(|at| at.step == Step::Copying);
        assert!(copying.is_sorted_by_key(|at| at.done), "{steps:?}");
        assert_eq!(check(&elsewhere).unwrap().files, 2);

        std::fs::remove_dir_all(shelf.attachments()).unwrap();
        let restored = shelf.restore(&elsewhere);
        assert_eq!((restored.files, restored.missing), (2, 0));
        assert_eq!(shelf.has(), [true, true]);
        for (path, mode) in [(shelf.attachments(), 0o700), (shelf.file('a'), 0o600)] {
            let found = std::fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(found & 0o777, mode);
        }
        // They are not kept twice.
        assert_eq!(check(&shelf.spool()).unwrap().files, 0);
        let octets = std::fs::read(shelf.spool()).unwrap();
        let part = &content('a')[..64];
        assert!(!octets.windows(part.len()).any(|window| window == part));
    }

    #[test]
    fn a_file_erased_meanwhile_is_not_missed_and_one_that_is_lost_is() {
        let shelf = Shelf::new();
        std::fs::remove_file(shelf.file('a')).unwrap();
        std::fs::write(shelf.file('b'), "cut off").unwrap();
        let copied = shelf.backup();
        assert_eq!((copied.files, copied.missing), (0, 2));
        let restored = shelf.restore(&copied.path);
        assert_eq!((restored.files, restored.missing), (0, 2));

        // Erased between the copy's moment and the reading of its file.
        let shelf = Shelf::new();
        let copy = shelf.folder.path().join("rows.db");
        let source = Connection::open(shelf.spool()).unwrap();
        source
            .execute("VACUUM INTO ?1", [copy.to_str().unwrap()])
            .unwrap();
        shelf.sql("DELETE FROM attachment WHERE secret LIKE 'a%'");
        std::fs::remove_file(shelf.file('a')).unwrap();
        let mut told = Vec::new();
        let enclosed = enclose(&copy, &shelf.spool(), &mut |done| told.push(done)).unwrap();
        let expected = Enclosed {
            files: 1,
            missing: 0,
        };
        assert_eq!((enclosed, told.len()), (expected, 2));
        let left = named(&Connection::open(&copy).unwrap()).unwrap();
        assert_eq!(left, [(secret('b'), content('b').len() as u64)]);
    }

    #[test]
    fn what_was_put_aside_can_be_put_back_with_its_files() {
        let shelf = Shelf::new();
        let copied = shelf.backup();
        shelf.sql("DELETE FROM attachment WHERE secret LIKE 'a%'");
        std::fs::remove_file(shelf.file('a')).unwrap();
        let previous = shelf.restore(&copied.path).previous.unwrap();
        assert_eq!(shelf.has(), [true, true]);
        // The later spool's files are swept away from beside the restored one in time.
        std::fs::remove_dir_all(shelf.attachments()).unwrap();
        let restored = shelf.restore(&previous);
        assert_eq!((restored.files, restored.missing), (1, 0));
        assert_eq!(shelf.has(), [false, true]);
    }

    #[test]
    fn a_copy_without_files_leaves_those_that_are_there() {
        let shelf = Shelf::new();
        // As backups were made before files travelled in them.
        let old = shelf.folder.path().join("old.db");
        let source = Connection::open(shelf.spool()).unwrap();
        source
            .execute("VACUUM INTO ?1", [old.to_str().unwrap()])
            .unwrap();
        std::fs::remove_file(shelf.file('a')).unwrap();
        let restored = shelf.restore(&old);
        assert_eq!((restored.files, restored.missing), (0, 1));
        assert_eq!(shelf.has(), [false, true]);
    }

    #[test]
    fn a_copy_whose_files_changed_is_damaged_and_a_strange_name_goes_nowhere() {
        for sql in [
            "UPDATE enclosed SET content = zeroblob(length(content)) WHERE secret LIKE 'b%'",
            "UPDATE enclosed SET secret = '../../stray' WHERE secret LIKE 'b%'",
            "UPDATE attachment SET size = size + 1 WHERE secret LIKE 'b%'",
        ] {
            let shelf = Shelf::new();
            let copied = shelf.backup();
            let connection = Connection::open(&copied.path).unwrap();
            connection.execute_batch(sql).unwrap();
            drop(connection);
            let said = put_back(
                &copied.path,
                &shelf.spool(),
                Waiting::Doubt,
                &NumberKeyFrom::Here,
                &mut |_| {},
            );
            let said = said.unwrap_err().to_string();
            assert!(said.contains("is damaged (file "), "{sql}: {said}");
            assert!(!said.contains(&secret('b')), "{said}");
            assert!(!shelf.folder.path().join("stray").exists());
        }
    }

    #[test]
    fn a_backup_put_in_place_by_hand_lays_its_files_out() {
        let first = Shelf::new();
        let copied = first.backup();
        // Another box, whose folder is empty.
        let shelf = Shelf {
            folder: tempfile::tempdir().unwrap(),
        };
        std::fs::copy(&copied.path, shelf.spool()).unwrap();
        drop(Spool::open(&shelf.spool()).unwrap());
        assert_eq!(shelf.has(), [true, true]);
        assert_eq!(check(&shelf.spool()).unwrap().files, 0);
    }
}
