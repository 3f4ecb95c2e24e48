//! One telephone is one patron: every spelling in the table of numbers, at every door, gets the same
//! verdict.

use super::*;
use crate::numbers::tests::SPELLINGS;
use crate::numbers::{Country, PatronNumber};

/// A desk in this country, with ana there.
fn desk_in(iso: &str) -> TestDesk {
    let mut plan = elm();
    plan.library.country = Country::named(iso).unwrap();
    plan.gateways[0].line = Some("front-desk".into());
    let mut desk = TestDesk::new(plan);
    desk.arrives(ANA);
    desk
}

fn write(to: &str) -> Event {
    Event::Write {
        gateway: LINE,
        to: to.into(),
        body: "Your book is in.".into(),
    }
}

fn begin(to: &str) -> Event {
    Event::Begin {
        by: ANA.into(),
        operator: ANA,
        gateway: LINE,
        to: to.into(),
        body: "Is it still wanted?".into(),
        client_id: None,
    }
}

/// Spellings that a network may say: digits, and `+`. What people write comes by other doors.
fn arriving<'a>(canonical: &'a str, written: &[&'a str]) -> Vec<&'a str> {
    let is_said = |text: &&&str| {
        let digits = text.strip_prefix('+').unwrap_or(text);
        digits.bytes().all(|octet| octet.is_ascii_digit())
    };
    let mut said: Vec<&str> = written.iter().filter(is_said).copied().collect();
    said.push(canonical);
    said
}

#[track_caller]
fn is_one_patron(desk: &TestDesk, canonical: &str, text: &str) {
    let patrons: Vec<_> = desk.rows.patrons.values().collect();
    assert_eq!(patrons.len(), 1, "{text:?} is another than {canonical}");
    assert_eq!(patrons[0].address, canonical, "{text:?}");
}

#[test]
fn every_spelling_is_sent_to_one_patron_and_answers_come_to_that_thread() {
    for (iso, canonical, written) in SPELLINGS {
        let mut desk = desk_in(iso);
        for text in written.iter().copied() {
            let sent = submits(&desk.does(write(text)));
            assert_eq!(sent[0].0, *canonical, "{text:?} in {iso}");
            let sent = submits(&desk.does(begin(text)));
            assert_eq!(sent[0].0, *canonical, "{text:?} in {iso}");
            is_one_patron(&desk, canonical, text);
        }
        for (n, said) in arriving(canonical, written).into_iter().enumerate() {
            desk.text(said, &format!("answer {n}"));
            desk.does(Event::CallMissed {
                gateway: LINE,
                from: said.into(),
            });
            is_one_patron(&desk, canonical, said);
            assert_eq!(desk.rows.conversations.len(), 1, "{said:?} in {iso}");
            assert!(
                desk.thread(1).contains(&format!("answer {n}").as_str()),
                "{said:?}"
            );
        }
        desk.restarts();
        assert_eq!(desk.conversation(1).claimed_by, Some(ANA), "{iso}");
    }
}

#[test]
fn whoever_opted_out_in_one_spelling_is_written_to_in_none() {
    for (iso, canonical, written) in SPELLINGS {
        let opted_out = |desk: &mut TestDesk, how: &str| {
            for text in written.iter().copied() {
                for event in [write(text), begin(text)] {
                    let refused = desk.try_do(event);
                    assert_eq!(refused, Err(Refusal::OptedOut), "{text:?} in {iso} {how}");
                }
            }
            is_one_patron(desk, canonical, how);
        };
        for said in arriving(canonical, written) {
            let mut desk = desk_in(iso);
            desk.text(said, "STOP");
            opted_out(&mut desk, said);
            desk.restarts();
            opted_out(&mut desk, said);
            // Their own START, in another spelling than their STOP.
            desk.text(canonical, "START");
            desk.does(write(written[0]));
        }
        for text in written.iter().copied() {
            let mut desk = desk_in(iso);
            desk.does(begin(text));
            desk.does(Event::act(ANA, ConversationId(1), Act::OptOut));
            opted_out(&mut desk, text);
        }
    }
}

#[test]
fn a_block_holds_for_every_spelling_and_whoever_is_written_to_is_heard() {
    for (iso, canonical, written) in SPELLINGS {
        let mut desk = desk_in(iso);
        desk.text(canonical, "Fools");
        for (n, said) in arriving(canonical, written).into_iter().enumerate() {
            desk.does(Event::act(Actor::Box, ConversationId(1), Act::Block));
            let heard = desk.text(said, &format!("Fools! {n}"));
            assert_eq!(bells(&heard), [""; 0], "{said:?} in {iso}");
            assert_eq!(
                desk.state(1),
                ConversationState::Closed,
                "{said:?} in {iso}"
            );
            desk.does(begin(written[n % written.len()]));
            assert!(
                desk.rows.patrons[&PatronId(1)].blocked_until.is_none(),
                "{iso}"
            );
            desk.close(ANA, 1).unwrap();
        }
        is_one_patron(&desk, canonical, iso);
    }
}

#[test]
fn every_spelling_is_found_and_erased_and_forgotten() {
    for (iso, canonical, written) in SPELLINGS {
        let mut desk = desk_in(iso);
        for text in written.iter().copied() {
            desk.text(canonical, "My diagnosis");
            let meant = PatronNumber::meant(text, &desk.router.countries()).unwrap();
            assert_eq!(meant, [*canonical], "{text:?} in {iso}");
            let whose = Whose::Telephone(meant[0].clone());
            desk.does(Event::Erase {
                by: Actor::Box,
                whose,
            });
            assert!(desk.rows.patrons.is_empty(), "{text:?} in {iso}");
        }
        for said in arriving(canonical, written) {
            desk.text(canonical, "My diagnosis");
            desk.text(said, "FORGET");
            let left: Vec<_> = desk.rows.messages.values().collect();
            assert!(
                left.iter().all(|m| m.body != "My diagnosis"),
                "{said:?} in {iso}"
            );
        }
    }
}

#[test]
fn two_lines_in_two_countries_read_a_number_each_in_its_own() {
    let mut plan = elm();
    plan.gateways[0].line = Some("london".into());
    let mut desk = TestDesk::new(plan);
    desk.arrives(ANA);
    for (line, imsi) in [("london", "234150999999999"), ("kids", "310150999999999")] {
        desk.does(Event::LineNumber {
            line: line.into(),
            number: None,
            imsi: Some(imsi.into()),
        });
    }
    let sent = submits(&desk.does(write("07911 123456")));
    assert_eq!(sent[0].0, "+447911123456");
    let kids = Event::Write {
        gateway: KIDS_LINE,
        to: "(555) 123-0177".into(),
        body: "Your book is in.".into(),
    };
    assert_eq!(submits(&desk.does(kids))[0].0, "+15551230177");
    desk.text("+447911123456", "Thanks!");
    assert_eq!(desk.rows.patrons.len(), 2);
}

#[test]
fn our_own_number_is_ours_whenever_its_country_becomes_known() {
    let mut desk = desk_in("US");
    let told = |number: Option<&str>, imsi: Option<&str>| Event::LineNumber {
        line: "front-desk".into(),
        number: number.map(str::to_owned),
        imsi: imsi.map(str::to_owned),
    };
    // As the SIM spells it, before the SIM says where it is.
    desk.does(told(Some("07911123456"), None));
    desk.does(told(None, Some("234150999999999")));
    for ours in ["+447911123456", "07911123456", "447911123456"] {
        let refused = desk.try_do(begin(ours));
        assert_eq!(refused, Err(Refusal::NotAnswerable), "{ours:?}");
        assert_eq!(submits(&desk.text(ours, "HELP")), [], "{ours:?}");
    }
    desk.does(begin("07911 123457"));
}
