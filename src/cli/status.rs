//! `callnumber status`: how the running desk is.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::BoxArguments;
use crate::control::{self, CallError, Request};

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
    let status = match control::call(&spool, &Request::Status).await {
        Ok(status) => status,
        Err(CallError::NotRunning) => {
            if arguments.json {
                println!("{}", json!({ "running": false, "spool": spool }));
            } else {
                println!(
                    "No desk runs on {}: start it with `callnumber run`.",
                    spool.display()
                );
            }
            return Ok(ExitCode::from(NOT_RUNNING));
        }
        Err(error) => return Err(error.into()),
    };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&status)?);
    } else {
        print!("{}", in_words(&status));
    }
    Ok(ExitCode::SUCCESS)
}

fn in_words(status: &Value) -> String {
    let mut words = format!(
        "callnumber {} runs on {}\n",
        text(&status["version"]),
        text(&status["spool"])
    );
    for queue in array(&status["queues"]) {
        let open = match queue["online"].as_bool() {
            Some(true) => "online",
            _ => "offline",
        };
        words += &format!("queue {}: {open}\n", text(&queue["name"]));
    }
    words += &format!("operators available: {}\n", status["operators_available"]);
    for state in ["held", "waiting", "claimed"] {
        words += &format!(
            "{state}: {}\n",
            status["conversations"][state].as_u64().unwrap_or(0)
        );
    }
    for line in array(&status["lines"]) {
        words += &line_in_words(line);
    }
    match (&status["xmpp"], status["xmpp"]["up"].as_bool()) {
        (Value::Null, _) => {}
        (_, Some(true)) => words += "XMPP: linked\n",
        (link, _) => words += &format!("XMPP: {}\n", text(&link["detail"])),
    }
    words
}

/// The same in one line: `2 on duty, 3 unanswered; front-desk: ready`.
pub(super) fn in_a_line(status: &Value) -> String {
    let unanswered: u64 = ["held", "waiting"]
        .iter()
        .filter_map(|state| status["conversations"][state].as_u64())
        .sum();
    let mut words = format!(
        "{} on duty, {unanswered} unanswered",
        status["operators_available"]
    );
    for line in array(&status["lines"]) {
        let how = match line["alarm"].as_str() {
            Some(alarm) => alarm.to_owned(),
            None => phase_in_words(line),
        };
        words += &format!("; {}: {how}", text(&line["name"]));
    }
    if status["xmpp"]["up"].as_bool() == Some(false) {
        words += "; XMPP: not linked";
    }
    words
}

fn phase_in_words(line: &Value) -> String {
    match line["phase"]["phase"].as_str() {
        Some("ready") => "ready".to_owned(),
        Some("starting") => "starting".to_owned(),
        Some(_) => text(&line["phase"]["detail"]).to_owned(),
        None => "not known".to_owned(),
    }
}

pub(super) fn line_in_words(line: &Value) -> String {
    let mut words = format!("line {}: {}\n", text(&line["name"]), phase_in_words(line));
    if let Some(alarm) = line["alarm"].as_str() {
        words += &format!("  ALARM: {alarm}\n");
    }
    words += &recovery_in_words(&line["recovery"]);
    for (label, key) in [
        ("port", "port"),
        ("modem", "model"),
        ("registration", "registration"),
        ("network", "operator"),
        ("own number", "own_number"),
        ("service centre", "smsc"),
    ] {
        if let Some(value) = line[key].as_str() {
            words += &format!("  {label}: {value}\n");
        }
    }
    if let Some(dbm) = line["signal_dbm"].as_i64() {
        words += &format!("  signal: {dbm} dBm\n");
    }
    if let (Some(used), Some(total)) = (
        line["storage_used"].as_u64(),
        line["storage_total"].as_u64(),
    ) {
        words += &format!("  storage: {used} of {total}\n");
    }
    if let Some(waiting) = line["replies_waiting"].as_u64() {
        words += &format!("  replies waiting: {waiting}\n");
    }
    words += &standing_in_words(&line["standing"], text(&line["name"]));
    words
}

