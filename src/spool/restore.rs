//! Putting a copy back: the spool as it was, with what must not be believed of it marked so.
//!
//! Time went on after the copy was made. What it says is waiting to be sent may have been sent
//! since, so that becomes *unknown*, for a person to decide; who opted out since stays opted out,
//! where the spool that is replaced can still be read; and new rows get numbers that nothing had
//! before, or a browser would take a new text for one it has shown already. Sessions, tokens and links
//! end, and nobody who was shut out since is let in again. The spool that is
//! replaced is kept beside the new one, and so are its files.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::backup::{
    BackupError, Partial, Progress, copy_whole, open_source, prove, sync_folder, version_of,
};
use super::enclosures::{self, Owner};
use super::{
    OpenError, SpoolError, connect, files, forgotten_copies, migrate, number_keys, take_lock,
    transcript,
};
use crate::clock::Clock;
use crate::numbers::{NumberKey, NumberKeys};

/// By how much row numbers leap: more rows than a box makes between two backups.
const LEAP: i64 = 1_000_000;

/// Why a text that waits in a copy is in doubt.
const SENT_SINCE: &str = "restored from a backup: it may have been sent after that was made";

/// What to do with texts that wait in the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// They are *unknown*: a person decides.
    Doubt,
    /// They are sent: whoever restores knows that nothing was sent after the copy was made.
    Send,
}

/// Whence the key is of fingerprints in the copy: who opted out and was forgotten is known by them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NumberKeyFrom {
    /// This box made the copy, or has the key.
    Here,
    /// A file of the box that made it.
    File(PathBuf),
    /// It is lost: so are opt-outs of the forgotten.
    Nowhere,
}

/// What was put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Texts in it, both ways.
    pub texts: u64,
    /// Files that came with it.
    pub files: u64,
    /// Files that it names and that are nowhere: their links say so.
    pub missing: u64,
    /// Texts that waited to be sent and are *unknown* now.
    pub doubted: usize,
    /// Patrons who opted out after the copy was made, and stay so.
    pub opted_out: usize,
    /// Where the spool that was there before is kept, if there was one.
    pub previous: Option<PathBuf>,
}

