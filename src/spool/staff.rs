//! Who and what there is: queues, gateways, operators, assignments; and who may come in.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use sha2::{Digest, Sha256};

use super::Result;
use super::{arrangements, canned, tokens, wire};
use crate::routing::{
    AmendError, Amendment, Keyword, Library, Notice, OfflinePolicy, Operator, OperatorId, Plan,
    QueueId, Role, Show,
};

/// The plan of the desk; the library's own particulars come from the configuration.
pub fn plan(connection: &Connection, library: &Library) -> Result<Plan> {
    let queues = arrangements::queues(connection)?;
    let gateways = arrangements::gateways(connection)?;
    let mut operators: Vec<Operator> = connection
        .prepare_cached(
            "SELECT id, name, CASE WHEN coordinator THEN 'coordinator' ELSE role END
             FROM operator WHERE NOT removed ORDER BY id",
        )?
        .query_map([], |row| {
            Ok(Operator {
                id: OperatorId(row.get(0)?),
                name: row.get(1)?,
                role: wire::role(row, 2)?,
                queues: Vec::new(),
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    for operator in &mut operators {
        operator.queues = connection
            .prepare_cached("SELECT queue FROM assignment WHERE operator = ?1 ORDER BY queue")?
            .query_map([operator.id.0], |row| row.get(0).map(QueueId))?
            .collect::<rusqlite::Result<_>>()?;
    }
    Ok(Plan {
        library: library.clone(),
        queues,
        gateways,
        operators,
    })
}

/// How operators said they were, and the number of each queue's latest closed period.
pub type Presence = (Vec<(OperatorId, Show)>, Vec<(QueueId, i64)>);

/// What the router must know of presence at start.
pub fn presence(connection: &Connection) -> Result<Presence> {
    let shows = connection
        .prepare_cached(
            "SELECT id, shows FROM operator WHERE NOT removed AND shows <> 'offline' ORDER BY id",
        )?
        .query_map([], |row| Ok((OperatorId(row.get(0)?), wire::show(row, 1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let periods = connection
        .prepare_cached("SELECT id, closed_period FROM queue ORDER BY id")?
        .query_map([], |row| Ok((QueueId(row.get(0)?), row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    Ok((shows, periods))
}

/// Configured modems that were seen before.
pub fn lines(connection: &Connection) -> Result<Vec<String>> {
    Ok(connection
        .prepare_cached("SELECT name FROM line")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?)
}

/// Names of everyone who ever worked here, removed operators too: transcripts name their authors.
pub fn names(connection: &Connection) -> Result<Vec<(OperatorId, String)>> {
    let rows = connection
        .prepare_cached("SELECT id, name FROM operator ORDER BY id")?
        .query_map([], |row| Ok((OperatorId(row.get(0)?), row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// Changes the plan, if the change makes sense.
///
/// # Errors
/// [`SpoolError::Refused`](super::SpoolError::Refused) says why it makes none.
pub fn amend(connection: &Connection, amendment: &Amendment, now: Timestamp) -> Result<()> {
    let plan = plan(connection, &Library::default())?;
    let queue_of = |name: &str| plan.queue_named(name).map(|queue| queue.id.0);
    let gateway_of = |name: &str| plan.gateway_named(name).map(|gateway| gateway.id.0);
    let operator_of = |name: &str| plan.operator_named(name).map(|operator| operator.id.0);
    match &plan.check(amendment)? {
        Amendment::AddQueue { name } => {
            connection.execute("INSERT INTO queue (name) VALUES (?1)", [name])?;
        }
        Amendment::SetQueue { name, rename } => {
            connection.execute("UPDATE queue SET name = ?2 WHERE name = ?1", [name, rename])?;
        }
        Amendment::DescribeQueue { name, title, facts } => {
            for (column, words) in [("title", title), ("facts", facts)] {
                let Some(words) = words else { continue };
                connection.execute(
                    &format!("UPDATE queue SET {column} = nullif(?2, '') WHERE name = ?1"),
                    [name, words],
                )?;
            }
        }
        Amendment::SetHours {
            queue,
            hours,
            holidays,
            no_holidays,
        } => arrangements::set_hours(
            connection,
            queue_of(queue),
            hours.as_deref(),
            holidays,
            no_holidays,
        )?,
        Amendment::SetFallback {
            queue,
            fallback,
            after_s,
        } => {
            if let Some(fallback) = fallback {
                connection.execute(
                    "UPDATE queue SET fallback = ?2 WHERE name = ?1",
                    params![queue, queue_of(fallback)],
                )?;
            }
            if let Some(after_s) = after_s {
                connection.execute(
                    "UPDATE queue SET fallback_after = ?2 WHERE name = ?1",
                    params![queue, after_s],
                )?;
            }
        }
        Amendment::SetWording {
            gateway,
            notice,
            words,
        } => {
            let gateway = gateway_of(gateway);
            arrangements::set_wording(connection, gateway, *notice, words.as_deref())?;
        }
        Amendment::SetKeyword {
            gateway,
            word,
            answer,
        } => {
            let gateway = gateway_of(gateway);
            let folded = Keyword::folded(word).unwrap_or_default();
            arrangements::set_keyword(connection, gateway, &folded, word, answer.as_deref())?;
        }
        Amendment::PauseGateway { name, paused } => {
            connection.execute(
                "UPDATE gateway SET pauses = pauses + (?2 AND NOT paused), paused = ?2
                 WHERE id = ?1",
                params![gateway_of(name), paused],
            )?;
        }
        Amendment::RemoveQueue { name } => {
            let id = queue_of(name);
            let has_records: bool = connection.query_row(
                "SELECT EXISTS (SELECT 1 FROM conversation WHERE queue = ?1 OR home = ?1)",
                [id],
                |row| row.get(0),
            )?;
            if has_records {
                return Err(AmendError::HasRecords(name.clone()).into());
            }
            connection.execute("DELETE FROM assignment WHERE queue = ?1", [id])?;
            arrangements::forget_queue(connection, id)?;
            connection.execute("DELETE FROM queue WHERE id = ?1", [id])?;
        }
        Amendment::AddOperator {
            name,
            password_hash,
            role,
            queues,
        } => {
            connection.execute(
                "INSERT INTO operator (name, role, password_hash) VALUES (?1, 'operator', ?2)",
                params![name, password_hash],
            )?;
            let id = connection.last_insert_rowid();
            set_role(connection, id, *role)?;
            assign(connection, id, queues.iter().map(|name| queue_of(name)))?;
        }
        Amendment::SetOperator {
            name,
            password_hash,
            role,
            queues,
        } => {
            let Some(id) = operator_of(name) else {
                return Ok(());
            };
            if let Some(hash) = password_hash {
                connection.execute(
                    "UPDATE operator SET password_hash = ?2 WHERE id = ?1",
                    params![id, hash],
                )?;
                connection.execute("DELETE FROM session WHERE operator = ?1", [id])?;
            }
            if let Some(role) = role {
                set_role(connection, id, *role)?;
            }
            if let Some(queues) = queues {
                assign(connection, id, queues.iter().map(|name| queue_of(name)))?;
            }
        }
        Amendment::SetAddresses { operator, jids } => {
            set_addresses(connection, operator_of(operator), jids)?;
        }
        Amendment::RemoveOperator { name } => {
            let id = operator_of(name);
            shut_out(connection, id)?;
            for table in ["assignment", "address"] {
                connection.execute(&format!("DELETE FROM {table} WHERE operator = ?1"), [id])?;
            }
            connection.execute(
                "UPDATE operator SET removed = 1, shows = 'offline', password_hash = NULL
                 WHERE id = ?1",
                [id],
            )?;
        }
        Amendment::AddToken {
            operator,
            token_hash,
            label,
        } => {
            connection.execute(
                "INSERT INTO token (hash, operator, made, label) VALUES (?1, ?2, ?3, ?4)",
                params![token_hash, operator_of(operator), wire::time(now), label],
            )?;
        }
        Amendment::RevokeToken { operator, token } => {
            tokens::revoke(connection, operator_of(operator), token.as_deref())?;
        }
        Amendment::ShutOut { operator } => shut_out(connection, operator_of(operator))?,
        Amendment::Canned(change) => {
            let queue = change.queue();
            canned::change(connection, change, queue.and_then(queue_of))?;
        }
        Amendment::AddLink {
            operator,
            link_hash,
            valid_s,
        } => {
            connection.execute("DELETE FROM link WHERE expires < ?1", [wire::time(now)])?;
            connection.execute(
                "INSERT INTO link (hash, operator, expires) VALUES (?1, ?2, ?3)",
                params![
                    link_hash,
                    operator_of(operator),
                    wire::time(now).saturating_add(i64::from(*valid_s) * 1000)
                ],
            )?;
        }
        Amendment::AddLine { name } => {
            let inserted =
                connection.execute("INSERT OR IGNORE INTO line (name) VALUES (?1)", [name])?;
            let busy = gateway_of(name).is_some() || plan.gateway_on_line(name).is_some();
            if inserted == 1 && !busy {
                connection.execute(
                    "INSERT INTO gateway (name, kind, queue, line, policy)
                     VALUES (?1, 'sms', (SELECT min(id) FROM queue), ?1, 'hold')",
                    [name],
                )?;
            }
        }
        Amendment::AddGateway {
            name,
            kind,
            queue,
            line,
            policy,
        } => {
            connection.execute(
                "INSERT INTO gateway (name, kind, queue, line, policy) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    name,
                    kind.word(),
                    queue_of(queue),
                    line,
                    policy.unwrap_or(kind.default_policy()).word()
                ],
            )?;
        }
        Amendment::SetGateway {
            name,
            queue,
            line,
            policy,
            closed_notice,
        } => {
            let id = gateway_of(name);
            connection.execute(
                "UPDATE gateway SET queue = coalesce(?2, queue), line = coalesce(?3, line),
                     policy = coalesce(?4, policy)
                 WHERE id = ?1",
                params![
                    id,
                    queue.as_deref().and_then(queue_of),
                    line,
                    policy.map(OfflinePolicy::word)
                ],
            )?;
            if let Some(words) = closed_notice {
                let words = (words != "default").then_some(words.as_str());
                for notice in [Notice::Closed, Notice::Refused] {
                    arrangements::set_wording(connection, id, notice, words)?;
                }
            }
        }
        Amendment::RemoveGateway { name } => {
            let id = gateway_of(name);
            connection.execute("UPDATE gateway SET removed = 1 WHERE id = ?1", [id])?;
        }
    }
    Ok(())
}

fn set_role(connection: &Connection, operator: i64, role: Role) -> Result<()> {
    // The column's own CHECK knows operators and admins; a coordinator is marked beside it.
    let (word, coordinator) = match role {
        Role::Operator => ("operator", false),
        Role::Coordinator => ("operator", true),
        Role::Admin => ("admin", false),
    };
    connection.execute(
        "UPDATE operator SET role = ?2, coordinator = ?3 WHERE id = ?1",
        params![operator, word, coordinator],
    )?;
    Ok(())
}

fn assign(
    connection: &Connection,
    operator: i64,
    queues: impl Iterator<Item = Option<i64>>,
) -> Result<()> {
    connection.execute("DELETE FROM assignment WHERE operator = ?1", [operator])?;
    for queue in queues {
        connection.execute(
            "INSERT OR IGNORE INTO assignment (operator, queue) VALUES (?1, ?2)",
            params![operator, queue],
        )?;
    }
    Ok(())
}

fn set_addresses(connection: &Connection, operator: Option<i64>, jids: &[String]) -> Result<()> {
    connection.execute("DELETE FROM address WHERE operator = ?1", [operator])?;
    for jid in jids {
        let taken: Option<String> = connection
            .prepare_cached(
                "SELECT o.name FROM address a JOIN operator o ON o.id = a.operator
                 WHERE a.jid = ?1 AND a.operator <> ?2",
            )?
            .query_row(params![jid, operator], |row| row.get(0))
            .optional()?;
        if let Some(operator) = taken {
            let jid = jid.clone();
            return Err(AmendError::AddressTaken { jid, operator }.into());
        }
        connection.execute(
            "INSERT OR IGNORE INTO address (jid, operator) VALUES (?1, ?2)",
            params![jid, operator],
        )?;
    }
    Ok(())
}

/// An operator's XMPP addresses, by name.
pub fn addresses_of(connection: &Connection, name: &str) -> Result<Vec<String>> {
    let rows = connection
        .prepare_cached(
            "SELECT a.jid FROM address a JOIN operator o ON o.id = a.operator
             WHERE o.name = ?1 AND NOT o.removed ORDER BY a.jid",
        )?
        .query_map([name], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// Ends what was handed out to sign in with: whoever has it is nobody's guest any more.
fn shut_out(connection: &Connection, operator: Option<i64>) -> Result<()> {
    for table in ["session", "token", "link"] {
        connection.execute(
            &format!("DELETE FROM {table} WHERE operator = ?1"),
            [operator],
        )?;
    }
    Ok(())
}

// Who may come in -------------------------------------------------------------------------------

/// What is kept of a session's, token's or link's secret: its SHA-256 in hexadecimal.
pub fn secret_hash(secret: &str) -> String {
    Sha256::digest(secret.as_bytes())
        .iter()
        .fold(String::with_capacity(64), |mut hex, octet| {
            let _ = write!(hex, "{octet:02x}"); // writing to a String cannot fail
            hex
        })
}

/// An operator and the hash of their password, by the name they sign in with.
pub fn credentials(
    connection: &Connection,
    name: &str,
) -> Result<Option<(OperatorId, Option<String>)>> {
    Ok(connection
        .prepare_cached("SELECT id, password_hash FROM operator WHERE name = ?1 AND NOT removed")?
        .query_row([name], |row| Ok((OperatorId(row.get(0)?), row.get(1)?)))
        .optional()?)
}

/// Whether any operator has a password, a token, or an open session.
pub fn anyone_can_enter(connection: &Connection) -> Result<bool> {
    Ok(connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM operator WHERE NOT removed AND password_hash IS NOT NULL)
             OR EXISTS (SELECT 1 FROM token) OR EXISTS (SELECT 1 FROM session)",
        [],
        |row| row.get(0),
    )?)
}

/// Whose bearer token this is, by its SHA-256.
pub fn operator_by_token(connection: &Connection, hash: &str) -> Result<Option<OperatorId>> {
    Ok(connection
        .prepare_cached("SELECT operator FROM token WHERE hash = ?1")?
        .query_row([hash], |row| row.get(0).map(OperatorId))
        .optional()?)
}

/// Opens a session, and forgets those that ran out.
pub fn open_session(
    connection: &Connection,
    operator: OperatorId,
    hash: &str,
    now: Timestamp,
    valid: SignedDuration,
) -> Result<()> {
    connection.execute("DELETE FROM session WHERE expires < ?1", [wire::time(now)])?;
    let expires = wire::time(now).saturating_add(valid.as_millis().try_into().unwrap_or(i64::MAX));
    connection.execute(
        "INSERT INTO session (hash, operator, expires) VALUES (?1, ?2, ?3)",
        params![hash, operator.0, expires],
    )?;
    Ok(())
}

/// Whose session this is, by the SHA-256 of its token.
pub fn session(connection: &Connection, hash: &str, now: Timestamp) -> Result<Option<OperatorId>> {
    Ok(connection
        .prepare_cached("SELECT operator FROM session WHERE hash = ?1 AND expires >= ?2")?
        .query_row(params![hash, wire::time(now)], |row| {
            row.get(0).map(OperatorId)
        })
        .optional()?)
}

/// Ends a session.
pub fn close_session(connection: &Connection, hash: &str) -> Result<()> {
    connection.execute("DELETE FROM session WHERE hash = ?1", [hash])?;
    Ok(())
}

/// Takes a one-time link: whose it is, and it is gone.
pub fn take_link(
    connection: &Connection,
    hash: &str,
    now: Timestamp,
) -> Result<Option<OperatorId>> {
    let first = setting(connection, FIRST_LINK)?;
    if first.as_deref() == Some(hash) && anyone_can_enter(connection)? {
        connection.execute("DELETE FROM link WHERE hash = ?1", [hash])?;
        return Ok(None);
    }
    Ok(connection
        .prepare_cached("DELETE FROM link WHERE hash = ?1 AND expires >= ?2 RETURNING operator")?
        .query_row(params![hash, wire::time(now)], |row| {
            row.get(0).map(OperatorId)
        })
        .optional()?)
}

/// The hash of the link that signs the first operator in; the name of an operator made for it.
const FIRST_LINK: &str = "first_link";
const FIRST_OPERATOR: &str = "first_operator";

fn setting(connection: &Connection, key: &str) -> Result<Option<String>> {
    Ok(connection
        .prepare_cached("SELECT value FROM setting WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?)
}

fn name_first(connection: &Connection, key: &str, value: &str) -> Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO setting (key, value) VALUES (?1, ?2)")?
        .execute([key, value])?;
    Ok(())
}

/// Says which link is the first: it works only while nobody can sign in. One of before is dead.
pub fn name_first_link(connection: &Connection, hash: &str) -> Result<()> {
    if let Some(before) = setting(connection, FIRST_LINK)? {
        connection.execute("DELETE FROM link WHERE hash = ?1", [before])?;
    }
    name_first(connection, FIRST_LINK, hash)
}

/// Says which operator is made for the first link.
pub fn name_first_operator(connection: &Connection, name: &str) -> Result<()> {
    name_first(connection, FIRST_OPERATOR, name)
}

/// Takes the first link away. Answers the operator that was made for it, where nobody has become them.
pub fn close_first_entry(connection: &Connection) -> Result<Option<String>> {
    if let Some(first) = setting(connection, FIRST_LINK)? {
        connection.execute("DELETE FROM link WHERE hash = ?1", [first])?;
    }
    let unused: Option<String> = connection
        .prepare_cached(
            "SELECT o.name FROM operator o JOIN setting s ON s.key = ?1 AND s.value = o.name
             WHERE NOT o.removed AND o.password_hash IS NULL
               AND NOT EXISTS (SELECT 1 FROM token WHERE operator = o.id)
               AND NOT EXISTS (SELECT 1 FROM session WHERE operator = o.id)
               AND NOT EXISTS (SELECT 1 FROM link WHERE operator = o.id)",
        )?
        .query_row([FIRST_OPERATOR], |row| row.get(0))
        .optional()?;
    connection.execute(
        "DELETE FROM setting WHERE key IN (?1, ?2)",
        [FIRST_LINK, FIRST_OPERATOR],
    )?;
    Ok(unused)
}

// SIM care --------------------------------------------------------------------------------------

/// Whether this PIN may be tried on this SIM: once, ever; a changed PIN may be tried once again.
pub fn pin_untried(connection: &Connection, iccid: &str, pin_digest: &str) -> Result<bool> {
    let tried: Option<String> = connection
        .prepare_cached("SELECT value FROM setting WHERE key = ?1")?
        .query_row([format!("pin:{iccid}")], |row| row.get(0))
        .optional()?;
    Ok(tried.as_deref() != Some(pin_digest))
}

/// Records a PIN attempt, before it is made.
pub fn record_pin_attempt(connection: &Connection, iccid: &str, pin_digest: &str) -> Result<()> {
    connection.execute(
        "INSERT INTO setting (key, value) VALUES (?1, ?2)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        params![format!("pin:{iccid}"), pin_digest],
    )?;
    Ok(())
}

/// Forgets a PIN attempt: it was the right one.
pub fn forget_pin_attempt(connection: &Connection, iccid: &str) -> Result<()> {
    connection.execute(
        "DELETE FROM setting WHERE key = ?1",
        [format!("pin:{iccid}")],
    )?;
    Ok(())
}

/// The PIN that was typed for this SIM, if it was right.
pub fn typed_pin(connection: &Connection, iccid: &str) -> Result<Option<String>> {
    Ok(connection
        .prepare_cached("SELECT pin FROM sim_pin WHERE card = ?1")?
        .query_row([iccid], |row| row.get(0))
        .optional()?)
}

/// Keeps the PIN that was typed for this SIM.
pub fn keep_typed_pin(connection: &Connection, iccid: &str, pin: &str) -> Result<()> {
    connection.execute(
        "INSERT INTO sim_pin (card, pin) VALUES (?1, ?2)
         ON CONFLICT (card) DO UPDATE SET pin = excluded.pin",
        [iccid, pin],
    )?;
    Ok(())
}
