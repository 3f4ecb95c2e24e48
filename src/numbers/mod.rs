//! Telephone numbers as people and carriers write them, made one (ITU-T E.164).
//!
//! Pure: a table of the world's numbering plans (`plans`) and the rules of writing (`read`).
//! [`PatronNumber`] is the form every other room keeps: one telephone, one value. Short codes
//! (TS 23.040 §9.1.2.5 with six digits or fewer), alphanumeric senders and messengers' addresses
//! are kept as they came and never corrected.
//!
//! ```
//! use callnumber::numbers::{Country, PatronNumber};
//!
//! let home = Country::named("US").expect("the table has it");
//! let written = PatronNumber::written("(555) 123-0177", home).expect("a whole number");
//! assert_eq!(written, PatronNumber::arrived("15551230177", home));
//! assert_eq!(written.as_str(), "+15551230177");
//! ```

mod fingerprint;
mod plans;
mod read;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use fingerprint::{NumberKey, NumberKeys};
pub use plans::{Country, NoSuchCountry};
pub use read::NumberError;

/// Digits of a service number at most: a short code is no telephone.
const SHORT_CODE_DIGITS: usize = 6;
/// Digits of an E.164 number at most, calling code included (E.164 §6.2.1).
const E164_DIGITS: usize = 15;
/// Digits of the longest address on the air (TS 23.040 §9.1.2.5).
const DIGITS_MAX: usize = 20;

/// Who somebody outside is, on their gateway: the canonical form of an address.
///
/// A telephone is `+` and its E.164 digits, however its number was spelled. Short codes, names and
/// messengers' addresses stand as they came. Two equal values are one patron.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PatronNumber(String);

impl PatronNumber {
    /// A number that a person wrote, read in the country of the line it is to be texted from.
    ///
    /// # Errors
    /// What is no whole telephone number or short code, in words for whoever wrote it.
    pub fn written(text: &str, home: Country) -> Result<Self, NumberError> {
        read::written(text, home).map(Self)
    }

    /// The sender or recipient as the network said it. What cannot be read is kept as it came:
    /// nothing that arrives is refused for its address.
    pub fn arrived(address: &str, home: Country) -> Self {
        Self(read::arrived(address, home))
    }

    /// The numbers that a person may have meant, where it is not known by which line: one for each
    /// country that reads it as another.
    ///
    /// # Errors
    /// As [`written`](Self::written), where it is a number in none of them.
    pub fn meant(text: &str, countries: &[Country]) -> Result<Vec<Self>, NumberError> {
        let mut meant = Vec::new();
        let mut why = None;
        for country in countries {
            match Self::written(text, *country) {
                Ok(number) if meant.contains(&number) => {}
                Ok(number) => meant.push(number),
                Err(error) => why = why.or(Some(error)),
            }
        }
        match why {
            Some(why) if meant.is_empty() => Err(why),
            Some(_) | None => Ok(meant),
        }
    }

    /// One that was canonical when it was written down: the spool's.
    pub fn kept(canonical: String) -> Self {
        Self(canonical)
    }

    /// An address of another kind of gateway: a bare JID, a visitor's key. Kept as it is.
    pub fn verbatim(address: impl Into<String>) -> Self {
        Self(address.into())
    }

    /// The canonical form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The canonical form, taken out.
    pub fn into_string(self) -> String {
        self.0
    }

    /// Whether a text can be sent there: names (`LIBRARY`) and service numbers cannot be answered.
    pub fn is_telephone(&self) -> bool {
        let digits = self.0.strip_prefix('+').unwrap_or(&self.0);
        digits.bytes().all(|b| b.is_ascii_digit())
            && (SHORT_CODE_DIGITS + 1..=DIGITS_MAX).contains(&digits.len())
    }
}

impl fmt::Display for PatronNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq<&str> for PatronNumber {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl AsRef<str> for PatronNumber {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
pub(crate) mod tests;
