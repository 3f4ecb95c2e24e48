//! A desk after years: a hundred thousand conversations in the spool, five thousand of them open,
//! two hundred operators. How soon it is ready, what an event costs, how soon whoever signs in to
//! five hundred held texts has the first and the last of them, and what a FORGET makes them wait for.

use std::path::Path;
use std::time::{Duration, Instant};

use callnumber::daemon::{House, HouseSettings};
use callnumber::routing::{
    Act, Amendment, ConversationId, Event, GatewayId, Library, Moment, OperatorId, Role, Router,
};
use callnumber::spool::{Spool, transcript};
use serde_json::json;

use crate::figures::{Table, Times, ms};
use crate::library::{folder, operator, prepare, runtime, settings};

const CONVERSATIONS: i64 = 100_000;
const OPEN: i64 = 5_000;
const HELD: i64 = 500;
const OPERATORS: i64 = 200;
const STARTS: usize = 7;
const SIGN_INS: usize = 7;
const SCRUBS: usize = 5;
const EVENTS: usize = 20_000;

/// Fills a prepared spool: the older conversations are closed, the open ones claimed by everybody in
/// turns in a queue beside, the last five hundred held in the desk of the one who signs in.
fn fill(spool: &Path) {
    runtime().block_on(async {
        let quiet = HouseSettings::quiet(spool.to_owned(), Library::default());
        let house = House::open(quiet).await.unwrap();
        let desk = house.desk();
        let name = "crowd".into();
        desk.amend(Amendment::AddQueue { name }).await.unwrap();
        for n in 0..OPERATORS {
            desk.amend(Amendment::AddOperator {
                name: format!("operator-{n}"),
                password_hash: None,
                role: Role::Operator,
                queues: vec!["crowd".into()],
            })
            .await
            .unwrap();
        }
        house.close().await;
    });
    let spool = Spool::open(spool).unwrap();
    // All within the last hour: a thread that rested for a day is closed.
    let since = jiff::Timestamp::now().as_millisecond() - 3_600_000;
    runtime()
        .block_on(spool.write(move |c| {
            c.execute_batch(&format!(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {CONVERSATIONS})
                 INSERT INTO patron (id, gateway, address, name)
                     SELECT i, 1, printf('+1555%07d', i), printf('heron-%d', i) FROM n;
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {CONVERSATIONS})
                 INSERT INTO conversation (id, patron, gateway, queue, home, state, claimed_by,
                     waiting_since, opened, active, closed)
                     SELECT i, i, 1, iif(i > {CONVERSATIONS} - {HELD}, 1, 2), 1,
                         iif(i <= {CONVERSATIONS} - {OPEN}, 'closed',
                             iif(i > {CONVERSATIONS} - {HELD}, 'held', 'claimed')),
                         iif(i > {CONVERSATIONS} - {OPEN} AND i <= {CONVERSATIONS} - {HELD},
                             2 + i % {OPERATORS}, NULL),
                         iif(i > {CONVERSATIONS} - {OPEN}, {since} + i, NULL),
                         {since} + i, {since} + i,
                         iif(i <= {CONVERSATIONS} - {OPEN}, {since} + i, NULL) FROM n;
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {CONVERSATIONS} * 3)
                 INSERT INTO message (conversation, direction, body, at, state, author)
                     SELECT 1 + (i - 1) / 3, 'in', printf('Is volume %d on the shelf at Elm?', i),
                         {since} + i, 'received', 'patron' FROM n;"
            ))?;
            Ok(())
        }))
        .unwrap();
}

pub(crate) fn measure(table: &mut Table) {
    let folder = folder();
    let path = prepare(folder.path());
    fill(&path);
    starts(table, &path);
    events(table, &path);
    sign_ins(table, &path);
    scrubs(table, &path);
}

