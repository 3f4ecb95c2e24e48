//! The message commands of TS 27.005, in PDU mode and in text mode.

use super::super::air::{self, Address, Alphabet, Submit, Timestamp, UserData, ValidityPeriod};
use super::super::command_line::{Argument, Command, Form};
use super::super::faults::Kind;
use super::super::storage::{Memory, Status, Stored};
use super::super::{alphabet, charset};
use super::{Executed, Firmware, Outcome, Refusal, Then};

/// A memory as `+CPMS` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mem {
    /// `SM`
    Sim,
    /// `ME`
    Modem,
    /// `MT`: the SIM's slots, then the modem's, numbered through.
    Both,
    /// `SR`
    Reports,
}

impl Mem {
    pub(crate) const ALL: [Self; 4] = [Self::Sim, Self::Modem, Self::Both, Self::Reports];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sim => "SM",
            Self::Modem => "ME",
            Self::Both => "MT",
            Self::Reports => "SR",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mem| mem.name() == name)
    }
}

/// What `+CSMP` set (TS 27.005 §3.3.3).
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameters {
    first: u8,
    validity: Option<ValidityPeriod>,
    pid: u8,
    dcs: u8,
}

impl Default for Parameters {
    fn default() -> Self {
        // SMS-SUBMIT with a relative validity of 24 hours.
        Self {
            first: 17,
            validity: Some(ValidityPeriod::Relative(167)),
            pid: 0,
            dcs: 0,
        }
    }
}

/// What the text after `>` is for.
#[derive(Debug, Clone)]
pub(super) enum Purpose {
    /// `+CMGS=<length>`
    SendPdu { length: usize },
    /// `+CMGS=<da>`
    SendText { to: Address },
    /// `+CMGW=<length>`
    WritePdu { length: usize, status: Status },
    /// `+CMGW` in text mode
    WriteText { to: Address, status: Status },
    /// `+CNMA=<n>,<length>`: an acknowledgement PDU, of which only the verdict counts.
    Acknowledge { good: bool },
}

impl Purpose {
    /// Whether the text is characters, in which a carriage return is a new line.
    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::SendText { .. } | Self::WriteText { .. })
    }
}

/// A text on its way to the network.
pub(super) struct Outgoing {
    command: &'static str,
    tpdu: Vec<u8>,
    submit: Submit,
    /// The slot it was stored in, for `+CMSS`.
    slot: Option<(Mem, usize)>,
}

fn number(arguments: &[Argument], place: usize) -> Result<Option<u64>, Refusal> {
    match arguments.get(place) {
        None | Some(Argument::Omitted) => Ok(None),
        Some(Argument::Number(number)) => Ok(Some(*number)),
        Some(Argument::Text(_) | Argument::Word(_)) => Err(Refusal::Cms(304)),
    }
}

fn index(arguments: &[Argument]) -> Result<usize, Refusal> {
    number(arguments, 0)?
        .and_then(|index| usize::try_from(index).ok())
        .ok_or(Refusal::Cms(321))
}

fn octet(arguments: &[Argument], place: usize) -> Result<Option<u8>, Refusal> {
    number(arguments, place)?
        .map(|number| u8::try_from(number).map_err(|_| Refusal::Cms(302)))
        .transpose()
}

/// A quoted string as the octets that crossed the port.
fn octets_of(text: &str) -> Vec<u8> {
    text.chars()
        .map(|letter| u8::try_from(u32::from(letter)).unwrap_or(b'?'))
        .collect()
}

fn split_pdu(pdu: &[u8]) -> (usize, &[u8]) {
    air::take_service_centre(pdu).map_or((0, &[][..]), |(_, tpdu)| (pdu.len() - tpdu.len(), tpdu))
}

impl Firmware {
    /// Commands of TS 27.005; `None` when it is none of them.
    pub(super) fn message_command(&mut self, command: &Command) -> Option<Executed> {
        let form = &command.form;
        let executed = match command.name.as_str() {
            "+CSMS" => self.service(form),
            "+CPMS" => self.preferred_memories(form),
            "+CMGF" => self.message_format(form),
            "+CSCA" => self.service_centre(form),
            "+CSMP" => self.text_parameters(form),
            "+CSDH" => self.show_headers(form),
            "+CNMI" => self.indications(form),
            "+CMMS" => self.more_messages(form),
            "+CMGL" => self.list(form),
            "+CMGR" => self.read_message(form),
            "+CMGD" => self.delete(form),
            "+CMGS" => self.send(form),
            "+CMGW" => self.write(form),
            "+CMSS" => self.send_stored(form),
            "+CNMA" => self.acknowledge(form),
            "+CMGC" => match form {
                Form::Test => Ok(Outcome::Done),
                Form::Action | Form::Read | Form::Set(_) => Err(Refusal::Cms(303)),
            },
            "+CSCB" => match form {
                Form::Read => self.say_done("+CSCB: 0,\"\",\"\""),
                Form::Test | Form::Set(_) => Ok(Outcome::Done),
                Form::Action => Err(Refusal::Error),
            },
            _ => return None,
        };
        Some(executed)
    }

