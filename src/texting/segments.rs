//! A text as the segments it is sent in.

use std::time::Duration;

use crate::sms::{Address, Direction, NationalTables, SmsSubmit, Tpdu, ValidityPeriod};

/// How long the network tries. Silence is bounded by it: an attempt in doubt is never in doubt for
/// longer.
const VALIDITY: Duration = Duration::from_secs(24 * 60 * 60);

/// The TPDUs of a text. Reports are always asked for.
pub(super) fn tpdus(
    address: &Address,
    body: &str,
    tables: NationalTables,
    reference: u8,
) -> Result<Vec<Vec<u8>>, String> {
    let segments =
        crate::sms::split_in(body, tables, reference).map_err(|error| error.to_string())?;
    segments
        .into_iter()
        .map(|user_data| {
            let submit = SmsSubmit {
                status_report_request: true,
                validity: Some(ValidityPeriod::at_least(VALIDITY)),
                ..SmsSubmit::new(address.clone(), user_data)
            };
            submit.encode().map_err(|error| error.to_string())
        })
        .collect()
}

/// The same without a validity period, for service centres that take none (`+CMS ERROR: 198`).
/// `None` when it has none, or is not ours.
pub(super) fn without_validity(tpdu: &[u8]) -> Option<Vec<u8>> {
    let mut submit = read(tpdu)?;
    submit.validity.take()?;
    submit.encode().ok()
}

/// The same with a request to the service centre not to take it twice (TP-RD, TS 23.040
/// §9.2.3.25). Of use where the modem keeps the reference of the first attempt, no harm elsewhere.
pub(super) fn not_twice(tpdu: &[u8]) -> Option<Vec<u8>> {
    let mut submit = read(tpdu)?;
    submit.reject_duplicates = true;
    submit.encode().ok()
}

fn read(tpdu: &[u8]) -> Option<SmsSubmit> {
    match Tpdu::decode_going(Direction::FromModem, tpdu) {
        Ok(Tpdu::Submit(submit)) => Some(submit),
        Ok(Tpdu::Deliver(_) | Tpdu::StatusReport(_)) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_segment_loses_its_validity_and_nothing_else() {
        let to = Address::number("+15551230100").unwrap();
        let tpdu = tpdus(&to, "Is my book in?", NationalTables::NONE, 0)
            .unwrap()
            .remove(0);
        let bare = without_validity(&tpdu).unwrap();
        assert_eq!(bare.len() + 1, tpdu.len());
        let (before, after) = (read(&tpdu).unwrap(), read(&bare).unwrap());
        assert_eq!(
            after,
            SmsSubmit {
                validity: None,
                ..before
            }
        );
        assert_eq!(without_validity(&bare), None);
        assert_eq!(without_validity(&[0x40]), None);
    }

    #[test]
    fn a_segment_may_ask_not_to_be_taken_twice() {
        let to = Address::number("+15551230100").unwrap();
        let tpdu = tpdus(&to, "Is my book in?", NationalTables::NONE, 0)
            .unwrap()
            .remove(0);
        let marked = not_twice(&tpdu).unwrap();
        // TP-RD is bit 2 of the first octet (TS 23.040 §9.2.3.25).
        assert_eq!(marked[0], tpdu[0] | 0x04);
        assert_eq!(marked[1..], tpdu[1..]);
    }
}
