//! What a line's own account of itself means: the modem, its SIM and its network.

use super::finding::{Finding, Verdict};
use crate::desk::views::{ModemOnTheBox, Phase};
use crate::modem::Registration;

/// From here down texts get lost in bad weather (TS 27.007 §8.5: -113 dBm is no signal).
const WEAK_DBM: i16 = -103;
/// A storage this full is close to refusing texts, in hundredths.
const FULL_PERCENT: u32 = 70;

/// Judges one line by its status, as `callnumber status --json` shows it.
pub(super) fn judge(line: &ModemOnTheBox) -> Vec<Finding> {
    let phase = line.modem.phase;
    let detail = line.modem.detail.as_deref().unwrap_or_default();
    let mut findings = vec![port(line, detail)];
    if phase != Phase::NoPort {
        findings.push(sim(line, detail));
        findings.push(registration(line, detail));
        findings.extend(signal(line));
        findings.extend(smsc(line));
        findings.extend(storage(line));
        let receiving = receiving(line, detail, &findings);
        findings.extend(receiving);
    }
    let findings = findings.into_iter();
    findings.map(|found| found.of(&line.modem.name)).collect()
}

fn port(line: &ModemOnTheBox, detail: &str) -> Finding {
    if line.modem.phase == Phase::NoPort {
        // The detail says what to do itself.
        let (found, remedy) = detail
            .split_once(": ")
            .unwrap_or((detail, "plug the modem in"));
        return Finding::failure("port", found, capital(remedy));
    }
    let path = line.port.as_ref().map(|path| path.display().to_string());
    let path = path.as_deref().unwrap_or("a port");
    let model = line.modem.model.as_deref();
    let model = model.unwrap_or("a modem that does not tell its model");
    let revision = line.revision.as_deref().unwrap_or("not told");
    Finding::ok("port", format!("{path}, {model}, firmware {revision}"))
}

fn sim(line: &ModemOnTheBox, detail: &str) -> Finding {
    let about_sim = [
        "SIM asks",
        "SIM is locked",
        "SIM does not",
        "did not accept",
        "locked to",
    ];
    if about_sim.iter().any(|part| detail.contains(part)) {
        let (found, remedy) = detail
            .split_once(": ")
            .unwrap_or((detail, "try the SIM in a phone"));
        return Finding::failure("SIM", found, capital(remedy));
    }
    let left = line.modem.pin_tries_left;
    let tries = left.map_or_else(String::new, |tries| format!(", {tries} PIN tries left"));
    if left.is_some_and(|tries| tries < 3) {
        return Finding::warning(
            "SIM",
            format!("it answers{tries}"),
            "Somebody entered a wrong PIN: enter the right one in a phone, which gives the tries back",
        );
    }
    match line.iccid.as_ref().or(line.imsi.as_ref()) {
        Some(_) => Finding::ok("SIM", format!("it answers{tries}")),
        None => Finding::warning(
            "SIM",
            "it has not told its number yet",
            "Look again in a minute; then try it in a phone",
        ),
    }
}

fn registration(line: &ModemOnTheBox, detail: &str) -> Finding {
    let network = line.modem.network.as_deref().unwrap_or("a network");
    match line.modem.registration {
        Registration::Home => Finding::ok("registration", format!("{network}, at home")),
        Registration::Roaming => Finding::warning(
            "registration",
            format!("{network}, roaming"),
            "Texts may cost extra: ask the carrier",
        ),
        Registration::Denied => Finding::failure(
            "registration",
            "the network refuses this SIM",
            "Try it in a phone, and ask the carrier whether it is active and allows this modem",
        ),
        Registration::Searching | Registration::None => match detail.split_once(": ") {
            Some((found, remedy)) if detail.contains("network") || detail.contains("radio") => {
                Finding::failure("registration", found, capital(remedy))
            }
            _ => Finding::warning(
                "registration",
                "no network yet",
                "Wait a minute; then check the antenna",
            ),
        },
        Registration::Unknown if line.modem.phase == Phase::Ready => {
            Finding::ok("registration", "the modem does not tell, and sends")
        }
        Registration::Unknown => Finding::warning(
            "registration",
            "not known yet",
            "The modem is still being set up: look again in a minute",
        ),
    }
}

/// Whether texts are received. A line is ready only while they are, so that one that is stuck fails
/// here, unless another of the findings says why; and what it calls a person for is never well.
fn receiving(line: &ModemOnTheBox, detail: &str, others: &[Finding]) -> Option<Finding> {
    let split = |words: &str, remedy: &str| match words.split_once(": ") {
        Some((found, remedy)) => (found.to_owned(), capital(remedy)),
        None => (words.to_owned(), remedy.to_owned()),
    };
    let said = others.iter().any(|other| other.verdict == Verdict::Failure);
    match line.modem.phase {
        Phase::Stuck if !said => {
            let (found, remedy) = split(detail, "Look at the line on the page Lines");
            Some(Finding::failure("receiving", found, remedy))
        }
        Phase::Starting if others.iter().all(|other| other.verdict == Verdict::Ok) => {
            Some(Finding::warning(
                "receiving",
                "the line is not ready yet",
                "The modem is still being set up: look again in a minute",
            ))
        }
        _ => {
            if let Some(alarm) = line.modem.alarm.as_ref().filter(|_| !said) {
                let (found, remedy) = split(alarm, "Look at the line on the page Lines");
                return Some(Finding::failure("receiving", found, remedy));
            }
            let (found, remedy) = split(
                line.oddity.as_ref().filter(|_| !said)?,
                "Update the modem's firmware",
            );
            Some(Finding::warning("receiving", found, remedy))
        }
    }
}

