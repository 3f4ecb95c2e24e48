//! What must hold for any octets whatever: shared by the fuzz targets and the seeded test that
//! stands in for them on a stable toolchain. Each panics when its law is broken, and is for tests
//! only.

use super::header::{Concat, UserDataHeader};
use super::join::{Assemblies, ConcatKey};
use super::pdu::{Direction, Pdu, Tpdu, tpdu_octets};
use super::user_data::UserData;
use super::{Status, plan, split};

/// Every law of octets from the air.
pub fn pdu(octets: &[u8]) {
    pdu_decode(octets);
    deliver(octets);
    submit(octets);
    status_report(octets);
    user_data_header(octets);
}

/// A PDU, service centre first.
pub fn pdu_decode(octets: &[u8]) {
    let Ok(pdu) = Pdu::decode(octets) else {
        if let Some(torn) = Pdu::torn(octets) {
            user_data(&torn.user_data);
            comes_back(&Tpdu::Deliver(torn));
        }
        return;
    };
    assert_eq!(Pdu::torn(octets), None);
    let again = pdu.encode().expect("what was read can be written");
    let read = Pdu::decode(&again).expect("what was written can be read");
    assert_eq!(read, pdu);
    let tpdu = tpdu_octets(octets).expect("a PDU that was read has a TPDU");
    assert_eq!(Tpdu::decode(tpdu), Ok(pdu.tpdu));
}

/// An SMS-DELIVER.
pub fn deliver(octets: &[u8]) {
    if let Ok(tpdu) = with_type(octets, 0b00, Direction::ToModem) {
        let Tpdu::Deliver(deliver) = &tpdu else {
            panic!("type 0 towards a modem is a delivery");
        };
        user_data(&deliver.user_data);
        let _ = (
            deliver.originator.to_string(),
            deliver.timestamp.to_string(),
        );
        let _ = (
            deliver.timestamp.instant(),
            deliver.coding.class(),
            deliver.coding.waiting(),
        );
        comes_back(&tpdu);
    }
}

/// An SMS-SUBMIT.
pub fn submit(octets: &[u8]) {
    if let Ok(tpdu) = with_type(octets, 0b01, Direction::FromModem) {
        let Tpdu::Submit(submit) = &tpdu else {
            panic!("type 1 from a modem is a submission");
        };
        user_data(&submit.user_data);
        comes_back(&tpdu);
    }
}

/// An SMS-STATUS-REPORT.
pub fn status_report(octets: &[u8]) {
    if let Ok(tpdu) = with_type(octets, 0b10, Direction::ToModem) {
        let Tpdu::StatusReport(report) = &tpdu else {
            panic!("type 2 towards a modem is a status report");
        };
        let Status(_) = report.status;
        let _ = (report.status.words(), report.status.delivery());
        comes_back(&tpdu);
    }
}

/// A user data header, without its length.
pub fn user_data_header(octets: &[u8]) {
    let Ok(header) = UserDataHeader::from_octets(octets.to_vec()) else {
        return;
    };
    assert_eq!(header.octets(), octets);
    let elements: Vec<_> = header.elements().collect();
    if !elements.is_empty() {
        let again = UserDataHeader::new(&elements).expect("elements that came fit again");
        assert_eq!(again, header);
    }
    if let Some(concat) = header.concat() {
        assert!(concat.sequence >= 1 && concat.sequence <= concat.total);
    }
    let _ = (header.ports(), header.alphabet());
}

/// Parts of several texts, and a text to split. Each part is a peer, a total, a sequence, a kind
/// and what it holds.
pub fn join(octets: &[u8]) {
    let mut texts = Assemblies::new(4);
    for chunk in octets.chunks(9) {
        let &[peer, total, sequence, coding, ref body @ ..] = chunk else {
            break;
        };
        let total = total % 6;
        let sequence = sequence % 7;
        let header = UserDataHeader::from_octets(vec![0, 3, peer & 1, total, sequence])
            .expect("five octets fit");
        let Some(concat) = header.concat() else {
            assert!(sequence == 0 || sequence > total);
            continue;
        };
        let body = match coding % 3 {
            0 => super::Body::Septets(body.iter().map(|octet| octet & 0x7F).collect()),
            1 => super::Body::Ucs2(body.to_vec()),
            _ => super::Body::Octets(body.to_vec()),
        };
        let part = UserData::new(Some(header), body).expect("five octets fit");
        let joined = texts.insert(ConcatKey::new(peer % 6, concat), concat, part);
        assert!(texts.len() <= 4);
        for assembly in joined
            .complete
            .iter()
            .chain(joined.displaced.iter().map(|(_, assembly)| assembly))
        {
            assert!(assembly.here() <= assembly.total());
            let so_far = assembly.text_so_far();
            match assembly.text() {
                Some(text) => assert_eq!(text, so_far),
                None => assert!(!assembly.is_complete() || so_far.contains(super::GAP)),
            }
        }
        assert!(joined.complete.is_none_or(|whole| whole.is_complete()));
    }
    if let Ok(text) = std::str::from_utf8(octets) {
        split_and_join(text);
    }
}

fn split_and_join(text: &str) {
    let plan = plan(text);
    let Ok(parts) = split(text, 1) else {
        assert!(!plan.fits());
        return;
    };
    assert_eq!(parts.len(), plan.segments);
    let mut texts = Assemblies::new(1);
    let mut whole = None;
    for part in parts.into_iter().rev() {
        let concat = part.concat().unwrap_or(Concat {
            reference: 0,
            total: 1,
            sequence: 1,
            wide: false,
        });
        whole = texts.insert((), concat, part).complete;
    }
    let read = whole.and_then(|whole| whole.text());
    // Read for a byte-order mark, these are no part of the text.
    let marked = text.starts_with(['\u{FEFF}', '\u{FFFE}']);
    assert!(marked || read.as_deref() == Some(text));
}

/// The octets as a TPDU of one type: otherwise three in four random inputs are another's.
fn with_type(
    octets: &[u8],
    message_type: u8,
    direction: Direction,
) -> Result<Tpdu, super::DecodeError> {
    let mut octets = octets.to_vec();
    if let Some(first) = octets.first_mut() {
        *first = *first & !0b11 | message_type;
    }
    Tpdu::decode_going(direction, &octets)
}

fn user_data(user_data: &UserData) {
    assert_eq!(user_data.text().is_none(), user_data.data().is_some());
    let _ = (user_data.is_mms_notice(), user_data.concat());
}

fn comes_back(tpdu: &Tpdu) {
    let octets = tpdu.encode().expect("what was read can be written");
    assert!(octets.len() <= 176, "no TPDU is longer");
    assert_eq!(Tpdu::decode(&octets).as_ref(), Ok(tpdu));
}
