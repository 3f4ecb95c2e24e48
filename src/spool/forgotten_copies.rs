//! Copies forget what the spool forgot: whatever is erased is erased again in the copies of a folder
//! when the next one is put there, and in a copy that is put back.
//!
//! The spool remembers which conversations were erased, by their numbers alone: those are never given
//! twice. Only copies of the same spool and of this version are written anew; others go by their age.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use super::backup::{Partial, copy_whole, open_source, prove, version_of};
use super::{Result, SpoolError, connect, copies, enclosures, erasure, migrate, transcript};
use crate::routing::ConversationId;

/// What was erased: a conversation, and whether its patron asked to be forgotten.
type Erased = (i64, bool);

/// What this spool erased of itself.
pub(super) fn erased(connection: &Connection) -> Result<Vec<Erased>> {
    if !enclosures::has(connection, "erased")? {
        return Ok(Vec::new());
    }
    let rows = connection
        .prepare("SELECT conversation, forgotten FROM erased ORDER BY conversation")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// Erases again what was erased elsewhere; answers how many conversations.
pub(super) fn erase_again(connection: &Connection, gone: &[Erased]) -> Result<usize> {
    let mut count = 0;
    for (id, forgotten) in gone {
        let address: Option<String> = connection
            .prepare_cached(
                "SELECT p.address FROM conversation c JOIN patron p ON p.id = c.patron
                 WHERE c.id = ?1",
            )?
            .query_row([id], |row| row.get(0))
            .optional()?;
        let Some(address) = address else {
            continue;
        };
        count += 1;
        erasure::erase(connection, ConversationId(*id))?;
        if *forgotten {
            connection
                .prepare_cached("UPDATE erased SET forgotten = 1 WHERE conversation = ?1")?
                .execute([id])?;
            erasure::forget_traces(connection, &address)?;
        }
    }
    if count > 0 && enclosures::has(connection, "enclosed")? {
        connection.execute(
            "DELETE FROM enclosed WHERE secret IN (SELECT secret FROM attachment WHERE made = 0)",
            [],
        )?;
    }
    Ok(count)
}

/// Writes those copies in a folder anew that still hold what this spool erased; answers how many. Each is
/// whole at every moment, and proved before it takes the place of the one before. Blocks.
///
/// # Errors
/// What is in the way: the copies from there on are as they were.
pub fn scrub(spool: &Path, folder: &Path) -> Result<usize> {
    let broken = |error: &dyn std::fmt::Display| SpoolError::Broken(error.to_string());
    let live = open_source(spool).map_err(|error| broken(&error))?;
    let (seed, gone) = (transcript::seed(&live)?, erased(&live)?);
    drop(live);
    let mut scrubbed = 0;
    for kept in copies::list(folder).map_err(|error| broken(&error))? {
        let path = folder.join(kept.name);
        let copy = open_source(&path).map_err(|error| broken(&error))?;
        let version = version_of(&copy, &path).map_err(|error| broken(&error))?;
        let ours = version == migrate::known() && transcript::seed(&copy)? == seed;
        if !ours || !holds_any(&copy, &gone)? {
            continue;
        }
        let partial = Partial::claim(&path).map_err(|error| broken(&error))?;
        copy_whole(copy, &path, &partial.path, &mut |_| {}).map_err(|error| broken(&error))?;
        let mut connection = connect(&partial.path, false).map_err(|error| broken(&error))?;
        let transaction = connection.transaction()?;
        erase_again(&transaction, &gone)?;
        transaction.commit()?;
        connection.execute_batch("VACUUM")?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        connection.pragma_update(None, "journal_mode", "DELETE")?;
        drop(connection);
        prove(&partial.path, version, &mut |_| {}).map_err(|error| broken(&error))?;
        partial.keep(&path).map_err(|error| broken(&error))?;
        scrubbed += 1;
    }
    Ok(scrubbed)
}

fn holds_any(copy: &Connection, gone: &[Erased]) -> Result<bool> {
    for (id, _) in gone {
        let there: bool = copy
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM conversation WHERE id = ?1)")?
            .query_row(params![id], |row| row.get(0))?;
        if there {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jiff::Timestamp;

    use super::super::Spool;
    use super::super::backup::back_up;
    use super::*;
    use crate::numbers::PatronNumber;
    use crate::routing::Whose;

    const DESK: &str = "
        INSERT INTO line (name) VALUES ('m');
        INSERT INTO gateway (id, name, kind, queue, line, policy) VALUES (1, 'm', 'sms', 1, 'm', 'hold');
        INSERT INTO patron (id, gateway, address, name)
            VALUES (1, 1, '+15557239861', 'heron-42'), (2, 1, '+15551230188', 'otter-7');
        INSERT INTO conversation (id, patron, gateway, queue, home, state, opened, active)
            VALUES (1, 1, 1, 1, 1, 'waiting', 0, 0), (2, 2, 1, 1, 1, 'waiting', 0, 0);
        INSERT INTO message (conversation, direction, body, at, state, author)
            VALUES (1, 'in', 'Quetiapine, please', 0, 'received', 'patron'),
                   (2, 'in', 'Is my book in?', 0, 'received', 'patron');";

    #[test]
    fn copies_of_before_forget_with_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let (path, copies) = (folder.path().join("spool.db"), folder.path().join("copies"));
        std::fs::create_dir(&copies).unwrap();
        let spool = Spool::open(&path).unwrap();
        spool
            .write_blocking(|c| Ok(c.execute_batch(DESK)?))
            .unwrap();
        let before = copies.join("callnumber-20261125T010000Z.db");
        back_up(&path, &before, &mut |_| {}).unwrap();
        let holds = |word: &str| {
            let octets = std::fs::read(&before).unwrap();
            octets
                .windows(word.len())
                .any(|window| window == word.as_bytes())
        };
        assert_eq!(scrub(&path, &copies).unwrap(), 0, "nothing was erased");
        spool
            .write_blocking(|c| {
                let whose = Whose::Telephone(PatronNumber::verbatim("+15557239861"));
                erasure::forget(c, &whose, None, None, Timestamp::now()).map(drop)
            })
            .unwrap();
        assert!(holds("Quetiapine") && holds("5557239861"));
        assert_eq!(scrub(&path, &copies).unwrap(), 1);
        for gone in ["Quetiapine", "5557239861", "heron-42"] {
            assert!(!holds(gone), "{gone} is still in a copy");
        }
        assert!(holds("Is my book in?"), "the others stay");
        assert_eq!(scrub(&path, &copies).unwrap(), 0, "once is enough");
        // A copy of another spool is nobody's to change.
        let other = Spool::open(&folder.path().join("other.db")).unwrap();
        other
            .write_blocking(|c| Ok(c.execute_batch(DESK)?))
            .unwrap();
        back_up(
            other.path(),
            &copies.join("callnumber-20261125T020000Z.db"),
            &mut |_| {},
        )
        .unwrap();
        assert_eq!(scrub(&path, &copies).unwrap(), 0);
    }
}
