//! `callnumber run`: the daemon.

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::caretaker::{Caretaker, ERRANDS_MAX, Next};
use super::first_entry::FirstEntry;
use super::{BoxArguments, panel, secret, service};
use crate::daemon::{House, HouseSettings, WebSetup};
use crate::desk::Desk;
use crate::routing::Amendment;
use crate::spool::staff;
use crate::web;

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
    say!("The console is at {url}/");
    let entry = FirstEntry::open(&house, &url).await?;
    say!("The spool is {}", house.spool().path().display());
    panel::seat(&mut house, &config).await?;

    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    let mut caretaker = Caretaker::new(errand, hang_up, arguments.config.clone(), config);
    let fed = service::tell(house.desk().clone(), house.control(true));
    tokio::pin!(fed);
    let entering = entry.watch();
    tokio::pin!(entering);
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
            never = &mut entering => match never {},
        }
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    tracing::info!("closing");
    house.close().await;
    Ok(())
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