    // Memories.

    fn memory(&mut self, mem: Mem) -> &mut Memory {
        match mem {
            Mem::Sim | Mem::Both => &mut self.sim_memory,
            Mem::Modem => &mut self.modem_memory,
            Mem::Reports => &mut self.report_memory,
        }
    }

    /// Where a slot of `mem` really is.
    pub(super) fn locate(&self, mem: Mem, index: usize) -> Option<(Mem, usize)> {
        let exists = match mem {
            Mem::Sim => self.sim_memory.has_slot(index),
            Mem::Modem => self.modem_memory.has_slot(index),
            Mem::Reports => self.report_memory.has_slot(index),
            Mem::Both => {
                if self.sim_memory.has_slot(index) {
                    return Some((Mem::Sim, index));
                }
                let beyond = index.checked_sub(self.sim_memory.capacity())?;
                return self
                    .modem_memory
                    .has_slot(beyond)
                    .then_some((Mem::Modem, beyond));
            }
        };
        exists.then_some((mem, index))
    }

    /// The messages of a memory with their numbers.
    pub(crate) fn messages(&self, mem: Mem) -> Vec<(usize, Stored)> {
        let of = |memory: &Memory, shift: usize| -> Vec<(usize, Stored)> {
            memory
                .iter()
                .map(|(index, message)| (index + shift, message.clone()))
                .collect()
        };
        match mem {
            Mem::Sim => of(&self.sim_memory, 0),
            Mem::Modem => of(&self.modem_memory, 0),
            Mem::Reports => of(&self.report_memory, 0),
            Mem::Both => {
                let mut all = of(&self.sim_memory, 0);
                all.extend(of(&self.modem_memory, self.sim_memory.capacity()));
                all
            }
        }
    }

    /// Deletes behind the terminal's back.
    pub(crate) fn forget(&mut self, memory: &str, index: usize) -> bool {
        Mem::named(memory)
            .and_then(|mem| self.locate(mem, index))
            .is_some_and(|(mem, slot)| self.memory(mem).delete(slot))
    }

    fn fullness(&self, mem: Mem) -> (usize, usize) {
        let of = |memory: &Memory| (memory.used(), memory.capacity());
        if self.ailing.has_no_places(mem) {
            return (0, 0);
        }
        match mem {
            Mem::Sim => of(&self.sim_memory),
            Mem::Modem => of(&self.modem_memory),
            Mem::Reports => of(&self.report_memory),
            Mem::Both => {
                let (sim, modem) = (of(&self.sim_memory), of(&self.modem_memory));
                (sim.0 + modem.0, sim.1 + modem.1)
            }
        }
    }

    pub(super) fn store(&mut self, mem: Mem, message: Stored) -> Result<usize, Stored> {
        if self.ailing.has_no_places(mem) {
            return Err(message);
        }
        match mem {
            Mem::Both => {
                let shift = self.sim_memory.capacity();
                self.sim_memory
                    .store(message)
                    .or_else(|message| self.modem_memory.store(message).map(|index| index + shift))
            }
            Mem::Sim | Mem::Modem | Mem::Reports => self.memory(mem).store(message),
        }
    }

