//! Octets in, records out.

use std::time::Duration;

use super::cutter::{Cutter, Piece, ends_from_modem, ends_to_modem};
use super::line::{Mask, trimmed};
use super::record::{Direction, Record, Said};

/// Writes down what is said on one port: a record for each line, prompt and payload, as soon as it
/// is whole, so that nothing half said escapes the masking.
#[derive(Debug)]
pub struct Scribe {
    mask: Option<Mask>,
    to_modem: Cutter,
    from_modem: Cutter,
}

impl Scribe {
    /// One that replaces numbers and words.
    pub fn masking() -> Self {
        Self::new(Some(Mask::default()))
    }

    /// One that writes everything as it is.
    pub fn unmasked() -> Self {
        Self::new(None)
    }

    fn new(mask: Option<Mask>) -> Self {
        Self {
            mask,
            to_modem: Cutter::default(),
            from_modem: Cutter::default(),
        }
    }

    /// Whether numbers and words are replaced.
    pub fn is_masking(&self) -> bool {
        self.mask.is_some()
    }

    /// Takes what went one way at `at`, cut as the port cut it; gives the records that it completes.
    pub fn hear(&mut self, direction: Direction, octets: &[u8], at: Duration) -> Vec<Record> {
        let mut records = Vec::new();
        let mut rest = octets.iter().copied().peekable();
        while let Some(octet) = rest.next() {
            let piece = match direction {
                Direction::ToModem => self.to_modem.octet(octet, ends_to_modem),
                Direction::FromModem => self
                    .from_modem
                    .octet(octet, ends_from_modem)
                    .or_else(|| self.prompt()),
            };
            let Some(mut piece) = piece else {
                continue;
            };
            // For the reader: what plainly belongs to the line, where it is here already.
            let belongs = match (octet, direction) {
                (b'\r', Direction::FromModem) => Some(b'\n'),
                (b'>', Direction::FromModem) => Some(b' '),
                _ => None,
            };
            if let Some(next) = rest.next_if(|next| belongs == Some(*next)) {
                piece.octets.push(next);
            }
            records.push(self.record(direction, piece, at));
        }
        records
    }

    /// The port is closed: gives what was half said, masked as words.
    pub fn close(&mut self, at: Duration) -> Vec<Record> {
        let halves = [
            (Direction::ToModem, self.to_modem.flush(false)),
            (Direction::FromModem, self.from_modem.flush(false)),
        ];
        let records = halves
            .into_iter()
            .filter_map(|(direction, piece)| Some(self.record(direction, piece?, at)))
            .collect();
        if let Some(mask) = &mut self.mask {
            mask.forget_dialogue();
        }
        records
    }

    /// A prompt has no line end.
    fn prompt(&mut self) -> Option<Piece> {
        let so_far = self.from_modem.line_so_far().iter();
        let mut line = so_far.filter(|o| !is_noise(**o) && **o != b' ');
        let is_prompt = line.next() == Some(&b'>') && line.next().is_none();
        if !is_prompt || !self.mask.as_ref().is_none_or(Mask::expects_prompt) {
            return None;
        }
        if let Some(mask) = &mut self.mask {
            mask.prompted();
        }
        self.from_modem.flush(true)
    }

    fn record(&mut self, direction: Direction, mut piece: Piece, at: Duration) -> Record {
        if let Some(mask) = &mut self.mask {
            mask_piece(mask, direction, &mut piece);
        }
        Record {
            at,
            said: Said::Octets(direction, piece.octets),
        }
    }
}

fn mask_piece(mask: &mut Mask, direction: Direction, piece: &mut Piece) {
    let end = piece.octets.get(piece.line.end).copied();
    let Some(line) = piece.octets.get_mut(piece.line.clone()) else {
        return;
    };
    // Noise inside a line must not hide what it is.
    let mut clean: Vec<u8> = line.iter().copied().filter(|o| !is_noise(*o)).collect();
    match (piece.whole, direction) {
        // The space behind a prompt stays, wherever the port cut it off.
        (false, _) => trimmed(&mut clean).fill(b'x'),
        (true, Direction::ToModem) if clean.is_empty() => {
            if matches!(end, Some(0x1A | 0x1B)) {
                mask.payload_ended();
            }
        }
        (true, Direction::ToModem) => mask.asked(&mut clean, end),
        (true, Direction::FromModem) => mask.said(&mut clean),
    }
    let places = line.iter_mut().filter(|octet| !is_noise(**octet));
    for (place, octet) in places.zip(clean) {
        *place = octet;
    }
}

/// What a booting modem spills, and control characters.
pub(super) fn is_noise(octet: u8) -> bool {
    matches!(octet, 0x00..=0x1F | 0x7F | 0xFF)
}
