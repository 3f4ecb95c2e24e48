//! A disk that takes nothing for a while holds up what wants to be kept, and nothing else.

use std::sync::{Arc, mpsc as blocking};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use callnumber::daemon::Owner;
use callnumber::desk;
use callnumber::errands::Door;
use callnumber::modem::port::{OpenError, Opened, Opener};
use callnumber::modem::{Keepers, Line, LineSettings, Lines, Phase, PortChoice, start_on};
use callnumber::routing::Library;
use callnumber::simulator::{Profile, Settings, SimulatedModem};
use callnumber::spool::Spool;
use callnumber::texting::LineRecords;
use callnumber::web::{self, Rooms};
use tokio::io::DuplexStream;
use tokio::sync::{mpsc, watch};
use tower::ServiceExt;

/// Far longer than anything here takes; only a failure waits it out.
const PATIENCE: Duration = Duration::from_secs(60);

struct Socket(Arc<SimulatedModem>);

impl Opener for Socket {
    type Port = DuplexStream;

    async fn open(&mut self) -> Result<Opened<DuplexStream>, OpenError> {
        let path = "/dev/desk-modem".into();
        match self.0.open() {
            Some((port, path)) => Ok(Opened {
                port,
                path: Some(path),
            }),
            None => Err(OpenError::Missing { path }),
        }
    }
}

/// A line and its modem, whose records go to the spool.
fn line(spool: &Spool, name: &str) -> (Arc<SimulatedModem>, Line) {
    let modem = SimulatedModem::start_in_memory(Settings {
        profile: Profile::named("simcom-sim800").unwrap(),
        ..Settings::default()
    });
    let modem = Arc::new(modem.unwrap());
    let (arrivals, _) = mpsc::channel(1);
    let (records, recorded) = mpsc::channel(1);
    tokio::spawn(LineRecords::new(spool.clone(), name).run(recorded));
    let keepers = Keepers {
        records: Some(records),
        ..Keepers::default()
    };
    let settings = LineSettings::new(name, PortChoice::Auto);
    let line = start_on(Socket(Arc::clone(&modem)), settings, arrivals, keepers);
    (modem, line)
}

/// As many threads as a small box has: each of them stood still once, with a modem's record.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_in_memory_is_served_while_the_disk_holds_up_two_restarting_modems() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(&folder.path().join("spool.db")).unwrap();
    let (desk, counter) = desk::open();
    let owner = Owner::open(spool.clone(), Library::default(), counter);
    tokio::spawn(owner.await.unwrap().run(std::future::pending()));
    let lines = [line(&spool, "front-desk"), line(&spool, "spare")];
    let router = web::router(Rooms {
        desk,
        spool: spool.clone(),
        lines: Lines::from(
            lines
                .iter()
                .map(|(_, line)| line.clone())
                .collect::<Vec<_>>(),
        ),
        messengers: None,
        file_says: watch::channel(web::FileSays::default()).1,
        calling: web::Calling::default(),
        errands: Door::default(),
        settings: web::Settings::default(),
    });
    for (_, line) in &lines {
        let mut status = line.status();
        let ready = status.wait_for(|status| status.phase == Phase::Ready);
        tokio::time::timeout(PATIENCE, ready)
            .await
            .unwrap()
            .unwrap();
    }

    // The spool's one writer stands still until the test lets it go.
    let (held, is_held) = blocking::channel();
    let (release, released) = blocking::channel::<()>();
    let holding = tokio::spawn({
        let spool = spool.clone();
        async move {
            let job = spool.write(move |_| {
                held.send(()).unwrap();
                Ok(released.recv())
            });
            job.await
        }
    });
    tokio::task::spawn_blocking(move || is_held.recv().unwrap())
        .await
        .unwrap();
    for (modem, _) in &lines {
        modem.power_cycle();
    }
    for (modem, line) in &lines {
        let mut status = line.status();
        let restarted = status.wait_for(|status| status.recovery.restarts > 0);
        let met = tokio::time::timeout(PATIENCE, restarted).await;
        met.unwrap_or_else(|_| panic!("stands still: {:?}", modem.heard()))
            .unwrap();
    }
    // On one of the two threads.
    let request = Request::builder()
        .uri("/assets/callnumber.css")
        .header(header::HOST, "desk.elm.example")
        .body(Body::empty())
        .unwrap();
    let fetched = tokio::spawn(router.oneshot(request));
    let fetched = tokio::time::timeout(PATIENCE, fetched).await;
    let answer = fetched.expect("no thread is free").unwrap().unwrap();
    assert_eq!(answer.status(), 200);
    for (_, line) in &lines {
        let memory = LineRecords::new(spool.clone(), &*line.name).memory().await;
        assert!(memory.ladder.is_none(), "nothing can be on disk yet");
    }
    assert!(!holding.is_finished());

    release.send(()).unwrap();
    let _ = holding.await.unwrap().unwrap();
    for (_, line) in &lines {
        let records = LineRecords::new(spool.clone(), &*line.name);
        let kept = async {
            while records.memory().await.ladder.is_none() {
                // Each write comes behind those that wait.
                spool.write(|_| Ok(())).await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, kept).await.unwrap();
    }
}
