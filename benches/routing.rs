//! The router with ten thousand open conversations: an event should take less than 5 µs.
//!
//! `cargo bench --bench routing`

#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Duration;

use callnumber::numbers::{Country, PatronNumber};
use callnumber::routing::{
    Act, ConversationId, DeliveryState, EndpointId, Event, Gateway, GatewayId, GatewayKind,
    Library, MessageId, Moment, Operator, OperatorId, Plan, Queue, QueueId, Restored, Role, Router,
    Show,
};
use divan::Bencher;
use jiff::Timestamp;

const OPEN: usize = 10_000;
const HELD: usize = 500;
const DESK: QueueId = QueueId(1);
/// A queue beside, where the five hundred are held.
const NIGHT: QueueId = QueueId(2);
const OWL: OperatorId = OperatorId(21);

fn main() {
    divan::main();
}

fn now() -> Moment {
    Moment {
        wall: Timestamp::from_second(1_772_442_000).unwrap(),
        uptime: Duration::from_secs(10),
    }
}

fn plan() -> Plan {
    let gateway = |id, queue| {
        let name = format!("line-{id}");
        Gateway::new(GatewayId(id), name, GatewayKind::Sms, queue)
    };
    let operator = |id, queue| Operator {
        id,
        name: format!("operator-{id}"),
        role: Role::Operator,
        queues: vec![queue],
    };
    Plan {
        library: Library {
            name: "Elm".into(),
            ..Library::default()
        },
        queues: vec![Queue::new(DESK, "desk"), Queue::new(NIGHT, "night")],
        gateways: vec![gateway(1, DESK), gateway(2, NIGHT)],
        operators: (1..=20)
            .map(|id| operator(OperatorId(id), DESK))
            .chain([operator(OWL, NIGHT)])
            .collect(),
    }
}

fn number(n: usize) -> String {
    format!("+1555{n:07}")
}

fn text(gateway: i64, n: usize) -> Event {
    Event::TextArrived {
        gateway: GatewayId(gateway),
        from: number(n),
        body: format!("Is number {n} in?"),
        stamped_at: None,
    }
}

/// Ten thousand conversations open, half of them claimed by one of twenty, and 500 more held.
fn busy_desk() -> Router {
    let mut router = Router::restore(
        Restored {
            plan: plan(),
            conversations: Vec::new(),
            patrons: Vec::new(),
            shows: Vec::new(),
            closed_periods: Vec::new(),
            opted_out: Vec::new(),
            opted_out_addresses: Vec::new(),
            outages: Vec::new(),
            next_conversation: 1,
            next_message: 1,
            next_patron: 1,
            seed: 7,
            keys: callnumber::numbers::NumberKey::from([7; 32]).into(),
        },
        now(),
    );
    let mut take = |event| {
        router.handle(event, now()).unwrap();
        router.committed();
    };
    for id in 1..=20 {
        let operator = OperatorId(id);
        let endpoint = EndpointId(id);
        take(Event::EndpointOpened { operator, endpoint });
        take(Event::Presence {
            operator,
            show: Show::Available,
        });
    }
    for n in 0..OPEN {
        take(text(1, n));
    }
    for n in (0..OPEN).step_by(2) {
        take(answer(n));
    }
    for n in 0..HELD {
        take(text(2, n));
    }
    take(Event::Tick);
    router
}

fn answer(n: usize) -> Event {
    Event::act(
        OperatorId((n % 20) as i64 + 1),
        ConversationId(n as i64 + 1),
        Act::send("Yes, it is on the shelf."),
    )
}

/// Handles one event after another, each a different one, on one busy desk.
fn each(bencher: Bencher<'_, '_>, event: impl Fn(usize) -> Event) {
    let mut router = busy_desk();
    let mut n = 0;
    bencher
        .with_inputs(|| {
            n += 1;
            event(n)
        })
        .bench_local_values(|event| {
            let effects = router.handle(event, now()).unwrap();
            router.committed();
            effects
        });
}