fn signal(line: &ModemOnTheBox) -> Option<Finding> {
    let dbm = line.modem.signal_dbm?;
    Some(match dbm <= WEAK_DBM {
        true => Finding::warning(
            "signal",
            format!("{dbm} dBm, weak"),
            "Move the antenna to a window, or fit a better one",
        ),
        false => Finding::ok("signal", format!("{dbm} dBm")),
    })
}

fn smsc(line: &ModemOnTheBox) -> Option<Finding> {
    match line.smsc.as_ref().filter(|smsc| !smsc.is_empty()) {
        Some(smsc) => Some(Finding::ok("service centre", smsc)),
        None if line.modem.phase == Phase::Ready => Some(Finding::failure(
            "service centre",
            "the SIM has none, so nothing can be sent",
            "Ask the carrier for its number and set `smsc` for this modem in the configuration",
        )),
        None => None,
    }
}

fn storage(line: &ModemOnTheBox) -> Option<Finding> {
    let used = u32::from(line.modem.storage_used?);
    let total = line.modem.storage_total.filter(|total| *total > 0)?;
    let found = format!("{used} of {total} places in use");
    Some(match used * 100 / u32::from(total) >= FULL_PERCENT {
        true => Finding::warning(
            "storage",
            found,
            "Texts that cannot be kept stay in the modem: see the spool and the disk above; a full \
             one refuses new texts",
        ),
        false => Finding::ok("storage", found),
    })
}

/// A remedy begins a sentence of its own.
fn capital(words: &str) -> String {
    let mut chars = words.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use serde_json::{Value, json};

    #[test]
    fn what_lines_say_of_themselves() {
        use Verdict::{Failure, Ok, Warning};
        let ready = json!({
            "name": "m", "phase": "ready", "port": "/dev/ttyUSB2", "model": "SIM7600",
            "iccid": "8949", "registration": "home", "network": "Carrier", "signal_dbm": -71,
            "smsc": "+15550000001", "storage_used": 1, "storage_total": 30, "queued": 0,
            "refused": false, "wants_pin": false, "number_known": false,
            "recovery": { "rung": 0, "since": null, "counts": [0, 0, 0, 0, 0, 0, 0, 0],
                          "restarts": 0 },
        });
        let with = |key: &str, value: Value| {
            let mut line = ready.clone();
            line[key] = value;
            line
        };
        let stuck = |words: &str| {
            let mut line = with("registration", json!("searching"));
            line["phase"] = json!("stuck");
            line["detail"] = json!(words);
            line["smsc"] = Value::Null;
            line
        };
        let mut no_port = with("phase", json!("no_port"));
        no_port["detail"] = json!("/dev/x is not there: plug the modem in, or correct `port`");
        let judge =
            |line: &Value| super::judge(&serde_json::from_value(line.clone()).expect("a line"));
        for (line, check, verdict, words) in [
            (ready.clone(), "port", Ok, "/dev/ttyUSB2, SIM7600"),
            (ready.clone(), "registration", Ok, "Carrier, at home"),
            (ready.clone(), "signal", Ok, "-71 dBm"),
            (ready.clone(), "storage", Ok, "1 of 30"),
            (
                no_port,
                "port",
                Failure,
                "/dev/x is not there. Plug the modem in",
            ),
            (
                with("signal_dbm", json!(-107)),
                "signal",
                Warning,
                "antenna",
            ),
            (
                with("registration", json!("roaming")),
                "registration",
                Warning,
                "cost",
            ),
            (
                with("registration", json!("denied")),
                "registration",
                Failure,
                "carrier",
            ),
            (
                with("smsc", Value::Null),
                "service centre",
                Failure,
                "set `smsc`",
            ),
            (
                with("storage_used", json!(21)),
                "storage",
                Warning,
                "21 of 30",
            ),
            (
                stuck("no text can arrive: SM has no places for texts: try another SIM"),
                "receiving",
                Failure,
                "no text can arrive. SM has no places",
            ),
            (
                stuck("the modem's radio is off and stays off (+CFUN: 4): look for a switch"),
                "registration",
                Failure,
                "radio is off and stays off",
            ),
            (
                with(
                    "alarm",
                    json!("the modem counts 1 texts in ME: update its firmware"),
                ),
                "receiving",
                Failure,
                "counts 1 texts in ME. Update",
            ),
            (
                with("oddity", json!("it hides texts: update its firmware")),
                "receiving",
                Warning,
                "it hides texts. Update",
            ),
            (
                with("phase", json!("starting")),
                "receiving",
                Warning,
                "not ready yet",
            ),
            (
                with("pin_tries_left", json!(1)),
                "SIM",
                Warning,
                "1 PIN tries left",
            ),
            (
                with("pin_tries_left", json!(3)),
                "SIM",
                Ok,
                "3 PIN tries left",
            ),
            (
                stuck("the SIM asks for a PIN: set `pin` for this modem in the configuration"),
                "SIM",
                Failure,
                "asks for a PIN. Set `pin`",
            ),
            (
                stuck("no network found: check the antenna"),
                "registration",
                Failure,
                "no network found. Check the antenna",
            ),
        ] {
            let findings = judge(&line);
            let finding = findings.iter().find(|finding| finding.check == check);
            let finding = finding.unwrap_or_else(|| panic!("{check}: {findings:?}"));
            assert_eq!(finding.verdict, verdict, "{finding:?}");
            assert!(finding.in_words().contains(words), "{}", finding.in_words());
            assert_eq!(finding.line.as_deref(), Some("m"));
        }
        let all_well = judge(&ready).iter().all(|finding| finding.verdict == Ok);
        assert!(all_well, "{:?}", judge(&ready));
    }
}
