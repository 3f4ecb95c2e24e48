//! One line with its numbers and words replaced, octet for octet.
//!
//! What is not known to be harmless is masked: a text in text mode is any line at all.

use super::fixed;
use super::numbers::Numbers;
use super::pdu::mask_pdu_with;

/// What stands for an octet of anybody's words.
const WORD: u8 = b'x';
/// From here on an unquoted run of digits is a number, not a parameter. IMEI, IMSI and ICCID are
/// longer; a file of the SIM (`28483`) and the numeric name of a network (`310260`) are shorter.
const RUN: usize = 7;
/// The shortest line that is taken for a PDU without a header in front: an SMS-DELIVER without
/// address or text, 14 octets.
const PDU_DIGITS: usize = 28;

/// The shortest PDU there is, where one is due: an SMS-SUBMIT without address or text, 8 octets.
/// What is shorter is words: in text mode a library card's number may stand there.
const PDU_DIGITS_DUE: usize = 16;

/// What the next line from the modem may be.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Expect {
    #[default]
    Nothing,
    /// A PDU: a header of PDU mode stood before.
    Pdu,
    /// Words, until a final result or the next header: a header of text mode stood before.
    Words,
    /// The rest of a quoted string that was not closed.
    Quoted,
}

/// The dialogue as far as it decides what a line holds.
#[derive(Debug, Default)]
pub(super) struct Mask {
    numbers: Numbers,
    /// The command in flight, in capitals.
    command: Vec<u8>,
    /// The last command and the last payload, as they were and masked: modems echo them.
    echoes: [(Vec<u8>, Vec<u8>); 2],
    awaits_payload: bool,
    expect: Expect,
}

const COMMAND: usize = 0;
const PAYLOAD: usize = 1;

impl Mask {
    /// Masks a line to the modem; `end` is the octet that ended it.
    pub(super) fn asked(&mut self, line: &mut [u8], end: Option<u8>) {
        if line.is_empty() {
            return;
        }
        let was = line.to_vec();
        let is_command = !self.awaits_payload
            && line
                .get(..2)
                .is_some_and(|start| start.eq_ignore_ascii_case(b"AT"));
        if is_command {
            self.command = last_command(&was);
            self.expect = Expect::Nothing;
            self.mask_command(line);
        } else if self.sends_pdu() || (!self.expects_prompt() && is_hex(line, PDU_DIGITS)) {
            self.body(line);
        } else {
            line.fill(WORD);
        }
        let place = if is_command { COMMAND } else { PAYLOAD };
        self.echoes[place] = (was, line.to_vec());
        if matches!(end, Some(0x1A | 0x1B)) {
            self.awaits_payload = false;
        }
    }

    /// Whether `>` now would be the prompt for a text (TS 27.005 §3.5.1).
    pub(super) fn expects_prompt(&self) -> bool {
        [&b"AT+CMGS"[..], b"AT+CMGW", b"AT+CNMA=", b"AT+CMGC"]
            .iter()
            .any(|command| self.command.starts_with(command))
    }

    /// Whether the text behind the prompt is a PDU: its length is given, not a number to send it to.
    fn sends_pdu(&self) -> bool {
        [&b"AT+CMGS="[..], b"AT+CMGW="].iter().any(|command| {
            let length = self.command.strip_prefix(*command);
            length.is_some_and(|length| {
                (1..=3).contains(&length.len()) && length.iter().all(u8::is_ascii_digit)
            })
        })
    }

    /// The modem said `>`.
    pub(super) fn prompted(&mut self) {
        self.awaits_payload = true;
    }

    /// ESC or Ctrl-Z alone: nothing is awaited any more.
    pub(super) fn payload_ended(&mut self) {
        self.awaits_payload = false;
    }

    /// The port is another one now.
    pub(super) fn forget_dialogue(&mut self) {
        let numbers = std::mem::take(&mut self.numbers);
        *self = Self {
            numbers,
            ..Self::default()
        };
    }

