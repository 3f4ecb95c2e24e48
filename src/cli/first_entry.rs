//! The first sign-in of a desk that nobody can enter: a link, in a file for the box's keeper alone and
//! on the terminal where there is one, never in the journal. It is dead as soon as anybody can sign in
//! otherwise, and so is the operator that was made for it, unless they are somebody by then.

use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;

use super::secret;
use crate::daemon::House;
use crate::desk::Desk;
use crate::routing::{Amendment, Role};
use crate::spool::{Spool, staff};

/// For how long the link works.
const VALID_S: u32 = 24 * 60 * 60;
/// How often it is looked whether somebody can sign in now.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The operator of a desk that has none.
const FIRST: &str = "librarian";

/// Where the link lies.
fn file_of(spool: &Path) -> PathBuf {
    spool
        .parent()
        .unwrap_or(Path::new("."))
        .join("first-sign-in")
}

/// The way in, as long as there is no other.
pub(super) struct FirstEntry {
    desk: Desk,
    spool: Spool,
    file: PathBuf,
}

impl FirstEntry {
    /// Makes a link where nobody can sign in, and says where it is; `url` is the console's.
    pub(super) async fn open(house: &House, url: &str) -> anyhow::Result<Self> {
        let entry = Self {
            desk: house.desk().clone(),
            spool: house.spool().clone(),
            file: file_of(house.spool().path()),
        };
        if entry.spool.read(staff::anyone_can_enter).await? {
            return Ok(entry);
        }
        let secret = secret::make();
        let hash = staff::secret_hash(&secret);
        let kept = hash.clone();
        // Before it is one: a link that is not known as the first would outlive it.
        entry
            .spool
            .write(move |connection| staff::name_first_link(connection, &kept))
            .await?;
        let operator = entry.operator().await?;
        entry
            .desk
            .amend(Amendment::AddLink {
                operator,
                link_hash: hash,
                valid_s: VALID_S,
            })
            .await?;
        let link = format!("{url}/enter/{secret}");
        write_private(&entry.file, &link).with_context(|| {
            format!(
                "cannot write {}: make its folder writable for this user",
                entry.file.display()
            )
        })?;
        say!(
            "Nobody can sign in yet. A link that signs the first operator in, once, within a day, is in {}",
            entry.file.display()
        );
        if io::stdout().is_terminal() {
            say!("  {link}");
        }
        Ok(entry)
    }

    /// Whom the link signs in: the first operator there is, or one that is made.
    async fn operator(&self) -> anyhow::Result<String> {
        let (first, queues) = {
            let board = self.desk.board();
            let board = board.borrow();
            let first = board.plan.operators.first();
            let queues = board.plan.queues.iter().map(|queue| queue.name.clone());
            (first.map(|first| first.name.clone()), queues.collect())
        };
        if let Some(first) = first {
            return Ok(first);
        }
        let name = FIRST.to_owned();
        self.spool
            .write(|connection| staff::name_first_operator(connection, FIRST))
            .await?;
        self.desk
            .amend(Amendment::AddOperator {
                name: name.clone(),
                password_hash: None,
                role: Role::Admin,
                queues,
            })
            .await?;
        Ok(name)
    }

    /// Waits until somebody can sign in, and takes the link away; answers never.
    pub(super) async fn watch(self) -> std::convert::Infallible {
        let mut interval = tokio::time::interval(LOOK_EVERY);
        loop {
            interval.tick().await;
            match self.close().await {
                Ok(true) => return std::future::pending().await,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%error, "the first sign-in link is not taken away yet")
                }
            }
        }
    }

    /// Takes the link away if somebody can sign in; whether that is so.
    async fn close(&self) -> anyhow::Result<bool> {
        if !self.spool.read(staff::anyone_can_enter).await? {
            return Ok(false);
        }
        let unused = self.spool.write(staff::close_first_entry).await?;
        match std::fs::remove_file(&self.file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
        if let Some(name) = unused {
            self.desk.amend(Amendment::RemoveOperator { name }).await?;
        }
        Ok(true)
    }
}

fn write_private(path: &Path, link: &str) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = std::fs::OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{link}")?;
    file.sync_all()
}
