//! The spool: what the desk knows, on disk. SQLite in WAL mode with `synchronous=FULL`: a commit
//! that returned survives a power cut.
//!
//! One thread writes, and everything that waits when it comes round shares one transaction and one
//! fsync. A few threads read. Nobody else opens the file: a lock beside it sees to that.
//!
//! Rooms: [`inbox`] keeps raw PDUs until they are consumed, [`outbox`] the texts due, their
//! attempts and outcomes, [`doubts`] those whose outcome is unknown, [`lines`] how lines stand,
//! [`transcript`] conversations, [`patrons`] one patron and everything of theirs, [`feed`] what operators were told, [`messengers`] what is owed to
//! XMPP clients, [`visitors`] who writes from a web page, [`files`] what goes with conversations,
//! [`canned`] canned replies, [`audit`] who did what, [`tokens`] bearer tokens, [`search`] and
//! [`export`] transcripts found and written out, [`statistics`] what is counted, [`alarms`] what
//! alerts need, [`settings`] what the box was told on its page, [`staff`] the plan of the desk and who
//! may enter, [`book`] that plan carried to another box. Care of the file itself: [`backup`],
//! [`copies`], [`forgotten_copies`], [`restore`], [`check`], [`repair`], [`footprint`]; [`number_keys`] what fingerprints are made with.

pub mod alarms;
mod arrangements;
pub mod audit;
pub mod backup;
pub mod book;
pub mod canned;
pub mod check;
pub mod copies;
pub mod doubts;
mod enclosures;
pub mod erasure;
pub mod export;
pub mod feed;
pub mod files;
pub mod footprint;
pub mod forgotten_copies;
pub mod inbox;
pub mod lines;
pub mod messengers;
mod migrate;
pub mod number_keys;
pub mod outages;
pub mod outbox;
pub mod patrons;
pub mod repair;
mod reports;
pub mod restore;
pub mod search;
pub mod settings;
pub mod staff;
pub mod statistics;
pub mod telephones;
pub mod tokens;
pub mod transcript;
pub mod upkeep;
pub mod visitors;
mod wire;

#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::clock::Clock;
use crate::numbers::NumberKeys;
use crate::routing::AmendError;

/// Threads that read; the console's lists must not wait for one another.
const READERS: usize = 2;
/// Pages that a connection keeps to itself, in KiB: the system has them as well, and a small box has
/// little memory. SQLite would keep 2,000 for each.
const WRITER_CACHE_KIB: i64 = 1_024;
const READER_CACHE_KIB: i64 = 256;
/// Writes that share a transaction at most, so that none waits long for the others.
const SHARED_MAX: usize = 64;

/// Why a spool could not be opened. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another daemon or command has it.
    #[error("{} is in use by another callnumber; stop that one, or name another spool", .path.display())]
    InUse {
        /// The spool.
        path: PathBuf,
    },
    /// Written by a later version.
    #[error(
        "{} was written by a newer callnumber (spool version {found}, this one knows {known}): install that version again, or restore a backup made before the upgrade",
        .path.display()
    )]
    Newer {
        /// The spool.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The latest this program knows.
        known: i64,
    },
    /// Some other file.
    #[error(
        "{} is not a callnumber spool, or its beginning is destroyed: name another path under [spool]; where it was one, repair it, or restore a copy of it",
        .path.display()
    )]
    NotASpool {
        /// The file.
        path: PathBuf,
    },
    /// It held something once, and holds nothing.
    #[error(
        "{} is empty, and it was not: restore a copy of it, or remove the file to begin anew",
        .path.display()
    )]
    Emptied {
        /// The spool.
        path: PathBuf,
    },
    /// The folder or the file cannot be used.
    #[error("cannot use {}: {source}; check that the folder exists and is writable for this user", .path.display())]
    Unusable {
        /// The spool.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The disk is full.
    #[error("the disk that holds {} is full: free some space, nothing was lost", .path.display())]
    Full {
        /// The spool.
        path: PathBuf,
    },
    /// Anything else SQLite says.
    #[error(
        "cannot open {}: {source}; where it is damaged, repair it to carry over what only it holds, or restore a copy of it",
        .path.display()
    )]
    Sqlite {
        /// The spool.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

/// Why something was not kept or not found.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SpoolError {
    /// The disk is full.
    #[error("the disk is full: free some space, texts stay on the SIM meanwhile")]
    Full,
    /// A change to the plan that makes no sense.
    #[error(transparent)]
    Refused(#[from] AmendError),
    /// What is on the disk is not what was written.
    #[error(
        "the spool is damaged ({0}): texts stay on the SIM until whoever keeps the box repairs it"
    )]
    Damaged(String),
    /// Anything else.
    #[error("the spool cannot be used: {0}; tell whoever keeps the box")]
    Broken(String),
    /// The daemon is shutting down.
    #[error("the spool is closed")]
    Closed,
}

