//! What the running daemon is asked about itself: tell more in the log, read the configuration
//! again, close. One chore at a time, from the control socket and from signals.

use std::future::pending;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::signal::unix::Signal;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::config::Config;
use super::{doctor, log, reload};
use crate::daemon::House;
use crate::errands::{Chore, Errand};

/// Chores that may wait.
pub(super) const ERRANDS_MAX: usize = 8;

/// Whether the daemon goes on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    GoOn,
    Close,
}

/// Looks after the process while the house is open.
#[derive(Debug)]
pub(super) struct Caretaker {
    errands: mpsc::Receiver<Errand>,
    hang_up: Signal,
    file: Option<PathBuf>,
    config: Config,
    /// When the log goes back to what is usual.
    hush_at: Option<Instant>,
}

impl Caretaker {
    pub(super) fn new(
        errands: mpsc::Receiver<Errand>,
        hang_up: Signal,
        file: Option<PathBuf>,
        config: Config,
    ) -> Self {
        Self {
            errands,
            hang_up,
            file,
            config,
            hush_at: None,
        }
    }

    /// Does the next chore that is asked for. Only a house that closes may drop it: a chore under way
    /// is then left as it is.
    pub(super) async fn next(&mut self, house: &mut House) -> Next {
        tokio::select! {
            errand = self.errands.recv() => match errand {
                Some(errand) => self.perform(errand, house).await,
                None => pending().await,
            },
            _ = self.hang_up.recv() => {
                // The log says what came of it.
                let _ = self.reload(house).await;
                Next::GoOn
            }
            () = sleep_until(self.hush_at) => {
                self.hush_at = None;
                match log::set("usual") {
                    Ok(filter) => tracing::info!(filter, "the log tells what is usual again"),
                    Err(words) => tracing::warn!("{words}"),
                }
                Next::GoOn
            }
        }
    }

    /// Nobody may be waiting for the answer any more; it is done all the same.
    async fn perform(&mut self, errand: Errand, house: &mut House) -> Next {
        let Errand { chore, answer } = errand;
        let outcome = match chore {
            Chore::Log { level, for_s } => self.set_log(&level, for_s),
            Chore::Reload => self.reload(house).await,
            Chore::Examine => {
                // Looking takes its time, and nothing else has to wait for it.
                let (file, config) = (self.file.clone(), self.config.clone());
                tokio::spawn(async move {
                    let _ = answer.send(Ok(doctor::looked_over(file.as_deref(), &config).await));
                });
                return Next::GoOn;
            }
            Chore::Stop => {
                let _ = answer.send(Ok(Value::Null));
                return Next::Close;
            }
        };
        let _ = answer.send(outcome);
        Next::GoOn
    }

    fn set_log(&mut self, level: &str, for_s: Option<u64>) -> Result<Value, String> {
        let filter = log::set(level)?;
        self.hush_at = for_s.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        tracing::warn!(filter, "the log's filter was changed");
        Ok(log::answer(&filter))
    }

    /// Reads the configuration again and puts in force what can change without a restart.
    ///
    /// # Errors
    /// The sentence about the file; then nothing changed.
    async fn reload(&mut self, house: &mut House) -> Result<Value, String> {
        let begun = [
            Some(sd_notify::NotifyState::Reloading),
            sd_notify::NotifyState::monotonic_usec_now().ok(),
        ];
        let begun: Vec<_> = begun.into_iter().flatten().collect();
        let _ = sd_notify::notify(&begun);
        let outcome = match Config::load(self.file.as_deref()) {
            Ok(config) => reload::apply(&mut self.config, config, house).await,
            Err(error) => Err(error.to_string()),
        };
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
        match outcome {
            Ok(reload::Reloaded { changed, restart }) => {
                tracing::info!(?changed, ?restart, "the configuration was read again");
                Ok(json!({ "changed": changed, "needs_restart": restart }))
            }
            Err(words) => {
                tracing::error!("{words}; the desk goes on as it was");
                Err(words)
            }
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => pending().await,
    }
}
