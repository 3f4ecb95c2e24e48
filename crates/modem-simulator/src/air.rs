//! What travels on the air: PDUs of TS 23.040, read and written for the simulated network.
//!
//! The network's side of the codec only: it writes SMS-DELIVER and SMS-STATUS-REPORT, and reads
//! SMS-SUBMIT. SMS-DELIVER is read as well, because a modem in text mode shows what it stores.

use std::fmt;
use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::alphabet::{self, Tables};

pub use super::alphabet::Language;

/// Octets of user data a segment can hold (TS 23.040 §9.2.3.24).
const USER_DATA_OCTETS_MAX: usize = 140;
/// Septets that fit into those octets.
const USER_DATA_SEPTETS_MAX: usize = 160;
/// Digits of an address: twelve octets of address field, two of them length and type (§9.1.2.5).
const ADDRESS_DIGITS_MAX: usize = 20;

/// Why octets are not the PDU they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The octets end inside the named field.
    #[error("the octets end inside {0}")]
    Short(&'static str),
    /// Octets are left over after the last field.
    #[error("{0} octets are left over after the user data")]
    TooLong(usize),
    /// The message type indicator says that it is something else (§9.2.3.1).
    #[error("message type {0} was not expected here")]
    Type(u8),
    /// A field holds a value that the clause does not allow.
    #[error("{0}")]
    Value(&'static str),
}

/// An address as a PDU carries it (TS 23.040 §9.1.2.5).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// Type-of-address octet: 0x91 international, 0x81 unknown, 0xD0 alphanumeric.
    pub kind: u8,
    /// Digits without `+`, or the alphanumeric name.
    pub value: String,
}

impl Address {
    /// A number with `+` is international, one of digits alone of unknown type, else a name.
    pub fn new(written: &str) -> Self {
        let (kind, value) = match written.strip_prefix('+') {
            Some(digits) if is_dialable(digits) => (0x91, digits),
            _ if is_dialable(written) => (0x81, written),
            _ => (0xD0, written),
        };
        Self {
            kind,
            value: value.to_owned(),
        }
    }

    /// Whether it is a name and cannot be answered.
    pub fn is_name(&self) -> bool {
        self.kind & 0x70 == 0x50
    }

    fn semi_octets(&self) -> Vec<u8> {
        if self.is_name() {
            let septets: Vec<u8> = self
                .value
                .chars()
                .flat_map(|letter| alphabet::septets_of(letter).unwrap_or_else(|| vec![0x3F]))
                .take(ADDRESS_DIGITS_MAX * 4 / 7)
                .collect();
            return alphabet::pack(&septets, 0);
        }
        let digits: Vec<u8> = self
            .value
            .chars()
            .filter_map(semi_octet)
            .take(ADDRESS_DIGITS_MAX)
            .collect();
        digits
            .chunks(2)
            .map(|pair| {
                let low = pair.first().copied().unwrap_or(0xF);
                // An odd number of digits ends with 1111 (§9.1.2.3).
                let high = pair.get(1).copied().unwrap_or(0xF);
                high << 4 | low
            })
            .collect()
    }

    /// As TP-OA, TP-DA or TP-RA: its length counts semi-octets.
    fn encode(&self) -> Vec<u8> {
        let packed = self.semi_octets();
        let length = if self.is_name() {
            let septets = self
                .value
                .chars()
                .map(|letter| alphabet::septets_of(letter).map_or(1, |septets| septets.len()))
                .sum::<usize>()
                .min(ADDRESS_DIGITS_MAX * 4 / 7);
            (septets * 7).div_ceil(4)
        } else {
            self.value
                .chars()
                .filter_map(semi_octet)
                .count()
                .min(ADDRESS_DIGITS_MAX)
        };
        let mut field = vec![octet(length), self.kind];
        field.extend(packed);
        field
    }

    /// As the service centre address before a TPDU: its length counts octets (TS 24.011 §8.2.5).
    pub fn service_centre_field(&self) -> Vec<u8> {
        let packed = self.semi_octets();
        if packed.is_empty() {
            return vec![0];
        }
        let mut field = vec![octet(packed.len() + 1), self.kind];
        field.extend(packed);
        field
    }

    fn read(octets: &mut Octets<'_>, field: &'static str) -> Result<Self, Unreadable> {
        let length = usize::from(octets.one(field)?);
        let kind = octets.one(field)?;
        if length > ADDRESS_DIGITS_MAX {
            return Err(Unreadable::Value("an address of more than 20 semi-octets"));
        }
        let packed = octets.take(length.div_ceil(2), field)?;
        if kind & 0x70 == 0x50 {
            let septets = alphabet::unpack(packed, length * 4 / 7, 0);
            return Ok(Self {
                kind,
                value: alphabet::from_septets(&septets),
            });
        }
        let mut value = String::with_capacity(length);
        for semi in packed
            .iter()
            .flat_map(|pair| [pair & 0xF, pair >> 4])
            .take(length)
        {
            value.push(digit(semi).ok_or(Unreadable::Value("an address digit of 1111"))?);
        }
        Ok(Self { kind, value })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind & 0x70 == 0x10 {
            f.write_str("+")?;
        }
        f.write_str(&self.value)
    }
}

