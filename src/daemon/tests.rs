#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use tempfile::TempDir;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::oneshot;

use super::owner::Owner;
use super::restored::{MEND_EVERY, restore};
use crate::desk::{self, Arrivals, Asked, Desk, Import, NotGranted, PlanPart, Receipt, What, Wish};
use crate::routing::book::Manuscript;
use crate::routing::{
    Act, Amendment, ArrivalId, ConversationId, ConversationState, DeliveryState, Direction,
    EndpointId, Event, GatewayId, GatewayKind, Library, MessageId, Notice, OperatorId, QueueId,
    Refusal, Role, Router, Show, TransferTarget,
};
use crate::spool::inbox::Raw;
use crate::spool::{Spool, book, feed, inbox, outbox};

const ANA: OperatorId = OperatorId(1);
const BEN: OperatorId = OperatorId(2);
const LINE: GatewayId = GatewayId(1);

struct Bench {
    _folder: TempDir,
    spool: Spool,
    desk: Desk,
    owner: Owner,
}

type Answer = oneshot::Receiver<Result<Receipt, NotGranted>>;

impl Bench {
    /// Ana and Ben on queue `desk`, which gateway 1 feeds by line `m`.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(&folder.path().join("spool.db")).unwrap();
        let (desk, counter) = desk::open();
        let owner = Owner::open(spool.clone(), Library::default(), counter)
            .await
            .unwrap();
        let mut bench = Self {
            _folder: folder,
            spool,
            desk,
            owner,
        };
        bench.amend(Amendment::AddLine { name: "m".into() }).await;
        for name in ["ana", "ben"] {
            bench.amend(operator(name)).await;
        }
        bench
    }

    /// All of these at once.
    async fn serve(&mut self, wishes: Vec<Wish>) -> Vec<Result<Receipt, NotGranted>> {
        let (asked, answers): (Vec<Asked>, Vec<Answer>) = wishes
            .into_iter()
            .map(|wish| {
                let (answer, answered) = oneshot::channel();
                (Asked { wish, answer }, answered)
            })
            .unzip();
        self.owner.serve(asked.into_iter()).await;
        answers
            .into_iter()
            .map(|mut answer| answer.try_recv().expect("every wish is answered"))
            .collect()
    }

    async fn ask(&mut self, event: Event) -> Result<Receipt, NotGranted> {
        self.serve(vec![happened(event)]).await.remove(0)
    }

    async fn amend(&mut self, amendment: Amendment) {
        let mut answers = self.serve(vec![Wish::Amend(amendment)]).await;
        answers.remove(0).unwrap();
    }

    async fn arrive(&mut self, operator: OperatorId) {
        let endpoint = EndpointId(operator.0);
        let opened = Event::EndpointOpened { operator, endpoint };
        self.ask(opened).await.unwrap();
        let show = Show::Available;
        self.ask(Event::Presence { operator, show }).await.unwrap();
    }

    /// From here on no message can be written.
    async fn break_disk(&self) {
        self.sql(
            "CREATE TRIGGER broken BEFORE INSERT ON message
             BEGIN SELECT RAISE(ABORT, 'the disk is sick'); END",
        )
        .await;
    }

    async fn mend_disk(&self) {
        self.sql("DROP TRIGGER broken").await;
    }

    async fn sql(&self, sql: &'static str) {
        self.spool
            .write(move |c| Ok(c.execute_batch(sql)?))
            .await
            .unwrap();
    }

    async fn count(&self, sql: &'static str) -> i64 {
        self.spool
            .read(move |c| Ok(c.query_row(sql, [], |row| row.get(0))?))
            .await
            .unwrap()
    }

    /// What the router that lived and one built from the spool must agree on.
    async fn check_restart(&self) {
        let library = Library::default();
        let (plan, restored) = restore(&self.spool, &library, self.owner.now())
            .await
            .unwrap();
        let living = &self.owner.router;
        assert_eq!(&plan, living.plan());
        assert_eq!(&*self.owner.board.plan, &plan);
        let conversations = |router: &Router| router.conversations().cloned().collect::<Vec<_>>();
        assert_eq!(conversations(&restored), conversations(living));
        for conversation in living.conversations() {
            let id = conversation.patron;
            assert!(living.patron(id).is_some());
            assert_eq!(restored.patron(id), living.patron(id));
        }
        let shows = |router: &Router| router.shows().collect::<Vec<_>>();
        assert_eq!(shows(&restored), shows(living));
        let durable = |router: &Router| {
            let mut durable = router.durable();
            durable.periods.retain(|_, period| *period != 0);
            durable
        };
        assert_eq!(durable(&restored), durable(living));
    }
}

