//! The modem: PDU in, PDU out. Drives one line over a serial port and keeps it alive.
//!
//! Follows 3GPP TS 27.005 and TS 27.007. Storage is the mailbox and `+CMTI` a hint: a text leaves
//! the SIM only after whoever listens to [`Arrivals`] has said that it is kept.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, broadcast, mpsc, oneshot, watch};
use utoipa::ToSchema;

pub mod discovery;
mod driver;
pub mod helper;
#[doc(hidden)]
pub mod laws;
mod lines;
mod mailbox;
pub mod port;
pub mod power_key;
mod profile;
mod records;
mod recovery;
mod refusal;
pub mod restart;
mod session;
mod settings;
mod traced;
mod tracer;
pub mod usb;
mod ussd;

pub use crate::at::Pin;
use crate::clock::Clock;
pub use discovery::{Claims, Found, Named, list, untried};
pub use lines::Lines;
pub use records::{Memory, PinAccepted, PinAnswer, PinAttempt, Place, Record};
pub use recovery::{Fault, LadderRecord};
pub use refusal::Remedy;
use restart::Restarter;
pub use session::came_in_words;
pub use settings::{LineSettings, PortChoice, is_pin};
pub use tracer::{TRACE_LIMIT, TRACE_LIMIT_LEAST, TracePlan, TraceStartError, Tracer};

/// From how full a storage on somebody should know.
const FILLING_PERCENT: u32 = 70;

/// What a line needs of others: who keeps its records, what they kept before, and hands to restart
/// its modem with. By default nobody keeps anything, so that no PIN is tried.
#[derive(Clone, Default)]
pub struct Keepers {
    /// Who keeps what is to survive the line, in the order it comes.
    pub records: Option<mpsc::Sender<Record>>,
    /// What an earlier run of the daemon kept.
    pub memory: Memory,
    /// Who drives which modem; shared by all lines of a house.
    pub claims: Arc<Claims>,
    /// Ways to carry out rung 5, tried in turn.
    pub replug: Vec<Arc<dyn Restarter>>,
    /// Ways to carry out rung 6, tried in turn.
    pub power: Vec<Arc<dyn Restarter>>,
    /// By which it is said since when the line is as it is.
    pub clock: Clock,
}

/// The rungs of the ladder that are climbed outside AT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rung {
    /// 5
    Replug,
    /// 6
    Power,
}

/// Starts a line on its serial port: it finds, opens and sets up the modem, and keeps at it.
///
/// Must be called within a tokio runtime. The line runs until the last clone of the [`Line`] is
/// dropped. `arrivals` should hold a few batches; while it is full the texts wait in the modem.
pub fn start(settings: LineSettings, arrivals: mpsc::Sender<Arrivals>, keepers: Keepers) -> Line {
    start_at(usb::Machine::this(), settings, arrivals, keepers)
}

/// [`start`], on the machine that a test has drawn.
pub fn start_at(
    machine: usb::Machine,
    settings: LineSettings,
    arrivals: mpsc::Sender<Arrivals>,
    keepers: Keepers,
) -> Line {
    let opener = port::SerialOpener::new(machine, &settings, &keepers);
    start_on(opener, settings, arrivals, keepers)
}

/// [`start`], on any ports: pipes in tests, a modem behind a network.
pub fn start_on<O: port::Opener>(
    opener: O,
    settings: LineSettings,
    arrivals: mpsc::Sender<Arrivals>,
    keepers: Keepers,
) -> Line {
    let tracer = Tracer::new(settings.name.clone(), keepers.clock.clone());
    if let Some(file) = &settings.trace
        && let unmasked = settings.trace_unmasked
        && let Err(error) = tracer.start(
            &TracePlan {
                unmasked,
                ..TracePlan::new(file)
            },
            None,
        )
    {
        // A line without its transcript is better than no line.
        tracing::warn!(line = settings.name, "{error}");
    }
    let opener = traced::TracedOpener::new(opener, tracer.clone());
    let line = driver::spawn(opener, settings, tracer, arrivals, keepers);
    tokio::spawn(tell_modem(line.tracer.clone(), line.status.clone()));
    line
}

