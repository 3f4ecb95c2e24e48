//! Commands about the line, the modem and its registration (V.250 §6; TS 27.007 §5 to §8).

use std::time::Duration;

use super::super::command_line::{Argument, Command, Form};
use super::{Executed, Firmware, Outcome, Refusal, Ringing, Terms};

/// Between two `RING`s, as most networks do it.
const RING_EVERY: Duration = Duration::from_secs(5);
/// After so many the caller gives up.
const RINGS_MAX: u8 = 6;

/// Chatter does not come more often than this: it is a nuisance, not a flood.
const CHATTER_EVERY_MIN: Duration = Duration::from_millis(1);

/// Basic commands that a data modem has and that change nothing here.
const IDLE_BASICS: [&str; 15] = [
    "&C", "&D", "&K", "&S", "&R", "&V", "&W", "&Y", "\\Q", "B", "L", "M", "P", "T", "X",
];

/// Longer than anybody waits: only its power ends it.
const HUNG: Duration = Duration::from_secs(365 * 24 * 3600);

/// Commands that are taken with any value: their effect has no counterpart on a pseudo-terminal.
const ACCEPTED: [&str; 14] = [
    "+IPR", "+IFC", "+ICF", "+CSTA", "+CMOD", "+CBST", "+CRC", "+CGSMS", "+CSAS", "+CRES", "+CSSN",
    "+CTZU", "+CTZR", "+CCWA",
];

fn first_number(arguments: &[Argument]) -> Result<u64, Refusal> {
    match arguments.first() {
        None | Some(Argument::Omitted) => Ok(0),
        Some(argument) => argument.number().ok_or(Refusal::Error),
    }
}

fn small(arguments: &[Argument], max: u8) -> Result<u8, Refusal> {
    u8::try_from(first_number(arguments)?)
        .ok()
        .filter(|number| *number <= max)
        .ok_or(Refusal::Error)
}

impl Firmware {
    pub(super) fn general_command(&mut self, command: &Command) -> Executed {
        let name = command.name.as_str();
        match (name, &command.form) {
            ("E" | "V" | "Q", form) => self.line_switch(name, form),
            ("Z" | "&F", _) => {
                self.terms = Terms::of(self.profile);
                Ok(Outcome::Done)
            }
            ("I", _) => {
                for line in [
                    self.profile.manufacturer,
                    self.profile.model,
                    self.profile.revision,
                ] {
                    self.info(line);
                }
                Ok(Outcome::Done)
            }
            ("A", _) if self.ringing.take().is_none() => Err(Refusal::NoCarrier),
            ("A" | "H" | "+CHUP" | "O", _) => {
                self.ringing = None;
                Ok(Outcome::Done)
            }
            // No calls are made from here.
            ("D", _) => Err(Refusal::NoCarrier),
            (name, form) if name.starts_with('S') => self.register_command(name, form),
            (name, _) if IDLE_BASICS.contains(&name) => Ok(Outcome::Done),
            (name, form) if ACCEPTED.contains(&name) => match form {
                Form::Set(_) | Form::Action | Form::Test => Ok(Outcome::Done),
                Form::Read => {
                    let answer = match name {
                        "+IPR" => "115200",
                        "+IFC" => "0,0",
                        "+CGSMS" => "3",
                        _ => "0",
                    };
                    self.say_done(&format!("{name}: {answer}"))
                }
            },
            ("^CURC", Form::Set(arguments)) if self.profile.own_commands.contains(&"^CURC") => {
                self.terms.chatter = first_number(arguments)? != 0;
                Ok(Outcome::Done)
            }
            (name, _) if self.profile.own_commands.contains(&name) => Ok(Outcome::Done),
            _ => self.standard_command(command),
        }
    }

