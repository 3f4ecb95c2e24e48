//! Real servers, each on loopback in a folder of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use callnumber::xmpp::{self, PatronStyle, Picture};
use tempfile::TempDir;
use tokio::time::timeout;

use super::PATIENCE;
use super::client::register;

pub(crate) const SECRET: &str = "a shared secret";

/// What clients show beside the queue; they only look at how it begins.
pub(crate) const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n a small building with many doors";

const LOWEST_PORT: u16 = 10_000;
const PORTS_OF_A_TEST: u32 = 16;

/// How often a server is started anew, with other ports, until that is an error.
const STARTS_MAX: usize = 3;

/// Who has an account, all with the password `pw`.
const ACCOUNTS: [&str; 4] = ["ana", "ben", "pat", "eve"];

/// A port for a server that listens a while later. It lies below those that the system hands out to
/// outgoing connections, of which the tests beside this one have many, and each test has its own few.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id().wrapping_mul(PORTS_OF_A_TEST);
    std::iter::repeat_with(|| first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)))
        .map(|wish| LOWEST_PORT + (wish % 20_000) as u16)
        .take(20_000)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("one of so many is free")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Make {
    Prosody,
    Ejabberd,
    /// One of the two nodes of a cluster, by the last octet of its address.
    Node(u8),
}

/// The one port that both nodes speak Erlang on, each at its own address: so no registry is needed.
fn between_nodes(port: u16, node: u8) -> Vec<String> {
    let words = format!(
        "-name ejabberd@127.0.0.{node} -setcookie of-the-test -start_epmd false \
         -erl_epmd_port {port} -kernel inet_dist_use_interface {{127,0,0,{node}}}"
    );
    words.split_whitespace().map(str::to_owned).collect()
}

/// A server of our own: accounts at `example.org`, the component `desk.example.org`.
pub(crate) struct Server {
    make: Make,
    child: Option<Child>,
    folder: TempDir,
    pub(crate) clients: u16,
    pub(crate) components: u16,
    /// Between the nodes of a cluster.
    nodes: u16,
    /// Where clients upload files (XEP-0363).
    files: u16,
}

impl Server {
    pub(crate) async fn prosody() -> Self {
        let mut server = Self::prepare(Make::Prosody);
        let accounts = server.folder.path().join("data/example%2eorg/accounts");
        std::fs::create_dir_all(&accounts).unwrap();
        // The benches have many more.
        let many: Vec<String> = (0..200).map(|n| format!("op{n}")).collect();
        for name in ACCOUNTS.into_iter().chain(many.iter().map(String::as_str)) {
            let account = "return { [\"password\"] = \"pw\" };\n";
            std::fs::write(accounts.join(format!("{name}.dat")), account).unwrap();
        }
        server.start().await;
        server
    }

    pub(crate) async fn ejabberd() -> Self {
        let mut server = Self::prepare(Make::Ejabberd);
        server.start().await;
        for name in ACCOUNTS {
            register(&server, name).await;
        }
        server
    }

    /// Two nodes of one cluster. The second joins the first, and then they are alike.
    pub(crate) async fn cluster() -> [Self; 2] {
        let mut first = Self::prepare(Make::Node(1));
        let mut second = Self::prepare(Make::Node(2));
        second.nodes = first.nodes;
        first.start().await;
        for name in ACCOUNTS {
            register(&first, name).await;
        }
        second.start().await;
        [first, second]
    }

