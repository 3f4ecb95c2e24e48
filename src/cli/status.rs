//! `callnumber status`: how the running desk is.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::BoxArguments;
use super::desk::print_json;
use crate::control::{self, CallError, Request};
use crate::desk::views::{Conversations, Modem, ModemOnTheBox, Phase, StatusOnTheBox, WithOldKeys};
use crate::modem::Recovery;

/// `callnumber status`
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    at: BoxArguments,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The exit status when no daemon runs, as `systemctl status` has it.
const NOT_RUNNING: u8 = 3;

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let spool = arguments.at.load()?.spool_path();
    let called = control::call::<StatusOnTheBox>(&spool, &[], &Request::Status);
    let status = match called.await {
        Ok(status) => status,
        Err(CallError::NotRunning) => {
            if arguments.json {
                say!("{}", json!({ "running": false, "spool": spool }));
            } else {
                say!(
                    "No desk runs on {}: start it with `callnumber run`.",
                    spool.display()
                );
            }
            return Ok(ExitCode::from(NOT_RUNNING));
        }
        Err(error) => return Err(error.into()),
    };
    if arguments.json {
        print_json(&WithOldKeys(&status))?;
    } else {
        put!("{}", in_words(&status));
    }
    Ok(ExitCode::SUCCESS)
}

fn in_words(all: &StatusOnTheBox) -> String {
    let status = &all.status;
    let mut words = format!(
        "callnumber {} runs on {}\n",
        status.version,
        all.spool.display()
    );
    if let Some(trouble) = &status.trouble {
        words += &format!("ALARM: {trouble}\n");
    }
    for queue in &status.queues {
        let open = if queue.online { "online" } else { "offline" };
        words += &format!("queue {}: {open}\n", queue.name);
    }
    words += &format!("operators available: {}\n", status.available.len());
    let Conversations {
        held,
        waiting,
        claimed,
    } = status.conversations;
    words += &format!("held: {held}\nwaiting: {waiting}\nclaimed: {claimed}\n");
    for line in &all.modems {
        words += &line_in_words(line);
    }
    match &all.xmpp {
        None => {}
        Some(link) if link.up => words += "XMPP: linked\n",
        Some(link) => words += &format!("XMPP: {}\n", link.detail.as_deref().unwrap_or("?")),
    }
    words
}

/// The same in one line: `2 on duty, 3 unanswered; front-desk: ready`.
pub(super) fn in_a_line(all: &StatusOnTheBox) -> String {
    let counts = all.status.conversations;
    let mut words = format!(
        "{} on duty, {} unanswered",
        all.status.available.len(),
        counts.held + counts.waiting
    );
    for line in &all.modems {
        let how = match &line.modem.alarm {
            Some(alarm) => alarm,
            None => phase_in_words(&line.modem),
        };
        words += &format!("; {}: {how}", line.modem.name);
    }
    if all.xmpp.as_ref().is_some_and(|link| !link.up) {
        words += "; XMPP: not linked";
    }
    words
}

fn phase_in_words(line: &Modem) -> &str {
    match line.phase {
        Phase::Ready => "ready",
        Phase::Starting => "starting",
        Phase::NoPort | Phase::Stuck => line.detail.as_deref().unwrap_or("?"),
    }
}

pub(super) fn line_in_words(line: &ModemOnTheBox) -> String {
    let modem = &line.modem;
    let mut words = format!("line {}: {}\n", modem.name, phase_in_words(modem));
    if let Some(alarm) = &modem.alarm {
        words += &format!("  ALARM: {alarm}\n");
    }
    words += &recovery_in_words(&line.recovery);
    let port = line.port.as_ref().map(|port| port.display().to_string());
    for (label, value) in [
        ("port", port.as_deref()),
        ("modem", modem.model.as_deref()),
        ("registration", Some(modem.registration.as_str())),
        ("network", modem.network.as_deref()),
        ("own number", line.own_number.as_deref()),
        ("service centre", line.smsc.as_deref()),
    ] {
        if let Some(value) = value {
            words += &format!("  {label}: {value}\n");
        }
    }
    if let Some(dbm) = modem.signal_dbm {
        words += &format!("  signal: {dbm} dBm\n");
    }
    if let (Some(used), Some(total)) = (modem.storage_used, modem.storage_total) {
        words += &format!("  storage: {used} of {total}\n");
    }
    words += &format!("  replies waiting: {}\n", modem.queued);
    words += &carrier_in_words(modem);
    words
}

/// What is known of a line besides what its modem says.
fn carrier_in_words(line: &Modem) -> String {
    let mut words = String::new();
    if let Some(rest) = &line.rest {
        words += &format!(
            "  RESTS until {}: {}. To end it: callnumber modem resume {}\n",
            rest.until, rest.reason, line.name
        );
    }
    if let Some(said) = &line.balance {
        words += &format!("  balance: {}\n", said.replace('\n', " / "));
    }
    if let Some(problem) = &line.balance_problem {
        words += &format!("  balance not known: {problem}\n");
    }
    if let Some(test) = &line.self_test {
        words += &match (&test.problem, test.took_ms) {
            (Some(problem), _) => format!("  SELF-TEST FAILED ({}): {problem}\n", test.sent),
            (None, Some(_)) => format!("  self-test: {} ({})\n", test.words, test.sent),
            (None, None) => format!("  self-test: under way since {}\n", test.sent),
        };
    }
    words
}