    fn preferred_memories(&mut self, form: &Form) -> Executed {
        match form {
            Form::Read => {
                let miscount = self
                    .fate
                    .strikes(Kind::Miscounted)
                    .then(|| self.fate.pick(Kind::Miscounted, 60));
                let fields: Vec<String> = self
                    .terms
                    .memories
                    .iter()
                    .map(|mem| {
                        let (used, total) = self.fullness(*mem);
                        let used = self.ailing.miscount().or(miscount).unwrap_or(used);
                        format!("\"{}\",{used},{total}", mem.name())
                    })
                    .collect();
                self.say_done(&format!("+CPMS: {}", fields.join(",")))
            }
            Form::Test if self.profile.separate_reports => {
                self.say_done("+CPMS: (\"SM\",\"ME\",\"MT\",\"SR\"),(\"SM\",\"ME\",\"MT\"),(\"SM\",\"ME\",\"MT\")")
            }
            Form::Test => {
                self.say_done("+CPMS: (\"SM\",\"ME\",\"MT\"),(\"SM\",\"ME\",\"MT\"),(\"SM\",\"ME\",\"MT\")")
            }
            Form::Set(arguments) => {
                self.need_messages()?;
                let wanted = self.ailing.memories();
                let wanted = wanted.or(self.profile.three_memories.then_some(3));
                if arguments.len() > 3 || wanted.is_some_and(|wanted| arguments.len() != wanted) {
                    return Err(Refusal::Cms(302));
                }
                let mut memories = self.terms.memories;
                for (place, (slot, argument)) in memories.iter_mut().zip(arguments).enumerate() {
                    if *argument == Argument::Omitted {
                        continue;
                    }
                    let mem = argument
                        .text()
                        .and_then(|name| Mem::named(&name.to_ascii_uppercase()))
                        .filter(|mem| *mem != Mem::Reports || (place == 0 && self.profile.separate_reports));
                    *slot = mem.ok_or(Refusal::Cms(302))?;
                }
                self.terms.memories = memories;
                let fields: Vec<String> = memories
                    .iter()
                    .map(|mem| {
                        let (used, total) = self.fullness(*mem);
                        format!("{used},{total}")
                    })
                    .collect();
                self.say_done(&format!("+CPMS: {}", fields.join(",")))
            }
            Form::Action => Err(Refusal::Error),
        }
    }

    // Settings.

    /// A number from 0 to `max` that is read, tested and set.
    fn choice(&mut self, name: &str, form: &Form, now: u8, max: u8) -> Result<Option<u8>, Refusal> {
        match form {
            Form::Read => {
                self.info(format!("{name}: {now}"));
                Ok(None)
            }
            Form::Test => {
                let all: Vec<String> = (0..=max).map(|number| number.to_string()).collect();
                self.info(format!("{name}: ({})", all.join(",")));
                Ok(None)
            }
            Form::Action => Ok(Some(0)),
            Form::Set(arguments) => match octet(arguments, 0)? {
                Some(number) if number <= max => Ok(Some(number)),
                Some(_) => Err(Refusal::Cms(302)),
                None => Ok(Some(0)),
            },
        }
    }

    fn message_format(&mut self, form: &Form) -> Executed {
        let now = u8::from(self.terms.text_mode);
        if let Some(format) = self.choice("+CMGF", form, now, 1)? {
            self.terms.text_mode = format == 1 || self.ailing.stays_in_text_mode();
        }
        Ok(Outcome::Done)
    }

    fn show_headers(&mut self, form: &Form) -> Executed {
        let now = u8::from(self.terms.show_all);
        if let Some(shown) = self.choice("+CSDH", form, now, 1)? {
            self.terms.show_all = shown == 1;
        }
        Ok(Outcome::Done)
    }

    fn more_messages(&mut self, form: &Form) -> Executed {
        let now = self.terms.more_messages;
        if let Some(more) = self.choice("+CMMS", form, now, 2)? {
            self.terms.more_messages = more;
        }
        Ok(Outcome::Done)
    }

    fn service(&mut self, form: &Form) -> Executed {
        match form {
            Form::Read => {
                let service = self.terms.service;
                self.say_done(&format!("+CSMS: {service},1,1,1"))
            }
            Form::Test => self.say_done("+CSMS: (0,1)"),
            Form::Set(arguments) => match octet(arguments, 0)? {
                Some(service @ 0..=1) => {
                    self.terms.service = service;
                    self.say_done("+CSMS: 1,1,1")
                }
                _ => Err(Refusal::Cms(302)),
            },
            Form::Action => Err(Refusal::Error),
        }
    }

    fn service_centre(&mut self, form: &Form) -> Executed {
        match form {
            Form::Read => {
                self.need_messages()?;
                let mut line = b"+CSCA: ".to_vec();
                line.extend(self.service_centre_fields());
                self.info(line);
                Ok(Outcome::Done)
            }
            Form::Test => Ok(Outcome::Done),
            Form::Set(arguments) => {
                self.need_messages()?;
                let address = self.address(arguments, 0)?.ok_or(Refusal::Cms(304))?;
                self.settings.service_centre = address.to_string();
                Ok(Outcome::Done)
            }
            Form::Action => Err(Refusal::Error),
        }
    }