    fn line_switch(&mut self, name: &str, form: &Form) -> Executed {
        let on = match form {
            Form::Action => false,
            Form::Set(arguments) => small(arguments, 1)? == 1,
            Form::Read | Form::Test => return Err(Refusal::Error),
        };
        match name {
            "E" => self.terms.echo = on,
            "V" => self.terms.verbose = on,
            _ => self.terms.quiet = on,
        }
        Ok(Outcome::Done)
    }

    fn register_command(&mut self, name: &str, form: &Form) -> Executed {
        let number: usize = name
            .get(1..)
            .and_then(|digits| digits.parse().ok())
            .ok_or(Refusal::Error)?;
        match form {
            Form::Read => {
                let value = *self.terms.registers.get(number).ok_or(Refusal::Error)?;
                self.say_done(&format!("{value:03}"))
            }
            Form::Set(arguments) => {
                // S3, S4 and S5 are characters (V.250 §6.2.1 to §6.2.3).
                let value = small(arguments, if (3..=5).contains(&number) { 127 } else { 255 })?;
                *self.terms.registers.get_mut(number).ok_or(Refusal::Error)? = value;
                Ok(Outcome::Done)
            }
            Form::Action | Form::Test => Err(Refusal::Error),
        }
    }

    fn standard_command(&mut self, command: &Command) -> Executed {
        let name = command.name.as_str();
        match (name, &command.form) {
            ("+CGMI" | "+GMI", Form::Action) => self.say_done(self.profile.manufacturer),
            ("+CGMM" | "+GMM", Form::Action) => self.say_done(self.profile.model),
            ("+CGMR" | "+GMR", Form::Action) => self.say_done(self.profile.revision),
            ("+CGSN" | "+GSN", Form::Action) => {
                let imei = self.settings.imei.clone();
                self.say_done(&imei)
            }
            ("+CGSN", Form::Set(arguments)) => {
                let imei = self.settings.imei.clone();
                match small(arguments, 3)? {
                    0 => self.say_done(&imei),
                    _ => self.say_done(&format!("+CGSN: \"{imei}\"")),
                }
            }
            (
                "+CGMI" | "+CGMM" | "+CGMR" | "+CGSN" | "+GMI" | "+GMM" | "+GMR" | "+GSN" | "+CIMI",
                Form::Test,
            ) => Ok(Outcome::Done),
            ("+GCAP", Form::Action) => self.say_done("+GCAP: +CGSM,+DS,+ES"),
            ("+CMEE", form) => self.error_level(form),
            ("+CFUN", form) => self.functionality(form),
            ("+CPAS", Form::Action) => {
                let activity = if self.ringing.is_some() { 3 } else { 0 };
                self.say_done(&format!("+CPAS: {activity}"))
            }
            ("+CBC", Form::Action) => self.say_done("+CBC: 0,100"),
            ("+CSQ", Form::Action) => {
                let signal = if self.radio.seen() == 0 {
                    99
                } else {
                    self.radio.signal
                };
                self.say_done(&format!("+CSQ: {signal},99"))
            }
            ("+CSQ", Form::Test) => self.say_done("+CSQ: (0-31,99),(0-7,99)"),
            ("+CREG", form) => self.registration(0, "+CREG", form),
            ("+CGREG", form) => self.registration(1, "+CGREG", form),
            ("+CEREG", form) => self.registration(2, "+CEREG", form),
            ("+COPS", form) => self.operators(form),
            ("+CGATT", Form::Read) => {
                let attached = u8::from(self.radio.has_service());
                self.say_done(&format!("+CGATT: {attached}"))
            }
            ("+CGATT", Form::Set(_)) => Ok(Outcome::Done),
            ("+CSCS", form) => self.character_set(form),
            ("+CPBS", form) => self.phonebook(form),
            ("+CPBR", Form::Test) => self.say_done("+CPBR: (1-100),40,18"),
            ("+CPBR", Form::Set(_)) | ("+CPBF", Form::Set(_)) => Ok(Outcome::Done),
            ("+CLIP", form) => self.caller_line(form),
            ("+CUSD", form) => self.ussd(form),
            ("+CCLK", Form::Read) => {
                let stamp = super::super::air::Timestamp::now(self.settings.zone_quarters);
                let shown = super::super::air::Timestamp::shown(&stamp.encode());
                self.say_done(&format!("+CCLK: \"{shown}\""))
            }
            ("+CLAC", Form::Action) => {
                for known in [
                    "E", "I", "+CGMI", "+CMEE", "+CMGF", "+CMGL", "+CMGR", "+CMGS", "+CNMI",
                    "+CPMS",
                ] {
                    self.info(known);
                }
                Ok(Outcome::Done)
            }
            _ => Err(Refusal::Unknown),
        }
    }

