//! What becomes of texts that were not simply taken.

use super::*;
use callnumber::desk::{NotGranted, SEGMENTS_MAX};
use callnumber::modem::Lines;
use callnumber::routing::{Act, Refusal};
use callnumber::texting::Stranded;

async fn refuse_with(house: &mut House, code: u16, remedy: Remedy) -> SmsSubmit {
    let (submit, submission) = house.next().await;
    let refusal = SubmitRefusal {
        code: Some(code),
        words: format!("the modem said +CMS ERROR: {code}"),
        remedy,
        may_have_left: code == 500,
    };
    submission
        .outcome
        .send(SubmitOutcome::Refused(refusal))
        .unwrap();
    submit
}

#[tokio::test]
async fn an_attempt_is_on_disk_before_it_is_made_however_fast_they_follow() {
    let mut house = House::asked(FREELY).await;
    let mut last = MessageId(0);
    for n in 1..=5 {
        last = house.reply(&format!("part {n}")).await;
    }
    for n in 1..=5 {
        let (_, submission) = house.next().await;
        let on_disk = "SELECT count(*) FROM segment WHERE state = 'attempting'";
        assert_eq!(house.count(on_disk).await, 1, "{n}");
        let done = "SELECT count(*) FROM segment WHERE state = 'accepted'";
        assert_eq!(house.count(done).await, n - 1);
        let outcome = SubmitOutcome::Accepted {
            message_reference: u8::try_from(n).unwrap(),
        };
        submission.outcome.send(outcome).unwrap();
    }
    house.expect_state(last, DeliveryState::Sent).await;
    house.expect_silence().await;
}

#[tokio::test]
async fn what_nobody_could_send_in_a_day_fails_in_words_and_is_not_sent_late() {
    let mut house = House::asked(FREELY).await;
    house
        .status
        .send_modify(|status| status.phase = Phase::Starting);
    let id = house.reply("Yes.").await;
    house
        .sql("UPDATE outbox SET made = made - 86500000, problem = 'no network'")
        .await;
    house
        .status
        .send_modify(|status| status.phase = Phase::Ready);
    let why = house.expect_state(id, DeliveryState::Failed).await.unwrap();
    assert!(
        why.contains("within a day") && why.contains("no network"),
        "{why}"
    );
    house.expect_silence().await;
}

#[tokio::test]
async fn what_the_service_centre_has_had_before_is_sent_and_its_report_is_known() {
    let mut house = House::asked(FREELY).await;
    let id = house.reply("Yes.").await;
    let (_, submission) = house.next().await;
    submission.outcome.send(SubmitOutcome::Duplicate).unwrap();
    house.expect_state(id, DeliveryState::Sent).await;
    assert!(house.sweep(&[report(77, PATRON, 0x00)]).await);
    house.expect_state(id, DeliveryState::Delivered).await;
    house.expect_silence().await;
}

#[tokio::test]
async fn a_centre_that_takes_no_validity_gets_none_once() {
    let mut house = House::asked(FREELY).await;
    let id = house.reply("Yes.").await;
    let first = refuse_with(&mut house, 198, Remedy::WithoutValidity).await;
    assert!(first.validity.is_some());
    house.expect_look().await;
    let second = refuse_with(&mut house, 198, Remedy::WithoutValidity).await;
    assert_eq!(
        second,
        SmsSubmit {
            validity: None,
            ..first
        }
    );
    house.expect_state(id, DeliveryState::Failed).await;
    house.expect_silence().await;
}

