//! The patrons' radio side with the owner behind it: a spool, a router, a line that is scripted.

mod outcomes;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tempfile::TempDir;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{advance, pause, resume, timeout};

use callnumber::daemon::Owner;
use callnumber::desk::{self, Arrivals, Change, Desk, Wish};
use callnumber::modem::{
    self, ArrivedPdu, Line, LineStatus, Phase, Remedy, Slot, Submission, SubmitOutcome,
    SubmitRefusal,
};
use callnumber::routing::{
    Act, Amendment, ConversationId, DeliveryState, EndpointId, Event, Library, MessageId,
    OfflinePolicy, OperatorId, Role, Show,
};
use callnumber::sms::{
    Address, Body, Concat, DataCoding, Pdu, ProtocolId, SmsDeliver, SmsStatusReport, SmsSubmit,
    Status, Tpdu, UserData, UserDataHeader, unhex,
};
use callnumber::spool::outbox::SegmentState;
use callnumber::spool::{Spool, SpoolError, inbox, outbox, transcript};
use callnumber::texting::{Inbound, Outbound};

const PATIENCE: Duration = Duration::from_secs(30);
const ANA: OperatorId = OperatorId(1);
const PATRON: &str = "+15551230100";

/// A house without walls. Everything in it ends with [`House::close`], as a power cut would.
struct House {
    folder: TempDir,
    spool: Spool,
    desk: Desk,
    changes: broadcast::Receiver<Arc<Change>>,
    tasks: Vec<JoinHandle<()>>,
    arrivals: mpsc::Sender<modem::Arrivals>,
    submissions: mpsc::Receiver<Submission>,
    stop: watch::Sender<bool>,
    status: watch::Sender<LineStatus>,
}

/// How a line may be used.
#[derive(Clone, Copy)]
struct Use {
    pace: Duration,
    per_day: u32,
    outbound: bool,
}

const FREELY: Use = Use {
    pace: Duration::ZERO,
    per_day: 0,
    outbound: true,
};
const INBOUND_ONLY: Use = Use {
    outbound: false,
    ..FREELY
};

impl House {
    async fn new(how: Use) -> Self {
        Self::arranged(how, true).await
    }

    async fn arranged(how: Use, with_gateway: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let house = Self::open(folder, how).await;
        if with_gateway {
            let name = "m".into();
            house.desk.amend(Amendment::AddLine { name }).await.unwrap();
        }
        let ana = Amendment::AddOperator {
            name: "ana".into(),
            password_hash: None,
            role: Role::Operator,
            queues: vec!["desk".into()],
        };
        house.desk.amend(ana).await.unwrap();
        house
    }

    async fn open(folder: TempDir, how: Use) -> Self {
        let spool = Spool::open(&folder.path().join("spool.db")).unwrap();
        let (desk, counter) = desk::open();
        let owner = Owner::open(spool.clone(), Library::default(), counter)
            .await
            .unwrap();
        let mut tasks = vec![tokio::spawn(owner.run(std::future::pending()))];
        let (arrivals, arrived) = mpsc::channel(16);
        let (stop, stopped) = watch::channel(false);
        let inbound = Inbound::new("m".into(), desk.clone(), spool.clone());
        tasks.push(tokio::spawn(inbound.run(arrived, stopped.clone())));
        let (submit, submissions) = mpsc::channel(1);
        let (status, told) = watch::channel(LineStatus {
            name: "m".into(),
            phase: Phase::Ready,
            ..LineStatus::default()
        });
        let line = Line::scripted("m", submit, told);
        if how.outbound {
            let outbound = Outbound::new(line, desk.clone(), spool.clone(), how.pace, how.per_day);
            tasks.push(tokio::spawn(outbound.run(stopped)));
        }
        Self {
            changes: desk.changes(),
            folder,
            spool,
            desk,
            tasks,
            arrivals,
            submissions,
            stop,
            status,
        }
    }

    /// Cuts the power.
    async fn close(self) -> TempDir {
        for task in &self.tasks {
            task.abort();
        }
        for task in self.tasks {
            let _ = task.await;
        }
        self.folder
    }

    async fn restart(self, how: Use) -> Self {
        let folder = self.close().await;
        Self::open(folder, how).await
    }

