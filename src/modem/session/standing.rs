//! How the line stands: who it is, whether a network has it, how strong the signal is. Learnt from
//! every reply, whoever asked for it.

use std::time::{Duration, Instant};

use super::{Session, Stage};
use crate::at::{Command, Domain, Outcome, Reply, response};
use crate::modem::mailbox::fill_of;
use crate::modem::recovery::NETWORK_PATIENCE;
use crate::modem::{Phase, Registration};

/// How often registration is asked for while there is none.
const SEARCH_EVERY: Duration = Duration::from_secs(2);

/// How long a line may search for a network before that is said to be a trouble.
const SEARCH_PATIENCE: Duration = Duration::from_secs(60);

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
        let is_ready = self.status.phase == Phase::Ready;
        let wait = if is_ready {
            self.settings.sweep_every
        } else {
            SEARCH_EVERY
        };
        self.look_around_at = now + wait;
        self.judge_registration(now);
        for domain in [Domain::Circuit, Domain::Packet, Domain::Evolved] {
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
        }
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
                    self.errands.push_back(Command::SetServiceCentre(number));
                }
                self.show_ladder(now);
            }
            Command::SetServiceCentre(number) => {
                status.smsc = Some(number.clone());
                self.smsc_missing = false;
                self.show_ladder(now);
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
        let domains = [Domain::Circuit, Domain::Packet, Domain::Evolved];
        let is_good = domains.iter().any(|domain| self.is_registered_by(*domain));
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
        // A modem that answers none of the three cannot tell: try, and let the network decide.
        let cannot_tell = self.registrations == [Answer::Refused; 3];
        if is_good || cannot_tell {
            self.searching_since = None;
            self.status.phase = Phase::Ready;
            return;
        }
        let was_ready = self.status.phase == Phase::Ready;
        let since = *self.searching_since.get_or_insert(now);
        if was_ready {
            self.look_around_at = now + SEARCH_EVERY;
        }
        self.status.phase = if self.status.registration == Registration::Denied {
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
}