/// Why nothing was put back; the spool is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The daemon, or a command, has the spool open.
    #[error(
        "the spool {} is in use: stop the desk first (`systemctl stop callnumber`), or say --stop-daemon",
        .path.display()
    )]
    InUse {
        /// The spool.
        path: PathBuf,
    },
    /// The backup cannot be used, or the copy not made.
    #[error(transparent)]
    Copy(#[from] BackupError),
    /// It holds what no spool of ours holds.
    #[error(
        "the backup {} holds `{name}`, which no callnumber made: restore one that this box or another made",
        .path.display()
    )]
    Foreign {
        /// The backup.
        path: PathBuf,
        /// What it holds.
        name: String,
    },
    /// Fingerprints in it were made with a key that is not here.
    #[error(
        "{telephones} telephones that want no texts are known in this backup by another box's key: say \
         --number-key with the file spool.db.key of that box, or --without-number-key to let their \
         opt-outs go"
    )]
    NeedsKey {
        /// How many telephones.
        telephones: i64,
    },
    /// The file of keys holds none.
    #[error("{} holds no key: name the file spool.db.key of the box that made the backup", .path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The spool's folder cannot be used.
    #[error(transparent)]
    Spool(OpenError),
    /// The copy could not be made ready.
    #[error("the backup {} could not be made ready: {said}; the spool is as it was", .path.display())]
    NotReady {
        /// The backup.
        path: PathBuf,
        /// What went wrong.
        said: String,
    },
    /// The files could not be exchanged.
    #[error("cannot put the restored spool at {}: {source}; the spool is as it was", .path.display())]
    NotExchanged {
        /// The spool.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Puts `backup` in the place of `spool`, which no daemon may hold. Blocks.
///
/// # Errors
/// What is in the way; the spool is as it was then.
pub fn put_back(
    backup: &Path,
    spool: &Path,
    waiting: Waiting,
    key: &NumberKeyFrom,
    watch: &mut dyn FnMut(Progress),
) -> Result<Restored, RestoreError> {
    let source = open_source(backup)?;
    let version = version_of(&source, backup)?;
    // One that is damaged is told apart when it is proved.
    if let Ok(Some(name)) = migrate::foreign(&source, version) {
        let path = backup.into();
        return Err(RestoreError::Foreign { path, name });
    }
    let others_keys = others_keys(key)?;
    if let Some(folder) = spool.parent() {
        std::fs::create_dir_all(folder).map_err(|source| {
            RestoreError::Spool(OpenError::Unusable {
                path: spool.into(),
                source,
            })
        })?;
    }
    let _lock = take_lock(spool).map_err(|error| match error {
        OpenError::InUse { path } => RestoreError::InUse { path },
        error => RestoreError::Spool(error),
    })?;

    // Only with the lock: a daemon that systemd starts again meanwhile waits for its turn.
    prove(backup, version, watch)?;

    let mut beside = spool.as_os_str().to_owned();
    beside.push(".restored");
    let beside = PathBuf::from(beside);
    let partial = Partial::claim(&beside)?;
    copy_whole(source, backup, &partial.path, watch)?;
    let texts = prove(&partial.path, version, watch)?.texts;
    let not_ready = |said: String| RestoreError::NotReady {
        path: backup.into(),
        said,
    };
    if !others_keys.is_empty() {
        let written = number_keys::write(spool, &others_keys);
        written.map_err(|error| not_ready(error.to_string()))?;
    }
    let keys = number_keys::open(spool).map_err(RestoreError::Spool)?;
    let needed = needs_key(&partial.path, &keys).map_err(|error| not_ready(error.to_string()))?;
    if let Some(telephones) = needed.filter(|_| *key != NumberKeyFrom::Nowhere) {
        return Err(RestoreError::NeedsKey { telephones });
    }
    let (doubted, opted_out) = make_ready(&partial.path, spool, waiting, &keys)
        .map_err(|error| not_ready(error.to_string()))?;
    let (files, missing) = lay_out_files(&partial.path, backup, spool)
        .map_err(|error| not_ready(error.to_string()))?;
    // Migrations ran on it since it was proved.
    prove(&partial.path, migrate::known(), watch)?;
    let previous = exchange(partial, &beside, spool)?;
    Ok(Restored {
        texts,
        files,
        missing,
        doubted,
        opted_out,
        previous,
    })
}

fn others_keys(key: &NumberKeyFrom) -> Result<Vec<NumberKey>, RestoreError> {
    let NumberKeyFrom::File(path) = key else {
        return Ok(Vec::new());
    };
    let keys = number_keys::read(path).unwrap_or_default();
    match keys.is_empty() {
        true => Err(RestoreError::NoKey { path: path.clone() }),
        false => Ok(keys),
    }
}

/// How many telephones the copy knows by fingerprints, where their key is not here.
fn needs_key(copy: &Path, keys: &NumberKeys) -> Result<Option<i64>, SpoolError> {
    let connection = connect(copy, true).map_err(|error| SpoolError::Broken(error.to_string()))?;
    let known: i64 = match enclosures::has(&connection, "opted_out")? {
        true => connection.query_row("SELECT count(*) FROM opted_out", [], |row| row.get(0))?,
        false => 0,
    };
    let missing = number_keys::missing(&connection, keys)?;
    Ok((known > 0 && !missing.is_empty()).then_some(known))
}

/// Brings the copy up to date and marks what must not be believed of it.
fn make_ready(
    copy: &Path,
    old: &Path,
    waiting: Waiting,
    keys: &NumberKeys,
) -> Result<(usize, usize), SpoolError> {
    let broken = |error: OpenError| SpoolError::Broken(error.to_string());
    let mut connection = connect(copy, false).map_err(broken)?;
    migrate::to_latest(&mut connection, copy).map_err(broken)?;
    number_keys::settle(&mut connection, keys)?;
    let opted_out = opted_out_since(old);
    let transaction = connection.transaction()?;
    let doubted = match waiting {
        Waiting::Doubt => doubt_waiting(&transaction)?,
        Waiting::Send => 0,
    };
    let mut kept_out = 0;
    for (gateway, address) in opted_out {
        kept_out += transaction
            .prepare_cached(
                "UPDATE patron SET opted_out = 1
                 WHERE NOT opted_out AND address = ?2
                   AND gateway IN (SELECT id FROM gateway WHERE name = ?1)",
            )?
            .execute([&gateway, &address])?;
    }
    shut_out(&transaction, old)?;
    carry_arrivals(&transaction, old)?;
    forgotten_copies::erase_again(&transaction, &erased_since(old, &transaction))?;
    for fingerprint in fingerprints_since(old, &transaction, keys) {
        transaction
            .prepare_cached("INSERT OR IGNORE INTO opted_out (fingerprint) VALUES (?1)")?
            .execute([fingerprint])?;
    }
    transaction.execute("UPDATE sqlite_sequence SET seq = seq + ?1", [LEAP])?;
    transaction.commit()?;
    fold(&connection)?;
    Ok((doubted, kept_out))
}

/// Puts the files where the restored spool will look for them; answers how many came with the backup
/// and how many are nowhere. Before the spools are exchanged: at no moment is there one without its
/// files.
fn lay_out_files(copy: &Path, backup: &Path, spool: &Path) -> Result<(u64, u64), SpoolError> {
    let connection = connect(copy, false).map_err(|error| SpoolError::Broken(error.to_string()))?;
    let (folder, owner) = (files::folder_of(spool), Owner::of(spool));
    let mut count = enclosures::lay_out(&connection, &folder, owner)?;
    if count == 0 {
        // A spool that an earlier restore put aside has its files in a folder of its own.
        let aside = enclosures::folder_aside(backup);
        count = enclosures::bring_back(&connection, &aside, &folder, owner)?;
    }
    let missing = enclosures::missing(&connection, &folder)?;
    fold(&connection)?;
    Ok((count, missing))
}

/// One file is all there is to rename.
fn fold(connection: &Connection) -> Result<(), SpoolError> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    connection.pragma_update(None, "journal_mode", "DELETE")?;
    Ok(())
}

