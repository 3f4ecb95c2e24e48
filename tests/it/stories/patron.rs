//! What patrons are told.

use callnumber::routing::{Amendment, OfflinePolicy, Role};
use callnumber::simulator::{Parts, Timestamp};
use serde_json::{Value, json};

use super::house::{House, Librarian, until, wait};
use super::{MONDAY_10_AM, PAT, SUE, SUNDAY_11_PM, set_hours};

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
            "Elm Library is closed now. Your text is saved. A librarian will reply after we open \
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
        (
            "STOP",
            "Elm Library: you are opted out and will get no more texts from us. Text START to opt \
             back in.",
        ),
        (
            "start",
            "Elm Library: thanks, you are opted back in. Text us a question any time.",
        ),
        (
            "Help",
            "Elm Library text line: ask us anything. elm.example/hours or call 555-0100. Msg&data \
             rates may apply. STOP to opt out, FORGET to erase your texts.",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        house.modem.patron_texts(PAT, words).unwrap();
        let said = house.until_told(PAT, at + 1).await;
        assert_eq!(said[at], told);
    }
    assert!(ana.list().await.is_empty(), "it wakes nobody");
    house.modem.patron_texts(SUE, "My secret").unwrap();
    ana.sees(1).await;
    house.modem.patron_texts(SUE, "Forget").unwrap();
    let said = house.until_told(SUE, 1).await;
    assert_eq!(
        said,
        [
            "Elm Library: your texts and number are erased from our system. Copies on your phone \
          and with your carrier remain."
        ]
    );
    ana.sees(0).await;
    let closed = ana.get("/conversations?state=closed").await;
    assert!(!closed.to_string().contains("My secret"));
}

#[tokio::test(start_paused = true)]
async fn patron_who_said_stop_hears_no_more_whoever_tries() {
    let house = House::open(MONDAY_10_AM).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    ana.arrives().await;
    house.modem.patron_texts(PAT, "Is my book in?").unwrap();
    let id = ana.sees(1).await[0]["id"].clone();
    // The confirmation is the last text there is: the block applies after it.
    house.modem.patron_texts(PAT, "Stop").unwrap();
    let told = house.until_told(PAT, 1).await;
    assert!(told[0].contains("opted out"), "{told:?}");
    let (status, problem) = ana.answers(&id, "It is in.").await;
    assert_eq!(status, 409, "{problem}");
    assert!(
        problem["detail"].as_str().unwrap().contains("opted out"),
        "{problem}"
    );
    for words in ["Stop", "hello?"] {
        house.modem.patron_texts(PAT, words).unwrap();
        wait(3600).await;
    }
    house.modem.call(PAT);
    wait(3600).await;
    assert_eq!(house.told(PAT), told, "not a word");
    // START, and a person may answer again.
    house.modem.patron_texts(PAT, "START").unwrap();
    house.until_told(PAT, 2).await;
    let list = ana.list().await;
    let again = list.first().map_or(&id, |open| &open["id"]);
    assert_eq!(ana.answers(again, "It is in.").await.0, 201);
    assert_eq!(house.until_told(PAT, 3).await[2], "It is in.");
}

#[tokio::test(start_paused = true)]
async fn patron_is_one_to_the_desk_however_the_number_is_spelled() {
    const SPELLINGS: [&str; 5] = [
        PAT,
        "(555) 123-0100",
        "555.123.0100",
        "1 555 123 0100",
        "011 1 555-123-0100",
    ];
    let house = House::open(MONDAY_10_AM).await;
    let ana = house.hire("ana", Role::Admin, &["desk"]).await;
    ana.arrives().await;
    house
        .modem
        .patron_texts(PAT, "Please stop texting me")
        .unwrap();
    let id = ana.sees(1).await[0]["id"].clone();
    let (status, out) = ana
        .call("POST", &format!("/conversations/{id}/opt-out"), None)
        .await;
    assert_eq!((status, &out["opted_out"]), (200, &json!(true)), "{out}");
    for spelling in SPELLINGS {
        // Opted out, found and held, by any of them.
        let begun = json!({ "to": spelling, "body": "By the way" });
        let (status, refused) = ana.call("POST", "/conversations", Some(begun)).await;
        assert_eq!(status, 409, "{spelling}: {refused}");
        let number = Some(json!({ "number": spelling }));
        let (_, found) = ana.call("POST", "/search/number", number).await;
        assert_eq!(found["items"][0]["conversation"]["id"], id, "{spelling}");
        let patron = Some(json!({ "patron": spelling }));
        let (_, held) = ana.call("POST", "/patrons/export", patron).await;
        assert_eq!(held["conversations"][0]["id"], id, "{spelling}: {held}");
        assert_eq!(held["known_as"][0]["opted_out"], true, "{spelling}");
    }
    assert_eq!(house.told(PAT), [""; 0], "not a word");
    for (time, spelling) in SPELLINGS.into_iter().enumerate() {
        // Other words each time: the same text from the network twice is one.
        let words = format!("Is it in after all? {time}");
        house.modem.patron_texts(PAT, &words).unwrap();
        ana.sees(1).await;
        let patron = Some(json!({ "patron": spelling }));
        let (status, erased) = ana.call("POST", "/patrons/erase", patron).await;
        assert_eq!(status, 200, "{spelling}: {erased}");
        ana.sees(0).await;
        // An erased number stays opted out.
        let begun = json!({ "to": spelling, "body": "By the way" });
        let (status, _) = ana.call("POST", "/conversations", Some(begun)).await;
        assert_eq!(status, 409, "{spelling}");
    }
}

