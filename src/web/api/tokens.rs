//! Bearer tokens: one's own, or for an admin everybody's.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::extract::{ApiJson, ApiPath, ApiQuery, Named, TokenId, unprocessable};
use super::operation::{Api, Created, NoContent};
use crate::desk::views::{Page, Token};
use crate::routing::{Amendment, Name, Right};
use crate::spool::{staff, tokens};
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;
use crate::web::sign_in;

/// Letters of what a token is for.
const LABEL_MAX: usize = 60;

pub(super) fn operations(api: &mut Api) {
    api.under("staff");
    api.get("/tokens", "listTokens", list)
        .says("Bearer tokens")
        .refuses(&[403, 422])
        .answers("One's own, or an operator's for an admin.");
    api.post("/tokens", "addToken", add)
        .says("Make a bearer token")
        .about("One's own, or an operator's for an admin.")
        .example(json!({"label": "a script"}))
        .answers("The token, shown this once.");
    api.delete("/tokens/{token}", "revokeToken", revoke)
        .says("Take a bearer token away")
        .about("One's own, or an operator's for an admin.")
        .refuses(&[422])
        .answers("It works no more.");
}

#[derive(Deserialize, ToSchema)]
struct Whose {
    /// A name, or `all`; one's own when left out.
    #[schema(value_type = Option<Name>)]
    operator: Option<String>,
}

async fn list(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiQuery(whose): ApiQuery<Whose>,
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

#[derive(Deserialize, ToSchema)]
struct NewToken {
    /// Whose; one's own when left out.
    #[schema(value_type = Option<Name>)]
    operator: Option<String>,
    /// What it is for.
    #[schema(max_length = 60)]
    label: Option<String>,
}

/// A token, whole.
#[derive(Serialize, ToSchema)]
struct MadeToken {
    id: String,
    operator: String,
    label: Option<String>,
    token: String,
}

/// The token is in this answer and nowhere else.
async fn add(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiJson(new): ApiJson<NewToken>,
) -> Result<Created<MadeToken>, Problem> {
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
    Ok(Created(MadeToken {
        id,
        operator,
        label,
        token,
    }))
}

async fn revoke(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiPath(TokenId(token)): ApiPath<TokenId>,
) -> Result<NoContent, Problem> {
    let asked = token.clone();
    let all = premises
        .spool
        .read(move |connection| tokens::list(connection, None))
        .await?;
    let whose = all.iter().find(|one| one.id == asked);
    let operator = whose
        .and_then(|one| caller.board.plan.operator(one.operator))
        .filter(|one| one.id == caller.id() || caller.operator.role.may(Right::Arrange))
        .ok_or_else(TokenId::missing)?;
    let amendment = Amendment::RevokeToken {
        operator: operator.name.clone(),
        token: Some(token),
    };
    premises.desk.amend_by(caller.id(), amendment).await?;
    Ok(NoContent)
}
