//! The SIM: its PIN, and the two files that terminals read (TS 27.007 §8.3, §8.18; TS 31.102).

use super::super::Settings;
use super::super::air;
use super::super::command_line::{Argument, Command, Form};
use super::{Executed, Firmware, Outcome, Refusal};

/// Tries before the PIN is blocked (TS 31.102 §6.4).
const PIN_TRIES: u8 = 3;
/// Tries before the SIM is dead.
const PUK_TRIES: u8 = 10;

/// The SIM card.
#[derive(Debug, Clone)]
pub(crate) struct Sim {
    /// Whether it is in its slot.
    pub(crate) inserted: bool,
    /// Whether it does not answer until it is started anew.
    pub(super) asleep: bool,
    pin: Option<String>,
    puk: String,
    pub(crate) pin_tries: u8,
    pub(crate) puk_tries: u8,
    verified: bool,
}

impl Sim {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            inserted: true,
            asleep: false,
            pin: settings.pin.clone(),
            puk: settings.puk.clone(),
            pin_tries: PIN_TRIES,
            puk_tries: PUK_TRIES,
            verified: false,
        }
    }

    pub(super) fn power_up(&mut self) {
        self.verified = false;
        self.asleep = false;
    }

    /// Whether it answers.
    fn is_there(&self) -> bool {
        self.inserted && !self.asleep
    }

    /// Whether its files can be read.
    pub(super) fn is_open(&self) -> bool {
        self.is_there() && self.pin_tries > 0 && (self.pin.is_none() || self.verified)
    }

    /// What `+CPIN?` says.
    fn asks_for(&self) -> &'static str {
        if self.pin_tries == 0 {
            "SIM PUK"
        } else if self.pin.is_some() && !self.verified {
            "SIM PIN"
        } else {
            "READY"
        }
    }

    fn verify(&mut self, guess: &str) -> bool {
        if self.pin_tries == 0 {
            return false;
        }
        // A SIM compares only while tries are left, and a right PIN gives them back.
        if self.pin.as_deref().is_none_or(|pin| pin == guess) {
            self.pin_tries = PIN_TRIES;
            self.verified = true;
            true
        } else {
            self.pin_tries -= 1;
            false
        }
    }

    fn unblock(&mut self, puk: &str, new_pin: &str) -> bool {
        if self.puk_tries == 0 {
            return false;
        }
        if puk == self.puk {
            self.puk_tries = PUK_TRIES;
            self.pin_tries = PIN_TRIES;
            self.pin = Some(new_pin.to_owned());
            self.verified = true;
            true
        } else {
            self.puk_tries -= 1;
            false
        }
    }
}

impl Firmware {
    /// Refuses with a `+CMS ERROR` while the SIM's messages cannot be read.
    pub(super) fn need_messages(&self) -> Result<(), Refusal> {
        if !self.sim.is_there() {
            Err(Refusal::Cms(310))
        } else if self.sim.pin_tries == 0 {
            Err(Refusal::Cms(316))
        } else if !self.sim.is_open() {
            Err(Refusal::Cms(311))
        } else if self.sim_ready_at.is_some() {
            Err(Refusal::Cms(314))
        } else {
            Ok(())
        }
    }

    fn need_sim(&self) -> Result<(), Refusal> {
        if !self.sim.is_there() {
            Err(Refusal::Cme(10))
        } else if self.sim.pin_tries == 0 {
            Err(Refusal::Cme(12))
        } else if !self.sim.is_open() {
            Err(Refusal::Cme(11))
        } else if self.sim_ready_at.is_some() {
            Err(Refusal::Cme(14))
        } else {
            Ok(())
        }
    }

    /// Commands that ask the SIM; `None` when it is none of them.
    pub(super) fn sim_command(&mut self, command: &Command) -> Option<Executed> {
        let executed = match (command.name.as_str(), &command.form) {
            ("+CPIN", Form::Read) => self.ask_pin(),
            ("+CPIN", Form::Set(arguments)) => self.enter_pin(arguments),
            ("+CPIN", Form::Test) => Ok(Outcome::Done),
            ("+CPINR", Form::Action | Form::Set(_)) => self.pin_tries_left(),
            ("+SPIC", Form::Action | Form::Read) if self.profile.name.starts_with("simcom") => {
                let (pin, puk) = (self.sim.pin_tries, self.sim.puk_tries);
                self.say_done(&format!("+SPIC: {pin},{pin},{puk},{puk}"))
            }
            ("+QPINC", Form::Read | Form::Set(_)) if self.profile.name.starts_with("quectel") => {
                let (pin, puk) = (self.sim.pin_tries, self.sim.puk_tries);
                self.say_done(&format!("+QPINC: \"SC\",{pin},{puk}"))
            }
            ("^CPIN", Form::Read) if self.profile.name.starts_with("huawei") => {
                let (asks, pin, puk) =
                    (self.sim.asks_for(), self.sim.pin_tries, self.sim.puk_tries);
                self.say_done(&format!("^CPIN: {asks},,{puk},{pin},{puk},{pin}"))
            }
            ("+CLCK", Form::Set(arguments)) => self.lock(arguments),
            ("+CLCK", Form::Test) => self.say_done("+CLCK: (\"SC\")"),
            ("+CIMI", Form::Action) => {
                let imsi = self.settings.imsi.clone();
                self.need_sim().and_then(|()| self.say_done(&imsi))
            }
            ("+CCID" | "+ICCID" | "^ICCID" | "+QCCID" | "+CICCID", Form::Action | Form::Read)
                if command.name == self.profile.iccid_command =>
            {
                let line = format!("{}{}", self.profile.iccid_prefix, self.settings.iccid);
                self.need_sim().and_then(|()| self.say_done(&line))
            }
            ("+CNUM", Form::Action) => self.own_number(),
            ("+CRSM", Form::Set(arguments)) => self.read_file(arguments),
            _ => return None,
        };
        Some(executed)
    }