fn doubt_waiting(connection: &Connection) -> Result<usize, SpoolError> {
    connection.execute(
        "UPDATE message SET state = 'unknown', reason = ?1
         WHERE id IN (SELECT message FROM outbox WHERE state = 'due')",
        [SENT_SINCE],
    )?;
    connection.execute(
        "UPDATE segment SET state = 'unknown', problem = ?1
         WHERE state IN ('planned', 'attempting', 'refused')
           AND outbox IN (SELECT id FROM outbox WHERE state = 'due')",
        [SENT_SINCE],
    )?;
    Ok(connection.execute(
        "UPDATE outbox SET state = 'unknown', problem = ?1 WHERE state = 'due'",
        [SENT_SINCE],
    )?)
}

/// What the spool that is replaced took from the SIM and never showed anybody: it has it alone. Of one
/// that is damaged, as much as can be read.
fn carry_arrivals(connection: &Connection, old: &Path) -> Result<(), SpoolError> {
    type Arrival = (String, Vec<u8>, Vec<u8>, i64);
    let read = |found: &mut Vec<Arrival>| -> Result<(), SpoolError> {
        let broken = |error: BackupError| SpoolError::Broken(error.to_string());
        let old = open_source(old).map_err(broken)?;
        if transcript::seed(&old)? != transcript::seed(connection)? {
            return Ok(());
        }
        let mut rows = old.prepare(
            "SELECT line, digest, pdu, received FROM inbox
             WHERE state <> 'used' AND pdu IS NOT NULL ORDER BY id",
        )?;
        let rows = rows.query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
        for row in rows {
            found.push(row?);
        }
        Ok(())
    };
    let mut found = Vec::new();
    // What was read before a damaged page is worth having.
    let _ = read(&mut found);
    for arrival in found {
        connection
            .prepare_cached(
                "INSERT INTO inbox (line, digest, pdu, received) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (line, digest) DO NOTHING",
            )?
            .execute(arrival)?;
    }
    Ok(())
}

