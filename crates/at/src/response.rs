//! What the information lines of a response mean.

use super::command::{Domain, Memory};
use super::fields::{Field, fields};
use super::{hex, ucs2};

/// One entry of `+CMGL` or `+CMGR` (TS 27.005 §4.1, §4.2), told by its header and the line after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its index; `None` when the header was unreadable, so that it can be kept but not deleted.
    pub index: Option<u16>,
    /// Octets of the TPDU, without the service centre address.
    pub length: Option<u16>,
    /// The PDU's digits as they stood; empty when none followed.
    pub pdu: String,
    /// It came in text mode: the modem has forgotten `+CMGF=0`. Some modems name the state in words
    /// before a PDU as well, so the body decides: digits as long as announced are a PDU.
    pub text_mode: bool,
    /// The lines as they came, header first.
    pub raw: String,
}

/// Hexadecimal digits that are hardly anything but a PDU: ten octets, fewer than any text has.
const DIGITS_SURE: usize = 20;

impl Entry {
    /// A PDU whose header was lost or garbled.
    pub(super) fn headless(line: &str) -> Self {
        Self {
            index: None,
            length: None,
            pdu: line.to_owned(),
            text_mode: false,
            raw: line.to_owned(),
        }
    }

    /// Takes the line behind the header: all of it, or the longest run of digits where the rest is
    /// none of the PDU's, such as a quote.
    pub(super) fn take_body(&mut self, line: &str) {
        self.raw.push('\n');
        self.raw.push_str(line);
        let run = longest_run(line);
        let is_it = hex::decode(run).is_some_and(|octets| match self.length {
            Some(_) => is_length(&octets, self.length),
            None => run.len() >= DIGITS_SURE,
        });
        self.pdu = if is_it { run } else { line }.to_owned();
        self.text_mode &= self.length.is_none() || !self.is_whole();
    }

    /// Whether the PDU may go on in the next line: what is there is none but its digits, and shorter
    /// than the header says.
    pub(super) fn goes_on(&self) -> bool {
        let digits = self.pdu.len();
        let is_hex = digits > 0 && self.pdu.bytes().all(|digit| digit.is_ascii_hexdigit());
        // The service centre's address stands before it and is not counted.
        let centre = self.pdu.get(..2);
        let centre = centre.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let centre = 1 + usize::from(centre.unwrap_or_default());
        is_hex
            && !self.is_whole()
            && self
                .length
                .is_some_and(|length| digits < 2 * (centre + usize::from(length)))
    }

    /// Takes a further line of the PDU; `false` where that is none.
    pub(super) fn takes_more(&mut self, line: &str) -> bool {
        let more = line.trim();
        let is_hex = !more.is_empty() && more.bytes().all(|digit| digit.is_ascii_hexdigit());
        if !is_hex || !self.goes_on() {
            return false;
        }
        self.raw.push('\n');
        self.raw.push_str(line);
        self.pdu.push_str(more);
        self.text_mode &= !self.is_whole();
        true
    }

    /// The PDU's octets, service centre address included.
    pub fn octets(&self) -> Option<Vec<u8>> {
        hex::decode(&self.pdu)
    }

    /// Whether the PDU is hexadecimal and as long as its header says. Otherwise octets were lost
    /// on the way from the modem, or in its storage.
    pub fn is_whole(&self) -> bool {
        self.octets()
            .is_some_and(|octets| is_length(&octets, self.length))
    }

    /// Reads `<index>,<stat>,[<alpha>],<length>`, or for `+CMGR` the same without the index.
    pub(super) fn header(rest: &str, index: Option<u16>) -> Self {
        let mut values = fields(rest).into_iter();
        let index = index.or_else(|| values.next().and_then(Field::number));
        let stat = values.next();
        let tail = pdu_behind(rest);
        let in_words = stat.is_some_and(Field::is_quoted);
        // Text mode has a sender and a stamp before a length, which counts letters (TS 27.005 §3.4.2).
        let counts_octets = !in_words || values.len() <= LENGTH_PLACE_MAX;
        Self {
            index,
            length: match tail {
                Some((length, _)) => Some(length),
                None => values
                    .next_back()
                    .filter(|_| counts_octets)
                    .and_then(Field::number),
            },
            pdu: tail.map_or_else(String::new, |(_, pdu)| pdu.to_owned()),
            text_mode: in_words && tail.is_none(),
            raw: rest.to_owned(),
        }
    }
}

