//! Who wants no texts from us (clause 9): a telephone, by whichever line it wrote, and for as long
//! as it does not say otherwise, whether or not anything else is remembered of it.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::effect::Effect;
use super::ids::{GatewayId, PatronId};
use super::ledger::Ledger;
use super::plan::GatewayKind;
use super::router::Router;

/// Telephones that opted out, by keyed fingerprints: an erased number leaves nothing to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OptOuts {
    fingerprints: BTreeSet<i64>,
}

impl OptOuts {
    pub(super) fn restore(
        fingerprints: impl IntoIterator<Item = i64>,
        addresses: impl IntoIterator<Item = String>,
        seed: u64,
    ) -> Self {
        let told = addresses.into_iter().map(|to| fingerprint(&to, seed));
        Self {
            fingerprints: fingerprints.into_iter().chain(told).collect(),
        }
    }

    #[cfg(test)]
    pub(super) fn fingerprints(&self) -> &BTreeSet<i64> {
        &self.fingerprints
    }
}

/// What is left of a number: the first eight octets of a digest keyed with the spool's own seed.
fn fingerprint(address: &str, seed: u64) -> i64 {
    let mut digest = Sha256::new();
    digest.update(seed.to_le_bytes());
    digest.update(address.as_bytes());
    let digest = digest.finalize();
    digest
        .iter()
        .take(8)
        .fold(0_i64, |print, octet| (print << 8) | i64::from(*octet))
}

impl Router {
    /// What is left of a number when it is erased.
    pub(super) fn fingerprint(&self, address: &str) -> i64 {
        fingerprint(address, self.seed)
    }

    /// Whether this address opted out, whoever asks.
    pub(super) fn is_opted_out(&self, gateway: GatewayId, address: &str) -> bool {
        let texted = self.plan.gateway(gateway).map(|gateway| gateway.kind);
        texted == Some(GatewayKind::Sms)
            && !self.opt_outs.fingerprints.is_empty()
            && self
                .opt_outs
                .fingerprints
                .contains(&fingerprint(address, self.seed))
    }

    /// The patron's telephone opts out, or in again, by whichever line it is known.
    pub(super) fn set_opted_out(&mut self, patron: PatronId, out: bool, ledger: &mut Ledger) {
        let Some(address) = self.memory.patron(patron).map(|p| p.address.clone()) else {
            return;
        };
        let fingerprint = fingerprint(&address, self.seed);
        if out {
            self.opt_outs.fingerprints.insert(fingerprint);
        } else {
            self.opt_outs.fingerprints.remove(&fingerprint);
        }
        for twin in self.telephones(&address) {
            self.memory.change_patron(twin, |p| p.opted_out = out);
            ledger.patron(twin);
        }
        ledger.row(Effect::KeepConsent {
            address,
            fingerprint,
            opted_out: out,
        });
    }

    /// Patrons in memory with this telephone, one for each line.
    pub(super) fn telephones(&self, address: &str) -> Vec<PatronId> {
        self.plan
            .gateways
            .iter()
            .filter(|gateway| gateway.kind == GatewayKind::Sms)
            .filter_map(|gateway| self.memory.patron_at(gateway.id, address))
            .map(|patron| patron.id)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::test_desk::*;
    use super::super::*;
    use super::fingerprint;

    const PAT: &str = "+15551230100";

    #[test]
    fn stop_counts_on_every_line_even_on_one_added_later() {
        let mut desk = TestDesk::new(elm());
        desk.arrives(BEN);
        desk.does(text(KIDS_LINE, PAT, "hello"));
        desk.text(PAT, "STOP");
        assert_eq!(desk.state(1), ConversationState::Closed);
        // The line is given up, and taken again for another week.
        let mut plan = elm();
        plan.gateways[0].removed = true;
        plan.gateways
            .push(gateway(GatewayId(9), GatewayKind::Sms, DESK));
        desk.does(Event::Rearranged(plan));
        for gateway in [KIDS_LINE, GatewayId(9)] {
            let write = Event::Write {
                gateway,
                to: PAT.into(),
                body: "Your book is in.".into(),
            };
            assert_eq!(desk.try_do(write), Err(Refusal::OptedOut), "{gateway}");
        }
        let back = desk.does(text(GatewayId(9), PAT, "START"));
        assert_eq!(submits(&back).len(), 1);
        let write = Event::Write {
            gateway: KIDS_LINE,
            to: PAT.into(),
            body: "Your book is in.".into(),
        };
        assert!(desk.try_do(write).is_ok());
        assert!(desk.rows.patrons.values().all(|patron| !patron.opted_out));
    }

    #[test]
    fn a_fingerprint_is_keyed() {
        assert_eq!(fingerprint(PAT, 7), fingerprint(PAT, 7));
        assert_ne!(fingerprint(PAT, 7), fingerprint(PAT, 8));
        assert_ne!(fingerprint(PAT, 7), fingerprint("+15551230101", 7));
    }
}