    fn error_level(&mut self, form: &Form) -> Executed {
        match form {
            Form::Read => {
                let level = self.terms.error_level;
                self.say_done(&format!("+CMEE: {level}"))
            }
            Form::Test => self.say_done("+CMEE: (0,1,2)"),
            Form::Set(arguments) => {
                self.terms.error_level = small(arguments, 2)?;
                Ok(Outcome::Done)
            }
            Form::Action => Err(Refusal::Error),
        }
    }

    /// TS 27.007 §8.2: 0 least, 1 full, 4 radio off; a second 1 restarts.
    fn functionality(&mut self, form: &Form) -> Executed {
        match form {
            Form::Read => {
                let functionality = self.radio.functionality;
                self.say_done(&format!("+CFUN: {functionality}"))
            }
            Form::Test => self.say_done("+CFUN: (0,1,4),(0,1)"),
            Form::Set(arguments) => {
                let wanted = small(arguments, 4)?;
                if !matches!(wanted, 0 | 1 | 4) {
                    return Err(Refusal::Cme(50));
                }
                if arguments.get(1).and_then(Argument::number) == Some(1) {
                    return Ok(Outcome::Restart);
                }
                let before = self.radio.seen();
                if wanted == 1 && self.radio.functionality != 1 {
                    // The SIM is switched on with the radio; it asks for its PIN again.
                    self.sim.power_up();
                    self.sim_ready_at = Some(self.now + self.settings.sim_busy);
                }
                self.radio.functionality = wanted;
                self.announce_registration(before);
                Ok(Outcome::Done)
            }
            Form::Action => Err(Refusal::Error),
        }
    }

    /// TS 27.007 §7.2, §10.1.20, §10.1.22.
    fn registration(&mut self, domain: usize, name: &str, form: &Form) -> Executed {
        match form {
            Form::Read => {
                let level = self
                    .terms
                    .registration_reports
                    .get(domain)
                    .copied()
                    .unwrap_or(0);
                let place = self.registration_fields(level);
                self.say_done(&format!("{name}: {level},{place}"))
            }
            Form::Test => self.say_done(&format!("{name}: (0-2)")),
            Form::Set(arguments) => {
                let level = small(arguments, 2)?;
                if let Some(slot) = self.terms.registration_reports.get_mut(domain) {
                    *slot = level;
                }
                Ok(Outcome::Done)
            }
            Form::Action => Err(Refusal::Error),
        }
    }

    fn registration_fields(&self, level: u8) -> String {
        let stat = self.radio.seen();
        if level == 2 && self.radio.has_service() {
            format!("{stat},\"1A2B\",\"0012C3D4\",7")
        } else {
            stat.to_string()
        }
    }

    /// Says the registration to whoever asked to hear of changes.
    pub(super) fn announce_registration(&mut self, before: u8) {
        if self.radio.seen() == before {
            return;
        }
        for (domain, name) in ["+CREG", "+CGREG", "+CEREG"].iter().enumerate() {
            let level = self
                .terms
                .registration_reports
                .get(domain)
                .copied()
                .unwrap_or(0);
            if level > 0 {
                let fields = self.registration_fields(level);
                self.code(format!("{name}: {fields}").as_bytes());
            }
        }
    }

