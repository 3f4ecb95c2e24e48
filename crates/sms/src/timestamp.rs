//! Service centre time stamps: seven octets of swapped digits, the last a zone in quarter hours
//! (TS 23.040 §9.2.3.11).

#![deny(clippy::indexing_slicing)]

use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::octets::swapped_digits;

/// The octets as they came. A service centre may write anything there, so a stamp that is no time
/// is still a stamp: it comes back as it was, and its readings are `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timestamp(pub [u8; 7]);

impl Timestamp {
    /// The stamp of a local time and its distance from UTC. `None` outside of 1990 to 2089, the
    /// years two digits can say, and for offsets beyond 19 h 45 min. Seconds below quarter hours
    /// of the offset, and below seconds of the time, are cut.
    pub fn new(local: DateTime, offset: Offset) -> Option<Self> {
        if !(1990..2090).contains(&local.year()) {
            return None;
        }
        let quarters = u8::try_from(offset.seconds().unsigned_abs() / 900).ok()?;
        if quarters > 79 {
            return None;
        }
        let sign = if offset.is_negative() && quarters > 0 {
            0x08
        } else {
            0x00
        };
        let two = |value: i8| u8::try_from(value).ok().map(swap);
        Some(Self([
            swap(u8::try_from(local.year() % 100).ok()?),
            two(local.month())?,
            two(local.day())?,
            two(local.hour())?,
            two(local.minute())?,
            two(local.second())?,
            swap(quarters) | sign,
        ]))
    }

    /// The clock on the service centre's wall; `None` for digits that are no date.
    pub fn local(&self) -> Option<DateTime> {
        let [year, month, day, hour, minute, second, _] = self.0;
        let year = i16::from(swapped_digits(year)?);
        let small = |octet| i8::try_from(swapped_digits(octet)?).ok();
        DateTime::new(
            // The first text was sent in 1992.
            if year >= 90 { 1900 + year } else { 2000 + year },
            small(month)?,
            small(day)?,
            small(hour)?,
            small(minute)?,
            small(second)?,
            0,
        )
        .ok()
    }

    /// The zone; `None` for digits that are none.
    pub fn offset(&self) -> Option<Offset> {
        let [.., zone] = self.0;
        // Bit 3 is the sign, and the tens keep the three bits beside it.
        let quarters = i32::from(swapped_digits(zone & !0x08)?);
        let seconds = quarters * 15 * 60;
        Offset::from_seconds(if zone & 0x08 != 0 { -seconds } else { seconds }).ok()
    }

    /// The moment; `None` when the stamp is no time.
    pub fn instant(&self) -> Option<jiff::Timestamp> {
        self.offset()?.to_timestamp(self.local()?).ok()
    }
}

/// RFC 3339 with the service centre's offset, such as `2024-05-17T09:30:00-05:00`; for a stamp
/// that is no time, its octets.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.local(), self.offset()) {
            (Some(local), Some(offset)) => {
                let minutes = offset.seconds().unsigned_abs() / 60;
                let sign = if offset.is_negative() { '-' } else { '+' };
                write!(f, "{local}{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
            _ => f.write_str(&super::hex::hex(&self.0)),
        }
    }
}

/// Two digits, the lower half of the octet first.
fn swap(value: u8) -> u8 {
    ((value % 10) << 4) | (value / 10)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stamps_read_as_rfc_3339() {
        for (octets, expected) in [
            (
                [0x99, 0x20, 0x21, 0x50, 0x75, 0x03, 0x21],
                "1999-02-12T05:57:30+03:00",
            ),
            (
                [0x42, 0x50, 0x71, 0x90, 0x03, 0x00, 0x0A],
                "2024-05-17T09:30:00-05:00",
            ),
            (
                [0x02, 0x10, 0x10, 0x00, 0x00, 0x00, 0x00],
                "2020-01-01T00:00:00+00:00",
            ),
            (
                [0x21, 0x80, 0x62, 0x91, 0x73, 0x14, 0x08],
                "2012-08-26T19:37:41+00:00",
            ),
            (
                [0x42, 0x20, 0x92, 0x32, 0x95, 0x95, 0x63],
                "2024-02-29T23:59:59+09:00",
            ),
            (
                [0x42, 0x20, 0x92, 0x32, 0x95, 0x95, 0x32],
                "2024-02-29T23:59:59+05:45",
            ),
        ] {
            assert_eq!(Timestamp(octets).to_string(), expected, "{octets:02X?}");
            assert!(Timestamp(octets).instant().is_some());
        }
    }

    #[test]
    fn what_is_no_time_is_kept() {
        for octets in [
            [0x00; 7],                                  // month 0
            [0xFF; 7],                                  // no digits
            [0x42, 0x20, 0x03, 0x00, 0x00, 0x00, 0x00], // 30 February
            [0x42, 0x50, 0x71, 0x42, 0x00, 0x00, 0x00], // 24 o'clock
            [0x42, 0x50, 0x71, 0x90, 0x03, 0x00, 0xA0], // zone of no digit
        ] {
            let stamp = Timestamp(octets);
            assert_eq!(stamp.instant(), None, "{octets:02X?}");
            assert_eq!(stamp.0, octets);
            assert_eq!(stamp.to_string().len(), 14);
        }
    }

    proptest! {
        #[test]
        fn times_come_back(
            year in 1990i16..2090, month in 1i8..=12, day in 1i8..=28,
            hour in 0i8..24, minute in 0i8..60, second in 0i8..60, quarters in -79i32..=79,
        ) {
            let local = DateTime::new(year, month, day, hour, minute, second, 0).unwrap();
            let offset = Offset::from_seconds(quarters * 900).unwrap();
            let stamp = Timestamp::new(local, offset).unwrap();
            prop_assert_eq!(stamp.local(), Some(local));
            prop_assert_eq!(stamp.offset(), Some(offset));
        }

        #[test]
        fn any_octets_are_a_stamp(octets in any::<[u8; 7]>()) {
            let stamp = Timestamp(octets);
            if let (Some(local), Some(offset)) = (stamp.local(), stamp.offset()) {
                let again = Timestamp::new(local, offset).unwrap();
                prop_assert_eq!(again.instant(), stamp.instant());
            }
            prop_assert!(!stamp.to_string().is_empty());
        }
    }
}