fn is_dialable(written: &str) -> bool {
    !written.is_empty() && written.chars().all(|letter| semi_octet(letter).is_some())
}

/// TS 23.040 §9.1.2.3: digits, `*`, `#` and the letters a, b, c.
fn semi_octet(letter: char) -> Option<u8> {
    let place = "0123456789*#abc"
        .chars()
        .position(|known| known == letter)?;
    u8::try_from(place).ok()
}

fn digit(semi: u8) -> Option<char> {
    "0123456789*#abc".chars().nth(usize::from(semi))
}

/// The network's clock: the machine's when it was first asked, and tokio's from then on, so that the
/// network goes along where a test lets a day pass.
#[expect(
    clippy::disallowed_methods,
    reason = "beside the house: the network has its own clock"
)]
pub(super) fn wall_clock() -> SystemTime {
    static FIRST: OnceLock<(SystemTime, Instant)> = OnceLock::new();
    let now = tokio::time::Instant::now().into_std();
    let (wall, since) = FIRST.get_or_init(|| (SystemTime::now(), now));
    // Another test's clock may have begun before the first one's.
    let wall = match now.checked_duration_since(*since) {
        Some(passed) => wall.checked_add(passed),
        None => wall.checked_sub(since.duration_since(now)),
    };
    wall.unwrap_or(UNIX_EPOCH)
}

/// A service centre time stamp (TS 23.040 §9.2.3.11): local time and its zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timestamp {
    /// Seconds since 1970 in universal time.
    pub unix: i64,
    /// Local time's distance from universal time in quarters of an hour, −47 to 56.
    pub zone_quarters: i8,
}

impl Timestamp {
    /// This moment on the network's clock.
    pub fn now(zone_quarters: i8) -> Self {
        let unix = wall_clock()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0));
        Self {
            unix,
            zone_quarters,
        }
    }

    /// Year, month, day, hour, minute, second where the stamp was made.
    pub fn civil(&self) -> [i64; 6] {
        let local = self
            .unix
            .saturating_add(i64::from(self.zone_quarters) * 900);
        let (days, seconds) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        // Days to a date in the proleptic Gregorian calendar, counting years from 1 March so that
        // the leap day is the last of its year.
        let shifted = days.saturating_add(719_468);
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 {
            march_month + 3
        } else {
            march_month - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        [
            year,
            month,
            day,
            seconds / 3_600,
            seconds / 60 % 60,
            seconds % 60,
        ]
    }

    /// The seven octets; a year is kept modulo 100.
    pub fn encode(&self) -> [u8; 7] {
        let [year, month, day, hour, minute, second] = self.civil();
        let quarters = i64::from(self.zone_quarters.unsigned_abs());
        let sign = if self.zone_quarters < 0 { 0x08 } else { 0 };
        [
            swapped(year),
            swapped(month),
            swapped(day),
            swapped(hour),
            swapped(minute),
            swapped(second),
            swapped(quarters) | sign,
        ]
    }

    /// As text mode shows a stored stamp (TS 27.005 §3.1 `<scts>`): `yy/MM/dd,hh:mm:ss±zz`.
    pub fn shown(octets: &[u8; 7]) -> String {
        let [year, month, day, hour, minute, second, zone] = *octets;
        let sign = if zone & 0x08 == 0 { '+' } else { '-' };
        let two = |octet: u8| format!("{}{}", octet & 0xF, octet >> 4);
        format!(
            "{}/{}/{},{}:{}:{}{sign}{}",
            two(year),
            two(month),
            two(day),
            two(hour),
            two(minute),
            two(second),
            two(zone & 0xF7)
        )
    }
}

/// A number's last two decimal digits with the semi-octets swapped.
fn swapped(number: i64) -> u8 {
    let two = octet(usize::try_from(number.rem_euclid(100)).unwrap_or(0));
    ((two % 10) << 4) | (two / 10)
}

/// Which alphabet a data coding scheme names (TS 23.038 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alphabet {
    /// GSM 7-bit default alphabet.
    Gsm7,
    /// Eight-bit data.
    EightBit,
    /// UCS2, in practice UTF-16 in network order.
    Ucs2,
}

impl Alphabet {
    /// The alphabet of a data coding scheme octet.
    pub fn of(dcs: u8) -> Self {
        match dcs >> 4 {
            0x0..=0x7 => match dcs >> 2 & 3 {
                1 => Self::EightBit,
                2 => Self::Ucs2,
                _ => Self::Gsm7,
            },
            0xE => Self::Ucs2,
            0xF if dcs & 0x04 != 0 => Self::EightBit,
            _ => Self::Gsm7,
        }
    }
}

/// The message class a data coding scheme names, if any: 0 to 3 (TS 23.038 §4).
pub fn message_class(dcs: u8) -> Option<u8> {
    match dcs >> 4 {
        0x0..=0x7 if dcs & 0x10 != 0 => Some(dcs & 3),
        0xF => Some(dcs & 3),
        _ => None,
    }
}

/// Concatenation of short messages (TS 23.040 §9.2.3.24.1 and .8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Concatenation {
    /// The reference that the parts share; one octet unless `wide`.
    pub reference: u16,
    /// Whether the reference has sixteen bits.
    pub wide: bool,
    /// How many parts.
    pub total: u8,
    /// Which one, from 1.
    pub sequence: u8,
}

