//! The one door for words that leave for a terminal. What a patron, a carrier or a browser wrote may
//! hold sequences that a terminal obeys (ECMA-48): colours, titles, a cleared screen, words in another
//! order than they stand. They come out as `\u001b`, which reads the same in JSON.
//!
//! `tests/it/walls.rs` holds that nothing else prints.

use std::fmt;
use std::io::{self, Write};

/// Prints a line.
macro_rules! say {
    () => { $crate::cli::printing::print(format_args!("\n")) };
    ($($words:tt)*) => {
        $crate::cli::printing::print(format_args!("{}\n", format_args!($($words)*)))
    };
}

/// Prints words without an end of line.
macro_rules! put {
    ($($words:tt)*) => { $crate::cli::printing::print(format_args!($($words)*)) };
}

/// Prints a line where faults go.
macro_rules! complain {
    ($($words:tt)*) => {
        $crate::cli::printing::print_fault(format_args!("{}\n", format_args!($($words)*)))
    };
}

/// Whether a terminal might obey it, or show what comes after it in another order.
fn is_obeyed(letter: char) -> bool {
    let laid_out = matches!(letter, '\n' | '\t');
    let reordering = matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    letter.is_control() && !laid_out || reordering
}

/// Words as they may be shown.
pub(super) fn plain(words: &str) -> String {
    let mut shown = String::with_capacity(words.len());
    for letter in words.chars() {
        match is_obeyed(letter) {
            true => shown.push_str(&format!("\\u{:04x}", u32::from(letter))),
            false => shown.push(letter),
        }
    }
    shown
}

// A closed output is no reason to stop.
pub(super) fn print(words: fmt::Arguments<'_>) {
    let _ = io::stdout()
        .lock()
        .write_all(plain(&words.to_string()).as_bytes());
}

pub(super) fn print_fault(words: fmt::Arguments<'_>) {
    let _ = io::stderr()
        .lock()
        .write_all(plain(&words.to_string()).as_bytes());
}

/// Standard output for what writes by itself.
pub(super) fn output() -> Plain<io::StdoutLock<'static>> {
    Plain {
        output: io::stdout().lock(),
        begun: Vec::new(),
    }
}

/// Shows words as they may be, also where a letter is written in two parts.
pub(super) struct Plain<W: Write> {
    output: W,
    begun: Vec<u8>,
}

impl<W: Write> Write for Plain<W> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.begun.extend_from_slice(octets);
        let whole = match std::str::from_utf8(&self.begun) {
            Ok(_) => self.begun.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            // No text at all: every octet that is none is shown as what stands for it.
            Err(_) => self.begun.len(),
        };
        let words: Vec<u8> = self.begun.drain(..whole).collect();
        let shown = plain(&String::from_utf8_lossy(&words));
        self.output.write_all(shown.as_bytes())?;
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_comes_through() {
        for (written, shown) in [
            ("Is it in?\n\tYes.\n", "Is it in?\n\tYes.\n"),
            ("\u{1b}]0;pwned\u{7}", "\\u001b]0;pwned\\u0007"),
            ("\u{1b}[2J\u{9b}31m", "\\u001b[2J\\u009b31m"),
            ("done\rDONE", "done\\u000dDONE"),
            ("\u{202e}txt.exe\u{2066}", "\\u202etxt.exe\\u2066"),
            ("مرحبا שלום \u{200f}café 👍🏽", "مرحبا שלום \u{200f}café 👍🏽"),
            ("\u{7f}\u{0}", "\\u007f\\u0000"),
        ] {
            assert_eq!(plain(written), shown);
            // Octet by octet, as a writer may have it.
            let mut door = Plain {
                output: Vec::new(),
                begun: Vec::new(),
            };
            for octet in written.bytes() {
                door.write_all(&[octet]).unwrap();
            }
            assert_eq!(String::from_utf8(door.output).unwrap(), shown);
        }
        // JSON stays what it was.
        let json = serde_json::to_string("a\u{9b}b\u{202e}").unwrap();
        assert_eq!(
            serde_json::from_str::<String>(&plain(&json)).unwrap(),
            "a\u{9b}b\u{202e}"
        );
    }
}
