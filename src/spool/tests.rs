#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use jiff::SignedDuration;
use proptest::prelude::*;
use tempfile::TempDir;

use super::feed::{FeedKind, since};
use super::inbox::Raw;
use super::outbox::{
    Due, Matched, OutboxId, Reported, SegmentId, SegmentState, Settled, Told, attempt,
    attempted_between, doubt_interrupted, lay_down, next_concat_reference, next_due, next_due_at,
    not_accepted, put_off, report, segments, settle, untold,
};
use super::transcript::{Entry, Listing, keep, remember};
use super::*;
use crate::routing::{
    Amendment, ArrivalId, Author, Conversation, ConversationId, ConversationState, DeliveryState,
    Direction, Effect, GatewayId, GatewayKind, Library, Marks, Message, MessageId, Notice,
    OfflinePolicy, OperatorId, Patron, PatronId, Promise, QueueId, Repeats, Role, Rollover, Show,
    Transfer, TransferTarget,
};

struct Shelf {
    folder: TempDir,
    spool: Spool,
}

impl Shelf {
    fn path(&self) -> PathBuf {
        self.folder.path().join("spool.db")
    }

    fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.spool.write_now(job)
    }

    fn do_<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> T {
        self.write(job).unwrap()
    }

    fn amend(&self, amendment: Amendment) -> Result<()> {
        self.write(move |c| staff::amend(c, &amendment, at(0)))
    }

    fn refusal(&self, amendment: Amendment) -> String {
        match self.amend(amendment.clone()) {
            Err(SpoolError::Refused(words)) => words,
            other => panic!("{amendment:?} came to {other:?}"),
        }
    }
}

fn shelf() -> Shelf {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(&folder.path().join("spool.db")).unwrap();
    Shelf { folder, spool }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

use jiff::Timestamp;

// The file ----------------------------------------------------------------------------------------

#[test]
fn a_fresh_spool_has_one_queue_and_a_secret_of_its_own() {
    use std::os::unix::fs::PermissionsExt;
    let shelf = shelf();
    let plan = shelf.do_(|c| staff::plan(c, &Library::default()));
    assert_eq!(plan.queues.len(), 1);
    assert_eq!(plan.queues[0].name, "desk");
    assert!(plan.gateways.is_empty() && plan.operators.is_empty());
    let seed = shelf.do_(transcript::seed);
    assert_ne!(seed, self::shelf().do_(transcript::seed));
    for file in ["spool.db", "spool.db-wal", "spool.db.lock"] {
        let mode = std::fs::metadata(shelf.folder.path().join(file)).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600, "{file}");
    }
    let (mode, synchronous, keys): (String, i64, i64) = shelf.do_(|c| {
        let pragma = |name: &str| c.pragma_query_value(None, name, |row| row.get(0));
        Ok((
            c.pragma_query_value(None, "journal_mode", |row| row.get(0))?,
            pragma("synchronous")?,
            pragma("foreign_keys")?,
        ))
    });
    assert_eq!((mode.as_str(), synchronous, keys), ("wal", 2, 1));
}

#[test]
fn what_was_written_is_there_at_the_next_opening_and_migrations_run_once() {
    let Shelf { folder, spool } = shelf();
    let seed = spool.write_now(transcript::seed).unwrap();
    spool
        .write_now(|c| {
            let name = "maps".to_owned();
            staff::amend(c, &Amendment::AddQueue { name }, at(0))
        })
        .unwrap();
    drop(spool);
    let spool = Spool::open(&folder.path().join("spool.db")).unwrap();
    assert_eq!(spool.write_now(transcript::seed).unwrap(), seed);
    let plan = spool.write_now(|c| staff::plan(c, &Library::default()));
    assert_eq!(plan.unwrap().queues.len(), 2);
}

#[test]
fn a_spool_of_the_first_version_is_brought_up_to_date_with_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spool.db");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(include_str!("schema.sql")).unwrap();
    old.execute_batch(
        "INSERT INTO queue (name) VALUES ('desk'), ('maps');
         INSERT INTO setting (key, value) VALUES ('seed', 42);
         PRAGMA user_version = 1;
         PRAGMA application_id = 0x636c6e6d;",
    )
    .unwrap();
    drop(old);
    for _ in 0..2 {
        let spool = Spool::open(&path).unwrap();
        assert_eq!(spool.write_now(transcript::seed).unwrap(), 42);
        assert_eq!(
            queues(&spool),
            ["desk", "maps"],
            "first rows are not made twice"
        );
    }
    let now = Connection::open(&path).unwrap();
    let version: i64 = now
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    let fresh = shelf();
    let latest: i64 =
        fresh.do_(|c| Ok(c.pragma_query_value(None, "user_version", |row| row.get(0))?));
    assert_eq!(version, latest);
}