/// What the spool that is replaced erased: a copy that is put back does not bring it back.
fn erased_since(old: &Path, copy: &Connection) -> Vec<(i64, bool)> {
    let read = || -> Result<_, SpoolError> {
        let broken = |error: BackupError| SpoolError::Broken(error.to_string());
        let connection = open_source(old).map_err(broken)?;
        if transcript::seed(&connection)? != transcript::seed(copy)? {
            return Ok(Vec::new());
        }
        forgotten_copies::erased(&connection)
    };
    read().unwrap_or_default()
}

/// Ends everything that lets somebody in: what was taken back after the copy was made would work again.
/// Who was removed since stays removed, whose password changed has the new one, and nobody has more
/// rights than they had last; all of it where the spool that is replaced is this one, later.
fn shut_out(connection: &Connection, old: &Path) -> Result<(), SpoolError> {
    connection.execute_batch("DELETE FROM session; DELETE FROM token; DELETE FROM link;")?;
    for (name, password_hash, role) in staff_since(old, connection) {
        let Some(role) = role else {
            connection.execute(
                "UPDATE operator SET removed = 1, password_hash = NULL
                 WHERE name = ?1 AND NOT removed",
                [name],
            )?;
            continue;
        };
        connection.execute(
            "UPDATE operator SET password_hash = ?2,
                 coordinator = CASE WHEN ?3 = 'operator' THEN 0
                                    WHEN ?3 = 'coordinator' AND role = 'admin' THEN 1
                                    ELSE coordinator END,
                 role = CASE WHEN ?3 = 'admin' THEN role ELSE 'operator' END
             WHERE name = ?1 AND NOT removed",
            rusqlite::params![name, password_hash, role],
        )?;
    }
    Ok(())
}

/// Who is on the staff of the spool that is replaced, with their password's hash and role; of those
/// removed the role is missing.
fn staff_since(old: &Path, copy: &Connection) -> Vec<(String, Option<String>, Option<String>)> {
    let read = || -> Result<_, SpoolError> {
        let broken = |error: BackupError| SpoolError::Broken(error.to_string());
        let connection = open_source(old).map_err(broken)?;
        if transcript::seed(&connection)? != transcript::seed(copy)? {
            return Ok(Vec::new());
        }
        let mut rows = connection.prepare(
            "SELECT name, password_hash, CASE WHEN removed THEN NULL
                                              WHEN coordinator THEN 'coordinator'
                                              ELSE role END FROM operator o
             WHERE NOT removed OR NOT EXISTS
                 (SELECT 1 FROM operator n WHERE n.name = o.name AND NOT n.removed)",
        )?;
        let found = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    };
    read().unwrap_or_default()
}

/// Who is opted out in the spool that is replaced, by gateway and address; nobody where it cannot
/// be read.
fn opted_out_since(old: &Path) -> Vec<(String, String)> {
    let read = || -> Result<_, SpoolError> {
        let broken = |error: BackupError| SpoolError::Broken(error.to_string());
        let connection = open_source(old).map_err(broken)?;
        let mut rows = connection.prepare(
            "SELECT g.name, p.address FROM patron p JOIN gateway g ON g.id = p.gateway
             WHERE p.opted_out",
        )?;
        let found = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    };
    read().unwrap_or_default()
}

