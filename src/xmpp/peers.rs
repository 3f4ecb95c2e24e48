//! Other boxes' desks that help out: a queue of another box is an operator here, by its address.
//!
//! What is sent to an operator is sent to it, and is a patron's instant message over there: held,
//! offered and answered by that box's law. Its answer comes back from the queue's address and goes
//! to the patron as an operator's. Only a receipt proves that it has a text: it is written down
//! there before. No number crosses, since an operator of another queue sees names alone.
//!
//! A server tells nobody that a component is gone, so a desk is asked every minute whether it is
//! there. One that does not answer has left, and what it had goes back to the queue (clause 5).

use std::time::Duration;

use tokio::time::Instant;
use tokio_xmpp::minidom::Element;
use tokio_xmpp::parsers::disco::DiscoInfoQuery;

use super::addresses::is_relayed;
use super::stanzas;
use super::state::Surface;
use crate::routing::{GatewayKind, Patron};

/// Between two questions.
const ASK_EVERY: Duration = Duration::from_secs(60);
/// Ids of the questions.
const ASKED: &str = "desk-";

impl Surface {
    /// Asks the addresses of whoever is not here, and of desks that are, whether a desk is there.
    pub(super) fn ask_desks(&mut self) {
        let now = Instant::now();
        let early = self
            .desks_asked
            .is_some_and(|at| now.duration_since(at) < ASK_EVERY);
        if early || !self.is_up() {
            return;
        }
        self.desks_asked = Some(now);
        let asked: Vec<_> = self
            .staff
            .iter()
            .filter(|(bare, _)| {
                let client = self.clients.get(*bare);
                // Whoever signs in without a resource is no person's client.
                let bodiless = client.is_none_or(|client| client.resources.contains_key(*bare));
                bodiless || self.desks.contains(*bare)
            })
            .map(|(bare, operator)| (bare.clone(), *operator))
            .collect();
        for (bare, operator) in asked {
            let Some(from) = self.face(operator) else {
                continue;
            };
            self.arrivals += 1;
            let id = format!("{ASKED}{}", self.arrivals);
            let query = DiscoInfoQuery { node: None };
            self.say(stanzas::get(&from, &bare, &id, query));
        }
    }

    /// An answer to our question, or something else.
    pub(super) async fn desk_answered(&mut self, stanza: &Element, bare: &str) {
        let asked = stanza.attr("id").is_some_and(|id| id.starts_with(ASKED));
        if !asked || !self.staff.contains_key(bare) {
            return;
        }
        let is_desk = stanzas::features(stanza).is_some_and(|all| all.contains(stanzas::DESK));
        if is_desk {
            let new = self.desks.insert(bare.to_owned());
            if new || !self.clients.contains_key(bare) {
                // It says from then on whether somebody is on duty there.
                let from = stanzas::bare(stanza.attr("to").unwrap_or_default());
                self.say(stanzas::presence(from, bare, "subscribe"));
            }
        } else if stanza.attr("type") == Some("error") && self.desks.contains(bare) {
            self.leave(bare).await;
        }
    }

    /// Whether an address is another box's desk.
    pub(super) fn is_desk(&self, bare: &str) -> bool {
        self.desks.contains(bare)
    }

    /// Whether a patron's texts may go to a client: what one desk relayed to us is relayed to no
    /// other, or two desks that help one another would send it to and fro for ever.
    pub(super) fn may_go_to(&self, bare: &str, patron: &Patron, kind: GatewayKind) -> bool {
        !(self.is_desk(bare) && kind == GatewayKind::Im && is_relayed(patron.address.as_str()))
    }
}
