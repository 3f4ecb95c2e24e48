//! What becomes of our texts: attempts that are cut off, refused, lied about and reported on.

use std::time::Duration;

use callnumber::modem::LineSettings;
use callnumber::modem::PortChoice;
use callnumber::routing::{Act, DeliveryState, Event, Message, MessageId};
use callnumber::simulator::{Ailment, ReportPolicy};
use callnumber::sms::{Address, Pdu, SmsStatusReport, Status, Tpdu};
use callnumber::spool::lines;

use crate::bench::{PATRON, modem};
use crate::house::{House, Use};
use crate::registry::Row;
use crate::rows;

pub fn rows() -> Vec<Row> {
    rows![
        row_14_without_a_prompt_nothing_was_sent_and_it_is_tried_again,
        row_16_a_lost_answer_is_settled_by_its_report,
        row_16_what_never_left_is_sent_again_once_and_marked,
        row_16_what_may_have_left_is_for_a_person,
        row_17_a_report_wins_over_an_error_and_stops_the_retry,
        row_17_a_retry_after_an_error_that_proves_nothing_is_marked,
        row_17_a_sim_that_has_not_moved_says_that_nothing_left,
        row_18_reports_come_before_the_answer_and_in_national_form,
        row_19_a_report_that_it_is_still_tried_is_not_the_last,
        row_23_parts_go_back_to_back_on_an_open_link,
        row_33_a_sim_without_a_service_centre_gets_the_configured_one,
        row_37_a_text_to_ourselves_proves_both_directions,
        row_37_a_text_to_ourselves_that_is_lost_is_an_alarm,
        row_38_texts_keep_their_pace_and_the_balance_is_shown,
        row_38_a_carrier_that_refuses_one_after_another_rests_the_line,
        row_49_every_spelling_of_a_refusal_leads_to_another_try,
    ]
}

const OTHERS: [&str; 2] = ["+15551230101", "+15551230102"];

/// A ready house where a patron has asked; no reports come by themselves.
async fn asked() -> House {
    asked_of("quectel-ec25").await
}

async fn asked_of(profile: &str) -> House {
    let mut house = House::on(modem(profile, |_| {})).await;
    house.is_ready().await;
    house.modem.set_reports(ReportPolicy {
        automatic: false,
        ..ReportPolicy::default()
    });
    house.modem.patron_texts(PATRON, "Is my book in?").unwrap();
    house.shows(&["Is my book in?"]).await;
    house
}

async fn stands(house: &mut House, id: MessageId, state: DeliveryState) -> Message {
    let what = format!("{state:?}");
    house
        .message_is(id, &what, |message| message.state == state)
        .await
}

fn words(house: &House) -> Vec<String> {
    house.sent().into_iter().map(|(_, words)| words).collect()
}

async fn row_14_without_a_prompt_nothing_was_sent_and_it_is_tried_again() {
    let mut house = asked().await;
    house.modem.suffers(Ailment::Promptless { times: 1 });
    let id = house.answers(1, "Yes, it is.").await;
    stands(&mut house, id, DeliveryState::Sent).await;
    assert_eq!(words(&house), ["Yes, it is."]);
}

async fn row_16_a_lost_answer_is_settled_by_its_report() {
    let mut house = asked().await;
    house.modem.hold_result_of_next_send();
    let begun = tokio::time::Instant::now();
    let id = house.answers(1, "Yes, it is.").await;
    let lost = stands(&mut house, id, DeliveryState::Unknown).await;
    // As long as the network may take; then the modem says that it waits for nothing.
    let waited = begun.elapsed();
    assert!(
        (Duration::from_secs(60)..Duration::from_secs(70)).contains(&waited),
        "{waited:?}"
    );
    assert!(lost.reason.unwrap().contains("report is awaited"));
    tokio::time::sleep(Duration::from_secs(300)).await;
    house.modem.report_withheld(0).unwrap();
    stands(&mut house, id, DeliveryState::Delivered).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(words(&house), ["Yes, it is."]);
}

async fn row_16_what_never_left_is_sent_again_once_and_marked() {
    let mut house = asked().await;
    // One that goes well shows that this SIM keeps the last reference.
    let first = house.answers(1, "Yes, it is.").await;
    stands(&mut house, first, DeliveryState::Sent).await;
    tokio::time::sleep(Duration::from_secs(90)).await;

    house.modem.suffers(Ailment::Swallows { texts: 1 });
    let id = house.answers(1, "On the second floor.").await;
    stands(&mut house, id, DeliveryState::Unknown).await;
    assert_eq!(words(&house).len(), 1);
    let sent = stands(&mut house, id, DeliveryState::Sent).await;
    assert!(sent.reason.unwrap().contains("may be doubled"));
    assert_eq!(words(&house), ["Yes, it is.", "On the second floor."]);
    let again = house.modem.submissions().pop().unwrap();
    // TP-RD: the service centre is asked not to take it twice.
    assert_eq!(again.tpdu[0] & 0x04, 0x04);

    // Only once: lost again, it is for a person.
    house.modem.suffers(Ailment::Swallows { texts: 2 });
    let id = house.answers(1, "Ask for the key.").await;
    let asks = |message: &Message| {
        let reason = message.reason.as_deref().unwrap_or_default();
        message.state == DeliveryState::Unknown && reason.contains("send it again if it matters")
    };
    house.message_is(id, "for a person to decide", asks).await;
    tokio::time::sleep(Duration::from_secs(7200)).await;
    assert_eq!(words(&house).len(), 2);
}

