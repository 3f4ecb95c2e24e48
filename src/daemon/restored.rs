//! The router as the spool has it: at the start, and after a commit that failed.

use std::time::Duration;

use crate::routing::{Library, Moment, Need, Plan, Recalled, Router};
use crate::spool::{Spool, SpoolError, transcript};

/// How soon to try again when even reading the spool failed.
pub(super) const MEND_EVERY: Duration = Duration::from_secs(5);

/// Messages of ours that a reaction is looked for among: nobody scrolls further back.
const SAID: usize = 40;

pub(super) fn look_up(
    connection: &rusqlite::Connection,
    need: Need,
) -> Result<Recalled, SpoolError> {
    let mut recalled = Recalled {
        need,
        patron: None,
        conversation: None,
        message: None,
        said: Vec::new(),
    };
    match &recalled.need {
        Need::Patron(gateway, address) => {
            recalled.patron = transcript::patron_at(connection, *gateway, address)?;
            if let Some(patron) = &recalled.patron {
                recalled.conversation = transcript::latest_conversation(connection, patron.id)?;
            }
        }
        Need::Conversation(id) => {
            recalled.conversation = transcript::conversation(connection, *id)?;
            if let Some(conversation) = &recalled.conversation {
                recalled.patron = transcript::patron(connection, conversation.patron)?;
            }
        }
        Need::Message(id) => recalled.message = transcript::message(connection, *id)?,
        Need::Said(gateway, address) => {
            recalled.said = transcript::said(connection, *gateway, address, SAID)?;
        }
    }
    Ok(recalled)
}

pub(super) async fn restore(
    spool: &Spool,
    library: &Library,
    now: Moment,
) -> Result<(Plan, Router), SpoolError> {
    let library = library.clone();
    let keys = spool.keys().clone();
    let restored = spool
        .read(move |connection| transcript::restored(connection, &library, keys))
        .await?;
    Ok((restored.plan.clone(), Router::restore(restored, now)))
}