/// Tells the transcript which modem it is about, whenever that becomes known or another one.
async fn tell_modem(tracer: Tracer, mut status: watch::Receiver<LineStatus>) {
    let mut told = None;
    while status.changed().await.is_ok() {
        let known = status.borrow_and_update().modem();
        if known != told {
            if let Some(words) = &known {
                tracer.modem_is(words.clone());
            }
            told = known;
        }
    }
}

/// Where a PDU lay in the modem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The memory: `SM`, `ME`, `MT`, `SR`.
    pub memory: String,
    /// Its index there.
    pub index: u16,
}

impl std::fmt::Display for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.memory, self.index)
    }
}

/// A PDU as the modem gave it: service centre address and TPDU (TS 27.005 §3.1), not yet decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrivedPdu {
    /// Where it lay; `None` when it was delivered directly (`+CDS`).
    pub slot: Option<Slot>,
    /// The octets; where what came is not hexadecimal, [`Self::raw`] as octets.
    pub octets: Vec<u8>,
    /// `false` when the entry was not hexadecimal: kept all the same, for a person to see.
    pub readable: bool,
    /// Octets of the TPDU, as its header says.
    pub length: Option<u16>,
    /// The lines as the modem printed them, header first: what is kept of an unreadable one.
    pub raw: String,
}

impl ArrivedPdu {
    /// One that lies in no memory: its octets, where the lines hold any.
    pub fn direct(octets: Option<Vec<u8>>, raw: &str) -> Self {
        Self {
            slot: None,
            readable: octets.is_some(),
            octets: octets.unwrap_or_else(|| raw.as_bytes().to_vec()),
            length: None,
            raw: raw.to_owned(),
        }
    }
}

/// PDUs of one sweep, to be kept before the modem forgets them.
#[derive(Debug)]
pub struct Arrivals {
    /// The line they came by.
    pub line: String,
    /// In the order the modem listed them.
    pub pdus: Vec<ArrivedPdu>,
    /// Say `true` once all are on disk: then, and only then, they are deleted one by one.
    /// `false`, or silence, leaves them where they are.
    pub kept: oneshot::Sender<bool>,
}

/// What the network said to a submitted segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmitOutcome {
    /// `+CMGS`: the network took it, under this message reference (TS 23.040 §9.2.3.6).
    Accepted {
        /// TP-MR.
        message_reference: u8,
    },
    /// The service centre has had it before (TP-FCS C5, `+CMS ERROR: 197`): an earlier attempt came
    /// through, under which reference nobody knows.
    Duplicate,
    /// It was not taken.
    Refused(SubmitRefusal),
    /// The attempt was cut off after the PDU may have left: the network may have taken it.
    Unknown {
        /// What cut it off.
        why: String,
    },
}

/// Why a segment was certainly not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmitRefusal {
    /// `+CMS ERROR` code (TS 27.005 §3.2.5), `None` for a bare `ERROR` or no `>` prompt.
    pub code: Option<u16>,
    /// What the modem said, in its words and ours.
    pub words: String,
    /// What it calls for.
    pub remedy: Remedy,
    /// Whether the text may have left all the same: the modem had it, and no answer of the network's
    /// stands behind the refusal.
    pub may_have_left: bool,
}

impl SubmitRefusal {
    /// Whether the same segment may be taken later.
    pub fn is_transient(&self) -> bool {
        self.remedy.is_transient()
    }
}

/// How the line's registration stands (TS 27.007 §7.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// Not known yet.
    #[default]
    Unknown,
    /// Not registered, not searching.
    None,
    /// Searching.
    Searching,
    /// The network refused this SIM.
    Denied,
    /// Registered, at home.
    Home,
    /// Registered, roaming.
    Roaming,
}

