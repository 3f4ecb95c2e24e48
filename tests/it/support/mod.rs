//! What the stories share: a box that runs as a process of its own, a simulated modem on its port,
//! and operators who talk HTTP to it.

#[allow(dead_code)] // The benches use the rest.
pub mod daemon;
#[allow(dead_code)] // The benches use the rest.
pub mod http;
pub mod post_office;
pub mod webdriver;

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use callnumber::simulator::{Settings, SimulatedModem};
use http::Api;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Nothing in a story takes longer than this, on a slow and busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A box: its folder, its modem, and the daemon when it runs.
pub struct Bench {
    folder: TempDir,
    pub modem: SimulatedModem,
    daemon: Option<Child>,
}

impl Bench {
    /// A box with one modem, `front-desk`, that is not switched on yet.
    pub async fn new(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("modem");
        let modem = SimulatedModem::start(Settings {
            link: Some(link.clone()),
            ..settings
        })
        .await
        .unwrap();
        let config = format!(
            "[library]\nname = \"Elm Library\"\nurgent_contact = \"555-0100\"\n\
             [[modem]]\nname = \"front-desk\"\nport = \"{}\"\npace = \"0s\"\nper_day = 0\n\
             [web]\nlisten = \"127.0.0.1:0\"\n[spool]\npath = \"{}\"\n",
            link.display(),
            folder.path().join("spool.db").display(),
        );
        std::fs::write(folder.path().join("callnumber.toml"), config).unwrap();
        Self {
            folder,
            modem,
            daemon: None,
        }
    }

    /// A line of the daemon's `status` in proc(5), in KiB.
    pub fn kib(&self, name: &str) -> u64 {
        let daemon = self.daemon.as_ref().expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap();
        daemon::number_in(&status, name)
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("callnumber.toml")
    }

    /// Runs a command against this box.
    pub fn command(&self, words: &[&str]) -> Output {
        command(words, &self.config(), "")
    }

    /// Adds an operator of the desk; answers their token.
    pub fn add_operator(&self, name: &str) -> String {
        let added = self.command(&["operator", "add", name, "--queue", "desk", "--no-password"]);
        assert!(added.status.success(), "{added:?}");
        self.token(name)
    }

    /// A new token for an operator.
    pub fn token(&self, name: &str) -> String {
        let token = self.command(&["operator", "token", name]);
        assert!(token.status.success(), "{token:?}");
        String::from_utf8(token.stdout).unwrap().trim().to_owned()
    }

    /// Switches the box on; answers where its console is.
    pub fn start(&mut self) -> SocketAddr {
        self.start_with(&[])
    }

    /// Switches it on with these in its environment.
    pub fn start_with(&mut self, environment: &[(&str, &str)]) -> SocketAddr {
        self.start_until(environment, None).0
    }

    /// Switches on a box at which nobody can sign in yet; answers where its console is, and the link
    /// that it keeps for its keeper.
    pub fn start_fresh(&mut self) -> (SocketAddr, String) {
        let (address, said) = self.start_until(&[], Some("Nobody can sign in yet"));
        assert!(!said.contains("/enter/"), "the journal has it: {said}");
        let link = std::fs::read_to_string(self.first_link()).unwrap();
        (address, link.trim().to_owned())
    }

    /// Where the link lies by which the first operator signs in.
    pub fn first_link(&self) -> PathBuf {
        self.folder.path().join("first-sign-in")
    }

    /// Switches it on, and reads what it says until the line with these words, after its address.
    fn start_until(
        &mut self,
        environment: &[(&str, &str)],
        words: Option<&str>,
    ) -> (SocketAddr, String) {
        assert!(self.daemon.is_none(), "it runs already");
        let daemon = binary()
            .args(["run", "--config"])
            .arg(self.config())
            .env("CALLNUMBER_LOG", "callnumber=warn")
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        // Kept at once: whatever goes wrong from here on, the box ends with its bench.
        let daemon = self.daemon.insert(daemon);
        let mut lines = BufReader::new(daemon.stdout.take().unwrap());
        let mut said = String::new();
        let mut address = None;
        loop {
            let from = said.len();
            assert_ne!(lines.read_line(&mut said).unwrap(), 0, "it ended: {said}");
            let line = said[from..].trim();
            if let Some(url) = line.strip_prefix("The console is at http://") {
                address = Some(url.trim_end_matches('/').parse().unwrap());
            }
            let last = words.is_none_or(|words| line.contains(words));
            if let Some(address) = address.filter(|_| last) {
                let line = line.to_owned();
                // Whatever else it says must not fill the pipe.
                std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
                return (address, line);
            }
        }
    }

    /// Cuts the power: `kill -9`.
    pub fn cut_power(&mut self) {
        let mut daemon = self.daemon.take().expect("it runs");
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    }

    /// Waits until it has ended by itself.
    pub fn ended(&mut self) -> std::process::ExitStatus {
        self.daemon.take().expect("it runs").wait().unwrap()
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(&mut self) -> std::process::ExitStatus {
        let mut daemon = self.daemon.take().expect("it runs");
        let id = daemon.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().unwrap();
        daemon.wait().unwrap()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

/// The program under test.
pub fn binary() -> Command {
    Command::new(env!("CARGO_BIN_EXE_callnumber"))
}

/// Runs a command with a configuration and something on its standard input.
pub fn command(words: &[&str], config: &Path, input: &str) -> Output {
    let mut child = binary()
        .args(words)
        .arg("--config")
        .arg(config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The command may end without reading what it was given.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// An operator with a token.
pub struct Operator {
    pub api: Api,
}

impl Operator {
    pub fn new(address: SocketAddr, token: &str) -> Self {
        Self {
            api: Api::new(address, token),
        }
    }

    /// Goes on duty.
    pub async fn arrives(&self) {
        let answer = self
            .api
            .put("/api/v1/presence", json!({ "show": "available" }))
            .await;
        assert!((200..300).contains(&answer.status), "{answer:?}");
    }

    /// Everything on the list, page by page.
    pub async fn list(&self, query: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/api/v1/conversations?{query}{cursor}");
            let page = self.api.get(&path).await.expect(200);
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            match &page["next"] {
                Value::Null => return items,
                Value::String(next) => cursor = format!("&cursor={next}"),
                next => cursor = format!("&cursor={next}"),
            }
        }
    }

    /// The messages of a conversation, oldest first.
    pub async fn messages(&self, conversation: &Value) -> Vec<Value> {
        let path = format!("/api/v1/conversations/{conversation}");
        let thread = self.api.get(&path).await.expect(200);
        thread["messages"].as_array().unwrap().clone()
    }

    /// Sends a reply.
    pub async fn replies(&self, conversation: &Value, words: &str, key: &str) -> http::Answer {
        let path = format!("/api/v1/conversations/{conversation}/messages");
        self.api
            .post(&path, json!({ "body": words, "client_id": key }))
            .await
    }
}

/// Numbers that look random and are the same for the same seed (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }
}
