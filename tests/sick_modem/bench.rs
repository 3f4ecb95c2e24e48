//! The bench: a simulated modem in memory, a line on it, and someone who keeps what arrives.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use callnumber::modem::port::{OpenError, Opened, Opener};
use callnumber::modem::{
    Arrivals, ArrivedPdu, Keepers, Line, LineSettings, LineStatus, Phase, PinAnswer, PortChoice,
    Record, SubmitOutcome, start_on,
};
use callnumber::simulator::{Profile, Settings, SimulatedModem};
use callnumber::sms::{Pdu, Tpdu};
use tokio::io::DuplexStream;
use tokio::sync::{mpsc, watch};

/// Longer than anything a story waits for: days cost nothing on a paused clock.
pub const PATIENCE: Duration = Duration::from_secs(2 * 24 * 3600);

/// First octet, MR, DA +15551230100, PID, DCS, UDL, "hello" (TS 23.040 §9.2.2.2).
pub const HELLO: [u8; 18] = [
    0x01, 0x00, 0x0B, 0x91, 0x51, 0x55, 0x21, 0x03, 0x01, 0xF0, 0x00, 0x00, 0x05, 0xE8, 0x32, 0x9B,
    0xFD, 0x06,
];

pub const PATRON: &str = "+15551230100";

/// Opens the simulated modem's port, whatever its name is by now.
pub struct Socket(pub Arc<SimulatedModem>);

impl Opener for Socket {
    type Port = DuplexStream;

    async fn open(&mut self) -> Result<Opened<DuplexStream>, OpenError> {
        match self.0.open() {
            Some((port, path)) => Ok(Opened {
                port,
                path: Some(path),
            }),
            None => Err(OpenError::Missing {
                path: "/dev/desk-modem".into(),
            }),
        }
    }
}

/// A modem of this make, with a port in memory.
pub fn modem(profile: &str, change: impl FnOnce(&mut Settings)) -> Arc<SimulatedModem> {
    let mut settings = Settings {
        profile: Profile::named(profile).unwrap(),
        ..Settings::default()
    };
    change(&mut settings);
    Arc::new(SimulatedModem::start_in_memory(settings).unwrap())
}

/// A modem, the line that drives it, and what was kept of its texts.
pub struct Bench {
    pub modem: Arc<SimulatedModem>,
    pub line: Line,
    kept: Arc<Mutex<Vec<ArrivedPdu>>>,
    /// Rung after each batch.
    batches: watch::Receiver<usize>,
    keeps: Arc<AtomicBool>,
}

/// Keeps attempts at PINs in mind: each SIM has one, until its PIN was right.
async fn keep_records(mut recorded: mpsc::Receiver<Record>) {
    let mut tried = HashSet::new();
    while let Some(record) = recorded.recv().await {
        match record {
            Record::PinAttempt { attempt, answer } => {
                let pin = attempt.typed.or(attempt.configured);
                let _ = answer.send(match pin {
                    None => PinAnswer::NoneKnown,
                    Some(pin) if tried.insert(attempt.card) => PinAnswer::Permitted(pin),
                    Some(_) => PinAnswer::TriedBefore,
                });
            }
            Record::PinAccepted(accepted) => {
                tried.remove(&accepted.card);
            }
            Record::Ladder { .. } | Record::Place(_) => {}
        }
    }
}

impl Bench {
    /// A line on `modem`, with everything left to its default.
    pub fn on(modem: Arc<SimulatedModem>) -> Self {
        Self::with(modem, |_| {})
    }

    /// A line whose settings are changed first.
    pub fn with(modem: Arc<SimulatedModem>, change: impl FnOnce(&mut LineSettings)) -> Self {
        Self::arranged(modem, change, |_| {})
    }

    /// A line that is given what it may need.
    pub fn equipped(modem: Arc<SimulatedModem>, give: impl FnOnce(&mut Keepers)) -> Self {
        Self::arranged(modem, |_| {}, give)
    }