impl Concatenation {
    fn element(self) -> Vec<u8> {
        let [high, low] = self.reference.to_be_bytes();
        if self.wide {
            vec![0x08, 4, high, low, self.total, self.sequence]
        } else {
            vec![0x00, 3, low, self.total, self.sequence]
        }
    }
}

/// User data taken apart (TS 23.040 §9.2.3.24).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserData {
    /// TP-DCS.
    pub dcs: u8,
    /// Header elements in order: identifier and data.
    pub header: Vec<(u8, Vec<u8>)>,
    /// What follows the header: septets, one an octet, for GSM 7-bit, else octets.
    pub body: Vec<u8>,
}

impl UserData {
    /// A text without header, in GSM 7-bit where it fits, else UCS2.
    pub fn text(text: &str) -> Self {
        Self::text_in(text, None, None)
    }

    /// A text that may use a language's locking and single shift tables; UCS2 where even they do
    /// not have all its characters.
    pub fn text_in(text: &str, locking: Option<Language>, single: Option<Language>) -> Self {
        match (Tables { locking, single }).to_septets(text) {
            Some(body) => Self {
                dcs: 0x00,
                header: [(0x25, locking), (0x24, single)]
                    .into_iter()
                    .filter_map(|(identifier, language)| {
                        Some((identifier, vec![language?.number()]))
                    })
                    .collect(),
                body,
            },
            None => Self {
                dcs: 0x08,
                header: Vec::new(),
                body: text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            },
        }
    }

    /// The alphabet its data coding scheme names.
    pub fn alphabet(&self) -> Alphabet {
        Alphabet::of(self.dcs)
    }

    /// The concatenation element, when it is whole and says something possible.
    pub fn concatenation(&self) -> Option<Concatenation> {
        self.header.iter().rev().find_map(|(identifier, data)| {
            let (reference, wide, total, sequence) = match (identifier, data.as_slice()) {
                (0x00, [low, total, sequence]) => (u16::from(*low), false, *total, *sequence),
                (0x08, [high, low, total, sequence]) => {
                    (u16::from_be_bytes([*high, *low]), true, *total, *sequence)
                }
                _ => return None,
            };
            (sequence >= 1 && sequence <= total).then_some(Concatenation {
                reference,
                wide,
                total,
                sequence,
            })
        })
    }

    /// The body read as text; `None` for eight-bit data.
    pub fn to_text(&self) -> Option<String> {
        self.coding().to_text(&self.body)
    }

    /// How the body is to be read.
    pub(crate) fn coding(&self) -> Coding {
        let language = |wanted: u8| {
            self.header
                .iter()
                .rev()
                .find_map(|(identifier, data)| match data.as_slice() {
                    [number] if *identifier == wanted => Language::numbered(*number),
                    _ => None,
                })
        };
        Coding {
            alphabet: self.alphabet(),
            // TS 23.040 §9.2.3.24.15 and .16.
            tables: Tables {
                locking: language(0x25),
                single: language(0x24),
            },
        }
    }

    /// The octets of the user data field as they were on the air, header included.
    pub fn octets(&self) -> Vec<u8> {
        self.field().1
    }

    fn header_octets(&self) -> Vec<u8> {
        if self.header.is_empty() {
            return Vec::new();
        }
        let elements: Vec<u8> = self
            .header
            .iter()
            .flat_map(|(identifier, data)| {
                let mut element = vec![*identifier, octet(data.len())];
                element.extend(data);
                element
            })
            .collect();
        let mut header = vec![octet(elements.len())];
        header.extend(elements);
        header
    }

    /// TP-UDL and TP-UD. For GSM 7-bit the length counts septets, the header's with its fill bits.
    fn field(&self) -> (usize, Vec<u8>) {
        let mut field = self.header_octets();
        if self.alphabet() == Alphabet::Gsm7 {
            let header_bits = field.len() * 8;
            let header_septets = header_bits.div_ceil(7);
            let fill = header_septets * 7 - header_bits;
            field.extend(alphabet::pack(&self.body, fill));
            (header_septets + self.body.len(), field)
        } else {
            field.extend(&self.body);
            (field.len(), field)
        }
    }

    /// Takes apart a user data field that text mode gave as octets.
    pub(crate) fn from_field(dcs: u8, field: &[u8], has_header: bool) -> Result<Self, Unreadable> {
        let length = if Alphabet::of(dcs) == Alphabet::Gsm7 {
            field.len() * 8 / 7
        } else {
            field.len()
        };
        let mut octets = vec![octet(length)];
        octets.extend(field);
        Self::read(&mut Octets(&octets), dcs, has_header)
    }

    fn fits(&self) -> bool {
        self.field().1.len() <= USER_DATA_OCTETS_MAX
    }

