//! What patrons are told.

use callnumber::routing::Role;
use serde_json::Value;

use crate::house::{House, Librarian, until, wait};
use crate::{MONDAY_10_AM, PAT, SUE, SUNDAY_11_PM, set_hours};

#[tokio::test(start_paused = true)]
async fn patron_asks_while_open_and_only_a_persons_reply_comes_back() {
    let house = House::open(MONDAY_10_AM).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    ana.arrives().await;
    house.modem.patron_texts(PAT, "Is my book in?").unwrap();
    let list = ana.sees(1).await;
    assert_eq!(ana.answers(&list[0]["id"], "Yes, it is.").await.0, 201);
    house.until_told(PAT, 1).await;
    wait(600).await;
    assert_eq!(house.told(PAT), ["Yes, it is."]);
}

#[tokio::test(start_paused = true)]
async fn patron_texts_at_11_pm_and_mondays_reply_threads_both() {
    let house = House::open(SUNDAY_11_PM).await;
    set_hours(&house).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    house.modem.patron_texts(PAT, "Is my book in?").unwrap();
    let told = house.until_told(PAT, 1).await;
    assert_eq!(
        told,
        [
            "Elm Library is closed now. Your text is saved; a librarian will reply after we open \
          Mon 9am. Urgent? Call 555-0100. Reply STOP to opt out."
        ]
    );
    wait(300).await;
    house.modem.patron_texts(PAT, "And are you open?").unwrap();
    wait(10 * 3600).await;
    assert_eq!(house.told(PAT).len(), 1, "silence");
    ana.arrives().await;
    let list = ana.sees(1).await;
    let id = &list[0]["id"];
    assert_eq!(ana.answers(id, "Yes, and until five.").await.0, 201);
    house.until_told(PAT, 2).await;
    assert_eq!(
        ana.words(id)
            .await
            .iter()
            .filter(|w| *w != &told[0])
            .collect::<Vec<_>>(),
        [
            "Is my book in?",
            "And are you open?",
            "Yes, and until five."
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn patron_says_stop_start_help_and_forget() {
    let house = House::open(MONDAY_10_AM).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    ana.arrives().await;
    for (at, (words, told)) in [
        ("STOP", "you are opted out and will get no more texts"),
        ("start", "you are opted back in"),
        ("Help", "ask us anything"),
    ]
    .into_iter()
    .enumerate()
    {
        house.modem.patron_texts(PAT, words).unwrap();
        let said = house.until_told(PAT, at + 1).await;
        assert!(said[at].contains(told), "{said:?}");
    }
    assert!(ana.list().await.is_empty(), "it wakes nobody");
    house.modem.patron_texts(SUE, "My secret").unwrap();
    ana.sees(1).await;
    house.modem.patron_texts(SUE, "Forget").unwrap();
    let said = house.until_told(SUE, 1).await;
    assert!(said[0].contains("erased from our system"), "{said:?}");
    ana.sees(0).await;
    let closed = ana.get("/conversations?state=closed").await;
    assert!(!closed.to_string().contains("My secret"));
}

#[tokio::test(start_paused = true)]
async fn patron_waits_three_minutes_and_is_told_once() {
    let house = House::open(MONDAY_10_AM).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    ana.arrives().await;
    house.modem.patron_texts(PAT, "Is my book in?").unwrap();
    ana.sees(1).await;
    wait(170).await;
    assert!(house.told(PAT).is_empty());
    wait(3600).await;
    let told = house.told(PAT);
    assert_eq!(told.len(), 1);
    assert!(
        told[0].contains("Our librarians are helping others"),
        "{told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn patron_sends_a_photo_and_is_asked_to_describe_it() {
    let house = House::open(MONDAY_10_AM).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    ana.arrives().await;
    house.modem.deliver_pdu(&picture_notice(PAT)).unwrap();
    let list = ana.sees(1).await;
    assert_eq!(
        house.until_told(PAT, 1).await,
        [
            "Elm Library: this line can't open pictures. Please describe it in a text or email \
          ask@elm.example"
        ]
    );
    let words = ana.words(&list[0]["id"]).await;
    assert_eq!(
        words[0],
        "(a picture message: this line cannot open pictures)"
    );
    // They describe it, in the same thread, and a person answers.
    house.modem.patron_texts(PAT, "A map of the mill").unwrap();
    until_words(&ana, &list[0]["id"], "A map of the mill").await;
    assert_eq!(ana.answers(&list[0]["id"], "From 1890!").await.0, 201);
    assert_eq!(house.until_told(PAT, 2).await[1], "From 1890!");
}

async fn until_words(librarian: &Librarian, id: &Value, words: &str) {
    until(words, async || {
        let thread = librarian.words(id).await;
        thread.iter().any(|said| said == words).then_some(())
    })
    .await;
}

/// What a carrier sends when a picture waits (OMA-TS-MMS-ENC, m-notification-ind), from its own
/// number, as a service centre address and a TPDU (TS 23.040 §9.2.2.1).
fn picture_notice(from: &str) -> String {
    let sender = format!("{from}/TYPE=PLMN");
    let mut notice = vec![0x01, 0x06, 0x03, 0xBE, 0xAF, 0x84]; // WSP push, mms-message
    notice.extend([0x8C, 0x82, 0x98]);
    notice.extend(b"T1\0");
    notice.extend([0x8D, 0x90, 0x89]);
    notice.push(u8::try_from(sender.len() + 2).unwrap());
    notice.push(0x80);
    notice.extend(sender.bytes());
    notice.push(0);
    notice.extend([0x8A, 0x80, 0x8E, 0x02, 0x40, 0x00, 0x83]);
    notice.extend(b"http://mms.example/x\0");
    let header = [0x06, 0x05, 0x04, 0x0B, 0x84, 0x23, 0xF0]; // to port 2948
    let mut pdu = vec![0x00, 0x44]; // no service centre; SMS-DELIVER with a user data header
    pdu.extend([0x0B, 0x91, 0x51, 0x55, 0x10, 0x90, 0x00, 0xF0]); // +15550109000, the carrier
    pdu.extend([0x00, 0x04]); // 8-bit data
    pdu.extend([0x62, 0x21, 0x70, 0x01, 0x00, 0x00, 0x42]); // 2026-12-07 10:00:00 -06:00
    pdu.push(u8::try_from(header.len() + notice.len()).unwrap());
    pdu.extend(header);
    pdu.extend(notice);
    pdu.iter().map(|octet| format!("{octet:02X}")).collect()
}

#[tokio::test(start_paused = true)]
async fn patron_calls_and_is_told_what_the_line_is_for() {
    let house = House::open(MONDAY_10_AM).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    ana.arrives().await;
    house.modem.call(SUE);
    let told = house.until_told(SUE, 1).await;
    assert_eq!(
        told,
        [
            "Elm Library text line: ask us anything. elm.example/hours or call 555-0100. Msg&data \
          rates may apply. STOP to opt out, FORGET to erase your texts."
        ]
    );
    assert!(ana.list().await.is_empty(), "a call wakes nobody");
    // Whoever is in a thread already has the call noted there.
    house.modem.patron_texts(PAT, "Is my book in?").unwrap();
    let id = ana.sees(1).await[0]["id"].clone();
    house.modem.call(PAT);
    until("the call is noted", async || {
        let notes = ana.notes(&id).await;
        notes
            .iter()
            .any(|note| note.starts_with("called by voice"))
            .then_some(())
    })
    .await;
}
