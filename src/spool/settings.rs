//! What the box was told on its page. What its file says comes before.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::Result;
use super::wire;

/// How long transcripts stay after closing where nobody says otherwise.
pub const RETENTION_USUAL: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// The shortest time for which transcripts may stay, by the page: what was closed yesterday is still
/// there for whoever continues it.
pub const RETENTION_LEAST: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest.
pub const RETENTION_MOST: Duration = Duration::from_secs(3660 * 24 * 60 * 60);

const RETENTION: &str = "retention_s";
const ALERTING: &str = "alerting";

/// Who is called when the desk needs help, as the page was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alerting {
    /// Mail addresses.
    pub email: Vec<String>,
    /// Staff telephones.
    pub phones: Vec<String>,
    /// Seconds for which a line may be in trouble before it is one.
    pub line_after_s: u64,
    /// Seconds for which texts may wait while nobody is signed in.
    pub waiting_after_s: u64,
    /// Mebibytes the disk must have left.
    pub disk_free_mb: u64,
    /// The mail server, where the page was told one.
    pub smtp: Option<Smtp>,
}

/// A mail server, as the page was told.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Smtp {
    /// Its host, with its port or without.
    pub server: String,
    /// The sender.
    pub from: String,
    /// How the connection is kept from others' eyes: `starttls`, `tls` or `none`.
    pub security: String,
    /// The name, where the server asks for one.
    pub user: Option<String>,
    /// The password that goes with it.
    pub password: Option<String>,
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Smtp")
            .field("server", &self.server)
            .field("security", &self.security)
            .finish_non_exhaustive()
    }
}

/// Who is called; `None` where the page was not told.
pub fn alerting(connection: &Connection) -> Result<Option<Alerting>> {
    Ok(connection
        .prepare_cached("SELECT value FROM setting WHERE key = ?1")?
        .query_row([ALERTING], |row| wire::json_from(row, 0))
        .optional()?)
}

/// Tells who is called; `None`: the page says nothing.
pub fn set_alerting(connection: &Connection, told: Option<&Alerting>) -> Result<()> {
    match told {
        Some(told) => connection
            .prepare_cached("INSERT OR REPLACE INTO setting (key, value) VALUES (?1, ?2)")?
            .execute(params![ALERTING, wire::json(told)])?,
        None => connection
            .prepare_cached("DELETE FROM setting WHERE key = ?1")?
            .execute([ALERTING])?,
    };
    Ok(())
}

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
    fn who_is_called_comes_back_as_it_was_told() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(&folder.path().join("spool.db")).unwrap();
        let told = Alerting {
            email: vec!["desk@elm.example".into()],
            phones: vec!["+15551230199".into()],
            line_after_s: 300,
            waiting_after_s: 600,
            disk_free_mb: 200,
            smtp: Some(Smtp {
                server: "mail.elm.example:587".into(),
                from: "callnumber@elm.example".into(),
                security: "starttls".into(),
                user: Some("desk".into()),
                password: Some("maps and tea".into()),
            }),
        };
        // What is written into a log does not say it.
        assert!(!format!("{told:?}").contains("maps and tea"));
        for told in [Some(told), None] {
            let kept = told.clone();
            let found = spool.write_blocking(move |c| {
                set_alerting(c, kept.as_ref())?;
                alerting(c)
            });
            assert_eq!(found.unwrap(), told);
        }
    }

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
            let found = spool.write_blocking(move |c| {
                set_retention(c, told)?;
                retention(c)
            });
            assert_eq!(found.unwrap(), kept, "{told:?}");
        }
    }
}