fn operator(name: &str) -> Amendment {
    Amendment::AddOperator {
        name: name.into(),
        password_hash: None,
        role: Role::Operator,
        queues: vec!["desk".into()],
    }
}

fn happened(event: Event) -> Wish {
    Wish::Happened {
        event,
        arrivals: Arrivals::None,
    }
}

fn text(from: &str, body: &str) -> Event {
    Event::TextArrived {
        gateway: LINE,
        from: from.into(),
        body: body.into(),
        stamped_at: None,
    }
}

fn send(operator: OperatorId, conversation: i64, key: Option<&str>) -> Event {
    Event::act(
        operator,
        ConversationId(conversation),
        Act::Send {
            body: "Yes, it is.".into(),
            client_id: key.map(str::to_owned),
        },
    )
}

const PATRON: &str = "+15551230100";

#[tokio::test]
async fn a_commit_that_fails_is_as_if_nothing_had_been_asked() {
    let mut bench = Bench::new().await;
    bench.arrive(ANA).await;
    let number = Event::LineNumber {
        line: "front-desk".into(),
        number: Some("+15559990000".into()),
        imsi: None,
    };
    bench.ask(number).await.unwrap();
    bench.ask(text(PATRON, "Is my book in?")).await.unwrap();
    let before = bench.count("SELECT count(*) FROM message").await;
    let raw = Raw {
        digest: [1; 16],
        pdu: vec![1],
    };
    let kept = bench
        .spool
        .write(move |c| inbox::keep(c, "m", &[raw], Timestamp::now()))
        .await
        .unwrap();
    let mut changes = bench.desk.changes();
    let due = bench.desk.due();

    bench.break_disk().await;
    let with_pdu = Wish::Happened {
        event: text("+15551230101", "hello"),
        arrivals: Arrivals::Consumed(vec![kept[0].id]),
    };
    let answers = bench
        .serve(vec![
            with_pdu,
            happened(send(ANA, 1, Some("k"))),
            happened(send(ANA, 1, Some("k"))),
        ])
        .await;
    for answer in answers {
        match answer {
            Err(NotGranted::NotKept(words)) => assert!(words.contains("the disk is sick")),
            other => panic!("acknowledged: {other:?}"),
        }
    }
    assert!(changes.try_recv().is_err(), "nothing was performed");
    assert!(!due.has_changed().unwrap(), "nothing was rung");
    assert_eq!(bench.count("SELECT count(*) FROM message").await, before);
    assert_eq!(bench.count("SELECT count(*) FROM outbox").await, 0);
    assert_eq!(
        bench
            .count("SELECT count(*) FROM inbox WHERE state = 'new'")
            .await,
        1
    );
    bench.check_restart().await;
    let state = bench.owner.router.conversation(ConversationId(1)).unwrap();
    assert_eq!(state.claimed_by, None);

    bench.mend_disk().await;
    let receipt = bench.ask(send(ANA, 1, Some("k"))).await.unwrap();
    assert_eq!(receipt.conversation.unwrap().claimed_by, Some(ANA));
    assert!(due.has_changed().unwrap());
    // Her endpoint was not forgotten: closing it is what starts her lease.
    let before = bench.owner.router.clone();
    let closed = Event::EndpointClosed {
        operator: ANA,
        endpoint: EndpointId(ANA.0),
    };
    bench.ask(closed).await.unwrap();
    assert_ne!(bench.owner.router, before);
    // Nor was our own number: nothing automatic answers it.
    let shown = Event::Presence {
        operator: ANA,
        show: Show::Offline,
    };
    bench.ask(shown).await.unwrap();
    bench.ask(text("+15559990000", "hello")).await.unwrap();
    let notices = "SELECT count(*) FROM outbox WHERE recipient = '+15559990000'";
    assert_eq!(bench.count(notices).await, 0);
    bench.ask(text("+15551230102", "hello")).await.unwrap();
    let notices = "SELECT count(*) FROM outbox WHERE recipient = '+15551230102'";
    assert_eq!(bench.count(notices).await, 1);
    bench.check_restart().await;
}

