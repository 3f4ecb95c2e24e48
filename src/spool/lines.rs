//! How lines stand, apart from what their modems say: whether the carrier refuses them, what the
//! balance is, whether a text to ourselves came back.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use super::Result;
use super::wire;

/// Recipients the carrier refuses in a row before the line rests.
const REFUSED_IN_A_ROW: usize = 3;
/// How long it rests, unless a person says otherwise.
pub const PAUSE: Duration = Duration::from_secs(60 * 60);

/// How a line stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// It rests: nothing is sent.
    pub paused: Option<Pause>,
    /// The carrier refused one recipient after another, and took no text since: also when the rest
    /// is over.
    pub refused: bool,
    /// What the carrier said of the balance.
    pub balance: Option<Balance>,
    /// The last text to ourselves.
    pub self_test: Option<SelfTest>,
    /// The line's own number, as a person told it.
    #[serde(skip)]
    pub number: Option<String>,
    /// Until when its day's allowance of texts is used up.
    #[serde(skip)]
    pub used_until: Option<Timestamp>,
}

impl Standing {
    /// What is wrong, for a person: why it rests, why no text to ourselves came back.
    pub fn alarm(&self) -> Option<String> {
        let paused = self.paused.as_ref().map(|pause| pause.reason.as_str());
        let test = self.self_test.as_ref();
        let test = test.and_then(|test| test.problem.as_deref());
        let used = self.used_until.map(|until| {
            format!(
                "allowance used until {}: answers wait for it",
                until.strftime("%F %R UTC")
            )
        });
        let all = [paused, used.as_deref(), test].into_iter().flatten();
        let all: Vec<&str> = all.collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

/// A line that rests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pause {
    /// Since when.
    pub since: Timestamp,
    /// Until when, unless a person ends it before.
    pub until: Timestamp,
    /// Why, and what to do.
    pub reason: String,
}

/// The balance, as the carrier words it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// The carrier's words, the last there were.
    pub words: Option<String>,
    /// When it was asked last.
    pub at: Timestamp,
    /// Why there was no answer to that.
    pub problem: Option<String>,
}

/// A text to ourselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SelfTest {
    /// When it was sent.
    pub sent: Timestamp,
    /// How long it was on its way, once it has come back.
    pub took_ms: Option<i64>,
    /// Why it did not come back, and what to do.
    pub problem: Option<String>,
}

impl SelfTest {
    /// How it went, in a word or two: `OK in 6 s`.
    pub fn words(&self) -> String {
        match (self.took_ms, &self.problem) {
            (Some(took_ms), _) => format!("OK in {} s", (took_ms.max(0) + 500) / 1000),
            (None, Some(problem)) => problem.clone(),
            (None, None) => "under way".into(),
        }
    }

    /// Whether it is still on its way.
    pub fn is_under_way(&self) -> bool {
        self.took_ms.is_none() && self.problem.is_none()
    }
}

/// How a line stands.
pub fn standing(connection: &Connection, line: &str) -> Result<Standing> {
    Ok(connection
        .prepare_cached(
            "SELECT paused_at, paused_until, pause_reason, balance, balance_at, balance_problem,
                    test_sent, test_took_ms, test_problem, refused, number, used_until
             FROM standing WHERE line = ?1",
        )?
        .query_row([line], standing_row)
        .optional()?
        .unwrap_or_default())
}

fn standing_row(row: &Row<'_>) -> rusqlite::Result<Standing> {
    let paused = match wire::time_from_option(row, 1)? {
        Some(until) => Some(Pause {
            since: wire::time_from(row, 0)?,
            until,
            reason: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
        }),
        None => None,
    };
    let balance = match wire::time_from_option(row, 4)? {
        Some(at) => Some(Balance {
            words: row.get(3)?,
            at,
            problem: row.get(5)?,
        }),
        None => None,
    };
    let self_test = match wire::time_from_option(row, 6)? {
        Some(sent) => Some(SelfTest {
            sent,
            took_ms: row.get(7)?,
            problem: row.get(8)?,
        }),
        None => None,
    };
    let refused: Vec<String> = wire::json_from(row, 9)?;
    Ok(Standing {
        paused,
        refused: refused.len() >= REFUSED_IN_A_ROW,
        balance,
        self_test,
        number: row.get(10)?,
        used_until: wire::time_from_option(row, 11)?,
    })
}

fn know(connection: &Connection, line: &str) -> Result<()> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO standing (line) VALUES (?1)")?
        .execute([line])?;
    Ok(())
}