    fn text_parameters(&mut self, form: &Form) -> Executed {
        let Parameters {
            first,
            validity,
            pid,
            dcs,
        } = self.terms.parameters;
        match form {
            Form::Read => {
                let validity = match validity {
                    Some(ValidityPeriod::Relative(period)) => period.to_string(),
                    Some(ValidityPeriod::Absolute(stamp)) => {
                        format!("\"{}\"", Timestamp::shown(&stamp))
                    }
                    Some(ValidityPeriod::Enhanced(_)) | None => String::new(),
                };
                self.say_done(&format!("+CSMP: {first},{validity},{pid},{dcs}"))
            }
            Form::Test => Ok(Outcome::Done),
            Form::Set(arguments) => {
                let first = octet(arguments, 0)?.unwrap_or(first);
                let validity = match arguments.get(1) {
                    None | Some(Argument::Omitted) => validity,
                    Some(Argument::Number(period)) => Some(ValidityPeriod::Relative(
                        u8::try_from(*period).map_err(|_| Refusal::Cms(305))?,
                    )),
                    Some(Argument::Text(stamp) | Argument::Word(stamp)) => Some(
                        ValidityPeriod::Absolute(stamp_of(stamp).ok_or(Refusal::Cms(305))?),
                    ),
                };
                self.terms.parameters = Parameters {
                    first,
                    validity,
                    pid: octet(arguments, 2)?.unwrap_or(pid),
                    dcs: octet(arguments, 3)?.unwrap_or(dcs),
                };
                Ok(Outcome::Done)
            }
            Form::Action => Err(Refusal::Error),
        }
    }

    fn indications(&mut self, form: &Form) -> Executed {
        match form {
            Form::Read => {
                let [mode, deliver, broadcast, report, buffer] = self.terms.indications;
                self.say_done(&format!(
                    "+CNMI: {mode},{deliver},{broadcast},{report},{buffer}"
                ))
            }
            Form::Test => {
                let reports = if self.profile.direct_reports {
                    "(0,1,2)"
                } else {
                    "(0,2)"
                };
                self.say_done(&format!(
                    "+CNMI: (0,1,2,3),(0,1,2,3),(0,2,3),{reports},(0,1)"
                ))
            }
            Form::Action => {
                self.terms.indications = [0; 5];
                Ok(Outcome::Done)
            }
            Form::Set(arguments) => {
                if arguments.len() > 5 {
                    return Err(Refusal::Cms(302));
                }
                let mut wanted = self.terms.indications;
                for (place, slot) in wanted.iter_mut().enumerate() {
                    if let Some(number) = octet(arguments, place)? {
                        *slot = number;
                    }
                }
                let [mode, deliver, broadcast, report, buffer] = wanted;
                let possible =
                    mode <= 3 && deliver <= 3 && broadcast <= 3 && report <= 2 && buffer <= 1;
                if !possible || (report == 1 && !self.profile.direct_reports) {
                    return Err(Refusal::Cms(303));
                }
                self.terms.indications = wanted;
                if mode != 0 && buffer == 1 {
                    self.buffered_codes.clear();
                } else if mode != 0 {
                    let kept = std::mem::take(&mut self.buffered_codes);
                    self.held_codes.extend(kept);
                }
                Ok(Outcome::Done)
            }
        }
    }

    // Reading.

