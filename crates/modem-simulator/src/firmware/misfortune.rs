//! Random faults that befall a command line or an arriving text: see [`Faults`].
//!
//! [`Faults`]: super::super::Faults

use std::time::{Duration, Instant};

use super::super::ailment::Corruption;
use super::super::faults::Kind;
use super::{Firmware, Listening, Purpose, Terms};

/// With what a command is refused for no reason, in every spelling there is.
const RESULTS: [&str; 14] = [
    "ERROR",
    "+CMS ERROR: 500",
    "+CMS ERROR: Unknown error",
    "+CMS ERROR: 302",
    "+CMS ERROR: 314",
    "+CMS ERROR: 320",
    "+CMS ERROR: 331",
    "+CMS ERROR: 38",
    "+CMS ERROR: SIM busy",
    "+CME ERROR: 14",
    "+CME ERROR: 100",
    "+CME ERROR: SIM busy",
    "COMMAND NOT SUPPORT",
    "TOO MANY PARAMETERS",
];

/// The most octets that another reader takes at once.
const STOLEN_MAX: usize = 64;

/// What comes back by itself, and when.
#[derive(Debug, Default)]
pub(super) struct Comebacks {
    /// The network, with this registration.
    pub(super) network: Option<(Instant, u8)>,
    pub(super) sim: Option<Instant>,
}

impl Comebacks {
    pub(super) fn next(&self) -> Option<Instant> {
        let network = self.network.map(|(at, _)| at);
        [network, self.sim].into_iter().flatten().min()
    }
}

impl Firmware {
    fn for_pauses(&self, count: u32) -> Duration {
        self.fate.faults().pause.saturating_mul(count)
    }

    /// What befalls a command line before it is carried out; `true` when it is not.
    pub(super) fn misfortune(&mut self) -> bool {
        if self.fate.strikes(Kind::HangUp) {
            let (at, pause) = (self.now, self.fate.faults().pause);
            self.drop_port_at(at, pause);
            return true;
        }
        if self.fate.strikes(Kind::Restart) {
            self.restart(self.now);
            return true;
        }
        if self.fate.strikes(Kind::Brownout) {
            self.brown_out(self.for_pauses(5));
            return true;
        }
        if self.fate.strikes(Kind::Silence) {
            self.silent_until = Some(self.now + self.fate.faults().pause);
            self.input.clear();
            return true;
        }
        if self.fate.strikes(Kind::DataMode) {
            self.listening = Listening::Prompt {
                purpose: Purpose::SendPdu { length: 24 },
                text: Vec::new(),
            };
            return true;
        }
        if self.fate.strikes(Kind::Deaf) {
            return true;
        }
        if self.fate.strikes(Kind::Forgets) {
            self.terms = Terms::of(self.profile);
        }
        if self.fate.strikes(Kind::TextMode) {
            self.terms.text_mode = true;
        }
        if self.fate.strikes(Kind::Unregistered) && self.comebacks.network.is_none() {
            let back = self.now + self.for_pauses(10);
            self.comebacks.network = Some((back, self.radio.registration));
            self.set_registration(2);
        }
        if self.fate.strikes(Kind::SimGone) && self.comebacks.sim.is_none() {
            self.comebacks.sim = Some(self.now + self.for_pauses(5));
            self.sim.inserted = false;
        }
        if self.fate.strikes(Kind::Call) {
            self.call("+15550177000");
        }
        if self.fate.strikes(Kind::Refused) {
            let place = self.fate.pick(Kind::Refused, RESULTS.len());
            let result = RESULTS.get(place).copied().unwrap_or("ERROR");
            self.refuse_with(result);
            return true;
        }
        false
    }

    /// A warning, and then no supply for so long (SIM800 spells it so).
    pub(super) fn brown_out(&mut self, duration: Duration) {
        self.code(b"UNDER-VOLTAGE WARNNING");
        let said = std::mem::take(&mut self.out);
        let octets = self.out_octets;
        self.restart(self.now);
        let after = std::mem::replace(&mut self.out, said);
        self.out.extend(after);
        self.out_octets += octets;
        self.boots_at = Some(self.now + duration);
        if self.profile.restart_drops_port {
            let at = self.now + super::FAREWELL;
            self.drop_port_at(at, duration);
        }
    }

    /// What went comes back in its time.
    pub(super) fn come_back(&mut self) {
        let now = self.now;
        if let Some((_, registration)) = self.comebacks.network.take_if(|(at, _)| *at <= now) {
            self.set_registration(registration);
        }
        if self.comebacks.sim.take_if(|at| *at <= now).is_some() {
            self.sim.inserted = true;
        }
    }

    /// How a listed entry comes broken, if it does.
    pub(super) fn broken_entry(&mut self) -> Option<Corruption> {
        const HOW: [Corruption; 6] = [
            Corruption::Cut,
            Corruption::DigitLost,
            Corruption::Noise,
            Corruption::Header,
            Corruption::Bodiless,
            Corruption::RunsOn,
        ];
        if !self.fate.strikes(Kind::Corrupt) {
            return None;
        }
        let place = self.fate.pick(Kind::Corrupt, HOW.len());
        HOW.get(place).copied()
    }

    /// Another reader takes a run of octets out of a response.
    pub(super) fn steal_from(&mut self, response: &mut Vec<u8>) {
        if response.is_empty() || !self.fate.strikes(Kind::Stolen) {
            return;
        }
        let from = self.fate.pick(Kind::Stolen, response.len());
        let count = 1 + self.fate.pick(Kind::Stolen, STOLEN_MAX);
        let to = (from + count).min(response.len());
        response.drain(from..to);
    }
}
