//! Taking octets one field at a time, so that none is read past the end.

#![deny(clippy::indexing_slicing)]

use super::error::DecodeError;

/// What is left of a PDU.
#[derive(Debug, Clone)]
pub(super) struct Octets<'a> {
    rest: &'a [u8],
}

impl<'a> Octets<'a> {
    pub(super) fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }

    /// The next octet of a field.
    pub(super) fn one(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        let [octet] = self.array(field)?;
        Ok(octet)
    }

    /// The next `N` octets of a field.
    pub(super) fn array<const N: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<[u8; N], DecodeError> {
        let (octets, rest) = self
            .rest
            .split_first_chunk()
            .ok_or_else(|| self.short(field, N))?;
        self.rest = rest;
        Ok(*octets)
    }

    /// The next `count` octets of a field.
    pub(super) fn many(
        &mut self,
        field: &'static str,
        count: usize,
    ) -> Result<&'a [u8], DecodeError> {
        let (octets, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or_else(|| self.short(field, count))?;
        self.rest = rest;
        Ok(octets)
    }

    /// Everything not taken yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn short(&self, field: &'static str, needed: usize) -> DecodeError {
        DecodeError::Truncated {
            field,
            needed,
            found: self.rest.len(),
        }
    }
}

/// Two decimal digits, the first in the lower half; `None` when either is no digit.
pub(super) fn swapped_digits(octet: u8) -> Option<u8> {
    let (first, second) = (octet & 0x0F, octet >> 4);
    (first < 10 && second < 10).then_some(first * 10 + second)
}
