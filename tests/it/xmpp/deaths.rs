//! Server, client and daemon die in the middle of a flood.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use callnumber::daemon::{House, HouseSettings};
use callnumber::routing::{Amendment, Event, Library, OperatorId, Role};
use callnumber::spool::Spool;
use callnumber::spool::messengers::{self, Reply};
use callnumber::xmpp::LinkState;
use tempfile::TempDir;
use tokio::time::timeout;

use super::PATIENCE;
use super::client::{Flood, Messenger, attribute, body};
use super::library::Desk;
use super::server::Server;
use crate::support::daemon::Daemon;

/// Who dies in the middle of a flood.
#[derive(Clone, Copy, PartialEq)]
enum Victim {
    Server,
    Client,
}

/// Each death may double what was without proof then: the window, and what was on its way.
const DOUBLED_MAX: usize = 200;
/// Deaths in a flood.
const DEATHS: usize = 4;

/// Held texts in a flood, each from another patron.
const TEXTS: usize = 2_000;
/// Replies of one librarian, in five threads.
const REPLIES: usize = 1_500;

/// After how many texts each death comes; the last one is the end.
fn stops() -> impl Iterator<Item = usize> {
    // Not at even distances, so that the window stands otherwise each time.
    (1..=DEATHS)
        .map(move |death| TEXTS * death / (DEATHS + 2) + 7 * death)
        .chain([TEXTS])
}

fn judge(flood: &Flood) {
    // Shown with `--nocapture`.
    eprintln!(
        "{TEXTS} texts, {DEATHS} deaths: {} copies, 0 lost",
        flood.copies
    );
    assert_eq!(flood.read.len(), TEXTS);
    assert!(
        flood.copies <= TEXTS + DEATHS * DOUBLED_MAX,
        "{} copies of {TEXTS} texts",
        flood.copies
    );
}

async fn nothing_held_is_lost_when_it_dies(mut server: Server, victim: Victim) {
    let desk = Desk::open(&server).await;
    for n in 0..TEXTS {
        desk.texts(&format!("+1555123{n:04}"), &format!("text {n}."))
            .await;
    }
    let mut flood = Flood::default();
    for (time, stop_at) in stops().enumerate() {
        // Gajim makes a resource of its own for every session.
        let mut ana = Messenger::connect(&server, "ana", &format!("gajim.{time}")).await;
        ana.send("<presence/><presence to='desk@desk.example.org'/>")
            .await;
        ana.reads_until(&mut flood, stop_at).await;
        if stop_at < TEXTS && victim == Victim::Server {
            server.kill();
            desk.linked(|standing| matches!(standing, LinkState::Down(_)))
                .await;
            server.run().await;
            desk.linked(|standing| *standing == LinkState::Up).await;
        }
        // The client's socket closes with stanzas unread in it, as the kernel does it for a
        // process that was killed.
    }
    judge(&flood);
    desk.house.close().await;
}

pub(crate) async fn a_killed_server_loses_no_held_text(server: Server) {
    nothing_held_is_lost_when_it_dies(server, Victim::Server).await;
}

pub(crate) async fn a_killed_client_loses_no_held_text(server: Server) {
    nothing_held_is_lost_when_it_dies(server, Victim::Client).await;
}

/// A desk whose daemon is a process: a spool, its configuration, one librarian.
pub(crate) struct Installed {
    folder: TempDir,
}

impl Installed {
    pub(crate) fn spool(&self) -> PathBuf {
        self.folder.path().join("spool.db")
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("callnumber.toml")
    }