async fn row_16_what_may_have_left_is_for_a_person() {
    let mut house = asked().await;
    let first = house.answers(1, "Yes, it is.").await;
    stands(&mut house, first, DeliveryState::Sent).await;
    tokio::time::sleep(Duration::from_secs(90)).await;

    // It left, and the modem never said so: the SIM's reference has moved.
    house.modem.hold_result_of_next_send();
    let id = house.answers(1, "On the second floor.").await;
    let asks = |message: &Message| {
        let reason = message.reason.as_deref().unwrap_or_default();
        message.state == DeliveryState::Unknown && reason.contains("send it again if it matters")
    };
    house.message_is(id, "for a person to decide", asks).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(words(&house), ["Yes, it is.", "On the second floor."]);
    house
        .desk
        .ask(Event::act(
            crate::house::ANA,
            callnumber::routing::ConversationId(1),
            Act::Retry { message: id },
        ))
        .await
        .unwrap();
    stands(&mut house, id, DeliveryState::Sent).await;
    assert_eq!(words(&house).len(), 3);
}

async fn row_17_a_report_wins_over_an_error_and_stops_the_retry() {
    for code in [38, 500, 1] {
        let mut house = asked().await;
        house.modem.suffers(Ailment::Lies { code, texts: 1 });
        let id = house.answers(1, "Yes, it is.").await;
        house
            .message_is(id, "refused", |message| {
                let reason = message.reason.as_deref().unwrap_or_default();
                reason.contains(&format!("CMS ERROR: {code}"))
            })
            .await;
        house.modem.report_withheld(0).unwrap();
        stands(&mut house, id, DeliveryState::Delivered).await;
        tokio::time::sleep(Duration::from_secs(2 * 3600)).await;
        assert_eq!(words(&house), ["Yes, it is."], "{code}");
    }
}

async fn row_17_a_retry_after_an_error_that_proves_nothing_is_marked() {
    let mut house = asked().await;
    let first = house.answers(1, "Yes, it is.").await;
    stands(&mut house, first, DeliveryState::Sent).await;
    tokio::time::sleep(Duration::from_secs(90)).await;

    house.modem.suffers(Ailment::Lies {
        code: 500,
        texts: 1,
    });
    let id = house.answers(1, "On the second floor.").await;
    let sent = stands(&mut house, id, DeliveryState::Sent).await;
    assert!(sent.reason.unwrap().contains("may be doubled"));
    let twice = "On the second floor.";
    assert_eq!(words(&house), ["Yes, it is.", twice, twice]);
    // TP-RD: the service centre is asked not to take it twice.
    let again = house.modem.submissions().pop().unwrap();
    assert_eq!(again.tpdu[0] & 0x04, 0x04);

    // The network's own word is believed.
    house.modem.suffers(Ailment::Lies { code: 38, texts: 1 });
    let id = house.answers(1, "Ask for the key.").await;
    let sent = stands(&mut house, id, DeliveryState::Sent).await;
    assert_eq!(sent.reason, None);
}

async fn row_17_a_sim_that_has_not_moved_says_that_nothing_left() {
    let mut house = asked().await;
    let first = house.answers(1, "Yes, it is.").await;
    stands(&mut house, first, DeliveryState::Sent).await;
    tokio::time::sleep(Duration::from_secs(90)).await;

    house.modem.fail_next_sends(&[500]);
    let id = house.answers(1, "On the second floor.").await;
    let sent = stands(&mut house, id, DeliveryState::Sent).await;
    assert_eq!(sent.reason, None, "it is sent once and not marked");
    assert_eq!(words(&house), ["Yes, it is.", "On the second floor."]);
}

