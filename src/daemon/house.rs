//! Opening the house: spool, router, lines, surfaces, each with what it needs of the others; and
//! closing it in an order that loses nothing.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::calling::{Calling, FileCalls, FileChange};
use super::keeping::Keeping;
use super::lines::{self, LinesAtWork};
use super::owner::Owner;
use super::panel::{Attendant, PanelDuty};
use super::shift::{CLOSING, Shift, told_to_stop};
use super::start_error::StartError;
use crate::alerts;
use crate::control;
use crate::desk::{self, Desk, Link, NotGranted};
use crate::errands::{Door, Errand};
use crate::hardware::{Board, Panel};
use crate::mail;
use crate::modem::{LineSettings, Lines};
use crate::routing::Library;
use crate::spool::{OpenError, Spool, SpoolError};
use crate::texting::Stranded;
use crate::web;
use crate::xmpp::{self, Component};

/// What the house is opened with.
#[derive(Debug, Clone)]
pub struct HouseSettings {
    /// The spool's file; its folder is made when missing.
    pub spool: PathBuf,
    /// The library as patrons know it.
    pub library: Library,
    /// The lines.
    pub lines: Vec<LineSettings>,
    /// Where the console listens; `None`: no web face.
    pub web: Option<WebSetup>,
    /// The link to an XMPP server; `None`: no operators or patrons by XMPP.
    pub xmpp: Option<xmpp::Settings>,
    /// Whether commands may knock.
    pub control: bool,
    /// How long a transcript stays after its conversation closed; `None`: as the page says.
    pub retention: Option<Duration>,
    /// Who looks after the process, for commands that ask it of that.
    pub errands: Option<mpsc::Sender<Errand>>,
    /// Who is called when the desk needs help; `None`: nobody.
    pub alerts: Option<alerts::Settings>,
    /// The mail server, also where nobody is called by it; `None`: as the page says.
    pub mail: Option<mail::Settings>,
}

/// The web face.
#[derive(Debug, Clone)]
pub struct WebSetup {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What it needs to know.
    pub settings: web::Settings,
    /// Pages that are served beside it.
    pub extra: Option<axum::Router>,
}

impl HouseSettings {
    /// A house with a spool and nothing else: enough to change the plan while no daemon runs.
    pub fn quiet(spool: PathBuf, library: Library) -> Self {
        Self {
            spool,
            library,
            lines: Vec::new(),
            web: None,
            xmpp: None,
            control: false,
            retention: None,
            errands: None,
            alerts: None,
            mail: None,
        }
    }
}

/// The house, open.
#[derive(Debug)]
pub struct House {
    desk: Desk,
    spool: Spool,
    lines: LinesAtWork,
    web: Option<SocketAddr>,
    messengers: Option<watch::Receiver<xmpp::LinkState>>,
    link: Option<watch::Receiver<Link>>,
    told: watch::Sender<web::FileSays>,
    calling: mpsc::Sender<FileChange>,
    surfaces: Shift,
    stop_owner: oneshot::Sender<()>,
    owner: JoinHandle<()>,
}

