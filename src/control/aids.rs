//! What commands ask of canned replies, tokens and the audit trail.

use serde_json::{Value, json};

use super::{Rooms, words};
use crate::spool::{audit, canned, tokens};

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
}