impl Registration {
    /// The word of the API and the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Registration::Unknown => "unknown",
            Registration::None => "none",
            Registration::Searching => "searching",
            Registration::Denied => "denied",
            Registration::Home => "home",
            Registration::Roaming => "roaming",
        }
    }
}

/// How far the line has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "phase", content = "detail")]
pub enum Phase {
    /// No port answers: why, and what to do, in words.
    NoPort(String),
    /// Being opened and set up.
    #[default]
    Starting,
    /// The SIM or the network wants something: what, and what to do, in words.
    Stuck(String),
    /// Sending and receiving.
    Ready,
}

/// What is known of a line now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LineStatus {
    /// The modem's name in the configuration.
    pub name: String,
    /// How far it has come.
    pub phase: Phase,
    /// Since when it sends and receives, or does not: see [`LineStatus::works`].
    pub since: Option<jiff::Timestamp>,
    /// The SIM asks for its PIN, and waits for a person to type it.
    pub wants_pin: bool,
    /// The port in use.
    pub port: Option<PathBuf>,
    /// `+CGMI`
    pub manufacturer: Option<String>,
    /// `+CGMM`
    pub model: Option<String>,
    /// `+CGMR`
    pub revision: Option<String>,
    /// `+CGSN`
    pub imei: Option<String>,
    /// `+CIMI`
    pub imsi: Option<String>,
    /// `+CCID`, where the modem has it.
    pub iccid: Option<String>,
    /// `+CPINR`: how many tries the SIM's PIN has left, where the modem says so.
    pub pin_tries_left: Option<u8>,
    /// `+CNUM`: the line's own number, where the SIM knows it.
    pub own_number: Option<String>,
    /// `+COPS`: the network's name.
    pub operator: Option<String>,
    /// `+CSCA`: the service centre.
    pub smsc: Option<String>,
    /// Registration.
    pub registration: Registration,
    /// `+CSQ` in dBm.
    pub signal_dbm: Option<i16>,
    /// Texts in the swept storage.
    pub storage_used: Option<u16>,
    /// How many it holds.
    pub storage_total: Option<u16>,
    /// What was done to bring it back.
    pub recovery: Recovery,
    /// What a person is called for, and what to do, in words.
    pub alarm: Option<String>,
    /// What is odd about the modem although the line works, and what to do, in words.
    pub oddity: Option<String>,
}

/// How a line stands on the recovery ladder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// The last rung tried, 0 to 6; 7 while a person is called for.
    pub rung: u8,
    /// Since when something is wrong.
    pub since: Option<jiff::Timestamp>,
    /// How often each rung was tried, since nothing was wrong for a day.
    pub counts: [u32; 8],
    /// Restarts that nobody asked for, in the same time.
    pub restarts: u32,
}

impl LineStatus {
    /// Whether the swept storage is filled to 70 % or more: the daemon drains it as it finds it, so
    /// that texts which stay there say that something is wrong. A full one takes in no more, and
    /// most modems then say nothing.
    pub fn storage_is_filling(&self) -> bool {
        match (self.storage_used, self.storage_total) {
            (Some(used), Some(total)) => {
                total > 0 && u32::from(used) * 100 >= u32::from(total) * FILLING_PERCENT
            }
            (Some(_), None) | (None, Some(_)) | (None, None) => false,
        }
    }
}

/// A segment to send, and where its outcome goes.
#[derive(Debug)]
pub struct Submission {
    /// The TPDU, without a service centre address (the driver prepends `00`: use the SIM's).
    pub tpdu: Vec<u8>,
    /// More segments of the same text follow at once (`AT+CMMS=1` keeps the link open).
    pub more_to_come: bool,
    /// The outcome.
    pub outcome: oneshot::Sender<SubmitOutcome>,
}

