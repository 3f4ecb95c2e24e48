//! What lines remember of their modems: where they stand on the recovery ladder, and where the modem
//! was plugged in.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::Result;

/// How often each rung was tried.
pub const RUNGS: usize = 8;

/// A line's place on the ladder. Times are milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LadderRow {
    /// When it was kept, by the wall clock.
    pub kept: Timestamp,
    /// The last rung tried.
    pub rung: u8,
    /// Rounds that did not help.
    pub rounds: u32,
    /// `mute`, `gone` or `sim`.
    pub alarm: Option<String>,
    /// How often each rung was tried.
    pub counts: [u32; RUNGS],
    /// Restarts that nobody asked for.
    pub restarts: u32,
    /// Of the trouble.
    pub age_ms: Option<i64>,
    /// Since the radio was restarted.
    pub radio_age_ms: Option<i64>,
    /// Until the next round.
    pub next_round_ms: Option<i64>,
}

/// What was kept for `line`.
pub fn ladder(connection: &Connection, line: &str) -> Result<Option<LadderRow>> {
    let row = connection
        .prepare_cached(
            "SELECT kept, rung, rounds, alarm, counts, restarts, age, radio_age, next_round
             FROM ladder WHERE line = ?1",
        )?
        .query_row([line], |row| {
            let counts: String = row.get(4)?;
            let mut numbers = counts.split(' ').map(|count| count.parse().unwrap_or(0));
            Ok(LadderRow {
                kept: Timestamp::from_millisecond(row.get(0)?).unwrap_or(Timestamp::UNIX_EPOCH),
                rung: row.get(1)?,
                rounds: row.get(2)?,
                alarm: row.get(3)?,
                counts: std::array::from_fn(|_| numbers.next().unwrap_or(0)),
                restarts: row.get(5)?,
                age_ms: row.get(6)?,
                radio_age_ms: row.get(7)?,
                next_round_ms: row.get(8)?,
            })
        })
        .optional()?;
    Ok(row)
}

/// Keeps a line's place on the ladder, in place of what was kept.
pub fn keep_ladder(connection: &Connection, line: &str, row: &LadderRow) -> Result<()> {
    let counts = row.counts.map(|count| count.to_string()).join(" ");
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO ladder
             (line, kept, rung, rounds, alarm, counts, restarts, age, radio_age, next_round)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            line,
            row.kept.as_millisecond(),
            row.rung,
            row.rounds,
            row.alarm,
            counts,
            row.restarts,
            row.age_ms,
            row.radio_age_ms,
            row.next_round_ms,
        ])?;
    Ok(())
}

/// Where a line's modem was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceRow {
    /// Who it says it is.
    pub imei: String,
    /// Where it is plugged in.
    pub place: String,
    /// The interface that was used.
    pub interface: u8,
}

/// Where the modem of `line` was found last.
pub fn place(connection: &Connection, line: &str) -> Result<Option<PlaceRow>> {
    let row = connection
        .prepare_cached("SELECT imei, place, interface FROM modem_place WHERE line = ?1")?
        .query_row([line], |row| {
            Ok(PlaceRow {
                imei: row.get(0)?,
                place: row.get(1)?,
                interface: row.get(2)?,
            })
        })
        .optional()?;
    Ok(row)
}

/// Keeps where the modem of `line` was found.
pub fn keep_place(connection: &Connection, line: &str, row: &PlaceRow) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO modem_place (line, imei, place, interface)
             VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![line, row.imei, row.place, row.interface])?;
    Ok(())
}
