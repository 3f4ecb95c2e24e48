//! The library whose desk the stories are about.

use std::path::Path;

use callnumber::daemon::{House, HouseSettings};
use callnumber::routing::{
    Act, Amendment, ConversationId, ConversationState, DeliveryState, Event, GatewayId,
    GatewayKind, Library, MessageId, Role,
};
use callnumber::spool::transcript::{self, Entry, Listing, Order};
use callnumber::xmpp::{self, LinkState};
use tempfile::TempDir;
use tokio::time::timeout;

use super::PATIENCE;
use super::server::{SECRET, Server};

/// A library with one desk, two librarians and a line that nobody drives.
pub(crate) struct Desk {
    pub(crate) house: House,
    line: GatewayId,
    _folder: TempDir,
}

pub(crate) async fn open(spool: &Path, settings: xmpp::Settings) -> House {
    let library = Library {
        name: "Elm".into(),
        ..Library::default()
    };
    let settings = HouseSettings {
        xmpp: Some(settings),
        ..HouseSettings::quiet(spool.to_owned(), library)
    };
    House::open(settings).await.unwrap()
}

impl Desk {
    pub(crate) async fn open(server: &Server) -> Self {
        Self::open_at(server, "desk.example.org", &["ana", "ben"]).await
    }

    /// A box of this domain, with these librarians.
    pub(crate) async fn open_at(server: &Server, domain: &str, librarians: &[&str]) -> Self {
        Self::open_at_each(&[server], domain, librarians).await
    }

    /// The same, linked with one node of a cluster or another.
    pub(crate) async fn open_at_each(
        servers: &[&Server],
        domain: &str,
        librarians: &[&str],
    ) -> Self {
        // Shown when the story fails: where each has a process, for the log is the process's.
        if std::env::var("NEXTEST_EXECUTION_MODE").is_ok_and(|mode| mode == "process-per-test") {
            let _ = tracing_subscriber::fmt()
                .with_env_filter("callnumber=debug")
                .with_test_writer()
                .try_init();
        }
        let folder = tempfile::tempdir().unwrap();
        let spool = folder.path().join("spool.db");
        let mut settings = servers[0].settings(SECRET, domain);
        settings.servers = servers.iter().map(|server| server.place()).collect();
        let house = open(&spool, settings).await;
        let desk = house.desk();
        let mut amendments = vec![
            Amendment::AddLine {
                name: "front-desk".into(),
            },
            Amendment::AddGateway {
                name: "chat".into(),
                kind: GatewayKind::Im,
                queue: "desk".into(),
                line: None,
                policy: None,
            },
        ];
        for &name in librarians {
            amendments.push(Amendment::AddOperator {
                name: name.into(),
                password_hash: None,
                role: Role::Operator,
                queues: vec!["desk".into()],
            });
            amendments.push(Amendment::SetAddresses {
                operator: name.into(),
                jids: vec![format!("{name}@example.org")],
            });
        }
        for amendment in amendments {
            desk.amend(amendment).await.unwrap();
        }
        let board = desk.board();
        let line = board.borrow().plan.gateway_named("front-desk").unwrap().id;
        let desk = Self {
            house,
            line,
            _folder: folder,
        };
        desk.linked(|standing| *standing == LinkState::Up).await;
        desk
    }

    pub(crate) async fn linked(&self, wanted: impl Fn(&LinkState) -> bool) {
        let mut standing = self.house.messengers().unwrap().clone();
        timeout(PATIENCE, standing.wait_for(wanted))
            .await
            .expect("the link stands so")
            .unwrap();
    }

    pub(crate) async fn texts(&self, number: &str, words: &str) {
        let event = Event::TextArrived {
            gateway: self.line,
            from: number.into(),
            body: words.into(),
            stamped_at: None,
        };
        self.house.desk().ask(event).await.unwrap();
    }

    /// A librarian answers a patron at the console.
    pub(crate) async fn answers(&self, librarian: &str, number: &str, words: &str) {
        let number = number.to_owned();
        let latest = self.house.spool().read(move |c| {
            let latest = "SELECT max(c.id) FROM conversation c JOIN patron p ON p.id = c.patron
                          WHERE p.address = ?1";
            Ok(c.query_row(latest, [number], |row| row.get(0))?)
        });
        let board = self.house.desk().board();
        let operator = board.borrow().plan.operator_named(librarian).unwrap().id;
        let event = Event::act(
            operator,
            ConversationId(latest.await.unwrap()),
            Act::send(words),
        );
        self.house.desk().ask(event).await.unwrap();
    }

    /// The line sends the message with these words, once it is written, and its delivery is reported.
    pub(crate) async fn line_delivers(&self, words: &str) {
        let mut changes = self.house.desk().changes();
        let written = async {
            loop {
                let body = words.to_owned();
                let read = self.house.spool().read(move |c| {
                    let mut rows =
                        c.prepare("SELECT id, conversation FROM message WHERE body = ?1")?;
                    let mut found = rows.query_map([body], |row| Ok((row.get(0)?, row.get(1)?)))?;
                    Ok(found.next().transpose()?)
                });
                match read.await.unwrap() {
                    Some(found) => return found,
                    None => drop(changes.recv().await),
                }
            }
        };
        let written = timeout(PATIENCE, written).await;
        let (message, conversation) = written.unwrap_or_else(|_| panic!("nobody wrote {words:?}"));
        for state in [DeliveryState::Sent, DeliveryState::Delivered] {
            let event = Event::Delivery {
                message: MessageId(message),
                conversation: ConversationId(conversation),
                state,
                reason: None,
            };
            self.house.desk().ask(event).await.unwrap();
        }
    }

    /// Bodies and states of everything that went out to anybody.
    pub(crate) async fn sent(&self) -> Vec<(String, DeliveryState)> {
        let read = self.house.spool().read(|c| {
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
                limit: 10_000,
            };
            let mut sent = Vec::new();
            for listed in transcript::list(c, &listing)? {
                for entry in transcript::thread(c, listed.conversation.id, None, 1000)? {
                    if let Entry::Message(message) = entry
                        && message.client_id.is_some()
                    {
                        sent.push((message.body, message.state));
                    }
                }
            }
            Ok(sent)
        });
        read.await.unwrap()
    }
}
