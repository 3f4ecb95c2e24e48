//! Passwords: argon2id (RFC 9106), one at a time and never on a runtime thread.

use std::sync::{Arc, OnceLock};

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use tokio::sync::Semaphore;

/// A password could not be hashed.
#[derive(Debug, thiserror::Error)]
#[error("the password could not be hashed ({0}); use one of 1 to 1024 octets")]
pub struct HashError(String);

/// Hashes a password for keeping: argon2id in PHC form, with a random salt. Takes tens of
/// milliseconds and 19 MiB: call it where blocking is allowed.
///
/// # Errors
///
/// When the password is empty or longer than 1024 octets, or the system has no randomness.
pub fn hash_password(password: &str) -> Result<String, HashError> {
    if password.is_empty() || password.len() > PASSWORD_MAX {
        return Err(HashError(format!("it has {} octets", password.len())));
    }
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| HashError(error.to_string()))
}

/// Octets of a password.
const PASSWORD_MAX: usize = 1024;
/// Sign-ins waiting for their turn; more are told to come back.
const WAITING_MAX: usize = 16;

/// Checks passwords, one at a time: each takes 19 MiB, and the box is small.
#[derive(Debug)]
pub(super) struct Passwords {
    turn: Arc<Semaphore>,
    waiting: Semaphore,
    /// Beside them: whoever comes from a device that is known waits for strangers' turns, not places.
    known: Semaphore,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            turn: Arc::new(Semaphore::new(1)),
            waiting: Semaphore::new(WAITING_MAX),
            known: Semaphore::new(WAITING_MAX),
        }
    }
}

impl Passwords {
    /// Whether the password is the hash's; `None` when too many wait already. An operator without
    /// a hash costs as much time as one with it, and is always wrong.
    pub(super) async fn check(
        &self,
        hash: Option<String>,
        password: String,
        known: bool,
    ) -> Option<bool> {
        let places = if known { &self.known } else { &self.waiting };
        let _place = places.try_acquire().ok()?;
        let turn = Arc::clone(&self.turn).acquire_owned().await.ok()?;
        // The turn goes along: a caller who hangs up does not free it for another 19 MiB.
        let checked = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            verify(hash.as_deref(), &password)
        });
        Some(checked.await.unwrap_or(false))
    }
}

impl Passwords {
    /// A hash to keep; `None` when too many wait already.
    pub(super) async fn hash(&self, password: String) -> Option<Result<String, HashError>> {
        let _place = self.waiting.try_acquire().ok()?;
        let turn = Arc::clone(&self.turn).acquire_owned().await.ok()?;
        let hashed = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            hash_password(&password)
        });
        hashed.await.ok()
    }
}

fn verify(hash: Option<&str>, password: &str) -> bool {
    static NOBODY: OnceLock<String> = OnceLock::new();
    let nobody = || NOBODY.get_or_init(|| hash_password("nobody").unwrap_or_default());
    let kept = hash.unwrap_or_else(|| nobody());
    let Ok(parsed) = PasswordHash::new(kept) else {
        return false;
    };
    let right = password.len() <= PASSWORD_MAX
        && Argon2::default()
            .verify_password(password.as_bytes(), &parsed)
            .is_ok();
    right && hash.is_some()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn the_right_password_and_no_other() {
        let passwords = Passwords::default();
        let hash = hash_password("open sesame").unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        for (kept, password, right) in [
            (Some(hash.clone()), "open sesame", true),
            (Some(hash.clone()), "open sesame ", false),
            (Some(hash), "", false),
            (None, "nobody", false),
            (Some("not a hash".into()), "open sesame", false),
        ] {
            let checked = passwords.check(kept, password.into(), false).await;
            assert_eq!(checked, Some(right), "{password:?}");
        }
        assert!(hash_password("").is_err());
        assert!(hash_password(&"x".repeat(1025)).is_err());
    }
}