#[test]
fn a_spool_has_one_holder() {
    let shelf = shelf();
    assert!(matches!(
        Spool::open(&shelf.path()),
        Err(OpenError::InUse { .. })
    ));
}

#[test]
fn files_that_are_no_spool_of_ours_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spool.db");
    std::fs::write(&path, "Dear diary, ".repeat(400)).unwrap();
    assert!(matches!(
        Spool::open(&path),
        Err(OpenError::NotASpool { .. })
    ));
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("Dear"));

    std::fs::remove_file(&path).unwrap();
    let other = Connection::open(&path).unwrap();
    other
        .execute_batch("CREATE TABLE diary (day TEXT)")
        .unwrap();
    drop(other);
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(
        Spool::open(&path),
        Err(OpenError::NotASpool { .. })
    ));
    assert_eq!(std::fs::read(&path).unwrap(), before);

    // An empty file is what a full disk leaves of a first start.
    std::fs::write(&path, "").unwrap();
    drop(Spool::open(&path).unwrap());

    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 77).unwrap();
    drop(newer);
    match Spool::open(&path) {
        Err(OpenError::Newer { found: 77, .. }) => {}
        other => panic!("{other:?}"),
    }
    let missing = folder.path().join("no/such/folder/spool.db");
    assert!(matches!(
        Spool::open(&missing),
        Err(OpenError::Unusable { .. })
    ));
}

// Transactions ------------------------------------------------------------------------------------

type Job = Box<dyn FnOnce(&Connection) -> Result<()> + Send>;

/// Posts jobs while the writer is held up, so that they share one transaction.
fn together(spool: &Spool, jobs: Vec<Job>) -> Vec<Result<()>> {
    let (held, holding) = mpsc::channel::<()>();
    let (let_go, wait) = mpsc::channel::<()>();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let blocker = spool.write(move |_| {
            held.send(()).unwrap();
            wait.recv_timeout(Duration::from_secs(30)).unwrap();
            Ok(())
        });
        let mut blocker = Box::pin(blocker);
        let mut posted: Vec<_> = jobs
            .into_iter()
            .map(|job| Box::pin(spool.write(job)))
            .collect();
        // The first poll of each posts it, in order.
        assert!(futures_util::poll!(&mut blocker).is_pending());
        holding.recv_timeout(Duration::from_secs(30)).unwrap();
        for job in &mut posted {
            assert!(futures_util::poll!(job).is_pending());
        }
        let_go.send(()).unwrap();
        let mut outcomes = Vec::new();
        for job in posted {
            outcomes.push(job.await);
        }
        outcomes
    })
}

fn add_queue(name: &'static str) -> Job {
    Box::new(move |c| {
        c.execute("INSERT INTO queue (name) VALUES (?1)", [name])?;
        Ok(())
    })
}

fn queues(spool: &Spool) -> Vec<String> {
    let plan = spool.write_now(|c| staff::plan(c, &Library::default()));
    plan.unwrap().queues.into_iter().map(|q| q.name).collect()
}

#[test]
fn a_job_that_fails_takes_back_itself_alone() {
    let shelf = shelf();
    let outcomes = together(
        &shelf.spool,
        vec![
            add_queue("a"),
            Box::new(|c| {
                c.execute("INSERT INTO queue (name) VALUES ('lost')", [])?;
                c.execute("INSERT INTO queue (name) VALUES ('desk')", [])?;
                Ok(())
            }),
            Box::new(|c| {
                c.execute("INSERT INTO queue (name) VALUES ('gone')", [])?;
                Err(SpoolError::Refused("no".into()))
            }),
            add_queue("b"),
        ],
    );
    assert!(outcomes[0].is_ok() && outcomes[3].is_ok());
    assert!(matches!(outcomes[1], Err(SpoolError::Broken(_))));
    assert!(matches!(&outcomes[2], Err(SpoolError::Refused(words)) if words == "no"));
    assert_eq!(queues(&shelf.spool), ["desk", "a", "b"], "in commit order");
}

#[test]
fn a_disk_that_fills_up_inside_a_job_keeps_nothing_that_was_not_acknowledged() {
    let shelf = shelf();
    let fill = |c: &Connection| -> Result<()> {
        let pages: i64 = c.pragma_query_value(None, "page_count", |row| row.get(0))?;
        c.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
        Ok(())
    };
    shelf.do_(fill);
    let outcomes = together(
        &shelf.spool,
        vec![
            add_queue("before"),
            Box::new(|c| {
                c.execute(
                    "INSERT INTO setting (key, value) VALUES ('big', zeroblob(1000000))",
                    [],
                )?;
                Ok(())
            }),
            add_queue("after"),
        ],
    );
    for (outcome, name) in outcomes.iter().zip(["before", "", "after"]) {
        let kept = queues(&shelf.spool).contains(&name.to_owned());
        assert_eq!(outcome.is_ok(), kept, "{name}: {outcome:?}");
    }
    assert!(matches!(outcomes[1], Err(SpoolError::Full)));
    assert!(matches!(outcomes[0], Err(SpoolError::Full)), "{outcomes:?}");
    // Once there is room, it goes on.
    shelf.do_(|c| {
        c.pragma_update_and_check(None, "max_page_count", 1_000_000, |_| Ok(()))?;
        Ok(())
    });
    shelf.do_(add_queue("later"));
    assert!(queues(&shelf.spool).contains(&"later".to_owned()));
}

