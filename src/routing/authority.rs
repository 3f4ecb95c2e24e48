//! What each role may do beside answering patrons.
//!
//! | role | may |
//! |---|---|
//! | operator | answer in the queues assigned, and with the desk's work aids; change their own password and tokens |
//! | coordinator | also assign operators to queues, keep the canned replies, read the reports of every queue |
//! | admin | also arrange everything else, read the audit trail, export transcripts, answer for what is held of a patron |
//!
//! Nobody sees more conversations for it: those go by the queues one is assigned to.

use super::amend::Amendment;
use super::ids::OperatorId;
use super::plan::{Operator, Plan, Role};

const NOT_STAFF: &str = "you are not on this desk's staff any more";

/// What takes a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Right {
    /// Assign operators to queues, keep the canned replies.
    Coordinate,
    /// Read the reports.
    Report,
    /// Change queues, gateways, operators.
    Arrange,
    /// Read the audit trail.
    Audit,
    /// Take transcripts of every queue out of the desk.
    Export,
    /// Say what is held of a patron, and erase it.
    Rights,
}

impl Role {
    /// Whether it takes no more than this role.
    pub fn may(self, right: Right) -> bool {
        match (self, right) {
            (Role::Admin, _) => true,
            (Role::Coordinator, Right::Coordinate | Right::Report) => true,
            (Role::Coordinator, Right::Arrange | Right::Audit | Right::Export | Right::Rights) => {
                false
            }
            (Role::Operator, _) => false,
        }
    }
}

impl Plan {
    /// Whether this operator may make this change.
    ///
    /// # Errors
    /// Why not, and whom to ask.
    pub fn permits(&self, operator: OperatorId, amendment: &Amendment) -> Result<(), String> {
        let Some(known) = self.operator(operator) else {
            return Err(NOT_STAFF.into());
        };
        match needed(known, amendment) {
            Some(right) => {
                self.allows(operator, right)?;
                self.keeps_an_admin(amendment)
            }
            None => Ok(()),
        }
    }

    /// Whether this operator's role goes as far.
    ///
    /// # Errors
    /// Why not, and whom to ask.
    pub fn allows(&self, operator: OperatorId, right: Right) -> Result<(), String> {
        match self.operator(operator) {
            None => Err(NOT_STAFF.into()),
            Some(operator) if operator.role.may(right) => Ok(()),
            Some(_) => Err(match right {
                Right::Coordinate | Right::Report => {
                    "only a coordinator or an admin may do this: ask one of them".into()
                }
                Right::Arrange | Right::Audit | Right::Export | Right::Rights => {
                    "only an admin may do this: ask one of them".into()
                }
            }),
        }
    }

    /// The desk is not to be left without anybody who may arrange it.
    fn keeps_an_admin(&self, amendment: &Amendment) -> Result<(), String> {
        let leaves = match amendment {
            Amendment::RemoveOperator { name } => Some(name),
            Amendment::SetOperator {
                name,
                role: Some(Role::Operator | Role::Coordinator),
                ..
            } => Some(name),
            _ => None,
        };
        let Some(leaves) = leaves else { return Ok(()) };
        let stays = |operator: &&Operator| operator.role == Role::Admin && &operator.name != leaves;
        let is_admin = self
            .operator_named(leaves)
            .is_some_and(|operator| operator.role == Role::Admin);
        if is_admin && !self.operators.iter().any(|operator| stays(&operator)) {
            return Err(format!(
                "{leaves} is the only admin: make somebody else one first"
            ));
        }
        Ok(())
    }
}