/// The fingerprints of those who opted out in the spool that is replaced. They are made with the
/// spool's own seed, and mean nothing in one of another.
fn fingerprints_since(old: &Path, copy: &Connection, keys: &NumberKeys) -> Vec<i64> {
    let read = || -> Result<_, SpoolError> {
        let broken = |error: BackupError| SpoolError::Broken(error.to_string());
        let connection = open_source(old).map_err(broken)?;
        if transcript::seed(&connection)? != transcript::seed(copy)? {
            return Ok(Vec::new());
        }
        let mut rows = connection.prepare("SELECT fingerprint FROM opted_out")?;
        let found = rows.query_map([], |row| row.get(0))?;
        let mut found: Vec<i64> = found.collect::<rusqlite::Result<_>>()?;
        if number_keys::named(&connection)?.is_empty() {
            for print in &mut found {
                *print = keys.current().wrap_telephone(*print);
            }
        }
        Ok(found)
    };
    // One of an earlier version has no such table.
    read().unwrap_or_default()
}

/// Exchanges the spool for `new`. At no moment is there no spool, and none beside a log that is
/// not its own.
pub(super) fn exchange(
    new: Partial,
    beside: &Path,
    spool: &Path,
) -> Result<Option<PathBuf>, RestoreError> {
    let failed = |source| RestoreError::NotExchanged {
        path: spool.into(),
        source,
    };
    // Under a service's own user, root restores what the service is to own.
    if let Some(owner) = Owner::of(spool) {
        owner.take(&new.path).map_err(failed)?;
        std::fs::set_permissions(&new.path, std::fs::Permissions::from_mode(0o600))
            .map_err(failed)?;
    }
    new.keep(beside)?;

    let previous = match spool.exists() {
        true => Some(set_aside(spool).map_err(failed)?),
        false => None,
    };
    std::fs::rename(beside, spool).map_err(failed)?;
    sync_folder(spool).map_err(failed)?;
    Ok(previous)
}

