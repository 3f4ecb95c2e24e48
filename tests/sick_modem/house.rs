//! The whole of the radio side behind a simulated modem: line, inbound, outbound, owner and a spool
//! on disk, on one paused clock. The spool's clock goes with it, and holds it still while the disk
//! works.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use callnumber::clock::Clock;
use callnumber::daemon::Owner;
use callnumber::desk::{self, Change, Desk, NotGranted};
use callnumber::modem::{Keepers, Line, LineSettings, Phase, PortChoice, start_on};
use callnumber::routing::{
    Act, Amendment, ConversationId, EndpointId, Event, Library, Message, MessageId, OperatorId,
    Refusal, Role, Show,
};
use callnumber::simulator::SimulatedModem;
use callnumber::spool::{Spool, SpoolError, transcript};
use callnumber::texting::{Calls, Care, Inbound, Outbound};
use tempfile::TempDir;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinHandle;

use crate::bench::{PATIENCE, Socket};

/// The only operator, always on duty.
pub const ANA: OperatorId = OperatorId(1);

/// How the line may be used.
#[derive(Debug, Clone)]
pub struct Use {
    pub line: LineSettings,
    /// Between the starts of two texts.
    pub pace: Duration,
    /// Segments a day; 0: no cap.
    pub per_day: u32,
}

impl Default for Use {
    fn default() -> Self {
        Self {
            line: LineSettings::new("front-desk", PortChoice::Auto),
            pace: Duration::ZERO,
            per_day: 0,
        }
    }
}

/// A house with one line, and ana on duty.
pub struct House {
    pub modem: Arc<SimulatedModem>,
    pub spool: Spool,
    pub desk: Desk,
    pub line: Line,
    changes: broadcast::Receiver<Arc<Change>>,
    tasks: Vec<JoinHandle<()>>,
    _stop: watch::Sender<bool>,
    folder: TempDir,
}

/// A folder in memory where there is one: a soak commits tens of thousands of times.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()),
        false => tempfile::tempdir(),
    }
    .unwrap()
}

impl House {
    pub async fn on(modem: Arc<SimulatedModem>) -> Self {
        Self::with(modem, Use::default()).await
    }

    pub async fn with(modem: Arc<SimulatedModem>, how: Use) -> Self {
        let house = Self::open(modem, how, folder()).await;
        let name = "front-desk".into();
        house.desk.amend(Amendment::AddLine { name }).await.unwrap();
        let ana = Amendment::AddOperator {
            name: "ana".into(),
            password_hash: None,
            role: Role::Operator,
            queues: vec!["desk".into()],
        };
        house.desk.amend(ana).await.unwrap();
        house.on_duty().await;
        house
    }

    async fn open(modem: Arc<SimulatedModem>, how: Use, folder: TempDir) -> Self {
        let clock = Clock::simulated(jiff::Timestamp::now());
        let spool = Spool::open_by(&folder.path().join("spool.db"), clock).unwrap();
        let (desk, counter) = desk::open();
        let owner = Owner::open(spool.clone(), Library::default(), counter)
            .await
            .unwrap();
        let mut tasks = vec![tokio::spawn(owner.run(std::future::pending()))];
        let (arrivals, arrived) = mpsc::channel(16);
        let (stop, stopped) = watch::channel(false);
        let name = how.line.name.clone();
        let inbound = Inbound::new(name, desk.clone(), spool.clone());
        tasks.push(tokio::spawn(inbound.run(arrived, stopped.clone())));
        let socket = Socket(Arc::clone(&modem));
        let line = start_on(socket, how.line.clone(), arrivals, Keepers::default());
        let outbound = Outbound::new(
            line.clone(),
            desk.clone(),
            spool.clone(),
            how.pace,
            how.per_day,
        )
        .in_tables(how.line.national);
        tasks.push(tokio::spawn(outbound.run(stopped.clone())));
        let calls = Calls::new(&line, desk.clone());
        tasks.push(tokio::spawn(calls.run(stopped.clone())));
        let care = Care::new(line.clone(), desk.clone(), spool.clone(), how.line);
        tasks.push(tokio::spawn(care.run(stopped)));
        Self {
            modem,
            changes: desk.changes(),
            spool,
            desk,
            line,
            tasks,
            _stop: stop,
            folder,
        }
    }