/// What is known of a line besides what its modem says.
fn standing_in_words(standing: &Value, line: &str) -> String {
    let mut words = String::new();
    if let Some(reason) = standing["paused"]["reason"].as_str() {
        words += &format!(
            "  RESTS until {}: {reason}. To end it: callnumber modem resume {line}\n",
            text(&standing["paused"]["until"])
        );
    }
    let balance = &standing["balance"];
    if let Some(said) = balance["words"].as_str() {
        words += &format!("  balance: {}\n", said.replace('\n', " / "));
    }
    if let Some(problem) = balance["problem"].as_str() {
        words += &format!("  balance not known: {problem}\n");
    }
    let test = &standing["self_test"];
    if let Some(problem) = test["problem"].as_str() {
        words += &format!("  SELF-TEST FAILED ({}): {problem}\n", text(&test["sent"]));
    } else if let Some(ms) = test["took_ms"].as_i64() {
        let sent = text(&test["sent"]);
        words += &format!("  self-test: OK in {} s ({sent})\n", (ms + 500) / 1000);
    } else if let Some(sent) = test["sent"].as_str() {
        words += &format!("  self-test: under way since {sent}\n");
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

fn recovery_in_words(recovery: &Value) -> String {
    let mut words = String::new();
    if let Some(since) = recovery["since"].as_str() {
        let rung = recovery["rung"].as_u64().unwrap_or(0);
        let name = usize::try_from(rung).ok().and_then(|rung| RUNGS.get(rung));
        words += &format!(
            "  in trouble since {since}, now on rung {rung} of 7: {}\n",
            name.unwrap_or(&"?")
        );
    }
    let tried: Vec<String> = array(&recovery["counts"])
        .zip(RUNGS)
        // The first two rungs are tried at every hiccup.
        .skip(2)
        .filter_map(|(count, name)| {
            let count = count.as_u64().filter(|count| *count > 0)?;
            Some(format!("{name} {count}"))
        })
        .collect();
    if !tried.is_empty() {
        words += &format!("  tried in the last day: {}\n", tried.join(", "));
    }
    if let Some(restarts) = recovery["restarts"].as_u64().filter(|count| *count > 0) {
        words += &format!("  restarts by itself in the last day: {restarts}\n");
    }
    words
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_in_a_line_says_what_matters() {
        let mut status = json!({
            "operators_available": 2,
            "conversations": { "held": 1, "waiting": 2, "claimed": 9 },
            "lines": [
                { "name": "front", "phase": { "phase": "ready" } },
                { "name": "back", "phase": { "phase": "stuck", "detail": "the SIM asks for a PIN" } },
            ],
            "xmpp": null,
        });
        assert_eq!(
            in_a_line(&status),
            "2 on duty, 3 unanswered; front: ready; back: the SIM asks for a PIN"
        );
        status["lines"] = json!([{ "name": "front", "alarm": "the modem does not answer" }]);
        status["xmpp"] = json!({ "up": false });
        assert_eq!(
            in_a_line(&status),
            "2 on duty, 3 unanswered; front: the modem does not answer; XMPP: not linked"
        );
    }

    #[test]
    fn a_status_reads_as_a_person_would_say_it() {
        let status = json!({
            "version": "0.1.0", "running": true, "spool": "/s.db",
            "queues": [{ "name": "desk", "online": false }],
            "operators_available": 0,
            "conversations": { "held": 4 },
            "lines": [{
                "name": "front", "port": "/dev/ttyUSB2", "signal_dbm": -71,
                "phase": { "phase": "stuck", "detail": "the SIM asks for a PIN" },
                "registration": "searching", "storage_used": 3, "storage_total": 50,
                "replies_waiting": 2,
                "alarm": "the modem does not answer",
                "recovery": {
                    "rung": 7, "since": "2026-01-05T14:02:00Z",
                    "counts": [4, 2, 3, 0, 3, 0, 3, 1], "restarts": 2,
                },
                "standing": {
                    "paused": {
                        "since": "2026-11-25T12:00:00Z", "until": "2026-11-25T13:00:00Z",
                        "reason": "the carrier refuses texts",
                    },
                    "balance": { "words": "5.00\nvalid till May", "problem": null },
                    "self_test": { "sent": "2026-11-25T04:00:00Z", "took_ms": 6400, "problem": null },
                },
            }],
        });
        let words = in_words(&status);
        for line in [
            "callnumber 0.1.0 runs on /s.db",
            "queue desk: offline",
            "held: 4",
            "waiting: 0",
            "line front: the SIM asks for a PIN",
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
