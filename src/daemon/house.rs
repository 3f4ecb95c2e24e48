//! Opening the house: spool, router, lines, surfaces, each with what it needs of the others; and
//! closing it in an order that loses nothing.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::keeping::{Keeping, RETENTION};
use super::panel::{Attendant, PanelDuty};
use super::{Owner, watches};
use crate::alerts::{self, Alerts};
use crate::control;
use crate::desk::{self, Desk, Link, NotGranted};
use crate::hardware::{Board, Panel};
use crate::modem::helper::{self, Helper};
use crate::modem::power_key::PowerKey;
use crate::modem::restart::Restarter;
use crate::modem::usb::{Authorisation, HubPort, Machine};
use crate::modem::{self, Claims, Keepers, Line, LineSettings};
use crate::routing::{Amendment, Library};
use crate::spool::{OpenError, Spool, SpoolError};
use crate::texting::{Calls, Care, CareSettings, Inbound, Outbound, PinBook, Stranded, UpkeepBook};
use crate::web;
use crate::xmpp::{self, Messengers};

/// Sweeps that may wait for the spool; the driver waits with the next.
const ARRIVALS_MAX: usize = 16;
/// How long an attempt under way may take to end when the house closes; after that it is *unknown*.
const CLOSING: Duration = Duration::from_secs(4);

/// One line and how it may be used.
#[derive(Debug, Clone)]
pub struct LineSetup {
    /// How it is driven.
    pub line: LineSettings,
    /// Between the starts of two texts.
    pub pace: Duration,
    /// Segments in a day; 0 is no cap.
    pub per_day: u32,
    /// How it is looked after.
    pub care: CareSettings,
}

/// What the house is opened with.
#[derive(Debug, Clone)]
pub struct HouseSettings {
    /// The spool's file; its folder is made when missing.
    pub spool: PathBuf,
    /// The library as patrons know it.
    pub library: Library,
    /// The lines.
    pub lines: Vec<LineSetup>,
    /// Where the console listens; `None`: no web face.
    pub web: Option<WebSetup>,
    /// The link to an XMPP server; `None`: no operators or patrons by XMPP.
    pub xmpp: Option<xmpp::Settings>,
    /// Whether commands may knock.
    pub control: bool,
    /// How long a transcript stays after its conversation closed.
    pub retention: Duration,
    /// Who looks after the process, for commands that ask it of that.
    pub errands: Option<mpsc::Sender<control::Errand>>,
    /// Who is called when the desk needs help; `None`: nobody.
    pub alerts: Option<alerts::Settings>,
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
            retention: RETENTION,
            errands: None,
            alerts: None,
        }
    }
}

