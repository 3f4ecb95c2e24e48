//! Arrivals that are no plain texts: pictures, calls, lamps, names, nonsense.

use std::time::Duration;

use callnumber::desk::NotGranted;
use callnumber::routing::{Act, ConversationId, Event, Refusal};
use callnumber::simulator::{Ailment, Parts, Timestamp};
use callnumber::sms::{
    self, Address, Body, Concat, DataCoding, Pdu, ProtocolId, SmsDeliver, Tpdu, UserData,
    UserDataHeader,
};

use crate::bench::{Bench, PATRON, modem};
use crate::house::{ANA, House};
use crate::registry::Row;
use crate::rows;

pub fn rows() -> Vec<Row> {
    rows![
        row_20_a_missing_part_leaves_a_gap_and_is_put_in_when_it_comes,
        row_21_references_are_used_again_and_come_in_two_widths,
        row_22_parts_that_cannot_be_are_texts_of_their_own,
        row_24_what_the_network_delivers_again_is_shown_once,
        row_25_a_letter_cut_across_two_parts_is_whole,
        row_28_flash_and_replacing_texts_are_texts_and_lamps_are_not,
        row_29_a_picture_is_shown_as_one_and_answered,
        row_30_names_and_short_codes_are_shown_and_cannot_be_answered,
        row_31_a_robot_is_not_talked_with,
        row_32_a_text_without_words_is_shown_as_empty,
        row_45_a_call_is_hung_up_noted_and_answered_in_text,
        row_45_a_modem_without_chup_hangs_up_in_the_old_way,
        row_46_a_stamp_that_cannot_be_is_not_believed,
        row_47_texts_are_stored_and_need_no_acknowledgement,
    ]
}

async fn house() -> House {
    let house = House::on(modem("quectel-ec25", |_| {})).await;
    house.is_ready().await;
    house
}

/// Longer than any sweep.
async fn a_while() {
    tokio::time::sleep(Duration::from_secs(90)).await;
}

fn stamp() -> sms::Timestamp {
    sms::Timestamp(Timestamp::now(-24).encode())
}

fn deliver(from: Address, user_data: UserData, change: impl FnOnce(&mut SmsDeliver)) -> String {
    let mut deliver = SmsDeliver {
        more_messages: false,
        loop_prevention: false,
        reply_path: false,
        status_report_indication: false,
        originator: from,
        pid: ProtocolId::PLAIN,
        coding: user_data.coding(),
        timestamp: stamp(),
        user_data,
    };
    change(&mut deliver);
    let pdu = Pdu {
        smsc: Some(Address::number("+15550109999").unwrap()),
        tpdu: Tpdu::Deliver(deliver),
    };
    sms::hex(&pdu.encode().unwrap())
}

fn patron() -> Address {
    Address::number(PATRON).unwrap()
}

fn plain(text: &str) -> UserData {
    sms::split(text, 0).unwrap().remove(0)
}

fn part(reference: u16, total: u8, sequence: u8, wide: bool, text: &str) -> String {
    let concat = Concat {
        reference,
        total,
        sequence,
        wide,
    };
    let header = UserDataHeader::concatenation(concat);
    let body = plain(text).body().clone();
    deliver(patron(), UserData::new(Some(header), body).unwrap(), |_| {})
}

async fn row_20_a_missing_part_leaves_a_gap_and_is_put_in_when_it_comes() {
    let mut house = house().await;
    house
        .modem
        .deliver_pdu(&part(9, 3, 3, false, "three"))
        .unwrap();
    house
        .modem
        .deliver_pdu(&part(9, 3, 1, false, "one "))
        .unwrap();
    a_while().await;
    assert!(house.shown().await.is_empty(), "it is waited for");
    tokio::time::sleep(Duration::from_secs(300)).await;
    house.shows(&["one […]three"]).await;
    house
        .modem
        .deliver_pdu(&part(9, 3, 2, false, "two "))
        .unwrap();
    house
        .until("whole", async |house: &House| {
            (house.shown().await == ["one two three"]).then_some(())
        })
        .await;
}