impl From<rusqlite::Error> for SpoolError {
    fn from(error: rusqlite::Error) -> Self {
        if is_disk_full(&error) {
            SpoolError::Full
        } else if is_damage(&error) {
            SpoolError::Damaged(error.to_string())
        } else {
            SpoolError::Broken(error.to_string())
        }
    }
}

/// SQLite says so in two ways: a page that finds no room, and a shared-memory file that cannot grow.
fn is_disk_full(error: &rusqlite::Error) -> bool {
    const IOERR_SHMSIZE: i32 = 4874; // SQLITE_IOERR | (19 << 8)
    error.sqlite_error().is_some_and(|error| {
        error.code == rusqlite::ErrorCode::DiskFull || error.extended_code == IOERR_SHMSIZE
    })
}

fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(
        error.sqlite_error_code(),
        Some(DatabaseCorrupt | NotADatabase)
    )
}

/// What rooms of the spool answer.
pub type Result<T, E = SpoolError> = std::result::Result<T, E>;

/// Says whether the transaction a job was part of reached the disk.
type Finish = Box<dyn FnOnce(Result<()>) + Send>;
/// Answers why the job failed, if it did, with its finish.
type WriteJob =
    Box<dyn FnOnce(Result<&mut Transaction<'_>>) -> (Option<SpoolError>, Finish) + Send>;

/// What the writer does.
enum Job {
    /// Writes, sharing a transaction with others.
    Write(WriteJob),
    /// Writes the whole file anew, by itself.
    Scrub(oneshot::Sender<Result<()>>),
}
type ReadJob = Box<dyn FnOnce(&Connection) + Send>;

/// The spool, open. Cheap to clone; the threads end when the last clone is dropped.
#[derive(Clone)]
pub struct Spool {
    writer: mpsc::Sender<Job>,
    readers: mpsc::Sender<ReadJob>,
    places: Arc<Semaphore>,
    clock: Clock,
    opened_at: Timestamp,
    path: Arc<Path>,
    trouble: Arc<Mutex<Option<String>>>,
    /// What was found damaged first: it stays so until the spool is opened anew.
    damage: Arc<OnceLock<String>>,
    keys: Arc<NumberKeys>,
    keys_missing: bool,
    _lock: Arc<File>,
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spool").field("path", &self.path).finish()
    }
}

/// Jobs that may wait; more, and the asker waits, though not its thread: backpressure, not memory.
const JOBS_MAX: usize = 4096;

