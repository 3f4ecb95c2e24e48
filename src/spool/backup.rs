//! Copies of the spool, made while the desk works and proved before they count.
//!
//! A copy is one consistent moment of the spool (`VACUUM INTO` from a connection of its own): a
//! stepped copy begins again with every commit, and on a busy desk never ends. What was
//! acknowledged before the copy began is in it. It is written beside its final name, read back
//! whole, forced to the medium, and only then renamed: what bears the name is a good copy. Files that
//! go with conversations travel inside it (`enclosures`).

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use rusqlite::Connection;

use super::check::{self, Examined};
use super::{OpenError, connect, enclosures, is_disk_full, migrate, open_error};

/// How often whoever watches is told how far a copy has come.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// What is being done, for whoever watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Octets are written.
    Copying,
    /// The copy is read back whole.
    Verifying,
}

/// How far a copy has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub step: Step,
    /// Octets written so far.
    pub done: u64,
    /// Octets there will be at most: free pages are not copied.
    pub total: u64,
}

/// A copy that was proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Where it is.
    pub path: PathBuf,
    /// Its size in octets.
    pub octets: u64,
    /// Texts in it, both ways.
    pub texts: u64,
    /// Files in it that go with conversations.
    pub files: u64,
    /// Files that the spool names and that were not where they should be.
    pub missing: u64,
    /// Whether it lies on the disk that holds the spool: it does not survive the loss of that one.
    pub same_disk: bool,
}

