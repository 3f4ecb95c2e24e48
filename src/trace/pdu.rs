//! A PDU with its numbers and words replaced, and everything else as it was (TS 23.040 §9.2).
//!
//! Lengths, types, references, codings, times, and what a header says of joining and ports stay, so
//! that the PDU still decodes to the same shape. It is walked octet by octet and never trusted:
//! where it ends early or says something impossible, everything from there on is masked.

use super::numbers::Numbers;

/// What stands for a letter: `x` in every alphabet.
const LETTER: u8 = b'x';
/// What stands behind an escape: `€` in the extension table (TS 23.038 §6.2.1.1).
const EXTENDED_LETTER: u8 = 0x65;
const ESCAPE: u8 = 0x1B;
/// Semi-octets of a number at most (TS 23.040 §9.1.2.5).
const DIGITS_MAX: usize = 20;
/// Octets of a service centre's number and its type at most (TS 24.011 §8.2.5.1).
const CENTRE_MAX: usize = 11;
/// Octets of a time stamp (§9.2.3.11).
const TIME: usize = 7;
/// Header elements without anything of a person's in them (§9.2.3.24): joining, lamps, ports,
/// control, language tables. A reply address, pictures and the like are not among them.
const PLAIN_ELEMENTS: &[u8] = &[0x00, 0x01, 0x04, 0x05, 0x06, 0x07, 0x08, 0x24, 0x25];

/// Masks a PDU, service centre first, in place; the numbers met are new to it.
pub fn mask_pdu(octets: &mut [u8]) {
    mask_pdu_with(octets, &mut Numbers::default());
}

pub(super) fn mask_pdu_with(octets: &mut [u8], numbers: &mut Numbers) {
    let mut walk = Walk { rest: octets };
    // None: it ended where it should not, and is masked to its end.
    let _ = walk.pdu(numbers);
    walk.mask_rest();
}

/// What of the PDU is still as it was.
struct Walk<'a> {
    rest: &'a mut [u8],
}

impl<'a> Walk<'a> {
    fn pdu(&mut self, numbers: &mut Numbers) -> Option<()> {
        self.service_centre(numbers)?;
        let first = self.one()?;
        let has_header = first & 0x40 != 0;
        match first & 0b11 {
            0b01 => {
                self.keep(1)?; // TP-MR
                self.address(numbers)?;
                self.keep(1)?; // TP-PID
                let coding = self.one()?;
                // TP-VP, by TP-VPF (§9.2.3.3).
                self.keep(match first >> 3 & 0b11 {
                    0b00 => 0,
                    0b10 => 1,
                    _ => TIME,
                })?;
                self.user_data(coding, has_header)?;
            }
            0b10 => {
                self.keep(1)?; // TP-MR
                self.address(numbers)?;
                self.keep(2 * TIME + 1)?; // TP-SCTS, TP-DT, TP-ST
                self.tail_of_report(has_header)?;
            }
            _ => {
                self.address(numbers)?;
                self.keep(1)?; // TP-PID
                let coding = self.one()?;
                self.keep(TIME)?; // TP-SCTS
                self.user_data(coding, has_header)?;
            }
        }
        self.padding();
        Some(())
    }

    fn service_centre(&mut self, numbers: &mut Numbers) -> Option<()> {
        let length = usize::from(self.one()?);
        if length == 0 {
            return Some(());
        }
        if length > CENTRE_MAX {
            return None;
        }
        self.keep(1)?; // type of address
        let digits = self.take(length - 1)?;
        mask_digits(digits, digits.len() * 2, numbers);
        Some(())
    }

    fn address(&mut self, numbers: &mut Numbers) -> Option<()> {
        let digits = usize::from(self.one()?);
        if digits > DIGITS_MAX {
            return None;
        }
        let kind = self.one()?;
        let value = self.take(digits.div_ceil(2))?;
        if kind >> 4 & 0b111 == 0b101 {
            mask_name(value, digits * 4 / 7);
        } else {
            mask_digits(value, digits, numbers);
        }
        Some(())
    }

    /// What TP-PI announces (§9.2.3.27).
    fn tail_of_report(&mut self, has_header: bool) -> Option<()> {
        if self.rest.is_empty() {
            return Some(());
        }
        let indicator = self.one()?;
        let mut extended = indicator;
        while extended & 0x80 != 0 {
            extended = self.one()?;
        }
        if indicator & 0x01 != 0 {
            self.keep(1)?;
        }
        let coding = if indicator & 0x02 != 0 {
            self.one()?
        } else {
            0
        };
        if indicator & 0x04 != 0 {
            self.user_data(coding, has_header)?;
        }
        Some(())
    }

    fn user_data(&mut self, coding: u8, has_header: bool) -> Option<()> {
        let length = usize::from(self.one()?);
        let coding = Coding::of(coding);
        let octets = match coding {
            Coding::Septets => (length * 7).div_ceil(8),
            Coding::Octets | Coding::Ucs2 => length,
        };
        // One that is cut short is masked by the same rules as far as it goes.
        let data = self.take(octets.min(self.rest.len()))?;
        let mut in_front = 0;
        if has_header && let Some((header_length, behind)) = data.split_first_mut() {
            let header_length = usize::from(*header_length);
            let held = header_length.min(behind.len());
            mask_header(&mut behind[..held]);
            in_front = 1 + held;
        }
        match coding {
            Coding::Septets => mask_septets(data, in_front, length),
            Coding::Octets => data[in_front..].fill(LETTER),
            Coding::Ucs2 => mask_ucs2(&mut data[in_front..]),
        }
        Some(())
    }

    /// Filling behind the end, as SIMs have it, is kept.
    fn padding(&mut self) {
        for filling in [0xFF, 0x00] {
            if self.rest.iter().all(|octet| *octet == filling) {
                self.rest = &mut [];
            }
        }
    }

