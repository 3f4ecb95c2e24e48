//! Which national language tables a text may go out in (TS 23.038 §6.2.1.2), besides the default
//! alphabet.

use std::fmt;
use std::str::FromStr;

use super::alphabet::Alphabet;
use super::national::NationalLanguage;

/// National language tables that the receivers of a line are known to read; none by default.
///
/// A phone that knows no such tables shows a letter of a single shift table without its accent
/// (§C.2), and one of a locking shift table as another letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct NationalTables {
    /// A bit for each language's identifier.
    single: u16,
    locking: u16,
}

/// Words that name no table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} names no national table: write a language such as \"spanish\", \"portuguese\" or \
     \"turkish\", or \"turkish-locking\" for its locking table"
)]
pub struct NoSuchTable(pub String);

const LOCKING: &str = "-locking";

impl NationalTables {
    /// The default alphabet alone.
    pub const NONE: Self = Self {
        single: 0,
        locking: 0,
    };

    /// Adds the table of this name: `spanish` for a single shift table, `turkish-locking` for a
    /// locking one.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn add(&mut self, name: &str) -> Result<(), NoSuchTable> {
        let no_such = || NoSuchTable(name.to_owned());
        let (language, locking) = match name.strip_suffix(LOCKING) {
            Some(language) => (language, true),
            None => (name, false),
        };
        let language: NationalLanguage = language.parse().map_err(|()| no_such())?;
        let bit = 1 << language.octet();
        match locking {
            true if language.locking().is_none() => return Err(no_such()),
            true => self.locking |= bit,
            false => self.single |= bit,
        }
        Ok(())
    }

    /// The tables by name, in the order of their identifiers.
    pub fn names(self) -> Vec<String> {
        let all = || NationalLanguage::ALL.into_iter();
        let single = all().filter(|language| has(self.single, *language));
        let locking = all().filter(|language| has(self.locking, *language));
        single
            .map(|language| language.to_string())
            .chain(locking.map(|language| format!("{language}{LOCKING}")))
            .collect()
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self == Self::NONE
    }

    /// Every pair of tables that a text may be written in; those of fewer tables come first.
    pub(super) fn alphabets(self) -> impl Iterator<Item = Alphabet> {
        let of = |bits: u16| {
            let languages = NationalLanguage::ALL.into_iter();
            let given = languages.filter(move |language| has(bits, *language));
            std::iter::once(None).chain(given.map(Some))
        };
        of(self.locking).flat_map(move |locking| {
            of(self.single).map(move |single| Alphabet { locking, single })
        })
    }
}

fn has(bits: u16, language: NationalLanguage) -> bool {
    bits & (1 << language.octet()) != 0
}

impl fmt::Display for NationalLanguage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format!("{self:?}").to_ascii_lowercase())
    }
}

impl FromStr for NationalLanguage {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        let mut all = Self::ALL.into_iter();
        all.find(|language| language.to_string() == name).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn tables_are_known_by_name() {
        let mut tables = NationalTables::default();
        assert!(tables.is_empty());
        for name in ["turkish-locking", "spanish", "portuguese", "spanish"] {
            tables.add(name).unwrap();
        }
        assert_eq!(tables.names(), ["spanish", "portuguese", "turkish-locking"]);
        for name in ["spanish-locking", "french", "Spanish", "-locking", ""] {
            assert_eq!(tables.add(name), Err(NoSuchTable(name.to_owned())));
        }
        assert_eq!(tables.alphabets().count(), 6);
        assert_eq!(tables.alphabets().next(), Some(Alphabet::DEFAULT));
    }
}