/// Anything else one may ask of a line.
#[derive(Debug)]
pub enum Question {
    /// An unstructured supplementary service code, such as a balance query (`+CUSD`).
    Ussd {
        /// The code: `*100#`.
        code: String,
        /// The network's words.
        answer: oneshot::Sender<Result<String, String>>,
    },
    /// The TP-MR of the last text that left, as the SIM keeps it (EF-SMSS, TS 31.102 §4.2.9).
    LastReference {
        /// It; `None` where it cannot be read now.
        answer: oneshot::Sender<Option<u8>>,
    },
    /// List the storage now.
    Sweep,
    /// Unlock the SIM with the PIN that a person typed.
    Unlock {
        /// It.
        pin: Pin,
        /// Why the SIM is not unlocked, if it is not.
        answer: oneshot::Sender<Result<(), String>>,
    },
    /// Set the modem up again, as after a restart: a transcript that has just begun then holds what
    /// whoever plays it back needs.
    SetUp,
}

/// A voice call that was hung up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Who called, where the network said so (`+CLIP`).
    pub from: Option<String>,
}

/// A running line. Cheap to clone; the driver stops when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct Line {
    /// The modem's name in the configuration.
    pub name: String,
    pub(in crate::modem) submissions: mpsc::Sender<Submission>,
    pub(in crate::modem) questions: mpsc::Sender<Question>,
    pub(in crate::modem) calls: broadcast::Sender<Call>,
    pub(in crate::modem) care: Arc<Notify>,
    pub(crate) status: watch::Receiver<LineStatus>,
    pub(in crate::modem) tracer: Tracer,
}

impl LineStatus {
    /// Whether it sends and receives, as far as the modem says. Some never say whether they are
    /// registered; one that is ready and silent about it sends all the same.
    pub fn works(&self) -> bool {
        self.phase == Phase::Ready
            && match self.registration {
                Registration::Home | Registration::Roaming | Registration::Unknown => true,
                Registration::None | Registration::Searching | Registration::Denied => false,
            }
    }

    /// Maker, model and firmware, as far as the modem has told.
    pub fn modem(&self) -> Option<String> {
        let told = [&self.manufacturer, &self.model, &self.revision];
        let words: Vec<&str> = told.into_iter().flatten().map(String::as_str).collect();
        (!words.is_empty()).then(|| words.join(" "))
    }
}

/// Whether these are the characters of a code such as `*100#` (TS 22.090 §4.2).
///
/// # Errors
/// What a code looks like.
pub fn check_ussd(code: &str) -> Result<(), String> {
    let fits = (1..=USSD_MAX).contains(&code.len())
        && code
            .bytes()
            .all(|b| b.is_ascii_digit() || b == b'*' || b == b'#');
    match fits {
        true => Ok(()),
        false => Err(format!(
            "{code:?} is not a USSD code: it is made of digits, * and #, such as *100#"
        )),
    }
}

/// Characters of a code: a top-up with its voucher has thirty.
const USSD_MAX: usize = 40;

