//! What librarians see and do.

use callnumber::routing::{Amendment, Role};
use serde_json::json;

use super::house::{House, Opening, Sent, until, wait};
use super::{MONDAY_10_AM, PAT, SUE, SUNDAY_11_PM};

#[tokio::test(start_paused = true)]
async fn operator_signs_in_to_four_waiting_oldest_first() {
    let house = House::open(SUNDAY_11_PM).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    for n in 0..4 {
        let from = format!("+1555123010{n}");
        house
            .modem
            .patron_texts(&from, &format!("text {n}"))
            .unwrap();
        house.until_told(&from, 1).await;
        wait(600).await;
    }
    wait(13 * 3600 + 1200).await;
    assert_eq!(ana.arrives().await, "4 waiting, oldest 14 h");
    let list = ana.sees(4).await;
    for (n, conversation) in list.iter().enumerate() {
        assert_eq!(conversation["state"], "waiting");
        assert_eq!(ana.words(&conversation["id"]).await[0], format!("text {n}"));
        // Each with its age.
        let since: jiff::Timestamp = conversation["waiting_since"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        let age = house.spool.now().duration_since(since).as_secs();
        let expected = 14 * 3600 - 600 * i64::try_from(n).unwrap();
        assert!((expected..expected + 300).contains(&age), "{n}: {age} s");
    }
    // Who has nothing before them is told that too.
    let ben = house.hire("ben", Role::Operator, &[]).await;
    assert_eq!(ben.arrives().await, "nobody is waiting");
}

#[tokio::test(start_paused = true)]
async fn operator_claims_by_answering_and_a_colleague_keeps_the_draft() {
    let house = House::open(MONDAY_10_AM).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    let ben = house.hire("ben", Role::Operator, &["desk"]).await;
    ana.arrives().await;
    ben.arrives().await;
    house.modem.patron_texts(PAT, "Is my book in?").unwrap();
    let id = ana.sees(1).await[0]["id"].clone();
    assert_eq!(ana.answers(&id, "Yes.").await.0, 201);
    let (status, problem) = ben.answers(&id, "Let me look.").await;
    assert_eq!(status, 409);
    assert_eq!(problem["detail"], "answered by ana");
    assert_eq!(problem["draft"], "Let me look.");
    house.until_told(PAT, 1).await;
    wait(60).await;
    assert_eq!(house.told(PAT), ["Yes."]);
}

#[tokio::test(start_paused = true)]
async fn operator_transfers_to_a_queue_and_it_is_accepted_by_ben() {
    let house = House::open(MONDAY_10_AM).await;
    house
        .amend(Amendment::AddQueue {
            name: "maps".into(),
        })
        .await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    let ben = house.hire("ben", Role::Operator, &["maps"]).await;
    ana.arrives().await;
    ben.arrives().await;
    house
        .modem
        .patron_texts(PAT, "Is there a map of the mill?")
        .unwrap();
    let id = ana.sees(1).await[0]["id"].clone();
    let claim = format!("/conversations/{id}/claim");
    assert_eq!(ana.call("POST", &claim, None).await.0, 200);
    let hand_over = json!({ "to": "queue:maps", "note": "the old mill" });
    let path = format!("/conversations/{id}/transfer");
    assert_eq!(ana.call("POST", &path, Some(hand_over)).await.0, 200);
    ben.sees(1).await;
    assert_eq!(ben.call("POST", &claim, None).await.0, 200);
    assert_eq!(
        ben.notes(&id).await,
        ["ana hands over to maps: the old mill", "accepted by ben"]
    );
    // And one that nobody accepts falls back after a minute.
    house.modem.patron_texts(SUE, "Another map?").unwrap();
    let second = ana.sees(1).await[0]["id"].clone();
    let claim = format!("/conversations/{second}/claim");
    assert_eq!(ana.call("POST", &claim, None).await.0, 200);
    let path = format!("/conversations/{second}/transfer");
    let hand_over = json!({ "to": "queue:maps" });
    assert_eq!(ana.call("POST", &path, Some(hand_over)).await.0, 200);
    wait(61).await;
    let thread = ana.thread(&second).await;
    assert_eq!(thread["claimed_by"], "ana");
    assert_eq!(thread["transfer"], json!(null));
}

#[tokio::test(start_paused = true)]
async fn operator_browser_dies_and_after_90_seconds_it_is_returned_to_the_queue() {
    let house = House::open(MONDAY_10_AM).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    let ben = house.hire("ben", Role::Operator, &["desk"]).await;
    ana.arrives().await;
    ben.arrives().await;
    house.modem.patron_texts(PAT, "Is my book in?").unwrap();
    let id = ana.sees(1).await[0]["id"].clone();
    assert_eq!(ana.answers(&id, "One moment.").await.0, 201);
    house.modem.patron_texts(PAT, "Thanks").unwrap();
    house.until_told(PAT, 1).await;
    ana.vanishes();
    wait(80).await;
    assert_eq!(ben.thread(&id).await["claimed_by"], "ana");
    wait(15).await;
    let thread = ben.thread(&id).await;
    assert_eq!(thread["state"], "waiting");
    assert!(
        ben.notes(&id)
            .await
            .contains(&"returned to the queue: ana disconnected".to_owned())
    );
    assert_eq!(ben.answers(&id, "It is in.").await.0, 201);
}

#[tokio::test(start_paused = true)]
async fn operator_reply_fails_with_the_reason_in_words_and_a_retry() {
    let house = House::open(MONDAY_10_AM).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    ana.arrives().await;
    house.modem.patron_texts(PAT, "Is my book in?").unwrap();
    let id = ana.sees(1).await[0]["id"].clone();
    // Unassigned number (TS 24.011 annex E, cause 1): no use trying again.
    house.modem.fail_next_sends(&[1]);
    let (_, sent) = ana.answers(&id, "Yes.").await;
    let message = sent["id"].clone();
    let failed = until("it failed", async || {
        let thread = ana.thread(&id).await;
        let messages = thread["messages"].as_array().unwrap().clone();
        messages
            .into_iter()
            .find(|m| m["id"] == message && m["state"] == "failed")
    })
    .await;
    let reason = failed["reason"].as_str().unwrap();
    assert!(reason.contains("there is no such number"), "{failed}");
    let retry = format!("/conversations/{id}/messages/{message}/retry");
    assert_eq!(ana.call("POST", &retry, None).await.0, 200);
    assert_eq!(house.until_told(PAT, 1).await, ["Yes."]);
}

#[tokio::test(start_paused = true)]
async fn operator_sends_a_file_and_a_telephone_gets_a_short_link() {
    let house = House::open_with(
        MONDAY_10_AM,
        Opening {
            public_url: Some("https://desk.elm.example"),
            ..Opening::default()
        },
    )
    .await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    ana.arrives().await;
    house.modem.patron_texts(PAT, "A map of the mill?").unwrap();
    let id = ana.sees(1).await[0]["id"].clone();
    let link = ana.attaches(&id, "mill.pdf", b"%PDF-1.4 the mill").await;
    assert!(link.len() < 45, "{link} is long for a text");
    assert_eq!(ana.answers(&id, &format!("Here: {link}")).await.0, 201);
    assert_eq!(house.until_told(PAT, 1).await, [format!("Here: {link}")]);
    // The telephone follows it.
    let path = link.strip_prefix("https://desk.elm.example").unwrap();
    let file = house.request("GET", path, "", Sent::Nothing).await;
    assert_eq!(
        (file.status, file.kind.as_str(), file.body.as_slice()),
        (200, "application/pdf", &b"%PDF-1.4 the mill"[..])
    );
}