    pub(super) fn say_done(&mut self, line: &str) -> Executed {
        self.info(line);
        Ok(Outcome::Done)
    }

    fn ask_pin(&mut self) -> Executed {
        if !self.sim.is_there() {
            return Err(Refusal::Cme(10));
        }
        if self.sim_ready_at.is_some() && self.sim.is_open() {
            return Err(Refusal::Cme(14));
        }
        let asks = self.sim.asks_for();
        self.say_done(&format!("+CPIN: {asks}"))
    }

    fn enter_pin(&mut self, arguments: &[Argument]) -> Executed {
        if !self.sim.is_there() {
            return Err(Refusal::Cme(10));
        }
        let words: Vec<String> = arguments.iter().filter_map(Argument::text).collect();
        let opened = match (self.sim.asks_for(), words.as_slice()) {
            ("SIM PIN", [pin]) => self.sim.verify(pin),
            ("SIM PUK", [puk, new_pin]) => self.sim.unblock(puk, new_pin),
            ("SIM PUK", _) => return Err(Refusal::Cme(12)),
            ("READY", _) => return Err(Refusal::Cme(3)),
            _ => return Err(Refusal::Cme(50)),
        };
        if !opened {
            // The third wrong PIN blocks it (TS 27.007 §8.3).
            return Err(Refusal::Cme(if self.sim.pin_tries == 0 { 12 } else { 16 }));
        }
        self.sim_ready_at = Some(self.now + self.settings.sim_busy);
        Ok(Outcome::Done)
    }

    fn pin_tries_left(&mut self) -> Executed {
        if !self.sim.is_there() {
            return Err(Refusal::Cme(10));
        }
        let (pin, puk) = (self.sim.pin_tries, self.sim.puk_tries);
        self.info(format!("+CPINR: SIM PIN,{pin},{PIN_TRIES}"));
        self.say_done(&format!("+CPINR: SIM PUK,{puk},{PUK_TRIES}"))
    }

    /// TS 27.007 §7.4, for the SIM's own lock: 0 off, 1 on, 2 asks.
    fn lock(&mut self, arguments: &[Argument]) -> Executed {
        let facility = arguments.first().and_then(Argument::text);
        let mode = arguments.get(1).and_then(Argument::number);
        if facility.as_deref() != Some("SC") {
            return Err(Refusal::Cme(4));
        }
        let password = arguments.get(2).and_then(Argument::text);
        match (mode, password) {
            (Some(2), _) => {
                let on = u8::from(self.sim.pin.is_some());
                self.say_done(&format!("+CLCK: {on}"))
            }
            (Some(mode @ 0..=1), Some(password)) => {
                if self.sim.pin.is_none() && mode == 0 {
                    return Ok(Outcome::Done);
                }
                if !self.sim.verify(&password) {
                    return Err(Refusal::Cme(if self.sim.pin_tries == 0 { 12 } else { 16 }));
                }
                self.sim.pin = (mode == 1).then_some(password);
                Ok(Outcome::Done)
            }
            _ => Err(Refusal::Cme(50)),
        }
    }

    fn own_number(&mut self) -> Executed {
        self.need_sim()?;
        let number = self.settings.number.clone();
        if number.is_empty() {
            return Ok(Outcome::Done);
        }
        let kind = if number.starts_with('+') { 145 } else { 129 };
        let mut line = b"+CNUM: \"\",\"".to_vec();
        line.extend(self.shown(&number));
        line.extend(format!("\",{kind}").as_bytes());
        self.info(line);
        Ok(Outcome::Done)
    }

    /// TS 27.007 §8.18, reading only: EF-ICCID, and EF-SMSS with the last message reference
    /// (TS 31.102 §4.2.9).
    fn read_file(&mut self, arguments: &[Argument]) -> Executed {
        self.need_sim()?;
        let number = |place: usize| arguments.get(place).and_then(Argument::number);
        let octets = match (number(0), number(1)) {
            (Some(176), Some(28_483)) => {
                let reference = if self.has_sent {
                    self.last_message_reference
                } else {
                    0xFF
                };
                // Bit 1 of the second octet unset: the memory capacity exceeded notification is set.
                vec![reference, if self.memory_full { 0xFE } else { 0xFF }]
            }
            (Some(176), Some(12_258)) => {
                let mut digits = self.settings.iccid.clone();
                if digits.len() % 2 == 1 {
                    digits.push('F');
                }
                air::from_hex(&digits)
                    .unwrap_or_default()
                    .iter()
                    .map(|pair| pair.rotate_left(4))
                    .collect()
            }
            // 94 04: file not found.
            (Some(176), Some(_)) => return self.say_done("+CRSM: 148,4"),
            _ => return Err(Refusal::Cme(3)),
        };
        let wanted = number(4)
            .and_then(|count| usize::try_from(count).ok())
            .filter(|count| *count > 0)
            .unwrap_or(octets.len());
        let Some(octets) = octets.get(..wanted) else {
            // 67 00: wrong length.
            return self.say_done("+CRSM: 103,0");
        };
        let hex = air::to_hex(octets);
        self.say_done(&format!("+CRSM: 144,0,\"{hex}\""))
    }
}