/// Keeps the spool's file under another name as well, with its log where that cannot be folded in.
fn set_aside(spool: &Path) -> std::io::Result<PathBuf> {
    let stamp = Clock::system().now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let named = |suffix: &str| {
        let mut name = spool.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let mut aside = named(&format!(".before-{stamp}"));
    for again in 2..100 {
        if !aside.exists() {
            break;
        }
        aside = named(&format!(".before-{stamp}-{again}"));
    }
    let folded = connect(spool, false).is_ok_and(|connection| {
        connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                row.get::<_, i64>(0)
            })
            .is_ok_and(|busy| busy == 0)
    });
    let log = named("-wal");
    if log.exists() {
        let mut aside_log = aside.as_os_str().to_owned();
        aside_log.push("-wal");
        match folded {
            true => std::fs::remove_file(&log)?,
            false => std::fs::rename(&log, aside_log)?,
        }
    }
    match std::fs::remove_file(named("-shm")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Files that only this one names are swept away beside the new one.
    let files_aside = enclosures::folder_aside(&aside);
    let kept = enclosures::set_aside(&files::folder_of(spool), &files_aside)
        .and_then(|()| std::fs::hard_link(spool, &aside));
    if let Err(error) = kept {
        let _ = std::fs::remove_dir_all(files_aside);
        return Err(error);
    }
    Ok(aside)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::Spool;
    use super::super::backup::back_up;
    use super::*;

    /// A desk with a text that was answered, the answer still waiting.
    const DESK: &str = "
        INSERT INTO line (name) VALUES ('m');
        INSERT INTO gateway (id, name, kind, queue, line, policy) VALUES (1, 'm', 'sms', 1, 'm', 'hold');
        INSERT INTO patron (id, gateway, address, name) VALUES (1, 1, '+15551230100', 'heron-42');
        INSERT INTO conversation (id, patron, gateway, queue, home, state, opened, active)
            VALUES (1, 1, 1, 1, 1, 'waiting', 0, 0);
        INSERT INTO message (id, conversation, direction, body, at, state, author)
            VALUES (1, 1, 'in', 'Is it in?', 0, 'received', 'patron'),
                   (2, 1, 'out', 'Yes.', 0, 'queued', 'operator');
        INSERT INTO outbox (id, message, conversation, gateway, recipient, made)
            VALUES (1, 2, 1, 1, '+15551230100', 0);";

    struct Shelf {
        folder: tempfile::TempDir,
    }

    impl Shelf {
        fn new() -> Self {
            let shelf = Self {
                folder: tempfile::tempdir().unwrap(),
            };
            shelf.sql(DESK);
            shelf
        }

        fn spool(&self) -> PathBuf {
            self.folder.path().join("spool.db")
        }

        fn backup(&self) -> PathBuf {
            let path = self.folder.path().join("backup.db");
            back_up(&self.spool(), &path, &mut |_| {}).unwrap();
            path
        }

        fn sql(&self, sql: &'static str) {
            let spool = Spool::open(&self.spool()).unwrap();
            spool
                .write_blocking(move |c| Ok(c.execute_batch(sql)?))
                .unwrap();
        }

        fn text(&self, sql: &'static str) -> String {
            let spool = Spool::open(&self.spool()).unwrap();
            let job = move |c: &Connection| Ok(c.query_row(sql, [], |row| row.get(0))?);
            spool.write_blocking(job).unwrap()
        }

        fn restore(&self, backup: &Path, waiting: Waiting) -> Result<Restored, RestoreError> {
            self.restore_by(backup, waiting, &NumberKeyFrom::Here)
        }

        fn restore_by(
            &self,
            backup: &Path,
            waiting: Waiting,
            key: &NumberKeyFrom,
        ) -> Result<Restored, RestoreError> {
            put_back(backup, &self.spool(), waiting, key, &mut |_| {})
        }
    }

    #[test]
    fn the_spool_is_as_it_was_and_the_later_one_is_kept() {
        let shelf = Shelf::new();
        let backup = shelf.backup();
        shelf.sql("UPDATE message SET body = 'later' WHERE id = 1");
        let restored = shelf.restore(&backup, Waiting::Doubt).unwrap();
        assert_eq!((restored.texts, restored.doubted), (2, 1));
        assert_eq!(
            shelf.text("SELECT body FROM message WHERE id = 1"),
            "Is it in?"
        );
        let previous = Connection::open(restored.previous.unwrap()).unwrap();
        let body: String = previous
            .query_row("SELECT body FROM message WHERE id = 1", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(body, "later");
    }

    #[test]
    fn what_waited_is_in_doubt_unless_one_knows_better() {
        let shelf = Shelf::new();
        let backup = shelf.backup();
        shelf.restore(&backup, Waiting::Doubt).unwrap();
        for (sql, wanted) in [
            ("SELECT state FROM outbox", "unknown"),
            ("SELECT state FROM message WHERE id = 2", "unknown"),
            ("SELECT state FROM message WHERE id = 1", "received"),
        ] {
            assert_eq!(shelf.text(sql), wanted, "{sql}");
        }
        let restored = shelf.restore(&backup, Waiting::Send).unwrap();
        assert_eq!(restored.doubted, 0);
        assert_eq!(shelf.text("SELECT state FROM outbox"), "due");
    }

    #[test]
    fn who_opted_out_since_stays_out_and_numbers_are_not_given_again() {
        let shelf = Shelf::new();
        let backup = shelf.backup();
        shelf.sql("UPDATE patron SET opted_out = 1");
        let restored = shelf.restore(&backup, Waiting::Doubt).unwrap();
        assert_eq!(restored.opted_out, 1);
        assert_eq!(
            shelf.text("SELECT cast(opted_out AS TEXT) FROM patron"),
            "1"
        );
        shelf.sql(
            "INSERT INTO message (conversation, direction, body, at, state, author)
             VALUES (1, 'in', 'new', 0, 'received', 'patron')",
        );
        let next: i64 = shelf
            .text("SELECT cast(max(id) AS TEXT) FROM message")
            .parse()
            .unwrap();
        assert!(next > LEAP, "{next}");
    }

    #[test]
    fn what_was_taken_from_the_sim_and_never_shown_is_carried_over() {
        let shelf = Shelf::new();
        let backup = shelf.backup();
        shelf.sql(
            "INSERT INTO inbox (line, digest, pdu, received) VALUES ('m', x'01', x'AA', 5);
             INSERT INTO inbox (line, digest, received, state) VALUES ('m', x'02', 5, 'used');",
        );
        shelf.restore(&backup, Waiting::Doubt).unwrap();
        let kept = "SELECT group_concat(hex(pdu) || ' ' || state) FROM inbox";
        assert_eq!(shelf.text(kept), "AA new");
    }

    #[test]
    fn a_restore_lets_nobody_in_who_was_shut_out_since() {
        let shelf = Shelf::new();
        shelf.sql(
            "INSERT INTO operator (id, name, role, password_hash) VALUES
                 (1, 'ana', 'admin', 'old'), (2, 'ben', 'admin', 'b'), (3, 'eve', 'admin', 'e');
             INSERT INTO token (hash, operator, made) VALUES ('stolen', 1, 0);
             INSERT INTO session (hash, operator, expires) VALUES ('open', 1, 9);
             INSERT INTO link (hash, operator, expires) VALUES ('link', 1, 9);",
        );
        let backup = shelf.backup();
        shelf.sql(
            "UPDATE operator SET password_hash = 'new' WHERE id = 1;
             UPDATE operator SET role = 'operator' WHERE id = 2;
             UPDATE operator SET removed = 1 WHERE id = 3;
             DELETE FROM token;",
        );
        shelf.restore(&backup, Waiting::Doubt).unwrap();
        for table in ["session", "token", "link"] {
            let left = format!("SELECT cast(count(*) AS TEXT) FROM {table}");
            assert_eq!(shelf.text(left.leak()), "0", "{table}");
        }
        let staff = "SELECT group_concat(name || ' ' || role || ' ' || coalesce(password_hash, '-')
                         || ' ' || removed, ', ') FROM operator";
        assert_eq!(
            shelf.text(staff),
            "ana admin new 0, ben operator b 0, eve admin - 1"
        );
    }

    #[test]
    fn a_file_with_more_in_it_than_ours_is_refused() {
        let shelf = Shelf::new();
        let backup = shelf.backup();
        let connection = Connection::open(&backup).unwrap();
        connection
            .execute_batch(
                "CREATE TRIGGER planted AFTER INSERT ON message BEGIN
                     INSERT INTO token (hash, operator, made) VALUES ('thief', 1, 0); END",
            )
            .unwrap();
        drop(connection);
        let said = shelf
            .restore(&backup, Waiting::Doubt)
            .unwrap_err()
            .to_string();
        assert!(said.contains("`planted`"), "{said}");
    }

    #[test]
    fn elsewhere_a_stop_of_somebody_forgotten_needs_the_key_and_holds_with_it() {
        let shelf = Shelf::new();
        let (there, seed) = {
            let spool = Spool::open(&shelf.spool()).unwrap();
            let seed = spool.write_blocking(transcript::seed).unwrap();
            (spool.keys().clone(), seed)
        };
        let print = there.telephone(seed, "+15551230199");
        {
            let spool = Spool::open(&shelf.spool()).unwrap();
            let insert = "INSERT INTO opted_out (fingerprint) VALUES (?1)";
            spool
                .write_blocking(move |c| Ok(c.execute(insert, [print])?))
                .unwrap();
        }
        let (backup, key) = (shelf.backup(), number_keys::file(&shelf.spool()));
        assert!(
            shelf.restore(&backup, Waiting::Doubt).is_ok(),
            "at home it is at hand"
        );

        let elsewhere = Shelf::new();
        let refused = elsewhere.restore(&backup, Waiting::Doubt);
        let Err(RestoreError::NeedsKey { telephones: 1 }) = refused else {
            panic!("{refused:?}");
        };
        let no_key = NumberKeyFrom::File(backup.clone());
        let refused = elsewhere.restore_by(&backup, Waiting::Doubt, &no_key);
        assert!(
            matches!(refused, Err(RestoreError::NoKey { .. })),
            "{refused:?}"
        );
        let with_key = NumberKeyFrom::File(key);
        elsewhere
            .restore_by(&backup, Waiting::Doubt, &with_key)
            .unwrap();
        let spool = Spool::open(&elsewhere.spool()).unwrap();
        assert!(!spool.keys_missing());
        assert_eq!(spool.keys().telephone(seed, "+15551230199"), print);
        drop(spool);

        let third = Shelf::new();
        third
            .restore_by(&backup, Waiting::Doubt, &NumberKeyFrom::Nowhere)
            .unwrap();
        assert!(Spool::open(&third.spool()).unwrap().keys_missing());
    }

    #[test]
    fn what_cannot_be_put_back_leaves_the_spool_alone() {
        let shelf = Shelf::new();
        let backup = shelf.backup();
        let held = Spool::open(&shelf.spool()).unwrap();
        let refused = shelf.restore(&backup, Waiting::Doubt);
        assert!(matches!(refused, Err(RestoreError::InUse { .. })));
        drop(held);

        let newer = shelf.folder.path().join("newer.db");
        std::fs::copy(&backup, &newer).unwrap();
        let connection = Connection::open(&newer).unwrap();
        connection.pragma_update(None, "user_version", 999).unwrap();
        drop(connection);
        let diary = shelf.folder.path().join("diary");
        std::fs::write(&diary, "Dear diary, ".repeat(500)).unwrap();
        let empty = shelf.folder.path().join("empty");
        std::fs::write(&empty, "").unwrap();
        let damaged = shelf.folder.path().join("damaged.db");
        let mut octets = std::fs::read(&backup).unwrap();
        // Every page but the first two: the tables' own.
        octets[8192..].fill(0xA5);
        std::fs::write(&damaged, octets).unwrap();
        for (file, words) in [
            (newer, "newer callnumber"),
            (diary, "not a callnumber spool"),
            (empty, "not a callnumber spool"),
            (damaged, "is damaged"),
            (shelf.folder.path().join("none.db"), "there is no spool at"),
        ] {
            let said = shelf
                .restore(&file, Waiting::Doubt)
                .unwrap_err()
                .to_string();
            assert!(said.contains(words), "{}: {said}", file.display());
        }
        assert_eq!(
            shelf.text("SELECT body FROM message WHERE id = 1"),
            "Is it in?"
        );
        let passing = std::fs::read_dir(shelf.folder.path()).unwrap();
        let left = passing
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.contains("partial") || name.contains("restored"));
        assert_eq!(left.count(), 0);
    }

    #[test]
    fn an_older_version_is_brought_up_to_date() {
        let shelf = Shelf::new();
        let old = shelf.folder.path().join("old.db");
        let mut connection = Connection::open(&old).unwrap();
        migrate::to_version(&mut connection, &old, 1).unwrap();
        connection
            .execute_batch("INSERT INTO queue (name) VALUES ('old')")
            .unwrap();
        drop(connection);
        let restored = shelf.restore(&old, Waiting::Doubt).unwrap();
        assert_eq!(restored.texts, 0);
        assert_eq!(shelf.text("SELECT name FROM queue"), "old");
        assert_eq!(
            shelf.text("SELECT cast(user_version AS TEXT) FROM pragma_user_version"),
            migrate::known().to_string()
        );
    }
}