    async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&rusqlite::Connection) -> Result<T, SpoolError> + Send + 'static,
    ) -> T {
        self.spool.read(job).await.unwrap()
    }

    async fn sql(&self, sql: &'static str) {
        let done = self.spool.write(move |c| Ok(c.execute_batch(sql)?));
        done.await.unwrap();
    }

    async fn count(&self, sql: &'static str) -> i64 {
        self.read(move |c| Ok(c.query_row(sql, [], |row| row.get(0))?))
            .await
    }

    // Arrivals.

    /// One sweep of the modem; answers whether it may forget them.
    async fn sweep(&self, pdus: &[Vec<u8>]) -> bool {
        let pdus = pdus
            .iter()
            .zip(1..)
            .map(|(octets, index)| ArrivedPdu {
                slot: Some(Slot {
                    memory: "SM".into(),
                    index,
                }),
                ..ArrivedPdu::direct(Some(octets.clone()), "")
            })
            .collect();
        self.sweep_of(pdus).await
    }

    async fn sweep_of(&self, pdus: Vec<ArrivedPdu>) -> bool {
        let (kept, answer) = oneshot::channel();
        let line = "m".into();
        let arrivals = modem::Arrivals { line, pdus, kept };
        self.arrivals.send(arrivals).await.unwrap();
        timeout(PATIENCE, answer).await.unwrap().unwrap()
    }

    /// Patrons' words, oldest first.
    async fn texts(&self) -> Vec<String> {
        self.read(|c| {
            let mut rows =
                c.prepare("SELECT body FROM message WHERE direction = 'in' ORDER BY id")?;
            let texts = rows.query_map([], |row| row.get(0))?;
            Ok(texts.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// Waits until the texts are these.
    async fn expect_texts(&mut self, expected: &[&str]) {
        let mut found = Vec::new();
        let waited = timeout(PATIENCE, async {
            loop {
                found = self.texts().await;
                if found == expected {
                    return;
                }
                // A change, or lagging behind: look again.
                let _ = self.changes.recv().await;
            }
        });
        if waited.await.is_err() {
            panic!("{:?} and not {expected:?}", self.texts().await);
        }
    }

    /// Everything before this has been read once it is shown.
    async fn expect_after_sentinel(&mut self, expected: &[&str]) {
        assert!(self.sweep(&[deliver("+15550009999", "sentinel", 59)]).await);
        let mut all = expected.to_vec();
        all.push("sentinel");
        self.expect_texts(&all).await;
    }

    // Texts out.

    /// Ana answers the only conversation.
    async fn reply(&self, words: &str) -> MessageId {
        let sent = self
            .desk
            .ask(Event::act(ANA, ConversationId(1), Act::send(words)));
        sent.await.unwrap().message.unwrap().id
    }

    /// A house where a patron has asked, and ana is there.
    async fn asked(how: Use) -> Self {
        let mut house = Self::new(how).await;
        house.on_duty().await;
        assert!(house.sweep(&[deliver(PATRON, "Is my book in?", 0)]).await);
        house.expect_texts(&["Is my book in?"]).await;
        house
    }

    async fn on_duty(&self) {
        let (operator, endpoint) = (ANA, EndpointId(1));
        let opened = Event::EndpointOpened { operator, endpoint };
        self.desk.ask(opened).await.unwrap();
        let show = Show::Available;
        let shows = Event::Presence { operator, show };
        self.desk.ask(shows).await.unwrap();
    }

    /// The next segment on the air, and how to answer it.
    async fn next(&mut self) -> (SmsSubmit, Submission) {
        let next = timeout(PATIENCE, self.submissions.recv());
        let submission = next.await.expect("something is sent").unwrap();
        match Tpdu::decode_going(callnumber::sms::Direction::FromModem, &submission.tpdu) {
            Ok(Tpdu::Submit(submit)) => (submit, submission),
            other => panic!("{other:?}"),
        }
    }

    async fn accept(&mut self, message_reference: u8) -> String {
        let (submit, submission) = self.next().await;
        let outcome = SubmitOutcome::Accepted { message_reference };
        submission.outcome.send(outcome).unwrap();
        submit.text().unwrap()
    }

    async fn refuse(&mut self, transient: bool) -> String {
        let (submit, submission) = self.next().await;
        let refusal = SubmitRefusal {
            code: Some(42),
            words: "the modem said +CMS ERROR: 42".into(),
            remedy: match transient {
                true => Remedy::Later,
                false => Remedy::Recipient,
            },
            may_have_left: false,
        };
        submission
            .outcome
            .send(SubmitOutcome::Refused(refusal))
            .unwrap();
        submit.text().unwrap()
    }

    async fn lose(&mut self) {
        let (_, submission) = self.next().await;
        let why = "no answer from the network".into();
        submission
            .outcome
            .send(SubmitOutcome::Unknown { why })
            .unwrap();
    }

    /// Waits until a message is in this state; answers the reason.
    async fn expect_state(&mut self, message: MessageId, state: DeliveryState) -> Option<String> {
        let waited = timeout(PATIENCE, async {
            loop {
                let found = self.read(move |c| transcript::message(c, message)).await;
                let found = found.unwrap();
                if found.state == state {
                    return found.reason;
                }
                let _ = self.changes.recv().await;
            }
        });
        match waited.await {
            Ok(reason) => reason,
            Err(_) => {
                let found = self.read(move |c| transcript::message(c, message)).await;
                panic!("{found:?} and not {state:?}");
            }
        }
    }

    /// Waits until a text was put off this often, and the desk was told why.
    async fn expect_put_off(&mut self, message: MessageId, tries: i64) {
        let waited = timeout(PATIENCE, async {
            loop {
                let found = self.read(move |c| transcript::message(c, message)).await;
                let found = found.unwrap();
                let tried = self
                    .count("SELECT coalesce(max(tries), 0) FROM outbox WHERE state = 'due'")
                    .await;
                if tried == tries && found.state == DeliveryState::Queued && found.reason.is_some()
                {
                    return;
                }
                let _ = self.changes.recv().await;
            }
        });
        waited.await.expect("it is put off");
    }

    /// Minutes pass until the outbox was looked into and something is on its way. One look alone may
    /// have begun before what it should find was there.
    async fn expect_look(&mut self) {
        // Only the monotonic clock runs ahead here: in steps so short that two looks do not take it
        // for a wall clock that was set. So the steps are counted, not timed.
        for _ in 0..60 {
            for _ in 0..100 {
                if !self.submissions.is_empty() {
                    return;
                }
                // Behind whatever the outbox is writing: a busy disk makes these wait as well.
                self.sql("").await;
            }
            pass(Duration::from_secs(31)).await;
        }
        panic!("nothing was sent in half an hour of looks");
    }

    /// Nothing is on its way, now that `message` is settled and the outbox was looked into.
    async fn expect_silence(&mut self) {
        let waiting = self
            .read(|c| outbox::next_due(c, "m", Timestamp::now(), outbox::Which::All))
            .await;
        assert_eq!(waiting, None);
        assert!(self.submissions.try_recv().is_err());
    }
}

/// Lets time pass on the runtime's clock.
async fn pass(time: Duration) {
    pause();
    advance(time).await;
    resume();
}

fn stamp(second: u8) -> callnumber::sms::Timestamp {
    let swapped = second % 10 * 16 + second / 10;
    callnumber::sms::Timestamp([0x62, 0x11, 0x22, 0x50, 0x01, swapped, 0x00])
}

fn delivery(from: &str, user_data: UserData, second: u8) -> SmsDeliver {
    SmsDeliver {
        more_messages: false,
        loop_prevention: false,
        reply_path: false,
        status_report_indication: false,
        originator: Address::number(from).unwrap(),
        pid: ProtocolId::PLAIN,
        coding: user_data.coding(),
        timestamp: stamp(second),
        user_data,
    }
}

fn through(smsc: &str, deliver: SmsDeliver) -> Vec<u8> {
    Pdu {
        smsc: Some(Address::number(smsc).unwrap()),
        tpdu: Tpdu::Deliver(deliver),
    }
    .encode()
    .unwrap()
}

const CENTRE: &str = "+15550000001";

fn simple(text: &str) -> UserData {
    callnumber::sms::split(text, 0).unwrap().remove(0)
}

fn deliver(from: &str, text: &str, second: u8) -> Vec<u8> {
    through(CENTRE, delivery(from, simple(text), second))
}

fn part(reference: u16, total: u8, sequence: u8, wide: bool, text: &str) -> Vec<u8> {
    let concat = Concat {
        reference,
        total,
        sequence,
        wide,
    };
    let body = simple(text).body().clone();
    let header = UserDataHeader::concatenation(concat);
    let user_data = UserData::new(Some(header), body).unwrap();
    through(CENTRE, delivery(PATRON, user_data, sequence))
}

fn report(reference: u8, recipient: &str, status: u8) -> Vec<u8> {
    let report = SmsStatusReport {
        more_messages: false,
        loop_prevention: false,
        to_command: false,
        message_reference: reference,
        recipient: Address::number(recipient).unwrap(),
        timestamp: stamp(1),
        discharge: stamp(2),
        status: Status(status),
        pid: None,
        coding: None,
        user_data: None,
    };
    Pdu {
        smsc: None,
        tpdu: Tpdu::StatusReport(report),
    }
    .encode()
    .unwrap()
}

// What comes in ------------------------------------------------------------------------------------

#[tokio::test]
async fn texts_are_read_once_however_often_they_are_listed() {
    let mut house = House::new(INBOUND_ONLY).await;
    let text = deliver(PATRON, "Is my book in?", 1);
    assert!(house.sweep(std::slice::from_ref(&text)).await);
    assert!(
        house.sweep(&[text.clone(), text]).await,
        "known, and so kept"
    );
    let elsewhere = through(
        "+15550000002",
        delivery(PATRON, simple("Is my book in?"), 1),
    );
    assert!(house.sweep(&[elsewhere]).await, "another service centre");
    // The same words later are another text.
    assert!(house.sweep(&[deliver(PATRON, "Is my book in?", 2)]).await);
    house
        .expect_after_sentinel(&["Is my book in?", "Is my book in?"])
        .await;
}

#[tokio::test]
async fn without_a_stamp_the_slot_tells_texts_apart() {
    let mut house = House::new(INBOUND_ONLY).await;
    let mut unstamped = delivery(PATRON, simple("hello"), 0);
    unstamped.timestamp = callnumber::sms::Timestamp([0xFF; 7]);
    let pdu = through(CENTRE, unstamped);
    assert!(house.sweep(&[pdu.clone(), pdu.clone()]).await, "two slots");
    assert!(house.sweep(&[pdu]).await, "listed again");
    house.expect_after_sentinel(&["hello", "hello"]).await;
}

#[tokio::test]
async fn segments_join_in_any_order_and_references_are_told_apart() {
    let mut house = House::new(INBOUND_ONLY).await;
    assert!(
        house
            .sweep(&[
                part(5, 2, 2, false, "two"),
                part(5, 2, 1, true, "wide one "), // the same reference in 16 bits
                part(5, 2, 1, false, "one "),
                part(5, 2, 1, false, "one "),
                part(5, 2, 2, true, "wide two"),
            ])
            .await
    );
    house
        .expect_after_sentinel(&["one two", "wide one wide two"])
        .await;

    // A reference that begins another text: what came of the first is shown.
    assert!(house.sweep(&[part(9, 2, 1, false, "first ")]).await);
    assert!(
        house
            .sweep(&[part(9, 2, 1, false, "other "), part(9, 2, 2, false, "end")])
            .await
    );
    let expected = [
        "one two",
        "wide one wide two",
        "sentinel",
        "first […]",
        "other end",
    ];
    house.expect_texts(&expected).await;
    assert_eq!(
        house
            .count("SELECT count(*) FROM inbox WHERE state <> 'used'")
            .await,
        0
    );
}

#[tokio::test]
async fn a_text_with_a_gap_is_shown_after_five_minutes_and_completed_later() {
    let mut house = House::new(INBOUND_ONLY).await;
    assert!(
        house
            .sweep(&[part(5, 3, 1, false, "one "), part(5, 3, 3, false, "three")])
            .await
    );
    house.expect_after_sentinel(&[]).await;
    pass(Duration::from_secs(301)).await;
    house.expect_texts(&["sentinel", "one […]three"]).await;
    assert_eq!(
        house
            .count("SELECT count(*) FROM inbox WHERE state = 'shown'")
            .await,
        2
    );

    // A restart forgets neither the segments nor where they were shown.
    let mut house = house.restart(INBOUND_ONLY).await;
    assert!(house.sweep(&[part(5, 3, 2, false, "two ")]).await);
    house.expect_texts(&["sentinel", "one two three"]).await;
    assert_eq!(
        house
            .count("SELECT count(*) FROM inbox WHERE state <> 'used'")
            .await,
        0
    );
}

#[tokio::test]
async fn odd_ones_are_shown_kept_or_passed_over_as_they_should() {
    let mut house = House::new(INBOUND_ONLY).await;
    let mut type_zero = delivery(PATRON, simple("ping"), 1);
    type_zero.pid = ProtocolId(0x40);
    let mut lamp = delivery(PATRON, simple(""), 2);
    lamp.coding = DataCoding(0xC8);
    let data = UserData::new(None, Body::Octets(vec![1, 2, 3])).unwrap();
    let push = UserDataHeader::from_octets(vec![0x05, 0x04, 0x0B, 0x84, 0x23, 0xF0]).unwrap();
    let picture = UserData::new(Some(push), Body::Octets(vec![0x8C, 0x82, 0x98, 0x54, 0])).unwrap();
    let torn = unhex(b"07915155210399F904").unwrap();
    assert!(
        house
            .sweep(&[
                through(CENTRE, type_zero),
                through(CENTRE, lamp),
                through(CENTRE, delivery(PATRON, data, 3)),
                through(CENTRE, delivery(PATRON, picture, 4)),
                torn,
                deliver(PATRON, "", 5),
            ])
            .await
    );
    assert!(
        house
            .sweep_of(vec![ArrivedPdu::direct(None, "+CMGL: garbage")])
            .await
    );
    assert!(
        house
            .sweep(&[deliver("+15550009999", "sentinel", 59)])
            .await
    );
    let waited = timeout(PATIENCE, async {
        while !house.texts().await.contains(&"sentinel".to_owned()) {
            let _ = house.changes.recv().await;
        }
    });
    waited.await.unwrap();
    let texts = house.texts().await;
    assert_eq!(texts.len(), 6, "{texts:?}");
    assert!(texts[0].contains("3 octets") && texts[0].contains("kept as arrival"));
    assert!(texts[1].contains("picture"));
    assert!(texts[2].contains("cannot be read"));
    assert_eq!(texts[3], "(empty)");
    assert!(texts[4].contains("cannot be read"));
    let odd = "SELECT count(*) FROM inbox WHERE state = 'odd' AND pdu IS NOT NULL AND problem IS NOT NULL";
    assert_eq!(
        house.count(odd).await,
        4,
        "lamp, data and two that are torn"
    );
    let rest = "SELECT count(*) FROM inbox WHERE state NOT IN ('odd', 'used')";
    assert_eq!(house.count(rest).await, 0);
}

#[tokio::test]
async fn long_data_is_kept_as_it_says() {
    let mut house = House::new(INBOUND_ONLY).await;
    let octets = |sequence: u8| {
        let concat = Concat {
            reference: 3,
            total: 2,
            sequence,
            wide: false,
        };
        let header = UserDataHeader::concatenation(concat);
        let data = UserData::new(Some(header), Body::Octets(vec![sequence; 4])).unwrap();
        through(CENTRE, delivery(PATRON, data, sequence))
    };
    assert!(house.sweep(&[octets(1), octets(2)]).await);
    assert!(
        house
            .sweep(&[deliver("+15550009999", "sentinel", 59)])
            .await
    );
    let waited = timeout(PATIENCE, async {
        while house.texts().await.len() < 2 {
            let _ = house.changes.recv().await;
        }
    });
    waited.await.unwrap();
    assert!(house.texts().await[0].contains("8 octets"));
    let kept = "SELECT count(*) FROM inbox WHERE state = 'odd' AND pdu IS NOT NULL";
    assert_eq!(house.count(kept).await, 2);
}

#[tokio::test]
async fn a_line_without_a_gateway_keeps_its_texts_until_it_has_one() {
    let mut house = House::arranged(INBOUND_ONLY, false).await;
    assert!(house.sweep(&[deliver(PATRON, "early", 1)]).await);
    assert!(house.texts().await.is_empty());
    let name = "m".into();
    house.desk.amend(Amendment::AddLine { name }).await.unwrap();
    house.expect_texts(&["early"]).await;
    assert!(house.sweep(&[deliver(PATRON, "late", 2)]).await);
    house.expect_texts(&["early", "late"]).await;
}

#[tokio::test]
async fn of_a_refused_text_nothing_is_kept() {
    let mut house = House::new(INBOUND_ONLY).await;
    let refuse = Amendment::SetGateway {
        name: "m".into(),
        queue: None,
        line: None,
        policy: Some(OfflinePolicy::Refuse),
        closed_notice: None,
    };
    house.desk.amend(refuse).await.unwrap();
    assert!(house.sweep(&[deliver(PATRON, "my secret", 1)]).await);
    let answered = timeout(PATIENCE, async {
        while house.count("SELECT count(*) FROM outbox").await == 0 {
            let _ = house.changes.recv().await;
        }
    });
    answered.await.unwrap();
    assert!(house.texts().await.is_empty());
    assert_eq!(
        house
            .count("SELECT count(*) FROM message WHERE body LIKE '%secret%'")
            .await,
        0
    );
    let left = "SELECT count(*) FROM inbox WHERE pdu IS NOT NULL OR state <> 'used'";
    assert_eq!(house.count(left).await, 0);
}

#[tokio::test]
async fn what_was_kept_and_not_read_is_read_at_the_next_start_once() {
    let house = House::new(INBOUND_ONLY).await;
    let folder = house.close().await;
    let pdu = deliver(PATRON, "just in time", 1);
    // As the inbox would: kept, and then the power went.
    let spool = Spool::open(&folder.path().join("spool.db")).unwrap();
    spool
        .write(move |c| {
            let raw = inbox::Raw {
                digest: [7; 16],
                pdu,
            };
            inbox::keep(c, "m", &[raw], Timestamp::now())
        })
        .await
        .unwrap();
    drop(spool);
    let mut house = House::open(folder, INBOUND_ONLY).await;
    house.expect_texts(&["just in time"]).await;
    let mut house = house.restart(INBOUND_ONLY).await;
    house.expect_after_sentinel(&["just in time"]).await;
}

#[tokio::test]
async fn when_the_spool_fails_texts_stay_on_the_sim_and_come_in_order_later() {
    let mut house = House::new(INBOUND_ONLY).await;
    house
        .sql(
            "CREATE TRIGGER full BEFORE INSERT ON inbox
             BEGIN SELECT RAISE(ABORT, 'sick'); END",
        )
        .await;
    let first = deliver(PATRON, "first", 1);
    assert!(
        !house.sweep(std::slice::from_ref(&first)).await,
        "not acknowledged"
    );
    house.sql("DROP TRIGGER full").await;
    assert!(house.sweep(&[first]).await);
    house.expect_texts(&["first"]).await;

    // Kept, but the desk could not take it: it goes before what comes later.
    house
        .sql(
            "CREATE TRIGGER full BEFORE INSERT ON message
             BEGIN SELECT RAISE(ABORT, 'sick'); END",
        )
        .await;
    assert!(house.sweep(&[deliver(PATRON, "second", 2)]).await);
    let failed = timeout(PATIENCE, async {
        // The sweep after it is taken only once the second text was refused.
        assert!(house.sweep(&[deliver(PATRON, "third", 3)]).await);
        assert!(house.sweep(&[deliver(PATRON, "fourth", 4)]).await);
    });
    failed.await.unwrap();
    house.sql("DROP TRIGGER full").await;
    assert!(house.sweep(&[deliver(PATRON, "fifth", 5)]).await);
    let all = ["first", "second", "third", "fourth", "fifth"];
    house.expect_texts(&all).await;
}

// What goes out ------------------------------------------------------------------------------------

const LONG: &str = "We found several maps and photographs of the old mill for you, and they wait at \
    the desk on the second floor until Saturday at five; please bring your card along, and \
    ask for the blue folder with your name. The microfilm reader is free on Thursday.";

#[tokio::test]
async fn an_answer_is_sent_and_its_report_delivers_it() {
    let mut house = House::asked(FREELY).await;
    let id = house.reply("Yes, it is.").await;
    assert_eq!(house.accept(7).await, "Yes, it is.");
    house.expect_state(id, DeliveryState::Sent).await;
    // The network writes the number in its own way.
    assert!(house.sweep(&[report(7, "5551230100", 0x30)]).await);
    assert!(house.sweep(&[report(7, "5551230100", 0x00)]).await);
    house.expect_state(id, DeliveryState::Delivered).await;
    house.expect_silence().await;

    let id = house.reply("And another.").await;
    house.accept(8).await;
    house.expect_state(id, DeliveryState::Sent).await;
    assert!(house.sweep(&[report(8, PATRON, 0x41)]).await);
    assert!(
        house
            .expect_state(id, DeliveryState::Failed)
            .await
            .is_some()
    );
}

#[tokio::test]
async fn a_report_may_come_before_the_answer_and_after_a_restart() {
    let mut house = House::asked(FREELY).await;
    let quick = house.reply("quick").await;
    let (_, submission) = house.next().await;
    assert!(house.sweep(&[report(7, PATRON, 0x00)]).await);
    house.expect_after_sentinel(&["Is my book in?"]).await;
    let outcome = SubmitOutcome::Accepted {
        message_reference: 7,
    };
    submission.outcome.send(outcome).unwrap();
    house.expect_state(quick, DeliveryState::Delivered).await;

    let slow = house.reply("slow").await;
    house.accept(8).await;
    house.expect_state(slow, DeliveryState::Sent).await;
    let mut house = house.restart(FREELY).await;
    assert!(house.sweep(&[report(8, PATRON, 0x00)]).await);
    house.expect_state(slow, DeliveryState::Delivered).await;
}

/// The wall clock does not move in a test: what is put off is made due by hand, after a look at
/// when it would have been.
async fn expect_put_off(house: &House, tries: i64, seconds: i64) {
    let (found, wait): (i64, i64) = house
        .read(|c| {
            let sql = "SELECT tries, not_before - ?1 FROM outbox WHERE state = 'due'";
            let now = Timestamp::now().as_millisecond();
            Ok(c.query_row(sql, [now], |row| Ok((row.get(0)?, row.get(1)?)))?)
        })
        .await;
    assert_eq!(found, tries);
    assert!(
        wait <= seconds * 1000 && wait > (seconds - 20) * 1000,
        "{wait} ms"
    );
}

#[tokio::test]
async fn a_refusal_that_may_pass_is_tried_again_and_given_up_in_the_end() {
    let mut house = House::asked(FREELY).await;
    let id = house.reply("Yes.").await;
    for (tries, seconds) in [(1, 30), (2, 120), (3, 600), (4, 1800), (5, 3600), (6, 3600)] {
        assert_eq!(house.refuse(true).await, "Yes.");
        house.expect_put_off(id, tries).await;
        expect_put_off(&house, tries, seconds).await;
        house.expect_silence().await;
        house.sql("UPDATE outbox SET not_before = 0").await;
        house.expect_look().await;
    }
    house.refuse(true).await;
    house.expect_put_off(id, 7).await;
    house
        .sql("UPDATE outbox SET not_before = 0, tries = 39")
        .await;
    house.expect_look().await;
    house.refuse(true).await;
    let why = house.expect_state(id, DeliveryState::Failed).await;
    assert!(why.unwrap().contains("CMS ERROR: 42"));
    house.expect_silence().await;
}

#[tokio::test]
async fn a_refusal_for_good_fails_with_its_words_and_the_next_goes_on() {
    let mut house = House::asked(FREELY).await;
    let id = house.reply("Yes.").await;
    let next = house.reply("And more.").await;
    house.refuse(false).await;
    let why = house.expect_state(id, DeliveryState::Failed).await;
    assert!(why.unwrap().contains("CMS ERROR: 42"));
    assert_eq!(house.accept(1).await, "And more.");
    house.expect_state(next, DeliveryState::Sent).await;
}

#[tokio::test]
async fn what_is_unknown_is_sent_again_by_a_person_alone() {
    let mut house = House::asked(FREELY).await;
    let id = house.reply("Yes.").await;
    house.lose().await;
    let why = house.expect_state(id, DeliveryState::Unknown).await;
    assert!(why.unwrap().contains("no answer"));
    pass(Duration::from_secs(3700)).await;
    house.expect_silence().await;
    let mut house = house.restart(FREELY).await;
    house.on_duty().await;
    let other = house.reply("Something else.").await;
    assert_eq!(house.accept(1).await, "Something else.");
    house.expect_state(other, DeliveryState::Sent).await;
    house.expect_silence().await;

    let retry = Event::act(ANA, ConversationId(1), Act::Retry { message: id });
    house.desk.ask(retry.clone()).await.unwrap();
    assert!(house.desk.ask(retry).await.is_err(), "once");
    assert_eq!(house.accept(2).await, "Yes.");
    house.expect_state(id, DeliveryState::Sent).await;
    house.expect_silence().await;
    let marked = "SELECT count(*) FROM outbox WHERE may_be_doubled";
    assert_eq!(house.count(marked).await, 1);
}

#[tokio::test]
async fn a_cut_attempt_is_in_doubt_and_its_report_resolves_it() {
    let mut house = House::asked(FREELY).await;
    let id = house.reply("Yes.").await;
    let (_, submission) = house.next().await;
    let mut house = house.restart(FREELY).await;
    drop(submission);
    let why = house.expect_state(id, DeliveryState::Unknown).await;
    assert!(why.unwrap().contains("cut off"));
    house.expect_silence().await;
    assert!(house.sweep(&[report(99, PATRON, 0x00)]).await);
    house.expect_state(id, DeliveryState::Delivered).await;
    house.expect_silence().await;
}

#[tokio::test]
async fn a_long_text_goes_on_where_it_was_refused() {
    let mut house = House::asked(FREELY).await;
    let id = house.reply(LONG).await;
    let (first, submission) = house.next().await;
    assert!(submission.more_to_come);
    let outcome = SubmitOutcome::Accepted {
        message_reference: 1,
    };
    submission.outcome.send(outcome).unwrap();
    let (second, submission) = house.next().await;
    assert!(!submission.more_to_come);
    let refusal = SubmitRefusal {
        code: Some(38),
        words: "the modem said +CMS ERROR: 38".into(),
        remedy: Remedy::Later,
        may_have_left: false,
    };
    submission
        .outcome
        .send(SubmitOutcome::Refused(refusal))
        .unwrap();
    house.expect_put_off(id, 1).await;
    let mut house = house.restart(FREELY).await;
    house.sql("UPDATE outbox SET not_before = 0").await;
    house.expect_look().await;
    let (again, submission) = house.next().await;
    assert_eq!(again, second, "segment 2, and under the same reference");
    assert_eq!(
        first.concat().unwrap().reference,
        second.concat().unwrap().reference
    );
    let outcome = SubmitOutcome::Accepted {
        message_reference: 2,
    };
    submission.outcome.send(outcome).unwrap();
    house.expect_state(id, DeliveryState::Sent).await;
    let both = format!("{}{}", first.text().unwrap(), second.text().unwrap());
    assert_eq!(both, LONG);
    // Delivered needs both reports.
    assert!(house.sweep(&[report(1, PATRON, 0x00)]).await);
    house.expect_after_sentinel(&["Is my book in?"]).await;
    house.expect_state(id, DeliveryState::Sent).await;
    assert!(house.sweep(&[report(2, PATRON, 0x00)]).await);
    house.expect_state(id, DeliveryState::Delivered).await;
}

#[tokio::test]
async fn two_texts_keep_their_pace() {
    let pace = Duration::from_secs(3600);
    let mut house = House::asked(Use { pace, ..FREELY }).await;
    house.reply("one").await;
    let second = house.reply("two").await;
    assert_eq!(house.accept(1).await, "one");
    let sentinel = house.reply("three").await;
    house.expect_state(sentinel, DeliveryState::Queued).await;
    assert!(house.submissions.try_recv().is_err());
    pass(pace).await;
    assert_eq!(house.accept(2).await, "two");
    house.expect_state(second, DeliveryState::Sent).await;
}

#[tokio::test]
async fn the_day_has_its_cap_in_segments() {
    let mut house = House::asked(Use {
        per_day: 2,
        ..FREELY
    })
    .await;
    let one = house.reply("one").await;
    let long = house.reply(LONG).await;
    assert_eq!(house.accept(1).await, "one");
    house.expect_state(one, DeliveryState::Sent).await;
    // Two segments have no room behind one.
    pass(Duration::from_secs(61)).await;
    house.expect_state(long, DeliveryState::Queued).await;
    assert!(house.submissions.try_recv().is_err());
    house
        .sql("UPDATE segment SET attempted = attempted - 86500000")
        .await;
    house.expect_look().await;
    house.accept(2).await;
    house.accept(3).await;
    house.expect_state(long, DeliveryState::Sent).await;
}

#[tokio::test]
async fn a_line_that_is_not_ready_sends_nothing_until_it_is() {
    let mut house = House::asked(FREELY).await;
    house
        .status
        .send_modify(|status| status.phase = Phase::Starting);
    let id = house.reply("Yes.").await;
    house.expect_after_sentinel(&["Is my book in?"]).await;
    assert!(house.submissions.try_recv().is_err());
    house
        .status
        .send_modify(|status| status.phase = Phase::Ready);
    house.accept(1).await;
    house.expect_state(id, DeliveryState::Sent).await;
}

#[tokio::test]
async fn a_closing_house_ends_the_attempt_and_leaves_the_rest_for_the_next_day() {
    let mut house = House::asked(FREELY).await;
    let long = house.reply(LONG).await;
    let other = house.reply("Another.").await;
    let (_, submission) = house.next().await;
    house.stop.send(true).unwrap();
    let outcome = SubmitOutcome::Accepted {
        message_reference: 1,
    };
    submission.outcome.send(outcome).unwrap();
    let ended = timeout(PATIENCE, house.submissions.recv());
    assert!(
        ended.await.unwrap().is_none(),
        "it ended, with nothing sent"
    );
    let doubtful = "SELECT count(*) FROM segment WHERE state IN ('attempting', 'unknown')";
    assert_eq!(house.count(doubtful).await, 0);

    let mut house = house.restart(FREELY).await;
    let (second, submission) = house.next().await;
    assert_eq!(second.concat().unwrap().sequence, 2);
    let outcome = SubmitOutcome::Accepted {
        message_reference: 2,
    };
    submission.outcome.send(outcome).unwrap();
    house.expect_state(long, DeliveryState::Sent).await;
    assert_eq!(house.accept(3).await, "Another.");
    house.expect_state(other, DeliveryState::Sent).await;
}

#[tokio::test]
async fn an_attempt_left_behind_on_another_line_is_in_doubt_and_not_sent_for_ever() {
    let mut house = House::asked(INBOUND_ONLY).await;
    let id = house.reply("Yes.").await;
    let left = house.spool.write(|c| {
        let due = outbox::next_due(c, "m", Timestamp::now(), outbox::Which::All)?.unwrap();
        let laid = outbox::lay_down(c, due.id, "old", "51230100", &[vec![0]])?;
        outbox::attempt(c, laid[0].id, Timestamp::now(), None)
    });
    left.await.unwrap();
    house = house.restart(FREELY).await;
    house.expect_state(id, DeliveryState::Unknown).await;
    house.expect_silence().await;
    let segments = house
        .read(|c| outbox::segments(c, outbox::OutboxId(1)))
        .await;
    assert_eq!(segments[0].state, SegmentState::Unknown);
}

#[tokio::test]
async fn how_a_text_ended_is_told_again_when_the_desk_could_not_keep_it() {
    let mut house = House::asked(FREELY).await;
    let id = house.reply("Yes.").await;
    let (_, submission) = house.next().await;
    house
        .sql(
            "CREATE TRIGGER sick BEFORE UPDATE ON message
             BEGIN SELECT RAISE(ABORT, 'sick'); END",
        )
        .await;
    let outcome = SubmitOutcome::Accepted {
        message_reference: 1,
    };
    submission.outcome.send(outcome).unwrap();
    let settled = timeout(PATIENCE, async {
        while house
            .count("SELECT count(*) FROM outbox WHERE state = 'sent'")
            .await
            == 0
        {
            tokio::task::yield_now().await;
        }
    });
    settled.await.unwrap();
    house.sql("DROP TRIGGER sick").await;
    house.expect_state(id, DeliveryState::Sent).await;
}
