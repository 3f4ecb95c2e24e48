//! A client nobody here wrote: slixmpp, each in a process of its own, driven line by line.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::PATIENCE;
use super::server::Server;

pub(crate) struct Slixmpp {
    _child: Child,
    orders: ChildStdin,
    told: Lines<BufReader<ChildStdout>>,
    /// Told while something else was looked for.
    seen: Vec<Value>,
}

impl Slixmpp {
    /// Signs in at the server, without a word to any queue yet.
    pub(crate) async fn connect(server: &Server, user: &str, resource: &str) -> Self {
        // Debian's package belongs to Debian's Python; another one may come first in the path.
        let mut child = Command::new("/usr/bin/python3")
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/it/xmpp/slixmpp_client.py"
            ))
            .arg(format!("{user}@example.org/{resource}"))
            .arg("pw")
            .arg(server.clients.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("python3-slixmpp is installed: tests/run does it");
        let orders = child.stdin.take().unwrap();
        let told = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut client = Self {
            _child: child,
            orders,
            told,
            seen: Vec::new(),
        };
        client.hears("ready", |_| true).await;
        client
    }

    pub(crate) async fn does(&mut self, order: Value) {
        let line = format!("{order}\n");
        self.orders.write_all(line.as_bytes()).await.unwrap();
    }

    /// Says something; answers with the message's id.
    pub(crate) async fn says(&mut self, to: &str, words: &str) -> String {
        self.does(json!(["say", to, words])).await;
        let said = self.hears("said", |_| true).await;
        said["id"].as_str().unwrap().to_owned()
    }

    /// The first event of this kind that fits.
    pub(crate) async fn hears(&mut self, event: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let wanted = |told: &Value| told["event"] == event && fits(told);
        if let Some(at) = self.seen.iter().position(wanted) {
            return self.seen.remove(at);
        }
        let found = timeout(PATIENCE, async {
            loop {
                let line = self.told.next_line().await.unwrap().expect("it still runs");
                let told: Value = serde_json::from_str(&line).unwrap();
                if wanted(&told) {
                    return told;
                }
                self.seen.push(told);
            }
        });
        let found = found.await;
        found.unwrap_or_else(|_| panic!("no such {event} among {:#?}", self.seen))
    }

    /// The message with these words.
    pub(crate) async fn reads(&mut self, words: &str) -> Value {
        self.hears("message", |told| told["body"] == words).await
    }
}
