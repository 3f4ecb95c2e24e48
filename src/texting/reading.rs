//! What an arrival turns out to be, pure: a text, and whose; a report; something that nobody can
//! read, which is kept and shown all the same.

use std::time::Duration;

use jiff::Timestamp;

use crate::desk::Arrivals;
use crate::modem::ArrivedPdu;
use crate::routing::{ArrivalId, Event, GatewayId, means_stop};
use crate::sms::{self, Assembly, Pdu, Ports, SmsDeliver, SmsStatusReport, Tpdu, UserData};
use crate::spool::inbox::printed;

/// What the desk shows in place of a picture message, which only the carrier's own store could
/// give: this line has no packet data.
const PICTURE: &str = "(a picture message: this line cannot open pictures)";

/// The port of business cards (TS 23.040 §9.2.3.24.4, from the Smart Messaging specification).
const CARD_PORT: u16 = 9204;

/// How far a carrier's stamp may be from our own clock and be believed: service centres keep texts
/// for a week at most, so that anything further off is a wrong zone, a wrong year, or our own clock
/// before a network has set it. Then the text has the time it came.
const BELIEVED: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What the octets of a row are.
pub(super) enum Found {
    /// A text, or a segment of one.
    Delivery(Box<SmsDeliver>),
    /// A text of which the end did not come.
    Torn(Box<SmsDeliver>),
    /// What became of a text of ours.
    Report(Box<SmsStatusReport>),
    /// A phone's own, left on the SIM before it was put into the modem.
    Stored,
    /// None of these: why.
    Unreadable(String),
}

/// Reads what was kept of an arrival: octets, or lines as the modem printed them.
pub(super) fn read(kept: &[u8]) -> Found {
    let error = match Pdu::decode(kept).map(|pdu| pdu.tpdu) {
        Ok(Tpdu::Deliver(deliver)) => return Found::Delivery(Box::new(deliver)),
        Ok(Tpdu::StatusReport(report)) => return Found::Report(Box::new(report)),
        Ok(Tpdu::Submit(_)) => return Found::Stored,
        Err(error) => error,
    };
    if let Some(torn) = Pdu::torn(kept) {
        return Found::Torn(Box::new(torn));
    }
    Found::Unreadable(match printed(kept) {
        Some(_) => "it is no PDU".into(),
        None => error.to_string(),
    })
}

/// What is kept of an arrival: its octets, where they are a PDU; of whatever is none, the lines as
/// the modem printed them.
///
/// Some modems leave the service centre's octet out. Where the announced length says so, or says
/// nothing, and the octets are no text or one that somebody stored, they are read with that octet.
pub(super) fn kept(arrived: ArrivedPdu) -> Vec<u8> {
    if !arrived.readable {
        return arrived.octets;
    }
    let found = read(&arrived.octets);
    let may_lack_centre = match (&found, arrived.length) {
        (Found::Unreadable(_) | Found::Torn(_) | Found::Stored, Some(length)) => {
            usize::from(length) == arrived.octets.len()
        }
        (Found::Unreadable(_), None) => true,
        _ => false,
    };
    if may_lack_centre {
        let with_centre = [&[0], arrived.octets.as_slice()].concat();
        let is_it = match read(&with_centre) {
            Found::Delivery(deliver) => deliver.timestamp.instant().is_some(),
            Found::Report(report) => report.timestamp.instant().is_some(),
            _ => false,
        };
        if is_it {
            return with_centre;
        }
    }
    match found {
        Found::Unreadable(_) if !arrived.raw.is_empty() => arrived.raw.into_bytes(),
        _ => arrived.octets,
    }
}

pub(super) fn believed(stamp: Option<Timestamp>, received: Timestamp) -> Option<Timestamp> {
    let apart = |stamp: &Timestamp| stamp.duration_since(received).abs();
    let most = jiff::SignedDuration::try_from(BELIEVED).unwrap_or(jiff::SignedDuration::MAX);
    stamp.filter(|stamp| apart(stamp) <= most)
}

/// Why nobody is to see a text: it is for the SIM or the telephone.
pub(super) fn for_nobody(deliver: &SmsDeliver) -> Option<&'static str> {
    // TS 23.038 §4: what waits is in the carrier's mailbox, which nobody here can open.
    match (deliver.sets_lamp(), deliver.pid.is_download()) {
        (true, _) => Some("a lamp for waiting messages"),
        (_, true) => Some("data for the SIM or the modem"),
        (false, false) => None,
    }
}

/// What a text turned out to be.
pub(super) enum Reading {
    /// Words.
    Words(String),
    /// Words, of which the last are missing: kept.
    Torn(String),
    /// The notice of a picture, and from whom, where it says so: notices come from the carrier's own
    /// numbers.
    Picture(Option<String>),
    /// Data that nobody can read, described.
    Data(String),
}