    fn list(&mut self, form: &Form) -> Executed {
        let arguments = match form {
            Form::Test if self.terms.text_mode => {
                return self.say_done(
                    "+CMGL: (\"REC UNREAD\",\"REC READ\",\"STO UNSENT\",\"STO SENT\",\"ALL\")",
                );
            }
            Form::Test => return self.say_done("+CMGL: (0,1,2,3,4)"),
            Form::Action => &[][..],
            Form::Set(arguments) => arguments.as_slice(),
            Form::Read => return Err(Refusal::Error),
        };
        self.need_messages()?;
        let wanted: Option<Status> = match (self.terms.text_mode, arguments.first()) {
            (_, None | Some(Argument::Omitted)) => Some(Status::ReceivedUnread),
            (true, Some(argument)) => {
                let name = argument.text().unwrap_or_default().to_ascii_uppercase();
                match Status::ALL
                    .into_iter()
                    .find(|status| status.words() == name)
                {
                    None if name == "ALL" => None,
                    None => return Err(Refusal::Cms(305)),
                    known => known,
                }
            }
            (false, Some(Argument::Number(4))) => None,
            (false, Some(argument)) => {
                let number = argument.number();
                let status = Status::ALL
                    .into_iter()
                    .find(|status| Some(u64::from(status.number())) == number);
                Some(status.ok_or(Refusal::Cms(304))?)
            }
        };
        // A second value of 1, which several makers have, leaves the status alone.
        let leave = number(arguments, 1)? == Some(1);
        let [from, ..] = self.terms.memories;
        if self.ailing.shows_none(from) {
            return Ok(Outcome::Done);
        }
        for (index, message) in self.messages(from) {
            if wanted.is_some_and(|wanted| wanted != message.status) {
                continue;
            }
            if self
                .locate(from, index)
                .is_some_and(|(mem, slot)| self.ailing.hides(mem, slot, self.now))
            {
                continue;
            }
            let (_, tpdu) = split_pdu(&message.pdu);
            if self.terms.text_mode {
                let line = self.listed(index, &message, tpdu);
                self.info(line);
            } else {
                let (service_centre, _) = split_pdu(&message.pdu);
                let length = message.pdu.len() - service_centre;
                let hex = air::to_hex(&message.pdu);
                let header = format!("+CMGL: {index},{},,{length}", message.status.number());
                let corruption = self.ailing.corruption(index, false);
                let corruption = corruption.or_else(|| self.broken_entry());
                self.entry(&header, &hex, corruption);
            }
            if !leave {
                self.mark_read(from, index);
            }
        }
        Ok(Outcome::Done)
    }

    fn mark_read(&mut self, mem: Mem, index: usize) {
        if let Some((mem, index)) = self.locate(mem, index)
            && let Some(message) = self.memory(mem).get_mut(index)
            && message.status == Status::ReceivedUnread
        {
            message.status = Status::ReceivedRead;
        }
    }

    fn read_message(&mut self, form: &Form) -> Executed {
        let arguments = match form {
            Form::Set(arguments) => arguments,
            Form::Test => return Ok(Outcome::Done),
            Form::Action | Form::Read => return Err(Refusal::Error),
        };
        self.need_messages()?;
        let index = index(arguments)?;
        let leave = number(arguments, 1)? == Some(1);
        let [from, ..] = self.terms.memories;
        let (mem, slot) = self.locate(from, index).ok_or(Refusal::Cms(321))?;
        let shown = !self.ailing.shows_none(from);
        let message = self.memory(mem).get_mut(slot).cloned();
        let Some(message) = message.filter(|_| shown) else {
            return if self.profile.silent_on_empty {
                Ok(Outcome::Done)
            } else {
                Err(Refusal::Cms(321))
            };
        };
        let (service_centre, tpdu) = split_pdu(&message.pdu);
        if self.terms.text_mode {
            let line = self.read_out(&message, tpdu);
            self.info(line);
        } else {
            let length = message.pdu.len() - service_centre;
            let hex = air::to_hex(&message.pdu);
            let header = format!("+CMGR: {},,{length}", message.status.number());
            let corruption = self.ailing.corruption(index, true);
            self.entry(&header, &hex, corruption);
        }
        if !leave {
            self.mark_read(from, index);
        }
        Ok(Outcome::Done)
    }

    /// TS 27.005 §3.5.4: flags 1 to 4 delete by status and ignore the index.
    fn delete(&mut self, form: &Form) -> Executed {
        let [from, ..] = self.terms.memories;
        let arguments = match form {
            Form::Set(arguments) => arguments,
            Form::Test => {
                self.need_messages()?;
                let taken: Vec<String> = self
                    .messages(from)
                    .iter()
                    .map(|(index, _)| index.to_string())
                    .collect();
                return self.say_done(&format!("+CMGD: ({}),(0-4)", taken.join(",")));
            }
            Form::Action | Form::Read => return Err(Refusal::Error),
        };
        self.need_messages()?;
        let doomed: fn(Status) -> bool = match number(arguments, 1)? {
            None | Some(0) => {
                let (mem, slot) = self
                    .locate(from, index(arguments)?)
                    .ok_or(Refusal::Cms(321))?;
                let was_there = self.memory(mem).delete(slot);
                tracing::trace!(memory = mem.name(), slot, was_there, "deleted");
                return if was_there || self.profile.silent_on_empty {
                    Ok(Outcome::Done)
                } else {
                    Err(Refusal::Cms(321))
                };
            }
            Some(1) => |status| status == Status::ReceivedRead,
            Some(2) => |status| matches!(status, Status::ReceivedRead | Status::StoredSent),
            Some(3) => |status| status != Status::ReceivedUnread,
            Some(4) => |_| true,
            Some(_) => return Err(Refusal::Cms(302)),
        };
        self.memory(from).delete_where(doomed);
        if from == Mem::Both {
            self.modem_memory.delete_where(doomed);
        }
        Ok(Outcome::Done)
    }