#[tokio::test]
async fn a_router_that_cannot_mend_itself_rests_between_tries() {
    let mut bench = Bench::new().await;
    bench.arrive(ANA).await;
    bench.ask(text(PATRON, "hello")).await.unwrap();
    bench.break_disk().await;
    assert!(bench.ask(text(PATRON, "again")).await.is_err());
    let wait = bench.owner.wait().expect("it wants to mend");
    assert!(
        wait > Duration::from_secs(1) && wait <= MEND_EVERY,
        "{wait:?}"
    );
}

#[tokio::test]
async fn the_same_key_is_the_same_message_in_a_batch_later_and_after_a_restart() {
    let mut bench = Bench::new().await;
    bench.arrive(ANA).await;
    bench.ask(text(PATRON, "Is my book in?")).await.unwrap();
    let answers = bench
        .serve(vec![
            happened(send(ANA, 1, Some("k"))),
            happened(send(ANA, 1, Some("k"))),
            happened(send(ANA, 1, Some("other"))),
            happened(send(ANA, 1, None)),
        ])
        .await;
    let ids: Vec<i64> = answers
        .into_iter()
        .map(|answer| answer.unwrap().message.unwrap().id.0)
        .collect();
    assert_eq!(ids[0], ids[1]);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 3);
    let again = bench.ask(send(ANA, 1, Some("k"))).await.unwrap();
    assert_eq!(again.message.unwrap().id.0, ids[0]);
    // Another operator's key is another.
    let other = bench.ask(send(BEN, 1, Some("k"))).await;
    assert!(matches!(
        other,
        Err(NotGranted::Refused(Refusal::AnsweredBy { .. }))
    ));

    let (_, counter) = desk::open();
    bench.owner = Owner::open(bench.spool.clone(), Library::default(), counter)
        .await
        .unwrap();
    let again = bench.ask(send(ANA, 1, Some("k"))).await.unwrap();
    assert_eq!(again.message.unwrap().id.0, ids[0]);
    assert_eq!(
        bench
            .count("SELECT count(*) FROM message WHERE direction = 'out'")
            .await,
        3
    );
    assert_eq!(bench.count("SELECT count(*) FROM outbox").await, 3);
}

#[tokio::test]
async fn wishes_asked_together_share_a_commit_and_are_told_in_order() {
    let mut bench = Bench::new().await;
    bench.arrive(ANA).await;
    let mut changes = bench.desk.changes();
    let texts = (0..40).map(|at| happened(text(&format!("+155512301{at:02}"), "hello")));
    let answers = bench.serve(texts.collect()).await;
    assert!(answers.iter().all(Result::is_ok));
    let mut rows = Vec::new();
    while let Ok(change) = changes.try_recv() {
        if change.id > 0 {
            rows.push(change.id);
        }
    }
    assert_eq!(rows.len(), 80, "a conversation and a message each");
    assert!(rows.is_sorted());
    assert_eq!(
        bench.spool.read(feed::latest).await.unwrap(),
        *rows.last().unwrap()
    );
    bench.check_restart().await;
}