impl Reading {
    /// A text of one segment.
    pub(super) fn of_one(deliver: &SmsDeliver, id: ArrivalId) -> Self {
        match deliver.text() {
            Some(words) => Self::of_words(words),
            None => {
                let data = deliver.user_data.data().unwrap_or_default();
                Self::of_data(data, deliver.user_data.ports(), id)
            }
        }
    }

    /// A text of several, all here.
    pub(super) fn of_whole(assembly: &Assembly, id: ArrivalId) -> Self {
        match (assembly.text(), assembly.data()) {
            (Some(words), _) => Self::of_words(words),
            (None, Some(data)) => Self::of_data(&data, assembly.ports(), id),
            (None, None) => Self::Words(assembly.text_so_far()),
        }
    }

    /// A text of several, as far as it has come.
    pub(super) fn of_some(assembly: &Assembly) -> Self {
        match assembly.is_mms_notice() {
            // The sender stands in a part that is missing, or nowhere.
            true => Self::Picture(None),
            false => Self::Words(assembly.text_so_far()),
        }
    }

    /// A text whose end did not come. It is the patron's all the same, and a wish to be left alone
    /// holds.
    pub(super) fn of_torn(deliver: &SmsDeliver, id: ArrivalId) -> Self {
        let words = deliver.text().unwrap_or_default();
        let words = words.trim();
        let body = match words {
            "" => format!("A message came damaged, without its words. It is kept as arrival {id}."),
            words if means_stop(words) => words.to_owned(),
            words => format!(
                "{words} […]\n(It came damaged: these are its first words. It is kept as arrival {id}.)"
            ),
        };
        Self::Torn(body)
    }

    fn of_words(words: String) -> Self {
        Self::Words(card(&words).unwrap_or(words))
    }

    fn of_data(data: &[u8], ports: Option<Ports>, id: ArrivalId) -> Self {
        let push = ports.is_some_and(|ports| UserData::is_push(&ports));
        let what = match push {
            true if sms::announces_picture(data) => {
                return Self::Picture(sms::sender_of_picture(data));
            }
            true => "a WAP push, such as settings or a link from the carrier",
            false => "data, not text",
        };
        let for_people = ports.is_none_or(|ports| ports.destination == CARD_PORT);
        if for_people && let Some(words) = words_of(data) {
            return Self::of_words(words);
        }
        let octets = data.len();
        Self::Data(format!(
            "A message of {octets} octets came that is {what}. It is kept as arrival {id}."
        ))
    }

    /// What is shown of it.
    pub(super) fn words(self) -> String {
        match self {
            Reading::Words(words) | Reading::Torn(words) | Reading::Data(words) => words,
            Reading::Picture(_) => PICTURE.into(),
        }
    }

    pub(super) fn event(
        self,
        gateway: GatewayId,
        from: &str,
        stamped_at: Option<Timestamp>,
    ) -> Event {
        match self {
            Reading::Picture(sender) => Event::PictureArrived {
                gateway,
                from: named(sender.as_deref().unwrap_or(from)),
                stamped_at,
            },
            words => text(gateway, from, words.words(), stamped_at),
        }
    }

    pub(super) fn arrivals(&self, ids: Vec<ArrivalId>) -> Arrivals {
        let problem = match self {
            Reading::Words(_) | Reading::Picture(_) => return Arrivals::Consumed(ids),
            Reading::Torn(_) => "its length is wrong, and its end is missing",
            Reading::Data(_) => "data, not text",
        };
        Arrivals::Unreadable {
            ids,
            problem: problem.into(),
        }
    }
}

fn named(from: &str) -> String {
    match from {
        "" => "unknown sender", // an address of no digits (TS 23.040 §9.1.2.5)
        from => from,
    }
    .to_owned()
}

pub(super) fn text(
    gateway: GatewayId,
    from: &str,
    body: String,
    stamped_at: Option<Timestamp>,
) -> Event {
    Event::TextArrived {
        gateway,
        from: named(from),
        body,
        stamped_at,
    }
}

/// Octets as words, where they read as some: UTF-8, UTF-16 behind its mark, or Latin-1.
fn words_of(data: &[u8]) -> Option<String> {
    if let [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..] = data
        && data.len().is_multiple_of(2)
    {
        return Some(sms::decode_ucs2(data)).filter(|words| is_legible(words, 2));
    }
    match std::str::from_utf8(data) {
        Ok(words) => Some(words.trim_start_matches('\u{FEFF}').to_owned())
            .filter(|words| is_legible(words, 2)),
        // Any octets are Latin-1: only words that are mostly plain letters are taken for it.
        Err(_) => {
            let words: String = data.iter().copied().map(char::from).collect();
            let plain = words.replace(|one: char| !one.is_ascii() && !one.is_control(), "-");
            is_legible(&plain, 4).then_some(words)
        }
    }
}