    /// Masks a line from the modem.
    pub(super) fn said(&mut self, line: &mut [u8]) {
        let line = match line {
            [b'>', b' ', rest @ ..] => rest,
            line => line,
        };
        let line = trimmed(line);
        if line.is_empty() {
            return;
        }
        if fixed::is_final(line) {
            self.expect = Expect::Nothing;
            self.awaits_payload = false;
            self.command.clear();
            return;
        }
        if let Some((_, masked)) = self.echoes.iter().find(|(was, _)| was == line) {
            line.copy_from_slice(masked);
            return;
        }
        match self.expect {
            Expect::Nothing => self.plain(line),
            Expect::Quoted => self.quoted_on(line),
            Expect::Pdu => {
                if !self.is_header(line) && (is_hex(line, 2) || fixed::name_of(line).is_none()) {
                    if !fixed::is_word(line) {
                        self.expect = Expect::Nothing;
                        self.listed(line);
                    }
                } else {
                    self.plain(line);
                }
            }
            Expect::Words => {
                if self.is_header(line) {
                    self.plain(line);
                } else if !is_harmless(line) {
                    line.fill(WORD);
                }
            }
        }
    }

    /// What stands where a PDU should. One that lost its end runs into the next header.
    fn listed(&mut self, line: &mut [u8]) {
        let header = line
            .windows(6)
            .position(|octets| octets == b"+CMGL:" || octets == b"+CMGR:");
        if let Some(at) = header.filter(|at| *at > 0) {
            let (before, header) = line.split_at_mut(at);
            self.body(before);
            self.plain(header);
        } else {
            self.body(line);
        }
    }

    /// A line where no body is due.
    fn plain(&mut self, line: &mut [u8]) {
        if let Some(name) = fixed::name_of(line) {
            let name = name.to_vec();
            self.named(&name, line);
        } else if fixed::is_word(line) {
        } else if is_hex(line, PDU_DIGITS) {
            self.body(line);
        } else if fixed::asks_identity(&self.command) {
            self.mask_fields(line, RUN, |_| false);
        } else if line.len() <= 3 && line.iter().all(u8::is_ascii_digit) {
            // A result code in numbers (`ATV0`).
        } else if is_hex(line, 1) {
            // IMEI, IMSI, ICCID; the last may end in letters.
            self.mask_runs(line, 1);
            for octet in line {
                if octet.is_ascii_alphabetic() {
                    *octet = b'F';
                }
            }
        } else {
            self.listed(line);
        }
    }

    /// `+NAME: …`.
    fn named(&mut self, name: &[u8], line: &mut [u8]) {
        let header = self.is_header(line);
        let in_text_mode = header && is_text_mode(name, line);
        let start = (name.len() + 1).min(line.len());
        let values = &mut line[start..];
        let mut open = false;
        match name {
            b"+CREG" | b"+CGREG" | b"+CEREG" => mask_cells(values),
            b"+COPS" | b"+QIND" | b"+CPIN" | b"+CIND" => {
                open = self.mask_fields(values, RUN, |_| true);
            }
            b"+CUSD" => open = self.mask_ussd(values),
            b"+CRSM" | b"+CSIM" => {
                let quote = values.iter().position(|octet| *octet == b'"');
                let before = quote.unwrap_or(values.len());
                self.mask_runs(&mut values[..before], RUN);
                let data = &mut values[quote.unwrap_or(0)..];
                // EF-SMSS, the last message reference, is nobody's (TS 31.102 §4.2.9).
                if !self.command.starts_with(b"AT+CRSM=176,28483,") {
                    for octet in data {
                        *octet = if octet.is_ascii_hexdigit() {
                            b'0'
                        } else {
                            *octet
                        };
                    }
                }
            }
            _ => open = self.mask_fields(values, RUN, fixed::is_quoted),
        }
        if !fixed::is_name(name) {
            mask_letters_outside_quotes(&mut line[start..]);
        }
        self.expect = match (header, in_text_mode, open) {
            (_, _, true) => Expect::Quoted,
            (true, true, _) => Expect::Words,
            (true, false, _) => Expect::Pdu,
            (false, ..) => match self.expect {
                // It came in between.
                Expect::Pdu => Expect::Pdu,
                Expect::Nothing | Expect::Words | Expect::Quoted => Expect::Nothing,
            },
        };
    }

    fn is_header(&self, line: &[u8]) -> bool {
        [&b"+CMGL:"[..], b"+CMGR:", b"+CMT:", b"+CDS:", b"+CBM:"]
            .iter()
            .any(|header| line.starts_with(header))
    }

    fn quoted_on(&mut self, line: &mut [u8]) {
        let Some(end) = line.iter().position(|octet| *octet == b'"') else {
            line.fill(WORD);
            return;
        };
        let (words, rest) = line.split_at_mut(end);
        words.fill(WORD);
        let opens_again = self.mask_fields(&mut rest[1..], RUN, |_| false);
        if !opens_again {
            self.expect = Expect::Nothing;
        }
    }

