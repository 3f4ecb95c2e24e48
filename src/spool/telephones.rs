//! Makes the patrons one who are one telephone under several spellings of its number.
//!
//! A spool of an earlier release knew a patron by the string the carrier or a librarian wrote. The
//! desk reads every spelling as one canonical number now, and what is here is read again in that
//! form whenever the desk starts: a line's country may have become known since.

use rusqlite::{Connection, OptionalExtension, params};

use super::Result;
use crate::numbers::{Country, PatronNumber};

/// What was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unified {
    /// Patrons whose number was written in another form.
    pub renamed: usize,
    /// Patrons who became one with another.
    pub merged: usize,
}

struct Spelled {
    id: i64,
    gateway: i64,
    address: String,
    canonical: String,
}

/// Gives every texting patron the canonical form of their number, and makes those one who have the
/// same. Threads, texts, notes and tags stay; the newest shown name stays; an opt-out of any form
/// and the longer block win.
///
/// # Errors
/// What SQLite says; the caller's transaction is then undone.
pub fn unify(connection: &Connection, home: Country) -> Result<Unified> {
    let mut unified = Unified::default();
    // Nearly all are canonical, and begin with `+`: those are looked at where countries changed.
    let countries = countries(connection, home)?;
    let before: Option<String> = connection
        .prepare_cached("SELECT value FROM setting WHERE key = 'countries'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let canonical_too = before.as_ref() != Some(&countries);
    for spelled in misspelled(connection, home, canonical_too)? {
        let twin: Option<i64> = connection
            .prepare_cached("SELECT id FROM patron WHERE gateway = ?1 AND address = ?2")?
            .query_row(params![spelled.gateway, spelled.canonical], |row| {
                row.get(0)
            })
            .optional()?;
        // By its old form the outbox may still hold words for it.
        connection
            .prepare_cached(
                "UPDATE outbox SET recipient = ?3 WHERE gateway = ?1 AND recipient = ?2
                 AND state = 'due'",
            )?
            .execute(params![spelled.gateway, spelled.address, spelled.canonical])?;
        match twin {
            None => {
                connection
                    .prepare_cached("UPDATE patron SET address = ?2 WHERE id = ?1")?
                    .execute(params![spelled.id, spelled.canonical])?;
                unified.renamed += 1;
            }
            Some(twin) => {
                merge(connection, spelled.id, twin)?;
                unified.merged += 1;
            }
        }
    }
    connection
        .prepare_cached("INSERT OR REPLACE INTO setting (key, value) VALUES ('countries', ?1)")?
        .execute([countries])?;
    Ok(unified)
}

/// By which countries numbers without `+` are read: the library's, and each line's own.
fn countries(connection: &Connection, home: Country) -> Result<String> {
    let mut lines = connection.prepare_cached(
        "SELECT line, number FROM standing WHERE number IS NOT NULL ORDER BY line",
    )?;
    let lines = lines.query_map([], |row| {
        let (line, number): (String, String) = (row.get(0)?, row.get(1)?);
        let country = Country::of_number(&number).unwrap_or(home);
        Ok(format!("{line}={}", country.as_str()))
    })?;
    let mut all = vec![home.as_str().to_owned()];
    all.extend(lines.collect::<rusqlite::Result<Vec<_>>>()?);
    Ok(all.join(","))
}

/// Patrons of sms gateways whose address is not in its canonical form.
fn misspelled(connection: &Connection, home: Country, canonical_too: bool) -> Result<Vec<Spelled>> {
    let mut rows = connection.prepare_cached(
        "SELECT p.id, p.gateway, p.address, s.number
         FROM patron p JOIN gateway g ON g.id = p.gateway LEFT JOIN standing s ON s.line = g.line
         WHERE g.kind = 'sms' AND (?1 OR p.address NOT LIKE '+%') ORDER BY p.id",
    )?;
    let rows = rows.query_map([canonical_too], |row| {
        let (id, gateway, address): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let number: Option<String> = row.get(3)?;
        let country = number.as_deref().and_then(Country::of_number);
        let canonical = PatronNumber::arrived(&address, country.unwrap_or(home)).into_string();
        Ok(Spelled {
            id,
            gateway,
            address,
            canonical,
        })
    })?;
    let all: Vec<Spelled> = rows.collect::<rusqlite::Result<_>>()?;
    Ok(all
        .into_iter()
        .filter(|spelled| spelled.canonical != spelled.address)
        .collect())
}

/// Makes `gone` one with `stays`.
fn merge(connection: &Connection, gone: i64, stays: i64) -> Result<()> {
    connection.execute(
        "UPDATE conversation SET patron = ?2 WHERE patron = ?1",
        [gone, stays],
    )?;
    one_open_thread(connection, stays)?;
    // The newer row has the name that was shown last.
    connection.execute(
        "UPDATE patron SET
             opted_out = max(opted_out, (SELECT opted_out FROM patron WHERE id = ?1)),
             blocked_until = nullif(max(coalesce(blocked_until, 0), coalesce(
                 (SELECT blocked_until FROM patron WHERE id = ?1), 0)), 0),
             name = CASE WHEN ?1 > ?2 THEN (SELECT name FROM patron WHERE id = ?1) ELSE name END
         WHERE id = ?2",
        [gone, stays],
    )?;
    connection.execute("DELETE FROM patron WHERE id = ?1", [gone])?;
    Ok(())
}

/// A patron has one open conversation: of several the one that somebody answers, or else the newest,
/// takes in what was said in the others.
fn one_open_thread(connection: &Connection, patron: i64) -> Result<()> {
    let open: Vec<i64> = connection
        .prepare_cached(
            "SELECT id FROM conversation WHERE patron = ?1 AND state <> 'closed'
             ORDER BY state = 'claimed' DESC, id DESC",
        )?
        .query_map([patron], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let Some((stays, others)) = open.split_first() else {
        return Ok(());
    };
    for gone in others {
        for sql in [
            "UPDATE message SET conversation = ?2 WHERE conversation = ?1",
            "UPDATE note SET conversation = ?2 WHERE conversation = ?1",
            "UPDATE outbox SET conversation = ?2 WHERE conversation = ?1",
            "UPDATE audit SET conversation = ?2 WHERE conversation = ?1",
            "UPDATE OR IGNORE attached SET conversation = ?2 WHERE conversation = ?1",
            "UPDATE conversation SET
                 waiting_since = nullif(min(
                     coalesce(waiting_since, 9223372036854775807),
                     coalesce((SELECT waiting_since FROM conversation WHERE id = ?1),
                              9223372036854775807)), 9223372036854775807),
                 flagged = max(flagged, (SELECT flagged FROM conversation WHERE id = ?1)),
                 opened = min(opened, (SELECT opened FROM conversation WHERE id = ?1)),
                 active = max(active, (SELECT active FROM conversation WHERE id = ?1)),
                 promise = coalesce(promise, (SELECT promise FROM conversation WHERE id = ?1))
             WHERE id = ?2",
        ] {
            connection.prepare_cached(sql)?.execute([gone, stays])?;
        }
        for sql in [
            "DELETE FROM attached WHERE conversation = ?1",
            "DELETE FROM shown WHERE conversation IN (?1)",
            "DELETE FROM feed WHERE conversation = ?1",
            "DELETE FROM conversation WHERE id = ?1",
        ] {
            connection.prepare_cached(sql)?.execute([gone])?;
        }
    }
    Ok(())
}
