//! Status reports: what the network says became of a segment (TS 23.040 §9.2.2.3), matched to the
//! attempt it belongs to.

use std::time::Duration;

use jiff::Timestamp;

use super::tail;
use crate::desk::{Arrivals, Desk, NotGranted, Wish};
use crate::routing::{DeliveryState, Event};
use crate::sms::{Delivery, Pdu, SmsStatusReport, Tpdu};
use crate::spool::inbox::Kept;
use crate::spool::outbox::{Matched, Reported, Settled, Told};
use crate::spool::{Result, Spool, inbox, outbox};

/// How long a report waits for an attempt it might belong to; the network gives texts a day.
const PARKED_FOR: jiff::SignedDuration = jiff::SignedDuration::from_hours(48);
/// How soon the desk is told again what its disk did not take.
const AGAIN: Duration = Duration::from_secs(5);

/// Takes one report in: to its segment, or aside until the attempt's outcome is known.
pub(super) fn take(
    connection: &rusqlite::Connection,
    line: &str,
    kept: &Kept,
    report: &SmsStatusReport,
) -> Result<Option<Settled>> {
    let reported = match report.status.delivery() {
        Delivery::Delivered => Reported::Delivered,
        Delivery::Failed => Reported::Undeliverable,
        // The centre goes on trying, or says nothing: its last word is still to come.
        Delivery::StillTrying | Delivery::Unknown => {
            inbox::consume(connection, &[kept.id])?;
            return Ok(None);
        }
    };
    let told = Told {
        reference: report.message_reference,
        tail: &tail(&report.recipient.to_string()),
        reported,
        words: report.status.words(),
        submitted: report.timestamp.instant(),
    };
    let matched = outbox::report(connection, line, &told, kept.received)?;
    match matched {
        Matched::Text(settled) => {
            inbox::consume(connection, &[kept.id])?;
            Ok(Some(settled))
        }
        Matched::Segment => {
            inbox::consume(connection, &[kept.id])?;
            Ok(None)
        }
        Matched::NotYet => {
            inbox::park(connection, kept.id)?;
            Ok(None)
        }
    }
}

/// Looks again at reports that came before their attempt's outcome.
pub(super) async fn settle_parked(spool: &Spool, desk: &Desk, line: &str) {
    let name = line.to_owned();
    let parked = spool
        .read(move |connection| inbox::parked(connection, &name))
        .await;
    match parked {
        Ok(parked) if parked.is_empty() => return,
        Ok(_) => {}
        Err(error) => {
            tracing::warn!(line, %error, "parked reports wait");
            return;
        }
    }
    let name = line.to_owned();
    let now = spool.now();
    let settled = spool
        .write(move |connection| {
            let before = now.checked_sub(PARKED_FOR).unwrap_or(Timestamp::MIN);
            inbox::forget_parked(connection, &name, before)?;
            let mut settled = Vec::new();
            for kept in inbox::parked(connection, &name)? {
                // It was decoded before it was parked.
                if let Ok(Pdu {
                    tpdu: Tpdu::StatusReport(report),
                    ..
                }) = Pdu::decode(&kept.pdu)
                {
                    settled.extend(take(connection, &name, &kept, &report)?);
                }
            }
            Ok(settled)
        })
        .await;
    match settled {
        Ok(settled) => {
            for settled in settled {
                tell(desk, settled).await;
            }
        }
        Err(error) => tracing::warn!(line, %error, "parked reports wait"),
    }
}

/// Tells the desk how a text stands. Not waited for, but said again while the desk's disk does not
/// take it; what is lost when the house closes, the row in the outbox tells at the next start.
pub(super) async fn tell(desk: &Desk, settled: Settled) {
    let Ok(mut answer) = desk.post(wish(&settled)).await else {
        return tracing::debug!("the desk is closing: told at the next start");
    };
    // Passing states are followed by others.
    match settled.state {
        DeliveryState::Sent
        | DeliveryState::Delivered
        | DeliveryState::Failed
        | DeliveryState::Unknown => {}
        DeliveryState::Received | DeliveryState::Queued | DeliveryState::Sending => return,
    }
    let desk = desk.clone();
    tokio::spawn(async move {
        while let Ok(Err(NotGranted::NotKept(_))) = answer.await {
            tokio::time::sleep(AGAIN).await;
            match desk.post(wish(&settled)).await {
                Ok(next) => answer = next,
                Err(_) => return,
            }
        }
    });
}

fn wish(settled: &Settled) -> Wish {
    Wish::Happened {
        event: Event::Delivery {
            message: settled.message,
            conversation: settled.conversation,
            state: settled.state,
            reason: settled.reason.clone(),
        },
        arrivals: Arrivals::None,
    }
}