async fn row_21_references_are_used_again_and_come_in_two_widths() {
    let mut house = house().await;
    for pdu in [
        part(5, 2, 1, false, "narrow "),
        part(5, 2, 1, true, "wide "),
        part(5, 2, 2, true, "two"),
        part(5, 2, 2, false, "two"),
    ] {
        house.modem.deliver_pdu(&pdu).unwrap();
    }
    house.shows(&["wide two", "narrow two"]).await;
    // The same reference, and other words in the same place: another text.
    for pdu in [
        part(5, 2, 1, false, "left alone "),
        part(5, 2, 1, false, "begun anew "),
        part(5, 2, 2, false, "and ended"),
    ] {
        house.modem.deliver_pdu(&pdu).unwrap();
    }
    house
        .shows(&[
            "wide two",
            "narrow two",
            "left alone […]",
            "begun anew and ended",
        ])
        .await;
}

async fn row_22_parts_that_cannot_be_are_texts_of_their_own() {
    let mut house = house().await;
    let body = |text: &str| plain(text).body().clone();
    for (octets, text) in [
        (vec![0x00, 0x03, 7, 3, 0], "the noughth of three"),
        (vec![0x00, 0x03, 7, 3, 4], "the fourth of three"),
        (vec![0x00, 0x03, 7, 0, 1], "the first of none"),
    ] {
        let header = UserDataHeader::from_octets(octets).unwrap();
        let user_data = UserData::new(Some(header), body(text)).unwrap();
        let pdu = deliver(patron(), user_data, |_| {});
        house.modem.deliver_pdu(&pdu).unwrap();
    }
    house
        .shows(&[
            "the noughth of three",
            "the fourth of three",
            "the first of none",
        ])
        .await;
    // More parts than any telephone sends.
    let all: Vec<String> = (1..=54u8).map(|n| format!("{n:02}.")).collect();
    for (text, n) in all.iter().zip(1..) {
        house
            .modem
            .deliver_pdu(&part(8, 54, n, false, text))
            .unwrap();
    }
    let whole = all.concat();
    house
        .until("all 54", async |house: &House| {
            house.shown().await.contains(&whole).then_some(())
        })
        .await;
}

async fn row_24_what_the_network_delivers_again_is_shown_once() {
    let mut house = house().await;
    let text = deliver(patron(), plain("Is my book in?"), |_| {});
    house.modem.deliver_pdu(&text).unwrap();
    house.shows(&["Is my book in?"]).await;
    // Long after the first was forgotten by the SIM.
    tokio::time::sleep(Duration::from_secs(3600)).await;
    house.modem.deliver_pdu(&text).unwrap();
    a_while().await;
    assert_eq!(house.shown().await, ["Is my book in?"]);
    assert!(house.modem.stored().is_empty(), "and it is forgotten again");
    // The same words another second are another text.
    let later = deliver(patron(), plain("Is my book in?"), |deliver| {
        deliver.timestamp = sms::Timestamp([0x62, 0x11, 0x52, 0x11, 0x22, 0x33, 0x00]);
    });
    house.modem.deliver_pdu(&later).unwrap();
    house.shows(&["Is my book in?", "Is my book in?"]).await;
}

async fn row_25_a_letter_cut_across_two_parts_is_whole() {
    let mut house = house().await;
    for offset in 0..2 {
        let words = format!("{}{}", "x".repeat(offset), "😀📚".repeat(40));
        let parts = Parts {
            cut_anywhere: true,
            ..Parts::default()
        };
        house.modem.deliver_parts(PATRON, &words, &parts).unwrap();
        house
            .until("every letter", async |house: &House| {
                house.shown().await.contains(&words).then_some(())
            })
            .await;
    }
}

async fn row_28_flash_and_replacing_texts_are_texts_and_lamps_are_not() {
    let mut house = house().await;
    let coded = |text: &str, coding: u8| {
        deliver(patron(), plain(text), |deliver| {
            deliver.coding = DataCoding(coding);
        })
    };
    let meant = |text: &str, pid: u8| {
        deliver(patron(), plain(text), |deliver| {
            deliver.pid = ProtocolId(pid);
        })
    };
    for pdu in [
        coded("flash", 0x10),
        meant("replaces", 0x41),
        meant("replaces it", 0x41),
        meant("type 0", 0x40),
        meant("for the card", 0x7F),
        coded("you have 2 voice messages", 0xC8),
        coded("one more", 0xD8),
    ] {
        house.modem.deliver_pdu(&pdu).unwrap();
    }
    house.shows(&["flash", "replaces", "replaces it"]).await;
    // Class 2 goes to the SIM, whatever memory texts are received in.
    house
        .modem
        .deliver_pdu(&coded("for the SIM", 0x12))
        .unwrap();
    house
        .shows(&["flash", "replaces", "replaces it", "for the SIM"])
        .await;
    a_while().await;
    assert_eq!(house.shown().await.len(), 4);
    assert!(house.modem.stored().is_empty(), "nothing blocks the SIM");
    let archived = house
        .read(|connection| {
            let sql = "SELECT count(*) FROM inbox WHERE state = 'odd' AND pdu IS NOT NULL";
            Ok(connection.query_row(sql, [], |row| row.get::<_, i64>(0))?)
        })
        .await;
    assert_eq!(archived, 3, "two lamps and what was for the card");
}

