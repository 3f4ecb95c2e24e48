//! What is written comes back as it was.

use super::*;
use crate::numbers::PatronNumber;

fn stamp() -> impl Strategy<Value = Timestamp> {
    (0..4_000_000_000_000_i64).prop_map(|ms| Timestamp::from_millisecond(ms).unwrap())
}

fn state() -> impl Strategy<Value = ConversationState> {
    prop::sample::select(vec![
        ConversationState::Held,
        ConversationState::Waiting,
        ConversationState::Claimed,
        ConversationState::Closed,
    ])
}

fn transfer() -> impl Strategy<Value = Transfer> {
    let to = prop_oneof![
        Just(TransferTarget::Queue(QueueId(1))),
        Just(TransferTarget::Operator(OperatorId(1))),
    ];
    (to, any::<String>(), stamp()).prop_map(|(to, note, at)| Transfer {
        from: OperatorId(1),
        to,
        note,
        at,
    })
}

fn patron() -> impl Strategy<Value = Patron> {
    let repeats = (any::<u64>(), any::<u32>(), prop::option::of(stamp()));
    (
        any::<String>(),
        "[a-z]{3,9}-[0-9]{1,3}",
        any::<bool>(),
        prop::collection::vec(stamp(), 0..10),
        (repeats, prop::option::of(stamp())),
    )
        .prop_map(
            |(address, name, opted_out, automatic_at, ((f, count, since), blocked_until))| Patron {
                id: PatronId(1),
                gateway: GatewayId(1),
                address: PatronNumber::kept(address),
                name,
                opted_out,
                answered: Answered {
                    wishes: automatic_at.clone(),
                    keywords: automatic_at.iter().rev().copied().collect(),
                },
                automatic_at,
                repeats: Repeats {
                    fingerprint: f,
                    count,
                    since,
                },
                blocked_until,
            },
        )
}

fn marks() -> impl Strategy<Value = Marks> {
    let promise = any::<String>().prop_map(|words| Promise {
        words,
        by: OperatorId(1),
    });
    (
        prop::collection::vec(any::<String>(), 0..3),
        prop::option::of(promise),
    )
        .prop_map(|(tags, promise)| Marks { tags, promise })
}

fn conversation() -> impl Strategy<Value = Conversation> {
    let who = || prop::option::of(Just(OperatorId(1)));
    (
        (state(), who(), prop::option::of(stamp()), who()),
        prop::option::of(transfer()),
        (prop::option::of(any::<i64>()), any::<bool>(), any::<bool>()),
        (stamp(), stamp(), marks()),
        (
            prop::sample::select(vec![
                Rollover::Home,
                Rollover::Offered(QueueId(1)),
                Rollover::Shared(QueueId(1)),
                Rollover::Declined,
            ]),
            prop::option::of(stamp()),
            any::<bool>(),
            prop::option::of(stamp()),
        ),
    )
        .prop_map(
            |(
                (state, claimed_by, waiting_since, last),
                transfer,
                (notice, noticed, flagged),
                (opened_at, active_at, marks),
                (rollover, outage_notice, farewell, closed_at),
            )| {
                Conversation {
                    id: ConversationId(1),
                    patron: PatronId(1),
                    gateway: GatewayId(1),
                    queue: QueueId(1),
                    home: QueueId(1),
                    state,
                    claimed_by,
                    waiting_since,
                    last_answered_by: last,
                    transfer,
                    closed_notice: notice,
                    waiting_noticed: noticed,
                    flagged,
                    quiet: flagged,
                    erasure_asked_at: outage_notice,
                    rollover,
                    outage_notice,
                    farewell,
                    opened_at,
                    active_at,
                    marks,
                    closed_at,
                }
            },
        )
}

fn message() -> impl Strategy<Value = Message> {
    let author = prop::sample::select(vec![
        Author::Patron,
        Author::Operator(OperatorId(1)),
        Author::Desk,
    ]);
    let state = prop::sample::select(vec![
        DeliveryState::Received,
        DeliveryState::Queued,
        DeliveryState::Sending,
        DeliveryState::Sent,
        DeliveryState::Delivered,
        DeliveryState::Failed,
        DeliveryState::Unknown,
    ]);
    (
        prop::sample::select(vec![Direction::In, Direction::Out]),
        any::<String>(),
        stamp(),
        prop::option::of(stamp()),
        state,
        prop::option::of(any::<String>()),
        author,
        prop::option::of(any::<String>()),
    )
        .prop_map(
            |(direction, body, at, stamped_at, state, reason, author, client_id)| Message {
                id: MessageId(1),
                conversation: ConversationId(1),
                direction,
                body,
                at,
                stamped_at,
                state,
                reason,
                author,
                client_id,
                reaction: None,
            },
        )
}

#[test]
fn records_come_back_as_they_were() {
    let shelf = staffed();
    let mut runner = proptest::test_runner::TestRunner::default();
    runner
        .run(
            &(patron(), conversation(), conversation(), message()),
            |(p, first, then, m)| {
                let (patron_in, latest, message_in) = (p.clone(), then.clone(), m.clone());
                let came_back = shelf.do_(move |c| {
                    for effect in [
                        Effect::KeepPatron(p),
                        Effect::KeepConversation(first),
                        Effect::KeepConversation(then),
                        Effect::Record(m),
                    ] {
                        keep(c, &effect, at(0))?;
                    }
                    let found = (
                        transcript::patron(c, PatronId(1))?,
                        transcript::conversation(c, ConversationId(1))?,
                        transcript::message(c, MessageId(1))?,
                        remember(c)?,
                        transcript::listed(c, ConversationId(1))?,
                    );
                    c.execute_batch(
                        "DELETE FROM message; DELETE FROM conversation; DELETE FROM patron",
                    )?;
                    Ok(found)
                });
                let (patron, conversation, message, remembered, listed) = came_back;
                prop_assert_eq!(patron, Some(patron_in.clone()));
                // Who it is, and when it began, do not change.
                let expected = Conversation {
                    opened_at: conversation.as_ref().unwrap().opened_at,
                    ..latest
                };
                prop_assert_eq!(conversation.as_ref(), Some(&expected));
                prop_assert_eq!(message.as_ref(), Some(&message_in));
                let open = expected.state != ConversationState::Closed;
                prop_assert_eq!(remembered.conversations.len(), usize::from(open));
                prop_assert_eq!(remembered.patrons.len(), usize::from(open));
                let listed = listed.unwrap();
                prop_assert_eq!(listed.conversation, expected);
                prop_assert_eq!(listed.latest, Some(message_in));
                prop_assert_eq!(listed.patron, patron_in.name);
                Ok(())
            },
        )
        .unwrap();
}
