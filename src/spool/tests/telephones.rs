//! A spool of the release before, in which one telephone is several patrons.

use super::*;
use crate::numbers::Country;
use crate::spool::telephones::{Unified, unify};

#[test]
fn one_telephone_becomes_one_patron_and_nothing_of_it_is_lost() {
    let shelf = shelf();
    let sql = |sql: &'static str| {
        shelf
            .spool
            .write_blocking(move |c| Ok(c.execute_batch(sql)?))
            .unwrap();
    };
    sql(
        "INSERT INTO gateway (id, name, kind, queue, line, policy) VALUES
             (71, 'text', 'sms', 1, 'text', 'hold'), (72, 'chat', 'im', 1, NULL, 'hold');
         INSERT INTO patron (id, gateway, address, name, opted_out, blocked_until) VALUES
             (1, 71, '+15551230177', 'heron-1', 0, NULL),
             (2, 71, '5551230177', 'heron-2', 1, NULL),
             (3, 71, '15551230177', 'heron-3', 0, 99),
             (4, 71, '5551230188', 'wren-4', 0, NULL),
             (5, 71, '7726', 'code-5', 0, NULL),
             (6, 71, 'LIBRARY', 'name-6', 0, NULL),
             (7, 72, '5551230177', 'jid-7', 0, NULL);
         INSERT INTO conversation (id, patron, gateway, queue, home, state, waiting_since, opened,
             active, flagged) VALUES
             (1, 1, 71, 1, 1, 'closed', NULL, 1, 2, 0),
             (2, 1, 71, 1, 1, 'held', 30, 3, 4, 0),
             (3, 2, 71, 1, 1, 'held', 10, 5, 6, 1),
             (4, 3, 71, 1, 1, 'closed', NULL, 7, 8, 0),
             (5, 4, 71, 1, 1, 'held', 50, 9, 10, 0);
         INSERT INTO message (id, conversation, direction, body, at, state, author) VALUES
             (1, 1, 'in', 'first', 1, 'received', 'patron'),
             (2, 2, 'in', 'second', 2, 'received', 'patron'),
             (3, 3, 'in', 'third', 3, 'received', 'patron'),
             (4, 4, 'in', 'fourth', 4, 'received', 'patron');
         INSERT INTO note (conversation, after, at, text) VALUES (2, 2, 2, 'kept');
         INSERT INTO outbox (message, conversation, gateway, recipient, may_be_doubled, made)
             VALUES (3, 3, 71, '5551230177', 0, 1);",
    );
    let once = |home: Country| shelf.spool.write_blocking(move |c| unify(c, home)).unwrap();
    let found = once(Country::default());
    assert_eq!(
        found,
        Unified {
            renamed: 1,
            merged: 2
        }
    );
    // Again, nothing is left to do.
    assert_eq!(once(Country::default()), Unified::default());

    let rows = |sql: &'static str| -> Vec<String> {
        shelf
            .spool
            .write_blocking(move |c| {
                let mut rows = c.prepare(sql)?;
                let rows = rows.query_map([], |row| row.get(0))?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .unwrap()
    };
    assert_eq!(
        rows(
            "SELECT id || ' ' || address || ' ' || name || ' ' || opted_out || ' ' ||
                 coalesce(blocked_until, '-') FROM patron WHERE id < 10 ORDER BY id"
        ),
        [
            "1 +15551230177 heron-3 1 99",
            "4 +15551230188 wren-4 0 -",
            "5 7726 code-5 0 -",
            "6 LIBRARY name-6 0 -",
            "7 5551230177 jid-7 0 -",
        ]
    );
    // One open thread, with the words of both, waiting since the first of them.
    assert_eq!(
        rows(
            "SELECT id || ' ' || patron || ' ' || state || ' ' || coalesce(waiting_since, '-') ||
                 ' ' || flagged FROM conversation ORDER BY id"
        ),
        [
            "1 1 closed - 0",
            "3 1 held 10 1",
            "4 1 closed - 0",
            "5 4 held 50 0",
        ]
    );
    assert_eq!(
        rows("SELECT conversation || ' ' || body FROM message ORDER BY id"),
        ["1 first", "3 second", "3 third", "4 fourth"]
    );
    assert_eq!(
        rows("SELECT conversation || ' ' || text FROM note"),
        ["3 kept"]
    );
    assert_eq!(rows("SELECT recipient FROM outbox"), ["+15551230177"]);
    // The router is rebuilt from it, and knows who opted out by the one form.
    let remembered = shelf.spool.write_blocking(remember).unwrap();
    assert_eq!(remembered.conversations.len(), 2);
}