    /// A PDU, or words.
    fn body(&mut self, line: &mut [u8]) {
        if !is_hex(line, PDU_DIGITS_DUE) {
            // A PDU with an octet that noise has changed is a PDU as far as it goes.
            let digits = line.iter().take_while(|o| o.is_ascii_hexdigit()).count();
            let (pdu, rest) = line.split_at_mut(if digits >= PDU_DIGITS { digits } else { 0 });
            rest.fill(WORD);
            if !pdu.is_empty() {
                self.body(pdu);
            }
            return;
        }
        let mut octets: Vec<u8> = line
            .chunks_exact(2)
            .map(|pair| value_of(pair[0]) << 4 | value_of(pair[1]))
            .collect();
        mask_pdu_with(&mut octets, &mut self.numbers);
        let lower = line.iter().any(u8::is_ascii_lowercase);
        let mut pairs = line.chunks_exact_mut(2);
        for (pair, octet) in pairs.by_ref().zip(octets) {
            pair[0] = digit_of(octet >> 4, lower);
            pair[1] = digit_of(octet & 0x0F, lower);
        }
        pairs.into_remainder().fill(b'0');
    }

    fn mask_command(&mut self, line: &mut [u8]) {
        let capitals = line.to_ascii_uppercase();
        let has = |name: &[u8]| capitals.windows(name.len()).any(|part| part == name);
        // Secrets are not even told apart.
        if has(b"+CPIN") || has(b"+CLCK") || has(b"+CPWD") || has(b"+CPUK") {
            let start = line.iter().position(|octet| *octet == b'=');
            let (name, secret) = line.split_at_mut(start.unwrap_or(capitals.len()));
            self.mask_runs(name, RUN);
            for octet in secret {
                *octet = masked_code(*octet);
            }
        } else if has(b"+CUSD") {
            self.mask_ussd(line);
        } else if capitals.starts_with(b"ATD") {
            self.mask_runs(line, 1);
        } else if has(b"+CMGS=") || has(b"+CMGW=") || has(b"+CMGC=") {
            self.mask_fields(line, 4, fixed::is_quoted);
        } else {
            self.mask_fields(line, RUN, fixed::is_quoted);
        }
    }

    /// Quoted values but those that are `known`, and unquoted runs of digits. Says whether a quote
    /// was left open; then all behind it is words.
    fn mask_fields(&mut self, text: &mut [u8], run: usize, known: fn(&[u8]) -> bool) -> bool {
        let mut parts = text.split_mut(|octet| *octet == b'"').peekable();
        let mut quoted = false;
        while let Some(part) = parts.next() {
            let last = parts.peek().is_none();
            if !quoted {
                self.mask_runs(part, run);
            } else if last {
                part.fill(WORD);
                return true;
            } else if known(part) {
                self.mask_runs(part, RUN);
            } else if !fixed::is_time(part) {
                self.mask_value(part);
            }
            quoted = !quoted;
        }
        false
    }

    /// A quoted value: a number, or words.
    fn mask_value(&mut self, value: &mut [u8]) {
        let is_number = value.iter().any(u8::is_ascii_digit)
            && value
                .iter()
                .all(|octet| octet.is_ascii_digit() || b"+*#".contains(octet));
        if is_number {
            let mut digits: Vec<u8> = value.iter().copied().filter(u8::is_ascii_digit).collect();
            self.numbers.mask(&mut digits);
            let mut digits = digits.into_iter();
            for octet in value.iter_mut().filter(|octet| octet.is_ascii_digit()) {
                *octet = digits.next().unwrap_or(b'0');
            }
        } else {
            value.fill(WORD);
        }
    }

    /// Runs of at least `least` digits.
    fn mask_runs(&mut self, text: &mut [u8], least: usize) {
        for run in text.split_mut(|octet| !octet.is_ascii_digit()) {
            if run.len() >= least {
                self.numbers.mask(run);
            }
        }
    }