#[tokio::test]
async fn a_plan_changes_in_the_middle_of_a_batch() {
    let mut bench = Bench::new().await;
    bench.arrive(ANA).await;
    let maps = Amendment::AddQueue {
        name: "maps".into(),
    };
    let moved = Amendment::SetGateway {
        name: "m".into(),
        queue: Some("maps".into()),
        line: None,
        policy: None,
        closed_notice: None,
    };
    let nonsense = Amendment::AddQueue {
        name: "maps".into(),
    };
    let answers = bench
        .serve(vec![
            happened(text("+15551230100", "before")),
            Wish::Amend(maps),
            Wish::Amend(moved),
            Wish::Amend(nonsense),
            happened(text("+15551230101", "after")),
        ])
        .await;
    let queue = |at: usize| {
        let receipt: &Receipt = answers[at].as_ref().unwrap();
        receipt.conversation.as_ref().unwrap().queue
    };
    let plan = bench.owner.router.plan();
    assert_eq!(queue(0), plan.queue_named("desk").unwrap().id);
    assert_eq!(queue(4), plan.queue_named("maps").unwrap().id);
    assert!(
        matches!(&answers[3], Err(NotGranted::BadAmendment(error)) if error.to_string().contains("maps"))
    );
    assert_eq!(*bench.desk.board().borrow().plan, *plan);
    bench.check_restart().await;
}

fn import(book: &str, dry_run: bool) -> Wish {
    Wish::Import(Import {
        by: None,
        manuscript: Arc::new(Manuscript::read(book.into()).unwrap()),
        dry_run,
    })
}

/// The desk as it would be carried elsewhere, with all there is.
async fn exported(bench: &Bench) -> String {
    let book = bench.spool.read(|c| book::read(c, true));
    book.await.unwrap().to_toml()
}