/// What a change takes; `None` for what everyone may do with their own things.
fn needed(operator: &Operator, amendment: &Amendment) -> Option<Right> {
    let own = |name: &String| *name == operator.name;
    match amendment {
        Amendment::SetOperator {
            name,
            password_hash: Some(_),
            role: None,
            queues: None,
        } if own(name) => None,
        Amendment::AddToken { operator: name, .. }
        | Amendment::RevokeToken { operator: name, .. }
        | Amendment::ShutOut { operator: name }
            if own(name) =>
        {
            None
        }
        Amendment::SetOperator {
            password_hash: None,
            role: None,
            queues: Some(_),
            ..
        }
        | Amendment::Canned(_) => Some(Right::Coordinate),
        Amendment::AddQueue { .. }
        | Amendment::SetQueue { .. }
        | Amendment::DescribeQueue { .. }
        | Amendment::SetHours { .. }
        | Amendment::SetFallback { .. }
        | Amendment::RemoveQueue { .. }
        | Amendment::AddOperator { .. }
        | Amendment::SetOperator { .. }
        | Amendment::SetAddresses { .. }
        | Amendment::RemoveOperator { .. }
        | Amendment::AddToken { .. }
        | Amendment::RevokeToken { .. }
        | Amendment::ShutOut { .. }
        | Amendment::AddLink { .. }
        | Amendment::AddLine { .. }
        | Amendment::AddGateway { .. }
        | Amendment::SetGateway { .. }
        | Amendment::SetWording { .. }
        | Amendment::SetKeyword { .. }
        | Amendment::PauseGateway { .. }
        | Amendment::RemoveGateway { .. } => Some(Right::Arrange),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::test_desk::*;
    use super::super::*;
    use super::Right;

    fn set(name: &str, password: bool, role: Option<Role>, queues: bool) -> Amendment {
        Amendment::SetOperator {
            name: name.into(),
            password_hash: password.then(|| "$argon2id$".into()),
            role,
            queues: queues.then(Vec::new),
        }
    }

    #[test]
    fn each_role_may_do_its_own() {
        use Role::{Admin, Coordinator, Operator};
        let queue = || Amendment::AddQueue {
            name: "maps".into(),
        };
        let token = |name: &str| Amendment::AddToken {
            operator: name.into(),
            token_hash: "ab".into(),
            label: None,
        };
        let revoke = |name: &str| Amendment::RevokeToken {
            operator: name.into(),
            token: None,
        };
        let shut_out = |name: &str| Amendment::ShutOut {
            operator: name.into(),
        };
        let canned = || {
            Amendment::Canned(CannedChange::Remove {
                key: "hours".into(),
                queue: None,
            })
        };
        // ana asks, in each role: operator, coordinator, admin.
        for (amendment, may) in [
            (queue(), [false, false, true]),
            (token("ana"), [true, true, true]),
            (token("ben"), [false, false, true]),
            (revoke("ana"), [true, true, true]),
            (revoke("ben"), [false, false, true]),
            (shut_out("ana"), [true, true, true]),
            (shut_out("ben"), [false, false, true]),
            (canned(), [false, true, true]),
            (set("ana", true, None, false), [true, true, true]),
            (set("ana", true, None, true), [false, false, true]),
            (set("ben", true, None, false), [false, false, true]),
            (set("ben", false, None, true), [false, true, true]),
            (set("ben", false, Some(Admin), true), [false, false, true]),
            (set("ana", false, Some(Admin), false), [false, false, true]),
        ] {
            for (role, may) in [Operator, Coordinator, Admin].into_iter().zip(may) {
                let mut plan = elm();
                plan.operators[0].role = role;
                let said = plan.permits(ANA, &amendment);
                assert_eq!(said.is_ok(), may, "{role:?} {amendment:?}: {said:?}");
            }
        }
        for (right, may) in [
            (Right::Coordinate, [false, true, true]),
            (Right::Report, [false, true, true]),
            (Right::Arrange, [false, false, true]),
            (Right::Audit, [false, false, true]),
            (Right::Export, [false, false, true]),
        ] {
            let roles = [Operator, Coordinator, Admin];
            assert_eq!(roles.map(|role| role.may(right)), may, "{right:?}");
        }
        elm().permits(OperatorId(99), &queue()).unwrap_err();
    }

    #[test]
    fn the_last_admin_stays() {
        let mut plan = elm();
        plan.operators[0].role = Role::Admin;
        let remove = Amendment::RemoveOperator { name: "ana".into() };
        for amendment in [
            remove.clone(),
            set("ana", false, Some(Role::Operator), false),
            set("ana", false, Some(Role::Coordinator), false),
        ] {
            plan.permits(ANA, &amendment).unwrap_err();
        }
        plan.permits(ANA, &set("ana", false, Some(Role::Admin), false))
            .unwrap();
        plan.permits(ANA, &Amendment::RemoveOperator { name: "ben".into() })
            .unwrap();
        plan.operators[1].role = Role::Admin;
        plan.permits(ANA, &remove).unwrap();
    }
}
