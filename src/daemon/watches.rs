//! Notices when a line was down, whatever the reason: modem, SIM, power, or this program. Until a
//! line works again nobody can be told; then whoever texted meanwhile is (M8).

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::shift::told_to_stop;
use crate::desk::Desk;
use crate::modem::{Line, LineStatus, Phase, Registration};
use crate::routing::Event;
use crate::spool::{Spool, outages};

/// How often a working line is written down: by this much an outage is taken for longer than it was.
const SEEN_EVERY: Duration = Duration::from_secs(5 * 60);

/// Watches one line until the house closes.
pub async fn watch_line(line: Line, desk: Desk, spool: Spool, stop: watch::Receiver<bool>) {
    let mut status = line.status();
    // From the moment it can hear: what waited on the SIM is read before the line is called ready,
    // and whoever wrote it is to be told.
    let works = |status: &LineStatus| match status.phase {
        Phase::Ready => true,
        Phase::Starting => matches!(
            status.registration,
            Registration::Home | Registration::Roaming
        ),
        Phase::NoPort(_) | Phase::Stuck(_) => false,
    };
    let watching = async {
        while status.wait_for(works).await.is_ok() {
            back(&line.name, &desk, &spool).await;
            loop {
                see(&line.name, &spool).await;
                tokio::select! {
                    fell = status.wait_for(|status| !works(status)) => match fell {
                        Ok(_) => break,
                        Err(_) => return,
                    },
                    () = sleep(SEEN_EVERY) => {}
                }
            }
            see(&line.name, &spool).await;
        }
    };
    tokio::select! {
        () = told_to_stop(stop) => {}
        () = watching => {}
    }
}

/// The line works again. The router decides whether anybody missed it.
async fn back(line: &str, desk: &Desk, spool: &Spool) {
    let name = line.to_owned();
    let now = spool.now();
    let last = spool.read(move |c| outages::last_seen(c, &name)).await;
    let gateway = {
        let board = desk.board();
        let board = board.borrow();
        board.plan.gateway_on_line(line).map(|gateway| gateway.id)
    };
    let (Ok(Some(from)), Some(gateway)) = (last, gateway) else {
        return;
    };
    let event = Event::LineRestored {
        gateway,
        from,
        to: now,
    };
    if let Err(error) = desk.ask(event).await {
        tracing::debug!(line, %error, "an outage was not written down");
    }
}

async fn see(line: &str, spool: &Spool) {
    let name = line.to_owned();
    let now = spool.now();
    if let Err(error) = spool.write(move |c| outages::see(c, &name, now)).await {
        tracing::debug!(line, %error, "the line was seen, and that is not on disk");
    }
}
