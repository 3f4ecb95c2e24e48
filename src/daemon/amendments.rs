//! The plan of the desk, changed by a command, an operator or a book, and put in force.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::owner::{Owner, not_granted};
use crate::desk::{Arrivals, Import, NotGranted, PlanPart, Receipt, What};
use crate::routing::{Amendment, Event, Library, OperatorId, Plan, Right};
use crate::spool::{SpoolError, audit, book, staff};

impl Owner {
    /// Changes the plan, and writes down who changed it: an operator, if they may, or a command on
    /// the box.
    pub(super) async fn amend(
        &mut self,
        by: Option<OperatorId>,
        amendment: Amendment,
    ) -> Result<Receipt, NotGranted> {
        if let Some(operator) = by {
            let permitted = self.board.plan.permits(operator, &amendment);
            permitted.map_err(NotGranted::Forbidden)?;
        }
        let (part, shut_out) = touched(&amendment);
        let shut_out = shut_out
            .and_then(|name| self.board.plan.operator_named(name))
            .map(|operator| operator.id);
        let canned = matches!(amendment, Amendment::Canned(_));
        let now = self.now().wall;
        let library = self.library.clone();
        let plan = self
            .spool
            .write(move |connection| {
                staff::amend(connection, &amendment, now)?;
                audit::amended(connection, by, &amendment, now)?;
                part.map(|part| Ok((part, staff::plan(connection, &library)?)))
                    .transpose()
            })
            .await;
        if let Some((part, plan)) = self.amended(plan).await? {
            self.rearrange(part, plan).await;
        }
        if canned {
            self.tell(0, What::Canned);
        }
        if let Some(operator) = shut_out {
            self.tell(0, What::Access(operator));
        }
        Ok(Receipt::default())
    }

    /// Makes the plan like the one in a book, in one commit, and puts it in force once.
    pub(super) async fn import(&mut self, import: Import) -> Result<Receipt, NotGranted> {
        let Import {
            by,
            manuscript,
            dry_run,
        } = import;
        if let Some(operator) = by {
            let permitted = self.board.plan.allows(operator, Right::Arrange);
            permitted.map_err(NotGranted::Forbidden)?;
        }
        let now = self.now().wall;
        let library = self.library.clone();
        let brought = self
            .spool
            .write(move |connection| {
                if dry_run {
                    let changes = book::try_out(connection, &manuscript, by, now)?;
                    return Ok((changes, None));
                }
                let changes = book::bring_in(connection, &manuscript, by, now)?;
                let plan = match changes.is_empty() {
                    true => None,
                    false => Some(staff::plan(connection, &library)?),
                };
                Ok((changes, plan))
            })
            .await;
        let (changes, plan) = self.amended(brought).await?;
        if let Some(plan) = plan {
            self.rearrange(PlanPart::All, plan).await;
        }
        Ok(Receipt {
            changes,
            ..Receipt::default()
        })
    }

    /// What came of a change to the plan. Where nobody knows, the spool does.
    async fn amended<T>(&mut self, outcome: Result<T, SpoolError>) -> Result<T, NotGranted> {
        match outcome {
            Ok(kept) => Ok(kept),
            Err(SpoolError::Refused(error)) => Err(NotGranted::BadAmendment(error)),
            Err(error) => {
                // The commit may be on disk all the same.
                self.rebuild().await;
                Err(not_granted(error))
            }
        }
    }

    /// Words the plan anew for a library that is called otherwise.
    pub(super) async fn name_library(&mut self, library: Library) -> Result<Receipt, NotGranted> {
        let named = library.clone();
        let plan = self
            .spool
            .read(move |connection| staff::plan(connection, &named))
            .await
            .map_err(not_granted)?;
        self.library = library;
        self.rearrange(PlanPart::All, plan).await;
        Ok(Receipt::default())
    }

    /// Puts a plan in force. The plan is on disk already; what follows from it for conversations is
    /// the next commit, and if that one fails the router is rebuilt with the new plan.
    async fn rearrange(&mut self, part: PlanPart, plan: Plan) {
        self.board.plan = Arc::new(plan.clone());
        let (answer, _) = oneshot::channel();
        self.happen(vec![(Event::Rearranged(plan), Arrivals::None, answer)])
            .await;
        self.hang_board(true);
        let plan = Arc::clone(&self.board.plan);
        self.tell(0, What::Plan { plan, part });
    }
}

/// Which part of the plan an amendment changes, and from whom it takes ways in. A new way in, and a
/// canned reply, are no part of the plan.
fn touched(amendment: &Amendment) -> (Option<PlanPart>, Option<&str>) {
    match amendment {
        Amendment::AddToken { .. } | Amendment::AddLink { .. } | Amendment::Canned(_) => {
            (None, None)
        }
        Amendment::RevokeToken { operator, .. } | Amendment::ShutOut { operator } => {
            (None, Some(operator))
        }
        Amendment::SetOperator {
            name,
            password_hash: Some(_),
            ..
        } => (Some(PlanPart::Operators), Some(name)),
        Amendment::SetOperator { .. }
        | Amendment::AddOperator { .. }
        | Amendment::SetAddresses { .. }
        | Amendment::RemoveOperator { .. } => (Some(PlanPart::Operators), None),
        Amendment::AddQueue { .. }
        | Amendment::SetQueue { .. }
        | Amendment::DescribeQueue { .. }
        | Amendment::SetHours { .. }
        | Amendment::SetFallback { .. }
        | Amendment::RemoveQueue { .. } => (Some(PlanPart::Queues), None),
        Amendment::AddLine { .. }
        | Amendment::AddGateway { .. }
        | Amendment::SetGateway { .. }
        | Amendment::SetWording { .. }
        | Amendment::SetKeyword { .. }
        | Amendment::PauseGateway { .. }
        | Amendment::RemoveGateway { .. } => (Some(PlanPart::Gateways), None),
    }
}
