//! Who works here: added, changed, taken off, by those who may.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::said::{At, Said, unprocessable};
use crate::desk::views;
use crate::routing::{Amendment, Right, Role};
use crate::spool::staff;
use crate::web::caller::Caller;
use crate::web::password_rules;
use crate::web::premises::Premises;
use crate::web::problem::Problem;
use crate::web::sign_in;

#[derive(Deserialize)]
pub(super) struct NewOperator {
    name: String,
    /// Left out: they sign in with links and tokens only.
    password: Option<String>,
    #[serde(default = "usual_role")]
    role: Role,
    #[serde(default)]
    queues: Vec<String>,
}

fn usual_role() -> Role {
    Role::Operator
}

/// A hash to keep, if the password is one to keep.
async fn hash(premises: &Premises, name: &str, password: String) -> Result<String, Problem> {
    password_rules::check(name, &password).map_err(unprocessable)?;
    match premises.passwords.hash(password).await {
        None => Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "many people are signing in at once; try again in a moment",
        )),
        Some(Err(error)) => Err(unprocessable(error.to_string())),
        Some(Ok(hash)) => Ok(hash),
    }
}

/// An operator as the board shows them now.
fn shown(premises: &Premises, name: &str) -> Result<Json<views::Operator>, Problem> {
    let board = premises.board();
    let operator = board.plan.operator_named(name).ok_or_else(nobody)?;
    Ok(Json(views::Operator::new(&board, operator)))
}

fn nobody() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "there is no such operator; GET /api/v1/operators lists those there are",
    )
}

pub(super) async fn add(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    Said(new): Said<NewOperator>,
) -> Result<Response, Problem> {
    // Before 19 MiB are spent on a hash.
    caller.needs(Right::Arrange)?;
    let password_hash = match new.password {
        Some(password) => Some(hash(&premises, &new.name, password).await?),
        None => None,
    };
    let amendment = Amendment::AddOperator {
        name: new.name.clone(),
        password_hash,
        role: new.role,
        queues: new.queues,
    };
    premises.desk.amend_by(caller.id(), amendment).await?;
    let shape = shown(&premises, &new.name)?;
    Ok((StatusCode::CREATED, shape).into_response())
}

#[derive(Deserialize)]
pub(super) struct Changes {
    password: Option<String>,
    role: Option<Role>,
    queues: Option<Vec<String>>,
}

pub(super) async fn set(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(name): At<String>,
    Said(changes): Said<Changes>,
) -> Result<Json<views::Operator>, Problem> {
    caller.board.plan.operator_named(&name).ok_or_else(nobody)?;
    if changes.password.is_some() {
        // One's own goes with the present one: PUT /password.
        caller.needs(Right::Arrange)?;
    }
    let password_hash = match changes.password {
        Some(password) => Some(hash(&premises, &name, password).await?),
        None => None,
    };
    let amendment = Amendment::SetOperator {
        name: name.clone(),
        password_hash,
        role: changes.role,
        queues: changes.queues,
    };
    premises.desk.amend_by(caller.id(), amendment).await?;
    shown(&premises, &name)
}

pub(super) async fn remove(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(name): At<String>,
) -> Result<StatusCode, Problem> {
    caller.board.plan.operator_named(&name).ok_or_else(nobody)?;
    let amendment = Amendment::RemoveOperator { name };
    premises.desk.amend_by(caller.id(), amendment).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /operators/{name}/shut-out`: for a telephone that was lost.
pub(super) async fn shut_out(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(name): At<String>,
) -> Result<StatusCode, Problem> {
    if name != caller.operator.name {
        caller.needs(Right::Arrange)?;
    }
    caller.board.plan.operator_named(&name).ok_or_else(nobody)?;
    let amendment = Amendment::ShutOut { operator: name };
    premises.desk.amend_by(caller.id(), amendment).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// For how long a link made on the page works: it is sent to somebody who may be away.
const LINK_VALID_S: u32 = 3 * 24 * 60 * 60;

/// A link that signs somebody in, once. It is in this answer and nowhere else.
pub(super) async fn link(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(name): At<String>,
) -> Result<Response, Problem> {
    caller.needs(Right::Arrange)?;
    caller.board.plan.operator_named(&name).ok_or_else(nobody)?;
    let secret = sign_in::new_token()?;
    let amendment = Amendment::AddLink {
        operator: name,
        link_hash: staff::secret_hash(&secret),
        valid_s: LINK_VALID_S,
    };
    premises.desk.amend_by(caller.id(), amendment).await?;
    let path = format!("/enter/{secret}");
    let answer = serde_json::json!({
        "link": format!("{}{path}", premises.settings.public_url.as_deref().unwrap_or("")),
        "path": path,
        "valid_s": LINK_VALID_S,
    });
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// XMPP addresses whose words count as an operator's.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Addresses {
    jids: Vec<String>,
}

async fn addresses_of(premises: &Premises, name: String) -> Result<Json<Addresses>, Problem> {
    let jids = premises
        .spool
        .read(move |connection| staff::addresses_of(connection, &name))
        .await?;
    Ok(Json(Addresses { jids }))
}

/// `GET /operators/{name}/addresses`
pub(super) async fn addresses(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(name): At<String>,
) -> Result<Json<Addresses>, Problem> {
    caller.needs(Right::Arrange)?;
    caller.board.plan.operator_named(&name).ok_or_else(nobody)?;
    addresses_of(&premises, name).await
}

/// `PUT /operators/{name}/addresses`
pub(super) async fn set_addresses(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(name): At<String>,
    Said(Addresses { jids }): Said<Addresses>,
) -> Result<Json<Addresses>, Problem> {
    caller.needs(Right::Arrange)?;
    caller.board.plan.operator_named(&name).ok_or_else(nobody)?;
    let amendment = Amendment::SetAddresses {
        operator: name.clone(),
        jids,
    };
    premises.desk.amend_by(caller.id(), amendment).await?;
    addresses_of(&premises, name).await
}

#[derive(Deserialize)]
pub(super) struct NewPassword {
    current: String,
    new: String,
}

/// One's own password; every session ends with the old one.
pub(super) async fn password(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    Said(words): Said<NewPassword>,
) -> Result<StatusCode, Problem> {
    let name = caller.operator.name.clone();
    if !premises
        .throttle
        .attempt(&name, None, std::time::Instant::now())
    {
        return Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too many wrong passwords; wait ten seconds and try again",
        ));
    }
    let asked = name.clone();
    let kept = premises
        .spool
        .read(move |connection| staff::credentials(connection, &asked))
        .await?
        .and_then(|(_, hash)| hash);
    match premises.passwords.check(kept, words.current).await {
        Some(true) => premises.throttle.was_right(&name, None),
        Some(false) => {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "this is not your present password: nothing was changed",
            ));
        }
        None => {
            return Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "many people are signing in at once; try again in a moment",
            ));
        }
    }
    let amendment = Amendment::SetOperator {
        name: name.clone(),
        password_hash: Some(hash(&premises, &name, words.new).await?),
        role: None,
        queues: None,
    };
    premises.desk.amend_by(caller.id(), amendment).await?;
    Ok(StatusCode::NO_CONTENT)
}