#[tokio::test]
async fn readers_see_what_is_committed_and_cannot_write() {
    let shelf = shelf();
    shelf.spool.write(add_queue("maps")).await.unwrap();
    let plan = shelf.spool.read(|c| staff::plan(c, &Library::default()));
    assert_eq!(plan.await.unwrap().queues.len(), 2);
    let written = shelf.spool.read(add_queue("no")).await;
    assert!(matches!(written, Err(SpoolError::Broken(_))));
}

#[tokio::test]
async fn more_jobs_than_places_all_get_their_turn() {
    let shelf = shelf();
    let mut asked = Vec::new();
    for _ in 0..JOBS_MAX + 500 {
        let spool = shelf.spool.clone();
        asked.push(tokio::spawn(
            async move { spool.read(transcript::seed).await },
        ));
    }
    for answer in asked {
        tokio::time::timeout(Duration::from_secs(60), answer)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }
}

/// None of the queries that run for every text may walk a table that only grows.
#[test]
fn no_query_of_every_day_walks_what_only_grows() {
    let shelf = shelf();
    let plans: Vec<(&str, String)> = shelf.do_(|c| {
        let mut plans = Vec::new();
        for sql in [
            "SELECT id FROM inbox WHERE state <> 'used' AND state IN ('new', 'shown')
               AND line = ?1 AND pdu IS NOT NULL ORDER BY id",
            "SELECT id FROM inbox WHERE state <> 'used' AND state = 'parked' AND line = ?1",
            "SELECT o.id FROM outbox o JOIN gateway g ON g.id = o.gateway
               WHERE o.state = 'due' AND g.line = ?1 AND NOT EXISTS (SELECT 1 FROM outbox e
               WHERE e.state = 'due' AND e.conversation = o.conversation AND e.id < o.id)",
            "SELECT id FROM segment WHERE line = ?1 AND tail = ?2 AND reference = ?3
               AND state IN ('accepted', 'unknown') ORDER BY id DESC LIMIT 1",
            "SELECT 1 FROM segment WHERE state = 'attempting' AND line = ?1 AND tail = ?2",
            "SELECT count(*) FROM segment WHERE line = ?1 AND attempted BETWEEN ?2 AND ?3",
            "SELECT id FROM message WHERE operator = ?1 AND client_id = ?2",
            "SELECT id FROM conversation c WHERE c.state <> 'closed'",
        ] {
            let mut statement = c.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
            let count = statement.parameter_count();
            let nothing = vec![rusqlite::types::Null; count];
            let lines: Vec<String> = statement
                .query_map(rusqlite::params_from_iter(nothing), |row| row.get(3))?
                .collect::<rusqlite::Result<_>>()?;
            plans.push((sql, lines.join("; ")));
        }
        Ok(plans)
    });
    for (sql, plan) in plans {
        for table in ["inbox", "outbox", "segment", "message", "conversation"] {
            let walks = plan.split("; ").any(|step| {
                step == format!("SCAN {table}")
                    || step == "SCAN o"
                    || step == "SCAN e"
                    || step == "SCAN c"
                    || step.contains("INTEGER PRIMARY KEY (rowid<?)")
            });
            assert!(!walks, "{sql}: {plan}");
        }
    }
}

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

#[test]
fn a_job_that_panics_takes_back_what_it_wrote_and_nobody_with_it() {
    let shelf = shelf();
    let failed: Result<()> = shelf.write(|c| {
        c.execute("INSERT INTO setting (key, value) VALUES ('half', 1)", [])?;
        panic!("a mistake");
    });
    assert!(matches!(failed, Err(SpoolError::Broken(_))), "{failed:?}");
    let half: i64 = shelf.do_(|c| {
        Ok(c.query_row(
            "SELECT count(*) FROM setting WHERE key = 'half'",
            [],
            |row| row.get(0),
        )?)
    });
    assert_eq!(half, 0);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        for _ in 0..5 {
            let failed: Result<()> = shelf.spool.read(|_| panic!("a mistake")).await;
            assert!(failed.is_err());
        }
        // Every reader is still there.
        assert!(shelf.spool.read(|c| Ok(c.is_autocommit())).await.is_ok());
    });
}

// Records -----------------------------------------------------------------------------------------

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
                address,
                name,
                opted_out,
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
            },
        )
}

