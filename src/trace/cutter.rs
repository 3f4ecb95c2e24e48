//! Octets of one direction into pieces that can be masked: whole lines, prompts, payloads.

/// The longest line held; what is longer comes in pieces that are masked altogether.
pub const LINE_MAX: usize = 4096;

/// A whole line, or what must be taken for one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Everything, line ends and noise included.
    pub(super) octets: Vec<u8>,
    /// Where the line itself begins and ends in it.
    pub(super) line: std::ops::Range<usize>,
    /// Whether it is a whole line; only part of one that was too long, otherwise, or cut off.
    pub(super) whole: bool,
}

/// Cuts the octets of one direction. The octets of its pieces are those that came, in order.
#[derive(Debug, Default)]
pub(super) struct Cutter {
    held: Vec<u8>,
    /// Line ends in front of the line.
    lead: usize,
    /// The line was too long: what follows belongs to it.
    within_long: bool,
}

/// What ends a line, from a program to its modem: Ctrl-Z and ESC end a payload (TS 27.005 §3.5.1).
pub(super) fn ends_to_modem(octet: u8) -> bool {
    matches!(octet, b'\r' | b'\n' | 0x1A | 0x1B)
}

/// What ends a line from a modem.
pub(super) fn ends_from_modem(octet: u8) -> bool {
    matches!(octet, b'\r' | b'\n')
}

impl Cutter {
    /// Takes an octet; gives the piece that it completes.
    pub(super) fn octet(&mut self, octet: u8, ends: fn(u8) -> bool) -> Option<Piece> {
        self.held.push(octet);
        if ends(octet) {
            if self.lead + 1 == self.held.len()
                && !self.within_long
                && matches!(octet, b'\r' | b'\n')
            {
                // Line ends alone wait for the line behind them; a flood of them does not.
                self.lead += 1;
                return (self.lead >= LINE_MAX).then(|| self.piece(false));
            }
            let whole = !self.within_long;
            self.within_long = false;
            return Some(self.piece(whole));
        }
        if self.held.len() >= LINE_MAX + self.lead {
            self.within_long = true;
            return Some(self.piece(false));
        }
        None
    }

    /// What is held, without its line ends.
    pub(super) fn line_so_far(&self) -> &[u8] {
        self.held.get(self.lead..).unwrap_or_default()
    }

    /// Gives what is held as it is: a prompt, or what a port that closed left half said.
    pub(super) fn flush(&mut self, whole: bool) -> Option<Piece> {
        let whole = whole && !self.within_long;
        self.within_long = false;
        (!self.held.is_empty()).then(|| self.piece(whole))
    }

    fn piece(&mut self, whole: bool) -> Piece {
        let octets = std::mem::take(&mut self.held);
        let start = std::mem::take(&mut self.lead);
        let tail = octets
            .iter()
            .rev()
            .take_while(|octet| ends_to_modem(**octet))
            .count();
        let end = octets.len() - tail;
        Piece {
            line: start.min(end)..end,
            octets,
            whole,
        }
    }
}
