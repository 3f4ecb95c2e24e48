//! Server, client and daemon die in the middle of a flood.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use callnumber::daemon::{House, HouseSettings};
use callnumber::routing::{Amendment, Event, Library, Role};
use callnumber::xmpp::Standing;

use crate::client::Messenger;
use crate::library::Desk;
use crate::server::{SECRET, Server, free_port};

/// Who dies in the middle of a flood.
#[derive(Clone, Copy, PartialEq)]
enum Victim {
    Server,
    Client,
}

/// Each death may double what was without proof then: the window, and what was on its way.
const DOUBLED_MAX: usize = 200;

async fn nothing_held_is_lost_when_it_dies(mut server: Server, victim: Victim) {
    const TEXTS: usize = 400;
    let desk = Desk::open(&server).await;
    for n in 0..TEXTS {
        desk.texts(&format!("+1555123{n:04}"), &format!("text {n}."))
            .await;
    }
    let mut read = BTreeSet::new();
    let mut copies = 0;
    for stop_at in [60, 210, TEXTS] {
        let mut ana = Messenger::connect(&server, "ana", "gajim").await;
        ana.send("<presence/><presence to='desk@desk.example.org'/>")
            .await;
        copies += ana.reads_until(&mut read, stop_at).await;
        if stop_at < TEXTS && victim == Victim::Server {
            server.kill();
            desk.linked(|standing| matches!(standing, Standing::Down(_)))
                .await;
            server.run().await;
            desk.linked(|standing| *standing == Standing::Up).await;
        }
        // The client hangs up without a word either way.
    }
    assert!(
        copies <= TEXTS + 2 * DOUBLED_MAX,
        "{copies} copies of {TEXTS} texts"
    );
    desk.house.close().await;
}

pub(crate) async fn a_killed_server_loses_no_held_text(server: Server) {
    nothing_held_is_lost_when_it_dies(server, Victim::Server).await;
}

pub(crate) async fn a_killed_client_loses_no_held_text(server: Server) {
    nothing_held_is_lost_when_it_dies(server, Victim::Client).await;
}

/// The daemon as it is installed.
struct Daemon(Child);

impl Daemon {
    fn start(config: &Path) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_callnumber"))
            .args(["run", "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // SIGKILL: it has no time for anything.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) async fn a_killed_daemon_loses_no_held_text_and_finds_its_librarian_again(
    server: Server,
) {
    const TEXTS: usize = 300;
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool.db");
    let library = Library::default();
    let house = House::open(HouseSettings::quiet(spool.clone(), library))
        .await
        .unwrap();
    let desk = house.desk();
    desk.amend(Amendment::AddLine {
        name: "front-desk".into(),
    })
    .await
    .unwrap();
    desk.amend(Amendment::AddOperator {
        name: "ana".into(),
        password_hash: None,
        role: Role::Operator,
        queues: vec!["desk".into()],
    })
    .await
    .unwrap();
    let gateway = {
        let board = desk.board();
        let board = board.borrow();
        board.plan.gateway_named("front-desk").unwrap().id
    };
    for n in 0..TEXTS {
        desk.ask(Event::TextArrived {
            gateway,
            from: format!("+1555123{n:04}"),
            body: format!("text {n}."),
            stamped_at: None,
        })
        .await
        .unwrap();
    }
    house.close().await;

    let secret = folder.path().join("secret");
    std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
    let config = folder.path().join("callnumber.toml");
    std::fs::write(
        &config,
        format!(
            "[web]\nlisten = \"127.0.0.1:{}\"\n[spool]\npath = {spool:?}\n[xmpp.component]\n\
             domain = \"desk.example.org\"\nserver = \"127.0.0.1:{}\"\nsecret_file = {secret:?}\n",
            free_port(),
            server.components
        ),
    )
    .unwrap();
    let command = Command::new(env!("CARGO_BIN_EXE_callnumber"))
        .args([
            "operator",
            "set",
            "ana",
            "--xmpp",
            "Ana@example.org",
            "--config",
        ])
        .arg(&config)
        .output()
        .unwrap();
    assert!(command.status.success(), "{command:?}");

    let mut ana = Messenger::connect(&server, "ana", "gajim").await;
    ana.send("<presence/>").await;
    let mut read = BTreeSet::new();
    let mut copies = 0;
    for (round, stop_at) in [80, 180, TEXTS].into_iter().enumerate() {
        let daemon = Daemon::start(&config);
        if round == 0 {
            ana.waits_for("desk@desk.example.org").await;
            // A friendship both ways: from now on the server itself says who is there.
            ana.send("<presence to='desk@desk.example.org' type='subscribe'/>")
                .await;
            ana.expect(&["type='subscribe'", "from='desk@desk.example.org'"])
                .await;
            ana.send("<presence to='desk@desk.example.org' type='subscribed'/>")
                .await;
        }
        copies += ana.reads_until(&mut read, stop_at).await;
        drop(daemon);
    }
    assert!(
        copies <= TEXTS + 2 * DOUBLED_MAX,
        "{copies} copies of {TEXTS} texts"
    );
}