/// A spool with operator 1, gateway 1 on line `m`, all in queue 1.
fn staffed() -> Shelf {
    let shelf = shelf();
    shelf
        .amend(Amendment::AddLine { name: "m".into() })
        .unwrap();
    shelf.amend(add_operator("ana", &["desk"])).unwrap();
    shelf
}

fn add_operator(name: &str, queues: &[&str]) -> Amendment {
    Amendment::AddOperator {
        name: name.into(),
        password_hash: None,
        role: Role::Operator,
        queues: queues.iter().map(|&q| q.to_owned()).collect(),
    }
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

fn a_patron(id: i64) -> Patron {
    Patron {
        id: PatronId(id),
        gateway: GatewayId(1),
        address: format!("+1555123{id:04}"),
        name: format!("heron-{id}"),
        opted_out: false,
        automatic_at: Vec::new(),
        repeats: Repeats::default(),
        blocked_until: None,
    }
}

fn a_conversation(id: i64, state: ConversationState) -> Conversation {
    Conversation {
        state,
        ..Conversation::begun(
            ConversationId(id),
            PatronId(id),
            GatewayId(1),
            QueueId(1),
            at(0),
        )
    }
}

fn a_message(id: i64, conversation: i64) -> Message {
    Message {
        id: MessageId(id),
        conversation: ConversationId(conversation),
        direction: Direction::Out,
        body: format!("words {id}"),
        at: at(0),
        stamped_at: None,
        state: DeliveryState::Queued,
        reason: None,
        author: Author::Desk,
        client_id: None,
    }
}

/// Conversations 1 to 3, of patrons 1 to 3.
fn with_threads() -> Shelf {
    let shelf = staffed();
    shelf.do_(|c| {
        for id in 1..=3 {
            keep(c, &Effect::KeepPatron(a_patron(id)), at(0))?;
            let conversation = a_conversation(id, ConversationState::Waiting);
            keep(c, &Effect::KeepConversation(conversation), at(0))?;
        }
        Ok(())
    });
    shelf
}

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
            after: (after > 0).then_some(ConversationId(after)),
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

// Inbox -------------------------------------------------------------------------------------------

fn raw(byte: u8) -> Raw {
    Raw {
        digest: [byte; 16],
        pdu: vec![byte; 3],
    }
}

#[test]
fn a_pdu_of_a_line_is_kept_once() {
    let shelf = shelf();
    let keep = |line: &'static str, bytes: &'static [u8]| {
        shelf.do_(move |c| {
            let raws: Vec<Raw> = bytes.iter().map(|&byte| raw(byte)).collect();
            inbox::keep(c, line, &raws, at(5))
        })
    };
    let new = keep("m", &[1, 2, 1]);
    assert_eq!(new.len(), 2);
    assert!(
        new.iter()
            .all(|kept| kept.received == at(5) && kept.shown_in.is_none())
    );
    assert_eq!(keep("m", &[2, 3]).len(), 1, "2 is known");
    assert_eq!(keep("other", &[1]).len(), 1, "another line's is another");

    let (first, second) = (new[0].id, new[1].id);
    shelf.do_(move |c| {
        inbox::consume(c, &[first])?;
        inbox::show_in_part(c, &[second], MessageId(9))
    });
    assert!(keep("m", &[1, 2]).is_empty(), "used up, and still known");
    let unconsumed = shelf.do_(|c| inbox::unconsumed(c, "m"));
    assert_eq!(unconsumed.len(), 2);
    assert_eq!(unconsumed[0].shown_in, Some(MessageId(9)));
    assert_eq!(unconsumed[1].shown_in, None);
    let forgotten: Option<Vec<u8>> = shelf.do_(move |c| {
        let pdu = c.query_row("SELECT pdu FROM inbox WHERE id = ?1", [first.0], |r| {
            r.get(0)
        })?;
        Ok(pdu)
    });
    assert_eq!(forgotten, None, "its octets are gone");
}

#[test]
fn parked_and_odd_ones_are_not_read_again() {
    let shelf = shelf();
    let ids: Vec<ArrivalId> = shelf
        .do_(|c| inbox::keep(c, "m", &[raw(1), raw(2), raw(3)], at(0)))
        .iter()
        .map(|kept| kept.id)
        .collect();
    let (one, two) = (ids[0], ids[1]);
    shelf.do_(move |c| {
        inbox::park(c, one)?;
        inbox::set_aside(c, &[two], "not a text")
    });
    assert_eq!(shelf.do_(|c| inbox::unconsumed(c, "m")).len(), 1);
    assert_eq!(shelf.do_(|c| inbox::parked(c, "m")).len(), 1);
    assert!(shelf.do_(|c| inbox::parked(c, "other")).is_empty());
    assert_eq!(shelf.do_(|c| inbox::forget_parked(c, "other", at(9))), 0);
    assert_eq!(shelf.do_(|c| inbox::forget_parked(c, "m", at(0))), 0);
    assert_eq!(shelf.do_(|c| inbox::forget_parked(c, "m", at(1))), 1);
    assert!(shelf.do_(|c| inbox::parked(c, "m")).is_empty());
    let odd: (Vec<u8>, String) = shelf.do_(move |c| {
        let odd = c.query_row(
            "SELECT pdu, problem FROM inbox WHERE state = 'odd' AND id = ?1",
            [two.0],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        Ok(odd)
    });
    assert_eq!(odd, (vec![2; 3], "not a text".to_owned()));
}

// Outbox ------------------------------------------------------------------------------------------

fn submit(id: i64, conversation: i64) -> [Effect; 2] {
    let message = a_message(id, conversation);
    let submit = Effect::Submit {
        message: message.id,
        conversation: message.conversation,
        gateway: GatewayId(1),
        to: a_patron(conversation).address,
        body: message.body.clone(),
        may_be_doubled: false,
    };
    [Effect::Record(message), submit]
}

fn posted(texts: &'static [(i64, i64)]) -> Shelf {
    let shelf = with_threads();
    shelf.do_(move |c| {
        for &(id, conversation) in texts {
            for effect in submit(id, conversation) {
                keep(c, &effect, at(0))?;
            }
        }
        Ok(())
    });
    shelf
}

fn due(shelf: &Shelf, second: i64) -> Option<Due> {
    shelf.do_(move |c| next_due(c, "m", at(second)))
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
    assert_eq!(shelf.do_(|c| next_due(c, "other", at(30))), None);
}

#[test]
fn a_clock_set_back_holds_no_text_for_years() {
    let shelf = posted(&[(1, 1)]);
    let text = due(&shelf, 0).unwrap();
    shelf.do_(move |c| put_off(c, text.id, at(100_000_000), "busy"));
    assert!(due(&shelf, 0).is_some());
}

/// Lays down one text's segments, in these states, with these references.
fn laid_down(shelf: &Shelf, message: i64, states: &[(SegmentState, Option<u8>)]) -> Vec<SegmentId> {
    let states = states.to_vec();
    shelf.do_(move |c| {
        let outbox: i64 = c.query_row(
            "SELECT max(id) FROM outbox WHERE message = ?1",
            [message],
            |row| row.get(0),
        )?;
        let tail: String = c.query_row(
            "SELECT substr(recipient, -8) FROM outbox WHERE id = ?1",
            [outbox],
            |row| row.get(0),
        )?;
        let pdus = vec![vec![0]; states.len()];
        let laid = lay_down(c, OutboxId(outbox), "m", &tail, &pdus)?;
        for (segment, (state, reference)) in laid.iter().zip(states) {
            match (state, reference) {
                (SegmentState::Planned, _) => {}
                (SegmentState::Attempting, _) => attempt(c, segment.id, at(0), None)?,
                (SegmentState::Accepted, Some(reference)) => {
                    attempt(c, segment.id, at(0), None)?;
                    outbox::accepted(c, segment.id, Some(reference))?;
                }
                (state, _) => {
                    attempt(c, segment.id, at(0), None)?;
                    not_accepted(c, segment.id, state, "why")?;
                }
            }
        }
        let known = c.query_row(
            "SELECT max(state IN ('unknown', 'refused', 'planned', 'attempting')) FROM segment WHERE outbox = ?1",
            [outbox],
            |row| row.get::<_, bool>(0),
        )?;
        if !known {
            settle(c, OutboxId(outbox), DeliveryState::Sent, None)?;
        }
        Ok(laid.into_iter().map(|segment| segment.id).collect())
    })
}

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
    let untold_now = shelf.do_(|c| untold(c, "m"));
    assert_eq!(untold_now.len(), 1);
    assert_eq!(
        (untold_now[0].message.0, untold_now[0].state),
        (1, DeliveryState::Unknown)
    );
    assert!(untold_now[0].reason.is_some());
    assert!(shelf.do_(|c| untold(c, "other")).is_empty());

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
        assert_eq!(found, count, "{since} to {until}");
    }
}