    // Writing and sending.

    /// `<da>` and `<toda>` from two places of the arguments.
    fn address(&self, arguments: &[Argument], place: usize) -> Result<Option<Address>, Refusal> {
        let Some(written) = arguments.get(place).and_then(Argument::text) else {
            return Ok(None);
        };
        let written =
            charset::decode(self.terms.charset, &octets_of(&written)).ok_or(Refusal::Cms(305))?;
        let mut address = Address::new(&written);
        if address.is_name() {
            return Err(Refusal::Cms(305));
        }
        if let Some(kind) = octet(arguments, place + 1)? {
            address.kind = kind;
        }
        Ok(Some(address))
    }

    fn need_service(&self) -> Result<(), Refusal> {
        if self.radio.has_service() {
            Ok(())
        } else {
            Err(Refusal::Cms(331))
        }
    }

    fn send(&mut self, form: &Form) -> Executed {
        let arguments = match form {
            Form::Set(arguments) => arguments,
            Form::Test => return Ok(Outcome::Done),
            Form::Action | Form::Read => return Err(Refusal::Error),
        };
        self.need_messages()?;
        if self.terms.text_mode {
            let to = self.address(arguments, 0)?.ok_or(Refusal::Cms(305))?;
            return Ok(Outcome::Prompt(Purpose::SendText { to }));
        }
        // A length beyond what a TPDU can have is refused before the prompt.
        let length = number(arguments, 0)?
            .and_then(|length| usize::try_from(length).ok())
            .filter(|length| (1..=255).contains(length))
            .ok_or(Refusal::Cms(304))?;
        Ok(Outcome::Prompt(Purpose::SendPdu { length }))
    }

    fn write(&mut self, form: &Form) -> Executed {
        let arguments = match form {
            Form::Set(arguments) => arguments.as_slice(),
            Form::Action => &[],
            Form::Test => return Ok(Outcome::Done),
            Form::Read => return Err(Refusal::Error),
        };
        self.need_messages()?;
        let status = |place: usize| -> Result<Status, Refusal> {
            match arguments.get(place) {
                None | Some(Argument::Omitted) => Ok(Status::StoredUnsent),
                Some(argument) => {
                    let name = argument.text().unwrap_or_default();
                    Status::ALL
                        .into_iter()
                        .find(|status| {
                            status.words() == name || status.number().to_string() == name
                        })
                        .ok_or(Refusal::Cms(302))
                }
            }
        };
        if self.terms.text_mode {
            let to = self.address(arguments, 0)?.unwrap_or(Address {
                kind: 0x81,
                value: String::new(),
            });
            let status = status(2)?;
            return Ok(Outcome::Prompt(Purpose::WriteText { to, status }));
        }
        let length = number(arguments, 0)?
            .and_then(|length| usize::try_from(length).ok())
            .filter(|length| (1..=255).contains(length))
            .ok_or(Refusal::Cms(304))?;
        Ok(Outcome::Prompt(Purpose::WritePdu {
            length,
            status: status(1)?,
        }))
    }

    /// The text after `>` is complete.
    pub(super) fn prompted(&mut self, purpose: &Purpose, text: &[u8]) -> Executed {
        match purpose {
            Purpose::SendPdu { length } => {
                let pdu = read_pdu(text, *length)?;
                let (service_centre, tpdu) = split_pdu(&pdu);
                let submit = Submit::decode(tpdu).map_err(|_| Refusal::Cms(304))?;
                if service_centre <= 1 && self.settings.service_centre.is_empty() {
                    return Err(Refusal::Cms(330));
                }
                let tpdu = tpdu.to_vec();
                self.dispatch("+CMGS", tpdu, submit, None)
            }
            Purpose::SendText { to } => {
                let submit = self.written(to, text)?;
                if self.settings.service_centre.is_empty() {
                    return Err(Refusal::Cms(330));
                }
                self.dispatch("+CMGS", submit.encode(), submit, None)
            }
            Purpose::WritePdu { length, status } => {
                let pdu = read_pdu(text, *length)?;
                self.keep(pdu, *status)
            }
            Purpose::WriteText { to, status } => {
                let submit = self.written(to, text)?;
                let mut pdu = vec![0];
                pdu.extend(submit.encode());
                self.keep(pdu, *status)
            }
            Purpose::Acknowledge { good } => self.acknowledged(*good),
        }
    }

