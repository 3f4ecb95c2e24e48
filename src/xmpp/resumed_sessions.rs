//! Clients that came back under the resource of a session that died.
//!
//! A server that replaces a session may report the old one gone after the new one has come, as
//! ejabberd does. To the desk both are one address (RFC 6120 §7.7.2.2), so that report reads as if
//! the new one had left, which knows nothing of it and says nothing more. Whoever is reported gone
//! soon after saying anew that they are there is therefore asked: a client that answers is there.

use std::time::Duration;

use tokio::time::Instant;
use tokio_xmpp::minidom::Element;

use super::clients::Doubt;
use super::stanzas;
use super::state::Surface;
use crate::routing::{OperatorId, Show};

/// A dead session is reported gone so soon after its successor came. Who signs out of a queue alone,
/// within that time of coming back to it, and stays connected, has to do so twice.
const SOON: Duration = Duration::from_secs(60);
/// Addresses in doubt at a time; more means that none of them is what this is for.
const DOUBTS_MAX: usize = 256;
/// Ids of the questions begin so.
const AGAIN: &str = "again-";

impl Surface {
    /// A client was reported gone that had come anew at `again`: asks it.
    pub(super) fn doubt(&mut self, jid: &str, operator: OperatorId, priority: i8, again: Instant) {
        let now = Instant::now();
        self.resumed
            .doubts
            .retain(|_, doubt| now.duration_since(doubt.asked) < SOON);
        if now.duration_since(again) >= SOON || self.resumed.doubts.len() >= DOUBTS_MAX {
            return;
        }
        let Some(from) = self.face(operator) else {
            return;
        };
        self.arrivals += 1;
        let id = format!("{AGAIN}{}", self.arrivals);
        self.say(stanzas::ping(&from, jid, &id));
        self.resumed.doubts.insert(
            jid.to_owned(),
            Doubt {
                operator,
                priority,
                id,
                asked: now,
            },
        );
    }

    /// A client answered, perhaps this question: it is there, as it last said.
    pub(super) async fn renewed(&mut self, stanza: &Element, bare: &str) {
        let (Some(id), Some(jid)) = (stanza.attr("id"), stanza.attr("from")) else {
            return;
        };
        if !id.starts_with(AGAIN) {
            return;
        }
        let doubt = match self.resumed.doubts.get(jid) {
            Some(doubt) if doubt.id == id => self.resumed.doubts.remove(jid),
            Some(_) | None => None,
        };
        let Some(doubt) = doubt else { return };
        // The staff may have changed meanwhile.
        if self.staff.get(bare) == Some(&doubt.operator) {
            self.admit(bare, jid, doubt.operator, Show::Available, doubt.priority)
                .await;
        }
    }
}
