//! A patron wants no more texts, or texts again (clause 9).

use super::actor::Actor;
use super::effect::Effect;
use super::ids::{ConversationId, PatronId};
use super::plan::GatewayKind;
use super::refusal::Refusal;
use super::turn::Turn;

impl Turn<'_> {
    /// The patron said STOP.
    pub(super) fn stop(&mut self, patron: PatronId) {
        self.set_opted_out(patron, true);
        self.end_for_opt_out(patron, "the patron opted out of texts");
    }

    /// Somebody at the desk understood that the patron wants no more texts. No text confirms it: the
    /// patron did not ask for one. Only their own START undoes it.
    pub(super) fn opt_out(&mut self, by: Actor, id: ConversationId) -> Result<(), Refusal> {
        let conversation = self.state.present(id)?;
        let patron = conversation.patron;
        match self.state.check_answerable(conversation) {
            Err(Refusal::OptedOut) => {
                return Err(Refusal::Unfit(
                    "this patron is opted out already; only their own START opens the way again"
                        .into(),
                ));
            }
            checked => checked?,
        }
        let kind = self.state.plan.gateway(conversation.gateway);
        match kind.map(|gateway| gateway.kind) {
            Some(GatewayKind::Sms) => {}
            Some(GatewayKind::Im | GatewayKind::Widget) | None => {
                return Err(Refusal::Unfit(
                    "only a telephone is opted out of texts: block this sender instead".into(),
                ));
            }
        }
        let why = format!("opted out of texts by {}", self.state.who(by));
        if self.state.threads.get(id).is_none() {
            self.effects.note(id, why.clone());
            self.effects.conversation(id);
        }
        self.set_opted_out(patron, true);
        self.end_for_opt_out(patron, &why);
        Ok(())
    }

    /// What nobody has taken up cannot be answered any more, on whichever line.
    fn end_for_opt_out(&mut self, patron: PatronId, why: &str) {
        for twin in self.twins(patron) {
            let Some(open) = self.state.threads.of_patron(twin) else {
                continue;
            };
            let id = open.id;
            let claimed = open.claimed_by.is_some();
            self.effects.note(id, why.to_owned());
            if claimed {
                self.change(id, |c| c.flagged = false);
            } else {
                let offered = self.state.offered(id);
                self.shut(id);
                self.effects.withdraw(id, &offered, why);
            }
        }
    }

    /// The patrons in memory who are this one's telephone.
    fn twins(&self, patron: PatronId) -> Vec<PatronId> {
        let patron = self.state.memory.patron(patron);
        patron.map_or_else(Vec::new, |patron| self.state.telephones(&patron.address))
    }

    /// The patron's telephone opts out, or in again, by whichever line it is known.
    pub(super) fn set_opted_out(&mut self, patron: PatronId, out: bool) {
        let Some(address) = self.state.memory.patron(patron).map(|p| p.address.clone()) else {
            return;
        };
        let mut fingerprints = self.state.fingerprints(&address);
        if out {
            fingerprints.truncate(1);
            self.state.opt_outs.fingerprints.extend(&fingerprints);
        } else {
            for fingerprint in &fingerprints {
                self.state.opt_outs.fingerprints.remove(fingerprint);
            }
        }
        for twin in self.state.telephones(&address) {
            self.state.memory.change_patron(twin, |p| p.opted_out = out);
            self.effects.patron(twin);
        }
        self.effects.row(Effect::KeepConsent {
            address,
            fingerprints,
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

    fn opt_out(by: impl Into<Actor>, conversation: i64) -> Event {
        Event::act(by, ConversationId(conversation), Act::OptOut)
    }

    #[test]
    fn who_is_opted_out_by_the_desk_is_not_texted_until_their_own_start() {
        for by in [Actor::Operator(ANA), Actor::Box] {
            let mut desk = TestDesk::new(elm());
            desk.arrives(ANA);
            desk.arrives(BEN);
            desk.text(PAT, "Please stop texting me");
            let effects = desk.does(opt_out(by, 1));
            assert_eq!(submits(&effects), [], "nobody asked for a confirmation");
            let who = if by == Actor::Box {
                "whoever keeps the box"
            } else {
                "ana"
            };
            assert_eq!(notes(&effects), [format!("opted out of texts by {who}")]);
            assert!(effects.contains(&Effect::Audit {
                by,
                action: AuditAction::OptedPatronOut,
                conversation: ConversationId(1)
            }));
            assert_eq!(desk.state(1), ConversationState::Closed);
            desk.restarts();
            desk.arrives(ANA);
            assert_eq!(desk.send(ANA, 1, "Sorry"), Err(Refusal::OptedOut));
            assert!(matches!(
                desk.try_do(opt_out(by, 1)),
                Err(Refusal::Unfit(_))
            ));
            desk.text(PAT, "START");
            desk.send(ANA, 1, "Welcome back.").unwrap();
        }
    }

    #[test]
    fn a_colleague_who_answers_keeps_the_thread_and_not_the_way_to_the_patron() {
        let mut desk = TestDesk::new(elm());
        desk.arrives(ANA);
        desk.text(PAT, "Is my book in?");
        desk.claim(ANA, 1).unwrap();
        desk.text(PAT, "no more texts please");
        desk.does(opt_out(BEN, 1));
        let thread = desk.conversation(1);
        assert_eq!((thread.claimed_by, thread.flagged), (Some(ANA), false));
        assert_eq!(desk.send(ANA, 1, "Yes."), Err(Refusal::OptedOut));
    }

    #[test]
    fn only_who_sees_a_telephone_opts_it_out() {
        let mut desk = TestDesk::new(elm());
        desk.arrives(ANA);
        desk.text(PAT, "one");
        desk.does(text(IM, "pat@example.org", "two"));
        desk.text("INFO", "three");
        for (by, conversation, why) in [
            (Actor::Operator(CAL), 1, "no such conversation"),
            (Actor::Peer, 1, "only an operator"),
            (Actor::Operator(ANA), 2, "block this sender"),
            (Actor::Operator(ANA), 3, "cannot be answered"),
            (Actor::Operator(ANA), 9, "no such conversation"),
        ] {
            let refused = desk.try_do(opt_out(by, conversation)).unwrap_err();
            assert!(refused.to_string().contains(why), "{by:?}: {refused}");
        }
        assert!(desk.rows.patrons.values().all(|patron| !patron.opted_out));
    }
}
