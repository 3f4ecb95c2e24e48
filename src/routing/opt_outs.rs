//! Which telephones want no texts from us (clause 9), whether or not anything else is remembered of
//! them.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

/// Telephones that opted out, by keyed fingerprints: an erased number leaves nothing to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OptOuts {
    pub(super) fingerprints: BTreeSet<i64>,
}

impl OptOuts {
    pub(super) fn restore(
        fingerprints: impl IntoIterator<Item = i64>,
        addresses: impl IntoIterator<Item = String>,
        seed: u64,
    ) -> Self {
        let told = addresses.into_iter().map(|to| fingerprint(&to, seed));
        Self {
            fingerprints: fingerprints.into_iter().chain(told).collect(),
        }
    }
}

/// What is left of a number: the first eight octets of a digest keyed with the spool's own seed.
pub(super) fn fingerprint(address: &str, seed: u64) -> i64 {
    let mut digest = Sha256::new();
    digest.update(seed.to_le_bytes());
    digest.update(address.as_bytes());
    let digest = digest.finalize();
    digest
        .iter()
        .take(8)
        .fold(0_i64, |print, octet| (print << 8) | i64::from(*octet))
}

#[cfg(test)]
mod tests {
    use super::fingerprint;

    const PAT: &str = "+15551230100";

    #[test]
    fn a_fingerprint_is_keyed() {
        assert_eq!(fingerprint(PAT, 7), fingerprint(PAT, 7));
        assert_ne!(fingerprint(PAT, 7), fingerprint(PAT, 8));
        assert_ne!(fingerprint(PAT, 7), fingerprint("+15551230101", 7));
    }
}
