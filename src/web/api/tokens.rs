//! Bearer tokens: one's own, or for an admin everybody's.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::said::{At, Said, unprocessable};
use crate::desk::views::{Page, Token};
use crate::routing::{Amendment, Right};
use crate::spool::{staff, tokens};
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;
use crate::web::sign_in;

/// Letters of what a token is for.
const LABEL_MAX: usize = 60;

#[derive(Deserialize)]
pub(super) struct Whose {
    /// `all`, or a name; one's own when left out.
    operator: Option<String>,
}

pub(super) async fn list(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    Query(whose): Query<Whose>,
) -> Result<Json<Page<Token>>, Problem> {
    let plan = Arc::clone(&caller.board.plan);
    let of = match whose.operator.as_deref() {
        None => Some(caller.id()),
        Some(name) if name == caller.operator.name => Some(caller.id()),
        Some(name) => {
            caller.needs(Right::Arrange)?;
            match name {
                "all" => None,
                name => Some(
                    plan.operator_named(name)
                        .ok_or_else(|| unprocessable("there is no such operator"))?
                        .id,
                ),
            }
        }
    };
    let found = premises
        .spool
        .read(move |connection| tokens::list(connection, of))
        .await?;
    let items = found.into_iter();
    let items = items.filter_map(|token| Token::new(token, &plan)).collect();
    Ok(Json(Page::whole(items)))
}

#[derive(Deserialize)]
pub(super) struct NewToken {
    /// Whose; one's own when left out.
    operator: Option<String>,
    label: Option<String>,
}

/// The token is in this answer and nowhere else.
pub(super) async fn add(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    Said(new): Said<NewToken>,
) -> Result<Response, Problem> {
    let label = new.label.map(|label| label.trim().to_owned());
    let label = label.filter(|label| !label.is_empty());
    if label
        .as_ref()
        .is_some_and(|label| label.chars().count() > LABEL_MAX)
    {
        return Err(unprocessable(format!(
            "`label` has at most {LABEL_MAX} letters"
        )));
    }
    let operator = new.operator.unwrap_or_else(|| caller.operator.name.clone());
    let token = sign_in::new_token()?;
    let token_hash = staff::secret_hash(&token);
    let id: String = token_hash.chars().take(12).collect();
    let amendment = Amendment::AddToken {
        operator: operator.clone(),
        token_hash,
        label: label.clone(),
    };
    premises.desk.amend_by(caller.id(), amendment).await?;
    let answer = serde_json::json!({
        "id": id,
        "operator": operator,
        "label": label,
        "token": token,
    });
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

pub(super) async fn revoke(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(token): At<String>,
) -> Result<StatusCode, Problem> {
    let asked = token.clone();
    let all = premises
        .spool
        .read(move |connection| tokens::list(connection, None))
        .await?;
    let whose = all.iter().find(|one| one.id == asked);
    let operator = whose
        .and_then(|one| caller.board.plan.operator(one.operator))
        .filter(|one| one.id == caller.id() || caller.operator.role.may(Right::Arrange))
        .ok_or_else(|| {
            Problem::new(
                StatusCode::NOT_FOUND,
                "there is no such token of yours; GET /api/v1/tokens lists those there are",
            )
        })?;
    let amendment = Amendment::RevokeToken {
        operator: operator.name.clone(),
        token: Some(token),
    };
    premises.desk.amend_by(caller.id(), amendment).await?;
    Ok(StatusCode::NO_CONTENT)
}