    fn read(octets: &mut Octets<'_>, dcs: u8, has_header: bool) -> Result<Self, Unreadable> {
        let length = usize::from(octets.one("TP-UDL")?);
        let gsm7 = Alphabet::of(dcs) == Alphabet::Gsm7;
        if dcs >> 6 == 0 && dcs & 0x20 != 0 {
            return Err(Unreadable::Value("compressed user data"));
        }
        let field_octets = if gsm7 {
            (length * 7).div_ceil(8)
        } else {
            length
        };
        if field_octets > USER_DATA_OCTETS_MAX || (gsm7 && length > USER_DATA_SEPTETS_MAX) {
            return Err(Unreadable::Value("TP-UDL says more than 140 octets"));
        }
        let field = octets.take(field_octets, "TP-UD")?;
        let mut header = Vec::new();
        let mut header_octets = 0;
        if has_header {
            let mut rest = Octets(field);
            let header_length = usize::from(rest.one("the user data header")?);
            let mut elements = Octets(rest.take(header_length, "the user data header")?);
            while !elements.0.is_empty() {
                let identifier = elements.one("a header element")?;
                let size = usize::from(elements.one("a header element")?);
                header.push((
                    identifier,
                    elements.take(size, "a header element")?.to_vec(),
                ));
            }
            header_octets = 1 + header_length;
        }
        let body = if gsm7 {
            let header_septets = (header_octets * 8).div_ceil(7);
            let fill = header_septets * 7 - header_octets * 8;
            let rest = field.get(header_octets..).unwrap_or_default();
            alphabet::unpack(rest, length.saturating_sub(header_septets), fill)
        } else {
            field.get(header_octets..).unwrap_or_default().to_vec()
        };
        Ok(Self { dcs, header, body })
    }
}

/// How a body is read: parts of one coding may be joined before they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Coding {
    alphabet: Alphabet,
    tables: Tables,
}

impl Coding {
    /// A body, or several joined end to end, as text; `None` for eight-bit data.
    pub(crate) fn to_text(self, body: &[u8]) -> Option<String> {
        match self.alphabet {
            Alphabet::Gsm7 => Some(self.tables.to_text(body)),
            Alphabet::Ucs2 => Some(ucs2_to_text(body)),
            Alphabet::EightBit => None,
        }
    }
}

/// UCS2, read as UTF-16 in network order; what is no character becomes U+FFFD.
pub(crate) fn ucs2_to_text(octets: &[u8]) -> String {
    let units: Vec<u16> = octets
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => u16::from_be_bytes([*high, *low]),
            _ => 0xFFFD,
        })
        .collect();
    String::from_utf16_lossy(&units)
}

/// Splits a text as a phone does: one segment when it fits, else parts that share a reference.
///
/// `cut_anywhere` lets a surrogate pair or an escape fall across two parts, as careless phones do.
/// At most 255 parts; what is longer is cut off.
pub fn split(text: &str, reference: u16, wide: bool, cut_anywhere: bool) -> Vec<UserData> {
    split_user_data(UserData::text(text), reference, wide, cut_anywhere)
}

/// As [`split`], for user data whose header, without concatenation, every part repeats.
pub fn split_user_data(
    whole: UserData,
    reference: u16,
    wide: bool,
    cut_anywhere: bool,
) -> Vec<UserData> {
    if whole.fits() {
        return vec![whole];
    }
    let gsm7 = whole.alphabet() == Alphabet::Gsm7;
    // Without other elements the header takes 6 or 7 octets of the 140: 153 or 152 septets are left,
    // or 67 or 66 units.
    let others: usize = whole.header.iter().map(|(_, data)| 2 + data.len()).sum();
    let left = USER_DATA_OCTETS_MAX.saturating_sub(1 + others + if wide { 6 } else { 5 });
    let room = if gsm7 { left * 8 / 7 } else { left / 2 * 2 }.max(4);
    let mut bodies: Vec<&[u8]> = Vec::new();
    let mut rest = whole.body.as_slice();
    while !rest.is_empty() && bodies.len() < 255 {
        let mut cut = rest.len().min(room);
        if !cut_anywhere && cut < rest.len() {
            if gsm7 && rest.get(cut - 1) == Some(&alphabet::ESCAPE) {
                cut -= 1;
            }
            let ends_in_high_half = !gsm7
                && rest
                    .get(cut - 2)
                    .is_some_and(|high| (0xD8..=0xDB).contains(high));
            if ends_in_high_half {
                cut -= 2;
            }
        }
        let (body, left) = rest.split_at(cut);
        bodies.push(body);
        rest = left;
    }
    let total = octet(bodies.len());
    bodies
        .iter()
        .zip(1..=total)
        .map(|(body, sequence)| {
            let element = Concatenation {
                reference,
                wide,
                total,
                sequence,
            }
            .element();
            let (identifier, data) = (element.first().copied(), element.get(2..));
            let mut header = whole.header.clone();
            header.push((identifier.unwrap_or(0), data.unwrap_or_default().to_vec()));
            UserData {
                dcs: whole.dcs,
                header,
                body: body.to_vec(),
            }
        })
        .collect()
}

/// A text on its way to the modem (TS 23.040 §9.2.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deliver {
    /// TP-OA.
    pub from: Address,
    /// TP-PID.
    pub pid: u8,
    /// TP-SCTS as it is on the air.
    pub scts: [u8; 7],
    /// TP-DCS, TP-UDL and TP-UD.
    pub user_data: UserData,
}

