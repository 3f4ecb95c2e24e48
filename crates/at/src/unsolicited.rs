//! Unsolicited result codes: what a modem says without being asked (TS 27.005 §3.4, TS 27.007).

use super::command::{Domain, Memory};
use super::fields::{Field, fields};
use super::{spelling, ucs2};

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
    /// `+CMT` of text mode: a text, delivered directly and in words, which exist nowhere else.
    Words {
        /// Who wrote it.
        from: String,
        /// The service centre's stamp as it stood: `26/11/30,12:00:00-24`.
        stamp: Option<String>,
        /// The words.
        text: String,
    },
    /// `+CDS` of text mode: a report whose fields stand on its own line.
    ReportInWords,
    /// `+CBM`: a broadcast, delivered directly; nobody here waits for one.
    Broadcast,
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

/// A line that announces a PDU, or words, on the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Announced {
    /// A PDU, and its TPDU's octets, without the service centre address.
    Pdu(AnnouncedKind, Option<u16>),
    /// A text in words.
    Words(Envelope),
    /// A broadcast in words.
    BroadcastInWords,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AnnouncedKind {
    Text,
    Report,
    Broadcast,
}

/// What stands before the words of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Envelope {
    from: String,
    stamp: Option<String>,
    /// The data coding scheme, where `+CSDH=1` shows it.
    coding: Option<u8>,
    /// The sender stands in UCS2.
    in_ucs2: bool,
}

/// Where the data coding scheme stands among the values of `+CMT: <oa>,[<alpha>],<scts>,<tooa>,<fo>,
/// <pid>,<dcs>,…` (TS 27.005 §3.4.1).
const CODING_PLACE: usize = 6;

impl Announced {
    /// `+CMT: [alpha],length`, `+CDS: length` and `+CBM: length`; in text mode `+CMT:
    /// <oa>,[<alpha>],<scts>…` and `+CBM: <sn>,<mid>,<dcs>,<page>,<pages>`. `+CDS` of text mode
    /// announces nothing.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (name, rest) = line.split_once(':')?;
        let values = fields(rest);
        let length = values.last().and_then(|field| field.number());
        let of_words = |count: usize| values.len() >= count;
        Some(match name {
            "+CMT" if of_words(3) || (of_words(2) && length.is_none()) => {
                Self::Words(Envelope::of(&values))
            }
            "+CMT" => Self::Pdu(AnnouncedKind::Text, length),
            "+CDS" if of_words(5) => return None,
            "+CDS" => Self::Pdu(AnnouncedKind::Report, length),
            "+CBM" if of_words(3) => Self::BroadcastInWords,
            "+CBM" => Self::Pdu(AnnouncedKind::Broadcast, length),
            _ => return None,
        })
    }
}

impl AnnouncedKind {
    pub(super) fn with_pdu(self, pdu: String) -> Unsolicited {
        match self {
            Self::Text => Unsolicited::Text { pdu },
            Self::Report => Unsolicited::Report { pdu },
            Self::Broadcast => Unsolicited::Broadcast,
        }
    }
}

impl Envelope {
    fn of(values: &[Field<'_>]) -> Self {
        let said = values.first().map(|field| field.text()).unwrap_or_default();
        let from = ucs2::number(said);
        let mut stamps = values.iter().skip(1).map(|field| field.text());
        Self {
            stamp: stamps.find(|text| text.contains('/')).map(str::to_owned),
            coding: values.get(CODING_PLACE).and_then(|field| field.number()),
            in_ucs2: from != said,
            from,
        }
    }

    /// The text with these words. A modem whose strings are UCS2 writes the words so too, and any
    /// modem those of a text that is not of the default alphabet (TS 27.005 §3.1, `<data>`).
    pub(super) fn with_words(self, words: &str) -> Unsolicited {
        let is_coded = self.coding.map(|coding| coding & 0x0C != 0);
        let is_ucs2 = self.in_ucs2 || is_coded == Some(true);
        let text = match is_coded {
            Some(false) if !is_ucs2 => None,
            // Digits in fours may be somebody's words: a card's number, a book's.
            None if !is_ucs2 => ucs2::decode(words).filter(|text| ucs2::reads(text)),
            Some(_) | None => ucs2::decode(words),
        };
        Unsolicited::Words {
            from: self.from,
            stamp: self.stamp,
            text: text.unwrap_or_else(|| words.to_owned()),
        }
    }
}

impl Unsolicited {
    /// Reads a line that belongs to no response.
    pub fn parse(line: &str) -> Self {
        Self::known(line).unwrap_or_else(|| Self::Unknown(line.to_owned()))
    }

