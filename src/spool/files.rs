//! Files that go with conversations: a row each here, their content in a folder beside the spool. A
//! file goes with the last conversation in which its link was said.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::{Result, Spool, wire};
use crate::routing::ConversationId;

/// What stands before a file's secret in its link.
pub const LINK: &str = "/f/";

/// How old a file without a row must be to be an orphan: it is written before its row, and no upload
/// takes as long.
const ORPHANED_AFTER: Duration = Duration::from_secs(3600);

/// Where files lie.
pub fn folder(spool: &Spool) -> PathBuf {
    folder_of(spool.path())
}

/// Where the files lie of the spool at this path.
pub(super) fn folder_of(spool: &Path) -> PathBuf {
    spool.parent().unwrap_or(Path::new(".")).join("attachments")
}

/// A file that goes with a conversation. Its content lies beside the spool, under its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// What its link ends with.
    pub secret: String,
    /// What it was called.
    pub name: String,
    /// Its media type, told from its first octets.
    pub kind: String,
    /// Octets.
    pub size: u64,
}

/// Keeps a file's row, before anyone can be told of it.
pub fn attach(connection: &Connection, file: &Attachment, now: Timestamp) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO attachment (secret, name, kind, size, made) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            file.secret,
            file.name,
            file.kind,
            i64::try_from(file.size).unwrap_or(i64::MAX),
            wire::time(now)
        ])?;
    Ok(())
}

/// The file of this link.
pub fn attachment(connection: &Connection, secret: &str) -> Result<Option<Attachment>> {
    Ok(connection
        .prepare_cached(
            "SELECT secret, name, kind, size FROM attachment WHERE secret = ?1 AND made > 0",
        )?
        .query_row([secret], |row| {
            Ok(Attachment {
                secret: row.get(0)?,
                name: row.get(1)?,
                kind: row.get(2)?,
                size: u64::try_from(row.get::<_, i64>(3)?).unwrap_or(0),
            })
        })
        .optional()?)
}

/// Octets of all files together.
pub fn attached(connection: &Connection) -> Result<u64> {
    let sum: i64 = connection
        .prepare_cached("SELECT coalesce(sum(size), 0) FROM attachment")?
        .query_row([], |row| row.get(0))?;
    Ok(u64::try_from(sum).unwrap_or(0))
}

