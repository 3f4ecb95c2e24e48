//! Status reports: which text each of them settles, and which it must not.

use rusqlite::params;

use super::*;

const TAIL: &str = "51230001";

fn told(shelf: &Shelf, reference: u8, reported: Reported) -> Matched {
    told_of(shelf, at(0), reference, reported)
}

fn on(reference: u8, reported: Reported, taken: Timestamp) -> Told<'static> {
    Told {
        reference,
        tail: TAIL,
        reported,
        words: "words",
        submitted: Some(taken),
    }
}

/// A report on what the service centre took at that time.
fn told_of(shelf: &Shelf, taken: Timestamp, reference: u8, reported: Reported) -> Matched {
    shelf.do_(move |c| report(c, "m", &on(reference, reported, taken), at(100)))
}

fn whole(message: i64, conversation: i64, state: DeliveryState) -> Matched {
    Matched::Text(Settled {
        message: MessageId(message),
        conversation: ConversationId(conversation),
        state,
        reason: (state == DeliveryState::Failed).then(|| "words".to_owned()),
    })
}

#[test]
fn a_report_goes_to_the_newest_segment_with_its_reference() {
    let shelf = posted(&[(1, 1), (2, 1), (3, 2)]);
    let accepted = [(SegmentState::Accepted, Some(7))];
    laid_down(&shelf, 1, &accepted);
    laid_down(&shelf, 2, &accepted); // the reference wrapped
    laid_down(&shelf, 3, &accepted); // somebody else's
    assert_eq!(told(&shelf, 8, Reported::Delivered), Matched::NotYet);
    assert_eq!(
        told(&shelf, 7, Reported::Delivered),
        whole(2, 1, DeliveryState::Delivered)
    );
    assert_eq!(
        told_of(&shelf, at(1), 7, Reported::Undeliverable),
        whole(1, 1, DeliveryState::Failed)
    );
    // It arrived after all; and what is said again is nothing new.
    assert_eq!(
        told_of(&shelf, at(1), 7, Reported::Delivered),
        whole(1, 1, DeliveryState::Delivered)
    );
    assert_eq!(
        told_of(&shelf, at(1), 7, Reported::Delivered),
        Matched::Segment
    );
    let other = shelf.do_(|c| report(c, "other", &on(7, Reported::Delivered, at(0)), at(100)));
    // An attempt is on record before it is made: nothing to this telephone went by that line.
    assert_eq!(other, Matched::Segment);
}

#[test]
fn a_long_text_is_delivered_when_every_segment_is() {
    let shelf = posted(&[(1, 1)]);
    laid_down(
        &shelf,
        1,
        &[
            (SegmentState::Accepted, Some(255)),
            (SegmentState::Accepted, Some(0)),
            (SegmentState::Accepted, Some(1)),
        ],
    );
    assert_eq!(
        told(&shelf, 0, Reported::Delivered),
        whole(1, 1, DeliveryState::Sent)
    );
    assert_eq!(
        told(&shelf, 255, Reported::Delivered),
        whole(1, 1, DeliveryState::Sent)
    );
    assert_eq!(
        told(&shelf, 1, Reported::Delivered),
        whole(1, 1, DeliveryState::Delivered)
    );

    let shelf = posted(&[(1, 1)]);
    let two = [
        (SegmentState::Accepted, Some(1)),
        (SegmentState::Accepted, Some(2)),
    ];
    laid_down(&shelf, 1, &two);
    assert_eq!(
        told(&shelf, 1, Reported::Undeliverable),
        whole(1, 1, DeliveryState::Failed)
    );
    assert_eq!(
        told(&shelf, 2, Reported::Delivered),
        whole(1, 1, DeliveryState::Failed)
    );
}

#[test]
fn a_report_waits_while_an_attempt_is_under_way() {
    let shelf = posted(&[(1, 1), (2, 1)]);
    laid_down(&shelf, 1, &[(SegmentState::Accepted, Some(7))]);
    let under_way = laid_down(&shelf, 2, &[(SegmentState::Attempting, None)]);
    assert_eq!(told(&shelf, 7, Reported::Delivered), Matched::NotYet);
    let segment = under_way[0];
    shelf.do_(move |c| outbox::accepted(c, segment, Some(7)));
    assert_eq!(
        told(&shelf, 7, Reported::Delivered),
        whole(2, 1, DeliveryState::Delivered)
    );
}