async fn row_18_reports_come_before_the_answer_and_in_national_form() {
    let mut house = asked().await;
    let first = house.answers(1, "Yes, it is.").await;
    stands(&mut house, first, DeliveryState::Sent).await;
    let reference = house.modem.submissions()[0].message_reference;
    let second = house.answers(1, "On the second floor.").await;
    stands(&mut house, second, DeliveryState::Sent).await;

    // In national form, for the first of the two.
    let report = report(reference, "5551230100", 0x00);
    house.modem.deliver_pdu(&report).unwrap();
    stands(&mut house, first, DeliveryState::Delivered).await;
    assert_eq!(house.message(second).await.state, DeliveryState::Sent);

    // Another patron's, under the second one's reference: not for it.
    let reference = house.modem.submissions()[1].message_reference;
    let wrong = self::report(reference, OTHERS[0], 0x00);
    house.modem.deliver_pdu(&wrong).unwrap();
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(house.message(second).await.state, DeliveryState::Sent);

    // Quicker than the answer to +CMGS.
    house.modem.set_reports(ReportPolicy::default());
    house.modem.suffers(Ailment::Late {
        command: "+CMGS".into(),
        by: Duration::from_secs(20),
        times: 1,
    });
    let third = house.answers(1, "Ask for the key.").await;
    stands(&mut house, third, DeliveryState::Delivered).await;
}

/// A status report as the service centre sends it, stamped now.
fn report(reference: u8, recipient: &str, status: u8) -> String {
    let now = callnumber::simulator::Timestamp::now(0).encode();
    let report = SmsStatusReport {
        more_messages: false,
        loop_prevention: false,
        to_command: false,
        message_reference: reference,
        recipient: Address::number(recipient).unwrap(),
        timestamp: callnumber::sms::Timestamp(now),
        discharge: callnumber::sms::Timestamp(now),
        status: Status(status),
        pid: None,
        coding: None,
        user_data: None,
    };
    let pdu = Pdu {
        smsc: Some(Address::number("+15550109999").unwrap()),
        tpdu: Tpdu::StatusReport(report),
    };
    callnumber::sms::hex(&pdu.encode().unwrap())
}

async fn row_19_a_report_that_it_is_still_tried_is_not_the_last() {
    let mut house = asked().await;
    for (last, state) in [
        (0x00, DeliveryState::Delivered),
        (0x41, DeliveryState::Failed),
    ] {
        let id = house.answers(1, "Yes, it is.").await;
        stands(&mut house, id, DeliveryState::Sent).await;
        let number = house.modem.submissions().len() as u64;
        for still in [0x20, 0x30, 0x3F] {
            house.modem.report(number, still).unwrap();
        }
        tokio::time::sleep(Duration::from_secs(120)).await;
        assert_eq!(house.message(id).await.state, DeliveryState::Sent);
        house.modem.report(number, last).unwrap();
        stands(&mut house, id, state).await;
    }
}

async fn row_23_parts_go_back_to_back_on_an_open_link() {
    let mut house = asked().await;
    house.modem.set_send_latency(Duration::from_millis(900));
    let long = "The fourth edition has a green cover and a torn corner. ".repeat(8);
    let from = house.modem.heard().len();
    let id = house.answers(1, &long).await;
    stands(&mut house, id, DeliveryState::Sent).await;
    let heard: Vec<String> = house.modem.heard()[from..]
        .iter()
        .map(|heard| heard.line.clone())
        .filter(|line| line.starts_with("+CM") && !line.starts_with("+CMGL"))
        .collect();
    assert_eq!(heard.first().map(String::as_str), Some("+CMMS=1"));
    let sends = heard
        .iter()
        .filter(|line| line.starts_with("+CMGS"))
        .count();
    assert_eq!(sends, 3, "{heard:?}");
    let sent = house.modem.sent();
    assert_eq!((sent[0].text.as_str(), sent[0].parts), (long.as_str(), 3));
    // Delivered only when every part is.
    house.modem.report(1, 0).unwrap();
    house.modem.report(2, 0).unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(house.message(id).await.state, DeliveryState::Sent);
    house.modem.report(3, 0).unwrap();
    stands(&mut house, id, DeliveryState::Delivered).await;
}

async fn row_33_a_sim_without_a_service_centre_gets_the_configured_one() {
    let modem = modem("simcom-sim7600", |settings| settings.service_centre.clear());
    let line = LineSettings {
        smsc: Some("+15550107777".into()),
        ..LineSettings::new("front-desk", PortChoice::Auto)
    };
    let house = House::with(
        modem,
        Use {
            line,
            ..Use::default()
        },
    )
    .await;
    house.is_ready().await;
    let mut status = house.line.status();
    let known = status.wait_for(|status| status.smsc.as_deref() == Some("+15550107777"));
    tokio::time::timeout(crate::bench::PATIENCE, known)
        .await
        .unwrap()
        .unwrap();
    let heard = house.modem.heard();
    assert!(heard.iter().any(|heard| heard.line.starts_with("+CSCA=")));
}

fn caring(line: LineSettings) -> Use {
    Use {
        line,
        ..Use::default()
    }
}

async fn standing(house: &House) -> lines::Standing {
    house
        .read(|connection| lines::standing(connection, "front-desk"))
        .await
}

