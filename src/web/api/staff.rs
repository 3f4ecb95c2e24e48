//! Who works here: added, changed, taken off, by those who may.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::extract::{
    ApiJson, ApiPath, Arrange, Coordinate, May, Named, OperatorName, unprocessable,
};
use super::operation::{Api, Created, NoContent};
use crate::desk::views;
use crate::routing::{Amendment, Right, Role};
use crate::spool::staff;
use crate::web::caller::Caller;
use crate::web::password_rules;
use crate::web::premises::Premises;
use crate::web::problem::Problem;
use crate::web::sign_in;
use crate::web::throttle::Guesser;

/// Whoever is signed in guesses their own password at their own pace: strangers do not slow them.
const OWN: Guesser<'_> = Guesser::Device("signed in");

pub(super) fn operations(api: &mut Api) {
    api.under("staff");
    api.post("/operators", "addOperator", add)
        .says("Add an operator")
        .example(json!({
            "name": "dora", "password": "maps and tea", "role": "coordinator", "queues": ["desk"],
        }))
        .answers("The operator.");
    api.patch("/operators/{name}", "setOperator", set)
        .says("Change an operator")
        .about("What is left out stays. A coordinator may change queues alone.")
        .example(json!({"queues": ["reference"]}))
        .answers("The operator.");
    api.delete("/operators/{name}", "removeOperator", remove)
        .says("Take an operator off the desk")
        .refuses(&[422])
        .answers("They are gone; what they answered went back to its queue.");
    api.post("/operators/{name}/shut-out", "shutOut", shut_out)
        .says("Sign an operator out everywhere")
        .about(
            "Oneself; an admin everybody. For a telephone that was lost. The password stays, and so do XMPP \
             addresses. In the audit trail.",
        )
        .answers("Every session, bearer token and unused link of theirs has ended.");
    api.post("/operators/{name}/link", "makeLink", link)
        .says("Make a link that signs somebody in, once")
        .refuses(&[422])
        .answers("The link, shown this once.");
    api.get("/operators/{name}/addresses", "listAddresses", addresses)
        .says("XMPP addresses whose words count as an operator's")
        .answers("They.");
    api.put("/operators/{name}/addresses", "setAddresses", set_addresses)
        .says("Set an operator's XMPP addresses")
        .example(json!({"jids": ["ana@example.org"]}))
        .answers("They, as they are now.");
    api.put("/password", "setPassword", password)
        .says("Change one's own password")
        .example(json!({"current": "shelf mark", "new": "maps and tea"}))
        .refuses(&[429])
        .answers("It is changed, and every session has ended.");
}

