//! The desk as a book: written out, and brought in whole or not at all.

use jiff::Timestamp;
use rusqlite::Connection;

use super::{Result, SpoolError};
use super::{audit, canned, staff};
use crate::routing::book::{
    Book, CannedEntry, Change, GatewayEntry, Manuscript, Misprint, OperatorEntry, QueueEntry,
    changes,
};
use crate::routing::{AmendError, Amendment, Library, OperatorId, Plan, QueueId, Role};

/// The desk as it is.
pub fn read(connection: &Connection, passwords: bool) -> Result<Book> {
    // What the library is called stands in the configuration, not in a book.
    let plan = staff::plan(connection, &Library::default())?;
    let queues = plan.queues.iter().map(|queue| QueueEntry {
        name: queue.name.clone(),
        title: queue.title.clone(),
        facts: queue.facts.clone(),
        hours: queue.calendar.hours.as_ref().map(ToString::to_string),
        fallback: queue.fallback.map(|helper| name_of(&plan, helper.queue)),
        fallback_after_s: queue
            .fallback
            .and_then(|helper| u32::try_from(helper.after.as_secs()).ok()),
        holidays: queue
            .calendar
            .holidays
            .iter()
            .map(|(date, hours)| (*date, hours.to_string()))
            .collect(),
    });
    let in_use = plan.gateways.iter().filter(|gateway| !gateway.removed);
    let gateways = in_use.map(|gateway| GatewayEntry {
        name: gateway.name.clone(),
        kind: gateway.kind,
        queue: name_of(&plan, gateway.queue),
        line: gateway.line.clone(),
        offline: Some(gateway.policy),
        paused: gateway.paused,
        wording: gateway.wording.clone(),
        keywords: gateway
            .keywords
            .values()
            .map(|keyword| (keyword.word.clone(), keyword.answer.clone()))
            .collect(),
    });
    let mut operators = Vec::with_capacity(plan.operators.len());
    for operator in &plan.operators {
        let hash = match passwords {
            true => staff::credentials(connection, &operator.name)?.and_then(|(_, hash)| hash),
            false => None,
        };
        operators.push(OperatorEntry {
            name: operator.name.clone(),
            role: operator.role,
            queues: operator
                .queues
                .iter()
                .map(|id| name_of(&plan, *id))
                .collect(),
            xmpp: staff::addresses_of(connection, &operator.name)?,
            password_hash: hash,
        });
    }
    let canned = canned::list(connection)?
        .into_iter()
        .map(|one| CannedEntry {
            key: one.key,
            queue: one.queue.map(|id| name_of(&plan, id)),
            text: one.text,
        });
    Ok(Book {
        queues: queues.collect(),
        gateways: gateways.collect(),
        operators,
        canned: canned.collect(),
        ..Book::default()
    })
}

/// Foreign keys hold: what a row names is there.
fn name_of(plan: &Plan, queue: QueueId) -> String {
    plan.queue(queue)
        .map(|queue| queue.name.clone())
        .unwrap_or_default()
}

/// Hands the desk out with the hashes of passwords, and writes down who has them now.
pub fn hand_out(connection: &Connection, by: Option<OperatorId>, now: Timestamp) -> Result<Book> {
    audit::write(connection, by, "exported_passwords", None, None, None, now)?;
    read(connection, true)
}

/// Makes the desk like the one in the book; answers what changed, a line each. It is for the caller
/// to see that a book that is refused, or one only to be tried, leaves nothing behind.
///
/// # Errors
/// [`SpoolError::Refused`] says what in the book makes no sense, with its line, and what to do.
pub fn bring_in(
    connection: &Connection,
    manuscript: &Manuscript,
    by: Option<OperatorId>,
    now: Timestamp,
) -> Result<Vec<String>> {
    let present = read(connection, true)?;
    let changes = changes(&present, manuscript).map_err(|misprint| in_book(&misprint))?;
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let detail = format!(r#"{{"changes":{}}}"#, changes.len());
    audit::write(
        connection,
        by,
        "imported_desk",
        None,
        None,
        Some(&detail),
        now,
    )?;
    for Change { amendment, place } in &changes {
        match staff::amend(connection, amendment, now) {
            Ok(()) => audit::amended(connection, by, amendment, now)?,
            Err(SpoolError::Refused(error)) => {
                return Err(in_book(&manuscript.misprint(place, &error.to_string())));
            }
            Err(error) => return Err(error),
        }
    }
    if by.is_some() {
        keep_an_admin(connection, manuscript, &present, &changes)?;
    }
    Ok(changes.iter().map(Change::said).collect())
}

/// An admin may not leave the desk without anybody who may arrange it. A command on the box may: it
/// needs no role.
fn keep_an_admin(
    connection: &Connection,
    manuscript: &Manuscript,
    present: &Book,
    changes: &[Change],
) -> Result<()> {
    let plan = staff::plan(connection, &Library::default())?;
    if plan.operators.iter().any(|one| one.role == Role::Admin) {
        return Ok(());
    }
    let was_admin = |name: &str| {
        let mut operators = present.operators.iter();
        operators.any(|one| one.name == name && one.role == Role::Admin)
    };
    let last = changes.iter().rev().find(|change| match &change.amendment {
        Amendment::SetOperator { name, .. } => was_admin(name),
        _ => false,
    });
    let words = AmendError::NoAdmin.to_string();
    Err(match last {
        Some(change) => in_book(&manuscript.misprint(&change.place, &words)),
        None => AmendError::Book(words).into(),
    })
}

fn in_book(misprint: &Misprint) -> SpoolError {
    AmendError::Book(misprint.to_string()).into()
}

/// Tries the same and takes all of it back.
///
/// # Errors
/// As for [`bring_in`].
pub fn try_out(
    connection: &Connection,
    manuscript: &Manuscript,
    by: Option<OperatorId>,
    now: Timestamp,
) -> Result<Vec<String>> {
    connection.execute_batch("SAVEPOINT trial")?;
    let tried = bring_in(connection, manuscript, by, now);
    // A disk that is full takes the whole transaction back, and the savepoint with it: then that is
    // what there is to say.
    let undone = connection.execute_batch("ROLLBACK TO trial; RELEASE trial");
    let lines = tried?;
    undone?;
    Ok(lines)
}
