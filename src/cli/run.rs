//! `callnumber run`: the daemon.

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::caretaker::{Caretaker, ERRANDS_MAX, Next};
use super::{BoxArguments, panel, secret, service};
use crate::daemon::{House, HouseSettings, WebSetup};
use crate::desk::Desk;
use crate::routing::{Amendment, Role};
use crate::spool::staff;
use crate::web;

/// For how long the first operator's sign-in link works.
const FIRST_LINK_VALID_S: u32 = 24 * 60 * 60;

/// Runs until it is told to stop.
pub(super) async fn run(arguments: &BoxArguments) -> anyhow::Result<()> {
    let config = arguments.load()?;
    let library = config.library();
    let (errands, errand) = mpsc::channel(ERRANDS_MAX);
    let settings = HouseSettings {
        spool: config.spool_path(),
        lines: config.lines().map_err(anyhow::Error::msg)?,
        web: Some(WebSetup {
            listen: config.web.listen,
            settings: web::Settings {
                library: library.name.clone(),
                secure_cookies: config.web.is_secure(),
                public_url: config.web.public_url.clone(),
                operators_presence: config.web.operators_presence,
                publishing: config.web.publishing().map_err(anyhow::Error::msg)?,
                proxies: config.web.proxies.clone(),
                certificate: config.web.certificate(),
                backups: config.spool.backups.clone(),
                ..web::Settings::default()
            },
            extra: None,
        }),
        library,
        xmpp: config.messengers().map_err(anyhow::Error::msg)?,
        control: true,
        retention: config.spool.retention,
        errands: Some(errands),
        alerts: config.alerts().map_err(anyhow::Error::msg)?,
        mail: config.alerts.server().map_err(anyhow::Error::msg)?,
    };
    let mut terminate = signal(SignalKind::terminate())?;
    let hang_up = signal(SignalKind::hangup())?;
    let mut house = House::open(settings).await?;
    let url = house
        .web()
        .map(|listening| config.url(listening))
        .unwrap_or_default();
    println!("The console is at {url}/");
    if let Some(path) = first_link(&house).await? {
        println!(
            "Nobody can sign in yet. This link signs the first operator in, once, within a day:"
        );
        println!("  {url}{path}");
    }
    println!("The spool is {}", house.spool().path().display());
    panel::seat(&mut house, &config).await?;

    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    let mut caretaker = Caretaker::new(errand, hang_up, arguments.config.clone(), config);
    let fed = service::tell(house.desk().clone(), house.control(true));
    tokio::pin!(fed);
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            outcome = tokio::signal::ctrl_c() => {
                outcome.context("cannot wait for Ctrl-C")?;
                break;
            }
            next = caretaker.next(&mut house) => match next {
                Next::GoOn => {}
                Next::Close => break,
            },
            () = &mut fed => break,
        }
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    tracing::info!("closing");
    house.close().await;
    Ok(())
}

/// A desk that nobody can enter gets a first operator and a link for them.
async fn first_link(house: &House) -> anyhow::Result<Option<String>> {
    let enterable = house.spool().read(staff::anyone_can_enter).await?;
    if enterable {
        return Ok(None);
    }
    let first = {
        let board = house.desk().board();
        let board = board.borrow();
        let operators = &board.plan.operators;
        operators.first().map(|operator| operator.name.clone())
    };
    let name = match first {
        Some(name) => name,
        None => {
            let queues = {
                let board = house.desk().board();
                let board = board.borrow();
                let queues = &board.plan.queues;
                queues.iter().map(|queue| queue.name.clone()).collect()
            };
            let name = "librarian".to_owned();
            house
                .desk()
                .amend(Amendment::AddOperator {
                    name: name.clone(),
                    password_hash: None,
                    role: Role::Admin,
                    queues,
                })
                .await?;
            name
        }
    };
    link(house.desk(), name, FIRST_LINK_VALID_S).await.map(Some)
}

/// A one-time sign-in link: the path below the console's address.
pub(super) async fn link(desk: &Desk, operator: String, valid_s: u32) -> anyhow::Result<String> {
    let secret = secret::make();
    desk.amend(Amendment::AddLink {
        operator,
        link_hash: staff::secret_hash(&secret),
        valid_s,
    })
    .await?;
    Ok(format!("/enter/{secret}"))
}
