//! Unsolicited result codes: what a modem says without being asked (TS 27.005 §3.4, TS 27.007).

use super::command::{Domain, Memory};
use super::fields::fields;

/// Something the modem said of its own accord.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsolicited {
    /// `+CMTI`: a text was stored. Either part may be missing: `+CMTI: ,-1`.
    Stored {
        /// The memory, which need not be the one being read.
        memory: Option<Memory>,
        /// Its index there.
        index: Option<u16>,
    },
    /// `+CDSI`: a status report was stored.
    ReportStored {
        /// The memory it is said to be in; Quectel says `SM` of what lies in `SR`.
        memory: Option<Memory>,
        /// Its index there.
        index: Option<u16>,
    },
    /// `+CMT`: a text, delivered directly.
    Text {
        /// The PDU's hexadecimal digits, or whatever stood in their place.
        pdu: String,
    },
    /// `+CDS`: a status report, delivered directly.
    Report {
        /// The PDU's hexadecimal digits, or whatever stood in their place.
        pdu: String,
    },
    /// `+CREG`, `+CGREG`, `+CEREG`: registration changed.
    Registration(Domain, u8),
    /// `RING`, `+CRING`: a voice call.
    Ring,
    /// `+CLIP`: who is calling.
    CallerIdentity {
        /// The number, unless it is withheld.
        number: Option<String>,
    },
    /// `NO CARRIER` and its like, outside a command that could have earned it: a call is over.
    CallEnded,
    /// `+CUSD`: the network's answer to a USSD code.
    Ussd {
        /// 0 done, 1 the network expects more, 2 ended by the network, 4 not supported, 5 timeout.
        state: u8,
        /// The string as it stood.
        text: Option<String>,
        /// Its data coding scheme (TS 23.038 §5).
        coding: Option<u8>,
    },
    /// `^RSSI`: signal strength, as in `+CSQ`.
    Rssi(u8),
    /// `^SMMEMFULL`, `+QIND: SMS FULL`: storage is full and the network holds texts back.
    StorageFull,
    /// `RDY`, `*ATREADY`: the modem has just started, and forgot all settings.
    Started,
    /// `^BOOT`: Huawei started, or merely says so every few seconds.
    Boot,
    /// `SMS Ready`, `SMS DONE`, `+QIND: SMS DONE`: storage can be used from here on.
    SmsReady,
    /// `UNDER-VOLTAGE WARNNING` and its like: the supply leaves its bounds.
    Supply(String),
    /// `NORMAL POWER DOWN`, `POWERED DOWN`: the modem is switching itself off.
    PoweredDown,
    /// `+CPIN: …`, unasked: the SIM's state changed.
    Pin(String),
    /// Anything else.
    Unknown(String),
}

/// A line that announces a PDU on the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Announced {
    pub(super) kind: AnnouncedKind,
    /// TPDU octets, without the service centre address.
    pub(super) length: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AnnouncedKind {
    Text,
    Report,
}

impl Announced {
    /// `+CMT: [alpha],length` or `+CDS: length`.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (kind, rest) = if let Some(rest) = line.strip_prefix("+CMT:") {
            (AnnouncedKind::Text, rest)
        } else {
            (AnnouncedKind::Report, line.strip_prefix("+CDS:")?)
        };
        let length = fields(rest).last().and_then(|field| field.number());
        Some(Self { kind, length })
    }

    pub(super) fn with_pdu(self, pdu: String) -> Unsolicited {
        match self.kind {
            AnnouncedKind::Text => Unsolicited::Text { pdu },
            AnnouncedKind::Report => Unsolicited::Report { pdu },
        }
    }
}

impl Unsolicited {
    /// Reads a line that belongs to no response.
    pub fn parse(line: &str) -> Self {
        Self::known(line).unwrap_or_else(|| Self::Unknown(line.to_owned()))
    }

