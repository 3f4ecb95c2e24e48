//! How the line stands: who it is, whether a network has it, how strong the signal is. Learnt from
//! every reply, whoever asked for it.

use std::time::{Duration, Instant};

use super::setup::TEXT_MODE_STAYS;
use super::{Session, Stage, TEXT_MODE_MAX};
use crate::at::{Command, Domain, Outcome, Reply, response};
use crate::modem::mailbox::{Hearing, fill_of};
use crate::modem::recovery::NETWORK_PATIENCE;
use crate::modem::{Phase, Registration};

/// How often registration is asked for while there is none.
const SEARCH_EVERY: Duration = Duration::from_secs(2);

/// How long a line may search for a network before that is said to be a trouble.
const SEARCH_PATIENCE: Duration = Duration::from_secs(60);

/// How long a line searches until its radio is looked at.
const RADIO_PATIENCE: Duration = Duration::from_secs(20);

/// Levels of `+CFUN` at which no network is looked for: least, flight, offline (TS 27.007 §8.2 and
/// Qualcomm's own). Others are full power under a maker's number.
const RADIO_OFF: [u32; 3] = [0, 4, 7];

/// How long no text can be read until more than a setup is tried.
const DEAF_PATIENCE: Duration = Duration::from_secs(60);

/// What one domain said when asked whether the line is registered with it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Answer {
    #[default]
    NotAsked,
    Refused,
    State(u8),
}

impl Session {
    /// Asks for what changes: registration first, for sending waits on it.
    pub(super) fn look_around(&mut self, now: Instant) {
        self.judge_registration(now);
        // Ready or about to be: what is to be heard is the storage's affair.
        let is_ready = self.is_registered();
        let wait = if is_ready {
            self.settings.sweep_every
        } else {
            SEARCH_EVERY
        };
        self.look_around_at = now + wait;
        for domain in Domain::ALL {
            // A domain that refused once may have no such command, or a modem that was busy; a good
            // one is enough.
            let settled = is_ready
                && (self.registrations[domain as usize] == Answer::Refused
                    || (domain != Domain::Circuit && self.is_registered_by(Domain::Circuit)));
            if !settled {
                self.run_errand(Command::Registration(domain));
            }
        }
        self.run_errand(Command::Signal);
        if is_ready {
            // A SIM that is pulled out is not always announced.
            self.run_errand(Command::PinState);
            self.run_errand(Command::Operator);
            self.run_errand(Command::StorageRead);
            // What a modem that forgot its settings shows in no other way.
            self.run_errand(Command::ModeRead);
            self.run_errand(Command::IndicationRead);
        } else if self.is_searching(now) {
            self.run_errand(Command::FunctionalityRead);
        }
    }

    /// Whether no network has had the line for a while: then the radio is looked at too.
    fn is_searching(&self, now: Instant) -> bool {
        let since = self.searching_since;
        since.is_some_and(|since| now >= since + RADIO_PATIENCE) || self.radio_off.is_some()
    }

    /// Keeps what a reply tells about the line, whoever asked.
    pub(super) fn learn(&mut self, reply: &Reply, now: Instant) {
        let line = reply.lines.first().map(String::as_str);
        if let Command::Registration(domain) = reply.command
            && let Outcome::Final(_) = reply.outcome
        {
            let state = line.and_then(|line| response::registration(line, domain));
            self.registrations[domain as usize] = state.map_or(Answer::Refused, Answer::State);
        }
        if !reply.is_ok() {
            return;
        }
        let words = || line.map(|line| response::bare(line).to_owned());
        let digits = || line.map(response::digits);
        let status = &mut self.status;
        match &reply.command {
            Command::Manufacturer => status.manufacturer = words(),
            Command::Model => status.model = words(),
            Command::Revision => {
                let revision = words();
                status.revision =
                    revision.map(|words| words.trim_start_matches("Revision:").trim().to_owned());
            }
            Command::SerialNumber => status.imei = digits(),
            Command::Subscriber => status.imsi = digits(),
            Command::Card(_) => status.iccid = digits(),
            Command::PinTries(_) => {
                let mut lines = reply.lines.iter();
                status.pin_tries_left = lines.find_map(|line| response::pin_tries(line));
            }
            Command::OwnNumber => {
                status.own_number = reply
                    .lines
                    .iter()
                    .find_map(|line| response::own_number(line));
            }
            Command::Operator => status.operator = line.and_then(response::operator),
            Command::ServiceCentre => {
                status.smsc = line
                    .and_then(response::service_centre)
                    .filter(|number| !number.is_empty());
                self.smsc_missing = status.smsc.is_none();
                if self.smsc_missing
                    && let Some(number) = self.settings.smsc.clone()
                {
                    self.errands.push_back(Command::SetServiceCentre {
                        number,
                        in_ucs2: self.in_ucs2,
                    });
                }
                self.show_ladder(now);
            }
            Command::SetServiceCentre { number, .. } => {
                status.smsc = Some(number.clone());
                self.smsc_missing = false;
                self.show_ladder(now);
            }
            Command::FunctionalityRead => {
                let level = line.and_then(response::setting);
                self.radio_off = level.filter(|level| RADIO_OFF.contains(level));
            }
            Command::ModeRead if line.and_then(response::setting) == Some(1) => {
                self.settings_lost(now);
            }
            Command::IndicationRead => {
                if let Some(set) = line.and_then(response::indications) {
                    // How a modem shows what was just set is its own affair; what counts is change.
                    let before = *self.indications.get_or_insert(set);
                    if before[..2] != set[..2] {
                        self.settings_lost(now);
                    }
                }
            }
            Command::Signal => status.signal_dbm = line.and_then(response::signal_dbm),
            Command::StorageRead | Command::StorageSet(_) => {
                let mut fills = reply.lines.iter().flat_map(|line| response::storage(line));
                if reply.command == Command::StorageRead
                    && let Some(read) = fills.next().and_then(|fill| fill.memory)
                {
                    self.mailbox.reads(&read);
                }
                if let Some((used, total)) = fill_of(&reply.lines) {
                    let was_filling = status.storage_is_filling();
                    status.storage_used = Some(used);
                    status.storage_total = Some(total);
                    if status.storage_is_filling() && self.stage == Stage::Running {
                        if !was_filling {
                            tracing::warn!(
                                used,
                                total,
                                "the modem's storage fills up: once it is full, no text arrives"
                            );
                        }
                        // Whatever is there and was not found where texts should lie.
                        self.mailbox.sweep_all();
                    }
                }
            }
            _ => {}
        }
    }