    /// Whether a line can only be unsolicited: a known code, or a name in capitals behind one of the
    /// marks vendors use, with a colon or without. Lines without prefix, as from `AT+CGMM`, are told
    /// apart by this.
    pub(super) fn looks_like_one(line: &str) -> bool {
        if Self::known(line).is_some() || Announced::parse(line).is_some() {
            return true;
        }
        spelling::name(line).is_some_and(|(name, rest)| {
            let in_capitals = name.bytes().all(|octet| !octet.is_ascii_lowercase());
            name.len() > 2 && in_capitals && (rest.is_empty() || rest.starts_with([':', ' ']))
                // `+TEC BLE: 1`: a name of two words.
                || rest.contains(':') && rest.starts_with([':', ' '])
        })
    }

    fn known(line: &str) -> Option<Self> {
        // The longest of the words has 25 letters.
        let word = (line.len() <= 32).then(|| line.to_ascii_uppercase());
        let word = word.as_deref().unwrap_or_default();
        match word {
            // The last three: Neoway, China Mobile's ML302 and ML307, Quectel BG95.
            "RDY" | "START" | "STARTUP" | "*ATREADY" | "MODEM:STARTUP" | "+MATREADY"
            | "APP RDY" => return Some(Self::Started),
            "RING" => return Some(Self::Ring),
            "SMS READY" | "SMS DONE" => return Some(Self::SmsReady),
            "NO CARRIER" | "BUSY" | "NO ANSWER" | "NO DIALTONE" | "NO DIAL TONE" => {
                return Some(Self::CallEnded);
            }
            "NORMAL POWER DOWN" | "POWERED DOWN" | "POWER DOWN" => return Some(Self::PoweredDown),
            "CALL READY" | "PB DONE" => return Some(Self::Unknown(line.to_owned())),
            _ => {}
        }
        // Cinterion says `^SYSSTART AIRPLANE MODE` too.
        if word.starts_with("^SYSSTART") {
            return Some(Self::Started);
        }
        // SIM800 spells its warning with two Ns.
        if word.starts_with("UNDER-VOLTAGE") || word.starts_with("OVER-VOLTAGE") {
            return Some(Self::Supply(line.to_owned()));
        }
        if Self::says_full(line) {
            return Some(Self::StorageFull);
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
            "+C5GREG" => Self::registration(Domain::Fifth, &values)?,
            "+CRING" => Self::Ring,
            "+CLIP" => Self::CallerIdentity {
                number: value(0)
                    .map(|field| ucs2::number(field.text()))
                    .filter(|number| !number.is_empty()),
            },
            "+CUSD" => Self::ussd(rest)?,
            "^RSSI" => Self::Rssi(value(0)?.number()?),
            "+CDS" if values.len() >= 5 => Self::ReportInWords,
            // Cinterion: 0 while there is room.
            "^SMGO" if value(0)?.number::<u8>()? > 0 => Self::StorageFull,
            "^SMMEMFULL" | "+ZMGSF" => Self::StorageFull, // Huawei, ZTE
            "^BOOT" => Self::Boot,
            // Wavecom: ready for every command, the SIM's included.
            "+WIND" if value(0)?.number() == Some(4) => Self::SmsReady,
            "*ATREADY" => Self::Started,
            "+QIND" if rest.trim().trim_matches('"') == "SMS DONE" => Self::SmsReady,
            "+CPIN" => Self::Pin(rest.trim().trim_matches('"').to_ascii_uppercase()),
            _ => return None,
        })
    }