    pub(crate) fn set_registration(&mut self, registration: u8) {
        let before = self.radio.seen();
        self.radio.registration = registration;
        self.announce_registration(before);
    }

    /// TS 27.007 §7.3.
    fn operators(&mut self, form: &Form) -> Executed {
        match form {
            Form::Read => {
                let mode = if self.radio.detached { 2 } else { 0 };
                if !self.radio.has_service() {
                    return self.say_done(&format!("+COPS: {mode}"));
                }
                let format = self.terms.operator_format;
                let name = match format {
                    0 => "Elm Mobile",
                    1 => "Elm",
                    _ => "00101",
                };
                self.say_done(&format!("+COPS: {mode},{format},\"{name}\",7"))
            }
            Form::Test => {
                self.say_done("+COPS: (2,\"Elm Mobile\",\"Elm\",\"00101\",7),(1,\"Oak Wireless\",\"Oak\",\"00102\",7),,(0-4),(0-2)")
            }
            Form::Set(arguments) => {
                let mode = small(arguments, 4)?;
                if let Some(format) = arguments.get(1).and_then(Argument::number) {
                    let format = u8::try_from(format).ok().filter(|format| *format <= 2);
                    self.terms.operator_format = format.ok_or(Refusal::Cme(50))?;
                }
                let before = self.radio.seen();
                match mode {
                    0 | 1 | 4 => self.radio.detached = false,
                    2 => self.radio.detached = true,
                    _ => {}
                }
                self.announce_registration(before);
                Ok(Outcome::Done)
            }
            Form::Action => Err(Refusal::Error),
        }
    }

    fn character_set(&mut self, form: &Form) -> Executed {
        match form {
            Form::Read => {
                let charset = self.terms.charset;
                self.say_done(&format!("+CSCS: \"{charset}\""))
            }
            Form::Test => {
                let all = self.profile.charsets.join("\",\"");
                self.say_done(&format!("+CSCS: (\"{all}\")"))
            }
            Form::Set(arguments) => {
                let wanted = arguments
                    .first()
                    .and_then(Argument::text)
                    .unwrap_or_default();
                let known = self
                    .profile
                    .charsets
                    .iter()
                    .find(|charset| charset.eq_ignore_ascii_case(&wanted));
                let only = self.ailing.charset();
                let known = known
                    .copied()
                    .filter(|name| only.is_none_or(|only| only == *name));
                self.terms.charset = known.ok_or(Refusal::Cme(50))?;
                Ok(Outcome::Done)
            }
            Form::Action => Err(Refusal::Error),
        }
    }

    /// TS 27.007 §8.11: every phonebook is there and empty.
    fn phonebook(&mut self, form: &Form) -> Executed {
        const BOOKS: [&str; 5] = ["SM", "ME", "ON", "MC", "DC"];
        match form {
            Form::Read => {
                let book = self.terms.phonebook;
                self.say_done(&format!("+CPBS: \"{book}\",0,100"))
            }
            Form::Test => self.say_done("+CPBS: (\"SM\",\"ME\",\"ON\",\"MC\",\"DC\")"),
            Form::Set(arguments) => {
                let wanted = arguments
                    .first()
                    .and_then(Argument::text)
                    .unwrap_or_default();
                let book = BOOKS.iter().find(|book| **book == wanted);
                self.terms.phonebook = book.ok_or(Refusal::Cme(50))?;
                Ok(Outcome::Done)
            }
            Form::Action => Err(Refusal::Error),
        }
    }

    fn caller_line(&mut self, form: &Form) -> Executed {
        match form {
            Form::Read => {
                let shown = u8::from(self.terms.caller_shown);
                self.say_done(&format!("+CLIP: {shown},1"))
            }
            Form::Test => self.say_done("+CLIP: (0,1)"),
            Form::Set(arguments) => {
                self.terms.caller_shown = small(arguments, 1)? == 1;
                Ok(Outcome::Done)
            }
            Form::Action => Err(Refusal::Error),
        }
    }