    /// Whether a line can only be unsolicited: a known code, or a name before a colon behind one of
    /// the marks vendors use. Lines without prefix, as from `AT+CGMM`, are told apart by this.
    pub(super) fn looks_like_one(line: &str) -> bool {
        if Self::known(line).is_some() || Announced::parse(line).is_some() {
            return true;
        }
        let mut characters = line.chars();
        let marked = matches!(
            characters.next(),
            Some('+' | '^' | '*' | '%' | '$' | '#' | '&')
        );
        let name = characters.as_str().split(':').next().unwrap_or_default();
        marked
            && line.contains(':')
            && !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ' ')
    }

    fn known(line: &str) -> Option<Self> {
        match line {
            "RDY" | "*ATREADY" | "START" => return Some(Self::Started),
            "RING" => return Some(Self::Ring),
            "SMS Ready" | "SMS READY" | "SMS DONE" => return Some(Self::SmsReady),
            "NO CARRIER" | "BUSY" | "NO ANSWER" | "NO DIALTONE" | "NO DIAL TONE" => {
                return Some(Self::CallEnded);
            }
            "NORMAL POWER DOWN" | "POWERED DOWN" => return Some(Self::PoweredDown),
            "^SYSSTART" => return Some(Self::Started), // Cinterion
            "Call Ready" | "PB DONE" => return Some(Self::Unknown(line.to_owned())),
            _ => {}
        }
        // SIM800 spells its warning with two Ns.
        if line.starts_with("UNDER-VOLTAGE") || line.starts_with("OVER-VOLTAGE") {
            return Some(Self::Supply(line.to_owned()));
        }
        let (name, rest) = line.split_once(':')?;
        let values = fields(rest);
        let value = |index: usize| values.get(index).copied();
        Some(match name {
            "+CMTI" | "+CDSI" => {
                let memory = value(0).and_then(|field| Memory::new(field.text()));
                let index = value(1).and_then(|field| field.number());
                if name == "+CMTI" {
                    Self::Stored { memory, index }
                } else {
                    Self::ReportStored { memory, index }
                }
            }
            "+CREG" => Self::registration(Domain::Circuit, &values)?,
            "+CGREG" => Self::registration(Domain::Packet, &values)?,
            "+CEREG" => Self::registration(Domain::Evolved, &values)?,
            "+CRING" => Self::Ring,
            "+CLIP" => Self::CallerIdentity {
                number: value(0)
                    .map(|field| field.text().to_owned())
                    .filter(|number| !number.is_empty()),
            },
            "+CUSD" => Self::ussd(rest)?,
            "^RSSI" => Self::Rssi(value(0)?.number()?),
            "^SMMEMFULL" => Self::StorageFull,
            "^BOOT" => Self::Boot,
            "*ATREADY" => Self::Started,
            "+QIND" if rest.trim().trim_matches('"') == "SMS DONE" => Self::SmsReady,
            "+QIND" if rest.contains("SMS FULL") => Self::StorageFull,
            "+CPIN" => Self::Pin(rest.trim().to_owned()),
            _ => return None,
        })
    }

    /// `+CUSD: state,"text",coding`. The text stands between the first quote and the last: carriers
    /// quote in it, and it may run over several lines.
    fn ussd(rest: &str) -> Option<Self> {
        let (state, rest) = rest.split_once(',').unwrap_or((rest, ""));
        let rest = rest.trim();
        let quoted = rest.find('"').zip(rest.rfind('"'));
        let (text, coding) = match quoted.filter(|(first, last)| first < last) {
            Some((first, last)) => (rest.get(first + 1..last)?, rest.get(last + 1..)?),
            None if rest.starts_with('"') => (rest.get(1..)?, ""), // it never ended
            None => rest.split_once(',').unwrap_or((rest, "")),
        };
        Some(Self::Ussd {
            state: state.trim().parse().ok()?,
            text: (!text.is_empty()).then(|| text.to_owned()),
            coding: coding.trim_matches([',', ' ']).parse().ok(),
        })
    }

    /// Whether a line begins a `+CUSD` whose text goes on in the next.
    pub(super) fn is_unfinished_ussd(line: &str) -> bool {
        let Some((_, text)) = line
            .strip_prefix("+CUSD:")
            .and_then(|rest| rest.split_once('"'))
        else {
            return false;
        };
        let is_end = |after: &str| {
            let coding = after.trim_start_matches([',', ' ']).trim_end();
            coding.bytes().all(|b| b.is_ascii_digit())
        };
        !text
            .rsplit_once('"')
            .is_some_and(|(_, after)| is_end(after))
    }

    /// Whether a line is a code that is known.
    pub(super) fn is_known(line: &str) -> bool {
        Self::known(line).is_some()
    }

    /// The unsolicited form has the state first: `+CREG: 1` or `+CREG: 1,"1A2B","0001"`. The read
    /// form has the report mode before it: `+CREG: 2,1,"1A2B","0001"` (TS 27.007 §7.2).
    fn registration(domain: Domain, values: &[super::fields::Field<'_>]) -> Option<Self> {
        if is_registration_read(values) {
            return None;
        }
        Some(Self::Registration(domain, values.first()?.number()?))
    }
}

