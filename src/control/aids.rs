//! What commands ask of canned replies, tokens, the audit trail and arrivals.

use serde_json::{Value, json};

use super::{Rooms, words};
use crate::desk::views::Arrival;
use crate::routing::ArrivalId;
use crate::spool::{audit, canned, inbox, tokens};

impl Rooms {
    pub(super) async fn canned(&self) -> Result<Value, String> {
        let all = self.spool.read(canned::list).await.map_err(words)?;
        let plan = std::sync::Arc::clone(&self.desk.board().borrow().plan);
        let rows: Vec<Value> = all
            .into_iter()
            .map(|one| {
                let queue = one.queue.and_then(|id| plan.queue(id));
                json!({
                    "key": one.key,
                    "queue": queue.map(|queue| queue.name.as_str()),
                    "text": one.text,
                })
            })
            .collect();
        Ok(rows.into())
    }

    pub(super) async fn tokens(&self, operator: Option<&str>) -> Result<Value, String> {
        let plan = std::sync::Arc::clone(&self.desk.board().borrow().plan);
        let of = match operator {
            None => None,
            Some(name) => Some(
                plan.operator_named(name)
                    .ok_or_else(|| {
                        format!(
                            "there is no operator {name:?}; `callnumber operator list` shows those there are"
                        )
                    })?
                    .id,
            ),
        };
        let found = self
            .spool
            .read(move |connection| tokens::list(connection, of))
            .await
            .map_err(words)?;
        let rows: Vec<Value> = found
            .into_iter()
            .filter_map(|token| {
                Some(json!({
                    "id": token.id,
                    "operator": plan.operator(token.operator)?.name,
                    "made": token.made,
                    "label": token.label,
                }))
            })
            .collect();
        Ok(rows.into())
    }

    pub(super) async fn audit(&self, before: Option<i64>, limit: usize) -> Result<Value, String> {
        let found = self
            .spool
            .read(move |connection| audit::list(connection, before, limit))
            .await
            .map_err(words)?;
        let rows: Vec<Value> = found
            .into_iter()
            .map(|entry| {
                json!({
                    "id": entry.id,
                    "at": entry.at,
                    "by": entry.name,
                    "action": entry.action,
                    "subject": entry.subject,
                    "conversation": entry.conversation,
                    "detail": entry
                        .detail
                        .and_then(|detail| serde_json::from_str::<Value>(&detail).ok()),
                })
            })
            .collect();
        Ok(rows.into())
    }

    pub(super) async fn arrivals(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Value, String> {
        let found = self
            .spool
            .read(move |connection| inbox::shelved(connection, before.map(ArrivalId), limit))
            .await
            .map_err(words)?;
        Ok(json!(found.iter().map(Arrival::listed).collect::<Vec<_>>()))
    }

    /// One arrival. It may hold a number and words: that it was read is written down first.
    pub(super) async fn arrival(&self, id: i64) -> Result<Value, String> {
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
        Ok(json!(Arrival::whole(&found)))
    }
}
