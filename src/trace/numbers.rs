//! Numbers that stand for numbers: the same one each time, and none that was there.

use std::collections::HashMap;

/// How many numbers are told apart; those beyond share the last.
pub const NUMBERS_MAX: usize = 10_000;

/// The digits by which two spellings of a number are the same: with and without a country code
/// (networks report deliveries either way).
const TELLING: usize = 8;

/// What stands before them.
const FRONT: u8 = b'5';

/// The numbers met so far.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    met: HashMap<Vec<u8>, usize>,
}

impl Numbers {
    /// Replaces the digits of one number, in place and as many: `15551230100` as the third number
    /// met becomes `55500000003`.
    pub(super) fn mask(&mut self, digits: &mut [u8]) {
        let (front, telling) = digits.split_at_mut(digits.len().saturating_sub(TELLING));
        let next = (self.met.len() + 1).min(NUMBERS_MAX);
        let mut number = match self.met.get(telling) {
            Some(number) => *number,
            None if self.met.len() < NUMBERS_MAX => {
                self.met.insert(telling.to_vec(), next);
                next
            }
            None => NUMBERS_MAX,
        };
        for digit in telling.iter_mut().rev() {
            // A remainder of ten is one digit.
            *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
            number /= 10;
        }
        front.fill(FRONT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_the_same_however_it_is_spelt() {
        let mut numbers = Numbers::default();
        for (number, masked) in [
            ("15551230100", "55500000001"),
            ("15551230101", "55500000002"),
            ("5551230100", "5500000001"),
            ("15551230100", "55500000001"),
            ("72456", "00003"),
            ("9", "4"),
            ("", ""),
        ] {
            let mut digits = number.as_bytes().to_vec();
            numbers.mask(&mut digits);
            assert_eq!(digits, masked.as_bytes(), "{number}");
        }
    }

    #[test]
    fn endless_numbers_stay_bounded() {
        let mut numbers = Numbers::default();
        for number in 0..NUMBERS_MAX + 100 {
            numbers.mask(format!("{number:011}").as_bytes().to_vec().as_mut_slice());
        }
        assert_eq!(numbers.met.len(), NUMBERS_MAX);
    }
}