/// A picture's notice from the carrier's own number, in two parts.
fn picture(sender: &str) -> [String; 2] {
    let mut octets = vec![0x01, 0x06, 0x03, 0xBE, 0xAF, 0x84, 0x8C, 0x82, 0x98];
    octets.extend(b"T1234\0");
    octets.extend([0x8D, 0x90, 0x89]);
    octets.push(u8::try_from(sender.len() + 2).unwrap());
    octets.push(0x80);
    octets.extend(sender.bytes());
    octets.push(0);
    octets.extend([0x8A, 0x80, 0x8E, 0x02, 0x40, 0x00, 0x83]);
    octets.extend(b"http://mms.example/a-rather-long-place-for-a-picture/x\0");
    let (one, two) = octets.split_at(60);
    let half = |octets: &[u8], sequence: u8| {
        let header = vec![
            0x05, 0x04, 0x0B, 0x84, 0x23, 0xF0, // to port 2948
            0x00, 0x03, 0x44, 0x02, sequence,
        ];
        let header = UserDataHeader::from_octets(header).unwrap();
        let data = UserData::new(Some(header), Body::Octets(octets.to_vec())).unwrap();
        deliver(Address::number("+15550109000").unwrap(), data, |_| {})
    };
    [half(one, 1), half(two, 2)]
}

async fn row_29_a_picture_is_shown_as_one_and_answered() {
    let mut house = house().await;
    for pdu in picture("+15551230100/TYPE=PLMN") {
        house.modem.deliver_pdu(&pdu).unwrap();
    }
    house
        .shows(&["(a picture message: this line cannot open pictures)"])
        .await;
    let answer = house.modem.next_sent(crate::bench::PATIENCE).await.unwrap();
    assert_eq!(answer.to, PATRON, "not to the carrier that announced it");
    assert!(
        answer.text.contains("can't open pictures"),
        "{}",
        answer.text
    );
    a_while().await;
    assert!(
        house.modem.stored().is_empty(),
        "deleted: it would jam the SIM"
    );
    // Settings and links are not pictures, and nobody is answered.
    let header = UserDataHeader::from_octets(vec![0x05, 0x04, 0x0B, 0x84, 0x23, 0xF0]).unwrap();
    let push = UserData::new(Some(header), Body::Octets(vec![0x01, 0x06, 0x01, 0xAE])).unwrap();
    let pdu = deliver(Address::number("+15550109000").unwrap(), push, |_| {});
    house.modem.deliver_pdu(&pdu).unwrap();
    house
        .until("the push", async |house: &House| {
            let shown = house.shown().await;
            shown
                .iter()
                .any(|words| words.contains("WAP push"))
                .then_some(())
        })
        .await;
    assert_eq!(house.sent().len(), 1);
}

async fn row_30_names_and_short_codes_are_shown_and_cannot_be_answered() {
    let mut house = house().await;
    let name = Address::name("ELM BANK").unwrap();
    let pdu = deliver(name, plain("Your code is 1234"), |_| {});
    house.modem.deliver_pdu(&pdu).unwrap();
    house.modem.patron_texts("22000", "Offers!").unwrap();
    house.shows(&["Your code is 1234", "Offers!"]).await;
    for conversation in 1..=2 {
        let refused = house
            .desk
            .ask(Event::act(
                ANA,
                ConversationId(conversation),
                Act::send("Thank you."),
            ))
            .await;
        assert!(
            matches!(refused, Err(NotGranted::Refused(Refusal::NotAnswerable))),
            "{refused:?}"
        );
    }
    a_while().await;
    assert!(house.sent().is_empty());
}