const BOOK: &str = "callnumber_desk = 1
[[queue]]
name = \"maps\"
hours = \"Mon-Fri 9:00-17:00\"
[[gateway]]
name = \"m\"
kind = \"sms\"
queue = \"maps\"
line = \"m\"
[[operator]]
name = \"ben\"
queues = [\"maps\"]
[[operator]]
name = \"cara\"
queues = [\"maps\", \"desk\"]
[[canned]]
key = \"hours\"
text = \"Until 5.\"
";

#[tokio::test]
async fn a_book_is_brought_in_with_one_commit_and_told_once() {
    let mut bench = Bench::new().await;
    bench.arrive(ANA).await;
    let mut changes = bench.desk.changes();
    let tried = bench
        .serve(vec![import(BOOK, true)])
        .await
        .remove(0)
        .unwrap();
    assert!(tried.changes.len() > 4, "{:?}", tried.changes);
    assert!(bench.owner.board.plan.queue_named("maps").is_none());
    assert!(matches!(changes.try_recv(), Err(TryRecvError::Empty)));

    // In the middle of a batch: what came before is decided by the plan before.
    let mut answers = bench
        .serve(vec![
            happened(text("+15551230100", "before")),
            import(BOOK, false),
            happened(text("+15551230101", "after")),
        ])
        .await;
    let after = answers.pop().unwrap().unwrap().conversation.unwrap();
    let brought = answers.pop().unwrap().unwrap();
    let before = answers.pop().unwrap().unwrap().conversation.unwrap();
    assert_eq!(brought.changes, tried.changes);
    let plan = Arc::clone(&bench.owner.board.plan);
    assert_eq!(before.queue, plan.queue_named("desk").unwrap().id);
    assert_eq!(after.queue, plan.queue_named("maps").unwrap().id);
    let mut plans = 0;
    while let Ok(change) = changes.try_recv() {
        if let What::Plan { plan: told, part } = &change.what {
            assert_eq!((told, *part), (&plan, PlanPart::All));
            plans += 1;
        }
    }
    assert_eq!(plans, 1);
    bench.check_restart().await;
    let again = bench
        .serve(vec![import(BOOK, false)])
        .await
        .remove(0)
        .unwrap();
    assert_eq!(again.changes, [""; 0]);
    assert!(matches!(changes.try_recv(), Err(TryRecvError::Empty)));
}

#[tokio::test]
async fn a_book_that_breaks_off_leaves_the_desk_as_it_was() {
    let mut bench = Bench::new().await;
    let before = exported(&bench).await;
    let trail = "SELECT count(*) FROM audit";
    let lines = bench.count(trail).await;
    let at_every_table = [
        "CREATE TRIGGER sick BEFORE INSERT ON queue BEGIN SELECT RAISE(ABORT, 'sick'); END",
        "CREATE TRIGGER sick BEFORE UPDATE ON gateway BEGIN SELECT RAISE(ABORT, 'sick'); END",
        "CREATE TRIGGER sick BEFORE INSERT ON operator BEGIN SELECT RAISE(ABORT, 'sick'); END",
        "CREATE TRIGGER sick BEFORE INSERT ON canned BEGIN SELECT RAISE(ABORT, 'sick'); END",
        // A disk that takes everything back, not this job's part alone.
        "CREATE TRIGGER sick BEFORE INSERT ON canned BEGIN SELECT RAISE(ROLLBACK, 'sick'); END",
    ];
    for trigger in at_every_table {
        for dry_run in [true, false] {
            bench.sql(trigger).await;
            let broken = bench.serve(vec![import(BOOK, dry_run)]).await.remove(0);
            assert!(
                matches!(broken, Err(NotGranted::NotKept(_))),
                "{trigger}: {broken:?}"
            );
            bench.sql("DROP TRIGGER sick").await;
            assert_eq!(exported(&bench).await, before, "{trigger}");
            assert_eq!(bench.count(trail).await, lines, "{trigger}");
            bench.check_restart().await;
        }
    }
    // The last entry is wrong: said with its line, and the same holds.
    let wrong = format!("{BOOK}[[operator]]\nname = \"dora\"\nxmpp = [\"nobody\"]\n");
    for dry_run in [true, false] {
        let refused = bench.serve(vec![import(&wrong, dry_run)]).await.remove(0);
        let said = refused.unwrap_err().to_string();
        assert!(said.starts_with("line 21: "), "{said}");
        assert!(said.ends_with("nothing was changed"), "{said}");
        assert_eq!(exported(&bench).await, before);
        assert_eq!(bench.count(trail).await, lines);
        bench.check_restart().await;
    }
    bench
        .serve(vec![import(BOOK, false)])
        .await
        .remove(0)
        .unwrap();
    assert_ne!(exported(&bench).await, before);
    bench.check_restart().await;
}

#[tokio::test]
async fn a_plan_that_is_kept_is_in_force_even_when_what_follows_is_not() {
    let mut bench = Bench::new().await;
    bench.arrive(ANA).await;
    bench.ask(text(PATRON, "hello")).await.unwrap();
    bench.ask(send(ANA, 1, None)).await.unwrap();
    bench
        .sql(
            "CREATE TRIGGER broken BEFORE INSERT ON note
             BEGIN SELECT RAISE(ABORT, 'the disk is sick'); END",
        )
        .await;
    let gone = Amendment::RemoveOperator { name: "ana".into() };
    bench.amend(gone).await;
    assert!(bench.owner.router.plan().operator_named("ana").is_none());
    bench.check_restart().await;
    bench.mend_disk().await;
    // What did not follow then, follows when the router mends.
    bench.owner.tick().await;
    let thread = bench.owner.router.conversation(ConversationId(1)).unwrap();
    assert_eq!(thread.claimed_by, None, "back in the queue");
    bench.check_restart().await;
}

#[tokio::test]
async fn a_listener_that_lags_is_told_so_and_finds_everything_in_the_feed() {
    let mut bench = Bench::new().await;
    let mut changes = bench.desk.changes();
    for round in 0..12 {
        let texts = (0..200).map(|_| happened(text(PATRON, &format!("text {round}"))));
        let answers = bench.serve(texts.collect()).await;
        assert!(answers.iter().all(Result::is_ok));
    }
    assert!(matches!(changes.recv().await, Err(RecvError::Lagged(_))));
    let rows = bench
        .spool
        .read(|c| feed::since(c, 0, 10_000))
        .await
        .unwrap();
    let messages: BTreeSet<_> = rows.iter().filter_map(|row| row.message).collect();
    let kept = bench.count("SELECT count(*) FROM message").await;
    assert_eq!(messages.len() as i64, kept);
    assert!(kept >= 2400);
}

#[tokio::test]
async fn what_was_asked_before_the_end_is_answered() {
    let bench = Bench::new().await;
    let Bench {
        owner,
        desk,
        spool,
        _folder,
    } = bench;
    let mut answers = Vec::new();
    for at in 0..300 {
        let wish = happened(text(&format!("+1555123{at:04}"), "hello"));
        answers.push(desk.post(wish).await.unwrap());
    }
    let run = owner.run(std::future::ready(()));
    tokio::time::timeout(Duration::from_secs(60), run)
        .await
        .expect("it ends");
    for mut answer in answers {
        answer.try_recv().unwrap().unwrap();
    }
    let after = desk.ask(text(PATRON, "too late")).await;
    assert!(matches!(after, Err(NotGranted::ShuttingDown)));
    let texts = spool
        .read(|c| {
            let sql = "SELECT count(*) FROM message WHERE direction = 'in'";
            Ok(c.query_row(sql, [], |row| row.get::<_, i64>(0))?)
        })
        .await;
    assert_eq!(texts.unwrap(), 300);
}

#[tokio::test]
async fn pdus_are_used_up_shown_or_set_aside_with_their_event() {
    let mut bench = Bench::new().await;
    let raws: Vec<Raw> = (0..3)
        .map(|byte| Raw {
            digest: [byte; 16],
            pdu: vec![byte],
        })
        .collect();
    let kept = bench
        .spool
        .write(move |c| inbox::keep(c, "m", &raws, Timestamp::now()))
        .await
        .unwrap();
    let ids: Vec<ArrivalId> = kept.iter().map(|kept| kept.id).collect();
    let with = |arrivals| Wish::Happened {
        event: text(PATRON, "hello"),
        arrivals,
    };
    let answers = bench
        .serve(vec![
            with(Arrivals::Consumed(vec![ids[0]])),
            with(Arrivals::ShownInPart(vec![ids[1]])),
            with(Arrivals::Unreadable {
                ids: vec![ids[2]],
                problem: "torn".into(),
            }),
        ])
        .await;
    let shown = answers[1].as_ref().unwrap().message.clone().unwrap().id;
    let left = bench
        .spool
        .read(|c| inbox::unconsumed(c, "m"))
        .await
        .unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].id, left[0].shown_in), (ids[1], Some(shown)));
    assert_eq!(
        bench
            .count("SELECT count(*) FROM inbox WHERE state = 'odd'")
            .await,
        1
    );
    // A gateway that is gone refuses; the PDU stays for whoever comes.
    let refused = Wish::Happened {
        event: Event::TextArrived {
            gateway: GatewayId(99),
            from: PATRON.into(),
            body: "hello".into(),
            stamped_at: None,
        },
        arrivals: Arrivals::Consumed(vec![ids[1]]),
    };
    assert!(bench.serve(vec![refused]).await[0].is_err());
    let left = bench
        .spool
        .read(|c| inbox::unconsumed(c, "m"))
        .await
        .unwrap();
    assert_eq!(left.len(), 1);
}