#[test]
fn concatenation_references_count_over_restarts_and_wrap() {
    let Shelf { folder, spool } = shelf();
    let first = spool.write_now(|c| next_concat_reference(c, "m")).unwrap();
    drop(spool);
    let spool = Spool::open(&folder.path().join("spool.db")).unwrap();
    let mut before = first;
    for _ in 0..300 {
        let next = spool.write_now(|c| next_concat_reference(c, "m")).unwrap();
        assert_eq!(next, before.wrapping_add(1));
        before = next;
    }
    let other = spool
        .write_now(|c| next_concat_reference(c, "other"))
        .unwrap();
    assert_eq!(other, first, "each line counts for itself");
}

// Feed --------------------------------------------------------------------------------------------

#[test]
fn the_feed_resumes_and_is_pruned() {
    let shelf = with_threads();
    assert_eq!(shelf.do_(feed::oldest), 1);
    let rows = shelf.do_(|c| since(c, 1, 10));
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(rows[0].kind, FeedKind::Conversation);
    assert_eq!(rows[0].conversation, ConversationId(2));
    assert_eq!(shelf.do_(|c| since(c, 0, 2)).len(), 2);

    shelf.do_(|c| {
        for _ in 0..22_500 {
            feed::tell(
                c,
                FeedKind::Message,
                ConversationId(1),
                Some(MessageId(5)),
                None,
            )?;
        }
        Ok(())
    });
    let latest = shelf.do_(feed::latest);
    assert_eq!(latest, 22_503);
    let oldest = shelf.do_(feed::oldest);
    assert_eq!(oldest, 2_001, "the rows kept are bounded");
    let row = &shelf.do_(move |c| since(c, latest - 1, 10))[0];
    assert_eq!(
        (row.kind, row.message),
        (FeedKind::Message, Some(MessageId(5)))
    );
}

