//! What a modem said, as a script: what it answered to which command, and what it said unasked.

use std::time::Duration;

/// Octets that went one way at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// Since the beginning.
    pub at: Duration,
    /// What happened then.
    pub what: What,
}

/// What happened on the port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The program said this.
    Asked(Vec<u8>),
    /// The modem said this.
    Said(Vec<u8>),
    /// The port was closed: an answer that was due did not come.
    Closed,
}

/// One step of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Say this, so long after the step before.
    Say(Duration, Vec<u8>),
    /// Wait for the program's text and its Ctrl-Z or ESC.
    Hear,
}

/// A command and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Exchange {
    /// The command line, without its end.
    pub(super) command: String,
    /// When it was asked.
    pub(super) at: Duration,
    pub(super) steps: Vec<Step>,
    /// Whether a final result code ended it.
    pub(super) answered: bool,
}

/// Something said unasked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unasked {
    pub(super) at: Duration,
    /// The exchange before it, and how long after that one's end it came.
    pub(super) after: Option<(usize, Duration)>,
    pub(super) octets: Vec<u8>,
}

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    pub(super) exchanges: Vec<Exchange>,
    pub(super) unasked: Vec<Unasked>,
}

impl Script {
    /// Reads moments in order.
    pub fn new(moments: &[Moment]) -> Self {
        let mut reader = Reader::default();
        for moment in moments {
            match &moment.what {
                What::Asked(octets) => reader.asked(octets, moment.at),
                What::Said(octets) => reader.said(octets, moment.at),
                What::Closed => reader.open = None,
            }
        }
        reader.script
    }

    /// How many commands it has an answer to.
    pub fn commands(&self) -> usize {
        self.exchanges.len()
    }
}

#[derive(Default)]
struct Reader {
    script: Script,
    /// The exchange that has no final result code yet.
    open: Option<usize>,
    /// When that one's last step was, or the last one's end.
    since: Duration,
    /// Said in the open exchange since the program last spoke.
    answer: Vec<u8>,
    lines: CommandLines,
}

impl Reader {
    fn asked(&mut self, octets: &[u8], at: Duration) {
        for octet in octets {
            match self.lines.octet(*octet) {
                Some(Typed::Command(command)) => {
                    self.script.exchanges.push(Exchange {
                        command,
                        at,
                        steps: Vec::new(),
                        answered: false,
                    });
                    self.open = Some(self.script.exchanges.len() - 1);
                    self.answer.clear();
                    self.since = at;
                }
                Some(Typed::Payload) => {
                    if let Some(exchange) = self.open_exchange() {
                        exchange.steps.push(Step::Hear);
                    }
                    self.answer.clear();
                    self.since = at;
                }
                None => {}
            }
        }
    }

    fn said(&mut self, octets: &[u8], at: Duration) {
        let wait = at.saturating_sub(self.since);
        self.answer.extend_from_slice(octets);
        let answer = std::mem::take(&mut self.answer);
        let Some(exchange) = self.open_exchange() else {
            let before = self.script.exchanges.len().checked_sub(1);
            self.script.unasked.push(Unasked {
                at,
                after: before.map(|exchange| (exchange, wait)),
                octets: octets.to_vec(),
            });
            return;
        };
        exchange.steps.push(Step::Say(wait, octets.to_vec()));
        let ended = ends(&answer, &exchange.command);
        exchange.answered |= ended;
        if ended {
            self.open = None;
        } else {
            self.lines.awaits_payload = is_prompt(&answer);
            self.answer = answer;
        }
        self.since = at;
    }

    fn open_exchange(&mut self) -> Option<&mut Exchange> {
        self.script.exchanges.get_mut(self.open?)
    }
}

/// What a program types: command lines, and texts behind a prompt.
#[derive(Debug, Default)]
pub(super) struct CommandLines {
    line: Vec<u8>,
    /// The modem has said `>`.
    pub(super) awaits_payload: bool,
}

/// Something typed to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    Command(String),
    /// Up to Ctrl-Z, or given up with ESC.
    Payload,
}

/// The longest command line kept.
const LINE_MAX: usize = 1_024;

impl CommandLines {
    pub(super) fn octet(&mut self, octet: u8) -> Option<Typed> {
        match octet {
            0x1A | 0x1B => {
                self.line.clear();
                std::mem::take(&mut self.awaits_payload).then_some(Typed::Payload)
            }
            b'\r' | b'\n' if !self.awaits_payload => {
                let line = String::from_utf8_lossy(&std::mem::take(&mut self.line))
                    .trim()
                    .to_owned();
                (!line.is_empty()).then_some(Typed::Command(line))
            }
            _ => {
                if self.line.len() < LINE_MAX && !self.awaits_payload {
                    self.line.push(octet);
                }
                None
            }
        }
    }
}