impl Spool {
    /// Opens the spool at `path`, making or upgrading it as needed.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::open_by(path, Clock::system())
    }

    /// [`Spool::open`], whose rows are dated by `clock`: a simulation's, for one.
    ///
    /// # Errors
    /// As for [`Spool::open`].
    pub fn open_by(path: &Path, clock: Clock) -> Result<Self, OpenError> {
        let lock = take_lock(path)?;
        let fresh = make_private(path)?;
        if !fresh && number_keys::was_emptied(path) {
            return Err(OpenError::Emptied { path: path.into() });
        }
        let mut connection = connect(path, false)?;
        migrate::to_latest(&mut connection, path)?;
        enclosures::settle(&connection, path);
        let keys = number_keys::open(path)?;
        let settled = number_keys::missing(&connection, &keys)
            .and_then(|missing| number_keys::settle(&mut connection, &keys).map(|()| missing));
        let keys_missing = match settled {
            Ok(missing) => !missing.is_empty(),
            // The rest of the spool may be whole: what cannot be read shows itself where it is used.
            Err(error) => {
                tracing::error!(%error, "fingerprints of forgotten numbers could not be keyed");
                false
            }
        };
        if keys_missing {
            tracing::error!(
                "the key of fingerprints of forgotten numbers is missing: put the file {} of the box \
                 that this spool is from in its place, or a STOP of somebody forgotten is not known",
                number_keys::file(path).display()
            );
        }
        if fresh {
            tracing::info!(path = %path.display(), "a new spool");
        }

        let (writer, jobs) = mpsc::channel();
        let trouble = Arc::new(Mutex::new(None));
        let found = Arc::clone(&trouble);
        spawn("spool-writer", move || {
            write_loop(connection, &jobs, &found)
        });

        let (readers, jobs) = mpsc::channel::<ReadJob>();
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..READERS {
            let connection = connect(path, true)?;
            let jobs = Arc::clone(&jobs);
            spawn("spool-reader", move || read_loop(&connection, &jobs));
        }

        Ok(Self {
            writer,
            readers,
            places: Arc::new(Semaphore::new(JOBS_MAX)),
            opened_at: clock.now(),
            clock,
            path: path.into(),
            trouble,
            damage: Arc::default(),
            keys: Arc::new(keys),
            keys_missing,
            _lock: Arc::new(lock),
        })
    }

    /// The date and time by which rows are dated.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Since when it is open.
    pub fn opened_at(&self) -> Timestamp {
        self.opened_at
    }

    /// What is wrong: a damage that was found since it was opened, or why the latest transaction did
    /// not reach the disk.
    pub fn trouble(&self) -> Option<String> {
        if let Some(damage) = self.damage() {
            return Some(damage.to_owned());
        }
        let trouble = self.trouble.lock();
        trouble.unwrap_or_else(|held| held.into_inner()).clone()
    }

    /// What was found damaged. Nothing new is taken in then: what only this file would have, a copy
    /// that is put back would lose.
    pub fn damage(&self) -> Option<&str> {
        self.damage.get().map(String::as_str)
    }

    fn noted<T>(&self, outcome: Result<T>) -> Result<T> {
        if let Err(error @ SpoolError::Damaged(_)) = &outcome
            && self.damage.set(error.to_string()).is_ok()
        {
            tracing::error!(%error, "the spool is damaged: stop the desk, then repair or restore it");
        }
        outcome
    }

    /// The keys of fingerprints: what is kept of numbers that are forgotten.
    pub fn keys(&self) -> &NumberKeys {
        &self.keys
    }

    /// Whether fingerprints were made with a key that is not here: a STOP of somebody forgotten is
    /// then not known any more.
    pub fn keys_missing(&self) -> bool {
        self.keys_missing
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes: `job` runs inside a transaction, and the answer comes once that is on disk.
    ///
    /// When `job` fails, what it wrote is taken back and nothing else with it.
    ///
    /// # Errors
    /// What `job` says, [`SpoolError::Full`] and its kind when the commit fails.
    pub async fn write<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let _hold = self.clock.hold();
        let place = self.place().await?;
        let (answer, answered) = oneshot::channel();
        let boxed: WriteJob = Box::new(move |begun| {
            drop(place);
            let outcome = begun.and_then(|transaction| in_savepoint(transaction, job));
            let failure = outcome.as_ref().err().cloned();
            let finish: Finish = Box::new(move |committed| {
                // Nobody may be waiting any more; what is written stays written.
                let _ = answer.send(committed.and(outcome));
            });
            (failure, finish)
        });
        self.writer
            .send(Job::Write(boxed))
            .map_err(|_| SpoolError::Closed)?;
        self.noted(answered.await.unwrap_or(Err(SpoolError::Closed)))
    }

    /// Reads what is committed, all of it as it stood at one moment.
    ///
    /// # Errors
    /// What `job` says.
    pub async fn read<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let _hold = self.clock.hold();
        let place = self.place().await?;
        let (answer, answered) = oneshot::channel();
        let boxed: ReadJob = Box::new(move |connection| {
            drop(place);
            let _ = answer.send(at_one_moment(connection, job));
        });
        self.readers.send(boxed).map_err(|_| SpoolError::Closed)?;
        self.noted(answered.await.unwrap_or(Err(SpoolError::Closed)))
    }

    /// Folds SQLite's log into the spool, so that one file is all there is to copy. For the end of
    /// a day: while others write, the log only grows again.
    ///
    /// # Errors
    /// When the file cannot be written; the log then stays, and the next start reads it.
    pub async fn fold(&self) -> Result<()> {
        let path = Arc::clone(&self.path);
        let folded = tokio::task::spawn_blocking(move || {
            let connection =
                connect(&path, false).map_err(|error| SpoolError::Broken(error.to_string()))?;
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            Ok(())
        });
        folded
            .await
            .map_err(|error| SpoolError::Broken(error.to_string()))?
    }

    /// Writes the spool anew without the traces of what was erased: bytes between rows, and the log
    /// that still holds pages as they were. Everything else waits meanwhile, some seconds for a
    /// large spool.
    ///
    /// # Errors
    /// When there is no room for a second copy, or somebody reads for too long: what is erased
    /// stays erased, and its traces until the next time.
    pub async fn scrub(&self) -> Result<()> {
        let _hold = self.clock.hold();
        let (answer, answered) = oneshot::channel();
        self.writer
            .send(Job::Scrub(answer))
            .map_err(|_| SpoolError::Closed)?;
        answered.await.unwrap_or(Err(SpoolError::Closed))
    }

    /// A place among the jobs that wait. The job keeps it until its turn, even when nobody waits
    /// for the answer any more.
    async fn place(&self) -> Result<OwnedSemaphorePermit> {
        let places = Arc::clone(&self.places);
        places.acquire_owned().await.map_err(|_| SpoolError::Closed)
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) {
    thread::Builder::new()
        .name(name.into())
        .spawn(run)
        .expect("the system gives a thread at start, or nothing works");
}

