//! Who and what there is: queues, gateways, operators, assignments; and who may come in.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use sha2::{Digest, Sha256};

use super::{Result, SpoolError};
use super::{arrangements, canned, tokens, wire};
use crate::routing::{
    self, Amendment, GatewayKind, Library, Notice, Operator, OperatorId, Plan, QueueId, Role, Show,
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

/// Names of everyone who ever worked here, removed operators too: transcripts name their authors.
pub fn names(connection: &Connection) -> Result<Vec<(OperatorId, String)>> {
    let rows = connection
        .prepare_cached("SELECT id, name FROM operator ORDER BY id")?
        .query_map([], |row| Ok((OperatorId(row.get(0)?), row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// Changes the plan.
///
/// # Errors
/// [`SpoolError::Refused`] says what makes no sense and what to do.
pub fn amend(connection: &Connection, amendment: &Amendment, now: Timestamp) -> Result<()> {
    match amendment {
        Amendment::AddQueue { name } => arrangements::add_queue(connection, name),
        Amendment::SetQueue { name, rename } => rename_queue(connection, name, rename),
        Amendment::DescribeQueue { name, title, facts } => {
            arrangements::describe_queue(connection, name, title.as_deref(), facts.as_deref())
        }
        Amendment::SetHours {
            queue,
            hours,
            holidays,
            no_holidays,
        } => arrangements::set_hours(connection, queue, hours.as_deref(), holidays, no_holidays),
        Amendment::SetFallback {
            queue,
            fallback,
            after_s,
        } => arrangements::set_fallback(connection, queue, fallback.as_deref(), *after_s),
        Amendment::SetWording {
            gateway,
            notice,
            words,
        } => arrangements::set_wording(connection, gateway, *notice, words.as_deref()),
        Amendment::PauseGateway { name, paused } => {
            arrangements::pause_gateway(connection, name, *paused)
        }
        Amendment::RemoveQueue { name } => remove_queue(connection, name),
        Amendment::AddOperator {
            name,
            password_hash,
            role,
            queues,
        } => {
            check_name(name)?;
            if find(connection, "operator", name)?.is_some() {
                return refused(format!(
                    "there is an operator {name} already; `operator set` changes one"
                ));
            }
            connection.execute(
                "INSERT INTO operator (name, role, password_hash) VALUES (?1, 'operator', ?2)",
                params![name, password_hash],
            )?;
            let id = connection.last_insert_rowid();
            set_role(connection, id, *role)?;
            assign(connection, id, queues)
        }
        Amendment::SetOperator {
            name,
            password_hash,
            role,
            queues,
        } => {
            let id = operator(connection, name)?;
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
            match queues {
                Some(queues) => assign(connection, id, queues),
                None => Ok(()),
            }
        }
        Amendment::SetAddresses {
            operator: name,
            jids,
        } => {
            let id = operator(connection, name)?;
            set_addresses(connection, id, jids)
        }
        Amendment::RemoveOperator { name } => remove_operator(connection, name),
        Amendment::AddToken {
            operator: name,
            token_hash,
            label,
        } => {
            let id = operator(connection, name)?;
            connection.execute(
                "INSERT INTO token (hash, operator, made, label) VALUES (?1, ?2, ?3, ?4)",
                params![token_hash, id, wire::time(now), label],
            )?;
            Ok(())
        }
        Amendment::RevokeToken {
            operator: name,
            token,
        } => tokens::revoke(connection, operator(connection, name)?, token.as_deref()),
        Amendment::ShutOut { operator: name } => shut_out(connection, operator(connection, name)?),
        Amendment::Canned(change) => canned::change(connection, change),
        Amendment::AddLink {
            operator: name,
            link_hash,
            valid_s,
        } => {
            let id = operator(connection, name)?;
            connection.execute("DELETE FROM link WHERE expires < ?1", [wire::time(now)])?;
            connection.execute(
                "INSERT INTO link (hash, operator, expires) VALUES (?1, ?2, ?3)",
                params![
                    link_hash,
                    id,
                    wire::time(now).saturating_add(i64::from(*valid_s) * 1000)
                ],
            )?;
            Ok(())
        }
        Amendment::AddLine { name } => add_line(connection, name),
        Amendment::AddGateway {
            name,
            kind,
            queue,
            line,
            policy,
        } => {
            check_name(name)?;
            if find(connection, "gateway", name)?.is_some() {
                return refused(format!(
                    "there is a gateway {name} already; `gateway set` changes one"
                ));
            }
            let queue = queue_id(connection, queue)?;
            let line = match (kind, line) {
                (GatewayKind::Sms, line) => Some(line.as_ref().unwrap_or(name).clone()),
                (_, None) => None,
                (_, Some(_)) => {
                    return refused(format!(
                        "only an sms gateway has a line; leave --line out for {}",
                        kind.word()
                    ));
                }
            };
            check_line(connection, line.as_deref(), None)?;
            connection.execute(
                "INSERT INTO gateway (name, kind, queue, line, policy) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    name,
                    kind.word(),
                    queue,
                    line,
                    policy.unwrap_or(kind.default_policy()).word()
                ],
            )?;
            Ok(())
        }
        Amendment::SetGateway {
            name,
            queue,
            line,
            policy,
            closed_notice,
        } => {
            let id = gateway(connection, name)?;
            if let Some(queue) = queue {
                let queue = queue_id(connection, queue)?;
                connection.execute("UPDATE gateway SET queue = ?2 WHERE id = ?1", [id, queue])?;
            }
            if let Some(line) = line {
                check_line(connection, Some(line), Some(id))?;
                let changed = connection.execute(
                    "UPDATE gateway SET line = ?2 WHERE id = ?1 AND kind = 'sms'",
                    params![id, line],
                )?;
                if changed == 0 {
                    return refused(format!("{name} is not an sms gateway: it has no line"));
                }
            }
            if let Some(policy) = policy {
                connection.execute(
                    "UPDATE gateway SET policy = ?2 WHERE id = ?1",
                    params![id, policy.word()],
                )?;
            }
            if let Some(notice) = closed_notice {
                let words = (notice != "default").then_some(notice.as_str());
                for notice in [Notice::Closed, Notice::Refused] {
                    arrangements::set_wording(connection, name, notice, words)?;
                }
            }
            Ok(())
        }
        Amendment::RemoveGateway { name } => {
            let id = gateway(connection, name)?;
            connection.execute("UPDATE gateway SET removed = 1 WHERE id = ?1", [id])?;
            Ok(())
        }
    }
}

pub(super) fn refused<T>(words: String) -> Result<T> {
    Err(SpoolError::Refused(words))
}

pub(super) fn check_name(name: &str) -> Result<()> {
    routing::check_name(name).map_err(SpoolError::Refused)
}

/// The row in use with this name. `table` is one of our own words.
pub(super) fn find(connection: &Connection, table: &str, name: &str) -> Result<Option<i64>> {
    let in_use = if table == "queue" {
        ""
    } else {
        "AND NOT removed"
    };
    Ok(connection
        .prepare_cached(&format!("SELECT id FROM {table} WHERE name = ?1 {in_use}"))?
        .query_row([name], |row| row.get(0))
        .optional()?)
}

pub(super) fn must_find(connection: &Connection, table: &str, name: &str) -> Result<i64> {
    match find(connection, table, name)? {
        Some(id) => Ok(id),
        None => refused(format!(
            "there is no {table} {name:?}; `callnumber {table} list` shows those there are"
        )),
    }
}

fn operator(connection: &Connection, name: &str) -> Result<i64> {
    must_find(connection, "operator", name)
}

fn gateway(connection: &Connection, name: &str) -> Result<i64> {
    must_find(connection, "gateway", name)
}

pub(super) fn queue_id(connection: &Connection, name: &str) -> Result<i64> {
    must_find(connection, "queue", name)
}

fn rename_queue(connection: &Connection, name: &str, rename: &str) -> Result<()> {
    let id = queue_id(connection, name)?;
    check_name(rename)?;
    if find(connection, "queue", rename)?.is_some_and(|other| other != id) {
        return refused(format!("there is a queue {rename} already"));
    }
    connection.execute(
        "UPDATE queue SET name = ?2 WHERE id = ?1",
        params![id, rename],
    )?;
    Ok(())
}

fn remove_queue(connection: &Connection, name: &str) -> Result<()> {
    let id = queue_id(connection, name)?;
    let others: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM queue WHERE id <> ?1)",
        [id],
        |row| row.get(0),
    )?;
    if !others {
        return refused(format!(
            "{name} is the only queue: a new modem needs one to feed; add another first, or rename it"
        ));
    }
    let feeding: Option<String> = connection
        .prepare_cached("SELECT name FROM gateway WHERE queue = ?1 AND NOT removed LIMIT 1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    if let Some(gateway) = feeding {
        return refused(format!(
            "gateway {gateway} feeds queue {name}: move it first, `callnumber gateway set {gateway} --queue …`"
        ));
    }
    let ever_used: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM conversation WHERE queue = ?1 OR home = ?1)
             OR EXISTS (SELECT 1 FROM gateway WHERE queue = ?1)",
        [id],
        |row| row.get(0),
    )?;
    if ever_used {
        return refused(format!(
            "queue {name} has conversations in its records; rename it with `callnumber queue set {name} --rename …` instead"
        ));
    }
    connection.execute("DELETE FROM assignment WHERE queue = ?1", [id])?;
    arrangements::forget_queue(connection, id)?;
    connection.execute("DELETE FROM queue WHERE id = ?1", [id])?;
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

fn assign(connection: &Connection, operator: i64, queues: &[String]) -> Result<()> {
    connection.execute("DELETE FROM assignment WHERE operator = ?1", [operator])?;
    for name in queues {
        let queue = queue_id(connection, name)?;
        connection.execute(
            "INSERT OR IGNORE INTO assignment (operator, queue) VALUES (?1, ?2)",
            [operator, queue],
        )?;
    }
    Ok(())
}

/// Letters of a bare JID at most (RFC 7622 §3: twice 1023 octets); nobody types as many.
const JID_MAX: usize = 512;

fn set_addresses(connection: &Connection, operator: i64, jids: &[String]) -> Result<()> {
    connection.execute("DELETE FROM address WHERE operator = ?1", [operator])?;
    for jid in jids {
        // JIDs fold case (RFC 7622 §3.3.1).
        let jid = jid.trim().to_lowercase();
        let fits = jid.len() <= JID_MAX
            && jid.split('@').filter(|part| !part.is_empty()).count() == 2
            && jid.matches('@').count() == 1
            && !jid.contains(|c: char| c == '/' || c.is_whitespace() || c.is_control());
        if !fits {
            return refused(format!(
                "{jid:?} is not an XMPP address: write it as ana@example.org, without a resource"
            ));
        }
        let taken: Option<String> = connection
            .prepare_cached(
                "SELECT o.name FROM address a JOIN operator o ON o.id = a.operator
                 WHERE a.jid = ?1 AND a.operator <> ?2",
            )?
            .query_row(params![jid, operator], |row| row.get(0))
            .optional()?;
        if let Some(other) = taken {
            return refused(format!("{jid} is the address of operator {other} already"));
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
fn shut_out(connection: &Connection, operator: i64) -> Result<()> {
    for table in ["session", "token", "link"] {
        connection.execute(
            &format!("DELETE FROM {table} WHERE operator = ?1"),
            [operator],
        )?;
    }
    Ok(())
}

fn remove_operator(connection: &Connection, name: &str) -> Result<()> {
    let id = operator(connection, name)?;
    shut_out(connection, id)?;
    for table in ["assignment", "address"] {
        connection.execute(&format!("DELETE FROM {table} WHERE operator = ?1"), [id])?;
    }
    connection.execute(
        "UPDATE operator SET removed = 1, shows = 'offline', password_hash = NULL WHERE id = ?1",
        [id],
    )?;
    Ok(())
}

fn check_line(connection: &Connection, line: Option<&str>, except: Option<i64>) -> Result<()> {
    let Some(line) = line else { return Ok(()) };
    let taken: Option<String> = connection
        .prepare_cached(
            "SELECT name FROM gateway WHERE line = ?1 AND NOT removed AND id IS NOT ?2 LIMIT 1",
        )?
        .query_row(params![line, except], |row| row.get(0))
        .optional()?;
    match taken {
        Some(gateway) => refused(format!(
            "line {line} is gateway {gateway}'s: a line feeds one queue; remove or change that gateway first"
        )),
        None => Ok(()),
    }
}

fn add_line(connection: &Connection, name: &str) -> Result<()> {
    check_name(name)?;
    let new = connection.execute("INSERT OR IGNORE INTO line (name) VALUES (?1)", [name])? == 1;
    let busy = find(connection, "gateway", name)?.is_some()
        || check_line(connection, Some(name), None).is_err();
    if !new || busy {
        return Ok(());
    }
    connection.execute(
        "INSERT INTO gateway (name, kind, queue, line, policy)
         VALUES (?1, 'sms', (SELECT min(id) FROM queue), ?1, 'hold')",
        [name],
    )?;
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
    Ok(connection
        .prepare_cached("DELETE FROM link WHERE hash = ?1 AND expires >= ?2 RETURNING operator")?
        .query_row(params![hash, wire::time(now)], |row| {
            row.get(0).map(OperatorId)
        })
        .optional()?)
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
