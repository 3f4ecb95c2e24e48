//! Tasks that begin and end together.

use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};

/// How long what is under way may take to end when it is told to; after that an attempt to send is
/// *unknown*.
pub(super) const CLOSING: Duration = Duration::from_secs(4);

/// Tasks that one word ends. Dropping it tells them as well.
#[derive(Debug)]
pub(super) struct Shift {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Shift {
    pub(super) fn new() -> Self {
        Self {
            stop: watch::Sender::new(false),
            tasks: Vec::new(),
        }
    }

    /// Becomes true when the tasks are to end.
    pub(super) fn stop(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Starts one more.
    pub(super) fn take(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.push(tokio::spawn(task));
    }

    /// Tells the tasks to end.
    pub(super) fn tell(&self) {
        self.stop.send_replace(true);
    }

    /// Tells them, waits, and cuts off whatever has not ended within [`CLOSING`]. Whether none had
    /// to be.
    pub(super) async fn end(self) -> bool {
        self.tell();
        let cut: Vec<AbortHandle> = self.tasks.iter().map(JoinHandle::abort_handle).collect();
        let ended = tokio::time::timeout(CLOSING, self.ended()).await.is_ok();
        cut.iter().for_each(AbortHandle::abort);
        ended
    }

    /// Waits for as long as it takes.
    async fn ended(self) {
        for task in self.tasks {
            if let Err(error) = task.await
                && error.is_panic()
            {
                tracing::error!(%error, "a surface ended badly");
            }
        }
    }
}

/// Waits until the house closes.
pub(super) async fn told_to_stop(mut stop: watch::Receiver<bool>) {
    // An error says that the house is gone: the same.
    let _ = stop.wait_for(|stop| *stop).await;
}
