//! Texts that no line will send: their gateway was removed, or its line is driven no more. They are
//! not left waiting for ever; whoever wrote them is told.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::due::{self, WORTH_SENDING};
use super::{closing, reports};
use crate::desk::Desk;
use crate::modem::Lines;
use crate::spool::{Spool, outbox};

/// How often they are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(60);

const REMOVED: &str =
    "the gateway that it was to leave by was removed, and its line is driven no more";
const NO_LINE: &str = "the line that it was to leave by is driven no more: move its gateway to \
                       another line, or configure the modem again";

/// Looks after the texts of all lines that there are not at the moment.
#[derive(Debug)]
pub struct Stranded {
    lines: Lines,
    desk: Desk,
    spool: Spool,
}

impl Stranded {
    /// Will look after what none of `lines` sends.
    pub fn new(lines: Lines, desk: Desk, spool: Spool) -> Self {
        Self { lines, desk, spool }
    }

    /// Looks until the house closes.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut board = self.desk.board();
        loop {
            board.mark_unchanged();
            self.look().await;
            tokio::select! {
                () = closing(&mut stop) => return,
                // A gateway may have been removed.
                _ = board.changed() => {}
                () = sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn look(&self) {
        let lines = self.lines.names();
        let before = due::before(self.spool.now(), WORTH_SENDING);
        let (names, at) = (lines.clone(), before);
        let any = self
            .spool
            .read(move |connection| {
                outbox::stranded(connection, &names, at).map(|found| !found.is_empty())
            })
            .await;
        if !any.unwrap_or(false) {
            return;
        }
        let failed = self
            .spool
            .write(move |connection| {
                let found = outbox::stranded(connection, &lines, before)?;
                found
                    .into_iter()
                    .map(|(text, removed)| {
                        let why = if removed { REMOVED } else { NO_LINE };
                        due::fail(connection, text, Some(why))
                    })
                    .collect::<Result<Vec<_>, _>>()
            })
            .await;
        match failed {
            Ok(failed) => {
                for settled in failed {
                    reports::tell(&self.desk, settled).await;
                }
            }
            Err(error) => tracing::warn!(%error, "texts without a line wait"),
        }
    }
}
