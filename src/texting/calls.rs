//! Voice calls become missed calls in the caller's thread.

use tokio::sync::{broadcast, watch};

use super::closing;
use crate::desk::Desk;
use crate::modem::{Call, Line};
use crate::routing::{Event, GatewayId};

/// Tells the desk of one line's calls.
#[derive(Debug)]
pub struct Calls {
    line: String,
    calls: broadcast::Receiver<Call>,
    desk: Desk,
}

impl Calls {
    /// Will tell the desk who called `line`.
    pub fn new(line: &Line, desk: Desk) -> Self {
        Self {
            line: line.name.clone(),
            calls: line.calls(),
            desk,
        }
    }

    /// Listens until the house closes.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            let call = tokio::select! {
                () = closing(&mut stop) => return,
                call = self.calls.recv() => call,
            };
            match call {
                Ok(Call { from: Some(from) }) => self.tell(from).await,
                // A withheld number can be neither noted anywhere nor answered.
                Ok(Call { from: None }) => {}
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    tracing::warn!(line = self.line, missed, "too many calls at once");
                }
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    async fn tell(&self, from: String) {
        let Some(gateway) = self.gateway() else {
            return;
        };
        if let Err(error) = self.desk.ask(Event::CallMissed { gateway, from }).await {
            tracing::warn!(line = self.line, %error, "a call is not noted");
        }
    }

    fn gateway(&self) -> Option<GatewayId> {
        let board = self.desk.board();
        let board = board.borrow();
        Some(board.plan.gateway_on_line(&self.line)?.id)
    }
}