/// A line's allowance of texts is used up until then.
pub fn used_up(connection: &Connection, line: &str, until: Timestamp) -> Result<()> {
    know(connection, line)?;
    connection
        .prepare_cached(
            "UPDATE standing SET used_until = ?2 WHERE line = ?1 AND used_until IS NOT ?2",
        )?
        .execute(params![line, wire::time(until)])?;
    Ok(())
}

/// A line may send again.
pub fn allow(connection: &Connection, line: &str) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE standing SET used_until = NULL WHERE line = ?1 AND used_until IS NOT NULL",
        )?
        .execute([line])?;
    Ok(())
}

/// The pause of a line, if it still lasts; one that has lasted long enough ends.
pub fn pause(connection: &Connection, line: &str, now: Timestamp) -> Result<Option<Pause>> {
    let Some(pause) = standing(connection, line)?.paused else {
        return Ok(None);
    };
    // A clock that was set back must not make it longer.
    if pause.since <= now && now < pause.until {
        return Ok(Some(pause));
    }
    // Its time is over; one more refusal and it rests again, until a text is taken.
    connection
        .prepare_cached(
            "UPDATE standing SET paused_at = NULL, paused_until = NULL, pause_reason = NULL
             WHERE line = ?1",
        )?
        .execute([line])?;
    Ok(None)
}

/// The carrier refused a text to this recipient, by the last digits. When others were refused
/// before in a row, the line rests: answers since when and why.
pub fn refused_by_carrier(
    connection: &Connection,
    line: &str,
    tail: &str,
    why: &str,
    now: Timestamp,
) -> Result<Option<Pause>> {
    know(connection, line)?;
    let mut refused: Vec<String> = connection
        .prepare_cached("SELECT refused FROM standing WHERE line = ?1")?
        .query_row([line], |row| wire::json_from(row, 0))?;
    if !refused.iter().any(|known| known == tail) {
        refused.push(tail.to_owned());
    }
    let paused = refused.len() >= REFUSED_IN_A_ROW;
    refused.truncate(REFUSED_IN_A_ROW);
    connection
        .prepare_cached("UPDATE standing SET refused = ?2 WHERE line = ?1")?
        .execute(params![line, wire::json(&refused)])?;
    if !paused {
        return Ok(None);
    }
    let pause = Pause {
        since: now,
        until: now.checked_add(PAUSE).unwrap_or(now),
        reason: format!(
            "the carrier refuses texts to one recipient after another: {why}. Ask the carrier \
             whether this SIM is blocked or out of credit"
        ),
    };
    connection
        .prepare_cached(
            "UPDATE standing SET paused_at = ?2, paused_until = ?3, pause_reason = ?4
             WHERE line = ?1",
        )?
        .execute(params![
            line,
            wire::time(pause.since),
            wire::time(pause.until),
            pause.reason
        ])?;
    Ok(Some(pause))
}

/// The carrier took a text: whatever it refused before, it does not refuse everyone.
pub fn taken(connection: &Connection, line: &str) -> Result<()> {
    connection
        .prepare_cached("UPDATE standing SET refused = '[]' WHERE line = ?1 AND refused <> '[]'")?
        .execute([line])?;
    Ok(())
}

/// A person ends a line's pause; says whether it had one. Refusals count anew.
pub fn resume(connection: &Connection, line: &str) -> Result<bool> {
    Ok(connection
        .prepare_cached(
            "UPDATE standing SET paused_at = NULL, paused_until = NULL, pause_reason = NULL,
                                 refused = '[]'
             WHERE line = ?1 AND paused_until IS NOT NULL",
        )?
        .execute([line])?
        > 0)
}

/// Keeps what the carrier said of the balance, or why it said nothing.
pub fn keep_balance(
    connection: &Connection,
    line: &str,
    answer: Result<String, String>,
    now: Timestamp,
) -> Result<()> {
    know(connection, line)?;
    let (words, problem) = match answer {
        Ok(words) => (Some(words), None),
        Err(problem) => (None, Some(problem)),
    };
    connection
        .prepare_cached(
            "UPDATE standing SET balance = coalesce(?2, balance), balance_problem = ?3,
                                 balance_at = ?4
             WHERE line = ?1",
        )?
        .execute(params![line, words, problem, wire::time(now)])?;
    Ok(())
}

/// Keeps the line's own number, as a person told it.
pub fn keep_number(connection: &Connection, line: &str, number: &str) -> Result<()> {
    know(connection, line)?;
    connection
        .prepare_cached("UPDATE standing SET number = ?2 WHERE line = ?1")?
        .execute([line, number])?;
    Ok(())
}

