//! The inbox: each PDU once.

use super::*;

fn raw(byte: u8) -> Raw {
    Raw {
        digest: [byte; 16],
        pdu: vec![byte; 3],
    }
}

#[test]
fn a_pdu_of_a_line_is_kept_once() {
    let shelf = shelf();
    let keep = |line: &'static str, bytes: &'static [u8]| {
        shelf.do_(move |c| {
            let raws: Vec<Raw> = bytes.iter().map(|&byte| raw(byte)).collect();
            inbox::keep(c, line, &raws, at(5))
        })
    };
    let new = keep("m", &[1, 2, 1]);
    assert_eq!(new.len(), 2);
    assert!(
        new.iter()
            .all(|kept| kept.received == at(5) && kept.shown_in.is_none())
    );
    assert_eq!(keep("m", &[2, 3]).len(), 1, "2 is known");
    assert_eq!(keep("other", &[1]).len(), 1, "another line's is another");

    let (first, second) = (new[0].id, new[1].id);
    shelf.do_(move |c| {
        inbox::consume(c, &[first])?;
        inbox::show_in_part(c, &[second], MessageId(9))
    });
    assert!(keep("m", &[1, 2]).is_empty(), "used up, and still known");
    let unconsumed = shelf.do_(|c| inbox::unconsumed(c, "m"));
    assert_eq!(unconsumed.len(), 2);
    assert_eq!(unconsumed[0].shown_in, Some(MessageId(9)));
    assert_eq!(unconsumed[1].shown_in, None);
    let forgotten: Option<Vec<u8>> = shelf.do_(move |c| {
        let pdu = c.query_row("SELECT pdu FROM inbox WHERE id = ?1", [first.0], |r| {
            r.get(0)
        })?;
        Ok(pdu)
    });
    assert_eq!(forgotten, None, "its octets are gone");
}

#[test]
fn parked_and_odd_ones_are_not_read_again() {
    let shelf = shelf();
    let ids: Vec<ArrivalId> = shelf
        .do_(|c| inbox::keep(c, "m", &[raw(1), raw(2), raw(3)], at(0)))
        .iter()
        .map(|kept| kept.id)
        .collect();
    let (one, two) = (ids[0], ids[1]);
    shelf.do_(move |c| {
        inbox::park(c, one)?;
        inbox::set_aside(c, &[two], "not a text")
    });
    assert_eq!(shelf.do_(|c| inbox::unconsumed(c, "m")).len(), 1);
    assert_eq!(shelf.do_(|c| inbox::parked(c, "m")).len(), 1);
    assert!(shelf.do_(|c| inbox::parked(c, "other")).is_empty());
    assert_eq!(shelf.do_(|c| inbox::forget_parked(c, "other", at(9))), 0);
    assert_eq!(shelf.do_(|c| inbox::forget_parked(c, "m", at(0))), 0);
    assert_eq!(shelf.do_(|c| inbox::forget_parked(c, "m", at(1))), 1);
    assert!(shelf.do_(|c| inbox::parked(c, "m")).is_empty());
    let odd: (Vec<u8>, String) = shelf.do_(move |c| {
        let odd = c.query_row(
            "SELECT pdu, problem FROM inbox WHERE state = 'odd' AND id = ?1",
            [two.0],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        Ok(odd)
    });
    assert_eq!(odd, (vec![2; 3], "not a text".to_owned()));
}
