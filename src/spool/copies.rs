//! Copies in a folder: named after the moment they were made, and kept to a number.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const BEGINS: &str = "callnumber-";
const ENDS: &str = ".db";
/// `20261125T230000Z`
const STAMP: &str = "%Y%m%dT%H%M%SZ";

/// A copy that lies in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its name there.
    pub name: String,
    /// When it was made, by its name.
    pub made: Timestamp,
    /// Its size.
    pub octets: u64,
}

/// `callnumber-20261125T230000Z.db`: names sort as their times.
pub fn dated_name(at: Timestamp) -> String {
    format!("{BEGINS}{}{ENDS}", at.strftime(STAMP))
}

/// When a copy of this name was made; `None` for a name that is not one of ours.
pub fn made_at(name: &str) -> Option<Timestamp> {
    let stamp = name.strip_prefix(BEGINS)?.strip_suffix(ENDS)?;
    let made = DateTime::strptime(STAMP, stamp).ok()?;
    let made = made.to_zoned(TimeZone::UTC).ok()?.timestamp();
    // One way to write a moment, and no other.
    (dated_name(made) == name).then_some(made)
}

/// The copies in a folder, newest first; none where there is no such folder. Anything named
/// otherwise is not ours to count.
///
/// # Errors
/// When the folder cannot be read.
pub fn list(folder: &Path) -> io::Result<Vec<Kept>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut kept: Vec<Kept> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            let made = made_at(&name)?;
            let about = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
            Some(Kept {
                name,
                made,
                octets: about.len(),
            })
        })
        .collect();
    kept.sort_by(|one, other| other.name.cmp(&one.name));
    Ok(kept)
}

/// Copies of ours in a folder beyond the newest few.
///
/// # Errors
/// When the folder cannot be read.
pub fn surplus(folder: &Path, keep: u16) -> io::Result<Vec<PathBuf>> {
    let old = list(folder)?.into_iter().skip(usize::from(keep));
    Ok(old.map(|kept| folder.join(kept.name)).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn names_are_known_again_and_sort_by_time() {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let early = dated_name(at("2026-01-02T03:04:05Z"));
        let late = dated_name(at("2026-11-25T23:00:00Z"));
        assert_eq!(early, "callnumber-20260102T030405Z.db");
        assert!(early < late);
        assert_eq!(made_at(&early), Some(at("2026-01-02T03:04:05Z")));
        for other in [
            "callnumber-20260102T030405Z.db.partial",
            "callnumber-my-own-copy-of.db",
            "callnumber-20260102-030405Z.db",
            "callnumber-20261302T030405Z.db",
            "callnumber-2026012T0030405Z.db",
            "spool.db",
            "../callnumber-20260102T030405Z.db",
        ] {
            assert_eq!(made_at(other), None, "{other}");
        }
    }

    #[test]
    fn only_our_own_old_copies_are_surplus() {
        let folder = tempfile::tempdir().unwrap();
        let dated = |hour: u8| format!("callnumber-20261125T{hour:02}0000Z.db");
        for name in [&dated(1), &dated(3), &dated(2), "callnumber-mine.db"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(
            surplus(folder.path(), 2).unwrap(),
            [folder.path().join(dated(1))]
        );
        assert_eq!(surplus(folder.path(), 3).unwrap(), Vec::<PathBuf>::new());
        let names: Vec<String> = list(folder.path())
            .unwrap()
            .into_iter()
            .map(|kept| kept.name)
            .collect();
        assert_eq!(names, [dated(3), dated(2), dated(1)]);
        assert_eq!(list(&folder.path().join("none")).unwrap(), []);
    }
}