/// One thing that happens. Numbers pick from what there is.
#[derive(Debug, Clone)]
enum Step {
    Text(u8, u8),
    Arrive(u8),
    Vanish(u8),
    Show(u8, u8),
    Send(u8, u8, bool),
    Claim(u8, u8),
    Release(u8, u8),
    Close(u8, u8),
    Transfer(u8, u8, bool),
    Deliver(u8, u8),
    Retry(u8, u8),
    Write(u8),
    Amend(u8),
    Outage(u8),
    Tick,
    Break,
    Mend,
}

fn step() -> impl Strategy<Value = Step> {
    let n = || 0..8_u8;
    prop_oneof![
        8 => (n(), n()).prop_map(|(a, b)| Step::Text(a, b)),
        4 => n().prop_map(Step::Arrive),
        2 => n().prop_map(Step::Vanish),
        3 => (n(), n()).prop_map(|(a, b)| Step::Show(a, b)),
        6 => (n(), n(), any::<bool>()).prop_map(|(a, b, c)| Step::Send(a, b, c)),
        3 => (n(), n()).prop_map(|(a, b)| Step::Claim(a, b)),
        2 => (n(), n()).prop_map(|(a, b)| Step::Release(a, b)),
        3 => (n(), n()).prop_map(|(a, b)| Step::Close(a, b)),
        3 => (n(), n(), any::<bool>()).prop_map(|(a, b, c)| Step::Transfer(a, b, c)),
        4 => (n(), n()).prop_map(|(a, b)| Step::Deliver(a, b)),
        2 => (n(), n()).prop_map(|(a, b)| Step::Retry(a, b)),
        1 => n().prop_map(Step::Write),
        3 => (0..24_u8).prop_map(Step::Amend),
        1 => n().prop_map(Step::Outage),
        2 => Just(Step::Tick),
        1 => Just(Step::Break),
        2 => Just(Step::Mend),
    ]
}