/// Whether all but one in `of` characters are letters, digits or spaces, and none is a control.
fn is_legible(words: &str, of: usize) -> bool {
    let (mut good, mut all) = (0, 0);
    for one in words.chars() {
        all += 1;
        if one.is_alphanumeric() || one.is_whitespace() {
            good += 1;
        } else if one.is_control() {
            return false;
        }
    }
    all > 0 && (all - good) * of <= all
}

/// A business card (RFC 6350, and the versions before it) as a person would say it: a name and its
/// numbers.
fn card(words: &str) -> Option<String> {
    let begins = words.trim_start().get(..11)?;
    if !begins.eq_ignore_ascii_case("BEGIN:VCARD") {
        return None;
    }
    let (mut name, mut formatted) = (None, None);
    let mut numbers = Vec::new();
    for line in unfolded(words) {
        let Some((field, value)) = line.split_once(':') else {
            continue;
        };
        let mut parts = field.split(';');
        let property = parts.next().unwrap_or_default();
        let property = property.rsplit('.').next().unwrap_or_default();
        let quoted = parts.any(|part| part.to_ascii_uppercase().contains("QUOTED-PRINTABLE"));
        let value = match quoted {
            true => quoted_printable(value),
            false => value.replace("\\,", ",").replace("\\;", ";"),
        };
        let value = value.trim();
        match property.to_ascii_uppercase().as_str() {
            _ if value.is_empty() => {}
            "FN" => formatted = Some(value.to_owned()),
            "N" => {
                let mut parts = value.split(';').map(str::trim);
                let last = parts.next().unwrap_or_default();
                let first = parts.next().unwrap_or_default();
                name = Some(format!("{first} {last}").trim().to_owned());
            }
            "TEL" => numbers.push(value.trim_start_matches("tel:").to_owned()),
            _ => {}
        }
    }
    let name = formatted.or(name);
    let said: Vec<String> = name.into_iter().chain(numbers).collect();
    (!said.is_empty()).then(|| format!("(contact card) {}", said.join(", ")))
}

