//! The notice of a picture message, as far as it says who sent the picture: a WSP push whose body is
//! an M-Notification.ind (OMA-TS-MMS-ENC §6.2; WAP-230-WSP §8.4 for how values are written).

#![deny(clippy::indexing_slicing)]

/// `X-Mms-Message-Type: m-notification-ind`, the field that every notice begins with.
const NOTIFICATION: [u8; 2] = [0x8C, 0x82];
/// `From`.
const FROM: u8 = 0x89;
/// `Address-present-token`; its other value lets the carrier fill the sender in, and says nothing.
const ADDRESS_PRESENT: u8 = 0x80;
/// Fields read of one notice; there are a dozen.
const FIELDS_MAX: usize = 64;

/// Whether a WAP push announces a picture. Others offer links, settings and updates, or say what
/// became of a picture of ours.
pub fn announces_picture(push: &[u8]) -> bool {
    beginning(push).is_some()
}

fn beginning(push: &[u8]) -> Option<usize> {
    push.windows(NOTIFICATION.len())
        .position(|octets| octets == NOTIFICATION)
}

/// The telephone number of whoever sent the picture; `None` where the notice does not say, or names
/// something that is no number.
pub fn sender_of_picture(notice: &[u8]) -> Option<String> {
    let mut rest = notice.get(beginning(notice)?..)?;
    for _ in 0..FIELDS_MAX {
        let (&field, after) = rest.split_first()?;
        rest = after;
        let value = value(&mut rest)?;
        if field == FROM {
            return number(value);
        }
    }
    None
}

/// One value, by its first octet (WSP §8.4.1.2): a length, a length in further octets, text up to a
/// NUL, or itself alone.
fn value<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let all = *rest;
    let (&first, after) = all.split_first()?;
    let (value, taken) = match first {
        0..=30 => (after.get(..usize::from(first))?, usize::from(first) + 1),
        31 => {
            let (length, octets) = uintvar(after)?;
            (
                after.get(octets..octets.checked_add(length)?)?,
                length.checked_add(octets)?.checked_add(1)?,
            )
        }
        32..=127 => {
            let end = all.iter().position(|octet| *octet == 0)?;
            (all.get(..end)?, end + 1)
        }
        128.. => (all.get(..1)?, 1),
    };
    *rest = all.get(taken..)?;
    Some(value)
}

/// Seven bits an octet, the top bit set in all but the last (WSP §8.1.2).
fn uintvar(octets: &[u8]) -> Option<(usize, usize)> {
    let mut length = 0usize;
    for (count, octet) in octets.iter().enumerate().take(3) {
        length = length << 7 | usize::from(octet & 0x7F);
        if octet & 0x80 == 0 {
            return Some((length, count + 1));
        }
    }
    None
}

/// `+15551230100/TYPE=PLMN` behind its token; perhaps with a length and a character set before it.
fn number(value: &[u8]) -> Option<String> {
    let (&token, address) = value.split_first()?;
    if token != ADDRESS_PRESENT {
        return None;
    }
    let is_text = address.first().is_some_and(|octet| *octet >= 32);
    let address = if is_text { address } else { address.get(2..)? };
    let end = address.iter().position(|octet| *octet == 0);
    let text = std::str::from_utf8(address.get(..end.unwrap_or(address.len()))?).ok()?;
    let number = match text.split_once("/TYPE=") {
        Some((number, "PLMN")) => number,
        Some(_) => return None,
        None => text,
    };
    let digits = number.strip_prefix('+').unwrap_or(number);
    let is_number = (3..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| number.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    /// A push header, a transaction, a version, the sender, a class, a size and a location.
    fn notice(from: &[u8]) -> Vec<u8> {
        let mut octets = vec![0x01, 0x06, 0x03, 0xBE, 0xAF, 0x84]; // WSP push, mms-message
        octets.extend([0x8C, 0x82, 0x98]);
        octets.extend(b"T1234\0");
        octets.extend([0x8D, 0x90, 0x89]);
        octets.extend(from);
        octets.extend([
            0x8A, 0x80, 0x8E, 0x02, 0x40, 0x00, 0x88, 0x05, 0x81, 0x03, 0x03, 0xF4, 0x80,
        ]);
        octets.push(0x83);
        octets.extend(b"http://mms.example/x\0");
        octets
    }

    fn from(address: &str) -> Vec<u8> {
        let mut value = vec![u8::try_from(address.len() + 2).unwrap(), 0x80];
        value.extend(address.bytes());
        value.push(0);
        value
    }

    #[test]
    fn the_sender_is_found_among_the_fields() {
        let mut charset = vec![25, 0x80, 23, 0xEA]; // UTF-8
        charset.extend(b"+15551230100/TYPE=PLM");
        let long = {
            let mut value = vec![31, 24, 0x80];
            value.extend(b"+15551230100/TYPE=PLMN\0");
            value
        };
        for (from, number) in [
            (from("+15551230100/TYPE=PLMN"), Some("+15551230100")),
            (from("5551230100"), Some("5551230100")),
            (from("pat@example.org"), None),
            (from("10.0.0.1/TYPE=IPv4"), None),
            (vec![1, 0x81], None), // the carrier fills it in
            (long, Some("+15551230100")),
            (charset, None),
            (vec![31, 0xFF, 0xFF, 0xFF], None),
        ] {
            let found = sender_of_picture(&notice(&from));
            assert_eq!(found.as_deref(), number, "{from:02X?}");
        }
        assert_eq!(sender_of_picture(b"hello"), None);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_without_harm(octets in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut octets = octets;
            let _ = sender_of_picture(&octets);
            octets.splice(0..0, NOTIFICATION);
            if let Some(number) = sender_of_picture(&octets) {
                prop_assert!(number.len() <= 21);
            }
        }
    }
}