impl Deliver {
    /// The TPDU, without service centre address.
    pub fn encode(&self) -> Vec<u8> {
        let has_header = !self.user_data.header.is_empty();
        // TP-MTI 00; TP-MMS set, which says that no more messages wait (§9.2.3.2).
        let mut tpdu = vec![0x04 | if has_header { 0x40 } else { 0 }];
        tpdu.extend(self.from.encode());
        tpdu.extend([self.pid, self.user_data.dcs]);
        tpdu.extend(self.scts);
        let (length, field) = self.user_data.field();
        tpdu.push(octet(length));
        tpdu.extend(field);
        tpdu
    }

    /// Reads a TPDU, returning its first octet as well.
    ///
    /// # Errors
    ///
    /// [`Unreadable`], naming the field.
    pub fn decode(tpdu: &[u8]) -> Result<(u8, Self), Unreadable> {
        let mut octets = Octets(tpdu);
        let first = octets.one("the first octet")?;
        if first & 3 != 0 {
            return Err(Unreadable::Type(first & 3));
        }
        let from = Address::read(&mut octets, "TP-OA")?;
        let pid = octets.one("TP-PID")?;
        let dcs = octets.one("TP-DCS")?;
        let scts = octets.seven("TP-SCTS")?;
        let user_data = UserData::read(&mut octets, dcs, first & 0x40 != 0)?;
        octets.end()?;
        Ok((
            first,
            Self {
                from,
                pid,
                scts,
                user_data,
            },
        ))
    }
}

/// How long a text may wait at the service centre (TS 23.040 §9.2.3.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValidityPeriod {
    /// One octet, relative.
    Relative(u8),
    /// A time stamp.
    Absolute([u8; 7]),
    /// The enhanced form's seven octets.
    Enhanced([u8; 7]),
}

/// A text from the modem to the network (TS 23.040 §9.2.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submit {
    /// TP-RD: the service centre is to refuse a second one with the same reference.
    pub reject_duplicates: bool,
    /// TP-SRR: a status report is wanted.
    pub status_report: bool,
    /// TP-MR as the TPDU had it; the modem may set another.
    pub message_reference: u8,
    /// TP-DA.
    pub to: Address,
    /// TP-PID.
    pub pid: u8,
    /// TP-VP.
    pub validity_period: Option<ValidityPeriod>,
    /// TP-DCS, TP-UDL and TP-UD.
    pub user_data: UserData,
}

impl Submit {
    /// The TPDU, without service centre address.
    pub fn encode(&self) -> Vec<u8> {
        let mut first = 0x01;
        first |= if self.reject_duplicates { 0x04 } else { 0 };
        first |= match self.validity_period {
            None => 0,
            Some(ValidityPeriod::Enhanced(_)) => 0x08,
            Some(ValidityPeriod::Relative(_)) => 0x10,
            Some(ValidityPeriod::Absolute(_)) => 0x18,
        };
        first |= if self.status_report { 0x20 } else { 0 };
        first |= if self.user_data.header.is_empty() {
            0
        } else {
            0x40
        };
        let mut tpdu = vec![first, self.message_reference];
        tpdu.extend(self.to.encode());
        tpdu.extend([self.pid, self.user_data.dcs]);
        match self.validity_period {
            None => {}
            Some(ValidityPeriod::Relative(period)) => tpdu.push(period),
            Some(ValidityPeriod::Absolute(stamp) | ValidityPeriod::Enhanced(stamp)) => {
                tpdu.extend(stamp);
            }
        }
        let (length, field) = self.user_data.field();
        tpdu.push(octet(length));
        tpdu.extend(field);
        tpdu
    }

    /// Reads a TPDU. Strict: every octet must be accounted for.
    ///
    /// # Errors
    ///
    /// [`Unreadable`], naming the field.
    pub fn decode(tpdu: &[u8]) -> Result<Self, Unreadable> {
        let mut octets = Octets(tpdu);
        let first = octets.one("the first octet")?;
        if first & 3 != 1 {
            return Err(Unreadable::Type(first & 3));
        }
        let message_reference = octets.one("TP-MR")?;
        let to = Address::read(&mut octets, "TP-DA")?;
        let pid = octets.one("TP-PID")?;
        let dcs = octets.one("TP-DCS")?;
        let validity_period = match first >> 3 & 3 {
            0 => None,
            1 => Some(ValidityPeriod::Enhanced(octets.seven("TP-VP")?)),
            2 => Some(ValidityPeriod::Relative(octets.one("TP-VP")?)),
            _ => Some(ValidityPeriod::Absolute(octets.seven("TP-VP")?)),
        };
        let user_data = UserData::read(&mut octets, dcs, first & 0x40 != 0)?;
        octets.end()?;
        Ok(Self {
            reject_duplicates: first & 0x04 != 0,
            status_report: first & 0x20 != 0,
            message_reference,
            to,
            pid,
            validity_period,
            user_data,
        })
    }
}

/// What became of a text (TS 23.040 §9.2.2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusReport {
    /// TP-MR of the text it speaks of.
    pub message_reference: u8,
    /// TP-RA.
    pub recipient: Address,
    /// TP-SCTS: when the service centre got the text.
    pub scts: [u8; 7],
    /// TP-DT: when it came to this.
    pub discharge: [u8; 7],
    /// TP-ST (§9.2.3.15): 0x00 received, 0x20–0x3F still trying, 0x40 up given up.
    pub status: u8,
}