/// A text into a thread that waits, offered to twenty.
#[divan::bench(sample_count = 2000)]
fn a_text_into_a_waiting_thread(bencher: Bencher<'_, '_>) {
    each(bencher, |n| text(1, (n * 2 + 1) % OPEN));
}

/// A text into a thread somebody answers.
#[divan::bench(sample_count = 2000)]
fn a_text_to_its_claimant(bencher: Bencher<'_, '_>) {
    each(bencher, |n| text(1, (n * 2) % OPEN));
}

/// A stranger's text: a new patron, a new thread, twenty offers.
#[divan::bench(sample_count = 2000)]
fn a_text_from_a_stranger(bencher: Bencher<'_, '_>) {
    each(bencher, |n| text(1, OPEN + n));
}

/// The first answer: a claim, a text out, nineteen withdrawals.
#[divan::bench(sample_count = 2000, sample_size = 1)]
fn a_send_that_claims(bencher: Bencher<'_, '_>) {
    each(bencher, |n| answer((n * 2 - 1) % OPEN));
}

/// An answer in a thread of one's own.
#[divan::bench(sample_count = 2000)]
fn a_send_of_the_claimant(bencher: Bencher<'_, '_>) {
    each(bencher, |n| answer((n * 2) % OPEN));
}

/// News of a delivery, with the message just recalled.
#[divan::bench(sample_count = 2000)]
fn a_delivery(bencher: Bencher<'_, '_>) {
    let mut router = busy_desk();
    let effects = router.handle(answer(0), now()).unwrap();
    let mut states = [DeliveryState::Sending, DeliveryState::Queued]
        .iter()
        .cycle();
    let message = effects
        .iter()
        .find_map(|effect| match effect {
            callnumber::routing::Effect::Record(message) => Some(message.id),
            _ => None,
        })
        .unwrap_or(MessageId(0));
    bencher
        .with_inputs(|| Event::Delivery {
            message,
            conversation: ConversationId(1),
            state: *states.next().unwrap(),
            reason: None,
        })
        .bench_local_values(|event| router.handle(event, now()).unwrap());
}

/// An operator signs in to 500 held conversations: 500 rows and 500 offers.
#[divan::bench(sample_count = 200, sample_size = 1)]
fn a_sign_in_to_500_held(bencher: Bencher<'_, '_>) {
    let mut router = busy_desk();
    bencher.with_inputs(|| ()).bench_local_values(|()| {
        let operator = OWL;
        let came = router.handle(
            Event::Presence {
                operator,
                show: Show::Available,
            },
            now(),
        );
        let went = router.handle(
            Event::Presence {
                operator,
                show: Show::Offline,
            },
            now(),
        );
        (came.unwrap(), went.unwrap())
    });
}

/// An operator beside them signs in: 5000 waiting conversations are shown.
#[divan::bench(sample_count = 50, sample_size = 1)]
fn a_colleague_signs_in_to_5000_waiting(bencher: Bencher<'_, '_>) {
    let mut router = busy_desk();
    bencher.with_inputs(|| ()).bench_local_values(|()| {
        let operator = OperatorId(1);
        router
            .handle(
                Event::Presence {
                    operator,
                    show: Show::Away,
                },
                now(),
            )
            .unwrap();
        let show = Show::Available;
        router
            .handle(Event::Presence { operator, show }, now())
            .unwrap()
    });
}

/// One telephone as carriers, librarians and catalogues write it, and others.
const SPELLINGS: [&str; 8] = [
    "+15551230100",
    "15551230100",
    "(555) 123-0100",
    "001 555 123 0100",
    "+44 (0) 7700 900123",
    "+39 06 1234 5678",
    "22000",
    "INFO",
];

/// Less than a microsecond: each text that comes is read so, and each number that is typed.
#[divan::bench(args = SPELLINGS)]
fn a_number_is_made_canonical(spelling: &str) -> PatronNumber {
    PatronNumber::arrived(divan::black_box(spelling), Country::default())
}