// Staff -------------------------------------------------------------------------------------------

fn add_gateway(name: &str, kind: GatewayKind, line: Option<&str>) -> Amendment {
    Amendment::AddGateway {
        name: name.into(),
        kind,
        queue: "desk".into(),
        line: line.map(str::to_owned),
        policy: None,
    }
}

fn set_gateway(name: &str) -> (String, Amendment) {
    let amendment = Amendment::SetGateway {
        name: name.into(),
        queue: None,
        line: None,
        policy: None,
        closed_notice: None,
    };
    (name.to_owned(), amendment)
}

#[test]
fn queues_are_added_renamed_and_removed() {
    let shelf = staffed();
    let queue = |name: &str| Amendment::AddQueue { name: name.into() };
    let rename = |name: &str, rename: &str| Amendment::SetQueue {
        name: name.into(),
        rename: rename.into(),
    };
    let remove = |name: &str| Amendment::RemoveQueue { name: name.into() };
    shelf.amend(queue("maps")).unwrap();
    assert!(shelf.refusal(queue("maps")).contains("already"));
    for bad in ["", "Maps", "a b", "é", "a/b", &"a".repeat(33)] {
        assert!(
            shelf.refusal(queue(bad)).contains("cannot be a name"),
            "{bad}"
        );
        assert!(
            shelf
                .refusal(rename("maps", bad))
                .contains("cannot be a name")
        );
    }
    shelf.amend(rename("maps", "maps")).unwrap();
    assert!(shelf.refusal(rename("maps", "desk")).contains("already"));
    assert!(shelf.refusal(rename("none", "x")).contains("queue list"));
    shelf.amend(rename("maps", "charts")).unwrap();
    assert_eq!(queues(&shelf.spool), ["desk", "charts"]);
    assert!(shelf.refusal(remove("desk")).contains("gateway m feeds"));
    shelf.amend(add_operator("ben", &["charts"])).unwrap();
    shelf.amend(remove("charts")).unwrap();
    assert!(shelf.refusal(remove("charts")).contains("queue list"));
    assert!(shelf.refusal(remove("desk")).contains("only queue"));
    let plan = shelf.do_(|c| staff::plan(c, &Library::default()));
    assert!(plan.operator_named("ben").unwrap().queues.is_empty());
}

#[test]
fn a_queue_with_records_stays() {
    let shelf = with_threads();
    shelf
        .amend(Amendment::AddQueue { name: "new".into() })
        .unwrap();
    let moved = Amendment::SetGateway {
        name: "m".into(),
        queue: Some("new".into()),
        line: None,
        policy: None,
        closed_notice: None,
    };
    shelf.amend(moved).unwrap();
    let refusal = shelf.refusal(Amendment::RemoveQueue {
        name: "desk".into(),
    });
    assert!(refusal.contains("--rename"), "{refusal}");
}