    fn keep(&mut self, pdu: Vec<u8>, status: Status) -> Executed {
        let [_, into, _] = self.terms.memories;
        let index = self
            .store(into, Stored { pdu, status })
            .map_err(|_| Refusal::Cms(322))?;
        self.say_done(&format!("+CMGW: {index}"))
    }

    /// What was typed after `>` in text mode, as `+CSMP` says (TS 27.005 §3.1 `<data>`).
    fn written(&self, to: &Address, typed: &[u8]) -> Result<Submit, Refusal> {
        let Parameters {
            first,
            validity,
            pid,
            dcs,
        } = self.terms.parameters;
        let header_follows = first & 0x40 != 0;
        let mut user_data = if Alphabet::of(dcs) == Alphabet::Gsm7 && !header_follows {
            let mut lines = Vec::with_capacity(typed.len());
            let mut after_return = false;
            for octet in typed {
                match octet {
                    b'\n' if after_return => {}
                    b'\r' => lines.push(b'\n'),
                    octet => lines.push(*octet),
                }
                after_return = *octet == b'\r';
            }
            let text = charset::decode(self.terms.charset, &lines).ok_or(Refusal::Cms(305))?;
            let body = text
                .chars()
                .flat_map(|letter| alphabet::septets_of(letter).unwrap_or_else(|| vec![b'?']))
                .collect();
            UserData {
                dcs,
                header: Vec::new(),
                body,
            }
        } else {
            let hex: String = typed
                .iter()
                .filter(|octet| !octet.is_ascii_whitespace())
                .map(|octet| char::from(*octet))
                .collect();
            let octets = air::from_hex(&hex).ok_or(Refusal::Cms(305))?;
            UserData::from_field(dcs, &octets, header_follows).map_err(|_| Refusal::Cms(305))?
        };
        user_data.dcs = dcs;
        if user_data.octets().len() > 140 {
            return Err(Refusal::Cms(305));
        }
        Ok(Submit {
            reject_duplicates: first & 0x04 != 0,
            status_report: first & 0x20 != 0,
            message_reference: 0,
            to: to.clone(),
            pid,
            validity_period: match first >> 3 & 3 {
                0 => None,
                _ => validity,
            },
            user_data,
        })
    }

    fn send_stored(&mut self, form: &Form) -> Executed {
        let arguments = match form {
            Form::Set(arguments) => arguments,
            Form::Test => return Ok(Outcome::Done),
            Form::Action | Form::Read => return Err(Refusal::Error),
        };
        self.need_messages()?;
        let [_, from, _] = self.terms.memories;
        let (mem, slot) = self
            .locate(from, index(arguments)?)
            .ok_or(Refusal::Cms(321))?;
        let message = self
            .memory(mem)
            .get_mut(slot)
            .cloned()
            .ok_or(Refusal::Cms(321))?;
        let (_, tpdu) = split_pdu(&message.pdu);
        let mut submit = Submit::decode(tpdu).map_err(|_| Refusal::Cms(302))?;
        if let Some(to) = self.address(arguments, 1)? {
            submit.to = to;
        }
        self.dispatch("+CMSS", submit.encode(), submit, Some((mem, slot)))
    }

    /// Hands a text to the network, after the time that takes.
    fn dispatch(
        &mut self,
        command: &'static str,
        tpdu: Vec<u8>,
        submit: Submit,
        slot: Option<(Mem, usize)>,
    ) -> Executed {
        self.need_service()?;
        let outgoing = Box::new(Outgoing {
            command,
            tpdu,
            submit,
            slot,
        });
        if self.send_latency.is_zero() {
            self.submit(&outgoing)
        } else {
            Ok(Outcome::Later(self.send_latency, Then::Submit(outgoing)))
        }
    }

