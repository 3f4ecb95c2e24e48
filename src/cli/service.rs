//! What the service manager is told while the desk runs (sd_notify(3)): that it moves, and how it is,
//! which `systemctl status` shows.

use std::time::Duration;

use sd_notify::NotifyState;

use super::status;
use crate::control::Rooms;
use crate::desk::{Desk, NotGranted};
use crate::routing::Event;

/// Between two tellings where no watchdog waits for them.
const EVERY: Duration = Duration::from_secs(60);
/// Before the first telling of how it is: a modem needs a moment to be set up.
const SOON: Duration = Duration::from_secs(5);

/// Tells that the desk moves: each ping goes through the router and back. A disk that takes nothing
/// is no reason to be started again. Ends only when the router is gone, and then there is nothing left
/// to run for.
pub(super) async fn tell(desk: Desk, rooms: Rooms) {
    let every = sd_notify::watchdog_enabled().map_or(EVERY, |timeout| timeout / 3);
    let managed = std::env::var_os("NOTIFY_SOCKET").is_some();
    let mut moves = tokio::time::interval(every);
    let mut first = Box::pin(tokio::time::sleep(SOON.min(every)));
    let mut told = false;
    loop {
        tokio::select! {
            _ = moves.tick() => {
                if !moved(&desk).await {
                    return;
                }
                let _ = sd_notify::notify(&[NotifyState::Watchdog]);
            }
            () = &mut first, if !told => told = true,
        }
        if managed && let Ok(now) = rooms.status().await {
            let _ = sd_notify::notify(&[NotifyState::Status(&status::in_a_line(&now))]);
        }
    }
}

/// Whether the router is there.
async fn moved(desk: &Desk) -> bool {
    match desk.ask(Event::Tick).await {
        Ok(_) => {}
        Err(NotGranted::ShuttingDown) => return false,
        Err(error @ NotGranted::NotKept(_)) => {
            tracing::warn!(%error, "the desk is not well");
        }
        Err(
            error @ (NotGranted::Refused(_)
            | NotGranted::BadAmendment(_)
            | NotGranted::Forbidden(_)),
        ) => {
            tracing::error!(%error, "the desk refused to tick");
        }
    }
    true
}
