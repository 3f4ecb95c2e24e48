//! What a line is to do next, decided inside one transaction: so that the attempt it leads to is on
//! disk with the outcome before it.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;

use super::{segments, tail};
use crate::routing::DeliveryState;
use crate::sms::{Address, NationalTables};
use crate::spool::doubts::{self, Decided};
use crate::spool::outbox::{self, Attempted, Due, Overdue, Segment, SegmentState, Settled, Which};
use crate::spool::{SpoolError, lines};

/// The span a line's daily cap is counted over.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long an answer is worth sending: what the network itself gives it.
pub(super) const WORTH_SENDING: Duration = DAY;

/// Said of a text in doubt once its report was awaited in vain.
const UNDECIDED: &str = "no delivery report came: send it again if it matters, it may arrive twice";

/// Said of an answer that was still waiting when its patron opted out.
const OPTED_OUT: &str = "the patron opted out before it left, and nobody may text them";

/// On what terms a line sends.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    pub(super) line: String,
    /// Segments in a day; 0 is no cap.
    pub(super) per_day: u32,
    /// The national tables that it sends in.
    pub(super) national: NationalTables,
    pub(super) now: Timestamp,
    /// The last TP-MR that the SIM keeps, where it does.
    pub(super) prior: Option<u8>,
    /// Whether to look for texts that are too old to be sent.
    pub(super) overdue: bool,
}

/// What there is to do.
#[derive(Debug, Clone)]
pub(super) enum TakenUp {
    /// This text's segments, one at least, in order; the attempt of the first is recorded.
    Text(Due, Vec<Segment>),
    /// Nothing is to be sent of this one: so it stands now.
    Settled(Settled),
    /// Something was put in order; there may be more.
    Looked,
    /// Nothing yet; the next is due then, if any is.
    Nothing { next: Option<Timestamp> },
    /// The day's cap is reached.
    Capped,
    /// The line rests.
    Paused,
}

/// Takes up what is next.
pub(super) fn take_up(connection: &Connection, terms: &Terms) -> Result<TakenUp, SpoolError> {
    let Terms {
        line,
        per_day,
        national,
        now,
        prior: _,
        overdue: looks,
    } = terms;
    let (per_day, now) = (*per_day, *now);
    if *looks && let Some(overdue) = outbox::overdue(connection, line, before(now, WORTH_SENDING))?
    {
        return fail(connection, overdue, None).map(TakenUp::Settled);
    }
    match doubts::decide(connection, line, now)? {
        Some(Decided::SendAgain(again)) => {
            for (segment, pdu) in again {
                if let Some(marked) = segments::not_twice(&pdu) {
                    outbox::rewrite(connection, segment, &marked)?;
                }
            }
            return Ok(TakenUp::Looked);
        }
        Some(Decided::Ask {
            message,
            conversation,
            problem,
        }) => {
            let reason = format!("{}; {UNDECIDED}", problem.unwrap_or_default());
            return Ok(TakenUp::Settled(Settled {
                message,
                conversation,
                state: DeliveryState::Unknown,
                reason: Some(reason),
            }));
        }
        None => {}
    }
    if lines::pause(connection, line, now)?.is_some() {
        return Ok(TakenUp::Paused);
    }
    let spent = match per_day {
        0 => Attempted::default(),
        _ => outbox::attempted_between(connection, line, before(now, DAY), now)?,
    };
    let which = match spent.automatic < automatic_share(per_day) {
        true => Which::All,
        false => Which::Answers,
    };
    let Some(due) = outbox::next_due(connection, line, now, which)? else {
        lines::allow(connection, line)?;
        let next = outbox::next_due_at(connection, line)?;
        // What waits for its share alone is looked for now and then.
        return Ok(TakenUp::Nothing {
            next: next.filter(|at| which == Which::All || *at > now),
        });
    };
    // Clause 9: what waited when they opted out does not leave any more. An automatic text may be the
    // confirmation itself.
    if due.opted_out
        && !due.automatic
        && let Some(unsent) = outbox::overdue_text(connection, due.id)?
    {
        return fail(connection, unsent, Some(OPTED_OUT)).map(TakenUp::Settled);
    }
    if due.made < before(now, WORTH_SENDING)
        && let Some(overdue) = outbox::overdue_text(connection, due.id)?
    {
        return fail(connection, overdue, None).map(TakenUp::Settled);
    }
    if per_day > 0 {
        // A text goes as a whole; one longer than a day's worth has a day of its own.
        let room = per_day.saturating_sub(spent.all);
        if spent.all > 0 && segments_left(connection, &due, *national)? > room {
            let first = outbox::first_attempt(connection, line, before(now, DAY))?;
            let until = first.and_then(|first| first.checked_add(DAY).ok());
            lines::used_up(connection, line, until.unwrap_or(now))?;
            return Ok(TakenUp::Capped);
        }
    }
    lines::allow(connection, line)?;
    begin(connection, terms, due)
}

