//! `callnumber demo`: a whole library on one machine. A simulated modem, a phone to text from, and
//! the real console beside it.

mod pages;
mod phones;

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast::error::RecvError;

use crate::daemon::{House, HouseSettings, StartError, WebSetup};
use crate::desk::{Desk, What};
use crate::modem::{LineSettings, PortChoice};
use crate::routing::{
    Amendment, ConversationState, DeliveryState, Direction, Event, Library, Message, Notice,
    OperatorId, Role, Show,
};
use crate::simulator::{ReportPolicy, Settings, SimulatedModem};
use crate::spool::transcript::{Entry, Listing, Order};
use crate::spool::{Spool, transcript};
use crate::web;

use phones::{PATRONS, Phones};

/// The operator whose console is open beside the phone.
const OPERATOR: &str = "ana";
/// The library.
const LIBRARY_NAME: &str = "Elm Library";
/// Its number.
const LIBRARY_NUMBER: &str = "+15550100000";
/// The line the library is on.
const LINE: &str = "front-desk";
/// What a patron is told while nobody is there. The default names the opening hours, and drops that
/// sentence where none are known.
const CLOSED_NOTICE: &str = "{library} is closed now. Your text is saved. A librarian will reply \
     when we are back. Urgent? Call {urgent}. Reply STOP to opt out.";
/// Earlier threads, and texts of each, that a phone shows again.
const EARLIER_MAX: usize = 500;

/// `callnumber demo`
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where the page listens; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Keep the desk in this folder [default: one that is gone afterwards]
    #[arg(long, value_name = "DIR")]
    spool: Option<PathBuf>,
}

struct Demo {
    /// Tells a page that it was loaded from another run.
    run: String,
    modem: SimulatedModem,
    desk: Desk,
    operator: OperatorId,
    phones: Phones,
}

/// Runs until it is told to stop.
pub(super) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let folder = Folder::new(arguments.spool)?;
    let modem = SimulatedModem::start(Settings {
        number: LIBRARY_NUMBER.into(),
        // Long enough to see the ticks change.
        send_latency: Duration::from_millis(400),
        reports: telephone(true),
        ..Settings::default()
    })
    .await
    .context("the system has no pseudo-terminal to give")?;

    let place: Arc<OnceLock<Arc<Demo>>> = Arc::default();
    let house = House::open(HouseSettings {
        spool: folder.path().join("spool.db"),
        library: Library {
            name: LIBRARY_NAME.into(),
            urgent: Some("555-0100".into()),
            ..Library::default()
        },
        lines: vec![LineSettings {
            pace: Duration::ZERO,
            per_day: 0,
            ..LineSettings::new(LINE, PortChoice::Path(modem.port()))
        }],
        web: Some(WebSetup {
            listen: arguments.listen,
            settings: web::Settings {
                library: LIBRARY_NAME.into(),
                links_enter_directly: true,
                framed_by_self: true,
                ribbon: Some(web::Ribbon {
                    text: "This desk is a demonstration.".into(),
                    link_text: "Open it with the phone beside it".into(),
                    href: "/demo".into(),
                }),
                ..web::Settings::default()
            },
            extra: Some(pages::pages(Arc::clone(&place))),
        }),
        xmpp: None,
        control: true,
        retention: None,
        errands: None,
        alerts: None,
        mail: None,
    })
    .await
    .map_err(what_to_do)?;

    let operator = prepare(house.desk()).await?;
    let demo = Arc::new(Demo {
        run: super::secret::make(),
        modem,
        desk: house.desk().clone(),
        operator,
        phones: Phones::new(earlier(house.spool()).await?),
    });
    let _ = place.set(Arc::clone(&demo));

    let address = house.web().unwrap_or(arguments.listen);
    say!("A library is open at http://{address}/demo");
    say!("The phone is a patron's, the desk is yours. Ctrl-C closes it.");

    tokio::select! {
        _ = terminate.recv() => {}
        outcome = tokio::signal::ctrl_c() => outcome.context("cannot wait for Ctrl-C")?,
        () = answer_phones(&demo) => {}
        () = follow_desk(&demo, house.spool().clone()) => {}
        () = watch_duty(&demo) => {}
    }
    house.close().await;
    Ok(())
}

/// A start that fails says what to do in this command's own words.
fn what_to_do(error: StartError) -> anyhow::Error {
    match error {
        StartError::WebInUse { address } => anyhow!(
            "{address} is in use by another program: stop that one, or let the demo take a free \
             port: callnumber demo --listen 127.0.0.1:0"
        ),
        StartError::Web { address, source } => anyhow!(
            "cannot listen on {address}: {source}; name another address: \
             callnumber demo --listen 127.0.0.1:0"
        ),
        other => other.into(),
    }
}

/// The spool's folder, gone afterwards unless it was named.
enum Folder {
    Named(PathBuf),
    Passing(PathBuf),
}