impl House {
    /// Opens everything. When it returns, texts are taken in and the console answers.
    ///
    /// # Errors
    /// What is in the way; nothing is damaged, and nothing is left running.
    pub async fn open(settings: HouseSettings) -> Result<Self, StartError> {
        // What can be in the way of the whole house is tried before anything is begun.
        lines::check_ports(&settings.lines, &[]).await?;
        let listener = match &settings.web {
            Some(web) => Some(listen(web.listen).await?),
            None => None,
        };
        let tls = match settings
            .web
            .as_ref()
            .and_then(|web| web.settings.certificate.clone())
        {
            Some(certificate) => Some(web::Tls::open(certificate)?),
            None => None,
        };
        let spool = open_spool(&settings.spool).await?;

        let (desk, counter) = desk::open();
        let owner = Owner::open(spool.clone(), settings.library, counter).await?;
        let (stop_owner, stopped) = oneshot::channel();
        let owner = tokio::spawn(owner.run(async {
            // Dropping the house stops it as well.
            let _ = stopped.await;
        }));
        let mut surfaces = Shift::new();
        let mut at_work = LinesAtWork::new(desk.clone(), spool.clone());
        at_work.set(settings.lines).await?;
        let lines = at_work.shown().clone();
        if settings.control {
            // Only a daemon knows which lines there are: a command over the spool drives none.
            let stranded = Stranded::new(lines.clone(), desk.clone(), spool.clone());
            surfaces.take(stranded.run(surfaces.stop()));
        }
        let (told_by_file, file_says) = watch::channel(web::FileSays {
            retention: settings.retention,
        });
        let keeping = Keeping::new(desk.clone(), spool.clone(), file_says.clone());
        surfaces.take(keeping.run(surfaces.stop()));

        let (mut messengers, mut link) = (None, None);
        if let Some(settings) = settings.xmpp {
            let room = Component::new(settings, desk.clone(), spool.clone());
            let (told, kept) = watch::channel(Link::default());
            tokio::spawn(tell_link(room.standing(), told));
            link = Some(kept);
            messengers = Some(room.standing());
            surfaces.take(room.run(surfaces.stop()));
        }

        let errands = Door::new(settings.errands);
        if settings.control {
            let socket = control::listen(spool.path()).map_err(|source| StartError::Control {
                path: control::socket_path(spool.path()),
                source,
            })?;
            let rooms = control::Rooms {
                desk: desk.clone(),
                spool: spool.clone(),
                lines: lines.clone(),
                running: true,
                web: listener.as_ref().and_then(|web| web.local_addr().ok()),
                messengers: link.clone(),
                errands: errands.clone(),
            };
            let stop = surfaces.stop();
            surfaces.take(async move {
                tokio::select! {
                    () = control::serve(socket, rooms) => {}
                    () = told_to_stop(stop) => {}
                }
            });
        }

        let mut address = None;
        if let Some(listener) = &listener {
            address = listener.local_addr().ok();
        }
        let url = address.map(|address| format!("http://{address}"));
        let (room, door, calling) = Calling::new(desk.clone(), spool.clone(), lines.clone(), url);
        surfaces.take(room.run(surfaces.stop()));
        if let (Some(listener), Some(web)) = (listener, settings.web) {
            if let Some(publishing) = web.settings.publishing.clone() {
                let publish = web::publish(publishing, desk.board(), surfaces.stop());
                surfaces.take(publish);
            }
            let rooms = web::Rooms {
                desk: desk.clone(),
                spool: spool.clone(),
                lines: lines.clone(),
                messengers: link.clone(),
                file_says,
                calling: door,
                errands,
                settings: web.settings,
            };
            let mut router = web::router(rooms);
            if let Some(extra) = web.extra {
                router = router.merge(extra);
            }
            let stop = surfaces.stop();
            surfaces.take(async move {
                if let Err(error) = web::serve_by(listener, tls, router, told_to_stop(stop)).await {
                    tracing::error!(%error, "the console stopped");
                }
            });
        }

        let house = Self {
            desk,
            spool,
            lines: at_work,
            web: address,
            messengers,
            link,
            told: told_by_file,
            calling,
            surfaces,
            stop_owner,
            owner,
        };
        house.set_alerts(settings.alerts, settings.mail).await?;
        Ok(house)
    }

    /// Drives exactly these lines from now on. Those that stay as they are notice
    /// nothing, and no text is dropped: what a line had not fetched waits in its SIM, what it had not
    /// sent in the outbox.
    ///
    /// # Errors
    /// When a port belongs to another program; then nothing changed.
    pub async fn set_lines(&mut self, lines: Vec<LineSettings>) -> Result<(), StartError> {
        lines::check_ports(&lines, &self.lines.ports()).await?;
        self.lines.set(lines).await
    }