impl StatusReport {
    /// The TPDU, without service centre address.
    pub fn encode(&self) -> Vec<u8> {
        let mut tpdu = vec![0x06, self.message_reference];
        tpdu.extend(self.recipient.encode());
        tpdu.extend(self.scts);
        tpdu.extend(self.discharge);
        tpdu.push(self.status);
        tpdu
    }

    /// Reads a TPDU; optional parameters after TP-ST are passed over.
    ///
    /// # Errors
    ///
    /// [`Unreadable`], naming the field.
    pub fn decode(tpdu: &[u8]) -> Result<(u8, Self), Unreadable> {
        let mut octets = Octets(tpdu);
        let first = octets.one("the first octet")?;
        if first & 3 != 2 {
            return Err(Unreadable::Type(first & 3));
        }
        let message_reference = octets.one("TP-MR")?;
        let recipient = Address::read(&mut octets, "TP-RA")?;
        let scts = octets.seven("TP-SCTS")?;
        let discharge = octets.seven("TP-DT")?;
        let status = octets.one("TP-ST")?;
        Ok((
            first,
            Self {
                message_reference,
                recipient,
                scts,
                discharge,
                status,
            },
        ))
    }
}

/// A PDU cut into service centre address and TPDU (TS 27.005 §3.1 `<pdu>`).
///
/// # Errors
///
/// [`Unreadable`] when the address is longer than the octets or has an impossible digit.
pub fn take_service_centre(pdu: &[u8]) -> Result<(Option<Address>, &[u8]), Unreadable> {
    let mut octets = Octets(pdu);
    let length = usize::from(octets.one("the service centre address")?);
    if length == 0 {
        return Ok((None, octets.0));
    }
    let mut field = Octets(octets.take(length, "the service centre address")?);
    let kind = field.one("the service centre address")?;
    let mut value = String::new();
    for semi in field.0.iter().flat_map(|pair| [pair & 0xF, pair >> 4]) {
        match digit(semi) {
            Some(digit) => value.push(digit),
            None => break,
        }
    }
    Ok((Some(Address { kind, value }), octets.0))
}

/// Octets as hexadecimal, upper case as modems write it.
pub fn to_hex(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len() * 2);
    for octet in octets {
        for nibble in [octet >> 4, octet & 0xF] {
            text.push(
                char::from_digit(u32::from(nibble), 16).map_or('0', |c| c.to_ascii_uppercase()),
            );
        }
    }
    text
}

/// Hexadecimal as octets; `None` for an odd length or a foreign character.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let nibbles: Option<Vec<u8>> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|nibble| u8::try_from(nibble).ok()))
        .collect();
    let nibbles = nibbles?;
    if nibbles.len() % 2 != 0 {
        return None;
    }
    Some(
        nibbles
            .chunks_exact(2)
            .map(|pair| pair.iter().fold(0, |octet, nibble| octet << 4 | nibble))
            .collect(),
    )
}

/// A length or count that the caller bounds to an octet.
fn octet(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

/// Octets read from the front, each step naming the field for the error.
struct Octets<'a>(&'a [u8]);

impl<'a> Octets<'a> {
    fn one(&mut self, field: &'static str) -> Result<u8, Unreadable> {
        let (first, rest) = self.0.split_first().ok_or(Unreadable::Short(field))?;
        self.0 = rest;
        Ok(*first)
    }