/// One holder for each spool, daemon or command: the lock goes when its process does.
fn take_lock(path: &Path) -> Result<File, OpenError> {
    let unusable = |source| OpenError::Unusable {
        path: path.into(),
        source,
    };
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&beside)
        .map_err(|source| match source.kind() {
            std::io::ErrorKind::StorageFull => OpenError::Full { path: path.into() },
            _ => unusable(source),
        })?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.into() }),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

/// Patrons' words are nobody else's business: the file is made readable for its owner alone,
/// and SQLite gives its companions the same mode. Says whether the file is new.
fn make_private(path: &Path) -> Result<bool, OpenError> {
    match OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)
    {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) if error.kind() == std::io::ErrorKind::StorageFull => {
            Err(OpenError::Full { path: path.into() })
        }
        Err(source) => Err(OpenError::Unusable {
            path: path.into(),
            source,
        }),
    }
}

fn connect(path: &Path, read_only: bool) -> Result<Connection, OpenError> {
    let failed = |source| open_error(path, source);
    let access = if read_only {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    } else {
        OpenFlags::SQLITE_OPEN_READ_WRITE
    };
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(failed)?;
    connection
        .busy_timeout(Duration::from_secs(5))
        .map_err(failed)?;
    // Else a plan may depend on the values that are bound, and a statement from the cache, which
    // has none any more, is compiled anew each time: most of what the writer did, once.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(64);
    let cache_kib = if read_only {
        READER_CACHE_KIB
    } else {
        WRITER_CACHE_KIB
    };
    connection
        .pragma_update(None, "cache_size", -cache_kib)
        .map_err(failed)?;
    if !read_only {
        migrate::recognise(&connection, path)?;
        // `auto_vacuum` only takes on an empty file, before its first table.
        connection
            .execute_batch(
                "PRAGMA auto_vacuum = INCREMENTAL;
                 PRAGMA journal_mode = WAL;
                 PRAGMA synchronous = FULL;
                 PRAGMA foreign_keys = ON;
                 PRAGMA secure_delete = ON;
                 PRAGMA temp_store = MEMORY;",
            )
            .map_err(failed)?;
    }
    Ok(connection)
}

fn open_error(path: &Path, source: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    if is_disk_full(&source) {
        return OpenError::Full { path };
    }
    match source.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => OpenError::NotASpool { path },
        _ => OpenError::Sqlite { path, source },
    }
}

fn in_savepoint<T>(
    transaction: &mut Transaction<'_>,
    job: impl FnOnce(&Connection) -> Result<T>,
) -> Result<T> {
    let savepoint = transaction.savepoint()?;
    let outcome = unless_it_panics(|| job(&savepoint))?;
    savepoint.commit()?;
    Ok(outcome)
}

