//! How the firmware suffers: every [`Ailment`] at the place where it shows.

use std::time::{Duration, Instant};

use super::super::ailment::{Ailment, Corruption};
use super::{Firmware, Listening, Mem, Purpose, Terms};

/// Ailments at one time; a story has a handful.
const AILMENTS_MAX: usize = 64;

/// What is wrong now.
#[derive(Debug, Default)]
pub(super) struct Ailing {
    ailments: Vec<Ailment>,
    /// Slots that no listing shows yet.
    hidden: Vec<(Mem, usize, Instant)>,
    /// What befalls the command line under way.
    pub(super) line: LineFate,
}

/// What befalls one command line's response.
#[derive(Debug, Default)]
pub(super) struct LineFate {
    pub(super) is_mute: bool,
    pub(super) late_by: Option<Duration>,
    pub(super) code_inside: Option<String>,
}

/// Whether one of a line's commands begins so.
fn holds(line: &[String], command: &str) -> bool {
    line.iter().any(|written| written.starts_with(command))
}

impl Ailing {
    /// Takes one stroke of the first ailment that `strikes` gives a count for.
    fn stroke<T>(
        &mut self,
        mut strikes: impl FnMut(&mut Ailment) -> Option<(T, &mut u32)>,
    ) -> Option<T> {
        let mut spent = None;
        let mut struck = None;
        for (place, ailment) in self.ailments.iter_mut().enumerate() {
            if let Some((what, left)) = strikes(ailment) {
                if *left != u32::MAX {
                    *left = left.saturating_sub(1);
                }
                if *left == 0 {
                    spent = Some(place);
                }
                struck = Some(what);
                break;
            }
        }
        if let Some(place) = spent {
            self.ailments.remove(place);
        }
        struck
    }

    fn lasting<T>(&self, is_it: impl FnMut(&Ailment) -> Option<T>) -> Option<T> {
        self.ailments.iter().find_map(is_it)
    }

    /// Whether this line goes unheard.
    pub(super) fn is_deaf(&mut self) -> bool {
        self.stroke(|ailment| match ailment {
            Ailment::Deaf { lines } => Some(((), lines)),
            _ => None,
        })
        .is_some()
    }

    /// With what this line ends in place of being carried out.
    pub(super) fn refusal(&mut self, line: &[String]) -> Option<String> {
        if line.len() > 1 && self.ailments.contains(&Ailment::OneAtATime) {
            return Some("ERROR".to_owned());
        }
        self.stroke(|ailment| match ailment {
            Ailment::Refuses {
                command,
                result,
                times,
            } if holds(line, command) => Some((result.clone(), times)),
            _ => None,
        })
    }

    /// With what this line is answered in place of being carried out.
    pub(super) fn answer(&self, written: &[String]) -> Option<String> {
        self.lasting(|ailment| match ailment {
            Ailment::Answers { command, line } if holds(written, command) => Some(line.clone()),
            _ => None,
        })
    }

    /// One more code that nobody reads; `true` when that was one too many.
    pub(super) fn fills_second_port(&mut self) -> bool {
        self.ailments.iter_mut().any(|ailment| match ailment {
            Ailment::SecondPortFills { codes } => {
                *codes = codes.saturating_sub(1);
                *codes == 0
            }
            _ => false,
        })
    }

    /// A line begins to be carried out.
    pub(super) fn begin_line(&mut self, line: &[String]) {
        let is_mute = self.stroke(|ailment| match ailment {
            Ailment::Mute { command, times } if holds(line, command) => Some(((), times)),
            _ => None,
        });
        let lacks_ok = self.ailments.iter().any(|ailment| match ailment {
            Ailment::LacksOk { command } => {
                line.last().is_some_and(|last| last.starts_with(command))
            }
            _ => false,
        });
        let late_by = self.stroke(|ailment| match ailment {
            Ailment::Late { command, by, times } if holds(line, command) => Some((*by, times)),
            _ => None,
        });
        let code_inside = self.stroke(|ailment| match ailment {
            Ailment::Interjects {
                command,
                code,
                times,
            } if holds(line, command) => Some((code.clone(), times)),
            _ => None,
        });
        self.line = LineFate {
            is_mute: is_mute.is_some() || lacks_ok,
            late_by,
            code_inside,
        };
    }

