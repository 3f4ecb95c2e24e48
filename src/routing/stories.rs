//! The law of the desk, clause by clause, in its own words.

#![allow(clippy::unwrap_used)]

mod automatic_texts;
mod claiming;
mod consent;
mod deliveries;
mod gateways;
mod leaving;
mod offline_policy;
mod one_telephone;
mod own_words;
mod rearrangement;
mod signing_in;
mod texts;
mod threads;
mod transfers;
mod waiting;

use super::test_desk::*;
use super::*;

const PAT: &str = "+15551230100";
const SUE: &str = "+15551230101";

const CLOSED: &str =
    "Elm is closed now. Your text is saved. Urgent? Call 555-0100. Reply STOP to opt out.";
const REFUSED: &str = "Chat is offline. Elm did not keep this text. Please call 555-0100.";
const WAITING: &str = "Elm: got it. Our librarians are helping others; one will text you back \
                       soon. In a hurry? Call 555-0100.";
const STOPPED: &str =
    "Elm: you are opted out and will get no more texts from us. Text START to opt back in.";
const HELP: &str = "Elm text line: ask us anything, or call 555-0100. Msg&data rates may apply. STOP to opt out, \
                    FORGET to erase your texts.";
const STARTED: &str = "Elm: thanks, you are opted back in. Text us a question any time.";

fn to(address: &str, words: &str) -> Vec<(String, String)> {
    vec![(address.into(), words.into())]
}

fn desk() -> TestDesk {
    TestDesk::new(elm())
}

fn with_gateway(change: impl FnOnce(&mut Gateway)) -> TestDesk {
    let mut plan = elm();
    change(&mut plan.gateways[0]);
    TestDesk::new(plan)
}

const NOBODY: [(String, String); 0] = [];