    async fn on_duty(&self) {
        let (operator, endpoint) = (ANA, EndpointId(1));
        let opened = Event::EndpointOpened { operator, endpoint };
        self.desk.ask(opened).await.unwrap();
        let show = Show::Available;
        self.desk
            .ask(Event::Presence { operator, show })
            .await
            .unwrap();
    }

    /// Power goes, and comes back: the same spool, the same modem.
    pub async fn restart(self, how: Use) -> Self {
        for task in &self.tasks {
            task.abort();
        }
        for task in self.tasks {
            let _ = task.await;
        }
        drop((self.line, self.desk, self.spool));
        let house = Self::open(self.modem, how, self.folder).await;
        house.on_duty().await;
        house
    }

    pub async fn is_ready(&self) {
        let mut status = self.line.status();
        let ready = status.wait_for(|status| status.phase == Phase::Ready);
        let met = tokio::time::timeout(PATIENCE, ready).await;
        assert!(met.is_ok(), "not ready: {:?}", self.line.status().borrow());
    }

    pub async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&rusqlite::Connection) -> Result<T, SpoolError> + Send + 'static,
    ) -> T {
        self.spool.read(job).await.unwrap()
    }

    /// Patrons' words as they are shown, oldest first.
    pub async fn shown(&self) -> Vec<String> {
        self.read(|connection| {
            let mut rows = connection
                .prepare("SELECT body FROM message WHERE direction = 'in' ORDER BY id")?;
            let texts = rows.query_map([], |row| row.get(0))?;
            Ok(texts.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// Waits until something is so, looking again at every change and every minute.
    pub async fn until<T>(
        &mut self,
        what: &str,
        mut is_so: impl AsyncFnMut(&Self) -> Option<T>,
    ) -> T {
        let begun = tokio::time::Instant::now();
        loop {
            if let Some(met) = is_so(self).await {
                return met;
            }
            assert!(begun.elapsed() < PATIENCE, "never {what}");
            let minute = Duration::from_secs(60);
            // A change, a lag, or nothing: look again.
            let _ = tokio::time::timeout(minute, self.changes.recv()).await;
        }
    }

    /// Waits until just these words are shown, in this order.
    pub async fn shows(&mut self, words: &[&str]) {
        let count = words.len();
        self.until(&format!("showing {words:?}"), async |house: &Self| {
            (house.shown().await.len() >= count).then_some(())
        })
        .await;
        assert_eq!(self.shown().await, words);
    }

    /// Ana answers a conversation, which counts from 1.
    pub async fn answers(&self, conversation: i64, words: &str) -> MessageId {
        let sent = self.tries_to_answer(conversation, words).await;
        sent.expect("it can be answered")
    }

    /// Ana answers a conversation; `None` when nobody can be answered there.
    pub async fn tries_to_answer(&self, conversation: i64, words: &str) -> Option<MessageId> {
        let sent = self.desk.ask(Event::act(
            ANA,
            ConversationId(conversation),
            Act::send(words),
        ));
        match sent.await {
            Ok(receipt) => Some(receipt.message.unwrap().id),
            Err(NotGranted::Refused(Refusal::NotAnswerable)) => None,
            Err(error) => panic!("{error}"),
        }
    }

    pub async fn message(&self, id: MessageId) -> Message {
        self.read(move |connection| transcript::message(connection, id))
            .await
            .unwrap()
    }

    /// Waits until a message is as `is_so` wants it.
    pub async fn message_is(
        &mut self,
        id: MessageId,
        what: &str,
        is_so: impl Fn(&Message) -> bool,
    ) -> Message {
        self.until(what, async |house: &Self| {
            let message = house.message(id).await;
            is_so(&message).then_some(message)
        })
        .await
    }

    /// What the network took, as `(to, words)`, oldest first.
    pub fn sent(&self) -> Vec<(String, String)> {
        let sent = self.modem.sent();
        sent.into_iter().map(|text| (text.to, text.text)).collect()
    }

    /// Words that the network took more than once.
    pub fn doubled(&self) -> HashSet<String> {
        let mut seen = HashSet::new();
        let sent = self.sent().into_iter().map(|(_, words)| words);
        sent.filter(|words| !seen.insert(words.clone())).collect()
    }
}