async fn row_31_a_robot_is_not_talked_with() {
    let house = house().await;
    // Pictures are answered at any hour: the quickest way to a loop.
    for n in 0..12u8 {
        for pdu in picture("+15551230100/TYPE=PLMN") {
            let again = pdu.replace("0003440", &format!("0003{:02X}0", 0x60 + n));
            house.modem.deliver_pdu(&again).unwrap();
        }
        tokio::time::sleep(Duration::from_secs(600)).await;
    }
    let said = house.sent().len();
    assert!((1..=3).contains(&said), "{said} automatic texts");
    // Nor do we talk with ourselves.
    let ours = house.modem.number();
    house.modem.call(&ours);
    a_while().await;
    assert_eq!(house.sent().len(), said);
}

async fn row_32_a_text_without_words_is_shown_as_empty() {
    let mut house = house().await;
    house.modem.patron_texts(PATRON, "").unwrap();
    house.shows(&["(empty)"]).await;
}

async fn row_45_a_call_is_hung_up_noted_and_answered_in_text() {
    let mut house = house().await;
    house.modem.patron_texts(PATRON, "Is my book in?").unwrap();
    house.shows(&["Is my book in?"]).await;
    house.modem.call(PATRON);
    let answer = house.modem.next_sent(crate::bench::PATIENCE).await.unwrap();
    assert_eq!(answer.to, PATRON);
    assert!(answer.text.contains("text line"), "{}", answer.text);
    let heard = house.modem.heard();
    assert!(heard.iter().any(|heard| heard.line == "+CHUP"));
    let notes = house
        .read(|connection| {
            let sql = "SELECT count(*) FROM note WHERE conversation = 1 AND text LIKE '%voice%'";
            Ok(connection.query_row(sql, [], |row| row.get::<_, i64>(0))?)
        })
        .await;
    assert_eq!(notes, 1);
    // One call is told once, however long it rings; and texts go on.
    a_while().await;
    assert_eq!(house.sent().len(), 1);
    house.answers(1, "Yes, it is.").await;
    let answer = house.modem.next_sent(crate::bench::PATIENCE).await.unwrap();
    assert_eq!(answer.text, "Yes, it is.");
}

async fn row_45_a_modem_without_chup_hangs_up_in_the_old_way() {
    let bench = Bench::ready("quectel-ec25").await;
    bench.modem.suffers(Ailment::Refuses {
        command: "+CHUP".into(),
        result: "ERROR".into(),
        times: u32::MAX,
    });
    a_while().await;
    let mut calls = bench.line.calls();
    bench.modem.call(PATRON);
    let call = tokio::time::timeout(crate::bench::PATIENCE, calls.recv())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(call.from.as_deref(), Some(PATRON));
    a_while().await;
    let heard: Vec<String> = bench.modem.heard().into_iter().map(|h| h.line).collect();
    assert!(heard.iter().any(|line| line == "H"), "{heard:?}");
}

async fn row_46_a_stamp_that_cannot_be_is_not_believed() {
    let mut house = house().await;
    for (text, octets) in [
        (
            "from the future",
            [0x99, 0x11, 0x52, 0x11, 0x22, 0x33, 0x00],
        ),
        ("from the past", [0x02, 0x11, 0x52, 0x11, 0x22, 0x33, 0x00]),
        ("of no time", [0xFF; 7]),
    ] {
        let pdu = deliver(patron(), plain(text), |deliver| {
            deliver.timestamp = sms::Timestamp(octets);
        });
        house.modem.deliver_pdu(&pdu).unwrap();
    }
    house.modem.patron_texts(PATRON, "of now").unwrap();
    house
        .shows(&["from the future", "from the past", "of no time", "of now"])
        .await;
    let stamped = house
        .read(|connection| {
            let sql = "SELECT group_concat(stamped IS NOT NULL) FROM
                       (SELECT stamped FROM message WHERE direction = 'in' ORDER BY id)";
            Ok(connection.query_row(sql, [], |row| row.get::<_, String>(0))?)
        })
        .await;
    assert_eq!(stamped, "0,0,0,1", "ordered by arrival");
}

async fn row_47_texts_are_stored_and_need_no_acknowledgement() {
    let bench = Bench::ready("huawei-e3372").await;
    bench.modem.patron_texts(PATRON, "Is my book in?").unwrap();
    bench.reads(&["Is my book in?"]).await;
    let heard = bench.modem.heard();
    let asked = |begins: &str| heard.iter().filter(|h| h.line.starts_with(begins)).count();
    assert!(asked("+CNMI=2,1,") > 0, "stored, and announced");
    assert!(asked("+CSMS=0") > 0, "phase 2, without acknowledgements");
    assert_eq!(asked("+CNMA"), 0);
}