fn wish(step: &Step) -> Option<Wish> {
    let who = |n: u8| OperatorId(1 + i64::from(n % 3));
    let thread = |n: u8| ConversationId(1 + i64::from(n % 5));
    let event = match *step {
        Step::Text(peer, words) => {
            let bodies = [
                "hello",
                "STOP",
                "start",
                "help",
                "",
                "FORGET",
                "no",
                "please stop",
            ];
            let from = ["+15551230100", "+15551230101", "22000", "INFO"];
            text(from[usize::from(peer % 4)], bodies[usize::from(words % 8)])
        }
        Step::Arrive(n) => Event::EndpointOpened {
            operator: who(n),
            endpoint: EndpointId(who(n).0),
        },
        Step::Vanish(n) => Event::EndpointClosed {
            operator: who(n),
            endpoint: EndpointId(who(n).0),
        },
        Step::Show(n, show) => Event::Presence {
            operator: who(n),
            show: [Show::Available, Show::Away, Show::Offline][usize::from(show % 3)],
        },
        Step::Send(n, c, keyed) => {
            let key = keyed.then(|| format!("key {c}"));
            send(who(n), thread(c).0, key.as_deref())
        }
        Step::Claim(n, c) => Event::act(who(n), thread(c), Act::Claim),
        Step::Release(n, c) => Event::act(who(n), thread(c), Act::Release),
        Step::Close(n, c) => Event::act(who(n), thread(c), Act::Close),
        Step::Transfer(n, c, queue) => Event::act(
            who(n),
            thread(c),
            Act::Transfer {
                to: match queue {
                    true => TransferTarget::Queue(QueueId(2)),
                    false => TransferTarget::Operator(who(n + 1)),
                },
                note: "knows more".into(),
            },
        ),
        Step::Deliver(m, state) => Event::Delivery {
            message: MessageId(1 + i64::from(m)),
            conversation: thread(m),
            state: [
                DeliveryState::Sending,
                DeliveryState::Sent,
                DeliveryState::Delivered,
                DeliveryState::Failed,
                DeliveryState::Unknown,
            ][usize::from(state % 5)],
            reason: None,
        },
        Step::Retry(n, m) => Event::act(
            who(n),
            thread(m),
            Act::Retry {
                message: MessageId(1 + i64::from(m)),
            },
        ),
        Step::Write(n) => Event::Write {
            gateway: LINE,
            to: format!("+1555123010{}", n % 4),
            body: "Your book is in.".into(),
        },
        Step::Amend(n) => {
            return Some(Wish::Amend(match n % 12 {
                0 => Amendment::AddQueue {
                    name: "maps".into(),
                },
                1 => Amendment::SetOperator {
                    name: "ben".into(),
                    password_hash: None,
                    role: None,
                    queues: Some(vec!["desk".into(), "maps".into()]),
                },
                2 => operator("cyd"),
                3 => Amendment::RemoveOperator { name: "cyd".into() },
                4 => Amendment::SetGateway {
                    name: "m".into(),
                    queue: Some(["desk", "maps"][usize::from(n / 12)].into()),
                    line: None,
                    policy: None,
                    closed_notice: None,
                },
                5 => Amendment::SetFallback {
                    queue: "desk".into(),
                    fallback: Some(["maps", ""][usize::from(n / 12)].into()),
                    after_s: Some(1),
                },
                6 => Amendment::PauseGateway {
                    name: "m".into(),
                    paused: n < 12,
                },
                7 => Amendment::SetHours {
                    queue: "desk".into(),
                    hours: Some("Mon-Fri 9:00-17:00".into()),
                    holidays: vec![("2026-12-25".parse().unwrap(), "closed".into())],
                    no_holidays: Vec::new(),
                },
                8 => Amendment::SetWording {
                    gateway: "m".into(),
                    notice: Notice::Closed,
                    words: (n < 12).then(|| "{library} sleeps.".into()),
                },
                9 => Amendment::DescribeQueue {
                    name: "desk".into(),
                    title: Some("Elm".into()),
                    facts: Some("Maps upstairs.".into()),
                },
                10 => Amendment::RemoveGateway { name: "w".into() },
                _ => Amendment::AddGateway {
                    name: "w".into(),
                    kind: GatewayKind::Widget,
                    queue: "desk".into(),
                    line: None,
                    policy: None,
                },
            }));
        }
        Step::Outage(n) => Event::LineRestored {
            gateway: LINE,
            from: Timestamp::UNIX_EPOCH,
            to: Timestamp::UNIX_EPOCH + Duration::from_secs(u64::from(n) * 300),
        },
        Step::Tick => Event::Tick,
        Step::Break | Step::Mend => return None,
    };
    Some(happened(event))
}

