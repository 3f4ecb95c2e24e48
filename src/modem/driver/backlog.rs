//! What somebody else is to keep: in order, and without waiting for them.

use std::collections::VecDeque;

use tokio::sync::mpsc;

/// A channel, and what it has no room for yet. Whoever fills it bounds it.
pub(super) struct Backlog<T> {
    channel: mpsc::Sender<T>,
    waiting: VecDeque<T>,
}

impl<T> Backlog<T> {
    pub(super) fn new(channel: mpsc::Sender<T>) -> Self {
        Self {
            channel,
            waiting: VecDeque::new(),
        }
    }

    /// Hands it over now, or behind what waits. Where nobody listens any more it is dropped, which
    /// says that it is not kept.
    pub(super) fn push(&mut self, item: T) {
        if !self.waiting.is_empty() {
            self.waiting.push_back(item);
        } else if let Err(mpsc::error::TrySendError::Full(item)) = self.channel.try_send(item) {
            self.waiting.push_back(item);
        }
    }

    /// Forgets of what waits all but this.
    pub(super) fn retain(&mut self, keep: impl FnMut(&T) -> bool) {
        self.waiting.retain(keep);
    }

    /// Hands over the next that waits, once there is room; for ever, when none does. May be dropped
    /// and called again at any time.
    pub(super) async fn hand_over(&mut self) {
        if self.waiting.is_empty() {
            return std::future::pending().await;
        }
        match self.channel.reserve().await {
            Ok(room) => {
                if let Some(item) = self.waiting.pop_front() {
                    room.send(item);
                }
            }
            Err(_) => self.waiting.clear(),
        }
    }
}