    fn prepare(make: Make) -> Self {
        Self {
            make,
            child: None,
            clients: free_port(),
            components: free_port(),
            nodes: free_port(),
            files: free_port(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// The first start, which may choose ports anew.
    async fn start(&mut self) {
        for _ in 0..STARTS_MAX {
            if self.comes_up().await {
                return;
            }
            eprintln!("the server does not come up; its log:\n{}", self.log());
            self.kill();
            // Half a cluster is remembered there; Prosody's has the accounts.
            if self.make != Make::Prosody {
                let _ = std::fs::remove_dir_all(self.path().join("data"));
            }
            (self.clients, self.components) = (free_port(), free_port());
            self.files = free_port();
        }
        panic!("the server does not come up");
    }

    pub(crate) async fn run(&mut self) {
        let up = self.comes_up().await;
        assert!(up, "the server comes up again; its log:\n{}", self.log());
    }

    fn log(&self) -> String {
        let logs = ["log", "ejabberd.log", "output"].map(|name| self.path().join(name));
        let read = |log: &PathBuf| std::fs::read_to_string(log).ok();
        logs.iter().filter_map(read).collect()
    }

    fn write_config(&self) {
        let (name, config) = match self.make {
            Make::Prosody => ("prosody.cfg.lua", self.prosody_config()),
            Make::Ejabberd | Make::Node(_) => ("ejabberd.yml", self.ejabberd_config()),
        };
        std::fs::write(self.path().join(name), config).unwrap();
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn prosody_config(&self) -> String {
        format!(
            r#"
run_as_root = true
daemonize = false
pidfile = "{folder}/prosody.pid"
data_path = "{folder}/data"
log = {{ info = "{folder}/log" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {clients} }}
s2s_ports = {{ }}
http_ports = {{ {files} }}
http_interfaces = {{ "127.0.0.1" }}
https_ports = {{ }}
component_ports = {{ {components} }}
component_interfaces = {{ "127.0.0.1" }}
modules_enabled = {{ "roster"; "saslauth"; "disco"; "ping"; "carbons"; "blocklist" }}
modules_disabled = {{ "offline"; "s2s"; "tls" }}
authentication = "internal_plain"
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
VirtualHost "example.org"
Component "upload.example.org" "http_file_share"
  http_external_url = "http://127.0.0.1:{files}/"
  http_host = "127.0.0.1"
Component "desk.example.org"
  component_secret = "{SECRET}"
  component_conflict_resolve = "kick_old"
Component "south.example.org"
  component_secret = "{SECRET}"
  component_conflict_resolve = "kick_old"
"#,
            folder = self.path().display(),
            clients = self.clients,
            components = self.components,
            files = self.files,
        )
    }

    fn ejabberd_config(&self) -> String {
        format!(
            r#"
hosts: [example.org]
loglevel: warning
log_rotate_count: 0
auth_method: internal
auth_password_format: plain
registration_timeout: infinity
listen:
  - port: {clients}
    ip: "127.0.0.1"
    module: ejabberd_c2s
    starttls: false
  - port: {components}
    ip: "127.0.0.1"
    module: ejabberd_service
    access: all
    global_routes: false
    hosts:
      desk.example.org:
        password: "{SECRET}"
      south.example.org:
        password: "{SECRET}"
  - port: {files}
    ip: "127.0.0.1"
    module: ejabberd_http
    request_handlers:
      /upload: mod_http_upload
modules:
  mod_http_upload:
    access: all
    put_url: "http://127.0.0.1:{files}/upload"
    docroot: "{folder}/upload"
  mod_disco: {{}}
  mod_roster: {{}}
  mod_ping: {{}}
  mod_carboncopy: {{}}
  mod_register:
    ip_access: all
"#,
            clients = self.clients,
            components = self.components,
            files = self.files,
            folder = self.path().display(),
        )
    }

    /// Whether it listens before it ends, or before [`PATIENCE`] does.
    async fn comes_up(&mut self) -> bool {
        self.write_config();
        let folder = self.path().to_owned();
        let mut command = match self.make {
            Make::Prosody => {
                let mut command = Command::new("prosody");
                command
                    .arg("--config")
                    .arg(folder.join("prosody.cfg.lua"))
                    .arg("-F");
                command
            }
            // Its own control script insists on a system account and a node name.
            Make::Ejabberd | Make::Node(_) => {
                let mut command = Command::new("erl");
                if let Make::Node(node) = self.make {
                    command.args(between_nodes(self.nodes, node));
                }
                command
                    .arg("-noinput")
                    .args(["-mnesia", "dir"])
                    .arg(format!("\"{}/data\"", folder.display()))
                    .args(["-s", "ejabberd"])
                    .env("HOME", &folder)
                    .env("ERL_LIBS", erlang_libraries())
                    .env("ERL_CRASH_DUMP", folder.join("crash.dump"))
                    .env("EJABBERD_CONFIG_PATH", folder.join("ejabberd.yml"))
                    .env("EJABBERD_LOG_PATH", folder.join("ejabberd.log"));
                if self.make == Make::Node(2) {
                    // It starts anew by joining: only then its ports are there to stay.
                    let join = format!(
                        "ok = ejabberd_cluster:join('ejabberd@127.0.0.1'), \
                         ok = file:write_file(\"{}/joined\", <<>>)",
                        folder.display()
                    );
                    command.args(["-eval", &join]);
                }
                command
            }
        };
        let output = std::fs::File::create(folder.join("output")).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .expect("the server is installed: tests/run does it");
        let child = self.child.insert(child);
        let joined = folder.join("joined");
        let waits_to_join = self.make == Make::Node(2);
        let up = async {
            while child.try_wait().unwrap().is_none() {
                let ports = [self.clients, self.components];
                let listens = ports.map(|port| std::net::TcpStream::connect(("127.0.0.1", port)));
                let listens = listens.iter().all(Result::is_ok);
                if listens && (!waits_to_join || joined.exists()) {
                    return true;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            false
        };
        timeout(PATIENCE, up).await.unwrap_or(false)
    }

    /// SIGKILL: it has no time for anything.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// The configuration of a desk whose daemon is a process: its spool, and the link to here. Answers
    /// the file.
    pub(crate) fn configure(&self, folder: &Path) -> PathBuf {
        let (secret, spool) = (folder.join("secret"), folder.join("spool.db"));
        std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
        let config = folder.join("callnumber.toml");
        std::fs::write(
            &config,
            format!(
                "[web]\nlisten = \"127.0.0.1:{}\"\n[spool]\npath = {spool:?}\n[xmpp.component]\n\
                 domain = \"desk.example.org\"\nserver = \"127.0.0.1:{}\"\nsecret_file = {secret:?}\n",
                free_port(),
                self.components
            ),
        )
        .unwrap();
        config
    }

    /// Where it listens for components.
    pub(crate) fn place(&self) -> String {
        format!("127.0.0.1:{}", self.components)
    }

    pub(crate) fn settings(&self, secret: &str, domain: &str) -> xmpp::Settings {
        xmpp::Settings {
            domain: domain.into(),
            servers: vec![self.place()],
            secret: secret.into(),
            patrons: PatronStyle::Token,
            picture: Some(Picture::new(PICTURE).unwrap()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Where Debian keeps ejabberd, by architecture.
fn erlang_libraries() -> String {
    let folders = std::fs::read_dir("/usr/lib").expect("a Debian system has it");
    folders
        .filter_map(|folder| Some(folder.ok()?.path()))
        .find(|folder| {
            std::fs::read_dir(folder).is_ok_and(|mut entries| {
                entries.any(|entry| {
                    entry.is_ok_and(|entry| {
                        entry.file_name().to_string_lossy().starts_with("ejabberd-")
                    })
                })
            })
        })
        .expect("ejabberd is installed: tests/run does it")
        .display()
        .to_string()
}
