//! What the box was told on its page. What its file says comes before.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::Result;

/// How long transcripts stay after closing where nobody says otherwise.
pub const RETENTION_USUAL: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// The shortest time for which transcripts may stay, by the page: what was closed yesterday is still
/// there for whoever continues it.
pub const RETENTION_LEAST: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest.
pub const RETENTION_MOST: Duration = Duration::from_secs(3660 * 24 * 60 * 60);

const RETENTION: &str = "retention_s";

/// How long transcripts stay after closing; `None` where the page was not told.
pub fn retention(connection: &Connection) -> Result<Option<Duration>> {
    let kept: Option<i64> = connection
        .prepare_cached("SELECT value FROM setting WHERE key = ?1")?
        .query_row([RETENTION], |row| row.get(0))
        .optional()?;
    let seconds = kept.and_then(|seconds| u64::try_from(seconds).ok());
    Ok(seconds.map(|seconds| {
        // Whatever is in the row, a slip must not erase today's conversations.
        Duration::from_secs(seconds).clamp(RETENTION_LEAST, RETENTION_MOST)
    }))
}

/// Tells how long transcripts stay after closing; `None`: as usual.
pub fn set_retention(connection: &Connection, retention: Option<Duration>) -> Result<()> {
    match retention {
        Some(retention) => connection
            .prepare_cached("INSERT OR REPLACE INTO setting (key, value) VALUES (?1, ?2)")?
            .execute(params![
                RETENTION,
                i64::try_from(retention.as_secs()).unwrap_or(i64::MAX)
            ])?,
        None => connection
            .prepare_cached("DELETE FROM setting WHERE key = ?1")?
            .execute([RETENTION])?,
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::Spool;
    use super::*;

    #[test]
    fn what_was_told_is_kept_and_a_slip_does_not_erase() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(&folder.path().join("spool.db")).unwrap();
        let day = Duration::from_secs(24 * 60 * 60);
        for (told, kept) in [
            (None, None),
            (Some(14 * day), Some(14 * day)),
            (Some(Duration::ZERO), Some(RETENTION_LEAST)),
            (Some(Duration::MAX), Some(RETENTION_MOST)),
            (None, None),
        ] {
            let found = spool.write_now(move |c| {
                set_retention(c, told)?;
                retention(c)
            });
            assert_eq!(found.unwrap(), kept, "{told:?}");
        }
    }
}
