//! Lines: how a modem, its SIM and its network stand.

use std::path::PathBuf;

use jiff::Timestamp;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::modem::{self, LineStatus, Recovery, Registration};
use crate::spool::lines::Standing;
use crate::spool::{self, Spool, lines, outbox};

/// How far a line has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// No port answers.
    NoPort,
    /// Being opened and set up.
    Starting,
    /// The SIM or the network wants something.
    Stuck,
    /// Sending and receiving.
    Ready,
}

/// A line's modem. What names the SIM or the device is not here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Modem {
    /// The line's name in the configuration.
    pub name: String,
    /// How far it has come.
    pub phase: Phase,
    /// What is wrong and what to do, when it is not ready.
    pub detail: Option<String>,
    /// Who made the modem.
    pub manufacturer: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// The network's name.
    pub network: Option<String>,
    /// How it is registered with the network.
    pub registration: Registration,
    /// The signal, in dBm.
    pub signal_dbm: Option<i16>,
    /// Texts in the modem's storage.
    pub storage_used: Option<u16>,
    /// How many it holds.
    pub storage_total: Option<u16>,
    /// Since when it sends and receives, or does not.
    pub since: Option<Timestamp>,
    /// Texts of ours waiting for it.
    pub queued: u64,
    /// What is wrong although it may be ready: the carrier refuses texts, or none comes back.
    pub alarm: Option<String>,
    /// It rests, because the carrier refused one recipient after another.
    pub rest: Option<Rest>,
    /// The carrier refused one recipient after another, and took no text since: also when the rest is
    /// over.
    pub refused: bool,
    /// The balance, as the carrier words it.
    pub balance: Option<String>,
    /// When it was asked last.
    pub balance_at: Option<Timestamp>,
    /// Why there was no answer to that.
    pub balance_problem: Option<String>,
    /// The SIM asks for its PIN: see `POST /modems/{name}/pin`.
    pub wants_pin: bool,
    /// Tries that the PIN has left, where the modem says so.
    pub pin_tries_left: Option<u8>,
    /// Whether the line's own number is known, to which a text to itself goes.
    pub number_known: bool,
    /// The last text of the line to itself.
    pub self_test: Option<SelfTest>,
}

/// A line's modem with what names the SIM and the device: for whoever is on the box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModemOnTheBox {
    /// What every operator may see of it.
    #[serde(flatten)]
    pub modem: Modem,
    /// The port in use.
    pub port: Option<PathBuf>,
    /// The modem's firmware.
    pub revision: Option<String>,
    /// The modem's own number.
    pub imei: Option<String>,
    /// The subscriber's.
    pub imsi: Option<String>,
    /// The SIM's.
    pub iccid: Option<String>,
    /// The telephone number, where the SIM knows it.
    pub own_number: Option<String>,
    /// The service centre.
    pub smsc: Option<String>,
    /// What was done to bring it back.
    pub recovery: Recovery,
    /// What is odd about the modem although the line works, and what to do.
    pub oddity: Option<String>,
    /// The file to which what is said on its port goes.
    pub traced_to: Option<PathBuf>,
}

impl ModemOnTheBox {
    /// A line as a person on the box sees it.
    pub fn new(modem: Modem, status: LineStatus, traced_to: Option<PathBuf>) -> Self {
        Self {
            modem,
            port: status.port,
            revision: status.revision,
            imei: status.imei,
            imsi: status.imsi,
            iccid: status.iccid,
            own_number: status.own_number,
            smsc: status.smsc,
            recovery: status.recovery,
            oddity: status.oddity,
            traced_to,
        }
    }
}

/// A line that rests: nothing is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rest {
    /// Since when.
    pub since: Timestamp,
    /// Until when, unless a person ends it before.
    pub until: Timestamp,
    /// Why, and what to do.
    pub reason: String,
}

/// A text of a line to itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SelfTest {
    /// When it was sent.
    pub sent: Timestamp,
    /// How long it was on its way, once it has come back.
    pub took_ms: Option<i64>,
    /// Why it did not come back, and what to do.
    pub problem: Option<String>,
    /// How it went: `OK in 6 s`.
    pub words: String,
}

impl Modem {
    /// A line as its modem, its outbox and its carrier say.
    pub fn new(name: &str, status: &LineStatus, queued: u64, standing: &Standing) -> Self {
        let (phase, detail) = match &status.phase {
            modem::Phase::NoPort(detail) => (Phase::NoPort, Some(detail.clone())),
            modem::Phase::Starting => (Phase::Starting, None),
            modem::Phase::Stuck(detail) => (Phase::Stuck, Some(detail.clone())),
            modem::Phase::Ready => (Phase::Ready, None),
        };
        let balance = standing.balance.as_ref();
        Self {
            name: name.to_owned(),
            phase,
            detail,
            manufacturer: status.manufacturer.clone(),
            model: status.model.clone(),
            network: status.operator.clone(),
            registration: status.registration,
            signal_dbm: status.signal_dbm,
            storage_used: status.storage_used,
            storage_total: status.storage_total,
            since: status.since,
            queued,
            alarm: status.alarm.clone().or_else(|| standing.alarm()),
            rest: standing.paused.as_ref().map(|pause| Rest {
                since: pause.since,
                until: pause.until,
                reason: pause.reason.clone(),
            }),
            refused: standing.refused,
            balance: balance.and_then(|balance| balance.words.clone()),
            balance_at: balance.map(|balance| balance.at),
            balance_problem: balance.and_then(|balance| balance.problem.clone()),
            wants_pin: status.wants_pin,
            pin_tries_left: status.pin_tries_left,
            number_known: standing.number.is_some() || status.own_number.is_some(),
            self_test: standing.self_test.as_ref().map(|test| SelfTest {
                sent: test.sent,
                took_ms: test.took_ms,
                problem: test.problem.clone(),
                words: test.words(),
            }),
        }
    }
}

/// Lines as they stand, each by its name and what its modem says.
///
/// # Errors
/// What the spool says.
pub async fn modems(spool: &Spool, known: Vec<(String, LineStatus)>) -> spool::Result<Vec<Modem>> {
    spool
        .read(move |connection| {
            let known = known.iter();
            known
                .map(|(name, status)| read(connection, name, status))
                .collect()
        })
        .await
}

/// One line as it stands.
///
/// # Errors
/// What the spool says.
pub async fn modem(spool: &Spool, name: &str, status: LineStatus) -> spool::Result<Modem> {
    let name = name.to_owned();
    spool
        .read(move |connection| read(connection, &name, &status))
        .await
}

fn read(connection: &Connection, name: &str, status: &LineStatus) -> spool::Result<Modem> {
    let queued = outbox::waiting(connection, name)?;
    let standing = lines::standing(connection, name)?;
    Ok(Modem::new(name, status, queued, &standing))
}
