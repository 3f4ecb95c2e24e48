//! Which telephones want no texts from us (clause 9), whether or not anything else is remembered of
//! them.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::numbers::PatronNumber;

/// Telephones that opted out, by keyed fingerprints: an erased number leaves nothing to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OptOuts {
    pub(super) fingerprints: BTreeSet<i64>,
}

impl OptOuts {
    pub(super) fn restore(
        fingerprints: impl IntoIterator<Item = i64>,
        addresses: impl IntoIterator<Item = PatronNumber>,
        seed: u64,
    ) -> Self {
        let told = addresses.into_iter().map(|to| fingerprint(&to, seed));
        Self {
            fingerprints: fingerprints.into_iter().chain(told).collect(),
        }
    }
}

/// What is left of a number: the first eight octets of a digest keyed with the spool's own seed.
pub(super) fn fingerprint(address: &PatronNumber, seed: u64) -> i64 {
    let mut digest = Sha256::new();
    digest.update(seed.to_le_bytes());
    digest.update(address.as_str().as_bytes());
    let digest = digest.finalize();
    digest
        .iter()
        .take(8)
        .fold(0_i64, |print, octet| (print << 8) | i64::from(*octet))
}

#[cfg(test)]
mod tests {
    use super::fingerprint;
    use crate::numbers::PatronNumber;

    #[test]
    fn a_fingerprint_is_keyed() {
        let pat = PatronNumber::kept("+15551230100".into());
        let other = PatronNumber::kept("+15551230101".into());
        assert_eq!(fingerprint(&pat, 7), fingerprint(&pat, 7));
        assert_ne!(fingerprint(&pat, 7), fingerprint(&pat, 8));
        assert_ne!(fingerprint(&pat, 7), fingerprint(&other, 7));
    }
}
