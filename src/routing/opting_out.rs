//! A patron wants no more texts, or texts again (clause 9).

use super::effect::Effect;
use super::ids::PatronId;
use super::turn::Turn;

impl Turn<'_> {
    /// The patron wants no more texts: what nobody has taken up cannot be answered any more.
    pub(super) fn end_for_stop(&mut self, patron: PatronId) {
        const WHY: &str = "the patron opted out of texts";
        let Some(open) = self.state.threads.of_patron(patron) else {
            return;
        };
        let id = open.id;
        self.effects.note(id, WHY.to_owned());
        if open.claimed_by.is_none() {
            let offered = self.state.offered(id);
            self.shut(id);
            self.effects.withdraw(id, &offered, WHY);
        }
    }

    /// The patron's telephone opts out, or in again, by whichever line it is known.
    pub(super) fn set_opted_out(&mut self, patron: PatronId, out: bool) {
        let Some(address) = self.state.memory.patron(patron).map(|p| p.address.clone()) else {
            return;
        };
        let fingerprint = self.state.fingerprint(&address);
        if out {
            self.state.opt_outs.fingerprints.insert(fingerprint);
        } else {
            self.state.opt_outs.fingerprints.remove(&fingerprint);
        }
        for twin in self.state.telephones(&address) {
            self.state.memory.change_patron(twin, |p| p.opted_out = out);
            self.effects.patron(twin);
        }
        self.effects.row(Effect::KeepConsent {
            address,
            fingerprint,
            opted_out: out,
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::test_desk::*;
    use super::super::*;

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
}
