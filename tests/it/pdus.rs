//! The PDUs of `tests/pdus`, one a row: captured ones (numbers replaced; what is known of their
//! origin is in `note`), some written after the specifications by other means than this program's
//! encoder, and broken ones. `expect` names the keys of `callnumber pdu decode` that the row is
//! about.

use callnumber::cli::pdu::decode;
use callnumber::sms::{Pdu, unhex};
use serde_json::Value;

fn rows(file: &str) -> Vec<Value> {
    let path = format!("{}/tests/pdus/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap();
    let rows: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(!rows.is_empty(), "{file}");
    rows
}

fn decoded(pdu: &str) -> Value {
    let mut output = Vec::new();
    decode(Some(pdu), std::io::empty(), &mut output).unwrap();
    serde_json::from_slice(&output).unwrap()
}

#[test]
fn pdus_read_as_expected() {
    let mut wrong = Vec::new();
    for row in [rows("captured.jsonl"), rows("specification.jsonl")].concat() {
        let found = decoded(row["pdu"].as_str().unwrap());
        for (key, expected) in row["expect"].as_object().unwrap() {
            if found[key] != *expected {
                wrong.push(format!(
                    "{}: {key} is {}, not {expected}",
                    row["note"], found[key]
                ));
            }
        }
        if let Some(error) = found.get("error") {
            wrong.push(format!("{}: {error}", row["note"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn broken_pdus_say_what_is_wrong() {
    for row in rows("hostile.jsonl") {
        let found = decoded(row["pdu"].as_str().unwrap());
        let error = found["error"].as_str();
        let word = row["error"].as_str().unwrap();
        assert!(
            error.is_some_and(|error| error.contains(word)),
            "{}: {found}",
            row["note"]
        );
    }
}

/// Only what cannot be said twice differs: padding, reserved bits, a name's rounded length.
#[test]
fn pdus_are_written_as_they_came() {
    for row in [rows("captured.jsonl"), rows("specification.jsonl")].concat() {
        let digits = row["pdu"].as_str().unwrap();
        let octets = unhex(digits.as_bytes()).unwrap();
        let again = Pdu::decode(&octets).unwrap().encode().unwrap();
        let note = row["note"].as_str().unwrap();
        if !["padd", "rounded", "reserved type", "odd", "Fonic"]
            .iter()
            .any(|word| note.contains(word))
        {
            assert_eq!(callnumber::sms::hex(&again), digits, "{note}");
        }
    }
}