/// What automatic texts may take of a line's day (clause 10): a quarter, so that whoever makes the desk
/// speak by itself leaves it able to answer.
fn automatic_share(per_day: u32) -> u32 {
    match per_day {
        0 => u32::MAX,
        some => (some / 4).max(1),
    }
}

/// Lays a text's segments down, or finds those of an earlier try that are still to be sent, and
/// records the attempt of the first.
fn begin(connection: &Connection, terms: &Terms, due: Due) -> Result<TakenUp, SpoolError> {
    let Terms {
        line,
        national,
        now,
        prior,
        ..
    } = terms;
    let id = due.id;
    let over = |state, reason: Option<String>| {
        outbox::settle(connection, id, state, reason.as_deref())?;
        Ok(TakenUp::Settled(Settled {
            message: due.message,
            conversation: due.conversation,
            state,
            reason,
        }))
    };
    let address = match Address::number(due.recipient.as_str()) {
        Ok(address) => address,
        Err(error) => return over(DeliveryState::Failed, Some(error.to_string())),
    };
    let mut found = outbox::segments(connection, id)?;
    if found.is_empty() {
        let long = crate::sms::plan_in(&due.body, *national).segments > 1;
        let reference = match long {
            true => outbox::next_concat_reference(connection, line)?,
            false => 0,
        };
        let pdus = match segments::tpdus(&address, &due.body, *national, reference) {
            Ok(pdus) => pdus,
            Err(words) => return over(DeliveryState::Failed, Some(words)),
        };
        found = outbox::lay_down(connection, id, line, &tail(due.recipient.as_str()), &pdus)?;
    }
    // Nothing is under way here: an attempt without an outcome was cut off, on a line that this
    // text's gateway was on before.
    let cut_off = |segment: &Segment| {
        matches!(
            segment.state,
            SegmentState::Attempting | SegmentState::Unknown
        )
    };
    if found.iter().any(cut_off) {
        let why = outbox::doubt(connection, id)?;
        return over(DeliveryState::Unknown, Some(why.to_owned()));
    }
    found.retain(|segment| matches!(segment.state, SegmentState::Planned | SegmentState::Refused));
    match found.first_mut() {
        Some(first) => {
            if doubts::mark_if_it_may_have_left(connection, first.id)?
                && let Some(marked) = segments::not_twice(&first.pdu)
            {
                outbox::rewrite(connection, first.id, &marked)?;
                first.pdu = marked;
            }
            outbox::attempt(connection, first.id, *now, *prior)?;
        }
        None => return over(DeliveryState::Sent, None),
    }
    Ok(TakenUp::Text(due, found))
}

/// Fails a text that nobody could send, in words. `why` comes before what stood in its way last.
pub(super) fn fail(
    connection: &Connection,
    overdue: Overdue,
    why: Option<&str>,
) -> Result<Settled, SpoolError> {
    let mut reason = why
        .unwrap_or("it could not be sent within a day, and was not sent late")
        .to_owned();
    if let Some(problem) = &overdue.problem {
        reason.push_str(": ");
        reason.push_str(problem);
    }
    if overdue.in_part {
        reason.push_str("; a part of it has left");
    }
    outbox::settle(connection, overdue.id, DeliveryState::Failed, Some(&reason))?;
    Ok(Settled {
        message: overdue.message,
        conversation: overdue.conversation,
        state: DeliveryState::Failed,
        reason: Some(reason),
    })
}

