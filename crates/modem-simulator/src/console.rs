//! The lines by which a person, a script or a phone page drives the modem: a command a line, and for
//! each one line of answer or several.

use super::air::{self, Address};
use super::faults::Faults;
use super::simulated_modem::{Parts, SimulatedModem};

/// What `help` says.
const HELP: &str = "\
text NUMBER WORDS     a patron texts; \\n in the words is a new line
shuffled NUMBER WORDS the same, its parts out of order
pdu HEX               a PDU arrives as it is
sent                  texts that left the modem
submissions           segments that left, with their message references
stored                what lies in the memories
waiting               how many PDUs the network could not hand over
report N STATUS       a status report for segment N, STATUS in decimal
ring NUMBER           someone calls
signal 0-31           signal strength
registration 0-10     <stat> of +CREG
latency MS            how long a send takes
fail CODE…            refuse the next sends with these +CMS ERROR codes
hold                  take the next send and never answer
faults RATE [SEED]    things go wrong at RATE (0 to 1)
unplug | replug       the port goes away, comes back
reboot                power off and on
port                  where it is
help | quit";

/// What a line led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It was done; these words, perhaps none.
    Done(String),
    /// It was not understood or not possible; why.
    Not(String),
    /// The simulation is to end.
    Quit,
}

impl Answer {
    /// The answer as a script reads it: `ok`, or `error:` and why; a longer answer has its lines
    /// first.
    pub fn as_lines(&self) -> String {
        match self {
            Self::Done(words) if words.is_empty() => "ok\n".to_owned(),
            Self::Done(words) => format!("{words}\nok\n"),
            Self::Not(why) => format!("error: {why}\n"),
            Self::Quit => "ok\n".to_owned(),
        }
    }
}

/// The console of one modem.
#[derive(Debug, Clone, Copy)]
pub struct Console<'a> {
    modem: &'a SimulatedModem,
}

impl<'a> Console<'a> {
    /// A console for this modem.
    pub fn new(modem: &'a SimulatedModem) -> Self {
        Self { modem }
    }

    /// Carries out one line.
    pub async fn obey(&self, line: &str) -> Answer {
        let line = line.trim();
        let (verb, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        match self.carry_out(verb, rest).await {
            Ok(_) if verb == "quit" => Answer::Quit,
            Ok(words) => Answer::Done(words),
            Err(why) => Answer::Not(why),
        }
    }

    async fn carry_out(&self, verb: &str, rest: &str) -> Result<String, String> {
        let modem = self.modem;
        let done = Ok(String::new());
        match verb {
            "" | "quit" => done,
            "help" => Ok(HELP.to_owned()),
            "text" | "shuffled" => {
                let (from, words) = rest
                    .split_once(char::is_whitespace)
                    .ok_or("say a number, then the words")?;
                let parts = Parts {
                    shuffle: (verb == "shuffled").then_some(1),
                    ..Parts::default()
                };
                let ids = modem
                    .deliver_parts(from, &unescaped(words), &parts)
                    .map_err(|error| error.to_string())?;
                Ok(format!("{} PDU(s) on the way", ids.len()))
            }
            "pdu" => match modem.deliver_pdu(rest) {
                Ok(Some(_)) => done,
                Ok(None) => Err("that is not hexadecimal".to_owned()),
                Err(error) => Err(error.to_string()),
            },
            "sent" => {
                Ok(lines(modem.sent().iter().map(|text| {
                    format!("{} {}", text.to, escaped(&text.text))
                })))
            }
            "submissions" => Ok(lines(modem.submissions().iter().map(|taken| {
                format!(
                    "{} {} reference {} {}",
                    taken.number,
                    taken.to,
                    taken.message_reference,
                    air::to_hex(&taken.tpdu)
                )
            }))),
            "stored" => Ok(lines(modem.stored().iter().map(|message| {
                format!(
                    "{} {} {} {}",
                    message.memory,
                    message.index,
                    message.status.words(),
                    air::to_hex(&message.pdu)
                )
            }))),
            "waiting" => Ok(modem.waiting().to_string()),
            "report" => {
                let (number, status) = rest.split_once(' ').unwrap_or((rest, "0"));
                match modem.report(parsed(number)?, parsed(status)?) {
                    Ok(true) => done,
                    Ok(false) => Err(format!("there is no segment {number}: see `submissions`")),
                    Err(error) => Err(error.to_string()),
                }
            }
            "ring" if !Address::new(rest).is_name() => {
                modem.call(rest);
                done
            }
            "signal" => {
                modem.set_signal(parsed(rest)?);
                done
            }
            "registration" => {
                modem.set_registration(parsed(rest)?);
                done
            }
            "latency" => {
                modem.set_send_latency(std::time::Duration::from_millis(parsed(rest)?));
                done
            }
            "fail" => {
                let codes: Result<Vec<u16>, String> = rest.split_whitespace().map(parsed).collect();
                modem.fail_next_sends(&codes?);
                done
            }
            "hold" => {
                modem.hold_result_of_next_send();
                done
            }
            "faults" => {
                let (rate, seed) = rest.split_once(' ').unwrap_or((rest, "1"));
                modem.set_faults(Faults::everything(parsed(seed)?, parsed(rate)?));
                done
            }
            "unplug" => {
                modem.unplug().await;
                done
            }
            "replug" => {
                let port = modem.replug().await.map_err(|error| error.to_string())?;
                Ok(port.display().to_string())
            }
            "reboot" => {
                modem.power_cycle();
                done
            }
            "port" => match modem.port() {
                port if port.as_os_str().is_empty() => {
                    Err("it is unplugged: `replug` brings it back".to_owned())
                }
                port => Ok(port.display().to_string()),
            },
            other => Err(format!("`{other}` is not known: try `help`")),
        }
    }
}

fn parsed<T: std::str::FromStr>(word: &str) -> Result<T, String> {
    word.trim()
        .parse()
        .map_err(|_| format!("`{word}` is not a number that fits here"))
}

fn lines(all: impl Iterator<Item = String>) -> String {
    all.collect::<Vec<_>>().join("\n")
}

/// One line for one text.
fn escaped(words: &str) -> String {
    words
        .replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
}

fn unescaped(words: &str) -> String {
    let mut text = String::with_capacity(words.len());
    let mut letters = words.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            text.push(letter);
            continue;
        }
        match letters.next() {
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some(other) => text.push(other),
            None => text.push('\\'),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_on_its_line() {
        for text in ["", "plain", "two\nlines", "a \\ and \\n", "\r\n"] {
            assert_eq!(unescaped(&escaped(text)), text);
            assert!(!escaped(text).contains('\n'));
        }
    }
}