/// Values behind the state of a PDU's header: `[<alpha>],<length>`, and with some a sender before them.
const LENGTH_PLACE_MAX: usize = 3;

/// A PDU at the end of the header's own line, and the length before it: behind a comma or a space,
/// or run together.
fn pdu_behind(header: &str) -> Option<(u16, &str)> {
    let header = header.trim_end_matches('"');
    let is_digit = |character: char| character.is_ascii_hexdigit();
    let before = header.trim_end_matches(is_digit);
    let run = header.get(before.len()..)?;
    if run.len() < DIGITS_SURE {
        return None;
    }
    (0..=3).find_map(|run_in| {
        let (length, pdu) = run.split_at_checked(run_in)?;
        let length = match length {
            "" => before
                .trim_end_matches([',', ' ', '"'])
                .rsplit([',', ' '])
                .next()?,
            length => length,
        };
        let length = length.parse().ok()?;
        let octets = hex::decode(pdu)?;
        is_length(&octets, Some(length)).then_some((length, pdu))
    })
}

/// The longest run of hexadecimal digits in a line.
fn longest_run(line: &str) -> &str {
    line.split(|character: char| !character.is_ascii_hexdigit())
        .max_by_key(|run| run.len())
        .unwrap_or_default()
}

/// Whether a PDU is a service centre address and `length` octets; an unknown length fits anything.
pub(super) fn is_length(octets: &[u8], length: Option<u16>) -> bool {
    let Some(length) = length else {
        return true;
    };
    let centre = octets.first().map_or(0, |octets| usize::from(*octets));
    octets.len() == usize::from(length).saturating_add(centre).saturating_add(1)
}

/// How full a memory is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fill {
    /// Its name; not said in the answer to `AT+CPMS=`.
    pub memory: Option<Memory>,
    /// Texts in it.
    pub used: u16,
    /// Texts it holds.
    pub total: u16,
}

/// The memories a modem offers: to read and delete from, to write to, to receive into.
pub type Offered = [Vec<Memory>; 3];

/// `+CPMS: "SM",3,50,"SM",3,50,"SM",3,50` (read) or `+CPMS: 3,50,3,50,3,50` (set): up to three.
pub fn storage(line: &str) -> Vec<Fill> {
    let Some(rest) = line.strip_prefix("+CPMS:") else {
        return Vec::new();
    };
    let rest = rest.replace(['(', ')'], "");
    let values = fields(&rest);
    let named = values
        .first()
        .is_some_and(|field| field.number::<u16>().is_none());
    let width = if named { 3 } else { 2 };
    values
        .chunks_exact(width)
        .filter_map(|chunk| {
            let (memory, counts) = if named {
                chunk.split_first()?
            } else {
                (chunk.first()?, chunk)
            };
            Some(Fill {
                memory: if named {
                    Memory::new(memory.text())
                } else {
                    None
                },
                used: counts.first()?.number()?,
                total: counts.get(1)?.number()?,
            })
        })
        .collect()
}

/// `+CPMS: ("SM","ME"),("SM","ME"),("SM","ME")`. Wavecom puts a bracket more around them all, and
/// Thuraya none: then they run into one another, and each memory may be for anything.
pub fn storage_offered(line: &str) -> Option<Offered> {
    let rest = line.strip_prefix("+CPMS:")?;
    let mut values = fields(rest);
    if let [all] = values[..]
        && all.members().iter().any(|list| list.is_bracketed())
    {
        values = all.members();
    }
    let named = |members: Vec<Field<'_>>| -> Vec<Memory> {
        let mut memories = Vec::new();
        for memory in members.iter().filter_map(|name| Memory::new(name.text())) {
            if !memories.contains(&memory) {
                memories.push(memory);
            }
        }
        memories
    };
    if !rest.contains('(') {
        let all = named(values);
        return Some([all.clone(), all.clone(), all]);
    }
    let memories = |place: usize| values.get(place).map(|list| named(list.members()));
    let memories = |place| memories(place).unwrap_or_default();
    Some([memories(0), memories(1), memories(2)])
}

/// `+CNMI: mode,mt,bm,ds,bfr`, as it is set. What a modem leaves out is zero.
pub fn indications(line: &str) -> Option<[u8; 5]> {
    let values = fields(line.strip_prefix("+CNMI:")?);
    let mut set = [0; 5];
    for (place, value) in set.iter_mut().zip(&values) {
        *place = value.number()?;
    }
    (!values.is_empty()).then_some(set)
}

