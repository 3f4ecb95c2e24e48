//! What commands ask of canned replies, tokens, the audit trail and arrivals.

use super::{Rooms, no_operator, words};
use crate::desk::views::{Arrival, AuditEntry, Canned, Token};
use crate::routing::ArrivalId;
use crate::spool::{audit, canned, inbox, tokens};

impl Rooms {
    pub(super) async fn canned(&self) -> Result<Vec<Canned>, String> {
        let all = self.spool.read(canned::list).await.map_err(words)?;
        let plan = &self.board().plan;
        let all = all.iter().filter_map(|one| Canned::new(one, plan));
        Ok(all.collect())
    }

    pub(super) async fn tokens(&self, operator: Option<&str>) -> Result<Vec<Token>, String> {
        let plan = &self.board().plan;
        let of = match operator {
            None => None,
            Some(name) => {
                let operator = plan.operator_named(name);
                Some(operator.ok_or_else(|| no_operator(name))?.id)
            }
        };
        let found = self
            .spool
            .read(move |connection| tokens::list(connection, of))
            .await
            .map_err(words)?;
        let found = found.into_iter();
        Ok(found.filter_map(|token| Token::new(token, plan)).collect())
    }

    pub(super) async fn audit(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, String> {
        let found = self
            .spool
            .read(move |connection| audit::list(connection, before, limit))
            .await
            .map_err(words)?;
        Ok(found.into_iter().map(AuditEntry::from).collect())
    }

    pub(super) async fn arrivals(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Arrival>, String> {
        let found = self
            .spool
            .read(move |connection| inbox::shelved(connection, before.map(ArrivalId), limit))
            .await
            .map_err(words)?;
        Ok(found.iter().map(Arrival::listed).collect())
    }

    /// One arrival. It may hold a number and words: that it was read is written down first.
    pub(super) async fn arrival(&self, id: i64) -> Result<Arrival, String> {
        let now = self.spool.now();
        let found = self
            .spool
            .write(move |connection| {
                let found = inbox::shelved_one(connection, ArrivalId(id))?;
                if found.is_some() {
                    let (action, subject) = ("read_arrival", id.to_string());
                    audit::write(connection, None, action, Some(&subject), None, None, now)?;
                }
                Ok(found)
            })
            .await
            .map_err(words)?;
        let found = found.ok_or_else(|| {
            format!("nothing is kept as arrival {id}; `callnumber arrival list` shows what is")
        })?;
        Ok(Arrival::whole(&found))
    }
}