#[tokio::test(start_paused = true)]
async fn patron_who_opts_out_gets_nothing_that_still_waited() {
    let house = House::open(MONDAY_10_AM).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    ana.arrives().await;
    house
        .modem
        .patron_texts(PAT, "Please stop texting me")
        .unwrap();
    let id = ana.sees(1).await[0]["id"].clone();
    house.modem.set_sim_inserted(false);
    until("the SIM is missed", async || {
        (ana.get("/modems").await["items"][0]["phase"] != "ready").then_some(())
    })
    .await;
    assert_eq!(ana.answers(&id, "One more thing.").await.0, 201);
    let opt_out = format!("/conversations/{id}/opt-out");
    assert_eq!(ana.call("POST", &opt_out, None).await.0, 200);
    house.modem.set_sim_inserted(true);
    let refused = until("the answer is given up", async || {
        let thread = ana.thread(&id).await;
        let answer = thread["messages"]
            .as_array()
            .unwrap()
            .last()
            .unwrap()
            .clone();
        (answer["state"] == "failed").then_some(answer)
    })
    .await;
    let reason = refused["reason"].as_str().unwrap();
    assert!(reason.contains("opted out before it left"), "{refused}");
    assert_eq!(house.told(PAT), [""; 0], "not a word");
}

#[tokio::test(start_paused = true)]
async fn patron_texts_a_line_that_keeps_nothing_while_nobody_is_there() {
    let house = House::open(SUNDAY_11_PM).await;
    set_hours(&house).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    house
        .amend(Amendment::SetGateway {
            name: "front-desk".into(),
            queue: None,
            line: None,
            policy: Some(OfflinePolicy::Refuse),
            closed_notice: None,
        })
        .await;
    house.modem.patron_texts(PAT, "Is my book in?").unwrap();
    assert_eq!(
        house.until_told(PAT, 1).await,
        [
            "Chat is offline. Elm Library did not keep this text. We open Mon 9am; please text \
          again then or call 555-0100."
        ]
    );
    house.modem.patron_texts(PAT, "Hello?").unwrap();
    wait(10 * 3600).await;
    assert_eq!(house.told(PAT).len(), 1, "once for the night");
    assert_eq!(ana.arrives().await, "nobody is waiting");
    let kept = ana.get("/conversations?state=closed").await.to_string();
    assert!(!kept.contains("Is my book in?") && !kept.contains("Hello?"));
    // By day the same line takes texts.
    house.modem.patron_texts(PAT, "Good morning").unwrap();
    let list = ana.sees(1).await;
    assert_eq!(ana.answers(&list[0]["id"], "Good morning!").await.0, 201);
    assert_eq!(house.until_told(PAT, 2).await[1], "Good morning!");
}

#[tokio::test(start_paused = true)]
async fn patron_texts_while_the_line_is_down_and_is_told_so_once() {
    let house = House::open(MONDAY_10_AM).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    ana.arrives().await;
    wait(60).await; // the line is seen at work
    house.modem.unplug().await;
    wait(3600).await;
    // The network keeps what comes meanwhile, with the time it came.
    let quarter_past = Parts {
        stamp: Some(Timestamp {
            unix: house.spool.now().as_second() - 45 * 60,
            zone_quarters: -24,
        }),
        ..Parts::default()
    };
    for words in ["Is my book in?", "It is blue"] {
        let kept = house.modem.deliver_parts(PAT, words, &quarter_past);
        kept.unwrap();
    }
    wait(1800).await;
    house.modem.replug().await.unwrap();
    ana.arrives().await;
    let id = ana.sees(1).await[0]["id"].clone();
    until_words(&ana, &id, "It is blue").await;
    let told = house.until_told(PAT, 1).await;
    let (from, to) = told[0]
        .strip_prefix("Elm Library: sorry, our text line was down ")
        .and_then(|rest| rest.strip_suffix(". We have your message and will reply today."))
        .and_then(|times| times.split_once('-'))
        .unwrap_or_else(|| panic!("{told:?}"));
    assert!(
        from.starts_with("10") && from.ends_with("am") && to.starts_with("11:3"),
        "{told:?}"
    );
    // Once; and what comes in time is no excuse.
    assert_eq!(ana.answers(&id, "It is in.").await.0, 201);
    house.modem.patron_texts(SUE, "Hello").unwrap();
    ana.sees(2).await;
    wait(100).await;
    assert_eq!(house.told(PAT), [told[0].as_str(), "It is in."]);
    assert_eq!(house.told(SUE).len(), 0);
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
    assert_eq!(
        told,
        [
            "Elm Library: got it. Our librarians are helping others; one will text you back soon. \
          In a hurry? Call 555-0100."
        ]
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