impl Line {
    /// A line without a modem: a test answers for it.
    #[doc(hidden)]
    pub fn scripted(
        name: &str,
        submissions: mpsc::Sender<Submission>,
        status: watch::Receiver<LineStatus>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            submissions,
            questions: mpsc::channel(1).0,
            calls: broadcast::channel(1).0,
            care: Arc::default(),
            status,
            tracer: Tracer::new(name, Clock::system()),
        }
    }

    /// Sends one segment: waits for the line's turn, and then for the network's word.
    ///
    /// Dropping the future once it was polled leaves the outcome unknown.
    pub async fn submit(&self, tpdu: Vec<u8>, more_to_come: bool) -> SubmitOutcome {
        let (outcome, answered) = oneshot::channel();
        let submission = Submission {
            tpdu,
            more_to_come,
            outcome,
        };
        if self.submissions.send(submission).await.is_err() {
            return SubmitOutcome::Refused(SubmitRefusal {
                code: None,
                words: "the line is shutting down".into(),
                remedy: Remedy::Ready,
                may_have_left: false,
            });
        }
        answered.await.unwrap_or_else(|_| SubmitOutcome::Unknown {
            why: "the line shut down during the attempt".into(),
        })
    }

    /// Asks the network a USSD code, at most 60 s; see [`check_ussd`].
    pub async fn ussd(&self, code: &str) -> Result<String, String> {
        let (answer, answered) = oneshot::channel();
        let question = Question::Ussd {
            code: code.into(),
            answer,
        };
        if self.questions.send(question).await.is_err() {
            return Err("the line is shutting down".into());
        }
        answered
            .await
            .unwrap_or_else(|_| Err("the line shut down before the network answered".into()))
    }

    /// The TP-MR of the last text that left, as the SIM keeps it; `None` where it cannot be read, or
    /// not within half a minute.
    pub async fn last_reference(&self) -> Option<u8> {
        const LIMIT: Duration = Duration::from_secs(30);
        let (answer, answered) = oneshot::channel();
        let asked = async {
            let question = Question::LastReference { answer };
            self.questions.send(question).await.ok()?;
            answered.await.ok()?
        };
        tokio::time::timeout(LIMIT, asked).await.ok()?
    }

    /// Unlocks the SIM with the PIN that somebody has just typed. It is tried at once, and once; the
    /// last try before the SIM locks itself is left to a telephone.
    ///
    /// # Errors
    /// Why it is not unlocked, and what to do.
    pub async fn unlock(&self, pin: Pin) -> Result<(), String> {
        const LIMIT: Duration = Duration::from_secs(25);
        let (answer, answered) = oneshot::channel();
        let asked = async {
            let closing = || "the line is shutting down".to_owned();
            let question = Question::Unlock { pin, answer };
            self.questions.send(question).await.map_err(|_| closing())?;
            answered.await.unwrap_or_else(|_| Err(closing()))
        };
        tokio::time::timeout(LIMIT, asked)
            .await
            .unwrap_or_else(|_| {
                Err("the modem has not come to its SIM yet: see how the line is in a minute".into())
            })
    }

    /// Asks for a text to ourselves now, of whoever looks after the line.
    pub fn ask_for_self_test(&self) {
        self.care.notify_one();
    }

    /// Waits until somebody asks for a text to ourselves.
    pub async fn self_test_asked(&self) {
        self.care.notified().await;
    }

    /// Voice calls from now on; they are hung up whether anybody listens or not.
    pub fn calls(&self) -> broadcast::Receiver<Call> {
        self.calls.subscribe()
    }

    /// Starts a transcript of what is said on the line's port; the modem is set up anew, so that it
    /// begins with what the modem is. Makes a file: the future waits for the disk.
    ///
    /// # Errors
    /// See [`TraceStartError`].
    pub async fn trace(&self, plan: TracePlan) -> Result<(), TraceStartError> {
        let (tracer, modem) = (self.tracer.clone(), self.status.borrow().modem());
        let file = plan.file.clone();
        let started = tokio::task::spawn_blocking(move || tracer.start(&plan, modem)).await;
        started.unwrap_or_else(|error| {
            let source = std::io::Error::other(error);
            Err(TraceStartError::File { file, source })
        })?;
        // A line that is shutting down has nothing more to say.
        let _ = self.questions.send(Question::SetUp).await;
        Ok(())
    }

    /// Ends the transcript; answers its file, if there was one.
    pub async fn end_trace(&self) -> Option<PathBuf> {
        let tracer = self.tracer.clone();
        tokio::task::spawn_blocking(move || tracer.stop())
            .await
            .ok()?
    }

    /// What writes the transcripts, apart from the line.
    pub fn tracer(&self) -> Tracer {
        self.tracer.clone()
    }

    /// The file that a transcript is being written to.
    pub fn traced_to(&self) -> Option<PathBuf> {
        self.tracer.file()
    }

    /// What is known of the line now; changes wake whoever watches.
    pub fn status(&self) -> watch::Receiver<LineStatus> {
        self.status.clone()
    }
}