    fn mask_rest(&mut self) {
        self.rest.fill(LETTER);
    }

    fn one(&mut self) -> Option<u8> {
        self.take(1).map(|octet| octet[0])
    }

    fn keep(&mut self, count: usize) -> Option<()> {
        self.take(count).map(|_| ())
    }

    fn take(&mut self, count: usize) -> Option<&'a mut [u8]> {
        if count > self.rest.len() {
            return None;
        }
        let (taken, rest) = std::mem::take(&mut self.rest).split_at_mut(count);
        self.rest = rest;
        Some(taken)
    }
}

/// What user data is written in (TS 23.038 §4).
#[derive(Clone, Copy)]
enum Coding {
    Septets,
    Octets,
    Ucs2,
}

impl Coding {
    fn of(coding: u8) -> Self {
        match coding {
            0x20..=0x3F | 0x60..=0x7F => Self::Octets, // compressed
            0x00..=0x7F => match coding >> 2 & 0b11 {
                0b01 => Self::Octets,
                0b10 => Self::Ucs2,
                _ => Self::Septets,
            },
            0xE0..=0xEF => Self::Ucs2,
            0xF4..=0xF7 | 0xFC..=0xFF => Self::Octets,
            _ => Self::Septets,
        }
    }
}

/// Semi-octets, the first in the lower half (TS 23.040 §9.1.2.3). What is no decimal digit stays.
fn mask_digits(octets: &mut [u8], count: usize, numbers: &mut Numbers) {
    let mut digits: Vec<u8> = semi_octets(octets, count)
        .filter(|digit| *digit < 10)
        .map(|digit| b'0' + digit)
        .collect();
    numbers.mask(&mut digits);
    let mut masked = digits.into_iter().map(|digit| digit - b'0');
    let mut left = count;
    for octet in octets {
        let mut halves = [*octet & 0x0F, *octet >> 4];
        for half in &mut halves {
            if left == 0 {
                *half = 0x0F; // filler; what stood there says nothing
            } else if *half < 10 {
                *half = masked.next().unwrap_or_default();
            }
            left = left.saturating_sub(1);
        }
        *octet = halves[1] << 4 | halves[0];
    }
}

fn semi_octets(octets: &[u8], count: usize) -> impl Iterator<Item = u8> {
    octets
        .iter()
        .flat_map(|octet| [octet & 0x0F, octet >> 4])
        .take(count)
}

/// A name in the default alphabet. A last `@` is what rounding up leaves, and stays.
fn mask_name(octets: &mut [u8], septets: usize) {
    let rounded = septets > 0 && septet(octets, septets - 1) == Some(0);
    mask_septets(octets, 0, septets);
    if rounded {
        set_septet(octets, septets - 1, 0);
    }
}

/// Septets behind `in_front` octets of header; fill and spare bits become 0.
fn mask_septets(octets: &mut [u8], in_front: usize, count: usize) {
    let first = (in_front * 8).div_ceil(7);
    let mut masked = Vec::new();
    let mut escaped = false;
    for at in first..count {
        let Some(septet) = septet(octets, at) else {
            break;
        };
        masked.push(match (septet, escaped) {
            (ESCAPE, _) => ESCAPE,
            (_, true) => EXTENDED_LETTER,
            (_, false) => LETTER,
        });
        escaped = septet == ESCAPE && !escaped;
    }
    if let Some(behind) = octets.get_mut(in_front..) {
        behind.fill(0);
    }
    for (at, septet) in masked.into_iter().enumerate() {
        set_septet(octets, first + at, septet);
    }
}

/// The septet that begins seven times `at` bits in, least significant bit first
/// (TS 23.038 §6.1.2.1); `None` past the end.
fn septet(octets: &[u8], at: usize) -> Option<u8> {
    let bit = at * 7;
    let low = u16::from(*octets.get(bit / 8)?);
    let high = match octets.get(bit / 8 + 1) {
        Some(high) => u16::from(*high),
        None if bit % 8 > 1 => return None,
        None => 0,
    };
    let septet = (high << 8 | low) >> (bit % 8) & 0x7F;
    u8::try_from(septet).ok()
}

fn set_septet(octets: &mut [u8], at: usize, septet: u8) {
    let bit = at * 7;
    let (mask, value) = (0x7F_u16 << (bit % 8), u16::from(septet) << (bit % 8));
    let ([mask_low, mask_high], [low, high]) = (mask.to_le_bytes(), value.to_le_bytes());
    if let Some(octet) = octets.get_mut(bit / 8) {
        *octet = *octet & !mask_low | low;
    }
    if let Some(octet) = octets.get_mut(bit / 8 + 1) {
        *octet = *octet & !mask_high | high;
    }
}

/// Halves of characters beyond the first plane stay halves: senders cut between them.
fn mask_ucs2(octets: &mut [u8]) {
    let (pairs, odd) = octets.as_chunks_mut::<2>();
    for pair in pairs {
        *pair = match pair[0] {
            0xD8..=0xDB => [0xD8, 0x3D],
            0xDC..=0xDF => [0xDE, 0x00],
            _ => [0x00, LETTER],
        };
    }
    odd.fill(LETTER);
}

/// The elements of a user data header, without its length.
fn mask_header(mut octets: &mut [u8]) {
    while let [id, length, rest @ ..] = octets {
        let (data, rest) = rest.split_at_mut(usize::from(*length).min(rest.len()));
        // A concatenation, a port pair: as long as it should be, or it holds something else.
        let plain = PLAIN_ELEMENTS.contains(id) && data.len() <= 4;
        if !plain {
            data.fill(0);
        }
        octets = rest;
    }
    octets.fill(0);
}