#[derive(Deserialize, ToSchema)]
struct NewOperator {
    #[schema(min_length = 1, max_length = 32, pattern = "^[a-z0-9._-]+$")]
    name: String,
    /// 8 characters or more, and none that everybody tries; left out: they sign in with links and tokens
    /// only.
    #[schema(min_length = 8, max_length = 1024)]
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
fn shown(premises: &Premises, name: &str) -> Result<views::Operator, Problem> {
    let board = premises.board();
    let operator = board
        .plan
        .operator_named(name)
        .ok_or_else(OperatorName::missing)?;
    Ok(views::Operator::new(&board, operator))
}

async fn add(
    State(premises): State<Arc<Premises>>,
    caller: May<Arrange>,
    ApiJson(new): ApiJson<NewOperator>,
) -> Result<Created<views::Operator>, Problem> {
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
    shown(&premises, &new.name).map(Created)
}

#[derive(Deserialize, ToSchema)]
struct Changes {
    /// 8 characters or more, and none that everybody tries.
    #[schema(min_length = 8, max_length = 1024)]
    password: Option<String>,
    role: Option<Role>,
    /// Names of the queues they are assigned to.
    queues: Option<Vec<String>>,
}

async fn set(
    State(premises): State<Arc<Premises>>,
    caller: May<Coordinate>,
    ApiPath(OperatorName(name)): ApiPath<OperatorName>,
    ApiJson(changes): ApiJson<Changes>,
) -> Result<Json<views::Operator>, Problem> {
    caller
        .board
        .plan
        .operator_named(&name)
        .ok_or_else(OperatorName::missing)?;
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
    shown(&premises, &name).map(Json)
}

async fn remove(
    State(premises): State<Arc<Premises>>,
    caller: May<Arrange>,
    ApiPath(OperatorName(name)): ApiPath<OperatorName>,
) -> Result<NoContent, Problem> {
    caller
        .board
        .plan
        .operator_named(&name)
        .ok_or_else(OperatorName::missing)?;
    let amendment = Amendment::RemoveOperator { name };
    premises.desk.amend_by(caller.id(), amendment).await?;
    Ok(NoContent)
}

/// `POST /operators/{name}/shut-out`: for a telephone that was lost.
async fn shut_out(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiPath(OperatorName(name)): ApiPath<OperatorName>,
) -> Result<NoContent, Problem> {
    if name != caller.operator.name {
        caller.needs(Right::Arrange)?;
    }
    caller
        .board
        .plan
        .operator_named(&name)
        .ok_or_else(OperatorName::missing)?;
    let amendment = Amendment::ShutOut { operator: name };
    premises.desk.amend_by(caller.id(), amendment).await?;
    Ok(NoContent)
}

/// For how long a link made on the page works: it is sent to somebody who may be away.
const LINK_VALID_S: u32 = 3 * 24 * 60 * 60;

#[derive(Serialize, ToSchema)]
struct NewLink {
    /// A path where the desk does not know its address.
    link: String,
    path: String,
    valid_s: u32,
}

/// A link that signs somebody in, once. It is in this answer and nowhere else.
async fn link(
    State(premises): State<Arc<Premises>>,
    caller: May<Arrange>,
    ApiPath(OperatorName(name)): ApiPath<OperatorName>,
) -> Result<Created<NewLink>, Problem> {
    caller
        .board
        .plan
        .operator_named(&name)
        .ok_or_else(OperatorName::missing)?;
    let secret = sign_in::new_token()?;
    let amendment = Amendment::AddLink {
        operator: name,
        link_hash: staff::secret_hash(&secret),
        valid_s: LINK_VALID_S,
    };
    premises.desk.amend_by(caller.id(), amendment).await?;
    let path = format!("/enter/{secret}");
    Ok(Created(NewLink {
        link: format!(
            "{}{path}",
            premises.settings.public_url.as_deref().unwrap_or("")
        ),
        path,
        valid_s: LINK_VALID_S,
    }))
}

/// XMPP addresses whose words count as an operator's.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Addresses {
    /// Bare JIDs.
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
async fn addresses(
    State(premises): State<Arc<Premises>>,
    caller: May<Arrange>,
    ApiPath(OperatorName(name)): ApiPath<OperatorName>,
) -> Result<Json<Addresses>, Problem> {
    caller
        .board
        .plan
        .operator_named(&name)
        .ok_or_else(OperatorName::missing)?;
    addresses_of(&premises, name).await
}

/// `PUT /operators/{name}/addresses`
async fn set_addresses(
    State(premises): State<Arc<Premises>>,
    caller: May<Arrange>,
    ApiPath(OperatorName(name)): ApiPath<OperatorName>,
    ApiJson(Addresses { jids }): ApiJson<Addresses>,
) -> Result<Json<Addresses>, Problem> {
    caller
        .board
        .plan
        .operator_named(&name)
        .ok_or_else(OperatorName::missing)?;
    let amendment = Amendment::SetAddresses {
        operator: name.clone(),
        jids,
    };
    premises.desk.amend_by(caller.id(), amendment).await?;
    addresses_of(&premises, name).await
}

#[derive(Deserialize, ToSchema)]
struct NewPassword {
    current: String,
    /// 8 characters or more, and none that everybody tries.
    #[schema(min_length = 8, max_length = 1024)]
    new: String,
}

/// One's own password; every session ends with the old one.
async fn password(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiJson(words): ApiJson<NewPassword>,
) -> Result<NoContent, Problem> {
    let name = caller.operator.name.clone();
    if !premises
        .throttle
        .attempt(&name, OWN, std::time::Instant::now())
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
    match premises.passwords.check(kept, words.current, true).await {
        Some(true) => premises.throttle.was_right(&name, OWN),
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
    Ok(NoContent)
}
