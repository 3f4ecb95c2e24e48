//! The record of PIN attempts: three wrong ones lock a SIM, so each PIN is tried once on a SIM and
//! never again, whatever happens to the power in between.

use std::io;

use sha2::{Digest, Sha256};

use crate::modem::PinLedger;
use crate::spool::{Spool, staff};

/// Keeps the record in the spool, for one line's PIN.
#[derive(Debug)]
pub struct PinBook {
    spool: Spool,
    pin: String,
}

impl PinBook {
    /// The record for this PIN; a PIN that was corrected in the configuration is a new one.
    pub fn new(spool: Spool, pin: Option<String>) -> Self {
        Self {
            spool,
            pin: pin.unwrap_or_default(),
        }
    }

    fn digest(&self, card: &str) -> String {
        let mut hasher = Sha256::new();
        hasher.update(card.as_bytes());
        hasher.update([0]);
        hasher.update(self.pin.as_bytes());
        crate::sms::hex(&hasher.finalize())
    }
}

impl PinLedger for PinBook {
    fn may_try(&self, card: &str) -> bool {
        let (key, digest) = (card.to_owned(), self.digest(card));
        self.spool
            .write_now(move |connection| staff::pin_untried(connection, &key, &digest))
            .unwrap_or_else(|error| {
                tracing::error!(%error, "no PIN is tried while the spool cannot say which were");
                false
            })
    }

    fn record(&self, card: &str) -> io::Result<()> {
        let (key, digest) = (card.to_owned(), self.digest(card));
        self.spool
            .write_now(move |connection| staff::record_pin_attempt(connection, &key, &digest))
            .map_err(io::Error::other)
    }

    fn accepted(&self, card: &str) {
        let key = card.to_owned();
        let forgotten = self
            .spool
            .write_now(move |connection| staff::forget_pin_attempt(connection, &key));
        if let Err(error) = forgotten {
            tracing::warn!(%error, "the SIM's PIN will have to be confirmed after a restart");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_pin_is_tried_once_on_a_sim_even_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool.db");
        let book = |pin: &str| PinBook::new(Spool::open(&path).unwrap(), Some(pin.into()));

        let first = book("1111");
        assert!(first.may_try("8901"));
        first.record("8901").unwrap();
        assert!(!first.may_try("8901"));
        drop(first);

        let again = book("1111");
        assert!(!again.may_try("8901"), "the same PIN on the same SIM");
        assert!(again.may_try("8902"), "another SIM");
        drop(again);

        let corrected = book("2222");
        assert!(corrected.may_try("8901"), "another PIN");
        corrected.record("8901").unwrap();
        corrected.accepted("8901");
        assert!(
            corrected.may_try("8901"),
            "the right PIN unlocks every time"
        );
    }
}