/// Why there is no copy. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is no spool to copy.
    #[error("there is no spool at {}: name the configuration with --config", .path.display())]
    NoSpool {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The spool cannot be read.
    #[error(transparent)]
    Spool(#[from] OpenError),
    /// The spool is damaged: a copy of it would be no backup.
    #[error(
        "{} is damaged ({said}): have it checked on the box; an earlier backup was left as it is",
        .path.display()
    )]
    Damaged {
        /// What was read.
        path: PathBuf,
        /// What SQLite found, the first of it.
        said: String,
    },
    /// The target is something a copy must not replace.
    #[error("{} {is}: name another file", .path.display())]
    Occupied {
        /// The target.
        path: PathBuf,
        /// What it is.
        is: &'static str,
    },
    /// Another copy is being written there.
    #[error("another backup is being written to {}: wait for it to end", .path.display())]
    Busy {
        /// The target.
        path: PathBuf,
    },
    /// The target's disk is full.
    #[error("the disk that holds {} is full: free some space, or name another disk", .path.display())]
    Full {
        /// The target.
        path: PathBuf,
    },
    /// The target cannot be written.
    #[error("cannot write {}: {source}; check that the folder exists and may be written to", .path.display())]
    Unwritable {
        /// The target.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Copies the spool to `target`, replacing an earlier backup of that name once the new one is
/// proved. Works beside a running daemon, which is not slowed but by the disk. `watch` is told how
/// far it is, about ten times a second. Blocks: call it from a thread that may.
///
/// # Errors
/// What is in the way; a target that was there before is untouched then.
pub fn back_up(
    spool: &Path,
    target: &Path,
    watch: &mut dyn FnMut(Progress),
) -> Result<Copied, BackupError> {
    let source = open_source(spool)?;
    check_target(spool, target)?;
    let partial = Partial::claim(target)?;
    let version = version_of(&source, spool)?;
    let extra = enclosures::octets(&source).map_err(|error| open_error(spool, error))?;
    let mut rows = 0;
    copy_whole(source, spool, &partial.path, &mut |progress| {
        rows = progress.total;
        let total = rows.saturating_add(extra);
        watch(Progress { total, ..progress });
    })?;
    let enclosed = enclosures::enclose(&partial.path, spool, &mut |done| {
        let total = rows.saturating_add(extra);
        watch(Progress {
            step: Step::Copying,
            done: rows.saturating_add(done).min(total),
            total,
        });
    })?;
    let report = prove(&partial.path, version, watch)?;
    if report.files != enclosed.files {
        return Err(BackupError::Damaged {
            path: target.into(),
            said: "a file in it cannot be found again".into(),
        });
    }
    let octets = partial.keep(target)?;
    Ok(Copied {
        path: target.into(),
        octets,
        texts: report.texts,
        files: report.files,
        missing: enclosed.missing,
        same_disk: same_disk(spool, target),
    })
}

/// Opens a spool, or a copy of one, to be read alone.
pub(super) fn open_source(path: &Path) -> Result<Connection, BackupError> {
    if !path.exists() {
        return Err(BackupError::NoSpool { path: path.into() });
    }
    let connection = connect(path, true)?;
    migrate::recognise_ours(&connection, path)?;
    Ok(connection)
}

pub(super) fn version_of(connection: &Connection, path: &Path) -> Result<i64, BackupError> {
    let version = migrate::version(connection).map_err(|source| open_error(path, source))?;
    Ok(version)
}

/// A copy replaces earlier copies, and nothing else.
fn check_target(spool: &Path, target: &Path) -> Result<(), BackupError> {
    let occupied = |is| {
        Err(BackupError::Occupied {
            path: target.into(),
            is,
        })
    };
    // The spool's companions need not exist to be in use: names are compared, not only files.
    let place = |path: &Path| {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    if let (Some(spool), Some(target)) = (place(spool), place(target)) {
        for suffix in ["", "-wal", "-shm", "-journal", ".lock", ".sock"] {
            let mut companion = spool.as_os_str().to_owned();
            companion.push(suffix);
            if target.as_os_str() == companion {
                return occupied("is the spool itself or belongs to it");
            }
        }
    }
    let found = match std::fs::metadata(target) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => {
            return Err(BackupError::Unwritable {
                path: target.into(),
                source,
            });
        }
    };
    if !found.is_file() {
        return occupied("is not a file");
    }
    if std::fs::metadata(spool)
        .is_ok_and(|spool| (spool.dev(), spool.ino()) == (found.dev(), found.ino()))
    {
        return occupied("is the spool itself or belongs to it");
    }
    if found.len() > 0 && open_source(target).is_err() {
        return occupied("is a file of another kind, or a backup that cannot be read");
    }
    Ok(())
}

/// A copy under its passing name: taken away again unless it is kept.
#[derive(Debug)]
pub(super) struct Partial {
    pub(super) path: PathBuf,
    file: File,
    kept: bool,
}

impl Partial {
    /// Takes the passing name beside `target`; one that was left by a power cut is written anew.
    pub(super) fn claim(target: &Path) -> Result<Self, BackupError> {
        let mut name = target.as_os_str().to_owned();
        name.push(".partial");
        let path = PathBuf::from(name);
        let unwritable = |source: io::Error| unwritable(target, source);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(unwritable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(BackupError::Busy {
                    path: target.into(),
                });
            }
            // A stick whose file system has no locks: the name is ours all the same.
            Err(TryLockError::Error(error)) => {
                tracing::debug!(%error, "no lock on the copy's file");
            }
        }
        file.set_len(0).map_err(unwritable)?;
        Ok(Self {
            path,
            file,
            kept: false,
        })
    }

    /// Forces it to the medium and gives it its name; answers its size in octets.
    pub(super) fn keep(mut self, target: &Path) -> Result<u64, BackupError> {
        let kept = (|| {
            self.file.sync_all()?;
            let octets = self.file.metadata()?.len();
            std::fs::rename(&self.path, target)?;
            sync_folder(target)?;
            Ok(octets)
        })();
        let octets = kept.map_err(|source| unwritable(target, source))?;
        self.kept = true;
        Ok(octets)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.kept {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// A new name is on disk once its folder is.
pub(super) fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = File::open(folder.unwrap_or(Path::new(".")))?;
    match folder.sync_all() {
        // Some file systems of sticks cannot be asked to.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        outcome => outcome,
    }
}

fn unwritable(target: &Path, source: io::Error) -> BackupError {
    let path = target.to_owned();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => BackupError::Full { path },
        _ => BackupError::Unwritable { path, source },
    }
}

/// Writes all that `source` holds, as it stands now, into the empty file `into`.
#[expect(clippy::disallowed_methods, reason = "for a thread that may wait")]
pub(super) fn copy_whole(
    source: Connection,
    from: &Path,
    into: &Path,
    watch: &mut dyn FnMut(Progress),
) -> Result<(), BackupError> {
    let number = |name| source.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let total = number("page_count")
        .and_then(|count| Ok(count.saturating_mul(number("page_size")?)))
        .map_err(|source| open_error(from, source))?;
    let total = u64::try_from(total).unwrap_or(0);
    let Some(name) = into.to_str().map(str::to_owned) else {
        let source = io::Error::new(io::ErrorKind::InvalidFilename, "its name is not UTF-8");
        return Err(unwritable(into, source));
    };
    let mut tell = |done| {
        watch(Progress {
            step: Step::Copying,
            done,
            total,
        });
    };
    tell(0);
    let outcome = std::thread::scope(|scope| {
        let (ended, end) = mpsc::channel();
        scope.spawn(move || {
            let _ = ended.send(source.execute("VACUUM INTO ?1", [name]));
        });
        loop {
            match end.recv_timeout(TELL_EVERY) {
                Ok(outcome) => return outcome,
                // The copy grows where everyone can see it.
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    let written = std::fs::metadata(into).map_or(0, |found| found.len());
                    tell(written.min(total));
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    return Err(rusqlite::Error::InvalidQuery);
                }
            }
        }
    });
    outcome.map_err(|source| copy_error(from, into, source))?;
    tell(total);
    Ok(())
}