    /// Calls these for help from now on, by this mail server; where the file says nothing, as the page
    /// says. What was told already is not told again.
    ///
    /// # Errors
    /// When the settings make no mailer; then nothing changed.
    pub async fn set_alerts(
        &self,
        alerts: Option<alerts::Settings>,
        mail: Option<mail::Settings>,
    ) -> Result<(), StartError> {
        // Who is called by mail has a server.
        let mail = mail.or_else(|| alerts.as_ref()?.mail.clone());
        let (answer, answered) = oneshot::channel();
        let file = FileCalls { alerts, mail };
        let closing = || StartError::Plan(NotGranted::ShuttingDown);
        let asked = self.calling.send((file, answer)).await;
        asked.map_err(|_| closing())?;
        answered.await.map_err(|_| closing())?
    }

    /// Transcripts stay for this long from now on; `None`: as the page says.
    pub fn set_retention(&self, retention: Option<Duration>) {
        self.told.send_modify(|told| told.retention = retention);
    }

    /// Puts the front panel to work: until the house closes its lamps show how the desk is, and its
    /// switch and button are heard.
    pub fn seat_panel<B>(&mut self, panel: Panel<B>, duty: PanelDuty)
    where
        B: Board + 'static,
        Panel<B>: Send,
    {
        let attendant = Attendant::new(panel, duty, self.control(true));
        let stop = self.surfaces.stop();
        self.surfaces.take(attendant.run(stop));
    }

    /// The counter.
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// The spool.
    pub fn spool(&self) -> &Spool {
        &self.spool
    }

    /// The lines.
    pub fn lines(&self) -> &Lines {
        self.lines.shown()
    }

    /// Where the console listens.
    pub fn web(&self) -> Option<SocketAddr> {
        self.web
    }

    /// How the link to the XMPP server stands, if one is configured.
    pub fn messengers(&self) -> Option<&watch::Receiver<xmpp::LinkState>> {
        self.messengers.as_ref()
    }

    /// What answering a command takes.
    pub fn control(&self, running: bool) -> control::Rooms {
        control::Rooms {
            desk: self.desk.clone(),
            spool: self.spool.clone(),
            lines: self.lines.shown().clone(),
            running,
            web: self.web,
            messengers: self.link.clone(),
            errands: Door::default(),
        }
    }

    /// Closes the house: the surfaces stop taking anything in, an attempt under way may end, and
    /// whatever was asked is on disk. Bounded: a modem that does not answer is left *unknown*.
    pub async fn close(self) {
        let (all, ()) = tokio::join!(self.surfaces.end(), self.lines.close());
        if !all {
            tracing::warn!("closing without waiting any longer for a surface");
        }
        let _ = self.stop_owner.send(());
        drop(self.desk);
        if tokio::time::timeout(CLOSING, self.owner).await.is_err() {
            tracing::warn!("closing although the router is still busy");
        }
        if let Err(error) = self.spool.fold().await {
            tracing::warn!(%error, "the spool's log stays for the next start to read");
        }
    }
}

/// Says in the house's words how the link to the XMPP server stands, until its room is gone.
async fn tell_link(mut standing: watch::Receiver<xmpp::LinkState>, told: watch::Sender<Link>) {
    loop {
        let link = match &*standing.borrow_and_update() {
            xmpp::LinkState::Connecting => Link::Connecting,
            xmpp::LinkState::Up => Link::Up,
            xmpp::LinkState::Down(error) => Link::Down(error.to_string()),
        };
        told.send_replace(link);
        if standing.changed().await.is_err() {
            return;
        }
    }
}

async fn listen(address: SocketAddr) -> Result<tokio::net::TcpListener, StartError> {
    tokio::net::TcpListener::bind(address)
        .await
        .map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => StartError::WebInUse { address },
            _ => StartError::Web { address, source },
        })
}

/// Opening runs migrations: off the runtime's threads.
async fn open_spool(path: &std::path::Path) -> Result<Spool, StartError> {
    let path = path.to_owned();
    let opened = tokio::task::spawn_blocking(move || {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|source| OpenError::Unusable {
                path: path.clone(),
                source,
            })?;
        }
        Spool::open(&path)
    });
    Ok(opened
        .await
        .map_err(|error| SpoolError::Broken(error.to_string()))??)
}