/// `+CNMI: (0-3),(0,1),(0,2,3),(0,2),(1)`: the values each parameter may take.
pub fn indications_offered(line: &str) -> Option<[Vec<u8>; 5]> {
    let values = fields(line.strip_prefix("+CNMI:")?);
    let numbers = |index: usize| values.get(index).map(|f| f.numbers()).unwrap_or_default();
    Some([numbers(0), numbers(1), numbers(2), numbers(3), numbers(4)])
}

/// `+CSQ: rssi,ber` in dBm (TS 27.007 §8.5); `None` while unknown (99).
pub fn signal_dbm(line: &str) -> Option<i16> {
    let rssi: u8 = fields(line.strip_prefix("+CSQ:")?).first()?.number()?;
    rssi_dbm(rssi)
}

/// The steps of `+CSQ` and `^RSSI`: 0 is −113 dBm or less, each step 2 dB, 31 is −51 or more;
/// 100 to 191 are TD-SCDMA's and LTE's finer steps from −116 dBm.
pub fn rssi_dbm(rssi: u8) -> Option<i16> {
    match rssi {
        0..=31 => Some(i16::from(rssi) * 2 - 113),
        100..=191 => Some(i16::from(rssi) - 100 - 116),
        _ => None,
    }
}

/// The state in `+CREG: n,stat,…` (TS 27.007 §7.2).
pub fn registration(line: &str, domain: Domain) -> Option<u8> {
    let rest = line.strip_prefix(domain.name())?.strip_prefix(':')?;
    fields(rest).get(1)?.number()
}

/// The name in `+COPS: mode,format,"name",act`; `None` while none is selected.
pub fn operator(line: &str) -> Option<String> {
    let fields = fields(line.strip_prefix("+COPS:")?);
    let name = ucs2::name(fields.get(2)?.text());
    (!name.is_empty()).then_some(name)
}

/// The message reference in `+CMGS: mr` (TS 23.040 §9.2.3.6).
pub fn message_reference(line: &str) -> Option<u8> {
    // Some modems count on beyond 255; the reference on the air is its low octet.
    let fields = fields(line.strip_prefix("+CMGS:")?);
    // Behind it at most one thing more: more than that is another line that ran into this one.
    if fields.len() > 2 {
        return None;
    }
    let reference: u32 = fields.first()?.number()?;
    Some(reference.to_le_bytes()[0])
}

/// The state in `+CPIN: …`.
pub fn pin_state(line: &str) -> Option<&str> {
    Some(line.strip_prefix("+CPIN:")?.trim().trim_matches('"'))
}

/// The number in `+CSCA: "number",type`; empty when none is set.
pub fn service_centre(line: &str) -> Option<String> {
    let fields = fields(line.strip_prefix("+CSCA:")?);
    Some(ucs2::number(fields.first()?.text()))
}

/// The name in `+CSCS: "IRA"`.
pub fn character_set(line: &str) -> Option<&str> {
    let name = line.strip_prefix("+CSCS:")?;
    Some(name.trim().trim_matches('"'))
}

/// The number in `+CNUM: [alpha],"number",type`.
pub fn own_number(line: &str) -> Option<String> {
    let fields = fields(line.strip_prefix("+CNUM:")?);
    let number = ucs2::number(fields.get(1)?.text());
    (!number.is_empty()).then_some(number)
}

/// The first number behind the colon: `+IPR: 115200`, `+CGSMS: 1`, `+CFUN: 1`.
pub fn setting(line: &str) -> Option<u32> {
    let (_, rest) = line.split_once(':')?;
    fields(rest).first()?.number()
}

/// The tries that a PIN has left, in any of the answers to [`PinQuery`](super::PinQuery).
pub fn pin_tries(line: &str) -> Option<u8> {
    let (name, rest) = line.split_once(':')?;
    let values = fields(rest);
    let place = match name {
        // A line for each code: `+CPINR: SIM PIN,3,3`.
        "+CPINR" if values.first()?.text() == "SIM PIN" => 1,
        // PIN, PUK, PIN2, PUK2.
        "+SPIC" => 0,
        // The facility, its PIN, its PUK.
        "+QPINC" if values.first()?.text() == "SC" => 1,
        // What is asked for, its tries, then PUK, PIN, PUK2, PIN2.
        "^CPIN" => 3,
        _ => return None,
    };
    values.get(place)?.number()
}