/// A full disk is the target's: reading needs no room.
pub(super) fn copy_error(from: &Path, into: &Path, source: rusqlite::Error) -> BackupError {
    if is_disk_full(&source) {
        return BackupError::Full { path: into.into() };
    }
    match source.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseCorrupt) => BackupError::Damaged {
            path: from.into(),
            said: source.to_string(),
        },
        Some(rusqlite::ErrorCode::SystemIoFailure | rusqlite::ErrorCode::CannotOpen) => {
            unwritable(into, io::Error::other(source.to_string()))
        }
        _ => open_error(from, source).into(),
    }
}

/// Reads a copy back as the next start would, all of it; answers what it holds.
pub(super) fn prove(
    copy: &Path,
    version: i64,
    watch: &mut dyn FnMut(Progress),
) -> Result<Examined, BackupError> {
    let octets = std::fs::metadata(copy).map_or(0, |found| found.len());
    watch(Progress {
        step: Step::Verifying,
        done: octets,
        total: octets,
    });
    let connection = open_source(copy)?;
    let damaged = |said: String| BackupError::Damaged {
        path: copy.into(),
        said,
    };
    let report = check::examine(&connection).map_err(|source| damaged(source.to_string()))?;
    if let Some(first) = report.faults.first() {
        return Err(damaged(first.clone()));
    }
    if report.version != version {
        return Err(damaged(format!("its version became {}", report.version)));
    }
    Ok(report)
}

fn same_disk(one: &Path, other: &Path) -> bool {
    let disk = |path: &Path| std::fs::metadata(path).map(|found| found.dev()).ok();
    disk(one).is_some() && disk(one) == disk(other)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::PermissionsExt;

    use super::super::Spool;
    use super::*;

    fn quietly(spool: &Path, target: &Path) -> Result<Copied, BackupError> {
        back_up(spool, target, &mut |_| {})
    }

    #[test]
    fn a_copy_is_private_whole_and_opens_as_a_spool() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool.db");
        let spool = Spool::open(&path).unwrap();
        spool
            .write_blocking(|c| Ok(c.execute("INSERT INTO queue (name) VALUES ('maps')", [])?))
            .unwrap();
        let target = folder.path().join("copy.db");
        let mut steps = Vec::new();
        let copied = back_up(&path, &target, &mut |progress| steps.push(progress)).unwrap();
        assert_eq!(copied.octets, std::fs::metadata(&target).unwrap().len());
        assert!(copied.same_disk);
        assert!(
            steps
                .iter()
                .any(|progress| progress.step == Step::Verifying)
        );
        assert!(steps.iter().all(|progress| progress.done <= progress.total));
        let mode = std::fs::metadata(&target).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        // Again, over the first; and nothing passing is left.
        quietly(&path, &target).unwrap();
        let mut names: Vec<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with("copy"))
            .collect();
        names.sort();
        assert_eq!(names, ["copy.db"]);

        let copy = Spool::open(&target).unwrap();
        let queues: i64 = copy
            .write_blocking(
                |c| Ok(c.query_row("SELECT count(*) FROM queue", [], |row| row.get(0))?),
            )
            .unwrap();
        assert_eq!(queues, 2);
    }

    #[test]
    fn what_a_copy_must_not_replace() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool.db");
        let _spool = Spool::open(&path).unwrap();
        let diary = folder.path().join("diary.txt");
        std::fs::write(&diary, "Dear diary").unwrap();
        let link = folder.path().join("link.db");
        std::fs::hard_link(&path, &link).unwrap();
        for (target, words) in [
            (path.clone(), "is the spool itself"),
            (folder.path().join("spool.db-wal"), "is the spool itself"),
            (folder.path().join("spool.db.lock"), "is the spool itself"),
            (link, "is the spool itself"),
            (diary.clone(), "a file of another kind"),
            (folder.path().to_owned(), "is not a file"),
            (folder.path().join("none/copy.db"), "cannot write"),
        ] {
            let said = quietly(&path, &target).unwrap_err().to_string();
            assert!(said.contains(words), "{}: {said}", target.display());
        }
        assert_eq!(std::fs::read_to_string(&diary).unwrap(), "Dear diary");
        let missing = quietly(&folder.path().join("no.db"), &folder.path().join("c.db"));
        assert!(matches!(missing, Err(BackupError::NoSpool { .. })));
    }

    #[test]
    fn two_copies_to_one_place_do_not_meet() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool.db");
        let _spool = Spool::open(&path).unwrap();
        let target = folder.path().join("copy.db");
        let first = Partial::claim(&target).unwrap();
        assert!(matches!(
            quietly(&path, &target),
            Err(BackupError::Busy { .. })
        ));
        drop(first);
        quietly(&path, &target).unwrap();
    }
}