/// Why the house could not be opened: one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The spool.
    #[error(transparent)]
    Spool(#[from] OpenError),
    /// The spool, once open.
    #[error(transparent)]
    Read(#[from] SpoolError),
    /// Alerts cannot be given.
    #[error(transparent)]
    Alerts(#[from] alerts::OpenError),
    /// A line could not be entered in the plan.
    #[error(transparent)]
    Plan(#[from] NotGranted),
    /// A configured port belongs to someone else.
    #[error(transparent)]
    Port(#[from] modem::port::OpenError),
    /// The console's address is taken.
    #[error(
        "{address} is in use by another program: stop that one, or set another `listen` under [web]"
    )]
    WebInUse {
        /// The address.
        address: SocketAddr,
    },
    /// The console cannot listen.
    #[error("cannot listen on {address}: {source}; set another `listen` under [web]")]
    Web {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The certificate.
    #[error(transparent)]
    Certificate(#[from] web::CertificateError),
    /// The control socket.
    #[error("cannot open the control socket {}: {source}; check who owns the spool's folder", .path.display())]
    Control {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The house, open.
#[derive(Debug)]
pub struct House {
    desk: Desk,
    spool: Spool,
    lines: Vec<Line>,
    web: Option<SocketAddr>,
    messengers: Option<watch::Receiver<xmpp::Standing>>,
    link: Option<watch::Receiver<Link>>,
    stop_surfaces: watch::Sender<bool>,
    surfaces: Vec<JoinHandle<()>>,
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
        for setup in &settings.lines {
            modem::port::check_free(&setup.line.port, setup.line.baud).await?;
        }
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
        for setup in &settings.lines {
            desk.amend(Amendment::AddLine {
                name: setup.line.name.clone(),
            })
            .await?;
        }

        let (stop_surfaces, stop) = watch::channel(false);
        let mut surfaces = Vec::new();
        let mut lines = Vec::new();
        let claims = Arc::new(Claims::default());
        for setup in settings.lines {
            let (arrivals, arrived) = mpsc::channel(ARRIVALS_MAX);
            let name = setup.line.name.clone();
            let keepers = keepers(&setup.line, &spool, &claims);
            let line = modem::start_with(setup.line, arrivals, keepers);
            let inbound = Inbound::new(name, desk.clone(), spool.clone());
            surfaces.push(tokio::spawn(inbound.run(arrived, stop.clone())));
            let outbound = Outbound::new(
                line.clone(),
                desk.clone(),
                spool.clone(),
                setup.pace,
                setup.per_day,
            );
            surfaces.push(tokio::spawn(outbound.run(stop.clone())));
            let calls = Calls::new(&line, desk.clone());
            surfaces.push(tokio::spawn(calls.run(stop.clone())));
            let care = Care::new(line.clone(), desk.clone(), spool.clone(), setup.care);
            surfaces.push(tokio::spawn(care.run(stop.clone())));
            lines.push(line);
        }
        if settings.control {
            // Only a daemon knows which lines there are: a command over the spool drives none.
            let names = lines.iter().map(|line| line.name.clone()).collect();
            let stranded = Stranded::new(names, desk.clone(), spool.clone());
            surfaces.push(tokio::spawn(stranded.run(stop.clone())));
        }

        let keeping = Keeping::new(desk.clone(), spool.clone(), settings.retention);
        surfaces.push(tokio::spawn(keeping.run(stop.clone())));
        for line in &lines {
            let (line, desk, spool) = (line.clone(), desk.clone(), spool.clone());
            let watching = watches::watch_line(line, desk, spool, stop.clone());
            surfaces.push(tokio::spawn(watching));
        }

        let (mut messengers, mut link) = (None, None);
        if let Some(settings) = settings.xmpp {
            let room = Messengers::new(settings, desk.clone(), spool.clone());
            let (told, kept) = watch::channel(Link::default());
            tokio::spawn(tell_link(room.standing(), told));
            link = Some(kept);
            messengers = Some(room.standing());
            surfaces.push(tokio::spawn(room.run(stop.clone())));
        }

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
                errands: settings.errands,
            };
            let stop = stop.clone();
            surfaces.push(tokio::spawn(async move {
                tokio::select! {
                    () = control::serve(socket, rooms) => {}
                    () = told(stop) => {}
                }
            }));
        }

        let mut address = None;
        if let (Some(listener), Some(web)) = (listener, settings.web) {
            address = listener.local_addr().ok();
            if let Some(publishing) = web.settings.publishing.clone() {
                let publish = web::publish(publishing, desk.board(), stop.clone());
                surfaces.push(tokio::spawn(publish));
            }
            let rooms = web::Rooms {
                desk: desk.clone(),
                spool: spool.clone(),
                lines: lines.clone(),
                messengers: link.clone(),
                settings: web.settings,
            };
            let mut router = web::router(rooms);
            if let Some(extra) = web.extra {
                router = router.merge(extra);
            }
            let stop = stop.clone();
            surfaces.push(tokio::spawn(async move {
                if let Err(error) = web::serve_by(listener, tls, router, told(stop)).await {
                    tracing::error!(%error, "the console stopped");
                }
            }));
        }

        if let Some(mut settings) = settings.alerts {
            if settings.url.is_none() {
                settings.url = address.map(|address| format!("http://{address}"));
            }
            let room = Alerts::open(settings, desk.clone(), spool.clone(), lines.clone()).await?;
            surfaces.push(tokio::spawn(room.run(stop.clone())));
        }

        Ok(Self {
            desk,
            spool,
            lines,
            web: address,
            messengers,
            link,
            stop_surfaces,
            surfaces,
            stop_owner,
            owner,
        })
    }

    /// Puts the front panel to work: until the house closes its lamps show how the desk is, and its
    /// switch and button are heard.
    pub fn seat_panel<B>(&mut self, panel: Panel<B>, duty: PanelDuty)
    where
        B: Board + 'static,
        Panel<B>: Send,
    {
        let attendant = Attendant::new(panel, duty, self.control(true));
        let stop = self.stop_surfaces.subscribe();
        self.surfaces.push(tokio::spawn(attendant.run(stop)));
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
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Where the console listens.
    pub fn web(&self) -> Option<SocketAddr> {
        self.web
    }

    /// How the link to the XMPP server stands, if one is configured.
    pub fn messengers(&self) -> Option<&watch::Receiver<xmpp::Standing>> {
        self.messengers.as_ref()
    }

    /// What answering a command takes.
    pub fn control(&self, running: bool) -> control::Rooms {
        control::Rooms {
            desk: self.desk.clone(),
            spool: self.spool.clone(),
            lines: self.lines.clone(),
            running,
            web: self.web,
            messengers: self.link.clone(),
            errands: None,
        }
    }

    /// Closes the house: the surfaces stop taking anything in, an attempt under way may end, and
    /// whatever was asked is on disk. Bounded: a modem that does not answer is left *unknown*.
    pub async fn close(self) {
        let _ = self.stop_surfaces.send(true);
        let tracers: Vec<_> = self.lines.iter().map(Line::tracer).collect();
        drop(self.lines);
        let ended = async {
            for surface in self.surfaces {
                if let Err(error) = surface.await
                    && error.is_panic()
                {
                    tracing::error!(%error, "a surface ended badly");
                }
            }
        };
        if tokio::time::timeout(CLOSING, ended).await.is_err() {
            tracing::warn!("closing without waiting any longer for the line");
        }
        // What was said last is in the transcripts before the process ends.
        let ended = tokio::task::spawn_blocking(move || {
            tracers.iter().for_each(|tracer| {
                tracer.stop();
            })
        });
        if tokio::time::timeout(CLOSING, ended).await.is_err() {
            tracing::warn!("closing although a transcript is not written yet");
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
async fn tell_link(mut standing: watch::Receiver<xmpp::Standing>, told: watch::Sender<Link>) {
    loop {
        let link = match &*standing.borrow_and_update() {
            xmpp::Standing::Connecting => Link::Connecting,
            xmpp::Standing::Up => Link::Up,
            xmpp::Standing::Down(error) => Link::Down(error.to_string()),
        };
        told.send_replace(link);
        if standing.changed().await.is_err() {
            return;
        }
    }
}

/// What a line is given: its records, and every way to restart its modem that this box may have. A
/// way that does not reach the modem says so when it is wanted, and the next one is tried: first
/// what the daemon may do itself, then what its helper may.
fn keepers(line: &LineSettings, spool: &Spool, claims: &Arc<Claims>) -> Keepers {
    let book = Arc::new(UpkeepBook::new(spool.clone(), line.name.clone()));
    let socket = std::path::Path::new(helper::SOCKET);
    let machine = Machine::this();
    let mut power: Vec<Arc<dyn Restarter>> = Vec::new();
    if let Some(profile) = line.power {
        power.push(Arc::new(PowerKey::new(profile)));
    }
    power.push(Arc::new(HubPort(machine.clone())));
    power.push(Arc::new(Helper::to_power_cycle(socket)));
    Keepers {
        ladder: Some(Arc::clone(&book) as _),
        place: Some(book),
        claims: Arc::clone(claims),
        replug: vec![
            Arc::new(Authorisation(machine)),
            Arc::new(Helper::to_replug(socket)),
        ],
        power,
        ..Keepers::new(Arc::new(PinBook::new(spool.clone(), line.pin.clone())))
    }
}

/// Waits until the house closes.
pub(super) async fn told(mut stop: watch::Receiver<bool>) {
    // An error says that the house is gone: the same.
    let _ = stop.wait_for(|stop| *stop).await;
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
