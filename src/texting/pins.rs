//! The record of PIN attempts: three wrong ones lock a SIM, so each PIN is tried once on a SIM and
//! never again, whatever happens to the power in between. A PIN that was typed on the page and was
//! right is kept with the SIM's number, so that the line comes back after a power cut.

use std::io;

use sha2::{Digest, Sha256};

use crate::modem::{Pin, PinLedger};
use crate::spool::{Spool, staff};

/// Keeps the record in the spool.
#[derive(Debug)]
pub struct PinBook {
    spool: Spool,
}

impl PinBook {
    /// The record of this box.
    pub fn new(spool: Spool) -> Self {
        Self { spool }
    }
}

/// Of a PIN that was tried nothing is kept but this; one that was corrected is a new one.
fn digest(card: &str, pin: &Pin) -> String {
    let mut hasher = Sha256::new();
    hasher.update(card.as_bytes());
    hasher.update([0]);
    hasher.update(pin.digits().as_bytes());
    crate::sms::hex(&hasher.finalize())
}

impl PinLedger for PinBook {
    fn known(&self, card: &str) -> Option<Pin> {
        let key = card.to_owned();
        let kept = self
            .spool
            .write_now(move |connection| staff::typed_pin(connection, &key));
        match kept {
            Ok(digits) => digits.as_deref().and_then(Pin::new),
            Err(error) => {
                tracing::error!(%error, "the spool cannot say which PIN was typed for the SIM");
                None
            }
        }
    }

    fn may_try(&self, card: &str, pin: &Pin) -> bool {
        let (key, digest) = (card.to_owned(), digest(card, pin));
        self.spool
            .write_now(move |connection| staff::pin_untried(connection, &key, &digest))
            .unwrap_or_else(|error| {
                tracing::error!(%error, "no PIN is tried while the spool cannot say which were");
                false
            })
    }

    fn record(&self, card: &str, pin: &Pin) -> io::Result<()> {
        let (key, digest) = (card.to_owned(), digest(card, pin));
        self.spool
            .write_now(move |connection| staff::record_pin_attempt(connection, &key, &digest))
            .map_err(io::Error::other)
    }

    fn accepted(&self, card: &str, pin: &Pin, typed: bool) {
        let (key, pin) = (card.to_owned(), pin.clone());
        let kept = self.spool.write_now(move |connection| {
            staff::forget_pin_attempt(connection, &key)?;
            match typed {
                true => staff::keep_typed_pin(connection, &key, pin.digits()),
                false => Ok(()),
            }
        });
        if let Err(error) = kept {
            tracing::warn!(%error, "the SIM's PIN will have to be confirmed after a restart");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn pin(digits: &str) -> Pin {
        Pin::new(digits).unwrap()
    }

    #[test]
    fn a_pin_is_tried_once_on_a_sim_even_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool.db");
        let book = || PinBook::new(Spool::open(&path).unwrap());

        let first = book();
        assert!(first.may_try("8901", &pin("1111")));
        first.record("8901", &pin("1111")).unwrap();
        assert!(!first.may_try("8901", &pin("1111")));
        drop(first);

        let again = book();
        assert!(!again.may_try("8901", &pin("1111")), "on the same SIM");
        assert!(again.may_try("8902", &pin("1111")), "another SIM");
        assert!(again.may_try("8901", &pin("2222")), "another PIN");
        again.record("8901", &pin("2222")).unwrap();
        again.accepted("8901", &pin("2222"), false);
        assert!(
            again.may_try("8901", &pin("2222")),
            "the right PIN unlocks every time"
        );
        assert_eq!(again.known("8901"), None, "it is in the configuration");
    }

    #[test]
    fn a_pin_that_was_typed_and_right_is_kept_for_its_sim() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool.db");
        let book = || PinBook::new(Spool::open(&path).unwrap());
        let first = book();
        for digits in ["1111", "2222"] {
            first.record("8901", &pin(digits)).unwrap();
            first.accepted("8901", &pin(digits), true);
        }
        drop(first);
        let again = book();
        assert_eq!(again.known("8901"), Some(pin("2222")), "the latest");
        assert_eq!(again.known("8902"), None);
    }
}