    /// TS 27.007 §7.15. The network answers after `OK`.
    fn ussd(&mut self, form: &Form) -> Executed {
        match form {
            Form::Read => {
                let shown = self.terms.ussd_shown;
                self.say_done(&format!("+CUSD: {shown}"))
            }
            Form::Test => self.say_done("+CUSD: (0-2)"),
            Form::Set(arguments) => {
                let shown = small(arguments, 2)?;
                self.terms.ussd_shown = shown.min(1);
                let Some(Argument::Text(code)) = arguments.get(1) else {
                    return Ok(Outcome::Done);
                };
                if !self.radio.has_service() {
                    return Err(Refusal::Cme(30));
                }
                let octets: Option<Vec<u8>> = code
                    .chars()
                    .map(|c| u8::try_from(u32::from(c)).ok())
                    .collect();
                let code = octets
                    .and_then(|octets| super::super::charset::decode(self.terms.charset, &octets))
                    .ok_or(Refusal::Cme(50))?;
                if shown == 1
                    && let Some(line) = self.ailing.ussd()
                {
                    self.code(line.as_bytes());
                } else if shown == 1 {
                    let answer = match self.settings.ussd.get(&code) {
                        Some(answer) => {
                            let mut line = b"+CUSD: 0,\"".to_vec();
                            line.extend(super::super::charset::encode(self.terms.charset, answer));
                            line.extend(b"\",15");
                            line
                        }
                        // 4: operation not supported.
                        None => b"+CUSD: 4".to_vec(),
                    };
                    self.code(&answer);
                }
                Ok(Outcome::Done)
            }
            Form::Action => Err(Refusal::Error),
        }
    }

    /// Someone calls, now: not when the modem was last awake, or it would have rung out since.
    pub(crate) fn call_at(&mut self, from: &str, now: std::time::Instant) {
        self.now = now;
        self.call(from);
    }

    /// Someone calls.
    pub(crate) fn call(&mut self, from: &str) {
        self.ringing = Some(Ringing {
            from: from.to_owned(),
            next: self.now,
            left: RINGS_MAX,
        });
        self.ring();
    }

    pub(super) fn ring(&mut self) {
        let Some(ringing) = &mut self.ringing else {
            return;
        };
        if ringing.next > self.now {
            return;
        }
        if ringing.left == 0 {
            self.ringing = None;
            self.code(b"NO CARRIER");
            return;
        }
        ringing.left -= 1;
        ringing.next += RING_EVERY;
        let kind = if ringing.from.starts_with('+') {
            145
        } else {
            129
        };
        let clip = format!("+CLIP: \"{}\",{kind},\"\",0,\"\",0", ringing.from);
        self.code(b"RING");
        if self.terms.caller_shown {
            self.code(clip.as_bytes());
        }
    }

    pub(super) fn chatter_when_due(&mut self) {
        let Some(every) = self.settings.chatter_every else {
            return;
        };
        if self.chatters_at.is_none_or(|at| at > self.now) {
            return;
        }
        self.chatters_at = Some(self.now + every.max(CHATTER_EVERY_MIN));
        if self.boots_at.is_none() && self.silent_until.is_none() {
            self.chatter(self.chattered);
            self.chattered = self.chattered.wrapping_add(1);
        }
    }

    /// Says one of the codes that this make scatters, when the terminal has not silenced them.
    pub(crate) fn chatter(&mut self, place: usize) {
        if !self.terms.chatter {
            return;
        }
        if self.ailing.fills_second_port() {
            self.silent_until = Some(self.now + HUNG);
            return;
        }
        let codes = self.profile_chatter();
        if let Some(code) = codes.get(place % codes.len().max(1)) {
            self.code(code.as_bytes());
        }
    }
}
