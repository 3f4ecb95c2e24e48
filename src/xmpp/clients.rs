//! Operators' clients as they last showed themselves, pure.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::delivery::Delivery;
use crate::routing::{EndpointId, OperatorId, Show};

/// One of an operator's clients.
#[derive(Debug)]
pub(super) struct Resource {
    pub(super) endpoint: EndpointId,
    pub(super) show: Show,
    pub(super) priority: i8,
    /// Grows with every presence: the newest is taken for the one in use.
    pub(super) heard: u64,
    /// When it last said that it is available although it was here: a session of the same name may
    /// have taken its place.
    pub(super) again: Option<Instant>,
}

/// An operator at one address.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) operator: OperatorId,
    /// By full JID.
    pub(super) resources: BTreeMap<String, Resource>,
    pub(super) delivery: Delivery,
    pub(super) said: Show,
    /// Texts bounced in a row, and until when the next waits.
    pub(super) bounces: u32,
    pub(super) hold_until: Option<Instant>,
}

impl Client {
    /// The client that gets what is sent to the bare JID (RFC 6121 §8.5.2.1.1).
    pub(super) fn receiver(&self) -> Option<&String> {
        self.resources
            .iter()
            .filter(|(_, resource)| resource.priority >= 0)
            .max_by_key(|(_, resource)| (resource.priority, resource.heard))
            .map(|(jid, _)| jid)
    }

    pub(super) fn show(&self) -> Show {
        let shows = |wanted| self.resources.values().any(|r| r.show == wanted);
        if shows(Show::Available) {
            Show::Available
        } else if shows(Show::Away) {
            Show::Away
        } else {
            Show::Offline
        }
    }

    /// Whether the operator takes offers at this address.
    pub(super) fn is_available(&self) -> bool {
        self.show() == Show::Available
    }
}

/// An address that was reported gone and may be there.
#[derive(Debug)]
pub(super) struct Doubt {
    pub(super) operator: OperatorId,
    pub(super) priority: i8,
    pub(super) id: String,
    pub(super) asked: Instant,
}

/// By full JID.
#[derive(Debug, Default)]
pub(super) struct ResumedSessions {
    pub(super) doubts: BTreeMap<String, Doubt>,
}

impl ResumedSessions {
    /// Says that something newer is known of this address.
    pub(super) fn settle(&mut self, jid: &str) {
        self.doubts.remove(jid);
    }

    /// Nothing asked on the old link is answered on the new one.
    pub(super) fn link_is_new(&mut self) {
        self.doubts.clear();
    }
}
