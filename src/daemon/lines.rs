//! The lines at work: each a driver with everything that serves it, opened and closed alone, so that
//! one can be added, changed or taken away while the house is open.

use std::path::Path;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::shift::{CLOSING, Shift};
use super::start_error::StartError;
use super::watches;
use crate::desk::Desk;
use crate::modem::helper::{self, Helper};
use crate::modem::power_key::PowerKey;
use crate::modem::restart::Restarter;
use crate::modem::usb::{Authorisation, HubPort, Machine};
use crate::modem::{self, Claims, Keepers, Line, LineSettings, LineStatus, Lines, PortChoice};
use crate::routing::Amendment;
use crate::spool::Spool;
use crate::texting::{Calls, Care, Inbound, LineRecords, Outbound};

/// Sweeps that may wait for the spool; the driver waits with the next.
const ARRIVALS_MAX: usize = 16;

/// Records that may wait for the spool; the driver keeps the next few to itself.
const RECORDS_MAX: usize = 4;

/// Whether the ports can be had, but for those that are `ours` already: that one belongs to somebody
/// else is told before anything is begun.
///
/// # Errors
/// The port, and who may have it.
pub(super) async fn check_ports(
    settings: &[LineSettings],
    ours: &[PortChoice],
) -> Result<(), modem::port::OpenError> {
    for line in settings {
        if !ours.contains(&line.port) {
            modem::port::check_free(&line.port, line.baud).await?;
        }
    }
    Ok(())
}

/// The lines that the house drives.
#[derive(Debug)]
pub(super) struct LinesAtWork {
    desk: Desk,
    spool: Spool,
    claims: Arc<Claims>,
    /// What others see of them.
    shown: Lines,
    at_work: Vec<AtWork>,
}

#[derive(Debug)]
struct AtWork {
    settings: LineSettings,
    line: Line,
    shift: Shift,
}

impl LinesAtWork {
    pub(super) fn new(desk: Desk, spool: Spool) -> Self {
        Self {
            desk,
            spool,
            claims: Arc::default(),
            shown: Lines::default(),
            at_work: Vec::new(),
        }
    }

    /// The ports that they were given.
    pub(super) fn ports(&self) -> Vec<PortChoice> {
        let lines = self.at_work.iter();
        lines.map(|one| one.settings.port.clone()).collect()
    }

    /// The lines as others see them.
    pub(super) fn shown(&self) -> &Lines {
        &self.shown
    }

    /// Drives exactly these lines from now on. Those that stay as they are notice nothing; one that
    /// changed is closed and opened anew, which costs it a setup: texts wait in its SIM meanwhile,
    /// answers in the outbox.
    ///
    /// # Errors
    /// When the plan takes no line of such a name; then nothing changed.
    pub(super) async fn set(&mut self, lines: Vec<LineSettings>) -> Result<(), StartError> {
        for line in &lines {
            let name = line.name.clone();
            self.desk.amend(Amendment::AddLine { name }).await?;
        }
        let tables = lines.iter().map(|line| (line.name.clone(), line.national));
        self.desk.set_tables(tables.collect()).await?;
        let (stay, go) = std::mem::take(&mut self.at_work)
            .into_iter()
            .partition(|one: &AtWork| lines.contains(&one.settings));
        self.at_work = stay;
        self.show();
        // All of them at once: each may take its time.
        let go: Vec<AtWork> = go;
        join_all(
            go.into_iter()
                .map(async |line| line.close().await.ended().await),
        )
        .await;
        for (place, settings) in lines.into_iter().enumerate() {
            match self.at_work.iter().position(|one| one.settings == settings) {
                // In the order of the configuration.
                Some(found) => self.at_work.swap(place, found),
                None => {
                    let opened = self.open(settings).await;
                    self.at_work.insert(place, opened);
                }
            }
        }
        self.show();
        Ok(())
    }

    fn show(&self) {
        let lines = self.at_work.iter().map(|one| one.line.clone());
        self.shown.replace(lines.collect());
    }

    async fn open(&self, settings: LineSettings) -> AtWork {
        let (desk, spool) = (&self.desk, &self.spool);
        let (arrivals, arrived) = mpsc::channel(ARRIVALS_MAX);
        let (records, recorded) = mpsc::channel(RECORDS_MAX);
        let name = settings.name.clone();
        let book = LineRecords::new(spool.clone(), name.clone());
        let keepers = Keepers {
            records: Some(records),
            memory: book.memory().await,
            ..self.hands(&settings)
        };
        let line = modem::start(settings.clone(), arrivals, keepers);
        let mut shift = Shift::new();
        shift.take(book.run(recorded)); // ends with its line
        let inbound = Inbound::new(name, desk.clone(), spool.clone());
        shift.take(inbound.run(arrived, shift.stop()));
        let outbound = Outbound::new(
            line.clone(),
            desk.clone(),
            spool.clone(),
            settings.pace,
            settings.per_day,
        )
        .in_tables(settings.national);
        shift.take(outbound.run(shift.stop()));
        let calls = Calls::new(&line, desk.clone());
        shift.take(calls.run(shift.stop()));
        let care = Care::new(line.clone(), desk.clone(), spool.clone(), settings.clone());
        shift.take(care.run(shift.stop()));
        let (watched, desk, spool) = (line.clone(), desk.clone(), spool.clone());
        shift.take(watches::watch_line(watched, desk, spool, shift.stop()));
        AtWork {
            settings,
            line,
            shift,
        }
    }

    /// Every way to restart a line's modem that this box may have. A way that does not reach the modem says so when it is wanted, and the next one is tried: first
    /// what the daemon may do itself, then what its helper may.
    fn hands(&self, line: &LineSettings) -> Keepers {
        let socket = Path::new(helper::SOCKET);
        let machine = Machine::this();
        let mut power: Vec<Arc<dyn Restarter>> = Vec::new();
        if let Some(profile) = line.power {
            power.push(Arc::new(PowerKey::new(profile)));
        }
        power.push(Arc::new(HubPort(machine.clone())));
        power.push(Arc::new(Helper::to_power_cycle(socket)));
        Keepers {
            claims: Arc::clone(&self.claims),
            replug: vec![
                Arc::new(Authorisation(machine)),
                Arc::new(Helper::to_replug(socket)),
            ],
            power,
            ..Keepers::default()
        }
    }

    /// Closes them all. Bounded: a modem that does not answer is left *unknown*.
    pub(super) async fn close(mut self) {
        let lines = std::mem::take(&mut self.at_work);
        self.show();
        join_all(lines.into_iter().map(AtWork::close)).await;
    }
}

/// A line without anybody to serve: its driver may still be about to end.
struct Closed {
    name: String,
    status: watch::Receiver<LineStatus>,
}

impl Closed {
    /// Waits until the driver has let go of the port, for a while.
    async fn ended(mut self) {
        let ended = async { while self.status.changed().await.is_ok() {} };
        if timeout(CLOSING, ended).await.is_err() {
            tracing::warn!(line = self.name, "the line is still used by somebody");
        }
    }
}

impl AtWork {
    async fn close(self) -> Closed {
        let name = self.settings.name;
        let (tracer, status) = (self.line.tracer(), self.line.status());
        drop(self.line);
        if !self.shift.end().await {
            tracing::warn!(
                line = name,
                "closing without waiting any longer for the line"
            );
        }
        // What was said last is in the transcript before the line is gone.
        let stopped = tokio::task::spawn_blocking(move || tracer.stop());
        if timeout(CLOSING, stopped).await.is_err() {
            tracing::warn!(
                line = name,
                "closing although a transcript is not written yet"
            );
        }
        Closed { name, status }
    }
}