    fn arranged(
        modem: Arc<SimulatedModem>,
        change: impl FnOnce(&mut LineSettings),
        give: impl FnOnce(&mut Keepers),
    ) -> Self {
        let mut settings = LineSettings::new("front-desk", PortChoice::Auto);
        change(&mut settings);
        let (sender, mut arrivals) = mpsc::channel::<Arrivals>(4);
        let socket = Socket(Arc::clone(&modem));
        let (records, recorded) = mpsc::channel(4);
        tokio::spawn(keep_records(recorded));
        let mut keepers = Keepers {
            records: Some(records),
            ..Keepers::default()
        };
        give(&mut keepers);
        let line = start_on(socket, settings, sender, keepers);
        let kept: Arc<Mutex<Vec<ArrivedPdu>>> = Arc::default();
        let keeps = Arc::new(AtomicBool::new(true));
        let (rung, batches) = watch::channel(0);
        let (keeping, willing) = (Arc::clone(&kept), Arc::clone(&keeps));
        tokio::spawn(async move {
            while let Some(batch) = arrivals.recv().await {
                let willing = willing.load(Ordering::SeqCst);
                if willing {
                    keeping.lock().unwrap().extend(batch.pdus);
                }
                let _ = batch.kept.send(willing);
                rung.send_modify(|count| *count += 1);
            }
        });
        Self {
            modem,
            line,
            kept,
            batches,
            keeps,
        }
    }

    /// A ready line on a modem of this make.
    pub async fn ready(profile: &str) -> Self {
        let bench = Self::on(modem(profile, |_| {}));
        bench.is_ready().await;
        bench
    }

    /// Whether texts are kept from now on: a full disk keeps none.
    pub fn keeps(&self, keeps: bool) {
        self.keeps.store(keeps, Ordering::SeqCst);
    }

    /// Everything that was kept, in order; a text that was listed twice is here twice.
    pub fn kept(&self) -> Vec<ArrivedPdu> {
        self.kept.lock().unwrap().clone()
    }

    /// The words of the texts that were kept, each once, in the order they came.
    pub fn words(&self) -> Vec<String> {
        let mut seen = HashSet::new();
        self.kept()
            .into_iter()
            .filter(|pdu| seen.insert(pdu.octets.clone()))
            .filter_map(|pdu| match Pdu::decode(&pdu.octets).ok()?.tpdu {
                Tpdu::Deliver(deliver) => deliver.text(),
                Tpdu::Submit(_) | Tpdu::StatusReport(_) => None,
            })
            .collect()
    }

    /// Waits until the line's status is so.
    pub async fn status(&self, what: &str, is_so: impl FnMut(&LineStatus) -> bool) -> LineStatus {
        let mut status = self.line.status();
        let met = tokio::time::timeout(PATIENCE, status.wait_for(is_so)).await;
        match met {
            Ok(status) => status.unwrap().clone(),
            Err(_) => panic!("never {what}: {:?}", self.line.status().borrow()),
        }
    }

    pub async fn is_ready(&self) {
        self.status("ready", |status| status.phase == Phase::Ready)
            .await;
    }

    /// Waits until these words, and no others, were kept, and the modem has let go of everything.
    pub async fn reads(&self, words: &[&str]) {
        let mut batches = self.batches.clone();
        let all_here = async {
            while self.words().len() < words.len() {
                batches.changed().await.unwrap();
            }
        };
        if tokio::time::timeout(PATIENCE, all_here).await.is_err() {
            panic!("{:?} and not {words:?}", self.words());
        }
        let empty = self.modem.wait_until_stored(0, PATIENCE).await;
        assert!(empty.is_ok(), "left behind: {:?}", self.modem.stored());
        assert_eq!(self.words(), words);
    }

    /// Sends HELLO.
    pub async fn sends(&self) -> SubmitOutcome {
        let sent = self.line.submit(HELLO.to_vec(), false);
        tokio::time::timeout(PATIENCE, sent).await.unwrap()
    }

    /// The same since the start, whatever the letters' case.
    pub fn asked_any_case(&self, command: &str) -> usize {
        let heard = self.modem.heard();
        let lines = heard.iter().map(|heard| heard.line.to_ascii_uppercase());
        lines.filter(|line| line.starts_with(command)).count()
    }

    /// How often a command line that begins so was given, of those since `from`.
    pub fn asked(&self, command: &str, from: usize) -> usize {
        let heard = self.modem.heard();
        let lines = heard.iter().skip(from);
        lines
            .filter(|heard| heard.line.starts_with(command))
            .count()
    }
}