/// Whether an answer ends in the prompt for a text (TS 27.005 §3.5.1).
pub(super) fn is_prompt(answer: &[u8]) -> bool {
    let answer = answer.trim_ascii_end();
    answer.ends_with(b"\n>") || answer.ends_with(b"\r>") || answer == b">"
}

/// Whether a final result code is in an answer (V.250 §5.7.1): then the next command may come.
fn ends(answer: &[u8], command: &str) -> bool {
    let whole = answer
        .iter()
        .rposition(|octet| matches!(octet, b'\r' | b'\n'))
        .and_then(|end| answer.get(..end))
        .unwrap_or_default();
    // `ATV0` has numbers in their place, until it is switched off.
    let may_be_numeric = ["AT", "ATE0", "ATV1", "ATE1", "ATZ"]
        .iter()
        .any(|known| command.eq_ignore_ascii_case(known));
    whole
        .split(|octet| matches!(octet, b'\r' | b'\n'))
        .map(<[u8]>::trim_ascii)
        .any(|line| match line {
            b"OK"
            | b"ERROR"
            | b"NO CARRIER"
            | b"NO ANSWER"
            | b"BUSY"
            | b"ABORTED"
            | b"COMMAND NOT SUPPORT"
            | b"TOO MANY PARAMETERS" => true,
            b"0" | b"4" => may_be_numeric,
            _ => line.starts_with(b"+CMS ERROR:") || line.starts_with(b"+CME ERROR:"),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(said: &[(u64, char, &str)]) -> Vec<Moment> {
        said.iter()
            .map(|(ms, way, octets)| Moment {
                at: Duration::from_millis(*ms),
                what: match way {
                    '>' => What::Asked(octets.as_bytes().to_vec()),
                    '<' => What::Said(octets.as_bytes().to_vec()),
                    _ => What::Closed,
                },
            })
            .collect()
    }

    #[test]
    fn answers_belong_to_commands_and_the_rest_was_unasked() {
        let script = Script::new(&moments(&[
            (0, '<', "\r\nRDY\r\n"),
            (10, '>', "\x1b\rAT\r"),
            (12, '<', "AT\r\r\nOK\r\n"),
            (50, '<', "\r\n+CMTI: \"SM\",1\r\n"),
            (60, '>', "AT+CMGS=20\r"),
            (61, '<', "\r\n>"),
            (62, '>', "00AA\x1a"),
            (70, '<', " \r\n+CMGS: 5\r\n"),
            (71, '<', "\r\nOK\r\n"),
            (80, '>', "AT+CSQ\r"),
            (90, '!', ""),
            (95, '<', "\r\nRDY\r\n"),
        ]));
        let commands: Vec<(&str, usize, bool)> = script
            .exchanges
            .iter()
            .map(|exchange| {
                let Exchange {
                    command,
                    steps,
                    answered,
                    ..
                } = exchange;
                (command.as_str(), steps.len(), *answered)
            })
            .collect();
        assert_eq!(
            commands,
            [
                ("AT", 1, true),
                ("AT+CMGS=20", 4, true),
                ("AT+CSQ", 0, false)
            ]
        );
        let say = |ms, octets: &str| Step::Say(Duration::from_millis(ms), octets.into());
        assert_eq!(
            script.exchanges[1].steps,
            [
                say(1, "\r\n>"),
                Step::Hear,
                say(8, " \r\n+CMGS: 5\r\n"),
                say(1, "\r\nOK\r\n")
            ]
        );
        let unasked: Vec<_> = script.unasked.iter().map(|unasked| unasked.after).collect();
        let after = |exchange, ms| Some((exchange, Duration::from_millis(ms)));
        assert_eq!(unasked, [None, after(0, 38), after(2, 15)]);
    }

    #[test]
    fn an_answer_ends_with_a_final_result_code() {
        for (answer, command, ended) in [
            ("\r\nOK\r\n", "AT", true),
            ("\r\nOK", "AT", false),
            ("0\r", "ATE0", true),
            ("0\r", "AT+CMGL=4", false),
            ("\r\n+CMS ERROR: 500\r\n", "AT+CMGS=20", true),
            ("\r\nOKAY\r\n", "AT", false),
            ("", "AT", false),
        ] {
            assert_eq!(ends(answer.as_bytes(), command), ended, "{answer:?}");
        }
    }
}