/// A job that panics must not take its thread with it: everyone else's jobs run there too. What it
/// wrote is taken back with its savepoint.
fn unless_it_panics<T>(job: impl FnOnce() -> Result<T>) -> Result<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(job)).unwrap_or_else(|_| {
        tracing::error!("a job of the spool panicked: a mistake of this program");
        Err(SpoolError::Broken("a mistake of this program".into()))
    })
}

/// Several queries of one job must not see a commit between them.
fn at_one_moment<T>(
    connection: &Connection,
    job: impl FnOnce(&Connection) -> Result<T>,
) -> Result<T> {
    let transaction = connection.unchecked_transaction()?;
    let found = unless_it_panics(|| job(&transaction));
    // Nothing was written: ending it either way is the same.
    transaction.rollback()?;
    found
}

/// A spool larger than this is copied over the disk when it is scrubbed, not over memory.
const SCRUBBED_IN_MEMORY: i64 = 64 * 1024 * 1024;
/// How often the log is tried to be emptied while others read.
const EMPTYING_TRIES: u32 = 50;

#[expect(clippy::disallowed_methods, reason = "the writer's own thread")]
fn scrub(connection: &Connection) -> Result<()> {
    let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    let size: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let large = pages.saturating_mul(size) > SCRUBBED_IN_MEMORY;
    if large {
        connection.execute_batch("PRAGMA temp_store = FILE")?;
    }
    let vacuumed = connection.execute_batch("VACUUM");
    if large {
        connection.execute_batch("PRAGMA temp_store = MEMORY")?;
    }
    vacuumed?;
    for _ in 0..EMPTYING_TRIES {
        let busy: bool =
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if !busy {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Err(SpoolError::Broken(
        "somebody reads the spool for so long that its log cannot be emptied".into(),
    ))
}

#[expect(clippy::disallowed_methods, reason = "the writer's own thread")]
fn write_loop(
    mut connection: Connection,
    jobs: &mpsc::Receiver<Job>,
    trouble: &Mutex<Option<String>>,
) {
    let came_to = |outcome: Option<String>| {
        let mut trouble = trouble.lock().unwrap_or_else(|held| held.into_inner());
        if *trouble != outcome {
            *trouble = outcome;
        }
    };
    let mut waiting = None;
    loop {
        let job = match waiting.take() {
            Some(job) => Ok(job),
            None => jobs.recv(),
        };
        let first = match job {
            Ok(Job::Write(job)) => job,
            Ok(Job::Scrub(answer)) => {
                let _ = answer.send(scrub(&connection));
                continue;
            }
            Err(mpsc::RecvError) => return,
        };
        let mut transaction = match connection.transaction() {
            Ok(transaction) => transaction,
            Err(error) => {
                tracing::error!(%error, "the spool cannot begin to write");
                came_to(Some(error.to_string()));
                let (_, finish) = first(Err(error.into()));
                finish(Ok(()));
                continue;
            }
        };
        let mut finishes = Vec::new();
        let mut next = Some(first);
        let mut taken_back = None;
        while let Some(job) = next {
            let (failure, finish) = job(Ok(&mut transaction));
            finishes.push(finish);
            // A full or failing disk makes SQLite take the whole transaction back, not the job's
            // part alone. Whatever ran after that would be committed by itself.
            if transaction.is_autocommit() {
                taken_back = failure.or(Some(SpoolError::Full));
                break;
            }
            next = match finishes.len() < SHARED_MAX {
                true => match jobs.try_recv() {
                    Ok(Job::Write(job)) => Some(job),
                    Ok(alone @ Job::Scrub(_)) => {
                        waiting = Some(alone);
                        None
                    }
                    Err(_) => None,
                },
                false => None,
            };
        }
        let committed = match taken_back {
            Some(failure) => Err(failure),
            None => transaction.commit().map_err(SpoolError::from),
        };
        if let Err(error) = &committed {
            tracing::error!(%error, "the spool did not commit; nothing was acknowledged");
        }
        came_to(committed.as_ref().err().map(ToString::to_string));
        for finish in finishes {
            finish(committed.clone());
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a reader's own thread")]
fn read_loop(connection: &Connection, jobs: &Mutex<mpsc::Receiver<ReadJob>>) {
    loop {
        let job = match jobs.lock() {
            Ok(jobs) => jobs.recv(),
            Err(_) => return,
        };
        match job {
            Ok(job) => job(connection),
            Err(_) => return,
        }
    }
}