/// Whether the values are those of `AT+CREG?`: a second one that is a bare number of one or two
/// digits. An area code is quoted, or has four and more (Huawei leaves the quotes out).
pub(super) fn is_registration_read(values: &[super::fields::Field<'_>]) -> bool {
    values.get(1).is_some_and(|field| {
        !field.is_quoted()
            && (1..=2).contains(&field.text().len())
            && field.number::<u8>().is_some()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn codes_are_read_as_modems_write_them() {
        let memory = |name| Memory::new(name);
        for (line, expected) in [
            (
                r#"+CMTI: "SM",3"#,
                Unsolicited::Stored {
                    memory: memory("SM"),
                    index: Some(3),
                },
            ),
            // SIM7000 when it could not store
            (
                "+CMTI: ,-1",
                Unsolicited::Stored {
                    memory: None,
                    index: None,
                },
            ),
            // Quectel, of a report that lies in SR
            (
                r#"+CDSI: "SM",0"#,
                Unsolicited::ReportStored {
                    memory: memory("SM"),
                    index: Some(0),
                },
            ),
            ("+CREG: 1", Unsolicited::Registration(Domain::Circuit, 1)),
            (
                r#"+CREG: 5,"1A2B","00C3F1A2",7"#,
                Unsolicited::Registration(Domain::Circuit, 5),
            ),
            // Huawei E1752
            (
                "+CREG: 1, E006B, ABE0016",
                Unsolicited::Registration(Domain::Circuit, 1),
            ),
            (
                r#"+CEREG: 11,"0001","00000001",7"#,
                Unsolicited::Registration(Domain::Evolved, 11),
            ),
            ("RING", Unsolicited::Ring),
            (
                r#"+CLIP: "+15550100",145,"",0,"",0"#,
                Unsolicited::CallerIdentity {
                    number: Some("+15550100".into()),
                },
            ),
            (
                r#"+CLIP: "",128"#, // withheld
                Unsolicited::CallerIdentity { number: None },
            ),
            ("NO CARRIER", Unsolicited::CallEnded),
            (
                r#"+CUSD: 0,"Balance: 5,00",15"#,
                Unsolicited::Ussd {
                    state: 0,
                    text: Some("Balance: 5,00".into()),
                    coding: Some(15),
                },
            ),
            (
                r#"+CUSD: 0,"Dial "1" for more, or "2"",15"#,
                Unsolicited::Ussd {
                    state: 0,
                    text: Some(r#"Dial "1" for more, or "2""#.into()),
                    coding: Some(15),
                },
            ),
            (
                "+CUSD: 1,\"1 Balance\n2 Offers\",15",
                Unsolicited::Ussd {
                    state: 1,
                    text: Some("1 Balance\n2 Offers".into()),
                    coding: Some(15),
                },
            ),
            (
                "+CUSD: 2,\"",
                Unsolicited::Ussd {
                    state: 2,
                    text: None,
                    coding: None,
                },
            ),
            (
                "+CUSD: 4",
                Unsolicited::Ussd {
                    state: 4,
                    text: None,
                    coding: None,
                },
            ),
            ("^RSSI:14", Unsolicited::Rssi(14)),
            (r#"^SMMEMFULL: "SM""#, Unsolicited::StorageFull),
            ("+QIND: SMS FULL,\"ME\"", Unsolicited::StorageFull),
            ("^BOOT:20952548,0,0,0,75", Unsolicited::Boot),
            ("RDY", Unsolicited::Started),
            ("*ATREADY: 1", Unsolicited::Started),
            ("SMS DONE", Unsolicited::SmsReady),
            (r#"+QIND: "SMS DONE""#, Unsolicited::SmsReady),
            ("+QIND: SMS DONE", Unsolicited::SmsReady),
            ("+CPIN: NOT READY", Unsolicited::Pin("NOT READY".into())),
            // SIM800, at 3.49 V and below
            (
                "UNDER-VOLTAGE WARNNING",
                Unsolicited::Supply("UNDER-VOLTAGE WARNNING".into()),
            ),
            ("NORMAL POWER DOWN", Unsolicited::PoweredDown),
            ("POWERED DOWN", Unsolicited::PoweredDown),
            ("^SYSSTART", Unsolicited::Started),
            ("^MODE:5,4", Unsolicited::Unknown("^MODE:5,4".into())),
            (
                "$GPGGA,,,,,,0",
                Unsolicited::Unknown("$GPGGA,,,,,,0".into()),
            ),
        ] {
            assert_eq!(Unsolicited::parse(line), expected, "{line:?}");
        }
    }

    #[test]
    fn a_ussd_text_ends_with_its_coding() {
        for (line, unfinished) in [
            (r#"+CUSD: 0,"Balance 5.00",15"#, false),
            (r#"+CUSD: 0,"Balance 5.00""#, false),
            ("+CUSD: 4", false),
            (r#"+CUSD: 1,"1 Balance"#, true),
            (r#"+CUSD: 1,"say "yes" or"#, true),
            ("+CUSD: 1,\"1 Balance\n2 Offers\",15", false),
            (r#"+CMTI: "SM"#, false),
        ] {
            assert_eq!(Unsolicited::is_unfinished_ussd(line), unfinished, "{line}");
        }
    }

    #[test]
    fn a_read_registration_is_not_an_unsolicited_one() {
        for (line, read) in [
            ("0,1", true),
            (r#"2,1,"1A2B","0001""#, true),
            ("2,11", true),
            ("1", false),
            (r#"1,"12","34""#, false),
            ("1,0010,00AB", false),
        ] {
            assert_eq!(is_registration_read(&fields(line)), read, "{line:?}");
        }
    }

    #[test]
    fn names_of_modems_do_not_look_unsolicited() {
        for (line, looks) in [
            ("SIMCOM_SIM7600G-H", false),
            ("E3372", false),
            ("Quectel", false),
            ("LE20B04SIM7600G22", false),
            ("^MODE:5,4", true),
            ("+QIND: PB DONE", true),
            ("+CMT: ,24", true),
            ("RING", true),
        ] {
            assert_eq!(Unsolicited::looks_like_one(line), looks, "{line:?}");
        }
    }
}
