//! Signing in and out: sessions are random tokens, of which only the SHA-256 is kept.

use std::net::IpAddr;
use std::time::Instant;

use axum::http::StatusCode;
use jiff::SignedDuration;

use super::premises::Premises;
use super::problem::Problem;
use crate::routing::OperatorId;
use crate::spool::staff;

/// A session ends a week after it began: a desk's browser is signed in anew now and then.
pub(super) const SESSION_VALID: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A session just opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) operator: OperatorId,
    /// For the cookie, and nowhere else.
    pub(super) token: String,
}

/// Signs an operator in with name and password.
pub(super) async fn with_password(
    premises: &Premises,
    name: &str,
    password: String,
    address: Option<IpAddr>,
) -> Result<Opened, Problem> {
    // Names are kept in lower case; a phone's keyboard begins them with a capital.
    let name = name.trim().to_ascii_lowercase();
    if !premises.throttle.attempt(&name, address, Instant::now()) {
        return Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too many wrong passwords; wait ten seconds and try again, or have whoever \
             keeps the box make a sign-in link",
        ));
    }
    let asked = name.clone();
    let credentials = premises
        .spool
        .read(move |connection| staff::credentials(connection, &asked))
        .await?;
    let (operator, hash) = match credentials {
        Some((operator, hash)) => (Some(operator), hash),
        None => (None, None),
    };
    let right = premises.passwords.check(hash, password).await;
    match (right, operator) {
        (None, _) => {
            premises.throttle.was_right(&name, address);
            Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "many people are signing in at once; try again in a moment",
            ))
        }
        (Some(true), Some(operator)) => {
            premises.throttle.was_right(&name, address);
            open(premises, operator).await
        }
        (Some(_), _) => Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "name and password do not belong together; ask whoever keeps the desk for a new \
             password if this one is forgotten",
        )),
    }
}

/// Signs an operator in with a one-time link, which is used up by it.
pub(super) async fn with_link(premises: &Premises, secret: &str) -> Result<Opened, Problem> {
    let hash = staff::secret_hash(secret);
    let now = premises.spool.now();
    let operator = premises
        .spool
        .write(move |connection| staff::take_link(connection, &hash, now))
        .await?;
    match operator {
        Some(operator) => open(premises, operator).await,
        None => Err(Problem::new(
            StatusCode::GONE,
            "this link was used already or is too old; sign in with your password, or have a new \
             link made on the box",
        )),
    }
}

async fn open(premises: &Premises, operator: OperatorId) -> Result<Opened, Problem> {
    let token = new_token()?;
    let hash = staff::secret_hash(&token);
    let now = premises.spool.now();
    premises
        .spool
        .write(move |connection| {
            staff::open_session(connection, operator, &hash, now, SESSION_VALID)
        })
        .await?;
    Ok(Opened { operator, token })
}

/// Ends a session, and the streams opened with it.
pub(super) async fn out(premises: &Premises, session: String) -> Result<(), Problem> {
    let hash = session.clone();
    premises
        .spool
        .write(move |connection| staff::close_session(connection, &hash))
        .await?;
    // No stream may be open: then there is nobody to tell.
    let _ = premises
        .told
        .send(super::crier::Telling::signed_out(session).into());
    Ok(())
}

/// 256 random bits, hexadecimal.
pub(super) fn new_token() -> Result<String, Problem> {
    use std::fmt::Write;
    let mut octets = [0_u8; 32];
    getrandom::fill(&mut octets).map_err(|error| {
        tracing::error!(%error, "the system gives no randomness");
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the system gives no randomness just now; try again in a moment",
        )
    })?;
    Ok(octets
        .iter()
        .fold(String::with_capacity(64), |mut hex, octet| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{octet:02x}");
            hex
        }))
}