#[test]
fn operators_are_added_changed_and_removed() {
    let shelf = staffed();
    assert!(
        shelf
            .refusal(add_operator("ana", &[]))
            .contains("operator set")
    );
    assert!(
        shelf
            .refusal(add_operator("Ben", &[]))
            .contains("cannot be")
    );
    assert!(
        shelf
            .refusal(add_operator("ben", &["desk", "none"]))
            .contains("queue list")
    );
    let plan = || shelf.do_(|c| staff::plan(c, &Library::default()));
    assert!(
        plan().operator_named("ben").is_none(),
        "nothing of it stays"
    );

    let set = |hash: Option<&str>, role, queues: Option<&[&str]>| Amendment::SetOperator {
        name: "ana".into(),
        password_hash: hash.map(str::to_owned),
        role,
        queues: queues.map(|names| names.iter().map(|&n| n.to_owned()).collect()),
    };
    shelf.amend(set(Some("$argon2id$1"), None, None)).unwrap();
    shelf
        .amend(set(None, Some(Role::Admin), Some(&[])))
        .unwrap();
    let ana = plan().operator_named("ana").unwrap().clone();
    assert_eq!((ana.role, ana.queues.len()), (Role::Admin, 0));
    shelf
        .amend(set(None, None, Some(&["desk", "desk"])))
        .unwrap();
    assert_eq!(plan().operator_named("ana").unwrap().queues, [QueueId(1)]);
    assert!(
        shelf
            .refusal(set(None, None, Some(&["none"])))
            .contains("queue list")
    );
    assert_eq!(
        plan().operator_named("ana").unwrap().queues,
        [QueueId(1)],
        "taken back"
    );
    let credentials = shelf.do_(|c| staff::credentials(c, "ana"));
    assert_eq!(credentials, Some((ana.id, Some("$argon2id$1".into()))));

    shelf.do_(move |c| {
        let (operator, show) = (ana.id, Show::Available);
        keep(c, &Effect::KeepShow { operator, show }, at(0)).map(|_| ())
    });
    assert_eq!(shelf.do_(staff::presence).0, [(ana.id, Show::Available)]);
    let remove = || Amendment::RemoveOperator { name: "ana".into() };
    shelf.amend(remove()).unwrap();
    assert!(shelf.refusal(remove()).contains("operator list"));
    assert_eq!(shelf.do_(|c| staff::credentials(c, "ana")), None);
    assert!(shelf.do_(staff::presence).0.is_empty());
    shelf.amend(add_operator("ana", &[])).unwrap();
    let names = shelf.do_(staff::names);
    assert_eq!(names.len(), 2, "transcripts name their authors");
}

#[test]
fn gateways_are_added_changed_and_removed() {
    let shelf = staffed();
    let plan = || shelf.do_(|c| staff::plan(c, &Library::default()));
    // A line seen again is left as it was arranged.
    shelf
        .amend(Amendment::AddLine { name: "m".into() })
        .unwrap();
    assert_eq!(plan().gateways.len(), 1);
    assert!(
        shelf
            .refusal(add_gateway("m", GatewayKind::Sms, None))
            .contains("gateway set")
    );
    assert!(
        shelf
            .refusal(add_gateway("n", GatewayKind::Sms, Some("m")))
            .contains("gateway m's")
    );
    assert!(
        shelf
            .refusal(add_gateway("w", GatewayKind::Widget, Some("x")))
            .contains("only an sms")
    );
    assert!(
        shelf
            .refusal(add_gateway("W", GatewayKind::Widget, None))
            .contains("cannot be")
    );
    shelf
        .amend(add_gateway("w", GatewayKind::Widget, None))
        .unwrap();
    shelf
        .amend(add_gateway("n", GatewayKind::Sms, None))
        .unwrap();
    let found = plan();
    let (m, w, n) = (
        found.gateway_named("m").unwrap(),
        found.gateway_named("w").unwrap(),
        found.gateway_named("n").unwrap(),
    );
    assert_eq!(
        (m.policy, m.line.as_deref()),
        (OfflinePolicy::Hold, Some("m"))
    );
    assert_eq!((w.policy, w.line.as_deref()), (OfflinePolicy::Refuse, None));
    assert_eq!(n.line.as_deref(), Some("n"), "its own name's line");

    let (name, _) = set_gateway("w");
    let set = |line: Option<&str>, notice: Option<&str>| Amendment::SetGateway {
        name: name.clone(),
        queue: None,
        line: line.map(str::to_owned),
        policy: Some(OfflinePolicy::Hold),
        closed_notice: notice.map(str::to_owned),
    };
    assert!(
        shelf
            .refusal(set(Some("x"), None))
            .contains("not an sms gateway")
    );
    assert_eq!(
        plan().gateway_named("w").unwrap().policy,
        OfflinePolicy::Refuse,
        "taken back"
    );
    for (notice, kept) in [("", Some("")), ("Zzz", Some("Zzz")), ("default", None)] {
        shelf.amend(set(None, Some(notice))).unwrap();
        let found = plan().gateway_named("w").unwrap().clone();
        for both in [Notice::Closed, Notice::Refused] {
            assert_eq!(found.wording.get(&both).map(String::as_str), kept);
        }
        assert_eq!(found.policy, OfflinePolicy::Hold);
    }
    let (_, unchanged) = set_gateway("w");
    shelf.amend(unchanged).unwrap();
    assert!(
        shelf
            .refusal(set_gateway("none").1)
            .contains("gateway list")
    );

    shelf
        .amend(Amendment::RemoveGateway { name: "m".into() })
        .unwrap();
    assert!(plan().gateway_named("m").is_none());
    assert!(
        plan().gateway(GatewayId(1)).unwrap().removed,
        "still answered through"
    );
    shelf
        .amend(add_gateway("m", GatewayKind::Sms, None))
        .unwrap();
    assert_ne!(plan().gateway_on_line("m").unwrap().id, GatewayId(1));
}