#[test]
fn an_interrupted_attempt_is_in_doubt_until_its_report() {
    let shelf = posted(&[(1, 1), (2, 2)]);
    laid_down(
        &shelf,
        1,
        &[
            (SegmentState::Attempting, None),
            (SegmentState::Planned, None),
        ],
    );
    assert_eq!(shelf.do_(|c| doubt_interrupted(c, "other", at(600))), 0);
    assert_eq!(shelf.do_(|c| doubt_interrupted(c, "m", at(600))), 1);
    assert_eq!(shelf.do_(|c| doubt_interrupted(c, "m", at(600))), 0);
    assert_eq!(
        due(&shelf, 0).unwrap().message.0,
        2,
        "never sent again by itself"
    );
    let untold_now = shelf.do_(|c| untold(c, Way::Line("m")));
    assert_eq!(untold_now.len(), 1);
    assert_eq!(
        (untold_now[0].message.0, untold_now[0].state),
        (1, DeliveryState::Unknown)
    );
    assert!(untold_now[0].reason.is_some());
    assert!(shelf.do_(|c| untold(c, Way::Line("other"))).is_empty());

    // Its report says that it arrived: the rest of the text may follow.
    assert_eq!(told(&shelf, 9, Reported::Delivered), Matched::Segment);
    let rest = due(&shelf, 0).unwrap();
    assert_eq!(rest.message.0, 1);
    let states: Vec<_> = shelf
        .do_(move |c| segments(c, rest.id))
        .iter()
        .map(|s| (s.seq, s.total, s.state))
        .collect();
    assert_eq!(
        states,
        [
            (1, 2, SegmentState::Delivered),
            (2, 2, SegmentState::Planned)
        ]
    );
}

#[test]
fn a_report_that_fits_two_attempts_settles_neither() {
    // Either may be the one that never left.
    for other in [SegmentState::Unknown, SegmentState::Refused] {
        let shelf = posted(&[(1, 1), (2, 1)]);
        let first = laid_down(&shelf, 1, &[(other, None)]);
        laid_down(&shelf, 2, &[(SegmentState::Unknown, None)]);
        shelf.do_(|c| {
            let attempted = at(0).as_millisecond();
            c.execute("UPDATE segment SET attempted = ?1", [attempted])?;
            Ok(())
        });
        assert_eq!(told(&shelf, 9, Reported::Delivered), Matched::NotYet);
        let states = shelf.do_(|c| {
            let mut rows = c.prepare("SELECT state FROM segment ORDER BY id")?;
            let states = rows.query_map([], |row| row.get::<_, String>(0))?;
            Ok(states.collect::<rusqlite::Result<Vec<_>>>()?)
        });
        assert_eq!(states, [other.word(), "unknown"]);

        // Once a person has settled one of them, the report is the other's.
        let first = first[0];
        shelf.do_(move |c| {
            c.execute(
                "UPDATE segment SET state = 'undelivered' WHERE id = ?1",
                [first.0],
            )?;
            Ok(())
        });
        assert_eq!(
            told(&shelf, 9, Reported::Delivered),
            whole(2, 1, DeliveryState::Delivered)
        );
    }
}

#[test]
fn a_report_that_comes_again_settles_nothing_else() {
    let shelf = posted(&[(1, 1), (2, 1), (3, 1)]);
    laid_down(&shelf, 1, &[(SegmentState::Accepted, Some(9))]);
    assert_eq!(
        told(&shelf, 9, Reported::Delivered),
        whole(1, 1, DeliveryState::Delivered)
    );
    // One whose reference nobody knows, and one that got the same after 256 others.
    for (message, reference) in [(2, None), (3, Some(9))] {
        let state = match reference {
            None => SegmentState::Unknown,
            Some(_) => SegmentState::Accepted,
        };
        laid_down(&shelf, message, &[(state, reference)]);
        assert_eq!(told(&shelf, 9, Reported::Delivered), Matched::Segment);
        assert_eq!(told(&shelf, 9, Reported::Undeliverable), Matched::Segment);
    }
    // Its own report is of another second.
    assert_eq!(
        told_of(&shelf, at(5), 9, Reported::Delivered),
        whole(3, 1, DeliveryState::Delivered)
    );
}

#[test]
fn a_report_is_of_no_attempt_that_came_after_it() {
    // It waited, its own attempt's reference having come garbled, until references came round.
    for (state, reference) in [
        (SegmentState::Accepted, Some(9)),
        (SegmentState::Unknown, None),
        (SegmentState::Refused, None),
    ] {
        let shelf = posted(&[(1, 1)]);
        laid_down(&shelf, 1, &[(state, reference)]);
        shelf.do_(|c| {
            let attempted = at(60).as_millisecond();
            c.execute("UPDATE segment SET attempted = ?1", [attempted])?;
            Ok(())
        });
        let reported = on(9, Reported::Delivered, at(60));
        let before = shelf.do_(move |c| report(c, "m", &reported, at(59)));
        assert_eq!(before, Matched::NotYet, "{state:?}");
        let after = shelf.do_(move |c| report(c, "m", &reported, at(61)));
        assert_eq!(after, whole(1, 1, DeliveryState::Delivered), "{state:?}");
    }
}