    /// `1,"*100#",15`: the marks of a code stay, its digits may be a voucher's. UCS2 stays UCS2.
    fn mask_ussd(&mut self, text: &mut [u8]) -> bool {
        let mut parts = text.split_mut(|octet| *octet == b'"').peekable();
        let mut quoted = false;
        while let Some(part) = parts.next() {
            if quoted {
                let is_code = part
                    .iter()
                    .all(|octet| octet.is_ascii_digit() || b"*#+".contains(octet));
                if parts.peek().is_none() {
                    part.fill(WORD);
                    return true;
                } else if part.len() % 4 == 0 && is_hex(part, 4) {
                    for (octet, letter) in part.iter_mut().zip(b"0078".iter().cycle()) {
                        *octet = *letter;
                    }
                } else if is_code {
                    for octet in part {
                        *octet = masked_code(*octet);
                    }
                } else {
                    part.fill(WORD);
                }
            } else {
                self.mask_runs(part, RUN);
            }
            quoted = !quoted;
        }
        false
    }
}

/// The last command of a line, which a prompt would be for: `AT+CMGS=20` of `AT+CMGF=0;+CMGS=20`.
fn last_command(line: &[u8]) -> Vec<u8> {
    let line = line.to_ascii_uppercase();
    match line.iter().rposition(|octet| *octet == b';') {
        Some(end) => [b"AT", line.get(end + 1..).unwrap_or_default()].concat(),
        None => line,
    }
}

/// Whether a header is one of text mode: a quoted state, or more than a PDU's header has.
fn is_text_mode(name: &[u8], line: &[u8]) -> bool {
    let values = line.get(name.len() + 1..).unwrap_or_default();
    let mut quoted = false;
    let fields: Vec<&[u8]> = values
        .split(|octet| {
            quoted ^= *octet == b'"';
            *octet == b',' && !quoted
        })
        .map(<[u8]>::trim_ascii)
        .collect();
    let is_quoted = |at: usize| fields.get(at).is_some_and(|field| field.starts_with(b"\""));
    match name {
        b"+CMGL" => is_quoted(1),
        b"+CMGR" => is_quoted(0),
        b"+CMT" => fields.len() > 2,
        _ => fields.len() > 1,
    }
}

/// A line that gives nobody away even where words are due: `+CMTI: "SM",3`.
fn is_harmless(line: &[u8]) -> bool {
    if fixed::is_word(line) {
        return true;
    }
    let Some(name) = fixed::name_of(line).filter(|name| fixed::is_name(name)) else {
        return false;
    };
    line[name.len() + 1..]
        .split(|octet| *octet == b',')
        .all(|field| {
            let field = field.trim_ascii();
            let number = field.len() <= 3 && field.iter().all(u8::is_ascii_digit);
            let inner = field
                .strip_prefix(b"\"")
                .and_then(|inner| inner.strip_suffix(b"\""));
            number || inner.is_some_and(fixed::is_quoted)
        })
}

/// Area codes and cells say where the library is: fields of three characters and more.
fn mask_cells(values: &mut [u8]) {
    for field in values.split_mut(|octet| *octet == b',') {
        let field = trimmed(field);
        if field.len() > 2 {
            for octet in field {
                *octet = match *octet {
                    octet @ (b'"' | b'(' | b')' | b'-') => octet,
                    _ => b'0',
                };
            }
        }
    }
}

fn mask_letters_outside_quotes(values: &mut [u8]) {
    for (at, part) in values.split_mut(|octet| *octet == b'"').enumerate() {
        if at % 2 == 0 {
            for octet in part {
                if octet.is_ascii_alphabetic() || !octet.is_ascii() {
                    *octet = WORD;
                }
            }
        }
    }
}

/// Without the white space around it.
pub(super) fn trimmed(text: &mut [u8]) -> &mut [u8] {
    let start = text.len() - text.trim_ascii_start().len();
    let length = text.trim_ascii().len();
    &mut text[start..start + length]
}

/// A PIN's or a code's character: marks stay.
fn masked_code(octet: u8) -> u8 {
    match octet {
        b'"' | b',' | b'=' | b'*' | b'#' | b'+' | b';' => octet,
        b'0'..=b'9' => b'0',
        _ => WORD,
    }
}

/// Whether all are hexadecimal digits, and at least so many.
fn is_hex(text: &[u8], least: usize) -> bool {
    text.len() >= least && text.iter().all(u8::is_ascii_hexdigit)
}

fn value_of(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
    }
}

fn digit_of(value: u8, lower: bool) -> u8 {
    match value {
        0..=9 => b'0' + value,
        _ if lower => b'a' + value - 10,
        _ => b'A' + value - 10,
    }
}