/// Lines of a card: one that begins with a space goes on with the one before.
fn unfolded(words: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in words.lines() {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(more), Some(last)) => last.push_str(more),
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

/// `=C3=A9` is an é (RFC 2045 §6.7).
fn quoted_printable(value: &str) -> String {
    let mut octets = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        match (first, after.split_at_checked(2)) {
            (b'=', Some((digits, behind))) if sms::unhex(digits).is_some() => {
                octets.extend(sms::unhex(digits).unwrap_or_default());
                rest = behind;
            }
            _ => {
                octets.push(*first);
                rest = after;
            }
        }
    }
    words_of(&octets).unwrap_or_else(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::sms::unhex;

    const ID: ArrivalId = ArrivalId(7);
    /// Without the service centre's octet: `hello`, from +15551230100.
    const BARE: &str = "040B915155210301F000004220119034000005E8329BFD06";

    fn octets(digits: &str) -> Vec<u8> {
        unhex(digits.as_bytes()).unwrap()
    }

    fn arrived(digits: &str, length: Option<u16>) -> ArrivedPdu {
        ArrivedPdu {
            length,
            ..ArrivedPdu::direct(Some(octets(digits)), &format!("+CMGL: 1,1,,24\n{digits}"))
        }
    }

    fn delivered(kept: &[u8]) -> Option<String> {
        match read(kept) {
            Found::Delivery(deliver) => deliver.text(),
            _ => None,
        }
    }

    #[test]
    fn a_pdu_without_the_service_centres_octet_is_read_with_it() {
        let length = u16::try_from(BARE.len() / 2).unwrap();
        let with_centre = format!("00{BARE}");
        for (digits, announced) in [
            (BARE, Some(length)),
            (BARE, None), // printed directly, where nothing is announced
            (with_centre.as_str(), Some(length)),
        ] {
            let kept = kept(arrived(digits, announced));
            assert_eq!(kept, octets(&with_centre), "{digits} {announced:?}");
            assert_eq!(delivered(&kept).as_deref(), Some("hello"));
        }
        // What somebody stored to be sent stays what it is, whatever its length counts.
        let stored = "0011000B915155210301F00000AA05E8329BFD06";
        for length in [19, 20] {
            let kept = kept(arrived(stored, Some(length)));
            assert!(matches!(read(&kept), Found::Stored));
        }
    }

    #[test]
    fn of_what_is_unreadable_the_lines_are_kept() {
        let torn = "07915155210399F904";
        let kept = kept(arrived(torn, Some(24)));
        assert_eq!(printed(&kept), Some("+CMGL: 1,1,,24\n07915155210399F904"));
        assert!(matches!(read(&kept), Found::Unreadable(_)));
        // No PDU is taken for lines.
        for first in 0..=11_u8 {
            assert_eq!(printed(&[first, b'A', b'B']), None);
        }
    }

    #[test]
    fn octets_that_read_as_words_are_words() {
        for (data, words) in [
            (&b"Is my book in?"[..], Some("Is my book in?")),
            ("¿Está aquí? Привет".as_bytes(), Some("¿Está aquí? Привет")),
            (b"\xEF\xBB\xBFhello", Some("hello")),
            (b"Est\xE1 aqu\xED", Some("Est\u{e1} aqu\u{ed}")),
            (&[0xFE, 0xFF, 0, b'H', 0, b'i'], Some("Hi")),
            (&[0xFF, 0xFE, b'H', 0, b'i', 0], Some("Hi")),
            (&[1, 2, 3], None),
            (&[0xDE, 0xAD, 0xBE, 0xEF], None),
            (b"%&/()=", None),
            (b"", None),
        ] {
            assert_eq!(words_of(data).as_deref(), words, "{data:02X?}");
        }
    }

    #[test]
    fn a_card_is_shown_as_name_and_number() {
        for (card_, said) in [
            (
                "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Lopez;Ana;;;\r\nTEL;CELL:+15551230100\r\nEND:VCARD\r\n",
                Some("(contact card) Ana Lopez, +15551230100"),
            ),
            (
                "BEGIN:VCARD\nVERSION:3.0\nN:Lopez;Ana\nFN:Dr. Ana\n  Lopez\nitem1.TEL:555 0100\nTEL;VALUE=uri:tel:+1555\nEND:VCARD",
                Some("(contact card) Dr. Ana Lopez, 555 0100, +1555"),
            ),
            (
                "begin:vcard\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:L=C3=B3pez;Jos=C3=A9\nend:vcard",
                Some("(contact card) José López"),
            ),
            ("BEGIN:VCARD\nEND:VCARD", None),
            ("begin: the card", None),
        ] {
            assert_eq!(card(card_).as_deref(), said, "{card_:?}");
        }
        let ports = |destination| {
            Some(Ports {
                destination,
                originator: 0,
                wide: true,
            })
        };
        let data = b"BEGIN:VCARD\nFN:Ana\nEND:VCARD";
        let words = |ports| Reading::of_data(data, ports, ID).words();
        assert_eq!(words(None), "(contact card) Ana");
        assert_eq!(words(ports(CARD_PORT)), "(contact card) Ana");
        assert!(words(ports(5505)).contains("is data"), "for a program");
    }

    #[test]
    fn a_torn_text_is_shown_and_its_stop_holds() {
        // Nine letters promised, and fewer there.
        let torn = |words: &str| {
            let head = "00040B915155210301F0000042201190340000A0";
            let mut octets = octets(head);
            let septets = sms::Alphabet::DEFAULT.encode(words).unwrap();
            sms::pack(&septets, 0, &mut octets);
            match read(&octets) {
                Found::Torn(deliver) => Reading::of_torn(&deliver, ID),
                _ => panic!("{words:?} is torn"),
            }
        };
        let shown = torn("Is my bo").words();
        assert!(
            shown.starts_with("Is my bo […]") && shown.contains("arrival 7"),
            "{shown}"
        );
        assert!(!means_stop(&shown));
        assert_eq!(torn("STOP").words(), "STOP");
        assert!(!means_stop(&torn("STOP the bus").words()));
        assert!(torn("").words().contains("damaged"));
        assert!(matches!(
            torn("Is my bo").arrivals(vec![ID]),
            Arrivals::Unreadable { .. }
        ));
    }

    proptest! {
        /// Whatever comes is kept, and read without harm; what is kept is read the same again.
        #[test]
        fn whatever_comes_is_kept(
            octets in prop::collection::vec(any::<u8>(), 0..180),
            length in prop::option::of(0u16..180),
        ) {
            let raw = format!("+CMGL: 1,1,,24\n{}", sms::hex(&octets));
            let pdu = ArrivedPdu { length, ..ArrivedPdu::direct(Some(octets.clone()), &raw) };
            let kept = kept(pdu);
            let holds = |part: &[u8]| kept.windows(part.len().max(1)).any(|found| found == part);
            prop_assert!(octets.is_empty() || holds(&octets) || printed(&kept) == Some(&raw));
            let _ = words_of(&octets);
        }

        #[test]
        fn cards_are_read_without_harm(rest in "[A-Z:;=\n \t0-9é.]{0,80}") {
            let _ = card(&format!("BEGIN:VCARD\n{rest}"));
        }
    }
}