    pub(super) fn is_promptless(&mut self) -> bool {
        self.stroke(|ailment| match ailment {
            Ailment::Promptless { times } => Some(((), times)),
            _ => None,
        })
        .is_some()
    }

    /// Whether an arriving text is dropped.
    pub(super) fn drops_text(&mut self) -> bool {
        self.stroke(|ailment| match ailment {
            Ailment::Drops { texts } => Some(((), texts)),
            _ => None,
        })
        .is_some()
    }

    /// Whether a text that the terminal gave is lost.
    pub(super) fn swallows_text(&mut self) -> bool {
        self.stroke(|ailment| match ailment {
            Ailment::Swallows { texts } => Some(((), texts)),
            _ => None,
        })
        .is_some()
    }

    /// With what code a text that was sent is refused.
    pub(super) fn lie(&mut self) -> Option<u16> {
        self.stroke(|ailment| match ailment {
            Ailment::Lies { code, texts } => Some((*code, texts)),
            _ => None,
        })
    }

    /// What any USSD code is answered with.
    pub(super) fn ussd(&self) -> Option<String> {
        self.lasting(|ailment| match ailment {
            Ailment::UssdSays(line) => Some(line.clone()),
            _ => None,
        })
    }

    pub(super) fn is_unannounced(&self) -> bool {
        self.ailments.contains(&Ailment::Unannounced)
    }

    /// The memory that indications name.
    pub(super) fn misname(&self) -> Option<String> {
        self.lasting(|ailment| match ailment {
            Ailment::Misnames(name) => Some(name.clone()),
            _ => None,
        })
    }

    /// The memory that texts are stored into.
    pub(super) fn detour(&self) -> Option<Mem> {
        self.lasting(|ailment| match ailment {
            Ailment::StoresInto(name) => Mem::named(name),
            _ => None,
        })
    }

    /// How many messages it claims to hold.
    pub(super) fn miscount(&self) -> Option<usize> {
        self.lasting(|ailment| match ailment {
            Ailment::Miscounts(count) => Some(*count),
            _ => None,
        })
    }

    /// How many memories `+CPMS=` insists on.
    pub(super) fn memories(&self) -> Option<usize> {
        self.lasting(|ailment| match ailment {
            Ailment::Memories(count) => Some(*count),
            _ => None,
        })
    }

    /// A message was stored: from when on it is listed.
    pub(super) fn stored(&mut self, mem: Mem, index: usize, by: Option<Duration>, now: Instant) {
        self.hidden.retain(|(_, _, until)| *until > now);
        let late = self.lasting(|ailment| match ailment {
            Ailment::ListsLate(by) => Some(*by),
            _ => None,
        });
        if let Some(by) = late.or(by)
            && self.hidden.len() < AILMENTS_MAX
        {
            self.hidden.push((mem, index, now + by));
        }
    }

    pub(super) fn hides(&self, mem: Mem, index: usize, now: Instant) -> bool {
        self.hidden
            .iter()
            .any(|(hidden, at, until)| (*hidden, *at) == (mem, index) && *until > now)
    }

    pub(super) fn has_no_places(&self, mem: Mem) -> bool {
        self.names(mem, |ailment| match ailment {
            Ailment::NoPlaces(name) => Some(name.as_str()),
            _ => None,
        })
    }

    pub(super) fn shows_none(&self, mem: Mem) -> bool {
        self.names(mem, |ailment| match ailment {
            Ailment::ShowsNone(name) => Some(name.as_str()),
            _ => None,
        })
    }

    fn names(&self, mem: Mem, named: impl Fn(&Ailment) -> Option<&str>) -> bool {
        self.ailments
            .iter()
            .filter_map(named)
            .any(|name| name == mem.name())
    }

    pub(super) fn stays_in_text_mode(&self) -> bool {
        self.ailments.contains(&Ailment::TextModeStays)
    }