#[tokio::test]
async fn three_recipients_in_a_row_rest_the_line_and_an_hour_ends_it() {
    let mut house = House::asked(FREELY).await;
    for (n, patron) in [(1, "+15551230101"), (2, "+15551230102")] {
        assert!(house.sweep(&[deliver(patron, "And mine?", n)]).await);
    }
    house
        .expect_texts(&["Is my book in?", "And mine?", "And mine?"])
        .await;
    for conversation in 1..=3 {
        let sent = house.desk.ask(Event::act(
            ANA,
            ConversationId(conversation),
            Act::send("Yes."),
        ));
        sent.await.unwrap();
    }
    for _ in 1..=3 {
        refuse_with(&mut house, 21, Remedy::Carrier).await;
    }
    let waited = timeout(PATIENCE, async {
        while house
            .count("SELECT count(*) FROM standing WHERE paused_until IS NOT NULL")
            .await
            == 0
        {
            tokio::task::yield_now().await;
        }
    });
    waited.await.expect("it rests");
    house.sql("UPDATE outbox SET not_before = 0").await;
    let later = house.reply("Still there?").await;
    house.expect_state(later, DeliveryState::Queued).await;
    assert!(house.submissions.try_recv().is_err(), "it rests");
    // The time is over.
    house
        .sql("UPDATE standing SET paused_at = paused_at - 3700000, paused_until = paused_until - 3700000")
        .await;
    // A bell: otherwise it is the minute that is waited for.
    let last = house.reply("Hello?").await;
    for n in 1..=3 {
        house.accept(n).await;
    }
    assert_eq!(house.accept(4).await, "Still there?");
    house.expect_state(later, DeliveryState::Sent).await;
    assert_eq!(house.accept(5).await, "Hello?");
    house.expect_state(last, DeliveryState::Sent).await;
    let streak = "SELECT count(*) FROM standing WHERE refused <> '[]'";
    assert_eq!(house.count(streak).await, 0, "one that is taken ends it");
}

#[tokio::test]
async fn ten_texts_are_the_most_for_one_answer_whoever_sends_it() {
    let house = House::asked(FREELY).await;
    let long = "A long answer about old maps. ".repeat(60);
    let (gateway, to) = (callnumber::routing::GatewayId(1), PATRON.to_owned());
    for event in [
        Event::act(
            ANA,
            ConversationId(1),
            Act::Send {
                body: long.clone(),
                client_id: Some("a".into()),
            },
        ),
        Event::Write {
            gateway,
            to,
            body: long.clone(),
        },
    ] {
        let refused = house.desk.ask(event).await;
        assert!(
            matches!(
                refused,
                Err(NotGranted::Refused(Refusal::TooLong {
                    most: SEGMENTS_MAX,
                    ..
                }))
            ),
            "{refused:?}"
        );
    }
    assert_eq!(house.count("SELECT count(*) FROM outbox").await, 0);
}

#[tokio::test]
async fn what_can_never_be_kept_keeps_nothing_else_from_it() {
    let mut house = House::new(INBOUND_ONLY).await;
    house
        .sql(
            "CREATE TRIGGER poison BEFORE INSERT ON message WHEN NEW.body = 'poison'
             BEGIN SELECT RAISE(ABORT, 'never'); END",
        )
        .await;
    let gateway = callnumber::routing::GatewayId(1);
    let mut answers = Vec::new();
    for body in ["one", "poison", "two", "three"] {
        let event = Event::TextArrived {
            gateway,
            from: PATRON.into(),
            body: body.into(),
            stamped_at: None,
        };
        let arrivals = Arrivals::None;
        let posted = house.desk.post(Wish::Happened { event, arrivals }).await;
        answers.push((body, posted.unwrap()));
    }
    for (body, answer) in answers {
        let kept = timeout(PATIENCE, answer).await.unwrap().unwrap();
        assert_eq!(kept.is_ok(), body != "poison", "{body}: {kept:?}");
    }
    house.expect_texts(&["one", "two", "three"]).await;
}

#[tokio::test]
async fn texts_whose_line_is_gone_fail_in_words() {
    let mut house = House::asked(INBOUND_ONLY).await;
    let id = house.reply("Yes.").await;
    let (stop, stopped) = watch::channel(false);
    let stranded = Stranded::new(Lines::default(), house.desk.clone(), house.spool.clone());
    let looking = tokio::spawn(stranded.run(stopped));
    house.expect_after_sentinel(&["Is my book in?"]).await;
    house.expect_state(id, DeliveryState::Queued).await;
    house.sql("UPDATE outbox SET made = made - 86500000").await;
    // A change of the plan: otherwise it is the minute that is waited for.
    let name = "kids".into();
    house
        .desk
        .amend(Amendment::AddQueue { name })
        .await
        .unwrap();
    let why = house.expect_state(id, DeliveryState::Failed).await.unwrap();
    assert!(why.contains("driven no more"), "{why}");
    stop.send(true).unwrap();
    looking.await.unwrap();
}
