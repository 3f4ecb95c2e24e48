//! Conversations, their messages and notes.

use super::*;
use crate::spool::transcript::{Cursor, Order};

#[test]
fn lists_page_by_id_and_keep_to_states_and_queues() {
    let shelf = with_threads();
    shelf.do_(|c| {
        let closed = a_conversation(2, ConversationState::Closed);
        keep(c, &Effect::KeepConversation(closed), at(1)).map(|_| ())
    });
    let ids = |states: &[ConversationState], queues: Option<Vec<i64>>, after: i64, limit| {
        let listing = Listing {
            states: states.to_vec(),
            queues: queues.map(|ids| ids.into_iter().map(QueueId).collect()),
            order: Order::Oldest,
            after: Cursor::read(&after.to_string(), Order::Oldest),
            limit,
        };
        let listed = shelf.do_(move |c| transcript::list(c, &listing));
        listed
            .iter()
            .map(|l| l.conversation.id.0)
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&[ConversationState::Waiting], None, 0, 10), [1, 3]);
    assert_eq!(
        ids(
            &[ConversationState::Waiting, ConversationState::Closed],
            None,
            0,
            10
        ),
        [1, 2, 3]
    );
    assert_eq!(
        ids(
            &[ConversationState::Waiting, ConversationState::Closed],
            None,
            1,
            1
        ),
        [2]
    );
    assert_eq!(ids(&[ConversationState::Closed], Some(vec![1]), 0, 10), [2]);
    assert_eq!(
        ids(&[ConversationState::Waiting], Some(vec![9]), 0, 10),
        [0; 0]
    );
    assert_eq!(
        ids(&[ConversationState::Waiting], Some(Vec::new()), 0, 10),
        [0; 0]
    );
    assert_eq!(ids(&[], None, 0, 10), [0; 0]);
}

#[test]
fn a_thread_has_its_notes_where_they_were_left() {
    let shelf = with_threads();
    let thread = shelf.do_(|c| {
        let note = |text: &str| Effect::Note {
            conversation: ConversationId(1),
            text: text.into(),
        };
        keep(c, &note("first"), at(1))?;
        keep(c, &Effect::Record(a_message(1, 1)), at(1))?;
        keep(c, &note("between"), at(2))?;
        keep(c, &Effect::Record(a_message(2, 1)), at(2))?;
        keep(c, &note("last"), at(3))?;
        transcript::thread(c, ConversationId(1), None, 100)
    });
    let read: Vec<String> = thread
        .into_iter()
        .map(|entry| match entry {
            Entry::Message(message) => message.body,
            Entry::Note { text, .. } => text,
        })
        .collect();
    assert_eq!(read, ["first", "words 1", "between", "words 2", "last"]);
}

#[test]
fn ids_are_never_used_again() {
    let shelf = with_threads();
    let remembered = shelf.do_(|c| {
        keep(c, &Effect::Record(a_message(7, 3)), at(0))?;
        c.execute_batch(
            "DELETE FROM message; DELETE FROM conversation WHERE id = 3; DELETE FROM patron WHERE id = 3",
        )?;
        remember(c)
    });
    let next = [
        remembered.next_conversation,
        remembered.next_message,
        remembered.next_patron,
    ];
    assert_eq!(next, [4, 8, 4]);
}