    /// The only character set there is.
    pub(super) fn charset(&self) -> Option<&'static str> {
        self.lasting(|ailment| match ailment {
            Ailment::Charset(name) => Some(*name),
            _ => None,
        })
    }

    /// After how much silence the port sleeps.
    pub(super) fn sleeps_after(&self) -> Option<Duration> {
        self.lasting(|ailment| match ailment {
            Ailment::Sleeps(after) => Some(*after),
            _ => None,
        })
    }

    pub(super) fn is_first_alone(&self) -> bool {
        self.ailments.contains(&Ailment::FirstAlone)
    }

    /// How the entry at `index` comes, in a listing or when `read` alone.
    pub(super) fn corruption(&self, index: usize, read: bool) -> Option<Corruption> {
        self.lasting(|ailment| match ailment {
            Ailment::Corrupt {
                index: broken,
                how,
                when_read,
            } if *broken == index && (!read || *when_read) => Some(*how),
            _ => None,
        })
    }
}

impl Firmware {
    pub(crate) fn suffer(&mut self, ailment: Ailment, now: Instant) {
        self.now = now;
        match ailment {
            Ailment::Silent(duration) => {
                self.silent_until = Some(now + duration);
                self.input.clear();
            }
            Ailment::InDataMode => {
                self.listening = Listening::Prompt {
                    purpose: Purpose::SendPdu { length: 24 },
                    text: Vec::new(),
                };
            }
            Ailment::Forgetful => {
                self.terms = Terms {
                    verbose: false,
                    text_mode: true,
                    ..Terms::of(self.profile)
                };
            }
            Ailment::FallsBack => {
                self.terms.text_mode = true;
                self.terms.indications = [2, 2, 0, 0, 0];
            }
            Ailment::TextModeStays => {
                self.terms.text_mode = true;
                self.keep_ailment(ailment);
            }
            Ailment::Charset(name) => {
                self.terms.charset = name;
                self.keep_ailment(ailment);
            }
            Ailment::SimAsleep => self.sim.asleep = true,
            Ailment::Brownout(duration) => self.brown_out(duration),
            Ailment::Refuses { .. }
            | Ailment::Answers { .. }
            | Ailment::SecondPortFills { .. }
            | Ailment::Mute { .. }
            | Ailment::Late { .. }
            | Ailment::Interjects { .. }
            | Ailment::Deaf { .. }
            | Ailment::Promptless { .. }
            | Ailment::Swallows { .. }
            | Ailment::Lies { .. }
            | Ailment::UssdSays(_)
            | Ailment::Corrupt { .. }
            | Ailment::ListsLate(_)
            | Ailment::Unannounced
            | Ailment::Misnames(_)
            | Ailment::StoresInto(_)
            | Ailment::Drops { .. }
            | Ailment::OneAtATime
            | Ailment::Miscounts(_)
            | Ailment::Memories(_)
            | Ailment::NoPlaces(_)
            | Ailment::ShowsNone(_)
            | Ailment::LacksOk { .. }
            | Ailment::Sleeps(_)
            | Ailment::FirstAlone => self.keep_ailment(ailment),
        }
    }

    fn keep_ailment(&mut self, ailment: Ailment) {
        if self.ailing.ailments.len() < AILMENTS_MAX {
            self.ailing.ailments.push(ailment);
        }
    }

    pub(crate) fn recover(&mut self) {
        self.ailing = Ailing::default();
        self.silent_until = None;
    }

    /// An entry of a listing, whole or as its ailment has it.
    pub(super) fn entry(&mut self, header: &str, hex: &str, corruption: Option<Corruption>) {
        let line = match corruption {
            None => format!("{header}\r\n{hex}"),
            Some(Corruption::Cut) => {
                format!(
                    "{header}\r\n{}",
                    hex.get(..hex.len() / 2).unwrap_or_default()
                )
            }
            Some(Corruption::DigitLost) => {
                format!("{header}\r\n{}", hex.get(1..).unwrap_or_default())
            }
            Some(Corruption::Noise) => format!("{header}\r\n~\u{7f}{hex}?!"),
            Some(Corruption::Header) => format!("+CM#L: ;;\r\n{hex}"),
            Some(Corruption::Bodiless) => header.to_owned(),
            Some(Corruption::RunsOn) => format!("{header}\r\n{hex}"),
        };
        self.info(line);
        if corruption == Some(Corruption::RunsOn) {
            let end = self.response.len().saturating_sub(2);
            self.response.truncate(end);
        }
    }
}
