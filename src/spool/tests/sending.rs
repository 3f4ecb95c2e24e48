//! The outbox: order, turns, attempts.

use super::*;

#[test]
fn a_clock_that_was_set_makes_no_text_older() {
    let shelf = posted(&[(1, 1), (2, 2)]);
    shelf.do_(|c| {
        // One was made before this run, by a clock that was right.
        let years = 3 * 365 * 24 * 3600 * 1000;
        let now = at(i64::from(10) + years / 1000);
        assert_eq!(outbox::date_again(c, "m", OutboxId(1), years, now)?, 1);
        let made = |id: i64| {
            c.query_row("SELECT made FROM outbox WHERE id = ?1", [id], |row| {
                row.get::<_, i64>(0)
            })
        };
        assert_eq!(made(2)? - made(1)?, years);
        // What is dated by the new clock stays as it is.
        assert_eq!(outbox::date_again(c, "m", OutboxId(0), -years, now)?, 1);
        assert_eq!(made(2)? - made(1)?, 2 * years);
        Ok(())
    });
}

fn settle_next(shelf: &Shelf, second: i64) -> i64 {
    let next = due(shelf, second).unwrap();
    shelf.do_(move |c| settle(c, next.id, DeliveryState::Sent, None));
    next.message.0
}

#[test]
fn texts_of_a_conversation_keep_their_order_and_others_go_on() {
    let shelf = posted(&[(1, 1), (2, 1), (3, 2), (4, 1)]);
    let first = due(&shelf, 0).unwrap();
    assert_eq!((first.message.0, first.body.as_str()), (1, "words 1"));
    let fared = shelf.do_(move |c| {
        put_off(c, first.id, at(30), "busy")?;
        let fared = outbox::count_refusal(c, first.id, "later", true)?;
        assert_eq!((fared.tries, fared.running), (0, 1));
        outbox::count_refusal(c, first.id, "carrier", true)
    });
    assert_eq!((fared.tries, fared.running), (1, 1), "of another kind");
    assert_eq!(settle_next(&shelf, 0), 3, "the other conversation's");
    assert_eq!(due(&shelf, 29), None);
    let next = shelf.do_(|c| next_due_at(c, "m"));
    assert_eq!(
        next,
        Some(at(30)),
        "not that of a text whose turn has not come"
    );
    assert_eq!(shelf.do_(|c| outbox::waiting(c, "m")), 3);
    let again = due(&shelf, 30).unwrap();
    assert_eq!((again.message.0, again.tries), (1, 2));
    assert_eq!(settle_next(&shelf, 30), 1);
    assert_eq!(settle_next(&shelf, 30), 2);
    assert_eq!(settle_next(&shelf, 30), 4);
    assert_eq!(shelf.do_(|c| next_due_at(c, "m")), None);
    assert_eq!(
        shelf.do_(|c| next_due(c, "other", at(30), Which::All)),
        None
    );
}

#[test]
fn a_clock_set_back_holds_no_text_for_years() {
    let shelf = posted(&[(1, 1)]);
    let text = due(&shelf, 0).unwrap();
    shelf.do_(move |c| put_off(c, text.id, at(100_000_000), "busy"));
    assert!(due(&shelf, 0).is_some());
}

#[test]
fn only_attempts_of_the_day_count() {
    let shelf = posted(&[(1, 1)]);
    laid_down(
        &shelf,
        1,
        &[
            (SegmentState::Accepted, Some(1)),
            (SegmentState::Planned, None),
        ],
    );
    for (since, until, count) in [(-1, 1, 1), (0, 0, 1), (1, 2, 0), (-9, -1, 0)] {
        let found = shelf.do_(move |c| attempted_between(c, "m", at(since), at(until)));
        assert_eq!(found.all, count, "{since} to {until}");
    }
}

#[test]
fn concatenation_references_count_over_restarts_and_wrap() {
    let Shelf { folder, spool } = shelf();
    let first = spool
        .write_blocking(|c| next_concat_reference(c, "m"))
        .unwrap();
    drop(spool);
    let spool = Spool::open(&folder.path().join("spool.db")).unwrap();
    let mut before = first;
    for _ in 0..300 {
        let next = spool
            .write_blocking(|c| next_concat_reference(c, "m"))
            .unwrap();
        assert_eq!(next, before.wrapping_add(1));
        before = next;
    }
    let other = spool
        .write_blocking(|c| next_concat_reference(c, "other"))
        .unwrap();
    assert_eq!(other, first, "each line counts for itself");
}