/// What FORGET makes everything else wait for.
fn scrubs(table: &mut Table, path: &Path) {
    let megabytes = std::fs::metadata(path).unwrap().len() / 1_000_000;
    let spool = Spool::open(path).unwrap();
    let mut times = Vec::new();
    for _ in 0..SCRUBS {
        let began = Instant::now();
        runtime().block_on(spool.scrub()).unwrap();
        times.push(began.elapsed());
    }
    table.row(
        &format!("… {megabytes} MB written anew after a FORGET"),
        Times::new(times).spread(),
        "",
    );
}

fn starts(table: &mut Table, path: &Path) {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        runtime().block_on(async {
            let began = Instant::now();
            let house = House::open(HouseSettings {
                lines: Vec::new(),
                ..settings(path.to_owned(), path.to_owned())
            })
            .await
            .unwrap();
            operator(&house).get("/api/v1/status").await.expect(200);
            times.push(began.elapsed());
            house.close().await;
        });
    }
    table.row(
        "100 000 conversations: start → the API answers",
        Times::new(times).spread(),
        "< 1 s",
    );
}

fn events(table: &mut Table, path: &Path) {
    let spool = Spool::open(path).unwrap();
    let library = Library::default();
    let keys = spool.keys().clone();
    let restored = runtime()
        .block_on(spool.read(move |c| transcript::restored(c, &library, keys)))
        .unwrap();
    let wall = jiff::Timestamp::now();
    let now = |n: usize| Moment {
        wall,
        uptime: Duration::from_millis(n as u64),
    };
    let mut router = Router::restore(restored, now(0));
    router.handle(Event::Tick, now(1)).unwrap();
    router.committed();
    let mut times = Vec::with_capacity(EVENTS);
    for n in 0..EVENTS {
        let id = CONVERSATIONS - OPEN + 1 + (n as i64 * 7) % (OPEN - HELD);
        let event = match n % 3 {
            0 => Event::TextArrived {
                gateway: GatewayId(1),
                from: format!("+1555{id:07}"),
                body: format!("And volume {n}?"),
                stamped_at: None,
            },
            1 => Event::act(
                OperatorId(2 + id % OPERATORS),
                ConversationId(id),
                Act::send("It is on the shelf."),
            ),
            _ => Event::TextArrived {
                gateway: GatewayId(1),
                from: format!("+1666{n:07}"),
                body: "Is my book in?".into(),
                stamped_at: None,
            },
        };
        let began = Instant::now();
        let effects = router.handle(event, now(n)).unwrap();
        times.push(began.elapsed());
        assert!(!effects.is_empty());
        router.committed();
    }
    table.row(
        "… an event, 5 000 open, 200 operators",
        Times::new(times).summary(),
        "< 20 µs",
    );
}

fn sign_ins(table: &mut Table, path: &Path) {
    let (mut first, mut last) = (Vec::new(), Vec::new());
    runtime().block_on(async {
        let house = House::open(HouseSettings {
            lines: Vec::new(),
            ..settings(path.to_owned(), path.to_owned())
        })
        .await
        .unwrap();
        let ana = operator(&house);
        for _ in 0..SIGN_INS {
            let mut events = ana.events(None).await;
            events.find(|event| event.name == "hello").await;
            let began = Instant::now();
            let available = ana.put("/api/v1/presence", json!({ "show": "available" }));
            let mut seen = 0;
            let reading = async {
                while seen < HELD {
                    events.find(|event| event.name == "offer").await;
                    if seen == 0 {
                        first.push(began.elapsed());
                    }
                    seen += 1;
                }
                last.push(began.elapsed());
            };
            let (answer, ()) = tokio::join!(available, reading);
            answer.expect(200);
            drop(events);
            let offline = ana.put("/api/v1/presence", json!({ "show": "offline" }));
            offline.await.expect(200);
        }
        house.close().await;
    });
    table.row(
        "… sign-in with 500 held → the first of them",
        Times::new(first).spread(),
        "< 50 ms",
    );
    let last = Times::new(last);
    table.row("… → the last of them", last.spread(), "< 300 ms");
    table.row("… median of the last", ms(last.median()), "");
}