    /// With one held text from each of so many patrons.
    pub(crate) async fn with_texts(server: &Server, texts: usize) -> Self {
        let installed = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let spool = installed.spool();
        let house = House::open(HouseSettings::quiet(spool.clone(), Library::default()))
            .await
            .unwrap();
        let desk = house.desk();
        for amendment in [
            Amendment::AddLine {
                name: "front-desk".into(),
            },
            Amendment::AddOperator {
                name: "ana".into(),
                password_hash: None,
                role: Role::Operator,
                queues: vec!["desk".into()],
            },
        ] {
            desk.amend(amendment).await.unwrap();
        }
        let gateway = {
            let board = desk.board();
            let board = board.borrow();
            board.plan.gateway_named("front-desk").unwrap().id
        };
        for n in 0..texts {
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

        server.configure(installed.folder.path());
        let command = Command::new(env!("CARGO_BIN_EXE_callnumber"))
            .args(["operator", "set", "ana", "--xmpp", "Ana@example.org"])
            .arg("--config")
            .arg(installed.config())
            .output()
            .unwrap();
        assert!(command.status.success(), "{command:?}");
        installed
    }
}

/// A friendship both ways: from now on the server itself says who is there.
pub(crate) async fn befriend(ana: &mut Messenger) {
    ana.waits_for("desk@desk.example.org").await;
    ana.send("<presence to='desk@desk.example.org' type='subscribe'/>")
        .await;
    ana.expect(&["type='subscribe'", "from='desk@desk.example.org'"])
        .await;
    ana.send("<presence to='desk@desk.example.org' type='subscribed'/>")
        .await;
}

pub(crate) async fn a_killed_daemon_loses_no_held_text_and_finds_its_librarian_again(
    server: Server,
) {
    let installed = Installed::with_texts(&server, TEXTS).await;
    let mut ana = Messenger::connect(&server, "ana", "gajim").await;
    ana.send("<presence/>").await;
    let mut flood = Flood::default();
    for (round, stop_at) in stops().enumerate() {
        let daemon = Daemon::start(&installed.config());
        if round == 0 {
            befriend(&mut ana).await;
        }
        ana.reads_until(&mut flood, stop_at).await;
        drop(daemon);
    }
    judge(&flood);
}

/// What the librarian knows of her replies, by number.
struct Replies {
    patrons: Vec<String>,
    sent: usize,
    returned: BTreeSet<usize>,
}

impl Replies {
    fn words(n: usize) -> String {
        format!("reply {n}.")
    }

    async fn send(&self, ana: &mut Messenger, n: usize) {
        let patron = &self.patrons[n % self.patrons.len()];
        ana.says(patron, &format!("r{n}"), &Self::words(n)).await;
    }

    async fn send_up_to(&mut self, ana: &mut Messenger, end: usize) {
        while self.sent < end {
            self.send(ana, self.sent).await;
            self.sent += 1;
        }
    }

