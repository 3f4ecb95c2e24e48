//! Octets into lines and the `> ` prompt (V.250 §5.7.1, TS 27.005 §3.5.1).
//!
//! Modems end lines with CR LF, a bare CR (echo, `ATV0`), a bare LF or CR CR LF; they spill NUL and
//! 0xFF while they boot or guess the speed. Octet by octet, so that the result cannot depend on how
//! the port cut the stream.

/// The longest line kept, in octets. The longest useful ones are operator scans (`+COPS=?`), about
/// 1 500; a PDU is at most 2 × 176 digits.
pub const LINE_MAX: usize = 4096;

/// One thing the modem said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A line without its ending, not empty.
    Line(String),
    /// `>`: the modem waits for a PDU.
    Prompt,
}

/// Cuts a stream of octets into frames.
#[derive(Debug, Default)]
pub struct Framer {
    line: Vec<u8>,
}

impl Framer {
    /// Takes one octet; gives the frame that it completes.
    ///
    /// `prompt_expected`: a `>` at the start of a line is the prompt. Otherwise it is text: after an
    /// aborted send the prompt may still come late, and must not complete anything.
    pub fn octet(&mut self, octet: u8, prompt_expected: bool) -> Option<Frame> {
        match octet {
            b'\r' | b'\n' => self.end_line(),
            b'>' if prompt_expected && self.line.is_empty() => Some(Frame::Prompt),
            // The space after a prompt, and indentation.
            b' ' if self.line.is_empty() => None,
            // 0xFF is line noise; the control characters are noise or the echo of ESC and Ctrl-Z.
            0x00..=0x1F | 0x7F | 0xFF => None,
            _ => {
                if self.line.len() < LINE_MAX {
                    self.line.push(octet);
                }
                None
            }
        }
    }

    /// Forgets a half-read line: the port was closed.
    pub fn reset(&mut self) {
        self.line.clear();
    }

    fn end_line(&mut self) -> Option<Frame> {
        let text = text(&self.line);
        self.line.clear();
        // A prompt nobody waited for stands before whatever the modem says next.
        let line = text.strip_prefix("> ").unwrap_or(&text).trim();
        (!line.is_empty() && line != ">").then(|| Frame::Line(line.to_owned()))
    }
}

/// UTF-8 if it is, else Latin-1: either way nothing is lost, and noise stays visible.
fn text(octets: &[u8]) -> String {
    std::str::from_utf8(octets).map_or_else(
        |_| octets.iter().map(|octet| char::from(*octet)).collect(),
        str::to_owned,
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn frames(octets: &[u8], prompt_expected: bool) -> Vec<Frame> {
        let mut framer = Framer::default();
        octets
            .iter()
            .filter_map(|octet| framer.octet(*octet, prompt_expected))
            .collect()
    }

    fn lines(octets: &[u8]) -> Vec<String> {
        frames(octets, false)
            .into_iter()
            .map(|frame| match frame {
                Frame::Line(line) => line,
                Frame::Prompt => panic!("no prompt was expected"),
            })
            .collect()
    }

    #[test]
    fn lines_end_as_modems_end_them() {
        for (octets, expected) in [
            (&b"\r\nOK\r\n"[..], &["OK"][..]),
            (b"AT\r\r\nOK\r\n", &["AT", "OK"]),     // echo
            (b"0\r", &["0"]),                       // ATV0
            (b"OK\nERROR\n", &["OK", "ERROR"]),     // bare LF
            (b"\x00\xff\x00\r\nRDY\r\n", &["RDY"]), // power-up noise
            (b"\r\n+CSQ: 20,99 \r\n", &["+CSQ: 20,99"]),
            (b"> \r\nOK\r\n", &["OK"]), // a prompt that came after ESC
            (b"> +CMTI: \"SM\",1\r\n", &["+CMTI: \"SM\",1"]),
            (b"0011AA\x1a\r\n", &["0011AA"]), // echo of a PDU and Ctrl-Z
            (b"\xe9t\xe9\r\n", &["\u{e9}t\u{e9}"]), // not UTF-8
            (b"half a line", &[]),
        ] {
            assert_eq!(lines(octets), expected, "{octets:?}");
        }
    }

    #[test]
    fn the_prompt_needs_no_line_ending() {
        for octets in [&b"\r\n> "[..], b"\r\n>", b"AT+CMGS=18\r\r\n> "] {
            let frames = frames(octets, true);
            assert_eq!(frames.last(), Some(&Frame::Prompt), "{octets:?}");
        }
        assert_eq!(
            frames(b"a > b\r\n", true),
            [Frame::Line("a > b".into())],
            "only at the start of a line"
        );
    }

    #[test]
    fn an_endless_line_stays_bounded() {
        let mut framer = Framer::default();
        for _ in 0..1_000_000 {
            assert_eq!(framer.octet(b'x', false), None);
        }
        let Some(Frame::Line(line)) = framer.octet(b'\n', false) else {
            panic!("the line ended");
        };
        assert_eq!(line.len(), LINE_MAX);
    }
}