impl Folder {
    fn new(named: Option<PathBuf>) -> anyhow::Result<Self> {
        if let Some(path) = named {
            return Ok(Self::Named(path));
        }
        // A run that was killed leaves its folder behind; the system cleans up, and nobody reads
        // it again.
        for attempt in 0..100 {
            let name = format!("callnumber-demo-{}-{attempt}", std::process::id());
            let path = std::env::temp_dir().join(name);
            match std::fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self::Passing(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(error).with_context(|| {
                        format!("cannot make {}; name a folder: --spool DIR", path.display())
                    });
                }
            }
        }
        Err(anyhow!(
            "no free name for a passing folder in {}; name a folder: --spool DIR",
            std::env::temp_dir().display()
        ))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Named(path) | Self::Passing(path) => path,
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Self::Passing(path) = self {
            // What cannot be removed is in the system's temporary folder.
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

/// How the patrons' telephones report.
fn telephone(on: bool) -> ReportPolicy {
    ReportPolicy {
        automatic: on,
        delay: Duration::from_millis(900),
        ..ReportPolicy::default()
    }
}

/// Ana is there, on duty, before the first text, and for as long as this runs: a newcomer who looks
/// at the page an hour later must not find her gone for want of an open browser.
async fn prepare(desk: &Desk) -> anyhow::Result<OperatorId> {
    let known = |desk: &Desk| {
        let board = desk.board();
        let board = board.borrow();
        board
            .plan
            .operator_named(OPERATOR)
            .map(|operator| operator.id)
    };
    if known(desk).is_none() {
        desk.amend(Amendment::AddOperator {
            name: OPERATOR.into(),
            password_hash: None,
            role: Role::Admin,
            queues: vec!["desk".into()],
        })
        .await?;
    }
    let gateway = {
        let board = desk.board();
        let board = board.borrow();
        let gateway = board.plan.gateway_on_line(LINE);
        gateway.map(|gateway| {
            (
                gateway.name.clone(),
                gateway.wording.contains_key(&Notice::Closed),
            )
        })
    };
    // Whoever reworded it in a kept desk keeps their words.
    if let Some((name, false)) = gateway {
        desk.amend(Amendment::SetGateway {
            name,
            queue: None,
            line: None,
            policy: None,
            closed_notice: Some(CLOSED_NOTICE.into()),
        })
        .await?;
    }
    let operator = known(desk).context("the demonstration's operator was just added")?;
    let endpoint = desk.new_endpoint();
    desk.ask(Event::EndpointOpened { operator, endpoint })
        .await?;
    let show = Show::Available;
    desk.ask(Event::Presence { operator, show }).await?;
    Ok(operator)
}

/// What the phones showed when the desk was last open, oldest first. Texts that were still on
/// their way come by the modem.
async fn earlier(spool: &Spool) -> anyhow::Result<Vec<(String, Message)>> {
    let messages = spool
        .read(|connection| {
            let listing = Listing {
                states: vec![
                    ConversationState::Held,
                    ConversationState::Waiting,
                    ConversationState::Claimed,
                    ConversationState::Closed,
                ],
                queues: None,
                order: Order::Oldest,
                after: None,
                limit: EARLIER_MAX,
            };
            let mut messages = Vec::new();
            for listed in transcript::list(connection, &listing)? {
                let conversation = listed.conversation;
                let Some(patron) = transcript::patron(connection, conversation.patron)? else {
                    continue;
                };
                if !PATRONS.iter().any(|(_, number)| patron.address == *number) {
                    continue;
                }
                for entry in transcript::thread(connection, conversation.id, None, EARLIER_MAX)? {
                    if let Entry::Message(message) = entry
                        && reached_a_phone(message.state)
                    {
                        messages.push((patron.address.to_string(), message));
                    }
                }
            }
            messages.sort_by_key(|(_, message)| message.id);
            Ok(messages)
        })
        .await?;
    Ok(messages)
}

fn reached_a_phone(state: DeliveryState) -> bool {
    match state {
        DeliveryState::Received | DeliveryState::Sent | DeliveryState::Delivered => true,
        DeliveryState::Queued
        | DeliveryState::Sending
        | DeliveryState::Failed
        | DeliveryState::Unknown => false,
    }
}

/// What the library sends lands on the phones.
async fn answer_phones(demo: &Demo) {
    const LONG: Duration = Duration::from_secs(3600);
    loop {
        if let Ok(sent) = demo.modem.next_sent(LONG).await {
            demo.phones.arrives(&sent.to, &sent.text);
        }
    }
}

/// Tells the phones what became of texts at the desk.
async fn follow_desk(demo: &Demo, spool: Spool) {
    let mut changes = demo.desk.changes();
    loop {
        let change = match changes.recv().await {
            Ok(change) => change,
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        let What::Message(message, _) = &change.what else {
            continue;
        };
        let conversation = message.conversation;
        let patron = spool
            .read(move |connection| {
                let Some(conversation) = transcript::conversation(connection, conversation)? else {
                    return Ok(None);
                };
                transcript::patron(connection, conversation.patron)
            })
            .await;
        let Ok(Some(patron)) = patron else {
            continue;
        };
        match message.direction {
            Direction::In => {
                demo.phones
                    .kept(patron.address.as_str(), &message.body, demo.on_duty())
            }
            Direction::Out => demo.phones.written(patron.address.as_str(), message),
        }
    }
}

/// Tells the phones when the librarian comes back.
async fn watch_duty(demo: &Demo) {
    let mut board = demo.desk.board();
    let mut was_on_duty = demo.on_duty();
    while board.changed().await.is_ok() {
        let on_duty = demo.on_duty();
        if on_duty && !was_on_duty {
            demo.phones.librarian_is_back();
        }
        was_on_duty = on_duty;
    }
}

impl Demo {
    fn on_duty(&self) -> bool {
        let board = self.desk.board();
        let board = board.borrow();
        board.shows.get(&self.operator) == Some(&Show::Available)
    }
}