    /// Until the desk has these.
    async fn are_kept(&self, spool: &Path, which: &[usize]) {
        let there = async {
            loop {
                let kept = self.kept(spool);
                if which.iter().all(|n| kept[*n] > 0) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, there).await.expect("the desk takes them");
    }

    /// Reads what came back, up to the desk's account of what it has; answers with the replies
    /// that neither came back nor are in it.
    async fn missing(&mut self, ana: &mut Messenger) -> Vec<usize> {
        let came = ana
            .all_until(&["from='desk@desk.example.org", "The desk was cut off"])
            .await;
        for stanza in &came {
            let id = stanza
                .contains("type='error'")
                .then(|| attribute(stanza, "id"));
            if let Some(n) = id.and_then(|id| id.strip_prefix('r')?.parse().ok()) {
                self.returned.insert(n);
            }
        }
        let account = body(came.last().unwrap());
        let of_patron = |patron: &str| {
            let name = patron.trim_start_matches('~').split('@').next().unwrap();
            let (_, rest) = account.split_once(&format!("{name}: \u{201c}reply "))?;
            rest.split('.').next()?.parse::<usize>().ok()
        };
        let last: Vec<Option<usize>> = self.patrons.iter().map(|p| of_patron(p)).collect();
        (0..self.sent)
            .filter(|n| last[n % last.len()].is_none_or(|last| *n > last))
            .filter(|n| !self.returned.contains(n))
            .collect()
    }

    /// How often each is in the spool.
    fn kept(&self, spool: &Path) -> Vec<usize> {
        let spool = rusqlite::Connection::open(spool).unwrap();
        let mut taken = spool
            .prepare("SELECT body FROM message m JOIN outbox o ON o.message = m.id")
            .unwrap();
        let mut kept = vec![0; self.sent];
        for body in taken.query_map([], |row| row.get::<_, String>(0)).unwrap() {
            let body = body.unwrap();
            let number = body.trim_start_matches("reply ").trim_end_matches('.');
            if let Ok(n) = number.parse::<usize>() {
                kept[n] += 1;
            }
        }
        kept
    }
}

/// What the server had handed to a daemon that died is known to neither side, since XEP-0114
/// acknowledges nothing: no daemon can bring it back. But after each death the desk says what it
/// has, and she sees what is missing; sent again, each reply is one text or came back to her.
pub(crate) async fn no_reply_is_silent_when_the_daemon_is_killed(server: Server) {
    const PATRONS: usize = 5;
    let installed = Installed::with_texts(&server, PATRONS).await;
    let mut ana = Messenger::connect(&server, "ana", "gajim").await;
    ana.send("<presence/>").await;
    let mut daemon = Daemon::start(&installed.config());
    befriend(&mut ana).await;
    let mut patrons = Vec::new();
    for n in 0..PATRONS {
        let text = ana.expect(&[&format!("<body>text {n}.</body>")]).await;
        patrons.push(attribute(&text, "from"));
    }
    let mut replies = Replies {
        patrons,
        sent: 0,
        returned: BTreeSet::new(),
    };
    let mut silent = 0;
    for death in 1..=DEATHS {
        let before = replies.sent;
        replies
            .send_up_to(&mut ana, REPLIES * (4 * death - 3) / (4 * DEATHS))
            .await;
        // It is in the middle of them: the first is taken, the last was not sent yet.
        replies.are_kept(&installed.spool(), &[before]).await;
        replies
            .send_up_to(&mut ana, REPLIES * (4 * death - 2) / (4 * DEATHS))
            .await;
        // SIGKILL, while it reads.
        drop(daemon);
        replies.send_up_to(&mut ana, REPLIES * death / DEATHS).await;
        // She is asked last, so whatever she sent has met its server before the desk is back.
        ana.send("<iq type='get' id='met' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>")
            .await;
        let early = ana.all_until(&["id='met'"]).await;
        ana.puts_back(early);
        daemon = Daemon::start(&installed.config());
        let missing = replies.missing(&mut ana).await;
        let kept = replies.kept(&installed.spool());
        for (n, times) in kept.into_iter().enumerate() {
            let known = replies.returned.contains(&n) || missing.contains(&n);
            assert_eq!(
                times,
                usize::from(!known),
                "reply {n} is kept, came back or is known to be missing, and only one of them"
            );
        }
        silent += missing.len();
        for n in &missing {
            replies.send(&mut ana, *n).await;
        }
        replies.are_kept(&installed.spool(), &missing).await;
    }
    drop(daemon);
    let kept = replies.kept(&installed.spool());
    for (n, kept) in kept.iter().enumerate() {
        let back = usize::from(replies.returned.contains(&n));
        assert_eq!(kept + back, 1, "reply {n}");
    }
    eprintln!(
        "{REPLIES} replies, {DEATHS} deaths: {} taken, {} came back, {silent} were missing and sent again, 0 silent",
        kept.iter().sum::<usize>(),
        replies.returned.len(),
    );
}

/// More than are looked at together: an earlier daemon read them, kept where they came from, and was
/// killed before it took them.
pub(crate) async fn every_reply_that_was_not_taken_comes_back_however_many(server: Server) {
    const UNTAKEN: usize = 2_500;
    let installed = Installed::with_texts(&server, 1).await;
    let spool = Spool::open(&installed.spool()).unwrap();
    let kept = spool.write(|c| {
        for n in 0..UNTAKEN {
            let reply = Reply {
                operator: OperatorId(1),
                client_id: format!("xmpp:{n}"),
                jid: "ana@example.org/gajim".into(),
                patron: "~heron-42@desk.example.org/desk".into(),
                stanza: format!("r{n}"),
                receipt: true,
            };
            messengers::keep_reply(c, &reply)?;
        }
        Ok(())
    });
    kept.await.unwrap();
    drop(spool);
    let mut ana = Messenger::connect(&server, "ana", "gajim").await;
    ana.send("<presence/>").await;
    let _daemon = Daemon::start(&installed.config());
    let mut returned = BTreeSet::new();
    let coming = async {
        while returned.len() < UNTAKEN {
            let stanza = ana.next().await;
            if stanza.contains("type='error'") {
                assert!(stanza.contains("the desk was cut off"), "{stanza}");
                assert!(returned.insert(attribute(&stanza, "id")), "{stanza}");
            }
        }
    };
    let came = timeout(PATIENCE, coming).await;
    assert!(came.is_ok(), "only {} of {UNTAKEN} came", returned.len());
    // They are told once: nothing of it is left to be told again.
    let left = async {
        let spool = rusqlite::Connection::open(installed.spool()).unwrap();
        let count = "SELECT count(*) FROM reply";
        while spool
            .query_row(count, [], |row| row.get::<_, i64>(0))
            .unwrap()
            > 0
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, left).await.expect("they are forgotten");
}