#[test]
fn a_reference_that_was_read_wrong_settles_no_other() {
    let shelf = posted(&[(1, 1), (2, 1)]);
    laid_down(&shelf, 1, &[(SegmentState::Accepted, Some(3))]); // 203, but for two digits
    laid_down(&shelf, 2, &[(SegmentState::Unknown, None)]);
    assert_eq!(told(&shelf, 203, Reported::Delivered), Matched::NotYet);
    // Once its own report has come, it was read well.
    assert_eq!(
        told(&shelf, 3, Reported::Delivered),
        whole(1, 1, DeliveryState::Delivered)
    );
    assert_eq!(
        told(&shelf, 203, Reported::Delivered),
        whole(2, 1, DeliveryState::Delivered)
    );
}

#[test]
fn a_report_on_the_first_try_does_not_undo_a_retry() {
    let shelf = posted(&[(1, 1)]);
    laid_down(
        &shelf,
        1,
        &[(SegmentState::Unknown, None), (SegmentState::Planned, None)],
    );
    let first = due(&shelf, 0).unwrap().id;
    shelf.do_(move |c| {
        settle(c, first, DeliveryState::Unknown, Some("why"))?;
        let [_, again] = submit(1, 1);
        keep(c, &again, at(1)).map(|_| ())
    });
    let second = due(&shelf, 1).unwrap().id;
    assert_ne!(first, second);
    shelf.do_(move |c| settle(c, second, DeliveryState::Sent, None));
    assert_eq!(told(&shelf, 9, Reported::Delivered), Matched::Segment);
    assert_eq!(due(&shelf, 1), None, "the rest is not sent a second time");

    // Nor does its failure speak for the retry.
    let shelf = posted(&[(1, 1)]);
    laid_down(&shelf, 1, &[(SegmentState::Accepted, Some(3))]);
    shelf.do_(|c| {
        let [_, again] = submit(1, 1);
        keep(c, &again, at(1)).map(|_| ())
    });
    assert_eq!(told(&shelf, 3, Reported::Undeliverable), Matched::Segment);
    assert_eq!(
        told(&shelf, 3, Reported::Delivered),
        whole(1, 1, DeliveryState::Delivered)
    );
}

#[test]
fn what_an_earlier_run_did_not_live_to_tell_is_the_same_for_every_way_out() {
    let shelf = shelf();
    shelf.do_(|c| {
        c.execute_batch(
            "INSERT INTO gateway (id, name, kind, queue, line, policy)
                 VALUES (11, 'sms', 'sms', 1, 'm', 'hold'), (12, 'im', 'im', 1, NULL, 'hold'),
                        (13, 'widget', 'widget', 1, NULL, 'hold');
             INSERT INTO patron (id, gateway, address, name)
                 VALUES (11, 11, 'a', 'a'), (12, 12, 'b', 'b'), (13, 13, 'c', 'c');
             INSERT INTO conversation (id, patron, gateway, queue, home, state, opened, active)
                 SELECT id, id, id, 1, 1, 'held', 1, 1 FROM gateway WHERE id > 10;",
        )?;
        Ok(())
    });
    for (shown, is, told) in [
        ("queued", "due", false),
        ("queued", "sent", true),
        ("queued", "failed", true),
        ("sending", "unknown", true),
        ("sent", "sent", false),
        ("sent", "delivered", true),
        ("delivered", "sent", false),
        ("failed", "sent", false),
        ("failed", "delivered", true),
        ("unknown", "delivered", true),
    ] {
        let untold_by = shelf.do_(move |c| {
            c.execute_batch("DELETE FROM outbox; DELETE FROM message;")?;
            for gateway in 11..=13 {
                c.execute(
                    "INSERT INTO message (id, conversation, direction, body, at, state, author)
                     VALUES (?1, ?1, 'out', 'words', 1, ?2, 'operator')",
                    params![gateway, shown],
                )?;
                c.execute(
                    "INSERT INTO outbox (message, conversation, gateway, recipient, state, made)
                     VALUES (?1, ?1, ?1, 'x', ?2, 1)",
                    params![gateway, is],
                )?;
            }
            [
                Way::Line("m"),
                Way::Kind(GatewayKind::Im),
                Way::Kind(GatewayKind::Widget),
            ]
            .into_iter()
            .map(|way| Ok(untold(c, way)?.iter().map(|told| told.message.0).collect()))
            .collect::<Result<Vec<Vec<i64>>>>()
        });
        let expected: Vec<Vec<i64>> = (11..=13)
            .map(|message| told.then_some(message).into_iter().collect())
            .collect();
        assert_eq!(untold_by, expected, "{shown} and {is}");
    }
}
