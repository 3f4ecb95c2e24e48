//! What is left of a telephone number when it is forgotten: a fingerprint, keyed with a secret that
//! lies outside the spool and its copies.
//!
//! A number has so few digits that whoever may try them all finds it behind any digest; without the
//! key there is nothing to try. The scheme is HMAC-SHA-256 (RFC 2104) over what earlier releases
//! kept, so that what they kept is keyed by wrapping it, also where the number itself is gone:
//!
//! ```text
//! telephone = HMAC(key, "telephone" ‖ first 8 octets of SHA-256(seed ‖ number)), first 8 octets
//! PDU       = HMAC(key, "pdu" ‖ first 16 octets of SHA-256(TPDU)), first 16 octets
//! ```

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// A secret that fingerprints are made with.
#[derive(Clone, PartialEq, Eq)]
pub struct NumberKey([u8; 32]);

impl fmt::Debug for NumberKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "NumberKey({})", self.id())
    }
}

impl From<[u8; 32]> for NumberKey {
    fn from(octets: [u8; 32]) -> Self {
        Self(octets)
    }
}

impl NumberKey {
    /// The key as its file holds it: 64 hexadecimal digits.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim().as_bytes();
        let mut octets = [0; 32];
        if text.len() != 2 * octets.len() {
            return None;
        }
        for (octet, pair) in octets.iter_mut().zip(text.chunks(2)) {
            let pair = std::str::from_utf8(pair).ok()?;
            *octet = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(Self(octets))
    }

    /// The key as its file holds it.
    pub fn written(&self) -> String {
        hex(&self.0)
    }

    /// Tells which key it is, and nothing of it.
    pub fn id(&self) -> String {
        let mac = self.hmac(b"id", &[]);
        hex(mac.get(..8).unwrap_or_default())
    }

    /// What is kept of a telephone that opted out.
    pub fn telephone(&self, seed: u64, address: &str) -> i64 {
        let mut digest = Sha256::new();
        digest.update(seed.to_le_bytes());
        digest.update(address.as_bytes());
        self.wrap_telephone(first_eight(&digest.finalize()))
    }

    /// The same, of what an earlier release kept of it.
    pub fn wrap_telephone(&self, unkeyed: i64) -> i64 {
        first_eight(&self.hmac(b"telephone", &unkeyed.to_be_bytes()))
    }

    /// What is kept of a PDU, by the first octets of its SHA-256.
    pub fn pdu(&self, unkeyed: [u8; 16]) -> [u8; 16] {
        let mut kept = [0; 16];
        let mac = self.hmac(b"pdu", &unkeyed);
        kept.iter_mut().zip(mac).for_each(|(to, from)| *to = from);
        kept
    }

    /// What a cookie says of a device at which somebody signed in.
    pub fn device(&self, name: &str, number: &str) -> String {
        hex(&self.hmac(b"device", format!("{number} {name}").as_bytes()))
    }

    fn hmac(&self, purpose: &[u8], message: &[u8]) -> [u8; 32] {
        hmac(&self.0, &[purpose, message])
    }
}

/// Keys that fingerprints in one spool were made with: a box that was restored elsewhere has more
/// than one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberKeys {
    current: NumberKey,
    earlier: Vec<NumberKey>,
}

impl From<NumberKey> for NumberKeys {
    fn from(current: NumberKey) -> Self {
        let earlier = Vec::new();
        Self { current, earlier }
    }
}

impl NumberKeys {
    /// Of several, the first makes what is new.
    pub fn of(keys: Vec<NumberKey>) -> Option<Self> {
        let mut keys = keys.into_iter();
        let current = keys.next()?;
        let earlier = keys.filter(|key| *key != current).collect();
        Some(Self { current, earlier })
    }

    /// What is kept of a telephone from now on.
    pub fn telephone(&self, seed: u64, address: &str) -> i64 {
        self.current.telephone(seed, address)
    }

    /// All that may be kept of a telephone, the newest first.
    pub fn telephones(&self, seed: u64, address: &str) -> Vec<i64> {
        self.all().map(|key| key.telephone(seed, address)).collect()
    }

    /// What is kept of a PDU, by the first octets of its SHA-256.
    pub fn pdu(&self, unkeyed: [u8; 16]) -> [u8; 16] {
        self.current.pdu(unkeyed)
    }

    /// The key that makes what is new.
    pub fn current(&self) -> &NumberKey {
        &self.current
    }

    /// Every key there is, the current one first.
    pub fn all(&self) -> impl Iterator<Item = &NumberKey> {
        std::iter::once(&self.current).chain(&self.earlier)
    }
}

fn first_eight(octets: &[u8]) -> i64 {
    let octets = octets.iter().take(8);
    octets.fold(0, |print, octet| (print << 8) | i64::from(*octet))
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// HMAC-SHA-256 (RFC 2104) of these parts, one after the other.
fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const PAT: &str = "+15551230100";

    #[test]
    fn hmac_as_published() {
        // RFC 4231 §4.2 and §4.3.
        for (key, message, mac) in [
            (
                [0x0b; 20].as_slice(),
                b"Hi There".as_slice(),
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
        ] {
            assert_eq!(hex(&hmac(key, &[message])), mac);
        }
    }

    #[test]
    fn a_fingerprint_takes_the_key_and_wraps_what_was_kept_before() {
        let (key, other) = (NumberKey::from([7; 32]), NumberKey::from([8; 32]));
        let print = key.telephone(7, PAT);
        assert_eq!(print, key.telephone(7, PAT));
        assert_ne!(print, other.telephone(7, PAT));
        assert_ne!(print, key.telephone(8, PAT));
        assert_ne!(print, key.telephone(7, "+15551230101"));
        // What release 0.1 kept of it.
        let mut digest = Sha256::new();
        digest.update(7_u64.to_le_bytes());
        digest.update(PAT);
        let unkeyed = first_eight(&digest.finalize());
        assert_eq!(key.wrap_telephone(unkeyed), print);
        assert_ne!(key.pdu([1; 16]), other.pdu([1; 16]));
        // Both purposes of one key have nothing in common.
        let as_pdu = key.pdu([1; 16]);
        assert_ne!(
            first_eight(&as_pdu),
            key.wrap_telephone(first_eight(&[1; 8]))
        );
    }

    #[test]
    fn keys_are_read_as_they_are_written() {
        let key = NumberKey::from([0xa5; 32]);
        assert_eq!(
            NumberKey::read(&format!("{}\n", key.written())),
            Some(key.clone())
        );
        assert!(!format!("{key:?}").contains("a5a5"), "{key:?}");
        for wrong in ["", "a5", &"é".repeat(32), &"g".repeat(64)] {
            assert_eq!(NumberKey::read(wrong), None, "{wrong}");
        }
        let keys = NumberKeys::of(vec![key.clone(), NumberKey::from([1; 32]), key]).unwrap();
        assert_eq!(keys.all().count(), 2);
        assert_eq!(
            keys.telephones(7, PAT).first(),
            Some(&keys.telephone(7, PAT))
        );
        assert_eq!(NumberKeys::of(Vec::new()), None);
    }
}
