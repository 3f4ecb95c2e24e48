//! What stands in the way of a start: one sentence that says what to do, an exit status that is not
//! 0, and nothing damaged.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use callnumber::simulator::{Settings, SimulatedModem};

use crate::support::http::Api;
use crate::support::{Bench, binary, command};

/// What a refused start says: one sentence on standard error.
fn sentence(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "it started: {said}");
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| !line.contains(" INFO "))
        .collect();
    assert_eq!(lines.len(), 1, "one sentence: {said}");
    assert!(lines[0].starts_with("callnumber: "), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    lines[0].to_owned()
}

fn contains(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in: {said}");
    }
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

#[test]
fn a_bad_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("callnumber.toml");
    write(
        &config,
        "[library]\nname = \"Elm\"\n\n[web]\nlisten = \"here\"\n",
    );
    let said = sentence(&command(&["run"], &config, ""));
    contains(&said, &["callnumber.toml", "line 5", "listen"]);

    write(&config, "[spool]\nretentoin = \"30d\"\n");
    let said = sentence(&command(&["run"], &config, ""));
    contains(
        &said,
        &["line 2", "retentoin", "correct the key or remove it"],
    );

    let missing = folder.path().join("none.toml");
    let said = sentence(&command(&["run"], &missing, ""));
    contains(&said, &["none.toml", "check the path"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_held_by_another_program() {
    let bench = Bench::new(Settings::default()).await;
    let port = std::fs::File::open(bench.modem.port()).unwrap();
    port.lock().unwrap();
    let said = sentence(&bench.command(&["run"]));
    contains(&said, &["modem", "held by", "stop it"]);
    assert!(!bench.path().join("spool.db").exists(), "nothing was begun");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_port_in_use() {
    let bench = Bench::new(Settings::default()).await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let config = std::fs::read_to_string(bench.config()).unwrap();
    write(&bench.config(), &config.replace("127.0.0.1:0", &address));
    let said = sentence(&bench.command(&["run"]));
    contains(&said, &[&address, "in use", "listen", "[web]"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spool_from_a_newer_version() {
    let bench = Bench::new(Settings::default()).await;
    bench.add_operator("ana");
    let spool = bench.path().join("spool.db");
    let newer = rusqlite::Connection::open(&spool).unwrap();
    newer.pragma_update(None, "user_version", 999).unwrap();
    drop(newer);
    let before = std::fs::read(&spool).unwrap();

    let said = sentence(&bench.command(&["run"]));
    contains(&said, &["newer callnumber", "999", "install that version"]);
    let said = sentence(&bench.command(&["operator", "list"]));
    contains(&said, &["newer callnumber"]);
    assert_eq!(
        std::fs::read(&spool).unwrap(),
        before,
        "nothing was changed"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_no_spool() {
    let bench = Bench::new(Settings::default()).await;
    let spool = bench.path().join("spool.db");
    let text = "Dear diary, ".repeat(1000);
    write(&spool, &text);
    let said = sentence(&bench.command(&["run"]));
    contains(
        &said,
        &["spool.db", "not a callnumber spool", "another path"],
    );
    assert_eq!(std::fs::read_to_string(&spool).unwrap(), text);

    std::fs::remove_file(&spool).unwrap();
    let other = rusqlite::Connection::open(&spool).unwrap();
    other
        .execute_batch("CREATE TABLE diary (day TEXT)")
        .unwrap();
    drop(other);
    let said = sentence(&bench.command(&["run"]));
    contains(&said, &["not a callnumber spool"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_daemon_on_the_same_spool() {
    let mut bench = Bench::new(Settings::default()).await;
    bench.start();
    // Without a modem of its own, so that the spool is what it meets.
    let other = bench.path().join("other.toml");
    let spool = bench.path().join("spool.db");
    write(
        &other,
        &format!(
            "[[modem]]\nname = \"m\"\nport = \"/dev/null/none\"\n[web]\nlisten = \"127.0.0.1:0\"\n[spool]\npath = \"{}\"\n",
            spool.display()
        ),
    );
    let said = sentence(&command(&["run"], &other, ""));
    contains(&said, &["in use by another callnumber", "stop that one"]);
    assert!(bench.stop().success());
}

/// A disk of a few pages, in a mount namespace of its own.
#[test]
fn a_full_disk() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let config = folder.path().join("callnumber.toml");
    write(
        &config,
        &format!(
            "[[modem]]\nname = \"m\"\nport = \"/dev/null/none\"\n[web]\nlisten = \"127.0.0.1:0\"\n[spool]\npath = \"{}/spool.db\"\n",
            disk.display()
        ),
    );
    let script = "mount -t tmpfs -o size=32k tmpfs \"$1\" && exec \"$2\" run --config \"$3\"";
    let output = Command::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            script,
            "sh",
        ])
        .arg(&disk)
        .arg(binary().get_program())
        .arg(&config)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = sentence(&output);
    contains(&said, &["full", "free some space"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_modem_that_is_not_there_yet() {
    let mut bench = Bench::new(Settings::default()).await;
    bench.modem.unplug().await;
    bench.start();
    let status = bench.command(&["status", "--json"]);
    assert!(status.status.success());
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_ne!(status["lines"][0]["phase"]["phase"], "ready", "{status}");

    bench.modem.replug().await.unwrap();
    bench.modem.patron_texts("+15551230100", "hello").unwrap();
    // Taken in, and the patron is told that the library is closed.
    bench
        .modem
        .wait_until_sent(1, Duration::from_secs(60))
        .await
        .unwrap();
    assert!(bench.stop().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_work_while_the_daemon_runs_and_while_it_is_stopped() {
    let mut bench = Bench::new(Settings::default()).await;
    let said = |output: Output| {
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    for running in [false, true] {
        if running {
            bench.start();
        }
        let name = if running { "ben" } else { "ana" };
        said(bench.command(&["queue", "add", &format!("{name}-desk")]));
        said(command(
            &["operator", "add", name, "--queue", &format!("{name}-desk")],
            &bench.config(),
            "a long enough password\n",
        ));
        let token = said(bench.command(&["operator", "token", name]));
        assert_eq!(
            token.trim().len(),
            64,
            "a token and nothing else: {token:?}"
        );
        assert_eq!(token.lines().count(), 1);
        said(bench.command(&["operator", "set", name, "--role", "admin"]));
        said(bench.command(&[
            "gateway",
            "add",
            &format!("{name}-widget"),
            "--kind",
            "widget",
            "--queue",
            "desk",
        ]));
        said(bench.command(&[
            "gateway",
            "set",
            &format!("{name}-widget"),
            "--offline",
            "hold",
        ]));
        let operators = said(bench.command(&["operator", "list", "--json"]));
        let operators: serde_json::Value = serde_json::from_str(&operators).unwrap();
        let known = operators
            .as_array()
            .unwrap()
            .iter()
            .find(|operator| operator["name"] == name)
            .unwrap();
        assert_eq!(known["role"], "admin");
        assert_eq!(known["queues"], serde_json::json!([format!("{name}-desk")]));
        let gateways = said(bench.command(&["gateway", "list"]));
        assert!(
            gateways.contains(&format!("{name}-widget  widget")),
            "{gateways}"
        );

        let refused = bench.command(&["operator", "add", name, "--no-password"]);
        assert!(sentence(&refused).contains("operator set"), "{refused:?}");
        let refused = bench.command(&["queue", "remove", "desk2"]);
        assert!(sentence(&refused).contains("queue list"), "{refused:?}");
        said(bench.command(&["gateway", "remove", &format!("{name}-widget")]));
    }
    // The configured modem has a gateway of its name, and sends what a command asks for.
    said(bench.command(&["send", "+1 555 123 0100", "Your book is in."]));
    let sent = bench
        .modem
        .wait_until_sent(1, Duration::from_secs(60))
        .await
        .unwrap();
    assert_eq!(sent[0].to, "+15551230100");
    assert_eq!(sent[0].text, "Your book is in.");
    let status = said(bench.command(&["status"]));
    assert!(status.contains("line front-desk: ready"), "{status}");
    assert!(bench.stop().success());
    // Closed in order, the spool is one file that can be copied.
    let log = std::fs::metadata(bench.path().join("spool.db-wal"));
    assert_eq!(log.map_or(0, |log| log.len()), 0);
    assert_eq!(bench.command(&["status"]).status.code(), Some(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_operator_gets_a_link() {
    let modem = SimulatedModem::start(Settings::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("callnumber.toml");
    write(
        &config,
        &format!(
            "[[modem]]\nname = \"m\"\nport = \"{}\"\n[web]\nlisten = \"127.0.0.1:0\"\n[spool]\npath = \"{}/spool.db\"\n",
            modem.port().display(),
            folder.path().display()
        ),
    );
    let mut daemon = binary()
        .args(["run", "--config"])
        .arg(&config)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // It says where the link lies, and not the link.
    let mut said = std::io::BufReader::new(daemon.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("first-sign-in") {
        assert!(!line.contains("/enter/"), "the journal has it: {line}");
        line.clear();
        assert_ne!(
            std::io::BufRead::read_line(&mut said, &mut line).unwrap(),
            0
        );
    }
    let link = std::fs::read_to_string(folder.path().join("first-sign-in")).unwrap();
    let address = link
        .strip_prefix("http://")
        .and_then(|rest| rest.split('/').next())
        .unwrap()
        .parse()
        .unwrap();
    let path = &link.trim()[link.find("/enter/").unwrap()..];
    let page = Api::new(address, "none").get(path).await;
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    assert_eq!(page.status, 200, "{page:?}");
}

/// A desk without a power key still answers texts; a profile that does not exist is a mistake.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_profile_on_a_machine_without_a_header() {
    let mut bench = Bench::new(Settings::default()).await;
    let config = std::fs::read_to_string(bench.config()).unwrap();
    let with = |profile: &str| {
        config.replacen(
            "[[modem]]\n",
            &format!("[[modem]]\npower = {{ profile = \"{profile}\" }}\n"),
            1,
        )
    };
    write(&bench.config(), &with("waveshare"));
    let said = sentence(&bench.command(&["run"]));
    contains(&said, &["power", "waveshare-sim7600", "leave `power` out"]);

    write(&bench.config(), &with("waveshare-sim7600"));
    bench.start();
    let status = bench.command(&["status"]);
    assert!(status.status.success());
    contains(&String::from_utf8_lossy(&status.stdout), &["line "]);
}
