//! A library to measure: a spool with an operator, a modem on a runtime of its own, a house.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use callnumber::daemon::{House, HouseSettings, WebSetup};
use callnumber::modem::{LineSettings, Phase, PortChoice};
use callnumber::routing::{Amendment, Library, Role};
use callnumber::simulator::{ReportPolicy, Settings, SimulatedModem};
use callnumber::web;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::http::Api;

/// Far longer than anything here takes; only a failure waits it out.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// The line and its gateway.
pub(crate) const LINE: &str = "front-desk";
/// What the operator's programs sign in with.
pub(crate) const TOKEN: &str = "a token for the bench";

/// A folder on the disk that holds the build, gone afterwards: `/tmp` may live in memory, where
/// fsync costs nothing.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// A modem that works on a thread of its own, as one in a stick would.
pub(crate) struct Modem {
    pub(crate) modem: SimulatedModem,
    /// Runs it; must outlive it.
    _runtime: Runtime,
}

impl Modem {
    /// Plugs in a modem that holds 255 texts and sends no status reports.
    pub(crate) fn plug_in(settings: Settings) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("modem")
            .enable_all()
            .build()
            .unwrap();
        let settings = Settings {
            capacity: Some(255),
            reports: ReportPolicy {
                automatic: false,
                ..ReportPolicy::default()
            },
            ..settings
        };
        let modem = runtime.block_on(SimulatedModem::start(settings)).unwrap();
        Self {
            modem,
            _runtime: runtime,
        }
    }

    pub(crate) fn port(&self) -> PathBuf {
        self.modem.port()
    }

    /// Puts that many texts from different patrons on the SIM.
    pub(crate) fn store(&self, texts: usize) {
        for n in 0..texts {
            let from = format!("+1555123{:04}", n % 40);
            let words = format!("Is volume {n} of the county history on the shelf at Elm?");
            self.modem.patron_texts(&from, &words).unwrap();
        }
        self.wait("texts on the SIM", |modem| {
            modem.stored().len() == texts && modem.waiting() == 0
        });
    }

    /// Waits until something is so, and looks seldom, so that looking costs the modem nothing.
    pub(crate) fn wait(&self, what: &str, is_so: impl Fn(&SimulatedModem) -> bool) {
        let began = Instant::now();
        while !is_so(&self.modem) {
            assert!(
                began.elapsed() < PATIENCE,
                "{what}: not within {PATIENCE:?}"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// When it heard each command that begins so, oldest first.
    pub(crate) fn heard(&self, beginning: &str) -> Vec<Instant> {
        let heard = self.modem.heard();
        let such = heard
            .iter()
            .filter(|heard| heard.line.starts_with(beginning));
        such.map(|heard| heard.at).collect()
    }
}

/// The daemon's own runtime, made as `callnumber run` makes it.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// A spool where a line, its gateway and an operator with a token are known already, and nothing
/// automatic is said: what is measured is the path, not the notices.
pub(crate) fn prepare(folder: &Path) -> PathBuf {
    let spool = folder.join("spool.db");
    runtime().block_on(async {
        let quiet = HouseSettings::quiet(spool.clone(), Library::default());
        let house = House::open(quiet).await.unwrap();
        for amendment in [
            Amendment::AddLine { name: LINE.into() },
            Amendment::SetGateway {
                name: LINE.into(),
                queue: None,
                line: None,
                policy: None,
                closed_notice: Some(String::new()),
            },
            Amendment::AddOperator {
                name: "ana".into(),
                password_hash: None,
                role: Role::Operator,
                queues: vec!["desk".into()],
            },
            Amendment::AddToken {
                operator: "ana".into(),
                token_hash: Sha256::digest(TOKEN)
                    .iter()
                    .map(|octet| format!("{octet:02x}"))
                    .collect(),
                label: None,
            },
        ] {
            house.desk().amend(amendment).await.unwrap();
        }
        house.close().await;
    });
    spool
}

/// Settings of a house with one line, no pace and a web face on a free port.
pub(crate) fn settings(spool: PathBuf, port: PathBuf) -> HouseSettings {
    HouseSettings {
        spool,
        library: Library::default(),
        lines: vec![LineSettings {
            pace: Duration::ZERO,
            per_day: 0,
            ..LineSettings::new(LINE, PortChoice::Path(port))
        }],
        web: Some(WebSetup {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            settings: web::Settings::default(),
            extra: None,
        }),
        xmpp: None,
        control: false,
        retention: None,
        errands: None,
        alerts: None,
        mail: None,
    }
}

/// The operator's way in.
pub(crate) fn operator(house: &House) -> Api {
    Api::new(house.web().unwrap(), TOKEN)
}

/// Waits until the line sends and receives, and has nothing more to ask the modem for the moment.
pub(crate) async fn settled(house: &House, modem: &Modem) {
    let mut status = house.lines().first().unwrap().status();
    let ready = status.wait_for(|status| status.phase == Phase::Ready && status.imsi.is_some());
    within(ready).await.unwrap();
    let mut heard = 0;
    while modem.modem.heard_count() > heard {
        heard = modem.modem.heard_count();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Bounds a wait.
pub(crate) async fn within<T>(waited: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, waited)
        .await
        .expect("it happens in time")
}