async fn row_37_a_text_to_ourselves_proves_both_directions() {
    let line = LineSettings {
        self_test: true,
        ..LineSettings::new("front-desk", PortChoice::Auto)
    };
    let mut house = House::with(modem("quectel-ec25", |_| {}), caring(line)).await;
    house.is_ready().await;
    let test = house
        .until(
            "a text to ourselves that came back",
            async |house: &House| standing(house).await.self_test?.took_ms,
        )
        .await;
    assert!(test < 600_000);
    tokio::time::sleep(Duration::from_secs(23 * 3600)).await;
    assert_eq!(house.sent().len(), 1, "once a day");
    tokio::time::sleep(Duration::from_secs(3 * 3600)).await;
    assert_eq!(house.sent().len(), 2);
    assert!(house.shown().await.is_empty(), "never for the desk");
}

async fn row_37_a_text_to_ourselves_that_is_lost_is_an_alarm() {
    let line = LineSettings {
        self_test: true,
        number: Some("+15550107000".into()), // not ours: it never comes back
        ..LineSettings::new("front-desk", PortChoice::Auto)
    };
    let mut house = House::with(modem("quectel-ec25", |_| {}), caring(line)).await;
    house.is_ready().await;
    let problem = house
        .until("a text to ourselves that failed", async |house: &House| {
            standing(house).await.self_test?.problem
        })
        .await;
    assert!(problem.contains("did not come back"), "{problem}");
}

async fn row_38_texts_keep_their_pace_and_the_balance_is_shown() {
    let how = Use {
        pace: Duration::from_secs(4),
        line: LineSettings {
            balance: Some("*100#".into()),
            ..LineSettings::new("front-desk", PortChoice::Auto)
        },
        ..Use::default()
    };
    let mut house = House::with(modem("quectel-ec25", |_| {}), how).await;
    house.is_ready().await;
    let said = house
        .until("a balance", async |house: &House| {
            standing(house).await.balance?.words
        })
        .await;
    assert_eq!(said, "Balance: $12.34");
    house.modem.patron_texts(PATRON, "Is my book in?").unwrap();
    house.shows(&["Is my book in?"]).await;
    let mut last = MessageId(0);
    for words in ["one", "two", "three"] {
        last = house.answers(1, words).await;
    }
    let from = house.modem.heard().len();
    house
        .message_is(last, "out", |message| {
            matches!(
                message.state,
                DeliveryState::Sent | DeliveryState::Delivered
            )
        })
        .await;
    let starts: Vec<_> = house.modem.heard()[from..]
        .iter()
        .filter(|heard| heard.line.starts_with("+CMGS"))
        .map(|heard| heard.at)
        .collect();
    for pair in starts.windows(2) {
        assert!(pair[1].duration_since(pair[0]) >= Duration::from_secs(4));
    }
}

async fn row_38_a_carrier_that_refuses_one_after_another_rests_the_line() {
    let mut house = asked().await;
    for (patron, conversation) in OTHERS.iter().zip(2..) {
        house.modem.patron_texts(patron, "And mine?").unwrap();
        let count = conversation;
        house
            .until("shown", async |house: &House| {
                (house.shown().await.len() >= count).then_some(())
            })
            .await;
    }
    house.modem.fail_next_sends(&[21, 21, 21]);
    let mut answers = Vec::new();
    for conversation in 1..=3 {
        answers.push(house.answers(conversation, "Yes, it is.").await);
    }
    let pause = house
        .until("a line that rests", async |house: &House| {
            standing(house).await.paused
        })
        .await;
    assert!(pause.reason.contains("carrier"), "{}", pause.reason);
    tokio::time::sleep(Duration::from_secs(1800)).await;
    assert!(house.sent().is_empty(), "it rests");
    // A person ends it before its time.
    let resumed = house
        .spool
        .write(|connection| lines::resume(connection, "front-desk"))
        .await;
    assert!(resumed.unwrap());
    for id in answers {
        stands(&mut house, id, DeliveryState::Sent).await;
    }
    assert_eq!(house.sent().len(), 3);
}

async fn row_49_every_spelling_of_a_refusal_leads_to_another_try() {
    let mut house = asked().await;
    for result in [
        "ERROR",
        "COMMAND NOT SUPPORT",
        "TOO MANY PARAMETERS",
        "+CMS ERROR: Unknown error",
        "+CME ERROR: SIM busy",
    ] {
        house.modem.suffers(Ailment::Refuses {
            command: "+CMGS".into(),
            result: result.into(),
            times: 1,
        });
        let id = house.answers(1, result).await;
        stands(&mut house, id, DeliveryState::Sent).await;
    }
    assert_eq!(house.sent().len(), 5);
    assert!(house.doubled().is_empty());
}