    /// The network's verdict on a text.
    pub(super) fn submit(&mut self, outgoing: &Outgoing) -> Executed {
        self.need_service()?;
        if let Some(code) = self.fail_next.pop_front() {
            return Err(Refusal::Cms(code));
        }
        if let Some(code) = self
            .network
            .refused_numbers
            .get(&outgoing.submit.to.to_string())
        {
            return Err(Refusal::Cms(*code));
        }
        if self.fate.strikes(Kind::RefusedSend) {
            const PASSING: [u16; 5] = [38, 41, 42, 47, 331];
            let place = self.fate.pick(Kind::RefusedSend, PASSING.len());
            return Err(Refusal::Cms(PASSING.get(place).copied().unwrap_or(41)));
        }
        if self.ailing.swallows_text() {
            return Ok(Outcome::Mute);
        }
        self.last_message_reference = if self.has_sent {
            self.last_message_reference.wrapping_add(1)
        } else {
            0
        };
        self.has_sent = true;
        let reference = self.last_message_reference;
        let late = if self.fate.strikes(Kind::LateReport) {
            self.fate.faults().pause
        } else {
            std::time::Duration::ZERO
        };
        self.network.accept(
            outgoing.submit.clone(),
            outgoing.tpdu.clone(),
            reference,
            self.now,
            late,
        );
        if let Some((mem, slot)) = outgoing.slot
            && let Some(message) = self.memory(mem).get_mut(slot)
        {
            message.status = Status::StoredSent;
        }
        if std::mem::take(&mut self.hold_next) {
            return Ok(Outcome::Mute);
        }
        if let Some(code) = self.ailing.lie() {
            return Err(Refusal::Cms(code));
        }
        if self.fate.strikes(Kind::RefusedYetSent) {
            return Err(Refusal::Cms(500));
        }
        self.say_done(&format!("{}: {reference}", outgoing.command))
    }

    // Acknowledging.

    /// TS 27.005 §3.4.4, and §4.7 for its PDU mode form.
    fn acknowledge(&mut self, form: &Form) -> Executed {
        let arguments = match form {
            Form::Test => return self.say_done("+CNMA: (0-2)"),
            Form::Action => &[][..],
            Form::Set(arguments) => arguments.as_slice(),
            Form::Read => return Err(Refusal::Error),
        };
        if self.unacknowledged.is_none() {
            return Err(Refusal::Cms(340));
        }
        let good = match octet(arguments, 0)? {
            None | Some(0 | 1) => true,
            Some(2) => false,
            Some(_) => return Err(Refusal::Cms(302)),
        };
        if number(arguments, 1)?.is_some_and(|length| length > 0) {
            return Ok(Outcome::Prompt(Purpose::Acknowledge { good }));
        }
        self.acknowledged(good)
    }

    fn acknowledged(&mut self, good: bool) -> Executed {
        let Some(text) = self.unacknowledged.take() else {
            return Err(Refusal::Cms(340));
        };
        if !good {
            // The network tries again later: behind whatever else waits.
            self.network.waiting.push_back(text.waiting);
        }
        Ok(Outcome::Done)
    }
}

/// Hexadecimal octets of which `length` follow the service centre address.
fn read_pdu(text: &[u8], length: usize) -> Result<Vec<u8>, Refusal> {
    let hex: String = text
        .iter()
        .filter(|octet| !octet.is_ascii_whitespace())
        .map(|octet| char::from(*octet))
        .collect();
    let pdu = air::from_hex(&hex).ok_or(Refusal::Cms(304))?;
    let (_, tpdu) = air::take_service_centre(&pdu).map_err(|_| Refusal::Cms(304))?;
    if tpdu.len() == length {
        Ok(pdu)
    } else {
        Err(Refusal::Cms(304))
    }
}

/// `yy/MM/dd,hh:mm:ss±zz` as a stamp's seven octets.
fn stamp_of(written: &str) -> Option<[u8; 7]> {
    let digits: Vec<u8> = written
        .chars()
        .filter_map(|letter| {
            letter
                .to_digit(10)
                .and_then(|digit| u8::try_from(digit).ok())
        })
        .collect();
    let mut octets: Vec<u8> = digits
        .chunks_exact(2)
        .map(|pair| pair.iter().rev().fold(0, |octet, digit| octet << 4 | digit))
        .collect();
    if octets.len() == 6 {
        octets.push(0);
    }
    let mut stamp: [u8; 7] = octets.try_into().ok()?;
    if written.contains('-') {
        stamp[6] |= 0x08;
    }
    Some(stamp)
}