/// Forgets files whose conversations are erased, and those made before that no conversation names;
/// answers their secrets, so that their content can go.
fn detach(connection: &Connection, made_before: Timestamp) -> Result<Vec<String>> {
    let rows = connection
        .prepare_cached(
            "DELETE FROM attachment
             WHERE made = 0
                OR made < ?1 AND secret NOT IN (SELECT secret FROM attached)
             RETURNING secret",
        )?
        .query_map([wire::time(made_before)], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// Secrets of all files there should be.
fn secrets(connection: &Connection) -> Result<BTreeSet<String>> {
    let rows = connection
        .prepare_cached("SELECT secret FROM attachment")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// A text was said in a conversation: files whose links stand in it go with that conversation.
pub(super) fn said(
    connection: &Connection,
    body: &str,
    conversation: ConversationId,
) -> Result<()> {
    for rest in body.split(LINK).skip(1) {
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric());
        let secret = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        connection
            .prepare_cached(
                "INSERT OR IGNORE INTO attached (secret, conversation)
                 SELECT secret, ?2 FROM attachment WHERE secret = ?1",
            )?
            .execute(params![secret, conversation.0])?;
    }
    Ok(())
}

/// A conversation is erased: files that no other one names lose their names now, and their content at
/// the next sweep.
pub(super) fn leave(connection: &Connection, conversation: i64) -> Result<()> {
    let secrets: Vec<String> = connection
        .prepare_cached("DELETE FROM attached WHERE conversation = ?1 RETURNING secret")?
        .query_map([conversation], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for secret in secrets {
        connection
            .prepare_cached(
                "UPDATE attachment SET made = 0, name = ''
                 WHERE secret = ?1 AND NOT EXISTS (SELECT 1 FROM attached WHERE secret = ?1)",
            )?
            .execute([secret])?;
    }
    Ok(())
}

/// Takes files away whose conversations are erased, and those made before `made_before` that no
/// conversation names.
///
/// # Errors
/// What the spool says; files stay then, and go with the next sweep.
pub async fn sweep(spool: &Spool, made_before: Timestamp) -> Result<()> {
    let gone = spool
        .write(move |connection| detach(connection, made_before))
        .await?;
    let folder = folder(spool);
    for secret in &gone {
        // Gone already is gone.
        let _ = tokio::fs::remove_file(folder.join(secret)).await;
    }
    Ok(())
}

/// Takes away what has no row: a write that was cut off.
///
/// # Errors
/// What the spool says.
pub async fn sweep_orphans(spool: &Spool) -> Result<()> {
    let Ok(mut entries) = tokio::fs::read_dir(folder(spool)).await else {
        return Ok(()); // no file was ever sent
    };
    let known = spool.read(secrets).await?;
    while let Ok(Some(entry)) = entries.next_entry().await {
        let orphan = entry
            .file_name()
            .to_str()
            .is_none_or(|name| !known.contains(name));
        let old = match entry.metadata().await.and_then(|about| about.modified()) {
            Ok(modified) => modified.elapsed().is_ok_and(|age| age > ORPHANED_AFTER),
            Err(_) => false,
        };
        if orphan && old {
            let _ = tokio::fs::remove_file(entry.path()).await;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use jiff::SignedDuration;

    use super::super::erasure;
    use super::*;

    struct Shelf {
        _folder: tempfile::TempDir,
        spool: Spool,
    }

    /// Two conversations, and a file for each letter.
    async fn shelf(letters: &str) -> Shelf {
        let kept = tempfile::tempdir().unwrap();
        let spool = Spool::open(&kept.path().join("spool.db")).unwrap();
        spool
            .write_blocking(|c| {
                Ok(c.execute_batch(
                    "INSERT INTO gateway (id, name, kind, queue, policy) VALUES (1, 'm', 'im', 1, 'hold');
                     INSERT INTO patron (id, gateway, address, name) VALUES (1, 1, 'a', 'heron-42');
                     INSERT INTO conversation (id, patron, gateway, queue, home, state, opened, active)
                         VALUES (1, 1, 1, 1, 1, 'waiting', 0, 0), (2, 1, 1, 1, 1, 'waiting', 0, 0);",
                )?)
            })
            .unwrap();
        std::fs::create_dir(folder(&spool)).unwrap();
        for letter in letters.chars() {
            let file = Attachment {
                secret: secret_of(letter),
                name: format!("{letter}.txt"),
                kind: "text/plain".into(),
                size: 1,
            };
            std::fs::write(folder(&spool).join(&file.secret), "x").unwrap();
            spool
                .write_blocking(move |c| attach(c, &file, Timestamp::now()))
                .unwrap();
        }
        Shelf {
            _folder: kept,
            spool,
        }
    }

    fn secret_of(letter: char) -> String {
        letter.to_string().repeat(12)
    }

    impl Shelf {
        fn says(&self, conversation: i64, body: String) {
            self.spool
                .write_blocking(move |c| said(c, &body, ConversationId(conversation)))
                .unwrap();
        }

        fn erases(&self, conversation: i64) {
            self.spool
                .write_blocking(move |c| {
                    erasure::erase(c, ConversationId(conversation)).map(|_| ())
                })
                .unwrap();
        }

        async fn left(&self, made_before: Timestamp) -> String {
            sweep(&self.spool, made_before).await.unwrap();
            let mut left: Vec<String> = std::fs::read_dir(folder(&self.spool))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            left.sort();
            left.iter().filter_map(|name| name.chars().next()).collect()
        }
    }

    #[tokio::test]
    async fn a_file_goes_with_the_last_conversation_that_names_it() {
        let shelf = shelf("abc").await;
        let (a, b) = (secret_of('a'), secret_of('b'));
        shelf.says(1, format!("Here: https://elm.example/f/{a}, and /f/{b}."));
        shelf.says(2, format!("/f/{b} /f/ /f/{}", secret_of('z')));
        let never = Timestamp::MIN;
        assert_eq!(shelf.left(never).await, "abc");
        shelf.erases(1);
        let (gone, kept) = (secret_of('a'), secret_of('b'));
        assert_eq!(
            shelf
                .spool
                .read(move |c| attachment(c, &gone))
                .await
                .unwrap(),
            None,
            "its link is dead before its content is gone"
        );
        assert!(
            shelf
                .spool
                .read(move |c| attachment(c, &kept))
                .await
                .unwrap()
                .is_some()
        );
        assert_eq!(shelf.left(never).await, "bc");
        shelf.erases(2);
        assert_eq!(shelf.left(never).await, "c");
    }

    #[tokio::test]
    async fn a_file_that_nobody_was_told_of_goes_by_its_age() {
        let shelf = shelf("ab").await;
        shelf.says(1, format!("/f/{}", secret_of('a')));
        let yesterday = Timestamp::now() - SignedDuration::from_hours(24);
        assert_eq!(shelf.left(yesterday).await, "ab");
        let tomorrow = Timestamp::now() + SignedDuration::from_hours(24);
        assert_eq!(
            shelf.left(tomorrow).await,
            "a",
            "its transcript is still there"
        );
    }

    #[tokio::test]
    async fn what_has_no_row_goes_once_it_is_old() {
        let shelf = shelf("a").await;
        let orphan = folder(&shelf.spool).join("orphan");
        std::fs::write(&orphan, "cut off").unwrap();
        sweep_orphans(&shelf.spool).await.unwrap();
        assert!(orphan.exists(), "its row may be on its way");
        let long_ago = std::time::SystemTime::now() - 2 * ORPHANED_AFTER;
        let file = std::fs::File::options().write(true).open(&orphan).unwrap();
        file.set_modified(long_ago).unwrap();
        sweep_orphans(&shelf.spool).await.unwrap();
        assert!(!orphan.exists());
        assert_eq!(shelf.left(Timestamp::MIN).await, "a");
    }
}