/// What each rung of the recovery ladder does.
const RUNGS: [&str; 8] = [
    "asking again",
    "setting up again",
    "opening the port again",
    "radio off and on",
    "restart",
    "replug",
    "power off and on",
    "calls for help",
];

fn recovery_in_words(recovery: &Recovery) -> String {
    let mut words = String::new();
    if let Some(since) = recovery.since {
        let name = RUNGS.get(usize::from(recovery.rung)).unwrap_or(&"?");
        words += &format!(
            "  in trouble since {since}, now on rung {} of 7: {name}\n",
            recovery.rung
        );
    }
    let tried: Vec<String> = recovery
        .counts
        .iter()
        .zip(RUNGS)
        // The first two rungs are tried at every hiccup.
        .skip(2)
        .filter(|(count, _)| **count > 0)
        .map(|(count, name)| format!("{name} {count}"))
        .collect();
    if !tried.is_empty() {
        words += &format!("  tried in the last day: {}\n", tried.join(", "));
    }
    if recovery.restarts > 0 {
        words += &format!(
            "  restarts by itself in the last day: {}\n",
            recovery.restarts
        );
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(lines: serde_json::Value, xmpp: serde_json::Value) -> StatusOnTheBox {
        let lines = lines.as_array().expect("lines").iter().map(|line| {
            let mut whole = json!({
                "registration": "unknown", "phase": "ready", "queued": 0, "refused": false,
                "wants_pin": false, "number_known": false,
                "recovery": { "rung": 0, "since": null, "counts": [0, 0, 0, 0, 0, 0, 0, 0],
                              "restarts": 0 },
            });
            for (key, value) in line.as_object().expect("a line") {
                whole[key] = value.clone();
            }
            whole
        });
        let status = json!({
            "library": "Elm", "version": "0.1.0", "running": true, "spool": "/s.db",
            "started_at": "2026-01-05T14:02:00Z", "available": ["ana", "ben"], "away": [],
            "conversations": { "held": 1, "waiting": 2, "claimed": 9 },
            "queues": [{ "id": 1, "name": "desk", "online": false, "assigned": false,
                         "operators": [], "holidays": {} }],
            "modems": lines.collect::<Vec<_>>(), "xmpp": xmpp,
        });
        serde_json::from_value(status).expect("a status")
    }

    #[test]
    fn a_status_in_a_line_says_what_matters() {
        let lines = json!([
            { "name": "front" },
            { "name": "back", "phase": "stuck", "detail": "the SIM asks for a PIN" },
        ]);
        assert_eq!(
            in_a_line(&status(lines, json!(null))),
            "2 on duty, 3 unanswered; front: ready; back: the SIM asks for a PIN"
        );
        let lines = json!([{ "name": "front", "alarm": "the modem does not answer" }]);
        assert_eq!(
            in_a_line(&status(lines, json!({ "up": false }))),
            "2 on duty, 3 unanswered; front: the modem does not answer; XMPP: not linked"
        );
    }

    #[test]
    fn a_status_reads_as_a_person_would_say_it() {
        let lines = json!([{
            "name": "front", "port": "/dev/ttyUSB2", "signal_dbm": -71,
            "phase": "stuck", "detail": "the SIM asks for a PIN",
            "registration": "searching", "storage_used": 3, "storage_total": 50,
            "queued": 2,
            "alarm": "the modem does not answer",
            "recovery": {
                "rung": 7, "since": "2026-01-05T14:02:00Z",
                "counts": [4, 2, 3, 0, 3, 0, 3, 1], "restarts": 2,
            },
            "rest": {
                "since": "2026-11-25T12:00:00Z", "until": "2026-11-25T13:00:00Z",
                "reason": "the carrier refuses texts",
            },
            "balance": "5.00\nvalid till May",
            "self_test": { "sent": "2026-11-25T04:00:00Z", "took_ms": 6400, "problem": null,
                           "words": "OK in 6 s" },
        }]);
        let words = in_words(&status(lines, json!(null)));
        for line in [
            "callnumber 0.1.0 runs on /s.db",
            "queue desk: offline",
            "operators available: 2",
            "held: 1",
            "waiting: 2",
            "line front: the SIM asks for a PIN",
            "  registration: searching",
            "  signal: -71 dBm",
            "  storage: 3 of 50",
            "  replies waiting: 2",
            "  ALARM: the modem does not answer",
            "  in trouble since 2026-01-05T14:02:00Z, now on rung 7 of 7: calls for help",
            "  tried in the last day: opening the port again 3, restart 3, power off and on 3, calls for help 1",
            "  restarts by itself in the last day: 2",
            "  RESTS until 2026-11-25T13:00:00Z: the carrier refuses texts. To end it: callnumber \
             modem resume front",
            "  balance: 5.00 / valid till May",
            "  self-test: OK in 6 s (2026-11-25T04:00:00Z)",
        ] {
            assert!(words.lines().any(|said| said == line), "{line}\n{words}");
        }
    }
}