/// The first octet of a file that was read: `+CRSM: 144,0,"7FFF"`. `None` where the card refused.
pub fn first_octet(line: &str) -> Option<u8> {
    let values = fields(line.strip_prefix("+CRSM:")?);
    // 90 00, and 91 xx where the card has something to say besides (TS 102 221 §10.2).
    let sw1: u8 = values.first()?.number()?;
    if !matches!(sw1, 144 | 145) {
        return None;
    }
    hex::decode(values.get(2)?.text())?.first().copied()
}

/// A line that some modems give a prefix and most do not: `+CGMM: SIM7600`, `SIM7600`.
pub fn bare(line: &str) -> &str {
    let line = match line.split_once(':') {
        Some((name, rest)) if name.starts_with(['+', '^', '#']) => rest,
        _ => line,
    };
    line.trim().trim_matches('"')
}

/// The digits of an IMEI, IMSI or ICCID, wherever they stand in the line. An ICCID may end in a
/// letter (SIM800: a check digit and `F`), which is left out.
pub fn digits(line: &str) -> String {
    let line = bare(line);
    line.chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .take(20)
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn entries_are_told_by_their_header() {
        for (rest, index, expected) in [
            ("1,1,,24", None, (Some(1), Some(24), false)),
            ("0,0,\"\",159", None, (Some(0), Some(159), false)), // Huawei counts from 0
            ("12,1,\"Ana\",30", None, (Some(12), Some(30), false)),
            (
                "3,\"REC READ\",\"+15550100\",,\"24/01/01\"",
                None,
                (Some(3), None, true),
            ),
            ("garbage", None, (None, None, false)),
            // In words, and a PDU may follow all the same.
            ("4,\"REC UNREAD\",,37", None, (Some(4), Some(37), true)),
            (
                "3,\"REC READ\",\"+15550100\",,\"24/01/01,10:00:00+00\",145,11",
                None,
                (Some(3), None, true),
            ),
            ("0,,33", Some(7), (Some(7), Some(33), false)), // +CMGR
        ] {
            let entry = Entry::header(rest, index);
            assert_eq!(
                (entry.index, entry.length, entry.text_mode),
                expected,
                "{rest:?}"
            );
        }
    }

    #[test]
    fn a_pdu_that_lost_octets_is_noticed() {
        let entry = |length, pdu: &str| Entry {
            index: Some(1),
            length,
            pdu: pdu.into(),
            text_mode: false,
            raw: String::new(),
        };
        for (length, pdu, whole) in [
            (Some(3), "00040506", true),
            (Some(3), "0191040506", true),
            (Some(4), "00040506", false),
            (None, "00040506", true),
            (Some(3), "0004050", false),
            (Some(3), "", false),
        ] {
            assert_eq!(entry(length, pdu).is_whole(), whole, "{pdu} {length:?}");
        }
    }

    #[test]
    fn the_body_decides_whether_it_is_a_pdu() {
        for (header, body, text_mode) in [
            ("1,\"REC UNREAD\",,3", "00040506", false),
            ("1,\"REC UNREAD\",\"\",3", "00040506", false),
            ("1,\"REC UNREAD\",,4", "00040506", true),
            ("1,\"REC UNREAD\",,3", "see you", true),
            // UCS2 in text mode is hexadecimal too.
            ("1,\"REC UNREAD\",\"+1555\",,\"24/01/01\"", "00480069", true),
            (
                "1,\"REC UNREAD\",\"+1555\",,\"24/01/01\",145,3",
                "00480069",
                true,
            ),
            ("1,0,,3", "00040506", false),
            ("1,0,,4", "00040506", false),
        ] {
            let mut entry = Entry::header(header, None);
            entry.take_body(body);
            assert_eq!(entry.text_mode, text_mode, "{header} {body}");
        }
    }

    #[test]
    fn the_pdu_is_the_longest_run_of_digits() {
        let pdu = "0791515521039FF904050000";
        for (length, line, found) in [
            (Some(4), format!("\"{pdu}"), pdu),
            (Some(4), format!("\"{pdu}\""), pdu),
            (None, format!("> {pdu}"), pdu),
            // Not as long as the header says: the line stays as it came.
            (Some(9), format!("\"{pdu}"), &format!("\"{pdu}")),
            (None, "00@4zz".to_owned(), "00@4zz"),
        ] {
            let mut entry = Entry::header("1,1,", None);
            entry.length = length;
            entry.take_body(&line);
            assert_eq!(entry.pdu, found, "{line:?}");
            assert_eq!(entry.raw, format!("1,1,\n{line}"));
        }
    }

    #[test]
    fn a_pdu_may_stand_on_the_headers_own_line() {
        let pdu = "0791515521039FF904050000";
        for rest in [
            format!("1,1,,4,{pdu}"),
            format!("1,1,,4 {pdu}"),
            format!("1,1,,4,\"{pdu}\""),
            format!("1,1,,4{pdu}"),
        ] {
            let entry = Entry::header(&rest, None);
            assert_eq!((entry.index, entry.length), (Some(1), Some(4)), "{rest}");
            assert_eq!(entry.pdu, pdu, "{rest}");
        }
        // Too short, or not of the length: the body is still to come.
        for rest in [
            "1,1,,24",
            "1,1,,9,0791515521039FF904050000",
            "1,1,\"ABBA\",24",
        ] {
            assert_eq!(Entry::header(rest, None).pdu, "", "{rest}");
        }
    }

    #[test]
    fn memories_are_read_however_they_are_bracketed() {
        let names = |names: &[&str]| -> Vec<Memory> {
            names.iter().filter_map(|name| Memory::new(name)).collect()
        };
        for (line, read, receive) in [
            (
                r#"+CPMS: ("ME","SM"),("ME","SM"),("SM")"#,
                &["ME", "SM"][..],
                &["SM"][..],
            ),
            // Wavecom
            (
                r#"+CPMS: (("SM","BM","SR"),("SM"))"#,
                &["SM", "BM", "SR"],
                &[],
            ),
            (
                r#"+CPMS: (("ME","SM"),("ME"),("SM"))"#,
                &["ME", "SM"],
                &["SM"],
            ),
            // Thuraya
            (
                r#"+CPMS: "MT","SM","ME", "MT","SM","ME", "MT","SM","ME" "#,
                &["MT", "SM", "ME"],
                &["MT", "SM", "ME"],
            ),
            // Nokia C6, Samsung J700
            ("+CPMS: (),(),()", &[], &[]),
            ("+CPMS: ", &[], &[]),
            ("+CPMS: (SM,ME),(SM,ME),(SM)", &["SM", "ME"], &["SM"]),
            (r#"+CPMS: ("SM")"#, &["SM"], &[]),
            (
                r#"+CPMS:     (  "ME"  ,  "MT"  )   ,  ("ME","SM") ,   (  "SM"  )"#,
                &["ME", "MT"],
                &["SM"],
            ),
        ] {
            let [in_read, _, in_receive] = storage_offered(line).unwrap();
            assert_eq!(in_read, names(read), "{line}");
            assert_eq!(in_receive, names(receive), "{line}");
        }
    }

    #[test]
    fn storage_is_read_in_all_its_forms() {
        let sm = |used, total| Fill {
            memory: Memory::new("SM"),
            used,
            total,
        };
        let bare = |used, total| Fill {
            memory: None,
            used,
            total,
        };
        for (line, fills) in [
            (
                r#"+CPMS: "SM",3,50,"SM",3,50,"SM",3,50"#,
                vec![sm(3, 50); 3],
            ),
            (
                "+CPMS: 0,23,0,23,0,50",
                vec![bare(0, 23), bare(0, 23), bare(0, 50)],
            ),
            ("+CPMS: 0,10,0,10", vec![bare(0, 10); 2]), // two memories only
            // An eSIM without places for texts
            (r#"+CPMS: "SM",0,0,"SM",0,0,"SM",0,0"#, vec![sm(0, 0); 3]),
            (r#"+CPMS: ("SM",3,50),("SM",3,50)"#, vec![sm(3, 50); 2]),
            ("+CPMS: (0,10),(0,10)", vec![bare(0, 10); 2]),
            (r#"+CPMS: "SM", 3, 50"#, vec![sm(3, 50)]),
            ("+CPMS:", vec![]),
            ("+CPMS: x", vec![]),
        ] {
            assert_eq!(storage(line), fills, "{line:?}");
        }
        let [read, write, receive] =
            storage_offered(r#"+CPMS: ("ME","SM","MT"),("ME","SM","MT"),("SM","MT")"#).unwrap();
        assert_eq!(read.len(), 3);
        assert_eq!(write, read);
        assert_eq!(receive, ["SM", "MT"].map(|name| Memory::new(name).unwrap()));
    }

    #[test]
    fn what_is_known_of_a_line_is_read() {
        assert_eq!(signal_dbm("+CSQ: 20,99"), Some(-73));
        assert_eq!(signal_dbm("+CSQ: 99,99"), None);
        assert_eq!(rssi_dbm(31), Some(-51));
        assert_eq!(registration("+CREG: 0,1", Domain::Circuit), Some(1));
        assert_eq!(registration("+CEREG: 2,5,\"1A\"", Domain::Evolved), Some(5));
        assert_eq!(
            operator(r#"+COPS: 0,0,"T-Mobile",7"#),
            Some("T-Mobile".into())
        );
        assert_eq!(operator("+COPS: 0"), None);
        // Another program left AT+CSCS="UCS2".
        assert_eq!(
            operator(r#"+COPS: 0,0,"00460061006B0065004E00650074",7"#),
            Some("FakeNet".into())
        );
        assert_eq!(
            own_number(r#"+CNUM: "","002B00310035003500350030003100300030",145"#),
            Some("+15550100".into())
        );
        assert_eq!(
            service_centre(r#"+CSCA: "002B0031003500350035003000300030",145"#),
            Some("+1555000".into())
        );
        assert_eq!(registration("+CREG:002,001", Domain::Circuit), Some(1));
        assert_eq!(
            registration("+C5GREG: 2,1,\"1F00\"", Domain::Fifth),
            Some(1)
        );
        assert_eq!(indications("+CNMI: 2,1,0,2,0"), Some([2, 1, 0, 2, 0]));
        assert_eq!(indications("+CNMI: 2,1"), Some([2, 1, 0, 0, 0]));
        assert_eq!(indications("+CNMI: (0-3)"), None);
        assert_eq!(character_set("+CSCS: \"UCS2\""), Some("UCS2"));
        assert_eq!(message_reference("+CMGS: 255"), Some(255));
        assert_eq!(message_reference("+CMGS: 256"), Some(0));
        assert_eq!(message_reference("+CMGS: 5,\"0891\""), Some(5));
        // A `^HCSQ` whose beginning was lost, with the reference.
        assert_eq!(message_reference("+CMGS: 52,48,161,26"), None);
        assert_eq!(pin_state("+CPIN: SIM PIN"), Some("SIM PIN"));
        assert_eq!(
            service_centre(r#"+CSCA: "+15550000",145"#),
            Some("+15550000".into())
        );
        assert_eq!(
            own_number(r#"+CNUM: "Line 1","+15550100",145"#),
            Some("+15550100".into())
        );
        assert_eq!(own_number(r#"+CNUM: ,"",129"#), None);
        assert_eq!(bare("+CGMM: SIM7600"), "SIM7600");
        assert_eq!(bare("Revision:SIM800 R14"), "Revision:SIM800 R14");
        assert_eq!(
            digits("+CCID: \"89014103211118510720\""),
            "89014103211118510720"
        );
        assert_eq!(digits("8944500102198304826f"), "8944500102198304826");
        assert_eq!(digits("IMEI: 490154203237518"), "490154203237518");
        assert_eq!(
            indications_offered("+CNMI: (0-3),(0,1),(0,2,3),(0,2),(1)").unwrap()[4],
            [1]
        );
    }

    #[test]
    fn the_tries_of_a_pin_are_read_in_every_dialect() {
        for (line, tries) in [
            ("+CPINR: SIM PIN,3,3", Some(3)),
            ("+CPINR: SIM PUK,10,10", None),
            ("+SPIC: 2,10,3,10", Some(2)),
            (r#"+QPINC: "SC",1,10"#, Some(1)),
            (r#"+QPINC: "P2",3,10"#, None),
            ("^CPIN: SIM PIN,3,10,2,10,3", Some(2)),
            ("^CPIN: READY,,10,3,10,3", Some(3)),
            ("+CPIN: SIM PIN", None),
            ("+SPIC:", None),
        ] {
            assert_eq!(pin_tries(line), tries, "{line}");
        }
    }

    #[test]
    fn the_last_reference_is_read_from_the_card() {
        for (line, octet) in [
            (r#"+CRSM: 144,0,"07FF""#, Some(7)),
            (r#"+CRSM: 145,23,"FFFF""#, Some(255)),
            ("+CRSM: 144,0,0AFF", Some(10)),
            ("+CRSM: 106,130", None),
            (r#"+CRSM: 144,0,"""#, None),
            ("+CRSM: 144,0,\"x\"", None),
        ] {
            assert_eq!(first_octet(line), octet, "{line}");
        }
    }
}