/// How many segments of a text are still to be sent.
fn segments_left(
    connection: &Connection,
    due: &Due,
    national: NationalTables,
) -> Result<u32, SpoolError> {
    let laid_down = outbox::segments(connection, due.id)?;
    let left = match laid_down.is_empty() {
        true => crate::sms::plan_in(&due.body, national).segments,
        false => laid_down
            .iter()
            .filter(|s| matches!(s.state, SegmentState::Planned | SegmentState::Refused))
            .count(),
    };
    Ok(u32::try_from(left).unwrap_or(u32::MAX))
}

pub(super) fn before(now: Timestamp, span: Duration) -> Timestamp {
    now.checked_sub(span).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const LINE: &str = "
        INSERT INTO line (name) VALUES ('m');
        INSERT INTO gateway (id, name, kind, queue, line, policy) VALUES (1, 'm', 'sms', 1, 'm', 'hold');";

    /// So many texts wait, each to a patron of its own.
    fn wait_for(connection: &Connection, from: i64, count: i64, author: &str) {
        let each = format!(
            "WITH RECURSIVE n(n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM n WHERE n < {})",
            from + count - 1
        );
        let sql = format!(
            "INSERT INTO patron (id, gateway, address, name)
                 {each} SELECT n, 1, '+1555123' || (1000 + n), 'heron-' || n FROM n;
             INSERT INTO conversation (id, patron, gateway, queue, home, state, opened, active)
                 {each} SELECT n, n, 1, 1, 1, 'waiting', 0, 0 FROM n;
             INSERT INTO message (id, conversation, direction, body, at, state, author)
                 {each} SELECT n, n, 'out', 'Words.', 0, 'queued', '{author}' FROM n;
             INSERT INTO outbox (id, message, conversation, gateway, recipient, made)
                 {each} SELECT n, n, n, 1, '+1555123' || (1000 + n), 100000000 FROM n;"
        );
        connection.execute_batch(&sql).unwrap();
    }

    fn terms() -> Terms {
        Terms {
            line: "m".into(),
            per_day: 40,
            national: NationalTables::NONE,
            now: Timestamp::from_millisecond(100_000_000).unwrap(),
            prior: None,
            overdue: false,
        }
    }

    /// Sends until something has to be waited for; answers how many, and why not more.
    fn send(connection: &Connection) -> (usize, TakenUp) {
        for sent in 0.. {
            match take_up(connection, &terms()).unwrap() {
                TakenUp::Text(due, _) => {
                    outbox::settle(connection, due.id, DeliveryState::Sent, None).unwrap();
                }
                other => return (sent, other),
            }
        }
        unreachable!("a day's allowance has an end")
    }

    #[test]
    fn strangers_use_up_a_quarter_of_the_day_and_the_desk_still_answers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool.db");
        drop(crate::spool::Spool::open(&path).unwrap());
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(LINE).unwrap();
        // Sixty senders while the desk is closed.
        wait_for(&connection, 1, 60, "desk");
        let (sent, then) = send(&connection);
        assert_eq!(sent, 10, "{then:?}");
        assert!(matches!(then, TakenUp::Nothing { next: None }), "{then:?}");
        assert_eq!(lines::standing(&connection, "m").unwrap().alarm(), None);
        // A librarian answers; and more than there is room for.
        wait_for(&connection, 101, 1, "operator");
        assert_eq!(send(&connection).0, 1);
        wait_for(&connection, 102, 40, "operator");
        let (sent, then) = send(&connection);
        assert_eq!(sent, 29, "{then:?}");
        assert!(matches!(then, TakenUp::Capped), "{then:?}");
        let alarm = lines::standing(&connection, "m").unwrap().alarm();
        assert!(
            alarm.as_deref().is_some_and(|alarm| alarm.starts_with("allowance used until 1970-01-03 03:46 UTC")),
            "{alarm:?}"
        );
    }

    #[test]
    fn answers_go_before_automatic_texts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool.db");
        drop(crate::spool::Spool::open(&path).unwrap());
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(LINE).unwrap();
        wait_for(&connection, 1, 5, "desk");
        wait_for(&connection, 6, 1, "operator");
        let TakenUp::Text(first, _) = take_up(&connection, &terms()).unwrap() else {
            panic!("nothing is sent");
        };
        assert_eq!((first.message.0, first.automatic), (6, false));
    }
}
