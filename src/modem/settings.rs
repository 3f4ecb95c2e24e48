//! `[[modem]]`: what the configuration says of one line. A new key is a field here and a line
//! in docs/configuration.md.

use std::path::PathBuf;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error};

use crate::hardware::Profile;
use crate::sms::NationalTables;

/// Which port a line is on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PortChoice {
    /// Probe allow-listed USB modems until one answers AT.
    #[default]
    Auto,
    /// This device or link, and no other.
    Path(PathBuf),
}

/// How one line is driven, used and looked after.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LineSettings {
    /// The line's name; never empty.
    #[serde(deserialize_with = "name")]
    pub name: String,
    /// Its port: `auto`, or a path.
    pub port: PortChoice,
    /// The modem that [`PortChoice::Auto`] is to find, where there are several.
    #[serde(deserialize_with = "imei")]
    pub imei: Option<String>,
    /// Bits per second; USB and PTY ports ignore it.
    #[serde(deserialize_with = "baud")]
    pub baud: u32,
    /// The SIM's PIN, if it asks for one. Tried once for each SIM.
    #[serde(deserialize_with = "pin")]
    pub pin: Option<String>,
    /// The service centre to set when the SIM has none.
    #[serde(deserialize_with = "smsc")]
    pub smsc: Option<String>,
    /// The HAT whose pins restart the modem.
    #[serde(deserialize_with = "power")]
    pub power: Option<&'static Profile>,
    /// What is said on the port is written there from the start.
    pub trace: Option<PathBuf>,
    /// Whether that transcript holds numbers and words as they are.
    pub trace_unmasked: bool,
    /// Between the starts of two texts. Carriers take a consumer SIM's at about one in four seconds.
    #[serde(with = "crate::duration")]
    pub pace: Duration,
    /// Segments in a day; 0 is no cap. A thousand is what carriers commonly allow a consumer SIM.
    pub per_day: u32,
    /// National language tables that a text may go out in where that is cheaper than UCS2: `spanish`,
    /// `turkish-locking`. None by default: not every carrier and phone reads them.
    #[serde(deserialize_with = "national")]
    pub national: NationalTables,
    /// The line's own number, for a SIM that does not know it.
    #[serde(deserialize_with = "number")]
    pub number: Option<String>,
    /// The USSD code that says the balance and changes nothing: `*100#`.
    #[serde(deserialize_with = "balance")]
    pub balance: Option<String>,
    /// Whether a text is sent to the line itself every day, to prove both directions.
    pub self_test: bool,
    /// How often storage is listed without a hint.
    #[serde(skip)]
    pub sweep_every: Duration,
}

impl Default for LineSettings {
    fn default() -> Self {
        Self {
            name: String::new(),
            port: PortChoice::Auto,
            imei: None,
            baud: 115_200,
            pin: None,
            smsc: None,
            power: None,
            trace: None,
            trace_unmasked: false,
            pace: Duration::from_secs(4),
            per_day: 1000,
            national: NationalTables::NONE,
            number: None,
            balance: None,
            self_test: false,
            sweep_every: Duration::from_secs(30),
        }
    }
}

impl LineSettings {
    /// A line with everything left to its default.
    pub fn new(name: impl Into<String>, port: PortChoice) -> Self {
        Self {
            name: name.into(),
            port,
            ..Self::default()
        }
    }
}

/// TS 31.101: four to eight digits.
pub fn is_pin(text: &str) -> bool {
    (4..=8).contains(&text.len()) && is_digits(text)
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (3..=20).contains(&digits.len()) && is_digits(digits)
}

/// A text that `fits`, or the words that say what to write instead.
fn text<'de, D: Deserializer<'de>, T: From<String>>(
    from: D,
    fits: impl FnOnce(&str) -> bool,
    remedy: &str,
) -> Result<T, D::Error> {
    let text = String::deserialize(from)?;
    match fits(&text) {
        true => Ok(text.into()),
        false => Err(D::Error::custom(format!("{text:?} {remedy}"))),
    }
}

fn name<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let fits = |name: &str| {
        (1..=32).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b))
    };
    let remedy = "cannot be a modem's name: use 1 to 32 of a-z, 0-9, `-`, `_` and `.`";
    text(from, fits, remedy)
}

impl<'de> Deserialize<'de> for PortChoice {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let fits = |port: &str| port == "auto" || port.starts_with('/');
        let remedy = "is not a port: write \"auto\" or a path such as \"/dev/ttyUSB2\"";
        let port: String = text(from, fits, remedy)?;
        Ok(match port.as_str() {
            "auto" => Self::Auto,
            path => Self::Path(path.into()),
        })
    }
}

fn imei<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let fits = |imei: &str| (14..=16).contains(&imei.len()) && is_digits(imei);
    let remedy = "is no IMEI: write the 15 digits that `callnumber modem list` shows";
    text(from, fits, remedy)
}

fn baud<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    const RATES: [u32; 9] = [
        9_600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600, 3_000_000,
    ];
    let rate = u32::deserialize(from)?;
    match RATES.contains(&rate) {
        true => Ok(rate),
        false => Err(D::Error::custom(format!(
            "{rate} is not a rate of serial ports: 115200 is usual"
        ))),
    }
}

fn pin<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(from)?;
    // The value stays out of the message.
    match is_pin(&text) {
        true => Ok(Some(text)),
        false => Err(D::Error::custom(
            "a PIN has four to eight digits, in quotes",
        )),
    }
}

fn smsc<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let remedy = "is not a service centre's number: write it as \"+15550100\"";
    text(from, is_number, remedy)
}

fn number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let remedy = "is not a telephone number: write the line's own as \"+15550100\"";
    text(from, is_number, remedy)
}

fn national<'de, D: Deserializer<'de>>(from: D) -> Result<NationalTables, D::Error> {
    let mut tables = NationalTables::NONE;
    for name in Vec::<String>::deserialize(from)? {
        tables.add(&name).map_err(D::Error::custom)?;
    }
    Ok(tables)
}

/// The carrier's codes for a question, which change nothing: `*100#`, `#225#`. A code with a number
/// in it may move money.
fn balance<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let fits = |code: &str| {
        (3..=20).contains(&code.len())
            && code.starts_with(['*', '#'])
            && code.ends_with('#')
            && code
                .bytes()
                .all(|b| b.is_ascii_digit() || b"*#".contains(&b))
    };
    let remedy = "is not a USSD code: write the one by which the carrier says the balance, such as \
                  \"*100#\"";
    text(from, fits, remedy)
}

/// `power = { profile = "…" }`
fn power<'de, D: Deserializer<'de>>(from: D) -> Result<Option<&'static Profile>, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Power {
        #[serde(deserialize_with = "profile")]
        profile: &'static Profile,
    }
    fn profile<'de, D: Deserializer<'de>>(from: D) -> Result<&'static Profile, D::Error> {
        Profile::named(&String::deserialize(from)?).map_err(D::Error::custom)
    }
    Power::deserialize(from).map(|power| Some(power.profile))
}