/// Somebody asks for a text to ourselves: from here on it is under way, and given up like any other
/// that does not come back. Whether none was under way before.
pub fn ask_test(connection: &Connection, line: &str, now: Timestamp) -> Result<bool> {
    know(connection, line)?;
    let under_way = standing(connection, line)?.self_test;
    if under_way.is_some_and(|test| test.is_under_way()) {
        return Ok(false);
    }
    connection
        .prepare_cached(
            "UPDATE standing SET test_token = NULL, test_sent = ?2, test_took_ms = NULL,
                                 test_problem = NULL
             WHERE line = ?1",
        )?
        .execute(params![line, wire::time(now)])?;
    Ok(true)
}

/// A text to ourselves is about to be sent; `tail` are our number's last digits.
pub fn begin_test(
    connection: &Connection,
    line: &str,
    token: &str,
    tail: &str,
    now: Timestamp,
) -> Result<()> {
    know(connection, line)?;
    connection
        .prepare_cached(
            "UPDATE standing SET test_token = ?2, test_to = ?3, test_sent = ?4,
                                 test_took_ms = NULL, test_problem = NULL
             WHERE line = ?1",
        )?
        .execute(params![line, token, tail, wire::time(now)])?;
    Ok(())
}

/// A text with this token came from a number with these last digits. Whether it is a text to
/// ourselves, of today or an earlier one: then it is not for the desk.
pub fn test_back(
    connection: &Connection,
    line: &str,
    token: &str,
    tail: &str,
    now: Timestamp,
) -> Result<bool> {
    let ours: Option<(Option<String>, Option<i64>)> = connection
        .prepare_cached(
            "SELECT test_token, test_sent FROM standing WHERE line = ?1 AND test_to = ?2",
        )?
        .query_row([line, tail], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((latest, sent)) = ours else {
        return Ok(false);
    };
    if latest.as_deref() == Some(token) {
        let took = wire::time(now)
            .saturating_sub(sent.unwrap_or_default())
            .max(0);
        connection
            .prepare_cached(
                "UPDATE standing SET test_took_ms = ?2, test_problem = NULL
                 WHERE line = ?1 AND test_took_ms IS NULL",
            )?
            .execute(params![line, took])?;
    }
    Ok(true)
}

/// The text to ourselves is given up, or could not even be sent: why, and what to do. One that came
/// back meanwhile is not given up. Says whether that is new.
pub fn test_failed(
    connection: &Connection,
    line: &str,
    problem: &str,
    now: Timestamp,
) -> Result<bool> {
    know(connection, line)?;
    let given_up = connection
        .prepare_cached(
            "UPDATE standing SET test_problem = ?2
             WHERE line = ?1 AND test_sent IS NOT NULL AND test_took_ms IS NULL
               AND test_problem IS NULL",
        )?
        .execute([line, problem])?;
    if given_up > 0 {
        return Ok(true);
    }
    // It was not even sent: that is tried again like one that failed.
    let before = standing(connection, line)?.self_test;
    connection
        .prepare_cached(
            "UPDATE standing SET test_sent = ?3, test_took_ms = NULL, test_problem = ?2
             WHERE line = ?1",
        )?
        .execute(params![line, problem, wire::time(now)])?;
    Ok(before.and_then(|test| test.problem).as_deref() != Some(problem))
}

/// No text is sent to ourselves any more: what became of the last is nobody's concern.
pub fn no_test(connection: &Connection, line: &str) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE standing SET test_token = NULL, test_to = NULL, test_sent = NULL,
                                 test_took_ms = NULL, test_problem = NULL
             WHERE line = ?1 AND test_sent IS NOT NULL",
        )?
        .execute([line])?;
    Ok(())
}

/// The modem (its IMEI) that was seen to keep the last TP-MR on the SIM, if one was.
pub fn keeps_last(connection: &Connection, line: &str) -> Result<Option<String>> {
    Ok(connection
        .prepare_cached("SELECT keeps_last FROM standing WHERE line = ?1")?
        .query_row([line], |row| row.get(0))
        .optional()?
        .flatten())
}

/// Keeps which modem was seen to keep the last TP-MR; `None`: this one does not.
pub fn set_keeps_last(connection: &Connection, line: &str, imei: Option<&str>) -> Result<()> {
    know(connection, line)?;
    connection
        .prepare_cached("UPDATE standing SET keeps_last = ?2 WHERE line = ?1")?
        .execute(params![line, imei])?;
    Ok(())
}
