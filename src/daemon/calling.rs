//! Who is called for help, as the file says or else the page: the alerts' room is opened anew whenever
//! either changes.

use tokio::sync::{mpsc, oneshot, watch};

use super::shift::{Shift, told_to_stop};
use super::start_error::StartError;
use crate::alerts::{self, Alerts, trial::trial};
use crate::desk::Desk;
use crate::mail;
use crate::modem::Lines;
use crate::numbers::PatronNumber;
use crate::spool::Spool;
use crate::spool::settings::{self, Alerting};
use crate::web::{Ask, CallsForHelp, Tried, WhoSays, mail_server};

/// Wishes that may wait: an admin waits for each.
const ASKS_MAX: usize = 4;

/// What the file says of calls for help.
#[derive(Debug, Clone, Default)]
pub struct FileCalls {
    /// Who is called; then no page changes it.
    pub alerts: Option<alerts::Settings>,
    /// The mail server, also where nobody is called by it.
    pub mail: Option<mail::Settings>,
}

/// A changed file, on its way to the room.
pub type FileChange = (FileCalls, oneshot::Sender<Result<(), StartError>>);

/// The room that opens the alerts' room.
#[derive(Debug)]
pub struct Calling {
    desk: Desk,
    spool: Spool,
    lines: Lines,
    url: Option<String>,
    file: FileCalls,
    at_work: Option<Shift>,
    stands: watch::Sender<CallsForHelp>,
    asks: mpsc::Receiver<Ask>,
    changes: mpsc::Receiver<FileChange>,
}

impl Calling {
    /// The room, with nobody called yet; and the ways to it.
    pub fn new(
        desk: Desk,
        spool: Spool,
        lines: Lines,
        url: Option<String>,
    ) -> (Self, crate::web::Calling, mpsc::Sender<FileChange>) {
        let (stands, told) = watch::channel(CallsForHelp::default());
        let (asking, asks) = mpsc::channel(ASKS_MAX);
        let (changing, changes) = mpsc::channel(1);
        let room = Self {
            desk,
            spool,
            lines,
            url,
            file: FileCalls::default(),
            at_work: None,
            stands,
            asks,
            changes,
        };
        let door = crate::web::Calling {
            stands: told,
            asks: asking,
        };
        (room, door, changing)
    }

    /// Works until the house closes.
    pub async fn run(mut self, stop: watch::Receiver<bool>) {
        let stop = told_to_stop(stop);
        tokio::pin!(stop);
        loop {
            tokio::select! {
                Some((file, answer)) = self.changes.recv() => {
                    // Whoever asked may be gone.
                    let _ = answer.send(self.set_file(file).await);
                }
                Some(ask) = self.asks.recv() => self.hear(ask).await,
                () = &mut stop => break,
            }
        }
        if let Some(room) = self.at_work.take() {
            room.end().await;
        }
    }

    async fn hear(&mut self, ask: Ask) {
        match ask {
            Ask::LookAgain(answer) => {
                let looked = self.open(self.file.clone()).await;
                // Whoever asked may be gone.
                let _ = answer.send(looked.map_err(|error| error.to_string()));
            }
            Ask::Trial(answer) => {
                let called = self.called(&self.file).await;
                let (desk, spool) = (self.desk.clone(), self.spool.clone());
                let lines = self.lines.clone();
                // A mail server that does not answer must not hold up a change.
                tokio::spawn(async move {
                    let tried = match called {
                        Ok((Some(settings), ..)) => trial(&settings, desk, spool, lines)
                            .await
                            .map_err(|error| error.to_string()),
                        Ok((None, ..)) => Ok(Vec::new()),
                        Err(error) => Err(error.to_string()),
                    };
                    let told = tried.map(|all| {
                        let one = |tried: alerts::trial::Tried| Tried {
                            to: tried.to,
                            problem: tried.problem,
                        };
                        all.into_iter().map(one).collect()
                    });
                    let _ = answer.send(told);
                });
            }
        }
    }

    /// What the file says from now on; when it cannot be put to work, nothing changes.
    async fn set_file(&mut self, file: FileCalls) -> Result<(), StartError> {
        self.open(file.clone()).await?;
        self.file = file;
        Ok(())
    }

    /// Who is called, by which server, and who says so.
    async fn called(
        &self,
        file: &FileCalls,
    ) -> Result<(Option<alerts::Settings>, CallsForHelp), StartError> {
        let told = self.spool.read(settings::alerting).await?;
        let server = match (
            &file.mail,
            told.as_ref().and_then(|told| told.smtp.as_ref()),
        ) {
            (Some(mail), _) => Some((mail.clone(), WhoSays::File)),
            (None, Some(smtp)) => match mail_server(smtp) {
                Ok(mail) => Some((mail, WhoSays::Page)),
                Err(error) => {
                    // It was checked when it was told; a row that is wrong costs the mail alone.
                    tracing::error!(%error, "the mail server of the page cannot be used");
                    None
                }
            },
            (None, None) => None,
        };
        let (called, who) = match (&file.alerts, told) {
            (Some(said), _) => (Some(said.clone()), WhoSays::File),
            (None, Some(told)) => (
                by_page(&told, server.as_ref().map(|(mail, _)| mail)),
                WhoSays::Page,
            ),
            (None, None) => (None, WhoSays::Nobody),
        };
        let called = called.map(|mut called| {
            called.url = called.url.or_else(|| self.url.clone());
            called
        });
        let usual = alerts::Settings::default();
        let shown = called.as_ref().unwrap_or(&usual);
        let stands = CallsForHelp {
            said_by: called.as_ref().map_or(WhoSays::Nobody, |_| who),
            email: shown.mail.as_ref().map_or_else(Vec::new, |m| m.to.clone()),
            phones: shown.phones.clone(),
            line_after: shown.line_after,
            waiting_after: shown.waiting_after,
            disk_free: shown.disk_free,
            mail: server,
        };
        Ok((called, stands))
    }

    /// Opens the alerts' room anew. What was told already is not told again.
    async fn open(&mut self, file: FileCalls) -> Result<(), StartError> {
        let (called, stands) = self.called(&file).await?;
        let room = match called {
            Some(settings) => {
                let (desk, spool) = (self.desk.clone(), self.spool.clone());
                Some(Alerts::open(settings, desk, spool, self.lines.clone()).await?)
            }
            None => None,
        };
        if let Some(before) = self.at_work.take() {
            before.end().await;
        }
        if let Some(room) = room {
            let mut shift = Shift::new();
            shift.take(room.run(shift.stop()));
            self.at_work = Some(shift);
        }
        self.stands.send_replace(stands);
        Ok(())
    }
}

/// Who is called as the page says; `None`: nobody.
fn by_page(told: &Alerting, server: Option<&mail::Settings>) -> Option<alerts::Settings> {
    let mail = server
        .filter(|_| !told.email.is_empty())
        .map(|server| mail::Settings {
            to: told.email.clone(),
            ..server.clone()
        });
    (mail.is_some() || !told.phones.is_empty()).then(|| alerts::Settings {
        mail,
        phones: told
            .phones
            .iter()
            .cloned()
            .map(PatronNumber::kept)
            .collect(),
        line_after: std::time::Duration::from_secs(told.line_after_s),
        waiting_after: std::time::Duration::from_secs(told.waiting_after_s),
        disk_free: told.disk_free_mb.saturating_mul(1024 * 1024),
        ..alerts::Settings::default()
    })
}