#[test]
fn sessions_tokens_and_links_let_in_whom_they_should() {
    let shelf = staffed();
    let ana = OperatorId(1);
    let hour = SignedDuration::from_hours(1);
    assert!(!shelf.do_(staff::anyone_can_enter));
    shelf.do_(move |c| {
        staff::open_session(c, ana, "s1", at(0), hour)?;
        staff::open_session(c, ana, "s2", at(10), hour)
    });
    assert!(shelf.do_(staff::anyone_can_enter));
    let session =
        |hash: &'static str, second| shelf.do_(move |c| staff::session(c, hash, at(second)));
    assert_eq!(session("s1", 3600), Some(ana));
    assert_eq!(session("s1", 3601), None, "it ran out");
    assert_eq!(session("s2", 3601), Some(ana));
    assert_eq!(session("s3", 0), None);
    shelf.do_(|c| staff::close_session(c, "s2"));
    assert_eq!(session("s2", 0), None);
    shelf.do_(move |c| staff::open_session(c, ana, "s4", at(4000), hour));
    let left: i64 =
        shelf.do_(|c| Ok(c.query_row("SELECT count(*) FROM session", [], |r| r.get(0))?));
    assert_eq!(left, 1, "those that ran out are forgotten");

    let link = |hash: &str| Amendment::AddLink {
        operator: "ana".into(),
        link_hash: hash.into(),
        valid_s: 60,
    };
    shelf.amend(link("l1")).unwrap();
    shelf.amend(link("l2")).unwrap();
    let take =
        |hash: &'static str, second| shelf.do_(move |c| staff::take_link(c, hash, at(second)));
    assert_eq!(take("l1", 60), Some(ana));
    assert_eq!(take("l1", 0), None, "it works once");
    assert_eq!(take("l2", 61), None, "it ran out");

    let token = |operator: &str| Amendment::AddToken {
        operator: operator.into(),
        token_hash: "t".into(),
        label: None,
    };
    assert!(shelf.refusal(token("none")).contains("operator list"));
    shelf.amend(token("ana")).unwrap();
    let by_token = || shelf.do_(|c| staff::operator_by_token(c, "t"));
    assert_eq!(by_token(), Some(ana));
    let password = Amendment::SetOperator {
        name: "ana".into(),
        password_hash: Some("$argon2id$2".into()),
        role: None,
        queues: None,
    };
    shelf.amend(password).unwrap();
    assert_eq!(session("s4", 4000), None, "a new password signs out");
    assert_eq!(by_token(), Some(ana), "tokens stay");
    shelf
        .amend(Amendment::RemoveOperator { name: "ana".into() })
        .unwrap();
    assert_eq!(by_token(), None);
    assert!(!shelf.do_(staff::anyone_can_enter));
}

#[test]
fn what_is_erased_is_not_found_and_not_on_disk_and_still_counted() {
    let shelf = with_threads();
    shelf.do_(|c| {
        for n in 1..=200 {
            let mut message = a_message(n, 1);
            message.body = format!("the zyzzogeton number {n} flew away");
            keep(c, &Effect::Record(message), at(n))?;
        }
        Ok(())
    });
    let find = |words: &str| {
        let question = search::Question::read(words).unwrap();
        shelf
            .do_(move |c| search::search(c, &question, None, 1000))
            .len()
    };
    assert_eq!(find("zyzzogeton"), 200);
    assert_eq!(find("zyzzo 17"), 11);
    shelf.do_(|c| {
        let reworded = Effect::Reword {
            message: MessageId(17),
            conversation: ConversationId(1),
            body: "quokkas".into(),
        };
        keep(c, &reworded, at(300))
    });
    assert_eq!((find("zyzzo 17"), find("quokkas")), (10, 1));
    shelf.do_(|c| Ok(c.execute("DELETE FROM message", [])?));
    assert_eq!((find("zyzzogeton"), find("quokkas")), (0, 0));
    let counted: i64 =
        shelf.do_(|c| Ok(c.query_row("SELECT count(*) FROM statistic", [], |row| row.get(0))?));
    assert_eq!(counted, 200);
    // Down to the bytes, once the log is folded.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(shelf.spool.fold()).unwrap();
    let path = shelf.path();
    let bytes = std::fs::read(&path).unwrap();
    for word in ["zyzzogeton", "zyzzo", "quokka"] {
        let there = bytes.windows(word.len()).any(|w| w == word.as_bytes());
        assert!(!there, "{word} is still in {}", path.display());
    }
}