    /// Whether any network has the line, or the modem cannot tell: then the network decides.
    fn is_registered(&self) -> bool {
        self.registrations == [Answer::Refused; Domain::ALL.len()]
            || Domain::ALL
                .iter()
                .any(|domain| self.is_registered_by(*domain))
    }

    pub(super) fn is_registered_by(&self, domain: Domain) -> bool {
        matches!(
            self.registrations[domain as usize],
            Answer::State(1 | 5 | 6 | 7 | 9 | 10)
        )
    }

    /// Whether the line is ready, from what every domain said (TS 27.007 §7.2): texts go through
    /// any of them, and a network that hides one still takes them through another.
    pub(super) fn judge_registration(&mut self, now: Instant) {
        if self.stage != Stage::Running {
            return;
        }
        let is_good = Domain::ALL
            .iter()
            .any(|domain| self.is_registered_by(*domain));
        let has = |state| self.registrations.contains(&Answer::State(state));
        self.status.registration = if is_good {
            // 5, 7 and 10 are abroad.
            if has(1) || has(6) || has(9) {
                Registration::Home
            } else {
                Registration::Roaming
            }
        } else if has(3) {
            Registration::Denied
        } else if has(2) {
            Registration::Searching
        } else if has(0) || has(11) {
            Registration::None
        } else {
            Registration::Unknown
        };
        // A modem that answers none of them cannot tell: try, and let the network decide.
        let cannot_tell = self.registrations == [Answer::Refused; Domain::ALL.len()];
        if is_good || cannot_tell {
            self.searching_since = None;
            self.judge_hearing(now);
            return;
        }
        let was_ready = self.status.phase == Phase::Ready;
        let since = *self.searching_since.get_or_insert(now);
        if was_ready {
            self.look_around_at = now + SEARCH_EVERY;
        }
        self.status.phase = if let Some(level) = self.radio_off {
            Phase::Stuck(format!(
                "the modem's radio is off and stays off, whatever it is told (+CFUN: {level}): look for \
                 a flight switch or a lock of the maker's, and power the modem off and on"
            ))
        } else if self.status.registration == Registration::Denied {
            Phase::Stuck(
                "the network refuses this SIM: try it in a phone, and ask the carrier whether it \
                 is active and allows this modem"
                    .into(),
            )
        } else if now >= since + SEARCH_PATIENCE {
            Phase::Stuck(
                "no network found: check the antenna, and that the carrier still serves what this \
                 modem speaks"
                    .into(),
            )
        } else {
            Phase::Starting
        };
        if now >= since + NETWORK_PATIENCE {
            self.no_network(now);
        }
    }
    /// The one place where a line becomes ready, or stays so: a network has it, and the memory that
    /// texts arrive in has places and was listed in PDU mode lately.
    fn judge_hearing(&mut self, now: Instant) {
        let hearing = match self.text_mode_listings >= TEXT_MODE_MAX {
            true => Hearing::Deaf(TEXT_MODE_STAYS.to_owned()),
            false => self.mailbox.hearing(now),
        };
        match hearing {
            Hearing::Well => {
                self.deaf_since = None;
                self.status.phase = Phase::Ready;
            }
            Hearing::NotYet => self.status.phase = Phase::Starting,
            Hearing::Deaf(words) => {
                let phase = Phase::Stuck(words);
                if self.status.phase != phase {
                    if let Phase::Stuck(words) = &phase {
                        tracing::warn!("{words}");
                    }
                    self.status.phase = phase;
                    self.look_around_at = self.look_around_at.min(now + SEARCH_EVERY);
                }
                self.deaf(now);
            }
        }
        self.show_ladder(now);
    }

    /// No text can be read: a setup, and where that has not helped the ladder.
    pub(super) fn deaf(&mut self, now: Instant) {
        let since = *self.deaf_since.get_or_insert(now);
        if now >= since + DEAF_PATIENCE {
            self.deaf_since = Some(now);
            self.cannot_hear(now);
        }
    }
}
