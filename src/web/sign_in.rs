//! Signing in and out: sessions are random tokens, of which only the SHA-256 is kept.

use std::net::IpAddr;
use std::time::Instant;

use axum::http::StatusCode;
use jiff::SignedDuration;

use super::premises::Premises;
use super::problem::Problem;
use super::throttle::Guesser;
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
    /// What this device is known by from now on, where a password was typed at it.
    pub(super) device: Option<String>,
}

/// Signs an operator in with name and password.
pub(super) async fn with_password(
    premises: &Premises,
    name: &str,
    password: String,
    address: Option<IpAddr>,
    device: Option<String>,
) -> Result<Opened, Problem> {
    // Names are kept in lower case; a phone's keyboard begins them with a capital.
    let name = name.trim().to_ascii_lowercase();
    let known = device
        .as_deref()
        .and_then(|device| known(premises, &name, device));
    let from = known.map_or(Guesser::Stranger(address), Guesser::Device);
    if !premises.throttle.attempt(&name, from, Instant::now()) {
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
    let right = premises
        .passwords
        .check(hash, password, known.is_some())
        .await;
    match (right, operator) {
        (None, _) => {
            premises.throttle.was_right(&name, from);
            Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "many people are signing in at once; try again in a moment",
            ))
        }
        (Some(true), Some(operator)) => {
            premises.throttle.was_right(&name, from);
            let mut opened = open(premises, operator).await?;
            opened.device = Some(device_of(premises, &name)?);
            Ok(opened)
        }
        (Some(_), _) => Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "name and password do not belong together; ask whoever keeps the desk for a new \
             password if this one is forgotten",
        )),
    }
}

/// Digits of a device's number.
const DEVICE_DIGITS: usize = 16;

/// What a device is known by at which this name signed in: a number, and proof that we gave it.
fn device_of(premises: &Premises, name: &str) -> Result<String, Problem> {
    let lot = new_token()?;
    let number = lot.get(..DEVICE_DIGITS).unwrap_or(&lot);
    let proof = premises.spool.keys().current().device(name, number);
    Ok(format!("{number}-{proof}"))
}

/// The number of a device at which this name signed in before.
fn known<'d>(premises: &Premises, name: &str, device: &'d str) -> Option<&'d str> {
    let (number, proof) = device.split_once('-')?;
    let keys = premises.spool.keys();
    let ours = keys.current().device(name, number);
    // As hashes: how much of it fits is not to be told by how long it takes.
    let fits = staff::secret_hash(&ours) == staff::secret_hash(proof);
    (number.len() == DEVICE_DIGITS && fits).then_some(number)
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
    Ok(Opened {
        operator,
        token,
        device: None,
    })
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