    /// `+SMS FULL`, `+SMSFULL`, `+QIND: "smsfull","ME"`, `+CIEV: "smsfull",1`: however it is spelled,
    /// and wherever in a code it stands.
    fn says_full(line: &str) -> bool {
        if spelling::name(line).is_none() {
            return false;
        }
        let letters = line.bytes().filter(u8::is_ascii_alphabetic);
        let letters: Vec<u8> = letters.map(|octet| octet.to_ascii_uppercase()).collect();
        letters.windows(7).any(|seven| seven == b"SMSFULL")
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

    /// The unsolicited form has the state first: `+CREG: 1` or `+CREG: 1,"1A2B","0001"`. The read
    /// form has the report mode before it: `+CREG: 2,1,"1A2B","0001"` (TS 27.007 §7.2), and some
    /// modems use it unasked as well.
    fn registration(domain: Domain, values: &[Field<'_>]) -> Option<Self> {
        let place = usize::from(is_registration_read(values));
        Some(Self::Registration(domain, values.get(place)?.number()?))
    }
}

/// The highest registration state that TS 27.007 §7.2 knows, and some room.
const STATE_MAX: u8 = 19;

/// Whether the values are those of `AT+CREG?`: a second one that is a state, in up to three digits
/// (Iridium, Motorola). An area code is quoted, or has four and more (Huawei leaves the quotes out).
pub(super) fn is_registration_read(values: &[Field<'_>]) -> bool {
    values.get(1).is_some_and(|field| {
        !field.is_quoted()
            && (1..=3).contains(&field.text().len())
            && field.number::<u8>().is_some_and(|state| state <= STATE_MAX)
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
            ("SMS Ready", Unsolicited::SmsReady),
            ("+WIND: 4", Unsolicited::SmsReady),
            // However it is spelled: SIMCom, Quectel, Cinterion, Telit, ZTE.
            ("+SMS FULL", Unsolicited::StorageFull),
            ("+SMSFULL", Unsolicited::StorageFull),
            ("+QIND: \"smsfull\",\"ME\"", Unsolicited::StorageFull),
            ("+CIEV: \"smsfull\",1", Unsolicited::StorageFull),
            ("^SMGO: 2", Unsolicited::StorageFull),
            ("^SMGO: 0", Unsolicited::Unknown("^SMGO: 0".into())),
            ("+ZMGSF: 1", Unsolicited::StorageFull),
            ("^SYSSTART AIRPLANE MODE", Unsolicited::Started),
            ("+MATREADY", Unsolicited::Started),
            ("MODEM:STARTUP", Unsolicited::Started),
            ("APP RDY", Unsolicited::Started),
            (
                "+CREG: 2,1,\"1A2B\",\"0001\"", // the read form, unasked
                Unsolicited::Registration(Domain::Circuit, 1),
            ),
            (
                "+CREG:002,005",
                Unsolicited::Registration(Domain::Circuit, 5),
            ),
            (
                "+C5GREG: 1,\"6301D\",\"065472283\",11",
                Unsolicited::Registration(Domain::Fifth, 1),
            ),
            (
                "+CLIP: \"002B0031003500350035\",145",
                Unsolicited::CallerIdentity {
                    number: Some("+1555".into()),
                },
            ),
            (
                "+CDS: 6,1,\"+1555\",145,\"24/01/01\",\"24/01/01\",0",
                Unsolicited::ReportInWords,
            ),
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
            ("002,001", true),
            ("1,102", false),
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
            // Without a colon: Air780E, SIM7600, Fibocom.
            ("+E_UTRAN Service", true),
            ("+SMS FULL", true),
            ("+PBREADY", true),
            ("+TEC BLE: 1", true),
            ("*100# for more", false),
            ("+1 555 0100", false),
            ("#hashtag of somebody", false),
        ] {
            assert_eq!(Unsolicited::looks_like_one(line), looks, "{line:?}");
        }
    }

    #[test]
    fn what_announces_words_is_told_from_what_announces_a_pdu() {
        let words = |from: &str, stamp: Option<&str>, text: &str| Unsolicited::Words {
            from: from.into(),
            stamp: stamp.map(Into::into),
            text: text.into(),
        };
        for (line, body, expected) in [
            (
                r#"+CMT: "+15551230100","","26/11/30,12:00:00-24""#,
                "RING",
                words("+15551230100", Some("26/11/30,12:00:00-24"), "RING"),
            ),
            // SIM900 leaves the name out; M590 everything.
            (
                r#"+CMT: "+15551230100","26/11/30,12:00:00-24""#,
                "12345678",
                words("+15551230100", Some("26/11/30,12:00:00-24"), "12345678"),
            ),
            (
                r#"+CMT: "+15551230100",,"26/11/30,12:00:00-24",145,4,0,8,"+15550001",145,2"#,
                "00480069",
                words("+15551230100", Some("26/11/30,12:00:00-24"), "Hi"),
            ),
            (
                r#"+CMT: "+15551230100",,"26/11/30,12:00:00-24",145,4,0,0,"+15550001",145,4"#,
                "CAFE",
                words("+15551230100", Some("26/11/30,12:00:00-24"), "CAFE"),
            ),
            // UCS2 throughout.
            (
                r#"+CMT: "002B0031003500350035","","26/11/30,12:00:00-24""#,
                "00480069",
                words("+1555", Some("26/11/30,12:00:00-24"), "Hi"),
            ),
            // A plain number, and words that are not of the default alphabet.
            (
                r#"+CMT: "+15551230100","","26/11/30,12:00:00-24""#,
                "4F60597D",
                words(
                    "+15551230100",
                    Some("26/11/30,12:00:00-24"),
                    "\u{4f60}\u{597d}",
                ),
            ),
        ] {
            let Some(Announced::Words(envelope)) = Announced::parse(line) else {
                panic!("{line}: {:?}", Announced::parse(line));
            };
            assert_eq!(envelope.with_words(body), expected, "{line}");
        }
        use AnnouncedKind::{Broadcast, Report, Text};
        for (line, kind, length) in [
            ("+CMT: ,24", Text, Some(24)),
            ("+CMT: 24", Text, Some(24)),
            ("+CMT: \"\",24", Text, Some(24)),
            ("+CMT:", Text, None),
            ("+CDS: 26", Report, Some(26)),
            ("+CBM: 88", Broadcast, Some(88)),
        ] {
            assert_eq!(Announced::parse(line), Some(Announced::Pdu(kind, length)));
        }
        assert_eq!(
            Announced::parse("+CBM: 1,50,1,1,1"),
            Some(Announced::BroadcastInWords)
        );
        assert_eq!(
            Announced::parse("+CDS: 6,1,\"+1555\",145,\"24/01/01\""),
            None
        );
    }
}