    fn take(&mut self, count: usize, field: &'static str) -> Result<&'a [u8], Unreadable> {
        let (taken, rest) = self
            .0
            .split_at_checked(count)
            .ok_or(Unreadable::Short(field))?;
        self.0 = rest;
        Ok(taken)
    }

    fn seven(&mut self, field: &'static str) -> Result<[u8; 7], Unreadable> {
        self.take(7, field)?
            .try_into()
            .map_err(|_| Unreadable::Short(field))
    }

    fn end(&self) -> Result<(), Unreadable> {
        match self.0.len() {
            0 => Ok(()),
            left => Err(Unreadable::TooLong(left)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::super::faults::Draws;
    use super::super::network::{Network, ReportPolicy};
    use super::*;

    const STAMP: Timestamp = Timestamp {
        unix: 1_709_338_951, // 2024-03-01 18:22:31 at UTC−6
        zone_quarters: -24,
    };

    #[test]
    fn addresses_are_laid_out_as_the_clause_says() {
        for (written, field) in [
            ("+15551230100", "0B915155210301F0"),
            ("5551230100", "0A815515321000"),
            ("77267", "05817762F7"),
            ("*100#", "05811A00FB"),
            // Seven letters: 49 bits, so 13 semi-octets, and no `@` grows at the end.
            ("ELMBANK", "0DD045665318742E01"),
        ] {
            let address = Address::new(written);
            let encoded = address.encode();
            assert_eq!(to_hex(&encoded), field, "{written}");
            let read = Address::read(&mut Octets(&encoded), "test").unwrap();
            assert_eq!(read, address, "{written}");
            assert_eq!(read.to_string(), written);
        }
        assert_eq!(
            to_hex(&Address::new("+15550109999").service_centre_field()),
            "07915155109099F9"
        );
        assert_eq!(Address::new("").service_centre_field(), [0]);
    }

    #[test]
    fn stamps_are_local_time_and_a_zone() {
        for (unix, zone, octets) in [
            (1_709_338_951, -24, "4230108122134A"),
            (0, 0, "07101000000000"),
            // 29 February at UTC+5:45.
            (1_709_164_800, 23, "42209250540032"),
            (1_709_251_199, 0, "42209232959500"),
        ] {
            let stamp = Timestamp {
                unix,
                zone_quarters: zone,
            };
            assert_eq!(to_hex(&stamp.encode()), octets, "{unix} {zone}");
        }
        assert_eq!(Timestamp::shown(&STAMP.encode()), "24/03/01,18:22:31-24");
        assert_eq!(STAMP.civil(), [2024, 3, 1, 18, 22, 31]);
    }

    #[test]
    fn data_coding_schemes_name_their_alphabet_and_class() {
        for (dcs, alphabet, class) in [
            (0x00, Alphabet::Gsm7, None),
            (0x03, Alphabet::Gsm7, None),
            (0x10, Alphabet::Gsm7, Some(0)),
            (0x04, Alphabet::EightBit, None),
            (0x08, Alphabet::Ucs2, None),
            (0x1A, Alphabet::Ucs2, Some(2)),
            (0x48, Alphabet::Ucs2, None),
            (0xC8, Alphabet::Gsm7, None),
            (0xD0, Alphabet::Gsm7, None),
            (0xE0, Alphabet::Ucs2, None),
            (0xF0, Alphabet::Gsm7, Some(0)),
            (0xF1, Alphabet::Gsm7, Some(1)),
            (0xF5, Alphabet::EightBit, Some(1)),
        ] {
            assert_eq!(
                (Alphabet::of(dcs), message_class(dcs)),
                (alphabet, class),
                "{dcs:02X}"
            );
        }
    }

    #[test]
    fn submissions_are_read_octet_by_octet() {
        for (tpdu, to, text) in [
            (
                "01000B915155210301F0000005E8329BFD06",
                "+15551230100",
                "hello",
            ),
            // With each validity period: relative, absolute, enhanced.
            (
                "11000B915155210301F00000A705E8329BFD06",
                "+15551230100",
                "hello",
            ),
            (
                "19000B915155210301F000004230108122134A05E8329BFD06",
                "+15551230100",
                "hello",
            ),
            (
                "09000B915155210301F000000100000000000005E8329BFD06",
                "+15551230100",
                "hello",
            ),
            ("010005817762F7000804D83DDE00", "77267", "😀"),
            ("010005817762F7000000", "77267", ""),
        ] {
            let octets = from_hex(tpdu).unwrap();
            let submit = Submit::decode(&octets).unwrap();
            assert_eq!(submit.to.to_string(), to, "{tpdu}");
            assert_eq!(submit.user_data.to_text().unwrap(), text, "{tpdu}");
            assert_eq!(submit.encode(), octets, "{tpdu}");
        }
    }

    #[test]
    fn what_is_no_submission_says_why() {
        for (tpdu, why) in [
            ("", Unreadable::Short("the first octet")),
            ("00", Unreadable::Type(0)),
            ("0100", Unreadable::Short("TP-DA")),
            ("01000B9151", Unreadable::Short("TP-DA")),
            (
                "010001910F0000",
                Unreadable::Value("an address digit of 1111"),
            ),
            (
                "0100FF91",
                Unreadable::Value("an address of more than 20 semi-octets"),
            ),
            ("01000191F10000", Unreadable::Short("TP-UDL")),
            ("01000191F1000005E8329BFD", Unreadable::Short("TP-UD")),
            ("01000191F1000005E8329BFD0600", Unreadable::TooLong(1)),
            (
                "01000191F10000A1",
                Unreadable::Value("TP-UDL says more than 140 octets"),
            ),
            (
                "01000191F100048D",
                Unreadable::Value("TP-UDL says more than 140 octets"),
            ),
            (
                "01000191F1002001E8",
                Unreadable::Value("compressed user data"),
            ),
            (
                "41000191F100040105",
                Unreadable::Short("the user data header"),
            ),
            (
                "41000191F1000403020005",
                Unreadable::Short("a header element"),
            ),
        ] {
            assert_eq!(Submit::decode(&from_hex(tpdu).unwrap()), Err(why), "{tpdu}");
        }
    }

    #[test]
    fn a_header_is_followed_by_fill_bits() {
        // 05 00 03 2A 02 01: six octets are 48 bits, so one fill bit reaches the seventh septet.
        let parts = split(&"a".repeat(161), 0x2A, false, false);
        assert_eq!(parts.len(), 2);
        let (length, field) = parts[0].field();
        assert_eq!(length, 160);
        assert_eq!(to_hex(&field[..8]), "0500032A0201C2E1");
        assert_eq!(field.len(), 140);
        // 06 08 04 00 2A 02 01: seven octets are 56 bits, eight septets, no fill.
        let parts = split(&"a".repeat(161), 0x2A, true, false);
        let (length, field) = parts[0].field();
        assert_eq!(length, 160);
        assert_eq!(to_hex(&field[..9]), "060804002A0201E170");
    }

    #[test]
    fn parts_end_where_phones_end_them() {
        for (text, wide, sizes) in [
            ("a".repeat(160), false, vec![160]),
            ("a".repeat(161), false, vec![153, 8]),
            ("a".repeat(161), true, vec![152, 9]),
            ("я".repeat(70), false, vec![140]),
            ("я".repeat(71), false, vec![134, 8]),
            ("я".repeat(71), true, vec![132, 10]),
            // An escape sequence and a surrogate pair stay whole.
            (
                format!("{}€{}", "a".repeat(152), "a".repeat(20)),
                false,
                vec![152, 22],
            ),
            (
                format!("{}😀{}", "я".repeat(66), "я".repeat(20)),
                false,
                vec![132, 44],
            ),
        ] {
            let bodies: Vec<usize> = split(&text, 1, wide, false)
                .iter()
                .map(|part| part.body.len())
                .collect();
            assert_eq!(bodies, sizes, "{text}");
        }
        let careless = split(
            &format!("{}😀{}", "я".repeat(66), "я".repeat(20)),
            1,
            false,
            true,
        );
        assert_eq!(careless[0].body.len(), 134);
    }

    #[test]
    fn texts_in_a_language_of_their_own_stay_in_it() {
        let text = "Canción número único, ¿está aquí? ".repeat(8);
        let whole = UserData::text_in(&text, None, Some(Language::Spanish));
        assert_eq!(whole.dcs, 0);
        let parts = split_user_data(whole, 9, false, false);
        assert!(parts.len() > 1);
        let mut joined = Vec::new();
        for part in &parts {
            assert_eq!(part.header[0], (0x24, vec![2]));
            assert!(part.fits());
            joined.extend(&part.body);
        }
        assert_eq!(parts[0].coding().to_text(&joined).unwrap(), text);
        let short = UserData::text_in("Işık", Some(Language::Turkish), None);
        assert_eq!(short.header, [(0x25, vec![1])]);
        assert_eq!(short.to_text().unwrap(), "Işık");
    }

    #[test]
    fn reports_are_laid_out_as_the_clause_says() {
        let report = StatusReport {
            message_reference: 7,
            recipient: Address::new("+15551230100"),
            scts: STAMP.encode(),
            discharge: STAMP.encode(),
            status: 0x41,
        };
        let tpdu = report.encode();
        assert_eq!(
            to_hex(&tpdu),
            "06070B915155210301F04230108122134A4230108122134A41"
        );
        assert_eq!(StatusReport::decode(&tpdu), Ok((0x06, report)));
    }

    proptest! {
        #[test]
        fn a_text_crosses_the_air_whole(
            text in "\\PC{0,600}",
            reference in any::<u16>(),
            wide in any::<bool>(),
            careless in any::<bool>(),
            seed in any::<u64>(),
        ) {
            let mut parts = split(&text, reference, wide, careless);
            Draws(seed).shuffle(&mut parts);
            let mut network = Network::new("+15550100000", "+15550109999", 0, ReportPolicy::default());
            for user_data in parts {
                let deliver = Deliver { from: Address::new("+15551230100"), pid: 0, scts: STAMP.encode(), user_data };
                prop_assert_eq!(Deliver::decode(&deliver.encode()).map(|(_, read)| read), Ok(deliver.clone()));
                let submit = Submit {
                    reject_duplicates: false,
                    status_report: false,
                    message_reference: 0,
                    to: deliver.from.clone(),
                    pid: 0,
                    validity_period: None,
                    user_data: deliver.user_data,
                };
                let tpdu = submit.encode();
                let read = Submit::decode(&tpdu);
                prop_assert_eq!(read.as_ref(), Ok(&submit));
                network.accept(submit, tpdu, 0, Instant::now(), Duration::ZERO);
            }
            prop_assert_eq!(network.sent.len(), 1);
            prop_assert_eq!(&network.sent[0].text, &text);
        }

        #[test]
        fn no_octets_can_upset_the_readers(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = take_service_centre(&octets);
            let _ = StatusReport::decode(&octets);
            if let Ok((_, deliver)) = Deliver::decode(&octets) {
                let _ = (deliver.user_data.to_text(), deliver.user_data.concatenation(), deliver.encode());
            }
            if let Ok(submit) = Submit::decode(&octets) {
                let _ = (submit.user_data.to_text(), submit.encode());
            }
        }

        /// A first octet, an address and a length that make sense lead deeper.
        #[test]
        fn no_user_data_can_upset_the_readers(
            first in any::<u8>(),
            dcs in any::<u8>(),
            length in 0u8..=160,
            field in proptest::collection::vec(any::<u8>(), 0..150),
        ) {
            let mut tpdu = vec![first & 0x40 | 1, 0, 1, 0x91, 0xF1, 0, dcs, length];
            tpdu.extend(field);
            if let Ok(submit) = Submit::decode(&tpdu) {
                let _ = (submit.user_data.to_text(), submit.user_data.concatenation(), submit.encode());
            }
        }
    }
}