/// Runs a history in batches of this size.
async fn live(steps: Vec<Step>, size: usize) {
    let mut bench = Bench::new().await;
    let mut broken = false;
    for batch in steps.chunks(size) {
        for step in batch {
            match step {
                Step::Break if !broken => {
                    broken = true;
                    bench.break_disk().await;
                }
                Step::Mend if broken => {
                    broken = false;
                    bench.mend_disk().await;
                }
                _ => {}
            }
        }
        let wishes: Vec<Wish> = batch.iter().filter_map(wish).collect();
        bench.serve(wishes).await;
        bench.check_restart().await;
    }
    // No message without its row in the outbox, and none twice by itself.
    let lost = "SELECT count(*) FROM message m WHERE m.direction = 'out'
        AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.message = m.id)";
    assert_eq!(bench.count(lost).await, 0);
    let ours = bench
        .count("SELECT count(*) FROM message WHERE direction = 'out'")
        .await;
    assert!(bench.count("SELECT count(*) FROM outbox").await >= ours);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_router_restored_is_the_router_that_lived(
        steps in prop::collection::vec(step(), 1..60),
        size in 1..7_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(live(steps, size));
    }
}

#[tokio::test]
async fn a_text_out_is_due_on_its_line_once_it_is_accepted() {
    let mut bench = Bench::new().await;
    bench.arrive(ANA).await;
    bench.ask(text(PATRON, "hello")).await.unwrap();
    let receipt = bench.ask(send(ANA, 1, None)).await.unwrap();
    let message = receipt.message.unwrap();
    assert_eq!(
        (message.direction, message.state),
        (Direction::Out, DeliveryState::Queued)
    );
    let conversation = receipt.conversation.unwrap();
    assert_eq!(conversation.state, ConversationState::Claimed);
    let due = bench
        .spool
        .read(|c| outbox::next_due(c, "m", Timestamp::now(), outbox::Which::All))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((due.message, due.recipient.as_str()), (message.id, PATRON));
}
